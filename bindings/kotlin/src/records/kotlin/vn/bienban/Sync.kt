// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** What the system says of the network. */
public data class NetworkHint(
    /** There is no network: the background waits, and spends nothing. */
    public val offline: Boolean = false,
    /**
     * Data costs money: the background exchanges every 15 minutes and ten seconds after edits, and does
     * not stay connected.
     */
    public val metered: Boolean = false,
    /**
     * This device has another address now, as after a change from wifi to mobile data: what is connected
     * is connected anew.
     */
    public val addressChanged: Boolean = false,
)

/** What an exchange did and cost. */
public data class SyncOutcome(
    /** Packs sent. */
    public val sent: Long,
    /** Packs and records taken in. */
    public val received: Long,
    /** Packs that the server signed for. */
    public val stored: Long,
    /** Packs that it set aside; [Bienban.ledger] names them. */
    public val refused: Long,
    /** Everything that the server had is here. */
    public val caughtUp: Boolean,
    /** How it travelled: `quic`, or `tcp` where UDP is blocked. */
    public val transport: String?,
    /** Bytes sent on the wire, handshake included. */
    public val bytesUp: Long,
    /** Bytes received. */
    public val bytesDown: Long,
    /** How long it took, in milliseconds. */
    public val milliseconds: Long,
    /**
     * By how much this device's clock is ahead of the server's, in milliseconds, behind where negative;
     * none within five minutes.
     */
    public val clockAheadMs: Long?,
    /** Edits that are still nowhere but here. */
    public val onlyHere: Long,
)

/** How an exchange goes. */
public data class SyncProgress(
    /** Where it stands. */
    public val state: SyncState,
    /** Packs sent, by this connection. */
    public val sent: Long,
    /** Packs and records taken in. */
    public val received: Long,
    /** Packs that the server signed for. */
    public val stored: Long,
    /** Packs that it set aside. */
    public val refused: Long,
    /** How long it waits, in milliseconds; 0 if it does not. */
    public val pauseMs: Long,
    /** Failures in a row. */
    public val failures: Int,
    /** Why it ended, where that was an error; why it waits, where that is not the network. */
    public val error: Report?,
)

/** How it stands with exchanging. */
public enum class SyncState {
    /** It connects. */
    CONNECTING,

    /** It exchanges. */
    EXCHANGING,

    /** Everything that the server had is here, and it stays connected. */
    UP_TO_DATE,

    /** An exchange is over; the background begins another in time. */
    IDLE,

    /** It tries again after a pause. */
    WAITING,

    /** It waits for a network. */
    OFFLINE,

    /** It ended, because it was stopped or by an error that waiting does not mend. */
    STOPPED,
}
