//! Plans: the decision, the team, and which facility is visited by which checklist.

use std::collections::{BTreeMap, BTreeSet};

use bienban_core::checklist::Day;
use bienban_core::client::{Client, ClientError, PlanChange};
use bienban_core::model::{
    AgencyLevel, DeviceId, DocumentId, Member, PlanInput, PlanView, PlannedVisit, Role, Scope,
    TemplateId, VisitReason,
};
use bienban_core::replica::units;
use bienban_core::sync::DeviceEntry;
use clap::{Args, Subcommand, ValueEnum};

use super::checklists::TEA_NAME;
use super::devices::not_revoked;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output};
use crate::cli::plan::{self, Team};
use crate::cli::template;
use crate::cli::time;
use crate::cli::wrong::{self, Wrong};

/// The word for everybody of the team.
const WHOLE_TEAM: &str = "all";

#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Make a plan with its team and visits. Says whom of the team it does not reach, and why.
    Add(Box<AddArgs>),
    /// Change a plan: its decision, days, team or visits. What is not named stays as it is; what was
    /// there before stays in its history.
    Change(Box<ChangeArgs>),
    /// Give a plan another title. The one before stays in its history.
    Rename {
        /// The plan, by the first digits of its id or its title.
        plan: String,
        /// The new title.
        #[arg(value_parser = wrong::something)]
        title: String,
    },
    /// Cancel a plan for good: it stays visible as cancelled, with the reason and by whom. Nobody begins
    /// a visit of it any more; an inspection that has begun goes on.
    Cancel {
        /// The plan, by the first digits of its id or its title.
        plan: String,
        /// Why.
        reason: String,
        /// Number of the decision that cancels it.
        #[arg(long, default_value = "", value_name = "NUMBER")]
        decision: String,
    },
}

/// Does what was asked of plans.
pub(super) fn run(
    client: &Client,
    command: &PlanCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    match command {
        PlanCommand::Add(arguments) => add(client, arguments, output),
        PlanCommand::Change(arguments) => change(client, arguments, output),
        PlanCommand::Rename { plan, title } => {
            let id = client.find_plan(plan)?;
            let fields = vec![("title", title.clone())];
            client.change_plan(id, &PlanChange { fields, ..PlanChange::default() })?;
            plan::show(client, &id.to_string(), Team::Checked, output)
        }
        PlanCommand::Cancel { plan, reason, decision } => {
            let id = client.find_plan(plan)?;
            client.cancel_plan(id, reason, decision)?;
            plan::show(client, &id.to_string(), Team::AsItIs, output)
        }
    }
}

/// A plan.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// What it is called.
    #[arg(long, value_parser = wrong::something)]
    title: String,
    /// Number of the decision.
    #[arg(long, default_value = "", value_name = "NUMBER")]
    decision: String,
    /// Day of the decision, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    decision_date: Option<Day>,
    /// Who signed the decision.
    #[arg(long, default_value = "", value_name = "NAME")]
    signer: String,
    /// Level of the agency that decides: commune, province or ministry. The time for each inspection
    /// depends on it.
    #[arg(long, value_name = "LEVEL")]
    level: Option<TypedLevel>,
    /// First day, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    from: Day,
    /// Last day, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    to: Day,
    /// The leader: a device, by the first digits of its id or its holder's name.
    #[arg(long, value_name = "DEVICE")]
    leader: String,
    /// A member. May be given several times.
    #[arg(long = "member", num_args = 1.., value_name = "DEVICE")]
    members: Vec<String>,
    /// The leader or a member who has declared to have no conflict of interest with what is inspected
    /// (Decree 217/2025/NĐ-CP, art. 12); all for the whole team. May be given several times.
    #[arg(long = "no-conflict", num_args = 1.., value_name = "DEVICE")]
    no_conflict: Vec<String>,
    /// A facility to visit, by its code, name or id. May be given several times.
    #[arg(long = "facility", required = true, num_args = 1.., value_name = "CODE")]
    facilities: Vec<String>,
    /// Why a facility is inspected once more in the same year: FACILITY=clear_sign:TEXT. May be given
    /// several times.
    #[arg(long = "reason", value_name = "REASON")]
    reasons: Vec<String>,
    /// The checklist: tea, its code (the edition in force counts), or the first digits of its id.
    #[arg(long, default_value = TEA_NAME, value_name = "ID")]
    template: String,
    /// The administrative unit that the plan belongs to. Default: the one that holds every
    /// facility.
    #[arg(long, value_name = "CODE")]
    scope: Option<Scope>,
}

/// What to change of a plan.
#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    /// The plan, by the first digits of its id or its title.
    plan: String,
    /// Number of the decision.
    #[arg(long, value_name = "NUMBER")]
    decision: Option<String>,
    /// Day of the decision, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    decision_date: Option<Day>,
    /// Who signed the decision.
    #[arg(long, value_name = "NAME")]
    signer: Option<String>,
    /// Level of the agency that decides: commune, province or ministry.
    #[arg(long, value_name = "LEVEL")]
    level: Option<TypedLevel>,
    /// First day, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    from: Option<Day>,
    /// Last day, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    to: Option<Day>,
    /// Another leader; the one before stays in the team as a member.
    #[arg(long, value_name = "DEVICE")]
    leader: Option<String>,
    /// A further member. May be given several times.
    #[arg(long = "member", num_args = 1.., value_name = "DEVICE")]
    members: Vec<String>,
    /// A member who leaves the team. May be given several times.
    #[arg(long = "remove-member", num_args = 1.., value_name = "DEVICE")]
    without_members: Vec<String>,
    /// The leader or a member who has declared to have no conflict of interest with what is inspected
    /// (Decree 217/2025/NĐ-CP, art. 12); all for the whole team. May be given several times.
    #[arg(long = "no-conflict", num_args = 1.., value_name = "DEVICE")]
    no_conflict: Vec<String>,
    /// A further facility to visit, by its code, name or id. May be given several times.
    #[arg(long = "facility", num_args = 1.., value_name = "CODE")]
    facilities: Vec<String>,
    /// A facility that is not visited any more; refused once its inspection has begun. May be given
    /// several times.
    #[arg(long = "remove-facility", num_args = 1.., value_name = "CODE")]
    without_facilities: Vec<String>,
    /// Why a facility is inspected once more in the same year: FACILITY=clear_sign:TEXT. May be given
    /// several times.
    #[arg(long = "reason", value_name = "REASON")]
    reasons: Vec<String>,
    /// The checklist of the further facilities: tea, its code (the edition in force counts), or the first
    /// digits of its id.
    #[arg(long, default_value = TEA_NAME, value_name = "ID")]
    template: String,
}

/// A level as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TypedLevel {
    /// Of a commune.
    Commune,
    /// Of a province.
    Province,
    /// Of a ministry.
    Ministry,
}

impl From<TypedLevel> for AgencyLevel {
    fn from(level: TypedLevel) -> Self {
        match level {
            TypedLevel::Commune => Self::Commune,
            TypedLevel::Province => Self::Province,
            TypedLevel::Ministry => Self::Ministry,
        }
    }
}

/// Makes a plan.
fn add(client: &Client, arguments: &AddArgs, output: &Output) -> Result<Answer, CliError> {
    let (from, to) = (arguments.from.to_string(), arguments.to.to_string());
    if arguments.to < arguments.from {
        return Err(ClientError::PlanDays { from, to }.into());
    }
    let mut templates = BTreeMap::new();
    let mut facilities = Vec::new();
    let mut scopes = BTreeSet::new();
    for name in &arguments.facilities {
        let facility = client.find_facility(name)?;
        let born = client.phone().replica().genesis(facility).map_err(ClientError::from)?;
        let (template, title) = edition(client, &arguments.template, &born.scope)?;
        templates.insert(template, title);
        scopes.insert(born.scope);
        let named = client.named(facility)?;
        let visit =
            PlannedVisit { template, visit: 1, name: named.title, removed: false, reason: None };
        facilities.push((facility, visit));
    }
    for given in &arguments.reasons {
        let (facility, reason) = reason(client, given)?;
        let planned = facilities.iter_mut().find(|(planned, _)| *planned == facility);
        let (_, visit) = planned.ok_or_else(|| Wrong::Reason { given: given.clone() })?;
        visit.reason = Some(reason);
    }
    let team = team(client, arguments)?;
    let input = PlanInput {
        title: arguments.title.clone(),
        decision_number: arguments.decision.clone(),
        decision_date: arguments.decision_date.map(|day| day.to_string()).unwrap_or_default(),
        decision_signer: arguments.signer.clone(),
        level: arguments.level.map(AgencyLevel::from),
        from,
        to,
        templates: templates.into_iter().collect(),
        facilities,
        team,
    };
    let scope = match &arguments.scope {
        Some(scope) => scope.clone(),
        None => common(&scopes)?,
    };
    let plan = client.make_plan(scope, &input)?;
    plan::show(client, &plan.to_string(), Team::Checked, output)
}

/// Returns the device that somebody works with; one that was revoked works no more.
fn working(client: &Client, name: &str) -> Result<DeviceEntry, CliError> {
    let entry = client.find_device(name)?;
    not_revoked(client, entry.device)?;
    Ok(entry)
}

/// Returns the team of a new plan, with who has declared to have no conflict of interest.
fn team(client: &Client, arguments: &AddArgs) -> Result<Vec<(String, Member)>, CliError> {
    let mut team = vec![member(&working(client, &arguments.leader)?, Role::Leader)];
    for name in &arguments.members {
        let entry = working(client, name)?;
        if team.iter().all(|(device, _)| *device != entry.device.to_string()) {
            team.push(member(&entry, Role::Member));
        }
    }
    for name in &arguments.no_conflict {
        if name == WHOLE_TEAM {
            team.iter_mut().for_each(|(_, member)| member.no_conflict = true);
            continue;
        }
        let among = team.iter().filter_map(|(device, _)| device.parse().ok()).collect();
        let device = client.find_device_among(name, &among)?.device.to_string();
        let named = team.iter_mut().find(|(known, _)| *known == device);
        let (_, member) = named.ok_or_else(|| Wrong::NotOfTeam { given: name.clone() })?;
        member.no_conflict = true;
    }
    Ok(team)
}

/// Changes a plan.
fn change(client: &Client, arguments: &ChangeArgs, output: &Output) -> Result<Answer, CliError> {
    let id = client.find_plan(&arguments.plan)?;
    let view = client.plan(id)?;
    let day = |day: Option<Day>| day.map(|day| day.to_string());
    let level = arguments.level.map(|level| AgencyLevel::from(level).name().to_owned());
    let fields = [
        ("decision_number", arguments.decision.clone()),
        ("decision_date", day(arguments.decision_date)),
        ("decision_signer", arguments.signer.clone()),
        ("issuer_level", level),
        ("from", day(arguments.from)),
        ("to", day(arguments.to)),
    ];
    let find = |names: &[String]| -> Result<Vec<DocumentId>, ClientError> {
        names.iter().map(|name| client.find_facility(name)).collect()
    };
    let mut change = PlanChange {
        fields: fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        members: members_after(client, arguments, &view)?.into_values().collect(),
        without_facilities: find(&arguments.without_facilities)?,
        ..PlanChange::default()
    };
    let team = view.members().into_iter().filter_map(|(device, _)| device.parse().ok()).collect();
    for name in &arguments.without_members {
        change.without_members.push(client.find_device_among(name, &team)?.device);
    }
    for given in &arguments.reasons {
        change.reasons.push(reason(client, given)?);
    }
    if !arguments.facilities.is_empty() {
        let mut templates = BTreeMap::new();
        for facility in find(&arguments.facilities)? {
            let born = client.phone().replica().genesis(facility).map_err(ClientError::from)?;
            let (template, title) = edition(client, &arguments.template, &born.scope)?;
            templates.insert(template, title);
            change.facilities.push((facility, template));
        }
        change.templates.extend(templates);
    }
    if change == PlanChange::default() {
        return Err(Wrong::NoChange.into());
    }
    client.change_plan(id, &change)?;
    plan::show(client, &id.to_string(), Team::Checked, output)
}

/// Returns the members who come to the team, or of whom something is said, by device.
fn members_after(
    client: &Client,
    arguments: &ChangeArgs,
    view: &PlanView,
) -> Result<BTreeMap<DeviceId, (DeviceId, Member)>, CliError> {
    let standing = view.members();
    let mut after: BTreeMap<DeviceId, (DeviceId, Member)> = BTreeMap::new();
    let leader = arguments.leader.iter().map(|name| (name, Some(Role::Leader)));
    let members = arguments.members.iter().map(|name| (name, None));
    for (name, role) in leader.chain(members) {
        let entry = client.find_device(name)?;
        let id = entry.device.to_string();
        let before = standing.iter().find(|(known, _)| *known == id);
        if before.is_none() || role.is_some() {
            not_revoked(client, entry.device)?;
        }
        let before = before.map(|(_, member)| (*member).clone());
        let mut own = before.unwrap_or_else(|| member(&entry, Role::Member).1);
        own.role = role.unwrap_or(own.role);
        after.entry(entry.device).or_insert((entry.device, own));
    }
    for name in &arguments.no_conflict {
        let named = match name.as_str() {
            WHOLE_TEAM => None,
            name => {
                let team = standing.iter().filter_map(|(device, _)| device.parse().ok());
                let among = team.chain(after.keys().copied()).collect();
                Some(client.find_device_among(name, &among)?.device)
            }
        };
        for (id, member) in &standing {
            let Ok(device) = id.parse::<DeviceId>() else { continue };
            if named.is_none_or(|named| named == device) {
                after.entry(device).or_insert_with(|| (device, (*member).clone()));
            }
        }
        let mut declares =
            after.values_mut().filter(|(device, _)| named.is_none_or(|named| named == *device));
        let mut any = false;
        declares.by_ref().for_each(|(_, member)| {
            member.no_conflict = true;
            any = true;
        });
        if !any {
            return Err(Wrong::NotOfTeam { given: name.clone() }.into());
        }
    }
    Ok(after)
}

/// Reads FACILITY=KIND:TEXT.
fn reason(client: &Client, given: &str) -> Result<(DocumentId, VisitReason), CliError> {
    let parts = given.split_once('=').and_then(|(facility, why)| {
        let (key, text) = why.split_once(':')?;
        Some((facility.trim(), key.trim(), text.trim()))
    });
    let (facility, key, text) = parts
        .filter(|(_, key, text)| !key.is_empty() && !text.is_empty())
        .ok_or_else(|| Wrong::Reason { given: given.to_owned() })?;
    let reason = VisitReason { key: key.to_owned(), text: text.to_owned() };
    Ok((client.find_facility(facility)?, reason))
}

/// Returns the edition of a checklist that a unit's visits are planned by, and its title.
fn edition(client: &Client, name: &str, unit: &Scope) -> Result<(TemplateId, String), CliError> {
    let id = template::find(client, name, Some(unit))?;
    let known = client.phone().replica().template(id).map_err(ClientError::from)?;
    Ok((id, known.title().vi.clone()))
}

fn member(entry: &DeviceEntry, role: Role) -> (String, Member) {
    let member = Member {
        name: entry.name.clone(),
        agency: entry.agency.clone(),
        position: String::new(),
        role,
        sections: Vec::new(),
        no_conflict: false,
        removed: false,
    };
    (entry.device.to_string(), member)
}

/// Returns the smallest unit that holds all of these.
fn common(scopes: &BTreeSet<Scope>) -> Result<Scope, CliError> {
    let mut first = scopes.first().cloned();
    while let Some(outer) = first {
        if scopes.iter().all(|scope| *scope == outer || units().is_within(scope, &outer)) {
            return Ok(outer);
        }
        first = units().unit(&outer).and_then(|unit| unit.parent);
    }
    Err(Wrong::NoCommonUnit.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(codes: &[&str]) -> BTreeSet<Scope> {
        codes.iter().map(|code| code.parse().unwrap()).collect()
    }

    #[test]
    fn a_plan_belongs_to_the_smallest_unit_that_holds_its_facilities() {
        assert_eq!(common(&scopes(&["06325"])).unwrap().as_str(), "06325");
        assert_eq!(common(&scopes(&["06325", "06337"])).unwrap().as_str(), "20");
        assert!(common(&scopes(&[])).is_err());
    }
}
