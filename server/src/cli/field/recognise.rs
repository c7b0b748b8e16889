//! What a product was recognised with: typed, imported from an answers file, or taken over from an
//! earlier check.

use std::path::Path;

use bienban_core::checklist::grading::{AnswersFile, Response};
use bienban_core::client::{Client, Recognition};
use bienban_core::model::Genesis;
use clap::Args;
use serde::Serialize;

use super::EditData;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::page::SHORT;
use crate::cli::wrong::Wrong;

/// What a product was recognised with.
#[derive(Debug, Args)]
pub(super) struct RecogniseArgs {
    /// The inspection, by a check of a recognised product (HELD-01 to HELD-26).
    inspection: String,
    /// A file of answers: its `recognised` if it has one, else the sheet by which the product was
    /// recognised.
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    answers: Option<String>,
    /// An earlier check of the same product.
    #[arg(long, value_name = "INSPECTION")]
    from: Option<String>,
    /// The stars that it holds.
    #[arg(long)]
    stars: Option<u32>,
    /// The option of one criterion: ITEM=OPTION, for instance 2.3=3; none where no option fitted. May be
    /// given several times.
    #[arg(long = "option", value_name = "ITEM=OPTION")]
    options: Vec<String>,
}

#[derive(Debug, Serialize)]
struct RecognisedData {
    #[serde(flatten)]
    edit: EditData,
    /// How many answers were given; those that stood already are not given again.
    given: usize,
    /// Criteria of which nobody has said what was recognised.
    lacks: Vec<String>,
    /// Criteria that the checklist does not have: not written.
    unknown: Vec<String>,
}

/// Writes what a product was recognised with.
pub(super) fn run(
    client: &Client,
    arguments: &RecogniseArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let mut recognition = match (&arguments.answers, &arguments.from) {
        (Some(file), _) => imported(client, &inspection, file)?,
        (None, Some(name)) => client.recognition(&client.find_inspection(name)?)?,
        (None, None) => Recognition::default(),
    };
    recognition.stars = arguments.stars.or(recognition.stars);
    for option in &arguments.options {
        let (item, key) =
            option.split_once('=').ok_or_else(|| Wrong::Option { given: option.clone() })?;
        recognition.options.insert(item.trim().to_owned(), key.trim().to_owned());
    }
    let (done, outcome) = client.recognise(&inspection, &recognition)?;
    let edit = EditData::of(client, &inspection, &outcome, output.messages());
    let mut page = Page::new();
    let short = &edit.inspection[..SHORT.min(edit.inspection.len())];
    let given = done.given.to_string();
    match edit.recorded {
        Some(_) => {
            let values = [("count", given.as_str()), ("inspection", short)];
            page.line(m.text("edit.recognised", &values));
        }
        None => page.line(m.text("edit.unchanged", &[])),
    }
    if !done.lacks.is_empty() {
        let items = done.lacks.join(", ");
        page.line(m.text("edit.recognised_lacks", &[("items", &items)]));
    }
    if !done.unknown.is_empty() {
        let items = done.unknown.join(", ");
        page.line(m.text("edit.recognised_unknown", &[("items", &items)]));
    }
    let data = RecognisedData { edit, given: done.given, lacks: done.lacks, unknown: done.unknown };
    Answer::new(&data, page)
}

/// Reads a recognition from an answers file. Of a sheet only choices of one person tell an option:
/// where several differ, nobody has said which was recognised.
fn imported(client: &Client, inspection: &Genesis, file: &str) -> Result<Recognition, CliError> {
    let path = Path::new(file);
    let bytes =
        std::fs::read(path).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    let (_, template) = client.template_of(inspection)?;
    let file = AnswersFile::parse(&bytes, &template)
        .map_err(|reason| CliError::Answers { path: path.to_owned(), reason })?;
    if let Some(told) = file.recognised {
        return Ok(Recognition { stars: Some(told.stars), options: told.options });
    }
    let criteria = file.answers.items.into_iter().filter_map(|(item, standing)| {
        template.item(&item).filter(|(_, item)| item.max.is_some())?;
        match standing.responses().into_iter().collect::<Vec<_>>().as_slice() {
            [Response::Value(key)] => Some((item, key.clone())),
            _ => None,
        }
    });
    Ok(Recognition { stars: None, options: criteria.collect() })
}
