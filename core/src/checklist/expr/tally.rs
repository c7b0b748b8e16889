//! What is known of one item over all rows of its repeat group, kept up to date by differences.
//!
//! Everything in it can be taken back exactly, so it depends on which rows there are and never on
//! the order in which they came or changed.

use std::collections::BTreeMap;

use super::code::{Aggregation, Extreme};
use super::eval::least_or_missing;
use super::number::Number;
use super::value::{Datum, Invalid, Marks, Outcome, Value};

/// The tally of one item.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    applicable: u32,
    non_empty: u32,
    unanswered: u32,
    /// In billionths; [`super::ROWS_MAX`] of the largest fit.
    sum: i128,
    marks: [u32; 3],
    invalid: BTreeMap<Invalid, u32>,
    /// Numbers and days, which can be greatest or least.
    values: BTreeMap<Value, u32>,
}

impl Tally {
    /// Takes in the value of a row.
    pub(super) fn add(&mut self, outcome: &Outcome) {
        self.change(outcome, |count| *count += 1);
        match &outcome.datum {
            Datum::Value(value) => {
                if let Value::Number(number) = value {
                    self.sum += number.units();
                }
                if matches!(value, Value::Number(_) | Value::Date(_)) {
                    *self.values.entry(value.clone()).or_default() += 1;
                }
            }
            Datum::Invalid(reason) => *self.invalid.entry(*reason).or_default() += 1,
            Datum::Unanswered | Datum::NotApplicable => {}
        }
    }

    /// Takes back what was taken in.
    pub(super) fn remove(&mut self, outcome: &Outcome) {
        self.change(outcome, |count| *count = count.saturating_sub(1));
        match &outcome.datum {
            Datum::Value(value) => {
                if let Value::Number(number) = value {
                    self.sum -= number.units();
                }
                less(&mut self.values, value);
            }
            Datum::Invalid(reason) => less(&mut self.invalid, reason),
            Datum::Unanswered | Datum::NotApplicable => {}
        }
    }

    fn change(&mut self, outcome: &Outcome, step: impl Fn(&mut u32)) {
        if outcome.datum != Datum::NotApplicable {
            step(&mut self.applicable);
        }
        if outcome.datum == Datum::Unanswered {
            step(&mut self.unanswered);
        }
        if outcome.datum.has_value() {
            step(&mut self.non_empty);
        }
        for (count, mark) in self.marks.iter_mut().zip(Marks::EACH) {
            if outcome.marks.has(mark) {
                step(count);
            }
        }
    }

    /// Returns what a function over the rows yields.
    pub(super) fn outcome(&self, aggregation: Aggregation) -> Outcome {
        let marks = self
            .marks
            .iter()
            .zip(Marks::EACH)
            .filter(|(count, _)| **count > 0)
            .fold(Marks::NONE, |marks, (_, mark)| marks.and(mark));
        let invalid = self.invalid.keys().next().copied();
        match aggregation {
            Aggregation::Count => Outcome::number(Some(Number::whole(self.applicable)), marks),
            Aggregation::CountNonEmpty => {
                Outcome::number(Some(Number::whole(self.non_empty)), marks)
            }
            Aggregation::Sum => match invalid {
                Some(reason) => Outcome::new(Datum::Invalid(reason), marks),
                None => Outcome::number(Number::from_units(self.sum), marks),
            },
            Aggregation::Extreme(extreme) => {
                let best = match extreme {
                    Extreme::Least => self.values.keys().next(),
                    Extreme::Greatest => self.values.keys().next_back(),
                };
                let unanswered = self.unanswered > 0;
                Outcome::new(least_or_missing(best.cloned(), invalid, unanswered), marks)
            }
        }
    }
}

fn less<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
