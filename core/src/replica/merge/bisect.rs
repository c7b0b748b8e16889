//! Finds what ends whoever merges it, and has the rest merged.
//!
//! Somebody who ends in the middle says nothing of why. So a batch that ended two of them is tried with
//! fewer and fewer changes, in causal order, until one change is left that makes the difference: whoever
//! built on it is not blamed for it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::merger::{Fate, MergeJob, MergeWork, Merger, MergerError};
use crate::model::{ChangeHash, RawChange};
use crate::sync::Verdict;

/// Packs cut out of one batch. Each costs some ten workers, a few seconds of one of them; the packs that
/// are left wait for the next batch, and other documents come between.
const DEADLY_MAX: usize = 4;

/// Has a job done, without what ends whoever does it: that is refused as poison.
///
/// # Errors
///
/// Returns [`MergerError`] when it cannot be done, or when nothing in particular is at fault.
pub(super) fn merge(merger: &dyn Merger, job: &MergeJob) -> Result<MergeWork, MergerError> {
    let mut left: Vec<usize> = (0..job.packs.len()).collect();
    let mut deadly: BTreeMap<usize, ChangeHash> = BTreeMap::new();
    let work = loop {
        let some = if left.len() == job.packs.len() {
            Cow::Borrowed(job)
        } else {
            Cow::Owned(job.with(left.iter().map(|index| job.packs[*index].clone()).collect()))
        };
        match twice(merger, &some) {
            Ok(work) => break work,
            Err(MergerError::Died { .. } | MergerError::Garbled { .. }) if !left.is_empty() => {}
            Err(error) => return Err(error),
        }
        if deadly.len() == DEADLY_MAX {
            left.clear();
            continue;
        }
        let culprit = culprit(merger, &some)?;
        let holds =
            |index: &usize| job.packs[*index].iter().any(|change| change.facts().hash == culprit);
        left.retain(|index| {
            let is_deadly = holds(index);
            if is_deadly {
                deadly.insert(*index, culprit);
            }
            !is_deadly
        });
    };
    let mut fates = vec![Fate::Parked; job.packs.len()];
    for (index, fate) in left.into_iter().zip(&work.fates) {
        fates[index] = *fate;
    }
    for (index, culprit) in deadly {
        fates[index] = Fate::Refused { culprit, verdict: Verdict::Poison };
    }
    Ok(MergeWork { fates, ..work })
}

/// Has a job done, once more if whoever did it ended: somebody may have stopped it for another reason.
fn twice(merger: &dyn Merger, job: &MergeJob) -> Result<MergeWork, MergerError> {
    match merger.merge(job) {
        Err(MergerError::Died { .. } | MergerError::Garbled { .. }) => merger.merge(job),
        done => done,
    }
}

/// Returns the change without which a job is done and with which it is not.
fn culprit(merger: &dyn Merger, job: &MergeJob) -> Result<ChangeHash, MergerError> {
    let changes = causal(&job.packs);
    let done = |count: usize| match merger.merge(&job.with(vec![changes[..count].to_vec()])) {
        Ok(_) => Ok(None),
        Err(died @ (MergerError::Died { .. } | MergerError::Garbled { .. })) => Ok(Some(died)),
        Err(error) => Err(error),
    };
    // Without any of them it must be done, or the document itself is at fault.
    if let Some(died) = done(0)? {
        return Err(died);
    }
    let (mut good, mut bad) = (0, changes.len());
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        match done(middle)? {
            Some(_) => bad = middle,
            None => good = middle,
        }
    }
    // A worker that was ended by somebody else may have led astray, and nobody is blamed by chance.
    match (done(good)?, done(bad)?) {
        (None, Some(_)) => Ok(changes[good].facts().hash),
        (Some(died), _) => Err(died),
        (None, None) => Err(MergerError::Died { how: "for no reason that comes again".to_owned() }),
    }
}

/// Returns all changes, each after those that it builds on.
fn causal(packs: &[Vec<RawChange>]) -> Vec<RawChange> {
    let open: BTreeMap<ChangeHash, &RawChange> =
        packs.iter().flatten().map(|change| (change.facts().hash, change)).collect();
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

#[cfg(test)]
mod tests;
