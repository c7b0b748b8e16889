//! The one reader of the operating system's time and entropy.
//!
//! Everything else in this crate is told the time and handed random bytes, so that a simulation can
//! replay any run from its seed.

use std::time::{Duration, Instant, SystemTime};

use crate::model::Timestamp;

/// Why the machine gave no entropy.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct EntropyError {
    #[source]
    source: getrandom::Error,
}

/// The device's wall clock, in milliseconds since 1970 UTC. A claim, never an order.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the one reader of the wall clock")]
pub fn now() -> Timestamp {
    let millis = match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    };
    Timestamp(millis)
}

/// A point on the monotonic clock, for measuring how long work took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "this is the one reader of the monotonic clock")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Returns `N` random bytes from the operating system.
///
/// # Errors
///
/// Returns [`EntropyError`] when the operating system refuses; nothing may be signed or named then.
pub fn random<const N: usize>() -> Result<[u8; N], EntropyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| EntropyError { source })?;
    Ok(bytes)
}
