//! Corrections that are demanded although their finding was deleted, or says that it cannot be
//! corrected.

use bienban_core::client::Client;
use bienban_core::model::Genesis;

use super::EditData;
use crate::cli::error::CliError;
use crate::cli::page;
use crate::messages::Messages;

/// Warns where the finding that an action is about was deleted, or is said to be beyond correcting in the required
/// time. It is recorded all the same: the life cycle asks for no correction of such a finding and
/// forbids none, and the demand may be to recall or destroy what is there.
pub(in crate::cli) fn warn(
    data: &mut EditData,
    client: &Client,
    inspection: &Genesis,
    action: &str,
    m: &Messages,
) -> Result<(), CliError> {
    let corrections = client.corrections(inspection, None)?;
    let shown = corrections.actions.iter().find(|shown| shown.id.starts_with(action));
    let about: Vec<String> = shown
        .map(|shown| shown.action.finding.all().iter())
        .into_iter()
        .flatten()
        .filter_map(|said| said.value.valid()?.clone())
        .collect();
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    warn_of(data, client, inspection, &about, m)
}

/// As [`warn`], of findings by the first digits of their ids.
pub(super) fn warn_of(
    data: &mut EditData,
    client: &Client,
    inspection: &Genesis,
    about: &[&str],
    m: &Messages,
) -> Result<(), CliError> {
    let (read, _) = client.read_authored(inspection)?;
    for (id, finding) in &read.findings {
        if !about.iter().any(|named| id.starts_with(named)) {
            continue;
        }
        let id = &id[..page::SHORT.min(id.len())];
        if !finding.is_live() {
            data.warnings.push(m.text("demand.about_deleted", &[("finding", id)]));
        } else if finding.is_unfixable() {
            data.warnings.push(m.text("edit.beyond_correction", &[("finding", id)]));
        }
    }
    Ok(())
}
