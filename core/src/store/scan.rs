//! Reads the journal's files after a crash or damage and says what they still hold.
//!
//! It tells three things apart: a torn tail, which nobody was ever told about and which is cut; a
//! hole in what had been durable, which must be repaired; and files that are whole. It changes
//! nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use super::entry::{
    Chain, Entry, Head, HeaderFault, Marker, SEGMENT_HEADER_BYTES, SegmentHeader, StoreId,
    chain_after,
};
use super::files::{Files, failed, list_if_there};
use super::segments::{Found, newer};
use super::{Position, StoreError};

/// What the journal's files hold.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// The store that the segments name; `None` when no header can be read.
    pub(super) store: Option<StoreId>,
    /// What is whole, from the start.
    pub(super) found: Found,
    /// What was written without being acknowledged, at the end of the last segment.
    pub(super) tail: Option<Tail>,
    /// What had been durable and is not readable; the journal must be repaired then.
    pub(super) damage: Option<Damage>,
    /// The chain at the position that the caller asked about, if it was reached.
    pub(super) probed: Option<Chain>,
}

/// The first place in a journal's files that had been durable and cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The header of a segment does not continue the segment before: one of both is damaged, or not there.
    Header {
        /// The segment's number.
        segment: u64,
    },
    /// A record of a segment cannot be read.
    Record {
        /// The segment's number.
        segment: u64,
        /// The last whole record before it.
        after: Position,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { segment } => {
                write!(f, "{segment:08}.seg: its header does not continue the one before")
            }
            Self::Record { segment, after } => {
                write!(f, "{segment:08}.seg: the record after {} cannot be read", after.0)
            }
        }
    }
}

/// Bytes to cut.
#[derive(Debug, Clone)]
pub(super) struct Tail {
    /// The file.
    pub(super) path: PathBuf,
    /// Where the cut goes; 0 removes the file.
    pub(super) keep: u64,
    /// The bytes after the cut.
    pub(super) bytes: Vec<u8>,
}

/// One segment file, read.
pub(super) struct SegmentFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The number in its name.
    pub(super) number: u64,
    /// All of it.
    pub(super) bytes: Vec<u8>,
}

/// Returns numbers and paths of the segment files in a folder, in order.
pub(super) fn segment_files(
    files: &dyn Files,
    folder: &Path,
) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for name in list_if_there(files, folder)? {
        let number = name.strip_suffix(".seg").filter(|digits| digits.len() >= 8);
        if let Some(number) = number.and_then(|digits| digits.parse().ok()) {
            found.push((number, folder.join(name)));
        }
    }
    found.sort();
    Ok(found)
}

/// Reads a segment file.
pub(super) fn read_segment(
    files: &dyn Files,
    number: u64,
    path: PathBuf,
) -> Result<SegmentFile, StoreError> {
    let bytes = files.read(&path).map_err(|source| failed("read", &path, source))?;
    Ok(SegmentFile { path, number, bytes })
}

/// Reads all segments and remembers the chain at `probe`.
pub(super) fn scan(
    files: &dyn Files,
    folder: &Path,
    store: Option<StoreId>,
    probe: Position,
) -> Result<Scan, StoreError> {
    let listed = segment_files(files, folder)?;
    let store = match store {
        Some(store) => Some(store),
        None => store_in_headers(files, &listed)?,
    };
    let mut walk = Walk::new(store, probe);
    walk.through(files, listed)?;
    Ok(walk.scan)
}

/// As [`scan`], of a journal that somebody may write to meanwhile.
///
/// A segment that was shortened tells its packs from a record in a later one, which may have been begun after the
/// files were listed. So those are read too, with the end of the one before them, until there is none: all that
/// any file needs lies in what was read after it.
pub(super) fn scan_growing(
    files: &dyn Files,
    folder: &Path,
    probe: Position,
) -> Result<Scan, StoreError> {
    let mut listed = segment_files(files, folder)?;
    let mut walk = Walk::new(store_in_headers(files, &listed)?, probe);
    loop {
        let last = listed.last().map(|(number, _)| *number);
        let before_last = walk.through(files, listed)?;
        listed = segment_files(files, folder)?;
        listed.retain(|(number, _)| last.is_none_or(|last| *number >= last));
        if listed.last().is_none_or(|(number, _)| Some(*number) == last) {
            return Ok(walk.scan);
        }
        walk = before_last;
    }
}

/// Returns the store that the first readable header names.
fn store_in_headers(
    files: &dyn Files,
    listed: &[(u64, PathBuf)],
) -> Result<Option<StoreId>, StoreError> {
    for (_, path) in listed {
        let start = files.read_start(path, SEGMENT_HEADER_BYTES);
        let (bytes, _) = start.map_err(|source| failed("read", path, source))?;
        if let Ok(header) = SegmentHeader::decode(&bytes) {
            return Ok(Some(header.store));
        }
    }
    Ok(None)
}

/// Takes files whose hashes were found right: only the segments' headers are read. `None` when
/// something does not fit after all.
pub(super) fn trust(
    files: &dyn Files,
    folder: &Path,
    head: Head,
) -> Result<Option<Scan>, StoreError> {
    let (mut segments, mut offset) = (Vec::<SegmentHeader>::new(), 0);
    for (number, path) in segment_files(files, folder)? {
        let start = files.read_start(&path, SEGMENT_HEADER_BYTES);
        let (bytes, length) = start.map_err(|source| failed("read", &path, source))?;
        match SegmentHeader::decode(&bytes) {
            Err(HeaderFault::Newer(found)) => return Err(newer(&path, found)),
            Ok(header) if header.number == number => segments.push(header),
            Ok(_) | Err(HeaderFault::Damaged) => return Ok(None),
        }
        offset = length;
    }
    let Some(store) = segments.last().map(|header| header.store) else { return Ok(None) };
    let found = Found { segments, offset, head };
    let probed = Some(head.chain);
    Ok(Some(Scan { store: Some(store), found, tail: None, damage: None, probed }))
}

#[derive(Clone)]
struct Walk {
    scan: Scan,
    probe: Position,
}

impl Walk {
    fn new(store: Option<StoreId>, probe: Position) -> Self {
        let head = Head::start(store.unwrap_or(StoreId([0; 16])));
        let found = Found { segments: Vec::new(), offset: 0, head };
        let probed = (probe.0 == 0).then_some(head.chain);
        let scan = Scan { store, found, tail: None, damage: None, probed };
        Self { scan, probe }
    }

    /// Reads files in order. Returns what was known before the last of them.
    fn through(
        &mut self,
        files: &dyn Files,
        listed: Vec<(u64, PathBuf)>,
    ) -> Result<Self, StoreError> {
        let (count, mut before_last) = (listed.len(), self.clone());
        for (nth, (number, path)) in listed.into_iter().enumerate() {
            let (segment, is_last) = (read_segment(files, number, path)?, nth + 1 == count);
            if is_last {
                before_last = self.clone();
            }
            self.segment(segment, is_last)?;
        }
        Ok(before_last)
    }

    fn segment(&mut self, file: SegmentFile, is_last: bool) -> Result<(), StoreError> {
        if self.scan.damage.is_some() {
            return Ok(());
        }
        let header = match SegmentHeader::decode(&file.bytes) {
            Err(HeaderFault::Newer(found)) => return Err(newer(&file.path, found)),
            Err(HeaderFault::Damaged) => None,
            Ok(header) => self.accept(&file, header),
        };
        match header {
            Some(header) => self.records(file, header, is_last),
            None if is_last && !self.had_been_durable(&file, 0, self.scan.found.head) => {
                // The crash came while this segment was being started.
                self.scan.tail = Some(Tail { path: file.path, keep: 0, bytes: file.bytes });
            }
            None => self.scan.damage = Some(Damage::Header { segment: file.number }),
        }
        Ok(())
    }

    /// Returns the header if it continues what came before.
    fn accept(&mut self, file: &SegmentFile, header: SegmentHeader) -> Option<SegmentHeader> {
        let store = *self.scan.store.get_or_insert(header.store);
        if self.scan.found.segments.is_empty() {
            self.scan.found.head = Head::start(store);
            if self.probe.0 == 0 {
                self.scan.probed = Some(self.scan.found.head.chain);
            }
        }
        let number = self.scan.found.segments.last().map_or(0, |header| header.number) + 1;
        let expected = SegmentHeader { store, number, before: self.scan.found.head, ..header };
        (header == expected && file.number == number).then_some(header)
    }

    fn records(&mut self, mut file: SegmentFile, header: SegmentHeader, is_last: bool) {
        let found = &mut self.scan.found;
        found.segments.push(header);
        let (mut whole, mut probed) = ((found.head, SEGMENT_HEADER_BYTES), None);
        follow(&file.bytes, &header, &mut |entry, head, offset| {
            if entry.position == self.probe {
                probed = Some(head.chain);
            }
            if entry.last {
                whole = (head, offset);
                self.scan.probed = self.scan.probed.or(probed);
            }
            true
        });
        (found.head, found.offset) = (whole.0, whole.1 as u64);
        // It was whole before it took the place of a longer one, so what it lacks had been durable.
        let cut = header.form.closing().is_some_and(|closing| closing != whole.0);
        if whole.1 == file.bytes.len() && !cut {
            return;
        }
        if is_last && !cut && !self.had_been_durable(&file, whole.1, whole.0) {
            let bytes = file.bytes.split_off(whole.1);
            self.scan.tail = Some(Tail { path: file.path, keep: whole.1 as u64, bytes });
        } else {
            let (segment, after) = (file.number, whole.0.position);
            self.scan.damage = Some(Damage::Record { segment, after });
        }
    }

    /// Whether bytes that do not continue `head` hide records that had been durable: a later record
    /// was written in a later group, and a group is only written after the sync of the one before.
    fn had_been_durable(&self, file: &SegmentFile, from: usize, head: Head) -> bool {
        let (finder, mut offset) = (Finder::new(self.scan.store, &file.bytes), from);
        while let Some((at, entry)) = finder.next(offset) {
            let group_start = entry.position.0.saturating_sub(u64::from(entry.group_offset));
            if group_start > head.position.0 + 1 {
                return true;
            }
            offset = at + entry.len();
        }
        false
    }
}

/// Visits the records of a segment file, as far as each continues the one before it: the record, the head
/// that it leads to, and where in the file it ends. Ends where `visit` says no.
fn follow(
    bytes: &[u8],
    header: &SegmentHeader,
    visit: &mut dyn FnMut(&Entry, Head, usize) -> bool,
) {
    let (mut head, mut offset) = (header.before, SEGMENT_HEADER_BYTES);
    while offset < bytes.len() {
        let Some((entry, after)) = next_record(&bytes[offset..], head) else { return };
        offset += entry.len();
        head = Head { position: entry.position, chain: header.form.after(entry.position, after) };
        if !visit(&entry, head, offset) {
            return;
        }
    }
}

/// Returns header and end of a segment file of a store that continues `before`, holds whole commits and
/// nothing else, and of which every record is accepted; none where anything of that does not hold.
pub(super) fn whole(
    file: &SegmentFile,
    (store, before): (StoreId, Head),
    accepts: &dyn Fn(&Entry) -> bool,
) -> Option<(SegmentHeader, Head)> {
    let header = SegmentHeader::decode(&file.bytes).ok()?;
    if header != (SegmentHeader { store, number: file.number, before, ..header }) {
        return None;
    }
    let mut end = (before, SEGMENT_HEADER_BYTES);
    follow(&file.bytes, &header, &mut |entry, head, offset| {
        if entry.last {
            end = (head, offset);
        }
        accepts(entry)
    });
    let closes = header.form.closing().is_none_or(|closing| closing == end.0);
    (closes && end.1 == file.bytes.len()).then_some((header, end.0))
}

/// Decodes the record that continues `head`.
fn next_record(bytes: &[u8], head: Head) -> Option<(Entry, Chain)> {
    let entry = Entry::decode(bytes)?;
    let after = chain_after(&bytes[..entry.len()], &head.chain)?;
    (entry.position.0 == head.position.0 + 1).then_some((entry, after))
}

/// Finds records with a good checksum, whatever they continue, that the store itself wrote.
pub(super) struct Finder<'a> {
    bytes: &'a [u8],
    marker: Option<Marker>,
    unmarked: bool,
}

impl<'a> Finder<'a> {
    /// Looks through a segment file. In one of format 1 older records bear no mark; where its header
    /// is lost, the records tell its format.
    /// Where no file says any more which store it is, the checksum alone must do.
    pub(super) fn new(store: Option<StoreId>, segment: &'a [u8]) -> Self {
        let marker = store.map(Marker::of);
        let marked = Self { bytes: segment, marker, unmarked: false };
        let unmarked = match SegmentHeader::format(segment) {
            Some(format) => format == 1,
            None => marked.next(0).is_none(),
        };
        Self { unmarked, ..marked }
    }

    /// Returns the next record at or behind a place in the file.
    pub(super) fn next(&self, from: usize) -> Option<(usize, Entry)> {
        (from..self.bytes.len()).find_map(|at| {
            let bytes = &self.bytes[at..];
            let entry = Entry::decode(bytes)?;
            let ours = self.marker.is_none_or(|marker| marker.is_on(bytes, self.unmarked));
            ours.then_some((at, entry))
        })
    }
}
