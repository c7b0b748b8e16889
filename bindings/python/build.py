"""Builds the Python package: the library, the generated module, and a wheel. Needs Rust and Python alone.

    python3 bindings/python/build.py [--release] [--no-wheel]

Leaves the package in target/python/bienban, so that PYTHONPATH=target/python imports it, and the wheel in
target/python/dist. It is the build backend of pyproject.toml too: `pip wheel bindings/python` calls it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import sysconfig
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUT = ROOT / "target" / "python"
LIBRARY = {"Darwin": "libbienban_bindings.dylib", "Windows": "bienban_bindings.dll"}.get(
    platform.system(), "libbienban_bindings.so"
)


def cargo(*words: str) -> None:
    subprocess.run(["cargo", *words], cwd=ROOT, check=True)


def target() -> pathlib.Path:
    told = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )
    return pathlib.Path(json.loads(told.stdout)["target_directory"])


def version() -> str:
    lines = (ROOT / "Cargo.toml").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("version = ")).split('"')[1]


def package(release: bool) -> pathlib.Path:
    """Builds library and module, and returns the folder of the package."""
    cargo("build", "--locked", "-p", "bienban-bindings", *(["--release"] if release else []))
    library = target() / ("release" if release else "debug") / LIBRARY
    folder = OUT / "bienban"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "src" / "bienban", folder, ignore=shutil.ignore_patterns("__pycache__"))
    # The generator reads what the library says of itself, so it comes before anything is stripped.
    cargo(
        "run", "--locked", "--quiet", "-p", "bienban-bindgen", "--features", "cli",
        "--bin", "uniffi-bindgen", "--", "generate", str(library), "--language", "python",
        "--out-dir", str(folder), "--no-format",
    )
    shutil.copy(library, folder / LIBRARY)
    return folder


def tag() -> str:
    """The library is native and takes any Python 3 through ctypes."""
    return "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")


def record_line(name: str, content: bytes) -> str:
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
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def build_wheel(wheel_directory: str, config_settings=None, metadata_directory=None) -> str:
    """What pip calls."""
    return wheel(package(release=True), pathlib.Path(wheel_directory)).name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", action="store_true", help="an optimised library")
    parser.add_argument("--no-wheel", action="store_true", help="the package alone")
    given = parser.parse_args()
    folder = package(given.release)
    print(folder)
    if not given.no_wheel:
        print(wheel(folder, OUT / "dist"))


if __name__ == "__main__":
    os.environ.setdefault("CARGO_TERM_COLOR", "never")
    sys.exit(main())
