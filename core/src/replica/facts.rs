//! What the journal keeps: one [`Fact`] a record.
//!
//! Format: the record's kind is the fact's number, its payload one version byte and the fact in
//! postcard. Numbers are never used again for something else; a fixture of each is kept.

use serde::{Deserialize, Serialize};

use super::ReplicaError;
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, Incarnation, Scope, Timestamp,
};
use crate::store::{Position, Record, StoreError};
use crate::sync::{DeviceEntry, FeedItem, FeedPosition, Notice};
use crate::trust::HubReceipt;

/// The version of the payload written by this program.
const FACT_VERSION: u8 = 1;

/// Where a pack stands: the record that brought it and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackPlace {
    /// Position of the record.
    pub at: u64,
    /// Index among the packs of the record.
    pub index: u32,
}

/// Why a device took a fresh incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Renewal {
    /// The store's files are not where they were: restored, copied or cloned; or records of it are
    /// lost.
    Moved,
    /// The hub holds another line of changes under the same name.
    Equivocation,
    /// The hub holds changes of this device that this store never made.
    Cloned,
}

/// A pack that entered the record, with what its feed entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedPack {
    /// Where it stands.
    pub place: PackPlace,
    /// Who wrote it.
    pub actor: Actor,
    /// That actor's device.
    pub device: DeviceId,
    /// And incarnation.
    pub incarnation: Incarnation,
    /// Its last change.
    pub seq: u64,
    /// The hash of its last change.
    pub tip: ChangeHash,
}

/// An edit of a forked line that was made anew under another actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Where the document's list of sources named it.
    pub place: PackPlace,
    /// The old name.
    pub actor: Actor,
    /// The old number.
    pub seq: u64,
}

/// A pack that the hub will not put into the record, and whom to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The pack's signer, who is told.
    pub device: DeviceId,
    /// What the signer is told.
    pub notice: Notice,
    /// The bytes, kept verbatim as evidence; empty if they already stand in an accepted record.
    pub bytes: Vec<u8>,
}

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// The store was made.
    Born {
        /// The device, or the hub's own key.
        device: DeviceId,
        /// The first incarnation; for a hub, its first epoch.
        incarnation: Incarnation,
        /// When, by this machine's clock.
        at: Timestamp,
    },
    /// A fresh incarnation (phone) or epoch (hub): nothing is written under the old one any more.
    Incarnated {
        /// The new one.
        incarnation: Incarnation,
        /// Why.
        why: Renewal,
        /// Records that the store has reported as lost by now: what they held is asked for once.
        lost: u64,
        /// When.
        at: Timestamp,
    },
    /// One edit made on this device.
    Changed {
        /// The document.
        genesis: Genesis,
        /// The Automerge change.
        change: Vec<u8>,
        /// When.
        at: Timestamp,
    },
    /// Own edits, signed and ready to travel. From here on their bytes stay the same.
    Released {
        /// Encoded packs.
        packs: Vec<Vec<u8>>,
        /// When.
        at: Timestamp,
    },
    /// What the hub or a peer sent, and the position reached with it.
    Received {
        /// Feed items.
        items: Vec<FeedItem>,
        /// The new position, if the sender gave one.
        position: Option<FeedPosition>,
        /// When.
        at: Timestamp,
    },
    /// The hub's signature that it has stored packs.
    Receipted {
        /// The receipt.
        receipt: HubReceipt,
    },
    /// What the hub did not put into the record.
    Noticed {
        /// The number of the last notice.
        upto: u64,
        /// The notices.
        notices: Vec<Notice>,
    },
    /// Hub: packs taken in, not yet merged; and those set aside.
    Accepted {
        /// Who brought them.
        from: DeviceId,
        /// Encoded packs.
        packs: Vec<Vec<u8>>,
        /// Authentic packs that may not enter the record.
        quarantined: Vec<Quarantined>,
        /// When.
        at: Timestamp,
    },
    /// Hub: packs of one document merged; each gets the next number of the feed, in this order.
    Merged {
        /// The document.
        document: DocumentId,
        /// Its scope, which decides who sees the feed entries.
        scope: Scope,
        /// Merged packs, causes before effects.
        merged: Vec<MergedPack>,
        /// Packs whose causes are not here yet.
        parked: Vec<PackPlace>,
        /// Packs that must not be merged.
        refused: Vec<(PackPlace, Quarantined)>,
        /// When.
        at: Timestamp,
    },
    /// Hub: an immutable object (a template) for everybody.
    Published {
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Hub: a device it was told of.
    Trusted {
        /// The device.
        entry: DeviceEntry,
    },
    /// Phone: the hub holds another line of this actor; ours is taken out of what we offer.
    Forked {
        /// The document.
        document: DocumentId,
        /// The actor with two lines.
        actor: Actor,
    },
    /// Phone: the hub's line of a forked actor was taken, our own edits were made anew under a fresh
    /// actor. The originals stay in the journal.
    Adopted {
        /// The document.
        genesis: Genesis,
        /// The actor with two lines.
        actor: Actor,
        /// Under which our edits are made anew: named after them, so that clones agree.
        incarnation: Incarnation,
        /// The hub's line.
        packs: Vec<Vec<u8>>,
        /// Our edits, renamed.
        resubmitted: Vec<Vec<u8>>,
        /// Our edits under the old name, which the document no longer holds.
        replaced: Vec<Replaced>,
        /// When.
        at: Timestamp,
    },
}

impl Fact {
    /// Returns the number of this kind of fact.
    fn kind(&self) -> u8 {
        match self {
            Self::Born { .. } => 1,
            Self::Incarnated { .. } => 2,
            Self::Changed { .. } => 3,
            Self::Released { .. } => 4,
            Self::Received { .. } => 5,
            Self::Receipted { .. } => 6,
            Self::Noticed { .. } => 7,
            Self::Accepted { .. } => 8,
            Self::Merged { .. } => 9,
            Self::Published { .. } => 10,
            Self::Trusted { .. } => 11,
            Self::Forked { .. } => 12,
            Self::Adopted { .. } => 13,
        }
    }

    /// Encodes the fact for the journal.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Encode`] when a part does not encode.
    pub fn record(&self) -> Result<Record, ReplicaError> {
        let payload = postcard::to_extend(self, vec![FACT_VERSION])
            .map_err(|source| ReplicaError::Encode { what: "journal record", source })?;
        Ok(Record { kind: self.kind(), payload })
    }

    /// Reads a fact back.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Newer`] for a record of a later program and [`StoreError::Meaningless`]
    /// for bytes that are no fact.
    pub fn read(at: Position, record: &Record) -> Result<Self, StoreError> {
        let wrong = |reason: String| StoreError::Meaningless { at, kind: record.kind, reason };
        match record.payload.split_first() {
            Some((&FACT_VERSION, rest)) => {
                let (fact, left) = postcard::take_from_bytes::<Self>(rest)
                    .map_err(|error| wrong(error.to_string()))?;
                if !left.is_empty() {
                    return Err(wrong(format!("{} bytes too many", left.len())));
                }
                if fact.kind() != record.kind {
                    return Err(wrong(format!("it holds a fact of kind {}", fact.kind())));
                }
                Ok(fact)
            }
            Some((&version, _)) if version > FACT_VERSION => Err(StoreError::Newer {
                what: format!("journal record {}", at.0),
                found: version.into(),
                known: FACT_VERSION.into(),
            }),
            Some((version, _)) => Err(wrong(format!("format {version} is unknown"))),
            None => Err(wrong("it is empty".to_owned())),
        }
    }

    /// Returns the packs that a [`PackPlace`] of this record counts.
    #[must_use]
    pub fn packs(&self) -> Vec<&[u8]> {
        match self {
            Self::Released { packs, .. }
            | Self::Accepted { packs, .. }
            | Self::Adopted { packs, .. } => packs.iter().map(Vec::as_slice).collect(),
            Self::Received { items, .. } => items
                .iter()
                .filter_map(|item| match item {
                    FeedItem::Pack(bytes) => Some(bytes.as_slice()),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}
