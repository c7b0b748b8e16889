//! How much of what was read still waits to be taken in, in batches and in bytes.

use std::collections::VecDeque;

use super::{ACCEPTS_BYTES_MAX, ACCEPTS_MAX, Fault, SessionError};
use crate::sync::pack::LONG_PACK_BYTES_MAX;

/// Batches of packs that were given out to be stored and are not answered yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    sizes: VecDeque<usize>,
    bytes: usize,
}

impl Backlog {
    /// Reports whether nothing more is read until the oldest batch is answered.
    pub(super) fn is_full(&self) -> bool {
        self.sizes.len() >= ACCEPTS_MAX || self.bytes >= ACCEPTS_BYTES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Returns how many batches there are.
    pub(super) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Returns how many bytes they have.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts a batch.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::TooMuch`] when this side read on although the backlog was full; the
    /// frame that was under way when it became so is borne.
    pub(super) fn add(&mut self, packs: &[Vec<u8>]) -> Result<(), SessionError> {
        let fault = Fault::Own;
        if self.sizes.len() > ACCEPTS_MAX {
            let (what, limit) = ("batches of packs", ACCEPTS_MAX);
            return Err(SessionError::TooMuch { what, limit, fault });
        }
        let limit = ACCEPTS_BYTES_MAX + LONG_PACK_BYTES_MAX;
        if self.bytes > limit {
            return Err(SessionError::TooMuch { what: "bytes of packs", limit, fault });
        }
        let size = packs.iter().map(Vec::len).sum();
        self.sizes.push_back(size);
        self.bytes += size;
        Ok(())
    }

    /// Forgets the oldest batch, which was answered.
    pub(super) fn answered(&mut self) {
        self.bytes -= self.sizes.pop_front().unwrap_or(0);
    }
}
