//! *Ngày nghỉ lễ, tết*: days off as data, year by year.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ClocksError;
use crate::checklist::day::Day;
use crate::checklist::template::Words;

const FORMAT: u32 = 1;

/// A day off that is no Saturday or Sunday.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayOff {
    /// The day.
    pub day: Day,
    /// What it is.
    pub name: Words,
}

/// The days off of one year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Year {
    /// The year.
    pub year: i32,
    /// The government has announced them; if not, they are expected.
    pub announced: bool,
    /// Days off.
    pub off: Vec<DayOff>,
    /// Saturdays and Sundays that are worked in exchange.
    pub worked: Vec<Day>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    edition: String,
    official: bool,
    verified: Option<String>,
    source: String,
    years: Vec<Year>,
}

/// Days off by year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holidays {
    file: File,
    announced: BTreeSet<i32>,
    off: BTreeMap<Day, Words>,
    worked: BTreeSet<Day>,
}

pub(in crate::checklist) fn read<T: DeserializeOwned>(
    what: &'static str,
    format: u32,
    bytes: &[u8],
) -> Result<T, ClocksError> {
    let json = |source: serde_json::Error| ClocksError::Json {
        what,
        line: source.line(),
        column: source.column(),
        source,
    };
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(json)?;
    // A newer form may have other fields, so its number is looked at first.
    if let Some(found) = value.get("format").and_then(serde_json::Value::as_u64)
        && found != u64::from(format)
    {
        let found = u32::try_from(found).unwrap_or(u32::MAX);
        return Err(ClocksError::Format { what, found });
    }
    serde_json::from_slice(bytes).map_err(json)
}

impl Holidays {
    /// Reads a file of days off and checks it whole.
    ///
    /// # Errors
    ///
    /// Returns [`ClocksError`] naming the line, or every fault with its day.
    pub fn parse(bytes: &[u8]) -> Result<Self, ClocksError> {
        let file: File = read("holidays", FORMAT, bytes)?;
        let mut faults = Vec::new();
        let mut years = BTreeSet::new();
        let (mut off, mut worked) = (BTreeMap::new(), BTreeSet::new());
        for year in &file.years {
            if !years.insert(year.year) {
                faults.push(format!("{}: the year occurs twice", year.year));
            }
            for one in &year.off {
                if one.day.year() != year.year {
                    faults.push(format!("{}: the day lies in another year", one.day));
                }
                if off.insert(one.day, one.name.clone()).is_some() {
                    faults.push(format!("{}: the day occurs twice", one.day));
                }
            }
            for day in &year.worked {
                if day.year() != year.year || !day.is_weekend() || !worked.insert(*day) {
                    faults.push(format!("{day}: no single Saturday or Sunday of its year"));
                }
            }
        }
        if !faults.is_empty() {
            return Err(ClocksError::Faults { what: "holidays", faults });
        }
        let announced = file.years.iter().filter(|year| year.announced).map(|year| year.year);
        Ok(Self { announced: announced.collect(), off, worked, file })
    }

    /// Returns the edition.
    #[must_use]
    pub fn edition(&self) -> &str {
        &self.file.edition
    }

    /// Returns where they come from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.file.source
    }

    /// Returns whether somebody in office has confirmed them.
    #[must_use]
    pub fn is_official(&self) -> bool {
        self.file.official
    }

    /// Returns whether the days off of a year are announced. Others may still move.
    #[must_use]
    pub fn is_announced(&self, year: i32) -> bool {
        self.announced.contains(&year)
    }

    /// Returns the name of a public holiday.
    #[must_use]
    pub fn name(&self, day: Day) -> Option<&Words> {
        self.off.get(&day)
    }

    /// Returns whether public offices work on a day (*ngày làm việc*).
    #[must_use]
    pub fn is_worked(&self, day: Day) -> bool {
        !self.off.contains_key(&day) && (!day.is_weekend() || self.worked.contains(&day))
    }
}
