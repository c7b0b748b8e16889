//! The hub in an exchange in which sealed minutes are presented.

use super::{HubRunner, refused};
use crate::model::Timestamp;
use crate::replica::ReplicaError;
use crate::replica::hub::sealing::Presented;
use crate::sync::{AdminAnswer, Failure, FailureCode};

/// When a phone may present a seal again where too many wait.
const SEAL_RETRY_MS: u64 = 60_000;

impl HubRunner {
    /// Tells a device that may only leave whether this hub keeps a seal of its. One that it let go of, because the
    /// right to seal was withdrawn before the leader's rights were ended, is only at the device then.
    pub(super) fn look_for_seal(&self, act: &[u8]) -> Result<AdminAnswer, ReplicaError> {
        let kept = match self.hub.keeps_seal(act) {
            // Of what cannot be read nothing is said either.
            Err(ReplicaError::Control { .. }) => true,
            kept => kept?,
        };
        Ok(match kept {
            true => refused(FailureCode::Busy, "the rights of this device have ended"),
            false => refused(FailureCode::Changed, "this hub does not keep the seal"),
        })
    }

    /// Keeps a seal for the worker that holds it against its record. To ask after one that is kept already costs
    /// nothing: phones do so until it has its number, and give all that they hold back to a restored hub.
    pub(super) fn take_seal(
        &mut self,
        act: &[u8],
        seal: &[u8],
        now: Timestamp,
    ) -> Result<AdminAnswer, ReplicaError> {
        if !self.hub.has_kept(act)?
            && let Some(wait) = self.pace_of(1, now)?
        {
            return Ok(wait);
        }
        match self.hub.present(act, seal, now) {
            Ok(Presented::Kept) => Ok(AdminAnswer::Done),
            Ok(Presented::Refused) => {
                Ok(refused(FailureCode::NotAllowed, "the seal does not hold against its record"))
            }
            Ok(Presented::Unknown) => {
                Ok(refused(FailureCode::Changed, "this hub does not keep the seal; send it whole"))
            }
            Ok(Presented::Busy) => Ok(AdminAnswer::Refused(Failure {
                code: FailureCode::Busy,
                message: "too many seals wait for their records".to_owned(),
                retry_after_ms: Some(SEAL_RETRY_MS),
            })),
            Err(error @ ReplicaError::NotEntered { .. }) => {
                Ok(refused(FailureCode::NotAllowed, &error.to_string()))
            }
            Err(error @ (ReplicaError::Control { .. } | ReplicaError::Seal { .. })) => {
                Ok(refused(FailureCode::Misbehaved, &error.to_string()))
            }
            Err(error) => Err(error),
        }
    }
}
