//! By which edition of its checklist an inspection is filled, and moving it to another one.

use bienban_core::checklist::{DIGITS_MIN, Fate, MoveLine, MovePlan, Template};
use bienban_core::client::{Client, Confirmed};
use bienban_core::model::{Genesis, Told};
use clap::Args;
use serde::Serialize;

use crate::cli::error::CliError;
use crate::cli::output::{Answer, Output, Page};
use crate::cli::wrong::Wrong;
use crate::cli::{page, template, words};
use crate::messages::{Lang, Messages};

/// Digits of a plan's digest that are shown: nobody types them by chance.
const DIGITS: usize = 16;
/// Digits of a whole digest: nothing longer begins one.
const DIGEST_DIGITS: usize = 64;
/// The exit code when something changed since the plan was shown.
const CHANGED: u8 = 1;

/// An inspection, and where to move it.
#[derive(Debug, Args)]
pub(super) struct TemplateArgs {
    /// The inspection.
    inspection: String,
    /// Show what moving to this edition would do: the first digits of its id, its code, tea or tea-1.
    #[arg(long, value_name = "CHECKLIST", group = "target")]
    to: Option<String>,
    /// Move it, as the preview with this number said.
    #[arg(long, value_name = "DIGITS", requires = "target")]
    apply: Option<String>,
    /// Show what moving back to the edition before the last move would do; with --apply, move it back.
    #[arg(long, group = "target")]
    revert: bool,
}

#[derive(Debug, Serialize)]
struct EditionData {
    id: String,
    code: String,
    edition: String,
    title: String,
    official: bool,
    effective_from: String,
    effective_to: Option<String>,
    /// The record was begun by it.
    pinned: bool,
    /// The record is read by it.
    current: bool,
    /// It took effect after the one that the record is read by.
    newer: bool,
}

#[derive(Debug, Serialize)]
struct EditionsData {
    inspection: String,
    pinned: String,
    current: String,
    lacks: Option<String>,
    /// The edition of each move that stands; several while people moved it apart.
    moved: Vec<String>,
    conflict: bool,
    /// Moves that the signing of the minutes had not seen.
    late: usize,
    editions: Vec<EditionData>,
}

#[derive(Debug, Serialize)]
struct PlanData {
    inspection: String,
    from: String,
    to: String,
    /// What confirms the plan.
    digest: String,
    /// Whether it was made.
    applied: bool,
    /// Whether something changed since the plan that was confirmed.
    changed: bool,
    recorded: Option<u64>,
    lines: Vec<MoveLine>,
}

/// Shows the editions, previews a move, makes it or turns it back.
pub(super) fn run(
    client: &Client,
    arguments: &TemplateArgs,
    output: &Output,
) -> Result<Answer, CliError> {
    let inspection = client.find_inspection(&arguments.inspection)?;
    let to = match &arguments.to {
        _ if arguments.revert => client.edition_before(&inspection)?,
        Some(to) => template::find(client, to, None)?,
        None => return editions(client, &inspection, output),
    };
    match &arguments.apply {
        Some(given) => {
            let done = client.confirm_move(&inspection, to, digits(given)?)?;
            confirmed(&inspection, done, given, output)
        }
        None => {
            let plan = client.plan_move(&inspection, to)?;
            let m = output.messages();
            let mut text = Page::new();
            lines(&mut text, &plan, m);
            text.gap();
            let digits = &hex::encode(plan.digest)[..DIGITS];
            let (id, to) = (&arguments.inspection, plan.to.short());
            let values = [("inspection", id.as_str()), ("to", &to), ("digits", digits)];
            text.line(m.text("moving.confirm", &values));
            Answer::new(&PlanData::of(&inspection, plan), text)
        }
    }
}

/// Reads the digits of a preview. Whether they are those of the preview as it is now, the client says.
fn digits(given: &str) -> Result<&str, Wrong> {
    let digits = given.trim();
    let number = (DIGITS_MIN..=DIGEST_DIGITS).contains(&digits.len());
    if number && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(digits);
    }
    Err(Wrong::PreviewDigits { given: given.to_owned() })
}

fn editions(client: &Client, inspection: &Genesis, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let found = client.editions(inspection)?;
    let edition = &found.edition;
    let current = found.lacks.map_or(edition.template, |_| edition.pinned);
    let since = |id| {
        let known = found.here.iter().find(|template| template.id() == id);
        known.map(|template| template.effective_from().to_owned()).unwrap_or_default()
    };
    let begun = since(current);
    let data = |template: &Template| EditionData {
        id: template.id().to_string(),
        code: template.code().to_owned(),
        edition: template.edition().to_owned(),
        title: words::local(m, template.title()).to_owned(),
        official: template.is_official(),
        effective_from: template.effective_from().to_owned(),
        effective_to: template.effective_to().map(str::to_owned),
        pinned: template.id() == edition.pinned,
        current: template.id() == current,
        newer: template.effective_from() > begun.as_str(),
    };
    let mut moved: Vec<String> = Vec::new();
    for said in edition.moved.all() {
        let to = match &said.value {
            Told::Valid(told) => told.to.to_string(),
            Told::Damaged(raw) => raw.clone(),
        };
        if !moved.contains(&to) {
            moved.push(to);
        }
    }
    let data = EditionsData {
        inspection: inspection.document().to_string(),
        pinned: edition.pinned.to_string(),
        current: current.to_string(),
        lacks: found.lacks.map(|id| id.to_string()),
        conflict: moved.len() > 1,
        moved,
        late: edition.late.len(),
        editions: found.here.iter().map(data).collect(),
    };
    let mut text = Page::new();
    for row in &data.editions {
        let marks = [
            (row.pinned, "moving.pinned"),
            (row.current, "moving.current"),
            (row.newer, "moving.newer"),
        ];
        let marks: Vec<String> =
            marks.iter().filter(|(is, _)| *is).map(|(_, key)| m.text(key, &[])).collect();
        let id = &row.id[..page::SHORT];
        let (code, edition, from) = (&row.code, &row.edition, &row.effective_from);
        text.line(format!("{id}  {code} {edition}, {from}: {}  {}", row.title, marks.join(", ")));
    }
    if let Some(lacks) = found.lacks {
        text.line(m.text("moving.lacks", &[("template", &lacks.short())]));
    }
    if data.conflict {
        text.line(m.text("moving.conflict", &[]));
    }
    if data.late > 0 {
        text.line(m.text("moving.late", &[("count", &data.late.to_string())]));
    }
    Answer::new(&data, text)
}

fn confirmed(
    inspection: &Genesis,
    done: Confirmed,
    given: &str,
    output: &Output,
) -> Result<Answer, CliError> {
    let m = output.messages();
    let mut text = Page::new();
    match done {
        Confirmed::Made(plan, outcome) => {
            lines(&mut text, &plan, m);
            text.gap();
            text.line(m.text("moving.made", &[("to", &plan.to.short())]));
            let mut data = PlanData::of(inspection, *plan);
            data.applied = true;
            data.recorded = outcome.recorded.map(|position| position.0);
            Answer::new(&data, text)
        }
        Confirmed::Changed(plan) => {
            lines(&mut text, &plan, m);
            text.gap();
            let digits = &hex::encode(plan.digest)[..DIGITS];
            text.line(m.text("moving.changed", &[("given", given), ("digits", digits)]));
            let mut data = PlanData::of(inspection, *plan);
            data.changed = true;
            Ok(Answer::new(&data, text)?.with_code(CHANGED))
        }
    }
}

impl PlanData {
    fn of(inspection: &Genesis, plan: MovePlan) -> Self {
        Self {
            inspection: inspection.document().to_string(),
            from: plan.from.to_string(),
            to: plan.to.to_string(),
            digest: hex::encode(plan.digest),
            applied: false,
            changed: false,
            recorded: None,
            lines: plan.lines,
        }
    }
}

fn lines(text: &mut Page, plan: &MovePlan, m: &Messages) {
    for fate in Fate::ALL {
        let count = plan.of(fate).count().to_string();
        text.line(m.text(heading(fate), &[("count", &count)]));
        for line in plan.of(fate) {
            let place = line.to.as_ref().or(line.from.as_ref()).map_or("–", String::as_str);
            let place = match &line.row {
                Some(row) => format!("{}/{place}", &row[..page::SHORT.min(row.len())]),
                None => place.to_owned(),
            };
            let why = if m.lang() == Lang::Vi { &line.vi } else { &line.en };
            text.line(format!("  {place}: {why}"));
            if line.note || line.about > 0 {
                let about = line.about.to_string();
                let key = if line.note { "moving.with_note" } else { "moving.with" };
                text.line(format!("    {}", m.text(key, &[("count", &about)])));
            }
        }
    }
}

fn heading(fate: Fate) -> &'static str {
    match fate {
        Fate::Kept => "moving.kept",
        Fate::Moved => "moving.moved",
        Fate::NoLongerFits => "moving.no_longer_fits",
        Fate::NeedsAnswer => "moving.needs_answer",
        // What has no home is what every other fate leaves over.
        _ => "moving.no_new_home",
    }
}
