// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** Who this device is, as far as the server has told it. */
public data class Me(
    /** The device's id: its public key, in hexadecimal. */
    public val device: String,
    /** *Họ tên*; empty while the server has told nothing. */
    public val name: String,
    /** *Cơ quan*. */
    public val agency: String,
    /** What the holder may do now. */
    public val roles: List<Role>,
    /** Where. */
    public val units: List<UnitName>,
    /** The server that this device pins, as `bienban://HOST:PORT#KEY`; null before enrolment. */
    public val hub: String?,
    /** It has exchanged with that server. */
    public val metHub: Boolean,
    /** An invitation was begun and has not ended: [Bienban.resumeEnrolment] goes on with it. */
    public val enrolling: Boolean,
)

/** How a folder is opened. */
public data class OpenOptions(
    /**
     * The name under which the platform's keystore keeps the key; one for each folder. Null for
     * `bienban.store`.
     */
    public val keyName: String? = null,
    /**
     * How long to wait while another process has the folder open, in milliseconds; at most 30,000. An
     * app's extension and the app itself are two processes.
     */
    public val patienceMs: Long = 0,
)
