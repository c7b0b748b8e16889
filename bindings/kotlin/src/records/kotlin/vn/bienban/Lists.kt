// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** A checklist (*danh mục kiểm tra*). */
public data class ChecklistRow(
    /** Its id: the hash of all it says. */
    public val id: String,
    /** Its code. */
    public val code: String,
    /** Its edition. */
    public val edition: String,
    /** Its title. */
    public val title: LocalText,
    /** An authority issued it; if not, nobody may be judged by it. */
    public val official: Boolean,
    /** The day from which it is in force, as YYYY-MM-DD. */
    public val effectiveFrom: String,
    /** How many items it has. */
    public val items: Int,
)

/** A page of facilities. */
public data class FacilityPage(
    /** The rows, the most recently changed first. */
    public val rows: List<FacilityRow>,
    /** What the next page goes on after; null at the end. */
    public val next: String?,
)

/** A facility in a list (*cơ sở*). */
public data class FacilityRow(
    /** Its id. */
    public val id: String,
    /** *Mã cơ sở*; several where people wrote different ones. */
    public val codes: List<String>,
    /** Its name. */
    public val title: String,
    /** Its administrative unit. */
    public val unit: UnitName,
    /** Places in which values that differ stand. */
    public val conflicts: Int,
    /** The latest time that any writer claims, in milliseconds since 1970. */
    public val updatedAtMs: Long,
)

/** Which inspections; what is not set leaves none out. */
public data class InspectionFilter(
    /** Of this plan. */
    public val plan: String? = null,
    /** Of this facility. */
    public val facility: String? = null,
    /** In this state, by its key. */
    public val state: String? = null,
    /** With this verdict, by its key; `pending` takes those without a review too. */
    public val verdict: String? = null,
    /** Only with values that differ. */
    public val conflicted: Boolean = false,
    /** Only with requests of a supervisor that wait for an answer. */
    public val requested: Boolean = false,
    /** Only with edits that are nowhere but here. */
    public val onlyHere: Boolean = false,
)

/** An inspection in a list (*cuộc kiểm tra*). */
public data class InspectionListRow(
    /** Its id. */
    public val id: String,
    /** The facility visited. */
    public val facility: DocumentName?,
    /** The plan. */
    public val plan: DocumentName?,
    /** Its administrative unit. */
    public val unit: UnitName,
    /** Where it stands. */
    public val state: Named,
    /** Items that have an answer. */
    public val answered: Int,
    /** Answers that the checklist asks for. */
    public val items: Int,
    /** Places in which values that differ stand. */
    public val conflicts: Int,
    /** Findings that count. */
    public val findings: Int,
    /** The verdict of its review, if one has begun. */
    public val verdict: Named?,
    /** It differs from what the verdict was given over. */
    public val changedSinceVerdict: Boolean,
    /** Requests of a supervisor that wait for an answer. */
    public val openRequests: Int,
    /** *Số biên bản*, or the temporary code while the minutes are not registered. */
    public val minutes: String?,
    /** The minutes are registered. */
    public val registered: Boolean,
    /** Items, fields and texts that were written to since the minutes were signed; not in the counts. */
    public val sinceSigned: Int,
    /** Edits of this device that are nowhere but here. */
    public val onlyHere: Long,
    /** The latest time that any writer claims, in milliseconds since 1970. */
    public val updatedAtMs: Long,
)

/** A page of inspections. */
public data class InspectionPage(
    /** The rows, the most recently changed first. */
    public val rows: List<InspectionListRow>,
    /** What the next page goes on after; null at the end. */
    public val next: String?,
)

/** Which part of a list. */
public data class ListQuery(
    /** Goes on after this: the `next` of the page before. */
    public val after: String? = null,
    /** At most this many, up to 200; 0 for 50. */
    public val limit: Int = 0,
    /** Only this administrative unit, by its code. */
    public val unit: String? = null,
    /** Only what has this in its title or code, in any case. */
    public val text: String? = null,
)

/** A page of plans. */
public data class PlanPage(
    /** The rows, the most recently changed first. */
    public val rows: List<PlanRow>,
    /** What the next page goes on after; null at the end. */
    public val next: String?,
)

/** A plan in a list (*kế hoạch kiểm tra*). */
public data class PlanRow(
    /** Its id. */
    public val id: String,
    /** What it is called. */
    public val title: String,
    /** Its administrative unit. */
    public val unit: UnitName,
    /** Its first day, as YYYY-MM-DD; empty where nobody said. */
    public val firstDay: String,
    /** Its last day. */
    public val lastDay: String,
    /** It was cancelled. */
    public val cancelled: Boolean,
    /** The latest time that any writer claims, in milliseconds since 1970. */
    public val updatedAtMs: Long,
)

/** A visit that a plan foresees. */
public data class VisitRow(
    /** The inspection's id, the same on every device; [Bienban.openVisit] opens it. */
    public val inspection: String,
    /** The facility's id. */
    public val facility: String,
    /** The facility's name when it was planned. */
    public val name: String,
    /** 1 for the first visit under the plan. */
    public val visit: Int,
    /** It was taken off the plan. */
    public val removed: Boolean,
)
