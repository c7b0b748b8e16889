//! The phone's side of a session with a hub.

use std::collections::VecDeque;

use super::items::{Joiner, weight};
use super::{
    APPLIES_BYTES_MAX, APPLIES_MAX, ASKS_MAX, Ending, Fault, Load, Outbox, Outcome, SessionError,
    Wire,
};
use crate::model::{DeviceId, Timestamp};
use crate::sync::frame::{Frame, PROTOCOL_VERSION, Speaker};
use crate::sync::log::LogMessage;
use crate::sync::message::{
    AdminAnswer, AdminRequest, Failure, FailureCode, FeedItem, FeedPosition, Hello, Notice, Resume,
    Want, Welcome,
};
use crate::sync::names::Pushed;
use crate::sync::reconcile::{
    Differences, Equivocation, Fingerprint, ItemTree, ReconcileMessage, Reconciler,
};
use crate::trust::HubReceipt;
use crate::trust::control::HUB_KEYS_MAX;
use crate::trust::log::{Shown, TreeHead};

/// What a phone knows when it connects.
#[derive(Debug, Clone)]
pub struct Start {
    /// How far it followed this hub's feed.
    pub position: Option<FeedPosition>,
    /// How many of the hub's notices it has seen.
    pub notices: u64,
    /// The root of its items (released changes only).
    pub root: Fingerprint,
    /// It holds no document.
    pub empty: bool,
    /// Encoded packs that the hub has not acknowledged, oldest first within an actor.
    pub outbox: Vec<Vec<u8>>,
    /// Packs of other devices wait here too: [`PhoneOutput::Deliver`] asks for them, a few at a time.
    pub deliver: bool,
    /// What an administrator asks, by request id.
    pub asks: Vec<(u64, AdminRequest)>,
    /// Heads that the hub's log must continue, the own last one first.
    pub heads: Vec<TreeHead>,
    /// It may not know all keys that were this hub's, and asks.
    pub asks_keys: bool,
    /// Stay and follow the feed.
    pub live: bool,
    /// The hub's pinned key.
    pub hub: DeviceId,
    /// This device.
    pub device: DeviceId,
    /// This device's clock.
    pub now: Timestamp,
}

/// What to keep in one atomic commit, the position with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// The entries, in order.
    pub items: Vec<FeedItem>,
    /// Where in the feed the phone is once they are kept; `None` leaves it where it was.
    pub position: Option<FeedPosition>,
}

/// What a phone's session wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhoneOutput {
    /// Write this frame before polling again.
    Send(Vec<u8>),
    /// Keep this, then call [`PhoneSession::handle_applied`]. Only one at a time.
    Apply(Apply),
    /// The hub has stored these durably; its signature was checked.
    Receipts(HubReceipt),
    /// Changes that the hub did not merge. Keep them and the count in one commit.
    Notices {
        /// The count to start from next time.
        upto: u64,
        /// Those not yet seen.
        notices: Vec<Notice>,
    },
    /// Packs that the hub does not take in, by name; for now, where [`Verdict::is_kept`] says that it
    /// does not keep them. All others that it has not signed for are undecided.
    ///
    /// [`Verdict::is_kept`]: crate::sync::Verdict::is_kept
    Declined(Vec<Notice>),
    /// Places of an actor at which the hub holds another change. What the hub holds stays.
    Equivocations(Vec<Equivocation>),
    /// Fetch the packs that hold these changes, then call [`PhoneSession::handle_provided`].
    Provide(Vec<Want>),
    /// Fetch the next packs of other devices for the hub, then call
    /// [`PhoneSession::handle_delivery`].
    Deliver,
    /// Keep the announcements by which the hub's keys follow each other, then call
    /// [`PhoneSession::handle_keys`]. Nothing is to be judged before.
    Keys(Vec<Vec<u8>>),
    /// Judge what the hub shows of its log, keep its head, then call [`PhoneSession::handle_judged`]. Its
    /// signature was checked. Nothing is to be applied before.
    Judge(Shown),
    /// The phone has all the hub has for now, and has kept it.
    Caught(FeedPosition),
    /// An answer to a request.
    Answered {
        /// From the request.
        request_id: u64,
        /// The answer.
        answer: AdminAnswer,
    },
    /// The session is over; nothing follows.
    Finished(Outcome),
}

/// The phone's side of a session. See the module for how to drive it.
#[derive(Debug)]
pub struct PhoneSession {
    wire: Wire,
    hub: DeviceId,
    device: DeviceId,
    /// When it began, by this device's clock.
    began: Timestamp,
    welcome: Option<Welcome>,
    outbox: Outbox,
    pushed: Pushed,
    deliveries: Deliveries,
    /// Comparisons and wishes of the hub that were heard.
    owed: u32,
    /// Of those, how many the last `Pushed` answered; `None` before the first.
    answered: Option<u32>,
    comparison: Option<Reconciler>,
    pub(super) found: Differences,
    joiner: Joiner,
    received: VecDeque<Received>,
    /// Bytes of what was received, what is being applied included.
    received_bytes: usize,
    applying: bool,
    applying_bytes: usize,
    events: VecDeque<PhoneOutput>,
    /// The hub has shown that its log continues what was kept.
    judged: bool,
    shown: bool,
    /// The hub was asked for its keys and has not said them.
    awaits_keys: bool,
    finishing: bool,
    /// The hub lacks something that is held here and cannot be given.
    withheld: bool,
    /// Why the hub ends the session. What it said before is kept first.
    told: Option<Failure>,
}

/// How far the packs of other devices have been handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deliveries {
    /// There are more.
    Waiting,
    /// Some were asked for.
    Fetching,
    Done,
}

/// What waits for its turn after earlier entries were kept.
#[derive(Debug)]
enum Received {
    Apply(Apply),
    Caught(FeedPosition),
}

impl PhoneSession {
    /// Starts a session: the first flight is ready to be polled.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let mut wire = Wire::new();
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            device_time: start.now,
            position: start.position,
            notices: start.notices,
            live: start.live,
            root: start.root,
            empty: start.empty,
        };
        let mut outbox = Outbox::default();
        wire.left_behind = outbox.fill(start.outbox);
        let mut session = Self {
            wire,
            hub: start.hub,
            device: start.device,
            began: start.now,
            welcome: None,
            outbox,
            pushed: Pushed::default(),
            deliveries: if start.deliver { Deliveries::Waiting } else { Deliveries::Done },
            owed: 0,
            answered: None,
            comparison: None,
            found: Differences::default(),
            joiner: Joiner::default(),
            received: VecDeque::new(),
            received_bytes: 0,
            applying: false,
            applying_bytes: 0,
            events: VecDeque::new(),
            judged: false,
            shown: false,
            awaits_keys: start.asks_keys,
            finishing: false,
            withheld: false,
            told: None,
        };
        let said = session.wire.say(&Frame::Hello(hello));
        // An error here has become the session's end, which polling tells.
        drop(session.wire.settle(said));
        if start.asks_keys {
            let said = session.wire.say(&Frame::Log(LogMessage::WhoBefore));
            drop(session.wire.settle(said));
        }
        let said = session.wire.say(&Frame::Log(LogMessage::Kept { heads: start.heads }));
        drop(session.wire.settle(said));
        for (request_id, request) in start.asks {
            drop(session.handle_ask(request_id, request));
        }
        session
    }

    /// Reports whether the next frame should be read now.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.wire.ending.is_none()
            && self.told.is_none()
            && !self.wire.is_paused()
            && self.events.is_empty()
            && self.received.len() < APPLIES_MAX
            && self.received_bytes < APPLIES_BYTES_MAX
    }

    /// Takes a frame from the hub. `tree` shows this phone's items.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] when the hub misbehaves or this side cannot go on; the session then
    /// ends by itself.
    pub fn handle_frame(&mut self, bytes: &[u8], tree: &dyn ItemTree) -> Result<(), SessionError> {
        if self.wire.ending.is_some() || self.told.is_some() {
            return Ok(());
        }
        let outcome = self.take_frame(bytes, tree);
        self.wire.settle(outcome)
    }

    /// Notes that the last [`PhoneOutput::Apply`] was kept durably, or was not. If not, the session
    /// ends without moving the position.
    pub fn handle_applied(&mut self, kept: bool) {
        self.applying = false;
        self.received_bytes -= std::mem::take(&mut self.applying_bytes);
        if !kept {
            self.fail_internal("what was received could not be kept");
        }
    }

    /// Notes whether the log that the hub shows may be gone on with. If not, the session ends, and nothing
    /// that the hub sent is taken in.
    pub fn handle_judged(&mut self, continues: bool) {
        if continues {
            self.judged = true;
            return;
        }
        self.received.clear();
        self.received_bytes = self.applying_bytes;
        self.wire.fail(SessionError::Forked.failure());
    }

    /// Notes whether the hub is the one that this phone knows, by its keys. If not, the session ends.
    pub fn handle_keys(&mut self, same: bool) {
        if !same {
            self.received.clear();
            self.received_bytes = self.applying_bytes;
            self.events.clear();
            let message =
                "the keys shown are not those of the hub that this phone knows".to_owned();
            let code = FailureCode::Misbehaved;
            self.wire.fail(Failure { code, message, retry_after_ms: None });
        }
    }

    /// Takes the packs asked for by [`PhoneOutput::Provide`]; those no longer held are left out.
    /// `whole` says that the rest is not: where something is held and cannot be given, the hub lacks
    /// it still, and the phone takes no position from this session, so that it compares again.
    pub fn handle_provided(&mut self, packs: Vec<Vec<u8>>, whole: bool) {
        self.outbox.fetching = false;
        self.withheld |= !whole;
        self.outbox.take(packs);
    }

    /// Takes packs of other devices asked for by [`PhoneOutput::Deliver`]; `more` says that others
    /// wait still.
    pub fn handle_delivery(&mut self, packs: Vec<Vec<u8>>, more: bool) {
        self.deliveries = if more { Deliveries::Waiting } else { Deliveries::Done };
        self.outbox.take(packs);
    }

    /// Takes packs released since the session began.
    pub fn handle_new_outbox(&mut self, packs: Vec<Vec<u8>>) {
        self.wire.left_behind |= self.outbox.fill(packs);
    }

    /// Sends an administrator's wish.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::Unsendable`] when it does not fit a frame.
    pub fn handle_ask(
        &mut self,
        request_id: u64,
        request: AdminRequest,
    ) -> Result<(), SessionError> {
        let said = self.wire.say(&Frame::Ask { request_id, request });
        self.wire.settle(said)
    }

    /// Asks to end politely: what was received is kept first, what waits is pushed.
    pub fn finish(&mut self) {
        self.finishing = true;
    }

    /// Returns whether packs were left for another session.
    #[must_use]
    pub fn has_left_behind(&self) -> bool {
        self.wire.left_behind
    }

    /// Notes that the connection is gone.
    pub fn handle_closed(&mut self) {
        self.wire.end(Ending::Cut);
    }

    /// Returns how the phone catches up and how long the feed is, once the hub has said so.
    #[must_use]
    pub fn welcome(&self) -> Option<(Resume, u64)> {
        self.welcome.as_ref().map(|welcome| (welcome.resume, welcome.hub_head))
    }

    /// Returns what this session holds at the moment.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            batches: self.received.len(),
            inward_bytes: self.received_bytes,
            events: self.events.len(),
            ..Load::of(&self.wire, &self.outbox)
        }
    }

    /// Returns how many packs were said so far.
    #[must_use]
    pub fn packs_sent(&self) -> u64 {
        self.wire.meter.packs_out
    }

    /// Returns by how many milliseconds the clock of this device is ahead of the hub's, or behind where negative,
    /// where that is worth telling. What it writes has its own claim of time beside the hub's either way.
    #[must_use]
    pub fn clock_ahead_ms(&self) -> Option<i64> {
        super::clock_ahead_ms(self.began, self.welcome.as_ref()?.hub_time)
    }

    /// Returns the life of the hub's store, once the hub has said it.
    #[must_use]
    pub fn epoch(&self) -> Option<[u8; 16]> {
        self.welcome.as_ref().map(|welcome| welcome.epoch)
    }

    /// Returns what to do next, or `None` until something is handled.
    pub fn poll_output(&mut self) -> Option<PhoneOutput> {
        if self.wire.ending.is_none() {
            let prepared = self.prepare();
            drop(self.wire.settle(prepared));
        }
        if let Some(bytes) = self.wire.next_send() {
            return Some(PhoneOutput::Send(bytes));
        }
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        if self.told.is_some() && !self.judged {
            // What came before the log was shown is not to be taken in.
            self.received.clear();
        }
        if self.received.is_empty()
            && !self.applying
            && let Some(failure) = self.told.take()
        {
            self.wire.end(Ending::Told(failure));
        }
        if let Some(outcome) = self.wire.take_outcome() {
            return Some(PhoneOutput::Finished(outcome));
        }
        if self.wire.ending.is_some() {
            return None;
        }
        if self.told.is_none()
            && let Some(wants) = self.outbox.next_wants()
        {
            return Some(PhoneOutput::Provide(wants));
        }
        if self.delivers_next() {
            self.deliveries = Deliveries::Fetching;
            return Some(PhoneOutput::Deliver);
        }
        if self.applying || !self.judged {
            return None;
        }
        match self.received.pop_front()? {
            Received::Apply(mut apply) => {
                self.applying = true;
                self.applying_bytes = bytes_of(&apply);
                apply.position = apply.position.filter(|_| !self.withheld);
                Some(PhoneOutput::Apply(apply))
            }
            Received::Caught(position) => Some(PhoneOutput::Caught(position)),
        }
    }

    /// Returns whether packs of others are to be fetched: behind all own ones, a few at a time, so that
    /// few are in memory; and once it is known which life of the hub's store listens, because what
    /// another life signed for is offered to this one again.
    fn delivers_next(&self) -> bool {
        self.deliveries == Deliveries::Waiting
            && self.welcome.is_some()
            && self.told.is_none()
            && self.outbox.packs.is_empty()
            && self.outbox.parts.is_empty()
            && !self.wire.bye_heard
            && !self.wire.bye_said
    }

    /// Says what there is to say when nothing waits to be written.
    fn prepare(&mut self) -> Result<(), SessionError> {
        if self.told.is_some() {
            return Ok(());
        }
        if !self.wire.send.is_empty() || self.wire.bye_said {
            self.wire_end();
            return Ok(());
        }
        if self.wire.bye_heard {
            return self.part();
        }
        if let Some((frame, packs)) = self.outbox.next_frame() {
            self.wire.meter.packs_out += packs;
            self.pushed.note(&frame);
            return self.wire.say(&frame);
        }
        if !self.outbox.is_empty() || self.deliveries != Deliveries::Done {
            return Ok(());
        }
        if self.answered.is_none_or(|answered| answered < self.owed) {
            self.answered = Some(self.owed);
            return self.wire.say(&Frame::Pushed { answered: self.owed });
        }
        if self.finishing { self.part() } else { Ok(()) }
    }

    /// Says goodbye once all that was received is kept.
    fn part(&mut self) -> Result<(), SessionError> {
        if self.wire.bye_heard && self.welcome.is_some() && !self.shown {
            return Err(SessionError::Unexpected { frame: "Bye", moment: "before its log" });
        }
        if self.received.is_empty() && !self.applying {
            self.wire.left_behind |= !self.outbox.is_empty() || self.deliveries != Deliveries::Done;
            self.wire.say(&Frame::Bye)?;
        }
        Ok(())
    }

    fn wire_end(&mut self) {
        if self.received.is_empty() && !self.applying {
            self.wire.end_when_both_parted();
        }
    }

    fn take_frame(&mut self, bytes: &[u8], tree: &dyn ItemTree) -> Result<(), SessionError> {
        let frame = self.wire.hear(bytes, Speaker::Hub)?;
        let greeting = matches!(frame, Frame::Welcome(_) | Frame::Failed(_) | Frame::Bye);
        if self.welcome.is_none() && !greeting {
            return Err(unexpected(&frame, "before its Welcome"));
        }
        match frame {
            Frame::Welcome(welcome) => self.greet(welcome),
            Frame::Items { items, position } => self.take_items(items, position),
            Frame::Caught { position } => {
                self.check_epoch(&position)?;
                self.queue(Received::Apply(Apply { items: vec![], position: Some(position) }))?;
                self.queue(Received::Caught(position))
            }
            Frame::Receipts(receipt) => self.take_receipt(receipt),
            Frame::Stored(stored) => {
                let epoch = self.epoch().unwrap_or_default();
                let receipt = self.pushed.receipt(&stored, epoch, self.device);
                self.take_receipt(receipt.ok_or(SessionError::Receipt { source: None })?)
            }
            Frame::Notices { upto, notices } => self.emit(PhoneOutput::Notices { upto, notices }),
            Frame::Declined { packs } => self.emit(PhoneOutput::Declined(packs)),
            Frame::Log(message) => self.take_log(message),
            Frame::Need(want) => {
                self.owed += 1;
                self.outbox.want([want])
            }
            Frame::Compare(message) => self.compare(message, tree),
            Frame::Answer { request_id, answer } => {
                self.emit(PhoneOutput::Answered { request_id, answer })
            }
            Frame::Failed(failure) => {
                // Nobody reads what still waits to be written.
                self.wire.send.clear();
                self.told = Some(failure);
                Ok(())
            }
            Frame::Bye => {
                self.wire.bye_heard = true;
                Ok(())
            }
            frame @ (Frame::Hello(_)
            | Frame::Push { .. }
            | Frame::PushPart { .. }
            | Frame::Pushed { .. }
            | Frame::Ask { .. }
            | Frame::Enrol { .. }) => Err(unexpected(&frame, "that only a phone sends")),
            Frame::Enrolled(_) => Err(unexpected(&frame, "without a claim")),
        }
    }

    fn greet(&mut self, welcome: Welcome) -> Result<(), SessionError> {
        if welcome.protocol != PROTOCOL_VERSION {
            let (found, known) = (welcome.protocol, PROTOCOL_VERSION);
            return Err(SessionError::Protocol { found, known });
        }
        if self.welcome.is_some() {
            return Err(SessionError::Unexpected { frame: "Welcome", moment: "twice" });
        }
        if welcome.resume == Resume::Reconcile {
            self.comparison = Some(Reconciler::default());
        }
        self.welcome = Some(welcome);
        Ok(())
    }

    fn take_items(
        &mut self,
        items: Vec<FeedItem>,
        position: Option<FeedPosition>,
    ) -> Result<(), SessionError> {
        if let Some(position) = &position {
            self.check_epoch(position)?;
        }
        let mut whole = Vec::with_capacity(items.len());
        for item in items {
            whole.extend(self.joiner.join(item)?);
        }
        if position.is_some() {
            self.joiner.expect_closed()?;
        }
        self.wire.meter.items_in += whole.len() as u64;
        if whole.is_empty() && position.is_none() {
            return Ok(());
        }
        self.queue(Received::Apply(Apply { items: whole, position }))
    }

    fn check_epoch(&self, position: &FeedPosition) -> Result<(), SessionError> {
        match &self.welcome {
            Some(welcome) if welcome.epoch == position.epoch => Ok(()),
            _ => Err(SessionError::Unexpected { frame: "position", moment: "of another epoch" }),
        }
    }

    fn take_receipt(&mut self, receipt: HubReceipt) -> Result<(), SessionError> {
        receipt
            .verify(self.hub)
            .map_err(|source| SessionError::Receipt { source: Some(source) })?;
        let epoch = self.welcome.as_ref().map(|welcome| welcome.epoch);
        if receipt.device != self.device || Some(receipt.epoch) != epoch {
            return Err(SessionError::Receipt { source: None });
        }
        self.emit(PhoneOutput::Receipts(receipt))
    }

    fn take_log(&mut self, message: LogMessage) -> Result<(), SessionError> {
        let shown = match message {
            LogMessage::Shown(shown) => shown,
            LogMessage::Before { acts } => return self.take_keys(acts),
            LogMessage::Kept { .. } | LogMessage::WhoBefore => {
                return Err(unexpected(&Frame::Log(message), "that only a phone sends"));
            }
        };
        if self.awaits_keys {
            return Err(SessionError::Unexpected { frame: "Log", moment: "before its keys" });
        }
        if std::mem::replace(&mut self.shown, true) {
            return Err(SessionError::Unexpected { frame: "Log", moment: "twice" });
        }
        let signed = shown.head.verify(self.hub);
        signed.map_err(|source| SessionError::Head { source: Some(source) })?;
        if self.welcome.as_ref().map(|welcome| welcome.epoch) != Some(shown.head.epoch) {
            return Err(SessionError::Head { source: None });
        }
        self.emit(PhoneOutput::Judge(shown))
    }

    fn take_keys(&mut self, acts: Vec<Vec<u8>>) -> Result<(), SessionError> {
        if !std::mem::replace(&mut self.awaits_keys, false) {
            return Err(SessionError::Unexpected { frame: "Log", moment: "unasked" });
        }
        if acts.len() > HUB_KEYS_MAX {
            let (what, limit) = ("keys of the hub", HUB_KEYS_MAX);
            return Err(SessionError::TooMuch { what, limit, fault: Fault::Peer });
        }
        self.emit(PhoneOutput::Keys(acts))
    }

    fn compare(
        &mut self,
        message: ReconcileMessage,
        tree: &dyn ItemTree,
    ) -> Result<(), SessionError> {
        let Some(comparison) = &mut self.comparison else {
            return Err(SessionError::Unexpected { frame: "Compare", moment: "without a reason" });
        };
        for reply in comparison.handle(message, tree, &mut self.found)? {
            self.wire.say(&Frame::Compare(reply))?;
        }
        if comparison.is_finished() {
            let found = self.found.take();
            // With more differences than are kept at once the hub compares again.
            self.comparison = found.more.then(Reconciler::default);
            self.owed += 1;
            self.outbox.want(found.gives)?;
            if !found.equivocations.is_empty() {
                self.emit(PhoneOutput::Equivocations(found.equivocations))?;
            }
        }
        Ok(())
    }

    fn queue(&mut self, received: Received) -> Result<(), SessionError> {
        // Two entries of room: a frame may bring both an entry and the news of being caught up.
        if self.received.len() >= APPLIES_MAX + 2 {
            let limit = APPLIES_MAX;
            return Err(SessionError::TooMuch { what: "batches", limit, fault: Fault::Own });
        }
        if let Received::Apply(apply) = &received {
            self.received_bytes += bytes_of(apply);
        }
        self.received.push_back(received);
        Ok(())
    }

    fn emit(&mut self, event: PhoneOutput) -> Result<(), SessionError> {
        if self.events.len() >= ASKS_MAX + APPLIES_MAX {
            let limit = ASKS_MAX + APPLIES_MAX;
            return Err(SessionError::TooMuch { what: "events", limit, fault: Fault::Own });
        }
        self.events.push_back(event);
        Ok(())
    }

    fn fail_internal(&mut self, message: &str) {
        let message = message.to_owned();
        self.wire.fail(Failure { code: FailureCode::Internal, message, retry_after_ms: None });
    }
}

fn bytes_of(apply: &Apply) -> usize {
    apply.items.iter().map(weight).sum()
}

fn unexpected(frame: &Frame, moment: &'static str) -> SessionError {
    SessionError::Unexpected { frame: frame.name(), moment }
}
