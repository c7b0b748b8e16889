//! Makes a damaged journal whole again from what its files still hold and from the index's copies.
//!
//! The new journal is written beside the old one and takes its place by two renames; an open that
//! finds them half done ends them. A record that nobody has any more is marked as lost, never left
//! out. Files that were damaged stay, under a name that says when.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{
    ENTRY_HEADER_BYTES, Entry, Form, Head, Marker, SEGMENT_HEADER_BYTES, SegmentHeader, StoreId,
};
use super::files::{Files, aside_path, failed};
use super::index::{Encoded, Index};
use super::journal::Journal;
use super::scan::{Finder, SegmentFile, read_segment, segment_files};
use super::sealing::Sealing;
use super::segments::{FileJournal, Found};
use super::{Position, StoreError};

/// Bytes that are written before a sync while a journal is rewritten.
const REWRITE_GROUP_BYTES: usize = 1 << 20;

/// Where a journal lies and what it is made with.
pub(super) struct Site<'a> {
    /// The file layer.
    pub(super) files: &'a Arc<dyn Files>,
    /// The journal's folder.
    pub(super) folder: &'a Path,
    /// The store that it belongs to.
    pub(super) store: StoreId,
    /// Something still said which store it is; otherwise its name is new, and no record bears it.
    pub(super) named: bool,
    /// When a segment is full.
    pub(super) segment_bytes: u64,
    /// What seals its records, if anything does.
    pub(super) sealing: Option<&'a Arc<dyn Sealing>>,
    /// The time, for the name of what is set aside.
    pub(super) now_millis: i64,
}

impl Site<'_> {
    fn fresh_folder(&self) -> PathBuf {
        self.folder.with_extension("new")
    }
}

/// Ends or takes back a repair that a crash cut short.
pub(super) fn settle_interrupted(files: &dyn Files, folder: &Path) -> Result<(), StoreError> {
    let fresh = folder.with_extension("new");
    if !fresh.exists() {
        return Ok(());
    }
    // The old folder is moved away only after the new one is complete and durable.
    let done =
        if folder.exists() { files.remove_folder(&fresh) } else { files.rename(&fresh, folder) };
    done.and_then(|()| files.sync_folder(parent(folder)))
        .map_err(|source| failed("finish the repair of", folder, source))
}

/// Ends a sealing anew that a crash cut short: once the new journal is in its place, the old one, which
/// may be plain, goes.
pub(super) fn settle_resealed(files: &dyn Files, folder: &Path) -> Result<(), StoreError> {
    let old = folder.with_extension("old");
    if !old.exists() || !folder.exists() {
        return Ok(());
    }
    // The new one's name must be durable before the old one goes: its sync may be what failed.
    let removed = files
        .sync_folder(parent(folder))
        .and_then(|()| files.remove_folder(&old))
        .and_then(|()| files.sync_folder(parent(folder)));
    removed.map_err(|source| failed("remove", &old, source))
}

/// Why a journal was not sealed anew, or not to the end.
pub(super) enum ResealFault {
    /// Nothing was changed: the journal is where and what it was.
    Before(StoreError),
    /// Its folders may have changed their names; the next opening ends it.
    Amid(StoreError),
}

/// Rewrites a whole journal so that the present key seals all of it. The old files are removed.
pub(super) fn reseal(
    site: &Site<'_>,
    index: Option<&Index>,
    known: Position,
) -> Result<(), ResealFault> {
    let fresh = rewrite(site, index, known).map_err(ResealFault::Before)?;
    let old = site.folder.with_extension("old");
    let fault = |source| failed("replace", site.folder, source);
    let sync = || {
        site.files.sync_folder(&fresh)?;
        site.files.sync_folder(parent(site.folder))
    };
    sync().map_err(|source| ResealFault::Before(fault(source)))?;
    let swap = || {
        site.files.rename(site.folder, &old)?;
        site.files.rename(&fresh, site.folder)?;
        site.files.sync_folder(parent(site.folder))
    };
    swap().map_err(|source| ResealFault::Amid(fault(source)))?;
    settle_resealed(&**site.files, site.folder).map_err(ResealFault::Amid)
}

/// Rewrites the journal up to `known`, the last position that is known to have been acknowledged,
/// and beyond it as far as whole commits go. Returns the name of the folder that keeps the damaged
/// files.
pub(super) fn repair(
    site: &Site<'_>,
    index: Option<&Index>,
    known: Position,
) -> Result<PathBuf, StoreError> {
    let fresh = rewrite(site, index, known)?;
    swap(site, &fresh)
}

/// Writes the new journal beside the old one and returns its folder.
fn rewrite(site: &Site<'_>, index: Option<&Index>, known: Position) -> Result<PathBuf, StoreError> {
    let fresh = site.fresh_folder();
    let prepare = || {
        if fresh.exists() {
            site.files.remove_folder(&fresh)?;
        }
        site.files.create_folder(&fresh)
    };
    prepare().map_err(|source| failed("create", &fresh, source))?;
    let head = Head::start(site.store);
    let found = Found { segments: Vec::new(), offset: 0, head };
    let files = Arc::clone(site.files);
    // While files are taken over, each stays one segment, so that whole ones come out the same.
    let journal = FileJournal::resume(files, fresh.clone(), site.store, u64::MAX, found, None)
        .with_sealing(site.sealing.cloned())
        .of_form(form_of(site)?);
    let mut rewrite = Rewrite {
        journal,
        index,
        head,
        marker: Marker::of(site.store),
        store: site.store,
        seals: site.sealing.map(|sealing| (&**sealing, sealing.key())),
        commit: Vec::new(),
        ready: 0,
        bytes: 0,
    };
    let rewritten = rewrite.journal.begin().and_then(|()| rewrite.take_all(site, known));
    drop(rewrite);
    if let Err(error) = rewritten {
        // What is half rewritten would only keep the disk full. Best effort: the next open removes it.
        drop(site.files.remove_folder(&fresh));
        return Err(error);
    }
    Ok(fresh)
}

/// Records that were shortened stay so, and the new segments say it: an older program must not read them.
fn form_of(site: &Site<'_>) -> Result<Form, StoreError> {
    for (_, path) in segment_files(&**site.files, site.folder)? {
        let start = site.files.read_start(&path, SEGMENT_HEADER_BYTES);
        let (bytes, _) = start.map_err(|source| failed("read", &path, source))?;
        if SegmentHeader::decode(&bytes).is_ok_and(|header| header.form != Form::Written) {
            return Ok(Form::Short);
        }
    }
    Ok(Form::Written)
}

/// Returns the last record before a segment, as its header says; 0 where that cannot be read.
fn begins_after(site: &Site<'_>, segment: &SegmentFile) -> Position {
    let header = SegmentHeader::decode(&segment.bytes).ok();
    let ours =
        header.filter(|header| header.store == site.store && header.number == segment.number);
    ours.map_or(Position(0), |header| header.before.position)
}

fn swap(site: &Site<'_>, fresh: &Path) -> Result<PathBuf, StoreError> {
    let aside = aside_path(site.folder, "damaged", site.now_millis);
    let swap = || {
        site.files.sync_folder(fresh)?;
        site.files.sync_folder(parent(site.folder))?;
        if site.folder.exists() {
            site.files.rename(site.folder, &aside)?;
        }
        site.files.rename(fresh, site.folder)?;
        site.files.sync_folder(parent(site.folder))
    };
    swap().map_err(|source| failed("replace", site.folder, source))?;
    drop_unchanged(site, &aside);
    Ok(aside)
}

/// Removes the old segments that the new journal has byte for byte. Best effort: they only take up
/// room.
fn drop_unchanged(site: &Site<'_>, aside: &Path) {
    let Ok(old) = segment_files(&**site.files, aside) else { return };
    for (_, path) in old {
        let Some(name) = path.file_name() else { continue };
        let fresh = site.files.read(&site.folder.join(name));
        if let (Ok(old), Ok(fresh)) = (site.files.read(&path), fresh)
            && old == fresh
        {
            drop(site.files.remove(&path));
        }
    }
}

struct Rewrite<'a> {
    journal: FileJournal,
    index: Option<&'a Index>,
    head: Head,
    marker: Marker,
    store: StoreId,
    /// What seals, and the key for all of it.
    seals: Option<(&'a dyn Sealing, u32)>,
    /// Records that are not yet written; the first `ready` are whole commits.
    commit: Vec<Encoded>,
    ready: usize,
    bytes: usize,
}

impl Rewrite<'_> {
    fn take_all(&mut self, site: &Site<'_>, known: Position) -> Result<(), StoreError> {
        for (nth, (number, path)) in
            segment_files(&**site.files, site.folder)?.into_iter().enumerate()
        {
            if nth > 0 {
                self.write(self.ready)?;
                self.journal.next_segment()?;
            }
            let segment = read_segment(&**site.files, number, path)?;
            // No hole can have held more records than fit into this file and what is known; how many were
            // written before it, its own header says.
            let farthest = self.head.position.0.max(known.0).max(begins_after(site, &segment).0)
                + (segment.bytes.len() / ENTRY_HEADER_BYTES) as u64
                + 1;
            let mut offset = 0;
            let finder = Finder::new(site.named.then_some(site.store), &segment.bytes);
            while let Some((at, entry)) = finder.next(offset) {
                offset = at + entry.len();
                let position = entry.position.0;
                if position > self.head.position.0
                    && position <= farthest
                    && let Some(entry) = self.under_key(entry)?
                {
                    self.fill_up_to(Position(position - 1))?;
                    self.push(entry)?;
                }
            }
        }
        self.journal.set_segment_bytes(site.segment_bytes);
        self.fill_up_to(known)?;
        self.write(self.ready)
    }

    /// Takes missing records from the index; those that it lacks are marked as lost.
    fn fill_up_to(&mut self, last: Position) -> Result<(), StoreError> {
        while self.head.position < last {
            let at = Position(self.head.position.0 + 1);
            let copy = self.index.and_then(|index| index.copy(at).ok().flatten());
            let copy = match copy {
                Some((entry, _)) => self.under_key(entry)?,
                None => None,
            };
            self.push(copy.unwrap_or_else(|| Entry::lost(at)))?;
        }
        Ok(())
    }

    /// Seals a record under the present key, unless it is; none when its own seal is broken.
    /// A key that is not at hand ends the rewriting: its records are not lost.
    fn under_key(&self, entry: Entry) -> Result<Option<Entry>, StoreError> {
        match self.seals {
            Some((sealing, key)) => entry.under(self.store, sealing, key),
            None => Ok(Some(entry)),
        }
    }

    fn push(&mut self, entry: Entry) -> Result<(), StoreError> {
        let (bytes, after) = entry.encode(&self.head.chain, &self.marker);
        self.head = Head { position: entry.position, chain: after };
        self.bytes += bytes.len();
        let last = entry.last;
        self.commit.push(Encoded { entry, bytes, after });
        if last {
            self.ready = self.commit.len();
        }
        if self.bytes >= REWRITE_GROUP_BYTES { self.write(self.ready) } else { Ok(()) }
    }

    fn write(&mut self, count: usize) -> Result<(), StoreError> {
        let rest = self.commit.split_off(count);
        let group = std::mem::replace(&mut self.commit, rest);
        self.ready = 0;
        self.bytes = self.commit.iter().map(|encoded| encoded.bytes.len()).sum();
        let Some(last) = group.last() else { return Ok(()) };
        let head = Head { position: last.entry.position, chain: last.after };
        self.journal.append(&group, head)
    }
}

fn parent(folder: &Path) -> &Path {
    folder.parent().unwrap_or(folder)
}
