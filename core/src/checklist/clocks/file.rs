//! The file of clocks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ClocksError, LENGTH_MAX};
use crate::checklist::day::Day;
use crate::checklist::template::Words;
use crate::model::OwnerKind;

const FORMAT: u32 = 1;

/// How long a clock runs. Negative lengths lie before the day it starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// Days of the calendar (*ngày*).
    Days(i32),
    /// Days on which public offices work (*ngày làm việc*).
    WorkingDays(i32),
    /// Months (*tháng*).
    Months(i32),
}

impl Length {
    fn count(self) -> i32 {
        match self {
            Self::Days(count) | Self::WorkingDays(count) | Self::Months(count) => count,
        }
    }

    /// Returns it as people say it.
    #[must_use]
    pub fn words(self) -> Words {
        Words { vi: self.vi(), en: Some(self.en()) }
    }

    pub(super) fn vi(self) -> String {
        match self {
            Self::Days(count) => format!("{count} ngày"),
            Self::WorkingDays(count) => format!("{count} ngày làm việc"),
            Self::Months(count) => format!("{count} tháng"),
        }
    }

    pub(super) fn en(self) -> String {
        match self {
            Self::Days(count) => format!("{count} days"),
            Self::WorkingDays(count) => format!("{count} working days"),
            Self::Months(count) => format!("{count} months"),
        }
    }
}

/// By how much, how often and when a clock may be extended (*gia hạn*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// By how much each time.
    pub by: Length,
    /// How often at most.
    pub times: u32,
    /// Under which condition.
    pub when: Words,
}

/// What a suspension does to a clock (*thời gian tạm dừng*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Whether the days of a suspension count as days of the clock.
    pub counts: bool,
    /// What is not certain about that.
    pub note: Words,
    /// Somebody in office has confirmed it.
    pub official: bool,
}

/// What becomes of a last day that is a day off (*ngày cuối là ngày nghỉ*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastDayOff {
    /// Whether the time ends with the next working day instead.
    pub moves: bool,
    /// What is not certain about that.
    pub note: Words,
    /// Somebody in office has confirmed it.
    pub official: bool,
}

/// One clock (*thời hạn*).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Its name, for instance `inspection.commune`.
    pub key: String,
    /// What it limits.
    pub title: Words,
    /// What it starts from.
    pub from: Words,
    /// When the thing may be done at the earliest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Length>,
    /// When it must be done at the latest.
    pub due: Length,
    /// Its extension, if it may be extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// The first day for which its clause is in force, where that is not the edition's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<Day>,
    /// What becomes of a last day that is a day off; without it the day stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day_off: Option<LastDayOff>,
    /// What a suspension does to it; without it the days of a suspension count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
    /// The codes of those who manage the matter (*cơ quan quản lý*) for which it runs: one of them is
    /// enough. Empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managed_by: Vec<String>,
    /// The clause that sets it.
    pub clause: String,
}

impl Clock {
    /// Returns whether it runs for a matter that is managed by these.
    #[must_use]
    pub fn runs_for(&self, managed_by: &[String]) -> bool {
        self.managed_by.is_empty() || self.managed_by.iter().any(|code| managed_by.contains(code))
    }
}

/// The time in which a frequency is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// *Năm dương lịch*.
    CalendarYear,
}

/// How often something may be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    /// Its name, for instance `once_a_year`.
    pub key: String,
    /// What it limits.
    pub title: Words,
    /// *Loại hình chủ thể*: the kinds of owner that it protects.
    pub owners: Vec<OwnerKind>,
    /// How often at most without a reason.
    pub most: u32,
    /// In which time.
    pub period: Period,
    /// The reason that the law accepts.
    pub unless: Words,
    /// What is not certain about the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Words>,
    /// The clause that sets it.
    pub clause: String,
    /// Where that was read.
    pub source: String,
    /// Somebody in office has confirmed it.
    pub official: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    edition: String,
    effective_from: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    effective_to: Option<Day>,
    official: bool,
    verified: Option<String>,
    source: String,
    clocks: Vec<Clock>,
    frequency: Vec<Frequency>,
}

/// The clocks in force from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clocks {
    file: File,
}

impl Clocks {
    /// Reads a file of clocks and checks it whole.
    ///
    /// # Errors
    ///
    /// Returns [`ClocksError`] naming the line, or every fault with its clock.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClocksError> {
        let file: File = super::holidays::read("clocks", FORMAT, bytes)?;
        let mut faults = Vec::new();
        let mut keys = BTreeSet::new();
        if file.effective_to.is_some_and(|to| to < file.effective_from) {
            faults.push("effective_to lies before effective_from".to_owned());
        }
        let named = file.clocks.iter().map(|clock| (&clock.key, &clock.clause));
        for (key, clause) in
            named.chain(file.frequency.iter().map(|rule| (&rule.key, &rule.clause)))
        {
            if key.trim().is_empty() || !keys.insert(key) {
                faults.push(format!("{key}: the key is empty or used before"));
            }
            if clause.trim().is_empty() {
                faults.push(format!("{key}: the clause is empty"));
            }
        }
        for rule in &file.frequency {
            if rule.owners.is_empty() || rule.source.trim().is_empty() {
                faults.push(format!("{}: it names no kind of owner, or no source", rule.key));
            }
        }
        for clock in &file.clocks {
            let by = clock.extension.as_ref().map(|extension| extension.by);
            if clock.suspension.is_some() && !matches!(clock.due, Length::Days(_)) {
                faults.push(format!("{}: only a clock in days can stand still", clock.key));
            }
            for length in [Some(clock.due), clock.opens, by].into_iter().flatten() {
                if length.count() == 0 || length.count().unsigned_abs() > LENGTH_MAX.unsigned_abs()
                {
                    faults.push(format!("{}: a length is 0 or over {LENGTH_MAX}", clock.key));
                }
            }
        }
        if faults.is_empty() {
            Ok(Self { file })
        } else {
            Err(ClocksError::Faults { what: "clocks", faults })
        }
    }

    /// Returns the edition.
    #[must_use]
    pub fn edition(&self) -> &str {
        &self.file.edition
    }

    /// Returns the first day on which they apply.
    #[must_use]
    pub fn effective_from(&self) -> Day {
        self.file.effective_from
    }

    /// Returns whether they apply on a day.
    #[must_use]
    pub fn is_in_force(&self, day: Day) -> bool {
        self.file.effective_from <= day && self.file.effective_to.is_none_or(|to| day <= to)
    }

    /// Returns whether somebody in office has confirmed them.
    #[must_use]
    pub fn is_official(&self) -> bool {
        self.file.official
    }

    /// Returns where they come from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.file.source
    }

    /// Returns all clocks.
    #[must_use]
    pub fn all(&self) -> &[Clock] {
        &self.file.clocks
    }

    /// Returns the rules of frequency.
    #[must_use]
    pub fn frequencies(&self) -> &[Frequency] {
        &self.file.frequency
    }

    /// Returns the rule of frequency that protects a kind of owner: the first one that names it. Of an
    /// owner whose kind nobody knows the first rule counts, which leaves the least room.
    #[must_use]
    pub fn frequency_of(&self, owner: Option<OwnerKind>) -> Option<&Frequency> {
        let Some(owner) = owner else { return self.file.frequency.first() };
        self.file.frequency.iter().find(|rule| rule.owners.contains(&owner))
    }

    /// Returns a clock by its key.
    ///
    /// # Errors
    ///
    /// Returns [`ClocksError::Unknown`] naming the clocks there are.
    pub fn clock(&self, key: &str) -> Result<&Clock, ClocksError> {
        let found = self.file.clocks.iter().find(|clock| clock.key == key);
        found.ok_or_else(|| {
            let known: Vec<&str> =
                self.file.clocks.iter().map(|clock| clock.key.as_str()).collect();
            let key = crate::model::clean(key).chars().take(64).collect();
            ClocksError::Unknown { key, known: known.join(", ") }
        })
    }
}
