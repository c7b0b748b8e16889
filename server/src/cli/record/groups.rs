//! Rows of repeated sections as data.

use bienban_core::checklist::{Repeat, Section};
use bienban_core::client::Shown;
use bienban_core::model::RowView;
use serde::Serialize;

use super::{AuthorData, ItemData, ParkedData, SaidData, answered, author, parked, said};
use crate::cli::{time, words};
use crate::messages::Messages;

/// How often a section is repeated.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct RepeatData {
    /// What one row is called.
    pub(in crate::cli) row: String,
    pub(in crate::cli) min: u32,
    pub(in crate::cli) max: u32,
    /// Rows that count now.
    pub(in crate::cli) rows: usize,
    /// One of fits, too_few, too_many.
    pub(in crate::cli) state: &'static str,
}

/// A row of a repeated section.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct RowData {
    pub(in crate::cli) id: String,
    /// Its number among the section's rows, in the order of their making.
    pub(in crate::cli) number: usize,
    pub(in crate::cli) at: String,
    pub(in crate::cli) author: AuthorData,
    pub(in crate::cli) removed: bool,
    /// It came to more rows than the checklist allows, by people who added rows apart: it is kept, and
    /// somebody has to remove one.
    pub(in crate::cli) excess: bool,
    pub(in crate::cli) note: String,
    pub(in crate::cli) items: Vec<ItemData>,
    /// Edits of the removed row that wait for a person.
    pub(in crate::cli) parked: Vec<ParkedData>,
    /// What stands in the row and means nothing to this program.
    pub(in crate::cli) damaged: Vec<DamagedData>,
}

/// Content that this program cannot read.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct DamagedData {
    pub(in crate::cli) key: String,
    pub(in crate::cli) values: Vec<SaidData<String>>,
}

/// Turns a repetition into data.
pub(super) fn repeat(
    shown: &Shown,
    section: &Section,
    repeat: &Repeat,
    m: &Messages,
) -> RepeatData {
    let row = words::local(m, &repeat.row).to_owned();
    let counts = |row: &&RowView| row.is_live() && row.group() == section.code;
    let rows = shown.view.rows.values().filter(counts).count();
    let state = match rows {
        rows if rows < repeat.min as usize => "too_few",
        rows if rows > repeat.max as usize => "too_many",
        _ => "fits",
    };
    RepeatData { row, min: repeat.min, max: repeat.max, rows, state }
}

/// Returns the rows of a section; without one those of sections that the checklist does not repeat.
pub(super) fn rows(shown: &Shown, section: Option<&Section>, m: &Messages) -> Vec<RowData> {
    let repeated = |code: &str| shown.template.groups().any(|(known, _)| known.code == code);
    let here = |row: &RowView| match section {
        Some(section) => section.repeat.is_some() && row.group() == section.code,
        None => !repeated(row.group()),
    };
    let mut rows: Vec<(&String, &RowView)> =
        shown.view.rows.iter().filter(|(_, row)| here(row)).collect();
    rows.sort_by_key(|(id, row)| (row.made.value, &row.made.actor, *id));
    let max = section.and_then(|section| section.repeat.as_ref()).map(|repeat| repeat.max as usize);
    let mut live = 0;
    let each = (1..).zip(rows).map(|(number, (id, row))| {
        live += usize::from(row.is_live());
        let excess = row.is_live() && max.is_some_and(|max| live > max);
        RowData { excess, ..one(shown, number, id, row, section, m) }
    });
    each.collect()
}

fn one(
    shown: &Shown,
    number: usize,
    id: &str,
    row: &RowView,
    section: Option<&Section>,
    m: &Messages,
) -> RowData {
    // The checklist's own order first, then what it does not have.
    let listed = section.map(|section| section.items.as_slice()).unwrap_or_default();
    let known = listed.iter().filter(|item| !item.is_calculated()).map(|item| item.key.as_str());
    let known: Vec<&str> = known.collect();
    let others = row.answers.keys().map(String::as_str).filter(|key| !known.contains(key));
    let keys: Vec<&str> = known.iter().copied().chain(others).collect();
    let items = keys.into_iter().map(|key| {
        let entry = listed.iter().find(|item| item.key == key);
        let unanswered = bienban_core::model::AnswerState::Unanswered;
        answered(shown, key, row.answers.get(key).unwrap_or(&unanswered), entry, m)
    });
    let authors = &shown.authors;
    RowData {
        id: id.to_owned(),
        number,
        at: time::rfc3339(row.made.at),
        author: author(&row.made.actor, authors),
        removed: !row.is_live(),
        excess: false,
        note: row.note.clone(),
        items: items.collect(),
        parked: parked(&row.parked, authors),
        damaged: row
            .damaged
            .iter()
            .map(|(key, register)| DamagedData {
                key: key.clone(),
                values: register.all().iter().map(|v| said(v, authors, Clone::clone)).collect(),
            })
            .collect(),
    }
}
