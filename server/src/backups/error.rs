//! Why a backup was not made, checked or put back.

use std::io;
use std::path::{Path, PathBuf};

use bienban_core::replica::ReplicaError;
use bienban_core::store::StoreError;

use super::checking::Problem;

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
    /// The folder is a device's: a phone's, or an administrator's.
    #[error("{path} is a device's folder, and no hub's")]
    Device {
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
    /// The folder that is backed up lies in the folder for the backup.
    #[error("the hub's own folder lies in {path}; a backup needs a folder of its own")]
    Above {
        /// The folder for the backup.
        path: PathBuf,
    },
    /// The folder for the backup is a hub's second disk.
    #[error("{path} is a hub's second disk; a backup needs a folder of its own")]
    SecondDisk {
        /// The folder for the backup.
        path: PathBuf,
    },
    /// The folder for the backup holds something else.
    #[error("{path} holds other files ({found}) and no backup; choose a new or empty folder")]
    Foreign {
        /// The folder for the backup.
        path: PathBuf,
        /// One of them.
        found: String,
    },
    /// Files of a journal before and after the hub was set back lie together.
    #[error(
        "{path} does not continue the file before, and both are whole: two pasts of the hub lie there"
    )]
    TwoPasts {
        /// The first file that does not continue the one before.
        path: PathBuf,
    },
    /// Two files are the same part of a journal.
    #[error("{one} and {other} are both the same part of the journal")]
    SameNumber {
        /// One of them.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// The backup there is another hub's.
    #[error("{path} holds the backup of another hub; choose another folder")]
    OtherHub {
        /// The folder.
        path: PathBuf,
    },
    /// The hub's journal could not be read whole.
    #[error("the hub's journal could not be read whole: {problem}")]
    Unsettled {
        /// What is damaged, or changed each time that it was read.
        problem: Problem,
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
    /// A file that was given is no manifest of a backup.
    #[error("{path} is a file, and no manifest of a backup; give the backup's folder")]
    NoManifest {
        /// The file.
        path: PathBuf,
    },
    /// What lies there is sealed: a device's, for a hub seals nothing.
    #[error("what lies in {path} is sealed: it is a device's, and no hub's")]
    Sealed {
        /// The folder.
        path: PathBuf,
    },
    /// A hub's own folder was given in place of a backup.
    #[error("{path} is a hub's own folder, and no backup of it")]
    HubFolder {
        /// The folder.
        path: PathBuf,
    },
    /// What is to be put back is damaged, and that was not said to be wanted.
    #[error("the backup is damaged in {}; a hub made of it lacks {lost} records", files.join(", "))]
    DamagedBackup {
        /// The files that are damaged or missing.
        files: Vec<String>,
        /// Records that a hub made of it would lack.
        lost: u64,
    },
    /// The hub's key in the backup is damaged.
    #[error("the hub's key in the backup is damaged: {path}")]
    DamagedKey {
        /// The file.
        path: String,
    },
    /// What was copied from the backup is damaged.
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
    /// There is something else where a hub is to be put.
    #[error("{path} holds other files ({found}); choose a new or empty folder")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of them.
        found: String,
    },
    /// Another backup was being put back there, and is nearly at the end.
    #[error("another backup was being put back into {path} and was not finished")]
    OtherRestore {
        /// The folder.
        path: PathBuf,
    },
    /// A backup was being put back into the folder, and not to the end.
    #[error(
        "{path} holds an unfinished restore; put the backup back again, it goes on where it was"
    )]
    UnfinishedRestore {
        /// The folder.
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
