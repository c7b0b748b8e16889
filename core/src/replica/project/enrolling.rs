//! Invitations in rows.

use super::Step;
use crate::model::Timestamp;
use crate::replica::rows::{self, INVITATION};
use crate::store::StoreError;
use crate::trust::enrolment::{
    CLAIM_KEPT_MS, Claim, InvitationId, OpenInvitation, SignedInvitation,
};

impl Step<'_> {
    /// Hub: opens an invitation; those that ended long ago leave, so that the table stays small.
    pub(super) fn invited(
        &mut self,
        signed: &SignedInvitation,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        for (key, value) in self.index.rows(&[INVITATION])? {
            let held: OpenInvitation = rows::decode(&key, &value)?;
            // Kept for a while: whoever comes too late is told so.
            if held.until().0.saturating_add(CLAIM_KEPT_MS) < at.0 {
                self.index.remove(key);
            }
        }
        let key = rows::of_invitation(signed.invitation.id);
        let open = OpenInvitation { signed: signed.clone(), at, claim: None, denied: false };
        self.index.put(key, &open);
        Ok(())
    }

    /// Hub: keeps the one claim of an invitation. Where the record of the invitation is lost, the claim
    /// says nothing.
    pub(super) fn claimed(&mut self, claim: &Claim) -> Result<(), StoreError> {
        self.of_invitation(claim.invitation, |open| {
            open.claim.get_or_insert_with(|| claim.clone());
        })
    }

    /// Hub: the administrator turned it down.
    pub(super) fn denied(&mut self, invitation: InvitationId) -> Result<(), StoreError> {
        self.of_invitation(invitation, |open| open.denied = true)
    }

    fn of_invitation(
        &mut self,
        invitation: InvitationId,
        change: impl FnOnce(&mut OpenInvitation),
    ) -> Result<(), StoreError> {
        let key = rows::of_invitation(invitation);
        if let Some(mut open) = self.index.get::<OpenInvitation>(&key)? {
            change(&mut open);
            self.index.put(key, &open);
        }
        Ok(())
    }
}
