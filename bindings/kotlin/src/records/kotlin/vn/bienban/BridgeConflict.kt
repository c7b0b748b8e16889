// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.ConflictValue.own(): vn.bienban.ConflictValue =
    vn.bienban.ConflictValue(
        change = change,
        text = text.own(),
        grade = grade?.own(),
        raw = raw,
        author = author.own(),
        atMs = atMs,
    )

internal fun vn.bienban.generated.ConflictView.own(): vn.bienban.ConflictView =
    vn.bienban.ConflictView(
        place = place,
        label = label.own(),
        item = item,
        row = row,
        isText = isText,
        field = field,
        values = values.map { it.own() },
    )
