//! Rows of repeated sections: lots, samples, products.

use bienban_core::client::{Client, Note};
use clap::{Args, Subcommand};

use super::edit::EditData;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output};
use crate::cli::page;
use crate::cli::wrong::Wrong;

/// A row, by the first digits of its id.
#[derive(Debug, Subcommand)]
pub(super) enum RowCommand {
    /// Add a row to a section that is repeated, and say its id.
    Add(AddArgs),
    /// Remove a row. It stays visible, and so does what others write to it meanwhile.
    Remove(OneArgs),
    /// Bring a removed row back.
    Restore(OneArgs),
    /// Add a line to the note of a row, or replace the note.
    Note(NoteArgs),
}

/// A new row.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The inspection.
    inspection: String,
    /// The code of the section, as `open` and `show` list it.
    section: String,
    /// A line for the row's note.
    #[arg(long)]
    note: Option<String>,
}

/// A row that is there.
#[derive(Debug, Args)]
pub(super) struct OneArgs {
    /// The inspection.
    inspection: String,
    /// The row, by the first digits of its id.
    row: String,
}

/// A row's note.
#[derive(Debug, Args)]
pub(super) struct NoteArgs {
    /// The inspection.
    inspection: String,
    /// The row, by the first digits of its id.
    row: String,
    /// What to write.
    text: String,
    /// Make the note this text instead of adding a line.
    #[arg(long)]
    replace: bool,
}

/// Does one thing with a row.
pub(super) fn run(
    client: &Client,
    command: RowCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let of = |inspection: &str| client.find_inspection(inspection);
    let (inspection, row, outcome, done) = match command {
        RowCommand::Add(arguments) => {
            let inspection = of(&arguments.inspection)?;
            let (section, note) = (&arguments.section, arguments.note.as_deref());
            let (id, outcome) = client.row_add(&inspection, section, note)?;
            (inspection, id, outcome, "edit.row_added")
        }
        RowCommand::Remove(arguments) => {
            let inspection = of(&arguments.inspection)?;
            let (id, _) = client.find_row(&inspection, &arguments.row)?;
            let outcome = client.row_remove(&inspection, &hex::encode(id))?;
            (inspection, id, outcome, "edit.row_removed")
        }
        RowCommand::Restore(arguments) => {
            let inspection = of(&arguments.inspection)?;
            let (id, _) = client.find_row(&inspection, &arguments.row)?;
            let outcome = client.row_restore(&inspection, &hex::encode(id))?;
            (inspection, id, outcome, "edit.row_restored")
        }
        RowCommand::Note(arguments) => {
            let inspection = of(&arguments.inspection)?;
            let (id, _) = client.find_row(&inspection, &arguments.row)?;
            if !arguments.replace && arguments.text.trim().is_empty() {
                return Err(Wrong::Empty.into());
            }
            let note = if arguments.replace {
                Note::Replace(arguments.text)
            } else {
                Note::Append(arguments.text)
            };
            let outcome = client.row_note(&inspection, &hex::encode(id), note)?;
            (inspection, id, outcome, "edit.row_noted")
        }
    };
    let row = hex::encode(row);
    let done = m.text(done, &[("id", &row[..page::SHORT])]);
    let mut data = EditData::of(client, &inspection, &outcome, output.messages());
    data.row = Some(row);
    data.answer(done, output)
}
