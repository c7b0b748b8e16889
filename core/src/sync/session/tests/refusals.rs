//! Packs that the hub does not take in: the phone still gets all there is for it, and is told last.

use super::*;

const SNAPSHOT_PHONE: u8 = 2;

fn failure(code: FailureCode) -> Failure {
    Failure { code, message: "not taken in".into(), retry_after_ms: Some(30_000) }
}

/// Runs a session with a hub that refuses what is pushed; returns how it ended on both sides.
fn refused(phone: &mut FakePhone, hub: &mut FakeHub, live: bool) -> (Line, Ending) {
    let mut line = Line::new(phone, hub, live);
    // A phone that holds nothing but what it has just made may ask for snapshots all the same.
    let asks_for_snapshots = phone.seed == SNAPSHOT_PHONE;
    line.phone = PhoneSession::new(Start { empty: asks_for_snapshots, ..phone.start(live) });
    line.run(phone, hub);
    let ending = line.phone_outcome.as_ref().expect("the phone's session must end").ending.clone();
    let there = line.hub_outcome.as_ref().expect("the hub's session must end").ending.clone();
    assert_eq!(there, Ending::Refused(hub.refuses.clone().unwrap()));
    (line, ending)
}

#[test]
fn a_full_hub_serves_feed_snapshots_and_comparison_before_it_says_so() {
    let full = failure(FailureCode::Full);
    for live in [false, true] {
        let mut hub = FakeHub::new(1);
        let mut others = FakePhone::new(9);
        others.edit(1, 2);
        sync(&mut others, &mut hub);
        // One that follows the feed, one that holds nothing there yet, one that another hub knew.
        let (mut follower, mut empty, mut stranger) =
            (FakePhone::new(1), FakePhone::new(SNAPSHOT_PHONE), FakePhone::new(3));
        sync(&mut follower, &mut hub);
        stranger.edit(4, 1);
        sync(&mut stranger, &mut FakeHub::new(7));
        others.edit(2, 3);
        sync(&mut others, &mut hub);
        hub.refuses = Some(full.clone());
        let feed = hub.feed.clone();
        for phone in [&mut follower, &mut empty, &mut stranger] {
            phone.edit(3, 2);
            let before = phone.position;
            let (line, ending) = refused(phone, &mut hub, live);
            assert_eq!(ending, Ending::Told(full.clone()));
            // What only a comparison shows to be missing is found again: no position yet.
            let compared = phone.seed == 3;
            let now = if compared { before } else { Some(hub.position(hub.feed.len())) };
            assert_eq!(line.caught, usize::from(!compared), "phone {}, live {live}", phone.seed);
            assert_eq!(phone.position, now);
            for ((document, actor), packs) in &hub.held.packs {
                assert_eq!(phone.held.packs.get(&(*document, *actor)), Some(packs));
            }
            // Neither accepted nor refused for good.
            assert_eq!(phone.unacknowledged.len(), 1);
        }
        assert_eq!(hub.feed, feed, "it took something in");
        hub.refuses = None;
        for phone in [&mut follower, &mut empty, &mut stranger, &mut others] {
            sync(phone, &mut hub);
        }
        for phone in [&mut follower, &mut empty, &mut stranger] {
            sync(phone, &mut hub);
            assert_eq!(phone.held.root(), hub.held.root());
        }
    }
}

#[test]
fn packs_pushed_after_one_that_cannot_be_read_are_stored_in_the_same_exchange() {
    let (mut phone, mut hub) = (FakePhone::new(1), FakeHub::new(1));
    sync(&mut phone, &mut hub);
    (0..3).for_each(|document| phone.edit(document, 1));
    let unreadable = failure(FailureCode::Misbehaved);
    let mut line = Line::new(&phone, &hub, false);
    // The first frame of packs is answered as a hub answers one it cannot read.
    let extra = Frame::Push { packs: vec![vec![1, 2, 3]] }.encode().unwrap();
    line.step_phone(&mut phone);
    line.up.push_back(extra);
    let mut first = true;
    while line.step_phone(&mut phone) | {
        match line.hub.poll_output() {
            Some(HubOutput::Accept(_)) if first => {
                first = false;
                let failure = Some(unreadable.clone());
                line.hub.handle_accepted(Accepted { failure, ..Accepted::default() }).unwrap();
                true
            }
            Some(output) => {
                line.act_for_hub(output, &mut hub);
                true
            }
            None => line.step_hub(&mut hub),
        }
    } {}
    assert!(phone.unacknowledged.is_empty(), "one bad pack holds up the others");
    assert_eq!(line.phone_outcome.unwrap().ending, Ending::Told(unreadable));
    assert_eq!(phone.position, Some(hub.position(hub.feed.len())));
    sync(&mut phone, &mut hub);
}

#[test]
fn a_failure_that_the_hub_tells_half_way_leaves_what_came_before_it_kept() {
    let (mut one, mut two, mut hub) = (FakePhone::new(1), FakePhone::new(2), FakeHub::new(1));
    sync(&mut two, &mut hub);
    (0..9).for_each(|document| one.edit(document, 1));
    sync(&mut one, &mut hub);
    let mut line = Line::new(&two, &hub, false);
    // Up to the first page of the feed.
    while line.step_phone(&mut two) {}
    while line.hub.wants_input() && !line.up.is_empty() {
        line.step_hub(&mut hub);
    }
    line.down.truncate(3);
    line.hub.handle_failure(failure(FailureCode::Closing));
    line.step_hub(&mut hub);
    while let Some(bytes) = line.down.pop_front() {
        line.phone.handle_frame(&bytes, &two.held.tree).unwrap();
    }
    assert!(!line.phone.wants_input());
    while line.step_phone(&mut two) {}
    assert_eq!(line.phone_outcome.unwrap().ending, Ending::Told(failure(FailureCode::Closing)));
    assert_eq!(two.position, Some(hub.position(3)));
    assert_eq!(two.held.packs.len(), 3);
}

#[test]
fn a_phone_that_leaves_is_told_of_a_refusal_in_place_of_goodbye() {
    let (mut phone, mut hub) = (FakePhone::new(1), FakeHub::new(1));
    hub.refuses = Some(failure(FailureCode::Full));
    let mut line = Line::new(&phone, &hub, true);
    line.run(&mut phone, &mut hub);
    assert_eq!(line.phone_outcome, None, "a phone with nothing to push may stay");
    phone.edit(1, 1);
    line.phone.handle_new_outbox(phone.unacknowledged.iter().cloned().collect());
    line.phone.finish();
    line.run(&mut phone, &mut hub);
    let told = Ending::Told(failure(FailureCode::Full));
    assert_eq!(line.phone_outcome.expect("it must end").ending, told);
    assert_eq!(phone.unacknowledged.len(), 1);
}

/// A connection may break at any moment: had the phone a position by then, nobody would ever ask it
/// for what only it holds.
#[test]
fn a_comparing_phone_gets_its_position_after_the_hub_has_what_it_lacked() {
    let (mut phone, mut hub) = (FakePhone::new(1), FakeHub::new(1));
    phone.edit(1, 2);
    sync(&mut phone, &mut FakeHub::new(7));
    let before = phone.position;
    let mut line = Line::new(&phone, &hub, false);
    while hub.feed.is_empty() {
        assert_eq!(phone.position, before);
        assert!(line.step_phone(&mut phone) | line.step_hub(&mut hub));
    }
    line.run(&mut phone, &mut hub);
    assert_eq!(phone.position, Some(hub.position(1)));
}
