//! Puts a backup back: into a folder of its own, that a hub begins a new life from.
//!
//! All of it is made in a folder inside the new one, checked there, and moved to its places last, the key at
//! the very end. Until that is done no hub starts there; a run that was cut off is gone on with.

use std::fs;
use std::path::{Path, PathBuf};

use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::store::{Position, RealFiles, survey};

use super::checking::{Of, Place};
use super::error::{BackupsError, file_error};
use super::files;
use super::keys::{Key, Keys};
use super::manifest::Manifest;
use super::source::segment_name;
use super::{JOURNAL, STORE, Told};
use crate::hub::{KEY_FILE, NEXT_FILE};

/// Where a hub is made until it is whole.
const UNFINISHED: &str = "restoring";

/// Says there which backup it is made from.
const FROM: &str = "from";

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The public half of the hub's key.
    pub hub: DeviceId,
    /// The last record in it.
    pub position: u64,
    /// When the backup was made, where it says so.
    pub at: Option<Timestamp>,
    /// Files of the journal, and their length together.
    pub files: u64,
    /// See there.
    pub bytes: u64,
}

/// Returns whether a backup is being put back into a folder, or was and not to the end: no hub may start there.
#[must_use]
pub fn is_unfinished(dir: &Path) -> bool {
    dir.join(UNFINISHED).exists()
}

/// Makes a hub's folder from a backup, or from what a hub copied to its second disk. `keys` is a folder with
/// the hub's key files, where the backup holds none; it may be the backup's own. The hub takes a new epoch at
/// its first start by itself.
///
/// # Errors
///
/// Returns [`BackupsError::Taken`] where the folder holds a hub, [`BackupsError::Damaged`] where the backup
/// is not whole, and [`BackupsError::NoKey`] and [`BackupsError::OtherKey`] where the hub's key is missing.
/// Nothing that was there is changed.
pub fn restore(
    from: &Path,
    dir: &Path,
    keys: Option<&Path>,
    told: Told<'_>,
) -> Result<Restored, BackupsError> {
    let place = Place::find(from)?;
    if place.of == Of::Hub {
        return Err(BackupsError::NoBackup { path: from.to_owned() });
    }
    let unfinished = dir.join(UNFINISHED);
    let begun = unfinished.exists();
    let taken = [KEY_FILE, NEXT_FILE, STORE].iter().any(|name| dir.join(name).exists());
    if taken && !begun {
        return Err(BackupsError::Taken { path: dir.to_owned() });
    }
    let keys = keys_for(&place, keys)?;
    files::make_folder(&unfinished)?;
    let name = name_of(&place, &keys);
    match files::read_if_there(&unfinished.join(FROM))? {
        Some(other) if other != name.as_bytes() => {
            return Err(BackupsError::OtherRestore { path: unfinished });
        }
        Some(_) => {}
        None => files::replace(&unfinished.join(FROM), name.as_bytes())?,
    }
    let (made, store) = (unfinished.join(STORE), dir.join(STORE));
    // Cut off between the last steps, the store is in its place already.
    let is_moved = store.exists() && !made.exists();
    let journal = if is_moved { store.join(JOURNAL) } else { made.join(JOURNAL) };
    let (segments, bytes) = copy(&place, &journal, told)?;
    let position = expect_whole(&place, &journal)?;
    let hub = keys.present.device;
    settle(dir, &unfinished, &keys)?;
    let at = place.manifest.as_ref().map(|manifest| manifest.at);
    Ok(Restored { hub, position, at, files: segments, bytes })
}

/// Returns the hub's keys: those given, else those of the backup.
fn keys_for(place: &Place, given: Option<&Path>) -> Result<Keys, BackupsError> {
    let manifest = place.manifest.as_ref();
    let keys = match (given, manifest) {
        (Some(folder), _) => Keys::of(folder)?.ok_or(BackupsError::NoKey)?,
        (None, Some(manifest)) => kept(&place.folder, manifest)?,
        (None, None) => return Err(BackupsError::NoKey),
    };
    // With the announced key alone the hub of before cannot go on; without it, it can.
    if manifest.is_some_and(|manifest| manifest.hub != keys.present.device) {
        return Err(BackupsError::OtherKey { path: given.unwrap_or(&place.folder).join(KEY_FILE) });
    }
    Ok(keys)
}

/// Reads the keys that a backup holds.
fn kept(folder: &Path, manifest: &Manifest) -> Result<Keys, BackupsError> {
    let mut keys = manifest.keys.iter().map(|part| {
        let damaged = || BackupsError::Damaged { what: part.path.clone() };
        let path = folder.join(&part.path);
        match files::hash(&path)? {
            Some(found) if found == (part.bytes, part.hash) => {
                Key::read(&path)?.ok_or_else(damaged)
            }
            _ => Err(damaged()),
        }
    });
    let present = keys.next().ok_or(BackupsError::NoKey)??;
    Ok(Keys { present, next: keys.next().transpose()? })
}

/// Returns what names the backup that is put back.
fn name_of(place: &Place, keys: &Keys) -> String {
    match &place.manifest {
        Some(manifest) => manifest.name(),
        None => keys.present.device.to_string(),
    }
}

/// Copies the journal, but what is there already from a run before.
fn copy(place: &Place, journal: &Path, told: Told<'_>) -> Result<(u64, u64), BackupsError> {
    files::make_folder(journal)?;
    let total = place.segments.len() as u64;
    let mut bytes = 0;
    for (done, (number, path)) in place.segments.iter().enumerate() {
        let said = place.manifest.as_ref().and_then(|manifest| {
            manifest.segments.iter().find(|(of, _)| of == number).map(|(_, part)| part)
        });
        let to = journal.join(segment_name(*number));
        bytes += copy_file(path, &to, said.map(|part| (part.bytes, part.hash)))?;
        told(done as u64 + 1, total);
    }
    files::sync_folder(journal)?;
    Ok((total, bytes))
}

/// Copies one file, which must be what was `said` of it.
fn copy_file(from: &Path, to: &Path, said: Option<(u64, [u8; 32])>) -> Result<u64, BackupsError> {
    if said.is_some() && files::hash(to)? == said {
        return Ok(said.map_or(0, |(bytes, _)| bytes));
    }
    let damaged = || BackupsError::Damaged { what: from.display().to_string() };
    let bytes = files::read_if_there(from)?.ok_or_else(damaged)?;
    let found = (bytes.len() as u64, *blake3::hash(&bytes).as_bytes());
    if said.is_some_and(|said| said != found) {
        return Err(damaged());
    }
    files::write(to, &bytes)?;
    Ok(found.0)
}

/// Reads what was made as a store does, and returns where it ends.
fn expect_whole(place: &Place, journal: &Path) -> Result<u64, BackupsError> {
    let found = survey(&RealFiles, journal, Position(0))?;
    if let Some(what) = found.damage {
        return Err(BackupsError::Damaged { what });
    }
    let fits = |manifest: &Manifest| {
        manifest.position == found.position.0
            && manifest.chain == found.chain
            && found.store == Some(manifest.store)
    };
    match place.manifest.as_ref().is_none_or(fits) {
        true => Ok(found.position.0),
        false => Err(BackupsError::Damaged { what: journal.display().to_string() }),
    }
}

/// Moves everything to its place, the key last: without it the folder is no hub's.
fn settle(dir: &Path, unfinished: &Path, keys: &Keys) -> Result<(), BackupsError> {
    let (made, store) = (unfinished.join(STORE), dir.join(STORE));
    if made.exists() {
        files::sync_folder(&made)?;
        fs::rename(&made, &store).map_err(file_error("rename", &made))?;
    }
    if let Some(next) = &keys.next {
        next.write(&dir.join(NEXT_FILE))?;
    }
    keys.present.write(&dir.join(KEY_FILE))?;
    files::sync_folder(dir)?;
    let from: PathBuf = unfinished.join(FROM);
    fs::remove_file(&from).map_err(file_error("remove", &from))?;
    fs::remove_dir(unfinished).map_err(file_error("remove", unfinished))?;
    files::sync_folder(dir)
}
