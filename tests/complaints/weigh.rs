//! A store that counts what is read of it: how often, and how many bytes. A cost in numbers that are the same
//! on every machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bienban_core::replica::Projection;
use bienban_core::store::{MemoryStore, Store};

use crate::store::{Position, Read, Record, Row, StoreError};

/// What some work read of its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Rows and records that were asked for.
    pub(crate) asked: u64,
    /// Bytes that came.
    pub(crate) bytes: u64,
}

/// A store in memory that counts.
pub(crate) struct Weighed {
    store: MemoryStore,
    asked: AtomicU64,
    bytes: AtomicU64,
}

struct View<'a>(&'a Weighed, Box<dyn Read + 'a>);

impl Weighed {
    pub(crate) fn new() -> Arc<Self> {
        let store = MemoryStore::new(Arc::new(Projection));
        Arc::new(Self { store, asked: AtomicU64::new(0), bytes: AtomicU64::new(0) })
    }

    /// What `work` reads.
    pub(crate) fn of<T>(&self, work: impl FnOnce() -> T) -> (Reads, T) {
        let now = || (self.asked.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        let before = now();
        let done = work();
        let after = now();
        (Reads { asked: after.0 - before.0, bytes: after.1 - before.1 }, done)
    }

    fn count(&self, asked: usize, bytes: usize) {
        self.asked.fetch_add(asked as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn get_from(&self, below: &dyn Read, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = below.get(key)?;
        self.count(1, found.as_ref().map_or(0, Vec::len));
        Ok(found)
    }

    fn scan_from(
        &self,
        below: &dyn Read,
        (prefix, after, limit): (&[u8], Option<&[u8]>, usize),
    ) -> Result<Vec<Row>, StoreError> {
        let found = below.scan(prefix, after, limit)?;
        let bytes = found.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.count(1 + found.len(), bytes);
        Ok(found)
    }
}

impl Read for Weighed {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get_from(&self.store, key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.scan_from(&self.store, (prefix, after, limit))
    }
}

impl Read for View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get_from(&*self.1, key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.scan_from(&*self.1, (prefix, after, limit))
    }
}

impl Store for Weighed {
    fn record(&self, at: Position) -> Result<Option<Record>, StoreError> {
        let found = self.store.record(at)?;
        self.count(1, found.as_ref().map_or(0, |record| record.payload.len()));
        Ok(found)
    }

    fn read(&self) -> Box<dyn Read + '_> {
        Box::new(View(self, self.store.read()))
    }

    crate::store::pass_on!(store; submit derive position verify reopen opened);
}
