//! `export --proof`: writes one record with its evidence into a file, for `bienban verify`.

use std::path::PathBuf;

use bienban_core::client::{Client, ClientError, Exported, Unhelped};
use bienban_core::model::DocumentId;
use clap::Args;
use serde::Serialize;

use super::error::CliError;
use super::newfile::{NewFile, Overwrite};
use super::output::{Answer, Output, Page};
use super::verify;

/// Digits of an id from which on a record of any kind is looked for by it.
const DIGITS_MIN: usize = 8;

/// Which record, and where to.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The inspection, or any other record by the first digits of its id.
    record: String,
    /// Write the record with its evidence here: packs, rights, receipts, and proofs of the hub's log.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    /// A head of the hub's log that another device kept, which the hub is to show to continue. May be
    /// given several times.
    #[arg(long = "head", value_name = "FILE")]
    heads: Vec<PathBuf>,
    #[command(flatten)]
    overwrite: Overwrite,
}

#[derive(Debug, Serialize)]
struct ExportData {
    document: String,
    file: String,
    bytes: usize,
    /// Leaves of the hub's log in the file; null where the hub had no part in it.
    leaves: Option<usize>,
}

/// Makes the file.
pub(super) async fn run(
    client: &Client,
    arguments: &ExportArgs,
    offline: bool,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let witnesses = verify::witnesses(&arguments.heads)?;
    let document = find(client, &arguments.record)?;
    let path = &arguments.proof;
    // A cut-off export would be taken for a forged one.
    let file = NewFile::begin(path, arguments.overwrite)?;
    let spinner = output.spinner(m.text("sync.running", &[]));
    let made = client.export_record(document, &witnesses, offline).await;
    spinner.finish_and_clear();
    let Exported { bytes, leaves, unhelped } = made?;
    match unhelped {
        Some(Unhelped::Refused(failure)) => {
            let why = crate::reasons::of_failure(&failure, m);
            output.remark(&m.text("export.unhelped", &[("why", &why)]));
        }
        Some(Unhelped::Cut(error)) => {
            let why = super::causes::explain(&*error, m);
            output.remark(&m.text("export.unhelped", &[("why", &why)]));
        }
        None => {}
    }
    file.whole(&bytes)?;
    let file = path.display().to_string();
    let data = ExportData { document: document.to_string(), file, bytes: bytes.len(), leaves };
    let mut page = Page::new();
    let size = data.bytes.to_string();
    page.line(m.text("export.written", &[("file", &data.file), ("bytes", &size)]));
    page.line(match leaves {
        Some(count) => m.text("export.included", &[("count", &count.to_string())]),
        None => m.text("export.not_included", &[]),
    });
    Answer::new(&data, page)
}

fn find(client: &Client, name: &str) -> Result<DocumentId, CliError> {
    if name.len() >= DIGITS_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let named = client.phone().replica().named(name, 2).map_err(ClientError::from)?;
        if let [(document, _)] = named[..] {
            return Ok(document);
        }
    }
    Ok(client.find_inspection(name)?.document())
}
