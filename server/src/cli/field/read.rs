//! What a person reads: a visit to open, an inspection, an item's history, conflicts.

use bienban_core::checklist::Template;
use bienban_core::client::{Client, ClientError};
use bienban_core::model::{Genesis, Kind};
use clap::Args;
use serde::Serialize;

use crate::cli::course::{self, MissingData};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::record::{self, ConflictData, InspectionData, Settling};
use crate::cli::rows::{self, NamedData};
use crate::cli::{page, words};
use crate::messages::Messages;

/// A planned visit.
#[derive(Debug, Args)]
pub(super) struct OpenArgs {
    /// The plan, by the first digits of its id or its title.
    plan: String,
    /// The facility, by the first digits of its id, its code or its name.
    facility: String,
    /// Another visit than the planned one: 2 for the second under the plan.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    visit: Option<u32>,
}

/// An inspection, and when to look at it.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The inspection.
    inspection: String,
    /// As it was at these changes (the first digits of each, separated by commas); `show` and
    /// `history` name them.
    #[arg(long, value_name = "CHANGES", value_delimiter = ',')]
    at: Vec<String>,
}

#[derive(Debug, Serialize)]
struct OpenData {
    inspection: String,
    facility: NamedData,
    plan: NamedData,
    visit: u32,
    template: String,
    /// Whether anything is recorded yet, here or by somebody whose edits have arrived.
    begun: bool,
    /// The inspections that ask for a reason why there is one more in the same year.
    asks_reason: Option<MissingData>,
    items: Vec<OpenItem>,
}

#[derive(Debug, Serialize)]
struct OpenItem {
    key: String,
    text: String,
    /// The code of its section.
    section: String,
    /// It is answered once in each row of its section.
    in_rows: bool,
    /// The kind of answer: grade, number, choice, choices, text, date, photo, position, signature or
    /// calculation.
    answer: &'static str,
    /// What it takes, in the language of the person.
    takes: String,
    severities: Vec<&'static str>,
    /// The options of a choice.
    options: Vec<OpenOption>,
}

#[derive(Debug, Serialize)]
struct OpenOption {
    key: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct ConflictsData {
    rows: Vec<RecordConflicts>,
}

#[derive(Debug, Serialize)]
struct RecordConflicts {
    inspection: String,
    facility: Option<NamedData>,
    conflicts: Vec<ConflictData>,
}

/// Opens a planned visit.
pub(super) fn open(
    client: &Client,
    arguments: &OpenArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let plan = client.find_plan(&arguments.plan)?;
    let facility = client.find_facility(&arguments.facility)?;
    let visit = client.open_visit(plan, facility, arguments.visit)?;
    let (_, template) = client.template_of(&visit.genesis)?;
    let asked = client.asks_reason(&visit.genesis)?;
    let data = OpenData {
        inspection: visit.document.to_string(),
        facility: rows::named(client, facility)?,
        plan: rows::named(client, plan)?,
        visit: visit.visit,
        template: visit.template.to_string(),
        begun: client.phone().replica().genesis(visit.document).is_ok(),
        asks_reason: asked.as_ref().map(|clash| MissingData::asked(clash, m)),
        items: items(&template, m)?,
    };
    let mut page = Page::new();
    page.line(m.text("show.id", &[("id", &data.inspection)]));
    page.line(format!("{}; {}", data.facility.title, data.plan.title));
    if !template.is_official() {
        page.line(m.text("show.unofficial", &[]));
    }
    if let Some(asked) = &data.asks_reason {
        page.line(course::missing_text(asked, m));
    }
    let id = &data.inspection[..page::SHORT];
    for section in template.sections() {
        page.gap();
        let rows = match &section.repeat {
            Some(_) => m.text("open.rows", &[("id", id), ("section", &section.code)]),
            None => String::new(),
        };
        let title = words::local(m, &section.title);
        page.line(format!("{} {title}{rows}", section.code));
        for item in data.items.iter().filter(|item| item.section == section.code) {
            page.line(format!("  {}  {}", item.key, item.text));
            page.line(format!("      {}", item.takes));
        }
    }
    page.gap();
    page.line(m.text("open.next", &[("id", id)]));
    Answer::new(&data, page)
}

fn items(template: &Template, m: &Messages) -> Result<Vec<OpenItem>, ClientError> {
    let mut items = Vec::new();
    for (section, item) in template.each() {
        let options = item.answer.options().iter().map(|option| OpenOption {
            key: option.key.clone(),
            text: words::local(m, &option.text).to_owned(),
        });
        items.push(OpenItem {
            key: item.key.clone(),
            text: words::local(m, &item.text).to_owned(),
            section: section.code.clone(),
            in_rows: section.repeat.is_some(),
            answer: item.answer.name(),
            takes: words::wanted(m, &template.wanted(&item.key)?),
            severities: item.severities().iter().copied().map(words::severity_name).collect(),
            options: options.collect(),
        });
    }
    Ok(items)
}

/// Shows an inspection.
pub(in crate::cli) fn show(
    client: &Client,
    arguments: &ShowArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let heads = if arguments.at.is_empty() {
        None
    } else {
        let document = client.open_inspection(&inspection)?;
        Some(client.find_heads(&document, &arguments.at)?)
    };
    let shown = client.show(&inspection, heads.as_deref())?;
    let settling = Settling::of(client, &shown.document.to_string(), output.opening())?;
    let mut data = InspectionData::of(&shown, &settling, m);
    let minutes = shown.minutes.as_ref();
    data.minutes = minutes.map(|it| record::minutes::minutes(client, it)).transpose()?;
    let page = page::inspection(&data, &shown, m);
    Answer::new(&data, page)
}

/// Shows where several answers stand, in one inspection or in all.
pub(super) fn conflicts(
    client: &Client,
    inspection: Option<&str>,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let mut rows = Vec::new();
    match inspection {
        Some(name) => rows.push(conflicts_of(client, &client.find_inspection(name)?, output)?),
        None => {
            // The summary rows say which ones; only those are opened.
            for row in client.all(Kind::Inspection)? {
                if client.conflict_count(&row)? == 0 {
                    continue;
                }
                let genesis = client.phone().replica().genesis(row.document);
                rows.push(conflicts_of(client, &genesis.map_err(ClientError::from)?, output)?);
            }
        }
    }
    let mut page = Page::new();
    for row in &rows {
        let title = row.facility.as_ref().map(|named| named.title.as_str()).unwrap_or_default();
        page.line(format!("{}  {title}", &row.inspection[..page::SHORT]));
        record::conflicts::text(&mut page, &row.conflicts, m);
    }
    let mut disputes = rows.iter().flat_map(|row| &row.conflicts).peekable();
    if disputes.peek().is_none() {
        page.line(m.text("conflicts.none", &[]));
    } else if disputes.any(ConflictData::takes_value) {
        page.line(m.text("conflicts.next", &[]));
    }
    Answer::new(&ConflictsData { rows }, page)
}

fn conflicts_of(
    client: &Client,
    inspection: &Genesis,
    output: &Output,
) -> Result<RecordConflicts, ClientError> {
    let m = output.messages();
    let (conflicts, authors) = client.conflicts(inspection)?;
    let (_, template) = client.template_of(inspection)?;
    let settling = Settling::of(client, &inspection.document().to_string(), output.opening())?;
    let row = client.phone().replica().summary(inspection.document())?;
    let facility = row.and_then(|row| row.facility);
    Ok(RecordConflicts {
        inspection: inspection.document().to_string(),
        facility: facility.map(|id| rows::named(client, id)).transpose()?,
        conflicts: record::conflicts::conflicts(&conflicts, &authors, &template, &settling, m),
    })
}
