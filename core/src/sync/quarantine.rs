//! What is said of packs that a hub keeps aside.

use serde::{Deserialize, Serialize};

use super::bytes;
use super::frame::FRAME_FILL_BYTES;
use super::message::Verdict;
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, PersonId, Scope, Timestamp};

/// Packs that one answer names: some 200 bytes each, so the answer fits a frame.
pub const QUARANTINE_PAGE_MAX: usize = 512;

/// Bytes of a pack that one answer holds; a long pack is asked for in several.
pub const QUARANTINE_BYTES_MAX: usize = FRAME_FILL_BYTES;

/// Digits by which a change is named: all that its hash has.
pub const QUARANTINE_DIGITS_MAX: usize = 64;

/// Which pack it is that was kept aside: its line, and the last change in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AsideName {
    /// The document.
    pub document: DocumentId,
    /// Whose line.
    pub actor: Actor,
    /// Place of the last change.
    pub seq: u64,
    /// That change; the digest of the pack's bytes where they are [`Verdict::Unreadable`].
    pub hash: ChangeHash,
}

/// Which of the packs kept aside are asked for: those that fit all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineFilter {
    /// The unit of the document, or one that contains it.
    pub scope: Option<Scope>,
    /// Who signed it: the holder of the device, as the hub knows it; of a device that nobody has named,
    /// the person that it stands for ([`PersonId::of_device`]).
    pub person: Option<PersonId>,
    /// Why it is kept aside.
    pub verdict: Option<Verdict>,
    /// The first hexadecimal digits of the change; empty for all. Over [`QUARANTINE_DIGITS_MAX`] nothing
    /// fits.
    pub digits: String,
}

/// A wish about what is kept aside. Who is supervisor, administrator or auditor of the document's unit, or
/// of one that contains it, is shown it; for all others it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuarantineRequest {
    /// Name some.
    Page {
        /// Which.
        which: QuarantineFilter,
        /// Those after this one, in the order of names.
        after: Option<AsideName>,
    },
    /// Give the bytes of one.
    Bytes {
        /// Which.
        name: AsideName,
        /// From this byte on.
        from: u64,
    },
    /// Say what would stop one that is admitted.
    Stop {
        /// Which.
        name: AsideName,
    },
}

/// What keeps an admitted change, and with it all that is kept aside before it in its line, out of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionStop {
    /// Why.
    pub cause: StopCause,
    /// The place in the line of the change that stops it.
    pub seq: u64,
    /// That change.
    pub hash: ChangeHash,
}

/// Why an admitted line does not enter the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCause {
    /// The change has not come: it is neither in the record nor kept aside.
    Lacks,
    /// The change was kept aside, and the hub's store has lost it.
    Lost,
    /// With the change its device would pass its share of the document, or of what waits.
    OverQuota,
    /// The change continues another line than the one that the record holds, or one that is closed.
    OtherLine,
}

/// A pack that is kept aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsideEntry {
    /// Which.
    pub name: AsideName,
    /// Why.
    pub verdict: Verdict,
    /// Who signed it.
    pub device: DeviceId,
    /// Who brought it, where the hub knows.
    pub from: Option<DeviceId>,
    /// The unit of its document; none where its bytes do not even say that.
    pub scope: Option<Scope>,
    /// When it was kept aside, by the hub's clock.
    pub at: Timestamp,
}

/// The answer to a [`QuarantineRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuarantineAnswer {
    /// Some that fit.
    Page {
        /// At most [`QUARANTINE_PAGE_MAX`]; there may be none although more follow.
        entries: Vec<AsideEntry>,
        /// Where to go on; none where these were the last.
        next: Option<AsideName>,
    },
    /// Bytes of one.
    Bytes {
        /// At most [`QUARANTINE_BYTES_MAX`].
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
        /// How many the pack has; 0 where it is not there, or nothing of it was kept.
        total: u64,
    },
    /// What would stop one; none where nothing would, or it is not there.
    Stop(Option<AdmissionStop>),
}
