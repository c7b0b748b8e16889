//! What a phone makes of the hub's log: the heads that it keeps, those that it hears of, and doubts.

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::facts::{DoubtWord, Fact};
use super::phone::Phone;
use super::rows::{self, DOUBT, DoubtRow, HEAD, HEARD, HeadRow, HeardRow, meta};
use crate::model::{DeviceId, Timestamp};
use crate::store::StoreError;
use crate::sync::Role;
use crate::trust::lease::{LEASE, RENEWED_AFTER_MS};
use crate::trust::log::{
    Doubt, DoubtReason, HEADS_NAMED_MAX, Judgement, Release, Shown, TreeHead, judge,
};

/// A doubt, and since when it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownDoubt {
    /// By this machine's clock.
    pub at: Timestamp,
    /// What.
    pub doubt: Doubt,
}

impl Replica {
    /// Returns what does not hold together in the hub's log, the oldest first; what only says that the hub
    /// was set back, until a person has acknowledged it.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn doubts(&self) -> Result<Vec<KnownDoubt>, StoreError> {
        let mut doubts = Vec::new();
        each_row(&**self.store(), &[DOUBT], None, |key, value| {
            let DoubtRow { doubt, at } = rows::decode(key, value)?;
            doubts.push(KnownDoubt { at, doubt });
            Ok(())
        })?;
        Ok(doubts)
    }

    /// Returns the doubt for which nothing is exchanged with the hub, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Replica::doubts`].
    pub fn stopping_doubt(&self) -> Result<Option<KnownDoubt>, StoreError> {
        Ok(self.doubts()?.into_iter().find(|known| known.doubt.reason.stops()))
    }

    /// Returns the heads of the hub's log that are kept here, one row for each life of its store.
    ///
    /// # Errors
    ///
    /// As [`Replica::doubts`].
    pub fn heads(&self) -> Result<Vec<HeadRow>, StoreError> {
        let mut heads = Vec::new();
        each_row(&**self.store(), &[HEAD], None, |key, value| {
            heads.push(rows::decode(key, value)?);
            Ok(())
        })?;
        Ok(heads)
    }

    /// Returns until when this device may exchange with others without having been in touch with its hub;
    /// none where no hub has spoken to it yet.
    ///
    /// # Errors
    ///
    /// As [`Replica::doubts`].
    pub fn lease(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.last_head()?.map(|row| LEASE.until(row.last.at)))
    }

    /// Returns the head that the hub showed here last.
    ///
    /// # Errors
    ///
    /// As [`Replica::doubts`].
    pub fn last_head(&self) -> Result<Option<HeadRow>, StoreError> {
        let epoch: Option<[u8; 16]> = rows::get(&**self.store(), &rows::single(meta::HEAD))?;
        let Some(epoch) = epoch else { return Ok(None) };
        rows::get(&**self.store(), &rows::key(HEAD, &[&epoch]))
    }
}

impl Phone {
    /// Fails while the hub's log is in doubt.
    pub(super) fn expect_one_log(&self) -> Result<(), ReplicaError> {
        match self.replica().stopping_doubt()? {
            Some(KnownDoubt { doubt, .. }) => Err(forked(&doubt)),
            None => Ok(()),
        }
    }

    /// Returns the heads that a hub's log must continue, the own last one first.
    pub(super) fn heads_named(&self, hub: DeviceId) -> Result<Vec<TreeHead>, StoreError> {
        let last = self.replica().last_head()?.filter(|row| row.hub == hub);
        let mut heads: Vec<TreeHead> = last.iter().map(|row| row.last).collect();
        each_row(&**self.replica().store(), &[HEARD], None, |key, value| {
            let row: HeardRow = rows::decode(key, value)?;
            if row.hub == hub && heads.len() < HEADS_NAMED_MAX {
                heads.push(row.head);
            }
            Ok(())
        })?;
        Ok(heads)
    }

    /// Returns the heads that another phone is told.
    pub(super) fn heads_told(&self) -> Result<Vec<TreeHead>, StoreError> {
        match self.replica().last_head()? {
            Some(row) => self.heads_named(row.hub),
            None => Ok(Vec::new()),
        }
    }

    /// Judges what a hub shows of its log in answer to these heads, and keeps it: the head where it
    /// continues them, a doubt where it does not. A disk without room keeps nothing, and what is kept
    /// already goes on to be demanded.
    pub(super) fn judge_log(
        &self,
        hub: DeviceId,
        named: &[TreeHead],
        shown: &Shown,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let heads = self.replica().heads()?;
        let last = named.first().map(|head| head.epoch);
        let of_hub = heads.iter().filter(|row| row.hub == hub).map(|row| row.last.epoch);
        let earlier: Vec<_> = of_hub.filter(|epoch| Some(*epoch) != last).collect();
        let (kept, head) = (self.replica().last_head()?, shown.head);
        // The time of the head is when the lease began.
        let fresh = |row: &HeadRow| head.at.0 < row.last.at.0.saturating_add(RENEWED_AFTER_MS);
        let witnessed = Fact::Witnessed { hub, head, heard: None, at: now };
        let (facts, forked) = match judge(named, &earlier, shown) {
            Judgement::Continues
                if kept.is_some_and(|row| row.last.agrees(&head) && fresh(&row)) =>
            {
                (Vec::new(), None)
            }
            Judgement::Continues => (vec![witnessed], None),
            Judgement::Restored { kept, .. } => {
                let (shown, reason) = (head, DoubtReason::Restored);
                let doubt = Doubt { kept, shown, reason, peer: None };
                (vec![found(doubt, now), witnessed], None)
            }
            Judgement::Forked { reason, kept } => {
                let doubt = Doubt { kept, shown: head, reason, peer: None };
                (vec![found(doubt, now)], Some(doubt))
            }
        };
        self.keep(&facts)?;
        forked.map_or(Ok(()), |doubt| Err(self::forked(&doubt)))
    }

    /// Takes heads that another phone was shown. Those that this phone cannot compare itself the hub must
    /// continue at the next contact. Returns whether one shows that the hub has two logs.
    pub(super) fn hear_heads(
        &self,
        peer: DeviceId,
        heads: &[TreeHead],
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let Some(HeadRow { hub, .. }) = self.replica().last_head()? else { return Ok(false) };
        let mut known = self.heads_named(hub)?;
        for row in self.replica().heads()?.into_iter().filter(|row| row.hub == hub) {
            known.extend([row.first, row.last]);
        }
        let mut facts = Vec::new();
        let mut differs = false;
        for head in heads.iter().take(HEADS_NAMED_MAX) {
            if head.verify(hub).is_err() || known.iter().any(|known| known.agrees(head)) {
                continue;
            }
            let same = |known: &&TreeHead| (known.epoch, known.size) == (head.epoch, head.size);
            if let Some(kept) = known.iter().find(same) {
                let reason = DoubtReason::TwoLogs;
                let doubt = Doubt { kept: *kept, shown: *head, reason, peer: Some(peer) };
                differs = true;
                if self.replica().stopping_doubt()?.is_none() {
                    facts.push(found(doubt, now));
                }
            } else {
                facts.push(Fact::Witnessed { hub, head: *head, heard: Some(peer), at: now });
            }
            known.push(*head);
        }
        self.keep(&facts)?;
        Ok(differs)
    }

    /// Goes on with the hub although its log is in doubt, because an administrator says so. What was kept
    /// of the log stays in this device's journal, and the next head that the hub shows counts as the first.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::NotReleased`] when nothing is in doubt, or the release is not for this
    /// device and doubt, or not by an administrator's device that is known here.
    pub fn release_log(&self, release: &Release, now: Timestamp) -> Result<(), ReplicaError> {
        let Some(KnownDoubt { doubt, .. }) = self.replica().stopping_doubt()? else {
            return Err(ReplicaError::NotReleased { reason: "the hub's log is not in doubt here" });
        };
        if release.verify(self.device(), doubt.id()).is_err() {
            let reason = "the release is not for this device and this doubt";
            return Err(ReplicaError::NotReleased { reason });
        }
        let admin = self.replica().device(release.by)?;
        if !admin.is_some_and(|entry| entry.active && entry.is(Role::Admin)) {
            let reason = "the device that released it is no administrator's that is known here";
            return Err(ReplicaError::NotReleased { reason });
        }
        self.commit_facts(&[Fact::Doubted { word: DoubtWord::Released(*release), at: now }])
    }

    /// Signs, as an administrator's device, that another device may go on although it doubts the hub's log.
    #[must_use]
    pub fn sign_release(&self, device: DeviceId, doubt: [u8; 32]) -> Release {
        Release::sign(self.key(), device, doubt)
    }

    fn keep(&self, facts: &[Fact]) -> Result<(), ReplicaError> {
        if facts.is_empty() {
            return Ok(());
        }
        match self.commit_facts(facts) {
            Err(ReplicaError::Store(StoreError::Full { .. })) => Ok(()),
            kept => kept,
        }
    }

    fn commit_facts(&self, facts: &[Fact]) -> Result<(), ReplicaError> {
        let records = facts.iter().map(Fact::record).collect::<Result<_, _>>()?;
        self.replica().store().commit(records)?;
        Ok(())
    }
}

fn found(doubt: Doubt, at: Timestamp) -> Fact {
    Fact::Doubted { word: DoubtWord::Found(doubt), at }
}

fn forked(doubt: &Doubt) -> ReplicaError {
    ReplicaError::LogForked { reason: doubt.reason, doubt: hex::encode(doubt.id()) }
}
