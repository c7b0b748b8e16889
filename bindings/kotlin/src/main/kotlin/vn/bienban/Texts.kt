package vn.bienban

import java.util.Locale

/** The text to show: in Vietnamese or, everywhere else, in English. */
public fun LocalText.text(locale: Locale = Locale.getDefault()): String = if (locale.isVietnamese) vi else en

/** The message to show, as [BienbanException.message]. */
public fun Report.message(locale: Locale = Locale.getDefault()): String =
    if (locale.isVietnamese) messageVi else messageEn

internal val Locale.isVietnamese: Boolean
    get() = language == "vi"
