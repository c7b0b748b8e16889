//! Whether a folder may become a backup, or a hub that is put back: what lies there already must be nothing, or
//! the beginning of the same. Nothing is changed here.

use std::path::Path;

use super::error::BackupsError;
use super::files::{self, Lies};
use super::making::store_of;
use super::manifest::{self, Manifest};
use super::{JOURNAL, SEGMENT, STORE, UNFINISHED, keys};
use crate::hub::{KEY_FILE, NEXT_FILE};

/// What a file system keeps in its topmost folder; it is nobody's.
const OF_THE_DISK: &str = "lost+found";

/// Digits of a segment's number in its name, at least.
const NUMBER_DIGITS: usize = 8;

/// Fails where a folder lies in a hub's own, and would be lost with it, or holds the journal of another hub, which
/// this one's would replace.
pub(crate) fn expect_for_second_disk(folder: &Path, journal: &Path) -> Result<(), BackupsError> {
    let hub = journal.parent().and_then(Path::parent);
    if hub.is_some_and(|hub| is_inside(folder, hub)) {
        return Err(BackupsError::Inside { path: folder.to_owned() });
    }
    match (store_of(folder)?, store_of(journal)?) {
        (Some(there), Some(here)) if there != here => {
            Err(BackupsError::OtherHub { path: folder.to_owned() })
        }
        _ => Ok(()),
    }
}

/// Fails unless a folder is new or empty, or holds an earlier backup of this same hub, whole or not.
pub(super) fn expect_for_backup(to: &Path, hub: &Path, journal: &Path) -> Result<(), BackupsError> {
    if is_inside(to, hub) {
        return Err(BackupsError::Inside { path: to.to_owned() });
    }
    if files::what_lies(to)? == Lies::Folder && is_inside(hub, to) {
        return Err(BackupsError::Above { path: to.to_owned() });
    }
    let names = files::names(to)?;
    if names.iter().any(|name| is_of_second_disk(name)) {
        return Err(BackupsError::SecondDisk { path: to.to_owned() });
    }
    let store = store_of(journal)?;
    let other = |found: [u8; 16]| store.is_some_and(|store| store != found);
    match Manifest::read(&to.join(manifest::NAME)) {
        Ok(Some(before)) if other(before.store) => {
            return Err(BackupsError::OtherHub { path: to.to_owned() });
        }
        // It is this hub's; what people put beside it stays.
        Ok(Some(_)) => return Ok(()),
        // None is whole yet, or what it named cannot be known: the rest tells whose it is.
        Ok(None) | Err(BackupsError::Manifest { .. }) => {}
        Err(error) => return Err(error),
    }
    let foreign = |found: String| BackupsError::Foreign { path: to.to_owned(), found };
    if let Some(found) = names.into_iter().find(|name| !is_of_backup(name)) {
        return Err(foreign(found));
    }
    let begun = to.join(JOURNAL);
    if let Some(name) = files::names(&begun)?.into_iter().find(|name| is_of_second_disk(name)) {
        return Err(foreign(format!("{JOURNAL}/{name}")));
    }
    match store_of(&begun)? {
        Some(found) if other(found) => Err(BackupsError::OtherHub { path: to.to_owned() }),
        _ => Ok(()),
    }
}

/// Fails unless a folder is new or empty, or a backup is being put back into it.
pub(super) fn expect_for_restore(dir: &Path) -> Result<(), BackupsError> {
    let names = files::names(dir)?;
    if names.iter().any(|name| name == UNFINISHED) {
        return Ok(());
    }
    if names.iter().any(|name| [KEY_FILE, NEXT_FILE, STORE].contains(&name.as_str())) {
        return Err(BackupsError::Taken { path: dir.to_owned() });
    }
    match names.into_iter().find(|name| name != OF_THE_DISK) {
        Some(found) => Err(BackupsError::NotEmpty { path: dir.to_owned(), found }),
        None => Ok(()),
    }
}

/// Returns whether files of a hub's second disk lie in a folder.
pub(super) fn has_second_disk(folder: &Path) -> Result<bool, BackupsError> {
    Ok(files::names(folder)?.iter().any(|name| is_of_second_disk(name)))
}

/// Whether a name is that of a segment as a store and a second disk have it, also one that was set aside.
fn is_of_second_disk(name: &str) -> bool {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    digits >= NUMBER_DIGITS && name[digits..].starts_with(SEGMENT)
}

/// Whether a backup may have something of that name.
fn is_of_backup(name: &str) -> bool {
    let manifest = name == manifest::NAME || name.starts_with(manifest::BEFORE);
    let written =
        name.strip_suffix(files::PART).is_some_and(|name| name.starts_with(manifest::NAME));
    manifest || written || [JOURNAL, keys::FOLDER, files::LOCK, OF_THE_DISK].contains(&name)
}

/// Whether a path leads to a folder or into it.
fn is_inside(path: &Path, folder: &Path) -> bool {
    let there = path.ancestors().find(|above| above.exists()).unwrap_or_else(|| Path::new("."));
    match (there.canonicalize(), folder.canonicalize()) {
        (Ok(there), Ok(folder)) => there.starts_with(folder),
        _ => false,
    }
}
