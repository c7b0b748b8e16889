// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** One statement of why a grade is what it is. Lines stand in the order in which they are read. */
public data class ExplanationLine(
    /** How deep it stands below the first line, which has 0: what it rests on follows one deeper. */
    public val depth: Int,
    /** What it says. */
    public val text: LocalText,
    /**
     * What it is about: `result`, `rule`, `part`, `criterion`, `finding`, `conflict`, `missing` or another
     * name of docs/bindings.md.
     */
    public val kind: String,
    /** The item that it is about. */
    public val item: String?,
    /** The row that it is about. */
    public val row: String?,
    /** The clause that it rests on, with the legal text. */
    public val clause: LocalText?,
)

/** A grade: decided by nobody, worked out from what stands. A person signs. */
public data class GradeView(
    /** The result in a few words. */
    public val result: LocalText,
    /** Nothing is missing and nothing is in conflict. If not, it is provisional (*tạm tính*). */
    public val isFinal: Boolean,
    /** The day as of which it is worked out, as YYYY-MM-DD. */
    public val asOf: String,
    /** The checklist is the one that an authority issued; if not, nobody may be judged by it. */
    public val official: Boolean,
    /** The counts. */
    public val tally: Tally,
    /** What is missing. */
    public val missing: MissingPart,
)

/** What a grade still misses. */
public data class MissingPart(
    /** Items that must be answered, as `ITEM` or `ROW/ITEM`. */
    public val items: List<String>,
    /** Items with too few photos. */
    public val evidence: List<String>,
    /** Items whose answer does not fulfil what is asked of it. */
    public val violated: List<String>,
    /** Items with answers that differ. */
    public val conflicts: List<String>,
)

/** How many items there are of each kind; items of rows count in every row. */
public data class Tally(
    /** Items that people answer and that apply. */
    public val items: Int,
    /** Of these, items with an answer that counts. */
    public val answered: Int,
    /** Items that must be answered and are not. */
    public val missing: Int,
    /** Items with answers that differ. */
    public val conflicted: Int,
    /** Graded items that pass. */
    public val pass: Int,
    /** With a minor deviation. */
    public val minor: Int,
    /** With a major deviation. */
    public val major: Int,
    /** With a serious deviation. */
    public val serious: Int,
    /** Of which somebody said that they do not apply. */
    public val notApplicable: Int,
)
