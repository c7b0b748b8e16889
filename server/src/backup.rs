//! The hub's second disk: what the journal holds is copied there, synced and read back, and then said to be
//! there. Nothing of it is guessed: without a folder, or after a failure, nothing is claimed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::clock::{self, Stopwatch};
use bienban_core::replica::{Hub, ReplicaError, says_the_same};
use bienban_core::store::{self, Position, is_shortened_from, private_file, private_folder};
use bienban_core::sync::{BackupCause, BackupFault};
use tokio::sync::watch;
use tokio::task::JoinError;

use crate::backups::{self, BackupsError, NEW_DISK};
use crate::hub::note_closed;

/// How often it is looked whether there is something new: what was merged is on the second disk some
/// seconds later, and an idle hub writes nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often it is looked whether the disk is there, also while nothing is new.
const LOOK_AT_DISK_EVERY: Duration = Duration::from_secs(60);

/// How often a failure that goes on is told in the log again.
const TELL_EVERY: Duration = Duration::from_secs(60 * 60);

/// Bytes copied and compared at once.
const BLOCK_BYTES: usize = 256 << 10;

/// How the names of the journal's files end; the rest of a store's folder is made anew from them.
const SEGMENT: &str = "seg";

/// Why something is not on the second disk.
#[derive(Debug, thiserror::Error)]
enum BackupError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What was read back is not what was written.
    #[error("{path} reads back otherwise than it was written; look at that disk")]
    Otherwise {
        /// The file.
        path: PathBuf,
    },
    /// The journal is not where it is looked for.
    #[error("{path} holds no file of the journal")]
    Nothing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// What was said to be on the second disk is not where it was.
    #[error(
        "{path} does not hold what was copied there: is the second disk mounted? Nothing is copied until it is. If \
         another disk takes its place, make an empty file {NEW_DISK} in that folder"
    )]
    Gone {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be the second disk of this hub.
    #[error("this cannot be the second disk of this hub: {source}")]
    Folder {
        /// Why not.
        source: BackupsError,
    },
    /// It could not be recorded.
    #[error("what was copied could not be recorded")]
    Record {
        /// Why.
        #[from]
        source: ReplicaError,
    },
}

impl BackupError {
    /// Returns what `admin status` is told of it.
    fn fault(&self) -> BackupFault {
        use BackupCause::{Gone, Inside, Nothing, OtherHub, Otherwise, Unfit, Unrecorded};
        match self {
            Self::File { action, path, source }
            | Self::Folder { source: BackupsError::File { action, path, source } } => {
                BackupFault { said: source.to_string(), ..fault(cause_of(action), path) }
            }
            Self::Otherwise { path } => fault(Otherwise, path),
            Self::Nothing { path } => fault(Nothing, path),
            Self::Gone { path } => fault(Gone, path),
            Self::Folder { source: BackupsError::Inside { path } } => fault(Inside, path),
            Self::Folder { source: BackupsError::OtherHub { path } } => fault(OtherHub, path),
            Self::Folder { source } => {
                BackupFault { said: source.to_string(), ..fault(Unfit, Path::new("")) }
            }
            Self::Record { .. } => fault(Unrecorded, Path::new("")),
        }
    }
}

/// Returns which way something failed that was to be done.
fn cause_of(action: &str) -> BackupCause {
    match action {
        "make" => BackupCause::NotMade,
        "read" | "read back" | "list" => BackupCause::NotRead,
        _ => BackupCause::NotWritten,
    }
}

/// Returns a fault of which the system says nothing.
fn fault(cause: BackupCause, path: &Path) -> BackupFault {
    BackupFault { cause, path: path.display().to_string(), said: String::new() }
}

/// Copies what is new until `stop` turns true. Failures are told in the log and by `admin status`, and it is
/// tried again.
pub(crate) async fn mirror(
    hub: Arc<Hub>,
    (journal, folder): (PathBuf, PathBuf),
    mut stop: watch::Receiver<bool>,
) {
    let (mut mirrored, mut told) = (Mirrored::default(), Told::every(TELL_EVERY));
    loop {
        let (copied, from, to) = (hub.clone(), journal.clone(), folder.clone());
        let step = tokio::task::spawn_blocking(move || mirrored.follow(&copied, &from, &to)).await;
        mirrored = mirrored.noted(&hub, step, &mut told);
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// How far the second disk is, as this process knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mirrored {
    /// The folder was looked at.
    begun: bool,
    /// All records up to this one are there. At a start nothing is known: the disk may be another one than before.
    upto: Option<Position>,
    /// When it was last looked whether the disk is there.
    looked: Option<Stopwatch>,
}

impl Mirrored {
    /// Copies what is new, if anything is, and looks now and then whether the disk is there. Copies also what no
    /// phone is told of: the hub's own last records, and the one that says how far this disk is, for which nothing
    /// is recorded again.
    fn follow(mut self, hub: &Hub, journal: &Path, folder: &Path) -> Result<Self, BackupError> {
        // Before the files are looked at: all up to it is in them.
        let now = hub.replica().store().position();
        let mut is_new = self.upto != Some(now);
        if is_new || self.looked.is_none_or(|at| at.elapsed() >= LOOK_AT_DISK_EVERY) {
            backups::expect_for_second_disk(folder, journal).map_err(folder_error)?;
            expect_disk(hub, journal, folder)?;
            self.looked = Some(Stopwatch::start());
            is_new |= folder.join(NEW_DISK).is_file();
        }
        if !self.begun {
            close_to_others(folder)?;
        }
        copy_new(hub, journal, folder, is_new)?;
        Ok(Self { begun: true, upto: Some(now), ..self })
    }

    /// Says in the log and for `admin status` what came of a step. Returns how far the disk is then.
    fn noted(
        self,
        hub: &Hub,
        step: Result<Result<Self, BackupError>, JoinError>,
        told: &mut Told,
    ) -> Self {
        let fault = match step {
            Ok(Ok(now)) => {
                hub.note_backup_works();
                if told.ended() {
                    tracing::info!("copying to the second disk works again");
                }
                return now;
            }
            Ok(Err(error)) => {
                let fault = error.fault();
                if told.is_due(&fault) {
                    tracing::error!(error = %error, "the second disk does not hold what is new");
                }
                fault
            }
            Err(error) => {
                let fault = fault(BackupCause::Stopped, Path::new(""));
                if told.is_due(&fault) {
                    tracing::error!(error = %error, "a copy to the second disk stopped");
                }
                fault
            }
        };
        hub.note_backup_failed(fault, clock::now());
        // Whatever disk comes back, all of it is compared again.
        Self { upto: None, ..self }
    }
}

/// What the log was last told of a failure that goes on: each step finds it anew.
#[derive(Debug)]
struct Told {
    last: Option<(BackupFault, Stopwatch)>,
    every: Duration,
}

impl Told {
    /// Nothing was told yet; what goes on is told again so often.
    fn every(every: Duration) -> Self {
        Self { last: None, every }
    }

    /// Returns whether a failure is to be told: it began, has another cause, or has gone on for long.
    fn is_due(&mut self, fault: &BackupFault) -> bool {
        let goes_on =
            |(before, at): &(BackupFault, Stopwatch)| before == fault && at.elapsed() < self.every;
        let due = !self.last.as_ref().is_some_and(goes_on);
        if due {
            self.last = Some((fault.clone(), Stopwatch::start()));
        }
        due
    }

    /// Returns whether a failure that was told is over.
    fn ended(&mut self) -> bool {
        self.last.take().is_some()
    }
}

/// Copies, syncs and reads back what the journal got since the last time, and records how much of the feed is
/// there; where that is nothing new, only if there is something to copy all the same (`first`).
fn copy_new(hub: &Hub, journal: &Path, folder: &Path, first: bool) -> Result<(), BackupError> {
    // Before the files are looked at: all that it covers is in them.
    let upto = hub.to_back_up()?;
    if upto.is_none() && !first {
        return Ok(());
    }
    expect_disk(hub, journal, folder)?;
    if hub.has_backed_up()? && folder.join(NEW_DISK).is_file() {
        // It takes long, and until it ends what was signed for is not there.
        hub.note_backup_failed(fault(BackupCause::Filling, folder), clock::now());
    }
    let (names, staged) = copy_files(journal, folder)?;
    sync_folder(folder)?;
    for (to, fresh) in &staged {
        fs::rename(fresh, to).map_err(file_error("rename", to))?;
    }
    settle(&names, folder)?;
    sync_folder(folder)?;
    if let Some(upto) = upto {
        hub.backed_up(upto, clock::now())?;
    }
    Ok(())
}

/// Fails where the hub has ever said, also before it was put back, that something is on its second disk and the
/// journal does not begin in the folder: that disk is not there, and what lies under its mount point is no second
/// disk. Else makes the folder.
fn expect_disk(hub: &Hub, journal: &Path, folder: &Path) -> Result<(), BackupError> {
    if !hub.has_backed_up()? || folder.join(NEW_DISK).is_file() {
        return make(folder);
    }
    let begins = segments(journal)?.first().is_none_or(|first| folder.join(first).is_file());
    let of = |folder| backups::store_of(folder).map_err(folder_error);
    if begins && of(folder)? == of(journal)? {
        return Ok(());
    }
    Err(BackupError::Gone { path: folder.to_owned() })
}

/// Fails where not all that was copied is in the folder: the disk went away meanwhile. Keeps files under other names
/// that come after the journal's last one: they are of another past, and whoever reads the folder must not take
/// them for what follows.
fn settle(names: &BTreeSet<PathBuf>, folder: &Path) -> Result<(), BackupError> {
    let there: BTreeSet<PathBuf> = segments(folder)?.into_iter().collect();
    if !names.is_subset(&there) {
        return Err(BackupError::Gone { path: folder.to_owned() });
    }
    let last = names.last().and_then(|name| number(name));
    for name in there.iter().filter(|name| number(name) > last) {
        set_aside(&folder.join(name), "the journal has no such file")?;
    }
    let new = folder.join(NEW_DISK);
    match new.is_file() {
        true => fs::remove_file(&new).map_err(file_error("remove", &new)),
        false => Ok(()),
    }
}

/// Returns the number of a file of the journal.
fn number(name: &Path) -> Option<u64> {
    name.file_stem()?.to_str()?.parse().ok()
}

/// Keeps a copy of another past under a name that is no file of the journal's, and says so in the log.
fn set_aside(copy: &Path, why: &str) -> Result<(), BackupError> {
    let aside = copy.with_extension(format!("{SEGMENT}-{}", clock::now().0));
    fs::rename(copy, &aside).map_err(file_error("rename", copy))?;
    tracing::warn!(
        file = %copy.display(),
        kept = %aside.display(),
        why,
        "a file of the second disk was set aside"
    );
    Ok(())
}

/// Copies what each file of the journal has more, in order. Returns their names, and the shortened ones, which are
/// written and not in their places yet, with these.
///
/// A shortened file tells its packs from a record in a later one, so it takes its place only once all is there
/// that lay in the journal when it was read: later files are read after it, and those that were begun meanwhile
/// too, with the end of the one before them.
fn copy_files(
    journal: &Path,
    folder: &Path,
) -> Result<(BTreeSet<PathBuf>, BTreeMap<PathBuf, PathBuf>), BackupError> {
    let (mut copied, mut staged, mut last) = (BTreeSet::new(), BTreeMap::new(), None);
    loop {
        let mut names = segments(journal)?;
        if names.is_empty() {
            // There is something to back up, so its files are elsewhere: nothing may be claimed.
            return Err(BackupError::Nothing { path: journal.to_owned() });
        }
        if names.last() == last.as_ref() {
            return Ok((copied, staged));
        }
        names.retain(|name| last.as_ref().is_none_or(|last| name >= last));
        for name in &names {
            let to = folder.join(name);
            if let Some(fresh) = copy_file(&journal.join(name), &to)? {
                staged.insert(to, fresh);
            }
        }
        last = names.last().cloned();
        copied.extend(names);
    }
}

fn folder_error(source: BackupsError) -> BackupError {
    BackupError::Folder { source }
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { action, path, source }
}

/// Makes the folder, and none above it: those are the disk's, and missing where that is not mounted.
fn make(folder: &Path) -> Result<(), BackupError> {
    match private_folder().create(folder) {
        Err(_) if folder.is_dir() => Ok(()),
        made => made.map_err(file_error("make", folder)),
    }
}

/// Closes the copy to other accounts, and the folder too where nothing else lies in it: a program before this one
/// left both open. Also tells of a backup that was made into it.
fn close_to_others(folder: &Path) -> Result<(), BackupError> {
    let (mut alone, mut ours) = (true, Vec::new());
    for entry in fs::read_dir(folder).map_err(file_error("list", folder))? {
        let entry = entry.map_err(file_error("list", folder))?;
        // The copies, and what is kept beside them under longer names.
        match entry.file_name().to_string_lossy().contains(&format!(".{SEGMENT}")) {
            true => ours.push(entry.path()),
            false => alone &= entry.file_name() == NEW_DISK,
        }
    }
    if backups::holds_backup(folder) {
        tracing::warn!(
            path = %folder.display(),
            "a backup was made into the folder of the second disk: `admin check` and `admin restore` see that \
             alone; put its manifest, journal and keys into a folder of their own"
        );
    }
    ours.extend(alone.then(|| folder.to_owned()));
    for path in ours {
        note_closed(&path, store::close_to_others(&path));
    }
    Ok(())
}

fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    let opened = File::open(folder).and_then(|opened| opened.sync_all());
    opened.map_err(file_error("sync", folder))
}

/// Returns the names of the journal's files, in order.
fn segments(journal: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(journal)? {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_some_and(|end| end == SEGMENT) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    };
    read().map_err(file_error("list", journal))
}

/// Appends to a copy what the file has more, and reads that back. Where the file was shortened since, its new
/// form is written beside the copy, and the result says where it lies. Any other copy that is no beginning of the
/// file is kept beside it under another name: it may be the only trace of what was.
fn copy_file(from: &Path, to: &Path) -> Result<Option<PathBuf>, BackupError> {
    let mut source = File::open(from).map_err(file_error("read", from))?;
    let length = source.metadata().map_err(file_error("read", from))?.len();
    let mut held = fs::metadata(to).map_or(0, |found| found.len());
    if held > 0 && (held > length || !begins_alike(&mut source, to, held)?) {
        let copy = fs::read(to).map_err(file_error("read", to))?;
        let mut bytes = Vec::new();
        let read = source.rewind().and_then(|()| source.read_to_end(&mut bytes));
        read.map_err(file_error("read", from))?;
        if is_shortened_from(&bytes, &copy, &says_the_same) {
            return stage(&bytes, to).map(Some);
        }
        set_aside(to, if held > length { LONGER } else { OTHERWISE })?;
        held = 0;
    }
    if held == length && held > 0 {
        return Ok(None);
    }
    let mut copy = private_file()
        .create(true)
        .append(true)
        .read(true)
        .open(to)
        .map_err(file_error("open", to))?;
    source.seek(SeekFrom::Start(held)).map_err(file_error("read", from))?;
    let appended = append((&mut source, from), (&mut copy, to), (held, length));
    if appended.is_err() {
        // What is not known to be right must not be taken for it the next time.
        copy.set_len(held).and_then(|()| copy.sync_all()).map_err(file_error("cut", to))?;
    }
    appended.map(|()| None)
}

/// Writes the shorter form of a segment beside its copy and returns where it lies.
fn stage(bytes: &[u8], to: &Path) -> Result<PathBuf, BackupError> {
    let fresh = to.with_extension("seg.new");
    let write = || {
        let mut file = private_file().write(true).create(true).truncate(true).open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(file_error("write", &fresh))?;
    if fs::read(&fresh).map_err(file_error("read back", &fresh))? != bytes {
        return Err(BackupError::Otherwise { path: fresh });
    }
    Ok(fresh)
}

/// Appends a part of a file to its copy, syncs it and reads it back.
fn append(
    (source, from): (&mut File, &Path),
    (copy, to): (&mut File, &Path),
    (held, length): (u64, u64),
) -> Result<(), BackupError> {
    let mut hash = blake3::Hasher::new();
    let mut block = vec![0; BLOCK_BYTES];
    let mut left = length - held;
    while left > 0 {
        let most = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
        source.read_exact(&mut block[..most]).map_err(file_error("read", from))?;
        hash.update(&block[..most]);
        copy.write_all(&block[..most]).map_err(file_error("write", to))?;
        left -= most as u64;
    }
    copy.sync_all().map_err(file_error("sync", to))?;
    copy.seek(SeekFrom::Start(held)).map_err(file_error("read", to))?;
    let mut again = blake3::Hasher::new();
    let mut left = length - held;
    while left > 0 {
        let most = usize::try_from(left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
        copy.read_exact(&mut block[..most]).map_err(file_error("read back", to))?;
        again.update(&block[..most]);
        left -= most as u64;
    }
    match again.finalize() == hash.finalize() {
        true => Ok(()),
        false => Err(BackupError::Otherwise { path: to.to_owned() }),
    }
}

/// Why a copy is set aside: damage of the second disk looks like that, and so does another past.
const LONGER: &str = "it is longer than the journal's file";
/// See there.
const OTHERWISE: &str = "it does not begin or end as the journal's file does at that length";

/// Length of the header of a file of the journal. It is another where the file was shortened.
const HEADER_BYTES: u64 = 128;

/// Whether a copy begins and ends as the file does at that length: segments only grow, or are exchanged for
/// shorter ones with another header, so header and last block tell.
fn begins_alike(source: &mut File, to: &Path, held: u64) -> Result<bool, BackupError> {
    let most = held.min(BLOCK_BYTES as u64);
    let mut copy = File::open(to).map_err(file_error("read", to))?;
    for (at, length) in [(0, held.min(HEADER_BYTES)), (held - most, most)] {
        let mut both = [vec![0; BLOCK_BYTES], vec![0; BLOCK_BYTES]];
        for (file, block) in [&mut *source, &mut copy].into_iter().zip(&mut both) {
            block.truncate(usize::try_from(length).unwrap_or(BLOCK_BYTES));
            file.seek(SeekFrom::Start(at)).map_err(file_error("read", to))?;
            file.read_exact(block).map_err(file_error("read", to))?;
        }
        if both[0] != both[1] {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
