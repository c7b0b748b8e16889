"""Calls: a thousand at once, cancelled ones, and what errors say."""

from __future__ import annotations

import asyncio
import inspect
import pathlib
import re
import unittest

import bienban
from support import Case, invitation, text, within

PROTOCOL = pathlib.Path(__file__).resolve().parents[2] / "scenario" / "README.md"


class Calls(Case):
    async def test_a_thousand_at_once_are_all_answered(self) -> None:
        app = await self.opened()
        answers = await within(asyncio.gather(*(app.plans(bienban.ListQuery()) for _ in range(1_000))))
        self.assertEqual(len(answers), 1_000)
        self.assertTrue(all(page.rows == [] and page.next is None for page in answers))

    async def test_they_work_from_loops_of_several_threads(self) -> None:
        app = await self.opened()

        def in_a_loop_of_its_own() -> int:
            async def several() -> int:
                return len(await asyncio.gather(*(app.ledger() for _ in range(50))))

            return asyncio.run(several())

        counts = await within(asyncio.gather(*(asyncio.to_thread(in_a_loop_of_its_own) for _ in range(4))))
        self.assertEqual(counts, [50] * 4)

    async def test_cancelled_ones_hold_up_nothing(self) -> None:
        app = await self.opened()
        calls = [asyncio.ensure_future(work()) for _ in range(100) for work in (app.ledger, app.sync)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        ended = await within(asyncio.gather(*calls, return_exceptions=True))
        self.assertTrue(any(isinstance(one, asyncio.CancelledError) for one in ended))
        self.assertEqual((await within(app.ledger())).only_here, 0)

    async def test_a_waiter_that_is_cancelled_ends_no_enrolment_and_cancel_does(self) -> None:
        app = await self.opened()
        with invitation() as uri:
            enrolment = await app.enrol(uri, "a laptop", False)
            claiming = enrolment.status()
            self.assertEqual(claiming.state, bienban.EnrolmentState.CLAIMING)
            self.assertRegex(claiming.digits, "^[0-9]{6}$")
            self.assertEqual(claiming.digits_grouped.replace(" ", ""), claiming.digits)
            waiter = asyncio.ensure_future(enrolment.wait())
            other = asyncio.ensure_future(enrolment.wait_for_digits())
            await asyncio.sleep(0.05)
            waiter.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await waiter
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(enrolment.wait(), 0.05)
            self.assertEqual(enrolment.status().state, bienban.EnrolmentState.CLAIMING)
            self.assertTrue((await app.me()).enrolling)
            enrolment.cancel()
            enrolment.cancel()
            with self.fails("cancelled"):
                await within(other)
            with self.fails("cancelled"):
                await within(enrolment.wait())
            self.assertEqual(enrolment.status().state, bienban.EnrolmentState.ENDED)
            # The claim was not forgotten by that.
            again = await app.resume_enrolment()
            assert again is not None
            self.assertEqual(again.status().digits, claiming.digits)
            await app.shutdown()
            with self.fails("closed"):
                await within(again.wait())


class Errors(Case):
    async def test_each_kind_has_the_name_of_the_protocol(self) -> None:
        kinds = {
            re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
            for name, member in vars(bienban.BienbanError).items()
            if inspect.isclass(member)
        }
        told = PROTOCOL.read_text(encoding="utf-8")
        listed = told.split("`kind` is the name", 1)[1].split(":", 1)[1].split(". An answer", 1)[0]
        self.assertEqual(kinds, set(re.findall(r"`([a-z_]+)`", listed)))

    async def test_they_speak_both_languages_and_the_log_knows_the_code(self) -> None:
        app = await self.opened()
        answer = bienban.AnswerDraft(item="1.1", grade=bienban.Grade.PASS)
        wrong = bienban.ListQuery(after="nonsense")
        cases = (
            ("not_enrolled", "no_hub", "sync", app.sync()),
            ("not_enrolled", "invitation", "enrol", app.enrol("https://example.org", "", False)),
            ("not_found", "not_found", "answer", app.answer("ab" * 32, answer)),
            ("invalid", "wrong_value", "inspections", app.inspections(wrong, bienban.InspectionFilter())),
        )
        for kind, key, call, work in cases:
            with self.subTest(call=call):
                with self.fails(kind) as caught:
                    await within(work)
                told = bienban.report(caught[0])
                self.assertEqual(told.message_vi, text("vi", key))
                self.assertEqual(told.message_en, text("en", key))
                self.assertNotEqual(told.message_vi, told.message_en)
                self.assertRegex(told.report_id, "^[2-9A-HJ-NP-Z]{8}$")
                lines = [line for line in bienban.recent_reports() if line.report_id == told.report_id]
                self.assertEqual([(line.call, line.trouble) for line in lines], [(call, key)])

    async def test_closed_is_told_and_not_logged(self) -> None:
        app = await self.opened()
        await app.shutdown()
        with self.fails("closed") as caught:
            await app.ledger()
        told = bienban.report(caught[0])
        self.assertEqual((told.message_vi, told.message_en), (text("vi", "closed"), text("en", "closed")))
        self.assertEqual(told.next, bienban.NextStep.TELL)
        self.assertNotIn(told.report_id, [line.report_id for line in bienban.recent_reports()])

    async def test_what_is_of_the_wrong_type_never_reaches_the_library(self) -> None:
        app = await self.opened()
        with self.assertRaises(TypeError):
            await app.inspection(7)  # type: ignore[arg-type]
        with self.assertRaises(TypeError):
            other = str(self.root / "other")
            await bienban.Bienban.open(other, object(), bienban.OpenOptions())  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
