//! Power cuts, failing calls and damage: what was acknowledged is there afterwards, or it is said that it
//! is not.
//!
//! A recorder (`recorder.c`) writes down every file call of a working store; a model of a disk
//! (`disk.rs`) makes of it states that a power cut could have left; each is opened and compared
//! with what had been acknowledged by then (`crashes.rs`). What the store does is a list of scenarios
//! (`scenarios.rs`), each of whose calls is also made to fail (`failing.rs`). Bare sled goes through the same
//! and must fail, which shows that the states are hard enough.
//!
//! `BIENBAN_CRASH_STATES` sets how many states, `BIENBAN_CRASH_SCENARIO` of which scenario,
//! `BIENBAN_CRASH_SEED` which; `BIENBAN_FAULTS` how many calls fail, `BIENBAN_FLIPS` how many files are
//! damaged. A state that fails keeps its log and prints how to make it again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a broken harness must stop the test")]
#![allow(clippy::print_stdout, reason = "a test says what it did")]

#[cfg(unix)]
mod crashes;
#[cfg(unix)]
mod damage;
#[cfg(unix)]
mod disk;
#[cfg(unix)]
mod failing;
#[cfg(unix)]
mod full;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod scenarios;
#[cfg(unix)]
mod seal;
#[cfg(unix)]
mod sealed;
#[cfg(unix)]
mod stage;
#[cfg(unix)]
mod worker;

/// Does nothing, unless this process was started as a worker.
#[cfg(unix)]
#[test]
fn worker() {
    worker::run_if_asked();
}
