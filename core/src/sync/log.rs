//! What is said of the hub's log on the wire.

use serde::{Deserialize, Serialize};

use super::bytes;
use crate::model::DocumentId;
pub use crate::trust::log::ProvedLeaf;
use crate::trust::log::{Shown, TreeHead};
use crate::trust::merkle::TreeHash;

/// Leaves of one page of the log: a page fits a frame, however long its leaves are.
pub const LOG_PAGE_LEAVES_MAX: usize = 512;

/// Proofs of one page: each has up to 65 hashes beside its leaf.
pub const LOG_PROOFS_MAX: usize = 64;

/// A word on the hub's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogMessage {
    /// Phone, right after its Hello: the heads that the log must continue, the own last one first. Between
    /// two phones: those that the sender keeps.
    Kept {
        /// At most [`HEADS_NAMED_MAX`](crate::trust::log::HEADS_NAMED_MAX).
        heads: Vec<TreeHead>,
    },
    /// Hub: how its log is now, and that it continues those heads.
    Shown(Shown),
    /// Phone, before [`Self::Kept`]: it does not know which keys were this hub's before the one that it speaks
    /// to, and asks.
    WhoBefore,
    /// Hub, before [`Self::Shown`], where it was asked: the announcements by which its keys follow each other.
    Before {
        /// Encoded acts, at most [`HUB_KEYS_MAX`](crate::trust::control::HUB_KEYS_MAX).
        #[serde(with = "bytes::list")]
        acts: Vec<Vec<u8>>,
    },
}

/// A wish of an administrator or auditor about the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogRequest {
    /// Leaves, from one on.
    Page {
        /// The first wanted, from 0.
        from: u64,
    },
    /// Proofs that a document's receipts are in the log, to travel with its export.
    Proofs {
        /// The document.
        document: DocumentId,
        /// How many of its leaves are here already, in the order of actors and numbers.
        after: u64,
    },
    /// The proof that the log of so many leaves continues what it was with fewer. Anybody may ask: it is
    /// hashes alone.
    Grown {
        /// Leaves of before.
        from: u64,
        /// Leaves of later; no more than there are.
        to: u64,
    },
}

/// The answer to a [`LogRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogAnswer {
    /// Leaves.
    Page(LogPage),
    /// Proofs.
    Proofs(LogProofs),
    /// How it grew; empty where it did not, and where there is nothing to show.
    Grown(Vec<TreeHash>),
}

/// Some leaves of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPage {
    /// The number of the first.
    pub from: u64,
    /// The leaves' bytes, at most [`LOG_PAGE_LEAVES_MAX`]; none behind the end.
    #[serde(with = "bytes::list")]
    pub leaves: Vec<Vec<u8>>,
    /// The log as it is now.
    pub head: TreeHead,
}

/// Proofs that receipts of a document are in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogProofs {
    /// What they lead to.
    pub head: TreeHead,
    /// At most [`LOG_PROOFS_MAX`].
    pub leaves: Vec<ProvedLeaf>,
    /// There are more.
    pub more: bool,
}
