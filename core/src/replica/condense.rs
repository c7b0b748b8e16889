//! Compaction: closed parts of the journal keep what stands in them, in less room.
//!
//! A document whose changes lie in many records is saved once more, in a record of its own, and the packs and
//! own changes that it holds are told again from it ([`super::short`]). Nothing is taken out of the record:
//! each pack keeps its signature and its place, receipts, decisions, seals and what was refused stay as they
//! are, and the hub's log keeps its leaves. So what reads a pack, and whoever is served after months, does
//! not notice.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::facts::{Fact, PackPlace};
use super::project::record_hash;
use super::records::Records;
use super::rows::{self, NAMED, OUTBOX, PACK, PackRow, SAVED, SOURCE, Source, TRIED, UNRELEASED};
use super::short::{self, Grown, SavedForm};
use crate::model::{Actor, DocumentId, Timestamp};
use crate::store::{Position, Record, Segment, Shortened, StoreError, Writes};
use crate::sync::PackHeader;

/// A document is saved once more where that takes at most one part in so many of what it replaces: what is
/// kept of each pack needs room too, and a document that goes on changing is saved again.
const SAVING_FACTOR: usize = 2;

/// A part that was looked at is looked at again once the journal is so many times as long: documents that
/// were in the middle of their work then may be done, and all looking together stays in proportion to what
/// is written.
const AGAIN_FACTOR: u64 = 2;

/// Part → the journal's length when it was last looked at (derived).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct TriedRow {
    head: u64,
}

/// What one step of compaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condensed {
    /// Which part of the journal was looked at.
    pub segment: u64,
    /// Its length before and now, in bytes.
    pub lengths: Shortened,
    /// Documents that were saved once more for it.
    pub saved: usize,
    /// Why it stayed as it is although the store works, in English: what is damaged in it, or what one
    /// document or record of it is.
    pub stayed: Option<String>,
}

/// Whether the store itself is what failed: then nothing is noted, and it is tried again.
fn is_of_the_store(error: &ReplicaError) -> bool {
    matches!(
        error,
        ReplicaError::Store(
            StoreError::Closed
                | StoreError::Poisoned { .. }
                | StoreError::Full { .. }
                | StoreError::Busy { .. }
                | StoreError::Io { .. }
                | StoreError::Engine { .. }
        )
    )
}

/// Returns what an error says, and what is behind it.
fn chain_of(error: &ReplicaError) -> String {
    let mut said = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        said = format!("{said}: {error}");
        source = error.source();
    }
    said
}

/// What is remembered while one part is shortened.
#[derive(Default)]
struct Shortening {
    records: Records,
    /// Documents of which a record of this part says what they were born as.
    born: BTreeSet<DocumentId>,
}

/// Returns whether a record of a shortened part says what another said when it was written.
#[must_use]
pub fn says_the_same(written: &Record, shortened: &Record) -> bool {
    written.kind == shortened.kind
        && short::written_hash(shortened).is_some_and(|hash| hash == record_hash(written))
}

impl Replica {
    /// Looks at one closed part of the journal that is due and writes it shorter where that pays. Returns
    /// nothing where none is due. Meant to run in the background: edits, exchanges and merging go on
    /// beside it, and its memory does not grow with the journal. A crash at any moment leaves the part as it
    /// was or as it is to be.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when the store fails. A part that cannot be read stays as it is.
    pub fn condense(&self, now: Timestamp) -> Result<Option<Condensed>, ReplicaError> {
        self.condense_by(now, SAVING_FACTOR)
    }

    /// As [`Self::condense`], whether it pays or not: for tests whose documents are small.
    ///
    /// # Errors
    ///
    /// As [`Self::condense`].
    #[doc(hidden)]
    pub fn condense_eagerly(&self, now: Timestamp) -> Result<Option<Condensed>, ReplicaError> {
        self.condense_by(now, 0)
    }

    fn condense_by(
        &self,
        now: Timestamp,
        factor: usize,
    ) -> Result<Option<Condensed>, ReplicaError> {
        let _one = self.condensing.lock().unwrap_or_else(PoisonError::into_inner);
        let head = self.store().position().0;
        let Some(segment) = self.due(head)? else { return Ok(None) };
        let condensed = match self.condense_part(&segment, (now, factor)) {
            // What is damaged is repaired at the next opening, and lies in the part that is made then.
            // Nor does what one document or record is keep the others from their turn.
            Err(error) if !is_of_the_store(&error) => {
                let bytes = segment.bytes;
                let lengths = Shortened { before: bytes, after: bytes };
                let stayed = Some(chain_of(&error));
                Condensed { segment: segment.number, lengths, saved: 0, stayed }
            }
            condensed => condensed?,
        };
        let mut writes = Writes::default();
        rows::put(&mut writes, rows::of_number(TRIED, segment.number), &TriedRow { head });
        self.store().derive(writes)?;
        Ok(Some(condensed))
    }

    /// Returns the first part that is due.
    fn due(&self, head: u64) -> Result<Option<Segment>, StoreError> {
        for segment in self.store().segments()? {
            let tried: Option<TriedRow> =
                rows::get(&**self.store(), &rows::of_number(TRIED, segment.number))?;
            if tried.is_none_or(|tried| head / AGAIN_FACTOR >= tried.head) {
                return Ok(Some(segment));
            }
        }
        Ok(None)
    }

    fn condense_part(
        &self,
        segment: &Segment,
        (now, factor): (Timestamp, usize),
    ) -> Result<Condensed, ReplicaError> {
        let mut saved = 0;
        let last = self.store().segments()?.last().map_or(segment.last, |last| last.last);
        for document in self.documents_in(segment)? {
            let bytes = self.whole_bytes(document, last)?;
            saved += usize::from(self.save_again(document, bytes, (now, factor))?);
        }
        let mut state = Shortening::default();
        let lengths = self
            .store()
            .shorten(segment.number, &mut |at, record| self.shorter(&mut state, at, record))?;
        Ok(Condensed { segment: segment.number, lengths, saved, stayed: None })
    }

    /// Returns the documents of which a part holds packs or own changes whole.
    fn documents_in(&self, segment: &Segment) -> Result<BTreeSet<DocumentId>, StoreError> {
        let mut documents = BTreeSet::new();
        for at in segment.first.0..=segment.last.0 {
            let record = match self.store().record(Position(at)) {
                Ok(Some(record)) => record,
                Ok(None) | Err(StoreError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            // One that cannot be read stays as it is.
            let Ok(mut fact) = Fact::read(Position(at), &record) else { continue };
            if let Fact::Changed { genesis, change, .. } = &fact
                && !short::is_husk(change)
            {
                documents.insert(genesis.document());
            }
            short::each_pack(&mut fact, |bytes| {
                if !short::is_husk(bytes) {
                    documents.extend(short::document_of(bytes));
                }
            });
        }
        Ok(documents)
    }

    /// Returns where the packs of a document lie that it is made of or that are given on, and where its own
    /// changes do.
    pub(super) fn places_of(
        &self,
        document: DocumentId,
    ) -> Result<(BTreeSet<PackPlace>, Vec<u64>), StoreError> {
        let store = &**self.store();
        let (mut places, mut changes) = (BTreeSet::new(), Vec::new());
        each_row(store, &rows::of_document(PACK, document), None, |key, value| {
            places.insert(rows::decode::<PackRow>(key, value)?.place);
            Ok(())
        })?;
        each_row(store, &rows::of_document(SOURCE, document), None, |key, value| {
            match (rows::decode(key, value)?, rows::place_in(key)) {
                (Source::Pack(place), _) => drop(places.insert(place)),
                (Source::Change, Some(place)) => changes.push(place.at),
                _ => {}
            }
            Ok(())
        })?;
        Ok((places, changes))
    }

    /// Returns how many bytes of packs and own changes of a document lie whole in closed parts, of which
    /// `last` is the last record.
    fn whole_bytes(&self, document: DocumentId, last: Position) -> Result<usize, StoreError> {
        let (store, mut records) = (&**self.store(), Records::default());
        let (places, changes) = self.places_of(document)?;
        let mut bytes = 0;
        let mut add = |found: Option<&[u8]>| {
            bytes += found.filter(|found| !short::is_husk(found)).map_or(0, <[u8]>::len);
        };
        for place in places.into_iter().filter(|place| place.at <= last.0) {
            match records.fact(store, place.at) {
                Ok(fact) => add(fact.pack(place.index)),
                Err(StoreError::Damaged { .. } | StoreError::Meaningless { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for at in changes.into_iter().filter(|at| *at <= last.0) {
            match records.fact(store, at) {
                Ok(Fact::Changed { change, .. }) => add(Some(change)),
                Ok(_) | Err(StoreError::Damaged { .. } | StoreError::Meaningless { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }

    /// Saves a document once more where that pays for so many bytes that it can replace.
    fn save_again(
        &self,
        document: DocumentId,
        bytes: usize,
        (now, factor): (Timestamp, usize),
    ) -> Result<bool, ReplicaError> {
        let loaded = match self.load_whole(document) {
            Ok(loaded) => loaded,
            Err(error) if is_of_the_store(&error) => return Err(error),
            // Its checklist is not here, or it does not open: its packs stay as they are.
            Err(_) => return Ok(false),
        };
        let saved = loaded.document.save();
        let form = SavedForm::of(&saved);
        if form.bytes().len().saturating_mul(factor) > bytes {
            return Ok(false);
        }
        let Some(grown) = Grown::of(&saved) else { return Ok(false) };
        if SavedForm::read(form.bytes()).as_deref() != Some(&saved[..]) {
            return Ok(false);
        }
        let mut records = Records::default();
        match records.grown(&**self.store(), document) {
            // Nothing is new, or it would no longer tell what the one before tells.
            Ok(before) if before.covers(&grown) || !grown.covers(before) => return Ok(false),
            Ok(_) => {}
            // There is none yet. One that cannot be read is replaced by what surely holds as much.
            Err(StoreError::Damaged { .. }) => {
                let row = rows::of_document(SAVED, document);
                if self.store().get(&row)?.is_some() && !loaded.whole {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error.into()),
        }
        let fact = Fact::Saved { document, bytes: form.into_bytes(), at: now };
        match self.store().commit(vec![fact.record()?]) {
            Ok(_) => Ok(true),
            Err(StoreError::TooLarge { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns what is to be kept of a record, if that is less.
    fn shorter(
        &self,
        state: &mut Shortening,
        at: Position,
        record: &Record,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Ok(mut fact) = Fact::read(at, record) else { return Ok(None) };
        let mut less = false;
        match &mut fact {
            Fact::Saved { document, bytes, .. } => {
                let latest: Option<u64> =
                    rows::get(&**self.store(), &rows::of_document(SAVED, *document))?;
                // Only where the later one can be read: it held all of this one when it was written.
                if latest.is_some_and(|latest| latest > at.0)
                    && !bytes.is_empty()
                    && self.grown(&mut state.records, *document)?.is_some()
                {
                    bytes.clear();
                    less = true;
                }
            }
            Fact::Changed { genesis, change, at } => {
                let (document, at) = (genesis.document(), *at);
                if !short::is_husk(change)
                    && let Some(husk) = self.change_husk(&mut state.records, document, change)?
                {
                    *change = husk;
                    less = true;
                }
                if !state.born.insert(document)
                    && let Some((actor, seq)) = short::named_change(change)
                {
                    fact = Fact::Typed { document, actor, seq, at };
                    less = true;
                }
            }
            _ => {}
        }
        let mut failed = None;
        short::each_pack(&mut fact, |bytes| match self.pack_husk(&mut state.records, bytes) {
            Ok(Some(husk)) => {
                *bytes = husk;
                less = true;
            }
            Ok(None) => {}
            Err(error) => failed = Some(error),
        });
        if let Some(error) = failed {
            return Err(error);
        }
        Ok(if less { short::payload(&fact, record_hash(record)).ok() } else { None })
    }

    fn change_husk(
        &self,
        records: &mut Records,
        document: DocumentId,
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(grown) = self.grown(records, document)? else { return Ok(None) };
        let Some(husk) = grown.change_husk(bytes) else { return Ok(None) };
        let Some((actor, seq)) = short::named_change(&husk) else { return Ok(None) };
        // What may be only here stays whole.
        let waits = rows::of_seq(UNRELEASED, document, actor, seq);
        Ok(self.store().get(&waits)?.is_none().then_some(husk))
    }

    fn pack_husk(
        &self,
        records: &mut Records,
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        if short::is_husk(bytes) {
            return Ok(None);
        }
        let Ok(head) = PackHeader::peek(bytes) else { return Ok(None) };
        // What may be only here stays whole.
        let waits = rows::of_seq(OUTBOX, head.document, head.actor, head.last_seq);
        if self.store().get(&waits)?.is_some() {
            return Ok(None);
        }
        let named = self.named_places(head.document, head.actor)?;
        Ok(self.grown(records, head.document)?.and_then(|grown| grown.husk(bytes, &named)))
    }

    /// Returns a saved document, if there is one that can be read.
    pub(super) fn grown<'r>(
        &self,
        records: &'r mut Records,
        document: DocumentId,
    ) -> Result<Option<&'r Grown>, StoreError> {
        match records.grown(&**self.store(), document) {
            Ok(grown) => Ok(Some(grown)),
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn named_places(&self, document: DocumentId, actor: Actor) -> Result<Vec<u64>, StoreError> {
        let mut places = Vec::new();
        each_row(&**self.store(), &rows::of_actor(NAMED, document, actor), None, |key, _| {
            places.extend(rows::number_in(key));
            Ok(())
        })?;
        Ok(places)
    }
}

#[cfg(test)]
mod tests;
