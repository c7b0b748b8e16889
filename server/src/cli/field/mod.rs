//! `bienban field`: the whole client of one device, in a terminal.

mod batch;
mod edit;
mod moving;
mod read;
mod row;
mod travel;
mod typed;

use std::path::PathBuf;

use bienban_core::client::Client;
use bienban_core::model::Kind;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::CliError;
use super::folder::{self, InitArgs};
use super::output::{Answer, Output, Page};
use super::rows::{self, ListArgs};
use super::wrong::Wrong;

pub(super) use self::edit::EditData;
pub(super) use self::read::{ShowArgs, show};

/// Which device, and what to do with it.
#[derive(Debug, Args)]
pub(super) struct FieldArgs {
    /// The device's folder.
    #[arg(long, env = "BIENBAN_DIR", value_name = "DIR")]
    dir: PathBuf,

    #[command(subcommand)]
    command: FieldCommand,
}

/// An inspection is named by the first digits of its id, or by the facility's code or name.
#[derive(Debug, Subcommand)]
enum FieldCommand {
    /// Make a device: its key, and the hub that it pins.
    Init(InitArgs),
    /// Say which device this is, and what the hub knows of it.
    Whoami,
    /// List facilities.
    Facilities(ListArgs),
    /// List plans, or show one with its visits.
    Plans {
        /// A plan, by the first digits of its id or its title.
        plan: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// List the checklists on this device.
    Templates,
    /// List inspections, the most recently changed first.
    List(ListArgs),
    /// Open a planned visit: says its id and items. Works offline.
    Open(read::OpenArgs),
    /// Answer an item of the checklist.
    Answer(edit::AnswerArgs),
    /// Add a line to the note of an item, or replace the note.
    Note(edit::NoteArgs),
    /// Rows of a section that is repeated: lots, samples, products.
    #[command(subcommand)]
    Row(row::RowCommand),
    /// Add a finding.
    Finding(edit::FindingArgs),
    /// Delete a finding. It stays visible, and so does what others write to it meanwhile.
    FindingDelete(edit::RowArgs),
    /// Bring a deleted finding back.
    FindingRestore(edit::RowArgs),
    /// Move an inspection on in its life cycle.
    State(edit::StateArgs),
    /// Write a field of the minutes' header.
    Header(edit::HeaderArgs),
    /// Show an inspection: answers with authors, conflicts, findings, grade so far, review.
    Show(ShowArgs),
    /// Show every answer ever given to an item, oldest first. Times are what the devices claim.
    History(read::ItemArgs),
    /// Show where answers that differ stand, in one inspection or in all.
    Conflicts {
        /// The inspection; all of them if absent.
        inspection: Option<String>,
    },
    /// Say by which edition of its checklist an inspection is filled; preview, make or turn back a
    /// move to another edition.
    Template(moving::TemplateArgs),
    /// Settle an item in which answers that differ stand.
    Resolve(edit::AnswerArgs),
    /// Reply to a comment or request of the supervisor.
    Reply(edit::ReplyArgs),
    /// Exchange everything with the hub.
    Sync(travel::SyncArgs),
    /// Say what is only here, and what the hub has stored and merged.
    Status,
    /// Check every record and row of the store.
    Verify,
    /// Read commands from standard input, one a line, and run each on this device. The exit code is
    /// the first one that is not 0.
    Batch,
}

/// Runs one command of a device.
pub(super) async fn run(arguments: FieldArgs, output: &Output) -> Result<Answer, CliError> {
    use FieldCommand as C;
    let dir = &arguments.dir;
    if let C::Init(init) = &arguments.command {
        return folder::init(dir, init, output);
    }
    let client = Client::open(dir)?;
    match arguments.command {
        C::Batch => batch::run(&client, output).await,
        command => perform(command, &client, output).await,
    }
}

async fn perform(
    command: FieldCommand,
    client: &Client,
    output: &Output,
) -> Result<Answer, CliError> {
    use FieldCommand as C;
    match command {
        C::Batch => Err(Wrong::BatchInBatch.into()),
        C::Init(init) => folder::init(client.dir(), &init, output),
        C::Whoami => folder::whoami(client, output),
        C::Facilities(list) => rows::documents(client, Kind::Facility, &list, output),
        C::Plans { plan: Some(plan), .. } => rows::plan(client, &plan, output),
        C::Plans { plan: None, list } => rows::documents(client, Kind::Plan, &list, output),
        C::Templates => rows::templates(client, output),
        C::List(list) => rows::inspections(client, &list, output),
        C::Open(open) => read::open(client, &open, output),
        C::Answer(answer) => edit::answer(client, answer, output),
        C::Resolve(answer) => edit::resolve(client, answer, output),
        C::Note(note) => edit::note(client, note, output),
        C::Row(row) => row::run(client, row, output),
        C::Finding(finding) => edit::finding(client, finding, output),
        C::FindingDelete(row) => edit::finding_delete(client, &row, output),
        C::FindingRestore(row) => edit::finding_restore(client, &row, output),
        C::State(state) => edit::set_state(client, &state, output),
        C::Header(header) => edit::set_header(client, &header, output),
        C::Reply(reply) => edit::reply(client, &reply, output),
        C::Show(show) => read::show(client, &show, output),
        C::History(item) => read::history(client, &item, output),
        C::Conflicts { inspection } => read::conflicts(client, inspection.as_deref(), output),
        C::Template(template) => moving::run(client, &template, output),
        C::Sync(sync) => travel::sync(client, &sync, output).await,
        C::Status => travel::status(client, output),
        C::Verify => verify(client, output),
    }
}

#[derive(Debug, Serialize)]
struct VerifyData {
    records: u64,
    rows: u64,
    problems: Vec<String>,
}

/// Checks the store. Problems end the program with code 1, after they were all shown.
fn verify(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let spinner = output.spinner(m.text("verify.running", &[]));
    let outcome = client.phone().replica().store().verify();
    spinner.finish_and_clear();
    let found = outcome.map_err(folder::failed)?;
    let mut page = Page::new();
    let (records, rows) = (found.records.to_string(), found.rows.to_string());
    page.line(m.text("verify.checked", &[("records", &records), ("rows", &rows)]));
    for problem in &found.problems {
        page.line(format!("  {problem}"));
    }
    let bad = !found.problems.is_empty();
    page.line(if bad { m.text("verify.bad", &[]) } else { m.text("verify.good", &[]) });
    let data = VerifyData { records: found.records, rows: found.rows, problems: found.problems };
    Ok(Answer::new(&data, page)?.with_code(u8::from(bad)))
}
