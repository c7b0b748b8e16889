//! A session between any two replicas, alike on both sides: compare, then give what the other lacks.

use std::collections::VecDeque;

use super::{ACCEPTS_MAX, Ending, Fault, Outbox, Outcome, PUSH_PACKS_MAX, SessionError, Wire};
use crate::sync::frame::{Frame, Speaker};
use crate::sync::message::{Failure, Want};
use crate::sync::reconcile::{Differences, Equivocation, ItemTree, ReconcileMessage, Reconciler};

/// What a session between two replicas wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerOutput {
    /// Write this frame before polling again.
    Send(Vec<u8>),
    /// Fetch the packs that hold these changes, then call [`PeerSession::handle_provided`].
    Provide(Vec<Want>),
    /// Check and keep these packs, then call [`PeerSession::handle_accepted`].
    Accept(Vec<Vec<u8>>),
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
    pushed: bool,
    heard_pushed: bool,
    accepting: usize,
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
            wire: Wire::new(),
            comparison: Some(Reconciler::default()),
            found: Differences::default(),
            outbox: Outbox::default(),
            pushed: false,
            heard_pushed: false,
            accepting: 0,
            events: VecDeque::new(),
        };
        if opens {
            session.wire.say(&Frame::Compare(Reconciler::open(tree)?))?;
        }
        Ok(session)
    }

    /// Reports whether the next frame should be read now.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.wire.ending.is_none() && !self.wire.is_paused() && self.accepting < ACCEPTS_MAX
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

    /// Takes the packs asked for.
    pub fn handle_provided(&mut self, packs: Vec<Vec<u8>>) {
        self.outbox.fetching = false;
        self.outbox.take(packs);
    }

    /// Notes that the oldest batch given out was kept durably, or why the session ends.
    pub fn handle_accepted(&mut self, failure: Option<Failure>) {
        self.accepting = self.accepting.saturating_sub(1);
        if let Some(failure) = failure {
            self.wire.fail(failure);
        }
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
        if let Some(packs) = self.outbox.next_batch() {
            self.wire.meter.packs_out += packs.len() as u64;
            return self.wire.say(&Frame::Push { packs });
        }
        if self.comparison.is_some() || !self.outbox.is_empty() {
            return Ok(());
        }
        if !self.pushed {
            self.pushed = true;
            return self.wire.say(&Frame::Pushed { answered: 1 });
        }
        let kept = self.accepting == 0 && self.events.is_empty();
        if self.heard_pushed && kept { self.wire.say(&Frame::Bye) } else { Ok(()) }
    }

    fn take_frame(&mut self, bytes: &[u8], tree: &dyn ItemTree) -> Result<(), SessionError> {
        match self.wire.hear(bytes, Speaker::Replica)? {
            Frame::Compare(message) => self.compare(message, tree),
            Frame::Push { packs } => {
                if self.accepting > ACCEPTS_MAX {
                    let (what, limit) = ("batches of packs", ACCEPTS_MAX);
                    return Err(SessionError::TooMuch { what, limit, fault: Fault::Own });
                }
                if packs.len() > PUSH_PACKS_MAX {
                    let (what, limit) = ("packs in a frame", PUSH_PACKS_MAX);
                    return Err(SessionError::TooMuch { what, limit, fault: Fault::Peer });
                }
                self.accepting += 1;
                self.wire.meter.items_in += packs.len() as u64;
                self.events.push_back(PeerOutput::Accept(packs));
                Ok(())
            }
            Frame::Pushed { .. } => {
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
