//! How much of what was read still waits to be taken in, in batches and in bytes.

use std::collections::VecDeque;
use std::ops::Range;

use super::{ACCEPTS_BYTES_MAX, ACCEPTS_MAX, Fault, SessionError};
use crate::sync::pack::LONG_PACK_BYTES_MAX;

/// Batches of packs that were given out to be stored and are not answered yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Of each its bytes, and the places that its packs have among the names of the session.
    batches: VecDeque<(usize, Range<usize>)>,
    bytes: usize,
}

impl Backlog {
    /// Reports whether nothing more is read until the oldest batch is answered.
    pub(super) fn is_full(&self) -> bool {
        self.batches.len() >= ACCEPTS_MAX || self.bytes >= ACCEPTS_BYTES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Returns how many batches there are.
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Returns how many bytes they have.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts a batch, of which packs have these places among the names of the session: all of them or none.
    ///
    /// # Errors
    ///
    /// Returns [`SessionError::TooMuch`] when this side read on although the backlog was full; the
    /// frame that was under way when it became so is borne.
    pub(super) fn add(
        &mut self,
        packs: &[Vec<u8>],
        places: Range<usize>,
    ) -> Result<(), SessionError> {
        let fault = Fault::Own;
        if self.batches.len() > ACCEPTS_MAX {
            let (what, limit) = ("batches of packs", ACCEPTS_MAX);
            return Err(SessionError::TooMuch { what, limit, fault });
        }
        let limit = ACCEPTS_BYTES_MAX + LONG_PACK_BYTES_MAX;
        if self.bytes > limit {
            return Err(SessionError::TooMuch { what: "bytes of packs", limit, fault });
        }
        let size = packs.iter().map(Vec::len).sum();
        self.batches.push_back((size, places));
        self.bytes += size;
        Ok(())
    }

    /// Forgets the oldest batch, which was answered. Returns the places of its packs.
    pub(super) fn answered(&mut self) -> Range<usize> {
        let (size, places) = self.batches.pop_front().unwrap_or_default();
        self.bytes -= size;
        places
    }
}
