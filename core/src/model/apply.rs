//! Taking in foreign changes without being harmed by them.
//!
//! Decides nothing about rights. A change that is well formed but means nothing is merged all the
//! same: what it wrote is shown as damaged, and replicas stay equal.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{Automerge, Change};

use super::change::RawChange;
use super::chunk::{ChunkFault, inspect_document};
use super::document::{
    Document, FOREIGN, Known, Room, contain, heads_of, load_automerge, save_automerge,
};
use super::ids::{ChangeHash, Timestamp};
use super::layout::FIRST_ACTOR;

/// Changes in causal order, with their hashes.
type Batch<'a> = Vec<(ChangeHash, &'a RawChange)>;

/// What became of a batch of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Changes that are now in the document and were not before, in the order they were applied.
    pub applied: Vec<ChangeHash>,
    /// Changes whose dependencies are not known; the caller keeps their bytes and tries again.
    pub waiting: Vec<ChangeHash>,
    /// Changes that will never be applied, and why; the caller quarantines them.
    pub refused: Vec<(ChangeHash, Refusal)>,
}

/// Why a change can never be part of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The actor has already used the sequence number for another change: a clone or a forgery.
    #[error("its actor already wrote another change under number {seq}, namely {held}")]
    Equivocation {
        /// The number used twice.
        seq: u64,
        /// The change that came first and stays.
        held: ChangeHash,
    },
    /// The actor's previous change is not among its dependencies.
    #[error("it does not follow its actor's change number {previous}")]
    ChainBroken {
        /// The number that must come before.
        previous: u64,
    },
    /// It claims to be written by the actor of the computed first change.
    #[error("it uses the actor reserved for the computed first change")]
    ReservedActor,
    /// It depends on nothing, so it cannot belong to this document.
    #[error("it does not descend from the document's first change")]
    Rootless,
    /// It holds no operation, or its operation numbers do not follow those it depends on.
    #[error("its operation numbers do not follow those of its dependencies")]
    Operations,
    /// The document would pass a limit on its size or number of actors or operations.
    #[error("the document would pass its limit of {what}")]
    DocumentFull {
        /// The limit.
        what: &'static str,
    },
    /// Automerge fails on it, or on the document it would make.
    #[error("Automerge cannot hold it: the document would not open again")]
    Poisonous,
    /// It depends on a refused change.
    #[error("it depends on the refused change {refused}")]
    OnRefused {
        /// The refused change it depends on.
        refused: ChangeHash,
    },
}

impl Document {
    /// Applies foreign changes, in any order.
    ///
    /// The result is verified once: saved, held against the limits of a snapshot, loaded, and its
    /// heads and content read. When that fails, the batch is halved until the changes at fault are
    /// found. Never panics; refused and waiting changes leave no trace.
    pub fn apply(&mut self, changes: &[RawChange]) -> Applied {
        self.apply_within(changes, &FOREIGN)
    }

    pub(crate) fn apply_within(&mut self, changes: &[RawChange], room: &Room) -> Applied {
        self.at_their_schema(changes, |document, changes| document.take_in(changes, room))
    }

    fn take_in(&mut self, changes: &[RawChange], room: &Room) -> Applied {
        let mut sorting = Sorting::new(self);
        sorting.run(changes);
        let Sorting { ready, mut outcome, .. } = sorting;
        let ready: Batch<'_> =
            ready.into_iter().map(|change| (change.facts().hash, change)).collect();
        if ready.is_empty() {
            return outcome;
        }
        let mut poisonous = BTreeMap::new();
        let mut work = vec![ready];
        while let Some(batch) = work.pop() {
            let (batch, orphaned) = without_descendants(batch, &poisonous);
            poisonous.extend(orphaned);
            if batch.is_empty() {
                continue;
            }
            match self.tried(&batch, room) {
                Ok(next) => {
                    outcome.applied.extend(batch.iter().map(|(hash, _)| *hash));
                    *self = next;
                }
                Err(refusal) if batch.len() == 1 => {
                    poisonous.insert(batch[0].0, refusal);
                }
                Err(_) => {
                    // In causal order, so the first half stands on its own.
                    let (first, second) = batch.split_at(batch.len() / 2);
                    work.push(second.to_vec());
                    work.push(first.to_vec());
                }
            }
        }
        outcome.refused.extend(poisonous);
        outcome.refused.sort_unstable_by_key(|(hash, _)| *hash);
        outcome
    }

    /// Applies changes that this replica has verified and recorded before, as when a document is
    /// opened from the journal: without saving and loading it again. When Automerge fails on them
    /// all the same, they are looked at one by one as foreign changes are.
    pub fn replay(&mut self, changes: &[RawChange]) -> Applied {
        self.at_their_schema(changes, Self::take_again)
    }

    /// Adds the containers of the newest schema if a change that comes in needs them. Where none
    /// that needs them does come in, the document stays at its schema, so that the schema follows
    /// from the changes held.
    fn at_their_schema(
        &mut self,
        changes: &[RawChange],
        take: impl Fn(&mut Self, &[RawChange]) -> Applied,
    ) -> Applied {
        let Some((mut raised, addition)) = self.raised_for(changes) else {
            return take(self, changes);
        };
        let outcome = take(&mut raised, changes);
        let came: BTreeSet<&ChangeHash> = outcome.applied.iter().collect();
        let came = |change: &&RawChange| came.contains(&change.facts().hash);
        if changes.iter().filter(came).any(|change| change.facts().deps.contains(&addition)) {
            *self = raised;
        } else {
            let rest: Vec<RawChange> = changes.iter().filter(came).cloned().collect();
            take(self, &rest);
        }
        outcome
    }

    fn take_again(&mut self, changes: &[RawChange]) -> Applied {
        let mut sorting = Sorting::new(self);
        sorting.run(changes);
        let Sorting { ready, mut outcome, .. } = sorting;
        if ready.is_empty() {
            return outcome;
        }
        let hashes: Vec<ChangeHash> = ready.iter().map(|change| change.facts().hash).collect();
        let copy = contain(|| {
            let mut copy = self.automerge.clone();
            let parsed = ready.iter().map(|raw| Change::from_bytes(raw.bytes().to_vec()));
            copy.apply_changes(parsed.collect::<Result<Vec<_>, _>>().ok()?).ok()?;
            // Automerge holds them all, and nothing waits inside it.
            (heads_of(&copy) == self.heads_after(&ready)).then_some(copy)
        });
        match copy.flatten() {
            Some(copy) => {
                outcome.applied.extend(hashes);
                self.replace(copy, &ready);
                outcome
            }
            None => self.take_in(changes, &FOREIGN),
        }
    }

    /// Returns what the heads must be once the document holds these changes too, sorted.
    fn heads_after(&self, changes: &[&RawChange]) -> Vec<ChangeHash> {
        let mut heads: BTreeSet<ChangeHash> = self.heads().into_iter().collect();
        heads.extend(changes.iter().map(|change| change.facts().hash));
        for dep in changes.iter().flat_map(|change| &change.facts().deps) {
            heads.remove(dep);
        }
        heads.into_iter().collect()
    }

    /// Returns the document with these changes, if it can be saved, opened and read again.
    fn tried(&self, batch: &[(ChangeHash, &RawChange)], room: &Room) -> Result<Self, Refusal> {
        contain(|| {
            let mut copy = self.automerge.clone();
            let mut parsed = Vec::with_capacity(batch.len());
            for (hash, raw) in batch {
                let change = Change::from_bytes(raw.bytes().to_vec()).ok()?;
                if change.hash().0 != hash.0 {
                    return None;
                }
                parsed.push(change);
            }
            copy.apply_changes(parsed).ok()?;
            Some(copy)
        })
        .flatten()
        .ok_or(Refusal::Poisonous)
        .and_then(|copy| self.verified(&copy, batch, room))
    }

    fn verified(
        &self,
        copy: &Automerge,
        batch: &[(ChangeHash, &RawChange)],
        room: &Room,
    ) -> Result<Self, Refusal> {
        let bytes = contain(|| save_automerge(copy)).ok_or(Refusal::Poisonous)?;
        // What is merged here is a snapshot elsewhere, so both are held against the same limits.
        inspect_document(&bytes, room).map_err(|fault| match fault {
            ChunkFault::Over(what) => Refusal::DocumentFull { what },
            ChunkFault::Form(_) => Refusal::Poisonous,
        })?;
        let loaded = contain(|| {
            let loaded = load_automerge(&bytes).ok()?;
            if heads_of(&loaded) != heads_of(copy) {
                return None;
            }
            let document = self.with_content(loaded);
            if !batch.iter().all(|(hash, _)| document.has(hash)) {
                return None;
            }
            // A document that opens but cannot be read is as lost as one that does not open.
            if document.view().record().bytes().is_empty() {
                return None;
            }
            Some(document)
        });
        loaded.flatten().ok_or(Refusal::Poisonous)
    }
}

/// Takes out what depends on a refused change; returns what stays, and what goes with its reason.
fn without_descendants<'a>(
    batch: Batch<'a>,
    refused: &BTreeMap<ChangeHash, Refusal>,
) -> (Batch<'a>, Vec<(ChangeHash, Refusal)>) {
    let mut gone: BTreeSet<ChangeHash> = refused.keys().copied().collect();
    let mut kept = Vec::with_capacity(batch.len());
    let mut orphaned = Vec::new();
    for (hash, change) in batch {
        match change.facts().deps.iter().find(|dep| gone.contains(dep)) {
            Some(dep) => {
                orphaned.push((hash, Refusal::OnRefused { refused: *dep }));
                gone.insert(hash);
            }
            None => kept.push((hash, change)),
        }
    }
    (kept, orphaned)
}

/// Puts a batch into causal order and takes out what can be told without Automerge.
struct Sorting<'d, 'c> {
    document: &'d Document,
    /// Ready changes, dependencies first.
    ready: Vec<&'c RawChange>,
    /// Facts of ready changes.
    fresh: BTreeMap<ChangeHash, Known>,
    /// Who used which number in this batch.
    numbers: BTreeMap<(Vec<u8>, u64), ChangeHash>,
    outcome: Applied,
}

impl<'d, 'c> Sorting<'d, 'c> {
    fn new(document: &'d Document) -> Self {
        Self {
            document,
            ready: Vec::new(),
            fresh: BTreeMap::new(),
            numbers: BTreeMap::new(),
            outcome: Applied::default(),
        }
    }

    fn run(&mut self, changes: &'c [RawChange]) {
        // By hash: the same batch gives the same outcome in any order.
        let mut open: BTreeMap<ChangeHash, &'c RawChange> = changes
            .iter()
            .map(|change| (change.facts().hash, change))
            .filter(|(hash, _)| !self.document.has(hash))
            .collect();
        let mut refused: BTreeMap<ChangeHash, Refusal> = BTreeMap::new();
        let mut missing: BTreeMap<ChangeHash, usize> = BTreeMap::new();
        let mut dependents: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
        let mut next: BTreeSet<ChangeHash> = BTreeSet::new();
        for (hash, change) in &open {
            let mut count = 0;
            let deps: BTreeSet<&ChangeHash> = change.facts().deps.iter().collect();
            for dep in deps.into_iter().filter(|dep| !self.document.has(dep)) {
                dependents.entry(*dep).or_default().push(*hash);
                count += 1;
            }
            if count == 0 {
                next.insert(*hash);
            } else {
                missing.insert(*hash, count);
            }
        }
        while let Some(hash) = next.pop_first() {
            let Some(change) = open.remove(&hash) else { continue };
            let dep = change.facts().deps.iter().find(|dep| refused.contains_key(dep));
            let verdict = dep.map_or_else(
                || self.admit(change),
                |dep| Err(Refusal::OnRefused { refused: *dep }),
            );
            if let Err(refusal) = verdict {
                refused.insert(hash, refusal);
            }
            for dependent in dependents.remove(&hash).unwrap_or_default() {
                if let Some(count) = missing.get_mut(&dependent) {
                    *count -= 1;
                    if *count == 0 {
                        next.insert(dependent);
                    }
                }
            }
        }
        self.outcome.waiting.extend(open.keys());
        self.outcome.refused.extend(refused);
    }

    fn known(&self, hash: &ChangeHash) -> Option<&Known> {
        self.document.known.get(hash).or_else(|| self.fresh.get(hash))
    }

    /// Checks one change whose dependencies are all known.
    fn admit(&mut self, change: &'c RawChange) -> Result<(), Refusal> {
        let facts = change.facts();
        if facts.actor == FIRST_ACTOR {
            return Err(Refusal::ReservedActor);
        }
        if facts.deps.is_empty() {
            return Err(Refusal::Rootless);
        }
        if let Some(held) = self.held(&facts.actor, facts.seq) {
            return Err(Refusal::Equivocation { seq: facts.seq, held });
        }
        // Automerge always names the actor's previous change, even when another head implies it.
        let follows = facts.seq == 1
            || facts.deps.iter().any(|dep| {
                self.known(dep)
                    .is_some_and(|dep| dep.actor == facts.actor && dep.seq + 1 == facts.seq)
            });
        if facts.seq == 0 || !follows {
            return Err(Refusal::ChainBroken { previous: facts.seq.saturating_sub(1) });
        }
        let base = facts.deps.iter().filter_map(|dep| self.known(dep)).map(|dep| dep.max_op).max();
        let start = base.and_then(|base| base.checked_add(1));
        let end = facts.start_op.checked_add(facts.ops);
        let (Some(start), Some(end)) = (start, end) else { return Err(Refusal::Operations) };
        if facts.ops == 0 || facts.start_op != start {
            return Err(Refusal::Operations);
        }
        let known = Known {
            actor: facts.actor.clone(),
            seq: facts.seq,
            max_op: end - 1,
            at: Timestamp(facts.time),
            deps: facts.deps.clone(),
        };
        self.fresh.insert(facts.hash, known);
        self.numbers.insert((facts.actor.clone(), facts.seq), facts.hash);
        self.ready.push(change);
        Ok(())
    }

    /// Returns the change that already has this actor's number.
    fn held(&self, actor: &[u8], seq: u64) -> Option<ChangeHash> {
        if let Some(hash) = self.numbers.get(&(actor.to_vec(), seq)) {
            return Some(*hash);
        }
        let (tip, _) = self.document.tips.get(actor)?;
        if seq > *tip {
            return None;
        }
        let known = &self.document.known;
        known.iter().find(|(_, held)| held.actor == actor && held.seq == seq).map(|(hash, _)| *hash)
    }
}
