//! Edits of this device that are not in the record: as data, and as text for a terminal.

use bienban_core::client::{Client, ClientError};
use bienban_core::model::DocumentId;
use bienban_core::sync::Verdict;
use serde::Serialize;

use super::output::Page;
use super::record::conflicts::raw_text;
use super::{page, time, words};
use crate::messages::Messages;

/// An edit of this device that is not in the record, or not all of it.
#[derive(Debug, Serialize)]
pub(super) struct RejectedData {
    document: String,
    change: String,
    at: String,
    verdict: Verdict,
    /// What it wrote that nobody else has.
    written: Vec<WrittenData>,
}

#[derive(Debug, Serialize)]
pub(super) struct WrittenData {
    /// The item or field; absent for text typed into a note or finding.
    pub(super) key: Option<String>,
    pub(super) text: String,
}

/// Returns the edits of this device that are not in the record.
pub(super) fn all(client: &Client) -> Result<Vec<RejectedData>, ClientError> {
    let edits = client.rejected()?.into_iter().map(|edit| RejectedData {
        document: edit.document.to_string(),
        change: edit.change.to_string(),
        at: time::rfc3339(edit.at),
        verdict: edit.verdict,
        written: edit
            .written
            .into_iter()
            .map(|written| {
                let text = raw_text(written.key.as_deref(), &written.text);
                WrittenData { key: written.key, text }
            })
            .collect(),
    });
    Ok(edits.collect())
}

/// Returns those that wrote to an item of an inspection.
pub(super) fn of_item(
    client: &Client,
    inspection: DocumentId,
    item: &str,
) -> Result<Vec<RejectedData>, ClientError> {
    let document = inspection.to_string();
    let mut edits = all(client)?;
    edits.retain_mut(|edit| {
        edit.written.retain(|written| written.key.as_deref() == Some(item));
        edit.document == document && !edit.written.is_empty()
    });
    Ok(edits)
}

/// Writes what is not in the record, and what to do.
pub(super) fn text(page: &mut Page, edits: &[RejectedData], m: &Messages) {
    let (Some(first), count) = (edits.first(), edits.len().to_string()) else { return };
    page.line(m.text("rejected.title", &[("count", &count)]));
    for edit in edits {
        let document = &edit.document[..page::SHORT];
        page.line(format!("  {document}  {}  {}", edit.at, words::verdict(m, edit.verdict)));
        for written in &edit.written {
            let key = written.key.as_deref().unwrap_or("-");
            page.line(format!("            {key}: {}", written.text));
        }
    }
    page.line(m.text("rejected.next", &[("id", &first.document[..page::SHORT])]));
}
