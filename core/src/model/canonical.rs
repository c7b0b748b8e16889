//! Canonical JSON: the one spelling of a value, whoever writes it.
//!
//! The subset of RFC 8785 that needs no floating-point rules: keys sorted by UTF-16 units, integers
//! only, texts in Unicode form C, no space. It parses nothing and knows no document.

use serde::Serialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// Returns the canonical bytes of a JSON value. A number that is no 64-bit integer is written as
/// the text of that number, so that the result is defined for foreign values too.
#[must_use]
pub fn canonical_bytes(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

/// Returns the canonical JSON of one of our own types.
pub(crate) fn canonical_text<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value)
        .expect("types of this crate have text keys and integer numbers, so they are JSON");
    let mut out = String::new();
    write(&value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            out.push_str(&number.to_string());
        }
        Value::Number(number) => write_text(&number.to_string(), out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => write_object(fields, out),
    }
}

fn write_object(fields: &serde_json::Map<String, Value>, out: &mut String) {
    let mut sorted: Vec<(Vec<u16>, &String, String, &Value)> = fields
        .iter()
        .map(|(given, value)| {
            let key: String = given.nfc().collect();
            (key.encode_utf16().collect(), given, key, value)
        })
        .collect();
    // Two spellings of one key are told apart by their own bytes.
    sorted.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    out.push('{');
    for (index, (_, _, key, value)) in sorted.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.nfc() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if u32::from(control) < 0x20 => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(value: &Value) -> String {
        String::from_utf8(canonical_bytes(value)).unwrap()
    }

    #[test]
    fn keys_are_sorted_and_no_space_is_written() {
        assert_eq!(
            text(&json!({"b": [1, true, null], "a": "x", "\u{FFFD}": 2, "\u{1F600}": 3})),
            // By UTF-16 units the surrogates of U+1F600 come before U+FFFD.
            "{\"a\":\"x\",\"b\":[1,true,null],\"\u{1F600}\":3,\"\u{FFFD}\":2}"
        );
    }

    #[test]
    fn both_spellings_of_a_vietnamese_letter_are_one() {
        assert_eq!(text(&json!("Che\u{300}")), text(&json!("Chè")));
    }

    #[test]
    fn control_characters_are_escaped_in_lower_case() {
        assert_eq!(text(&json!("\0\u{1f}\n\"\\")), "\"\\u0000\\u001f\\n\\\"\\\\\"");
    }
}
