package vn.bienban.sample

import android.view.View
import kotlinx.coroutines.launch
import vn.bienban.Bienban
import vn.bienban.Ledger
import vn.bienban.SyncProgress
import vn.bienban.SyncState
import vn.bienban.message

/** Where this phone's work has arrived, and an exchange by hand. */
class LedgerScreen(
    activity: MainActivity,
    private val app: Bienban,
) : Screen(activity) {
    override val title: String = activity.getString(R.string.ledger_title)

    override fun again(): Screen = LedgerScreen(activity, app)

    override fun view(): View {
        val presenter = LedgerPresenter(app, scope)
        val progress = activity.text("")
        val root = activity.column()
        val exchange = activity.button(activity.getString(R.string.ledger_exchange)) { presenter.exchange() }
        val stop = activity.button(activity.getString(R.string.ledger_stop)) { presenter.stop() }
        presenter.bind { state ->
            progress.text = state.progress?.let { told(it) }.orEmpty()
            state.ledger?.let { ledger -> root.only(activity.column(*told(ledger).map { activity.text(it) }.toTypedArray())) }
        }
        scope.launch {
            presenter.exchanging.collect {
                exchange.isEnabled = !it
                stop.isEnabled = it
            }
        }
        return activity.framed(activity.scrolled(root), activity.column(progress, activity.line(exchange, stop)))
    }

    private fun told(ledger: Ledger): List<String> {
        val here =
            if (ledger.onlyHere == 0L) {
                activity.getString(R.string.ledger_safe)
            } else {
                activity.getString(R.string.ledger_only_here, ledger.onlyHere)
            }
        val minutes =
            ledger.minutes.map {
                activity.getString(if (it.refused) R.string.ledger_minutes_refused else R.string.ledger_minutes, it.code)
            }
        val rejected = listOfNotNull(activity.getString(R.string.ledger_rejected, ledger.rejected.size).takeIf { ledger.rejected.isNotEmpty() })
        val rows =
            ledger.records.map { row ->
                val arrival = row.arrival
                val numbers =
                    activity.getString(R.string.ledger_row, arrival.recorded, arrival.stored, arrival.merged, arrival.backedUp)
                "${row.title}\n$numbers"
            }
        return listOf(here) + minutes + rejected + rows
    }

    private fun told(progress: SyncProgress): String {
        val words =
            when (progress.state) {
                SyncState.CONNECTING -> activity.getString(R.string.sync_connecting)
                SyncState.EXCHANGING -> activity.getString(R.string.sync_exchanging, progress.sent, progress.received)
                SyncState.UP_TO_DATE -> activity.getString(R.string.sync_up_to_date)
                SyncState.IDLE -> activity.getString(R.string.sync_idle)
                SyncState.WAITING -> activity.getString(R.string.sync_waiting, progress.pauseMs / 1_000)
                SyncState.OFFLINE -> activity.getString(R.string.sync_offline)
                SyncState.STOPPED -> activity.getString(R.string.sync_stopped)
            }
        val why = progress.error?.message(activity.locale())
        return listOfNotNull(words, why).joinToString("\n")
    }
}
