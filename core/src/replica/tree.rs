//! The reconciliation tree, kept in rows: a node for every prefix that holds items.

use super::rows;
use crate::model::{Actor, ChangeHash, DocumentId};
use crate::store::{Read, StoreError};
use crate::sync::{Item, ItemTree, Node, Prefix, TreeError, node_keys};

/// Makes the tree's item for the tip of an actor.
pub(super) fn item(document: DocumentId, actor: Actor, seq: u64, tip: ChangeHash) -> Item {
    Item { document, actor, seq, tip }
}

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
        let node = rows::get(self.0, &rows::of_node(prefix)).map_err(unreadable)?;
        Ok(node.unwrap_or_default())
    }

    fn items(&self, prefix: &Prefix, limit: usize) -> Result<Vec<Item>, TreeError> {
        // A prefix of an odd number of nibbles covers half a byte: scan the whole bytes, then filter.
        let scan = rows::key(rows::ITEM, &[prefix.whole_bytes()]);
        let mut items = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.0.scan(&scan, after.as_deref(), 256).map_err(unreadable)?;
            for (key, value) in &page {
                let item: Item = rows::decode(key, value).map_err(unreadable)?;
                if prefix.contains(&item.key()) {
                    items.push(item);
                    if items.len() == limit {
                        return Ok(items);
                    }
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == 256 => after = Some(key.clone()),
                _ => return Ok(items),
            }
        }
    }
}

fn unreadable(error: StoreError) -> TreeError {
    TreeError::Unreadable { reason: error.to_string() }
}
