//! Corrective actions as data and text: every value that stands, who wrote it, and what a person has to
//! settle.

use bienban_core::client::{ActionShown, Authors, Corrections, place_name};
use bienban_core::model::{Progress, Register, Said, Told};
use serde::Serialize;

use super::short;
use crate::cli::output::Page;
use crate::cli::page::by;
use crate::cli::record::{AuthorData, SaidData, author, said};
use crate::cli::{time, words};
use crate::messages::Messages;

/// A corrective action.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct ActionData {
    pub(in crate::cli) id: String,
    /// The finding's id.
    pub(in crate::cli) finding: Option<String>,
    pub(in crate::cli) what: String,
    pub(in crate::cli) owner: String,
    /// The earliest that stands.
    pub(in crate::cli) deadline: Option<String>,
    /// Every value of each field that stands, with who and when; several when people wrote apart.
    pub(in crate::cli) standing: StandingData,
    /// Who demanded it.
    pub(in crate::cli) author: Option<AuthorData>,
    pub(in crate::cli) at: Option<String>,
    /// One of open, submitted, verified, recheck, cancelled: of several the worst.
    pub(in crate::cli) state: &'static str,
    /// Every word on it that stands; several when people wrote apart.
    pub(in crate::cli) progress: Vec<ProgressData>,
    /// Places in which values that differ stand, as `conflicts` names them.
    pub(in crate::cli) conflicts: Vec<String>,
    pub(in crate::cli) settled: bool,
    pub(in crate::cli) overdue: bool,
}

/// Every value of each field of an action that stands.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct StandingData {
    finding: Vec<SaidData<Option<String>>>,
    what: Vec<SaidData<Option<String>>>,
    owner: Vec<SaidData<Option<String>>>,
    deadline: Vec<SaidData<Option<String>>>,
}

#[derive(Debug, Serialize)]
pub(in crate::cli) struct ProgressData {
    pub(in crate::cli) state: &'static str,
    pub(in crate::cli) proof: String,
    pub(in crate::cli) photos: Vec<String>,
    pub(in crate::cli) remark: String,
    pub(in crate::cli) day: String,
    /// The day on which the proof was handed in; may be empty.
    pub(in crate::cli) proved_on: String,
    pub(in crate::cli) at: String,
    pub(in crate::cli) author: AuthorData,
    pub(in crate::cli) change: String,
}

/// Turns corrective actions into data.
pub(in crate::cli) fn actions(corrections: &Corrections) -> Vec<ActionData> {
    corrections.actions.iter().map(|shown| action(shown, &corrections.authors)).collect()
}

fn action(shown: &ActionShown, authors: &Authors) -> ActionData {
    let read = &shown.action;
    let text = |register: &Register<Told<String>>| match register.shown() {
        Some(Told::Valid(text) | Told::Damaged(text)) => text.clone(),
        None => String::new(),
    };
    let made = read.made.as_ref();
    ActionData {
        id: shown.id.clone(),
        finding: read.finding.shown().and_then(|told| told.valid().cloned().flatten()),
        what: text(&read.what),
        owner: text(&read.owner),
        deadline: shown.deadline.map(time::rfc3339),
        standing: StandingData {
            finding: all(&read.finding, authors, Clone::clone),
            what: all(&read.what, authors, |text| Some(text.clone())),
            owner: all(&read.owner, authors, |text| Some(text.clone())),
            deadline: all(&read.deadline, authors, |at| at.map(time::rfc3339)),
        },
        author: made.map(|said| author(&said.actor, authors)),
        at: made.map(|said| time::rfc3339(said.at)),
        state: shown.state.name(),
        progress: shown.progress.iter().map(|said| progress(said, authors)).collect(),
        conflicts: shown.contested.iter().map(place_name).collect(),
        settled: shown.settled,
        overdue: shown.overdue,
    }
}

fn all<T>(
    register: &Register<Told<T>>,
    authors: &Authors,
    text: impl Fn(&T) -> Option<String>,
) -> Vec<SaidData<Option<String>>> {
    let each = register.all().iter().map(|one| {
        said(one, authors, |told| match told {
            Told::Valid(value) => text(value),
            Told::Damaged(raw) => Some(raw.clone()),
        })
    });
    each.collect()
}

fn progress(said: &Said<Progress>, authors: &Authors) -> ProgressData {
    let value = &said.value;
    ProgressData {
        state: value.state.name(),
        proof: value.proof.clone(),
        photos: value.photos.clone(),
        remark: value.remark.clone(),
        day: value.day.clone(),
        proved_on: value.proved_on.clone(),
        at: time::rfc3339(said.at),
        author: author(&said.actor, authors),
        change: said.change.to_string(),
    }
}

/// Writes corrective actions.
pub(in crate::cli) fn actions_text(page: &mut Page, corrections: &Corrections, m: &Messages) {
    for shown in &corrections.actions {
        let data = action(shown, &corrections.authors);
        let mut parts = vec![words::action_state(m, shown.state)];
        if let Some(day) = data.deadline.as_deref().map(time::day_of) {
            parts.push(m.text("show.deadline", &[("day", &day)]));
        }
        if data.overdue {
            parts.push(m.text("clock.overdue", &[]));
        }
        if let Some(day) = shown.late {
            parts.push(m.text("clock.done_late", &[("day", &day.to_string())]));
        }
        if let Some(finding) = &data.finding {
            parts.push(m.text("action.about", &[("finding", &short(finding))]));
        }
        if !data.owner.is_empty() {
            parts.push(data.owner.clone());
        }
        let who = data.author.as_ref().zip(data.at.as_deref());
        let who = who.map(|(author, at)| format!("  {}", by(author, at, m))).unwrap_or_default();
        page.line(format!("  {}  {}{who}", short(&data.id), parts.join("; ")));
        page.block(4, &data.what);
        for progress in &data.progress {
            let said = [&progress.proof, &progress.remark];
            let said = said.into_iter().filter(|text| !text.is_empty()).cloned();
            let state = shown.progress.iter().find(|one| one.change.to_string() == progress.change);
            let state = state.map(|one| words::action_state(m, one.value.state));
            let said: Vec<String> = state.into_iter().chain(said).collect();
            let by = by(&progress.author, &progress.at, m);
            page.line(format!("    > {}  {}  {by}", progress.day, said.join("; ")));
        }
        for place in &data.conflicts {
            page.line(format!("    [!] {}", m.text("action.apart", &[("place", place)])));
        }
    }
}
