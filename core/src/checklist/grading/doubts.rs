//! What rests on answers in conflict: tried with each of them, so that the worse counts although
//! which answer is the worse depends on what reads it.

use std::collections::BTreeSet;

use super::answers::{Response, Standing};
use super::grader::{Grader, Known};
use crate::checklist::expr::{Datum, Field, Given, Marks, RowId, Settled, Value};
use crate::checklist::template::{AnswerType, Grading};

/// Most combinations of answers in conflict that are tried: six items with two answers each. Beyond
/// it the worse is taken without a trial.
const TRIALS_MAX: usize = 64;

/// An item, its row, and every answer that stands there.
type Alternatives = (Field, Option<RowId>, Vec<Given>);

impl Grader {
    /// Returns the criteria of which an answer in conflict may say that they do not apply, and the
    /// calculated knock-outs of which one may say that they hold.
    pub(super) fn doubtful(&self) -> BTreeSet<usize> {
        let Grading::OcopPoints(ocop) = self.template.grading() else { return BTreeSet::new() };
        let knocks = |key: &str| ocop.knockouts.iter().any(|knockout| knockout.item == key);
        let settled = self.evaluation.last();
        let is_doubtful = |(_, known): &(usize, &Known)| {
            let (section, item) = self.part(known);
            if !known.rests || section.repeat.is_some() {
                return false;
            }
            if matches!(item.answer, AnswerType::Calculation { .. }) {
                let says = settled.value(known.field, None);
                return knocks(&item.key)
                    && says.is_some_and(|says| says.marks.has(Marks::CONFLICTED))
                    && self.may(known.field, |trial| is_yes(trial, known.field));
            }
            let relevance = settled.relevance(known.field, None);
            relevance.is_some_and(|truth| truth.holds && truth.marks.has(Marks::CONFLICTED))
                && self.may(known.field, |trial| {
                    trial.relevance(known.field, None).is_some_and(|truth| !truth.holds)
                })
        };
        let known = self.known.iter().enumerate();
        known.filter(is_doubtful).map(|(place, _)| place).collect()
    }

    /// Returns whether something is so for some choice among the answers in conflict that an item
    /// rests on; yes where there are too many to try.
    fn may(&self, field: Field, is_so: impl Fn(&Settled<'_>) -> bool) -> bool {
        let alternatives = self.alternatives(field);
        let trials = alternatives
            .iter()
            .try_fold(1_usize, |trials, (_, _, given)| trials.checked_mul(given.len()))
            .filter(|trials| *trials <= TRIALS_MAX);
        let Some(trials) = trials else { return true };
        let mut evaluation = self.evaluation.clone();
        (0..trials).any(|trial| {
            let mut rest = trial;
            for (field, row, given) in &alternatives {
                let chosen = given[rest % given.len()].clone();
                rest /= given.len();
                let taken = evaluation.set(*field, row.as_ref(), chosen);
                debug_assert!(taken.is_ok(), "an answer that stands is not taken: {taken:?}");
            }
            is_so(&evaluation.settle())
        })
    }

    fn alternatives(&self, field: Field) -> Vec<Alternatives> {
        let needed = self.evaluation.program().rests_on(field);
        let mut found = Vec::new();
        for known in self.known.iter().filter(|known| needed.contains(&known.field)) {
            let (section, item) = self.part(known);
            let mut rows = vec![None];
            if section.repeat.is_some() {
                let named = self.answers().rows.get(&section.code);
                rows = named.into_iter().flatten().map(|(row, _)| Some(RowId::new(row))).collect();
            }
            for row in rows.into_iter().filter(|row| self.evaluation.has(known.field, row.as_ref()))
            {
                let Some(standing) = self.standing(section, item, row.as_ref()) else { continue };
                let alone = |response: &Response| {
                    let photos = standing.photos;
                    let alone = Standing { photos, ..Standing::of(response.clone()) };
                    self.read(known.field, item, &alone)
                };
                let given: Vec<Given> = standing.responses().into_iter().map(alone).collect();
                if given.len() > 1 && !item.is_calculated() {
                    found.push((known.field, row, given));
                }
            }
        }
        found
    }
}

fn is_yes(settled: &Settled<'_>, field: Field) -> bool {
    let says = settled.value(field, None).map(|says| &says.datum);
    says == Some(&Datum::Value(Value::Bool(true)))
}
