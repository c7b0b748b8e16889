//! Finds what two replicas do not share, at a cost that grows with the difference.
//!
//! Each (document, actor) is an item; items hang in a tree of fixed shape by the hash of their name,
//! and each node keeps the count and the sum of its items' digests, so a store updates it in five
//! rows per accepted pack. Two replicas compare nodes from the root down, only where they differ.
//! Each message can be answered from the tree alone; nothing is remembered but the result.
//!
//! Why not range-based reconciliation as published: see `docs/adr/0005-own-reconciliation.md`.

use serde::{Deserialize, Serialize};

use super::message::Want;
use crate::model::{Actor, ChangeHash, DocumentId};

mod exchange;
mod tree;

pub use exchange::{Differences, Reconciler};
pub use tree::{
    FAN_OUT, Fingerprint, Item, ItemKey, ItemTree, MemoryTree, Node, Prefix, TREE_DEPTH, TreeError,
    node_keys,
};

/// Below a node with at most this many items, the items themselves are sent: about as many bytes as
/// one more level of fingerprints, and one flight less.
pub const ITEMS_INLINE_MAX: u64 = 4;
/// Of a leaf with more items than this only the first are compared: names are hashes, so 300,000
/// honest items put five in a leaf, and only someone who searches for collisions puts thousands.
pub const LEAF_ITEMS_MAX: usize = 1_024;
/// One message carries at most this many parts, so that the answer to one stays below 128 KiB.
pub const RECONCILE_PARTS_MAX: usize = 256;
/// One message carries at most this many items in all (about 90 bytes each).
pub const RECONCILE_ITEMS_MAX: usize = 2_048;

/// One turn asks at most this often: once for each node of the tree (1 + 16 + ... + 65,536).
pub const TURN_QUESTIONS_MAX: usize = 69_905;
/// One turn answers with at most this many items; 44 MB, which 150,000 documents without a shared
/// item reach.
pub const TURN_ITEMS_MAX: usize = 500_000;
/// One comparison takes at most this many turns of both sides together: the root's question, at each
/// level of the tree a list of items that is answered with children, then the items of leaves and the
/// answer to them. Honest replicas of 100,000 items take seven.
pub const COMPARE_TURNS_MAX: usize = 2 * TREE_DEPTH as usize + 3;
/// At most this many differences are kept from one comparison; the next one finds the others.
pub const DIFFERENCES_MAX: usize = 200_000;

/// One part of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// "This is my node." Asks for an answer if it differs.
    Node {
        /// Which node.
        prefix: Prefix,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// "These are the nodes below mine." Asks for an answer where they differ.
    Children {
        /// The node above them.
        prefix: Prefix,
        /// One bit for each of the sixteen children that holds items, the first in the lowest bit.
        present: u16,
        /// The fingerprints of those children, in order.
        fingerprints: Vec<Fingerprint>,
    },
    /// "These are all my items below this node." Asks for the other's where they differ.
    Items {
        /// The node.
        prefix: Prefix,
        /// All items below it.
        items: Vec<Item>,
    },
    /// "Of the items you sent, these are mine where we differ." A sequence number of 0 says that
    /// the sender holds nothing of that actor.
    Mine {
        /// The items.
        items: Vec<Item>,
    },
}

impl Part {
    /// Reports whether the part wants an answer.
    #[must_use]
    pub fn asks(&self) -> bool {
        !matches!(self, Self::Mine { .. })
    }

    fn items(&self) -> usize {
        match self {
            Self::Items { items, .. } | Self::Mine { items } => items.len(),
            Self::Node { .. } | Self::Children { .. } => 0,
        }
    }
}

/// One message of the comparison. A side speaks in one or more messages, then listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileMessage {
    /// What is said.
    pub parts: Vec<Part>,
    /// The speaker now listens.
    pub last: bool,
}

/// Same actor, same place, different change: one of them was made under a reused name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Equivocation {
    /// What this side holds.
    pub mine: Item,
    /// What the other side holds.
    pub theirs: Item,
}

/// Why a comparison stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The peer's message is over a limit or contradicts itself.
    #[error("the peer's comparison is malformed: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// The own index cannot be read.
    #[error("the index of items cannot be read")]
    Tree {
        /// What the index said.
        #[from]
        source: TreeError,
    },
}

/// The item that stands for "nothing of this actor".
fn nothing(document: DocumentId, actor: Actor) -> Item {
    Item { document, actor, seq: 0, hash: ChangeHash([0; 32]) }
}

fn want_after(held: &Item) -> Want {
    Want { document: held.document, actor: held.actor, from_seq: held.seq.saturating_add(1) }
}

#[cfg(test)]
mod tests;
