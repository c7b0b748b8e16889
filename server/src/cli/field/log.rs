//! What this device keeps of the hub's log, and going on where an administrator says so.

use bienban_core::client::{Client, ClientError};
use bienban_core::clock;
use bienban_core::trust::log::Release;
use clap::Subcommand;
use serde::Serialize;

use crate::cli::doubts::{self, DoubtData, HeadsData};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::wrong::Wrong;

/// What to do with what is kept of the hub's log.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LogCommand {
    /// Show the heads of the hub's log that this device keeps, and what does not hold together.
    Show,
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
        LogCommand::Release { release } => {
            let release = Release::from_text(release).ok_or(Wrong::Release)?;
            client.phone().release_log(&release, clock::now()).map_err(ClientError::from)?;
            let mut page = Page::new();
            page.line(output.messages().text("doubt.released", &[]));
            Answer::new(&ReleasedData { released: true }, page)
        }
    }
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
