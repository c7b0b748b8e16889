// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** What changed since the last event. */
public data class Changes(
    /** Documents, at most 256. */
    public val documents: List<DocumentChange>,
    /** More changed than are named: read lists anew. */
    public val more: Boolean,
    /** The list of inspections shows something else now. */
    public val inspections: Boolean,
    /** The list of plans, or the visits of one, shows something else now. */
    public val plans: Boolean,
    /** The list of facilities shows something else now. */
    public val facilities: Boolean,
    /** Other checklists are here. */
    public val checklists: Boolean,
    /** What this device may do is another, or is known now. */
    public val rights: Boolean,
)

/** A document that changed. */
public data class DocumentChange(
    /** Its id. */
    public val document: String,
    /** Its kind. */
    public val kind: DocumentKind,
    /**
     * The inspection whose screen shows it: itself, or the one that a review or corrective actions are
     * about.
     */
    public val inspection: String?,
    /** Its content changed; if not, only how far it has arrived. */
    public val content: Boolean,
)
