//! Two lines under one name: what is withdrawn when a fork is noticed, what own edits that are made
//! anew leave behind, and what stands once the hub's line is here whole.

use super::Step;
use super::carrying::Brought;
use crate::model::{Actor, DocumentId, Genesis, RawChange};
use crate::replica::facts::{PackPlace, Replaced};
use crate::replica::rows::{
    self, ARRIVAL, ArrivalRow, BASE, BEYOND, FOLLOWED, FORK, ForkRow, HELD, OUTBOX, PACK, PackRow,
    SOURCE, STALE, SelfRow, Source, TIP, TipRow, UNRELEASED, meta,
};
use crate::store::StoreError;

impl Step<'_> {
    /// Withdraws a line of which the hub holds another continuation. It is neither offered nor
    /// compared any more, so the hub brings its own from the first change on, and what of it was on
    /// its way to the hub counts as only here. The document shows it until the other is here whole.
    pub(super) fn forked(&mut self, document: DocumentId, actor: Actor) -> Result<(), StoreError> {
        let key = rows::of_actor(FORK, document, actor);
        let arrival = rows::of_actor(ARRIVAL, document, actor);
        let written = self.index.get::<ArrivalRow>(&arrival)?.is_some();
        if written {
            let first = self.first_withdrawn(document, actor)?;
            let last = first.saturating_sub(1);
            self.arrival(document, actor, |row| {
                row.stored = row.stored.min(last);
                row.merged = row.merged.min(last);
            })?;
        }
        let device = self.index.get::<SelfRow>(&rows::single(meta::SELF))?.map(|row| row.device);
        let tip: Option<TipRow> = self.index.get(&rows::of_actor(TIP, document, actor))?;
        let signed = tip.is_some_and(|row| Some(row.attestation.device) == device);
        let before: Option<ForkRow> = self.index.get(&key)?;
        let own = written || signed || before.is_some_and(|row| row.own);
        self.index.put(key, &ForkRow { at: self.at.0, own });
        self.drop_tip(document, actor)?;
        for table in [OUTBOX, PACK, UNRELEASED, HELD, BEYOND] {
            let prefix = rows::of_actor(table, document, actor);
            for (key, _) in self.index.rows(&prefix)? {
                self.index.remove(key);
            }
        }
        self.index.remove(rows::single(meta::POSITION));
        Ok(())
    }

    /// Returns the first own edit of a line that the hub has not signed for; the line's first where
    /// the hub has signed for all: it holds something else under these numbers now.
    fn first_withdrawn(&self, document: DocumentId, actor: Actor) -> Result<u64, StoreError> {
        let mut first = u64::MAX;
        for key in self.index.rows(&rows::of_actor(UNRELEASED, document, actor))?.keys() {
            first = first.min(rows::number_in(key).unwrap_or(1));
        }
        for key in self.index.rows(&rows::of_actor(OUTBOX, document, actor))?.keys() {
            let last = rows::number_in(key).unwrap_or(1);
            let pack: Option<PackRow> =
                self.index.get(&rows::of_seq(PACK, document, actor, last))?;
            first = first.min(pack.map_or(1, |row| row.first_seq));
        }
        Ok(if first == u64::MAX { 1 } else { first })
    }

    /// Returns whether the hub's line of an actor is not here whole.
    fn is_forked(&self, document: DocumentId, actor: Actor) -> Result<bool, StoreError> {
        Ok(self.index.get::<ForkRow>(&rows::of_actor(FORK, document, actor))?.is_some())
    }

    /// Notes that the hub has merged an own pack. Of a line that is not here whole it says nothing of
    /// what is here under its name.
    pub(super) fn yours(
        &mut self,
        document: DocumentId,
        actor: Actor,
        seq: u64,
    ) -> Result<(), StoreError> {
        if self.is_forked(document, actor)? {
            return Ok(());
        }
        self.await_mark(document, actor);
        self.arrival(document, actor, |row| row.merged = row.merged.max(seq))
    }

    pub(super) fn adopted(
        &mut self,
        genesis: &Genesis,
        actor: Actor,
        packs: &[Vec<u8>],
        resubmitted: &[Vec<u8>],
        replaced: &[Replaced],
    ) -> Result<(), StoreError> {
        let document = self.document(genesis)?;
        // Earlier programs took a forked line over with this fact, a frame of it at a time.
        let taken_over = !packs.is_empty();
        let displaced = !replaced.is_empty() || self.is_forked(document, actor)?;
        for edit in replaced {
            self.index.remove(rows::of_place(SOURCE, document, edit.place));
            let unreleased = rows::of_seq(UNRELEASED, document, edit.actor, edit.seq);
            let waits = self.index.get::<u64>(&unreleased)?.is_some();
            if waits || (taken_over && edit.actor == actor) {
                // It never travels under this name; it counts under the one it was made anew with.
                let last = edit.seq.saturating_sub(1);
                self.arrival(document, edit.actor, |row| row.recorded = row.recorded.min(last))?;
                self.index.remove(unreleased);
            }
        }
        self.index.remove(rows::of_document(BASE, document));
        if taken_over {
            self.index.remove(rows::of_actor(FORK, document, actor));
        }
        for (place, bytes) in self.places(packs) {
            let pack = self.decode(bytes)?;
            self.hold(&pack, place)?;
            self.confirm(&Brought::Pack(&pack))?;
            self.source(document, place, Source::Pack(place));
            for seq in pack.first_seq()..=pack.last_seq() {
                self.index.remove(rows::of_seq(UNRELEASED, document, pack.actor(), seq));
            }
            let end = pack.last_seq();
            self.arrival(document, pack.actor(), |row| {
                // Where it is ours, and only came back, ours may go on behind it.
                let of = |held: u64| if displaced { end } else { held.max(end) };
                *row = ArrivalRow {
                    // Own edits behind what came are still here, whatever becomes of them.
                    recorded: row.recorded.max(end),
                    released: of(row.released),
                    stored: of(row.stored),
                    merged: of(row.merged),
                    stored_at: row.stored_at,
                    // What was signed of it was another line where this one took its place.
                    ..if displaced { ArrivalRow::default() } else { *row }
                };
            })?;
            self.await_mark(document, pack.actor());
        }
        for (index, change) in (0_u32..).zip(resubmitted) {
            let change = RawChange::inspect(change.clone())
                .map_err(|error| self.meaningless(&error.to_string()))?;
            let (actor, seq) = (self.actor_of(&change)?, change.facts().seq);
            let row = PackPlace { at: self.at.0, index: index.saturating_add(1 << 20) };
            self.source(document, row, Source::Resubmitted { index });
            self.index.put(rows::of_seq(UNRELEASED, document, actor, seq), &self.at.0);
            self.arrival(document, actor, |row| row.recorded = row.recorded.max(seq))?;
        }
        // Where nothing could be made anew, nothing may be left.
        self.settle(document)
    }

    /// Ends a fork: the name stands for the hub's line from now on. Own edits that were made anew
    /// count under their new name, and those that go on behind the hub's line wait to be sent.
    pub(super) fn followed(
        &mut self,
        document: DocumentId,
        actor: Actor,
        left: &[Replaced],
    ) -> Result<(), StoreError> {
        let key = rows::of_actor(FORK, document, actor);
        // What does not fit one record is in several; the first ends the fork.
        if let Some(fork) = self.index.get::<ForkRow>(&key)? {
            self.index.remove(key);
            self.index.put(rows::of_actor(FOLLOWED, document, actor), &fork.at);
            self.index.remove(rows::of_document(BASE, document));
            self.index.put(rows::of_document(STALE, document), &());
            let end = self.end_of(document, actor)?.map_or(0, |tip| tip.seq);
            let own = rows::of_actor(ARRIVAL, document, actor);
            if self.index.get::<ArrivalRow>(&own)?.is_some() {
                self.arrival(document, actor, |row| {
                    let stored_at = row.stored_at;
                    let (recorded, released, stored, merged) = (end, end, end, end);
                    // What was signed may have been of the line that was here.
                    let unsigned = ArrivalRow::default();
                    *row = ArrivalRow { recorded, released, stored, stored_at, merged, ..unsigned };
                })?;
                self.index.remove(rows::of_actor(rows::AWAITED, document, actor));
                self.await_mark(document, actor);
            }
        }
        for edit in left {
            let waits = rows::of_seq(UNRELEASED, document, edit.actor, edit.seq);
            self.index.put(waits, &edit.place.at);
            self.arrival(document, edit.actor, |row| row.recorded = row.recorded.max(edit.seq))?;
        }
        self.settle(document)
    }
}
