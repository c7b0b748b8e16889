//! What can be wrong with a template file, each fault with its place.

mod vi;

use std::fmt;

use serde_json::Value;

use super::{ITEMS_MAX, ROWS_MAX};
use crate::checklist::expr;

/// Most faults that an error's text lists; [`TemplateError::Faults`] holds them all.
const FAULTS_IN_TEXT_MAX: usize = 8;

/// Why a file is no template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The file is too large.
    #[error("the template has {bytes} bytes, over the limit of {}", super::TEMPLATE_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is no JSON, or of format 1 with a field that is missing, unknown or of the wrong type.
    #[error("template line {line}, column {column}: {source}")]
    Json {
        /// Line of the file, from 1.
        line: usize,
        /// Column of the line.
        column: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file is of a newer form.
    #[error("the template has format {found}, this program reads 1 and 2; update the program")]
    Format {
        /// Its format.
        found: u64,
    },
    /// Things are wrong in it: all of them.
    #[error("{}", list(faults))]
    Faults {
        /// Every fault, in the order of the file.
        faults: Vec<Fault>,
    },
}

impl TemplateError {
    /// Returns every fault with a place inside the file; none when it could not be read at all.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Faults { faults } => faults,
            _ => &[],
        }
    }
}

fn list(faults: &[Fault]) -> String {
    let shown: Vec<_> = faults.iter().take(FAULTS_IN_TEXT_MAX).map(ToString::to_string).collect();
    let more = match faults.len().saturating_sub(FAULTS_IN_TEXT_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", shown.join("; "))
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The place in the file as a JSON pointer (RFC 6901), for instance `/sections/0/items/2/key`.
    pub pointer: String,
    /// The code of the section that it is in.
    pub section: Option<String>,
    /// The key of the item that it is in.
    pub item: Option<String>,
    /// The place inside an expression, in characters from 1.
    pub position: Option<usize>,
    /// What is wrong and what to do.
    pub kind: FaultKind,
}

impl Fault {
    pub(super) fn new(pointer: impl Into<String>, kind: FaultKind) -> Self {
        Self { pointer: pointer.into(), section: None, item: None, position: None, kind }
    }

    /// Fills in the section's code and the item's key that the pointer leads through.
    pub(super) fn named(mut self, file: &Value) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let parts: Vec<&str> = self.pointer.split('/').skip(1).take(4).collect();
        if let ["sections", section, rest @ ..] = &parts[..] {
            self.section = text(file.pointer(&format!("/sections/{section}/code")));
            if let ["items", item] = rest {
                self.item = text(file.pointer(&format!("/sections/{section}/items/{item}/key")));
            }
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(section) = &self.section {
            write!(f, "section {}, ", quoted(section))?;
        }
        if let Some(item) = &self.item {
            write!(f, "item {}, ", quoted(item))?;
        }
        f.write_str(if self.pointer.is_empty() { "the file" } else { &self.pointer })?;
        if let Some(position) = self.position {
            write!(f, ", character {position}")?;
        }
        write!(f, ": {}", self.kind)
    }
}

/// Returns a name from the file, short and without control characters.
pub(super) fn quoted(name: &str) -> String {
    let mut shown: String =
        name.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if name.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// A field must be there.
    #[error("the field is missing")]
    Missing,
    /// No such field is known here.
    #[error("no such field is known here; known are {known}")]
    UnknownField {
        /// The fields that are.
        known: String,
    },
    /// A field stands twice in one object.
    #[error("the field stands twice in one object; only one can count")]
    FieldTwice,
    /// The value is of another type, or a part of it is missing.
    #[error("{reason}")]
    Type {
        /// What the reader said.
        reason: String,
    },
    /// The value is null.
    #[error("null stands for nothing here; leave the field out")]
    Null,
    /// The field says what holds without it.
    #[error("the field says what holds without it; leave it out, so that a checklist has one form")]
    Needless,
    /// The text is empty.
    #[error("the text is empty")]
    Empty,
    /// The text is not in Unicode form NFC.
    #[error("the text is not in the Unicode form NFC; normalise it")]
    NotNfc,
    /// Format 1 needs English everywhere.
    #[error("the English text is missing")]
    NoEnglish,
    /// The list is empty.
    #[error("the list is empty; name at least one")]
    NoEntries,
    /// The text is no day.
    #[error("a day is written YYYY-MM-DD and must exist in the calendar")]
    Day,
    /// The template ends before it begins.
    #[error("effective_to lies before effective_from; swap or correct them")]
    DaysReversed,
    /// A key or code has characters that it may not have.
    #[error("a key is 1 to 16 of {allowed}")]
    Key {
        /// What it may have.
        allowed: &'static str,
    },
    /// A key or code is used before.
    #[error("{name} is used before, at {first}; choose another")]
    Twice {
        /// The key.
        name: String,
        /// Where it is used first.
        first: String,
    },
    /// Something is named that does not exist.
    #[error("there is no {what} {name} in this template")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Too many items.
    #[error("there are {items} items, over the limit of {ITEMS_MAX}")]
    TooManyItems {
        /// How many.
        items: usize,
    },
    /// There is no item at all.
    #[error("there are no items")]
    NoItems,
    /// Too many rows, options or the like.
    #[error("{number} is over the limit of {limit}")]
    OverLimit {
        /// The number given.
        number: u64,
        /// The most.
        limit: u64,
    },
    /// The least is more than the most.
    #[error("the least, {min}, is more than the most, {max}")]
    Bounds {
        /// The least.
        min: String,
        /// The most.
        max: String,
    },
    /// A bound has more digits after the point than the answer may have.
    #[error("{bound} has more digits after the point than the answer's {decimals}")]
    BoundDigits {
        /// The bound.
        bound: String,
        /// The answer's.
        decimals: u32,
    },
    /// The order of grades is incomplete.
    #[error("the order must name na, pass, minor, major and serious once each, best first")]
    GradeOrder,
    /// A worse order does not suit the type of answer.
    #[error("the order {order} does not suit an answer of type {answer}")]
    Order {
        /// The order.
        order: String,
        /// The type.
        answer: &'static str,
    },
    /// An order by points, of options without points.
    #[error("the options are ordered by points but option {option} has none")]
    NoPoints {
        /// The option.
        option: String,
    },
    /// Severities fall or repeat.
    #[error("severities must rise and not repeat")]
    Severities,
    /// A repeat group may have more rows than the limit, or fewer than its least.
    #[error("a repeat group has at most {ROWS_MAX} rows, and not fewer at most than at least")]
    Rows,
    /// A gate is no rank that has a certificate.
    #[error("gate {gate} is out of range; the ranks with a certificate are {ranks}")]
    Gate {
        /// The gate.
        gate: u32,
        /// The stars that it may be.
        ranks: String,
    },
    /// Gates of an item fall while the points rise.
    #[error(
        "the gate of {gate} stars asks for {points} points, fewer than a gate of fewer stars does"
    )]
    GateOrder {
        /// The gate.
        gate: u32,
        /// Its points.
        points: u32,
    },
    /// Points, gates or maxima without a grading model that counts them.
    #[error("{field} means nothing under the grading model {model}")]
    NoMeaning {
        /// The field.
        field: &'static str,
        /// The model.
        model: &'static str,
    },
    /// A sum does not add up.
    #[error("{what} sum to {found}, but {expected} is stated")]
    Sum {
        /// What is summed.
        what: &'static str,
        /// Their sum.
        found: u64,
        /// What is stated.
        expected: u64,
    },
    /// The best option is not worth the criterion's maximum.
    #[error("the best option is worth {found}, but the maximum is {expected}")]
    Best {
        /// The best option's points.
        found: u32,
        /// The maximum.
        expected: u32,
    },
    /// A criterion gives points in no part, or in two.
    #[error("section {section} is counted in {parts} parts; each section with points is in one")]
    Parts {
        /// The section.
        section: String,
        /// How many parts name it.
        parts: usize,
    },
    /// The ranks are not in falling order down to 0, or reach over 100.
    #[error("ranks fall in stars and in points, the first from at most 100 and the last from 0")]
    Ranks,
    /// A check of a recognised product asks for the recognition whole, or not at all.
    #[error(
        "{field} has no meaning without stars, the item that says which stars the product holds"
    )]
    NeedsStars {
        /// The field.
        field: &'static str,
    },
    /// The rank from which there is a certificate is none of the ranks.
    #[error("no rank has {stars} stars")]
    Stars {
        /// The stars.
        stars: u32,
    },
    /// A knock-out's item cannot say yes.
    #[error(
        "the item of a knock-out is a choice with an option yes, or a calculation of type bool"
    )]
    Knockout,
    /// A table by counts whose rows are not rising.
    #[error("the limits must not fall from one row to the next")]
    CountsFall,
    /// An expression is wrong.
    #[error("{kind}")]
    Expression {
        /// What is wrong.
        kind: expr::FaultKind,
    },
    /// An item inside a repeat group cannot have the role.
    #[error("item {item} is in a repeat group; name one that is answered once")]
    InRepeat {
        /// The item.
        item: String,
    },
}
