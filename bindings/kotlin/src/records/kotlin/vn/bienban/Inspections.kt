// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** An answer as a person gives it. */
public data class AnswerDraft(
    /** The item's key. */
    public val item: String,
    /** The row's id, of an item that is answered in rows. */
    public val row: String? = null,
    /**
     * The grade; [Grade.GIVEN] where the value or the photos are the answer, [Grade.UNANSWERED] to
     * take an answer back.
     */
    public val grade: Grade,
    /** A measured or written value, as a person types it: `12,5` or `12.5`, `01/12/2026`, an option's key. */
    public val value: String? = null,
    /** BLAKE3 hashes of photos, in hexadecimal. The photos are the app's to keep. */
    public val photos: List<String> = emptyList(),
    /** A line to add to the item's note. */
    public val note: String? = null,
)

/** What an edit came to. */
public data class Edited(
    /** Something was recorded; not so where all said so already. */
    public val recorded: Boolean,
)

/** A finding to write (*nội dung không phù hợp*). */
public data class FindingDraft(
    /** The item that it is about; null for what no item covers. */
    public val item: String? = null,
    /** The row that it is about, of an item that is answered in rows. */
    public val row: String? = null,
    /** How bad it is. */
    public val severity: Severity,
    /** What was found. */
    public val text: String,
    /** *Điều, khoản*: the clause that it breaks. */
    public val clause: String? = null,
    /** *Hạn khắc phục*: the last moment to correct it, in milliseconds since 1970. */
    public val deadlineMs: Long? = null,
    /** It cannot be corrected in the required time. */
    public val unfixable: Boolean = false,
)

/** A step of the life cycle to take. */
public data class StepDraft(
    /** The state to move to, by its key: `in_field`, `minutes_signed` and so on. */
    public val to: String,
    /** The day on which it happened, as YYYY-MM-DD; null for today. */
    public val on: String? = null,
    /** *Lý do*; empty where none is asked for. */
    public val reason: String = "",
)

/** The opinions of an inspection (*ý kiến*). */
public enum class Opinion {
    /** *Ý kiến của cơ sở*. */
    FACILITY,

    /** *Ý kiến khác*. */
    OTHERS,

    /** *Nhận xét, kết luận của đoàn*. */
    CONCLUSION,
}

/** What to do with a text. */
public sealed class TextEdit {
    /** Adds a line at the end. */
    public data class Append(
        /** The line. */
        public val line: String,
    ) : TextEdit()

    /** Makes the text this one; what others typed elsewhere in it meanwhile survives. */
    public data class Replace(
        /** The text. */
        public val text: String,
    ) : TextEdit()
}
