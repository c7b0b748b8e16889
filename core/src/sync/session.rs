//! One peer's session, from its first frame to its last, without a socket.
//!
//! Drive a session like this: write what `poll_output` gives as `Send` before polling again (that is
//! the whole flow control: a session asks for more to send only when nothing waits), do what the
//! other outputs say and report back through the matching `handle_*`, and read a frame into
//! `handle_frame` whenever `wants_input` says so. Reading must not wait for writing. After an error
//! keep polling: the session tells the peer why and finishes.

use std::collections::VecDeque;

use super::frame::{FRAME_FILL_BYTES, Frame, FrameError, Speaker};
use super::message::{Failure, FailureCode, Want};
use super::names::Names;
use super::reconcile::{DIFFERENCES_MAX, ReconcileError};
use crate::model::Timestamp;
use crate::trust::TrustError;
use parts::{PackPart, cut, is_cut};

mod backlog;
mod hub;
mod items;
mod parts;
mod peer;
mod phone;

pub use hub::{Accepted, BasePage, FeedPage, HubOutput, HubSession, HubStart, SnapshotPage};
pub use items::{SNAPSHOT_BYTES_MAX, SNAPSHOT_PART_BYTES};
pub use parts::PACK_PART_BYTES;
pub use peer::{OBJECTS_OFFERED_MAX, PeerOutput, PeerSession};
pub use phone::{Apply, PhoneOutput, PhoneSession, Start};

/// The transport puts this many bytes of length before each frame; they are counted too.
pub const FRAME_LENGTH_BYTES: usize = 4;
/// At most this many frames wait to be written; more means that nobody writes.
pub const SEND_QUEUE_MAX: usize = 4_096;
/// With this many frames waiting to be written no more is read: the peer must listen first.
pub const SEND_QUEUE_PAUSE: usize = 64;
/// At most this many batches of packs are being stored for one session at a time.
pub const ACCEPTS_MAX: usize = 8;
/// Nothing more is read while this many bytes of packs are being stored for one session: what that many
/// batches of ordinary packs hold. A long pack is more than all of them, so one that waits keeps the
/// next on the wire, and a session holds this much and one long pack at most.
pub const ACCEPTS_BYTES_MAX: usize = ACCEPTS_MAX * FRAME_FILL_BYTES;
/// A frame pushes at most this many packs, so that one receipt covers it.
pub const PUSH_PACKS_MAX: usize = 512;
/// A hub tells at most this many notices at once; more follow in the next page.
pub const NOTICES_MAX: usize = 1_024;
/// At most this many received batches wait to be applied on a phone.
pub const APPLIES_MAX: usize = 16;
/// A phone reads no more while this many bytes wait to be applied or are being applied: what that many
/// ordinary batches hold. A document whole or a long pack is more, so one that waits keeps the next on
/// the wire.
pub const APPLIES_BYTES_MAX: usize = APPLIES_MAX * FRAME_FILL_BYTES;
/// At most this many requests of an administrator wait for an answer.
pub const ASKS_MAX: usize = 16;
/// A driver is asked for the packs of at most this many actors at once.
pub const PROVIDE_WANTS_MAX: usize = 8;
/// A session pushes at most this many bytes of packs; what is left waits for the next one.
pub const OUTBOX_BYTES_MAX: usize = 32 << 20;
/// A hub compares at most this often in one session: enough for millions of differences, and an end
/// when some of them are not for this phone and so never go away.
pub const COMPARISONS_MAX: usize = 16;
/// At most this many wishes wait to be granted: those of a comparison and as many single ones.
pub const WISHES_MAX: usize = 2 * DIFFERENCES_MAX;

/// A device's clock that differs from the hub's by more is told of. Nothing is ever refused for it: what a device says
/// of time is a claim. Slow links and ordinary drift stay far below.
pub const CLOCK_SKEW_MAX_MS: i64 = 5 * 60 * 1_000;

/// Returns by how many milliseconds a device's clock is ahead of the hub's, or behind where negative, if that is
/// more than [`CLOCK_SKEW_MAX_MS`].
fn clock_ahead_ms(device: Timestamp, hub: Timestamp) -> Option<i64> {
    let ahead = device.0.saturating_sub(hub.0);
    (ahead.unsigned_abs() > CLOCK_SKEW_MAX_MS.unsigned_abs()).then_some(ahead)
}

/// What a session moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meter {
    /// Received, with the length before each frame.
    pub bytes_in: u64,
    /// Sent, with the length before each frame.
    pub bytes_out: u64,
    /// How often this side spoke and then had to wait for an answer.
    pub round_trips: u32,
    /// Packs sent.
    pub packs_out: u64,
    /// Packs and other entries received.
    pub items_in: u64,
}

/// What a session holds at the moment, each within a constant of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Frames that wait to be written; at most [`SEND_QUEUE_MAX`].
    pub frames: usize,
    /// Bytes of packs and objects that wait to be said.
    pub outward_bytes: usize,
    /// Wishes of the other side that were not granted yet; at most [`WISHES_MAX`].
    pub wishes: usize,
    /// Batches that came and are not kept yet: on a phone at most [`APPLIES_MAX`] and two, elsewhere at most
    /// [`ACCEPTS_MAX`] and one.
    pub batches: usize,
    /// Their bytes: at most [`APPLIES_BYTES_MAX`] or [`ACCEPTS_BYTES_MAX`], and those of one frame.
    pub inward_bytes: usize,
    /// What whoever drives the session has yet to do.
    pub events: usize,
}

impl Load {
    fn of(wire: &Wire, outbox: &Outbox) -> Self {
        let parts = outbox.parts.iter().map(|part| part.bytes.len());
        Self {
            frames: wire.send.len(),
            outward_bytes: outbox.packs.iter().map(Vec::len).chain(parts).sum(),
            wishes: outbox.wants.len(),
            ..Self::default()
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Both sides said all they had.
    Done,
    /// The peer ended it, and why.
    Told(Failure),
    /// This side ended it, and why.
    Refused(Failure),
    /// The connection was lost.
    Cut,
}

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What it moved.
    pub meter: Meter,
    /// Packs were left for another session, because of [`OUTBOX_BYTES_MAX`].
    pub left_behind: bool,
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The other side broke the protocol; trying again now does not help.
    Peer,
    /// This side failed; trying again may help.
    Own,
}

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The peer's bytes are not a frame.
    #[error("the peer sent no valid frame")]
    Frame {
        /// Why.
        #[source]
        source: FrameError,
    },
    /// The peer sent a frame that has no place here.
    #[error("the peer sent a {frame} frame {moment}")]
    Unexpected {
        /// The kind of the frame.
        frame: &'static str,
        /// When or where it was not to come.
        moment: &'static str,
    },
    /// The peer speaks another version.
    #[error(
        "the peer speaks version {found} of the protocol, this program {known}; update the older"
    )]
    Protocol {
        /// The peer's version.
        found: u16,
        /// The version spoken here.
        known: u16,
    },
    /// The device is revoked.
    #[error("this device may not exchange data; an administrator must enrol it again")]
    Revoked,
    /// A receipt is not the hub's, or for another device.
    #[error("the hub sent a receipt that does not hold")]
    Receipt {
        /// Why, where it is the signature.
        #[source]
        source: Option<TrustError>,
    },
    /// What the hub shows of its log is not signed by it, or is of another life of its store.
    #[error("the hub sent a head of its log that does not hold")]
    Head {
        /// Why, where it is the signature.
        #[source]
        source: Option<TrustError>,
    },
    /// What the hub shows of its log is not the log that it showed before. Why is for the phone's own
    /// people; the hub is told no more than this.
    #[error("the log that the hub shows is not the one that it showed before")]
    Forked,
    /// A snapshot's slices do not fit together.
    #[error("the hub sent slices of a snapshot that do not fit together")]
    Snapshot,
    /// A long pack's parts do not fit together.
    #[error("the peer sent parts of a pack that do not fit together")]
    Parts,
    /// The comparison failed.
    #[error("comparing with the peer failed")]
    Compare {
        /// Why.
        #[source]
        source: ReconcileError,
    },
    /// More than a session may hold.
    #[error("a session has more {what} waiting than the limit of {limit}")]
    TooMuch {
        /// What.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// Whose doing.
        fault: Fault,
    },
    /// What this side wants to say does not fit a frame.
    #[error("what is to be sent does not fit a frame")]
    Unsendable {
        /// Why.
        #[source]
        source: FrameError,
    },
}

impl SessionError {
    /// Says whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unsendable { .. } | Self::Compare { source: ReconcileError::Tree { .. } } => {
                Fault::Own
            }
            Self::TooMuch { fault, .. } => *fault,
            _ => Fault::Peer,
        }
    }

    /// Returns what the peer is told.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let code = match self {
            Self::Frame { source: FrameError::Version { .. } } | Self::Protocol { .. } => {
                FailureCode::Version
            }
            Self::Frame { source: FrameError::TooLarge { .. } | FrameError::Inflation { .. } } => {
                FailureCode::TooLarge
            }
            Self::Revoked => FailureCode::NotAllowed,
            error if error.fault() == Fault::Own => FailureCode::Internal,
            _ => FailureCode::Misbehaved,
        };
        let message = match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        };
        Failure { code, message, retry_after_ms: None }
    }
}

impl From<ReconcileError> for SessionError {
    fn from(source: ReconcileError) -> Self {
        Self::Compare { source }
    }
}

/// What the three kinds of session share: frames out and in, counters, the end.
#[derive(Debug, Default)]
struct Wire {
    send: VecDeque<Vec<u8>>,
    meter: Meter,
    /// Something was heard since this side last spoke, or nothing was said at all.
    silent: bool,
    bye_said: bool,
    bye_heard: bool,
    ending: Option<Ending>,
    finished: bool,
    left_behind: bool,
    /// Names in what this side pushed, and in what the other did. Nothing is kept of them between two phones: what one
    /// lacks is not what it pushed.
    said: Names,
    heard: Names,
}

impl Wire {
    fn new() -> Self {
        Self { silent: true, ..Self::default() }
    }

    /// Returns one on which neither side points at what the other said.
    fn spelling_out() -> Self {
        Self { said: Names::none(), heard: Names::none(), ..Self::new() }
    }

    /// Queues a frame. After a Bye nothing is said any more; what is left out then is not
    /// acknowledged and comes again in the next session.
    fn say(&mut self, frame: &Frame) -> Result<(), SessionError> {
        if self.bye_said && !matches!(frame, Frame::Failed(_)) {
            return Ok(());
        }
        let bytes = frame
            .encode_after(&self.heard)
            .map_err(|source| SessionError::Unsendable { source })?;
        if self.send.len() >= SEND_QUEUE_MAX {
            let limit = SEND_QUEUE_MAX;
            return Err(SessionError::TooMuch {
                what: "frames to write",
                limit,
                fault: Fault::Peer,
            });
        }
        let parting = matches!(frame, Frame::Bye | Frame::Failed(_));
        if self.silent && !parting {
            self.meter.round_trips += 1;
            self.silent = false;
        }
        self.bye_said |= matches!(frame, Frame::Bye);
        self.said.note(frame);
        self.send.push_back(bytes);
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8], speaker: Speaker) -> Result<Frame, SessionError> {
        self.meter.bytes_in += (bytes.len() + FRAME_LENGTH_BYTES) as u64;
        self.silent = true;
        let frame = Frame::decode_from(bytes, speaker, &self.said)
            .map_err(|source| SessionError::Frame { source })?;
        self.heard.note(&frame);
        if self.bye_heard {
            return Err(SessionError::Unexpected { frame: frame.name(), moment: "after its Bye" });
        }
        Ok(frame)
    }

    fn next_send(&mut self) -> Option<Vec<u8>> {
        let bytes = self.send.pop_front()?;
        self.meter.bytes_out += (bytes.len() + FRAME_LENGTH_BYTES) as u64;
        Some(bytes)
    }

    fn is_paused(&self) -> bool {
        self.send.len() >= SEND_QUEUE_PAUSE
    }

    /// Ends the session and tells the peer why, in place of all that waited to be said.
    fn fail(&mut self, failure: Failure) {
        if self.ending.is_some() {
            return;
        }
        self.send.clear();
        // A failure always fits a frame; if it did not, the peer would see the connection close.
        drop(self.say(&Frame::Failed(failure.clone())));
        self.ending = Some(Ending::Refused(failure));
    }

    /// Ends the session after what waits to be said, and tells the peer why.
    fn fail_after_sending(&mut self, failure: Failure) {
        if self.ending.is_none() {
            drop(self.say(&Frame::Failed(failure.clone())));
            self.ending = Some(Ending::Refused(failure));
        }
    }

    fn end(&mut self, ending: Ending) {
        if self.ending.is_none() {
            if ending != Ending::Done {
                self.send.clear();
            }
            self.ending = Some(ending);
        }
    }

    /// Ends the session when both sides have said goodbye.
    fn end_when_both_parted(&mut self) {
        if self.bye_said && self.bye_heard {
            self.end(Ending::Done);
        }
    }

    /// Returns the outcome once, when the session is over and all is written.
    fn take_outcome(&mut self) -> Option<Outcome> {
        let ending = self.ending.clone()?;
        if self.finished || !self.send.is_empty() {
            return None;
        }
        self.finished = true;
        Some(Outcome { ending, meter: self.meter, left_behind: self.left_behind })
    }

    /// Keeps the first error of a handler as the session's end.
    fn settle(&mut self, outcome: Result<(), SessionError>) -> Result<(), SessionError> {
        if let Err(error) = &outcome {
            self.fail(error.failure());
        }
        outcome
    }
}

/// Packs that wait to be pushed, and actors whose packs are still to be fetched.
#[derive(Debug, Default)]
struct Outbox {
    packs: VecDeque<Vec<u8>>,
    /// What is left of a long pack of which the first part was said.
    parts: VecDeque<PackPart>,
    wants: VecDeque<Want>,
    fetching: bool,
}

impl Outbox {
    /// Takes packs up to the session's limit; reports whether some were left.
    fn fill(&mut self, packs: Vec<Vec<u8>>) -> bool {
        let mut bytes = self.packs.iter().map(Vec::len).sum::<usize>();
        for pack in packs {
            bytes += pack.len();
            if bytes > OUTBOX_BYTES_MAX {
                return true;
            }
            self.packs.push_back(pack);
        }
        false
    }

    fn want(&mut self, wants: impl IntoIterator<Item = Want>) -> Result<(), SessionError> {
        self.wants.extend(wants);
        if self.wants.len() > WISHES_MAX {
            let limit = WISHES_MAX;
            return Err(SessionError::TooMuch { what: "wishes", limit, fault: Fault::Peer });
        }
        Ok(())
    }

    /// Takes packs that were asked for. None is left: nobody would ask again.
    fn take(&mut self, packs: Vec<Vec<u8>>) {
        self.packs.extend(packs);
    }

    /// Returns the next frame of packs, and how many packs it ends.
    fn next_frame(&mut self) -> Option<(Frame, u64)> {
        if self.parts.is_empty()
            && self.packs.front().is_some_and(|pack| is_cut(pack))
            && let Some(pack) = self.packs.pop_front()
        {
            self.parts = cut(&pack);
        }
        if let Some(part) = self.parts.pop_front() {
            let ended = u64::from(part.is_last());
            let PackPart { index, count, bytes } = part;
            return Some((Frame::PushPart { index, count, bytes }, ended));
        }
        let packs = self.next_batch()?;
        let count = packs.len() as u64;
        Some((Frame::Push { packs }, count))
    }

    /// Returns the packs of the next frame.
    fn next_batch(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < FRAME_FILL_BYTES && batch.len() < PUSH_PACKS_MAX {
            if self.packs.front().is_none_or(|pack| is_cut(pack)) {
                break;
            }
            let Some(pack) = self.packs.pop_front() else { break };
            bytes += pack.len() + LENGTH_BYTES_MAX;
            batch.push(pack);
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// Returns what to fetch next, when nothing is being fetched.
    fn next_wants(&mut self) -> Option<Vec<Want>> {
        if self.fetching || self.wants.is_empty() {
            return None;
        }
        self.fetching = true;
        let count = self.wants.len().min(PROVIDE_WANTS_MAX);
        Some(self.wants.drain(..count).collect())
    }

    fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.parts.is_empty() && self.wants.is_empty() && !self.fetching
    }
}

/// A byte string's length takes at most this much in a frame.
const LENGTH_BYTES_MAX: usize = 5;

#[cfg(test)]
mod tests;
