"""What the scripts of this folder share: library, generator, compiler, and how Kotlin is compiled and run.

Each piece is built by cargo or fetched, unless the environment names one that is there:

    BIENBAN_LIBRARY    libbienban_bindings.so, not stripped
    BIENBAN_GENERATOR  the generator, uniffi-bindgen
    BIENBAN_DAY        bindings-day: the day's runner, the hub and the client
    BIENBAN_JNA        jna.jar
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import zipfile

sys.dont_write_bytecode = True

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "target" / "kotlin"
CONFIG = ROOT / "bindings" / "uniffi.toml"
LIBRARY = {"Darwin": "libbienban_bindings.dylib", "Windows": "bienban_bindings.dll"}.get(
    platform.system(), "libbienban_bindings.so"
)
DEBIAN_JNA = pathlib.Path("/usr/share/java/jna.jar")
JAVA_MIN = 17
# Something is not on this machine; the tests have not failed.
MISSING = 3


def missing(what: str, how: str) -> None:
    """Ends with a code of its own: nothing was tested."""
    print(f"MISSING: {what}\n  {how}", file=sys.stderr)
    sys.exit(MISSING)


def run(*words: object, **more: object) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in words], check=True, **more)


def target() -> pathlib.Path:
    told = run("cargo", "metadata", "--format-version=1", "--no-deps", cwd=ROOT, capture_output=True, text=True)
    return pathlib.Path(json.loads(told.stdout)["target_directory"])


def built(variable: str, name: str, *words: str) -> pathlib.Path:
    """A file that the environment names, or that cargo makes."""
    if named := os.environ.get(variable):
        if not pathlib.Path(named).is_file():
            sys.exit(f"FAILED: {named}, which {variable} names, is not there; unset {variable}, and cargo builds it")
        return pathlib.Path(named).resolve()
    if not shutil.which("cargo"):
        missing("cargo", f"install Rust with rustup, or name a file by {variable}")
    run("cargo", "build", "--locked", *words, cwd=ROOT)
    return target() / "debug" / name


# Library and generator come by two commands: built by one, the library carries the generator.
@functools.lru_cache(None)
def library() -> pathlib.Path:
    return built("BIENBAN_LIBRARY", LIBRARY, "-p", "bienban-bindings")


@functools.lru_cache(None)
def generator() -> pathlib.Path:
    return built(
        "BIENBAN_GENERATOR", "uniffi-bindgen",
        "-p", "bienban-bindgen", "--features", "cli", "--bin", "uniffi-bindgen",
    )  # fmt: skip


@functools.lru_cache(None)
def day_runner() -> pathlib.Path:
    return built("BIENBAN_DAY", "bindings-day", "-p", "bienban-tests", "--bin", "bindings-day")


def generated(android: bool) -> pathlib.Path:
    """Makes the package `vn.bienban.generated` and returns its file; with `android` exactly what goes into an AAR."""
    folder = OUT / ("generated-android" if android else "generated")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = CONFIG
    if android:
        # The one line more that build.gradle.kts has too.
        config = folder / "uniffi.toml"
        section = "[crates.bienban_bindings.bindings.kotlin]\n"
        text = CONFIG.read_text(encoding="utf-8")
        assert section in text, "bindings/uniffi.toml has no section for Kotlin"
        config.write_text(text.replace(section, section + "android = true\n"), encoding="utf-8")
    run(
        generator(), "generate", library(), "--config", config, "--language", "kotlin",
        "--out-dir", folder, "--no-format",
    )  # fmt: skip
    return next(folder.rglob("*.kt"))


@functools.lru_cache(None)
def java() -> str:
    found = shutil.which("java")
    if not found or not shutil.which("javac"):
        missing(f"a JDK, {JAVA_MIN} or newer", "Debian: apt-get install openjdk-17-jdk-headless")
    told = run(found, "-version", capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', told)
    if not version or int(version.group(1)) < JAVA_MIN:
        missing(f"a JDK, {JAVA_MIN} or newer; this is {told.splitlines()[0]}", "apt-get install openjdk-17-jdk-headless")
    return found


def compiler() -> pathlib.Path:
    """The Kotlin compiler from npm, as the committed lock file pins it, in the target folder."""
    java()
    if not shutil.which("npm"):
        missing("npm, which fetches the Kotlin compiler", "Debian: apt-get install npm")
    folder = OUT / "tools"
    folder.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "tools" / "package-lock.json").read_bytes()
    home = folder / "node_modules" / "kotlin-compiler"
    there = folder / "package-lock.json"
    if not (home.is_dir() and there.is_file() and there.read_bytes() == lock):
        shutil.rmtree(folder / "node_modules", ignore_errors=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "tools" / name, folder / name)
        try:
            run("npm", "ci", "--no-audit", "--no-fund", "--silent", cwd=folder)
        except subprocess.CalledProcessError:
            missing("the Kotlin compiler, which npm could not fetch", "see what npm says above")
    return home


@functools.lru_cache(None)
def jna() -> pathlib.Path:
    """JNA: on Debian the package libjna-java, which has its native part beside it."""
    if named := os.environ.get("BIENBAN_JNA"):
        if not pathlib.Path(named).is_file():
            missing(f"{named}, which BIENBAN_JNA names", "any jna.jar of version 5.13 or newer does")
        return pathlib.Path(named)
    if not DEBIAN_JNA.is_file() and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "libjna-java"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    if not DEBIAN_JNA.is_file():
        missing(
            "JNA, which the generated code calls the library with",
            "Debian: apt-get install libjna-java; elsewhere fetch net.java.dev.jna:jna from Maven Central"
            " and name the file by BIENBAN_JNA",
        )
    return DEBIAN_JNA


class Kotlin:
    """The compiler, and jars in target/kotlin; what did not change is not compiled again."""

    def __init__(self) -> None:
        self.home = compiler()
        self.coroutines = self.home / "lib" / "kotlinx-coroutines-core-jvm.jar"
        self.stdlib = self.home / "lib" / "kotlin-stdlib.jar"
        self.jna = jna()

    def compile(
        self, name: str, sources: list[pathlib.Path], needs: list[pathlib.Path] = (), words: list[str] = (),
    ) -> pathlib.Path:  # fmt: skip
        files = sorted(
            file for one in sources for file in ([one] if one.is_file() else [*one.rglob("*.kt"), *one.rglob("*.java")])
        )
        assert files, f"nothing to compile for {name}"
        jar, stamp = OUT / "jars" / f"{name}.jar", OUT / "jars" / f"{name}.stamp"
        jar.parent.mkdir(parents=True, exist_ok=True)
        sum_ = hashlib.sha256(repr(words).encode())
        for file in [*files, *needs]:
            sum_.update(str(file).encode() + file.read_bytes())
        if jar.is_file() and stamp.is_file() and stamp.read_text() == sum_.hexdigest():
            return jar
        stamp.unlink(missing_ok=True)
        path = os.pathsep.join(map(str, [self.coroutines, self.jna, *needs]))
        kotlinc = self.home / "bin" / ("kotlinc.bat" if os.name == "nt" else "kotlinc")
        # npm unpacks it without the bit that makes it run.
        kotlinc.chmod(0o755)
        run(kotlinc, "-no-reflect", "-jvm-target", "17", "-cp", path, *words, "-d", jar, *files)
        stamp.write_text(sum_.hexdigest())
        return jar

    def stubs(self, name: str = "stubs", more: dict[str, str] = {}, needs: list[pathlib.Path] = ()) -> pathlib.Path:
        """The few classes of Android that sources for it name, compiled; `more` are sources by path."""
        folder = OUT / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path, text in more.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        sources = [*sorted((HERE / "tools" / name).rglob("*.java")), *sorted(folder.rglob("*.java"))]
        run("javac", "-nowarn", "-cp", os.pathsep.join(map(str, needs)) or ".", "-d", folder, *sources)
        jar = OUT / "jars" / f"{name}.jar"
        jar.parent.mkdir(parents=True, exist_ok=True)
        # Not `jar`: its files carry times, and what needs this one would be compiled anew each time.
        with zipfile.ZipFile(jar, "w") as archive:
            for file in sorted(folder.rglob("*.class")):
                archive.writestr(zipfile.ZipInfo(str(file.relative_to(folder))), file.read_bytes())
        return jar

    def facade(self, android: bool = False) -> list[pathlib.Path]:
        """Compiles the generated package and the facade over it, and returns their jars."""
        name = "-android" if android else ""
        needs = [self.stubs()] if android else []
        below = self.compile(f"generated{name}", [generated(android)], needs, ["-nowarn"])
        sources = [HERE / "src" / "main" / "kotlin", HERE / "src" / "records" / "kotlin"]
        if android:
            sources.append(HERE / "src" / "android" / "kotlin")
        strict = ["-Xexplicit-api=strict", "-Werror"]
        return [self.compile(f"facade{name}", sources, [below, *needs], strict), below, *needs]

    def command(self, main: str, jars: list[pathlib.Path], words: list[str] = ()) -> list[str]:
        """How a program is started on the JVM."""
        path = os.pathsep.join(map(str, [self.stdlib, self.coroutines, self.jna, *jars]))
        return [
            java(), f"-Djna.library.path={library().parent}", "-Dfile.encoding=UTF-8", *words, "-cp", path, main,
        ]  # fmt: skip
