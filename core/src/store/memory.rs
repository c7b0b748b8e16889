//! The store in memory: for tests and for the simulator.
//!
//! It uses no thread, no clock and no randomness; a commit is done when `submit` returns. A
//! [`MemoryDisk`] is what stays when the store is dropped; it can be full, fail to sync, lose its
//! power, and be copied as a backup would.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::entry::{Head, StoreId};
use super::index::{Index, check_records, check_writes};
use super::journal::{Fault, Journal, MemoryJournal, PART_RECORDS};
use super::overlay::OwnerRows;
use super::rows::{Batch, Engine};
use super::shortening::Draft;
use super::{
    Done, Opened, Position, Project, Read, Record, Row, Segment, Shortened, Shorter, Store,
    StoreError, Verified, Writes,
};

/// Rows of a memory engine; shared with views, so a commit copies them only while one is held.
type Table = BTreeMap<Vec<u8>, Vec<u8>>;

/// An engine whose rows live in memory only.
#[derive(Debug, Default)]
pub(super) struct MemoryEngine {
    rows: RwLock<Arc<Table>>,
}

impl MemoryEngine {
    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine for Arc<MemoryEngine> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Frozen(self.table()).get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        Frozen(self.table()).scan(prefix, after, limit)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let table = Arc::make_mut(&mut rows);
        for (key, value) in batch {
            match value {
                Some(value) => table.insert(key, value),
                None => table.remove(&key),
            };
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Rows as they were at one moment.
struct Frozen(Arc<Table>);

impl Engine for Frozen {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let rows = self.0.range::<[u8], _>((from, Bound::Unbounded));
        let rows = rows.take_while(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&self, _: Batch) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A view of a [`MemoryStore`].
struct MemoryView(Frozen);

impl Read for MemoryView {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        OwnerRows(&self.0).get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        OwnerRows(&self.0).scan(prefix, after, limit)
    }
}

/// What a [`MemoryStore`] leaves behind: a simulated disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct MemoryDisk(Arc<Mutex<Platter>>);

#[derive(Debug)]
struct Platter {
    store: StoreId,
    journal: MemoryJournal,
    in_use: bool,
    moved: bool,
    created: bool,
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryDisk {
    /// Makes an empty disk.
    #[must_use]
    pub fn new() -> Self {
        let store = StoreId(*b"a memory store 1");
        let journal = MemoryJournal::new(store);
        let platter = Platter { store, journal, in_use: false, moved: false, created: true };
        Self(Arc::new(Mutex::new(platter)))
    }

    /// Returns another disk with what this one durably holds now: a backup, or a clone. A store
    /// opened on it says [`Opened::moved`] until its first commit.
    #[must_use]
    pub fn copy(&self) -> Self {
        let platter = self.platter();
        let mut journal = platter.journal.clone();
        journal.settle(false);
        journal.fault = None;
        let copy =
            Platter { store: platter.store, journal, in_use: false, moved: true, created: false };
        Self(Arc::new(Mutex::new(copy)))
    }

    /// As [`MemoryDisk::copy`], but nothing about the copy gives it away: the case that only the
    /// hub can find out.
    #[must_use]
    pub fn copy_unnoticed(&self) -> Self {
        let copy = self.copy();
        copy.platter().moved = false;
        copy
    }

    /// Sets what goes wrong from now on; `None` heals the disk, after which the store must be
    /// reopened.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.platter().journal.fault = fault;
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store in memory.
pub struct MemoryStore {
    disk: MemoryDisk,
    project: Arc<dyn Project>,
    /// Swapped when the store is opened anew.
    engine: RwLock<Arc<MemoryEngine>>,
    state: Mutex<State>,
}

struct State {
    index: Index,
    poison: Option<StoreError>,
    opened: Opened,
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").field("position", &self.position()).finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// Makes a store on an empty disk.
    ///
    /// # Panics
    ///
    /// Never: an empty disk always opens.
    #[must_use]
    pub fn new(project: Arc<dyn Project>) -> Self {
        Self::open(&MemoryDisk::new(), project).expect("an empty disk always opens")
    }

    /// Opens what a disk holds.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::InUse`] while another store has the disk, and what the projection says
    /// of a record.
    pub fn open(disk: &MemoryDisk, project: Arc<dyn Project>) -> Result<Self, StoreError> {
        if std::mem::replace(&mut disk.platter().in_use, true) {
            return Err(StoreError::InUse { path: "a memory disk".into(), holder: None });
        }
        match load(disk, &project) {
            Ok((engine, state)) => Ok(Self {
                disk: disk.clone(),
                project,
                engine: RwLock::new(engine),
                state: Mutex::new(state),
            }),
            Err(error) => {
                disk.platter().in_use = false;
                Err(error)
            }
        }
    }

    /// The disk below; it outlives the store.
    #[must_use]
    pub fn disk(&self) -> MemoryDisk {
        self.disk.clone()
    }

    /// Sets what goes wrong on the disk from now on.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.disk.set_fault(fault);
    }

    /// Cuts the power and starts again: everything that was not durable is gone, derived rows
    /// included. What a failed sync left open is kept or lost as the argument says.
    ///
    /// # Errors
    ///
    /// As [`MemoryStore::open`].
    pub fn power_cut(&self, keep_unsynced: bool) -> Result<(), StoreError> {
        self.disk.platter().journal.settle(keep_unsynced);
        self.reload()
    }

    /// As [`MemoryStore::power_cut`], in the midst of the sync that failed: of the `n` bytes that it left open
    /// the first `draw % (n + 1)` are on the disk, and with them the commits that are whole.
    ///
    /// # Errors
    ///
    /// As [`MemoryStore::open`].
    pub fn power_cut_torn(&self, draw: usize) -> Result<(), StoreError> {
        self.disk.platter().journal.settle_torn(draw);
        self.reload()
    }

    fn reload(&self) -> Result<(), StoreError> {
        let mut state = self.state();
        let (engine, fresh) = load(&self.disk, &self.project)?;
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = engine;
        *state = fresh;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self) -> Arc<MemoryEngine> {
        Arc::clone(&self.engine.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn try_commit(&self, records: Vec<Record>) -> Result<Position, StoreError> {
        check_records(&records)?;
        let mut state = self.state();
        if let Some(cause) = &state.poison {
            return Err(sticky(cause));
        }
        let outcome = self.append(&state.index, records);
        if let Err(error) = &outcome
            && !refuses_only(error)
        {
            state.poison = Some(error.clone());
        }
        outcome
    }

    /// As on disk, but in one step: nothing can happen to memory in between.
    fn shorten_part(&self, number: u64, shorter: Shorter<'_>) -> Result<Shortened, StoreError> {
        let damaged = || StoreError::Damaged { what: format!("part {number} of a memory disk") };
        let end = number.saturating_mul(PART_RECORDS);
        let (store, before, part) = {
            let platter = self.disk.platter();
            let journal = &platter.journal;
            if !journal.part_ends().any(|one| one == end) {
                return Err(StoreError::NoSegment { segment: number });
            }
            let mut heads = (None, None);
            journal.visit(Position(0), &mut |encoded| {
                let head = Head { position: encoded.entry.position, chain: encoded.after };
                match encoded.entry.position.0 {
                    at if at == end - PART_RECORDS => heads.0 = Some(head),
                    at if at == end => heads.1 = Some(head),
                    _ => {}
                }
                Ok(())
            })?;
            let before = heads.0.unwrap_or_else(|| Head::start(platter.store));
            let closing = heads.1.ok_or_else(damaged)?;
            (platter.store, (before, closing), journal.part(end).concat())
        };
        let draft = Draft::make(&part, store, before, None, shorter)?.ok_or_else(damaged)?;
        if draft.lengths.after >= draft.lengths.before {
            return Ok(draft.kept());
        }
        let state = self.state();
        {
            let mut platter = self.disk.platter();
            if platter.journal.fault.is_some() {
                return Err(StoreError::Full { action: "shorten the journal" });
            }
            let records = draft.entries.iter().map(|encoded| encoded.bytes.clone()).collect();
            platter.journal.swap(before.1, records);
        }
        state.index.copy_again(&draft.shorter())?;
        Ok(draft.lengths)
    }

    fn append(&self, index: &Index, records: Vec<Record>) -> Result<Position, StoreError> {
        let mut group = index.group();
        let position = group.add(records)?;
        let rows = group.finish();
        {
            let mut platter = self.disk.platter();
            platter.journal.append(&rows.entries, rows.head)?;
            platter.moved = false;
        }
        // Durable already: a failure now must not be taken for absence.
        index
            .apply(rows)
            .map_err(|cause| StoreError::Unseen { at: position, cause: cause.to_string() })?;
        Ok(position)
    }
}

fn load(
    disk: &MemoryDisk,
    project: &Arc<dyn Project>,
) -> Result<(Arc<MemoryEngine>, State), StoreError> {
    let mut platter = disk.platter();
    let engine = Arc::new(MemoryEngine::default());
    let index = Index::load(Box::new(Arc::clone(&engine)), Arc::clone(project), platter.store)?
        .ok_or_else(|| StoreError::Damaged { what: "an empty index".into() })?;
    let mut replayed = 0;
    platter.journal.visit(Position(0), &mut |encoded| {
        let mut group = index.group();
        group.replay(encoded)?;
        replayed += 1;
        index.apply(group.finish())
    })?;
    let created = std::mem::replace(&mut platter.created, false);
    let opened = Opened { replayed, moved: platter.moved, created, ..Opened::default() };
    Ok((engine, State { index, poison: None, opened }))
}

/// Whether an error concerns one commit only, so that the store goes on.
pub(super) fn refuses_only(error: &StoreError) -> bool {
    matches!(error, StoreError::TooLarge { .. } | StoreError::Meaningless { .. })
}

/// What later commits are told after a failure.
pub(super) fn sticky(cause: &StoreError) -> StoreError {
    match cause {
        StoreError::Full { action } => StoreError::Full { action },
        cause => StoreError::Poisoned { cause: cause.to_string() },
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.disk.platter().in_use = false;
    }
}

impl Read for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        OwnerRows(&self.engine()).get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        OwnerRows(&self.engine()).scan(prefix, after, limit)
    }
}

impl Store for MemoryStore {
    fn submit(&self, records: Vec<Record>, done: Done) {
        // Outside of the lock, so that the callback may commit again.
        done(self.try_commit(records));
    }

    fn derive(&self, writes: Writes) -> Result<(), StoreError> {
        check_writes(&writes)?;
        let state = self.state();
        if let Some(cause) = &state.poison {
            return Err(sticky(cause));
        }
        state.index.derive(&writes)
    }

    fn record(&self, at: Position) -> Result<Option<Record>, StoreError> {
        let Some((entry, _)) = self.state().index.copy(at)? else { return Ok(None) };
        Ok(Some(entry.record))
    }

    fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        let platter = self.disk.platter();
        let journal = &platter.journal;
        let segment = |end: u64| Segment {
            number: end / PART_RECORDS,
            first: Position(end - PART_RECORDS + 1),
            last: Position(end),
            bytes: journal.part(end).iter().map(|bytes| bytes.len() as u64).sum(),
            shortened: journal.is_short(end),
        };
        Ok(journal.part_ends().map(segment).collect())
    }

    fn shorten(&self, segment: u64, shorter: Shorter<'_>) -> Result<Shortened, StoreError> {
        self.shorten_part(segment, shorter)
    }

    fn position(&self) -> Position {
        self.disk.platter().journal.head().position
    }

    fn read(&self) -> Box<dyn Read + '_> {
        Box::new(MemoryView(Frozen(self.engine().table())))
    }

    fn verify(&self) -> Result<Verified, StoreError> {
        let state = self.state();
        let mut report = Verified::default();
        self.disk.platter().journal.check(&mut report)?;
        state.index.check(&mut report)?;
        Ok(report)
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.disk.platter().journal.settle(false);
        self.reload()
    }

    fn opened(&self) -> Opened {
        self.state().opened.clone()
    }
}
