//! The key file: a store's data keys, wrapped.

use std::collections::BTreeMap;
use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::ring::{KEYS_MAX, KeyId, NONCE_BYTES, Ring, Secret};
use super::{KEY_BYTES, RestError, StoreKey};

const MAGIC: [u8; 8] = *b"BIENBANK";
/// The newest format that this program reads and writes.
const FORMAT: u32 = 1;

/// Everything before the wrapped keys.
const HEADER_BYTES: usize = 48;
/// A key's name, its nonce, and the key with the cipher's tag.
const ENTRY_BYTES: usize = 4 + NONCE_BYTES + KEY_BYTES + TAG_BYTES;
const TAG_BYTES: usize = 16;
/// A hash of all before it: tells a damaged file from a wrong key.
const CHECK_BYTES: usize = 32;

const WAY_KEY: u8 = 1;
const WAY_PASSPHRASE: u8 = 2;
/// The keys are gone for good.
const WAY_NONE: u8 = 0xff;

/// Starts what is authenticated with each wrapped key.
const CONTEXT: &[u8] = b"bienban 2026-11 wrapped data key\0";

/// The shortest passphrase that is taken, in characters (NIST SP 800-63B).
pub const PASSPHRASE_CHARS_MIN: usize = 8;

/// Memory that a file may ask for, in KiB: four times the default, and an eighth of a small phone's.
const MEMORY_KIB_MAX: u32 = 256 << 10;
/// Passes over it: with the most memory, some seconds on an old phone.
const PASSES_MAX: u32 = 16;
/// Lanes: more than a phone's fast cores bring nothing.
const LANES_MAX: u32 = 8;

/// Length of the salt, in bytes.
const SALT_BYTES: usize = 16;

/// What making a wrapping key of a passphrase costs (Argon2id): guessing costs the same, each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    /// 64 MiB, three passes, one lane: the second recommendation of RFC 9106, with one lane for phones.
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 1 }
    }
}

impl Cost {
    /// Refuses what nobody should be made to pay, before any memory is taken.
    fn check(self) -> Result<Self, RestError> {
        for (what, found, limit) in [
            ("KiB of memory", self.memory_kib, MEMORY_KIB_MAX),
            ("passes", self.passes, PASSES_MAX),
            ("lanes", self.lanes, LANES_MAX),
        ] {
            if found > limit {
                return Err(RestError::Cost { what, found, limit });
            }
        }
        Ok(self)
    }

    fn wrapping(self, text: &str, salt: &[u8; SALT_BYTES]) -> Result<Secret, RestError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES))
            .map_err(|_| RestError::Damaged { reason: "the cost of its passphrase is none" })?;
        // A person types the same passphrase in other bytes on another keyboard.
        let text = Zeroizing::new(text.nfc().collect::<String>());
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(text.as_bytes(), salt, &mut *key)
            .map_err(|_| RestError::Damaged { reason: "its passphrase cannot be worked out" })?;
        Ok(Secret(key))
    }
}

/// What opens a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// [`StoreKey::Key`].
    Key,
    /// [`StoreKey::Passphrase`].
    Passphrase,
}

impl Way {
    /// In one English word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Passphrase => "passphrase",
        }
    }
}

/// How the wrapping key is made, as the file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Key,
    Passphrase { cost: Cost, salt: [u8; SALT_BYTES] },
}

impl Wrapping {
    fn way(self) -> Way {
        match self {
            Self::Key => Way::Key,
            Self::Passphrase { .. } => Way::Passphrase,
        }
    }

    /// Makes the wrapping key.
    fn secret(self, key: &StoreKey) -> Result<Secret, RestError> {
        match (self, key) {
            (Self::Key, StoreKey::Key(bytes)) => {
                let hash = blake3::derive_key("bienban 2026-11 wrapping key", &**bytes);
                Ok(Secret(Zeroizing::new(hash)))
            }
            (Self::Passphrase { cost, salt }, StoreKey::Passphrase(text)) => {
                cost.wrapping(text, &salt)
            }
            _ => Err(RestError::OtherWay { needed: self.way() }),
        }
    }

    /// Chooses how a new key wraps.
    fn choose(key: &StoreKey, cost: Cost, salt: [u8; SALT_BYTES]) -> Result<Self, RestError> {
        match key {
            StoreKey::Key(_) => Ok(Self::Key),
            StoreKey::Passphrase(text) if text.nfc().count() < PASSPHRASE_CHARS_MIN => {
                Err(RestError::Short { least: PASSPHRASE_CHARS_MIN })
            }
            StoreKey::Passphrase(_) => Ok(Self::Passphrase { cost: cost.check()?, salt }),
        }
    }
}

/// A key file, opened: the data keys, and the key that wraps them.
#[derive(Clone)]
pub struct KeyFile {
    wrapping: Wrapping,
    secret: Secret,
    ring: Ring,
    /// Everything in the store is sealed, so nothing plain is taken for its own any more.
    whole: bool,
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (way, ring) = (self.wrapping.way(), &self.ring);
        f.debug_struct("KeyFile").field("way", &way).field("ring", ring).finish_non_exhaustive()
    }
}

impl KeyFile {
    /// Makes one with a first data key. `data_key` and `salt` must be fresh random bytes.
    ///
    /// # Errors
    ///
    /// Returns [`RestError::Short`] for a passphrase that is too short, [`RestError::Cost`] for one that
    /// would cost too much.
    pub fn create(
        key: &StoreKey,
        cost: Cost,
        data_key: &[u8; KEY_BYTES],
        salt: [u8; SALT_BYTES],
    ) -> Result<Self, RestError> {
        let wrapping = Wrapping::choose(key, cost, salt)?;
        let secret = wrapping.secret(key)?;
        Ok(Self { wrapping, secret, ring: Ring::new(data_key)?, whole: false })
    }

    /// Says what opens a file, without opening it.
    ///
    /// # Errors
    ///
    /// Returns [`RestError`] when the file does not read.
    pub fn way(bytes: &[u8]) -> Result<Way, RestError> {
        Parsed::read(bytes).map(|parsed| parsed.wrapping.way())
    }

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// Returns [`RestError::Wrong`] and [`RestError::OtherWay`] for a key that does not open it,
    /// [`RestError::Destroyed`] where the keys are gone, and others when the file does not read.
    pub fn open(bytes: &[u8], key: &StoreKey) -> Result<Self, RestError> {
        let parsed = Parsed::read(bytes)?;
        let secret = parsed.wrapping.secret(key)?;
        let mut keys = BTreeMap::new();
        for entry in parsed.entries {
            let context = context(parsed.header, entry.id);
            let plain = secret.open(&entry.nonce, &context, entry.sealed);
            let plain = plain.ok_or_else(|| RestError::Wrong { way: parsed.wrapping.way() })?;
            let mut data_key = Zeroizing::new([0; KEY_BYTES]);
            data_key.copy_from_slice(&plain);
            let data_key = Secret(data_key);
            if data_key.id() != Some(entry.id) {
                return Err(RestError::Damaged { reason: "a key has another name" });
            }
            keys.insert(entry.id, data_key);
        }
        if !keys.contains_key(&parsed.current) {
            return Err(RestError::Damaged { reason: "the key that seals is missing" });
        }
        let ring = Ring { current: parsed.current, keys };
        Ok(Self { wrapping: parsed.wrapping, secret, ring, whole: parsed.whole })
    }

    /// Returns the file's bytes. `fresh` must be random and used for this once: it makes the nonces.
    #[must_use]
    pub fn encode(&self, fresh: &[u8; KEY_BYTES]) -> Vec<u8> {
        let mut bytes = self.header().to_vec();
        let header = self.header();
        for (id, data_key) in &self.ring.keys {
            let nonce = nonce(fresh, *id);
            bytes.extend_from_slice(&id.0.to_le_bytes());
            bytes.extend_from_slice(&nonce);
            bytes.extend(self.secret.seal(&nonce, &context(&header, *id), &*data_key.0));
        }
        let check = blake3::hash(&bytes);
        bytes.extend_from_slice(check.as_bytes());
        bytes
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[0..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        header[13] = u8::from(self.whole);
        header[14] = u8::try_from(self.ring.keys.len()).expect("a ring holds at most KEYS_MAX");
        header[16..20].copy_from_slice(&self.ring.current.0.to_le_bytes());
        match self.wrapping {
            Wrapping::Key => header[12] = WAY_KEY,
            Wrapping::Passphrase { cost, salt } => {
                header[12] = WAY_PASSPHRASE;
                header[20..24].copy_from_slice(&cost.memory_kib.to_le_bytes());
                header[24..28].copy_from_slice(&cost.passes.to_le_bytes());
                header[28..32].copy_from_slice(&cost.lanes.to_le_bytes());
                header[32..48].copy_from_slice(&salt);
            }
        }
        header
    }

    /// Returns the bytes that stand in a file whose keys were destroyed.
    #[must_use]
    pub fn destroyed() -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[12] = WAY_NONE;
        let check = blake3::hash(&bytes);
        bytes.extend_from_slice(check.as_bytes());
        bytes
    }

    /// Changes what opens the file. `salt` must be fresh random bytes.
    ///
    /// # Errors
    ///
    /// As [`KeyFile::create`]; nothing is changed then.
    pub fn change_wrapping(
        &mut self,
        key: &StoreKey,
        cost: Cost,
        salt: [u8; SALT_BYTES],
    ) -> Result<(), RestError> {
        let wrapping = Wrapping::choose(key, cost, salt)?;
        self.secret = wrapping.secret(key)?;
        self.wrapping = wrapping;
        Ok(())
    }

    /// Adds a data key, of fresh random bytes, that seals from now on. Older ones still open.
    ///
    /// # Errors
    ///
    /// Returns [`RestError::TooMany`] when too many are in use, [`RestError::NotFresh`] for bytes that
    /// make no key of their own.
    pub fn add_data_key(&mut self, fresh: &[u8; KEY_BYTES]) -> Result<KeyId, RestError> {
        self.ring.add(fresh)
    }

    /// Drops all data keys but the one that seals: nothing is sealed under them any more.
    pub fn retire_older(&mut self) {
        let current = self.ring.current;
        self.ring.keys.retain(|id, _| *id == current);
    }

    /// Notes that nothing in the store is plain any more.
    pub fn set_whole(&mut self) {
        self.whole = true;
    }

    /// Returns whether nothing in the store is plain.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Returns the data keys.
    #[must_use]
    pub fn ring(&self) -> &Ring {
        &self.ring
    }

    /// Returns what opens the file.
    #[must_use]
    pub fn opened_by(&self) -> Way {
        self.wrapping.way()
    }
}

/// A nonce of its own for every key and every writing of the file.
fn nonce(fresh: &[u8; KEY_BYTES], id: KeyId) -> [u8; NONCE_BYTES] {
    let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 key file nonce");
    hasher.update(fresh).update(&id.0.to_le_bytes());
    let mut nonce = [0; NONCE_BYTES];
    hasher.finalize_xof().fill(&mut nonce);
    nonce
}

fn context(header: &[u8], id: KeyId) -> Vec<u8> {
    [CONTEXT, header, &id.0.to_le_bytes()].concat()
}

struct Entry<'a> {
    id: KeyId,
    nonce: [u8; NONCE_BYTES],
    sealed: &'a [u8],
}

/// What a file says before it is opened.
struct Parsed<'a> {
    header: &'a [u8],
    wrapping: Wrapping,
    whole: bool,
    current: KeyId,
    entries: Vec<Entry<'a>>,
}

impl<'a> Parsed<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, RestError> {
        let damaged = |reason| RestError::Damaged { reason };
        // Destroying begins with zeros; a power cut may leave it there.
        if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) {
            return Err(RestError::Destroyed);
        }
        let end = bytes.len().checked_sub(CHECK_BYTES).ok_or_else(|| damaged("it is cut short"))?;
        let (body, check) = bytes.split_at(end);
        let format = body.get(8..12).map(number).ok_or_else(|| damaged("it is cut short"))?;
        if body[0..8] != MAGIC || blake3::hash(body).as_bytes() != check {
            return Err(damaged("its check fails"));
        }
        if format > FORMAT {
            return Err(RestError::Newer { found: format, known: FORMAT });
        }
        let (header, rest) =
            body.split_at_checked(HEADER_BYTES).ok_or_else(|| damaged("it is cut short"))?;
        let wrapping = wrapping(header)?;
        let count = usize::from(header[14]);
        if count == 0 || count > KEYS_MAX || rest.len() != count * ENTRY_BYTES {
            return Err(damaged("it holds another number of keys than it says"));
        }
        let entries = rest.chunks_exact(ENTRY_BYTES).map(|entry| {
            let (id, rest) = entry.split_at(4);
            let (fresh, sealed) = rest.split_at(NONCE_BYTES);
            let mut nonce = [0; NONCE_BYTES];
            nonce.copy_from_slice(fresh);
            Entry { id: KeyId(number(id)), nonce, sealed }
        });
        let (whole, current) = (header[13] == 1, KeyId(number(&header[16..20])));
        Ok(Self { header, wrapping, whole, current, entries: entries.collect() })
    }
}

fn wrapping(header: &[u8]) -> Result<Wrapping, RestError> {
    match header[12] {
        WAY_KEY => Ok(Wrapping::Key),
        WAY_PASSPHRASE => {
            let [memory_kib, passes, lanes] = [20, 24, 28].map(|at| number(&header[at..at + 4]));
            let mut salt = [0; SALT_BYTES];
            salt.copy_from_slice(&header[32..48]);
            let cost = Cost { memory_kib, passes, lanes }.check()?;
            Ok(Wrapping::Passphrase { cost, salt })
        }
        WAY_NONE => Err(RestError::Destroyed),
        _ => Err(RestError::Damaged { reason: "it does not say what opens it" }),
    }
}

/// Reads a number of four bytes; the caller has checked that they are there.
fn number(bytes: &[u8]) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[..4]);
    u32::from_le_bytes(four)
}
