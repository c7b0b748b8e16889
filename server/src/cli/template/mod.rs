//! `bienban template`: looks into checklist files. It needs no device and no hub, and writes nothing.

mod check;
mod diff;
mod show;

use std::borrow::Cow;
use std::path::Path;

use bienban_core::checklist::{
    AnswerType, Grading, KnockoutLevel, TEA, TEA_1, Template, held_codes, held_set, ocop_set,
    ocop_sets,
};
use bienban_core::client::{Client, ClientError};
use bienban_core::clock;
use bienban_core::model::{Scope, TemplateId};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::CliError;
use super::nearest::closest;
use super::output::{Answer, Output};
use super::time;
use crate::messages::Messages;

/// The checklists of tea facilities: edition 0, by the name that `admin checklist add` knows, and 1.
pub(super) const TEA_EDITIONS: [(&str, &[u8]); 2] = [("tea", TEA), ("tea-1", TEA_1)];

/// Checklist files.
#[derive(Debug, Args)]
pub(super) struct TemplateArgs {
    #[command(subcommand)]
    command: TemplateCommand,
}

/// A checklist is a JSON file, or one inside this program: tea, tea-1, OCOP-01 to OCOP-26, or HELD-01
/// to HELD-26, which check that a recognised product still holds its criteria.
#[derive(Debug, Subcommand)]
enum TemplateCommand {
    /// Check checklist files: every fault with its place, and what the valid ones hold.
    Check {
        /// Files, folders of .json files, or checklists inside this program.
        #[arg(required_unless_present = "embedded", value_name = "FILE|CODE")]
        files: Vec<String>,
        /// Check every checklist inside this program too.
        #[arg(long)]
        embedded: bool,
    },
    /// Show a checklist with its sources, points, gates, knock-outs and anomalies.
    Show {
        /// A file, or a checklist inside this program.
        #[arg(value_name = "FILE|CODE")]
        file: String,
    },
    /// Show what changed from one checklist to another.
    Diff {
        /// The older one: a file, or a checklist inside this program.
        #[arg(value_name = "FILE|CODE")]
        before: String,
        /// The newer one.
        #[arg(value_name = "FILE|CODE")]
        after: String,
    },
}

/// Does what was asked.
pub(super) fn run(arguments: TemplateArgs, output: &Output) -> Result<Answer, CliError> {
    let m = output.messages();
    match arguments.command {
        TemplateCommand::Check { files, embedded } => check::check(&files, embedded, m),
        TemplateCommand::Show { file } => show::show(&load(&file)?, m),
        TemplateCommand::Diff { before, after } => diff::diff(&load(&before)?, &load(&after)?, m),
    }
}

/// Returns the checklists inside this program. The checks of recognised products come last: their
/// criteria are those of the sets once more.
fn embedded() -> impl Iterator<Item = (String, Cow<'static, [u8]>)> {
    let files = TEA_EDITIONS.into_iter().chain(ocop_sets().iter().copied());
    let files = files.map(|(name, bytes)| (name.to_owned(), Cow::Borrowed(bytes)));
    let made = held_codes().into_iter().filter_map(|code| {
        let bytes = held_set(&code)?;
        Some((code, Cow::Owned(bytes)))
    });
    files.chain(made)
}

/// Returns the names of the checklists inside this program.
pub(super) fn names() -> Vec<String> {
    embedded().map(|(name, _)| name).collect()
}

/// Returns the checklist inside this program that has the name.
pub(super) fn embedded_as(name: &str) -> Option<Cow<'static, [u8]>> {
    let tea = TEA_EDITIONS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let file = tea.map(|(_, bytes)| bytes).or_else(|| ocop_set(name));
    file.map(Cow::Borrowed).or_else(|| held_set(name).map(Cow::Owned))
}

/// Returns the bytes of a file, or of the checklist inside this program that has the name.
pub(super) fn bytes_of(name: &str) -> Result<Vec<u8>, CliError> {
    if let Some(bytes) = embedded_as(name) {
        return Ok(bytes.into_owned());
    }
    let path = Path::new(name);
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound if !is_path(name) => {
            let known = names();
            let closest = closest(name, known.iter().map(String::as_str)).map(str::to_owned);
            CliError::NoEmbedded { name: name.to_owned(), closest }
        }
        _ => CliError::File { path: path.to_owned(), source },
    })
}

/// Whether a name can only be meant as a file's: it has a folder or an ending.
fn is_path(name: &str) -> bool {
    Path::new(name).extension().is_some() || name.contains(['/', '\\'])
}

/// Finds a published checklist by what it may be called in every command: the first digits of its id, its code
/// (in a unit the edition that is in force there, else the one that took effect last), or the name that it has
/// inside this program. `tea` names the checklist, `tea-1` that edition alone.
///
/// # Errors
///
/// Returns [`ClientError::NotFound`] or [`ClientError::Ambiguous`].
pub(super) fn find(
    client: &Client,
    name: &str,
    unit: Option<&Scope>,
) -> Result<TemplateId, CliError> {
    let today = time::day(clock::now());
    let by_code = |code: &str| match unit {
        Some(unit) => client.find_template_in(code, unit, &today),
        None => client.find_template(code, &today),
    };
    let missing = match by_code(name) {
        Err(missing @ ClientError::NotFound { .. }) => missing,
        found => return Ok(found?),
    };
    let Some(inside) = embedded_as(name.trim()) else { return Err(missing.into()) };
    let inside = Template::parse(&inside)
        .map_err(|source| CliError::Checklist { path: name.into(), source })?;
    let is_edition = name.trim().eq_ignore_ascii_case(TEA_EDITIONS[1].0);
    if let Some(unit) = unit.filter(|_| !is_edition)
        && let Some(in_force) = client.in_force_in(inside.code(), unit)?
    {
        return Ok(in_force);
    }
    let known = client.phone().replica().templates().map_err(ClientError::from)?;
    if known.contains(&inside.id()) {
        return Ok(inside.id());
    }
    match by_code(inside.code()) {
        Ok(other) if !is_edition => Ok(other),
        _ => Err(missing.into()),
    }
}

/// Reads a file, or the checklist inside this program that has the name.
pub(super) fn load(name: &str) -> Result<Template, CliError> {
    Template::parse(&bytes_of(name)?)
        .map_err(|source| CliError::Checklist { path: name.into(), source })
}

/// How much a checklist holds.
#[derive(Debug, Default, Serialize)]
struct Counts {
    sections: usize,
    items: usize,
    repeat_groups: usize,
    criteria: usize,
    options: usize,
    implied_options: usize,
    gates: Gates,
    knockouts: Knockouts,
    anomalies: usize,
    needs_person: usize,
    corrections: usize,
}

#[derive(Debug, Default, Serialize)]
struct Gates {
    #[serde(rename = "3")]
    three: usize,
    #[serde(rename = "4")]
    four: usize,
    #[serde(rename = "5")]
    five: usize,
}

#[derive(Debug, Default, Serialize)]
struct Knockouts {
    dossier: usize,
    section: usize,
    criterion: usize,
}

impl Counts {
    fn of(template: &Template) -> Self {
        let items: Vec<_> = template.each().map(|(_, item)| item).collect();
        let criteria = || items.iter().filter(|item| item.max.is_some());
        // Only options that give points: the yes and no of a knock-out are none of the form.
        let options = || criteria().flat_map(|item| item.answer.options());
        let gates = |stars| options().filter(|option| option.gate == Some(stars)).count();
        let knockouts = |level: KnockoutLevel| match template.grading() {
            Grading::OcopPoints(ocop) => ocop.knockouts.iter().filter(|k| k.level == level).count(),
            _ => 0,
        };
        Self {
            sections: template.sections().len(),
            items: items.len(),
            repeat_groups: template.groups().count(),
            criteria: criteria().count(),
            options: options().count(),
            implied_options: options().filter(|option| option.implied).count(),
            gates: Gates { three: gates(3), four: gates(4), five: gates(5) },
            knockouts: Knockouts {
                dossier: knockouts(KnockoutLevel::Dossier),
                section: knockouts(KnockoutLevel::Section),
                criterion: knockouts(KnockoutLevel::Criterion),
            },
            anomalies: template.anomalies().len(),
            needs_person: template.anomalies().iter().filter(|a| a.needs_person).count(),
            corrections: template.corrections().len(),
        }
    }

    /// Adds all but anomalies, of which many checklists may share one.
    fn add(&mut self, other: &Self) {
        self.sections += other.sections;
        self.items += other.items;
        self.repeat_groups += other.repeat_groups;
        self.criteria += other.criteria;
        self.options += other.options;
        self.implied_options += other.implied_options;
        self.gates.three += other.gates.three;
        self.gates.four += other.gates.four;
        self.gates.five += other.gates.five;
        self.knockouts.dossier += other.knockouts.dossier;
        self.knockouts.section += other.knockouts.section;
        self.knockouts.criterion += other.knockouts.criterion;
        self.corrections += other.corrections;
    }

    /// Returns the counts as people read them.
    fn line(&self, m: &Messages) -> String {
        let text = |number: usize| number.to_string();
        let knockouts = self.knockouts.dossier + self.knockouts.section + self.knockouts.criterion;
        let mut line = m.text(
            "template.counts",
            &[("sections", &text(self.sections)), ("items", &text(self.items))],
        );
        if self.criteria > 0 {
            line.push_str(&m.text(
                "template.counts_points",
                &[
                    ("criteria", &text(self.criteria)),
                    ("options", &text(self.options)),
                    ("three", &text(self.gates.three)),
                    ("four", &text(self.gates.four)),
                    ("five", &text(self.gates.five)),
                    ("knockouts", &text(knockouts)),
                ],
            ));
        }
        if self.repeat_groups > 0 {
            line.push_str(
                &m.text("template.counts_groups", &[("groups", &text(self.repeat_groups))]),
            );
        }
        if self.anomalies > 0 {
            line.push_str(&m.text(
                "template.counts_anomalies",
                &[("anomalies", &text(self.anomalies)), ("persons", &text(self.needs_person))],
            ));
        }
        line
    }
}

/// Returns what stands between an answer's type and its item, in a few words.
fn answer_words(answer: &AnswerType, m: &Messages) -> String {
    match answer {
        AnswerType::Number { unit, .. } => m.text("template.answer_number", &[("unit", unit)]),
        AnswerType::Choice { .. } => m.text("template.answer_choice", &[]),
        AnswerType::Choices { .. } => m.text("template.answer_choices", &[]),
        AnswerType::Text { .. } => m.text("template.answer_text", &[]),
        AnswerType::Date {} => m.text("template.answer_date", &[]),
        AnswerType::Photo { .. } => m.text("template.answer_photo", &[]),
        AnswerType::Position {} => m.text("template.answer_position", &[]),
        AnswerType::Signature {} => m.text("template.answer_signature", &[]),
        AnswerType::Calculation { expression, .. } => {
            m.text("template.answer_calculation", &[("expression", expression)])
        }
        _ => m.text("template.answer_grade", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::folder::At;
    use crate::messages::Lang;

    #[test]
    fn a_name_that_is_none_is_told_from_a_slip_and_from_a_file() {
        let names: Vec<String> = embedded().map(|(name, _)| name).collect();
        let known = || names.iter().map(String::as_str);
        assert_eq!(closest("tee", known()), Some("tea"));
        assert_eq!(closest("Tea1", known()), Some("tea-1"));
        assert_eq!(closest("OCPO-03", known()), Some("OCOP-03"));
        assert_eq!(closest("OCOP-27", known()), None, "there is no such set, and 26 is another");
        assert_eq!(closest("coffee", known()), None);
        let missing = |name: &str| bytes_of(name).map(drop).unwrap_err();
        assert!(matches!(missing("OCOP-27"), CliError::NoEmbedded { closest: None, .. }));
        // What is told instead names the first and the last of each kind.
        let ends = |kind: &str| {
            let of: Vec<&String> = names.iter().filter(|name| name.starts_with(kind)).collect();
            [of[0].clone(), of[of.len() - 1].clone()]
        };
        for lang in [Lang::Vi, Lang::En] {
            let told = missing("nope").explain(At::Field, &Messages::new(lang));
            for name in [ends("tea"), ends("OCOP"), ends("HELD")].as_flattened() {
                assert!(told.contains(name), "{name} is not in: {told}");
            }
        }
        for path in ["gone.json", "lists/gone", "./gone"] {
            assert!(matches!(missing(path), CliError::File { .. }), "{path}");
        }
    }
}
