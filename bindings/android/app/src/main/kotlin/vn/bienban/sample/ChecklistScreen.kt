package vn.bienban.sample

import android.graphics.Color
import android.view.View
import android.widget.ListView
import vn.bienban.Bienban
import vn.bienban.Grade
import vn.bienban.MissingThing
import vn.bienban.Named
import vn.bienban.Severity
import vn.bienban.text

/** The checklist of an inspection: one row of large buttons for each item. */
class ChecklistScreen(
    activity: MainActivity,
    private val app: Bienban,
    private val id: String,
) : Screen(activity) {
    private val presenter by lazy { ChecklistPresenter(app, id, scope) }

    override val title: String = activity.getString(R.string.list_title)

    override fun again(): Screen = ChecklistScreen(activity, app, id)

    override fun view(): View {
        val rows = Rows<ChecklistLine> { draw(it) }
        // Rows hold buttons: a tap is theirs, and a row drawn anew must not be taken for another.
        val list = ListView(activity).apply { adapter = rows }
        val facts = activity.text(activity.getString(R.string.loading))
        val conflicts = activity.button("") { activity.push(ConflictScreen(activity, app, id)) }
        val step = activity.button(activity.getString(R.string.next_step)) { chooseStep() }
        val seal = activity.button(activity.getString(R.string.open_seal)) { activity.push(SealScreen(activity, app, id)) }
        presenter.bind { state ->
            if (state.loading) return@bind
            activity.title = state.title
            rows.show(state.lines)
            facts.text =
                listOfNotNull(
                    state.states.joinToString(" / ") { it.text(activity.locale()) },
                    activity.getString(R.string.list_answered, state.answered, state.items),
                    state.result?.text(activity.locale()),
                    activity.getString(R.string.only_here, state.onlyHere).takeIf { state.onlyHere > 0 },
                ).joinToString(" · ")
            conflicts.text = activity.getString(R.string.open_conflicts, state.conflicts)
            conflicts.visibility = if (state.conflicts > 0) View.VISIBLE else View.GONE
            step.isEnabled = state.next.isNotEmpty() && !state.sealed
        }
        return activity.framed(list, activity.column(facts, conflicts, activity.line(step, seal)))
    }

    private fun draw(line: ChecklistLine): View =
        when (line) {
            is ChecklistLine.Section -> draw(line)
            is ChecklistLine.Item -> draw(line)
        }

    private fun draw(section: ChecklistLine.Section): View {
        val title = activity.text(section.title.text(activity.locale()), TITLE_SP)
        if (section.code == null) return activity.column(title)
        return activity.column(title, activity.button(activity.getString(R.string.add_row)) { presenter.addRow(section) })
    }

    private fun draw(item: ChecklistLine.Item): View {
        val column = activity.column(activity.text("${item.key}  ${item.text.text(activity.locale())}"))
        if (item.conflict) {
            column.addView(activity.text(activity.getString(R.string.item_conflict)).apply { setTextColor(Color.RED) })
        }
        when {
            item.buttons.isNotEmpty() -> column.addView(grades(item))
            item.options.isNotEmpty() -> column.addView(options(item))
            else -> column.addView(typed(item))
        }
        if (item.photos.isNotEmpty()) column.addView(photos(item))
        if (item.note.isNotEmpty()) column.addView(activity.text(item.note))
        // Notes of rows have a call of their own, which this sample leaves out.
        val note = activity.button(activity.getString(R.string.item_note)) { askNote(item) }
        note.isEnabled = item.row == null
        val finding = activity.button(activity.getString(R.string.item_finding)) { askFinding(item) }
        finding.isEnabled = item.severities.isNotEmpty()
        column.addView(activity.line(note, finding))
        return column
    }

    private fun grades(item: ChecklistLine.Item): View {
        val buttons =
            item.buttons.map { grade ->
                activity.button(activity.nameOf(grade)) { presenter.tap(item, grade) }.apply {
                    isSelected = item.chosen == grade
                    alpha = if (item.chosen == null || item.chosen == grade) 1f else PALE
                    if (item.chosen == grade) setTextColor(colour(grade))
                }
            }
        return activity.line(*buttons.toTypedArray())
    }

    private fun options(item: ChecklistLine.Item): View {
        val choices = item.options.map { (key, text) -> text.text(activity.locale()) to key }
        val shown = choices.firstOrNull { it.second == item.value }?.first ?: item.value
        return activity.button(shown ?: activity.getString(R.string.item_choose)) {
            activity.choose(activity.getString(R.string.item_choose), choices) { presenter.type(item, it) }
        }
    }

    private fun typed(item: ChecklistLine.Item): View {
        val shown = item.value?.let { "$it ${item.unit.orEmpty()}".trim() }
        return activity.button(shown ?: activity.getString(R.string.item_type)) {
            activity.ask(activity.getString(R.string.item_type), item.value.orEmpty()) { presenter.type(item, it) }
        }
    }

    private fun photos(item: ChecklistLine.Item): View {
        val places =
            item.photos.map { there ->
                activity.button(activity.getString(if (there) R.string.photo_there else R.string.photo_missing)) {
                    activity.inform(activity.getString(R.string.photo_help))
                }
            }
        return activity.line(*places.toTypedArray())
    }

    private fun askNote(item: ChecklistLine.Item) =
        activity.ask(activity.getString(R.string.item_note)) { presenter.note(item, it) }

    private fun askFinding(item: ChecklistLine.Item) {
        val severities =
            item.severities.map { severity ->
                when (severity) {
                    Severity.MINOR -> activity.nameOf(Grade.MINOR)
                    Severity.MAJOR -> activity.nameOf(Grade.MAJOR)
                    Severity.SERIOUS -> activity.nameOf(Grade.SERIOUS)
                } to severity
            }
        activity.choose(activity.getString(R.string.item_finding), severities) { severity ->
            activity.ask(activity.getString(R.string.item_finding)) { presenter.finding(item, severity, it) }
        }
    }

    private fun chooseStep() {
        val next = presenter.state.value.next
        activity.choose(activity.getString(R.string.next_step), next.map { it.first.label.text(activity.locale()) to it }) { chosen ->
            val (to, missing) = chosen
            if (missing.isEmpty()) presenter.step(to) else tellMissing(to, missing)
        }
    }

    private fun tellMissing(
        to: Named,
        missing: List<MissingThing>,
    ) = activity.inform(
        "${to.label.text(activity.locale())}\n${activity.getString(R.string.step_missing)}\n" +
            missing.joinToString("\n") { "– ${it.title.text(activity.locale())}: ${it.todo.text(activity.locale())}" },
    )

    private fun colour(grade: Grade): Int =
        when (grade) {
            Grade.PASS -> Color.rgb(0, 110, 40)
            Grade.MINOR -> Color.rgb(150, 90, 0)
            Grade.MAJOR, Grade.SERIOUS -> Color.rgb(170, 0, 0)
            else -> Color.DKGRAY
        }

    private companion object {
        const val TITLE_SP = 20f
        const val PALE = 0.5f
    }
}
