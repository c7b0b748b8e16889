//! What an answer costs in a checklist with expressions. `README.md` beside this file says what each
//! figure means.
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;
use std::sync::Arc;

use bienban_core::checklist::Day;
use bienban_core::checklist::expr::{
    Evaluation, Field, FieldKind, FieldSpec, FormSpec, Given, GroupSpec, Number, Program, RowId,
    Value,
};
use criterion::{Criterion, criterion_group, criterion_main};

const ITEMS: usize = 60;
const MANY_ITEMS: usize = 2_000;
const ROWS: usize = 500;
/// Items of each row; the other items are outside of rows.
const ROW_ITEMS: usize = 20;
/// One item of so many decides whether those after it apply.
const RUN: usize = 10;

fn day() -> Day {
    "2026-11-23".parse().unwrap()
}

fn number(number: u32) -> Given {
    Given::value(Value::Number(Number::whole(number)))
}

/// Adds items of which one in ten decides whether the next nine apply; each has a constraint.
fn add_items(spec: &mut FormSpec, from: usize, to: usize, group: Option<usize>) {
    for at in from..to {
        let first = (at - from) / RUN * RUN + from;
        spec.fields.push(FieldSpec {
            group,
            relevant: (at != first).then(|| format!("${{i{first}}} > 0 and ${{i{first}}} < 90")),
            constraint: Some(". >= 0 and . <= 100".to_owned()),
            required: Some("${limit} > 5".to_owned()),
            ..FieldSpec::new(&format!("i{at}"), FieldKind::Number)
        });
    }
}

fn add_calculated(spec: &mut FormSpec, name: &str, calculation: &str) {
    spec.fields.push(FieldSpec {
        calculation: Some(calculation.to_owned()),
        ..FieldSpec::new(name, FieldKind::Number)
    });
}

fn small() -> FormSpec {
    let mut spec = FormSpec::default();
    spec.fields.push(FieldSpec::new("limit", FieldKind::Number));
    add_items(&mut spec, 0, ITEMS, None);
    let all: Vec<String> = (0..ITEMS).map(|at| format!("coalesce(${{i{at}}}, 0)")).collect();
    add_calculated(&mut spec, "total", &all.join(" + "));
    spec
}

fn large() -> FormSpec {
    let mut spec = FormSpec::default();
    let name = "lots".to_owned();
    spec.groups.push(GroupSpec { name, repeats: true, relevant: None });
    spec.fields.push(FieldSpec::new("limit", FieldKind::Number));
    add_items(&mut spec, 0, ROW_ITEMS, Some(0));
    add_items(&mut spec, ROW_ITEMS, MANY_ITEMS, None);
    for (name, calculation) in [
        ("sum", "sum(${i1})"),
        ("least", "min(${i2})"),
        ("counted", "count-non-empty(${i3}) div count(${lots})"),
    ] {
        add_calculated(&mut spec, name, calculation);
    }
    spec
}

fn row(at: usize) -> RowId {
    RowId::new(&format!("{at:032}"))
}

/// Answers everything there is, in every row.
fn answered(program: &Arc<Program>, rows: usize) -> Evaluation {
    let mut evaluation = Evaluation::new(Arc::clone(program), day());
    let group = program.group("lots");
    for at in 0..rows {
        evaluation.add_row(group.unwrap(), &row(at)).unwrap();
    }
    for field in program.fields().filter(|field| !program.is_calculated(*field)) {
        match program.rows_of(field) {
            Some(_) => {
                for at in 0..rows {
                    evaluation.set(field, Some(&row(at)), number(50)).unwrap();
                }
            }
            None => evaluation.set(field, None, number(50)).unwrap(),
        }
    }
    evaluation
}

/// Answers one item anew, again and again.
fn answer(evaluation: &mut Evaluation, field: Field, row: Option<&RowId>, turn: &mut u32) {
    *turn += 1;
    evaluation.set(field, row, number(*turn % 80 + 1)).unwrap();
    black_box(evaluation.settle().changes().len());
}

fn expressions(bench: &mut Criterion) {
    let mut turn = 0;
    let spec = small();
    bench.bench_function("compile 60 items", |bench| {
        bench.iter(|| Program::compile(black_box(&spec)).unwrap());
    });
    let program = Arc::new(Program::compile(&spec).unwrap());
    let mut evaluation = answered(&program, 0);
    let field = program.field("i13").unwrap();
    bench.bench_function("one answer in 60 items", |bench| {
        bench.iter(|| answer(&mut evaluation, field, None, &mut turn));
    });

    let spec = large();
    bench.bench_function("compile 2,000 items", |bench| {
        bench.iter(|| Program::compile(black_box(&spec)).unwrap());
    });
    let program = Arc::new(Program::compile(&spec).unwrap());
    bench.bench_function("evaluate 2,000 items and 500 rows from nothing", |bench| {
        bench.iter(|| answered(&program, ROWS).settle().changes().len());
    });
    let mut evaluation = answered(&program, ROWS);
    let (outside, inside) = (program.field("i1013").unwrap(), program.field("i1").unwrap());
    bench.bench_function("one answer in 2,000 items and 500 rows", |bench| {
        bench.iter(|| answer(&mut evaluation, outside, None, &mut turn));
    });
    for at in [4, ROWS - 1] {
        bench.bench_function(&format!("one answer in row {}", at + 1), |bench| {
            bench.iter(|| answer(&mut evaluation, inside, Some(&row(at)), &mut turn));
        });
    }
    let deciding = program.field("i0").unwrap();
    bench.bench_function("an answer on which nine others rest, in row 500", |bench| {
        bench.iter(|| answer(&mut evaluation, deciding, Some(&row(ROWS - 1)), &mut turn));
    });
}

criterion_group!(benches, expressions);
criterion_main!(benches);
