//! Invitations: what an administrator opens, and what phones that nobody knows claim of it. The hub keeps
//! both and decides nothing: it holds no code, so it can neither make a claim nor change one unseen.

use std::sync::atomic::Ordering;

use super::Hub;
use crate::model::{DeviceId, Timestamp};
use crate::replica::ReplicaError;
use crate::replica::access::covers;
use crate::replica::facts::Fact;
use crate::replica::rows::{self, INVITATION};
use crate::store::StoreError;
use crate::sync::Role;
use crate::trust::enrolment::{
    Claim, EnrolAnswer, EnrolRefusal, INVITATIONS_MAX, INVITATIONS_PER_DEVICE_MAX, InvitationId,
    OpenInvitation, SignedInvitation, Step,
};
use crate::trust::log::Turned;

/// Why an invitation was not opened.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// It is another device's, another hub's, or not signed.
    #[error("the invitation is not by the device that brings it, or not for this hub")]
    NotItsOwn,
    /// Its signer could not enter a certificate there.
    #[error("this device is no administrator of unit {scope}, so it cannot enrol anybody there")]
    NotAllowed {
        /// The unit.
        scope: String,
    },
    /// It was opened before.
    #[error("this invitation was opened before; make a new one")]
    Again,
    /// Too many are open.
    #[error("too many invitations are open; wait until some were used or have ended")]
    TooMany,
    /// It could not be recorded.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
}

impl From<StoreError> for InviteError {
    fn from(error: StoreError) -> Self {
        Self::Replica(error.into())
    }
}

impl Hub {
    /// Returns whether a phone that nobody knows may come now and claim an invitation. Reads memory only.
    #[must_use]
    pub fn awaits_newcomers(&self, now: Timestamp) -> bool {
        now.0 < self.newcomers_until.load(Ordering::Relaxed)
    }

    /// Opens an invitation that an administrator's device has signed, and returns until when it may be
    /// claimed.
    ///
    /// # Errors
    ///
    /// Returns [`InviteError`] when the device may not invite there, or too many are open.
    pub fn invite(
        &self,
        signed: SignedInvitation,
        from: DeviceId,
        now: Timestamp,
    ) -> Result<Timestamp, InviteError> {
        let invitation = &signed.invitation;
        let own = invitation.by == from && invitation.hub == self.device();
        if !own || signed.verify().is_err() {
            return Err(InviteError::NotItsOwn);
        }
        let scope = invitation.scope.clone();
        if !self.may_certify(from, &scope, now)? {
            return Err(InviteError::NotAllowed { scope: scope.to_string() });
        }
        let guard = self.control.lock().map_err(|_| ReplicaError::Interrupted)?;
        let held = self.invitations()?;
        if held.iter().any(|held| held.signed.invitation.id == invitation.id) {
            return Err(InviteError::Again);
        }
        let open = || held.iter().filter(|held| held.is_open(now));
        let of_device = open().filter(|held| held.signed.invitation.by == from).count();
        if open().count() >= INVITATIONS_MAX || of_device >= INVITATIONS_PER_DEVICE_MAX {
            return Err(InviteError::TooMany);
        }
        let opened = OpenInvitation { signed: signed.clone(), at: now, claim: None, denied: false };
        self.record(Fact::Invited { signed, at: now })?;
        self.newcomers_until.fetch_max(opened.until().0, Ordering::Relaxed);
        drop(guard);
        Ok(opened.until())
    }

    /// Takes a claim of a phone whose key TLS has proved. The first in time is kept; everything else is
    /// refused and goes into the log as a stranger.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn claim(
        &self,
        claim: &Claim,
        from: DeviceId,
        now: Timestamp,
    ) -> Result<EnrolAnswer, ReplicaError> {
        if claim.device == from && self.knows_device(from) {
            return Ok(EnrolAnswer::Admitted);
        }
        match self.take_claim(claim, from, now)? {
            Ok(until) => Ok(EnrolAnswer::Waiting { now, until }),
            Err(why) => {
                self.turned_away(Turned::Stranger, from, 1, now)?;
                Ok(EnrolAnswer::Refused(why))
            }
        }
    }

    fn take_claim(
        &self,
        claim: &Claim,
        from: DeviceId,
        now: Timestamp,
    ) -> Result<Result<Timestamp, EnrolRefusal>, ReplicaError> {
        if claim.device != from {
            return Ok(Err(EnrolRefusal::Malformed));
        }
        if self.replica.certified(from)?.revoked.is_some() {
            return Ok(Err(EnrolRefusal::Revoked));
        }
        // Two phones that claim at once are decided one after the other.
        let _guard = self.control.lock().map_err(|_| ReplicaError::Interrupted)?;
        let Some(mut open) = self.invitation(claim.invitation)? else {
            return Ok(Err(EnrolRefusal::Unknown));
        };
        match open.judge(claim, now) {
            Err(why) => return Ok(Err(why)),
            Ok(Step::Kept) => {}
            Ok(Step::Keep) => {
                open.claim = Some(claim.clone());
                self.record(Fact::Claimed { claim: claim.clone(), at: now })?;
            }
        }
        self.newcomers_until.fetch_max(open.until().0, Ordering::Relaxed);
        Ok(Ok(open.until()))
    }

    /// Returns the claim of an invitation to the device that opened it; none while nobody has claimed, or
    /// why nobody can any more.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn claim_of(
        &self,
        id: InvitationId,
        by: DeviceId,
        now: Timestamp,
    ) -> Result<Result<Option<Claim>, EnrolRefusal>, ReplicaError> {
        Ok(match self.invitation(id)?.filter(|open| open.signed.invitation.by == by) {
            None => Err(EnrolRefusal::Unknown),
            Some(open) if open.denied => Err(EnrolRefusal::Denied),
            Some(open) if !open.is_open(now) => Err(EnrolRefusal::Expired),
            Some(open) => Ok(open.claim),
        })
    }

    /// Turns an invitation down, for the device that opened it. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn deny(
        &self,
        id: InvitationId,
        by: DeviceId,
        now: Timestamp,
    ) -> Result<bool, ReplicaError> {
        let _guard = self.control.lock().map_err(|_| ReplicaError::Interrupted)?;
        let Some(open) = self.invitation(id)?.filter(|open| open.signed.invitation.by == by) else {
            return Ok(false);
        };
        if !open.denied {
            self.record(Fact::Denied { invitation: id, at: now })?;
            self.recall_invitations()?;
        }
        Ok(true)
    }

    /// Returns why an invitation is not open any more, for a phone that waits.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn refusal_of(
        &self,
        id: InvitationId,
        now: Timestamp,
    ) -> Result<Option<EnrolRefusal>, ReplicaError> {
        Ok(match self.invitation(id)? {
            None => Some(EnrolRefusal::Unknown),
            Some(open) if open.denied => Some(EnrolRefusal::Denied),
            Some(open) if !open.is_open(now) => Some(EnrolRefusal::Expired),
            Some(_) => None,
        })
    }

    /// Learns from the rows until when newcomers are awaited: of an invitation that was turned down, or
    /// whose phone is known by now, nobody is. Called at the start and while the control log is locked.
    pub(super) fn recall_invitations(&self) -> Result<(), ReplicaError> {
        let awaited = |open: &OpenInvitation| {
            let known = open.claim.as_ref().is_some_and(|claim| self.knows_device(claim.device));
            !open.denied && !known
        };
        let open = self.invitations()?.into_iter().filter(awaited);
        let until = open.map(|open| open.until().0).max().unwrap_or(i64::MIN);
        self.newcomers_until.store(until, Ordering::Relaxed);
        Ok(())
    }

    /// Returns whether a device could enter a certificate into the log of a unit.
    fn may_certify(
        &self,
        device: DeviceId,
        scope: &crate::model::Scope,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let entry = self.replica.device(device)?.map(|entry| entry.in_force(now));
        Ok(entry.is_some_and(|entry| {
            let decides = |grant: &crate::trust::Grant| {
                grant.role == Role::Admin && covers(&grant.scope, scope)
            };
            entry.active && entry.grants.iter().any(decides)
        }))
    }

    fn invitation(&self, id: InvitationId) -> Result<Option<OpenInvitation>, StoreError> {
        rows::get(&**self.replica.store(), &rows::of_invitation(id))
    }

    fn invitations(&self) -> Result<Vec<OpenInvitation>, StoreError> {
        let held = self.replica.store().scan(&[INVITATION], None, usize::MAX)?;
        held.iter().map(|(key, value)| rows::decode(key, value)).collect()
    }
}
