//! The folder of an office: held while something is done in it, and free for other commands while a person is
//! waited for.

use std::path::Path;
use std::time::Duration;

use bienban_core::client::{Client, ClientError, OpenWith};
use bienban_core::store::StoreError;
use bienban_core::trust::rest::StoreKey;

use crate::cli::causes;
use crate::cli::error::CliError;
use crate::cli::folder::FOLDER_PATIENCE;
use crate::cli::output::Output;

/// How long the folder is waited for by what a person was told would be done once the digits are typed: longer
/// than an import and its exchange take.
const PATIENCE: Duration = Duration::from_secs(120);

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

    /// As [`Desk::open`], for what must not fail because another command is at work: that one is waited for
    /// longer, which is told.
    pub(super) fn open_patiently(&mut self, output: &Output) -> Result<&Client, CliError> {
        if self.held.is_none() {
            let with = OpenWith { key: self.key, holder: self.command, patience: Duration::ZERO };
            let client = match Client::open_with(self.dir, with) {
                Err(ClientError::Store(error @ StoreError::InUse { .. })) => {
                    let m = output.messages();
                    let seconds = PATIENCE.as_secs().to_string();
                    let why = causes::explain(&error, m);
                    output.remark(&m.text("hint.waits", &[("why", &why), ("seconds", &seconds)]));
                    Client::open_with(self.dir, OpenWith { patience: PATIENCE, ..with })?
                }
                opened => opened?,
            };
            self.held = Some(client);
        }
        self.open()
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
