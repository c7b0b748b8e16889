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
    if Repair::of(client).is_some() {
        output.remark(&m.text("trouble.repaired", &[]));
    }
}

/// What was repaired without loss when the store was opened.
#[derive(Debug, Serialize)]
pub(super) struct Repair {
    /// The index was made anew from the journal.
    rebuilt: bool,
    /// Files set aside, in the store's folder.
    set_aside: Vec<String>,
}

impl Repair {
    /// Returns what was repaired by the opening of this command; nothing where something was lost, for
    /// then that is what a person must hear.
    pub(super) fn of(client: &Client) -> Option<Self> {
        let opened = client.phone().replica().store().opened();
        let rebuilt = opened.rebuilt.is_some();
        let repaired = rebuilt || !opened.set_aside.is_empty();
        if !opened.lost.is_empty() || !repaired {
            return None;
        }
        let set_aside = opened.set_aside.iter().map(|(name, _)| name.clone()).collect();
        Some(Self { rebuilt, set_aside })
    }

    /// Says so, and where the damaged files are.
    pub(super) fn text(&self, page: &mut Page, m: &Messages) {
        page.line(m.text("trouble.repaired", &[]));
        if !self.set_aside.is_empty() {
            let files = self.set_aside.join(", ");
            page.line(format!("  {}", m.text("trouble.files", &[("files", &files)])));
        }
    }
}
