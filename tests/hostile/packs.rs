//! Well-formed frames with packs that must not enter the record.

use bienban_core::clock::{self, Stopwatch};
use bienban_core::model::{Incarnation, Kind};
use bienban_core::sync::Frame;
use bienban_core::trust::Tip;
use bienban_tests::scene::{self, Scene};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use bienban_tests::process::PATIENCE;

use crate::device::{Heard, Hostile, push};
use crate::plot::{Plot, life, poisons};

/// An honest pack is spoilt at this many places.
const SPOILT: usize = 60;

/// Packs of one document whose causes nobody sends, in one push.
const ORPHANS: u8 = 255;

/// Pushes of these after which the hub must have stopped taking them in.
const ORPHAN_ROUNDS: u8 = 6;

/// Another commune than the hostile device's.
const ELSEWHERE: &str = "06337";

/// Sends every kind of wrong pack. Returns how many notices of each verdict must follow at least.
pub(crate) fn attack(hostile: &Hostile, scene: &Scene, seed: u64) -> Vec<(&'static str, usize)> {
    let mut rng = SmallRng::seed_from_u64(seed);
    not_allowed(hostile);
    two_lines(hostile);
    missing_causes(hostile, scene);
    gap(hostile);
    spoilt(hostile, scene, &mut rng);
    orphan_flood(hostile, scene);
    let poisons = poison(hostile);
    vec![("not_allowed", 2), ("equivocation", 1), ("poison", poisons)]
}

/// Another place, and a kind of document that an inspector does not write.
fn not_allowed(hostile: &Hostile) {
    for (kind, scope) in [(Kind::Facility, ELSEWHERE), (Kind::Plan, scene::COMMUNE)] {
        let mut plot = Plot::new(hostile, kind, scope, 1);
        let change = plot.change(life(1), "not mine");
        expect_no_receipt(&hostile.say(&push(vec![plot.seal(life(1), None, change)])));
    }
}

/// The same number of the same actor twice.
fn two_lines(hostile: &Hostile) {
    let mut first = Plot::new(hostile, Kind::Facility, scene::COMMUNE, 2);
    let mut second = Plot::new(hostile, Kind::Facility, scene::COMMUNE, 2);
    let (one, other) = (first.change(life(2), "one"), second.change(life(2), "other"));
    let heard = hostile.say(&push(vec![first.seal(life(2), None, one)]));
    assert!(heard.frames.iter().any(|frame| matches!(frame, Frame::Receipts(_))), "{heard:?}");
    expect_no_receipt(&hostile.say(&push(vec![second.seal(life(2), None, other)])));
}

/// An effect before its cause waits, and is merged when the cause comes.
fn missing_causes(hostile: &Hostile, scene: &Scene) {
    let mut plot = Plot::new(hostile, Kind::Facility, scene::COMMUNE, 3);
    let cause = plot.change(life(3), "cause");
    let effect = plot.change(life(4), "effect");
    hostile.say(&push(vec![plot.seal(life(4), None, effect)]));
    expect_waiting(scene, 1);
    hostile.say(&push(vec![plot.seal(life(3), None, cause)]));
    expect_waiting(scene, 0);
}

fn expect_waiting(scene: &Scene, count: u64) {
    assert_eq!(waiting_after_merging(scene), count);
}

/// Waits until the hub has merged what can be merged, and returns how many packs wait on.
pub(crate) fn waiting_after_merging(scene: &Scene) -> u64 {
    let watch = Stopwatch::start();
    loop {
        let status = scene.administer(&["status"]);
        if status["pending"] == 0 {
            return status["waiting"].as_u64().unwrap();
        }
        assert!(watch.elapsed() < PATIENCE, "the hub does not merge: {status}");
    }
}

/// A pack whose author's earlier changes the hub does not have: it asks for them.
fn gap(hostile: &Hostile) {
    let mut plot = Plot::new(hostile, Kind::Facility, scene::COMMUNE, 4);
    let first = plot.change(life(5), "first");
    let second = plot.change(life(5), "second");
    let previous = Tip::after(None, first.facts().hash);
    let heard = hostile.say(&push(vec![plot.seal(life(5), Some(previous), second)]));
    expect_no_receipt(&heard);
    assert!(heard.frames.iter().any(|frame| matches!(frame, Frame::Need(_))), "{heard:?}");
}

/// Another's pack: carried as it is it is welcome, however often; with any bit changed it is not.
fn spoilt(hostile: &Hostile, scene: &Scene, rng: &mut SmallRng) {
    let client = scene::open_phone(&scene.phones[1]);
    let genesis = scene::genesis(&client, scene);
    let note = bienban_core::client::Note::Append("carried".to_owned());
    client.note(&genesis, &scene::items()[0], note).unwrap();
    let packs = client.phone().release(clock::now()).unwrap();
    drop(client);
    for _ in 0..SPOILT {
        let mut bytes = packs[0].clone();
        let (at, bit) = (rng.random_range(0..bytes.len()), rng.random_range(0..8));
        bytes[at] ^= 1 << bit;
        let heard = hostile.say(&push(vec![bytes]));
        // The last word of an exchange that went on for the rest.
        let refused = matches!(heard.frames.last(), Some(Frame::Failed(_)));
        assert!(refused, "bit {bit} of byte {at} changed: {heard:?}");
        let served = heard.frames.iter().any(|frame| matches!(frame, Frame::Caught { .. }));
        assert!(served, "bit {bit} of byte {at} changed: {heard:?}");
        expect_no_receipt(&heard);
    }
    for _ in 0..3 {
        let heard = hostile.say(&push(packs.clone()));
        assert!(heard.frames.iter().any(|frame| matches!(frame, Frame::Receipts(_))), "{heard:?}");
    }
}

/// Changes that name causes which nobody ever made: some wait, then no more of them are taken in.
fn orphan_flood(hostile: &Hostile, scene: &Scene) {
    let mut waiting = 0;
    for round in 0..ORPHAN_ROUNDS {
        let heard = hostile.say(&push((0..ORPHANS).map(|n| orphan(hostile, round, n)).collect()));
        let more = waiting_after_merging(scene);
        if more == waiting {
            expect_no_receipt(&heard);
            println!("{waiting} packs without a cause wait, more are not taken in");
            return;
        }
        waiting = more;
    }
    panic!("the hub lets {waiting} packs without a cause wait, and more");
}

pub(crate) fn orphan(hostile: &Hostile, round: u8, number: u8) -> Vec<u8> {
    let mut plot = Plot::new(hostile, Kind::Facility, scene::COMMUNE, 5);
    let mut life = [number; 16];
    life[0] = 100 + round;
    let change = plot.forged(Incarnation(life), |change| {
        change.deps = vec![automerge::ChangeHash([number; 32])];
    });
    plot.seal(Incarnation(life), None, change)
}

/// Changes with which a document would not open again. Returns how many there were.
fn poison(hostile: &Hostile) -> usize {
    let mut count = 0;
    for (number, op) in (0..).zip(poisons()) {
        let mut plot = Plot::new(hostile, Kind::Facility, scene::COMMUNE, 10 + number);
        let bad = plot.forged(life(6), |change| change.operations = vec![op]);
        let refused = plot.applied(&bad);
        count += refused;
        let pack = plot.seal(life(6), None, bad);
        let heard = hostile.say(&push(vec![pack]));
        assert!(!heard.was_thrown_out(), "{heard:?}");
    }
    assert!(count > 0, "none of these changes is poison any more; find new ones");
    count
}

pub(crate) fn expect_no_receipt(heard: &Heard) {
    let signed = heard.frames.iter().any(|frame| matches!(frame, Frame::Receipts(_)));
    assert!(!signed, "the hub signed for what it set aside: {heard:?}");
}
