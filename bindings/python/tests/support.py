"""What the tests share: key stores of their own making, a folder for each test, an invitation to nobody."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import re
import shutil
import socket
import tempfile
import typing
import unittest

import bienban

# Longer than anything here takes on a machine that does other things too.
PATIENCE = 60.0

MESSAGES = pathlib.Path(__file__).resolve().parents[2] / "messages"


class MemoryKeys(bienban.KeyStore):
    """A key store of one key, in memory."""

    def __init__(self) -> None:
        self.key: bytes | None = None
        self.names: list[str] = []

    def load_key(self, name: str) -> typing.Optional[bytes]:
        self.names.append(name)
        return self.key

    def save_key(self, name: str, key: bytes) -> None:
        self.names.append(name)
        self.key = key

    def delete_key(self, name: str) -> None:
        self.key = None


class Case(unittest.IsolatedAsyncioTestCase):
    """A test with a folder, which is gone after it."""

    def setUp(self) -> None:
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="bienban-test-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.folder = self.root / "store"
        self.keys = MemoryKeys()

    async def asyncSetUp(self) -> None:
        # Its reports of slow steps tell of the machine, not of the package.
        asyncio.get_running_loop().set_debug(False)

    async def opened(self, keys: bienban.KeyStore | None = None, **how: typing.Any) -> bienban.Bienban:
        """Opens the folder; it is closed after the test."""
        options = bienban.OpenOptions(**how)
        app = await bienban.Bienban.open(str(self.folder), keys or self.keys, options)
        self.addAsyncCleanup(app.shutdown)
        return app

    @contextlib.contextmanager
    def fails(self, kind: str) -> typing.Iterator[list[bienban.BienbanError]]:
        """Expects an error of a kind, and hands it over in a list."""
        caught: list[bienban.BienbanError] = []
        try:
            yield caught
        except bienban.BienbanError as error:
            self.assertEqual(bienban.kind(error), kind, error)
            caught.append(error)
        else:
            self.fail(f"nothing failed, and {kind} was to come")


async def within(work: typing.Awaitable[typing.Any]) -> typing.Any:
    """Waits for something that comes for certain, but not for ever."""
    return await asyncio.wait_for(work, PATIENCE)


@contextlib.contextmanager
def invitation() -> typing.Iterator[str]:
    """An invitation to a server that never says a word: claiming it goes on until somebody ends it."""
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        # The way around a blocked UDP: it takes connections, and is as silent.
        way_around = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        way_around.bind(("127.0.0.1", port))
        way_around.listen()
        yield f"bienban://enrol?hub=127.0.0.1:{port}&key={'ab' * 32}&code={'03' * 16}&until=4000000000"


def text(language: str, key: str) -> str:
    """Returns a text for people from the library's own file."""
    lines = (MESSAGES / f"{language}.toml").read_text(encoding="utf-8")
    table = lines.split("[error]\n", 1)[1].split("\n[", 1)[0]
    found = re.search(rf'^{key} = "(.*)"$', table, re.MULTILINE)
    assert found, f"no text for {key} in {language}"
    return found.group(1)
