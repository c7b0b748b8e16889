//! Who wrote what, who may, and what has verifiably arrived: device keys, attestations, receipts,
//! grants and the control log, sealed minutes, the hub's log; and the keys that seal what lies on a device.
//!
//! Pure: secrets and times come in as arguments. It knows names, not documents. The signed bytes are
//! documented in `docs/protocol.md`.

pub mod access;
mod attestation;
pub mod bundle;
pub mod control;
pub mod enrolment;
mod grant;
mod key;
pub mod lease;
pub mod log;
mod mark;
pub mod merkle;
pub mod proof;
mod receipt;
pub mod rest;
pub mod seal;

pub use attestation::{Attestation, Line, Tip};
pub use grant::{DeviceEntry, Grant, PlainEntry, Role};
pub use key::{DeviceKey, SEED_BYTES, Signature};
pub use mark::HubMark;
pub use receipt::{HubReceipt, RECEIPT_ITEMS_MAX, ReceiptItem};

pub(crate) use key::verify;

use crate::model::DeviceId;

/// Why a signed statement is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The device's name is not a public key.
    #[error("device {device} is not an Ed25519 public key")]
    Key {
        /// The claimed device.
        device: DeviceId,
    },
    /// The signature is not the device's over these facts.
    #[error("device {device} did not sign this {what}")]
    Signature {
        /// The claimed signer.
        device: DeviceId,
        /// The statement.
        what: &'static str,
    },
    /// A batch is over its limit.
    #[error("a receipt names {count} items, over the limit of {limit}")]
    ReceiptItems {
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
}
