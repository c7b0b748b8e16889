//! A lost phone: the administrator ends its rights, it brings what it holds once, and destroys its keys.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::super::error::CliError;
use super::enrol::wrong;
use super::stage::{Player, Stage, number, text};
use super::story::{TEAM, Teller};

/// Which phone is lost.
const LOST: usize = 2;

/// How often the hub is asked what it keeps aside, and how long after one another.
const LOOKS_MAX: u32 = 50;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What became of the phone, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Revoked {
    name: String,
    device: String,
    /// Edits that were only on it.
    held: u64,
    /// Packs of it that the hub keeps aside: they are in no record.
    aside: u64,
    /// The phone has destroyed its keys.
    destroyed: bool,
    /// Its folder cannot be opened any more.
    shut: bool,
}

impl Revoked {
    /// It left as it should: nothing lost, and nothing left to read.
    pub(super) fn holds(&self) -> bool {
        self.held > 0 && self.aside > 0 && self.destroyed && self.shut
    }
}

/// Ends the rights of a phone that holds something which waits.
pub(super) async fn revoke(
    stage: &Stage,
    phones: &[Player],
    inspection: &str,
    tell: &Teller<'_>,
) -> Result<Revoked, CliError> {
    let (Some(phone), Some(member)) = (phones.get(LOST), TEAM.get(LOST)) else {
        return Err(wrong("there is no phone to lose"));
    };
    let made = stage.call(phone, &["supplement", inspection]).await?;
    let supplement = text(&made, "inspection");
    let note = "Đã có sổ theo dõi khiếu nại.";
    stage.call(phone, &["note", &supplement, "9.1", note]).await?;
    let held = number(&stage.call(phone, &["status"]).await?, "only_here");
    let admin = stage.administrator().await?;
    stage.call(&admin, &["revoke", &phone.device]).await?;
    let count = held.to_string();
    tell.say("demo.revoked", &[("name", member.name), ("count", &count)])?;
    let destroyed = stage.refused(phone, &["sync"]).await?.as_deref() == Some("destroyed");
    let shut = stage.refused(phone, &["list"]).await?.as_deref() == Some("destroyed");
    let aside = aside(stage, &admin, phone).await?;
    let (count, name) = (aside.to_string(), member.name);
    if destroyed && shut {
        tell.say("demo.destroyed", &[("name", name), ("count", &count)])?;
    }
    let device = phone.device.clone();
    Ok(Revoked { name: name.to_owned(), device, held, aside, destroyed, shut })
}

/// How many packs of the phone the hub keeps aside. It sorts them after it has stored them, so it is
/// asked again for a while.
async fn aside(stage: &Stage, admin: &Player, phone: &Player) -> Result<u64, CliError> {
    for _ in 0..LOOKS_MAX {
        let status = stage.call(admin, &["status"]).await?;
        let rows = status.pointer("/waits_for/devices").and_then(Value::as_array);
        let mut rows = rows.into_iter().flatten();
        let row = rows.find(|row| text(row, "device") == phone.device);
        let count = row.map(|row| number(row, "not_allowed")).unwrap_or_default();
        if count > 0 {
            return Ok(count);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(0)
}
