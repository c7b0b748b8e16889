//! From what a person types, or what stands in a record, to the one spelling of a value.

use time::format_description::BorrowedFormatItem;
use time::macros::{format_description, offset};
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use super::error::{HeaderError, HeaderWanted};
use super::form::{HeaderField, HeaderForm, HeaderOption, HeaderType};
use crate::checklist::day::Day;
use crate::checklist::template::typed_day;
use crate::model::{Timestamp, clean};

/// Asia/Ho_Chi_Minh: one zone without summer time since 1975.
const ZONE: UtcOffset = offset!(+7);
const STORED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
const SHOWN: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute] +07:00");

/// A value on the line of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    Day(Day),
    Moment(Timestamp),
}

impl Point {
    /// Returns whether it lies before what it may not lie before. Of two moments it must be the
    /// later one; a day is the same as every moment in it.
    pub(super) fn is_too_early_for(self, other: Self) -> bool {
        match (self, other) {
            (Self::Moment(own), Self::Moment(other)) => own <= other,
            (own, other) => own.day().zip(other.day()).is_some_and(|(own, other)| own < other),
        }
    }

    fn day(self) -> Option<Day> {
        match self {
            Self::Day(day) => Some(day),
            Self::Moment(moment) => Day::of(moment),
        }
    }
}

impl HeaderForm {
    /// Reads a value as a person types it and returns the text that the record holds. Nothing but
    /// spaces is an empty text, which takes the value back. Whether it fits the other fields is
    /// [`HeaderForm::check_order`](Self::check_order)'s to say.
    ///
    /// # Errors
    ///
    /// Returns [`HeaderError`] naming the field and what it takes.
    pub fn read(&self, key: &str, typed: &str) -> Result<String, HeaderError> {
        let field = self.field(key)?;
        self.read_as(field, typed).ok_or_else(|| self.wrong(field))
    }

    /// Returns what a field takes.
    #[must_use]
    pub fn wanted(&self, field: &HeaderField) -> HeaderWanted {
        HeaderWanted::of(self, &field.holds)
    }

    pub(super) fn wrong(&self, field: &HeaderField) -> HeaderError {
        HeaderError::Value {
            field: field.key.clone(),
            title: Box::new(field.title.clone()),
            wanted: Box::new(self.wanted(field)),
        }
    }

    pub(super) fn read_as(&self, field: &HeaderField, typed: &str) -> Option<String> {
        let text = clean(typed);
        let text = text.trim();
        if text.is_empty() {
            return Some(String::new());
        }
        match &field.holds {
            HeaderType::Text { chars_max, lines_max } => is_within(text, *chars_max, *lines_max),
            HeaderType::Person { chars_max } => {
                let named = text.chars().any(char::is_alphabetic);
                let digits = text.chars().any(|c| c.is_ascii_digit());
                (named && !digits).then(|| is_within(text, *chars_max, 1)).flatten()
            }
            HeaderType::Date => day(text).map(|day| day.to_string()),
            HeaderType::DateTime => moment(text).and_then(stored),
            HeaderType::Phone => self.phone(text),
            HeaderType::Number { min, max } => number(text, *min, *max),
            HeaderType::Choice { options } => option(options, text),
        }
    }

    fn phone(&self, text: &str) -> Option<String> {
        let number: String =
            text.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '(' | ')')).collect();
        let digits = number.strip_prefix('+').unwrap_or(&number);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let fits = self.phones().iter().any(|form| {
            let long = form.digits_min as usize..=form.digits_max as usize;
            number.starts_with(&form.starts) && long.contains(&digits.len())
        });
        fits.then_some(number)
    }
}

/// Returns where a value lies on the line of time; none where its field holds no time.
pub(super) fn point(field: &HeaderField, text: &str) -> Option<Point> {
    match field.holds {
        HeaderType::Date => day(text.trim()).map(Point::Day),
        HeaderType::DateTime => match moment(text.trim()) {
            Some(moment) => Some(Point::Moment(moment)),
            // From elsewhere the day alone may be known.
            None => day(text.trim()).map(Point::Day),
        },
        _ => None,
    }
}

/// Returns a moment that a header holds as people in Vietnam read it; none when it is no moment.
#[must_use]
pub fn moment_text(text: &str) -> Option<String> {
    let at = at(moment(text.trim())?)?;
    at.checked_to_offset(ZONE)?.format(SHOWN).ok()
}

fn stored(moment: Timestamp) -> Option<String> {
    at(moment)?.format(STORED).ok()
}

fn at(moment: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.0) * 1_000_000).ok()
}

fn is_within(text: &str, chars_max: u32, lines_max: u32) -> Option<String> {
    let (chars, lines) = (text.chars().count(), text.lines().count());
    (chars <= chars_max as usize && lines <= lines_max as usize).then(|| text.to_owned())
}

fn day(text: &str) -> Option<Day> {
    typed_day(text)?.parse().ok()
}

/// Reads a day with a time, in either order, with an offset or in the zone of Vietnam.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.replace(['T', 't', ','], " ");
    let mut words = text.split_whitespace();
    let (first, second, rest) = (words.next()?, words.next()?, words.next());
    if rest.is_some() {
        return None;
    }
    let (date, clock) = match day(first) {
        Some(date) => (date, second),
        None => (day(second)?, first),
    };
    let (clock, zone) = zone(clock)?;
    let date = date.to_string();
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<u16>().ok();
    let month = Month::try_from(u8::try_from(number(5, 7)?).ok()?).ok()?;
    let day = u8::try_from(number(8, 10)?).ok()?;
    let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, day).ok()?;
    let seconds = date.with_time(time_of(clock)?).assume_offset(zone).unix_timestamp();
    Some(Timestamp(seconds.checked_mul(1000)?))
}

/// Takes an offset off a time of day.
fn zone(clock: &str) -> Option<(&str, UtcOffset)> {
    if let Some(clock) = clock.strip_suffix(['Z', 'z']) {
        return Some((clock, UtcOffset::UTC));
    }
    let Some(at) = clock.rfind(['+', '-']) else { return Some((clock, ZONE)) };
    let (hours, minutes) = clock.get(at + 1..)?.split_once(':')?;
    let (hours, minutes) = (hours.parse::<i8>().ok()?, minutes.parse::<i8>().ok()?);
    let sign = if clock[at..].starts_with('-') { -1 } else { 1 };
    Some((&clock[..at], UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?))
}

/// Reads `8:30`, `08:30:15`, `08:30:15.5`, `8h30`, `8h`; parts of a second are left out.
fn time_of(clock: &str) -> Option<Time> {
    let parts: Vec<&str> = clock.split([':', 'h', 'H']).collect();
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, "0"),
        [hour, minute, second] => (*hour, *minute, second.split('.').next()?),
        _ => return None,
    };
    let minute = if minute.is_empty() && clock.ends_with(['h', 'H']) { "0" } else { minute };
    let plain = |text: &str| {
        let short = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        short.then(|| text.parse::<u8>().ok()).flatten()
    };
    Time::from_hms(plain(hour)?, plain(minute)?, plain(second)?).ok()
}

fn number(text: &str, min: u32, max: u32) -> Option<String> {
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    let number = plain.then(|| text.parse::<u32>().ok()).flatten()?;
    (min..=max).contains(&number).then(|| number.to_string())
}

/// Returns the key of an option, typed as its key or as its title in either language.
fn option(options: &[HeaderOption], text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let is = |option: &&HeaderOption| {
        let title = &option.title;
        [option.key.as_str(), &title.vi, title.en_or_vi()]
            .into_iter()
            .any(|name| name.to_lowercase() == lower)
    };
    options.iter().find(is).map(|option| option.key.clone())
}
