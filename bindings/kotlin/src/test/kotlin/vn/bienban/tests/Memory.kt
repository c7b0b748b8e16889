// What is left to the garbage collector is freed, in Rust too; a small heap is enough.
package vn.bienban.tests

import java.io.File
import java.lang.ref.PhantomReference
import java.lang.ref.ReferenceQueue
import java.lang.ref.WeakReference
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.delay
import vn.bienban.Bienban
import vn.bienban.BienbanException
import vn.bienban.Grade
import vn.bienban.SyncRun
import vn.bienban.use
import vn.bienban.generated.BienbanException as GeneratedException
import vn.bienban.generated.Changes
import vn.bienban.generated.Observer
import vn.bienban.generated.SyncProgress
import vn.bienban.generated.WipeOrder

private const val OBJECTS = 20_000

private class Nothing : Observer {
    override fun changed(changes: Changes) = Unit

    override fun syncProgress(progress: SyncProgress) = Unit

    override fun wipeOrdered(order: WipeOrder) = Unit
}

/** What this process holds of the machine's memory, in MB; none where the system does not say. */
private fun resident(): Long? =
    File("/proc/self/status").takeIf { it.exists() }?.readLines()
        ?.firstOrNull { it.startsWith("VmRSS") }?.filter { it.isDigit() }?.toLong()?.div(1_024)

val memory =
    listOf(
        test("$OBJECTS objects that nobody closes are collected, here and in the library") {
            fresh().use { app ->
                // Not enrolled: each exchange ends at once by itself, and only its object is left.
                fails<BienbanException.NotEnrolled> { app.sync() }
                val queue = ReferenceQueue<SyncRun>()
                val references = ArrayList<PhantomReference<SyncRun>>(OBJECTS)
                repeat(2_000) { app.startSync() }
                System.gc()
                delay(500)
                val before = resident()
                repeat(OBJECTS) { at ->
                    references += PhantomReference(app.startSync(), queue)
                    if (at % 1_000 == 0) delay(1)
                }
                var collected = 0
                until("all are collected", 200_000) {
                    System.gc()
                    while (queue.poll() != null) collected++
                    collected == OBJECTS
                }
                // One that was collected is cancelled and freed in Rust: its observer's place is free again.
                val inner = generatedOf(app)
                repeat(3) {
                    until("16 observers that were dropped are gone", 30_000) {
                        try {
                            repeat(16) { inner.observe(Nothing()) }
                            true
                        } catch (_: GeneratedException.Invalid) {
                            System.gc()
                            delay(50)
                            false
                        }
                    }
                }
                val after = resident()
                println("       resident: $before MB before, $after MB after $OBJECTS objects")
                if (before != null && after != null) {
                    // A run that leaks holds a task, two channels and its error: a kilobyte at the very least.
                    claim(after - before < 100) { "it grew by ${after - before} MB" }
                }
            }
        },
        test("a folder that nobody closed closes itself once it is collected, and its keystore is let go") {
            val dir = scratch()
            val key = MemoryKeys().also { Bienban.open(dir, it).use {} }.key
            suspend fun leave(): WeakReference<MemoryKeys> {
                val keys = MemoryKeys(key)
                Bienban.open(dir, keys).plans()
                return WeakReference(keys)
            }
            val keys = leave()
            fails<BienbanException.InUse> { Bienban.open(dir, MemoryKeys(key)) }
            until("it is free again", 60_000) {
                System.gc()
                try {
                    Bienban.open(dir, MemoryKeys(key)).use { true }
                } catch (_: BienbanException.InUse) {
                    delay(50)
                    false
                }
            }
            until("the keystore is let go", 30_000) {
                System.gc()
                keys.get() == null
            }
        },
        test("a thousand whole screens at once fit in a small heap") {
            phone("leader").use { app ->
                val id = app.visitInField()
                app.answer(id, answerOf("1.1", Grade.PASS))
                val digest = app.digest(id)
                val shown = (0 until 1_000).map { async { app.inspection(id).digest } }.awaitAll()
                same(shown.toSet(), setOf(digest))
                println("       the heap may take ${Runtime.getRuntime().maxMemory() shr 20} MB")
            }
        },
    )
