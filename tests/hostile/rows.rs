//! Rows 16, 21 and 22 of the scorecard: the same attacks by the thousand, drawn by lot.

use std::collections::BTreeMap;

use bienban_core::model::{Incarnation, Kind, PersonId};
use bienban_core::sync::{Frame, Notice, PackHeader, Verdict};
use bienban_core::trust::Tip;
use bienban_core::trust::control::{Act, Deed};
use bienban_tests::fleet;
use bienban_tests::scene::COMMUNE;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::device::{Heard, Hostile, hello, kept, push, push_after};
use crate::plot::{Plot, life};
use crate::stage::{LEADER, ONE, Stage, TWO, key};

/// Changes in another's name, unassigned, forged, of a wrong document, swapped or without forerunner;
/// `BIENBAN_FORGED` asks for more.
const FORGED: usize = 1_000;

/// Frames that are replayed, reordered and spliced; `BIENBAN_REPLAYED` asks for more.
const REPLAYED: usize = 10_000;

/// Malformed frames and changes; `BIENBAN_MALFORMED` asks for more.
const MALFORMED: usize = 10_000;

/// Every so many of these is a frame that ends its session; the others are changes, many to a session.
const ENDS_EVERY: usize = 50;

/// Of one session.
const AT_ONCE: usize = 50;

fn signed(heard: &Heard) -> usize {
    let receipts = heard.frames.iter().map(|frame| match frame {
        Frame::Receipts(receipt) => receipt.items.len(),
        _ => 0,
    });
    receipts.sum()
}

/// How many packs the hub had something to say of, or whether it failed the whole push.
pub(crate) fn answered(heard: &Heard) -> usize {
    let said = heard.frames.iter().map(|frame| match frame {
        Frame::Declined { packs } => packs.len(),
        Frame::Need(_) | Frame::Failed(_) => 1,
        Frame::Notices { notices, .. } => notices.len(),
        _ => 0,
    });
    said.sum()
}

/// Why a pack did not enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// By name.
    Verdict(Verdict),
    /// What comes before it was asked for, and never came.
    Needed,
    /// Nobody was told.
    Untold,
}

/// The reasons of the six kinds of [`forged`].
const REASONS: [Why; 6] = [
    Why::Verdict(Verdict::NotAllowed),
    Why::Verdict(Verdict::NotAllowed),
    Why::Needed,
    Why::Verdict(Verdict::Unreadable),
    Why::Verdict(Verdict::Unreadable),
    Why::Verdict(Verdict::Unreadable),
];

/// What the hub said of one pack.
fn reason(heard: &Heard, pack: &[u8]) -> Why {
    let PackHeader { document, actor, .. } = PackHeader::peek(pack).unwrap();
    let named = |notices: &[Notice]| {
        let of_pack = |one: &&Notice| (one.document, one.actor) == (document, actor);
        notices.iter().find(of_pack).map(|one| Why::Verdict(one.verdict))
    };
    let of_frame = |frame: &Frame| match frame {
        Frame::Declined { packs: notices } | Frame::Notices { notices, .. } => named(notices),
        Frame::Need(want) if (want.document, want.actor) == (document, actor) => Some(Why::Needed),
        _ => None,
    };
    heard.frames.iter().find_map(of_frame).unwrap_or(Why::Untold)
}

fn assign(stage: &Stage) {
    let mut persons = [ONE, TWO].map(|number| PersonId::of_device(key(number).device())).to_vec();
    persons.sort_unstable();
    let leader = key(LEADER);
    let deed = Deed::Assign { inspection: stage.visit().document(), persons };
    let (hub, by, at) = (stage.hub.device(), leader.device(), bienban_core::clock::now());
    let act = Act { hub, by, scope: fleet::unit(), nonce: [1; 16], at, deed };
    stage.hub.enter(vec![act.sign(&leader).unwrap()], at).unwrap();
}

/// One of the six kinds of row 16.
fn forged(stage: &Stage, hostile: &Hostile, kind: usize, rng: &mut SmallRng) -> Vec<u8> {
    let own = Incarnation(rng.random());
    let mut plot = Plot::new(hostile, Kind::Facility, COMMUNE, rng.random());
    match kind {
        // Another unit.
        0 => {
            let mut plot = Plot::new(hostile, Kind::Facility, "06337", rng.random());
            let change = plot.change(own, "elsewhere");
            plot.seal(own, None, change)
        }
        // An inspection that others were assigned.
        1 => {
            let mut plot = Plot::of(hostile, stage.visit(), &stage.shape);
            let change = plot.answer(own, &stage.shape.items()[0], fleet::answer("unassigned"));
            plot.seal(own, None, change)
        }
        // What lacks the change before it.
        2 => {
            let first = plot.change(own, "first");
            let second = plot.change(own, "second");
            plot.seal(own, Some(Tip::after(None, first.facts().hash)), second)
        }
        // Another's name, another's life, another's signature.
        kind => {
            let change = plot.change(own, "good");
            let mut pack = plot.seal(own, None, change);
            match kind {
                3 => pack[2..34].copy_from_slice(&key(ONE).device().0),
                4 => pack[34..50].copy_from_slice(&rng.random::<[u8; 16]>()),
                _ => rng.fill(&mut pack[50..114]),
            }
            pack
        }
    }
}

#[test]
fn a_thousand_forged_changes_of_six_kinds_and_none_is_accepted() {
    let seed = crate::seed("row 16");
    let mut rng = SmallRng::seed_from_u64(seed);
    let stage = Stage::open();
    assign(&stage);
    let before = stage.hub.status().unwrap().documents;
    let wanted = bienban_tests::figure("BIENBAN_FORGED", FORGED);
    let mut reasons: BTreeMap<(usize, bool), usize> = BTreeMap::new();
    stage.during(|hostile| {
        let (mut left, mut told) = (wanted, 0);
        while left > 0 {
            let kind = rng.random_range(0..6);
            let count = left.min(AT_ONCE / 2);
            let packs: Vec<_> =
                (0..count).map(|_| forged(&stage, hostile, kind, &mut rng)).collect();
            let heard = hostile.say(&push_after(told, packs.clone()));
            assert_eq!(signed(&heard), 0, "kind {kind}: {heard:?}");
            told = heard.frames.iter().fold(told, |told, frame| match frame {
                Frame::Notices { upto, .. } => told.max(*upto),
                _ => told,
            });
            for pack in &packs {
                let why = reason(&heard, pack);
                // Once as much of a device is set aside as may be, that is the reason.
                let full = why == Why::Verdict(Verdict::OverQuota);
                assert!(full || why == REASONS[kind], "kind {kind}: {why:?}: {heard:?}");
                *reasons.entry((kind, full)).or_insert(0) += 1;
            }
            left -= count;
        }
    });
    assert_eq!(stage.hub.status().unwrap().documents, before, "a document that nobody may write");
    println!("{wanted} forged changes, (kind, over quota): {reasons:?}");
    for kind in 0..REASONS.len() {
        assert!(reasons.contains_key(&(kind, false)), "no pack of kind {kind} for its own reason");
    }
    stage.expect_honest(&[]);
}

#[test]
fn ten_thousand_replayed_reordered_and_spliced_frames_have_no_effect_twice() {
    let seed = crate::seed("row 21");
    let mut rng = SmallRng::seed_from_u64(seed);
    let stage = Stage::open();
    let mut expected = Vec::new();
    stage.during(|hostile| {
        let mut plot = Plot::of(hostile, stage.visit(), &stage.shape);
        let (mut packs, mut previous) = (Vec::new(), None);
        for number in 0..8 {
            let said = format!("once-{number}");
            let change = plot.answer(life(9), &stage.shape.items()[0], fleet::answer(&said));
            let hash = change.facts().hash;
            packs.push(plot.seal(life(9), previous, change));
            previous = Some(Tip::after(previous.as_ref(), hash));
            expected.push(said);
        }
        for _ in 0..bienban_tests::figure("BIENBAN_REPLAYED", REPLAYED) / AT_ONCE {
            let mut frames = vec![hello(), kept()];
            frames.extend((0..AT_ONCE).map(|_| {
                let pick = |rng: &mut SmallRng| packs[rng.random_range(0..packs.len())].clone();
                let (one, other) = (pick(&mut rng), pick(&mut rng));
                let cut = rng.random_range(0..one.len().min(other.len()));
                let spliced = [&one[..cut], &other[cut..]].concat();
                let sent = if rng.random_bool(0.5) { vec![one, other] } else { vec![spliced] };
                Frame::Push { packs: sent }.encode().unwrap()
            }));
            frames.push(Frame::Pushed { answered: 0 }.encode().unwrap());
            hostile.say(&frames);
        }
        assert_eq!(signed(&hostile.say(&push(packs))), expected.len());
    });
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    stage.expect_honest(&expected);
}

#[test]
fn ten_thousand_malformed_frames_and_changes_stop_nobody() {
    let seed = crate::seed("row 22");
    let mut rng = SmallRng::seed_from_u64(seed);
    let stage = Stage::open();
    stage.during(|hostile| {
        let mut plot = Plot::of(hostile, stage.visit(), &stage.shape);
        let change = plot.answer(life(3), &stage.shape.items()[0], fleet::answer("spoilt"));
        let good = plot.seal(life(3), None, change);
        for _ in 0..bienban_tests::figure("BIENBAN_MALFORMED", MALFORMED) / ENDS_EVERY {
            let packs = (1..ENDS_EVERY).map(|_| spoilt(&good, &mut rng)).collect();
            let mut frames = push(packs);
            let mut last = frames.pop().unwrap();
            let at = rng.random_range(0..2.min(last.len()));
            last[at] = 0xf0 | rng.random::<u8>();
            frames.push(last);
            let heard = hostile.say(&frames);
            assert_eq!(signed(&heard), 0, "{heard:?}");
            assert!(heard.was_thrown_out(), "{heard:?}");
        }
    });
    stage.expect_honest(&[]);
}

/// With one to four bits changed, or cut, or longer.
fn spoilt(good: &[u8], rng: &mut SmallRng) -> Vec<u8> {
    let mut bytes = good.to_vec();
    match rng.random_range(0..4) {
        0 => bytes.truncate(rng.random_range(0..good.len())),
        1 => bytes.push(rng.random()),
        _ => {
            let at = rng.random_range(0..bytes.len());
            bytes[at] ^= rng.random_range(1..=255);
        }
    }
    bytes
}
