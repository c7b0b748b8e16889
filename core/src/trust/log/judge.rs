//! What a phone makes of the head that a hub shows, in the light of those that it kept.

use serde::{Deserialize, Serialize};

use super::{DoubtReason, Standing, Stands, TreeHead};
use crate::model::DeviceId;

/// Heads named in one session: the own last one, and those heard from other phones since. Each costs at
/// most 5 KiB on the way back, so that all of them are a small part of a frame.
pub const HEADS_NAMED_MAX: usize = 16;

/// How a hub shows its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The log as it is now.
    pub head: TreeHead,
    /// How each head that was named stands in it, in order.
    pub standings: Vec<Standing>,
}

/// What a phone makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It continues all that was kept.
    Continues,
    /// The hub was set back to a copy, and its log says that it does not hold these heads.
    Restored {
        /// At least one.
        lost: Vec<TreeHead>,
    },
    /// It is another history than the one that was shown before.
    Forked {
        /// How that shows.
        reason: DoubtReason,
        /// The head that it neither continues nor accounts for.
        kept: TreeHead,
    },
}

/// Judges what the hub with these keys shows. `named` are the heads that it was asked to continue, the own
/// last one first; `earlier` the lives of its store before that head's. The signature of `shown` was
/// checked.
#[must_use]
pub fn judge(
    named: &[TreeHead],
    earlier: &[[u8; 16]],
    shown: &Shown,
    hub: &[DeviceId],
) -> Judgement {
    let head = &shown.head;
    if let Some(last) = named.first()
        && head.epoch != last.epoch
        && earlier.contains(&head.epoch)
    {
        return Judgement::Forked { reason: DoubtReason::EarlierLife, kept: *last };
    }
    let silent = Standing::Grew(Vec::new());
    let mut lost = Vec::new();
    for (place, kept) in named.iter().enumerate() {
        match shown.standings.get(place).unwrap_or(&silent).of(kept, hub, head) {
            Stands::Continued => {}
            Stands::Lost => lost.push(*kept),
            Stands::Nowhere => {
                let reason = if head.epoch != kept.epoch {
                    DoubtReason::Unaccounted
                } else if head.size < kept.size {
                    DoubtReason::Shorter
                } else {
                    DoubtReason::Inconsistent
                };
                return Judgement::Forked { reason, kept: *kept };
            }
        }
    }
    if lost.is_empty() { Judgement::Continues } else { Judgement::Restored { lost } }
}
