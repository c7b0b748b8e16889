//! Encryption at rest: the keys that seal what lies on a device's disk, and the file that keeps them.
//!
//! A store is sealed under a random *data key*. Data keys lie in a small key file, each wrapped by a
//! *wrapping key*: one that the platform's keystore gives, or one made of a passphrase. So the wrapping
//! key changes without rewriting anything, and a data key can be replaced while older ones still open
//! what was sealed under them.
//!
//! Pure: random bytes come in as arguments, files are read and written by others. Keys are wiped from
//! memory when dropped and never printed. It must not know what is sealed. `docs/store-format.md` has
//! the bytes, `docs/adr/0022-sealed-at-rest.md` the reasons.

mod file;
mod ring;

#[cfg(test)]
mod tests;

use std::fmt;

use zeroize::Zeroizing;

pub use self::file::{Cost, KeyFile, PASSPHRASE_CHARS_MIN, Way};
pub use self::ring::{KeyId, NONCE_BYTES, Ring, Sealed, Sealer};

/// Length of every key, in bytes.
pub const KEY_BYTES: usize = 32;

/// What opens a device's store: the caller keeps it, never the store.
#[derive(Clone)]
pub enum StoreKey {
    /// 32 secret bytes, as the platform's keystore gives them.
    Key(Zeroizing<[u8; KEY_BYTES]>),
    /// What a person types. The same text in another Unicode form is the same passphrase.
    Passphrase(Zeroizing<String>),
}

impl StoreKey {
    /// Takes 32 secret bytes. The caller wipes its own copy.
    #[must_use]
    pub fn key(bytes: &[u8; KEY_BYTES]) -> Self {
        Self::Key(Zeroizing::new(*bytes))
    }

    /// Takes a passphrase. The caller wipes its own copy.
    #[must_use]
    pub fn passphrase(text: &str) -> Self {
        Self::Passphrase(Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "StoreKey::Key(hidden)",
            Self::Passphrase(_) => "StoreKey::Passphrase(hidden)",
        })
    }
}

/// Why the keys of a store cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// The key or passphrase is another one.
    #[error("the {} given is not the one that opens this key file; nothing was changed", way.name())]
    Wrong {
        /// What was given.
        way: Way,
    },
    /// A key was given where a passphrase opens the file, or the other way round.
    #[error("this key file is opened by a {}, and something else was given", needed.name())]
    OtherWay {
        /// What opens it.
        needed: Way,
    },
    /// The file is not as it was written.
    #[error("the key file is damaged: {reason}; put a copy of it back in place")]
    Damaged {
        /// What is wrong.
        reason: &'static str,
    },
    /// A newer program wrote it.
    #[error("the key file has format {found}, and this program knows {known}; use a newer program")]
    Newer {
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// It asks for more work than any device of ours should do.
    #[error("the key file asks for {found} {what} to open it, over the limit of {limit}")]
    Cost {
        /// What there is too much of.
        what: &'static str,
        /// What the file says.
        found: u32,
        /// The limit.
        limit: u32,
    },
    /// The keys were destroyed on purpose, so nothing opens the store any more.
    #[error("the keys of this store were destroyed; what it holds can never be read again")]
    Destroyed,
    /// A passphrase that is guessed too soon.
    #[error("the passphrase is too short; it needs at least {least} characters")]
    Short {
        /// The least.
        least: usize,
    },
    /// Too many data keys are still in use.
    #[error(
        "the key file holds {limit} data keys already; open the store once with room on the disk"
    )]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Fresh random bytes were not fresh.
    #[error("the random bytes for a new data key cannot be used; try again")]
    NotFresh,
}
