//! Grades by how many deviations there are of each severity: the forms before 15 January 2025.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::cells::DEVIATIONS;
use super::sheet::Sheet;
use crate::checklist::day::Day;
use crate::checklist::expr::RowId;
use crate::checklist::template::{CountsRow, CountsTable, Words};
use crate::model::Severity;

/// How many deviations there are of each severity. Each counts once, at its worst: what an item
/// says and what findings say about it are one deviation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// *Lỗi nhẹ* (Mi).
    pub minor: usize,
    /// *Lỗi nặng* (Ma).
    pub major: usize,
    /// *Lỗi nghiêm trọng* (Se).
    pub serious: usize,
}

impl Counts {
    fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Minor => self.minor += 1,
            Severity::Major => self.major += 1,
            Severity::Serious => self.serious += 1,
        }
    }
}

/// One row of the table and whether its limits hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowHeld {
    /// The grade that it gives.
    pub grade: String,
    /// The most minor deviations.
    pub minor_max: u32,
    /// The most major deviations.
    pub major_max: u32,
    /// The most serious deviations.
    pub serious_max: u32,
    /// The most minor and major deviations together.
    pub sum_max: Option<u32>,
    /// All its limits hold.
    pub holds: bool,
}

/// What the table comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountsResult {
    /// The grade's code.
    pub grade: String,
    /// Its name.
    pub title: Words,
    /// What was counted.
    pub counts: Counts,
    /// How many months later the next check is due.
    pub next_check_months: Option<u32>,
    /// The day of that, counted from the day of record.
    pub next_check: Option<Day>,
    /// The rows, best first; the first that holds gives the grade, and otherwise the worst one.
    pub rows: Vec<RowHeld>,
}

/// Works out the grade.
pub(super) fn result(sheet: &Sheet<'_>, rule: &CountsTable) -> CountsResult {
    let counts = counts(sheet);
    let rows: Vec<RowHeld> = rule.table.iter().map(|row| held(row, counts)).collect();
    let given = rule.table.iter().zip(&rows).find(|(_, held)| held.holds);
    let grade = given.map_or(&rule.otherwise, |(row, _)| &row.grade);
    let months = grade.next_check_months.and_then(|months| i32::try_from(months).ok());
    CountsResult {
        grade: grade.code.clone(),
        title: grade.title.clone(),
        counts,
        next_check_months: grade.next_check_months,
        next_check: months.and_then(|months| sheet.settings.as_of.plus_months(months)),
        rows,
    }
}

fn held(row: &CountsRow, counts: Counts) -> RowHeld {
    let within = |count: usize, most: u32| count <= most as usize;
    RowHeld {
        grade: row.grade.code.clone(),
        minor_max: row.minor_max,
        major_max: row.major_max,
        serious_max: row.serious_max,
        sum_max: row.sum_max,
        holds: within(counts.minor, row.minor_max)
            && within(counts.major, row.major_max)
            && within(counts.serious, row.serious_max)
            && row.sum_max.is_none_or(|most| within(counts.minor + counts.major, most)),
    }
}

/// A deviation's item and row.
type Deviation<'s> = (&'s str, Option<&'s str>);

fn counts(sheet: &Sheet<'_>) -> Counts {
    let mut found: BTreeMap<Deviation<'_>, Severity> = BTreeMap::new();
    let mut counts = Counts::default();
    for finding in sheet.answers.findings.values() {
        let items = finding.items.iter().map(String::as_str);
        // About no item, or one that the checklist does not have: a deviation of its own.
        let known: BTreeSet<&str> = items.filter(|item| sheet.by_key.contains_key(*item)).collect();
        if known.is_empty() {
            counts.add(finding.severity);
        }
        let mut rows: Vec<Option<&str>> = finding
            .rows
            .iter()
            .map(|row| Some(row.as_str()).filter(|row| !row.is_empty()))
            .collect();
        if rows.is_empty() {
            rows.push(None);
        }
        let rows = &rows;
        for place in known.into_iter().flat_map(|item| rows.iter().map(move |row| (item, *row))) {
            let worst = found.entry(place).or_insert(finding.severity);
            *worst = finding.severity.max(*worst);
        }
    }
    for (flag, own) in DEVIATIONS {
        for (place, row) in sheet.cells.all(flag) {
            let at = (sheet.part(*place).1.key.as_str(), row.as_ref().map(RowId::as_str));
            let found = found.remove(&at);
            counts.add(found.map_or(own, |found| found.max(own)));
        }
    }
    found.into_values().for_each(|severity| counts.add(severity));
    counts
}
