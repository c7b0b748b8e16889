//! Data keys, and sealing under them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::{KEY_BYTES, RestError};

/// Length of a nonce, in bytes: so long that random ones never meet.
pub const NONCE_BYTES: usize = 24;

/// Bytes of a nonce that are fresh at each opening; a count fills the rest.
const FRESH_BYTES: usize = 16;

/// So many data keys may be in use at once: each is there until the store was rewritten without it,
/// which every opening tries.
pub(super) const KEYS_MAX: usize = 16;

/// Names a data key; made from the key itself, so that the key of another store is told from ours.
/// Never 0, which stands for "not sealed".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub u32);

/// 32 secret bytes. Wiped when dropped.
#[derive(Clone)]
pub(super) struct Secret(pub(super) Zeroizing<[u8; KEY_BYTES]>);

impl Secret {
    /// Returns the key's name; none for the one key in four billion that has no name of its own.
    pub(super) fn id(&self) -> Option<KeyId> {
        let hash = blake3::derive_key("bienban 2026-11 data key id", &*self.0);
        let id = u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]);
        (id != 0).then_some(KeyId(id))
    }

    pub(super) fn seal(&self, nonce: &[u8; NONCE_BYTES], context: &[u8], plain: &[u8]) -> Vec<u8> {
        self.cipher()
            .encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad: context })
            .expect("what is sealed is far shorter than the cipher's 256 GiB")
    }

    pub(super) fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let payload = Payload { msg: sealed, aad: context };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// The data keys of one store: one that seals, and older ones that still open.
#[derive(Clone)]
pub struct Ring {
    pub(super) current: KeyId,
    pub(super) keys: BTreeMap<KeyId, Secret>,
}

impl Ring {
    /// Begins with one key.
    pub(super) fn new(fresh: &[u8; KEY_BYTES]) -> Result<Self, RestError> {
        let secret = Secret(Zeroizing::new(*fresh));
        let current = secret.id().ok_or(RestError::NotFresh)?;
        Ok(Self { current, keys: BTreeMap::from([(current, secret)]) })
    }

    /// Adds a key that seals from now on.
    pub(super) fn add(&mut self, fresh: &[u8; KEY_BYTES]) -> Result<KeyId, RestError> {
        let added = Self::new(fresh)?;
        if self.keys.len() >= KEYS_MAX {
            return Err(RestError::TooMany { limit: KEYS_MAX });
        }
        if self.keys.contains_key(&added.current) {
            return Err(RestError::NotFresh);
        }
        self.keys.extend(added.keys);
        self.current = added.current;
        Ok(self.current)
    }

    /// Returns the key that seals.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.current
    }

    /// Returns how many keys there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.len()
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ring({:08x} of {} keys, all hidden)", self.current.0, self.keys.len())
    }
}

/// What was sealed: the cipher's bytes with their tag, and what opens them beside the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Its nonce, used once.
    pub nonce: [u8; NONCE_BYTES],
    /// 16 bytes longer than what was sealed.
    pub bytes: Vec<u8>,
}

/// Seals and opens under a ring's keys (XChaCha20-Poly1305).
#[derive(Debug)]
pub struct Sealer {
    ring: Ring,
    fresh: [u8; FRESH_BYTES],
    count: AtomicU64,
}

impl Sealer {
    /// Takes a ring's keys. `fresh` must be random and never used before: with a count it makes the
    /// nonces, so that two openings of one store, or of two copies of it, never use the same.
    #[must_use]
    pub fn new(ring: &Ring, fresh: [u8; FRESH_BYTES]) -> Self {
        Self { ring: ring.clone(), fresh, count: AtomicU64::new(0) }
    }

    /// Returns the key that seals.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.ring.current
    }

    /// Returns whether something sealed under this key can be opened.
    #[must_use]
    pub fn holds(&self, key: KeyId) -> bool {
        self.ring.keys.contains_key(&key)
    }

    /// Seals under a key. The context is not kept, and must be the same when it is opened. None where
    /// the key is not there.
    #[must_use]
    pub fn seal(&self, key: KeyId, context: &[u8], plain: &[u8]) -> Option<Sealed> {
        let secret = self.ring.keys.get(&key)?;
        let nonce = self.nonce();
        Some(Sealed { nonce, bytes: secret.seal(&nonce, context, plain) })
    }

    /// Opens what was sealed under a key; none when that, the context or a single bit is another.
    #[must_use]
    pub fn open(
        &self,
        key: KeyId,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        self.ring.keys.get(&key)?.open(nonce, context, sealed)
    }

    fn nonce(&self) -> [u8; NONCE_BYTES] {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut nonce = [0; NONCE_BYTES];
        nonce[..FRESH_BYTES].copy_from_slice(&self.fresh);
        nonce[FRESH_BYTES..].copy_from_slice(&count.to_le_bytes());
        nonce
    }
}
