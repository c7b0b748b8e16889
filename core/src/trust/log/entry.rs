//! What a leaf of the log says.

use serde::{Deserialize, Serialize};

use super::TreeHead;
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, Kind, Scope, TemplateId, Timestamp};
use crate::trust::control::{ActId, Whom};
use crate::trust::merkle::TreeHash;

/// The version of leaves written by this program. A leaf is hashed as the bytes it was written as, so
/// those of earlier versions stay what they are.
const LEAF_VERSION: u8 = 1;

/// No leaf is longer: ids, hashes and one signed head.
pub const LEAF_BYTES_MAX: usize = 512;

/// Why the hub did not put changes into the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Two changes under one name: a restored or cloned device.
    Equivocation,
    /// The document would not load again.
    Poison,
    /// It does not continue what is held.
    ChainBroken,
    /// The device may not write this.
    NotAllowed,
    /// What it builds on is missing.
    Orphan,
    /// A quota is used up.
    OverQuota,
    /// It cannot be read, or its signature does not hold.
    Unreadable,
    /// It builds on what was refused.
    OnRefused,
    /// The document would pass a limit.
    Full,
}

/// Why a session was turned away or ended by the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turned {
    /// The device is not known here, or its rights have ended.
    Stranger,
    /// It said what the protocol does not allow.
    Misbehaved,
    /// What it sent was not taken in, and no bytes of it are kept.
    NotKept,
    /// It asked what its role does not allow.
    NotAllowed,
    /// It pushed more than it may in a time; its packs were not read, and it keeps them.
    TooMuch,
}

/// What an administrator or auditor did. Variants are only ever added at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Told the hub of a device, or changed what it knows of one.
    Trust,
    /// Published a checklist.
    Publish,
    /// Said to have seen what the hub had lost.
    Acknowledge,
    /// Read the log: one entry for each session in which it was read, wherever the reading began.
    ReadLog,
    /// Asked how the hub is: one entry for each session.
    ReadStatus,
    /// Asked what waits or is set aside, and of whom: one entry for each session.
    ReadWaiting,
    /// Asked for what the hub then refused. Sessions of devices that may not ask are counted elsewhere
    /// ([`Turned::NotAllowed`]).
    Refused,
    /// Asked what is kept aside: one entry for each session in which it was listed, and one for each pack
    /// whose bytes were given; the hash is of the request then.
    ReadAside,
}

/// One thing that happened at the hub. Variants are only ever added at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogEntry {
    /// The log begins. Its record is that of the store's birth.
    Begun {
        /// The first epoch that is in the log.
        epoch: [u8; 16],
    },
    /// A new life of the hub's store begins.
    Epoch {
        /// It.
        epoch: [u8; 16],
        /// Records known to be lost by now.
        lost: u64,
        /// How many leaves of the lives before this one, from the first, are known to be all that there
        /// were; 0 where that is not known. What is beyond was lost.
        continues: u64,
    },
    /// Changes were stored and signed for: one leaf for each item of the receipt.
    Stored {
        /// Who brought them.
        from: DeviceId,
        /// Who signed them.
        device: DeviceId,
        /// The document.
        document: DocumentId,
        /// Whose line.
        actor: Actor,
        /// Place of the last change.
        seq: u64,
        /// That change.
        hash: ChangeHash,
    },
    /// Changes were set aside, and kept in quarantine.
    Refused {
        /// Who signed them.
        device: DeviceId,
        /// The document.
        document: DocumentId,
        /// Whose line.
        actor: Actor,
        /// Place of the last change.
        seq: u64,
        /// That change, or the digest of bytes that cannot be read.
        hash: ChangeHash,
        /// Why.
        why: Refusal,
    },
    /// Changes of one document entered the record.
    Merged {
        /// The document.
        document: DocumentId,
        /// Packs of changes.
        packs: u64,
    },
    /// Lines of one document end in the record.
    Closed {
        /// The document.
        document: DocumentId,
        /// How many.
        lines: u64,
    },
    /// A checklist is in force for everybody. Not written any more: see [`LogEntry::Object`].
    Published {
        /// It; nothing where the program that wrote the leaf could not read it.
        template: Option<TemplateId>,
    },
    /// What is known of a device was changed.
    Trusted {
        /// The device.
        device: DeviceId,
        /// It may exchange data.
        active: bool,
    },
    /// A record of a kind that has no entry of its own.
    Recorded {
        /// The kind's number.
        kind: u8,
    },
    /// Documents of one kind and unit were given to a device in one session.
    Read {
        /// The device.
        by: DeviceId,
        /// The kind.
        kind: Kind,
        /// The unit.
        scope: Scope,
        /// Packs and whole documents given.
        given: u64,
    },
    /// Sessions, or what was sent in them, were turned away: one entry a minute, however many there were.
    TurnedAway {
        /// Why.
        why: Turned,
        /// The device; nothing for all those that one minute has no room to name.
        device: Option<DeviceId>,
        /// How often.
        count: u64,
        /// Since when.
        since: Timestamp,
    },
    /// An administrator's or auditor's act.
    Administered {
        /// What.
        act: Act,
        /// By which device; the hub itself where it was told at its start.
        by: DeviceId,
        /// BLAKE3 of what was asked.
        hash: [u8; 32],
    },
    /// The proof of a document's receipts was given out, to travel with its export.
    Exported {
        /// To which device.
        by: DeviceId,
        /// The document.
        document: DocumentId,
    },
    /// A device showed a head that this hub has signed and whose log it does not hold: the hub was set
    /// back to a copy, and nothing about its files showed it.
    Surpassed {
        /// The device.
        by: DeviceId,
        /// The head; nothing where it was a place in the feed that told it.
        head: Option<TreeHead>,
    },
    /// A checklist was put in force for everybody.
    Object {
        /// BLAKE3 of its file.
        hash: [u8; 32],
    },
    /// A decision was entered into the control log of a unit.
    Entered {
        /// It.
        act: ActId,
        /// The unit.
        scope: Scope,
        /// The device that signed it.
        by: DeviceId,
        /// What kind of decision: the number of [`Deed`](crate::trust::control::Deed)'s variant.
        deed: u8,
        /// Whose rights it is about, where it is about one device's or person's.
        whom: Option<Whom>,
    },
    /// What belonged into the log and is not in it: the disk took nothing, and there were more entries than
    /// can wait.
    Unrecorded {
        /// How many entries.
        count: u64,
    },
    /// The clock of a device was far from the hub's when an exchange began. What it says of time is a claim, and
    /// nothing was refused for it.
    ClockOff {
        /// The device.
        device: DeviceId,
        /// By how many milliseconds it was ahead; behind where negative.
        ahead_ms: i64,
    },
}

/// A leaf: an entry, when it was made, and the record that it was computed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLeaf {
    /// BLAKE3 of the record's kind and payload: the whole record cannot be changed without the leaf.
    pub record: [u8; 32],
    /// When, by the hub's clock; 0 where the record does not say.
    pub at: Timestamp,
    /// What happened.
    pub entry: LogEntry,
}

impl LogLeaf {
    /// Returns the bytes that are hashed and kept: a version and the leaf in postcard.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![LEAF_VERSION])
            .expect("a leaf holds only sized fields and enums, which always encode")
    }

    /// Reads a leaf back; `None` for what is none, or was written by a later program. What it is worth is
    /// for the tree to say.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&LEAF_VERSION, rest) if bytes.len() <= LEAF_BYTES_MAX => {
                let (leaf, left) = postcard::take_from_bytes(rest).ok()?;
                left.is_empty().then_some(leaf)
            }
            _ => None,
        }
    }

    /// Returns the leaf's hash in the tree.
    #[must_use]
    pub fn hash(&self) -> TreeHash {
        TreeHash::of_leaf(&self.encode())
    }
}
