package vn.bienban.sample

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import vn.bienban.BienbanException
import vn.bienban.Report

/**
 * What is behind a screen, without Android: it reads, does what a button asks, and says what to show.
 * It lives as long as its scope.
 */
abstract class Presenter<State>(
    protected val scope: CoroutineScope,
    begun: State,
) {
    private val shown = MutableStateFlow(begun)
    private val trouble = MutableStateFlow<BienbanException?>(null)
    private val working = MutableStateFlow(false)

    /** What to draw. */
    val state: StateFlow<State> = shown.asStateFlow()

    /** What went wrong last, until a person has seen it. */
    val error: StateFlow<BienbanException?> = trouble.asStateFlow()

    /** Something that a button asked for is under way: buttons wait. */
    val busy: StateFlow<Boolean> = working.asStateFlow()

    /** The person has seen the error. */
    fun dismiss() {
        trouble.value = null
    }

    protected fun show(state: State) {
        shown.value = state
    }

    /** Shows what is shown with something changed; two may do so at once. */
    protected fun change(how: (State) -> State) = shown.update(how)

    /** Shows everything that a flow brings. Its error is shown too; what was drawn stays. */
    protected fun <T> follow(
        flow: Flow<T>,
        draw: (T) -> Unit,
    ): Job = scope.launch { told { flow.collect { draw(it) } } }

    /** Does what a button asks, one thing at a time: a second tap on the same button does nothing. */
    protected fun act(work: suspend () -> Unit): Job? {
        if (!working.compareAndSet(expect = false, update = true)) return null
        val job = scope.launch { told(work) }
        // A job of a scope that has ended is over before it begins.
        job.invokeOnCompletion { working.value = false }
        return job
    }

    private suspend fun told(work: suspend () -> Unit) {
        try {
            work()
        } catch (error: CancellationException) {
            throw error
        } catch (error: BienbanException) {
            trouble.value = error
        }
    }
}

/** What to offer below an error's text. */
enum class Offer { NOTHING, RETRY, SEND_REPORT }

/** What the report asks the app to offer. */
fun offer(report: Report): Offer =
    when (report.next) {
        vn.bienban.NextStep.RETRY -> Offer.RETRY
        vn.bienban.NextStep.TELL -> Offer.NOTHING
        vn.bienban.NextStep.REPORT -> Offer.SEND_REPORT
    }
