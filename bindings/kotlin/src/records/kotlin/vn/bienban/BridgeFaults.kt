// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.Report.own(): vn.bienban.Report =
    vn.bienban.Report(
        messageVi = messageVi,
        messageEn = messageEn,
        next = next.own(),
        reportId = reportId,
        about = about,
    )

internal fun vn.bienban.generated.ReportLine.own(): vn.bienban.ReportLine =
    vn.bienban.ReportLine(
        reportId = reportId,
        atMs = atMs,
        call = call,
        trouble = trouble,
    )

internal fun vn.bienban.generated.NextStep.own(): vn.bienban.NextStep =
    when (this) {
        vn.bienban.generated.NextStep.RETRY -> vn.bienban.NextStep.RETRY
        vn.bienban.generated.NextStep.TELL -> vn.bienban.NextStep.TELL
        vn.bienban.generated.NextStep.REPORT -> vn.bienban.NextStep.REPORT
    }
