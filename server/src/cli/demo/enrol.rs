//! How the phones become known: an invitation each, six digits compared by people, and a confirmation.

use serde::Serialize;
use serde_json::Value;

use super::super::error::CliError;
use super::super::serve::service;
use super::stage::{Player, Stage, Talk, text};
use super::story::{TEAM, Teller};

/// A phone that was taken in, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Enrolled {
    name: String,
    device: String,
    /// What the phone showed, and the administrator's device too.
    digits: String,
}

/// A phone that has claimed its invitation and waits.
struct Claim {
    phone: Player,
    invitation: String,
    digits: String,
    talk: Talk,
}

/// Takes the whole team in.
pub(super) async fn team(
    stage: &Stage,
    admin: &Player,
    tell: &Teller<'_>,
) -> Result<(Vec<Player>, Vec<Enrolled>), CliError> {
    tell.say("demo.enrolling", &[])?;
    let mut claims = Vec::new();
    for member in &TEAM {
        let mut words = vec!["invite", "--name", member.name, "--agency", member.agency];
        // The province: its communes lie in it.
        words.extend(["--role", member.role, "--scope", "20"]);
        let invited = stage.call(admin, &words).await?;
        let (uri, invitation) = (text(&invited, "uri"), text(&invited, "invitation"));
        let mut phone =
            Player { name: member.folder.to_owned(), half: "field", device: String::new() };
        let talk = stage.talk(&phone, &["enrol", &uri, "--label", member.folder]).await?;
        let (digits, device) = (text(&talk.said, "digits"), text(&talk.said, "device"));
        phone.device = device;
        claims.push(Claim { phone, invitation, digits, talk });
    }
    let (mut phones, mut enrolled) = (Vec::new(), Vec::new());
    for (member, claim) in TEAM.iter().zip(claims) {
        let Claim { phone, invitation, digits, talk } = claim;
        // What the administrator's device works out by itself, before anybody is confirmed.
        let seen = stage.call(admin, &["confirm", &invitation]).await?;
        if text(&seen, "digits") != digits || text(&seen, "device") != phone.device {
            return Err(wrong("the digits of a phone and the administrator differ"));
        }
        let confirmed = stage.call(admin, &["confirm", &invitation, "--digits", &digits]).await?;
        let known = talk.end().await?;
        if confirmed.get("confirmed") != Some(&Value::Bool(true))
            || text(&known, "name") != member.name
        {
            return Err(wrong("a phone was confirmed and is not known"));
        }
        let values = [("name", member.name), ("agency", member.agency), ("digits", &digits)];
        tell.say("demo.enrolled", &values)?;
        let device = phone.device.clone();
        enrolled.push(Enrolled { name: member.name.to_owned(), device, digits });
        phones.push(phone);
    }
    Ok((phones, enrolled))
}

/// Something that the story shows did not come about.
pub(super) fn wrong(what: &str) -> CliError {
    service("demo", std::io::Error::other(what.to_owned()))
}
