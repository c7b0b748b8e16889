//! The guards: whether what a state needs is there. Each need is told apart, and all at once.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Attempt, Case, Law, Need};
use crate::checklist::clocks::{due, over_frequency};
use crate::checklist::day::Day;
use crate::checklist::grading::At;
use crate::checklist::template::Words;
use crate::model::{LifeCycle, SampleStep, place_name};

/// The clock that limits deadlines of corrective actions.
const CORRECTION: &str = "correction";
/// Characters of an id that a person is shown.
const SHORT: usize = 8;

/// One thing that a step lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Which need.
    pub need: Need,
    /// What it is about: ids of findings and actions, names of inspections, days.
    pub about: Vec<String>,
    /// What is missing.
    pub title: Words,
    /// What to do.
    pub todo: Words,
    /// The clause that asks for it.
    pub clause: String,
    /// The fields of the minutes' header that it can be written in, by their names; none when it
    /// stands elsewhere.
    pub fields: Vec<String>,
}

/// Returns everything that a step lacks, in the order of the file; nothing when it may be taken.
/// Whether the table has such a step is [`LifeCycle::next`]'s to say.
#[must_use]
pub fn missing(case: &Case<'_>, attempt: Attempt<'_>, law: Law<'_>) -> Vec<Missing> {
    let mut found = Vec::new();
    for need in law.rules.needs(attempt.to) {
        if let Some(about) = lacks(case, attempt, law, *need)
            && let Some(requirement) = law.rules.requirement(*need)
        {
            let fields = match need {
                Need::HeaderFields | Need::HeaderFits => about.clone(),
                _ => requirement.fields.clone(),
            };
            found.push(Missing {
                need: *need,
                fields,
                about,
                title: requirement.title.clone(),
                todo: requirement.todo.clone(),
                clause: requirement.clause.clone(),
            });
        }
    }
    found
}

/// Returns what a need lacks: none when it is met.
fn lacks(case: &Case<'_>, attempt: Attempt<'_>, law: Law<'_>, need: Need) -> Option<Vec<String>> {
    let unless = |there: bool| (!there).then(Vec::new);
    match need {
        Need::DecisionNumber => unless(case.says("decision_number")),
        Need::DecisionDate => unless(case.says("decision_date")),
        Need::DecisionSigner => unless(case.says("decision_signer")),
        Need::OnceAYear => same_year(case, attempt.on, law),
        Need::NoOverlap => overlap(case),
        Need::TeamLeader => unless(has_leader(case)),
        Need::ConductPlanApprover => unless(!case.header("conduct_plan_approver").is_empty()),
        Need::Level => unless(case.level().is_some()),
        Need::OrderOfDays => order(case, attempt),
        Need::Announced => {
            unless(case.day_of(LifeCycle::Announced).is_some() || has_reason(attempt))
        }
        Need::NoConflicts => (case.conflicts > 0).then(|| vec![case.conflicts.to_string()]),
        Need::ActionsAgree => {
            let contested = case.followup.iter().flat_map(|followup| &followup.contested);
            let places: Vec<String> = contested.map(place_name).collect();
            (!places.is_empty()).then_some(places)
        }
        Need::FacilityRepresentative => unless(!case.header("facility_representative").is_empty()),
        Need::Witness => unless(
            !case.header("witness").is_empty() || !case.header("commune_representative").is_empty(),
        ),
        Need::RefusalReason => unless(!case.header("refusal_reason").is_empty()),
        Need::Findings => {
            let open = !case.open_findings().is_empty() || !case.deviations.is_empty();
            unless(open || !case.demanded().is_empty())
        }
        Need::Actions => {
            // An action is about a finding, and what nobody wrote up has none.
            let (without, deviations) = (shorts(without_action(case)), deviations(case));
            Some([without, deviations].concat()).filter(|about| !about.is_empty())
        }
        Need::Owners => listed(without_owner(case)),
        Need::Deadlines => listed(wrong_deadlines(case, attempt.on, law)),
        Need::Proof => without_proof(case),
        Need::Verified => unverified(case),
        Need::DeadlinePassed => not_passed(case, attempt),
        Need::NothingOpen => still_open(case, attempt),
        Need::Reason => unless(has_reason(attempt)),
        Need::HeaderFields => header_fields(case, attempt, law),
        Need::HeaderFits => named_fields(case.sheet(law.header).wrong()),
    }
}

/// Returns the header fields that the state needs and nothing says; those that another need of the
/// same state asks for are that need's to name.
fn header_fields(case: &Case<'_>, attempt: Attempt<'_>, law: Law<'_>) -> Option<Vec<String>> {
    let needs = law.rules.needs(attempt.to).iter();
    let asked: Vec<&String> = needs
        .filter_map(|need| law.rules.requirement(*need))
        .flat_map(|requirement| &requirement.fields)
        .collect();
    let sheet = case.sheet(law.header);
    let mut missing = sheet.missing(attempt.to);
    missing.retain(|key| !asked.iter().any(|asked| asked == key));
    named_fields(missing)
}

fn named_fields(keys: Vec<&str>) -> Option<Vec<String>> {
    (!keys.is_empty()).then(|| keys.into_iter().map(str::to_owned).collect())
}

fn listed(ids: Vec<&str>) -> Option<Vec<String>> {
    (!ids.is_empty()).then(|| shorts(ids))
}

fn shorts(ids: Vec<&str>) -> Vec<String> {
    ids.into_iter().map(|id| id.chars().take(SHORT).collect()).collect()
}

/// Deviations that no finding is about, each by its item and row.
fn deviations(case: &Case<'_>) -> Vec<String> {
    let named = |at: &At| match &at.row {
        Some(row) => format!("{}/{}", row.chars().take(SHORT).collect::<String>(), at.item),
        None => at.item.clone(),
    };
    case.deviations.iter().map(named).collect()
}

fn has_reason(attempt: Attempt<'_>) -> bool {
    !attempt.reason.trim().is_empty()
}

fn has_leader(case: &Case<'_>) -> bool {
    let planned = case.plan.map(|plan| plan.members()).unwrap_or_default();
    !case.header("leader").is_empty()
        || planned.iter().any(|(_, member)| member.role == crate::model::Role::Leader)
}

/// One inspection a year, by the rule that protects the kind of owner, unless a reason that the rule
/// accepts is recorded.
fn same_year(case: &Case<'_>, on: Day, law: Law<'_>) -> Option<Vec<String>> {
    let rule = law.clocks.frequency_of(case.owner)?;
    let day = case.counts_on(on);
    let visits: Vec<_> = case.others.iter().map(|other| other.past(day)).collect();
    over_frequency(rule, &visits, day)?;
    let accepted: Vec<&str> =
        law.rules.reasons(&rule.key).iter().map(|reason| reason.key.as_str()).collect();
    if !case.header("clear_sign_reason").is_empty() || case.has_planned_reason(&accepted) {
        return None;
    }
    let same = case
        .others
        .iter()
        .filter(|other| !other.void && other.day.is_none_or(|other| other.year() == day.year()));
    Some(same.map(named).collect())
}

/// NĐ 217/2025, art. 7: two inspections of one content do not run at the same time.
fn overlap(case: &Case<'_>) -> Option<Vec<String>> {
    if !case.header("overlap_handling").is_empty() {
        return None;
    }
    let days = |name| case.planned(name).into_iter().filter_map(|day| day.parse::<Day>().ok());
    let (from, to) = (days("from").min(), days("to").max());
    let apart = |other: &super::OtherVisit| {
        to.zip(other.day).is_some_and(|(to, day)| to < day)
            || from.zip(other.until.or(other.day)).is_some_and(|(from, until)| until < from)
    };
    let same = case
        .others
        .iter()
        .filter(|other| other.same_checklist && !other.void && !other.over && !apart(other));
    let names: Vec<String> = same.map(named).collect();
    (!names.is_empty()).then_some(names)
}

fn named(other: &super::OtherVisit) -> String {
    match other.day {
        Some(day) => format!("{} ({day})", other.name),
        None => other.name.clone(),
    }
}

/// A step is taken by today, and not before the steps that led to it.
fn order(case: &Case<'_>, attempt: Attempt<'_>) -> Option<Vec<String>> {
    let states = case.inspection.states();
    let mut latest = None;
    // Of a state that stands the rivals led elsewhere, and do not bind it.
    if !states.contains(&attempt.to) {
        latest = states.iter().filter_map(|state| case.day_of(*state)).max();
        let resumed = case.suspended().into_iter().map(|(_, until)| until);
        latest = latest.max(resumed.filter(|_| !states.contains(&LifeCycle::Suspended)).max());
    }
    if attempt.to == LifeCycle::Decided {
        latest = None;
    }
    // Nothing of an inspection is done before the decision about it, of several days the earliest.
    let decided = case.header("decision_date").into_iter().chain(case.planned("decision_date"));
    latest = latest.max(decided.filter_map(|day| day.parse().ok()).min());
    let mut wrong = Vec::new();
    if attempt.on > case.as_of {
        wrong.push(format!("{} > {}", attempt.on, case.as_of));
    }
    if let Some(latest) = latest.filter(|latest| attempt.on < *latest) {
        wrong.push(format!("{} < {latest}", attempt.on));
    }
    (!wrong.is_empty()).then_some(wrong)
}

/// Open findings that can be corrected and that no action is about.
fn without_action<'c>(case: &'c Case<'_>) -> Vec<&'c str> {
    let open = case.open_findings();
    let about = |id: &str| {
        let actions = case.followup.map(|followup| followup.about(id)).unwrap_or_default();
        let demanded = case.demanded();
        actions.iter().any(|action| demanded.contains(action))
    };
    let fixable = case.live().filter(|(_, row)| !row.is_unfixable()).map(|(id, _)| id);
    fixable.filter(|id| open.contains(id) && !about(id)).collect()
}

fn without_owner<'c>(case: &'c Case<'_>) -> Vec<&'c str> {
    let Some(followup) = case.followup else { return Vec::new() };
    let unowned = |id: &&str| {
        let said = followup.actions.get(*id).map(|action| action.owner.all()).unwrap_or_default();
        said.iter().any(|said| said.value.valid().is_none_or(|owner| owner.trim().is_empty()))
    };
    case.demanded().into_iter().filter(unowned).collect()
}

/// Actions without a deadline, and those with one behind the longest time: counted from the day on
/// which the finding was put in the minutes, or from the demand where the action is about none.
fn wrong_deadlines<'c>(case: &'c Case<'_>, on: Day, law: Law<'_>) -> Vec<&'c str> {
    let Some(followup) = case.followup else { return Vec::new() };
    let demanded = case.day_of(LifeCycle::CorrectiveIssued).unwrap_or(on);
    let wrong = |id: &&str| {
        let longest = latest_correction(case.corrects_from(id).unwrap_or(demanded), law);
        let said = followup.actions.get(*id).map(|action| action.deadline.all());
        // Every value that stands must hold: the earliest alone would hide one that is too late.
        said.unwrap_or_default().iter().any(|said| {
            let deadline = said.value.valid().copied().flatten().and_then(Day::of);
            deadline.is_none_or(|deadline| longest.is_some_and(|longest| deadline > longest))
        })
    };
    case.open_actions().into_iter().filter(wrong).collect()
}

/// Returns the last day that a corrective action demanded on a day may have.
#[must_use]
pub fn latest_correction(demanded: Day, law: Law<'_>) -> Option<Day> {
    let clock = law.clocks.clock(CORRECTION).ok()?;
    due(clock, demanded, 0, law.holidays).ok().map(|due| due.day)
}

fn without_proof(case: &Case<'_>) -> Option<Vec<String>> {
    let followup = case.followup?;
    let submitted = |id: &str| {
        followup.state(id) == crate::model::ActionState::Submitted && followup.has_proof(id)
    };
    listed(case.open_actions().into_iter().filter(|id| !submitted(id)).collect())
}

fn unverified(case: &Case<'_>) -> Option<Vec<String>> {
    if case.demanded().is_empty() && case.followup.is_none_or(|all| all.actions.is_empty()) {
        return Some(Vec::new());
    }
    listed(case.open_actions())
}

fn not_passed(case: &Case<'_>, attempt: Attempt<'_>) -> Option<Vec<String>> {
    let on = attempt.on;
    let earliest = case.followup.and_then(|followup| {
        // What was overdue stays so when its correction is settled later.
        let was = case.inspection.states().contains(&attempt.to);
        if was { followup.first_deadline() } else { followup.earliest_deadline() }
    });
    match earliest.and_then(Day::of) {
        Some(day) if day < on => None,
        Some(day) => Some(vec![day.to_string()]),
        None => Some(Vec::new()),
    }
}

/// Returns samples in which a laboratory found something that does not pass, while no finding and no
/// reason says what came of it.
fn failed_samples(case: &Case<'_>, attempt: Attempt<'_>) -> Vec<String> {
    if has_reason(attempt) || case.live().next().is_some() {
        return Vec::new();
    }
    let steps = case.inspection.sample_steps.values().flat_map(crate::model::Register::all);
    let failed = steps.filter_map(|step| match step.value.valid()? {
        SampleStep::Result(result) if !result.removed && !result.passes() => Some(&result.sample),
        _ => None,
    });
    let failed: BTreeSet<&String> = failed.collect();
    let counts = |id: &&&String| {
        let said = case.inspection.samples.get(**id).map(crate::model::Register::all);
        let said = said.unwrap_or_default().iter().filter_map(|said| said.value.valid());
        said.into_iter().any(|sample| !sample.removed)
    };
    shorts(failed.iter().filter(counts).map(|id| id.as_str()).collect())
}

/// A case is closed when nothing is open. After it was handed over, and where all that is open are
/// findings that cannot be corrected, the reason says how it ended: by which decision.
fn still_open(case: &Case<'_>, attempt: Attempt<'_>) -> Option<Vec<String>> {
    let handed_over = case.inspection.states().contains(&LifeCycle::Escalated);
    if handed_over && has_reason(attempt) {
        return None;
    }
    let mut open = case.open_findings();
    if has_reason(attempt) {
        let unfixable = |id: &&str| {
            let finding = case.inspection.findings.get(*id);
            finding.is_some_and(crate::model::FindingView::is_surely_unfixable)
        };
        open.retain(|id| !unfixable(id));
    }
    open.extend(case.open_actions());
    let open = [shorts(open), deviations(case), failed_samples(case, attempt)].concat();
    (!open.is_empty()).then_some(open)
}
