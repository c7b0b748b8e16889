//! A supervisor's review: accept, comment, send back. It travels like any other edit.

use bienban_core::client::{Client, ClientError, Sending};
use bienban_core::model::{ChangeHash, Genesis};
use clap::{Args, Subcommand};

use crate::cli::error::CliError;
use crate::cli::field::EditData;
use crate::cli::output::{Answer, Output};

/// An inspection and what to say of it.
#[derive(Debug, Args)]
pub(super) struct ReviewArgs {
    /// The inspection.
    inspection: String,

    #[command(subcommand)]
    command: ReviewCommand,
}

#[derive(Debug, Subcommand)]
enum ReviewCommand {
    /// Accept the inspection.
    Accept {
        /// A remark.
        #[arg(default_value = "")]
        text: String,
        /// What was looked at: the heads that `show` names. What was written since then is told.
        /// Default: what is here now.
        #[arg(long, value_name = "CHANGES", value_delimiter = ',')]
        seen: Vec<String>,
        /// Accept it although values that differ stand, for this reason, which is recorded and shown.
        #[arg(long, value_name = "REASON")]
        despite_conflicts: Option<String>,
    },
    /// Comment on an item.
    Comment {
        /// The item's key, or - for the whole inspection.
        item: String,
        /// What to say.
        text: String,
    },
    /// Send the inspection back.
    SendBack {
        /// The item to go back to; the whole inspection if absent.
        #[arg(long)]
        item: Option<String>,
        /// What is asked for.
        text: String,
        /// What was looked at: the heads that `show` names. What was written since then is told.
        /// Default: what is here now.
        #[arg(long, value_name = "CHANGES", value_delimiter = ',')]
        seen: Vec<String>,
    },
}

/// Reviews an inspection.
pub(super) fn run(
    client: &Client,
    arguments: &ReviewArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let (data, done) = match &arguments.command {
        ReviewCommand::Accept { text, seen, despite_conflicts } => {
            let seen = heads(client, &inspection, seen)?;
            let outcome =
                client.accept(&inspection, text, seen.as_deref(), despite_conflicts.as_deref())?;
            (EditData::plain(&inspection, &outcome), m.text("admin.accepted", &[]))
        }
        ReviewCommand::Comment { item, text } => {
            let item = Some(item.as_str()).filter(|item| *item != "-");
            let (id, outcome) = client.comment(&inspection, item, text)?;
            let mut data = EditData::plain(&inspection, &outcome);
            data.item = item.map(str::to_owned);
            data.id = Some(hex::encode(id));
            (data, m.text("admin.commented", &[]))
        }
        ReviewCommand::SendBack { item, text, seen } => {
            let seen = heads(client, &inspection, seen)?;
            let sending = Sending { item: item.clone(), text: text.clone(), seen };
            let (id, outcome) = client.send_back(&inspection, &sending)?;
            let mut data = EditData::plain(&inspection, &outcome);
            data.item.clone_from(item);
            data.id = Some(hex::encode(id));
            (data, m.text("admin.sent_back", &[]))
        }
    };
    data.answer(done, output)
}

/// Finds the heads that somebody looked at; none where nobody says.
fn heads(
    client: &Client,
    inspection: &Genesis,
    seen: &[String],
) -> Result<Option<Vec<ChangeHash>>, ClientError> {
    if seen.is_empty() {
        return Ok(None);
    }
    let document = client.open_inspection(inspection)?;
    client.find_heads(&document, seen).map(Some)
}
