//! What a person should look at although it was recorded: writing into what is signed or closed, and
//! days that cannot be right. Nothing is refused by it: clocks are wrong, and facts come late.

use super::planning::law;
use super::{Client, ClientError};
use crate::checklist::Day;
use crate::checklist::lifecycle::latest_correction;
use crate::model::{Genesis, InspectionView, Kind, LifeCycle, SampleStep};

/// What an edit was written into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenInto {
    /// An inspection that goes on.
    Open,
    /// An inspection whose minutes are signed, or the refusal to sign them recorded: it counts as
    /// written since.
    Signed {
        /// The day of the minutes.
        day: Option<Day>,
    },
    /// An inspection that is over.
    Over {
        /// Closed or stopped.
        state: LifeCycle,
        /// The day on which it was.
        day: Option<Day>,
    },
}

/// What the day of an edit lies before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The decision about the inspection.
    Decision,
    /// The first day in the field.
    Field,
    /// The day of the minutes.
    Minutes,
    /// The day on which the sample was taken.
    Sample,
    /// The handover of the sample to a laboratory.
    Handover,
    /// The day on which corrections were demanded.
    Demand,
    /// The last step of the correction: its proof, or an earlier verdict.
    Proof,
}

impl Client {
    /// Returns what the last edit of this device was written into: of the inspection itself, or of
    /// its corrective actions. Steps of the life cycle count as nothing written.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection is not here.
    pub fn written_into(
        &self,
        inspection: &Genesis,
        kind: Kind,
    ) -> Result<WrittenInto, ClientError> {
        let summary = self.phone().replica().summary(inspection.document())?;
        let states = summary.map(|summary| summary.state).unwrap_or_default();
        let before_minutes = |name: &str| {
            let mut all = LifeCycle::ALL.into_iter();
            all.any(|state| state.name() == name && state.is_before_minutes())
        };
        if states.split('|').all(before_minutes) {
            return Ok(WrittenInto::Open);
        }
        let document = self.open_inspection(inspection)?;
        let Some(read) = document.view().inspection() else { return Ok(WrittenInto::Open) };
        if kind == Kind::Inspection {
            let touched = document.touched_last();
            let over = read.states().iter().any(|state| is_over(*state));
            if !touched.iter().any(|touched| over || !touched.is_after_minutes()) {
                return Ok(WrittenInto::Open);
            }
        }
        if let Some(state) = read.states().into_iter().find(|state| is_over(*state)) {
            return Ok(WrittenInto::Over { state, day: first(&read, &[state]) });
        }
        // Corrections begin when minutes are signed; the inspection itself was signed with them.
        if kind == Kind::Inspection && read.signing().is_some() {
            return Ok(WrittenInto::Signed { day: first(&read, &MINUTES) });
        }
        Ok(WrittenInto::Open)
    }

    /// Returns the latest day that an edit's own day cannot lie before: for a finding's issue the first
    /// day in the field, for a re-check or a proof the minutes, for a step of samples the day on which
    /// they were taken; before any of these the decision.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection is not here.
    pub fn earliest_day(
        &self,
        inspection: &Genesis,
        of: DayOf<'_>,
    ) -> Result<Option<(Bound, Day)>, ClientError> {
        let Some(read) = self.open_inspection(inspection)?.view().inspection() else {
            return Ok(None);
        };
        let decided = read.header.get("decision_date").map(|said| said.all());
        let decided = decided.unwrap_or_default().iter().filter_map(|said| said.value.parse().ok());
        let mut found = vec![(Bound::Decision, decided.min())];
        found.push((Bound::Field, first(&read, &[LifeCycle::InField])));
        match of {
            DayOf::Issue | DayOf::Sample => {}
            DayOf::Recheck => found.push((Bound::Minutes, first(&read, &MINUTES))),
            DayOf::Correction(before) => {
                found.push((Bound::Minutes, first(&read, &MINUTES)));
                found.push((Bound::Demand, first(&read, &[LifeCycle::CorrectiveIssued])));
                found.push((Bound::Proof, before));
            }
            DayOf::Step(step) => {
                let taken = step.samples().into_iter().filter_map(|id| {
                    let said = read.samples.get(id)?.all().iter();
                    said.filter_map(|said| said.value.valid()?.taken_on.parse().ok()).min()
                });
                found.push((Bound::Sample, taken.max()));
                if let SampleStep::Result(result) = step {
                    found.push((Bound::Handover, handed_over(&read, &result.sample)));
                }
            }
        }
        let known = found.into_iter().filter_map(|(bound, day)| Some((bound, day?)));
        Ok(known.max_by_key(|(_, day)| *day))
    }

    /// Returns the last day that the law allows for the correction of a finding that is being written:
    /// counted from the day on which it was put in the minutes, or from that of the minutes where nobody
    /// says. None before there are any: the day that it is counted from has yet to come.
    pub(super) fn latest_of_new(
        &self,
        inspection: &Genesis,
        said: Option<Day>,
    ) -> Result<Option<Day>, ClientError> {
        let from = match said {
            Some(day) => Some(day),
            None => {
                let read = self.open_inspection(inspection)?.view().inspection();
                read.as_ref().and_then(|read| first(read, &MINUTES))
            }
        };
        Ok(from.and_then(|day| latest_correction(day, law())))
    }

    /// Returns the last day that the law would allow for the correction of a finding if it were put in
    /// the minutes today; none where the day that it is counted from is known, because a later deadline
    /// is refused then.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection is not here, and [`ClientError::Clocks`]
    /// where the clock of this device tells no day.
    pub fn latest_by_today(&self, inspection: &Genesis) -> Result<Option<Day>, ClientError> {
        if self.latest_of_new(inspection, None)?.is_some() {
            return Ok(None);
        }
        Ok(latest_correction(Self::today()?, law()))
    }
}

/// What a day is that somebody writes.
#[derive(Debug, Clone, Copy)]
pub enum DayOf<'a> {
    /// A finding was put in the minutes.
    Issue,
    /// A sample was taken.
    Sample,
    /// Something became of samples.
    Step(&'a SampleStep),
    /// Corrections were looked at again.
    Recheck,
    /// The proof of a corrective action, or a verdict on it; with the day of what stood before, if
    /// there was anything.
    Correction(Option<Day>),
}

const MINUTES: [LifeCycle; 2] = [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused];

/// Returns the first day on which a sample was handed to a laboratory.
fn handed_over(read: &InspectionView, sample: &str) -> Option<Day> {
    let steps = read.sample_steps.values().flat_map(crate::model::Register::all);
    let days = steps.filter_map(|said| match said.value.valid()? {
        SampleStep::Handover(handover) if handover.to_laboratory && !handover.removed => {
            let has = handover.rows.iter().any(|row| row.sample == sample);
            handover.day.parse().ok().filter(|_| has)
        }
        _ => None,
    });
    days.min()
}

fn is_over(state: LifeCycle) -> bool {
    matches!(state, LifeCycle::Closed | LifeCycle::Stopped)
}

/// Returns the first day of any of these states.
fn first(read: &InspectionView, states: &[LifeCycle]) -> Option<Day> {
    let steps = states.iter().flat_map(|state| read.step(*state));
    steps.filter_map(|step| step.day.parse().ok()).min()
}
