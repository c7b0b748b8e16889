//! The store on disk: journal files and a sled index.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::entry::{Head, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::files::{RealFiles, failed};
use super::gate::Reading;
use super::identity::Lock;
use super::index::{Index, check_records, check_writes};
use super::newer;
use super::opening::{Options, Place};
use super::overlay::OwnerRows;
use super::sealing::Sealing;
use super::segments::{find_record_in_files, segment_path};
use super::shortening::{Draft, Fresh};
use super::writer::{Job, Shared, lock};
use super::{
    Done, Opened, Position, Project, Read, Record, Row, Segment, Shortened, Shorter, Store,
    StoreError, Verified, Writes,
};

/// A store in a folder: a journal in files, which is the truth, and a sled index made from it.
///
/// Reads run on the caller's thread, beside commits. All writing is done by one thread. Dropping
/// the store closes it; [`DiskStore::close`] also says whether that went well.
pub struct DiskStore {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
    /// Held while a segment is shortened: one after the other.
    shortening: Mutex<()>,
}

/// Records whose copies in the index are written again at once: a commit waits no longer than for one of
/// its own size.
const COPIED_RECORDS: usize = 256;

impl std::fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskStore")
            .field("root", &self.shared.place.root)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

impl DiskStore {
    /// Returns whether another process has the store of a folder open, where the system has file locks.
    #[must_use]
    pub fn is_open(root: &Path) -> bool {
        Lock::is_held(root)
    }

    /// Fails when a newer program has been at the store of a folder, for who is about to change what lies
    /// beside it; what is sealed is not looked into. Changes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Newer`], and [`StoreError::Io`] when the folder cannot be read.
    pub fn refuse_newer(root: &Path, project: &dyn Project) -> Result<(), StoreError> {
        newer::refuse(&RealFiles, root, project, None).map(drop)
    }

    /// Opens the store in a folder, or makes one there; repairs what a crash or damage left (see
    /// [`Store::opened`]). When there is no room to do so it opens for reading, and commits fail
    /// until [`Store::reopen`] succeeds.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::InUse`] when the folder is open elsewhere, [`StoreError::Newer`] when a
    /// newer program has been at it, and every file is as it was then, [`StoreError::Sealed`] and [`StoreError::OtherKey`] when it is sealed and
    /// its key is not given, what the projection says of a record, and [`StoreError::Io`] or
    /// [`StoreError::Full`] when the folder cannot be read or made.
    pub fn open(
        root: impl AsRef<Path>,
        project: Arc<dyn Project>,
        options: Options,
    ) -> Result<Self, StoreError> {
        let root = root.as_ref().to_path_buf();
        // Before the lock, which is a file that is written too.
        newer::refuse(&*options.files, &root, &*project, options.sealing.as_deref())?;
        let created = options.files.create_folder(&root);
        created.map_err(|source| failed("create", &root, source))?;
        let (held, lock_created) = Lock::take(&root, &options.holder, options.patience)?;
        let place = Place { root, options, lock_created };
        let parts = place.open(&project)?;
        let (shared, writer) = Shared::new(place, held, project, parts);
        let thread = std::thread::Builder::new().name("store-writer".into());
        let spawned = thread.spawn(move || writer.run());
        let writer = spawned
            .map_err(|source| failed("start a thread to write to", &shared.place.root, source))?;
        Ok(Self { shared, writer: Some(writer), shortening: Mutex::default() })
    }

    /// Closes the store: flushes the index and leaves a note, so that the next open is quick.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when that failed; nothing acknowledged is lost by it.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let (send, receive) = sync_channel(1);
        self.shared.push(Job::Close(send));
        if std::thread::current().id() == writer.thread().id() {
            // Dropped inside a callback: the writer ends by itself after it.
            return Ok(());
        }
        let closed = receive.recv().unwrap_or(Err(StoreError::Closed));
        // A panic of the thread has been reported by the panic hook.
        drop(writer.join());
        closed
    }

    fn ask<T>(
        &self,
        job: impl FnOnce(SyncSender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        if self.shared.gate.held_here() {
            return Err(StoreError::ViewHeld);
        }
        let (send, receive) = sync_channel(1);
        self.shared.push(job(send));
        receive.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Reads from the index; from one made anew in memory when the engine fails.
    fn with_index<T>(
        &self,
        work: impl Fn(&Index) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let index = self.shared.index()?;
        match work(&index) {
            Err(
                error @ (StoreError::Engine { .. }
                | StoreError::Full { .. }
                | StoreError::Io { .. }),
            ) => work(&*self.shared.fall_back(&index, &error)?),
            answer => answer,
        }
    }

    fn find_in_journal(&self, at: Position) -> Result<Option<Record>, StoreError> {
        let place = &self.shared.place;
        find_record_in_files(&*place.options.files, &place.journal_folder(), at, self.sealing())
    }

    /// Returns the records of a closed segment, shortened, and where they belong.
    fn draft(
        &self,
        number: u64,
        shorter: Shorter<'_>,
    ) -> Result<(Draft, (SegmentHeader, Head)), StoreError> {
        let place = &self.shared.place;
        let path = segment_path(&place.journal_folder(), number);
        let damaged = || StoreError::Damaged { what: path.display().to_string() };
        let closed = self.ask(Job::Closed)?;
        let found = closed.into_iter().find(|(header, _)| header.number == number);
        let (header, closing) = found.ok_or(StoreError::NoSegment { segment: number })?;
        let read = place.options.files.read(&path);
        let bytes = read.map_err(|source| failed("read", &path, source))?;
        let (start, records) = bytes.split_at_checked(SEGMENT_HEADER_BYTES).ok_or_else(damaged)?;
        if SegmentHeader::decode(start) != Ok(header) {
            return Err(damaged());
        }
        let heads = (header.before, closing);
        let draft = Draft::make(records, header.store, heads, self.sealing(), shorter)?;
        Ok((draft.ok_or_else(damaged)?, (header, closing)))
    }

    fn sealing(&self) -> Option<&dyn Sealing> {
        self.shared.place.options.sealing.as_deref()
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`; what was acknowledged is safe either way.
        drop(self.end());
    }
}

/// Rows as they are while no commit may change them.
struct DiskView<'a> {
    store: &'a DiskStore,
    _reading: Reading<'a>,
}

impl Read for DiskStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.with_index(|index| index.contained(|engine| OwnerRows(engine).get(key)))
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.with_index(|index| {
            index.contained(|engine| OwnerRows(engine).scan(prefix, after, limit))
        })
    }
}

impl Read for DiskView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.store.scan(prefix, after, limit)
    }
}

impl Store for DiskStore {
    fn submit(&self, records: Vec<Record>, done: Done) {
        match check_records(&records) {
            Ok(()) => self.shared.push(Job::Commit(records, done)),
            Err(error) => done(Err(error)),
        }
    }

    fn commit(&self, records: Vec<Record>) -> Result<Position, StoreError> {
        check_records(&records)?;
        self.ask(|send| {
            let done: Done = Box::new(move |outcome| {
                // The receiver lives until the outcome has come.
                drop(send.send(outcome));
            });
            Job::Commit(records, done)
        })
    }

    fn derive(&self, writes: Writes) -> Result<(), StoreError> {
        check_writes(&writes)?;
        self.ask(|send| Job::Derive(writes, send))
    }

    fn record(&self, at: Position) -> Result<Option<Record>, StoreError> {
        if at.0 == 0 || at > self.position() {
            return Ok(None);
        }
        let copied = self.with_index(|index| {
            let store = index.meta().store;
            Ok(index.copy(at)?.map(|(entry, _)| (entry, store)))
        });
        match copied {
            Ok(Some((entry, _))) if entry.lost => {
                Err(StoreError::Damaged { what: format!("record {}, which was lost,", at.0) })
            }
            Ok(Some((entry, store))) => match entry.plain(store, self.sealing()) {
                Ok(record) => Ok(Some(record.into_owned())),
                Err(_) => self.find_in_journal(at),
            },
            Ok(None) | Err(_) => self.find_in_journal(at),
        }
    }

    fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        let place = &self.shared.place;
        let mut segments = Vec::new();
        for (header, closing) in self.ask(Job::Closed)? {
            let path = segment_path(&place.journal_folder(), header.number);
            let start = place.options.files.read_start(&path, 0);
            let (_, bytes) = start.map_err(|source| failed("read", &path, source))?;
            segments.push(Segment {
                number: header.number,
                first: Position(header.before.position.0 + 1),
                last: closing.position,
                bytes,
                shortened: header.form.closing().is_some(),
            });
        }
        Ok(segments)
    }

    fn shorten(&self, segment: u64, shorter: Shorter<'_>) -> Result<Shortened, StoreError> {
        let _one = lock(&self.shortening);
        let (draft, place) = self.draft(segment, shorter)?;
        if draft.lengths.after >= draft.lengths.before {
            return Ok(draft.kept());
        }
        let (files, folder) =
            (&self.shared.place.options.files, self.shared.place.journal_folder());
        if !self
            .shared
            .place
            .has_room(self.shared.place.options.free_bytes_min.saturating_add(draft.lengths.after))
        {
            return Err(StoreError::Full { action: "shorten the journal" });
        }
        let fresh = Fresh::write(&**files, &folder, place, &draft)?;
        self.ask(|send| Job::Swap(Box::new(fresh), send))?;
        for shorter in draft.shorter().chunks(COPIED_RECORDS) {
            self.ask(|send| Job::CopyAgain(shorter.to_vec(), send))?;
        }
        Ok(draft.lengths)
    }

    fn position(&self) -> Position {
        Position(self.shared.position.load(Ordering::Acquire))
    }

    fn read(&self) -> Box<dyn Read + '_> {
        Box::new(DiskView { store: self, _reading: self.shared.gate.read() })
    }

    fn verify(&self) -> Result<Verified, StoreError> {
        self.ask(Job::Verify)
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.ask(Job::Reopen)
    }

    fn opened(&self) -> Opened {
        lock(&self.shared.opened).clone()
    }
}
