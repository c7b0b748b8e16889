//! The check of a recognised product that asks for the recognition itself.

use std::sync::Arc;

use super::{day, graded, grader, says, several, template, value};
use crate::checklist::grading::{
    CriterionState, Grader, HeldResult, Holding, Listed, Node, Outcome, Picked, Response, Standing,
};
use crate::checklist::{Template, held_set};

const EXAMPLE: &[u8] = include_bytes!("../../../../data/examples/held-check.json");

fn check() -> Arc<Template> {
    template(&held_set("HELD-11").unwrap())
}

fn result(grader: &mut Grader) -> HeldResult {
    match grader.grade().outcome {
        Outcome::CriteriaHeld(result) => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_sheet_alone_tells_what_was_recognised_and_what_is_left_of_it() {
    let (graded, why) = graded(&check(), EXAMPLE, None);
    let Outcome::CriteriaHeld(result) = &graded.outcome else { panic!("{graded:?}") };
    assert!(graded.is_final && graded.aside.is_empty(), "{:?}", graded.missing);
    assert_eq!((result.result, result.stars, result.from), (Holding::NotHeld, Some(4), Some(70)));
    assert_eq!((result.recognised_total, result.observed_total), (73, 71));
    assert_eq!((result.below_gate, result.score_drops, result.held), (1, 1, 30));
    let state = |item: &str| {
        let found = result.criteria.iter().find(|criterion| criterion.item == item).unwrap();
        (found.state, found.recognised.as_deref().unwrap(), found.observed.as_deref().unwrap())
    };
    assert_eq!(state("2.3"), (CriterionState::BelowGate, "3", "2"));
    assert_eq!(state("4.3"), (CriterionState::ScoreDrop, "3", "2"));
    assert_eq!(state("1.1").0, CriterionState::Held);
    assert!(says(&why, "dưới mức dấu sao; công nhận 3 điểm: ", "below the gate; recognised 3"));
    assert_eq!(graded.as_of, day("2026-11-23"));
}

#[test]
fn the_check_gives_no_result_before_the_stars_are_told_and_no_final_one_before_all_is() {
    let check = check();
    let mut sheet = grader(&check);
    sheet.set("1.1", value("3"));
    assert_eq!(result(&mut sheet).result, Holding::NoRecognition);
    sheet.set("cn-stars", value("3"));
    let part = result(&mut sheet);
    assert_eq!((part.result, part.stars, part.not_recognised), (Holding::NotObserved, Some(3), 32));
    let graded = sheet.grade();
    assert!(!graded.is_final);
    let missing: Vec<&str> = graded.missing.items.at.iter().map(|at| at.item.as_str()).collect();
    for item in ["cn-product", "1.1-cn", "2.3", "mark-product"] {
        assert!(missing.contains(&item), "{item}: {missing:?}");
    }
}

#[test]
fn what_may_not_apply_is_not_judged_before_that_is_known() {
    let check = check();
    let mut sheet = grader(&check);
    sheet.set("cn-stars", value("4"));
    sheet.set("5.1-cn", value("3"));
    sheet.set("5.2-cn", value("2"));
    let story = |sheet: &mut Grader| {
        let found = result(sheet);
        let story = found.criteria.iter().find(|one| one.item == "5.2").unwrap();
        (story.state, story.picked, story.observed_points, story.drop)
    };
    let not_known = (CriterionState::NotObserved, Picked::Unsettled, None, 0);
    assert_eq!(story(&mut sheet), not_known);
    sheet.set("5.2", value("1"));
    assert_eq!(story(&mut sheet), not_known, "an answer does not settle whether it applies");
    let (graded, why) = sheet.explain();
    let names = |list: &Listed| list.at.iter().any(|at| at.item == "5.2");
    assert!(names(&graded.missing.unsettled) && !names(&graded.not_relevant));
    let told: Vec<&Node> = why.flat().into_iter().map(|(_, node)| node).collect();
    let told: Vec<&&Node> =
        told.iter().filter(|node| node.item.as_deref() == Some("5.2")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].vi.contains("chưa xem") && told[0].vi.contains("chưa rõ"), "{told:?}");
    assert!(told[0].en.contains("not known yet whether it applies"), "{told:?}");
    sheet.set("5.1", value("0"));
    let gone = (CriterionState::ScoreDrop, Picked::NotRelevant, Some(0), 2);
    assert_eq!(story(&mut sheet), gone);
    let graded = sheet.grade();
    assert!(!names(&graded.missing.unsettled) && names(&graded.not_relevant));
    sheet.set("5.1", value("3"));
    let lost = (CriterionState::ScoreDrop, Picked::Option, Some(1), 1);
    assert_eq!(story(&mut sheet), lost);
}

#[test]
fn of_two_words_on_what_was_recognised_the_one_that_leaves_more_to_lose_counts() {
    let check = check();
    let mut sheet = grader(&check);
    let said = |keys: [&str; 2]| several(&keys.map(|key| Response::Value(key.to_owned())));
    sheet.set("cn-stars", said(["3", "5"]));
    sheet.set("1.4-cn", said(["1", "3"]));
    sheet.set("1.4", value("2"));
    let found = result(&mut sheet);
    assert_eq!(found.stars, Some(5));
    let capacity = found.criteria.iter().find(|one| one.item == "1.4").unwrap();
    assert_eq!((capacity.recognised.as_deref(), capacity.drop), (Some("3"), 1));
    assert!(!sheet.grade().missing.conflicts.at.is_empty(), "and a person must choose");
    sheet.set("1.4-cn", Standing::default());
    sheet.set("1.4-cn", value("none"));
    let found = result(&mut sheet);
    let capacity = found.criteria.iter().find(|one| one.item == "1.4").unwrap();
    assert_eq!((capacity.recognised_points, capacity.state), (Some(0), CriterionState::Held));
}

#[test]
fn a_check_that_asks_for_half_of_a_recognition_is_refused() {
    let file = String::from_utf8(held_set("HELD-11").unwrap()).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(file.contains(from), "{from}");
        Template::parse(file.replacen(from, to, 1).as_bytes()).unwrap_err().to_string()
    };
    for (from, to, fault) in [
        ("\"stars\": \"cn-stars\",", "", "/grading/ranks"),
        ("\"stars\": \"cn-stars\"", "\"stars\": \"cn-product\"", "/grading/stars"),
        ("\"2.3\": \"2.3-cn\",", "", "/grading/recognised/2.3"),
        ("\"2.3\": \"2.3-cn\"", "\"2.3\": \"9.9-cn\"", "/grading/recognised/2.3"),
        ("\"2.3\": \"2.3-cn\"", "\"cn-stars\": \"2.3-cn\"", "/grading/recognised/cn-stars"),
        ("\"gates\": \"cumulative\",", "", "/grading/gates"),
    ] {
        let told = refused(from, to);
        assert!(told.contains(fault), "{fault}: {told}");
    }
}
