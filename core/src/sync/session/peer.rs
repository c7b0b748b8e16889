//! A session between any two replicas, alike on both sides: compare, then give what the other lacks.

use std::collections::VecDeque;

use super::backlog::Backlog;
use super::parts::{PackJoiner, PackPart};
use super::{Ending, Fault, Load, Outbox, Outcome, PUSH_PACKS_MAX, SessionError, Wire};
use crate::sync::frame::{Frame, Speaker};
use crate::sync::log::LogMessage;
use crate::sync::message::{Failure, FeedItem, Want};
use crate::sync::reconcile::{Differences, Equivocation, ItemTree, ReconcileMessage, Reconciler};
use crate::trust::log::{HEADS_NAMED_MAX, TreeHead};

/// In one session a side sends at most this many checklists: far more than are in force at a time, and
/// what the other side may have to hold until the packs that need them arrive.
pub const OBJECTS_OFFERED_MAX: usize = 64;

/// What a session between two replicas wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerOutput {
    /// Write this frame before polling again.
    Send(Vec<u8>),
    /// Fetch the packs that hold these changes, then call [`PeerSession::handle_provided`].
    Provide(Vec<Want>),
    /// Checklists that packs to come may need. Nothing is to be reported back.
    Objects(Vec<Vec<u8>>),
    /// Check and keep these packs, then call [`PeerSession::handle_accepted`].
    Accept(Vec<Vec<u8>>),
    /// Heads of the hub's log that the other side keeps. Whether they are the hub's is to be looked at.
    Heads(Vec<TreeHead>),
    /// Places of an actor that hold different changes on the two sides.
    Equivocations(Vec<Equivocation>),
    /// The session is over; nothing follows.
    Finished(Outcome),
}

/// One side of a session between two replicas. See the module for how to drive it.
#[derive(Debug)]
pub struct PeerSession {
    wire: Wire,
    comparison: Option<Reconciler>,
    found: Differences,
    outbox: Outbox,
    joiner: PackJoiner,
    /// Checklists to send, before any pack.
    objects: VecDeque<Vec<u8>>,
    objects_heard: usize,
    heads_heard: bool,
    pushed: bool,
    heard_pushed: bool,
    accepting: Backlog,
    events: VecDeque<PeerOutput>,
}

impl PeerSession {
    /// Starts a session. The side that opened the connection opens the comparison.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Compare`] when the index cannot be read.
    pub fn new(opens: bool, tree: &dyn ItemTree) -> Result<Self, SessionError> {
        let mut session = Self {
            wire: Wire::spelling_out(),
            comparison: Some(Reconciler::default()),
            found: Differences::default(),
            outbox: Outbox::default(),
            joiner: PackJoiner::default(),
            objects: VecDeque::new(),
            objects_heard: 0,
            heads_heard: false,
            pushed: false,
            heard_pushed: false,
            accepting: Backlog::default(),
            events: VecDeque::new(),
        };
        if opens {
            session.wire.say(&Frame::Compare(Reconciler::open(tree)?))?;
        }
        Ok(session)
    }

    /// Tells the other side which heads of the hub's log this one keeps. Call it once, before polling.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when they cannot be said.
    pub fn tell_heads(&mut self, heads: Vec<TreeHead>) -> Result<(), SessionError> {
        if heads.is_empty() {
            return Ok(());
        }
        let said = self.wire.say(&Frame::Log(LogMessage::Kept { heads }));
        self.wire.settle(said)
    }

    /// Gives the other side objects that it did not ask for, before any pack: sealed minutes. They count
    /// against [`OBJECTS_OFFERED_MAX`].
    pub fn offer(&mut self, objects: Vec<Vec<u8>>) {
        self.objects.extend(objects);
    }

    /// Reports whether the next frame should be read now.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.wire.ending.is_none() && !self.wire.is_paused() && !self.accepting.is_full()
    }

    /// Returns what this session holds at the moment.
    #[must_use]
    pub fn load(&self) -> Load {
        let load = Load::of(&self.wire, &self.outbox);
        Load {
            outward_bytes: load.outward_bytes + self.objects.iter().map(Vec::len).sum::<usize>(),
            batches: self.accepting.len(),
            inward_bytes: self.accepting.bytes(),
            events: self.events.len(),
            ..load
        }
    }

    /// Takes a frame from the peer.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] when the peer misbehaves or this side cannot go on; the session then
    /// ends by itself.
    pub fn handle_frame(&mut self, bytes: &[u8], tree: &dyn ItemTree) -> Result<(), SessionError> {
        if self.wire.ending.is_some() {
            return Ok(());
        }
        let outcome = self.take_frame(bytes, tree);
        self.wire.settle(outcome)
    }

    /// Takes the packs asked for, and the checklists without which the other side could not open
    /// them; those are sent first. Beyond [`OBJECTS_OFFERED_MAX`] in one session the other side
    /// would end it.
    pub fn handle_provided(&mut self, objects: Vec<Vec<u8>>, packs: Vec<Vec<u8>>) {
        self.outbox.fetching = false;
        self.objects.extend(objects);
        self.outbox.take(packs);
    }

    /// Notes that the oldest batch given out was kept durably, or why the session ends.
    pub fn handle_accepted(&mut self, failure: Option<Failure>) {
        self.accepting.answered();
        if let Some(failure) = failure {
            self.wire.fail(failure);
        }
    }

    /// Ends the session because this side cannot go on, and tells the peer why.
    pub fn handle_failure(&mut self, failure: Failure) {
        self.wire.fail(failure);
    }

    /// Notes that the connection is gone.
    pub fn handle_closed(&mut self) {
        self.wire.end(Ending::Cut);
    }

    /// Returns what to do next, or `None` until something is handled.
    pub fn poll_output(&mut self) -> Option<PeerOutput> {
        if self.wire.ending.is_none() && self.wire.send.is_empty() {
            let prepared = self.prepare();
            drop(self.wire.settle(prepared));
        }
        if let Some(bytes) = self.wire.next_send() {
            return Some(PeerOutput::Send(bytes));
        }
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        if let Some(outcome) = self.wire.take_outcome() {
            return Some(PeerOutput::Finished(outcome));
        }
        if self.wire.ending.is_some() {
            return None;
        }
        self.outbox.next_wants().map(PeerOutput::Provide)
    }

    fn prepare(&mut self) -> Result<(), SessionError> {
        if self.wire.bye_said {
            self.wire.end_when_both_parted();
            return Ok(());
        }
        if let Some(bytes) = self.objects.pop_front() {
            let items = vec![FeedItem::Object { bytes }];
            return self.wire.say(&Frame::Items { items, position: None });
        }
        if let Some((frame, packs)) = self.outbox.next_frame() {
            self.wire.meter.packs_out += packs;
            return self.wire.say(&frame);
        }
        if self.comparison.is_some() || !self.outbox.is_empty() {
            return Ok(());
        }
        if !self.pushed {
            self.pushed = true;
            return self.wire.say(&Frame::Pushed { answered: 1 });
        }
        let kept = self.accepting.is_empty() && self.events.is_empty();
        if self.heard_pushed && kept { self.wire.say(&Frame::Bye) } else { Ok(()) }
    }

    fn take_frame(&mut self, bytes: &[u8], tree: &dyn ItemTree) -> Result<(), SessionError> {
        match self.wire.hear(bytes, Speaker::Replica)? {
            Frame::Compare(message) => self.compare(message, tree),
            Frame::Log(LogMessage::Kept { heads }) => self.take_heads(heads),
            Frame::PushPart { index, count, bytes } => {
                match self.joiner.join(PackPart { index, count, bytes })? {
                    Some(pack) => self.take_packs(vec![pack]),
                    None => Ok(()),
                }
            }
            Frame::Push { packs } => {
                self.joiner.expect_closed()?;
                if packs.len() > PUSH_PACKS_MAX {
                    let (what, limit) = ("packs in a frame", PUSH_PACKS_MAX);
                    return Err(SessionError::TooMuch { what, limit, fault: Fault::Peer });
                }
                self.take_packs(packs)
            }
            Frame::Items { items, position: None } => self.take_objects(items),
            Frame::Pushed { .. } => {
                self.joiner.expect_closed()?;
                self.heard_pushed = true;
                Ok(())
            }
            Frame::Failed(failure) => {
                self.wire.end(Ending::Told(failure));
                Ok(())
            }
            Frame::Bye => {
                self.wire.bye_heard = true;
                Ok(())
            }
            frame => Err(SessionError::Unexpected {
                frame: frame.name(),
                moment: "that only a phone and its hub exchange",
            }),
        }
    }

    fn take_heads(&mut self, heads: Vec<TreeHead>) -> Result<(), SessionError> {
        if heads.len() > HEADS_NAMED_MAX {
            let (what, limit) = ("heads of the log", HEADS_NAMED_MAX);
            return Err(SessionError::TooMuch { what, limit, fault: Fault::Peer });
        }
        if std::mem::replace(&mut self.heads_heard, true) {
            return Err(SessionError::Unexpected { frame: "Log", moment: "twice" });
        }
        self.events.push_back(PeerOutput::Heads(heads));
        Ok(())
    }

    fn take_packs(&mut self, packs: Vec<Vec<u8>>) -> Result<(), SessionError> {
        self.accepting.add(&packs, 0..0)?;
        self.wire.meter.items_in += packs.len() as u64;
        self.events.push_back(PeerOutput::Accept(packs));
        Ok(())
    }

    fn take_objects(&mut self, items: Vec<FeedItem>) -> Result<(), SessionError> {
        let (what, limit, fault) = ("checklists", OBJECTS_OFFERED_MAX, Fault::Peer);
        self.objects_heard = self.objects_heard.saturating_add(items.len());
        if self.objects_heard > limit {
            return Err(SessionError::TooMuch { what, limit, fault });
        }
        let mut objects = Vec::with_capacity(items.len());
        for item in items {
            let FeedItem::Object { bytes } = item else {
                return Err(SessionError::Unexpected {
                    frame: "Items",
                    moment: "with an entry that only a hub sends",
                });
            };
            objects.push(bytes);
        }
        self.events.push_back(PeerOutput::Objects(objects));
        Ok(())
    }

    fn compare(
        &mut self,
        message: ReconcileMessage,
        tree: &dyn ItemTree,
    ) -> Result<(), SessionError> {
        let Some(comparison) = &mut self.comparison else {
            return Err(SessionError::Unexpected { frame: "Compare", moment: "after the end" });
        };
        for reply in comparison.handle(message, tree, &mut self.found)? {
            self.wire.say(&Frame::Compare(reply))?;
        }
        if comparison.is_finished() {
            self.comparison = None;
            self.wire.left_behind |= self.found.more;
            let found = self.found.take();
            self.outbox.want(found.gives)?;
            if !found.equivocations.is_empty() {
                self.events.push_back(PeerOutput::Equivocations(found.equivocations));
            }
        }
        Ok(())
    }
}
