//! Makes a backup beside the running hub, or goes on with one. Nothing of the hub is locked or changed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bienban_core::clock;
use bienban_core::model::{DeviceId, Timestamp};
use bienban_core::replica::says_the_same;
use bienban_core::store::{
    Position, StoreError, Survey, is_shortened_from, store_of_segment, survey,
};

use super::checking::Problem;
use super::error::{BackupsError, file_error};
use super::files::{self, Hold, Lies};
use super::keys::{self, Keys};
use super::manifest::{self, Manifest, Part};
use super::source::{Names, Reading, segment_name};
use super::{JOURNAL, SEGMENT, STORE, Told, UNFINISHED, target};

/// How often the journal is read again where files of it were exchanged while it was read: a hub exchanges
/// few of them, and seldom.
const TRIES: u32 = 5;

/// How long to wait before that.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(300);

/// What to make.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The hub's folder.
    pub hub: PathBuf,
    /// The backup's folder; made if it is not there.
    pub to: PathBuf,
    /// Leave the hub's secret keys out.
    pub without_keys: bool,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The public half of the hub's key.
    pub hub: DeviceId,
    /// When.
    pub at: Timestamp,
    /// The last record in it.
    pub position: u64,
    /// Files that it is made of, and their length together.
    pub files: u64,
    /// See there.
    pub bytes: u64,
    /// Files that were copied now; the others were there and were read again.
    pub copied: u64,
    /// Their length together.
    pub copied_bytes: u64,
    /// Files that no backup in the folder needs any more, and that were removed.
    pub removed: u64,
    /// It holds the hub's secret keys.
    pub keys: bool,
    /// What was backed up before is not the beginning of this: it was kept under this name.
    pub set_aside: Option<PathBuf>,
    /// Manifests that were set aside and cannot be read: what was written before them stays until they are removed.
    pub unreadable: Vec<PathBuf>,
}

/// Copies what is new, reads back all of the backup, and exchanges its manifest last. What was cut off before
/// is gone on with.
///
/// # Errors
///
/// Returns [`BackupsError`]; the backup that was there before is whole then.
pub fn make(wanted: &Wanted, told: Told<'_>) -> Result<Made, BackupsError> {
    let Wanted { hub, to, .. } = wanted;
    let source = hub.join(STORE).join(JOURNAL);
    expect_hub(hub, &source)?;
    target::expect_for_backup(to, hub, &source)?;
    files::make_folder(to)?;
    let _hold = Hold::to_write(to)?;
    files::make_folder(&to.join(JOURNAL))?;
    let before = match Manifest::read(&to.join(manifest::NAME)) {
        // What it named cannot be known: it is kept for people, and its files by what follows.
        Err(BackupsError::Manifest { .. }) => None,
        read => read?,
    };
    let was_damaged = before.is_none() && to.join(manifest::NAME).exists();
    let probe = before.as_ref().map_or(0, |before| before.position);
    let mut copy = Copy { to, taken: Vec::new(), copied: 0, copied_bytes: 0 };
    let (found, keys) = settled(hub, &source, probe, &mut copy, told)?;
    let Copy { taken, mut copied, mut copied_bytes, .. } = copy;
    let store = found.store.ok_or_else(|| BackupsError::NoHub { path: hub.clone() })?;
    let mut parts = Vec::new();
    for key in [Some(&keys.present), keys.next.as_ref()].into_iter().flatten() {
        if !wanted.without_keys {
            let (part, lacked) = key.keep(to)?;
            copied += u64::from(lacked);
            copied_bytes += if lacked { part.bytes } else { 0 };
            parts.push(part);
        }
    }
    files::sync_folder(&to.join(JOURNAL))?;
    let manifest = Manifest {
        store,
        position: found.position.0,
        chain: found.chain,
        at: clock::now(),
        hub: keys.present.device,
        next: keys.next.as_ref().map(|next| next.device),
        segments: taken,
        keys: parts,
    };
    let set_aside = match (&before, was_damaged) {
        (_, true) => Some(put_aside(to, 0)?),
        (Some(before), _) if !continues(to, &found, before, &manifest)? => {
            Some(put_aside(to, before.position)?)
        }
        _ => None,
    };
    manifest.put(to)?;
    let (removed, unreadable) = tidy(to, &manifest)?;
    Ok(Made {
        hub: manifest.hub,
        at: manifest.at,
        position: manifest.position,
        files: manifest.parts().count() as u64,
        bytes: manifest.parts().map(|part| part.bytes).sum(),
        copied,
        copied_bytes,
        removed,
        keys: !manifest.keys.is_empty(),
        set_aside,
        unreadable,
    })
}

/// Fails where a folder is no hub's. One that may not be looked into is told as that.
fn expect_hub(hub: &Path, source: &Path) -> Result<(), BackupsError> {
    if files::what_lies(&hub.join(UNFINISHED))? == Lies::Folder {
        return Err(BackupsError::UnfinishedRestore { path: hub.to_owned() });
    }
    match files::what_lies(source)? {
        Lies::Folder => Ok(()),
        Lies::File | Lies::Nothing => Err(BackupsError::NoHub { path: hub.to_owned() }),
    }
}

/// Returns the store that the first segment of a folder with a whole header names; none where there is none.
pub(crate) fn store_of(journal: &Path) -> Result<Option<[u8; 16]>, BackupsError> {
    for name in files::names(journal)?.into_iter().filter(|name| name.ends_with(SEGMENT)) {
        let path = journal.join(name);
        if let Some(store) = beginning(&path)?.and_then(|bytes| store_of_segment(&bytes)) {
            return Ok(Some(store));
        }
    }
    Ok(None)
}

/// What goes into the backup while the journal is read.
struct Copy<'c> {
    to: &'c Path,
    taken: Vec<(u64, Part)>,
    copied: u64,
    copied_bytes: u64,
}

impl Copy<'_> {
    /// Takes a segment in, unless the backup has these very bytes, which is looked at in its file.
    fn take(&mut self, number: u64, bytes: &[u8]) -> Result<(), BackupsError> {
        let hash = *blake3::hash(bytes).as_bytes();
        let plain = segment_name(number);
        let stem = plain.trim_end_matches(SEGMENT);
        let path = format!("{JOURNAL}/{stem}-{}{SEGMENT}", hex::encode(&hash[..8]));
        let file = self.to.join(&path);
        let length = bytes.len() as u64;
        if files::hash(&file)? != Some((length, hash)) {
            files::write(&file, bytes)?;
            self.copied += 1;
            self.copied_bytes += length;
        }
        self.taken.push((number, Part { path, bytes: length, hash }));
        Ok(())
    }
}

/// Reads and copies the journal until nothing of it, nor the keys, changed meanwhile but by growing.
fn settled(
    hub: &Path,
    source: &Path,
    probe: u64,
    copy: &mut Copy<'_>,
    told: Told<'_>,
) -> Result<(Survey, Keys), BackupsError> {
    let mut problem = Problem::OtherEnd;
    for tried in 0..TRIES {
        if tried > 0 {
            std::thread::sleep(TRY_AGAIN_AFTER);
        }
        let keys = Keys::of(hub)?.ok_or_else(|| BackupsError::NoHub { path: hub.to_owned() })?;
        copy.taken.clear();
        match pass(source, probe, copy, told) {
            Ok(found) => match &found.damage {
                // An announced key is made before the announcement is recorded, and taken before its
                // file is renamed: with the same keys before and after, they fit the journal.
                None if Keys::of(hub)?.as_ref() == Some(&keys) => return Ok((found, keys)),
                None => problem = Problem::Keys,
                Some(damage) => problem = Problem::of(*damage, segment_name),
            },
            Err(error) => problem = Problem::Missing { path: exchanged(error)? },
        }
    }
    Err(BackupsError::Unsettled { problem })
}

/// Returns the file that was gone and had been there, if that is what went wrong.
fn exchanged(error: BackupsError) -> Result<String, BackupsError> {
    match error {
        BackupsError::Store(StoreError::Io { path, source, .. })
            if source.kind() == io::ErrorKind::NotFound =>
        {
            Ok(path)
        }
        BackupsError::File { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Ok(path.display().to_string())
        }
        error => Err(error),
    }
}

/// Reads the journal once and copies what is new.
fn pass(
    source: &Path,
    probe: u64,
    copy: &mut Copy<'_>,
    told: Told<'_>,
) -> Result<Survey, BackupsError> {
    let listed = fs::read_dir(source).map_err(file_error("list", source))?.count() as u64;
    let (mut done, mut failed) = (0, None);
    let passed = |number: u64, bytes: &[u8]| {
        done += 1;
        told(done, listed.max(done));
        copy.take(number, bytes).map_err(|error| {
            let told = io::Error::other(error.to_string());
            failed = Some(error);
            told
        })
    };
    let reading = Reading::new(Names::Own, Box::new(passed));
    let found = survey(&reading, source, Position(probe)).map(|found| {
        let last = found.segments.last().copied();
        (reading.finish(last, found.last_bytes), found)
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let (finished, found) = found?;
    finished.map_err(file_error("copy", source))?;
    if let Some(last) = found.segments.last() {
        // What was read may not have been on the hub's disk yet; from here on it is.
        let path = source.join(segment_name(*last));
        File::open(&path).and_then(|file| file.sync_data()).map_err(file_error("sync", &path))?;
    }
    Ok(found)
}

/// Whether a journal goes on from where a backup ended.
fn continues(
    to: &Path,
    found: &Survey,
    before: &Manifest,
    now: &Manifest,
) -> Result<bool, BackupsError> {
    if found.probed == Some(before.chain) {
        return Ok(true);
    }
    // Within a closed segment that was shortened since, the hashes between records are others; its records say
    // whether it is the same past.
    let (Some((number, old)), true) = (before.segments.last(), found.position.0 > before.position)
    else {
        return Ok(false);
    };
    let Some((_, new)) = now.segments.iter().find(|(of, _)| of == number) else {
        return Ok(false);
    };
    let read = |path: &str| {
        let path = to.join(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error("read", &path)(error)),
        }
    };
    Ok(match (read(&old.path)?, read(&new.path)?) {
        (Some(old), Some(new)) => is_shortened_from(&new, &old, &says_the_same),
        _ => false,
    })
}

/// More bytes than a segment's header has.
const BEGINNING_BYTES: u64 = 512;

/// Returns how a file begins; none where it is not there any more.
fn beginning(path: &Path) -> Result<Option<Vec<u8>>, BackupsError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error("read", path)(error)),
    }
}

/// Keeps the manifest that is there under another name, and so its files. It stays in its place too.
fn put_aside(to: &Path, position: u64) -> Result<PathBuf, BackupsError> {
    let name = format!("{}{position}-{}", manifest::BEFORE, clock::now().0);
    let (from, aside) = (to.join(manifest::NAME), to.join(name));
    let bytes = fs::read(&from).map_err(file_error("read", &from))?;
    files::replace(&aside, &bytes)?;
    Ok(aside)
}

/// Removes what no manifest in the folder names. Returns how many files that were, and the manifests that were set
/// aside and cannot be read.
///
/// What one of those names cannot be known: everything stays that may have been there when it was written.
fn tidy(to: &Path, manifest: &Manifest) -> Result<(u64, Vec<PathBuf>), BackupsError> {
    let mut named: BTreeSet<String> = manifest.parts().map(|part| part.path.clone()).collect();
    let (mut unreadable, mut until) = (Vec::new(), None);
    for path in manifest::set_aside(to)? {
        match Manifest::read(&path) {
            Ok(Some(aside)) => named.extend(aside.parts().map(|part| part.path.clone())),
            Ok(None) => {}
            Err(BackupsError::Manifest { .. }) => {
                until = until.max(Some(written(&path)? + COPIED_WITHIN));
                unreadable.push(path);
            }
            Err(error) => return Err(error),
        }
    }
    let mut removed = 0;
    for (folder, ending) in [(JOURNAL, SEGMENT), (keys::FOLDER, keys::ENDING)] {
        let path = to.join(folder);
        if path.is_dir() {
            let stays = |name: &str| {
                // Of what others put there nothing is known.
                let ours = name.trim_end_matches(".part").ends_with(ending);
                let old = || match until {
                    Some(until) => written(&path.join(name)).map(|written| written <= until),
                    None => Ok(false),
                };
                Ok(!ours || named.contains(&format!("{folder}/{name}")) || old()?)
            };
            removed += files::remove_others(&path, &stays)?;
        }
    }
    Ok((removed, unreadable))
}

/// How much later than a manifest a file of its may seem to have been written: copies of a backup that were made
/// without the times of its files have those of the copying.
const COPIED_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns when a file was written.
fn written(path: &Path) -> Result<SystemTime, BackupsError> {
    fs::metadata(path).and_then(|found| found.modified()).map_err(file_error("read", path))
}
