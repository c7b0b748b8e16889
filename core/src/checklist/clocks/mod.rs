//! *Thời hạn*: the clocks of the law as data, and when each runs out.
//!
//! Lengths, clauses, extensions and days off come from files with an edition and a source; this
//! module only counts. The day on which a clock starts is not counted and the last day is (Civil
//! Code 91/2015/QH13, art. 147 and 148). Whether a last day that is a day off moves to the next working
//! day, as art. 148 has it where nothing else is agreed or laid down, is data of each clock, and the
//! explanation says what was done.

mod file;
mod holidays;

pub use file::{Clock, Clocks, Extension, Frequency, LastDayOff, Length, Period, Suspension};
pub(super) use holidays::read as read_file;
pub use holidays::{DayOff, Holidays, Year};

use super::day::Day;
use super::template::Words;

/// The clocks in force in November 2026. Not official: nobody in office has confirmed them.
pub const CLOCKS: &[u8] = include_bytes!("../../../data/clocks/clocks.json");

/// A time during which a matter was suspended: the day on which that began, and the one on which it
/// was taken up again.
pub type Suspended = (Day, Day);

/// Public holidays of 2025 to 2027. Not official.
pub const HOLIDAYS: &[u8] = include_bytes!("../../../data/clocks/holidays.json");

/// Longest length in days, working days or months: a hundred years are no deadline any more.
const LENGTH_MAX: i32 = 36_525;

/// Why a file of clocks or holidays is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClocksError {
    /// It is no JSON, a field is missing or unknown, or a value is of the wrong type.
    #[error("the {what} file, line {line}, column {column}: {source}")]
    Json {
        /// Which file.
        what: &'static str,
        /// Line of the file, from 1.
        line: usize,
        /// Column of the line.
        column: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file is of another form.
    #[error("the {what} file has format {found}, this program reads 1; update the program")]
    Format {
        /// Which file.
        what: &'static str,
        /// Its format.
        found: u32,
    },
    /// Everything that is wrong with its content.
    #[error("the {what} file: {}", faults.join("; "))]
    Faults {
        /// Which file.
        what: &'static str,
        /// Each fault with its place.
        faults: Vec<String>,
    },
    /// There is no such clock.
    #[error("there is no clock {key}; choose one of {known}")]
    Unknown {
        /// The key asked for.
        key: String,
        /// The keys there are.
        known: String,
    },
    /// A clock cannot be extended so often.
    #[error("clock {key} may be extended {most} times, not {asked}")]
    Extended {
        /// The clock.
        key: String,
        /// How often it may be extended.
        most: u32,
        /// How often was asked for.
        asked: u32,
    },
    /// The day lies outside of the calendar.
    #[error("clock {key} would run out beyond the years that a day may lie in")]
    Beyond {
        /// The clock.
        key: String,
    },
}

/// When a clock runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The first day on which it may be done, if there is one.
    pub opens: Option<Day>,
    /// The last day.
    pub day: Day,
    /// Years whose days off are not announced yet, or unknown: the day may move.
    pub provisional: Vec<i32>,
    /// How it was counted.
    pub explanation: Words,
}

/// Counts when a clock that starts on a day runs out, after so many extensions.
///
/// # Errors
///
/// Returns [`ClocksError::Extended`] or [`ClocksError::Beyond`] naming the clock.
pub fn due(
    clock: &Clock,
    from: Day,
    extensions: u32,
    holidays: &Holidays,
) -> Result<Due, ClocksError> {
    due_suspended(clock, from, extensions, &[], holidays)
}

/// Counts as [`due`] does, for a matter that was suspended: in their order, each such time that began
/// before the clock had run out. Of several ends of one the earliest counts.
///
/// # Errors
///
/// Returns [`ClocksError::Extended`] or [`ClocksError::Beyond`] naming the clock.
pub fn due_suspended(
    clock: &Clock,
    from: Day,
    extensions: u32,
    suspended: &[Suspended],
    holidays: &Holidays,
) -> Result<Due, ClocksError> {
    let most = clock.extension.as_ref().map_or(0, |extension| extension.times);
    if extensions > most {
        let (key, asked) = (clock.key.clone(), extensions);
        return Err(ClocksError::Extended { key, most, asked });
    }
    let mut provisional = Vec::new();
    let beyond = || ClocksError::Beyond { key: clock.key.clone() };
    let opens = match clock.opens {
        Some(length) => Some(after(from, length, holidays, &mut provisional).ok_or_else(beyond)?),
        None => None,
    };
    let mut day = after(from, clock.due, holidays, &mut provisional).ok_or_else(beyond)?;
    let mut vi = format!("{}: {} từ {} {from}", clock.title.vi, clock.due.vi(), clock.from.vi);
    let mut en = format!(
        "{}: {} from {} {from}",
        clock.title.en_or_vi(),
        clock.due.en(),
        clock.from.en_or_vi()
    );
    if let Some(extension) = &clock.extension {
        for _ in 0..extensions {
            day = after(day, extension.by, holidays, &mut provisional).ok_or_else(beyond)?;
            vi.push_str(&format!(", gia hạn {}", extension.by.vi()));
            en.push_str(&format!(", extended by {}", extension.by.en()));
        }
    }
    if clock.effective_from.is_some_and(|since| from < since) {
        vi.push_str(", tính từ ngày trước khi quy định có hiệu lực");
        en.push_str(", from a day before the clause was in force");
    }
    let still = clock.suspension.as_ref().filter(|suspension| !suspension.counts);
    for (since, until) in standing_still(suspended).into_iter().filter(|_| still.is_some()) {
        if since < from || day < since {
            continue;
        }
        let days = since.days_until(until);
        day = day.plus_days(days).ok_or_else(beyond)?;
        vi.push_str(&format!(", không tính {days} ngày tạm dừng ({since} đến {until})"));
        en.push_str(&format!(", without {days} days of suspension ({since} to {until})"));
    }
    if clock.last_day_off.is_some() && !holidays.is_announced(day.year()) {
        provisional.push(day.year());
    }
    if let Some(rule) = clock.last_day_off.as_ref().filter(|_| !holidays.is_worked(day)) {
        if rule.moves {
            vi.push_str(&format!(
                ", ngày cuối {day} là ngày nghỉ nên tính đến ngày làm việc tiếp theo"
            ));
            en.push_str(&format!(
                ", whose last day {day} is a day off, so to the next working day"
            ));
            let next = Length::WorkingDays(1);
            day = after(day, next, holidays, &mut provisional).ok_or_else(beyond)?;
        } else {
            vi.push_str(", ngày cuối là ngày nghỉ và không dời");
            en.push_str(", whose last day is a day off and does not move");
        }
    }
    vi.push_str(&format!(", hết ngày {day} ({})", clock.clause));
    en.push_str(&format!(", until the end of {day} ({})", clock.clause));
    provisional.sort_unstable();
    provisional.dedup();
    for year in &provisional {
        vi.push_str(&format!("; lịch nghỉ năm {year} chưa công bố, tạm tính"));
        en.push_str(&format!("; days off of {year} are not announced, provisional"));
    }
    Ok(Due { opens, day, provisional, explanation: Words { vi, en: Some(en) } })
}

/// Returns the times of suspension in their order, none within another: of those that begin on one
/// day the shortest, and of one that begins before another ended the part behind it.
fn standing_still(suspended: &[Suspended]) -> Vec<Suspended> {
    let mut sorted = suspended.to_vec();
    sorted.sort();
    sorted.dedup_by_key(|(since, _)| *since);
    let mut found: Vec<Suspended> = Vec::new();
    for (since, until) in sorted {
        let since = found.last().map_or(since, |(_, last)| since.max(*last));
        if since < until {
            found.push((since, until));
        }
    }
    found
}

fn after(from: Day, length: Length, holidays: &Holidays, open: &mut Vec<i32>) -> Option<Day> {
    match length {
        Length::Days(days) => from.plus_days(i64::from(days)),
        Length::Months(months) => from.plus_months(months),
        Length::WorkingDays(days) => {
            let step = if days < 0 { -1 } else { 1 };
            let (mut left, mut at) = (days.unsigned_abs(), from);
            while left > 0 {
                at = at.plus_days(step)?;
                if !holidays.is_announced(at.year()) {
                    open.push(at.year());
                    open.dedup();
                }
                left -= u32::from(holidays.is_worked(at));
            }
            Some(at)
        }
    }
}

/// An inspection of a facility that is known to the planner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastVisit {
    /// The day it took place or is planned for.
    pub day: Day,
    /// It was stopped, or never took place.
    pub void: bool,
}

/// Counts the inspections that a new one would add to, under a rule of frequency. `Some` names how
/// many there are when the rule asks for a reason (Resolution 198/2025/QH15, art. 4).
#[must_use]
pub fn over_frequency(rule: &Frequency, visits: &[PastVisit], planned: Day) -> Option<usize> {
    let Period::CalendarYear = rule.period;
    let same = visits.iter().filter(|visit| !visit.void && visit.day.year() == planned.year());
    let count = same.count();
    (count >= rule.most as usize).then_some(count)
}

#[cfg(test)]
mod tests;
