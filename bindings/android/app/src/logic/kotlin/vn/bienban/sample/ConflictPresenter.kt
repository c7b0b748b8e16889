package vn.bienban.sample

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import vn.bienban.Bienban
import vn.bienban.ConflictValue
import vn.bienban.ConflictView
import vn.bienban.Settled

/** Places in which people wrote apart, each with what they wrote. */
data class ConflictState(
    val places: List<ConflictView>,
    /** A place that somebody else had settled before the tap: there is nothing more to do. */
    val settledBefore: Boolean,
    val loading: Boolean,
)

/** Shows both sides and lets a person choose; nothing that was written is lost. */
class ConflictPresenter(
    private val app: Bienban,
    private val id: String,
    scope: CoroutineScope,
) : Presenter<ConflictState>(scope, ConflictState(emptyList(), settledBefore = false, loading = true)) {
    init {
        follow(app.watchInspection(id)) { screen -> change { it.copy(places = screen.conflicts, loading = false) } }
    }

    /** Settles a place by one of the values that stand in it. */
    fun choose(
        place: ConflictView,
        value: ConflictValue,
    ): Job? = act { note(app.choose(id, place.place, value.change)) }

    /** Settles a text by one that a person made of both. */
    fun write(
        place: ConflictView,
        text: String,
    ): Job? =
        act {
            val field = place.field
            note(if (field != null && !place.isText) app.resolveHeader(id, field, text) else app.resolveText(id, place.place, text))
        }

    /** A person may type a value of their own there. */
    fun mayWrite(place: ConflictView): Boolean = place.isText || place.field != null

    private fun note(settled: Settled) = change { it.copy(settledBefore = settled == Settled.BEFORE) }
}
