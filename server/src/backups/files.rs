//! Files of a backup: written beside their names, synced, read back, and only then named.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bienban_core::store::{make_private_folder, private_file};

use super::error::{BackupsError, file_error};

/// How a file is called that is being written, behind its own name.
pub(super) const PART: &str = ".part";

/// What keeps two processes from working on one backup.
pub(super) const LOCK: &str = "lock";

/// Makes a folder that nobody else may look into, and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), BackupsError> {
    if path.is_dir() {
        return Ok(());
    }
    make_private_folder(path).map_err(file_error("make", path))?;
    sync_folder(folder_of(path))
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lies {
    /// Nothing.
    Nothing,
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// Finds out what lies at a path. What may not be looked at is an error, and never taken for nothing.
pub(super) fn what_lies(path: &Path) -> Result<Lies, BackupsError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(Lies::Folder),
        Ok(_) => Ok(Lies::File),
        Err(error) if is_absent(&error) => Ok(Lies::Nothing),
        Err(error) => Err(file_error("read", path)(error)),
    }
}

/// Returns what a folder holds, sorted; nothing where it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, BackupsError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(file_error("read", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(file_error("read", folder))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Makes durable which files a folder has.
pub(super) fn sync_folder(path: &Path) -> Result<(), BackupsError> {
    if !cfg!(unix) {
        // Windows cannot open a folder as a file; its file systems journal names by themselves.
        return Ok(());
    }
    File::open(path).and_then(|folder| folder.sync_all()).map_err(file_error("sync", path))
}

/// Returns the folder that a path lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Reads a file, none where it is not there.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, BackupsError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(file_error("read", path)),
    }
}

/// Returns length and hash of a file, none where it is not there. Reads it in pieces.
pub(super) fn hash(path: &Path) -> Result<Option<(u64, [u8; 32])>, BackupsError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(file_error("read", path))?,
    };
    let mut hasher = blake3::Hasher::new();
    let mut counted = Counted { file: &mut file, bytes: 0 };
    hasher.update_reader(&mut counted).map_err(file_error("read", path))?;
    Ok(Some((counted.bytes, *hasher.finalize().as_bytes())))
}

struct Counted<'f> {
    file: &'f mut File,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Writes a file beside its name, syncs it, reads it back, and names it. Nobody else may read it. Its folder is
/// not synced.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), BackupsError> {
    let part = part_of(path);
    let written = || -> io::Result<()> {
        let mut file = private_file().write(true).create(true).truncate(true).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        forget(&file);
        Ok(())
    };
    written().map_err(file_error("write", &part))?;
    if hash(&part)? != Some((bytes.len() as u64, *blake3::hash(bytes).as_bytes())) {
        return Err(BackupsError::Otherwise { path: part });
    }
    fs::rename(&part, path).map_err(file_error("rename", &part))
}

/// As [`write`], and makes the name durable.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), BackupsError> {
    write(path, bytes)?;
    sync_folder(folder_of(path))
}

/// Asks the system to read from the disk next time, and not from what it remembers of a file. It may not.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn forget(file: &File) {
    use rustix::fs::Advice;
    rustix::fs::fadvise(file, 0, None, Advice::DontNeed).ok();
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn forget(_: &File) {}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(PART);
    path.with_file_name(name)
}

/// Removes files of a folder that `stays` does not name, and what was left half written.
pub(super) fn remove_others(
    folder: &Path,
    stays: &dyn Fn(&str) -> Result<bool, BackupsError>,
) -> Result<u64, BackupsError> {
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(file_error("list", folder))? {
        let entry = entry.map_err(file_error("list", folder))?;
        if !stays(&entry.file_name().to_string_lossy())? {
            fs::remove_file(entry.path()).map_err(file_error("remove", &entry.path()))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Keeps others from a backup while it is held.
#[derive(Debug)]
pub(super) struct Hold {
    /// None where the file system has no locks, or where nobody ever worked.
    _file: Option<File>,
}

impl Hold {
    /// Takes a backup's folder to write to it.
    pub(super) fn to_write(folder: &Path) -> Result<Self, BackupsError> {
        let path = folder.join(LOCK);
        let opened = private_file().write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(file_error("open", &path))?;
        Self::taken(file.try_lock(), file, folder)
    }

    /// Takes a backup's folder to read it. A medium that cannot be written to needs no lock.
    pub(super) fn to_read(folder: &Path) -> Result<Self, BackupsError> {
        match File::open(folder.join(LOCK)) {
            Ok(file) => Self::taken(file.try_lock_shared(), file, folder),
            Err(_) => Ok(Self { _file: None }),
        }
    }

    fn taken(
        locked: Result<(), TryLockError>,
        file: File,
        folder: &Path,
    ) -> Result<Self, BackupsError> {
        match locked {
            Ok(()) => Ok(Self { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(BackupsError::Busy { path: folder.to_owned() }),
            // Network file systems without locks: nobody is kept out there.
            Err(TryLockError::Error(_)) => Ok(Self { _file: None }),
        }
    }
}
