//! Frames: what two peers say to each other, one at a time.
//!
//! A frame is a version byte, a flag byte and a postcard payload, plain or as one zstd frame, which may point at
//! names that the reader pushed before ([`Names`]). The transport puts a length of four bytes little-endian before each.
//! See `docs/protocol.md`.

mod packs;
mod times;

use serde::{Deserialize, Serialize};

use super::bytes;
use super::compression::{deflate, deflate_after, deflate_well, inflate_after};
use super::log::LogMessage;
use super::message::{
    AdminAnswer, AdminRequest, Failure, FeedItem, FeedPosition, Hello, Notice, Stored, Want,
    Welcome,
};
use super::names::Names;
use super::pack::PACK_BYTES_MAX;
use super::reconcile::ReconcileMessage;
use crate::model::{Cursor, put_uleb};
use crate::trust::HubReceipt;
use crate::trust::enrolment::{Claim, ENROL_FRAME_BYTES_MAX, EnrolAnswer};

/// The version of frames written here.
pub const FRAME_VERSION: u8 = 1;
/// The version of what is said in them.
///
/// 2: the hub names packs that it does not take (`Declined`), and where lines end (`Closed`).
/// 3: a long pack travels in parts (`PushPart`, and the entry `PackPart`).
/// 4: the hub shows that its log continues the heads that a phone kept (`Log`).
pub const PROTOCOL_VERSION: u16 = 4;
/// Lists in a frame are filled up to this; one packet loss then costs little, and a frame of this
/// size takes half a minute at 2G speed.
pub const FRAME_FILL_BYTES: usize = 256 << 10;
/// Room for the fields around the lists.
const FRAME_ENVELOPE_BYTES: usize = 1 << 10;
/// A frame is at most this long on the wire: filled lists whose last entry is one largest pack.
pub const FRAME_BYTES_MAX: usize = FRAME_FILL_BYTES + PACK_BYTES_MAX + FRAME_ENVELOPE_BYTES;
/// A compressed payload inflates to at most this: nobody fills a frame further.
pub const FRAME_INFLATED_BYTES_MAX: usize = FRAME_BYTES_MAX;
/// The payload is as it is.
const PLAIN: u8 = 0;
/// The payload is a zstd frame.
const ZSTD: u8 = 1;
/// How many packs have names before it, and a zstd frame that may point at those.
const ZSTD_AFTER_NAMES: u8 = 2;
/// Version and flags.
const HEADER_BYTES: usize = 2;

/// One thing said. The order of the variants is the wire's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// Phone: first words.
    Hello(Hello),
    /// Encoded packs to keep.
    Push {
        /// Oldest first within an actor.
        #[serde(with = "bytes::list")]
        packs: Vec<Vec<u8>>,
    },
    /// Everything there is for now was pushed.
    Pushed {
        /// How many `Need` frames and comparisons of this session that answers, in all.
        answered: u32,
    },
    /// Phone: an administrator's wish.
    Ask {
        /// Comes back with the answer.
        request_id: u64,
        /// The wish.
        request: AdminRequest,
    },
    /// Hub: first words.
    Welcome(Welcome),
    /// Hub: entries of the feed, or documents. Between two replicas: checklists that packs need.
    Items {
        /// The entries.
        items: Vec<FeedItem>,
        /// Where in the feed the phone is once it has kept them.
        position: Option<FeedPosition>,
    },
    /// Hub: the phone has all there is for now.
    Caught {
        /// Where in the feed that is.
        position: FeedPosition,
    },
    /// Hub: packs are durable.
    Receipts(HubReceipt),
    /// Hub: changes that were not merged.
    Notices {
        /// How many notices there were for this device in all, with these.
        upto: u64,
        /// Those not yet seen.
        notices: Vec<Notice>,
    },
    /// Hub: changes are missing before some that were pushed.
    Need(Want),
    /// Hub: the answer to an `Ask`.
    Answer {
        /// From the request.
        request_id: u64,
        /// The answer.
        answer: AdminAnswer,
    },
    /// The session ends here, and why.
    Failed(Failure),
    /// A message of the comparison.
    Compare(ReconcileMessage),
    /// All is said.
    Bye,
    /// Hub: packs of this push that it does not take in, each by name. What it does not name here, in
    /// a receipt or in a notice is undecided: the phone keeps it and offers it again.
    Declined {
        /// One for each pack: its document, its signer's actor, its last change, and why.
        packs: Vec<Notice>,
    },
    /// A part of a long pack to keep. The parts of one come in order, with no packs between.
    PushPart {
        /// From 0.
        index: u32,
        /// How many parts there are.
        count: u32,
        /// The part.
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    },
    /// Of the hub's log.
    Log(LogMessage),
    /// Phone that the hub does not know yet: it takes up an invitation, and says nothing else.
    Enrol {
        /// The version spoken.
        protocol: u16,
        /// What it claims.
        claim: Claim,
    },
    /// Hub: what became of the claim.
    Enrolled(EnrolAnswer),
    /// Hub: packs are durable, which it names by where in this session they were pushed.
    Stored(Stored),
}

/// How many kinds of frames there are.
const KINDS: u8 = 20;

/// The number of `PushPart`.
const PUSH_PART: u8 = 15;

/// The number of `Enrol`.
const ENROL: u8 = 17;

/// The number of `Enrolled`.
const ENROLLED: u8 = 18;

/// The number of `Stored`.
const STORED: u8 = 19;

impl Frame {
    /// Returns the bytes of the frame, compressed if that pays: packs are compressed with each other and not each
    /// alone.
    ///
    /// # Errors
    ///
    /// Returns [`FrameError::TooLarge`] when the frame was filled beyond its limit.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        self.encode_after(&Names::none())
    }

    /// Returns the bytes of a frame for a side that has said these names, see [`Frame::encode`].
    ///
    /// # Errors
    ///
    /// As [`Frame::encode`].
    pub fn encode_after(&self, names: &Names) -> Result<Vec<u8>, FrameError> {
        let malformed = |_| FrameError::Malformed { kind: self.name() };
        let payload = postcard::to_stdvec(self).map_err(malformed)?;
        if payload.len() + HEADER_BYTES > FRAME_INFLATED_BYTES_MAX {
            let bytes = payload.len();
            return Err(FrameError::TooLarge { bytes, limit: FRAME_INFLATED_BYTES_MAX });
        }
        let names = if self.repeats_names() { names } else { &Names::none() };
        let room = FRAME_INFLATED_BYTES_MAX - (payload.len() + HEADER_BYTES);
        let opened = match packs::opened(self, room) {
            Some(opened) => {
                let opened = postcard::to_stdvec(&opened).map_err(malformed)?;
                match self {
                    Self::Push { .. } => deflate_well(&opened).map(|packed| (ZSTD, packed)),
                    _ => pack_after(names, &opened),
                }
            }
            None => None,
        };
        let packed = opened.filter(|(_, opened)| opened.len() < payload.len());
        let (flag, packed) = match packed.or_else(|| pack_after(names, &payload)) {
            Some((flag, packed)) => (flag, packed),
            None => (PLAIN, payload),
        };
        let mut out = Vec::with_capacity(packed.len() + HEADER_BYTES);
        out.push(FRAME_VERSION);
        out.push(flag);
        out.extend_from_slice(&packed);
        Ok(out)
    }

    /// Returns whether much of the frame may be names that the other side said.
    fn repeats_names(&self) -> bool {
        matches!(self, Self::Items { .. } | Self::Receipts(_) | Self::Notices { .. })
    }

    /// Reads one frame. Inflation stops at [`FRAME_INFLATED_BYTES_MAX`].
    ///
    /// # Errors
    ///
    /// Returns [`FrameError`] when the bytes are not exactly one frame of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        Self::decode_after(bytes, &Names::none())
    }

    /// Reads one frame of a side that was told these names.
    ///
    /// # Errors
    ///
    /// As [`Frame::decode`], and where it points at names that were not told.
    pub fn decode_after(bytes: &[u8], names: &Names) -> Result<Self, FrameError> {
        Self::decode_from(bytes, Speaker::Any, names)
    }

    /// Hub: reads what a phone that it does not know says: a claim, and nothing else.
    ///
    /// # Errors
    ///
    /// Returns [`FrameError`] for everything else, before anything is allocated for it.
    pub fn decode_enrol(bytes: &[u8]) -> Result<(u16, Claim), FrameError> {
        match Self::decode_from(bytes, Speaker::Newcomer, &Names::none())? {
            Self::Enrol { protocol, claim } => Ok((protocol, claim)),
            other => Err(FrameError::OutOfPlace { kind: other.name() }),
        }
    }

    /// Phone: reads what the hub answers to a claim. `None` for a goodbye.
    ///
    /// # Errors
    ///
    /// Returns [`FrameError`] when the bytes are no such answer.
    pub fn decode_enrolled(
        bytes: &[u8],
    ) -> Result<Option<Result<EnrolAnswer, Failure>>, FrameError> {
        match Self::decode_from(bytes, Speaker::Registrar, &Names::none())? {
            Self::Enrolled(answer) => Ok(Some(Ok(answer))),
            Self::Failed(failure) => Ok(Some(Err(failure))),
            _ => Ok(None),
        }
    }

    /// Reads one frame that this speaker may say. Others are refused by their number, before
    /// anything is allocated for their content.
    pub(super) fn decode_from(
        bytes: &[u8],
        speaker: Speaker,
        names: &Names,
    ) -> Result<Self, FrameError> {
        let limit = speaker.frame_bytes_max();
        if bytes.len() > limit {
            return Err(FrameError::TooLarge { bytes: bytes.len(), limit });
        }
        let (&[version, flag], payload) =
            bytes.split_first_chunk::<HEADER_BYTES>().ok_or(FrameError::Truncated)?;
        if version != FRAME_VERSION {
            return Err(FrameError::Version { found: version, known: FRAME_VERSION });
        }
        let (known, payload) = match flag {
            PLAIN => return decode_payload(payload, speaker),
            ZSTD => (&[][..], payload),
            ZSTD_AFTER_NAMES => pointed_at(payload, names)?,
            flag => return Err(FrameError::Flag { found: flag }),
        };
        let came = payload.len();
        let payload = inflate_after(known, payload, limit);
        let payload = payload.map_err(|_| FrameError::Inflation { limit })?;
        let frame = packs::put_back(decode_payload(&payload, speaker)?);
        match packs::is_worth_closing(came, payload.len()) {
            true => Ok(packs::closed(frame)),
            false => Ok(frame),
        }
    }

    /// Returns the name of the frame's kind, for logs and errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "Hello",
            Self::Push { .. } => "Push",
            Self::Pushed { .. } => "Pushed",
            Self::Ask { .. } => "Ask",
            Self::Welcome(_) => "Welcome",
            Self::Items { .. } => "Items",
            Self::Caught { .. } => "Caught",
            Self::Receipts(_) => "Receipts",
            Self::Notices { .. } => "Notices",
            Self::Need(_) => "Need",
            Self::Answer { .. } => "Answer",
            Self::Failed(_) => "Failed",
            Self::Compare(_) => "Compare",
            Self::Bye => "Bye",
            Self::Declined { .. } => "Declined",
            Self::PushPart { .. } => "PushPart",
            Self::Log(_) => "Log",
            Self::Enrol { .. } => "Enrol",
            Self::Enrolled(_) => "Enrolled",
            Self::Stored(_) => "Stored",
        }
    }
}

/// Who speaks, which decides what may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Phone,
    Hub,
    Replica,
    /// A phone that is not known yet.
    Newcomer,
    /// The hub, to one.
    Registrar,
    Any,
}

impl Speaker {
    /// Reports whether this speaker may say frames of this number.
    fn may_say(self, kind: u8) -> bool {
        /// Push, Pushed, Failed, Compare, Bye, PushPart, Log.
        const COMMON: [u8; 7] = [1, 2, 11, 12, 13, PUSH_PART, 16];
        match self {
            // A phone that was admitted meanwhile asks once more what became of its claim.
            Self::Phone => COMMON.contains(&kind) || [0, 3, ENROL].contains(&kind),
            Self::Hub => kind == STORED || ((4..ENROL).contains(&kind) && kind != PUSH_PART),
            Self::Replica => COMMON.contains(&kind) || kind == 5,
            Self::Newcomer => kind == ENROL,
            Self::Registrar => [11, 13, ENROLLED].contains(&kind),
            Self::Any => kind < KINDS,
        }
    }

    /// Returns how long its frames may be, also once inflated.
    fn frame_bytes_max(self) -> usize {
        const _: () = assert!(FRAME_INFLATED_BYTES_MAX == FRAME_BYTES_MAX);
        match self {
            Self::Newcomer | Self::Registrar => ENROL_FRAME_BYTES_MAX,
            _ => FRAME_BYTES_MAX,
        }
    }
}

/// Compresses where that pays. Returns how, and what stands behind the flag.
fn pack_after(names: &Names, payload: &[u8]) -> Option<(u8, Vec<u8>)> {
    let count = names.len();
    match names.first(count) {
        None => Some((ZSTD, deflate(payload)?)),
        Some(known) => {
            let mut out = Vec::new();
            put_uleb(&mut out, count as u64);
            out.extend(deflate_after(known, payload)?);
            Some((ZSTD_AFTER_NAMES, out))
        }
    }
}

/// Returns the names that a payload may point at, and the rest of it.
fn pointed_at<'a>(payload: &'a [u8], names: &'a Names) -> Result<(&'a [u8], &'a [u8]), FrameError> {
    let mut cursor = Cursor::new(payload);
    let found = cursor.length("names").map_err(|_| FrameError::Truncated)?;
    let known = names.first(found);
    let known = known.ok_or(FrameError::Names { found, known: names.len() })?;
    Ok((known, &payload[payload.len() - cursor.remaining()..]))
}

fn decode_payload(payload: &[u8], speaker: Speaker) -> Result<Frame, FrameError> {
    let kind = *payload.first().ok_or(FrameError::Truncated)?;
    if kind >= KINDS {
        return Err(FrameError::UnknownKind { found: kind });
    }
    if !speaker.may_say(kind) {
        return Err(FrameError::OutOfPlace { kind: KIND_NAMES[usize::from(kind)] });
    }
    match postcard::take_from_bytes(payload) {
        Ok((frame, [])) => Ok(frame),
        Ok((_, rest)) => Err(FrameError::Trailing { bytes: rest.len() }),
        Err(postcard::Error::DeserializeUnexpectedEnd) => Err(FrameError::Truncated),
        Err(_) => Err(FrameError::Malformed { kind: KIND_NAMES[usize::from(kind)] }),
    }
}

/// Names by number on the wire.
const KIND_NAMES: [&str; KINDS as usize] = [
    "Hello", "Push", "Pushed", "Ask", "Welcome", "Items", "Caught", "Receipts", "Notices", "Need",
    "Answer", "Failed", "Compare", "Bye", "Declined", "PushPart", "Log", "Enrol", "Enrolled",
    "Stored",
];

/// Why bytes are not a frame. Always the fault of whoever made them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A version that this program does not speak.
    #[error("a frame has version {found}, but this program speaks {known}; update the older side")]
    Version {
        /// The version found.
        found: u8,
        /// The version spoken here.
        known: u8,
    },
    /// A flag that this program does not know.
    #[error("a frame has unknown flags {found}")]
    Flag {
        /// The flags found.
        found: u8,
    },
    /// It points at names that were not told in this session.
    #[error("a frame points at the names of {found} packs where {known} were pushed")]
    Names {
        /// How many packs it counts on.
        found: usize,
        /// How many have names here.
        known: usize,
    },
    /// A kind that this program does not know.
    #[error("a frame has unknown kind {found}")]
    UnknownKind {
        /// The kind's number.
        found: u8,
    },
    /// A kind that the other side never says.
    #[error("a {kind} frame came from a side that never sends it")]
    OutOfPlace {
        /// The kind of the frame.
        kind: &'static str,
    },
    /// Over [`FRAME_BYTES_MAX`].
    #[error("a frame has {bytes} bytes, over the limit of {limit}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// It does not inflate, or to more than [`FRAME_INFLATED_BYTES_MAX`].
    #[error("a frame does not inflate to at most {limit} bytes")]
    Inflation {
        /// The limit.
        limit: usize,
    },
    /// It ends early.
    #[error("a frame is cut off")]
    Truncated,
    /// Bytes follow its end.
    #[error("{bytes} bytes follow the end of a frame")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A field has a value that it cannot have.
    #[error("a {kind} frame is malformed")]
    Malformed {
        /// The kind of the frame.
        kind: &'static str,
    },
}

#[cfg(test)]
mod tests;
