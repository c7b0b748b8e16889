// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** What is told of an error. */
public data class Report(
    /** What happened and what helps, in Vietnamese; fit for a screen. */
    public val messageVi: String,
    /** The same in English. */
    public val messageEn: String,
    /** What to do next. */
    public val next: NextStep,
    /** A random code, by which the library's log names the same error. It says nothing by itself. */
    public val reportId: String,
    /** What it is about, for a screen: places that differ, names of people. Never logged. */
    public val about: List<String>,
)

/** A line of the library's own log of errors. It holds no content of documents. */
public data class ReportLine(
    /** The code that was told with the error. */
    public val reportId: String,
    /** When, in milliseconds since 1970, by this device's clock. */
    public val atMs: Long,
    /** The call. */
    public val call: String,
    /** The kind of trouble. */
    public val trouble: String,
)

/** What a person, or the app for them, does next. */
public enum class NextStep {
    /** The same again, later: nothing is wrong with what was asked. */
    RETRY,

    /** Show the message; the person decides. */
    TELL,

    /** Show the message with `report_id`, and offer to send it to who supports the app. */
    REPORT,
}
