//! The folder of an office: held while something is done in it, and free for other commands while a person is
//! waited for.

use std::path::Path;

use bienban_core::client::{Client, OpenWith};
use bienban_core::trust::rest::StoreKey;

use crate::cli::error::CliError;
use crate::cli::folder::FOLDER_PATIENCE;

/// An office's device.
pub(super) struct Desk<'a> {
    dir: &'a Path,
    key: Option<&'a StoreKey>,
    /// What others are told who want the folder meanwhile.
    command: &'a str,
    held: Option<Client>,
}

impl<'a> Desk<'a> {
    /// Takes a device that is open.
    pub(super) fn new(
        (dir, key): (&'a Path, Option<&'a StoreKey>),
        command: &'a str,
        client: Client,
    ) -> Self {
        Self { dir, key, command, held: Some(client) }
    }

    /// Returns the device, opened again if the folder was let go. Another command that has it is waited for, as
    /// long as by any.
    pub(super) fn open(&mut self) -> Result<&Client, CliError> {
        let client = match self.held.take() {
            Some(client) => client,
            None => {
                let with =
                    OpenWith { key: self.key, holder: self.command, patience: FOLDER_PATIENCE };
                Client::open_with(self.dir, with)?
            }
        };
        Ok(self.held.insert(client))
    }

    /// Lets other commands have the folder.
    pub(super) fn let_go(&mut self) {
        self.held = None;
    }

    /// Returns the device, if it is open.
    pub(super) fn held(&self) -> Option<&Client> {
        self.held.as_ref()
    }
}
