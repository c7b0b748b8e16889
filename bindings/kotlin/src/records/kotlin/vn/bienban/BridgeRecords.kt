// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.Arrival.own(): vn.bienban.Arrival =
    vn.bienban.Arrival(
        recorded = recorded.toLong(),
        stored = stored.toLong(),
        merged = merged.toLong(),
        backedUp = backedUp.toLong(),
        onlyHere = onlyHere.toLong(),
        storedAtMs = storedAtMs,
        mergedAtMs = mergedAtMs,
        backedUpAtMs = backedUpAtMs,
    )

internal fun vn.bienban.generated.Author.own(): vn.bienban.Author =
    vn.bienban.Author(
        device = device,
        name = name,
        agency = agency,
        here = here,
    )

internal fun vn.bienban.generated.DocumentName.own(): vn.bienban.DocumentName =
    vn.bienban.DocumentName(
        id = id,
        title = title,
    )

internal fun vn.bienban.generated.MissingThing.own(): vn.bienban.MissingThing =
    vn.bienban.MissingThing(
        title = title.own(),
        todo = todo.own(),
        clause = clause,
        fields = fields,
        about = about,
    )

internal fun vn.bienban.generated.Named.own(): vn.bienban.Named =
    vn.bienban.Named(
        key = key,
        label = label.own(),
    )

internal fun vn.bienban.generated.UnitName.own(): vn.bienban.UnitName =
    vn.bienban.UnitName(
        code = code,
        name = name,
    )

internal fun vn.bienban.generated.WipeOrder.own(): vn.bienban.WipeOrder =
    vn.bienban.WipeOrder(
        erased = erased,
        left = left.toLong(),
    )

internal fun vn.bienban.generated.DocumentKind.own(): vn.bienban.DocumentKind =
    when (this) {
        vn.bienban.generated.DocumentKind.FACILITY -> vn.bienban.DocumentKind.FACILITY
        vn.bienban.generated.DocumentKind.PLAN -> vn.bienban.DocumentKind.PLAN
        vn.bienban.generated.DocumentKind.INSPECTION -> vn.bienban.DocumentKind.INSPECTION
        vn.bienban.generated.DocumentKind.REVIEW -> vn.bienban.DocumentKind.REVIEW
        vn.bienban.generated.DocumentKind.FOLLOWUP -> vn.bienban.DocumentKind.FOLLOWUP
    }

internal fun vn.bienban.generated.Grade.own(): vn.bienban.Grade =
    when (this) {
        vn.bienban.generated.Grade.NOT_APPLICABLE -> vn.bienban.Grade.NOT_APPLICABLE
        vn.bienban.generated.Grade.PASS -> vn.bienban.Grade.PASS
        vn.bienban.generated.Grade.MINOR -> vn.bienban.Grade.MINOR
        vn.bienban.generated.Grade.MAJOR -> vn.bienban.Grade.MAJOR
        vn.bienban.generated.Grade.SERIOUS -> vn.bienban.Grade.SERIOUS
        vn.bienban.generated.Grade.GIVEN -> vn.bienban.Grade.GIVEN
        vn.bienban.generated.Grade.UNANSWERED -> vn.bienban.Grade.UNANSWERED
        vn.bienban.generated.Grade.DAMAGED -> vn.bienban.Grade.DAMAGED
    }

internal fun vn.bienban.Grade.generated(): vn.bienban.generated.Grade =
    when (this) {
        vn.bienban.Grade.NOT_APPLICABLE -> vn.bienban.generated.Grade.NOT_APPLICABLE
        vn.bienban.Grade.PASS -> vn.bienban.generated.Grade.PASS
        vn.bienban.Grade.MINOR -> vn.bienban.generated.Grade.MINOR
        vn.bienban.Grade.MAJOR -> vn.bienban.generated.Grade.MAJOR
        vn.bienban.Grade.SERIOUS -> vn.bienban.generated.Grade.SERIOUS
        vn.bienban.Grade.GIVEN -> vn.bienban.generated.Grade.GIVEN
        vn.bienban.Grade.UNANSWERED -> vn.bienban.generated.Grade.UNANSWERED
        vn.bienban.Grade.DAMAGED -> vn.bienban.generated.Grade.DAMAGED
    }

internal fun vn.bienban.generated.Role.own(): vn.bienban.Role =
    when (this) {
        vn.bienban.generated.Role.ADMIN -> vn.bienban.Role.ADMIN
        vn.bienban.generated.Role.LEADER -> vn.bienban.Role.LEADER
        vn.bienban.generated.Role.INSPECTOR -> vn.bienban.Role.INSPECTOR
        vn.bienban.generated.Role.SUPERVISOR -> vn.bienban.Role.SUPERVISOR
        vn.bienban.generated.Role.AUDITOR -> vn.bienban.Role.AUDITOR
    }

internal fun vn.bienban.generated.Severity.own(): vn.bienban.Severity =
    when (this) {
        vn.bienban.generated.Severity.MINOR -> vn.bienban.Severity.MINOR
        vn.bienban.generated.Severity.MAJOR -> vn.bienban.Severity.MAJOR
        vn.bienban.generated.Severity.SERIOUS -> vn.bienban.Severity.SERIOUS
    }

internal fun vn.bienban.Severity.generated(): vn.bienban.generated.Severity =
    when (this) {
        vn.bienban.Severity.MINOR -> vn.bienban.generated.Severity.MINOR
        vn.bienban.Severity.MAJOR -> vn.bienban.generated.Severity.MAJOR
        vn.bienban.Severity.SERIOUS -> vn.bienban.generated.Severity.SERIOUS
    }
