//! The control log of a phone: checked before it is kept, and what is decided here.

use super::ReplicaError;
use super::documents::each_row;
use super::facts::Fact;
use super::phone::Phone;
use super::project::{control_bytes, foresee};
use super::rows::{self, ACTING, ActingRow};
use crate::sync::{DeviceEntry, FeedItem};
use crate::trust::control::{Act, ActId, ControlEntry, Folded, SignedAct};
use crate::trust::enrolment::{Invitation, SignedInvitation};

/// A decision of this device that the hub has not entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acting {
    /// Its name.
    pub id: ActId,
    /// The decision.
    pub act: SignedAct,
    /// The hub refused it: its maker may not decide it, or might not any more.
    pub refused: bool,
}

impl Phone {
    /// Checks the entries of control logs among what the hub sent, before anything of it is kept;
    /// leaves out those that are held, and those behind a hole; the next contact compares then, and
    /// brings the log whole. Returns what is said of this device then, if entries are left.
    pub(super) fn check_control(
        &self,
        items: &mut Vec<FeedItem>,
    ) -> Result<Option<DeviceEntry>, ReplicaError> {
        let mut entries = Vec::new();
        for bytes in control_bytes(items) {
            let entry = ControlEntry::decode(bytes)?;
            entry.verify()?;
            entries.push(entry);
        }
        if entries.is_empty() {
            return Ok(None);
        }
        self.expect_one_successor(&entries)?;
        let foreseen = foresee(&**self.replica().store(), &entries, self.device())?;
        self.heed_returned(&entries, &foreseen.folded)?;
        let (mut place, mut wrong) = (0, None);
        items.retain(|item| {
            if !matches!(item, FeedItem::Control(_)) {
                return true;
            }
            let folded = foreseen.folded[place];
            if matches!(folded, Folded::Fork | Folded::Stranger) {
                wrong = wrong.or(Some(place));
            }
            place += 1;
            matches!(folded, Folded::Counts | Folded::Void(_))
        });
        if let Some(entry) = wrong.and_then(|place| entries.get(place)) {
            let (scope, number) = (entry.scope().clone(), entry.number);
            return Err(ReplicaError::OtherRights { scope, number });
        }
        if foreseen.folded.contains(&Folded::Gap) {
            self.lag()?;
        }
        let left = items.iter().any(|item| matches!(item, FeedItem::Control(_)));
        Ok(foreseen.entry.filter(|_| left))
    }

    /// Signs a decision with this device's key. It counts once a hub has entered it.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Control`] when it is another device's, or holds what no log takes.
    pub fn sign_act(&self, act: Act) -> Result<SignedAct, ReplicaError> {
        Ok(act.sign(self.key())?)
    }

    /// Returns a digest of what this device knows of its own rights.
    pub(super) fn rights_digest(&self) -> Result<[u8; 32], ReplicaError> {
        let own = self.replica().device(self.device())?;
        let own = postcard::to_stdvec(&own)
            .map_err(|source| ReplicaError::Encode { what: "own rights", source })?;
        Ok(*blake3::hash(&own).as_bytes())
    }

    /// Signs an invitation with this device's key.
    #[must_use]
    pub fn sign_invitation(&self, invitation: Invitation) -> SignedInvitation {
        invitation.sign(self.key())
    }

    /// Keeps a decision that this device has signed; the next exchange brings it to the hub.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn act(&self, act: &SignedAct) -> Result<ActId, ReplicaError> {
        act.verify()?;
        let id = act.act.id()?;
        // Nothing that a person decided comes between the last look at what is here and its end.
        let _editing = self.editing().lock()?;
        self.record(Fact::Acted { act: act.encode()? })?;
        Ok(id)
    }

    /// Returns what was decided here and the hub has not entered yet, in the order in which it was.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn acting(&self) -> Result<Vec<Acting>, ReplicaError> {
        let mut kept: Vec<ActingRow> = Vec::new();
        each_row(&**self.replica().store(), &[ACTING], None, |key, value| {
            kept.push(rows::decode(key, value)?);
            Ok(())
        })?;
        kept.sort_by_key(|row| row.at);
        let mut acts = Vec::with_capacity(kept.len());
        for ActingRow { refused, bytes, .. } in kept {
            let act = SignedAct::decode(&bytes)?;
            acts.push(Acting { id: act.act.id()?, act, refused });
        }
        Ok(acts)
    }

    /// Notes that the hub refused a decision. It is asked again only when a right comes back, and stays here to
    /// be seen until it is given up.
    pub(super) fn note_unentered(&self, act: ActId) -> Result<(), ReplicaError> {
        self.record(Fact::Unentered { act }).map(drop)
    }

    /// Gives up a decision that the hub does not enter.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn drop_act(&self, act: ActId) -> Result<(), ReplicaError> {
        self.record(Fact::Dropped { act }).map(drop)
    }
}
