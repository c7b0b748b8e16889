//! What a changed answer costs: counted, not timed.

use std::sync::Arc;

use serde_json::json;

use super::models::{pass_fail, small};
use super::{set_11, settings, tea, value};
use crate::checklist::grading::{Answers, Grader, Regraded, Response, Standing};
use crate::model::Grade;

const ROWS: usize = 500;

#[test]
fn an_answer_reads_anew_only_what_depends_on_it() {
    let mut grader = Grader::new(tea(), Answers::default(), settings());
    grader.grade();
    assert_eq!(grader.regraded().cells, 43, "at first everything is read");
    grader.set("1.1", Standing::of(Response::Grade(Grade::Pass)));
    grader.grade();
    assert_eq!(grader.regraded(), Regraded { nodes: 1, cells: 1 });
    grader.grade();
    assert_eq!(grader.regraded(), Regraded { nodes: 0, cells: 0 });

    let mut grader = Grader::new(set_11(), Answers::default(), settings());
    grader.grade();
    grader.set("5.1", value("3"));
    grader.grade();
    // 5.1 itself; whether 5.2 applies, and its value.
    assert_eq!(grader.regraded(), Regraded { nodes: 3, cells: 2 });
}

#[test]
fn the_last_of_many_rows_costs_what_an_early_one_did() {
    let mut grader = Grader::new(pass_fail(), Answers::default(), settings());
    let mut cost = |row: usize| {
        let name = format!("row-{row}");
        grader.set_in_row("lots", &name, "row-wet", value("5"));
        grader.set_in_row("lots", &name, "row-g", Standing::of(Response::Grade(Grade::Pass)));
        grader.grade();
        grader.set_in_row("lots", &name, "row-wet", value("6"));
        grader.grade();
        grader.regraded()
    };
    let costs: Vec<Regraded> = (0..ROWS).map(&mut cost).collect();
    assert_eq!(costs[4], costs[ROWS - 1]);
    assert!(costs[4].cells <= 3, "the item and the sum: {:?}", costs[4]);
}

#[test]
fn a_changed_sheet_is_graded_like_a_new_one() {
    let template = small(&json!({"model": "pass_fail", "deadline_days_max": 30}));
    let mut grader = Grader::new(Arc::clone(&template), Answers::default(), settings());
    for (row, grade) in [("a", Grade::Pass), ("b", Grade::Major), ("a", Grade::Minor)] {
        grader.set_in_row("lots", row, "row-g", Standing::of(Response::Grade(grade)));
        grader.grade();
    }
    grader.set("pick", value("b"));
    grader.grade();
    grader.remove_row("lots", "b");
    let anew = Grader::new(template, grader.answers().clone(), settings()).explain();
    assert_eq!(grader.explain(), anew);
}
