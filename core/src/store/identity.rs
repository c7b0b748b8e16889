//! Who has the store's folder, and whether it is still the folder that it was.
//!
//! A lock file keeps a second opener out. A small note names the store and remembers which files
//! the lock file and the folder were, so that a restored or cloned folder is noticed.

use std::collections::BTreeSet;
use std::fs::{File, Metadata, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::entry::StoreId;
use super::files::{Files, checked, failed, read_if_there, replace, unchecked};
use super::private::private_file;
use super::{Holder, StoreError};

const LOCK_NAME: &str = "lock";
const IDENTITY_NAME: &str = "identity";

/// Says who has the folder, for those whom the lock keeps out. Not in the lock file: a write to that
/// would look as if the folder had been copied. It means nothing without the lock.
const HOLDER_NAME: &str = "holder";

/// Longest text of a holder that is read: longer ones are not ours.
const HOLDER_BYTES_MAX: usize = 512;

/// Between two tries to take the lock. Short, because most commands hold it for a moment.
const TRY_EVERY: Duration = Duration::from_millis(50);

const FIRST_LINE: &str = "bienban store 1";

/// Folders that this process has open: some systems have no file locks, and some give one process
/// the same lock twice.
static OPEN_HERE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The right to use a folder, until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    folder: PathBuf,
    /// A note says who has it.
    named: bool,
}

impl Lock {
    /// Takes the lock of a folder that exists, waiting for at most `patience` while another has it, and
    /// notes who has it now. Says whether the lock file was made now.
    pub(super) fn take(
        root: &Path,
        holder: &str,
        patience: Duration,
    ) -> Result<(Self, bool), StoreError> {
        let mut waited = Duration::ZERO;
        loop {
            match Self::try_take(root) {
                Err(StoreError::InUse { .. }) if waited < patience => {
                    std::thread::sleep(TRY_EVERY);
                    waited += TRY_EVERY;
                }
                Ok((mut lock, created)) => {
                    lock.named = !holder.is_empty();
                    if lock.named {
                        let note = format!("{}\n{holder}\n", std::process::id());
                        // Only a courtesy to those who wait: a full disk must not keep the store shut.
                        drop(std::fs::write(root.join(HOLDER_NAME), note));
                    }
                    return Ok((lock, created));
                }
                other => return other,
            }
        }
    }

    /// Returns whether another process has a folder. It takes nothing and makes no file: who begins at the same moment is
    /// kept out for no longer than this looks.
    pub(super) fn is_held(root: &Path) -> bool {
        let held = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        File::open(root.join(LOCK_NAME)).is_ok_and(held)
    }

    fn try_take(root: &Path) -> Result<(Self, bool), StoreError> {
        let path = root.join(LOCK_NAME);
        let folder = root.canonicalize().map_err(|source| failed("find", root, source))?;
        let in_use =
            || StoreError::InUse { path: root.display().to_string(), holder: holder(root) };
        if !open_here().insert(folder.clone()) {
            return Err(in_use());
        }
        let lock = || -> io::Result<(File, bool)> {
            let created = !path.exists();
            let options =
                private_file().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = options?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                // The list above keeps this process single; a phone's app has only one.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if created {
                // So that a copy over it is a write that changes its times.
                file.write_all(b"bienban lock\n")?;
                file.sync_all()?;
            }
            Ok((file, created))
        };
        match lock() {
            Ok((file, created)) => Ok((Self { file, folder, named: false }, created)),
            Err(error) => {
                open_here().remove(&folder);
                match error.kind() {
                    io::ErrorKind::WouldBlock => Err(in_use()),
                    _ => Err(failed("lock", &path, error)),
                }
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if self.named {
            // Left behind it means nothing, as after a crash.
            drop(std::fs::remove_file(self.folder.join(HOLDER_NAME)));
        }
        // Closing the file gives the lock back even if this fails.
        drop(self.file.unlock());
        open_here().remove(&self.folder);
    }
}

/// Reads who says to have the folder. A process that took the lock and has not noted itself yet is
/// nobody.
fn holder(root: &Path) -> Option<Holder> {
    let text = std::fs::read(root.join(HOLDER_NAME)).ok()?;
    let text = std::str::from_utf8(text.get(..HOLDER_BYTES_MAX).unwrap_or(&text)).ok()?;
    let (process, what) = text.split_once('\n')?;
    let what = what.lines().next()?.chars().filter(|c| !c.is_control()).collect();
    Some(Holder { what, process: process.parse().ok()? })
}

fn open_here() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    OPEN_HERE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What tells a file from a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileMark {
    device: u64,
    inode: u64,
    /// Nanoseconds since 1970; 0 when the file system does not know.
    created: i128,
    /// The last change of the file or what the system keeps about it.
    changed: i128,
}

impl FileMark {
    /// One word without spaces.
    pub(super) fn encode(&self) -> String {
        format!("{}:{}:{}:{}", self.device, self.inode, self.created, self.changed)
    }

    /// Reads what [`FileMark::encode`] wrote.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mark = Self {
            device: parts.next()?.parse().ok()?,
            inode: parts.next()?.parse().ok()?,
            created: parts.next()?.parse().ok()?,
            changed: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(mark)
    }

    /// Whether it is the same file, not changed since. Device numbers may differ from one start of
    /// a phone to the next, so they count only where no creation time is known.
    pub(super) fn same_file(&self, other: &Self) -> bool {
        self.same_place(other) && self.changed == other.changed
    }

    /// Whether it is the same file or folder, whatever has happened to it since.
    fn same_place(&self, other: &Self) -> bool {
        let device = self.created != 0 || self.device == other.device;
        device && self.inode == other.inode && self.created == other.created
    }
}

/// Reads the mark of a file or folder.
pub(super) fn mark_of(path: &Path) -> io::Result<FileMark> {
    let meta = std::fs::metadata(path)?;
    let since = |time: io::Result<std::time::SystemTime>| {
        let since = time.ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        since.map_or(0, |since| i128::try_from(since.as_nanos()).unwrap_or(0))
    };
    let (device, inode, changed) = unix_mark(&meta, since(meta.modified()));
    Ok(FileMark { device, inode, created: since(meta.created()), changed })
}

#[cfg(unix)]
fn unix_mark(meta: &Metadata, _: i128) -> (u64, u64, i128) {
    use std::os::unix::fs::MetadataExt;
    let changed = i128::from(meta.ctime()) * 1_000_000_000 + i128::from(meta.ctime_nsec());
    (meta.dev(), meta.ino(), changed)
}

#[cfg(not(unix))]
fn unix_mark(_: &Metadata, modified: i128) -> (u64, u64, i128) {
    (0, 0, modified)
}

/// The note beside the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    /// The store.
    pub(super) store: StoreId,
    lock: FileMark,
    root: FileMark,
}

/// What the note says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// There is none.
    Absent,
    /// It cannot be read.
    Damaged,
    /// It is there.
    Store {
        /// The store that it names.
        store: StoreId,
        /// The folder is not the one that it was written in.
        moved: bool,
    },
}

impl Identity {
    /// Describes the folder as it is now. The lock file must be there.
    pub(super) fn of(root: &Path, store: StoreId) -> Result<Self, StoreError> {
        let mark = |path: &Path| mark_of(path).map_err(|source| failed("look at", path, source));
        Ok(Self { store, lock: mark(&root.join(LOCK_NAME))?, root: mark(root)? })
    }

    /// Writes the note.
    pub(super) fn write(&self, files: &dyn Files, root: &Path) -> Result<(), StoreError> {
        let mut text = format!("{FIRST_LINE}\nstore {}\n", hex::encode(self.store.0));
        text += &format!("lock {}\nroot {}\n", self.lock.encode(), self.root.encode());
        replace(files, &Self::path(root), checked(text).as_bytes())
    }

    /// Returns the note's path.
    pub(super) fn path(root: &Path) -> PathBuf {
        root.join(IDENTITY_NAME)
    }

    /// Reads the note and compares it with the folder.
    pub(super) fn read(files: &dyn Files, root: &Path) -> Result<Noted, StoreError> {
        let Some(bytes) = read_if_there(files, &Self::path(root))? else {
            return Ok(Noted::Absent);
        };
        let Some(noted) = Self::parse(&bytes) else { return Ok(Noted::Damaged) };
        let now = Self::of(root, noted.store)?;
        let moved = !now.lock.same_file(&noted.lock) || !now.root.same_place(&noted.root);
        Ok(Noted::Store { store: noted.store, moved })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = unchecked(bytes)?.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut store = [0; 16];
        hex::decode_to_slice(lines.next()?.strip_prefix("store ")?, &mut store).ok()?;
        let lock = FileMark::decode(lines.next()?.strip_prefix("lock ")?)?;
        let root = FileMark::decode(lines.next()?.strip_prefix("root ")?)?;
        Some(Self { store: StoreId(store), lock, root })
    }
}
