package vn.bienban.sample

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import vn.bienban.AnswerDraft
import vn.bienban.AnswerKind
import vn.bienban.Bienban
import vn.bienban.FindingDraft
import vn.bienban.Grade
import vn.bienban.InspectionScreen
import vn.bienban.ItemState
import vn.bienban.ItemView
import vn.bienban.LocalText
import vn.bienban.MissingThing
import vn.bienban.Named
import vn.bienban.Severity
import vn.bienban.StepDraft
import vn.bienban.TextEdit

/** A line of the checklist as it is drawn. */
sealed class ChecklistLine {
    data class Section(
        val title: LocalText,
        /** Rows may be added to it. */
        val code: String?,
    ) : ChecklistLine()

    data class Item(
        val key: String,
        val row: String?,
        val text: LocalText,
        /** The buttons, in the order in which they are drawn; empty where something is typed. */
        val buttons: List<Grade>,
        /** The button that is pressed. */
        val chosen: Grade?,
        /** Of a typed answer what counts, and in which unit. */
        val value: String?,
        val unit: String?,
        /** Options to choose from, where it takes one. */
        val options: List<Pair<String, LocalText>>,
        /** A place for each photo that is asked for: true where there is one. */
        val photos: List<Boolean>,
        val note: String,
        /** Several answers stand: the worse counts until somebody settles it. */
        val conflict: Boolean,
        /** How bad a finding about it may be. */
        val severities: List<Severity>,
    ) : ChecklistLine()
}

/** The screen of an inspection. */
data class ChecklistState(
    val title: String = "",
    val states: List<LocalText> = emptyList(),
    val lines: List<ChecklistLine> = emptyList(),
    val answered: Int = 0,
    val items: Int = 0,
    val conflicts: Int = 0,
    val findings: List<String> = emptyList(),
    val result: LocalText? = null,
    /** Where it may go next, and what each step lacks. */
    val next: List<Pair<Named, List<MissingThing>>> = emptyList(),
    val onlyHere: Long = 0,
    val sealed: Boolean = false,
    val loading: Boolean = true,
)

/** Fills a checklist. */
class ChecklistPresenter(
    private val app: Bienban,
    private val id: String,
    scope: CoroutineScope,
) : Presenter<ChecklistState>(scope, ChecklistState()) {
    init {
        follow(app.watchInspection(id)) { show(checklist(it)) }
    }

    /** A button was tapped; tapped once more, the answer is taken back. */
    fun tap(
        line: ChecklistLine.Item,
        grade: Grade,
    ): Job? {
        val given = if (line.chosen == grade) Grade.UNANSWERED else grade
        return act { app.answer(id, AnswerDraft(item = line.key, row = line.row, grade = given)) }
    }

    /** A value was typed, as a person types it: `12,5`. */
    fun type(
        line: ChecklistLine.Item,
        value: String,
    ): Job? = act { app.answer(id, AnswerDraft(item = line.key, row = line.row, grade = Grade.GIVEN, value = value)) }

    /** A line for the item's note. */
    fun note(
        line: ChecklistLine.Item,
        text: String,
    ): Job? = act { if (text.isNotBlank()) app.note(id, line.key, TextEdit.Append(text.trim())) }

    /** A finding about the item. */
    fun finding(
        line: ChecklistLine.Item,
        severity: Severity,
        text: String,
    ): Job? =
        act {
            val draft = FindingDraft(item = line.key, row = line.row, severity = severity, text = text.trim())
            app.addFinding(id, draft)
        }

    /** A row more, in a section that has rows. */
    fun addRow(section: ChecklistLine.Section): Job? = section.code?.let { code -> act { app.addRow(id, code) } }

    /** A step of the life cycle. */
    fun step(to: Named): Job? = act { app.takeStep(id, StepDraft(to.key)) }
}

/** What is drawn of an inspection. */
fun checklist(screen: InspectionScreen): ChecklistState {
    val lines =
        screen.sections.flatMap { section ->
            val rows = section.rows.filter { !it.removed }
            val repeated = section.rowTitle != null
            listOf(ChecklistLine.Section(section.title, section.code.takeIf { repeated })) +
                section.items.map { line(it, null) } +
                rows.flatMap { row -> row.items.map { line(it, row.id) } }
        }
    val tally = screen.grade.tally
    return ChecklistState(
        title = screen.facility?.title.orEmpty(),
        states = screen.states.map { it.label },
        lines = lines,
        answered = tally.answered,
        items = tally.items,
        conflicts = screen.conflicts.size,
        findings = screen.findings.filter { !it.deleted }.map { it.text.trimEnd() },
        result = screen.grade.result,
        next = screen.next.map { it.to to it.missing },
        onlyHere = screen.arrival.onlyHere,
        sealed = screen.sealed,
        loading = false,
    )
}

private fun line(
    item: ItemView,
    row: String?,
): ChecklistLine.Item {
    val photos = item.answers.maxOfOrNull { it.photos.size } ?: 0
    val choice = item.kind == AnswerKind.CHOICE || item.kind == AnswerKind.CHOICES
    return ChecklistLine.Item(
        key = item.key,
        row = row,
        text = item.text,
        buttons = buttons(item),
        chosen = item.countsAs.takeIf { item.state == ItemState.ANSWERED },
        value = item.countsValue,
        unit = item.unit,
        options = if (choice) item.options.map { it.key to it.text } else emptyList(),
        photos = List(maxOf(item.photosMin, photos)) { it < photos },
        note = item.note.trimEnd(),
        conflict = item.state == ItemState.CONFLICT,
        severities = item.severities.sorted(),
    )
}

/** The buttons of an item: pass first, the worst last, what does not apply at the end. */
fun buttons(item: ItemView): List<Grade> {
    if (item.kind != AnswerKind.GRADE) return emptyList()
    val worse =
        item.severities.sorted().map {
            when (it) {
                Severity.MINOR -> Grade.MINOR
                Severity.MAJOR -> Grade.MAJOR
                Severity.SERIOUS -> Grade.SERIOUS
            }
        }
    return listOf(Grade.PASS) + worse + listOfNotNull(Grade.NOT_APPLICABLE.takeIf { item.mayBeNotApplicable })
}
