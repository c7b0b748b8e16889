//! Reads a journal's files from outside, without opening their store: for a backup that is taken beside a
//! store that runs, and for whoever checks one. Nothing is locked, and nothing is changed.

use std::path::Path;

use super::entry::{SegmentHeader, StoreId};
use super::files::Files;
use super::scan::{Damage, scan};
use super::{Position, StoreError};

/// What the files of a journal hold, as far as they are whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The store that they name; none where no header can be read.
    pub store: Option<[u8; 16]>,
    /// The last record of the last whole commit; 0 when there is none.
    pub position: Position,
    /// The hash of everything up to it.
    pub chain: [u8; 32],
    /// The numbers of the segments that are whole up to there, in order.
    pub segments: Vec<u64>,
    /// How many bytes of the last of them belong to whole commits. What follows was being written.
    pub last_bytes: u64,
    /// The hash up to the position that was asked about; none where the files do not come so far, or begin
    /// after it.
    pub probed: Option<[u8; 32]>,
    /// What had been written before and cannot be read, if anything: the first such place.
    pub damage: Option<Damage>,
    /// Some of it is sealed, as only a device's is.
    pub sealed: bool,
}

/// Reads all segments in a folder, in order and each once, and checks that every record continues the one
/// before it.
///
/// A file that is written to meanwhile is taken as far as its commits are whole. One that is exchanged for
/// another meanwhile may read as damaged; whoever reads beside a writer tries again then.
///
/// # Errors
///
/// Returns [`StoreError::Newer`] when a newer program wrote a segment, and [`StoreError::Io`] when one
/// cannot be read.
pub fn survey(files: &dyn Files, folder: &Path, probe: Position) -> Result<Survey, StoreError> {
    let found = scan(files, folder, None, probe)?;
    Ok(Survey {
        store: found.store.map(|StoreId(store)| store),
        position: found.found.head.position,
        chain: found.found.head.chain.0,
        segments: found.found.segments.iter().map(|header| header.number).collect(),
        last_bytes: found.found.offset,
        probed: found.probed.map(|chain| chain.0),
        damage: found.damage,
        sealed: found.found.segments.iter().any(|header| header.key != 0),
    })
}

/// Returns whether bytes begin with the whole header of a segment, whatever it says.
#[must_use]
pub fn begins_segment(bytes: &[u8]) -> bool {
    SegmentHeader::decode(bytes).is_ok()
}
