//! *Dòng của nhóm lặp* (lô, mẫu, sản phẩm): answers that are given once per row.
//!
//! One actor makes a row under a random id, with everything in it that others will write to: a map
//! of answers and a text, in this order right after the row itself. They are found by that place and
//! not by their keys, so nobody hides them by writing over a key. Removing writes a tombstone; what
//! others write to a removed row is parked and shown.

use std::collections::BTreeMap;

use automerge::transaction::Transactable;
use automerge::{Automerge, ObjId, ObjType, Prop, ReadDoc};
use serde::Serialize;

use super::finding::Parked;
use super::inspection::{AnswerInput, AnswerState, Grade};
use crate::model::edit::{EditError, Editor, NoteEdit, ROWS_MAX};
use crate::model::history::Watched;
use crate::model::ids::Kind;
use crate::model::register::{Register, Said, Told};
use crate::model::text::clean;
use crate::model::view::Place;
use crate::model::view::{View, read_string};

/// Keys of a row that hold a register.
const GROUP: &str = "group";
const REMOVED: &str = "removed";
/// Keys of a row that hold a container.
const ANSWERS: &str = "answers";
pub(crate) const NOTE: &str = "note";

/// Typed reading of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowView {
    /// The code of the group that it is a row of. Nobody changes it; what a foreign program wrote
    /// over it is shown.
    pub group: Register<String>,
    /// Every item of its group, answered or not, and answers under keys that the group does not have.
    pub answers: BTreeMap<String, AnswerState>,
    /// What was written about it.
    pub note: String,
    /// The tombstone.
    pub removed: Register<Told<bool>>,
    /// Edits made without sight of the tombstone, or in spite of it.
    pub parked: Vec<Parked>,
    /// Who made it and when. The value orders rows by their making, ties by the actor; the order is
    /// the same on every replica.
    pub made: Said<u64>,
    /// What stands under keys that a row does not have, or instead of something it has; under `row`
    /// what stands in place of the whole row.
    pub damaged: BTreeMap<String, Register<String>>,
}

impl RowView {
    /// Returns whether it counts: no tombstone stands alone. Where one person removed and another
    /// restored it unseen, it stays.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !is_dead(&self.removed)
    }

    /// Returns the code of its group; empty when none can be read.
    #[must_use]
    pub fn group(&self) -> &str {
        self.group.shown().map(String::as_str).unwrap_or_default()
    }

    /// Returns whether the item has an answer in this row.
    #[must_use]
    pub fn is_answered(&self, item: &str) -> bool {
        self.answers.get(item).is_some_and(AnswerState::is_answered)
    }
}

/// A note on an item that the document's first change did not foresee, typed by one actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LooseNote {
    /// The item it is about.
    pub item: Register<String>,
    /// What was written.
    pub text: String,
    /// Who made it and when; orders notes as [`RowView::made`] does.
    pub made: Said<u64>,
}

/// The containers of a row.
#[derive(Debug, Clone)]
pub(crate) struct RowParts {
    pub(crate) row: ObjId,
    pub(crate) answers: Option<ObjId>,
    pub(crate) note: Option<ObjId>,
}

impl RowParts {
    /// Finds what was made together with a row. What is not there was made by a foreign program and
    /// is left out.
    pub(crate) fn of(automerge: &Automerge, row: ObjId) -> Self {
        let part = |place: u64, key: &str, wanted: ObjType| {
            let ObjId::Id(counter, actor, index) = &row else { return None };
            let id = ObjId::Id(counter.checked_add(place)?, actor.clone(), *index);
            let is_it = automerge.object_type(&id).ok()? == wanted;
            let parent = automerge.parents(&id).ok()?.next()?;
            let is_here = parent.obj == row && parent.prop == Prop::Map(key.to_owned());
            (is_it && is_here).then_some(id)
        };
        let (answers, note) = (part(1, ANSWERS, ObjType::Map), part(2, NOTE, ObjType::Text));
        Self { row, answers, note }
    }
}

pub(crate) fn is_dead(removed: &Register<Told<bool>>) -> bool {
    let values = removed.all();
    !values.is_empty() && values.iter().all(|said| said.value == Told::Valid(true))
}

pub(crate) fn read_all(view: &View<'_>) -> BTreeMap<String, RowView> {
    let rows = view.row_parts().into_iter();
    let mut rows: BTreeMap<String, RowView> =
        rows.map(|(id, parts)| (id, read(view, &parts))).collect();
    for (id, register) in view.not_rows("rows") {
        rows.entry(id).or_insert_with(|| RowView {
            group: Register::Empty,
            answers: BTreeMap::new(),
            note: String::new(),
            removed: Register::Empty,
            parked: Vec::new(),
            made: Said {
                value: 0,
                actor: Vec::new(),
                change: register.all()[0].change,
                at: register.all()[0].at,
            },
            damaged: BTreeMap::from([("row".to_owned(), register)]),
        });
    }
    rows
}

/// Reads the code of the group that a row is of.
pub(crate) fn group(view: &View<'_>, row: &ObjId) -> Register<String> {
    view.at_key(row, GROUP).map(|raw| read_string(&raw))
}

fn read(view: &View<'_>, parts: &RowParts) -> RowView {
    let group = group(view, &parts.row);
    let removed = removed(view, &parts.row);
    let tombstones: Vec<_> = removed
        .all()
        .iter()
        .filter(|said| said.value == Told::Valid(true))
        .map(|said| said.change)
        .collect();
    let shape = view.shape();
    let code = group.shown().map(String::as_str).unwrap_or_default();
    let items = shape.group(code);
    let mut answers: BTreeMap<String, AnswerState> = items
        .into_iter()
        .flat_map(|group| &group.items)
        .map(|item| (item.clone(), AnswerState::Unanswered))
        .collect();
    let name = |storage: &str| match view.edition() {
        Some(edition) => edition.name_in(code, storage),
        None => storage.to_owned(),
    };
    let standing = parts.answers.as_ref().map(|map| view.fields(map)).unwrap_or_default();
    for (item, register) in view.joined(standing, name) {
        answers.insert(item, AnswerState::from_register(register.map(|raw| view.answer(&raw))));
    }
    let mut damaged = view.fields(&parts.row);
    damaged.retain(|key, _| key != GROUP && key != REMOVED);
    let notes = view.note_objects(parts);
    let watched = Watched {
        row: &parts.row,
        tombstone: REMOVED,
        maps: parts.answers.iter().map(|map| (ANSWERS, map)).collect(),
        texts: notes.iter().map(|text| (NOTE, text)).collect(),
    };
    RowView {
        group,
        answers,
        note: view.row_notes(parts).join("\n"),
        parked: view.parked(&watched, &tombstones),
        removed,
        made: view.made(&parts.row),
        damaged,
    }
}

pub(crate) fn removed(view: &View<'_>, row: &ObjId) -> Register<Told<bool>> {
    view.at_key(row, REMOVED).map(|raw| Told::read(&raw))
}

pub(crate) fn read_loose(view: &View<'_>) -> BTreeMap<String, LooseNote> {
    let rows = view.rows("loose_notes").into_iter();
    rows.map(|(id, row)| {
        let note = LooseNote {
            item: view.at_key(&row, "item").map(|raw| view.name_about(read_string(&raw))),
            text: view.text_in(&row, "text"),
            made: view.made(&row),
        };
        (id, note)
    })
    .collect()
}

/// Puts loose notes behind the shared ones: by their making, so that the order is the same on every
/// replica.
pub(crate) fn join(notes: &mut BTreeMap<String, String>, loose: &BTreeMap<String, LooseNote>) {
    let mut loose: Vec<(&String, &LooseNote)> = loose.iter().collect();
    loose.sort_by_key(|(id, note)| (note.made.value, &note.made.actor, *id));
    for (_, note) in loose {
        let Some(item) = note.item.shown().filter(|_| !note.text.is_empty()) else { continue };
        let all = notes.entry(item.clone()).or_default();
        if !all.is_empty() && !all.ends_with('\n') {
            all.push('\n');
        }
        all.push_str(&note.text);
    }
}

impl Editor<'_> {
    fn row(&self, id: [u8; 16]) -> Result<RowParts, EditError> {
        self.require(Kind::Inspection, "rows")?;
        let (map, key) = (self.map("rows")?, hex::encode(id));
        let values = self.tx.get_all(&map, key.as_str())?;
        let row = values
            .into_iter()
            .rev()
            .find(|(value, _)| matches!(value, automerge::Value::Object(ObjType::Map)));
        match row {
            Some((_, row)) => Ok(self.parts(row)),
            None => Err(EditError::UnknownRow { what: "row", id: key }),
        }
    }

    /// As [`RowParts::of`], rows of this very change too.
    fn parts(&self, row: ObjId) -> RowParts {
        let held = RowParts::of(&self.document.automerge, row);
        if held.answers.is_some() || held.note.is_some() {
            return held;
        }
        let part = |key: &str, wanted: ObjType| {
            let (value, id) = self.tx.get(&held.row, key).ok()??;
            (value == automerge::Value::Object(wanted)).then_some(id)
        };
        let (answers, note) = (part(ANSWERS, ObjType::Map), part(NOTE, ObjType::Text));
        RowParts { answers, note, row: held.row }
    }

    /// Returns the code of a row's group.
    fn group_of(&self, row: &ObjId) -> Result<Option<String>, EditError> {
        let values = self.tx.get_all(row, GROUP)?;
        Ok(values.last().and_then(|(value, _)| value.as_str()).map(read_string))
    }

    /// Fails for a row that is not there, and for an item that it does not answer.
    pub(super) fn row_has(&self, row: &str, item: Option<&str>) -> Result<(), EditError> {
        let unknown = || EditError::UnknownRow { what: "row", id: short(row) };
        let mut id = [0; 16];
        hex::decode_to_slice(row, &mut id).map_err(|_| unknown())?;
        let code = self.group_of(&self.row(id)?.row)?.unwrap_or_default();
        let Some(item) = item else {
            let expected = "named together with its item";
            return Err(EditError::Invalid { what: "row of the finding", expected });
        };
        let shape = self.shape();
        let has = |group: &crate::model::RowGroup| group.items.iter().any(|known| known == item);
        match shape.group(&code).is_some_and(has) {
            true => Ok(()),
            false => Err(EditError::UnknownItem { item: short(item) }),
        }
    }

    /// Adds a row to a group under a fresh random id, with a note that may be empty.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownGroup`], [`EditError::Exists`], or which limit it passes.
    pub fn row_add(&mut self, id: [u8; 16], group: &str, note: &str) -> Result<(), EditError> {
        self.require(Kind::Inspection, "rows")?;
        if self.shape().group(group).is_none() {
            return Err(EditError::UnknownGroup { group: short(group) });
        }
        let key = hex::encode(id);
        self.fresh("rows", "row", &key)?;
        let map = self.map("rows")?;
        let mut standing = 0;
        for key in self.tx.keys(&map).collect::<Vec<_>>() {
            let rows = self.tx.get_all(&map, key.as_str())?;
            let Some((_, row)) = rows.into_iter().next_back() else { continue };
            // What is no row has no group.
            let of = self.group_of(&row).ok().flatten();
            standing += usize::from(of.as_deref() == Some(group));
        }
        if standing >= ROWS_MAX {
            return Err(EditError::TooMany { what: "rows of one group", limit: ROWS_MAX });
        }
        // All in one change and in this order: the parts are found by their place behind the row.
        let row = self.tx.put_object(&map, key, ObjType::Map)?;
        self.tx.put_object(&row, ANSWERS, ObjType::Map)?;
        let text = self.tx.put_object(&row, NOTE, ObjType::Text)?;
        self.put(&row, GROUP, &group)?;
        self.edit_text(&text, NOTE, NoteEdit::Append(note.to_owned()))
    }

    /// Answers an item in a row. On a removed row the answer is parked.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], and what [`Editor::answer`] returns; a conflict names the
    /// item as `row/item`.
    pub fn row_answer(
        &mut self,
        id: [u8; 16],
        item: &str,
        input: AnswerInput,
    ) -> Result<(), EditError> {
        let parts = self.row(id)?;
        let code = self.group_of(&parts.row)?.unwrap_or_default();
        let shape = self.shape();
        let group = shape.group(&code);
        if !group.is_some_and(|group| group.items.iter().any(|known| known == item)) {
            return Err(EditError::UnknownItem { item: short(item) });
        }
        let storages = self.storages_in(&code, item);
        let key = hex::encode(id);
        let map =
            parts.answers.ok_or_else(|| EditError::UnknownRow { what: "row", id: key.clone() })?;
        self.write_answer(&map, &storages, &format!("{key}/{item}"), input)
    }

    /// Edits the note of a row. On a removed row the edit is parked.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], or why the text cannot be edited so.
    pub fn row_note(&mut self, id: [u8; 16], edit: NoteEdit) -> Result<(), EditError> {
        let parts = self.row(id)?;
        let id = hex::encode(id);
        let Some(born) = parts.note else { return Err(EditError::UnknownRow { what: "row", id }) };
        let place = Place { container: "rows".to_owned(), key: id, field: Some(NOTE.to_owned()) };
        self.edit_whole((&born, &parts.row, NOTE), NOTE, place, edit)
    }

    /// Returns the note of a row as it stands in this edit.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`].
    pub fn row_note_now(&self, id: [u8; 16]) -> Result<String, EditError> {
        let parts = self.row(id)?;
        match parts.note {
            Some(born) => self.whole_now(&born, &parts.row, NOTE),
            None => Err(EditError::UnknownRow { what: "row", id: hex::encode(id) }),
        }
    }

    /// Removes a row by a tombstone; what it holds stays and is shown.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`].
    pub fn row_remove(&mut self, id: [u8; 16]) -> Result<(), EditError> {
        let parts = self.row(id)?;
        self.put(&parts.row, REMOVED, &true)
    }

    /// Takes a row's tombstone away.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`].
    pub fn row_restore(&mut self, id: [u8; 16]) -> Result<(), EditError> {
        let parts = self.row(id)?;
        self.put(&parts.row, REMOVED, &false)
    }

    /// Writes a note on an item for which the first change made no text, under a fresh random id.
    /// Whether the checklist has the item is the checklist's to say.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Exists`], [`EditError::Invalid`] without an item or a text, or which
    /// limit it passes.
    pub fn loose_note_add(
        &mut self,
        id: [u8; 16],
        item: &str,
        text: &str,
    ) -> Result<(), EditError> {
        self.require(Kind::Inspection, "notes")?;
        let key = hex::encode(id);
        self.fresh("loose_notes", "note", &key)?;
        let map = self.map("loose_notes")?;
        if self.tx.length(&map) >= ROWS_MAX {
            return Err(EditError::TooMany { what: "notes", limit: ROWS_MAX });
        }
        let item = self.storage_about(&crate::model::edit::needed("item", item)?);
        if text.trim().is_empty() {
            return Err(EditError::Invalid { what: "note", expected: "some text" });
        }
        let row = self.tx.put_object(&map, key, ObjType::Map)?;
        let note = self.tx.put_object(&row, "text", ObjType::Text)?;
        self.put(&row, "item", &item)?;
        self.edit_text(&note, NOTE, NoteEdit::Append(text.to_owned()))
    }

    /// Edits a note that [`Editor::loose_note_add`] made.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], or why the text cannot be edited so.
    pub fn loose_note(&mut self, id: [u8; 16], edit: NoteEdit) -> Result<(), EditError> {
        self.require(Kind::Inspection, "notes")?;
        let (map, key) = (self.map("loose_notes")?, hex::encode(id));
        let unknown = || EditError::UnknownRow { what: "note", id: key.clone() };
        let is = |value: &automerge::Value<'_>, wanted| *value == automerge::Value::Object(wanted);
        let rows = self.tx.get_all(&map, key.as_str())?;
        let row = rows.into_iter().rev().find(|(value, _)| is(value, ObjType::Map));
        let (_, row) = row.ok_or_else(unknown)?;
        let texts = self.tx.get_all(&row, "text")?;
        let text = texts.into_iter().rev().find(|(value, _)| is(value, ObjType::Text));
        let (_, text) = text.ok_or_else(unknown)?;
        self.edit_text(&text, NOTE, edit)
    }

    /// Returns the text of an item's shared note as it stands in this edit; none for an item that
    /// has no shared note.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Engine`] when Automerge cannot read it.
    pub fn shared_note(&self, item: &str) -> Result<Option<String>, EditError> {
        let layout = &self.document.layout;
        let key = self.storage_about(item);
        match (layout.notes.get(&key), &layout.notes_map) {
            (Some(born), Some(map)) => Ok(Some(self.whole_now(born, map, &key)?)),
            _ => Ok(None),
        }
    }
}

impl AnswerState {
    /// Returns whether somebody answered, in a way that this program can read.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        let mut grades = self.all().iter().map(|said| said.value.grade);
        grades.any(|grade| !matches!(grade, Grade::Unanswered | Grade::Damaged))
    }
}

fn short(name: &str) -> String {
    clean(name).chars().take(64).collect()
}
