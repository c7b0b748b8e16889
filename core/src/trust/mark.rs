//! The hub's word on how far its feed is merged, and how far that is on a second disk.

use serde::{Deserialize, Serialize};

use super::{DeviceKey, Signature, TrustError, verify};
use crate::model::{DeviceId, Timestamp};

/// What every signed mark starts with.
const TAG: &[u8] = b"bienban 2026-11 feed mark\0";

/// A hub's signed statement that all of its feed up to a place is merged into the record, and up to another
/// is on a second disk too. It is the same for every device, so one signature serves all that wait for it;
/// a phone that was told its own changes before a place knows by it that they are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubMark {
    /// The life of the hub's store; fresh after a restore.
    pub epoch: [u8; 16],
    /// Entries of the feed that are merged.
    pub merged: u64,
    /// The chained hash of those entries.
    pub chain: [u8; 32],
    /// Of these, entries that are on a second disk; 0 where the hub has none.
    pub backed: u64,
    /// The hub has a second disk, so that what is not there yet will be.
    pub backs_up: bool,
    /// When those were last verified there, by the hub's clock; 0 where nothing was yet.
    pub backed_at: Timestamp,
    /// When the mark was signed, by the hub's clock.
    pub at: Timestamp,
    /// By the hub's key.
    pub signature: Signature,
}

impl HubMark {
    /// Signs a mark with the hub's key.
    #[must_use]
    pub fn sign(
        hub: &DeviceKey,
        (epoch, merged, chain): ([u8; 16], u64, [u8; 32]),
        (backs_up, backed, backed_at): (bool, u64, Timestamp),
        at: Timestamp,
    ) -> Self {
        let signature = Signature([0; 64]);
        let mut mark = Self { epoch, merged, chain, backed, backs_up, backed_at, at, signature };
        mark.signature = hub.sign(&mark.statement());
        mark
    }

    /// Checks that the hub with this key signed it.
    ///
    /// # Errors
    ///
    /// Returns [`TrustError::Signature`] when it did not.
    pub fn verify(&self, hub: DeviceId) -> Result<(), TrustError> {
        verify(hub, &self.statement(), &self.signature, "feed mark")
    }

    /// Returns whether another mark says the same, at whatever time.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        (self.epoch, self.merged, self.chain, self.backs_up, self.backed)
            == (other.epoch, other.merged, other.chain, other.backs_up, other.backed)
    }

    /// The bytes signed: tag, epoch, merged, chain, backed, backs_up as one byte, backed_at, at;
    /// numbers as 8 bytes little-endian.
    fn statement(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TAG.len() + 16 + 8 + 32 + 24);
        bytes.extend_from_slice(TAG);
        bytes.extend_from_slice(&self.epoch);
        bytes.extend_from_slice(&self.merged.to_le_bytes());
        bytes.extend_from_slice(&self.chain);
        bytes.extend_from_slice(&self.backed.to_le_bytes());
        bytes.push(u8::from(self.backs_up));
        bytes.extend_from_slice(&self.backed_at.0.to_le_bytes());
        bytes.extend_from_slice(&self.at.0.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_proves_only_what_the_hub_signed() {
        let hub = DeviceKey::from_seed(&[1; 32]);
        let good =
            HubMark::sign(&hub, ([2; 16], 3, [4; 32]), (true, 2, Timestamp(5)), Timestamp(6));
        good.verify(hub.device()).unwrap();
        let wrong = [
            HubMark { epoch: [9; 16], ..good },
            HubMark { merged: 4, ..good },
            HubMark { chain: [9; 32], ..good },
            HubMark { backed: 3, ..good },
            HubMark { backs_up: false, ..good },
            HubMark { backed_at: Timestamp(9), ..good },
            HubMark { at: Timestamp(9), ..good },
        ];
        for mark in wrong {
            assert!(mark.verify(hub.device()).is_err(), "{mark:?}");
        }
        assert!(good.verify(DeviceKey::from_seed(&[7; 32]).device()).is_err());
    }
}
