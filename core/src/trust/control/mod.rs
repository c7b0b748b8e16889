//! The control log: who may do what, decided by persons, ordered by the hub.
//!
//! Each administrative unit has a log. An *act* is a decision that a person's device signed: a
//! certificate, a grant, an assignment, a revocation, minutes, a judgement. The hub enters it into the
//! log of its unit as an *entry*: numbered, chained to the entry before, signed. What a replica may
//! trust is a pure function of the entries that it holds (see [`TrustState`]): no clock, no order of
//! arrival.

mod act;
mod entry;
mod memory;
mod naming;
mod state;
mod succession;

#[cfg(test)]
mod tests;

pub use act::{
    ACT_BYTES_MAX, ASSIGNED_MAX, Act, ActId, DEED_NAMES, Deed, Judgement, NAME_CHARS_MAX,
    SignedAct, Whom,
};
pub use entry::{ChainHead, ControlEntry, ENTRY_BYTES_MAX, OFFICIAL_NUMBER_BYTES_MAX};
pub use memory::{Left, TrustState};
pub use naming::{Naming, naming};
pub use state::{
    Assignment, Certificate, Device, Entered, Folded, GRANTS_PER_PERSON_AND_UNIT_MAX, HeldGrant,
    Judged, Log, Person, Revocation, Sealed, TrustRows, Void, entry_of, fold, may_act,
};
pub use succession::{HUB_KEYS_MAX, HubKeys, Link};

use serde::de::DeserializeOwned;

use super::{DeviceKey, Signature, TrustError, verify};
use crate::model::DeviceId;

/// Why bytes are no act or entry, or one cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// It holds what no log takes.
    #[error("{what} of an act of the kind {deed} is not allowed")]
    Deed {
        /// The kind of act.
        deed: &'static str,
        /// The part.
        what: &'static str,
    },
    /// The key is not the one of the device that it says to be by.
    #[error("an act by device {by} can be signed there only")]
    Signer {
        /// The device named.
        by: DeviceId,
    },
    /// A signature does not hold.
    #[error("a signature does not hold")]
    Signature {
        /// Which.
        #[source]
        source: TrustError,
    },
    /// Over its limit.
    #[error("{what} of {bytes} bytes is over its limit")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// Another version than this program knows.
    #[error("{what} has version {found}, but this program knows {known}; update the older side")]
    Version {
        /// What.
        what: &'static str,
        /// The version found.
        found: u8,
        /// The one known.
        known: u8,
    },
    /// Not the encoding of any.
    #[error("these bytes are no {what}")]
    Malformed {
        /// What.
        what: &'static str,
    },
    /// A field does not encode.
    #[error("an act cannot be encoded")]
    Encode {
        /// Why.
        source: postcard::Error,
    },
    /// A log is full: its numbers are used up.
    #[error("a control log has no numbers left")]
    Numbers,
}

/// Reads a version and a value, and demands that it is the value's one encoding.
fn read<T: DeserializeOwned + serde::Serialize>(
    bytes: &[u8],
    known: u8,
    what: &'static str,
) -> Result<T, ControlError> {
    let Some((&found, rest)) = bytes.split_first() else {
        return Err(ControlError::Malformed { what });
    };
    if found != known {
        return Err(ControlError::Version { what, found, known });
    }
    let (value, left) =
        postcard::take_from_bytes::<T>(rest).map_err(|_| ControlError::Malformed { what })?;
    let again = postcard::to_stdvec(&value).map_err(|source| ControlError::Encode { source })?;
    if left.is_empty() && again == rest { Ok(value) } else { Err(ControlError::Malformed { what }) }
}

/// What a successor's proof starts with.
const SUCCESSOR_TAG: &[u8] = b"bienban 2026-11 hub successor\0";

/// Proves that somebody holds the key that is to follow a hub's.
#[must_use]
pub fn prove_successor(present: DeviceId, next: &DeviceKey) -> Signature {
    next.sign(&[SUCCESSOR_TAG, &present.0].concat())
}

/// Checks such a proof.
fn verify_successor(
    present: DeviceId,
    next: DeviceId,
    proof: &Signature,
) -> Result<(), TrustError> {
    verify(next, &[SUCCESSOR_TAG, &present.0].concat(), proof, "succession")
}
