"""Opening and closing at any time, and key stores that do not do as asked."""

from __future__ import annotations

import asyncio
import gc
import os
import pathlib
import subprocess
import sys
import threading
import typing
import unittest

import bienban
from support import PATIENCE, Case, MemoryKeys, within


class Slow(MemoryKeys):
    """A key store that asks for a finger: it waits until it is let go on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.ended = threading.Event()
        self.was_let = False
        self.thread: int | None = None

    def load_key(self, name: str) -> typing.Optional[bytes]:
        self.thread = threading.get_ident()
        self.asked.set()
        self.was_let = self.go_on.wait(PATIENCE / 3)
        self.ended.set()
        return super().load_key(name)


class Failing(MemoryKeys):
    """A key store in which one call raises."""

    def __init__(self, call: str, error: Exception) -> None:
        super().__init__()
        self.call, self.error = call, error

    def load_key(self, name: str) -> typing.Optional[bytes]:
        if self.call == "load":
            raise self.error
        return super().load_key(name)

    def save_key(self, name: str, key: bytes) -> None:
        if self.call == "save":
            raise self.error
        super().save_key(name, key)


class Opening(Case):
    async def test_a_folder_opens_again_as_the_same_device(self) -> None:
        app = await self.opened()
        device = app.device()
        self.assertRegex(device, "^[0-9a-f]{64}$")
        me = await app.me()
        self.assertEqual((me.device, me.hub, me.met_hub, me.roles), (device, None, False, []))
        await app.shutdown()
        self.assertEqual((await self.opened()).device(), device)
        self.assertEqual(set(self.keys.names), {"bienban.store"})
        assert self.keys.key is not None
        self.assertEqual(len(self.keys.key), 32)

    async def test_a_folder_without_a_name_is_refused_and_nothing_is_made(self) -> None:
        with self.fails("invalid"):
            await bienban.Bienban.open("", self.keys, bienban.OpenOptions())
        self.assertEqual(self.keys.names, [])

    async def test_the_name_of_the_key_is_the_one_that_was_given(self) -> None:
        await self.opened(key_name="of the second folder")
        self.assertEqual(set(self.keys.names), {"of the second folder"})

    async def test_a_folder_that_is_open_is_not_opened_twice(self) -> None:
        await self.opened()
        with self.fails("in_use"):
            await self.opened()

    async def test_a_key_store_works_on_another_thread_and_holds_up_no_loop(self) -> None:
        keys = Slow()
        opening = asyncio.ensure_future(self.opened(keys))
        # If opening held this thread, nobody would ever let the key store go on.
        while not keys.asked.is_set():
            self.assertFalse(opening.done())
            await asyncio.sleep(0.005)
        keys.go_on.set()
        await within(opening)
        self.assertTrue(keys.was_let)
        self.assertNotEqual(keys.thread, threading.get_ident())

    async def test_an_opening_that_is_cancelled_leaves_a_folder_that_opens(self) -> None:
        keys = Slow()
        opening = asyncio.ensure_future(self.opened(keys))
        while not keys.asked.is_set():
            await asyncio.sleep(0.005)
        opening.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await opening
        # Nothing waited for the key store: it still waits itself.
        self.assertFalse(keys.ended.is_set())
        keys.go_on.set()
        app = await within(self.opened(keys, patience_ms=20_000))
        self.assertEqual((await app.ledger()).only_here, 0)

    async def test_closing_works_twice_and_every_later_call_says_closed(self) -> None:
        app = await self.opened()
        run = app.start_sync()
        await app.shutdown()
        await app.shutdown()
        self.assertTrue(app.is_closed())
        for call in (
            app.device, app.start_sync, lambda: app.set_network(bienban.NetworkHint(offline=True)),
        ):
            with self.fails("closed"):
                call()
        query, row = bienban.ListQuery(), "ab" * 32
        for work in (
            app.me(), app.plans(query), app.facilities(query), app.checklists(), app.ledger(),
            app.inspections(query, bienban.InspectionFilter()), app.inspection(row), app.sync(),
            app.start_background_sync(), app.stop_background_sync(), app.resume_enrolment(),
        ):
            with self.fails("closed"):
                await within(work)
        with self.assertRaises(bienban.BienbanError):
            await within(run.wait())
        run.cancel()

    async def test_closing_while_calls_run_lets_each_of_them_end(self) -> None:
        app = await self.opened()
        calls = [asyncio.ensure_future(app.checklists()) for _ in range(200)]
        await asyncio.sleep(0)
        await within(app.shutdown())
        for call in await within(asyncio.gather(*calls, return_exceptions=True)):
            if isinstance(call, bienban.BienbanError):
                self.assertEqual(bienban.kind(call), "closed", call)
            else:
                self.assertEqual(call, [])
        await self.opened()

    async def test_the_block_of_opened_closes_however_it_is_left(self) -> None:
        with self.assertRaises(ZeroDivisionError):
            async with bienban.opened(self.folder, self.keys) as app:
                raise ZeroDivisionError
        self.assertTrue(app.is_closed())
        await self.opened()

    async def test_an_object_that_is_collected_closes_itself(self) -> None:
        app = await bienban.Bienban.open(str(self.folder), self.keys, bienban.OpenOptions())
        del app
        gc.collect()
        await within(self.opened(patience_ms=20_000))

    def test_a_program_that_ends_without_closing_ends_well(self) -> None:
        words = [sys.executable, str(pathlib.Path(__file__).with_name("forgetful.py")), str(self.root)]
        ended = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual((ended.returncode, ended.stdout), (0, "ended\ntold\n"), ended.stderr)

    def test_a_program_that_closed_dropped_or_could_not_open_ends_well(self) -> None:
        for how in ("closed", "dropped", "failed"):
            for turn in range(3):
                with self.subTest(how=how, turn=turn):
                    program = pathlib.Path(__file__).with_name("brief.py")
                    words = [sys.executable, str(program), str(self.root / f"{how}-{turn}"), how]
                    ended = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
                    self.assertEqual(ended.returncode, 0, ended.stderr)


class KeyStores(Case):
    async def test_one_that_raises_locks_and_nothing_is_made(self) -> None:
        declared = bienban.KeyStoreError.Failed(reason="locked")  # type: ignore[attr-defined]
        for call in ("load", "save"):
            for error in (declared, RuntimeError("no such thing was declared")):
                with self.subTest(call=call, error=error), self.fails("locked") as caught:
                    await self.opened(Failing(call, error))
                told = bienban.report(caught[0])
                self.assertEqual(told.next, bienban.NextStep.RETRY)
                self.assertFalse(self.folder.exists())

    async def test_one_that_answers_nonsense_locks(self) -> None:
        for nonsense in (b"", b"short", bytes(33), "a text", 7):
            with self.subTest(nonsense=nonsense), self.fails("locked"):
                keys = MemoryKeys()
                keys.key = nonsense  # type: ignore[assignment]
                await self.opened(keys)
            self.assertFalse(self.folder.exists())

    async def test_a_lost_key_is_reported_and_not_made_anew(self) -> None:
        await (await self.opened()).shutdown()
        lost = MemoryKeys()
        with self.fails("locked") as caught:
            await self.opened(lost)
        self.assertEqual(bienban.report(caught[0]).next, bienban.NextStep.REPORT)
        self.assertIsNone(lost.key)
        other = MemoryKeys()
        other.key = bytes(32)
        with self.fails("locked"):
            await self.opened(other)
        await self.opened()


class Files(Case):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.root / "phone.key"
        self.store = bienban.FileKeyStore(self.path)

    async def test_a_key_in_a_file_is_read_back_and_deleted(self) -> None:
        self.assertIsNone(self.store.load_key("any"))
        for key in (bytes(range(32)), bytes(32)):
            self.store.save_key("any", key)
            self.assertEqual(self.store.load_key("any"), key)
        # Nothing else is left beside it.
        self.assertEqual([entry.name for entry in self.root.iterdir()], ["phone.key"])
        self.store.delete_key("any")
        self.store.delete_key("any")
        self.assertIsNone(self.store.load_key("any"))

    @unittest.skipIf(os.name != "posix", "files have no owner's rights here")
    async def test_only_its_owner_may_read_it_whatever_lay_there(self) -> None:
        self.path.write_bytes(b"readable by all")
        self.path.chmod(0o644)
        self.store.save_key("any", bytes(32))
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    async def test_what_cannot_be_written_or_read_locks_and_leaves_nothing(self) -> None:
        with self.fails("locked"):
            await self.opened(bienban.FileKeyStore(self.root / "no such folder" / "key"))
        self.path.mkdir()
        with self.fails("locked"):
            await self.opened(self.store)
        with self.assertRaises(bienban.KeyStoreError):
            self.store.save_key("any", bytes(32))
        self.assertEqual([entry.name for entry in self.root.iterdir()], ["phone.key"])


if __name__ == "__main__":
    unittest.main()
