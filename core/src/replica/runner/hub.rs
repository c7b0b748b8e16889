//! The hub in an exchange with one device.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ASKED_MAX, CLOSING_RETRY_MS, UNMERGED_MAX};
use crate::model::{Actor, DeviceId, DocumentId, Scope, Timestamp};
use crate::replica::hub::{Hub, ProofOfEnd, ProofPage, PublishError, RETRY_AFTER_MS, no_room};
use crate::replica::tree::StoredTree;
use crate::replica::{ReplicaError, access};
use crate::store::{Read, StoreError};
use crate::sync::{
    Accepted, AdminAnswer, AdminRequest, AsideName, DeviceEntry, Failure, FailureCode, FeedItem,
    HubOutput, HubSession, HubStart, Load, Outcome, Verdict, Want,
};
use crate::trust::control::SignedAct;
use crate::trust::log::{Act, Turned};

mod enrolling;
mod logging;
mod pacing;
mod reading;
mod sealing;

/// The hub in an exchange with one device.
pub struct HubRunner {
    hub: Arc<Hub>,
    /// What is known of the device, and of that what was in force when the exchange began.
    known: DeviceEntry,
    entry: DeviceEntry,
    scopes: Vec<Scope>,
    session: HubSession,
    /// Pushed and stored here, not yet merged: last seq by actor.
    unmerged: BTreeMap<(DocumentId, Actor), u64>,
    /// What this exchange has asked the device for; asking twice would not bring more.
    asked: BTreeSet<Want>,
    /// Lines of which a pack was over a quota: asking for what follows it would bring the same again.
    over: BTreeSet<(DocumentId, Actor)>,
    /// Of how many of these the hub has noted that the device has no more; `None` before the first.
    noted: Option<usize>,
    /// A limit or failure left something out that the device did send: what is missing may be that.
    left_out: bool,
    /// What comes is of a file that whoever runs the hub gave it.
    by_file: bool,
    /// Packs of the device that the hub has now, in the record or kept aside.
    settled: usize,
    /// A device or checklist was made known here, and nobody was told yet.
    announced: bool,
    /// Something that this device brought was set aside, and its authors are to hear of it while they are here.
    for_others: bool,
    /// The disk had no room for what was pushed or asked, and nobody was told yet.
    full: bool,
    /// The hub is shutting down.
    closing: bool,
    /// The hub's epoch when the exchange began.
    epoch: [u8; 16],
    /// What was given to the device, for the log.
    reads: reading::Reads,
    /// Packs of the device that were not taken in and of which nothing is kept.
    not_kept: u64,
    /// What was read in this exchange and is in the log once.
    readings: BTreeSet<Act>,
    /// The document whose receipts were proved last.
    exported: Option<DocumentId>,
    /// What proves to the device that its rights were ended, once it was looked up.
    proof: Option<ProofOfEnd>,
    /// The pack kept aside whose bytes were given last.
    evidence: Option<AsideName>,
    /// When work was last done.
    now: Timestamp,
    /// The device's clock was compared with this hub's.
    clock_compared: bool,
    outcome: Option<Outcome>,
}

impl HubRunner {
    /// Begins an exchange with a device that TLS has authenticated and that the hub was told of.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn start(hub: Arc<Hub>, entry: DeviceEntry, now: Timestamp) -> Result<Self, ReplicaError> {
        // Read anew: rights that were changed since the caller looked would go unnoticed until the
        // next change.
        let known = hub.replica().device(entry.device)?;
        let leaving = hub.lets_leave(entry.device);
        let known = known.filter(|known| known.active || leaving);
        let stranger = || ReplicaError::Stranger { device: entry.device.short() };
        let known = known.ok_or_else(stranger)?;
        let mut entry = known.clone().in_force(now);
        if leaving {
            // Whatever asks for a right finds none.
            entry.grants.clear();
        }
        let head = hub.head()?;
        let start = HubStart { entry: entry.clone(), head, now };
        let session = if leaving { HubSession::leaving(start) } else { HubSession::new(start) };
        // Of a device that leaves what it may hold is compared, and nothing is given to it.
        let scopes = access::readable(if leaving { &known } else { &entry });
        Ok(Self {
            hub,
            known,
            entry,
            scopes,
            session,
            unmerged: BTreeMap::new(),
            asked: BTreeSet::new(),
            over: BTreeSet::new(),
            noted: None,
            left_out: false,
            by_file: false,
            settled: 0,
            announced: false,
            for_others: false,
            full: false,
            closing: false,
            epoch: head.epoch,
            reads: reading::Reads::default(),
            not_kept: 0,
            readings: BTreeSet::new(),
            exported: None,
            proof: None,
            evidence: None,
            now,
            clock_compared: false,
            outcome: None,
        })
    }

    /// Says that what comes is of a file that whoever runs the hub gave it. It has no pace: nobody can send
    /// such files by themselves, one is taken in at a time, the size of a letter bounds it, and there is
    /// nobody who could be told to come again later.
    #[must_use]
    pub(in crate::replica) fn by_file(mut self) -> Self {
        self.by_file = true;
        self
    }

    /// Returns how many of the packs that came the hub has now, in the record or kept aside.
    #[must_use]
    pub(in crate::replica) fn settled(&self) -> usize {
        self.settled
    }

    /// Returns whether the next frame should be read now; frames to send come first.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.session.wants_input()
    }

    /// Takes in one frame. Call [`Self::poll_frame`] until it gives nothing before the next.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Session`] when the device misbehaves. Poll on: the session tells the
    /// device why and ends.
    pub fn handle(&mut self, frame: &[u8]) -> Result<(), ReplicaError> {
        let rows = self.hub.replica().store().clone();
        let taken = self.session.handle_frame(frame, &tree(&*rows, &self.scopes));
        if let Err(error) = taken {
            self.hub.turned_away(Turned::Misbehaved, self.entry.device, 1, self.now)?;
            return Err(error.into());
        }
        self.compare_clocks()
    }

    /// Notes once where the device's clock is far from this hub's. A file says when it was made.
    fn compare_clocks(&mut self) -> Result<(), ReplicaError> {
        if self.clock_compared || self.by_file {
            return Ok(());
        }
        let Some(ahead) = self.session.clock_ahead_ms() else { return Ok(()) };
        self.clock_compared = true;
        self.hub.note_clock(self.entry.device, ahead, self.now)
    }

    /// Says that something was merged or published since.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn grown(&mut self) -> Result<(), ReplicaError> {
        while let Some(((document, actor), seq)) = self.unmerged.first_key_value() {
            if !self.hub.settled(*document, *actor, *seq)? {
                break;
            }
            self.unmerged.pop_first();
        }
        if self.end_if_renewed()? {
            return Ok(());
        }
        let known = self.hub.replica().device(self.entry.device)?.filter(|known| known.active);
        if self.session.is_leaving() {
            self.session.handle_merged(self.unmerged.is_empty());
            return Ok(());
        }
        // Rights that were changed hold from now on, not from the next contact.
        let changed = match &known {
            None => Some((FailureCode::NotAllowed, "the rights of this device have ended")),
            Some(known) if !access::same_rights(known, &self.known) => {
                Some((FailureCode::Changed, "the rights of this device were changed; come again"))
            }
            Some(_) => None,
        };
        if let Some((code, message)) = changed {
            let message = message.to_owned();
            self.session.handle_failure(Failure { code, message, retry_after_ms: None });
            return Ok(());
        }
        self.session.handle_feed_grown();
        self.session.handle_merged(self.unmerged.is_empty());
        Ok(())
    }

    /// Has what the device decided told to it in this exchange, before it ends: until it comes back in the feed the
    /// device cannot know that it was entered. Where its own rights were changed by it, the exchange ends instead.
    fn tell_the_maker(&mut self) -> Result<(), ReplicaError> {
        if !self.announced || self.session.is_leaving() {
            return Ok(());
        }
        let known = self.hub.replica().device(self.entry.device)?.filter(|known| known.active);
        if known.is_some_and(|known| access::same_rights(&known, &self.known)) {
            self.session.handle_feed_grown();
        }
        Ok(())
    }

    /// Ends the session where a grant of the device has begun or ended since: the device comes again
    /// under the rights of this moment.
    fn end_if_due(&mut self) {
        // It was left none, whatever its certificate says: there are none to begin or end.
        if self.session.is_leaving() {
            return;
        }
        let due = self.known.grants.iter().filter(|grant| grant.is_in_force(self.now));
        if !due.eq(&self.entry.grants) {
            self.fail_changed();
        }
    }

    fn fail_changed(&mut self) {
        let message = "the rights of this device were changed; come again".to_owned();
        let code = FailureCode::Changed;
        self.session.handle_failure(Failure { code, message, retry_after_ms: None });
    }

    /// Ends the session where the hub has another epoch by now: the device comes again at once, and
    /// compares.
    fn end_if_renewed(&mut self) -> Result<bool, ReplicaError> {
        if self.hub.head()?.epoch == self.epoch {
            return Ok(false);
        }
        let (code, message) = (FailureCode::Changed, "the hub was set back to a copy; come again");
        let message = message.to_owned();
        self.session.handle_failure(Failure { code, message, retry_after_ms: None });
        Ok(true)
    }

    /// Returns whether packs of this exchange wait to be merged.
    #[must_use]
    pub fn waits_for_merge(&self) -> bool {
        !self.unmerged.is_empty()
    }

    /// Stops waiting for packs of this exchange to be merged: they are stored and signed for, and
    /// the device learns of their merging at its next contact. A document that cannot be merged yet
    /// must not hold a phone's radio on.
    pub fn stop_waiting(&mut self) {
        self.unmerged.clear();
        self.session.handle_merged(true);
    }

    /// Says that the hub closes. What is under way is stored and signed for before the device is told
    /// to come again; nothing is waited for that a later start of the hub does as well.
    pub fn close(&mut self) {
        self.closing = true;
        self.unmerged.clear();
        self.session.handle_closing(Failure {
            code: FailureCode::Closing,
            message: "the hub is shutting down; come again".to_owned(),
            retry_after_ms: Some(CLOSING_RETRY_MS),
        });
    }

    /// Returns the next frame that was said already, without doing work for another: what is in memory
    /// anyway may be taken out while earlier frames still wait to be written.
    pub fn poll_said(&mut self) -> Option<Vec<u8>> {
        self.session.poll_said()
    }

    /// Does the work that is due and returns the next frame to send; write it before polling again.
    /// The next page of the feed is read only when the frames before it are gone, so a slow reader
    /// holds one page.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the store fails; nothing was acknowledged then. Tell
    /// [`Self::fail`] and poll on.
    pub fn poll_frame(&mut self, now: Timestamp) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.now = now;
        self.end_if_due();
        while let Some(output) = self.session.poll_output() {
            let work = !matches!(output, HubOutput::Send(_) | HubOutput::Finished(_));
            if work && self.end_if_renewed()? {
                continue;
            }
            match output {
                HubOutput::Send(frame) => return Ok(Some(frame)),
                HubOutput::Accept(packs) => self.accept(&packs, now)?,
                HubOutput::CheckPosition(position) => {
                    if self.hub.heed_position(&position, now)? {
                        // Every session of the epoch before ends.
                        self.announced = true;
                    }
                    if !self.end_if_renewed()? {
                        self.session.handle_position(self.hub.knows(&position)?)?;
                    }
                }
                HubOutput::ServeBase { after } => {
                    let page = self.hub.base(&self.entry, after)?;
                    if !self.end_if_renewed()? {
                        self.session.handle_base(page)?;
                    }
                }
                HubOutput::Serve { after } => {
                    let page = self.hub.feed(&self.entry, after.number)?;
                    if !self.end_if_renewed()? {
                        self.reads.items(&page.items);
                        self.session.handle_feed(page)?;
                    }
                }
                HubOutput::ServeSnapshots { after } => {
                    let page = self.hub.snapshots(&self.entry, after)?;
                    if !self.end_if_renewed()? {
                        self.reads.items(&page.items);
                        self.session.handle_snapshots(page)?;
                    }
                }
                HubOutput::ShowTree => {
                    let rows = self.hub.replica().store().clone();
                    self.session.handle_tree(&tree(&*rows, &self.scopes))?;
                }
                HubOutput::Provide(wants) => self.provide(&wants)?,
                HubOutput::Notices { after } => {
                    let (upto, notices) = self.hub.notices(self.entry.device, after)?;
                    self.session.handle_notices(upto, notices)?;
                }
                HubOutput::Admin { request_id, request } => {
                    let answer = match self.answer(request, now) {
                        Err(ReplicaError::Store(StoreError::Full { .. })) => {
                            self.full = true;
                            AdminAnswer::Refused(no_room())
                        }
                        answer => answer?,
                    };
                    self.tell_the_maker()?;
                    self.session.handle_admin(request_id, answer)?;
                }
                HubOutput::ProveEnd { held, after } => self.prove_end(held, after)?,
                HubOutput::ShowKeys => self.session.handle_keys(self.hub.announcements()?)?,
                HubOutput::ShowLog { kept } => self.show_log(&kept, now)?,
                HubOutput::Finished(outcome) => {
                    self.outcome = Some(outcome);
                    self.account(now)?;
                }
            }
        }
        self.note_answered()?;
        Ok(None)
    }

    fn prove_end(&mut self, held: u64, after: u64) -> Result<(), ReplicaError> {
        if self.proof.is_none() {
            self.proof = self.hub.proof_of_end(self.entry.device)?;
        }
        let page = match &self.proof {
            Some(proof) => self.hub.proof_page(proof, held, after)?,
            None => ProofPage { items: Vec::new(), next: None },
        };
        Ok(self.session.handle_proof(page.items, page.next)?)
    }

    fn provide(&mut self, wants: &[Want]) -> Result<(), ReplicaError> {
        let provided = self.hub.provide_to(&self.entry, wants)?;
        provided.packs.iter().for_each(|pack| self.reads.pack(pack));
        self.session.handle_provided(provided.packs, provided.missing.is_empty())?;
        Ok(())
    }

    /// Tells the hub, once, that the device has answered all that it was asked.
    fn note_answered(&mut self) -> Result<(), ReplicaError> {
        let asked = self.asked.len();
        if self.session.has_stored_pushes() && !self.left_out && self.noted != Some(asked) {
            self.hub.note_answered(self.entry.device, &self.asked)?;
            self.noted = Some(asked);
        }
        Ok(())
    }

    /// Ends the exchange because this side failed, and tells the device when to try again.
    pub fn fail(&mut self, error: &ReplicaError) {
        let failure = match error {
            ReplicaError::Store(StoreError::Full { .. }) => no_room(),
            error => Failure {
                code: FailureCode::Internal,
                message: error.to_string(),
                retry_after_ms: Some(RETRY_AFTER_MS),
            },
        };
        self.session.handle_failure(failure);
    }

    /// Returns how the exchange ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Returns what the exchange holds at the moment.
    #[must_use]
    pub fn load(&self) -> Load {
        self.session.load()
    }

    /// Returns the device at the other end.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.entry.device
    }

    fn accept(&mut self, packs: &[Vec<u8>], now: Timestamp) -> Result<(), ReplicaError> {
        let paced = if self.by_file { None } else { self.hub.paced(self.entry.device, now) };
        if let Some(failure) = paced {
            self.hub.turned_away(Turned::TooMuch, self.entry.device, packs.len() as u64, now)?;
            self.left_out = true;
            let pending = !self.unmerged.is_empty();
            let failure = Some(failure);
            return Ok(self.session.handle_accepted(Accepted {
                failure,
                pending,
                ..Accepted::default()
            })?);
        }
        let device = self.entry.device;
        let mut accepted = self.hub.accept_counted(device, packs, now, !self.by_file)?;
        self.settled += accepted.settled;
        self.for_others |= accepted.notices_of_others;
        // A receipt of the new epoch says nothing to a session of the one before.
        if self.end_if_renewed()? {
            return Ok(());
        }
        self.full |=
            accepted.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::Full);
        for item in accepted.receipt.iter().flat_map(|receipt| &receipt.items) {
            let name = (item.document, item.actor);
            let room = self.unmerged.len() < UNMERGED_MAX || self.unmerged.contains_key(&name);
            let fits = room && !self.closing && !self.session.is_leaving();
            if fits && !self.hub.settled(item.document, item.actor, item.seq)? {
                self.unmerged.insert(name, item.seq);
            }
        }
        let merged = self.merged_before(&accepted)?;
        let lost = accepted.declined.iter().filter(|notice| !notice.verdict.is_kept());
        self.not_kept += lost.count() as u64;
        self.ask(&mut accepted);
        self.left_out |= accepted.undecided || accepted.failure.is_some();
        accepted.pending = !self.unmerged.is_empty();
        self.session.handle_accepted(accepted)?;
        self.session.handle_merged_before(merged)?;
        Ok(())
    }

    /// Returns the device's own packs just signed for that are in the record already: the feed said so
    /// at a place that the device may have passed, or not have been shown.
    fn merged_before(&self, accepted: &Accepted) -> Result<Vec<FeedItem>, ReplicaError> {
        let mut merged = Vec::new();
        for item in accepted.receipt.iter().flat_map(|receipt| &receipt.items) {
            let (document, actor, seq) = (item.document, item.actor, item.seq);
            if self.hub.has_merged(document, actor, seq)?
                && self.hub.replica().author(document, actor)? == Some(self.entry.device)
            {
                merged.push(FeedItem::Yours { document, actor, seq });
            }
        }
        Ok(merged)
    }

    /// Leaves in what is asked for only what was not asked before, within the limit.
    fn ask(&mut self, accepted: &mut Accepted) {
        for notice in accepted.declined.iter().filter(|one| one.verdict == Verdict::OverQuota) {
            if self.over.len() < ASKED_MAX {
                self.over.insert((notice.document, notice.actor));
            }
        }
        accepted.needs.retain(|want| !self.over.contains(&(want.document, want.actor)));
        let mut over = false;
        let asked = &mut self.asked;
        accepted.needs.retain(|want| {
            let fits = asked.len() < ASKED_MAX;
            over |= !fits && !asked.contains(want);
            fits && asked.insert(*want)
        });
        if over {
            // What came is not signed for, so the device keeps it; the exchange ends with this.
            accepted.failure.get_or_insert_with(|| Failure {
                code: FailureCode::Busy,
                message: "more is missing before what was sent than one exchange asks for; sync \
                          again"
                    .to_owned(),
                retry_after_ms: Some(RETRY_AFTER_MS),
            });
        }
    }

    /// Returns, once, whether the disk had no room in this exchange: somebody should look after it.
    pub fn take_full(&mut self) -> bool {
        std::mem::take(&mut self.full)
    }

    /// Returns, once, whether this exchange made a device or checklist known, or had something of another device set
    /// aside: other exchanges must be told, because their rights may have changed and their notices have.
    pub fn take_announced(&mut self) -> bool {
        std::mem::take(&mut self.announced) | std::mem::take(&mut self.for_others)
    }

    /// Enters decisions, and tells all others whose rights may have changed.
    fn enter(&mut self, acts: &[Vec<u8>], now: Timestamp) -> Result<AdminAnswer, ReplicaError> {
        if let Some(wait) = self.pace_of(acts.len(), now)? {
            return Ok(wait);
        }
        let read: Result<Vec<_>, _> = acts.iter().map(|bytes| SignedAct::decode(bytes)).collect();
        match read.map_err(ReplicaError::from).and_then(|acts| self.hub.enter(acts, now)) {
            Ok(()) => {
                self.announced = true;
                Ok(AdminAnswer::Done)
            }
            Err(error @ ReplicaError::NotEntered { .. }) => {
                Ok(refused(FailureCode::NotAllowed, &error.to_string()))
            }
            Err(error @ ReplicaError::Control { .. }) => {
                Ok(refused(FailureCode::Misbehaved, &error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes back what an earlier life of the hub's store had signed. However many entries come at once count as
    /// one decision: that store signed each of them, so there are no more than were decided once.
    fn take_back(
        &mut self,
        entries: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<AdminAnswer, ReplicaError> {
        if let Some(wait) = self.pace_of(1, now)? {
            return Ok(wait);
        }
        match self.hub.take_back(entries) {
            Ok(taken) => {
                if taken.strange > 0 {
                    self.note_refused(&entries.concat(), now)?;
                }
                self.announced |= taken.found;
                Ok(if taken.whole {
                    AdminAnswer::Done
                } else {
                    refused(FailureCode::Busy, "entries before these are lacking; give them first")
                })
            }
            Err(error @ ReplicaError::Control { .. }) => {
                Ok(refused(FailureCode::Misbehaved, &error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    fn answer(
        &mut self,
        request: AdminRequest,
        now: Timestamp,
    ) -> Result<AdminAnswer, ReplicaError> {
        match request {
            // The session lets through nothing else of a device that may only leave.
            AdminRequest::Seal { act, .. } if self.session.is_leaving() => self.look_for_seal(&act),
            request => self.administer(request, now),
        }
    }

    fn administer(
        &mut self,
        request: AdminRequest,
        now: Timestamp,
    ) -> Result<AdminAnswer, ReplicaError> {
        self.note_asked(&request, now)?;
        let entering = matches!(
            request,
            AdminRequest::Enter { .. } | AdminRequest::TakeBack { .. } | AdminRequest::Seal { .. }
        );
        let asked = if entering { logging::bytes_of(&request)? } else { Vec::new() };
        let answer = self.do_asked(request, now)?;
        // Who is only told to wait comes again, as often as it likes: the log must not grow by that.
        let is_final =
            matches!(&answer, AdminAnswer::Refused(said) if said.code != FailureCode::Busy);
        if entering && is_final {
            self.note_refused(&asked, now)?;
        }
        Ok(answer)
    }

    fn do_asked(
        &mut self,
        request: AdminRequest,
        now: Timestamp,
    ) -> Result<AdminAnswer, ReplicaError> {
        match request {
            AdminRequest::Log(request) => {
                if !self.hub.may_ask_log(&request, &self.entry)? {
                    let by = self.entry.device;
                    self.hub.turned_away(Turned::NotAllowed, by, 1, now)?;
                    let message = "this device may not read what it asks the log about";
                    return Ok(refused(FailureCode::NotAllowed, message));
                }
                Ok(AdminAnswer::Log(self.hub.answer_log(request, now)?))
            }
            AdminRequest::TrustDevice(_) => Ok(refused(
                FailureCode::NotAllowed,
                "a device is named by decisions that its administrator signs; update this program",
            )),
            AdminRequest::Enter { acts } => self.enter(&acts, now),
            AdminRequest::Seal { act, seal } => self.take_seal(&act, &seal, now),
            AdminRequest::TakeBack { entries } => self.take_back(&entries, now),
            AdminRequest::PublishObject { bytes } => match self.hub.publish(bytes) {
                Ok(_) => {
                    self.announced = true;
                    Ok(AdminAnswer::Done)
                }
                Err(PublishError::Replica(error)) => Err(error),
                Err(error) => Ok(AdminAnswer::Refused(Failure {
                    code: FailureCode::Misbehaved,
                    message: error.to_string(),
                    retry_after_ms: None,
                })),
            },
            AdminRequest::Invite(_) | AdminRequest::Claimed(_) | AdminRequest::Deny(_) => {
                self.enrol(request, now)
            }
            AdminRequest::Status => Ok(AdminAnswer::Status(self.hub.status()?)),
            AdminRequest::Numbers => Ok(AdminAnswer::Numbers(self.hub.double_numbers()?)),
            AdminRequest::Seals => Ok(AdminAnswer::Seals(self.hub.seals_waiting(now)?)),
            AdminRequest::SeenSeals(seen) => {
                self.hub.see_seals(&seen, now)?;
                Ok(AdminAnswer::Done)
            }
            AdminRequest::Waiting => Ok(AdminAnswer::Waiting(self.hub.waiting()?)),
            AdminRequest::Mark => Ok(AdminAnswer::Mark(self.hub.mark(now)?)),
            AdminRequest::Quarantine(request) => {
                Ok(AdminAnswer::Quarantine(self.hub.show_aside(&request, &self.entry)?))
            }
            AdminRequest::Backup => Ok(AdminAnswer::Backup(self.hub.backup_status()?)),
            AdminRequest::Acknowledge => {
                self.hub.replica().acknowledge(now)?;
                Ok(AdminAnswer::Done)
            }
        }
    }
}

fn refused(code: FailureCode, message: &str) -> AdminAnswer {
    AdminAnswer::Refused(Failure { code, message: message.to_owned(), retry_after_ms: None })
}

/// The items that a device may see.
fn tree<'a>(rows: &'a dyn Read, scopes: &[Scope]) -> StoredTree<'a> {
    if scopes.iter().any(|scope| scope.as_str() == access::COUNTRY) {
        StoredTree::new(rows)
    } else {
        StoredTree::of_scopes(rows, scopes)
    }
}
