//! A device's word that an actor's changes, up to one of them, are its own.

use serde::{Deserialize, Serialize};

use super::{DeviceKey, Signature, TrustError, verify};
use crate::model::{Actor, ChangeHash, DeviceId, DocumentId, Incarnation};

/// What every signed attestation starts with.
const TAG: &[u8] = b"bienban 2026-11 attestation\0";

/// The running hash over all changes of one actor, from its first.
///
/// A change names what it builds on, but not always its author's change before it, so the last
/// hash alone would let a stranger swap an earlier change. The line covers every one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Line(pub [u8; 32]);

impl Line {
    /// The line of an actor that has written nothing.
    pub const START: Self = Self([0; 32]);

    /// Returns the line after one more change.
    #[must_use]
    pub fn after(self, change: &ChangeHash) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 line");
        hasher.update(&self.0).update(&change.0);
        Self(*hasher.finalize().as_bytes())
    }
}

/// The end of an actor's changes, as one replica knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tip {
    /// Place of the last change; the first is 1.
    pub seq: u64,
    /// The last change.
    pub hash: ChangeHash,
    /// The line up to and with it.
    pub line: Line,
}

impl Tip {
    /// Returns the tip after one more change; `None` before means it is the actor's first.
    #[must_use]
    pub fn after(before: Option<&Self>, change: ChangeHash) -> Self {
        let (seq, line) = before.map_or((0, Line::START), |tip| (tip.seq, tip.line));
        Self { seq: seq + 1, hash: change, line: line.after(&change) }
    }
}

/// A device's signature over the end of its own changes in one document. One is kept per actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// Who signs.
    pub device: DeviceId,
    /// The life of the device's store in which the actor was made.
    pub incarnation: Incarnation,
    /// The document.
    pub document: DocumentId,
    /// The last own change, and the line up to it.
    pub tip: Tip,
    /// Over the statement described in `docs/protocol.md`.
    pub signature: Signature,
}

impl Attestation {
    /// Signs for the end of the device's changes in a document.
    #[must_use]
    pub fn sign(key: &DeviceKey, incarnation: Incarnation, document: DocumentId, tip: Tip) -> Self {
        let device = key.device();
        let actor = Actor::derive(device, document, incarnation);
        let signature = key.sign(&statement(document, actor, &tip));
        Self { device, incarnation, document, tip, signature }
    }

    /// Returns the actor that the device signs for; it cannot sign for another.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::derive(self.device, self.document, self.incarnation)
    }

    /// Checks the signature.
    ///
    /// # Errors
    ///
    /// Returns [`TrustError`] when the device did not sign this.
    pub fn verify(&self) -> Result<(), TrustError> {
        let statement = statement(self.document, self.actor(), &self.tip);
        verify(self.device, &statement, &self.signature, "attestation")
    }
}

/// The bytes signed: tag, document, actor, seq as u64 little-endian, hash, line.
fn statement(document: DocumentId, actor: Actor, tip: &Tip) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(TAG.len() + 32 + 16 + 8 + 32 + 32);
    bytes.extend_from_slice(TAG);
    bytes.extend_from_slice(&document.0);
    bytes.extend_from_slice(&actor.0);
    bytes.extend_from_slice(&tip.seq.to_le_bytes());
    bytes.extend_from_slice(&tip.hash.0);
    bytes.extend_from_slice(&tip.line.0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> Attestation {
        let tip = Tip::after(None, ChangeHash([3; 32]));
        Attestation::sign(
            &DeviceKey::from_seed(&[1; 32]),
            Incarnation([2; 16]),
            DocumentId([4; 32]),
            tip,
        )
    }

    #[test]
    fn any_changed_field_breaks_the_signature() {
        let good = signed();
        good.verify().unwrap();
        let other = DeviceKey::from_seed(&[9; 32]).device();
        let wrong = [
            Attestation { device: other, ..good },
            Attestation { incarnation: Incarnation([9; 16]), ..good },
            Attestation { document: DocumentId([9; 32]), ..good },
            Attestation { tip: Tip { seq: 2, ..good.tip }, ..good },
            Attestation { tip: Tip { hash: ChangeHash([9; 32]), ..good.tip }, ..good },
            Attestation { tip: Tip { line: Line([9; 32]), ..good.tip }, ..good },
        ];
        for attestation in wrong {
            assert!(attestation.verify().is_err(), "{attestation:?}");
        }
    }

    #[test]
    fn the_line_differs_when_any_earlier_change_differs() {
        let line = |first| Line::START.after(&ChangeHash([first; 32])).after(&ChangeHash([7; 32]));
        assert_ne!(line(1), line(2));
    }
}
