package vn.bienban

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.withContext
import vn.bienban.generated.Enrolment as GeneratedEnrolment
import vn.bienban.generated.SyncRun as GeneratedSyncRun

/** An exchange under way. See [Bienban.startSync]. */
public class SyncRun internal constructor(private val inner: GeneratedSyncRun) : AutoCloseable {
    /** Whether it has ended. Answers from memory. */
    public val isEnded: Boolean
        get() = translated { inner.isEnded() }

    /**
     * Waits for the end. Several may wait; a cancelled coroutine stops waiting and ends nothing.
     *
     * @throws BienbanException as [Bienban.sync], and [BienbanException.Cancelled] after [cancel].
     */
    public suspend fun await(): SyncOutcome =
        withContext(Dispatchers.Default) { translated { inner.wait().own() } }

    /** Ends the exchange, at any time and as often as one likes. What had arrived stays. Answers from memory. */
    public fun cancel() {
        translated { inner.cancel() }
    }

    /** As [cancel]. */
    override fun close(): Unit = cancel()
}

/** An enrolment under way: *ghi danh*. See [Bienban.enrol]. */
public class Enrolment internal constructor(private val inner: GeneratedEnrolment) : AutoCloseable {
    /** Where it stands. Answers from memory. */
    public val status: EnrolmentStatus
        get() = translated { inner.status().own() }

    /**
     * Waits until the server keeps the claim, and returns the digits to show; at once if it does.
     *
     * @throws BienbanException as [await], where it ended before.
     */
    public suspend fun digits(): EnrolmentStatus =
        withContext(Dispatchers.Default) { translated { inner.waitForDigits().own() } }

    /**
     * Waits until an administrator has confirmed this device, and returns who it is. Several may wait; a cancelled
     * coroutine stops waiting and ends nothing.
     *
     * @throws BienbanException [BienbanException.NotEnrolled] when the server refused the claim or nobody confirmed it
     * in time, [BienbanException.Cancelled] after [cancel], [BienbanException.Network] when the server was never
     * reached, and [BienbanException.WrongHub] when another answers.
     */
    public suspend fun await(): Me = withContext(Dispatchers.Default) { translated { inner.wait().own() } }

    /**
     * Ends waiting, at any time and as often as one likes. The claim stays with the server;
     * [Bienban.resumeEnrolment] goes on with it, also after a restart. Answers from memory.
     */
    public fun cancel() {
        translated { inner.cancel() }
    }

    /** As [cancel]. */
    override fun close(): Unit = cancel()

    /** Shows the digits and waits for the end; whatever ends the coroutine ends the enrolment first. */
    internal suspend fun toItsEnd(show: suspend (EnrolmentStatus) -> Unit): Me {
        try {
            show(digits())
            return await()
        } catch (error: Throwable) {
            cancel()
            // Two at once spoil each other: the next one must not begin before this has ended.
            withContext(NonCancellable) {
                try {
                    await()
                } catch (_: BienbanException) {
                    // That it was cancelled.
                }
            }
            throw error
        }
    }
}
