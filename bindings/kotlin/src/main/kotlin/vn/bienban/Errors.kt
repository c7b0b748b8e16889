package vn.bienban

import java.util.Locale
import vn.bienban.generated.BienbanException as GeneratedException
import vn.bienban.generated.InternalException

/**
 * Why a call could not do as asked. Which of these it is tells the program; [message] and [next] tell people.
 *
 * Neither [message] nor what is printed of it names people or places: those are in [about], for the screen alone.
 */
public sealed class BienbanException(
    /** What is told of it, whole. */
    public val report: Report,
    /** Its name as the other languages have it too, for instance `not_found`. */
    public val kind: String,
    cause: Throwable? = null,
) : Exception("${report.messageEn} [${report.reportId}]", cause) {
    /** What a person, or the app for them, does next. */
    public val next: NextStep
        get() = report.next

    /** A random code, by which the library's log names the same error. */
    public val reportId: String
        get() = report.reportId

    /** What it is about, for a screen: places that differ, names of people. Keep it out of logs. */
    public val about: List<String>
        get() = report.about

    /** What happened and what helps, fit for a screen: in Vietnamese or, everywhere else, in English. */
    public fun message(locale: Locale = Locale.getDefault()): String =
        if (locale.isVietnamese) report.messageVi else report.messageEn

    /** The store was closed. */
    public class Closed(report: Report) : BienbanException(report, "closed")

    /** What was asked was cancelled by a call to `cancel`; a cancelled coroutine throws no such thing. */
    public class Cancelled(report: Report) : BienbanException(report, "cancelled")

    /** The folder's key is missing or another, or the platform's key store failed. */
    public class Locked(report: Report) : BienbanException(report, "locked")

    /** This device's rights were ended for good, and its data was erased. */
    public class Wiped(report: Report) : BienbanException(report, "wiped")

    /** This device's rights were ended, and something is still only here: another exchange brings it. */
    public class RightsEnded(
        report: Report,
        /** Packs, lines, minutes and decisions that are only here. */
        public val left: Long,
    ) : BienbanException(report, "rights_ended")

    /** This device is not enrolled, or an enrolment did not come about. */
    public class NotEnrolled(report: Report) : BienbanException(report, "not_enrolled")

    /** The server cannot be reached now. What was recorded is safe. */
    public class Network(report: Report) : BienbanException(report, "network")

    /** Another server answers than the one that this device pins. */
    public class WrongHub(report: Report) : BienbanException(report, "wrong_hub")

    /** The server refused, or does not know this device any more. */
    public class Refused(report: Report) : BienbanException(report, "refused")

    /** There is no room left, here or on the server. */
    public class Full(report: Report) : BienbanException(report, "full")

    /** Another process has the folder open. */
    public class InUse(report: Report) : BienbanException(report, "in_use")

    /** Nothing here has the name, or more than one thing has. */
    public class NotFound(report: Report) : BienbanException(report, "not_found")

    /** What was given does not fit: a value, a row, a day, a text that is too long. */
    public class Invalid(report: Report) : BienbanException(report, "invalid")

    /** The rights of this device do not allow it. */
    public class NotAllowed(report: Report) : BienbanException(report, "not_allowed")

    /** Values that differ stand, or nothing is left to settle. [about] names the places. */
    public class Conflict(report: Report) : BienbanException(report, "conflict")

    /** Something is missing that the law or the checklist asks for first. */
    public class NotReady(
        report: Report,
        /** Everything that is missing; empty where only a device was not heard. */
        public val missing: List<MissingThing>,
    ) : BienbanException(report, "not_ready")

    /** It was done already, or nothing more can be done: sealed minutes take no edit. */
    public class Final(report: Report) : BienbanException(report, "final")

    /** Stored data cannot be read, or a later version wrote it. */
    public class Damaged(report: Report) : BienbanException(report, "damaged")

    /** Anything else, a panic that was caught among it. */
    public class Internal(
        report: Report,
        cause: Throwable? = null,
    ) : BienbanException(report, "internal", cause)
}

/** Runs a call, and throws the facade's errors for those of the generated code. */
internal inline fun <T> translated(call: () -> T): T =
    try {
        call()
    } catch (error: GeneratedException) {
        // Not as its cause: what the generated one prints of itself names people and places.
        throw error.own()
    } catch (error: InternalException) {
        throw BienbanException.Internal(unforeseen, error)
    }

/** For what fails in the generated code itself: library and package do not belong together. It has no code in the log. */
internal val unforeseen: Report =
    Report(
        messageVi = "Đã chặn một lỗi bất ngờ. Những gì đã lưu không bị mất. Hãy báo lỗi kèm mã hiển thị.",
        messageEn = "An unexpected fault was caught. Nothing that was saved is lost. Report it with the code shown.",
        next = NextStep.REPORT,
        reportId = "-",
        about = emptyList(),
    )

internal fun GeneratedException.own(): BienbanException =
    when (this) {
        is GeneratedException.Closed -> BienbanException.Closed(report.own())
        is GeneratedException.Cancelled -> BienbanException.Cancelled(report.own())
        is GeneratedException.Locked -> BienbanException.Locked(report.own())
        is GeneratedException.Wiped -> BienbanException.Wiped(report.own())
        is GeneratedException.RightsEnded -> BienbanException.RightsEnded(report.own(), left.toLong())
        is GeneratedException.NotEnrolled -> BienbanException.NotEnrolled(report.own())
        is GeneratedException.Network -> BienbanException.Network(report.own())
        is GeneratedException.WrongHub -> BienbanException.WrongHub(report.own())
        is GeneratedException.Refused -> BienbanException.Refused(report.own())
        is GeneratedException.Full -> BienbanException.Full(report.own())
        is GeneratedException.InUse -> BienbanException.InUse(report.own())
        is GeneratedException.NotFound -> BienbanException.NotFound(report.own())
        is GeneratedException.Invalid -> BienbanException.Invalid(report.own())
        is GeneratedException.NotAllowed -> BienbanException.NotAllowed(report.own())
        is GeneratedException.Conflict -> BienbanException.Conflict(report.own())
        is GeneratedException.NotReady -> BienbanException.NotReady(report.own(), missing.map { it.own() })
        is GeneratedException.Final -> BienbanException.Final(report.own())
        is GeneratedException.Damaged -> BienbanException.Damaged(report.own())
        is GeneratedException.Internal -> BienbanException.Internal(report.own())
    }
