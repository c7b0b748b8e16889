//! Checklists: published to everybody, pinned by the inspections that are filled by them.

use bienban_core::checklist::Template;
use bienban_core::client::{Client, ClientError};
use bienban_core::clock;
use bienban_core::model::Scope;
use bienban_core::replica::units;
use bienban_core::sync::AdminRequest;
use clap::Subcommand;
use serde::Serialize;

use super::{Online, devices};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::wrong::Wrong;
use crate::cli::{folder, page, rows, template, time, words};

/// The name of the checklist inside this program.
pub(super) const TEA_NAME: &str = "tea";

#[derive(Debug, Subcommand)]
pub(super) enum ChecklistCommand {
    /// Publish a checklist to everybody.
    Add {
        /// A JSON file, or a checklist inside this program: tea, tea-1, OCOP-01 to OCOP-26, HELD-01 to
        /// HELD-26.
        file: String,
    },
    /// List the checklists that are published, and where they are in force.
    List,
    /// Put a checklist in force in a unit and all below it: plans made there take this edition.
    InForce {
        /// Which: tea, tea-1 or its code; the first digits of its id for a certain edition.
        checklist: String,
        /// Where: an administrative unit; 00 is the whole country.
        #[arg(long)]
        scope: Scope,
        /// The first day (2026-12-01, 01/12/2026); today without it.
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
    },
}

#[derive(Debug, Serialize)]
struct AddedData {
    template: String,
    code: String,
    edition: String,
    title: String,
    official: bool,
    items: usize,
}

/// Publishes a checklist, after reading it whole here.
pub(super) async fn add(
    client: &Client,
    file: &str,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let bytes = template::bytes_of(file)?;
    let template = Template::parse(&bytes)
        .map_err(|source| CliError::Checklist { path: file.into(), source })?;
    folder::ask(client, AdminRequest::PublishObject { bytes }, output).await?;
    let data = AddedData {
        template: template.id().to_string(),
        code: template.code().to_owned(),
        edition: template.edition().to_owned(),
        title: words::local(m, template.title()).to_owned(),
        official: template.is_official(),
        items: template.items().len(),
    };
    let mut page = Page::new();
    let id = &data.template[..page::SHORT];
    let items = data.items.to_string();
    page.line(m.text("admin.published", &[("title", &data.title), ("id", id), ("items", &items)]));
    if !data.official {
        page.line(m.text("show.unofficial", &[]));
    }
    Answer::new(&data, page)
}

#[derive(Debug, Serialize)]
struct InForceData {
    template: String,
    code: String,
    edition: String,
    scope: String,
    from: String,
}

/// Puts a checklist in force in a unit.
pub(super) async fn put_in_force(
    client: &Client,
    (checklist, scope, from): (&str, Scope, Option<&str>),
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    if units().unit(&scope).is_none() {
        return Err(Wrong::UnknownUnit { code: scope.to_string() }.into());
    }
    let now = clock::now();
    let from = from.map(time::moment).transpose()?.unwrap_or(now);
    folder::exchange(client, output).await?;
    let id = template::find(client, checklist, None)?;
    let template = client.phone().replica().template(id).map_err(ClientError::from)?;
    let act = client.put_in_force(id, scope.clone(), from)?;
    devices::enter(client, &[act], client.device(), output).await?;
    let data = InForceData {
        template: id.to_string(),
        code: template.code().to_owned(),
        edition: template.edition().to_owned(),
        scope: scope.to_string(),
        from: time::rfc3339(from),
    };
    let unit = rows::unit_text(&rows::unit(&scope));
    let day = time::day_of(&data.from);
    let values =
        [("code", data.code.as_str()), ("edition", &data.edition), ("unit", &unit), ("from", &day)];
    let mut page = Page::new();
    page.line(m.text("admin.in_force", &values));
    Answer::new(&data, page)
}
