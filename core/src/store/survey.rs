//! Reads a journal's files from outside, without opening their store: for a backup that is taken beside a
//! store that runs, and for whoever checks one. Nothing is locked, and nothing is changed.

use std::path::{Path, PathBuf};

use super::entry::{Form, HeaderFault, SegmentHeader, StoreId};
use super::files::Files;
use super::scan::{Damage, SegmentFile, scan_growing, whole};
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
    /// Records of it may be shorter than they were written: what they leave out is told from others.
    pub shortened: bool,
}

/// Reads all segments in a folder, in order, and checks that every record continues the one before it. Each is
/// read once, but for one that was the last: it is read again, to its end, where others were begun meanwhile.
///
/// A file that is written to meanwhile is taken as far as its commits are whole. One that is exchanged for
/// another meanwhile may read as damaged; whoever reads beside a writer tries again then.
///
/// # Errors
///
/// Returns [`StoreError::Newer`] when a newer program wrote a segment, and [`StoreError::Io`] when one
/// cannot be read.
pub fn survey(files: &dyn Files, folder: &Path, probe: Position) -> Result<Survey, StoreError> {
    let found = scan_growing(files, folder, probe)?;
    Ok(Survey {
        store: found.store.map(|StoreId(store)| store),
        position: found.found.head.position,
        chain: found.found.head.chain.0,
        segments: found.found.segments.iter().map(|header| header.number).collect(),
        last_bytes: found.found.offset,
        probed: found.probed.map(|chain| chain.0),
        damage: found.damage,
        sealed: found.found.segments.iter().any(|header| header.key != 0),
        shortened: found.found.segments.iter().any(|header| header.form != Form::Written),
    })
}

/// Returns the store that the whole header of a segment names, also one of a later format; none where the bytes
/// begin with no header, or with a damaged one.
#[must_use]
pub fn store_of_segment(bytes: &[u8]) -> Option<[u8; 16]> {
    match SegmentHeader::decode(bytes) {
        Ok(header) => Some(header.store.0),
        // Its checksum is right, and the store's name has its place in every format.
        Err(HeaderFault::Newer(_)) => bytes.get(12..28)?.try_into().ok(),
        Err(HeaderFault::Damaged) => None,
    }
}

/// Returns whether a segment, whose number is given, is whole by itself, and what lies behind it begins with a
/// whole header and does not continue it: both are of two pasts of a journal, or of two journals.
#[must_use]
pub fn parts_ways(number: u64, bytes: Vec<u8>, next: &[u8]) -> bool {
    let (Ok(header), Ok(next)) = (SegmentHeader::decode(&bytes), SegmentHeader::decode(next))
    else {
        return false;
    };
    let file = SegmentFile { path: PathBuf::new(), number, bytes };
    let end = whole(&file, (header.store, header.before), &|_| true).map(|(_, end)| end);
    end.is_some_and(|before| {
        next != SegmentHeader { store: header.store, number: number + 1, before, ..next }
    })
}
