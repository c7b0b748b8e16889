//! *Số, ký hiệu văn bản*: the form of official numbers, as versioned data with its legal source.
//!
//! A number is unique for a unit and year and begins again each year, so only the hub gives one, when it
//! registers minutes; a phone has a temporary code. Which number is the next is not known here.

use std::sync::LazyLock;

use serde::Deserialize;

use super::Day;
use crate::model::Scope;

/// The series in force since Nghị định 30/2020/NĐ-CP. Not official: the sign behind the number is a
/// proposal that the agency's records office has to confirm.
pub const NUMBERS: &[u8] = include_bytes!("../../data/numbers.json");

/// The series of minutes.
const MINUTES: &str = "minutes";

/// The file.
#[derive(Debug, Deserialize)]
struct File {
    official: bool,
    source: String,
    series: Vec<Series>,
}

/// One series of numbers.
#[derive(Debug, Deserialize)]
struct Series {
    key: String,
    /// With `{number}` first, then `{year}` and `{unit}` where they belong.
    form: String,
    /// Digits of a number at least.
    digits: usize,
    effective_from: String,
}

static FILE: LazyLock<File> = LazyLock::new(|| {
    serde_json::from_slice(NUMBERS).expect("the shipped series are read by a test of this module")
});

/// Returns the official number of minutes: the place in the series of a unit and year, as it is written.
#[must_use]
pub fn official_number(number: u64, year: i32, unit: &Scope) -> String {
    // The last that began before the year is over; the first where none had.
    let day = format!("{year:04}-12-31");
    let minutes = FILE.series.iter().filter(|series| series.key == MINUTES);
    let begun = minutes.clone().filter(|series| series.effective_from <= day);
    let series = begun.max_by_key(|series| &series.effective_from).or_else(|| minutes.last());
    let series = series.expect("the shipped series have one of minutes, which a test reads");
    let width = series.digits;
    series
        .form
        .replace("{number}", &format!("{number:0width$}"))
        .replace("{year}", &year.to_string())
        .replace("{unit}", unit.as_str())
}

/// Returns the place in its series that an official number says; none for one of another form.
#[must_use]
pub fn number_in_series(official: &str) -> Option<u64> {
    let digits = official.split(|sign: char| !sign.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Returns the legal source of the series, and whether somebody in office confirmed them.
#[must_use]
pub fn number_source() -> (&'static str, bool) {
    (&FILE.source, FILE.official)
}

/// Returns the year in which a number is given.
#[must_use]
pub fn number_year(at: crate::model::Timestamp) -> i32 {
    Day::nearest(at).year()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_begins_with_its_place_in_the_series() {
        let unit: Scope = "06325".parse().unwrap();
        assert_eq!(official_number(7, 2026, &unit), "07/2026/BB-ĐKT-06325");
        assert_eq!(official_number(1_204, 2027, &unit), "1204/2027/BB-ĐKT-06325");
        for number in [1, 99, 100_000] {
            let official = official_number(number, 2026, &unit);
            assert_eq!(number_in_series(&official), Some(number));
        }
        assert_eq!(number_in_series("BB-7"), None);
    }

    #[test]
    fn the_series_say_where_they_are_from_and_that_nobody_confirmed_them() {
        let (source, official) = number_source();
        assert!(source.contains("30/2020") && !official);
    }
}
