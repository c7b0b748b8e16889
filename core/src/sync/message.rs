//! What frames carry: requests, feed items, verdicts. Values only.

use serde::{Deserialize, Serialize};

use super::bytes;
use super::log::{LogAnswer, LogRequest};
use super::quarantine::{QuarantineAnswer, QuarantineRequest};
use super::seals::SealsWaiting;
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, Scope, TemplateId, Timestamp,
};
use crate::trust::enrolment::{Claim, EnrolRefusal, InvitationId, SignedInvitation};
use crate::trust::seal::SealId;
use crate::trust::{Attestation, HubMark, PlainEntry, Signature};

/// A place in a hub's feed. A phone keeps one for all documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeedPosition {
    /// The life of the hub's store; fresh after a restore.
    pub epoch: [u8; 16],
    /// Entries before and with this place.
    pub number: u64,
    /// The chained hash of those entries.
    pub chain: [u8; 32],
}

/// "Send me this actor's changes from here on."
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Want {
    /// The document.
    pub document: DocumentId,
    /// The actor.
    pub actor: Actor,
    /// The first change wanted.
    pub from_seq: u64,
}

/// A whole document for a phone that holds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What the document was born as.
    pub genesis: Genesis,
    /// The document, saved by Automerge without compression.
    #[serde(with = "bytes")]
    pub bytes: Vec<u8>,
    /// One per actor, so that the phone can check who wrote what.
    pub attestations: Vec<Attestation>,
}

/// One entry of what a hub sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedItem {
    /// An encoded [`super::Pack`] that was merged.
    Pack(#[serde(with = "bytes")] Vec<u8>),
    /// The receiver's own pack was merged: not sent back, only named.
    Yours {
        /// The document.
        document: DocumentId,
        /// The receiver's actor.
        actor: Actor,
        /// Place of the last change merged.
        seq: u64,
    },
    /// An immutable object (a template's JSON), named by its hash.
    Object {
        /// Its bytes.
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    },
    /// A device, as a hub without a control log knew it. Only old journals hold any.
    Device(PlainEntry),
    /// A whole document.
    Snapshot(Snapshot),
    /// A slice of an encoded [`Snapshot`] that is too long for one frame. Sessions cut and join
    /// them; drivers never see one.
    SnapshotPart {
        /// The document.
        document: DocumentId,
        /// From 0.
        index: u32,
        /// How many slices there are.
        count: u32,
        /// The slice.
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    },
    /// An actor's line ends in the record.
    Closed(ClosedLine),
    /// A part of a long pack. Sessions cut and join them; drivers never see one.
    PackPart {
        /// From 0.
        index: u32,
        /// How many parts there are.
        count: u32,
        /// The part.
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    },
    /// An encoded entry of a control log ([`crate::trust::control::ControlEntry`]).
    Control(#[serde(with = "bytes")] Vec<u8>),
    /// An encoded [`crate::trust::seal::Seal`] of a document that the receiver reads.
    Seal(#[serde(with = "bytes")] Vec<u8>),
}

/// What became of a change that was not merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Another change holds this (actor, seq): the device was restored or cloned. Kept aside.
    Equivocation,
    /// With it the document would not load again. Kept aside.
    Poison,
    /// It does not continue what the hub holds of the actor.
    ChainBroken,
    /// The device may not write this document. Kept aside.
    NotAllowed,
    /// It builds on changes that nobody has sent yet; it waits. Kept aside until they come.
    Orphan,
    /// A quota of the hub for this device is used up: for what is set aside, or what waits. It was not
    /// kept, and may be taken another time.
    OverQuota,
    /// The hub cannot read the pack, or its signature does not hold: damage, or a newer program. It
    /// was not kept.
    Unreadable,
    /// It builds on a change that was refused. Its device makes it anew without that one.
    OnRefused,
    /// The document would pass a limit with it. Kept aside.
    Full,
}

impl Verdict {
    /// Returns whether the hub keeps what it judged so. Of what it does not keep, the phone that
    /// holds it may have the only copy.
    #[must_use]
    pub fn is_kept(self) -> bool {
        !matches!(self, Self::Unreadable | Self::OverQuota)
    }

    /// Returns whether a supervisor may decide that what is kept so enters the record after all: where
    /// only the right to write it is missing, or what comes before it. What would damage the record, and
    /// a second line under one name, stay out.
    #[must_use]
    pub fn may_be_admitted(self) -> bool {
        matches!(self, Self::NotAllowed | Self::Orphan)
    }
}

/// The end of an actor's line in the record: the hub refused what follows, for good. Whoever holds
/// more of the line takes it out, so that all replicas stay equal; its author's device keeps what
/// was typed and makes anew what can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedLine {
    /// The document.
    pub document: DocumentId,
    /// Whose line.
    pub actor: Actor,
    /// The first change that stays out.
    pub from_seq: u64,
    /// The change that was refused in itself; of this line or of one that it builds on.
    pub culprit: ChangeHash,
    /// Why that one was refused.
    pub verdict: Verdict,
    /// The proof of the change before `from_seq`, which is the line's last now.
    pub before: Option<Attestation>,
}

/// The hub's word on a change that was not merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The document.
    pub document: DocumentId,
    /// Whose change.
    pub actor: Actor,
    /// Its place.
    pub seq: u64,
    /// The change; the digest of the pack's bytes where they are [`Verdict::Unreadable`].
    pub hash: ChangeHash,
    /// What became of it.
    pub verdict: Verdict,
}

/// A receipt without what the phone knows of it: in place of what is durable, where in this session that was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// When, by the hub's clock.
    pub stored_at: Timestamp,
    /// By the hub's key, over the whole [`crate::trust::HubReceipt`].
    pub signature: Signature,
    /// Runs of places among the phone's [`super::Names`]: the first, and how many.
    pub places: Vec<(u32, u32)>,
}

/// A wish of an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminRequest {
    /// Add a device or change what is known of it.
    TrustDevice(PlainEntry),
    /// Add a template.
    PublishObject {
        /// Its JSON.
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    },
    /// Say how the hub is.
    Status,
    /// Say what waits, and for what.
    Waiting,
    /// Somebody has seen what the hub's store had lost.
    Acknowledge,
    /// Show the log; an auditor may ask this too.
    Log(LogRequest),
    /// Enter decisions into the control log. Anybody may ask; whether the signer may decide it is asked
    /// of the log.
    Enter {
        /// Encoded [`crate::trust::control::SignedAct`]s, each entered or none.
        #[serde(with = "bytes::list")]
        acts: Vec<Vec<u8>>,
    },
    /// Take back entries of the control log that an earlier life of the hub's store had signed.
    TakeBack {
        /// Encoded [`crate::trust::control::ControlEntry`]s.
        #[serde(with = "bytes::list")]
        entries: Vec<Vec<u8>>,
    },
    /// Register sealed minutes. Anybody may ask; whether the signer may decide it is asked of the control
    /// log, and whether the seal holds, of the record. It is done once the hub keeps the seal; that it is
    /// registered shows in the control log.
    Seal {
        /// The encoded act that registers it.
        #[serde(with = "bytes")]
        act: Vec<u8>,
        /// The encoded [`crate::trust::seal::Seal`]; empty where the hub has said that it keeps it.
        #[serde(with = "bytes")]
        seal: Vec<u8>,
    },
    /// Let one phone claim an invitation.
    Invite(SignedInvitation),
    /// Give the claim of an invitation of this device, if there is one.
    Claimed(InvitationId),
    /// Turn an invitation of this device down.
    Deny(InvitationId),
    /// Sign how far the feed is merged and backed up. Anybody may ask.
    Mark,
    /// Say how the second disk is.
    Backup,
    /// Show what is kept aside; a supervisor or auditor may ask this too.
    Quarantine(QuarantineRequest),
    /// Say which official numbers stand on the minutes of several documents.
    Numbers,
    /// Say which sealed minutes wait, and for what.
    Seals,
    /// Somebody has seen these of them, as far as they never will be registered: they are named no more.
    SeenSeals(Vec<SealId>),
}

/// The answer to an [`AdminRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminAnswer {
    /// It was done and is durable.
    Done,
    /// How the hub is.
    Status(HubStatus),
    /// It was not done.
    Refused(Failure),
    /// What waits, and for what.
    Waiting(HubWaiting),
    /// Of the log.
    Log(LogAnswer),
    /// The invitation is open.
    Invited {
        /// Until when, by the hub's clock.
        until: Timestamp,
    },
    /// The claim of an invitation: none yet, or why it is not open any more.
    Claimed(Result<Option<Claim>, EnrolRefusal>),
    /// How far the feed is merged and backed up, signed.
    Mark(HubMark),
    /// How the second disk is.
    Backup(BackupStatus),
    /// What is kept aside.
    Quarantine(QuarantineAnswer),
    /// Official numbers that were given twice.
    Numbers(Vec<DoubleNumber>),
    /// Sealed minutes that wait.
    Seals(SealsWaiting),
}

/// How a hub's second disk is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupStatus {
    /// Entries of the feed that are there.
    pub number: u64,
    /// When that was last read back; nothing where nothing was.
    pub at: Option<Timestamp>,
    /// Since when it does not hold what is new, and why.
    pub failed: Option<(Timestamp, BackupFault)>,
}

/// Why a hub's second disk does not hold what is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFault {
    /// What it is.
    pub cause: BackupCause,
    /// The file or folder, on the hub's machine; empty where it is about none.
    pub path: String,
    /// What the hub's system says of it, in its own language; empty where it says nothing.
    pub said: String,
}

/// What may be the matter with a second disk; see [`BackupFault`]. New ones stand at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupCause {
    /// The folder does not hold what was copied there: it is not mounted, or another one is.
    Gone,
    /// A file reads back otherwise than it was written.
    Otherwise,
    /// The folder of the journal holds no file of one.
    Nothing,
    /// The folder lies in the hub's own one.
    Inside,
    /// The folder holds the backup of another hub.
    OtherHub,
    /// The folder cannot be used for another reason, which `said` names in English.
    Unfit,
    /// A folder cannot be made.
    NotMade,
    /// A file or folder cannot be read.
    NotRead,
    /// A file or folder cannot be written.
    NotWritten,
    /// What was copied could not be recorded at the hub.
    Unrecorded,
    /// The copy stopped; the hub's log says why.
    Stopped,
    /// It takes another disk's place, and not all is copied there yet.
    Filling,
}

/// An official number that stands on the minutes of several documents: two lives of a hub's store gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubleNumber {
    /// The unit.
    pub scope: Scope,
    /// *Số biên bản*.
    pub official: String,
    /// The documents.
    pub documents: Vec<DocumentId>,
}

/// What waits at a hub, and for what: the first of each, with how many packs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubWaiting {
    /// Checklists that nobody has published here, and packs that were made with them.
    pub checklists: Vec<(TemplateId, u64)>,
    /// Documents of which packs build on what nobody has sent, and those packs.
    pub causes: Vec<(DocumentId, u64)>,
    /// Devices of which packs are set aside.
    pub set_aside: Vec<SetAside>,
    /// What the hub's store had lost when it was opened, and nobody has acknowledged: records, and
    /// whether not even their number is known.
    pub lost: Vec<(Timestamp, u64, bool)>,
    /// There is more than what is named.
    pub more: bool,
}

/// Packs of one device that are set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The device.
    pub device: DeviceId,
    /// An administrator has named it to the hub.
    pub known: bool,
    /// Packs that it may not write, or may not yet: they enter the record when its rights allow it.
    pub not_allowed: u64,
    /// Packs that stay out for another reason.
    pub others: u64,
}

/// How a hub is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubStatus {
    /// Documents held.
    pub documents: u64,
    /// Devices known.
    pub devices: u64,
    /// Length of the feed.
    pub head: u64,
    /// Packs stored and not yet merged.
    pub pending: u64,
    /// Packs that wait for others.
    pub waiting: u64,
    /// Packs set aside.
    pub quarantined: u64,
}

/// Why a peer ended a session, or did not take in all of it, or refused a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The other side sent what the protocol does not allow.
    Misbehaved,
    /// The other side speaks another version.
    Version,
    /// The device is unknown or revoked, or its role does not allow this.
    NotAllowed,
    /// Over a limit.
    TooLarge,
    /// Too many at once; try again later.
    Busy,
    /// No space left; what was pushed was not taken in.
    Full,
    /// Shutting down; try again later.
    Closing,
    /// The sender itself failed.
    Internal,
    /// What the device may do was changed, or the hub has a new epoch: come again at once.
    Changed,
}

/// A failure, as told to the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub code: FailureCode,
    /// For a log; no personal data, no content.
    pub message: String,
    /// When to try again, if at all.
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    /// Returns whether what was refused so is not to be asked again: whoever asks may not, or asks for what
    /// does not hold.
    #[must_use]
    pub fn is_last_word(&self) -> bool {
        matches!(self.code, FailureCode::NotAllowed | FailureCode::Misbehaved)
    }
}

/// How a phone catches up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resume {
    /// From its position in the feed.
    Feed,
    /// It holds nothing: whole documents, then the feed.
    Snapshots,
    /// Its position is unknown here: compare, then the feed.
    Reconcile,
}

/// The phone's first words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version spoken.
    pub protocol: u16,
    /// The phone's clock, as a claim.
    pub device_time: Timestamp,
    /// How far it followed the feed.
    pub position: Option<FeedPosition>,
    /// How many notices it has seen.
    pub notices: u64,
    /// It stays and follows; otherwise it leaves when it has caught up.
    pub live: bool,
    /// The root of its items.
    pub root: super::Fingerprint,
    /// It holds no document.
    pub empty: bool,
}

/// The hub's first words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version spoken.
    pub protocol: u16,
    /// The life of the hub's store.
    pub epoch: [u8; 16],
    /// The hub's clock.
    pub hub_time: Timestamp,
    /// Length of the feed, for progress.
    pub hub_head: u64,
    /// How the phone catches up.
    pub resume: Resume,
}
