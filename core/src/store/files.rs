//! The file layer below the journal: few calls, so that each can be made to fail.
//!
//! Nothing here decides anything. sled does its own file work and does not come through here.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use super::StoreError;
use super::private::{make_private_folder, private_file};

/// What the store asks of the file system.
pub trait Files: Send + Sync {
    /// Creates a file, or empties it, and opens it for writing.
    ///
    /// # Errors
    ///
    /// Returns what the operating system said, as every call here.
    fn create(&self, path: &Path) -> io::Result<Box<dyn FileHandle>>;

    /// Opens a file that exists for writing.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn open(&self, path: &Path) -> io::Result<Box<dyn FileHandle>>;

    /// Returns all bytes of a file.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Returns the first bytes of a file, fewer when it is shorter, and its length.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn read_start(&self, path: &Path, bytes: usize) -> io::Result<(Vec<u8>, u64)>;

    /// Returns how many bytes can still be written to the file system of a folder.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;

    /// Returns the names in a folder, sorted.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Makes a folder and those above it, if they are not there.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Renames a file or folder, replacing a file that has the new name.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder with all that is in it.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn remove_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    ///
    /// As [`Files::create`].
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// A file open for writing.
pub trait FileHandle: Send {
    /// Writes all bytes at a place.
    ///
    /// # Errors
    ///
    /// Returns what the operating system said; some of the bytes may be there then.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written so far durable, and the file's length.
    ///
    /// # Errors
    ///
    /// Returns what the operating system said; nothing is known of the file's bytes then, and
    /// trying again proves nothing.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts or extends the file.
    ///
    /// # Errors
    ///
    /// Returns what the operating system said.
    fn set_len(&mut self, bytes: u64) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFiles;

struct RealHandle(File);

impl Files for RealFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        let file = private_file().write(true).create(true).truncate(true).open(path)?;
        Ok(Box::new(RealHandle(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        Ok(Box::new(RealHandle(OpenOptions::new().write(true).open(path)?)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_start(&self, path: &Path, bytes: usize) -> io::Result<(Vec<u8>, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut start = Vec::with_capacity(bytes);
        file.take(bytes as u64).read_to_end(&mut start)?;
        Ok((start, length))
    }

    #[cfg(unix)]
    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let space = rustix::fs::statvfs(folder)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    #[cfg(not(unix))]
    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        // Without an answer the disk is taken to have room; a failed write says otherwise.
        Ok(u64::MAX)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for item in std::fs::read_dir(folder)? {
            names.push(item?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        make_private_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        // Windows cannot open a folder as a file; its file systems journal names by themselves.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }
}

impl FileHandle for RealHandle {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(offset))?;
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // `fdatasync` on Linux and Android, `F_FULLFSYNC` on Apple's systems.
        self.0.sync_data()
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }
}

/// Turns what the operating system said into the store's error.
pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { action },
        _ => StoreError::Io { action, path: path.display().to_string(), source: Arc::new(source) },
    }
}

/// Adds the last line of a small text file: a hash of all before it.
pub(super) fn checked(mut text: String) -> String {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    text += &format!("check {hash}\n");
    text
}

/// Returns a small text file without its last line; none where that does not fit what is before it.
pub(super) fn unchecked(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (body, check) = text.split_at_checked(text.find("check ")?)?;
    let hash = blake3::hash(body.as_bytes()).to_hex();
    (check.strip_prefix("check ")?.trim_end() == hash.as_str()).then_some(body)
}

/// Writes a small file so that a power cut leaves the old one or the new one.
pub(super) fn replace(files: &dyn Files, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = files.create(&temporary)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        drop(file);
        files.rename(&temporary, path)?;
        files.sync_folder(path.parent().unwrap_or(path))
    };
    write().map_err(|source| failed("write", path, source))
}

/// Returns a file's bytes, or `None` when it is not there.
pub(super) fn read_if_there(files: &dyn Files, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match files.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, error)),
    }
}

/// Returns the names in a folder; none when it is not there.
pub(super) fn list_if_there(files: &dyn Files, folder: &Path) -> Result<Vec<String>, StoreError> {
    match files.list(folder) {
        Ok(names) => Ok(names),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed("list", folder, error)),
    }
}

/// Returns a path that says what was set aside and when, and that nothing has yet.
pub(super) fn aside_path(path: &Path, why: &str, now_millis: i64) -> std::path::PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stamped = format!("{name}-{why}-{}", stamp(now_millis));
    let mut candidate = path.with_file_name(&stamped);
    let mut number = 2;
    while candidate.exists() {
        candidate = path.with_file_name(format!("{stamped}-{number}"));
        number += 1;
    }
    candidate
}

/// Writes a moment as `20261123T154500Z`, which sorts and is a file name everywhere.
pub(super) fn stamp(millis: i64) -> String {
    let seconds = millis.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to civil date by eras of 400 years that begin on 1 March of year 0 (H. Hinnant).
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_the_utc_date_and_time() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_827_696_000), "20000229T123456Z");
        assert_eq!(stamp(1_795_447_999_999), "20261123T153319Z");
        assert_eq!(stamp(-1), "19691231T235959Z");
    }

    #[test]
    fn replacing_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity");
        replace(&RealFiles, &path, b"one").unwrap();
        replace(&RealFiles, &path, b"two").unwrap();
        assert_eq!(RealFiles.list(folder.path()).unwrap(), ["identity"]);
        assert_eq!(read_if_there(&RealFiles, &path).unwrap().unwrap(), b"two");
    }
}
