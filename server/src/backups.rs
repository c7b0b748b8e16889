//! Backups of a hub: made beside the running hub, checked anywhere, put back into a new folder.
//!
//! A backup is a folder: the journal's segments under names that hold their hashes, the hub's keys, and one
//! small file, the manifest, that says which of them belong together. Files of a backup never change; what is
//! new is written beside them, and the manifest is exchanged last, so that a whole backup is there at every
//! moment. docs/store-format.md has the bytes. Nothing here looks into a document.

mod checking;
mod error;
mod files;
mod keys;
mod making;
mod manifest;
mod restoring;
mod source;
mod target;

#[cfg(test)]
mod tests;

use std::path::Path;

pub use checking::{Checked, Of, Problem, check, lay_out};
pub use error::BackupsError;
pub(crate) use making::store_of;
pub use making::{Made, Wanted, make};
pub use restoring::{PutBack, Restored, is_unfinished, restore};
pub(crate) use target::expect_for_second_disk;

/// What a hub's store is called in its folder.
const STORE: &str = "store";

/// What the journal is called in a store's folder, and in a backup.
const JOURNAL: &str = "journal";

/// Where a hub is made until it is whole.
const UNFINISHED: &str = "restoring";

/// How the names of a journal's files end.
const SEGMENT: &str = ".seg";

/// The file that people put into the folder of a second disk that takes the place of the one before; it goes once
/// all of the journal is there.
pub(crate) const NEW_DISK: &str = "new-second-disk";

/// Returns whether a folder holds a backup, as far as its names say.
pub(crate) fn holds_backup(folder: &Path) -> bool {
    folder.join(manifest::NAME).is_file()
}

/// How far a long run has come: files done, of how many.
pub type Told<'t> = &'t mut (dyn FnMut(u64, u64) + Send);
