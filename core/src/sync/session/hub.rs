//! The hub's side of a session with one phone.

use std::collections::VecDeque;
use std::ops::Range;

use super::backlog::Backlog;
use super::items::{ends_pack, split_items};
use super::parts::{PackJoiner, PackPart};
use super::{
    ASKS_MAX, COMPARISONS_MAX, Ending, Fault, Load, Outbox, Outcome, PUSH_PACKS_MAX, SessionError,
    Wire,
};
use crate::model::{Actor, DocumentId, Timestamp};
use crate::sync::frame::{Frame, PROTOCOL_VERSION, Speaker};
use crate::sync::log::LogRequest;
use crate::sync::message::{
    AdminAnswer, AdminRequest, Failure, FailureCode, FeedItem, FeedPosition, Hello, Notice, Resume,
    Stored, Want, Welcome,
};
use crate::sync::reconcile::{Differences, ItemTree, ReconcileMessage, Reconciler};
use crate::trust::HubReceipt;
use crate::trust::access::may_see_aside;
use crate::trust::enrolment::EnrolAnswer;
use crate::trust::log::TreeHead;
use crate::trust::{DeviceEntry, Role};

mod inputs;
mod leaving;
mod log;

/// What a hub knows when a device connects.
#[derive(Debug, Clone)]
pub struct HubStart {
    /// What is known of the device, whose key the transport has checked.
    pub entry: DeviceEntry,
    /// The end of the feed; its epoch is the hub's.
    pub head: FeedPosition,
    /// The hub's clock.
    pub now: Timestamp,
}

/// What became of a batch of packs. All that is stored is durable.
#[derive(Debug, Clone, Default)]
pub struct Accepted {
    /// The hub's word for it, for all packs now held, those held before included.
    pub receipt: Option<HubReceipt>,
    /// Changes that are missing before some of the packs.
    pub needs: Vec<Want>,
    /// Packs that are not taken in, where the device that pushed them would not learn it otherwise:
    /// those of others, whose signers get the notice, and those of which no bytes are kept.
    pub declined: Vec<Notice>,
    /// Some of the packs are not merged yet: [`HubSession::handle_merged`] will follow.
    pub pending: bool,
    /// Some of the packs are over a quota and named so in `declined`: the device holds them back and
    /// offers them again later. That it did not bring what it was asked for is not known then.
    pub undecided: bool,
    /// How many of the packs the hub has now, in the record or kept aside, all durably.
    pub settled: usize,
    /// Something of other devices was set aside, of which they have notices now.
    pub notices_of_others: bool,
    /// Why some of the packs were not taken in, where no notice says it: the disk is full, or bytes
    /// are no pack. The session goes on, so that the phone gets all there is for it, and ends with
    /// this in place of a goodbye.
    pub failure: Option<Failure>,
}

/// A page of the feed, filtered for the device.
#[derive(Debug, Clone)]
pub struct FeedPage {
    /// The entries that the device may see.
    pub items: Vec<FeedItem>,
    /// Where in the feed the page ends, entries that were filtered out included.
    pub position: FeedPosition,
    /// There is more after it.
    pub more: bool,
}

/// What a device needs before documents: templates and devices, and a page of closed lines.
#[derive(Debug, Clone)]
pub struct BasePage {
    /// The entries.
    pub items: Vec<FeedItem>,
    /// The line after which to go on; `None` when these were the last.
    pub next: Option<(DocumentId, Actor)>,
}

/// Some of the documents that the device may see.
#[derive(Debug, Clone)]
pub struct SnapshotPage {
    /// [`FeedItem::Snapshot`]s. One or two: they are held in memory until written.
    pub items: Vec<FeedItem>,
    /// Where to go on; `None` when these were the last.
    pub next: Option<DocumentId>,
}

/// What a hub's session wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubOutput {
    /// Write this frame before polling again.
    Send(Vec<u8>),
    /// Check and store these packs, then call [`HubSession::handle_accepted`]. Several may be under
    /// way; they are answered in order.
    Accept(Vec<Vec<u8>>),
    /// Say whether this is a place in the own feed: [`HubSession::handle_position`].
    CheckPosition(FeedPosition),
    /// Fetch templates and devices, and closed lines: [`HubSession::handle_base`].
    ServeBase {
        /// Only the lines after this one.
        after: Option<(DocumentId, Actor)>,
    },
    /// Fetch documents: [`HubSession::handle_snapshots`].
    ServeSnapshots {
        /// Those after this one, in the order of names.
        after: Option<DocumentId>,
    },
    /// Show the items: [`HubSession::handle_tree`].
    ShowTree,
    /// Fetch a page of the feed: [`HubSession::handle_feed`].
    Serve {
        /// What comes after this place.
        after: FeedPosition,
    },
    /// Fetch the packs that hold these changes: [`HubSession::handle_provided`].
    Provide(Vec<Want>),
    /// Fetch the device's notices: [`HubSession::handle_notices`].
    Notices {
        /// Those after this count.
        after: u64,
    },
    /// Do what an administrator asks: [`HubSession::handle_admin`].
    Admin {
        /// For the answer.
        request_id: u64,
        /// The wish.
        request: AdminRequest,
    },
    /// Show the log, and that it continues these heads: [`HubSession::handle_log`].
    ShowLog {
        /// As the phone named them; whether they are the hub's is to be looked at.
        kept: Vec<TreeHead>,
    },
    /// Say which keys were this hub's, and how they follow each other: [`HubSession::handle_keys`].
    ShowKeys,
    /// Fetch a page of the proof that the device's rights were ended: [`HubSession::handle_proof`].
    ProveEnd {
        /// How far the device followed the feed while it had rights.
        held: u64,
        /// The page after this place in the feed.
        after: u64,
    },
    /// The session is over; nothing follows.
    Finished(Outcome),
}

/// How far the phone was caught up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before its Hello, or while its position is looked up.
    Greeting,
    Base {
        resume: Resume,
        after: Option<(DocumentId, Actor)>,
    },
    Snapshots {
        after: Option<DocumentId>,
    },
    /// Its pushes are stored first, so that they do not count as differences.
    BeforeCompare,
    Comparing,
    /// Sending what the comparison found, and comparing again if that was not all.
    Giving {
        again: bool,
    },
    Feed,
    /// Its rights were ended; it is served nothing.
    Leaving,
}

/// The hub's side of a session. See the module for how to drive it.
#[derive(Debug)]
pub struct HubSession {
    wire: Wire,
    start: HubStart,
    hello: Option<Hello>,
    /// The phone's position is unknown: what it holds and the hub lacks is found by comparing.
    reconciling: bool,
    stage: Stage,
    /// An output of the stage waits to be handled.
    asked: bool,
    /// The place in the feed up to which the phone was served.
    served: FeedPosition,
    /// There may be more in the feed than was served.
    behind: bool,
    /// The place at which the phone was last told that it is caught up.
    caught: Option<FeedPosition>,
    comparison: Option<Reconciler>,
    comparisons: usize,
    pub(super) found: Differences,
    giving: Outbox,
    joiner: PackJoiner,
    /// `Need` frames and comparisons that the phone must answer with a `Pushed`.
    expected: u32,
    answered: Option<u32>,
    accepting: Backlog,
    /// How many packs of batches before have places among the names.
    named: usize,
    merging: bool,
    notices: Option<u64>,
    notices_asked: bool,
    admin: usize,
    /// Why packs were not taken in; the last word of the session. The first cause counts, but a full
    /// disk before all: those packs are to come again.
    refusal: Option<Failure>,
    /// Something that the device asked for is held here and cannot be given.
    ungiven: bool,
    /// How far the log was shown. Nothing is served before: the phone must not take in what the log may
    /// deny.
    log: log::Showing,
    /// The device asked which keys were this hub's.
    keys_asked: bool,
    /// Wishes that the device's role does not allow.
    forbidden: u64,
    /// Whether the device may only leave, and how far it was shown why.
    leaving: leaving::Leaving,
    events: VecDeque<HubOutput>,
}

impl HubSession {
    /// Starts a session with a device whose key the transport has checked.
    #[must_use]
    pub fn new(start: HubStart) -> Self {
        Self {
            wire: Wire::new(),
            served: start.head,
            start,
            hello: None,
            reconciling: false,
            stage: Stage::Greeting,
            asked: false,
            behind: false,
            caught: None,
            comparison: None,
            comparisons: 0,
            found: Differences::default(),
            giving: Outbox::default(),
            joiner: PackJoiner::default(),
            expected: 0,
            answered: None,
            accepting: Backlog::default(),
            named: 0,
            merging: false,
            notices: None,
            notices_asked: false,
            admin: 0,
            refusal: None,
            ungiven: false,
            log: log::Showing::Awaited,
            keys_asked: false,
            forbidden: 0,
            leaving: leaving::Leaving::No,
            events: VecDeque::new(),
        }
    }

    /// Reports whether the next frame should be read now: not while much of the phone's is still
    /// being stored or much for it waits to be written.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.wire.ending.is_none()
            && !self.wire.is_paused()
            && !self.accepting.is_full()
            && self.admin < ASKS_MAX
    }

    /// Returns what this session holds at the moment.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            batches: self.accepting.len(),
            inward_bytes: self.accepting.bytes(),
            events: self.events.len(),
            ..Load::of(&self.wire, &self.giving)
        }
    }

    /// Takes a frame from the phone. `tree` shows the items that the device may see.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError`] when the phone misbehaves or this side cannot go on; the session
    /// then ends by itself, other sessions are not touched.
    pub fn handle_frame(&mut self, bytes: &[u8], tree: &dyn ItemTree) -> Result<(), SessionError> {
        if self.wire.ending.is_some() {
            return Ok(());
        }
        let outcome = self.take_frame(bytes, tree);
        self.wire.settle(outcome)
    }

    /// Returns what to do next, or `None` until something is handled.
    pub fn poll_output(&mut self) -> Option<HubOutput> {
        if self.wire.ending.is_none() && self.wire.send.is_empty() {
            let parted = self.part_if_done();
            drop(self.wire.settle(parted));
        }
        if let Some(bytes) = self.wire.next_send() {
            return Some(HubOutput::Send(bytes));
        }
        if let Some(outcome) = self.wire.take_outcome() {
            return Some(HubOutput::Finished(outcome));
        }
        if self.wire.ending.is_some() {
            return None;
        }
        self.events.pop_front().or_else(|| self.next_work())
    }

    /// Returns the next frame that was said already, and does no work for another.
    pub fn poll_said(&mut self) -> Option<Vec<u8>> {
        self.wire.next_send()
    }

    /// Returns what to fetch next; called only when nothing waits to be written, so a slow reader
    /// holds one page in memory and no more.
    fn next_work(&mut self) -> Option<HubOutput> {
        if self.wire.bye_heard || self.wire.bye_said || self.log != log::Showing::Shown {
            return None;
        }
        if self.stage == Stage::Leaving {
            return self.next_of_leaving();
        }
        if let Stage::Giving { again } = self.stage {
            if let Some(wants) = self.giving.next_wants() {
                return Some(HubOutput::Provide(wants));
            }
            if self.giving.is_empty() {
                self.stage = match again {
                    true => Stage::BeforeCompare,
                    false if self.is_leaving() => Stage::Leaving,
                    false => self.follow_feed(),
                };
            }
        }
        if self.asked {
            return None;
        }
        let work = match self.stage {
            Stage::Base { after, .. } => HubOutput::ServeBase { after },
            Stage::Snapshots { after } => HubOutput::ServeSnapshots { after },
            Stage::BeforeCompare if self.has_stored_pushes() => HubOutput::ShowTree,
            Stage::Feed if self.behind && self.may_tell_position() => {
                self.behind = false;
                HubOutput::Serve { after: self.served }
            }
            _ => return None,
        };
        self.asked = true;
        Some(work)
    }

    /// Everything the phone had at its Hello, or gave after a comparison, has arrived and is durable.
    pub(crate) fn has_stored_pushes(&self) -> bool {
        self.accepting.is_empty() && self.answered.is_some_and(|answered| answered >= self.expected)
    }

    /// With a position the phone follows the feed and compares no more. So what a comparison found to
    /// be missing here must be durable before it gets one, and it gets none where the disk was full.
    /// What is over a quota does not count: the device was told, and remembers to give it back.
    fn may_tell_position(&self) -> bool {
        !self.reconciling || (self.has_stored_pushes() && !self.lacks())
    }

    /// What was pushed is to come again because the disk was full, or the device lacks something that
    /// could not be given to it.
    fn lacks(&self) -> bool {
        self.ungiven || self.is_full()
    }

    fn is_full(&self) -> bool {
        self.refusal.as_ref().is_some_and(|failure| failure.code == FailureCode::Full)
    }

    /// Says `Caught` and `Bye` when there is nothing left to say.
    fn part_if_done(&mut self) -> Result<(), SessionError> {
        if self.wire.bye_said {
            self.wire.end_when_both_parted();
            return Ok(());
        }
        if self.stage == Stage::Leaving && !self.wire.bye_heard {
            return self.part_from_leaving();
        }
        let stored = self.accepting.is_empty() && self.admin == 0 && self.events.is_empty();
        if self.wire.bye_heard {
            return if stored { self.say_last() } else { Ok(()) };
        }
        let withheld = self.reconciling && self.lacks();
        let shown = self.log == log::Showing::Shown;
        let served =
            self.stage == Stage::Feed && !self.asked && shown && (withheld || !self.behind);
        if !served {
            return Ok(());
        }
        let live = self.hello.as_ref().is_some_and(|hello| hello.live);
        let pushed = self.answered.is_some_and(|answered| answered >= self.expected);
        let done = stored && pushed && !self.merging && !self.notices_asked;
        if (live || done) && !withheld && self.caught != Some(self.served) {
            self.caught = Some(self.served);
            self.wire.say(&Frame::Caught { position: self.served })?;
        }
        // A phone that stays is told at once what was refused; it comes again for the rest.
        if done && (!live || self.refusal.is_some()) { self.say_last() } else { Ok(()) }
    }

    /// Says goodbye, or what was not taken in.
    fn say_last(&mut self) -> Result<(), SessionError> {
        match self.refusal.take() {
            None => self.wire.say(&Frame::Bye),
            Some(failure) => {
                self.wire.fail_after_sending(failure);
                Ok(())
            }
        }
    }

    fn take_frame(&mut self, bytes: &[u8], tree: &dyn ItemTree) -> Result<(), SessionError> {
        let frame = self.wire.hear(bytes, Speaker::Phone)?;
        let greeting =
            matches!(frame, Frame::Hello(_) | Frame::Enrol { .. } | Frame::Failed(_) | Frame::Bye);
        if self.hello.is_none() && !greeting {
            return Err(unexpected(&frame, "before its Hello"));
        }
        match frame {
            Frame::Hello(hello) => self.meet(hello),
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
            Frame::Pushed { answered } => {
                self.joiner.expect_closed()?;
                self.answered = Some(answered);
                Ok(())
            }
            Frame::Log(message) => self.take_log(message),
            Frame::Ask { request_id, request } => self.take_ask(request_id, request),
            Frame::Compare(message) => self.compare(message, tree),
            Frame::Enrol { .. } if self.hello.is_none() => {
                // Only known devices have such a session: it was admitted since it last asked.
                self.wire.say(&Frame::Enrolled(EnrolAnswer::Admitted))?;
                self.wire.say(&Frame::Bye)
            }
            Frame::Failed(failure) => {
                self.wire.end(Ending::Told(failure));
                Ok(())
            }
            Frame::Bye => {
                self.wire.bye_heard = true;
                Ok(())
            }
            frame => Err(unexpected(&frame, "that only a hub sends")),
        }
    }

    fn take_packs(&mut self, packs: Vec<Vec<u8>>) -> Result<(), SessionError> {
        let named = self.wire.heard.len();
        let places = std::mem::replace(&mut self.named, named)..named;
        let whole = places.len() == packs.len();
        self.accepting.add(&packs, if whole { places } else { 0..0 })?;
        self.wire.meter.items_in += packs.len() as u64;
        self.events.push_back(HubOutput::Accept(packs));
        Ok(())
    }

    /// Returns by how many milliseconds the device's clock is ahead of this hub's, or behind where negative, where
    /// that is worth telling.
    #[must_use]
    pub fn clock_ahead_ms(&self) -> Option<i64> {
        super::clock_ahead_ms(self.hello.as_ref()?.device_time, self.start.now)
    }

    fn meet(&mut self, hello: Hello) -> Result<(), SessionError> {
        if self.hello.is_some() {
            return Err(SessionError::Unexpected { frame: "Hello", moment: "twice" });
        }
        if hello.protocol != PROTOCOL_VERSION {
            let (found, known) = (hello.protocol, PROTOCOL_VERSION);
            return Err(SessionError::Protocol { found, known });
        }
        if !self.start.entry.active && !self.is_leaving() {
            return Err(SessionError::Revoked);
        }
        // What was counted in another life of the store says nothing of this one: a copy that was
        // restored may have given the same numbers to other notices.
        let counted = hello.position.is_some_and(|at| at.epoch == self.start.head.epoch);
        self.notices = Some(if counted { hello.notices } else { 0 });
        let (position, empty) = (hello.position, hello.empty);
        self.hello = Some(hello);
        let greeted = match position {
            _ if self.is_leaving() => self.greet_leaving(position),
            Some(position) if position == self.start.head => self.greet(Resume::Feed),
            Some(position) if position.epoch == self.start.head.epoch => {
                self.events.push_back(HubOutput::CheckPosition(position));
                Ok(())
            }
            None if empty => self.greet(Resume::Snapshots),
            _ => self.greet(Resume::Reconcile),
        };
        // Behind the lookup of the position: nothing may be said before the Welcome.
        self.ask_notices();
        greeted
    }

    fn greet(&mut self, resume: Resume) -> Result<(), SessionError> {
        let head = self.start.head;
        self.reconciling = resume == Resume::Reconcile;
        self.stage = match resume {
            Resume::Feed => Stage::Feed,
            Resume::Snapshots | Resume::Reconcile => Stage::Base { resume, after: None },
        };
        if resume == Resume::Feed {
            let position = self.hello.as_ref().and_then(|hello| hello.position);
            self.served = position.unwrap_or(head);
            // Growth noted before the Hello counts too.
            self.behind |= self.served != head;
        }
        self.wire.say(&Frame::Welcome(Welcome {
            protocol: PROTOCOL_VERSION,
            epoch: head.epoch,
            hub_time: self.start.now,
            hub_head: head.number,
            resume,
        }))
    }

    /// Goes on with the feed from the head that was taken before anything was read for the phone,
    /// so nothing that came meanwhile is missed.
    fn follow_feed(&mut self) -> Stage {
        self.served = self.start.head;
        self.behind = true;
        Stage::Feed
    }

    fn take_ask(&mut self, request_id: u64, request: AdminRequest) -> Result<(), SessionError> {
        // What is signed speaks for itself, whoever brings it.
        let entry = &self.start.entry;
        let harmless = match request {
            AdminRequest::Status
            | AdminRequest::Enter { .. }
            | AdminRequest::TakeBack { .. }
            | AdminRequest::Seal { .. }
            | AdminRequest::Mark => true,
            AdminRequest::Log(LogRequest::Page { .. }) => entry.is(Role::Auditor),
            // Of which units is the hub's to say.
            AdminRequest::Quarantine(_) => {
                entry.grants.iter().any(|grant| may_see_aside(grant.role))
            }
            // Which document is whose to read is the hub's to say.
            AdminRequest::Log(_) => true,
            _ => false,
        };
        // Whether its minutes are kept here it must learn: it destroys its keys where it believes so.
        let parts = self.is_leaving() && !asks_whether_kept(&request);
        if (!entry.is(Role::Admin) && !harmless) || parts {
            self.forbidden += 1;
            // What a leaving device asks is not judged: a last word would have it give up what no hub has.
            let (code, message) = match parts {
                true => (FailureCode::Busy, "the rights of this device have ended"),
                false => (FailureCode::NotAllowed, "only an administrator may ask this"),
            };
            let message = message.to_owned();
            let answer = AdminAnswer::Refused(Failure { code, message, retry_after_ms: None });
            return self.wire.say(&Frame::Answer { request_id, answer });
        }
        if self.admin > ASKS_MAX {
            return Err(too_much("requests", ASKS_MAX));
        }
        self.admin += 1;
        self.events.push_back(HubOutput::Admin { request_id, request });
        Ok(())
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
            self.comparison = None;
            self.expected += 1;
            // Where both hold something else at one place, the hub's stays: that is the phone's to mend.
            if !self.is_leaving() {
                self.giving.want(found.gives)?;
            }
            let again = found.more && self.comparisons < COMPARISONS_MAX;
            self.stage = Stage::Giving { again };
        }
        Ok(())
    }

    fn acknowledge(
        &mut self,
        accepted: Accepted,
        places: Range<usize>,
    ) -> Result<(), SessionError> {
        if let Some(receipt) = accepted.receipt {
            let brief = self.brief(&receipt, places);
            self.wire.say(&brief.map_or(Frame::Receipts(receipt), Frame::Stored))?;
        }
        if !accepted.declined.is_empty() {
            self.wire.say(&Frame::Declined { packs: accepted.declined })?;
        }
        // Of several the one that says most of what the phone must do: what is left out unnamed must be
        // compared again.
        if let Some(failure) = accepted.failure
            && weight(&failure) > self.refusal.as_ref().map_or(0, weight)
        {
            self.refusal = Some(failure);
        }
        for want in accepted.needs {
            self.expected = self.expected.saturating_add(1);
            self.wire.say(&Frame::Need(want))?;
        }
        self.ask_notices();
        Ok(())
    }

    /// Returns a receipt for a batch without what the phone knows of it: where in this session its packs were pushed.
    fn brief(&self, receipt: &HubReceipt, places: Range<usize>) -> Option<Stored> {
        let of_this = receipt.epoch == self.start.head.epoch
            && receipt.device == self.start.entry.device
            && !receipt.items.is_empty();
        let places = self.wire.heard.places(&receipt.items, places).filter(|_| of_this)?;
        let HubReceipt { stored_at, signature, .. } = *receipt;
        Some(Stored { stored_at, signature, places })
    }

    fn ask_notices(&mut self) {
        if let (false, Some(after)) = (self.notices_asked, self.notices) {
            self.notices_asked = true;
            self.events.push_back(HubOutput::Notices { after });
        }
    }

    fn say_items(
        &mut self,
        items: Vec<FeedItem>,
        position: Option<FeedPosition>,
    ) -> Result<(), SessionError> {
        for frame in split_items(items, position) {
            if let Frame::Items { items, .. } = &frame {
                let packs = items.iter().filter(|item| ends_pack(item));
                self.wire.meter.packs_out += packs.count() as u64;
            }
            self.wire.say(&frame)?;
        }
        Ok(())
    }
}

/// Whether a request asks of sealed minutes that the device left here whether they still are.
fn asks_whether_kept(request: &AdminRequest) -> bool {
    matches!(request, AdminRequest::Seal { seal, .. } if seal.is_empty())
}

/// Returns how much a refusal weighs beside others of one exchange; the first of equal ones is told.
fn weight(failure: &Failure) -> u8 {
    match failure.code {
        FailureCode::Full => 4,
        FailureCode::Busy => 3,
        FailureCode::Version | FailureCode::TooLarge => 2,
        _ => 1,
    }
}

fn unexpected(frame: &Frame, moment: &'static str) -> SessionError {
    SessionError::Unexpected { frame: frame.name(), moment }
}

fn too_much(what: &'static str, limit: usize) -> SessionError {
    SessionError::TooMuch { what, limit, fault: Fault::Own }
}
