//! The tree that an expression is parsed to, and its printed form, which parses to the same tree.

use std::fmt;

use super::number::Number;

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `or`
    Or,
    /// `and`
    And,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `div`
    Divide,
    /// `mod`
    Modulo,
}

/// Levels of binding, from the loosest: `or`, `and`, equality, order, sums, products.
pub(super) const LEVELS: u8 = 6;

impl Operator {
    /// Returns how tightly it binds, from 0.
    pub(super) fn level(self) -> u8 {
        match self {
            Self::Or => 0,
            Self::And => 1,
            Self::Equal | Self::NotEqual => 2,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Modulo => 5,
        }
    }

    /// Returns how it is written.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "div",
            Self::Modulo => "mod",
        }
    }
}

/// A parsed expression with the place where it began. Two trees are equal if they say the same,
/// wherever it stood.
#[derive(Debug, Clone)]
pub struct Tree {
    /// What it is.
    pub node: Node,
    /// The character where it begins, from 1.
    pub at: u32,
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// One node of a tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A number, never negative: the minus is a node of its own.
    Number(Number),
    /// A text. XPath knows no escapes, so it holds not both kinds of quotes.
    Text(String),
    /// `${name}`
    Reference(String),
    /// `.`
    Own,
    /// `-` before an operand.
    Negate(Box<Tree>),
    /// Operands with operators of one level between them, from the left. Not nested, so that a sum
    /// over all items of a form is no deeper than one over two.
    Chain(Box<Tree>, Vec<(Operator, Tree)>),
    /// A function by its name, known or not.
    Call(String, Vec<Tree>),
}

impl Tree {
    /// Returns whether it must stand in parentheses as an operand at a level.
    fn is_looser(&self, level: u8) -> bool {
        match &self.node {
            Node::Chain(_, rest) => {
                rest.first().is_some_and(|(operator, _)| operator.level() <= level)
            }
            _ => false,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, level: u8) -> fmt::Result {
        if self.is_looser(level) { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Number(number) => write!(f, "{number}"),
            Node::Text(text) if text.contains('\'') => write!(f, "\"{text}\""),
            Node::Text(text) => write!(f, "'{text}'"),
            Node::Reference(name) => write!(f, "${{{name}}}"),
            Node::Own => f.write_str("."),
            Node::Negate(operand) => {
                f.write_str("-")?;
                operand.write(f, LEVELS)
            }
            Node::Chain(first, rest) => {
                let level = rest.first().map_or(0, |(operator, _)| operator.level());
                first.write(f, level)?;
                for (operator, operand) in rest {
                    write!(f, " {} ", operator.sign())?;
                    operand.write(f, level)?;
                }
                Ok(())
            }
            Node::Call(name, arguments) => {
                write!(f, "{name}(")?;
                for (at, argument) in arguments.iter().enumerate() {
                    if at > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{argument}")?;
                }
                f.write_str(")")
            }
        }
    }
}
