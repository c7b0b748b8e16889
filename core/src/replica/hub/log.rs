//! The hub's log as it is shown: heads, proofs, pages. Reads rows, never a record.

use super::{Hub, HubOptions};
use crate::model::{DeviceId, DocumentId, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::access;
use crate::replica::facts::Fact;
use crate::replica::log::{StoredNodes, leaf_bytes, tree_of};
use crate::replica::rows::{self, LOG_LEAF, LOG_STORED, meta};
use crate::store::StoreError;
use crate::sync::{
    DeviceEntry, LOG_PAGE_LEAVES_MAX, LOG_PROOFS_MAX, LogAnswer, LogPage, LogProofs, LogRequest,
    Role,
};
use crate::trust::log::{
    Account, Act, HEADS_NAMED_MAX, Lives, LogEntry, Loss, ProvedLeaf, Shown, Standing, TreeHead,
};
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

    /// Returns the log's head, and how each of some earlier ones stands in it: the proof that the log grew
    /// from it, or where the log says that it does not hold it. Of one that is neither nothing is proved.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn show_log(&self, named: &[TreeHead], now: Timestamp) -> Result<Shown, ReplicaError> {
        let tree = tree_of(&**self.replica.store())?;
        let named = named.iter().take(HEADS_NAMED_MAX);
        let standings = named.map(|kept| self.standing(kept, tree.size()));
        let standings = standings.collect::<Result<_, _>>()?;
        Ok(Shown { head: self.sign_log(&tree, now)?, standings })
    }

    fn standing(&self, kept: &TreeHead, size: u64) -> Result<Standing, ReplicaError> {
        let store = self.replica.store();
        if !self.holds_head(kept)?
            && let Some(Account { life, said }) = self.lives()?.account_for(kept)
        {
            let life = life.map(|index| self.proved(index, size)).transpose()?;
            let said = self.proved(said, size)?;
            return Ok(Standing::Lost(Box::new(Loss { life, said })));
        }
        Ok(Standing::Grew(consistency(&StoredNodes(&**store), kept.size, size)?))
    }

    fn proved(&self, index: u64, size: u64) -> Result<ProvedLeaf, ReplicaError> {
        let store = self.replica.store();
        let path = inclusion(&StoredNodes(&**store), index, size)?;
        Ok(ProvedLeaf { index, leaf: leaf_bytes(&**store, index)?, path })
    }

    /// Returns what the log says of the lives of this store.
    pub(in crate::replica) fn lives(&self) -> Result<Lives, ReplicaError> {
        let lives = rows::get(&**self.replica.store(), &rows::single(meta::LIVES))?;
        Ok(lives.unwrap_or_default())
    }

    /// Takes a new epoch where a device shows heads that this hub has signed and that its log neither holds
    /// nor says to have lost: it was set back to a copy, and nothing about its files showed it. It may be a
    /// head of this life, of one that had not begun when the copy was made, or of an earlier one that this
    /// log wrongly claims to hold. Returns whether it did. Only this hub's own signature counts, so a device
    /// that lies changes nothing; and what is accounted for once is accounted for in all later lives, so
    /// nobody brings about a second epoch with the same head.
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
        let mut unheard = Vec::new();
        let (lives, keys) = (self.lives()?, self.replica.hub_keys()?.all());
        for head in named.iter().take(HEADS_NAMED_MAX) {
            let own = head.is_by(&keys);
            if own && !self.holds_head(head)? && lives.account_for(head).is_none() {
                unheard.push(*head);
            }
        }
        if unheard.is_empty() {
            return Ok(false);
        }
        let mut seed = Vec::new();
        for head in [self.log_head(now)?].iter().chain(&unheard) {
            seed.extend_from_slice(&head.epoch);
            seed.extend_from_slice(&head.size.to_le_bytes());
            seed.extend_from_slice(&head.root.0);
            seed.extend_from_slice(&head.at.0.to_le_bytes());
        }
        let hash = blake3::derive_key("bienban 2026-11 epoch of a surpassed log", &seed);
        let mut fresh_epoch = [0; 16];
        fresh_epoch.copy_from_slice(&hash[..16]);
        self.surpassed_by(by, &unheard, HubOptions { fresh_epoch, now })?;
        Ok(true)
    }

    fn holds_head(&self, head: &TreeHead) -> Result<bool, ReplicaError> {
        let store = self.replica.store();
        let size = tree_of(&**store)?.size();
        Ok(head.size <= size && root_at(&StoredNodes(&**store), head.size)? == head.root)
    }

    /// Does what an administrator or auditor asks about the log. That it is asked the caller has put into
    /// the log.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub(crate) fn answer_log(
        &self,
        request: LogRequest,
        now: Timestamp,
    ) -> Result<LogAnswer, ReplicaError> {
        Ok(match request {
            LogRequest::Page { from } => LogAnswer::Page(self.log_page(from, now)?),
            LogRequest::Proofs { document, after } => {
                LogAnswer::Proofs(self.log_proofs(document, after, now)?)
            }
            LogRequest::Grown { from, to } => LogAnswer::Grown(self.log_growth(from, to)?),
        })
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
                leaves.push(self.proved(index, tree.size())?);
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
