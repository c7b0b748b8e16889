//! Whether an answer fits its item.

use super::decimal::Decimal;
use super::model::{AnswerType, Item, NONE_KEY};
use super::{Template, is_day};
use crate::model::{Grade, Severity};

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
    /// The item takes another value.
    #[error("item {item} takes {wanted}")]
    Value {
        /// The item.
        item: String,
        /// What it takes.
        wanted: String,
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
            Grade::NotApplicable | Grade::Unanswered => true,
            Grade::Pass => graded,
            Grade::Minor => severities.contains(&Severity::Minor),
            Grade::Major => severities.contains(&Severity::Major),
            Grade::Serious => severities.contains(&Severity::Serious),
            _ => false,
        };
        if allowed {
            return Ok(());
        }
        let mut names = Vec::new();
        if graded {
            names.push("pass");
        }
        names.extend(severities.iter().map(|severity| match severity {
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Serious => "serious",
        }));
        names.push("na");
        let (item, allowed) = (found.key.clone(), names.join(", "));
        Err(AnswerError::NotAllowed { item, grade: grade.name(), allowed })
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
        match wanted(found, value) {
            None => Ok(()),
            Some(wanted) => Err(AnswerError::Value { item: found.key.clone(), wanted }),
        }
    }

    fn known(&self, item: &str) -> Result<&Item, AnswerError> {
        self.item(item).map(|(_, item)| item).ok_or_else(|| AnswerError::UnknownItem {
            item: crate::model::clean(item).chars().take(64).collect(),
        })
    }
}

/// Returns what an item takes when the value is something else.
fn wanted(item: &Item, value: &str) -> Option<String> {
    let fits = match &item.answer {
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
    };
    if fits { None } else { Some(describe(item)) }
}

fn describe(item: &Item) -> String {
    match &item.answer {
        AnswerType::Grade { .. } => "a grade and no value".to_owned(),
        AnswerType::Number { unit, decimals, min, max } => {
            let mut text = format!("a number in {unit} with at most {decimals} decimals");
            if let Some(min) = min {
                text.push_str(&format!(", at least {min}"));
            }
            if let Some(max) = max {
                text.push_str(&format!(", at most {max}"));
            }
            text
        }
        AnswerType::Choice { options, or_none } => {
            let mut keys: Vec<_> = options.iter().map(|option| option.key.as_str()).collect();
            if *or_none {
                keys.push(NONE_KEY);
            }
            format!("one of {}", keys.join(", "))
        }
        AnswerType::Choices { options } => {
            let keys: Vec<_> = options.iter().map(|option| option.key.as_str()).collect();
            format!("some of {}, in this order with a space between", keys.join(", "))
        }
        AnswerType::Text { chars_max } => format!("a text of at most {chars_max} characters"),
        AnswerType::Date {} => "a day as YYYY-MM-DD".to_owned(),
        AnswerType::Photo { .. } => "photos and no value".to_owned(),
        AnswerType::Position {} => "a position as latitude,longitude in degrees".to_owned(),
        AnswerType::Signature {} => "a signature and no value".to_owned(),
        AnswerType::Calculation { .. } => "no answer: it is worked out from others".to_owned(),
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
