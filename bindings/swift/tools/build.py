"""Builds the library and its generator, generates the Swift sources, and finds the tools that checks need.

Nothing here is silent about what is missing: it ends with `Missing`, and a program turns that into exit code 3.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
SWIFT = HERE.parent
ROOT = SWIFT.parent.parent
OUT = ROOT / "target" / "swift"
MODULE = "BienbanFFI"
GENERATED = "BienbanGenerated"
LIBRARY = {"Darwin": "libbienban_bindings.dylib"}.get(platform.system(), "libbienban_bindings.so")

# What a program ends with.
PASSED, FAILED, MISSING = 0, 1, 3


class Missing(Exception):
    """A tool is not here; the text says which, and how to get it."""


class Broken(Exception):
    """A check failed; the text says what was found."""


def options(about: str) -> argparse.ArgumentParser:
    """Returns a parser with the options that every program here has."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument(
        "--library", type=pathlib.Path, default=os.environ.get("BIENBAN_LIBRARY"),
        help="the built library, not stripped (or BIENBAN_LIBRARY); without it cargo builds one",
    )
    parser.add_argument(
        "--generator", type=pathlib.Path, default=os.environ.get("BIENBAN_GENERATOR"),
        help="the built uniffi-bindgen (or BIENBAN_GENERATOR); without it cargo builds one",
    )
    return parser


def main(program) -> int:
    """Runs a program, and says how it ended."""
    try:
        program()
    except Missing as missing:
        print(f"MISSING: {missing}", file=sys.stderr)
        return MISSING
    except Broken as broken:
        print(f"FAILED: {broken}", file=sys.stderr)
        return FAILED
    return PASSED


def run(*words: object, **how) -> subprocess.CompletedProcess:
    """Runs a command and returns what it said, whatever its code."""
    words = [str(word) for word in words]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False, **how)
    except FileNotFoundError:
        raise Missing(f"{words[0]} is not installed") from None


def must(*words: object, **how) -> str:
    """Runs a command that has to succeed."""
    done = run(*words, **how)
    if done.returncode != 0:
        told = " ".join(str(word) for word in words)
        raise Broken(f"{told} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def cargo(*words: str) -> str:
    if shutil.which("cargo") is None:
        raise Missing("cargo is not installed; or give --library and --generator")
    return must("cargo", *words, cwd=ROOT)


def target() -> pathlib.Path:
    told = cargo("metadata", "--format-version=1", "--no-deps")
    return pathlib.Path(json.loads(told)["target_directory"])


def built(given: argparse.Namespace) -> tuple[pathlib.Path, pathlib.Path]:
    """Returns library and generator. By two commands: in one, the library would carry the generator."""
    library, generator = given.library, given.generator
    if library is None:
        cargo("build", "--locked", "-p", "bienban-bindings")
        library = target() / "debug" / LIBRARY
    if generator is None:
        cargo("build", "--locked", "-p", "bienban-bindgen", "--features", "cli", "--bin", "uniffi-bindgen")
        generator = target() / "debug" / "uniffi-bindgen"
    for path in (library, generator):
        if not pathlib.Path(path).exists():
            raise Broken(f"{path} does not exist")
    return pathlib.Path(library).resolve(), pathlib.Path(generator).resolve()


def generate(library: pathlib.Path, generator: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Generates the sources, laid out as a package and an XCFramework need them:

        BienbanGenerated/BienbanGenerated.swift
        BienbanFFI/BienbanFFI.h, BienbanFFI/module.modulemap

    The map lies in a folder named after its module: two libraries of one app would otherwise both bring a
    `module.modulemap` to the same place.
    """
    for name in (GENERATED, MODULE, "raw"):
        shutil.rmtree(out / name, ignore_errors=True)
    raw = out / "raw"
    raw.mkdir(parents=True)
    must(
        generator, "generate", library, "--config", ROOT / "bindings" / "uniffi.toml",
        "--language", "swift", "--out-dir", raw, "--no-format",
        # It reads a Cargo.toml above the folder that it works in.
        cwd=ROOT,
    )
    (out / GENERATED).mkdir()
    (out / MODULE).mkdir()
    shutil.move(raw / f"{GENERATED}.swift", out / GENERATED / f"{GENERATED}.swift")
    shutil.move(raw / f"{MODULE}.h", out / MODULE / f"{MODULE}.h")
    shutil.move(raw / f"{MODULE}.modulemap", out / MODULE / "module.modulemap")
    rest = [file.name for file in raw.iterdir()]
    if rest:
        raise Broken(f"the generator makes more than is laid out here: {rest}")
    raw.rmdir()
    return out


def tool(lock: str) -> pathlib.Path:
    """Returns the Python of a folder with the packages of a lock file, installed once for each state of it."""
    pinned = HERE / f"{lock}.lock"
    folder = OUT / "tools" / lock
    python, note = folder / "bin" / "python", folder / "installed"
    if note.exists() and note.read_bytes() == pinned.read_bytes():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.create(folder, with_pip=True)
    except (subprocess.CalledProcessError, OSError) as error:
        raise Missing(f"Python's venv with pip ({error}); on Debian: apt-get install python3-venv") from error
    done = run(
        python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
        "--require-hashes", "-r", pinned,
    )
    if done.returncode != 0:
        raise Missing(f"the packages of {pinned.relative_to(ROOT)} from PyPI:\n{done.stderr[-2000:]}")
    note.write_bytes(pinned.read_bytes())
    return python


def clang() -> list[str]:
    """Returns the command of a clang: the installed one, or the one that the package ziglang carries."""
    if shutil.which("clang"):
        return ["clang"]
    return [str(tool("clang")), "-m", "ziglang", "cc"]
