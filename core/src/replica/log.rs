//! The rows of the hub's log, read: for the hub that shows it, and for whoever checks a hub's folder.

use super::ReplicaError;
use super::documents::each_row;
use super::hub::log::missing;
use super::rows::{self, LOG_LEAF, LOG_NODE, meta};
use crate::store::{Read, Store, StoreError};
use crate::trust::log::LogLeaf;
use crate::trust::merkle::{Frontier, NodeName, Nodes, TreeHash};

/// Returns the right edge of the log's tree; an empty one where nothing was logged yet.
pub(super) fn tree_of(rows: &dyn Read) -> Result<Frontier, StoreError> {
    Ok(rows::get(rows, &rows::single(meta::LOG))?.unwrap_or_default())
}

/// Returns a leaf's bytes.
pub(super) fn leaf_bytes(rows: &dyn Read, index: u64) -> Result<Vec<u8>, StoreError> {
    rows.get(&rows::of_number(LOG_LEAF, index))?.ok_or_else(|| missing(&format!("leaf {index}")))
}

/// The log's tree as rows.
pub(super) struct StoredNodes<'a>(pub(super) &'a dyn Read);

impl Nodes for StoredNodes<'_> {
    type Error = StoreError;

    fn node(&self, name: NodeName) -> Result<TreeHash, StoreError> {
        if name.level == 0 {
            return Ok(TreeHash::of_leaf(&leaf_bytes(self.0, name.index)?));
        }
        let row = rows::get(self.0, &rows::of_log_node(name))?;
        row.ok_or_else(|| missing(&format!("node {}/{}", name.level, name.index)))
    }
}

/// A log that was read whole and whose tree was made anew from its leaves.
pub struct LogCheck {
    /// The tree's size and hash.
    pub tree: Frontier,
    /// Leaves that this program cannot read: a later one wrote them.
    pub unread: u64,
    /// What does not agree, in English; empty when all is well.
    pub problems: Vec<String>,
}

/// How many problems one check names.
const PROBLEMS_MAX: usize = 16;

/// Reads the log in a hub's store, makes its tree anew from the leaves and compares it with the kept one.
/// `each` sees every leaf in order, by its number, and the tree with it. Holds few leaves in memory.
///
/// # Errors
///
/// Returns [`ReplicaError::Store`] when reading fails.
pub fn check_log(
    store: &dyn Store,
    mut each: impl FnMut(u64, Option<&LogLeaf>, &Frontier),
) -> Result<LogCheck, ReplicaError> {
    let kept = tree_of(store)?;
    let mut check = LogCheck { tree: Frontier::default(), unread: 0, problems: Vec::new() };
    each_row(store, &[LOG_LEAF], None, |key, bytes| {
        let number = rows::number_in(key).unwrap_or(u64::MAX);
        if number != check.tree.size() {
            check.say(format!("leaf {} is missing", check.tree.size()));
        }
        let leaf = LogLeaf::decode(bytes);
        check.unread += u64::from(leaf.is_none());
        for (name, hash) in check.tree.append(TreeHash::of_leaf(bytes)) {
            if name.level > 0 {
                let row: Option<TreeHash> = rows::get(store, &rows::of_log_node(name))?;
                if row != Some(hash) {
                    check.say(format!(
                        "node {}/{} is not that of its leaves",
                        name.level, name.index
                    ));
                }
            }
        }
        each(number, leaf.as_ref(), &check.tree);
        Ok(())
    })?;
    if kept != check.tree {
        check.say("the kept tree is not that of the leaves".to_owned());
    }
    let mut nodes = 0;
    each_row(store, &[LOG_NODE], None, |_, _| {
        nodes += 1;
        Ok(())
    })?;
    let due = check.tree.size().saturating_sub(u64::from(check.tree.size().count_ones()));
    if nodes != due {
        check.say(format!("there are {nodes} nodes of the tree in place of {due}"));
    }
    Ok(check)
}

impl LogCheck {
    fn say(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}
