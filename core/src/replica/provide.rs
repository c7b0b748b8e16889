//! Giving another replica what it lacks: packs as they are held, or made from a snapshot's changes
//! under an attestation that came with it.

use super::ReplicaError;
use super::documents::Replica;
use super::records::Records;
use super::rows::{self, PACK, PROOF, PackRow, TIP, TipRow};
use crate::model::{Genesis, RawChange};
use crate::store::StoreError;
use crate::sync::{LONG_PACK_BYTES_MAX, Pack, Want};
use crate::trust::{Attestation, Tip};

/// What answers a wish for changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provided {
    /// Encoded packs, oldest first within an actor.
    pub packs: Vec<Vec<u8>>,
    /// What is held and cannot be given, each from the first change on that is left out: its record
    /// is damaged and no other proof of it is kept, or it is over the limits of a long pack. Whoever
    /// asked lacks it still.
    pub missing: Vec<Want>,
}

impl Replica {
    /// Returns the packs that answer `wants`, each from the wanted change on. What is not held is
    /// left out; what is held and cannot be given is named.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn provide(&self, wants: &[Want]) -> Result<Provided, ReplicaError> {
        let mut records = Records::default();
        let mut provided = Provided::default();
        // All of them: what were left out here would never be asked for again. A session asks for
        // few actors at a time (`PROVIDE_WANTS_MAX`), and a document has its own limit.
        for want in wants {
            let key = rows::of_actor(TIP, want.document, want.actor);
            if let Some(row) = rows::get::<TipRow>(&**self.store(), &key)? {
                self.provide_confirmed(&mut records, want, row.attestation, &mut provided)?;
            }
            provided.packs.extend(self.provide_carried(&mut records, want)?);
        }
        Ok(provided)
    }

    fn provide_confirmed(
        &self,
        records: &mut Records,
        want: &Want,
        end: Attestation,
        provided: &mut Provided,
    ) -> Result<(), ReplicaError> {
        let mut next = want.from_seq.max(1);
        let mut line = None;
        while next <= end.tip.seq {
            if let Some((pack, last)) = self.held_pack(records, want, next)? {
                provided.packs.push(pack);
                next = last + 1;
                continue;
            }
            let line = match &mut line {
                Some(line) => line,
                empty => empty.insert(self.line(want, end)?),
            };
            match line.pack_from(next) {
                Some((pack, last)) => {
                    provided.packs.push(pack);
                    next = last + 1;
                }
                // What follows would lack its forerunner.
                None => {
                    provided.missing.push(Want { from_seq: next, ..*want });
                    break;
                }
            }
        }
        Ok(())
    }

    /// Returns the pack that holds a change and begins at it or before, if its record reads, and the
    /// number of its last change.
    fn held_pack(
        &self,
        records: &mut Records,
        want: &Want,
        next: u64,
    ) -> Result<Option<(Vec<u8>, u64)>, ReplicaError> {
        let store = self.store();
        let prefix = rows::of_actor(PACK, want.document, want.actor);
        let before = rows::of_seq(PACK, want.document, want.actor, next - 1);
        let Some((key, value)) = store.scan(&prefix, Some(&before), 1)?.pop() else {
            return Ok(None);
        };
        let held: PackRow = rows::decode(&key, &value)?;
        if held.first_seq > next {
            return Ok(None);
        }
        match records.pack(&**store, held.place) {
            Ok(pack) => Ok(Some((pack, rows::number_in(&key).unwrap_or(next)))),
            // The document may hold the changes still.
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the changes of an actor's line and all proofs that are kept of it.
    fn line(&self, want: &Want, end: Attestation) -> Result<Line, ReplicaError> {
        let store = self.store();
        let mut proofs = Vec::new();
        let prefix = rows::of_actor(PROOF, want.document, want.actor);
        for (key, value) in store.scan(&prefix, None, usize::MAX)? {
            proofs.push(rows::decode::<Attestation>(&key, &value)?);
        }
        proofs.push(end);
        proofs.sort_by_key(|proof| proof.tip.seq);
        let mut changes = Vec::new();
        for change in self.load_whole(want.document)?.document.changes_of(want.actor.as_bytes(), 1)
        {
            // The line's hash covers all from the first change on.
            if change.facts().seq != changes.len() as u64 + 1 || change.facts().seq > end.tip.seq {
                break;
            }
            changes.push(change);
        }
        Ok(Line { genesis: self.genesis(want.document)?, changes, proofs })
    }
}

/// An actor's changes, from the first on without a hole, and attestations of some of them.
struct Line {
    genesis: Genesis,
    changes: Vec<RawChange>,
    proofs: Vec<Attestation>,
}

impl Line {
    /// Makes the shortest pack that begins at a change and ends where a proof holds.
    fn pack_from(&self, next: u64) -> Option<(Vec<u8>, u64)> {
        let from = usize::try_from(next).ok()?.checked_sub(1)?;
        let previous = self.changes.get(..from)?.iter().fold(None, |tip: Option<Tip>, change| {
            Some(Tip::after(tip.as_ref(), change.facts().hash))
        });
        self.proofs.iter().filter(|proof| proof.tip.seq >= next).find_map(|proof| {
            let run = self.changes.get(from..usize::try_from(proof.tip.seq).ok()?)?.to_vec();
            // A proof of another line of that name, or more than a long pack holds: another may do.
            let pack = Pack::assemble(self.genesis.clone(), proof, previous, run).ok()?.encode();
            (pack.len() <= LONG_PACK_BYTES_MAX).then_some((pack, proof.tip.seq))
        })
    }
}
