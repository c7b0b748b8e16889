//! Renaming a line of changes that diverged under one actor, so that equivocation loses nothing.
//!
//! A cloned phone, or one restored from an old copy, has written other changes under numbers that
//! its actor had used already. The first line stays. The second is written again under a new actor:
//! the same operations with the same counters, so what they meant to one another stays. Each
//! renamed change names its original in its message.

use std::collections::BTreeMap;

use automerge::legacy::{ElementId, Key, ObjectId, OpId};
use automerge::{ActorId, Change, ExpandedChange};

use super::change::RawChange;
use super::document::{Document, DocumentError, contain, to_automerge};
use super::ids::{Actor, ChangeHash};

/// Begins the message of a renamed change; the old actor and the original's hash follow, in
/// hexadecimal, each after a space.
pub const RENAMED: &str = "renamed";

/// Operations from this counter on, of this actor, belong to a renamed line.
#[derive(Debug, Clone)]
struct Range {
    from: u64,
    to: u64,
    actor: ActorId,
}

/// What has been renamed to what.
#[derive(Debug, Default)]
struct Renames {
    hashes: BTreeMap<ChangeHash, ChangeHash>,
    operations: BTreeMap<Vec<u8>, Vec<Range>>,
}

impl Renames {
    fn add(&mut self, original: ChangeHash, old: &[u8], renamed: ChangeHash, range: Range) {
        self.hashes.insert(original, renamed);
        self.operations.entry(old.to_vec()).or_default().push(range);
    }

    fn id(&self, id: &mut OpId) {
        let ranges = self.operations.get(id.1.to_bytes());
        let range = ranges
            .and_then(|ranges| ranges.iter().find(|range| (range.from..=range.to).contains(&id.0)));
        if let Some(range) = range {
            id.1 = range.actor.clone();
        }
    }
}

impl Document {
    /// Writes changes of a diverged line again, under a new actor.
    ///
    /// `self` is the line that stays. `orphaned` are one actor's changes that it refuses or cannot
    /// place, in the order of their numbers; they may also depend on changes that were renamed
    /// before and are in `self`. Nothing is applied.
    ///
    /// # Errors
    ///
    /// Returns [`DocumentError::Reauthor`] when the changes are not one actor's in order, or the new
    /// actor has used the operation numbers already: take a fresh actor then.
    pub fn reauthor(
        &self,
        orphaned: &[RawChange],
        old: Actor,
        new: Actor,
        first_seq: u64,
    ) -> Result<Vec<RawChange>, DocumentError> {
        let fail = |reason| DocumentError::Reauthor { reason };
        let mut previous = self.tips.get(new.as_bytes()).copied();
        if previous.map_or(0, |(seq, _)| seq).checked_add(1) != Some(first_seq) {
            return Err(fail("the new actor's next number is another"));
        }
        let used = previous.and_then(|(_, hash)| self.known.get(&hash)).map_or(0, |k| k.max_op);
        let mut renames = self.renames();
        let mut renamed = Vec::with_capacity(orphaned.len());
        let mut last = 0;
        for (seq, raw) in (first_seq..).zip(orphaned) {
            let facts = raw.facts();
            if facts.actor != old.as_bytes() || facts.seq <= last {
                return Err(fail("the changes are not one actor's in order"));
            }
            if facts.start_op <= used {
                return Err(fail("the new actor has used these operation numbers"));
            }
            last = facts.seq;
            let change = contain(|| {
                let change = Change::from_bytes(raw.bytes().to_vec()).ok()?;
                let message = format!("{RENAMED} {old} {}", facts.hash);
                let mut change = change.decode();
                rename(&mut change, &renames, old, new);
                change.seq = seq;
                change.message = Some(message);
                if let Some((_, hash)) = previous {
                    let hash = to_automerge(&hash);
                    if !change.deps.contains(&hash) {
                        change.deps.push(hash);
                    }
                }
                change.deps.sort_unstable();
                change.deps.dedup();
                Some(Change::from(change).raw_bytes().to_vec())
            });
            let bytes = change.flatten().ok_or_else(|| fail("Automerge cannot decode a change"))?;
            let change =
                RawChange::inspect(bytes).map_err(|_| fail("a renamed change is over a limit"))?;
            let range = Range {
                from: facts.start_op,
                to: facts.start_op.saturating_add(facts.ops.saturating_sub(1)),
                actor: ActorId::from(new.0),
            };
            renames.add(facts.hash, old.as_bytes(), change.facts().hash, range);
            previous = Some((seq, change.facts().hash));
            renamed.push(change);
        }
        Ok(renamed)
    }

    /// Returns the originals of the renamed changes held here, so that none is renamed twice.
    #[must_use]
    pub fn renamed_originals(&self) -> Vec<ChangeHash> {
        self.renames().hashes.into_keys().collect()
    }

    /// Collects the renames that changes held here tell of.
    fn renames(&self) -> Renames {
        let mut renames = Renames::default();
        let metas = contain(|| self.automerge.get_changes_meta(&[])).unwrap_or_default();
        for meta in metas {
            let Some(message) = &meta.message else { continue };
            let mut words = message.split(' ');
            let (Some(RENAMED), Some(old), Some(original)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let (Ok(old), Ok(original)) = (old.parse::<Actor>(), original.parse::<ChangeHash>())
            else {
                continue;
            };
            let range = Range {
                from: meta.start_op,
                to: meta.max_op,
                actor: meta.actor.clone().into_owned(),
            };
            renames.add(original, old.as_bytes(), ChangeHash(meta.hash.0), range);
        }
        renames
    }
}

fn rename(change: &mut ExpandedChange, renames: &Renames, old: Actor, new: Actor) {
    let (old, new) = (ActorId::from(old.0), ActorId::from(new.0));
    let start = change.start_op.get();
    let own = |id: &mut OpId| {
        // Within the change itself, before it is known to the renames.
        if id.1 == old && id.0 >= start {
            id.1 = new.clone();
        } else {
            renames.id(id);
        }
    };
    for op in &mut change.operations {
        if let ObjectId::Id(id) = &mut op.obj {
            own(id);
        }
        if let Key::Seq(ElementId::Id(id)) = &mut op.key {
            own(id);
        }
        let mut preds: Vec<OpId> = op.pred.iter().cloned().collect();
        preds.iter_mut().for_each(&own);
        op.pred = preds.into_iter().collect();
    }
    for dep in &mut change.deps {
        if let Some(renamed) = renames.hashes.get(&ChangeHash(dep.0)) {
            *dep = to_automerge(renamed);
        }
    }
    change.actor_id = new;
    change.hash = None;
}
