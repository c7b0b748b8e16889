//! What the loss of a saved document means for the index: what was told again from it is not here any more.

use std::collections::BTreeSet;

use super::{PackPlace, Step};
use crate::model::{Actor, DocumentId};
use crate::replica::facts::{Fact, KeptPack};
use crate::replica::rows::{
    self, BASE, BEYOND, BeyondRow, DOCUMENT, DocumentRow, OUTBOX, PACK, PROOF, PackRow, SAVED,
    SOURCE, STALE, Source, TIP, UNRELEASED, meta,
};
use crate::store::StoreError;
use crate::trust::Attestation;

impl Step<'_> {
    /// What shortened records and the saved documents behind them mean; the rest is of seals.
    pub(super) fn of_saved(&mut self, fact: &Fact) -> Result<(), StoreError> {
        match fact {
            Fact::Typed { document, actor, seq, .. } => self.typed(*document, *actor, *seq),
            Fact::Saved { document, .. } => {
                self.index.put(rows::of_document(SAVED, *document), &self.at.0);
                Ok(())
            }
            Fact::Unsaved { document, packs, changes, kept, .. } => {
                self.unsaved(*document, packs, changes, kept)
            }
            _ => self.of_seals(fact),
        }
    }

    /// Takes out of a document what cannot be told again, and puts its lines together from what is left:
    /// they end before the first hole, so that the comparison with a peer finds what is missing.
    fn unsaved(
        &mut self,
        document: DocumentId,
        packs: &[PackPlace],
        changes: &[u64],
        kept: &[KeptPack],
    ) -> Result<(), StoreError> {
        if self.index.get::<DocumentRow>(&rows::of_document(DOCUMENT, document))?.is_none() {
            return Ok(());
        }
        if packs.is_empty() && changes.is_empty() {
            // What did not fit into the record before.
            return self.keep_packs(document, kept);
        }
        let (packs, changes): (BTreeSet<_>, BTreeSet<_>) =
            (packs.iter().collect(), changes.iter().collect());
        for (key, value) in self.index.rows(&rows::of_document(SOURCE, document))? {
            let source: Source = rows::decode(&key, &value)?;
            let gone = match source {
                Source::Pack(place) => packs.contains(&place),
                Source::Change => rows::place_in(&key).is_some_and(|at| changes.contains(&at.at)),
                Source::Snapshot { .. } | Source::Resubmitted { .. } => false,
            };
            if gone {
                self.index.remove(key);
            }
        }
        for (key, value) in self.index.rows(&rows::of_document(OUTBOX, document))? {
            if packs.contains(&rows::decode::<PackPlace>(&key, &value)?) {
                self.index.remove(key);
            }
        }
        for (key, value) in self.index.rows(&rows::of_document(UNRELEASED, document))? {
            if changes.contains(&rows::decode::<u64>(&key, &value)?) {
                self.index.remove(key);
            }
        }
        // An older saved form may be there still, and tell what is kept.
        self.index.remove(rows::of_document(BASE, document));
        self.index.put(rows::of_document(STALE, document), &());
        self.index.put(rows::single(meta::GAP), &());
        self.lines_from(document, kept)
    }

    fn lines_from(&mut self, document: DocumentId, kept: &[KeptPack]) -> Result<(), StoreError> {
        let mut gone = 0;
        for (key, _) in self.index.rows(&rows::of_document(PACK, document))? {
            self.index.remove(key);
            gone += 1;
        }
        self.totals(|totals| totals.packs = totals.packs.saturating_sub(gone))?;
        let tips = self.index.rows(&rows::of_document(TIP, document))?;
        let actors: Vec<Actor> = tips.keys().filter_map(|key| rows::actor_in(key)).collect();
        for actor in actors {
            self.drop_tip(document, actor)?;
        }
        for (key, value) in self.index.rows(&rows::of_document(PROOF, document))? {
            let proof: Attestation = rows::decode(&key, &value)?;
            self.tip(&proof)?;
        }
        self.keep_packs(document, kept)
    }

    /// Goes on with the lines of a document over packs that are here, in order.
    fn keep_packs(&mut self, document: DocumentId, kept: &[KeptPack]) -> Result<(), StoreError> {
        for KeptPack { place, first_seq, previous, attestation } in kept.iter().copied() {
            if self.is_closed(&attestation)? {
                continue;
            }
            let (actor, tip) = (attestation.actor(), attestation.tip);
            let end = self.end_of(document, actor)?.map_or(0, |tip| tip.seq);
            if first_seq > end.saturating_add(1) {
                let row = BeyondRow { place, first_seq, previous, attestation };
                self.index.put(rows::of_seq(BEYOND, document, actor, tip.seq), &row);
                continue;
            }
            let row = PackRow { place, first_seq, tip: tip.hash };
            let key = rows::of_seq(PACK, document, actor, tip.seq);
            let is_new = self.index.get::<PackRow>(&key)?.is_none();
            self.index.put(key, &row);
            self.totals(|totals| totals.packs += u64::from(is_new))?;
            self.tip(&attestation)?;
        }
        Ok(())
    }
}
