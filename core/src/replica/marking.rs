//! The hub's word on merged and backed up: what it signs, what a phone makes of it for its own edits, and
//! when a phone asks for it.

use super::ReplicaError;
use super::documents::Replica;
use super::facts::Fact;
use super::hub::Hub;
use super::phone::Phone;
use super::rows::{self, AWAITED, BackedRow, MARKING, meta};
use crate::model::{DeviceId, Timestamp};
use crate::store::StoreError;
use crate::sync::{BackupFault, BackupStatus, FeedPosition};
use crate::trust::HubMark;

/// What a hub keeps in memory of its second disk and of its last mark.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The last one signed: as long as nothing changes it is everybody's.
    last: Option<HubMark>,
    /// There is a second disk.
    backs_up: bool,
    /// Why the second disk does not hold what is new, and since when; nothing while it does.
    failed: Option<(Timestamp, BackupFault)>,
}

impl Hub {
    /// Returns the hub's signed word on how far its feed is merged and backed up. One signature serves every
    /// device until something changes.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn mark(&self, now: Timestamp) -> Result<HubMark, ReplicaError> {
        let FeedPosition { epoch, number, chain } = self.head()?;
        let backed = self.replica().backed()?.filter(|row| row.epoch == epoch);
        let (backed, at) = backed.map_or((0, Timestamp(0)), |row| (row.number, row.at));
        let mut marks = self.marks.lock().map_err(|_| ReplicaError::Interrupted)?;
        let backed = (marks.backs_up, backed, at);
        let mark = HubMark::sign(&self.key, (epoch, number, chain), backed, now);
        match marks.last.filter(|last| last.agrees(&mark)) {
            Some(last) => Ok(last),
            None => {
                marks.last = Some(mark);
                Ok(mark)
            }
        }
    }

    /// Says that this hub has a second disk: phones then ask until what they wrote is there.
    pub fn expect_backup(&self) {
        if let Ok(mut marks) = self.marks.lock() {
            marks.backs_up = true;
        }
    }

    /// Returns up to where the feed is to be copied to the second disk; nothing where that holds it. All
    /// that it covers is in the journal's files when this returns.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn to_back_up(&self) -> Result<Option<FeedPosition>, ReplicaError> {
        let head = self.head()?;
        let held = self.replica().backed()?;
        let held = held.is_some_and(|row| row.epoch == head.epoch && row.number >= head.number);
        Ok((!held && head.number > 0).then_some(head))
    }

    /// Records that the second disk holds the feed up to a place, synced and read back.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded; nothing is claimed then.
    pub fn backed_up(&self, upto: FeedPosition, now: Timestamp) -> Result<(), ReplicaError> {
        self.record(Fact::BackedUp { epoch: upto.epoch, number: upto.number, at: now })?;
        self.marks.lock().map_err(|_| ReplicaError::Interrupted)?.failed = None;
        Ok(())
    }

    /// Notes that the second disk does not hold what is new, for `admin status`.
    pub fn note_backup_failed(&self, fault: BackupFault, now: Timestamp) {
        if let Ok(mut marks) = self.marks.lock() {
            let since = marks.failed.as_ref().map_or(now, |(since, _)| *since);
            marks.failed = Some((since, fault));
        }
    }

    /// Notes that the second disk holds all that it is to hold.
    pub fn note_backup_works(&self) {
        if let Ok(mut marks) = self.marks.lock() {
            marks.failed = None;
        }
    }

    /// Returns how the second disk is.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn backup_status(&self) -> Result<BackupStatus, ReplicaError> {
        let head = self.head()?;
        let row = self.replica().backed()?.filter(|row| row.epoch == head.epoch);
        let failed = self.marks.lock().map_err(|_| ReplicaError::Interrupted)?.failed.clone();
        Ok(BackupStatus {
            number: row.map_or(0, |row| row.number),
            at: row.map(|row| row.at),
            failed,
        })
    }

    /// Returns whether the hub ever said that something is on a second disk, in this life of its store or in one
    /// before it was put back, as far as its records tell.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn has_backed_up(&self) -> Result<bool, ReplicaError> {
        Ok(self.replica().backed()?.is_some())
    }
}

impl Replica {
    fn backed(&self) -> Result<Option<BackedRow>, StoreError> {
        rows::get(&**self.store(), &rows::single(meta::BACKED))
    }
}

impl Phone {
    /// Returns whether the hub's word is missing on something that it merged, or that it may have backed up.
    pub(super) fn awaits_mark(&self) -> Result<bool, StoreError> {
        let store = self.replica().store();
        if !store.scan(&[MARKING], None, 1)?.is_empty() {
            return Ok(true);
        }
        let last: Option<HubMark> = rows::get(&**store, &rows::single(meta::MARK))?;
        let backs_up = last.is_some_and(|mark| mark.backs_up);
        Ok(backs_up && !store.scan(&[AWAITED], None, 1)?.is_empty())
    }

    /// Keeps a mark, if the hub that this device pins signed it and it says something new. What no hub
    /// signed is dropped.
    pub(super) fn marked(&self, mark: &HubMark, epoch: [u8; 16]) -> Result<(), ReplicaError> {
        let keys: Option<Vec<DeviceId>> =
            rows::get(&**self.replica().store(), &rows::single(meta::HUB_KEYS))?;
        let signed = keys.unwrap_or_default().into_iter().any(|key| mark.verify(key).is_ok());
        let last: Option<HubMark> =
            rows::get(&**self.replica().store(), &rows::single(meta::MARK))?;
        let fresh = !self.replica().store().scan(&[MARKING], None, 1)?.is_empty();
        if !signed || mark.epoch != epoch || (!fresh && last.is_some_and(|last| last.agrees(mark)))
        {
            return Ok(());
        }
        match self.record(Fact::HubMarked { mark: *mark }) {
            // It is asked for once more then.
            Err(ReplicaError::Store(StoreError::Full { .. })) => Ok(()),
            noted => noted.map(drop),
        }
    }
}
