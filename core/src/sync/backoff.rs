//! How long to wait before the next attempt: exponential, with full jitter.

use std::time::Duration;

/// The bound of the first wait: a lost packet costs little.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// The largest bound: a phone in a valley tries four times an hour and spares its battery.
pub const BACKOFF_MAX: Duration = Duration::from_secs(15 * 60);

/// Counts failures in a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Notes a failure and returns how long to wait: evenly spread between zero and a bound that
    /// doubles each time, so that phones cut off together do not come back together. `random` is
    /// any evenly spread number; `at_least` is what the peer asked for, if it did.
    #[must_use]
    pub fn next(&mut self, random: u64, at_least: Option<Duration>) -> Duration {
        let bound = self.bound();
        self.failures = self.failures.saturating_add(1);
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let jittered = (u128::from(random) * u128::from(nanos)) >> 64;
        let wait = Duration::from_nanos(u64::try_from(jittered).unwrap_or(nanos));
        at_least.unwrap_or_default().min(BACKOFF_MAX).saturating_add(wait)
    }

    /// Notes a success: the next failure starts anew.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns how many failures came in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn bound(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        BACKOFF_FIRST.saturating_mul(factor).min(BACKOFF_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_doubles_up_to_the_largest_and_starts_anew_after_success() {
        let mut backoff = Backoff::default();
        let longest = |backoff: &mut Backoff| backoff.next(u64::MAX, None).as_secs_f64().round();
        assert_eq!(longest(&mut backoff), 1.0);
        assert_eq!(longest(&mut backoff), 2.0);
        assert_eq!(longest(&mut backoff), 4.0);
        for _ in 0..100 {
            assert!(backoff.next(u64::MAX, None) <= BACKOFF_MAX);
        }
        assert_eq!(longest(&mut backoff), 900.0);
        backoff.reset();
        assert_eq!(longest(&mut backoff), 1.0);
    }

    #[test]
    fn jitter_spreads_from_zero_and_respects_what_the_peer_asked() {
        assert_eq!(Backoff::default().next(0, None), Duration::ZERO);
        let asked = Duration::from_secs(30);
        assert_eq!(Backoff::default().next(0, Some(asked)), asked);
        assert!(Backoff::default().next(u64::MAX / 2, None) < Duration::from_millis(501));
    }
}
