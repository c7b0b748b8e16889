//! The reconciliation tree, kept in rows: a node for every prefix that holds items.

use super::rows;
use crate::model::{Actor, DocumentId};
use crate::store::{Read, StoreError};
use crate::sync::{Item, ItemKey, ItemTree, Node, Prefix, TreeError, node_keys};
use crate::trust::Attestation;

/// Makes the tree's item for what an attestation covers.
pub(super) fn item(attestation: &Attestation) -> Item {
    Item {
        document: attestation.document,
        actor: attestation.actor(),
        seq: attestation.tip.seq,
        hash: attestation.tip.hash,
    }
}

/// Rows of one page of a scan.
const PAGE_ROWS: usize = 256;

/// Reads a node's row by its key.
pub(super) type NodeRow<'a> = dyn FnMut(&[u8]) -> Result<Option<Node>, StoreError> + 'a;

/// Returns the nodes to write when `old` gives way to `new`; both have the same key.
pub(super) fn replace(
    read: &mut NodeRow<'_>,
    old: Option<&Item>,
    new: Option<&Item>,
) -> Result<Vec<(Vec<u8>, Node)>, StoreError> {
    let Some(key) = old.or(new).map(Item::key) else { return Ok(Vec::new()) };
    let mut changed = Vec::new();
    for prefix in node_keys(&key) {
        let row = rows::of_node(&prefix);
        let mut node = read(&row)?.unwrap_or_default();
        if let Some(item) = old {
            node.remove(item);
        }
        if let Some(item) = new {
            node.add(item);
        }
        changed.push((row, node));
    }
    Ok(changed)
}

/// The tree of a store.
pub struct StoredTree<'a>(&'a dyn Read);

impl<'a> StoredTree<'a> {
    /// Reads the tree from a store's rows.
    #[must_use]
    pub fn new(rows: &'a dyn Read) -> Self {
        Self(rows)
    }
}

impl ItemTree for StoredTree<'_> {
    fn node(&self, prefix: &Prefix) -> Result<Node, TreeError> {
        match self.0.get(&rows::of_node(prefix)).map_err(unreadable)? {
            Some(bytes) => Node::decode(&bytes),
            None => Ok(Node::default()),
        }
    }

    fn items(&self, prefix: &Prefix, limit: usize) -> Result<Vec<Item>, TreeError> {
        // A prefix of an odd number of nibbles ends in half a byte: scan the whole bytes from its
        // first key on, and stop behind its last.
        let (first, _) = prefix.range();
        let whole = usize::from(prefix.depth() / 2);
        let scan = rows::key(rows::ITEM, &[&first.0[..whole]]);
        let mut items = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.0.scan(&scan, after.as_deref(), PAGE_ROWS).map_err(unreadable)?;
            for (key, value) in &page {
                let item: Item = rows::decode(key, value).map_err(unreadable)?;
                if prefix.holds(&item.key()) {
                    items.push(item);
                    if items.len() == limit {
                        return Ok(items);
                    }
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE_ROWS => after = Some(key.clone()),
                _ => return Ok(items),
            }
        }
    }

    fn item(&self, document: DocumentId, actor: Actor) -> Result<Option<Item>, TreeError> {
        let key = rows::of_item(&ItemKey::of(document, actor));
        rows::get(self.0, &key).map_err(unreadable)
    }
}

fn unreadable(source: StoreError) -> TreeError {
    TreeError::Store { source: Box::new(source) }
}
