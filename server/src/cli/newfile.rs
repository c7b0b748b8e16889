//! Files that a command writes under a name that a person gave: whole or not at all, and never in place of
//! another unless the person says so.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;

use clap::Args;
use tempfile::{Builder, NamedTempFile, PersistError};

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
    /// Its folder, to make durable which files that has; none where it may be written to and not read.
    folder: Option<File>,
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
        let folder = File::open(folder_of(path)).ok().filter(|_| cfg!(unix));
        Ok(Self { path, part, folder, replaces })
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
        match self.replaces {
            true => self.finish_by(|part, path| part.persist(path).map(drop)),
            false => self.finish_by(|part, path| part.persist_noclobber(path).map(drop)),
        }
    }

    fn finish_by(self, name: impl FnOnce(NamedTempFile, &Path) -> Named) -> Result<(), CliError> {
        let Self { path, part, folder, replaces } = self;
        part.as_file().sync_all().map_err(|source| unwritten(path, source))?;
        let named = name(part, path).or_else(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => Err(failed.error),
            _ if replaces => Err(failed.error),
            // A file system that can neither rename to what is free only nor make a second name for a file.
            _ => {
                let mut part = failed.file;
                part.rewind().and_then(|()| copied(&mut part, path))
            }
        });
        named.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => {
                CliError::FileThere { path: path.to_owned(), replaceable: true }
            }
            _ => unwritten(path, source),
        })?;
        folder.map_or(Ok(()), |folder| synced(&folder)).map_err(|source| unwritten(path, source))
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

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// How giving a file its name went; where it failed the file is there still.
type Named = Result<(), PersistError>;

/// Writes a file anew under a name that is free. What fails leaves nothing there.
fn copied(from: &mut impl Read, path: &Path) -> io::Result<()> {
    let mut to = File::create_new(path)?;
    let written = io::copy(from, &mut to).and_then(|_| to.sync_all());
    written.or_else(|error| {
        drop(to);
        fs::remove_file(path)?;
        Err(error)
    })
}

/// Makes durable which files a folder has, where its file system can do that and lets this program: the files
/// stand without it.
fn synced(folder: &File) -> io::Result<()> {
    match folder.sync_all() {
        Err(error) if is_no_fault(error.kind()) => Ok(()),
        synced => synced,
    }
}

/// What says that a folder cannot be made durable, and not that it failed.
fn is_no_fault(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(kind, K::InvalidInput | K::Unsupported | K::PermissionDenied)
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
    #[cfg(unix)]
    #[test]
    fn a_file_that_stands_is_no_failure_where_its_folder_cannot_be_made_durable() {
        let folder = tempfile::tempdir().unwrap();
        // A folder that may not be read, and what cannot be synced.
        for (name, handle) in
            [("dropped", None), ("shared", Some(File::open("/dev/null").unwrap()))]
        {
            let path = folder.path().join(name);
            if let Some(handle) = &handle {
                assert!(handle.sync_all().is_err(), "it cannot be synced");
            }
            let mut made = NewFile::begin(&path, KEEPS).unwrap();
            assert!(made.folder.is_some());
            made.folder = handle;
            made.whole(b"whole").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"whole");
        }
        assert!(!is_no_fault(io::ErrorKind::StorageFull));
    }

    #[test]
    fn where_no_name_can_be_given_to_what_is_free_only_the_file_is_copied_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let cannot = |file: NamedTempFile, _: &Path| -> Named {
            Err(PersistError { error: io::ErrorKind::PermissionDenied.into(), file })
        };
        let written = |bytes: &[u8]| {
            let mut made = NewFile::begin(&path, KEEPS)?;
            io::Write::write_all(made.file(), bytes).unwrap();
            Ok::<_, CliError>(made)
        };
        let (one, late) = (written(b"one").unwrap(), written(b"late").unwrap());
        one.finish_by(cannot).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        // Another that came meanwhile stays.
        let refused = late.finish_by(cannot).unwrap_err();
        assert!(matches!(refused, CliError::FileThere { replaceable: true, .. }), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");
    }

    #[test]
    fn what_cannot_be_copied_whole_leaves_nothing() {
        struct Torn(bool);
        impl Read for Torn {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("a damaged disk"));
                }
                buffer[0] = 1;
                Ok(1)
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        assert!(copied(&mut Torn(false), &path).is_err());
        assert!(!path.exists());
    }
}
