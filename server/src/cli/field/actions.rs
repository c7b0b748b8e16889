//! Corrective actions and the proof that a facility hands in.

use bienban_core::checklist::Day;
use bienban_core::client::{ActionDraft, ActionShown, Client, DayOf, ProofDraft};
use bienban_core::clock;
use bienban_core::model::Genesis;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{EditData, beyond};
use crate::cli::course::{self, ActionData};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::{time, words};

#[derive(Debug, Subcommand)]
pub(super) enum ActionCommand {
    /// Demand a correction.
    Add(AddArgs),
    /// List what was demanded, by deadline, and where each stands.
    List {
        /// The inspection.
        inspection: String,
    },
    /// Change a demand, or take it back.
    Update(UpdateArgs),
}

/// A demand.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The inspection.
    inspection: String,
    /// What must be done.
    what: String,
    /// The finding that it corrects, by the first digits of its id.
    #[arg(long)]
    finding: Option<String>,
    /// Who is responsible.
    #[arg(long, default_value = "")]
    owner: String,
    /// Until when: a number of days, or a day as DD/MM/YYYY or YYYY-MM-DD. Default: the deadline of the
    /// finding, or the last day that the law allows.
    #[arg(long, value_name = "DAYS|DAY")]
    deadline: Option<String>,
}

/// A change of a demand.
#[derive(Debug, Args)]
pub(super) struct UpdateArgs {
    /// The inspection.
    inspection: String,
    /// The corrective action, by the first digits of its id.
    action: String,
    /// What must be done.
    #[arg(long)]
    what: Option<String>,
    /// The finding that it corrects, by the first digits of its id.
    #[arg(long)]
    finding: Option<String>,
    /// Who is responsible.
    #[arg(long)]
    owner: Option<String>,
    /// Until when: a number of days, or a day as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAYS|DAY")]
    deadline: Option<String>,
    /// Take the demand back, for this reason.
    #[arg(long, value_name = "REASON", conflicts_with_all = ["what", "finding", "owner", "deadline"])]
    cancel: Option<String>,
}

/// Proof of a correction.
#[derive(Debug, Args)]
pub(super) struct ProofArgs {
    /// The inspection.
    inspection: String,
    /// The corrective action, by the first digits of its id.
    action: String,
    /// What the facility reports.
    text: String,
    /// A photo that proves it, by its BLAKE3 hash. May be given several times.
    #[arg(long = "photo", value_name = "HASH")]
    photos: Vec<String>,
    /// The day on which it was handed in, as DD/MM/YYYY or YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<Day>,
}

#[derive(Debug, Serialize)]
struct ActionsAnswer {
    inspection: String,
    rows: Vec<ActionData>,
    /// Findings that are not corrected.
    open_findings: Vec<String>,
}

/// Demands corrections and lists them.
pub(super) fn action(
    client: &Client,
    command: ActionCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    match command {
        ActionCommand::Add(arguments) => add(client, arguments, output),
        ActionCommand::List { inspection } => list(client, &inspection, output),
        ActionCommand::Update(arguments) => update(client, arguments, output),
    }
}

fn add(client: &Client, arguments: AddArgs, output: &Output) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let now = clock::now();
    let deadline = arguments.deadline.as_deref().map(|text| time::deadline(text, now));
    let deadline = deadline.transpose()?;
    let draft = ActionDraft {
        finding: arguments.finding,
        what: Some(arguments.what),
        owner: Some(arguments.owner),
        deadline,
    };
    let (id, outcome) = client.add_action(&inspection, &draft)?;
    let mut data = EditData::of_followup(client, &inspection, &outcome, output.messages());
    let id = hex::encode(id);
    let asked = client.deadline_asked(&inspection, &id)?;
    data.warn_of_later(deadline, asked, output.messages());
    let done = output.messages().text("edit.demanded", &[("id", &id[..8])]);
    // Its own, or that which it got from the finding or the law.
    let stands = standing(client, &inspection, &id)?.and_then(|row| row.deadline);
    beyond::warn(&mut data, client, &inspection, &id, output.messages())?;
    data.id = Some(id);
    data.warn_of_deadline(stands, output.messages());
    data.answer(done, output)
}

fn update(client: &Client, arguments: UpdateArgs, output: &Output) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let done = output.messages().text("edit.demanded", &[("id", &arguments.action)]);
    if let Some(reason) = &arguments.cancel {
        let outcome = client.cancel_action(&inspection, &arguments.action, reason)?;
        return EditData::of_followup(client, &inspection, &outcome, output.messages())
            .answer(done, output);
    }
    let now = clock::now();
    let deadline = arguments.deadline.as_deref().map(|text| time::deadline(text, now));
    let deadline = deadline.transpose()?;
    let draft = ActionDraft {
        finding: arguments.finding,
        what: arguments.what,
        owner: arguments.owner,
        deadline,
    };
    let outcome = client.update_action(&inspection, &arguments.action, &draft)?;
    let mut data = EditData::of_followup(client, &inspection, &outcome, output.messages());
    let asked = client.deadline_asked(&inspection, &arguments.action)?;
    data.warn_of_later(deadline, asked, output.messages());
    data.warn_of_deadline(deadline, output.messages());
    if draft.finding.is_some() {
        beyond::warn(&mut data, client, &inspection, &arguments.action, output.messages())?;
    }
    data.answer(done, output)
}

fn list(client: &Client, inspection: &str, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(inspection)?;
    let corrections = client.corrections(&inspection, None)?;
    let mut page = Page::new();
    course::actions_text(&mut page, &corrections, m);
    if corrections.actions.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    let data = ActionsAnswer {
        inspection: inspection.document().to_string(),
        rows: course::actions(&corrections),
        open_findings: corrections.open_findings,
    };
    Answer::new(&data, page)
}

/// Records proof of a correction.
pub(super) fn proof(
    client: &Client,
    arguments: ProofArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let proof = ProofDraft { text: arguments.text, photos: arguments.photos, on: arguments.on };
    // Read before: the proof replaces what stands.
    let before = standing(client, &inspection, &arguments.action)?;
    let stood = last_day(before.as_ref());
    let settled = before.filter(|row| row.settled);
    let outcome = client.prove(&inspection, &arguments.action, &proof)?;
    let m = output.messages();
    let done = m.text("edit.proved", &[("id", &arguments.action)]);
    let mut data = EditData::of_followup(client, &inspection, &outcome, m);
    if let Some(settled) = settled.filter(|_| data.recorded.is_some()) {
        let values = [("id", &settled.id[..8]), ("state", &words::action_state(m, settled.state))];
        data.warnings.push(m.text("edit.opened_again", &values));
    }
    if let Some(day) = arguments.on {
        data.warn_of_day(client, &inspection, (&day.to_string(), DayOf::Correction(stood)), m);
    }
    data.answer(done, output)
}

/// Returns the day of the last step of a corrective action.
pub(in crate::cli) fn last_day(action: Option<&ActionShown>) -> Option<Day> {
    let said = action.map(|row| row.progress.iter()).into_iter().flatten();
    said.filter_map(|said| said.value.day.parse().ok()).max()
}

/// Returns a corrective action by the first digits of its id; none where they name no single one.
pub(in crate::cli) fn standing(
    client: &Client,
    inspection: &Genesis,
    action: &str,
) -> Result<Option<ActionShown>, CliError> {
    let mut named = client.corrections(inspection, None)?.actions;
    named.retain(|row| row.id.starts_with(action));
    Ok(named.pop().filter(|_| named.is_empty()))
}
