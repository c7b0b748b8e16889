//! Where a journal's files lie: in a store's folder, or in a backup, where they have other names.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bienban_core::store::{FileHandle, Files, RealFiles};

/// What is done with each segment's bytes, by its number, once it is known to be followed by another.
pub(super) type Passed<'s> = Box<dyn FnMut(u64, &[u8]) -> io::Result<()> + Send + 's>;

/// Files for a reader of a journal: nothing can be changed through them.
///
/// Each segment that is read whole is passed on when the next one is: only of the last one is it not known
/// before the end how much of it counts. One that is read again at once had grown.
pub(super) struct Reading<'s> {
    names: Names,
    state: Mutex<State<'s>>,
}

/// How segments are found.
pub(super) enum Names {
    /// As they are called in a store's folder.
    Own,
    /// By number, each at a path of its own.
    Of(Vec<(u64, PathBuf)>),
}

struct State<'s> {
    held: Option<(u64, Vec<u8>)>,
    passed: Passed<'s>,
}

impl<'s> Reading<'s> {
    /// Reads files so named, and passes each on.
    pub(super) fn new(names: Names, passed: Passed<'s>) -> Self {
        Self { names, state: Mutex::new(State { held: None, passed }) }
    }

    /// Reads files so named.
    pub(super) fn only(names: Names) -> Self {
        Self::new(names, Box::new(|_, _| Ok(())))
    }

    /// Passes the last segment on, cut to what counts of it, if it counts at all.
    pub(super) fn finish(self, last: Option<u64>, bytes: u64) -> io::Result<()> {
        let State { held, mut passed } =
            self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match held {
            Some((number, all)) if Some(number) == last => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(all.len());
                passed(number, &all[..bytes])
            }
            // Its beginning was being written.
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<'s>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where a segment lies.
    fn path(&self, path: &Path) -> io::Result<PathBuf> {
        match &self.names {
            Names::Own => Ok(path.to_owned()),
            Names::Of(named) => {
                let wanted = number(path);
                let found = named.iter().find(|(number, _)| Some(*number) == wanted);
                found.map(|(_, path)| path.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }
}

/// Returns the name of a segment in a store's folder.
pub(super) fn segment_name(number: u64) -> String {
    format!("{number:08}{}", super::SEGMENT)
}

/// Returns the number of the segment that a path of a store's folder names.
pub(super) fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(super::SEGMENT)?.parse().ok()
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::PermissionDenied.into())
}

impl Files for Reading<'_> {
    fn create(&self, _: &Path) -> io::Result<Box<dyn FileHandle>> {
        refused()
    }

    fn open(&self, _: &Path) -> io::Result<Box<dyn FileHandle>> {
        refused()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = RealFiles.read(&self.path(path)?)?;
        if let Some(number) = number(path) {
            let mut state = self.lock();
            if let Some((before, all)) = state.held.take().filter(|(before, _)| *before != number) {
                (state.passed)(before, &all)?;
            }
            state.held = Some((number, bytes.clone()));
        }
        Ok(bytes)
    }

    fn read_start(&self, path: &Path, bytes: usize) -> io::Result<(Vec<u8>, u64)> {
        RealFiles.read_start(&self.path(path)?, bytes)
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        RealFiles.free_bytes(folder)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        match &self.names {
            Names::Own => RealFiles.list(folder),
            Names::Of(named) => {
                let mut names: Vec<String> =
                    named.iter().map(|(number, _)| segment_name(*number)).collect();
                names.sort();
                Ok(names)
            }
        }
    }

    fn create_folder(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn remove_folder(&self, _: &Path) -> io::Result<()> {
        refused()
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        refused()
    }
}
