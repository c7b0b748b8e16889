//! What the agency does after an inspection: verify corrections, list what is overdue and what
//! makes the work hard.

use bienban_core::checklist::Day;
use bienban_core::client::{Client, ClientError, DayOf};
use bienban_core::model::Scope;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::course::{self, DifficultyData};
use crate::cli::error::CliError;
use crate::cli::field::actions::{last_day, standing};
use crate::cli::field::{EditData, beyond};
use crate::cli::output::{Answer, Output, Page};
use crate::cli::page::SHORT;
use crate::cli::rows::{self, NamedData, UnitData};
use crate::cli::{time, words};

#[derive(Debug, Subcommand)]
pub(super) enum ActionCommand {
    /// Verify a correction, or reject its proof.
    Verify(VerifyArgs),
    /// List inspections with corrections that are overdue, the longest first.
    Overdue(OverdueArgs),
}

/// A verdict on a correction.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The inspection.
    inspection: String,
    /// The corrective action, by the first digits of its id.
    action: String,
    /// Reject the proof: a re-check is needed.
    #[arg(long, requires = "text")]
    reject: bool,
    /// What to say of it; needed with --reject.
    #[arg(long, default_value = "")]
    text: String,
    /// The day, as DD/MM/YYYY or YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<Day>,
}

/// Which corrections.
#[derive(Debug, Args)]
pub(super) struct OverdueArgs {
    /// The day that counts as today, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    as_of: Option<Day>,
    /// Only this administrative unit and what lies in it, by its code.
    #[arg(long, value_name = "CODE")]
    commune: Option<Scope>,
}

/// Which difficulties.
#[derive(Debug, Args)]
pub(super) struct DifficultiesArgs {
    /// Only this administrative unit and what lies in it, by its code.
    #[arg(long, value_name = "CODE")]
    commune: Option<Scope>,
    /// Only this plan, by the first digits of its id or its title.
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
}

#[derive(Debug, Serialize)]
struct OverdueData {
    inspection: String,
    facility: Option<NamedData>,
    unit: UnitData,
    /// The earliest deadline that has passed.
    deadline: String,
    /// Corrective actions that are not settled, overdue or not.
    open: u32,
    state: String,
}

#[derive(Debug, Serialize)]
struct DifficultiesData {
    inspection: String,
    facility: Option<NamedData>,
    unit: UnitData,
    difficulties: Vec<DifficultyData>,
}

#[derive(Debug, Serialize)]
struct Rows<T> {
    rows: Vec<T>,
}

impl ActionCommand {
    /// Whether it writes documents, which then have to travel.
    pub(super) fn writes(&self) -> bool {
        matches!(self, Self::Verify(_))
    }
}

/// Verifies corrections and lists those that are overdue.
pub(super) fn action(
    client: &Client,
    command: &ActionCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    match command {
        ActionCommand::Verify(arguments) => verify(client, arguments, output),
        ActionCommand::Overdue(arguments) => overdue(client, arguments, output),
    }
}

fn verify(client: &Client, arguments: &VerifyArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let accept = !arguments.reject;
    let action = &arguments.action;
    // Read before: the verdict replaces what stands.
    let stood = last_day(standing(client, &inspection, action)?.as_ref());
    let outcome =
        client.verify_action(&inspection, action, accept, &arguments.text, arguments.on)?;
    let done = if accept {
        m.text("edit.verified", &[("id", action)])
    } else {
        m.text("edit.rejected", &[("id", action)])
    };
    let mut data = EditData::of_followup(client, &inspection, &outcome, m);
    if accept {
        beyond::warn(&mut data, client, &inspection, action, m)?;
    }
    if let Some(day) = arguments.on {
        data.warn_of_day(client, &inspection, (&day.to_string(), DayOf::Correction(stood)), m);
    }
    data.answer(done, output)
}

fn overdue(client: &Client, arguments: &OverdueArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let found = client.overdue(arguments.as_of, arguments.commune.as_ref())?;
    let rows: Vec<OverdueData> = found
        .into_iter()
        .map(|row| OverdueData {
            inspection: row.inspection.to_string(),
            facility: row
                .facility
                .map(|named| NamedData { id: named.document.to_string(), title: named.title }),
            unit: rows::unit(&row.scope),
            deadline: time::rfc3339(row.deadline),
            open: row.open,
            state: row.state,
        })
        .collect();
    let mut page = Page::new();
    for row in &rows {
        let title = row.facility.as_ref().map(|named| named.title.as_str()).unwrap_or_default();
        let day = time::day_of(&row.deadline);
        page.line(format!(
            "{}  {title}  [{}]",
            &row.inspection[..SHORT],
            rows::unit_text(&row.unit)
        ));
        let parts = [
            m.text("show.deadline", &[("day", &day)]),
            m.text("action.open_count", &[("count", &row.open.to_string())]),
            words::state(m, &row.state),
        ];
        page.line(format!("          {}", parts.join("; ")));
    }
    if rows.is_empty() {
        page.line(m.text("action.none_overdue", &[]));
    }
    Answer::new(&Rows { rows }, page)
}

/// Lists the difficulties that facilities and communes raised. Summary rows say which inspections
/// have some; only those are opened.
pub(super) fn difficulties(
    client: &Client,
    arguments: &DifficultiesArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let plan = arguments.plan.as_deref().map(|plan| client.find_plan(plan)).transpose()?;
    let mut rows = Vec::new();
    for (inspection, facility, scope) in
        client.with_difficulties(arguments.commune.as_ref(), plan)?
    {
        let genesis = client.phone().replica().genesis(inspection).map_err(ClientError::from)?;
        let (read, authors) = client.read_authored(&genesis)?;
        rows.push(DifficultiesData {
            inspection: inspection.to_string(),
            facility: facility
                .map(|named| NamedData { id: named.document.to_string(), title: named.title }),
            unit: rows::unit(&scope),
            difficulties: course::difficulties(&read, &authors),
        });
    }
    let mut page = Page::new();
    for row in &rows {
        let title = row.facility.as_ref().map(|named| named.title.as_str()).unwrap_or_default();
        let unit = rows::unit_text(&row.unit);
        page.line(format!("{}  {title}  [{unit}]", &row.inspection[..SHORT]));
        course::difficulties_text(&mut page, &row.difficulties, m);
    }
    if rows.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    Answer::new(&Rows { rows }, page)
}
