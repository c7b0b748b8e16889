//! Which of the standing answers of an item counts: the only one, the worse one, or none.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::answers::{Response, Standing};
use crate::checklist::day::Day;
use crate::checklist::template::{AnswerType, Decimal, Item, NONE_KEY, Template, Worse};
use crate::model::{AnswerState, Grade};

/// What counts of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counted {
    /// Nobody answered.
    Nothing,
    /// Answers differ and cannot be compared: it counts as unanswered.
    NoOrder,
    /// The answer fits no answer of this item: kept and shown, never counted.
    Misfit,
    /// Somebody says that it does not apply.
    NotApplicable,
    /// A grade or value.
    Answer(Response),
}

/// What an item's standing answers come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) counted: Counted,
    /// Answers that differ stand.
    pub(super) conflict: bool,
    /// Answers that do not fit the item stand.
    pub(super) misfits: bool,
    /// Beside the answer that counts others stand that no order compares it with: taken back, not
    /// applicable, or of no meaning for the item.
    pub(super) partly: bool,
}

/// Returns what counts of the answers that stand at an item: the only one, or the worse of several by
/// the checklist's order. None when nobody answered, when there is no order for them, or when what
/// was said fits no answer of the item.
#[must_use]
pub fn counted_of(template: &Template, item: &Item, state: &AnswerState) -> Option<Response> {
    let standing = Standing::of_state(state, &BTreeSet::new());
    match read(template, item, &standing).counted {
        Counted::Answer(response) => Some(response),
        Counted::NotApplicable => Some(Response::NotApplicable),
        Counted::Nothing | Counted::NoOrder | Counted::Misfit => None,
    }
}

/// Reads what stands at an item.
///
/// Only answers that can be compared are: what was taken back, what fits no answer of the item and
/// what says that it does not apply never take the place of a bad answer. They are a conflict beside
/// it, which a person settles.
pub(super) fn read(template: &Template, item: &Item, standing: &Standing) -> Reading {
    let mut responses = standing.responses();
    if matches!(item.answer, AnswerType::Photo { .. }) {
        if standing.photos == 0 {
            // A response without photos says nothing.
            responses.retain(|response| **response != Response::Value(String::new()));
        } else if responses.is_empty() {
            let counted = Counted::Answer(Response::Value(String::new()));
            return Reading { counted, conflict: false, misfits: false, partly: false };
        }
    }
    let misfits = responses.iter().any(|response| !fits(template, item, response));
    let conflict = responses.len() > 1;
    let compared = compared(template, item, &responses);
    let counted = match responses.iter().next() {
        None => Counted::Nothing,
        Some(Response::Withdrawn) if !conflict => Counted::Nothing,
        Some(_) if misfits && !conflict => Counted::Misfit,
        Some(only) if !conflict => counted(item, only),
        Some(_) => {
            worst(template, item, &compared).map_or(Counted::NoOrder, |worst| counted(item, worst))
        }
    };
    let partly = conflict && !compared.is_empty() && compared.len() < responses.len();
    Reading { counted, conflict, misfits, partly }
}

/// Returns the responses of which the worst counts.
fn compared<'r>(
    template: &Template,
    item: &Item,
    responses: &BTreeSet<&'r Response>,
) -> Vec<&'r Response> {
    let fit = || responses.iter().copied().filter(|response| fits(template, item, response));
    let says = |response: &&Response| match response {
        Response::Grade(_) => true,
        Response::Value(_) => matches!(counted(item, response), Counted::Answer(_)),
        _ => false,
    };
    let mut compared: Vec<&Response> = fit().filter(says).collect();
    // The order of grades has a place for what does not apply; it may stand beside a pass, and
    // whatever place it has it hides no deviation.
    let deviates = |response: &&Response| match response {
        Response::Grade(grade) => *grade != Grade::Pass,
        _ => false,
    };
    let is_graded = matches!(item.answer, AnswerType::Grade { .. });
    if is_graded && !compared.is_empty() && !compared.iter().any(deviates) {
        compared.extend(fit().filter(|response| **response == Response::NotApplicable));
    }
    compared
}

/// Returns whether any answer that stands and fits is this one.
pub(super) fn stands(template: &Template, item: &Item, standing: &Standing, text: &str) -> bool {
    let is = |response: &&Response| matches!(response, Response::Value(value) if value == text);
    standing.responses().into_iter().filter(is).any(|response| fits(template, item, response))
}

fn counted(item: &Item, response: &Response) -> Counted {
    match response {
        Response::NotApplicable => Counted::NotApplicable,
        Response::Withdrawn => Counted::Nothing,
        Response::Unreadable(_) => Counted::Misfit,
        // An empty text is no answer, as in XLSForm.
        Response::Value(text)
            if text.is_empty()
                && !matches!(item.answer, AnswerType::Signature {} | AnswerType::Photo { .. }) =>
        {
            Counted::Nothing
        }
        answer => Counted::Answer(answer.clone()),
    }
}

/// Returns whether a response is one that the item takes.
pub(super) fn fits(template: &Template, item: &Item, response: &Response) -> bool {
    match response {
        Response::Withdrawn => true,
        Response::Unreadable(_) => false,
        Response::NotApplicable => {
            template.check_answer(&item.key, Grade::NotApplicable).is_ok()
                && !matches!(item.answer, AnswerType::Calculation { .. })
        }
        Response::Grade(grade) => {
            matches!(grade, Grade::Pass | Grade::Minor | Grade::Major | Grade::Serious)
                && template.check_answer(&item.key, *grade).is_ok()
        }
        Response::Value(text) => match item.answer {
            AnswerType::Photo { .. } | AnswerType::Signature {} => text.is_empty(),
            _ => template.check_value(&item.key, text).is_ok(),
        },
    }
}

/// Returns the worst of several responses that fit; none where the checklist has no order for them.
fn worst<'r>(template: &Template, item: &Item, responses: &[&'r Response]) -> Option<&'r Response> {
    let mut worst: Option<&Response> = None;
    for response in responses {
        worst = match worst {
            None => Some(*response),
            Some(other) => match compare(template, item, response, other)? {
                Ordering::Less => Some(*response),
                _ => Some(other),
            },
        };
    }
    // One alone would not have been compared.
    worst
}

/// Compares two different responses: the lesser is the worse.
fn compare(template: &Template, item: &Item, a: &Response, b: &Response) -> Option<Ordering> {
    if matches!(item.answer, AnswerType::Grade { .. }) {
        let place = |response: &Response| {
            let grade = match response {
                Response::Grade(grade) => *grade,
                Response::NotApplicable => Grade::NotApplicable,
                _ => return None,
            };
            template.order().iter().position(|known| *known == grade)
        };
        return Some(place(b)?.cmp(&place(a)?));
    }
    let (Response::Value(a), Response::Value(b)) = (a, b) else { return None };
    match template.worse(item)? {
        Worse::ListedWorstFirst => Some(listed(item, a)?.cmp(&listed(item, b)?)),
        Worse::ListedBestFirst => {
            let none = |key: &str| key != NONE_KEY;
            let place = |key: &str| Some((none(key), std::cmp::Reverse(listed(item, key)?)));
            Some(place(a)?.cmp(&place(b)?))
        }
        Worse::FewerPoints => {
            let place = |key: &str| {
                let points = item.option(key).and_then(|option| option.points).unwrap_or(0);
                Some((points, listed(item, key)?))
            };
            Some(place(a)?.cmp(&place(b)?))
        }
        Worse::LowerIsWorse => Some(number(a)?.cmp(&number(b)?)),
        Worse::HigherIsWorse => Some(number(b)?.cmp(&number(a)?)),
        Worse::EarlierIsWorse => Some(day(a)?.cmp(&day(b)?)),
        Worse::LaterIsWorse => Some(day(b)?.cmp(&day(a)?)),
        Worse::FewerIsWorse => several(item, a, b, false),
        Worse::MoreIsWorse => several(item, a, b, true),
    }
}

/// Returns the place of an option in the list; that no option fits comes before all.
fn listed(item: &Item, key: &str) -> Option<usize> {
    let place = item.answer.options().iter().position(|option| option.key == key);
    place.map(|place| place + 1).or_else(|| (key == NONE_KEY).then_some(0))
}

fn number(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

fn day(text: &str) -> Option<Day> {
    text.parse().ok()
}

/// Compares answers of several choices: by how many, then by the first that only one of them has.
fn several(item: &Item, a: &str, b: &str, more_is_worse: bool) -> Option<Ordering> {
    let places =
        |text: &str| text.split(' ').map(|key| listed(item, key)).collect::<Option<Vec<usize>>>();
    let (a, b) = (places(a)?, places(b)?);
    let by_count = if more_is_worse { b.len().cmp(&a.len()) } else { a.len().cmp(&b.len()) };
    Some(by_count.then(a.cmp(&b)))
}
