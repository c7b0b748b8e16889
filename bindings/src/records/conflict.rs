//! Places in which values that differ stand, and what a person can choose.

use bienban_core::client::parts::Template;
use bienban_core::client::{Authors, header_form, is_of_text, place_name, register_text};
use bienban_core::model::{Answer, ChangeHash, Conflict, InspectionView, Place, SUPPLEMENTS};

use super::{Author, Grade, LocalText, state_named, words};
use crate::messages;

/// One of the values that stand in a place.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ConflictValue {
    /// The change that wrote it, in hexadecimal: what `choose` takes.
    pub change: String,
    /// What it says, for a person: of an answer the grade's name and its value.
    pub text: LocalText,
    /// Of an answer, its grade.
    pub grade: Option<Grade>,
    /// The canonical text of the record.
    pub raw: String,
    /// Who wrote it.
    pub author: Author,
    /// When, in milliseconds since 1970, by the writer's clock.
    pub at_ms: i64,
}

/// A place in which values that differ stand until a person settles it; the worse one counts meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ConflictView {
    /// The place's name, as calls that settle take it: an item, `ROW/ITEM`, `header/FIELD`,
    /// `findings/ID/FIELD` and so on.
    pub place: String,
    /// What people call it.
    pub label: LocalText,
    /// The item that it is about, of an answer.
    pub item: Option<String>,
    /// The row, of an answer in a row.
    pub row: Option<String>,
    /// It is a text, which `resolve_text` settles too.
    pub is_text: bool,
    /// Of the header: the field, which `resolve_header` settles too.
    pub field: Option<String>,
    /// The values that stand.
    pub values: Vec<ConflictValue>,
}

/// Turns conflicts into records. `view` tells what answers say.
pub(crate) fn conflicts(
    conflicts: &[Conflict],
    authors: &Authors,
    template: &Template,
    view: &InspectionView,
) -> Vec<ConflictView> {
    let told = |conflict: &Conflict| {
        let place = &conflict.place;
        let (row, item) = match place.row_item() {
            Some((row, item)) => (Some(row.to_owned()), Some(item.to_owned())),
            None if place.container == "answers" => (None, Some(place.key.clone())),
            None => (None, None),
        };
        let values = conflict.values.iter().map(|said| {
            let answer = answer_at(view, place, said.change);
            let grade = answer.map(|answer| Grade::of(answer.grade));
            let text = match (answer, grade) {
                (Some(answer), Some(grade)) => answer_text(grade, answer.value.as_deref()),
                _ => state_text(place, &said.value)
                    .unwrap_or_else(|| LocalText::plain(&register_text(&said.value))),
            };
            ConflictValue {
                change: said.change.to_string(),
                text,
                grade,
                raw: said.value.clone(),
                author: Author::said(said, authors),
                at_ms: said.at.0,
            }
        });
        ConflictView {
            place: place_name(place),
            label: place_label(place, template),
            item,
            row,
            is_text: is_of_text(place),
            field: (place.container == "header" && header_form().field(&place.key).is_ok())
                .then(|| place.key.clone()),
            values: values.collect(),
        }
    };
    conflicts.iter().map(told).collect()
}

/// Returns the answer that a change wrote, where it stands in a place of answers.
fn answer_at<'a>(
    view: &'a InspectionView,
    place: &Place,
    change: ChangeHash,
) -> Option<&'a Answer> {
    let state = match place.row_item() {
        Some((row, item)) => view.rows.get(row)?.answers.get(item)?,
        None if place.container == "answers" => view.answers.get(&place.key)?,
        None => return None,
    };
    let said = state.all().iter().find(|said| said.change == change)?;
    Some(&said.value)
}

/// Returns what people read of an answer.
pub(crate) fn answer_text(grade: Grade, value: Option<&str>) -> LocalText {
    match (grade, value) {
        (Grade::Given, Some(value)) => LocalText::plain(value),
        (grade, None) => grade.label(),
        (grade, Some(value)) => {
            let LocalText { vi, en } = grade.label();
            LocalText { vi: format!("{vi}: {value}"), en: format!("{en}: {value}") }
        }
    }
}

fn state_text(place: &Place, raw: &str) -> Option<LocalText> {
    let is_state = place.container == "lifecycle" && place.key == "state";
    is_state.then(|| state_named(&register_text(raw)).label)
}

/// Returns what people call a place.
pub(crate) fn place_label(place: &Place, template: &Template) -> LocalText {
    let key = match place.container.as_str() {
        "header" if place.key != SUPPLEMENTS => {
            let field = header_form().field(&place.key).ok();
            return field.map_or_else(|| LocalText::plain(&place.key), |field| words(&field.title));
        }
        "lifecycle" => match place.key.as_str() {
            key @ ("state" | "template") => key,
            "extended" | "extended_on" => "extended",
            key if key.starts_with("pause:") => "suspended",
            key => return state_named(key).label,
        },
        "texts" => match place.key.as_str() {
            key @ ("facility_opinion" | "other_opinions") => key,
            _ => "conclusion",
        },
        "findings" => "finding",
        "samples" | "handovers" => "sample",
        "actions" | "progress" | "rechecks" => "action",
        "answers" | "notes" => return item_label(&place.key, template),
        "rows" => match place.row_item() {
            Some((_, item)) => return item_label(item, template),
            None => "row",
        },
        _ => "other",
    };
    messages::text(&format!("place.{key}"))
}

fn item_label(item: &str, template: &Template) -> LocalText {
    let known = template.item(item).map(|(_, entry)| words(&entry.text));
    known.unwrap_or_else(|| LocalText::plain(item))
}
