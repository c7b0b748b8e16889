// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** An enrolment as a screen shows it. */
public data class EnrolmentStatus(
    /** Where it stands. */
    public val state: EnrolmentState,
    /** The six digits that a person compares with the administrator's. */
    public val digits: String,
    /** The same in two groups, as they are read out. */
    public val digitsGrouped: String,
    /**
     * Until when the claim may be confirmed, in milliseconds since 1970, by the server's clock; null while
     * it was not reached.
     */
    public val untilMs: Long?,
)

/** Where an enrolment stands. */
public enum class EnrolmentState {
    /** The server was not reached yet. */
    CLAIMING,

    /** The server keeps the claim, and an administrator is to confirm it: show the digits. */
    WAITING,

    /** The server knows this device. */
    ADMITTED,

    /** It ended without that; [Enrolment.wait] tells why. */
    ENDED,
}
