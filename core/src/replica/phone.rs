//! The phone's side: edits that are durable before the screen moves on, released as signed packs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::ReplicaError;
use super::documents::{Loaded, Replica, each_row};
use super::facts::{Fact, PackPlace, Renewal};
use super::lock::{EditLock, Editing};
use super::records::Records;
use super::rows::{self, ARRIVAL, ArrivalRow, EpochRow, SelfRow, UNRELEASED, meta};
use super::sealing::GivenTurns;
use crate::model::{
    Actor, ChangeHash, DeviceId, Document, DocumentId, EditError, Editor, Genesis, Incarnation,
    RawChange, Timestamp, Written,
};
use crate::store::{Position, Store, StoreError};
use crate::sync::{FeedPosition, Fingerprint, ItemTree, Prefix, Start, Verdict, Want};
use crate::trust::{DeviceKey, HubReceipt};

mod releasing;
mod telling;

/// Edits released by one signing step; more are released by the next, so memory stays bounded.
const RELEASED_AT_ONCE_MAX: usize = 4096;

/// A replica that writes under its own device's name.
pub struct Phone {
    replica: Replica,
    key: DeviceKey,
    /// Held while a document is read, edited and recorded, so that two edits of one document never
    /// start from the same state under the same actor.
    editing: EditLock,
    /// A write failed: the store may have to be opened again.
    failed: AtomicBool,
    /// Opening it again lost records, and no fresh incarnation could be recorded yet.
    stale: AtomicBool,
    /// Random bytes of this opening: a fresh incarnation is made of them where the store loses
    /// records while it is open.
    spare: Incarnation,
    /// What opens this store is being destroyed, or is destroyed: what was recorded now would be lost.
    pub(super) parted: AtomicBool,
    /// A snapshot could not be taken: the next contact compares instead of asking for snapshots.
    skipped: AtomicBool,
    /// The key that, as a person says, the hub has now; the hub has yet to show that.
    heir: Mutex<Option<DeviceId>>,
    /// Where among the minutes that a hub keeps the next asking begins.
    turn: AtomicUsize,
    /// Where among the minutes that no hub has registered what a neighbour is given begins.
    given_turns: GivenTurns,
}

/// What an edit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditOutcome<T> {
    /// What the editing function returned.
    pub value: T,
    /// Where the edit stands in the journal; `None` if nothing changed.
    pub recorded: Option<Position>,
}

/// An own edit that the hub did not accept, or of which a part could not be made anew. It stays in
/// this device's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedEdit {
    /// The document.
    pub document: DocumentId,
    /// The change.
    pub change: ChangeHash,
    /// When it was made, by this device's clock.
    pub at: Timestamp,
    /// Why: refused in itself, or building on a refused change.
    pub verdict: Verdict,
    /// What is not in the record.
    pub written: Vec<Written>,
}

/// How far this phone's own edits of one document have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrival {
    /// Edits made here.
    pub recorded: u64,
    /// Of these, signed for by the hub as stored.
    pub stored: u64,
    /// Of these, merged by the hub into the record.
    pub merged: u64,
    /// When the hub last signed, by its clock.
    pub stored_at: Option<Timestamp>,
    /// Edits that exist only here.
    pub only_here: u64,
    /// Of the edits merged, those that the hub has signed for as merged.
    pub merged_signed: u64,
    /// When it last signed that, by its clock.
    pub merged_at: Option<Timestamp>,
    /// Of these, on the hub's second disk, by its signature.
    pub backed: u64,
    /// When that was last verified there, by the hub's clock.
    pub backed_at: Option<Timestamp>,
}

impl Phone {
    /// Takes a store as this device's. A new store is born; one that was restored, copied or lost
    /// records takes the incarnation `fresh`, so that no (actor, seq) is ever used twice.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::WrongOwner`] when the store is another device's.
    pub fn open(
        store: Arc<dyn Store>,
        key: DeviceKey,
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<Self, ReplicaError> {
        // Elsewhere at each opening: a program that ends after each exchange must not begin at the first always.
        let begin = usize::from(u16::from_le_bytes([fresh.0[0], fresh.0[1]]));
        let phone = Self {
            replica: Replica::new(store),
            key,
            editing: EditLock::default(),
            failed: AtomicBool::new(false),
            stale: AtomicBool::new(false),
            spare: fresh,
            parted: AtomicBool::new(false),
            skipped: AtomicBool::new(false),
            heir: Mutex::default(),
            turn: AtomicUsize::new(begin),
            given_turns: GivenTurns::new(begin),
        };
        let device = phone.key.device();
        let mut anew = false;
        match phone.replica.owner()? {
            None => {
                anew = !phone.replica.store().opened().created;
                phone.record(Fact::Born { device, incarnation: fresh, at: now })?;
            }
            Some(owner) if owner.device != device => {
                return Err(ReplicaError::WrongOwner {
                    owner: owner.device.short(),
                    device: device.short(),
                });
            }
            Some(_) => {}
        }
        // After a birth too: the record of an earlier one may be what is lost.
        if phone.replica.disturbed()?.is_some() {
            match phone.renew_after_loss(fresh, now) {
                // Reading needs no room, and nothing is written before it is renewed.
                Err(ReplicaError::Store(StoreError::Full { .. })) => {
                    phone.failed.store(true, Ordering::Relaxed);
                    phone.stale.store(true, Ordering::Relaxed);
                }
                renewed => drop(renewed?),
            }
        }
        phone.tell_trouble(anew, now)?;
        Ok(phone)
    }

    /// Records that this device had a store before and that nothing of it is left: it is told until a
    /// person has read it.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn note_lost_store(&self, now: Timestamp) -> Result<(), ReplicaError> {
        self.tell_trouble(true, now)
    }

    /// Returns the documents.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Returns the device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.key.device()
    }

    /// Returns the device's key.
    pub(super) fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// Notes what is lost with the saved form of documents, and takes a fresh incarnation: once it has that, it
    /// is not looked for again.
    fn renew_after_loss(&self, fresh: Incarnation, now: Timestamp) -> Result<(), ReplicaError> {
        self.expect_to_last()?;
        self.replica
            .record_renewal(&[self.renewal(fresh, Renewal::Moved, now)], now)
            .inspect_err(|_| self.failed.store(true, Ordering::Relaxed))
    }

    /// Takes a fresh incarnation.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn renew(
        &self,
        incarnation: Incarnation,
        why: Renewal,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        self.record(self.renewal(incarnation, why, now)).map(drop)
    }

    /// Edits a document, or makes it if this is its first edit here. The edit builds on what the hub
    /// confirmed and on own edits, never on what another phone brought: whatever becomes of that, the
    /// edit can enter the record. Returns after one sync of the
    /// journal: the edit is durable then. All edits of one call are one change.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Edit`] when the edit is not possible, and [`ReplicaError::Store`]
    /// when it could not be made durable; the document is unchanged then.
    pub fn edit<T>(
        &self,
        genesis: &Genesis,
        now: Timestamp,
        edit: impl FnOnce(&mut Editor<'_>) -> Result<T, EditError>,
    ) -> Result<EditOutcome<T>, ReplicaError> {
        let guard = self.editing.lock()?;
        self.recover(now)?;
        let document = genesis.document();
        let mut loaded = self.load_or_new(genesis)?;
        let actor = self.actor(document)?;
        let (value, change) = loaded.document.edit(actor, now, edit)?;
        let Some(change) = change else { return Ok(EditOutcome { value, recorded: None }) };
        let change = change.bytes().to_vec();
        let recorded = self.record(Fact::Changed { genesis: genesis.clone(), change, at: now })?;
        loaded.upto =
            Some(rows::of_place(rows::SOURCE, document, PackPlace { at: recorded.0, index: 0 }));
        loaded.fresh += 1;
        if self.replica.renew(document, &mut loaded).is_err() {
            // The edit is durable, and rows that can be made again must not deny it: a refresh
            // makes them when the store takes writes.
            self.failed.store(true, Ordering::Relaxed);
        }
        drop(guard);
        Ok(EditOutcome { value, recorded: Some(recorded) })
    }

    /// Renews a document's row in lists after what is sealed of it changed, under the lock under which that was
    /// recorded: an edit in between, which had read what was sealed before, would write its row over the mark that
    /// it is behind. What changed is durable, and rows that can be made again must not deny it.
    pub(super) fn show_sealed(&self, document: DocumentId, _held: &Editing<'_>) {
        if self.replica.refresh_one(document).is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
    }

    /// Edits several documents, each once, as one commit: after a crash or a full disk all of it is
    /// there or nothing is. Returns for each whether anything changed.
    ///
    /// # Errors
    ///
    /// As [`Phone::edit`]; nothing is recorded then.
    pub fn edit_each<F>(
        &self,
        now: Timestamp,
        edits: impl IntoIterator<Item = (Genesis, F)>,
    ) -> Result<Vec<bool>, ReplicaError>
    where
        F: FnOnce(&mut Editor<'_>) -> Result<(), EditError>,
    {
        let guard = self.editing.lock()?;
        self.recover(now)?;
        let (mut changed, mut facts) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for (genesis, edit) in edits {
            let document = genesis.document();
            if !seen.insert(document) {
                return Err(ReplicaError::Twice { document: document.short() });
            }
            let mut loaded = self.load_or_new(&genesis)?;
            let (_, change) = loaded.document.edit(self.actor(document)?, now, edit)?;
            changed.push(change.is_some());
            if let Some(change) = change {
                facts.push(Fact::Changed { genesis, change: change.bytes().to_vec(), at: now });
            }
        }
        if !facts.is_empty() {
            self.record_all(&facts)?;
            if self.replica.refresh(facts.len()).is_err() {
                // As in `edit`: what is durable is not denied for rows that can be made again.
                self.failed.store(true, Ordering::Relaxed);
            }
        }
        drop(guard);
        Ok(changed)
    }

    /// Opens a document, or what it would be before its first edit, with what other phones brought.
    ///
    /// # Errors
    ///
    /// As [`Replica::load`].
    pub fn view(&self, genesis: &Genesis) -> Result<Document, ReplicaError> {
        let loaded = self.load_or_new(genesis)?.document;
        Ok(self.replica.with_carried(genesis.document(), &loaded)?.unwrap_or(loaded))
    }

    /// Returns what a session with the hub begins with, after releasing what waits, and whether more
    /// waits here than one session takes.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading or releasing fails.
    pub fn start(
        &self,
        hub: DeviceId,
        live: bool,
        now: Timestamp,
    ) -> Result<(Start, bool), ReplicaError> {
        // Also where nothing waits to be signed, and nobody has noted a failure: what comes must be
        // kept.
        self.failed.store(true, Ordering::Relaxed);
        self.recover(now)?;
        let (unsaved, mut more) = match self.release_some(now) {
            Ok((_, more)) => (Vec::new(), more),
            // There is no room to keep what is signed, but what was typed can still leave: later the
            // same changes are signed again, and the hub has them already. A session at once would
            // sign and send the very same.
            Err(ReplicaError::Store(StoreError::Full { .. })) => (self.sign()?.packs, false),
            Err(error) => return Err(error),
        };
        let noted = match self.has_gap()? {
            true => self.record(Fact::Lagging).map(drop),
            false => Ok(()),
        };
        match noted.and_then(|()| self.pin(hub, now)) {
            // Without room nothing that is missing could be kept either.
            Ok(()) | Err(ReplicaError::Store(StoreError::Full { .. })) => {}
            Err(error) => return Err(error),
        }
        let mut outbox = self.first_flight(now)?;
        more |= outbox.len() >= super::delivering::OUTBOX_AT_ONCE_MAX;
        outbox.extend(unsaved);
        let store = self.replica.store();
        let root = super::tree::StoredTree::new(&**store)
            .node(&Prefix::ROOT)
            .map_err(|error| StoreError::Damaged { what: error.to_string() })?;
        let notices: Option<u64> = rows::get(&**store, &rows::single(meta::NOTICES))?;
        let position = rows::position(&**store, meta::POSITION)?;
        let start = Start {
            position,
            notices: notices.unwrap_or(0),
            root: root.fingerprint(),
            empty: root.count == 0 && position.is_none() && self.awaits_all()?,
            outbox,
            deliver: self.carries()?,
            asks: Vec::new(),
            heads: self.heads_named(hub)?,
            asks_keys: position.is_none() || !self.knows_key(hub)?,
            live,
            hub,
            device: self.device(),
            now,
        };
        Ok((start, more))
    }

    /// Returns whether nothing here speaks against being given whole documents at once.
    pub(super) fn awaits_all(&self) -> Result<bool, ReplicaError> {
        Ok(!self.skipped.load(Ordering::Relaxed)
            && self.replica.store().scan(&[UNRELEASED], None, 1)?.is_empty()
            && !self.has_forks()?)
    }

    /// Notes that a snapshot could not be taken. Kept in memory: after a restart a phone that is empty
    /// still is offered it once more.
    pub(super) fn note_skipped(&self) {
        self.skipped.store(true, Ordering::Relaxed);
    }

    /// Returns whether a line had a hole since this phone last compared with the hub: a record of it
    /// was lost.
    pub(super) fn has_gap(&self) -> Result<bool, StoreError> {
        Ok(self.replica.store().get(&rows::single(meta::GAP))?.is_some())
    }

    /// Records the hub's receipt.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Unkept`] when there is no room for it: what it signs for counts as only
    /// here until the hub says so again. Returns [`ReplicaError::Store`] when it could not be recorded
    /// for another reason.
    pub fn receipted(&self, receipt: HubReceipt) -> Result<(), ReplicaError> {
        let packs = receipt.items.len();
        match self.record(Fact::Receipted { receipt }) {
            Ok(_) => Ok(()),
            Err(ReplicaError::Store(source @ StoreError::Full { .. })) => {
                Err(ReplicaError::Unkept { packs, source })
            }
            Err(error) => Err(error),
        }
    }

    /// Notes in which life of its store the hub was met. A hub set back to an older copy may have
    /// lost what it signed for, so its earlier word counts no more until both have compared.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn met(&self, epoch: [u8; 16]) -> Result<(), ReplicaError> {
        let row: Option<EpochRow> = rows::get(&**self.replica.store(), &rows::single(meta::EPOCH))?;
        if row.is_some_and(|row| row.epoch != epoch) {
            self.record(Fact::Restored { epoch })?;
        }
        Ok(())
    }

    /// Notes what the hub says it lacks: of that, what it had signed for is not there any more.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn lacking(&self, wants: &[Want]) -> Result<(), ReplicaError> {
        let mut lost = Vec::new();
        for want in wants.iter().filter(|want| want.from_seq > 0) {
            let key = rows::of_actor(ARRIVAL, want.document, want.actor);
            let row: Option<ArrivalRow> = rows::get(&**self.replica.store(), &key)?;
            if row.is_some_and(|row| row.stored.max(row.merged) >= want.from_seq) {
                lost.push(*want);
            }
        }
        if !lost.is_empty() {
            self.record(Fact::Lacking { wants: lost })?;
        }
        Ok(())
    }

    /// Returns the place in the hub's feed that this phone has reached.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn position(&self) -> Result<Option<FeedPosition>, ReplicaError> {
        Ok(rows::position(&**self.replica.store(), meta::POSITION)?)
    }

    /// Returns the fingerprint of everything released that this phone holds.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn fingerprint(&self) -> Result<Fingerprint, ReplicaError> {
        let node = super::tree::StoredTree::new(&**self.replica.store())
            .node(&Prefix::ROOT)
            .map_err(|error| StoreError::Damaged { what: error.to_string() })?;
        Ok(node.fingerprint())
    }

    pub(super) fn record(&self, fact: Fact) -> Result<Position, ReplicaError> {
        self.expect_to_last()?;
        let recorded = self.replica.store().commit(vec![fact.record()?]);
        if recorded.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        Ok(recorded?)
    }

    /// Opens the store again where an earlier write failed and it takes none since: a disk that was
    /// full may have room now. While it has none, the write that follows says so.
    pub(super) fn recover(&self, now: Timestamp) -> Result<(), ReplicaError> {
        if self.failed.swap(false, Ordering::Relaxed) && !self.replica.takes_writes() {
            if self.replica.store().reopen().is_err() {
                self.failed.store(true, Ordering::Relaxed);
                return Ok(());
            }
            self.stale.fetch_or(self.replica.disturbed()?.is_some(), Ordering::Relaxed);
        }
        if self.stale.load(Ordering::Relaxed) {
            // Before anything is written: a number that was lost must not be used twice.
            let lost = self.replica.store().opened().lost.len() as u64;
            self.renew_after_loss(self.spare(lost), now)?;
            self.tell_trouble(false, now)?;
            self.stale.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Records what the opened store has lost, so that it is told; without room, as long as it lasts.
    fn tell_trouble(&self, anew: bool, now: Timestamp) -> Result<(), ReplicaError> {
        match self.replica.note_trouble(anew, now) {
            Err(ReplicaError::Store(StoreError::Full { .. })) => {
                self.failed.store(true, Ordering::Relaxed);
                Ok(())
            }
            noted => noted,
        }
    }

    /// Returns an incarnation that nobody has had: of this opening's random bytes and what is lost.
    fn spare(&self, lost: u64) -> Incarnation {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 spare incarnation");
        hasher.update(&self.spare.0).update(&lost.to_le_bytes());
        hasher.update(&self.replica.store().position().0.to_le_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Incarnation(bytes)
    }

    /// Records several facts as one commit: all of them, or none.
    pub(super) fn record_all(&self, facts: &[Fact]) -> Result<Position, ReplicaError> {
        self.expect_to_last()?;
        let records = facts.iter().map(Fact::record).collect::<Result<_, _>>()?;
        let recorded = self.replica.store().commit(records);
        if recorded.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        Ok(recorded?)
    }

    /// Returns the fact of a fresh incarnation.
    pub(super) fn renewal(&self, incarnation: Incarnation, why: Renewal, at: Timestamp) -> Fact {
        let lost = self.replica.store().opened().lost.len() as u64;
        Fact::Incarnated { incarnation, why, lost, at }
    }

    pub(super) fn owner(&self) -> Result<SelfRow, ReplicaError> {
        self.replica.owner()?.ok_or_else(|| {
            StoreError::Damaged { what: "the store's own identity".to_owned() }.into()
        })
    }

    fn actor(&self, document: DocumentId) -> Result<Actor, ReplicaError> {
        Ok(Actor::derive(self.device(), document, self.owner()?.incarnation))
    }

    pub(super) fn turn(&self) -> &AtomicUsize {
        &self.turn
    }

    pub(super) fn given_turns(&self) -> &GivenTurns {
        &self.given_turns
    }

    pub(super) fn heir(&self) -> &Mutex<Option<DeviceId>> {
        &self.heir
    }

    pub(super) fn editing(&self) -> &EditLock {
        &self.editing
    }

    pub(super) fn load_or_new(&self, genesis: &Genesis) -> Result<Loaded, ReplicaError> {
        match self.replica.load_whole(genesis.document()) {
            Err(ReplicaError::UnknownDocument { .. }) => {
                let document = self.replica.empty(genesis)?;
                Ok(Loaded { document, upto: None, fresh: 0, whole: true })
            }
            loaded => loaded,
        }
    }

    /// Reads an own edit back from the journal.
    pub(super) fn own_change(
        &self,
        at: u64,
        actor: Actor,
        seq: u64,
    ) -> Result<Option<RawChange>, ReplicaError> {
        let Some(record) = self.replica.store().record(Position(at))? else { return Ok(None) };
        let candidates: Vec<RawChange> = match Fact::read(Position(at), &record)? {
            Fact::Changed { .. } | Fact::Typed { .. } => {
                vec![Records::default().change(&**self.replica.store(), at)?]
            }
            Fact::Adopted { resubmitted, .. } => {
                resubmitted.into_iter().filter_map(|bytes| RawChange::inspect(bytes).ok()).collect()
            }
            _ => Vec::new(),
        };
        Ok(candidates
            .into_iter()
            .find(|change| change.facts().seq == seq && change.facts().actor == actor.as_bytes()))
    }

    /// Returns under which incarnation an own actor was made.
    fn incarnation_of(
        &self,
        document: DocumentId,
        actor: Actor,
        owner: &SelfRow,
    ) -> Result<Incarnation, ReplicaError> {
        if Actor::derive(owner.device, document, owner.incarnation) == actor {
            return Ok(owner.incarnation);
        }
        let mut found = None;
        each_row(&**self.replica.store(), &[rows::LIFE], None, |key, _| {
            if let Some(life) = key.get(1..17).and_then(|bytes| bytes.try_into().ok()) {
                let life = Incarnation(life);
                if Actor::derive(owner.device, document, life) == actor {
                    found = Some(life);
                }
            }
            Ok(())
        })?;
        found.ok_or_else(|| {
            let what = format!("the incarnation of actor {}", actor.short());
            StoreError::Damaged { what }.into()
        })
    }
}
