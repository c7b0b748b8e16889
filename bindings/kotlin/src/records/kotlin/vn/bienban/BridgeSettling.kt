// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.HistoryLine.own(): vn.bienban.HistoryLine =
    vn.bienban.HistoryLine(
        text = text,
        raw = raw,
        author = author.own(),
        atMs = atMs,
        change = change,
    )

internal fun vn.bienban.generated.Settled.own(): vn.bienban.Settled =
    when (this) {
        vn.bienban.generated.Settled.NOW -> vn.bienban.Settled.NOW
        vn.bienban.generated.Settled.BEFORE -> vn.bienban.Settled.BEFORE
    }
