// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.EnrolmentStatus.own(): vn.bienban.EnrolmentStatus =
    vn.bienban.EnrolmentStatus(
        state = state.own(),
        digits = digits,
        digitsGrouped = digitsGrouped,
        untilMs = untilMs,
    )

internal fun vn.bienban.generated.EnrolmentState.own(): vn.bienban.EnrolmentState =
    when (this) {
        vn.bienban.generated.EnrolmentState.CLAIMING -> vn.bienban.EnrolmentState.CLAIMING
        vn.bienban.generated.EnrolmentState.WAITING -> vn.bienban.EnrolmentState.WAITING
        vn.bienban.generated.EnrolmentState.ADMITTED -> vn.bienban.EnrolmentState.ADMITTED
        vn.bienban.generated.EnrolmentState.ENDED -> vn.bienban.EnrolmentState.ENDED
    }
