//! The header of the minutes: writing a field, and seeing all of them.

use bienban_core::checklist::header::{HeaderError, HeaderWanted};
use bienban_core::client::{Client, ClientError};
use clap::Args;
use serde::Serialize;

use super::EditData;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::record::header::{self, HeaderData};
use crate::cli::time;

/// A field of the minutes' header.
#[derive(Debug, Args)]
pub(super) struct HeaderArgs {
    /// The inspection.
    inspection: String,
    /// The field's name, for instance witness; a wrong one is answered with all there are. Without
    /// one every field is shown with what it takes.
    #[arg(requires = "value")]
    field: Option<String>,
    /// What it says; an empty text takes it back.
    value: Option<String>,
}

#[derive(Debug, Serialize)]
struct Whole {
    inspection: String,
    #[serde(flatten)]
    header: HeaderData,
}

/// Writes a field of the minutes' header, or shows all.
pub(super) fn run(
    client: &Client,
    arguments: &HeaderArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    if let (Some(field), Some(value)) = (&arguments.field, &arguments.value) {
        let outcome =
            client.set_header(&inspection, field, value).map_err(|error| match &error {
                ClientError::Header(HeaderError::Value { wanted, .. })
                    if matches!(**wanted, HeaderWanted::Date | HeaderWanted::DateTime) =>
                {
                    time::not_a_day(field, value, error.into())
                }
                _ => error.into(),
            })?;
        let done = m.text("edit.header", &[("field", field)]);
        return EditData::of(client, &inspection, &outcome, output.messages()).answer(done, output);
    }
    let (sheet, authors) = client.header(&inspection)?;
    let header = HeaderData::of(&sheet, &authors, m);
    let mut page = Page::new();
    header::whole(&mut page, &sheet, &header, m);
    Answer::new(&Whole { inspection: inspection.document().to_string(), header }, page)
}
