//! A grade as data: what it is, what it rests on, and what is still missing.

use std::collections::BTreeSet;

use serde::Serialize;

use super::counts::CountsResult;
use super::held::HeldResult;
use super::pass_fail::PassFailResult;
use super::points::PointsResult;
use crate::checklist::day::Day;
use crate::checklist::template::{Template, Words};

/// Most places that a list of a grade names; how many there are it always says. As many as a
/// checklist has items, so that only those of many rows are cut.
pub const LISTED_MAX: usize = 2_000;

/// An item, in a row if it is in rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct At {
    /// Its key.
    pub item: String,
    /// The row's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
}

/// Places, of which many are only counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// How many there are.
    pub count: usize,
    /// The first [`LISTED_MAX`], in the order of the checklist.
    pub at: Vec<At>,
}

impl Listed {
    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds the list of another sheet behind this one; a place in both is named once.
    pub(super) fn join(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let cut = self.at.len() < self.count || other.at.len() < other.count;
        let most = self.count.max(other.count);
        let known: BTreeSet<At> = self.at.iter().cloned().collect();
        self.at.extend(other.at.into_iter().filter(|at| !known.contains(at)));
        self.count = if cut { most.max(self.at.len()) } else { self.at.len() };
        self.at.truncate(LISTED_MAX);
    }
}

/// The checklist that a grade is by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GradedBy {
    /// Its name: the hash of all it says.
    pub id: String,
    /// Its code.
    pub code: String,
    /// Its edition.
    pub edition: String,
    /// The text is the one that an authority issued; if not, nobody may be judged by it.
    pub official: bool,
    /// Somebody in office compared the data with the signed text.
    pub verified: bool,
    /// It is in force on the day of record.
    pub in_force: bool,
}

impl GradedBy {
    pub(super) fn of(template: &Template, as_of: Day) -> Self {
        let day = as_of.to_string();
        Self {
            id: template.id().to_string(),
            code: template.code().to_owned(),
            edition: template.edition().to_owned(),
            official: template.is_official(),
            verified: template.verified().is_some(),
            // Days in the form YYYY-MM-DD compare as texts.
            in_force: template.effective_from() <= day.as_str()
                && template.effective_to().is_none_or(|to| to >= day.as_str()),
        }
    }
}

/// How many items there are of each kind. Items of rows count in every row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Items that people answer and that apply by the checklist.
    pub items: usize,
    /// Items with an answer that counts, *không áp dụng* among them.
    pub answered: usize,
    /// Items without an answer that counts.
    pub unanswered: usize,
    /// Of these, items that must be answered.
    pub missing: usize,
    /// Items of which somebody said that they do not apply.
    pub not_applicable: usize,
    /// Items that do not apply by the checklist.
    pub not_relevant: usize,
    /// Items with several answers that differ.
    pub conflicted: usize,
    /// Graded items that pass.
    pub pass: usize,
    /// Graded items with a minor deviation (Mi).
    pub minor: usize,
    /// Graded items with a major deviation (Ma).
    pub major: usize,
    /// Graded items with a serious deviation (Se).
    pub serious: usize,
    /// Answers that are kept and do not count.
    pub aside: usize,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.items += other.items;
        self.answered += other.answered;
        self.unanswered += other.unanswered;
        self.missing += other.missing;
        self.not_applicable += other.not_applicable;
        self.not_relevant += other.not_relevant;
        self.conflicted += other.conflicted;
        self.pass += other.pass;
        self.minor += other.minor;
        self.major += other.major;
        self.serious += other.serious;
        self.aside += other.aside;
    }
}

/// A repeat group with a wrong number of rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WrongRows {
    /// The section.
    pub section: String,
    /// Its rows.
    pub rows: usize,
    /// The fewest it must have.
    pub min: u32,
    /// The most it may have.
    pub max: u32,
}

/// What a grade still misses. While anything is in it, the grade is provisional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Items that must be answered and have no answer that counts.
    pub items: Listed,
    /// Repeat groups with too few or too many rows.
    pub rows: Vec<WrongRows>,
    /// Items with fewer photos than their evidence needs.
    pub evidence: Listed,
    /// Items whose answer does not fulfil its constraint.
    pub violated: Listed,
    /// Items with several answers that differ: a person must resolve them. The worse counts.
    pub conflicts: Listed,
    /// Items of which it is not known whether they apply, because what decides it is not answered
    /// or in conflict.
    pub unsettled: Listed,
    /// Items whose options belong to different cases.
    pub cases: Vec<Vec<String>>,
}

impl Missing {
    /// Returns whether nothing is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
            && self.rows.is_empty()
            && self.evidence.is_empty()
            && self.violated.is_empty()
            && self.conflicts.is_empty()
            && self.unsettled.is_empty()
            && self.cases.is_empty()
    }

    pub(super) fn join(&mut self, other: Self) {
        self.items.join(other.items);
        self.evidence.join(other.evidence);
        self.violated.join(other.violated);
        self.conflicts.join(other.conflicts);
        self.unsettled.join(other.unsettled);
        self.rows.extend(other.rows);
        self.rows.sort();
        self.rows.dedup();
        self.cases.extend(other.cases);
        self.cases.sort();
        self.cases.dedup();
    }
}

/// Why an answer is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AsideReason {
    /// The checklist has no such item; a newer edition may.
    UnknownItem,
    /// The checklist has no such repeat group.
    UnknownSection,
    /// The item is answered once, or once per row, and the answer is not.
    WrongPlace,
    /// It is no answer of the item's type or options, or cannot be read.
    DoesNotFit,
    /// There are more rows than can be evaluated, or the row's name is no name.
    Row,
    /// The answers say that they were given to another checklist or edition.
    OtherEdition,
}

/// An answer that is kept and shown and does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Aside {
    /// The section, of an answer in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The item.
    pub item: String,
    /// Why.
    pub reason: AsideReason,
    /// What it says.
    pub said: Vec<String>,
}

/// The sheet of one member of a council.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberSheet {
    /// Who.
    pub name: String,
    /// Its counts.
    pub tally: Tally,
    /// What it misses.
    pub missing: Missing,
}

/// What the rule of the checklist comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "model", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// *Đạt / không đạt*.
    PassFail(PassFailResult),
    /// A, B or C by counts.
    CountsTable(CountsResult),
    /// Points and stars.
    OcopPoints(PointsResult),
    /// Whether the criteria of a recognised product still hold.
    CriteriaHeld(HeldResult),
    /// No grade comes of it.
    None,
}

/// A grade: decided by nobody, worked out from what stands. A person signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graded {
    /// The result in a few words.
    pub result: Words,
    /// Nothing is missing and nothing is in conflict. If not, the grade is provisional (*tạm tính*).
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The day as of which it is worked out.
    pub as_of: Day,
    /// The checklist.
    pub template: GradedBy,
    /// What the rule comes to.
    pub outcome: Outcome,
    /// Beside points: whether the criteria of the recognition that was given still hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldResult>,
    /// How many items there are of each kind; of a council over all sheets.
    pub tally: Tally,
    /// What is missing; of a council on any sheet.
    pub missing: Missing,
    /// Items of which somebody said that they do not apply.
    pub not_applicable: Listed,
    /// Items that do not apply by the checklist.
    pub not_relevant: Listed,
    /// Answers that do not count, the first [`LISTED_MAX`] of them.
    pub aside: Vec<Aside>,
    /// The sheets of a council's members; empty without a council.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberSheet>,
}
