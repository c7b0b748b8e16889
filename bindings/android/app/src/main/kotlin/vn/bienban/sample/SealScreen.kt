package vn.bienban.sample

import android.app.AlertDialog
import android.annotation.SuppressLint
import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.view.MotionEvent
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.widget.EditText
import android.widget.LinearLayout
import vn.bienban.Bienban
import vn.bienban.MinutesView
import vn.bienban.SealCheck
import vn.bienban.text

/** What the minutes lack, who signs, and the seal. */
class SealScreen(
    activity: MainActivity,
    private val app: Bienban,
    private val id: String,
) : Screen(activity) {
    private val presenter by lazy { SealPresenter(app, id, scope) }
    private val person = activity.field(activity.getString(R.string.seal_person))
    private val position = activity.field(activity.getString(R.string.seal_position))
    private val refused = activity.field(activity.getString(R.string.seal_refused))
    private val notHeard = activity.field("")
    private val drawing = SignatureView(activity)

    override val title: String = activity.getString(R.string.seal_title)

    override fun again(): Screen = SealScreen(activity, app, id)

    override fun view(): View {
        val facts = activity.column()
        val seal = activity.button(activity.getString(R.string.seal_seal)) { confirm() }
        val form =
            activity.column(
                person, position, refused, notHeard,
                activity.text(activity.getString(R.string.seal_draw)),
            ).apply {
                addView(drawing, LinearLayout.LayoutParams(MATCH_PARENT, activity.dp(PAD_DP)))
                addView(activity.button(activity.getString(R.string.seal_clear)) { drawing.clear() })
                addView(seal)
            }
        val countersign = activity.button(activity.getString(R.string.seal_countersign)) { presenter.countersign() }
        val supplement =
            activity.button(activity.getString(R.string.seal_supplement)) {
                presenter.supplement { activity.push(ChecklistScreen(activity, app, it)) }
            }
        presenter.bind { state ->
            val check = state.check ?: return@bind
            facts.only(activity.column(*told(check, state.minutes).map { activity.text(it) }.toTypedArray()))
            form.shown(!check.sealed && check.maySeal)
            notHeard.shown(state.silent.isNotEmpty())
            notHeard.hint = activity.getString(R.string.seal_silent, state.silent.joinToString())
            seal.isEnabled = state.maySeal
            countersign.shown(state.maySign)
            supplement.shown(check.sealed)
        }
        return activity.scrolled(activity.column(facts, form, countersign, supplement))
    }

    private fun told(
        check: SealCheck,
        minutes: MinutesView?,
    ): List<String> {
        if (minutes != null) {
            val official = minutes.official
            return listOf(
                if (official == null) activity.getString(R.string.seal_done, minutes.code) else activity.getString(R.string.seal_number, official),
            )
        }
        return listOfNotNull(
            activity.getString(R.string.seal_not_leader).takeIf { !check.maySeal },
            activity.getString(R.string.seal_missing).takeIf { check.missing.isNotEmpty() },
        ) + check.missing.map { "– ${it.title.text(activity.locale())}: ${it.todo.text(activity.locale())}" } +
            listOfNotNull(
                activity.getString(R.string.open_conflicts, check.conflicts.size).takeIf { check.conflicts.isNotEmpty() },
                activity.getString(R.string.seal_unanswered, check.unansweredCount).takeIf { check.unansweredCount > 0 },
            )
    }

    private fun confirm() {
        AlertDialog.Builder(activity)
            .setMessage(R.string.seal_sure)
            .setPositiveButton(R.string.seal_seal) { _, _ ->
                presenter.seal(SealForm(person.words(), position.words(), drawing.pad.drawn(), refused.words(), notHeard.words()))
            }
            .setNegativeButton(R.string.cancel, null)
            .show()
    }

    private companion object {
        const val PAD_DP = 180
    }
}

private fun EditText.words() = text.toString()

private fun View.shown(shown: Boolean) {
    visibility = if (shown) View.VISIBLE else View.GONE
}

/** A surface to sign on with a finger. */
class SignatureView(context: Context) : View(context) {
    /** What was drawn. */
    val pad = SignaturePad()

    private val ink =
        Paint(Paint.ANTI_ALIAS_FLAG).apply {
            color = Color.BLACK
            style = Paint.Style.STROKE
            strokeWidth = context.dp(3).toFloat()
        }

    init {
        setBackgroundColor(Color.rgb(240, 240, 240))
    }

    fun clear() {
        pad.clear()
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        for (line in pad.lines(width, height)) {
            for (at in 0 until line.size - 2 step 2) {
                canvas.drawLine(line[at], line[at + 1], line[at + 2], line[at + 3], ink)
            }
        }
    }

    @SuppressLint("ClickableViewAccessibility")
    override fun onTouchEvent(event: MotionEvent): Boolean {
        when (event.actionMasked) {
            MotionEvent.ACTION_DOWN -> {
                // The page below must not scroll away from under the finger.
                parent.requestDisallowInterceptTouchEvent(true)
                pad.down(event.x, event.y, width, height)
            }
            MotionEvent.ACTION_MOVE -> {
                for (at in 0 until event.historySize) {
                    pad.move(event.getHistoricalX(at), event.getHistoricalY(at), width, height)
                }
                pad.move(event.x, event.y, width, height)
            }
            else -> return super.onTouchEvent(event)
        }
        invalidate()
        return true
    }
}
