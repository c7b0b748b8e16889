//! What a device makes of the hub's log: the heads that it keeps, and what does not hold together.

use bienban_core::client::{Client, ClientError};
use bienban_core::replica::{HeadRow, KnownDoubt};
use bienban_core::trust::log::{DoubtReason, TreeHead};
use serde::Serialize;

use super::output::Page;
use super::time;
use crate::messages::Messages;

/// A head of the hub's log.
#[derive(Debug, Serialize)]
pub(super) struct HeadData {
    epoch: String,
    pub(super) size: u64,
    pub(super) root: String,
    at: String,
    signature: String,
}

impl From<&TreeHead> for HeadData {
    fn from(head: &TreeHead) -> Self {
        Self {
            epoch: hex::encode(head.epoch),
            size: head.size,
            root: head.root.to_string(),
            at: time::rfc3339(head.at),
            signature: hex::encode(head.signature.0),
        }
    }
}

/// The heads of one life of the hub's store.
#[derive(Debug, Serialize)]
pub(super) struct HeadsData {
    hub: String,
    first: HeadData,
    pub(super) last: HeadData,
}

impl From<&HeadRow> for HeadsData {
    fn from(row: &HeadRow) -> Self {
        Self { hub: row.hub.to_string(), first: (&row.first).into(), last: (&row.last).into() }
    }
}

/// Two heads that are not of one log.
#[derive(Debug, Serialize)]
pub(super) struct DoubtData {
    id: String,
    at: String,
    reason: DoubtReason,
    /// Nothing is exchanged with the hub.
    stops: bool,
    kept: HeadData,
    shown: HeadData,
    /// The device that was shown the other log, where it was another.
    peer: Option<String>,
}

impl From<&KnownDoubt> for DoubtData {
    fn from(known: &KnownDoubt) -> Self {
        let doubt = &known.doubt;
        Self {
            id: hex::encode(doubt.id()),
            at: time::rfc3339(known.at),
            reason: doubt.reason,
            stops: doubt.reason.stops(),
            kept: (&doubt.kept).into(),
            shown: (&doubt.shown).into(),
            peer: doubt.peer.map(|peer| peer.to_string()),
        }
    }
}

/// Returns what does not hold together.
pub(super) fn all(client: &Client) -> Result<Vec<DoubtData>, ClientError> {
    Ok(client.phone().replica().doubts()?.iter().map(DoubtData::from).collect())
}

/// Says what does not hold together, what that means and what to do.
pub(super) fn text(page: &mut Page, doubts: &[DoubtData], m: &Messages) {
    for doubt in doubts {
        let at = time::minute(&doubt.at);
        let [kept, shown] = [&doubt.kept, &doubt.shown].map(|head| head.size.to_string());
        let values = [("time", at.as_str()), ("kept", kept.as_str()), ("shown", shown.as_str())];
        page.line(match doubt.reason {
            DoubtReason::Shorter => m.text("doubt.shorter", &values),
            DoubtReason::Inconsistent => m.text("doubt.inconsistent", &values),
            DoubtReason::EarlierLife => m.text("doubt.earlier_life", &[("time", &at)]),
            DoubtReason::TwoLogs => {
                let peer = doubt.peer.as_deref().unwrap_or_default();
                m.text("doubt.two_logs", &[("time", &at), ("device", peer)])
            }
            DoubtReason::Restored => m.text("doubt.restored", &values),
            DoubtReason::Unaccounted => m.text("doubt.unaccounted", &values),
        });
        page.line(if doubt.stops {
            format!("  {}", m.text("doubt.stops", &[("doubt", &doubt.id)]))
        } else {
            format!("  {}", m.text("doubt.goes_on", &[]))
        });
    }
}
