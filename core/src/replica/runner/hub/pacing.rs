//! How fast a device may ask for what the hub has to look at, keep or log, in an exchange.

use super::HubRunner;
use crate::model::Timestamp;
use crate::replica::ReplicaError;
use crate::sync::AdminAnswer;
use crate::trust::log::Turned;

impl HubRunner {
    /// Counts what is asked as so many decisions. Returns the answer where the device must wait with them: the log
    /// then has how many there were, and nothing of each.
    pub(super) fn pace_of(
        &self,
        count: usize,
        now: Timestamp,
    ) -> Result<Option<AdminAnswer>, ReplicaError> {
        let device = self.entry.device;
        let Some(failure) = self.hub.paced_decisions(device, count, now) else { return Ok(None) };
        self.hub.turned_away(Turned::TooMuch, device, count.max(1) as u64, now)?;
        Ok(Some(AdminAnswer::Refused(failure)))
    }
}
