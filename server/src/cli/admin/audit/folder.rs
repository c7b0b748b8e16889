//! Checks the log in the folder of a stopped hub, or of a backup. All work is on a copy: opening a store
//! may write to it, and a backup must stay what it was.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::client::{Client, ClientError};
use bienban_core::clock;
use bienban_core::replica::{Projection, check_log};
use bienban_core::store::{DiskStore, Options, Store, make_private_folder};

use super::VerifyData;
use super::reading::Before;
use crate::backups;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output};

/// The store of a hub, in its folder.
const STORE: &str = "store";

/// The index in a store's folder: what is made anew from the journal.
const INDEX: &str = "index";

/// A folder that is removed when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let mut name = [0; 8];
        name.copy_from_slice(&clock::random::<8>().map_err(io::Error::other)?);
        let path = std::env::temp_dir().join(format!("bienban-audit-{}", hex::encode(name)));
        // What is copied there is unsealed, and the folder above is everybody's.
        make_private_folder(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is a copy that nobody needs.
        drop(fs::remove_dir_all(&self.0));
    }
}

fn copy(from: &Path, to: &Path, but: Option<&str>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if but.is_some_and(|but| name == but) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name), None)?;
        } else {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

fn open(dir: &Path) -> Result<DiskStore, CliError> {
    let options = Options::new(Arc::new(|| clock::now().0));
    Ok(DiskStore::open(dir, Arc::new(Projection), options).map_err(ClientError::from)?)
}

/// Checks the rows of the log against each other, against the journal that they were computed from, and
/// against the heads that this device keeps.
pub(super) fn verify(client: &Client, dir: &Path, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let file = |source| CliError::File { path: dir.to_owned(), source };
    let spinner = output.spinner(m.text("verify.running", &[]));
    let scratch = Scratch::new().map_err(file)?;
    let (as_it_is, anew) = (scratch.0.join("as-it-is"), scratch.0.join("anew"));
    let store = dir.join(STORE);
    if store.is_dir() {
        copy(&store, &as_it_is, None).map_err(file)?;
        copy(&store, &anew, Some(INDEX)).map_err(file)?;
    } else {
        backups::lay_out(dir, &as_it_is)?;
        backups::lay_out(dir, &anew)?;
    }
    let mut data = VerifyData::default();
    let kept = open(&as_it_is)?;
    let checked = check_log(&kept, |_, _, _| ()).map_err(ClientError::from)?;
    data.problems.extend(checked.problems);
    data.unread = checked.unread;
    let verified = kept.verify().map_err(ClientError::from)?;
    data.problems.extend(verified.problems);
    let made = open(&anew)?;
    let mut heads = Before::of(client)?.of_hub(client)?;
    let rebuilt = check_log(&made, |number, leaf, tree| heads.see(number, leaf, tree));
    let rebuilt = rebuilt.map_err(ClientError::from)?;
    if rebuilt.tree != checked.tree {
        data.problems.push(m.text("audit.other_journal", &[]));
    }
    (data.leaves, data.root) = (rebuilt.tree.size(), rebuilt.tree.root().to_string());
    heads.compare(&mut data, true);
    spinner.finish_and_clear();
    data.answer(m)
}
