//! What an expression may yield: a value, nothing yet, nothing ever, or no result and why.

use std::fmt;
use std::sync::Arc;

use super::number::{Number, NumberError};
use crate::checklist::day::Day;

/// Longest text, in bytes: the longest note of a record, and room for what `concat` puts around it.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// An exact decimal number.
    Number(Number),
    /// A text; the key of an option; the keys of options, joined by spaces.
    Text(Arc<str>),
    /// Yes or no.
    Bool(bool),
    /// *Ngày*: a day.
    Date(Day),
}

impl Value {
    /// Returns a text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }
}

impl fmt::Display for Value {
    /// Writes the canonical text, as answers hold it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Bool(truth) => truth.fmt(f),
            Self::Date(day) => day.fmt(f),
        }
    }
}

/// Why an expression has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// `div 0` or `mod 0`.
    #[error("a division by zero")]
    DivisionByZero,
    /// A number is too large.
    #[error("a number beyond {}", super::NUMBER_MAX)]
    Overflow,
    /// A text is read as a number and is none.
    #[error("a text that is no number")]
    NotANumber,
    /// A text is read as a day and is none, or a day lies outside of the calendar.
    #[error("no day between 1900-01-01 and 2999-12-31")]
    NotADay,
    /// A text became too long.
    #[error("a text longer than {TEXT_BYTES_MAX} bytes")]
    TextTooLong,
}

impl From<NumberError> for Invalid {
    fn from(error: NumberError) -> Self {
        match error {
            NumberError::Form | NumberError::Decimals => Self::NotANumber,
            NumberError::Range => Self::Overflow,
        }
    }
}

/// A value, or what stands in its place. The four are distinct from each other everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Datum {
    /// A value.
    Value(Value),
    /// *Chưa trả lời*: nobody has answered yet, or what was computed needs such an answer.
    Unanswered,
    /// *Không áp dụng*: somebody said so, or the item is not relevant.
    NotApplicable,
    /// No result, and why.
    Invalid(Invalid),
}

impl Datum {
    /// Returns the value, if there is one.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Returns whether nothing is there, which XLSForm writes `''`. An error is not nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Value(Value::Text(text)) => text.is_empty(),
            Self::Value(_) | Self::Invalid(_) => false,
            Self::Unanswered | Self::NotApplicable => true,
        }
    }

    /// Returns whether there is a value, and not a blank text.
    #[must_use]
    pub fn has_value(&self) -> bool {
        !self.is_empty() && self.value().is_some()
    }
}

/// What a result rests on that a person may still change or must settle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Marks(u8);

impl Marks {
    /// Nothing: the result stands.
    pub const NONE: Self = Self(0);
    /// An item that is not answered.
    pub const UNANSWERED: Self = Self(1);
    /// An item with several standing answers.
    pub const CONFLICTED: Self = Self(2);
    /// A calculation without a result.
    pub const INVALID: Self = Self(4);
    /// Each mark alone.
    pub(super) const EACH: [Self; 3] = [Self::UNANSWERED, Self::CONFLICTED, Self::INVALID];

    /// Returns both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether all of the other's are here.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["unanswered", "conflicted", "invalid"];
        let here = Self::EACH.iter().zip(names).filter(|(mark, _)| self.has(**mark));
        f.debug_list().entries(here.map(|(_, name)| name)).finish()
    }
}

/// The result of an expression, or the effective value of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The value or what stands in its place.
    pub datum: Datum,
    /// What it rests on.
    pub marks: Marks,
}

impl Outcome {
    /// Returns an outcome; a missing answer and a missing result always carry their mark.
    #[must_use]
    pub fn new(datum: Datum, marks: Marks) -> Self {
        let own = match &datum {
            Datum::Unanswered => Marks::UNANSWERED,
            Datum::Invalid(_) => Marks::INVALID,
            Datum::Value(_) | Datum::NotApplicable => Marks::NONE,
        };
        Self { datum, marks: marks.and(own) }
    }

    pub(super) fn of(value: Value, marks: Marks) -> Self {
        Self { datum: Datum::Value(value), marks }
    }

    pub(super) fn truth(holds: bool, marks: Marks) -> Self {
        Self::of(Value::Bool(holds), marks)
    }

    pub(super) fn number(number: Option<Number>, marks: Marks) -> Self {
        match number {
            Some(number) => Self::of(Value::Number(number), marks),
            None => Self::new(Datum::Invalid(Invalid::Overflow), marks),
        }
    }

    /// Returns whether it is a yes; what is missing is none.
    pub(super) fn holds(&self) -> bool {
        self.datum == Datum::Value(Value::Bool(true))
    }
}

/// A yes or no with what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    /// Whether it holds, as things stand.
    pub holds: bool,
    /// What may still change it.
    pub marks: Marks,
}

impl Truth {
    /// Holds, whatever else is answered.
    pub const YES: Self = Self { holds: true, marks: Marks::NONE };
    /// Does not hold, whatever else is answered.
    pub const NO: Self = Self { holds: false, marks: Marks::NONE };
}

impl From<&Outcome> for Truth {
    fn from(outcome: &Outcome) -> Self {
        Self { holds: outcome.holds(), marks: outcome.marks }
    }
}
