//! An inspection's steps: what the next ones lack, taking one, and the clocks that run.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::corrections::followup_of;
use super::planning::{law, owner_in};
use super::read::wrong_kind;
use super::{Client, ClientError};
use crate::checklist::grading::{Answers, At, Grader, Settings};
use crate::checklist::lifecycle::{
    Attempt, Case, Missing, Need, OtherVisit, Running, missing, running,
};
use crate::checklist::{Day, Template};
use crate::model::{
    Document, DocumentId, EditError, Editor, FacilityView, FollowupView, Genesis, InspectionView,
    Kind, LifeCycle, Member, Origin, OwnerKind, Pause, PlanView, Register, Step, View,
};
use crate::replica::{EditOutcome, ReplicaError};

/// A step to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepToTake {
    /// The state to move to.
    pub to: LifeCycle,
    /// The day on which it happened; today if nobody says.
    pub on: Option<Day>,
    /// *Lý do*; empty where none is asked for.
    pub reason: String,
}

/// A step that the life cycle has, and what it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// The state.
    pub to: LifeCycle,
    /// Everything that is missing; nothing when it may be taken now.
    pub missing: Vec<Missing>,
}

/// Where an inspection stands in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// The day that counts as today.
    pub as_of: Day,
    /// The states that stand; several when people moved it apart.
    pub states: Vec<LifeCycle>,
    /// Their names, as [`InspectionView::state_names`].
    pub names: Vec<&'static str>,
    /// When and why it came to each state that it has been in, in the order of
    /// their days.
    pub steps: Vec<(LifeCycle, Vec<Step>)>,
    /// The times during which it was suspended and that are over.
    pub pauses: Vec<Pause>,
    /// Why the legal clock was extended, if it was.
    pub extended: Vec<String>,
    /// The days of the decisions to extend it, as YYYY-MM-DD; none where earlier programs wrote them.
    pub extended_on: Vec<String>,
    /// The steps that may follow; none where a supplementary record has no course of its own.
    pub next: Vec<NextStep>,
    /// What a standing state needs and no longer has, for instance after others' edits arrived.
    pub no_longer: Vec<NextStep>,
    /// The clocks that run.
    pub clocks: Vec<Running>,
    /// The team of the plan.
    pub team: Vec<Member>,
}

/// What a decision about an inspection rests on, beside the inspection itself.
pub(super) struct Around {
    pub(super) plan: Option<PlanView>,
    pub(super) facility: Option<String>,
    pub(super) facility_read: Option<FacilityView>,
    pub(super) unit: String,
    owner: Option<OwnerKind>,
    followup: Option<FollowupView>,
    others: Vec<OtherVisit>,
}

/// An inspection's answers beside its checklist.
struct Checked<'a> {
    template: &'a Template,
    /// Deviations among the answers that no finding is about.
    deviations: Vec<At>,
}

impl<'a> Checked<'a> {
    fn of(template: &'a Arc<Template>, read: &InspectionView, as_of: Day) -> Self {
        let mut grader =
            Grader::new(Arc::clone(template), Answers::of_inspection(read), Settings::new(as_of));
        Self { template, deviations: grader.deviations_without_finding().at }
    }
}

impl Around {
    fn case<'a>(
        &'a self,
        read: &'a InspectionView,
        checked: &'a Checked<'a>,
        view: &View<'_>,
        as_of: Day,
    ) -> Case<'a> {
        let open = view.conflicts().into_iter();
        Case {
            inspection: read,
            // Of the life cycle only the edition: what is signed is read by one checklist.
            conflicts: open
                .filter(|open| open.place.container != "lifecycle" || open.place.key == "template")
                .count(),
            plan: self.plan.as_ref(),
            facility: self.facility.as_deref(),
            facility_read: self.facility_read.as_ref(),
            unit: Some(&self.unit),
            owner: self.owner,
            followup: self.followup.as_ref(),
            managed_by: checked.template.managed_by(),
            deviations: &checked.deviations,
            others: &self.others,
            as_of,
        }
    }
}

impl Client {
    /// Returns where an inspection stands: its steps, what the next ones lack, the clocks that run.
    /// Today counts as the day where none is told.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when it is not here, and [`ClientError::Clocks`] when a day
    /// lies outside of the calendar.
    pub fn life(&self, inspection: &Genesis, as_of: Option<Day>) -> Result<Life, ClientError> {
        let as_of = as_of.map_or_else(Self::today, Ok)?;
        let document = self.open_inspection(inspection)?;
        let view = document.view();
        let read = reading(&document, inspection)?;
        let around = self.around(inspection)?;
        let template = Arc::new(self.reading(&document, None)?.template);
        let checked = Checked::of(&template, &read, as_of);
        let case = around.case(&read, &checked, &view, as_of);
        let states = read.states();
        let names = read.state_names(self.phone().replica().is_sealed(document.id())?);
        // What supplements minutes goes no way of its own until somebody takes a step: it lacks nothing for one.
        let course = !read.seals_without_step() || states != [read.initial];
        let lacks = |to: LifeCycle, on: Day, reason: &str| NextStep {
            to,
            missing: missing(&case, Attempt { to, on, reason }, law()),
        };
        let follows = |to: &LifeCycle| states.iter().any(|from| from.next().contains(to));
        let next = LifeCycle::ALL.into_iter().filter(|to| course && follows(to));
        let no_longer = states.iter().filter(|_| course).map(|state| {
            let steps = read.step(*state);
            let reason = steps.first().map(|step| step.reason.as_str()).unwrap_or_default();
            lacks(*state, case.day_of(*state).unwrap_or(as_of), reason)
        });
        let steps = LifeCycle::ALL
            .into_iter()
            .map(|state| (state, read.every_step(state).into_iter().cloned().collect::<Vec<_>>()));
        let mut steps: Vec<_> = steps.filter(|(_, steps)| !steps.is_empty()).collect();
        // Stable: of one day in the order of a life.
        steps.sort_by_key(|(_, steps)| steps.iter().map(|step| step.day.clone()).min());
        Ok(Life {
            as_of,
            next: next.map(|to| lacks(to, as_of, "")).collect(),
            no_longer: no_longer.filter(|step| !step.missing.is_empty()).collect(),
            steps,
            pauses: read.pauses.clone(),
            extended: read.extended.all().iter().map(|said| said.value.clone()).collect(),
            extended_on: read.extended_on.all().iter().map(|said| said.value.clone()).collect(),
            clocks: running(&case, law())?,
            team: around.team(),
            states,
            names,
        })
    }

    /// Moves an inspection on in its life cycle (*vòng đời cuộc kiểm tra*), one step.
    ///
    /// # Errors
    ///
    /// Returns the edit's error when no standing state leads there, and [`ClientError::NotReady`]
    /// with everything that the step lacks.
    pub fn move_on(
        &self,
        inspection: &Genesis,
        step: &StepToTake,
    ) -> Result<EditOutcome<()>, ClientError> {
        let as_of = Self::today()?;
        let on = step.on.unwrap_or(as_of);
        let around = self.around(inspection)?;
        let template = Arc::new(self.template_of(inspection)?.1);
        let mut lacks = Vec::new();
        let edit = |editor: &mut Editor<'_>| {
            let written =
                Step { day: on.to_string(), reason: step.reason.clone(), ..Step::default() };
            // The table first: what a step needs says nothing where there is no such step.
            editor.move_to(step.to, &written)?;
            let view = editor.before().view();
            let Some(read) = view.inspection() else { return Ok(()) };
            let checked = Checked::of(&template, &read, as_of);
            let case = around.case(&read, &checked, &view, as_of);
            lacks = missing(&case, Attempt { to: step.to, on, reason: &step.reason }, law());
            // An error leaves the document as it was.
            if lacks.is_empty() { Ok(()) } else { Err(EditError::Internal) }
        };
        let outcome = self.edit_course(inspection, edit);
        if !lacks.is_empty() {
            return Err(ClientError::NotReady { to: step.to.name(), missing: lacks });
        }
        outcome
    }

    /// Returns what an inspection lacks for a step on each of two days.
    fn lacking(
        &self,
        inspection: &Genesis,
        attempts: [(LifeCycle, Day, &String); 2],
    ) -> Result<[Vec<Missing>; 2], ClientError> {
        let document = self.open_inspection(inspection)?;
        let view = document.view();
        let (read, around) = (reading(&document, inspection)?, self.around(inspection)?);
        let template = Arc::new(self.reading(&document, None)?.template);
        let as_of = Self::today()?;
        let checked = Checked::of(&template, &read, as_of);
        let case = around.case(&read, &checked, &view, as_of);
        Ok(attempts.map(|(to, on, reason)| missing(&case, Attempt { to, on, reason }, law())))
    }

    /// Sets the day right of the step that an inspection stands at, by the person who took it; the
    /// earlier day stays in the history. Returns that, or none where it is another step, or the same
    /// day.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::OthersStep`] where another took it, and [`ClientError::NotReady`] for a day
    /// after today, or before that of a step that led to it.
    pub fn correct_step(
        &self,
        inspection: &Genesis,
        step: &StepToTake,
    ) -> Result<Option<(String, EditOutcome<()>)>, ClientError> {
        let (Some(on), as_of) = (step.on, Self::today()?) else { return Ok(None) };
        let (read, authors) = self.read_authored(inspection)?;
        let register = read.steps.get(step.to.name()).map(Register::all).unwrap_or_default();
        let ([said], true) = (register, read.states() == [step.to]) else { return Ok(None) };
        let Some(before) = said.value.valid() else { return Ok(None) };
        let mut before = before.clone();
        let mut by = &said.actor;
        if let (Some(pause), Register::One(now)) = (read.resumed_from(), &read.state) {
            // The step keeps its first day; what is set right is when the suspension ended.
            before.day.clone_from(&pause.until);
            by = &now.actor;
        }
        if before.day == on.to_string() {
            return Ok(None);
        }
        let author = authors.of(by);
        if !author.here {
            return Err(ClientError::OthersStep { state: step.to.name(), author });
        }
        let others = led_to(step.to).into_iter().filter(|state| *state != step.to);
        let days = others.flat_map(|state| read.step(state)).map(|step| step.day.parse::<Day>());
        let latest = days.filter_map(Result::ok).max();
        let mut about = Vec::new();
        if on > as_of {
            about.push(format!("{on} > {as_of}"));
        }
        if let Some(latest) = latest.filter(|latest| on < *latest) {
            about.push(format!("{on} < {latest}"));
        }
        if let (false, Some(rule)) = (about.is_empty(), law().rules.requirement(Need::OrderOfDays))
        {
            let missing = vec![Missing {
                need: Need::OrderOfDays,
                about,
                title: rule.title.clone(),
                todo: rule.todo.clone(),
                clause: rule.clause.clone(),
                fields: Vec::new(),
            }];
            return Err(ClientError::NotReady { to: step.to.name(), missing });
        }
        let reason = if step.reason.is_empty() { &before.reason } else { &step.reason };
        if let Ok(was) = before.day.parse() {
            let [had, lacks] =
                self.lacking(inspection, [was, on].map(|on| (step.to, on, reason)))?;
            let lost = lacks.into_iter().filter(|one| had.iter().all(|had| had.need != one.need));
            let missing: Vec<Missing> = lost.collect();
            if !missing.is_empty() {
                return Err(ClientError::NotReady { to: step.to.name(), missing });
            }
        }
        let after = Step { day: on.to_string(), reason: reason.clone(), ..Step::default() };
        let outcome =
            self.edit_course(inspection, |editor| editor.correct_step(step.to, &after))?;
        Ok(Some((before.day, outcome)))
    }

    /// Extends the time for an inspection (*gia hạn thời hạn kiểm tra*), once; on the day of the decision
    /// to do so, today if nobody says.
    ///
    /// # Errors
    ///
    /// Returns the edit's error when it was extended before or no reason is given,
    /// [`ClientError::NoClock`] while no time runs, and [`ClientError::ClockOver`] when it was over on that
    /// day: what has expired cannot be made longer. A day ahead has not come: [`ClientError::DayAhead`].
    pub fn extend(
        &self,
        inspection: &Genesis,
        reason: &str,
        on: Option<Day>,
    ) -> Result<EditOutcome<()>, ClientError> {
        let today = Self::today()?;
        let on = on.unwrap_or(today);
        if on > today {
            return Err(ClientError::DayAhead { given: on.to_string(), today: today.to_string() });
        }
        let life = self.life(inspection, None)?;
        if life.extended.is_empty() {
            let mut clocks = life.clocks.iter();
            match clocks.find(|clock| clock.key.starts_with("inspection.")) {
                None => return Err(ClientError::NoClock),
                Some(clock) if on < clock.from => return Err(ClientError::NoClock),
                Some(clock) if on > clock.due || clock.done.is_some_and(|done| done < on) => {
                    return Err(ClientError::ClockOver { due: clock.due.to_string() });
                }
                Some(_) => {}
            }
        }
        let edit = |editor: &mut Editor<'_>| editor.extend(reason, &on.to_string());
        self.edit_course(inspection, edit)
    }

    pub(super) fn around(&self, inspection: &Genesis) -> Result<Around, ClientError> {
        let (plan, facility, facility_read) = match inspection.origin {
            Origin::Planned { plan, facility, .. } => {
                let read = match self.plan(plan) {
                    Err(ClientError::Replica(ReplicaError::UnknownDocument { .. })) => None,
                    other => Some(other?),
                };
                (read, Some(facility.to_string()), self.facility_if_here(facility)?)
            }
            _ => (None, None, None),
        };
        let followup = self.followup_document(inspection)?;
        let unit = crate::replica::units().unit(&inspection.scope);
        let unit = unit.map_or_else(|| inspection.scope.to_string(), |unit| unit.name);
        Ok(Around {
            plan,
            facility,
            owner: facility_read.as_ref().and_then(owner_in),
            facility_read,
            unit,
            followup: followup.and_then(|document| document.view().followup()),
            others: self.others(inspection)?,
        })
    }

    /// Returns a facility; none when it is not here.
    pub(super) fn facility_if_here(
        &self,
        facility: DocumentId,
    ) -> Result<Option<FacilityView>, ClientError> {
        match self.phone().replica().load(facility) {
            Err(ReplicaError::UnknownDocument { .. }) => Ok(None),
            other => Ok(other?.view().facility()),
        }
    }

    /// Returns the corrective actions of an inspection if there are any here.
    pub(super) fn followup_document(
        &self,
        inspection: &Genesis,
    ) -> Result<Option<Document>, ClientError> {
        match self.phone().replica().load(followup_of(inspection).document()) {
            Err(ReplicaError::UnknownDocument { .. }) => Ok(None),
            other => Ok(other.map(Some)?),
        }
    }
}

impl Around {
    fn team(&self) -> Vec<Member> {
        let members = self.plan.as_ref().map(|plan| plan.members()).unwrap_or_default();
        members.into_iter().map(|(_, member)| member.clone()).collect()
    }
}

/// Returns the states that an inspection may have been in before it came to one: what people moved to
/// apart, and was not chosen, does not bind its day.
fn led_to(to: LifeCycle) -> BTreeSet<LifeCycle> {
    let mut found = BTreeSet::from([to]);
    loop {
        let before = LifeCycle::ALL.into_iter().filter(|state| {
            !found.contains(state) && state.next().iter().any(|next| found.contains(next))
        });
        let before: Vec<LifeCycle> = before.collect();
        if before.is_empty() {
            return found;
        }
        found.extend(before);
    }
}

fn reading(document: &Document, inspection: &Genesis) -> Result<InspectionView, ClientError> {
    let read = document.view().inspection();
    read.ok_or_else(|| wrong_kind(inspection, Kind::Inspection))
}
