//! *Các thời hạn đang chạy*: which clocks run for one inspection, and until when.

use serde::Serialize;

use super::{Case, Law};
use crate::checklist::clocks::{ClocksError, due_suspended};
use crate::checklist::day::Day;
use crate::checklist::template::Words;
use crate::model::{AgencyLevel, FollowupView, LifeCycle, Register, Sample, SampleStep};

/// A clock that runs, or has run, for an inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Running {
    /// The clock's key, for instance `inspection.commune`.
    pub key: String,
    /// What it limits.
    pub title: Words,
    /// The sample or corrective action that it is about, by id.
    pub about: Option<String>,
    /// The day that it started from.
    pub from: Day,
    /// The last day.
    pub due: Day,
    /// How often it was extended.
    pub extended: u32,
    /// The day on which what it limits was done.
    pub done: Option<Day>,
    /// It has run out and nothing was done, or it was done too late.
    pub overdue: bool,
    /// Years whose days off are not announced: the day may move.
    pub provisional: Vec<i32>,
    /// How it was counted.
    pub explanation: Words,
    /// The clause that sets it.
    pub clause: String,
}

/// Returns the clocks that run for an inspection, in the order of the procedure.
///
/// # Errors
///
/// Returns [`ClocksError`] when the data lack a clock, or a day lies outside of the calendar.
pub fn running(case: &Case<'_>, law: Law<'_>) -> Result<Vec<Running>, ClocksError> {
    let mut found = Vec::new();
    if let Some((level, from)) = case.level().zip(case.started()) {
        let key = match level {
            AgencyLevel::Commune => "inspection.commune",
            AgencyLevel::Province => "inspection.province",
            AgencyLevel::Ministry => "inspection.ministry",
        };
        let extended = u32::from(case.inspection.extended != Register::Empty);
        let start = Start { key, from, extended, about: None };
        found.push(one(case, law, start, case.ended_by())?);
    }
    for (id, sample) in samples(case) {
        let Ok(from) = sample.taken_on.parse() else { continue };
        let start = Start { key: "sample.laboratory", from, extended: 0, about: Some(id) };
        found.push(one(case, law, start, delivered(case, id))?);
    }
    let reports = law.clocks.clock("report.leader")?.runs_for(case.managed_by);
    if let Some(from) = case.ended().filter(|_| reports) {
        let start = Start { key: "report.leader", from, extended: 0, about: None };
        found.push(one(case, law, start, case.last_day_of(LifeCycle::Reported))?);
    }
    if let Some(demanded) = case.day_of(LifeCycle::CorrectiveIssued) {
        // A facility corrects in time when it reports in time, however late that is looked at.
        let verified = case.last_day_of(LifeCycle::FixVerified);
        let reported = case.last_day_of(LifeCycle::FixSubmitted);
        let done = verified.map(|verified| reported.map_or(verified, |day| day.min(verified)));
        // Closed after a re-check it was never verified as a whole.
        let done = done.or_else(|| all_settled(case));
        // The law counts from the findings; a demand about none of them counts from itself.
        let issued = case.live().filter_map(|(id, _)| case.issued(id)).min();
        let from = issued.unwrap_or(demanded);
        let start = Start { key: "correction", from, extended: 0, about: None };
        found.push(one(case, law, start, done)?);
        found.extend(actions(case, law, demanded)?);
    }
    Ok(found)
}

#[derive(Clone, Copy)]
struct Start<'a> {
    key: &'a str,
    from: Day,
    extended: u32,
    about: Option<&'a str>,
}

fn one(
    case: &Case<'_>,
    law: Law<'_>,
    start: Start<'_>,
    done: Option<Day>,
) -> Result<Running, ClocksError> {
    let clock = law.clocks.clock(start.key)?;
    let suspended = case.suspended();
    let counted = due_suspended(clock, start.from, start.extended, &suspended, law.holidays)?;
    Ok(Running {
        key: clock.key.clone(),
        title: clock.title.clone(),
        about: start.about.map(str::to_owned),
        from: start.from,
        due: counted.day,
        extended: start.extended,
        done,
        overdue: done.unwrap_or(case.as_of) > counted.day,
        provisional: counted.provisional,
        explanation: counted.explanation,
        clause: clock.clause.clone(),
    })
}

/// Returns the deadline of each corrective action, as it was set.
fn actions(case: &Case<'_>, law: Law<'_>, demanded: Day) -> Result<Vec<Running>, ClocksError> {
    let Some(followup) = case.followup else { return Ok(Vec::new()) };
    let clock = law.clocks.clock("correction")?;
    let mut found = Vec::new();
    for id in case.demanded() {
        let Some(last) = followup.deadline(id).and_then(Day::of) else { continue };
        let done = settled_on(followup, id);
        found.push(Running {
            key: "action".to_owned(),
            title: clock.title.clone(),
            about: Some(id.to_owned()),
            from: case.corrects_from(id).unwrap_or(demanded),
            due: last,
            extended: 0,
            done,
            overdue: done.unwrap_or(case.as_of) > last,
            provisional: Vec::new(),
            explanation: Words {
                vi: format!("Hạn khắc phục ghi trong yêu cầu: hết ngày {last}"),
                en: Some(format!("Deadline set in the demand: until the end of {last}")),
            },
            clause: clock.clause.clone(),
        });
    }
    Ok(found)
}

/// Returns the day on which a corrective action was settled: the day of its proof, because what was
/// proved in time is not late when it is looked at later; without one the day on which somebody found
/// it to be corrected. None while it is not settled.
#[must_use]
pub fn settled_on(followup: &FollowupView, action: &str) -> Option<Day> {
    let days = followup.progress.get(action).map(Register::all).unwrap_or_default();
    let days = days.iter().filter_map(|said| {
        let written = said.value.valid().and_then(|progress| progress.day.parse().ok());
        written.or_else(|| Day::of(said.at))
    });
    let proved = followup.proved_on(action).and_then(|day| day.parse::<Day>().ok());
    proved.or_else(|| days.max()).filter(|_| followup.is_settled(action))
}

/// Returns the last day on which an action was settled, once the inspection is closed and nothing that
/// was demanded is open.
fn all_settled(case: &Case<'_>) -> Option<Day> {
    let closed = case.last_day_of(LifeCycle::Closed)?;
    let followup = case.followup.filter(|_| case.open_actions().is_empty())?;
    let days = case.demanded().into_iter().filter_map(|id| settled_on(followup, id));
    Some(days.max().map_or(closed, |day| day.min(closed)))
}

/// Returns the samples that count, by id; of several values the one to show.
fn samples<'c>(case: &'c Case<'_>) -> Vec<(&'c str, &'c Sample)> {
    let shown = case.inspection.samples.iter().filter_map(|(id, register)| {
        Some((id.as_str(), register.shown()?.valid()?)).filter(|(_, sample)| !sample.removed)
    });
    shown.collect()
}

/// Returns the day on which a sample reached the laboratory: by the first handover, and while people
/// say several days of one, by the latest.
fn delivered(case: &Case<'_>, sample: &str) -> Option<Day> {
    let day = |step: &SampleStep| match step {
        SampleStep::Handover(handover) if handover.to_laboratory && !handover.removed => {
            let ours = handover.rows.iter().any(|row| row.sample == sample);
            handover.day.parse::<Day>().ok().filter(|_| ours)
        }
        _ => None,
    };
    let steps = case.inspection.sample_steps.values();
    let days = steps
        .filter_map(|step| step.all().iter().filter_map(|said| day(said.value.valid()?)).max());
    days.min()
}
