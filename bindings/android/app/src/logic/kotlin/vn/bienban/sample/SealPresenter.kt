package vn.bienban.sample

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import vn.bienban.Bienban
import vn.bienban.DrawnSignature
import vn.bienban.MinutesView
import vn.bienban.SealCheck
import vn.bienban.SealDraft
import vn.bienban.Signatory

/** What stands between an inspection and its seal, and what became of it. */
data class SealState(
    val check: SealCheck?,
    val minutes: MinutesView?,
) {
    /** Names of devices of the team that were not heard: the minutes say why. */
    val silent: List<String>
        get() = check?.team.orEmpty().filter { !it.heard }.map { it.author.name }

    val maySeal: Boolean
        get() = check?.run { ready && maySeal && !sealed } == true

    val maySign: Boolean
        get() = check?.sealed == true
}

/** What a person fills in before the leader seals. */
data class SealForm(
    val name: String,
    val title: String,
    val drawn: DrawnSignature?,
    /** Why the facility does not sign; empty where it does. */
    val refused: String = "",
    /** Why devices were not heard; asked for where some were not. */
    val notHeard: String = "",
)

/** Seals minutes as the leader, or signs sealed ones as a member. Works offline. */
class SealPresenter(
    private val app: Bienban,
    private val id: String,
    scope: CoroutineScope,
) : Presenter<SealState>(scope, SealState(null, null)) {
    init {
        val concerns = { changes: vn.bienban.Changes -> changes.more || changes.rights || changes.documents.any { it.inspection == id } }
        follow(app.watch(concerns) { SealState(it.sealCheck(id), it.inspection(id).minutes) }) { show(it) }
    }

    /** Seals; what is missing comes back as an error that names it. */
    fun seal(form: SealForm): Job? = act { app.seal(id, draft(form)) }

    /** Signs sealed minutes too. */
    fun countersign(): Job? = act { app.countersign(id) }

    /** A record for what is found after the seal: nothing unseals. */
    fun supplement(opened: (String) -> Unit): Job? = act { opened(app.supplement(id)) }
}

/** What is handed to the library of what a person filled in. */
fun draft(form: SealForm): SealDraft {
    fun said(text: String) = text.trim().ifEmpty { null }
    val refused = said(form.refused)
    return SealDraft(
        person = Signatory(form.name.trim(), form.title.trim(), form.drawn),
        refused = refused,
        notHeard = said(form.notHeard),
    )
}
