//! The hub's word that changes have arrived and are durable, provable offline.

use serde::{Deserialize, Serialize};

use super::{DeviceKey, Signature, TrustError, verify};
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, Timestamp};

/// What every signed receipt starts with.
const TAG: &[u8] = b"bienban 2026-11 stored receipt\0";

/// One signature covers at most this many packs, so that a receipt fits a small frame (about 90
/// bytes each).
pub const RECEIPT_ITEMS_MAX: usize = 1_024;

/// An actor's changes in a document, up to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReceiptItem {
    /// The document.
    pub document: DocumentId,
    /// Whose changes.
    pub actor: Actor,
    /// Place of the last change that is durable.
    pub seq: u64,
    /// That change.
    pub hash: ChangeHash,
}

/// A hub's signed statement that it stored a device's changes durably.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubReceipt {
    /// The life of the hub's store; fresh after a restore.
    pub epoch: [u8; 16],
    /// Whose packs they were.
    pub device: DeviceId,
    /// What is durable.
    pub items: Vec<ReceiptItem>,
    /// When, by the hub's clock.
    pub stored_at: Timestamp,
    /// By the hub's key.
    pub signature: Signature,
}

impl HubReceipt {
    /// Signs a batch with the hub's key.
    ///
    /// # Errors
    ///
    /// Returns [`TrustError::ReceiptItems`] when the batch is over [`RECEIPT_ITEMS_MAX`].
    pub fn sign(
        hub: &DeviceKey,
        epoch: [u8; 16],
        device: DeviceId,
        items: Vec<ReceiptItem>,
        stored_at: Timestamp,
    ) -> Result<Self, TrustError> {
        check_count(items.len())?;
        let mut receipt = Self { epoch, device, items, stored_at, signature: Signature([0; 64]) };
        receipt.signature = hub.sign(&receipt.statement());
        Ok(receipt)
    }

    /// Checks that the hub with this key signed it.
    ///
    /// # Errors
    ///
    /// Returns [`TrustError`] when it did not, or the batch is over its limit.
    pub fn verify(&self, hub: DeviceId) -> Result<(), TrustError> {
        check_count(self.items.len())?;
        verify(hub, &self.statement(), &self.signature, "receipt")
    }

    /// The bytes signed: tag, epoch, device, stored_at, number of items, then each item; numbers as
    /// 8 bytes little-endian.
    fn statement(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(TAG.len() + 64 + self.items.len() * 88);
        bytes.extend_from_slice(TAG);
        bytes.extend_from_slice(&self.epoch);
        bytes.extend_from_slice(&self.device.0);
        bytes.extend_from_slice(&self.stored_at.0.to_le_bytes());
        bytes.extend_from_slice(&(self.items.len() as u64).to_le_bytes());
        for item in &self.items {
            bytes.extend_from_slice(&item.document.0);
            bytes.extend_from_slice(&item.actor.0);
            bytes.extend_from_slice(&item.seq.to_le_bytes());
            bytes.extend_from_slice(&item.hash.0);
        }
        bytes
    }
}

fn check_count(count: usize) -> Result<(), TrustError> {
    if count > RECEIPT_ITEMS_MAX {
        return Err(TrustError::ReceiptItems { count, limit: RECEIPT_ITEMS_MAX });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_proves_only_what_the_hub_signed() {
        let hub = DeviceKey::from_seed(&[1; 32]);
        let item = ReceiptItem {
            document: DocumentId([2; 32]),
            actor: Actor([3; 16]),
            seq: 4,
            hash: ChangeHash([5; 32]),
        };
        let device = DeviceId([6; 32]);
        let receipt = HubReceipt::sign(&hub, [7; 16], device, vec![item], Timestamp(8)).unwrap();
        receipt.verify(hub.device()).unwrap();
        assert!(receipt.verify(DeviceKey::from_seed(&[9; 32]).device()).is_err());
        let mut more = receipt.clone();
        more.items[0].seq = 5;
        assert!(more.verify(hub.device()).is_err());
        let mut later = receipt;
        later.stored_at = Timestamp(9);
        assert!(later.verify(hub.device()).is_err());
    }

    #[test]
    fn a_batch_over_the_limit_is_not_signed() {
        let item = ReceiptItem {
            document: DocumentId([2; 32]),
            actor: Actor([3; 16]),
            seq: 4,
            hash: ChangeHash([5; 32]),
        };
        let hub = DeviceKey::from_seed(&[1; 32]);
        let many = vec![item; RECEIPT_ITEMS_MAX + 1];
        assert!(HubReceipt::sign(&hub, [0; 16], hub.device(), many, Timestamp(0)).is_err());
    }
}
