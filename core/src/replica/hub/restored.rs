//! A hub that was set back to a copy.

use super::{Hub, HubOptions};
use crate::model::Incarnation;
use crate::replica::ReplicaError;
use crate::replica::facts::{Fact, Renewal};

impl Hub {
    /// Takes a new epoch because a person says that this store was set back to a copy. Files that were
    /// copied back together, into the folder that they came from, do not show it.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when it could not be recorded.
    pub fn restored(&self, options: HubOptions) -> Result<(), ReplicaError> {
        let lost = self.replica.store().opened().lost.len() as u64;
        let incarnation = Incarnation(options.fresh_epoch);
        let (why, at) = (Renewal::Restored, options.now);
        self.record(Fact::Incarnated { incarnation, why, lost, at }).map(drop)
    }
}
