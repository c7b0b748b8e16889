//! The journal in files: numbered segments of chained records in one folder.
//!
//! A group of commits lies in one segment, is written with one call and synced once. What a crash
//! or damage leaves is said by [`super::scan`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{
    Entry, Form, Head, HeaderFault, SEGMENT_HEADER_BYTES, SegmentHeader, StoreId, chain_after,
};
use super::files::{FileHandle, Files, failed};
use super::index::Encoded;
use super::journal::Journal;
use super::scan::segment_files;
use super::sealing::Sealing;
use super::shortening::Fresh;
use super::{Position, Record, StoreError, Verified};

/// A segment is closed when the next group would make it longer: small enough to be rewritten at an
/// unclean open and to be copied by a backup over a thin line, large enough that a year of a
/// phone's work is a few files.
pub(super) const SEGMENT_BYTES: u64 = 8 << 20;

/// The journal's files.
pub(super) struct FileJournal {
    files: Arc<dyn Files>,
    folder: PathBuf,
    store: StoreId,
    segment_bytes: u64,
    /// Headers of all segments, in order.
    segments: Vec<SegmentHeader>,
    /// The last segment, once something has been written to it.
    handle: Option<Box<dyn FileHandle>>,
    /// Durable length of the last segment.
    offset: u64,
    head: Head,
    sealing: Option<Arc<dyn Sealing>>,
    /// The form of the segments that it begins: records that are taken over may be shorter than written.
    form: Form,
    broken: Option<StoreError>,
}

/// What a scan found usable, to go on from.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Headers of all segments, in order.
    pub(super) segments: Vec<SegmentHeader>,
    /// Length of the last one, up to its last whole commit.
    pub(super) offset: u64,
    /// The last whole commit.
    pub(super) head: Head,
}

/// Returns the path of a segment.
pub(super) fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:08}.seg"))
}

impl FileJournal {
    /// Goes on from what a scan found. `broken` makes a journal that can only be read.
    pub(super) fn resume(
        files: Arc<dyn Files>,
        folder: PathBuf,
        store: StoreId,
        segment_bytes: u64,
        found: Found,
        broken: Option<StoreError>,
    ) -> Self {
        let Found { segments, offset, head } = found;
        let (handle, sealing) = (None, None);
        Self {
            files,
            folder,
            store,
            segment_bytes,
            segments,
            handle,
            offset,
            head,
            sealing,
            form: Form::Written,
            broken,
        }
    }

    /// Says whether records which it is given from now on may be shorter than they were written.
    pub(super) fn set_form(&mut self, form: Form) {
        self.form = form;
    }

    /// The number of the next segment.
    pub(super) fn next_number(&self) -> u64 {
        self.segments.last().map_or(0, |header| header.number) + 1
    }

    /// Writes a whole segment as the next one, and syncs it; its name is durable once the folder is synced.
    /// `bytes` are all of its file, and lead to `head`.
    pub(super) fn put_segment(
        &mut self,
        header: SegmentHeader,
        bytes: &[u8],
        head: Head,
    ) -> Result<(), StoreError> {
        let path = segment_path(&self.folder, header.number);
        let write = || {
            let mut handle = self.files.create(&path)?;
            handle.write_at(0, bytes)?;
            handle.sync()
        };
        write().map_err(|source| failed("write", &path, source))?;
        self.segments.push(header);
        (self.handle, self.offset, self.head) = (None, bytes.len() as u64, head);
        Ok(())
    }

    /// Names the key that its segments are sealed under.
    pub(super) fn with_sealing(self, sealing: Option<Arc<dyn Sealing>>) -> Self {
        Self { sealing, ..self }
    }

    fn key(&self) -> u32 {
        self.sealing.as_ref().map_or(0, |sealing| sealing.key())
    }

    /// Creates the first segment, so that the folder is known to take one.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        if self.segments.is_empty() { self.roll(self.key()) } else { Ok(()) }
    }

    /// Starts another segment, unless nothing is in the last one yet.
    pub(super) fn next_segment(&mut self) -> Result<(), StoreError> {
        if self.offset > SEGMENT_HEADER_BYTES as u64 { self.roll(self.key()) } else { Ok(()) }
    }

    /// Changes when a segment is full.
    pub(super) fn set_segment_bytes(&mut self, bytes: u64) {
        self.segment_bytes = bytes;
    }

    /// Gives the journal up after a failure: best effort to cut what was written without being
    /// acknowledged, so that it does not come back at the next open.
    pub(super) fn abandon(mut self) {
        if self.broken.is_some()
            && let Some(handle) = &mut self.handle
        {
            drop(handle.set_len(self.offset));
        }
    }

    /// Headers of the segments that nothing is appended to any more, each with the head it leads to.
    pub(super) fn closed(&self) -> Vec<(SegmentHeader, Head)> {
        let next = self.segments.iter().skip(1);
        self.segments.iter().zip(next).map(|(one, next)| (*one, next.before)).collect()
    }

    /// Puts a shortened segment in the place of the one it was made from. After an error it is not known
    /// which of both will be there, so nothing more may be appended.
    pub(super) fn swap(&mut self, fresh: &Fresh) -> Result<(), StoreError> {
        if let Some(cause) = &self.broken {
            return Err(cause.clone());
        }
        let closed = self.segments.len().saturating_sub(1);
        let place = self.segments[..closed].iter().position(|header| *header == fresh.old);
        let path = segment_path(&self.folder, fresh.old.number);
        let Some(place) = place else {
            return Err(StoreError::Damaged { what: path.display().to_string() });
        };
        let swap = || {
            self.files.rename(&fresh.path, &path)?;
            self.files.sync_folder(&self.folder)
        };
        if let Err(source) = swap() {
            let error = failed("replace", &path, source);
            self.broken = Some(error.clone());
            return Err(error);
        }
        self.segments[place] = fresh.new;
        Ok(())
    }

    /// Forbids appending.
    pub(super) fn break_off(&mut self, cause: StoreError) {
        self.broken.get_or_insert(cause);
    }

    fn last_path(&self) -> PathBuf {
        segment_path(&self.folder, self.segments.last().map_or(0, |header| header.number))
    }

    /// Starts the next segment; durable when it returns.
    fn roll(&mut self, key: u32) -> Result<(), StoreError> {
        let number = self.next_number();
        let header =
            SegmentHeader { store: self.store, number, before: self.head, key, form: self.form };
        let path = segment_path(&self.folder, number);
        let create = || {
            let mut handle = self.files.create(&path)?;
            handle.write_at(0, &header.encode())?;
            handle.sync()?;
            self.files.sync_folder(&self.folder)?;
            Ok(handle)
        };
        match create() {
            Ok(handle) => {
                self.handle = Some(handle);
                self.segments.push(header);
                self.offset = SEGMENT_HEADER_BYTES as u64;
                Ok(())
            }
            Err(source) => {
                // Best effort: a rest of it is recognised and set aside at the next open.
                drop(self.files.remove(&path));
                Err(failed("create", &path, source))
            }
        }
    }

    /// Writes a group that one key seals. Records of another key begin another segment, so that the
    /// headers alone tell which keys are in use.
    fn write_group(&mut self, bytes: &[u8], key: u32) -> Result<(), StoreError> {
        let used = self.offset > SEGMENT_HEADER_BYTES as u64;
        let full = self.offset + bytes.len() as u64 > self.segment_bytes;
        let other = self
            .segments
            .last()
            .is_none_or(|last| last.key != key || last.form.closing().is_some());
        if other || (used && full) {
            self.roll(key)?;
        }
        let path = self.last_path();
        let handle = match &mut self.handle {
            Some(handle) => handle,
            empty => {
                let opened = self.files.open(&path);
                empty.insert(opened.map_err(|source| failed("open", &path, source))?)
            }
        };
        if let Err(source) = handle.write_at(self.offset, bytes) {
            // Best effort: gives back the room; a rest is cut at the next open.
            drop(handle.set_len(self.offset));
            return Err(failed("write", &path, source));
        }
        if let Err(source) = handle.sync() {
            // Best effort as above. What the disk holds after a failed sync is not known; only a
            // power cut before the next open may still bring it back.
            drop(handle.set_len(self.offset));
            return Err(failed("sync", &path, source));
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Goes through one segment's records from its start.
    fn visit_segment(
        &self,
        number: usize,
        visit: &mut dyn FnMut(Encoded) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let header = &self.segments[number];
        let path = segment_path(&self.folder, header.number);
        let damaged = |at: Position| StoreError::Damaged {
            what: format!("journal record {} in {}", at.0, path.display()),
        };
        let bytes = self.files.read(&path).map_err(|source| failed("read", &path, source))?;
        match SegmentHeader::decode(&bytes) {
            Ok(found) if found == *header => {}
            Err(HeaderFault::Newer(found)) => return Err(newer(&path, found)),
            Ok(_) | Err(HeaderFault::Damaged) => {
                let what = format!("the header of {}", path.display());
                return Err(StoreError::Damaged { what });
            }
        }
        let end = self.segments.get(number + 1).map_or(self.head, |next| next.before);
        let (mut head, mut rest) = (header.before, &bytes[SEGMENT_HEADER_BYTES..]);
        while head.position < end.position {
            let position = Position(head.position.0 + 1);
            let entry = Entry::decode(rest).filter(|entry| entry.position == position);
            let entry = entry.ok_or_else(|| damaged(position))?;
            let (own, later) = rest.split_at(entry.len());
            let after = chain_after(own, &head.chain).ok_or_else(|| damaged(position))?;
            let after = header.form.after(position, after);
            visit(Encoded { entry, bytes: own.to_vec(), after })?;
            (head, rest) = (Head { position, chain: after }, later);
        }
        if head.chain == end.chain { Ok(()) } else { Err(damaged(head.position)) }
    }
}

/// Finds one record in the files, without a journal: the way around a damaged copy in the index.
pub(super) fn find_record_in_files(
    files: &dyn Files,
    folder: &Path,
    at: Position,
    sealing: Option<&dyn Sealing>,
) -> Result<Option<Record>, StoreError> {
    let damaged = || StoreError::Damaged { what: format!("journal record {}", at.0) };
    for (_, path) in segment_files(files, folder)?.into_iter().rev() {
        let bytes = files.read(&path).map_err(|source| failed("read", &path, source))?;
        let header = SegmentHeader::decode(&bytes).map_err(|_| damaged())?;
        if header.before.position >= at {
            continue;
        }
        let mut rest = &bytes[SEGMENT_HEADER_BYTES..];
        while let Some(entry) = Entry::decode(rest) {
            if entry.position == at {
                if entry.lost {
                    return Err(damaged());
                }
                return Ok(Some(entry.plain(header.store, sealing)?.into_owned()));
            }
            rest = &rest[entry.len()..];
        }
        return Err(damaged());
    }
    Err(damaged())
}

/// Says that a file is of a newer format.
pub(super) fn newer(path: &Path, found: u32) -> StoreError {
    StoreError::Newer { what: path.display().to_string(), found, known: super::entry::FORMAT }
}

impl Journal for FileJournal {
    fn head(&self) -> Head {
        self.head
    }

    fn append(&mut self, group: &[Encoded], head: Head) -> Result<(), StoreError> {
        if let Some(cause) = &self.broken {
            return Err(cause.clone());
        }
        let length = group.iter().map(|encoded| encoded.bytes.len()).sum();
        let mut bytes = Vec::with_capacity(length);
        for encoded in group {
            bytes.extend_from_slice(&encoded.bytes);
        }
        let sealed = group.iter().find_map(|encoded| encoded.entry.seal);
        match self.write_group(&bytes, sealed.map_or_else(|| self.key(), |seal| seal.key)) {
            Ok(()) => {
                self.head = head;
                Ok(())
            }
            Err(error) => {
                self.broken = Some(error.clone());
                Err(error)
            }
        }
    }

    fn visit(
        &self,
        after: Position,
        visit: &mut dyn FnMut(Encoded) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let first = self.segments.partition_point(|header| header.before.position <= after);
        for number in first.saturating_sub(1)..self.segments.len() {
            self.visit_segment(number, &mut |encoded| {
                if encoded.entry.position > after { visit(encoded) } else { Ok(()) }
            })?;
        }
        Ok(())
    }

    fn check(&self, report: &mut Verified) -> Result<(), StoreError> {
        for number in 0..self.segments.len() {
            let checked = self.visit_segment(number, &mut |encoded| {
                report.records += 1;
                encoded.entry.plain(self.store, self.sealing.as_deref()).map(drop)
            });
            if let Err(error) = checked {
                report.problems.push(error.to_string());
            }
        }
        Ok(())
    }
}
