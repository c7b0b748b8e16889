package vn.bienban.sample

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import vn.bienban.Bienban
import vn.bienban.Ledger
import vn.bienban.SyncOutcome
import vn.bienban.SyncProgress

/** Where this phone's work has arrived, as the library says it. */
data class LedgerState(
    /** Null until it was read. */
    val ledger: Ledger? = null,
    val progress: SyncProgress? = null,
    val last: SyncOutcome? = null,
)

/** Shows the ledger, exchanges when a person asks, and stops when they do. */
class LedgerPresenter(
    private val app: Bienban,
    scope: CoroutineScope,
) : Presenter<LedgerState>(scope, LedgerState()) {
    private var exchange: Job? = null
    private val underWay = MutableStateFlow(false)

    /** An exchange is under way that [stop] ends. */
    val exchanging: StateFlow<Boolean> = underWay.asStateFlow()

    init {
        follow(app.watch { it.ledger() }) { ledger -> change { it.copy(ledger = ledger) } }
        follow(app.syncProgress) { progress ->
            change { it.copy(progress = progress) }
        }
    }

    /** Exchanges once. */
    fun exchange(): Job? {
        val job =
            act {
                underWay.value = true
                val done = app.sync()
                val ledger = app.ledger()
                change { it.copy(last = done, ledger = ledger) }
            } ?: return null
        job.invokeOnCompletion { underWay.value = false }
        exchange = job
        return job
    }

    /** Ends the exchange: its coroutine's end is its own. What had arrived stays. */
    fun stop() {
        exchange?.cancel(CancellationException("a person stopped it"))
    }

    /** Gives minutes up that the server will not register. */
    fun giveUp(
        code: String,
        reason: String,
    ): Job? =
        act {
            app.giveUpMinutes(code, reason.trim())
            val ledger = app.ledger()
            change { it.copy(ledger = ledger) }
        }
}
