// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** A value that was written to a place. */
public data class HistoryLine(
    /** What was written, for a person. */
    public val text: String,
    /** The canonical text of the record. */
    public val raw: String,
    /** Who wrote it. */
    public val author: Author,
    /** When, in milliseconds since 1970, by the writer's clock. */
    public val atMs: Long,
    /** The change that holds it, in hexadecimal. */
    public val change: String,
)

/** What settling came to. */
public enum class Settled {
    /** The conflict is settled by this edit. */
    NOW,

    /** Somebody settled it before, in the same way. Nothing was written. */
    BEFORE,
}
