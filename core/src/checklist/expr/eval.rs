//! Evaluates checked code. Total: whatever the values are, it ends in an outcome.
//!
//! What is missing behaves as in XLSForm where a test or a text is asked for (false, empty), and is
//! handed on by arithmetic. Marks tell which results rest on something missing.

use std::sync::Arc;

use super::code::{Arithmetic, Code, DatePiece, Extreme, NodeId, TextTest};
use super::number::Number;
use super::tree::Operator;
use super::value::{Datum, Invalid, Marks, Outcome, TEXT_BYTES_MAX, Value};
use crate::checklist::day::Day;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Reads what other nodes yield, and counts the steps of the work.
pub(super) struct Reader<'a> {
    pub(super) outcome: &'a dyn Fn(NodeId) -> Outcome,
    pub(super) steps: u64,
}

type Texts = Result<Arc<str>, Invalid>;

impl Reader<'_> {
    pub(super) fn eval(&mut self, code: &Code) -> Outcome {
        self.steps += 1;
        match code {
            Code::Value(value) => Outcome::of(value.clone(), Marks::NONE),
            Code::Nothing => Outcome::new(Datum::NotApplicable, Marks::NONE),
            Code::Read(node) => (self.outcome)(*node),
            Code::Negate(operand) => {
                let outcome = self.eval(operand);
                map(outcome, |value| Ok(Value::Number(number(&value)?.negated())))
            }
            Code::Arithmetic(first, rest) => {
                let first = self.eval(first);
                rest.iter().fold(first, |left, (step, right)| {
                    let right = self.eval(right);
                    arithmetic(*step, left, right)
                })
            }
            Code::Compare(operator, left, right) => {
                let (left, right) = (self.eval(left), self.eval(right));
                let holds = compare(*operator, &left.datum, &right.datum);
                Outcome::truth(holds, left.marks.and(right.marks))
            }
            Code::All(operands) => self.joined(operands, false),
            Code::Any(operands) => self.joined(operands, true),
            Code::Not(operand) => {
                let outcome = self.eval(operand);
                Outcome::truth(!outcome.holds(), outcome.marks)
            }
            Code::If(parts) => {
                let [test, yes, no] = &**parts;
                let test = self.eval(test);
                let chosen = self.eval(if test.holds() { yes } else { no });
                Outcome { marks: chosen.marks.and(test.marks), ..chosen }
            }
            Code::Coalesce(parts) => {
                let [one, two] = &**parts;
                let one = self.eval(one);
                if !one.datum.is_empty() {
                    return one;
                }
                let two = self.eval(two);
                Outcome { marks: two.marks.and(one.marks), ..two }
            }
            Code::IsEmpty(operand) => self.asked(operand, Datum::is_empty),
            Code::IsAnswered(operand) => self.asked(operand, Datum::has_value),
            Code::IsApplicable(operand) => self.asked(operand, |d| *d != Datum::NotApplicable),
            Code::Extreme(extreme, operands) => self.extreme(*extreme, operands),
            Code::Round(operand, places) => self.round(operand, places.as_deref()),
            Code::Int(operand) => {
                let outcome = self.eval(operand);
                map(outcome, |value| Ok(Value::Number(number(&value)?.truncated())))
            }
            Code::ToNumber(operand) => map(self.eval(operand), to_number),
            Code::ToDate(operand) => map(self.eval(operand), to_date),
            Code::ToBool(operand) => {
                let outcome = self.eval(operand);
                let holds = match &outcome.datum {
                    Datum::Value(Value::Number(number)) => *number != Number::ZERO,
                    Datum::Value(Value::Bool(holds)) => *holds,
                    datum => datum.has_value(),
                };
                Outcome::truth(holds, outcome.marks)
            }
            Code::FormatDate(operand, pieces) => {
                map(self.eval(operand), |value| Ok(formatted(&value, pieces)))
            }
            _ => self.of_text(code),
        }
    }

    /// Evaluates the functions of texts, for which what is missing is empty.
    fn of_text(&mut self, code: &Code) -> Outcome {
        match code {
            Code::ToText(operand) => self.on_text(operand, |text| Ok(Value::Text(text))),
            Code::CountSelected(operand) => {
                self.on_text(operand, |text| whole(text.split_whitespace().count()))
            }
            Code::Length(operand) => self.on_text(operand, |text| whole(text.chars().count())),
            Code::Matches(operand, pattern) => {
                self.on_text(operand, |text| Ok(Value::Bool(pattern.is_match(&text))))
            }
            Code::NormalizeSpace(operand) => self.on_text(operand, |text| {
                let words: Vec<&str> = text.split_whitespace().collect();
                Ok(Value::text(&words.join(" ")))
            }),
            Code::Selected(parts) => self.on_texts(parts, |keys, key| {
                !key.is_empty() && keys.split_whitespace().any(|one| one == key)
            }),
            Code::Test(test, parts) => self.on_texts(parts, |text, part| match test {
                TextTest::Contains => text.contains(part),
                TextTest::StartsWith => text.starts_with(part),
                TextTest::EndsWith => text.ends_with(part),
            }),
            Code::Concat(operands) => self.concat(operands),
            Code::Substr(operand, ends) => self.substr(operand, ends),
            // Every other code is evaluated above; a new one that is forgotten shows as invalid.
            _ => Outcome::new(Datum::Invalid(Invalid::NotANumber), Marks::NONE),
        }
    }

    /// Evaluates `and` (until one is false) and `or` (until one is true). An operand that settles the
    /// matter for good also settles what the result rests on.
    fn joined(&mut self, operands: &[Code], settling: bool) -> Outcome {
        let mut settled = false;
        let mut marks = Marks::NONE;
        for operand in operands {
            let outcome = self.eval(operand);
            if outcome.holds() == settling {
                if outcome.marks.is_none() {
                    return Outcome::truth(settling, Marks::NONE);
                }
                settled = true;
            }
            marks = marks.and(outcome.marks);
        }
        Outcome::truth(settled == settling, marks)
    }

    fn asked(&mut self, operand: &Code, holds: impl Fn(&Datum) -> bool) -> Outcome {
        let outcome = self.eval(operand);
        Outcome::truth(holds(&outcome.datum), outcome.marks)
    }

    fn extreme(&mut self, extreme: Extreme, operands: &[Code]) -> Outcome {
        let mut best: Option<Value> = None;
        let mut unanswered = false;
        let mut invalid: Option<Invalid> = None;
        let mut marks = Marks::NONE;
        for operand in operands {
            let outcome = self.eval(operand);
            marks = marks.and(outcome.marks);
            match outcome.datum {
                Datum::Value(value) => {
                    let better = best.as_ref().is_none_or(|best| match extreme {
                        Extreme::Least => value < *best,
                        Extreme::Greatest => value > *best,
                    });
                    if better {
                        best = Some(value);
                    }
                }
                Datum::Unanswered => unanswered = true,
                Datum::NotApplicable => {}
                Datum::Invalid(reason) => {
                    invalid = Some(invalid.map_or(reason, |other| other.min(reason)));
                }
            }
        }
        Outcome::new(least_or_missing(best, invalid, unanswered), marks)
    }

    fn round(&mut self, operand: &Code, places: Option<&Code>) -> Outcome {
        let outcome = self.eval(operand);
        let places = match places {
            Some(places) => self.eval(places),
            None => Outcome::of(Value::Number(Number::ZERO), Marks::NONE),
        };
        combine(outcome, places, |value, places| {
            let places = number(&places)?.floor().ok_or(Invalid::Overflow)?;
            number(&value)?.rounded(places).map(Value::Number).ok_or(Invalid::Overflow)
        })
    }

    fn text(&mut self, code: &Code) -> (Texts, Marks) {
        let outcome = self.eval(code);
        let text = match outcome.datum {
            Datum::Value(Value::Text(text)) => Ok(text),
            Datum::Value(value) => Ok(Arc::from(value.to_string())),
            Datum::Unanswered | Datum::NotApplicable => Ok(Arc::from("")),
            Datum::Invalid(reason) => Err(reason),
        };
        (text, outcome.marks)
    }

    fn on_text(
        &mut self,
        operand: &Code,
        f: impl FnOnce(Arc<str>) -> Result<Value, Invalid>,
    ) -> Outcome {
        let (text, marks) = self.text(operand);
        from_result(text.and_then(f), marks)
    }

    fn on_texts(&mut self, parts: &[Code; 2], f: impl FnOnce(&str, &str) -> bool) -> Outcome {
        let [one, two] = parts;
        let (one, first) = self.text(one);
        let (two, second) = self.text(two);
        let result = one.and_then(|one| Ok(Value::Bool(f(&one, &two?))));
        from_result(result, first.and(second))
    }

    fn concat(&mut self, operands: &[Code]) -> Outcome {
        let mut whole: Result<String, Invalid> = Ok(String::new());
        let mut marks = Marks::NONE;
        for operand in operands {
            let (text, here) = self.text(operand);
            marks = marks.and(here);
            whole = whole.and_then(|mut whole| {
                let text = text?;
                if whole.len() + text.len() > TEXT_BYTES_MAX {
                    return Err(Invalid::TextTooLong);
                }
                whole.push_str(&text);
                Ok(whole)
            });
        }
        from_result(whole.map(|whole| Value::text(&whole)), marks)
    }

    /// Takes the characters from a first one, counted from 0, to before an end; negative places
    /// count from the end of the text.
    fn substr(&mut self, operand: &Code, ends: &[Code]) -> Outcome {
        let (text, mut marks) = self.text(operand);
        let mut places = Vec::with_capacity(ends.len());
        for end in ends {
            let outcome = self.eval(end);
            marks = marks.and(outcome.marks);
            match outcome.datum {
                Datum::Value(Value::Number(number)) => places.push(number.floor().unwrap_or(0)),
                other => return Outcome::new(other, marks),
            }
        }
        let cut = |text: Arc<str>| {
            let characters = text.chars().count();
            let place = |place: i64| {
                let length = i64::try_from(characters).unwrap_or(i64::MAX);
                let from_start = if place < 0 { place.saturating_add(length) } else { place };
                usize::try_from(from_start.clamp(0, length)).unwrap_or(0)
            };
            let first = places.first().map_or(0, |first| place(*first));
            let end = places.get(1).map_or(characters, |end| place(*end));
            let cut: String = text.chars().skip(first).take(end.saturating_sub(first)).collect();
            Value::text(&cut)
        };
        from_result(text.map(cut), marks)
    }
}

/// Returns the best value, or what stands in its place when there is none.
pub(super) fn least_or_missing(
    best: Option<Value>,
    invalid: Option<Invalid>,
    unanswered: bool,
) -> Datum {
    match (invalid, best) {
        (Some(reason), _) => Datum::Invalid(reason),
        (None, Some(value)) => Datum::Value(value),
        (None, None) if unanswered => Datum::Unanswered,
        (None, None) => Datum::NotApplicable,
    }
}

fn from_result(result: Result<Value, Invalid>, marks: Marks) -> Outcome {
    Outcome::new(result.map_or_else(Datum::Invalid, Datum::Value), marks)
}

/// Applies a function to a value; what stands in the place of one is handed on.
fn map(outcome: Outcome, f: impl FnOnce(Value) -> Result<Value, Invalid>) -> Outcome {
    match outcome.datum {
        Datum::Value(value) => match f(value) {
            // A blank that is read as a number or day is nothing at all.
            Ok(Value::Text(text)) if text.is_empty() => {
                Outcome::new(Datum::NotApplicable, outcome.marks)
            }
            result => from_result(result, outcome.marks),
        },
        _ => outcome,
    }
}

/// Applies a function to two values. Of what stands in the place of values an error goes first, then
/// a missing answer: they are what somebody must see to.
fn combine(
    left: Outcome,
    right: Outcome,
    f: impl FnOnce(Value, Value) -> Result<Value, Invalid>,
) -> Outcome {
    let marks = left.marks.and(right.marks);
    let datum = match (left.datum, right.datum) {
        (Datum::Invalid(reason), _) | (_, Datum::Invalid(reason)) => Datum::Invalid(reason),
        (Datum::Unanswered, _) | (_, Datum::Unanswered) => Datum::Unanswered,
        (Datum::NotApplicable, _) | (_, Datum::NotApplicable) => Datum::NotApplicable,
        (Datum::Value(left), Datum::Value(right)) => return from_result(f(left, right), marks),
    };
    Outcome::new(datum, marks)
}

fn arithmetic(step: Arithmetic, left: Outcome, right: Outcome) -> Outcome {
    combine(left, right, |left, right| {
        let checked = |number: Option<Number>| number.map(Value::Number).ok_or(Invalid::Overflow);
        let shifted = |from: &Value, days: &Value, sign: i64| {
            let days = number(days)?.floor().and_then(|days| days.checked_mul(sign));
            let day = days.and_then(|days| day(from).ok()?.plus_days(days));
            day.map(Value::Date).ok_or(Invalid::NotADay)
        };
        match step {
            Arithmetic::Later => shifted(&left, &right, 1),
            Arithmetic::Earlier => shifted(&left, &right, -1),
            Arithmetic::LaterThan => shifted(&right, &left, 1),
            Arithmetic::Between => {
                let days = (day(&left)?.end().0 - day(&right)?.end().0) / DAY_MS;
                checked(Number::from_whole(days))
            }
            Arithmetic::Add => checked(number(&left)?.plus(number(&right)?)),
            Arithmetic::Subtract => checked(number(&left)?.minus(number(&right)?)),
            Arithmetic::Multiply => checked(number(&left)?.times(number(&right)?)),
            Arithmetic::Divide | Arithmetic::Modulo if number(&right)? == Number::ZERO => {
                Err(Invalid::DivisionByZero)
            }
            Arithmetic::Divide => checked(number(&left)?.over(number(&right)?)),
            Arithmetic::Modulo => checked(number(&left)?.remainder(number(&right)?)),
        }
    })
}

/// Compares. What is missing equals only what is missing for the same reason; what is invalid equals
/// nothing; neither is less or greater than anything.
fn compare(operator: Operator, left: &Datum, right: &Datum) -> bool {
    let equal = !matches!(left, Datum::Invalid(_)) && left == right;
    let order = match (left, right) {
        (Datum::Value(left), Datum::Value(right)) => Some(left.cmp(right)),
        _ => None,
    };
    match operator {
        Operator::Equal => equal,
        Operator::NotEqual => !equal,
        Operator::Less => order.is_some_and(std::cmp::Ordering::is_lt),
        Operator::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
        Operator::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
        Operator::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        _ => false,
    }
}

fn number(value: &Value) -> Result<Number, Invalid> {
    match value {
        Value::Number(number) => Ok(*number),
        _ => Err(Invalid::NotANumber),
    }
}

fn day(value: &Value) -> Result<Day, Invalid> {
    match value {
        Value::Date(day) => Ok(*day),
        _ => Err(Invalid::NotADay),
    }
}

fn whole(count: usize) -> Result<Value, Invalid> {
    u32::try_from(count)
        .map(|count| Value::Number(Number::whole(count)))
        .map_err(|_| Invalid::Overflow)
}

/// Returns the first day that number 0 stands for.
fn epoch() -> Result<Day, Invalid> {
    "1970-01-01".parse().map_err(|_| Invalid::NotADay)
}

fn to_number(value: Value) -> Result<Value, Invalid> {
    match value {
        Value::Number(_) => Ok(value),
        Value::Bool(truth) => Ok(Value::Number(Number::whole(u32::from(truth)))),
        Value::Text(text) if text.trim().is_empty() => Ok(Value::text("")),
        Value::Text(text) => Ok(Value::Number(Number::parse(text.trim())?)),
        Value::Date(day) => {
            let days = (day.end().0 - epoch()?.end().0) / DAY_MS;
            Number::from_whole(days).map(Value::Number).ok_or(Invalid::Overflow)
        }
    }
}

fn to_date(value: Value) -> Result<Value, Invalid> {
    match value {
        Value::Date(_) => Ok(value),
        Value::Text(text) if text.trim().is_empty() => Ok(Value::text("")),
        Value::Text(text) => text.trim().parse().map(Value::Date).map_err(|_| Invalid::NotADay),
        Value::Number(days) => {
            let days = days.floor().and_then(|days| epoch().ok()?.plus_days(days));
            days.map(Value::Date).ok_or(Invalid::NotADay)
        }
        Value::Bool(_) => Err(Invalid::NotADay),
    }
}

fn formatted(value: &Value, pieces: &[DatePiece]) -> Value {
    let day = value.to_string();
    let mut text = String::new();
    for piece in pieces {
        match piece {
            DatePiece::Text(piece) => text.push_str(piece),
            DatePiece::Part(from, to, short) => {
                let part = day.get(*from..*to).unwrap_or_default();
                text.push_str(if *short { part.trim_start_matches('0') } else { part });
            }
        }
    }
    Value::text(&text)
}
