//! Joins a pure session to a replica: carries out what the session asks for, and hands back what
//! came of it. Frames go in, frames come out; whoever moves them (QUIC, TCP, the simulator) is not
//! known here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ReplicaError;
use super::hub::Hub;
use super::phone::Phone;
use super::tree::StoredTree;
use crate::model::{Actor, DeviceId, DocumentId, Incarnation, Timestamp};
use crate::sync::{
    AdminAnswer, AdminRequest, DeviceEntry, HubOutput, HubSession, HubStart, Outcome, Pack,
    PhoneOutput, PhoneSession, Role,
};

/// Random bytes for a fresh incarnation, should one be needed.
pub type Entropy = Box<dyn FnMut() -> [u8; 16] + Send>;

/// What a phone's exchange has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Packs and snapshots taken in.
    pub received: usize,
    /// Packs sent.
    pub sent: usize,
    /// Packs that the hub signed for.
    pub stored: usize,
    /// Packs that the hub set aside.
    pub refused: usize,
    /// Another exchange should follow at once: a line of own edits has to be taken over.
    pub again: bool,
}

/// A phone in an exchange with the hub.
pub struct PhoneRunner {
    phone: Arc<Phone>,
    session: PhoneSession,
    entropy: Entropy,
    progress: Progress,
    answers: Vec<AdminAnswer>,
    outcome: Option<Outcome>,
    caught_up: bool,
}

impl PhoneRunner {
    /// Begins an exchange: releases what waits and prepares the first flight.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the store fails.
    pub fn start(
        phone: Arc<Phone>,
        options: PhoneOptions,
        entropy: Entropy,
        now: Timestamp,
    ) -> Result<Self, ReplicaError> {
        let mut start = phone.start(options.hub, options.live, now)?;
        start.asks = (0..).zip(options.asks).collect();
        let progress = Progress { sent: start.outbox.len(), ..Progress::default() };
        Ok(Self {
            phone,
            session: PhoneSession::new(start),
            entropy,
            progress,
            answers: Vec::new(),
            outcome: None,
            caught_up: false,
        })
    }

    /// Returns whether the next frame should be read now; frames to send come first.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.session.wants_input()
    }

    /// Takes in one frame from the hub. Call [`Self::poll_frame`] until it gives nothing before the
    /// next.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Session`] when the hub misbehaves. Poll on: the session tells the hub
    /// why and ends.
    pub fn handle(&mut self, frame: &[u8]) -> Result<(), ReplicaError> {
        let rows = self.phone.replica().store().clone();
        self.session.handle_frame(frame, &StoredTree::new(&*rows))?;
        Ok(())
    }

    /// Releases and sends what was recorded since (live exchanges).
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the store fails.
    pub fn offer(&mut self, now: Timestamp) -> Result<(), ReplicaError> {
        let packs = self.phone.release(now)?;
        self.progress.sent += packs.len();
        self.session.handle_new_outbox(packs);
        Ok(())
    }

    /// Asks to end once everything under way has arrived.
    pub fn finish(&mut self) {
        self.session.finish();
    }

    /// Does the work that is due and returns the next frame to send; write it before polling again.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when the store fails: the exchange is over then, and nothing
    /// is half-taken.
    pub fn poll_frame(&mut self, now: Timestamp) -> Result<Option<Vec<u8>>, ReplicaError> {
        while let Some(output) = self.session.poll_output() {
            match output {
                PhoneOutput::Send(frame) => return Ok(Some(frame)),
                PhoneOutput::Apply(apply) => {
                    let fresh = Incarnation((self.entropy)());
                    let taken = self.phone.apply(apply.items, apply.position, fresh, now);
                    self.session.handle_applied(taken.is_ok());
                    let taken = taken?;
                    self.progress.received += taken.recorded;
                    self.progress.again |= taken.cloned;
                }
                PhoneOutput::Receipts(receipt) => {
                    self.progress.stored += receipt.items.len();
                    self.phone.receipted(receipt)?;
                }
                PhoneOutput::Notices { upto, notices } => {
                    self.progress.refused += notices.len();
                    let fresh = Incarnation((self.entropy)());
                    self.progress.again |= self.phone.noticed(upto, notices, fresh, now)?;
                }
                PhoneOutput::Provide(wants) => {
                    let packs = self.phone.replica().provide(&wants)?;
                    self.progress.sent += packs.len();
                    self.session.handle_provided(packs);
                }
                PhoneOutput::Caught(_) => self.caught_up = true,
                PhoneOutput::Answered { answer, .. } => self.answers.push(answer),
                PhoneOutput::Finished(outcome) => {
                    self.progress.again |= outcome.left_behind;
                    self.outcome = Some(outcome);
                }
            }
        }
        Ok(None)
    }

    /// Returns the hub's answers to [`PhoneOptions::asks`], in order.
    #[must_use]
    pub fn answers(&self) -> &[AdminAnswer] {
        &self.answers
    }

    /// Returns what was done so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Returns whether everything the hub had at the last answer is here.
    #[must_use]
    pub fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Returns how the exchange ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }
}

/// What a phone's exchange is for.
#[derive(Debug, Clone)]
pub struct PhoneOptions {
    /// The hub's pinned key.
    pub hub: DeviceId,
    /// Stay and follow the feed.
    pub live: bool,
    /// What to ask the hub for, as an administrator.
    pub asks: Vec<AdminRequest>,
}

/// The hub in an exchange with one device.
pub struct HubRunner {
    hub: Arc<Hub>,
    entry: DeviceEntry,
    incarnation: Incarnation,
    session: HubSession,
    /// Pushed and stored here, not yet merged: last seq by actor.
    unmerged: BTreeMap<(DocumentId, Actor), u64>,
    outcome: Option<Outcome>,
}

impl HubRunner {
    /// Begins an exchange with a device that TLS has authenticated and that the hub was told of.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn start(hub: Arc<Hub>, entry: DeviceEntry, now: Timestamp) -> Result<Self, ReplicaError> {
        let head = hub.head()?;
        let start = HubStart { epoch: head.epoch, entry: entry.clone(), head: head.number, now };
        let session = HubSession::new(start);
        let incarnation = Incarnation([0; 16]);
        Ok(Self { hub, entry, incarnation, session, unmerged: BTreeMap::new(), outcome: None })
    }

    /// Takes in one frame. Call [`Self::poll_frame`] until it gives nothing before the next.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Session`] when the device misbehaves and [`ReplicaError::Store`] when
    /// the store fails; nothing was acknowledged then.
    pub fn handle(&mut self, frame: &[u8]) -> Result<(), ReplicaError> {
        let rows = self.hub.replica().store().clone();
        self.session.handle_frame(frame, &StoredTree::new(&*rows))?;
        Ok(())
    }

    /// Says that something was merged or published since.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn grown(&mut self) -> Result<(), ReplicaError> {
        let mut left = BTreeMap::new();
        for ((document, actor), seq) in std::mem::take(&mut self.unmerged) {
            if !self.hub.settled(document, actor, seq)? {
                left.insert((document, actor), seq);
            }
        }
        self.unmerged = left;
        self.session.handle_feed_grown();
        self.session.handle_merged(self.unmerged.is_empty());
        Ok(())
    }

    /// Does the work that is due and returns the next frame to send. The next page of the feed is
    /// read only when the frames before it are gone, so a slow reader holds one page.
    ///
    /// # Errors
    ///
    /// As [`Self::handle`].
    pub fn poll_frame(&mut self, now: Timestamp) -> Result<Option<Vec<u8>>, ReplicaError> {
        while let Some(output) = self.session.poll_output() {
            match output {
                HubOutput::Send(frame) => return Ok(Some(frame)),
                HubOutput::Accept(packs) => self.accept(&packs, now)?,
                HubOutput::CheckPosition(position) => {
                    let known = self.hub.knows(&position)?;
                    self.session.handle_position(known);
                }
                HubOutput::Serve { after } => {
                    self.incarnation = self.session.incarnation();
                    let page = self.hub.feed(&self.entry, self.incarnation, after.number)?;
                    self.session.handle_feed(page);
                }
                HubOutput::ServeSnapshots { after } => {
                    let page = self.hub.snapshots(&self.entry, after)?;
                    self.session.handle_snapshots(page);
                }
                HubOutput::ServeEverybodys => {
                    self.session.handle_everybodys(self.hub.everybodys()?);
                }
                HubOutput::Provide(wants) => {
                    let packs = self.hub.provide_to(&self.entry, &wants)?;
                    self.session.handle_provided(packs);
                }
                HubOutput::Notices { after } => {
                    let (upto, notices) = self.hub.notices(self.entry.device, after)?;
                    self.session.handle_notices(upto, notices);
                }
                HubOutput::Admin { request_id, request } => {
                    let answer = self.administer(request)?;
                    self.session.handle_admin(request_id, answer);
                }
                HubOutput::Finished(outcome) => self.outcome = Some(outcome),
            }
        }
        Ok(None)
    }

    /// Returns how the exchange ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Returns the device at the other end.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.entry.device
    }

    fn accept(&mut self, packs: &[Vec<u8>], now: Timestamp) -> Result<(), ReplicaError> {
        let accepted = self.hub.accept(self.entry.device, packs, now)?;
        for bytes in packs {
            let pack = Pack::decode(bytes)?;
            let name = (pack.document(), pack.actor());
            if !self.hub.settled(name.0, name.1, pack.last_seq())? {
                self.unmerged.insert(name, pack.last_seq());
            }
        }
        self.session.handle_accepted(accepted);
        self.session.handle_merged(self.unmerged.is_empty());
        Ok(())
    }

    fn administer(&self, request: AdminRequest) -> Result<AdminAnswer, ReplicaError> {
        if self.entry.role != Role::Admin {
            return Ok(AdminAnswer::Refused {
                reason: "only an administrator's device may do this".to_owned(),
            });
        }
        match request {
            AdminRequest::TrustDevice(entry) => {
                self.hub.trust(entry)?;
                Ok(AdminAnswer::Done)
            }
            AdminRequest::PublishObject { bytes } => {
                if let Err(error) = crate::checklist::Template::parse(&bytes) {
                    return Ok(AdminAnswer::Refused { reason: error.to_string() });
                }
                self.hub.publish(bytes)?;
                Ok(AdminAnswer::Done)
            }
            AdminRequest::Status => {
                let totals = self.hub.replica().totals()?;
                Ok(AdminAnswer::Status {
                    head: self.hub.head()?,
                    documents: totals.documents,
                    packs: totals.packs,
                    quarantined: totals.quarantined,
                })
            }
        }
    }
}
