//! Minutes that were sealed on this device and that no hub has registered: as data, and as text for a terminal.

use bienban_core::client::{Client, ClientError};
use bienban_core::replica::Unregistered;
use clap::Subcommand;
use serde::Serialize;

use super::error::CliError;
use super::output::{Answer, Output, Page};
use super::wrong::something;
use super::{page, time};
use crate::messages::Messages;

/// Minutes that no hub has registered.
#[derive(Debug, Serialize)]
pub(super) struct UnregisteredData {
    seal: String,
    inspection: String,
    at: String,
    /// The hub refused them: they are asked again only when a right comes back to this device.
    refused: bool,
    /// The hub keeps them, and this device has not heard whether they are registered.
    kept: bool,
    /// The rights of this device have ended, and the hub does not keep them: no exchange brings them any more.
    ended: bool,
    given_up: Option<GivenUpData>,
}

/// Why and when minutes were given up.
#[derive(Debug, Serialize)]
struct GivenUpData {
    reason: String,
    at: String,
}

impl UnregisteredData {
    /// Describes minutes of a device whose rights have ended, or have not.
    fn of(one: &Unregistered, ended: bool) -> Self {
        Self {
            seal: one.seal.to_string(),
            inspection: one.document.to_string(),
            at: time::rfc3339(one.at),
            refused: one.refused && one.given_up.is_none(),
            kept: one.kept,
            ended: ended && !one.kept && one.given_up.is_none(),
            given_up: one
                .given_up
                .as_ref()
                .map(|(reason, at)| GivenUpData { reason: reason.clone(), at: time::rfc3339(*at) }),
        }
    }
}

/// What to do with minutes that no hub has registered.
#[derive(Debug, Subcommand)]
pub(super) enum MinutesCommand {
    /// List those that wait, those that the hub refused and those that were given up, oldest first.
    List,
    /// Give up minutes that the hub refused; where the rights of this device have ended, those that wait
    /// too. The seal stays here.
    Drop {
        /// The minutes, by the first digits of their seal.
        seal: String,
        /// Why; it stays with the seal.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

#[derive(Debug, Serialize)]
struct ListData {
    rows: Vec<UnregisteredData>,
}

/// Lists them, or gives some up.
pub(super) fn run(
    client: &Client,
    command: &MinutesCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    let (m, mut page) = (output.messages(), Page::new());
    match command {
        MinutesCommand::List => {
            let data = ListData { rows: all(client)? };
            text(&mut page, &data.rows, m);
            if data.rows.is_empty() {
                page.line(m.text("minutes.none", &[]));
            }
            Answer::new(&data, page)
        }
        MinutesCommand::Drop { seal, reason } => {
            let reason = something(reason)?;
            let found = client.find_unregistered(seal)?;
            client.drop_minutes(&found, &reason)?;
            let now = client.unregistered_minutes()?;
            let now = now.iter().find(|one| one.act == found.act).unwrap_or(&found);
            let data = UnregisteredData::of(now, ended(client)?);
            text(&mut page, std::slice::from_ref(&data), m);
            Answer::new(&data, page)
        }
    }
}

/// Returns those that somebody has to do something about, oldest first.
pub(super) fn open(client: &Client) -> Result<Vec<UnregisteredData>, ClientError> {
    let mut minutes = all(client)?;
    minutes.retain(|one| one.given_up.is_none());
    Ok(minutes)
}

fn all(client: &Client) -> Result<Vec<UnregisteredData>, ClientError> {
    let ended = ended(client)?;
    Ok(client.unregistered_minutes()?.iter().map(|one| UnregisteredData::of(one, ended)).collect())
}

fn ended(client: &Client) -> Result<bool, ClientError> {
    Ok(client.phone().ended()?.is_some())
}

/// Tells them.
pub(super) fn text(page: &mut Page, minutes: &[UnregisteredData], m: &Messages) {
    for one in minutes {
        let (seal, inspection) = (&one.seal[..page::SHORT], &one.inspection[..page::SHORT]);
        let named = [("seal", seal), ("inspection", inspection)];
        match &one.given_up {
            Some(given_up) => {
                let at = time::minute(&given_up.at);
                let reason = given_up.reason.as_str();
                let values =
                    [("seal", seal), ("inspection", inspection), ("at", &at), ("reason", reason)];
                page.line(m.text("minutes.given_up", &values));
            }
            None if one.ended || one.refused => {
                let key = if one.ended { "minutes.ended" } else { "minutes.refused" };
                page.line(m.text(key, &named));
                page.line(format!("  {}", m.text("minutes.drop", &named)));
            }
            None if one.kept => page.line(m.text("minutes.kept", &named)),
            None => page.line(m.text("minutes.waits", &named)),
        }
    }
}
