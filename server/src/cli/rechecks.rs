//! Re-checks as data and text: which findings somebody looked at again, what came of each, when, and
//! who.

use bienban_core::client::Corrections;
use bienban_core::model::{Recheck, RecheckRow, Said};
use serde::Serialize;

use super::output::Page;
use super::page::{SHORT, by};
use super::record::{AuthorData, author};
use super::time;
use crate::messages::Messages;

/// A re-check. Where people wrote one apart, each version is a row with the same id.
#[derive(Debug, Serialize)]
pub(super) struct RecheckData {
    pub(super) id: String,
    pub(super) day: String,
    /// Others who took part.
    pub(super) with: String,
    /// The inspection of the visit, where it has a record of its own.
    pub(super) visit: Option<String>,
    pub(super) findings: Vec<LookedData>,
    /// It was taken back, for this reason.
    pub(super) withdrawn: Option<String>,
    pub(super) at: String,
    pub(super) author: AuthorData,
}

/// A finding that was looked at again.
#[derive(Debug, Serialize)]
pub(super) struct LookedData {
    /// The finding's id.
    pub(super) finding: String,
    /// One of corrected, partly, not_corrected.
    pub(super) result: &'static str,
    pub(super) remark: String,
    pub(super) photos: Vec<String>,
}

/// Turns re-checks into data.
pub(super) fn data(corrections: &Corrections) -> Vec<RecheckData> {
    let each = corrections.rechecks.iter();
    let one = |id: &String, said: &Said<Recheck>| RecheckData {
        id: id.clone(),
        day: said.value.day.clone(),
        with: said.value.with.clone(),
        visit: said.value.visit.clone(),
        findings: said.value.rows.iter().map(looked).collect(),
        withdrawn: said.value.removed.then(|| said.value.removed_reason.clone()),
        at: time::rfc3339(said.at),
        author: author(&said.actor, &corrections.authors),
    };
    each.flat_map(|(id, values)| values.iter().map(move |said| one(id, said))).collect()
}

fn looked(row: &RecheckRow) -> LookedData {
    LookedData {
        finding: row.finding.clone(),
        result: row.result.name(),
        remark: row.remark.clone(),
        photos: row.photos.clone(),
    }
}

/// Writes re-checks.
pub(super) fn text(page: &mut Page, rechecks: &[RecheckData], m: &Messages) {
    let short = |id: &str| id.chars().take(SHORT).collect::<String>();
    for data in rechecks {
        let mut parts = vec![data.day.clone()];
        if !data.with.is_empty() {
            parts.push(m.text("recheck.with", &[("with", &data.with)]));
        }
        if let Some(visit) = &data.visit {
            parts.push(m.text("recheck.visit", &[("visit", &short(visit))]));
        }
        if let Some(reason) = &data.withdrawn {
            parts.push(m.text("show.withdrawn", &[("reason", reason)]));
        }
        let by = by(&data.author, &data.at, m);
        page.line(format!("  {}  {}  {by}", short(&data.id), parts.join("; ")));
        for looked in &data.findings {
            let result = match looked.result {
                "corrected" => m.text("recheck.corrected", &[]),
                "partly" => m.text("recheck.partly", &[]),
                _ => m.text("recheck.not_corrected", &[]),
            };
            let mut line = format!("    {}  {result}", short(&looked.finding));
            if !looked.remark.is_empty() {
                line = format!("{line}: {}", looked.remark);
            }
            if !looked.photos.is_empty() {
                let count = looked.photos.len().to_string();
                line.push_str(&m.text("show.photos", &[("count", &count)]));
            }
            page.line(line);
        }
    }
}
