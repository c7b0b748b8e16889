//! *Biên bản đã ký*: the seal of an inspection's minutes, and what holds of it.
//!
//! A seal names the record as it stood when it was read out: document, heads, the digest of its canonical
//! content, the checklist, and of every device of the team up to where it was heard. The leader's device
//! signs all of it. Whoever stood for the facility confirms presence with a drawn signature (*chữ ký vẽ
//! tay xác nhận có mặt*), which is never a digital signature (Luật 20/2023 art. 22-23), or refused, which
//! a representative of the commune or a witness confirms (NĐ 217/2025/NĐ-CP art. 15).
//!
//! Pure, and it decides no rights: whether the signer leads, and which of two seals counts, is the control
//! log's to say ([`super::control`]). `docs/seal.md` has the bytes.

mod breach;
mod drawn;
mod statement;
mod witness;

#[cfg(test)]
mod tests;

pub use breach::Breach;
pub use drawn::{DRAWN_BYTES_MAX, Drawn, POINTS_MAX, STROKES_MAX, SignatureError};
pub use statement::{
    Ending, HeardLine, Hearing, MEMBERS_MAX, MemberHeard, REASON_CHARS_MAX, SEAL_BYTES_MAX, Seal,
    SealId, SealStatement, Signing,
};
pub use witness::{Confirmer, Presence, Refusal, TITLE_CHARS_MAX};

use super::TrustError;
use crate::model::DeviceId;

/// Why a seal cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key is not the leader's whom the statement names.
    #[error("minutes that device {leader} leads can be signed there only")]
    Signer {
        /// The leader's device.
        leader: DeviceId,
    },
    /// It does not hold what a seal holds.
    #[error("the minutes cannot be sealed: {}", list(breaches))]
    Breached {
        /// Everything that does not hold.
        breaches: Vec<Breach>,
    },
    /// Over its limit.
    #[error(
        "a seal of {bytes} bytes is over the limit of {SEAL_BYTES_MAX}; draw simpler signatures"
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Another version than this program knows.
    #[error("the seal has version {found}, but this program knows {known}; update the older side")]
    Version {
        /// The version found.
        found: u8,
        /// The one known.
        known: u8,
    },
    /// Not the encoding of any seal.
    #[error("these bytes are no seal")]
    Malformed,
    /// A field does not encode.
    #[error("a seal cannot be encoded")]
    Encode {
        /// Why.
        source: postcard::Error,
    },
    /// A signature does not hold.
    #[error("the seal's signature does not hold")]
    Signature {
        /// Whose.
        #[source]
        source: TrustError,
    },
}

fn list(breaches: &[Breach]) -> String {
    breaches.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
