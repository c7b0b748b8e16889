//! Rights one by one: giving and taking a role, ending a device or person, and why somebody may do
//! something or may not.

use bienban_core::client::{Client, ClientError, NamedDevice};
use bienban_core::clock;
use bienban_core::model::{DeviceId, Kind, PersonId, Scope, Timestamp};
use bienban_core::replica::{Ends, ReplicaError, covers, units};
use bienban_core::sync::{DeviceEntry, Role};
use bienban_core::trust::Grant;
use bienban_core::trust::access::{reads_by, writes_by};
use bienban_core::trust::control::{HeldGrant, Whom};
use clap::Args;
use serde::Serialize;

use super::Online;
use super::devices::{enter, keep_an_admin, not_revoked};
use crate::cli::error::CliError;
use crate::cli::folder::{self, GrantRow};
use crate::cli::output::{Answer, Output, Page};
use crate::cli::words::{self, TypedRole};
use crate::cli::wrong::Wrong;
use crate::cli::{page, time};
use crate::messages::Messages;

/// A role in a unit, for a time.
#[derive(Debug, Args)]
pub(super) struct GrantArgs {
    /// Who: a device by the first digits of its id, or its holder's name.
    who: String,
    /// The role.
    #[arg(long, value_enum)]
    role: TypedRole,
    /// The administrative unit: 5 digits a commune, 2 a province, 00 the country.
    #[arg(long, value_name = "CODE")]
    scope: Scope,
    /// The first day on which it holds (2026-12-01 or 01/12/2026); from now on without.
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// The last day on which it holds; without end otherwise.
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

/// A role that ends.
#[derive(Debug, Args)]
pub(super) struct WithdrawArgs {
    /// Who: a device by the first digits of its id, or its holder's name.
    who: String,
    /// The role.
    #[arg(long, value_enum)]
    role: TypedRole,
    /// The administrative unit that it was given in.
    #[arg(long, value_name = "CODE")]
    scope: Scope,
    /// Go on although no administrator would be left.
    #[arg(long)]
    leave_no_admin: bool,
}

/// A device or person whose rights end for good.
#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// Who: a device by the first digits of its id, or its holder's name where no other device has or had it.
    who: String,
    /// End all devices of its holder: the person has left. Without it the device alone: it is lost.
    #[arg(long)]
    person: bool,
    /// Since when the device was out of its holder's hands (2026-12-01T08:00:00Z): a note for those who
    /// judge what it sends.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Go on although no administrator would be left.
    #[arg(long)]
    leave_no_admin: bool,
}

/// A question about a right.
#[derive(Debug, Args)]
pub(super) struct AccessArgs {
    /// Name the grants, who gave each, and whose word the certificate rests on.
    #[arg(long)]
    explain: bool,
    /// Who: a device by the first digits of its id, or its holder's name.
    who: String,
    /// What: facility, plan, inspection, review or followup.
    kind: Kind,
    /// Where: an administrative unit.
    scope: Scope,
}

#[derive(Debug, Serialize)]
struct RightsData {
    device: String,
    person: String,
    name: String,
    /// The hub exchanges with it.
    active: bool,
    /// `person` or `device`, where the rights of one ended for good.
    revoked: Option<&'static str>,
    /// When the hub entered that.
    revoked_at: Option<String>,
    grants: Vec<GrantRow>,
    /// Other devices of the person that were not revoked.
    other_devices: Vec<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    Granted,
    /// This role in this unit was taken.
    Taken(Role, Scope),
    Revoked,
    /// It was revoked before: nothing was done.
    RevokedBefore,
}

#[derive(Debug, Serialize)]
struct AccessData {
    device: String,
    person: String,
    name: String,
    kind: &'static str,
    scope: String,
    active: bool,
    /// `person` or `device`, where the rights of one ended for good.
    revoked: Option<&'static str>,
    /// When the hub entered that.
    revoked_at: Option<String>,
    reads: bool,
    writes: bool,
    /// Who confirmed that the device is the person's: a device, or the hub's operator.
    certified_by: Option<String>,
    /// Every grant that was ever given, and what it does here.
    grants: Vec<ExplainedGrant>,
    /// The person's other devices that were not revoked.
    other_devices: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ExplainedGrant {
    role: &'static str,
    scope: String,
    from: Option<String>,
    until: Option<String>,
    given_by: String,
    withdrawn: Option<String>,
    in_force: bool,
    covers: bool,
    /// The device is certified where the grant is, or above.
    on_device: bool,
    writes: bool,
}

fn moment(text: &str) -> Result<Timestamp, Wrong> {
    time::moment(text)
}

/// Gives a role.
pub(super) async fn grant(
    client: &Client,
    arguments: GrantArgs,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    known_unit(&arguments.scope)?;
    let day = |text: &Option<String>| text.as_deref().map(time::typed_day).transpose();
    let (from, until) = (day(&arguments.from)?, day(&arguments.until)?);
    if let (Some(from), Some(until)) = (from, until)
        && until < from
    {
        return Err(Wrong::GrantDays { from: from.to_string(), until: until.to_string() }.into());
    }
    if let Some(day) = until.filter(|day| day.end() < clock::now()) {
        return Err(Wrong::GrantOver { day: day.to_string() }.into());
    }
    let until = until.map(|day| Timestamp(day.end().0 + 1));
    let from = from.and_then(|day| day.plus_days(-1)).map(|before| Timestamp(before.end().0 + 1));
    let grant = Grant { role: arguments.role.into(), scope: arguments.scope, from, until };
    let entry = entry(client, &arguments.who, output).await?;
    not_revoked(client, entry.device)?;
    let mut grants = entry.grants.clone();
    grants.push(grant);
    change(client, entry, grants, Done::Granted, output).await
}

/// Takes a role.
pub(super) async fn withdraw(
    client: &Client,
    arguments: WithdrawArgs,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    let entry = entry(client, &arguments.who, output).await?;
    let role: Role = arguments.role.into();
    let entry = on_which_it_holds(client, entry, role, &arguments.scope)?;
    let mut grants = entry.grants.clone();
    grants.retain(|grant| (grant.role, &grant.scope) != (role, &arguments.scope));
    if grants.len() == entry.grants.len() {
        let (role, unit) = (words::role(role), arguments.scope.to_string());
        return Err(Wrong::NoSuchGrant { name: entry.name, role, unit }.into());
    }
    if !arguments.leave_no_admin {
        let now = clock::now();
        let stays = grants.iter().any(|one| one.role == Role::Admin && one.is_in_force(now));
        keep_an_admin(client, |one| !stays && one.person == entry.person)?;
    }
    change(client, entry, grants, Done::Taken(role, arguments.scope), output).await
}

/// Returns the device of the same person on which a role in a unit holds; the named one, if it does there.
fn on_which_it_holds(
    client: &Client,
    entry: DeviceEntry,
    role: Role,
    scope: &Scope,
) -> Result<DeviceEntry, CliError> {
    let holds = |one: &DeviceEntry| {
        one.grants.iter().any(|grant| (grant.role, &grant.scope) == (role, scope))
    };
    if holds(&entry) {
        return Ok(entry);
    }
    let replica = client.phone().replica();
    let held = replica.person(entry.person).map_err(folder::failed)?;
    for device in held.devices {
        if let Some(other) = replica.device(device).map_err(folder::failed)?.filter(holds) {
            return Ok(other);
        }
    }
    Ok(entry)
}

async fn change(
    client: &Client,
    entry: DeviceEntry,
    grants: Vec<Grant>,
    done: Done,
    output: &Output,
) -> Result<Answer, CliError> {
    let DeviceEntry { device, person, name, agency, .. } = entry;
    let told = grants.iter().map(|grant| grant.scope.clone()).collect();
    let person = Some(person);
    let wanted = NamedDevice { device, person, name, agency, grants, told };
    let acts = client.name_device(wanted)?;
    enter(client, &acts, device, output).await?;
    shown(client, device, &done, output)
}

/// Ends a device or a person for good.
pub(super) async fn revoke(
    client: &Client,
    arguments: RevokeArgs,
    _: Online,
    output: &Output,
) -> Result<Answer, CliError> {
    folder::exchange(client, output).await?;
    let entry = match arguments.person {
        true => client.find_person(&arguments.who)?,
        false => client.find_lost(&arguments.who)?,
    };
    let ended = ended(client, entry.device)?;
    if ended.is_some_and(|(whom, _)| whom == "person" || !arguments.person) {
        return shown(client, entry.device, &Done::RevokedBefore, output);
    }
    if !arguments.leave_no_admin {
        let person = arguments.person.then_some(entry.person);
        keep_an_admin(client, |one| one.device == entry.device || Some(one.person) == person)?;
    }
    let whom = match arguments.person {
        true => Whom::Person(entry.person),
        false => Whom::Device(entry.device),
    };
    let acts = client.revoke(whom, arguments.since)?;
    enter(client, &acts, entry.device, output).await?;
    shown(client, entry.device, &Done::Revoked, output)
}

/// Says what a person may do with a kind of document in a unit, and why.
pub(super) fn access(
    client: &Client,
    arguments: &AccessArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    known_unit(&arguments.scope)?;
    let m = output.messages();
    let entry = client.find_device(&arguments.who)?;
    let replica = client.phone().replica();
    let certified = replica.certified(entry.device).map_err(folder::failed)?;
    let held = replica.person(entry.person).map_err(folder::failed)?;
    let now = clock::now();
    let rights = entry.clone().in_force(now);
    let (kind, scope) = (arguments.kind, &arguments.scope);
    let hub = replica.hub_keys().map_err(folder::failed)?;
    let by = |device: DeviceId| match hub.holds(device) {
        true => m.text("access.operator", &[]),
        false => replica
            .device(device)
            .ok()
            .flatten()
            .map_or_else(|| device.short(), |known| format!("{} ({})", known.name, device.short())),
    };
    let explained = |held: &HeldGrant| ExplainedGrant {
        role: words::role(held.grant.role),
        scope: held.grant.scope.to_string(),
        from: held.grant.from.map(time::rfc3339),
        until: held.grant.until.map(time::rfc3339),
        given_by: by(held.by),
        withdrawn: held.withdrawn.map(time::rfc3339),
        in_force: held.withdrawn.is_none() && held.grant.is_in_force(now),
        covers: covers(&held.grant.scope, scope),
        on_device: certified.is_certified_for(&held.grant.scope, &covers),
        writes: bienban_core::replica::may_write(held.grant.role, kind),
    };
    let revoked = ended(client, entry.device)?;
    let data = AccessData {
        device: entry.device.to_string(),
        person: entry.person.to_string(),
        name: entry.name.clone(),
        kind: kind.name(),
        scope: scope.to_string(),
        active: entry.active,
        revoked: revoked.map(|(whom, _)| whom),
        revoked_at: revoked.map(|(_, at)| time::rfc3339(at)),
        reads: reads_by(&rights, scope, &covers).is_some(),
        writes: writes_by(&rights, kind, scope, &covers).is_some(),
        certified_by: certified.certificate.as_ref().map(|held| by(held.by)),
        grants: held.grants.values().map(explained).collect(),
        other_devices: others(client, &entry)?,
    };
    Answer::new(&data, access_page(&data, arguments.explain, output))
}

fn access_page(data: &AccessData, explain: bool, output: &Output) -> Page {
    let m = output.messages();
    let mut page = Page::new();
    let kind = words::kind(m, data.kind);
    let values = [("name", data.name.as_str()), ("kind", &kind), ("unit", &data.scope)];
    page.line(match (data.writes, data.reads) {
        (true, _) => m.text("access.writes", &values),
        (false, true) => m.text("access.reads", &values),
        (false, false) => m.text("access.nothing", &values),
    });
    if let (Some(whom), Some(at)) = (data.revoked, &data.revoked_at) {
        let at = time::minute(at);
        let values =
            [("name", data.name.as_str()), ("device", &data.device[..page::SHORT]), ("at", &at)];
        page.line(match whom {
            "person" => m.text("access.person_revoked", &values),
            _ => m.text("access.device_revoked", &values),
        });
        others_text(&mut page, &data.other_devices, m);
    }
    if !explain {
        return page;
    }
    if let Some(by) = &data.certified_by {
        let values = [("device", &data.device[..page::SHORT]), ("by", by.as_str())];
        page.line(m.text("access.certified", &values));
    }
    if !data.active && data.revoked.is_none() {
        page.line(m.text("access.ended", &[]));
    }
    for grant in &data.grants {
        let role = words::role_text(m, grant.role);
        let days = days(grant.from.as_deref(), grant.until.as_deref(), m);
        let why = match grant {
            ExplainedGrant { withdrawn: Some(at), .. } => {
                m.text("access.withdrawn", &[("at", &time::minute(at))])
            }
            ExplainedGrant { in_force: false, .. } => m.text("access.not_now", &[]),
            ExplainedGrant { covers: false, .. } => m.text("access.not_there", &[]),
            ExplainedGrant { on_device: false, .. } => m.text("access.not_on_device", &[]),
            _ if !data.active => m.text("access.lets_nothing", &[]),
            ExplainedGrant { writes: false, .. } => m.text("access.only_reads", &[]),
            _ => m.text("access.lets_write", &[]),
        };
        let values = [
            ("role", role.as_str()),
            ("unit", &grant.scope),
            ("days", &days),
            ("by", &grant.given_by),
            ("why", &why),
        ];
        page.line(format!("  {}", m.text("access.grant", &values)));
    }
    page
}

/// Returns the other devices of a person that were not revoked.
fn others(client: &Client, of: &DeviceEntry) -> Result<Vec<String>, CliError> {
    let others = client.other_devices(of)?.into_iter().filter(|other| other.person == of.person);
    Ok(others.map(|other| other.device.to_string()).collect())
}

/// Names a person's other devices, where there are any.
fn others_text(page: &mut Page, others: &[String], m: &Messages) {
    if !others.is_empty() {
        let others = others.iter().map(|other| &other[..page::SHORT]).collect::<Vec<_>>();
        page.line(m.text("access.other_devices", &[("devices", &others.join(", "))]));
    }
}

/// Says from when until when something holds, as far as either end is set.
fn days(from: Option<&str>, until: Option<&str>, m: &Messages) -> String {
    // What holds on a day until its end is over with the next one's first moment.
    let last = |until: &str| match time::moment(until) {
        Ok(until) => time::last_day(until),
        Err(_) => time::day_of(until),
    };
    match (from.map(time::day_of), until.map(last)) {
        (None, None) => String::new(),
        (Some(from), None) => m.text("access.from", &[("from", &from)]),
        (None, Some(until)) => m.text("access.until", &[("until", &until)]),
        (Some(from), Some(until)) => {
            m.text("access.from_until", &[("from", &from), ("until", &until)])
        }
    }
}

/// Returns what the hub knows of somebody, after asking it.
async fn entry(client: &Client, who: &str, output: &Output) -> Result<DeviceEntry, CliError> {
    folder::exchange(client, output).await?;
    Ok(client.find_device(who)?)
}

/// Returns whose rights ended for good, `person` or `device`, and when; the person's end where both were revoked.
fn ended(client: &Client, device: DeviceId) -> Result<Option<(&'static str, Timestamp)>, CliError> {
    let Ends { device, person } = client.phone().replica().ends(device).map_err(folder::failed)?;
    Ok(match (person, device) {
        (Some(end), _) => Some(("person", end.at)),
        (None, Some(end)) => Some(("device", end.at)),
        (None, None) => None,
    })
}

fn shown(
    client: &Client,
    device: DeviceId,
    done: &Done,
    output: &Output,
) -> Result<Answer, CliError> {
    let known = client.phone().replica().device(device).map_err(ClientError::from)?;
    let (person, name) = known.as_ref().map_or_else(
        || (PersonId::of_device(device), String::new()),
        |known| (known.person, known.name.clone()),
    );
    let others = known.as_ref().map(|known| others(client, known)).transpose()?;
    let ended = ended(client, device)?;
    let data = RightsData {
        device: device.to_string(),
        person: person.to_string(),
        name,
        active: known.as_ref().is_some_and(|known| known.active),
        revoked: ended.map(|(whom, _)| whom),
        revoked_at: ended.map(|(_, at)| time::rfc3339(at)),
        grants: known.as_ref().map(folder::grants).unwrap_or_default(),
        other_devices: others.unwrap_or_default(),
    };
    Answer::new(&data, shown_page(&data, known.as_ref(), done, output.messages()))
}

/// Says what was done, and what the device may do now.
fn shown_page(data: &RightsData, known: Option<&DeviceEntry>, done: &Done, m: &Messages) -> Page {
    let (name, device) = (data.name.as_str(), &data.device[..page::SHORT]);
    let mut page = Page::new();
    if let Done::Taken(role, unit) = done {
        let role = words::role_text(m, words::role(*role));
        let values = [("name", name), ("role", &role), ("unit", unit.as_str())];
        page.line(m.text("access.taken", &values));
    }
    if let (Some(whom), Some(at)) = (data.revoked, &data.revoked_at) {
        let values = [("name", name), ("device", device), ("at", &time::minute(at))];
        page.line(match whom {
            "person" => m.text("access.person_revoked", &values),
            _ => m.text("access.device_revoked", &values),
        });
        if *done == Done::RevokedBefore {
            page.line(m.text("access.revoked_before", &[]));
        }
        others_text(&mut page, &data.other_devices, m);
        return page;
    }
    let roles = words::role_text(m, &known.map_or_else(String::new, words::roles));
    let units = known.map_or_else(Vec::new, folder::units_now).join(" ");
    let values = [("name", name), ("device", device), ("roles", &roles), ("units", &units)];
    page.line(match done {
        _ if data.active && units.is_empty() => m.text("access.none_now", &values),
        _ if data.active => m.text("access.now", &values),
        // A device that ended itself is told nothing any more.
        Done::Revoked | Done::RevokedBefore => m.text("access.now_ended", &values),
        Done::Granted | Done::Taken(..) => m.text("access.no_role", &values),
    });
    if let Some(known) = known.filter(|_| data.active) {
        folder::not_in_force(known, m).iter().for_each(|line| page.line(format!("  {line}")));
    }
    page
}

fn known_unit(scope: &Scope) -> Result<(), CliError> {
    match units().unit(scope) {
        Some(_) => Ok(()),
        None => Err(Wrong::UnknownUnit { code: scope.to_string() }.into()),
    }
}

impl From<ReplicaError> for CliError {
    fn from(error: ReplicaError) -> Self {
        ClientError::from(error).into()
    }
}
