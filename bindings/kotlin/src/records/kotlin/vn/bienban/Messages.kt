// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** A text in Vietnamese and English. */
public data class LocalText(
    /** Vietnamese: the official one. */
    public val vi: String,
    /** English; the Vietnamese text where there is no translation. */
    public val en: String,
)
