//! What packs that phones hand to each other mean for the index, what ends their being carried, and
//! what leaves the lists with them.

use super::{PackPlace, Step};
use crate::model::{Actor, DeviceId, DocumentId, Origin, Summary, Timestamp};
use crate::replica::rows::{
    self, ARRIVAL, BASE, CARRIED, CLOSED, CarriedRow, DOCUMENT, DocumentRow, EARLIER, EpochRow,
    FORK, HELD, HeldRow, LoadRow, NAMED, REJECTED, SOURCE, STALE, SUMMARY, TIP, UNRELEASED, meta,
};
use crate::replica::short::PackFacts;
use crate::store::StoreError;
use crate::sync::{ClosedLine, FeedItem};
use crate::trust::{Attestation, ReceiptItem, Tip};

/// Rows looked at together; more are looked at only while all of these were removed.
const PAGE_ROWS: usize = 64;

/// What the hub brought of an actor's line.
pub(super) enum Brought<'a> {
    Pack(&'a PackFacts),
    /// All up to an end, as in a snapshot.
    Whole(&'a Attestation),
}

impl Brought<'_> {
    fn end(&self) -> Attestation {
        match self {
            Self::Pack(pack) => pack.attestation(),
            Self::Whole(proof) => **proof,
        }
    }

    /// Returns whether it says nothing of the line up to a change.
    fn begins_behind(&self, seq: u64) -> bool {
        match self {
            Self::Pack(pack) => pack.previous().is_some_and(|before| seq < before.seq),
            // One place tells of the whole line, but only of its own whether it is the same.
            Self::Whole(proof) => seq != proof.tip.seq,
        }
    }

    /// Returns whether a place that was brought is another on this line. What it says nothing about
    /// was brought before, and looked at then.
    fn differs(&self, other: &Tip) -> bool {
        let here = match self {
            Self::Pack(pack) => {
                let known = pack.previous().into_iter().chain(pack.known());
                known.copied().find(|tip| tip.seq == other.seq)
            }
            Self::Whole(proof) => Some(proof.tip).filter(|tip| tip.seq == other.seq),
        };
        here.is_some_and(|tip| tip != *other)
    }
}

impl Step<'_> {
    /// Keeps what another phone brought apart from what the hub confirmed: a document is first what
    /// the hub says, then what others carry.
    pub(super) fn met(&mut self, from: DeviceId, items: &[FeedItem]) -> Result<(), StoreError> {
        let mut packs = 0;
        for item in items {
            match item {
                FeedItem::Pack(bytes) => {
                    let place = PackPlace { at: self.at.0, index: packs };
                    packs += 1;
                    let pack = self.decode(bytes)?;
                    let document = self.document(pack.genesis())?;
                    let row = CarriedRow {
                        place,
                        first_seq: pack.first_seq(),
                        previous: pack.previous().copied(),
                        attestation: pack.attestation(),
                        stored: None,
                        from,
                        bytes: pack.length,
                    };
                    self.index
                        .put(rows::of_seq(NAMED, document, pack.actor(), pack.last_seq()), &());
                    let key = rows::of_seq(CARRIED, document, pack.actor(), pack.last_seq());
                    self.put_down(&key)?;
                    self.loads(&row, |load| {
                        load.packs += 1;
                        load.bytes += row.bytes;
                    })?;
                    self.index.put(key, &row);
                }
                FeedItem::Object { bytes } => {
                    self.object(bytes);
                }
                _ => return Err(self.meaningless("it holds what only a hub sends")),
            }
        }
        Ok(())
    }

    /// Ends the carrying of an actor's packs that the hub has brought. One of another line under the
    /// same name is carried on until the hub, which is offered it, says that it does not take it: it
    /// may be the last copy of what a person typed, and its device is told by the hub's word.
    pub(super) fn confirm(&mut self, brought: &Brought<'_>) -> Result<(), StoreError> {
        let end = brought.end();
        let (document, actor, seq) = (end.document, end.actor(), end.tip.seq);
        let prefix = rows::of_actor(CARRIED, document, actor);
        let (mut others, mut before) = (false, None);
        for (key, value) in self.index.rows(&prefix)?.into_iter().rev() {
            let row: CarriedRow = rows::decode(&key, &value)?;
            let tip = row.attestation.tip;
            if tip.seq > seq {
                continue;
            }
            // A pack that is the hub's proves those before it, each by the place that it continues.
            let is_proved = before == Some(tip);
            if is_proved || !(brought.begins_behind(tip.seq) || brought.differs(&tip)) {
                self.put_down(&key)?;
                before = row.previous;
                continue;
            }
            // What was brought before says nothing of it now, and an equal one was put down then.
            others = true;
            if matches!(brought, Brought::Whole(_)) && row.stored.is_some() {
                // No pack of this will come any more: the hub is offered it once more, and its answer
                // ends the carrying.
                self.index.put(key, &CarriedRow { stored: None, ..row });
            }
        }
        if others { Ok(()) } else { self.let_go(document, actor, seq) }
    }

    /// Notes the hub's signature for a pack. One of others that this phone carried is carried no longer
    /// where the record here reaches as far: the hub brought that line, and will not bring it again. A
    /// signature speaks of the pack that it names alone: another at its place, or before it, may be of
    /// another line.
    pub(super) fn delivered(
        &mut self,
        item: &ReceiptItem,
        epoch: [u8; 16],
    ) -> Result<(), StoreError> {
        let key = rows::of_seq(CARRIED, item.document, item.actor, item.seq);
        let row: Option<CarriedRow> = self.index.get(&key)?;
        if let Some(row) = row.filter(|row| row.attestation.tip.hash == item.hash) {
            let end = self.end_of(item.document, item.actor)?;
            if end.is_some_and(|end| end.seq >= item.seq) {
                self.put_down(&key)?;
            } else {
                self.index.put(key, &CarriedRow { stored: Some(epoch), ..row });
            }
        }
        self.let_go(item.document, item.actor, item.seq)
    }

    /// Ends the carrying of packs that the hub said it does not take.
    pub(super) fn declined(
        &mut self,
        packs: &[(DocumentId, Actor, u64)],
    ) -> Result<(), StoreError> {
        for (document, actor, seq) in packs {
            self.put_down(&rows::of_seq(CARRIED, *document, *actor, *seq))?;
            self.index.put(rows::of_document(STALE, *document), &());
            self.settle(*document)?;
        }
        Ok(())
    }

    /// Notes that the hub cannot read packs. Nothing else changes: they are still only here.
    pub(super) fn held_back(
        &mut self,
        packs: &[(DocumentId, Actor, u64)],
        epoch: [u8; 16],
        at: Timestamp,
    ) {
        for (document, actor, seq) in packs {
            let key = rows::of_seq(HELD, *document, *actor, *seq);
            self.index.put(key, &HeldRow { epoch, at });
        }
    }

    /// Notes that the hub keeps packs of others whose forerunners it lacks, or has judged what was given
    /// back to it. They stay here, for another life of its store; this one is not offered them again.
    pub(super) fn kept(
        &mut self,
        packs: &[(DocumentId, Actor, u64)],
        epoch: [u8; 16],
    ) -> Result<(), StoreError> {
        for (document, actor, seq) in packs {
            self.index.remove(rows::of_seq(HELD, *document, *actor, *seq));
            let key = rows::of_seq(CARRIED, *document, *actor, *seq);
            if let Some(row) = self.index.get::<CarriedRow>(&key)? {
                self.index.put(key, &CarriedRow { stored: Some(epoch), ..row });
            }
        }
        Ok(())
    }

    /// The hub's store lives another life. What it said of lines in an earlier one holds until it
    /// brings more of them: the cause may be gone, or it may not know of it any more.
    pub(super) fn restored(&mut self, epoch: [u8; 16]) -> Result<(), StoreError> {
        self.unmark()?;
        let row = EpochRow { epoch, confirmed: false };
        self.index.put(rows::single(meta::EPOCH), &row);
        for (key, _) in self.index.below.scan(&[CLOSED], None, usize::MAX)? {
            if let (Some(document), Some(actor)) = (rows::document_in(&key), rows::actor_in(&key)) {
                self.index.put(rows::of_actor(EARLIER, document, actor), &());
            }
        }
        Ok(())
    }

    /// Opens a line again that was closed in an earlier life of the hub's store, as far as the hub
    /// now brings it.
    pub(super) fn reopen(&mut self, proof: &Attestation) -> Result<(), StoreError> {
        let (document, actor) = (proof.document, proof.actor());
        let key = rows::of_actor(CLOSED, document, actor);
        let Some(line) = self.index.get::<ClosedLine>(&key)? else { return Ok(()) };
        let earlier = rows::of_actor(EARLIER, document, actor);
        if proof.tip.seq < line.from_seq || self.index.get::<()>(&earlier)?.is_none() {
            return Ok(());
        }
        let from_seq = proof.tip.seq.saturating_add(1);
        self.index.put(key, &ClosedLine { from_seq, before: Some(*proof), ..line });
        Ok(())
    }

    /// Takes a carried pack out, if it is there, and out of what is counted as carried.
    pub(super) fn put_down(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let Some(row) = self.index.get::<CarriedRow>(key)? else { return Ok(()) };
        self.index.remove(key.to_vec());
        self.loads(&row, |load| {
            load.packs = load.packs.saturating_sub(1);
            load.bytes = load.bytes.saturating_sub(row.bytes);
        })
    }

    fn loads(&mut self, row: &CarriedRow, change: impl Fn(&mut LoadRow)) -> Result<(), StoreError> {
        let signer = rows::load_of_signer(row.attestation.device);
        for key in [rows::load_of_all(), signer, rows::load_from(row.from)] {
            let mut load: LoadRow = self.index.get(&key)?.unwrap_or_default();
            change(&mut load);
            if load == LoadRow::default() {
                self.index.remove(key);
            } else {
                self.index.put(key, &load);
            }
        }
        Ok(())
    }

    /// Holds an actor's packs back no longer: the hub has them.
    fn let_go(&mut self, document: DocumentId, actor: Actor, seq: u64) -> Result<(), StoreError> {
        for (key, _) in
            self.index.below.scan(&rows::of_actor(HELD, document, actor), None, usize::MAX)?
        {
            if rows::number_in(&key).is_some_and(|last| last <= seq) {
                self.index.remove(key);
            }
        }
        Ok(())
    }

    /// Takes a document out of the lists of which nothing is left: all that was held of it was
    /// declined or refused. Where nothing else speaks of it either, it was never here.
    pub(super) fn settle(&mut self, document: DocumentId) -> Result<(), StoreError> {
        for table in [TIP, UNRELEASED, CARRIED, FORK] {
            if self.has_any(table, document)? {
                return Ok(());
            }
        }
        let summary = rows::of_document(SUMMARY, document);
        if let Some(bytes) = self.index.below.get(&summary)?
            && let Ok(row) = Summary::decode(&bytes)
        {
            self.index.remove(rows::of_order(row.kind, row.updated_at, document));
        }
        self.index.remove(summary);
        self.index.remove(rows::of_document(BASE, document));
        self.index.remove(rows::of_document(STALE, document));
        for table in [SOURCE, CLOSED, ARRIVAL, REJECTED] {
            if self.has_any(table, document)? {
                return Ok(());
            }
        }
        let key = rows::of_document(DOCUMENT, document);
        if let Some(row) = self.index.get::<DocumentRow>(&key)? {
            if let Origin::Planned { facility, .. } = row.genesis.origin {
                self.index.remove(rows::of_visit(facility, document));
            }
            self.index.remove(key);
            self.totals(|totals| totals.documents = totals.documents.saturating_sub(1))?;
        }
        Ok(())
    }

    /// Returns whether a table has a row of a document, as this record leaves it.
    fn has_any(&self, table: u8, document: DocumentId) -> Result<bool, StoreError> {
        let prefix = rows::of_document(table, document);
        let above = &self.index.above.0;
        let mut here =
            above.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        if here.any(|(_, value)| value.is_some()) {
            return Ok(true);
        }
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.index.below.scan(&prefix, after.as_deref(), PAGE_ROWS)?;
            if page.iter().any(|(key, _)| !above.contains_key(key)) {
                return Ok(true);
            }
            match page.last() {
                Some((key, _)) if page.len() == PAGE_ROWS => after = Some(key.clone()),
                _ => return Ok(false),
            }
        }
    }
}
