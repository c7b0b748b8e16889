//! Giving another replica what it lacks: packs as they are held, or made from a snapshot's changes
//! under the attestation that came with it.

use super::ReplicaError;
use super::documents::Replica;
use super::records::Records;
use super::rows::{self, PACK, PackRow, TIP, TipRow};
use crate::store::StoreError;
use crate::sync::{Pack, Want};
use crate::trust::Tip;

impl Replica {
    /// Returns the packs that answer `wants`, each from the wanted change on. What is not held is
    /// left out.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn provide(&self, wants: &[Want]) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let mut records = Records::default();
        let mut packs = Vec::new();
        // All of them: what were left out here would never be asked for again. A session asks for
        // few actors at a time (`PROVIDE_WANTS_MAX`), and a document has its own limit.
        for want in wants {
            packs.extend(self.provide_one(&mut records, want)?);
        }
        Ok(packs)
    }

    fn provide_one(
        &self,
        records: &mut Records,
        want: &Want,
    ) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let store = self.store();
        let (document, actor) = (want.document, want.actor);
        let key = rows::of_actor(TIP, document, actor);
        let mut packs = Vec::new();
        if let Some(row) = rows::get::<TipRow>(&**store, &key)? {
            packs = self.provide_confirmed(records, want, row)?;
        }
        packs.extend(self.provide_carried(records, want)?);
        Ok(packs)
    }

    fn provide_confirmed(
        &self,
        records: &mut Records,
        want: &Want,
        row: TipRow,
    ) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let store = self.store();
        let (document, actor) = (want.document, want.actor);
        let mut next = want.from_seq.max(1);
        let mut packs = Vec::new();
        let prefix = rows::of_actor(PACK, document, actor);
        let before = rows::of_seq(PACK, document, actor, next - 1);
        for (key, value) in store.scan(&prefix, Some(&before), usize::MAX)? {
            let held: PackRow = rows::decode(&key, &value)?;
            if held.first_seq > next {
                break;
            }
            match records.pack(&**store, held.place) {
                Ok(pack) => packs.push(pack),
                // A record that is lost ends this line's run; others have it.
                Err(StoreError::Damaged { .. }) => break,
                Err(error) => return Err(error.into()),
            }
            next = rows::number_in(&key).unwrap_or(next) + 1;
        }
        let attestation = row.attestation;
        if next > attestation.tip.seq {
            return Ok(packs);
        }
        // The rest came in a snapshot, which keeps one attestation for all of an actor's changes.
        let mut changes = self.load_whole(document)?.document.changes_of(actor.as_bytes(), 1);
        changes.retain(|change| change.facts().seq <= attestation.tip.seq);
        let later = changes.iter().position(|change| change.facts().seq >= want.from_seq);
        let Some(later) = later else { return Ok(packs) };
        let run = changes.split_off(later);
        let previous = changes.iter().fold(None, |tip: Option<Tip>, change| {
            Some(Tip::after(tip.as_ref(), change.facts().hash))
        });
        match Pack::assemble(self.genesis(document)?, &attestation, previous, run) {
            Ok(pack) => Ok(vec![pack.encode()]),
            // The document does not hold all that is attested yet; what packs there are will do.
            Err(_) => Ok(packs),
        }
    }
}
