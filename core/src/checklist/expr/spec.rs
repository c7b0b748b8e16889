//! What a program is compiled from: plain data that a template is turned into.

use super::number::Number;
use super::value::{TEXT_BYTES_MAX, Value};

/// The items and groups of a form, with their expressions as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormSpec {
    /// Sections and repeat groups; fields name them by their place here.
    pub groups: Vec<GroupSpec>,
    /// Items, in the order of the form.
    pub fields: Vec<FieldSpec>,
}

/// A section, or a repeat group (*nhóm lặp*: lots, samples, products).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSpec {
    /// Its code, unique among groups; for a repeat group also among items, as `count` names it.
    pub name: String,
    /// Whether its items occur once for each row.
    pub repeats: bool,
    /// Whether its items apply at all. Read outside of its rows.
    pub relevant: Option<String>,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its key, unique among items.
    pub name: String,
    /// What its value is; for a calculated item, what the calculation must yield.
    pub kind: FieldKind,
    /// Its section or repeat group, by place in [`FormSpec::groups`].
    pub group: Option<usize>,
    /// Whether the item applies.
    pub relevant: Option<String>,
    /// What an answer must fulfil; `.` is the answer.
    pub constraint: Option<String>,
    /// Whether an answer is required; `true()` for always.
    pub required: Option<String>,
    /// The value itself, for an item that nobody answers.
    pub calculation: Option<String>,
}

impl FieldSpec {
    /// Returns an item without expressions and outside of any group.
    #[must_use]
    pub fn new(name: &str, kind: FieldKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            group: None,
            relevant: None,
            constraint: None,
            required: None,
            calculation: None,
        }
    }
}

/// What the value of an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// A number.
    Number,
    /// A text.
    Text,
    /// One of these options; any key where none are listed.
    Choice(Vec<String>),
    /// Several of these options; any keys where none are listed.
    Choices(Vec<String>),
    /// Yes or no.
    Bool,
    /// A day.
    Date,
    /// A photo, position or signature: only whether it is there can be asked.
    Opaque,
}

/// Why a text is no value of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is no number, or one that cannot be held.
    #[error(transparent)]
    Number(#[from] super::number::NumberError),
    /// It is no day.
    #[error(transparent)]
    Day(#[from] crate::checklist::day::DayError),
    /// It is neither yes nor no.
    #[error("a yes or no is written true or false")]
    Bool,
    /// It is none of the options.
    #[error("the answer is none of the item's options")]
    Option,
    /// It is too long.
    #[error("the text has more than {TEXT_BYTES_MAX} bytes")]
    TooLong,
}

impl FieldKind {
    /// Reads the canonical text of an answer. An empty text is no answer: see [`super::Given`].
    ///
    /// # Errors
    ///
    /// Returns [`ReadError`] saying what such a value looks like.
    pub fn read(&self, text: &str) -> Result<Value, ReadError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(ReadError::TooLong);
        }
        let listed = |options: &[String], key: &str| {
            options.is_empty() || options.iter().any(|option| option == key)
        };
        match self {
            Self::Number => Ok(Value::Number(Number::parse(text)?)),
            Self::Date => Ok(Value::Date(text.parse()?)),
            Self::Bool => text.parse().map(Value::Bool).map_err(|_| ReadError::Bool),
            Self::Choice(options) if !listed(options, text) => Err(ReadError::Option),
            Self::Choices(options) if !text.split(' ').all(|key| listed(options, key)) => {
                Err(ReadError::Option)
            }
            Self::Text | Self::Opaque | Self::Choice(_) | Self::Choices(_) => Ok(Value::text(text)),
        }
    }
}
