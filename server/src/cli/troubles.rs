//! What a store had lost when it was opened: as data, and as text for a terminal. Every command says
//! so until a person has acknowledged it.

use bienban_core::client::{Client, ClientError};
use bienban_core::replica::Found;
use serde::Serialize;

use super::output::{Output, Page};
use super::time;
use crate::messages::Messages;

/// What was gone when the store was opened.
#[derive(Debug, Serialize)]
pub(super) struct TroubleData {
    /// When it was found.
    at: String,
    /// Records that are gone.
    lost: u64,
    /// Not even their number is known.
    everything: bool,
    /// Files set aside, in the store's folder.
    set_aside: Vec<String>,
}

impl From<Found> for TroubleData {
    fn from(found: Found) -> Self {
        let Found { at, trouble } = found;
        Self {
            at: time::rfc3339(at),
            lost: trouble.lost,
            everything: trouble.everything,
            set_aside: trouble.set_aside,
        }
    }
}

/// Returns what nobody has acknowledged.
pub(super) fn all(client: &Client) -> Result<Vec<TroubleData>, ClientError> {
    Ok(client.troubles()?.into_iter().map(TroubleData::from).collect())
}

/// Says what is gone and what to do about it.
pub(super) fn text(page: &mut Page, troubles: &[TroubleData], m: &Messages) {
    for trouble in troubles {
        let (at, lost) = (time::minute(&trouble.at), trouble.lost.to_string());
        page.line(if trouble.everything {
            m.text("trouble.everything", &[("time", &at)])
        } else {
            m.text("trouble.lost", &[("time", &at), ("count", &lost)])
        });
        if !trouble.set_aside.is_empty() {
            let files = trouble.set_aside.join(", ");
            page.line(format!("  {}", m.text("trouble.files", &[("files", &files)])));
        }
    }
    if !troubles.is_empty() {
        page.line(m.text("trouble.advice", &[]));
    }
}

/// Warns beside whatever a command says: of what is gone, always; of what was repaired without loss,
/// in the command that found it.
pub(super) fn warn(client: &Client, output: &Output) {
    let m = output.messages();
    match client.troubles() {
        Ok(found) if found.is_empty() => {}
        // What cannot be read is told by the command itself.
        Err(_) => return,
        Ok(_) => return output.remark(&m.text("trouble.warning", &[])),
    }
    let opened = client.phone().replica().store().opened();
    if opened.rebuilt.is_some() || !opened.set_aside.is_empty() {
        output.remark(&m.text("trouble.repaired", &[]));
    }
}
