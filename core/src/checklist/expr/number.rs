//! Exact decimal numbers: a sum is the same in every order of its parts, on every replica.
//!
//! Whole billionths in an `i128`. Nothing here rounds but multiplication, division and `round`, and
//! nothing overflows: what leaves the range is `None`.

use std::fmt;

/// Decimal places that are kept: a residue limit is written with four, a quotient needs some more.
pub const DECIMALS: u32 = 9;
/// Largest whole number: some hundred times the country's yearly budget in đồng. The sum of
/// [`super::ROWS_MAX`] such numbers, and the product by a billion that a division forms, fit an `i128`.
pub const NUMBER_MAX: i128 = 1_000_000_000_000_000_000;

const UNIT: i128 = 10_i128.pow(DECIMALS);
const UNITS_MAX: i128 = NUMBER_MAX * UNIT;

const _: () = assert!(UNITS_MAX.checked_mul(UNIT).is_some());
const _: () = assert!(UNITS_MAX.checked_mul(super::ROWS_MAX as i128).is_some());

/// Why a text is no number, or an operation has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// It is not written as a number.
    #[error("a number is written with digits and a full stop, for instance -12.5")]
    Form,
    /// It has too many decimal places.
    #[error("a number has at most {DECIMALS} decimal places")]
    Decimals,
    /// It is too large.
    #[error("a number lies between -{NUMBER_MAX} and {NUMBER_MAX}")]
    Range,
}

/// An exact decimal number with [`DECIMALS`] places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Number(i128);

impl Number {
    /// Nought.
    pub const ZERO: Self = Self(0);

    /// Returns a number of billionths; `None` outside of the range.
    pub(super) fn from_units(units: i128) -> Option<Self> {
        (units.abs() <= UNITS_MAX).then_some(Self(units))
    }

    /// Returns the billionths, which can be summed over all rows without overflow.
    pub(super) fn units(self) -> i128 {
        self.0
    }

    /// Returns a whole number.
    #[must_use]
    pub fn whole(number: u32) -> Self {
        Self(i128::from(number) * UNIT)
    }

    /// Returns the whole part, towards the smaller number; `None` beyond an `i64`, which no number
    /// is.
    pub(super) fn floor(self) -> Option<i64> {
        i64::try_from(self.0.div_euclid(UNIT)).ok()
    }

    /// Returns a signed whole number; `None` outside of the range.
    pub(super) fn from_whole(number: i64) -> Option<Self> {
        Self::from_units(i128::from(number) * UNIT)
    }

    /// Reads a number: an optional minus, digits, and optionally a full stop and digits.
    ///
    /// # Errors
    ///
    /// Returns [`NumberError`] naming the form that a number has.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && !digits.starts_with('.')) || fraction.is_empty() {
            return Err(NumberError::Form);
        }
        if !plain(whole) || !plain(fraction) {
            return Err(NumberError::Form);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > DECIMALS as usize {
            return Err(NumberError::Decimals);
        }
        let mut units: i128 = 0;
        let padding = (fraction.len()..DECIMALS as usize).map(|_| b'0');
        for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
            units = units * 10 + i128::from(digit - b'0');
            if units > UNITS_MAX {
                return Err(NumberError::Range);
            }
        }
        Ok(Self(sign * units))
    }

    pub(super) fn negated(self) -> Self {
        Self(-self.0)
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        Self::from_units(self.0 + other.0)
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        Self::from_units(self.0 - other.0)
    }

    /// Multiplies, rounding half away from nought at the last place.
    pub(super) fn times(self, other: Self) -> Option<Self> {
        Self::from_units(divided(self.0.checked_mul(other.0)?, UNIT))
    }

    /// Divides, rounding half away from nought at the last place; `None` for nought and overflow.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        if other.0 == 0 {
            return None;
        }
        Self::from_units(divided(self.0 * UNIT, other.0))
    }

    /// Returns the remainder of a division, with the sign of the dividend; `None` for nought.
    pub(super) fn remainder(self, other: Self) -> Option<Self> {
        self.0.checked_rem(other.0).map(Self)
    }

    /// Cuts off the decimal places.
    pub(super) fn truncated(self) -> Self {
        Self(self.0 / UNIT * UNIT)
    }

    /// Rounds to a number of places, a half towards the greater number as XPath does. Places may be
    /// negative; beyond the range of numbers they are cut to it.
    pub(super) fn rounded(self, places: i64) -> Option<Self> {
        let kept = places.clamp(-18, i64::from(DECIMALS));
        let step = 10_i128.pow(u32::try_from(i64::from(DECIMALS) - kept).ok()?);
        Self::from_units((self.0 + step / 2).div_euclid(step) * step)
    }
}

/// Returns `a / b`, rounded half away from nought.
fn divided(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, a % b);
    if rest.unsigned_abs() >= b.unsigned_abs() - rest.unsigned_abs() {
        quotient + a.signum() * b.signum()
    } else {
        quotient
    }
}

impl fmt::Display for Number {
    /// Writes the shortest form, which reads back as the same number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / UNIT.unsigned_abs(), self.0 % UNIT);
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{:0width$}", rest.unsigned_abs(), width = DECIMALS as usize);
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn tenths_add_up() {
        assert_eq!(number("0.1").plus(number("0.2")), Some(number("0.3")));
        assert_eq!(number("1").over(number("3")).unwrap().to_string(), "0.333333333");
        assert_eq!(number("-2").over(number("3")).unwrap().to_string(), "-0.666666667");
        assert_eq!(number("0.5").times(number("0.000000001")).unwrap().to_string(), "0.000000001");
    }

    #[test]
    fn a_half_rounds_towards_the_greater_number() {
        let rounded = |text: &str, places| number(text).rounded(places).unwrap().to_string();
        assert_eq!(rounded("2.5", 0), "3");
        assert_eq!(rounded("-2.5", 0), "-2");
        assert_eq!(rounded("72.125", 2), "72.13");
        assert_eq!(rounded("1450", -2), "1500");
        assert_eq!(rounded("1", i64::MIN), "0");
        assert_eq!(rounded("1.5", i64::MAX), "1.5");
    }

    #[test]
    fn the_remainder_has_the_sign_of_the_dividend() {
        assert_eq!(number("5").remainder(number("-2")), Some(number("1")));
        assert_eq!(number("-5.5").remainder(number("2")), Some(number("-1.5")));
        assert_eq!(number("1").remainder(Number::ZERO), None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.", "1,5", "+1", "1e3", "NaN", "--1", " 1", "1.2.3", "٣"] {
            assert_eq!(Number::parse(text), Err(NumberError::Form), "{text}");
        }
        assert_eq!(Number::parse("0.0000000001"), Err(NumberError::Decimals));
        assert_eq!(Number::parse("0.50000000000"), Ok(number(".5")));
        assert_eq!(Number::parse("1000000000000000000.1"), Err(NumberError::Range));
        assert_eq!(Number::parse(&"9".repeat(400)), Err(NumberError::Range));
        assert_eq!(number("-0"), Number::ZERO);
    }

    #[test]
    fn the_edges_of_the_range_overflow_to_nothing() {
        let most = number("1000000000000000000");
        let least = most.negated();
        assert_eq!(most.plus(number("0.000000001")), None);
        assert_eq!(least.minus(number("0.000000001")), None);
        assert_eq!(most.times(most), None);
        assert_eq!(most.over(number("0.5")), None);
        assert_eq!(most.over(least), Some(number("-1")));
        assert_eq!(most.rounded(-18), Some(most));
    }

    proptest! {
        #[test]
        fn a_printed_number_reads_back(units in -UNITS_MAX..=UNITS_MAX) {
            let there = Number::from_units(units).unwrap();
            prop_assert_eq!(Number::parse(&there.to_string()), Ok(there));
        }

        #[test]
        fn division_is_within_half_of_the_last_place(a in -1_000_000_i64..1_000_000, b in 1_i64..1_000_000) {
            let (a, b) = (Number::from_whole(a).unwrap(), Number::from_whole(b).unwrap());
            let quotient = a.over(b).unwrap();
            let error = (quotient.0 * b.0 - a.0 * UNIT).abs();
            prop_assert!(error * 2 <= b.0);
        }
    }
}
