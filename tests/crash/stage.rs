//! What a step of a scenario works with: a store in a folder, and a file to say what was acknowledged.
//!
//! A step runs in a process of its own, either under the recorder, where nothing may go wrong, or with a
//! call that fails, where much may: then nothing may be acknowledged after the first refusal.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bienban_core::clock::Stopwatch;
use bienban_core::store::contract::{Rows, count, padded, put, without_padding};
use bienban_core::store::{DiskStore, Options, Sealing, Store, StoreError};

use crate::seal::TestSeal;

/// Small segments and frequent checkpoints, so that few commits meet all that a store does.
const SEGMENT_BYTES: u64 = 24 << 10;
const CHECKPOINT_RECORDS: u64 = 50;
const ACK_LINE_MAX: usize = 64;

/// Starts the line that says how the store is opened next.
const OPENING: &str = "with ";
/// Starts the line that says that one key seals all of it from now on.
const SEALED: &str = "sealed ";
/// Starts the name of a row that a sample of an older format holds.
const SAMPLE: &str = "sample ";

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opening {
    /// The projection; another one than before makes the index anew.
    pub projection: u32,
    /// The key that seals, 0 for none; the one before it is at hand too.
    pub key: u32,
    /// When a segment is full.
    pub segment_bytes: u64,
}

/// A plain store.
pub(crate) const PLAIN: Opening = Opening { projection: 1, key: 0, segment_bytes: SEGMENT_BYTES };

impl Opening {
    /// As [`Options`]; `whole` says that the key seals all of it.
    pub(crate) fn options(self, whole: bool) -> Options {
        let seal = TestSeal { key: self.key, whole };
        Options {
            segment_bytes: self.segment_bytes,
            checkpoint_records: CHECKPOINT_RECORDS,
            notes_reach: true,
            sealing: (self.key > 0).then(|| Arc::new(seal) as Arc<dyn Sealing>),
            ..Options::at(1_795_447_999_000)
        }
    }

    /// Opens the store in a folder.
    pub(crate) fn open(self, root: &Path, whole: bool) -> Result<DiskStore, StoreError> {
        DiskStore::open(root.join("store"), Arc::new(Rows(self.projection)), self.options(whole))
    }
}

/// What a list of acknowledgements says.
#[derive(Debug, Clone)]
pub(crate) struct Acked {
    /// How the store was opened last.
    pub opening: Opening,
    /// The key that seals all of it; 0 while that is not so.
    pub sealed: u32,
    /// Names and values of the rows that must be found, by key.
    pub rows: Vec<(String, Vec<u8>)>,
}

impl Acked {
    /// Reads the lines that a stage wrote.
    pub(crate) fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut acked = Self { opening: PLAIN, sealed: 0, rows: Vec::new() };
        for line in lines {
            if let Some(how) = line.strip_prefix(OPENING) {
                let (projection, key) = how.split_once(' ').unwrap();
                acked.opening.projection = projection.parse().unwrap();
                acked.opening.key = key.parse().unwrap();
            } else if let Some(key) = line.strip_prefix(SEALED) {
                acked.sealed = key.parse().unwrap();
            } else if let Some(key) = line.strip_prefix(SAMPLE) {
                acked.rows.push((key.to_owned(), vec![b'x'; 300]));
            } else {
                acked.rows.push(row(line));
            }
        }
        acked
    }

    /// Opens the store of a state with no more keys than must be at hand.
    pub(crate) fn open(&self, root: &Path) -> Result<DiskStore, StoreError> {
        let whole = self.opening.key > 0 && self.sealed == self.opening.key;
        self.opening.open(root, whole)
    }
}

/// A key and its value, by run, thread and number; sizes from a few bytes to over a chunk.
pub(crate) fn row(name: &str) -> (String, Vec<u8>) {
    let hash = blake3::hash(name.as_bytes());
    let byte = usize::from(hash.as_bytes()[0]);
    let bytes = if byte == 0 { 70_000 } else { 20 + byte * byte / 40 };
    let mut value = vec![0; bytes];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut value);
    (format!("row/{name}"), value)
}

/// Says that a row of a sample is there before anything runs.
pub(crate) fn sample_row(key: &str) -> String {
    format!("{SAMPLE}{key}")
}

/// Beside the folder, so that it is no part of what is recorded.
pub(crate) fn ack_path(root: &Path) -> PathBuf {
    root.with_extension("acks")
}

/// The disk is full still when a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The store that is open is read.
    ReadOn,
    /// The store is opened and read.
    OpenAnew,
}

/// What a failing call left of a store's promises.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Resumed {
    /// From the end of the fault until a commit went through again, in the same process.
    pub millis: u64,
    /// The index hangs in this process, which says so; the next one opens it.
    pub restart: bool,
}

/// Where a step works.
pub(crate) struct Stage {
    root: PathBuf,
    /// Names the rows of this step.
    run: u32,
    /// A call will fail.
    failing: bool,
    /// Calls of [`Stage::commits`] so far: their rows differ.
    batches: Cell<u32>,
    /// Its journal was damaged by the step.
    damaged: Cell<bool>,
    /// Commits hold a record that may be shorter.
    pads: Cell<bool>,
    store: RefCell<Option<DiskStore>>,
    /// Something was refused.
    refused: AtomicBool,
}

impl Stage {
    /// Begins a step.
    pub(crate) fn new(root: &Path, run: u32, failing: bool) -> Self {
        let root = root.to_path_buf();
        let (batches, store) = (Cell::new(0), RefCell::new(None));
        let (damaged, pads, refused) = (Cell::new(false), Cell::new(false), AtomicBool::new(false));
        Self { root, run, failing, batches, damaged, pads, store, refused }
    }

    fn acks(&self) -> File {
        OpenOptions::new().append(true).create(true).open(ack_path(&self.root)).unwrap()
    }

    /// Opens the store. Where a call is to fail it may stay shut; the rest of the step does nothing then.
    pub(crate) fn open(&self, opening: Opening) {
        let Opening { projection, key, .. } = opening;
        say(&mut self.acks(), &format!("{OPENING}{projection} {key}"));
        let Some(store) = self.expect(opening.open(&self.root, false)) else { return };
        if key > 0 && !store.opened().older_keys {
            say(&mut self.acks(), &format!("{SEALED}{key}"));
        }
        *self.store.borrow_mut() = Some(store);
        self.refused.store(false, Ordering::SeqCst);
    }

    /// Does something with the store, if it is open.
    pub(crate) fn with_store<T>(
        &self,
        work: impl FnOnce(&DiskStore) -> Result<T, StoreError>,
    ) -> Option<T> {
        self.store.borrow().as_ref().and_then(|store| self.expect(work(store)))
    }

    /// Takes what came out. A refusal is a failure of the test, unless a call is to fail.
    pub(crate) fn expect<T>(&self, outcome: Result<T, StoreError>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(error) => {
                assert!(self.failing, "{error}: {error:?}");
                self.refused.store(true, Ordering::SeqCst);
                None
            }
        }
    }

    /// Threads that write at once, and how many commits each makes.
    pub(crate) fn commits(&self, threads: u32, commits: u32) {
        let store = self.store.borrow();
        let Some(store) = store.as_ref() else { return };
        let batch = self.batches.replace(self.batches.get() + 1);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (mut acks, refused) = (self.acks(), &self.refused);
                let (run, failing, pads) = (self.run, self.failing, self.pads.get());
                scope.spawn(move || {
                    for number in 0..commits {
                        let before = refused.load(Ordering::SeqCst);
                        let name = format!("{run}/{batch}/{thread}/{number:05}");
                        let (key, value) = row(&name);
                        let mut records = vec![put(&key, value), count("all")];
                        records.extend(pads.then(|| padded("pad", "1")));
                        match store.commit(records) {
                            Ok(_) => {
                                assert!(!before, "acknowledged after a failure");
                                say(&mut acks, &name);
                            }
                            Err(error) => {
                                assert!(failing, "{error}: {error:?}");
                                refused.store(true, Ordering::SeqCst);
                            }
                        }
                    }
                });
            }
        });
    }

    /// From now on commits hold what may be left out.
    pub(crate) fn pad(&self) {
        self.pads.set(true);
    }

    /// Writes every closed segment shorter that can be.
    pub(crate) fn shorten(&self) {
        let store = self.store.borrow();
        let Some(store) = store.as_ref() else { return };
        // What fails here leaves the store as it was. Commits go on, unless they say otherwise themselves.
        let failed = |error: StoreError| assert!(self.failing, "{error}: {error:?}");
        let parts = store.segments().map_err(failed).unwrap_or_default();
        let mut shorter = 0;
        for part in parts.into_iter().filter(|part| !part.shortened) {
            match store.shorten(part.number, &mut without_padding) {
                Ok(done) => shorter += u32::from(done.after < done.before),
                Err(error) => failed(error),
            }
        }
        assert!(shorter > 0 || self.failing, "nothing was shortened");
    }

    /// Closes the store. A step that does not ends as if it were killed.
    pub(crate) fn close(&self) {
        if let Some(store) = self.store.borrow_mut().take() {
            self.expect(store.close());
        }
    }

    /// Opens the store anew where it is.
    pub(crate) fn reopen(&self) {
        if self.with_store(DiskStore::reopen).is_some() {
            self.refused.store(false, Ordering::SeqCst);
        }
    }

    /// Damages bytes of a file where they lie, durably.
    pub(crate) fn damage(&self, path: &str, at: u64) {
        self.damaged.set(path.contains("journal"));
        let damage = || -> io::Result<()> {
            let file = OpenOptions::new().read(true).write(true).open(self.root.join(path))?;
            let mut bytes = [0; 4];
            file.read_exact_at(&mut bytes, at)?;
            file.write_all_at(&bytes.map(|byte| !byte), at)?;
            file.sync_all()
        };
        if let Err(error) = damage() {
            assert!(self.failing, "{path}: {error}");
        }
    }

    /// Removes the index.
    pub(crate) fn remove_index(&self) {
        if let Err(error) = std::fs::remove_dir_all(self.root.join("store/index")) {
            assert!(self.failing, "{error}");
        }
    }

    /// After a step with a failing call: the fault ends, and work goes on. On a disk that stayed full until
    /// then, what was acknowledged must be readable.
    pub(crate) fn go_on(&self, heal: &Path, full: Option<Full>) -> Resumed {
        let lines = std::fs::read_to_string(ack_path(&self.root)).unwrap_or_default();
        let acked = Acked::read(lines.lines());
        if let Some(full) = full
            && !acked.rows.is_empty()
        {
            if full == Full::OpenAnew {
                self.store.borrow_mut().take();
            }
            if self.store.borrow().is_none() {
                let opened = acked.open(&self.root);
                let store = opened
                    .unwrap_or_else(|error| panic!("shut on a full disk: {error}: {error:?}"));
                *self.store.borrow_mut() = Some(store);
            }
            // A damaged journal is repaired first, and what it lacks is in an index that may need room.
            self.with_store(|store| {
                if self.damaged.get() {
                    return Ok(());
                }
                check_rows(store, &acked).unwrap_or_else(|what| panic!("on a full disk: {what}"));
                Ok(())
            });
        }
        File::create(heal).unwrap();
        let watch = Stopwatch::start();
        let resumed = self.resume(&acked);
        let millis = u64::try_from(watch.elapsed().as_millis()).unwrap();
        match resumed {
            Ok(()) => Resumed { millis, restart: false },
            Err(error) if error.to_string().contains("end the program") => {
                Resumed { millis, restart: true }
            }
            Err(error) => panic!("the fault is gone, but: {error}: {error:?}"),
        }
    }

    fn resume(&self, acked: &Acked) -> Result<(), StoreError> {
        let refused = self.refused.load(Ordering::SeqCst) && self.store.borrow().is_some();
        if self.store.borrow().is_none() {
            *self.store.borrow_mut() = Some(acked.open(&self.root)?);
        }
        let store = self.store.borrow();
        let store = store.as_ref().unwrap();
        let name = format!("{}/after/0", self.run);
        let commit = || {
            let (key, value) = row(&name);
            store.commit(vec![put(&key, value), count("all")])
        };
        let first = commit();
        assert!(!refused || first.is_err(), "acknowledged after a failure without being reopened");
        if first.is_err() {
            store.reopen()?;
            commit()?;
        }
        say(&mut self.acks(), &name);
        check_rows(store, acked).unwrap_or_else(|what| panic!("once the fault was gone: {what}"));
        Ok(())
    }
}

/// Each line is one write, so the recorder takes it as one acknowledgement.
fn say(acks: &mut impl Write, line: &str) {
    assert!(line.len() < ACK_LINE_MAX);
    acks.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Says which acknowledged row is lost or altered, or that a commit is there in part.
pub(crate) fn check_rows(store: &DiskStore, acked: &Acked) -> Result<(), String> {
    let view = store.read();
    for (key, value) in &acked.rows {
        let found = view.get(key.as_bytes()).map_err(|error| format!("{key}: {error}"))?;
        if found.as_deref() != Some(value.as_slice()) {
            let seen = if found.is_some() { "altered" } else { "lost" };
            return Err(format!("the acknowledged row {key} is {seen}; {:?}", store.opened()));
        }
    }
    let rows = view.scan(b"row/", None, usize::MAX).map_err(|error| error.to_string())?.len();
    let counted = view.get(b"all").map_err(|error| error.to_string())?.unwrap_or_default();
    if String::from_utf8_lossy(&counted).parse().unwrap_or(0) != rows {
        return Err(format!("{rows} rows, but {counted:?} were counted: a commit came in part"));
    }
    Ok(())
}
