//! *Điểm không phù hợp*: a finding. A row with its own text, made by one actor under a random id.
//!
//! Deleting writes a tombstone; what others write to a deleted finding is parked and shown.

use std::collections::BTreeMap;

use automerge::transaction::Transactable;
use automerge::{ObjId, ObjType, ReadDoc};
use serde::{Deserialize, Serialize};

use crate::model::edit::{EditError, Editor, NoteEdit, ROWS_MAX, needed, optional};
use crate::model::ids::{Kind, Timestamp};
use crate::model::register::{Register, Said, Told};
use crate::model::view::{View, read_string};

/// The register that says why a finding was deleted. Who deleted it is the tombstone's to say, so that
/// reasons given apart are no conflict beside it.
pub(crate) const DELETED_REASON: &str = "deleted_reason";

/// How bad a finding is (*mức lỗi*). The law of 2025 has no grades from it, but it orders work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// *Nhẹ*.
    Minor,
    /// *Nặng*.
    Major,
    /// *Nghiêm trọng*.
    Serious,
}

/// A finding to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingInput {
    /// The item it is about; none for what no item covers.
    pub item: Option<String>,
    /// The row it is about, by its id in hexadecimal, of an item that is answered in rows.
    pub row: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub text: String,
    /// *Điều, khoản*: the clause it breaks.
    pub clause: Option<String>,
    /// *Hạn khắc phục*: the last moment to correct it.
    pub deadline: Option<Timestamp>,
    /// It cannot be corrected in the required time.
    pub unfixable: bool,
}

/// What to change of a finding; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingPatch {
    /// The item it is about.
    pub item: Option<String>,
    /// The row it is about; the inner none takes it away. With another item and without a row the
    /// finding is about no row.
    pub row: Option<Option<String>>,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// What was found.
    pub text: Option<NoteEdit>,
    /// The clause it breaks.
    pub clause: Option<String>,
    /// The last moment to correct it; the inner none takes it away.
    pub deadline: Option<Option<Timestamp>>,
    /// It cannot be corrected in the required time.
    pub unfixable: Option<bool>,
    /// *Đã xác nhận khắc phục*: the correction was verified.
    pub fixed: Option<bool>,
    /// *Ngày ghi vào biên bản*: the day on which it was put in the minutes, as YYYY-MM-DD; empty takes
    /// it away.
    pub issued: Option<String>,
}

/// Typed reading of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// The item it is about.
    pub item: Register<String>,
    /// The row it is about, of an item that is answered in rows; empty or none for no row.
    pub row: Register<Told<Option<String>>>,
    /// How bad it is.
    pub severity: Register<Told<Severity>>,
    /// What was found.
    pub text: String,
    /// The clause it breaks.
    pub clause: Register<String>,
    /// The last moment to correct it.
    pub deadline: Register<Told<Option<Timestamp>>>,
    /// It cannot be corrected in the required time.
    pub unfixable: Register<Told<bool>>,
    /// The correction was verified.
    pub fixed: Register<Told<bool>>,
    /// The day on which it was put in the minutes; empty where nobody said another than theirs.
    pub issued: Register<String>,
    /// The tombstone.
    pub deleted: Register<Told<bool>>,
    /// *Lý do xóa*: why it was deleted; several where people deleted it apart.
    pub deleted_reason: Register<String>,
    /// Who wrote it and when.
    pub made: Said<()>,
    /// Edits made without sight of the tombstone, or in spite of it.
    pub parked: Vec<Parked>,
}

impl FindingView {
    /// Returns whether it counts: no tombstone stands alone. Where one person deleted and another
    /// restored it unseen, it stays.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let values = self.deleted.all();
        values.is_empty() || values.iter().any(|said| said.value != Told::Valid(true))
    }

    /// Returns the worst severity that stands; content that cannot be read counts as the worst.
    #[must_use]
    pub fn worst(&self) -> Severity {
        self.severity
            .all()
            .iter()
            .map(|said| said.value.valid().copied().unwrap_or(Severity::Serious))
            .max()
            .unwrap_or(Severity::Serious)
    }

    /// Returns the least severity that stands; content that cannot be read says nothing, so it
    /// counts as the least.
    #[must_use]
    pub fn least(&self) -> Severity {
        self.severity
            .all()
            .iter()
            .map(|said| said.value.valid().copied().unwrap_or(Severity::Minor))
            .min()
            .unwrap_or(Severity::Minor)
    }

    /// Returns whether any standing value says that it cannot be corrected.
    #[must_use]
    pub fn is_unfixable(&self) -> bool {
        self.unfixable.all().iter().any(|said| said.value != Told::Valid(false))
    }

    /// Returns whether every standing value says that it cannot be corrected.
    #[must_use]
    pub fn is_surely_unfixable(&self) -> bool {
        let values = self.unfixable.all();
        !values.is_empty() && values.iter().all(|said| said.value == Told::Valid(true))
    }

    /// Returns whether every standing value says that the correction was verified.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        let values = self.fixed.all();
        !values.is_empty() && values.iter().all(|said| said.value == Told::Valid(true))
    }

    /// Returns the earliest standing deadline.
    #[must_use]
    pub fn earliest_deadline(&self) -> Option<Timestamp> {
        self.deadline.all().iter().filter_map(|said| said.value.valid().copied().flatten()).min()
    }
}

/// An edit of something deleted: kept, shown, and left to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The field that was edited.
    pub field: String,
    /// What was written: the register's content, or the text that was typed.
    pub edit: Said<String>,
}

pub(crate) fn read_all(view: &View<'_>) -> BTreeMap<String, FindingView> {
    view.rows("findings").into_iter().map(|(id, row)| (id, read(view, &row))).collect()
}

fn read(view: &View<'_>, row: &ObjId) -> FindingView {
    let told = |key| view.at_key(row, key).map(|raw| Told::read(&raw));
    let deleted = told("deleted");
    let tombstones: Vec<_> = deleted
        .all()
        .iter()
        .filter(|said| said.value == Told::Valid(true))
        .map(|said| said.change)
        .collect();
    FindingView {
        item: view.at_key(row, "item").map(|raw| view.name_about(read_string(&raw))),
        row: view.at_key(row, "row").map(|raw| Told::read(&raw)),
        severity: view.at_key(row, "severity").map(|raw| Told::read(&raw)),
        text: view.text_in(row, "text"),
        clause: view.at_key(row, "clause").map(|raw| read_string(&raw)),
        deadline: view.at_key(row, "deadline").map(|raw| Told::read(&raw)),
        unfixable: told("unfixable"),
        fixed: told("fixed"),
        issued: view.at_key(row, "issued").map(|raw| read_string(&raw)),
        parked: view.parked_in_finding(row, &tombstones),
        deleted_reason: view.at_key(row, DELETED_REASON).map(|raw| read_string(&raw)),
        made: view.made(row).map(|_| ()),
        deleted,
    }
}

impl Editor<'_> {
    fn finding(&self, id: [u8; 16]) -> Result<ObjId, EditError> {
        self.require(Kind::Inspection, "findings")?;
        let (map, key) = (self.map("findings")?, hex::encode(id));
        let values = self.tx.get_all(&map, key.as_str())?;
        let row = values.into_iter().rev().find(|(value, _)| value.is_object());
        row.map(|(_, row)| row).ok_or(EditError::UnknownRow { what: "finding", id: key })
    }

    /// Adds a finding under a fresh random id.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Exists`], [`EditError::UnknownItem`], [`EditError::UnknownRow`], or which
    /// limit it passes.
    pub fn finding_add(&mut self, id: [u8; 16], input: FindingInput) -> Result<(), EditError> {
        self.require(Kind::Inspection, "findings")?;
        let key = hex::encode(id);
        self.fresh("findings", "finding", &key)?;
        let item = input.item.as_deref().map(|item| self.about_item(item)).transpose()?;
        if let Some(row) = &input.row {
            self.row_has(row, input.item.as_deref())?;
        }
        let map = self.map("findings")?;
        if self.tx.length(&map) >= ROWS_MAX {
            return Err(EditError::TooMany { what: "findings", limit: ROWS_MAX });
        }
        let words = needed("text of the finding", &input.text)?;
        let clause = optional("clause", input.clause.as_deref())?;
        // One actor makes the row under a random key, so no other can make it too.
        let row = self.tx.put_object(&map, key, ObjType::Map)?;
        let text = self.tx.put_object(&row, "text", ObjType::Text)?;
        self.edit_text(&text, "finding", NoteEdit::Append(words))?;
        if let Some(item) = &item {
            self.put(&row, "item", item)?;
        }
        if input.row.is_some() {
            self.put(&row, "row", &input.row)?;
        }
        self.put(&row, "severity", &input.severity)?;
        if let Some(clause) = &clause {
            self.put(&row, "clause", clause)?;
        }
        if input.deadline.is_some() {
            self.put(&row, "deadline", &input.deadline)?;
        }
        self.put(&row, "unfixable", &input.unfixable)
    }

    /// Changes a finding. On a deleted one the edit is parked.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], [`EditError::UnknownItem`], or which limit it passes.
    pub fn finding_update(&mut self, id: [u8; 16], patch: FindingPatch) -> Result<(), EditError> {
        let row = self.finding(id)?;
        let item = patch.item.as_deref().map(|item| self.about_item(item)).transpose()?;
        if let Some(Some(of)) = &patch.row {
            self.row_has(of, patch.item.as_deref())?;
        }
        if let Some(item) = &item {
            self.put(&row, "item", item)?;
        }
        // A row of the item that it was about says nothing of another item.
        let had_row = item.is_some() && !self.tx.get_all(&row, "row")?.is_empty();
        if let Some(of) = patch.row.or_else(|| had_row.then_some(None)) {
            self.put(&row, "row", &of)?;
        }
        if let Some(severity) = &patch.severity {
            self.put(&row, "severity", severity)?;
        }
        if let Some(edit) = patch.text {
            let found = self.tx.get_all(&row, "text")?;
            let text = found.into_iter().rev().find(|(value, _)| value.is_object());
            let (_, text) =
                text.ok_or_else(|| EditError::UnknownRow { what: "finding", id: hex::encode(id) })?;
            self.edit_text(&text, "finding", edit)?;
        }
        if let Some(clause) = patch.clause.as_deref() {
            let clause = crate::model::edit::field("clause", clause)?;
            self.put(&row, "clause", &clause)?;
        }
        if let Some(deadline) = &patch.deadline {
            self.put(&row, "deadline", deadline)?;
        }
        if let Some(unfixable) = &patch.unfixable {
            self.put(&row, "unfixable", unfixable)?;
        }
        if let Some(fixed) = &patch.fixed {
            self.put(&row, "fixed", fixed)?;
        }
        if let Some(issued) = patch.issued.as_deref() {
            let issued = super::facility::day("day of the minutes", issued)?;
            self.put(&row, "issued", &issued)?;
        }
        Ok(())
    }

    /// Deletes a finding by a tombstone.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`].
    pub fn finding_delete(&mut self, id: [u8; 16]) -> Result<(), EditError> {
        self.finding_strike(id, "")
    }

    /// Deletes a finding by a tombstone, and says why; an empty reason says nothing.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`] or [`EditError::TooLong`].
    pub fn finding_strike(&mut self, id: [u8; 16], reason: &str) -> Result<(), EditError> {
        let row = self.finding(id)?;
        let reason = crate::model::edit::field("reason", reason)?;
        // An earlier person's reason is not this one's.
        if !reason.trim().is_empty() || self.exists(&row, DELETED_REASON)? {
            self.put(&row, DELETED_REASON, &reason)?;
        }
        self.put(&row, "deleted", &true)
    }

    /// Takes a tombstone away.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`].
    pub fn finding_restore(&mut self, id: [u8; 16]) -> Result<(), EditError> {
        let row = self.finding(id)?;
        self.put(&row, "deleted", &false)
    }
}
