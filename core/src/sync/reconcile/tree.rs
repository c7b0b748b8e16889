//! The tree of items: names, nodes, and what a store must answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Actor, ChangeHash, DocumentId};

/// Children of a node.
pub const FAN_OUT: usize = 16;
/// Levels below the root: 65,536 leaves keep five items each at 100,000 documents of three actors.
pub const TREE_DEPTH: u8 = 4;
/// Bits of an item's name used at each level.
const LEVEL_BITS: u32 = 4;

/// The name of an item: the hash of its document and actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemKey(pub [u8; 32]);

/// How far one actor's released changes in one document reach, on one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Item {
    /// The document.
    pub document: DocumentId,
    /// The actor.
    pub actor: Actor,
    /// Place of its last change; 0 says there is none.
    pub seq: u64,
    /// Its last change.
    pub hash: ChangeHash,
}

impl Item {
    /// Returns the item's place in the tree, which its progress does not change.
    #[must_use]
    pub fn key(&self) -> ItemKey {
        ItemKey::of(self.document, self.actor)
    }

    fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 item");
        hasher.update(&self.document.0).update(&self.actor.0);
        hasher.update(&self.seq.to_le_bytes()).update(&self.hash.0);
        *hasher.finalize().as_bytes()
    }
}

impl ItemKey {
    /// Returns the name of a document's actor.
    #[must_use]
    pub fn of(document: DocumentId, actor: Actor) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 item key");
        hasher.update(&document.0).update(&actor.0);
        Self(*hasher.finalize().as_bytes())
    }
}

/// A node of the tree: the items whose names start with these bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u8, u16)", into = "(u8, u16)")]
pub struct Prefix {
    depth: u8,
    bits: u16,
}

impl Prefix {
    /// The node above all items.
    pub const ROOT: Self = Self { depth: 0, bits: 0 };

    /// Returns the node at a depth that an item hangs under. Depths beyond [`TREE_DEPTH`] mean the
    /// leaf.
    #[must_use]
    pub fn of(key: &ItemKey, depth: u8) -> Self {
        let depth = depth.min(TREE_DEPTH);
        let bits = u16::from_be_bytes([key.0[0], key.0[1]]);
        Self { depth, bits: bits & mask(depth) }
    }

    /// Returns the level: 0 for the root, [`TREE_DEPTH`] for a leaf.
    #[must_use]
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// Reports whether nothing hangs below but items.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        self.depth == TREE_DEPTH
    }

    /// Returns the node's children in order; a leaf has none.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let count = if self.is_leaf() { 0 } else { FAN_OUT };
        (0_u16..).take(count).map(move |index| {
            let shift = u32::from(TREE_DEPTH - self.depth - 1) * LEVEL_BITS;
            Self { depth: self.depth + 1, bits: self.bits | (index << shift) }
        })
    }

    /// Reports whether the item hangs under this node.
    #[must_use]
    pub fn holds(&self, key: &ItemKey) -> bool {
        Self::of(key, self.depth) == *self
    }

    /// Returns three bytes for a row's key: depth, then bits, most significant first.
    #[must_use]
    pub fn encode(&self) -> [u8; 3] {
        let [high, low] = self.bits.to_be_bytes();
        [self.depth, high, low]
    }

    /// Returns the smallest and largest name under this node, for a store that keeps items in the
    /// order of their names.
    #[must_use]
    pub fn range(&self) -> (ItemKey, ItemKey) {
        let (mut first, mut last) = ([0; 32], [0xff; 32]);
        first[..2].copy_from_slice(&self.bits.to_be_bytes());
        last[..2].copy_from_slice(&(self.bits | !mask(self.depth)).to_be_bytes());
        (ItemKey(first), ItemKey(last))
    }
}

/// Ones for the bits that a depth fixes.
fn mask(depth: u8) -> u16 {
    let free = u32::from(TREE_DEPTH - depth) * LEVEL_BITS;
    u16::MAX.checked_shl(free).unwrap_or(0)
}

impl TryFrom<(u8, u16)> for Prefix {
    type Error = &'static str;

    fn try_from((depth, bits): (u8, u16)) -> Result<Self, Self::Error> {
        if depth > TREE_DEPTH || bits & !mask(depth) != 0 {
            return Err("a node lies above the leaves and fixes only its own bits");
        }
        Ok(Self { depth, bits })
    }
}

impl From<Prefix> for (u8, u16) {
    fn from(prefix: Prefix) -> Self {
        (prefix.depth, prefix.bits)
    }
}

/// Returns the nodes that an item hangs under, root first: the rows to update when it changes.
#[must_use]
pub fn node_keys(key: &ItemKey) -> [Prefix; TREE_DEPTH as usize + 1] {
    [0, 1, 2, 3, 4].map(|depth| Prefix::of(key, depth))
}

/// How many items hang under a node, and the sum of their digests modulo 2^256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Node {
    /// The number of items.
    pub count: u64,
    /// Little-endian.
    sum: [u8; 32],
}

/// Length of an encoded node.
const NODE_BYTES: usize = 40;

impl Node {
    /// Counts an item in.
    pub fn add(&mut self, item: &Item) {
        self.count = self.count.wrapping_add(1);
        self.add_digest(item.digest());
    }

    fn add_digest(&mut self, digest: [u8; 32]) {
        let mut carry = 0_u16;
        for (sum, byte) in self.sum.iter_mut().zip(digest) {
            let value = u16::from(*sum) + u16::from(byte) + carry;
            let [low, high] = value.to_le_bytes();
            *sum = low;
            carry = u16::from(high);
        }
    }

    /// Counts in all items of another node: the node of both sets, if no item is in both.
    pub fn join(&mut self, other: &Self) {
        self.count = self.count.wrapping_add(other.count);
        self.add_digest(other.sum);
    }

    /// Counts out an item that was counted in before.
    pub fn remove(&mut self, item: &Item) {
        self.count = self.count.wrapping_sub(1);
        let mut borrow = false;
        for (sum, byte) in self.sum.iter_mut().zip(item.digest()) {
            let (value, first) = sum.overflowing_sub(byte);
            let (value, second) = value.overflowing_sub(u8::from(borrow));
            *sum = value;
            borrow = first || second;
        }
    }

    /// Returns the bytes of a row: count as 8 bytes little-endian, then the sum.
    #[must_use]
    pub fn encode(&self) -> [u8; NODE_BYTES] {
        let mut bytes = [0; NODE_BYTES];
        bytes[..8].copy_from_slice(&self.count.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sum);
        bytes
    }

    /// Reads the bytes of a row.
    ///
    /// # Errors
    ///
    /// Returns [`TreeError::Damaged`] when they have another length.
    pub fn decode(bytes: &[u8]) -> Result<Self, TreeError> {
        let bytes: &[u8; NODE_BYTES] = bytes.try_into().map_err(|_| TreeError::Damaged)?;
        let (mut count, mut sum) = ([0; 8], [0; 32]);
        count.copy_from_slice(&bytes[..8]);
        sum.copy_from_slice(&bytes[8..]);
        Ok(Self { count: u64::from_le_bytes(count), sum })
    }

    /// Returns the short hash that is compared; all zeros for a node without items.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        if self.count == 0 {
            return Fingerprint::EMPTY;
        }
        let digest = blake3::derive_key("bienban 2026-11 fingerprint", &self.encode());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Fingerprint(bytes)
    }
}

/// A short hash of all items under a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The fingerprint of a node without items.
    pub const EMPTY: Self = Self([0; 16]);
}

/// What a store answers about its items.
pub trait ItemTree {
    /// Returns a node; one without items is [`Node::default`].
    ///
    /// # Errors
    ///
    /// Returns [`TreeError`] when the index cannot be read.
    fn node(&self, prefix: &Prefix) -> Result<Node, TreeError>;

    /// Returns at most `limit` items under a node, in the order of their names.
    ///
    /// # Errors
    ///
    /// Returns [`TreeError`] when the index cannot be read.
    fn items(&self, prefix: &Prefix, limit: usize) -> Result<Vec<Item>, TreeError>;

    /// Returns the item of an actor in a document.
    ///
    /// # Errors
    ///
    /// Returns [`TreeError`] when the index cannot be read.
    fn item(&self, document: DocumentId, actor: Actor) -> Result<Option<Item>, TreeError>;
}

/// Why the tree gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A row is not what was written.
    #[error("a row of the item tree is damaged; rebuild the index")]
    Damaged,
    /// The store failed.
    #[error("the item tree cannot be read")]
    Store {
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A tree in memory, for tests and simulations.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    items: BTreeMap<ItemKey, Item>,
    nodes: BTreeMap<Prefix, Node>,
}

impl MemoryTree {
    /// Puts an item in the place of what was known of its actor.
    pub fn put(&mut self, item: Item) {
        let key = item.key();
        let before = self.items.insert(key, item);
        for prefix in node_keys(&key) {
            let node = self.nodes.entry(prefix).or_default();
            if let Some(before) = &before {
                node.remove(before);
            }
            node.add(&item);
        }
    }

    /// Returns all items in the order of their names.
    pub fn all(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }
}

impl ItemTree for MemoryTree {
    fn node(&self, prefix: &Prefix) -> Result<Node, TreeError> {
        Ok(self.nodes.get(prefix).copied().unwrap_or_default())
    }

    fn items(&self, prefix: &Prefix, limit: usize) -> Result<Vec<Item>, TreeError> {
        let (first, last) = prefix.range();
        Ok(self.items.range(first..=last).take(limit).map(|(_, item)| *item).collect())
    }

    fn item(&self, document: DocumentId, actor: Actor) -> Result<Option<Item>, TreeError> {
        Ok(self.items.get(&ItemKey::of(document, actor)).copied())
    }
}
