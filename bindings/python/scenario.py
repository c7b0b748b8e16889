"""A phone of the shared day in Python: reads a step per line, does it with the facade, answers a line.

See ../scenario/README.md for the protocol. Run by the runner there; needs the package that build.py makes.
"""

from __future__ import annotations

import asyncio
import io
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "target" / "python"))

try:
    import bienban  # noqa: E402
except (ImportError, OSError) as error:
    sys.exit(f"the package cannot be loaded, run `python3 bindings/python/build.py`: {error}")

GRADES = {
    "pass": bienban.Grade.PASS,
    "minor": bienban.Grade.MINOR,
    "major": bienban.Grade.MAJOR,
    "serious": bienban.Grade.SERIOUS,
    "not_applicable": bienban.Grade.NOT_APPLICABLE,
    "given": bienban.Grade.GIVEN,
}
SEVERITIES = {
    "minor": bienban.Severity.MINOR,
    "major": bienban.Severity.MAJOR,
    "serious": bienban.Severity.SERIOUS,
}
NAMES = {grade: name for name, grade in GRADES.items()}


class Watching(bienban.Observer):
    """Notes what it is told, and throws once: that must disturb nobody."""

    def __init__(self) -> None:
        self.events = 0
        self.inspections: set[str] = set()

    def changed(self, changes: bienban.Changes) -> None:
        self.events += 1
        named = {one.inspection for one in changes.documents if one.content and one.inspection}
        self.inspections |= named
        if self.events == 1:
            raise RuntimeError("an observer that throws")

    def sync_progress(self, progress: bienban.SyncProgress) -> None:
        self.events += 1

    def wipe_ordered(self, order: bienban.WipeOrder) -> None:
        self.events += 1


class Phone:
    """One device, and what it does."""

    def __init__(self) -> None:
        self.app: bienban.Bienban
        self.enrolment: bienban.Enrolment
        self.watching = Watching()

    async def open(self, dir: str) -> dict:
        keys = bienban.FileKeyStore(dir + ".key")
        # A phone that was killed may hold the folder for a moment.
        self.app = await bienban.Bienban.open(dir, keys, bienban.OpenOptions(patience_ms=10_000))
        self.subscription = await self.app.observe(self.watching)
        return {"device": self.app.device()}

    async def enrol(self, uri: str, label: str) -> dict:
        self.enrolment = await self.app.enrol(uri, label, False)
        status = await self.enrolment.wait_for_digits()
        return {"digits": status.digits}

    async def enrolled(self) -> dict:
        me = await self.enrolment.wait()
        return {"name": me.name, "roles": [role.name.lower() for role in me.roles]}

    async def network(self, offline: bool) -> dict:
        self.app.set_network(bienban.NetworkHint(offline=offline))
        return {}

    async def background(self, on: bool) -> dict:
        self.watching.inspections.clear()
        if on:
            await self.app.start_background_sync()
        else:
            await self.app.stop_background_sync()
        return {}

    async def heard(self, inspection: str) -> dict:
        for _ in range(300):
            if inspection in self.watching.inspections:
                return {"changed": True}
            await asyncio.sleep(0.1)
        return {"changed": False}

    async def sync(self) -> dict:
        done = await self.app.sync()
        return {
            "caught_up": done.caught_up,
            "sent": done.sent,
            "received": done.received,
            "only_here": done.only_here,
        }

    async def open_visit(self, facility: str) -> dict:
        found = await self.app.facilities(bienban.ListQuery(text=facility))
        plans = await self.app.plans(bienban.ListQuery())
        opened = await self.app.open_visit(plans.rows[0].id, found.rows[0].id, None)
        return {"inspection": opened}

    async def header(self, inspection: str, field: str, value: str) -> dict:
        done = await self.app.set_header(inspection, field, value)
        return {"recorded": done.recorded}

    async def step(self, inspection: str, to: str) -> dict:
        done = await self.app.take_step(inspection, bienban.StepDraft(to=to))
        return {"recorded": done.recorded}

    def draft(self, item: str, grade: str, value=None, note=None) -> bienban.AnswerDraft:
        return bienban.AnswerDraft(item=item, grade=GRADES[grade], value=value, note=note)

    async def answer(self, inspection: str, **given) -> dict:
        done = await self.app.answer(inspection, self.draft(**given))
        return {"recorded": done.recorded}

    async def note(self, inspection: str, item: str, line: str) -> dict:
        # A type checker does not see that a variant is one of its enum.
        edit: bienban.TextEdit = bienban.TextEdit.APPEND(line)  # type: ignore[assignment]
        done = await self.app.note(inspection, item, edit)
        return {"recorded": done.recorded}

    async def finding(self, inspection: str, item: str, severity: str, text: str) -> dict:
        draft = bienban.FindingDraft(item=item, severity=SEVERITIES[severity], text=text)
        return {"finding": await self.app.add_finding(inspection, draft)}

    async def resolve(self, inspection: str, **given) -> dict:
        done = await self.app.resolve_answer(inspection, self.draft(**given))
        return {"settled": done.name.lower()}

    async def history(self, inspection: str, item: str) -> dict:
        return {"answers": len(await self.app.answer_history(inspection, item, None))}

    async def send_back(self, inspection: str, item: str, text: str) -> dict:
        return {"id": (await self.app.send_back(inspection, item, text, [])).id}

    async def reply(self, inspection: str, text: str) -> dict:
        screen = await self.app.inspection(inspection)
        requests = screen.review.requests if screen.review else []
        open_ones = [one for one in requests if not one.settled]
        return {"id": (await self.app.reply(inspection, open_ones[0].id, text)).id}

    async def accept(self, inspection: str, text: str) -> dict:
        screen = await self.app.inspection(inspection)
        done = await self.app.accept(inspection, text, screen.heads, None)
        return {"recorded": done.recorded}

    async def seal(self, inspection: str, name: str, title: str) -> dict:
        lines = [[(40, 120), (90, 40), (130, 150)], [(200, 110), (560, 50)]]
        strokes = [
            bienban.Stroke(points=[bienban.Point(x=x, y=y) for x, y in line]) for line in lines
        ]
        drawn = bienban.DrawnSignature(width=600, height=200, strokes=strokes)
        person = bienban.Signatory(name=name, title=title, drawn=drawn)
        draft = bienban.SealDraft(person=person, not_heard="Chưa ghi gì trong cuộc kiểm tra này.")
        return {"seal": await self.app.seal(inspection, draft)}

    async def countersign(self, inspection: str) -> dict:
        return {"seal": await self.app.countersign(inspection)}

    async def ledger(self) -> dict:
        here = (await self.app.ledger()).only_here
        return {"only_here": here, "some_only_here": here > 0}

    async def show(self, inspection: str) -> dict:
        screen = await self.app.inspection(inspection)
        digest = await self.app.digest(inspection)
        assert digest == screen.digest, "two calls say two digests"
        counts = {
            item.key: NAMES[item.counts_as]
            for section in screen.sections
            for item in section.items
            if item.counts_as is not None
        }
        requests = screen.review.requests if screen.review else []
        return {
            "digest": screen.digest,
            "states": [state.key for state in screen.states],
            "conflicts": [conflict.place for conflict in screen.conflicts],
            "items": counts,
            "findings": sum(not finding.deleted for finding in screen.findings),
            "verdict": screen.review.verdict.key if screen.review else "pending",
            "open_requests": sum(not one.settled for one in requests),
            "sealed": screen.sealed,
            "numbered": bool(screen.minutes and screen.minutes.official),
        }

    async def export(self, inspection: str, path: str) -> dict:
        made = await self.app.export_record(inspection, path, False)
        return {"bytes": made.bytes, "unhelped": made.unhelped}

    async def close(self) -> dict:
        await self.app.shutdown()
        await self.app.shutdown()
        return {}


async def answer_to(phone: Phone, request: dict) -> dict:
    given = {key: value for key, value in request.items() if key not in ("id", "do")}
    try:
        return {"id": request["id"], "ok": await getattr(phone, request["do"])(**given)}
    except bienban.BienbanError as error:
        told = bienban.report(error)
        return {
            "id": request["id"],
            "error": {
                "kind": bienban.kind(error),
                "next": told.next.name.lower(),
                "message_vi": told.message_vi,
                "message_en": told.message_en,
                "report_id": told.report_id,
            },
        }


async def main() -> None:
    phone = Phone()
    loop = asyncio.get_running_loop()
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            print(json.dumps(await answer_to(phone, json.loads(line))), flush=True)
    finally:
        # Its threads call back until it is closed, and an interpreter that ends answers no call.
        if hasattr(phone, "app"):
            await phone.app.shutdown()


if __name__ == "__main__":
    # The protocol is UTF-8, whatever the language of the system says.
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8")
    asyncio.run(main())
