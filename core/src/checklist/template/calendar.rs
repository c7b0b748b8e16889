//! Days of the calendar, as text.

/// Returns whether a text is a day that exists, as YYYY-MM-DD.
pub(in crate::checklist) fn is_day(text: &str) -> bool {
    let number = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok());
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    let (Some(year), Some(month), Some(day)) = (number(0, 4), number(5, 7), number(8, 10)) else {
        return false;
    };
    shape && day >= 1 && day <= days(year, month)
}

/// Returns how many days a month has; none for a month that does not exist.
fn days(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_exists_or_is_none() {
        for day in ["2026-11-23", "2024-02-29", "2000-02-29", "2026-12-31"] {
            assert!(is_day(day), "{day}");
        }
        for day in
            ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-1-1"]
        {
            assert!(!is_day(day), "{day}");
        }
        for day in ["", "2026-11-2x", "2026/11/23", "２026-1-23", "2026-11-00"] {
            assert!(!is_day(day), "{day}");
        }
    }
}
