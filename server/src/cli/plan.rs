//! One plan as data and text: its fields, team and visits, what was changed of it, and whom of the team
//! it does not reach.

use std::collections::BTreeMap;

use bienban_core::client::{Author, Client, ClientError, PlanEvent, TeamGap};
use bienban_core::model::{DeviceId, DocumentId, Kind, PlanView, Role, Scope, VisitReason};
use bienban_core::replica::{may_write, units};
use bienban_core::sync::DeviceEntry;
use serde::Serialize;

use super::error::CliError;
use super::output::{Answer, Output, Page};
use super::page::{self, SHORT};
use super::record::AuthorData;
use super::rows::{NamedData, named};
use super::{time, words};
use crate::messages::Messages;

/// Whether it is looked into what the hub told of the team's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Team {
    /// For whoever plans, and can correct it.
    Checked,
    /// For whoever works by the plan.
    AsItIs,
}

/// A visit of a plan.
#[derive(Debug, Serialize)]
struct VisitRow {
    inspection: String,
    facility: NamedData,
    visit: u32,
    template: String,
    begun: bool,
    removed: bool,
    /// Why it is inspected once more in the same year, where a rule asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<VisitReason>,
}

/// A plan with its visits.
#[derive(Debug, Serialize)]
struct PlanData {
    id: String,
    title: String,
    fields: BTreeMap<String, String>,
    team: Vec<MemberRow>,
    visits: Vec<VisitRow>,
    /// Why it was cancelled, by whom and when; several where people cancelled it apart.
    cancelled: Vec<CancelledRow>,
    /// Every value of the fields that had more than one, oldest first.
    history: Vec<EventRow>,
    /// Why members of the team could not do its work; only where it was looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<WarningRow>>,
}

#[derive(Debug, Serialize)]
struct MemberRow {
    device: String,
    name: String,
    agency: String,
    role: Role,
    /// Declared free of conflicts of interest.
    no_conflict: bool,
}

#[derive(Debug, Serialize)]
struct CancelledRow {
    reason: String,
    /// Number of the decision that cancels it; empty where none was given.
    decision: String,
    at: String,
    author: AuthorData,
}

#[derive(Debug, Serialize)]
struct EventRow {
    field: String,
    value: String,
    at: String,
    author: AuthorData,
}

/// One thing that keeps a member from the plan's work.
#[derive(Debug, Serialize)]
struct WarningRow {
    device: String,
    name: String,
    /// One of `not_enrolled`, `inactive`, `role`, `plan_unit`, `facility_units`, `not_leader`.
    problem: &'static str,
    /// The units that the device would need besides its own.
    units: Vec<String>,
    /// The facilities outside of its units.
    facilities: Vec<String>,
    text: String,
    todo: String,
}

/// Shows one plan with its visits.
pub(super) fn show(
    client: &Client,
    name: &str,
    team: Team,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let id = client.find_plan(name)?;
    let view = client.plan(id)?;
    let warnings = match team {
        Team::Checked => Some(warnings(client, id, &view, m)?),
        Team::AsItIs => None,
    };
    let cancelled = client.cancelled(id)?.into_iter().map(|one| CancelledRow {
        reason: one.reason,
        decision: one.decision,
        at: time::rfc3339(one.at),
        author: author(one.author),
    });
    let data = PlanData {
        id: id.to_string(),
        title: view.field("title").unwrap_or_default().to_owned(),
        fields: view
            .filled()
            .filter_map(|(name, register)| Some((name.to_owned(), register.shown()?.clone())))
            .collect(),
        team: members(&view),
        visits: visits(client, id, &view)?,
        cancelled: cancelled.collect(),
        history: client.plan_history(id)?.into_iter().map(event).collect(),
        warnings,
    };
    Answer::new(&data, text(&data, m))
}

fn visits(
    client: &Client,
    plan: DocumentId,
    view: &PlanView,
) -> Result<Vec<VisitRow>, ClientError> {
    let mut visits = Vec::new();
    for visit in client.visits(plan)? {
        let planned = view.facilities.get(&visit.facility.to_string());
        visits.push(VisitRow {
            inspection: visit.document.to_string(),
            facility: named(client, visit.facility)?,
            visit: visit.visit,
            template: visit.template.to_string(),
            begun: client.phone().replica().genesis(visit.document).is_ok(),
            removed: visit.removed,
            reason: planned.and_then(|register| register.shown()?.valid()?.reason.clone()),
        });
    }
    Ok(visits)
}

fn members(view: &PlanView) -> Vec<MemberRow> {
    let members = view.members().into_iter().map(|(device, member)| MemberRow {
        device: device.to_owned(),
        name: member.name.clone(),
        agency: member.agency.clone(),
        role: member.role,
        no_conflict: member.no_conflict,
    });
    members.collect()
}

fn author(author: Author) -> AuthorData {
    AuthorData {
        device: author.device.map(|device| device.to_string()),
        name: author.name,
        agency: author.agency,
        here: author.here,
    }
}

fn event(event: PlanEvent) -> EventRow {
    EventRow {
        field: event.field,
        value: event.value,
        at: time::rfc3339(event.at),
        author: author(event.author),
    }
}

fn text(data: &PlanData, m: &Messages) -> Page {
    let mut text = Page::new();
    text.line(format!("{}  {}", &data.id[..SHORT], data.title));
    for one in &data.cancelled {
        let by = page::by(&one.author, &one.at, m);
        text.line(format!(
            "  {}",
            m.text("plan.cancelled", &[("reason", &one.reason), ("by", &by)])
        ));
        if !one.decision.is_empty() {
            text.line(format!(
                "    {}",
                m.text("plan.cancel_decision", &[("number", &one.decision)])
            ));
        }
    }
    if let (Some(from), Some(to)) = (data.fields.get("from"), data.fields.get("to")) {
        text.line(format!("  {}", m.text("plan.days", &[("from", from), ("to", to)])));
    }
    for member in &data.team {
        let role = match member.role {
            Role::Leader => m.text("team.leader", &[]),
            _ => m.text("team.member", &[]),
        };
        let declared =
            if member.no_conflict { m.text("team.no_conflict", &[]) } else { String::new() };
        text.line(format!("  {role}: {} ({}) {declared}", member.name, member.agency).trim_end());
    }
    for visit in data.visits.iter().filter(|visit| !visit.removed) {
        let state =
            if visit.begun { m.text("plan.begun", &[]) } else { m.text("plan.not_begun", &[]) };
        text.line(format!("  {}  {}  {state}", &visit.inspection[..SHORT], visit.facility.title));
    }
    if !data.cancelled.is_empty() && data.visits.iter().any(|visit| visit.begun) {
        text.line(format!("  {}", m.text("plan.begun_goes_on", &[])));
    }
    if !data.history.is_empty() {
        text.line(format!("  {}", m.text("plan.history", &[])));
    }
    for event in &data.history {
        let by = page::by(&event.author, &event.at, m);
        text.line(format!("    {}: {}  {by}", event.field, event.value));
    }
    for warning in data.warnings.iter().flatten() {
        text.line(m.text("plan.warning", &[("text", &warning.text)]));
        text.line(format!("  {}", m.text("error.hint", &[("hint", &warning.todo)])));
    }
    text
}

fn warnings(
    client: &Client,
    plan: DocumentId,
    view: &PlanView,
    m: &Messages,
) -> Result<Vec<WarningRow>, ClientError> {
    // Nothing of a cancelled plan changes any more.
    if !view.cancelled().is_empty() {
        return Ok(Vec::new());
    }
    let members = view.members();
    let mut rows = Vec::new();
    for gap in &client.team_gaps(plan)? {
        let id = gap.device.to_string();
        let member = members.iter().find(|(device, _)| *device == id).map(|(_, member)| *member);
        let leads = member.is_some_and(|member| member.role == Role::Leader);
        let lost = match client.revoked_at(gap.device)? {
            Some(_) => Some(replacement(client, plan, gap, view)?),
            None => None,
        };
        rows.extend(of_gap(gap, leads, lost.as_ref(), m));
    }
    Ok(rows)
}

/// What may take the place of a device that was revoked.
#[derive(Debug, Default)]
struct Replacement {
    plan: String,
    /// The device that takes its place; none where its holder has no other.
    device: Option<DeviceId>,
    /// It is in the team already.
    in_team: bool,
    /// It was enrolled as another person of the same name.
    namesake: bool,
    /// Its holder declared to have no conflict of interest.
    no_conflict: bool,
    /// Inspections of the plan that a leader assigned to the holder, and not to who holds the other device.
    assigned: Vec<DocumentId>,
}

/// Looks for what may take the place of a device that was revoked.
fn replacement(
    client: &Client,
    plan: DocumentId,
    gap: &TeamGap,
    view: &PlanView,
) -> Result<Replacement, ClientError> {
    let members = view.members();
    let id = gap.device.to_string();
    let declared = members.iter().any(|(device, member)| *device == id && member.no_conflict);
    let mut found =
        Replacement { plan: plan.short(), no_conflict: declared, ..Replacement::default() };
    let Some(lost) = &gap.entry else { return Ok(found) };
    let others = client.other_devices(lost)?;
    // Of several devices the one that works in the team already, else the first of the person's own.
    let in_team = |other: &&DeviceEntry| {
        let id = other.device.to_string();
        other.person == lost.person && members.iter().any(|(device, _)| *device == id)
    };
    let Some(other) = others.iter().find(in_team).or_else(|| others.first()) else {
        return Ok(found);
    };
    let id = other.device.to_string();
    found.device = Some(other.device);
    found.in_team = members.iter().any(|(device, _)| *device == id);
    found.namesake = other.person != lost.person;
    if found.namesake {
        let replica = client.phone().replica();
        for visit in client.visits(plan)? {
            let assigned = replica.assignment(&visit.genesis)?.map(|assigned| assigned.persons);
            let persons = assigned.unwrap_or_default();
            if persons.contains(&lost.person) && !persons.contains(&other.person) {
                found.assigned.push(visit.document);
            }
        }
    }
    Ok(found)
}

/// Says what takes the place of a device that was revoked, by which commands.
fn replace(gap: &TeamGap, leads: bool, with: &Replacement, m: &Messages) -> String {
    let (lost, name) = (gap.device.short(), gap.name.as_str());
    let Some(device) = with.device.map(|device| device.short()) else {
        return m.text("gap.other_device", &[("device", &lost)]);
    };
    let mut words = vec!["bienban", "admin", "plan", "change", &with.plan];
    match (leads, with.in_team) {
        (true, _) => words.extend(["--leader", &device]),
        (false, false) => words.extend(["--member", &device]),
        (false, true) => {}
    }
    words.extend(["--remove-member", &lost]);
    if with.no_conflict && !with.namesake {
        words.extend(["--no-conflict", &device]);
    }
    let command = words.join(" ");
    let values = [("name", name), ("other", device.as_str()), ("command", command.as_str())];
    let mut todo = match with.namesake {
        true => m.text("gap.replace_namesake", &values),
        false => m.text("gap.replace", &values),
    };
    for inspection in &with.assigned {
        let values = [("inspection", &inspection.short()), ("other", &device)];
        let values = values.map(|(name, value)| (name, value.as_str()));
        todo.push_str(&m.text("gap.assign", &values));
    }
    todo
}

/// Returns what is said of facilities that are outside of a member's units, and the units that they are in.
fn outside(gap: &TeamGap, own: &str, m: &Messages) -> (String, Vec<String>) {
    let mut units: Vec<String> = gap.outside.iter().map(|(_, unit)| unit.to_string()).collect();
    units.sort();
    units.dedup();
    let listed: Vec<String> =
        gap.outside.iter().map(|(title, unit)| format!("{title} ({})", unit_named(unit))).collect();
    let listed = listed.join(", ");
    let values = [
        ("name", gap.name.as_str()),
        ("device", &gap.device.short()),
        ("own", own),
        ("facilities", &listed),
    ];
    (m.text("gap.facilities", &values), units)
}

/// Returns what keeps a member from the plan's work, each with what to do about it. A device that was revoked
/// is mended by no right: another one takes its place.
fn of_gap(
    gap: &TeamGap,
    leads: bool,
    revoked: Option<&Replacement>,
    m: &Messages,
) -> Vec<WarningRow> {
    let device = gap.device.short();
    let (name, command) = (&gap.name, trust(gap, leads));
    let row = |problem, text, todo| WarningRow {
        device: gap.device.to_string(),
        name: gap.name.clone(),
        problem,
        units: Vec::new(),
        facilities: Vec::new(),
        text,
        todo,
    };
    let Some(entry) = &gap.entry else {
        let text = m.text("gap.not_enrolled", &[("name", name), ("device", &device)]);
        return vec![row("not_enrolled", text, m.text("gap.enrol", &[("command", &command)]))];
    };
    if let Some(with) = revoked {
        let values = [("name", name.as_str()), ("device", device.as_str())];
        let todo = replace(gap, leads, with, m);
        return vec![row("inactive", m.text("gap.revoked", &values), todo)];
    }
    let mut rows = Vec::new();
    if gap.inactive {
        let text = m.text("gap.inactive", &[("name", name), ("device", &device)]);
        rows.push(row("inactive", text, m.text("gap.activate", &[("command", &command)])));
    }
    if let Some(role) = &gap.role {
        let role = words::role_text(m, role);
        let text = m.text("gap.role", &[("name", name), ("device", &device), ("role", &role)]);
        rows.push(row("role", text, m.text("gap.other_role", &[("command", &command)])));
    }
    let own = entry.scopes().iter().map(unit_named).collect::<Vec<_>>().join(", ");
    if let Some(unit) = &gap.plan_unit {
        let values = [
            ("name", name.as_str()),
            ("device", device.as_str()),
            ("own", &own),
            ("unit", &unit_named(unit)),
        ];
        let text = m.text("gap.plan_unit", &values);
        let todo = m.text("gap.widen", &[("command", &command)]);
        let units = vec![unit.to_string()];
        rows.push(WarningRow { units, ..row("plan_unit", text, todo) });
    }
    if !gap.outside.is_empty() {
        let facilities: Vec<String> = gap.outside.iter().map(|(title, _)| title.clone()).collect();
        let (text, units) = outside(gap, &own, m);
        let todo = m.text("gap.widen", &[("command", &command)]);
        rows.push(WarningRow { units, facilities, ..row("facility_units", text, todo) });
    }
    if !gap.unled.is_empty() {
        let (text, todo) = unled(gap, &words::roles(entry), m);
        let units = gap.unled.iter().map(ToString::to_string).collect();
        // Last: the commands above set all that a device has, this one adds to it.
        rows.push(WarningRow { units, ..row("not_leader", text, todo) });
    }
    rows
}

/// Says that a leader cannot seal for want of the role, and by which commands it is given.
fn unled(gap: &TeamGap, roles: &str, m: &Messages) -> (String, String) {
    let device = gap.device.short();
    let units: Vec<String> = gap.unled.iter().map(unit_named).collect();
    let (units, role) = (units.join(", "), words::role_text(m, roles));
    let name = gap.name.as_str();
    let values = [("name", name), ("device", &device), ("role", &role), ("units", &units)];
    let text = m.text("gap.not_leader", &values);
    let grant = |unit: &Scope| words::grant_leader(&gap.device.to_string(), &unit.to_string());
    let commands: Vec<String> = gap.unled.iter().map(grant).collect();
    (text, m.text("gap.make_leader", &[("command", &commands.join("; "))]))
}

fn unit_named(unit: &Scope) -> String {
    let known = units().unit(unit);
    known.map_or_else(|| unit.to_string(), |known| format!("{unit} {}", known.title()))
}

/// Returns the command that gives a member's device all that it lacks.
fn trust(gap: &TeamGap, leads: bool) -> String {
    let team = if leads { "leader" } else { "inspector" };
    let device = gap.device.to_string();
    let mut units: Vec<String> = gap.lacking().into_iter().map(ToString::to_string).collect();
    let mut words = vec!["bienban", "admin", "trust", &device, "--name", &gap.name];
    let (agency, role) = match &gap.entry {
        Some(entry) => {
            units.splice(0..0, entry.scopes().iter().map(ToString::to_string));
            let writes = entry.grants.iter().find(|grant| may_write(grant.role, Kind::Inspection));
            let role = writes.map_or(team, |grant| words::role(grant.role));
            (entry.agency.as_str(), role)
        }
        None => ("AGENCY", team),
    };
    words.extend(["--agency", agency, "--role", role, "--scope"]);
    words.extend(units.iter().map(String::as_str));
    shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
}

#[cfg(test)]
mod tests {
    use bienban_core::sync::PlainEntry;

    use super::*;
    use crate::messages::Lang;

    #[test]
    fn a_warning_names_the_member_and_the_command_that_mends_it() {
        let entry = DeviceEntry::from(PlainEntry {
            device: DeviceId([1; 32]),
            name: "Nông An".to_owned(),
            agency: "Y tế".to_owned(),
            role: bienban_core::sync::Role::Supervisor,
            scopes: vec!["06325".parse().unwrap()],
            active: true,
        });
        let gap = TeamGap {
            device: entry.device,
            name: entry.name.clone(),
            entry: Some(entry),
            inactive: false,
            role: Some("supervisor".to_owned()),
            plan_unit: Some("20".parse().unwrap()),
            outside: vec![("HTX Hai".to_owned(), "06337".parse().unwrap())],
            unled: Vec::new(),
        };
        for (lang, says) in [(Lang::En, "may not write"), (Lang::Vi, "không được ghi")] {
            let rows = of_gap(&gap, false, None, &Messages::new(lang));
            let problems: Vec<&str> = rows.iter().map(|row| row.problem).collect();
            assert_eq!(problems, ["role", "plan_unit", "facility_units"]);
            assert!(rows[0].text.contains("Nông An") && rows[0].text.contains(says), "{rows:?}");
            assert!(rows[2].text.contains("HTX Hai (06337 Xã Tân Tri)"), "{rows:?}");
            for row in &rows {
                assert!(row.todo.contains("--role inspector --scope 06325 06337 20"), "{row:?}");
                assert!(row.todo.contains("--name 'Nông An'"), "{row:?}");
            }
        }
        let ended = TeamGap { inactive: true, ..gap.clone() };
        let nothing = Replacement::default();
        let rows = of_gap(&ended, false, Some(&nothing), &Messages::new(Lang::En));
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0].todo.contains("admin invite --for 01010101"), "{rows:?}");
        assert!(!rows[0].todo.contains("trust"), "it would change nothing: {rows:?}");
        says_what_takes_its_place(&ended);
        let unknown = TeamGap { entry: None, ..gap };
        let rows = of_gap(&unknown, true, None, &Messages::new(Lang::En));
        assert_eq!(rows[0].problem, "not_enrolled");
        assert!(rows[0].todo.contains("--role leader"), "{rows:?}");
    }

    /// Where the person has another device, nobody is advised to invite one.
    fn says_what_takes_its_place(ended: &TeamGap) {
        let (plan, device) = ("aaaa0000".to_owned(), Some(DeviceId([2; 32])));
        let other = Replacement { plan, device, no_conflict: true, ..Replacement::default() };
        let todo = |leads, with: &Replacement| {
            let rows = of_gap(ended, leads, Some(with), &Messages::new(Lang::En));
            assert!(!rows[0].todo.contains("invite"), "{rows:?}");
            rows[0].todo.clone()
        };
        let change = "bienban admin plan change aaaa0000";
        let member = todo(false, &other);
        let puts =
            format!("{change} --member 02020202 --remove-member 01010101 --no-conflict 02020202");
        assert!(member.contains(&puts), "{member}");
        let leader = todo(true, &other);
        assert!(leader.contains("--leader 02020202 --remove-member 01010101"), "{leader}");
        let there = todo(false, &Replacement { in_team: true, ..other });
        assert!(there.contains(&format!("{change} --remove-member 01010101")), "{there}");
        let plan = "aaaa0000".to_owned();
        let assigned = vec![DocumentId([3; 32])];
        let namesake =
            Replacement { plan, device, namesake: true, assigned, ..Replacement::default() };
        let said = todo(false, &namesake);
        assert!(said.contains("another person") && said.contains("assign 03030303"), "{said}");
    }
}
