//! The end of a device's rights, as its own store knows it, and what still keeps it from being wiped.

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::phone::Phone;
use super::rows::{self, ARRIVAL, CARRIED, CarriedRow, EpochRow, HELD, OUTBOX, UNRELEASED, meta};
use crate::model::DeviceId;
use crate::store::StoreError;
use crate::trust::control::Revocation;

impl Replica {
    /// Returns when the rights of a device, or of its holder, were ended for good, as the control log
    /// says.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn ended(&self, device: DeviceId) -> Result<Option<Revocation>, StoreError> {
        let held = self.certified(device)?;
        let person = match &held.certificate {
            Some(certificate) => self.person(certificate.person)?.revoked,
            None => None,
        };
        Ok(held.revoked.or(person))
    }
}

impl Phone {
    /// Returns the end of this device's own rights, proved by decisions that were signed, entered and
    /// signed again by the hub that this device pins.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn ended(&self) -> Result<Option<Revocation>, ReplicaError> {
        Ok(self.replica().ended(self.device())?)
    }

    /// Returns how much is here that the hub has neither signed for nor said to keep aside: own edits
    /// that are not signed yet, those of a line that another took the place of, packs, packs of others,
    /// also those over a quota, and minutes and decisions that it has not entered. What the hub once
    /// signed for counts again where its store lives another life since. While any of it is here this
    /// device is not wiped: nothing typed is lost by a revocation.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn undelivered(&self) -> Result<u64, ReplicaError> {
        let store = &**self.replica().store();
        let mut count = self.forked_documents(false)?.len() as u64;
        count += self.acting()?.iter().filter(|acting| !acting.refused).count() as u64;
        count += self.sealing()?.iter().filter(|(_, row, _)| row.here).count() as u64;
        let all = if self.is_confirmed()? { None } else { Some(ARRIVAL) };
        for table in [UNRELEASED, OUTBOX, HELD].into_iter().chain(all) {
            each_row(store, &[table], None, |_, _| {
                count += 1;
                Ok(())
            })?;
        }
        let epoch: Option<EpochRow> = rows::get(store, &rows::single(meta::EPOCH))?;
        let life = epoch.map(|row| row.epoch);
        each_row(store, &[CARRIED], None, |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
            // This device gets nothing of the feed any more, so a signed word is all that it will hear.
            count += u64::from(row.stored.is_none() || row.stored != life);
            Ok(())
        })?;
        Ok(count)
    }
}
