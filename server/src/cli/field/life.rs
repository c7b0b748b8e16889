//! An inspection's steps, clocks, opinions and difficulties.

use bienban_core::checklist::Day;
use bienban_core::client::{Client, Note, StepToTake};
use bienban_core::model::{Difficulty, LifeCycle, RaisedBy};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::EditData;
use crate::cli::course::{self, DifficultyData, LifeData};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::wrong::Wrong;
use crate::cli::{time, words};

/// A step in an inspection's life.
#[derive(Debug, Args)]
pub(super) struct StateArgs {
    /// The inspection.
    inspection: String,
    /// The state to move to, for instance decided, in_field or minutes_signed; without one the next
    /// states and what each lacks.
    #[arg(value_parser = state)]
    state: Option<LifeCycle>,
    /// The day on which it happened, as DD/MM/YYYY or YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<Day>,
    /// Why.
    #[arg(long, default_value = "", value_name = "TEXT")]
    reason: String,
}

/// Reads a state by its name.
fn state(name: &str) -> Result<LifeCycle, Wrong> {
    LifeCycle::ALL.into_iter().find(|state| state.name() == name).ok_or(Wrong::State)
}

/// An extension of the time.
#[derive(Debug, Args)]
pub(super) struct ExtendArgs {
    /// The inspection.
    inspection: String,
    /// Why: a complex case, or a remote area.
    reason: String,
    /// The day of the decision, as DD/MM/YYYY or YYYY-MM-DD. Default: today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    on: Option<Day>,
}

/// An inspection's clocks.
#[derive(Debug, Args)]
pub(super) struct ClockArgs {
    /// The inspection.
    inspection: String,
    /// The day that counts as today, as DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    as_of: Option<Day>,
}

/// Whose opinion it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    /// Of the facility.
    Facility,
    /// Of others.
    Other,
    /// Conclusion of the team.
    Conclusion,
}

/// An opinion.
#[derive(Debug, Args)]
pub(super) struct OpinionArgs {
    /// The inspection.
    inspection: String,
    /// Whose it is: facility, other, or conclusion for that of the team.
    whose: Whose,
    /// What to write.
    text: String,
    /// Make the opinion this text instead of adding a line.
    #[arg(long)]
    replace: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum DifficultyCommand {
    /// Record a difficulty that the facility or commune raises.
    Add(DifficultyArgs),
    /// List the difficulties that were raised, those taken back too.
    List {
        /// The inspection.
        inspection: String,
    },
    /// Take a difficulty back that was written by mistake. It stays visible as such.
    Withdraw {
        /// The inspection.
        inspection: String,
        /// The difficulty, by the first digits of its id.
        difficulty: String,
        /// Why.
        reason: String,
    },
}

/// Who raises a difficulty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// The facility.
    Facility,
    /// The commune.
    Commune,
}

/// A difficulty.
#[derive(Debug, Args)]
pub(super) struct DifficultyArgs {
    /// The inspection.
    inspection: String,
    /// Who raises it: facility or commune.
    by: By,
    /// What it is.
    text: String,
    /// What it is about, in a word or two.
    #[arg(long, default_value = "")]
    topic: String,
}

#[derive(Debug, Serialize)]
struct LifeAnswer {
    inspection: String,
    #[serde(flatten)]
    life: LifeData,
}

#[derive(Debug, Serialize)]
struct DifficultiesAnswer {
    inspection: String,
    rows: Vec<DifficultyData>,
}

/// Moves an inspection on in its life cycle, or says what may follow.
pub(super) fn set_state(
    client: &Client,
    arguments: StateArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let Some(to) = arguments.state else {
        let life = LifeData::of(&client.life(&inspection, arguments.on)?, m);
        let mut page = Page::new();
        let state = words::state(m, &life.states.join("|"));
        page.line(m.text("show.state", &[("state", &state)]));
        course::life_text(&mut page, &life, m);
        let inspection = inspection.document().to_string();
        return Answer::new(&LifeAnswer { inspection, life }, page);
    };
    let step = StepToTake { to, on: arguments.on, reason: arguments.reason };
    if let Some((before, outcome)) = client.correct_step(&inspection, &step)? {
        let (state, day) =
            (words::state(m, to.name()), step.on.map(|on| on.to_string()).unwrap_or_default());
        let values = [("state", state.as_str()), ("before", &before), ("day", &day)];
        let done = m.text("edit.step_corrected", &values);
        return EditData::of(client, &inspection, &outcome, output.messages()).answer(done, output);
    }
    let outcome = client.move_on(&inspection, &step)?;
    let done = m.text("edit.state", &[("state", &words::state(m, to.name()))]);
    let mut data = EditData::of(client, &inspection, &outcome, m);
    if data.recorded.is_some() && ENDS.contains(&to) {
        // Items that do not apply, by their conditions, are not missing.
        let missing = client.show(&inspection, None)?.grade.tally.unanswered;
        if missing > 0 {
            data.warnings.push(m.text("edit.unanswered", &[("count", &missing.to_string())]));
        }
    }
    data.answer(done, output)
}

/// States by which an inspection has its result.
const ENDS: [LifeCycle; 3] =
    [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused, LifeCycle::Closed];

/// Extends the time for an inspection.
pub(super) fn extend(
    client: &Client,
    arguments: &ExtendArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let outcome = client.extend(&inspection, &arguments.reason, arguments.on)?;
    let done = output.messages().text("edit.extended", &[]);
    EditData::of(client, &inspection, &outcome, output.messages()).answer(done, output)
}

/// Shows the clocks that run for an inspection.
pub(super) fn clock(
    client: &Client,
    arguments: &ClockArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let life = LifeData::of(&client.life(&inspection, arguments.as_of)?, m);
    let mut page = Page::new();
    page.line(m.text("clock.title", &[("day", &life.as_of)]));
    course::clocks_text(&mut page, &life, m);
    page.line(m.text("clock.unofficial", &[]));
    Answer::new(&LifeAnswer { inspection: inspection.document().to_string(), life }, page)
}

/// Writes an opinion.
pub(super) fn opinion(
    client: &Client,
    arguments: OpinionArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let name = match arguments.whose {
        Whose::Facility => "facility_opinion",
        Whose::Other => "other_opinions",
        Whose::Conclusion => "conclusion",
    };
    let text = arguments.text;
    if !arguments.replace && text.trim().is_empty() {
        return Err(Wrong::Empty.into());
    }
    let note = if arguments.replace { Note::Replace(text) } else { Note::Append(text) };
    let outcome = client.opinion(&inspection, name, note)?;
    EditData::of(client, &inspection, &outcome, output.messages())
        .answer(m.text("edit.opinion", &[]), output)
}

/// Records or lists difficulties.
pub(super) fn difficulty(
    client: &Client,
    command: DifficultyCommand,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    match command {
        DifficultyCommand::Add(arguments) => {
            let inspection = client.find_inspection(&arguments.inspection)?;
            let by = match arguments.by {
                By::Facility => RaisedBy::Facility,
                By::Commune => RaisedBy::Commune,
            };
            let (topic, text) = (arguments.topic, arguments.text);
            let (removed, removed_reason) = (false, String::new());
            let raised = Difficulty { by, topic, text, removed, removed_reason };
            let (id, outcome) = client.add_difficulty(&inspection, &raised)?;
            let mut data = EditData::of(client, &inspection, &outcome, output.messages());
            data.id = Some(hex::encode(id));
            data.answer(m.text("edit.difficulty", &[]), output)
        }
        DifficultyCommand::Withdraw { inspection, difficulty, reason } => {
            let inspection = client.find_inspection(&inspection)?;
            let outcome = client.withdraw_difficulty(&inspection, &difficulty, &reason)?;
            let done = m.text("edit.withdrawn", &[("id", &difficulty)]);
            EditData::of(client, &inspection, &outcome, output.messages()).answer(done, output)
        }
        DifficultyCommand::List { inspection } => {
            let inspection = client.find_inspection(&inspection)?;
            let (read, authors) = client.read_authored(&inspection)?;
            let rows = course::difficulties(&read, &authors);
            let mut page = Page::new();
            course::difficulties_text(&mut page, &rows, m);
            if rows.is_empty() {
                page.line(m.text("list.empty", &[]));
            }
            let inspection = inspection.document().to_string();
            Answer::new(&DifficultiesAnswer { inspection, rows }, page)
        }
    }
}
