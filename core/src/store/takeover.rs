//! Tells, before anything is changed, whether the keys given fit a store; and seals what a plain store
//! had set aside.

use std::path::{Path, PathBuf};

use super::StoreError;
use super::entry::{SEGMENT_HEADER_BYTES, SegmentHeader};
use super::files::{Files, failed, list_if_there};
use super::scan::{Finder, segment_files};
use super::sealing::{Sealing, other_key};

/// Bound to what was set aside.
const ASIDE_CONTEXT: &[u8] = b"bienban 2026-11 sealed aside\0";
/// The ending of a file that was sealed where it was set aside: key id, nonce, sealed bytes.
const SEALED_ENDING: &str = ".sealed";

/// How a store's journal lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// All of it is as it is to be, or there is none.
    Fit,
    /// It is to be sealed, and not all of it is.
    Plain,
}

impl Keys {
    /// Reads the headers of all segments. Refuses a store whose key is not at hand, and a plain one where
    /// all of it was sealed already: what is not taken for its own would count as damaged.
    pub(super) fn check(
        files: &dyn Files,
        folder: &Path,
        sealing: Option<&dyn Sealing>,
    ) -> Result<Self, StoreError> {
        let mut keys = Self::Fit;
        let fresh = folder.with_extension("new");
        let folder = if folder.exists() { folder } else { &fresh };
        for (_, path) in segment_files(files, folder)? {
            let start = files.read_start(&path, SEGMENT_HEADER_BYTES);
            let (bytes, _) = start.map_err(|source| failed("read", &path, source))?;
            // A header that cannot be read says nothing; a record that is whole does.
            let key = match SegmentHeader::decode(&bytes) {
                Ok(header) => Some(header.key),
                Err(_) => key_of_records(files, &path)?,
            };
            let what = || path.display().to_string();
            match (key, sealing) {
                (None | Some(0), None) | (None, Some(_)) => {}
                (Some(_), None) => return Err(StoreError::Sealed { what: what() }),
                (Some(0), Some(sealing)) if !sealing.takes_plain() => {
                    return Err(StoreError::Unsealed { what: what() });
                }
                (Some(0), Some(_)) => keys = Self::Plain,
                (Some(key), Some(sealing)) if sealing.holds(key) => {}
                (Some(key), Some(_)) => return Err(other_key(what(), key)),
            }
        }
        Ok(keys)
    }
}

/// Returns the key that seals the first whole record of a file whose header is lost, 0 where it is
/// plain; none where there is no whole record. Half a record's word is not taken: it is damaged itself.
fn key_of_records(files: &dyn Files, path: &Path) -> Result<Option<u32>, StoreError> {
    let bytes = files.read(path).map_err(|source| failed("read", path, source))?;
    let first = Finder::new(None, &bytes).next(0);
    Ok(first.map(|(_, entry)| entry.seal.map_or(0, |seal| seal.key)))
}

/// Seals torn ends and damaged files that a plain store set aside, in place. Nothing of them is lost.
pub(super) fn seal_aside(
    files: &dyn Files,
    root: &Path,
    sealing: &dyn Sealing,
) -> Result<(), StoreError> {
    for name in list_if_there(files, root)? {
        let path = root.join(&name);
        if !(name.contains("-torn-") || name.contains("-damaged-")) {
            continue;
        }
        let inside = if path.is_dir() {
            let names = list_if_there(files, &path)?;
            names.into_iter().map(|name| path.join(name)).collect()
        } else {
            vec![path]
        };
        for file in inside.iter().filter(|file| file.is_file()) {
            seal_file(files, file, sealing)?;
        }
    }
    Ok(())
}

fn seal_file(files: &dyn Files, path: &Path, sealing: &dyn Sealing) -> Result<(), StoreError> {
    let name = path.display().to_string();
    if name.ends_with(SEALED_ENDING) {
        return Ok(());
    }
    let target = PathBuf::from(format!("{name}{SEALED_ENDING}"));
    let plain = files.read(path).map_err(|source| failed("read", path, source))?;
    let key = sealing.key();
    let (nonce, bytes) =
        sealing.seal(key, ASIDE_CONTEXT, &plain).ok_or_else(|| other_key(name, key))?;
    let bytes = [&key.to_le_bytes()[..], &nonce, &bytes].concat();
    let replace = || {
        let mut handle = files.create(&target)?;
        handle.write_at(0, &bytes)?;
        handle.sync()?;
        drop(handle);
        files.sync_folder(target.parent().unwrap_or(&target))?;
        files.remove(path)
    };
    replace().map_err(|source| failed("seal", path, source))
}
