//! What a review comes to: the one place that joins what was written with who may say it.

use std::collections::BTreeSet;

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::rows::{self, TIP, TipRow};
use crate::model::{Actor, Document, Genesis, Judged, Kind, Summary};
use crate::store::StoreError;
use crate::trust::access::ReviewAct;

impl Replica {
    /// Returns what a review comes to by the roles that the hub has told of; none for another kind of
    /// document. The same on every replica that holds the same changes and the same devices.
    ///
    /// # Errors
    ///
    /// As [`Replica::owner`].
    pub fn judged(&self, review: &Document) -> Result<Option<Judged>, StoreError> {
        let mut deciding: Vec<Vec<u8>> = Vec::new();
        for (actor, _, _) in review.tips() {
            let Ok(known) = <[u8; 16]>::try_from(actor.as_slice()) else { continue };
            let device = self.author(review.id(), Actor(known))?;
            let entry = device.map(|device| self.device(device)).transpose()?.flatten();
            if entry.is_some_and(|entry| entry.may_review(ReviewAct::Judge)) {
                deciding.push(actor);
            }
        }
        Ok(review.view().judged(|actor| deciding.iter().any(|known| known == actor)))
    }

    /// Returns the actors of a review, merged or waiting, whose word is a verdict; none for another kind
    /// of document. Loads no document.
    pub(super) fn judges(&self, genesis: &Genesis) -> Result<BTreeSet<Actor>, StoreError> {
        let mut judges = BTreeSet::new();
        if genesis.kind != Kind::Review {
            return Ok(judges);
        }
        let prefix = rows::of_document(TIP, genesis.document());
        let mut tips: Vec<TipRow> = Vec::new();
        each_row(&**self.store(), &prefix, None, |key, value| {
            tips.push(rows::decode(key, value)?);
            Ok(())
        })?;
        for TipRow { attestation } in tips {
            let entry = self.device(attestation.device)?;
            if entry.is_some_and(|entry| entry.may_review(ReviewAct::Judge)) {
                judges.insert(attestation.actor());
            }
        }
        Ok(judges)
    }

    /// Returns the row of a document for lists, a review's as it counts, and beside an inspection's what is in
    /// its sealed minutes.
    pub(super) fn summary_of(&self, document: &Document) -> Result<Summary, ReplicaError> {
        let mut summary = document.summary();
        if summary.kind == Kind::Review
            && let Some(judged) = self.judged(document)?
        {
            summary.judge(&judged);
        }
        if summary.kind == Kind::Inspection && !self.seals_of(document.id())?.is_empty() {
            // As a screen shows it: at the seal that counts, where that holds.
            let standing = self.minutes(document.id())?.standing;
            let standing = standing.filter(|held| held.seal.verify_record(document).is_empty());
            summary.sealed = standing
                .and_then(|held| document.sealed_counts(held.id.0, &held.seal.statement.heads));
        }
        Ok(summary)
    }
}
