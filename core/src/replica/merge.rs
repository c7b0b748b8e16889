//! Merging what the hub accepted: one document at a time, all its waiting packs at once.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::documents::{ClosedLines, each_row};
use super::facts::{Fact, MergedPack, PackPlace, Quarantined};
use super::hub::{Hub, MergeReport, notice};
use super::rows::{self, LATER, PACK, PackRow, REFUSED, RIPE};
use crate::model::{
    Actor, ChangeHash, Document, DocumentId, RawChange, Refusal, Scope, TemplateId, Timestamp,
};
use crate::store::StoreError;
use crate::sync::{ClosedLine, Pack, Verdict};

pub(super) mod batch;

use batch::{LIMITS, Limits};

/// Parked packs counted; several devices may have parked as many as they may.
pub(in crate::replica) const PARKED_PACKS_MAX: usize = 4_096;

/// Merging a batch again without its poisonous packs, at most this often before all that is left of
/// the batch is refused: each round removes at least one signer's pack.
const MERGE_ROUNDS_MAX: usize = 8;

/// Refused changes named by one record: 4 MiB, well within a record's limit.
const REFUSED_PER_RECORD_MAX: usize = 65_536;

/// A pack and where it stands.
type Placed = (PackPlace, Pack);

/// What is to become of the packs of one batch.
#[derive(Default)]
struct Sorted {
    ready: Vec<Placed>,
    parked: Vec<Placed>,
    refused: Vec<Refused>,
}

/// A pack that can never be merged, and the change that is at fault.
struct Refused {
    place: PackPlace,
    pack: Pack,
    culprit: ChangeHash,
    verdict: Verdict,
}

impl Hub {
    pub(super) fn merge(
        &self,
        document: DocumentId,
        now: Timestamp,
    ) -> Result<MergeReport, ReplicaError> {
        self.merge_within(document, now, LIMITS)
    }

    fn merge_within(
        &self,
        document: DocumentId,
        now: Timestamp,
        limits: Limits,
    ) -> Result<MergeReport, ReplicaError> {
        let genesis = self.replica().genesis(document)?;
        // Before a pack is read: without its checklist nothing can be merged into the document.
        let mut loaded = self.replica().load_whole(document)?;
        let batch = self.batch(document, genesis.template, limits)?;
        let base = loaded.document.clone();
        let mut sorted = sort(&base, &mut loaded.document, batch.packs);
        let closed = self.refuse_descendants(document, &mut sorted)?;
        let lines = self.lines(document, &closed, &sorted.refused, &loaded.document)?;
        let Sorted { ready, parked, refused } = sorted;
        let report = MergeReport {
            document: Some(document),
            merged: ready.len(),
            parked: parked.len(),
            refused: refused.len(),
        };
        let changed = report.merged + report.refused > 0;
        if !changed && batch.fresh == 0 {
            // All of them are parked still.
            self.note_unseen(document, (batch.whole, batch.next), false)?;
            return Ok(report);
        }
        let merged = causal(&ready);
        let parked = parked.iter().map(|(place, pack)| (*place, pack.device())).collect();
        let scope = genesis.scope;
        let mut facts = closings(document, &scope, lines, &refused, now);
        let refused = refused.iter().map(quarantined).collect();
        facts.push(Fact::Merged { document, scope, merged, parked, refused, at: now });
        let records = facts.iter().map(Fact::record).collect::<Result<_, _>>()?;
        let at = self.replica().store().commit(records)?;
        self.note_unseen(document, (batch.whole, batch.next), changed)?;
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

    /// Looks at parked packs that did not fit the batches since their document changed, of one
    /// document, if there are any. What keeps a document from being opened is noted in `blocked`.
    ///
    /// # Errors
    ///
    /// As [`Hub::merge_next`].
    pub(super) fn merge_parked(
        &self,
        now: Timestamp,
        blocked: &mut Option<ReplicaError>,
    ) -> Result<Option<MergeReport>, ReplicaError> {
        for document in self.unseen()? {
            let error = match self.merge(document, now) {
                Ok(report) => return Ok(Some(report)),
                Err(error) => error,
            };
            let whole = !matches!(&error, ReplicaError::Store(StoreError::Damaged { .. }));
            if whole && matches!(&error, ReplicaError::Store(_)) {
                return Err(error);
            }
            self.forget_unseen(document)?;
            if !matches!(error, ReplicaError::UnknownTemplate { .. }) {
                blocked.get_or_insert(error);
            }
        }
        Ok(None)
    }

    /// Merges packs that waited for a checklist which is here now, of one document, if there are any.
    ///
    /// # Errors
    ///
    /// As [`Hub::merge_next`].
    pub(super) fn merge_ripe(&self, now: Timestamp) -> Result<Option<MergeReport>, ReplicaError> {
        let store = self.replica().store();
        let mut ripe = Vec::new();
        each_row(&**store, &[RIPE], None, |key, _| {
            ripe.extend(key.get(1..33).and_then(|name| name.try_into().ok()).map(TemplateId));
            Ok(())
        })?;
        let mut blocked = None;
        for template in ripe {
            let prefix = rows::of_template(LATER, template);
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = store.scan(&prefix, after.as_deref(), 1)?;
                let Some((_, document)) = page.first().and_then(|(key, _)| rows::later_in(key))
                else {
                    break;
                };
                match self.merge(document, now) {
                    Ok(report) => return Ok(Some(report)),
                    Err(ReplicaError::Store(error @ StoreError::Damaged { .. })) => {
                        blocked = blocked.or(Some(error.into()));
                    }
                    Err(error @ ReplicaError::Store(_)) => return Err(error),
                    Err(error) => blocked = blocked.or(Some(error)),
                }
                // Step over all of this document's rows.
                after = Some(rows::behind(rows::of_later(template, document)));
            }
        }
        blocked.map_or(Ok(None), Err)
    }

    /// Takes out of the parked packs what builds on refused changes, of this merge or an earlier
    /// one: its causes will never come. Returns the lines that were closed before.
    fn refuse_descendants(
        &self,
        document: DocumentId,
        sorted: &mut Sorted,
    ) -> Result<ClosedLines, ReplicaError> {
        let lines = self.replica().closed(document)?;
        let mut gone: BTreeMap<ChangeHash, ChangeHash> = BTreeMap::new();
        let note = |gone: &mut BTreeMap<ChangeHash, ChangeHash>, pack: &Pack, culprit| {
            gone.extend(pack.changes().iter().map(|change| (change.facts().hash, culprit)));
        };
        for refused in &sorted.refused {
            note(&mut gone, &refused.pack, refused.culprit);
        }
        loop {
            let mut left = Vec::new();
            let before = sorted.refused.len();
            for (place, pack) in std::mem::take(&mut sorted.parked) {
                let line = lines.get(&pack.actor()).filter(|line| pack.last_seq() >= line.from_seq);
                let culprit = match line {
                    Some(line) => Some(line.culprit),
                    None => self.refused_cause(document, &gone, &pack, !lines.is_empty())?,
                };
                let Some(culprit) = culprit else {
                    left.push((place, pack));
                    continue;
                };
                note(&mut gone, &pack, culprit);
                let verdict = Verdict::OnRefused;
                sorted.refused.push(Refused { place, pack, culprit, verdict });
            }
            sorted.parked = left;
            if sorted.refused.len() == before {
                return Ok(lines);
            }
        }
    }

    /// Returns the change at fault, if a pack builds directly on what was refused.
    fn refused_cause(
        &self,
        document: DocumentId,
        gone: &BTreeMap<ChangeHash, ChangeHash>,
        pack: &Pack,
        refused_before: bool,
    ) -> Result<Option<ChangeHash>, StoreError> {
        for dep in pack.changes().iter().flat_map(|change| &change.facts().deps) {
            if let Some(culprit) = gone.get(dep) {
                return Ok(Some(*culprit));
            }
            if refused_before {
                let key = rows::of_change(REFUSED, document, dep);
                let culprit = rows::get(&**self.replica().store(), &key)?;
                if culprit.is_some() {
                    return Ok(culprit);
                }
            }
        }
        Ok(None)
    }

    /// Returns where the lines of refused packs end: behind what is merged and what may yet be.
    fn lines(
        &self,
        document: DocumentId,
        closed: &ClosedLines,
        refused: &[Refused],
        content: &Document,
    ) -> Result<Vec<ClosedLine>, ReplicaError> {
        let store = self.replica().store();
        let mut first: BTreeMap<Actor, &Refused> = BTreeMap::new();
        for refused in refused {
            let held = first.entry(refused.pack.actor()).or_insert(refused);
            if refused.pack.first_seq() < held.pack.first_seq() {
                *held = refused;
            }
        }
        let merged: BTreeMap<Vec<u8>, u64> =
            content.tips().into_iter().map(|(actor, seq, _)| (actor, seq)).collect();
        let mut lines = Vec::new();
        for (actor, refused) in first {
            let end = merged.get(&actor.0[..]).copied().unwrap_or(0);
            let from_seq = refused.pack.first_seq().max(end + 1);
            if closed.get(&actor).is_some_and(|line| line.from_seq <= from_seq) {
                continue;
            }
            let key = rows::of_seq(PACK, document, actor, from_seq - 1);
            let before = match rows::get::<PackRow>(&**store, &key)? {
                Some(row) => Some(Pack::decode(&self.replica().pack(row.place)?)?.attestation()),
                None => None,
            };
            let (culprit, verdict) = (refused.culprit, refused.verdict);
            lines.push(ClosedLine { document, actor, from_seq, culprit, verdict, before });
        }
        Ok(lines)
    }
}

/// Returns the facts that close lines. Hashes are many where packs are, so they are cut up.
fn closings(
    document: DocumentId,
    scope: &Scope,
    mut lines: Vec<ClosedLine>,
    refused: &[Refused],
    at: Timestamp,
) -> Vec<Fact> {
    let changes: Vec<(ChangeHash, ChangeHash)> = refused
        .iter()
        .flat_map(|refused| {
            let culprit = refused.culprit;
            refused.pack.changes().iter().map(move |change| (change.facts().hash, culprit))
        })
        .collect();
    let chunks = changes.chunks(REFUSED_PER_RECORD_MAX);
    chunks
        .map(|changes| Fact::Closed {
            lines: std::mem::take(&mut lines),
            changes: changes.to_vec(),
            document,
            scope: scope.clone(),
            at,
        })
        .collect()
}

fn quarantined(refused: &Refused) -> (PackPlace, Quarantined) {
    let notice = notice(&refused.pack, refused.verdict);
    let device = refused.pack.device();
    (refused.place, Quarantined { device, notice, bytes: Vec::new() })
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
            let hashes = pack.changes().iter().map(|change| change.facts().hash);
            let mut own = hashes.filter_map(|hash| faults.get(&hash).map(|why| (hash, *why)));
            // The first: what follows it in its line fails because of it.
            match own.next() {
                Some((culprit, why)) => {
                    drop(own);
                    let verdict = verdict_of(why);
                    sorted.refused.push(Refused { place, pack, culprit, verdict });
                }
                None => {
                    drop(own);
                    rest.push((place, pack));
                }
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
        Refusal::DocumentFull { .. } => Verdict::Full,
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
