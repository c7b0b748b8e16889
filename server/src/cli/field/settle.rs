//! Settling what people wrote apart: by a new value, or by choosing one of those that stand.

use bienban_core::client::{Client, ClientError, Settled, header_form, is_of_followup, is_of_text};
use bienban_core::model::{Genesis, Grade, Place};
use bienban_core::replica::EditOutcome;
use clap::Args;

use super::EditData;
use super::typed::{self, Typed};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output};
use crate::cli::record::{Settling, conflicts};
use crate::cli::words;
use crate::cli::wrong::Wrong;

/// What to settle, and how.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// The inspection.
    inspection: String,
    /// What is to be settled, as `conflicts` names it: an item, ROW/ITEM, header/FIELD, lifecycle/STATE,
    /// findings/ID/FIELD and so on.
    item: String,
    /// What holds from now on: an answer to an item as `answer` takes it, a field of the header, or a
    /// text made of those that stand.
    #[arg(allow_negative_numbers = true)]
    answer: Option<String>,
    /// Choose the value that this change wrote, by its first digits, instead of typing one.
    #[arg(long, value_name = "CHANGE", conflicts_with_all = ["answer", "value", "photo", "note", "row"])]
    choose: Option<String>,
    /// The row of a repeated section, by the first digits of its id.
    #[arg(long)]
    row: Option<String>,
    /// A measured or written value beside a grade.
    #[arg(long, allow_negative_numbers = true)]
    value: Option<String>,
    /// A photo by its BLAKE3 hash, 64 hexadecimal digits; several times for several.
    #[arg(long, value_name = "HASH")]
    photo: Vec<String>,
    /// A line to add to the item's note, or to the row's.
    #[arg(long)]
    note: Option<String>,
}

/// Settles what people wrote apart.
pub(super) fn run(
    client: &Client,
    arguments: ResolveArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    if arguments.row.is_none()
        && let Some(place) = client.find_place(&inspection, &arguments.item)?
    {
        let outcome = match (&arguments.choose, &arguments.answer) {
            (Some(change), _) => choose(client, &inspection, &place, change, output)?,
            (None, Some(_)) if is_chosen_only(client, &inspection, &place)? => {
                return Err(Wrong::Choose { place: arguments.item }.into());
            }
            (None, Some(value)) if place.container == "header" => {
                client.resolve_header(&inspection, &place.key, value)?
            }
            (None, Some(text)) if is_of_text(&place) && text.trim().is_empty() => {
                return Err(Wrong::Empty.into());
            }
            (None, Some(text)) if is_of_text(&place) => {
                client.resolve_text(&inspection, &place, text)?
            }
            (None, _) => return Err(Wrong::Choose { place: arguments.item }.into()),
        };
        let data = match is_of_followup(&place) {
            true => EditData::of_followup(client, &inspection, &outcome.1, output.messages()),
            false => EditData::of(client, &inspection, &outcome.1, output.messages()),
        };
        return said(data, outcome.0, arguments.item, output);
    }
    let row = arguments.row.as_deref();
    let (row, item) = typed::place(client, &inspection, &arguments.item, row)?;
    let row = match row {
        Some(row) => Some(hex::encode(client.find_row(&inspection, &row)?.0)),
        None => None,
    };
    if let Some(change) = &arguments.choose {
        let place = Client::place_of(row.as_deref(), &item);
        let outcome = choose(client, &inspection, &place, change, output)?;
        let data = EditData::of(client, &inspection, &outcome.1, output.messages());
        return said(data, outcome.0, arguments.item, output);
    }
    answered(client, &inspection, arguments, (row, item), output)
}

/// Whether values that differ stand in a field of the header that nobody fills in: one of them is chosen.
fn is_chosen_only(
    client: &Client,
    inspection: &Genesis,
    place: &Place,
) -> Result<bool, ClientError> {
    if place.container != "header" || header_form().field(&place.key).is_ok() {
        return Ok(false);
    }
    let (found, _) = client.conflicts(inspection)?;
    Ok(found.iter().any(|open| open.place == *place))
}

/// Settles by one of the values that stand. Where the change wrote none of them, those are told.
fn choose(
    client: &Client,
    inspection: &Genesis,
    place: &Place,
    change: &str,
    output: &Output,
) -> Result<(Settled, EditOutcome<()>), CliError> {
    match client.choose(inspection, place, change) {
        Err(source @ ClientError::NotStanding { .. }) => {
            let m = output.messages();
            let (found, authors) = client.conflicts(inspection)?;
            let open: Vec<_> = found.into_iter().filter(|open| open.place == *place).collect();
            let (_, template) = client.template_of(inspection)?;
            let settling =
                Settling::of(client, &inspection.document().to_string(), output.opening())?;
            let standing = conflicts::conflicts(&open, &authors, &template, &settling, m);
            Err(CliError::NotStanding { source: Box::new(source), standing })
        }
        other => Ok(other?),
    }
}

/// Settles by an answer to an item.
fn answered(
    client: &Client,
    inspection: &Genesis,
    arguments: ResolveArgs,
    (row, item): (Option<String>, String),
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let (_, template) = client.template_of(inspection)?;
    let ResolveArgs { answer, value, photo: photos, note, .. } = arguments;
    let typed = Typed { answer, value, photos, note };
    let draft = typed::read_answer(&template, &item, typed)?;
    let (grade, value) = (draft.grade, draft.value.clone());
    let (settled, outcome) = match &row {
        None => client.resolve(inspection, &item, draft),
        Some(row) => client.row_resolve(inspection, row, &item, draft),
    }?;
    let mut data = EditData::of(client, inspection, &outcome, m);
    let said = match &value {
        Some(value) if grade == Grade::Given => {
            let entry = template.item(&item).map(|(_, item)| item);
            words::value(m, entry, value).unwrap_or_else(|| value.clone())
        }
        _ => words::grade(m, grade),
    };
    let done = match settled {
        Settled::Now => m.text("edit.answered", &[("item", &item), ("grade", &said)]),
        Settled::Before => m.text("edit.settled_before", &[("place", &item)]),
    };
    data.item = Some(item);
    data.grade = Some(grade.name());
    data.value = value;
    data.row = row;
    data.settled(settled);
    data.answer(done, output)
}

fn said(
    mut data: EditData,
    settled: Settled,
    place: String,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let done = match settled {
        Settled::Now => m.text("edit.settled", &[("place", &place)]),
        Settled::Before => m.text("edit.settled_before", &[("place", &place)]),
    };
    data.item = Some(place);
    data.settled(settled);
    data.answer(done, output)
}
