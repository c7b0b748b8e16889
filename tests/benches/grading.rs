//! What a grade costs after one answer. `README.md` beside this file says what each figure means.
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;
use std::sync::Arc;

use bienban_core::checklist::grading::{Answers, Grader, Response, Settings, Standing};
use bienban_core::checklist::{Template, ocop_set};
use bienban_core::model::Grade;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

const ITEMS: usize = 60;
const MANY_ITEMS: usize = 2_000;
const ROWS: usize = 500;
/// Items of each row; the other items are answered once.
const ROW_ITEMS: usize = 20;

fn text(text: &str) -> Value {
    json!({"vi": text, "en": text})
}

/// Returns graded items of which one in ten decides whether the next nine apply.
fn items(from: usize, to: usize) -> Vec<Value> {
    let item = |at: usize| {
        let first = (at - from) / 10 * 10 + from;
        let mut item = json!({"key": format!("i{at}"), "text": text("an item of a checklist"),
            "answer": {"type": "grade", "severities": ["minor", "major", "serious"]}});
        if at != first {
            item["relevant"] = json!(format!("${{i{first}}} != 'serious'"));
        }
        item
    };
    (from..to).map(item).collect()
}

fn template(once: usize, in_rows: usize) -> Arc<Template> {
    let mut sections = vec![json!({"code": "1", "title": text("one"), "agency": "x",
        "items": items(0, once)})];
    if in_rows > 0 {
        sections.push(json!({"code": "lots", "title": text("lots"), "agency": "x",
            "repeat": {"min": 0, "max": ROWS, "row": text("lot")},
            "items": items(once, once + in_rows)}));
    }
    let file = json!({"format": 2, "code": "BENCH", "edition": "1", "title": text("bench"),
        "official": false, "verified": null, "effective_from": "2026-01-01", "source": "bench",
        "legal_basis": [], "agencies": {"x": text("x")},
        "orders": {"grade": ["na", "pass", "minor", "major", "serious"]},
        "sections": sections, "grading": {"model": "pass_fail", "deadline_days_max": 30}});
    Arc::new(Template::parse(&serde_json::to_vec(&file).unwrap()).unwrap())
}

fn standing(grade: Grade) -> Standing {
    Standing::of(Response::Grade(grade))
}

fn row(at: usize) -> String {
    format!("{at:032}")
}

/// Answers everything there is, in every row.
fn answered(template: &Arc<Template>, rows: usize) -> Grader {
    let settings = Settings::new("2026-11-23".parse().unwrap());
    let mut grader = Grader::new(Arc::clone(template), Answers::default(), settings);
    for (section, item) in template.each() {
        match section.repeat {
            None => grader.set(&item.key, standing(Grade::Pass)),
            Some(_) => {
                for at in 0..rows {
                    grader.set_in_row(&section.code, &row(at), &item.key, standing(Grade::Pass));
                }
            }
        }
    }
    grader.grade();
    grader
}

fn grade_of(turn: &mut usize) -> Grade {
    *turn += 1;
    if (*turn).is_multiple_of(2) { Grade::Pass } else { Grade::Minor }
}

fn grading(bench: &mut Criterion) {
    let mut turn = 0;
    let small = template(ITEMS, 0);
    let mut grader = answered(&small, 0);
    bench.bench_function("grade 60 items after one answer", |bench| {
        bench.iter(|| {
            grader.set("i13", standing(grade_of(&mut turn)));
            black_box(grader.grade())
        });
    });
    bench.bench_function("grade 60 items from nothing", |bench| {
        bench.iter(|| black_box(answered(&small, 0).grade()));
    });
    bench.bench_function("explain 60 items", |bench| {
        bench.iter(|| black_box(grader.explain()));
    });

    let tea = Arc::new(Template::parse(ocop_set("OCOP-11").unwrap()).unwrap());
    let settings = Settings::new("2026-11-23".parse().unwrap());
    let mut grader = Grader::new(tea, Answers::default(), settings);
    bench.bench_function("grade an OCOP sheet after one answer", |bench| {
        bench.iter(|| {
            turn += 1;
            let key = if turn.is_multiple_of(2) { "1" } else { "3" };
            grader.set("5.1", Standing::of(Response::Value(key.to_owned())));
            black_box(grader.grade())
        });
    });

    let large = template(MANY_ITEMS - ROW_ITEMS, ROW_ITEMS);
    let mut grader = answered(&large, ROWS);
    bench.bench_function("grade 2,000 items and 500 rows after one answer", |bench| {
        bench.iter(|| {
            grader.set("i1013", standing(grade_of(&mut turn)));
            black_box(grader.grade())
        });
    });
    let item = format!("i{}", MANY_ITEMS - ROW_ITEMS + 1);
    for at in [4, ROWS - 1] {
        bench.bench_function(
            &format!("grade 2,000 items after one answer in row {}", at + 1),
            |bench| {
                bench.iter(|| {
                    grader.set_in_row("lots", &row(at), &item, standing(grade_of(&mut turn)));
                    black_box(grader.grade())
                });
            },
        );
    }
    bench.bench_function("explain 2,000 items and 500 rows", |bench| {
        bench.iter(|| black_box(grader.explain()));
    });
}

criterion_group!(benches, grading);
criterion_main!(benches);
