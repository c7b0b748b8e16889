//! The reconciliation tree, kept in rows: a node for every prefix that holds items.

use super::rows;
use crate::model::{Actor, DocumentId, Scope};
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

/// The tree of all units together.
const ALL: &str = "";

/// Reads a node's row by its key.
pub(super) type NodeRow<'a> = dyn FnMut(&[u8]) -> Result<Option<Node>, StoreError> + 'a;

/// Returns the nodes to write when `old` gives way to `new`; both have the same key. Every item
/// hangs in the tree of its unit and in the tree of all.
pub(super) fn replace(
    read: &mut NodeRow<'_>,
    scope: &Scope,
    old: Option<&Item>,
    new: Option<&Item>,
) -> Result<Vec<(Vec<u8>, Node)>, StoreError> {
    let Some(key) = old.or(new).map(Item::key) else { return Ok(Vec::new()) };
    let mut changed = Vec::new();
    for tree in [ALL, scope.as_str()] {
        for prefix in node_keys(&key) {
            let row = rows::of_node(tree, &prefix);
            let mut node = read(&row)?.unwrap_or_default();
            if let Some(item) = old {
                node.remove(item);
            }
            if let Some(item) = new {
                node.add(item);
            }
            changed.push((row, node));
        }
    }
    Ok(changed)
}

/// Returns the rows of an item.
pub(super) fn item_rows(scope: &Scope, item: &Item) -> [Vec<u8>; 2] {
    [ALL, scope.as_str()].map(|tree| rows::of_item(tree, &item.key()))
}

/// The tree of a store, or of some units in it.
pub struct StoredTree<'a> {
    rows: &'a dyn Read,
    trees: Vec<String>,
}

impl<'a> StoredTree<'a> {
    /// Reads the tree of all that a store holds.
    #[must_use]
    pub fn new(rows: &'a dyn Read) -> Self {
        Self { rows, trees: vec![ALL.to_owned()] }
    }

    /// Reads the tree of what belongs to these units, each named once. Its cost grows with their
    /// number, not with what other units hold.
    #[must_use]
    pub fn of_scopes(rows: &'a dyn Read, scopes: &[Scope]) -> Self {
        Self { rows, trees: scopes.iter().map(|scope| scope.as_str().to_owned()).collect() }
    }

    fn items_of(&self, tree: &str, prefix: &Prefix, limit: usize) -> Result<Vec<Item>, StoreError> {
        // A prefix of an odd number of nibbles ends in half a byte: scan the whole bytes, then look.
        let (first, _) = prefix.range();
        let whole = usize::from(prefix.depth() / 2);
        let scan = rows::key(rows::ITEM, &[&rows::scope_part(tree), &first.0[..whole]]);
        let mut items = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.rows.scan(&scan, after.as_deref(), PAGE_ROWS)?;
            for (key, value) in &page {
                let item: Item = rows::decode(key, value)?;
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
}

impl ItemTree for StoredTree<'_> {
    fn node(&self, prefix: &Prefix) -> Result<Node, TreeError> {
        let mut sum = Node::default();
        for tree in &self.trees {
            if let Some(bytes) = self.rows.get(&rows::of_node(tree, prefix)).map_err(unreadable)? {
                sum.join(&Node::decode(&bytes)?);
            }
        }
        Ok(sum)
    }

    fn items(&self, prefix: &Prefix, limit: usize) -> Result<Vec<Item>, TreeError> {
        let mut items = Vec::new();
        for tree in &self.trees {
            items.extend(self.items_of(tree, prefix, limit).map_err(unreadable)?);
        }
        items.sort_by_cached_key(Item::key);
        items.truncate(limit);
        Ok(items)
    }

    fn item(&self, document: DocumentId, actor: Actor) -> Result<Option<Item>, TreeError> {
        for tree in &self.trees {
            let key = rows::of_item(tree, &ItemKey::of(document, actor));
            if let Some(item) = rows::get(self.rows, &key).map_err(unreadable)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }
}

fn unreadable(source: StoreError) -> TreeError {
    TreeError::Store { source: Box::new(source) }
}
