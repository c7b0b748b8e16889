//! A small note of how far the journal had come, outside the journal's folder.
//!
//! An older journal that was put back in place, with the index gone and the folder's own files left as
//! they were, shows nothing about itself; that it ends before this note does. The note is written after
//! the journal was synced, so a power cut leaves one that says less, never more.

use std::path::{Path, PathBuf};

use super::entry::StoreId;
use super::files::{Files, checked, read_if_there, replace, unchecked};
use super::{Position, StoreError};

const NAME: &str = "reached";
const FIRST_LINE: &str = "bienban reached 1";

/// How far the journal of a store had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) store: StoreId,
    pub(super) position: Position,
}

impl Reached {
    pub(super) fn write(&self, files: &dyn Files, root: &Path) -> Result<(), StoreError> {
        let mut text = format!("{FIRST_LINE}\nstore {}\n", hex::encode(self.store.0));
        text += &format!("position {}\n", self.position.0);
        replace(files, &path(root), checked(text).as_bytes())
    }

    /// Reads the note. One that is not there or cannot be read says nothing: the next one replaces it.
    pub(super) fn read(files: &dyn Files, root: &Path) -> Result<Option<Self>, StoreError> {
        Ok(read_if_there(files, &path(root))?.as_deref().and_then(Self::parse))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = unchecked(bytes)?.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut store = [0; 16];
        hex::decode_to_slice(lines.next()?.strip_prefix("store ")?, &mut store).ok()?;
        let position = lines.next()?.strip_prefix("position ")?.parse().ok()?;
        Some(Self { store: StoreId(store), position: Position(position) })
    }
}

fn path(root: &Path) -> PathBuf {
    root.join(NAME)
}
