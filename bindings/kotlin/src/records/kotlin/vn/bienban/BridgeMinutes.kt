// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.DrawnSignature.own(): vn.bienban.DrawnSignature =
    vn.bienban.DrawnSignature(
        width = width.toInt(),
        height = height.toInt(),
        strokes = strokes.map { it.own() },
    )

internal fun vn.bienban.DrawnSignature.generated(): vn.bienban.generated.DrawnSignature =
    vn.bienban.generated.DrawnSignature(
        width = width.toUInt(),
        height = height.toUInt(),
        strokes = strokes.map { it.generated() },
    )

internal fun vn.bienban.generated.Point.own(): vn.bienban.Point =
    vn.bienban.Point(
        x = x.toInt(),
        y = y.toInt(),
    )

internal fun vn.bienban.Point.generated(): vn.bienban.generated.Point =
    vn.bienban.generated.Point(
        x = x.toUInt(),
        y = y.toUInt(),
    )

internal fun vn.bienban.generated.SealCheck.own(): vn.bienban.SealCheck =
    vn.bienban.SealCheck(
        ready = ready,
        digest = digest,
        states = states.map { it.own() },
        team = team.map { it.own() },
        conflicts = conflicts,
        unproven = unproven.toInt(),
        missing = missing.map { it.own() },
        maySeal = maySeal,
        sealed = sealed,
        unanswered = unanswered,
        unansweredCount = unansweredCount.toInt(),
    )

internal fun vn.bienban.SealDraft.generated(): vn.bienban.generated.SealDraft =
    vn.bienban.generated.SealDraft(
        person = person.generated(),
        refused = refused,
        confirmedByCommune = confirmedByCommune,
        leaderDrawn = leaderDrawn?.generated(),
        notHeard = notHeard,
        on = on,
    )

internal fun vn.bienban.generated.Signatory.own(): vn.bienban.Signatory =
    vn.bienban.Signatory(
        name = name,
        title = title,
        drawn = drawn?.own(),
    )

internal fun vn.bienban.Signatory.generated(): vn.bienban.generated.Signatory =
    vn.bienban.generated.Signatory(
        name = name,
        title = title,
        drawn = drawn?.generated(),
    )

internal fun vn.bienban.generated.Stroke.own(): vn.bienban.Stroke =
    vn.bienban.Stroke(
        points = points.map { it.own() },
    )

internal fun vn.bienban.Stroke.generated(): vn.bienban.generated.Stroke =
    vn.bienban.generated.Stroke(
        points = points.map { it.generated() },
    )

internal fun vn.bienban.generated.TeamDevice.own(): vn.bienban.TeamDevice =
    vn.bienban.TeamDevice(
        author = author.own(),
        heard = heard,
        changes = changes.toLong(),
    )
