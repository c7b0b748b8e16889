//! Checks a backup, or the folder of a hub that does not run, with no network. What is checked stays as it is:
//! the work is done on a copy of it, as a restored hub would begin.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::clock;
use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::replica::{Projection, check_control, check_log, check_told};
use bienban_core::store::{
    Damage, DiskStore, Options, Position, RealFiles, Store, StoreError, Survey,
    make_private_folder, survey,
};

use super::error::{BackupsError, file_error};
use super::files::{self, Hold, Lies};
use super::keys::{self, Key};
use super::manifest::{self, Manifest, Part};
use super::source::{Names, Reading, number, segment_name};
use super::{JOURNAL, NEW_DISK, SEGMENT, STORE, Told, UNFINISHED, target};
use crate::hub;

/// What names a store, in its folder: no backup has it.
const IDENTITY: &str = "identity";

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
    /// Beside a backup there are files of a hub's second disk, which were not looked at.
    pub second_disk_beside: bool,
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
    /// A part of the journal does not continue the part before, or that is not there.
    Header {
        /// Its name in the folder.
        path: String,
    },
    /// A record in a part of the journal cannot be read.
    Record {
        /// The name of the part in the folder.
        path: String,
        /// The last whole record before it.
        after: u64,
    },
    /// The hub's keys are being exchanged for others.
    Keys,
    /// A second disk that takes the place of another is not copied whole yet.
    Unfilled,
    /// Anything else, as the store said it, in English.
    Said {
        /// What.
        what: String,
    },
}

/// A folder with a journal.
pub(super) struct Place {
    pub(super) of: Of,
    /// What was given.
    path: PathBuf,
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
        let (folder, name) = match files::what_lies(path)? {
            Lies::Nothing => return Err(BackupsError::NoBackup { path: path.to_owned() }),
            Lies::File if !Manifest::is_at(path)? => {
                return Err(BackupsError::NoManifest { path: path.to_owned() });
            }
            Lies::File => (files::folder_of(path), path.file_name().unwrap_or_default().to_owned()),
            Lies::Folder => (path, manifest::NAME.into()),
        };
        if files::what_lies(&folder.join(UNFINISHED))? == Lies::Folder {
            return Err(BackupsError::UnfinishedRestore { path: path.to_owned() });
        }
        let held = match Hold::to_read(folder) {
            // A store has a lock of that name too.
            Err(BackupsError::Busy { path }) if path.join(IDENTITY).exists() => {
                return Err(BackupsError::Running { path });
            }
            held => held?,
        };
        if let Some(manifest) = Manifest::read(&folder.join(name))? {
            let at = |(number, part): &(u64, Part)| (*number, folder.join(&part.path));
            let segments = manifest.segments.iter().map(at).collect();
            let (of, folder, manifest) = (Of::Backup, folder.to_owned(), Some(manifest));
            let path = path.to_owned();
            return Ok(Self { of, path, folder, manifest, segments, dir: None, _hold: Some(held) });
        }
        drop(held);
        Self::without_manifest(path)
    }

    /// Finds out what a folder is that holds no backup.
    fn without_manifest(path: &Path) -> Result<Self, BackupsError> {
        for (of, journal, dir) in [
            (Of::Hub, path.join(STORE).join(JOURNAL), Some(path)),
            (Of::Hub, path.join(JOURNAL), None),
            (Of::SecondDisk, path.to_owned(), None),
        ] {
            let segments = match files::what_lies(&journal)? {
                Lies::Folder => listed(&journal)?,
                Lies::File | Lies::Nothing => Vec::new(),
            };
            if segments.is_empty() {
                continue;
            }
            if of == Of::Hub && DiskStore::is_open(files::folder_of(&journal)) {
                return Err(BackupsError::Running { path: path.to_owned() });
            }
            if of == Of::Hub && dir.is_none() && began_as_backup(&segments) {
                return Err(BackupsError::Unfinished { path: path.to_owned() });
            }
            expect_one_each(&segments)?;
            let (path, dir) = (path.to_owned(), dir.map(Path::to_owned));
            let folder = journal;
            return Ok(Self { of, path, folder, manifest: None, segments, dir, _hold: None });
        }
        if path.join(JOURNAL).is_dir() {
            return Err(BackupsError::Unfinished { path: path.to_owned() });
        }
        Err(BackupsError::NoBackup { path: path.to_owned() })
    }

    /// Reads every file, and the journal as a store does. What is not there is no segment from then on.
    pub(super) fn examine(&mut self, told: Told<'_>) -> Result<Found, BackupsError> {
        let (files, bytes, mut problems) = self.compare(told)?;
        self.segments.retain(|(_, path)| path.exists());
        let read = Reading::only(Names::Of(self.segments.clone()));
        let survey = survey(&read, &self.folder, Position(0))?;
        if survey.sealed {
            return Err(BackupsError::Sealed { path: self.path.clone() });
        }
        let named = |damage| Problem::of(damage, |number| self.name_of(number));
        problems.extend(survey.damage.map(named));
        let ends = |manifest: &Manifest| {
            manifest.position == survey.position.0 && manifest.chain == survey.chain
        };
        // The hub's key has nothing to do with where its journal ends.
        let whole = problems.iter().all(Problem::is_of_key);
        if whole && self.manifest.as_ref().is_some_and(|manifest| !ends(manifest)) {
            problems.push(Problem::OtherEnd);
        }
        Ok(Found { files, bytes, problems, survey })
    }

    /// Returns what a segment is called in the folder.
    pub(super) fn name_of(&self, number: u64) -> String {
        let file = self.segments.iter().find(|(of, _)| *of == number);
        let path = file.and_then(|(_, path)| path.strip_prefix(&self.folder).ok());
        path.map_or_else(|| segment_name(number), |path| path.display().to_string())
    }

    /// Opens a store that is made of a copy of it, in the folder for temporary files, as a hub would that was
    /// restored from it. Nothing of what it says names that copy.
    fn open_copy<T>(
        &self,
        work: impl FnOnce(&DiskStore) -> Result<T, BackupsError>,
    ) -> Result<T, BackupsError> {
        self.open_copy_with(self.options(), work)
    }

    fn open_copy_with<T>(
        &self,
        options: Options,
        work: impl FnOnce(&DiskStore) -> Result<T, BackupsError>,
    ) -> Result<T, BackupsError> {
        let temporary = std::env::temp_dir();
        let scratch = tempfile::tempdir().map_err(file_error("make", &temporary))?;
        self.lay_out(scratch.path())?;
        let reaches = options.reaches;
        let opened = || {
            let store = DiskStore::open(scratch.path(), Arc::new(Projection), options)?;
            // One that is not repaired says of nothing that it is lost.
            expect_mended(&store, scratch.path(), reaches)?;
            work(&store)
        };
        opened().map_err(|error| of_original(error, scratch.path(), &self.path))
    }

    /// How a store is opened that is made of it: up to where the manifest says that it came.
    pub(super) fn options(&self) -> Options {
        let reaches = self.manifest.as_ref().map_or(0, |manifest| manifest.position);
        Options { reaches: Position(reaches), ..Options::new(Arc::new(|| clock::now().0)) }
    }

    /// Returns how many records a store made of it lacks.
    pub(super) fn lost(&self) -> Result<u64, BackupsError> {
        self.lost_with(self.options())
    }

    /// As [`Self::lost`], with a store that is opened so.
    pub(super) fn lost_with(&self, options: Options) -> Result<u64, BackupsError> {
        self.open_copy_with(options, |store| Ok(store.opened().lost.len() as u64))
    }

    /// Copies the journal into a store's folder, that may be opened then.
    fn lay_out(&self, store: &Path) -> Result<(), BackupsError> {
        let journal = store.join(JOURNAL);
        make_private_folder(&journal).map_err(file_error("make", &journal))?;
        for (number, path) in &self.segments {
            let to = journal.join(segment_name(*number));
            fs::copy(path, &to).map_err(file_error("copy", path))?;
        }
        Ok(())
    }

    /// Compares every file with what the manifest says of it.
    fn compare(&self, told: Told<'_>) -> Result<(u64, u64, Vec<Problem>), BackupsError> {
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

/// Fails where the journal of a store that was opened could not be repaired, for want of room, and says why: it was
/// opened for reading then.
pub(super) fn expect_mended(
    store: &DiskStore,
    folder: &Path,
    reaches: Position,
) -> Result<(), BackupsError> {
    let found = survey(&RealFiles, &folder.join(JOURNAL), Position(0))?;
    let mended = found.damage.is_none() && found.position >= reaches && found.store.is_some();
    if mended { Ok(()) } else { Ok(store.reopen()?) }
}

/// What reading every file of a place found.
pub(super) struct Found {
    files: u64,
    bytes: u64,
    pub(super) problems: Vec<Problem>,
    survey: Survey,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "{path} is missing"),
            Self::Changed { path } => write!(f, "{path} is not what was written"),
            Self::OtherEnd => f.write_str("the journal ends elsewhere than the backup says"),
            Self::Header { path } => write!(f, "{path} does not continue the file before"),
            Self::Record { path, after } => {
                write!(f, "{path}: the record after {after} cannot be read")
            }
            Self::Keys => f.write_str("the hub's keys are being exchanged"),
            Self::Unfilled => write!(f, "{NEW_DISK} is still there: not all is copied yet"),
            Self::Said { what } => f.write_str(what),
        }
    }
}

impl Problem {
    /// Says what is damaged in a journal whose segments are called so.
    pub(super) fn of(damage: Damage, named: impl Fn(u64) -> String) -> Self {
        match damage {
            Damage::Header { segment } => Self::Header { path: named(segment) },
            Damage::Record { segment, after } => {
                Self::Record { path: named(segment), after: after.0 }
            }
        }
    }

    /// Whether it is about a file of the hub's keys.
    pub(super) fn is_of_key(&self) -> bool {
        self.path().is_some_and(|path| path.starts_with(keys::FOLDER))
    }

    /// Returns the file that is damaged, where it is one.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            Self::Missing { path }
            | Self::Changed { path }
            | Self::Header { path }
            | Self::Record { path, .. } => Some(path),
            Self::OtherEnd | Self::Keys | Self::Unfilled | Self::Said { .. } => None,
        }
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

/// Fails where two files have one number: only one of them would be read, and put back.
fn expect_one_each(segments: &[(u64, PathBuf)]) -> Result<(), BackupsError> {
    let mut pairs = segments.iter().zip(segments.iter().skip(1));
    match pairs.find(|((one, _), (other, _))| one == other) {
        Some(((_, one), (_, other))) => {
            Err(BackupsError::SameNumber { one: one.clone(), other: other.clone() })
        }
        None => Ok(()),
    }
}

/// Checks a folder: a backup (or one manifest in it), a hub's that does not run, its store's, or what a hub
/// copied to its second disk.
///
/// # Errors
///
/// Returns [`BackupsError`] where the check cannot be made; what is damaged is in its result.
pub fn check(path: &Path, told: Told<'_>) -> Result<Checked, BackupsError> {
    let mut place = Place::find(path)?;
    let Found { files, bytes, problems, survey: found } = place.examine(told)?;
    let manifest = place.manifest.as_ref();
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
        second_disk_beside: manifest.is_some() && target::has_second_disk(&place.folder)?,
    };
    if let Some(dir) = &place.dir {
        let key = Key::read(&dir.join(hub::KEY_FILE))?;
        (checked.keys, checked.hub) = (key.is_some(), key.map(|key| key.device));
    }
    read_copy(&place, &mut checked)?;
    if place.of == Of::SecondDisk && place.folder.join(NEW_DISK).is_file() {
        checked.problems.push(Problem::Unfilled);
    }
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

/// Returns how many bytes follow the last whole commit. A backup has none: what its manifest names was whole.
fn torn(place: &Place, found: &Survey) -> Result<u64, BackupsError> {
    if place.manifest.is_some() {
        return Ok(0);
    }
    let (Some((number, path)), None) = (place.segments.last(), &found.damage) else { return Ok(0) };
    let length = fs::metadata(path).map_err(file_error("read", path))?.len();
    let counts = if found.segments.last() == Some(number) { found.last_bytes } else { 0 };
    Ok(length.saturating_sub(counts))
}

/// Reads all of a store that is made of a copy.
fn read_copy(place: &Place, checked: &mut Checked) -> Result<(), BackupsError> {
    let said = |what: String| Problem::Said { what };
    let read = place.open_copy(|store| {
        checked.lost = store.opened().lost.len() as u64;
        let verified = store.verify()?;
        (checked.records, checked.rows) = (verified.records, verified.rows);
        checked.problems.extend(verified.problems.into_iter().map(said));
        let log = check_log(store, |_, _, _| ())?;
        checked.leaves = log.tree.size();
        checked.problems.extend(log.problems.into_iter().map(said));
        let control = check_control(store)?;
        checked.decisions = control.entries;
        checked.problems.extend(control.problems.into_iter().map(said));
        checked.problems.extend(check_told(store)?.problems.into_iter().map(said));
        Ok(())
    });
    match read {
        Err(BackupsError::Store(
            error @ (StoreError::Damaged { .. } | StoreError::Meaningless { .. }),
        )) => {
            checked.problems.push(said(error.to_string()));
            Ok(())
        }
        read => read,
    }
}

/// Says of what was given what the store said of its copy.
fn of_original(error: BackupsError, copy: &Path, path: &Path) -> BackupsError {
    let (copy, shown) = (copy.display().to_string(), path.display().to_string());
    let said = |what: String| what.replace(&copy, &shown);
    match error {
        BackupsError::Store(StoreError::Damaged { what }) => {
            StoreError::Damaged { what: said(what) }.into()
        }
        BackupsError::Store(StoreError::Newer { what, found, known }) => {
            StoreError::Newer { what: said(what), found, known }.into()
        }
        BackupsError::Store(StoreError::Sealed { .. }) => {
            BackupsError::Sealed { path: path.to_owned() }
        }
        other => other,
    }
}
