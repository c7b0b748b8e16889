//! Taking in what the hub sends, and what to do when the hub holds another line of this
//! device's own changes: a restored backup or a cloned phone wrote under one name twice.
//!
//! The hub's line stays. Our own edits of the other line are made anew, operation by operation,
//! under a fresh actor, so both lines are visible; the originals stay in the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ReplicaError;
use super::documents::each_row;
use super::facts::{Fact, PackPlace, Renewal, Replaced};
use super::phone::Phone;
use super::records::Records;
use super::rows::{self, ARRIVAL, ArrivalRow, FORK, PACK, PackRow, SOURCE, Source};
use crate::model::{
    Actor, ChangeHash, Document, DocumentError, DocumentId, Genesis, Incarnation, RawChange,
    Timestamp,
};
use crate::store::{Position, StoreError};
use crate::sync::{FeedItem, FeedPosition, Notice, Pack, Snapshot, Verdict};
use crate::trust::Tip;

/// Documents whose summaries are renewed right after something arrived; the rest follow when lists
/// are read.
pub(super) const REFRESHED_AT_ONCE_MAX: usize = 256;

/// An own edit that the document holds, and where it stands.
struct OwnEdit {
    place: PackPlace,
    actor: Actor,
    change: RawChange,
}

/// What arrived and what it means for this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Packs and snapshots recorded.
    pub recorded: usize,
    /// The hub holds changes of this device that this store never made: another store writes under
    /// the same key.
    pub cloned: bool,
    /// This device may see more than before, and the next contact has to compare everything.
    pub widened: bool,
}

impl Phone {
    /// Records what the hub sent, with the position reached, as one commit.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Pack`] or [`ReplicaError::Document`] when the sender is at fault and
    /// [`ReplicaError::Store`] when it could not be recorded; the position has not moved then.
    pub fn apply(
        &self,
        items: Vec<FeedItem>,
        position: Option<FeedPosition>,
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<Taken, ReplicaError> {
        let mut taken = Taken::default();
        let mut kept = Vec::new();
        let mut own_lines: BTreeMap<(DocumentId, Actor), Vec<Pack>> = BTreeMap::new();
        for item in items {
            match item {
                FeedItem::Pack(bytes) => {
                    let pack = Pack::decode(&bytes)?;
                    pack.verify()?;
                    if self.holds(&pack)? {
                        continue;
                    }
                    if pack.device() == self.device() && self.wrote_as(&pack)? {
                        own_lines.entry((pack.document(), pack.actor())).or_default().push(pack);
                        continue;
                    }
                    kept.push(FeedItem::Pack(bytes));
                }
                FeedItem::Yours { document, actor, seq } => {
                    if self.holds_own(document, actor, seq)? {
                        kept.push(FeedItem::Yours { document, actor, seq });
                    } else {
                        taken.cloned = true;
                    }
                }
                FeedItem::Snapshot(snapshot) => {
                    self.check_snapshot(&snapshot, &kept)?;
                    kept.push(FeedItem::Snapshot(snapshot));
                }
                other => kept.push(other),
            }
        }
        taken.recorded = kept.len();
        taken.widened = self.is_widened(&kept)?;
        let position = position.filter(|_| !taken.cloned && !taken.widened);
        let mut facts = Vec::new();
        if !kept.is_empty() || position.is_some() {
            facts.push(Fact::Received { items: kept, position, at: now });
        }
        if taken.cloned {
            // Something else writes under this name. A fresh incarnation keeps the two apart, and
            // without a position the next contact compares everything.
            facts.push(self.renewal(fresh, Renewal::Cloned, now));
        } else if taken.widened {
            // What was there before this device might see it lies behind its position.
            facts.push(Fact::Lagging);
        }
        if !facts.is_empty() {
            // While an edit is read, made and recorded, nothing may slip in under it.
            let guard = self.editing().lock().map_err(|_| ReplicaError::Interrupted)?;
            self.record_all(&facts)?;
            drop(guard);
        }
        for ((document, actor), packs) in own_lines {
            taken.recorded += packs.len();
            self.adopt((document, actor), packs, fresh, now)?;
        }
        let guard = self.editing().lock().map_err(|_| ReplicaError::Interrupted)?;
        self.replica().refresh(REFRESHED_AT_ONCE_MAX)?;
        drop(guard);
        Ok(taken)
    }

    /// Records what the hub did not take into the record. Where it holds another line of ours, our
    /// line is withdrawn and the hub's is asked for at the next contact; returns whether that is so.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn noticed(
        &self,
        upto: u64,
        notices: Vec<Notice>,
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let forks: BTreeSet<(DocumentId, Actor)> = notices
            .iter()
            .filter(|notice| matches!(notice.verdict, Verdict::Equivocation | Verdict::ChainBroken))
            .map(|notice| (notice.document, notice.actor))
            .collect();
        let mut facts = vec![Fact::Noticed { upto, notices }];
        for (document, actor) in forks {
            let key = rows::of_actor(ARRIVAL, document, actor);
            let own: Option<ArrivalRow> = rows::get(&**self.replica().store(), &key)?;
            if own.is_some() {
                facts.push(Fact::Forked { document, actor });
            }
        }
        let withdrawn = facts.len() > 1;
        if withdrawn {
            facts.push(self.renewal(fresh, Renewal::Equivocation, now));
        }
        // One commit: having read the notice and having acted on it are the same fact.
        self.record_all(&facts)?;
        Ok(withdrawn)
    }

    /// Returns whether the hub now lets this device see more than it was told of before.
    fn is_widened(&self, items: &[FeedItem]) -> Result<bool, ReplicaError> {
        let own = items.iter().rev().find_map(|item| match item {
            FeedItem::Device(entry) if entry.device == self.device() => Some(entry),
            _ => None,
        });
        let Some(own) = own else { return Ok(false) };
        let before = self.replica().device(self.device())?;
        Ok(before.is_some_and(|before| before.scopes != own.scopes))
    }

    /// Returns whether this very pack, or a longer one, is held.
    fn holds(&self, pack: &Pack) -> Result<bool, ReplicaError> {
        let store = self.replica().store();
        let (document, actor) = (pack.document(), pack.actor());
        let fork: Option<()> = rows::get(&**store, &rows::of_actor(FORK, document, actor))?;
        if fork.is_some() {
            return Ok(false);
        }
        let row: Option<PackRow> =
            rows::get(&**store, &rows::of_seq(PACK, document, actor, pack.last_seq()))?;
        if let Some(row) = row {
            return Ok(row.tip == pack.tip_hash());
        }
        let tip: Option<rows::TipRow> =
            rows::get(&**store, &rows::of_actor(rows::TIP, document, actor))?;
        match tip {
            Some(row) if row.attestation.tip.seq >= pack.last_seq() => {
                Ok(self.replica().load_whole(document)?.document.has(&pack.tip_hash()))
            }
            _ => Ok(false),
        }
    }

    /// Returns whether this store itself wrote changes under the pack's actor that the pack's range
    /// covers: then either they are the same, or there are two lines.
    fn wrote_as(&self, pack: &Pack) -> Result<bool, ReplicaError> {
        let key = rows::of_actor(ARRIVAL, pack.document(), pack.actor());
        let row: Option<ArrivalRow> = rows::get(&**self.replica().store(), &key)?;
        Ok(row.is_some_and(|row| row.recorded >= pack.first_seq()))
    }

    /// Returns whether this store holds a change of its own device. Another change under the same
    /// number shows itself when it is pushed: the hub then tells of equivocation.
    fn holds_own(
        &self,
        document: DocumentId,
        actor: Actor,
        seq: u64,
    ) -> Result<bool, ReplicaError> {
        let store = self.replica().store();
        let own: Option<ArrivalRow> =
            rows::get(&**store, &rows::of_actor(ARRIVAL, document, actor))?;
        if own.is_some_and(|own| own.recorded >= seq) {
            return Ok(true);
        }
        let tip: Option<rows::TipRow> =
            rows::get(&**store, &rows::of_actor(rows::TIP, document, actor))?;
        Ok(tip.is_some_and(|row| row.attestation.tip.seq >= seq))
    }

    /// Checks a snapshot before it is recorded: limits first, then that it loads, and that an
    /// attestation covers every actor's changes.
    fn check_snapshot(
        &self,
        snapshot: &Snapshot,
        arrived: &[FeedItem],
    ) -> Result<(), ReplicaError> {
        let Snapshot { genesis, bytes, attestations } = snapshot;
        let document = genesis.document();
        let wrong = |source| ReplicaError::Document { document, source: Arc::new(source) };
        let unsigned = || ReplicaError::Unattested { document };
        Document::inspect_foreign(bytes).map_err(wrong)?;
        let shape = match self.replica().shape_with(genesis, arrived) {
            Ok(shape) => shape,
            // A checklist that this program cannot read yet. The document is kept as it came, and
            // not shown before it can be opened.
            Err(ReplicaError::UnknownTemplate { .. } | ReplicaError::Template { .. }) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let saved = Document::load(genesis, &shape, bytes).map_err(wrong)?;
        for (actor, _, _) in saved.tips() {
            let proof = attestations.iter().find(|proof| proof.actor().as_bytes() == actor);
            let proof = proof.filter(|proof| proof.document == document).ok_or_else(unsigned)?;
            let tip = saved.changes_of(&actor, 1).iter().fold(None, |tip: Option<Tip>, change| {
                Some(Tip::after(tip.as_ref(), change.facts().hash))
            });
            if tip != Some(proof.tip) || proof.verify().is_err() {
                return Err(unsigned());
            }
        }
        Ok(())
    }

    /// Takes the hub's line of an own actor, and makes own edits that it lacks anew.
    fn adopt(
        &self,
        (document, actor): (DocumentId, Actor),
        packs: Vec<Pack>,
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let guard = self.editing().lock().map_err(|_| ReplicaError::Interrupted)?;
        let genesis = self.replica().genesis(document)?;
        let (own, others) = self.sources(&genesis)?;
        let hubs: Vec<RawChange> = packs.iter().flat_map(|pack| pack.changes().to_vec()).collect();
        let theirs: BTreeSet<ChangeHash> = hubs.iter().map(|change| change.facts().hash).collect();
        let first_seq = hubs.first().map_or(1, |change| change.facts().seq);
        // The line may come in several frames: nothing is known yet of what follows this one.
        let last_seq = hubs.last().map_or(0, |change| change.facts().seq);
        // Ours are orphaned from the fork on, and so is every own edit that builds on one.
        let mut orphaned: Vec<OwnEdit> = Vec::new();
        let mut lost: BTreeSet<ChangeHash> = BTreeSet::new();
        let mut kept: Vec<RawChange> = Vec::new();
        for edit in own {
            let facts = edit.change.facts();
            let forked = edit.actor == actor
                && (first_seq..=last_seq).contains(&facts.seq)
                && !theirs.contains(&facts.hash);
            if forked || facts.deps.iter().any(|dep| lost.contains(dep)) {
                lost.insert(facts.hash);
                orphaned.push(edit);
            } else {
                kept.push(edit.change);
            }
        }
        let mut line = self.replica().empty(&genesis)?;
        let all: Vec<RawChange> = others.into_iter().chain(kept).chain(hubs).collect();
        line.apply(&all);
        // Named after what is made anew, not at random: clones that hold the same edits make the
        // same changes of them, and no edit enters the record twice.
        let done: BTreeSet<ChangeHash> = line.renamed_originals().into_iter().collect();
        let left: Vec<&OwnEdit> =
            orphaned.iter().filter(|edit| !done.contains(&edit.change.facts().hash)).collect();
        let life = left.first().map_or(fresh, |edit| life_of(edit));
        let name = Actor::derive(self.device(), document, life);
        let renamed = rename(&mut line, &left, name)
            .map_err(|source| ReplicaError::Document { document, source: Arc::new(source) })?;
        let mut facts = Vec::new();
        if !renamed.is_empty() {
            facts.push(self.renewal(fresh, Renewal::Equivocation, now));
        }
        facts.push(Fact::Adopted {
            genesis,
            actor,
            incarnation: life,
            packs: packs.iter().map(Pack::encode).collect(),
            resubmitted: renamed.iter().map(|change| change.bytes().to_vec()).collect(),
            replaced: orphaned
                .iter()
                .map(|edit| Replaced {
                    place: edit.place,
                    actor: edit.actor,
                    seq: edit.change.facts().seq,
                })
                .collect(),
            at: now,
        });
        self.record_all(&facts)?;
        drop(guard);
        Ok(())
    }

    /// Reads a document's sources: own edits in order, and everybody else's changes.
    fn sources(&self, genesis: &Genesis) -> Result<(Vec<OwnEdit>, Vec<RawChange>), ReplicaError> {
        let document = genesis.document();
        let store = self.replica().store();
        let (mut own, mut others) = (Vec::new(), Vec::new());
        let mut found = Vec::new();
        each_row(&**store, &rows::of_document(SOURCE, document), None, |key, value| {
            let source: Source = rows::decode(key, value)?;
            found.extend(rows::place_in(key).map(|place| (place, key.to_vec(), source)));
            Ok(())
        })?;
        let mut records = Records::default();
        for (place, key, source) in found {
            let changes = self.replica().source_changes(&mut records, &key, source, genesis)?;
            if matches!(source, Source::Change | Source::Resubmitted { .. }) {
                for change in changes {
                    let actor = change.facts().actor.as_slice().try_into().map(Actor);
                    let actor = actor.map_err(|_| StoreError::Damaged {
                        what: format!("journal record {}", Position(place.at).0),
                    })?;
                    own.push(OwnEdit { place, actor, change });
                }
            } else {
                others.extend(changes);
            }
        }
        Ok((own, others))
    }
}

/// The incarnation under which a line of orphaned edits is made anew.
fn life_of(first: &OwnEdit) -> Incarnation {
    let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 orphaned line");
    hasher.update(&first.actor.0).update(&first.change.facts().hash.0);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Incarnation(bytes)
}

/// Makes orphaned edits anew under one actor, on top of the line that stays.
fn rename(
    line: &mut Document,
    orphaned: &[&OwnEdit],
    name: Actor,
) -> Result<Vec<RawChange>, DocumentError> {
    let mut groups: Vec<(Actor, Vec<RawChange>)> = Vec::new();
    for edit in orphaned {
        match groups.last_mut() {
            Some((actor, group)) if *actor == edit.actor => group.push(edit.change.clone()),
            _ => groups.push((edit.actor, vec![edit.change.clone()])),
        }
    }
    let mut renamed: Vec<RawChange> = Vec::new();
    for (old, group) in groups {
        let next = renamed.len() as u64 + 1;
        let changes = line.reauthor(&group, old, name, next)?;
        line.apply(&changes);
        renamed.extend(changes);
    }
    Ok(renamed)
}
