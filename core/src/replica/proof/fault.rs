//! What is wrong with an exported record.

use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, Scope, TemplateId, Timestamp};
use crate::trust::seal::SealId;

/// One thing that does not hold, and where. A record with any is not valid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file is not, byte for byte, what its maker signed.
    #[error("the file is not what device {device} signed: it was changed after it was made")]
    Maker {
        /// The device that the file says made it.
        device: DeviceId,
    },
    /// A pack cannot be read.
    #[error("pack {place} cannot be read: {reason}")]
    PackUnread {
        /// Which, from 1.
        place: usize,
        /// Why.
        reason: String,
    },
    /// A pack is of another document.
    #[error("pack {place} is of another document, {document}")]
    PackElsewhere {
        /// Which, from 1.
        place: usize,
        /// The document.
        document: DocumentId,
    },
    /// A pack's changes are not those that its device signed.
    #[error("pack {place} holds changes that device {device} did not sign")]
    PackUnsigned {
        /// Which, from 1.
        place: usize,
        /// The device that it names.
        device: DeviceId,
    },
    /// A pack does not continue the line that it is of.
    #[error("pack {place} does not continue what device {device} wrote: change {seq} does not fit")]
    PackBroken {
        /// Which, from 1.
        place: usize,
        /// The device.
        device: DeviceId,
        /// The first change that does not fit.
        seq: u64,
    },
    /// The checklist in the file is missing, unreadable, or not the one that the document is filled by.
    #[error("the checklist in the file is not {wanted}, which the record is filled by")]
    Checklist {
        /// The one that it is filled by.
        wanted: TemplateId,
    },
    /// The signed changes do not give the state that the file says to be of.
    #[error("the signed changes do not come to change {change}, at which the record is read")]
    Heads {
        /// The first that is missing.
        change: ChangeHash,
    },
    /// The document cannot be rebuilt from the changes.
    #[error("the record cannot be rebuilt from the signed changes: {reason}")]
    Rebuild {
        /// Why.
        reason: String,
    },
    /// The readable record is not what the signed changes give.
    #[error("the readable record says something else than what was signed, at {place}")]
    Readable {
        /// Where they first differ: the keys on the way, with `/` between; empty for the whole.
        place: String,
    },
    /// There are decisions, receipts or heads, and no hub's key to check them with.
    #[error("the file names no hub, so nothing of a hub can be checked; give the hub's key")]
    NoHub,
    /// The file is of another hub than the one that was given.
    #[error("the file is of the hub {found}, not of {given}")]
    OtherHub {
        /// The key that was given.
        given: DeviceId,
        /// The one in the file.
        found: DeviceId,
    },
    /// A decision on rights cannot be read.
    #[error("decision {place} cannot be read: {reason}")]
    ControlUnread {
        /// Which, from 1.
        place: usize,
        /// Why.
        reason: String,
    },
    /// A decision is not signed by its device or the hub.
    #[error("entry {number} of the log of rights of unit {scope} is not signed as it says")]
    ControlUnsigned {
        /// The unit.
        scope: Scope,
        /// The number there.
        number: u64,
    },
    /// An entry does not continue its log.
    #[error(
        "entry {number} of the log of rights of unit {scope} does not continue the one before it"
    )]
    ControlBroken {
        /// The unit.
        scope: Scope,
        /// The number there.
        number: u64,
    },
    /// An entry is signed by a key that is not this hub's.
    #[error("entry {number} of the log of rights of unit {scope} is by another hub")]
    ControlStrange {
        /// The unit.
        scope: Scope,
        /// The number there.
        number: u64,
    },
    /// A device wrote what nobody allowed it to.
    #[error("device {device} might not write this record: change {seq} and those after it")]
    NotAllowed {
        /// The device.
        device: DeviceId,
        /// The line.
        actor: Actor,
        /// The first change without a right.
        seq: u64,
        /// When the hub took it in; nothing where it never did.
        at: Option<Timestamp>,
    },
    /// A receipt is not signed by the hub.
    #[error("receipt {place} is not signed by the hub")]
    ReceiptUnsigned {
        /// Which, from 1.
        place: usize,
    },
    /// A receipt is for another change than the one in the file.
    #[error(
        "receipt {place} is for another change {seq} of device {device} than the one in the file"
    )]
    ReceiptElse {
        /// Which, from 1.
        place: usize,
        /// The device.
        device: DeviceId,
        /// The change.
        seq: u64,
    },
    /// A head of the hub's log is not signed by the hub.
    #[error("the head of the hub's log with {size} leaves is not signed by the hub")]
    HeadUnsigned {
        /// Its leaves.
        size: u64,
    },
    /// A leaf is not in the hub's log.
    #[error("leaf {index} is not in the hub's log of {size} leaves")]
    NotIncluded {
        /// Its number.
        index: u64,
        /// The log's size.
        size: u64,
    },
    /// A leaf says nothing of the changes in the file.
    #[error("leaf {index} of the hub's log is not of a change in the file")]
    LeafElse {
        /// Its number.
        index: u64,
    },
    /// The newest head does not continue an earlier one.
    #[error(
        "the hub's log of {newest} leaves is not shown to continue its {size} leaves of before"
    )]
    NotGrown {
        /// Leaves of the earlier head.
        size: u64,
        /// Leaves of the newest.
        newest: u64,
    },
    /// A witness's head is not by this hub.
    #[error("the witness's head of {size} leaves is not signed by this hub")]
    WitnessUnsigned {
        /// Its leaves.
        size: u64,
    },
    /// A witness's head and the file's cannot both be true.
    #[error(
        "the hub showed the witness another log: its head of {size} leaves cannot be of the log in the file"
    )]
    WitnessContradicts {
        /// Its leaves.
        size: u64,
        /// When the hub signed it.
        at: Timestamp,
    },
    /// A seal cannot be read, or does not hold.
    #[error("seal {place} does not hold: {reason}")]
    Seal {
        /// Which, from 1.
        place: usize,
        /// Why.
        reason: String,
    },
    /// The record is read at other heads than its registered minutes.
    #[error("the record is not read as its registered minutes {} were sealed", seal.short())]
    NotAsSealed {
        /// The seal that counts.
        seal: SealId,
    },
    /// The seal that the control log names is not in the file.
    #[error("the registered minutes {} are not in the file", seal.short())]
    SealMissing {
        /// The seal that counts.
        seal: SealId,
    },
}
