package vn.bienban.sample

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import vn.bienban.Bienban
import vn.bienban.InspectionListRow
import vn.bienban.ListQuery
import vn.bienban.LocalText
import vn.bienban.PlanRow

/** A line of the list: an inspection that was begun, or a planned visit that nobody has begun. */
data class ListLine(
    val key: String,
    val title: String,
    val place: String,
    /** Null of a visit that nobody has begun. */
    val state: LocalText?,
    val answered: Int,
    val items: Int,
    val conflicts: Int,
    val openRequests: Int,
    /** Edits that are nowhere but on this phone. */
    val onlyHere: Long,
    /** *Số biên bản* or its code, once it is sealed. */
    val minutes: String?,
    /** What opens the visit. */
    val plan: String? = null,
    val facility: String? = null,
    val visit: Int? = null,
)

/** The first screen. */
data class ListState(
    val lines: List<ListLine>,
    /** Nothing was read yet: an empty list is something else. */
    val loading: Boolean,
)

/** What is to be inspected, and what was begun. */
class ListPresenter(
    private val app: Bienban,
    scope: CoroutineScope,
) : Presenter<ListState>(scope, ListState(emptyList(), loading = true)) {
    init {
        // Every change: how much is only here is in no list's flag.
        follow(app.watch { read() }) { show(ListState(it, loading = false)) }
    }

    /** Opens a line and hands over the inspection's id. Works offline. */
    fun open(
        line: ListLine,
        opened: (String) -> Unit,
    ): Job? =
        act {
            val (plan, facility) = line.plan to line.facility
            opened(if (plan != null && facility != null) app.openVisit(plan, facility, line.visit) else line.key)
        }

    private suspend fun read(): List<ListLine> {
        val begun = pages { app.inspections(it).run { rows to next } }
        val there = begun.mapTo(HashSet()) { it.id }
        val plans = pages { app.plans(it).run { rows to next } }.filter { !it.cancelled }
        val planned = plans.flatMap { plan -> app.visits(plan.id).filter { !it.removed && it.inspection !in there }.map { line(plan, it) } }
        return begun.map(::line) + planned
    }

    private fun line(row: InspectionListRow) =
        ListLine(
            key = row.id,
            title = row.facility?.title.orEmpty(),
            place = row.unit.name,
            state = row.state.label,
            answered = row.answered,
            items = row.items,
            conflicts = row.conflicts,
            openRequests = row.openRequests,
            onlyHere = row.onlyHere,
            minutes = row.minutes,
        )

    private fun line(
        plan: PlanRow,
        visit: vn.bienban.VisitRow,
    ) = ListLine(
        key = visit.inspection,
        title = visit.name,
        place = plan.title,
        state = null,
        answered = 0,
        items = 0,
        conflicts = 0,
        openRequests = 0,
        onlyHere = 0,
        minutes = null,
        plan = plan.id,
        facility = visit.facility,
        visit = visit.visit,
    )
}

/** Reads a list to its end: a page may be short and still have a next one. */
suspend fun <Row> pages(read: suspend (ListQuery) -> Pair<List<Row>, String?>): List<Row> {
    val rows = mutableListOf<Row>()
    var after: String? = null
    do {
        val (page, next) = read(ListQuery(after = after, limit = PAGE))
        rows += page
        after = next
    } while (after != null)
    return rows
}

/** The most that the library gives at once. */
private const val PAGE = 200
