// Cancelled coroutines: what they end, and what they do not take back.
package vn.bienban.tests

import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Job
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.joinAll
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import kotlinx.coroutines.yield
import vn.bienban.Bienban
import vn.bienban.BienbanException
import vn.bienban.OpenOptions
import vn.bienban.SyncProgress
import vn.bienban.SyncState
import vn.bienban.TextEdit
import vn.bienban.use

/** Collects how exchanges go, and returns once it is told. */
private suspend fun kotlinx.coroutines.CoroutineScope.progress(
    app: Bienban,
    told: MutableList<SyncProgress>,
): Job {
    val ready = CompletableDeferred<Unit>()
    // The second collector shares the first one's observer, so that both are told from here on.
    val first = launch { app.watch { ready.complete(Unit) }.collect {} }
    ready.await()
    val job = launch { app.syncProgress.collect { synchronized(told) { told += it } } }
    delay(200)
    return launch {
        try {
            kotlinx.coroutines.awaitCancellation()
        } finally {
            first.cancel()
            job.cancel()
        }
    }
}

private fun exchanging(told: List<SyncProgress>) =
    synchronized(told) { told.count { it.state == SyncState.EXCHANGING || it.state == SyncState.CONNECTING } }

val ends =
    listOf(
        test("a cancelled sync ends the exchange: the next one has its turn at once") {
            phone("leader").use { app ->
                val told = mutableListOf<SyncProgress>()
                val watching = progress(app, told)
                hubSignal("STOP")
                try {
                    val hanging = launch { app.sync() }
                    until("the exchange begins") { exchanging(told) > 0 }
                    // The control: one that waits behind another has not begun.
                    val before = exchanging(told)
                    val behind = app.startSync()
                    delay(500)
                    same(exchanging(told), before)
                    same(behind.isEnded, false)
                    behind.cancel()
                    fails<BienbanException.Cancelled> { behind.await() }
                    hanging.cancel()
                    withTimeout(1_000) { hanging.join() }
                    val next = app.startSync()
                    until("the next exchange begins", 3_000) { exchanging(told) > before }
                    next.close()
                    fails<BienbanException.Cancelled> { next.await() }
                    same(next.isEnded, true)
                } finally {
                    hubSignal("CONT")
                    watching.cancel()
                }
            }
        },
        test("who waits for an exchange and is cancelled ends nothing: another waiter has its result") {
            realPhone("leader").use { app ->
                val run = app.startSync()
                val waiter = launch { run.await() }
                yield()
                waiter.cancel()
                same(run.await().caughtUp, true)
                same(run.isEnded, true)
            }
        },
        test("an exchange under way ends with Closed when the folder is closed") {
            val app = phone("leader")
            hubSignal("STOP")
            try {
                val run = app.startSync()
                delay(100)
                app.close()
                fails<BienbanException.Closed> { run.await() }
            } finally {
                hubSignal("CONT")
                app.close()
            }
        },
        test("a cancelled enrolment ends, its claim stays, and it is taken up again to its end") {
            val dir = scratch()
            val keys = MemoryKeys()
            Bienban.open(dir, keys).use { app ->
                val invited = invite("Lý Thị Hoa")
                val shown = CompletableDeferred<String>()
                val enrolling = launch { app.enrol(invited.uri, "điện thoại thử") { shown.complete(it.digits) } }
                val digits = withTimeout(60_000) { shown.await() }
                claim(Regex("[0-9]{6}").matches(digits)) { "no six digits: $digits" }
                enrolling.cancel()
                withTimeout(5_000) { enrolling.join() }
                claim(app.me().enrolling) { "the invitation is forgotten" }
                admin("confirm", invited.id, "--digits", digits)
                // The control of what follows: had it gone on, it would know by now who it is.
                delay(2_000)
                claim(app.me().enrolling) { "the enrolment went on though it was cancelled" }
                val again = mutableListOf<String>()
                val me = app.resumeEnrolment { again += it.digits }
                same(me?.name, invited.name)
                same(again, mutableListOf(digits))
                same(app.me().enrolling, false)
                claim(app.resumeEnrolment() == null) { "an enrolment that is over goes on" }
            }
            Bienban.open(dir, keys).use { same(it.me().name, "Lý Thị Hoa") }
        },
        test("a cancelled open leaves the folder free") {
            val dir = scratch()
            val keys = MemoryKeys()
            repeat(20) { at ->
                val opening = launch { Bienban.open(dir, keys, OpenOptions(patienceMs = 10_000)).use { delay(1) } }
                delay(at * 3L)
                opening.cancel()
                opening.join()
            }
            Bienban.open(dir, keys, OpenOptions(patienceMs = 10_000)).use { same(it.plans().rows.size, 0) }
        },
        test("cancelled edits are made whole or were never begun") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val acknowledged = AtomicInteger()
                val edits =
                    (0 until 60).map { at ->
                        launch {
                            app.note(id, "1.1", TextEdit.Append("<$at>"))
                            acknowledged.incrementAndGet()
                        }
                    }
                delay(30)
                edits.forEach { it.cancel() }
                edits.joinAll()
                val note = suspend { app.inspection(id).sections.flatMap { it.items }.single { it.key == "1.1" }.note }
                var before = ""
                until("all that was begun is made") {
                    val now = note()
                    (now == before).also {
                        before = now
                        delay(200)
                    }
                }
                val lines = before.lines().filter { it.isNotEmpty() }
                claim(lines.all { Regex("<[0-9]+>").matches(it) }) { "half an edit: $lines" }
                same(lines.toSet().size, lines.size)
                claim(lines.size >= acknowledged.get()) { "${acknowledged.get()} acknowledged, ${lines.size} there" }
            }
        },
        test("a thousand cancelled calls leave the folder usable") {
            phone("leader").use { app ->
                val calls = (0 until 1_000).map { async { app.inspections() } }
                delay(20)
                calls.forEach { it.cancel() }
                calls.forEach {
                    try {
                        it.await()
                    } catch (_: CancellationException) {
                        // As was asked.
                    }
                }
                same((0 until 50).map { async { app.plans().rows.size } }.awaitAll().toSet(), setOf(1))
            }
        },
        test("a cancelled collector frees its observer") {
            fresh().use { app ->
                // The library takes 16 observers; forty one after the other only pass if each is given back.
                repeat(40) { app.watch { it.plans().rows.size }.first() }
                val many = (0 until 40).map { async { app.watch { it.plans().rows.size }.first() } }
                same(many.awaitAll().toSet(), setOf(0))
            }
        },
    )
