//! `bienban field`: the whole client of one device, in a terminal.

pub(super) mod actions;
mod batch;
pub(super) mod beyond;
pub(super) mod drawing;
mod edit;
mod enrol;
mod header;
mod history;
pub(super) mod keys;
mod life;
mod log;
mod moving;
mod read;
mod recheck;
mod recognise;
mod row;
mod samples;
pub(super) mod seal;
mod settle;
mod travel;
mod typed;
mod unheard;

use std::path::PathBuf;

use bienban_core::client::Client;
use bienban_core::model::Kind;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::bundle;
use super::error::CliError;
use super::export::{self, ExportArgs};
use super::folder::{self, At, HubArgs, InitArgs, KeyArgs};
use super::nearest;
use super::output::{Answer, Output, Page};
use super::plan::{self, Team};
use super::rows::{self, ListArgs};
use super::troubles::{self, Repair, TroubleData};
use super::wrong::Wrong;
use super::{decisions, unregistered};

pub(super) use self::edit::EditData;
pub(super) use self::read::{ShowArgs, show};

/// Which device, and what to do with it.
#[derive(Debug, Args)]
pub(super) struct FieldArgs {
    /// The device's folder.
    #[arg(long, env = "BIENBAN_DIR", value_name = "DIR")]
    dir: PathBuf,

    #[command(flatten)]
    key: KeyArgs,

    #[command(subcommand)]
    command: FieldCommand,
}

/// An inspection is named by the first digits of its id, or by the facility's code or name.
#[derive(Debug, Subcommand)]
enum FieldCommand {
    /// Make a device: its key, and the hub that it pins.
    Init(InitArgs),
    /// Take up an administrator's invitation: makes this device if it is not there, claims, and waits
    /// until the administrator has compared six digits.
    Enrol(enrol::EnrolArgs),
    /// Say which device this is, and what the hub knows of it.
    Whoami,
    /// Show the hub that this device pins, pin one, or say where it has moved.
    Hub(HubArgs),
    /// The key that what lies in the folder is sealed under.
    #[command(subcommand)]
    Key(keys::KeyCommand),
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
    /// Say on which day a finding was put in the minutes: the time to correct it is counted from then.
    FindingIssued(edit::IssuedArgs),
    /// Delete a finding. It stays visible, and so does what others write to it meanwhile.
    FindingDelete(edit::DeleteArgs),
    /// Bring a deleted finding back.
    FindingRestore(edit::RowArgs),
    /// Demand corrections and list them.
    #[command(subcommand)]
    Action(actions::ActionCommand),
    /// Record proof of a correction that the facility hands in.
    Proof(actions::ProofArgs),
    /// Look again at findings after their correction was due, and record what came of each.
    #[command(subcommand)]
    Recheck(recheck::RecheckCommand),
    /// Say what a product was recognised with, in a check that its criteria are still held.
    Recognise(recognise::RecogniseArgs),
    /// Record samples, their seals, handovers and results.
    #[command(subcommand)]
    Sample(samples::SampleCommand),
    /// Write an opinion: of the facility, of others, or the conclusion of the team.
    Opinion(life::OpinionArgs),
    /// Record difficulties that the facility or commune raises, and list them.
    #[command(subcommand)]
    Difficulty(life::DifficultyCommand),
    /// Move an inspection on in its life cycle, or see what the next steps lack.
    State(life::StateArgs),
    /// Extend the time for an inspection, once.
    Extend(life::ExtendArgs),
    /// Show the clocks that run for an inspection.
    Clock(life::ClockArgs),
    /// Write a field of the minutes' header, or show all of them with what is missing.
    Header(header::HeaderArgs),
    /// Seal the minutes as the team's leader, or see what stands in the way. Works offline.
    Seal(seal::SealArgs),
    /// Sign sealed minutes too, as a member of the team.
    Sign(seal::SignArgs),
    /// Begin a record that supplements sealed minutes. Nothing unseals.
    Supplement(seal::SupplementArgs),
    /// Say, as the leader, who writes an inspection.
    Assign(seal::AssignArgs),
    /// Show an inspection: answers with authors, conflicts, findings, grade so far, review.
    Show(ShowArgs),
    /// Show everything ever written to an item and its note, an opinion, or any place that `conflicts`
    /// names, oldest first. Times are what the devices claim.
    History(history::ItemArgs),
    /// Show where values that differ stand, in one inspection or in all, and what settles each.
    Conflicts {
        /// The inspection; all of them if absent.
        inspection: Option<String>,
    },
    /// Say by which edition of its checklist an inspection is filled; preview, make or turn back a
    /// move to another edition.
    Template(moving::TemplateArgs),
    /// Settle what people wrote apart: an item, a field of the header, a state or anything else that
    /// `conflicts` lists. Whatever was written stays in the history.
    Resolve(settle::ResolveArgs),
    /// Reply to a comment or request of the supervisor.
    Reply(edit::ReplyArgs),
    /// Write a record with its evidence into a file, which `bienban verify` checks.
    Export {
        #[command(flatten)]
        export: ExportArgs,
        /// Ask the hub for nothing: the file cannot show then that the record is in the hub's log.
        #[arg(long)]
        offline: bool,
    },
    /// Hand what is here to other devices as a sealed file, and take in what they made so. Needs no
    /// network.
    #[command(subcommand)]
    Bundle(bundle::BundleCommand),
    /// Exchange everything with the hub.
    Sync(travel::SyncArgs),
    /// Say what is only here, and what the hub has stored and merged.
    Status,
    /// Check every record and row of the store, and say what was lost from it.
    Verify(VerifyArgs),
    /// What this device keeps of the hub's log, which shows whether the hub has rewritten its past.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Decisions of this device that the hub has not entered.
    #[command(subcommand)]
    Decision(decisions::DecisionCommand),
    /// Minutes that were sealed on this device and that no hub has registered.
    #[command(subcommand)]
    Minutes(unregistered::MinutesCommand),
    /// Read commands from standard input, one a line, and run each on this device. The exit code is
    /// the first one that is not 0.
    Batch,
}

impl FieldCommand {
    /// What others are told who want the folder meanwhile: what may take long by its name.
    fn name(&self) -> &'static str {
        match self {
            Self::Sync(sync) if sync.watches() => "bienban field sync --watch",
            Self::Sync(_) => "bienban field sync",
            Self::Batch => "bienban field batch",
            Self::Verify(_) => "bienban field verify",
            _ => "bienban field",
        }
    }
}

impl FieldArgs {
    /// Returns the words that open the folder, as they were given.
    pub(super) fn opening(&self) -> Vec<String> {
        self.key.words()
    }
}

/// Runs one command of a device.
pub(super) async fn run(arguments: FieldArgs, output: &Output) -> Result<Answer, CliError> {
    use FieldCommand as C;
    let dir = &arguments.dir;
    let key = arguments.key.read()?;
    let key = key.as_ref();
    if let C::Init(init) = &arguments.command {
        return folder::init(dir, init, key, At::Field, output);
    }
    if let C::Key(command) = &arguments.command {
        return keys::run(dir, key, command, output);
    }
    let command = match arguments.command {
        C::Enrol(enrol) => {
            let enrolled = enrol::run(dir, enrol, key, output).await;
            return enrolled.map_err(|error| error.with_room(dir));
        }
        command => command,
    };
    let mut client = folder::open(dir, key, command.name(), output)?;
    if !matches!(command, C::Status | C::Verify(_)) {
        troubles::warn(&client, output);
    }
    let done = match command {
        C::Batch => batch::run(&client, output).await,
        C::Hub(hub) => folder::hub(&mut client, &hub, At::Field, output),
        command => perform(command, &client, output).await,
    };
    done.map_err(|error| error.with_room(dir))
}

async fn perform(
    command: FieldCommand,
    client: &Client,
    output: &Output,
) -> Result<Answer, CliError> {
    let done = performed(command, client, output).await;
    done.map_err(|error| nearest::with_meant(error, client))
}

async fn performed(
    command: FieldCommand,
    client: &Client,
    output: &Output,
) -> Result<Answer, CliError> {
    use FieldCommand as C;
    match command {
        C::Batch => Err(Wrong::BatchInBatch.into()),
        C::Hub(_) | C::Enrol(_) => Err(Wrong::HubInBatch.into()),
        C::Key(_) => Err(Wrong::KeyInBatch.into()),
        C::Init(init) => folder::init(client.dir(), &init, None, At::Field, output),
        C::Whoami => folder::whoami(client, At::Field, output),
        C::Facilities(list) => rows::documents(client, Kind::Facility, &list, output),
        C::Plans { plan: Some(plan), .. } => plan::show(client, &plan, Team::AsItIs, output),
        C::Plans { plan: None, list } => rows::documents(client, Kind::Plan, &list, output),
        C::Templates => rows::templates(client, output),
        C::List(list) => rows::inspections(client, &list, output),
        C::Open(open) => read::open(client, &open, output),
        C::Answer(answer) => edit::answer(client, answer, output),
        C::Resolve(resolve) => settle::run(client, resolve, output),
        C::Note(note) => edit::note(client, note, output),
        C::Row(row) => row::run(client, row, output),
        C::Finding(finding) => edit::finding(client, finding, output),
        C::FindingIssued(issued) => edit::finding_issued(client, &issued, output),
        C::Recheck(recheck) => recheck::run(client, recheck, output),
        C::Recognise(recognise) => recognise::run(client, &recognise, output),
        C::FindingDelete(row) => edit::finding_delete(client, &row, output),
        C::FindingRestore(row) => edit::finding_restore(client, &row, output),
        C::Action(action) => actions::action(client, action, output),
        C::Proof(proof) => actions::proof(client, proof, output),
        C::Sample(sample) => samples::sample(client, sample, output),
        C::Opinion(opinion) => life::opinion(client, opinion, output),
        C::Difficulty(difficulty) => life::difficulty(client, difficulty, output),
        C::State(state) => life::set_state(client, state, output),
        C::Extend(extend) => life::extend(client, &extend, output),
        C::Clock(clock) => life::clock(client, &clock, output),
        C::Header(header) => header::run(client, &header, output),
        C::Reply(reply) => edit::reply(client, &reply, output),
        C::Seal(arguments) => seal::seal(client, &arguments, output),
        C::Sign(arguments) => seal::sign(client, &arguments, output),
        C::Supplement(arguments) => seal::supplement(client, &arguments, output),
        C::Assign(arguments) => seal::assign(client, &arguments, output),
        C::Show(show) => read::show(client, &show, output),
        C::History(item) => history::history(client, &item, output),
        C::Conflicts { inspection } => read::conflicts(client, inspection.as_deref(), output),
        C::Template(template) => moving::run(client, &template, output),
        C::Sync(sync) => travel::sync(client, &sync, output).await,
        C::Export { export, offline } => export::run(client, &export, offline, output).await,
        C::Bundle(command) => bundle::run(client, &command, output),
        C::Status => travel::status(client, output),
        C::Log(command) => log::run(client, &command, output),
        C::Decision(command) => decisions::run(client, &command, output),
        C::Minutes(command) => unregistered::run(client, &command, output),
        C::Verify(verify) => self::verify(client, &verify, output),
    }
}

/// What to do beside checking.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// Say that what was lost from the store has been seen: commands no longer warn of it.
    #[arg(long)]
    acknowledge: bool,
}

#[derive(Debug, Serialize)]
struct VerifyData {
    records: u64,
    rows: u64,
    problems: Vec<String>,
    /// What was lost, and nobody has acknowledged.
    troubles: Vec<TroubleData>,
    /// What was repaired without loss when this command opened the store.
    repaired: Option<Repair>,
}

/// Checks the store. Problems and losses end the program with code 1, after they were all shown.
fn verify(client: &Client, arguments: &VerifyArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let seen = if arguments.acknowledge { client.acknowledge()? } else { 0 };
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
    let troubles = troubles::all(client)?;
    troubles::text(&mut page, &troubles, m);
    // A loss that was just acknowledged is no repair without one.
    let repaired = if troubles.is_empty() && seen == 0 { Repair::of(client) } else { None };
    if let Some(repair) = &repaired {
        repair.text(&mut page, m);
    }
    let bad = !found.problems.is_empty();
    if seen > 0 {
        page.line(m.text("trouble.seen", &[]));
    }
    if bad {
        page.line(m.text("verify.bad", &[]));
    } else if troubles.is_empty() {
        page.line(m.text("verify.good", &[]));
    }
    let bad = bad || !troubles.is_empty();
    let (records, rows) = (found.records, found.rows);
    let data = VerifyData { records, rows, problems: found.problems, troubles, repaired };
    Ok(Answer::new(&data, page)?.with_code(u8::from(bad)))
}
