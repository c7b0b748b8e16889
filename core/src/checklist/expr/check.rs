//! Looks names up, checks types, and turns a tree into code. Reports every fault it can still see.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;

use super::code::{Aggregation, Arithmetic, Code, NodeId, Target};
use super::fault::FaultKind;
use super::parser::shown;
use super::spec::{FieldKind, FormSpec};
use super::tree::{Node, Operator, Tree};
use super::value::Value;

/// The key that answers a choice by none of its options. Beside keys that are numbers it may stand
/// where they are read as numbers: it has none.
pub(crate) const NO_OPTION: &str = "none";
/// The word by which an item is answered that does not apply. No expression sees it as a value.
const NOT_APPLICABLE: &str = "na";

/// The type of an expression; options are those of the item with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Number,
    Text,
    Choice(usize),
    Choices(usize),
    Bool,
    Date,
    Opaque,
    /// `''`, which fits wherever a value may be missing.
    Empty,
    /// Of something faulty, about which nothing more is said.
    Unknown,
}

impl Type {
    pub(super) fn of(field: usize, kind: &FieldKind) -> Self {
        match kind {
            FieldKind::Number => Self::Number,
            FieldKind::Text => Self::Text,
            FieldKind::Choice(_) => Self::Choice(field),
            FieldKind::Choices(_) => Self::Choices(field),
            FieldKind::Bool => Self::Bool,
            FieldKind::Date => Self::Date,
            FieldKind::Opaque => Self::Opaque,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Choice(_) => "a choice",
            Self::Choices(_) => "several choices",
            Self::Bool => "a yes or no",
            Self::Date => "a day",
            Self::Opaque => "a photo, position or signature",
            Self::Empty => "an empty text",
            Self::Unknown => "something unknown",
        }
    }

    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Choice(_) | Self::Choices(_))
    }
}

/// Code with its type.
pub(super) struct Typed {
    pub(super) code: Code,
    pub(super) kind: Type,
}

impl Typed {
    pub(super) fn new(code: Code, kind: Type) -> Self {
        Self { code, kind }
    }

    pub(super) fn unknown() -> Self {
        Self { code: Code::Nothing, kind: Type::Unknown }
    }
}

/// The form's names, and which nodes hold what.
pub(super) struct Names<'a> {
    pub(super) spec: &'a FormSpec,
    pub(super) fields: BTreeMap<&'a str, usize>,
    /// Repeat groups only: nothing reads a section.
    pub(super) groups: BTreeMap<&'a str, usize>,
    /// The node of the day of record. Those before it are the items' values.
    pub(super) as_of: NodeId,
    /// The first node of an aggregate.
    pub(super) first_aggregate: NodeId,
}

impl<'a> Names<'a> {
    /// Returns the repeat group whose rows an item has values in.
    pub(super) fn rows_of(&self, field: usize) -> Option<usize> {
        let group = self.spec.fields.get(field)?.group?;
        self.spec.groups.get(group)?.repeats.then_some(group)
    }

    pub(super) fn field_name(&self, field: usize) -> &'a str {
        self.spec.fields.get(field).map_or("", |field| field.name.as_str())
    }

    pub(super) fn options(&self, field: usize) -> &'a [String] {
        match self.spec.fields.get(field).map(|field| &field.kind) {
            Some(FieldKind::Choice(options) | FieldKind::Choices(options)) => options,
            _ => &[],
        }
    }
}

/// Checks one expression.
pub(super) struct Checker<'a, 'b> {
    pub(super) names: &'b Names<'a>,
    /// Aggregates of the whole form, found so far.
    pub(super) aggregates: &'b mut BTreeMap<(Aggregation, Target), NodeId>,
    /// The repeat group in whose rows the expression stands.
    pub(super) rows: Option<usize>,
    /// The item whose expression it is.
    pub(super) own: Option<usize>,
    /// The patterns of the form so far, each compiled once.
    pub(super) patterns: &'b mut BTreeMap<String, Regex>,
    pub(super) reads: BTreeSet<NodeId>,
    pub(super) faults: Vec<(u32, FaultKind)>,
}

impl Checker<'_, '_> {
    pub(super) fn fault(&mut self, at: u32, kind: FaultKind) -> Typed {
        self.faults.push((at, kind));
        Typed::unknown()
    }

    pub(super) fn wrong_type(
        &mut self,
        at: u32,
        expected: &'static str,
        found: Type,
        hint: &'static str,
    ) {
        if found != Type::Unknown {
            self.faults.push((at, FaultKind::Type { expected, found: found.name(), hint }));
        }
    }

    pub(super) fn read(&mut self, node: NodeId) -> Code {
        self.reads.insert(node);
        Code::Read(node)
    }

    pub(super) fn aggregate(&mut self, aggregation: Aggregation, target: Target) -> Code {
        let next = self.names.first_aggregate + self.aggregates.len();
        let node = *self.aggregates.entry((aggregation, target)).or_insert(next);
        self.read(node)
    }

    /// Checks an expression of any type.
    pub(super) fn any(&mut self, tree: &Tree) -> Typed {
        match &tree.node {
            Node::Number(number) => Typed::new(Code::Value(Value::Number(*number)), Type::Number),
            Node::Text(text) if text.is_empty() => Typed::new(Code::Nothing, Type::Empty),
            Node::Text(text) => Typed::new(Code::Value(Value::text(text)), Type::Text),
            Node::Reference(name) => self.reference(name, tree.at),
            Node::Own => match self.own {
                Some(field) => self.field(field),
                None => self.fault(tree.at, FaultKind::OwnValue),
            },
            Node::Negate(operand) => {
                Typed::new(Code::Negate(Box::new(self.number(operand))), Type::Number)
            }
            Node::Chain(first, rest) => self.chain(tree.at, first, rest),
            Node::Call(name, arguments) => self.call(name, arguments, tree.at),
        }
    }

    fn reference(&mut self, name: &str, at: u32) -> Typed {
        if let Some(&field) = self.names.fields.get(name) {
            return match self.names.rows_of(field) {
                Some(group) if self.rows != Some(group) => {
                    // What is read stays known, so that a cycle through it is still found.
                    self.reads.insert(field);
                    let group = self.names.spec.groups.get(group).map_or("", |group| &group.name);
                    self.fault(at, FaultKind::ManyValues { name: shown(name), group: shown(group) })
                }
                _ => self.field(field),
            };
        }
        if self.names.groups.contains_key(name) {
            return self.fault(at, FaultKind::GroupAsValue { name: shown(name) });
        }
        self.fault(at, FaultKind::UnknownName { name: shown(name) })
    }

    fn field(&mut self, field: usize) -> Typed {
        let kind = self.names.spec.fields.get(field).map(|spec| Type::of(field, &spec.kind));
        Typed::new(self.read(field), kind.unwrap_or(Type::Unknown))
    }

    /// Checks an expression where a number is needed. The key of an option counts as one, as in
    /// XPath, because forms number their options.
    pub(super) fn number(&mut self, tree: &Tree) -> Code {
        let typed = self.any(tree);
        self.number_of(tree.at, typed)
    }

    pub(super) fn number_of(&mut self, at: u32, typed: Typed) -> Code {
        let Typed { code, kind } = typed;
        match kind {
            Type::Choice(field) => return self.key_as_number(at, field, code),
            Type::Number | Type::Empty | Type::Unknown => {}
            Type::Text => self.wrong_type(at, "a number", kind, "; write number(...) around it"),
            _ => self.wrong_type(at, "a number", kind, ""),
        }
        code
    }

    /// Reads the key of an option as a number, which the keys must be.
    pub(super) fn key_as_number(&mut self, at: u32, field: usize, code: Code) -> Code {
        let options = self.names.options(field);
        let is_number = |key: &String| key == NO_OPTION || super::Number::parse(key).is_ok();
        if !options.iter().all(is_number) {
            let item = shown(self.names.field_name(field));
            self.faults.push((at, FaultKind::KeysNoNumbers { item }));
        }
        Code::ToNumber(Box::new(code))
    }

    /// Checks an expression where a text is needed: every value has one.
    pub(super) fn text(&mut self, tree: &Tree) -> Code {
        let Typed { code, kind } = self.any(tree);
        match kind {
            Type::Empty => return Code::Value(Value::text("")),
            Type::Opaque => self.wrong_type(tree.at, "a text", kind, ""),
            _ => {}
        }
        code
    }

    /// Checks an expression where a yes or no is needed.
    pub(super) fn truth(&mut self, tree: &Tree) -> Code {
        let Typed { code, kind } = self.any(tree);
        let hint = match kind {
            Type::Bool | Type::Empty | Type::Unknown => return code,
            Type::Number => "; compare it with a number, for instance > 0",
            _ => "; compare it with a value, or with '' to ask whether there is one",
        };
        self.wrong_type(tree.at, "a yes or no", kind, hint);
        code
    }

    /// Checks an expression where a day is needed.
    pub(super) fn day(&mut self, tree: &Tree) -> Code {
        let Typed { code, kind } = self.any(tree);
        match kind {
            Type::Date | Type::Empty | Type::Unknown => {}
            _ => self.wrong_type(tree.at, "a day", kind, "; write date(...) around it"),
        }
        code
    }

    fn chain(&mut self, at: u32, first: &Tree, rest: &[(Operator, Tree)]) -> Typed {
        let Some((operator, second)) = rest.first() else {
            return self.any(first);
        };
        let operands = || std::iter::once(first).chain(rest.iter().map(|(_, operand)| operand));
        match operator {
            Operator::Or => {
                Typed::new(Code::Any(operands().map(|o| self.truth(o)).collect()), Type::Bool)
            }
            Operator::And => {
                Typed::new(Code::All(operands().map(|o| self.truth(o)).collect()), Type::Bool)
            }
            Operator::Add | Operator::Subtract => self.sums(first, rest),
            Operator::Multiply | Operator::Divide | Operator::Modulo => {
                let first = Box::new(self.number(first));
                let rest = rest.iter().map(|(operator, operand)| {
                    let step = match operator {
                        Operator::Divide => Arithmetic::Divide,
                        Operator::Modulo => Arithmetic::Modulo,
                        _ => Arithmetic::Multiply,
                    };
                    (step, self.number(operand))
                });
                let rest = rest.collect();
                Typed::new(Code::Arithmetic(first, rest), Type::Number)
            }
            _ if rest.len() > 1 => self.fault(at, FaultKind::CompareTwice),
            Operator::Equal | Operator::NotEqual => self.equality(at, *operator, first, second),
            _ => self.order(at, *operator, first, second),
        }
    }

    /// Checks sums of numbers, and of days with numbers of days.
    fn sums(&mut self, first: &Tree, rest: &[(Operator, Tree)]) -> Typed {
        let start = self.summand(first);
        let mut kind = start.kind;
        let mut steps = Vec::with_capacity(rest.len());
        for (operator, operand) in rest {
            let Typed { code, kind: right } = self.summand(operand);
            let adds = *operator == Operator::Add;
            let (step, sum) = match (kind, adds, right) {
                (Type::Date, false, Type::Date) => (Arithmetic::Between, Type::Number),
                (Type::Date, true, Type::Number) => (Arithmetic::Later, Type::Date),
                (Type::Date, false, Type::Number) => (Arithmetic::Earlier, Type::Date),
                (Type::Number, true, Type::Date) => (Arithmetic::LaterThan, Type::Date),
                (_, _, Type::Date) => {
                    self.wrong_type(
                        operand.at,
                        "a number",
                        right,
                        "; a day can only be taken from a day",
                    );
                    (Arithmetic::Add, Type::Unknown)
                }
                (_, true, _) => (Arithmetic::Add, Type::Number),
                (_, false, _) => (Arithmetic::Subtract, Type::Number),
            };
            kind = sum;
            steps.push((step, code));
        }
        Typed::new(Code::Arithmetic(Box::new(start.code), steps), kind)
    }

    /// Checks an operand of a sum: a number or a day.
    fn summand(&mut self, tree: &Tree) -> Typed {
        let typed = self.any(tree);
        match typed.kind {
            Type::Date => typed,
            Type::Choice(field) => {
                Typed::new(self.key_as_number(tree.at, field, typed.code), Type::Number)
            }
            Type::Number | Type::Empty | Type::Unknown => Typed::new(typed.code, Type::Number),
            other => {
                let hint = if other == Type::Text { "; write number(...) around it" } else { "" };
                self.wrong_type(tree.at, "a number or a day", other, hint);
                Typed::new(typed.code, Type::Number)
            }
        }
    }

    fn equality(&mut self, at: u32, operator: Operator, left: &Tree, right: &Tree) -> Typed {
        let is_empty = |tree: &Tree| tree.node == Node::Text(String::new());
        let asked = match (is_empty(left), is_empty(right)) {
            (false, true) => Some(left),
            (true, false) => Some(right),
            _ => None,
        };
        let code = if let Some(asked) = asked {
            let is_empty = Code::IsEmpty(Box::new(self.any(asked).code));
            if operator == Operator::Equal { is_empty } else { Code::Not(Box::new(is_empty)) }
        } else {
            let (a, b) = (self.any(left), self.any(right));
            self.known_option(a.kind, right);
            self.known_option(b.kind, left);
            let (a, b) = self.alike(at, a, b);
            Code::Compare(operator, Box::new(a), Box::new(b))
        };
        Typed::new(code, Type::Bool)
    }

    /// Makes two values comparable for equality.
    fn alike(&mut self, at: u32, a: Typed, b: Typed) -> (Code, Code) {
        match (a.kind, b.kind) {
            (Type::Choice(field), Type::Number) => {
                return (self.key_as_number(at, field, a.code), b.code);
            }
            (Type::Number, Type::Choice(field)) => {
                return (a.code, self.key_as_number(at, field, b.code));
            }
            (Type::Unknown, _)
            | (_, Type::Unknown)
            | (Type::Number, Type::Number)
            | (Type::Bool, Type::Bool)
            | (Type::Date, Type::Date)
            | (Type::Text | Type::Choice(_), Type::Text | Type::Choice(_))
            | (Type::Empty, Type::Empty) => {}
            (left, right) => self.incomparable(at, left, right),
        }
        (a.code, b.code)
    }

    fn incomparable(&mut self, at: u32, left: Type, right: Type) {
        let any = |wanted: fn(Type) -> bool| wanted(left) || wanted(right);
        let hint = if any(|kind| matches!(kind, Type::Choices(_))) {
            "; ask selected(${item}, 'key')"
        } else if any(|kind| kind == Type::Date) {
            "; a day is written date('YYYY-MM-DD')"
        } else if any(|kind| kind == Type::Number) {
            "; write number(...) around the text, or quotes around the number"
        } else {
            ""
        };
        let (left, right) = (left.name(), right.name());
        self.faults.push((at, FaultKind::Compare { left, right, hint }));
    }

    /// Reports a written key or number that a choice does not have.
    pub(super) fn known_option(&mut self, kind: Type, written: &Tree) {
        let (Type::Choice(field) | Type::Choices(field)) = kind else {
            return;
        };
        let options = self.names.options(field);
        let (known, option) = match &written.node {
            Node::Text(key) => (options.contains(key), shown(key)),
            Node::Number(number) => {
                let same = |key: &String| super::Number::parse(key).is_ok_and(|key| key == *number);
                (options.iter().any(same), number.to_string())
            }
            _ => return,
        };
        if !known && !options.is_empty() {
            let item = shown(self.names.field_name(field));
            let hint = match option.as_str() {
                NOT_APPLICABLE => "; ask applicable(${item}) whether an item applies",
                _ => "",
            };
            self.faults.push((written.at, FaultKind::NotAnOption { option, item, hint }));
        }
    }

    fn order(&mut self, at: u32, operator: Operator, left: &Tree, right: &Tree) -> Typed {
        let (a, b) = (self.any(left), self.any(right));
        let mut number = |typed: Typed| match typed.kind {
            Type::Choice(field) => {
                Typed::new(self.key_as_number(at, field, typed.code), Type::Number)
            }
            _ => typed,
        };
        let (a, b) = (number(a), number(b));
        match (a.kind, b.kind) {
            (Type::Unknown, _)
            | (_, Type::Unknown)
            | (Type::Number, Type::Number)
            | (Type::Date, Type::Date) => {}
            (left, right) => self.incomparable(at, left, right),
        }
        Typed::new(Code::Compare(operator, Box::new(a.code), Box::new(b.code)), Type::Bool)
    }
}
