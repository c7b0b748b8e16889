//! Why a value of the header does not fit.

use std::fmt;

use super::form::{HeaderForm, HeaderOption, HeaderType};
use crate::checklist::template::Words;

/// What a field takes: enough to tell a person in any language.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderWanted {
    /// A text.
    Text {
        /// The most characters.
        chars_max: u32,
        /// The most lines.
        lines_max: u32,
    },
    /// The name of a person.
    Person {
        /// The most characters.
        chars_max: u32,
    },
    /// A day.
    Date,
    /// A day with the time.
    DateTime,
    /// A phone number.
    Phone {
        /// How numbers are written, by example.
        examples: Vec<String>,
    },
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// One option.
    Choice {
        /// The options.
        options: Vec<HeaderOption>,
    },
}

impl HeaderWanted {
    pub(super) fn of(form: &HeaderForm, holds: &HeaderType) -> Self {
        match holds {
            HeaderType::Text { chars_max, lines_max } => {
                Self::Text { chars_max: *chars_max, lines_max: *lines_max }
            }
            HeaderType::Person { chars_max } => Self::Person { chars_max: *chars_max },
            HeaderType::Date => Self::Date,
            HeaderType::DateTime => Self::DateTime,
            HeaderType::Phone => {
                let examples = form.phones().iter().map(|form| form.example.clone()).collect();
                Self::Phone { examples }
            }
            HeaderType::Number { min, max } => Self::Number { min: *min, max: *max },
            HeaderType::Choice { options } => Self::Choice { options: options.clone() },
        }
    }
}

impl fmt::Display for HeaderWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { chars_max, lines_max: 1 } => {
                write!(f, "a text of at most {chars_max} characters on one line")
            }
            Self::Text { chars_max, lines_max } => {
                write!(f, "a text of at most {chars_max} characters on at most {lines_max} lines")
            }
            Self::Person { chars_max } => write!(
                f,
                "the name of a person, without digits, on one line of at most {chars_max} characters"
            ),
            Self::Date => f.write_str("a day as YYYY-MM-DD or DD/MM/YYYY"),
            Self::DateTime => {
                f.write_str("a day with the time as YYYY-MM-DD HH:MM or HH:MM DD/MM/YYYY")
            }
            Self::Phone { examples } => {
                write!(f, "a phone number, for instance {}", examples.join(", "))
            }
            Self::Number { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Choice { options } => {
                let keys: Vec<&str> = options.iter().map(|option| option.key.as_str()).collect();
                write!(f, "one of {}", keys.join(", "))
            }
        }
    }
}

/// Why a field of the header cannot hold a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The header has no such field.
    #[error("the header has no field {field}; its fields are: {}", known.join(", "))]
    Unknown {
        /// The name that was given.
        field: String,
        /// The fields there are.
        known: Vec<String>,
    },
    /// The value has another form.
    #[error("field {field} ({}) takes {wanted}", title.en_or_vi())]
    Value {
        /// The field.
        field: String,
        /// What people call it.
        title: Box<Words>,
        /// What it takes.
        wanted: Box<HeaderWanted>,
    },
    /// Two times stand in the wrong order.
    #[error(transparent)]
    Order(Box<HeaderOrder>),
}

/// Two times that stand in the wrong order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "field {field} ({}) lies before {other} ({}), which says {other_value}; correct one of the two",
    title.en_or_vi(), other_title.en_or_vi()
)]
pub struct HeaderOrder {
    /// The field that must not lie before the other.
    pub field: String,
    /// What people call it.
    pub title: Words,
    /// The other field.
    pub other: String,
    /// What people call that.
    pub other_title: Words,
    /// What the other one says: a day, or a moment in RFC 3339, UTC.
    pub other_value: String,
}
