// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.Changes.own(): vn.bienban.Changes =
    vn.bienban.Changes(
        documents = documents.map { it.own() },
        more = more,
        inspections = inspections,
        plans = plans,
        facilities = facilities,
        checklists = checklists,
        rights = rights,
    )

internal fun vn.bienban.generated.DocumentChange.own(): vn.bienban.DocumentChange =
    vn.bienban.DocumentChange(
        document = document,
        kind = kind.own(),
        inspection = inspection,
        content = content,
    )
