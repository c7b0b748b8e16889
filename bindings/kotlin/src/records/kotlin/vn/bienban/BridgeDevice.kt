// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.Me.own(): vn.bienban.Me =
    vn.bienban.Me(
        device = device,
        name = name,
        agency = agency,
        roles = roles.map { it.own() },
        units = units.map { it.own() },
        hub = hub,
        metHub = metHub,
        enrolling = enrolling,
    )

internal fun vn.bienban.OpenOptions.generated(): vn.bienban.generated.OpenOptions =
    vn.bienban.generated.OpenOptions(
        keyName = keyName,
        patienceMs = patienceMs.toULong(),
    )
