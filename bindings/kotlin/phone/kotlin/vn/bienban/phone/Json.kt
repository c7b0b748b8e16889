// As much of JSON as the day's protocol needs: the compiler from npm brings no library for it.
package vn.bienban.phone

/** Reads one value: maps, lists, texts, numbers (as `Long` or `Double`), truth values, null. */
class JsonReader(private val text: String) {
    private var at = 0

    fun read(): Any? {
        val value = value()
        skip()
        require(at == text.length) { "more than one value: $text" }
        return value
    }

    private fun skip() {
        while (at < text.length && text[at].isWhitespace()) at++
    }

    private fun take(wanted: Char) {
        skip()
        require(at < text.length && text[at] == wanted) { "no $wanted at $at: $text" }
        at++
    }

    private fun comes(wanted: Char): Boolean {
        skip()
        return (at < text.length && text[at] == wanted).also { if (it) at++ }
    }

    private fun value(): Any? {
        skip()
        require(at < text.length) { "a value is missing: $text" }
        return when (text[at]) {
            '{' -> map()
            '[' -> list()
            '"' -> string()
            else -> word()
        }
    }

    private fun map(): Map<String, Any?> {
        val map = LinkedHashMap<String, Any?>()
        take('{')
        if (comes('}')) return map
        do {
            skip()
            val key = string()
            take(':')
            map[key] = value()
        } while (comes(','))
        take('}')
        return map
    }

    private fun list(): List<Any?> {
        val list = mutableListOf<Any?>()
        take('[')
        if (comes(']')) return list
        do {
            list += value()
        } while (comes(','))
        take(']')
        return list
    }

    private fun string(): String {
        take('"')
        val made = StringBuilder()
        while (true) {
            when (val letter = text[at++]) {
                '"' -> return made.toString()
                '\\' ->
                    when (val escaped = text[at++]) {
                        'n' -> made.append('\n')
                        't' -> made.append('\t')
                        'r' -> made.append('\r')
                        'b' -> made.append('\b')
                        'f' -> made.append('\u000c')
                        'u' -> {
                            made.append(text.substring(at, at + 4).toInt(16).toChar())
                            at += 4
                        }
                        else -> made.append(escaped)
                    }
                else -> made.append(letter)
            }
        }
    }

    private fun word(): Any? {
        val begun = at
        while (at < text.length && text[at] !in ",]} \t\r\n") at++
        return when (val word = text.substring(begun, at)) {
            "true" -> true
            "false" -> false
            "null" -> null
            else -> word.toLongOrNull() ?: word.toDouble()
        }
    }
}

/** Writes a value on one line. */
fun json(value: Any?): String =
    when (value) {
        null -> "null"
        is Boolean, is Number -> value.toString()
        is Map<*, *> -> value.entries.joinToString(",", "{", "}") { "${json(it.key.toString())}:${json(it.value)}" }
        is List<*> -> value.joinToString(",", "[", "]") { json(it) }
        else ->
            value.toString().asSequence().joinToString("", "\"", "\"") { letter ->
                when {
                    letter == '"' || letter == '\\' -> "\\$letter"
                    letter < ' ' || letter in '\ud800'..'\udfff' -> String.format("\\u%04x", letter.code)
                    else -> letter.toString()
                }
            }
    }
