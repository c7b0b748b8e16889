//! The course of an inspection as data and text: steps and what they lack, clocks, corrective
//! actions, samples, difficulties. `show` has it as sections, and commands of their own print each.

mod actions;
mod forms;

use bienban_core::checklist::lifecycle::{Missing, Running};
use bienban_core::client::{Authors, Clash, Life, NextStep};
use bienban_core::model::{
    Difficulty, InspectionView, Member, Pause, Register, Role, Said, Sample, SampleStep, Told,
};
use serde::Serialize;

pub(super) use self::actions::{ActionData, actions, actions_text};
use super::output::Page;
use super::page::{SHORT, by as by_text};
use super::record::{AuthorData, author};
use super::{hints, time, words};
use crate::messages::Messages;

/// One thing that is missing, and what to do about it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MissingData {
    /// Its name, for instance `decision_number`.
    pub(super) need: String,
    /// Ids, names or days that it is about.
    pub(super) about: Vec<String>,
    pub(super) text: String,
    pub(super) todo: String,
    pub(super) clause: String,
    /// The fields of the minutes' header that it can be written in.
    pub(super) fields: Vec<String>,
}

impl MissingData {
    pub(super) fn of(missing: &Missing, m: &Messages) -> Self {
        let need = serde_json::to_value(missing.need).ok();
        Self {
            need: need.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default(),
            about: missing.about.clone(),
            text: words::local(m, &missing.title).to_owned(),
            todo: words::local(m, &missing.todo).to_owned(),
            clause: missing.clause.clone(),
            fields: missing.fields.clone(),
        }
    }

    /// A step that does not follow the state in which an inspection is, as the refusal to take it explains it.
    pub(super) fn no_step(from: &str, to: &str, m: &Messages) -> Self {
        let names = [("from", words::state(m, from)), ("to", words::state(m, to))];
        Self {
            need: "step".to_owned(),
            about: Vec::new(),
            text: m.text(
                "cause.transition",
                &names.each_ref().map(|(key, name)| (*key, name.as_str())),
            ),
            todo: hints::next_states(from, to, m),
            clause: String::new(),
            fields: Vec::new(),
        }
    }

    /// A facility that is inspected in the same year already.
    pub(super) fn asked(clash: &Clash, m: &Messages) -> Self {
        let day = |day: Option<bienban_core::checklist::Day>| {
            day.map_or_else(|| m.text("life.no_day", &[]), |day| day.to_string())
        };
        let about = clash.others.iter().map(|other| format!("{} ({})", other.name, day(other.day)));
        let accepts: Vec<String> = clash
            .accepts
            .iter()
            .map(|(key, title)| format!("{key} ({})", words::local(m, title)))
            .collect();
        let accepts = accepts.join(", ");
        let rule = words::local(m, &clash.rule);
        let mut todo = m.text("life.give_reason", &[("accepts", &accepts)]);
        if let Some(note) = &clash.note {
            todo = format!("{todo} {}", words::local(m, note));
        }
        Self {
            need: "once_a_year".to_owned(),
            about: about.collect(),
            text: m.text("life.again", &[("facility", &clash.name), ("rule", rule)]),
            todo,
            clause: clash.clause.clone(),
            fields: Vec::new(),
        }
    }
}

/// Returns one missing thing as a line.
pub(super) fn missing_text(missing: &MissingData, m: &Messages) -> String {
    let about = if missing.about.is_empty() {
        String::new()
    } else {
        format!(" [{}]", missing.about.join(", "))
    };
    if missing.clause.is_empty() {
        return format!("{}{about}: {}", missing.text, missing.todo);
    }
    m.text(
        "life.missing",
        &[
            ("text", &missing.text),
            ("about", &about),
            ("todo", &missing.todo),
            ("clause", &missing.clause),
        ],
    )
}

#[derive(Debug, Serialize)]
pub(super) struct StepData {
    pub(super) state: &'static str,
    pub(super) day: String,
    pub(super) reason: String,
    /// Another state was chosen where people moved it apart: the step counts no more.
    pub(super) set_aside: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct NextData {
    pub(super) state: &'static str,
    pub(super) missing: Vec<MissingData>,
}

#[derive(Debug, Serialize)]
pub(super) struct ClockData {
    pub(super) key: String,
    pub(super) title: String,
    /// The sample or corrective action that it is about.
    pub(super) about: Option<String>,
    pub(super) from: String,
    pub(super) due: String,
    pub(super) extended: u32,
    pub(super) done: Option<String>,
    pub(super) overdue: bool,
    /// Years whose days off are not announced yet.
    pub(super) provisional: Vec<i32>,
    pub(super) explanation: ExplanationData,
    pub(super) clause: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ExplanationData {
    pub(super) vi: String,
    pub(super) en: String,
}

#[derive(Debug, Serialize)]
pub(super) struct TeamData {
    pub(super) name: String,
    pub(super) agency: String,
    pub(super) role: Role,
    pub(super) no_conflict: bool,
}

/// Where an inspection stands in its life.
#[derive(Debug, Serialize)]
pub(super) struct LifeData {
    pub(super) as_of: String,
    pub(super) states: Vec<&'static str>,
    pub(super) steps: Vec<StepData>,
    /// The times during which it was suspended and that are over.
    pub(super) pauses: Vec<PauseData>,
    /// Why the time was extended; several where people wrote apart.
    pub(super) extended: Vec<String>,
    /// The days of the decisions to do so; none where nobody said.
    pub(super) extended_on: Vec<String>,
    pub(super) next: Vec<NextData>,
    /// What a standing state needs and no longer has.
    pub(super) no_longer: Vec<NextData>,
    pub(super) clocks: Vec<ClockData>,
    pub(super) team: Vec<TeamData>,
}

impl LifeData {
    pub(super) fn of(life: &Life, m: &Messages) -> Self {
        let steps = life.steps.iter().flat_map(|(state, steps)| {
            steps.iter().map(|step| StepData {
                state: state.name(),
                day: step.day.clone(),
                reason: step.reason.clone(),
                set_aside: step.set_aside,
            })
        });
        let next = |step: &NextStep| NextData {
            state: step.to.name(),
            missing: step.missing.iter().map(|one| MissingData::of(one, m)).collect(),
        };
        Self {
            as_of: life.as_of.to_string(),
            states: life.names.clone(),
            steps: steps.collect(),
            pauses: life.pauses.iter().map(pause).collect(),
            extended: life.extended.clone(),
            extended_on: life.extended_on.clone(),
            next: life.next.iter().map(next).collect(),
            no_longer: life.no_longer.iter().map(next).collect(),
            clocks: life.clocks.iter().map(|clock| clock_data(clock, m)).collect(),
            team: life.team.iter().map(team).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct PauseData {
    pub(super) from: String,
    pub(super) until: String,
    pub(super) reason: String,
}

fn pause(pause: &Pause) -> PauseData {
    PauseData { from: pause.from.clone(), until: pause.until.clone(), reason: pause.reason.clone() }
}

fn team(member: &Member) -> TeamData {
    TeamData {
        name: member.name.clone(),
        agency: member.agency.clone(),
        role: member.role,
        no_conflict: member.no_conflict,
    }
}

fn clock_data(clock: &Running, m: &Messages) -> ClockData {
    ClockData {
        key: clock.key.clone(),
        title: words::local(m, &clock.title).to_owned(),
        about: clock.about.clone(),
        from: clock.from.to_string(),
        due: clock.due.to_string(),
        extended: clock.extended,
        done: clock.done.map(|day| day.to_string()),
        overdue: clock.overdue,
        provisional: clock.provisional.clone(),
        explanation: ExplanationData {
            vi: clock.explanation.vi.clone(),
            en: clock.explanation.en_or_vi().to_owned(),
        },
        clause: clock.clause.clone(),
    }
}

/// Writes steps, and what the next ones lack.
pub(super) fn life_text(page: &mut Page, life: &LifeData, m: &Messages) {
    for step in &life.steps {
        let state = words::state(m, step.state);
        let reason =
            if step.reason.is_empty() { String::new() } else { format!("; {}", step.reason) };
        let aside = if step.set_aside { m.text("life.set_aside", &[]) } else { String::new() };
        page.line(format!("  {}  {state}{reason}{aside}", step.day));
    }
    for pause in &life.pauses {
        let values = [("from", pause.from.as_str()), ("until", pause.until.as_str())];
        let reason =
            if pause.reason.is_empty() { String::new() } else { format!("; {}", pause.reason) };
        page.line(format!("  {}{reason}", m.text("life.paused", &values)));
    }
    let days = life.extended_on.join(", ");
    for reason in &life.extended {
        let line = match days.as_str() {
            "" => m.text("life.extended", &[("reason", reason)]),
            day => m.text("life.extended_on", &[("reason", reason), ("day", day)]),
        };
        page.line(format!("  {line}"));
    }
    for (steps, ready) in [(&life.no_longer, "life.no_longer"), (&life.next, "life.next")] {
        for step in steps {
            let state = format!("{} ({})", step.state, words::state(m, step.state));
            let values = [("state", state.as_str())];
            page.line(format!("  {}", m.text(ready, &values)));
            for missing in &step.missing {
                page.line(format!("    - {}", missing_text(missing, m)));
            }
        }
    }
}

/// Writes clocks.
pub(super) fn clocks_text(page: &mut Page, life: &LifeData, m: &Messages) {
    for clock in &life.clocks {
        let state = match (&clock.done, clock.overdue) {
            (Some(day), true) => m.text("clock.done_late", &[("day", day)]),
            (Some(day), false) => m.text("clock.done", &[("day", day)]),
            (None, true) => m.text("clock.overdue", &[]),
            (None, false) => m.text("clock.running", &[]),
        };
        let about = clock.about.as_deref().map(|id| format!(" [{}]", short(id)));
        let explanation = match m.lang() {
            crate::messages::Lang::Vi => &clock.explanation.vi,
            crate::messages::Lang::En => &clock.explanation.en,
        };
        page.line(format!("  {}  {state}{}", clock.due, about.unwrap_or_default()));
        page.line(format!("              {explanation}"));
    }
    if life.clocks.is_empty() {
        page.line(format!("  {}", m.text("clock.none", &[])));
    }
}

fn short(id: &str) -> String {
    id.chars().take(SHORT).collect()
}

/// A sample with all that became of it.
#[derive(Debug, Serialize)]
pub(super) struct SampleData {
    pub(super) id: String,
    /// Mẫu 15, its fields by their names in records; several when people wrote apart.
    pub(super) sample: Vec<Sample>,
    /// Who wrote each of these last, and when.
    pub(super) by: Vec<ByData>,
    /// Other samples that have the same code: phones that had not heard of each other gave it twice.
    pub(super) same_code: Vec<String>,
    pub(super) steps: Vec<SampleStepData>,
    /// Whether a laboratory found every parameter to pass; none while nothing is known.
    pub(super) passes: Option<bool>,
}

#[derive(Debug, Serialize)]
pub(super) struct SampleStepData {
    pub(super) id: String,
    /// `seal` (Mẫu 14), `handover` (Mẫu 16) or `result`, with its fields.
    #[serde(flatten)]
    pub(super) step: SampleStep,
}

/// Who wrote something, and when.
#[derive(Debug, Serialize)]
pub(super) struct ByData {
    pub(super) author: AuthorData,
    pub(super) at: String,
}

fn by_data<T>(said: &Said<T>, authors: &Authors) -> ByData {
    ByData { author: author(&said.actor, authors), at: time::rfc3339(said.at) }
}

/// Turns samples into data, those taken off the list too.
pub(super) fn samples(view: &InspectionView, authors: &Authors) -> Vec<SampleData> {
    let code = |register: &Register<Told<Sample>>| {
        let shown = register.shown().and_then(Told::valid).filter(|sample| !sample.removed);
        shown.map(|sample| sample.code.clone()).filter(|code| !code.is_empty())
    };
    let each = view.samples.iter().map(|(id, register)| {
        let steps: Vec<SampleStepData> = view
            .sample_steps
            .iter()
            .flat_map(|(step_id, register)| valid(register).map(move |step| (step_id, step)))
            .filter(|(_, step)| step.samples().contains(&id.as_str()))
            .map(|(step_id, step)| SampleStepData { id: step_id.clone(), step: step.clone() })
            .collect();
        let results = steps.iter().filter_map(|data| match &data.step {
            SampleStep::Result(result) if !result.removed => Some(result.passes()),
            _ => None,
        });
        SampleData {
            id: id.clone(),
            sample: valid(register).cloned().collect(),
            by: register
                .all()
                .iter()
                .filter(|said| said.value.valid().is_some())
                .map(|said| by_data(said, authors))
                .collect(),
            same_code: view
                .samples
                .iter()
                .filter(|(other, row)| {
                    *other != id && code(register).is_some() && code(row) == code(register)
                })
                .map(|(other, _)| other.clone())
                .collect(),
            // One that failed counts, however many passed.
            passes: results.min(),
            steps,
        }
    });
    each.collect()
}

fn valid<T>(register: &Register<Told<T>>) -> impl Iterator<Item = &T> {
    register.all().iter().filter_map(|said| said.value.valid())
}

/// Writes samples.
pub(super) fn samples_text(page: &mut Page, samples: &[SampleData], m: &Messages) {
    for data in samples {
        let Some(sample) = data.sample.last() else { continue };
        let result = match data.passes {
            Some(true) => m.text("result.pass", &[]),
            Some(false) => m.text("result.fail", &[]),
            None => m.text("sample.no_result", &[]),
        };
        let parts: Vec<&str> = [&sample.code, &sample.taken_on, &sample.quantity, &sample.lot]
            .into_iter()
            .map(String::as_str)
            .filter(|text| !text.is_empty())
            .collect();
        let who = data.by.last().map(|by| by_text(&by.author, &by.at, m)).unwrap_or_default();
        page.line(format!(
            "  {}  {}; {}; {result}  {who}",
            short(&data.id),
            sample.name,
            parts.join("; ")
        ));
        if !data.same_code.is_empty() {
            let others: Vec<String> = data.same_code.iter().map(|id| short(id)).collect();
            let values = [("code", sample.code.as_str()), ("others", &others.join(", "))];
            page.line(format!("    [!] {}", m.text("sample.same_code", &values)));
        }
        if sample.removed {
            page.line(format!("    {}", withdrawn(&sample.removed_reason, m)));
        }
        let form = forms::of_sample(sample, m);
        if !form.is_empty() {
            page.line(format!("    {form}"));
        }
        for step in &data.steps {
            let line = format!("    {}  {}", short(&step.id), step_text(&step.step, m));
            page.line(if step.step.is_removed() {
                format!("{line}; {}", withdrawn(step.step.removed_reason(), m))
            } else {
                line
            });
            for form in forms::of_step(&step.step, &data.id, m) {
                page.line(format!("      {form}"));
            }
        }
    }
}

/// Returns that something was taken back, and why.
fn withdrawn(reason: &str, m: &Messages) -> String {
    m.text("show.withdrawn", &[("reason", reason)])
}

fn step_text(step: &SampleStep, m: &Messages) -> String {
    match step {
        SampleStep::Seal(seal) => {
            m.text("sample.sealed", &[("day", &seal.day), ("number", &seal.number)])
        }
        SampleStep::Handover(handover) => m.text(
            "sample.handed_over",
            &[
                ("day", &handover.day),
                ("giver", &handover.giver),
                ("receiver", &handover.receiver),
                ("condition", &handover.condition),
            ],
        ),
        SampleStep::Result(result) => {
            let verdict = if result.passes() {
                m.text("result.pass", &[])
            } else {
                m.text("result.fail", &[])
            };
            let values = [
                ("day", result.day.as_str()),
                ("laboratory", &result.laboratory),
                ("report", &result.report),
                ("result", &verdict),
            ];
            m.text("sample.reported", &values)
        }
    }
}

/// A difficulty that was raised.
#[derive(Debug, Serialize)]
pub(super) struct DifficultyData {
    pub(super) id: String,
    /// `facility` or `commune`.
    pub(super) by: &'static str,
    pub(super) topic: String,
    pub(super) text: String,
    /// Who wrote it last, and when.
    #[serde(flatten)]
    pub(super) written: ByData,
    /// It was taken back, and why.
    pub(super) removed: bool,
    pub(super) removed_reason: String,
}

/// Turns difficulties into data.
pub(super) fn difficulties(view: &InspectionView, authors: &Authors) -> Vec<DifficultyData> {
    let rows = view.difficulties.iter().flat_map(|(id, register)| {
        let told = register.all().iter();
        told.filter_map(move |said| {
            let row: &Difficulty = said.value.valid()?;
            Some(DifficultyData {
                id: id.clone(),
                by: row.by.name(),
                topic: row.topic.clone(),
                text: row.text.clone(),
                written: by_data(said, authors),
                removed: row.removed,
                removed_reason: row.removed_reason.clone(),
            })
        })
    });
    rows.collect()
}

/// Writes difficulties.
pub(super) fn difficulties_text(page: &mut Page, rows: &[DifficultyData], m: &Messages) {
    for row in rows {
        let by = bienban_core::model::RaisedBy::ALL.into_iter().find(|by| by.name() == row.by);
        let by = by.map(|by| words::raised_by(m, by)).unwrap_or_default();
        let topic = if row.topic.is_empty() { String::new() } else { format!("{}: ", row.topic) };
        let who = by_text(&row.written.author, &row.written.at, m);
        page.line(format!("  {}  {by}; {topic}{}  {who}", short(&row.id), row.text));
        if row.removed {
            page.line(format!("    {}", withdrawn(&row.removed_reason, m)));
        }
    }
}
