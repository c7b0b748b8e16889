//! Finds what ends whoever merges it, and has the rest merged.
//!
//! Somebody who ends in the middle says nothing of why: one change may have done it, or all of them
//! together. So a batch that ended two of them is merged in pieces ([`pieces`]), each by somebody with limits
//! of its own. A change is at fault only if it ends two of them alone, where everything that stands before it
//! is in the document already: what is too much only as a sum blames nobody, and whoever built on a change
//! that is at fault is not blamed for it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::merger::{Fate, MergeJob, MergeWork, Merger, MergerError};
use crate::model::ChangeHash;
use crate::sync::Verdict;

mod pieces;

use pieces::Pieced;

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
        match twice(|| merger.merge(&some)) {
            Ok(work) => break work,
            Err(error) if error.ended() && !left.is_empty() => {}
            Err(error) => return Err(error),
        }
        if deadly.len() == DEADLY_MAX {
            left.clear();
            continue;
        }
        let culprit = match pieces::merge(merger, &some)? {
            Pieced::Done(work) => break work,
            Pieced::Deadly(culprit) => culprit,
        };
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

/// Has something done, once more if whoever did it ended: somebody may have stopped it for another reason.
///
/// # Errors
///
/// As whoever does it.
pub(super) fn twice<T>(job: impl Fn() -> Result<T, MergerError>) -> Result<T, MergerError> {
    match job() {
        Err(error) if error.ended() => job(),
        done => done,
    }
}

#[cfg(test)]
mod tests;
