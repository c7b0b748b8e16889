package vn.bienban.sample

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import vn.bienban.Bienban
import vn.bienban.Me

/** Where taking up an invitation stands. */
sealed class EnrolState {
    /** An invitation is to be scanned or pasted. */
    data object Invitation : EnrolState()

    /** The administrator compares these digits. */
    data class Digits(val grouped: String) : EnrolState()

    /** The server knows this phone. */
    data class Done(val me: Me) : EnrolState()
}

/** *Ghi danh*. Goes on by itself with an invitation that was begun before the app was closed. */
class EnrolPresenter(
    private val app: Bienban,
    scope: CoroutineScope,
) : Presenter<EnrolState>(scope, EnrolState.Invitation) {
    private var enrolling: Job? =
        act {
            val me = app.resumeEnrolment { show(EnrolState.Digits(it.digitsGrouped)) } ?: app.me().takeIf { it.hub != null }
            me?.let { show(EnrolState.Done(it)) }
        }

    /** An invitation was scanned or pasted. */
    fun begin(
        invitation: String,
        label: String,
    ): Job? =
        act {
            val me = app.enrol(invitation, label) { show(EnrolState.Digits(it.digitsGrouped)) }
            show(EnrolState.Done(me))
        }?.also { enrolling = it }

    /** The person gives up waiting: another invitation may be scanned. */
    fun giveUp(): Job =
        scope.launch {
            enrolling?.cancelAndJoin()
            act {
                app.forgetEnrolment()
                show(EnrolState.Invitation)
            }?.join()
        }
}
