//! Taking in what the hub sends, and what to do when own edits cannot stay as they are because the
//! hub refused a change that they build on. Where it holds another line under a name is found in
//! `standing.rs`, and the end of that is in `following.rs`.
//!
//! The hub's word stays. Own edits are made anew, operation by operation, under a fresh actor; the
//! originals stay in the journal. What has no place without a refused change is noted as not
//! accepted, and shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ReplicaError;
use super::documents::{ClosedLines, each_row, is_closed, stands};
use super::facts::{Fact, PackPlace, Rejected, Renewal, Replaced, pieces};
use super::phone::Phone;
use super::records::Records;
use super::rows::{
    self, ARRIVAL, ArrivalRow, CLOSED, EARLIER, EpochRow, NOTICE, SOURCE, Source, meta,
};
use super::standing::{Brought, Standing};
use crate::model::{
    Actor, ChangeHash, Document, DocumentId, Genesis, Incarnation, Owners, RawChange, Timestamp,
};
use crate::store::{Position, StoreError};
use crate::sync::{
    ClosedLine, FeedItem, FeedPosition, Notice, Pack, PackHeader, Snapshot, Verdict, Want,
};
use crate::trust::Tip;

/// Documents whose summaries are renewed right after something arrived, one at a time so that edits
/// come in between; the rest follow when lists are read.
const REFRESHED_AT_ONCE_MAX: usize = 256;

/// An entry of a list of edits in a record takes at most about this.
pub(super) const REPLACED_BYTES: usize = 96;

/// A number in a record takes at most this.
const OPERATION_BYTES: usize = 5;

/// An own edit that the document holds, and where it stands.
#[derive(Clone)]
pub(super) struct OwnEdit {
    pub(super) place: PackPlace,
    pub(super) actor: Actor,
    pub(super) change: RawChange,
}

impl OwnEdit {
    fn rejected(&self, culprit: Option<ChangeHash>, operations: Vec<u32>) -> Rejected {
        let facts = self.change.facts();
        let (place, actor, seq) = (self.place, self.actor, facts.seq);
        Rejected { place, actor, seq, culprit: culprit.unwrap_or(facts.hash), operations }
    }
}

/// A line: its document and its actor.
pub(super) type LineName = (DocumentId, Actor);

/// What arrived, checked by itself and not yet against what is held.
enum Checked {
    Pack(Box<Pack>, Vec<u8>),
    Other(Box<FeedItem>),
}

/// What arrived, by what is to be done with it.
#[derive(Default)]
struct Arrived {
    kept: Vec<FeedItem>,
    /// Packs of own edits that came back before they were signed here.
    back: BTreeMap<LineName, Vec<Pack>>,
    closed: BTreeMap<DocumentId, Vec<ClosedLine>>,
    /// Lines that are not the ones held under their names.
    differing: BTreeSet<LineName>,
    cloned: bool,
}

/// What became of orphaned edits.
#[derive(Default)]
pub(super) struct Anew {
    /// Under which they were made anew; `None` when there were none.
    pub(super) life: Option<Incarnation>,
    pub(super) changes: Vec<RawChange>,
    /// Those that have no place any more, or not wholly.
    pub(super) rejected: Vec<Rejected>,
}

/// What arrived and what it means for this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Packs and snapshots recorded.
    pub recorded: usize,
    /// The hub holds changes of this device that this store never made: another store writes under
    /// the same key.
    pub cloned: bool,
    /// The rights of this device were changed, and the next contact has to compare everything.
    pub widened: bool,
    /// A line has a hole, or had one that was filled: the next contact has to compare everything.
    pub gapped: bool,
    /// Own edits were made anew because the hub refused what they build on or holds another line, and
    /// wait to be sent.
    pub remade: bool,
    /// Snapshots that could not be taken: they pass a limit, do not open, or are not attested. The next
    /// contact has to compare everything, which brings the packs that they were made of.
    pub skipped: usize,
    /// The hub holds other lines under some names. They are withdrawn here, and the next contact has
    /// to compare everything.
    pub forked: bool,
}

impl Phone {
    /// Records what the hub sent, with the position reached, as one commit.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Pack`] when the sender is at fault and [`ReplicaError::Store`] when it
    /// could not be recorded; the position has not moved then. A snapshot that cannot be taken is no
    /// error: one device's document must not keep those of all others away.
    pub fn apply(
        &self,
        items: Vec<FeedItem>,
        position: Option<FeedPosition>,
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<Taken, ReplicaError> {
        let (checked, skipped) = check(self, items)?;
        // While an edit is read, made and recorded, nothing may slip in under it.
        let guard = self.editing().lock()?;
        let Arrived { mut kept, back, closed, differing, cloned } = self.sort_out(checked)?;
        let rights = self.new_rights(&mut kept)?;
        let mut taken =
            Taken { recorded: kept.len() + back.len(), cloned, skipped, ..Taken::default() };
        taken.widened = rights.is_some();
        let (mut facts, own) = self.withdrawal(&differing)?;
        taken.forked = !facts.is_empty();
        let compared = !taken.cloned && !taken.widened && !taken.forked && skipped == 0;
        let position = position.filter(|_| compared);
        let mut remade = Vec::new();
        for (document, lines) in closed {
            remade.extend(self.remake(document, &lines, &kept, now)?);
        }
        // The hub's lines of forked actors are followed once all of them is recorded.
        let following = position.is_some() && self.has_forks()?;
        let reached = position.filter(|_| !following);
        // Where nothing came and the phone stands where it stood there is nothing to record: it must not write
        // at each contact, however often it looks.
        let stays = reached.map_or(Ok(true), |reached| self.stands_at(&reached))?;
        for packs in back.into_values() {
            facts.extend(self.come_back(packs, now)?);
        }
        if !kept.is_empty() || !stays {
            facts.push(Fact::Received { items: kept, position: reached, at: now });
        }
        taken.remade = !remade.is_empty();
        if taken.cloned {
            // Something else writes under this name. A fresh incarnation keeps the two apart, and
            // without a position the next contact compares everything.
            facts.push(self.renewal(fresh, Renewal::Cloned, now));
        } else if own {
            facts.push(self.renewal(fresh, Renewal::Equivocation, now));
        } else if taken.remade {
            facts.push(self.renewal(fresh, Renewal::Closed, now));
        } else if taken.widened || skipped > 0 {
            // What was there before this device might see it, or was skipped, lies behind its
            // position.
            facts.push(Fact::Lagging);
        }
        let wants = rights.map_or(Ok(Vec::new()), |rights| self.allowed_now(&rights))?;
        if !wants.is_empty() {
            facts.push(Fact::Lacking { wants });
        }
        facts.extend(remade);
        if !facts.is_empty() {
            self.record_all(&facts)?;
        }
        if following {
            taken.remade |= self.follow(fresh, now)?;
            self.record(Fact::Received { items: Vec::new(), position, at: now })?;
        }
        drop(guard);
        if skipped > 0 {
            self.note_skipped();
        }
        // All of it is recorded. A person's edit need not wait until the lists show it.
        let turn = || self.editing().lock_behind_edits();
        self.replica().refresh_in_turns(REFRESHED_AT_ONCE_MAX, turn)?;
        taken.gapped = self.has_gap()?;
        Ok(taken)
    }

    /// Returns whether this phone has reached just this place, and has compared in that life of the hub.
    fn stands_at(&self, position: &FeedPosition) -> Result<bool, StoreError> {
        let store = &**self.replica().store();
        let life: Option<EpochRow> = rows::get(store, &rows::single(meta::EPOCH))?;
        let compared = life.is_some_and(|row| row.confirmed && row.epoch == position.epoch);
        Ok(compared && rows::position(store, meta::POSITION)?.as_ref() == Some(position))
    }

    /// Sorts what is neither pack nor part of a line.
    fn sort_other(&self, item: FeedItem, arrived: &mut Arrived) -> Result<(), ReplicaError> {
        match item {
            FeedItem::Yours { document, actor, seq } => {
                if self.is_forked_line(document, actor)? {
                    // It speaks of the hub's line, which is not here whole.
                    return Ok(());
                }
                if self.holds_own(document, actor, seq)? {
                    arrived.kept.push(FeedItem::Yours { document, actor, seq });
                } else {
                    arrived.cloned = true;
                }
            }
            FeedItem::Closed(line) => {
                if self.is_news(&line)? {
                    arrived.closed.entry(line.document).or_default().push(line);
                    arrived.kept.push(FeedItem::Closed(line));
                }
            }
            other => arrived.kept.push(other),
        }
        Ok(())
    }

    /// Parts what arrived by what is to be done with it; what is here already is left out.
    fn sort_out(&self, checked: Vec<Checked>) -> Result<Arrived, ReplicaError> {
        let mut arrived = Arrived::default();
        let mut brought = Brought::new();
        for item in checked {
            match item {
                Checked::Pack(pack, bytes) => {
                    let name = (pack.document(), pack.actor());
                    if arrived.differing.contains(&name) {
                        // All of the line comes again.
                        continue;
                    }
                    let standing = self.standing(&brought, &pack)?;
                    match standing {
                        Standing::Held => continue,
                        Standing::Differs => {
                            arrived.differing.insert(name);
                            continue;
                        }
                        Standing::Back => arrived.back.entry(name).or_default().push(*pack.clone()),
                        Standing::News => arrived.kept.push(FeedItem::Pack(bytes)),
                        Standing::Beyond => {
                            arrived.kept.push(FeedItem::Pack(bytes));
                            continue;
                        }
                    }
                    brought.entry(name).or_default().push(pack);
                }
                Checked::Other(other) => self.sort_other(*other, &mut arrived)?,
            }
        }
        // What came of such a line before it was seen to differ comes again too.
        let differs = |bytes: &Vec<u8>| {
            PackHeader::peek(bytes)
                .is_ok_and(|head| arrived.differing.contains(&(head.document, head.actor)))
        };
        arrived.kept.retain(|item| !matches!(item, FeedItem::Pack(bytes) if differs(bytes)));
        arrived.back.retain(|name, _| !arrived.differing.contains(name));
        Ok(arrived)
    }

    /// Returns the fact of own edits that came back before they were signed here.
    fn come_back(&self, packs: Vec<Pack>, at: Timestamp) -> Result<Option<Fact>, ReplicaError> {
        let Some(first) = packs.first() else { return Ok(None) };
        let (actor, incarnation) = (first.actor(), first.incarnation());
        let genesis = first.genesis().clone();
        let packs = packs.iter().map(Pack::encode).collect();
        let (resubmitted, replaced) = (Vec::new(), Vec::new());
        let fact = Fact::Adopted { genesis, actor, incarnation, packs, resubmitted, replaced, at };
        Ok(Some(fact))
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
        let guard = self.editing().lock()?;
        let mut forks = BTreeSet::new();
        // Of the others the hub closes the line, which comes with its feed.
        for notice in notices.iter().filter(|notice| notice.verdict == Verdict::Equivocation) {
            if self.is_still_disputed(notice)? {
                forks.insert((notice.document, notice.actor));
            }
        }
        let (mut facts, own) = self.withdrawal(&forks)?;
        let withdrawn = !facts.is_empty();
        let others = self.of_other_lines(&notices, &forks)?;
        facts.push(Fact::Noticed { upto, notices });
        if !others.is_empty() {
            facts.push(Fact::Lacking { wants: others });
        }
        if own {
            facts.push(self.renewal(fresh, Renewal::Equivocation, now));
        }
        // One commit: having read the notice and having acted on it are the same fact.
        self.record_all(&facts)?;
        drop(guard);
        Ok(withdrawn)
    }

    /// Returns the places at which what waits here is not what the hub keeps under the same name: it is a copy's, and
    /// what was typed here is still only here.
    fn of_other_lines(
        &self,
        notices: &[Notice],
        withdrawn: &BTreeSet<(DocumentId, Actor)>,
    ) -> Result<Vec<Want>, ReplicaError> {
        let mut wants = Vec::new();
        for notice in notices.iter().filter(|notice| notice.verdict.is_kept()) {
            let Notice { document, actor, seq, hash, .. } = *notice;
            let waits = self.waiting(document, actor, seq)?.filter(|waits| waits.1 != hash);
            if let Some((from_seq, _)) = waits
                && !withdrawn.contains(&(document, actor))
            {
                wants.push(Want { document, actor, from_seq });
            }
        }
        Ok(wants)
    }

    /// Returns how many of these notices are not here yet: after a loss on either side all are told
    /// again.
    pub(super) fn unheard(&self, notices: &[Notice]) -> Result<usize, ReplicaError> {
        let mut held = BTreeSet::new();
        each_row(&**self.replica().store(), &[NOTICE], None, |key, value| {
            let notice: Notice = rows::decode(key, value)?;
            held.extend(notices.iter().position(|one| *one == notice));
            Ok(())
        })?;
        Ok(notices.len().saturating_sub(held.len()))
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

    /// Returns whether a closed line is one that this device has not heard of. What it says of the
    /// line's end must be signed by the line's device.
    fn is_news(&self, line: &ClosedLine) -> Result<bool, ReplicaError> {
        let ClosedLine { document, actor, from_seq, .. } = *line;
        let holds = line.before.is_none_or(|before| {
            before.document == document
                && before.actor() == actor
                && before.tip.seq.checked_add(1) == Some(from_seq)
                && before.verify().is_ok()
        });
        if !holds || from_seq == 0 {
            return Err(ReplicaError::Unattested { document });
        }
        let key = rows::of_actor(CLOSED, document, actor);
        let known: Option<ClosedLine> = rows::get(&**self.replica().store(), &key)?;
        Ok(known.is_none_or(|known| known.from_seq > from_seq)
            || self.is_of_earlier_life(document, actor)?)
    }

    /// Returns whether a line was closed in an earlier life of the hub's store, and the present one
    /// has not said so.
    pub(super) fn is_of_earlier_life(
        &self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<bool, StoreError> {
        let key = rows::of_actor(EARLIER, document, actor);
        Ok(rows::get::<()>(&**self.replica().store(), &key)?.is_some())
    }

    /// Makes anew the own edits of a document that closed lines take with them: those behind a
    /// line's end, and those that build on such a change. The refused change itself, and what has no
    /// place without it, is noted as not accepted. Returns nothing where no own edit is concerned.
    fn remake(
        &self,
        document: DocumentId,
        lines: &[ClosedLine],
        arrived: &[FeedItem],
        now: Timestamp,
    ) -> Result<Vec<Fact>, ReplicaError> {
        let genesis = match self.replica().genesis(document) {
            Err(ReplicaError::UnknownDocument { .. }) => return Ok(Vec::new()),
            genesis => genesis?,
        };
        let (own, mut others) = match self.sources(&genesis) {
            // Nothing was ever written here without its checklist.
            Err(ReplicaError::UnknownTemplate { .. }) => return Ok(Vec::new()),
            sources => sources?,
        };
        others.extend(changes_in(document, arrived));
        let mut closed = self.replica().closed(document)?;
        closed.extend(lines.iter().map(|line| (line.actor, *line)));
        let all: Vec<RawChange> =
            others.into_iter().chain(own.iter().map(|edit| edit.change.clone())).collect();
        let gone = descendants(&all, &closed);
        let orphaned: Vec<OwnEdit> =
            own.into_iter().filter(|edit| gone.contains_key(&edit.change.facts().hash)).collect();
        let Some(line) = lines.first().filter(|_| !orphaned.is_empty()) else {
            return Ok(Vec::new());
        };
        let owners = self.owners(document, orphaned.iter().map(|edit| edit.actor), arrived)?;
        let mut stays = self.replica().empty(&genesis)?;
        let kept: Vec<RawChange> =
            all.iter().filter(|c| !gone.contains_key(&c.facts().hash)).cloned().collect();
        stays.replay(&kept);
        let done: BTreeSet<ChangeHash> = stays.renamed_originals(&owners).into_iter().collect();
        let culprits: BTreeSet<ChangeHash> = closed.values().map(|line| line.culprit).collect();
        let (mut left, mut rejected) = (Vec::new(), Vec::new());
        for edit in &orphaned {
            let hash = edit.change.facts().hash;
            let full = closed.get(&edit.actor).is_some_and(|line| line.verdict == Verdict::Full);
            if culprits.contains(&hash) || full {
                rejected.push(edit.rejected(gone.get(&hash).copied(), Vec::new()));
            } else if !done.contains(&hash) {
                left.push(edit);
            }
        }
        let making: BTreeSet<ChangeHash> =
            left.iter().map(|edit| edit.change.facts().hash).collect();
        let without: Vec<RawChange> = all
            .iter()
            .filter(|c| gone.contains_key(&c.facts().hash) && !making.contains(&c.facts().hash))
            .cloned()
            .collect();
        let mut anew = self.anew(&stays, document, (&left, &without), &owners)?;
        for edit in &mut anew.rejected {
            edit.culprit = line.culprit;
        }
        rejected.extend(anew.rejected);
        let life = anew.life.unwrap_or_else(|| life_of(&orphaned[0]));
        let mut facts =
            adoption((genesis, line.actor), life, Vec::new(), &anew.changes, &orphaned, now);
        facts.extend(rejection(document, rejected, now));
        Ok(facts)
    }

    /// Makes orphaned edits anew on top of the line that stays, under one actor. It is named after
    /// what is made anew, not at random: clones that hold the same edits make the same changes of
    /// them, and no edit enters the record twice.
    pub(super) fn anew(
        &self,
        stays: &Document,
        document: DocumentId,
        (left, without): (&[&OwnEdit], &[RawChange]),
        owners: &Owners,
    ) -> Result<Anew, ReplicaError> {
        let Some(first) = left.first() else { return Ok(Anew::default()) };
        let life = life_of(first);
        let name = Actor::derive(self.device(), document, life);
        let orphaned: Vec<RawChange> = left.iter().map(|edit| edit.change.clone()).collect();
        let remade = stays
            .reauthor(&orphaned, without, name, owners)
            .map_err(|source| ReplicaError::Document { document, source: Arc::new(source) })?;
        let mut rejected = Vec::new();
        for (hash, operations) in remade.lost {
            let edit = left.iter().find(|edit| edit.change.facts().hash == hash);
            rejected.extend(edit.map(|edit| edit.rejected(None, operations)));
        }
        Ok(Anew { life: Some(life), changes: remade.changes, rejected })
    }

    /// Reads a document's sources: own edits in order, and everybody else's changes.
    fn sources(&self, genesis: &Genesis) -> Result<(Vec<OwnEdit>, Vec<RawChange>), ReplicaError> {
        let (mut own, mut others) = (Vec::new(), Vec::new());
        for Sourced { place, written, actor, change } in self.sourced(genesis)? {
            if written {
                own.push(OwnEdit { place, actor, change });
            } else {
                others.push(change);
            }
        }
        Ok((own, others))
    }

    /// Reads all changes that a document's sources bring, in order.
    pub(super) fn sourced(&self, genesis: &Genesis) -> Result<Vec<Sourced>, ReplicaError> {
        let document = genesis.document();
        let store = self.replica().store();
        let followed = self.replica().followed(document)?;
        let mut found = Vec::new();
        each_row(&**store, &rows::of_document(SOURCE, document), None, |key, value| {
            let source: Source = rows::decode(key, value)?;
            found.extend(rows::place_in(key).map(|place| (place, key.to_vec(), source)));
            Ok(())
        })?;
        let mut records = Records::default();
        let mut sourced = Vec::new();
        for (place, key, source) in found {
            let changes = match self.replica().source_changes(&mut records, &key, source, genesis) {
                // A record that is lost is in no document either.
                Err(ReplicaError::Store(StoreError::Damaged { .. })) => continue,
                changes => changes?,
            };
            let written = matches!(source, Source::Change | Source::Resubmitted { .. });
            for change in changes {
                if !stands(&followed, &key, source, &change) {
                    continue;
                }
                let actor = change.facts().actor.as_slice().try_into().map(Actor);
                let actor = actor.map_err(|_| StoreError::Damaged {
                    what: format!("journal record {}", Position(place.at).0),
                })?;
                sourced.push(Sourced { place, written, actor, change });
            }
        }
        Ok(sourced)
    }
}

/// A change, and the source that brings it.
pub(super) struct Sourced {
    pub(super) place: PackPlace,
    /// It was recorded by itself on this device, and did not come in a pack or snapshot.
    pub(super) written: bool,
    pub(super) actor: Actor,
    pub(super) change: RawChange,
}

/// Checks each entry by itself: forms, hashes, signatures. Also returns how many snapshots were left
/// out because they cannot be taken.
fn check(phone: &Phone, items: Vec<FeedItem>) -> Result<(Vec<Checked>, usize), ReplicaError> {
    let (mut checked, mut skipped) = (Vec::with_capacity(items.len()), 0);
    let mut objects = Vec::new();
    for item in items {
        checked.push(match item {
            FeedItem::Pack(bytes) => {
                let pack = Pack::decode(&bytes)?;
                pack.verify()?;
                Checked::Pack(Box::new(pack), bytes)
            }
            FeedItem::Snapshot(snapshot) => {
                match phone.check_snapshot(&snapshot, &objects) {
                    Ok(()) => {}
                    Err(ReplicaError::Document { .. } | ReplicaError::Unattested { .. }) => {
                        skipped += 1;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                Checked::Other(Box::new(FeedItem::Snapshot(snapshot)))
            }
            FeedItem::Object { bytes } => {
                objects.push(FeedItem::Object { bytes: bytes.clone() });
                Checked::Other(Box::new(FeedItem::Object { bytes }))
            }
            other => Checked::Other(Box::new(other)),
        });
    }
    Ok((checked, skipped))
}

/// The incarnation under which a line of orphaned edits is made anew.
fn life_of(first: &OwnEdit) -> Incarnation {
    let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 orphaned line");
    hasher.update(&first.actor.0).update(&first.change.facts().hash.0);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Incarnation(bytes)
}

/// Returns the changes of a document that arrived packs bring.
fn changes_in(document: DocumentId, arrived: &[FeedItem]) -> Vec<RawChange> {
    let packs = arrived.iter().filter_map(|item| match item {
        FeedItem::Pack(bytes) => Pack::decode(bytes).ok(),
        _ => None,
    });
    packs.filter(|pack| pack.document() == document).flat_map(Pack::into_changes).collect()
}

/// Returns the changes that closed lines take with them, each with the change at fault: those behind
/// a line's end, and all that build on one.
fn descendants(all: &[RawChange], closed: &ClosedLines) -> BTreeMap<ChangeHash, ChangeHash> {
    let mut dependents: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
    let (mut gone, mut open) = (BTreeMap::new(), Vec::new());
    for change in all {
        let facts = change.facts();
        for dep in &facts.deps {
            dependents.entry(*dep).or_default().push(facts.hash);
        }
        if is_closed(closed, change) {
            let actor = facts.actor.as_slice().try_into().map(Actor);
            let line = actor.ok().and_then(|actor| closed.get(&actor));
            open.extend(line.map(|line| (facts.hash, line.culprit)));
        }
    }
    while let Some((hash, culprit)) = open.pop() {
        if gone.insert(hash, culprit).is_none() {
            let next = dependents.get(&hash).into_iter().flatten();
            open.extend(next.map(|dependent| (*dependent, culprit)));
        }
    }
    gone
}

/// Cuts what was made anew into facts that each fit a record; they are committed together.
pub(super) fn adoption(
    (genesis, actor): (Genesis, Actor),
    incarnation: Incarnation,
    packs: Vec<Vec<u8>>,
    changes: &[RawChange],
    orphaned: &[OwnEdit],
    at: Timestamp,
) -> Vec<Fact> {
    let replaced = orphaned.iter().map(|edit| Replaced {
        place: edit.place,
        actor: edit.actor,
        seq: edit.change.facts().seq,
    });
    let mut replaced = pieces(replaced, |_| REPLACED_BYTES).into_iter();
    let bytes = changes.iter().map(|change| change.bytes().to_vec());
    let mut resubmitted = pieces(bytes, Vec::len).into_iter();
    let mut packs = Some(packs);
    let mut facts = Vec::new();
    loop {
        let (edits, made) = (replaced.next(), resubmitted.next());
        let first = packs.take();
        if first.is_none() && edits.is_none() && made.is_none() {
            return facts;
        }
        facts.push(Fact::Adopted {
            genesis: genesis.clone(),
            actor,
            incarnation,
            packs: first.unwrap_or_default(),
            resubmitted: made.unwrap_or_default(),
            replaced: edits.unwrap_or_default(),
            at,
        });
    }
}

/// As [`adoption`], for what was not accepted.
pub(super) fn rejection(document: DocumentId, edits: Vec<Rejected>, at: Timestamp) -> Vec<Fact> {
    let weight = |edit: &Rejected| REPLACED_BYTES + edit.operations.len() * OPERATION_BYTES;
    pieces(edits.into_iter(), weight)
        .into_iter()
        .map(|edits| Fact::Rejected { document, edits, at })
        .collect()
}
