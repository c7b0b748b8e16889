//! What a phone makes of the hub's log: the heads that it keeps, those that it hears of, and doubts.

use std::collections::BTreeMap;

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::facts::{DoubtWord, Fact, HeadName};
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

/// Heads of other phones that wait here for the hub's account of them: each is 230 bytes, and a contact takes
/// 15 of them. One that finds no room is not kept, and none that is kept is given up for it; whoever told it
/// keeps it, and tells it again.
pub(super) const HEARD_MAX: usize = 256;

/// What came of heads that another phone told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Heard {
    /// Two of them show that the hub has two logs.
    pub(super) two_logs: bool,
    /// How many found no room here.
    pub(super) left: usize,
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
        let keys = self.keys_of(hub)?;
        let last = self.replica().last_head()?.filter(|row| keys.contains(&row.hub));
        let mut heads: Vec<TreeHead> = last.iter().map(|row| row.last).collect();
        heads.extend(self.heads_heard(&keys)?);
        heads.truncate(HEADS_NAMED_MAX);
        Ok(heads)
    }

    /// Returns the heads that other phones were shown and this hub has yet to account for.
    fn heads_heard(&self, keys: &[DeviceId]) -> Result<Vec<TreeHead>, StoreError> {
        let mut heads = Vec::new();
        each_row(&**self.replica().store(), &[HEARD], None, |key, value| {
            let row: HeardRow = rows::decode(key, value)?;
            heads.extend(Some(row.head).filter(|_| keys.contains(&row.hub)));
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
    /// accounts for them, a doubt where it does not. A disk without room keeps nothing, and what is kept
    /// already goes on to be demanded.
    pub(super) fn judge_log(
        &self,
        hub: DeviceId,
        named: &[TreeHead],
        shown: &Shown,
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let (heads, keys) = (self.replica().heads()?, self.keys_of(hub)?);
        let last = named.first().map(|head| head.epoch);
        let of_hub = heads.iter().filter(|row| keys.contains(&row.hub)).map(|row| row.last.epoch);
        let earlier: Vec<_> = of_hub.filter(|epoch| Some(*epoch) != last).collect();
        let head = shown.head;
        let doubt = |kept, reason| Doubt { kept, shown: head, reason, peer: None };
        let lost = match judge(named, &earlier, shown, &keys) {
            Judgement::Forked { reason, kept } => {
                let doubt = doubt(kept, reason);
                self.keep(&[found(doubt, now)])?;
                return Err(forked(&doubt));
            }
            Judgement::Restored { lost } => self.untold(lost, head.epoch)?,
            Judgement::Continues => Vec::new(),
        };
        let told = lost.into_iter().map(|kept| found(doubt(kept, DoubtReason::Restored), now));
        let mut facts: Vec<Fact> = told.collect();
        let kept = self.replica().last_head()?.map(|row| row.last);
        // The time of the head is when the lease began.
        let fresh = |kept: &TreeHead| head.at.0 < kept.at.0.saturating_add(RENEWED_AFTER_MS);
        if !kept.is_some_and(|kept| kept.agrees(&head) && fresh(&kept)) {
            facts.push(Fact::Witnessed { hub, head, heard: None, at: now });
        }
        let heard = named.iter().filter(|head| !kept.is_some_and(|kept| kept.agrees(head)));
        let heads: Vec<HeadName> = heard.map(HeadName::from).collect();
        if !heads.is_empty() {
            facts.push(Fact::Accounted { heads, at: now });
        }
        self.keep(&facts)
    }

    /// Leaves one of the lost heads of each life, and none of a life of which people were told already
    /// that this life of the hub's store does not hold it whole.
    fn untold(&self, lost: Vec<TreeHead>, life: [u8; 16]) -> Result<Vec<TreeHead>, StoreError> {
        let mut untold = BTreeMap::new();
        for head in lost {
            let told = rows::get(&**self.replica().store(), &rows::told_lost(head.epoch))?;
            if told != Some(life) {
                untold.entry(head.epoch).or_insert(head);
            }
        }
        Ok(untold.into_values().collect())
    }

    /// Takes heads that another phone was shown. Those that this phone cannot compare itself the hub must
    /// account for at the next contacts.
    pub(super) fn hear_heads(
        &self,
        peer: DeviceId,
        heads: &[TreeHead],
        now: Timestamp,
    ) -> Result<Heard, ReplicaError> {
        let mut heard = Heard::default();
        let Some(HeadRow { hub, last, .. }) = self.replica().last_head()? else { return Ok(heard) };
        let keys = self.keys_of(hub)?;
        let mut known = self.heads_heard(&keys)?;
        let mut room = HEARD_MAX.saturating_sub(known.len());
        let kept = self.replica().heads()?.into_iter().filter(|row| keys.contains(&row.hub));
        known.extend(kept.flat_map(|row| [row.first, row.last]));
        let mut facts = Vec::new();
        for head in heads.iter().take(HEADS_NAMED_MAX) {
            if !head.is_by(&keys) || known.iter().any(|known| known.agrees(head)) {
                continue;
            }
            let same = |known: &&TreeHead| (known.epoch, known.size) == (head.epoch, head.size);
            let same = known.iter().find(same).copied();
            match same {
                Some(kept) if !self.is_over(head, &last)? => {
                    let reason = DoubtReason::TwoLogs;
                    let doubt = Doubt { kept, shown: *head, reason, peer: Some(peer) };
                    heard.two_logs = true;
                    if self.replica().stopping_doubt()?.is_none() {
                        facts.push(found(doubt, now));
                    }
                }
                _ if room == 0 => heard.left += 1,
                _ => {
                    room -= 1;
                    let heard = Some(peer);
                    facts.push(Fact::Witnessed { hub, head: *head, heard, at: now });
                }
            }
            known.push(*head);
        }
        self.keep(&facts)?;
        Ok(heard)
    }

    /// Returns whether a head is of a life of the hub's store that ended before the one that was met last.
    /// A hub that was set back to a copy without noticing has signed two heads of one size in such a life,
    /// and is no liar: it must account for both in its present one.
    fn is_over(&self, head: &TreeHead, last: &TreeHead) -> Result<bool, StoreError> {
        if head.epoch == last.epoch {
            return Ok(false);
        }
        let store = self.replica().store();
        let met = store.get(&rows::key(HEAD, &[&head.epoch]))?.is_some();
        Ok(met || store.get(&rows::told_lost(head.epoch))?.is_some())
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
