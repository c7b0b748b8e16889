package vn.bienban.sample

import android.view.View
import vn.bienban.Bienban
import vn.bienban.ConflictView
import vn.bienban.text

/** Shows what people wrote apart, who and when, and lets one be kept. */
class ConflictScreen(
    activity: MainActivity,
    private val app: Bienban,
    private val id: String,
) : Screen(activity) {
    override val title: String = activity.getString(R.string.conflict_title)

    override fun again(): Screen = ConflictScreen(activity, app, id)

    override fun view(): View {
        val presenter = ConflictPresenter(app, id, scope)
        val root = activity.column()
        presenter.bind { state ->
            val column = activity.column()
            when {
                state.loading -> column.addView(activity.text(activity.getString(R.string.loading)))
                state.places.isEmpty() -> column.addView(activity.text(activity.getString(R.string.conflict_none)))
            }
            if (state.settledBefore) column.addView(activity.text(activity.getString(R.string.conflict_before)))
            state.places.forEach { column.addView(draw(presenter, it)) }
            root.only(column)
        }
        return activity.scrolled(root)
    }

    private fun draw(
        presenter: ConflictPresenter,
        place: ConflictView,
    ): View {
        val column = activity.column(activity.text(place.label.text(activity.locale()), TITLE_SP))
        for (value in place.values) {
            val by = activity.getString(R.string.conflict_by, value.author.name, activity.moment(value.atMs))
            column.addView(activity.text(value.text.text(activity.locale())))
            column.addView(activity.text(by, BY_SP))
            column.addView(activity.button(activity.getString(R.string.conflict_keep)) { presenter.choose(place, value) })
        }
        if (presenter.mayWrite(place)) {
            val begun = place.values.joinToString("\n") { it.text.text(activity.locale()) }
            column.addView(
                activity.button(activity.getString(R.string.conflict_write)) {
                    activity.ask(activity.getString(R.string.conflict_write), begun) { presenter.write(place, it) }
                },
            )
        }
        return column
    }

    private companion object {
        const val TITLE_SP = 20f
        const val BY_SP = 13f
    }
}
