//! Tells, before anything in a store's folder is touched, whether a later program has been at it.
//!
//! A later program may write what this one does not understand: another format of the journal, or records
//! that mean more than it knows. It must leave those alone, down to the last byte, rather than take them for
//! damaged. What the journal's headers do not say, the note kept here does: the highest version of the
//! records' meaning that the store was ever opened with.

use std::io;
use std::path::{Path, PathBuf};

use super::entry::{Entry, HeaderFault, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::files::{Files, checked, failed, read_if_there, replace, unchecked};
use super::scan::segment_files;
use super::sealing::Sealing;
use super::segments::newer;
use super::{Project, StoreError};

const NAME: &str = "projection";
const FIRST_LINE: &str = "bienban projection 1";

/// The small notes in a store's folder whose first line ends in the number of their format.
const NOTES: [&str; 4] = ["identity", "closed", "reached", NAME];
/// The number that all of them have so far.
const NOTE_FORMAT: u32 = 1;

/// Folders in which segments may lie, the later two while a repair or a sealing is under way.
const JOURNALS: [&str; 3] = ["journal", "journal.new", "journal.old"];

/// Fails when a later program wrote in the folder, and returns the version of the records' meaning that was
/// noted there. Where none was, because an earlier program kept no note or the journal alone was put back,
/// every record is looked at, as far as its key is at hand. Writes nothing.
pub(super) fn refuse(
    files: &dyn Files,
    root: &Path,
    project: &dyn Project,
    sealing: Option<&dyn Sealing>,
) -> Result<Option<u32>, StoreError> {
    for name in NOTES {
        refuse_note(files, &root.join(name))?;
    }
    let noted = read(files, root)?;
    if let Some(found) = noted
        && found > project.version()
    {
        let (what, known) = (format!("what {} says", root.display()), project.version());
        return Err(StoreError::Newer { what, found, known });
    }
    for folder in JOURNALS.map(|name| root.join(name)) {
        for (_, path) in segment_files(files, &folder)? {
            let bytes = match files.read_start(&path, SEGMENT_HEADER_BYTES) {
                Ok((bytes, _)) => bytes,
                // Another opener has just put it elsewhere; this one waits for it, and looks again then.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(failed("read", &path, source)),
            };
            if let Err(HeaderFault::Newer(found)) = SegmentHeader::decode(&bytes) {
                return Err(newer(&path, found));
            }
            if noted.is_none()
                && let Some(segment) = read_if_there(files, &path)?
            {
                refuse_records(&segment, project, sealing)?;
            }
        }
    }
    Ok(noted)
}

/// A first line that reads like ours with a higher number at its end is a later program's, unless the note is
/// whole with our number in its place: then a bit of it was flipped. Anything else is left to who reads the note.
fn refuse_note(files: &dyn Files, path: &Path) -> Result<(), StoreError> {
    let Some(bytes) = read_if_there(files, path)? else { return Ok(()) };
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let words = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("bienban "));
    let format = words.and_then(|words| words.split_once(' ')?.1.parse::<u32>().ok());
    match format {
        Some(found) if found > NOTE_FORMAT && !is_ours_damaged(&bytes, line, found) => {
            let what = path.display().to_string();
            Err(StoreError::Newer { what, found, known: NOTE_FORMAT })
        }
        _ => Ok(()),
    }
}

/// Returns which of the notes that only say how far the store was are there and cannot be read. Nothing is lost
/// with them: they are written anew. The other two are looked at by who reads them.
pub(super) fn damaged_notes(files: &dyn Files, root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for path in [root.join("reached"), path(root)] {
        if read_if_there(files, &path)?.is_some_and(|note| unchecked(&note).is_none()) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether a note is whole once the number at the end of its first line is ours.
fn is_ours_damaged(note: &[u8], line: &[u8], found: u32) -> bool {
    let digits = found.to_string().len();
    let Some((name, _)) = line.split_at_checked(line.len().saturating_sub(digits)) else {
        return false;
    };
    let rest = note.get(line.len()..).unwrap_or_default();
    unchecked(&[name, NOTE_FORMAT.to_string().as_bytes(), rest].concat()).is_some()
}

/// Asks of each whole record at the beginning of a segment whether it is known. What is behind a damaged
/// one is found when the journal is repaired, and refused then.
fn refuse_records(
    segment: &[u8],
    project: &dyn Project,
    sealing: Option<&dyn Sealing>,
) -> Result<(), StoreError> {
    let Ok(header) = SegmentHeader::decode(segment) else { return Ok(()) };
    let mut rest = segment.get(SEGMENT_HEADER_BYTES..).unwrap_or_default();
    while let Some(entry) = Entry::decode(rest) {
        // One whose seal does not open here is another's to judge: who holds the key.
        if !entry.lost
            && let Ok(record) = entry.plain(header.store, sealing)
        {
            project.expect_known(entry.position, &record)?;
        }
        rest = &rest[entry.len()..];
    }
    Ok(())
}

/// Notes the version of the records' meaning before the first record of that meaning is written. Does
/// nothing where as much was noted.
pub(super) fn note(
    files: &dyn Files,
    root: &Path,
    noted: Option<u32>,
    project: &dyn Project,
) -> Result<(), StoreError> {
    if noted >= Some(project.version()) {
        return Ok(());
    }
    let text = format!("{FIRST_LINE}\nversion {}\n", project.version());
    replace(files, &path(root), checked(text).as_bytes())
}

fn read(files: &dyn Files, root: &Path) -> Result<Option<u32>, StoreError> {
    Ok(read_if_there(files, &path(root))?.as_deref().and_then(parse))
}

/// A note that cannot be read says nothing: all records are looked at, and it is written anew.
fn parse(bytes: &[u8]) -> Option<u32> {
    let mut lines = unchecked(bytes)?.lines();
    (lines.next()? == FIRST_LINE).then_some(())?;
    lines.next()?.strip_prefix("version ")?.parse().ok()
}

fn path(root: &Path) -> PathBuf {
    root.join(NAME)
}
