// A phone of the shared day in Kotlin: reads a step per line, does it with the facade, answers a line.
// See bindings/scenario/README.md for the protocol.
package vn.bienban.phone

import java.io.File
import java.io.PrintStream
import kotlin.system.exitProcess
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelChildren
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.onStart
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import vn.bienban.AnswerDraft
import vn.bienban.Bienban
import vn.bienban.BienbanException
import vn.bienban.DrawnSignature
import vn.bienban.Enrolment
import vn.bienban.FindingDraft
import vn.bienban.Grade
import vn.bienban.ListQuery
import vn.bienban.NetworkHint
import vn.bienban.OpenOptions
import vn.bienban.Point
import vn.bienban.SealDraft
import vn.bienban.Severity
import vn.bienban.Signatory
import vn.bienban.StepDraft
import vn.bienban.Stroke
import vn.bienban.TextEdit

private typealias Request = Map<String, Any?>

private fun Request.text(key: String): String = this[key] as? String ?: error("a request without $key: $this")

private fun Request.maybe(key: String): String? = this[key] as String?

/** One device, and what it does. */
private class Phone(private val scope: CoroutineScope) {
    private lateinit var app: Bienban
    private lateinit var enrolment: Enrolment
    private var watching: Job? = null

    /** Inspections whose content changed since the background began. */
    private val heard = mutableSetOf<String>()

    suspend fun answer(request: Request): Map<String, Any?> {
        val inspection = request.maybe("inspection").orEmpty()
        return when (val what = request.text("do")) {
            "open" -> open(request.text("dir"))
            "enrol" -> {
                enrolment = app.enrol(request.text("uri"), request.text("label"))
                mapOf("digits" to enrolment.digits().digits)
            }
            "enrolled" -> {
                val me = enrolment.await()
                mapOf("name" to me.name, "roles" to me.roles.map { it.name.lowercase() })
            }
            "network" -> {
                app.setNetwork(NetworkHint(offline = request["offline"] as Boolean))
                emptyMap()
            }
            "sync" -> sync()
            "background" -> {
                synchronized(heard) { heard.clear() }
                if (request["on"] as Boolean) app.startBackgroundSync() else app.stopBackgroundSync()
                emptyMap()
            }
            "heard" -> heard(inspection)
            "open_visit" -> openVisit(request.text("facility"))
            "header" -> recorded(app.setHeader(inspection, request.text("field"), request.text("value")).recorded)
            "step" -> recorded(app.takeStep(inspection, StepDraft(request.text("to"))).recorded)
            "answer" -> recorded(app.answer(inspection, draft(request)).recorded)
            "note" -> recorded(app.note(inspection, request.text("item"), TextEdit.Append(request.text("line"))).recorded)
            "finding" -> finding(inspection, request)
            "resolve" -> mapOf("settled" to app.resolveAnswer(inspection, draft(request)).name.lowercase())
            "history" -> mapOf("answers" to app.answerHistory(inspection, request.text("item")).size)
            "send_back" -> mapOf("id" to app.sendBack(inspection, request.maybe("item"), request.text("text")).id)
            "reply" -> reply(inspection, request.text("text"))
            "accept" -> {
                val seen = app.inspection(inspection).heads
                recorded(app.accept(inspection, request.text("text"), seen).recorded)
            }
            "seal" -> seal(inspection, request.text("name"), request.text("title"))
            "countersign" -> mapOf("seal" to app.countersign(inspection))
            "ledger" -> app.ledger().onlyHere.let { mapOf("only_here" to it, "some_only_here" to (it > 0)) }
            "show" -> show(inspection)
            "export" -> {
                val made = app.exportRecord(inspection, File(request.text("path")))
                mapOf("bytes" to made.bytes, "unhelped" to made.unhelped)
            }
            "close" -> {
                app.close()
                app.close()
                emptyMap()
            }
            else -> error("this phone cannot $what")
        }
    }

    private fun recorded(recorded: Boolean) = mapOf("recorded" to recorded)

    private suspend fun open(dir: String): Map<String, Any?> {
        // A phone that was killed may hold the folder for a moment.
        app = Bienban.open(File(dir), FileKeyStore(File("$dir.key")), OpenOptions(patienceMs = 10_000))
        watching = scope.launch {
            app.changes.collect { changes ->
                val content = changes.documents.filter { it.content }.mapNotNull { it.inspection }
                synchronized(heard) { heard += content }
            }
        }
        // And one that throws: that must disturb nobody.
        scope.launch { runCatching { app.syncProgress.onStart { error("a collector that throws") }.collect {} } }
        return mapOf("device" to app.device)
    }

    private suspend fun heard(inspection: String): Map<String, Any?> {
        repeat(300) {
            if (synchronized(heard) { inspection in heard }) return mapOf("changed" to true)
            delay(100)
        }
        return mapOf("changed" to false)
    }

    private suspend fun sync(): Map<String, Any?> {
        val done = app.sync()
        return mapOf(
            "caught_up" to done.caughtUp,
            "sent" to done.sent,
            "received" to done.received,
            "only_here" to done.onlyHere,
        )
    }

    private suspend fun openVisit(code: String): Map<String, Any?> {
        val facility = app.facilities(ListQuery(text = code)).rows.first()
        val plan = app.plans().rows.first()
        return mapOf("inspection" to app.openVisit(plan.id, facility.id))
    }

    private fun draft(request: Request) =
        AnswerDraft(
            item = request.text("item"),
            grade = Grade.valueOf(request.text("grade").uppercase()),
            value = request.maybe("value"),
            note = request.maybe("note"),
        )

    private suspend fun finding(
        inspection: String,
        request: Request,
    ): Map<String, Any?> {
        val severity = Severity.valueOf(request.text("severity").uppercase())
        val draft = FindingDraft(item = request.text("item"), severity = severity, text = request.text("text"))
        return mapOf("finding" to app.addFinding(inspection, draft))
    }

    private suspend fun reply(
        inspection: String,
        text: String,
    ): Map<String, Any?> {
        val open = app.inspection(inspection).review?.requests.orEmpty().first { !it.settled }
        return mapOf("id" to app.reply(inspection, open.id, text).id)
    }

    private suspend fun seal(
        inspection: String,
        name: String,
        title: String,
    ): Map<String, Any?> {
        val strokes =
            listOf(
                Stroke(listOf(Point(40, 120), Point(90, 40), Point(130, 150))),
                Stroke(listOf(Point(200, 110), Point(560, 50))),
            )
        val person = Signatory(name, title, DrawnSignature(600, 200, strokes))
        val draft = SealDraft(person = person, notHeard = "Chưa ghi gì trong cuộc kiểm tra này.")
        return mapOf("seal" to app.seal(inspection, draft))
    }

    private suspend fun show(inspection: String): Map<String, Any?> {
        val screen = app.inspection(inspection)
        check(app.digest(inspection) == screen.digest) { "two calls say two digests" }
        val items = screen.sections.flatMap { it.items }
        val requests = screen.review?.requests.orEmpty()
        return mapOf(
            "digest" to screen.digest,
            "states" to screen.states.map { it.key },
            "conflicts" to screen.conflicts.map { it.place },
            "items" to items.mapNotNull { item -> item.countsAs?.let { item.key to it.name.lowercase() } }.toMap(),
            "findings" to screen.findings.count { !it.deleted },
            "verdict" to (screen.review?.verdict?.key ?: "pending"),
            "open_requests" to requests.count { !it.settled },
            "sealed" to screen.sealed,
            "numbered" to (screen.minutes?.official != null),
        )
    }
}

private fun failure(error: BienbanException) =
    mapOf(
        "kind" to error.kind,
        "next" to error.next.name.lowercase(),
        "message_vi" to error.report.messageVi,
        "message_en" to error.report.messageEn,
        "report_id" to error.reportId,
    )

fun main() {
    // Nothing but answers may be written there, and in one piece.
    val out = PrintStream(System.out, true, "UTF-8")
    runBlocking(Dispatchers.Default) {
        val phone = Phone(this)
        while (true) {
            val line = withContext(Dispatchers.IO) { readlnOrNull() } ?: break
            @Suppress("UNCHECKED_CAST")
            val request = JsonReader(line).read() as Request
            val answer =
                try {
                    "ok" to phone.answer(request)
                } catch (error: BienbanException) {
                    "error" to failure(error)
                }
            out.println(json(mapOf("id" to request["id"], answer)))
        }
        coroutineContext.cancelChildren()
    }
    exitProcess(0)
}
