//! The hub's signed word on how its log stands.

use serde::{Deserialize, Serialize};

use crate::model::{DeviceId, Timestamp};
use crate::trust::merkle::TreeHash;
use crate::trust::{DeviceKey, Signature, TrustError, verify};

/// What every signed tree head starts with.
const TAG: &[u8] = b"bienban 2026-11 tree head\0";

/// The hub's log at one time: two heads of one size and different roots, both signed, prove that the hub
/// has shown two histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeHead {
    /// The life of the hub's store; fresh after a restore.
    pub epoch: [u8; 16],
    /// Leaves.
    pub size: u64,
    /// The hash of the tree over them.
    pub root: TreeHash,
    /// When, by the hub's clock.
    pub at: Timestamp,
    /// By the hub's key.
    pub signature: Signature,
}

impl TreeHead {
    /// Signs a head with the hub's key.
    #[must_use]
    pub fn sign(
        hub: &DeviceKey,
        epoch: [u8; 16],
        (size, root): (u64, TreeHash),
        at: Timestamp,
    ) -> Self {
        let mut head = Self { epoch, size, root, at, signature: Signature([0; 64]) };
        head.signature = hub.sign(&head.statement());
        head
    }

    /// Checks that the hub with this key signed it.
    ///
    /// # Errors
    ///
    /// Returns [`TrustError::Signature`] when it did not.
    pub fn verify(&self, hub: DeviceId) -> Result<(), TrustError> {
        verify(hub, &self.statement(), &self.signature, "tree head")
    }

    /// Returns whether the hub with these keys signed it with one of them.
    #[must_use]
    pub fn is_by(&self, hub: &[DeviceId]) -> bool {
        hub.iter().any(|key| self.verify(*key).is_ok())
    }

    /// Returns whether another head says the same of the log, at whatever time.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        (self.epoch, self.size, self.root) == (other.epoch, other.size, other.root)
    }

    /// The bytes signed: tag, epoch, size and time as 8 bytes little-endian, root.
    pub(super) fn statement(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TAG.len() + 16 + 8 + 8 + 32);
        bytes.extend_from_slice(TAG);
        bytes.extend_from_slice(&self.epoch);
        bytes.extend_from_slice(&self.size.to_le_bytes());
        bytes.extend_from_slice(&self.at.0.to_le_bytes());
        bytes.extend_from_slice(&self.root.0);
        bytes
    }
}
