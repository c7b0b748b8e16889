//! Checklists, their expressions, and answers to them.

use std::sync::{Arc, OnceLock};

use bienban_core::checklist::expr::{
    Evaluation, FieldKind, FieldSpec, FormSpec, Given, GroupSpec, Program, RowId, Settled, parse,
};
use bienban_core::checklist::grading::{AnswersFile, Grader, Settings};
use bienban_core::checklist::{Day, FORMAT, TEA_1, Template, differences};

/// Answers that one input gives.
const ANSWERS_MAX: usize = 64;

fn day() -> Day {
    "2026-11-23".parse().expect("it is a day")
}

fn tea() -> &'static Arc<Template> {
    static TEA: OnceLock<Arc<Template>> = OnceLock::new();
    TEA.get_or_init(|| Arc::new(Template::parse(TEA_1).expect("it is embedded and checked")))
}

/// A checklist that reads has one form, a shape, and a grade for no answers; a refused one says why.
pub(super) fn templates(data: &[u8]) {
    let template = match Template::parse(data) {
        Ok(template) => template,
        Err(error) => return drop(format!("{error}{error:?}")),
    };
    let written = serde_json::to_vec(&template.to_json()).unwrap();
    if template.format() == FORMAT {
        let again = Template::parse(&written).expect("a checklist reads as it is written");
        assert_eq!(again.id(), template.id(), "a checklist has one form");
    }
    assert!(template.shape().items().len() <= template.items().len(), "some are asked in rows");
    for item in template.items() {
        assert!(template.item(&item).is_some());
    }
    drop((differences(tea(), &template), differences(&template, tea())));
    grade(&Arc::new(template), AnswersFile::default());
}

/// An answers file for the tea checklist: read, graded, explained.
pub(super) fn answers(data: &[u8]) {
    match AnswersFile::parse(data, tea()) {
        Ok(file) => grade(tea(), file),
        Err(error) => drop(format!("{error}{error:?}")),
    }
}

fn grade(template: &Arc<Template>, file: AnswersFile) {
    let settings = Settings::new(file.as_of.unwrap_or_else(day));
    let mut grader = Grader::new(Arc::clone(template), file.answers.clone(), settings.clone());
    let (graded, node) = grader.explain();
    drop(format!("{node:?}"));
    assert_eq!(grader.grade(), graded, "a grade is what its explanation says");
    assert_eq!(Grader::new(Arc::clone(template), file.answers, settings).grade(), graded);
    drop((grader.unanswered(), grader.deviations_without_finding()));
}

/// The form in which expressions are tried: items of each kind, some in rows, four of which carry what the
/// first four lines of the input say.
fn form<'t>(lines: &mut impl Iterator<Item = &'t str>) -> FormSpec {
    let options = || ["pass", "minor", "major"].map(str::to_owned).to_vec();
    let mut said = || lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    let group = |name: &str, repeats| GroupSpec { name: name.to_owned(), repeats, relevant: None };
    let mut groups = vec![group("1", false), group("lots", true)];
    let field = |name: &str, kind, group| FieldSpec { group, ..FieldSpec::new(name, kind) };
    let mut fields = vec![
        field("n", FieldKind::Number, Some(0)),
        field("t", FieldKind::Text, Some(0)),
        field("5.5", FieldKind::Choice(options()), Some(0)),
        field("many", FieldKind::Choices(options()), None),
        field("yes", FieldKind::Bool, None),
        field("d", FieldKind::Date, Some(0)),
        field("photo", FieldKind::Opaque, None),
        field("w", FieldKind::Number, Some(1)),
    ];
    fields[0].relevant = said();
    fields[0].constraint = said();
    fields[7].required = said();
    groups[1].relevant = said();
    for (name, kind) in [
        ("sum", FieldKind::Number),
        ("text", FieldKind::Text),
        ("holds", FieldKind::Bool),
        ("then", FieldKind::Date),
    ] {
        let calculation = said();
        if calculation.is_some() {
            fields.push(FieldSpec { calculation, ..FieldSpec::new(name, kind) });
        }
    }
    FormSpec { groups, fields }
}

/// Eight lines of expressions, then answers `item=text`, those in rows as `row/item=text`.
pub(super) fn expressions(data: &[u8]) {
    let lossy = String::from_utf8_lossy(data);
    lossy.lines().take(8).for_each(|line| drop(parse(line)));
    let mut lines = lossy.lines();
    let program = match Program::compile(&form(&mut lines)) {
        Ok(program) => Arc::new(program),
        Err(faults) => {
            assert!(!faults.is_empty());
            return faults.iter().for_each(|fault| drop(fault.to_string()));
        }
    };
    let mut said: Vec<&str> = lines.take(ANSWERS_MAX).collect();
    // The last answer to an item counts, so only one of each is given.
    said.sort_by_key(|line| line.split('=').next().unwrap_or_default());
    said.dedup_by_key(|line| line.split('=').next().unwrap_or_default());
    let mut forwards = Evaluation::new(Arc::clone(&program), day());
    let mut step_by_step = Evaluation::new(Arc::clone(&program), day());
    said.iter().for_each(|line| answer(&mut forwards, line));
    for line in said.iter().rev() {
        answer(&mut step_by_step, line);
        step_by_step.settle();
    }
    let (one, two) = (told(&program, forwards.settle()), told(&program, step_by_step.settle()));
    assert_eq!(one, two, "the order of answers changes what follows from them");
}

fn answer(evaluation: &mut Evaluation, line: &str) {
    let Some((place, text)) = line.split_once('=') else { return };
    let program = Arc::clone(evaluation.program());
    let (row, item) = match place.split_once('/') {
        Some((row, item)) => (Some(RowId::new(row)), item),
        None => (None, place),
    };
    if let (Some(row), Some(group)) = (&row, program.group("lots")) {
        drop(evaluation.add_row(group, row));
    }
    let Some(field) = program.field(item) else { return };
    let (text, conflicted) = text.strip_prefix('!').map_or((text, false), |text| (text, true));
    let given = match text {
        "" => Given::unanswered(),
        "na" => Given::not_applicable(),
        text => match program.read(field, text) {
            Ok(value) => Given::value(value),
            Err(error) => return drop(error.to_string()),
        },
    };
    let given = if conflicted { given.conflicted() } else { given };
    drop(evaluation.set(field, row.as_ref(), given));
}

/// All that an evaluation says, as a text.
fn told(program: &Program, settled: Settled<'_>) -> String {
    let rows = program.group("lots").map(|group| settled.rows(group).cloned().collect::<Vec<_>>());
    let mut told = Vec::new();
    for field in program.fields() {
        let rows = match program.rows_of(field) {
            Some(_) => rows.iter().flatten().map(Some).collect(),
            None => vec![None],
        };
        for row in rows {
            told.push(format!(
                "{:?} {:?} {:?} {:?}",
                settled.value(field, row),
                settled.relevance(field, row),
                settled.requirement(field, row),
                settled.constraint(field, row),
            ));
        }
    }
    told.join("\n")
}
