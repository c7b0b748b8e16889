//! Edits of this device that are not in the record: as data, and as text for a terminal.

use bienban_core::client::{Client, ClientError};
use bienban_core::model::DocumentId;
use bienban_core::sync::Verdict;
use serde::Serialize;

use super::lapsed::LapsedData;
use super::output::Page;
use super::record::conflicts::raw_text;
use super::record::{AuthorData, author_data};
use super::{page, time, words};
use crate::messages::Messages;

/// An edit of this device that is not in the record, or not all of it.
#[derive(Debug, Serialize)]
pub(super) struct RejectedData {
    document: String,
    change: String,
    at: String,
    verdict: Verdict,
    /// The assignment by which others write the inspection.
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned: Option<AssignedData>,
    /// What it wrote that nobody else has.
    written: Vec<WrittenData>,
}

/// Who said, and when, that others write an inspection.
#[derive(Debug, Serialize)]
pub(super) struct AssignedData {
    by: AuthorData,
    at: String,
}

impl AssignedData {
    /// Returns what a device was refused by: an assignment that leaves its holder out, as it is known now.
    pub(super) fn of(
        client: &Client,
        document: DocumentId,
        verdict: Verdict,
    ) -> Result<Option<Self>, ClientError> {
        if verdict != Verdict::NotAllowed {
            return Ok(None);
        }
        let Some(assigned) = client.assigned_to_others(document)? else { return Ok(None) };
        let by = author_data(client.person(assigned.by)?);
        Ok(Some(Self { by, at: time::rfc3339(assigned.at) }))
    }
}

/// Returns why a change is not in the record: by the revocation that it came after, or by the assignment, where
/// one is the reason.
pub(super) fn why(
    m: &Messages,
    verdict: Verdict,
    (lapsed, assigned): (Option<&LapsedData>, Option<&AssignedData>),
) -> String {
    if let Some(lapsed) = lapsed {
        return lapsed.notice(m);
    }
    let Some(AssignedData { by, at }) = assigned else { return words::verdict(m, verdict) };
    let (who, at) = (page::who(by, m), time::minute(at));
    m.text("notice.assigned", &[("who", &who), ("at", &at)])
}

#[derive(Debug, Serialize)]
pub(super) struct WrittenData {
    /// The item or field; absent for text typed into a note or finding.
    pub(super) key: Option<String>,
    pub(super) text: String,
}

/// Returns the edits of this device that are not in the record.
pub(super) fn all(client: &Client) -> Result<Vec<RejectedData>, ClientError> {
    let mut edits = Vec::new();
    for edit in client.rejected()? {
        let written = edit.written.into_iter().map(|written| {
            let text = raw_text(written.key.as_deref(), &written.text);
            WrittenData { key: written.key, text }
        });
        edits.push(RejectedData {
            document: edit.document.to_string(),
            change: edit.change.to_string(),
            at: time::rfc3339(edit.at),
            verdict: edit.verdict,
            assigned: AssignedData::of(client, edit.document, edit.verdict)?,
            written: written.collect(),
        });
    }
    Ok(edits)
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
        let why = why(m, edit.verdict, (None, edit.assigned.as_ref()));
        page.line(format!("  {document}  {}  {why}", edit.at));
        for written in &edit.written {
            let key = written.key.as_deref().unwrap_or("-");
            page.line(format!("            {key}: {}", written.text));
        }
    }
    page.line(m.text("rejected.next", &[("id", &first.document[..page::SHORT])]));
}
