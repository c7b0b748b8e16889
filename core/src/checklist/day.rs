//! *Ngày*: a day of the civil calendar, told from outside and counted exactly.
//!
//! Deadlines of the law are days in Vietnam, which keeps UTC+7 all year. Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Duration, Month, Weekday};

use crate::model::Timestamp;

/// Vietnam's offset from UTC in milliseconds; it has no summer time.
const VIETNAM_OFFSET_MS: i64 = 7 * 60 * 60 * 1000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// First and last year that a day may lie in: the years of `YYYY-MM-DD` in which the law, its
/// predecessors and any deadline of theirs fall.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2999;

/// Why a text is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a day is written YYYY-MM-DD and lies between 1900-01-01 and 2999-12-31")]
pub struct DayError;

/// A day of the civil calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// Returns the day in Vietnam at a moment; `None` outside of the years that a day may lie in.
    #[must_use]
    pub fn of(moment: Timestamp) -> Option<Self> {
        let days = moment.0.checked_add(VIETNAM_OFFSET_MS)?.div_euclid(DAY_MS);
        let epoch = Date::from_calendar_date(1970, Month::January, 1).ok()?;
        Self(epoch).plus_days(days)
    }

    /// Returns the day in Vietnam at a moment, the first or the last that there is for a clock that
    /// shows one outside of them.
    #[must_use]
    pub fn nearest(moment: Timestamp) -> Self {
        let edge = |year, month, day| {
            Self(Date::from_calendar_date(year, month, day).unwrap_or(Date::MIN))
        };
        Self::of(moment).unwrap_or_else(|| match moment.0 < 0 {
            true => edge(*YEARS.start(), Month::January, 1),
            false => edge(*YEARS.end(), Month::December, 31),
        })
    }

    /// Returns the last moment of the day in Vietnam.
    #[must_use]
    pub fn end(self) -> Timestamp {
        const EPOCH: i32 = 2_440_588;
        let days = i64::from(self.0.to_julian_day() - EPOCH) + 1;
        Timestamp(days * DAY_MS - VIETNAM_OFFSET_MS - 1)
    }

    /// Returns the year.
    #[must_use]
    pub fn year(self) -> i32 {
        self.0.year()
    }

    /// Returns whether it is a Saturday or Sunday, the weekly days of rest of public offices.
    #[must_use]
    pub fn is_weekend(self) -> bool {
        matches!(self.0.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// Returns how many days lie between it and another; negative if that is earlier.
    #[must_use]
    pub fn days_until(self, other: Self) -> i64 {
        i64::from(other.0.to_julian_day()) - i64::from(self.0.to_julian_day())
    }

    /// Returns the day this many days later, or earlier if negative.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Option<Self> {
        let seconds = days.checked_mul(86_400)?;
        Self::within(self.0.checked_add(Duration::seconds(seconds))?)
    }

    /// Returns the same day of the month this many months later; the last day of that month where
    /// it has no such day (Civil Code 91/2015/QH13, art. 147 and 148).
    #[must_use]
    pub fn plus_months(self, months: i32) -> Option<Self> {
        let count =
            self.0.year().checked_mul(12)?.checked_add(i32::from(u8::from(self.0.month())) - 1)?;
        let count = count.checked_add(months)?;
        let month = Month::try_from(u8::try_from(count.rem_euclid(12)).ok()? + 1).ok()?;
        let year = count.div_euclid(12);
        let day = self.0.day().min(month.length(year));
        Self::within(Date::from_calendar_date(year, month, day).ok()?)
    }

    fn within(date: Date) -> Option<Self> {
        YEARS.contains(&date.year()).then_some(Self(date))
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, b)| match at {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shaped {
            return Err(DayError);
        }
        let number = |from: usize, to: usize| text[from..to].parse::<u16>().map_err(|_| DayError);
        let month = u8::try_from(number(5, 7)?).map_err(|_| DayError)?;
        let day = u8::try_from(number(8, 10)?).map_err(|_| DayError)?;
        let month = Month::try_from(month).map_err(|_| DayError)?;
        let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, day);
        date.ok().and_then(Self::within).ok_or(DayError)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_begins_at_seventeen_hours_utc_of_the_day_before() {
        let midnight = day("2026-06-01").plus_days(-1).unwrap().end().0 + 1;
        assert_eq!(Day::of(Timestamp(midnight)), Some(day("2026-06-01")));
        assert_eq!(Day::of(Timestamp(midnight - 1)), Some(day("2026-05-31")));
        // 2026-05-31T17:00:00Z.
        assert_eq!(midnight, 1_780_246_800_000);
    }

    #[test]
    fn months_end_on_the_last_day_there_is() {
        assert_eq!(day("2024-01-31").plus_months(1), Some(day("2024-02-29")));
        assert_eq!(day("2023-11-30").plus_months(3), Some(day("2024-02-29")));
        assert_eq!(day("2026-05-22").plus_months(36), Some(day("2029-05-22")));
        assert_eq!(day("2026-01-15").plus_months(-2), Some(day("2025-11-15")));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in
            ["", "2026-2-30", "2026-02-30", "2026-13-01", "1899-12-31", "2026-02-1é", "20260201"]
        {
            assert_eq!(text.parse::<Day>(), Err(DayError), "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_are_no_panic() {
        for moment in [i64::MIN, -1, 0, i64::MAX] {
            let _ = Day::of(Timestamp(moment));
            let nearest = Day::nearest(Timestamp(moment));
            assert_eq!(nearest.to_string().parse(), Ok(nearest));
        }
        assert_eq!(day("2999-12-31").plus_days(1), None);
        assert_eq!(day("2026-01-01").plus_days(i64::MAX), None);
        assert_eq!(day("2026-01-01").plus_months(i32::MIN), None);
    }

    proptest! {
        #[test]
        fn a_printed_day_reads_back(days in 0_i64..200_000) {
            let there = day("1970-01-01").plus_days(days).unwrap();
            prop_assert_eq!(there.to_string().parse::<Day>().unwrap(), there);
            prop_assert_eq!(Day::of(there.end()), Some(there));
            prop_assert_eq!(there.plus_days(-days), Some(day("1970-01-01")));
        }
    }
}
