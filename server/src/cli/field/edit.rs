//! What a person writes: answers, notes, findings, replies. Each is durable when it is printed.

use bienban_core::checklist::Day;
use bienban_core::client::{Bound, Client, DayOf, Note, Settled, WrittenInto};
use bienban_core::clock;
use bienban_core::model::{FindingInput, Genesis, Grade, Kind, Timestamp};
use bienban_core::replica::EditOutcome;
use clap::Args;
use serde::Serialize;

use super::typed::{self, Typed};
use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::page;
use crate::cli::record::{self, AnswerData, AuthorData};
use crate::cli::time;
use crate::cli::words::{self, TypedSeverity};
use crate::cli::wrong::Wrong;
use crate::messages::Messages;

/// An answer.
#[derive(Debug, Args)]
pub(super) struct AnswerArgs {
    /// The inspection.
    inspection: String,
    /// The item's key in the checklist, for instance 1.1.
    item: String,
    /// What the item takes: dat, mi, ma or se (pass, minor, major, serious) where it is graded, else
    /// its value: a number, an option's key, a text, a day, a position. kad (na) fits every item;
    /// none takes an answer back.
    #[arg(allow_negative_numbers = true)]
    answer: Option<String>,
    /// The row of a repeated section, by the first digits of its id.
    #[arg(long)]
    row: Option<String>,
    /// A measured or written value beside a grade.
    #[arg(long, allow_negative_numbers = true)]
    value: Option<String>,
    /// A photo by its BLAKE3 hash, 64 hexadecimal digits; several times for several.
    #[arg(long, value_name = "HASH")]
    photo: Vec<String>,
    /// A line to add to the item's note, or to the row's.
    #[arg(long)]
    note: Option<String>,
}

/// A note.
#[derive(Debug, Args)]
pub(super) struct NoteArgs {
    /// The inspection.
    inspection: String,
    /// The item's key.
    item: String,
    /// What to write.
    text: String,
    /// Make the note this text instead of adding a line.
    #[arg(long)]
    replace: bool,
}

/// A finding.
#[derive(Debug, Args)]
pub(super) struct FindingArgs {
    /// The inspection.
    inspection: String,
    /// The item's key, - for what no item covers, or ROW/KEY for an item of a repeated section.
    item: String,
    /// mi, ma or se (minor, major, serious).
    severity: TypedSeverity,
    /// What was found.
    text: String,
    /// Until when it is to be corrected: a number of days from --issued, else from today, or a day as
    /// DD/MM/YYYY or YYYY-MM-DD.
    #[arg(long, value_name = "DAYS|DAY")]
    deadline: Option<String>,
    /// The row of a repeated section, by the first digits of its id.
    #[arg(long)]
    row: Option<String>,
    /// The clause that it breaks.
    #[arg(long)]
    clause: Option<String>,
    /// It cannot be corrected in the required time.
    #[arg(long)]
    unfixable: bool,
    /// The day on which it was put in the minutes, as YYYY-MM-DD: the time to correct is counted from
    /// it. Default: the day of the minutes.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    issued: Option<Day>,
}

/// The day on which a finding was put in the minutes.
#[derive(Debug, Args)]
pub(super) struct IssuedArgs {
    /// The inspection.
    inspection: String,
    /// The finding, by the first digits of its id.
    finding: String,
    /// The day, as YYYY-MM-DD; without one the day of the minutes counts again.
    #[arg(value_parser = time::typed_day)]
    day: Option<Day>,
}

/// A finding that is there.
#[derive(Debug, Args)]
pub(super) struct RowArgs {
    /// The inspection.
    inspection: String,
    /// The finding, by the first digits of its id.
    finding: String,
}

/// A finding to delete.
#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The inspection.
    inspection: String,
    /// The finding, by the first digits of its id.
    finding: String,
    /// Why; needed for a finding that another wrote.
    #[arg(default_value = "")]
    reason: String,
}

/// A reply.
#[derive(Debug, Args)]
pub(super) struct ReplyArgs {
    /// The inspection.
    inspection: String,
    /// The comment or request, by the first digits of its id.
    comment: String,
    /// What to reply.
    text: String,
}

/// What an edit did, as every editing command prints it.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct EditData {
    pub(in crate::cli) inspection: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) item: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) grade: Option<&'static str>,
    /// What was answered where that is no grade, in the text that the record holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) value: Option<String>,
    /// The row that was written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) row: Option<String>,
    /// The name of what was made: a finding, comment, request or reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) id: Option<String>,
    /// Whether this edit settled a conflict (`now`) or somebody had settled it so (`before`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) settled: Option<&'static str>,
    /// Whose it was, where another wrote what this edit deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) of: Option<AuthorData>,
    /// The answers of others that this one replaced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) replaced: Vec<AnswerData>,
    /// What a person should look at although it was recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) warnings: Vec<String>,
    /// The place in this device's journal; none when nothing changed.
    pub(in crate::cli) recorded: Option<u64>,
}

impl EditData {
    /// Begins with what every edit has; warns where it went into an inspection that is signed or over.
    pub(in crate::cli) fn of<T>(
        client: &Client,
        inspection: &Genesis,
        outcome: &EditOutcome<T>,
        m: &Messages,
    ) -> Self {
        Self::written(client, inspection, outcome, Kind::Inspection, m)
    }

    /// As [`EditData::of`], of an edit in the corrective actions.
    pub(in crate::cli) fn of_followup<T>(
        client: &Client,
        inspection: &Genesis,
        outcome: &EditOutcome<T>,
        m: &Messages,
    ) -> Self {
        Self::written(client, inspection, outcome, Kind::Followup, m)
    }

    fn written<T>(
        client: &Client,
        inspection: &Genesis,
        outcome: &EditOutcome<T>,
        kind: Kind,
        m: &Messages,
    ) -> Self {
        let mut data = Self::plain(inspection, outcome);
        if data.recorded.is_some() {
            // It is recorded: where what it went into cannot be read now, `show` says why.
            data.warnings
                .extend(client.written_into(inspection, kind).ok().and_then(|it| into(it, m)));
        }
        data
    }

    /// Begins with what every edit has, of one that is none of the inspection's content.
    pub(in crate::cli) fn plain<T>(inspection: &Genesis, outcome: &EditOutcome<T>) -> Self {
        Self {
            inspection: inspection.document().to_string(),
            item: None,
            grade: None,
            value: None,
            row: None,
            id: None,
            settled: None,
            of: None,
            replaced: Vec::new(),
            warnings: Vec::new(),
            recorded: outcome.recorded.map(|position| position.0),
        }
    }

    /// Says how a conflict was settled.
    pub(in crate::cli) fn settled(&mut self, settled: Settled) {
        self.settled = Some(match settled {
            Settled::Now => "now",
            Settled::Before => "before",
        });
    }

    /// Warns of a deadline that has passed already.
    pub(in crate::cli) fn warn_of_deadline(&mut self, deadline: Option<Timestamp>, m: &Messages) {
        let today = Day::of(clock::now());
        let passed = deadline.and_then(Day::of).filter(|day| today.is_some_and(|now| *day < now));
        if let (Some(day), Some(today)) = (passed, today) {
            let (day, today) = (day.to_string(), today.to_string());
            self.warnings.push(m.text("edit.deadline_passed", &[("day", &day), ("today", &today)]));
        }
    }

    /// Warns of a deadline behind that of the finding it is about.
    pub(in crate::cli) fn warn_of_later(
        &mut self,
        deadline: Option<Timestamp>,
        asked: Option<Timestamp>,
        m: &Messages,
    ) {
        if let Some((given, asked)) = deadline.zip(asked).filter(|(given, asked)| given > asked) {
            let (day, asked) = (time::day(given), time::day(asked));
            let values = [("day", day.as_str()), ("finding_day", &asked)];
            self.warnings.push(m.text("edit.deadline_after_finding", &values));
        }
    }

    /// Warns of a deadline that would be too late if there were minutes today: they may come later.
    fn warn_by_today(
        &mut self,
        client: &Client,
        inspection: &Genesis,
        deadline: Option<Timestamp>,
        m: &Messages,
    ) {
        let latest = client.latest_by_today(inspection).ok().flatten();
        let late = deadline.and_then(Day::of).zip(latest).filter(|(day, latest)| day > latest);
        if let Some((day, latest)) = late {
            let (day, latest) = (day.to_string(), latest.to_string());
            let values = [("day", day.as_str()), ("latest", &latest)];
            self.warnings.push(m.text("edit.deadline_by_today", &values));
        }
    }

    /// Warns of a day that cannot be: after today, or before what it builds on. Clocks may be wrong, so
    /// it is recorded all the same.
    pub(in crate::cli) fn warn_of_day(
        &mut self,
        client: &Client,
        inspection: &Genesis,
        (day, of): (&str, DayOf<'_>),
        m: &Messages,
    ) {
        let today = Day::of(clock::now()).map(|today| today.to_string()).unwrap_or_default();
        if day > today.as_str() {
            let values = [("day", day), ("today", &today)];
            self.warnings.push(m.text("edit.day_ahead", &values));
        }
        let (Ok(day), Ok(Some((bound, earliest)))) =
            (day.parse::<Day>(), client.earliest_day(inspection, of))
        else {
            return;
        };
        if day < earliest {
            let what = match bound {
                Bound::Decision => m.text("bound.decision", &[]),
                Bound::Field => m.text("bound.field", &[]),
                Bound::Minutes => m.text("bound.minutes", &[]),
                Bound::Sample => m.text("bound.sample", &[]),
                Bound::Handover => m.text("bound.handover", &[]),
                Bound::Demand => m.text("bound.demand", &[]),
                Bound::Proof => m.text("bound.proof", &[]),
            };
            let (day, earliest) = (day.to_string(), earliest.to_string());
            let values = [("day", day.as_str()), ("what", &what), ("earliest", &earliest)];
            self.warnings.push(m.text("edit.day_before", &values));
        }
    }

    /// Says what was done, and that it is durable.
    pub(in crate::cli) fn answer(self, done: String, output: &Output) -> Result<Answer, CliError> {
        let m = output.messages();
        let mut page = Page::new();
        match self.recorded {
            Some(_) => {
                let inspection = &self.inspection[..page::SHORT.min(self.inspection.len())];
                page.line(m.text("edit.into", &[("done", &done), ("inspection", inspection)]));
            }
            None if self.settled == Some("before") => page.line(done),
            None => page.line(m.text("edit.unchanged", &[])),
        }
        for answer in &self.replaced {
            let answer = page::answer_text(answer, m);
            page.line(m.text("edit.replaced", &[("answer", &answer)]));
        }
        for warning in &self.warnings {
            output.remark(warning);
        }
        Answer::new(&self, page)
    }
}

/// Says what an edit went into, where a person should know.
fn into(written: WrittenInto, m: &Messages) -> Option<String> {
    let on = |day: Option<Day>| day.map_or_else(|| "?".to_owned(), |day| day.to_string());
    match written {
        WrittenInto::Open => None,
        WrittenInto::Signed { day } => Some(m.text("edit.into_signed", &[("day", &on(day))])),
        WrittenInto::Over { state, day } => {
            let values = [("state", words::state(m, state.name())), ("day", on(day))];
            let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
            Some(m.text("edit.into_over", &values))
        }
    }
}

/// Answers an item.
pub(super) fn answer(
    client: &Client,
    arguments: AnswerArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let AnswerArgs { answer, value, photo: photos, note, .. } = arguments;
    let row = arguments.row.as_deref();
    let (row, item) = typed::place(client, &inspection, &arguments.item, row)?;
    let (_, template) = client.template_of(&inspection)?;
    let typed = Typed { answer, value, photos, note };
    let beside = typed.value.is_some();
    let draft = typed::read_answer(&template, &item, typed)?;
    if beside && matches!(draft.grade, Grade::NotApplicable | Grade::Unanswered) {
        return Err(Wrong::ValueBeside { word: draft.grade.name() }.into());
    }
    let (grade, value) = (draft.grade, draft.value.clone());
    let row = match row {
        Some(row) => Some(hex::encode(client.find_row(&inspection, &row)?.0)),
        None => None,
    };
    let before = client.standing_answers(&inspection, row.as_deref(), &item)?;
    let outcome = match &row {
        None => client.answer(&inspection, &item, draft),
        Some(row) => client.row_answer(&inspection, row, &item, draft),
    }?;
    let mut data = EditData::of(client, &inspection, &outcome, output.messages());
    let said = match &value {
        Some(value) if grade == Grade::Given => {
            let entry = template.item(&item).map(|(_, item)| item);
            words::value(m, entry, value).unwrap_or_else(|| value.clone())
        }
        _ => words::grade(m, grade),
    };
    let done = m.text("edit.answered", &[("item", &item), ("grade", &said)]);
    if data.recorded.is_some() {
        let entry = template.item(&item).map(|(_, item)| item);
        let others = before.iter().filter(|(_, author)| !author.here);
        data.replaced = others
            .map(|(said, by)| record::answer_by(said, record::author_data(by.clone()), entry, m))
            .collect();
    }
    data.item = Some(item);
    data.grade = Some(grade.name());
    data.value = value;
    data.row = row;
    data.answer(done, output)
}

/// Edits the note of an item.
pub(super) fn note(
    client: &Client,
    arguments: NoteArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    if !arguments.replace && arguments.text.trim().is_empty() {
        return Err(Wrong::Empty.into());
    }
    let note = if arguments.replace {
        Note::Replace(arguments.text)
    } else {
        Note::Append(arguments.text)
    };
    let outcome = client.note(&inspection, &arguments.item, note)?;
    let mut data = EditData::of(client, &inspection, &outcome, output.messages());
    let done = output.messages().text("edit.noted", &[("item", &arguments.item)]);
    data.item = Some(arguments.item);
    data.answer(done, output)
}

/// Adds a finding.
pub(super) fn finding(
    client: &Client,
    arguments: FindingArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let now = clock::now();
    // The time to correct is counted from the day on which the finding was put in the minutes.
    let from = arguments.issued.map_or(now, Day::end);
    let deadline = arguments.deadline.as_deref().map(|text| time::deadline(text, from));
    let deadline = deadline.transpose()?;
    let TypedSeverity(severity) = arguments.severity;
    let (row, item) = match arguments.item.as_str() {
        "-" => (arguments.row, None),
        item => {
            let row = arguments.row.as_deref();
            let (row, item) = typed::place(client, &inspection, item, row)?;
            (row, Some(item))
        }
    };
    let row = match row {
        Some(row) => Some(hex::encode(client.find_row(&inspection, &row)?.0)),
        None => None,
    };
    let input = FindingInput {
        item: item.clone(),
        row: row.clone(),
        severity,
        text: arguments.text,
        clause: arguments.clause,
        deadline,
        unfixable: arguments.unfixable,
    };
    let (id, outcome) = client.finding(&inspection, input, arguments.issued)?;
    let mut data = EditData::of(client, &inspection, &outcome, output.messages());
    let id = hex::encode(id);
    let done = output.messages().text("edit.found", &[("id", &id[..8])]);
    data.item = item;
    data.row = row;
    data.id = Some(id);
    data.warn_of_deadline(deadline, output.messages());
    if arguments.issued.is_none() {
        data.warn_by_today(client, &inspection, deadline, output.messages());
    }
    if let Some(day) = arguments.issued {
        let m = output.messages();
        let due = deadline.and_then(Day::of).filter(|due| *due < day).map(|due| due.to_string());
        let day = day.to_string();
        data.warn_of_day(client, &inspection, (&day, DayOf::Issue), m);
        if let Some(due) = due {
            let values = [("day", due.as_str()), ("issued", &day)];
            data.warnings.push(m.text("edit.deadline_before_issue", &values));
        }
    }
    data.answer(done, output)
}

/// Says on which day a finding was put in the minutes.
pub(super) fn finding_issued(
    client: &Client,
    arguments: &IssuedArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let outcome = client.issue_finding(&inspection, &arguments.finding, arguments.day)?;
    let id = arguments.finding.as_str();
    let done = match arguments.day {
        Some(day) => m.text("edit.issued", &[("id", id), ("day", &day.to_string())]),
        None => m.text("edit.issued_by_minutes", &[("id", id)]),
    };
    let mut data = EditData::of(client, &inspection, &outcome, m);
    if let Some(day) = arguments.day {
        data.warn_of_day(client, &inspection, (&day.to_string(), DayOf::Issue), m);
    }
    data.answer(done, output)
}

/// Deletes a finding.
pub(super) fn finding_delete(
    client: &Client,
    arguments: &DeleteArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let inspection = client.find_inspection(&arguments.inspection)?;
    let id = arguments.finding.as_str();
    let (author, outcome) = client.delete_finding(&inspection, id, &arguments.reason)?;
    let mut done = m.text("edit.deleted", &[("id", id)]);
    let mut data = EditData::of(client, &inspection, &outcome, output.messages());
    if !author.here {
        let name = page::who(&record::author_data(author.clone()), m);
        done = m.text("edit.deleted_of", &[("id", id), ("author", &name)]);
        data.of = Some(record::author_data(author));
    }
    data.answer(done, output)
}

/// Brings a finding back.
pub(super) fn finding_restore(
    client: &Client,
    arguments: &RowArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let outcome = client.restore_finding(&inspection, &arguments.finding)?;
    let done = output.messages().text("edit.restored", &[("id", &arguments.finding)]);
    EditData::of(client, &inspection, &outcome, output.messages()).answer(done, output)
}

/// Replies to a comment or request.
pub(super) fn reply(
    client: &Client,
    arguments: &ReplyArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let (id, outcome) = client.reply(&inspection, &arguments.comment, &arguments.text)?;
    let mut data = EditData::plain(&inspection, &outcome);
    data.id = Some(hex::encode(id));
    let done = output.messages().text("edit.replied", &[("id", &arguments.comment)]);
    data.answer(done, output)
}
