//! What an administrator asks of invitations.

use super::{HubRunner, refused};
use crate::model::Timestamp;
use crate::replica::ReplicaError;
use crate::replica::hub::InviteError;
use crate::sync::{AdminAnswer, AdminRequest, FailureCode};

impl HubRunner {
    /// Opens an invitation, shows its claim, or turns it down.
    pub(super) fn enrol(
        &mut self,
        request: AdminRequest,
        now: Timestamp,
    ) -> Result<AdminAnswer, ReplicaError> {
        let by = self.entry.device;
        match request {
            AdminRequest::Invite(signed) => match self.hub.invite(signed, by, now) {
                Ok(until) => Ok(AdminAnswer::Invited { until }),
                Err(InviteError::Replica(error)) => Err(error),
                Err(error @ InviteError::TooMany) => {
                    Ok(refused(FailureCode::Busy, &error.to_string()))
                }
                Err(error) => Ok(refused(FailureCode::NotAllowed, &error.to_string())),
            },
            AdminRequest::Claimed(id) => Ok(AdminAnswer::Claimed(self.hub.claim_of(id, by, now)?)),
            AdminRequest::Deny(id) => {
                // Who waits for a word is told.
                self.announced |= self.hub.deny(id, by, now)?;
                Ok(AdminAnswer::Done)
            }
            _ => Ok(refused(FailureCode::Misbehaved, "this concerns no invitation")),
        }
    }
}
