// Flows: told from threads of the library, shared, complete at the end, and never in anybody's way.
package vn.bienban.tests

import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout
import vn.bienban.BienbanException
import vn.bienban.Changes
import vn.bienban.DocumentChange
import vn.bienban.DocumentKind
import vn.bienban.Grade
import vn.bienban.SyncProgress
import vn.bienban.SyncState
import vn.bienban.TextEdit
import vn.bienban.use
import vn.bienban.with

val watching =
    listOf(
        test("a screen that is watched is read at once and again after each edit") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val grades = CopyOnWriteArrayList<Grade?>()
                val screen =
                    launch {
                        app.watchInspection(id).collect { shown ->
                            grades += shown.sections.flatMap { it.items }.single { it.key == "1.1" }.countsAs
                        }
                    }
                until("it is shown") { grades.isNotEmpty() }
                app.answer(id, answerOf("1.1", Grade.MAJOR))
                until("the edit is shown") { grades.last() == Grade.MAJOR }
                app.answer(id, answerOf("1.1", Grade.PASS))
                until("the next is shown") { grades.last() == Grade.PASS }
                screen.cancelAndJoin()
            }
        },
        test("what changed is told with the inspection that shows it") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val ready = CompletableDeferred<Unit>()
                val told = CopyOnWriteArrayList<Changes>()
                val first = launch { app.watch { ready.complete(Unit) }.collect {} }
                ready.await()
                val second = launch { app.changes.collect { told += it } }
                delay(200)
                app.note(id, "1.1", TextEdit.Append("một"))
                until("it is told") { told.any { one -> one.documents.any { it.inspection == id && it.content } } }
                claim(told.any { it.inspections }) { "the list shows something else, and nobody says so" }
                first.cancelAndJoin()
                second.cancelAndJoin()
            }
        },
        test("observers are called on a thread of the library, collectors on their own") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val threads = CopyOnWriteArrayList<Thread>()
                val here = CopyOnWriteArrayList<String>()
                val observer =
                    object : vn.bienban.generated.Observer {
                        override fun changed(changes: vn.bienban.generated.Changes) {
                            threads += Thread.currentThread()
                        }

                        override fun syncProgress(progress: vn.bienban.generated.SyncProgress) = Unit

                        override fun wipeOrdered(order: vn.bienban.generated.WipeOrder) = Unit
                    }
                val subscription = generatedOf(app).observe(observer)
                val collector =
                    launch { app.watchInspection(id).collect { here += Thread.currentThread().name } }
                until("it is read") { here.isNotEmpty() }
                app.note(id, "1.1", TextEdit.Append("một"))
                until("both are told") { threads.isNotEmpty() && here.size > 1 }
                claim(threads.none { it.name.startsWith("DefaultDispatcher") || it.name == "main" }) { "$threads" }
                claim(here.all { it.startsWith("DefaultDispatcher") }) { "$here" }
                subscription.cancel()
                collector.cancelAndJoin()
            }
        },
        test("fifty collectors share one observer and are all told") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val ready = (0 until 50).map { CompletableDeferred<Unit>() }
                val told =
                    ready.map { mine ->
                        async {
                            app.watch { mine.complete(Unit) }.first { !it }
                        }
                    }
                ready.awaitAll()
                app.note(id, "1.1", TextEdit.Append("một"))
                withTimeout(20_000) { told.awaitAll() }
            }
        },
        test("a collector that throws ends its own flow and nobody else's") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val reads = CopyOnWriteArrayList<Int>()
                val other = launch { app.watchInspection(id).collect { reads += it.sections.size } }
                until("it is read") { reads.size == 1 }
                fails<IllegalStateException> { app.watchInspection(id).collect { error("on purpose") } }
                app.note(id, "1.1", TextEdit.Append("một"))
                until("the other is still told") { reads.size > 1 }
                other.cancelAndJoin()
            }
        },
        test("a read that fails comes out of the flow as its error") {
            fresh().use { app ->
                fails<BienbanException.NotFound> { app.watchInspection("ab".repeat(32)).collect {} }
            }
        },
        test("flows complete when the folder is closed") {
            val app = phone("leader")
            val read = CompletableDeferred<Unit>()
            val watch = async { app.watch { read.complete(Unit) }.toList() }
            read.await()
            val changes = async { app.changes.toList() }
            val progress = async { app.syncProgress.toList() }
            val orders = async { app.wipeOrders.toList() }
            delay(200)
            app.close()
            withTimeout(5_000) { awaitAll(watch, changes, progress, orders) }
            same(orders.await().size, 0)
        },
        test("a collector that takes its time delays neither the library nor others") {
            phone("leader").use { app ->
                val id = app.visitInField()
                val quick = CopyOnWriteArrayList<Int>()
                val slow = CopyOnWriteArrayList<Int>()
                val over = java.util.concurrent.CountDownLatch(1)
                val one =
                    launch(Dispatchers.IO) {
                        app.watchInspection(id).collect {
                            slow += it.heads.size
                            over.await()
                        }
                    }
                val two = launch { app.watchInspection(id).collect { quick += it.heads.size } }
                until("both have read") { quick.size == 1 && slow.size == 1 }
                repeat(3) {
                    val before = quick.size
                    app.note(id, "1.1", TextEdit.Append("$it"))
                    until("the quick one is told", 5_000) { quick.size > before }
                }
                same(slow.size, 1)
                one.cancel()
                over.countDown()
                two.cancelAndJoin()
            }
        },
        test("how an exchange goes is told, to its end") {
            realPhone("leader").use { app ->
                val ready = CompletableDeferred<Unit>()
                val told = CopyOnWriteArrayList<SyncProgress>()
                val first = launch { app.watch { ready.complete(Unit) }.collect {} }
                ready.await()
                val second = launch { app.syncProgress.collect { told += it } }
                delay(200)
                same(app.sync().caughtUp, true)
                until("the end is told") { told.lastOrNull()?.state == SyncState.IDLE }
                first.cancelAndJoin()
                second.cancelAndJoin()
            }
        },
        test("keeping in touch brings another's edit, and the screen is told") {
            realPhone("leader").use { leader ->
                val id = leader.visitInField()
                leader.sync()
                realPhone("member").use { member ->
                    member.sync()
                    val reads = CopyOnWriteArrayList<String>()
                    val screen = launch { member.watchInspection(id).collect { reads += it.digest } }
                    until("it is read") { reads.isNotEmpty() }
                    member.startBackgroundSync()
                    leader.note(id, "1.2", TextEdit.Append("từ tổ trưởng ${System.nanoTime()}"))
                    leader.sync()
                    val digest = leader.digest(id)
                    until("the edit is shown", 30_000) { reads.last() == digest }
                    member.stopBackgroundSync()
                    screen.cancelAndJoin()
                }
            }
        },
        test("events that wait are told as one, and nothing of them is lost") {
            fun one(
                id: String,
                content: Boolean,
            ) = DocumentChange(id, DocumentKind.INSPECTION, id, content)

            fun all(vararg documents: DocumentChange) =
                Changes(documents.toList(), false, true, false, false, false, false)
            val both = all(one("a", true), one("b", false)).with(all(one("a", false), one("c", true)).copy(plans = true))
            same(both.documents.map { it.document to it.content }, listOf("a" to true, "b" to false, "c" to true))
            same(both.inspections && both.plans && !both.more, true)
            val many = all(*Array(200) { one("x$it", true) }).with(all(*Array(200) { one("y$it", true) }))
            same(many.documents.size, 256)
            same(many.more, true)
        },
    )
