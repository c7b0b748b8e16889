//! The pen: what a local edit may do, checked before it is written.
//!
//! Holds what all kinds share; the operations of each kind are in `kinds`. Knows no rights: who may
//! edit is decided before.

use std::borrow::Cow;

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{Automerge, AutomergeError, ObjId, ReadDoc};
use serde::Serialize;

use super::canonical::canonical_text;
use super::change::ChangeError;
use super::document::Document;
use super::edition::Edition;
use super::ids::{Actor, ChangeHash, Kind, TemplateId, Timestamp};
use super::layout::Shape;
use super::text::{FIELD_CHARS_MAX, SPLICE_CHARS_MAX, TEXT_CHARS_MAX, clean};
use super::view::{Place, View, place_name};

/// Most rows in one map (findings, products, comments and the like): far above any real record, and
/// still read at once on a small phone.
pub const ROWS_MAX: usize = 1_000;

/// Why an edit was not made. The document is unchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The checklist has no such item.
    #[error("the checklist has no item {item}; choose one of its items")]
    UnknownItem {
        /// The key that was given.
        item: String,
    },
    /// The checklist has no such group of rows.
    #[error("the checklist has no rows in section {group}; choose a section that is repeated")]
    UnknownGroup {
        /// The code that was given.
        group: String,
    },
    /// The kind has no such field.
    #[error("a {kind} has no field {field}", kind = kind.name())]
    UnknownField {
        /// The kind of document.
        kind: Kind,
        /// The name that was given.
        field: String,
    },
    /// The row does not exist.
    #[error("there is no {what} {id}")]
    UnknownRow {
        /// The kind of row.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A row with this id exists already.
    #[error("there is already a {what} {id}; use a fresh random id")]
    Exists {
        /// The kind of row.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A text is too long.
    #[error("{what} has {chars} characters, over the limit of {limit}; shorten it")]
    TooLong {
        /// Which text.
        what: String,
        /// Its length.
        chars: usize,
        /// The limit.
        limit: usize,
    },
    /// There are too many of something.
    #[error("there are already {limit} {what}, the most that are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A value is not of the form it must have.
    #[error("{what} must be {expected}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Several people answered without seeing each other, and the new answer does not say that it
    /// settles that.
    #[error("item {item} holds {values} answers; look at them and resolve the conflict")]
    Conflicted {
        /// The item.
        item: String,
        /// How many answers stand.
        values: usize,
    },
    /// Several people filled a field of the header without seeing each other, and the new value does
    /// not say that it settles that.
    #[error(
        "field {field} of the header holds {values} values that differ; look at them and resolve the conflict"
    )]
    ContestedField {
        /// The field.
        field: String,
        /// How many values stand.
        values: usize,
    },
    /// Several people wrote the same thing without seeing each other, and nobody has settled that.
    #[error(
        "{values} values that differ stand in {}; look at them and resolve the conflict",
        place_name(place)
    )]
    Contested {
        /// Where.
        place: Place,
        /// How many values stand.
        values: usize,
    },
    /// Somebody wants to settle a place in which no values that differ stand.
    #[error("no values that differ stand in {place}: there is nothing to settle")]
    NotContested {
        /// What to call the place.
        place: String,
    },
    /// The life cycle has no such step.
    #[error("an inspection that is {from} cannot become {to}")]
    Transition {
        /// The state it is in.
        from: &'static str,
        /// The state that was asked for.
        to: &'static str,
    },
    /// The record was moved to another edition of its checklist since it was read.
    #[error(
        "the record was moved from edition {} of its checklist meanwhile; look at it again", template.short()
    )]
    OtherEdition {
        /// The edition that it was read by.
        template: TemplateId,
    },
    /// The record keeps the edition of its checklist that it has.
    #[error(
        "an inspection that is {state} keeps its edition of the checklist; it is moved before the minutes are signed"
    )]
    PastMinutes {
        /// The state it is in.
        state: &'static str,
    },
    /// The legal clock was extended before; it can be extended once.
    #[error("the time was already extended, and it can be extended once")]
    ExtendedBefore,
    /// The plan was cancelled, and stays as it was then.
    #[error("the plan was cancelled; make another one instead of changing it")]
    Cancelled,
    /// The position is outside the text.
    #[error("position {at} with {delete} deleted is outside a text of {len} characters")]
    OutOfText {
        /// Position in characters.
        at: usize,
        /// Characters to delete.
        delete: usize,
        /// Length of the text.
        len: usize,
    },
    /// The operation belongs to another kind of document.
    #[error("this is a {kind}, which has no {what}", kind = kind.name())]
    WrongKind {
        /// The kind of the document.
        kind: Kind,
        /// What was to be edited.
        what: &'static str,
    },
    /// The document was made by a trial version, whose containers are not those of today: it can be
    /// read, not changed.
    #[error("the record has schema {schema}, which no edit can be made in; it can be read")]
    OldSchema {
        /// Its schema.
        schema: u32,
    },
    /// The actor is that of computed first changes.
    #[error("the actor is reserved for computed first changes; derive one from the device")]
    ReservedActor,
    /// The change would pass the limits of one change.
    #[error("the edit is too large for one change; make it in several steps")]
    ChangeTooLarge {
        /// Which limit.
        #[source]
        source: Box<ChangeError>,
    },
    /// Automerge refused.
    #[error("the edit could not be written")]
    Engine {
        /// What Automerge said.
        #[source]
        source: AutomergeError,
    },
    /// Automerge failed. The document is as before.
    #[error("the edit could not be written and nothing was changed; open the record again")]
    Internal,
}

impl From<AutomergeError> for EditError {
    fn from(source: AutomergeError) -> Self {
        Self::Engine { source }
    }
}

/// A change to a text that several people may edit at once. Positions count characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteEdit {
    /// Adds at the end.
    Append(String),
    /// Deletes and inserts at a position: what a screen reports while somebody types.
    Splice {
        /// Position in characters.
        at: usize,
        /// Characters to delete there.
        delete: usize,
        /// Text to insert there.
        insert: String,
    },
    /// Makes the text this one. The lines that differ are replaced as one block: what another person
    /// writes at the same time stays whole beside it, and the words of two are never interleaved.
    Replace(String),
}

/// Returns the one block of lines by which two texts differ: where it begins and how long it is in
/// the first, in characters, and what stands there in the second.
fn replacement(before: &str, after: &str) -> (usize, isize, String) {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - same;
    let tail =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(o, n)| o == n).count();
    let chars = |lines: &[&str]| lines.iter().map(|line| line.chars().count()).sum::<usize>();
    let delete = chars(&old[same..old.len() - tail]);
    let insert = new[same..new.len() - tail].concat();
    (chars(&old[..same]), delete.cast_signed(), insert)
}

/// One change in the making.
#[derive(Debug)]
pub struct Editor<'a> {
    pub(crate) document: &'a Document,
    pub(crate) tx: Transaction<'a>,
    pub(crate) actor: Actor,
    pub(crate) now: Timestamp,
    /// The edition whose items are edited; none for other kinds.
    edition: Option<Edition>,
}

impl<'a> Editor<'a> {
    /// Runs the closure and commits; says whether anything was changed.
    pub(crate) fn run<T>(
        document: &'a Document,
        copy: &'a mut Automerge,
        actor: Actor,
        now: Timestamp,
        f: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<(T, bool), EditError> {
        let edition = document.view().edition().cloned();
        let mut editor = Editor { document, tx: copy.transaction(), actor, now, edition };
        let value = f(&mut editor)?;
        let (hash, _) = editor.tx.commit_with(CommitOptions::default().with_time(now.0));
        Ok((value, hash.is_some()))
    }

    /// Returns the document as it was before this edit.
    #[must_use]
    pub fn before(&self) -> &Document {
        self.document
    }

    /// Edits by the items of the edition that the record pins, wherever people moved it to: for a
    /// device that does not have the newer one.
    pub fn by_pinned(&mut self) {
        self.edition = self.document.genesis.template.map(Edition::pinned);
    }

    /// Edits by the items of the edition that the caller read the record by.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::OtherEdition`] when the record is read by another one by now.
    pub fn read_by(&mut self, template: TemplateId) -> Result<(), EditError> {
        let pinned = self.document.genesis.template;
        match &self.edition {
            Some(edition) if edition.template == template => Ok(()),
            // Its items stand for the same answers wherever the record was moved to meanwhile.
            _ if pinned == Some(template) => {
                self.by_pinned();
                Ok(())
            }
            _ => Err(EditError::OtherEdition { template }),
        }
    }

    /// Returns the items that are edited.
    pub(crate) fn shape(&self) -> Cow<'a, Shape> {
        let document: &'a Document = self.document;
        match &self.edition {
            Some(edition) => edition.shape(&document.shape),
            None => Cow::Borrowed(&document.shape),
        }
    }

    /// Returns the keys that the answers to an item of the edition stand under.
    pub(crate) fn storages(&self, item: &str) -> Vec<String> {
        let edition = self.edition.as_ref();
        let keys = edition.map_or_else(|| vec![item], |edition| edition.storages(item));
        keys.into_iter().map(str::to_owned).collect()
    }

    /// Returns the key that stands for an item that something is said about.
    pub(crate) fn storage_about(&self, item: &str) -> String {
        let storage = self.edition.as_ref().map_or(item, |edition| edition.about(item));
        storage.to_owned()
    }

    /// As [`Editor::storages`], in the rows of a group.
    pub(crate) fn storages_in(&self, group: &str, item: &str) -> Vec<String> {
        let edition = self.edition.as_ref();
        let keys = edition.map_or_else(|| vec![item], |edition| edition.storages_in(group, item));
        keys.into_iter().map(str::to_owned).collect()
    }

    /// Returns who edits.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Returns the time that the change will claim.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn kind(&self) -> Kind {
        self.document.shape.kind()
    }

    pub(crate) fn require(&self, kind: Kind, what: &'static str) -> Result<(), EditError> {
        if self.kind() == kind {
            Ok(())
        } else {
            Err(EditError::WrongKind { kind: self.kind(), what })
        }
    }

    pub(crate) fn map(&self, name: &'static str) -> Result<ObjId, EditError> {
        let layout = &self.document.layout;
        let found = layout.registers.get(name).or_else(|| layout.rows.get(name));
        found.cloned().ok_or_else(|| EditError::WrongKind { kind: self.kind(), what: name })
    }

    pub(crate) fn text(&self, name: &str) -> Result<ObjId, EditError> {
        self.document
            .layout
            .texts
            .get(name)
            .cloned()
            .ok_or_else(|| EditError::UnknownField { kind: self.kind(), field: clean(name) })
    }

    /// Writes a register. A value that stands there alone already is not written again.
    pub(crate) fn put<T: Serialize>(
        &mut self,
        map: &ObjId,
        key: &str,
        value: &T,
    ) -> Result<(), EditError> {
        let text = canonical_text(value);
        let standing = self.tx.get_all(map, key)?;
        if let [(standing, _)] = standing.as_slice()
            && standing.as_str() == Some(text.as_str())
        {
            return Ok(());
        }
        Ok(self.tx.put(map, key, text)?)
    }

    /// Returns the reading that the edit is made by.
    pub(crate) fn reading(&self) -> View<'a> {
        let document: &'a Document = self.document;
        let view = document.view();
        match &self.edition {
            Some(edition) => view.read_by(edition.clone()),
            None => view,
        }
    }

    /// Returns the values that stand in a register, as their raw texts.
    pub(crate) fn values(&self, map: &ObjId, key: &str) -> Result<Vec<String>, EditError> {
        let values = self.tx.get_all(map, key)?;
        Ok(values
            .iter()
            .map(|(value, _)| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect())
    }

    /// Counts the values that stand in a register.
    pub(crate) fn standing(&self, map: &ObjId, key: &str) -> Result<Vec<ChangeHash>, EditError> {
        let values = self.tx.get_all(map, key)?;
        Ok(values
            .into_iter()
            .map(|(_, id)| self.tx.hash_for_opid(&id).map_or([0; 32], |hash| hash.0))
            .map(ChangeHash)
            .collect())
    }

    pub(crate) fn exists(&self, map: &ObjId, key: &str) -> Result<bool, EditError> {
        Ok(!self.tx.get_all(map, key)?.is_empty())
    }

    /// Writes a register that belongs to a new or known row, within the limit on rows.
    pub(crate) fn put_row<T: Serialize>(
        &mut self,
        name: &'static str,
        key: &str,
        value: &T,
    ) -> Result<(), EditError> {
        let map = self.map(name)?;
        if !self.exists(&map, key)? && self.tx.length(&map) >= ROWS_MAX {
            return Err(EditError::TooMany { what: name, limit: ROWS_MAX });
        }
        self.put(&map, key, value)
    }

    /// Fails when the row exists.
    pub(crate) fn fresh(
        &self,
        name: &'static str,
        what: &'static str,
        id: &str,
    ) -> Result<(), EditError> {
        if self.exists(&self.map(name)?, id)? {
            return Err(EditError::Exists { what, id: id.to_owned() });
        }
        Ok(())
    }

    /// Fails when the row does not exist.
    pub(crate) fn known(
        &self,
        name: &'static str,
        what: &'static str,
        id: &str,
    ) -> Result<(), EditError> {
        if self.exists(&self.map(name)?, id)? {
            return Ok(());
        }
        Err(EditError::UnknownRow { what, id: id.to_owned() })
    }

    pub(crate) fn edit_text(
        &mut self,
        text: &ObjId,
        what: &str,
        edit: NoteEdit,
    ) -> Result<(), EditError> {
        let len = self.tx.length(text);
        let (at, delete, insert) = match edit {
            NoteEdit::Append(insert) => (len, 0, clean(&insert)),
            NoteEdit::Splice { at, delete, insert } => (at, delete, clean(&insert)),
            NoteEdit::Replace(whole) => {
                let whole = clean(&whole);
                within(what, &whole, TEXT_CHARS_MAX)?;
                let before = self.tx.text(text)?;
                let (at, delete, insert) = replacement(&before, &whole);
                return Ok(self.tx.splice_text(text, at, delete, &insert)?);
            }
        };
        if at > len || delete > len - at {
            return Err(EditError::OutOfText { at, delete, len });
        }
        within(what, &insert, SPLICE_CHARS_MAX)?;
        let chars = len - delete + insert.chars().count();
        if chars > TEXT_CHARS_MAX {
            return Err(EditError::TooLong { what: what.to_owned(), chars, limit: TEXT_CHARS_MAX });
        }
        if delete == 0 && insert.is_empty() {
            return Ok(());
        }
        let delete =
            isize::try_from(delete).map_err(|_| EditError::OutOfText { at, delete, len })?;
        Ok(self.tx.splice_text(text, at, delete, &insert)?)
    }
}

pub(crate) fn within(what: &str, text: &str, limit: usize) -> Result<(), EditError> {
    let chars = text.chars().count();
    if chars > limit {
        return Err(EditError::TooLong { what: what.to_owned(), chars, limit });
    }
    Ok(())
}

/// Cleans the text of one field and checks its length.
pub(crate) fn field(what: &str, text: &str) -> Result<String, EditError> {
    let text = clean(text);
    within(what, &text, FIELD_CHARS_MAX)?;
    Ok(text)
}

/// As [`field`], for a field that may be absent; blank means absent.
pub(crate) fn optional(what: &str, text: Option<&str>) -> Result<Option<String>, EditError> {
    let text = text.map(|text| field(what, text)).transpose()?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// As [`field`], for a field that must not be blank.
pub(crate) fn needed(what: &'static str, text: &str) -> Result<String, EditError> {
    let text = field(what, text)?;
    if text.trim().is_empty() {
        return Err(EditError::Invalid { what, expected: "some text" });
    }
    Ok(text)
}
