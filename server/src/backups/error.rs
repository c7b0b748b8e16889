//! Why a backup was not made, checked or put back.

use std::io;
use std::path::{Path, PathBuf};

use bienban_core::replica::ReplicaError;
use bienban_core::store::StoreError;

/// Why a backup was not made, checked or put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupsError {
    /// A file or folder cannot be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// What was being done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The journal's files cannot be read, or its store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The records cannot be read.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The folder is no hub's.
    #[error("there is no hub in {path}")]
    NoHub {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds neither a backup nor a store.
    #[error("there is neither a backup nor a hub's store in {path}")]
    NoBackup {
        /// The folder.
        path: PathBuf,
    },
    /// A backup was begun there, and none is whole yet.
    #[error(
        "the backup in {path} was begun and is not whole yet; make it again, it goes on where it was"
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// The hub of the folder runs.
    #[error("the hub of {path} runs; stop it, or make a backup and check that")]
    Running {
        /// The folder.
        path: PathBuf,
    },
    /// Another process works on the backup.
    #[error("another process works on the backup in {path}")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The folder for the backup lies in the folder that is backed up.
    #[error("{path} lies in the hub's own folder; a backup belongs on another disk")]
    Inside {
        /// The folder for the backup.
        path: PathBuf,
    },
    /// The backup there is another hub's.
    #[error("{path} holds the backup of another hub; choose another folder")]
    OtherHub {
        /// The folder.
        path: PathBuf,
    },
    /// The hub's journal could not be read whole.
    #[error("the hub's journal could not be read whole: {what}")]
    Unsettled {
        /// What is damaged, or changed each time that it was read.
        what: String,
    },
    /// What was read back is not what was written.
    #[error("{path} reads back otherwise than it was written; look at that disk")]
    Otherwise {
        /// The file.
        path: PathBuf,
    },
    /// The manifest cannot be read.
    #[error("{path} is damaged")]
    Manifest {
        /// The file.
        path: PathBuf,
    },
    /// A newer program made the backup.
    #[error("{path} has format {found}, but this program reads up to {known}; update it")]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// What is to be put back is damaged.
    #[error("the backup is damaged: {what}")]
    Damaged {
        /// The first thing that is.
        what: String,
    },
    /// There is something already where a hub is to be put.
    #[error("{path} holds a hub or a device already")]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// Another backup was being put back there.
    #[error("another backup was being put back into {path} and was not finished")]
    OtherRestore {
        /// Where what there is of it lies.
        path: PathBuf,
    },
    /// The backup holds no key, and none was given.
    #[error("the backup holds no key of the hub")]
    NoKey,
    /// The key that was given is not the hub's.
    #[error("{path} does not hold the key of this backup's hub")]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// A key file holds no key.
    #[error("{path} must hold 64 hexadecimal digits")]
    Key {
        /// The file.
        path: PathBuf,
    },
}

/// Returns what makes an error of a file.
pub(super) fn file_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> BackupsError {
    let path = path.to_owned();
    move |source| BackupsError::File { action, path, source }
}
