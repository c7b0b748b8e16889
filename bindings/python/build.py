"""Builds the Python package: the library, the generated module, and a wheel. Needs Rust and Python alone.

    python3 bindings/python/build.py [--release] [--no-wheel] [--library FILE] [--generator PROGRAM]

Leaves the package in target/python/bienban, so that PYTHONPATH=target/python imports it, and the wheel in
target/python/dist. It is the build backend of pyproject.toml too: `pip wheel bindings/python` calls it.

A library or a generator that was built before is named by an option or by BIENBAN_LIBRARY and BIENBAN_GENERATOR; what
is not named is built by cargo. Ends with 3 where a tool is missing, and with 1 where building fails.
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import typing
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "target" / "python"
LIBRARY = {"Darwin": "libbienban_bindings.dylib", "Windows": "bienban_bindings.dll"}.get(
    platform.system(), "libbienban_bindings.so"
)

# How a script of the bindings ends where it could not do its work for want of a tool: neither well nor badly.
MISSING = 3


class Trouble(Exception):
    """Why something was not built, for a person; `code` is what the program ends with."""

    def __init__(self, why: str, code: int = 1) -> None:
        super().__init__(why)
        self.code = code


@dataclasses.dataclass
class Given:
    """What was built before, and how the rest is to be."""

    release: bool = False
    library: str | None = None
    generator: str | None = None
    runner: str | None = None

    @classmethod
    def of_environment(cls, release: bool = False) -> Given:
        """Returns what the environment names."""
        named = {name: os.environ.get(variable) for name, variable in PREBUILT.items()}
        return cls(release=release, **named)

    @classmethod
    def of_words(cls, words: argparse.Namespace) -> Given:
        """Returns what the command line names, and for the rest what the environment does."""
        given = cls.of_environment(release=words.release)
        for name in PREBUILT:
            setattr(given, name, getattr(words, name, None) or getattr(given, name))
        return given

    def prebuilt(self, name: str) -> pathlib.Path | None:
        """Returns the path of something that was built before; none where it is to be built."""
        path = getattr(self, name)
        if not path:
            return None
        # Relative to where the command was typed, as a shell completes it.
        found = pathlib.Path(path).resolve()
        if not found.is_file():
            raise Trouble(f"the {name} {path} is not there")
        return found


# What may have been built before, and the variable that names it.
PREBUILT = {"library": "BIENBAN_LIBRARY", "generator": "BIENBAN_GENERATOR", "runner": "BIENBAN_DAY"}


def options(what: str) -> argparse.ArgumentParser:
    """Returns a parser with the words that all scripts of this folder know."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--release", action="store_true", help="an optimised library")
    parser.add_argument("--library", metavar="FILE", help="a library that was built before")
    parser.add_argument("--generator", metavar="PROGRAM", help="uniffi-bindgen, built before")
    return parser


def run(command: typing.Sequence[str | os.PathLike[str]], **how: typing.Any) -> str:
    """Runs a program to its end and returns what it printed where that is asked for."""
    try:
        ended = subprocess.run(command, cwd=ROOT, check=False, encoding="utf-8", **how)
    except FileNotFoundError as error:
        raise Trouble(f"{command[0]} is missing: {error.strerror}", MISSING) from error
    except OSError as error:
        raise Trouble(f"{command[0]}: {error.strerror}") from error
    if ended.returncode != 0:
        words = " ".join(str(word) for word in command[:4])
        raise Trouble(f"`{words} …` failed ({ended.returncode})")
    return ended.stdout


def cargo(name: str, ending: str, *words: str) -> pathlib.Path:
    """Builds a target with cargo, and returns that of its files whose name ends so."""
    if not (ROOT / "Cargo.toml").is_file():
        raise Trouble(f"{ROOT} holds no sources of Rust: build in a clone of the repository")
    if shutil.which("cargo") is None:
        raise Trouble("cargo is missing: install Rust, or name what was built before", MISSING)
    # Cargo says itself where it puts things: settings of a user may move them.
    told = run(
        ["cargo", "build", "--locked", "--message-format=json-render-diagnostics", *words],
        stdout=subprocess.PIPE,
    )
    for line in reversed(told.splitlines()):
        if not line.startswith("{"):
            continue
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == name:
            for file in message["filenames"]:
                if file.endswith(ending):
                    return pathlib.Path(file)
    raise Trouble(f"cargo built {name}, and says of no file that ends with {ending or name}")


def library(given: Given) -> pathlib.Path:
    """Returns the library, built now or before."""
    words = ["-p", "bienban-bindings", *(["--release"] if given.release else [])]
    return given.prebuilt("library") or cargo("bienban_bindings", LIBRARY, *words)


def generator(given: Given) -> pathlib.Path:
    """Returns the generator. Built by a command of its own: with the library's, the library would carry it."""
    name, suffix = "uniffi-bindgen", ".exe" if os.name == "nt" else "uniffi-bindgen"
    words = ["-p", "bienban-bindgen", "--features", "cli", "--bin", name]
    return given.prebuilt("generator") or cargo(name, suffix, *words)


def version() -> str:
    """Returns the version of the workspace."""
    lines = (ROOT / "Cargo.toml").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("version = ")).split('"')[1]


def package(given: Given) -> pathlib.Path:
    """Builds library and module, and returns the folder of the package."""
    built, generates = library(given), generator(given)
    folder = OUT / "bienban"
    OUT.mkdir(parents=True, exist_ok=True)
    # Made beside and moved as a whole: what fails midway leaves the package as it was, and never half of one.
    beside = pathlib.Path(tempfile.mkdtemp(prefix=".bienban-", dir=OUT))
    try:
        made = beside / "bienban"
        shutil.copytree(HERE / "src" / "bienban", made, ignore=shutil.ignore_patterns("__pycache__"))
        # The generator reads what the library says of itself, so it comes before anything is stripped.
        config = HERE.parent / "uniffi.toml"
        words: list[str | os.PathLike[str]] = ["generate", built, "--config", config, "--language", "python"]
        # It says where it writes, which is not where the files stay.
        run([generates, *words, "--out-dir", made, "--no-format"], stdout=subprocess.DEVNULL)
        if not (made / "bienban_bindings.py").is_file():
            raise Trouble(f"{generates} wrote no module for {built}: was the library stripped?")
        shutil.copy(built, made / LIBRARY)
        if folder.exists():
            os.rename(folder, beside / "before")
        os.rename(made, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def tag() -> str:
    """The library is native and takes any Python 3 through ctypes."""
    return "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")


def record_line(name: str, content: bytes) -> str:
    """Returns a file's line in the wheel's own list."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def wheel(folder: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Packs the package into a wheel and returns its path."""
    out.mkdir(parents=True, exist_ok=True)
    info = f"bienban-{version()}.dist-info"
    path = out / f"bienban-{version()}-{tag()}.whl"
    files = {
        f"bienban/{file.name}": file.read_bytes()
        for file in sorted(folder.iterdir())
        if file.is_file()
    }
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: bienban\nVersion: {version()}\n"
        "Summary: Offline inspection records, for scripts and tests\n"
        "License: MIT OR Apache-2.0\nRequires-Python: >=3.9\n"
    ).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: bienban\nRoot-Is-Purelib: false\nTag: {tag()}\n"
    ).encode()
    record = "".join(record_line(name, content) for name, content in files.items())
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    beside = path.with_name(path.name + ".new")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path


def build_wheel(wheel_directory: str, config_settings=None, metadata_directory=None) -> str:
    """What pip calls."""
    given = Given.of_environment(release=True)
    return wheel(package(given), pathlib.Path(wheel_directory)).name


def told(work: typing.Callable[[], int | None]) -> int:
    """Does the work of a program, and tells trouble in one line instead of a trace."""
    os.environ.setdefault("CARGO_TERM_COLOR", "never")
    try:
        if sys.version_info < (3, 9):
            raise Trouble(f"Python 3.9 or newer; this is {platform.python_version()}", MISSING)
        return work() or 0
    except Trouble as trouble:
        print(f"{'MISSING' if trouble.code == MISSING else 'FAILED'}: {trouble}", file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        return 130


def main() -> None:
    """Builds as the command line says."""
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--no-wheel", action="store_true", help="the package alone")
    words = parser.parse_args()
    folder = package(Given.of_words(words))
    print(folder)
    if not words.no_wheel:
        print(wheel(folder, OUT / "dist"))


if __name__ == "__main__":
    sys.exit(told(main))
