//! The harness that the tests, benches and fuzz targets share.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a harness stops a test at the first surprise, and says what it was"
)]

pub mod binary;
pub mod fleet;
pub mod fuzzing;
pub mod gauge;
pub mod link;
pub mod overheard;
pub mod process;
pub mod scene;
pub mod soak;
pub mod stock;
pub mod tcp_link;

use bienban_core::clock;

/// Returns the number that an environment variable holds.
#[must_use]
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Returns how many of something are asked for by a variable of the environment; `plain` of them where it says nothing.
///
/// # Panics
///
/// Panics when more are asked for than this machine can count.
#[must_use]
pub fn figure(name: &str, plain: usize) -> usize {
    number(name).map_or(plain, |count| usize::try_from(count).expect("a count of this machine"))
}

/// Returns the seed to use, after printing it.
///
/// # Panics
///
/// Panics when the system gives no entropy.
#[must_use]
#[allow(clippy::print_stdout, reason = "a test that fails shows the seed that it ran with")]
pub fn seed(test: &str) -> u64 {
    let fresh = || {
        u64::from(u32::from_le_bytes(
            clock::random().expect("a system that runs tests gives entropy"),
        ))
    };
    let seed = number("BIENBAN_SEED").unwrap_or_else(fresh);
    println!("{test}: BIENBAN_SEED={seed}");
    seed
}
