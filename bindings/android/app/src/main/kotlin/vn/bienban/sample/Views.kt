// What all screens draw with: the system's own views, large enough for a thumb in a glove.
package vn.bienban.sample

import android.app.AlertDialog
import android.content.Context
import android.text.InputType
import android.view.View
import android.view.ViewGroup
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.BaseAdapter
import android.widget.Button
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.TextView
import java.text.DateFormat
import java.util.Date
import java.util.Locale
import vn.bienban.Grade

/** Smallest side of what is touched: more than the 48 dp that are advised. */
const val TOUCH_DP = 56

fun Context.dp(size: Int): Int = (size * resources.displayMetrics.density).toInt()

fun Context.locale(): Locale = resources.configuration.locales[0]

/** A moment as people write it there. */
fun Context.moment(atMs: Long): String =
    DateFormat.getDateTimeInstance(DateFormat.SHORT, DateFormat.SHORT, locale()).format(Date(atMs))

fun Context.text(
    words: String,
    size: Float = 16f,
): TextView =
    TextView(this).apply {
        text = words
        textSize = size
        setPadding(dp(16), dp(8), dp(16), dp(8))
    }

fun Context.button(
    words: String,
    tapped: () -> Unit,
): Button =
    Button(this).apply {
        text = words
        isAllCaps = false
        minimumHeight = dp(TOUCH_DP)
        minHeight = dp(TOUCH_DP)
        setOnClickListener { tapped() }
    }

fun Context.field(hint: String): EditText =
    EditText(this).apply {
        this.hint = hint
        minimumHeight = dp(TOUCH_DP)
        inputType = InputType.TYPE_CLASS_TEXT or InputType.TYPE_TEXT_FLAG_CAP_SENTENCES
    }

fun Context.column(vararg views: View): LinearLayout =
    LinearLayout(this).apply {
        orientation = LinearLayout.VERTICAL
        views.forEach { addView(it, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT)) }
    }

/** Views beside each other, equally wide. */
fun Context.line(vararg views: View): LinearLayout =
    LinearLayout(this).apply {
        orientation = LinearLayout.HORIZONTAL
        views.forEach { addView(it, LinearLayout.LayoutParams(0, WRAP_CONTENT, 1f)) }
    }

fun Context.scrolled(view: View): ScrollView =
    ScrollView(this).apply { addView(view, ViewGroup.LayoutParams(MATCH_PARENT, WRAP_CONTENT)) }

/** A list above, buttons below. */
fun Context.framed(
    main: View,
    below: View,
): LinearLayout =
    LinearLayout(this).apply {
        orientation = LinearLayout.VERTICAL
        addView(main, LinearLayout.LayoutParams(MATCH_PARENT, 0, 1f))
        addView(below, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT))
    }

/** Asks for a text and hands it over. */
fun Context.ask(
    title: String,
    begun: String = "",
    given: (String) -> Unit,
) {
    val field = field(title).apply { setText(begun) }
    AlertDialog.Builder(this)
        .setTitle(title)
        .setView(field)
        .setPositiveButton(R.string.save) { _, _ -> given(field.text.toString()) }
        .setNegativeButton(R.string.cancel, null)
        .show()
}

/** Lets a person choose one of several. */
fun <T> Context.choose(
    title: String,
    choices: List<Pair<String, T>>,
    chosen: (T) -> Unit,
) {
    AlertDialog.Builder(this)
        .setTitle(title)
        .setItems(choices.map { it.first }.toTypedArray()) { _, at -> chosen(choices[at].second) }
        .setNegativeButton(R.string.cancel, null)
        .show()
}

fun Context.nameOf(grade: Grade): String =
    getString(
        when (grade) {
            Grade.PASS -> R.string.grade_pass
            Grade.MINOR -> R.string.grade_minor
            Grade.MAJOR -> R.string.grade_major
            Grade.SERIOUS -> R.string.grade_serious
            Grade.NOT_APPLICABLE -> R.string.grade_not_applicable
            Grade.GIVEN -> R.string.grade_given
            Grade.UNANSWERED -> R.string.grade_unanswered
            Grade.DAMAGED -> R.string.grade_damaged
        },
    )

/** Rows of a list, each drawn when it comes into sight: a checklist has a hundred and more. */
class Rows<T>(private val draw: (T) -> View) : BaseAdapter() {
    private var rows: List<T> = emptyList()

    fun show(rows: List<T>) {
        if (this.rows == rows) return
        this.rows = rows
        notifyDataSetChanged()
    }

    override fun getCount(): Int = rows.size

    override fun getItem(position: Int): Any? = rows[position]

    override fun getItemId(position: Int): Long = position.toLong()

    override fun getView(
        position: Int,
        convertView: View?,
        parent: ViewGroup,
    ): View = draw(rows[position])
}

/** Says something and waits until it was read. */
fun Context.inform(words: String) {
    AlertDialog.Builder(this).setMessage(words).setPositiveButton(R.string.ok, null).show()
}
