// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.MinutesView.own(): vn.bienban.MinutesView =
    vn.bienban.MinutesView(
        seal = seal,
        code = code,
        state = state.own(),
        official = official,
        registeredAtMs = registeredAtMs,
        atMs = atMs,
        content = content,
        leader = leader,
        countersigned = countersigned,
        asSealed = asSealed,
        broken = broken,
        late = late?.own(),
    )

internal fun vn.bienban.generated.WrittenSince.own(): vn.bienban.WrittenSince =
    vn.bienban.WrittenSince(
        unknown = unknown,
        count = count.toInt(),
        places = places,
        labels = labels.map { it.own() },
    )

internal fun vn.bienban.generated.MinutesState.own(): vn.bienban.MinutesState =
    when (this) {
        vn.bienban.generated.MinutesState.REGISTERED -> vn.bienban.MinutesState.REGISTERED
        vn.bienban.generated.MinutesState.WAITING -> vn.bienban.MinutesState.WAITING
        vn.bienban.generated.MinutesState.RIVAL -> vn.bienban.MinutesState.RIVAL
        vn.bienban.generated.MinutesState.REFUSED -> vn.bienban.MinutesState.REFUSED
        vn.bienban.generated.MinutesState.GIVEN_UP -> vn.bienban.MinutesState.GIVEN_UP
    }
