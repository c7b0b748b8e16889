//! Merging what the hub accepted: one document at a time, all its waiting packs at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, RwLock};

use super::ReplicaError;
use super::documents::{BASE_EVERY, ClosedLines, Gathered, each_row};
use super::facts::{Fact, MergedPack, PackPlace, Quarantined};
use super::hub::{Hub, MergeReport, notice};
use super::rows::{self, BaseRow, LATER, PACK, PackRow, REFUSED, RIPE};
use crate::model::{Actor, ChangeHash, DocumentId, Scope, Summary, TemplateId, Timestamp};
use crate::store::StoreError;
use crate::sync::{ClosedLine, Pack, Verdict};

pub(super) mod batch;
mod bisect;
mod holding;
pub(super) mod merger;
mod work;

use batch::{LIMITS, Limits};
use merger::{Fate, InProcess, MergeJob, MergeWork, Merger, MergerError};

/// Parked packs counted; several devices may have parked as many as they may.
pub(in crate::replica) const PARKED_PACKS_MAX: usize = 4_096;

/// Refused changes named by one record: 4 MiB, well within a record's limit.
const REFUSED_PER_RECORD_MAX: usize = 65_536;

/// Who merges for a hub, and what is being merged.
pub(in crate::replica) struct Merging {
    merger: RwLock<Arc<dyn Merger>>,
    /// One merge at a time for each document; several documents at once.
    busy: Mutex<BTreeSet<DocumentId>>,
}

impl Default for Merging {
    fn default() -> Self {
        Self { merger: RwLock::new(Arc::new(InProcess)), busy: Mutex::default() }
    }
}

impl Merging {
    fn merger(&self) -> Result<Arc<dyn Merger>, ReplicaError> {
        Ok(self.merger.read().map_err(|_| ReplicaError::Interrupted)?.clone())
    }

    /// Takes a document for one merge; none when another has it.
    pub(in crate::replica) fn claim(
        &self,
        document: DocumentId,
    ) -> Result<Option<Claim<'_>>, ReplicaError> {
        let fresh = self.busy.lock().map_err(|_| ReplicaError::Interrupted)?.insert(document);
        // Made only where it was taken: dropping one lets go of the document.
        Ok(if fresh { Some(Claim { merging: self, document }) } else { None })
    }
}

/// Lets go of a document when its merge is over.
pub(in crate::replica) struct Claim<'a> {
    merging: &'a Merging,
    document: DocumentId,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let busy = self.merging.busy.lock();
        busy.unwrap_or_else(std::sync::PoisonError::into_inner).remove(&self.document);
    }
}

/// What one call to merge is told.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) now: Timestamp,
    /// Called once a document has been taken for it.
    pub(super) begun: &'a dyn Fn(),
}

impl Turn<'_> {
    #[cfg(test)]
    pub(super) fn at(now: Timestamp) -> Self {
        Self { now, begun: &|| () }
    }
}

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
    /// Has somebody else do its merges from now on. Without that it does them where it is called.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Interrupted`] when a thread that chose another panicked.
    pub fn merge_by(&self, merger: Arc<dyn Merger>) -> Result<(), ReplicaError> {
        *self.merging.merger.write().map_err(|_| ReplicaError::Interrupted)? = merger;
        Ok(())
    }

    /// Merges what waits of one document; none when somebody else is at it.
    pub(super) fn merge(
        &self,
        document: DocumentId,
        turn: Turn<'_>,
    ) -> Result<Option<MergeReport>, ReplicaError> {
        let Some(_claim) = self.merging.claim(document)? else { return Ok(None) };
        self.merge_within(document, turn, LIMITS).map(Some)
    }

    fn merge_within(
        &self,
        document: DocumentId,
        Turn { now, begun }: Turn<'_>,
        limits: Limits,
    ) -> Result<MergeReport, ReplicaError> {
        let genesis = self.replica().genesis(document)?;
        // Before a pack is read: without its checklist nothing can be merged into the document.
        let gathered =
            self.replica().gather(&mut self.replica().records_to_merge(), document, true)?;
        // Not before: what cannot be merged must not wake others again and again.
        begun();
        let batch = self.batch(document, genesis.template, limits)?;
        let (gathered, work) = self.work(document, gathered, &batch.packs)?;
        let mut sorted = sorted(batch.packs, &work.fates);
        let closed = self.refuse_descendants(document, &mut sorted)?;
        let lines = self.lines(document, &closed, &sorted.refused, &work.tips)?;
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
        // What was parked because a search for a culprit was cut short is looked at again. Each look
        // refuses something, or is the last.
        let searched = report.refused > 0 && report.parked > 0;
        self.note_unseen(document, (batch.whole && !searched, batch.next), changed)?;
        if let Some(last) = report.merged.checked_sub(1) {
            let index = u32::try_from(last).unwrap_or(u32::MAX);
            let place = PackPlace { at: at.0, index };
            let upto = rows::of_place(rows::SOURCE, document, place);
            match self.renew_rows(document, &gathered, work, (upto, report.merged)) {
                // The merge is recorded; a refresh makes its rows when there is room.
                Ok(()) | Err(ReplicaError::Store(StoreError::Full { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(report)
    }

    /// Has a batch merged by whoever does that for this hub.
    fn work(
        &self,
        document: DocumentId,
        mut gathered: Gathered,
        packs: &[Placed],
    ) -> Result<(Gathered, MergeWork), ReplicaError> {
        let merger = self.merging.merger()?;
        loop {
            let job = MergeJob {
                genesis: gathered.genesis.clone(),
                shape: gathered.shape.clone(),
                base: gathered.base.take(),
                held: std::mem::take(&mut gathered.changes),
                packs: packs.iter().map(|(_, pack)| pack.changes().to_vec()).collect(),
                judges: self.replica().judges(&gathered.genesis)?,
                saves: !gathered.missing && gathered.fresh + packs.len() >= BASE_EVERY,
            };
            match bisect::merge(&*merger, &job) {
                Ok(work) => return Ok((gathered, work)),
                // A saved form that does not load is only a cache: start from the sources.
                Err(MergerError::Base) if job.base.is_some() => {
                    gathered = self.replica().gather(
                        &mut self.replica().records_to_merge(),
                        document,
                        false,
                    )?;
                }
                Err(source) => {
                    return Err(ReplicaError::Merging { document, source: Arc::new(source) });
                }
            }
        }
    }

    /// Writes the rows of a document that was merged: it ends at a source row now, and so many packs are
    /// new in it.
    fn renew_rows(
        &self,
        document: DocumentId,
        gathered: &Gathered,
        work: MergeWork,
        (upto, merged): (Vec<u8>, usize),
    ) -> Result<(), ReplicaError> {
        let summary = Summary::decode(&work.summary).map_err(|_| StoreError::Damaged {
            what: format!("the summary of document {}", document.short()),
        })?;
        let whole = !gathered.missing && work.whole;
        let base = match work.saved {
            Some(bytes) if whole && gathered.fresh + merged >= BASE_EVERY => {
                let attestations = self.replica().attestations(document, work.tips)?;
                Some(BaseRow { upto, bytes, attestations })
            }
            _ => None,
        };
        self.replica().write_renewed(document, &summary, &work.visits, base.as_ref())
    }

    /// Looks at parked packs that did not fit the batches since their document changed, of one
    /// document, if there are any. What keeps a document from being opened is noted in `blocked`.
    ///
    /// # Errors
    ///
    /// As [`Hub::merge_next`].
    pub(super) fn merge_parked(
        &self,
        turn: Turn<'_>,
        blocked: &mut Option<ReplicaError>,
    ) -> Result<Option<MergeReport>, ReplicaError> {
        for document in self.unseen()? {
            let error = match self.merge(document, turn) {
                Ok(Some(report)) => return Ok(Some(report)),
                Ok(None) => continue,
                Err(error) if error.is_idle() => return Err(error),
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
    pub(super) fn merge_ripe(&self, turn: Turn<'_>) -> Result<Option<MergeReport>, ReplicaError> {
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
                match self.merge(document, turn) {
                    Ok(Some(report)) => return Ok(Some(report)),
                    Ok(None) => {}
                    Err(error) if error.is_idle() => return Err(error),
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
        tips: &[(Vec<u8>, u64, ChangeHash)],
    ) -> Result<Vec<ClosedLine>, ReplicaError> {
        let store = self.replica().store();
        let mut first: BTreeMap<Actor, &Refused> = BTreeMap::new();
        for refused in refused {
            let held = first.entry(refused.pack.actor()).or_insert(refused);
            if refused.pack.first_seq() < held.pack.first_seq() {
                *held = refused;
            }
        }
        let merged: BTreeMap<&[u8], u64> =
            tips.iter().map(|(actor, seq, _)| (actor.as_slice(), *seq)).collect();
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

/// Parts the packs of a batch by what became of them.
fn sorted(batch: Vec<Placed>, fates: &[Fate]) -> Sorted {
    let mut sorted = Sorted::default();
    for ((place, pack), fate) in batch.into_iter().zip(fates) {
        match *fate {
            Fate::Ready => sorted.ready.push((place, pack)),
            Fate::Parked => sorted.parked.push((place, pack)),
            Fate::Refused { culprit, verdict } => {
                sorted.refused.push(Refused { place, pack, culprit, verdict });
            }
        }
    }
    sorted
}

fn quarantined(refused: &Refused) -> (PackPlace, Quarantined) {
    let notice = notice(&refused.pack, refused.verdict);
    let device = refused.pack.device();
    (refused.place, Quarantined { device, notice, bytes: Vec::new() })
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

#[cfg(test)]
mod tests;
