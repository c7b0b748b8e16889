"""Plays the shared day with three Python phones: builds the package, then runs it with the runner in Rust.

    python3 bindings/python/day.py [--release] [--keep DIR] [--library FILE] [--generator PROGRAM] [--runner PROGRAM]

The runner is `bindings-day` of the package bienban-tests (BIENBAN_DAY); without one cargo builds it.
Ends as the runner does: with 0 only if every phone's digest is that of the Rust client.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import typing

import build

# From the root of the repository, where the runner starts its phones: words of a program are apart by spaces, and
# the folder above may have some.
PROGRAM = "bindings/python/scenario.py"

# What the runner started ends with it within this time, in seconds, or is killed.
PATIENCE = 10


def runner(given: build.Given) -> pathlib.Path:
    """Returns the runner, built now or before."""
    name, suffix = "bindings-day", ".exe" if os.name == "nt" else "bindings-day"
    words = ["-p", "bienban-tests", "--bin", name]
    return given.prebuilt("runner") or build.cargo(name, suffix, *words)


def end(running: subprocess.Popen[bytes]) -> None:
    """Ends the runner with the hub and the phones that it started."""
    if not hasattr(os, "killpg"):
        running.kill()
        return
    for word in (signal.SIGTERM, signal.SIGKILL):
        try:
            # A group of its own, that outlives the runner where something of it does.
            os.killpg(running.pid, word)
        except ProcessLookupError:
            return
        try:
            running.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            continue


def play(command: typing.Sequence[str]) -> int:
    """Runs the runner, and leaves no process of it behind, however this ends."""

    def stop(number: int, _frame: object) -> typing.NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    running = subprocess.Popen(command, cwd=build.ROOT, start_new_session=True)
    try:
        return running.wait()
    finally:
        end(running)


def main() -> int:
    """Builds and plays as the command line says."""
    parser = build.options(__doc__.splitlines()[0])
    parser.add_argument("--runner", metavar="PROGRAM", help="bindings-day, built before")
    parser.add_argument("--keep", metavar="DIR", help="a new folder to work in, that stays")
    words = parser.parse_args()
    given = build.Given.of_words(words)
    if len(sys.executable.split()) != 1:
        raise build.Trouble(f"the runner starts no program with a space in its path: {sys.executable}")
    plays = runner(given)
    build.package(given)
    phones = [word for who in "ABC" for word in ("--phone", f"{who}={sys.executable} {PROGRAM}")]
    if words.keep:
        return play([str(plays), *phones, "--keep", os.path.abspath(words.keep)])
    # A runner that is killed removes nothing.
    folder = tempfile.mkdtemp(prefix="bienban-day-")
    try:
        return play([str(plays), *phones, "--keep", folder])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(build.told(main))
