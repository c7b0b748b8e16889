//! Opens a store's folder: finds out what the last run left, repairs what can be repaired, and says
//! what was done.
//!
//! The journal comes first and is the truth; the index is brought up to it, or made anew. When
//! there is no room to do so, the store opens for reading.

mod options;
mod resealing;

pub use options::{Clock, Options};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::closed::{self, Closed};
use super::entry::{Head, StoreId};
use super::files::{Files, RealFiles, aside_path, failed, list_if_there};
use super::identity::{Identity, Noted, mark_of};
use super::index::Index;
use super::journal::Journal;
use super::memory::MemoryEngine;
use super::newer;
use super::reached::Reached;
use super::repair::{Site, repair, settle_interrupted, settle_resealed};
use super::rows::Engine;
use super::scan::{Scan, Tail, scan, trust};
use super::sealing::Sealing;
use super::segments::{FileJournal, Found, segment_path};
use super::shortening::remove_unfinished;
use super::sled_engine::{SledEngine, released};
use super::takeover::Keys;
use super::{Opened, Position, Project, StoreError, Verified};

/// The journal's folder.
const JOURNAL: &str = "journal";
/// The index's folder.
const INDEX: &str = "index";
/// Its presence says that sled was being opened when the program ended.
const OPENING: &str = "index-opening";
/// Room that is given back when the disk is full, so that the index can still be opened.
const RESERVE: &str = "reserve";

/// Twice what the index needs to open.
const RESERVE_BYTES: usize = 4 << 20;

/// sled needs some segments of its file and a snapshot to open and to catch up. It must never meet
/// a full disk: it hangs then, and so does every other sled database of the program.
const INDEX_ROOM_BYTES: u64 = 2 << 20;

/// Commits are refused while the disk has less room than this, so that the index, which writes in
/// the background, does not meet its end.
pub const FREE_BYTES_MIN: u64 = 16 << 20;

/// What a new store needs on its disk before it can take anything in: that room, its reserve, and a
/// first index and journal.
pub const NEW_STORE_BYTES_MIN: u64 = FREE_BYTES_MIN + RESERVE_BYTES as u64 + INDEX_ROOM_BYTES;

/// Returns how many bytes are free on the disk of a folder, or of the nearest folder above it that is
/// there; none where the system does not say.
#[must_use]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let mut there = folder;
    while !there.exists() {
        there = match there.parent() {
            Some(above) if !above.as_os_str().is_empty() => above,
            _ => Path::new("."),
        };
    }
    RealFiles.free_bytes(there).ok()
}

/// sled's cache: the index is small and the phone has little memory.
const CACHE_BYTES: u64 = 8 << 20;

/// Opening the index may end the program without an error (out of memory, a kill by the system)
/// this often before the index is taken for damaged.
const OPENING_TRIES_MAX: usize = 2;

/// Damaged indexes that are kept for inspection; they can be made again.
const DAMAGED_INDEXES_MAX: usize = 2;

/// The index is flushed after this many records, so that an unclean open replays no more.
const CHECKPOINT_RECORDS: u64 = 4096;
/// And after this long with something to flush.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(30);

/// Stands for a store while nothing says yet which it is.
const NAMELESS: StoreId = StoreId([0; 16]);

/// Records that are replayed in one batch.
const REPLAY_RECORDS: usize = 256;
/// And their bytes.
const REPLAY_BYTES: usize = 1 << 20;

/// A folder and how it is used.
pub(super) struct Place {
    /// The folder.
    pub(super) root: PathBuf,
    /// How.
    pub(super) options: Options,
    /// The lock file was made by this process's open, so nothing was there before.
    pub(super) lock_created: bool,
}

/// An opened store.
pub(super) struct Parts {
    /// The truth.
    pub(super) journal: FileJournal,
    /// Its rows.
    pub(super) index: Index,
    /// Why nothing may be committed, if so.
    pub(super) poison: Option<StoreError>,
    /// What happened.
    pub(super) opened: Opened,
    /// The note to write with the first commit; until then every open says that the folder moved.
    pub(super) settle_identity: Option<Identity>,
}

impl Place {
    fn files(&self) -> &dyn Files {
        &*self.options.files
    }

    /// What seals, if anything does.
    pub(super) fn sealing(&self) -> Option<&dyn Sealing> {
        self.options.sealing.as_deref()
    }

    fn now(&self) -> i64 {
        (self.options.clock)()
    }

    /// Where the journal lies: a new one that waits for room to take its place is complete.
    pub(super) fn journal_folder(&self) -> PathBuf {
        let folder = self.root.join(JOURNAL);
        let fresh = folder.with_extension("new");
        if !folder.exists() && fresh.exists() { fresh } else { folder }
    }

    fn index_folder(&self) -> PathBuf {
        self.root.join(INDEX)
    }

    /// Opens everything.
    pub(super) fn open(&self, project: &Arc<dyn Project>) -> Result<Parts, StoreError> {
        let noted_version = newer::refuse(self.files(), &self.root, &**project, self.sealing())?;
        let keys = Keys::check(self.files(), &self.journal_folder(), self.sealing())?;
        let poison = self.settle()?;
        // Best effort: what a crash left of a shortened segment only takes up room.
        drop(remove_unfinished(self.files(), &self.journal_folder()));
        let closed = closed::verify(self.files(), &self.root, [JOURNAL, INDEX])?;
        let noted = Identity::read(self.files(), &self.root)?;
        let mut opening = Opening {
            place: self,
            project,
            opened: Opened::default(),
            poison,
            store: None,
            closed,
            plain: keys == Keys::Plain,
            noted_version,
        };
        for path in newer::damaged_notes(self.files(), &self.root)? {
            opening.set_aside(&path, "it cannot be read")?;
        }
        opening.identify(noted)?;
        opening.remove_note()?;
        let (journal, index) = opening.open_both()?;
        opening.compare_reach(journal.head().position)?;
        let settle_identity = match opening.store.filter(|_| opening.opened.moved) {
            Some(store) => Some(Identity::of(&self.root, store)?),
            None => None,
        };
        let mut opened = opening.opened;
        opened.lost = index.lost()?;
        let poison = opening.poison;
        if poison.is_none() {
            self.fill_reserve();
        }
        Ok(Parts { journal, index, poison, opened, settle_identity })
    }

    /// Ends what a crash cut short while the journal was made anew. Where the disk is too full for that it is
    /// left for the next opening, and this one is for reading: returns why.
    fn settle(&self) -> Result<Option<StoreError>, StoreError> {
        let folder = self.root.join(JOURNAL);
        let settled = settle_interrupted(self.files(), &folder)
            .and_then(|()| settle_resealed(self.files(), &folder));
        match settled {
            Ok(()) => Ok(None),
            Err(error @ StoreError::Full { .. }) => Ok(Some(error)),
            Err(error) => Err(error),
        }
    }

    /// Leaves the note of a clean close. Journal and index must have been dropped, the index after
    /// a flush.
    pub(super) fn close(&self, head: Head) -> Result<(), StoreError> {
        if self.options.index_in_memory || !released(&self.index_folder()) {
            return Ok(());
        }
        closed::write(self.files(), &self.root, [JOURNAL, INDEX], head)
    }

    /// Best effort: a store without a reserve works, but may open for reading only on a full disk.
    fn fill_reserve(&self) {
        let path = self.root.join(RESERVE);
        if !path.exists() && self.has_room(self.options.free_bytes_min) {
            let fill = || self.files().create(&path)?.write_at(0, &vec![0; RESERVE_BYTES]);
            if fill().is_err() {
                drop(self.files().remove(&path));
            }
        }
    }

    /// Makes the rows up to `last` anew in memory, from the journal's files.
    pub(super) fn index_in_memory(
        &self,
        project: &Arc<dyn Project>,
        store: StoreId,
        last: Position,
    ) -> Result<Index, StoreError> {
        let (folder, files) = (self.journal_folder(), Arc::clone(&self.options.files));
        let found = scan(&*files, &folder, Some(store), Position(0))?.found;
        let broken = Some(StoreError::Closed);
        let bytes = self.options.segment_bytes;
        let journal = FileJournal::resume(files, folder, store, bytes, found, broken);
        let sealing = self.options.sealing.clone();
        let engine = Box::new(Arc::new(MemoryEngine::default()));
        let index = Index::load(engine, Arc::clone(project), store)?
            .ok_or_else(|| StoreError::Damaged { what: "a new index".into() })?
            .with_sealing(sealing);
        replay(&index, &journal, last, &|| true)?;
        Ok(index)
    }

    fn engine(&self) -> Result<Box<dyn Engine>, StoreError> {
        let engine = self.sled().map(|engine| self.seal_rows(engine));
        #[cfg(test)]
        let engine = engine.map(|engine| self.options.index_faults.below(engine));
        engine
    }

    fn sled(&self) -> Result<Box<dyn Engine>, StoreError> {
        if self.options.index_in_memory {
            return Ok(Box::new(Arc::new(MemoryEngine::default())));
        }
        let opening = self.root.join(OPENING);
        // Of an index that is not there any more the note says nothing.
        let noted = self.index_folder().exists().then(|| std::fs::read(&opening).ok()).flatten();
        let tries = noted.map_or(0, |bytes| bytes.len());
        if tries >= OPENING_TRIES_MAX {
            drop(self.files().remove(&opening));
            let reason = "the program ended while it was being opened".into();
            return Err(StoreError::Engine { reason });
        }
        // Best effort: on a full disk there is no such note.
        drop(std::fs::write(&opening, vec![b'x'; tries + 1]));
        let opened = self.sled_with_room();
        drop(std::fs::remove_file(&opening));
        Ok(Box::new(opened?))
    }

    fn sled_with_room(&self) -> Result<SledEngine, StoreError> {
        if !self.has_room(INDEX_ROOM_BYTES) {
            // Gives the reserve back; it is made again by an open that finds room.
            drop(self.files().remove(&self.root.join(RESERVE)));
            if !self.has_room(INDEX_ROOM_BYTES) {
                return Err(StoreError::Full { action: "open the index" });
            }
        }
        SledEngine::open(&self.index_folder(), self.options.cache_bytes)
    }

    /// Whether the disk has room for so many bytes, as far as it says; both disks, where the index
    /// lies on one of its own.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let has = |folder: &Path| self.files().free_bytes(folder).is_ok_and(|free| free >= bytes);
        let index = self.index_folder();
        has(&self.root) && (!index.exists() || has(&index))
    }
}

struct Opening<'a> {
    place: &'a Place,
    project: &'a Arc<dyn Project>,
    opened: Opened,
    poison: Option<StoreError>,
    store: Option<StoreId>,
    closed: Closed,
    /// The store is sealed from now on, and was not so far.
    plain: bool,
    /// The highest version of the records' meaning that it was opened with, if that was noted.
    noted_version: Option<u32>,
}

impl Opening<'_> {
    /// Finds out which store this is; makes one if nothing is there.
    fn identify(&mut self, noted: Noted) -> Result<(), StoreError> {
        let root = &self.place.root;
        let copied = matches!(self.closed, Closed::Clean { copied: true, .. });
        if let Noted::Store { store, moved } = noted {
            self.store = Some(store);
            self.opened.moved = moved || copied;
        } else {
            if noted == Noted::Damaged {
                self.set_aside(&Identity::path(root), "it cannot be read")?;
            }
            let folder = self.place.journal_folder();
            let names = list_if_there(self.place.files(), &folder)?;
            self.opened.created = names.is_empty() && !self.place.index_folder().exists();
            self.opened.moved = !self.opened.created;
            self.store = if self.opened.created { Some(self.new_store()?) } else { None };
        }
        self.place
            .files()
            .create_folder(&self.place.journal_folder())
            .and_then(|()| self.sync_names())
            .map_err(|source| failed("create", root, source))?;
        if self.opened.created
            && let Some(store) = self.store
        {
            Identity::of(root, store)?.write(self.place.files(), root)?;
        }
        Ok(())
    }

    fn sync_names(&self) -> std::io::Result<()> {
        let root = &self.place.root;
        if self.opened.created || self.place.lock_created {
            self.place.files().sync_folder(root)?;
            let above = root.parent().filter(|above| !above.as_os_str().is_empty());
            self.place.files().sync_folder(above.unwrap_or_else(|| Path::new(".")))?;
        }
        Ok(())
    }

    /// A name that no other store has: the time and what the file system says of the lock file.
    fn new_store(&self) -> Result<StoreId, StoreError> {
        let root = &self.place.root;
        let mark = mark_of(&root.join("lock")).map_err(|source| failed("look at", root, source))?;
        let seed = format!("{} {} {}", self.place.now(), mark.encode(), root.display());
        let hash = blake3::derive_key("bienban 2026-11 store name", seed.as_bytes());
        let mut store = [0; 16];
        store.copy_from_slice(&hash[..16]);
        Ok(StoreId(store))
    }

    /// The note of the clean close is read; from now on the store counts as not closed.
    fn remove_note(&mut self) -> Result<(), StoreError> {
        let path = closed::path(&self.place.root);
        match self.closed {
            Closed::Unclean => Ok(()),
            Closed::Damaged => self.set_aside(&path, "it cannot be read"),
            Closed::Clean { .. } => {
                let removed = self.place.files().remove(&path);
                removed.map_err(|source| failed("remove", &path, source))
            }
        }
    }

    fn set_aside(&mut self, path: &Path, why: &str) -> Result<(), StoreError> {
        let aside = aside_path(path, "damaged", self.place.now());
        let renamed = self.place.files().rename(path, &aside);
        renamed.map_err(|source| failed("set aside", path, source))?;
        self.report_aside(&aside, why);
        Ok(())
    }

    fn report_aside(&mut self, aside: &Path, why: &str) {
        let name = aside.file_name().map(|name| name.to_string_lossy().into_owned());
        self.opened.set_aside.push((name.unwrap_or_default(), why.to_owned()));
    }

    /// Finds out whether the journal ends before where it had come. One that waits for room to be
    /// repaired may yet come so far.
    fn compare_reach(&mut self, head: Position) -> Result<(), StoreError> {
        if !self.place.options.notes_reach || self.poison.is_some() {
            return Ok(());
        }
        let reached = Reached::read(self.place.files(), &self.place.root)?;
        let of_this = reached.filter(|reached| Some(reached.store) == self.store);
        self.opened.older = of_this.is_some_and(|reached| head < reached.position);
        self.opened.moved |= self.opened.older;
        Ok(())
    }

    fn open_both(&mut self) -> Result<(FileJournal, Index), StoreError> {
        let (index, mut reason) = self.open_index();
        let probe = index.as_ref().map_or(Position(0), |index| index.meta().head.position);
        // An empty index, as a failed opening leaves it, says nothing of whose journal this is.
        let said = index.as_ref().map(|index| index.meta().store);
        let store = self.store.or_else(|| said.filter(|store| *store != NAMELESS));
        let mut scan = self.scan(store, probe)?;
        let named = store.or(scan.store);
        let store = match named {
            Some(store) => store,
            None => self.new_store()?,
        };
        self.store = Some(store);
        if named.is_none() {
            // No record was read, so nothing continues another store's beginning.
            scan.found.head = Head::start(store);
        }
        scan = self.mend(scan, (store, named.is_some()), index.as_ref(), probe)?;
        if self.poison.is_none()
            && let Err(error) = self.cut(&scan)
        {
            self.poison = Some(error);
        }
        if self.reseal(&scan, store, index.as_ref())? {
            scan =
                self::scan(self.place.files(), &self.place.journal_folder(), Some(store), probe)?;
            reason = Some("its store was sealed anew".into());
        }
        if self.plain && self.poison.is_none() {
            // Whatever it fits: its rows are plain.
            reason.get_or_insert_with(|| "its store was plain".into());
        }
        let mut journal = self.journal(&scan, store)?;
        let usable = index.filter(|_| reason.is_none());
        let usable = match usable {
            // The journal waits for room to be repaired; the index may know more than it, or less.
            Some(index) if self.poison.is_some() => {
                let knows_all = index.meta().head.position >= journal.head().position;
                let index = if knows_all { index } else { self.in_memory(&journal)? };
                return Ok((journal, index));
            }
            usable => usable,
        };
        let index = match usable {
            Some(index) if self.fits(&index, &scan, &mut reason) => Some(index),
            _ => None,
        };
        let index = match index {
            Some(index) => self.catch_up(index, &journal)?,
            None => self.rebuild(&journal, reason)?,
        };
        if self.poison.is_none()
            && let Err(error) = newer::note(
                self.place.files(),
                &self.place.root,
                self.noted_version,
                &**self.project,
            )
        {
            // It can be read; nothing of a meaning that is not noted is written.
            self.poison = Some(error);
        }
        if let Some(cause) = &self.poison {
            journal.break_off(cause.clone());
        }
        Ok((journal, index))
    }

    /// Opens the index, and says what is wrong with it. One that lacks room to be opened is whole: it
    /// stays where it is until there is some, and nothing is written meanwhile.
    fn open_index(&mut self) -> (Option<Index>, Option<String>) {
        if !self.place.index_folder().exists() || self.place.options.index_in_memory {
            return (None, None);
        }
        let mut reason = match &self.closed {
            Closed::Clean { index, .. } => index.as_ref().map(|name| format!("{name} was changed")),
            Closed::Unclean | Closed::Damaged => None,
        };
        if reason.is_some() && !self.journal_changed() {
            return (None, reason);
        }
        let store = self.store.unwrap_or(NAMELESS);
        let engine = self.place.sled();
        let engine =
            engine.map(|engine| if self.plain { engine } else { self.place.seal_rows(engine) });
        let loaded = engine
            .and_then(|engine| Index::load(engine, Arc::clone(self.project), store))
            .map(|index| index.map(|index| self.seal_records(index)));
        match loaded {
            Err(error) => {
                let reason = error.to_string();
                if matches!(error, StoreError::Full { .. }) {
                    self.poison.get_or_insert(error);
                }
                (None, Some(reason))
            }
            Ok(None) => (None, Some("its meta row is damaged".into())),
            Ok(Some(index)) => {
                reason = reason.or_else(|| self.fault_of(&index));
                (Some(index), reason)
            }
        }
    }

    fn journal_changed(&self) -> bool {
        matches!(&self.closed, Closed::Clean { journal: Some(_), .. })
    }

    fn fault_of(&self, index: &Index) -> Option<String> {
        let meta = index.meta();
        if self.store.is_some_and(|store| store != meta.store) {
            return Some("it belongs to another store".into());
        }
        let clean = matches!(self.closed, Closed::Clean { index: None, .. });
        let mut report = Verified::default();
        if !clean {
            if let Err(error) = index.check(&mut report) {
                return Some(error.to_string());
            }
            if let Some(problem) = report.problems.into_iter().next() {
                return Some(problem);
            }
        }
        let (found, wanted) = (meta.projection, self.project.version());
        (found != wanted).then(|| format!("it was made by projection {found}, not {wanted}"))
    }

    /// Reads the journal, as far as the note of the last close does not vouch for it.
    fn scan(&self, store: Option<StoreId>, probe: Position) -> Result<Scan, StoreError> {
        let (files, folder) = (self.place.files(), self.place.journal_folder());
        if let Closed::Clean { head, journal: None, .. } = self.closed
            && head.position == probe
            && let Some(trusted) = trust(files, &folder, head)?
        {
            return Ok(trusted);
        }
        scan(files, &folder, store, probe)
    }

    /// Repairs the journal if it lost something that had been durable.
    fn mend(
        &mut self,
        found: Scan,
        (store, named): (StoreId, bool),
        index: Option<&Index>,
        probe: Position,
    ) -> Result<Scan, StoreError> {
        let index = index.filter(|index| index.meta().store == store);
        let mut known = index.map_or(Position(0), |index| index.meta().head.position);
        known = known.max(self.place.options.reaches);
        if let Closed::Clean { head, .. } = &self.closed {
            known = known.max(head.position);
        }
        let why = match &found.damage {
            Some(damage) => damage.to_string(),
            None if found.found.head.position < known => "its last records were missing".into(),
            None => return Ok(found),
        };
        if self.poison.is_some() {
            // The index, which cannot be read yet, may hold what the journal has lost.
            return Ok(found);
        }
        let (folder, files) = (self.place.journal_folder(), &self.place.options.files);
        let site = Site {
            files,
            folder: &folder,
            store,
            sealing: self.place.options.sealing.as_ref(),
            named,
            segment_bytes: self.place.options.segment_bytes,
            now_millis: self.place.now(),
        };
        match repair(&site, index, known) {
            Ok(aside) => {
                self.report_aside(&aside, &why);
                scan(self.place.files(), &folder, Some(store), probe)
            }
            Err(error @ StoreError::OtherKey { .. }) => Err(error),
            Err(error) => {
                // What is readable can still be read; the repaired one, if only its name is missing.
                self.poison.get_or_insert(error);
                let there = self.place.journal_folder();
                if there == folder {
                    Ok(found)
                } else {
                    scan(self.place.files(), &there, Some(store), probe)
                }
            }
        }
    }

    /// Makes the journal ready to be appended to.
    fn journal(&mut self, scan: &Scan, store: StoreId) -> Result<FileJournal, StoreError> {
        let place = self.place;
        let mut journal = FileJournal::resume(
            Arc::clone(&place.options.files),
            place.journal_folder(),
            store,
            place.options.segment_bytes,
            scan.found.clone(),
            self.poison.clone(),
        )
        .with_sealing(place.options.sealing.clone());
        if self.poison.is_none()
            && let Err(error) = journal.begin()
        {
            if self.opened.created {
                return Err(error);
            }
            self.poison = Some(error);
        }
        Ok(journal)
    }

    /// Cuts a torn tail after copying it aside, and makes sure of what remains.
    fn cut(&mut self, scan: &Scan) -> Result<(), StoreError> {
        if let Some(tail) = &scan.tail {
            self.cut_tail(tail)?;
        }
        let clean = matches!(self.closed, Closed::Clean { journal: None, .. });
        match scan.found.segments.last() {
            Some(last) if !clean => self.write_again(last.number, &scan.found),
            _ => Ok(()),
        }
    }

    fn cut_tail(&mut self, tail: &Tail) -> Result<(), StoreError> {
        let files = self.place.files();
        let fault = |source| failed("set aside the torn end of", &tail.path, source);
        if !tail.bytes.is_empty() {
            let name = tail.path.file_name().unwrap_or_default();
            let aside = aside_path(&self.place.root.join(name), "torn", self.place.now());
            let copy = || {
                let mut handle = files.create(&aside)?;
                handle.write_at(0, &tail.bytes)?;
                handle.sync()?;
                files.sync_folder(&self.place.root)
            };
            if let Err(source) = copy() {
                drop(files.remove(&aside));
                return Err(fault(source));
            }
            self.report_aside(&aside, "it was being written when the program or the power ended");
        }
        let cut = || {
            if tail.keep == 0 {
                files.remove(&tail.path)?;
                return files.sync_folder(&self.place.journal_folder());
            }
            let mut handle = files.open(&tail.path)?;
            handle.set_len(tail.keep)?;
            handle.sync()
        };
        cut().map_err(fault)
    }

    /// Writes the last segment's bytes over themselves and syncs: a sync that failed in the last
    /// run may have left them in the system's memory only, marked as written.
    fn write_again(&self, number: u64, found: &Found) -> Result<(), StoreError> {
        let path = segment_path(&self.place.journal_folder(), number);
        let files = self.place.files();
        let length = usize::try_from(found.offset).unwrap_or(usize::MAX);
        let write = || {
            let bytes = files.read(&path)?;
            let mut handle = files.open(&path)?;
            handle.write_at(0, bytes.get(..length).unwrap_or(&bytes))?;
            handle.sync()?;
            files.sync_folder(&self.place.journal_folder())
        };
        write().map_err(|source| failed("sync", &path, source))
    }

    /// Whether the index reflects a beginning of this journal.
    fn fits(&self, index: &Index, scan: &Scan, reason: &mut Option<String>) -> bool {
        let meta = index.meta();
        let fits = Some(meta.store) == self.store && scan.probed == Some(meta.head.chain);
        if !fits {
            *reason =
                Some(format!("its position {} is not one of this journal", meta.head.position.0));
        }
        fits
    }

    /// Makes the index anew.
    fn rebuild(
        &mut self,
        journal: &FileJournal,
        reason: Option<String>,
    ) -> Result<Index, StoreError> {
        let folder = self.place.index_folder();
        let existed = folder.exists() && !self.place.options.index_in_memory;
        if existed && self.poison.is_none() {
            let why = reason.as_deref().unwrap_or("it cannot be used");
            // One that is kept might be plain; it can be made again.
            let gone = match self.place.options.sealing {
                Some(_) => self.remove_index(&folder),
                None => self.set_aside(&folder, why),
            };
            if let Err(error) = gone {
                self.poison.get_or_insert(error);
            }
            self.drop_old_indexes();
        }
        if existed || (journal.head().position.0 > 0 && !self.place.options.index_in_memory) {
            self.opened.rebuilt = Some(reason.unwrap_or_else(|| "there was none".into()));
        }
        let engine = if self.poison.is_some() { None } else { Some(self.place.engine()) };
        match engine {
            Some(Ok(engine)) => {
                let index = self.load_empty(engine)?;
                self.catch_up(index, journal)
            }
            Some(Err(error)) => {
                self.poison.get_or_insert(error);
                self.in_memory(journal)
            }
            None => self.in_memory(journal),
        }
    }

    fn load_empty(&self, engine: Box<dyn Engine>) -> Result<Index, StoreError> {
        let store = self.store.unwrap_or(NAMELESS);
        Index::load(engine, Arc::clone(self.project), store)?
            .ok_or_else(|| StoreError::Damaged { what: "a new index".into() })
            .map(|index| self.seal_records(index))
    }

    /// Rows in memory, for reading only, when there is no room for others.
    fn in_memory(&mut self, journal: &FileJournal) -> Result<Index, StoreError> {
        let index = self.load_empty(Box::new(Arc::new(MemoryEngine::default())))?;
        replay(&index, journal, journal.head().position, &|| true)?;
        Ok(index)
    }

    fn catch_up(&mut self, index: Index, journal: &FileJournal) -> Result<Index, StoreError> {
        let room = || self.place.options.index_in_memory || self.place.has_room(INDEX_ROOM_BYTES);
        match replay(&index, journal, journal.head().position, &room) {
            Ok(count) => {
                self.opened.replayed = count;
                Ok(index)
            }
            Err(error @ (StoreError::Engine { .. } | StoreError::Full { .. })) => {
                drop(index);
                self.poison.get_or_insert(error);
                self.in_memory(journal)
            }
            Err(error) => Err(error),
        }
    }

    /// Best effort: old damaged indexes only take up room.
    fn drop_old_indexes(&self) {
        let (files, root) = (self.place.files(), &self.place.root);
        let Ok(names) = files.list(root) else { return };
        let mut old = names;
        old.retain(|name| name.starts_with("index-damaged-"));
        let kept = if self.place.options.sealing.is_some() { 0 } else { DAMAGED_INDEXES_MAX };
        for name in old.iter().rev().skip(kept) {
            drop(files.remove_folder(&root.join(name)));
        }
    }
}

/// Projects what the index lacks, up to `last`, while there is room, and returns how many records
/// that were.
fn replay(
    index: &Index,
    journal: &FileJournal,
    last: Position,
    has_room: &dyn Fn() -> bool,
) -> Result<u64, StoreError> {
    let mut group = index.group();
    let mut waiting = 0;
    let mut count = 0;
    journal.visit(index.meta().head.position, &mut |encoded| {
        if encoded.entry.position > last {
            return Ok(());
        }
        group.replay(encoded)?;
        (waiting, count) = (waiting + 1, count + 1);
        if waiting < REPLAY_RECORDS && group.bytes() < REPLAY_BYTES {
            return Ok(());
        }
        waiting = 0;
        if !has_room() {
            return Err(StoreError::Full { action: "bring the index up to date" });
        }
        let full = std::mem::replace(&mut group, index.group());
        index.apply(full.finish())?;
        group = index.group();
        Ok(())
    })?;
    if !group.is_empty() {
        index.apply(group.finish())?;
    }
    index.flush()?;
    Ok(count)
}
