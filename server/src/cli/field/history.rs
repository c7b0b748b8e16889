//! What was ever written to one thing: an item with its note, an opinion, or any place that `conflicts`
//! names.

use bienban_core::client::{Authors, Client};
use bienban_core::model::{Genesis, Place, Said};
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::typed;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::page;
use crate::cli::record::{self, AnswerData, SaidData, conflicts, said};
use crate::cli::rejected::{self, RejectedData};
use crate::messages::Messages;

/// What opinions may be called beside their names in the record, as `opinion` calls them.
const OPINIONS: [(&str, &str); 5] = [
    ("facility", "facility_opinion"),
    ("other", "other_opinions"),
    ("facility_opinion", "facility_opinion"),
    ("other_opinions", "other_opinions"),
    ("conclusion", "conclusion"),
];

/// What to show the past of.
#[derive(Debug, Args)]
pub(super) struct ItemArgs {
    /// The inspection.
    inspection: String,
    /// The item's key; facility, other or conclusion for an opinion; or a place such as
    /// actions/ID/deadline.
    item: String,
    /// The row of a repeated section, by the first digits of its id.
    #[arg(long)]
    row: Option<String>,
}

#[derive(Debug, Serialize)]
struct HistoryData {
    inspection: String,
    item: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<String>,
    answers: Vec<AnswerData>,
    /// What the item's note came to by each change.
    note: Vec<SaidData<Value>>,
    /// Edits of this device that wrote to the item and are not in the record.
    rejected: Vec<RejectedData>,
}

#[derive(Debug, Serialize)]
struct PlaceData {
    inspection: String,
    /// As `conflicts` and `resolve` name it.
    place: String,
    /// What it is called; may be empty.
    label: String,
    /// Every value that was ever written; of a text what it came to by each change.
    values: Vec<SaidData<Value>>,
}

/// Shows what was ever written to an item, or to another place.
pub(super) fn history(
    client: &Client,
    arguments: &ItemArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let opinion = OPINIONS.iter().find(|(name, _)| *name == arguments.item);
    let name = opinion.map_or_else(|| arguments.item.clone(), |(_, key)| format!("texts/{key}"));
    if arguments.row.is_none()
        && let Some(place) = client.find_place(&inspection, &name)?
    {
        return of_place(client, &inspection, &place, output);
    }
    of_item(client, &inspection, arguments, output)
}

fn of_place(
    client: &Client,
    inspection: &Genesis,
    place: &Place,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let (values, authors) = client.place_history(inspection, place)?;
    let (_, template) = client.template_of(inspection)?;
    let data = PlaceData {
        inspection: inspection.document().to_string(),
        place: bienban_core::client::place_name(place),
        label: conflicts::label(place, &template, m),
        values: values_of(&values, place, &authors),
    };
    let mut page = Page::new();
    page.line(match data.label.as_str() {
        "" => data.place.clone(),
        label => format!("{} ({label})", data.place),
    });
    if data.values.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    values_text(&mut page, &data.values, place, m);
    Answer::new(&data, page)
}

fn values_of(values: &[Said<String>], place: &Place, authors: &Authors) -> Vec<SaidData<Value>> {
    let field = place.field.as_deref();
    values.iter().map(|one| said(one, authors, |raw| conflicts::value_of(field, raw))).collect()
}

fn values_text(page: &mut Page, values: &[SaidData<Value>], place: &Place, m: &Messages) {
    for value in values {
        let change = &value.change[..page::SHORT];
        page.line(format!("{change}  {}", page::by(&value.author, &value.at, m)));
        page.block(10, &conflicts::shown(place, &value.value, m));
    }
}

fn of_item(
    client: &Client,
    inspection: &Genesis,
    arguments: &ItemArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let row = arguments.row.as_deref();
    let (row, item) = typed::place(client, inspection, &arguments.item, row)?;
    let row = match row {
        Some(row) => Some(hex::encode(client.find_row(inspection, &row)?.0)),
        None => None,
    };
    let (answers, authors) = match &row {
        Some(row) => client.row_history(inspection, row, &item)?,
        None => client.history(inspection, &item)?,
    };
    let place = match &row {
        Some(row) => {
            Place { container: "rows".to_owned(), key: row.clone(), field: Some("note".to_owned()) }
        }
        None => Place { container: "notes".to_owned(), key: item.clone(), field: None },
    };
    let (notes, _) = client.place_history(inspection, &place)?;
    let (_, template) = client.template_of(inspection)?;
    let entry = template.item(&item).map(|(_, item)| item);
    let data = HistoryData {
        inspection: inspection.document().to_string(),
        answers: answers.iter().map(|said| record::answer(said, &authors, entry, m)).collect(),
        note: values_of(&notes, &place, &authors),
        rejected: rejected::of_item(client, inspection.document(), &item)?,
        item,
        row,
    };
    let mut page = Page::new();
    if !data.answers.is_empty() {
        page.line(m.text("history.order", &[]));
    }
    for answer in &data.answers {
        let change = &answer.change[..page::SHORT];
        page.line(format!("{change}  {}", page::answer_text(answer, m)));
    }
    if data.answers.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    if !data.note.is_empty() {
        page.line(m.text("history.note", &[]));
        values_text(&mut page, &data.note, &place, m);
    }
    rejected::text(&mut page, &data.rejected, m);
    Answer::new(&data, page)
}
