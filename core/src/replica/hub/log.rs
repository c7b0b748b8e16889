//! The hub's log as it is shown: heads, proofs, pages. Reads rows, never a record.

use super::{Hub, HubOptions};
use crate::model::{DeviceId, DocumentId, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::access;
use crate::replica::facts::Fact;
use crate::replica::log::{StoredNodes, leaf_bytes, tree_of};
use crate::replica::rows::{self, LIFE, LOG_EPOCH, LOG_LEAF, LOG_STORED, LogEpochRow};
use crate::store::StoreError;
use crate::sync::{
    DeviceEntry, LOG_PAGE_LEAVES_MAX, LOG_PROOFS_MAX, LogAnswer, LogPage, LogProofs, LogRequest,
    ProvedLeaf, Role,
};
use crate::trust::log::{Act, HEADS_NAMED_MAX, LogEntry, Shown, TreeHead};
use crate::trust::merkle::{Frontier, TreeHash, consistency, inclusion, root_at};

impl Hub {
    /// Returns the signed head of the log as it is now.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn log_head(&self, now: Timestamp) -> Result<TreeHead, ReplicaError> {
        self.sign_log(&tree_of(&**self.replica.store())?, now)
    }

    fn sign_log(&self, tree: &Frontier, now: Timestamp) -> Result<TreeHead, ReplicaError> {
        let epoch = self.head()?.epoch;
        Ok(TreeHead::sign(&self.key, epoch, (tree.size(), tree.root()), now))
    }

    /// Returns the log's head, and for each of some earlier ones the proof that the log grew from it;
    /// an empty one where it did not.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn show_log(&self, named: &[TreeHead], now: Timestamp) -> Result<Shown, ReplicaError> {
        let store = self.replica.store();
        let tree = tree_of(&**store)?;
        let nodes = StoredNodes(&**store);
        let mut proofs = Vec::with_capacity(named.len());
        for kept in named.iter().take(HEADS_NAMED_MAX) {
            proofs.push(consistency(&nodes, kept.size, tree.size())?);
        }
        let continues = match named.first() {
            Some(kept) => self.continues(kept.epoch, tree.size())?,
            None => tree.size(),
        };
        Ok(Shown { head: self.sign_log(&tree, now)?, continues, proofs })
    }

    /// Returns how many leaves of a life of this store are known to be in the log as they were.
    fn continues(&self, epoch: [u8; 16], size: u64) -> Result<u64, ReplicaError> {
        let store = self.replica.store();
        if self.head()?.epoch == epoch {
            return Ok(size);
        }
        let own: Option<LogEpochRow> = rows::get(&**store, &rows::key(LOG_EPOCH, &[&epoch]))?;
        if own.is_none() && store.get(&rows::key(LIFE, &[&epoch]))?.is_none() {
            return Ok(0);
        }
        let begun = own.map(|row| row.leaf);
        let mut continues = size;
        for (key, value) in store.scan(&[LOG_EPOCH], None, usize::MAX)? {
            let row: LogEpochRow = rows::decode(&key, &value)?;
            if begun.is_none_or(|begun| row.leaf > begun) {
                continues = continues.min(row.continues);
            }
        }
        Ok(continues)
    }

    /// Takes a new epoch where a device shows a head that this hub has signed and whose log is not this
    /// one: it was set back to a copy, and nothing about its files showed it. Returns whether it did.
    /// Only this hub's own signature counts, so a device that lies changes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded; the log must not be shown then.
    pub(crate) fn heed_heads(
        &self,
        named: &[TreeHead],
        by: DeviceId,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        for head in named.iter().take(HEADS_NAMED_MAX) {
            // In another life than the head's it was said already that this is a copy.
            let own = self.head()?.epoch == head.epoch;
            if !own || head.verify(self.device()).is_err() || self.holds_head(head)? {
                continue;
            }
            let own = self.log_head(now)?;
            let mut seed = Vec::new();
            for head in [&own, head] {
                seed.extend_from_slice(&head.epoch);
                seed.extend_from_slice(&head.size.to_le_bytes());
                seed.extend_from_slice(&head.root.0);
                seed.extend_from_slice(&head.at.0.to_le_bytes());
            }
            let hash = blake3::derive_key("bienban 2026-11 epoch of a surpassed log", &seed);
            let mut fresh_epoch = [0; 16];
            fresh_epoch.copy_from_slice(&hash[..16]);
            self.surpassed_by(by, Some(*head), HubOptions { fresh_epoch, now })?;
            return Ok(true);
        }
        Ok(false)
    }

    fn holds_head(&self, head: &TreeHead) -> Result<bool, ReplicaError> {
        let store = self.replica.store();
        let size = tree_of(&**store)?.size();
        Ok(head.size <= size && root_at(&StoredNodes(&**store), head.size)? == head.root)
    }

    /// Does what an administrator or auditor asks about the log, and puts into it that it was asked.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails or the log could not be written.
    pub fn answer_log(
        &self,
        request: LogRequest,
        by: DeviceId,
        now: Timestamp,
    ) -> Result<LogAnswer, ReplicaError> {
        match request {
            LogRequest::Page { from } => {
                if from == 0 {
                    self.note_act(Act::ReadLog, by, &[], now)?;
                }
                Ok(LogAnswer::Page(self.log_page(from, now)?))
            }
            LogRequest::Proofs { document, after } => {
                if after == 0 {
                    self.audit(vec![LogEntry::Exported { by, document }], now)?;
                }
                Ok(LogAnswer::Proofs(self.log_proofs(document, after, now)?))
            }
            LogRequest::Grown { from, to } => Ok(LogAnswer::Grown(self.log_growth(from, to)?)),
        }
    }

    /// Returns leaves of the log, from one on.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn log_page(&self, from: u64, now: Timestamp) -> Result<LogPage, ReplicaError> {
        let store = self.replica.store();
        // First, so that the leaves are at least those that it covers.
        let head = self.log_head(now)?;
        let after = from.checked_sub(1).map(|last| rows::of_number(LOG_LEAF, last));
        let page = store.scan(&[LOG_LEAF], after.as_deref(), LOG_PAGE_LEAVES_MAX)?;
        let within = |key: &[u8]| rows::number_in(key).is_some_and(|number| number < head.size);
        let leaves = page.into_iter().filter(|(key, _)| within(key)).map(|(_, leaf)| leaf);
        Ok(LogPage { from, leaves: leaves.collect(), head })
    }

    /// Returns the proof that the log of `to` leaves continues that of `from`; an empty one where there are
    /// not so many.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn log_growth(&self, from: u64, to: u64) -> Result<Vec<TreeHash>, ReplicaError> {
        let store = self.replica.store();
        if from > to || to > tree_of(&**store)?.size() {
            return Ok(Vec::new());
        }
        Ok(consistency(&StoredNodes(&**store), from, to)?)
    }

    /// Returns whether a device may have a word on the log: an administrator or auditor any; everybody
    /// what is hashes alone, and what proves the receipts of a document that it may read.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn may_ask_log(
        &self,
        request: &LogRequest,
        entry: &DeviceEntry,
    ) -> Result<bool, ReplicaError> {
        if entry.is(Role::Admin) || entry.is(Role::Auditor) {
            return Ok(true);
        }
        match request {
            LogRequest::Page { .. } => Ok(false),
            LogRequest::Grown { .. } => Ok(true),
            LogRequest::Proofs { document, .. } => match self.replica.genesis(*document) {
                Ok(genesis) => Ok(access::reads(entry, &genesis.scope)),
                Err(ReplicaError::UnknownDocument { .. }) => Ok(false),
                Err(error) => Err(error),
            },
        }
    }

    /// Returns proofs that the receipts of a document are in the log, after some of them.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn log_proofs(
        &self,
        document: DocumentId,
        after: u64,
        now: Timestamp,
    ) -> Result<LogProofs, ReplicaError> {
        let store = self.replica.store();
        let tree = tree_of(&**store)?;
        let prefix = rows::of_document(LOG_STORED, document);
        let known = usize::try_from(after).unwrap_or(usize::MAX);
        let asked = known.saturating_add(LOG_PROOFS_MAX + 1);
        let found = store.scan(&prefix, None, asked)?;
        let mut leaves = Vec::new();
        for (key, value) in found.iter().skip(known).take(LOG_PROOFS_MAX) {
            let index: u64 = rows::decode(key, value)?;
            if index < tree.size() {
                let path = inclusion(&StoredNodes(&**store), index, tree.size())?;
                leaves.push(ProvedLeaf { index, leaf: leaf_bytes(&**store, index)?, path });
            }
        }
        let more = found.len() == asked;
        Ok(LogProofs { head: self.sign_log(&tree, now)?, leaves, more })
    }

    /// Puts entries into the log, durably.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when they could not be recorded.
    pub fn audit(&self, entries: Vec<LogEntry>, now: Timestamp) -> Result<(), ReplicaError> {
        self.record(Fact::Audited { entries, at: now })?;
        Ok(())
    }

    /// Puts into the log that an administrator or auditor asks for something, before it is done.
    ///
    /// # Errors
    ///
    /// As [`Hub::audit`]; it must not be done then.
    pub(crate) fn note_act(
        &self,
        act: Act,
        by: DeviceId,
        asked: &[u8],
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let hash = *blake3::hash(asked).as_bytes();
        self.audit(vec![LogEntry::Administered { act, by, hash }], now)
    }
}

/// Returns an error for rows of the log that should be there.
pub(in crate::replica) fn missing(what: &str) -> StoreError {
    StoreError::Damaged { what: format!("{what} of the hub's log") }
}
