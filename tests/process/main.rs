//! Real processes and real files: kills, full disks, restored and damaged folders.
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
mod backups;
mod bundles;
mod cli;
mod days;
mod decisions;
mod demo;
mod desk;
mod ends;
mod enrol;
mod export;
mod full;
mod holders;
mod hub;
mod hub_key;
mod join;
mod kills;
mod life;
mod looks;
mod merging;
mod minutes;
mod moving;
mod plans;
mod poor_line;
mod program;
mod proof;
mod quarantine;
mod readme;
mod refusals;
mod restore;
mod revoked;
mod rows;
mod sealed;
mod seals;
mod shortened;
mod slips;
mod soak;
mod tcp;
mod truth;
mod upgrade;

use bienban_tests::{number, seed};
