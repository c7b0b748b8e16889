// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/**
 * How far this device's edits of one record have come. Every number is of edits, and true: nothing counts
 * as arrived that the server has not signed for.
 */
public data class Arrival(
    /** Made on this device. */
    public val recorded: Long,
    /** Of these, signed for by the server as stored. */
    public val stored: Long,
    /** Of these, merged into the record. */
    public val merged: Long,
    /** Of these, on the server's second disk, by its signature. */
    public val backedUp: Long,
    /** Nowhere but here. */
    public val onlyHere: Long,
    /** When the server last signed for storing, in milliseconds since 1970, by its clock. */
    public val storedAtMs: Long?,
    /** When it last signed for merging. */
    public val mergedAtMs: Long?,
    /** When its second disk was last verified. */
    public val backedUpAtMs: Long?,
)

/** Who wrote something, as far as the server has told this device. */
public data class Author(
    /** The device, in hexadecimal; null while the proof of who wrote has not arrived. */
    public val device: String?,
    /** *Họ tên*; empty while nobody has told. */
    public val name: String,
    /** *Cơ quan*. */
    public val agency: String,
    /** It is this device. */
    public val here: Boolean,
)

/** A document with what to call it. */
public data class DocumentName(
    /** Its id. */
    public val id: String,
    /** Its title; empty while it is not here. */
    public val title: String,
)

/** Something that a step lacks. */
public data class MissingThing(
    /** What is missing. */
    public val title: LocalText,
    /** What to do. */
    public val todo: LocalText,
    /** The clause of the law that asks for it. */
    public val clause: String,
    /** Fields of the minutes' header that it can be written in; see [HeaderFieldView.key]. */
    public val fields: List<String>,
    /** What it is about: ids of findings, names of inspections, days. */
    public val about: List<String>,
)

/** Where something stands, with what people call it: a state of an inspection, a verdict. */
public data class Named(
    /** Its name in data, for instance `in_field`; see docs/bindings.md for all of them. */
    public val key: String,
    /** What people read. */
    public val label: LocalText,
)

/** An administrative unit (*đơn vị hành chính*). */
public data class UnitName(
    /** Its code. */
    public val code: String,
    /** Its name; empty where this version does not know the unit. */
    public val name: String,
)

/** The end of this device's rights (*thu hồi*), proven by decisions that it verified itself. */
public data class WipeOrder(
    /**
     * The keys are destroyed and nothing can be read any more; close the object and begin anew. If not,
     * something is still only here and waits for an exchange.
     */
    public val erased: Boolean,
    /** Packs, lines, minutes and decisions that are only here. */
    public val left: Long,
)

/** A kind of document. */
public enum class DocumentKind {
    /** *Cơ sở*. */
    FACILITY,

    /** *Kế hoạch kiểm tra*. */
    PLAN,

    /** *Cuộc kiểm tra*. */
    INSPECTION,

    /** *Xem xét*: a supervisor's decision and comments. */
    REVIEW,

    /** *Theo dõi khắc phục*: corrective actions. */
    FOLLOWUP,
}

/** A grade (*mức đánh giá*) as it is given. */
public enum class Grade {
    /** *Không áp dụng* (KAD). */
    NOT_APPLICABLE,

    /** *Đạt*. */
    PASS,

    /** *Lỗi nhẹ* (Mi). */
    MINOR,

    /** *Lỗi nặng* (Ma). */
    MAJOR,

    /** *Lỗi nghiêm trọng* (Se). */
    SERIOUS,

    /** *Đã ghi nhận*: the value or the photos are the answer. */
    GIVEN,

    /** Taken back: nobody answers. */
    UNANSWERED,

    /** Content that this version cannot read. It is shown, and cannot be given. */
    DAMAGED,
}

/** What a person may do. */
public enum class Role {
    /** *Quản trị viên*. */
    ADMIN,

    /** *Trưởng đoàn kiểm tra*. */
    LEADER,

    /** *Thành viên đoàn kiểm tra*. */
    INSPECTOR,

    /** *Người giám sát*. */
    SUPERVISOR,

    /** *Người kiểm toán*: reads only. */
    AUDITOR,
}

/** How bad a deviation is (*mức lỗi*). */
public enum class Severity {
    /** *Nhẹ*. */
    MINOR,

    /** *Nặng*. */
    MAJOR,

    /** *Nghiêm trọng*. */
    SERIOUS,
}
