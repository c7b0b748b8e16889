// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.AnswerGiven.own(): vn.bienban.AnswerGiven =
    vn.bienban.AnswerGiven(
        grade = grade.own(),
        label = label.own(),
        value = value,
        photos = photos,
        claimedAtMs = claimedAtMs,
        atMs = atMs,
        author = author.own(),
        change = change,
        resolves = resolves.toInt(),
    )

internal fun vn.bienban.generated.Choice.own(): vn.bienban.Choice =
    vn.bienban.Choice(
        key = key,
        text = text.own(),
    )

internal fun vn.bienban.generated.ClockView.own(): vn.bienban.ClockView =
    vn.bienban.ClockView(
        title = title.own(),
        since = since,
        due = due,
        overdue = overdue,
        explanation = explanation.own(),
        clause = clause,
    )

internal fun vn.bienban.generated.FindingView.own(): vn.bienban.FindingView =
    vn.bienban.FindingView(
        id = id,
        item = item,
        row = row,
        severity = severity.own(),
        text = text,
        clause = clause,
        deadlineMs = deadlineMs,
        issued = issued,
        unfixable = unfixable,
        fixed = fixed,
        deleted = deleted,
        deletedReason = deletedReason,
        parked = parked.map { it.own() },
        author = author.own(),
        atMs = atMs,
    )

internal fun vn.bienban.generated.HeaderFieldView.own(): vn.bienban.HeaderFieldView =
    vn.bienban.HeaderFieldView(
        key = key,
        title = title.own(),
        kind = kind.own(),
        values = values,
        elsewhere = elsewhere,
        conflict = conflict,
        wrong = wrong,
        neededToSign = neededToSign,
    )

internal fun vn.bienban.generated.InspectionScreen.own(): vn.bienban.InspectionScreen =
    vn.bienban.InspectionScreen(
        id = id,
        facility = facility?.own(),
        plan = plan?.own(),
        visit = visit?.toInt(),
        unit = unit.own(),
        checklistCode = checklistCode,
        checklistEdition = checklistEdition,
        checklistTitle = checklistTitle.own(),
        lacksEdition = lacksEdition,
        digest = digest,
        heads = heads,
        states = states.map { it.own() },
        taken = taken.map { it.own() },
        next = next.map { it.own() },
        clocks = clocks.map { it.own() },
        header = header.map { it.own() },
        sections = sections.map { it.own() },
        findings = findings.map { it.own() },
        facilityOpinion = facilityOpinion,
        otherOpinions = otherOpinions,
        conclusion = conclusion,
        conflicts = conflicts.map { it.own() },
        grade = grade.own(),
        explanation = explanation.map { it.own() },
        review = review?.own(),
        minutes = minutes?.own(),
        sealed = sealed,
        arrival = arrival.own(),
    )

internal fun vn.bienban.generated.ItemView.own(): vn.bienban.ItemView =
    vn.bienban.ItemView(
        key = key,
        text = text.own(),
        guidance = guidance?.own(),
        kind = kind.own(),
        severities = severities.map { it.own() },
        mayBeNotApplicable = mayBeNotApplicable,
        options = options.map { it.own() },
        unit = unit,
        photosMin = photosMin.toInt(),
        state = state.own(),
        answers = answers.map { it.own() },
        countsAs = countsAs?.own(),
        countsValue = countsValue,
        note = note,
        notes = notes.map { it.own() },
    )

internal fun vn.bienban.generated.NoteLine.own(): vn.bienban.NoteLine =
    vn.bienban.NoteLine(
        text = text,
        author = author.own(),
        atMs = atMs,
    )

internal fun vn.bienban.generated.ParkedEdit.own(): vn.bienban.ParkedEdit =
    vn.bienban.ParkedEdit(
        field = field,
        text = text,
        author = author.own(),
    )

internal fun vn.bienban.generated.RowView.own(): vn.bienban.RowView =
    vn.bienban.RowView(
        id = id,
        items = items.map { it.own() },
        note = note,
        removed = removed,
        author = author.own(),
    )

internal fun vn.bienban.generated.SectionView.own(): vn.bienban.SectionView =
    vn.bienban.SectionView(
        code = code,
        title = title.own(),
        agency = agency.own(),
        items = items.map { it.own() },
        rowTitle = rowTitle?.own(),
        rowsMax = rowsMax.toInt(),
        rows = rows.map { it.own() },
    )

internal fun vn.bienban.generated.StepView.own(): vn.bienban.StepView =
    vn.bienban.StepView(
        to = to.own(),
        missing = missing.map { it.own() },
    )

internal fun vn.bienban.generated.TakenStep.own(): vn.bienban.TakenStep =
    vn.bienban.TakenStep(
        to = to.own(),
        day = day,
        reason = reason,
    )

internal fun vn.bienban.generated.AnswerKind.own(): vn.bienban.AnswerKind =
    when (this) {
        vn.bienban.generated.AnswerKind.GRADE -> vn.bienban.AnswerKind.GRADE
        vn.bienban.generated.AnswerKind.NUMBER -> vn.bienban.AnswerKind.NUMBER
        vn.bienban.generated.AnswerKind.CHOICE -> vn.bienban.AnswerKind.CHOICE
        vn.bienban.generated.AnswerKind.CHOICES -> vn.bienban.AnswerKind.CHOICES
        vn.bienban.generated.AnswerKind.TEXT -> vn.bienban.AnswerKind.TEXT
        vn.bienban.generated.AnswerKind.DATE -> vn.bienban.AnswerKind.DATE
        vn.bienban.generated.AnswerKind.PHOTO -> vn.bienban.AnswerKind.PHOTO
        vn.bienban.generated.AnswerKind.POSITION -> vn.bienban.AnswerKind.POSITION
        vn.bienban.generated.AnswerKind.SIGNATURE -> vn.bienban.AnswerKind.SIGNATURE
        vn.bienban.generated.AnswerKind.CALCULATION -> vn.bienban.AnswerKind.CALCULATION
        vn.bienban.generated.AnswerKind.UNKNOWN -> vn.bienban.AnswerKind.UNKNOWN
    }

internal fun vn.bienban.generated.HeaderKind.own(): vn.bienban.HeaderKind =
    when (this) {
        is vn.bienban.generated.HeaderKind.Text -> vn.bienban.HeaderKind.Text(charsMax.toInt(), linesMax.toInt())
        is vn.bienban.generated.HeaderKind.Person -> vn.bienban.HeaderKind.Person(charsMax.toInt())
        vn.bienban.generated.HeaderKind.Date -> vn.bienban.HeaderKind.Date
        vn.bienban.generated.HeaderKind.DateTime -> vn.bienban.HeaderKind.DateTime
        vn.bienban.generated.HeaderKind.Phone -> vn.bienban.HeaderKind.Phone
        is vn.bienban.generated.HeaderKind.Number -> vn.bienban.HeaderKind.Number(min.toInt(), max.toInt())
        is vn.bienban.generated.HeaderKind.Choice -> vn.bienban.HeaderKind.Choice(options.map { it.own() })
        vn.bienban.generated.HeaderKind.Unknown -> vn.bienban.HeaderKind.Unknown
    }

internal fun vn.bienban.generated.ItemState.own(): vn.bienban.ItemState =
    when (this) {
        vn.bienban.generated.ItemState.UNANSWERED -> vn.bienban.ItemState.UNANSWERED
        vn.bienban.generated.ItemState.ANSWERED -> vn.bienban.ItemState.ANSWERED
        vn.bienban.generated.ItemState.CONFLICT -> vn.bienban.ItemState.CONFLICT
    }
