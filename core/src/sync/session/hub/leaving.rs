//! The one session that a device may still open whose rights were ended for good: it pushes, is told
//! what became of that, and is shown the end of its rights. Where the hub's store lives another life than the
//! device knows, both compare, and the device gives what the hub lacks; it is given nothing.

use super::{HubOutput, HubSession, HubStart, Stage};
use crate::sync::frame::Frame;
use crate::sync::message::{Failure, FailureCode, FeedItem, FeedPosition, Resume};
use crate::sync::session::SessionError;

/// How far the end of its rights was shown to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// The device has rights.
    No,
    /// It is to be shown after this place in the feed.
    Unproved { after: u64 },
    /// A page of it is being looked up.
    Asked,
    /// All of it was shown.
    Proved,
}

impl HubSession {
    /// Starts a session with a device that may only leave.
    #[must_use]
    pub fn leaving(start: HubStart) -> Self {
        Self { leaving: Leaving::Unproved { after: 0 }, ..Self::new(start) }
    }

    /// Returns whether the device may only leave.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving != Leaving::No
    }

    /// Takes a page of the entries that prove the end of the device's rights, and where the next begins;
    /// none where it has them all.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when one does not fit a frame.
    pub fn handle_proof(
        &mut self,
        items: Vec<FeedItem>,
        next: Option<u64>,
    ) -> Result<(), SessionError> {
        self.leaving = next.map_or(Leaving::Proved, |after| Leaving::Unproved { after });
        let said = if items.is_empty() { Ok(()) } else { self.say_items(items, None) };
        self.wire.settle(said)
    }

    /// Greets a device that may only leave: nothing of the feed is for it. Where its place is one of another
    /// life, or it has none, what it holds is compared first: what the hub lacks of it may be nowhere else.
    pub(super) fn greet_leaving(
        &mut self,
        position: Option<FeedPosition>,
    ) -> Result<(), SessionError> {
        let empty = self.hello.as_ref().is_some_and(|hello| hello.empty);
        let known = position.is_some_and(|at| at.epoch == self.start.head.epoch);
        let compares = !known && !empty;
        let greeted = self.greet(if compares { Resume::Reconcile } else { Resume::Feed });
        self.stage = if compares { Stage::BeforeCompare } else { Stage::Leaving };
        self.behind = false;
        greeted
    }

    /// Returns what is to be looked up for a device that may only leave.
    pub(super) fn next_of_leaving(&mut self) -> Option<HubOutput> {
        let Leaving::Unproved { after } = self.leaving else { return None };
        self.leaving = Leaving::Asked;
        let held = self.hello.as_ref().and_then(|hello| hello.position);
        // The place in another life of the store says nothing of this one.
        let held = held.filter(|at| at.epoch == self.start.head.epoch);
        Some(HubOutput::ProveEnd { held: held.map_or(0, |at| at.number), after })
    }

    /// Ends the session once all that the device brought is stored and told.
    pub(super) fn part_from_leaving(&mut self) -> Result<(), SessionError> {
        let stored = self.accepting.is_empty() && self.admin == 0 && self.events.is_empty();
        let pushed = self.answered.is_some_and(|answered| answered >= self.expected);
        let shown = self.log == super::log::Showing::Shown && self.leaving == Leaving::Proved;
        if !(stored && pushed && shown && !self.notices_asked) {
            return Ok(());
        }
        let ended = || Failure {
            code: FailureCode::NotAllowed,
            message: "the rights of this device were ended; what it brought is kept".to_owned(),
            retry_after_ms: None,
        };
        if self.reconciling && self.refusal.is_none() {
            // All that it held is here now, whichever life of the store had signed for it before.
            self.wire.say(&Frame::Caught { position: self.start.head })?;
        }
        let failure = self.refusal.take().unwrap_or_else(ended);
        self.wire.fail_after_sending(failure);
        Ok(())
    }
}
