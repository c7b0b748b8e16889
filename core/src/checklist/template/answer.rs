//! Whether an answer fits its item.

use std::fmt;

use super::decimal::Decimal;
use super::model::{AnswerType, Choice, Item, NONE_KEY, Words};
use super::{PHOTOS_MAX, Section, Template, is_day};
use crate::model::{Grade, Severity};

/// What an item takes: enough to tell a person in any language.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// One of these grades.
    Grade {
        /// The grades, from best to worst, and not applicable.
        allowed: Vec<Grade>,
    },
    /// A number.
    Number {
        /// Its unit.
        unit: String,
        /// The most digits after the point.
        decimals: u32,
        /// The least.
        min: Option<Decimal>,
        /// The most.
        max: Option<Decimal>,
    },
    /// One option.
    Choice {
        /// The key and text of each option, as listed.
        options: Vec<(String, Words)>,
        /// That no option fits may be answered too.
        or_none: bool,
    },
    /// Some of several options.
    Choices {
        /// The key and text of each option, as listed.
        options: Vec<(String, Words)>,
    },
    /// Free text.
    Text {
        /// The most characters.
        chars_max: u32,
    },
    /// A day.
    Day,
    /// Photos.
    Photos {
        /// The fewest.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A place on the earth.
    Position,
    /// A signature.
    Signature,
    /// Nothing: it is worked out.
    Nothing,
}

impl Wanted {
    fn of(item: &Item) -> Self {
        let options = |options: &[Choice]| {
            options.iter().map(|option| (option.key.clone(), option.text.clone())).collect()
        };
        match &item.answer {
            AnswerType::Grade { .. } => Self::Grade { allowed: grades(item) },
            AnswerType::Number { unit, decimals, min, max } => {
                Self::Number { unit: unit.clone(), decimals: *decimals, min: *min, max: *max }
            }
            AnswerType::Choice { options: all, or_none } => {
                Self::Choice { options: options(all), or_none: *or_none }
            }
            AnswerType::Choices { options: all } => Self::Choices { options: options(all) },
            AnswerType::Text { chars_max } => Self::Text { chars_max: *chars_max },
            AnswerType::Date {} => Self::Day,
            AnswerType::Photo { min, max } => Self::Photos { min: *min, max: *max },
            AnswerType::Position {} => Self::Position,
            AnswerType::Signature {} => Self::Signature,
            AnswerType::Calculation { .. } => Self::Nothing,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = |options: &[(String, Words)]| {
            let keys: Vec<&str> = options.iter().map(|(key, _)| key.as_str()).collect();
            keys.join(", ")
        };
        match self {
            Self::Grade { allowed } => {
                let names: Vec<&str> = allowed.iter().map(|grade| grade.name()).collect();
                write!(f, "a grade: {}", names.join(", "))
            }
            Self::Number { unit, decimals, min, max } => {
                write!(f, "a number in {unit} with at most {decimals} decimals")?;
                if let Some(min) = min {
                    write!(f, ", at least {min}")?;
                }
                if let Some(max) = max {
                    write!(f, ", at most {max}")?;
                }
                Ok(())
            }
            Self::Choice { options, or_none: false } => write!(f, "one of {}", keys(options)),
            Self::Choice { options, or_none: true } => {
                write!(f, "one of {}, {NONE_KEY}", keys(options))
            }
            Self::Choices { options } => {
                write!(f, "some of {}, in this order with a space between", keys(options))
            }
            Self::Text { chars_max } => write!(f, "a text of at most {chars_max} characters"),
            Self::Day => f.write_str("a day as YYYY-MM-DD"),
            Self::Photos { min, max } => write!(f, "{min} to {max} photos and no value"),
            Self::Position => f.write_str("a position as latitude,longitude in degrees"),
            Self::Signature => f.write_str("a signature and no value"),
            Self::Nothing => f.write_str("no answer: it is worked out from others"),
        }
    }
}

/// Why an answer does not fit the checklist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The checklist has no such item.
    #[error("the checklist has no item {item}; choose one of its items")]
    UnknownItem {
        /// The key that was given.
        item: String,
    },
    /// The item does not allow the grade.
    #[error("item {item} does not allow {grade}; allowed are {allowed}")]
    NotAllowed {
        /// The item.
        item: String,
        /// The grade that was given.
        grade: &'static str,
        /// The grades that the item allows.
        allowed: String,
    },
    /// The item does not allow a finding of the severity.
    #[error("a finding about item {item} cannot be {severity}; allowed are {allowed}")]
    Severity {
        /// The item.
        item: String,
        /// The severity that was given.
        severity: &'static str,
        /// The severities that the item allows.
        allowed: String,
    },
    /// The item takes another value.
    #[error("item {item} takes {wanted}")]
    Value {
        /// The item.
        item: String,
        /// What it takes.
        wanted: Box<Wanted>,
    },
    /// A number that two people read differently: its one mark stands before three digits.
    #[error(
        "item {item}: a mark before three digits may part thousands or decimals; write thousands \
         without a mark, and a zero behind three decimals"
    )]
    Ambiguous {
        /// The item.
        item: String,
    },
    /// The item is answered once per row.
    #[error("item {item} is answered in each row of section {group}; name the row")]
    NeedsRow {
        /// The item.
        item: String,
        /// Its section.
        group: String,
    },
    /// The item is not one that the row answers.
    #[error("item {item} is not answered in rows of section {group}")]
    OtherRow {
        /// The item.
        item: String,
        /// The row's section.
        group: String,
    },
    /// The section is not repeated.
    #[error("the checklist has no rows in section {group}; those with rows are: {}", known.join(", "))]
    UnknownGroup {
        /// The code that was given.
        group: String,
        /// The sections that have rows.
        known: Vec<String>,
    },
    /// The section has all the rows it may have.
    #[error("section {group} has {limit} rows, the most that the checklist allows")]
    TooManyRows {
        /// The section.
        group: String,
        /// The limit.
        limit: u32,
    },
}

impl Template {
    /// Checks that an item allows a grade.
    ///
    /// # Errors
    ///
    /// Returns [`AnswerError`] naming the item and the grades that it allows.
    pub fn check_answer(&self, item: &str, grade: Grade) -> Result<(), AnswerError> {
        let found = self.known(item)?;
        let severities = found.severities();
        let graded = matches!(found.answer, AnswerType::Grade { .. });
        let allowed = match grade {
            Grade::NotApplicable => found.not_applicable,
            Grade::Unanswered => true,
            Grade::Pass => graded,
            Grade::Minor => severities.contains(&Severity::Minor),
            Grade::Major => severities.contains(&Severity::Major),
            Grade::Serious => severities.contains(&Severity::Serious),
            _ => false,
        };
        if allowed {
            return Ok(());
        }
        if !graded && grade == Grade::NotApplicable {
            return Err(other(found));
        }
        let names: Vec<&str> = grades(found).iter().map(|grade| grade.name()).collect();
        let (item, allowed) = (found.key.clone(), names.join(", "));
        Err(AnswerError::NotAllowed { item, grade: grade.name(), allowed })
    }

    /// Returns whether a finding about an item may have a severity. An item that lists none, because
    /// it is not graded, takes every severity.
    #[must_use]
    pub fn allows_severity(&self, item: &str, severity: Severity) -> bool {
        let listed = self.item(item).map(|(_, found)| found.severities()).unwrap_or_default();
        listed.is_empty() || listed.contains(&severity)
    }

    /// Checks that a finding about an item may have a severity.
    ///
    /// # Errors
    ///
    /// Returns [`AnswerError`] naming the item and the severities that it allows.
    pub fn check_severity(&self, item: &str, severity: Severity) -> Result<(), AnswerError> {
        let found = self.known(item)?;
        if self.allows_severity(item, severity) {
            return Ok(());
        }
        let name = |severity: &Severity| match severity {
            Severity::Minor => Grade::Minor.name(),
            Severity::Major => Grade::Major.name(),
            Severity::Serious => Grade::Serious.name(),
        };
        let allowed: Vec<&str> = found.severities().iter().map(name).collect();
        Err(AnswerError::Severity {
            item: found.key.clone(),
            severity: name(&severity),
            allowed: allowed.join(", "),
        })
    }

    /// Checks a whole answer: a grade for an item that is graded, and else [`Grade::Given`] with the
    /// value or the number of photos that the item takes. Not applicable fits every item of which the
    /// checklist does not say otherwise, and taking an answer back every item. A graded answer may carry a measured or written value, and every
    /// answer photos.
    ///
    /// # Errors
    ///
    /// Returns [`AnswerError`] naming the item and what it takes.
    pub fn check_whole(
        &self,
        item: &str,
        grade: Grade,
        value: Option<&str>,
        photos: usize,
    ) -> Result<(), AnswerError> {
        let found = self.known(item)?;
        if grade != Grade::Given {
            // Another grade than those of a graded item says nothing that this item could take.
            let is_grade = !matches!(grade, Grade::NotApplicable | Grade::Unanswered);
            if is_grade && !matches!(found.answer, AnswerType::Grade { .. }) {
                return Err(other(found));
            }
            return self.check_answer(item, grade);
        }
        let photos = u32::try_from(photos).unwrap_or(u32::MAX);
        let fits = match (&found.answer, value) {
            (AnswerType::Photo { min, max }, None) => (*min.max(&1)..=*max).contains(&photos),
            (AnswerType::Signature {}, None) => photos == 1,
            (_, Some(value)) => photos <= PHOTOS_MAX && fits(found, value),
            (_, None) => false,
        };
        if fits { Ok(()) } else { Err(other(found)) }
    }

    /// Returns the section of an item that is answered once per row; none for other items.
    ///
    /// # Errors
    ///
    /// Returns [`AnswerError::UnknownItem`].
    pub fn group_of(&self, item: &str) -> Result<Option<&Section>, AnswerError> {
        self.known(item)?;
        let section = self.item(item).map(|(section, _)| section);
        Ok(section.filter(|section| section.repeat.is_some()))
    }

    /// Returns what an item takes.
    ///
    /// # Errors
    ///
    /// Returns [`AnswerError::UnknownItem`].
    pub fn wanted(&self, item: &str) -> Result<Wanted, AnswerError> {
        Ok(Wanted::of(self.known(item)?))
    }

    /// Checks that the text of a value fits an item that is not graded: plain decimal for a number,
    /// an option's key for a choice, keys in the template's order with a space between for several,
    /// YYYY-MM-DD for a day, `latitude,longitude` in degrees for a position.
    ///
    /// # Errors
    ///
    /// Returns [`AnswerError`] naming the item and what it takes.
    pub fn check_value(&self, item: &str, value: &str) -> Result<(), AnswerError> {
        let found = self.known(item)?;
        if fits(found, value) { Ok(()) } else { Err(other(found)) }
    }

    pub(super) fn known(&self, item: &str) -> Result<&Item, AnswerError> {
        self.item(item).map(|(_, item)| item).ok_or_else(|| AnswerError::UnknownItem {
            item: crate::model::clean(item).chars().take(64).collect(),
        })
    }
}

/// Returns the grades that an item allows, from best to worst, and not applicable.
fn grades(item: &Item) -> Vec<Grade> {
    let mut grades = Vec::new();
    if matches!(item.answer, AnswerType::Grade { .. }) {
        grades.push(Grade::Pass);
    }
    grades.extend(item.severities().iter().map(|severity| match severity {
        Severity::Minor => Grade::Minor,
        Severity::Major => Grade::Major,
        Severity::Serious => Grade::Serious,
    }));
    if item.not_applicable {
        grades.push(Grade::NotApplicable);
    }
    grades
}

/// Says that an item takes something else.
pub(super) fn other(item: &Item) -> AnswerError {
    AnswerError::Value { item: item.key.clone(), wanted: Box::new(Wanted::of(item)) }
}

/// Returns whether an item takes the value.
fn fits(item: &Item, value: &str) -> bool {
    match &item.answer {
        AnswerType::Number { decimals, min, max, .. } => {
            value.parse().is_ok_and(|number: Decimal| {
                number.scale() <= *decimals
                    && min.is_none_or(|min| number >= min)
                    && max.is_none_or(|max| number <= max)
            })
        }
        AnswerType::Choice { or_none, .. } => {
            item.option(value).is_some() || (*or_none && value == NONE_KEY)
        }
        AnswerType::Choices { options } => {
            let places: Vec<_> = value
                .split(' ')
                .map(|key| options.iter().position(|option| option.key == key))
                .collect();
            places.iter().all(Option::is_some) && places.windows(2).all(|pair| pair[0] < pair[1])
        }
        AnswerType::Text { chars_max } => value.chars().count() <= *chars_max as usize,
        AnswerType::Date {} => is_day(value),
        AnswerType::Position {} => is_position(value),
        _ => false,
    }
}

fn is_position(value: &str) -> bool {
    let within = |text: &str, most: i64| {
        text.parse().is_ok_and(|number: Decimal| {
            number.units().unsigned_abs() <= most.unsigned_abs() * 10_u64.pow(number.scale())
        })
    };
    value
        .split_once(',')
        .is_some_and(|(latitude, longitude)| within(latitude, 90) && within(longitude, 180))
}
