//! What is noted where a store lost the saved form of documents: what their shortened records held is not here
//! any more, and peers bring it again.

use std::collections::BTreeSet;

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::facts::{Fact, KeptPack, PackPlace};
use super::records::Records;
use super::rows::{self, LOST_UNTOLD, OUTBOX};
use super::short;
use crate::model::{DocumentId, Timestamp};
use crate::store::{Position, StoreError};
use crate::sync::Pack;

/// Packs and changes that one record names: about a mebibyte, so that neither a record nor what a commit
/// holds in memory comes near its limit for a document of whatever length.
const NAMED_MAX: usize = 4_096;

/// Packs and changes that one commit names, unless one document has more of them: some mebibytes.
const COMMIT_NAMED_MAX: usize = 4 * NAMED_MAX;

/// Whether something could be told again.
fn is_told(outcome: Result<(), StoreError>) -> Result<bool, StoreError> {
    match outcome {
        Ok(()) => Ok(true),
        Err(StoreError::Damaged { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// What of one document is gone, and what is here.
#[derive(Default)]
struct Left {
    packs: Vec<PackPlace>,
    changes: Vec<u64>,
    kept: Vec<KeptPack>,
}

impl Left {
    /// Returns the records that say it, each of which names at most so many of each: first what is gone, then
    /// what is kept. Those of one document are one commit.
    fn facts(&self, document: DocumentId, at: Timestamp, most: usize) -> Vec<Fact> {
        let part = |(packs, changes, kept): (&[PackPlace], &[u64], &[KeptPack])| Fact::Unsaved {
            document,
            packs: packs.to_vec(),
            changes: changes.to_vec(),
            kept: kept.to_vec(),
            at,
        };
        let (mut packs, mut changes) = (self.packs.chunks(most), self.changes.chunks(most));
        let mut kept = self.kept.chunks(most);
        let mut facts = Vec::new();
        loop {
            let gone = (packs.next().unwrap_or(&[]), changes.next().unwrap_or(&[]));
            let more = packs.len() + changes.len() > 0;
            // Each record that names something gone begins the lines anew, so what is kept follows the last.
            let here = if more { None } else { kept.next() };
            facts.push(part((gone.0, gone.1, here.unwrap_or(&[]))));
            if !more && kept.len() == 0 {
                return facts;
            }
        }
    }
}

/// A renewal that is being recorded.
struct Renewing<'a> {
    replica: &'a Replica,
    renewal: &'a [Fact],
    /// Something was recorded already.
    begun: bool,
}

impl Renewing<'_> {
    /// Records what comes before the renewal. With the first of it comes that the renewal is under way: who opens
    /// the store again before its end finds that out.
    fn record_before(&mut self, facts: &[Fact]) -> Result<(), ReplicaError> {
        let mut all = facts.to_vec();
        if !self.begun {
            all.extend(self.renewal.iter().cloned().map(|mut fact| {
                if let Fact::Incarnated { lost, .. } = &mut fact {
                    *lost = LOST_UNTOLD;
                }
                fact
            }));
        }
        self.commit(&all)?;
        self.begun = true;
        Ok(())
    }

    /// Records the renewal, together with what else there is; only where a store takes no commit as long as that,
    /// what is unsaved of each document before.
    fn record_last(&mut self, facts: &[Fact]) -> Result<(), ReplicaError> {
        match self.commit(&[facts, &self.last()].concat()) {
            Err(ReplicaError::Store(StoreError::TooLarge { .. })) if !facts.is_empty() => {}
            outcome => return outcome,
        }
        let document = |fact: &Fact| match fact {
            Fact::Unsaved { document, .. } => Some(*document),
            _ => None,
        };
        for facts in facts.chunk_by(|one, next| document(one) == document(next)) {
            self.record_before(facts)?;
        }
        self.commit(&self.last())
    }

    /// What else came with the renewal is not said twice.
    fn last(&self) -> Vec<Fact> {
        let is_last = |fact: &&Fact| !self.begun || matches!(fact, Fact::Incarnated { .. });
        self.renewal.iter().filter(is_last).cloned().collect()
    }

    fn commit(&self, facts: &[Fact]) -> Result<(), ReplicaError> {
        let records = facts.iter().map(Fact::record).collect::<Result<_, _>>()?;
        Ok(self.replica.store().commit(records).map(drop)?)
    }
}

impl Replica {
    /// Records a renewal, and what is lost where the store lost the saved form of documents: what their shortened
    /// records held is not here any more. It is one commit, behind which it is not looked for again: a first commit
    /// after an opening settles that the folder was moved. What passes [`COMMIT_NAMED_MAX`], or what such a store
    /// takes at once, is recorded before, with the word that a renewal is under way. Reads the whole journal, which
    /// only happens after such a loss.
    pub(super) fn record_renewal(
        &self,
        renewal: &[Fact],
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let opened = self.store().opened();
        let loses = opened.moved || !opened.lost.is_empty();
        let untold = if loses { self.untold()? } else { BTreeSet::new() };
        let mut renewing = Renewing { replica: self, renewal, begun: false };
        let (mut facts, mut named) = (Vec::new(), 0);
        for document in untold {
            let left = self.left_of(document)?;
            let more = left.packs.len() + left.changes.len() + left.kept.len();
            if named > 0 && named + more > COMMIT_NAMED_MAX {
                renewing.record_before(&std::mem::take(&mut facts))?;
                named = 0;
            }
            named += more;
            facts.extend(left.facts(document, now, NAMED_MAX));
        }
        renewing.record_last(&facts)
    }

    /// Returns the documents of which a shortened record cannot be told again.
    fn untold(&self) -> Result<BTreeSet<DocumentId>, StoreError> {
        let mut records = Records::default();
        let mut untold = BTreeSet::new();
        for at in 1..=self.store().position().0 {
            let record = match self.store().record(Position(at)) {
                Ok(Some(record)) if short::written_hash(&record).is_some() => record,
                Ok(_) | Err(StoreError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            let Ok(mut fact) = Fact::read(Position(at), &record) else { continue };
            let own = match &fact {
                Fact::Changed { genesis, change, .. } if short::is_husk(change) => {
                    Some(genesis.document())
                }
                Fact::Typed { document, .. } => Some(*document),
                _ => None,
            };
            if let Some(document) = own
                && !is_told(records.change(&**self.store(), at).map(drop))?
            {
                untold.insert(document);
            }
            let mut husks = Vec::new();
            short::each_pack(&mut fact, |bytes| {
                if short::is_husk(bytes) {
                    husks.push(std::mem::take(bytes));
                }
            });
            for husk in husks {
                let Some(document) = short::document_of(&husk) else { continue };
                if !is_told(records.told(&**self.store(), at, &husk).map(drop))? {
                    untold.insert(document);
                }
            }
        }
        Ok(untold)
    }

    /// Finds out what of a document is here whole or can be told again.
    fn left_of(&self, document: DocumentId) -> Result<Left, StoreError> {
        let (store, mut records) = (&**self.store(), Records::default());
        let (mut places, changes) = self.places_of(document)?;
        each_row(store, &rows::of_document(OUTBOX, document), None, |key, value| {
            places.insert(rows::decode::<PackPlace>(key, value)?);
            Ok(())
        })?;
        let mut left = Left::default();
        for at in changes {
            if !is_told(records.change(store, at).map(drop))? {
                left.changes.push(at);
            }
        }
        for place in places {
            match records.pack(store, place).map(|bytes| Pack::decode(&bytes)) {
                Ok(Ok(pack)) => left.kept.push(KeptPack {
                    place,
                    first_seq: pack.first_seq(),
                    previous: pack.previous().copied(),
                    attestation: pack.attestation(),
                }),
                Ok(Err(_)) | Err(StoreError::Damaged { .. }) => left.packs.push(place),
                Err(error) => return Err(error),
            }
        }
        left.kept.sort_by_key(|pack| (pack.attestation.actor(), pack.first_seq));
        Ok(left)
    }
}

#[cfg(test)]
mod tests;
