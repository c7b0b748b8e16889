//! Re-checks: findings that are looked at again after their correction was due.

use bienban_core::checklist::Day;
use bienban_core::client::{Client, DayOf, Looked, RecheckDraft};
use bienban_core::model::RecheckResult;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{EditData, beyond};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::rechecks::{self, RecheckData};
use crate::cli::time;
use crate::cli::wrong::Wrong;

/// A re-check, by the first digits of its id.
#[derive(Debug, Subcommand)]
pub(super) enum RecheckCommand {
    /// Record a re-check: which findings were looked at, and what came of each.
    Add(AddArgs),
    /// List the re-checks of an inspection, those taken back too.
    List {
        /// The inspection.
        inspection: String,
    },
    /// Take a re-check back that was written by mistake. It stays visible as such.
    Withdraw {
        /// The inspection.
        inspection: String,
        /// The re-check, by the first digits of its id.
        recheck: String,
        /// Why.
        reason: String,
    },
}

/// A re-check to record.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The inspection that made the findings.
    inspection: String,
    /// A finding: FINDING|corrected, FINDING|partly|REMARK or FINDING|not_corrected|REMARK. May be given
    /// several times.
    #[arg(long = "row", required = true, value_name = "ROW")]
    rows: Vec<String>,
    /// The day, as YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<Day>,
    /// Others who took part.
    #[arg(long, default_value = "")]
    with: String,
    /// The inspection of this visit, where it has answers of its own.
    #[arg(long, value_name = "INSPECTION")]
    visit: Option<String>,
}

#[derive(Debug, Serialize)]
struct RechecksAnswer {
    inspection: String,
    rows: Vec<RecheckData>,
}

/// Records re-checks, takes them back, and lists them.
pub(super) fn run(
    client: &Client,
    command: RecheckCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    match command {
        RecheckCommand::Add(arguments) => add(client, &arguments, output),
        RecheckCommand::Withdraw { inspection, recheck, reason } => {
            let inspection = client.find_inspection(&inspection)?;
            let outcome = client.withdraw_recheck(&inspection, &recheck, &reason)?;
            let done = m.text("edit.withdrawn", &[("id", &recheck)]);
            EditData::of_followup(client, &inspection, &outcome, output.messages())
                .answer(done, output)
        }
        RecheckCommand::List { inspection } => {
            let inspection = client.find_inspection(&inspection)?;
            let rows = rechecks::data(&client.corrections(&inspection, None)?);
            let mut page = Page::new();
            rechecks::text(&mut page, &rows, m);
            if rows.is_empty() {
                page.line(m.text("list.empty", &[]));
            }
            Answer::new(
                &RechecksAnswer { inspection: inspection.document().to_string(), rows },
                page,
            )
        }
    }
}

fn add(client: &Client, arguments: &AddArgs, output: &Output) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let visit = arguments.visit.as_deref().map(|name| client.find_inspection(name)).transpose()?;
    let rows = arguments.rows.iter().map(|row| looked(row)).collect::<Result<Vec<_>, Wrong>>()?;
    let draft = RecheckDraft {
        on: arguments.on,
        with: arguments.with.clone(),
        visit: visit.map(|visit| visit.document()),
        rows,
    };
    let (id, outcome) = client.recheck(&inspection, &draft)?;
    let mut data = EditData::of_followup(client, &inspection, &outcome, output.messages());
    let id = hex::encode(id);
    let done = output.messages().text("edit.rechecked", &[("id", &id[..8])]);
    data.id = Some(id);
    let looked: Vec<&str> = draft
        .rows
        .iter()
        .filter(|row| row.result == RecheckResult::Corrected)
        .map(|row| row.finding.as_str())
        .collect();
    beyond::warn_of(&mut data, client, &inspection, &looked, output.messages())?;
    if let Some(day) = arguments.on {
        let day = day.to_string();
        data.warn_of_day(client, &inspection, (&day, DayOf::Recheck), output.messages());
    }
    data.answer(done, output)
}

/// Reads one finding that was looked at.
fn looked(row: &str) -> Result<Looked, Wrong> {
    let expected = "FINDING|corrected, FINDING|partly|REMARK, FINDING|not_corrected|REMARK";
    let wrong = || Wrong::Row { given: row.to_owned(), expected };
    let mut parts = row.splitn(3, '|').map(str::trim);
    let finding = parts.next().filter(|part| !part.is_empty()).ok_or_else(wrong)?;
    let name = parts.next().ok_or_else(wrong)?;
    let result = RecheckResult::ALL.into_iter().find(|result| result.name() == name);
    Ok(Looked {
        finding: finding.to_owned(),
        result: result.ok_or_else(wrong)?,
        remark: parts.next().unwrap_or_default().to_owned(),
        photos: Vec::new(),
    })
}
