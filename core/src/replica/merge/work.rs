//! The merge itself: opens a document, applies what can be applied, and reads what its rows need.
//! It is the only part of merging that lets Automerge see foreign bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::merger::{Fate, MergeJob, MergeWork, MergerError};
use crate::model::{Applied, ChangeHash, Document, Kind, RawChange, Refusal, Summary};
use crate::replica::visits;
use crate::sync::Verdict;

/// Merging a batch again without its poisonous packs, at most this often before all that is left of
/// the batch is refused: each round removes at least one signer's pack.
const MERGE_ROUNDS_MAX: usize = 8;

/// Opens the document of a job as it is before anything is merged. Returns it, and whether all that was held
/// is in it.
pub(super) fn opened(job: &MergeJob) -> Result<(Document, bool), MergerError> {
    let mut content = match &job.base {
        Some(bytes) => {
            Document::load(&job.genesis, &job.shape, bytes).map_err(|_| MergerError::Base)?
        }
        None => Document::create(&job.genesis, &job.shape),
    };
    let Applied { waiting, refused, .. } = content.replay(&job.held);
    Ok((content, waiting.is_empty() && refused.is_empty()))
}

pub(super) fn perform(job: &MergeJob) -> Result<MergeWork, MergerError> {
    let (mut content, whole) = opened(job)?;
    let fates = sort(&mut content, &job.packs);
    let summary = summary_of(job, &content);
    Ok(MergeWork {
        fates,
        tips: content.tips(),
        visits: visits::told_by(&content, &summary),
        summary: summary.encode(),
        saved: job.saves.then(|| content.save()),
        whole,
    })
}

fn summary_of(job: &MergeJob, content: &Document) -> Summary {
    let mut summary = content.summary();
    let judges = |actor: &[u8]| job.judges.iter().any(|judge| judge.as_bytes() == actor);
    if summary.kind == Kind::Review
        && let Some(judged) = content.view().judged(judges)
    {
        summary.judge(&judged);
    }
    summary
}

/// Applies what can be applied, pack by whole pack, and says what became of each. `content` ends up
/// with the ready packs and nothing else.
fn sort(content: &mut Document, packs: &[Vec<RawChange>]) -> Vec<Fate> {
    let base = content.clone();
    let mut fates = vec![Fate::Parked; packs.len()];
    let mut batch: Vec<usize> = (0..packs.len()).collect();
    for _ in 0..MERGE_ROUNDS_MAX {
        let applied = content.apply(&changes_of(packs, &batch));
        let faults: BTreeMap<ChangeHash, &Refusal> = applied
            .refused
            .iter()
            .filter(|(_, refusal)| !matches!(refusal, Refusal::OnRefused { .. }))
            .map(|(hash, refusal)| (*hash, refusal))
            .collect();
        if faults.is_empty() {
            let on_refused = applied.refused.iter().map(|(hash, _)| *hash);
            let waiting = applied.waiting.into_iter().chain(on_refused).collect();
            let ready = part(packs, &batch, waiting);
            if ready.len() < batch.len() {
                // A pack that waits may have begun to apply; it enters whole or not at all.
                *content = base;
                content.apply(&changes_of(packs, &ready));
            }
            ready.into_iter().for_each(|index| fates[index] = Fate::Ready);
            return fates;
        }
        batch.retain(|index| {
            // The first: what follows it in its line fails because of it.
            let hashes = packs[*index].iter().map(|change| change.facts().hash);
            let own = hashes.filter_map(|hash| Some((hash, *faults.get(&hash)?))).next();
            if let Some((culprit, why)) = own {
                fates[*index] = Fate::Refused { culprit, verdict: verdict_of(why) };
            }
            own.is_none()
        });
        *content = base.clone();
    }
    // Enough was tried for one merge. Nobody is blamed for the rest; it is looked at again.
    fates
}

fn changes_of(packs: &[Vec<RawChange>], batch: &[usize]) -> Vec<RawChange> {
    batch.iter().flat_map(|index| packs[*index].iter().cloned()).collect()
}

/// Returns the packs of a batch that are ready: none of their changes waits, or builds on one that does.
fn part(
    packs: &[Vec<RawChange>],
    batch: &[usize],
    mut waiting: BTreeSet<ChangeHash>,
) -> Vec<usize> {
    let mut ready = batch.to_vec();
    loop {
        let blocked = |index: &usize| {
            packs[*index].iter().any(|change| {
                let facts = change.facts();
                waiting.contains(&facts.hash) || facts.deps.iter().any(|dep| waiting.contains(dep))
            })
        };
        let (more, rest): (Vec<usize>, Vec<usize>) = ready.into_iter().partition(blocked);
        ready = rest;
        if more.is_empty() {
            return ready;
        }
        let changes = more.iter().flat_map(|index| &packs[*index]);
        waiting.extend(changes.map(|change| change.facts().hash));
    }
}

fn verdict_of(refusal: &Refusal) -> Verdict {
    match refusal {
        Refusal::Equivocation { .. } => Verdict::Equivocation,
        Refusal::ChainBroken { .. } => Verdict::ChainBroken,
        Refusal::DocumentFull { .. } => Verdict::Full,
        _ => Verdict::Poison,
    }
}
