// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** Sealed minutes (*biên bản đã niêm phong*). */
public data class MinutesView(
    /** The seal's id, in hexadecimal. */
    public val seal: String,
    /** *Mã tạm*: its first digits, which name it until it is registered. */
    public val code: String,
    /** Where they stand. */
    public val state: MinutesState,
    /** *Số biên bản*, once they are registered. */
    public val official: String?,
    /** When the server registered them, in milliseconds since 1970. */
    public val registeredAtMs: Long?,
    /** When they were signed, by the leader's clock. */
    public val atMs: Long,
    /** The digest of the record as it was sealed, in hexadecimal. */
    public val content: String,
    /** The leader's device, in hexadecimal. */
    public val leader: String,
    /** Members who signed too: their devices. */
    public val countersigned: List<String>,
    /** The record is shown as it was sealed. */
    public val asSealed: Boolean,
    /** What does not hold of the seal, in words for a report; empty when all holds. */
    public val broken: List<String>,
    /** What was written later or without sight of the seal. Kept, and not in the record. */
    public val late: WrittenSince?,
)

/** What was written to an inspection since somebody decided on it or signed it. */
public data class WrittenSince(
    /** Nobody can tell: the decision does not say what it was given over, or that has not arrived here. */
    public val unknown: Boolean,
    /** How many items, fields and texts. */
    public val count: Int,
    /** Their names, as calls take them. */
    public val places: List<String>,
    /** What people call them, in the same order. */
    public val labels: List<LocalText>,
)

/** Where sealed minutes stand. */
public enum class MinutesState {
    /** *Đã đăng ký*: the server registered them, and they count. */
    REGISTERED,

    /** *Đã ký, chưa đăng ký*: signed, and not registered yet. */
    WAITING,

    /** Others were registered before them. They are kept and shown. */
    RIVAL,

    /** The server will not register them. */
    REFUSED,

    /** A person on this device gave them up. */
    GIVEN_UP,
}
