//! What the journal keeps: one [`Fact`] a record.
//!
//! Format: the record's kind is the fact's number, its payload one version byte and the fact in
//! postcard. Numbers are never used again for something else; a fixture of each is kept.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ReplicaError;
use super::short::{self, SHORT_VERSION};
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, Incarnation, Scope, TemplateId, Timestamp,
};
use crate::store::{Position, RECORD_BYTES_MAX, Record, StoreError};
use crate::sync::{ClosedLine, FeedItem, FeedPosition, Notice, PlainEntry, Want, bytes::list};
use crate::trust::control::ActId;
use crate::trust::enrolment::{Claim, InvitationId, SignedInvitation};
use crate::trust::log::{Doubt, LogEntry, Release, TreeHead};
use crate::trust::merkle::TreeHash;
use crate::trust::{Attestation, HubMark, HubReceipt, Tip};

/// The version of the payload written by this program.
const FACT_VERSION: u8 = 1;

/// The highest number of a kind. One above it is a later program's; one not used below it was never written.
const KIND_MAX: u8 = 65;

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
    /// The store's files are not where they were: restored, copied or cloned; or records of it are lost.
    Moved,
    /// The hub holds another line of changes under the same name.
    Equivocation,
    /// The hub holds changes of this device that this store never made.
    Cloned,
    /// The hub closed a line of this device: what follows has another name.
    Closed,
    /// A person said that the store was set back to a copy, which nothing about its files shows.
    Restored,
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

/// An own edit that was made anew under another actor, or that a fork left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Where the document's list of sources named it.
    pub place: PackPlace,
    /// The old name.
    pub actor: Actor,
    /// The old number.
    pub seq: u64,
}

/// An own edit that is not in the record, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Where the document's list of sources named it.
    pub place: PackPlace,
    /// The name it was made under.
    pub actor: Actor,
    /// Its number.
    pub seq: u64,
    /// The change that the hub refused: this one, or one that it builds on.
    pub culprit: ChangeHash,
    /// Places of the operations that were not made anew; empty for the whole edit.
    pub operations: Vec<u32>,
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

/// What a store had lost when it was opened. One of nothing says that the store was set back to a copy:
/// how much that is cannot be known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Records that are gone.
    pub lost: u64,
    /// Not even how many there were is known: the store began anew.
    pub everything: bool,
    /// Files that were set aside, by their names in the store's folder.
    pub set_aside: Vec<String>,
}

/// A pack that is here whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPack {
    /// Where it stands.
    pub place: PackPlace,
    /// Its first change.
    pub first_seq: u64,
    /// The end of the line that it continues.
    pub previous: Option<Tip>,
    /// Its end, and who signed it.
    pub attestation: Attestation,
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
        /// Records that the store has reported as lost by now: what they held is asked for once. The
        /// highest number says that a fresh one is on its way, and nothing else.
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
        #[serde(with = "list")]
        packs: Vec<Vec<u8>>,
        /// When.
        at: Timestamp,
    },
    /// What the hub sent, and the position reached with it.
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
        #[serde(with = "list")]
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
        /// Packs whose causes are not here yet, and who signed them.
        parked: Vec<(PackPlace, DeviceId)>,
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
        entry: PlainEntry,
    },
    /// Phone: the hub holds another line of this actor; the one here, ours or another device's, is no longer offered.
    /// It stays in the document until the hub's is here whole.
    Forked {
        /// The document.
        document: DocumentId,
        /// The actor with two lines.
        actor: Actor,
    },
    /// Phone: own edits that cannot stay as they are were made anew under a fresh actor, or own edits came back from
    /// the hub. The originals stay in the journal.
    Adopted {
        /// The document.
        genesis: Genesis,
        /// The actor whose line is the cause.
        actor: Actor,
        /// Under which our edits are made anew: named after them, so that clones agree.
        incarnation: Incarnation,
        /// What came back of the line.
        packs: Vec<Vec<u8>>,
        /// Our edits, renamed.
        resubmitted: Vec<Vec<u8>>,
        /// Our edits under the old name, which the document no longer holds.
        replaced: Vec<Replaced>,
        /// When.
        at: Timestamp,
    },
    /// Phone: it may see more than before, so its position in the feed says nothing any more.
    Lagging,
    /// Phone: another phone brought packs that the hub may not have, and checklists to open them.
    Met {
        /// The phone that brought them; the packs say who wrote them.
        from: DeviceId,
        /// Packs and objects.
        items: Vec<FeedItem>,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub was offered these packs of others and did not take them. They are neither
    /// shown nor offered again; their bytes stay in the journal.
    Declined {
        /// Document, actor and last number of each pack.
        packs: Vec<(DocumentId, Actor, u64)>,
        /// When.
        at: Timestamp,
    },
    /// Hub: lines of one document that end in the record, because what follows was refused.
    Closed {
        /// The lines; each gets a number of the feed.
        lines: Vec<ClosedLine>,
        /// All changes of the refused packs, each with the change that is at fault: what builds on
        /// one can never be merged.
        changes: Vec<(ChangeHash, ChangeHash)>,
        /// The document.
        document: DocumentId,
        /// Its scope, which decides who sees the feed entries.
        scope: Scope,
        /// When.
        at: Timestamp,
    },
    /// Phone: own edits that did not enter the record and were not, or not wholly, made anew.
    Rejected {
        /// The document.
        document: DocumentId,
        /// The edits; their bytes stay in the journal.
        edits: Vec<Rejected>,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub's store lives another life than when it signed for this device's edits. They
    /// count as stored again once the two have compared.
    Restored {
        /// That life.
        epoch: [u8; 16],
    },
    /// Phone: the hub lacks own edits that it had signed for; they are to be sent again.
    Lacking {
        /// From where on.
        wants: Vec<Want>,
    },
    /// Phone: the hub cannot read these packs and keeps nothing of them. They stay here, and are
    /// offered again later: a newer hub may read them.
    HeldBack {
        /// Document, actor and last number of each pack.
        packs: Vec<(DocumentId, Actor, u64)>,
        /// The life of the hub's store that said so.
        epoch: [u8; 16],
        /// When.
        at: Timestamp,
    },
    /// Opening the store found that something is gone; told until a person has seen it.
    Troubled {
        /// What.
        trouble: Trouble,
        /// When.
        at: Timestamp,
    },
    /// A person has seen what was found when the store was opened.
    Acknowledged {
        /// All that stands in the journal up to this position.
        upto: u64,
        /// When.
        at: Timestamp,
    },
    /// Phone of an administrator: the hub's store holds these checklists, in its present life.
    Returned {
        /// Which.
        templates: Vec<TemplateId>,
        /// That life.
        epoch: [u8; 16],
    },
    /// Phone: the hub's line of a forked actor is here whole. What was here under its name before the
    /// fork was noticed, and is not in that line, is in no document any more.
    Followed {
        /// The document.
        document: DocumentId,
        /// The actor with two lines.
        actor: Actor,
        /// Own edits that continue the hub's line as it is now: they are to be sent again.
        left: Vec<Replaced>,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub keeps these packs of others, and lacks what comes before them, or has judged them
    /// since they were held back. They are not offered again to this life of its store.
    Kept {
        /// Document, actor and last number of each pack.
        packs: Vec<(DocumentId, Actor, u64)>,
        /// That life.
        epoch: [u8; 16],
    },
    /// Hub: what leaves no record otherwise and belongs into the log.
    Audited {
        /// One leaf each.
        entries: Vec<LogEntry>,
        /// When.
        at: Timestamp,
    },
    /// Phone: a head of the hub's log.
    Witnessed {
        /// The hub's key, which signed it.
        hub: DeviceId,
        /// The head.
        head: TreeHead,
        /// Another phone was shown it, and the hub has yet to continue it here. Nothing where the hub
        /// showed it and continued what was kept.
        heard: Option<DeviceId>,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub's log does not hold together, or an administrator's word to go on.
    Doubted {
        /// What.
        word: DoubtWord,
        /// When.
        at: Timestamp,
    },
    /// Hub: entries of control logs, numbered and signed.
    Controlled {
        /// Encoded, in the order in which they count.
        entries: Vec<Vec<u8>>,
    },
    /// Phone: the key of the hub whose word on rights counts from here on.
    Pinned {
        /// The key.
        hub: DeviceId,
    },
    /// Phone: something was decided and signed here; it counts once the hub has entered it.
    Acted {
        /// The encoded act.
        act: Vec<u8>,
    },
    /// Phone: the hub does not enter an act of this device, and a person has been told.
    Dropped {
        /// Which.
        act: ActId,
    },
    /// Phone: a life of the hub's store was given what earlier lives had entered into control logs.
    Reminded {
        /// That life.
        epoch: [u8; 16],
        /// Up to which row of the index.
        upto: Vec<u8>,
    },
    /// Phone: the hub refused an act of this device; it is asked again only when a right comes back.
    Unentered {
        /// Which.
        act: ActId,
    },
    /// Phone: the hub has shown how heads that other phones had been shown stand in its log.
    Accounted {
        /// Which.
        heads: Vec<HeadName>,
        /// When.
        at: Timestamp,
    },
    /// Hub: how its log was when this was written. A program that computes it otherwise finds out.
    Marked {
        /// Leaves.
        size: u64,
        /// The hash of the tree over them.
        root: TreeHash,
    },
    /// Phone: minutes were sealed here; they are registered once the hub has entered the act.
    Signed {
        /// The encoded act that registers the seal.
        act: Vec<u8>,
        /// The encoded seal.
        seal: Vec<u8>,
    },
    /// Hub: a seal that was presented; it is registered once the record here holds its heads.
    Presented {
        /// The encoded act that registers it.
        act: Vec<u8>,
        /// The encoded seal.
        seal: Vec<u8>,
        /// When.
        at: Timestamp,
    },
    /// Phone: another phone brought a seal that the hub may not have.
    HeardSeal {
        /// The encoded act that registers it.
        act: Vec<u8>,
        /// The encoded seal.
        seal: Vec<u8>,
        /// The phone that brought it.
        from: DeviceId,
        /// When.
        at: Timestamp,
    },
    /// Phone: a life of the hub's store holds a seal that is not registered yet, or refuses it.
    SealAnswered {
        /// The act that registers it.
        act: ActId,
        /// That life.
        epoch: [u8; 16],
        /// It will not be registered.
        refused: bool,
    },
    /// Hub: a seal that was presented does not hold against the record, or its signer may not decide.
    SealRefused {
        /// The act that would register it.
        act: ActId,
        /// When.
        at: Timestamp,
    },
    /// Hub: a device may claim an invitation.
    Invited {
        /// By whom, and where.
        signed: SignedInvitation,
        /// When.
        at: Timestamp,
    },
    /// Hub: a device has claimed one.
    Claimed {
        /// Its claim.
        claim: Claim,
        /// When.
        at: Timestamp,
    },
    /// Hub: the administrator turned an invitation down.
    Denied {
        /// Which.
        invitation: InvitationId,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub's signed word on how far its feed is merged, and on a second disk.
    HubMarked {
        /// The mark.
        mark: HubMark,
    },
    /// Hub: its second disk holds the feed up to a place, synced and read back.
    BackedUp {
        /// The life of the hub's store.
        epoch: [u8; 16],
        /// Entries of the feed.
        number: u64,
        /// When.
        at: Timestamp,
    },
    /// Phone: by which announcements the hub's keys follow each other, and which of them is pinned from here
    /// on. It is the same hub: all that is known of it stays.
    Succeeded {
        /// The pinned key.
        hub: DeviceId,
        /// The announcements that were not known, as encoded acts.
        acts: Vec<Vec<u8>>,
        /// When.
        at: Timestamp,
    },
    /// Phone: rights may have come back to the hub; what it refused of this device is asked once more.
    AskedAgain,
    /// Hub: a seal that holds was not registered because its signer may not decide that now; it may be
    /// presented again.
    SealUnentered {
        /// The act that would register it.
        act: ActId,
        /// When.
        at: Timestamp,
    },
    /// Hub: it signs with the key that it announced from here on.
    Switched {
        /// That key.
        hub: DeviceId,
        /// When.
        at: Timestamp,
    },
    /// Phone: a person gave up minutes that were sealed here and that no hub registers.
    SealDropped {
        /// The act that would register them.
        act: ActId,
        /// Why, as the person says.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// Phone: the hub says that it does not keep minutes any more that it kept; they are sent whole again.
    SealForgotten {
        /// The act that registers them.
        act: ActId,
    },
    /// Hub: an administrator was shown minutes that never will be registered, because the rights of who signed
    /// them were ended, and says so: they are kept, and named no more.
    SealsSeen {
        /// The acts that would have registered them.
        acts: Vec<ActId>,
        /// When.
        at: Timestamp,
    },
    /// A document as it was saved, for records that were shortened: their packs and changes are told again
    /// from it. A later one of the same document holds all that this one does.
    Saved {
        /// The document.
        document: DocumentId,
        /// It, saved by Automerge and compressed; empty once a later one is there.
        bytes: Vec<u8>,
        /// When.
        at: Timestamp,
    },
    /// The saved form of a document is lost, and with it what shortened records held of it: it counts as not here
    /// until a peer brings it again. One that names nothing gone goes on with the one before it.
    Unsaved {
        /// The document.
        document: DocumentId,
        /// Its packs that cannot be told again.
        packs: Vec<PackPlace>,
        /// Positions of own edits that cannot be.
        changes: Vec<u64>,
        /// Its packs that are here whole, in order.
        kept: Vec<KeptPack>,
        /// When.
        at: Timestamp,
    },
    /// What is kept of a [`Fact::Changed`] in a shortened record where an earlier record of the same part of
    /// the journal says what the document was born as.
    Typed {
        /// The document.
        document: DocumentId,
        /// Who made the change.
        actor: Actor,
        /// Its number.
        seq: u64,
        /// When.
        at: Timestamp,
    },
}

/// Which head of the hub's log it is: two with one life and size may have different hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HeadName {
    /// The life of the hub's store.
    pub epoch: [u8; 16],
    /// Leaves.
    pub size: u64,
    /// The hash of the tree.
    pub root: TreeHash,
}

impl From<&TreeHead> for HeadName {
    fn from(head: &TreeHead) -> Self {
        let TreeHead { epoch, size, root, .. } = *head;
        Self { epoch, size, root }
    }
}

/// What is said of a doubt in the hub's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoubtWord {
    /// Two heads are not of one log.
    Found(Doubt),
    /// An administrator lets this device go on. What was kept of the log stays in the journal; the next
    /// head that the hub shows counts as the first.
    Released(Release),
}

/// Bytes of one record that may hold much: half of what a record may, for the fields around them.
pub(super) const PIECE_BYTES_MAX: usize = RECORD_BYTES_MAX / 2;

/// Cuts what a record would hold into pieces that each fit one; committed together they are one.
pub(super) fn pieces<T>(
    things: impl Iterator<Item = T>,
    weight: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let mut pieces: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for thing in things {
        bytes += weight(&thing);
        match pieces.last_mut() {
            Some(piece) if bytes <= PIECE_BYTES_MAX => piece.push(thing),
            _ => {
                bytes = weight(&thing);
                pieces.push(vec![thing]);
            }
        }
    }
    pieces
}

impl Fact {
    /// The number of a receipt, for who looks for receipts alone.
    pub(super) const RECEIPTED: u8 = 6;

    /// Returns the number of this kind of fact.
    pub(super) fn kind(&self) -> u8 {
        match self {
            Self::Born { .. } => 1,
            Self::Incarnated { .. } => 2,
            Self::Changed { .. } | Self::Typed { .. } => 3,
            Self::Released { .. } => 4,
            Self::Received { .. } => 5,
            Self::Receipted { .. } => Self::RECEIPTED,
            Self::Noticed { .. } => 7,
            Self::Accepted { .. } => 8,
            Self::Merged { .. } => 9,
            Self::Published { .. } => 10,
            Self::Trusted { .. } => 11,
            Self::Forked { .. } => 12,
            Self::Adopted { .. } => 13,
            Self::Lagging => 14,
            Self::Met { .. } => 15,
            Self::Declined { .. } => 16,
            Self::Closed { .. } => 17,
            Self::Rejected { .. } => 18,
            Self::Restored { .. } => 19,
            Self::Lacking { .. } => 20,
            Self::HeldBack { .. } => 21,
            Self::Troubled { .. } => 22,
            Self::Acknowledged { .. } => 23,
            Self::Returned { .. } => 24,
            Self::Followed { .. } => 25,
            Self::Kept { .. } => 26,
            Self::Audited { .. } => 27,
            Self::Witnessed { .. } => 28,
            Self::Doubted { .. } => 29,
            Self::Controlled { .. } => 30,
            Self::Pinned { .. } => 31,
            Self::Acted { .. } => 32,
            Self::Dropped { .. } => 33,
            Self::Reminded { .. } => 34,
            Self::Unentered { .. } => 65,
            Self::Accounted { .. } => 60,
            Self::Marked { .. } => 61,
            Self::Signed { .. } => 40,
            Self::Presented { .. } => 41,
            Self::HeardSeal { .. } => 42,
            Self::SealAnswered { .. } => 43,
            Self::SealRefused { .. } => 44,
            Self::Invited { .. } => 35,
            Self::Claimed { .. } => 36,
            Self::Denied { .. } => 37,
            Self::HubMarked { .. } => 55,
            Self::BackedUp { .. } => 56,
            Self::Succeeded { .. } => 38,
            Self::Switched { .. } => 39,
            Self::AskedAgain => 57,
            Self::SealUnentered { .. } => 58,
            Self::SealDropped { .. } => 45,
            Self::SealForgotten { .. } => 46,
            Self::SealsSeen { .. } => 47,
            Self::Saved { .. } => 48,
            Self::Unsaved { .. } => 49,
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

    /// Fails for a record of a later program: of a version or a kind that is not known here.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Newer`].
    pub(super) fn expect_known(at: Position, record: &Record) -> Result<(), StoreError> {
        let newer = |what: String, found: u8, known: u8| {
            Err(StoreError::Newer { what, found: found.into(), known: known.into() })
        };
        match record.payload.first() {
            Some(version) if *version > SHORT_VERSION => {
                newer(format!("journal record {}", at.0), *version, SHORT_VERSION)
            }
            _ if record.kind > KIND_MAX => {
                newer(format!("the kind of journal record {}", at.0), record.kind, KIND_MAX)
            }
            _ => Ok(()),
        }
    }

    /// Reads a fact back.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Newer`] for a record of a later program and [`StoreError::Meaningless`]
    /// for bytes that are no fact.
    pub fn read(at: Position, record: &Record) -> Result<Self, StoreError> {
        Self::expect_known(at, record)?;
        let wrong = |reason: String| StoreError::Meaningless { at, kind: record.kind, reason };
        match record.payload.split_first() {
            Some((&(FACT_VERSION | SHORT_VERSION), rest)) => {
                let short = short::written_hash(record).is_some();
                let rest = match short {
                    true => short::fact_bytes(&record.payload)
                        .ok_or_else(|| wrong("what is kept of it cannot be read".to_owned()))?,
                    false => Cow::Borrowed(rest),
                };
                let (fact, left) = postcard::take_from_bytes::<Self>(&rest)
                    .map_err(|error| wrong(error.to_string()))?;
                if !left.is_empty() {
                    return Err(wrong(format!("{} bytes too many", left.len())));
                }
                if fact.kind() != record.kind {
                    return Err(wrong(format!("it holds a fact of kind {}", fact.kind())));
                }
                Ok(fact)
            }
            Some((version, _)) => Err(wrong(format!("format {version} is unknown"))),
            None => Err(wrong("it is empty".to_owned())),
        }
    }

    /// Returns the pack that a [`PackPlace`] of this record names by its index.
    #[must_use]
    pub fn pack(&self, index: u32) -> Option<&[u8]> {
        let index = usize::try_from(index).ok()?;
        match self {
            Self::Released { packs, .. }
            | Self::Accepted { packs, .. }
            | Self::Adopted { packs, .. } => packs.get(index).map(Vec::as_slice),
            Self::Received { items, .. } | Self::Met { items, .. } => items
                .iter()
                .filter_map(|item| match item {
                    FeedItem::Pack(bytes) => Some(bytes.as_slice()),
                    _ => None,
                })
                .nth(index),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
