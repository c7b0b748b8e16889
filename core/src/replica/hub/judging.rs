//! What a supervisor decides of packs that were kept aside because of who wrote them. The signed decision is
//! the right by which they enter the record; of what was kept aside for another reason nothing can.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::admission::ASIDE_PER_DEVICE_MAX;
use super::{Batch, Hub, InFlight};
use crate::model::{Actor, ChangeHash, DocumentId, Scope, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::documents::each_row;
use crate::replica::facts::{PIECE_BYTES_MAX, PackPlace};
use crate::replica::records::Records;
use crate::replica::rows::{self, Evidence, QUARANTINE, QuarantineRow};
use crate::sync::{Accepted, Pack};
use crate::trust::Tip;
use crate::trust::control::Judgement;

/// Packs with one place in one line that are held against what follows: a device that signs several
/// lines under one name gets no more looks than this.
const RIVALS_MAX: usize = 16;

/// The packs from a line's held end to a change.
pub(super) enum Chain {
    /// All of them, first to last.
    Whole(Vec<PackPlace>),
    /// What comes before them is neither in the record nor kept aside.
    Lacks,
    /// The line's held part is another one than these packs continue, or nothing was kept aside.
    Other,
}

impl Hub {
    /// Takes in what supervisors have admitted of lines. Returns whether something was.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading or writing fails.
    pub(super) fn admit_judged(
        &self,
        lines: &BTreeSet<(DocumentId, Actor)>,
    ) -> Result<bool, ReplicaError> {
        let mut any = false;
        for (document, actor) in lines {
            let Some(scope) = self.scope_aside(*document, *actor)? else { continue };
            for (seq, hash, judged) in self.replica.judged_in(&scope, *document, *actor)? {
                if judged.judgement != Judgement::Admit {
                    continue;
                }
                let chain = self.chain(*document, *actor, (seq, hash))?;
                if let Chain::Whole(places) = chain {
                    any |= self.admit_chain(&places)?;
                    self.attach([(*document, *actor)])?;
                }
            }
        }
        Ok(any)
    }

    /// Returns the unit of a document of which packs of a line are kept aside.
    fn scope_aside(
        &self,
        document: DocumentId,
        actor: Actor,
    ) -> Result<Option<Scope>, ReplicaError> {
        let mut scope = None;
        let prefix = rows::of_actor(QUARANTINE, document, actor);
        each_row(&**self.replica.store(), &prefix, None, |key, value| {
            let row: QuarantineRow = rows::decode(key, value)?;
            scope = scope.take().or(row.scope);
            Ok(())
        })?;
        Ok(scope)
    }

    /// As [`Self::admit_judged`]; where it fails it is owed.
    pub(super) fn admit_judged_or_owe(&self, lines: &BTreeSet<(DocumentId, Actor)>) {
        // The error comes again, and is told, where it is tried again.
        if self.admit_judged(lines).is_err() {
            self.owed.store(true, Ordering::Relaxed);
        }
    }

    /// Takes in packs that continue each other, in pieces that a record holds with ease.
    fn admit_chain(&self, places: &[PackPlace]) -> Result<bool, ReplicaError> {
        let (mut records, mut piece, mut weight) = (Records::default(), Vec::new(), 0);
        let mut last = None;
        for place in places {
            let Some((bytes, at)) = self.evidence(&mut records, *place)? else { return Ok(false) };
            let pack = Pack::decode(&bytes)?;
            pack.verify()?;
            last = last.max(Some(at));
            if weight + bytes.len() > PIECE_BYTES_MAX && !piece.is_empty() {
                self.admit_piece(&std::mem::take(&mut piece), last.unwrap_or_default())?;
                weight = 0;
            }
            weight += bytes.len();
            piece.push((pack, bytes));
        }
        self.admit_piece(&piece, last.unwrap_or_default())?;
        Ok(!piece.is_empty())
    }

    fn admit_piece(&self, piece: &[(Pack, Vec<u8>)], at: Timestamp) -> Result<(), ReplicaError> {
        let Some((first, _)) = piece.first() else { return Ok(()) };
        let device = first.device();
        let mut batch = Batch { admitted: true, ..Batch::of(device, at) };
        let packs = piece.iter().map(|(pack, bytes)| (pack.clone(), bytes)).collect();
        match self.settle(&mut batch, &mut Accepted::default(), packs, (device, at))? {
            Some(Err(error)) => Err(error.into()),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Finds the packs that were kept aside from the end of what is held of a line to one of its changes.
    /// Each names by its hash what comes before it, so that one change names the whole line.
    pub(super) fn chain(
        &self,
        document: DocumentId,
        actor: Actor,
        (seq, hash): (u64, ChangeHash),
    ) -> Result<Chain, ReplicaError> {
        let mut records = Records::default();
        let end = rows::of_set_aside(document, actor, seq, &hash);
        let row: Option<QuarantineRow> = rows::get(&**self.replica.store(), &end)?;
        let Some(mut found) = row.and_then(|row| self.admissible(&row, &mut records).transpose())
        else {
            return Ok(Chain::Other);
        };
        let mut places = Vec::new();
        loop {
            let (place, pack) = found?;
            places.push(place);
            let Some(before) = pack.previous().copied() else {
                let held = self.tip(&InFlight::new(), document, actor)?;
                return Ok(if held.is_none() { whole(places) } else { Chain::Other });
            };
            if self
                .tip(&InFlight::new(), document, actor)?
                .is_some_and(|held| held.seq >= before.seq)
            {
                let fits = self.held_or_tip(document, actor, before.seq)? == Some(before);
                return Ok(if fits { whole(places) } else { Chain::Other });
            }
            let further = (places.len() as u64) < ASIDE_PER_DEVICE_MAX;
            match self.ending_at(document, actor, &before, &mut records)? {
                Some(next) if further => found = Ok(next),
                _ => return Ok(Chain::Lacks),
            }
        }
    }

    fn held_or_tip(
        &self,
        document: DocumentId,
        actor: Actor,
        seq: u64,
    ) -> Result<Option<Tip>, ReplicaError> {
        match self.tip(&InFlight::new(), document, actor)? {
            Some(held) if held.seq == seq => Ok(Some(held)),
            _ => self.held_tip(document, actor, seq),
        }
    }

    /// Returns the pack kept aside that ends where another begins.
    fn ending_at(
        &self,
        document: DocumentId,
        actor: Actor,
        tip: &Tip,
        records: &mut Records,
    ) -> Result<Option<(PackPlace, Pack)>, ReplicaError> {
        let store = self.replica.store();
        let prefix = rows::of_seq(QUARANTINE, document, actor, tip.seq);
        for (key, value) in store.scan(&prefix, None, RIVALS_MAX)? {
            let row: QuarantineRow = rows::decode(&key, &value)?;
            if let Some((place, pack)) = self.admissible(&row, records)?
                && pack.tip() == *tip
            {
                return Ok(Some((place, pack)));
            }
        }
        Ok(None)
    }

    /// Reads a pack that a decision may bring into the record.
    fn admissible(
        &self,
        row: &QuarantineRow,
        records: &mut Records,
    ) -> Result<Option<(PackPlace, Pack)>, ReplicaError> {
        let Evidence::Aside(place) = row.evidence else { return Ok(None) };
        if !row.verdict.may_be_admitted() {
            return Ok(None);
        }
        let Some((bytes, _)) = self.evidence(records, place)? else { return Ok(None) };
        Ok(Pack::decode(&bytes).ok().map(|pack| (place, pack)))
    }
}

fn whole(mut places: Vec<PackPlace>) -> Chain {
    places.reverse();
    Chain::Whole(places)
}

#[cfg(test)]
pub(super) mod tests;
