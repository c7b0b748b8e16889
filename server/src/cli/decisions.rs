//! What was decided on this device and the hub has not entered: as data, and as text for a terminal.

use bienban_core::client::{Client, ClientError};
use bienban_core::trust::control::Judged;
use serde::Serialize;

use super::output::Page;
use super::{page, time, words};
use crate::messages::Messages;

/// A decision about rights, minutes or who writes, that no hub has entered.
#[derive(Debug, Serialize)]
pub(super) struct DecisionData {
    /// Its name: the act's.
    id: String,
    /// What kind of decision, as in the hub's log.
    deed: &'static str,
    unit: String,
    at: String,
    /// The hub refused it: it is not asked again.
    refused: bool,
}

/// Returns the decisions of this device that wait or were refused, oldest first.
pub(super) fn all(client: &Client) -> Result<Vec<DecisionData>, ClientError> {
    let decisions = client.decisions()?.into_iter().map(|acting| DecisionData {
        id: acting.id.to_string(),
        deed: acting.act.act.deed.name(),
        unit: acting.act.act.scope.to_string(),
        at: time::rfc3339(acting.act.act.at),
        refused: acting.refused,
    });
    Ok(decisions.collect())
}

/// Tells them.
pub(super) fn text(page: &mut Page, decisions: &[DecisionData], m: &Messages) {
    for one in decisions {
        let key = if one.refused { "decision.refused" } else { "decision.waits" };
        let id = &one.id[..page::SHORT];
        page.line(m.text(key, &[("id", id), ("deed", one.deed), ("unit", &one.unit)]));
    }
}

/// What a supervisor decided of something that the hub keeps aside.
#[derive(Debug, Serialize)]
pub(super) struct DecidedData {
    /// `admit` or `keep`.
    judgement: &'static str,
    /// The supervisor's device.
    by: String,
    at: String,
}

impl From<Judged> for DecidedData {
    fn from(judged: Judged) -> Self {
        let judgement = words::judgement(judged.judgement);
        Self { judgement, by: judged.by.to_string(), at: time::rfc3339(judged.at) }
    }
}

impl DecidedData {
    /// Says it to a person.
    pub(super) fn text(&self, m: &Messages) -> String {
        let at = time::minute(&self.at);
        let named = [("by", &self.by[..page::SHORT]), ("at", at.as_str())];
        match self.judgement {
            "keep" => m.text("notices.kept_out", &named),
            _ => m.text("notices.admitted", &named),
        }
    }
}
