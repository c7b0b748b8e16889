//! Real processes and real files: kills, full disks, hostile peers, restored and damaged folders.
//!
//! Every test that draws lots prints its seed; `BIENBAN_SEED` replays it, as far as processes do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests do as tests do, but clippy only knows functions marked as tests"
)]

mod after;
mod apart;
mod audit;
mod cli;
mod days;
mod demo;
mod desk;
mod ends;
mod enrol;
mod full;
mod hostile;
mod hub;
mod join;
mod kills;
mod life;
mod merging;
mod minutes;
mod moving;
mod plans;
mod program;
mod proof;
mod restore;
mod revoked;
mod rows;
mod sealed;
mod seals;
mod tcp;
mod truth;

use bienban_core::clock;

/// Returns the number that an environment variable holds.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Returns the seed to use, after printing it.
fn seed(test: &str) -> u64 {
    let fresh = || u64::from(u32::from_le_bytes(clock::random().unwrap()));
    let seed = number("BIENBAN_SEED").unwrap_or_else(fresh);
    println!("{test}: BIENBAN_SEED={seed}");
    seed
}
