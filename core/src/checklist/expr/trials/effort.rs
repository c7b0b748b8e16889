//! That an answer costs what depends on it, and a late row what an early one did.

use super::super::*;
use super::*;

fn set(evaluation: &mut Evaluation, item: &str, row: Option<&RowId>, number: u32) {
    let field = evaluation.program().field(item).unwrap();
    let value = Value::Number(Number::whole(number));
    evaluation.set(field, row, Given::value(value)).unwrap();
}

/// Lots with an answer, what is calculated from it, conditions, and figures over all lots.
fn lots() -> FormSpec {
    let row = |name: &str| FieldSpec { group: Some(0), ..FieldSpec::new(name, FieldKind::Number) };
    let calculated = |calculation: &str, field: FieldSpec| FieldSpec {
        calculation: Some(calculation.to_owned()),
        ..field
    };
    let group = GroupSpec { name: "lots".to_owned(), repeats: true, relevant: None };
    let total = |name: &str, calculation: &str| {
        calculated(calculation, FieldSpec::new(name, FieldKind::Number))
    };
    let checked = FieldSpec {
        relevant: Some("${weight} > ${limit}".to_owned()),
        constraint: Some(". <= ${weight}".to_owned()),
        required: Some("${tax} > 5".to_owned()),
        ..row("sampled")
    };
    FormSpec {
        groups: vec![group],
        fields: vec![
            FieldSpec::new("limit", FieldKind::Number),
            row("weight"),
            calculated("${weight} div 10", row("tax")),
            checked,
            total("lots-n", "count(${lots})"),
            total("weight-sum", "sum(${weight})"),
            total("weight-mean", "round(${weight-sum} div ${lots-n}, 2)"),
            total("tax-max", "max(${tax})"),
            total("sampled-n", "count-non-empty(${sampled})"),
        ],
    }
}

#[test]
fn the_five_hundredth_row_costs_what_the_fifth_did() {
    let program = compiled(&lots());
    let group = program.group("lots").unwrap();
    let mut evaluation = Evaluation::new(program, day("2026-11-23"));
    set(&mut evaluation, "limit", None, 1);
    let mut efforts = Vec::new();
    for number in 1..=500 {
        let row = RowId::new(&format!("lot {number}"));
        evaluation.add_row(group, &row).unwrap();
        set(&mut evaluation, "weight", Some(&row), 1_000 + number);
        set(&mut evaluation, "sampled", Some(&row), 1);
        efforts.push(evaluation.settle().effort());
    }
    assert_eq!(efforts[4], efforts[499]);
    assert!(efforts[4].nodes < 20, "{:?}", efforts[4]);
    // And so does changing a row, or removing one.
    let mut change = |name: &str, number| {
        set(&mut evaluation, "weight", Some(&RowId::new(name)), number);
        evaluation.settle().effort()
    };
    assert_eq!(change("lot 5", 2_000), change("lot 400", 2_001));
    evaluation.remove_row(group, &RowId::new("lot 9")).unwrap();
    let ninth = evaluation.settle().effort();
    evaluation.remove_row(group, &RowId::new("lot 499")).unwrap();
    assert_eq!(evaluation.settle().effort(), ninth);
}

#[test]
fn an_answer_among_two_thousand_items_costs_its_dependents_only() {
    let mut spec = FormSpec::default();
    for at in 0..2_000 {
        spec.fields.push(FieldSpec {
            relevant: (at % 10 != 0).then(|| format!("${{i{}}} > 0", at / 10 * 10)),
            constraint: Some(". >= 0 and . < 100".to_owned()),
            ..FieldSpec::new(&format!("i{at}"), FieldKind::Number)
        });
    }
    let program = compiled(&spec);
    let mut evaluation = Evaluation::new(program, day("2026-11-23"));
    let all = evaluation.settle().effort();
    assert_eq!(all.nodes, 2_000 + 1_800 + 2_000 + 1);
    set(&mut evaluation, "i1000", None, 5);
    // Its own two, and relevance, value and constraint of nine others.
    assert_eq!(evaluation.settle().effort().nodes, 2 + 3 * 9);
    set(&mut evaluation, "i1003", None, 5);
    // Its value and its constraint.
    assert_eq!(evaluation.settle().effort().nodes, 2);
    assert_eq!(evaluation.settle().effort(), Effort::default());
}

#[test]
fn an_answer_that_changes_no_outcome_stops_there() {
    let mut spec = lots();
    spec.fields.push(FieldSpec {
        relevant: Some("${limit} > 3".to_owned()),
        ..FieldSpec::new("far", FieldKind::Number)
    });
    let mut evaluation = Evaluation::new(compiled(&spec), day("2026-11-23"));
    set(&mut evaluation, "limit", None, 4);
    assert!(evaluation.settle().effort().nodes > 0);
    set(&mut evaluation, "limit", None, 5);
    // The value, and the relevance that stays as it is.
    assert_eq!(evaluation.settle().effort().nodes, 2);
    set(&mut evaluation, "limit", None, 5);
    assert_eq!(evaluation.settle().effort().nodes, 0);
}
