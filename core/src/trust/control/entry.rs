//! One line of a unit's log: an act, its number there, and the hub's signature over both.

use serde::{Deserialize, Serialize};

use super::act::{ACT_BYTES_MAX, SignedAct};
use super::{ControlError, read};
use crate::model::{DeviceId, Scope, Timestamp};
use crate::trust::{DeviceKey, Signature, verify};

/// What every signed entry starts with.
const TAG: &[u8] = b"bienban 2026-11 control entry\0";

/// The version of an entry's encoding.
const ENTRY_VERSION: u8 = 2;

/// An act and what the hub adds.
pub const ENTRY_BYTES_MAX: usize = ACT_BYTES_MAX + 512;

/// Longest official number, in bytes: a number, a year and an agency's sign.
pub const OFFICIAL_NUMBER_BYTES_MAX: usize = 128;

/// The end of a log: what the next entry continues.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct ChainHead {
    /// How many entries there are.
    pub number: u64,
    /// The hash of the last; zeros before the first.
    pub hash: [u8; 32],
}

/// One entry of the control log of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlEntry {
    /// The life of the hub's store in which it was entered, new with each start of the hub: see docs/protocol.md.
    /// What earlier lives entered is given back by those who hold it where it is lacking, and counts on.
    pub life: [u8; 16],
    /// Its place in the unit's log of that life; the first is 1.
    pub number: u64,
    /// The hash of the entry before; zeros for the first.
    pub previous: [u8; 32],
    /// Its place among all entries of the hub: the clock when it was entered, or just after the entry
    /// before where the clock has not moved on.
    pub at: Timestamp,
    /// When the hub entered it, by its clock. Grants with a beginning or an end are asked at this time,
    /// so that a clock that once ran ahead ends no right for ever.
    pub clock: Timestamp,
    /// *Số biên bản*: the official number that the hub gave, where the act registers minutes.
    pub official: Option<String>,
    /// The act; its unit is the log's.
    pub act: SignedAct,
    /// The hub's key that signs.
    pub hub: DeviceId,
    /// By that key.
    pub signature: Signature,
}

impl ControlEntry {
    /// Makes the next entry of a log.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError`] when a part is over its limit.
    pub fn sign(
        hub: &DeviceKey,
        (life, head): ([u8; 16], &ChainHead),
        (at, clock): (Timestamp, Timestamp),
        act: SignedAct,
        official: Option<String>,
    ) -> Result<Self, ControlError> {
        let number = head.number.checked_add(1).ok_or(ControlError::Numbers)?;
        let mut entry = Self {
            life,
            number,
            previous: head.hash,
            at,
            clock,
            official,
            act,
            hub: hub.device(),
            signature: Signature([0; 64]),
        };
        entry.signature = hub.sign(&entry.statement()?);
        entry.encode()?;
        Ok(entry)
    }

    /// Returns the unit whose log it stands in.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.act.act.scope
    }

    /// Returns the log's head with this entry as its last.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Encode`] when a field does not encode.
    pub fn head(&self) -> Result<ChainHead, ControlError> {
        let hash = blake3::derive_key("bienban 2026-11 control chain", &self.statement()?);
        Ok(ChainHead { number: self.number, hash })
    }

    /// Checks the signatures of the hub and of the act. Whether the key is the hub's, and the entry the
    /// next of its log, is the state's to say.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError`] naming what does not hold.
    pub fn verify(&self) -> Result<(), ControlError> {
        if self.official.as_ref().is_some_and(|text| text.len() > OFFICIAL_NUMBER_BYTES_MAX) {
            return Err(ControlError::TooLarge {
                what: "official number",
                bytes: self.official.as_ref().map_or(0, String::len),
            });
        }
        self.act.verify()?;
        verify(self.hub, &self.statement()?, &self.signature, "control entry")
            .map_err(|source| ControlError::Signature { source })
    }

    /// The bytes signed: tag, version, postcard of the entry with a signature of zeros.
    fn statement(&self) -> Result<Vec<u8>, ControlError> {
        let mut bytes = TAG.to_vec();
        bytes.push(ENTRY_VERSION);
        let blank = Self { signature: Signature([0; 64]), ..self.clone() };
        postcard::to_extend(&blank, bytes).map_err(|source| ControlError::Encode { source })
    }

    /// Returns the bytes that travel and rest: version, postcard.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::TooLarge`] over [`ENTRY_BYTES_MAX`].
    pub fn encode(&self) -> Result<Vec<u8>, ControlError> {
        let bytes = postcard::to_extend(self, vec![ENTRY_VERSION])
            .map_err(|source| ControlError::Encode { source })?;
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(ControlError::TooLarge { what: "control entry", bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads an entry; only the one encoding of it is accepted. Checks no signature.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError`] when the bytes are no entry of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, ControlError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(ControlError::TooLarge { what: "control entry", bytes: bytes.len() });
        }
        read(bytes, ENTRY_VERSION, "control entry")
    }
}
