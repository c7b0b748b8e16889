"""A program that ends at once after it closed a folder, dropped it, or could not open one. For test_opening.py."""

from __future__ import annotations

import asyncio
import sys
import time

import bienban


class Lingering:
    """Is let go of when the interpreter takes itself apart, and takes so long that threads call back meanwhile."""

    def __del__(self) -> None:
        time.sleep(0.5)


lingering = Lingering()


async def main(folder: str, how: str) -> None:
    keys = bienban.FileKeyStore(folder + ".key")
    if how == "closed":
        async with bienban.opened(folder, keys):
            pass
    elif how == "dropped":
        await bienban.Bienban.open(folder, keys, bienban.OpenOptions())
    else:
        try:
            await bienban.Bienban.open("", keys, bienban.OpenOptions())
        except bienban.BienbanError:
            pass


asyncio.run(main(sys.argv[1], sys.argv[2]))
