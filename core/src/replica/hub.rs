//! The hub's side: taking packs in without loading a document, merging them, serving the feed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use super::ReplicaError;
use super::access;
use super::documents::Replica;
use super::facts::{Fact, Quarantined};
use super::merge::batch::Unseen;
use super::merge::{Merging, Turn};
use super::provide::Provided;
use super::rows::{self, PACK, PENDING, PackRow, meta};
use crate::checklist::{Template, TemplateError};
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, Incarnation, TemplateId, Timestamp};
use crate::store::{Position, Store, StoreError};
use crate::sync::{
    Accepted, DeviceEntry, Failure, FailureCode, FeedPosition, HubStatus, Notice, Pack, PackError,
    PackHeader, Verdict, Want,
};
use crate::trust::{DeviceKey, HubReceipt, ReceiptItem, Tip};

pub(super) mod admission;
mod aside;
mod control;
mod deciding;
mod enrolling;
mod judging;
mod leaving;
mod ledger;
pub(super) mod log;
mod pace;
mod restored;
pub(super) mod sealing;
pub(super) mod shares;
pub(super) mod stranded;
mod waiting;

pub use enrolling::InviteError;
pub(super) use leaving::{ProofOfEnd, ProofPage};

use shares::Shares;

/// Batches after which one waiting seal is looked at although others wait to be merged: a hub under steady
/// load must number minutes too, and each look may open a document.
const MERGES_BEFORE_SEALS: u32 = 64;

/// What a hub is told at its start.
#[derive(Debug, Clone, Copy)]
pub struct HubOptions {
    /// The epoch that a new, restored or damaged store takes: random.
    pub fresh_epoch: [u8; 16],
    /// Now.
    pub now: Timestamp,
}

/// What one merge did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// The document.
    pub document: Option<DocumentId>,
    /// Packs merged, parked, refused.
    pub merged: usize,
    /// Packs whose causes are missing.
    pub parked: usize,
    /// Packs set aside.
    pub refused: usize,
}

/// The tips of packs submitted but not yet durable, so that two sessions deciding at once agree.
type InFlight = BTreeMap<(DocumentId, Actor), Tip>;

/// A replica that numbers what it merges and serves it.
pub struct Hub {
    replica: Replica,
    pub(super) key: DeviceKey,
    in_flight: Arc<Mutex<InFlight>>,
    /// The devices that may connect: looked up during each handshake, which must not wait for disk.
    known: RwLock<BTreeSet<DeviceId>>,
    /// Those whose rights were ended for good: they may bring what they hold, and no more.
    leaving: RwLock<BTreeSet<DeviceId>>,
    /// Held while an entry of the control log is made: each continues the one before.
    control: Mutex<()>,
    /// Tells entries that are made from this start of the hub on from those of others: a store that was
    /// set back unnoticed must not number its entries as before.
    start: [u8; 8],
    /// When the hub was last told the time.
    told: AtomicI64,
    /// Set while what was set aside must be looked at again and could not be.
    owed: AtomicBool,
    /// A device knew more of this hub than it does itself, since it was opened.
    surpassed: AtomicBool,
    /// Until when phones that nobody knows may come and claim, at most.
    newcomers_until: AtomicI64,
    unanswered: stranded::Unanswered,
    ledger: ledger::Ledger,
    pub(super) marks: Mutex<super::marking::Marks>,
    /// Parked packs that no merge has looked at since their document changed.
    pub(super) unseen: Unseen,
    pub(super) merging: Merging,
    pace: pace::Pace,
    /// Batches merged since waiting seals were last looked at under load.
    merged: AtomicU32,
    stuck: sealing::Stuck,
}

/// Why a checklist was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// It is no checklist.
    #[error("this is no checklist")]
    Template {
        /// Why, with section and item.
        #[source]
        source: TemplateError,
    },
    /// It could not be recorded.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Replica(error.into())
    }
}

/// The hub's answer to one pack, before it is durable.
enum Decision {
    Take(Pack),
    Held(Pack),
    Ask(Want),
    Set(Box<Quarantined>),
    /// It is in quarantine already; its signer is told by the notice that waits.
    Known(Notice),
    /// Over a quota of its device: too much of it is set aside, or waits for what nobody has sent.
    OverQuota(Notice),
}

/// Packs of one frame, sorted by what is to be done with them.
struct Batch {
    /// Who pushed them.
    from: DeviceId,
    /// When they came, by the hub's clock.
    at: Timestamp,
    packs: Vec<Vec<u8>>,
    quarantined: Vec<Quarantined>,
    /// Held before; what may be said of them does not depend on this commit.
    held: Vec<ReceiptItem>,
    /// To be recorded now.
    taken: Vec<ReceiptItem>,
    noted: Vec<((DocumentId, Actor), Tip)>,
    /// Not taken in, and to be named to who pushed them.
    declined: Vec<Notice>,
    /// Packs that are kept aside with this commit, and those that were before it.
    kept: usize,
    known: usize,
    shares: Shares,
    /// A supervisor has decided that so many enter the record, whoever wrote them: all of them or none.
    admitted: Option<usize>,
    /// Lines of which packs are set aside because of who wrote them.
    shut: BTreeSet<(DocumentId, Actor)>,
    /// Something is set aside that another device signed.
    of_others: bool,
}

impl Batch {
    fn of(from: DeviceId, at: Timestamp) -> Self {
        Self {
            from,
            at,
            packs: Vec::new(),
            quarantined: Vec::new(),
            held: Vec::new(),
            taken: Vec::new(),
            noted: Vec::new(),
            declined: Vec::new(),
            kept: 0,
            known: 0,
            shares: Shares::new(),
            admitted: None,
            shut: BTreeSet::new(),
            of_others: false,
        }
    }

    fn note(
        &mut self,
        tips: &mut InFlight,
        accepted: &mut Accepted,
        bytes: &[u8],
        decision: Decision,
    ) {
        match decision {
            Decision::Take(pack) => {
                let name = (pack.document(), pack.actor());
                if tips.get(&name).is_none_or(|held| held.seq < pack.last_seq()) {
                    tips.insert(name, pack.tip());
                    self.noted.push((name, pack.tip()));
                }
                self.taken.push(receipt_item(&pack));
                self.packs.push(bytes.to_vec());
                accepted.pending = true;
            }
            Decision::Held(pack) => self.held.push(receipt_item(&pack)),
            Decision::Ask(want) => accepted.needs.push(want),
            Decision::Set(entry) => {
                self.kept += usize::from(entry.notice.verdict.is_kept());
                self.decline(entry.device, entry.notice.clone());
                self.set_aside(*entry);
            }
            Decision::Known(notice) => {
                self.known += usize::from(notice.verdict.is_kept());
                // A copy of the device may carry what the other brought, having read the notice before.
                self.declined.push(notice);
            }
            // Named and not signed for: whoever brought it keeps it, offers it again later, and its
            // author sees that it is only there. The exchange goes on: what others wrote must still
            // reach the device.
            Decision::OverQuota(notice) => {
                accepted.undecided = true;
                self.declined.push(notice);
            }
        }
    }

    /// Names a pack to who pushed it where its signer's notice does not: to another device, or where
    /// nothing of it is kept and the device must not let go of it. Another line is named each time: a
    /// device that was restored may have seen the notice before, in a state that it has lost.
    fn decline(&mut self, signer: DeviceId, notice: Notice) {
        let lost = notice.verdict == Verdict::Equivocation;
        if signer != self.from || lost || !notice.verdict.is_kept() {
            self.declined.push(notice);
        }
    }

    fn set_aside(&mut self, entry: Quarantined) {
        if entry.notice.verdict == Verdict::NotAllowed {
            self.shut.insert((entry.notice.document, entry.notice.actor));
        }
        let twice = self.quarantined.iter().any(|held| held.notice == entry.notice);
        self.of_others |= entry.device != self.from;
        if !twice {
            self.quarantined.push(entry);
        }
    }

    /// Takes the tips of this batch out of what is under way.
    fn forget(&self, tips: &mut InFlight) {
        for (name, tip) in &self.noted {
            if tips.get(name) == Some(tip) {
                tips.remove(name);
            }
        }
    }
}

impl Hub {
    /// Takes a store as this hub's. A new store is born; one that was restored or lost records takes
    /// a new epoch, so that phones notice and give back what it lost.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::WrongOwner`] when the store is another hub's, and its key has not announced
    /// this one.
    pub fn open(
        store: Arc<dyn Store>,
        key: DeviceKey,
        options: HubOptions,
    ) -> Result<Self, ReplicaError> {
        let replica = Replica::new(store);
        let devices = replica.devices()?;
        let active = devices.iter().filter(|entry| entry.active).map(|entry| entry.device);
        let known = RwLock::new(active.collect());
        let (in_flight, owed, surpassed) = (Arc::default(), false.into(), false.into());
        let unanswered = stranded::Unanswered::default();
        let (unseen, ledger) = (Unseen::default(), ledger::Ledger::default());
        let (control, told) = (Mutex::default(), AtomicI64::new(options.now.0));
        let mut start = [0; 8];
        start.copy_from_slice(&options.fresh_epoch[8..]);
        let hub = Self {
            replica,
            key,
            in_flight,
            known,
            leaving: RwLock::default(),
            control,
            start,
            told,
            owed,
            surpassed,
            newcomers_until: AtomicI64::new(i64::MIN),
            unanswered,
            ledger,
            marks: Mutex::default(),
            unseen,
            merging: Merging::default(),
            pace: pace::Pace::default(),
            merged: AtomicU32::new(0),
            stuck: sealing::Stuck::default(),
        };
        let incarnation = Incarnation(options.fresh_epoch);
        let device = hub.key.device();
        match hub.replica.owner()? {
            None => {
                let created = hub.replica.store().opened().created;
                hub.record(Fact::Born { device, incarnation, at: options.now })?;
                hub.replica.note_trouble(!created, options.now)?;
            }
            Some(owner) if owner.device != device => hub.take_over(owner.device, options.now)?,
            Some(_) => {}
        }
        // After a birth too: the record of an earlier one may be what is lost.
        hub.renew_if_lost(options)?;
        hub.begin_control()?;
        hub.end_key_before()?;
        hub.note_leaving(devices.iter().map(|entry| entry.device))?;
        hub.recall_invitations()?;
        hub.reconsider_or_owe(None);
        hub.look_at_parked()?;
        Ok(hub)
    }

    /// Opens the store again after it failed, if it still takes no writes.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] while the cause persists.
    pub fn recover(&self, options: HubOptions) -> Result<(), ReplicaError> {
        if self.replica.takes_writes() {
            return Ok(());
        }
        self.replica.store().reopen()?;
        self.renew_if_lost(options)?;
        self.reconsider_or_owe(None);
        Ok(())
    }

    /// Returns the documents.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// Returns the hub's key, which phones pin.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.key.device()
    }

    /// Returns whether a device may connect. Reads memory only.
    #[must_use]
    pub fn knows_device(&self, device: DeviceId) -> bool {
        self.known.read().is_ok_and(|known| known.contains(&device))
    }

    /// Publishes an immutable object (a checklist) to everybody.
    ///
    /// # Errors
    ///
    /// Returns [`PublishError::Template`] when it is no checklist, and [`PublishError::Replica`] when
    /// it could not be recorded.
    pub fn publish(&self, bytes: Vec<u8>) -> Result<TemplateId, PublishError> {
        let template =
            Template::parse(&bytes).map_err(|source| PublishError::Template { source })?.id();
        if self.replica.object(template)?.is_none() {
            self.record(Fact::Published { bytes })?;
            // Some could not be admitted because too much of their device waited for a checklist.
            self.reconsider_or_owe(None);
        }
        Ok(template)
    }

    /// Returns the head of the feed.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn head(&self) -> Result<FeedPosition, ReplicaError> {
        let store = self.replica.store();
        if let Some(head) = rows::position(&**store, meta::FEED)? {
            return Ok(head);
        }
        let owner = self
            .replica
            .owner()?
            .ok_or_else(|| StoreError::Damaged { what: "the store's own identity".to_owned() })?;
        Ok(FeedPosition { epoch: owner.incarnation.0, number: 0, chain: [0; 32] })
    }

    /// Takes packs in: checks them, records them with one sync and signs for them. Loads no
    /// document. A pack that may not enter the record is kept in quarantine and its signer is told;
    /// one that cannot be read is refused and its sender is told; the others of the batch go on.
    /// Without room on the disk only what was held before is signed for, and
    /// [`Accepted::failure`] says why.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when they could not be recorded for another reason: nothing
    /// is acknowledged then.
    pub fn accept(
        &self,
        from: DeviceId,
        encoded: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<Accepted, ReplicaError> {
        self.accept_counted(from, encoded, now, true)
    }

    /// As [`Self::accept`]; `counted` says that the device's pace bears it, as of all that comes by network.
    ///
    /// # Errors
    ///
    /// As [`Self::accept`].
    pub(in crate::replica) fn accept_counted(
        &self,
        from: DeviceId,
        encoded: &[Vec<u8>],
        now: Timestamp,
        counted: bool,
    ) -> Result<Accepted, ReplicaError> {
        self.told.fetch_max(now.0, Ordering::Relaxed);
        let mut accepted = Accepted::default();
        let mut batch = Batch::of(from, now);
        // Hashes and signatures first: the lock below is shared by all sessions.
        let mut packs = Vec::with_capacity(encoded.len());
        for bytes in encoded {
            match checked(bytes) {
                Ok(pack) => packs.push((pack, bytes)),
                Err(error) => self.refuse(&mut batch, &mut accepted, bytes, &error)?,
            }
        }
        if counted {
            self.charge(from, encoded, &packs, now)?;
        }
        let outcome = self.settle(&mut batch, &mut accepted, packs, (from, now))?;
        match outcome {
            Some(Err(StoreError::Full { .. })) => {
                accepted.failure = Some(no_room());
                accepted.pending = false;
                batch.taken.clear();
                batch.kept = 0;
                // What was to be set aside is not kept either: nobody may let go of it.
                batch.declined.clear();
            }
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(_)) => {
                self.attach(batch.noted.iter().map(|(name, _)| *name))?;
                accepted.pending |= self.admit_judged_or_owe(&batch.shut);
                accepted.notices_of_others = batch.of_others;
            }
            None => {}
        }
        accepted.declined = batch.declined;
        let mut signed = batch.held;
        signed.append(&mut batch.taken);
        accepted.settled = signed.len() + batch.kept + batch.known;
        if !signed.is_empty() {
            let epoch = self.head()?.epoch;
            let receipt = HubReceipt::sign(&self.key, epoch, from, signed, now)
                .map_err(|source| ReplicaError::Trust { source: Arc::new(source) })?;
            accepted.receipt = Some(receipt);
        }
        Ok(accepted)
    }

    /// Decides what becomes of packs and records it. Returns how that went, if there was something
    /// to record.
    fn settle(
        &self,
        batch: &mut Batch,
        accepted: &mut Accepted,
        packs: Vec<(Pack, &Vec<u8>)>,
        (from, now): (DeviceId, Timestamp),
    ) -> Result<Option<Result<Position, StoreError>>, ReplicaError> {
        let waiting = {
            let mut tips = self.in_flight.lock().map_err(|_| ReplicaError::Interrupted)?;
            let submitted = self.decide_all(&mut tips, batch, accepted, packs);
            match submitted.and_then(|()| self.submit(batch, from, now)) {
                Ok(waiting) => waiting,
                Err(error) => {
                    // A tip that no commit stands behind would block its actor for good.
                    batch.forget(&mut tips);
                    return Err(error);
                }
            }
        };
        let outcome = waiting.map(|receive| receive.recv().unwrap_or(Err(StoreError::Closed)));
        batch.forget(&mut *self.in_flight.lock().map_err(|_| ReplicaError::Interrupted)?);
        Ok(outcome)
    }

    fn decide_all(
        &self,
        tips: &mut InFlight,
        batch: &mut Batch,
        accepted: &mut Accepted,
        packs: Vec<(Pack, &Vec<u8>)>,
    ) -> Result<(), ReplicaError> {
        for (pack, bytes) in packs {
            let decision = self.within_limit(batch, self.decide(tips, batch, pack, bytes)?)?;
            let decision = self.within_share(&mut batch.shares, decision)?;
            batch.note(tips, accepted, bytes, decision);
        }
        Ok(())
    }

    /// Merges the waiting packs of one document, if any wait. Loads that document and no other.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the outcome could not be recorded. A document that
    /// cannot be opened does not keep the others waiting: its error is returned when nothing else
    /// is left to merge. One whose checklist is not here yet is left waiting without an error.
    pub fn merge_next(&self, now: Timestamp) -> Result<Option<MergeReport>, ReplicaError> {
        self.merge_next_and(now, &|| ())
    }

    /// As [`Hub::merge_next`]; calls `begun` once it has taken a document, while others may be merged
    /// beside it. May be called by several threads: a document is merged by one at a time.
    ///
    /// # Errors
    ///
    /// As [`Hub::merge_next`], and [`ReplicaError::Merging`] at once when nobody can be found to merge.
    pub fn merge_next_and(
        &self,
        now: Timestamp,
        begun: &dyn Fn(),
    ) -> Result<Option<MergeReport>, ReplicaError> {
        let turn = Turn { now, begun };
        // Minutes are looked at where nothing else is to be done, and now and then where there always is.
        if self.merged.load(Ordering::Relaxed) >= MERGES_BEFORE_SEALS {
            self.merged.store(0, Ordering::Relaxed);
            if let report @ Some(_) = self.register_next(now)? {
                return Ok(report);
            }
        }
        let mut after: Option<Vec<u8>> = None;
        let mut blocked = None;
        loop {
            let page = self.replica.store().scan(&[PENDING], after.as_deref(), 1)?;
            let Some(document) = page.first().and_then(|(key, _)| rows::document_in(key)) else {
                self.replica.forget_records();
                let further = match self.merge_parked(turn, &mut blocked)? {
                    None => self.merge_ripe(turn)?,
                    report => report,
                };
                return match further {
                    Some(report) => Ok(Some(report)),
                    // Last, and only where the rest went well: it reads all that was set aside.
                    None if blocked.is_none() && self.reconsider_owed()? => {
                        after = None;
                        continue;
                    }
                    None => match self.register_next(now)? {
                        None => blocked.map_or(Ok(None), Err),
                        report => Ok(report),
                    },
                };
            };
            match self.merge(document, turn) {
                Ok(Some(report)) => {
                    self.merged.fetch_add(1, Ordering::Relaxed);
                    return Ok(Some(report));
                }
                Ok(None) | Err(ReplicaError::UnknownTemplate { .. }) => {}
                Err(error) if error.is_idle() => return Err(error),
                // Damage concerns this document; any other failure of the store, all of them.
                Err(ReplicaError::Store(error @ StoreError::Damaged { .. })) => {
                    blocked = blocked.or(Some(error.into()));
                }
                Err(error @ ReplicaError::Store(_)) => return Err(error),
                Err(error) => blocked = blocked.or(Some(error)),
            }
            // Step over all of this document's rows.
            after = Some(rows::behind(rows::of_document(PENDING, document)));
        }
    }

    /// Merges everything that waits; returns how many packs were merged.
    ///
    /// # Errors
    ///
    /// As [`Hub::merge_next`].
    pub fn merge_all(&self, now: Timestamp) -> Result<usize, ReplicaError> {
        let mut merged = 0;
        while let Some(report) = self.merge_next(now)? {
            merged += report.merged;
        }
        Ok(merged)
    }

    /// Returns what a device may have of what it asks for.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn provide_to(
        &self,
        reader: &DeviceEntry,
        wants: &[Want],
    ) -> Result<Provided, ReplicaError> {
        let mut allowed = Vec::new();
        for want in wants {
            match self.replica.genesis(want.document) {
                Ok(genesis) if access::reads(reader, &genesis.scope) => allowed.push(*want),
                Ok(_) | Err(ReplicaError::UnknownDocument { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.replica.provide(&allowed)
    }

    /// Returns whether a pack is no longer waiting to be looked at: merged, parked or set aside.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn settled(
        &self,
        document: DocumentId,
        actor: Actor,
        seq: u64,
    ) -> Result<bool, ReplicaError> {
        let key = rows::of_seq(PACK, document, actor, seq);
        let row: Option<PackRow> = rows::get(&**self.replica.store(), &key)?;
        let Some(row) = row else { return Ok(true) };
        let pending = rows::of_place(PENDING, document, row.place);
        Ok(self.replica.store().get(&pending)?.is_none())
    }

    /// Returns counts for a status page.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn status(&self) -> Result<HubStatus, ReplicaError> {
        let totals = self.replica.totals()?;
        let devices = self.known.read().map_err(|_| ReplicaError::Interrupted)?.len();
        Ok(HubStatus {
            documents: totals.documents,
            devices: devices as u64,
            head: self.head()?.number,
            pending: totals.pending,
            waiting: totals.parked + totals.later,
            quarantined: totals.quarantined,
        })
    }

    pub(super) fn record(&self, fact: Fact) -> Result<Position, ReplicaError> {
        Ok(self.replica.store().commit(vec![fact.record()?])?)
    }
}

/// Reads a pack and checks hashes and signature.
fn checked(bytes: &[u8]) -> Result<Pack, PackError> {
    let pack = Pack::decode(bytes)?;
    pack.verify()?;
    Ok(pack)
}

/// The error and its causes in one line, for the other side's user.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Returns whose bytes that cannot be read say to be, and what is told of them. Their changes have no
/// hashes that could be trusted, so the bytes' digest stands in.
fn unreadable(bytes: &[u8]) -> Option<(DeviceId, Notice)> {
    let PackHeader { document, device, actor, last_seq: seq, .. } = PackHeader::peek(bytes).ok()?;
    let hash = ChangeHash(*blake3::hash(bytes).as_bytes());
    let verdict = Verdict::Unreadable;
    Some((device, Notice { document, actor, seq, hash, verdict }))
}

/// What a device is told of a hub without room.
pub(super) fn no_room() -> Failure {
    Failure {
        code: FailureCode::Full,
        message: "the hub's disk is full; it took nothing in".to_owned(),
        retry_after_ms: Some(RETRY_AFTER_MS),
    }
}

/// How long a phone should wait after the hub failed: long enough to free some space or restart.
pub(super) const RETRY_AFTER_MS: u64 = 30_000;

pub(super) fn notice(pack: &Pack, verdict: Verdict) -> Notice {
    Notice {
        document: pack.document(),
        actor: pack.actor(),
        seq: pack.last_seq(),
        hash: pack.tip_hash(),
        verdict,
    }
}

/// Returns the line as of one of a pack's changes, or as of the one before its first.
pub(super) fn tip_at(pack: &Pack, seq: u64) -> Option<Tip> {
    let mut tip = pack.previous().copied();
    for change in pack.changes() {
        if tip.is_some_and(|tip| tip.seq == seq) {
            break;
        }
        tip = Some(Tip::after(tip.as_ref(), change.facts().hash));
    }
    tip.filter(|tip| tip.seq == seq)
}

fn receipt_item(pack: &Pack) -> ReceiptItem {
    ReceiptItem {
        document: pack.document(),
        actor: pack.actor(),
        seq: pack.last_seq(),
        hash: pack.tip_hash(),
    }
}
