//! Handing to the hub what waits here, and what becomes of what the hub does not take.
//!
//! Silence is no word: what the hub neither signs for nor names is kept and offered again.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::documents::each_row;
use super::phone::Phone;
use super::records::Records;
use super::rows::{
    self, CARRIED, CarriedRow, EpochRow, HELD, HeldRow, NOTICE, OUTBOX, PACK, PROOF, PackRow, TIP,
    TipRow, meta,
};
use crate::model::{Actor, ChangeHash, DocumentId, Timestamp};
use crate::store::StoreError;
use crate::sync::{Notice, Pack, PackHeader, Verdict, Want};

/// Packs offered in one session's first flight; the rest follow in the next sync.
pub(super) const OUTBOX_AT_ONCE_MAX: usize = 4096;

/// Bytes of carried packs read at once: about a frame, so that few are in memory however many
/// there are.
const DELIVERED_AT_ONCE_BYTES: usize = 256 << 10;

/// Rows looked at together.
const PAGE_ROWS: usize = 256;

/// For so long the hub is not offered again what it could not read, or had no quota for: long enough
/// that it costs nothing, and short enough that a hub which was updated has it within the hour.
const HELD_BACK_MS: i64 = 3_600_000;

/// Names of packs held back that one record of the journal takes. A line may have thousands, and they
/// are not all in memory however many lines the hub has no room for.
const HELD_AT_ONCE_MAX: usize = 4_096;

/// Bytes of packs given back that are read for one session: more than it pushes, so that it says that
/// more waits.
const GIVEN_BACK_BYTES_MAX: usize = 33 << 20;

/// The name of a pack: document, actor, number of its last change.
type PackName = (DocumentId, Actor, u64);

/// Some of the packs of others, and where to go on.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub(super) packs: Vec<Vec<u8>>,
    /// The row after which others follow; `None` when these were the last.
    pub(super) next: Option<Vec<u8>>,
}

impl Phone {
    /// Returns whether packs of others are carried.
    pub(super) fn carries(&self) -> Result<bool, StoreError> {
        Ok(!self.replica().store().scan(&[CARRIED], None, 1)?.is_empty())
    }

    /// Returns packs of others that this life of the hub's store has not signed for, after a row.
    pub(super) fn deliver(
        &self,
        epoch: [u8; 16],
        after: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Result<Delivery, ReplicaError> {
        let store = self.replica().store();
        let (mut records, mut bytes) = (Records::default(), 0);
        let mut delivery = Delivery { packs: Vec::new(), next: after };
        loop {
            let page = store.scan(&[CARRIED], delivery.next.as_deref(), PAGE_ROWS)?;
            for (key, value) in &page {
                if bytes >= DELIVERED_AT_ONCE_BYTES {
                    return Ok(delivery);
                }
                delivery.next = Some(key.clone());
                let row: CarriedRow = rows::decode(key, value)?;
                // A hub that was restored since has another life, and may have lost what it signed
                // for.
                if row.stored == Some(epoch) || self.is_held_back(key, Some(epoch), now)? {
                    continue;
                }
                match records.pack(&**store, row.place) {
                    Ok(pack) => {
                        bytes += pack.len();
                        delivery.packs.push(pack);
                    }
                    Err(StoreError::Damaged { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if page.len() < PAGE_ROWS {
                return Ok(Delivery { next: None, ..delivery });
            }
        }
    }

    /// Returns the own packs that a session begins with: those that the hub has not signed for and
    /// did not lately say that it cannot read.
    pub(super) fn first_flight(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let store = self.replica().store();
        let epoch: Option<EpochRow> = rows::get(&**store, &rows::single(meta::EPOCH))?;
        let epoch = epoch.map(|row| row.epoch);
        let mut records = Records::default();
        let mut packs = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(&[OUTBOX], after.as_deref(), PAGE_ROWS)?;
            for (key, value) in &page {
                if packs.len() == OUTBOX_AT_ONCE_MAX {
                    return Ok(packs);
                }
                if !self.is_held_back(key, epoch, now)? {
                    packs.push(records.pack(&**store, rows::decode(key, value)?)?);
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE_ROWS => after = Some(key.clone()),
                _ => break,
            }
        }
        if let Some(epoch) = epoch {
            packs.extend(self.given_back(epoch, OUTBOX_AT_ONCE_MAX - packs.len(), now)?);
        }
        Ok(packs)
    }

    /// Returns at most `most` packs of the record that a comparison found to be missing at the hub
    /// and that it had no quota for, once they are held back no longer.
    fn given_back(
        &self,
        epoch: [u8; 16],
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let store = self.replica().store();
        let (mut records, mut packs, mut bytes) = (Records::default(), Vec::new(), 0);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(&[HELD], after.as_deref(), PAGE_ROWS)?;
            for (key, value) in &page {
                let row: HeldRow = rows::decode(key, value)?;
                let (Some(document), Some(actor), Some(seq)) =
                    (rows::document_in(key), rows::actor_in(key), rows::number_in(key))
                else {
                    continue;
                };
                if row.epoch != epoch
                    || self.is_waiting(document, actor, seq)?
                    || self.is_held_back(key, Some(epoch), now)?
                {
                    continue;
                }
                if packs.len() == most || bytes >= GIVEN_BACK_BYTES_MAX {
                    return Ok(packs);
                }
                if let Some(pack) = self.held_or_made(&mut records, (document, actor, seq))? {
                    bytes += pack.len();
                    packs.push(pack);
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE_ROWS => after = Some(key.clone()),
                _ => return Ok(packs),
            }
        }
    }

    /// Returns the pack that ends with a change, as it is held or, where its line came in a snapshot or
    /// its record is lost, made from what is in the document.
    fn held_or_made(
        &self,
        records: &mut Records,
        (document, actor, seq): PackName,
    ) -> Result<Option<Vec<u8>>, ReplicaError> {
        let store = self.replica().store();
        let held = rows::of_seq(PACK, document, actor, seq);
        if let Some(held) = rows::get::<PackRow>(&**store, &held)? {
            match records.pack(&**store, held.place) {
                Ok(pack) => return Ok(Some(pack)),
                Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let before = self.ends(document, actor, 0)?.range(..seq).next_back().copied();
        let from_seq = before.unwrap_or(0).saturating_add(1);
        let provided = self.replica().provide(&[Want { document, actor, from_seq }])?;
        Ok(provided.packs.into_iter().next())
    }

    /// Returns where the packs end, held ones and such as can be made, that hold an actor's confirmed
    /// changes after one.
    fn ends(
        &self,
        document: DocumentId,
        actor: Actor,
        after: u64,
    ) -> Result<BTreeSet<u64>, StoreError> {
        let store = &**self.replica().store();
        let mut ends = BTreeSet::new();
        for table in [PACK, PROOF] {
            let before = rows::of_seq(table, document, actor, after);
            each_row(store, &rows::of_actor(table, document, actor), Some(before), |key, _| {
                ends.extend(rows::number_in(key));
                Ok(())
            })?;
        }
        let tip: Option<TipRow> = rows::get(store, &rows::of_actor(TIP, document, actor))?;
        ends.extend(tip.map(|row| row.attestation.tip.seq).filter(|seq| *seq > after));
        Ok(ends)
    }

    /// Returns the first and the last change of an own pack that waits for the hub under this name; `None` where none
    /// does, or its record is lost.
    pub(super) fn waiting(
        &self,
        document: DocumentId,
        actor: Actor,
        seq: u64,
    ) -> Result<Option<(u64, ChangeHash)>, ReplicaError> {
        let store = self.replica().store();
        let row = rows::get(&**store, &rows::of_seq(OUTBOX, document, actor, seq))?;
        let Some(place) = row else { return Ok(None) };
        match Records::default().pack(&**store, place) {
            Ok(bytes) => {
                let pack = Pack::decode(&bytes)?;
                Ok(Some((pack.first_seq(), pack.tip_hash())))
            }
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns what the hub has told, for whatever reason then, that it keeps.
    fn heard(&self) -> Result<BTreeSet<(PackName, ChangeHash)>, StoreError> {
        let mut heard = BTreeSet::new();
        each_row(&**self.replica().store(), &[NOTICE], None, |key, value| {
            let Notice { document, actor, seq, hash, verdict } = rows::decode(key, value)?;
            if verdict.is_kept() {
                heard.insert(((document, actor, seq), hash));
            }
            Ok(())
        })?;
        Ok(heard)
    }

    /// Returns whether a pack is among the own ones or those of others that wait for the hub.
    fn is_waiting(&self, document: DocumentId, actor: Actor, seq: u64) -> Result<bool, StoreError> {
        let store = self.replica().store();
        for table in [OUTBOX, CARRIED] {
            if store.get(&rows::of_seq(table, document, actor, seq))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes out of packs just released those that the hub would answer with a question for what it
    /// cannot read.
    pub(super) fn sendable(
        &self,
        epoch: Option<[u8; 16]>,
        packs: Vec<Vec<u8>>,
        now: Timestamp,
    ) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let mut left = Vec::with_capacity(packs.len());
        for pack in packs {
            let header = PackHeader::peek(&pack)?;
            let key = rows::of_seq(OUTBOX, header.document, header.actor, header.last_seq);
            if !self.is_held_back(&key, epoch, now)? {
                left.push(pack);
            }
        }
        Ok(left)
    }

    /// Returns whether a pack, or one before it in its line, is one that this life of the hub's
    /// store cannot read or has no quota for.
    fn is_held_back(
        &self,
        key: &[u8],
        epoch: Option<[u8; 16]>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (Some(document), Some(actor), Some(seq)) =
            (rows::document_in(key), rows::actor_in(key), rows::number_in(key))
        else {
            return Ok(false);
        };
        let prefix = rows::of_actor(HELD, document, actor);
        for (key, value) in self.replica().store().scan(&prefix, None, PAGE_ROWS)? {
            let row: HeldRow = rows::decode(&key, &value)?;
            // A clock that was set back must not hold anything back for longer.
            let lately = (0..HELD_BACK_MS).contains(&now.0.saturating_sub(row.at.0));
            let before = rows::number_in(&key).is_some_and(|held| held <= seq);
            if before && lately && epoch == Some(row.epoch) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Records what the hub said of packs that it does not take: those of others that it judged are
    /// carried no longer; those that it keeps until what comes before them is brought are not offered
    /// to this life of its store again; what it could not read or has no quota for stays, and is offered
    /// again later with all that follows it. Returns of how many the carrying ended.
    pub(super) fn declined(
        &self,
        notices: &[Notice],
        epoch: [u8; 16],
        now: Timestamp,
    ) -> Result<usize, ReplicaError> {
        let heard = self.heard()?;
        let guard = self.editing().lock()?;
        let store = self.replica().store();
        let (mut over, mut kept, mut held) = (Vec::new(), Vec::new(), Vec::new());
        let mut again = Vec::new();
        // Of each line the first pack that was named: what follows it is looked for once.
        let mut lines: BTreeMap<(DocumentId, Actor), u64> = BTreeMap::new();
        for notice in notices {
            let Notice { document, actor, seq, hash, verdict } = notice;
            let name: PackName = (*document, *actor, *seq);
            let carried = rows::of_seq(CARRIED, *document, *actor, *seq);
            let carried: Option<CarriedRow> = rows::get(&**store, &carried)?;
            let waits = self.waiting(*document, *actor, *seq)?;
            let own = waits.is_some();
            if !verdict.is_kept() {
                let confirmed = self.has_confirmed(name)?;
                if own || carried.is_some() || confirmed {
                    held.push(name);
                }
                if confirmed {
                    let first = lines.entry((*document, *actor)).or_insert(*seq);
                    *first = (*first).min(*seq);
                }
            } else if waits.is_some_and(|waits| waits.1 == *hash) && heard.contains(&(name, *hash))
            {
                // Taken for lost and offered again since the hub told of it, which it does not do twice.
                again.push(notice.clone());
            } else if carried.is_none() && self.is_remembered(name, epoch)? {
                // It was given back later, and the hub keeps it or its word about it.
                kept.push(name);
            } else if carried.is_some_and(|row| row.attestation.tip.hash == *hash) {
                match verdict {
                    Verdict::Orphan => kept.push(name),
                    _ => over.push(name),
                }
            }
        }
        for ((document, actor), first) in lines {
            self.hold_what_follows((document, actor, first), &mut held, epoch, now)?;
        }
        let documents: BTreeSet<DocumentId> = over.iter().map(|(document, ..)| *document).collect();
        let ended = over.len();
        let mut facts = Vec::new();
        if !again.is_empty() {
            let upto: Option<u64> = rows::get(&**store, &rows::single(meta::NOTICES))?;
            facts.push(super::Fact::Noticed { upto: upto.unwrap_or(0), notices: again });
        }
        if !over.is_empty() {
            facts.push(super::Fact::Declined { packs: over, at: now });
        }
        if !kept.is_empty() {
            facts.push(super::Fact::Kept { packs: kept, epoch });
        }
        if !held.is_empty() {
            facts.push(super::Fact::HeldBack { packs: held, epoch, at: now });
        }
        if !facts.is_empty() {
            self.record_all(&facts)?;
        }
        drop(guard);
        for document in documents {
            let guard = self.editing().lock_behind_edits()?;
            self.replica().refresh_one(document)?;
            drop(guard);
        }
        Ok(ended)
    }

    /// Adds what follows a pack in its line and waits nowhere else: what others wrote and a comparison
    /// found to be missing. The hub, which lacks what is before it, asks for it no more in this exchange,
    /// and with the position that ends it the phone compares no more.
    fn hold_what_follows(
        &self,
        (document, actor, seq): PackName,
        held: &mut Vec<PackName>,
        epoch: [u8; 16],
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        for end in self.ends(document, actor, seq)? {
            let name = (document, actor, end);
            // What is held back for this life of the hub already is not written again.
            if !self.is_waiting(document, actor, end)? && !self.is_remembered(name, epoch)? {
                held.push(name);
            }
            if held.len() >= HELD_AT_ONCE_MAX {
                let packs = std::mem::take(held);
                self.record(super::Fact::HeldBack { packs, epoch, at: now })?;
            }
        }
        Ok(())
    }

    /// Returns whether a pack is one that is to be given back to this life of the hub's store.
    fn is_remembered(
        &self,
        (document, actor, seq): PackName,
        epoch: [u8; 16],
    ) -> Result<bool, StoreError> {
        let key = rows::of_seq(HELD, document, actor, seq);
        let row: Option<HeldRow> = rows::get(&**self.replica().store(), &key)?;
        Ok(row.is_some_and(|row| row.epoch == epoch))
    }

    /// Gives up the place in the feed: what this phone gave after a comparison was left out, and no word
    /// names it. With the place it would never be given again; without it the next exchange compares.
    pub(super) fn lag(&self) -> Result<(), ReplicaError> {
        self.record(super::Fact::Lagging).map(drop)
    }

    /// Returns whether the record here holds an actor's changes up to one.
    fn has_confirmed(&self, (document, actor, seq): PackName) -> Result<bool, StoreError> {
        let key = rows::of_actor(TIP, document, actor);
        let row: Option<TipRow> = rows::get(&**self.replica().store(), &key)?;
        Ok(row.is_some_and(|row| row.attestation.tip.seq >= seq))
    }
}
