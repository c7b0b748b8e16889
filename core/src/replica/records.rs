//! Journal records that one operation reads again and again: a record brings packs of many
//! documents, and a page of documents is made from few records.
//!
//! It holds what it read for as long as the operation lasts and within a limit of bytes. While documents wait to be
//! merged, the last few large records stay from one merge to the next ([`Recent`]): a phone's day is one record of
//! hundreds of packs, each of another document. Nothing is held for as long as the store is open.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::facts::{Fact, PackPlace};
use super::rows::{self, SAVED};
use super::short::{self, Grown, SavedForm};
use crate::model::{DocumentId, RawChange};
use crate::store::{Position, Store, StoreError};

/// Bytes of records held at once. Twenty pages of the feed or of snapshots fit, each of at most
/// half a megabyte with its last pack, so a page is made from records that are all held. A record
/// that is larger by itself is held alone.
const HELD_BYTES_MAX: usize = 8 << 20;

/// Bytes of saved documents that are held taken apart: some documents of a page of packs.
const GROWN_BYTES_MAX: usize = 8 << 20;

/// Bytes of large records that stay held between merges: the days of four phones that push at once.
const RECENT_BYTES_MAX: usize = 2 << 20;

/// A record of less is read as fast as it is looked for.
const RECENT_BYTES_MIN: usize = 16 << 10;

/// Large records that merges read last, the newest first.
#[derive(Default)]
pub(super) struct Recent(Mutex<VecDeque<(u64, Arc<Fact>, usize)>>);

impl Recent {
    fn get(&self, at: u64) -> Option<(Arc<Fact>, usize)> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().find(|(one, ..)| *one == at).map(|(_, fact, bytes)| (fact.clone(), *bytes))
    }

    /// Lets go of all.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn put(&self, at: u64, fact: &Arc<Fact>, bytes: usize) {
        if !(RECENT_BYTES_MIN..=RECENT_BYTES_MAX).contains(&bytes) {
            return;
        }
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Two may have read one record at the same time.
        held.retain(|(one, ..)| *one != at);
        held.push_front((at, fact.clone(), bytes));
        let mut sum = 0;
        held.retain(|(.., bytes)| {
            sum += bytes;
            sum <= RECENT_BYTES_MAX
        });
    }
}

/// Records read during one operation: each is decoded once, while those in use fit.
#[derive(Default)]
pub(super) struct Records {
    held: BTreeMap<u64, Held>,
    /// Positions by their last use, so that the least recently used is found at once.
    by_use: BTreeMap<u64, u64>,
    /// What is held, as [`Held::bytes`] counts it.
    bytes: usize,
    /// Saved documents taken apart, the last one used first.
    grown: Vec<(DocumentId, u64, Grown)>,
    /// Counts uses.
    uses: u64,
    /// Where large ones are looked for first.
    recent: Option<Arc<Recent>>,
    /// Whether they are left there.
    leaves: bool,
}

struct Held {
    fact: Arc<Fact>,
    /// Bytes of the encoded record, which decoding hardly changes, and of this struct.
    bytes: usize,
    /// Its key in [`Records::by_use`].
    used: u64,
}

impl Records {
    /// Records that are looked for among those that merges read last; `leaves` says whether they are left there.
    pub(super) fn beside(recent: &Arc<Recent>, leaves: bool) -> Self {
        Self { recent: Some(recent.clone()), leaves, ..Self::default() }
    }

    /// Returns what a record says.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Damaged`] when the record is lost or fails its checksum, and what
    /// [`Fact::read`] and the store return.
    pub(super) fn fact(&mut self, store: &dyn Store, at: u64) -> Result<&Fact, StoreError> {
        if !self.held.contains_key(&at) {
            let recent = self.recent.as_ref().and_then(|recent| recent.get(at));
            let (fact, bytes) = match recent {
                Some(read) => read,
                None => self.read(store, at)?,
            };
            self.make_room(bytes);
            self.bytes += bytes;
            self.held.insert(at, Held { fact, bytes, used: 0 });
        }
        self.uses += 1;
        let held = self.held.get_mut(&at).expect("it was there, or was inserted above");
        self.by_use.remove(&held.used);
        self.by_use.insert(self.uses, at);
        held.used = self.uses;
        Ok(&held.fact)
    }

    fn read(&self, store: &dyn Store, at: u64) -> Result<(Arc<Fact>, usize), StoreError> {
        let record = store.record(Position(at))?.ok_or_else(|| damaged(at))?;
        let bytes = record.payload.len() + size_of::<Held>();
        let fact = Arc::new(Fact::read(Position(at), &record)?);
        if let Some(recent) = self.recent.as_ref().filter(|_| self.leaves) {
            recent.put(at, &fact, bytes);
        }
        Ok((fact, bytes))
    }

    /// Returns the bytes of a pack.
    ///
    /// # Errors
    ///
    /// As [`Records::fact`].
    pub(super) fn pack(
        &mut self,
        store: &dyn Store,
        place: PackPlace,
    ) -> Result<Vec<u8>, StoreError> {
        let pack = self.fact(store, place.at)?.pack(place.index);
        let bytes = pack.map(<[u8]>::to_vec).ok_or_else(|| damaged(place.at))?;
        if short::is_husk(&bytes) { self.told(store, place.at, &bytes) } else { Ok(bytes) }
    }

    /// Returns the bytes of a pack, told again from what stands in its place in the record at a position.
    ///
    /// # Errors
    ///
    /// As [`Records::fact`].
    pub(super) fn told(
        &mut self,
        store: &dyn Store,
        at: u64,
        husk: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let document = short::document_of(husk).ok_or_else(|| damaged(at))?;
        self.taken_from(store, document, |grown| grown.pack(husk))?.ok_or_else(|| damaged(at))
    }

    /// Takes something from the saved form of a document. A later one may have come since this one was read,
    /// which is read where this one does not have it.
    fn taken_from<T>(
        &mut self,
        store: &dyn Store,
        document: DocumentId,
        take: impl Fn(&Grown) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let was_held = self.grown.iter().any(|(one, ..)| *one == document);
        match self.grown(store, document).map(&take) {
            Ok(Some(taken)) => return Ok(Some(taken)),
            Ok(None) if !was_held || self.is_latest(store, document)? => return Ok(None),
            Ok(None) | Err(StoreError::Damaged { .. }) => self.forget(document),
            Err(error) => return Err(error),
        }
        self.grown(store, document).map(take)
    }

    /// Whether what is held of a saved document is still what was saved last.
    fn is_latest(&self, store: &dyn Store, document: DocumentId) -> Result<bool, StoreError> {
        let saved: Option<u64> = rows::get(store, &rows::of_document(SAVED, document))?;
        let held = self.grown.iter().find(|(one, ..)| *one == document);
        Ok(saved.is_some() && saved == held.map(|(_, at, _)| *at))
    }

    /// Reads a saved document again when it is needed next.
    fn forget(&mut self, document: DocumentId) {
        self.grown.retain(|(one, ..)| *one != document);
    }

    /// Returns an own change that a record holds by itself.
    ///
    /// # Errors
    ///
    /// As [`Records::fact`].
    pub(super) fn change(&mut self, store: &dyn Store, at: u64) -> Result<RawChange, StoreError> {
        let (document, mut bytes) = match self.fact(store, at)? {
            Fact::Changed { genesis, change, .. } => (genesis.document(), change.clone()),
            Fact::Typed { document, actor, seq, .. } => {
                let (document, actor, seq) = (*document, *actor, *seq);
                let change =
                    self.taken_from(store, document, |grown| grown.change_at(actor, seq).cloned());
                return change?.ok_or_else(|| damaged(at));
            }
            _ => return Err(damaged(at)),
        };
        if short::is_husk(&bytes) {
            let again = self.taken_from(store, document, |grown| grown.change(&bytes))?;
            bytes = again.ok_or_else(|| damaged(at))?;
        }
        RawChange::inspect(bytes).map_err(|_| damaged(at))
    }

    /// Returns the changes of a document as it was saved for shortened records.
    ///
    /// # Errors
    ///
    /// As [`Records::fact`].
    pub(super) fn grown(
        &mut self,
        store: &dyn Store,
        document: DocumentId,
    ) -> Result<&Grown, StoreError> {
        let lost = || StoreError::Damaged {
            what: format!("the saved form of document {}", document.short()),
        };
        let held = self.grown.iter().position(|(one, ..)| *one == document);
        match held {
            // The last one used is the last to go.
            Some(place) => self.grown[..=place].rotate_right(1),
            None => {
                let at: u64 =
                    rows::get(store, &rows::of_document(SAVED, document))?.ok_or_else(lost)?;
                let record = store.record(Position(at))?.ok_or_else(lost)?;
                let Fact::Saved { bytes, .. } = Fact::read(Position(at), &record)? else {
                    return Err(lost());
                };
                let grown = SavedForm::read(&bytes).and_then(|saved| Grown::of(&saved));
                let grown = grown.ok_or_else(lost)?;
                self.grown.insert(0, (document, at, grown));
                let mut bytes = 0;
                self.grown.retain(|(one, _, grown)| {
                    bytes += grown.bytes;
                    *one == document || bytes <= GROWN_BYTES_MAX
                });
            }
        }
        self.grown.first().map(|(.., grown)| grown).ok_or_else(lost)
    }

    /// Lets go of the records least recently used until `bytes` more fit, or nothing is held.
    fn make_room(&mut self, bytes: usize) {
        while self.bytes.saturating_add(bytes) > HELD_BYTES_MAX {
            let Some((_, oldest)) = self.by_use.pop_first() else { return };
            self.bytes -= self.held.remove(&oldest).map_or(0, |held| held.bytes);
        }
    }
}

fn damaged(at: u64) -> StoreError {
    StoreError::Damaged { what: format!("journal record {at}") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{MemoryStore, Project, Read, Record, Writes};

    struct NoRows;

    impl Project for NoRows {
        fn version(&self) -> u32 {
            1
        }

        fn project(
            &self,
            _: Position,
            _: &Record,
            _: &dyn Read,
            _: &mut Writes,
        ) -> Result<(), StoreError> {
            Ok(())
        }
    }

    /// A store of one record for each size, in bytes and a little more.
    fn store_of(sizes: &[usize]) -> MemoryStore {
        let store = MemoryStore::new(Arc::new(NoRows));
        for bytes in sizes {
            let fact = Fact::Published { bytes: vec![0; *bytes] };
            store.commit(vec![fact.record().unwrap()]).unwrap();
        }
        store
    }

    fn held(records: &Records) -> Vec<u64> {
        assert_eq!(records.bytes, records.held.values().map(|held| held.bytes).sum::<usize>());
        assert_eq!(records.by_use.len(), records.held.len());
        records.held.keys().copied().collect()
    }

    #[test]
    fn what_is_held_stays_within_its_limit_of_bytes() {
        let store = store_of(&[HELD_BYTES_MAX / 5 * 2; 12]);
        let mut records = Records::default();
        for at in 1..=12 {
            records.fact(&store, at).unwrap();
            assert!(records.bytes <= HELD_BYTES_MAX);
        }
        assert_eq!(held(&records), [11, 12]);
    }

    #[test]
    fn many_small_records_are_held_whatever_their_number() {
        let store = store_of(&[100; 300]);
        let mut records = Records::default();
        for at in 1..=300 {
            records.fact(&store, at).unwrap();
        }
        assert_eq!(held(&records).len(), 300);
    }

    #[test]
    fn the_record_least_recently_used_makes_room() {
        let store = store_of(&[HELD_BYTES_MAX / 3; 4]);
        let mut records = Records::default();
        for at in [1, 2, 1, 3] {
            records.fact(&store, at).unwrap();
        }
        assert_eq!(held(&records), [1, 3]);
    }

    #[test]
    fn a_record_over_the_limit_is_held_alone_and_let_go_for_the_next() {
        let store = store_of(&[100, HELD_BYTES_MAX + 1, 100]);
        let mut records = Records::default();
        for (at, left) in [(1, 1), (2, 2), (3, 3)] {
            records.fact(&store, at).unwrap();
            assert_eq!(held(&records), [left]);
        }
    }

    #[test]
    fn large_records_stay_for_the_next_operation_within_a_limit_of_bytes() {
        let large = RECENT_BYTES_MAX / 3;
        let store = store_of(&[large, large, large, 100, RECENT_BYTES_MAX + 1]);
        let recent = Arc::new(Recent::default());
        let facts: Vec<*const Fact> = (1..=5)
            .map(|at| {
                // Each in an operation of its own.
                let mut records = Records::beside(&recent, true);
                std::ptr::from_ref(records.fact(&store, at).unwrap())
            })
            .collect();
        let held: Vec<(u64, *const Fact)> =
            recent.0.lock().unwrap().iter().map(|(at, fact, _)| (*at, Arc::as_ptr(fact))).collect();
        assert_eq!(held, [(3, facts[2]), (2, facts[1])]);
        let mut records = Records::beside(&recent, false);
        assert_eq!(std::ptr::from_ref(records.fact(&store, 2).unwrap()), facts[1]);
        assert!(matches!(records.fact(&store, 1), Ok(Fact::Published { .. })));
        assert_eq!(recent.0.lock().unwrap().len(), 2, "who only looks leaves nothing");
        recent.clear();
        assert!(recent.get(2).is_none());
    }

    #[test]
    fn a_record_or_pack_that_is_not_there_is_damage() {
        let store = store_of(&[100]);
        let mut records = Records::default();
        assert!(matches!(records.fact(&store, 9), Err(StoreError::Damaged { .. })));
        let place = PackPlace { at: 1, index: 0 };
        assert!(matches!(records.pack(&store, place), Err(StoreError::Damaged { .. })));
    }
}
