//! The one session that a device may still open whose rights were ended for good: it pushes, is told
//! what became of that, and is shown the end of its rights.

use super::{HubOutput, HubSession, HubStart, Stage};
use crate::sync::message::{Failure, FailureCode, FeedItem, Resume};
use crate::sync::session::SessionError;

/// How far the end of its rights was shown to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// The device has rights.
    No,
    /// Nothing was shown yet.
    Unproved,
    /// It is being looked up.
    Asked,
    /// All of it was shown.
    Proved,
}

impl HubSession {
    /// Starts a session with a device that may only leave.
    #[must_use]
    pub fn leaving(start: HubStart) -> Self {
        Self { leaving: Leaving::Unproved, ..Self::new(start) }
    }

    /// Returns whether the device may only leave.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving != Leaving::No
    }

    /// Takes the entries that prove the end of the device's rights; none where it has them.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when one does not fit a frame.
    pub fn handle_proof(&mut self, items: Vec<FeedItem>) -> Result<(), SessionError> {
        self.leaving = Leaving::Proved;
        let said = if items.is_empty() { Ok(()) } else { self.say_items(items, None) };
        self.wire.settle(said)
    }

    /// Greets a device that may only leave: nothing of the feed is for it.
    pub(super) fn greet_leaving(&mut self) -> Result<(), SessionError> {
        let greeted = self.greet(Resume::Feed);
        self.stage = Stage::Leaving;
        self.behind = false;
        greeted
    }

    /// Returns what is to be looked up for a device that may only leave.
    pub(super) fn next_of_leaving(&mut self) -> Option<HubOutput> {
        if self.leaving != Leaving::Unproved {
            return None;
        }
        self.leaving = Leaving::Asked;
        let after = self.hello.as_ref().and_then(|hello| hello.position);
        // The place in another life of the store says nothing of this one.
        let after = after.filter(|at| at.epoch == self.start.head.epoch);
        Some(HubOutput::ProveEnd { after: after.map_or(0, |at| at.number) })
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
        let failure = self.refusal.take().unwrap_or_else(ended);
        self.wire.fail_after_sending(failure);
        Ok(())
    }
}
