//! From what a person types to the one text in which an answer is kept.
//!
//! People here write 12,5 and 01/12/2026; records hold 12.5 and 2026-12-01. What two people would
//! read differently is refused and never guessed.

use super::Template;
use super::answer::{AnswerError, other};
use super::decimal::Decimal;
use super::model::{AnswerType, Item, NONE_KEY};

/// How people type that none of the options fits. The word of files, `none`, takes an answer back.
const NO_OPTION: [&str; 2] = ["no-option", "khong"];

impl Template {
    /// Returns the canonical text of a value that a person typed for an item that is not graded:
    /// numbers with a decimal comma or point, with their unit or without; days as DD/MM/YYYY or
    /// YYYY-MM-DD; options by key in either case, several with spaces or commas between; positions
    /// as `latitude,longitude`.
    ///
    /// # Errors
    ///
    /// Returns [`AnswerError`] naming the item and what it takes, or that a number is ambiguous.
    pub fn read_value(&self, item: &str, typed: &str) -> Result<String, AnswerError> {
        let found = self.known(item)?;
        let trimmed = typed.trim();
        let value = match &found.answer {
            AnswerType::Number { unit, .. } => {
                let text = trimmed.strip_suffix(unit.as_str()).unwrap_or(trimmed).trim_end();
                if is_ambiguous(text) {
                    return Err(AnswerError::Ambiguous { item: found.key.clone() });
                }
                number(text)
            }
            AnswerType::Choice { or_none, .. } => {
                let none = *or_none && NO_OPTION.contains(&trimmed.to_lowercase().as_str());
                key(found, trimmed).or_else(|| none.then(|| NONE_KEY.to_owned()))
            }
            AnswerType::Choices { .. } => choices(found, trimmed),
            AnswerType::Text { .. } => Some(crate::model::clean(typed)),
            AnswerType::Date {} => day(trimmed),
            AnswerType::Position {} => position(trimmed),
            _ => None,
        };
        let value = value.ok_or_else(|| other(found))?;
        self.check_value(item, &value)?;
        Ok(value)
    }
}

/// Whether the only mark stands before exactly three digits: to some people it parts thousands, to
/// others decimals.
fn is_ambiguous(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    let marks = digits.matches(['.', ',']).count();
    let Some((whole, part)) = digits.split_once(['.', ',']) else { return false };
    marks == 1 && (1..=3).contains(&whole.len()) && !whole.starts_with('0') && part.len() == 3
}

/// Reads a number with either decimal mark, and with the other one or spaces between thousands.
fn number(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let last = digits.rfind(['.', ',']);
    let mark = last.and_then(|at| digits[at..].chars().next());
    let (whole, part) = match (last, mark) {
        // The same mark twice parts thousands, and there are no decimals.
        (Some(_), Some(mark)) if digits.matches(mark).count() > 1 => (digits, ""),
        (Some(at), _) => (&digits[..at], &digits[at + 1..]),
        (None, _) => (digits, ""),
    };
    let whole = without_thousands(whole)?;
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || !plain(&whole)
        || !plain(part)
        || (part.is_empty() && last == Some(digits.len() - 1))
    {
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let zero = whole == "0" && part.is_empty();
    let sign = if negative && !zero { "-" } else { "" };
    let text =
        if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") };
    text.parse::<Decimal>().is_ok().then_some(text)
}

/// Takes the marks between thousands out; none when they do not stand where thousands are.
fn without_thousands(whole: &str) -> Option<String> {
    let mark = whole.chars().find(|c| !c.is_ascii_digit());
    let Some(mark) = mark else { return Some(whole.to_owned()) };
    if !matches!(mark, '.' | ',' | ' ' | '\u{a0}' | '\u{202f}') {
        return None;
    }
    let mut groups = whole.split(mark);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let right = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    right.then(|| format!("{first}{}", rest.concat()))
}

/// Returns the key of an option, typed in either case.
fn key(item: &Item, typed: &str) -> Option<String> {
    let options = item.answer.options();
    let exact = options.iter().find(|option| option.key == typed);
    let lower = typed.to_lowercase();
    let mut close = options.iter().filter(|option| option.key.to_lowercase() == lower);
    match (exact, close.next(), close.next()) {
        (Some(option), ..) | (None, Some(option), None) => Some(option.key.clone()),
        _ => None,
    }
}

/// Returns the keys of options in the template's order, whatever order they were typed in.
fn choices(item: &Item, typed: &str) -> Option<String> {
    let words = typed.split([' ', ',', ';', '\t']).filter(|word| !word.is_empty());
    let wanted: Option<Vec<String>> = words.map(|word| key(item, word)).collect();
    let wanted = wanted.filter(|keys| !keys.is_empty())?;
    let options = item.answer.options().iter().map(|option| option.key.as_str());
    let keys: Vec<&str> = options.filter(|key| wanted.iter().any(|want| want == key)).collect();
    Some(keys.join(" "))
}

/// Reads a day, the year first or last.
pub(in crate::checklist) fn day(typed: &str) -> Option<String> {
    let parts: Vec<&str> = typed.split(['/', '-', '.']).collect();
    let [first, month, last] = parts.as_slice() else { return None };
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    let plain = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let short = day.len() <= 2 && month.len() <= 2 && year.len() == 4;
    let right = short && [year, month, day].into_iter().all(plain);
    right.then(|| format!("{year}-{month:0>2}-{day:0>2}"))
}

/// Reads `latitude,longitude`; where decimals have a comma, the two are parted by `;` or a space.
fn position(typed: &str) -> Option<String> {
    let (latitude, longitude) = if let Some(parts) = typed.split_once(';') {
        parts
    } else if let Some((first, second)) = typed.split_once(char::is_whitespace) {
        (first.strip_suffix(',').unwrap_or(first), second)
    } else {
        typed.split_once(',')?
    };
    Some(format!("{},{}", number(latitude.trim())?, number(longitude.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_either_decimal_mark() {
        for (typed, read) in [
            ("12,5", "12.5"),
            ("12.50", "12.5"),
            ("+7", "7"),
            ("-0,0", "0"),
            ("\u{2212}3,2", "-3.2"),
            ("007", "7"),
            ("1.234,5", "1234.5"),
            ("1,234.5", "1234.5"),
            ("1.234.567", "1234567"),
            ("12 500", "12500"),
            ("0,125", "0.125"),
        ] {
            assert_eq!(number(typed).as_deref(), Some(read), "{typed}");
        }
        for wrong in
            ["", "-", "5,", ",5", "1.23.456", "1.2,345.6", "1e3", "mười", "1 2", "--1", "٣"]
        {
            assert_eq!(number(wrong), None, "{wrong}");
        }
        assert!(["1.000", "-12,345", "999.999"].into_iter().all(is_ambiguous));
        assert!(!["0.125", "1.2340", "1000", "1,25", "1.234,5"].into_iter().any(is_ambiguous));
    }

    #[test]
    fn days_are_read_with_the_year_first_or_last() {
        for typed in ["1/12/2026", "01/12/2026", "2026-12-01", "2026/12/1", "01.12.2026"] {
            assert_eq!(day(typed).as_deref(), Some("2026-12-01"), "{typed}");
        }
        for wrong in ["1/12/26", "12/2026", "", "1/2/3/4", "a/b/cccc", "2026-12-"] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn positions_are_read_with_either_decimal_mark() {
        for typed in
            ["21.85,106.76", "21.850, 106.76", "21.85 106.76", "21,85; 106,76", "21,85 106,76"]
        {
            assert_eq!(position(typed).as_deref(), Some("21.85,106.76"), "{typed}");
        }
        assert_eq!(position("21"), None);
    }
}
