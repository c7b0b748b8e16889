//! sled 0.34.7 as the index's engine.
//!
//! Its `flush` does not sync on Linux, it may panic or hang on what a crash left, and its threads
//! may outlive it for a moment. All of that is handled here; nothing here is ever trusted with an
//! acknowledgement.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::files::failed;
use super::rows::{Batch, Engine};
use super::{Row, StoreError};

/// Longer than this, opening counts as failed and the index is rebuilt.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// Longer than this, a flush counts as failed.
const FLUSH_MAX: Duration = Duration::from_secs(10);

/// Longer than this, a closing database is left behind.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// sled's own threads may hold its file for a moment after it was dropped; its lock is asked for
/// again after this pause.
const LOCK_PAUSE: Duration = Duration::from_millis(10);
/// How often.
const LOCK_TRIES: u32 = 300;

/// How often sled's background thread writes out and cleans its file. It is the only thing that
/// collects sled's garbage; what is durable does not depend on it.
const BACKGROUND_MS: u64 = 2_000;

/// A sled database that holds one tree.
pub(super) struct SledEngine {
    /// Taken only when dropped.
    db: Option<sled::Db>,
    folder: PathBuf,
    names_synced: AtomicBool,
}

impl SledEngine {
    /// Opens or creates a database, in a thread of its own that is left behind when it hangs.
    pub(super) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(BACKGROUND_MS))
            .mode(sled::Mode::LowSpace);
        let opened = watched("open", OPEN_MAX, move || open_when_free(&config))?;
        let db = Some(opened.map_err(|error| engine_error(folder, error))?);
        Ok(Self { db, folder: folder.to_path_buf(), names_synced: AtomicBool::new(false) })
    }

    fn db(&self) -> &sled::Db {
        self.db.as_ref().expect("only dropping takes the database")
    }

    /// Makes the names of sled's files durable, once.
    fn sync_names(&self) -> io::Result<()> {
        if cfg!(unix) && !self.names_synced.swap(true, Ordering::Relaxed) {
            File::open(&self.folder)?.sync_all()?;
            if let Some(above) = self.folder.parent() {
                File::open(above)?.sync_all()?;
            }
        }
        Ok(())
    }

    fn error(&self, error: sled::Error) -> StoreError {
        engine_error(&self.folder, error)
    }
}

impl Drop for SledEngine {
    fn drop(&mut self) {
        let db = self.db.take();
        // A database whose disk is full may hang for good; it is left behind then.
        drop(watched("close", CLOSE_MAX, move || drop(db)));
    }
}

/// A database was left behind. sled's lock is one for all databases of the program, so another
/// might wait for it forever.
static LEFT_BEHIND: AtomicBool = AtomicBool::new(false);

/// Runs a call of sled in a thread of its own, which is left behind when it hangs. A panic becomes
/// an error.
fn watched<T: Send + 'static>(
    what: &'static str,
    longest: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    if LEFT_BEHIND.load(Ordering::Acquire) && what == "open" {
        let reason = "an earlier one hangs; end the program and start it again".into();
        return Err(StoreError::Engine { reason });
    }
    let (send, receive) = sync_channel(1);
    let run = move || {
        // Nobody listens any more when it took too long.
        drop(send.send(catch_unwind(AssertUnwindSafe(call))));
    };
    let spawned = std::thread::Builder::new().name(format!("index-{what}")).spawn(run);
    spawned.map_err(|_| StoreError::Engine { reason: format!("no thread to {what} it") })?;
    match receive.recv_timeout(longest) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => {
            Err(StoreError::Engine { reason: format!("panic while trying to {what} it") })
        }
        Err(_) => {
            if what != "open" {
                LEFT_BEHIND.store(true, Ordering::Release);
            }
            Err(StoreError::Engine { reason: format!("it took too long to {what}") })
        }
    }
}

fn open_when_free(config: &sled::Config) -> sled::Result<sled::Db> {
    let mut tries = 0;
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if tries < LOCK_TRIES && error.to_string().contains("could not acquire lock") =>
            {
                tries += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            opened => return opened,
        }
    }
}

fn engine_error(folder: &Path, error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) => failed("use the index in", folder, source),
        sled::Error::CollectionNotFound(_) => {
            StoreError::Engine { reason: "its tree is missing".into() }
        }
        sled::Error::Unsupported(_) => StoreError::Engine { reason: "unsupported".into() },
        sled::Error::ReportableBug(_) => StoreError::Engine { reason: "a bug in sled".into() },
        sled::Error::Corruption { .. } => {
            StoreError::Engine { reason: "its files are damaged".into() }
        }
    }
}

/// Waits until sled's last thread has let go of its file, and says whether it did.
pub(super) fn released(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join("db")) else { return true };
    for _ in 0..LOCK_TRIES {
        if file.try_lock().is_ok() {
            return true;
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    false
}

impl Engine for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.db().get(key).map_err(|error| self.error(error))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let from = match after {
            // The smallest key after `after`.
            Some(after) if after >= prefix => [after, &[0]].concat(),
            _ => prefix.to_vec(),
        };
        let mut rows = Vec::new();
        for row in self.db().range(from..).take(limit) {
            let (key, value) = row.map_err(|error| self.error(error))?;
            if !key.starts_with(prefix) {
                break;
            }
            rows.push((key.to_vec(), value.to_vec()));
        }
        Ok(rows)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut changes = sled::Batch::default();
        for (key, value) in batch {
            match value {
                Some(value) => changes.insert(key, value),
                None => changes.remove(key),
            }
        }
        self.db().apply_batch(changes).map_err(|error| self.error(error))
    }

    fn flush(&self) -> Result<(), StoreError> {
        let db = self.db().clone();
        let flushed = watched("flush", FLUSH_MAX, move || db.flush())?;
        flushed.map_err(|error| self.error(error))?;
        // sled 0.34.7 asks Linux for `sync_file_range` only, which is no guarantee.
        let path = self.folder.join("db");
        let sync = || {
            File::open(&path)?.sync_data()?;
            self.sync_names()
        };
        sync().map_err(|source| failed("sync", &path, source))
    }
}
