//! Makes a damaged journal whole again from what its files still hold and from the index's copies.
//!
//! The new journal is written beside the old one and takes its place by two renames; an open that
//! finds them half done ends them. A record that nobody has any more is marked as lost, never left
//! out. Files that were damaged stay, under a name that says when.
//!
//! Segments that are whole are taken over byte for byte, shortened ones too, and one that is made whole again
//! leads to the head that the next one continues, so that whoever holds copies of the files copies only what
//! was damaged. Where a record is lost the chain is another from there on: copies of what was before must not
//! pass for copies of what is now.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::{
    ENTRY_HEADER_BYTES, Entry, Form, Head, Marker, SEGMENT_HEADER_BYTES, SegmentHeader, StoreId,
};
use super::files::{Files, aside_path, failed};
use super::index::{Encoded, Index};
use super::journal::Journal;
use super::scan::{Finder, SegmentFile, read_segment, segment_files, whole};
use super::sealing::Sealing;
use super::segments::{FileJournal, Found};
use super::{Position, StoreError};

/// Bytes that are written before a sync while a journal is rewritten.
const REWRITE_GROUP_BYTES: usize = 1 << 20;

/// At most so many records in a row are marked as lost, which takes about a gibibyte: more than a store that runs for
/// years has, so whoever says that there were more has made the file. A person must look at it.
const HOLE_RECORDS_MAX: u64 = 1 << 24;

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
    let fresh = rewrite(site, index, (known, false)).map_err(ResealFault::Before)?;
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
    let fresh = rewrite(site, index, (known, true))?;
    swap(site, &fresh)
}

/// Writes the new journal beside the old one and returns its folder. `keeps` says that segments which are
/// whole stay what they are.
fn rewrite(
    site: &Site<'_>,
    index: Option<&Index>,
    (known, keeps): (Position, bool),
) -> Result<PathBuf, StoreError> {
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
        .with_sealing(site.sealing.cloned());
    let mut rewrite = Rewrite {
        journal,
        index,
        head,
        marker: Marker::of(site.store),
        store: site.store,
        seals: site.sealing.map(|sealing| (&**sealing, sealing.key())),
        keeps,
        forms: forms_of(site)?,
        lost: 0,
        gathers: false,
        commit: Vec::new(),
        ready: 0,
        bytes: 0,
    };
    let rewritten = rewrite.take_all(site, known);
    drop(rewrite);
    if let Err(error) = rewritten {
        // What is half rewritten would only keep the disk full. Best effort: the next open removes it.
        drop(site.files.remove_folder(&fresh));
        return Err(error);
    }
    Ok(fresh)
}

/// Which forms the segments of a journal have.
#[derive(Clone, Copy, Default)]
struct Forms {
    /// Records of some may be shorter than they were written.
    short: bool,
    /// Some have such records without a chain of their own.
    taken_over: bool,
}

impl Forms {
    /// The form of a segment that is written anew: records that were shortened stay so, and the segment says
    /// it, for an older program must not read them.
    fn anew(self) -> Form {
        if self.short { Form::Short } else { Form::Written }
    }
}

fn forms_of(site: &Site<'_>) -> Result<Forms, StoreError> {
    let mut forms = Forms::default();
    for (number, path) in segment_files(&**site.files, site.folder)? {
        if let Some(header) = header_of(site, number, &path)? {
            forms.short |= header.form != Form::Written;
            forms.taken_over |= header.form == Form::Short;
        }
    }
    Ok(forms)
}

/// Returns the header of a segment file of this store, if it can be read.
fn header_of(
    site: &Site<'_>,
    number: u64,
    path: &Path,
) -> Result<Option<SegmentHeader>, StoreError> {
    let start = site.files.read_start(path, SEGMENT_HEADER_BYTES);
    let (bytes, _) = start.map_err(|source| failed("read", path, source))?;
    let header = SegmentHeader::decode(&bytes).ok();
    Ok(header.filter(|header| header.store == site.store && header.number == number))
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
    /// Segments that are whole are taken over byte for byte.
    keeps: bool,
    forms: Forms,
    /// Records that were marked as lost.
    lost: u64,
    /// Records are held until their segment is whole.
    gathers: bool,
    /// Records that are not yet written; the first `ready` are whole commits.
    commit: Vec<Encoded>,
    ready: usize,
    bytes: usize,
}

/// Where a segment that is made whole again is to lead.
#[derive(Clone, Copy)]
struct Target {
    head: Head,
    /// Records of the segment may be shorter than they were written.
    short: bool,
}

impl Rewrite<'_> {
    fn take_all(&mut self, site: &Site<'_>, known: Position) -> Result<(), StoreError> {
        let listed = segment_files(&**site.files, site.folder)?;
        for (nth, (number, path)) in listed.iter().enumerate() {
            let next = match listed.get(nth + 1).filter(|(next, _)| *next == number + 1) {
                Some((next, path)) => header_of(site, *next, path)?,
                None => None,
            };
            // What is not written yet belongs to the segment before, but for a commit that is not whole.
            self.write(self.ready)?;
            if self.keeps
                && *number == self.journal.next_number() + 1
                && let Some(header) = header_of(site, *number, path)?
            {
                // The file before this one is gone: as if nothing in it could be read.
                let (number, bytes) = (number - 1, Vec::new());
                let gone = SegmentFile { path: path.clone(), number, bytes };
                self.take(site, &gone, (Some(header), known))?;
            }
            let file = read_segment(&**site.files, *number, path.clone())?;
            if !self.keep(&file, next)? {
                self.take(site, &file, (next, known))?;
            }
        }
        self.journal.set_form(self.forms.anew());
        self.journal.begin()?;
        self.journal.set_segment_bytes(site.segment_bytes);
        self.fill_up_to(known)?;
        self.write(self.ready)
    }

    /// Takes a segment over as it is, if it is whole and continues what is there; returns whether it did.
    fn keep(
        &mut self,
        file: &SegmentFile,
        next: Option<SegmentHeader>,
    ) -> Result<bool, StoreError> {
        if !self.keeps || !self.commit.is_empty() || file.number != self.journal.next_number() {
            return Ok(false);
        }
        let key = self.key();
        let is_under_key =
            |entry: &Entry| entry.lost || entry.seal.map_or(0, |seal| seal.key) == key;
        let found = whole(file, (self.store, self.head), &is_under_key);
        let Some((header, end)) = found.filter(|(header, _)| header.key == key) else {
            return Ok(false);
        };
        if next.is_some_and(|next| next.before.position > end.position) {
            return Ok(false);
        }
        self.journal.put_segment(header, &file.bytes, end)?;
        self.head = end;
        Ok(true)
    }

    /// Takes over what can be read of a segment, and what it lacks from the index.
    fn take(
        &mut self,
        site: &Site<'_>,
        file: &SegmentFile,
        (next, known): (Option<SegmentHeader>, Position),
    ) -> Result<(), StoreError> {
        let own = SegmentHeader::decode(&file.bytes).ok();
        // No hole can have held more records than fit into this file and what is known; how many were written
        // before it, its own header says.
        let ours = own.filter(|own| own.store == self.store && own.number == file.number);
        let begins_after = ours.map_or(0, |own| own.before.position.0);
        let farthest = self.head.position.0.max(known.0).max(begins_after);
        let farthest = farthest.saturating_add((file.bytes.len() / ENTRY_HEADER_BYTES) as u64 + 1);
        let target = self.target(file, own, next).filter(|target| {
            (self.head.position.0 + 1..=farthest).contains(&target.head.position.0)
        });
        let lost = self.lost;
        self.gathers = target.is_some();
        if target.is_none() {
            let of_itself = own.filter(|own| self.keeps && own.before == self.head);
            self.start(of_itself.map_or_else(
                || self.forms.anew(),
                |own| match own.form {
                    Form::Written => Form::Written,
                    Form::Short | Form::Shortened(_) => Form::Short,
                },
            ))?;
        }
        let last = target.map_or(farthest, |target| target.head.position.0);
        let mut offset = 0;
        let finder = Finder::new(site.named.then_some(site.store), &file.bytes);
        while let Some((at, entry)) = finder.next(offset) {
            offset = at + entry.len();
            let position = entry.position.0;
            if position > self.head.position.0
                && position <= last
                && let Some(entry) = self.under_key(entry)?
            {
                self.fill_up_to(Position(position - 1))?;
                self.push(entry)?;
            }
        }
        let Some(target) = target else { return Ok(()) };
        self.fill_up_to(target.head.position)?;
        self.finish(own, target, self.lost > lost)
    }

    /// Returns where a segment is to lead: what its own header names, or what the next one continues.
    fn target(
        &self,
        file: &SegmentFile,
        own: Option<SegmentHeader>,
        next: Option<SegmentHeader>,
    ) -> Option<Target> {
        if !self.keeps || !self.commit.is_empty() || file.number != self.journal.next_number() {
            return None;
        }
        let (store, number, before) = (self.store, file.number, self.head);
        match own {
            Some(own) if own != (SegmentHeader { store, number, before, ..own }) => None,
            Some(own) => match own.form.closing() {
                Some(head) => Some(Target { head, short: true }),
                None => next.map(|next| Target { head: next.before, short: false }),
            },
            // Whether its records had been shortened is not known any more; where they lead to says it.
            None => next.map(|next| Target { head: next.before, short: true }),
        }
    }

    /// Writes a segment of which all records are there or marked as lost.
    fn finish(
        &mut self,
        own: Option<SegmentHeader>,
        target: Target,
        lost: bool,
    ) -> Result<(), StoreError> {
        let (store, number) = (self.store, self.journal.next_number());
        let form = if self.head == target.head {
            // All of its records are as the next segment knows them.
            let was_short = own.map_or(self.forms.taken_over, |own| own.form == Form::Short);
            Some(if was_short { Form::Short } else { Form::Written })
        } else if target.short && !lost {
            Some(Form::Shortened(target.head))
        } else {
            None
        };
        self.gathers = false;
        let Some(form) = form.filter(|_| self.ready == self.commit.len()) else {
            self.start(self.forms.anew())?;
            return self.write(self.ready);
        };
        let sealed = self.commit.iter().find_map(|encoded| encoded.entry.seal);
        let key = sealed.map_or_else(|| self.key(), |seal| seal.key);
        let header = SegmentHeader { store, number, before: self.journal.head(), key, form };
        let mut bytes = header.encode().to_vec();
        for encoded in self.commit.drain(..) {
            bytes.extend_from_slice(&encoded.bytes);
        }
        (self.ready, self.bytes, self.head) = (0, 0, target.head);
        self.journal.put_segment(header, &bytes, target.head)
    }

    fn key(&self) -> u32 {
        self.seals.map_or(0, |(_, key)| key)
    }

    /// Begins a segment whose records are written one group after the other.
    fn start(&mut self, form: Form) -> Result<(), StoreError> {
        self.journal.set_form(form);
        match self.journal.next_number() {
            1 => self.journal.begin(),
            _ => self.journal.next_segment(),
        }
    }

    /// Takes missing records from the index; those that it lacks are marked as lost.
    fn fill_up_to(&mut self, last: Position) -> Result<(), StoreError> {
        let hole = last.0.saturating_sub(self.head.position.0);
        if hole > HOLE_RECORDS_MAX {
            return Err(StoreError::Damaged {
                what: format!(
                    "the journal, which says that {hole} records follow {} that are not in it",
                    self.head.position.0
                ),
            });
        }
        while self.head.position < last {
            let at = Position(self.head.position.0 + 1);
            let copy = self.index.and_then(|index| index.copy(at).ok().flatten());
            let copy = match copy {
                Some((entry, _)) => self.under_key(entry)?,
                None => None,
            };
            self.lost += u64::from(copy.is_none());
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
        if self.bytes >= REWRITE_GROUP_BYTES && !self.gathers {
            self.write(self.ready)
        } else {
            Ok(())
        }
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
