package vn.bienban

/** What is closed by a call that takes its time and holds no thread. */
public interface SuspendCloseable {
    /** Closes it. As often as one likes. */
    public suspend fun close()
}

/**
 * Runs `block` and closes what it was given, whether it returned, threw or was cancelled. What closing throws after
 * `block` threw is added to that.
 */
public suspend inline fun <T : SuspendCloseable, R> T.use(block: (T) -> R): R {
    var thrown: Throwable? = null
    try {
        return block(this)
    } catch (error: Throwable) {
        thrown = error
        throw error
    } finally {
        try {
            close()
        } catch (error: Throwable) {
            if (thrown == null) throw error
            thrown.addSuppressed(error)
        }
    }
}
