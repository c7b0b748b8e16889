//! What a phone makes of the head that a hub shows, in the light of those that it kept.

use serde::{Deserialize, Serialize};

use super::{DoubtReason, TreeHead};
use crate::trust::merkle::{TreeHash, verify_consistency};

/// Heads named in one session: the own last one, and those heard from other phones since. Each costs a
/// proof of a thousand bytes on the way back.
pub const HEADS_NAMED_MAX: usize = 4;

/// How a hub shows its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The log as it is now.
    pub head: TreeHead,
    /// How many leaves of the life that the first head named is of the hub knows to be in its log as they
    /// were; all of them while that life lasts.
    pub continues: u64,
    /// For each head named, in order, the proof that the log grew from it; empty where there is none, and
    /// where none is needed.
    pub proofs: Vec<Vec<TreeHash>>,
}

/// What a phone makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It continues all that was kept.
    Continues,
    /// The hub says that it was set back to a copy, and holds the log only so far.
    Restored {
        /// Leaves that it says to hold as they were.
        from: u64,
        /// The head that it cannot show to have grown from.
        kept: TreeHead,
    },
    /// It is another history than the one that was shown before.
    Forked {
        /// How that shows.
        reason: DoubtReason,
        /// The head that it does not continue.
        kept: TreeHead,
    },
}

/// Judges what a hub shows. `named` are the heads that it was asked to continue, the own last one first;
/// `earlier` the lives of its store before that head's. The signature of `shown` was checked.
#[must_use]
pub fn judge(named: &[TreeHead], earlier: &[[u8; 16]], shown: &Shown) -> Judgement {
    let head = &shown.head;
    if let Some(last) = named.first()
        && head.epoch != last.epoch
        && earlier.contains(&head.epoch)
    {
        return Judgement::Forked { reason: DoubtReason::EarlierLife, kept: *last };
    }
    let mut restored = None;
    for (place, kept) in named.iter().enumerate() {
        let proof = shown.proofs.get(place).map_or(&[][..], Vec::as_slice);
        if verify_consistency((kept.size, kept.root), (head.size, head.root), proof) {
            continue;
        }
        // Of which life the hub's claim is: that of the head named first.
        let claimed = named.first().is_some_and(|first| first.epoch == kept.epoch)
            && shown.continues >= kept.size;
        if head.epoch == kept.epoch || claimed {
            let reason = if head.size < kept.size {
                DoubtReason::Shorter
            } else {
                DoubtReason::Inconsistent
            };
            return Judgement::Forked { reason, kept: *kept };
        }
        restored.get_or_insert(*kept);
    }
    restored.map_or(Judgement::Continues, |kept| Judgement::Restored {
        from: shown.continues.min(kept.size),
        kept,
    })
}
