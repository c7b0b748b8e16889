//! The one thread that writes: commits in groups, derived rows, checkpoints, opening anew, closing.
//!
//! A group is what waits when the thread becomes free, so a lone writer never waits for others, and
//! many writers share one sync.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::entry::{Head, SegmentHeader, StoreId};
use super::gate::Gate;
use super::identity::{Identity, Lock};
use super::index::{Encoded, Index};
use super::journal::Journal;
use super::memory::{refuses_only, sticky};
use super::opening::{Parts, Place};
use super::reached::Reached;
use super::segments::FileJournal;
use super::shortening::Fresh;
use super::{Done, Opened, Position, Project, Record, StoreError, Verified, Writes};

/// Commits are gathered up to this many bytes for one sync: a sync of more takes longer than the
/// next one would.
const GROUP_BYTES_MAX: usize = 1 << 20;

/// What may wait to be written, in bytes. A store that cannot keep up says so instead of taking all
/// memory.
const QUEUE_BYTES_MAX: usize = 64 << 20;

/// A reader holds the index only for one read; it is asked for again after this pause.
const RELEASE_PAUSE: Duration = Duration::from_millis(1);
/// And so often, before it is left to a reader that hangs in a failed engine.
const RELEASE_TRIES: u32 = 5_000;

/// Work for the writer.
pub(super) enum Job {
    /// Make records durable and visible.
    Commit(Vec<Record>, Done),
    /// Write derived rows.
    Derive(Writes, SyncSender<Result<(), StoreError>>),
    /// Name the segments that nothing is appended to any more.
    Closed(SyncSender<Result<Vec<(SegmentHeader, Head)>, StoreError>>),
    /// Put a shortened segment in its place.
    Swap(Box<Fresh>, SyncSender<Result<(), StoreError>>),
    /// Put shorter copies of records into the index.
    CopyAgain(Vec<Encoded>, SyncSender<Result<(), StoreError>>),
    /// Check everything.
    Verify(SyncSender<Result<Verified, StoreError>>),
    /// Close and open.
    Reopen(SyncSender<Result<(), StoreError>>),
    /// End, leaving a note that says so.
    Close(SyncSender<Result<(), StoreError>>),
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    bytes: usize,
    ended: bool,
}

/// What the writer and the readers share.
pub(super) struct Shared {
    /// Held by views, and by the writer while rows change.
    pub(super) gate: Gate,
    /// The rows; empty only while the store is opened anew, or when that failed.
    pub(super) index: RwLock<Option<Arc<Index>>>,
    /// What the last opening did.
    pub(super) opened: Mutex<Opened>,
    /// Why nothing may be committed.
    pub(super) poison: Mutex<Option<StoreError>>,
    /// The last durable record.
    pub(super) position: AtomicU64,
    /// The folder.
    pub(super) place: Place,
    /// The owner's projection.
    pub(super) project: Arc<dyn Project>,
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Released when the last of writer and store is gone.
    _lock: Lock,
}

impl Shared {
    /// Takes up an opened store; the writer gets the rest.
    pub(super) fn new(
        place: Place,
        lock: Lock,
        project: Arc<dyn Project>,
        parts: Parts,
    ) -> (Arc<Self>, Writer) {
        let shared = Arc::new(Self {
            gate: Gate::new(),
            index: RwLock::new(None),
            opened: Mutex::default(),
            poison: Mutex::default(),
            position: AtomicU64::new(0),
            place,
            project,
            queue: Mutex::default(),
            wake: Condvar::new(),
            _lock: lock,
        });
        let mut writer = Writer {
            shared: Arc::clone(&shared),
            journal: None,
            identity: None,
            unflushed: 0,
            reached: None,
        };
        writer.take_up(parts, &mut shared.index.write().unwrap_or_else(PoisonError::into_inner));
        (shared, writer)
    }

    /// Queues work. A commit is refused when too much waits already.
    pub(super) fn push(&self, job: Job) {
        let mut queue = lock(&self.queue);
        let bytes = job.bytes();
        let refusal = if queue.ended {
            Some(StoreError::Closed)
        } else if queue.bytes + bytes > QUEUE_BYTES_MAX && !queue.jobs.is_empty() && bytes > 0 {
            Some(StoreError::Busy { bytes: queue.bytes })
        } else {
            None
        };
        if let Some(refusal) = refusal {
            drop(queue);
            return job.refuse(&refusal);
        }
        queue.bytes += bytes;
        queue.jobs.push_back(job);
        drop(queue);
        self.wake.notify_one();
    }

    /// The rows, for one operation. Waits while the store is opened anew.
    pub(super) fn index(&self) -> Result<Arc<Index>, StoreError> {
        let slot = self.index.read().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            Some(index) => Ok(Arc::clone(index)),
            None => Err(self.refusal().unwrap_or(StoreError::Closed)),
        }
    }

    /// The engine failed and may read nothing more: stops commits and makes the rows that it had
    /// anew in memory, so that reading goes on.
    pub(super) fn fall_back(
        &self,
        failed: &Arc<Index>,
        error: &StoreError,
    ) -> Result<Arc<Index>, StoreError> {
        self.set_poison(error);
        let mut slot = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = slot.as_ref().filter(|present| !Arc::ptr_eq(present, failed)) {
            return Ok(Arc::clone(present));
        }
        let meta = failed.meta();
        let memory = self.place.index_in_memory(&self.project, meta.store, meta.head.position)?;
        let memory = Arc::new(memory);
        *slot = Some(Arc::clone(&memory));
        self.note_all();
        Ok(memory)
    }

    /// The index was made anew: any row may read otherwise now.
    fn note_all(&self) {
        if let Some(touched) = &self.place.options.touched {
            touched.note_all();
        }
    }

    /// The engine failed on commits that are durable: makes the rows anew in memory, so that they
    /// show and may be answered with Ok. Where that fails too nothing is read until the store is
    /// opened again, because old rows would deny them, and the answers say so.
    fn show_durable(
        &self,
        failed: &Index,
        head: Head,
        cause: &StoreError,
        answers: &mut [(Done, Result<Position, StoreError>)],
    ) {
        let _writing = self.gate.write();
        let mut slot = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let store = failed.meta().store;
        let memory = self.place.index_in_memory(&self.project, store, head.position);
        *slot = memory.ok().filter(|memory| memory.meta().head == head).map(Arc::new);
        self.note_all();
        if slot.is_some() {
            return;
        }
        for (_, result) in answers {
            if let Ok(at) = *result {
                *result = Err(StoreError::Unseen { at, cause: cause.to_string() });
            }
        }
    }

    /// The first failure, in the words for later commits.
    pub(super) fn refusal(&self) -> Option<StoreError> {
        lock(&self.poison).as_ref().map(sticky)
    }

    fn set_poison(&self, cause: &StoreError) {
        lock(&self.poison).get_or_insert_with(|| cause.clone());
    }
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Commit(records, _) => bytes_of(records),
            _ => 0,
        }
    }

    fn refuse(self, error: &StoreError) {
        match self {
            Self::Commit(_, done) => answer(done, Err(error.clone())),
            Self::Derive(_, reply)
            | Self::Swap(_, reply)
            | Self::CopyAgain(_, reply)
            | Self::Reopen(reply)
            | Self::Close(reply) => send(&reply, Err(error.clone())),
            Self::Closed(reply) => send(&reply, Err(error.clone())),
            Self::Verify(reply) => send(&reply, Err(error.clone())),
        }
    }
}

/// The thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    journal: Option<FileJournal>,
    /// The note to write with the next commit, after the folder moved.
    identity: Option<Identity>,
    /// Changes of the index since its last flush.
    unflushed: u64,
    /// How far the journal had come by the last note of it; none before the first commit.
    reached: Option<Position>,
}

impl Writer {
    /// Works until the store is closed.
    pub(super) fn run(mut self) {
        loop {
            let batch = self.next_batch();
            let mut commits = Vec::new();
            for job in batch {
                match job {
                    None => self.checkpoint(),
                    Some(Job::Commit(records, done)) => commits.push((records, done)),
                    Some(Job::Derive(writes, reply)) => send(&reply, self.derive(&writes)),
                    Some(Job::Closed(reply)) => send(&reply, self.closed_segments()),
                    Some(Job::Swap(fresh, reply)) => send(&reply, self.swap(&fresh)),
                    Some(Job::CopyAgain(shorter, reply)) => {
                        send(&reply, self.copy_again(&shorter));
                    }
                    Some(Job::Verify(reply)) => send(&reply, self.verify()),
                    Some(Job::Reopen(reply)) => send(&reply, self.reopen()),
                    Some(Job::Close(reply)) => {
                        let closed = self.close();
                        // Before the answer, so that the folder is free when it has come.
                        drop(self);
                        return send(&reply, closed);
                    }
                }
            }
            if !commits.is_empty() {
                self.commits(commits);
            }
        }
    }

    /// Waits for work and takes commits that wait together, or one other job. `None` means that it
    /// is time to flush the index.
    fn next_batch(&self) -> Vec<Option<Job>> {
        let mut queue = lock(&self.shared.queue);
        while queue.jobs.is_empty() {
            if self.unflushed == 0 {
                queue = self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let every = self.shared.place.options.checkpoint_every;
            let waited = self.shared.wake.wait_timeout(queue, every);
            let (back, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = back;
            if timeout.timed_out() && queue.jobs.is_empty() {
                return vec![None];
            }
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some(job) = queue.jobs.front() {
            let is_commit = matches!(job, Job::Commit(..));
            let is_close = matches!(job, Job::Close(_));
            let job_bytes = job.bytes();
            bytes += job_bytes;
            if !batch.is_empty() && (!is_commit || bytes > GROUP_BYTES_MAX) {
                break;
            }
            queue.bytes -= job_bytes;
            queue.ended |= is_close;
            batch.push(queue.jobs.pop_front());
            if !is_commit {
                break;
            }
        }
        batch
    }

    fn commits(&mut self, mut waiting: Vec<(Vec<Record>, Done)>) {
        let bytes: usize = waiting.iter().map(|(records, _)| bytes_of(records)).sum();
        if let Err(refusal) = self.check_room(bytes) {
            for (_, done) in waiting {
                answer(done, Err(refusal.clone()));
            }
            return;
        }
        while !waiting.is_empty() {
            let mut answers = Vec::new();
            let outcome = match self.shared.refusal() {
                Some(refusal) => Err(refusal),
                None => self.commit_group(&mut waiting, &mut answers),
            };
            if let Err(error) = &outcome {
                self.shared.set_poison(error);
                answers.extend(waiting.drain(..).map(|(_, done)| (done, Ok(Position(0)))));
            }
            for (done, result) in answers {
                // A commit's own refusal says more than what became of its group.
                answer(done, result.and_then(|position| outcome.clone().map(|()| position)));
            }
        }
        if self.unflushed >= self.shared.place.options.checkpoint_records {
            self.checkpoint();
        }
    }

    /// Refuses, without a failure that would stick, what might fill the disk: sled must never meet
    /// a full one.
    fn check_room(&self, bytes: usize) -> Result<(), StoreError> {
        let place = &self.shared.place;
        if place.has_room(place.options.free_bytes_min.saturating_add(bytes as u64)) {
            return Ok(());
        }
        Err(self.shared.refusal().unwrap_or(StoreError::Full { action: "commit" }))
    }

    /// Takes as many commits as fit into one group, makes them durable and visible.
    fn commit_group(
        &mut self,
        waiting: &mut Vec<(Vec<Record>, Done)>,
        answers: &mut Vec<(Done, Result<Position, StoreError>)>,
    ) -> Result<(), StoreError> {
        let index = self.shared.index()?;
        let journal = self.journal.as_mut().ok_or(StoreError::Closed)?;
        let mut group = index.group();
        let count = waiting.len();
        let mut rest = std::mem::take(waiting).into_iter();
        for (records, done) in rest.by_ref().take(count) {
            if !group.has_room(records.len()) {
                waiting.push((records, done));
                break;
            }
            match group.add(records) {
                Ok(position) => answers.push((done, Ok(position))),
                Err(error) if refuses_only(&error) => answers.push((done, Err(error))),
                Err(error) => {
                    answers.push((done, Err(error.clone())));
                    waiting.extend(rest);
                    return Err(error);
                }
            }
        }
        waiting.extend(rest);
        if group.is_empty() {
            return Ok(());
        }
        let rows = group.finish();
        let (head, records) = (rows.head, rows.entries.len() as u64);
        journal.append(&rows.entries, head)?;
        // Durable from here on: whoever is told of a failure must not take it for absent.
        self.shared.position.store(head.position.0, Ordering::Release);
        let touched = self.shared.place.options.touched.clone();
        let names = touched.as_ref().map(|touched| touched.names_in(rows.keys()));
        let applied = {
            let _writing = self.shared.gate.write();
            index.apply(rows)
        };
        if let Err(error) = applied {
            self.shared.set_poison(&error);
        } else if let (Some(touched), Some(names)) = (touched, names) {
            touched.note(names);
        }
        // A reader may have found the engine failing meanwhile.
        if let Some(refusal) = self.shared.refusal() {
            self.shared.show_durable(&index, head, &refusal, answers);
            return Ok(());
        }
        self.unflushed += records;
        self.settle_identity();
        if self.reached.is_none() {
            self.note_reach(index.meta().store);
        }
        Ok(())
    }

    /// Notes how far the journal has come: with the first commit, so that nothing acknowledged after the
    /// opening is lost unnoticed by a copy of before, then now and then. Best effort: without the note
    /// less is noticed, and the next commit or checkpoint tries again.
    fn note_reach(&mut self, store: StoreId) {
        let place = &self.shared.place;
        let Some(journal) = self.journal.as_ref().filter(|_| place.options.notes_reach) else {
            return;
        };
        let position = journal.head().position;
        if self.reached != Some(position)
            && (Reached { store, position }).write(&*place.options.files, &place.root).is_ok()
        {
            self.reached = Some(position);
        }
    }

    /// The first commit after the folder moved: the owner has taken note. Best effort: without the
    /// note the next open says it again.
    fn settle_identity(&mut self) {
        let place = &self.shared.place;
        if let Some(identity) = &self.identity
            && identity.write(&*place.options.files, &place.root).is_ok()
        {
            self.identity = None;
        }
    }

    fn derive(&mut self, writes: &Writes) -> Result<(), StoreError> {
        if let Some(refusal) = self.shared.refusal() {
            return Err(refusal);
        }
        self.check_room(0)?;
        let index = self.shared.index()?;
        let derived = {
            let _writing = self.shared.gate.write();
            index.derive(writes)
        };
        if let Err(error) = &derived {
            self.shared.set_poison(error);
        } else if let Some(touched) = &self.shared.place.options.touched {
            touched.note(touched.names_in(writes.0.keys()));
        }
        self.unflushed += 1;
        derived
    }

    fn closed_segments(&self) -> Result<Vec<(SegmentHeader, Head)>, StoreError> {
        Ok(self.journal.as_ref().ok_or(StoreError::Closed)?.closed())
    }

    /// Puts a shortened segment in its place. The index is flushed before: what is durable of it must not
    /// end amid the segment, whose records have another chain from then on.
    fn swap(&mut self, fresh: &Fresh) -> Result<(), StoreError> {
        self.checkpoint();
        if let Some(refusal) = self.shared.refusal() {
            return Err(refusal);
        }
        let swapped = self.journal.as_mut().ok_or(StoreError::Closed)?.swap(fresh);
        if let Err(error @ (StoreError::Io { .. } | StoreError::Full { .. })) = &swapped {
            self.shared.set_poison(error);
        }
        swapped
    }

    fn copy_again(&mut self, shorter: &[Encoded]) -> Result<(), StoreError> {
        if let Some(refusal) = self.shared.refusal() {
            return Err(refusal);
        }
        self.check_room(0)?;
        let index = self.shared.index()?;
        let copied = {
            let _writing = self.shared.gate.write();
            index.copy_again(shorter)
        };
        if let Err(error) = &copied {
            self.shared.set_poison(error);
        }
        self.unflushed += shorter.len() as u64;
        copied
    }

    fn checkpoint(&mut self) {
        self.unflushed = 0;
        if self.shared.refusal().is_some() {
            return;
        }
        match self.shared.index().and_then(|index| index.flush().map(|()| index.meta().store)) {
            // Only after a commit: until then an opening that found an older journal says so again.
            Ok(store) if self.reached.is_some() => self.note_reach(store),
            Ok(_) => {}
            Err(error) => self.shared.set_poison(&error),
        }
    }

    fn verify(&self) -> Result<Verified, StoreError> {
        let mut report = Verified::default();
        let index = self.shared.index()?;
        let journal = self.journal.as_ref().ok_or(StoreError::Closed)?;
        journal.check(&mut report)?;
        index.check(&mut report)?;
        Ok(report)
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        // Without room the result would be a store that refuses as this one does; reading goes on.
        self.check_room(0)?;
        let shared = Arc::clone(&self.shared);
        let _writing = shared.gate.write();
        let mut slot = shared.index.write().unwrap_or_else(PoisonError::into_inner);
        release(slot.take());
        if let Some(journal) = self.journal.take() {
            journal.abandon();
        }
        lock(&shared.poison).take();
        match shared.place.open(&shared.project) {
            Ok(parts) => {
                // Readers wait for the slot until the new index is in it.
                self.take_up(parts, &mut slot);
                drop(slot);
                shared.note_all();
                lock(&shared.poison).clone().map_or(Ok(()), Err)
            }
            Err(error) => {
                shared.set_poison(&error);
                Err(error)
            }
        }
    }

    fn take_up(&mut self, parts: Parts, slot: &mut Option<Arc<Index>>) {
        let shared = &self.shared;
        shared.position.store(parts.journal.head().position.0, Ordering::Release);
        *lock(&shared.opened) = parts.opened;
        *lock(&shared.poison) = parts.poison;
        *slot = Some(Arc::new(parts.index));
        self.journal = Some(parts.journal);
        self.identity = parts.settle_identity;
        self.unflushed = 0;
        self.reached = None;
    }

    fn close(&mut self) -> Result<(), StoreError> {
        let refused: Vec<Job> = lock(&self.shared.queue).jobs.drain(..).collect();
        for job in refused {
            job.refuse(&StoreError::Closed);
        }
        let mut slot = self.shared.index.write().unwrap_or_else(PoisonError::into_inner);
        let refusal = self.shared.refusal();
        let flushed = match (&refusal, &*slot) {
            (None, Some(index)) => index.flush(),
            // A failed engine may hang.
            _ => Ok(()),
        };
        let store = slot.as_ref().map(|index| index.meta().store);
        release(slot.take());
        drop(slot);
        if let Some(store) = store.filter(|_| refusal.is_none() && self.reached.is_some()) {
            self.note_reach(store);
        }
        let journal = self.journal.take();
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        flushed?;
        journal.map_or(Ok(()), |journal| self.shared.place.close(journal.head()))
    }
}

/// Waits for the last reader to let go of an index, so that its files are free afterwards.
fn release(index: Option<Arc<Index>>) {
    let Some(mut index) = index else { return };
    for _ in 0..RELEASE_TRIES {
        match Arc::try_unwrap(index) {
            Ok(index) => return drop(index),
            Err(still_used) => index = still_used,
        }
        std::thread::sleep(RELEASE_PAUSE);
    }
}

fn bytes_of(records: &[Record]) -> usize {
    records.iter().map(|record| record.payload.len() + size_of::<Record>()).sum()
}

fn answer(done: Done, result: Result<Position, StoreError>) {
    // The callback is the owner's; its panic must not end the writer.
    drop(catch_unwind(AssertUnwindSafe(|| done(result))));
}

/// Whoever asked may have gone away.
fn send<T>(reply: &SyncSender<T>, answer: T) {
    drop(reply.send(answer));
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
