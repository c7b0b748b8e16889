//! From when the time to correct counts, what re-checks decide, and which owners a rule protects.

use super::*;
use crate::checklist::grading::Answers;
use crate::model::{FindingPatch, OwnerKind, Recheck, RecheckResult, RecheckRow};

#[test]
fn the_time_to_correct_is_counted_from_the_day_in_the_minutes() {
    let (books, mut world) = (Books::new(), World::planned());
    world.as_of = day("2026-07-30");
    world.finding(1, false);
    world.finding(2, false);
    for (state, on) in [
        (LifeCycle::Decided, "2026-05-01"),
        (LifeCycle::InField, "2026-05-10"),
        (LifeCycle::MinutesSigned, "2026-05-20"),
    ] {
        world.put(state, on);
    }
    let issued_on = |world: &World, id: u8| {
        let (read, _, _) = world.read();
        issued(&read.findings[&hex::encode([id; 16])], &read).map(|day| day.to_string())
    };
    assert_eq!(issued_on(&world, 1).as_deref(), Some("2026-05-20"), "by default the minutes'");
    let set = FindingPatch { issued: Some("2026-05-15".into()), ..FindingPatch::default() };
    edit(&mut world.inspection, 1, |e| e.finding_update([2; 16], set.clone())).unwrap();
    assert_eq!(issued_on(&world, 2).as_deref(), Some("2026-05-15"));
    let wrong = FindingPatch { issued: Some("15/5".into()), ..FindingPatch::default() };
    let refused = edit(&mut world.inspection, 1, |e| e.finding_update([2; 16], wrong));
    assert!(matches!(refused, Err(EditError::Invalid { .. })));
    // Demanded on 1 June: the thirty days run since the minutes, or since the day that was set.
    let on = day("2026-06-01");
    for (finding, deadline, fits) in [
        (Some(1), "2026-06-19", true),
        (Some(1), "2026-06-20", false),
        // Sunday the 14th is the last day, which moves to Monday.
        (Some(2), "2026-06-15", true),
        (Some(2), "2026-06-16", false),
        (None, "2026-07-01", true),
        (None, "2026-07-02", false),
    ] {
        let mut world = world.clone();
        world.action(9, finding, "Chủ", Some(deadline));
        let lacks = world.lacks(LifeCycle::CorrectiveIssued, on, "", &books);
        assert_eq!(!lacks.contains(&Need::Deadlines), fits, "{finding:?} {deadline}");
    }
    world.action(9, Some(2), "Chủ", Some("2026-06-14"));
    world.put(LifeCycle::CorrectiveIssued, "2026-06-01");
    let (read, plan, followup) = world.read();
    let clocks = running(&world.case(&read, &plan, &followup), books.law()).unwrap();
    let from = |key: &str| clocks.iter().find(|one| one.key == key).unwrap().from.to_string();
    assert_eq!((from("correction"), from("action")), ("2026-05-15".into(), "2026-05-15".into()));
    // Taken back: the minutes count again.
    let back = FindingPatch { issued: Some(String::new()), ..FindingPatch::default() };
    edit(&mut world.inspection, 1, |e| e.finding_update([2; 16], back)).unwrap();
    assert_eq!(issued_on(&world, 2).as_deref(), Some("2026-05-20"));
}

#[test]
fn a_re_check_decides_on_a_finding_that_no_action_is_about() {
    let mut world = World::planned();
    world.finding(1, false);
    world.finding(2, false);
    world.action(5, Some(2), "Chủ", Some("2026-11-25"));
    let mut look = |id: u8, on: &str, result| {
        let row = |finding: u8| RecheckRow {
            finding: hex::encode([finding; 16]),
            result,
            remark: "x".into(),
            photos: Vec::new(),
        };
        let recheck = Recheck {
            day: on.into(),
            with: String::new(),
            visit: None,
            rows: vec![row(1), row(2)],
            removed: false,
            removed_reason: String::new(),
        };
        edit(&mut world.followup, 1, |e| e.recheck_put([id; 16], &recheck)).unwrap();
        let (mut read, _, followup) = world.read();
        apply_corrections(&mut read, &followup);
        [1, 2].map(|id: u8| read.findings[&hex::encode([id; 16])].is_fixed())
    };
    assert_eq!(look(1, "2026-11-20", RecheckResult::NotCorrected), [false, false]);
    // Where an action is about it, the action's own verification counts.
    assert_eq!(look(2, "2026-11-21", RecheckResult::Corrected), [true, false]);
    assert_eq!(look(3, "2026-11-22", RecheckResult::Partly), [false, false]);
}

#[test]
fn a_grade_heeds_the_deadline_of_what_was_demanded() {
    let mut world = World::planned();
    world.finding(1, false);
    let deadline = |world: &World| {
        let (read, _, followup) = world.read();
        let mut answers = Answers::of_inspection(&read);
        answers.note_followup(&followup);
        answers.findings[&hex::encode([1; 16])].deadline
    };
    assert_eq!(deadline(&world), None);
    world.action(5, Some(1), "Chủ", Some("2026-11-25"));
    assert_eq!(deadline(&world), Some(day("2026-11-25")));
    world.action(6, Some(1), "Chủ", Some("2026-11-20"));
    world.action(7, Some(2), "Chủ", Some("2026-11-15"));
    assert_eq!(deadline(&world), Some(day("2026-11-20")), "the earliest of those about it");
    world.progress(6, ActionState::Cancelled, "");
    assert_eq!(deadline(&world), Some(day("2026-11-25")), "what was cancelled binds nobody");
    let own = FindingPatch { deadline: Some(Some(day("2026-11-18").end())), ..Default::default() };
    edit(&mut world.inspection, 1, |e| e.finding_update([1; 16], own)).unwrap();
    assert_eq!(deadline(&world), Some(day("2026-11-18")));
}

#[test]
fn nothing_of_an_inspection_is_done_before_its_decision() {
    let (books, mut world) = (Books::new(), World::planned());
    let lacks =
        |world: &World, to, on| world.lacks(to, day(on), "", &books).contains(&Need::OrderOfDays);
    // The plan's decision is of 1 November.
    assert!(lacks(&world, LifeCycle::Decided, "2026-10-31"));
    assert!(!lacks(&world, LifeCycle::Decided, "2026-11-01"));
    world.put(LifeCycle::Decided, "2026-11-01");
    world.header("decision_date", "2026-11-03");
    assert!(!lacks(&world, LifeCycle::PlanApproved, "2026-11-02"), "of two days the earlier");
    assert!(lacks(&world, LifeCycle::PlanApproved, "2026-10-31"));
}

#[test]
fn the_rule_of_one_inspection_a_year_is_that_of_the_kind_of_owner() {
    let (books, mut world) = (Books::new(), World::planned());
    world.others = vec![other(Some("2026-02-01"))];
    let (read, plan, followup) = world.read();
    let visit = plan.facilities.values().next().unwrap();
    let planned = visit.shown().unwrap().valid().unwrap();
    let lacks = |owner, reason: Option<&str>| {
        let mut world = world.clone();
        if let Some(key) = reason {
            let visit = PlannedVisit {
                reason: Some(VisitReason { key: key.into(), text: "x".into() }),
                ..planned.clone()
            };
            edit(&mut world.plan, 1, |e| e.plan_facility(FACILITY, &visit)).unwrap();
        }
        let plan = world.plan.view().plan().unwrap();
        let case = Case { owner, ..world.case(&read, &plan, &followup) };
        let attempt = Attempt { to: LifeCycle::Decided, on: day("2026-11-12"), reason: "" };
        let lacks = missing(&case, attempt, books.law());
        lacks.iter().any(|lack| lack.need == Need::OnceAYear)
    };
    for owner in [None, Some(OwnerKind::Enterprise), Some(OwnerKind::Cooperative)] {
        assert!(lacks(owner, None), "{owner:?}");
        assert!(!lacks(owner, Some("clear_sign")), "{owner:?}");
        // A complaint is a reason for facilities that the resolution does not name.
        assert_eq!(lacks(owner, Some("complaint")), owner != Some(OwnerKind::Cooperative));
    }
}
