//! Durable bytes: a journal that is the truth and an index that can be rebuilt from it.
//!
//! This module knows records and rows, not documents. What a record means for the index is said by
//! the [`Project`] that the owner hands in: the same function runs when a record is committed and
//! when the index is rebuilt, so both always give the same rows.
//!
//! # Promises of every [`Store`]
//!
//! - **Durable on Ok**: when a commit returns, its records survive a power cut.
//! - **Atomic**: after a crash all records of one commit are there, or none.
//! - **Ordered**: [`Position`]s are consecutive from 1 in the order of commits.
//! - **Visible on Ok**: the next read shows what was committed, even if the index failed on it; it is
//!   made anew in memory then, and later commits fail.
//! - **An error is not absence**: after [`StoreError::TooLarge`], [`StoreError::Meaningless`],
//!   [`StoreError::Busy`], [`StoreError::Poisoned`] and [`StoreError::ViewHeld`] nothing of the commit
//!   is there, now or later. [`StoreError::Unseen`] says that it is durable. After any other error it
//!   is not shown; where it was the sync that failed, a power cut may bring it back.
//! - **Sticky errors**: after a failed write or sync every later commit fails until the store has
//!   been opened anew; a sync is never retried. Reading goes on.
//! - **Single writer**: a second opener gets [`StoreError::InUse`].
//! - **Snapshot read**: [`Store::read`] gives a view that no commit changes while it is held.

#[doc(hidden)]
pub mod contract;
#[cfg_attr(not(feature = "io"), allow(dead_code, reason = "the store on disk needs all of it"))]
mod entry;
#[cfg_attr(not(feature = "io"), allow(dead_code, reason = "the store on disk needs all of it"))]
mod index;
mod journal;
mod memory;
mod overlay;
#[cfg(test)]
mod passing;
#[cfg_attr(not(feature = "io"), allow(dead_code, reason = "the store on disk needs all of it"))]
mod rows;
#[cfg_attr(not(feature = "io"), allow(dead_code, reason = "the store on disk needs all of it"))]
mod sealing;

#[cfg(test)]
#[cfg(feature = "io")]
mod disk_tests;
#[cfg(test)]
#[cfg(feature = "io")]
mod index_tests;
#[cfg(test)]
#[cfg(feature = "io")]
mod newer_tests;
#[cfg(test)]
#[cfg(feature = "io")]
mod repair_tests;
#[cfg(test)]
#[cfg(feature = "io")]
mod sealed_tests;
#[cfg(test)]
#[cfg(feature = "io")]
mod shortened_tests;
#[cfg(test)]
mod tests;

#[cfg(feature = "io")]
mod closed;
#[cfg(feature = "io")]
mod disk;
#[cfg(feature = "io")]
pub mod faults;
#[cfg(feature = "io")]
mod files;
#[cfg(feature = "io")]
mod gate;
#[cfg(feature = "io")]
mod identity;
#[cfg(feature = "io")]
mod newer;
#[cfg(feature = "io")]
mod opening;
#[cfg(feature = "io")]
mod private;
#[cfg(feature = "io")]
mod reached;
#[cfg(feature = "io")]
mod repair;
#[cfg(feature = "io")]
mod scan;
#[cfg(feature = "io")]
mod segments;
#[cfg_attr(not(feature = "io"), allow(dead_code, reason = "the store on disk needs all of it"))]
mod shortening;
#[cfg(feature = "io")]
mod sled_engine;
#[cfg(feature = "io")]
mod survey;
#[cfg(feature = "io")]
mod takeover;
#[cfg(feature = "io")]
mod touched;
#[cfg(feature = "io")]
mod writer;

use std::collections::BTreeMap;

pub use self::journal::Fault;
pub use self::memory::{MemoryDisk, MemoryStore};
pub use self::sealing::{NONCE_BYTES, SealedBytes, Sealing};
#[cfg(feature = "io")]
pub use self::{
    disk::DiskStore,
    files::{FileHandle, Files, RealFiles},
    opening::{Clock, FREE_BYTES_MIN, NEW_STORE_BYTES_MIN, Options, free_bytes},
    private::{close_to_others, make_private_folder, private_file, private_folder},
    scan::Damage,
    shortening::is_shortened_from,
    survey::{Survey, parts_ways, store_of_segment, survey},
    touched::{Since, Touched},
};
#[cfg(test)]
pub(crate) use passing::pass_on;

/// The place of a record in the journal; the first is 1. 0 means "before the first".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

/// One fact, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the payload is; the owner's numbering.
    pub kind: u8,
    /// The owner's encoding; at most [`RECORD_BYTES_MAX`].
    pub payload: Vec<u8>,
}

/// A record is at most one document snapshot (16 MiB) and its envelope.
pub const RECORD_BYTES_MAX: usize = 17 << 20;

/// Row changes of one commit: a value to put or `None` to remove, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writes(pub BTreeMap<Vec<u8>, Option<Vec<u8>>>);

impl Writes {
    /// Puts a row. Keys are at most [`KEY_BYTES_MAX`]; values of any size up to a record's.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.0.insert(key.into(), Some(value.into()));
    }

    /// Removes a row, if it is there.
    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.0.insert(key.into(), None);
    }
}

/// Keys stay small because sled keeps them in its page table.
pub const KEY_BYTES_MAX: usize = 256;

/// Key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Ordered rows, by key.
pub trait Read {
    /// Returns the value of a row.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Damaged`] when the row fails its checksum, and other variants when the
    /// engine fails.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns at most `limit` rows whose key starts with `prefix`, in the order of keys, strictly
    /// after the key `after` if it is given.
    ///
    /// # Errors
    ///
    /// As [`Read::get`].
    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;
}

/// Says what a record means for the index. Must be a pure function of its arguments.
pub trait Project: Send + Sync {
    /// The version of this meaning. An index made by an earlier version is rebuilt at open; a store that a
    /// later one was at is refused. So it is raised too when records may say what was never said before.
    fn version(&self) -> u32;

    /// Fails for a record that only a later program understands. A store without a note of the versions
    /// that it was opened with is asked so for each of its records, before anything is changed.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Newer`], and nothing else.
    fn expect_known(&self, _at: Position, _record: &Record) -> Result<(), StoreError> {
        Ok(())
    }

    /// Puts into `writes` what the record changes. `index` shows the rows as of all earlier records,
    /// those of the same commit included.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails; the store is poisoned then, because the record is
    /// already in the journal.
    fn project(
        &self,
        at: Position,
        record: &Record,
        index: &dyn Read,
        writes: &mut Writes,
    ) -> Result<(), StoreError>;

    /// As [`Project::project`], for a record that the journal has already, while rows are made anew.
    /// Records that it builds on may be lost; what it says without them must not be lost too. With
    /// all of them there it must come to the same rows.
    ///
    /// # Errors
    ///
    /// As [`Project::project`]; a record that means nothing counts as lost.
    fn replay(
        &self,
        at: Position,
        record: &Record,
        index: &dyn Read,
        writes: &mut Writes,
    ) -> Result<(), StoreError> {
        self.project(at, record, index, writes)
    }
}

/// Called once, when the outcome of a submitted commit is known.
pub type Done = Box<dyn FnOnce(Result<Position, StoreError>) + Send>;

/// A journal and its index, as one thing.
pub trait Store: Read + Send + Sync {
    /// Queues records as one atomic commit; `done` learns the position of the last one after they
    /// are durable and visible in the index. Commits that wait together share one sync.
    fn submit(&self, records: Vec<Record>, done: Done);

    /// Commits and waits. Returns the position of the last record.
    ///
    /// # Errors
    ///
    /// Returns the store's [`StoreError`]; nothing was acknowledged then. What that says of the
    /// records: see the promises of the module.
    fn commit(&self, records: Vec<Record>) -> Result<Position, StoreError> {
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        self.submit(
            records,
            Box::new(move |outcome| {
                // The receiver lives until the outcome has come, so sending cannot fail.
                drop(send.send(outcome));
            }),
        );
        receive.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Writes rows that can be computed again from the journal (caches). Not durable by itself; a
    /// rebuild leaves them out.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when the engine fails.
    fn derive(&self, writes: Writes) -> Result<(), StoreError>;

    /// Returns the record at a position.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError::Damaged`] when it fails its checksum.
    fn record(&self, at: Position) -> Result<Option<Record>, StoreError>;

    /// Returns the parts of the journal that nothing is appended to any more, in order; none where a
    /// store has no such parts.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when the store is closed.
    fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        Ok(Vec::new())
    }

    /// Writes one such part anew with shorter records. `shorter` returns what is to be kept of a record's
    /// payload, or nothing where all of it is; kinds and positions stay. The new part takes the place of
    /// the old one at once or not at all, whatever happens meanwhile; commits and reads go on beside it.
    ///
    /// # Errors
    ///
    /// Returns what `shorter` returned, [`StoreError::NoSegment`] when there is no such part, and other variants
    /// when it is damaged or cannot be written. Only where it is not known which of both is in place is the store poisoned.
    fn shorten(&self, segment: u64, shorter: Shorter<'_>) -> Result<Shortened, StoreError> {
        let _ = shorter;
        Err(StoreError::NoSegment { segment })
    }

    /// Returns the position of the last durable record.
    fn position(&self) -> Position;

    /// Returns a view that no commit changes while it is held. Hold it briefly: commits may wait.
    fn read(&self) -> Box<dyn Read + '_>;

    /// Checks every journal record and every row.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when the check itself cannot run; what it found is in the report.
    fn verify(&self) -> Result<Verified, StoreError>;

    /// Closes, opens, verifies and repairs in place, after a failure: the way out of
    /// [`StoreError::Poisoned`] and [`StoreError::Full`]. Holders of the store keep using it.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when the cause persists; the store stays poisoned then.
    fn reopen(&self) -> Result<(), StoreError>;

    /// Returns what happened when the store was opened.
    fn opened(&self) -> Opened;
}

/// A part of the journal that nothing is appended to any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its number.
    pub number: u64,
    /// Its first record.
    pub first: Position,
    /// Its last record.
    pub last: Position,
    /// Its length.
    pub bytes: u64,
    /// Records in it are shorter than they were written.
    pub shortened: bool,
}

/// Says what is kept of a record: a shorter payload, or nothing where it stays as it is.
pub type Shorter<'a> = &'a mut dyn FnMut(Position, &Record) -> Result<Option<Vec<u8>>, StoreError>;

/// What shortening a part of the journal came to, in bytes. Equal numbers say that nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortened {
    /// Its length before.
    pub before: u64,
    /// Its length now.
    pub after: u64,
}

/// What a check of the whole store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Journal records checked.
    pub records: u64,
    /// Rows checked.
    pub rows: u64,
    /// What is wrong, each naming a file or position; empty when all is well.
    pub problems: Vec<String>,
}

/// What happened when a store was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// The index was made anew from the journal, and why.
    pub rebuilt: Option<String>,
    /// Records projected at open because the index was behind.
    pub replayed: u64,
    /// Files set aside, by their new names, and why.
    pub set_aside: Vec<(String, String)>,
    /// Acknowledged records that neither journal nor index still holds. The owner must ask a peer
    /// for them (reconciliation).
    pub lost: Vec<Position>,
    /// The files are not where, or not what, they were when last closed: a restored or cloned
    /// folder. The owner must take a fresh incarnation.
    pub moved: bool,
    /// The journal ends before where it had come: an older copy of it was put back in place. `moved` is
    /// true then too. Noticed only with [`Options::notes_reach`].
    pub older: bool,
    /// The store was made by this call.
    pub created: bool,
    /// Records are still plain or sealed under an older key, for want of room to write them anew or
    /// because something failed; the next opening tries again. Older keys must be kept until then.
    pub older_keys: bool,
}

/// Who has a store open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What it called itself ([`Options::holder`]).
    pub what: String,
    /// The number of its process.
    pub process: u32,
}

/// Names who has a store, in English.
fn named(holder: Option<&Holder>) -> String {
    holder.map_or_else(
        || "another process".to_owned(),
        |Holder { what, process }| format!("`{what}` (process {process})"),
    )
}

/// Why the store could not do as asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another opener in this one, has it.
    #[error("the store at {path} is in use by {}; close that one first", named(holder.as_ref()))]
    InUse {
        /// The folder.
        path: String,
        /// Who has it, as far as they said.
        holder: Option<Holder>,
    },
    /// The disk is full. Nothing of the commit is shown; reading goes on.
    #[error("no space left to {action}; free some space and open the store again")]
    Full {
        /// What was being done.
        action: &'static str,
    },
    /// The operating system failed.
    #[error("cannot {action} {path}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: String,
        /// What the operating system said.
        #[source]
        source: std::sync::Arc<std::io::Error>,
    },
    /// An earlier write failed, so nothing more is acknowledged until the store is opened anew.
    #[error("the store stopped after a failed write ({cause}); open it again")]
    Poisoned {
        /// The first failure.
        cause: String,
    },
    /// The commit is durable, but the index failed on it and could not be made anew: it shows once
    /// the store is opened again, and nothing is read until then.
    #[error(
        "record {} is on disk and must not be entered again, but shows only after the store is \
         opened again ({cause})", at.0
    )]
    Unseen {
        /// The last record of the commit.
        at: Position,
        /// What the index said.
        cause: String,
    },
    /// Bytes are not what was written.
    #[error("{what} is damaged")]
    Damaged {
        /// The file, position or table.
        what: String,
    },
    /// The journal has no such part, or it is still written to.
    #[error("the journal has no closed segment {segment}")]
    NoSegment {
        /// Its number.
        segment: u64,
    },
    /// A newer version of this program has been at the store. Nothing of it was touched.
    #[error("{what} has format {found}, but this program reads up to {known}; update it")]
    Newer {
        /// The file.
        what: String,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// A key, value or record is over its limit.
    #[error("{what} has {bytes} bytes, over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A record does not mean anything to its owner.
    #[error("record {} of kind {kind} cannot be read: {reason}", at.0)]
    Meaningless {
        /// Where it is.
        at: Position,
        /// Its kind.
        kind: u8,
        /// What is wrong with it.
        reason: String,
    },
    /// The index engine failed.
    #[error("the index failed: {reason}")]
    Engine {
        /// What it said.
        reason: String,
    },
    /// Too much waits to be written.
    #[error("{bytes} bytes wait to be written already; try again when they are")]
    Busy {
        /// What waits.
        bytes: usize,
    },
    /// The thread holds a view of this store, for which the commit would wait forever.
    #[error(
        "a commit cannot wait while its own thread holds a view of the store; drop the view first"
    )]
    ViewHeld,
    /// It is sealed, and no key was given. Nothing was changed.
    #[error("{what} is sealed; open the store with its key")]
    Sealed {
        /// What it is.
        what: String,
    },
    /// It is not sealed, and the key file says that all of the store is: a copy from before stands in its
    /// place, or something that others wrote. Nothing was changed.
    #[error(
        "{what} is not sealed, and the key file says that all of this store is; put the sealed store \
         back, or open this copy as a folder of its own, without that key file"
    )]
    Unsealed {
        /// What it is.
        what: String,
    },
    /// It is sealed under a key that is not among those given. Nothing was changed.
    #[error(
        "{what} is sealed under data key {key:08x}, which the key file given does not hold; use the \
         key file that belongs to this store"
    )]
    OtherKey {
        /// What it is.
        what: String,
        /// The key's name.
        key: u32,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}
