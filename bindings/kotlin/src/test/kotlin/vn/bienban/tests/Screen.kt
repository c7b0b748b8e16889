// No call holds the screen's thread: measured on a thread that stands in for it.
package vn.bienban.tests

import java.lang.management.ManagementFactory
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.Executors
import kotlin.coroutines.CoroutineContext
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineName
import kotlinx.coroutines.Runnable
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import vn.bienban.AnswerDraft
import vn.bienban.Bienban
import vn.bienban.BienbanException
import vn.bienban.FindingDraft
import vn.bienban.Grade
import vn.bienban.ListQuery
import vn.bienban.NetworkHint
import vn.bienban.Opinion
import vn.bienban.Severity
import vn.bienban.TextEdit
import vn.bienban.use

/** Longest that a call may hold the thread: a third of a frame at 60 Hz. */
private const val HELD_MAX_MS = 5.0

/** A call that blocks does so each time; a machine that does something else meanwhile does not. */
private const val ROUNDS = 7

/** The screen's thread: notes how long each piece of work on it took, by the name of its coroutine. */
private class Screen : CoroutineDispatcher() {
    private val thread = Executors.newSingleThreadExecutor { Thread(it, "screen").apply { isDaemon = true } }
    private val cpu = ManagementFactory.getThreadMXBean()

    /** The longest of each name in this round, in milliseconds: by the clock, and what of it was the thread's own work. */
    val held = ConcurrentHashMap<String, Pair<Double, Double>>()

    override fun dispatch(
        context: CoroutineContext,
        block: Runnable,
    ) {
        val name = context[CoroutineName]?.name ?: "other"
        thread.execute {
            val (clock, worked) = System.nanoTime() to cpu.currentThreadCpuTime
            block.run()
            val took = (System.nanoTime() - clock) / 1e6 to (cpu.currentThreadCpuTime - worked) / 1e6
            held.merge(name, took) { one, other -> if (one.first > other.first) one else other }
        }
    }
}

/** Everything that an app awaits on its screen, by name. Each is run on the screen's thread. */
private suspend fun round(
    screen: Screen,
    app: Bienban,
    id: String,
    at: Int,
) {
    suspend fun on(
        name: String,
        call: suspend () -> Unit,
    ) = try {
        withContext(screen + CoroutineName(name)) { call() }
    } catch (error: BienbanException) {
        throw AssertionError("$name: $error", error)
    }
    val grade = if (at % 2 == 0) Grade.PASS else Grade.MAJOR
    on("me") { app.me() }
    on("plans") { app.plans() }
    on("visits") { app.visits(app.plans().rows.single().id) }
    on("facilities") { app.facilities(ListQuery(limit = 200)) }
    on("checklists") { app.checklists() }
    on("inspections") { app.inspections() }
    on("openVisit") { app.openVisit(app.plans().rows.single().id, app.facilities(ListQuery(text = Stage["facility"])).rows.single().id) }
    on("inspection") { app.inspection(id) }
    on("digest") { app.digest(id) }
    on("grade") { app.grade(id) }
    on("explain") { app.explain(id) }
    on("answer") { app.answer(id, AnswerDraft(item = "1.1", grade = grade)) }
    on("note") { app.note(id, "1.1", TextEdit.Append("lần $at")) }
    on("opinion") { app.opinion(id, Opinion.FACILITY, TextEdit.Append("lần $at")) }
    on("setHeader") { app.setHeader(id, "facility_representative", if (at % 2 == 0) "Hà Văn Bình" else "Hà Văn Minh") }
    on("addFinding") { app.addFinding(id, FindingDraft(item = "1.1", severity = Severity.MAJOR, text = "lần $at")) }
    on("conflicts") { app.conflicts(id) }
    on("answerHistory") { app.answerHistory(id, "1.1") }
    on("sealCheck") { app.sealCheck(id) }
    on("ledger") { app.ledger() }
    on("recentReports") { Bienban.recentReports() }
    on("setNetwork") { app.setNetwork(NetworkHint(metered = at % 2 == 0)) }
    on("isClosed") { app.isClosed }
    on("a failed call") { fails<BienbanException> { app.inspection("ab".repeat(32)) } }
    on("watchInspection") { app.watchInspection(id).first() }
    on("startBackgroundSync") { app.startBackgroundSync() }
    on("stopBackgroundSync") { app.stopBackgroundSync() }
    on("startSync") {
        val run = app.startSync()
        run.cancel()
        fails<BienbanException.Cancelled> { run.await() }
    }
    on("sync, cancelled") {
        val job = kotlinx.coroutines.CoroutineScope(screen + CoroutineName("sync, cancelled")).launch { app.sync() }
        delay(20)
        job.cancelAndJoin()
    }
    on("open and close") {
        val dir = scratch()
        Bienban.open(dir, MemoryKeys()).use { it.plans() }
    }
    // The control: what blocks is found.
    on("CONTROL") { Thread.sleep(20) }
}

val screen =
    listOf(
        test("no call holds the screen's thread for more than $HELD_MAX_MS ms") {
            val screen = Screen()
            // In a process of its own this is the first call of all: classes and library are loaded by it.
            withContext(screen + CoroutineName("first")) { Bienban.open(scratch(), MemoryKeys()).use {} }
            val cold = screen.held["first"]
            val rounds = mutableListOf<Map<String, Pair<Double, Double>>>()
            hubSignal("STOP")
            try {
                phone("leader").use { app ->
                    val id = app.visitInField()
                    repeat(ROUNDS) { at ->
                        screen.held.clear()
                        round(screen, app, id, at)
                        // A piece of work is noted once it is over, which whoever waited for it does not wait for.
                        withContext(screen + CoroutineName("barrier")) {}
                        rounds += screen.held - "barrier"
                    }
                }
            } finally {
                hubSignal("CONT")
            }
            val names = rounds.first().keys
            // The least of all rounds is what the call itself does; what is more was the machine's.
            val least = names.associateWith { name -> rounds.minOf { it.getValue(name).first } }
            val worst = names.associateWith { name -> rounds.maxOf { it[name]?.first ?: 0.0 } } - "CONTROL"
            val worked = names.associateWith { name -> rounds.maxOf { it[name]?.second ?: 0.0 } } - "CONTROL"
            fun told(ms: Double) = String.format("%.1f", ms)
            val longest = worst.maxBy { it.value }
            println("       ${names.size - 1} kinds of calls, $ROUNDS rounds. Held longest by one call at a time:")
            println("       once: ${longest.key}, ${told(longest.value)} ms by the clock, ${told(worked.getValue(longest.key))} ms of work")
            val each = (least - "CONTROL").maxBy { it.value }
            println("       each time: ${each.key}, ${told(each.value)} ms")
            println("       the very first call of the process: ${told(cold?.first ?: 0.0)} ms by the clock")
            claim(least.getValue("CONTROL") >= 20.0) { "a call that blocks for 20 ms is not seen: ${least["CONTROL"]}" }
            val blocking = (least - "CONTROL").filterValues { it > HELD_MAX_MS }
            claim(blocking.isEmpty()) { "these block each time, in ms: $blocking" }
        },
    )
