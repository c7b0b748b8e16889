//! The index: rows that a [`Project`] makes from records, in an engine, with a meta row that says
//! how far they reflect the journal.
//!
//! It never decides what is durable; the journal does. Panics of the engine and of the projection
//! are contained here and become errors.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::entry::{Chain, Entry, GROUP_RECORDS_MAX, Head, Marker, StoreId};
use super::overlay::{Overlay, Undo};
use super::rows::{
    Batch, Engine, Meta, PAGE_ROWS, Staging, check_rows, journal_key, lost_key, lost_prefix,
    meta_key, position_of, read_value, row_key,
};
use super::sealing::Sealing;
use super::{
    KEY_BYTES_MAX, Position, Project, RECORD_BYTES_MAX, Record, StoreError, Verified, Writes,
};

/// A record with the bytes that the journal and the index keep.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    /// The record.
    pub(super) entry: Entry,
    /// Header and payload.
    pub(super) bytes: Vec<u8>,
    /// The chain after it.
    pub(super) after: Chain,
}

/// An engine with the rows of one store.
pub(super) struct Index {
    engine: Box<dyn Engine>,
    project: Arc<dyn Project>,
    sealing: Option<Arc<dyn Sealing>>,
    meta: Mutex<Meta>,
}

impl Index {
    /// Takes up an engine. An empty one gets the meta row of an empty index in memory; `None` says
    /// that the engine holds something without a readable meta row.
    pub(super) fn load(
        engine: Box<dyn Engine>,
        project: Arc<dyn Project>,
        store: StoreId,
    ) -> Result<Option<Self>, StoreError> {
        let stored = contain("read the index", || engine.get(&meta_key()))?;
        let meta = match stored {
            Some(stored) => Meta::decode(&stored),
            None => contain("read the index", || engine.scan(&[], None, 1))?
                .is_empty()
                .then(|| Meta::empty(project.version(), store)),
        };
        Ok(meta.map(|meta| Self { engine, project, sealing: None, meta: Mutex::new(meta) }))
    }

    /// Seals the records of its groups.
    pub(super) fn with_sealing(self, sealing: Option<Arc<dyn Sealing>>) -> Self {
        Self { sealing, ..self }
    }

    /// What the index says of itself.
    pub(super) fn meta(&self) -> Meta {
        *self.meta.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from the engine; its panics become errors.
    pub(super) fn contained<T>(
        &self,
        work: impl FnOnce(&dyn Engine) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        contain("read the index", || work(&*self.engine))
    }

    /// Starts a group of commits after the index's head.
    pub(super) fn group(&self) -> Group<'_> {
        Group {
            index: self,
            overlay: Overlay::new(&*self.engine),
            marker: Marker::of(self.meta().store),
            store: self.meta().store,
            key: self.sealing.as_ref().map_or(0, |sealing| sealing.key()),
            head: self.meta().head,
            entries: Vec::new(),
            bytes: 0,
        }
    }

    /// Writes a group's rows, the copies of its records and the meta row, all or nothing. Its
    /// records must be durable by now.
    pub(super) fn apply(&self, group: GroupRows) -> Result<(), StoreError> {
        contain("write to the index", || {
            let mut staging = Staging::new(&*self.engine, self.meta());
            for encoded in &group.entries {
                let at = encoded.entry.position;
                staging.write(journal_key(at), Some(&encoded.bytes))?;
                if encoded.entry.lost {
                    staging.write(lost_key(at), Some(&[]))?;
                }
            }
            for (key, value) in &group.staged {
                staging.write(row_key(key), value.as_deref())?;
            }
            self.finish(staging.finish(group.head))
        })
    }

    /// Writes rows that no record stands for.
    pub(super) fn derive(&self, writes: &Writes) -> Result<(), StoreError> {
        contain("write to the index", || {
            let meta = self.meta();
            let mut staging = Staging::new(&*self.engine, meta);
            for (key, value) in &writes.0 {
                staging.write(row_key(key), value.as_deref())?;
            }
            self.finish(staging.finish(meta.head))
        })
    }

    /// Puts shorter copies of journal records in the place of those that are there.
    pub(super) fn copy_again(&self, shorter: &[Encoded]) -> Result<(), StoreError> {
        contain("write to the index", || {
            let meta = self.meta();
            let mut staging = Staging::new(&*self.engine, meta);
            for encoded in shorter {
                staging.write(journal_key(encoded.entry.position), Some(&encoded.bytes))?;
            }
            self.finish(staging.finish(meta.head))
        })
    }

    fn finish(&self, (batch, meta): (Batch, Meta)) -> Result<(), StoreError> {
        self.engine.apply(batch)?;
        *self.meta.lock().unwrap_or_else(PoisonError::into_inner) = meta;
        Ok(())
    }

    /// Makes all rows durable.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        contain("flush the index", || self.engine.flush())
    }

    /// Returns the copy of a journal record: header and payload, decoded and checked.
    pub(super) fn copy(&self, at: Position) -> Result<Option<(Entry, Vec<u8>)>, StoreError> {
        let key = journal_key(at);
        let Some(bytes) = contain("read the index", || read_value(&*self.engine, &key))? else {
            return Ok(None);
        };
        match Entry::decode(&bytes) {
            Some(entry) if entry.position == at => Ok(Some((entry, bytes))),
            _ => Err(StoreError::Damaged { what: format!("the index's copy of record {}", at.0) }),
        }
    }

    /// Returns the positions that were lost for good.
    pub(super) fn lost(&self) -> Result<Vec<Position>, StoreError> {
        let mut lost = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = contain("read the index", || {
                self.engine.scan(&lost_prefix(), after.as_deref(), PAGE_ROWS)
            })?;
            let Some((last, _)) = page.last() else { return Ok(lost) };
            after = Some(last.clone());
            lost.extend(page.iter().filter_map(|(key, _)| position_of(key)));
        }
    }

    /// Goes through every row and adds what it finds to `report`.
    pub(super) fn check(&self, report: &mut Verified) -> Result<(), StoreError> {
        let meta = self.meta();
        let (sum, damaged) =
            contain("check the index", || check_rows(&*self.engine, meta.sum.rows))?;
        report.rows = sum.rows;
        report.problems.extend(damaged.into_iter().map(|row| format!("{row} is damaged")));
        if sum != meta.sum {
            report.problems.push(format!(
                "the index holds other rows than it says ({} instead of {})",
                sum.rows, meta.sum.rows
            ));
        }
        let stored = contain("read the index", || self.engine.get(&meta_key()))?;
        if stored.is_some_and(|stored| Meta::decode(&stored) != Some(meta)) {
            report.problems.push("the index's meta row is damaged".into());
        }
        Ok(())
    }
}

/// Commits that become durable with one sync.
pub(super) struct Group<'a> {
    index: &'a Index,
    overlay: Overlay<'a>,
    marker: Marker,
    store: StoreId,
    /// The key that seals all of it.
    key: u32,
    head: Head,
    entries: Vec<Encoded>,
    bytes: usize,
}

/// What a [`Group`] comes to.
pub(super) struct GroupRows {
    /// Its records, with their bytes.
    pub(super) entries: Vec<Encoded>,
    /// The head after it.
    pub(super) head: Head,
    staged: std::collections::BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl GroupRows {
    /// The keys of the owner's rows that it writes or removes.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.staged.keys()
    }
}

impl Group<'_> {
    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of its records.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether `more` records still fit.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.entries.len() + more <= GROUP_RECORDS_MAX
    }

    /// Adds one commit and returns the position of its last record. When its projection fails, the
    /// group is as before.
    pub(super) fn add(&mut self, records: Vec<Record>) -> Result<Position, StoreError> {
        let (head, kept, bytes) = (self.head, self.entries.len(), self.bytes);
        let mut undo = Undo::default();
        let count = records.len();
        for (number, record) in records.into_iter().enumerate() {
            let position = Position(self.head.position.0 + 1);
            let group_offset =
                u16::try_from(self.entries.len()).expect("has_room bounds the records of a group");
            let last = number + 1 == count;
            let entry = Entry { position, group_offset, last, lost: false, seal: None, record };
            let projected = self.project(position, &entry.record, false, &mut undo);
            let entry = match projected.and_then(|()| self.seal(entry)) {
                Ok(entry) => entry,
                Err(error) => {
                    self.overlay.undo(undo);
                    self.entries.truncate(kept);
                    (self.head, self.bytes) = (head, bytes);
                    return Err(error);
                }
            };
            let (bytes, after) = entry.encode(&self.head.chain, &self.marker);
            self.push(Encoded { entry, bytes, after });
        }
        Ok(self.head.position)
    }

    fn seal(&self, entry: Entry) -> Result<Entry, StoreError> {
        match &self.index.sealing {
            Some(sealing) => entry.sealed(self.store, &**sealing, self.key),
            None => Ok(entry),
        }
    }

    /// Adds a record that the journal already has. One that means nothing, because what it builds on
    /// was lost, counts as lost itself, and so does one whose seal is broken: a store must open with what is left of it, and say what is
    /// not. A record of a later program is an error; that program can read it.
    pub(super) fn replay(&mut self, mut encoded: Encoded) -> Result<(), StoreError> {
        if !encoded.entry.lost {
            match self.replay_entry(&encoded.entry) {
                Ok(true) => {}
                Ok(false) | Err(StoreError::Meaningless { .. }) => encoded.entry.lost = true,
                Err(error) => return Err(error),
            }
        }
        self.push(encoded);
        Ok(())
    }

    /// Returns false for a record whose seal is broken.
    fn replay_entry(&mut self, entry: &Entry) -> Result<bool, StoreError> {
        match entry.plain(self.store, self.index.sealing.as_deref()) {
            Ok(record) => self.project(entry.position, &record, true, &mut Undo::default())?,
            Err(StoreError::Damaged { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn project(
        &mut self,
        at: Position,
        record: &Record,
        replayed: bool,
        undo: &mut Undo,
    ) -> Result<(), StoreError> {
        let mut writes = Writes::default();
        contain("project a record", || {
            let project = &self.index.project;
            if replayed {
                project.replay(at, record, &self.overlay, &mut writes)
            } else {
                project.project(at, record, &self.overlay, &mut writes)
            }
        })?;
        check_writes(&writes)?;
        self.overlay.stage(writes, undo);
        Ok(())
    }

    fn push(&mut self, encoded: Encoded) {
        self.head = Head { position: encoded.entry.position, chain: encoded.after };
        self.bytes += encoded.bytes.len();
        self.entries.push(encoded);
    }

    /// Ends the group.
    pub(super) fn finish(self) -> GroupRows {
        GroupRows { entries: self.entries, head: self.head, staged: self.overlay.into_staged() }
    }
}

/// Checks a commit against the limits before it is queued.
pub(super) fn check_records(records: &[Record]) -> Result<(), StoreError> {
    if records.len() > GROUP_RECORDS_MAX {
        let (bytes, limit) = (records.len(), GROUP_RECORDS_MAX);
        return Err(StoreError::TooLarge { what: "a commit, counted in records,", bytes, limit });
    }
    for record in records {
        let (bytes, limit) = (record.payload.len(), RECORD_BYTES_MAX);
        if bytes > limit {
            return Err(StoreError::TooLarge { what: "a record", bytes, limit });
        }
    }
    Ok(())
}

/// Checks row changes against the limits.
pub(super) fn check_writes(writes: &Writes) -> Result<(), StoreError> {
    for (key, value) in &writes.0 {
        if key.len() > KEY_BYTES_MAX {
            let (bytes, limit) = (key.len(), KEY_BYTES_MAX);
            return Err(StoreError::TooLarge { what: "a key", bytes, limit });
        }
        let bytes = value.as_ref().map_or(0, Vec::len);
        if bytes > RECORD_BYTES_MAX {
            let limit = RECORD_BYTES_MAX;
            return Err(StoreError::TooLarge { what: "a value", bytes, limit });
        }
    }
    Ok(())
}

/// Runs foreign code that may panic. What it worked on is given up after a panic.
pub(super) fn contain<T>(
    action: &'static str,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    // The panic's words are left to the panic hook: they may quote content.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(StoreError::Engine { reason: format!("panic while trying to {action}") })
    })
}
