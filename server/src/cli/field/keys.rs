//! Keys of a device's folder: which one opens it, and what it is sealed under.

use std::path::{Path, PathBuf};

use bienban_core::client::{self, Client, ClientError, OpenWith, Protection};
use bienban_core::trust::rest::StoreKey;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::folder;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::words;

/// What to do with the keys of the folder.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Say how what lies in the folder is kept from who takes it.
    Show,
    /// Open the folder with another key or passphrase from now on. A plain folder is sealed.
    Change(ChangeArgs),
    /// Make a new data key and seal everything anew under it.
    Rotate,
}

/// What opens the folder from now on.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct ChangeArgs {
    /// A file with the new key: 64 hexadecimal digits, readable by nobody else.
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
    /// A file whose first line is the new passphrase, readable by nobody else.
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct KeyData {
    /// `plain`, `own_key`, `key` or `passphrase`.
    protection: &'static str,
    changed: bool,
    /// Records are still under an older key, for want of room.
    older_keys: bool,
}

/// Runs one of them.
pub(in crate::cli) fn run(
    dir: &Path,
    key: Option<&StoreKey>,
    command: &KeyCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    let name = "bienban field key";
    match command {
        KeyCommand::Show => {
            let client = folder::open(dir, key, name, output)?;
            answer(&client, None, output)
        }
        KeyCommand::Rotate => {
            let client = folder::open(dir, key, name, output)?;
            let with = OpenWith { key, holder: name, patience: folder::FOLDER_PATIENCE };
            answer(&client.rotate_key(with)?, Some("key.rotated"), output)
        }
        KeyCommand::Change(to) => {
            let new = read(to.new_key_file.as_deref(), to.new_passphrase_file.as_deref())?;
            let Some(new) = new else { return answer_of(dir, key, output) };
            let plain = client::protection(dir)? == Protection::Plain;
            // A plain folder is sealed by opening it with a key.
            let mut client = folder::open(dir, if plain { Some(&new) } else { key }, name, output)?;
            if opens_already(client.protection()?, key, &new) && !plain {
                return said(&client, ("key.same", false), output);
            }
            if !plain {
                client.change_key(&new)?;
            }
            answer(&client, Some("key.changed"), output)
        }
    }
}

/// Whether what is to open the folder opens it now. A key that lies in the folder itself is another matter: it is
/// to be taken out of there.
fn opens_already(protection: Protection, key: Option<&StoreKey>, new: &StoreKey) -> bool {
    match (protection, key, new) {
        (Protection::Key, Some(StoreKey::Key(old)), StoreKey::Key(new)) => old == new,
        (Protection::Passphrase, Some(StoreKey::Passphrase(old)), StoreKey::Passphrase(new)) => {
            old == new
        }
        _ => false,
    }
}

/// Reads what opens a folder from one of two files.
pub(in crate::cli) fn read(
    key: Option<&Path>,
    passphrase: Option<&Path>,
) -> Result<Option<StoreKey>, CliError> {
    let read = match (key, passphrase) {
        (Some(path), _) => client::read_key(path),
        (None, Some(path)) => client::read_passphrase(path),
        (None, None) => return Ok(None),
    };
    // It was named on the command line, and is none of the folder's.
    read.map(Some).map_err(|error| match error {
        ClientError::File { path, source, .. } => CliError::File { path, source },
        error => error.into(),
    })
}

fn answer_of(dir: &Path, key: Option<&StoreKey>, output: &Output) -> Result<Answer, CliError> {
    answer(&folder::open(dir, key, "bienban field key", output)?, None, output)
}

fn answer(client: &Client, done: Option<&str>, output: &Output) -> Result<Answer, CliError> {
    let Some(done) = done else { return page_of(client, Page::new(), false, output) };
    said(client, (done, true), output)
}

/// Answers with what was done, or that nothing was.
fn said(
    client: &Client,
    (text, changed): (&str, bool),
    output: &Output,
) -> Result<Answer, CliError> {
    let mut page = Page::new();
    page.line(output.messages().text(text, &[]));
    page_of(client, page, changed, output)
}

fn page_of(
    client: &Client,
    mut page: Page,
    changed: bool,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let protection = client.protection()?;
    let older_keys = client.phone().replica().store().opened().older_keys;
    page.line(words::protection(m, protection));
    if older_keys {
        page.line(m.text("key.older", &[]));
    }
    let protection = words::protection_name(protection);
    Answer::new(&KeyData { protection, changed, older_keys }, page)
}
