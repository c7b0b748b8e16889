//! What can be wrong with a form's expressions, found when it is loaded and named by its place.

mod vi;

use std::fmt;

use super::functions::Refusal;
use super::number::NumberError;

/// Which expression of an item or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Part {
    /// Whether it applies.
    Relevance,
    /// The value itself.
    Calculation,
    /// What an answer must fulfil.
    Constraint,
    /// Whether an answer is required.
    Requirement,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relevance => "relevance",
            Self::Calculation => "calculation",
            Self::Constraint => "constraint",
            Self::Requirement => "requirement",
        })
    }
}

/// One fault with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprFault {
    /// The section or repeat group.
    pub group: Option<String>,
    /// The item; `None` for a fault of a group itself or of the whole form.
    pub field: Option<String>,
    /// Which expression; `None` where the fault is in none.
    pub part: Option<Part>,
    /// The character of the expression, from 1.
    pub position: Option<u32>,
    /// What is wrong.
    pub kind: FaultKind,
}

impl fmt::Display for ExprFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places = Vec::new();
        places.extend(self.group.as_ref().map(|group| format!("section {group}")));
        places.extend(self.field.as_ref().map(|field| format!("item {field}")));
        places.extend(self.part.map(|part| part.to_string()));
        places.extend(self.position.map(|position| format!("character {position}")));
        if !places.is_empty() {
            write!(f, "{}: ", places.join(", "))?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for ExprFault {}

/// What is wrong, and what to do about it. Names are shortened and cleaned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The expression is empty.
    #[error("the expression is empty; leave it out or write one")]
    Empty,
    /// The expression is too long.
    #[error(
        "the expression has {characters} characters, over the limit of {}; split it by calculated items",
        super::EXPRESSION_CHARS_MAX
    )]
    TooLong {
        /// How many.
        characters: usize,
    },
    /// The expression is nested too deeply.
    #[error(
        "the expression is nested more than {} deep; split it by calculated items",
        super::NESTING_MAX
    )]
    TooDeep,
    /// Something stands where it cannot.
    #[error("{found} cannot stand here")]
    Unexpected {
        /// What stands there.
        found: String,
    },
    /// The expression ends where an operand must follow.
    #[error("the expression ends where a value must follow")]
    EndsEarly,
    /// Something is missing.
    #[error("expected {what}")]
    Expected {
        /// What.
        what: &'static str,
    },
    /// A quote or brace is not closed.
    #[error("the {what} that begins here is not closed")]
    Unclosed {
        /// What begins there.
        what: &'static str,
    },
    /// A number cannot be held.
    #[error(transparent)]
    Number {
        /// Why.
        reason: NumberError,
    },
    /// A bare name.
    #[error("{found} is neither a function nor an operator here; an item is written ${{{found}}}")]
    Name {
        /// The name.
        found: String,
    },
    /// A path of XPath.
    #[error("paths, attributes and predicates of XPath are not offered; write ${{item}}")]
    Path,
    /// A reference to nothing.
    #[error("no item or repeat group is named {name}")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A repeat group stands for a value.
    #[error("{name} is a repeat group; only count(${{{name}}}) can read it")]
    GroupAsValue {
        /// The group.
        name: String,
    },
    /// An item of a repeat group is read from outside as if it were one value.
    #[error(
        "{name} has a value for each row of {group}; outside of its rows it can stand only alone \
         in count, count-non-empty, sum, min or max"
    )]
    ManyValues {
        /// The item.
        name: String,
        /// Its group.
        group: String,
    },
    /// A function over rows is given something else.
    #[error(
        "{function} counts over the rows of a repeat group; give it one item of such a group, and \
         from outside of its rows"
    )]
    NotRows {
        /// The function.
        function: &'static str,
    },
    /// There is no such function.
    #[error("there is no function {name}")]
    UnknownFunction {
        /// Its name.
        name: String,
    },
    /// The function is known and refused.
    #[error("the function {name} is not offered: {why}")]
    Refused {
        /// Its name.
        name: &'static str,
        /// Why.
        why: Refusal,
    },
    /// The number of arguments is wrong.
    #[error("{function} takes {takes} arguments, not {found}")]
    Arguments {
        /// The function.
        function: &'static str,
        /// How many it takes.
        takes: &'static str,
        /// How many it is given.
        found: usize,
    },
    /// A value of the wrong type.
    #[error("expected {expected}, found {found}{hint}")]
    Type {
        /// What is needed.
        expected: &'static str,
        /// What is there.
        found: &'static str,
        /// What to write instead, or nothing.
        hint: &'static str,
    },
    /// Two values that cannot be compared.
    #[error("{left} cannot be compared with {right}{hint}")]
    Compare {
        /// The left type.
        left: &'static str,
        /// The right type.
        right: &'static str,
        /// What to write instead, or nothing.
        hint: &'static str,
    },
    /// Two values of which one would be the result.
    #[error("{left} and {right} cannot both be the result; convert one of them")]
    Branches {
        /// The type of the first.
        left: &'static str,
        /// The type of the second.
        right: &'static str,
    },
    /// Several comparisons in a row.
    #[error("compare two values at a time and join the comparisons by and")]
    CompareTwice,
    /// A key that the item does not have.
    #[error("'{option}' is no option of {item}{hint}")]
    NotAnOption {
        /// The key.
        option: String,
        /// The item.
        item: String,
        /// What to do, where that is known.
        hint: &'static str,
    },
    /// Options whose keys are no numbers stand where a number must.
    #[error("the options of {item} have keys that are no numbers; compare it with a key in quotes")]
    KeysNoNumbers {
        /// The item.
        item: String,
    },
    /// A text that is no number stands where one must.
    #[error("'{text}' is no number")]
    NoNumber {
        /// The text.
        text: String,
    },
    /// A condition that never holds.
    #[error("an empty text is no condition; leave the expression out, or write true() or false()")]
    EmptyCondition,
    /// The form has too many patterns.
    #[error(
        "the checklist has more than {} different patterns; use one pattern for several items",
        super::PATTERNS_MAX
    )]
    TooManyPatterns,
    /// An argument that must be written out.
    #[error("{function} needs {what} written out as a text, so that it can be checked now")]
    Literal {
        /// The function.
        function: &'static str,
        /// What.
        what: &'static str,
    },
    /// A pattern that cannot be searched for.
    #[error(
        "the pattern is wrong, too large, or needs look-around or back references, which are not \
         offered: {reason}"
    )]
    Pattern {
        /// What the pattern engine said.
        reason: String,
    },
    /// A format of days.
    #[error("a day's format may hold %Y, %y, %m, %n, %d and %e, not {found}")]
    DayFormat {
        /// What it holds.
        found: String,
    },
    /// A written day that is none.
    #[error("a day is written date('YYYY-MM-DD') and lies between 1900-01-01 and 2999-12-31")]
    Day,
    /// `.` where there is no own value.
    #[error("a full stop means the item's own value; a group has none")]
    OwnValue,
    /// Expressions that need each other.
    #[error("the value needs itself: {}", path.join(" -> "))]
    Cycle {
        /// What needs what, from the first to itself.
        path: Vec<String>,
    },
    /// A calculation whose item can hold no calculated value.
    #[error("a calculated item is a number, text, yes or no, or day")]
    CalculationKind,
    /// A name occurs twice.
    #[error("the name {name} is used before")]
    Twice {
        /// The name.
        name: String,
    },
    /// A name that cannot be referred to.
    #[error(
        "a name has 1 to {} characters, and neither braces nor control characters",
        super::NAME_CHARS_MAX
    )]
    BadName,
    /// An item names a group that is not there.
    #[error("the item's group is not in the list of groups")]
    NoGroup,
    /// Too much of something.
    #[error("the form has {count} {what}, over the limit of {limit}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// Faults beyond those that are listed.
    #[error("there are more faults than the {} listed", super::FAULTS_MAX)]
    More,
}
