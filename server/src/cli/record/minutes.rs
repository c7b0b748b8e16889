//! Sealed minutes: as data, and as text.

use bienban_core::client::{Client, ClientError, MinutesShown};
use bienban_core::replica::{HeldSeal, SealState};
use bienban_core::trust::seal::{Confirmer, Ending, Hearing};
use serde::Serialize;

use super::{AuthorData, author_data};
use crate::cli::output::Page;
use crate::cli::{page, time};
use crate::messages::Messages;

/// A seal.
#[derive(Debug, Clone, Serialize)]
pub(in crate::cli) struct SealData {
    /// Its name: the hash of its bytes.
    pub(in crate::cli) seal: String,
    /// *Mã tạm*: its first digits.
    pub(in crate::cli) code: String,
    /// One of registered, waiting, rival, refused.
    pub(in crate::cli) state: &'static str,
    /// A hub keeps it and has not registered it yet.
    stored: bool,
    /// *Số biên bản*.
    pub(in crate::cli) official: Option<String>,
    registered_at: Option<String>,
    /// When it was signed, by the leader's clock.
    at: String,
    pub(in crate::cli) leader: AuthorData,
    heads: Vec<String>,
    /// The digest of the record as it was sealed.
    content: String,
    checklist: String,
    /// The checklist is an official form.
    official_form: bool,
    /// The seal that these minutes supplement.
    supplements: Option<String>,
    /// Who signed for the facility; none where it refused.
    representative: Option<PersonData>,
    /// Why it refused; none where it signed.
    refused: Option<String>,
    /// Who confirms the refusal.
    confirmed: Vec<PersonData>,
    /// Devices that were not heard, and why.
    not_heard: Vec<NotHeardData>,
    /// Members who signed it too.
    countersigned: Vec<CountersignedData>,
}

/// Somebody who was there.
#[derive(Debug, Clone, Serialize)]
struct PersonData {
    name: String,
    title: String,
    /// `commune` or `witness`; none for the facility's representative.
    #[serde(rename = "as")]
    as_what: Option<&'static str>,
    /// A drawn signature is there: a record of presence, never a digital signature.
    drawn: bool,
}

#[derive(Debug, Clone, Serialize)]
struct NotHeardData {
    device: String,
    author: AuthorData,
    reason: String,
}

#[derive(Debug, Clone, Serialize)]
struct CountersignedData {
    author: AuthorData,
    at: String,
}

/// What is sealed of an inspection.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct MinutesData {
    /// The record is shown as it was sealed.
    as_sealed: bool,
    /// What does not hold of the seal.
    broken: Vec<String>,
    /// The seal that counts.
    standing: Option<SealData>,
    /// Rivals, and what the hub refused.
    others: Vec<SealData>,
    /// Seals that are registered and have not arrived.
    missing: Vec<String>,
}

/// Turns a seal into data.
pub(in crate::cli) fn seal(client: &Client, held: &HeldSeal) -> Result<SealData, ClientError> {
    let person = |device| client.person(device).map(author_data);
    let statement = &held.seal.statement;
    let (mut representative, mut refused, mut confirmed) = (None, None, Vec::new());
    match &statement.ending {
        Ending::Signed(one) => representative = Some(presence(one, None)),
        Ending::Refused(refusal) => {
            refused = Some(refusal.reason.clone());
            confirmed.extend(refusal.confirmed.iter().map(|(as_what, one)| {
                let as_what = match as_what {
                    Confirmer::Commune => "commune",
                    Confirmer::Witness => "witness",
                };
                presence(one, Some(as_what))
            }));
        }
    }
    let mut not_heard = Vec::new();
    for member in &statement.members {
        if let Hearing::NotHeard { reason } = &member.hearing {
            let (device, author) = (member.device.to_string(), person(member.device)?);
            not_heard.push(NotHeardData { device, author, reason: reason.clone() });
        }
    }
    let mut countersigned = Vec::new();
    for (device, at) in &held.countersigned {
        let (author, at) = (person(*device)?, time::rfc3339(*at));
        countersigned.push(CountersignedData { author, at });
    }
    Ok(SealData {
        seal: held.id.to_string(),
        code: held.id.short(),
        state: state(held.state),
        stored: held.stored,
        official: held.official.clone(),
        registered_at: held.at.map(time::rfc3339),
        at: time::rfc3339(statement.at),
        leader: person(statement.leader)?,
        heads: statement.heads.iter().map(ToString::to_string).collect(),
        content: hex::encode(statement.content),
        checklist: statement.checklist_name.clone(),
        official_form: statement.official,
        supplements: statement.supplements.map(|seal| seal.to_string()),
        representative,
        refused,
        confirmed,
        not_heard,
        countersigned,
    })
}

fn presence(
    one: &bienban_core::trust::seal::Presence,
    as_what: Option<&'static str>,
) -> PersonData {
    let (name, title) = (one.name.clone(), one.title.clone());
    PersonData { name, title, as_what, drawn: one.drawn.is_some() }
}

/// Returns the name of where a seal stands.
fn state(state: SealState) -> &'static str {
    match state {
        SealState::Registered => "registered",
        SealState::Waiting => "waiting",
        SealState::Rival => "rival",
        SealState::Refused => "refused",
        SealState::GivenUp => "given_up",
    }
}

/// Turns what is sealed of an inspection into data.
pub(in crate::cli) fn minutes(
    client: &Client,
    shown: &MinutesShown,
) -> Result<MinutesData, ClientError> {
    let minutes = &shown.minutes;
    let others = minutes.others.iter().map(|held| seal(client, held));
    Ok(MinutesData {
        as_sealed: shown.as_sealed,
        broken: shown.broken.clone(),
        standing: minutes.standing.as_ref().map(|held| seal(client, held)).transpose()?,
        others: others.collect::<Result<_, _>>()?,
        missing: minutes.missing.iter().map(ToString::to_string).collect(),
    })
}

/// Writes all that is sealed.
pub(in crate::cli) fn all(page: &mut Page, data: &MinutesData, m: &Messages) {
    if let Some(standing) = &data.standing {
        text(page, standing, m);
        let key = if data.as_sealed { "seal.as_sealed" } else { "seal.not_as_sealed" };
        page.line(format!("  {}", m.text(key, &[])));
    }
    for other in &data.others {
        text(page, other, m);
    }
    for seal in &data.missing {
        page.line(m.text("seal.missing", &[("code", &seal[..page::SHORT])]));
    }
}

/// Writes a seal.
pub(in crate::cli) fn text(page: &mut Page, data: &SealData, m: &Messages) {
    let state = match data.state {
        "registered" => m.text("seal.state_registered", &[]),
        "waiting" => m.text("seal.state_waiting", &[]),
        "rival" => m.text("seal.state_rival", &[]),
        "given_up" => m.text("seal.state_given_up", &[]),
        _ => m.text("seal.state_refused", &[]),
    };
    let name = data.official.as_ref().unwrap_or(&data.code);
    page.line(m.text("seal.title", &[("name", name), ("state", &state)]));
    let (who, at) = (page::who(&data.leader, m), time::minute(&data.at));
    page.line(format!("  {}", m.text("seal.leader", &[("who", &who), ("time", &at)])));
    let person = |one: &PersonData| {
        let drawn = if one.drawn { m.text("seal.presence", &[]) } else { String::new() };
        format!("{}, {}{drawn}", one.name, one.title)
    };
    if let Some(one) = &data.representative {
        page.line(format!("  {}", m.text("seal.representative", &[("who", &person(one))])));
    }
    if let Some(reason) = &data.refused {
        page.line(format!("  {}", m.text("seal.refused", &[("reason", reason)])));
    }
    for one in &data.confirmed {
        let who = person(one);
        let line = match one.as_what {
            Some("commune") => m.text("seal.by_commune", &[("who", &who)]),
            _ => m.text("seal.by_witness", &[("who", &who)]),
        };
        page.line(format!("  {line}"));
    }
    for one in &data.not_heard {
        let who = page::who(&one.author, m);
        let values = [("who", who.as_str()), ("reason", one.reason.as_str())];
        page.line(format!("  {}", m.text("seal.unheard", &values)));
    }
    for one in &data.countersigned {
        let who = page::who(&one.author, m);
        page.line(format!("  {}", m.text("seal.member", &[("who", &who)])));
    }
    if let Some(seal) = &data.supplements {
        page.line(format!("  {}", m.text("seal.supplements", &[("code", &seal[..page::SHORT])])));
    }
}
