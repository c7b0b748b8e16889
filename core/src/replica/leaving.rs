//! The end of a device's rights, as its own store knows it, and what still keeps it from being wiped.

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::phone::Phone;
use super::rows::{ARRIVAL, OUTBOX, UNRELEASED};
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

    /// Returns how much is here that the hub has neither signed for nor said to keep aside: own lines
    /// that are not signed yet, packs, and packs of others. What the hub once signed for counts again
    /// where its store lives another life since.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn undelivered(&self) -> Result<u64, ReplicaError> {
        let mut count = u64::from(self.carries()?);
        let all = if self.is_confirmed()? { None } else { Some(ARRIVAL) };
        for table in [UNRELEASED, OUTBOX].into_iter().chain(all) {
            each_row(&**self.replica().store(), &[table], None, |_, _| {
                count += 1;
                Ok(())
            })?;
        }
        Ok(count)
    }
}
