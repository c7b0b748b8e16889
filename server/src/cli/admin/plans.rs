//! Plans: the decision, the team, and which facility is visited by which checklist.

use std::collections::BTreeSet;

use bienban_core::checklist::{TEA, Template};
use bienban_core::client::{Client, ClientError};
use bienban_core::clock;
use bienban_core::model::{
    AgencyLevel, DocumentId, Member, PlanInput, PlannedVisit, Role, Scope, TemplateId, VisitReason,
};
use bienban_core::replica::units;
use bienban_core::sync::DeviceEntry;
use clap::{Args, Subcommand, ValueEnum};

use super::checklists::TEA_NAME;
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output};
use crate::cli::wrong::Wrong;
use crate::cli::{rows, time};

#[derive(Debug, Subcommand)]
pub(super) enum PlanCommand {
    /// Make a plan with its team and visits.
    Add(AddArgs),
}

/// A plan.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// What it is called.
    #[arg(long)]
    title: String,
    /// Number of the decision.
    #[arg(long, default_value = "", value_name = "NUMBER")]
    decision: String,
    /// Day of the decision, as YYYY-MM-DD.
    #[arg(long, default_value = "", value_name = "DAY")]
    decision_date: String,
    /// Who signed the decision.
    #[arg(long, default_value = "", value_name = "NAME")]
    signer: String,
    /// Level of the agency that decides: commune, province or ministry. The time for each inspection
    /// depends on it.
    #[arg(long, value_name = "LEVEL")]
    level: Option<TypedLevel>,
    /// First day, as YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    from: String,
    /// Last day, as YYYY-MM-DD.
    #[arg(long, value_name = "DAY")]
    to: String,
    /// The leader: a device, by the first digits of its id or its holder's name.
    #[arg(long, value_name = "DEVICE")]
    leader: String,
    /// A member. May be given several times.
    #[arg(long = "member", num_args = 1.., value_name = "DEVICE")]
    members: Vec<String>,
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
pub(super) fn add(
    client: &Client,
    arguments: &AddArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    if arguments.to < arguments.from {
        let (from, to) = (arguments.from.clone(), arguments.to.clone());
        return Err(Wrong::PlanDays { from, to }.into());
    }
    let template_id = template(client, &arguments.template)?;
    let template = client.phone().replica().template(template_id).map_err(ClientError::from)?;
    let mut facilities = Vec::new();
    let mut scopes = BTreeSet::new();
    for name in &arguments.facilities {
        let facility = client.find_facility(name)?;
        let born = client.phone().replica().genesis(facility).map_err(ClientError::from)?;
        scopes.insert(born.scope);
        let named = client.named(facility)?;
        let visit = PlannedVisit {
            template: template_id,
            visit: 1,
            name: named.title,
            removed: false,
            reason: None,
        };
        facilities.push((facility, visit));
    }
    for given in &arguments.reasons {
        let (facility, reason) = reason(client, given)?;
        let planned = facilities.iter_mut().find(|(planned, _)| *planned == facility);
        let (_, visit) = planned.ok_or_else(|| Wrong::Reason { given: given.clone() })?;
        visit.reason = Some(reason);
    }
    let mut team = vec![member(&client.find_device(&arguments.leader)?, Role::Leader)];
    for name in &arguments.members {
        let entry = client.find_device(name)?;
        if team.iter().all(|(device, _)| *device != entry.device.to_string()) {
            team.push(member(&entry, Role::Member));
        }
    }
    let input = PlanInput {
        title: arguments.title.clone(),
        decision_number: arguments.decision.clone(),
        decision_date: arguments.decision_date.clone(),
        decision_signer: arguments.signer.clone(),
        level: arguments.level.map(AgencyLevel::from),
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        templates: vec![(template_id, template.title().vi.clone())],
        facilities,
        team,
    };
    let scope = match &arguments.scope {
        Some(scope) => scope.clone(),
        None => common(&scopes)?,
    };
    let plan = client.make_plan(scope, &input)?;
    rows::plan(client, &plan.to_string(), output)
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

fn template(client: &Client, name: &str) -> Result<TemplateId, CliError> {
    if name == TEA_NAME {
        let tea = Template::parse(TEA)
            .map_err(|source| CliError::Checklist { path: TEA_NAME.into(), source })?;
        return Ok(tea.id());
    }
    Ok(client.find_template(name, &time::day(clock::now()))?)
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
