//! What a supervisor decides of packs that were kept aside because of who wrote them. The signed decision is
//! the right by which they enter the record; of what was kept aside for another reason nothing can.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::admission::ASIDE_PER_DEVICE_MAX;
use super::shares::{BYTES_PER_DEVICE_MAX, Shares};
use super::{Batch, Decision, Hub, InFlight};
use crate::model::{Actor, CHANGE_BYTES_MAX, ChangeHash, DocumentId, Scope, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::documents::each_row;
use crate::replica::facts::{PIECE_BYTES_MAX, PackPlace};
use crate::replica::records::Records;
use crate::replica::rows::{self, CLOSED, Evidence, QUARANTINE, QuarantineRow};
use crate::sync::{
    Accepted, AdmissionStop, AsideName, ClosedLine, PACK_BYTES_MAX, Pack, StopCause,
};
use crate::trust::Tip;
use crate::trust::control::Judgement;

/// Packs of a line that continue each other, first to last.
type Line = Vec<Piece>;

/// A pack of a line.
#[derive(Debug)]
struct Piece {
    place: PackPlace,
    /// The line's end after it.
    tip: Tip,
    /// What was read to find the one before it; none where it was too much to keep, and is read again.
    read: Option<Box<ReadPack>>,
}

/// A pack with its bytes, and when it came.
type ReadPack = (Pack, Vec<u8>, Timestamp);

/// Packs that may enter together, with their bytes, and when the last of them came.
type Entering = (Vec<(Pack, Vec<u8>)>, Timestamp);

/// What is kept aside under one name.
enum Kept {
    /// A pack that a decision may bring into the record.
    Pack(PackPlace, Box<ReadPack>),
    /// Its record is lost.
    Lost,
    /// Nothing that a decision could bring in.
    Nothing,
}

/// What encloses the changes of a pack, at most.
const ENVELOPE_BYTES_MAX: usize = PACK_BYTES_MAX - CHANGE_BYTES_MAX;

// All that is admitted at once is one record: a device's share of a document, in as many packs as are kept.
const _: () = assert!(
    BYTES_PER_DEVICE_MAX + ASIDE_PER_DEVICE_MAX * ENVELOPE_BYTES_MAX as u64
        <= PIECE_BYTES_MAX as u64
);

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
                if let Ok(line) = self.line_to(*document, *actor, (seq, hash))? {
                    any |= self.admit_line(line)?;
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

    /// As [`Self::admit_judged`]; where it fails it is owed, and counts as something.
    pub(super) fn admit_judged_or_owe(&self, lines: &BTreeSet<(DocumentId, Actor)>) -> bool {
        // The error comes again, and is told, where it is tried again.
        self.admit_judged(lines).unwrap_or_else(|_| {
            self.owed.store(true, Ordering::Relaxed);
            true
        })
    }

    /// Returns what stops a change that is kept aside from entering the record with what is kept before it in
    /// its line, if a supervisor admits it.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub(super) fn admission_stop(
        &self,
        name: &AsideName,
    ) -> Result<Option<AdmissionStop>, ReplicaError> {
        let AsideName { document, actor, seq, hash } = *name;
        match self.line_to(document, actor, (seq, hash))? {
            Ok(line) => Ok(self.read_line(line)?.err()),
            Err(stop) => Ok(Some(stop)),
        }
    }

    /// Takes in packs that continue each other with one record: all of them or none. Returns whether it did.
    fn admit_line(&self, line: Line) -> Result<bool, ReplicaError> {
        let Ok((packs, at)) = self.read_line(line)? else { return Ok(false) };
        let Some(device) = packs.first().map(|(pack, _)| pack.device()) else { return Ok(false) };
        let mut batch = Batch { admitted: Some(packs.len()), ..Batch::of(device, at) };
        let packs = packs.iter().map(|(pack, bytes)| (pack.clone(), bytes)).collect();
        match self.settle(&mut batch, &mut Accepted::default(), packs, (device, at))? {
            Some(Err(error)) => Err(error.into()),
            Some(Ok(_)) => Ok(true),
            None => Ok(false),
        }
    }

    /// Returns the packs of a line that may enter together, or what stops them. No more is read anew at once than a device's share of a document.
    fn read_line(&self, line: Line) -> Result<Result<Entering, AdmissionStop>, ReplicaError> {
        let (mut records, mut shares) = (Records::default(), Shares::new());
        let (mut packs, mut last) = (Vec::with_capacity(line.len()), Timestamp::default());
        for Piece { place, tip, read } in line {
            let stop = |cause| Ok(Err(AdmissionStop { cause, seq: tip.seq, hash: tip.hash }));
            let (pack, bytes, at) = match read {
                Some(read) => *read,
                None => {
                    let Some((bytes, at)) = self.evidence(&mut records, place)? else {
                        return stop(StopCause::Lost);
                    };
                    (Pack::decode(&bytes)?, bytes, at)
                }
            };
            pack.verify()?;
            let closed = rows::of_actor(CLOSED, pack.document(), pack.actor());
            let closed: Option<ClosedLine> = rows::get(&**self.replica.store(), &closed)?;
            if closed.is_some_and(|line| pack.last_seq() >= line.from_seq) {
                return stop(StopCause::OtherLine);
            }
            let decision = self.take(pack)?;
            let Decision::Take(pack) = self.within_share(&mut shares, decision)? else {
                return stop(StopCause::OverQuota);
            };
            last = last.max(at);
            packs.push((pack, bytes));
        }
        Ok(Ok((packs, last)))
    }

    /// Finds the packs that were kept aside from the end of what is held of a line to one of its changes,
    /// or what stops them. Each names by its hash what comes before it, so that one change names the whole line.
    fn line_to(
        &self,
        document: DocumentId,
        actor: Actor,
        (mut seq, mut hash): (u64, ChangeHash),
    ) -> Result<Result<Line, AdmissionStop>, ReplicaError> {
        let (mut records, mut line, mut wanted) = (Records::default(), Line::new(), None);
        let mut weight = 0;
        loop {
            let stop = |cause| Ok(Err(AdmissionStop { cause, seq, hash }));
            let kept = self.kept(&mut records, &rows::of_set_aside(document, actor, seq, &hash))?;
            let (place, read) = match kept {
                Kept::Pack(place, read) if wanted.is_none_or(|tip| tip == read.0.tip()) => {
                    (place, read)
                }
                Kept::Lost => return stop(StopCause::Lost),
                Kept::Pack(..) | Kept::Nothing if line.is_empty() => {
                    return stop(StopCause::OtherLine);
                }
                Kept::Pack(..) | Kept::Nothing => return stop(StopCause::Lacks),
            };
            let (previous, tip) = (read.0.previous().copied(), read.0.tip());
            weight += read.1.len();
            line.push(Piece { place, tip, read: Some(read) });
            if weight > PIECE_BYTES_MAX {
                // More than may enter at once: what stops it is found a pack at a time.
                line.iter_mut().for_each(|piece| piece.read = None);
            }
            let held = self.tip(&InFlight::new(), document, actor)?;
            let fits = match previous {
                None => held.is_none(),
                Some(before) if held.is_some_and(|held| held.seq >= before.seq) => {
                    self.held_or_tip(document, actor, before.seq)? == Some(before)
                }
                Some(before) => {
                    if line.len() as u64 >= ASIDE_PER_DEVICE_MAX {
                        return stop(StopCause::OverQuota);
                    }
                    (seq, hash, wanted) = (before.seq, before.hash, Some(before));
                    continue;
                }
            };
            if !fits {
                return stop(StopCause::OtherLine);
            }
            line.reverse();
            return Ok(Ok(line));
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

    /// Reads what is kept aside under a name.
    fn kept(&self, records: &mut Records, key: &[u8]) -> Result<Kept, ReplicaError> {
        let row: Option<QuarantineRow> = rows::get(&**self.replica.store(), key)?;
        let Some(row) = row.filter(|row| row.verdict.may_be_admitted()) else {
            return Ok(Kept::Nothing);
        };
        let Evidence::Aside(place) = row.evidence else { return Ok(Kept::Nothing) };
        let Some((bytes, at)) = self.evidence(records, place)? else { return Ok(Kept::Lost) };
        Ok(match Pack::decode(&bytes) {
            Ok(pack) => Kept::Pack(place, Box::new((pack, bytes, at))),
            Err(_) => Kept::Nothing,
        })
    }
}

#[cfg(test)]
pub(super) mod tests;
