"""Bienban for scripts and tests: the exported facade, and what Python adds to it.

    import asyncio, bienban

    async def main():
        async with bienban.opened("data", bienban.FileKeyStore("data.key")) as app:
            page = await app.inspections(bienban.ListQuery(), bienban.InspectionFilter())
            for row in page.rows:
                print(row.facility.title, row.state.label.vi)

    asyncio.run(main())

Every call that touches the disk or the network is a coroutine; it runs on threads of the library and never
holds the event loop. Every call raises :class:`BienbanError`; :func:`report` tells what to show of it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import os
import pathlib
import re
import sys
import tempfile
import time
import typing
import weakref

from . import bienban_bindings as _generated
from .bienban_bindings import *  # noqa: F401,F403  the generated facade
from .bienban_bindings import Bienban, BienbanError, KeyStore, KeyStoreError, OpenOptions, Report

__all__ = ["FileKeyStore", "kind", "opened", "report"]
__all__ += _generated.__all__


def _failed(error: OSError) -> KeyStoreError:
    # The generated module hangs the variants of an error on its class where no type checker looks.
    return KeyStoreError.Failed(reason=str(error))  # type: ignore[attr-defined]


class FileKeyStore(KeyStore):
    """A key in a file that only its owner may read: for scripts and tests, not for phones.

    One file is one key, whatever its name: each folder takes a file of its own.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = pathlib.Path(path)

    def load_key(self, name: str) -> typing.Optional[bytes]:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed(error) from error

    def save_key(self, name: str, key: bytes) -> None:
        try:
            self._write(key)
        except OSError as error:
            raise _failed(error) from error

    def delete_key(self, name: str) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _failed(error) from error

    def _write(self, key: bytes) -> None:
        # A new file: one that lies there may be open to others. mkstemp makes it for its owner alone.
        folder = self._path.parent
        number, beside = tempfile.mkstemp(prefix=self._path.name + ".", dir=folder)
        try:
            with open(number, "wb") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise
        # Data is sealed under the key next, so its name must be durable too. Windows opens no folders.
        if os.name == "posix":
            opened_folder = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(opened_folder)
            finally:
                os.close(opened_folder)


# What was opened and is not collected, and the process that did.
_open: weakref.WeakSet[Bienban] = weakref.WeakSet()
_process = os.getpid()

# Observers that the library holds: while there are any, a thread of it may call one.
_observers = _generated._UniffiFfiConverterTypeObserver._handle_map

# Key stores likewise: a thread of the library lets go of one when a folder is closed or could not be opened.
_key_stores = _generated._UniffiFfiConverterTypeKeyStore._handle_map

# Closing records what was begun, and waits for no network: longer than it takes, short of a program that hangs.
_CLOSING_SECONDS = 20.0

# An observer or a key store that works this long when a program ends is cut off.
_OBSERVERS_SECONDS = 5.0

# Between two looks whether observers are let go of, and for a thread on its way out of the last one.
_LOOK_SECONDS = 0.01


def _remembered(opening: typing.Any) -> typing.Any:
    """Notes what is opened, so that it is closed when the program ends."""

    @functools.wraps(opening)
    async def open(
        cls: type[Bienban], dir: str, key_store: KeyStore, options: OpenOptions
    ) -> Bienban:
        app = await opening(cls, dir, key_store, options)
        _open.add(app)
        return app

    return classmethod(open)


setattr(Bienban, "open", _remembered(vars(Bienban)["open"].__func__))


def _told(self: BienbanError) -> str:
    """What a traceback shows: records print none of their fields."""
    return f"{self.report.message_en} [{self.report.report_id}]"  # type: ignore[attr-defined]


setattr(BienbanError, "__str__", _told)


def _called_back() -> bool:
    """Whether a thread of the library is in Python at this moment: what it entered first is of the generated module."""
    for frame in sys._current_frames().values():
        while frame.f_back:
            frame = frame.f_back
        if frame.f_globals is vars(_generated):
            return True
    return False


@atexit.register
def _close_all() -> None:
    """Closes what a program left open: a thread that calls back into an interpreter that ends would take the whole
    process down."""
    # A child that was forked has the objects and not their threads.
    if os.getpid() != _process:
        return

    async def closing() -> None:
        closed = asyncio.gather(*(app.shutdown() for app in list(_open)), return_exceptions=True)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(closed, _CLOSING_SECONDS)

    if _open:
        asyncio.run(closing())
    # Closing waits for no observer, and what was let go of before closes by itself. An object that still lives keeps
    # its key store; the thread that told the last call's end may not be out of Python yet.
    for _ in range(round(_OBSERVERS_SECONDS / _LOOK_SECONDS)):
        if not len(_observers) and len(_key_stores) <= len(_open) and not _called_back():
            break
        time.sleep(_LOOK_SECONDS)
    time.sleep(_LOOK_SECONDS)


@contextlib.asynccontextmanager
async def opened(
    dir: str | os.PathLike[str],
    key_store: KeyStore,
    options: OpenOptions | None = None,
) -> typing.AsyncIterator[Bienban]:
    """Opens a folder, or makes a device in it, and closes it at the end of the block."""
    app = await Bienban.open(os.fspath(dir), key_store, options or OpenOptions())
    try:
        yield app
    finally:
        await app.shutdown()


def report(error: BienbanError) -> Report:
    """Returns what to tell a person of an error: its messages, what to do next, its code."""
    told: Report = getattr(error, "report")
    return told


def kind(error: BienbanError) -> str:
    """Returns which error it is, for instance ``not_found``."""
    name = type(error).__name__
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
