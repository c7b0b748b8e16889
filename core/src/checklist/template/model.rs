//! What a checklist says, item by item. The types are the fields of a template file of format 2;
//! `docs/templates.md` explains them. They hold data and decide nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use super::grading::Grading;
use crate::model::{Grade, Severity};

/// The value of a choice that says that none of the options fits. It is worth no points.
pub const NONE_KEY: &str = crate::checklist::expr::NO_OPTION;

/// A text in Vietnamese and English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Vietnamese: the official one.
    pub vi: String,
    /// English, where there is a translation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Words {
    /// Returns the English text, or the Vietnamese one where there is no translation.
    #[must_use]
    pub fn en_or_vi(&self) -> &str {
        self.en.as_deref().unwrap_or(&self.vi)
    }
}

/// A legal text that the checklist rests on (*căn cứ pháp lý*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Its short name, by which clauses cite it.
    pub id: String,
    /// Its full name.
    pub text: Words,
}

/// A place in a legal text (*điều, khoản*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// The text, one of the template's [`Basis`].
    pub basis: String,
    /// Where in it.
    pub clause: String,
}

/// Who compared the data with the signed text, and when (*người kiểm tra số liệu*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// The person and the office.
    pub by: String,
    /// The day, as YYYY-MM-DD.
    pub on: String,
}

/// Which of two standing answers is the worse one and counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Worse {
    /// Of a choice: the option that is listed earlier.
    ListedWorstFirst,
    /// Of a choice: the option that is listed later.
    ListedBestFirst,
    /// Of a choice: the option with fewer points; of equal ones the one listed earlier.
    FewerPoints,
    /// Of a number: the lower one.
    LowerIsWorse,
    /// Of a number: the higher one.
    HigherIsWorse,
    /// Of a date: the earlier one.
    EarlierIsWorse,
    /// Of a date: the later one.
    LaterIsWorse,
    /// Of several choices: the answer with fewer of them; of equally many the one whose first
    /// difference is listed earlier.
    FewerIsWorse,
    /// Of several choices: the answer with more of them; of equally many as above.
    MoreIsWorse,
}

/// The worse order of each type of answer. Without one, answers in conflict count as none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// All grades from best to worst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Vec<Grade>>,
    /// Of one choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Worse>,
    /// Of several choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices: Option<Worse>,
    /// Of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Worse>,
    /// Of dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Worse>,
}

/// One option of a choice (*phương án*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Its key, unique in the item: what an answer holds.
    pub key: String,
    /// What it says.
    pub text: Words,
    /// What it is worth (*điểm*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
    /// The least that this many stars ask for: 3, 4 or 5 (*dấu sao*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<u32>,
    /// The item's [`Case`] that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The official form prints no line for it: the criterion's own line is the option.
    #[serde(default, skip_serializing_if = "is_false")]
    pub implied: bool,
}

/// One of the cases between which the options of an item are divided (*trường hợp*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its code, unique in the item.
    pub code: String,
    /// What it says.
    pub title: Words,
}

/// What a calculation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResultType {
    /// A number.
    Number,
    /// A text.
    Text,
    /// Yes or no.
    Bool,
    /// A day.
    Date,
}

/// What kind of answer an item takes, and its bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum AnswerType {
    /// Pass, not applicable, or one of these severities.
    Grade {
        /// The severities (*mức lỗi*) that an answer may have, rising.
        severities: Vec<Severity>,
    },
    /// A number with a unit.
    Number {
        /// The unit, for instance `%` or `°C`.
        unit: String,
        /// The most digits after the point.
        decimals: u32,
        /// The least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<Decimal>,
        /// The most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<Decimal>,
    },
    /// One of several options.
    Choice {
        /// The options, as listed.
        options: Vec<Choice>,
        /// `none` ([`NONE_KEY`]) may be answered: no option fits.
        #[serde(default, skip_serializing_if = "is_false")]
        or_none: bool,
    },
    /// Any number of several options.
    Choices {
        /// The options, as listed.
        options: Vec<Choice>,
    },
    /// Free text.
    Text {
        /// Its longest form, in characters.
        chars_max: u32,
    },
    /// A day.
    Date {},
    /// Photos.
    Photo {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A place on the earth.
    Position {},
    /// A signature drawn by hand.
    Signature {},
    /// Nobody answers: it is worked out from other answers.
    Calculation {
        /// The expression.
        expression: String,
        /// What it comes to.
        result: ResultType,
    },
}

impl AnswerType {
    /// Returns the options of a choice; none for other types.
    #[must_use]
    pub fn options(&self) -> &[Choice] {
        match self {
            Self::Choice { options, .. } | Self::Choices { options } => options,
            _ => &[],
        }
    }

    /// Returns the type's name in files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Grade { .. } => "grade",
            Self::Number { .. } => "number",
            Self::Choice { .. } => "choice",
            Self::Choices { .. } => "choices",
            Self::Text { .. } => "text",
            Self::Date {} => "date",
            Self::Photo { .. } => "photo",
            Self::Position {} => "position",
            Self::Signature {} => "signature",
            Self::Calculation { .. } => "calculation",
        }
    }
}

/// Evidence that an answer needs (*minh chứng*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What to show, in Vietnamese.
    pub vi: String,
    /// The same in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
    /// The fewest photos.
    pub photos_min: u32,
}

/// What must hold of an answer, and what to say when it does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// The expression that must be true.
    pub test: String,
    /// What to tell the person.
    pub message: Words,
}

/// Whether an answer must be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Required {
    /// Always, or never.
    Always(bool),
    /// When the expression is true.
    When(String),
}

/// One item (*chỉ tiêu kiểm tra*, *tiêu chí*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its key, unique in the template, for instance `1.1`.
    pub key: String,
    /// What is checked.
    pub text: Words,
    /// What kind of answer it takes.
    pub answer: AnswerType,
    /// How to check it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guidance: Option<Words>,
    /// Which clause asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
    /// The evidence that an answer needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// Its own worse order, instead of the template's for its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worse: Option<Worse>,
    /// The expression that says whether it applies. Without one it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relevant: Option<String>,
    /// What must hold of its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<Constraint>,
    /// Whether it must be answered. Without a word, what the grade rests on must.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<Required>,
    /// Whether a person may say that it does not apply (*không áp dụng*); without a word they may. Where
    /// the official form has no such answer, it would be a way around the item.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub not_applicable: bool,
    /// The most points it may give (*điểm tối đa*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// The section's [`Group`] it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The cases between which its options are divided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<Case>,
    /// Its keys in earlier editions: the author's word that it is the same item in spite of another
    /// key, text or type, so that a draft which moves to this edition keeps its answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was: Vec<String>,
}

impl Item {
    /// Returns the severities that an answer may have; none when it takes no grade.
    #[must_use]
    pub fn severities(&self) -> &[Severity] {
        match &self.answer {
            AnswerType::Grade { severities } => severities,
            _ => &[],
        }
    }

    /// Returns whether nobody answers it, because it is worked out.
    #[must_use]
    pub fn is_calculated(&self) -> bool {
        matches!(self.answer, AnswerType::Calculation { .. })
    }

    /// Returns the option with a key.
    #[must_use]
    pub fn option(&self, key: &str) -> Option<&Choice> {
        self.answer.options().iter().find(|option| option.key == key)
    }
}

/// A heading between a section and its items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its code, unique in the section.
    pub code: String,
    /// Its title.
    pub title: Words,
    /// The most points of its items together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
}

/// A section whose items are answered once per row: lots, samples, products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// The fewest rows.
    pub min: u32,
    /// The most rows.
    pub max: u32,
    /// What one row is called.
    pub row: Words,
}

/// A section (*nhóm chỉ tiêu*, *mục*) and the agency that answers for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Its code, unique in the template.
    pub code: String,
    /// Its title.
    pub title: Words,
    /// The agency that answers for it, one of the template's.
    pub agency: String,
    /// Which clause asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
    /// The expression that says whether it applies. Without one it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relevant: Option<String>,
    /// Whether its items are answered once per row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// The most points of its items together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Headings between it and its items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Its items, in order.
    pub items: Vec<Item>,
}

/// Where an OCOP product set stands in the annexes (*bộ sản phẩm*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductSet {
    /// Its number, 1 to 26.
    pub number: u32,
    /// The heading of its sheet.
    pub heading: Words,
    /// The sector of Annex I (*ngành*).
    pub sector: Words,
    /// The group of Annex I (*nhóm*).
    pub group: Words,
    /// The subgroup of Annex I (*phân nhóm*).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subgroup: Option<Words>,
    /// What the sheet prints of it.
    pub printed: Words,
}

/// Something odd in the official text, carried with the data that it concerns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anomaly {
    /// Its name.
    pub id: String,
    /// `rule_break`, `suspected_error`, `ambiguity` or `variant`.
    pub kind: String,
    /// The criteria, section or part concerned; empty when it is the whole sheet.
    pub place: Vec<String>,
    /// What is odd, in Vietnamese.
    pub vi: String,
    /// The same in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
    /// What is printed.
    pub printed: String,
    /// What was probably meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likely: Option<String>,
    /// What the data does about it.
    pub handling: String,
    /// The rule of the data that it breaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// A person in office must decide; until then the data stays as printed.
    pub needs_person: bool,
}

/// A slip of the transcript that was put right, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The criterion; empty when it is the whole sheet.
    pub place: String,
    /// Which part of it.
    pub field: String,
    /// What is printed.
    pub printed: String,
    /// What the data says instead.
    pub read_as: String,
    /// Why, in Vietnamese.
    pub vi: String,
    /// The same in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

/// A whole template file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) format: u32,
    pub(super) code: String,
    pub(super) edition: String,
    pub(super) title: Words,
    pub(super) official: bool,
    pub(super) verified: Option<Verified>,
    pub(super) effective_from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) effective_to: Option<String>,
    pub(super) source: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<Words>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) product_set: Option<ProductSet>,
    pub(super) legal_basis: Vec<Basis>,
    pub(super) agencies: BTreeMap<String, Words>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) managed_by: Vec<String>,
    pub(super) orders: Orders,
    pub(super) sections: Vec<Section>,
    pub(super) grading: Grading,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) anomalies: Vec<Anomaly>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) corrections: Vec<Correction>,
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

fn is_false(value: &bool) -> bool {
    !value
}
