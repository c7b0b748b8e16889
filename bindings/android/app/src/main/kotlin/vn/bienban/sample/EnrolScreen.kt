package vn.bienban.sample

import android.os.Build
import android.view.View
import android.view.ViewGroup
import vn.bienban.Bienban

/** *Ghi danh*. A real app scans the QR code; the text is the same. */
class EnrolScreen(
    activity: MainActivity,
    private val app: Bienban,
) : Screen(activity) {
    override val title: String = activity.getString(R.string.enrol_title)

    override fun again(): Screen = EnrolScreen(activity, app)

    override fun view(): View {
        val presenter = EnrolPresenter(app, scope)
        val root = activity.column()
        val invitation = activity.field(activity.getString(R.string.enrol_invitation))
        val label = activity.field(activity.getString(R.string.enrol_label)).apply { setText(Build.MODEL) }
        val form =
            activity.column(
                activity.text(activity.getString(R.string.enrol_help)),
                invitation,
                label,
                activity.button(activity.getString(R.string.enrol_begin)) {
                    presenter.begin(invitation.text.toString(), label.text.toString())
                },
            )
        presenter.bind { state ->
            when (state) {
                EnrolState.Invitation -> root.only(form)
                is EnrolState.Digits ->
                    root.only(
                        activity.column(
                            activity.text(activity.getString(R.string.enrol_digits)),
                            activity.text(state.grouped, DIGITS_SP),
                            activity.button(activity.getString(R.string.enrol_give_up)) { presenter.giveUp() },
                        ),
                    )
                is EnrolState.Done -> {
                    (activity.application as SampleApplication).enrolled(app)
                    activity.replace(ListScreen(activity, app))
                }
            }
        }
        return activity.scrolled(root)
    }

    private companion object {
        const val DIGITS_SP = 48f
    }
}

/** Shows one view alone. */
fun ViewGroup.only(view: View) {
    removeAllViews()
    addView(view)
}
