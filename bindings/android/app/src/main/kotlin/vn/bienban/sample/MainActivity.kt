package vn.bienban.sample

import android.app.Activity
import android.app.AlertDialog
import android.content.Intent
import android.os.Bundle
import android.view.View
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import vn.bienban.Bienban
import vn.bienban.BienbanException

/** One screen: what it draws, and the scope that ends with it. */
abstract class Screen(protected val activity: MainActivity) {
    /** Ends when the screen is left: flows and exchanges of its presenter end with it. */
    val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main.immediate)

    /** What the bar above says. */
    abstract val title: String

    /** The same screen anew, for when it is come back to. */
    abstract fun again(): Screen

    /** Draws it, and again by itself whenever its state changes. */
    abstract fun view(): View

    /** Draws each state, shows errors, and holds buttons while something is under way. */
    protected fun <State> Presenter<State>.bind(draw: (State) -> Unit) {
        scope.launch { state.collect { draw(it) } }
        scope.launch { error.collect { if (it != null) activity.tell(it, ::dismiss) } }
    }
}

/** Shows one screen above the other. An app of its own would rather have a ViewModel for each, and fragments. */
class MainActivity : Activity() {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main.immediate)
    private val stack = ArrayDeque<Screen>()
    private var telling: AlertDialog? = null

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        setContentView(text(getString(R.string.loading)))
        begin()
    }

    private fun begin() {
        scope.launch {
            try {
                val app = (application as SampleApplication).opened().await()
                replace(if (app.me().hub == null) EnrolScreen(this@MainActivity, app) else ListScreen(this@MainActivity, app))
            } catch (error: BienbanException) {
                tell(error) { if (offer(error.report) == Offer.RETRY) begin() }
            }
        }
    }

    /** Shows a screen above this one. */
    fun push(screen: Screen) {
        stack.addLast(screen)
        draw(screen)
    }

    /** Shows a screen instead of all others. */
    fun replace(screen: Screen) {
        stack.forEach { it.scope.cancel() }
        stack.clear()
        push(screen)
    }

    private fun draw(screen: Screen) {
        title = screen.title
        setContentView(screen.view())
    }

    @Deprecated("the system's own way from Android 13 on needs a library more")
    override fun onBackPressed() {
        if (stack.size <= 1) {
            @Suppress("DEPRECATION")
            super.onBackPressed()
            return
        }
        stack.removeLast().scope.cancel()
        // What is below draws itself anew, by a new screen with the same presenter's parameters.
        val below = stack.removeLast()
        below.scope.cancel()
        push(below.again())
    }

    override fun onDestroy() {
        telling?.dismiss()
        stack.forEach { it.scope.cancel() }
        scope.cancel()
        super.onDestroy()
    }

    /** Shows an error's own words, its code, and what it offers. */
    fun tell(
        error: BienbanException,
        seen: () -> Unit,
    ) {
        val code = getString(R.string.report_code, error.reportId)
        val dialog = AlertDialog.Builder(this).setMessage("${error.message(locale())}\n\n$code")
        dialog.setPositiveButton(if (offer(error.report) == Offer.RETRY) R.string.retry else R.string.ok) { _, _ -> seen() }
        if (offer(error.report) == Offer.SEND_REPORT) {
            dialog.setNeutralButton(R.string.send_report) { _, _ -> sendReport() }
        }
        dialog.setOnCancelListener { seen() }
        telling?.dismiss()
        telling = dialog.show()
    }

    /** The library's own log of errors, which holds no content of documents. */
    private fun sendReport() {
        scope.launch {
            val lines = Bienban.recentReports().joinToString("\n") { "${it.reportId} ${it.atMs} ${it.call} ${it.trouble}" }
            val send = Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, lines)
            startActivity(Intent.createChooser(send, getString(R.string.send_report)))
        }
    }
}
