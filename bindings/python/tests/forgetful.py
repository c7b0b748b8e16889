"""A program as scripts are: it opens a folder, watches it, and ends without closing anything. For test_opening.py."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import bienban


class Watching(bienban.Observer):
    def __init__(self) -> None:
        self.at_work = threading.Event()

    def changed(self, changes: bienban.Changes) -> None:
        pass

    def sync_progress(self, progress: bienban.SyncProgress) -> None:
        # Once: the program ends meanwhile, and this comes to its end all the same.
        if not self.at_work.is_set():
            self.at_work.set()
            time.sleep(0.5)
            print("told", flush=True)

    def wipe_ordered(self, order: bienban.WipeOrder) -> None:
        pass


class Lingering:
    """Is let go of when the interpreter takes itself apart, and takes so long that threads call back meanwhile."""

    def __del__(self) -> None:
        time.sleep(0.5)


lingering = Lingering()
held: list[object] = []


async def main(root: str) -> None:
    app = await bienban.Bienban.open(f"{root}/store", bienban.FileKeyStore(f"{root}/key"), bienban.OpenOptions())
    held.append(app)
    watching = Watching()
    held.append(await app.observe(watching))
    for _ in range(20):
        # Each is told to the observer when it has ended.
        held.append(app.start_sync())
    await app.start_background_sync()
    while not watching.at_work.is_set():
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
    print("ended", flush=True)
