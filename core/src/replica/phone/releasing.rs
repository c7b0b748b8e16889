//! Signs edits, so that they can travel.

use std::collections::{BTreeMap, BTreeSet};

use super::{Phone, RELEASED_AT_ONCE_MAX};
use crate::model::{Actor, DocumentId, RawChange, Timestamp};
use crate::replica::documents::each_row;
use crate::replica::facts::{Fact, pieces};
use crate::replica::rows::{OUTBOX, TIP, TipRow, UNRELEASED};
use crate::replica::{ReplicaError, rows};
use crate::store::StoreError;
use crate::sync::{Pack, seal_all};

/// What one signing step made.
pub(in crate::replica) struct Signed {
    pub(in crate::replica) packs: Vec<Vec<u8>>,
    /// More waits to be signed than one step takes.
    pub(in crate::replica) more: bool,
    /// The last row that was looked at.
    pub(in crate::replica) after: Option<Vec<u8>>,
}

impl Phone {
    /// Signs edits not yet released, at most `RELEASED_AT_ONCE_MAX`, so that they can travel. One
    /// sync for all of them. Returns the packs made.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when they could not be recorded.
    pub fn release(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, ReplicaError> {
        Ok(self.release_some(now)?.0)
    }

    /// As [`Self::release`]; returns too whether more waits than one step signs.
    pub(in crate::replica) fn release_some(
        &self,
        now: Timestamp,
    ) -> Result<(Vec<Vec<u8>>, bool), ReplicaError> {
        let guard = self.editing.lock()?;
        self.recover(now)?;
        let Signed { packs, more, .. } = self.sign()?;
        if !packs.is_empty() {
            let pieces = pieces(packs.iter().cloned(), Vec::len).into_iter();
            let facts: Vec<Fact> = pieces.map(|packs| Fact::Released { packs, at: now }).collect();
            self.record_all(&facts)?;
        }
        drop(guard);
        Ok((packs, more))
    }

    /// Returns what waits to be released, as signed packs.
    pub(super) fn sign(&self) -> Result<Signed, ReplicaError> {
        self.sign_after(None)
    }

    /// As [`Self::sign`], after a row.
    pub(in crate::replica) fn sign_after(
        &self,
        mut after: Option<Vec<u8>>,
    ) -> Result<Signed, ReplicaError> {
        let store = self.replica.store();
        loop {
            let page = store.scan(&[UNRELEASED], after.as_deref(), RELEASED_AT_ONCE_MAX)?;
            after = page.last().map(|(key, _)| key.clone());
            let packs = self.sign_rows(&page)?;
            let more = match &after {
                Some(last) => !store.scan(&[UNRELEASED], Some(last), 1)?.is_empty(),
                None => false,
            };
            // Edits that cannot be signed stay where they are, and must not stand before the others.
            if !packs.is_empty() || !more {
                return Ok(Signed { packs, more, after });
            }
        }
    }

    fn sign_rows(&self, waiting: &[(Vec<u8>, Vec<u8>)]) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let mut runs: BTreeMap<(DocumentId, Actor), Vec<RawChange>> = BTreeMap::new();
        let store = self.replica.store();
        // What builds on a line that the hub does not hold could never be merged. It waits until the
        // hub's line is here, and is made anew then where it must.
        let forked: BTreeSet<DocumentId> = self.forked_documents(true)?.into_iter().collect();
        for (key, value) in waiting {
            let (Some(document), Some(actor)) = (rows::document_in(key), rows::actor_in(key))
            else {
                continue;
            };
            if forked.contains(&document) {
                continue;
            }
            let at: u64 = rows::decode(key, value)?;
            let seq = rows::number_in(key).unwrap_or_default();
            let change = match self.own_change(at, actor, seq) {
                Err(ReplicaError::Store(StoreError::Damaged { .. })) => None,
                change => change?,
            };
            if let Some(change) = change {
                runs.entry((document, actor)).or_default().push(change);
            }
        }
        let owner = self.owner()?;
        let mut packs = Vec::new();
        for ((document, actor), changes) in runs {
            let tip: Option<TipRow> = rows::get(&**store, &rows::of_actor(TIP, document, actor))?;
            let genesis = self.replica.genesis(document)?;
            let incarnation = match self.incarnation_of(document, actor, &owner) {
                // The record that began that life is lost, so nobody can sign under its name.
                Err(ReplicaError::Store(StoreError::Damaged { .. })) => continue,
                incarnation => incarnation?,
            };
            let previous = tip.map(|row| row.attestation.tip);
            // What lies behind a gap (a damaged record that nothing could repair) stays here and
            // shows as only here; it must not keep the others from leaving.
            let next = previous.map_or(1, |tip| tip.seq.saturating_add(1));
            let run = (next..).zip(changes).take_while(|(seq, change)| change.facts().seq == *seq);
            let changes: Vec<RawChange> = run.map(|(_, change)| change).collect();
            let Ok(sealed) = seal_all(&self.key, &genesis, incarnation, previous, changes) else {
                continue;
            };
            packs.extend(sealed.iter().map(Pack::encode));
        }
        Ok(packs)
    }

    /// Returns the packs that the hub has not acknowledged, as released.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn outbox(&self) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let mut records = crate::replica::records::Records::default();
        let store = self.replica.store();
        let mut packs = Vec::new();
        each_row(&**store, &[OUTBOX], None, |key, value| {
            packs.push(records.pack(&**store, rows::decode(key, value)?)?);
            Ok(())
        })?;
        Ok(packs)
    }
}
