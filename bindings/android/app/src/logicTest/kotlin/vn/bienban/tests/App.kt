// What is behind the sample app's screens, against the library and a hub.
package vn.bienban.tests

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import vn.bienban.Bienban
import vn.bienban.Grade
import vn.bienban.ItemState
import vn.bienban.LocalText
import vn.bienban.NextStep
import vn.bienban.Point
import vn.bienban.sample.ChecklistLine
import vn.bienban.sample.ChecklistPresenter
import vn.bienban.sample.ConflictPresenter
import vn.bienban.sample.EnrolPresenter
import vn.bienban.sample.EnrolState
import vn.bienban.sample.LedgerPresenter
import vn.bienban.sample.ListPresenter
import vn.bienban.sample.Offer
import vn.bienban.sample.SealForm
import vn.bienban.sample.SealPresenter
import vn.bienban.sample.SignaturePad
import vn.bienban.sample.buttons
import vn.bienban.sample.draft
import vn.bienban.sample.offer
import vn.bienban.use

/** Runs with a scope like a screen's, which ends with the block. */
private suspend fun screenOf(block: suspend (CoroutineScope) -> Unit) {
    val job = Job()
    try {
        block(CoroutineScope(Dispatchers.Default + job))
    } finally {
        job.cancelAndJoin()
    }
}

private fun ChecklistPresenter.item(key: String) =
    state.value.lines.filterIsInstance<ChecklistLine.Item>().single { it.key == key }

val app =
    listOf(
        test("the list shows a visit that nobody has begun, and the inspection once somebody has") {
            phone("leader").use { app ->
                screenOf { scope ->
                    val list = ListPresenter(app, scope)
                    until("the list is read") { !list.state.value.loading }
                    val line = list.state.value.lines.single()
                    var opened = ""
                    checkNotNull(list.open(line) { opened = it }).join()
                    same(opened, line.key)
                    app.visitInField()
                    until("it is begun") { list.state.value.lines.single().run { state != null && onlyHere > 0 } }
                    same(list.state.value.lines.single().key, opened)
                    val begun = list.state.value.lines.single()
                    checkNotNull(list.open(begun) { opened = it }).join()
                    same(opened, begun.key)
                }
            }
        },
        test("a tap answers, the same tap takes it back, and the screen follows") {
            phone("leader").use { app ->
                val id = app.visitInField()
                screenOf { scope ->
                    val list = ChecklistPresenter(app, id, scope)
                    until("it is read") { !list.state.value.loading }
                    val line = list.item("1.1")
                    same(line.buttons.first(), Grade.PASS)
                    same(line.chosen, null)
                    checkNotNull(list.tap(line, Grade.PASS)).join()
                    until("it is pressed") { list.item("1.1").chosen == Grade.PASS }
                    until("it counts") { list.state.value.answered == 1 }
                    checkNotNull(list.tap(list.item("1.1"), Grade.PASS)).join()
                    until("it is taken back") { list.item("1.1").chosen == null }
                    checkNotNull(list.note(line, "  Sạch sẽ. ")).join()
                    until("the note is there") { list.item("1.1").note == "Sạch sẽ." }
                    checkNotNull(list.finding(line, line.severities.first(), "Nền ẩm.")).join()
                    until("the finding is there") { list.state.value.findings == listOf("Nền ẩm.") }
                    same(list.error.value, null)
                }
            }
        },
        test("two taps at once are one edit, and an error is shown until a person has seen it") {
            phone("leader").use { app ->
                val id = app.visitInField()
                screenOf { scope ->
                    val list = ChecklistPresenter(app, id, scope)
                    until("it is read") { !list.state.value.loading }
                    val line = list.item("1.1")
                    val first = list.tap(line, Grade.PASS)
                    val second = list.tap(line, Grade.PASS)
                    claim(first != null && second == null || first?.isCompleted == true) { "both taps were taken" }
                    first?.join()
                    second?.join()
                    until("buttons are free again") { !list.busy.value }
                    checkNotNull(list.tap(line.copy(key = "9.9"), Grade.PASS)).join()
                    same(list.error.value?.kind, "invalid")
                    list.dismiss()
                    same(list.error.value, null)
                    same(list.busy.value, false)
                }
            }
        },
        test("a photo that is asked for has its place, and typed answers have no buttons") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val items = app.inspection(id).sections.flatMap { it.items }
                val photographed = items.first().copy(photosMin = 2)
                same(buttons(photographed.copy(kind = vn.bienban.AnswerKind.NUMBER)), emptyList())
                val screen = app.inspection(id)
                val section = screen.sections.first().copy(items = listOf(photographed))
                val drawn = vn.bienban.sample.checklist(screen.copy(sections = listOf(section)))
                same(drawn.lines.filterIsInstance<ChecklistLine.Item>().single().photos, listOf(false, false))
            }
        },
        test("what two people answered apart is chosen from, and the other one stays in the history") {
            realPhone("leader").use { leader ->
                val id = leader.visitInField()
                leader.sync()
                // Anew in each run: an item that nobody has answered yet, neither here nor in another test.
                val free = leader.inspection(id).sections.flatMap { it.items }.filter { it.state == ItemState.UNANSWERED }
                val chosen = free.first { buttons(it).size > 1 && it.key !in setOf("1.1", "1.2") }
                val (item, bad) = chosen.key to buttons(chosen)[1]
                realPhone("member").use { member ->
                    member.sync()
                    leader.answer(id, answerOf(item, Grade.PASS))
                    member.answer(id, answerOf(item, bad))
                    leader.sync()
                    member.sync()
                }
                leader.sync()
                screenOf { scope ->
                    val chooser = ConflictPresenter(leader, id, scope)
                    until("both are shown") { chooser.state.value.places.any { it.item == item } }
                    val place = chooser.state.value.places.single { it.item == item }
                    same(place.values.mapNotNull { it.grade }.toSet(), setOf(Grade.PASS, bad))
                    same(place.values.map { it.author.name }.toSet().size, 2)
                    val worse = place.values.single { it.grade == bad }
                    checkNotNull(chooser.choose(place, worse)).join()
                    same(chooser.error.value, null)
                    until("it is settled") { chooser.state.value.places.none { it.item == item } }
                    val settled = leader.inspection(id).sections.flatMap { it.items }.single { it.key == item }
                    same(settled.state, ItemState.ANSWERED)
                    same(settled.countsAs, bad)
                    claim(leader.answerHistory(id, item).size == 3) { "an answer is lost" }
                    checkNotNull(chooser.choose(place, worse)).join()
                    claim(chooser.error.value?.kind == "conflict" || chooser.state.value.settledBefore) { "settled twice" }
                }
                leader.sync()
            }
        },
        test("the seal's screen says what is missing, and what a failed seal lacks") {
            phone("leader").use { app ->
                val id = app.visitInField()
                screenOf { scope ->
                    val seal = SealPresenter(app, id, scope)
                    until("it is read") { seal.state.value.check != null }
                    val pad = SignaturePad()
                    pad.down(1f, 1f, 100, 100)
                    pad.move(90f, 90f, 100, 100)
                    val form = SealForm("Hà Văn Bình", "Chủ cơ sở", pad.drawn())
                    if (!seal.state.value.maySeal) {
                        checkNotNull(seal.seal(form)).join()
                        claim(seal.error.value != null) { "sealed though it was not ready: ${seal.state.value}" }
                    } else {
                        claim(seal.state.value.check?.missing.orEmpty().isEmpty()) { "ready, and something is missing" }
                    }
                    same(seal.state.value.maySign, false)
                    checkNotNull(seal.countersign()).join()
                    same(seal.error.value?.kind, "not_found")
                }
            }
        },
        test("minutes are sealed by the screen once it says that they may be") {
            phone("leader").use { app ->
                val id = app.visitInField()
                for (section in app.inspection(id).sections) {
                    section.items.filter { Grade.PASS in buttons(it) && it.state == ItemState.UNANSWERED }
                        .forEach { app.answer(id, answerOf(it.key, Grade.PASS)) }
                }
                screenOf { scope ->
                    val seal = SealPresenter(app, id, scope)
                    until("it is read") { seal.state.value.check != null }
                    val lacking = seal.state.value.check?.missing.orEmpty().map { it.title.en to it.fields }
                    claim(seal.state.value.maySeal) { "not ready: $lacking, ${seal.state.value.check?.conflicts}" }
                    val form = SealForm("Hà Văn Bình", "Chủ cơ sở", null, notHeard = "Chưa ghi gì.")
                    checkNotNull(seal.seal(form)).join()
                    same(seal.error.value, null)
                    until("it is sealed") { seal.state.value.minutes != null && seal.state.value.maySign }
                    same(seal.state.value.maySeal, false)
                    val list = ChecklistPresenter(app, id, scope)
                    until("the checklist is read") { !list.state.value.loading }
                    same(list.state.value.sealed, true)
                    checkNotNull(list.tap(list.item("1.1"), Grade.MAJOR)).join()
                    same(list.error.value?.kind, "final")
                }
            }
        },
        test("the ledger is shown as the library says it, and an exchange is stopped by its button") {
            phone("leader").use { app ->
                val id = app.visitInField()
                screenOf { scope ->
                    val ledger = LedgerPresenter(app, scope)
                    until("it is read") { ledger.state.value.ledger != null }
                    val before = checkNotNull(ledger.state.value.ledger).onlyHere
                    app.answer(id, answerOf("1.1", Grade.PASS))
                    until("the edit is counted") { checkNotNull(ledger.state.value.ledger).onlyHere > before }
                    hubSignal("STOP")
                    try {
                        val exchange = checkNotNull(ledger.exchange())
                        until("it is under way") { ledger.exchanging.value }
                        ledger.stop()
                        kotlinx.coroutines.withTimeout(2_000) { exchange.join() }
                        same(ledger.exchanging.value, false)
                        same(ledger.busy.value, false)
                        same(ledger.error.value, null)
                    } finally {
                        hubSignal("CONT")
                    }
                }
            }
        },
        test("an exchange to its end is shown with what it did") {
            realPhone("leader").use { app ->
                screenOf { scope ->
                    val ledger = LedgerPresenter(app, scope)
                    checkNotNull(ledger.exchange()).join()
                    same(ledger.error.value, null)
                    same(ledger.state.value.last?.caughtUp, true)
                    same(ledger.state.value.ledger?.onlyHere, 0L)
                }
            }
        },
        test("an enrolment shows its digits, goes on after a restart, and ends with who this phone is") {
            val dir = scratch()
            val keys = MemoryKeys()
            val invited = invite("Triệu Thị Sen")
            var digits = ""
            Bienban.open(dir, keys).use { app ->
                screenOf { scope ->
                    val enrol = EnrolPresenter(app, scope)
                    until("nothing is under way") { !enrol.busy.value }
                    checkNotNull(enrol.begin("https://example.org", "điện thoại")).join()
                    same(enrol.error.value?.kind, "not_enrolled")
                    checkNotNull(enrol.begin(invited.uri, "điện thoại"))
                    until("the digits are shown", 60_000) { enrol.state.value is EnrolState.Digits }
                    digits = (enrol.state.value as EnrolState.Digits).grouped
                }
            }
            claim(Regex("[0-9]{3} [0-9]{3}").matches(digits)) { "no digits to read out: $digits" }
            Bienban.open(dir, keys).use { app ->
                screenOf { scope ->
                    val enrol = EnrolPresenter(app, scope)
                    until("the same digits are shown", 60_000) { enrol.state.value == EnrolState.Digits(digits) }
                    admin("confirm", invited.id, "--digits", digits.replace(" ", ""))
                    until("it is done", 60_000) { enrol.state.value is EnrolState.Done }
                    same((enrol.state.value as EnrolState.Done).me.name, invited.name)
                }
                screenOf { scope ->
                    val again = EnrolPresenter(app, scope)
                    until("it is known") { again.state.value is EnrolState.Done }
                }
            }
        },
        test("who gives up waiting may scan another invitation") {
            fresh().use { app ->
                screenOf { scope ->
                    val invited = invite("Bàn Văn Phúc")
                    hubSignal("STOP")
                    try {
                        val enrol = EnrolPresenter(app, scope)
                        until("nothing is under way") { !enrol.busy.value }
                        checkNotNull(enrol.begin(invited.uri, "điện thoại"))
                        kotlinx.coroutines.delay(300)
                        kotlinx.coroutines.withTimeout(5_000) { enrol.giveUp().join() }
                        same(enrol.error.value, null)
                        same(enrol.state.value, EnrolState.Invitation)
                        same(enrol.busy.value, false)
                        same(app.me().enrolling, false)
                    } finally {
                        hubSignal("CONT")
                    }
                }
            }
        },
        test("a signature is kept within its surface and its limits") {
            val pad = SignaturePad(1_200, 400)
            same(pad.drawn(), null)
            pad.down(-5f, 900f, 600, 200)
            same(pad.drawn(), null)
            pad.move(700f, -3f, 600, 200)
            pad.move(700f, -3f, 600, 200)
            same(pad.drawn()?.strokes?.single()?.points, listOf(Point(0, 400), Point(1_200, 0)))
            same(pad.lines(600, 200).single().toList(), listOf(0f, 200f, 600f, 0f))
            repeat(500) { stroke ->
                pad.down(stroke.toFloat(), 0f, 600, 200)
                repeat(50) { at -> pad.move(at * 10f, at * 4f, 600, 200) }
            }
            val drawn = checkNotNull(pad.drawn())
            claim(drawn.strokes.size <= 256 && drawn.strokes.sumOf { it.points.size } <= 3_600) { "beyond the limits" }
            pad.clear()
            same(pad.drawn(), null)
        },
        test("what a person left empty is not handed on as said") {
            val draft = draft(SealForm(" Hà Văn Bình ", "Chủ cơ sở", null, refused = "  ", notHeard = ""))
            same(draft.person.name, "Hà Văn Bình")
            same(draft.refused, null)
            same(draft.notHeard, null)
            same(draft(SealForm("a", "b", null, refused = "Vắng mặt")).refused, "Vắng mặt")
        },
        test("below an error stands what the report asks for") {
            fun report(next: NextStep) = vn.bienban.Report("", "", next, "", emptyList())
            same(NextStep.entries.map { offer(report(it)) }, listOf(Offer.RETRY, Offer.NOTHING, Offer.SEND_REPORT))
            same(LocalText("có", "yes").vi, "có")
        },
    )
