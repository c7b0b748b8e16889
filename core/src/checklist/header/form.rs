//! The file of header fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::HeaderError;
use crate::checklist::clocks::{ClocksError, read_file};
use crate::checklist::day::Day;
use crate::checklist::template::Words;
use crate::model::{FIELD_CHARS_MAX, HEADER_KEY_BYTES_MAX, LifeCycle, clean, is_header_key};

const FORMAT: u32 = 1;
/// What errors call the file.
const WHAT: &str = "header";

/// Longest name of a field that an error repeats: the longest that a record can hold.
pub const HEADER_KEY_CHARS_MAX: usize = HEADER_KEY_BYTES_MAX;

/// One option of a choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderOption {
    /// What stands in the record.
    pub key: String,
    /// What people read.
    pub title: Words,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum HeaderType {
    /// Free text.
    Text {
        /// The most characters.
        chars_max: u32,
        /// The most lines.
        lines_max: u32,
    },
    /// *Họ tên*: the name of a person, on one line and without digits.
    Person {
        /// The most characters.
        chars_max: u32,
    },
    /// *Ngày*, recorded as YYYY-MM-DD.
    Date,
    /// *Giờ, ngày*, recorded in RFC 3339, UTC.
    DateTime,
    /// *Số điện thoại*, recorded as digits with at most a `+` before them.
    Phone,
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// One of several options, recorded by its key.
    Choice {
        /// The options.
        options: Vec<HeaderOption>,
    },
}

impl HeaderType {
    /// Returns its name in data.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Person { .. } => "person",
            Self::Date => "date",
            Self::DateTime => "date_time",
            Self::Phone => "phone",
            Self::Number { .. } => "number",
            Self::Choice { .. } => "choice",
        }
    }
}

/// Where else the minutes find what a header field says, so that nobody has to type it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Elsewhere {
    /// A field of the plan.
    Plan(String),
    /// `name` of the visit in the plan.
    PlanVisit(String),
    /// The members of the plan's team who have a role.
    Team(crate::model::Role),
    /// A field of the facility.
    Facility(String),
    /// The day on which the inspection came to a state.
    Step(LifeCycle),
    /// The administrative unit.
    Unit,
}

/// How a phone number may begin and how long it is then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhoneForm {
    /// Its first digits, with a `+` where there is one.
    pub starts: String,
    /// The fewest digits, those of `starts` counted.
    pub digits_min: u32,
    /// The most digits.
    pub digits_max: u32,
    /// How it is written.
    pub example: String,
}

/// A field of the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderField {
    /// Its name in records and on the command line.
    pub key: String,
    /// What people read.
    pub title: Words,
    /// What it holds.
    #[serde(rename = "type")]
    pub holds: HeaderType,
    /// The states that need it; none for a field that may stay empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<LifeCycle>,
    /// Where else it is found, the first that says something first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
    /// Fields that it may not lie before: of two moments it must be the later one, a day may be the
    /// same day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_before: Vec<String>,
    /// The clause that asks for it.
    pub clause: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "format")]
    _format: u32,
    edition: String,
    effective_from: Day,
    official: bool,
    #[serde(rename = "verified")]
    _verified: Option<String>,
    source: String,
    phone: Vec<PhoneForm>,
    fields: Vec<HeaderField>,
}

/// The header fields in force from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderForm {
    file: File,
    places: BTreeMap<String, usize>,
}

impl HeaderForm {
    /// Reads a file of header fields and checks it whole.
    ///
    /// # Errors
    ///
    /// Returns [`ClocksError`] naming the line, or every fault with its field.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClocksError> {
        let file: File = read_file(WHAT, FORMAT, bytes)?;
        let mut faults = Vec::new();
        let mut places = BTreeMap::new();
        for (place, field) in file.fields.iter().enumerate() {
            if !is_header_key(&field.key) || places.insert(field.key.clone(), place).is_some() {
                faults.push(format!("{}: the key is malformed or used before", field.key));
            }
            if field.clause.trim().is_empty() {
                faults.push(format!("{}: the clause is empty", field.key));
            }
            faults.extend(faults_of(field));
        }
        for field in &file.fields {
            for other in &field.not_before {
                let known = places.get(other).and_then(|place| file.fields.get(*place));
                if !is_time(&field.holds) || !known.is_some_and(|known| is_time(&known.holds)) {
                    faults.push(format!("{}: cannot be compared with {other}", field.key));
                }
            }
        }
        for form in &file.phone {
            let digits = form.starts.strip_prefix('+').unwrap_or(&form.starts);
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            if !plain || form.digits_min > form.digits_max {
                faults.push(format!("phone {}: no form of a number", form.starts));
            }
        }
        if faults.is_empty() {
            Ok(Self { file, places })
        } else {
            Err(ClocksError::Faults { what: WHAT, faults })
        }
    }

    /// Returns the edition.
    #[must_use]
    pub fn edition(&self) -> &str {
        &self.file.edition
    }

    /// Returns the first day on which they apply.
    #[must_use]
    pub fn effective_from(&self) -> Day {
        self.file.effective_from
    }

    /// Returns whether somebody in office has confirmed them.
    #[must_use]
    pub fn is_official(&self) -> bool {
        self.file.official
    }

    /// Returns where they come from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.file.source
    }

    /// Returns the fields in the order of the minutes.
    #[must_use]
    pub fn fields(&self) -> &[HeaderField] {
        &self.file.fields
    }

    /// Returns how phone numbers may begin.
    #[must_use]
    pub fn phones(&self) -> &[PhoneForm] {
        &self.file.phone
    }

    /// Returns a field by its name.
    ///
    /// # Errors
    ///
    /// Returns [`HeaderError::Unknown`] naming the fields there are.
    pub fn field(&self, key: &str) -> Result<&HeaderField, HeaderError> {
        let found = self.find(key);
        found.ok_or_else(|| HeaderError::Unknown {
            field: clean(key).chars().take(HEADER_KEY_CHARS_MAX).collect(),
            known: self.file.fields.iter().map(|field| field.key.clone()).collect(),
        })
    }

    pub(super) fn find(&self, key: &str) -> Option<&HeaderField> {
        self.places.get(key).and_then(|place| self.file.fields.get(*place))
    }
}

pub(super) fn is_time(holds: &HeaderType) -> bool {
    matches!(holds, HeaderType::Date | HeaderType::DateTime)
}

fn faults_of(field: &HeaderField) -> Vec<String> {
    let mut faults = Vec::new();
    let limit = u32::try_from(FIELD_CHARS_MAX).unwrap_or(u32::MAX);
    match &field.holds {
        HeaderType::Text { chars_max, .. } | HeaderType::Person { chars_max }
            if *chars_max == 0 || *chars_max > limit =>
        {
            faults.push(format!("{}: the length is 0 or over {limit}", field.key));
        }
        HeaderType::Text { lines_max: 0, .. } => {
            faults.push(format!("{}: it has no line", field.key));
        }
        HeaderType::Number { min, max } if min > max => {
            faults.push(format!("{}: the least is over the most", field.key));
        }
        HeaderType::Choice { options } => {
            let mut keys: Vec<&str> = options.iter().map(|option| option.key.as_str()).collect();
            keys.sort_unstable();
            let same = keys.windows(2).any(|pair| pair[0] == pair[1]);
            if same || keys.first().is_none_or(|first| first.is_empty()) {
                faults.push(format!("{}: an option is empty or occurs twice", field.key));
            }
        }
        _ => {}
    }
    faults
}
