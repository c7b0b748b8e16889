//! What was decided on this device and the hub has not entered: as data, and as text for a terminal.

use bienban_core::client::{Client, ClientError};
use bienban_core::replica::Acting;
use bienban_core::trust::control::Judged;
use clap::Subcommand;
use serde::Serialize;

use super::error::CliError;
use super::output::{Answer, Output, Page};
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
    /// The hub refused it: it is asked again only when a right comes back.
    refused: bool,
    /// The rights of this device have ended: no exchange brings it any more.
    ended: bool,
}

impl DecisionData {
    /// Describes a decision of a device whose rights have ended, or have not.
    pub(super) fn of(acting: &Acting, ended: bool) -> Self {
        let act = &acting.act.act;
        Self {
            id: acting.id.to_string(),
            deed: act.deed.name(),
            unit: act.scope.to_string(),
            at: time::rfc3339(act.at),
            refused: acting.refused,
            ended,
        }
    }
}

/// What to do with decisions that no hub has entered.
#[derive(Debug, Subcommand)]
pub(super) enum DecisionCommand {
    /// List those that wait and those that the hub refused, oldest first.
    List,
    /// Give up a decision that the hub refused; where the rights of this device have ended, one that
    /// waits too.
    Drop {
        /// The decision, by the first digits of its id.
        id: String,
    },
}

#[derive(Debug, Serialize)]
struct ListData {
    rows: Vec<DecisionData>,
}

/// Lists them, or gives one up.
pub(super) fn run(
    client: &Client,
    command: &DecisionCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    let (m, mut page) = (output.messages(), Page::new());
    match command {
        DecisionCommand::List => {
            let data = ListData { rows: all(client)? };
            text(&mut page, &data.rows, m);
            if data.rows.is_empty() {
                page.line(m.text("decision.none", &[]));
            }
            Answer::new(&data, page)
        }
        DecisionCommand::Drop { id } => {
            let acting = client.find_decision(id)?;
            client.drop_decision(&acting)?;
            let data = DecisionData::of(&acting, ended(client)?);
            let deed = words::deed(m, data.deed);
            let values =
                [("id", &data.id[..page::SHORT]), ("deed", &deed), ("unit", data.unit.as_str())];
            page.line(m.text("decision.dropped", &values));
            Answer::new(&data, page)
        }
    }
}

/// Returns the decisions of this device that wait or were refused, oldest first.
pub(super) fn all(client: &Client) -> Result<Vec<DecisionData>, ClientError> {
    let ended = ended(client)?;
    Ok(client.decisions()?.iter().map(|acting| DecisionData::of(acting, ended)).collect())
}

fn ended(client: &Client) -> Result<bool, ClientError> {
    Ok(client.phone().ended()?.is_some())
}

/// Tells them.
pub(super) fn text(page: &mut Page, decisions: &[DecisionData], m: &Messages) {
    for one in decisions {
        let key = match one {
            DecisionData { ended: true, .. } => "decision.ended",
            DecisionData { refused: true, .. } => "decision.refused",
            _ => "decision.waits",
        };
        let (id, deed) = (&one.id[..page::SHORT], words::deed(m, one.deed));
        page.line(m.text(key, &[("id", id), ("deed", &deed), ("unit", &one.unit)]));
        if one.ended || one.refused {
            page.line(format!("  {}", m.text("decision.drop", &[("id", id)])));
        }
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
