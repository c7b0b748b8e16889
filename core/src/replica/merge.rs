//! Merging what the hub accepted: one document at a time, all its waiting packs at once.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::facts::{Fact, MergedPack, PackPlace, Quarantined};
use super::hub::{Hub, MergeReport, notice};
use super::records::Records;
use super::rows::{self, PARKED, PENDING};
use crate::model::{ChangeHash, Document, DocumentId, RawChange, Refusal, Timestamp};
use crate::store::StoreError;
use crate::sync::{Pack, Verdict};

/// Packs merged into a document at once; more follow in the next batch.
const MERGE_PACKS_MAX: usize = 512;

/// Parked packs looked at in one merge; several devices may have parked as many as they may.
pub(super) const PARKED_PACKS_MAX: usize = 4_096;

/// Merging a batch again without its poisonous packs, at most this often before all that is left of
/// the batch is refused: each round removes at least one signer's pack.
const MERGE_ROUNDS_MAX: usize = 8;

/// A pack and where it stands.
type Placed = (PackPlace, Pack);

/// What is to become of the packs of one batch.
#[derive(Default)]
struct Sorted {
    ready: Vec<Placed>,
    parked: Vec<Placed>,
    refused: Vec<(PackPlace, Quarantined)>,
}

impl Hub {
    pub(super) fn merge(
        &self,
        document: DocumentId,
        now: Timestamp,
    ) -> Result<MergeReport, ReplicaError> {
        let batch = self.batch(document)?;
        let genesis = self.replica().genesis(document)?;
        let mut loaded = self.replica().load_whole(document)?;
        let base = loaded.document.clone();
        let sorted = sort(&base, &mut loaded.document, batch);
        let Sorted { ready, parked, refused } = sorted;
        let report = MergeReport {
            document: Some(document),
            merged: ready.len(),
            parked: parked.len(),
            refused: refused.len(),
        };
        let merged = causal(&ready);
        let parked = parked.iter().map(|(place, pack)| (*place, pack.device())).collect();
        let scope = genesis.scope;
        let at = self.record(Fact::Merged { document, scope, merged, parked, refused, at: now })?;
        if let Some(last) = report.merged.checked_sub(1) {
            let index = u32::try_from(last).unwrap_or(u32::MAX);
            let place = PackPlace { at: at.0, index };
            loaded.upto = Some(rows::of_place(rows::SOURCE, document, place));
            loaded.fresh += report.merged;
            match self.replica().renew(document, &mut loaded) {
                // The merge is recorded; a refresh makes its rows when there is room.
                Ok(()) | Err(ReplicaError::Store(StoreError::Full { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(report)
    }

    /// Reads the packs of a document that wait to be merged, parked ones included.
    fn batch(&self, document: DocumentId) -> Result<Vec<Placed>, ReplicaError> {
        let store = self.replica().store();
        let mut records = Records::default();
        let mut batch = Vec::new();
        for (table, most) in [(PARKED, PARKED_PACKS_MAX), (PENDING, MERGE_PACKS_MAX)] {
            let prefix = rows::of_document(table, document);
            for (key, _) in store.scan(&prefix, None, most)? {
                let Some(place) = rows::place_in(&key) else { continue };
                batch.push((place, Pack::decode(&records.pack(&**store, place)?)?));
            }
        }
        batch.sort_by_key(|(place, _)| *place);
        Ok(batch)
    }
}

/// Applies what can be applied, pack by whole pack, and says what became of each. `content` ends up
/// as `base` with the ready packs and nothing else.
fn sort(base: &Document, content: &mut Document, mut batch: Vec<Placed>) -> Sorted {
    let mut sorted = Sorted::default();
    for _ in 0..MERGE_ROUNDS_MAX {
        let applied = content.apply(&changes_of(&batch));
        let faults: BTreeMap<ChangeHash, &Refusal> = applied
            .refused
            .iter()
            .filter(|(_, refusal)| !matches!(refusal, Refusal::OnRefused { .. }))
            .map(|(hash, refusal)| (*hash, refusal))
            .collect();
        if faults.is_empty() {
            let waiting: BTreeSet<ChangeHash> = applied
                .waiting
                .into_iter()
                .chain(applied.refused.iter().map(|(h, _)| *h))
                .collect();
            let (ready, parked) = part(batch, waiting);
            if !parked.is_empty() {
                // A pack that waits may have begun to apply; it enters whole or not at all.
                *content = base.clone();
                content.apply(&changes_of(&ready));
            }
            sorted.ready = ready;
            sorted.parked.extend(parked);
            return sorted;
        }
        let mut rest = Vec::new();
        for (place, pack) in batch {
            let own = pack.changes().iter().filter_map(|change| faults.get(&change.facts().hash));
            match own.map(|refusal| verdict_of(refusal)).max() {
                Some(verdict) => {
                    let notice = notice(&pack, verdict);
                    let (device, bytes) = (pack.device(), Vec::new());
                    sorted.refused.push((place, Quarantined { device, notice, bytes }));
                }
                None => rest.push((place, pack)),
            }
        }
        batch = rest;
        *content = base.clone();
    }
    // Enough was tried for one merge. Nobody is blamed for the rest; it is looked at again.
    sorted.parked.extend(batch);
    sorted
}

fn changes_of(batch: &[Placed]) -> Vec<RawChange> {
    batch.iter().flat_map(|(_, pack)| pack.changes().iter().cloned()).collect()
}

/// Parts packs that are ready from those that hold a waiting change, or build on one that does.
fn part(batch: Vec<Placed>, mut waiting: BTreeSet<ChangeHash>) -> (Vec<Placed>, Vec<Placed>) {
    let (mut ready, mut parked) = (batch, Vec::new());
    loop {
        let blocked = |(_, pack): &Placed| {
            pack.changes().iter().any(|change| {
                let facts = change.facts();
                waiting.contains(&facts.hash) || facts.deps.iter().any(|dep| waiting.contains(dep))
            })
        };
        let (more, rest): (Vec<Placed>, Vec<Placed>) = ready.into_iter().partition(blocked);
        ready = rest;
        if more.is_empty() {
            return (ready, parked);
        }
        for (_, pack) in &more {
            waiting.extend(pack.changes().iter().map(|change| change.facts().hash));
        }
        parked.extend(more);
    }
}

fn verdict_of(refusal: &Refusal) -> Verdict {
    match refusal {
        Refusal::Equivocation { .. } => Verdict::Equivocation,
        Refusal::ChainBroken { .. } => Verdict::ChainBroken,
        _ => Verdict::Poison,
    }
}

fn merged_pack(place: PackPlace, pack: &Pack) -> MergedPack {
    MergedPack {
        place,
        actor: pack.actor(),
        device: pack.device(),
        incarnation: pack.incarnation(),
        seq: pack.last_seq(),
        tip: pack.tip_hash(),
    }
}

/// Orders packs so that each comes after the packs whose changes it builds on. Two packs may build
/// on each other's changes; then they keep their order of arrival.
fn causal(packs: &[(PackPlace, Pack)]) -> Vec<MergedPack> {
    let mut holder: BTreeMap<ChangeHash, usize> = BTreeMap::new();
    for (index, (_, pack)) in packs.iter().enumerate() {
        holder.extend(pack.changes().iter().map(|change| (change.facts().hash, index)));
    }
    let mut causes: Vec<BTreeSet<usize>> = Vec::with_capacity(packs.len());
    for (index, (_, pack)) in packs.iter().enumerate() {
        let deps = pack.changes().iter().flat_map(|change| &change.facts().deps);
        causes.push(
            deps.filter_map(|dep| holder.get(dep)).copied().filter(|at| *at != index).collect(),
        );
    }
    let mut ordered = Vec::with_capacity(packs.len());
    let mut left: BTreeSet<usize> = (0..packs.len()).collect();
    while let Some(&first) = left.iter().next() {
        let ready = |index: &&usize| causes[**index].iter().all(|cause| !left.contains(cause));
        let next = left.iter().find(ready).copied().unwrap_or(first);
        left.remove(&next);
        let (place, pack) = &packs[next];
        ordered.push(merged_pack(*place, pack));
    }
    ordered
}
