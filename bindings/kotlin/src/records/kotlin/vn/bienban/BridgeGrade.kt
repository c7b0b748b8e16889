// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.ExplanationLine.own(): vn.bienban.ExplanationLine =
    vn.bienban.ExplanationLine(
        depth = depth.toInt(),
        text = text.own(),
        kind = kind,
        item = item,
        row = row,
        clause = clause?.own(),
    )

internal fun vn.bienban.generated.GradeView.own(): vn.bienban.GradeView =
    vn.bienban.GradeView(
        result = result.own(),
        isFinal = isFinal,
        asOf = asOf,
        official = official,
        tally = tally.own(),
        missing = missing.own(),
    )

internal fun vn.bienban.generated.MissingPart.own(): vn.bienban.MissingPart =
    vn.bienban.MissingPart(
        items = items,
        evidence = evidence,
        violated = violated,
        conflicts = conflicts,
    )

internal fun vn.bienban.generated.Tally.own(): vn.bienban.Tally =
    vn.bienban.Tally(
        items = items.toInt(),
        answered = answered.toInt(),
        missing = missing.toInt(),
        conflicted = conflicted.toInt(),
        pass = pass.toInt(),
        minor = minor.toInt(),
        major = major.toInt(),
        serious = serious.toInt(),
        notApplicable = notApplicable.toInt(),
    )
