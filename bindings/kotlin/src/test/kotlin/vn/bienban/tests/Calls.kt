// Calls: plain ones, a thousand at once, after the end, and what a failed one tells.
package vn.bienban.tests

import java.io.File
import java.util.Locale
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.yield
import vn.bienban.Bienban
import vn.bienban.BienbanException
import vn.bienban.Grade
import vn.bienban.ItemState
import vn.bienban.KeyStore
import vn.bienban.ListQuery
import vn.bienban.NetworkHint
import vn.bienban.NextStep
import vn.bienban.StepDraft
import vn.bienban.TextEdit
import vn.bienban.message
import vn.bienban.text
import vn.bienban.use

val calls =
    listOf(
        test("a new folder is a device that is there again when it is opened again") {
            val dir = scratch()
            val keys = MemoryKeys()
            val device = Bienban.open(dir, keys).use { it.device }
            same(device.length, 64)
            Bienban.open(dir, keys).use { app ->
                same(app.device, device)
                same(app.me().device, device)
                claim(app.me().hub == null) { "a hub before any enrolment" }
            }
        },
        test("an inspection is opened, answered and read as one screen") {
            phone("leader").use { app ->
                val id = app.visitInField()
                claim(app.answer(id, answerOf("1.1", Grade.PASS)).recorded) { "nothing was recorded" }
                app.note(id, "1.1", TextEdit.Append("Sạch sẽ."))
                val screen = app.inspection(id)
                same(screen.digest, app.digest(id))
                same(screen.states.map { it.key }, listOf("in_field"))
                val item = screen.sections.flatMap { it.items }.single { it.key == "1.1" }
                same(item.state, ItemState.ANSWERED)
                same(item.countsAs, Grade.PASS)
                same(item.note.trim(), "Sạch sẽ.")
                same(item.answers.single().author.here, true)
                same(app.inspections().rows.single().id, id)
                claim(app.ledger().onlyHere > 0) { "edits that no hub has are not in the ledger" }
            }
        },
        test("a thousand calls at once are all answered") {
            phone("leader").use { app ->
                val answers = (0 until 1_000).map { async { app.plans().rows.single().id } }.awaitAll()
                same(answers.toSet().size, 1)
            }
        },
        test("a thousand edits and reads at once are all made") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val writes = (0 until 100).map { async { app.note(id, "1.1", TextEdit.Append("dòng $it")) } }
                val reads = (0 until 900).map { async { app.inspections().rows.size } }
                claim(writes.awaitAll().all { it.recorded }) { "an edit is missing" }
                same(reads.awaitAll().toSet(), setOf(1))
                val item = app.inspection(id).sections.flatMap { it.items }.single { it.key == "1.1" }
                val lines = item.note.lines().toSet()
                claim((0 until 100).all { "dòng $it" in lines }) { "lines are missing: $lines" }
            }
        },
        test("after close every call says so, and closing again does nothing") {
            val dir = scratch()
            val app = fresh(dir)
            same(app.isClosed, false)
            app.close()
            app.close()
            same(app.isClosed, true)
            same(app.device.length, 64)
            fails<BienbanException.Closed> { app.plans() }
            fails<BienbanException.Closed> { app.sync() }
            fails<BienbanException.Closed> { app.startSync() }
            fails<BienbanException.Closed> { app.setNetwork(NetworkHint(offline = true)) }
            fails<BienbanException.Closed> { app.changes.collect {} }
            fails<BienbanException.Closed> { app.enrol("bienban://enrol", "x") }
        },
        test("closing while calls run ends them or lets them end, and frees the folder") {
            val dir = scratch()
            val keys = MemoryKeys()
            val app = Bienban.open(dir, keys)
            val calls =
                (0 until 300).map {
                    async {
                        try {
                            app.plans()
                            true
                        } catch (_: BienbanException.Closed) {
                            false
                        }
                    }
                }
            yield()
            app.close()
            calls.awaitAll()
            Bienban.open(dir, keys).use { same(it.plans().rows.size, 0) }
        },
        test("use closes after what its block throws, and that is what comes out") {
            val app = fresh()
            fails<IllegalStateException> { app.use { error("on purpose") } }
            same(app.isClosed, true)
        },
        test("use closes when its coroutine is cancelled") {
            val app = fresh()
            val job = launch { app.use { kotlinx.coroutines.awaitCancellation() } }
            yield()
            until("the block runs") { job.isActive }
            kotlinx.coroutines.delay(50)
            job.cancel()
            job.join()
            same(app.isClosed, true)
        },
        test("an error has a text for people in both languages, a next step, and a code that the log knows") {
            fresh().use { app ->
                val error = fails<BienbanException.NotFound> { app.inspection("ab".repeat(32)) }
                same(error.kind, "not_found")
                same(error.next, NextStep.TELL)
                same(error.message(Locale("vi", "VN")), error.report.messageVi)
                same(error.message(Locale.UK), error.report.messageEn)
                same(error.message(Locale.FRANCE), error.report.messageEn)
                same(error.report.message(Locale("vi")), error.report.messageVi)
                claim(error.report.messageVi != error.report.messageEn) { "one text for two languages" }
                claim(error.report.messageVi.any { it.code > 127 }) { "Vietnamese without its marks" }
                same(error.reportId.length, 8)
                claim(error.message.orEmpty().contains(error.reportId)) { "the log cannot be searched by ${error.message}" }
                val line = Bienban.recentReports().single { it.reportId == error.reportId }
                same(line.call, "inspection")
            }
        },
        test("a step that lacks something says all of it, and where to write it") {
            phone("leader").use { app ->
                val facility = app.facilities(ListQuery(text = Stage["facility"])).rows.single()
                val id = app.openVisit(app.plans().rows.single().id, facility.id)
                val step = app.inspection(id).next.first { it.missing.isNotEmpty() }
                val error = fails<BienbanException.NotReady> { app.takeStep(id, StepDraft(step.to.key)) }
                same(error.missing, step.missing)
                claim(error.missing.isNotEmpty()) { "nothing is missing, and it is not ready" }
                for (thing in error.missing) {
                    claim(thing.title.text(Locale("vi")).isNotBlank()) { "a thing without a title" }
                    claim(thing.todo.text(Locale.UK).isNotBlank()) { "a thing without what to do" }
                }
            }
        },
        test("what does not fit is Invalid, NotEnrolled and NotAllowed as it is") {
            phone("leader").use { app ->
                val id = app.visitInField()
                same(fails<BienbanException> { app.answer(id, answerOf("9.9", Grade.PASS)) }.kind, "invalid")
                same(fails<BienbanException> { app.plans(ListQuery(after = "nonsense")) }.kind, "invalid")
                same(fails<BienbanException> { app.plans(ListQuery(limit = -1, after = "x")) }.kind, "invalid")
                same(fails<BienbanException> { app.enrol("https://example.org", "x") }.kind, "not_enrolled")
                same(fails<BienbanException> { app.visits("ab".repeat(32)) }.kind, "not_found")
            }
            fresh().use { same(fails<BienbanException> { it.sync() }.kind, "not_enrolled") }
        },
        test("what an error prints names nobody") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val error = fails<BienbanException> { app.choose(id, "nowhere", "ab") }
                claim(!error.toString().contains("about")) { error.toString() }
                claim(error.cause == null) { "the generated error is its cause, and prints what it is about" }
            }
        },
        test("a folder that another process has open is InUse") {
            val dir = scratch()
            val keys = MemoryKeys()
            Bienban.open(dir, keys).use {
                fails<BienbanException.InUse> { Bienban.open(dir, keys) }
            }
        },
        test("a keystore that throws is Locked, with another try, and nothing was made") {
            val failing =
                object : KeyStore {
                    override fun loadKey(name: String): ByteArray? = throw IllegalStateException("locked: mật khẩu")

                    override fun saveKey(
                        name: String,
                        key: ByteArray,
                    ) = throw IllegalStateException("locked")

                    override fun deleteKey(name: String) = throw IllegalStateException("locked")
                }
            val dir = scratch()
            val error = fails<BienbanException.Locked> { Bienban.open(dir, failing) }
            same(error.next, NextStep.RETRY)
            claim(!error.toString().contains("mật khẩu")) { "the keystore's words are shown" }
            same(dir.list()?.size, 0)
        },
        test("a keystore that cannot save, by an Error even, seals no data under a key that nobody keeps") {
            val dir = scratch()
            val failing =
                object : MemoryKeys() {
                    override fun saveKey(
                        name: String,
                        key: ByteArray,
                    ): Unit = throw OutOfMemoryError("on purpose")
                }
            same(fails<BienbanException.Locked> { Bienban.open(dir, failing) }.next, NextStep.RETRY)
            same(dir.list()?.size, 0)
        },
        test("a keystore that lost the key is Locked, with a report, and no new device is made") {
            val dir = scratch()
            val keys = MemoryKeys()
            val device = Bienban.open(dir, keys).use { it.device }
            val key = keys.key
            keys.key = null
            same(fails<BienbanException.Locked> { Bienban.open(dir, keys) }.next, NextStep.REPORT)
            keys.key = ByteArray(32)
            fails<BienbanException.Locked> { Bienban.open(dir, keys) }
            keys.key = ByteArray(5)
            fails<BienbanException.Locked> { Bienban.open(dir, keys) }
            keys.key = key
            Bienban.open(dir, keys).use { same(it.device, device) }
        },
        test("an exported record is a file that the hub's program finds valid") {
            val file = File(scratch(), "record.bienban")
            phone("leader").use { app ->
                val id = app.visitInField()
                app.answer(id, answerOf("1.1", Grade.MAJOR))
                val made = app.exportRecord(id, file, offline = true)
                same(made.bytes, file.length())
                program("verify", file.path)
            }
        },
    )
