//! Puts a backup back: into a folder of its own, that a hub begins a new life from.
//!
//! All of it is read first: what is damaged is refused, and nothing is left of that, unless it was said that what
//! is whole is wanted. Then all is made in a folder inside the new one, checked there, and moved to its places
//! last, the key at the very end. Until that is done no hub starts there; a run that was cut off is gone on with,
//! and that of another backup begun anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::replica::{Projection, ToldCheck, check_told};
use bienban_core::store::{DiskStore, Options, Position, RealFiles, Store, parts_ways, survey};

use super::checking::{Of, Place, Problem, expect_mended};
use super::error::{BackupsError, file_error};
use super::files::{self, Lies};
use super::keys::{Key, Keys};
use super::manifest::Manifest;
use super::source::segment_name;
use super::{JOURNAL, STORE, Told, UNFINISHED, target};
use crate::hub::{KEY_FILE, NEXT_FILE};

/// Says in the unfinished folder which backup it is made from.
const FROM: &str = "from";

/// How a journal's folder is called that a repair set aside, before the time.
const DAMAGED: &str = "journal-damaged-";

/// What opening a store leaves beside its journal and what it set aside. A hub that is put back begins without it,
/// and so notices that it is a copy.
const OF_AN_OPENING: [&str; 7] =
    ["lock", "holder", "identity", "closed", "reached", "reserve", "projection"];

/// What opening a store leaves beside that as a folder.
const INDEX: &str = "index";

/// What to put back.
#[derive(Debug, Clone)]
pub struct PutBack {
    /// The backup, one manifest in it, or what a hub copied to its second disk.
    pub from: PathBuf,
    /// The folder for the hub: new or empty, or one in which this was begun.
    pub dir: PathBuf,
    /// A folder with the hub's key files, where the backup holds none; it may be the backup's own.
    pub keys: Option<PathBuf>,
    /// Put back what is whole of a damaged one too. Records that are gone are marked as lost.
    pub damaged: bool,
}

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
    /// Records that are marked as lost because the backup is damaged, those that the hub had lost before included.
    pub lost: u64,
    /// What is damaged in the backup.
    pub problems: Vec<Problem>,
    /// Where the journal lies as the damaged backup holds it.
    pub kept: Option<PathBuf>,
    /// Beside the backup there are files of a hub's second disk, of which nothing was put back.
    pub second_disk_beside: bool,
}

/// Returns whether a backup is being put back into a folder, or was and not to the end: no hub may start there.
#[must_use]
pub fn is_unfinished(dir: &Path) -> bool {
    dir.join(UNFINISHED).exists()
}

/// Makes a hub's folder from a backup, or from what a hub copied to its second disk. The hub takes a new epoch at
/// its first start by itself.
///
/// # Errors
///
/// Returns [`BackupsError::Taken`] and [`BackupsError::NotEmpty`] where the folder holds something,
/// [`BackupsError::DamagedBackup`] where the backup is not whole and that was not said to be wanted, and
/// [`BackupsError::NoKey`], [`BackupsError::DamagedKey`] and [`BackupsError::OtherKey`] where the hub's key is
/// missing. Nothing that was there is changed then, and nothing left.
pub fn restore(wanted: &PutBack, told: Told<'_>) -> Result<Restored, BackupsError> {
    let PutBack { from, dir, .. } = wanted;
    let mut place = Place::find(from)?;
    if place.of == Of::Hub {
        return Err(BackupsError::HubFolder { path: from.clone() });
    }
    target::expect_for_restore(dir)?;
    let keys = keys_for(&place, wanted.keys.as_deref())?;
    let mut problems = place.examine(told)?.problems;
    // The keys are whole, or were given.
    problems.retain(|problem| !problem.is_of_key());
    let mends = !problems.is_empty();
    if mends {
        expect_one_past(&place)?;
    }
    if mends && !wanted.damaged {
        let (files, lost) = (damaged_files(&place, &problems), place.lost()?);
        return Err(BackupsError::DamagedBackup { files, lost });
    }
    let new = New::begin(dir, &name_of(&place, &keys, mends))?;
    let made = new.fill(&place, (mends, wanted.damaged), told);
    if let Err(BackupsError::Damaged { .. } | BackupsError::DamagedBackup { .. }) = &made {
        // It changed since it was read a moment ago, or tells no more what it left out.
        new.take_back()?;
    }
    let Filled { files, bytes, position, lost, untold } = made?;
    problems.extend(untold.into_iter().map(|what| Problem::Said { what }));
    let hub = keys.present.device;
    settle(dir, &new.unfinished, &keys)?;
    let store = dir.join(STORE);
    let kept = files::names(&store)?.into_iter().find(|name| name.starts_with(DAMAGED));
    Ok(Restored {
        hub,
        position,
        at: place.manifest.as_ref().map(|manifest| manifest.at),
        files,
        bytes,
        lost,
        problems,
        kept: kept.map(|name| store.join(name)),
        second_disk_beside: place.manifest.is_some() && target::has_second_disk(&place.folder)?,
    })
}

/// Fails where files that are whole do not continue each other and no manifest says which belong together: those of a
/// hub before and after it was set back. To put one of both back would leave out the other without a word. What is
/// damaged before them, or in others, hides them not.
fn expect_one_past(place: &Place) -> Result<(), BackupsError> {
    if place.manifest.is_some() {
        return Ok(());
    }
    for ((number, file), (next, behind)) in place.segments.iter().zip(place.segments.iter().skip(1))
    {
        let read = |path| Ok::<_, BackupsError>(files::read_if_there(path)?.unwrap_or_default());
        if number + 1 == *next && parts_ways(*number, read(file)?, &read(behind)?) {
            return Err(BackupsError::TwoPasts { path: behind.clone() });
        }
    }
    Ok(())
}

/// Returns the names of the files that are damaged, each once.
fn damaged_files(place: &Place, problems: &[Problem]) -> Vec<String> {
    let mut names: Vec<String> =
        problems.iter().filter_map(Problem::path).map(str::to_owned).collect();
    names.dedup();
    if names.is_empty() {
        names.push(place.folder.display().to_string());
    }
    names
}

/// What was made of a journal.
struct Filled {
    /// Its files, and their length together.
    files: u64,
    /// See there.
    bytes: u64,
    /// Where it ends.
    position: u64,
    /// Records that are marked as lost, where it was mended.
    lost: u64,
    /// What was written shorter and cannot be told again, in English.
    untold: Vec<String>,
}

/// A hub that is being made in a folder.
struct New<'n> {
    dir: &'n Path,
    unfinished: PathBuf,
    /// Nothing of it was there before.
    fresh: bool,
    /// The folder was not there before.
    made_dir: bool,
}

impl<'n> New<'n> {
    /// Begins, goes on with the same, or begins anew where it was another backup's.
    fn begin(dir: &'n Path, name: &str) -> Result<Self, BackupsError> {
        let unfinished = dir.join(UNFINISHED);
        let (fresh, made_dir) = (!unfinished.exists(), !dir.exists());
        let from = unfinished.join(FROM);
        if files::read_if_there(&from)?.is_some_and(|other| other != name.as_bytes()) {
            if dir.join(STORE).exists() {
                // Only what lies in the unfinished folder is known to be nobody's.
                return Err(BackupsError::OtherRestore { path: dir.to_owned() });
            }
            fs::remove_dir_all(&unfinished).map_err(file_error("remove", &unfinished))?;
        }
        files::make_folder(&unfinished)?;
        if !from.exists() {
            files::replace(&from, name.as_bytes())?;
        }
        Ok(Self { dir, unfinished, fresh, made_dir })
    }

    /// Copies the journal, makes it whole if it is to be mended, and reads it as a store does. What was written
    /// shorter must be told again, unless what is `damaged` is wanted too.
    fn fill(
        &self,
        place: &Place,
        (mends, damaged): (bool, bool),
        told: Told<'_>,
    ) -> Result<Filled, BackupsError> {
        let (made, store) = (self.unfinished.join(STORE), self.dir.join(STORE));
        // Cut off between the last steps, the store is in its place already.
        let is_moved = store.exists() && !made.exists();
        let journal = if is_moved { store.join(JOURNAL) } else { made.join(JOURNAL) };
        let mut lost = 0;
        if mends && !is_moved {
            if made.exists() {
                // What a repair that was cut off left cannot be told from what was copied.
                fs::remove_dir_all(&made).map_err(file_error("remove", &made))?;
            }
            copy(place, &journal, told, false)?;
            lost = mend(place, &made)?;
        } else if mends {
            lost = place.lost()?;
        } else {
            copy(place, &journal, told, true)?;
        }
        let (position, shortened) = expect_whole(place, &journal, mends)?;
        let mut untold = Vec::new();
        if shortened && !mends && !is_moved {
            let found = told_again(place, &made)?;
            if found.untold > 0 && !damaged {
                let files = vec![place.folder.display().to_string()];
                return Err(BackupsError::DamagedBackup { files, lost: found.untold });
            }
            untold = found.problems;
        }
        let (mut count, mut bytes) = (0, 0);
        for name in files::names(&journal)? {
            let path = journal.join(name);
            count += 1;
            bytes += fs::metadata(&path).map_err(file_error("read", &path))?.len();
        }
        Ok(Filled { files: count, bytes, position, lost, untold })
    }

    /// Removes what was made, unless it was begun before.
    fn take_back(&self) -> Result<(), BackupsError> {
        if !self.fresh {
            return Ok(());
        }
        let (dir, unfinished) = (self.dir, &self.unfinished);
        fs::remove_dir_all(unfinished).map_err(file_error("remove", unfinished))?;
        if self.made_dir {
            fs::remove_dir(dir).map_err(file_error("remove", dir))?;
        }
        Ok(())
    }
}

/// Opens a store once, which repairs its journal: what nobody has any more is marked as lost, and the damaged files
/// are kept beside it. What else an opening leaves goes. Returns how many records are lost.
fn mend(place: &Place, made: &Path) -> Result<u64, BackupsError> {
    let options = Options { index_in_memory: true, ..place.options() };
    let reaches = options.reaches;
    let store = DiskStore::open(made, Arc::new(Projection), options)?;
    expect_mended(&store, made, reaches)?;
    let lost = store.opened().lost.len() as u64;
    store.close()?;
    remove_traces(made)?;
    Ok(lost)
}

/// Opens a store once and tells again what was written shorter in it. The index lies beside the journal meanwhile,
/// where there is room for what is put back, and not in memory.
fn told_again(place: &Place, made: &Path) -> Result<ToldCheck, BackupsError> {
    let store = DiskStore::open(made, Arc::new(Projection), place.options())?;
    let told = check_told(&store)?;
    // Whether its index was flushed does not matter: it goes.
    drop(store);
    remove_traces(made)?;
    Ok(told)
}

/// Removes what opening a store left beside its journal and what was set aside.
fn remove_traces(made: &Path) -> Result<(), BackupsError> {
    for name in OF_AN_OPENING {
        let path = made.join(name);
        if files::what_lies(&path)? == Lies::File {
            fs::remove_file(&path).map_err(file_error("remove", &path))?;
        }
    }
    let index = made.join(INDEX);
    if files::what_lies(&index)? == Lies::Folder {
        fs::remove_dir_all(&index).map_err(file_error("remove", &index))?;
    }
    files::sync_folder(made)
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
        let damaged = || BackupsError::DamagedKey { path: part.path.clone() };
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
fn name_of(place: &Place, keys: &Keys, mends: bool) -> String {
    let name = match &place.manifest {
        Some(manifest) => manifest.name(),
        None => keys.present.device.to_string(),
    };
    if mends { format!("{name} damaged") } else { name }
}

/// Copies the journal, but what is there already from a run before; only what is as it was written, if that
/// is to be.
fn copy(
    place: &Place,
    journal: &Path,
    told: Told<'_>,
    as_written: bool,
) -> Result<(), BackupsError> {
    files::make_folder(journal)?;
    let total = place.segments.len() as u64;
    for (done, (number, path)) in place.segments.iter().enumerate() {
        let said = place.manifest.as_ref().filter(|_| as_written).and_then(|manifest| {
            manifest.segments.iter().find(|(of, _)| of == number).map(|(_, part)| part)
        });
        let to = journal.join(segment_name(*number));
        copy_file(path, &to, said.map(|part| (part.bytes, part.hash)))?;
        told(done as u64 + 1, total);
    }
    files::sync_folder(journal)
}

/// Copies one file, which must be what was `said` of it.
fn copy_file(from: &Path, to: &Path, said: Option<(u64, [u8; 32])>) -> Result<(), BackupsError> {
    if said.is_some() && files::hash(to)? == said {
        return Ok(());
    }
    let damaged = || BackupsError::Damaged { what: from.display().to_string() };
    let bytes = files::read_if_there(from)?.ok_or_else(damaged)?;
    let found = (bytes.len() as u64, *blake3::hash(&bytes).as_bytes());
    if said.is_some_and(|said| said != found) {
        return Err(damaged());
    }
    files::write(to, &bytes)
}

/// Reads what was made as a store does, and returns where it ends (as the manifest says, or where it was mended at
/// least so far), and whether records of it may be shorter than they were written.
fn expect_whole(place: &Place, journal: &Path, mended: bool) -> Result<(u64, bool), BackupsError> {
    let found = survey(&RealFiles, journal, Position(0))?;
    if let Some(damage) = found.damage {
        return Err(BackupsError::Damaged { what: damage.to_string() });
    }
    let fits = |manifest: &Manifest| match mended {
        true => manifest.position <= found.position.0,
        false => {
            manifest.position == found.position.0
                && manifest.chain == found.chain
                && found.store == Some(manifest.store)
        }
    };
    match place.manifest.as_ref().is_none_or(fits) {
        true => Ok((found.position.0, found.shortened)),
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
