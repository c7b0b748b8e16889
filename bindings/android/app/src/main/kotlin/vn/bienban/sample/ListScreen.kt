package vn.bienban.sample

import android.view.View
import android.widget.ListView
import vn.bienban.Bienban
import vn.bienban.text

/** What is to be inspected, and what was begun. */
class ListScreen(
    activity: MainActivity,
    private val app: Bienban,
) : Screen(activity) {
    override val title: String = activity.getString(R.string.list_title)

    override fun again(): Screen = ListScreen(activity, app)

    override fun view(): View {
        val presenter = ListPresenter(app, scope)
        val rows = Rows<ListLine> { draw(it) }
        val list = ListView(activity).apply { adapter = rows }
        list.setOnItemClickListener { _, _, at, _ ->
            presenter.open(rows.getItem(at) as ListLine) { activity.push(ChecklistScreen(activity, app, it)) }
        }
        val empty = activity.text(activity.getString(R.string.loading))
        presenter.bind { state ->
            rows.show(state.lines)
            empty.setText(if (state.loading) R.string.loading else R.string.list_empty)
            empty.visibility = if (state.lines.isEmpty()) View.VISIBLE else View.GONE
        }
        val ledger = activity.button(activity.getString(R.string.ledger_open)) { activity.push(LedgerScreen(activity, app)) }
        return activity.framed(list, activity.column(empty, ledger))
    }

    private fun draw(line: ListLine): View {
        val state = line.state?.text(activity.locale()) ?: activity.getString(R.string.list_not_begun)
        val facts =
            listOfNotNull(
                line.minutes ?: state,
                activity.getString(R.string.list_answered, line.answered, line.items).takeIf { line.items > 0 },
                activity.getString(R.string.list_conflicts, line.conflicts).takeIf { line.conflicts > 0 },
                activity.getString(R.string.list_requests, line.openRequests).takeIf { line.openRequests > 0 },
                activity.getString(R.string.only_here, line.onlyHere).takeIf { line.onlyHere > 0 },
            )
        return activity.column(
            activity.text(line.title, TITLE_SP),
            activity.text(line.place),
            activity.text(facts.joinToString(" · ")),
        )
    }

    private companion object {
        const val TITLE_SP = 20f
    }
}
