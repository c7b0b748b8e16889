//! One replica: what a store's records mean, and everything that phone and hub do with them.
//!
//! The driver, the command line and the simulator all run this code. It decides over a [`Store`](crate::store::Store)
//! (traits only), with time and random bytes handed in; it opens no socket and reads no clock.
//!
//! - [`Fact`]: one journal record.
//! - [`Projection`]: what a fact means for the index, live and at rebuild.
//! - [`Replica`]: documents, lists, status: what both sides share.
//! - [`Phone`]: edits, releasing them as signed packs, taking in what the hub sends.
//! - [`Meeting`]: two phones that exchange without a hub.
//! - [`Hub`]: accepting packs without loading a document, merging, the feed.

mod access;
mod again;
mod bundle;
mod carried;
mod condense;
mod decided;
mod delivering;
mod documents;
mod errands;
mod facts;
mod feed;
mod following;
mod fork;
mod hub;
mod in_force;
mod judged;
mod lapsed;
mod leaving;
mod lock;
mod log;
mod marking;
mod meeting;
mod merge;
mod owners;
mod phone;
mod project;
mod proof;
mod provide;
mod records;
mod retold;
mod returning;
mod reviews;
mod rights;
mod rows;
mod runner;
mod sealing;
mod short;
#[cfg(feature = "io")]
mod shown;
mod standing;
mod succession;
mod taking;
mod tree;
mod troubles;
mod trusting;
mod unsaved;
mod visits;
mod witness;

use std::sync::Arc;

pub use crate::trust::access::{ReviewAct, may_review, may_write};
pub use access::{admits, covers, reads, units};
pub use bundle::{ANSWERED_MAX, BundleAnswered, BundleEntropy, BundleGiven, BundleTaken, Receiver};
pub use condense::{Condensed, says_the_same};
pub use decided::{ControlCheck, check_control};
pub use documents::{ListQuery, Replica};
pub use facts::{
    DoubtWord, Fact, HeadName, MergedPack, PackPlace, Quarantined, Rejected, Renewal, Replaced,
    Trouble,
};
pub use fork::Taken;
pub use hub::{Hub, HubOptions, InviteError, MergeReport, PublishError};
pub use in_force::InForce;
pub use lapsed::{Lapsed, WroteWhere};
pub use leaving::Ends;
pub use log::{LogCheck, check_log};
pub use meeting::{Meeting, MeetingOptions, MeetingProgress};
pub use merge::merger::{
    InProcess, JOB_BYTES_MAX, MergeJob, MergeWork, Merger, MergerError, OUTCOME_BYTES_MAX, SealJob,
    SealWork, WORK_VERSION,
};
pub use phone::{Arrival, EditOutcome, Phone, RejectedEdit};
pub use project::Projection;
pub use proof::{
    Beside, Checked, Continued, Fault, Gathered, Holder, KeptHead, Known, Point, Right, Sealing,
    Standing, Told, Written, check as check_exported,
};
pub use provide::Provided;
pub use retold::{ToldCheck, check_told};
pub use rows::{ArrivalRow, HeadRow, SelfRow, Totals};
pub use runner::{Entropy, HubRunner, PhoneOptions, PhoneRunner, Progress};
pub use sealing::{HeldSeal, Minutes, SealState, Unregistered};
#[cfg(feature = "io")]
pub use shown::{Written as WrittenRows, watch as watch_shown, written as written_rows};
pub use succession::Announced;
pub use taking::Took;
pub use tree::StoredTree;
pub use troubles::Found;
pub use trusting::Acting;
pub use visits::KnownVisit;
pub use witness::KnownDoubt;

use crate::checklist::TemplateError;
use crate::model::{DocumentError, DocumentId, EditError, Scope, TemplateId};
use crate::store::StoreError;
use crate::sync::{PackError, SessionError};
use crate::trust::control::ControlError;
use crate::trust::log::DoubtReason;
use crate::trust::seal::SealError;

/// Why a replica could not do as asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The store failed. Nothing was recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such document here.
    #[error("there is no document {document} here; sync, or check the name")]
    UnknownDocument {
        /// Its name.
        document: DocumentId,
    },
    /// The checklist of an inspection is not here.
    #[error("checklist {template} is not on this device yet; sync first")]
    UnknownTemplate {
        /// Its name.
        template: TemplateId,
    },
    /// The checklist's bytes do not read.
    #[error("checklist {template} cannot be read")]
    Template {
        /// Its name.
        template: TemplateId,
        /// Why.
        #[source]
        source: Arc<TemplateError>,
    },
    /// The document does not load.
    #[error("document {document} cannot be opened")]
    Document {
        /// Its name.
        document: DocumentId,
        /// Why.
        #[source]
        source: Arc<DocumentError>,
    },
    /// The edit is not possible.
    #[error(transparent)]
    Edit(#[from] Arc<EditError>),
    /// A pack could not be made or read.
    #[error("a pack of changes cannot be used")]
    Pack {
        /// Why.
        #[source]
        source: Arc<PackError>,
    },
    /// A receipt could not be signed.
    #[error("a receipt could not be made")]
    Trust {
        /// Why.
        #[source]
        source: Arc<crate::trust::TrustError>,
    },
    /// An act or an entry of a control log cannot be used.
    #[error("a decision on rights cannot be used")]
    Control {
        /// Why.
        #[from]
        source: ControlError,
    },
    /// A seal does not hold, or cannot be made.
    #[error(transparent)]
    Seal {
        /// Why.
        #[from]
        source: SealError,
    },
    /// The hub tells another history of rights than it told before.
    #[error(
        "the hub now tells another history of the rights in unit {scope} than this device holds \
         (entry {number}); nothing was taken in. Ask its operator, and keep this device's copy"
    )]
    OtherRights {
        /// The unit.
        scope: Scope,
        /// The entry that does not fit.
        number: u64,
    },
    /// The hub does not enter an act.
    #[error("device {device} may not decide this in unit {scope}: {deed}")]
    NotEntered {
        /// Its short name.
        device: String,
        /// The unit.
        scope: Scope,
        /// The kind of act.
        deed: &'static str,
    },
    /// The hub keeps minutes that this device would give up.
    #[error("the hub keeps the minutes {seal}; they are not given up here")]
    SealKept {
        /// Their short name.
        seal: String,
    },
    /// A session ended early.
    #[error("the exchange ended early")]
    Session {
        /// Why.
        #[source]
        source: Arc<SessionError>,
    },
    /// A snapshot holds changes that nobody signed for. The sender is at fault.
    #[error("a snapshot of document {document} holds changes that nobody signed")]
    Unattested {
        /// Its name.
        document: DocumentId,
    },
    /// A value does not encode.
    #[error("a {what} could not be encoded")]
    Encode {
        /// What it is.
        what: &'static str,
        /// Why.
        source: postcard::Error,
    },
    /// Nothing is exchanged with this device.
    #[error(
        "device {device} may not exchange data with this one; sync with the hub, then try again"
    )]
    Stranger {
        /// Its short name.
        device: String,
    },
    /// This device has not been in touch with its hub for too long to exchange with others.
    #[error("this device must be in touch with its hub before it exchanges with others again")]
    LeaseEnded {
        /// Until when it might.
        until: crate::model::Timestamp,
    },
    /// One call edits a document twice.
    #[error("document {document} is named twice in one edit of several; edit it once")]
    Twice {
        /// Its short name.
        document: String,
    },
    /// The store belongs to another device.
    #[error("this store belongs to device {owner}, not to {device}")]
    WrongOwner {
        /// Whose it is.
        owner: String,
        /// Who opened it.
        device: String,
    },
    /// Another key than the one that was announced is to follow the hub's.
    #[error("the hub has announced {announced} already, and one key follows another once")]
    OtherSuccessor {
        /// The key that was announced, or that the hub has.
        announced: crate::model::DeviceId,
    },
    /// Two keys were announced after one: somebody else holds it too. Neither is followed.
    #[error(
        "two keys were announced after the hub's key {key}, so somebody else holds that too; ask the \
         operator for the right one"
    )]
    TwoSuccessors {
        /// The key that announced both.
        key: crate::model::DeviceId,
    },
    /// More keys would be the hub's than one may ever have had. No further one is followed.
    #[error(
        "more keys are announced than one hub may have had; the last that is followed is {key}"
    )]
    TooManyKeys {
        /// The last key that is followed.
        key: crate::model::DeviceId,
    },
    /// Bytes that should announce a hub's next key do not.
    #[error("what the hub shows is no announcement of a key, or does not hold")]
    Unannounced,
    /// The hub with the new key does not show that the pinned one announced it.
    #[error(
        "the hub with the new key does not show that it follows the key {pinned} that this device pinned"
    )]
    NotSuccessor {
        /// The key that was pinned.
        pinned: crate::model::DeviceId,
    },
    /// The hub signs with another key since, so whoever answers with this one is not it.
    #[error("the hub's key {key} was replaced, and counts no more; its key is {next}")]
    KeyReplaced {
        /// The key that was replaced.
        key: crate::model::DeviceId,
        /// The key that the hub has now.
        next: crate::model::DeviceId,
    },
    /// The hub has signed for what was sent, and this disk has no room to keep its word.
    #[error("the hub has stored what was sent, but there is no room here to record that it has")]
    Unkept {
        /// Packs that it signed for.
        packs: usize,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The hub's log is not the one that it showed before. Nothing is exchanged with it.
    #[error(
        "the log that the hub shows is not the one that it showed before; nothing is exchanged with it \
         until an administrator releases this device (doubt {})", &doubt[..16]
    )]
    LogForked {
        /// How it shows.
        reason: DoubtReason,
        /// The doubt's name, which a release must name.
        doubt: String,
    },
    /// What is said to be an administrator's release lifts no doubt here.
    #[error("this release changes nothing: {reason}")]
    NotReleased {
        /// Why.
        reason: &'static str,
    },
    /// An exported record cannot be made.
    #[error("the exported record cannot be made")]
    Export {
        /// Why.
        #[source]
        source: Arc<crate::trust::proof::ProofError>,
    },
    /// A bundle cannot be made or used.
    #[error(transparent)]
    Bundle {
        /// Why.
        #[from]
        source: crate::trust::bundle::BundleError,
    },
    /// The hub's answer in a bundle is of another life of its store than the one that was met last.
    #[error(
        "the hub's answer is from before its store was set back, or from after; write to the hub again, and \
         take in the answer to that"
    )]
    OtherLife,
    /// Something that is to be exported is damaged here.
    #[error("a part of the record is damaged on this device: {what}; sync, then try again")]
    Damaged {
        /// What.
        what: String,
    },
    /// What the hub accepted of a document could not be merged. It waits, and is safe in the journal.
    #[error("what came for document {document} could not be merged yet")]
    Merging {
        /// Its name.
        document: DocumentId,
        /// Why.
        #[source]
        source: Arc<MergerError>,
    },
    /// A thread that held the edit lock panicked; the store itself is sound.
    #[error("an earlier edit stopped half-way; open the store again")]
    Interrupted,
    /// The rights of this device were ended, and what opens its store is destroyed.
    #[error(
        "the rights of this device were ended and its keys are destroyed; nothing is recorded here any more"
    )]
    Parted,
}

impl ReplicaError {
    /// Returns whether it keeps a hub from all documents, and not from the one alone that it is about.
    fn concerns_all(&self) -> bool {
        match self {
            Self::Store(error) => !matches!(error, StoreError::Damaged { .. }),
            Self::Interrupted => true,
            error => error.is_idle(),
        }
    }

    /// Returns whether no merge can be done at all, whatever document is tried.
    fn is_idle(&self) -> bool {
        matches!(self, Self::Merging { source, .. }
            if matches!(**source, MergerError::Unavailable { .. }))
    }
}

impl From<PackError> for ReplicaError {
    fn from(source: PackError) -> Self {
        Self::Pack { source: Arc::new(source) }
    }
}

impl From<SessionError> for ReplicaError {
    fn from(source: SessionError) -> Self {
        Self::Session { source: Arc::new(source) }
    }
}

impl From<EditError> for ReplicaError {
    fn from(source: EditError) -> Self {
        Self::Edit(Arc::new(source))
    }
}
