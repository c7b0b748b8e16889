//! The end of a device's rights, as its own store knows it, and what still keeps it from being wiped.

use std::sync::atomic::Ordering;

use super::ReplicaError;
use super::documents::{Replica, each_row};
use super::phone::Phone;
use super::rows::{
    self, ARRIVAL, CARRIED, CarriedRow, EpochRow, HELD, OUTBOX, SEAL_REFUSED, SEALING, SealingRow,
    UNRELEASED, meta,
};
use crate::model::DeviceId;
use crate::store::StoreError;
use crate::trust::control::Revocation;

/// What ended the rights of a device for good; nothing where neither was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The end of the device alone.
    pub device: Option<Revocation>,
    /// The end of its holder, with all that the holder has.
    pub person: Option<Revocation>,
}

impl Replica {
    /// Returns what ended the rights of a device for good, as the control log says.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn ends(&self, device: DeviceId) -> Result<Ends, StoreError> {
        let held = self.certified(device)?;
        let person = match &held.certificate {
            Some(certificate) => self.person(certificate.person)?.revoked,
            None => None,
        };
        Ok(Ends { device: held.revoked, person })
    }

    /// Returns when the rights of a device, or of its holder, were ended for good, as [`Replica::ends`]: its own
    /// end where both were.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn ended(&self, device: DeviceId) -> Result<Option<Revocation>, StoreError> {
        let Ends { device, person } = self.ends(device)?;
        Ok(device.or(person))
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

    /// Destroys what opens this store, if nothing is here that the hub has not; returns how much is.
    ///
    /// No edit is under way while it is looked at and destroyed, and none is taken afterwards, whatever
    /// `destroy` came to: it may have destroyed a part, and what is typed must not seem kept.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails, and what `destroy` returns.
    pub fn part_for_good<E: From<ReplicaError>>(
        &self,
        destroy: impl FnOnce() -> Result<(), E>,
    ) -> Result<u64, E> {
        let _editing = self.editing().lock()?;
        let left = self.undelivered()?;
        if left == 0 {
            self.parted.store(true, Ordering::Release);
            destroy()?;
        }
        Ok(left)
    }

    /// Fails where what would be recorded could never be read again.
    pub(super) fn expect_to_last(&self) -> Result<(), ReplicaError> {
        if self.parted.load(Ordering::Acquire) { Err(ReplicaError::Parted) } else { Ok(()) }
    }

    /// Returns how much is here that the hub has neither signed for nor said to keep aside: own edits
    /// that are not signed yet, those of a line that another took the place of, packs, packs of others,
    /// also those over a quota, and minutes and decisions that it has not entered: those that it refused
    /// too, which may be for rights that were withdrawn a moment before, until they are given up. What the hub once
    /// signed for counts again where its store lives another life since. While any of it is here this
    /// device is not wiped: nothing typed is lost by a revocation.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn undelivered(&self) -> Result<u64, ReplicaError> {
        let store = &**self.replica().store();
        let mut count = self.forked_documents(false)?.len() as u64 + self.unentered()?;
        let life = self.hub_life()?;
        let all = if self.is_confirmed()? { None } else { Some(ARRIVAL) };
        for table in [UNRELEASED, OUTBOX, HELD].into_iter().chain(all) {
            each_row(store, &[table], None, |_, _| {
                count += 1;
                Ok(())
            })?;
        }
        each_row(store, &[CARRIED], None, |key, value| {
            let row: CarriedRow = rows::decode(key, value)?;
            // This device gets nothing of the feed any more, so a signed word is all that it will hear.
            count += u64::from(row.stored.is_none() || row.stored != life);
            Ok(())
        })?;
        Ok(count)
    }
}

impl Phone {
    /// Returns how many of those things are minutes and decisions. Once the rights of this device have ended no
    /// exchange brings them any more: a person gives them up.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn unentered(&self) -> Result<u64, ReplicaError> {
        let mut count = self.acting()?.len() as u64;
        let life = self.hub_life()?;
        for table in [SEALING, SEAL_REFUSED] {
            each_row(&**self.replica().store(), &[table], None, |key, value| {
                let row: SealingRow = rows::decode(key, value)?;
                // Minutes that the hub keeps are delivered, whether or not it comes to register them.
                count += u64::from(row.here && row.given_up.is_none() && !row.is_kept(life));
                Ok(())
            })?;
        }
        Ok(count)
    }

    /// Returns the life of the hub's store that this device met last.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn hub_life(&self) -> Result<Option<[u8; 16]>, StoreError> {
        let epoch: Option<EpochRow> =
            rows::get(&**self.replica().store(), &rows::single(meta::EPOCH))?;
        Ok(epoch.map(|row| row.epoch))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;

    use super::*;
    use crate::model::{NoteEdit, Timestamp};
    use crate::replica::meeting::{hub, side, sync, visit};

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    #[test]
    fn an_edit_that_comes_while_the_keys_are_destroyed_is_refused_and_not_lost() {
        let (hub, one, genesis) = (hub(&[1]), side(1), visit("06325", 1));
        sync(&one, &hub);
        let (phone, recorded) = (&one.phone, Mutex::new(None));
        let before = phone.replica().store().position();
        thread::scope(|scope| {
            let destroy = || -> Result<(), ReplicaError> {
                scope.spawn(|| {
                    let edit = phone.edit(&genesis, NOW, |editor| {
                        editor.note("1.1", NoteEdit::Append("late".to_owned()))
                    });
                    *recorded.lock().unwrap() = Some(edit.map(drop));
                });
                while phone.editing().waiting() == 0 {
                    thread::yield_now();
                }
                Ok(())
            };
            assert_eq!(phone.part_for_good(destroy).unwrap(), 0);
        });
        let recorded = recorded.into_inner().unwrap().unwrap();
        assert!(matches!(recorded, Err(ReplicaError::Parted)), "{recorded:?}");
        assert_eq!(phone.replica().store().position(), before, "nothing was recorded");
    }

    #[test]
    fn an_edit_that_came_before_keeps_the_keys() {
        let (hub, one, genesis) = (hub(&[1]), side(1), visit("06325", 1));
        sync(&one, &hub);
        one.answer(&genesis, "1.1", "typed");
        let destroy = || -> Result<(), ReplicaError> { panic!("something is only here") };
        assert_eq!(one.phone.part_for_good(destroy).unwrap(), 1);
        one.answer(&genesis, "1.2", "and it goes on");
        assert_eq!(one.phone.undelivered().unwrap(), 2, "both wait to be signed");
    }
}
