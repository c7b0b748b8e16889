//! Making an exported record from what a device holds and what its hub proves.

use std::collections::BTreeMap;

use super::lines::{Line, lines_of};
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, Scope, Timestamp};
use crate::replica::access::{COUNTRY, units};
use crate::replica::documents::each_row;
use crate::replica::facts::Fact;
use crate::replica::phone::Phone;
use crate::replica::rows::{self, CONTROL, ControlRow, meta};
use crate::replica::sealing::SealState;
use crate::replica::{Replica, ReplicaError};
use crate::store::Position;
use crate::sync::{LogProofs, Pack, Want};
use crate::trust::HubReceipt;
use crate::trust::control::ControlEntry;
use crate::trust::log::{LogEntry, LogLeaf, TreeHead};
use crate::trust::merkle::{TreeHash, verify_consistency};
use crate::trust::proof::{
    About, ExportedRecord, Grown, ProofError, ProofPage, ProvedLeaf, RECEIPTS_MAX,
};

/// A head that the newest one should continue, and what the hub answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHead {
    /// The head.
    pub head: TreeHead,
    /// The hub's proof; empty where it has none.
    pub proof: Vec<TreeHash>,
    /// Somebody asked for it by name: that the hub cannot show it is told, not left out.
    pub named: bool,
}

/// What the hub was asked for, to travel with the record. Nothing of it where the device has no network.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// Leaves of its log, with the newest head last.
    pub pages: Vec<LogProofs>,
    /// Earlier heads.
    pub heads: Vec<KeptHead>,
}

impl Phone {
    /// Makes the exported record of a document: all that this device holds of it, signed with its key. Own
    /// edits are signed first.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::UnknownDocument`] when it is not here, [`ReplicaError::Export`] when it is
    /// more than a file holds or a part of it is damaged, and [`ReplicaError::Store`] when reading fails.
    pub fn export(
        &self,
        document: DocumentId,
        gathered: &Gathered,
        now: Timestamp,
    ) -> Result<Vec<u8>, ReplicaError> {
        while !self.release(now)?.is_empty() {}
        let replica = self.replica();
        let genesis = replica.genesis(document)?;
        let shown = replica.load(document)?;
        let mut heads = shown.heads();
        heads.sort_unstable();
        // The record is what was sealed, where it was: what came later is in the file and not in it.
        // A seal that does not hold against it, and that no hub has registered, changes nothing.
        if let Some(standing) = replica.minutes(document)?.standing
            && (standing.state == SealState::Registered
                || standing.seal.verify_record(&shown).is_empty())
        {
            heads = standing.seal.statement.heads;
        }
        let read = shown.at(&heads).map_err(|source| ReplicaError::Document {
            document,
            source: std::sync::Arc::new(source),
        })?;
        let keys: Option<Vec<DeviceId>> =
            rows::get(&**replica.store(), &rows::single(meta::HUB_KEYS))?;
        let hub = keys.and_then(|keys| keys.first().copied());
        let mut record = ExportedRecord {
            readable: read.view().record().bytes().to_vec(),
            about: About { hub, heads, at: now },
            checklist: genesis.template.map(|id| replica.object(id)).transpose()?.flatten(),
            packs: replica.packs_of(document, &shown.tips())?,
            control: replica.control_above(&genesis.scope)?,
            genesis,
            receipts: Vec::new(),
            proofs: Vec::new(),
            grown: Vec::new(),
            seals: Vec::new(),
        };
        for seal in replica.seals_of(document)? {
            record.seals.extend(replica.seal_bytes(seal)?);
        }
        let mut faults = Vec::new();
        let lines = lines_of(&record, &mut faults);
        if let Some(fault) = faults.first() {
            return Err(ReplicaError::Damaged { what: fault.to_string() });
        }
        record.receipts = replica.receipts_of(document, &lines)?;
        prove(&mut record, gathered, &lines);
        Ok(record.encode(self.key())?)
    }

    /// Returns the heads of the hub's log that are kept here and a newer head should continue.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn heads_kept(&self) -> Result<Vec<TreeHead>, ReplicaError> {
        let rows = self.replica().heads()?;
        let mut heads: Vec<TreeHead> = rows.iter().flat_map(|row| [row.first, row.last]).collect();
        heads.dedup_by(|one, two| one.agrees(two));
        Ok(heads)
    }
}

impl From<ProofError> for ReplicaError {
    fn from(source: ProofError) -> Self {
        Self::Export { source: std::sync::Arc::new(source) }
    }
}

impl Replica {
    /// Returns the packs of all lines of a document, as far as the document has them.
    fn packs_of(
        &self,
        document: DocumentId,
        tips: &[(Vec<u8>, u64, ChangeHash)],
    ) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let mut actors: BTreeMap<Actor, u64> = BTreeMap::new();
        for (actor, seq, _) in tips {
            if let Ok(actor) = actor.as_slice().try_into() {
                actors.insert(Actor(actor), *seq);
            }
        }
        let mut packs = Vec::new();
        for (actor, end) in actors {
            let want = Want { document, actor, from_seq: 1 };
            let provided = self.provide(&[want])?;
            if let Some(missing) = provided.missing.first().filter(|want| want.from_seq <= end) {
                let what = format!(
                    "what device {} wrote, from change {} on",
                    actor.short(),
                    missing.from_seq
                );
                return Err(ReplicaError::Damaged { what });
            }
            for bytes in provided.packs {
                // What the hub refused, or still waits, is behind the end: it is not in the record.
                if Pack::decode(&bytes)?.first_seq() <= end {
                    packs.push(bytes);
                }
            }
        }
        Ok(packs)
    }

    /// Returns the control logs of a unit and of all above it, in the order of their rows.
    fn control_above(&self, scope: &Scope) -> Result<Vec<Vec<u8>>, ReplicaError> {
        let mut above = units().containing(scope);
        above.push(scope.clone());
        let mut entries = Vec::new();
        each_row(&**self.store(), &[CONTROL], None, |key, value| {
            let row: ControlRow = rows::decode(key, value)?;
            entries.push(row.bytes);
            Ok(())
        })?;
        entries.retain(|bytes| {
            let entry = ControlEntry::decode(bytes);
            entry.is_ok_and(|entry| {
                above.contains(entry.scope()) || entry.scope().as_str() == COUNTRY
            })
        });
        Ok(entries)
    }

    /// Returns the hub's receipts for changes of these lines that this device was given.
    fn receipts_of(
        &self,
        document: DocumentId,
        lines: &[Line],
    ) -> Result<Vec<HubReceipt>, ReplicaError> {
        let store = self.store();
        let holds = |receipt: &HubReceipt| {
            let mut own = receipt.items.iter().filter(|item| item.document == document);
            let fits = |line: &Line, seq, hash| line.at(seq).is_none_or(|held| held == hash);
            let all = own.clone().all(|item| {
                lines.iter().all(|line| line.actor != item.actor || fits(line, item.seq, item.hash))
            });
            all && own.next().is_some()
        };
        let mut receipts = Vec::new();
        for at in 1..=store.position().0 {
            let Some(record) = store.record(Position(at))? else { continue };
            if record.kind != Fact::RECEIPTED {
                continue;
            }
            if let Fact::Receipted { receipt } = Fact::read(Position(at), &record)?
                && holds(&receipt)
                && receipts.len() < RECEIPTS_MAX
            {
                receipts.push(receipt);
            }
        }
        Ok(receipts)
    }
}

/// Adds what the hub proves of these lines.
fn prove(record: &mut ExportedRecord, gathered: &Gathered, lines: &[Line]) {
    let Some(newest) = gathered.pages.last().map(|page| page.head) else { return };
    for page in &gathered.pages {
        let told = page.leaves.iter().filter(|leaf| is_of(&leaf.leaf, lines));
        let leaves = told.map(|leaf| ProvedLeaf {
            index: leaf.index,
            leaf: leaf.leaf.clone(),
            path: leaf.path.clone(),
        });
        record.proofs.push(ProofPage { head: page.head, leaves: leaves.collect() });
    }
    for kept in &gathered.heads {
        let from = kept.head;
        let grown = (from.size, from.root);
        // A hub that says it was set back cannot show that it continues what it had before; phones were
        // told of that then.
        let honest = verify_consistency(grown, (newest.size, newest.root), &kept.proof)
            || kept.named
            || from.epoch == newest.epoch;
        if honest && !record.grown.iter().any(|known| known.from == from) {
            record.grown.push(Grown { from, proof: kept.proof.clone() });
        }
    }
}

/// Whether a leaf is of a change of these lines.
fn is_of(leaf: &[u8], lines: &[Line]) -> bool {
    let Some(LogLeaf { entry: LogEntry::Stored { actor, seq, hash, .. }, .. }) =
        LogLeaf::decode(leaf)
    else {
        return false;
    };
    lines.iter().any(|line| line.actor == actor && line.at(seq) == Some(hash))
}
