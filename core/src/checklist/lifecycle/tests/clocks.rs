//! Which clocks run, from when, and until which day.

use super::*;

fn clocks_of(world: &World, books: &Books) -> Vec<(String, String, bool)> {
    let (read, plan, followup) = world.read();
    let case = world.case(&read, &plan, &followup);
    let found = running(&case, books.law()).unwrap();
    found.into_iter().map(|clock| (clock.key, clock.due.to_string(), clock.overdue)).collect()
}

fn row(key: &str, due: &str, overdue: bool) -> (String, String, bool) {
    (key.to_owned(), due.to_owned(), overdue)
}

#[test]
fn the_clock_of_the_inspection_follows_level_extension_and_end() {
    let (books, mut world) = (Books::new(), World::planned());
    assert_eq!(clocks_of(&world, &books), []);
    world.header("conduct_plan_approver", "Lý B");
    for to in [LifeCycle::Decided, LifeCycle::PlanApproved, LifeCycle::Announced] {
        world.put(to, "2026-11-13");
    }
    assert_eq!(clocks_of(&world, &books), [row("inspection.commune", "2026-11-20", true)]);
    edit(&mut world.inspection, 1, |e| e.extend("sạt lở", "2026-03-03")).unwrap();
    assert_eq!(clocks_of(&world, &books), [row("inspection.commune", "2026-11-23", false)]);
    world.header("level", "ministry");
    assert_eq!(clocks_of(&world, &books), [row("inspection.ministry", "2026-12-05", false)]);
    world.put(LifeCycle::InField, "2026-11-14");
    world.put(LifeCycle::MinutesSigned, "2026-11-15");
    let after = clocks_of(&world, &books);
    assert_eq!(after.len(), 1, "only Health asks for the leader's report in this time");
    world.managed_by = vec!["agriculture".to_owned(), "health".to_owned()];
    let after = clocks_of(&world, &books);
    // Sunday: counting begins on Monday, and one of the days is off.
    assert_eq!(after[1], row("report.leader", "2026-12-07", false));
}

#[test]
fn days_of_a_suspension_are_not_counted_and_the_announcement_stays() {
    let (books, mut world) = (Books::new(), World::planned());
    let due = |world: &World| clocks_of(world, &books)[0].clone();
    world.header("conduct_plan_approver", "Lý B");
    for to in [LifeCycle::Decided, LifeCycle::PlanApproved, LifeCycle::Announced] {
        world.put(to, "2026-11-13");
    }
    world.put(LifeCycle::Suspended, "2026-11-16");
    world.as_of = day("2026-11-19");
    assert_eq!(due(&world), row("inspection.commune", "2026-11-23", false));
    world.as_of = day("2026-12-30");
    assert!(!due(&world).2, "what is suspended does not run out");

    // Announced anew four days later: 20 November and these four.
    world.put(LifeCycle::Announced, "2026-11-20");
    world.as_of = day("2026-11-24");
    assert_eq!(due(&world), row("inspection.commune", "2026-11-24", false));
    // As it was on a day of the suspension, told from today.
    world.as_of = day("2026-11-18");
    assert_eq!(due(&world), row("inspection.commune", "2026-11-22", false));
    world.as_of = day("2026-11-24");
    let lacks = |world: &World, on| world.lacks(LifeCycle::InField, day(on), "", &books);
    assert_eq!(lacks(&world, "2026-11-19"), [Need::OrderOfDays], "it was suspended then");
    assert_eq!(lacks(&world, "2026-11-20"), []);

    // The day on which it was taken up again is set right, twice; the announcement keeps its day.
    let mut corrected = world.clone();
    for (on, last) in [("2026-11-18", "2026-11-22"), ("2026-11-19", "2026-11-23")] {
        let step = Step { day: on.into(), ..Step::default() };
        edit(&mut corrected.inspection, 1, |e| e.correct_step(LifeCycle::Announced, &step))
            .unwrap();
        assert_eq!(due(&corrected).1, last);
    }
    let read = corrected.read().0;
    assert_eq!(read.pauses.len(), 1, "{:?}", read.pauses);
    assert_eq!(read.step(LifeCycle::Announced)[0].day, "2026-11-13");

    // A second time, from the field; taken up again on two phones on different days.
    world.put(LifeCycle::InField, "2026-11-21");
    world.put(LifeCycle::Suspended, "2026-11-22");
    let mut apart = world.inspection.clone();
    world.put(LifeCycle::InField, "2026-11-24");
    let earlier = Step { day: "2026-11-23".into(), ..Step::default() };
    let made =
        apart.edit(Actor([2; 16]), Timestamp(1_500), |e| e.move_to(LifeCycle::InField, &earlier));
    world.inspection.apply(&[made.unwrap().1.unwrap()]);
    assert_eq!(world.read().0.pauses.len(), 3);
    assert_eq!(due(&world).1, "2026-11-25", "the shorter of two counts");
    assert_eq!(
        world.read().0.step(LifeCycle::InField).len(),
        1,
        "the first day in the field stays"
    );

    // Suspended after the time had run out: nothing is given back.
    world.put(LifeCycle::Suspended, "2026-11-27");
    world.as_of = day("2026-11-30");
    assert_eq!(due(&world), row("inspection.commune", "2026-11-25", true));
}

#[test]
fn a_sample_before_tet_reaches_the_laboratory_after_it() {
    let (books, mut world) = (Books::new(), World::planned());
    let sample = Sample { name: "Chè".into(), taken_on: "2026-02-12".into(), ..Sample::default() };
    edit(&mut world.inspection, 1, |e| e.sample_put([4; 16], &sample)).unwrap();
    world.as_of = day("2026-02-26");
    // Friday 13, then 16 to 20 February are off: Monday 23 to Thursday 26.
    assert_eq!(clocks_of(&world, &books), [row("sample.laboratory", "2026-02-26", false)]);
    world.as_of = day("2026-02-27");
    assert_eq!(clocks_of(&world, &books), [row("sample.laboratory", "2026-02-26", true)]);
    let handover = |to_laboratory, day: &str| {
        SampleStep::Handover(Handover {
            giver: "Đoàn".into(),
            receiver: "Phòng thử nghiệm".into(),
            day: day.into(),
            to_laboratory,
            rows: vec![HandoverRow { sample: hex::encode([4; 16]), ..Default::default() }],
            ..Default::default()
        })
    };
    let within = handover(false, "2026-02-13");
    edit(&mut world.inspection, 1, |e| e.sample_step([5; 16], &within)).unwrap();
    assert!(clocks_of(&world, &books)[0].2, "handed on, but not to a laboratory");
    let delivered = handover(true, "2026-02-26");
    let mut late = world.inspection.clone();
    edit(&mut world.inspection, 1, |e| e.sample_step([6; 16], &delivered)).unwrap();
    assert!(!clocks_of(&world, &books)[0].2);

    // Somebody else wrote a later day of the same handover: until a person chooses, the later counts.
    let said = handover(true, "2026-02-27");
    let made = late.edit(Actor([2; 16]), Timestamp(1_002), |e| e.sample_step([6; 16], &said));
    world.inspection.apply(&[made.unwrap().1.unwrap()]);
    assert!(clocks_of(&world, &books)[0].2);
}

#[test]
fn the_culture_day_is_a_day_off() {
    let (books, mut world) = (Books::new(), World::planned());
    let sample = Sample { name: "Chè".into(), taken_on: "2026-11-20".into(), ..Sample::default() };
    edit(&mut world.inspection, 1, |e| e.sample_put([4; 16], &sample)).unwrap();
    world.as_of = day("2026-11-30");
    let clocks = clocks_of(&world, &books);
    assert_eq!((clocks[0].1.as_str(), clocks[0].2), ("2026-11-30", false));
}

#[test]
fn days_off_that_are_not_announced_make_a_clock_provisional() {
    let (books, mut world) = (Books::new(), World::planned());
    let sample = Sample { name: "Chè".into(), taken_on: "2027-02-03".into(), ..Sample::default() };
    edit(&mut world.inspection, 1, |e| e.sample_put([4; 16], &sample)).unwrap();
    let (read, plan, followup) = world.read();
    let found = running(&world.case(&read, &plan, &followup), books.law()).unwrap();
    // Thursday 4, then 5 and 8 to 11 are expected to be off: Friday 12 to Wednesday 17, the 13 and 14
    // being a weekend.
    assert_eq!(found[0].due, day("2027-02-17"));
    assert_eq!(found[0].provisional, [2027]);
    assert!(found[0].explanation.vi.contains("tạm tính"), "{:?}", found[0].explanation);
}
