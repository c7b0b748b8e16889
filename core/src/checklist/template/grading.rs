//! Which rule turns answers into a grade, and its numbers. The rule itself is not here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Clause, Words};

/// The grading model that a template names, with its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Grading {
    /// *Đạt / không đạt*, with a time to correct (TT 17/2024).
    PassFail(PassFail),
    /// A, B or C by how many deviations there are of each severity.
    CountsTable(CountsTable),
    /// Points, gates, knock-outs and stars of OCOP.
    OcopPoints(OcopPoints),
    /// Whether a recognised product still holds its criteria (QĐ 26/2026, article 9).
    CriteriaHeld(CriteriaHeld),
    /// No grade comes of it.
    None(NoGrade),
}

impl Grading {
    /// Returns the model's name in files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PassFail(_) => "pass_fail",
            Self::CountsTable(_) => "counts_table",
            Self::OcopPoints(_) => "ocop_points",
            Self::CriteriaHeld(_) => "criteria_held",
            Self::None(_) => "none",
        }
    }

    /// Returns the clause that the rule comes from.
    #[must_use]
    pub fn clause(&self) -> Option<&Clause> {
        match self {
            Self::PassFail(PassFail { clause, .. })
            | Self::CountsTable(CountsTable { clause, .. })
            | Self::OcopPoints(OcopPoints { clause, .. })
            | Self::CriteriaHeld(CriteriaHeld { clause, .. }) => clause.as_ref(),
            Self::None(_) => None,
        }
    }
}

/// The numbers of *đạt / không đạt*.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassFail {
    /// The longest time to correct, in days.
    pub deadline_days_max: u32,
    /// Where the rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
}

/// The table of a grade by counts. The first row whose limits hold gives the grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountsTable {
    /// Rows, best grade first.
    pub table: Vec<CountsRow>,
    /// The grade when no row holds.
    pub otherwise: CountsGrade,
    /// Where the rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountsRow {
    /// The grade it gives.
    pub grade: CountsGrade,
    /// The most minor deviations (Mi).
    pub minor_max: u32,
    /// The most major deviations (Ma).
    pub major_max: u32,
    /// The most serious deviations (Se).
    pub serious_max: u32,
    /// The most minor and major deviations together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum_max: Option<u32>,
}

/// A grade of the table (*hạng A, B, C*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountsGrade {
    /// Its code, for instance `A`.
    pub code: String,
    /// Its name.
    pub title: Words,
    /// How many months later the next check is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check_months: Option<u32>,
}

/// The numbers of OCOP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OcopPoints {
    /// The parts, whose maxima sum to 100.
    pub parts: Vec<Part>,
    /// The ranks, best first.
    pub ranks: Vec<Rank>,
    /// The fewest stars that bring a decision and a certificate.
    pub certificate_from_stars: u32,
    /// Whether the gates of lower ranks bind a higher one too.
    pub gates: Gates,
    /// What the sheet prints about stars, or that it prints nothing.
    pub gates_note: Words,
    /// What happens when the points are enough and a gate is not met.
    pub fallback: Fallback,
    /// That the policy is a reading of the law, and of what.
    pub fallback_note: Words,
    /// What no fitting option is worth, and that this is a reading of the law.
    pub none_note: Words,
    /// What ends the evaluation whatever the points are.
    pub knockouts: Vec<Knockout>,
    /// Items whose chosen options must belong to one case, group by group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same_case: Vec<Vec<String>>,
    /// Where the rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
}

/// A part of the sheet (*phần*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its code: A, B or C.
    pub code: String,
    /// Its title.
    pub title: Words,
    /// The most points of its sections together.
    pub max: u32,
    /// The codes of its sections.
    pub sections: Vec<String>,
}

/// A rank (*hạng sao*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rank {
    /// Its stars.
    pub stars: u32,
    /// The fewest points; the next higher rank's are too many.
    pub from: u32,
}

/// Which gates bind a rank. The decision does not say, so it is data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gates {
    /// Its own and those of every lower rank.
    Cumulative,
    /// Its own only.
    OwnRankOnly,
}

/// What happens when points suffice for a rank and a gate is not met. The decision does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// The next lower rank is looked at.
    NextLowerRank,
    /// There is no rank with a certificate.
    #[serde(rename = "none")]
    NoRank,
}

/// A knock-out (*điều kiện loại*): an item of its own, so that who said so is on record.
///
/// It holds when the item's answer is the option `yes`, or when its calculation is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knockout {
    /// The item that says whether it holds.
    pub item: String,
    /// What follows.
    pub effect: Effect,
    /// What it stands with.
    pub level: KnockoutLevel,
    /// The section or criterion that it stands with; none for the dossier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// What a knock-out brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// *Bị loại*: the dossier is rejected.
    Reject,
    /// *Không đánh giá các bước tiếp theo*: the evaluation stops.
    Stop,
    /// *Không thuộc diện đánh giá*: the product is not one to evaluate.
    Exclude,
}

/// What a knock-out stands with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnockoutLevel {
    /// The whole dossier.
    Dossier,
    /// A section.
    Section,
    /// A criterion.
    Criterion,
}

/// The check of a recognised product: the criteria are those of another template.
///
/// With `stars` and `recognised` the checklist asks for the recognition itself, and holds the
/// criteria with their points and gates; without them whoever grades tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriteriaHeld {
    /// The code of the template that the product was recognised by.
    pub of: String,
    /// The item that says which stars the product holds: a choice whose keys are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stars: Option<String>,
    /// The ranks, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranks: Vec<Rank>,
    /// Whether the gates of lower ranks bind a higher one too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gates: Option<Gates>,
    /// By criterion the item that says which option was recognised.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recognised: BTreeMap<String, String>,
    /// Where the rule stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<Clause>,
}

/// No grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoGrade {}
