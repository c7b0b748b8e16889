//! N phones and a hub, one seed: the real core and hub logic over a simulated network and simulated
//! disks. Phones also meet each other, without the hub. After every run all replicas must hold the same record, and no acknowledged edit may be
//! missing or doubled.
//!
//! `BIENBAN_SIM_SEEDS=N` runs N schedules, `BIENBAN_SIM_SEED=S` replays one and prints its trace.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test harness stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "a replayed schedule is told step by step")]

mod meet;
mod node;
mod oracle;
mod sealing;
mod world;

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use world::World;

/// Schedules of a plain `cargo test`.
const SEEDS: u64 = 300;

/// Events of one schedule before the network heals.
const STEPS: usize = 160;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(seed: u64, trace: bool) -> Result<oracle::Tally, String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, trace);
        for _ in 0..STEPS {
            world.step();
        }
        world.heal();
        oracle::check(&mut world)
    }));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(text.unwrap_or_else(|| "panicked".to_owned()))
    })
}

/// Runs the schedules on all processors; a schedule shares nothing with others. Returns the lowest
/// seed that fails, whichever thread is quickest.
fn run_all(seeds: u64) -> Result<oracle::Tally, (u64, String)> {
    let (next, lowest) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let work = || {
        let mut total = oracle::Tally::default();
        loop {
            // Seeds are taken in order, so every lower one is done or under way.
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || seed > lowest.load(Ordering::Relaxed) {
                return Ok(total);
            }
            match run(seed, false) {
                Ok(tally) => total.add(&tally),
                Err(wrong) => {
                    lowest.fetch_min(seed, Ordering::Relaxed);
                    return Err((seed, wrong));
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut total = oracle::Tally::default();
    let mut failures = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(tally) => total.add(&tally),
            Err(failure) => failures.push(failure),
        }
    }
    failures.into_iter().min().map_or(Ok(total), Err)
}

#[test]
fn every_schedule_converges_and_loses_nothing() {
    if let Some(seed) = number("BIENBAN_SIM_SEED") {
        if let Err(wrong) = run(seed, true) {
            panic!("seed {seed}: {wrong}");
        }
        return;
    }
    let seeds = number("BIENBAN_SIM_SEEDS").unwrap_or(SEEDS);
    let total = match run_all(seeds) {
        Ok(total) => total,
        Err((seed, wrong)) => panic!(
            "seed {seed}: {wrong}\nreplay: BIENBAN_SIM_SEED={seed} cargo test -p bienban-tests \
             --test simulation -- --nocapture"
        ),
    };
    println!("{seeds} schedules: {total:?}");
    // A simulator that stops making trouble proves nothing.
    assert!(total.meetings > 0 && total.carried > 0, "{total:?}");
    assert!(total.edits > seeds, "too few edits: {total:?}");
    assert!(total.conflicts > 0 && total.cuts > 0 && total.power_cuts > 0, "{total:?}");
    assert!(total.registered > 0 && total.rivals > 0 && total.late > 0, "{total:?}");
    assert!(total.forks > 0 && total.refused_writes > 0 && total.ghosts > 0, "{total:?}");
}
