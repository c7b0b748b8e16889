//! What is known of one inspection when it is decided whether it may move on: readings and days.

use std::collections::BTreeMap;

use crate::checklist::clocks::{Clocks, Holidays, PastVisit, Suspended};
use crate::checklist::day::Day;
use crate::checklist::grading::At;
use crate::checklist::header::{HeaderForm, HeaderSheet, HeaderSources};
use crate::model::{
    AgencyLevel, FacilityView, FindingView, FollowupView, InspectionView, LifeCycle, OwnerKind,
    PlanView, RecheckResult, Register, Said, Told,
};

/// Another inspection of the same facility, begun or only planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherVisit {
    /// What to call it: its plan's title, or its own short name.
    pub name: String,
    /// The day on which it took place or is planned for; none counts as any day.
    pub day: Option<Day>,
    /// The last day of its plan.
    pub until: Option<Day>,
    /// Whether it is by the same checklist (*cùng nội dung kiểm tra*), in whichever edition.
    pub same_checklist: bool,
    /// It was stopped, or taken off its plan before it began.
    pub void: bool,
    /// It is over: minutes have been made.
    pub over: bool,
}

impl OtherVisit {
    /// Returns it as the rule of frequency counts it, for a visit planned on a day.
    #[must_use]
    pub fn past(&self, planned: Day) -> PastVisit {
        // Nobody said when: it may be this very year.
        PastVisit { day: self.day.unwrap_or(planned), void: self.void }
    }
}

/// The law as data: which guards, clocks and days off count.
#[derive(Debug, Clone, Copy)]
pub struct Law<'a> {
    /// The guards.
    pub rules: &'a super::Rules,
    /// The clocks.
    pub clocks: &'a Clocks,
    /// The days off.
    pub holidays: &'a Holidays,
    /// The fields of the minutes' header.
    pub header: &'a HeaderForm,
}

/// One inspection with all that its next step depends on. Nothing here is read from a clock.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The inspection.
    pub inspection: &'a InspectionView,
    /// Registers, those of the life cycle left out, in which values that differ stand.
    pub conflicts: usize,
    /// The plan, if there is one and it is here.
    pub plan: Option<&'a PlanView>,
    /// The facility's id in the plan.
    pub facility: Option<&'a str>,
    /// The facility itself, if it is here.
    pub facility_read: Option<&'a FacilityView>,
    /// What to call the administrative unit.
    pub unit: Option<&'a str>,
    /// The kind of the facility's owner; none when nobody said or the facility is not here.
    pub owner: Option<OwnerKind>,
    /// The corrective actions, if there are any.
    pub followup: Option<&'a FollowupView>,
    /// The codes of those who manage the matter, as the checklist says.
    pub managed_by: &'a [String],
    /// Deviations among the answers that no finding is about: nobody has demanded their correction.
    pub deviations: &'a [At],
    /// The other inspections of the facility.
    pub others: &'a [OtherVisit],
    /// The day that is today.
    pub as_of: Day,
}

/// A step that somebody wants to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt<'a> {
    /// The state to move to.
    pub to: LifeCycle,
    /// The day on which it happened.
    pub on: Day,
    /// Why; empty when nobody says.
    pub reason: &'a str,
}

impl Case<'_> {
    /// Returns the header with what plan, facility and life cycle say of it.
    pub(super) fn sheet(&self, form: &HeaderForm) -> HeaderSheet {
        form.sheet(HeaderSources {
            inspection: self.inspection,
            plan: self.plan,
            facility_id: self.facility,
            facility: self.facility_read,
            unit: self.unit,
        })
    }

    /// Returns every standing value of a header field that says something.
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        said(self.inspection.header.get(name))
    }

    /// Returns every standing value of a plan's field that says something.
    pub(super) fn planned(&self, name: &str) -> Vec<&str> {
        self.plan.map(|plan| said(plan.fields.get(name))).unwrap_or_default()
    }

    /// Returns whether the inspection's header, or else its plan, says something.
    pub(super) fn says(&self, name: &str) -> bool {
        !self.header(name).is_empty() || !self.planned(name).is_empty()
    }

    /// Returns the day on which the inspection came to a state: of several the earliest, which
    /// leaves the least time.
    #[must_use]
    pub fn day_of(&self, state: LifeCycle) -> Option<Day> {
        self.inspection.step(state).iter().filter_map(|step| step.day.parse().ok()).min()
    }

    /// Returns the day by which the inspection had come to a state for certain: of several the latest,
    /// so that a clock never stops too early.
    #[must_use]
    pub fn last_day_of(&self, state: LifeCycle) -> Option<Day> {
        self.inspection.step(state).iter().filter_map(|step| step.day.parse().ok()).max()
    }

    /// Returns the day on which the clock of the inspection started: the announcement, or the first
    /// day in the field where it was in flagrante.
    #[must_use]
    pub fn started(&self) -> Option<Day> {
        self.day_of(LifeCycle::Announced).or_else(|| self.day_of(LifeCycle::InField))
    }

    /// Returns the times during which the inspection was suspended, and the one that goes on. While
    /// people disagree whether it is suspended, its clock runs.
    #[must_use]
    pub fn suspended(&self) -> Vec<Suspended> {
        let read = |day: &str| day.parse::<Day>().ok();
        let over = self.inspection.pauses.iter();
        let read_both = over.filter_map(|pause| read(&pause.from).zip(read(&pause.until)));
        // On a day within it, as much of it counts as has passed.
        let begun = read_both.filter(|(since, until)| since <= until && *since <= self.as_of);
        let mut found: Vec<_> =
            begun.map(|(since, until)| (since, until.min(self.as_of))).collect();
        if self.inspection.states() == [LifeCycle::Suspended] {
            let since = self.last_day_of(LifeCycle::Suspended);
            found.extend(since.map(|since| (since, self.as_of)));
        }
        found
    }

    /// Returns the day on which minutes were made.
    #[must_use]
    pub fn ended(&self) -> Option<Day> {
        let days = [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused];
        days.into_iter().filter_map(|state| self.day_of(state)).min()
    }

    /// Returns the day by which minutes had been made for certain.
    #[must_use]
    pub fn ended_by(&self) -> Option<Day> {
        let days = [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused];
        days.into_iter().filter_map(|state| self.last_day_of(state)).max()
    }

    /// Returns the day on which a finding was issued, as [`issued`] decides.
    #[must_use]
    pub fn issued(&self, finding: &str) -> Option<Day> {
        issued(self.inspection.findings.get(finding)?, self.inspection)
    }

    /// Returns the day from which the time to correct is counted for an action: the earliest on which
    /// a finding that it is about was put in the minutes. None where it is about none, or where there
    /// are no minutes yet.
    #[must_use]
    pub fn corrects_from(&self, action: &str) -> Option<Day> {
        let said = self.followup?.actions.get(action)?.finding.all();
        let findings = said.iter().filter_map(|said| said.value.valid()?.as_deref());
        findings.filter_map(|id| self.issued(id)).min()
    }

    /// Returns the level of the agency: the header's word, else the plan's; of several the lowest,
    /// whose clock is the shortest.
    #[must_use]
    pub fn level(&self) -> Option<AgencyLevel> {
        let lowest = |said: Vec<&str>| said.into_iter().filter_map(AgencyLevel::named).min();
        lowest(self.header("level")).or_else(|| lowest(self.planned("issuer_level")))
    }

    /// Returns the day for which the inspection counts in rules of frequency.
    pub(super) fn counts_on(&self, on: Day) -> Day {
        let planned = self.planned("from").into_iter().filter_map(|day| day.parse().ok()).min();
        self.started().or(planned).unwrap_or(on)
    }

    /// Returns whether the plan holds a reason of the law for this facility.
    pub(super) fn has_planned_reason(&self, accepted: &[&str]) -> bool {
        let visit = self.plan.zip(self.facility).and_then(|(plan, id)| plan.facilities.get(id));
        visit.is_some_and(|visit| {
            let reasons = visit
                .all()
                .iter()
                .map(|said| said.value.valid().and_then(|visit| visit.reason.as_ref()));
            // Where two wrote the visit apart, both must have given a reason.
            let mut reasons = reasons.peekable();
            reasons.peek().is_some()
                && reasons.all(|reason| {
                    reason.is_some_and(|reason| accepted.contains(&reason.key.as_str()))
                })
        })
    }

    /// Returns the findings that count, by id.
    pub(super) fn live(&self) -> impl Iterator<Item = (&str, &FindingView)> {
        let findings = self.inspection.findings.iter();
        findings.filter(|(_, row)| row.is_live()).map(|(id, row)| (id.as_str(), row))
    }

    /// Returns the ids of findings that are not corrected.
    #[must_use]
    pub fn open_findings(&self) -> Vec<&str> {
        let open = self.live().filter(|(id, row)| !is_corrected(row, id, self.followup));
        open.map(|(id, _)| id).collect()
    }

    /// Returns the ids of corrective actions that are neither verified nor cancelled.
    #[must_use]
    pub fn open_actions(&self) -> Vec<&str> {
        let Some(followup) = self.followup else { return Vec::new() };
        let open = followup.actions.keys().filter(|id| !followup.is_settled(id));
        open.map(String::as_str).collect()
    }

    /// Returns the ids of all corrective actions that nobody cancelled.
    pub(super) fn demanded(&self) -> Vec<&str> {
        let Some(followup) = self.followup else { return Vec::new() };
        let cancelled = crate::model::ActionState::Cancelled;
        let kept = followup.actions.keys().filter(|id| followup.state(id) != cancelled);
        kept.map(String::as_str).collect()
    }
}

fn said(register: Option<&Register<String>>) -> Vec<&str> {
    let all = register.map(Register::all).unwrap_or_default();
    all.iter().map(|said| said.value.trim()).filter(|text| !text.is_empty()).collect()
}

/// Returns the day on which a finding was issued (*ngày ghi điểm không phù hợp vào biên bản*), which the time to
/// correct is counted from: the one that was set, else that of the minutes. Of several the earliest,
/// which leaves the least time. None where neither is known yet.
#[must_use]
pub fn issued(finding: &FindingView, inspection: &InspectionView) -> Option<Day> {
    let set = finding.issued.all().iter().filter_map(|said| said.value.parse().ok());
    set.min().or_else(|| {
        let minutes = [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused];
        let steps = minutes.into_iter().flat_map(|state| inspection.step(state));
        steps.filter_map(|step| step.day.parse().ok()).min()
    })
}

/// Returns whether a finding counts as corrected.
///
/// The follow-up alone decides where an action is about the finding: all of them must be settled and
/// one verified, by every value that stands, so that a rejection written apart from a verification
/// counts; what a re-check found is among these values. A register `fixed` that says no counts too.
/// Without an action the last re-check decides, and without one the register. What was found to be
/// beyond correcting in the required time is not corrected, whatever was done about it.
#[must_use]
pub fn is_corrected(finding: &FindingView, id: &str, followup: Option<&FollowupView>) -> bool {
    if finding.is_unfixable() {
        return false;
    }
    let about = followup.map(|followup| followup.about(id)).unwrap_or_default();
    let Some(followup) = followup else { return finding.is_fixed() };
    if about.is_empty() {
        let looked = followup.rechecked(id).map(|(_, result)| result == RecheckResult::Corrected);
        return looked.unwrap_or_else(|| finding.is_fixed());
    }
    let denied = finding.fixed.all().iter().any(|said| said.value != Told::Valid(true));
    let verified = crate::model::ActionState::Verified;
    !denied
        && about.iter().all(|action| followup.is_settled(action))
        && about.iter().any(|action| followup.state(action) == verified)
}

/// Makes a reading say of each finding whether it is corrected, as [`is_corrected`] decides, so that
/// whoever reads it (grades, pages) sees the same.
pub fn apply_corrections(inspection: &mut InspectionView, followup: &FollowupView) {
    let corrected: BTreeMap<String, bool> = inspection
        .findings
        .iter()
        .map(|(id, row)| (id.clone(), is_corrected(row, id, Some(followup))))
        .collect();
    for (id, finding) in &mut inspection.findings {
        let about = followup.about(id);
        let last = about.iter().filter_map(|action| followup.progress.get(*action)?.all().last());
        let verified = last.map(|said| (said.at, said.change, said.actor.clone()));
        let looked = followup.rechecks.values().flat_map(Register::all).filter(|said| {
            let recheck = said.value.valid();
            recheck.is_some_and(|recheck| {
                !recheck.removed && recheck.rows.iter().any(|row| row.finding == *id)
            })
        });
        let looked = looked.map(|said| (said.at, said.change, said.actor.clone()));
        // Who verified or looked last stands behind it; nobody has where neither was written.
        let Some((at, change, actor)) = verified.chain(looked).max() else { continue };
        let value = Told::Valid(corrected.get(id).copied().unwrap_or_default());
        finding.fixed = Register::One(Said { value, actor, change, at });
    }
}
