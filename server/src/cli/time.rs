//! Times: in data all of them in RFC 3339, UTC; for people as those in Vietnam read and write them,
//! UTC+7, always with the zone.
//!
//! Vietnam has had one zone without summer time since 1975, so a fixed offset is the whole rule.

use bienban_core::checklist::Day;
use bienban_core::model::Timestamp;
use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset, time};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::error::CliError;
use super::wrong::Wrong;
use crate::messages::Messages;

/// Asia/Ho_Chi_Minh.
const ZONE: UtcOffset = offset!(+7);

const RFC3339: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const MINUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute] +07:00");
const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Longest deadline that may be given in days: a slip of the finger is not a deadline.
const DEADLINE_DAYS_MAX: i64 = 3_650;

/// Returns the time in RFC 3339, UTC: the one form of times in data.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(RFC3339).ok())
        // A clock that claims a year beyond 9999 is shown as what it said.
        .unwrap_or_else(|| format!("{} ms", at.0))
}

/// Returns a time of data to the minute in Vietnam, for people.
pub(crate) fn minute(at: &str) -> String {
    shown(at, MINUTE)
}

/// Returns the last day in Vietnam of what ends just before a time, as YYYY-MM-DD.
pub(crate) fn last_day(until: Timestamp) -> String {
    day(Timestamp(until.0.saturating_sub(1)))
}

/// Returns the day in Vietnam of a time of data, as YYYY-MM-DD.
pub(crate) fn day_of(at: &str) -> String {
    shown(at, DAY)
}

/// Returns how long a time is in its largest unit, for people: a difference of which the unit says enough.
pub(crate) fn span(m: &Messages, ms: u64) -> String {
    let minutes = ms / 60_000;
    let (key, count) = match minutes {
        0..120 => ("span.minutes", minutes),
        120..2_880 => ("span.hours", minutes / 60),
        _ => ("span.days", minutes / 1_440),
    };
    m.text(key, &[("count", &count.to_string())])
}

fn shown(at: &str, form: &[BorrowedFormatItem<'_>]) -> String {
    let moment = PrimitiveDateTime::parse(at, RFC3339).ok();
    let there = moment.and_then(|moment| moment.assume_utc().checked_to_offset(ZONE));
    // What is no time was shown as what the clock said, and stays so.
    there.and_then(|moment| moment.format(form).ok()).unwrap_or_else(|| at.to_owned())
}

/// Returns the day in Vietnam, as YYYY-MM-DD.
pub(crate) fn day(at: Timestamp) -> String {
    day_of(&rfc3339(at))
}

/// Reads a day, as an argument of a command: as YYYY-MM-DD, or as people in Vietnam write it,
/// DD/MM/YYYY, also with one digit for day or month, or with points or hyphens.
///
/// # Errors
///
/// Returns [`Wrong::Day`] for anything else, and [`Wrong::NoSuchDay`] for a day that the calendar does not
/// have, or that lies in no year of the law.
pub(crate) fn typed_day(text: &str) -> Result<Day, Wrong> {
    let given = || text.trim().to_owned();
    let written = written_day(text.trim()).ok_or_else(|| Wrong::Day { given: text.to_owned() })?;
    written.parse().map_err(|_| Wrong::NoSuchDay { given: given() })
}

/// Returns why a day was not taken where one was wanted: there is none such, if what was typed has the form
/// of one; else `error`. A time of day may stand beside it; `place` is what it was typed for.
pub(crate) fn not_a_day(place: &str, typed: &str, error: CliError) -> CliError {
    let none = |part: &str| matches!(typed_day(part), Err(Wrong::NoSuchDay { .. }));
    match typed.split([' ', 'T']).any(none) {
        true => Wrong::NoSuchDay { given: format!("{place} {typed}") }.into(),
        false => error,
    }
}

/// Returns a day as YYYY-MM-DD; whether the calendar has it is not looked at. Two digits are no year:
/// nobody could tell which end it stands at.
fn written_day(text: &str) -> Option<String> {
    let separator = text.chars().find(|c| ['/', '-', '.'].contains(c))?;
    let parts: Vec<&str> = text.split(separator).collect();
    let [first, month, last] = parts.as_slice() else { return None };
    let year_first = first.len() == 4 && separator == '-';
    let (year, day) = if year_first { (first, last) } else { (last, first) };
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let fits = digits(day, 2) && digits(month, 2) && year.len() == 4 && digits(year, 4);
    fits.then(|| format!("{year}-{month:0>2}-{day:0>2}"))
}

/// Reads a moment: RFC 3339, or the beginning of a day as [`typed_day`] reads it.
///
/// # Errors
///
/// Returns [`Wrong::Moment`] for anything else, and [`Wrong::NoSuchDay`] as [`typed_day`].
pub(crate) fn moment(text: &str) -> Result<Timestamp, Wrong> {
    let wrong = || Wrong::Moment { given: text.to_owned() };
    if let Ok(moment) =
        OffsetDateTime::parse(text.trim(), &time::format_description::well_known::Rfc3339)
    {
        let millis = moment.unix_timestamp_nanos() / 1_000_000;
        return i64::try_from(millis).map(Timestamp).map_err(|_| wrong());
    }
    let day = match typed_day(text) {
        Err(none @ Wrong::NoSuchDay { .. }) => return Err(none),
        day => day.ok(),
    };
    let before = day.and_then(|day| day.plus_days(-1)).ok_or_else(wrong)?;
    Ok(Timestamp(before.end().0 + 1))
}

/// Reads a deadline: a number of days from now, or a day as [`typed_day`] reads it. It ends with that
/// day.
///
/// # Errors
///
/// Returns [`Wrong::Deadline`] for anything else, and [`Wrong::NoSuchDay`] as [`typed_day`].
pub(crate) fn deadline(text: &str, now: Timestamp) -> Result<Timestamp, CliError> {
    let wrong = || CliError::from(Wrong::Deadline { given: text.to_owned() });
    if let Ok(days) = text.parse::<i64>() {
        if !(0..=DEADLINE_DAYS_MAX).contains(&days) {
            return Err(wrong());
        }
        let moment = OffsetDateTime::from_unix_timestamp_nanos(
            i128::from(now.0.saturating_add(days * DAY_MS)) * 1_000_000,
        )
        .ok()
        .and_then(|moment| moment.checked_to_offset(ZONE))
        .ok_or_else(wrong)?;
        return Ok(end_of(moment.date()));
    }
    let day = match typed_day(text) {
        Err(none @ Wrong::NoSuchDay { .. }) => return Err(none.into()),
        day => day.map_err(|_| wrong())?,
    };
    Date::parse(&day.to_string(), DAY).map(end_of).map_err(|_| wrong())
}

fn end_of(day: Date) -> Timestamp {
    let last = day.with_time(time!(23:59:59)).assume_offset(ZONE);
    Timestamp(last.unix_timestamp() * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_zone_of_vietnam() {
        let at = Timestamp(1_795_453_199_000);
        assert_eq!(rfc3339(at), "2026-11-23T16:59:59.000Z");
        // The last minutes of a day in Vietnam lie on the same day in UTC, the first ones do not.
        let early = rfc3339(Timestamp(1_795_453_200_000));
        assert_eq!(early, "2026-11-23T17:00:00.000Z");
        assert_eq!(day_of(&early), "2026-11-24");
        assert_eq!(minute(&rfc3339(at)), "2026-11-23 23:59 +07:00");
        let far = rfc3339(Timestamp(i64::MAX));
        assert_eq!(minute(&far), format!("{} ms", i64::MAX));
    }

    #[test]
    fn deadlines_end_with_their_day() {
        let now = Timestamp(1_795_453_199_000);
        assert_eq!(deadline("2026-11-23", now).unwrap(), now);
        assert_eq!(deadline("0", now).unwrap(), now);
        assert_eq!(deadline("1", now).unwrap(), Timestamp(now.0 + DAY_MS));
        assert_eq!(deadline("23/11/2026", now).unwrap(), now);
        for wrong in ["", "-1", "soon", "23/11/26", "2026-02-30", "99999999999999999999"] {
            assert!(deadline(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_is_typed_as_people_write_it_and_never_guessed() {
        for text in
            ["2026-12-01", "01/12/2026", "1/12/2026", "01-12-2026", "01.12.2026", " 1.12.2026 "]
        {
            assert_eq!(typed_day(text).unwrap().to_string(), "2026-12-01", "{text}");
        }
        for wrong in [
            "",
            "1/12/26",
            "2026/12/01",
            "12/2026",
            "31/02/2026",
            "12/13/2026",
            "1/12-2026",
            "+1/12/2026",
            "mai",
        ] {
            assert!(typed_day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_that_the_calendar_does_not_have_is_told_as_such() {
        let none = |error: Wrong| matches!(error, Wrong::NoSuchDay { .. });
        for text in ["2026-02-30", "31/04/2026", "29.2.2027", "12/13/2026"] {
            assert!(none(typed_day(text).unwrap_err()), "{text}");
            assert!(none(moment(text).unwrap_err()), "{text}");
            let told = deadline(text, Timestamp(0)).unwrap_err();
            assert!(matches!(told, CliError::Wrong(Wrong::NoSuchDay { .. })), "{text}: {told}");
        }
        assert!(!none(typed_day("1/12/26").unwrap_err()), "that is no form of a day");
        let other = || CliError::NoAnswer;
        let told = not_a_day("seen_at", "08:00 30/02/2026", other());
        assert!(told.to_string().starts_with("seen_at 08:00 30/02/2026: there is no"), "{told}");
        assert!(matches!(not_a_day("seen_at", "28/02/2026", other()), CliError::NoAnswer));
    }
}
