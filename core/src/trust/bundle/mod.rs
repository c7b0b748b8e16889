//! Bundles: what one device hands to others as a file. A file holds letters, each sealed to one receiver's
//! key and signed by its maker; nobody else learns from it more than how many letters there are and how
//! long.
//!
//! Pure, and only the container: a letter is a row of parts, and what they say is for `crate::replica`.
//! Written to and read from whatever the caller opened, a chunk at a time. The bytes are in
//! `docs/bundles.md`, [why so](../../../../docs/adr/0031-bundles.md).

mod chunks;
mod read;
mod write;

use serde::{Deserialize, Serialize};

pub use read::{Checked, LetterReader};
pub use write::{LetterWriter, begin};

use super::TrustError;
use crate::model::{DeviceId, Timestamp};

/// How every bundle begins.
const MAGIC: [u8; 8] = *b"BIENBANB";

/// The format that this program reads and writes. In files of format 1 a letter did not name the version of its
/// parts, so that they are made again.
const FORMAT: u32 = 2;

/// The version of what parts say that this program writes, and the newest that it reads. It grows with
/// whatever an older program would not understand, in a part or in what a part holds; of what it may pass
/// over there are kinds of parts of their own.
pub const PARTS: u8 = 1;

/// Binds the keys of a letter to what it is.
const INFO: &[u8] = b"bienban 2026-11 bundle letter\0";

/// What the signature in a letter starts with.
const TAG: &[u8] = b"bienban 2026-11 bundle signature\0";

/// Letters in one file: a team, its hub and some to spare. Looking whether one is for a device costs a key
/// agreement each.
pub const LETTERS_MAX: usize = 64;

/// Plain bytes of one chunk: all that is in memory of a file besides one part.
const CHUNK_BYTES: usize = 64 << 10;

/// Bytes of one part. The longest pack, 16 MiB, fits with what stands around it.
pub const PART_BYTES_MAX: usize = 17 << 20;

/// Plain bytes of one letter: ten times what a phone carries for others. A whole stuck phone fits, and a
/// file that never ends is given up.
pub const LETTER_BYTES_MAX: u64 = 640 << 20;

/// What a letter says of itself, before its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Who made and signed it.
    pub maker: DeviceId,
    /// Whom it is for, so that it cannot be sealed again to another and pass as meant for that one.
    pub receiver: DeviceId,
    /// When, by the maker's clock.
    pub made_at: Timestamp,
}

/// Why bytes are no bundle, or none for this device, or one cannot be written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It does not begin as one.
    #[error("this is no bundle: it does not begin as one")]
    Magic,
    /// A later format than this program knows.
    #[error("the bundle has format {found}, but this program reads {known}; update it")]
    Version {
        /// The format found.
        found: u32,
        /// The format that this program reads.
        known: u32,
    },
    /// An earlier format, that is read no more.
    #[error(
        "the bundle was written by an older Bienban (format {found}; this program reads {known}); nothing of \
         it was taken in: update the program that wrote it, and make it again"
    )]
    Older {
        /// The format found.
        found: u32,
        /// The format that this program reads.
        known: u32,
    },
    /// What it says only a later program understands.
    #[error(
        "the bundle was written by a newer Bienban ({what} {found}, but this program knows {known}); nothing \
         of it was taken in: update the program, and take it in again"
    )]
    Newer {
        /// What of it.
        what: &'static str,
        /// The number found.
        found: u32,
        /// The greatest that this program knows.
        known: u32,
    },
    /// No letter in it opens with this key.
    #[error(
        "no letter in the bundle opens with this device's key; it is for others, or damaged where this \
         device's letter begins: ask for it again"
    )]
    NotForThis,
    /// It ends too early.
    #[error("the bundle ends too early; copy it again, whole")]
    Cut,
    /// It does not hold together.
    #[error("the bundle is damaged ({what}); nothing of it is to be used: copy it again")]
    Damaged {
        /// Where.
        what: &'static str,
    },
    /// Another one lies where it was, since it was checked.
    #[error("the bundle was exchanged for another while it was read; bring it again")]
    Exchanged,
    /// Over a limit.
    #[error("{what} of the bundle are over the limit of {limit}; make several smaller ones")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The signature is not its maker's, or a key is none.
    #[error("the bundle is not its maker's; nothing of it is to be used")]
    Maker {
        /// Why.
        #[source]
        source: TrustError,
    },
    /// The bytes could not be read or written.
    #[error("the bundle could not be {action}")]
    Io {
        /// What was done.
        action: &'static str,
        /// What the operating system said.
        #[source]
        source: std::sync::Arc<std::io::Error>,
    },
    /// A part does not encode.
    #[error("a part of the bundle could not be encoded")]
    Encode {
        /// Why.
        #[source]
        source: postcard::Error,
    },
}

/// Returns the random bytes of one letter, of many that one random seed is for.
#[must_use]
pub fn drawn(seed: &[u8; 32], count: u64) -> [u8; 32] {
    *blake3::keyed_hash(seed, &count.to_le_bytes()).as_bytes()
}

/// What the maker signs: the key of the letter, which no other letter has, and all that was said in it.
fn statement(encapsulated: &[u8; 32], said: &blake3::Hash) -> Vec<u8> {
    [TAG, encapsulated, said.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
