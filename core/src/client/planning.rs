//! The rule of one inspection a year (Resolution 198/2025/QH15, art. 4) where visits are planned and
//! opened. Asks summary rows; opens no document.

use std::sync::OnceLock;

use super::{Client, ClientError};
use crate::checklist::header::{HEADER, HeaderForm};
use crate::checklist::lifecycle::{LIFECYCLE, Law, OtherVisit, Rules};
use crate::checklist::{CLOCKS, Clocks, Day, HOLIDAYS, Holidays, Words, over_frequency};
use crate::clock;
use crate::model::{
    DocumentId, FacilityView, Genesis, Kind, LifeCycle, Origin, OwnerKind, PlanInput, Register,
    TemplateId, VisitReason,
};
use crate::replica::{KnownVisit, ReplicaError};

/// States of an inspection whose minutes have been made.
const OVER: [LifeCycle; 10] = [
    LifeCycle::MinutesSigned,
    LifeCycle::MinutesRefused,
    LifeCycle::Reported,
    LifeCycle::CorrectiveIssued,
    LifeCycle::FixSubmitted,
    LifeCycle::FixVerified,
    LifeCycle::Overdue,
    LifeCycle::Recheck,
    LifeCycle::Closed,
    LifeCycle::Escalated,
];

/// States in which a further visit under the same plan is a re-check, not another inspection.
const RECHECKED: [LifeCycle; 4] =
    [LifeCycle::CorrectiveIssued, LifeCycle::FixSubmitted, LifeCycle::Overdue, LifeCycle::Recheck];

/// A facility that is inspected in the same year already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// The facility.
    pub facility: DocumentId,
    /// Its name.
    pub name: String,
    /// The inspections there are.
    pub others: Vec<OtherVisit>,
    /// What the rule limits.
    pub rule: Words,
    /// The reasons that it accepts, by key.
    pub accepts: Vec<(String, Words)>,
    /// What is not certain about the rule.
    pub note: Option<Words>,
    /// The clause that sets it.
    pub clause: String,
}

/// Returns the law that this program carries: guards, clocks, days off, fields of the header.
#[must_use]
pub fn law() -> Law<'static> {
    static KNOWN: OnceLock<(Rules, Clocks, Holidays, HeaderForm)> = OnceLock::new();
    let (rules, clocks, holidays, header) = KNOWN.get_or_init(|| {
        let read = "the embedded law is read by tests of the checklist module";
        (
            Rules::parse(LIFECYCLE).expect(read),
            Clocks::parse(CLOCKS).expect(read),
            Holidays::parse(HOLIDAYS).expect(read),
            HeaderForm::parse(HEADER).expect(read),
        )
    });
    Law { rules, clocks, holidays, header }
}

impl Client {
    /// Returns the day that is today in Vietnam.
    pub(super) fn today() -> Result<Day, ClientError> {
        Day::of(clock::now())
            .ok_or_else(|| crate::checklist::ClocksError::Beyond { key: "today".to_owned() }.into())
    }

    /// Returns the other inspections of a facility, begun or planned. A visit under the same plan is
    /// left out when it is this very one, or when this one re-checks its corrections.
    pub(super) fn others_of(
        &self,
        facility: DocumentId,
        plan: Option<DocumentId>,
        visit: u32,
        checklist: Option<TemplateId>,
    ) -> Result<Vec<OtherVisit>, ClientError> {
        let known = self.phone().replica().visits_of(facility)?;
        let others = known.into_iter().filter(|other| {
            let same_plan = plan.is_some() && other.plan == plan;
            let rechecks = other.visit < visit && all_in(other, &RECHECKED);
            // A supplementary record is the same inspection still, and no other one.
            !other.supplement
                && !(same_plan && (other.visit == visit || other.inspection.is_none() || rechecks))
        });
        let same = |other: &KnownVisit| match checklist.zip(other.template) {
            Some((own, other)) => self.is_same_checklist(own, other),
            None => Ok(false),
        };
        others.map(|other| Ok(other_visit(&other, same(&other)?))).collect()
    }

    /// Returns whether two editions are of one checklist; of what is not here only itself is known.
    fn is_same_checklist(&self, one: TemplateId, other: TemplateId) -> Result<bool, ClientError> {
        let code = |id| match self.phone().replica().template(id) {
            Err(ReplicaError::UnknownTemplate { .. }) => Ok(None),
            found => found.map(|template| Some(template.code().to_owned())),
        };
        if one == other {
            return Ok(true);
        }
        let (one, other) = (code(one)?, code(other)?);
        Ok(one.is_some() && one == other)
    }

    /// Returns the other inspections of the facility that an inspection visits.
    pub(super) fn others(&self, inspection: &Genesis) -> Result<Vec<OtherVisit>, ClientError> {
        match inspection.origin {
            Origin::Planned { plan, facility, visit } => {
                let document = self.open_inspection(inspection)?;
                if super::seal::supplemented(&document).is_some() {
                    // It is the same inspection still, and no other one.
                    return Ok(Vec::new());
                }
                self.others_of(facility, Some(plan), visit, inspection.template)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Returns the kind of a facility's owner, which decides how often it may be inspected; none when
    /// nobody said, when people say different things, or when the facility is not here.
    pub(super) fn owner_of(&self, facility: DocumentId) -> Result<Option<OwnerKind>, ClientError> {
        Ok(self.facility_if_here(facility)?.as_ref().and_then(owner_in))
    }

    /// Returns what the rule of one inspection a year says of a visit: nothing, or the inspections
    /// that are there already.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn clash(
        &self,
        facility: DocumentId,
        plan: Option<DocumentId>,
        visit: u32,
        day: Day,
    ) -> Result<Option<Clash>, ClientError> {
        let mut others = self.others_of(facility, plan, visit, None)?;
        // Only a facility that was inspected before is opened for the kind of its owner.
        let owner = if others.is_empty() { None } else { self.owner_of(facility)? };
        let Some(rule) = law().clocks.frequency_of(owner) else { return Ok(None) };
        let past: Vec<_> = others.iter().map(|other| other.past(day)).collect();
        if over_frequency(rule, &past, day).is_none() {
            return Ok(None);
        }
        let same = |other: &OtherVisit| other.day.is_none_or(|on| on.year() == day.year());
        others.retain(|other| !other.void && same(other));
        let accepts = law().rules.reasons(&rule.key).into_iter();
        Ok(Some(Clash {
            facility,
            name: self.named(facility)?.title,
            others,
            rule: rule.title.clone(),
            accepts: accepts.map(|reason| (reason.key.clone(), reason.title.clone())).collect(),
            note: rule.note.clone(),
            clause: rule.clause.clone(),
        }))
    }

    /// Refuses a reason that the law does not know for a facility.
    pub(super) fn check_reason(
        &self,
        facility: DocumentId,
        reason: &VisitReason,
    ) -> Result<(), ClientError> {
        let rule = law().clocks.frequency_of(self.owner_of(facility)?);
        let accepted = rule.map(|rule| law().rules.reasons(&rule.key)).unwrap_or_default();
        if accepted.iter().any(|known| known.key == reason.key) {
            return Ok(());
        }
        let known: Vec<&str> = accepted.iter().map(|reason| reason.key.as_str()).collect();
        Err(ClientError::UnknownReason { given: reason.key.clone(), known: known.join(", ") })
    }

    /// Refuses a plan that would inspect a facility once more in the same year and does not say why.
    pub(super) fn check_frequency(&self, input: &PlanInput) -> Result<(), ClientError> {
        let day = match input.from.parse::<Day>() {
            Ok(day) => day,
            Err(_) => Self::today()?,
        };
        let mut clashes = Vec::new();
        for (facility, visit) in input.facilities.iter().filter(|(_, visit)| !visit.removed) {
            if let Some(reason) = &visit.reason {
                self.check_reason(*facility, reason)?;
                continue;
            }
            clashes.extend(self.clash(*facility, None, visit.visit, day)?);
        }
        if clashes.is_empty() { Ok(()) } else { Err(ClientError::AsksReason { clashes }) }
    }

    /// Returns what asks for a reason before a planned visit is opened: nothing where the plan gives
    /// one. Opening is never refused by it: recording does not wait, the decision does.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn asks_reason(&self, inspection: &Genesis) -> Result<Option<Clash>, ClientError> {
        let Origin::Planned { plan, facility, visit } = inspection.origin else { return Ok(None) };
        if inspection.kind != Kind::Inspection {
            return Ok(None);
        }
        let read = self.plan(plan)?;
        let planned = read.facilities.get(&facility.to_string());
        let given = planned.and_then(|visit| visit.shown()?.valid()?.reason.as_ref());
        if given.is_some() {
            return Ok(None);
        }
        let day = match read.field("from").map(str::parse::<Day>) {
            Some(Ok(day)) => day,
            _ => Self::today()?,
        };
        self.clash(facility, Some(plan), visit, day)
    }
}

fn states(visit: &KnownVisit) -> Vec<Option<LifeCycle>> {
    let names = visit.state.split('|').filter(|name| !name.is_empty());
    let known = |name: &str| LifeCycle::ALL.into_iter().find(|state| state.name() == name);
    names.map(known).collect()
}

/// Returns whether every standing state is one of these; of a visit that has not begun none is.
fn all_in(visit: &KnownVisit, wanted: &[LifeCycle]) -> bool {
    let states = states(visit);
    let one = |state: &Option<LifeCycle>| state.is_some_and(|state| wanted.contains(&state));
    !states.is_empty() && states.iter().all(one)
}

/// Returns the kind of a facility's owner; none when nobody said or people say different things.
pub(super) fn owner_in(facility: &FacilityView) -> Option<OwnerKind> {
    let said = facility.fields.get("owner_kind").map(Register::all).unwrap_or_default();
    let mut kinds: Vec<Option<OwnerKind>> =
        said.iter().map(|said| OwnerKind::named(&said.value)).collect();
    kinds.dedup();
    if let [only] = kinds.as_slice() { *only } else { None }
}

fn other_visit(visit: &KnownVisit, same_checklist: bool) -> OtherVisit {
    let short = visit.inspection.or(visit.plan).map(|id| id.short()).unwrap_or_default();
    OtherVisit {
        name: if visit.title.is_empty() { short } else { visit.title.clone() },
        day: visit.day.parse().ok(),
        until: visit.until.parse().ok(),
        same_checklist,
        void: visit.removed || all_in(visit, &[LifeCycle::Stopped]),
        over: all_in(visit, &OVER),
    }
}
