//! Checks calls of functions: how many arguments, of which types, and what must be written out.

use regex_lite::RegexBuilder;

use super::check::{Checker, Type, Typed};
use super::code::{Aggregation, Code, DatePiece, Extreme, Target, TextTest};
use super::fault::FaultKind;
use super::functions::{Function, offered, refused};
use super::parser::{NESTING_MAX, shown};
use super::tree::{Node, Tree};
use super::value::Value;

/// Largest compiled pattern, in bytes: one of a telephone number takes some hundred. A search costs
/// at most this times the length of the text.
pub const PATTERN_BYTES_MAX: usize = 32 * 1024;
/// Most different patterns of one checklist: those of all official ones together are fewer, and
/// with [`PATTERN_BYTES_MAX`] they take 2 MiB at most.
pub const PATTERNS_MAX: usize = 64;

impl Checker<'_, '_> {
    pub(super) fn call(&mut self, name: &str, arguments: &[Tree], at: u32) -> Typed {
        let Some(signature) = offered(name) else {
            // Arguments are still looked at, so that all faults are listed at once.
            for argument in arguments {
                drop(self.any(argument));
            }
            return match refused(name) {
                Some((name, why)) => self.fault(at, FaultKind::Refused { name, why }),
                None => self.fault(at, FaultKind::UnknownFunction { name: shown(name) }),
            };
        };
        let found = arguments.len();
        if found < signature.least || found > signature.most {
            let (function, takes) = (signature.name, signature.takes);
            return self.fault(at, FaultKind::Arguments { function, takes, found });
        }
        let name = signature.name;
        match (signature.function, arguments) {
            (Function::True, _) => Typed::new(Code::Value(Value::Bool(true)), Type::Bool),
            (Function::False, _) => Typed::new(Code::Value(Value::Bool(false)), Type::Bool),
            (Function::Today, _) => Typed::new(self.read(self.names.as_of), Type::Date),
            (Function::Concat, texts) => {
                let texts = texts.iter().map(|text| self.text(text)).collect();
                Typed::new(Code::Concat(texts), Type::Text)
            }
            (Function::Min, all) => self.extreme(Extreme::Least, name, all),
            (Function::Max, all) => self.extreme(Extreme::Greatest, name, all),
            (Function::Substr, [text, ends @ ..]) => {
                let text = Box::new(self.text(text));
                let ends = ends.iter().map(|end| self.number(end)).collect();
                Typed::new(Code::Substr(text, ends), Type::Text)
            }
            (Function::If, [test, yes, no]) => {
                let test = self.truth(test);
                let (yes, no, kind) = self.one_of(yes, no);
                Typed::new(Code::If(Box::new([test, yes, no])), kind)
            }
            (function, [one]) => self.call_one(function, name, one),
            (function, [one, two]) => self.call_two(function, name, one, two),
            _ => self.fault(at, FaultKind::UnknownFunction { name: name.to_owned() }),
        }
    }

    fn call_one(&mut self, function: Function, name: &'static str, one: &Tree) -> Typed {
        let (code, kind) = match function {
            Function::Count => return self.count(name, one),
            Function::CountNonEmpty => match self.column(name, one) {
                Some((field, _)) => {
                    let over = Target::Field(field);
                    (self.aggregate(Aggregation::CountNonEmpty, over), Type::Number)
                }
                None => return Typed::unknown(),
            },
            Function::Sum => return self.sum(name, one),
            Function::Not => (Code::Not(Box::new(self.truth(one))), Type::Bool),
            Function::Answered => (Code::IsAnswered(Box::new(self.any(one).code)), Type::Bool),
            Function::Applicable => (Code::IsApplicable(Box::new(self.any(one).code)), Type::Bool),
            Function::Boolean => (Code::ToBool(Box::new(self.text(one))), Type::Bool),
            Function::CountSelected => {
                (Code::CountSelected(Box::new(self.keys(one).code)), Type::Number)
            }
            Function::Date => return self.date_of(one),
            Function::Int => {
                let number = self.read_number(one);
                (Code::Int(Box::new(number)), Type::Number)
            }
            Function::Number => (self.read_number(one), Type::Number),
            Function::Round => (Code::Round(Box::new(self.number(one)), None), Type::Number),
            Function::String => (Code::ToText(Box::new(self.text(one))), Type::Text),
            Function::StringLength => (Code::Length(Box::new(self.text(one))), Type::Number),
            Function::NormalizeSpace => {
                (Code::NormalizeSpace(Box::new(self.text(one))), Type::Text)
            }
            _ => return self.fault(one.at, FaultKind::UnknownFunction { name: name.to_owned() }),
        };
        Typed::new(code, kind)
    }

    /// Checks what is read as a number: any value but one that can never be one.
    fn read_number(&mut self, tree: &Tree) -> Code {
        if let Node::Text(text) = &tree.node
            && !text.trim().is_empty()
            && super::Number::parse(text.trim()).is_err()
        {
            self.faults.push((tree.at, FaultKind::NoNumber { text: shown(text) }));
        }
        let Typed { code, kind } = self.any(tree);
        match kind {
            Type::Choice(field) => return self.key_as_number(tree.at, field, code),
            Type::Empty => return Code::ToNumber(Box::new(Code::Value(Value::text("")))),
            Type::Opaque => self.wrong_type(tree.at, "a text", kind, ""),
            _ => {}
        }
        Code::ToNumber(Box::new(code))
    }

    fn call_two(
        &mut self,
        function: Function,
        name: &'static str,
        one: &Tree,
        two: &Tree,
    ) -> Typed {
        let test = match function {
            Function::Contains => TextTest::Contains,
            Function::StartsWith => TextTest::StartsWith,
            Function::EndsWith => TextTest::EndsWith,
            Function::Coalesce => {
                let (one, two, kind) = self.one_of(one, two);
                return Typed::new(Code::Coalesce(Box::new([one, two])), kind);
            }
            Function::Selected => {
                let from = self.keys(one);
                self.known_option(from.kind, two);
                let key = self.text(two);
                return Typed::new(Code::Selected(Box::new([from.code, key])), Type::Bool);
            }
            Function::Round => {
                let (number, places) = (self.number(one), self.number(two));
                let places = Some(Box::new(places));
                return Typed::new(Code::Round(Box::new(number), places), Type::Number);
            }
            Function::Regex => return self.regex(name, one, two),
            Function::FormatDate => return self.format_date(name, one, two),
            _ => return self.fault(one.at, FaultKind::UnknownFunction { name: name.to_owned() }),
        };
        let operands = [self.text(one), self.text(two)];
        Typed::new(Code::Test(test, Box::new(operands)), Type::Bool)
    }

    /// Checks two values of which one will be the result.
    fn one_of(&mut self, yes: &Tree, no: &Tree) -> (Code, Code, Type) {
        let (a, b) = (self.any(yes), self.any(no));
        let blank = || Code::Value(Value::text(""));
        match (a.kind, b.kind) {
            (Type::Empty, kind) if kind.is_text() => (blank(), b.code, Type::Text),
            (kind, Type::Empty) if kind.is_text() => (a.code, blank(), Type::Text),
            (Type::Empty, kind) | (kind, Type::Empty) => (a.code, b.code, kind),
            (left, right) if left == right => (a.code, b.code, left),
            (Type::Choice(field), Type::Number) => {
                (self.key_as_number(yes.at, field, a.code), b.code, Type::Number)
            }
            (Type::Number, Type::Choice(field)) => {
                (a.code, self.key_as_number(no.at, field, b.code), Type::Number)
            }
            (left, right) if left.is_text() && right.is_text() => (a.code, b.code, Type::Text),
            (Type::Unknown, _) | (_, Type::Unknown) => (a.code, b.code, Type::Unknown),
            (left, right) => {
                let (left, right) = (left.name(), right.name());
                self.faults.push((no.at, FaultKind::Branches { left, right }));
                (a.code, b.code, Type::Unknown)
            }
        }
    }

    /// Checks the argument of a function over rows: an item of a repeat group, from outside.
    fn column(&mut self, function: &'static str, tree: &Tree) -> Option<(usize, Type)> {
        if let Node::Reference(name) = &tree.node {
            match self.names.fields.get(name.as_str()) {
                Some(&field) => {
                    let rows = self.names.rows_of(field);
                    if rows.is_some() && rows != self.rows {
                        let kind = &self.names.spec.fields.get(field)?.kind;
                        return Some((field, Type::of(field, kind)));
                    }
                }
                // An unknown name is reported as such.
                None => {
                    drop(self.any(tree));
                    return None;
                }
            }
        }
        self.faults.push((tree.at, FaultKind::NotRows { function }));
        None
    }

    fn count(&mut self, function: &'static str, one: &Tree) -> Typed {
        if let Node::Reference(name) = &one.node
            && let Some(&group) = self.names.groups.get(name.as_str())
        {
            let code = self.aggregate(Aggregation::Count, Target::Rows(group));
            return Typed::new(code, Type::Number);
        }
        match self.column(function, one) {
            Some((field, _)) => {
                let code = self.aggregate(Aggregation::Count, Target::Field(field));
                Typed::new(code, Type::Number)
            }
            None => Typed::unknown(),
        }
    }

    fn sum(&mut self, function: &'static str, one: &Tree) -> Typed {
        match self.column(function, one) {
            Some((field, Type::Number)) => {
                let code = self.aggregate(Aggregation::Sum, Target::Field(field));
                Typed::new(code, Type::Number)
            }
            Some((_, kind)) => {
                let hint = "; calculate a number in each row and sum that";
                self.wrong_type(one.at, "a number in each row", kind, hint);
                Typed::unknown()
            }
            None => Typed::unknown(),
        }
    }

    /// Checks `min` and `max`: over the rows of one item, or over several numbers or days.
    fn extreme(&mut self, extreme: Extreme, function: &'static str, all: &[Tree]) -> Typed {
        let [first, rest @ ..] = all else {
            return Typed::unknown();
        };
        if rest.is_empty() {
            return match self.column(function, first) {
                Some((field, kind @ (Type::Number | Type::Date))) => {
                    let over = Target::Field(field);
                    Typed::new(self.aggregate(Aggregation::Extreme(extreme), over), kind)
                }
                Some((_, kind)) => {
                    let hint = "; calculate a number in each row and use that";
                    self.wrong_type(first.at, "a number or a day in each row", kind, hint);
                    Typed::unknown()
                }
                None => Typed::unknown(),
            };
        }
        let typed = self.any(first);
        let days = typed.kind == Type::Date;
        let start = if days { typed.code } else { self.number_of(first.at, typed) };
        let mut codes = vec![start];
        codes.extend(rest.iter().map(|tree| if days { self.day(tree) } else { self.number(tree) }));
        Typed::new(Code::Extreme(extreme, codes), if days { Type::Date } else { Type::Number })
    }

    /// Checks an argument that holds keys of options.
    fn keys(&mut self, tree: &Tree) -> Typed {
        let typed = self.any(tree);
        if !typed.kind.is_text() {
            self.wrong_type(tree.at, "a choice or several choices", typed.kind, "");
        }
        typed
    }

    fn date_of(&mut self, one: &Tree) -> Typed {
        if let Node::Text(text) = &one.node
            && !text.is_empty()
        {
            return match text.parse() {
                Ok(day) => Typed::new(Code::Value(Value::Date(day)), Type::Date),
                Err(_) => self.fault(one.at, FaultKind::Day),
            };
        }
        let typed = self.any(one);
        match typed.kind {
            Type::Bool | Type::Choices(_) | Type::Opaque => {
                self.wrong_type(one.at, "a text or a number of days", typed.kind, "");
            }
            _ => {}
        }
        Typed::new(Code::ToDate(Box::new(typed.code)), Type::Date)
    }

    fn regex(&mut self, function: &'static str, text: &Tree, pattern: &Tree) -> Typed {
        let code = self.text(text);
        let Node::Text(written) = &pattern.node else {
            return self.fault(pattern.at, FaultKind::Literal { function, what: "the pattern" });
        };
        let build = |pattern: &str| {
            RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).nest_limit(NESTING_MAX).build()
        };
        if let Some(whole) = self.patterns.get(written) {
            return Typed::new(Code::Matches(Box::new(code), whole.clone()), Type::Bool);
        }
        if self.patterns.len() >= PATTERNS_MAX {
            return self.fault(pattern.at, FaultKind::TooManyPatterns);
        }
        // Alone first: what is no pattern could become one between the parentheses.
        match build(written).and_then(|_| build(&format!("^(?:{written})$"))) {
            Ok(whole) => {
                self.patterns.insert(written.clone(), whole.clone());
                Typed::new(Code::Matches(Box::new(code), whole), Type::Bool)
            }
            Err(error) => {
                self.fault(pattern.at, FaultKind::Pattern { reason: shown(&error.to_string()) })
            }
        }
    }

    fn format_date(&mut self, function: &'static str, day: &Tree, format: &Tree) -> Typed {
        let code = self.day(day);
        let Node::Text(written) = &format.node else {
            return self.fault(format.at, FaultKind::Literal { function, what: "the format" });
        };
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut characters = written.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                text.push(character);
                continue;
            }
            // Places in YYYY-MM-DD, which every day is written as.
            let part = match characters.next() {
                Some('Y') => DatePiece::Part(0, 4, false),
                Some('y') => DatePiece::Part(2, 4, false),
                Some('m') => DatePiece::Part(5, 7, false),
                Some('n') => DatePiece::Part(5, 7, true),
                Some('d') => DatePiece::Part(8, 10, false),
                Some('e') => DatePiece::Part(8, 10, true),
                other => {
                    let found = shown(&format!("%{}", other.map_or(String::new(), String::from)));
                    return self.fault(format.at, FaultKind::DayFormat { found });
                }
            };
            if !text.is_empty() {
                pieces.push(DatePiece::Text(std::mem::take(&mut text)));
            }
            pieces.push(part);
        }
        if !text.is_empty() {
            pieces.push(DatePiece::Text(text));
        }
        Typed::new(Code::FormatDate(Box::new(code), pieces), Type::Text)
    }
}
