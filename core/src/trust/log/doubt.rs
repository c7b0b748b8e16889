//! What a phone keeps of a log that does not hold together, and an administrator's word to go on.

use serde::{Deserialize, Serialize};

use super::TreeHead;
use crate::model::DeviceId;
use crate::trust::{DeviceKey, Signature, TrustError, verify};

/// What every signed release starts with.
const TAG: &[u8] = b"bienban 2026-11 log release\0";

/// How it shows that a log is not the one that was shown before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtReason {
    /// It has fewer leaves than before, in the same life of the hub's store.
    Shorter,
    /// The hub cannot prove that it only appended.
    Inconsistent,
    /// The hub shows a life of its store that had ended.
    EarlierLife,
    /// Another phone was shown another log of the same length.
    TwoLogs,
    /// The hub was set back to a copy, says so, and lacks a part of the log. That alone stops nothing.
    Restored,
    /// The hub shows another life of its store, whose log neither continues the one that was shown before
    /// nor says that it does not hold it.
    Unaccounted,
}

impl DoubtReason {
    /// Returns whether nothing is exchanged with the hub until an administrator says so.
    #[must_use]
    pub fn stops(self) -> bool {
        self != Self::Restored
    }
}

/// Two heads that the hub signed and that are not of one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// The one that was kept.
    pub kept: TreeHead,
    /// The other.
    pub shown: TreeHead,
    /// How it shows.
    pub reason: DoubtReason,
    /// Which phone was shown the other; the hub showed it here where that is nothing.
    pub peer: Option<DeviceId>,
}

impl Doubt {
    /// Returns the doubt's name: what an administrator's release names.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 log doubt");
        hasher.update(&self.kept.statement()).update(&self.shown.statement());
        *hasher.finalize().as_bytes()
    }
}

/// Length of a release's bytes: a device's name and a signature.
const RELEASE_BYTES: usize = 32 + 64;

/// An administrator's word that one device may go on with the hub although its log is in doubt. It travels
/// as text, because that device exchanges nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The administrator's device.
    pub by: DeviceId,
    /// Over tag, device and doubt.
    pub signature: Signature,
}

impl Release {
    /// Signs a release of one device from one doubt.
    #[must_use]
    pub fn sign(admin: &DeviceKey, device: DeviceId, doubt: [u8; 32]) -> Self {
        Self { by: admin.device(), signature: admin.sign(&statement(device, doubt)) }
    }

    /// Checks that the administrator's device signed it. Whether that is an administrator's is not known
    /// here.
    ///
    /// # Errors
    ///
    /// Returns [`TrustError`] when it did not.
    pub fn verify(&self, device: DeviceId, doubt: [u8; 32]) -> Result<(), TrustError> {
        verify(self.by, &statement(device, doubt), &self.signature, "release")
    }

    /// Returns the release as digits to be typed or pasted.
    #[must_use]
    pub fn to_text(&self) -> String {
        hex::encode([&self.by.0[..], &self.signature.0].concat())
    }

    /// Reads the digits.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes: [u8; RELEASE_BYTES] = hex::decode(text.trim()).ok()?.try_into().ok()?;
        let (by, signature) = bytes.split_at(32);
        Some(Self {
            by: DeviceId(by.try_into().ok()?),
            signature: Signature(signature.try_into().ok()?),
        })
    }
}

fn statement(device: DeviceId, doubt: [u8; 32]) -> Vec<u8> {
    [TAG, &device.0, &doubt].concat()
}
