//! Closed parts of the journal, written anew with shorter records.
//!
//! Kinds, positions and the bounds of commits stay. The new segment is written beside the old one, synced,
//! and takes its name in one step, so that a crash finds one of both, and each is whole. Its records have a
//! chain of their own; its header names the head that the old one had, which the next segment continues.

use super::entry::{Entry, Head, Marker, StoreId, chain_after};
use super::index::Encoded;
use super::sealing::Sealing;
use super::{Position, Shortened, Shorter, StoreError};

/// A part of the journal with shorter records, not in its place yet.
pub(super) struct Draft {
    /// All records of the part.
    pub(super) entries: Vec<Encoded>,
    /// Which of them are shorter than they were.
    changed: Vec<usize>,
    /// The records' length before and now.
    pub(super) lengths: Shortened,
}

impl Draft {
    /// Makes shorter records from the encoded ones of a part, which continue the first head and lead to the
    /// second; none where they do not.
    pub(super) fn make(
        bytes: &[u8],
        store: StoreId,
        (before, closing): (Head, Head),
        sealing: Option<&dyn Sealing>,
        shorter: Shorter<'_>,
    ) -> Result<Option<Self>, StoreError> {
        let (marker, mut rest) = (Marker::of(store), bytes);
        let (mut found, mut chain, mut at) = (before.chain, before.chain, before.position);
        let mut draft = Self {
            entries: Vec::new(),
            changed: Vec::new(),
            lengths: Shortened { before: bytes.len() as u64, after: 0 },
        };
        while at < closing.position {
            let next = Position(at.0 + 1);
            let Some(entry) = Entry::decode(rest).filter(|entry| entry.position == next) else {
                return Ok(None);
            };
            let (own, later) = rest.split_at(entry.len());
            let Some(after) = chain_after(own, &found) else { return Ok(None) };
            (found, rest, at) = (after, later, next);
            let kept = entry.len();
            let entry = shortened(entry, store, sealing, shorter)?;
            if entry.len() < kept {
                draft.changed.push(draft.entries.len());
            }
            let (bytes, after) = entry.encode(&chain, &marker);
            chain = after;
            draft.lengths.after += bytes.len() as u64;
            draft.entries.push(Encoded { entry, bytes, after });
        }
        Ok(rest.is_empty().then_some(draft))
    }

    /// The records that are shorter than they were.
    pub(super) fn shorter(&self) -> Vec<Encoded> {
        self.changed.iter().filter_map(|at| self.entries.get(*at)).cloned().collect()
    }

    /// What to say where nothing is written.
    pub(super) fn kept(&self) -> Shortened {
        Shortened { after: self.lengths.before, ..self.lengths }
    }
}

/// Returns an entry with what is kept of its payload, sealed as it was.
fn shortened(
    entry: Entry,
    store: StoreId,
    sealing: Option<&dyn Sealing>,
    shorter: Shorter<'_>,
) -> Result<Entry, StoreError> {
    if entry.lost {
        return Ok(entry);
    }
    let mut record = entry.plain(store, sealing)?.into_owned();
    let Some(payload) = shorter(entry.position, &record)? else { return Ok(entry) };
    if payload.len() >= record.payload.len() {
        return Ok(entry);
    }
    record.payload = payload;
    let plain = Entry { record, seal: None, ..entry };
    match (entry.seal, sealing) {
        (Some(seal), Some(sealing)) => plain.sealed(store, sealing, seal.key),
        _ => Ok(plain),
    }
}

#[cfg(feature = "io")]
mod files {
    use std::path::{Path, PathBuf};

    use super::{Draft, Entry, Head, chain_after};
    use crate::store::entry::{Form, SEGMENT_HEADER_BYTES, SegmentHeader};
    use crate::store::files::{Files, failed, list_if_there};
    use crate::store::index::Encoded;
    use crate::store::segments::segment_path;
    use crate::store::{Record, StoreError};

    /// The ending of a segment that is not in its place yet.
    const ENDING: &str = "new";

    /// A segment file that waits to take another's place.
    pub(in crate::store) struct Fresh {
        /// The header of the one in place.
        pub(in crate::store) old: SegmentHeader,
        /// Its own.
        pub(in crate::store) new: SegmentHeader,
        /// Where it lies.
        pub(in crate::store) path: PathBuf,
    }

    impl Fresh {
        /// Writes a draft beside the segment that it is to replace.
        pub(in crate::store) fn write(
            files: &dyn Files,
            folder: &Path,
            (old, closing): (SegmentHeader, Head),
            draft: &Draft,
        ) -> Result<Self, StoreError> {
            let new = SegmentHeader { form: Form::Shortened(closing), ..old };
            let path = segment_path(folder, old.number).with_extension(format!("seg.{ENDING}"));
            let length = draft.entries.iter().map(|encoded| encoded.bytes.len()).sum::<usize>();
            let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES + length);
            bytes.extend_from_slice(&new.encode());
            for Encoded { bytes: record, .. } in &draft.entries {
                bytes.extend_from_slice(record);
            }
            let write = || {
                let mut handle = files.create(&path)?;
                handle.write_at(0, &bytes)?;
                handle.sync()
            };
            match write() {
                Ok(()) => Ok(Self { old, new, path }),
                Err(source) => {
                    // Best effort: what stays is removed at the next open.
                    drop(files.remove(&path));
                    Err(failed("shorten", &path, source))
                }
            }
        }
    }

    /// Returns whether a segment file is another one, or what that had become when it was copied, with shorter
    /// records and nothing else: both begin where the same part of the same journal does, and each record is
    /// there as it was, or as `same` says of the old and the new one. The other may end amid a record. Says no
    /// where records are sealed and are not the same bytes.
    pub fn is_shortened_from(
        bytes: &[u8],
        other: &[u8],
        same: &dyn Fn(&Record, &Record) -> bool,
    ) -> bool {
        let (Ok(new), Ok(old)) = (SegmentHeader::decode(bytes), SegmentHeader::decode(other))
        else {
            return false;
        };
        let Some(closing) = new.form.closing() else { return false };
        if (SegmentHeader { form: old.form, ..new }) != old {
            return false;
        }
        let rest_of = |all: &'_ [u8]| all.get(SEGMENT_HEADER_BYTES..).unwrap_or(&[]).to_vec();
        let (there, here) = (rest_of(other), rest_of(bytes));
        let (mut there, mut here) = (there.as_slice(), here.as_slice());
        let (mut head, mut chain) = (old.before, new.before.chain);
        while !there.is_empty() {
            let (was, is) = (Entry::decode(there), Entry::decode(here));
            let (Some(was), Some(is)) = (was, is.as_ref()) else {
                // The copy was cut off amid a record, of which nothing was said to be there.
                return is.is_some_and(|is| is.is_begun_by(there));
            };
            let ((was_bytes, later), (is_bytes, further)) =
                (there.split_at(was.len()), here.split_at(is.len()));
            let position = was.position;
            let (Some(after), Some(next)) =
                (chain_after(was_bytes, &head.chain), chain_after(is_bytes, &chain))
            else {
                return false;
            };
            let plain = was.seal.is_none() && is.seal.is_none();
            let alike = was.record == is.record || (plain && same(&was.record, &is.record));
            if is.position != position || !alike || position > closing.position {
                return false;
            }
            head = Head { position, chain: old.form.after(position, after) };
            (chain, there, here) = (next, later, further);
        }
        head.position < closing.position || head == closing
    }

    /// Removes what a crash left of segments that had not taken their places.
    pub(in crate::store) fn remove_unfinished(
        files: &dyn Files,
        folder: &Path,
    ) -> Result<(), StoreError> {
        for name in list_if_there(files, folder)? {
            if name.ends_with(&format!(".seg.{ENDING}")) {
                let path = folder.join(name);
                files.remove(&path).map_err(|source| failed("remove", &path, source))?;
            }
        }
        Ok(())
    }
}

#[cfg(feature = "io")]
pub use files::is_shortened_from;
#[cfg(feature = "io")]
pub(super) use files::{Fresh, remove_unfinished};
