// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** One of the values that stand in a place. */
public data class ConflictValue(
    /** The change that wrote it, in hexadecimal: what `choose` takes. */
    public val change: String,
    /** What it says, for a person: of an answer the grade's name and its value. */
    public val text: LocalText,
    /** Of an answer, its grade. */
    public val grade: Grade?,
    /** The canonical text of the record. */
    public val raw: String,
    /** Who wrote it. */
    public val author: Author,
    /** When, in milliseconds since 1970, by the writer's clock. */
    public val atMs: Long,
)

/** A place in which values that differ stand until a person settles it; the worse one counts meanwhile. */
public data class ConflictView(
    /**
     * The place's name, as calls that settle take it: an item, `ROW/ITEM`, `header/FIELD`,
     * `findings/ID/FIELD` and so on.
     */
    public val place: String,
    /** What people call it. */
    public val label: LocalText,
    /** The item that it is about, of an answer. */
    public val item: String?,
    /** The row, of an answer in a row. */
    public val row: String?,
    /** It is a text, which `resolve_text` settles too. */
    public val isText: Boolean,
    /** Of the header: the field, which `resolve_header` settles too. */
    public val field: String?,
    /** The values that stand. */
    public val values: List<ConflictValue>,
)
