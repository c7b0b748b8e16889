//! Checking proofs. Total: any bytes that anybody sends are answered with true or false.

use super::TreeHash;

/// A proof longer than this proves nothing: a tree of 2^64 leaves needs no more, with one for each level
/// and one for where an old tree ended.
pub const PROOF_HASHES_MAX: usize = 65;

/// Returns whether a leaf with this hash is the `index`th, from 0, of the tree of `size` leaves with this
/// root (RFC 9162, 2.1.3.2).
#[must_use]
pub fn verify_inclusion(
    leaf: TreeHash,
    index: u64,
    size: u64,
    root: TreeHash,
    path: &[TreeHash],
) -> bool {
    if index >= size || path.len() > PROOF_HASHES_MAX {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = TreeHash::of_both(sibling, &hash);
            skip_lone(&mut at, &mut last);
        } else {
            hash = TreeHash::of_both(&hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Returns whether the tree of `old` leaves with the one root became that of `new` leaves with the other by
/// appending alone (RFC 9162, 2.1.4.2). A tree without leaves becomes any other.
#[must_use]
pub fn verify_consistency(
    (old, old_root): (u64, TreeHash),
    (new, new_root): (u64, TreeHash),
    proof: &[TreeHash],
) -> bool {
    if old > new || proof.len() > PROOF_HASHES_MAX {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && old_root == TreeHash::of_nothing();
    }
    // An old tree that is a complete subtree of the new one is where the way up begins.
    let known = old.is_power_of_two().then_some(&old_root);
    let mut way = known.into_iter().chain(proof);
    let Some(first) = way.next() else { return false };
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (mut before, mut after) = (*first, *first);
    for hash in way {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            before = TreeHash::of_both(hash, &before);
            after = TreeHash::of_both(hash, &after);
            skip_lone(&mut at, &mut last);
        } else {
            after = TreeHash::of_both(&after, hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && before == old_root && after == new_root
}

/// Goes up over levels on which a node at the right edge has no sibling.
fn skip_lone(at: &mut u64, last: &mut u64) {
    while *at & 1 == 0 && *at != 0 {
        (*at, *last) = (*at >> 1, *last >> 1);
    }
}
