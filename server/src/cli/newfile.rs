//! Files that a command writes under a name that a person gave: whole or not at all, and never in place of
//! another unless the person says so.

use std::fs::File;
use std::io;
use std::path::Path;

use clap::Args;
use tempfile::{Builder, NamedTempFile};

use super::error::CliError;

/// What a file is called that is being written, behind its own name and something random.
const PART: &str = ".part";

/// Whether another file may be replaced.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Overwrite {
    /// Replace the file if there is one of that name.
    #[arg(long)]
    force: bool,
}

/// A file that is being written beside its name. What is not finished leaves nothing under the name, and
/// what lies there as it was.
pub(super) struct NewFile<'p> {
    path: &'p Path,
    part: NamedTempFile,
    replaces: bool,
}

impl<'p> NewFile<'p> {
    /// Begins a file. It is done before the work that the file stands for: where it could not be written
    /// afterwards, nothing is done at all.
    ///
    /// # Errors
    ///
    /// Returns [`CliError::FileThere`] when there is one and it is not to be replaced, or is none that can be,
    /// and [`CliError::Unwritten`] when its folder cannot be written to.
    pub(super) fn begin(path: &'p Path, overwrite: Overwrite) -> Result<Self, CliError> {
        let replaces = overwrite.force;
        if let Ok(there) = path.symlink_metadata() {
            let plain = there.is_file() || there.is_symlink();
            if !plain || !replaces {
                return Err(CliError::FileThere { path: path.to_owned(), replaceable: plain });
            }
        }
        let part = part_of(path).map_err(|source| unwritten(path, source))?;
        Ok(Self { path, part, replaces })
    }

    /// Returns the file to write to.
    pub(super) fn file(&mut self) -> &mut File {
        self.part.as_file_mut()
    }

    /// Makes what was written durable and gives it its name.
    ///
    /// # Errors
    ///
    /// As [`Self::begin`]: another file may have come meanwhile.
    pub(super) fn finish(self) -> Result<(), CliError> {
        let Self { path, part, replaces } = self;
        part.as_file().sync_all().map_err(|source| unwritten(path, source))?;
        let placed = if replaces { part.persist(path) } else { part.persist_noclobber(path) };
        placed.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => {
                CliError::FileThere { path: path.to_owned(), replaceable: true }
            }
            _ => unwritten(path, failed.error),
        })?;
        synced(folder_of(path)).map_err(|source| unwritten(path, source))
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// As [`Self::finish`].
    pub(super) fn whole(mut self, bytes: &[u8]) -> Result<(), CliError> {
        let path = self.path;
        io::Write::write_all(self.file(), bytes).map_err(|source| unwritten(path, source))?;
        self.finish()
    }
}

fn part_of(path: &Path) -> io::Result<NamedTempFile> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    };
    let mut prefix = name.to_owned();
    prefix.push(".");
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(PART);
    // As any file that a command makes: who may read it is said by the mask of the process.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder_of(path))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes durable which files a folder has.
fn synced(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Says that a file could not be written.
pub(super) fn unwritten(path: &Path, source: io::Error) -> CliError {
    CliError::Unwritten { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KEEPS: Overwrite = Overwrite { force: false };
    const REPLACES: Overwrite = Overwrite { force: true };

    #[test]
    fn what_is_there_is_replaced_only_by_word_and_nothing_half_lies_under_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let mut given_up = NewFile::begin(&path, KEEPS).unwrap();
        io::Write::write_all(given_up.file(), b"half").unwrap();
        assert!(!path.exists(), "it has no name yet");
        drop(given_up);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // Two begin at once: the second finds the file of the first when it ends.
        let (one, two) = (NewFile::begin(&path, KEEPS), NewFile::begin(&path, KEEPS));
        one.unwrap().whole(b"one").unwrap();
        let late = two.unwrap().whole(b"two").unwrap_err();
        assert!(matches!(late, CliError::FileThere { replaceable: true, .. }), "{late}");
        let refused = NewFile::begin(&path, KEEPS).map(drop).unwrap_err();
        assert!(matches!(refused, CliError::FileThere { .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        NewFile::begin(&path, REPLACES).unwrap().whole(b"three").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"three");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");
        let none = NewFile::begin(folder.path(), REPLACES).map(drop).unwrap_err();
        assert!(matches!(none, CliError::FileThere { replaceable: false, .. }), "{none}");
        let nowhere = folder.path().join("gone").join("record");
        let failed = NewFile::begin(&nowhere, KEEPS).map(drop).unwrap_err();
        assert!(matches!(failed, CliError::Unwritten { .. }), "{failed}");
    }
}
