//! Actors' lines: how far each is held without a hole, what waits behind one, and where one ends.
//!
//! A line's tip says that everything up to it is held; the reconciliation tree is made of tips, and
//! what they cover is never asked for again. So a pack that does not continue its line must not move
//! the tip: it happens where the record of an earlier pack is lost. The pack is kept beyond the hole
//! until what is missing comes back.

use super::Step;
use crate::model::{Actor, DocumentId};
use crate::replica::facts::PackPlace;
use crate::replica::rows::{
    self, ARRIVAL, ArrivalRow, BEYOND, BeyondRow, CARRIED, CLOSED, DOCUMENT, DocumentRow, EARLIER,
    HELD, OUTBOX, PACK, PROOF, PackRow, STALE, TIP, TipRow, UNRELEASED, meta,
};
use crate::replica::short::PackFacts;
use crate::replica::tree;
use crate::store::StoreError;
use crate::sync::{ClosedLine, Node};
use crate::trust::{Attestation, Tip};

impl Step<'_> {
    /// Takes a pack into its actor's line, or keeps it beyond the hole that it would leave there.
    pub(super) fn hold(&mut self, pack: &PackFacts, place: PackPlace) -> Result<(), StoreError> {
        let attestation = pack.attestation();
        if self.is_closed(&attestation)? {
            return Ok(());
        }
        let (document, actor) = (pack.document(), pack.actor());
        let end = self.end_of(document, actor)?.map_or(0, |tip| tip.seq);
        if pack.first_seq() > end.saturating_add(1) {
            let (first_seq, previous) = (pack.first_seq(), pack.previous().copied());
            let row = BeyondRow { place, first_seq, previous, attestation };
            self.index.put(rows::of_seq(BEYOND, document, actor, pack.last_seq()), &row);
            self.index.put(rows::single(meta::GAP), &());
            return Ok(());
        }
        let row = PackRow { place, first_seq: pack.first_seq(), tip: pack.tip_hash() };
        self.index.put(rows::of_seq(PACK, document, actor, pack.last_seq()), &row);
        self.totals(|totals| totals.packs += 1)?;
        self.tip(&attestation)
    }

    pub(super) fn end_of(
        &self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<Option<Tip>, StoreError> {
        let row: Option<TipRow> = self.index.get(&rows::of_actor(TIP, document, actor))?;
        Ok(row.map(|row| row.attestation.tip))
    }

    /// Moves an actor's tip forward, the reconciliation tree with it, and on over what waited for this.
    pub(super) fn tip(&mut self, attestation: &Attestation) -> Result<(), StoreError> {
        if self.is_closed(attestation)? || !self.lift(attestation)? {
            return Ok(());
        }
        self.join(attestation.document, attestation.actor())
    }

    /// Moves an actor's tip forward; returns whether it was behind.
    fn lift(&mut self, attestation: &Attestation) -> Result<bool, StoreError> {
        let key = rows::of_actor(TIP, attestation.document, attestation.actor());
        let before = self.index.get::<TipRow>(&key)?.map(|row| row.attestation);
        if before.is_some_and(|before| before.tip.seq >= attestation.tip.seq) {
            return Ok(false);
        }
        let old = before.as_ref().map(tree::item);
        let new = tree::item(attestation);
        let scope = self.scope(attestation.document)?;
        let nodes = tree::replace(&mut |key| self.node(key), &scope, old.as_ref(), Some(&new))?;
        self.write_nodes(nodes);
        for row in tree::item_rows(&scope, &new) {
            self.index.put(row, &new);
        }
        self.index.put(key, &TipRow { attestation: *attestation });
        Ok(true)
    }

    /// Takes what was kept beyond a hole back into its line, once it continues what is held. What
    /// continues something else, or was covered meanwhile, is not needed any more.
    fn join(&mut self, document: DocumentId, actor: Actor) -> Result<(), StoreError> {
        let prefix = rows::of_actor(BEYOND, document, actor);
        loop {
            let end = self.end_of(document, actor)?;
            let next = end.map_or(0, |tip| tip.seq).saturating_add(1);
            let mut reached = None;
            for (key, value) in self.index.rows(&prefix)? {
                let row: BeyondRow = rows::decode(&key, &value)?;
                if row.first_seq <= next {
                    reached = Some((key, row));
                    break;
                }
            }
            let Some((key, row)) = reached else { return Ok(()) };
            self.index.remove(key);
            let attestation = row.attestation;
            if row.previous != end || self.is_closed(&attestation)? {
                continue;
            }
            let tip = attestation.tip;
            let held = PackRow { place: row.place, first_seq: row.first_seq, tip: tip.hash };
            self.index.put(rows::of_seq(PACK, document, actor, tip.seq), &held);
            self.totals(|totals| totals.packs += 1)?;
            self.lift(&attestation)?;
            // The other side may lack what was not in the comparison that mended this.
            self.index.put(rows::single(meta::GAP), &());
        }
    }

    /// Ends an actor's line: what is held of it after that is neither shown nor handed on, and the
    /// tree says so. Returns whether that is news.
    pub(super) fn close(&mut self, line: &ClosedLine) -> Result<bool, StoreError> {
        let (document, actor, from) = (line.document, line.actor, line.from_seq);
        let key = rows::of_actor(CLOSED, document, actor);
        // The hub says so in its present life.
        self.index.remove(rows::of_actor(EARLIER, document, actor));
        let known: Option<ClosedLine> = self.index.get(&key)?;
        if known.is_some_and(|known| known.from_seq <= from) {
            return Ok(false);
        }
        self.index.put(key, line);
        for table in [OUTBOX, PACK, PROOF, UNRELEASED, HELD, CARRIED, BEYOND] {
            let prefix = rows::of_actor(table, document, actor);
            for (key, _) in self.index.below.scan(&prefix, None, usize::MAX)? {
                if rows::number_in(&key).is_some_and(|last| last >= from) {
                    if table == CARRIED {
                        self.put_down(&key)?;
                    }
                    self.index.remove(key);
                }
            }
        }
        let tip: Option<TipRow> = self.index.get(&rows::of_actor(TIP, document, actor))?;
        if tip.is_some_and(|row| row.attestation.tip.seq >= from) {
            self.drop_tip(document, actor)?;
            if let Some(before) = line.before.filter(|before| before.tip.seq < from) {
                self.tip(&before)?;
            }
        }
        let arrival: Option<ArrivalRow> =
            self.index.get(&rows::of_actor(ARRIVAL, document, actor))?;
        if arrival.is_some() {
            let last = from.saturating_sub(1);
            self.arrival(document, actor, |row| {
                row.recorded = row.recorded.min(last);
                row.released = row.released.min(last);
                row.stored = row.stored.min(last);
                row.merged = row.merged.min(last);
            })?;
        }
        if self.index.get::<DocumentRow>(&rows::of_document(DOCUMENT, document))?.is_some() {
            self.index.put(rows::of_document(STALE, document), &());
            self.settle(document)?;
        }
        Ok(true)
    }

    /// Returns whether what a proof covers holds changes that its actor's line may not have any more.
    pub(super) fn is_closed(&self, proof: &Attestation) -> Result<bool, StoreError> {
        let key = rows::of_actor(CLOSED, proof.document, proof.actor());
        let line: Option<ClosedLine> = self.index.get(&key)?;
        Ok(line.is_some_and(|line| proof.tip.seq >= line.from_seq))
    }

    pub(super) fn drop_tip(
        &mut self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<(), StoreError> {
        let tip = rows::of_actor(TIP, document, actor);
        let Some(row) = self.index.get::<TipRow>(&tip)? else { return Ok(()) };
        let before = tree::item(&row.attestation);
        let scope = self.scope(document)?;
        let nodes = tree::replace(&mut |key| self.node(key), &scope, Some(&before), None)?;
        self.write_nodes(nodes);
        for row in tree::item_rows(&scope, &before) {
            self.index.remove(row);
        }
        self.index.remove(tip);
        Ok(())
    }

    fn node(&self, key: &[u8]) -> Result<Option<Node>, StoreError> {
        let bytes = match self.index.above.0.get(key) {
            Some(above) => above.clone(),
            None => self.index.below.get(key)?,
        };
        let node = bytes.map(|bytes| Node::decode(&bytes)).transpose();
        node.map_err(|_| StoreError::Damaged { what: "a node of the item tree".to_owned() })
    }

    fn write_nodes(&mut self, nodes: Vec<(Vec<u8>, Node)>) {
        for (key, node) in nodes {
            if node.count == 0 {
                self.index.remove(key);
            } else {
                self.index.above.put(key, node.encode());
            }
        }
    }
}
