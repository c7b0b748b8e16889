//! *Các bước của cuộc kiểm tra*: when and why an inspection came to each state, its one extension,
//! and the difficulties that were raised.
//!
//! Which step may be taken when is the table's ([`crate::model::LifeCycle`]) and, with the law's
//! clocks and what else is recorded, `checklist::lifecycle`'s to say.

use std::collections::BTreeMap;

use automerge::transaction::Transactable;
use serde::{Deserialize, Serialize};

use super::facility::day;
use super::inspection::InspectionView;
use crate::model::edit::{EditError, Editor, field, needed};
use crate::model::edition::TEMPLATE;
use crate::model::history;
use crate::model::ids::{ChangeHash, Kind, Timestamp};
use crate::model::lifecycle::LifeCycle;
use crate::model::register::{Register, Said, Told};
use crate::model::view::View;

/// The registers of the life cycle that are no steps.
const NO_STEPS: [&str; 4] = ["state", EXTENDED, EXTENDED_ON, TEMPLATE];
/// The register with the reason of the extension.
pub(super) const EXTENDED: &str = "extended";
/// The register with the day of the extension; programs that know none leave it as it is.
pub(super) const EXTENDED_ON: &str = "extended_on";

/// What the register of a suspension that is over begins with; its two days follow.
pub(super) const PAUSE: &str = "pause:";

/// When and why an inspection came to a state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// The day on which it happened, as YYYY-MM-DD.
    pub day: String,
    /// *Lý do*; empty where none is asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The change by which the step was taken, in hexadecimal, where its day was set right since; empty
    /// where it was not.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub taken_by: String,
    /// People moved the inspection apart, and another state was chosen: the step is shown and counts no
    /// more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub set_aside: bool,
    /// When it was taken, as the change that took it claims; none before it is read.
    #[serde(skip)]
    pub taken_at: Option<Timestamp>,
}

/// A time during which an inspection was suspended (*thời gian tạm dừng*), from its end on.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Pause {
    /// The day on which it was suspended, as YYYY-MM-DD.
    pub from: String,
    /// The day on which it was taken up again, as YYYY-MM-DD.
    pub until: String,
    /// *Lý do*: why it was taken up again; empty where nobody said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The change by which it was taken up again, where its day was set right since; else empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub taken_by: String,
    /// The change that wrote it; none before it is read.
    #[serde(skip)]
    pub written: Option<ChangeHash>,
}

impl Pause {
    /// Returns whether it ended by a change.
    #[must_use]
    pub fn ended_by(&self, change: ChangeHash) -> bool {
        match self.taken_by.as_str() {
            "" => self.written == Some(change),
            first => first == change.to_string(),
        }
    }

    fn key(&self) -> String {
        format!("{PAUSE}{}:{}", self.from, self.until)
    }
}

impl InspectionView {
    /// Returns the suspension that ended when the inspection came to the state that it stands at.
    #[must_use]
    pub fn resumed_from(&self) -> Option<&Pause> {
        let Register::One(said) = &self.state else { return None };
        self.pauses.iter().find(|pause| pause.ended_by(said.change))
    }
}

/// Who raised a difficulty (*bên nêu khó khăn, vướng mắc*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RaisedBy {
    /// *Cơ sở*.
    Facility,
    /// *UBND xã*.
    Commune,
}

impl RaisedBy {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Facility, Self::Commune];

    /// Returns the name used in records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Facility => "facility",
            Self::Commune => "commune",
        }
    }
}

/// A difficulty that a facility or commune raised (*khó khăn, vướng mắc, kiến nghị*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difficulty {
    /// Who raised it.
    pub by: RaisedBy,
    /// *Chủ đề*, for lists.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub topic: String,
    /// What it is.
    pub text: String,
    /// Taken back; kept and shown as such.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// *Lý do rút*: why it was taken back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub removed_reason: String,
}

/// Reads the times of suspension that are over, in their order. Each has a register of its own by its
/// days, so that people who write apart add to them; of several ends of one the reader chooses.
pub(super) fn pauses(view: &View<'_>, state: &Register<LifeCycle>) -> Vec<Pause> {
    let mut told: BTreeMap<String, Register<Told<Pause>>> = view.told("lifecycle");
    told.retain(|name, _| name.starts_with(PAUSE));
    let said = told.values().flat_map(Register::all);
    let read = |said: &Said<Told<Pause>>| {
        let pause = said.value.valid()?.clone();
        Some(Pause { written: Some(said.change), ..pause })
    };
    let mut pauses: Vec<_> = said.filter_map(read).collect();
    for pause in &mut pauses {
        renew(view, state, pause);
    }
    pauses.sort();
    pauses
}

/// Names the resumption anew of a pause whose end was set right, where it names a change that is not
/// here: the line of whoever wrote both was made anew, and what a change holds is not written again. It
/// is the one that led to the state that stands, if that was seen.
fn renew(view: &View<'_>, state: &Register<LifeCycle>, pause: &mut Pause) {
    let (Register::One(said), Some(written)) = (state, pause.written) else { return };
    let known = pause.taken_by.parse().is_ok_and(|first| view.document().has(&first));
    if pause.taken_by.is_empty() || known {
        return;
    }
    if view.document().seen_by(&[written]).contains(&said.change) {
        pause.taken_by = said.change.to_string();
    }
}

/// Reads the steps of an inspection by the name of the state that each led to.
pub(super) fn read(view: &View<'_>) -> BTreeMap<String, Register<Told<Step>>> {
    let mut steps: BTreeMap<String, Register<Told<Step>>> = view.told("lifecycle");
    for (name, register) in &mut steps {
        *register = match std::mem::take(register) {
            Register::Empty => Register::Empty,
            Register::One(said) => Register::One(believed(view, name, said)),
            Register::Conflict(all) => {
                Register::Conflict(all.into_iter().map(|it| believed(view, name, it)).collect())
            }
        };
    }
    steps.retain(|name, _| !NO_STEPS.contains(&name.as_str()) && !name.starts_with(PAUSE));
    steps
}

/// Looks for the change by which a step was first taken where the one that is named is not here, or is
/// none that the step was written on: anybody may write anything, and what follows a signature must not
/// be hidden by it; and a line that was made anew names what it was before.
fn believed(view: &View<'_>, name: &str, mut said: Said<Told<Step>>) -> Said<Told<Step>> {
    let Told::Valid(step) = &mut said.value else { return said };
    step.taken_at = Some(said.at);
    if step.taken_by.is_empty() {
        return said;
    }
    let document = view.document();
    let past = document.seen_by(&[said.change]);
    let named = step.taken_by.parse::<ChangeHash>().ok().filter(|first| past.contains(first));
    let first = named.or_else(|| {
        let map = document.layout.registers.get("lifecycle")?;
        let puts = history::puts(document, map, &[name]).into_iter().map(|put| put.change);
        puts.into_iter().find(|put| past.contains(put))
    });
    step.taken_by = first.map(|first| first.to_string()).unwrap_or_default();
    if let Some(known) = first.and_then(|first| document.known.get(&first)) {
        step.taken_at = Some(known.at);
    }
    said
}

impl InspectionView {
    /// Returns the change by which the minutes were signed, or the refusal to sign them recorded;
    /// where people did so apart, the one whose clock claims the earlier time.
    #[must_use]
    pub fn signing(&self) -> Option<ChangeHash> {
        let ends = [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused];
        let registers = ends.into_iter().filter_map(|state| self.steps.get(state.name()));
        let said = registers.flat_map(Register::all);
        // A day that was set right later changes nothing in when they were signed.
        let taken = |said: &Said<Told<Step>>| {
            let step = said.value.valid();
            let at = step.and_then(|step| step.taken_at);
            (at.unwrap_or(said.at), first_of(said))
        };
        let counts = |said: &&Said<Told<Step>>| said.value.valid().is_none_or(|it| !it.set_aside);
        said.filter(counts).map(taken).min().map(|(_, change)| change)
    }

    /// Returns the step that led to a state, those that were set aside too.
    #[must_use]
    pub fn every_step(&self, state: LifeCycle) -> Vec<&Step> {
        let register = self.steps.get(state.name());
        let said = register.map(Register::all).unwrap_or_default();
        said.iter().filter_map(|said| said.value.valid()).collect()
    }

    /// Returns the step that led to a state; where people wrote apart, several stand.
    #[must_use]
    pub fn step(&self, state: LifeCycle) -> Vec<&Step> {
        let mut steps = self.every_step(state);
        steps.retain(|step| !step.set_aside);
        steps
    }
}

/// Returns the change by which a step was taken, however often its day was set right since.
fn first_of(said: &Said<Told<Step>>) -> ChangeHash {
    let first = said.value.valid().and_then(|step| step.taken_by.parse().ok());
    first.unwrap_or(said.change)
}

impl Editor<'_> {
    /// Moves the inspection along its life, and records when and why. Of several states that people
    /// moved it to apart, one may be chosen again: that settles it. What was suspended and is taken up
    /// again keeps the day on which it first came to that state.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Transition`] when no standing state leads there, or what is wrong with
    /// the day or reason. What else a step needs is `checklist::lifecycle`'s to say.
    pub fn move_to(&mut self, to: LifeCycle, step: &Step) -> Result<(), EditError> {
        self.require(Kind::Inspection, "life cycle")?;
        let read = InspectionView::of(&self.document.view());
        let states = read.states();
        let contested = read.state.is_conflict()
            || read.steps.get(to.name()).is_some_and(Register::is_conflict);
        let settles = contested && states.contains(&to);
        if !settles && !states.iter().any(|from| from.next().contains(&to)) {
            let from = states.last().map_or("draft", |state| state.name());
            return Err(EditError::Transition { from, to: to.name() });
        }
        let mut step = Step {
            day: day("day of the step", &step.day)?,
            reason: field("reason", &step.reason)?,
            ..Step::default()
        };
        // What was chosen without another reason stands for the one for which it was done: an inspection
        // that nobody announced keeps saying why.
        if settles && step.reason.is_empty() {
            let mut reasons = read.every_step(to).into_iter().map(|taken| &taken.reason);
            step.reason = reasons.find(|reason| !reason.is_empty()).cloned().unwrap_or_default();
        }
        let map = self.map("lifecycle")?;
        if settles {
            self.set_rivals_aside(to)?;
        }
        let suspended = read.step(LifeCycle::Suspended);
        // Of several days the latest: the shorter a suspension, the sooner the clock runs out.
        let since = suspended.iter().map(|step| step.day.as_str()).max();
        // Where another state is chosen over the suspension, there was none that ended.
        let since =
            since.filter(|_| !settles && states.contains(&LifeCycle::Suspended) && to.is_resumed());
        if let Some(from) = since {
            let (from, until) = (from.to_owned(), step.day.clone());
            let pause = Pause { from, until, reason: step.reason.clone(), ..Pause::default() };
            self.put(&map, &pause.key(), &pause)?;
        }
        if since.is_none() || read.step(to).is_empty() {
            self.put(&map, to.name(), &step)?;
        }
        self.put(&map, "state", &to)
    }

    /// Sets aside the steps that led elsewhere while people moved the inspection apart, where one of the
    /// states that stand is chosen: those that whoever took the chosen step had not seen. They are kept
    /// and shown, and no day of them counts.
    pub(crate) fn set_rivals_aside(&mut self, to: LifeCycle) -> Result<(), EditError> {
        let read = InspectionView::of(&self.document.view());
        let chosen = read.steps.get(to.name()).map(Register::all).unwrap_or_default();
        if read.states().len() < 2 || chosen.is_empty() {
            return Ok(());
        }
        let firsts: Vec<ChangeHash> = chosen.iter().map(first_of).collect();
        let past = self.document.ancestors(&firsts);
        let map = self.map("lifecycle")?;
        for (name, register) in &read.steps {
            let (all, is_chosen) = (register.all(), name == to.name());
            let led_there = all.iter().any(|said| past.contains(&first_of(said)));
            let shown =
                register.shown().and_then(|told| Some((register.all().last()?, told.valid()?)));
            let Some((said, step)) = shown else { continue };
            if (is_chosen && step.set_aside) || (!is_chosen && !led_there && !step.set_aside) {
                let taken_by = first_of(said).to_string();
                self.put(&map, name, &Step { set_aside: !is_chosen, taken_by, ..step.clone() })?;
            }
        }
        Ok(())
    }

    /// Sets the day of a step right that the inspection stands at; the earlier one stays in the history.
    /// Where a suspension ended by it, that is what ends on another day: the step keeps its first one.
    /// Who may is the caller's to say.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`] when it does not stand at that step alone, or what is wrong with
    /// the day or reason.
    pub fn correct_step(&mut self, state: LifeCycle, step: &Step) -> Result<(), EditError> {
        self.require(Kind::Inspection, "life cycle")?;
        let unknown = || EditError::UnknownRow { what: "step", id: state.name().to_owned() };
        let mut read = InspectionView::of(&self.document.view());
        let register = read.steps.remove(state.name()).unwrap_or_default();
        let (true, [said]) = (read.states() == [state], register.all()) else {
            return Err(unknown());
        };
        let before = said.value.valid().ok_or_else(unknown)?;
        let taken_by = match before.taken_by.as_str() {
            "" => said.change.to_string(),
            first => first.to_owned(),
        };
        let step = Step {
            day: needed("day of the step", &day("day of the step", &step.day)?)?,
            reason: field("reason", &step.reason)?,
            taken_by,
            ..Step::default()
        };
        let map = self.map("lifecycle")?;
        if let (Some(pause), Register::One(now)) = (read.resumed_from(), &read.state) {
            let (until, taken_by) = (step.day.clone(), now.change.to_string());
            let after = Pause { until, taken_by, reason: step.reason.clone(), ..pause.clone() };
            if after.key() != pause.key() {
                self.tx.delete(&map, pause.key())?;
            }
            self.put(&map, &after.key(), &after)?;
            if said.change != now.change && before.taken_by != now.change.to_string() {
                return Ok(());
            }
        }
        self.put(&map, state.name(), &step)
    }

    /// Extends the legal clock (*gia hạn thời hạn kiểm tra*), once, on a day as YYYY-MM-DD.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::ExtendedBefore`], or [`EditError::Invalid`] without a reason or a day.
    pub fn extend(&mut self, reason: &str, on: &str) -> Result<(), EditError> {
        self.require(Kind::Inspection, "life cycle")?;
        let map = self.map("lifecycle")?;
        if self.exists(&map, EXTENDED)? {
            return Err(EditError::ExtendedBefore);
        }
        let reason = needed("reason of the extension", reason)?;
        let on = needed("day of the extension", &day("day of the extension", on)?)?;
        self.put(&map, EXTENDED_ON, &on)?;
        self.put(&map, EXTENDED, &reason)
    }

    /// Records a difficulty that a facility or commune raises.
    ///
    /// # Errors
    ///
    /// Returns which field is missing or too long.
    pub fn difficulty_put(&mut self, id: [u8; 16], row: &Difficulty) -> Result<(), EditError> {
        self.require(Kind::Inspection, "difficulties")?;
        let row = Difficulty {
            by: row.by,
            topic: field("topic", &row.topic)?,
            text: needed("difficulty", &row.text)?,
            removed: row.removed,
            removed_reason: field("reason", &row.removed_reason)?,
        };
        self.put_row("difficulties", &hex::encode(id), &row)
    }
}
