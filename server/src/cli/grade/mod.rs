//! `bienban grade`: what answers in a file come to by a checklist, and why. It needs no device and no
//! hub, and writes nothing.

mod page;

use std::path::Path;
use std::sync::Arc;

use bienban_core::checklist::grading::{
    AnswersFile, Council, CouncilGates, Graded, Grader, Node, Recognised, Settings,
};
use bienban_core::checklist::{
    Day, Fallback, Grading, Template, TemplateError, in_force, ocop_set,
};
use bienban_core::clock;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

pub(super) use self::page::{short, tree};
use super::error::CliError;
use super::output::{Answer, Output};
use super::{template, time};
use crate::messages::Messages;

/// Grade answers by a checklist and say why.
#[derive(Debug, Args)]
pub(super) struct GradeArgs {
    /// The checklist: a file, or one inside this program: tea, tea-1, 11, OCOP-11, CL-CHE.
    #[arg(long, value_name = "FILE|CODE")]
    template: String,
    /// The answers (docs/answers.md).
    #[arg(long, value_name = "FILE")]
    answers: String,
    /// The day as of which to grade; default: what the answers say, or today.
    #[arg(long, value_name = "DAY", value_parser = time::typed_day)]
    as_of: Option<Day>,
    /// Say why: every answer, rule and clause.
    #[arg(long)]
    explain: bool,
    /// When a gate is not met: next_lower_rank or none; default: what the checklist says.
    #[arg(long, value_name = "POLICY")]
    fallback: Option<FallbackPolicy>,
    /// What several members' sheets mean for a gate: mean or every_member.
    #[arg(long, value_name = "POLICY", default_value = "mean")]
    council_gates: GatesPolicy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum FallbackPolicy {
    NextLowerRank,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum GatesPolicy {
    Mean,
    EveryMember,
}

/// A grade, and why when it was asked.
#[derive(Debug, Clone, Serialize)]
pub(super) struct GradeData {
    #[serde(flatten)]
    pub(super) graded: Graded,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanation: Option<Node>,
}

/// Grades.
pub(super) fn run(arguments: &GradeArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    let path = Path::new(&arguments.answers);
    let bytes =
        std::fs::read(path).map_err(|source| CliError::File { path: path.to_owned(), source })?;
    let today = Day::nearest(clock::now());
    let day = arguments.as_of.or_else(|| day_of(&bytes)).unwrap_or(today);
    let template = Arc::new(find(&arguments.template, day)?);
    let file = AnswersFile::parse(&bytes, &template)
        .map_err(|reason| CliError::Answers { path: path.to_owned(), reason })?;
    let settings = Settings {
        fallback: arguments.fallback.map(|policy| match policy {
            FallbackPolicy::NextLowerRank => Fallback::NextLowerRank,
            FallbackPolicy::None => Fallback::NoRank,
        }),
        council_gates: match arguments.council_gates {
            GatesPolicy::Mean => CouncilGates::Mean,
            GatesPolicy::EveryMember => CouncilGates::EveryMember,
        },
        recognised: recognised(&file, &template, day)?,
        ..Settings::new(day)
    };
    let (graded, explanation) = explained(&template, file, settings);
    let page = page::page(&graded, &explanation, arguments.explain, m);
    let explanation = arguments.explain.then_some(explanation);
    Answer::new(&GradeData { graded, explanation }, page)
}

fn explained(template: &Arc<Template>, file: AnswersFile, settings: Settings) -> (Graded, Node) {
    let council = Council::new(template, &file.answers, &file.members, &settings).explain();
    let alone = || Grader::new(Arc::clone(template), file.answers, settings).explain();
    council.unwrap_or_else(alone)
}

/// Returns the day that an answers file names, which decides the edition that it is read with.
fn day_of(bytes: &[u8]) -> Option<Day> {
    let file: Value = serde_json::from_slice(bytes).ok()?;
    file.get("as_of")?.as_str()?.parse().ok()
}

/// Returns a checklist: a file, one inside this program by its name, an OCOP set by its number, or
/// the edition of a code that is in force on a day.
fn find(name: &str, day: Day) -> Result<Template, CliError> {
    let numbered = name.parse::<u32>().ok().map(|number| format!("OCOP-{number:02}"));
    let numbered = numbered.filter(|code| ocop_set(code).is_some());
    if let Some(code) = numbered {
        return template::load(&code);
    }
    if template::embedded_as(name).is_none() && !Path::new(name).exists() {
        let known: Result<Vec<Template>, TemplateError> =
            template::TEA_EDITIONS.iter().map(|(_, bytes)| Template::parse(bytes)).collect();
        let known = known.map_err(|source| CliError::Checklist { path: name.into(), source })?;
        let code = name.to_uppercase();
        if let Some(found) = in_force(&known, &code, &day.to_string()) {
            return Ok(found.clone());
        }
        // Before any edition: the first, and the grade says that it is not in force.
        let mut editions = known.into_iter().filter(|template| template.code() == code);
        if let Some(first) = editions.next() {
            return Ok(first);
        }
    }
    template::load(name)
}

/// Returns the recognition that the answers name, with the checklist it was by.
fn recognised(
    file: &AnswersFile,
    template: &Arc<Template>,
    day: Day,
) -> Result<Option<Recognised>, CliError> {
    let Some(told) = &file.recognised else { return Ok(None) };
    let by = match (&told.template, template.grading()) {
        (Some(name), _) => Arc::new(find(name, day)?),
        (None, Grading::CriteriaHeld(rule)) => Arc::new(find(&rule.of, day)?),
        (None, _) => Arc::clone(template),
    };
    Ok(Some(Recognised { template: by, stars: told.stars, options: told.options.clone() }))
}

/// Returns a text of the core in the language of the reader.
fn local<'t>(m: &Messages, vi: &'t str, en: &'t str) -> &'t str {
    match m.lang() {
        crate::messages::Lang::Vi => vi,
        crate::messages::Lang::En => en,
    }
}

#[cfg(test)]
mod tests;
