// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** An exported record. */
public data class Exported(
    /** The file's length in bytes. */
    public val bytes: Long,
    /** Leaves of the server's log that are proved in it; null where the server was not asked or reached. */
    public val leaves: Long?,
    /** The server was asked and did not help: the file cannot show that the record is in its log. */
    public val unhelped: Boolean,
)

/** Where this device's work has arrived. */
public data class Ledger(
    /**
     * Every record that this device has edited, or carries for others: those with work that is only here
     * first.
     */
    public val records: List<LedgerRow>,
    /** Edits that are nowhere but here, over all records. */
    public val onlyHere: Long,
    /** Of these, edits that the server keeps aside: no exchange changes that. */
    public val setAside: Long,
    /** Edits of others that are only known to be here. */
    public val carried: Long,
    /** What the server did not take into the record, oldest first. */
    public val notices: List<Notice>,
    /** Edits of this device that are not in the record. */
    public val rejected: List<RejectedWork>,
    /** Minutes that wait for their number. */
    public val minutes: List<WaitingMinutes>,
    /** Decisions of this device that the server has not entered, countersignatures among them. */
    public val decisions: List<WaitingDecision>,
    /** What this device's store lost: nothing on a sound phone. */
    public val losses: Int,
    /** The server refused this device when it was asked last, in milliseconds since 1970. */
    public val refusedAtMs: Long?,
)

/** How far this device's work on one record has come. */
public data class LedgerRow(
    /** The record. */
    public val document: String,
    /** Its kind. */
    public val kind: DocumentKind,
    /** What to call it; may be empty. */
    public val title: String,
    /** How far it has come. */
    public val arrival: Arrival,
    /** Edits of others that came from their devices and that the server is not known to have. */
    public val carried: Long,
)

/** A change that the server did not take into the record. It is kept here and there. */
public data class Notice(
    /** The record. */
    public val document: String,
    /** The change, in hexadecimal. */
    public val change: String,
    /** Why, by its name: `NotAllowed`, `Orphan`, `Limits` and so on. */
    public val verdict: String,
)

/** An edit of this device that is not in the record: it can be made once more by hand. */
public data class RejectedWork(
    /** The record. */
    public val document: String,
    /** The change, in hexadecimal. */
    public val change: String,
    /** When it was made, in milliseconds since 1970, by this device's clock. */
    public val atMs: Long,
    /** What it wrote: the places' names, an item's among them; of typed text nothing. */
    public val places: List<String>,
    /** What stood there: values as stored, and typed characters. */
    public val texts: List<String>,
)

/** A decision of this device that the server has not entered, a countersignature for instance. */
public data class WaitingDecision(
    /** Its name's first digits. */
    public val code: String,
    /** When it was signed, in milliseconds since 1970, by this device's clock. */
    public val atMs: Long,
    /** The server refused it; if not, it waits for the next exchange. */
    public val refused: Boolean,
)

/** Minutes that were sealed on this device and that are not registered yet. */
public data class WaitingMinutes(
    /** The inspection. */
    public val document: String,
    /** *Mã tạm*: the first digits of the seal. */
    public val code: String,
    /** When they were sealed, in milliseconds since 1970. */
    public val atMs: Long,
    /** The server refused them. */
    public val refused: Boolean,
)
