//! What this device keeps of the hub's log, and going on where an administrator says so.

use std::path::{Path, PathBuf};

use bienban_core::client::{Client, ClientError};
use bienban_core::clock;
use bienban_core::trust::log::Release;
use bienban_core::trust::proof::WitnessHead;
use clap::Subcommand;
use serde::Serialize;

use crate::cli::doubts::{self, DoubtData, HeadData, HeadsData};
use crate::cli::error::{CliError, Failed};
use crate::cli::newfile::{NewFile, Overwrite};
use crate::cli::output::{Answer, Output, Page};
use crate::cli::wrong::Wrong;

/// What to do with what is kept of the hub's log.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LogCommand {
    /// Show the heads of the hub's log that this device keeps, and what does not hold together.
    Show,
    /// Write the newest heads of the hub's log that this device keeps into a file, as a witness for
    /// `bienban verify --head`.
    Head {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        overwrite: Overwrite,
    },
    /// Go on with the hub although its log is in doubt, because an administrator released this device.
    Release {
        /// What `bienban admin audit release` printed for this device.
        release: String,
    },
}

#[derive(Debug, Serialize)]
struct LogData {
    heads: Vec<HeadsData>,
    doubts: Vec<DoubtData>,
}

#[derive(Debug, Serialize)]
struct HeadFileData {
    file: String,
    heads: Vec<HeadData>,
}

#[derive(Debug, Serialize)]
struct ReleasedData {
    released: bool,
}

/// Runs one of them.
pub(in crate::cli) fn run(
    client: &Client,
    command: &LogCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    match command {
        LogCommand::Show => show(client, output),
        LogCommand::Head { file, overwrite } => head(client, file, *overwrite, output),
        LogCommand::Release { release } => {
            let release = Release::from_text(release).ok_or(Wrong::Release)?;
            client.phone().release_log(&release, clock::now()).map_err(ClientError::from)?;
            let mut page = Page::new();
            page.line(output.messages().text("doubt.released", &[]));
            Answer::new(&ReleasedData { released: true }, page)
        }
    }
}

/// Writes the newest head of each life of the hub's store, the newest of all last.
fn head(
    client: &Client,
    path: &Path,
    overwrite: Overwrite,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let file = NewFile::begin(path, overwrite)?;
    let mut rows = client.phone().replica().heads().map_err(ClientError::from)?;
    rows.sort_by_key(|row| row.last.at);
    let mut text = String::new();
    for row in &rows {
        text.push_str(&WitnessHead { hub: row.hub, head: row.last }.to_text());
        text.push('\n');
    }
    let mut page = Page::new();
    let Some(newest) = rows.last() else {
        page.line(m.text("doubt.no_head", &[]));
        let data = HeadFileData { file: String::new(), heads: Vec::new() };
        return Ok(Answer::new(&data, page)?.with_code(Failed::NotFound.code()));
    };
    file.whole(text.as_bytes())?;
    let (name, size) = (path.display().to_string(), newest.last.size.to_string());
    page.line(m.text("export.head", &[("file", &name), ("size", &size)]));
    let heads = rows.iter().map(|row| HeadData::from(&row.last)).collect();
    Answer::new(&HeadFileData { file: name, heads }, page)
}

/// Shows what is kept. A log that is in doubt ends the program with its code.
fn show(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let heads = client.phone().replica().heads().map_err(ClientError::from)?;
    let data = LogData {
        heads: heads.iter().map(HeadsData::from).collect(),
        doubts: doubts::all(client)?,
    };
    let mut page = Page::new();
    for heads in &data.heads {
        let size = heads.last.size.to_string();
        page.line(m.text("doubt.head", &[("size", &size), ("root", &heads.last.root)]));
    }
    if data.heads.is_empty() {
        page.line(m.text("doubt.no_head", &[]));
    }
    doubts::text(&mut page, &data.doubts, m);
    let code = crate::cli::error::code_of_doubts(client)?;
    Ok(Answer::new(&data, page)?.with_code(code))
}
