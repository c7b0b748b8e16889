//! The devices that the hub knows, and how the hub is.

use bienban_core::client::{Client, ClientError, NamedDevice};
use bienban_core::clock;
use bienban_core::model::{DeviceId, PersonId, Scope, clean};
use bienban_core::replica::units;
use bienban_core::sync::{DeviceEntry, Role};
use bienban_core::trust::Grant;
use bienban_core::trust::control::SignedAct;
use clap::Args;
use serde::Serialize;

use super::Online;
use crate::cli::error::{CliError, Failed};
use crate::cli::folder::GrantRow;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::words::{self, TypedRole};
use crate::cli::wrong::Wrong;
use crate::cli::{folder, page, time, wrong};

/// A device and its holder.
#[derive(Debug, Args)]
pub(super) struct TrustArgs {
    /// A device that the hub does not know yet by its id, all 64 digits, as `init` prints it on the
    /// device; one that it knows by the first digits too, or by its holder's name.
    device: String,
    /// The holder's name, as others are shown it.
    #[arg(long, value_parser = wrong::something)]
    name: String,
    /// The holder's agency.
    #[arg(long, value_parser = wrong::something)]
    agency: String,
    /// What the holder is: inspector (member of a team), leader (of a team), supervisor (reviews),
    /// admin (enrols devices, publishes checklists, imports, plans) or auditor (reads only).
    #[arg(long, value_enum)]
    role: TypedRole,
    /// Administrative units whose records it may see and write: 5 digits a commune, 2 a province,
    /// 00 the country. May be given several times.
    #[arg(long = "scope", required = true, num_args = 1.., value_name = "CODE")]
    scopes: Vec<Scope>,
    /// The name is put right: the device stays with the person who has it. Without it another name is
    /// another person, who gets nothing of what its former holder had.
    #[arg(long)]
    same_holder: bool,
    /// Stop exchanging with the device.
    #[arg(long)]
    inactive: bool,
    /// Go on although no administrator would be left: nobody could enrol or correct devices, publish
    /// checklists or look at the hub any more.
    #[arg(long)]
    leave_no_admin: bool,
}

#[derive(Debug, Serialize)]
struct DevicesData {
    rows: Vec<DeviceRow>,
}

#[derive(Debug, Serialize)]
struct DeviceRow {
    device: String,
    person: String,
    name: String,
    agency: String,
    role: String,
    scopes: Vec<String>,
    grants: Vec<GrantRow>,
    /// What ended or has not begun, as text.
    #[serde(skip)]
    not_in_force: Vec<String>,
    active: bool,
    /// When it, or its holder, was revoked for good.
    revoked_at: Option<String>,
}

impl From<&DeviceEntry> for DeviceRow {
    fn from(entry: &DeviceEntry) -> Self {
        Self {
            device: entry.device.to_string(),
            person: entry.person.to_string(),
            name: entry.name.clone(),
            agency: entry.agency.clone(),
            role: words::roles(entry),
            scopes: folder::units_now(entry),
            grants: folder::grants(entry),
            not_in_force: Vec::new(),
            active: entry.active,
            revoked_at: None,
        }
    }
}

impl DeviceRow {
    /// Describes what was asked for, where this device is not told of it.
    fn wanted(wanted: &NamedDevice) -> Self {
        Self::from(&DeviceEntry {
            device: wanted.device,
            person: wanted.person.unwrap_or_else(|| PersonId::of_device(wanted.device)),
            name: wanted.name.clone(),
            agency: wanted.agency.clone(),
            grants: wanted.grants.clone(),
            active: !wanted.grants.is_empty(),
        })
    }
}

/// Tells the hub of a device.
pub(super) async fn trust(
    client: &Client,
    arguments: TrustArgs,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    let mut scopes = arguments.scopes;
    if let Some(unknown) = scopes.iter().find(|scope| units().unit(scope).is_none()) {
        return Err(Wrong::UnknownUnit { code: unknown.to_string() }.into());
    }
    scopes.sort();
    scopes.dedup();
    // What is to be changed is decided on what the hub knows now.
    folder::exchange(client, output).await?;
    let device = named(client, &arguments.device)?;
    let role: Role = arguments.role.into();
    let grants: Vec<Grant> = match arguments.inactive {
        true => Vec::new(),
        false => scopes.iter().map(|scope| Grant::always(role, scope.clone())).collect(),
    };
    let (name, agency) = (clean(&arguments.name), clean(&arguments.agency));
    let before = client.phone().replica().device(device).map_err(ClientError::from)?;
    let same = |before: &&DeviceEntry| {
        arguments.same_holder || before.name == name || device == client.device()
    };
    let person = before.as_ref().filter(same).map(|before| before.person);
    if !arguments.inactive {
        not_revoked(client, device)?;
    }
    let told = match before.filter(|_| arguments.inactive) {
        Some(before) => before.scopes(),
        None => scopes,
    };
    let wanted = NamedDevice { device, person, name, agency, grants, told };
    if !arguments.leave_no_admin {
        let stays = wanted.grants.iter().any(|grant| grant.role == Role::Admin);
        // Another holder takes the device from the one before, and nothing else.
        let ends = |entry: &DeviceEntry| match person {
            Some(person) => entry.person == person,
            None => entry.device == device,
        };
        keep_an_admin(client, |entry| !stays && ends(entry))?;
    }
    let acts = client.name_device(wanted.clone())?;
    if let Err(error) = enter(client, &acts, device, output).await {
        // What the hub tells since shows whether it was done.
        if device != client.device() || !client.name_device(wanted.clone())?.is_empty() {
            return Err(error);
        }
    }
    let known = client.phone().replica().device(device).map_err(ClientError::from)?;
    // A device that ended itself is told nothing any more.
    let told = known.filter(|known| known.active != wanted.grants.is_empty());
    let row = told.as_ref().map_or_else(|| DeviceRow::wanted(&wanted), DeviceRow::from);
    let mut page = Page::new();
    let m = output.messages();
    let values = [("device", &row.device[..page::SHORT]), ("name", row.name.as_str())];
    page.line(if row.active {
        m.text("admin.trusted", &values)
    } else {
        m.text("admin.untrusted", &values)
    });
    Answer::new(&row, page)
}

/// Has the hub enter decisions, and learns what follows from them.
pub(super) async fn enter(
    client: &Client,
    acts: &[SignedAct],
    device: DeviceId,
    output: &Output,
) -> Result<(), CliError> {
    if acts.is_empty() {
        return Ok(());
    }
    let own = device == client.device();
    let asked = folder::ask(client, Client::to_enter(acts)?, output).await.map(drop);
    match (asked, folder::exchange(client, output).await) {
        // The own rights have ended with it: the hub ends the exchange that asked for just that, and
        // lets this device in no more.
        (_, Err(error)) if own => match error.failed() {
            Failed::Ended | Failed::Unknown | Failed::Refused => Ok(()),
            _ => Err(error),
        },
        // An exchange whose own rights were changed is ended too; it was done all the same.
        (Err(error), Ok(_)) if own && error.failed() != Failed::Refused => Ok(()),
        (Err(error), _) => Err(error),
        (Ok(()), exchanged) => exchanged.map(drop),
    }
}

/// Returns the device that was named: by its whole id, or as one that the hub knows.
pub(super) fn named(client: &Client, name: &str) -> Result<DeviceId, CliError> {
    if let Ok(device) = name.trim().parse() {
        return Ok(device);
    }
    match client.find_device(name) {
        Ok(known) => Ok(known.device),
        Err(ClientError::NotFound { .. }) => {
            Err(CliError::NoSuchDevice { given: name.trim().to_owned() })
        }
        Err(error) => Err(error.into()),
    }
}

/// Refuses to give anything to a device or person that was revoked: the hub's log makes it void, on every
/// device.
pub(super) fn not_revoked(client: &Client, device: DeviceId) -> Result<(), CliError> {
    let replica = client.phone().replica();
    let ends = replica.ends(device).map_err(folder::failed)?;
    if ends.device.or(ends.person).is_none() {
        return Ok(());
    }
    let held = replica.certified(device).map_err(folder::failed)?;
    let name = held.certificate.map(|held| held.name).unwrap_or_default();
    Err(CliError::Revoked { device: device.short(), name, person: ends.person.is_some() })
}

/// Refuses what would leave the hub without an administrator: of the devices known, those that `ends`
/// names are none any more. Rights are a person's, so all devices of one go together.
pub(super) fn keep_an_admin(
    client: &Client,
    ends: impl Fn(&DeviceEntry) -> bool,
) -> Result<(), CliError> {
    let known = client.phone().replica().devices().map_err(ClientError::from)?;
    let now = clock::now();
    let known: Vec<DeviceEntry> = known.into_iter().map(|entry| entry.in_force(now)).collect();
    match leaves_no_admin(&known, ends) {
        true => Err(CliError::LastAdmin { device: client.device().short() }),
        false => Ok(()),
    }
}

/// Returns whether there is an administrator and none is left.
fn leaves_no_admin(known: &[DeviceEntry], ends: impl Fn(&DeviceEntry) -> bool) -> bool {
    let mut admins = known.iter().filter(|entry| entry.active && entry.is(Role::Admin)).peekable();
    admins.peek().is_some() && admins.all(ends)
}

/// Lists the devices that the hub knows.
pub(super) fn list(client: &Client, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let entries = client.phone().replica().devices().map_err(ClientError::from)?;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in &entries {
        let revoked_at = client.revoked_at(entry.device)?.map(time::rfc3339);
        let not_in_force = folder::not_in_force(entry, m);
        rows.push(DeviceRow { revoked_at, not_in_force, ..DeviceRow::from(entry) });
    }
    let mut page = Page::new();
    for row in &rows {
        let inactive = match &row.revoked_at {
            Some(at) => m.text("admin.revoked", &[("at", &time::minute(at))]),
            None if row.active => String::new(),
            None => m.text("admin.inactive", &[]),
        };
        page.line(format!(
            "{}  {} ({})  {}  {} {inactive}",
            &row.device[..page::SHORT],
            row.name,
            row.agency,
            words::role_text(m, &row.role),
            row.scopes.join(" ")
        ));
        row.not_in_force.iter().for_each(|line| page.line(format!("  {line}")));
    }
    if rows.is_empty() {
        page.line(m.text("list.empty", &[]));
    }
    Answer::new(&DevicesData { rows }, page)
}

#[cfg(test)]
mod tests {
    use bienban_core::sync::PlainEntry;

    use super::*;

    #[test]
    fn the_last_administrator_is_the_only_active_one() {
        let entry = |number: u8, role, active| {
            DeviceEntry::from(PlainEntry {
                device: DeviceId([number; 32]),
                name: "N".to_owned(),
                agency: "A".to_owned(),
                role,
                scopes: vec!["20".parse().unwrap()],
                active,
            })
        };
        let of = |device: u8| move |entry: &DeviceEntry| entry.device == DeviceId([device; 32]);
        let first = entry(1, Role::Admin, true);
        let known = [first.clone(), entry(2, Role::Leader, true), entry(3, Role::Admin, false)];
        assert!(leaves_no_admin(&known, of(1)) && !leaves_no_admin(&known, of(2)));
        assert!(!leaves_no_admin(&[first.clone(), entry(2, Role::Admin, true)], of(1)));
        assert!(!leaves_no_admin(&[entry(1, Role::Leader, true)], of(1)), "it is none already");
        // A second phone of the same person is no second administrator.
        let second = DeviceEntry { device: DeviceId([4; 32]), ..first.clone() };
        let person = first.person;
        assert!(leaves_no_admin(&[first, second], |entry| entry.person == person));
    }
}
