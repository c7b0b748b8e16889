//! Tests of expressions as a form meets them: what they mean, what is refused, what is evaluated.

mod effort;
mod faults;
mod meaning;
mod random;

use std::sync::Arc;

use super::{
    Evaluation, ExprFault, FieldKind, FieldSpec, FormSpec, Given, GroupSpec, Outcome, Program,
    RowId,
};
use crate::checklist::day::Day;

fn options(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A form with an item of each kind outside of rows, and the repeat group `lots`.
fn sample() -> FormSpec {
    let kinds = [
        ("n", FieldKind::Number),
        ("n2", FieldKind::Number),
        ("t", FieldKind::Text),
        ("1.1-ko", FieldKind::Choice(options(&["yes", "no"]))),
        ("5.5", FieldKind::Choice(options(&["pass", "minor", "major"]))),
        ("points", FieldKind::Choice(options(&["1", "2", "3"]))),
        ("many", FieldKind::Choices(options(&["a", "b", "c"]))),
        ("d", FieldKind::Date),
        ("d2", FieldKind::Date),
        ("y", FieldKind::Bool),
        ("photo", FieldKind::Opaque),
    ];
    let rows = [
        ("w", FieldKind::Number),
        ("kind", FieldKind::Choice(options(&["tea", "rice"]))),
        ("made", FieldKind::Date),
        ("name", FieldKind::Text),
    ];
    let group = |name: &str, repeats| GroupSpec { name: name.to_owned(), repeats, relevant: None };
    let mut spec =
        FormSpec { groups: vec![group("1", false), group("lots", true)], fields: Vec::new() };
    for (name, kind) in kinds {
        spec.fields.push(FieldSpec { group: Some(0), ..FieldSpec::new(name, kind) });
    }
    for (name, kind) in rows {
        spec.fields.push(FieldSpec { group: Some(1), ..FieldSpec::new(name, kind) });
    }
    spec
}

fn with(mut spec: FormSpec, field: FieldSpec) -> FormSpec {
    spec.fields.push(field);
    spec
}

/// An item `result` outside of rows with a calculation.
fn calculated(kind: FieldKind, expression: &str) -> FieldSpec {
    FieldSpec {
        calculation: Some(expression.to_owned()),
        group: Some(0),
        ..FieldSpec::new("result", kind)
    }
}

fn compiled(spec: &FormSpec) -> Arc<Program> {
    match Program::compile(spec) {
        Ok(program) => Arc::new(program),
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            panic!("{}", faults.join("\n"));
        }
    }
}

fn refused(spec: &FormSpec) -> Vec<ExprFault> {
    Program::compile(spec).map(|_| ()).unwrap_err()
}

/// Returns what is said of an expression, as a calculation, that is refused for any type.
fn said_of(expression: &str) -> Vec<String> {
    let spec = with(sample(), calculated(FieldKind::Bool, expression));
    refused(&spec).iter().map(ToString::to_string).collect()
}

/// Evaluates an expression with answers to the items of [`sample`]; `item=text`, where `na` says that
/// the item does not apply and a `!` before the text that the answers conflict. Rows are `row/item`.
fn outcome(expression: &str, answers: &[&str]) -> Outcome {
    let kinds = [FieldKind::Bool, FieldKind::Number, FieldKind::Text, FieldKind::Date];
    let program = kinds
        .into_iter()
        .find_map(|kind| Program::compile(&with(sample(), calculated(kind, expression))).ok())
        .unwrap_or_else(|| panic!("{expression} is refused: {:?}", said_of(expression)));
    let program = Arc::new(program);
    let mut evaluation = Evaluation::new(Arc::clone(&program), day("2026-11-23"));
    let lots = program.group("lots").unwrap();
    for answer in answers {
        let (item, text) = answer.split_once('=').unwrap();
        let (row, item) = match item.split_once('/') {
            Some((row, item)) => (Some(RowId::new(row)), item),
            None => (None, item),
        };
        if let Some(row) = &row {
            // A row is named with each of its answers.
            drop(evaluation.add_row(lots, row));
        }
        if item.is_empty() {
            continue;
        }
        let field = program.field(item).unwrap();
        let (text, conflicted) = match text.strip_prefix('!') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let given = match text {
            "" => Given::unanswered(),
            "na" => Given::not_applicable(),
            text => Given::value(program.read(field, text).unwrap()),
        };
        let given = if conflicted { given.conflicted() } else { given };
        evaluation.set(field, row.as_ref(), given).unwrap();
    }
    let result = program.field("result").unwrap();
    evaluation.settle().value(result, None).unwrap().clone()
}

/// Returns an outcome in short: the value, `?` for unanswered, `na`, or the error; then its marks.
fn short(expression: &str, answers: &[&str]) -> String {
    let Outcome { datum, marks } = outcome(expression, answers);
    let datum = match datum {
        super::Datum::Value(value) => value.to_string(),
        super::Datum::Unanswered => "?".to_owned(),
        super::Datum::NotApplicable => "na".to_owned(),
        super::Datum::Invalid(reason) => reason.to_string(),
    };
    if marks.is_none() { datum } else { format!("{datum} {marks:?}") }
}
