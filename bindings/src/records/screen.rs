//! One inspection as a screen shows it, whole: what it takes to draw without asking again.

use std::collections::BTreeSet;

use bienban_core::client::parts::{
    self, AnswerType, HeaderRow, HeaderSheet, HeaderType, Item, Response, Running, Section,
    counted_of, issued,
};
use bienban_core::client::{Authors, Life, Shown};
use bienban_core::model::{self, Answer, AnswerState, LifeCycle, Parked, Said};

use super::review::{ReviewView, review};
use super::sealed::{MinutesView, minutes};
use super::{
    Arrival, Author, ConflictView, DocumentName, ExplanationLine, Grade, GradeView, LocalText,
    MissingThing, Named, Severity, UnitName, conflicts, explanation, grade, state_named, unit_of,
    words,
};
use crate::messages;

/// What kind of answer an item takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum AnswerKind {
    /// Pass, not applicable, or one of the severities.
    Grade,
    /// A number with a unit.
    Number,
    /// One of several options.
    Choice,
    /// Any number of several options.
    Choices,
    /// Free text.
    Text,
    /// A day.
    Date,
    /// Photos.
    Photo,
    /// A place on the earth, as `LATITUDE,LONGITUDE`.
    Position,
    /// A drawn signature.
    Signature,
    /// Nobody answers: it is worked out.
    Calculation,
    /// The checklist does not have the item; what was written to it is shown all the same.
    Unknown,
}

/// An option of a choice.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Choice {
    /// What stands in the record.
    pub key: String,
    /// What people read.
    pub text: LocalText,
}

/// An answer that somebody gave.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AnswerGiven {
    /// The grade.
    pub grade: Grade,
    /// What people call the grade.
    pub label: LocalText,
    /// A measured or written value.
    pub value: Option<String>,
    /// BLAKE3 hashes of photos, in hexadecimal.
    pub photos: Vec<String>,
    /// When it was observed, as the person says, in milliseconds since 1970.
    pub claimed_at_ms: i64,
    /// When it was recorded, by the writer's clock.
    pub at_ms: i64,
    /// Who gave it.
    pub author: Author,
    /// The change that holds it, in hexadecimal.
    pub change: String,
    /// How many answers it settled.
    pub resolves: u32,
}

/// How it stands with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum ItemState {
    /// Nobody answered.
    Unanswered,
    /// One answer, or several that say the same.
    Answered,
    /// Answers that differ stand until a person settles them.
    Conflict,
}

/// A note on what the record did not foresee, or that somebody wrote apart.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NoteLine {
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub author: Author,
    /// When, in milliseconds since 1970, by the writer's clock.
    pub at_ms: i64,
}

/// An item of the checklist (*chỉ tiêu kiểm tra*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ItemView {
    /// Its key, for instance `1.1`.
    pub key: String,
    /// What is checked.
    pub text: LocalText,
    /// How to check it.
    pub guidance: Option<LocalText>,
    /// What kind of answer it takes.
    pub kind: AnswerKind,
    /// The severities that an answer may have beside pass and not applicable.
    pub severities: Vec<Severity>,
    /// A person may say that it does not apply.
    pub may_be_not_applicable: bool,
    /// Of choices, the options.
    pub options: Vec<Choice>,
    /// Of a number, the unit.
    pub unit: Option<String>,
    /// The fewest photos that an answer needs.
    pub photos_min: u32,
    /// How it stands with it.
    pub state: ItemState,
    /// The answers that stand.
    pub answers: Vec<AnswerGiven>,
    /// The grade that counts: of several answers the worse.
    pub counts_as: Option<Grade>,
    /// The value that counts, where that is no grade.
    pub counts_value: Option<String>,
    /// The note that everybody shares, those of `notes` behind it.
    pub note: String,
    /// Notes that people wrote apart.
    pub notes: Vec<NoteLine>,
}

/// A row of a repeated section (*lô, mẫu, sản phẩm*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RowView {
    /// Its id.
    pub id: String,
    /// Its items with what was answered in it.
    pub items: Vec<ItemView>,
    /// What was written about it.
    pub note: String,
    /// It was removed; it is kept and shown.
    pub removed: bool,
    /// Who made it.
    pub author: Author,
}

/// A section of the checklist (*nhóm chỉ tiêu*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SectionView {
    /// Its code; empty for what the checklist does not have.
    pub code: String,
    /// Its title.
    pub title: LocalText,
    /// The agency that answers for it.
    pub agency: LocalText,
    /// Its items; of a repeated section those of a row that is to be made, unanswered.
    pub items: Vec<ItemView>,
    /// What one row is called, of a repeated section.
    pub row_title: Option<LocalText>,
    /// The most rows, of a repeated section.
    pub rows_max: u32,
    /// The rows in the order of their making, removed ones too.
    pub rows: Vec<RowView>,
}

/// An edit of a deleted finding, which waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ParkedEdit {
    /// The field.
    pub field: String,
    /// What was written.
    pub text: String,
    /// Who wrote it.
    pub author: Author,
}

/// A finding (*nội dung không phù hợp*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FindingView {
    /// Its id.
    pub id: String,
    /// The item that it is about.
    pub item: Option<String>,
    /// The row that it is about.
    pub row: Option<String>,
    /// How bad it is; the worst that stands.
    pub severity: Severity,
    /// What was found.
    pub text: String,
    /// The clause that it breaks.
    pub clause: Option<String>,
    /// *Hạn khắc phục*, in milliseconds since 1970; the earliest that stands.
    pub deadline_ms: Option<i64>,
    /// The day on which it was put in the minutes, as YYYY-MM-DD.
    pub issued: Option<String>,
    /// It cannot be corrected in the required time.
    pub unfixable: bool,
    /// The correction was verified.
    pub fixed: bool,
    /// It was deleted; it is kept and shown.
    pub deleted: bool,
    /// Why.
    pub deleted_reason: Vec<String>,
    /// Edits of the deleted finding that wait for a person.
    pub parked: Vec<ParkedEdit>,
    /// Who wrote it.
    pub author: Author,
    /// When, in milliseconds since 1970, by the writer's clock.
    pub at_ms: i64,
}

/// What a field of the header holds.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum HeaderKind {
    /// Text.
    Text {
        /// The most characters.
        chars_max: u32,
        /// The most lines.
        lines_max: u32,
    },
    /// *Họ tên*.
    Person {
        /// The most characters.
        chars_max: u32,
    },
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// A telephone number.
    Phone,
    /// A whole number.
    Number {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// One of several options.
    Choice {
        /// The options.
        options: Vec<Choice>,
    },
    /// This version does not know the field.
    Unknown,
}

/// A field of the minutes' header (*phần đầu biên bản*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HeaderFieldView {
    /// Its name.
    pub key: String,
    /// What people read.
    pub title: LocalText,
    /// What it holds.
    pub kind: HeaderKind,
    /// What stands in it; several while people wrote apart.
    pub values: Vec<String>,
    /// What counts while nobody fills it, found in the plan or the facility.
    pub elsewhere: Option<String>,
    /// Values that differ stand.
    pub conflict: bool,
    /// Something in it does not fit.
    pub wrong: bool,
    /// The minutes cannot be signed without it.
    pub needed_to_sign: bool,
}

/// A step that may follow.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct StepView {
    /// The state.
    pub to: Named,
    /// Everything that is missing; empty when it may be taken now.
    pub missing: Vec<MissingThing>,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TakenStep {
    /// The state.
    pub to: Named,
    /// The day, as YYYY-MM-DD.
    pub day: String,
    /// Why, where a reason is asked for.
    pub reason: String,
}

/// A clock of the law that runs (*thời hạn*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ClockView {
    /// What it limits.
    pub title: LocalText,
    /// The day from which it is counted, as YYYY-MM-DD.
    pub since: String,
    /// Its last day.
    pub due: String,
    /// It has run out.
    pub overdue: bool,
    /// How it was counted.
    pub explanation: LocalText,
    /// The clause that sets it.
    pub clause: String,
}

/// An inspection as a screen shows it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InspectionScreen {
    /// Its id.
    pub id: String,
    /// The facility visited.
    pub facility: Option<DocumentName>,
    /// The plan.
    pub plan: Option<DocumentName>,
    /// 1 for the first visit under the plan.
    pub visit: Option<u32>,
    /// The administrative unit.
    pub unit: UnitName,
    /// The checklist's code.
    pub checklist_code: String,
    /// Its edition.
    pub checklist_edition: String,
    /// Its title.
    pub checklist_title: LocalText,
    /// It was moved to another edition, which is not here: it is read by the one that it began with.
    pub lacks_edition: bool,
    /// BLAKE3 of the canonical record, in hexadecimal: equal on every device that holds the same.
    pub digest: String,
    /// The heads shown, in hexadecimal; what `accept` takes as seen.
    pub heads: Vec<String>,
    /// The states that stand; several when people moved it apart.
    pub states: Vec<Named>,
    /// The steps that were taken, in the order of their days.
    pub taken: Vec<TakenStep>,
    /// The steps that may follow.
    pub next: Vec<StepView>,
    /// The clocks that run.
    pub clocks: Vec<ClockView>,
    /// The header of the minutes.
    pub header: Vec<HeaderFieldView>,
    /// The sections with their items.
    pub sections: Vec<SectionView>,
    /// Findings, deleted ones too.
    pub findings: Vec<FindingView>,
    /// *Ý kiến của cơ sở*.
    pub facility_opinion: String,
    /// *Ý kiến khác*.
    pub other_opinions: String,
    /// *Nhận xét, kết luận của đoàn*.
    pub conclusion: String,
    /// Where values that differ stand.
    pub conflicts: Vec<ConflictView>,
    /// What it amounts to so far.
    pub grade: GradeView,
    /// Why.
    pub explanation: Vec<ExplanationLine>,
    /// The review, if one has begun.
    pub review: Option<ReviewView>,
    /// The sealed minutes that count.
    pub minutes: Option<MinutesView>,
    /// Its minutes are sealed, here or elsewhere: no edit of what was found is taken.
    pub sealed: bool,
    /// How far this device's edits have come.
    pub arrival: Arrival,
}

/// Turns what the client shows into one snapshot.
pub(crate) fn screen(shown: &Shown) -> InspectionScreen {
    let life = shown.life.as_ref();
    let findings = shown.view.findings.iter();
    InspectionScreen {
        id: shown.document.to_string(),
        facility: shown.facility.as_ref().map(DocumentName::of),
        plan: shown.plan.as_ref().map(DocumentName::of),
        visit: shown.visit,
        unit: unit_of(&shown.genesis.scope),
        checklist_code: shown.template.code().to_owned(),
        checklist_edition: shown.template.edition().to_owned(),
        checklist_title: words(shown.template.title()),
        lacks_edition: shown.lacks.is_some(),
        digest: hex::encode(shown.digest),
        heads: shown.heads.iter().map(ToString::to_string).collect(),
        states: shown.view.state_names(shown.is_sealed()).into_iter().map(state_named).collect(),
        taken: life.map(taken).unwrap_or_default(),
        next: life.map(steps).unwrap_or_default(),
        clocks: life.map(|life| life.clocks.iter().map(clock).collect()).unwrap_or_default(),
        header: shown.header.as_ref().map(header).unwrap_or_default(),
        sections: sections(shown),
        findings: findings.map(|(id, view)| finding(id, view, shown)).collect(),
        facility_opinion: shown.view.facility_opinion.clone(),
        other_opinions: shown.view.other_opinions.clone(),
        conclusion: shown.view.conclusion.clone(),
        conflicts: conflicts(&shown.conflicts, &shown.authors, &shown.template, &shown.view),
        grade: grade(&shown.grade),
        explanation: explanation(&shown.explanation),
        review: review(shown),
        minutes: shown.minutes.as_ref().and_then(|held| minutes(held, shown)),
        sealed: shown.is_sealed(),
        arrival: Arrival::of(&shown.arrival),
    }
}

fn taken(life: &Life) -> Vec<TakenStep> {
    let each = life.steps.iter().flat_map(|(to, steps)| steps.iter().map(move |step| (to, step)));
    let told = each.map(|(to, step)| TakenStep {
        to: state_named(to.name()),
        day: step.day.clone(),
        reason: step.reason.clone(),
    });
    told.collect()
}

fn steps(life: &Life) -> Vec<StepView> {
    let told = life.next.iter().map(|step| StepView {
        to: state_named(step.to.name()),
        missing: step.missing.iter().map(MissingThing::of).collect(),
    });
    told.collect()
}

fn clock(clock: &Running) -> ClockView {
    ClockView {
        title: words(&clock.title),
        since: clock.from.to_string(),
        due: clock.due.to_string(),
        overdue: clock.overdue,
        explanation: words(&clock.explanation),
        clause: clock.clause.clone(),
    }
}

fn header(sheet: &HeaderSheet) -> Vec<HeaderFieldView> {
    let missing = sheet.missing(LifeCycle::MinutesSigned);
    sheet.rows.iter().map(|row| header_field(row, &missing)).collect()
}

fn header_field(row: &HeaderRow, missing: &[&str]) -> HeaderFieldView {
    HeaderFieldView {
        key: row.key.clone(),
        title: match &row.field {
            Some(field) => words(&field.title),
            None => LocalText::plain(&row.key),
        },
        kind: row.field.as_ref().map_or(HeaderKind::Unknown, |field| header_kind(&field.holds)),
        values: row.values.iter().map(|value| value.said.value.clone()).collect(),
        elsewhere: row.elsewhere.as_ref().map(|found| found.text.clone()),
        conflict: row.state.name() == "conflict",
        wrong: row.is_wrong(),
        needed_to_sign: missing.contains(&row.key.as_str()),
    }
}

fn header_kind(holds: &HeaderType) -> HeaderKind {
    match holds {
        HeaderType::Text { chars_max, lines_max } => {
            HeaderKind::Text { chars_max: *chars_max, lines_max: *lines_max }
        }
        HeaderType::Person { chars_max } => HeaderKind::Person { chars_max: *chars_max },
        HeaderType::Date => HeaderKind::Date,
        HeaderType::DateTime => HeaderKind::DateTime,
        HeaderType::Phone => HeaderKind::Phone,
        HeaderType::Number { min, max } => HeaderKind::Number { min: *min, max: *max },
        HeaderType::Choice { options } => HeaderKind::Choice {
            options: options
                .iter()
                .map(|option| Choice { key: option.key.clone(), text: words(&option.title) })
                .collect(),
        },
        _ => HeaderKind::Unknown,
    }
}

fn sections(shown: &Shown) -> Vec<SectionView> {
    let mut known = BTreeSet::new();
    let mut sections: Vec<SectionView> = Vec::new();
    for section in shown.template.sections() {
        known.extend(section.items.iter().map(|entry| entry.key.as_str()));
        sections.push(section_view(shown, section));
    }
    // What the checklist does not have is shown all the same: nothing is hidden.
    let all: BTreeSet<&String> = shown.view.answers.keys().chain(shown.view.notes.keys()).collect();
    let strays = all.into_iter().filter(|key| !known.contains(key.as_str()));
    let items: Vec<_> = strays.map(|key| item(shown, key, None)).collect();
    let rows = rows(shown, None);
    if !items.is_empty() || !rows.is_empty() {
        let title = messages::text("strays.title");
        let (code, agency) = (String::new(), LocalText::default());
        let (row_title, rows_max) = (None, 0);
        sections.push(SectionView { code, title, agency, items, row_title, rows_max, rows });
    }
    sections
}

fn section_view(shown: &Shown, section: &Section) -> SectionView {
    SectionView {
        code: section.code.clone(),
        title: words(&section.title),
        agency: shown.template.agencies().get(&section.agency).map(words).unwrap_or_default(),
        items: section.items.iter().map(|entry| item(shown, &entry.key, Some(entry))).collect(),
        row_title: section.repeat.as_ref().map(|repeat| words(&repeat.row)),
        rows_max: section.repeat.as_ref().map_or(0, |repeat| repeat.max),
        rows: if section.repeat.is_some() { rows(shown, Some(section)) } else { Vec::new() },
    }
}

/// Returns the rows of a section; without one those of sections that the checklist does not have.
fn rows(shown: &Shown, section: Option<&Section>) -> Vec<RowView> {
    let repeated = |code: &str| shown.template.groups().any(|(known, _)| known.code == code);
    let mut found: Vec<_> = shown
        .view
        .rows
        .iter()
        .filter(|(_, row)| match section {
            Some(section) => row.group() == section.code,
            None => !repeated(row.group()),
        })
        .collect();
    found.sort_by_key(|(_, row)| (row.made.value, &row.made.actor));
    let view = |(id, row): (&String, &model::RowView)| {
        let entry = |key: &str| section?.items.iter().find(|entry| entry.key == key);
        let mut items: Vec<ItemView> = Vec::new();
        let listed = section.into_iter().flat_map(|section| &section.items);
        let strays = row.answers.keys().filter(|key| entry(key).is_none());
        for key in listed.map(|entry| &entry.key).chain(strays) {
            let state = row.answers.get(key).unwrap_or(&AnswerState::Unanswered);
            items.push(answered(shown, key, state, entry(key)));
        }
        RowView {
            id: id.clone(),
            items,
            note: row.note.clone(),
            removed: !row.is_live(),
            author: Author::said(&row.made, &shown.authors),
        }
    };
    found.into_iter().map(view).collect()
}

fn item(shown: &Shown, key: &str, entry: Option<&Item>) -> ItemView {
    let state = shown.view.answers.get(key).unwrap_or(&AnswerState::Unanswered);
    let mut view = answered(shown, key, state, entry);
    view.note = shown.view.notes.get(key).cloned().unwrap_or_default();
    let mut loose: Vec<_> = shown.view.loose_notes.values().collect();
    loose.retain(|note| note.item.shown().is_some_and(|of| of == key));
    loose.sort_by_key(|note| (note.made.value, &note.made.actor));
    view.notes = loose
        .into_iter()
        .map(|note| NoteLine {
            text: note.text.clone(),
            author: Author::said(&note.made, &shown.authors),
            at_ms: note.made.at.0,
        })
        .collect();
    view
}

fn answered(shown: &Shown, key: &str, state: &AnswerState, entry: Option<&Item>) -> ItemView {
    let counts = match entry {
        Some(entry) => counted_of(&shown.template, entry, state),
        // Of what the checklist does not have only grades can be compared.
        None => state.worst(shown.template.order()).map(Response::of_grade),
    };
    let (counts_as, counts_value) = match counts {
        Some(Response::Grade(grade)) => (Some(Grade::of(grade)), None),
        Some(Response::NotApplicable) => (Some(Grade::NotApplicable), None),
        Some(Response::Value(value)) => (Some(Grade::Given), Some(value)),
        _ => (None, None),
    };
    let options = entry.map(|entry| entry.answer.options()).unwrap_or_default();
    let severities = entry.map(|entry| entry.severities()).unwrap_or_default();
    ItemView {
        key: key.to_owned(),
        text: entry.map(|entry| words(&entry.text)).unwrap_or_default(),
        guidance: entry.and_then(|entry| entry.guidance.as_ref()).map(words),
        kind: entry.map_or(AnswerKind::Unknown, |entry| answer_kind(&entry.answer)),
        severities: severities.iter().copied().map(Severity::of).collect(),
        may_be_not_applicable: entry.is_some_and(|entry| entry.not_applicable),
        options: options
            .iter()
            .map(|option| Choice { key: option.key.clone(), text: words(&option.text) })
            .collect(),
        unit: match entry.map(|entry| &entry.answer) {
            Some(AnswerType::Number { unit, .. }) => Some(unit.clone()),
            _ => None,
        },
        photos_min: photos_min(entry),
        state: match state {
            AnswerState::Unanswered => ItemState::Unanswered,
            AnswerState::One(_) | AnswerState::Agreed(_) => ItemState::Answered,
            AnswerState::Conflict(_) => ItemState::Conflict,
        },
        answers: answers_given(state.all(), &shown.authors),
        counts_as,
        counts_value,
        note: String::new(),
        notes: Vec::new(),
    }
}

fn photos_min(entry: Option<&Item>) -> u32 {
    let Some(entry) = entry else { return 0 };
    let asked = entry.evidence.as_ref().map_or(0, |evidence| evidence.photos_min);
    match &entry.answer {
        AnswerType::Photo { min, .. } => asked.max(*min),
        _ => asked,
    }
}

fn answer_kind(answer: &AnswerType) -> AnswerKind {
    match answer {
        AnswerType::Grade { .. } => AnswerKind::Grade,
        AnswerType::Number { .. } => AnswerKind::Number,
        AnswerType::Choice { .. } => AnswerKind::Choice,
        AnswerType::Choices { .. } => AnswerKind::Choices,
        AnswerType::Text { .. } => AnswerKind::Text,
        AnswerType::Date {} => AnswerKind::Date,
        AnswerType::Photo { .. } => AnswerKind::Photo,
        AnswerType::Position {} => AnswerKind::Position,
        AnswerType::Signature {} => AnswerKind::Signature,
        AnswerType::Calculation { .. } => AnswerKind::Calculation,
        _ => AnswerKind::Unknown,
    }
}

/// Turns answers into records.
pub(crate) fn answers_given(said: &[Said<Answer>], authors: &Authors) -> Vec<AnswerGiven> {
    let given = said.iter().map(|said| AnswerGiven {
        grade: Grade::of(said.value.grade),
        label: Grade::of(said.value.grade).label(),
        value: said.value.value.clone(),
        photos: said.value.evidence.clone(),
        claimed_at_ms: said.value.claimed_at.0,
        at_ms: said.at.0,
        author: Author::said(said, authors),
        change: said.change.to_string(),
        resolves: super::count(said.value.resolves.len()),
    });
    given.collect()
}

fn finding(id: &str, view: &model::FindingView, shown: &Shown) -> FindingView {
    let deleted_reason = view.deleted_reason.all().iter();
    let parked = |parked: &Parked| ParkedEdit {
        field: parked.field.clone(),
        text: bienban_core::client::register_text(&parked.edit.value),
        author: Author::said(&parked.edit, &shown.authors),
    };
    FindingView {
        id: id.to_owned(),
        item: view.item.shown().cloned(),
        row: view.row.shown().and_then(|told| told.valid().cloned().flatten()),
        severity: Severity::of(view.worst()),
        text: view.text.clone(),
        clause: view.clause.shown().cloned(),
        deadline_ms: view.earliest_deadline().map(|at| at.0),
        issued: issued(view, &shown.view).map(|day: parts::Day| day.to_string()),
        unfixable: view.is_unfixable(),
        fixed: view.is_fixed(),
        deleted: !view.is_live(),
        deleted_reason: deleted_reason.map(|said| said.value.clone()).collect(),
        parked: view.parked.iter().map(parked).collect(),
        author: Author::said(&view.made, &shown.authors),
        at_ms: view.made.at.0,
    }
}
