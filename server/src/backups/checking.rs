//! Checks a backup, or the folder of a hub that does not run, with no network. What is checked stays as it is:
//! the work is done on a copy of it, as a restored hub would begin.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::clock;
use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::replica::{Projection, check_control, check_log, check_told};
use bienban_core::store::{DiskStore, Options, Position, Store, StoreError, Survey, survey};

use super::error::{BackupsError, file_error};
use super::files::{self, Hold};
use super::keys::Key;
use super::manifest::{self, Manifest, Part};
use super::source::{Names, Reading, number, segment_name};
use super::{JOURNAL, SEGMENT, STORE, Told};
use crate::hub;

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// What [`super::make`] made.
    Backup,
    /// A hub's folder, or its store.
    Hub,
    /// What a running hub copies to its second disk: the journal's files alone.
    SecondDisk,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it is.
    pub of: Of,
    /// The last record up to which everything is whole.
    pub position: u64,
    /// The public half of the hub's key, where the folder says it.
    pub hub: Option<DeviceId>,
    /// It holds the hub's secret keys.
    pub keys: bool,
    /// When the backup was made.
    pub at: Option<Timestamp>,
    /// Files that were read.
    pub files: u64,
    /// Their length together.
    pub bytes: u64,
    /// Records that were read, and rows that follow from them.
    pub records: u64,
    /// See there.
    pub rows: u64,
    /// Leaves of the hub's log.
    pub leaves: u64,
    /// Entries of the control log.
    pub decisions: u64,
    /// Records that a store made from this would lack.
    pub lost: u64,
    /// Bytes at the end that were being written: they belong to no commit, and nobody was told of them.
    pub torn: u64,
    /// What is damaged.
    pub problems: Vec<Problem>,
}

/// Something that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A file is not there.
    Missing {
        /// Its name in the folder.
        path: String,
    },
    /// A file is not what was written.
    Changed {
        /// Its name in the folder.
        path: String,
    },
    /// The journal ends elsewhere than the manifest says.
    OtherEnd,
    /// Anything else, as the store said it, in English.
    Said {
        /// What.
        what: String,
    },
}

/// A folder with a journal.
pub(super) struct Place {
    pub(super) of: Of,
    /// The folder that the parts are named in.
    pub(super) folder: PathBuf,
    pub(super) manifest: Option<Manifest>,
    /// Where each segment lies.
    pub(super) segments: Vec<(u64, PathBuf)>,
    /// The hub's folder, where keys lie beside its store.
    dir: Option<PathBuf>,
    _hold: Option<Hold>,
}

impl Place {
    /// Finds out what a folder is, or one manifest in a backup.
    pub(super) fn find(path: &Path) -> Result<Self, BackupsError> {
        let none = || BackupsError::NoBackup { path: path.to_owned() };
        let (folder, name) = match path.is_file() {
            true => (files::folder_of(path), path.file_name().unwrap_or_default().to_owned()),
            false => (path, manifest::NAME.into()),
        };
        let held = folder.is_dir().then(|| Hold::to_read(folder)).transpose()?;
        if let Some(manifest) = Manifest::read(&folder.join(name))? {
            let at = |(number, part): &(u64, Part)| (*number, folder.join(&part.path));
            let segments = manifest.segments.iter().map(at).collect();
            let (of, folder, manifest) = (Of::Backup, folder.to_owned(), Some(manifest));
            return Ok(Self { of, folder, manifest, segments, dir: None, _hold: held });
        }
        drop(held);
        for (of, journal, dir) in [
            (Of::Hub, path.join(STORE).join(JOURNAL), Some(path)),
            (Of::Hub, path.join(JOURNAL), None),
            (Of::SecondDisk, path.to_owned(), None),
        ] {
            let segments = if journal.is_dir() { listed(&journal)? } else { Vec::new() };
            if segments.is_empty() {
                continue;
            }
            if of == Of::Hub && DiskStore::is_open(files::folder_of(&journal)) {
                return Err(BackupsError::Running { path: path.to_owned() });
            }
            if of == Of::Hub && dir.is_none() && began_as_backup(&segments) {
                return Err(BackupsError::Unfinished { path: path.to_owned() });
            }
            let dir = dir.map(Path::to_owned);
            return Ok(Self { of, folder: journal, manifest: None, segments, dir, _hold: None });
        }
        if path.join(JOURNAL).is_dir() {
            return Err(BackupsError::Unfinished { path: path.to_owned() });
        }
        Err(none())
    }

    /// Reads the journal, and nothing else.
    pub(super) fn survey(&self) -> Result<Survey, BackupsError> {
        let files = Reading::only(Names::Of(self.segments.clone()));
        Ok(survey(&files, &self.folder, Position(0))?)
    }

    /// Copies the journal into a store's folder, that may be opened then.
    fn lay_out(&self, store: &Path) -> Result<(), BackupsError> {
        let journal = store.join(JOURNAL);
        fs::create_dir_all(&journal).map_err(file_error("make", &journal))?;
        for (number, path) in &self.segments {
            let to = journal.join(segment_name(*number));
            fs::copy(path, &to).map_err(file_error("copy", path))?;
        }
        Ok(())
    }

    /// Compares every file with what the manifest says of it.
    pub(super) fn compare(&self, told: Told<'_>) -> Result<(u64, u64, Vec<Problem>), BackupsError> {
        let (mut bytes, mut problems) = (0, Vec::new());
        let Some(manifest) = &self.manifest else {
            for (_, path) in &self.segments {
                bytes += fs::metadata(path).map_err(file_error("read", path))?.len();
            }
            return Ok((self.segments.len() as u64, bytes, problems));
        };
        let total = manifest.parts().count() as u64;
        for (done, part) in manifest.parts().enumerate() {
            let path = part.path.clone();
            match files::hash(&self.folder.join(&path))? {
                None => problems.push(Problem::Missing { path }),
                Some(found) => {
                    bytes += found.0;
                    if found != (part.bytes, part.hash) {
                        problems.push(Problem::Changed { path });
                    }
                }
            }
            told(done as u64 + 1, total);
        }
        Ok((total, bytes, problems))
    }
}

/// Whether the files of a folder have names that only a backup gives them; one of them is whole without a
/// manifest never.
fn began_as_backup(segments: &[(u64, PathBuf)]) -> bool {
    segments
        .iter()
        .any(|(number, path)| path.file_name().is_some_and(|name| *name != *segment_name(*number)))
}

/// Returns the segments of a folder by number.
fn listed(folder: &Path) -> Result<Vec<(u64, PathBuf)>, BackupsError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(file_error("list", folder))? {
        let path = entry.map_err(file_error("list", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem =
            name.strip_suffix(SEGMENT).map(|stem| stem.split_once('-').map_or(stem, |cut| cut.0));
        if let Some(number) = number(&path).or_else(|| stem?.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Checks a folder: a backup (or one manifest in it), a hub's that does not run, its store's, or what a hub
/// copied to its second disk.
///
/// # Errors
///
/// Returns [`BackupsError`] where the check cannot be made; what is damaged is in its result.
pub fn check(path: &Path, told: Told<'_>) -> Result<Checked, BackupsError> {
    let place = Place::find(path)?;
    let (files, bytes, mut problems) = place.compare(told)?;
    // What is missing altogether is not read; the journal ends before it.
    let there = place.segments.iter().filter(|(_, path)| path.exists()).cloned().collect();
    let place = Place { segments: there, ..place };
    let found = place.survey()?;
    problems.extend(found.damage.clone().map(|what| Problem::Said { what }));
    let manifest = place.manifest.as_ref();
    let ends = |manifest: &Manifest| {
        manifest.position == found.position.0 && manifest.chain == found.chain
    };
    if problems.is_empty() && manifest.is_some_and(|manifest| !ends(manifest)) {
        problems.push(Problem::OtherEnd);
    }
    let mut checked = Checked {
        of: place.of,
        position: found.position.0,
        hub: manifest.map(|manifest| manifest.hub),
        keys: manifest.is_some_and(|manifest| !manifest.keys.is_empty()),
        at: manifest.map(|manifest| manifest.at),
        files,
        bytes,
        records: 0,
        rows: 0,
        leaves: 0,
        decisions: 0,
        lost: 0,
        torn: torn(&place, &found)?,
        problems,
    };
    if let Some(dir) = &place.dir {
        let key = Key::read(&dir.join(hub::KEY_FILE))?;
        (checked.keys, checked.hub) = (key.is_some(), key.map(|key| key.device));
    }
    open_copy(&place, &mut checked)?;
    Ok(checked)
}

/// Copies the journal of what [`check`] takes into a store's folder, for whoever opens that.
///
/// # Errors
///
/// As [`check`].
pub fn lay_out(path: &Path, store: &Path) -> Result<(), BackupsError> {
    Place::find(path)?.lay_out(store)
}

/// Returns how many bytes follow the last whole commit.
fn torn(place: &Place, found: &Survey) -> Result<u64, BackupsError> {
    let (Some((number, path)), None) = (place.segments.last(), &found.damage) else { return Ok(0) };
    let length = fs::metadata(path).map_err(file_error("read", path))?.len();
    let counts = if found.segments.last() == Some(number) { found.last_bytes } else { 0 };
    Ok(length.saturating_sub(counts))
}

/// Opens a store made of a copy, as a hub would that was restored from it, and reads all of it.
fn open_copy(place: &Place, checked: &mut Checked) -> Result<(), BackupsError> {
    let temporary = std::env::temp_dir();
    let scratch = tempfile::tempdir().map_err(file_error("make", &temporary))?;
    place.lay_out(scratch.path())?;
    let options = Options::new(Arc::new(|| clock::now().0));
    let store = match DiskStore::open(scratch.path(), Arc::new(Projection), options) {
        Ok(store) => store,
        Err(error @ (StoreError::Damaged { .. } | StoreError::Meaningless { .. })) => {
            checked.problems.push(Problem::Said { what: error.to_string() });
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    checked.lost = store.opened().lost.len() as u64;
    let said = |what: String| Problem::Said { what };
    let verified = store.verify()?;
    (checked.records, checked.rows) = (verified.records, verified.rows);
    checked.problems.extend(verified.problems.into_iter().map(said));
    let log = check_log(&store, |_, _, _| ())?;
    checked.leaves = log.tree.size();
    checked.problems.extend(log.problems.into_iter().map(said));
    let control = check_control(&store)?;
    checked.decisions = control.entries;
    checked.problems.extend(control.problems.into_iter().map(said));
    checked.problems.extend(check_told(&store)?.problems.into_iter().map(said));
    // It is thrown away at once: nobody needs to know how it was closed.
    drop(store);
    Ok(())
}
