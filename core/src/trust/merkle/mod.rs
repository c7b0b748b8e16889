//! A Merkle tree as of RFC 6962 (and RFC 9162, section 2.1) with SHA-256: what was put into it in which
//! order, in 32 bytes.
//!
//! Pure, and without a place of its own: a tree is a [`Frontier`] of at most 64 hashes, and whoever keeps
//! the hashes of its complete subtrees ([`Nodes`]) can prove from them that a leaf is in it
//! ([`inclusion`]) and that it grew from an earlier one by appending alone ([`consistency`]). Appending
//! gives at most 64 hashes to keep, a proof reads a number of them that grows with the logarithm of the
//! size. It must not know what a leaf says. [Why our own](../../../../docs/adr/0025-the-hub-s-log.md).

mod proof;
mod tree;

pub use proof::{PROOF_HASHES_MAX, verify_consistency, verify_inclusion};
pub use tree::{Frontier, MemoryNodes, NodeName, Nodes, consistency, inclusion, root_at};

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What a leaf's hash begins with, so that no leaf can be taken for an inner node (RFC 6962, 2.1).
const LEAF: [u8; 1] = [0];
/// What an inner node's hash begins with.
const NODE: [u8; 1] = [1];

/// A SHA-256 hash of a leaf, of a subtree, or of a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TreeHash(pub [u8; 32]);

impl TreeHash {
    /// Returns the hash of a tree without leaves: that of no bytes.
    #[must_use]
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// Returns the hash of a leaf with this content.
    #[must_use]
    pub fn of_leaf(content: &[u8]) -> Self {
        Self(Sha256::new().chain_update(LEAF).chain_update(content).finalize().into())
    }

    /// Returns the hash of the subtree over two others.
    #[must_use]
    pub fn of_both(left: &Self, right: &Self) -> Self {
        Self(
            Sha256::new()
                .chain_update(NODE)
                .chain_update(left.0)
                .chain_update(right.0)
                .finalize()
                .into(),
        )
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({})", hex::encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests;
