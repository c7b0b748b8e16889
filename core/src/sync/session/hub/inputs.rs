//! What the one who carries a session out hands back to it.

use super::{Accepted, BasePage, FeedPage, HubSession, SnapshotPage, Stage};
use crate::sync::frame::Frame;
use crate::sync::message::{AdminAnswer, Failure, FeedItem, Notice, Resume};
use crate::sync::reconcile::{ItemTree, Part, Prefix, ReconcileMessage, Reconciler};
use crate::sync::session::{Ending, NOTICES_MAX, SessionError};

impl HubSession {
    /// Answers [`HubOutput::CheckPosition`](super::HubOutput::CheckPosition).
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when the answer cannot be said.
    pub fn handle_position(&mut self, known: bool) -> Result<(), SessionError> {
        let resume = if known { Resume::Feed } else { Resume::Reconcile };
        let outcome = self.greet(resume);
        self.wire.settle(outcome)
    }

    /// Takes a page of the templates, devices and closed lines that the phone may need.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when one does not fit a frame.
    pub fn handle_base(&mut self, page: BasePage) -> Result<(), SessionError> {
        self.asked = false;
        self.stage = match (self.stage, page.next) {
            (Stage::Base { resume, .. }, after @ Some(_)) => Stage::Base { resume, after },
            (Stage::Base { resume: Resume::Snapshots, .. }, None) => {
                Stage::Snapshots { after: None }
            }
            (Stage::Base { .. }, None) => Stage::BeforeCompare,
            (other, _) => other,
        };
        let outcome = self.say_items(page.items, None);
        self.wire.settle(outcome)
    }

    /// Takes a page of documents.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when one does not fit its frames.
    pub fn handle_snapshots(&mut self, page: SnapshotPage) -> Result<(), SessionError> {
        self.asked = false;
        self.stage = match page.next {
            Some(after) => Stage::Snapshots { after: Some(after) },
            None => self.follow_feed(),
        };
        let outcome = self.say_items(page.items, None);
        self.wire.settle(outcome)
    }

    /// Compares the phone's root with the own items.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Compare`] when the index cannot be read.
    pub fn handle_tree(&mut self, tree: &dyn ItemTree) -> Result<(), SessionError> {
        self.asked = false;
        self.stage = Stage::Comparing;
        self.comparison = Some(Reconciler::default());
        self.comparisons += 1;
        let root = self.hello.as_ref().map(|hello| hello.root);
        let parts = root
            .map(|fingerprint| Part::Node { prefix: Prefix::ROOT, fingerprint })
            .into_iter()
            .collect();
        let outcome = self.compare(ReconcileMessage { parts, last: true }, tree);
        self.wire.settle(outcome)
    }

    /// Takes a page of the feed.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when an entry does not fit a frame.
    pub fn handle_feed(&mut self, page: FeedPage) -> Result<(), SessionError> {
        self.asked = false;
        self.behind |= page.more;
        self.served = page.position;
        // A position alone is told by `Caught`.
        let outcome = if page.items.is_empty() {
            Ok(())
        } else {
            self.say_items(page.items, Some(page.position))
        };
        self.wire.settle(outcome)
    }

    /// Takes the packs asked for by [`HubOutput::Provide`](super::HubOutput::Provide); those the device may not see are left
    /// out. `whole` says that nothing else is: where something is held and cannot be given, the phone
    /// gets no position, so that it compares again.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when one does not fit a frame.
    pub fn handle_provided(
        &mut self,
        packs: Vec<Vec<u8>>,
        whole: bool,
    ) -> Result<(), SessionError> {
        self.giving.fetching = false;
        self.ungiven |= !whole;
        let items = packs.into_iter().map(FeedItem::Pack).collect();
        let outcome = self.say_items(items, None);
        self.wire.settle(outcome)
    }

    /// Takes what became of the oldest batch given out by [`HubOutput::Accept`](super::HubOutput::Accept).
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when the answer cannot be said.
    pub fn handle_accepted(&mut self, accepted: Accepted) -> Result<(), SessionError> {
        let places = self.accepting.answered();
        self.merging |= accepted.pending;
        let outcome = self.acknowledge(accepted, places);
        self.wire.settle(outcome)
    }

    /// Takes [`FeedItem::Yours`] of packs just pushed that were merged before.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when they do not fit a frame.
    pub fn handle_merged_before(&mut self, merged: Vec<FeedItem>) -> Result<(), SessionError> {
        if merged.is_empty() {
            return Ok(());
        }
        let outcome = self.say_items(merged, None);
        self.wire.settle(outcome)
    }

    /// Notes that a merge which held packs of this device is done; `all` says that none of its
    /// packs waits to be merged any more (those set aside or waiting for others do not count). Call
    /// it after the [`HubSession::handle_accepted`] of the packs.
    pub fn handle_merged(&mut self, all: bool) {
        self.merging = !all;
        self.behind = true;
        self.ask_notices();
    }

    /// Notes that the feed has grown.
    pub fn handle_feed_grown(&mut self) {
        self.behind = true;
    }

    /// Takes the device's notices after the count asked for, at most [`NOTICES_MAX`] at a time.
    /// `upto` is the count with these.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when they do not fit a frame.
    pub fn handle_notices(&mut self, upto: u64, notices: Vec<Notice>) -> Result<(), SessionError> {
        self.notices_asked = false;
        self.notices = Some(upto);
        if notices.len() >= NOTICES_MAX {
            self.ask_notices();
        }
        // A phone that counts further than the hub is told even where there is nothing for it:
        // with its own count it would pass over what comes next.
        let is_ahead = self.hello.as_ref().is_some_and(|hello| hello.notices > upto);
        let outcome = if notices.is_empty() && !is_ahead {
            Ok(())
        } else {
            if let Some(hello) = &mut self.hello {
                hello.notices = upto;
            }
            self.wire.say(&Frame::Notices { upto, notices })
        };
        self.wire.settle(outcome)
    }

    /// Takes the answer to an administrator's wish.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when it does not fit a frame.
    pub fn handle_admin(
        &mut self,
        request_id: u64,
        answer: AdminAnswer,
    ) -> Result<(), SessionError> {
        self.admin = self.admin.saturating_sub(1);
        let outcome = self.wire.say(&Frame::Answer { request_id, answer });
        self.wire.settle(outcome)
    }

    /// Ends the session and tells the phone why: the hub closes, its disk is full, the device was
    /// revoked.
    pub fn handle_failure(&mut self, failure: Failure) {
        self.wire.fail(failure);
    }

    /// Notes that the hub closes. A phone that came for one exchange goes on to its end, without
    /// waiting for merges; one that stays is told why once all that is under way is done, and one that
    /// has not said Hello is told at once.
    pub fn handle_closing(&mut self, failure: Failure) {
        self.merging = false;
        match &self.hello {
            None => self.wire.fail(failure),
            Some(hello) if hello.live => {
                self.refusal.get_or_insert(failure);
            }
            Some(_) => {}
        }
    }

    /// Notes that the connection is gone.
    pub fn handle_closed(&mut self) {
        self.wire.end(Ending::Cut);
    }
}
