//! *Đạt / không đạt*: the rule of TT 17/2024/TT-BNNPTNT, with the numbers of the checklist.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::answers::Finding;
use super::cells::{Cell, DEVIATIONS};
use super::result::{At, LISTED_MAX, Listed};
use super::sheet::Sheet;
use crate::checklist::day::Day;
use crate::checklist::expr::RowId;
use crate::checklist::template::PassFail;
use crate::model::Severity;

/// The result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Passing {
    /// *Đạt*: nothing was found.
    Pass,
    /// *Đạt (sau khắc phục)*: everything that was found is verified as corrected.
    PassAfterCorrection,
    /// *Chờ khắc phục*: something is open and no deadline has passed.
    AwaitingCorrection,
    /// *Không đạt*: something cannot be corrected in time, or a deadline has passed.
    Fail,
}

/// Where a finding stands on the day of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// Verified as corrected.
    Corrected,
    /// It cannot be corrected in the required time.
    Unfixable,
    /// Its deadline has passed.
    Overdue,
    /// Open, within its deadline.
    WithinDeadline,
    /// Open, and nobody has set a deadline.
    NoDeadline,
}

/// One finding as the result rests on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingStanding {
    /// Its name.
    pub id: String,
    /// The items it is about.
    pub items: Vec<String>,
    /// The rows it is about, of items that are answered in rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub text: String,
    /// The clause it breaks.
    pub clause: Option<String>,
    /// The day on which it was made.
    pub issued: Option<Day>,
    /// The last day to correct it.
    pub deadline: Option<Day>,
    /// The last day that the rule allows, counted from the day it was made. Where no deadline was set
    /// it is the deadline: our reading, the law does not say what follows when nobody sets one.
    pub latest: Option<Day>,
    /// The deadline lies further from the day it was made than the rule allows. The deadline that
    /// was set still counts; a person must look at it.
    pub deadline_too_long: bool,
    /// Where it stands.
    pub state: FindingState,
    /// The day of the last re-check that looked at it, as of the day of record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rechecked: Option<Day>,
}

/// What the rule comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassFailResult {
    /// The result.
    pub result: Passing,
    /// Findings, and deviations without one, that are not corrected.
    pub open: usize,
    /// Findings that are verified as corrected.
    pub corrected: usize,
    /// The earliest deadline of what is open.
    pub next_deadline: Option<Day>,
    /// The longest time to correct, in days.
    pub deadline_days_max: u32,
    /// The day of the last re-check, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rechecked: Option<Day>,
    /// Every finding.
    pub findings: Vec<FindingStanding>,
    /// Deviations that no finding is about: open, without a deadline.
    pub without_finding: Listed,
}

/// Works out the result.
pub(super) fn result(sheet: &Sheet<'_>, rule: &PassFail) -> PassFailResult {
    let as_of = sheet.settings.as_of;
    let findings = sheet.answers.findings.iter();
    let findings: Vec<FindingStanding> =
        findings.map(|(id, finding)| standing(id, finding, as_of, rule)).collect();
    let without_finding = without_finding(sheet);
    let is = |state: FindingState| findings.iter().any(|finding| finding.state == state);
    let corrected =
        findings.iter().filter(|finding| finding.state == FindingState::Corrected).count();
    let open = findings.len() - corrected + without_finding.count;
    let open_deadlines = findings
        .iter()
        .filter(|finding| finding.state != FindingState::Corrected)
        .filter_map(|finding| finding.deadline);
    let result = match (open, corrected) {
        _ if is(FindingState::Unfixable) || is(FindingState::Overdue) => Passing::Fail,
        (0, 0) => Passing::Pass,
        (0, _) => Passing::PassAfterCorrection,
        _ => Passing::AwaitingCorrection,
    };
    PassFailResult {
        result,
        open,
        corrected,
        next_deadline: open_deadlines.min(),
        deadline_days_max: rule.deadline_days_max,
        rechecked: findings.iter().filter_map(|finding| finding.rechecked).max(),
        findings,
        without_finding,
    }
}

fn standing(id: &str, finding: &Finding, as_of: Day, rule: &PassFail) -> FindingStanding {
    let last = finding.issued.and_then(|day| day.plus_days(rule.deadline_days_max.into()));
    let state = match finding.deadline {
        // Whatever was done about it: it was found to be beyond correcting in the required time.
        _ if finding.unfixable => FindingState::Unfixable,
        _ if finding.verified.holds(as_of) => FindingState::Corrected,
        Some(deadline) if as_of > deadline => FindingState::Overdue,
        Some(_) => FindingState::WithinDeadline,
        // Nobody set a deadline: the longest time that the rule allows is over all the same.
        None if last.is_some_and(|last| as_of > last) => FindingState::Overdue,
        None => FindingState::NoDeadline,
    };
    FindingStanding {
        id: id.to_owned(),
        items: finding.items.iter().cloned().collect(),
        rows: finding.rows.iter().cloned().collect(),
        severity: finding.severity,
        text: finding.text.clone(),
        clause: finding.clause.clone(),
        issued: finding.issued,
        deadline: finding.deadline,
        latest: last,
        deadline_too_long: finding.deadline.zip(last).is_some_and(|(day, last)| day > last),
        state,
        rechecked: finding.rechecked.filter(|day| *day <= as_of),
    }
}

/// Returns the deviations that no finding is about: none of the same item and row that is as bad.
pub(super) fn without_finding(sheet: &Sheet<'_>) -> Listed {
    let mut covered: BTreeMap<(&str, Option<&str>), Severity> = BTreeMap::new();
    for finding in sheet.answers.findings.values() {
        let Some(place) = finding.place() else { continue };
        let most = covered.entry(place).or_insert(finding.least);
        *most = finding.least.max(*most);
    }
    let mut open = BTreeSet::new();
    for (flag, severity) in DEVIATIONS {
        let is_open = |cell: &&Cell| {
            let (place, row) = *cell;
            let at = (sheet.part(*place).1.key.as_str(), row.as_ref().map(RowId::as_str));
            covered.get(&at).is_none_or(|covered| *covered < severity)
        };
        open.extend(sheet.cells.all(flag).iter().filter(is_open));
    }
    let at: Vec<At> = open.iter().take(LISTED_MAX).map(|cell| sheet.at(cell)).collect();
    Listed { count: open.len(), at }
}
