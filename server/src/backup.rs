//! The hub's second disk: what the journal holds is copied there, synced and read back, and then said to be
//! there. Nothing of it is guessed: without a folder, or after a failure, nothing is claimed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::clock;
use bienban_core::replica::{Hub, ReplicaError, says_the_same};
use bienban_core::store::{self, Position, is_shortened_from, make_private_folder, private_file};
use tokio::sync::watch;
use tokio::task::JoinError;

use crate::backups::{self, BackupsError};
use crate::hub::note_closed;

/// How often it is looked whether there is something new: what was merged is on the second disk some
/// seconds later, and an idle hub writes nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Bytes copied and compared at once.
const BLOCK_BYTES: usize = 256 << 10;

/// How the names of the journal's files end; the rest of a store's folder is made anew from them.
const SEGMENT: &str = "seg";

/// The file that people put into the folder of a disk that takes the place of the one before; it goes once the
/// journal is there.
const NEW_DISK: &str = "new-second-disk";

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

/// Copies what is new until `stop` turns true. Failures are told in the log and by `admin status`, and it is
/// tried again.
pub(crate) async fn mirror(
    hub: Arc<Hub>,
    (journal, folder): (PathBuf, PathBuf),
    mut stop: watch::Receiver<bool>,
) {
    let mut mirrored = Mirrored::default();
    loop {
        let (copied, from, to) = (hub.clone(), journal.clone(), folder.clone());
        let step = tokio::task::spawn_blocking(move || mirrored.follow(&copied, &from, &to)).await;
        mirrored = mirrored.noted(&hub, step);
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
}

impl Mirrored {
    /// Copies what is new, if anything is. Also what no phone is told of: the hub's own last records, and the one
    /// that says how far this disk is, for which nothing is recorded again.
    fn follow(self, hub: &Hub, journal: &Path, folder: &Path) -> Result<Self, BackupError> {
        // Before the files are looked at: all up to it is in them.
        let now = hub.replica().store().position();
        if self.upto != Some(now) {
            backups::expect_for_second_disk(folder, journal).map_err(folder_error)?;
        }
        if !self.begun {
            expect_disk(hub, journal, folder)?;
            close_to_others(folder)?;
        }
        copy_new(hub, journal, folder, self.upto != Some(now))?;
        Ok(Self { begun: true, upto: Some(now) })
    }

    /// Says in the log and for `admin status` what came of a step. Returns how far the disk is then.
    fn noted(self, hub: &Hub, step: Result<Result<Self, BackupError>, JoinError>) -> Self {
        let why = match step {
            Ok(Ok(now)) => {
                hub.note_backup_works();
                return now;
            }
            Ok(Err(error)) => {
                tracing::error!(error = %error, "the second disk does not hold what is new");
                error.to_string()
            }
            Err(error) => {
                tracing::error!(error = %error, "a copy to the second disk stopped");
                "a copy to it stopped; the hub's log says why".to_owned()
            }
        };
        hub.note_backup_failed(&why, clock::now());
        self
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

/// Fails where the hub has said that something is on its second disk and the journal does not begin in the folder:
/// that disk is not there, and what lies under its mount point is no second disk. Else makes the folder.
fn expect_disk(hub: &Hub, journal: &Path, folder: &Path) -> Result<(), BackupError> {
    if hub.backup_status()?.number == 0 || folder.join(NEW_DISK).is_file() {
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
        set_aside(&folder.join(name))?;
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

/// Keeps a copy of another past under a name that is no file of the journal's.
fn set_aside(copy: &Path) -> Result<(), BackupError> {
    let aside = copy.with_extension(format!("{SEGMENT}-{}", clock::now().0));
    fs::rename(copy, aside).map_err(file_error("rename", copy))
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

fn make(folder: &Path) -> Result<(), BackupError> {
    make_private_folder(folder).map_err(file_error("make", folder))
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
        set_aside(to)?;
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
mod tests {
    use bienban_core::checklist::TEA;
    use bienban_core::model::Timestamp;
    use bienban_core::replica::{HubOptions, Projection};
    use bienban_core::store::{
        DiskStore, MemoryStore, Options, Position, Project, Read as Rows, Record, Store,
        StoreError, Writes,
    };
    use bienban_core::trust::DeviceKey;

    use super::*;

    /// Records that mean nothing: only the files of their journal count.
    struct Bare;

    impl Project for Bare {
        fn version(&self) -> u32 {
            1
        }

        fn project(
            &self,
            _: Position,
            _: &Record,
            _: &dyn Rows,
            _: &mut Writes,
        ) -> Result<(), StoreError> {
            Ok(())
        }
    }

    /// A journal whose files are longer than what is compared at once.
    fn long_files(dir: &Path) -> DiskStore {
        let options = Options { segment_bytes: 3 * BLOCK_BYTES as u64, ..Options::at(1) };
        DiskStore::open(dir, Arc::new(Bare), options).unwrap()
    }

    fn fill(store: &DiskStore, records: u8) {
        for number in 0..records {
            // None begins as a shortened one does.
            let payload = vec![b'a' + number; BLOCK_BYTES / 5];
            store.commit(vec![Record { kind: 7, payload }]).unwrap();
        }
    }

    /// What compaction keeps of a record of which nothing has to be told again.
    fn shorter(_: Position, record: &Record) -> Result<Option<Vec<u8>>, StoreError> {
        let mut hash = blake3::Hasher::new_derive_key("bienban 2026-11 logged record");
        hash.update(&[record.kind]).update(&record.payload);
        Ok(Some([&[2][..], hash.finalize().as_bytes()].concat()))
    }

    fn memory_hub() -> Hub {
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let options = HubOptions { fresh_epoch: [9; 16], now: Timestamp(1) };
        Hub::open(store, DeviceKey::from_seed(&[9; 32]), options).unwrap()
    }

    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let file = |entry: io::Result<fs::DirEntry>| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        };
        fs::read_dir(folder).unwrap().map(file).collect()
    }

    #[test]
    fn a_copy_that_was_cut_off_amid_a_long_file_goes_on_also_where_that_was_shortened() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("store/journal"), dir.path().join("second-disk"));
        let store = long_files(&dir.path().join("store"));
        fill(&store, 40);
        let hub = memory_hub();
        copy_new(&hub, &from, &to, true).unwrap();
        assert!(files(&to) == files(&from) && files(&to).len() > 2);
        // As a copy that was killed leaves it: amid a record, behind what is compared at once.
        for name in ["00000001.seg", "00000002.seg"] {
            let copy = fs::OpenOptions::new().write(true).open(to.join(name)).unwrap();
            copy.set_len(BLOCK_BYTES as u64 + 20_017).unwrap();
        }
        let done = store.shorten(1, &mut shorter).unwrap();
        assert!(done.after < done.before);
        copy_new(&hub, &from, &to, true).unwrap();
        assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
    }

    #[test]
    fn another_hub_s_second_disk_and_a_folder_in_the_hub_s_own_are_refused_and_left_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one/store"), dir.path().join("other/store"));
        fill(&long_files(&one), 3);
        fill(&long_files(&other), 3);
        let (hub, second) = (memory_hub(), dir.path().join("second-disk"));
        let follow =
            |store: &Path, to: &Path| Mirrored::default().follow(&hub, &store.join("journal"), to);
        follow(&one, &second).unwrap();
        let before = files(&second);
        let refused = follow(&other, &second).unwrap_err();
        assert!(matches!(&refused, BackupError::Folder { .. }), "{refused}");
        assert!(files(&second) == before, "nothing of it was touched");
        follow(&one, &second).unwrap();
        let within = dir.path().join("one/second");
        assert!(matches!(follow(&one, &within), Err(BackupError::Folder { .. })));
        assert!(!within.exists());
    }

    #[test]
    fn a_shortened_file_takes_its_place_after_all_that_was_written_before_it_was_shortened() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("store/journal"), dir.path().join("second-disk"));
        let store = long_files(&dir.path().join("store"));
        fill(&store, 20);
        let hub = memory_hub();
        copy_new(&hub, &from, &to, true).unwrap();
        let before = files(&to);
        fill(&store, 20);
        store.shorten(1, &mut shorter).unwrap();
        // A later file cannot be copied.
        let last = files(&from).into_keys().next_back().unwrap();
        fs::create_dir(to.join(&last)).unwrap();
        assert!(copy_new(&hub, &from, &to, true).is_err());
        assert!(fs::read(to.join("00000001.seg")).unwrap() == before["00000001.seg"]);
        fs::remove_dir(to.join(&last)).unwrap();
        copy_new(&hub, &from, &to, true).unwrap();
        assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
    }

    #[test]
    fn what_could_not_be_copied_is_not_said_to_be_on_the_second_disk() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("store"), dir.path().join("second-disk"));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("00000001.seg"), "a journal").unwrap();
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let options = HubOptions { fresh_epoch: [9; 16], now: Timestamp(1) };
        let hub = Hub::open(store, DeviceKey::from_seed(&[9; 32]), options).unwrap();
        hub.publish(TEA.to_vec()).unwrap();
        // A file stands where the folder should be.
        fs::write(&to, "in the way").unwrap();
        assert!(copy_new(&hub, &from, &to, false).is_err());
        assert_eq!(hub.backup_status().unwrap().number, 0);
        assert_eq!(hub.to_back_up().unwrap(), Some(hub.head().unwrap()), "it is tried again");
        fs::remove_file(&to).unwrap();
        copy_new(&hub, &from, &to, false).unwrap();
        assert_eq!(hub.backup_status().unwrap().number, hub.head().unwrap().number);
        assert_eq!(fs::read_to_string(to.join("00000001.seg")).unwrap(), "a journal");
    }

    #[test]
    fn an_idle_hub_s_last_records_come_to_the_second_disk_too_and_then_it_rests() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("hub/store/journal"), dir.path().join("second-disk"));
        fs::create_dir_all(&from).unwrap();
        let segment = from.join("00000001.seg");
        fs::write(&segment, "a journal").unwrap();
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let options = HubOptions { fresh_epoch: [9; 16], now: Timestamp(1) };
        let hub = Hub::open(store, DeviceKey::from_seed(&[9; 32]), options).unwrap();
        hub.publish(TEA.to_vec()).unwrap();
        let copied = || fs::read_to_string(to.join("00000001.seg")).unwrap();
        let mirrored = Mirrored::default().follow(&hub, &from, &to).unwrap();
        assert_eq!((hub.to_back_up().unwrap(), copied().as_str()), (None, "a journal"));
        // That this was said is a record too.
        fs::write(&segment, "a journal, and what was said").unwrap();
        let mirrored = mirrored.follow(&hub, &from, &to).unwrap();
        assert_eq!(copied(), "a journal, and what was said");
        // Nothing more was recorded, so nothing is looked at.
        fs::write(&segment, "a journal, and what was said, and no record").unwrap();
        assert_eq!(mirrored.follow(&hub, &from, &to).unwrap(), mirrored);
        assert_eq!(copied(), "a journal, and what was said");
    }

    /// The copies that count, without what is kept beside them.
    fn copies(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        files(folder).into_iter().filter(|(name, _)| name.ends_with(".seg")).collect()
    }

    #[test]
    fn files_behind_the_end_of_a_journal_that_was_put_back_are_kept_aside_before_it_is_claimed() {
        let dir = tempfile::tempdir().unwrap();
        let (root, older) = (dir.path().join("store"), dir.path().join("older"));
        let (from, to) = (root.join("journal"), dir.path().join("second-disk"));
        let store = long_files(&root);
        fill(&store, 20);
        store.close().unwrap();
        fs::create_dir(&older).unwrap();
        for name in files(&from).into_keys() {
            fs::copy(from.join(&name), older.join(name)).unwrap();
        }
        fill(&long_files(&root), 40);
        let hub = memory_hub();
        hub.publish(TEA.to_vec()).unwrap();
        copy_new(&hub, &from, &to, true).unwrap();
        let before = copies(&to);
        fs::remove_dir_all(&root).unwrap();
        fs::create_dir(&root).unwrap();
        fs::rename(&older, &from).unwrap();
        fill(&long_files(&root), 2);
        copy_new(&hub, &from, &to, true).unwrap();
        assert!(copies(&to) == files(&from), "{:?}", files(&to).keys());
        assert!(before.len() > copies(&to).len() + 1, "{:?}", before.keys());
        // All of the other past is there, under names that nobody takes for what follows.
        let kept = files(&to);
        for (name, bytes) in before {
            let aside = |kept: &String| kept.starts_with(&format!("{name}-"));
            let found = kept
                .iter()
                .any(|(kept, there)| (*kept == name || aside(kept)) && there.starts_with(&bytes));
            assert!(found, "{name} is gone: {:?}", kept.keys());
        }
    }

    #[test]
    fn a_second_disk_that_is_not_there_gets_nothing_and_another_one_only_when_that_was_said() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("hub/store/journal"), dir.path().join("second-disk"));
        let store = long_files(&dir.path().join("hub/store"));
        fill(&store, 20);
        let hub = memory_hub();
        hub.publish(TEA.to_vec()).unwrap();
        Mirrored::default().follow(&hub, &from, &to).unwrap();
        assert!(hub.backup_status().unwrap().number > 0);
        let away = dir.path().join("away");
        fs::rename(&to, &away).unwrap();
        let again = |mirrored: Mirrored| mirrored.follow(&hub, &from, &to);
        let running = Mirrored { begun: true, upto: None };
        for mirrored in [Mirrored::default(), running] {
            assert!(matches!(again(mirrored), Err(BackupError::Gone { .. })));
            assert!(!to.exists(), "not even the folder is made");
            // What lies under the mount point, also with a part that came there as the disk went.
            fs::create_dir(&to).unwrap();
            assert!(matches!(again(mirrored), Err(BackupError::Gone { .. })));
            let last = files(&from).into_keys().next_back().unwrap();
            fs::copy(from.join(&last), to.join(&last)).unwrap();
            let gone = again(mirrored).unwrap_err();
            assert!(gone.to_string().contains("new-second-disk"), "{gone}");
            assert_eq!(files(&to).into_keys().collect::<Vec<_>>(), [last], "nothing is put there");
            fs::remove_dir_all(&to).unwrap();
        }
        // The disk is back.
        fs::rename(&away, &to).unwrap();
        again(running).unwrap();
        // Another one is named by a file that goes once all is there.
        fs::remove_dir_all(&to).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(to.join(NEW_DISK), "").unwrap();
        again(running).unwrap();
        assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
        // It went away amid a copy: not all is there.
        let names = segments(&from).unwrap().into_iter().collect();
        settle(&names, &to).unwrap();
        fs::remove_file(to.join("00000001.seg")).unwrap();
        assert!(matches!(settle(&names, &to), Err(BackupError::Gone { .. })));
    }

    #[test]
    fn what_failed_is_told_until_the_second_disk_works_again_also_on_an_idle_hub() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("hub/store/journal"), dir.path().join("second-disk"));
        fill(&long_files(&dir.path().join("hub/store")), 2);
        fs::write(&to, "in the way").unwrap();
        // Nothing of its feed is to be copied.
        let hub = memory_hub();
        assert_eq!(hub.to_back_up().unwrap(), None);
        let step = |mirrored: Mirrored| mirrored.noted(&hub, Ok(mirrored.follow(&hub, &from, &to)));
        let mirrored = step(Mirrored::default());
        assert!(!mirrored.begun && hub.backup_status().unwrap().failed.is_some());
        fs::remove_file(&to).unwrap();
        let mirrored = step(mirrored);
        assert!(mirrored.begun);
        assert_eq!(hub.backup_status().unwrap().failed, None);
        // A step that ended without an answer.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let step = runtime.block_on(async {
            let endless = tokio::spawn(std::future::pending());
            endless.abort();
            endless.await
        });
        assert_eq!(mirrored.noted(&hub, step), mirrored);
        assert!(hub.backup_status().unwrap().failed.is_some());
    }

    #[cfg(unix)]
    #[test]
    fn the_second_disk_is_closed_to_other_accounts_and_what_else_lies_there_is_left_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (alone, shared) = (dir.path().join("alone"), dir.path().join("shared"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for folder in [&alone, &shared] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("00000001.seg"), "a journal").unwrap();
            for path in [folder, &folder.join("00000001.seg")] {
                fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
        fs::write(shared.join("of-others"), "x").unwrap();
        let others = mode(&shared.join("of-others"));
        close_to_others(&alone).unwrap();
        close_to_others(&shared).unwrap();
        assert_eq!((mode(&alone), mode(&alone.join("00000001.seg"))), (0o700, 0o700));
        assert_eq!((mode(&shared), mode(&shared.join("00000001.seg"))), (0o755, 0o700));
        assert_eq!(mode(&shared.join("of-others")), others);
        let fresh = dir.path().join("fresh");
        make(&fresh).unwrap();
        copy_file(&alone.join("00000001.seg"), &fresh.join("00000001.seg")).unwrap();
        assert_eq!((mode(&fresh), mode(&fresh.join("00000001.seg"))), (0o700, 0o600));
    }

    #[test]
    fn a_copy_grows_with_the_file_and_another_past_is_kept_aside() {
        let dir = std::env::temp_dir().join(format!("bienban-backup-{}", clock::now().0));
        fs::create_dir_all(&dir).unwrap();
        let (from, to) = (dir.join("00000001.seg"), dir.join("copy.seg"));
        for content in ["one", "one two", "one two three"] {
            fs::write(&from, content).unwrap();
            copy_file(&from, &to).unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), content);
        }
        fs::write(&from, "another past, and longer").unwrap();
        copy_file(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "another past, and longer");
        let names: Vec<_> =
            fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        let old = names.iter().find(|path| fs::read_to_string(path).unwrap() == "one two three");
        assert!(old.is_some(), "{names:?}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
