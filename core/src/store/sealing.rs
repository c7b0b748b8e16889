//! Sealing: what lies on disk is readable with its key only.
//!
//! The payload of a record and the value of a row are sealed with where they belong, so that one put
//! elsewhere does not open. This module knows neither keys nor ciphers; a [`Sealing`] does.

use std::borrow::Cow;
use std::sync::Arc;

use super::entry::{Entry, StoreId, u32_at};
use super::rows::{Batch, Engine, TABLE_JOURNAL};
use super::{Record, Row, StoreError};

/// Length of a nonce, in bytes.
pub const NONCE_BYTES: usize = 24;

/// How much longer something is when it is sealed.
pub(super) const TAG_BYTES: usize = 16;

/// Starts what is bound to a record.
const RECORD_CONTEXT: &[u8] = b"bienban 2026-11 sealed journal record\0";
/// Starts what is bound to a row.
const ROW_CONTEXT: &[u8] = b"bienban 2026-11 sealed index row\0";

/// The version of a sealed row: version, key id, nonce, sealed value.
const ROW_VERSION: u8 = 1;
/// Version and key id, which are bound.
const ROW_HEAD_BYTES: usize = 5;

/// What was sealed: its nonce, and bytes that are 16 longer.
pub type SealedBytes = ([u8; NONCE_BYTES], Vec<u8>);

/// Seals what a store writes, and opens it again. A key is named by a number other than 0; the same
/// number is never another key.
pub trait Sealing: Send + Sync {
    /// Returns the key that seals from now on.
    fn key(&self) -> u32;

    /// Returns whether something sealed under this key can be opened.
    fn holds(&self, key: u32) -> bool;

    /// Returns whether records that are not sealed may be the store's own: it was plain before, and is
    /// being taken over. Otherwise they count as damaged.
    fn takes_plain(&self) -> bool;

    /// Seals under a key, bound to a context; none where the key is not held. No nonce is used twice.
    fn seal(&self, key: u32, context: &[u8], plain: &[u8]) -> Option<SealedBytes>;

    /// Opens; none when key, nonce, context or a single bit is another.
    fn open(
        &self,
        key: u32,
        nonce: &[u8; NONCE_BYTES],
        context: &[u8],
        sealed: &[u8],
    ) -> Option<Vec<u8>>;
}

/// What opens a sealed record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seal {
    /// The key's name, never 0.
    pub(super) key: u32,
    /// Used once.
    pub(super) nonce: [u8; NONCE_BYTES],
}

/// Says that a key is not at hand.
pub(super) fn other_key(what: String, key: u32) -> StoreError {
    StoreError::OtherKey { what, key }
}

impl Entry {
    /// Seals a plain record under a key.
    pub(super) fn sealed(
        mut self,
        store: StoreId,
        sealing: &dyn Sealing,
        key: u32,
    ) -> Result<Self, StoreError> {
        let length = self.record.payload.len() + TAG_BYTES;
        let context = self.context(store, length, key);
        let sealed = sealing.seal(key, &context, &self.record.payload);
        let (nonce, payload) =
            sealed.ok_or_else(|| other_key(format!("record {}", self.position.0), key))?;
        self.record.payload = payload;
        self.seal = Some(Seal { key, nonce });
        Ok(self)
    }

    /// Returns what it says, opened if it is sealed.
    pub(super) fn plain(
        &self,
        store: StoreId,
        sealing: Option<&dyn Sealing>,
    ) -> Result<Cow<'_, Record>, StoreError> {
        let what = || format!("record {}", self.position.0);
        match (&self.seal, sealing) {
            _ if self.lost => Ok(Cow::Borrowed(&self.record)),
            (None, Some(sealing)) if !sealing.takes_plain() => {
                Err(StoreError::Damaged { what: format!("{}, which is not sealed,", what()) })
            }
            (None, _) => Ok(Cow::Borrowed(&self.record)),
            (Some(_), None) => Err(StoreError::Sealed { what: what() }),
            (Some(seal), Some(sealing)) => {
                if !sealing.holds(seal.key) {
                    return Err(other_key(what(), seal.key));
                }
                let sealed = &self.record.payload;
                let context = self.context(store, sealed.len(), seal.key);
                let payload = sealing.open(seal.key, &seal.nonce, &context, sealed);
                let payload = payload.ok_or_else(|| StoreError::Damaged { what: what() })?;
                Ok(Cow::Owned(Record { kind: self.record.kind, payload }))
            }
        }
    }

    /// Returns it sealed under a certain key, unless it is; none when its own seal is broken.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::OtherKey`] when a key is not at hand: that is no damage, and whoever has
    /// the key can still read it.
    pub(super) fn under(
        self,
        store: StoreId,
        sealing: &dyn Sealing,
        key: u32,
    ) -> Result<Option<Self>, StoreError> {
        if self.lost || self.seal.is_some_and(|seal| seal.key == key) {
            return Ok(Some(self));
        }
        let record = match self.plain(store, Some(sealing)) {
            Ok(record) => record.into_owned(),
            Err(error @ StoreError::OtherKey { .. }) => return Err(error),
            Err(_) => return Ok(None),
        };
        Self { record, seal: None, ..self }.sealed(store, sealing, key).map(Some)
    }

    fn context(&self, store: StoreId, length: usize, key: u32) -> Vec<u8> {
        [RECORD_CONTEXT, &store.0, &self.bound(length, key)].concat()
    }
}

/// Seals the values of an engine's rows. The journal's copies are sealed as the journal is.
pub(super) struct SealedEngine {
    /// What keeps the rows.
    pub(super) engine: Box<dyn Engine>,
    /// What seals them.
    pub(super) sealing: Arc<dyn Sealing>,
}

impl SealedEngine {
    fn seal(&self, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        if key.first() == Some(&TABLE_JOURNAL) {
            return Ok(value);
        }
        let by = self.sealing.key();
        let mut bytes = vec![ROW_VERSION];
        bytes.extend_from_slice(&by.to_le_bytes());
        let sealed = self.sealing.seal(by, &context(&bytes, key), &value);
        let (nonce, sealed) = sealed.ok_or_else(|| other_key("a row".into(), by))?;
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// Opens a value. One that does not open becomes an empty one, which is no framed value: whoever
    /// reads it takes it for damaged, as it is.
    fn open(&self, key: &[u8], value: Vec<u8>) -> Vec<u8> {
        if key.first() == Some(&TABLE_JOURNAL) {
            return value;
        }
        self.try_open(key, &value).unwrap_or_default()
    }

    fn try_open(&self, key: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        let (head, rest) = value.split_at_checked(ROW_HEAD_BYTES)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
        if head[0] != ROW_VERSION {
            return None;
        }
        self.sealing.open(u32_at(head, 1), nonce.try_into().ok()?, &context(head, key), sealed)
    }
}

fn context(head: &[u8], key: &[u8]) -> Vec<u8> {
    [ROW_CONTEXT, head, key].concat()
}

impl Engine for SealedEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.engine.get(key)?.map(|value| self.open(key, value)))
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.engine.scan(prefix, after, limit)?;
        for (key, value) in &mut rows {
            *value = self.open(key, std::mem::take(value));
        }
        Ok(rows)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let sealed = batch.into_iter().map(|(key, value)| {
            let value = value.map(|value| self.seal(&key, value)).transpose()?;
            Ok((key, value))
        });
        self.engine.apply(sealed.collect::<Result<_, StoreError>>()?)
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.engine.flush()
    }
}
