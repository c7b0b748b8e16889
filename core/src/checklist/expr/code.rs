//! Checked expressions, as they are evaluated: names are places, types fit, patterns are compiled.

use regex_lite::Regex;

use super::tree::Operator;
use super::value::Value;

/// The place of a node in the program's graph.
pub(super) type NodeId = usize;

/// A checked expression.
#[derive(Debug, Clone)]
pub(super) enum Code {
    Value(Value),
    /// `''` where a number, a day or a truth value is meant.
    Nothing,
    /// What another node of the graph yields, for this row if it has rows.
    Read(NodeId),
    Negate(Box<Self>),
    Arithmetic(Box<Self>, Vec<(Arithmetic, Self)>),
    Compare(Operator, Box<Self>, Box<Self>),
    IsEmpty(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    If(Box<[Self; 3]>),
    Coalesce(Box<[Self; 2]>),
    IsAnswered(Box<Self>),
    IsApplicable(Box<Self>),
    Selected(Box<[Self; 2]>),
    CountSelected(Box<Self>),
    Extreme(Extreme, Vec<Self>),
    Concat(Vec<Self>),
    Test(TextTest, Box<[Self; 2]>),
    Matches(Box<Self>, Regex),
    Length(Box<Self>),
    NormalizeSpace(Box<Self>),
    Substr(Box<Self>, Vec<Self>),
    Round(Box<Self>, Option<Box<Self>>),
    Int(Box<Self>),
    ToNumber(Box<Self>),
    ToText(Box<Self>),
    ToBool(Box<Self>),
    ToDate(Box<Self>),
    FormatDate(Box<Self>, Vec<DatePiece>),
}

/// What an operator does to what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// A day and a number of days.
    Later,
    Earlier,
    /// A number of days and a day.
    LaterThan,
    /// Two days.
    Between,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extreme {
    Least,
    Greatest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// A piece of a day's format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DatePiece {
    Text(String),
    /// From and to in `YYYY-MM-DD`, and whether a leading nought goes.
    Part(usize, usize, bool),
}

/// What is kept up to date over the rows of a repeat group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aggregation {
    Count,
    CountNonEmpty,
    Sum,
    Extreme(Extreme),
}

/// What it is kept over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// The values of an item.
    Field(usize),
    /// The rows of a group.
    Rows(usize),
}
