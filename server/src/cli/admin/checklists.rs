//! Checklists: published to everybody, pinned by the inspections that are filled by them.

use bienban_core::checklist::Template;
use bienban_core::client::Client;
use bienban_core::sync::AdminRequest;
use clap::Subcommand;
use serde::Serialize;

use super::Online;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::{folder, page, template, words};

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
    /// List the checklists that are published.
    List,
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
