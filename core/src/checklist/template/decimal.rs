//! Exact decimal numbers, as checklists and answers write them. No floating point.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most digits of a number, so that every one fits an `i64` with room to compare.
pub const DECIMAL_DIGITS_MAX: usize = 15;

/// A decimal number with at most [`DECIMAL_DIGITS_MAX`] digits, written one way only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    units: i64,
    scale: u32,
}

/// The text is no decimal number in its one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a number is written as digits with at most one point, such as -12.5: no sign +, no needless zeros, at most {DECIMAL_DIGITS_MAX} digits"
)]
pub struct DecimalError;

impl Decimal {
    /// Returns a number of hundredths, in its one form.
    pub(in crate::checklist) fn of_hundredths(hundredths: u64) -> Self {
        // Points of a sheet, not more than a few hundred: far below what a number may have.
        let units = i64::try_from(hundredths).unwrap_or(i64::MAX);
        match (units % 100, units % 10) {
            (0, _) => Self { units: units / 100, scale: 0 },
            (_, 0) => Self { units: units / 10, scale: 1 },
            _ => Self { units, scale: 2 },
        }
    }

    /// Returns the digits after the point.
    #[must_use]
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// Returns the number without its point: 12.5 has 125 units at scale 1.
    #[must_use]
    pub fn units(self) -> i64 {
        self.units
    }

    /// Returns the number at the larger of two scales, which always fits.
    fn at(self, scale: u32) -> i128 {
        i128::from(self.units) * 10_i128.pow(scale - self.scale)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = match digits.split_once('.') {
            Some((whole, part)) => (whole, Some(part)),
            None => (digits, None),
        };
        let part_digits = part.unwrap_or_default();
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let needless = (whole.len() > 1 && whole.starts_with('0'))
            || part.is_some_and(|part| part.is_empty() || part.ends_with('0'));
        if whole.is_empty() || needless || !plain(whole) || !plain(part_digits) {
            return Err(DecimalError);
        }
        if whole.len() + part_digits.len() > DECIMAL_DIGITS_MAX {
            return Err(DecimalError);
        }
        let units: i64 = format!("{whole}{part_digits}").parse().map_err(|_| DecimalError)?;
        if negative && units == 0 {
            return Err(DecimalError);
        }
        let scale = u32::try_from(part_digits.len()).map_err(|_| DecimalError)?;
        Ok(Self { units: if negative { -units } else { units }, scale })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = self.units.unsigned_abs();
        let scale = self.scale as usize;
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let unit = 10_u64.pow(self.scale);
        write!(f, "{sign}{}.{:0scale$}", digits / unit, digits % unit)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        self.at(scale).cmp(&other.at(scale))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_form_and_keeps_it() {
        for text in ["0", "7", "-7", "0.5", "-0.05", "123.456", "99999999999999.9"] {
            let number: Decimal = text.parse().unwrap();
            assert_eq!(number.to_string(), text);
        }
        for text in
            ["", "-", "+1", "01", "1.", ".5", "1.50", "-0", "1e3", "1,5", "1234567890123456"]
        {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError), "{text}");
        }
    }

    #[test]
    fn numbers_compare_by_value() {
        let mut numbers: Vec<Decimal> =
            ["10", "9.9", "-1", "-1.5", "0.05"].iter().map(|text| text.parse().unwrap()).collect();
        numbers.sort_unstable();
        let sorted: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        assert_eq!(sorted, ["-1.5", "-1", "0.05", "9.9", "10"]);
    }
}
