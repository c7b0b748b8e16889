// The tests' own runner: the compiler from npm brings no JUnit.
package vn.bienban.tests

import java.io.File
import java.nio.file.Files
import java.util.Properties
import kotlin.system.exitProcess
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** Longer than anything takes on a machine that does other things too. */
private const val PATIENCE_MS = 300_000L

/** A test: its name says what holds. */
class Test(
    val name: String,
    val body: suspend CoroutineScope.() -> Unit,
)

/** Names a test. */
fun test(
    name: String,
    body: suspend CoroutineScope.() -> Unit,
) = Test(name, body)

/** What `office.py` says of the hub and the folders. */
object Stage {
    private val told =
        Properties().apply { File(System.getProperty("bienban.stage")).reader(Charsets.UTF_8).use { load(it) } }

    operator fun get(key: String): String = told.getProperty(key) ?: error("the stage says nothing of $key")
}

/** A fresh folder for one use. */
fun scratch(): File = Files.createTempDirectory("bienban-test").toFile().also { made += it }

private val made = mutableListOf<File>()

/** Holds, or the test fails. */
fun claim(
    holds: Boolean,
    otherwise: () -> String,
) {
    if (!holds) throw AssertionError(otherwise())
}

/** Both are equal, or the test fails. */
fun <T> same(
    found: T,
    wanted: T,
) = claim(found == wanted) { "$found, and not $wanted" }

/** The block throws such an error, which is returned. */
suspend inline fun <reified E : Throwable> fails(crossinline block: suspend () -> Unit): E {
    try {
        block()
    } catch (error: Throwable) {
        if (error is E) return error
        throw AssertionError("it throws $error, and not ${E::class.java.simpleName}", error)
    }
    throw AssertionError("it throws nothing, and not ${E::class.java.simpleName}")
}

/** Waits until something holds. */
suspend fun until(
    what: String,
    millis: Long = 20_000,
    holds: suspend () -> Boolean,
) {
    val end = System.nanoTime() + millis * 1_000_000
    while (!holds()) {
        claim(System.nanoTime() < end) { "in $millis ms still not: $what" }
        delay(10)
    }
}

private val groups =
    mapOf(
        "calls" to calls,
        "ends" to ends,
        "watching" to watching,
        "screen" to screen,
        "memory" to memory,
    )

fun main(words: Array<String>) {
    val chosen = words.flatMap { groups[it] ?: extra(it) ?: error("no group $it; there are ${groups.keys}") }
    var failed = 0
    for (one in chosen) {
        val began = System.nanoTime()
        val error =
            try {
                runBlocking(Dispatchers.Default) { withTimeout(PATIENCE_MS) { one.body(this) } }
                null
            } catch (error: Throwable) {
                error
            }
        println("${if (error == null) "ok    " else "FAILED"} ${one.name} (${(System.nanoTime() - began) / 1_000_000} ms)")
        if (error != null) {
            failed++
            println(error.stackTraceToString().lines().take(12).joinToString("\n") { "       $it" })
        }
    }
    made.forEach { it.deleteRecursively() }
    println("${chosen.size - failed} passed, $failed failed")
    // Threads that a failed test left must not keep this alive.
    exitProcess(if (failed == 0 && chosen.isNotEmpty()) 0 else 1)
}

/** Tests that only another compilation has: those of the sample app, and of Android's classes. */
private fun extra(group: String): List<Test>? =
    try {
        @Suppress("UNCHECKED_CAST")
        Class.forName("vn.bienban.tests.${group.replaceFirstChar { it.uppercase() }}Kt")
            .getMethod("get${group.replaceFirstChar { it.uppercase() }}")
            .invoke(null) as List<Test>
    } catch (_: ClassNotFoundException) {
        null
    }
