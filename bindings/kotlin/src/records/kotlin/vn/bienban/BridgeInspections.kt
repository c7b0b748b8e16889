// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.AnswerDraft.generated(): vn.bienban.generated.AnswerDraft =
    vn.bienban.generated.AnswerDraft(
        item = item,
        row = row,
        grade = grade.generated(),
        value = value,
        photos = photos,
        note = note,
    )

internal fun vn.bienban.generated.Edited.own(): vn.bienban.Edited =
    vn.bienban.Edited(
        recorded = recorded,
    )

internal fun vn.bienban.FindingDraft.generated(): vn.bienban.generated.FindingDraft =
    vn.bienban.generated.FindingDraft(
        item = item,
        row = row,
        severity = severity.generated(),
        text = text,
        clause = clause,
        deadlineMs = deadlineMs,
        unfixable = unfixable,
    )

internal fun vn.bienban.StepDraft.generated(): vn.bienban.generated.StepDraft =
    vn.bienban.generated.StepDraft(
        to = to,
        on = on,
        reason = reason,
    )

internal fun vn.bienban.generated.Opinion.own(): vn.bienban.Opinion =
    when (this) {
        vn.bienban.generated.Opinion.FACILITY -> vn.bienban.Opinion.FACILITY
        vn.bienban.generated.Opinion.OTHERS -> vn.bienban.Opinion.OTHERS
        vn.bienban.generated.Opinion.CONCLUSION -> vn.bienban.Opinion.CONCLUSION
    }

internal fun vn.bienban.Opinion.generated(): vn.bienban.generated.Opinion =
    when (this) {
        vn.bienban.Opinion.FACILITY -> vn.bienban.generated.Opinion.FACILITY
        vn.bienban.Opinion.OTHERS -> vn.bienban.generated.Opinion.OTHERS
        vn.bienban.Opinion.CONCLUSION -> vn.bienban.generated.Opinion.CONCLUSION
    }

internal fun vn.bienban.generated.TextEdit.own(): vn.bienban.TextEdit =
    when (this) {
        is vn.bienban.generated.TextEdit.Append -> vn.bienban.TextEdit.Append(line)
        is vn.bienban.generated.TextEdit.Replace -> vn.bienban.TextEdit.Replace(text)
    }

internal fun vn.bienban.TextEdit.generated(): vn.bienban.generated.TextEdit =
    when (this) {
        is vn.bienban.TextEdit.Append -> vn.bienban.generated.TextEdit.Append(line)
        is vn.bienban.TextEdit.Replace -> vn.bienban.generated.TextEdit.Replace(text)
    }
