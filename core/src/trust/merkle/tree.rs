//! Growing a tree, and reading proofs out of the hashes that were kept of it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::TreeHash;

/// The name of a complete subtree: over 2^`level` leaves, the `index`th of them from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName {
    /// 0 for a leaf.
    pub level: u8,
    /// From 0.
    pub index: u64,
}

/// The hashes of a tree's complete subtrees.
pub trait Nodes {
    /// Why one cannot be read.
    type Error;

    /// Returns the hash of a complete subtree.
    ///
    /// # Errors
    ///
    /// Returns the keeper's error when it cannot be read or was never kept.
    fn node(&self, name: NodeName) -> Result<TreeHash, Self::Error>;
}

/// A tree's right edge: its size and the hashes of the largest complete subtrees that it is made of, from
/// the left. That is all that appending and the tree's own hash need.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

impl Frontier {
    /// Returns how many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the hashes of the largest complete subtrees, from the left.
    #[must_use]
    pub fn peaks(&self) -> &[TreeHash] {
        &self.peaks
    }

    /// Appends a leaf. Returns the subtrees that it completes, the leaf first: at most one for each bit
    /// of the size, two on average.
    pub fn append(&mut self, leaf: TreeHash) -> Vec<(NodeName, TreeHash)> {
        let (mut name, mut hash) = (NodeName { level: 0, index: self.size }, leaf);
        let mut completed = vec![(name, hash)];
        while name.index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = TreeHash::of_both(&left, &hash);
            name = NodeName { level: name.level + 1, index: name.index >> 1 };
            completed.push((name, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        completed
    }

    /// Returns the hash of the whole tree.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return TreeHash::of_nothing() };
        peaks.fold(*last, |right, left| TreeHash::of_both(left, &right))
    }
}

/// Returns the hash of the tree over the first `size` leaves.
///
/// # Errors
///
/// Returns the keeper's error when a hash is missing.
pub fn root_at<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<TreeHash, N::Error> {
    if size == 0 { Ok(TreeHash::of_nothing()) } else { range(nodes, 0, size) }
}

/// Returns the proof that a leaf is in the tree over the first `size` leaves, from the leaf up; empty for
/// a leaf that is not in it.
///
/// # Errors
///
/// As [`root_at`].
pub fn inclusion<N: Nodes + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<TreeHash>, N::Error> {
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while index < size && end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Returns the proof that the tree over the first `old` leaves became that over the first `new` by
/// appending; empty where there is nothing to prove.
///
/// # Errors
///
/// As [`root_at`].
pub fn consistency<N: Nodes + ?Sized>(
    nodes: &N,
    old: u64,
    new: u64,
) -> Result<Vec<TreeHash>, N::Error> {
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, new);
    while old < end {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, start, middle)?);
            start = middle;
        }
    }
    // What is left ends where the old tree did. Whoever checks knows it where it is the whole old tree.
    if start > 0 {
        proof.push(range(nodes, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Returns the largest power of two below a number over 1.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// Returns the hash of the subtree over some leaves. `start` is where a subtree of that size may begin.
fn range<N: Nodes + ?Sized>(nodes: &N, start: u64, end: u64) -> Result<TreeHash, N::Error> {
    let mut lefts = Vec::new();
    let mut from = start;
    loop {
        let leaves = end - from;
        if leaves.is_power_of_two() {
            let level = leaves.trailing_zeros();
            let name = NodeName {
                level: u8::try_from(level).expect("a u64 has 64 bits, so this is below 64"),
                index: from >> level,
            };
            let last = nodes.node(name)?;
            return Ok(lefts
                .iter()
                .rev()
                .fold(last, |right, left| TreeHash::of_both(left, &right)));
        }
        let whole = split(leaves);
        let level = whole.trailing_zeros();
        let name = NodeName {
            level: u8::try_from(level).expect("a u64 has 64 bits, so this is below 64"),
            index: from >> level,
        };
        lefts.push(nodes.node(name)?);
        from += whole;
    }
}

/// The hashes of a tree in memory: for tests, and for whoever checks a log that is read once.
#[derive(Debug, Clone, Default)]
pub struct MemoryNodes(BTreeMap<NodeName, TreeHash>);

impl MemoryNodes {
    /// Keeps what [`Frontier::append`] gave.
    pub fn keep(&mut self, completed: Vec<(NodeName, TreeHash)>) {
        self.0.extend(completed);
    }
}

impl Nodes for MemoryNodes {
    type Error = Infallible;

    fn node(&self, name: NodeName) -> Result<TreeHash, Infallible> {
        // What was never kept is no part of any tree.
        Ok(self.0.get(&name).copied().unwrap_or_else(TreeHash::of_nothing))
    }
}
