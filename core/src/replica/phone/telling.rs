//! How far own edits have come, and what the hub did not take.

use std::collections::BTreeMap;

use super::{Arrival, Phone, RejectedEdit};
use crate::model::{DocumentId, Timestamp, written};
use crate::replica::documents::each_row;
use crate::replica::facts::Rejected;
use crate::replica::rows::{
    ARRIVAL, ArrivalRow, EpochRow, NOTICE, OUTBOX, REJECTED, TIP, TipRow, UNRELEASED, meta,
};
use crate::replica::{ReplicaError, rows};
use crate::store::StoreError;
use crate::sync::{Notice, Verdict};

impl Phone {
    /// Returns what the hub did not take into the record, newest last. What it has taken since,
    /// because this device's rights were corrected or what came before it was brought, is left out.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn notices(&self) -> Result<Vec<Notice>, ReplicaError> {
        let store = &**self.replica.store();
        let mut notices: Vec<Notice> = Vec::new();
        each_row(store, &[NOTICE], None, |key, value| {
            let notice: Notice = rows::decode(key, value)?;
            let own = rows::of_actor(ARRIVAL, notice.document, notice.actor);
            let row: Option<ArrivalRow> = rows::get(store, &own)?;
            let taken = matches!(notice.verdict, Verdict::NotAllowed | Verdict::Orphan)
                && row.is_some_and(|row| row.stored.max(row.merged) >= notice.seq);
            if !taken {
                notices.push(notice);
            }
            Ok(())
        })?;
        Ok(notices)
    }

    /// Returns, by document, how many own edits the hub keeps aside, outside the record, or that come before such
    /// in their lines: none of them gets further by another exchange alone. What was written since the hub last said
    /// so is not among them: it has yet to be sent.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn set_aside(&self) -> Result<BTreeMap<DocumentId, u64>, ReplicaError> {
        use Verdict as V;
        // All others are made anew by this device, or offered again.
        let stays = |verdict| matches!(verdict, V::NotAllowed | V::Orphan | V::Poison | V::Full);
        let mut lines: BTreeMap<_, u64> = BTreeMap::new();
        for notice in self.notices()?.into_iter().filter(|notice| stays(notice.verdict)) {
            let upto = lines.entry((notice.document, notice.actor)).or_default();
            *upto = notice.seq.max(*upto);
        }
        let mut aside: BTreeMap<DocumentId, u64> = BTreeMap::new();
        for ((document, actor), upto) in lines {
            let own = rows::of_actor(ARRIVAL, document, actor);
            let row: Option<ArrivalRow> = rows::get(&**self.replica.store(), &own)?;
            let row = row.unwrap_or_default();
            let left = upto.min(row.recorded).saturating_sub(row.stored.max(row.merged));
            if left > 0 {
                *aside.entry(document).or_default() += left;
            }
        }
        Ok(aside)
    }

    /// Returns the own edits that are not in the record or not wholly, by document and then oldest
    /// first. Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn rejected(&self) -> Result<Vec<RejectedEdit>, ReplicaError> {
        let mut edits: Vec<(DocumentId, Rejected)> = Vec::new();
        each_row(&**self.replica.store(), &[REJECTED], None, |key, value| {
            let edit = rows::decode(key, value)?;
            edits.extend(rows::document_in(key).map(|document| (document, edit)));
            Ok(())
        })?;
        let mut found = Vec::new();
        for (document, edit) in edits {
            let change = match self.own_change(edit.place.at, edit.actor, edit.seq) {
                Err(ReplicaError::Store(StoreError::Damaged { .. })) => None,
                change => change?,
            };
            let Some(change) = change else { continue };
            let hash = change.facts().hash;
            // A hub whose store was set back may have taken it in after all.
            let tip = rows::of_actor(TIP, document, edit.actor);
            let tip: Option<TipRow> = rows::get(&**self.replica.store(), &tip)?;
            if tip.is_some_and(|row| row.attestation.tip.seq >= edit.seq) {
                continue;
            }
            let lines = self.replica.closed(document)?;
            // Lines that build on it name it too, with a verdict of their own.
            let mut verdicts =
                lines.values().filter(|line| line.culprit == hash).map(|line| line.verdict);
            let own = verdicts.find(|verdict| *verdict != Verdict::OnRefused);
            found.push(RejectedEdit {
                document,
                change: hash,
                at: Timestamp(change.facts().time),
                verdict: own.unwrap_or(Verdict::OnRefused),
                written: written(&change, &edit.operations),
            });
        }
        Ok(found)
    }

    /// Returns how far this phone's edits of a document have come.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn arrival(&self, document: DocumentId) -> Result<Arrival, ReplicaError> {
        let mut arrival = Arrival::default();
        let confirmed = self.is_confirmed()?;
        each_row(
            &**self.replica.store(),
            &rows::of_document(ARRIVAL, document),
            None,
            |key, row| {
                let row: ArrivalRow = rows::decode(key, row)?;
                arrival.recorded += row.recorded;
                if !confirmed {
                    return Ok(());
                }
                // Merged implies stored, even if the receipt itself was lost on the way.
                arrival.stored += row.stored.max(row.merged).min(row.recorded);
                arrival.merged += row.merged.min(row.recorded);
                arrival.merged_signed += row.merged_signed.min(row.recorded);
                arrival.backed += row.backed.min(row.recorded);
                if row.merged_signed > 0 {
                    arrival.merged_at = arrival.merged_at.max(Some(row.merged_at));
                }
                if row.backed > 0 {
                    arrival.backed_at = arrival.backed_at.max(Some(row.backed_at));
                }
                if row.stored > 0 {
                    arrival.stored_at = arrival.stored_at.max(Some(row.stored_at));
                }
                Ok(())
            },
        )?;
        arrival.only_here = arrival.recorded - arrival.stored;
        Ok(arrival)
    }

    /// Returns the documents that hold edits of this phone which the hub has not signed for.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn only_here(&self) -> Result<Vec<DocumentId>, ReplicaError> {
        let mut documents = Vec::new();
        let all = if self.is_confirmed()? { None } else { Some(ARRIVAL) };
        for table in [UNRELEASED, OUTBOX].into_iter().chain(all) {
            each_row(&**self.replica.store(), &[table], None, |key, _| {
                documents.extend(rows::document_in(key));
                Ok(())
            })?;
        }
        // Own edits of a line that was withdrawn are offered nowhere.
        documents.extend(self.forked_documents(false)?);
        documents.sort_unstable();
        documents.dedup();
        Ok(documents)
    }

    /// Returns whether what the hub once signed for is known to be there still.
    pub(crate) fn is_confirmed(&self) -> Result<bool, ReplicaError> {
        let row: Option<EpochRow> = rows::get(&**self.replica.store(), &rows::single(meta::EPOCH))?;
        Ok(row.is_none_or(|row| row.confirmed))
    }
}
