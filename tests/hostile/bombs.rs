//! Row 24 of the scorecard: what is small on the wire and large when it is opened, and what fills a hub.

use std::time::Duration;

use automerge::ScalarValue;
use automerge::legacy::Op;
use bienban_core::clock::Stopwatch;
use bienban_core::model::{CHANGE_BYTES_MAX, CHANGE_OPS_MAX, Document, Kind, Shape};
use bienban_tests::scene::{self, Scene};

use crate::device::{Hostile, push};
use crate::limits::{ALIKE_OPS, HUGE_TEXT_BYTES, forged, int, nested, put};
use crate::packs::{expect_no_receipt, orphan, waiting_after_merging};
use crate::plot::Plot;
use crate::process::{Honest, MEMORY_GROWTH_MAX, memory};
use crate::rows::answered;

/// Bombs, where `BIENBAN_BOMBS` says nothing; the figure of row 24 is 50.
const BOMBS: u64 = 18;

/// Kinds of them.
const KINDS: u64 = 6;

/// Operations of one change, and objects within objects: one more than may be.
const OPS: u64 = CHANGE_OPS_MAX + 1;

/// A text that is longer than a change may be, in a frame that is not.
const TEXT_BYTES: usize = CHANGE_BYTES_MAX + (8 << 10);

/// Orphans of one push.
const ORPHANS: u8 = 255;

/// The nonce of the document that all orphans are of.
const ORPHAN_NONCE: u64 = 5;

/// The first nonce of a bomb's document; others here have lower ones.
const NONCE: u64 = 100;

fn text(bytes: usize) -> Vec<Op> {
    vec![put("x", ScalarValue::Str("a".repeat(bytes).into()))]
}

/// A bomb and what it is. Orphans are many packs, the others one.
fn bomb(hostile: &Hostile, number: u64) -> (&'static str, Vec<Vec<u8>>) {
    let nonce = u8::try_from(NONCE + number % 100).unwrap();
    let one = |ops, packed| vec![forged(hostile, nonce, ops, packed)];
    match number % KINDS {
        0 => ("a text that inflates", one(text(HUGE_TEXT_BYTES), true)),
        1 => {
            ("operations all alike", one((0..ALIKE_OPS).map(|_| put("x", int(1))).collect(), true))
        }
        2 => {
            let many = (0..OPS).map(|n| put(&format!("k{n}"), int(n))).collect();
            ("many operations", one(many, false))
        }
        3 => ("deep nesting", one(nested(OPS), true)),
        4 => ("a huge text", one(text(TEXT_BYTES), false)),
        _ => {
            let round = u8::try_from(number / KINDS % 100).unwrap();
            ("orphans", (0..ORPHANS).map(|one| orphan(hostile, round, one)).collect())
        }
    }
}

#[test]
fn bombs_are_refused_and_cost_the_hub_little() {
    let mut scene = Scene::with_phones(1);
    let dir = scene.add_device("hostile", "inspector", scene::COMMUNE);
    let hostile = Hostile::in_scene(&scene, &dir);
    let honest = Honest::start(&scene, scene.phones[0].clone());
    // Buffers and threads that any session needs are there before memory is measured.
    assert!(!hostile.say(&push(Vec::new())).was_thrown_out());
    let bombs = bienban_tests::number("BIENBAN_BOMBS").unwrap_or(BOMBS);
    let (before, mut most) = (memory(&scene), 0);
    let (mut slowest, mut waiting) = (Duration::ZERO, Vec::new());
    for number in 0..bombs {
        let (name, packs) = bomb(&hostile, number);
        let watch = Stopwatch::start();
        let heard = hostile.say(&push(packs));
        slowest = slowest.max(watch.elapsed());
        if name == "orphans" {
            waiting.push(waiting_after_merging(&scene));
        } else {
            expect_no_receipt(&heard);
            assert!(answered(&heard) > 0, "{name}: nobody is told: {heard:?}");
        }
        most = most.max(memory(&scene));
    }
    // Orphans wait for what never comes, until their device has no room left; then no more are kept.
    let full = waiting.len().saturating_sub(2);
    assert!(full < 2 || waiting[full..].iter().all(|one| *one == waiting[full]), "{waiting:?}");
    println!(
        "{bombs} bombs: {before} kB, at most {most} kB; the slowest answer took {slowest:?}; orphans {waiting:?}"
    );
    assert!(most.saturating_sub(before) < MEMORY_GROWTH_MAX, "{before} kB, then {most} kB");
    let (told, _) = honest.end();
    scene.settle();
    scene.stop_hub();
    let hub = scene::open_hub(&scene.hub_dir);
    for nonce in (NONCE..NONCE + bombs.min(100)).chain([ORPHAN_NONCE]) {
        let plot =
            Plot::new(&hostile, Kind::Facility, scene::COMMUNE, u8::try_from(nonce).unwrap());
        let empty = Document::create(&plot.genesis, &Shape::Facility).heads();
        let inside = hub.replica().load(plot.genesis.document());
        assert!(
            inside.is_err() || inside.unwrap().heads() == empty,
            "bomb {nonce} entered a record"
        );
    }
    drop(hub);
    scene::expect_same(&scene).expect_all("the record", &told);
}
