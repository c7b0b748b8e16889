"""Observers: called on a thread of the library, free to raise, and ended at any time."""

from __future__ import annotations

import asyncio
import gc
import threading
import unittest

import bienban
from support import Case, within


class Watching(bienban.Observer):
    """Hands over what it is told to the loop that made it, and raises if it is to."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.told: asyncio.Queue[bienban.SyncProgress] = asyncio.Queue()
        self.threads: set[int] = set()
        self.calls = 0
        self.error = error

    def changed(self, changes: bienban.Changes) -> None:
        self.note()

    def sync_progress(self, progress: bienban.SyncProgress) -> None:
        self.loop.call_soon_threadsafe(self.told.put_nowait, progress)
        self.note()

    def wipe_ordered(self, order: bienban.WipeOrder) -> None:
        self.note()

    def note(self) -> None:
        self.threads.add(threading.get_ident())
        self.calls += 1
        if self.error is not None:
            raise self.error


class Observers(Case):
    async def exchange(self, app: bienban.Bienban) -> None:
        """Begins an exchange, which observers are told of; it comes to nothing without a server."""
        with self.fails("not_enrolled"):
            await within(app.sync())

    async def test_they_are_called_on_one_thread_that_is_not_the_loop_s(self) -> None:
        app = await self.opened()
        first, second = Watching(), Watching()
        held = [await app.observe(first), await app.observe(second)]
        for _ in range(3):
            await self.exchange(app)
            for watching in (first, second):
                progress = await within(watching.told.get())
                self.assertIn(progress.state, list(bienban.SyncState))
        self.assertEqual(len(first.threads), 1)
        self.assertEqual(first.threads, second.threads)
        self.assertNotIn(threading.get_ident(), first.threads)
        self.assertEqual(len(held), 2)

    async def test_one_that_raises_disturbs_neither_others_nor_the_library(self) -> None:
        app = await self.opened()
        declared = bienban.ObserverError.Failed(reason="on purpose")  # type: ignore[attr-defined]
        raising = [Watching(declared), Watching(RuntimeError("not declared"))]
        sound = Watching()
        held = [await app.observe(one) for one in (*raising, sound)]
        for _ in range(3):
            await self.exchange(app)
            await within(sound.told.get())
        # They were called each time, not once and never again.
        self.assertTrue(all(one.calls >= 3 for one in raising), [one.calls for one in raising])
        self.assertEqual((await app.ledger()).only_here, 0)
        self.assertEqual(len(held), 3)

    async def test_one_that_is_cancelled_is_told_no_more(self) -> None:
        app = await self.opened()
        ended, sound = Watching(), Watching()
        subscription = await app.observe(ended)
        held = await app.observe(sound)
        await self.exchange(app)
        await within(ended.told.get())
        await within(sound.told.get())
        subscription.cancel()
        subscription.cancel()
        # A call that is under way ends by itself; the next event comes a tenth of a second later at the soonest.
        await asyncio.sleep(0.3)
        before = ended.calls
        while not sound.told.empty():
            sound.told.get_nowait()
        await self.exchange(app)
        await within(sound.told.get())
        await asyncio.sleep(0.3)
        self.assertEqual(ended.calls, before)
        held.cancel()

    async def test_more_than_sixteen_are_refused_and_one_that_is_dropped_makes_room(self) -> None:
        app = await self.opened()
        held = [await app.observe(Watching()) for _ in range(16)]
        with self.fails("invalid"):
            await app.observe(Watching())
        held.pop()
        gc.collect()
        held.append(await app.observe(Watching()))

    async def test_closing_from_an_observer_ends(self) -> None:
        app = await self.opened()
        closed = asyncio.Event()

        class Closing(Watching):
            def sync_progress(self, progress: bienban.SyncProgress) -> None:
                # Waits in here for the end, on the library's own thread.
                asyncio.run(app.shutdown())
                self.loop.call_soon_threadsafe(closed.set)

        subscription = await app.observe(Closing())
        # What is under way when the folder is closed ends as cancelled by that, or before.
        with self.assertRaises(bienban.BienbanError):
            await within(app.sync())
        await within(closed.wait())
        subscription.cancel()
        with self.fails("closed"):
            await app.observe(Watching())


if __name__ == "__main__":
    unittest.main()
