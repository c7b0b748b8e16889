//! What other phones brought: packs of others that the hub may not have yet. They are kept apart from
//! what the hub confirmed, shown on top of it, handed to the hub and to other phones, and end here
//! as soon as the hub brings the same, or something else in their place, or says that it does not
//! take them.
//!
//! Nothing here is authority. What the hub confirmed always comes first, so that a phone and its hub
//! hold the same record whatever its neighbours gave it; and no own edit builds on what is carried,
//! so that no edit is ever lost because the hub refused another's.
//!
//! How packs come in is in `taking.rs`, how they reach the hub in `delivering.rs`.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::access;
use super::documents::{Replica, each_row};
use super::facts::Renewal;
use super::phone::Phone;
use super::provide::Provided;
use super::records::Records;
use super::rows::{self, CARRIED, CarriedRow, DOCUMENT, EpochRow, TIP, TipRow, meta};
use crate::model::{
    Actor, ChangeHash, Document, DocumentId, Incarnation, RawChange, Scope, TemplateId, Timestamp,
};
use crate::store::StoreError;
use crate::sync::{DeviceEntry, Equivocation, Pack, Want};
use crate::trust::Attestation;

impl Replica {
    /// Returns the last pack carried of an actor.
    pub(super) fn carried_tip(
        &self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<Option<Attestation>, StoreError> {
        let mut last = None;
        each_row(
            &**self.store(),
            &rows::of_actor(CARRIED, document, actor),
            None,
            |key, value| {
                last = Some(rows::decode::<CarriedRow>(key, value)?.attestation);
                Ok(())
            },
        )?;
        Ok(last)
    }

    /// Returns a document with what is carried for it, or `None` if nothing is. A pack enters whole
    /// or not at all, and never in place of what the hub confirmed.
    pub(super) fn with_carried(
        &self,
        document: DocumentId,
        confirmed: &Document,
    ) -> Result<Option<Document>, ReplicaError> {
        let mut places = Vec::new();
        each_row(&**self.store(), &rows::of_document(CARRIED, document), None, |key, value| {
            places.push(rows::decode::<CarriedRow>(key, value)?.place);
            Ok(())
        })?;
        if places.is_empty() {
            return Ok(None);
        }
        let mut records = Records::default();
        let mut packs = Vec::new();
        for place in places {
            match records.pack(&**self.store(), place) {
                Ok(bytes) => packs.extend(Pack::decode(&bytes)),
                // A record that is lost: whoever wrote it, and the hub, bring it again.
                Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            let mut shown = confirmed.clone();
            let changes: Vec<RawChange> =
                packs.iter().flat_map(|pack| pack.changes().iter().cloned()).collect();
            let applied = shown.replay(&changes);
            let left: BTreeSet<ChangeHash> = applied
                .waiting
                .into_iter()
                .chain(applied.refused.into_iter().map(|(hash, _)| hash))
                .collect();
            let before = packs.len();
            packs.retain(|pack| {
                !pack.changes().iter().any(|change| left.contains(&change.facts().hash))
            });
            if packs.len() == before {
                return Ok(Some(shown));
            }
        }
    }

    /// Returns the packs carried that continue an actor's changes, from the wanted change on.
    pub(super) fn provide_carried(
        &self,
        records: &mut Records,
        want: &Want,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let prefix = rows::of_actor(CARRIED, want.document, want.actor);
        let before = rows::of_seq(CARRIED, want.document, want.actor, want.from_seq.max(1) - 1);
        let (mut packs, mut ended) = (Vec::new(), false);
        each_row(&**self.store(), &prefix, Some(before), |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
            match records.pack(&**self.store(), row.place) {
                Ok(pack) if !ended => packs.push(pack),
                Ok(_) => {}
                // A record that is lost ends this line's run; who gave it has it.
                Err(StoreError::Damaged { .. }) => ended = true,
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        Ok(packs)
    }

    /// Returns, for every actor of which more is carried than the hub confirmed, its document's unit
    /// and the end of its line.
    pub(super) fn carried_tips(&self) -> Result<Vec<(Scope, Attestation)>, StoreError> {
        let mut last: BTreeMap<(DocumentId, Actor), Attestation> = BTreeMap::new();
        each_row(&**self.store(), &[CARRIED], None, |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
            last.insert((row.attestation.document, row.attestation.actor()), row.attestation);
            Ok(())
        })?;
        let mut tips = Vec::with_capacity(last.len());
        for ((document, actor), attestation) in last {
            let confirmed: Option<TipRow> =
                rows::get(&**self.store(), &rows::of_actor(TIP, document, actor))?;
            if confirmed.is_some_and(|row| row.attestation.tip.seq >= attestation.tip.seq) {
                continue;
            }
            let row: Option<rows::DocumentRow> =
                rows::get(&**self.store(), &rows::of_document(DOCUMENT, document))?;
            tips.extend(row.map(|row| (row.genesis.scope, attestation)));
        }
        Ok(tips)
    }
}

impl Phone {
    /// Returns the documents for which this phone carries packs of others that the hub, in the life of
    /// its store that was met last, has not said to have: they are shown, as far as nothing before them
    /// is missing.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn carried(&self) -> Result<Vec<DocumentId>, ReplicaError> {
        Ok(self.carried_edits()?.into_keys().collect())
    }

    /// Returns how many edits of each document those are of which [`Self::carried`] tells.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn carried_edits(&self) -> Result<BTreeMap<DocumentId, u64>, ReplicaError> {
        let mut edits = BTreeMap::new();
        let store = &**self.replica().store();
        let life: Option<EpochRow> = rows::get(store, &rows::single(meta::EPOCH))?;
        each_row(store, &[CARRIED], None, |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
            // What the hub has and did not bring builds on something that it still lacks.
            if row.stored.is_none() || life.is_some_and(|life| row.stored != Some(life.epoch)) {
                let count = (row.attestation.tip.seq + 1).saturating_sub(row.first_seq);
                *edits.entry(row.attestation.document).or_default() += count;
            }
            Ok(())
        })?;
        Ok(edits)
    }

    /// Takes a fresh incarnation where one of the lines that differ is what this store writes now.
    /// Returns whether it did. Both lines stay where they are; the hub decides which one stays.
    pub(super) fn disputed(
        &self,
        found: &[Equivocation],
        fresh: Incarnation,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let guard = self.editing().lock()?;
        let life = self.owner()?.incarnation;
        let mine = |item: &Equivocation| {
            Actor::derive(self.device(), item.mine.document, life) == item.mine.actor
        };
        let cloned = found.iter().any(mine);
        if cloned {
            self.renew(fresh, Renewal::Cloned, now)?;
        }
        drop(guard);
        Ok(cloned)
    }

    /// Returns the packs that answer a peer's lack, and the checklists that it may lack with them:
    /// those of documents of which it lacks an actor from its first change on.
    pub(super) fn give(
        &self,
        peer: &DeviceEntry,
        wants: &[Want],
    ) -> Result<(Vec<TemplateId>, Provided), ReplicaError> {
        let mut templates = BTreeSet::new();
        let mut allowed = Vec::with_capacity(wants.len());
        for want in wants {
            let genesis = self.replica().genesis(want.document)?;
            if !access::reads(peer, &genesis.scope) {
                continue;
            }
            templates.extend(genesis.template.filter(|_| want.from_seq <= 1));
            allowed.push(*want);
        }
        Ok((templates.into_iter().collect(), self.replica().provide(&allowed)?))
    }
}
