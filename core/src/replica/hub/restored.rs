//! A hub that was set back to a copy.

use std::sync::atomic::Ordering;

use super::{Hub, HubOptions};
use crate::model::{DeviceId, Incarnation, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::facts::{Fact, Renewal, Trouble};
use crate::replica::rows::{self, meta};
use crate::store::StoreError;
use crate::sync::FeedPosition;
use crate::trust::log::{LogEntry, TreeHead};

impl Hub {
    /// Takes a new epoch because a person says that this store was set back to a copy. A whole disk that
    /// went back does not show it.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn restored(&self, options: HubOptions) -> Result<(), ReplicaError> {
        let lost = self.replica.store().opened().lost.len() as u64;
        self.renew(options, Renewal::Restored, lost, true)
    }

    /// Takes a new epoch where phones must give back what is lost here, and where the log is not the one
    /// that an earlier program signed.
    pub(super) fn renew_if_lost(&self, options: HubOptions) -> Result<(), ReplicaError> {
        if let Some(lost) = self.replica.disturbed()? {
            let moved = self.replica.store().opened().moved;
            self.renew(options, Renewal::Moved, lost, moved)?;
        }
        let (store, other) = (self.replica.store(), rows::single(meta::OTHER_LOG));
        if rows::get::<()>(&**store, &other)?.is_some() {
            let lost = store.opened().lost.len() as u64;
            self.renew(options, Renewal::Restored, lost, false)?;
        }
        self.replica.note_trouble(false, options.now)
    }

    /// Takes a new epoch where a device followed the feed of this one to a place that this hub never
    /// had: it was set back to a copy, and nothing about its files showed it. Returns whether it did; all
    /// devices must come again then, because others may hold the hub's word for what it has lost and not
    /// know it. Once for each opening: a device that lies about its place must not make all compare again
    /// and again. A hub without room goes on as it was, and gives what it holds.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub(crate) fn heed_position(
        &self,
        position: &FeedPosition,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let head = self.head()?;
        if position.epoch != head.epoch || self.knows(position)? {
            return Ok(false);
        }
        if self.surpassed.swap(true, Ordering::AcqRel) {
            return Ok(false);
        }
        // No other life of this hub comes to the same: it would have to be surpassed at the same head, by
        // the same position, in the same millisecond.
        let mut seed = Vec::new();
        for place in [&head, position] {
            seed.extend_from_slice(&place.epoch);
            seed.extend_from_slice(&place.number.to_le_bytes());
            seed.extend_from_slice(&place.chain);
        }
        seed.extend_from_slice(&now.0.to_le_bytes());
        let hash = blake3::derive_key("bienban 2026-11 epoch of a surpassed hub", &seed);
        let mut fresh_epoch = [0; 16];
        fresh_epoch.copy_from_slice(&hash[..16]);
        // Which device it was is not known here.
        let renewed = self.surpassed_by(self.device(), &[], HubOptions { fresh_epoch, now });
        if renewed.is_err() {
            self.surpassed.store(false, Ordering::Release);
        }
        match renewed {
            Err(ReplicaError::Store(StoreError::Full { .. })) => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Takes a new epoch because a device knows more of this hub than it does itself. How far the log is
    /// whole is not known then.
    pub(super) fn surpassed_by(
        &self,
        by: DeviceId,
        heads: &[TreeHead],
        options: HubOptions,
    ) -> Result<(), ReplicaError> {
        let named = |head: &TreeHead| LogEntry::Surpassed { by, head: Some(*head) };
        let mut entries: Vec<LogEntry> = heads.iter().map(named).collect();
        if entries.is_empty() {
            entries.push(LogEntry::Surpassed { by, head: None });
        }
        let (incarnation, at) = (Incarnation(options.fresh_epoch), options.now);
        let (why, lost) = (Renewal::Restored, self.replica.store().opened().lost.len() as u64);
        let facts = [
            Fact::Audited { entries, at },
            Fact::Incarnated { incarnation, why, lost, at },
            Fact::Troubled { trouble: Trouble::default(), at },
        ];
        let records = facts.iter().map(Fact::record).collect::<Result<_, _>>()?;
        self.replica.store().commit(records)?;
        Ok(())
    }

    /// Records the new epoch, and with it that the hub was set back, which is told until a person has
    /// seen it: what rights were changed since the copy no phone gives back.
    fn renew(
        &self,
        options: HubOptions,
        why: Renewal,
        lost: u64,
        set_back: bool,
    ) -> Result<(), ReplicaError> {
        let (incarnation, at) = (Incarnation(options.fresh_epoch), options.now);
        let mut renewal = vec![Fact::Incarnated { incarnation, why, lost, at }];
        if set_back {
            renewal.push(Fact::Troubled { trouble: Trouble::default(), at });
        }
        self.replica.record_renewal(&renewal, at)
    }
}
