//! One inspection as data: the shape of `show --json`, `history --json` and `conflicts --json`.
//!
//! These mirror types own the names that programs rely on (docs/cli.md), so that the core may change.

pub(super) mod conflicts;
mod groups;
pub(super) mod header;
pub(super) mod minutes;
mod owners;
pub(super) mod since;

use std::collections::{BTreeMap, BTreeSet};

use bienban_core::checklist::Item;
use bienban_core::checklist::grading::{Response, counted_of};
use bienban_core::checklist::lifecycle::issued;
use bienban_core::client::{Authors, Shown};
use bienban_core::model::{
    Answer as Given, AnswerState, FindingView, Grade, Judged, Parked, Pinned, Register, ReviewView,
    Said, Standing, Told,
};
use bienban_core::replica::Arrival;
use serde::Serialize;

pub(super) use self::conflicts::{ConflictData, Settling};
pub(super) use self::groups::{RepeatData, RowData};
use self::header::HeaderData;
use self::minutes::MinutesData;
use self::since::SinceData;
use super::course::{self, ActionData, DifficultyData, LifeData, SampleData};
use super::grade::GradeData;
use super::rechecks::{self, RecheckData};
use super::rows::{NamedData, UnitData, unit};
use super::{time, words};
use crate::messages::Messages;

/// Who said something, and when by their own clock.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SaidData<T> {
    pub(super) value: T,
    pub(super) at: String,
    pub(super) author: AuthorData,
    /// The change that holds it.
    pub(super) change: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct AuthorData {
    pub(super) device: Option<String>,
    pub(super) name: String,
    pub(super) agency: String,
    /// It is this device.
    pub(super) here: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct AnswerData {
    /// One of na, pass, minor, major, serious, given, unanswered, damaged.
    pub(super) grade: &'static str,
    pub(super) value: Option<String>,
    /// The value with its unit or with what the options say; none where it says everything itself.
    pub(super) value_text: Option<String>,
    /// Hashes of photos.
    pub(super) photos: Vec<String>,
    pub(super) claimed_at: String,
    /// How many answers it settled.
    pub(super) resolves: usize,
    pub(super) at: String,
    pub(super) author: AuthorData,
    pub(super) change: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ItemData {
    pub(super) key: String,
    pub(super) text: String,
    /// The kind of answer that it takes; none when the checklist does not have the item.
    pub(super) answer: Option<&'static str>,
    /// The severities that an answer may have beside pass and na.
    pub(super) severities: Vec<&'static str>,
    /// One of unanswered, answered, conflict.
    pub(super) state: &'static str,
    pub(super) answers: Vec<AnswerData>,
    /// The grade that counts, of several answers the worse by the checklist's order; `given` for what
    /// is no grade.
    pub(super) counts_as: Option<&'static str>,
    /// The value that counts, where that is no grade.
    pub(super) counts_value: Option<String>,
    /// The same with its unit or with what the option says.
    pub(super) counts_text: Option<String>,
    /// The note that everybody shares, and behind it those in `loose_notes`.
    pub(super) note: String,
    /// Notes on what the record did not foresee, each with its author.
    pub(super) loose_notes: Vec<SaidData<String>>,
}

#[derive(Debug, Serialize)]
pub(super) struct SectionData {
    pub(super) code: String,
    pub(super) title: String,
    pub(super) agency: String,
    /// The agencies of the members of the team who fill it; empty where nobody was named.
    pub(super) owners: Vec<String>,
    /// Answers by people of other agencies. They count; the section is another's.
    pub(super) by_others: Vec<ByOtherData>,
    /// Its items; of a repeated section only those that somebody wrote to outside of its rows.
    pub(super) items: Vec<ItemData>,
    /// How often it is repeated; none when it is answered once.
    pub(super) repeat: Option<RepeatData>,
    /// The rows of a repeated section in the order of their making, removed ones too.
    pub(super) rows: Vec<RowData>,
}

/// An answer in a section that another agency fills.
#[derive(Debug, Serialize)]
pub(super) struct ByOtherData {
    pub(super) item: String,
    pub(super) author: AuthorData,
}

#[derive(Debug, Serialize)]
pub(super) struct FindingData {
    pub(super) id: String,
    pub(super) item: Option<String>,
    /// The row it is about, of an item that is answered in rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) row: Option<String>,
    pub(super) severity: &'static str,
    /// The item's checklist allows this severity.
    pub(super) severity_allowed: bool,
    pub(super) text: String,
    pub(super) clause: Option<String>,
    pub(super) deadline: Option<String>,
    /// The day on which it was put in the minutes: the one that was set, else that of the minutes.
    pub(super) issued: Option<String>,
    pub(super) unfixable: bool,
    pub(super) fixed: bool,
    pub(super) deleted: bool,
    /// Who deleted it or brought it back, and when; several where people did apart.
    pub(super) deleted_by: Vec<SaidData<Option<bool>>>,
    /// Why it was deleted.
    pub(super) deleted_reason: Vec<String>,
    /// Who wrote it, and when.
    pub(super) author: AuthorData,
    pub(super) at: String,
    /// Edits of the deleted finding that wait for a person.
    pub(super) parked: Vec<ParkedData>,
}

#[derive(Debug, Serialize)]
pub(super) struct ParkedData {
    pub(super) field: String,
    pub(super) edit: SaidData<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReviewData {
    /// One of pending, accepted, sent_back: what counts.
    pub(super) verdict: &'static str,
    /// Several decisions stand that differ, and the one that asks for more counts.
    pub(super) conflict: bool,
    /// What was written to the inspection since the verdict; none while nothing is decided.
    pub(super) since: Option<SinceData>,
    /// Every decision ever made, oldest first.
    pub(super) decisions: Vec<DecisionData>,
    pub(super) comments: Vec<PinnedData>,
    pub(super) requests: Vec<PinnedData>,
}

#[derive(Debug, Serialize)]
pub(super) struct DecisionData {
    pub(super) verdict: Option<&'static str>,
    /// One of stands, replaced, not_by_supervisor.
    pub(super) standing: Standing,
    /// The heads of the inspection's content that it was given over; empty where it does not say.
    pub(super) over: Vec<String>,
    /// Why it was given although values that differ stood; empty where none did.
    pub(super) despite: String,
    #[serde(flatten)]
    pub(super) said: SaidData<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct PinnedData {
    pub(super) id: String,
    pub(super) item: Option<String>,
    pub(super) said: SaidData<String>,
    /// A comment is dealt with; a request is answered.
    pub(super) settled: bool,
    /// It is a supervisor's.
    pub(super) counts: bool,
    pub(super) replies: Vec<SaidData<String>>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ArrivalData {
    /// Edits made on this device.
    pub(super) recorded: u64,
    /// Of these, signed for by the hub.
    pub(super) stored: u64,
    /// Of these, merged into the record.
    pub(super) merged: u64,
    /// Of these, nowhere but here.
    pub(super) only_here: u64,
    pub(super) stored_at: Option<String>,
    /// Of those merged, signed for by the hub as merged, and when.
    merged_signed: u64,
    merged_at: Option<String>,
    /// Of these, on the hub's second disk, by its signature, and when that was read back.
    pub(super) backed_up: u64,
    pub(super) backed_up_at: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct TemplateData {
    pub(super) id: String,
    pub(super) code: String,
    pub(super) edition: String,
    pub(super) title: String,
    pub(super) official: bool,
    /// The edition that the record was begun by and pins.
    pub(super) pinned: String,
    /// The edition that the record was moved to, when that is not on this device.
    pub(super) lacks: Option<String>,
}

/// An inspection.
#[derive(Debug, Serialize)]
pub(super) struct InspectionData {
    pub(super) inspection: String,
    pub(super) facility: Option<NamedData>,
    pub(super) plan: Option<NamedData>,
    pub(super) visit: Option<u32>,
    pub(super) unit: UnitData,
    pub(super) state: Vec<&'static str>,
    pub(super) template: TemplateData,
    pub(super) heads: Vec<String>,
    /// BLAKE3 of the canonical record (docs/record.md): equal on every replica with equal heads.
    pub(super) digest: String,
    /// The header of the minutes; none when the past is shown.
    pub(super) header: Option<HeaderData>,
    /// Its sealed minutes; none where nothing is sealed, or when the past is shown.
    pub(super) minutes: Option<MinutesData>,
    /// What was written since the minutes were sealed or signed, and is not in them; none before that.
    pub(super) since_signed: Option<SinceData>,
    pub(super) sections: Vec<SectionData>,
    pub(super) findings: Vec<FindingData>,
    pub(super) facility_opinion: String,
    pub(super) other_opinions: String,
    pub(super) conclusion: String,
    pub(super) conflicts: Vec<ConflictData>,
    pub(super) grade: GradeData,
    pub(super) review: Option<ReviewData>,
    /// Steps, what the next ones lack, clocks; none when the past is shown.
    pub(super) life: Option<LifeData>,
    /// Corrective actions; none when the past is shown.
    pub(super) actions: Option<Vec<ActionData>>,
    /// Re-checks, the first one first; none when the past is shown.
    pub(super) rechecks: Option<Vec<RecheckData>>,
    pub(super) samples: Vec<SampleData>,
    pub(super) difficulties: Vec<DifficultyData>,
    pub(super) arrival: ArrivalData,
}

impl InspectionData {
    /// Turns what the client shows into data, texts in the language of `m`.
    pub(super) fn of(shown: &Shown, settling: &Settling, m: &Messages) -> Self {
        let authors = &shown.authors;
        let name = |named: &bienban_core::client::Named| NamedData {
            id: named.document.to_string(),
            title: named.title.clone(),
        };
        let findings = shown.view.findings.iter();
        Self {
            inspection: shown.document.to_string(),
            facility: shown.facility.as_ref().map(name),
            plan: shown.plan.as_ref().map(name),
            visit: shown.visit,
            unit: unit(&shown.genesis.scope),
            state: shown.view.state_names(shown.is_sealed()),
            template: TemplateData {
                id: shown.template_id.to_string(),
                code: shown.template.code().to_owned(),
                edition: shown.template.edition().to_owned(),
                title: words::local(m, shown.template.title()).to_owned(),
                official: shown.template.is_official(),
                pinned: shown.genesis.template.map(|id| id.to_string()).unwrap_or_default(),
                lacks: shown.lacks.map(|id| id.to_string()),
            },
            heads: shown.heads.iter().map(ToString::to_string).collect(),
            digest: hex::encode(shown.digest),
            header: shown.header.as_ref().map(|sheet| HeaderData::of(sheet, authors, m)),
            minutes: None,
            since_signed: shown.since_signed.as_ref().map(|found| since::since(found, shown, m)),
            sections: sections(shown, m),
            findings: findings.map(|(id, view)| finding(id, view, shown)).collect(),
            facility_opinion: shown.view.facility_opinion.clone(),
            other_opinions: shown.view.other_opinions.clone(),
            conclusion: shown.view.conclusion.clone(),
            conflicts: conflicts::conflicts(
                &shown.conflicts,
                authors,
                &shown.template,
                settling,
                m,
            ),
            grade: GradeData {
                graded: shown.grade.clone(),
                explanation: Some(shown.explanation.clone()),
            },
            review: shown
                .review
                .as_ref()
                .zip(shown.judged.as_ref())
                .map(|(view, judged)| review(view, judged, shown, m)),
            life: shown.life.as_ref().map(|life| LifeData::of(life, m)),
            actions: shown.corrections.as_ref().map(course::actions),
            rechecks: shown.corrections.as_ref().map(rechecks::data),
            samples: course::samples(&shown.view, authors),
            difficulties: course::difficulties(&shown.view, authors),
            arrival: arrival(&shown.arrival),
        }
    }
}

fn sections(shown: &Shown, m: &Messages) -> Vec<SectionData> {
    let mut known = BTreeSet::new();
    let mut sections: Vec<SectionData> = Vec::new();
    for section in shown.template.sections() {
        let items = section.items.iter().map(|entry| {
            known.insert(entry.key.as_str());
            item(shown, &entry.key, Some(entry), m)
        });
        let agency = shown.template.agencies().get(&section.agency);
        sections.push(SectionData {
            code: section.code.clone(),
            title: words::local(m, &section.title).to_owned(),
            agency: agency.map(|agency| words::local(m, agency)).unwrap_or_default().to_owned(),
            owners: Vec::new(),
            by_others: Vec::new(),
            repeat: section.repeat.as_ref().map(|repeat| groups::repeat(shown, section, repeat, m)),
            items: items
                .filter(|item| {
                    let written = !item.answers.is_empty() || !item.note.is_empty();
                    section.repeat.is_none() || written
                })
                .collect(),
            rows: groups::rows(shown, Some(section), m),
        });
    }
    // Answers to items that the checklist does not have are shown all the same: nothing is hidden.
    let all: BTreeSet<&String> = shown.view.answers.keys().chain(shown.view.notes.keys()).collect();
    let strays = all.into_iter().filter(|key| !known.contains(key.as_str()));
    let strays: Vec<_> = strays.map(|key| item(shown, key, None, m)).collect();
    let rows = groups::rows(shown, None, m);
    if !strays.is_empty() || !rows.is_empty() {
        sections.push(SectionData {
            code: String::new(),
            title: m.text("show.strays", &[]),
            agency: String::new(),
            owners: Vec::new(),
            by_others: Vec::new(),
            items: strays,
            repeat: None,
            rows,
        });
    }
    sections.iter_mut().for_each(|section| owners::note(shown, section));
    sections
}

fn item(shown: &Shown, key: &str, entry: Option<&Item>, m: &Messages) -> ItemData {
    let state = shown.view.answers.get(key).unwrap_or(&AnswerState::Unanswered);
    let mut data = answered(shown, key, state, entry, m);
    data.note = shown.view.notes.get(key).cloned().unwrap_or_default();
    let mut loose: Vec<_> = shown.view.loose_notes.values().collect();
    loose.sort_by_key(|note| (note.made.value, &note.made.actor));
    let loose = loose.into_iter().filter(|note| note.item.shown().is_some_and(|of| of == key));
    data.loose_notes =
        loose.map(|note| said(&note.made, &shown.authors, |_| note.text.clone())).collect();
    data
}

/// Returns an item with its answers, in a row or outside of rows.
fn answered(
    shown: &Shown,
    key: &str,
    state: &AnswerState,
    entry: Option<&Item>,
    m: &Messages,
) -> ItemData {
    let counts = match entry {
        Some(entry) => counted_of(&shown.template, entry, state),
        // Of what the checklist does not have only grades can be compared.
        None => state.worst(shown.template.order()).map(Response::of_grade),
    };
    let (counts_as, counts_value) = match counts {
        Some(Response::Grade(grade)) => (Some(grade.name()), None),
        Some(Response::NotApplicable) => (Some(Grade::NotApplicable.name()), None),
        Some(Response::Value(value)) => (Some(Grade::Given.name()), Some(value)),
        _ => (None, None),
    };
    ItemData {
        counts_text: counts_value.as_deref().and_then(|value| words::value(m, entry, value)),
        key: key.to_owned(),
        answer: entry.map(|entry| entry.answer.name()),
        text: entry.map(|entry| words::local(m, &entry.text)).unwrap_or_default().to_owned(),
        severities: entry
            .map(|entry| entry.severities().iter().copied().map(words::severity_name).collect())
            .unwrap_or_default(),
        state: match state {
            AnswerState::Unanswered => "unanswered",
            // Who said so are its answers; that there are several changes nothing.
            AnswerState::One(_) | AnswerState::Agreed(_) => "answered",
            AnswerState::Conflict(_) => "conflict",
        },
        answers: state.all().iter().map(|said| answer(said, &shown.authors, entry, m)).collect(),
        counts_as,
        counts_value,
        note: String::new(),
        loose_notes: Vec::new(),
    }
}

/// Turns an answer into data.
pub(super) fn answer(
    said: &Said<Given>,
    authors: &Authors,
    entry: Option<&Item>,
    m: &Messages,
) -> AnswerData {
    answer_by(said, author(&said.actor, authors), entry, m)
}

/// As [`answer`], of a known author.
pub(super) fn answer_by(
    said: &Said<Given>,
    author: AuthorData,
    entry: Option<&Item>,
    m: &Messages,
) -> AnswerData {
    let value = said.value.value.as_deref();
    let is_value = said.value.grade == Grade::Given;
    AnswerData {
        value_text: value.filter(|_| is_value).and_then(|value| words::value(m, entry, value)),
        photos: said.value.evidence.clone(),
        grade: said.value.grade.name(),
        value: said.value.value.clone(),
        claimed_at: time::rfc3339(said.value.claimed_at),
        resolves: said.value.resolves.len(),
        at: time::rfc3339(said.at),
        author,
        change: said.change.to_string(),
    }
}

fn finding(id: &str, view: &FindingView, shown: &Shown) -> FindingData {
    let allows = |item: &String| shown.template.allows_severity(item, view.worst());
    FindingData {
        severity_allowed: view.item.shown().is_none_or(allows),
        id: id.to_owned(),
        item: view.item.shown().cloned(),
        row: view.row.shown().and_then(|told| told.valid().cloned().flatten()),
        severity: words::severity_name(view.worst()),
        text: view.text.clone(),
        clause: view.clause.shown().cloned(),
        deadline: view.earliest_deadline().map(time::rfc3339),
        issued: issued(view, &shown.view).map(|day| day.to_string()),
        unfixable: view.is_unfixable(),
        fixed: view.is_fixed(),
        deleted: !view.is_live(),
        deleted_by: view
            .deleted
            .all()
            .iter()
            .map(|one| said(one, &shown.authors, |told| told.valid().copied()))
            .collect(),
        deleted_reason: view.deleted_reason.all().iter().map(|one| one.value.clone()).collect(),
        author: author(&view.made.actor, &shown.authors),
        at: time::rfc3339(view.made.at),
        parked: parked(&view.parked, &shown.authors),
    }
}

fn parked(edits: &[Parked], authors: &Authors) -> Vec<ParkedData> {
    let data = edits.iter().map(|parked| ParkedData {
        field: parked.field.clone(),
        edit: said(&parked.edit, authors, |raw| conflicts::raw_text(Some(&parked.field), raw)),
    });
    data.collect()
}

fn review(view: &ReviewView, judged: &Judged, shown: &Shown, m: &Messages) -> ReviewData {
    let authors = &shown.authors;
    let text = |told: &Told<bienban_core::model::Decision>| match told {
        Told::Valid(decision) => decision.text.clone(),
        Told::Damaged(raw) => raw.clone(),
    };
    let decisions = judged.decisions.iter().map(|(decision, standing)| DecisionData {
        verdict: decision.value.valid().map(|decision| decision.verdict.name()),
        standing: *standing,
        over: decision.value.valid().map(|decision| decision.over.clone()).unwrap_or_default(),
        despite: decision.value.valid().map(|told| told.despite.clone()).unwrap_or_default(),
        said: said(decision, authors, text),
    });
    ReviewData {
        verdict: judged.verdict.name(),
        conflict: judged.is_conflict(),
        since: shown.since_verdict.as_ref().map(|found| since::since(found, shown, m)),
        decisions: decisions.collect(),
        comments: pinned((view, judged), &view.comments, &judged.open_comments, authors),
        requests: pinned((view, judged), &view.requests, &judged.open_requests, authors),
    }
}

fn pinned(
    (view, judged): (&ReviewView, &Judged),
    entries: &BTreeMap<String, Register<Told<Pinned>>>,
    open: &[String],
    authors: &Authors,
) -> Vec<PinnedData> {
    let text = |told: &Told<Pinned>| match told {
        Told::Valid(pinned) => pinned.text.clone(),
        Told::Damaged(raw) => raw.clone(),
    };
    let mut found: Vec<(i64, PinnedData)> = entries
        .iter()
        .filter_map(|(id, register)| {
            let last = register.all().last()?;
            let data = PinnedData {
                id: id.clone(),
                item: last.value.valid().and_then(|pinned| pinned.item.clone()),
                said: said(last, authors, text),
                settled: !open.contains(id),
                counts: !judged.uncounted.contains(id),
                replies: replies(view, id, authors),
            };
            Some((last.at.0, data))
        })
        .collect();
    found.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    found.into_iter().map(|(_, data)| data).collect()
}

fn replies(view: &ReviewView, to: &str, authors: &Authors) -> Vec<SaidData<String>> {
    let mut found: Vec<(i64, SaidData<String>)> = view
        .replies
        .values()
        .filter_map(|register| register.all().last())
        .filter_map(|last| match &last.value {
            Told::Valid(reply) if reply.to == to => {
                Some((last.at.0, said(last, authors, |_| reply.text.clone())))
            }
            _ => None,
        })
        .collect();
    found.sort_by(|a, b| (a.0, &a.1.change).cmp(&(b.0, &b.1.change)));
    found.into_iter().map(|(_, data)| data).collect()
}

/// Turns arrival into data.
pub(super) fn arrival(arrival: &Arrival) -> ArrivalData {
    ArrivalData {
        recorded: arrival.recorded,
        stored: arrival.stored,
        merged: arrival.merged,
        only_here: arrival.only_here,
        stored_at: arrival.stored_at.map(time::rfc3339),
        merged_signed: arrival.merged_signed,
        merged_at: arrival.merged_at.map(time::rfc3339),
        backed_up: arrival.backed,
        backed_up_at: arrival.backed_at.map(time::rfc3339),
    }
}

pub(super) fn said<T, U>(
    said: &Said<T>,
    authors: &Authors,
    value: impl FnOnce(&T) -> U,
) -> SaidData<U> {
    SaidData {
        value: value(&said.value),
        at: time::rfc3339(said.at),
        author: author(&said.actor, authors),
        change: said.change.to_string(),
    }
}

pub(super) fn author(actor: &[u8], authors: &Authors) -> AuthorData {
    author_data(authors.of(actor))
}

/// Turns an author into data.
pub(super) fn author_data(author: bienban_core::client::Author) -> AuthorData {
    AuthorData {
        device: author.device.map(|device| device.to_string()),
        name: author.name,
        agency: author.agency,
        here: author.here,
    }
}
