//! Rows of repeat groups (*lô, mẫu, sản phẩm*): adding, answering, removing them.
//!
//! A row is named by the first digits of its random id. How many rows a section may have is the
//! checklist's to say and checked here; people who add rows without seeing each other may pass it,
//! and nothing of theirs is dropped then.

use super::read::Authors;
use super::work::{Draft, Note, as_line, row_named};
use super::{Client, ClientError};
use crate::checklist::{AnswerError, Template};
use crate::clock;
use crate::model::{Answer, Editor, Genesis, NoteEdit, Said};
use crate::replica::EditOutcome;

impl Client {
    /// Adds a row to a repeated section, by the section's code, and returns its name.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Answer`] when the section is not repeated or has all its rows, and
    /// [`ClientError::Replica`] when it could not be recorded.
    pub fn row_add(
        &self,
        inspection: &Genesis,
        section: &str,
        note: Option<&str>,
    ) -> Result<([u8; 16], EditOutcome<()>), ClientError> {
        let (by, template) = self.template_of(inspection)?;
        let limit = limit(&template, section)?;
        let view = self.read_inspection(inspection)?;
        let live = view.rows.values().filter(|row| row.is_live() && row.group() == section);
        if live.count() >= limit as usize {
            return Err(AnswerError::TooManyRows { group: section.to_owned(), limit }.into());
        }
        let id = clock::random::<16>()?;
        let note = note.map(|note| as_line("", note)).unwrap_or_default();
        let edit = |editor: &mut Editor<'_>| editor.row_add(id, section, &note);
        Ok((id, self.edit_by(inspection, by, edit)?))
    }

    /// Answers an item in a row, as [`Client::answer`] does outside of rows. A line goes to the
    /// row's note.
    ///
    /// # Errors
    ///
    /// As [`Client::answer`], and [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for the
    /// row's name.
    pub fn row_answer(
        &self,
        inspection: &Genesis,
        row: &str,
        item: &str,
        draft: Draft,
    ) -> Result<EditOutcome<()>, ClientError> {
        self.give_in_row(inspection, row, item, draft, false)
    }

    pub(super) fn give_in_row(
        &self,
        inspection: &Genesis,
        row: &str,
        item: &str,
        draft: Draft,
        resolves: bool,
    ) -> Result<EditOutcome<()>, ClientError> {
        let (by, template) = self.template_of(inspection)?;
        let section = template.group_of(item)?.map(|section| section.code.clone());
        let (id, group) = self.find_row(inspection, row)?;
        if section.as_ref() != Some(&group) {
            return Err(AnswerError::OtherRow { item: item.to_owned(), group }.into());
        }
        let now = clock::now();
        let (answer, line) = draft.checked(&template, item, resolves, now)?;
        let edit = |editor: &mut Editor<'_>| {
            editor.row_answer(id, item, answer)?;
            let Some(line) = &line else { return Ok(()) };
            let before = editor.row_note_now(id)?;
            editor.row_note(id, NoteEdit::Append(as_line(&before, line)))
        };
        self.edit_by(inspection, by, edit)
    }

    /// Edits the note of a row.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for the row's name, and
    /// [`ClientError::Replica`] when it could not be recorded.
    pub fn row_note(
        &self,
        inspection: &Genesis,
        row: &str,
        note: Note,
    ) -> Result<EditOutcome<()>, ClientError> {
        let (id, _) = self.find_row(inspection, row)?;
        let edit = |editor: &mut Editor<'_>| {
            let edit = match note {
                Note::Append(line) => NoteEdit::Append(as_line(&editor.row_note_now(id)?, &line)),
                Note::Replace(text) => NoteEdit::Replace(text),
            };
            editor.row_note(id, edit)
        };
        self.edit(inspection, edit)
    }

    /// Removes a row by a tombstone; what others write to it without knowing is parked and shown.
    ///
    /// # Errors
    ///
    /// As [`Client::row_note`].
    pub fn row_remove(
        &self,
        inspection: &Genesis,
        row: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        let (id, _) = self.find_row(inspection, row)?;
        let edit = |editor: &mut Editor<'_>| editor.row_remove(id);
        self.edit(inspection, edit)
    }

    /// Takes a row's tombstone away.
    ///
    /// # Errors
    ///
    /// As [`Client::row_note`].
    pub fn row_restore(
        &self,
        inspection: &Genesis,
        row: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        let (id, _) = self.find_row(inspection, row)?;
        let edit = |editor: &mut Editor<'_>| editor.row_restore(id);
        self.edit(inspection, edit)
    }

    /// Returns every answer ever given to an item in a row, oldest first, and who gave them.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`] for the row's name, and
    /// [`ClientError::Answer`] for an item that the checklist does not have.
    pub fn row_history(
        &self,
        inspection: &Genesis,
        row: &str,
        item: &str,
    ) -> Result<(Vec<Said<Answer>>, Authors), ClientError> {
        let (_, template) = self.template_of(inspection)?;
        template.group_of(item)?;
        let (id, _) = self.find_row(inspection, row)?;
        let document = self.open_inspection(inspection)?;
        let answers = self.reading(&document, None)?.view.row_history(&hex::encode(id), item);
        Ok((answers, self.authors(inspection.document(), &document)?))
    }

    /// Returns a row's whole name and the code of its section, by the first digits of its name.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
    pub fn find_row(
        &self,
        inspection: &Genesis,
        row: &str,
    ) -> Result<([u8; 16], String), ClientError> {
        let rows = self.read_inspection(inspection)?.rows;
        let id = row_named("row", row, rows.keys().cloned())?;
        let group = rows.get(&hex::encode(id)).map(|row| row.group().to_owned());
        Ok((id, group.unwrap_or_default()))
    }
}

/// Returns the most rows of a section.
fn limit(template: &Template, section: &str) -> Result<u32, AnswerError> {
    let found = template.groups().find(|(known, _)| known.code == section);
    found.map(|(_, repeat)| repeat.max).ok_or_else(|| AnswerError::UnknownGroup {
        group: crate::model::clean(section).chars().take(64).collect(),
        known: template.groups().map(|(known, _)| known.code.clone()).collect(),
    })
}
