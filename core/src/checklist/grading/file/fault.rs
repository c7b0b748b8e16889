//! What can be wrong with an answers file, each fault with its place, in both languages.

use std::fmt;

use super::{ANSWERS_BYTES_MAX, ANSWERS_FORMAT};

/// Most faults that an error's text lists; [`AnswersError::Faults`] holds them all.
const FAULTS_IN_TEXT_MAX: usize = 8;

/// Why a file is no answers file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswersError {
    /// The file is too large.
    #[error("the answers have {bytes} bytes, over the limit of {ANSWERS_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// It is no JSON.
    #[error("answers line {line}, column {column}: {source}")]
    Json {
        /// Line of the file, from 1.
        line: usize,
        /// Column of the line.
        column: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file is of another form.
    #[error(
        "the answers have format {found}, this program reads {ANSWERS_FORMAT}; update the program"
    )]
    Format {
        /// Its format.
        found: u64,
    },
    /// Things are wrong in it: all of them.
    #[error("{}", list(faults))]
    Faults {
        /// Every fault.
        faults: Vec<AnswersFault>,
    },
}

impl AnswersError {
    /// Returns every fault with a place inside the file; none when it could not be read at all.
    #[must_use]
    pub fn faults(&self) -> &[AnswersFault] {
        match self {
            Self::Faults { faults } => faults,
            _ => &[],
        }
    }
}

fn list(faults: &[AnswersFault]) -> String {
    let shown: Vec<_> = faults.iter().take(FAULTS_IN_TEXT_MAX).map(ToString::to_string).collect();
    let more = match faults.len().saturating_sub(FAULTS_IN_TEXT_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", shown.join("; "))
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswersFault {
    /// The place in the file as a JSON pointer (RFC 6901), for instance `/answers/1.1`.
    pub pointer: String,
    /// What is wrong and what to do.
    pub problem: AnswersProblem,
}

impl AnswersFault {
    /// Returns it in Vietnamese; [`fmt::Display`] is English.
    #[must_use]
    pub fn vi(&self) -> String {
        format!("{}: {}", self.place("tệp"), self.problem.vi())
    }

    fn place(&self, whole: &'static str) -> String {
        let place = if self.pointer.is_empty() { whole } else { &self.pointer };
        place.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    }
}

impl fmt::Display for AnswersFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place("the file"), self.problem)
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswersProblem {
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
    /// The value is of another type.
    #[error("here stands {}", wanted.en())]
    Type {
        /// What stands here.
        wanted: Wanted,
    },
    /// Exactly one of several fields says what the answer is.
    #[error("an answer has exactly one of {fields}")]
    OneOf {
        /// The fields.
        fields: &'static str,
    },
    /// The text is no day.
    #[error("a day is written YYYY-MM-DD and must exist in the calendar")]
    Day,
    /// A name or a list is empty.
    #[error("it is empty; leave it out or fill it")]
    Empty,
    /// There are too many.
    #[error("there are more than {limit}")]
    OverLimit {
        /// The most.
        limit: usize,
    },
    /// A member of the council is named twice.
    #[error("a member of this name has a sheet already; every name is used once")]
    MemberTwice,
}

/// What stands at a place of an answers file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What was answered at an item.
    Answer,
    /// The mark that something is so.
    TrueOnly,
    /// Yes or no.
    TrueOrFalse,
    /// A grade (*mức*).
    Grade,
    /// The severity of a finding (*mức lỗi*).
    Severity,
    /// A number of stars (*số sao*).
    Stars,
    /// The key of an option.
    OptionKey,
    /// A whole number.
    WholeNumber,
    /// A text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

impl Wanted {
    /// Returns it in English.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::Answer => {
                "text, an object, or a list of them; numbers are written as text, so that they are exact"
            }
            Self::TrueOnly => "true, or no field",
            Self::TrueOrFalse => "true or false",
            Self::Grade => "pass, minor, major, serious or na",
            Self::Severity => "minor, major or serious",
            Self::Stars => "a number of stars, in digits",
            Self::OptionKey => "the key of an option, as text",
            Self::WholeNumber => "a whole number",
            Self::Text => "text; numbers are written as text too, so that they are exact",
            Self::List => "a list in brackets",
            Self::Object => "an object in braces",
        }
    }

    /// Returns it in Vietnamese. Words of the format itself stay what they are.
    #[must_use]
    pub fn vi(self) -> &'static str {
        match self {
            Self::Answer => {
                "văn bản, đối tượng, hoặc danh sách gồm những thứ đó; số viết dưới dạng văn bản để chính xác"
            }
            Self::TrueOnly => "“true”, hoặc bỏ trường này",
            Self::TrueOrFalse => "“true” hoặc “false”",
            Self::Grade => "một trong các từ “pass”, “minor”, “major”, “serious”, “na”",
            Self::Severity => "một trong các từ “minor”, “major”, “serious”",
            Self::Stars => "số sao, viết bằng chữ số",
            Self::OptionKey => "mã của một phương án, dưới dạng văn bản",
            Self::WholeNumber => "số nguyên",
            Self::Text => "văn bản; số cũng viết dưới dạng văn bản để chính xác",
            Self::List => "danh sách trong ngoặc vuông",
            Self::Object => "đối tượng trong ngoặc nhọn",
        }
    }
}

impl AnswersProblem {
    /// Returns it in Vietnamese.
    #[must_use]
    pub fn vi(&self) -> String {
        match self {
            Self::Missing => "thiếu trường này".to_owned(),
            Self::UnknownField { known } => {
                format!("không có trường này ở đây; các trường có là {known}")
            }
            Self::FieldTwice => "trường này có hai lần trong một đối tượng".to_owned(),
            Self::Type { wanted } => format!("giá trị không đúng kiểu, ở đây cần {}", wanted.vi()),
            Self::OneOf { fields } => format!("câu trả lời có đúng một trong các trường {fields}"),
            Self::Day => "ngày viết YYYY-MM-DD và phải có trong lịch".to_owned(),
            Self::Empty => "đang để trống; bỏ đi hoặc điền vào".to_owned(),
            Self::OverLimit { limit } => format!("có nhiều hơn {limit}"),
            Self::MemberTwice => {
                "đã có phiếu của thành viên tên này; mỗi tên dùng một lần".to_owned()
            }
        }
    }
}
