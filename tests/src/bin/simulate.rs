//! Long runs of the simulation: `simulate --seeds N [--seed S] [--shrink] [--keep-going]`.
//!
//! It is the test `simulation` without a test's frame: the same world, faults and oracle, with as many schedules as
//! wanted, told as they pass. `--seed S` alone replays one and prints its trace; with `--seeds N` it is the first of
//! N. `--shrink` shortens a schedule that fails to the steps that matter; `--keep-going` names each that fails and runs
//! the others.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test harness stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "it tells what it does")]

#[path = "../../simulation/aside.rs"]
mod aside;
#[path = "../../simulation/bounds.rs"]
mod bounds;
#[path = "../../simulation/faults.rs"]
mod faults;
#[path = "../../simulation/heal.rs"]
mod heal;
#[path = "../../simulation/meet.rs"]
mod meet;
#[path = "../../simulation/node.rs"]
mod node;
#[path = "../../simulation/oracle.rs"]
mod oracle;
#[path = "../../simulation/rights.rs"]
mod rights;
#[path = "../../simulation/schedule.rs"]
mod schedule;
#[path = "../../simulation/sealing.rs"]
mod sealing;
#[path = "../../simulation/tally.rs"]
mod tally;
#[path = "../../simulation/wire.rs"]
mod wire;
#[path = "../../simulation/world.rs"]
mod world;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use bienban_core::clock;
use tally::Seen;

/// Schedules after which a line is printed.
const TOLD_EVERY: u64 = 1000;

/// What is asked for.
#[derive(Debug, Default)]
struct Wanted {
    seeds: Option<u64>,
    seed: Option<u64>,
    shrinks: bool,
    goes_on: bool,
}

fn wanted() -> Option<Wanted> {
    let mut wanted = Wanted::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => wanted.seeds = Some(words.next()?.parse().ok()?),
            "--seed" => wanted.seed = Some(words.next()?.parse().ok()?),
            "--shrink" => wanted.shrinks = true,
            "--keep-going" => wanted.goes_on = true,
            _ => return None,
        }
    }
    (wanted.seeds.is_some() || wanted.seed.is_some()).then_some(wanted)
}

fn main() -> ExitCode {
    let Some(Wanted { seeds, seed, shrinks, goes_on }) = wanted() else {
        println!("simulate --seeds N [--seed FIRST] [--shrink | --keep-going]");
        println!("simulate --seed S [--shrink]");
        return ExitCode::from(2);
    };
    let first = seed.unwrap_or(0);
    if seeds.is_none() && !shrinks {
        let (told, outcome) = schedule::replay(first, None);
        println!("{told}");
        return match outcome {
            Ok(tally) => {
                println!("{tally}");
                ExitCode::SUCCESS
            }
            Err(wrong) => {
                println!("seed {first}: {wrong}");
                ExitCode::FAILURE
            }
        };
    }
    run(first..first + seeds.unwrap_or(1), shrinks, goes_on)
}

fn run(seeds: std::ops::Range<u64>, shrinks: bool, goes_on: bool) -> ExitCode {
    let (begun, done, failed) = (clock::now(), AtomicU64::new(0), AtomicU64::new(0));
    let tell = |failure: &schedule::Failure| {
        failed.fetch_add(1, Ordering::Relaxed);
        println!("seed {}: {}", failure.seed, failure.wrong);
    };
    let rate = |count: u64| {
        let took = u64::try_from(clock::now().0 - begun.0).unwrap_or(1).max(1);
        let tenths = count * 10_000 / took;
        format!("{count} schedules in {} s: {}.{} a second", took / 1000, tenths / 10, tenths % 10)
    };
    let told = |_| {
        let count = done.fetch_add(1, Ordering::Relaxed) + 1;
        if count % TOLD_EVERY == 0 {
            println!("{}", rate(count));
        }
    };
    let outcome = schedule::run_all(seeds, &told, goes_on.then_some(&tell));
    match outcome {
        Ok(total) => {
            println!("{}\n{total}", rate(done.into_inner()));
            let (edits, failed) = (total.count(Seen::Edits), failed.into_inner());
            if failed > 0 {
                println!(
                    "{failed} schedules failed; {edits} edits in the others, none lost or doubled"
                );
                return ExitCode::FAILURE;
            }
            println!("{edits} edits, none lost or doubled");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{}", schedule::tell(&failure, shrinks));
            ExitCode::FAILURE
        }
    }
}
