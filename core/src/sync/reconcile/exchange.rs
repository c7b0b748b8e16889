//! One comparison, seen from one side.

use std::collections::BTreeMap;

use super::{
    COMPARE_TURNS_MAX, DIFFERENCES_MAX, Equivocation, FAN_OUT, Fingerprint, ITEMS_INLINE_MAX, Item,
    ItemKey, ItemTree, LEAF_ITEMS_MAX, Part, Prefix, RECONCILE_ITEMS_MAX, RECONCILE_PARTS_MAX,
    ReconcileError, ReconcileMessage, TURN_ITEMS_MAX, TURN_QUESTIONS_MAX, nothing, want_after,
};
use crate::sync::message::Want;

/// What a comparison found. Both sides find the same, mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences {
    /// What this side has more of: send it from there.
    pub gives: Vec<Want>,
    /// What the other side has more of: it will send it.
    pub takes: Vec<Want>,
    /// Reused places.
    pub equivocations: Vec<Equivocation>,
    /// There were more than [`DIFFERENCES_MAX`]; another comparison finds them. Both sides count the
    /// same, so both know.
    pub more: bool,
    /// [`DIFFERENCES_MAX`], or less in a test.
    limit: usize,
}

impl Default for Differences {
    fn default() -> Self {
        Self::limited(DIFFERENCES_MAX)
    }
}

impl Differences {
    pub(crate) fn limited(limit: usize) -> Self {
        let (gives, takes, equivocations) = (Vec::new(), Vec::new(), Vec::new());
        Self { gives, takes, equivocations, more: false, limit }
    }

    /// Returns what was found and starts anew.
    pub(crate) fn take(&mut self) -> Self {
        let fresh = Self::limited(self.limit);
        std::mem::replace(self, fresh)
    }

    fn note(&mut self, mine: Item, theirs: Item) {
        if self.gives.len() + self.takes.len() + self.equivocations.len() >= self.limit {
            self.more = true;
        } else if mine.seq > theirs.seq {
            self.gives.push(want_after(&theirs));
        } else if mine.seq < theirs.seq {
            self.takes.push(want_after(&mine));
        } else if mine.hash != theirs.hash {
            self.equivocations.push(Equivocation { mine, theirs });
        }
    }
}

/// One side of a comparison.
#[derive(Debug, Default)]
pub struct Reconciler {
    reply: Vec<Part>,
    reply_items: usize,
    /// Questions heard in this turn.
    questions: usize,
    /// Items heard in this turn.
    items: usize,
    /// Turns of both sides.
    turns: usize,
    finished: bool,
}

impl Reconciler {
    /// Returns the opening question: the root.
    ///
    /// # Errors
    ///
    /// Returns [`ReconcileError::Tree`] when the index cannot be read.
    pub fn open(tree: &dyn ItemTree) -> Result<ReconcileMessage, ReconcileError> {
        let fingerprint = tree.node(&Prefix::ROOT)?.fingerprint();
        let parts = vec![Part::Node { prefix: Prefix::ROOT, fingerprint }];
        Ok(ReconcileMessage { parts, last: true })
    }

    /// Reports whether nothing is left to compare.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Takes a message and returns what to say, if it is this side's turn and there is something to
    /// say. What was found is added to `found`.
    ///
    /// # Errors
    ///
    /// Returns [`ReconcileError`] when the peer misbehaves or the index cannot be read.
    pub fn handle(
        &mut self,
        message: ReconcileMessage,
        tree: &dyn ItemTree,
        found: &mut Differences,
    ) -> Result<Vec<ReconcileMessage>, ReconcileError> {
        check(&message, self.finished)?;
        if self.turns >= COMPARE_TURNS_MAX {
            return Err(ReconcileError::Malformed { what: "more turns than the tree is deep" });
        }
        for part in message.parts {
            self.items += part.items();
            if self.items > TURN_ITEMS_MAX {
                return Err(ReconcileError::Malformed { what: "more items than a turn holds" });
            }
            self.questions += usize::from(part.asks());
            if self.questions > TURN_QUESTIONS_MAX {
                return Err(ReconcileError::Malformed { what: "more questions than nodes" });
            }
            self.answer(part, tree, found)?;
        }
        if !message.last {
            return Ok(Vec::new());
        }
        self.turns += 1;
        (self.reply_items, self.items) = (0, 0);
        if std::mem::take(&mut self.questions) == 0 {
            self.finished = true;
            return Ok(Vec::new());
        }
        self.turns += 1;
        let reply = split(std::mem::take(&mut self.reply));
        self.finished = !reply.iter().flat_map(|message| &message.parts).any(Part::asks);
        Ok(reply)
    }

    fn answer(
        &mut self,
        part: Part,
        tree: &dyn ItemTree,
        found: &mut Differences,
    ) -> Result<(), ReconcileError> {
        match part {
            Part::Node { prefix, fingerprint } => self.compare(prefix, fingerprint, tree),
            Part::Children { prefix, present, fingerprints } => {
                let mut fingerprints = fingerprints.into_iter();
                for (index, child) in prefix.children().enumerate() {
                    let theirs = match present & (1 << index) {
                        0 => Fingerprint::EMPTY,
                        _ => fingerprints.next().unwrap_or(Fingerprint::EMPTY),
                    };
                    self.compare(child, theirs, tree)?;
                }
                Ok(())
            }
            Part::Items { prefix, items } => self.match_items(prefix, &items, tree, found),
            Part::Mine { items } => {
                for theirs in items {
                    let mine = tree
                        .item(theirs.document, theirs.actor)?
                        .unwrap_or_else(|| nothing(theirs.document, theirs.actor));
                    found.note(mine, theirs);
                }
                Ok(())
            }
        }
    }

    fn compare(
        &mut self,
        prefix: Prefix,
        theirs: Fingerprint,
        tree: &dyn ItemTree,
    ) -> Result<(), ReconcileError> {
        let mine = tree.node(&prefix)?;
        if mine.fingerprint() == theirs {
            return Ok(());
        }
        if prefix.is_leaf() || mine.count <= ITEMS_INLINE_MAX {
            let items = tree.items(&prefix, LEAF_ITEMS_MAX)?;
            self.reply_with(Part::Items { prefix, items })?;
        } else {
            self.describe_children(prefix, tree)?;
        }
        Ok(())
    }

    fn reply_with(&mut self, part: Part) -> Result<(), ReconcileError> {
        self.reply_items += part.items();
        if self.reply_items > TURN_ITEMS_MAX {
            return Err(ReconcileError::Malformed {
                what: "more items asked for than a turn holds",
            });
        }
        self.reply.push(part);
        Ok(())
    }

    fn describe_children(
        &mut self,
        prefix: Prefix,
        tree: &dyn ItemTree,
    ) -> Result<(), ReconcileError> {
        let (mut present, mut fingerprints) = (0_u16, Vec::with_capacity(FAN_OUT));
        for (index, child) in prefix.children().enumerate() {
            let node = tree.node(&child)?;
            if node.count > 0 {
                present |= 1 << index;
                fingerprints.push(node.fingerprint());
            }
        }
        self.reply.push(Part::Children { prefix, present, fingerprints });
        Ok(())
    }

    /// Matches all items of the peer under a node with the own ones, and answers with those that
    /// differ.
    fn match_items(
        &mut self,
        prefix: Prefix,
        items: &[Item],
        tree: &dyn ItemTree,
        found: &mut Differences,
    ) -> Result<(), ReconcileError> {
        let count = tree.node(&prefix)?.count;
        // A peer that has little under a node where this side has much goes down first.
        if !prefix.is_leaf() && count > LEAF_ITEMS_MAX as u64 {
            return self.describe_children(prefix, tree);
        }
        // A full list may be cut short; beyond its end nothing is known of the peer.
        let end = items.last().filter(|_| items.len() == LEAF_ITEMS_MAX).map(Item::key);
        let theirs: BTreeMap<ItemKey, Item> =
            items.iter().map(|item| (item.key(), *item)).collect();
        let mut pairs = Vec::new();
        for other in items {
            let mine = tree.item(other.document, other.actor)?;
            pairs.push((mine.unwrap_or_else(|| nothing(other.document, other.actor)), *other));
        }
        for mine in tree.items(&prefix, LEAF_ITEMS_MAX)? {
            let key = mine.key();
            if !theirs.contains_key(&key) && end.is_none_or(|end| key < end) {
                pairs.push((mine, nothing(mine.document, mine.actor)));
            }
        }
        let mut differing = Vec::new();
        for (mine, other) in pairs {
            if mine != other {
                found.note(mine, other);
                differing.push(mine);
            }
        }
        if !differing.is_empty() {
            self.reply_with(Part::Mine { items: differing })?;
        }
        Ok(())
    }
}

/// Checks a message against the limits before the tree is asked anything.
fn check(message: &ReconcileMessage, finished: bool) -> Result<(), ReconcileError> {
    let malformed = |what| Err(ReconcileError::Malformed { what });
    if finished {
        return malformed("a message after the end");
    }
    // A turn of messages that say nothing would never end.
    if message.parts.is_empty() && !message.last {
        return malformed("a message that says nothing");
    }
    if message.parts.len() > RECONCILE_PARTS_MAX {
        return malformed("too many parts");
    }
    if message.parts.iter().map(Part::items).sum::<usize>() > RECONCILE_ITEMS_MAX {
        return malformed("too many items");
    }
    for part in &message.parts {
        match part {
            Part::Children { prefix, present, fingerprints } => {
                if prefix.is_leaf() || present.count_ones() as usize != fingerprints.len() {
                    return malformed("children that a node cannot have");
                }
            }
            Part::Items { prefix, items } => {
                if items.len() > LEAF_ITEMS_MAX {
                    return malformed("too many items under a node");
                }
                if !items.iter().all(|item| item.seq > 0 && prefix.holds(&item.key())) {
                    return malformed("items that do not hang under their node");
                }
                if !items.is_sorted_by(|one, two| one.key() < two.key()) {
                    return malformed("items out of order");
                }
            }
            Part::Mine { items } if items.is_empty() => {
                return malformed("an answer that says nothing");
            }
            Part::Node { .. } | Part::Mine { .. } => {}
        }
    }
    Ok(())
}

/// Cuts what is to be said into messages within the limits; at least one, the last marked.
fn split(parts: Vec<Part>) -> Vec<ReconcileMessage> {
    let mut messages = Vec::new();
    let mut current: Vec<Part> = Vec::new();
    let mut items = 0;
    for part in parts {
        let full =
            current.len() == RECONCILE_PARTS_MAX || items + part.items() > RECONCILE_ITEMS_MAX;
        if full && !current.is_empty() {
            messages.push(ReconcileMessage { parts: std::mem::take(&mut current), last: false });
            items = 0;
        }
        items += part.items();
        current.push(part);
    }
    messages.push(ReconcileMessage { parts: current, last: true });
    messages
}
