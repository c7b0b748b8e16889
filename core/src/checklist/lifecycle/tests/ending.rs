//! How an inspection ends over findings that cannot be corrected, or that another authority took on.

use super::*;
use crate::model::{FindingPatch, LabResult, Parameter};

#[test]
fn what_was_handed_over_closes_with_a_reason() {
    let (books, mut world) = (Books::new(), World::planned());
    world.finding(1, true);
    let on = day("2026-11-23");
    world.finding(2, false);
    assert_eq!(world.lacks(LifeCycle::Closed, on, "đã xử phạt", &books), [Need::NothingOpen]);
    for to in [LifeCycle::Decided, LifeCycle::InField, LifeCycle::Escalated] {
        world.put(to, "2026-11-20");
    }
    assert_eq!(world.lacks(LifeCycle::Closed, on, "", &books), [Need::NothingOpen]);
    assert_eq!(world.lacks(LifeCycle::Closed, on, "đã xử phạt", &books), []);
}

#[test]
fn a_sample_that_failed_is_followed_by_a_finding_or_a_reason() {
    let (books, mut world) = (Books::new(), World::planned());
    let on = day("2026-11-23");
    let sample = Sample { name: "Chè".into(), taken_on: "2026-11-10".into(), ..Sample::default() };
    edit(&mut world.inspection, 1, |e| e.sample_put([4; 16], &sample)).unwrap();
    let reported = |pass| {
        SampleStep::Result(LabResult {
            sample: hex::encode([4; 16]),
            laboratory: "Trung tâm".into(),
            report: "7".into(),
            day: "2026-11-20".into(),
            rows: vec![Parameter { name: "Chì".into(), pass, ..Parameter::default() }],
            ..LabResult::default()
        })
    };
    edit(&mut world.inspection, 1, |e| e.sample_step([5; 16], &reported(true))).unwrap();
    assert_eq!(world.lacks(LifeCycle::Closed, on, "", &books), []);
    edit(&mut world.inspection, 1, |e| e.sample_step([6; 16], &reported(false))).unwrap();
    assert_eq!(world.lacks(LifeCycle::Closed, on, "", &books), [Need::NothingOpen]);
    assert_eq!(world.lacks(LifeCycle::Closed, on, "đã thu hồi lô", &books), []);
    let withdrawn = Sample { removed: true, removed_reason: "nhầm".into(), ..sample };
    edit(&mut world.inspection, 1, |e| e.sample_put([4; 16], &withdrawn)).unwrap();
    assert_eq!(world.lacks(LifeCycle::Closed, on, "", &books), []);
}

#[test]
fn what_cannot_be_corrected_closes_with_the_decision_or_is_handed_over() {
    let (books, mut world) = (Books::new(), World::planned());
    let on = day("2026-11-23");
    world.finding(1, true);
    world.finding(2, false);
    world.action(2, Some(2), "Chủ", Some("2026-11-25"));
    // The other finding is corrected first; then the step says which decision ended this one.
    assert_eq!(world.lacks(LifeCycle::Closed, on, "QĐ 5/XP", &books), [Need::NothingOpen]);
    world.progress(2, ActionState::Verified, "ảnh");
    assert_eq!(world.lacks(LifeCycle::FixVerified, on, "", &books), []);
    assert_eq!(world.lacks(LifeCycle::Closed, on, " ", &books), [Need::NothingOpen]);
    assert_eq!(world.lacks(LifeCycle::Closed, on, "QĐ 5/XP", &books), []);
    assert!(LifeCycle::FixVerified.next().contains(&LifeCycle::Escalated));
    assert_eq!(world.lacks(LifeCycle::Escalated, on, "chuyển hồ sơ", &books), []);
    // Somebody else says that it can be corrected: then it must be.
    let mut apart = world.inspection.clone();
    let patch = |unfixable| FindingPatch { unfixable: Some(unfixable), ..FindingPatch::default() };
    let says = |e: &mut Editor<'_>| e.finding_update([1; 16], patch(false));
    let (_, change) = apart.edit(Actor([2; 16]), Timestamp(9), says).unwrap();
    let again = |e: &mut Editor<'_>| {
        e.finding_update([1; 16], patch(false))?;
        e.finding_update([1; 16], patch(true))
    };
    edit(&mut world.inspection, 1, again).unwrap();
    world.inspection.apply(&[change.unwrap()]);
    assert_eq!(world.lacks(LifeCycle::Closed, on, "QĐ 5/XP", &books), [Need::NothingOpen]);
}

#[test]
fn proof_verification_and_the_deadline_guard_the_end() {
    let (books, mut world) = (Books::new(), World::planned());
    let on = day("2026-11-20");
    let lacks = |world: &World, to| world.lacks(to, on, "", &books);
    world.finding(1, false);
    world.action(1, Some(1), "Chủ", Some("2026-11-20"));
    world.action(2, None, "Chủ", Some("2026-11-25"));
    assert_eq!(lacks(&world, LifeCycle::FixSubmitted), [Need::Proof]);
    world.progress(1, ActionState::Submitted, "ảnh");
    assert_eq!(lacks(&world, LifeCycle::FixSubmitted), [Need::Proof]);
    world.progress(2, ActionState::Submitted, " ");
    assert_eq!(lacks(&world, LifeCycle::FixSubmitted), [Need::Proof]);
    world.progress(2, ActionState::Submitted, "biên lai");
    assert_eq!(lacks(&world, LifeCycle::FixSubmitted), []);
    // The deadline's own day is still in time.
    assert_eq!(lacks(&world, LifeCycle::Overdue), [Need::DeadlinePassed]);
    assert_eq!(world.lacks(LifeCycle::Overdue, day("2026-11-21"), "", &books), []);
    assert_eq!(lacks(&world, LifeCycle::FixVerified), [Need::Verified]);
    assert_eq!(lacks(&world, LifeCycle::Closed), [Need::NothingOpen]);
    world.progress(1, ActionState::Verified, "ảnh");
    world.progress(2, ActionState::Cancelled, "");
    assert_eq!(lacks(&world, LifeCycle::FixVerified), []);
    assert_eq!(lacks(&world, LifeCycle::Closed), []);
    // Rejected by one who had not seen the verification: the worse counts.
    let mut apart = world.followup.clone();
    let (_, change) = apart
        .edit(Actor([2; 16]), Timestamp(9), |e| {
            e.action_update([1; 16], ActionState::Recheck, "ảnh")
        })
        .unwrap();
    let verify = |e: &mut Editor<'_>| e.action_update([1; 16], ActionState::Verified, "ảnh 2");
    edit(&mut world.followup, 1, verify).unwrap();
    world.followup.apply(&[change.unwrap()]);
    assert_eq!(lacks(&world, LifeCycle::FixVerified), [Need::ActionsAgree, Need::Verified]);
    assert_eq!(lacks(&world, LifeCycle::Closed), [Need::ActionsAgree, Need::NothingOpen]);
    // Verified by both, on other proof: nothing is open, and still somebody has to look at both.
    let open = world.followup.view().conflicts().remove(0);
    let verified = open.values.iter().find(|said| said.value.contains("ảnh 2")).unwrap().change;
    let choose = |e: &mut Editor<'_>| e.choose(&open.place, verified);
    edit(&mut world.followup, 1, choose).unwrap();
    assert_eq!(lacks(&world, LifeCycle::Closed), []);
    let cancel = |e: &mut Editor<'_>| e.action_update([1; 16], ActionState::Cancelled, "ảnh 2");
    let (_, cancelled) = world.followup.clone().edit(Actor([2; 16]), Timestamp(9), cancel).unwrap();
    let again = |e: &mut Editor<'_>| e.action_update([1; 16], ActionState::Verified, "ảnh 5");
    edit(&mut world.followup, 1, again).unwrap();
    world.followup.apply(&[cancelled.unwrap()]);
    assert_eq!(lacks(&world, LifeCycle::Closed)[0], Need::ActionsAgree);
    assert_eq!(world.lacks(LifeCycle::Escalated, on, "lý do", &books), []);
}
