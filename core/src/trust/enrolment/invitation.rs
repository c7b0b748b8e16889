//! What the hub keeps of an invitation, and what becomes of a claim.

use serde::{Deserialize, Serialize};

use super::{CLAIM_KEPT_MS, Claim, EnrolRefusal, INVITATION_MS, InvitationId};
use crate::model::{DeviceId, Scope, Timestamp};
use crate::trust::{DeviceKey, Signature, TrustError, verify};

/// What every signed invitation starts with.
const TAG: &[u8] = b"bienban 2026-11 invitation\0";

/// An administrator's ask to let one phone claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The administrator's device.
    pub by: DeviceId,
    /// The hub.
    pub hub: DeviceId,
    /// The hash of the code.
    pub id: InvitationId,
    /// The unit in whose log the certificate will stand; the inviting device must be able to enter one.
    pub scope: Scope,
    /// When, by the administrator's clock: a claim.
    pub at: Timestamp,
}

/// An invitation with its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedInvitation {
    /// What is signed.
    pub invitation: Invitation,
    /// By `invitation.by`.
    pub signature: Signature,
}

impl Invitation {
    /// Signs it with the administrator's key.
    #[must_use]
    pub fn sign(self, key: &DeviceKey) -> SignedInvitation {
        let signature = key.sign(&self.statement());
        SignedInvitation { invitation: self, signature }
    }

    /// The bytes signed: tag, both keys, id, time as 8 bytes little-endian, unit.
    fn statement(&self) -> Vec<u8> {
        let at = self.at.0.to_le_bytes();
        [TAG, &self.by.0, &self.hub.0, &self.id.0, &at, self.scope.as_str().as_bytes()].concat()
    }
}

impl SignedInvitation {
    /// Checks that the device signed it.
    ///
    /// # Errors
    ///
    /// Returns [`TrustError`] when it did not.
    pub fn verify(&self) -> Result<(), TrustError> {
        let Invitation { by, .. } = self.invitation;
        verify(by, &self.invitation.statement(), &self.signature, "invitation")
    }
}

/// What is to be done with a claim that is not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Keep it: it is the first.
    Keep,
    /// It is kept already.
    Kept,
}

/// An invitation as the hub keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenInvitation {
    /// Who invited, where.
    pub signed: SignedInvitation,
    /// When it came, by the hub's clock.
    pub at: Timestamp,
    /// The one claim.
    pub claim: Option<Claim>,
    /// The administrator turned it down.
    pub denied: bool,
}

impl OpenInvitation {
    /// Returns until when a phone may claim it, or its claim be confirmed, by the hub's clock.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        let lasts = if self.claim.is_some() { CLAIM_KEPT_MS } else { INVITATION_MS };
        Timestamp(self.at.0.saturating_add(lasts))
    }

    /// Returns whether it still says something at a time. A clock that went back before the invitation
    /// does not make it last.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        !self.denied && now < self.until() && now.0 >= self.at.0.saturating_sub(INVITATION_MS)
    }

    /// Decides what becomes of a claim: one phone takes it up, once, in time.
    ///
    /// # Errors
    ///
    /// Returns why it is refused.
    pub fn judge(&self, claim: &Claim, now: Timestamp) -> Result<Step, EnrolRefusal> {
        if claim.invitation != self.signed.invitation.id {
            return Err(EnrolRefusal::Unknown);
        }
        if !claim.is_well_formed() {
            return Err(EnrolRefusal::Malformed);
        }
        if self.denied {
            return Err(EnrolRefusal::Denied);
        }
        match &self.claim {
            Some(held) if held != claim => Err(EnrolRefusal::Taken),
            _ if !self.is_open(now) => Err(EnrolRefusal::Expired),
            Some(_) => Ok(Step::Kept),
            None => Ok(Step::Keep),
        }
    }
}
