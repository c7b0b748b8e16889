// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.NetworkHint.generated(): vn.bienban.generated.NetworkHint =
    vn.bienban.generated.NetworkHint(
        offline = offline,
        metered = metered,
        addressChanged = addressChanged,
    )

internal fun vn.bienban.generated.SyncOutcome.own(): vn.bienban.SyncOutcome =
    vn.bienban.SyncOutcome(
        sent = sent.toLong(),
        received = received.toLong(),
        stored = stored.toLong(),
        refused = refused.toLong(),
        caughtUp = caughtUp,
        transport = transport,
        bytesUp = bytesUp.toLong(),
        bytesDown = bytesDown.toLong(),
        milliseconds = milliseconds.toLong(),
        clockAheadMs = clockAheadMs,
        onlyHere = onlyHere.toLong(),
    )

internal fun vn.bienban.generated.SyncProgress.own(): vn.bienban.SyncProgress =
    vn.bienban.SyncProgress(
        state = state.own(),
        sent = sent.toLong(),
        received = received.toLong(),
        stored = stored.toLong(),
        refused = refused.toLong(),
        pauseMs = pauseMs.toLong(),
        failures = failures.toInt(),
        error = error?.own(),
    )

internal fun vn.bienban.generated.SyncState.own(): vn.bienban.SyncState =
    when (this) {
        vn.bienban.generated.SyncState.CONNECTING -> vn.bienban.SyncState.CONNECTING
        vn.bienban.generated.SyncState.EXCHANGING -> vn.bienban.SyncState.EXCHANGING
        vn.bienban.generated.SyncState.UP_TO_DATE -> vn.bienban.SyncState.UP_TO_DATE
        vn.bienban.generated.SyncState.IDLE -> vn.bienban.SyncState.IDLE
        vn.bienban.generated.SyncState.WAITING -> vn.bienban.SyncState.WAITING
        vn.bienban.generated.SyncState.OFFLINE -> vn.bienban.SyncState.OFFLINE
        vn.bienban.generated.SyncState.STOPPED -> vn.bienban.SyncState.STOPPED
    }
