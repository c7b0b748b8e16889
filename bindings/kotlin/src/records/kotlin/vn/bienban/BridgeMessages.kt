// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.LocalText.own(): vn.bienban.LocalText =
    vn.bienban.LocalText(
        vi = vi,
        en = en,
    )
