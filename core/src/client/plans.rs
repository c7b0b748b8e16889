//! Plans after they were made: what of them may change, cancelling, and whom of the team they reach.
//!
//! A plan that others work by is an official paper: what stood in it stays in its history with who and
//! when, a cancelled plan stays visible with its reason, and an inspection that has begun keeps its
//! plan. Members learn of it by their next exchange, as of everything.

use std::collections::{BTreeMap, BTreeSet};

use super::{Author, Clash, Client, ClientError, Visit};
use crate::checklist::Day;
use crate::model::{
    DeviceId, DocumentId, Editor, Genesis, Kind, Member, Origin, Place, PlanView, PlannedVisit,
    Role, Scope, TemplateId, Timestamp, VisitReason,
};
use crate::replica::{EditOutcome, admits, reads};
use crate::sync::DeviceEntry;

/// What to change of a plan; what is left empty stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanChange {
    /// Fields with their new values, by the names in [`crate::model::PLAN_FIELDS`].
    pub fields: Vec<(&'static str, String)>,
    /// Members to put on the team, or whose entry is to be this; a new leader makes the one before a
    /// member.
    pub members: Vec<(DeviceId, Member)>,
    /// Members to take off the team.
    pub without_members: Vec<DeviceId>,
    /// Facilities to visit besides, or to put back. Whoever is on the plan already keeps the checklist
    /// and number of the visit, for they name the inspection.
    pub facilities: Vec<(DocumentId, TemplateId)>,
    /// Facilities to take off the plan.
    pub without_facilities: Vec<DocumentId>,
    /// Why a facility is inspected once more in the same year.
    pub reasons: Vec<(DocumentId, VisitReason)>,
    /// The title of each checklist that the change names.
    pub templates: Vec<(TemplateId, String)>,
}

/// Why a plan was cancelled, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancelled {
    /// *Lý do hủy*.
    pub reason: String,
    /// Number of the decision that cancels it; empty where none was given.
    pub decision: String,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// Who.
    pub author: Author,
}

/// What a field of a plan was set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanEvent {
    /// The field.
    pub field: String,
    /// Its value then.
    pub value: String,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// Who.
    pub author: Author,
}

/// Why a member of a team could not do the plan's work on the device that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamGap {
    /// The member's device.
    pub device: DeviceId,
    /// The member.
    pub name: String,
    /// What the hub was told of the device; none when it is not enrolled, and nothing below is known.
    pub entry: Option<DeviceEntry>,
    /// The hub does not exchange with it.
    pub inactive: bool,
    /// Its role may not write inspections: the name of the role.
    pub role: Option<String>,
    /// The plan's own unit, where the device's units do not hold it: the plan never reaches it.
    pub plan_unit: Option<Scope>,
    /// Facilities outside of the device's units, with theirs: their inspections do not reach it, and
    /// what it writes there the hub sets aside.
    pub outside: Vec<(String, Scope)>,
    /// Units of the plan's facilities, or its own where it has none, in which the device of a member who
    /// leads holds no leader's role, though its role may write there: it cannot seal minutes there.
    pub unled: Vec<Scope>,
}

impl TeamGap {
    /// Returns the units that would have to be added to those of the device.
    #[must_use]
    pub fn lacking(&self) -> BTreeSet<&Scope> {
        self.plan_unit.iter().chain(self.outside.iter().map(|(_, unit)| unit)).collect()
    }

    fn is_none(&self) -> bool {
        let works = self.entry.is_some() && !self.inactive && self.role.is_none();
        works && self.lacking().is_empty() && self.unled.is_empty()
    }
}

impl Client {
    /// Changes a plan, as one edit.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::VisitBegun`] when a facility is taken off whose inspection has begun,
    /// [`ClientError::NeedsLeader`], [`ClientError::NotInTeam`], [`ClientError::NotPlanned`] and
    /// [`ClientError::PlanDays`] for what does not fit the plan, [`ClientError::AsksReason`] as
    /// [`Client::make_plan`], and [`ClientError::Replica`] for a plan that was cancelled. Nothing is
    /// recorded then.
    pub fn change_plan(
        &self,
        plan: DocumentId,
        change: &PlanChange,
    ) -> Result<EditOutcome<()>, ClientError> {
        let genesis = self.phone().replica().genesis(plan)?;
        let read = self.plan(plan)?;
        self.check_standing(&read)?;
        self.check_days(&read, change)?;
        let team = team_after(&read, change)?;
        let visits = self.visits_after(plan, &read, change)?;
        self.edit(&genesis, |editor: &mut Editor<'_>| {
            for (name, value) in &change.fields {
                editor.set_plan(name, value)?;
            }
            for (device, member) in &team {
                editor.plan_member(device, member)?;
            }
            for (template, title) in &change.templates {
                editor.plan_template(*template, title)?;
            }
            for (facility, visit) in &visits {
                editor.plan_facility(*facility, visit)?;
            }
            Ok(())
        })
    }

    /// Cancels a plan (*hủy kế hoạch*): it stays visible with the reason, and nobody begins a visit of
    /// it any more. Inspections that have begun keep it as their plan.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when it was cancelled before, or no reason is given.
    pub fn cancel_plan(
        &self,
        plan: DocumentId,
        reason: &str,
        decision: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        let genesis = self.phone().replica().genesis(plan)?;
        self.plan(plan)?;
        self.edit(&genesis, |editor| editor.cancel_plan(reason, decision))
    }

    /// Returns why a plan was cancelled, by whom and when; nothing while it stands, several where people
    /// cancelled it apart.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the plan is not here.
    pub fn cancelled(&self, plan: DocumentId) -> Result<Vec<Cancelled>, ClientError> {
        let document = self.phone().replica().load(plan)?;
        let Some(read) = document.view().plan() else { return Ok(Vec::new()) };
        let authors = self.authors(plan, &document)?;
        let decision = read.cancel_decision().unwrap_or_default();
        let told = read.cancelled().iter().map(|said| Cancelled {
            reason: said.value.clone(),
            decision: decision.to_owned(),
            at: said.at,
            author: authors.of(&said.actor),
        });
        Ok(told.collect())
    }

    /// Returns what each field of a plan was before: every value that another one replaced, or that
    /// stands beside another, oldest first.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the plan is not here.
    pub fn plan_history(&self, plan: DocumentId) -> Result<Vec<PlanEvent>, ClientError> {
        let document = self.phone().replica().load(plan)?;
        let authors = self.authors(plan, &document)?;
        let view = document.view();
        let read = view.plan();
        let fields = read.iter().flat_map(PlanView::filled);
        let mut events = Vec::new();
        for (field, _) in fields {
            let (container, key) = ("fields".to_owned(), field.to_owned());
            let said = view.history_of(&Place { container, key, field: None });
            if said.len() < 2 {
                continue;
            }
            events.extend(said.into_iter().map(|said| PlanEvent {
                field: field.to_owned(),
                value: serde_json::from_str(&said.value).unwrap_or(said.value),
                at: said.at,
                author: authors.of(&said.actor),
            }));
        }
        Ok(events)
    }

    /// Returns the members of a plan's team who could not do its work, as far as this device was told of
    /// them: a role that may not write, units that do not hold the plan or a facility, a device that the
    /// hub refuses or does not know. Empty while this device knows no other.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the plan is not here.
    pub fn team_gaps(&self, plan: DocumentId) -> Result<Vec<TeamGap>, ClientError> {
        let replica = self.phone().replica();
        let known = replica.devices()?;
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let (read, own) = (self.plan(plan)?, replica.genesis(plan)?.scope);
        let visits = self.visits(plan)?.into_iter().filter(|visit| !visit.removed);
        let visits: Vec<Visit> = visits.collect();
        let mut gaps = Vec::new();
        for (id, member) in read.members() {
            let Ok(device) = id.parse::<DeviceId>() else { continue };
            let entry = known.iter().find(|entry| entry.device == device);
            let gap = gap(device, member, entry, &own, &visits);
            gaps.extend((!gap.is_none()).then_some(gap));
        }
        Ok(gaps)
    }

    /// Refuses to begin a visit of a plan that was cancelled. What has begun goes on.
    pub(super) fn check_beginning(&self, inspection: &Genesis) -> Result<(), ClientError> {
        let Origin::Planned { plan, .. } = inspection.origin else { return Ok(()) };
        let replica = self.phone().replica();
        let cancelled = |row: crate::model::Summary| row.is_cancelled();
        if replica.summary(inspection.document())?.is_some()
            || !replica.summary(plan)?.is_some_and(cancelled)
        {
            return Ok(());
        }
        self.check_standing(&self.plan(plan)?)
    }

    fn check_standing(&self, plan: &PlanView) -> Result<(), ClientError> {
        let Some(said) = plan.cancelled().last() else { return Ok(()) };
        let title = plan.field("title").unwrap_or_default().to_owned();
        Err(ClientError::PlanCancelled { title, reason: said.value.clone() })
    }

    fn check_days(&self, plan: &PlanView, change: &PlanChange) -> Result<(), ClientError> {
        let after = |name: &str| {
            let given = change.fields.iter().find(|(field, _)| *field == name);
            let value = given.map(|(_, value)| value.as_str());
            value.or_else(|| plan.field(name)).unwrap_or_default().to_owned()
        };
        let (from, to) = (after("from"), after("to"));
        if to < from { Err(ClientError::PlanDays { from, to }) } else { Ok(()) }
    }

    /// Returns the visits whose entry in the plan changes.
    fn visits_after(
        &self,
        plan: DocumentId,
        read: &PlanView,
        change: &PlanChange,
    ) -> Result<BTreeMap<DocumentId, PlannedVisit>, ClientError> {
        let before = |facility: &DocumentId| {
            let standing = read.facilities.get(&facility.to_string());
            standing.and_then(|register| register.shown()?.valid()).cloned()
        };
        let mut visits = BTreeMap::new();
        for facility in &change.without_facilities {
            let visit = before(facility).ok_or(ClientError::NotPlanned)?;
            if self.has_begun(plan, *facility)? {
                return Err(ClientError::VisitBegun { facility: self.named(*facility)?.title });
            }
            visits.insert(*facility, PlannedVisit { removed: true, ..visit });
        }
        for (facility, template) in &change.facilities {
            let name = self.named(*facility)?.title;
            let fresh =
                PlannedVisit { template: *template, visit: 1, name, removed: false, reason: None };
            let visit = before(facility).unwrap_or(fresh);
            visits.insert(*facility, PlannedVisit { removed: false, ..visit });
        }
        for (facility, reason) in &change.reasons {
            let standing = visits.get(facility).cloned().or_else(|| before(facility));
            let visit = standing.filter(|visit| !visit.removed).ok_or(ClientError::NotPlanned)?;
            visits.insert(*facility, PlannedVisit { reason: Some(reason.clone()), ..visit });
        }
        self.check_year(plan, read, change, &visits)?;
        Ok(visits)
    }

    /// Holds the visits that are new on the plan, or whose year changes, against the rule of one
    /// inspection a year.
    fn check_year(
        &self,
        plan: DocumentId,
        read: &PlanView,
        change: &PlanChange,
        visits: &BTreeMap<DocumentId, PlannedVisit>,
    ) -> Result<(), ClientError> {
        let year = |text: Option<&str>| text.and_then(|day| day.parse::<Day>().ok());
        let given = change.fields.iter().find(|(field, _)| *field == "from");
        let before = year(read.field("from"));
        let after = given.and_then(|(_, day)| year(Some(day))).or(before);
        let day = after.map_or_else(Self::today, Ok)?;
        let moved = before.map(Day::year) != after.map(Day::year);
        let mut all = BTreeMap::new();
        for (facility, register) in &read.facilities {
            let (Ok(id), Some(visit)) =
                (facility.parse(), register.shown().and_then(|told| told.valid()))
            else {
                continue;
            };
            // What stood on the plan was held against the rule when it came there.
            if moved && !visit.removed {
                all.insert(id, visit.clone());
            }
        }
        all.extend(visits.iter().map(|(facility, visit)| (*facility, visit.clone())));
        let mut clashes: Vec<Clash> = Vec::new();
        for (facility, visit) in all.iter().filter(|(_, visit)| !visit.removed) {
            match &visit.reason {
                Some(reason) => self.check_reason(*facility, reason)?,
                None => clashes.extend(self.clash(*facility, Some(plan), visit.visit, day)?),
            }
        }
        if clashes.is_empty() { Ok(()) } else { Err(ClientError::AsksReason { clashes }) }
    }

    /// Returns whether an inspection of the facility under the plan has begun, as far as is known here.
    fn has_begun(&self, plan: DocumentId, facility: DocumentId) -> Result<bool, ClientError> {
        let known = self.phone().replica().visits_of(facility)?;
        Ok(known.iter().any(|visit| visit.plan == Some(plan) && visit.inspection.is_some()))
    }
}

/// Returns the members whose entry in the plan changes.
fn team_after(
    read: &PlanView,
    change: &PlanChange,
) -> Result<BTreeMap<String, Member>, ClientError> {
    let standing: BTreeMap<&str, &Member> = read.members().into_iter().collect();
    let mut team: BTreeMap<String, Member> = BTreeMap::new();
    for (device, member) in &change.members {
        let id = device.to_string();
        if member.role == Role::Leader {
            let led = standing
                .iter()
                .filter(|(other, before)| before.role == Role::Leader && **other != id.as_str());
            let demoted = led.map(|(other, before)| {
                ((*other).to_owned(), Member { role: Role::Member, ..(*before).clone() })
            });
            for (other, member) in demoted.collect::<Vec<_>>() {
                team.entry(other).or_insert(member);
            }
        }
        team.insert(id, member.clone());
    }
    for device in &change.without_members {
        let id = device.to_string();
        let unknown = || ClientError::NotInTeam { name: device.short() };
        let before = *standing.get(id.as_str()).ok_or_else(unknown)?;
        let member = team.get(&id).unwrap_or(before).clone();
        if member.role == Role::Leader {
            return Err(ClientError::NeedsLeader { name: member.name });
        }
        team.insert(id, Member { removed: true, ..member });
    }
    Ok(team)
}

fn gap(
    device: DeviceId,
    member: &Member,
    entry: Option<&DeviceEntry>,
    plan: &Scope,
    visits: &[Visit],
) -> TeamGap {
    let mut gap = TeamGap {
        device,
        name: member.name.clone(),
        entry: entry.cloned(),
        inactive: false,
        role: None,
        plan_unit: None,
        outside: Vec::new(),
        unled: Vec::new(),
    };
    let Some(entry) = entry else { return gap };
    gap.inactive = !entry.active;
    let writes = entry.may_write(Kind::Inspection);
    gap.role = (!writes).then(|| super::work::role_names(entry));
    // What the units say is told also of a device that is off, or whose role is wrong: all at once.
    let entry = DeviceEntry { active: true, ..entry.clone() };
    gap.plan_unit = (!reads(&entry, plan)).then(|| plan.clone());
    let outside = visits.iter().filter(|visit| {
        let unit = &visit.genesis.scope;
        if writes { !admits(&entry, Kind::Inspection, unit) } else { !reads(&entry, unit) }
    });
    gap.outside = outside.map(|visit| (visit.name.clone(), visit.genesis.scope.clone())).collect();
    // A role that may not even write is told of as that, with the command that makes it a leader's.
    if writes && member.role == Role::Leader {
        let units: BTreeSet<&Scope> = visits.iter().map(|visit| &visit.genesis.scope).collect();
        let units = if units.is_empty() { BTreeSet::from([plan]) } else { units };
        let unled = units.into_iter().filter(|unit| !super::seal::leads(&entry, unit));
        gap.unled = unled.cloned().collect();
    }
    gap
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(role: crate::sync::Role, scopes: &[&str]) -> DeviceEntry {
        crate::sync::PlainEntry {
            device: DeviceId([1; 32]),
            name: "An".to_owned(),
            agency: "Y tế".to_owned(),
            role,
            scopes: scopes.iter().map(|code| code.parse().unwrap()).collect(),
            active: true,
        }
        .into()
    }

    fn member(role: Role) -> Member {
        Member {
            name: "An".to_owned(),
            agency: "Y tế".to_owned(),
            position: String::new(),
            role,
            sections: Vec::new(),
            no_conflict: false,
            removed: false,
        }
    }

    fn visit(unit: &str) -> Visit {
        let facility = DocumentId([2; 32]);
        let genesis = Genesis {
            kind: Kind::Inspection,
            scope: unit.parse().unwrap(),
            template: Some(TemplateId([7; 32])),
            origin: Origin::Planned { plan: DocumentId([3; 32]), facility, visit: 1 },
        };
        Visit {
            document: genesis.document(),
            genesis,
            facility,
            name: format!("HTX {unit}"),
            template: TemplateId([7; 32]),
            visit: 1,
            removed: false,
        }
    }

    #[test]
    fn a_member_whose_device_cannot_do_the_work_is_named_with_all_that_it_lacks() {
        use crate::sync::Role as R;
        let plan: Scope = "20".parse().unwrap();
        let visits = [visit("06325"), visit("06337")];
        let of = |entry: Option<&DeviceEntry>| {
            gap(DeviceId([1; 32]), &member(Role::Member), entry, &plan, &visits)
        };
        assert!(of(Some(&entry(R::Inspector, &["20"]))).is_none());
        assert!(of(Some(&entry(R::Leader, &["00"]))).is_none());
        let narrow = of(Some(&entry(R::Inspector, &["06325"])));
        assert_eq!(narrow.plan_unit.as_ref(), Some(&plan));
        assert_eq!(narrow.outside, [("HTX 06337".to_owned(), "06337".parse().unwrap())]);
        let supervisor = of(Some(&entry(R::Supervisor, &["20"])));
        assert_eq!(
            (supervisor.role.clone(), supervisor.outside.len()),
            (Some("supervisor".to_owned()), 0)
        );
        let off = DeviceEntry { active: false, ..entry(R::Inspector, &["20"]) };
        assert!(of(Some(&off)).inactive && of(Some(&off)).outside.is_empty());
        assert!(!of(None).is_none(), "a device that is not enrolled is told");
    }

    #[test]
    fn a_leader_whose_device_holds_no_leaders_role_somewhere_is_named_with_the_units() {
        use crate::sync::Role as R;
        let plan: Scope = "20".parse().unwrap();
        let visits = [visit("06325"), visit("06337")];
        let unled = |entry: &DeviceEntry, visits: &[Visit]| {
            let gap = gap(DeviceId([1; 32]), &member(Role::Leader), Some(entry), &plan, visits);
            gap.unled.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(unled(&entry(R::Leader, &["20"]), &visits).is_empty());
        assert_eq!(unled(&entry(R::Inspector, &["20"]), &visits), ["06325", "06337"]);
        assert_eq!(unled(&entry(R::Inspector, &["20"]), &[]), ["20"]);
        let mut both = entry(R::Inspector, &["20"]);
        both.grants.push(crate::trust::Grant::always(R::Leader, "06337".parse().unwrap()));
        assert_eq!(unled(&both, &visits), ["06325"]);
        // One that may not write there is told to take the leader's role by that.
        assert!(unled(&entry(R::Supervisor, &["20"]), &visits).is_empty());
    }
}
