//! What an exchange of the hub has to do with the hub's log: showing it, and telling it what was given.

use super::HubRunner;
use crate::model::Timestamp;
use crate::replica::ReplicaError;
use crate::trust::log::{TreeHead, Turned};

impl HubRunner {
    /// Shows the log to the device, or ends all exchanges of this epoch where the device knows more of it.
    pub(super) fn show_log(
        &mut self,
        kept: &[TreeHead],
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        self.announced |= self.hub.heed_heads(kept, self.entry.device, now)?;
        if !self.end_if_renewed()? {
            self.session.handle_log(self.hub.show_log(kept, now)?)?;
        }
        Ok(())
    }

    /// Puts into the hub's log what this exchange gave and turned away so far.
    pub(super) fn account(&mut self, now: Timestamp) -> Result<(), ReplicaError> {
        let device = self.entry.device;
        let not_kept = std::mem::take(&mut self.not_kept);
        self.hub.turned_away(Turned::NotKept, device, not_kept, now)?;
        let forbidden = self.session.take_forbidden();
        self.hub.turned_away(Turned::NotAllowed, device, forbidden, now)?;
        self.hub.note_reads(device, self.reads.take(), now)
    }
}

impl Drop for HubRunner {
    /// An exchange that breaks off has given something too. What cannot be recorded now waits in the hub.
    fn drop(&mut self) {
        drop(self.account(self.now));
    }
}
