// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** A decision (*kết luận xem xét*). */
public data class DecisionView(
    /** `accepted`, `sent_back` or `pending`; `damaged` for what cannot be read. */
    public val verdict: Named,
    /** It stands. If not, a later one took its place or its author may not decide. */
    public val stands: Boolean,
    /** What was said with it. */
    public val text: String,
    /** Why it was given although values that differ stood; empty where none did. */
    public val despite: String,
    /** Who decided. */
    public val author: Author,
    /** When, in milliseconds since 1970, by the author's clock. */
    public val atMs: Long,
)

/** A comment or a request, pinned to an item or to the whole. */
public data class PinnedView(
    /** Its id, which `reply` takes. */
    public val id: String,
    /** The item; null for the whole inspection. */
    public val item: String?,
    /** What it says. */
    public val text: String,
    /** Who wrote it. */
    public val author: Author,
    /** When, in milliseconds since 1970, by the author's clock. */
    public val atMs: Long,
    /** A comment is dealt with; a request is answered. */
    public val settled: Boolean,
    /** It is a supervisor's. */
    public val counts: Boolean,
    /** Replies, oldest first. */
    public val replies: List<ReplyView>,
)

/** A reply. */
public data class ReplyView(
    /** What it says. */
    public val text: String,
    /** Who wrote it. */
    public val author: Author,
    /** When, in milliseconds since 1970, by the author's clock. */
    public val atMs: Long,
)

/** The review of an inspection (*xem xét*). */
public data class ReviewView(
    /** What counts: `pending`, `accepted` or `sent_back`. */
    public val verdict: Named,
    /** Several decisions stand that differ; the one that asks for more counts. */
    public val conflict: Boolean,
    /** What was written to the inspection since the verdict; null while nothing is decided. */
    public val since: WrittenSince?,
    /** Every decision ever made, oldest first. */
    public val decisions: List<DecisionView>,
    /** Comments, oldest first. */
    public val comments: List<PinnedView>,
    /** Requests to go back to an item, oldest first. */
    public val requests: List<PinnedView>,
)

/** What was written to a review. */
public data class Sent(
    /** Its id. */
    public val id: String,
)
