"""Plays the shared day with three Python phones: builds the package if it is missing or old, then runs it.

    python3 bindings/python/day.py [--release]
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

import build

HERE = pathlib.Path(__file__).resolve().parent


def main() -> int:
    build.package(release="--release" in sys.argv[1:])
    program = f"{sys.executable} {HERE / 'scenario.py'}"
    phones = [word for who in "ABC" for word in ("--phone", f"{who}={program}")]
    command = ["cargo", "run", "--locked", "--quiet", "-p", "bienban-tests", "--bin", "bindings-day", "--"]
    return subprocess.run([*command, *phones], cwd=build.ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
