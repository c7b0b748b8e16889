//! A device's secret key and what it makes.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::TrustError;
use crate::model::DeviceId;

/// Length of the secret that a device key is made from.
pub const SEED_BYTES: usize = 32;

/// A device's Ed25519 secret. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    /// Makes the key of a secret seed. The caller wipes its own copy.
    #[must_use]
    pub fn from_seed(seed: &[u8; SEED_BYTES]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Returns the seed, to be kept by the platform's keystore or handed to TLS.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; SEED_BYTES]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Returns the device's name, which is its public key.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        DeviceId(self.0.verifying_key().to_bytes())
    }

    /// Returns the X25519 secret of this key: the same scalar, under which others seal bundles to this
    /// device.
    pub(super) fn agreement(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_scalar_bytes())
    }

    /// Signs a statement. `statement` must begin with a domain tag that no other statement has.
    #[must_use]
    pub(crate) fn sign(&self, statement: &[u8]) -> Signature {
        Signature(self.0.sign(statement).to_bytes())
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({}, secret hidden)", self.device().short())
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "([u8; 32], [u8; 32])", into = "([u8; 32], [u8; 32])")]
pub struct Signature(pub [u8; 64]);

impl From<([u8; 32], [u8; 32])> for Signature {
    fn from((head, tail): ([u8; 32], [u8; 32])) -> Self {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&head);
        bytes[32..].copy_from_slice(&tail);
        Self(bytes)
    }
}

impl From<Signature> for ([u8; 32], [u8; 32]) {
    fn from(signature: Signature) -> Self {
        let (mut head, mut tail) = ([0; 32], [0; 32]);
        head.copy_from_slice(&signature.0[..32]);
        tail.copy_from_slice(&signature.0[32..]);
        (head, tail)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex::encode(&self.0[..4]))
    }
}

/// Returns the X25519 public key of a device's key.
pub(super) fn agreement_of(device: DeviceId) -> Result<[u8; 32], TrustError> {
    let key = VerifyingKey::from_bytes(&device.0).map_err(|_| TrustError::Key { device })?;
    Ok(key.to_montgomery().to_bytes())
}

/// Checks a signature strictly: no weak keys, no second encoding of the same signature.
pub(crate) fn verify(
    device: DeviceId,
    statement: &[u8],
    signature: &Signature,
    what: &'static str,
) -> Result<(), TrustError> {
    let key = VerifyingKey::from_bytes(&device.0).map_err(|_| TrustError::Key { device })?;
    key.verify_strict(statement, &ed25519_dalek::Signature::from_bytes(&signature.0))
        .map_err(|_| TrustError::Signature { device, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_a_key_hides_its_secret() {
        let key = DeviceKey::from_seed(&[0xab; 32]);
        let printed = format!("{key:?}");
        assert!(printed.contains("hidden"));
        assert!(!printed.contains(&hex::encode([0xab; 4])));
    }

    #[test]
    fn a_weak_key_is_refused() {
        let weak = DeviceId([0; 32]);
        assert!(verify(weak, b"statement", &Signature([0; 64]), "test").is_err());
    }
}
