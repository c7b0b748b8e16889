//! What travels in a bundle, a file from device to device where there is no network. Between phones it is
//! what a meeting brings, under a meeting's rules (`core/src/replica/meeting.rs`). To the hub it is the
//! phone's half of an exchange; the hub plays that against the very code that serves phones, and its answer
//! holds what the phone would have been told.
//!
//! The container, who may open it and who signed it are `core/src/trust/bundle/`.

mod answering;
mod giving;
mod hearing;
mod taking;

use serde::{Deserialize, Serialize};

use super::ReplicaError;
use super::errands::Errand;
use crate::model::DeviceId;
use crate::sync::{
    AdminRequest, DeviceEntry, FRAME_BYTES_MAX, Failure, FeedItem, FeedPosition, Notice,
};
use crate::trust::bundle::{BundleError, Checked, LetterReader, LetterWriter};
use crate::trust::log::{Shown, TreeHead};
use crate::trust::{HubMark, HubReceipt};

pub use answering::{ANSWERED_MAX, BundleAnswered};

/// Random bytes for letters and, should one be needed, a fresh incarnation.
pub type BundleEntropy<'a> = &'a mut dyn FnMut() -> [u8; 32];

/// Requests of one letter: as many as a phone asks by itself.
const ASKS_MAX: usize = 32;

/// Bytes of the requests of one letter, together: they are in memory until all are answered. Four of the
/// longest checklists fit.
const ASKS_BYTES_MAX: usize = 4 << 20;

/// Entries of one list in a part or a request, far more than a frame that is filled holds: empty ones are a
/// byte each in a file, and 24 in memory.
const LIST_MAX: usize = 4_096;

/// The numbers that parts begin with, of those that are known before they are decoded.
mod tags {
    pub(super) const ASK: u8 = 1;
    pub(super) const PACK: u8 = 2;
    pub(super) const CONTROL: u8 = 3;
    pub(super) const ITEM: u8 = 9;
    pub(super) const KEYS: u8 = 15;
    /// The last that this program knows.
    pub(super) const LAST: u8 = 16;
    /// Parts whose numbers begin here may be passed over by whoever does not know them; all others refuse
    /// the letter. 0x81 has been used: by it phones said up to where the hub has a line, which is not theirs to say.
    pub(super) const PASSED_OVER: u8 = 0x80;
}

/// One part of a letter. Variants are only ever added at the end; what an older program would not
/// understand in one is another version of the letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    /// To the hub, first: how far this phone is.
    Greeting(Greeting),
    /// To the hub: what this phone asks by itself, and what it calls that.
    Ask(AdminRequest, Asked),
    /// To anybody: an encoded pack.
    Pack(Vec<u8>),
    /// To a phone: an encoded entry of a control log.
    Control(Vec<u8>),
    /// To a phone: a checklist.
    Object(Vec<u8>),
    /// To a phone: sealed minutes that no hub has registered, as neighbours give them.
    Seal(Vec<u8>),
    /// To a phone: heads of the hub's log that its maker was shown.
    Heads(Vec<TreeHead>),
    /// Of the hub, first: which life of its store speaks, and the greeting that it answers, if one.
    Answer { epoch: [u8; 16], greeting: Option<Greeting> },
    /// Of the hub: how its log stands to the heads that were named.
    Shown(Shown),
    /// Of the hub: an entry to keep.
    Item(FeedItem),
    /// Of the hub: the entries before this are one batch; where in the feed the phone is with it.
    Reached(Option<FeedPosition>),
    /// Of the hub: what it stored.
    Receipt(HubReceipt),
    /// Of the hub: what it did not merge.
    Notices { upto: u64, notices: Vec<Notice> },
    /// Of the hub: packs that it does not take in.
    Declined(Vec<Notice>),
    /// Of the hub: how far the feed is merged and backed up.
    Mark(HubMark),
    /// Of the hub: how its keys follow each other, as encoded acts. Before all that it signed.
    Keys(Vec<Vec<u8>>),
    /// Of the hub: what it says to a request of the maker. Without a refusal it is done.
    Answered { of: Asked, refused: Option<Failure> },
}

/// What a phone calls a request to the hub, so that it knows the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    errand: Errand,
    /// A digest of what this phone knew of its own rights. A refusal under other rights is no last word.
    rights: [u8; 32],
}

/// How far a phone was when it wrote to its hub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Greeting {
    /// The life of the hub's store that was met last.
    life: Option<[u8; 16]>,
    position: Option<FeedPosition>,
    notices: u64,
    empty: bool,
    heads: Vec<TreeHead>,
}

/// Whom a letter is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// The hub, by its pinned key.
    Hub(DeviceId),
    /// Another phone.
    Device(DeviceEntry),
}

/// What was written to one receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleGiven {
    /// To whom.
    pub receiver: DeviceId,
    /// Packs of changes.
    pub packs: usize,
    /// Entries of control logs.
    pub control: usize,
    /// Sealed minutes, and decisions of this device for the hub.
    pub decisions: usize,
    /// Lines of changes that are held here and could not be given: damaged, or over a limit.
    pub withheld: usize,
}

/// What came of a bundle that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleTaken {
    /// Who made it.
    pub maker: DeviceId,
    /// It is the hub's.
    pub of_hub: bool,
    /// Packs and other entries taken in.
    pub received: usize,
    /// Packs of this device, or carried by it, that the hub has signed for.
    pub stored: usize,
    /// Packs of devices that this phone was not told of.
    pub strangers: usize,
    /// Packs that their signer may not write or this device may not read, that no document can hold, or
    /// that the hub does not take.
    pub refused: usize,
    /// Packs in whose place something else stands here.
    pub conflicting: usize,
    /// Packs before which changes of the same lines are missing here: an exchange with the hub may bring them,
    /// or a bundle with all that its maker has.
    pub lacking: usize,
    /// Packs for which there was no room before this phone has met the hub.
    pub no_room: usize,
    /// Decisions, minutes and checklists of this device that the hub says it has.
    pub done: usize,
    /// Decisions and minutes of this device that the hub refused for good: they are asked no more, and
    /// listed here.
    pub unentered: usize,
    /// The hub's answer speaks to an earlier state of this phone: what is signed in it counts, and where
    /// this phone is in the feed stays.
    pub old: bool,
    /// Something is left to compare or to send anew: sync, or write to the hub again.
    pub again: bool,
    /// The hub has shown two phones different logs of one length.
    pub two_logs: bool,
}

impl BundleTaken {
    fn by(maker: DeviceId, of_hub: bool) -> Self {
        Self {
            maker,
            of_hub,
            received: 0,
            stored: 0,
            strangers: 0,
            refused: 0,
            conflicting: 0,
            lacking: 0,
            no_room: 0,
            done: 0,
            unentered: 0,
            old: false,
            again: false,
            two_logs: false,
        }
    }
}

/// Adds a part to a letter.
fn write(letter: &mut LetterWriter<'_>, part: &Part) -> Result<(), ReplicaError> {
    Ok(letter.part(&encode(part)?)?)
}

fn encode(part: &Part) -> Result<Vec<u8>, BundleError> {
    postcard::to_stdvec(part).map_err(|source| BundleError::Encode { source })
}

/// Returns the next part of a letter; nothing behind the last.
fn read<R: std::io::Read>(letter: &mut LetterReader<R>) -> Result<Option<Part>, ReplicaError> {
    let Some(bytes) = next(letter)? else { return Ok(None) };
    decode(&bytes).map(Some)
}

/// Returns the next part of a letter that is not to be passed over, as it came.
fn next<R: std::io::Read>(letter: &mut LetterReader<R>) -> Result<Option<Vec<u8>>, BundleError> {
    while let Some(bytes) = letter.next_part()? {
        match bytes.first() {
            Some(kind) if *kind >= tags::PASSED_OVER => {}
            Some(_) => return Ok(Some(bytes)),
            None => return Err(BundleError::Damaged { what: "an empty part" }),
        }
    }
    Ok(None)
}

/// Reads a letter to its end, which shows that it is whole and its maker's, before anything of it is used.
/// Nothing is decoded; each part has `look` look at it.
///
/// # Errors
///
/// Returns [`BundleError::Newer`] when a part is of a kind that this program does not know and may not pass
/// over, and as [`LetterReader::next_part`].
fn look_through<R: std::io::Read>(
    letter: &mut LetterReader<R>,
    look: &mut dyn FnMut(&[u8]) -> Result<(), ReplicaError>,
) -> Result<Checked, ReplicaError> {
    let mut newer = None;
    while let Some(bytes) = next(letter)? {
        match bytes.first() {
            Some(kind) if *kind > tags::LAST => newer = newer.max(Some(*kind)),
            _ => look(&bytes)?,
        }
    }
    match newer {
        None => Ok(letter.check()?),
        Some(kind) => {
            let (found, known) = (kind.into(), tags::LAST.into());
            Err(BundleError::Newer { what: "parts of kind", found, known }.into())
        }
    }
}

/// Decodes a part. What is not one long piece of bytes takes many times its length in memory, and is no
/// longer than what a frame brings.
fn decode(bytes: &[u8]) -> Result<Part, ReplicaError> {
    let tag = bytes.first().copied();
    if bytes.len() > FRAME_BYTES_MAX && !matches!(tag, Some(tags::PACK | tags::ITEM)) {
        return Err(too_large("bytes of a part", FRAME_BYTES_MAX));
    }
    // How many acts there are stands before them, and before how many a request holds of its kind.
    let count = match tag {
        Some(tags::KEYS) => bytes.get(1..),
        Some(tags::ASK) if lists(bytes) => bytes.get(2..),
        _ => None,
    };
    if let Some(count) = count.and_then(|bytes| postcard::take_from_bytes::<u64>(bytes).ok())
        && count.0 > LIST_MAX as u64
    {
        return Err(too_large("entries of a part", LIST_MAX));
    }
    match postcard::take_from_bytes(bytes) {
        Ok((part, [])) => Ok(part),
        _ => Err(BundleError::Damaged { what: "a part" }.into()),
    }
}

/// Returns whether a request of a phone holds a list of encoded things.
fn lists(ask: &[u8]) -> bool {
    let lists =
        [AdminRequest::Enter { acts: Vec::new() }, AdminRequest::TakeBack { entries: Vec::new() }];
    let kind = |request| postcard::to_stdvec(request).ok()?.first().copied();
    lists.iter().any(|request| kind(request).is_some_and(|kind| ask.get(1) == Some(&kind)))
}

fn too_large(what: &'static str, limit: usize) -> ReplicaError {
    BundleError::TooLarge { what, limit: limit as u64 }.into()
}

/// A part that has no place in this letter.
fn misplaced() -> ReplicaError {
    BundleError::Damaged { what: "a part that has no place in it" }.into()
}

#[cfg(test)]
mod tests;
