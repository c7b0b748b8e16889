//! How long a device that has not been in touch with its hub may exchange with other devices: what it
//! knows of rights is as old as that ([why](../../../docs/adr/0029-lost-phones.md)). Recording never
//! depends on it.

use crate::model::Timestamp;

/// A rule of leases. A rule that changes takes the next version, so that two programs can say by which
/// they went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseRule {
    /// Counts the rules.
    pub version: u8,
    /// Days from the hub's last signed word on.
    pub days: u16,
}

/// The rule in force: an inspection in the mountains takes a team out of reach for days, a campaign for
/// two or three weeks; a phone that was lost on its first day is out of its peers' reach in a month.
pub const LEASE: LeaseRule = LeaseRule { version: 1, days: 30 };

/// A contact renews the lease where the word that is kept is older than this: at most one record a day.
pub const RENEWED_AFTER_MS: i64 = DAY_MS;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl LeaseRule {
    /// Returns until when a lease runs that the hub's word of a time gave.
    #[must_use]
    pub fn until(self, word: Timestamp) -> Timestamp {
        Timestamp(word.0.saturating_add(i64::from(self.days) * DAY_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_runs_for_its_days_and_no_time_overflows() {
        assert_eq!(LEASE.until(Timestamp(5)), Timestamp(5 + 30 * 86_400_000));
        assert_eq!(LEASE.until(Timestamp(i64::MAX)), Timestamp(i64::MAX));
    }
}
