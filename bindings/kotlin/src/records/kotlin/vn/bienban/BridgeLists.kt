// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.ChecklistRow.own(): vn.bienban.ChecklistRow =
    vn.bienban.ChecklistRow(
        id = id,
        code = code,
        edition = edition,
        title = title.own(),
        official = official,
        effectiveFrom = effectiveFrom,
        items = items.toInt(),
    )

internal fun vn.bienban.generated.FacilityPage.own(): vn.bienban.FacilityPage =
    vn.bienban.FacilityPage(
        rows = rows.map { it.own() },
        next = next,
    )

internal fun vn.bienban.generated.FacilityRow.own(): vn.bienban.FacilityRow =
    vn.bienban.FacilityRow(
        id = id,
        codes = codes,
        title = title,
        unit = unit.own(),
        conflicts = conflicts.toInt(),
        updatedAtMs = updatedAtMs,
    )

internal fun vn.bienban.InspectionFilter.generated(): vn.bienban.generated.InspectionFilter =
    vn.bienban.generated.InspectionFilter(
        plan = plan,
        facility = facility,
        state = state,
        verdict = verdict,
        conflicted = conflicted,
        requested = requested,
        onlyHere = onlyHere,
    )

internal fun vn.bienban.generated.InspectionListRow.own(): vn.bienban.InspectionListRow =
    vn.bienban.InspectionListRow(
        id = id,
        facility = facility?.own(),
        plan = plan?.own(),
        unit = unit.own(),
        state = state.own(),
        answered = answered.toInt(),
        items = items.toInt(),
        conflicts = conflicts.toInt(),
        findings = findings.toInt(),
        verdict = verdict?.own(),
        changedSinceVerdict = changedSinceVerdict,
        openRequests = openRequests.toInt(),
        minutes = minutes,
        registered = registered,
        sinceSigned = sinceSigned.toInt(),
        onlyHere = onlyHere.toLong(),
        updatedAtMs = updatedAtMs,
    )

internal fun vn.bienban.generated.InspectionPage.own(): vn.bienban.InspectionPage =
    vn.bienban.InspectionPage(
        rows = rows.map { it.own() },
        next = next,
    )

internal fun vn.bienban.ListQuery.generated(): vn.bienban.generated.ListQuery =
    vn.bienban.generated.ListQuery(
        after = after,
        limit = limit.toUInt(),
        unit = unit,
        text = text,
    )

internal fun vn.bienban.generated.PlanPage.own(): vn.bienban.PlanPage =
    vn.bienban.PlanPage(
        rows = rows.map { it.own() },
        next = next,
    )

internal fun vn.bienban.generated.PlanRow.own(): vn.bienban.PlanRow =
    vn.bienban.PlanRow(
        id = id,
        title = title,
        unit = unit.own(),
        firstDay = firstDay,
        lastDay = lastDay,
        cancelled = cancelled,
        updatedAtMs = updatedAtMs,
    )

internal fun vn.bienban.generated.VisitRow.own(): vn.bienban.VisitRow =
    vn.bienban.VisitRow(
        inspection = inspection,
        facility = facility,
        name = name,
        visit = visit.toInt(),
        removed = removed,
    )
