//! A batch merged in pieces, each on what the one before it came to.

use std::collections::{BTreeMap, BTreeSet};

use super::twice;
use crate::model::{ChangeHash, RawChange};
use crate::replica::merge::merger::{Fate, MergeJob, MergeWork, Merger, MergerError};

/// Rounds without packs that cannot enter whole, before the rest is left for another time: each leaves out at
/// least one pack, and the first most often all of them.
const ROUNDS_MAX: usize = 8;

/// What merging in pieces came to.
pub(super) enum Pieced {
    /// It is done, and nothing ended anybody.
    Done(MergeWork),
    /// This change ends whoever merges it, alone, on all that stands before it.
    Deadly(ChangeHash),
}

/// A document as somebody left it.
#[derive(Clone)]
struct Reached {
    /// It, with nothing to merge.
    job: MergeJob,
    /// What its rows need.
    work: MergeWork,
}

/// Merges the packs of a job in pieces that nobody ends at, or finds a change at which they do. Packs enter
/// whole or not at all, as in one piece.
///
/// # Errors
///
/// Returns [`MergerError`] when it cannot be done, or when the document is at fault itself.
pub(super) fn merge(merger: &dyn Merger, job: &MergeJob) -> Result<Pieced, MergerError> {
    // Without any of them it must be done, or the document itself is at fault.
    let bare = MergeJob { saves: true, ..job.with(Vec::new()) };
    let begun = Reached::of(&bare, twice(|| merger.merge(&bare))?)?;
    let mut fates = vec![Fate::Parked; job.packs.len()];
    let mut left: Vec<usize> = (0..job.packs.len()).collect();
    for _ in 0..ROUNDS_MAX {
        let packs = left.iter().map(|index| job.packs[*index].as_slice());
        let mut single = BTreeMap::new();
        let reached = match all(merger, begun.clone(), &causal(packs), &mut single)? {
            Ok(reached) => reached,
            Err(culprit) => return Ok(Pieced::Deadly(culprit)),
        };
        let before = left.len();
        left.retain(|index| {
            fates[*index] = together(&job.packs[*index], &single);
            fates[*index] == Fate::Ready
        });
        if left.len() == before {
            return Ok(Pieced::Done(reached.done(job, fates)));
        }
    }
    // Enough was tried for one merge. Nobody is blamed for the rest; it is looked at again.
    left.iter().for_each(|index| fates[*index] = Fate::Parked);
    Ok(Pieced::Done(begun.done(job, fates)))
}

/// Merges changes in pieces and notes what became of each. Returns the change that is at fault where one is.
fn all(
    merger: &dyn Merger,
    begun: Reached,
    changes: &[RawChange],
    fates: &mut BTreeMap<ChangeHash, Fate>,
) -> Result<Result<Reached, ChangeHash>, MergerError> {
    let mut reached = begun;
    let (mut rest, mut size) = (changes, changes.len().div_ceil(2));
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(size.clamp(1, rest.len()));
        let job = reached.job.with(piece.iter().map(|change| vec![change.clone()]).collect());
        let done = if let [_] = piece { twice(|| merger.merge(&job)) } else { merger.merge(&job) };
        match (done, piece) {
            (Ok(work), _) => {
                let hashes = piece.iter().map(|change| change.facts().hash);
                fates.extend(hashes.zip(work.fates.iter().copied()));
                reached = Reached::of(&reached.job, work)?;
                (rest, size) = (behind, size.saturating_mul(2));
            }
            (Err(error), [alone]) if error.ended() => {
                // It is not to blame for a document that ends them without it.
                twice(|| merger.merge(&reached.job))?;
                return Ok(Err(alone.facts().hash));
            }
            (Err(error), _) if error.ended() => size = piece.len() / 2,
            (Err(MergerError::Base), _) => {
                return Err(MergerError::Garbled { what: "its saved form of the document" });
            }
            (Err(error), _) => return Err(error),
        }
    }
    Ok(Ok(reached))
}

impl Reached {
    fn of(job: &MergeJob, mut work: MergeWork) -> Result<Self, MergerError> {
        let base = work.saved.take();
        if base.is_none() {
            return Err(MergerError::Garbled { what: "no saved document" });
        }
        // What waited there for its causes may enter with the next piece.
        let held = if work.whole { Vec::new() } else { job.held.clone() };
        let job = MergeJob { base, held, ..job.with(Vec::new()) };
        Ok(Self { job, work })
    }

    fn done(self, asked: &MergeJob, fates: Vec<Fate>) -> MergeWork {
        let saved = self.job.base.filter(|_| asked.saves);
        MergeWork { fates, saved, ..self.work }
    }
}

/// What becomes of a pack whose changes came to this, each for itself.
fn together(pack: &[RawChange], single: &BTreeMap<ChangeHash, Fate>) -> Fate {
    let fates = || pack.iter().map(|change| single.get(&change.facts().hash));
    // The first: what follows it in its line fails because of it.
    let refused = fates().flatten().find(|fate| matches!(fate, Fate::Refused { .. }));
    match refused {
        Some(refused) => *refused,
        None if fates().all(|fate| fate == Some(&Fate::Ready)) => Fate::Ready,
        None => Fate::Parked,
    }
}

/// Returns all changes, each after those that it builds on.
fn causal<'a>(packs: impl Iterator<Item = &'a [RawChange]>) -> Vec<RawChange> {
    let open: BTreeMap<ChangeHash, &RawChange> =
        packs.flatten().map(|change| (change.facts().hash, change)).collect();
    let mut missing: BTreeMap<ChangeHash, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
    let mut next: BTreeSet<ChangeHash> = BTreeSet::new();
    for (hash, change) in &open {
        let deps: BTreeSet<&ChangeHash> = change.facts().deps.iter().collect();
        let within: Vec<_> = deps.into_iter().filter(|dep| open.contains_key(dep)).collect();
        within.iter().for_each(|dep| dependents.entry(**dep).or_default().push(*hash));
        if within.is_empty() {
            next.insert(*hash);
        } else {
            missing.insert(*hash, within.len());
        }
    }
    let mut ordered = Vec::with_capacity(open.len());
    while let Some(hash) = next.pop_first() {
        ordered.extend(open.get(&hash).map(|change| (*change).clone()));
        for dependent in dependents.remove(&hash).unwrap_or_default() {
            if let Some(count) = missing.get_mut(&dependent) {
                *count -= 1;
                if *count == 0 {
                    next.insert(dependent);
                }
            }
        }
    }
    ordered
}
