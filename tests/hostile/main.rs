//! Devices that a hub trusts, or does not, and that say what no phone of ours says: one test for each attack
//! of `docs/security.md`, and the rows of the scorecard that count them. Each is refused or set aside under
//! its own name, is in the hub's log, and honest phones beside it neither notice nor lose anything.
//!
//! Every test that draws lots prints its seed; `BIENBAN_SEED` replays it, as far as processes do.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests do as tests do, but clippy only knows functions marked as tests"
)]

mod attacks;
mod bombs;
mod device;
mod frames;
mod limits;
mod packs;
mod plot;
mod process;
mod rows;
mod seals;
mod stage;
mod stopped;
#[path = "../network/stranger.rs"]
mod stranger;
mod unreadable;

use bienban_tests::seed;
