// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.Exported.own(): vn.bienban.Exported =
    vn.bienban.Exported(
        bytes = bytes.toLong(),
        leaves = leaves?.toLong(),
        unhelped = unhelped,
    )

internal fun vn.bienban.generated.Ledger.own(): vn.bienban.Ledger =
    vn.bienban.Ledger(
        records = records.map { it.own() },
        onlyHere = onlyHere.toLong(),
        setAside = setAside.toLong(),
        carried = carried.toLong(),
        notices = notices.map { it.own() },
        rejected = rejected.map { it.own() },
        minutes = minutes.map { it.own() },
        decisions = decisions.map { it.own() },
        losses = losses.toInt(),
        refusedAtMs = refusedAtMs,
    )

internal fun vn.bienban.generated.LedgerRow.own(): vn.bienban.LedgerRow =
    vn.bienban.LedgerRow(
        document = document,
        kind = kind.own(),
        title = title,
        arrival = arrival.own(),
        carried = carried.toLong(),
    )

internal fun vn.bienban.generated.Notice.own(): vn.bienban.Notice =
    vn.bienban.Notice(
        document = document,
        change = change,
        verdict = verdict,
    )

internal fun vn.bienban.generated.RejectedWork.own(): vn.bienban.RejectedWork =
    vn.bienban.RejectedWork(
        document = document,
        change = change,
        atMs = atMs,
        places = places,
        texts = texts,
    )

internal fun vn.bienban.generated.WaitingDecision.own(): vn.bienban.WaitingDecision =
    vn.bienban.WaitingDecision(
        code = code,
        atMs = atMs,
        refused = refused,
    )

internal fun vn.bienban.generated.WaitingMinutes.own(): vn.bienban.WaitingMinutes =
    vn.bienban.WaitingMinutes(
        document = document,
        code = code,
        atMs = atMs,
        refused = refused,
    )
