//! What becomes of everything that stands in a record when it is read by another edition.

use std::collections::BTreeMap;

use serde_json::json;

use super::say;
use super::{Fate, MoveError, MoveLine, MovePlan};
use crate::checklist::template::{Item, Required, Template};
use crate::model::{
    AnswerState, Edition, Grade, InspectionView, Move, RowView, View, canonical_bytes,
};

/// Plans a move that is worked out.
pub(super) fn plan(
    view: &View<'_>,
    before: &InspectionView,
    source: &Template,
    target: &Template,
    told: Move,
) -> Result<MovePlan, MoveError> {
    let document = view.document();
    let own = view.edition().ok_or(MoveError::NotAnInspection)?;
    let by = Edition::by(document.shape(), own.pinned, &told)
        .ok_or(MoveError::Missing { template: told.to })?;
    let moved = view.clone().read_by(by.clone());
    let after = moved.inspection().ok_or(MoveError::NotAnInspection)?;
    let planner = Planner { own, by: &by, after: &after, source, target };
    let lines = planner.lines();
    let stands = json!({
        "document": document.id().to_string(),
        "move": told,
        "lines": lines,
        "answers": before.answers,
        "rows": before.rows,
    });
    let digest = blake3::derive_key("bienban 2026-11 move of a draft", &canonical_bytes(&stands));
    let (document, from, to) = (document.id(), told.from, told.to);
    Ok(MovePlan { document, from, to, lines, told, after, digest })
}

struct Planner<'p> {
    /// The edition that the record is read by, and the one it would be.
    own: &'p Edition,
    by: &'p Edition,
    after: &'p InspectionView,
    source: &'p Template,
    target: &'p Template,
}

/// What is said about each item besides answers.
#[derive(Default)]
struct About {
    note: bool,
    others: usize,
}

impl Planner<'_> {
    fn lines(&self) -> Vec<MoveLine> {
        let about = about(self.after);
        let mut lines: Vec<MoveLine> = Vec::new();
        for (section, item) in self.target.each() {
            if section.repeat.is_some() {
                continue;
            }
            let state = self.after.answers.get(&item.key);
            let from = self.by.storages(&item.key).into_iter().map(|key| self.own.name(key));
            let mut line = self.line(item, self.asked(from), state);
            if let (Some(line), Some(about)) = (&mut line, about.get(&item.key)) {
                (line.note, line.about) = (about.note, about.others);
            }
            lines.extend(line);
        }
        self.rows(&mut lines);
        self.homeless(&about, &mut lines);
        for line in &mut lines {
            say::why(line, self.source, self.target);
        }
        lines
    }

    /// Returns the first name that is one of an item, as the record is read now.
    fn asked(&self, mut names: impl Iterator<Item = String>) -> Option<String> {
        names.find(|name| self.source.item(name).is_some())
    }

    /// Returns what becomes of an item's answers; none for what needs no answer.
    fn line(
        &self,
        item: &Item,
        from: Option<String>,
        state: Option<&AnswerState>,
    ) -> Option<MoveLine> {
        let answered = state.is_some_and(AnswerState::is_answered);
        let answers = state.map_or(0, |state| state.all().len());
        let fate = match &from {
            _ if item.is_calculated() => return None,
            _ if answered && !state.is_some_and(|state| fits(self.target, &item.key, state)) => {
                Fate::NoLongerFits
            }
            Some(from) if answered && *from == item.key => Fate::Kept,
            // What the record was answered under an edition that it had left comes back.
            _ if answered => Fate::Moved,
            _ if item.required == Some(Required::Always(false)) => return None,
            _ => Fate::NeedsAnswer,
        };
        Some(MoveLine { from, to: Some(item.key.clone()), answers, ..bare(fate) })
    }

    fn rows(&self, lines: &mut Vec<MoveLine>) {
        for (id, row) in &self.after.rows {
            let code = row.group();
            let row_of = |line: MoveLine| MoveLine { row: Some(id.clone()), ..line };
            let section = self.target.groups().find(|(section, _)| section.code == code);
            let Some((section, _)) = section else {
                let answers = row.answers.values().map(|state| state.all().len()).sum();
                let note = !row.note.is_empty();
                lines.push(row_of(MoveLine { answers, note, ..bare(Fate::NoNewHome) }));
                continue;
            };
            for item in &section.items {
                let from = self.by.storages_in(code, &item.key).into_iter();
                let from = self.asked(from.map(|key| self.own.name_in(code, key)));
                let line = self.line(item, from, row.answers.get(&item.key));
                // A row that was removed needs nothing.
                let line = line.filter(|line| line.answers > 0 || row.is_live());
                lines.extend(line.map(row_of));
            }
            lines.extend(self.homeless_in(code, row).map(row_of));
        }
    }

    /// Returns the answers of a row that no item of its group is asked by.
    fn homeless_in<'p>(
        &'p self,
        code: &'p str,
        row: &'p RowView,
    ) -> impl Iterator<Item = MoveLine> + 'p {
        let is_homeless = |name: &str| self.target.item(name).is_none();
        let standing = row
            .answers
            .iter()
            .filter(move |(name, state)| is_homeless(name) && !state.all().is_empty());
        standing.map(move |(name, state)| {
            let from = Some(self.own.name_in(code, self.by.storage_in(code, name)));
            MoveLine { from, answers: state.all().len(), ..bare(Fate::NoNewHome) }
        })
    }

    fn homeless(&self, about: &BTreeMap<String, About>, lines: &mut Vec<MoveLine>) {
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, state) in &self.after.answers {
            if self.target.item(name).is_none() && !state.all().is_empty() {
                names.insert(name, state.all().len());
            }
        }
        for name in about.keys().filter(|name| self.target.item(name).is_none()) {
            names.entry(name).or_default();
        }
        for (name, answers) in names {
            let from = Some(self.own.name_about(self.by.about(name)));
            let mut line = MoveLine { from, answers, ..bare(Fate::NoNewHome) };
            if let Some(about) = about.get(name) {
                (line.note, line.about) = (about.note, about.others);
            }
            lines.push(line);
        }
    }
}

fn bare(fate: Fate) -> MoveLine {
    let (vi, en) = (String::new(), String::new());
    MoveLine { fate, row: None, from: None, to: None, answers: 0, note: false, about: 0, vi, en }
}

/// Returns whether every answer that stands is one that the item takes.
fn fits(target: &Template, item: &str, state: &AnswerState) -> bool {
    state.all().iter().all(|said| {
        let answer = &said.value;
        let value = answer.value.as_deref();
        answer.grade != Grade::Damaged
            && target.check_whole(item, answer.grade, value, answer.evidence.len()).is_ok()
    })
}

/// Counts the notes, live findings and photos about each item.
fn about(view: &InspectionView) -> BTreeMap<String, About> {
    let mut about: BTreeMap<String, About> = BTreeMap::new();
    for item in view.notes.keys() {
        about.entry(item.clone()).or_default().note = true;
    }
    for finding in view.findings.values().filter(|finding| finding.is_live()) {
        for said in finding.item.all() {
            about.entry(said.value.clone()).or_default().others += 1;
        }
    }
    for register in view.evidence.values() {
        let photo = register.shown().and_then(|told| told.valid());
        let item = photo.filter(|photo| !photo.removed).and_then(|photo| photo.item.clone());
        if let Some(item) = item {
            about.entry(item).or_default().others += 1;
        }
    }
    about
}
