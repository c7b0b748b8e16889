//! What each fact means for the index. The same code runs live and at rebuild.

use std::collections::BTreeMap;

use super::facts::{Fact, MergedPack, PackPlace, Quarantined, Rejected};
use super::rows::{
    self, ARRIVAL, ArrivalRow, BASE, DOCUMENT, DocumentRow, Entry, EpochRow, FEED, FeedRow, GIVEN,
    GivenRow, LIFE, NOTICE, OBJECT, OUTBOX, PACK, PARKED, PENDING, PROOF, PackRow, REFUSED,
    REJECTED, SOURCE, STALE, SelfRow, Source, TIP, TipRow, Totals, UNKNOWN_LIFE, UNRELEASED, meta,
};
use super::short::{self, PackFacts};
use crate::checklist::Template;
use crate::model::{
    Actor, ChangeHash, DeviceId, DocumentId, Genesis, Incarnation, RawChange, Scope, TemplateId,
    Timestamp,
};
use crate::store::{Position, Project, Read, Record, StoreError, Writes};
use crate::sync::{ClosedLine, FeedItem, FeedPosition, Notice, Snapshot, Want};
use crate::trust::HubReceipt;
use crate::trust::log::LogEntry;

mod admission;
mod carrying;
mod enrolling;
mod forking;
mod lines;
mod logging;
mod marks;
mod saving;
mod sealing;
mod succeeding;
mod trusting;
mod witnessing;

pub(super) use logging::record_hash;
#[cfg(test)]
pub(super) use sealing::REFUSED_KEPT_MAX;
pub(super) use trusting::{Drafting, TrustIndex, control_bytes, foresee};

use carrying::Brought;

/// Raised whenever a row's meaning changes: older indexes are then rebuilt. Raised too with each new fact,
/// and whenever a fact may say something new: programs before refuse the store then, and do not take for
/// lost what they cannot read.
const PROJECTION_VERSION: u32 = 19;

/// The meaning of Bienban's records, for phone and hub alike.
#[derive(Debug, Clone, Copy, Default)]
pub struct Projection;

impl Project for Projection {
    fn version(&self) -> u32 {
        PROJECTION_VERSION
    }

    fn expect_known(&self, at: Position, record: &Record) -> Result<(), StoreError> {
        Fact::expect_known(at, record)
    }

    fn project(
        &self,
        at: Position,
        record: &Record,
        index: &dyn Read,
        writes: &mut Writes,
    ) -> Result<(), StoreError> {
        Step::of(at, record, (index, writes), false)
    }

    fn replay(
        &self,
        at: Position,
        record: &Record,
        index: &dyn Read,
        writes: &mut Writes,
    ) -> Result<(), StoreError> {
        Step::of(at, record, (index, writes), true)
    }
}

/// Rows as this record has left them so far.
struct Overlay<'a> {
    below: &'a dyn Read,
    above: &'a mut Writes,
}

impl Overlay<'_> {
    fn get<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        match self.above.0.get(key) {
            Some(Some(bytes)) => rows::decode(key, bytes).map(Some),
            Some(None) => Ok(None),
            None => rows::get(self.below, key),
        }
    }

    fn put<T: serde::Serialize>(&mut self, key: Vec<u8>, value: &T) {
        rows::put(self.above, key, value);
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.above.remove(key);
    }

    /// Returns all rows of a prefix, those of this record included.
    fn rows(&self, prefix: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        let below = self.below.scan(prefix, None, usize::MAX)?;
        let mut rows: BTreeMap<_, _> = below.into_iter().collect();
        let above = self.above.0.range(prefix.to_vec()..);
        for (key, value) in above.take_while(|(key, _)| key.starts_with(prefix)) {
            match value {
                Some(value) => rows.insert(key.clone(), value.clone()),
                None => rows.remove(key),
            };
        }
        Ok(rows)
    }
}

/// The projection of one record.
struct Step<'a> {
    at: Position,
    kind: u8,
    index: Overlay<'a>,
    /// The record is in the journal already; one that it builds on may be lost.
    replayed: bool,
    /// What the log is to say of it.
    said: Vec<LogEntry>,
}

impl<'a> Step<'a> {
    fn of(
        at: Position,
        record: &Record,
        (below, above): (&'a dyn Read, &'a mut Writes),
        replayed: bool,
    ) -> Result<(), StoreError> {
        let fact = Fact::read(at, record)?;
        let index = Overlay { below, above };
        let mut step = Self { at, kind: record.kind, index, replayed, said: Vec::new() };
        step.fact(&fact)?;
        step.log(&fact, record)
    }
}

impl Step<'_> {
    fn fact(&mut self, fact: &Fact) -> Result<(), StoreError> {
        match fact {
            Fact::Born { device, incarnation, .. } => self.born(*device, *incarnation),
            Fact::Incarnated { incarnation, lost, .. } => {
                return self.incarnated(*incarnation, *lost);
            }
            Fact::Changed { genesis, change, .. } => return self.changed(genesis, change),
            Fact::Released { packs, .. } => return self.released(packs),
            Fact::Received { items, position, .. } => return self.received(items, *position),
            Fact::Receipted { receipt } => return self.receipted(receipt),
            Fact::Noticed { upto, notices } => return self.noticed(*upto, notices),
            Fact::Accepted { from, packs, quarantined, at } => {
                return self.accepted((*from, *at), packs, quarantined);
            }
            Fact::Merged { document, scope, merged, parked, refused, at } => {
                return self.merged((*document, scope, *at), merged, parked, refused);
            }
            Fact::Published { bytes } => return self.published(bytes),
            Fact::Controlled { entries } => return self.controlled(entries),
            Fact::Pinned { hub } => return self.pinned(*hub),
            Fact::Acted { act } => return self.acted(act),
            Fact::Reminded { epoch, upto } => {
                self.index.put(rows::single(meta::REMINDED), &(*epoch, upto));
            }
            Fact::Unentered { act } => self.unentered(*act)?,
            Fact::Dropped { act } => self.index.remove(rows::of_acting(*act)),
            Fact::Trusted { entry } => {
                self.device(&entry.clone().into())?;
                return self.enter_feed("", Entry::Device { device: entry.device });
            }
            Fact::Lagging => self.lagging(),
            Fact::Met { from, items, .. } => return self.met(*from, items),
            Fact::Declined { packs, .. } => return self.declined(packs),
            Fact::HeldBack { packs, epoch, at } => self.held_back(packs, *epoch, *at),
            Fact::Kept { packs, epoch } => return self.kept(packs, *epoch),
            Fact::Forked { document, actor } => return self.forked(*document, *actor),
            Fact::Adopted { genesis, actor, incarnation, packs, resubmitted, replaced, .. } => {
                self.index.put(rows::key(LIFE, &[&incarnation.0]), &());
                return self.adopted(genesis, *actor, packs, resubmitted, replaced);
            }
            Fact::Followed { document, actor, left, .. } => {
                return self.followed(*document, *actor, left);
            }
            Fact::Closed { document, scope, lines, changes, .. } => {
                return self.closed((*document, scope), lines, changes);
            }
            Fact::Rejected { document, edits, .. } => self.rejected(*document, edits),
            Fact::Restored { epoch } => return self.restored(*epoch),
            Fact::Lacking { wants } => return self.lacking(wants),
            Fact::Troubled { trouble, at } => return self.troubled(trouble, *at),
            Fact::Acknowledged { upto, .. } => return self.acknowledged(*upto),
            Fact::Returned { templates, epoch } => self.returned(templates, *epoch),
            Fact::Audited { entries, .. } => self.said.extend(entries.iter().cloned()),
            Fact::Witnessed { hub, head, heard, .. } => return self.witnessed(*hub, head, *heard),
            Fact::Doubted { word, at } => return self.doubted(word, *at),
            Fact::Invited { signed, at } => return self.invited(signed, *at),
            Fact::Claimed { claim, .. } => return self.claimed(claim),
            Fact::Denied { invitation, .. } => return self.denied(*invitation),
            Fact::Marked { size, root } => return self.marked(*size, *root),
            Fact::Accounted { heads, .. } => self.accounted(heads),
            Fact::HubMarked { mark } => return self.hub_marked(mark),
            Fact::BackedUp { epoch, number, at } => self.backed_up(*epoch, *number, *at),
            Fact::Succeeded { hub, acts, .. } => return self.succeeded(*hub, acts),
            Fact::Switched { hub, .. } => return self.switched(*hub),
            _ => return self.of_saved(fact),
        }
        Ok(())
    }

    fn born(&mut self, device: DeviceId, incarnation: Incarnation) {
        self.index.put(rows::single(meta::SELF), &SelfRow { device, incarnation });
        self.index.put(rows::single(meta::BORN), &device);
        self.index.put(rows::key(LIFE, &[&incarnation.0]), &());
    }

    fn published(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(template) = self.object(bytes) else { return Ok(()) };
        self.ripen(template)?;
        self.enter_feed("", Entry::Object { template })
    }

    fn lagging(&mut self) {
        self.index.remove(rows::single(meta::POSITION));
        self.index.remove(rows::single(meta::GAP));
    }

    fn returned(&mut self, templates: &[TemplateId], epoch: [u8; 16]) {
        for template in templates {
            self.index.put(rows::of_template(GIVEN, *template), &GivenRow { epoch });
        }
    }

    fn incarnated(&mut self, incarnation: Incarnation, lost: u64) -> Result<(), StoreError> {
        let known = rows::known_lost(self.index.get(&rows::single(meta::LOST))?);
        if lost == rows::LOST_UNTOLD {
            self.index.put(rows::single(meta::LOST), &(rows::LOST_UNTOLD - known));
            return Ok(());
        }
        if lost > known {
            // Notices may have been in it: all are asked for again.
            self.index.remove(rows::single(meta::NOTICES));
        }
        self.index.put(rows::single(meta::LOST), &lost);
        self.say_epoch(incarnation.0, lost, lost > known)?;
        match self.index.get::<SelfRow>(&rows::single(meta::SELF))? {
            Some(before) => {
                self.index.put(rows::single(meta::SELF), &SelfRow { incarnation, ..before });
            }
            // The record of the birth is lost: the owner is born again when it opens the store.
            None if self.replayed => {}
            None => return Err(self.meaningless("it comes before the store's birth")),
        }
        self.index.put(rows::key(LIFE, &[&incarnation.0]), &());
        // A phone asks for everything it lacks by reconciliation; a hub starts a new numbering of
        // positions that no phone can confuse with the old one.
        self.index.remove(rows::single(meta::POSITION));
        if let Some(feed) = self.index.get::<FeedPosition>(&rows::single(meta::FEED))? {
            let feed = FeedPosition { epoch: incarnation.0, ..feed };
            self.index.put(rows::single(meta::FEED), &feed);
        }
        Ok(())
    }

    fn changed(&mut self, genesis: &Genesis, change: &[u8]) -> Result<(), StoreError> {
        let (actor, seq) = match short::named_change(change) {
            Some(named) => named,
            None => {
                let change = RawChange::inspect(change.to_vec())
                    .map_err(|error| self.meaningless(&error.to_string()))?;
                (self.actor_of(&change)?, change.facts().seq)
            }
        };
        let document = self.document(genesis)?;
        self.written(document, actor, seq)
    }

    /// As [`Self::changed`], where an earlier record says what the document was born as. Where that one is
    /// lost, so is this one: a peer has both.
    fn typed(&mut self, document: DocumentId, actor: Actor, seq: u64) -> Result<(), StoreError> {
        self.scope(document)?;
        self.index.put(rows::of_document(STALE, document), &());
        self.written(document, actor, seq)
    }

    fn written(&mut self, document: DocumentId, actor: Actor, seq: u64) -> Result<(), StoreError> {
        self.source(document, PackPlace { at: self.at.0, index: 0 }, Source::Change);
        self.index.put(rows::of_seq(UNRELEASED, document, actor, seq), &self.at.0);
        self.arrival(document, actor, |row| row.recorded = row.recorded.max(seq))
    }

    fn released(&mut self, packs: &[Vec<u8>]) -> Result<(), StoreError> {
        for (place, bytes) in self.places(packs) {
            let pack = self.decode(bytes)?;
            let (document, actor) = (self.document_unmerged(pack.genesis())?, pack.actor());
            self.hold(&pack, place)?;
            // Known already, unless the record that began this life is lost.
            self.index.put(rows::key(LIFE, &[&pack.incarnation().0]), &());
            self.index.put(rows::of_seq(OUTBOX, document, actor, pack.last_seq()), &place);
            let mut lost = false;
            for seq in pack.first_seq()..=pack.last_seq() {
                let edit = rows::of_seq(UNRELEASED, document, actor, seq);
                lost |= self.replayed && self.index.get::<u64>(&edit)?.is_none();
                self.index.remove(edit);
            }
            if lost {
                // The record of an edit is lost; the pack holds it as well.
                self.source(document, place, Source::Pack(place));
            }
            let last = pack.last_seq();
            self.arrival(document, actor, |row| {
                row.recorded = row.recorded.max(last);
                row.released = row.released.max(last);
            })?;
        }
        Ok(())
    }

    fn received(
        &mut self,
        items: &[FeedItem],
        position: Option<FeedPosition>,
    ) -> Result<(), StoreError> {
        // Rights come before what is written by them.
        self.control(items)?;
        let mut packs = 0;
        let known: Option<EpochRow> = self.index.get(&rows::single(meta::EPOCH))?;
        let life = position.map(|position| position.epoch).or_else(|| known.map(|row| row.epoch));
        let life = life.unwrap_or(UNKNOWN_LIFE);
        for (index, item) in items.iter().enumerate() {
            match item {
                FeedItem::Pack(bytes) => {
                    let place = PackPlace { at: self.at.0, index: packs };
                    packs += 1;
                    let pack = self.decode(bytes)?;
                    let document = self.document(pack.genesis())?;
                    self.reopen(&pack.attestation())?;
                    self.hold(&pack, place)?;
                    self.confirm(&Brought::Pack(&pack))?;
                    self.source(document, place, Source::Pack(place));
                    if self.is_closed(&pack.attestation())? {
                        self.settle(document)?;
                    }
                }
                FeedItem::Yours { document, actor, seq, .. } => {
                    self.yours(*document, *actor, *seq)?;
                }
                FeedItem::Object { bytes } => {
                    if let Some(template) = self.object(bytes) {
                        self.index
                            .put(rows::of_template(GIVEN, template), &GivenRow { epoch: life });
                    }
                }
                FeedItem::Device(entry) => self.device(&entry.clone().into())?,
                // Taken in before all else.
                FeedItem::Control(_) => {}
                FeedItem::Seal(bytes) => {
                    let (_, document) = self.seal(bytes)?;
                    self.counts_anew(document)?;
                }
                FeedItem::Closed(line) => {
                    if self.close(line)? {
                        // The saved form may hold what stays out now.
                        self.index.remove(rows::of_document(BASE, line.document));
                    }
                }
                FeedItem::Snapshot(snapshot) => {
                    self.snapshot(snapshot, u32::try_from(index).unwrap_or(u32::MAX))?;
                }
                // The session joins parts before it hands items over.
                FeedItem::SnapshotPart { .. } | FeedItem::PackPart { .. } => {
                    return Err(self.meaningless("it holds a part of a snapshot or pack"));
                }
            }
        }
        if let Some(position) = position {
            self.index.put(rows::single(meta::POSITION), &position);
            if known.is_none() {
                self.name_life(position.epoch)?;
            }
            // A position is given once both sides have compared all they hold.
            let row = EpochRow { epoch: position.epoch, confirmed: true };
            self.index.put(rows::single(meta::EPOCH), &row);
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &Snapshot, index: u32) -> Result<(), StoreError> {
        let document = self.document(&snapshot.genesis)?;
        // Behind every pack of the same record, which are numbered from 0.
        let row = PackPlace { at: self.at.0, index: index.saturating_add(1 << 20) };
        self.source(document, row, Source::Snapshot { at: self.at.0, index });
        for attestation in &snapshot.attestations {
            self.reopen(attestation)?;
            self.tip(attestation)?;
            let (actor, seq) = (attestation.actor(), attestation.tip.seq);
            self.index.put(rows::of_seq(PROOF, document, actor, seq), attestation);
            self.confirm(&Brought::Whole(attestation))?;
        }
        Ok(())
    }

    /// Takes back what the hub had signed for and lacks, and puts it among what is to be sent.
    fn lacking(&mut self, wants: &[Want]) -> Result<(), StoreError> {
        for want in wants {
            let (document, actor, last) = (want.document, want.actor, want.from_seq - 1);
            self.arrival(document, actor, |row| {
                row.stored = row.stored.min(last);
                row.merged = row.merged.min(last);
                row.merged_signed = row.merged_signed.min(last);
                row.backed = row.backed.min(last);
            })?;
            let prefix = rows::of_actor(PACK, document, actor);
            let before = rows::of_seq(PACK, document, actor, last);
            for (key, value) in self.index.below.scan(&prefix, Some(&before), usize::MAX)? {
                let (row, seq) = (rows::decode::<PackRow>(&key, &value)?, rows::number_in(&key));
                let seq = seq.unwrap_or_default();
                self.index.put(rows::of_seq(OUTBOX, document, actor, seq), &row.place);
            }
        }
        Ok(())
    }

    fn receipted(&mut self, receipt: &HubReceipt) -> Result<(), StoreError> {
        if self.index.get::<EpochRow>(&rows::single(meta::EPOCH))?.is_none() {
            let row = EpochRow { epoch: receipt.epoch, confirmed: true };
            self.index.put(rows::single(meta::EPOCH), &row);
        }
        for item in &receipt.items {
            self.delivered(item, receipt.epoch)?;
            let own = rows::of_actor(ARRIVAL, item.document, item.actor);
            if self.index.get::<ArrivalRow>(&own)?.is_none() {
                // Signed for on behalf of another device.
                continue;
            }
            let (seq, at) = (item.seq, receipt.stored_at);
            self.arrival(item.document, item.actor, |row| {
                if seq > row.stored {
                    row.stored = seq;
                    row.stored_at = at;
                }
            })?;
            let prefix = rows::of_actor(OUTBOX, item.document, item.actor);
            for (key, _) in self.index.below.scan(&prefix, None, usize::MAX)? {
                if rows::number_in(&key).is_some_and(|last| last <= seq) {
                    self.index.remove(key);
                }
            }
        }
        Ok(())
    }

    fn noticed(&mut self, upto: u64, notices: &[Notice]) -> Result<(), StoreError> {
        let mut more = 0;
        for (number, notice) in self.unheard(upto, notices)? {
            self.index.put(rows::of_number(NOTICE, number), notice);
            more += 1;
        }
        for notice in notices {
            // The hub keeps a refused pack verbatim; sending it again would change nothing until the
            // rights of this device change, and then both compare. What it does not keep is still
            // only here, and waits to be sent.
            if notice.verdict.is_kept() {
                self.index.remove(rows::of_seq(OUTBOX, notice.document, notice.actor, notice.seq));
            }
        }
        self.index.put(rows::single(meta::NOTICES), &upto);
        self.totals(|totals| totals.quarantined += more)
    }

    /// Returns the notices that are not here yet, numbered from the last one back. After a lost record
    /// all are asked for again; a number that another notice has is passed over.
    fn unheard<'n>(
        &self,
        upto: u64,
        notices: &'n [Notice],
    ) -> Result<Vec<(u64, &'n Notice)>, StoreError> {
        let mut held = BTreeMap::new();
        for (key, value) in self.index.rows(&[NOTICE])? {
            let notice: Notice = rows::decode(&key, &value)?;
            held.insert(rows::number_in(&key).unwrap_or_default(), notice);
        }
        let fresh = notices.iter().rev().filter(|notice| !held.values().any(|one| one == *notice));
        let free = (1..=upto).rev().chain(upto + 1..).filter(|number| !held.contains_key(number));
        Ok(fresh.zip(free).map(|(notice, number)| (number, notice)).collect())
    }

    fn accepted(
        &mut self,
        (from, at): (DeviceId, Timestamp),
        packs: &[Vec<u8>],
        quarantined: &[Quarantined],
    ) -> Result<(), StoreError> {
        for (place, bytes) in self.places(packs) {
            let pack = self.decode(bytes)?;
            let document = self.document_unmerged(pack.genesis())?;
            // A commit whose forerunner failed must not leave a hole in an actor's line. Nothing of
            // it has reached the journal yet: it is refused, and its sender tries again. One that the
            // journal has waits for its forerunner, whose record is lost.
            let held: Option<TipRow> =
                self.index.get(&rows::of_actor(TIP, document, pack.actor()))?;
            let end = held.map_or(0, |row| row.attestation.tip.seq);
            // One that was on its way while its line was closed is told so when it is looked at.
            if !self.replayed
                && pack.first_seq() > end + 1
                && !self.is_closed(&pack.attestation())?
            {
                return Err(self.meaningless("it would leave a gap in an actor's changes"));
            }
            self.say_stored(from, &pack);
            self.hold(&pack, place)?;
            // One that came twice while it was on its way to the disk is used up once.
            if pack.last_seq() > end {
                self.use_up(&pack)?;
            }
            self.readmit(&pack)?;
            self.queue(&pack, place)?;
        }
        for (index, entry) in (0..).zip(quarantined) {
            self.say_refused(entry);
            let place = PackPlace { at: self.at.0, index };
            self.shut_out((from, at), place, entry)?;
        }
        Ok(())
    }

    fn merged(
        &mut self,
        (document, scope, at): (DocumentId, &Scope, Timestamp),
        merged: &[MergedPack],
        parked: &[(PackPlace, DeviceId)],
        refused: &[(PackPlace, Quarantined)],
    ) -> Result<(), StoreError> {
        let done = merged.iter().map(|pack| &pack.place);
        let waiting = parked.iter().map(|(place, _)| place);
        let all = done.chain(waiting).chain(refused.iter().map(|(place, _)| place));
        for place in all {
            self.leave_queue(document, *place)?;
            let (pending, waiting) = (
                rows::of_place(PENDING, document, *place),
                rows::of_place(PARKED, document, *place),
            );
            let was_pending = self.index.get::<()>(&pending)?.is_some();
            let was_parked = self.index.get::<DeviceId>(&waiting)?.is_some();
            self.totals(|totals| {
                totals.pending = totals.pending.saturating_sub(was_pending.into());
                totals.parked = totals.parked.saturating_sub(was_parked.into());
            })?;
            self.index.remove(pending);
            self.index.remove(waiting);
        }
        for (place, device) in parked {
            self.index.put(rows::of_place(PARKED, document, *place), device);
            self.totals(|totals| totals.parked += 1)?;
        }
        for (place, entry) in refused {
            self.say_refused(entry);
            self.quarantine(*place, entry, (scope, at))?;
            // It is evidence, not something to hand on.
            let Notice { document, actor, seq, .. } = entry.notice;
            self.index.remove(rows::of_seq(PACK, document, actor, seq));
        }
        for (index, pack) in (0..).zip(merged) {
            let row = PackPlace { at: self.at.0, index };
            self.source(document, row, Source::Pack(pack.place));
            self.enter_feed(scope.as_str(), Entry::Pack { document, pack: *pack })?;
        }
        Ok(())
    }

    fn closed(
        &mut self,
        (document, scope): (DocumentId, &Scope),
        lines: &[ClosedLine],
        changes: &[(ChangeHash, ChangeHash)],
    ) -> Result<(), StoreError> {
        for (change, culprit) in changes {
            self.index.put(rows::of_change(REFUSED, document, change), culprit);
        }
        for line in lines {
            if self.close(line)? {
                self.enter_feed(scope.as_str(), Entry::Closed { line: *line })?;
            }
        }
        Ok(())
    }

    fn rejected(&mut self, document: DocumentId, edits: &[Rejected]) {
        for edit in edits {
            self.index.put(rows::of_place(REJECTED, document, edit.place), edit);
        }
    }

    // The parts that several facts share.

    fn document(&mut self, genesis: &Genesis) -> Result<DocumentId, StoreError> {
        let document = self.document_unmerged(genesis)?;
        self.index.put(rows::of_document(STALE, document), &());
        Ok(document)
    }

    /// Notes a document that nothing was merged into yet.
    fn document_unmerged(&mut self, genesis: &Genesis) -> Result<DocumentId, StoreError> {
        let document = genesis.document();
        let key = rows::of_document(DOCUMENT, document);
        if self.index.get::<DocumentRow>(&key)?.is_none() {
            self.index.put(key, &DocumentRow { genesis: genesis.clone() });
            self.totals(|totals| totals.documents += 1)?;
        }
        Ok(document)
    }

    fn scope(&self, document: DocumentId) -> Result<Scope, StoreError> {
        let row: Option<DocumentRow> = self.index.get(&rows::of_document(DOCUMENT, document))?;
        row.map(|row| row.genesis.scope)
            .ok_or_else(|| self.meaningless("it names a document that is not known"))
    }

    fn source(&mut self, document: DocumentId, place: PackPlace, source: Source) {
        self.index.put(rows::of_place(SOURCE, document, place), &source);
        self.index.put(rows::of_document(STALE, document), &());
    }

    fn enter_feed(&mut self, scope: &str, entry: Entry) -> Result<(), StoreError> {
        let Some(before) = self.feed()? else {
            return Err(self.meaningless("it comes before the hub's birth"));
        };
        let number = before.number + 1;
        let bytes = postcard::to_stdvec(&entry)
            .expect("an entry holds only fixed fields, which always encode");
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 feed");
        hasher.update(&before.chain).update(scope.as_bytes()).update(&bytes);
        let chain = *hasher.finalize().as_bytes();
        let seen_by = match &entry {
            Entry::Control { scope, .. } => rows::of_control_feed(scope, number),
            _ => rows::of_scope(scope, number),
        };
        self.index.put(rows::of_number(FEED, number), &FeedRow { chain, entry });
        self.index.put(seen_by, &());
        let head = FeedPosition { epoch: before.epoch, number, chain };
        self.index.put(rows::single(meta::FEED), &head);
        Ok(())
    }

    fn feed(&self) -> Result<Option<FeedPosition>, StoreError> {
        if let Some(feed) = self.index.get(&rows::single(meta::FEED))? {
            return Ok(Some(feed));
        }
        let owner = self.index.get::<SelfRow>(&rows::single(meta::SELF))?;
        let epoch = match owner {
            Some(owner) => owner.incarnation.0,
            // As in [`Self::incarnated`]; a hub that lost records takes a new epoch in any case.
            None if self.replayed => [0; 16],
            None => return Ok(None),
        };
        Ok(Some(FeedPosition { epoch, number: 0, chain: [0; 32] }))
    }

    /// Keeps a checklist. One that this program cannot read stays in the journal; a later version,
    /// which rebuilds the index, finds it there.
    fn object(&mut self, bytes: &[u8]) -> Option<TemplateId> {
        let template = Template::parse(bytes).ok()?.id();
        self.index.put(rows::key(OBJECT, &[&template.0]), &bytes);
        Some(template)
    }

    fn arrival(
        &mut self,
        document: DocumentId,
        actor: Actor,
        change: impl FnOnce(&mut ArrivalRow),
    ) -> Result<(), StoreError> {
        let key = rows::of_actor(ARRIVAL, document, actor);
        let mut row = self.index.get::<ArrivalRow>(&key)?.unwrap_or_default();
        change(&mut row);
        self.index.put(key, &row);
        Ok(())
    }

    fn totals(&mut self, change: impl FnOnce(&mut Totals)) -> Result<(), StoreError> {
        let key = rows::single(meta::TOTALS);
        let mut totals = self.index.get::<Totals>(&key)?.unwrap_or_default();
        change(&mut totals);
        self.index.put(key, &totals);
        Ok(())
    }

    fn places<'p>(&self, packs: &'p [Vec<u8>]) -> Vec<(PackPlace, &'p [u8])> {
        let at = self.at.0;
        (0..).zip(packs).map(|(index, bytes)| (PackPlace { at, index }, &**bytes)).collect()
    }

    fn decode(&self, bytes: &[u8]) -> Result<PackFacts, StoreError> {
        PackFacts::read(bytes).map_err(|error| self.meaningless(&error.to_string()))
    }

    fn actor_of(&self, change: &RawChange) -> Result<Actor, StoreError> {
        let bytes = change.facts().actor.as_slice();
        bytes.try_into().map(Actor).map_err(|_| self.meaningless("its actor is not 16 bytes"))
    }

    fn meaningless(&self, reason: &str) -> StoreError {
        StoreError::Meaningless { at: self.at, kind: self.kind, reason: reason.to_owned() }
    }
}
