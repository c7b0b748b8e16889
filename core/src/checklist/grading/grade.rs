//! From settled sheets to a grade: the rule that the checklist names decides which model.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answers::Answers;
use super::explain::{self, Node};
use super::grader::Grader;
use super::points::{self, NamedSheet};
use super::result::{Graded, GradedBy, LISTED_MAX, Listed, MemberSheet, Missing, Outcome, Tally};
use super::settings::Settings;
use super::sheet::Sheet;
use super::{cells::Flag, counts, held, pass_fail};
use crate::checklist::template::{Grading, Template, Words};

/// Most members of a council: three times the largest that the decision describes.
pub const MEMBERS_MAX: usize = 50;

/// Grades what stands by a checklist.
#[must_use]
pub fn grade(template: &Arc<Template>, answers: Answers, settings: Settings) -> Graded {
    Grader::new(Arc::clone(template), answers, settings).grade()
}

impl Grader {
    /// Returns the grade. After a change only what depends on it is worked out anew.
    pub fn grade(&mut self) -> Graded {
        let sheet = self.sheet();
        graded(&[("", sheet)])
    }

    /// Returns the deviations that no finding is about, whatever the model: answers that somebody
    /// must still write up.
    pub fn deviations_without_finding(&mut self) -> Listed {
        pass_fail::without_finding(&self.sheet())
    }

    /// Returns the items that apply by the checklist and have no answer that counts, whether they must be
    /// answered or not, and of how many items that apply.
    pub fn unanswered(&mut self) -> (Listed, usize) {
        let sheet = self.sheet();
        (sheet.unanswered(), sheet.tally().items)
    }

    /// Returns the grade and why it is so, as a tree that a person can read. Walks everything.
    pub fn explain(&mut self) -> (Graded, Node) {
        let sheet = self.sheet();
        let sheets = [("", sheet)];
        let graded = graded(&sheets);
        let node = explain::tree(&graded, &sheets);
        (graded, node)
    }
}

/// The council (*Hội đồng đánh giá, phân hạng*): a sheet for each member, one grade for all.
#[derive(Debug, Clone, Default)]
pub struct Council {
    members: BTreeMap<String, Grader>,
}

impl Council {
    /// Begins a council. What stands in `common` stands on every member's sheet unless the member
    /// says something else of the item.
    #[must_use]
    pub fn new(
        template: &Arc<Template>,
        common: &Answers,
        members: &BTreeMap<String, Answers>,
        settings: &Settings,
    ) -> Self {
        let sheet = |(name, own): (&String, &Answers)| {
            let grader = Grader::new(Arc::clone(template), over(common, own), settings.clone());
            (name.clone(), grader)
        };
        Self { members: members.iter().map(sheet).collect() }
    }

    /// Returns the sheet of a member, to change it.
    pub fn member(&mut self, name: &str) -> Option<&mut Grader> {
        self.members.get_mut(name)
    }

    /// Returns the grade and why it is so; none without members.
    pub fn explain(&mut self) -> Option<(Graded, Node)> {
        let sheets: Vec<NamedSheet<'_>> =
            self.members.iter_mut().map(|(name, grader)| (name.as_str(), grader.sheet())).collect();
        if sheets.is_empty() {
            return None;
        }
        let graded = graded(&sheets);
        let node = explain::tree(&graded, &sheets);
        Some((graded, node))
    }
}

/// Lays a member's answers over those that stand for all.
fn over(common: &Answers, own: &Answers) -> Answers {
    let mut answers = common.clone();
    answers.items.extend(own.items.clone());
    for (section, rows) in &own.rows {
        let common = answers.rows.entry(section.clone()).or_default();
        for (row, items) in rows {
            common.entry(row.clone()).or_default().extend(items.clone());
        }
    }
    answers.findings.extend(own.findings.clone());
    answers
}

/// Grades settled sheets: one, or one for each member. There is at least one.
fn graded(sheets: &[NamedSheet<'_>]) -> Graded {
    let (_, first) = sheets[0];
    let (template, settings) = (first.template, first.settings);
    let outcome = outcome(sheets, &first);
    let held = match template.grading() {
        Grading::OcopPoints(_) if settings.recognised.is_some() => {
            Some(held::result(&first, template.code()))
        }
        _ => None,
    };
    let (mut tally, mut missing) = (Tally::default(), Missing::default());
    let (mut not_applicable, mut not_relevant) = (Listed::default(), Listed::default());
    let (mut aside, mut members) = (Vec::new(), Vec::new());
    for (name, sheet) in sheets {
        let (own, lacks) = (sheet.tally(), missing_of(&(*name, *sheet)));
        tally.add(&own);
        not_applicable.join(sheet.listed(Flag::NotApplicable));
        not_relevant.join(sheet.listed(Flag::NotRelevant));
        aside.extend(sheet.aside());
        if !name.is_empty() {
            let (name, missing) = ((*name).to_owned(), lacks.clone());
            members.push(MemberSheet { name, tally: own, missing });
        }
        missing.join(lacks);
    }
    // Members may each have chosen one case, and not the same.
    missing.join(Missing { cases: mixed_cases(sheets), ..Missing::default() });
    aside.sort();
    aside.dedup();
    aside.truncate(LISTED_MAX);
    let observed = |held: &held::HeldResult| {
        held.result != held::Holding::NoRecognition && held.not_observed + held.not_recognised == 0
    };
    let compared = match &outcome {
        Outcome::CriteriaHeld(held) => observed(held),
        _ => held.as_ref().is_none_or(observed),
    };
    let is_final = missing.is_empty() && compared;
    Graded {
        result: explain::headline(&outcome, is_final, &tally),
        is_final,
        as_of: settings.as_of,
        template: GradedBy::of(template, settings.as_of),
        outcome,
        held,
        tally,
        missing,
        not_applicable,
        not_relevant,
        aside,
        members,
    }
}

fn missing_of(sheet: &NamedSheet<'_>) -> Missing {
    let mut missing = sheet.1.missing();
    missing.cases = mixed_cases(std::slice::from_ref(sheet));
    missing
}

fn mixed_cases(sheets: &[NamedSheet<'_>]) -> Vec<Vec<String>> {
    match sheets[0].1.template.grading() {
        Grading::OcopPoints(ocop) => points::mixed_cases(sheets, ocop),
        _ => Vec::new(),
    }
}

fn outcome(sheets: &[NamedSheet<'_>], first: &Sheet<'_>) -> Outcome {
    match first.template.grading() {
        Grading::PassFail(rule) => Outcome::PassFail(pass_fail::result(first, rule)),
        Grading::CountsTable(rule) => Outcome::CountsTable(counts::result(first, rule)),
        Grading::OcopPoints(ocop) => {
            let result = points::result(sheets, ocop, first.template, first.settings);
            Outcome::OcopPoints(result)
        }
        Grading::CriteriaHeld(rule) => Outcome::CriteriaHeld(held::result(first, &rule.of)),
        Grading::None(_) => Outcome::None,
    }
}

/// Returns a text in both languages.
pub(super) fn words(vi: impl Into<String>, en: impl Into<String>) -> Words {
    Words { vi: vi.into(), en: Some(en.into()) }
}
