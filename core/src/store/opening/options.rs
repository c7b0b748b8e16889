//! How a store works.

use std::sync::Arc;
use std::time::Duration;

use super::{CACHE_BYTES, CHECKPOINT_EVERY, CHECKPOINT_RECORDS, FREE_BYTES_MIN};
use crate::store::Position;
use crate::store::files::{Files, RealFiles};
use crate::store::sealing::Sealing;
use crate::store::segments::SEGMENT_BYTES;
use crate::store::touched::Touched;

/// Says the time in milliseconds since 1970, for the names of files set aside.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a [`crate::store::DiskStore`] works. The defaults are right; the rest is for tests.
#[derive(Clone)]
pub struct Options {
    /// Says the time.
    pub clock: Clock,
    /// A journal segment is closed when the next group would make it longer than this many bytes.
    pub segment_bytes: u64,
    /// sled's cache, in bytes.
    pub cache_bytes: u64,
    /// Commits are refused while the disk has less room than this many bytes.
    pub free_bytes_min: u64,
    /// The index is flushed after this many records.
    pub checkpoint_records: u64,
    /// And after this long with something to flush.
    pub checkpoint_every: Duration,
    /// How long to wait for the folder while another opener has it.
    pub patience: Duration,
    /// What other openers are told of this one, for instance the name of a command; empty for nothing.
    pub holder: String,
    /// The file layer below the journal.
    pub files: Arc<dyn Files>,
    /// Keeps the index in memory only and makes it anew at each open.
    pub index_in_memory: bool,
    /// Notes beside the journal how far it has come, so that an older copy of it that is put back in
    /// place is noticed. Costs a few syncs at the first commit, each checkpoint and the close: for a hub.
    pub notes_reach: bool,
    /// How far the journal had come, where somebody else knows: what its files lack up to there is repaired, or
    /// marked as lost.
    pub reaches: Position,
    /// Seals all that is written, if given. A plain store is taken over: sealed at its next opening.
    pub sealing: Option<Arc<dyn Sealing>>,
    /// Told which rows were written, if given.
    pub touched: Option<Arc<Touched>>,
    /// What goes wrong in the index alone.
    #[cfg(test)]
    pub(in crate::store) index_faults: crate::store::index_tests::EngineFaults,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("cache_bytes", &self.cache_bytes)
            .field("checkpoint_records", &self.checkpoint_records)
            .field("checkpoint_every", &self.checkpoint_every)
            .field("index_in_memory", &self.index_in_memory)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The usual options, with a clock (milliseconds since 1970).
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            segment_bytes: SEGMENT_BYTES,
            cache_bytes: CACHE_BYTES,
            free_bytes_min: FREE_BYTES_MIN,
            checkpoint_records: CHECKPOINT_RECORDS,
            checkpoint_every: CHECKPOINT_EVERY,
            patience: Duration::ZERO,
            holder: String::new(),
            files: Arc::new(RealFiles),
            index_in_memory: false,
            notes_reach: false,
            reaches: Position(0),
            sealing: None,
            touched: None,
            #[cfg(test)]
            index_faults: crate::store::index_tests::EngineFaults::default(),
        }
    }

    /// The usual options, with a clock that stands still.
    #[must_use]
    pub fn at(now_millis: i64) -> Self {
        Self::new(Arc::new(move || now_millis))
    }
}
