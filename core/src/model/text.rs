//! What a person may type: cleaning and limits.
//!
//! Never refuses a character: a text with an odd character must not stop a device (a single NUL has
//! blocked whole upload queues elsewhere), and what was typed must not vanish.

use unicode_normalization::UnicodeNormalization;

/// Longest value of one field, in characters: several lines of an official form.
pub const FIELD_CHARS_MAX: usize = 4_000;
/// Longest value of an answer, in characters: the longest that a checklist may ask for, and still a
/// small part of what one change may hold.
pub const VALUE_CHARS_MAX: usize = 10_000;
/// Longest note, opinion or finding, in characters: some printed pages. Each character of a merged
/// text is one operation, so replacing a whole text stays under the 20,000 operations of one change.
pub const TEXT_CHARS_MAX: usize = 9_000;
/// Most characters typed into a text by one edit.
pub const SPLICE_CHARS_MAX: usize = TEXT_CHARS_MAX;
/// Most photos named by one answer; more belong to the finding.
pub const EVIDENCE_MAX: usize = 64;

/// Returns the text in Unicode form C, line ends as `\n`, every other control character but the tab
/// replaced by U+FFFD, which shows that something stood there.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.nfc().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                if characters.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\n' | '\t' => out.push(character),
            control if control.is_control() => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_shown_and_stops_nothing() {
        assert_eq!(clean("a\0b\r\nc\rd\te"), "a\u{FFFD}b\nc\nd\te");
    }

    #[test]
    fn text_is_composed() {
        assert_eq!(clean("Che\u{300}"), "Chè");
    }
}
