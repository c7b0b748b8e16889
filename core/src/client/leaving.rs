//! What a device does once it learns that its rights were ended: it brings what it holds, and then
//! destroys its keys. Nothing less than decisions that it verified itself makes it do so
//! ([why](../../../docs/adr/0029-lost-phones.md)).

use super::{Client, ClientError};
use crate::driver::{DriverError, SyncOptions, SyncReport};
use crate::sync::FailureCode;

/// What the end of a device's rights came to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It has its rights, as far as it knows.
    Stays,
    /// Its rights were ended, and so much is still only here: it keeps its keys until that is delivered.
    Holds(u64),
    /// Its rights were ended, all of it is at the hub, and its keys are destroyed.
    Wiped,
}

impl Client {
    /// Does what the end of this device's rights asks for, if its store proves it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when reading fails, and [`ClientError::File`] when the keys could
    /// not be destroyed; the next exchange tries again.
    pub fn leave_if_ended(&self) -> Result<Leave, ClientError> {
        if self.phone.ended()?.is_none() {
            return Ok(Leave::Stays);
        }
        // An edit that another thread makes meanwhile is before the look, and counts, or is refused.
        match self.phone.part_for_good(|| self.wipe())? {
            0 => Ok(Leave::Wiped),
            left => Ok(Leave::Holds(left)),
        }
    }

    /// Returns the error that tells how much is still only here, and how much of it has to be given up.
    pub(super) fn rights_ended(&self, left: u64) -> ClientError {
        match self.phone.unentered() {
            Ok(unentered) => ClientError::RightsEnded { left, unentered: unentered.min(left) },
            Err(error) => error.into(),
        }
    }

    /// Exchanges once more where the hub ended an exchange because the rights of this device ended: only
    /// the next one shows the proof, and takes what is left. A hub that was set back may end one although the
    /// proof is here already.
    pub(super) async fn leave_or(
        &self,
        outcome: Result<SyncReport, ClientError>,
    ) -> Result<SyncReport, ClientError> {
        let outcome = match outcome {
            Err(error)
                if was_told(&error)
                    && (self.phone.ended()?.is_none()
                        || self.phone.undelivered()? > self.phone.unentered()?) =>
            {
                self.exchange(SyncOptions::default()).await
            }
            outcome => outcome,
        };
        match self.leave_if_ended()? {
            Leave::Stays => outcome,
            Leave::Holds(left) => Err(self.rights_ended(left)),
            Leave::Wiped => Err(ClientError::Wiped),
        }
    }
}

/// Whether the hub said in an exchange that the rights of this device have ended.
fn was_told(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Driver(DriverError::Refused { failure })
            if failure.code == FailureCode::NotAllowed
    )
}
