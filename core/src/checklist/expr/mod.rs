//! Expressions of checklists: relevance, constraint, requirement and calculation, in the XPath
//! dialect of XLSForm. `docs/expressions.md` is the reference for those who write them.
//!
//! ```
//! use std::sync::Arc;
//! use bienban_core::checklist::expr::{
//!     Evaluation, FieldKind, FieldSpec, FormSpec, Given, Program,
//! };
//!
//! let grades = ["pass", "minor", "major"].map(str::to_owned).to_vec();
//! let mut spec = FormSpec::default();
//! spec.fields.push(FieldSpec::new("5.5", FieldKind::Choice(grades)));
//! spec.fields.push(FieldSpec {
//!     relevant: Some("${5.5} = 'major'".to_owned()),
//!     ..FieldSpec::new("5.5-why", FieldKind::Text)
//! });
//! let program = Arc::new(Program::compile(&spec).map_err(|faults| faults[0].clone())?);
//! let (grade, why) = (program.field("5.5").unwrap(), program.field("5.5-why").unwrap());
//!
//! let mut evaluation = Evaluation::new(Arc::clone(&program), "2026-11-23".parse()?);
//! let relevance = evaluation.settle().relevance(why, None).unwrap();
//! assert!(!relevance.holds && !relevance.marks.is_none(), "an unanswered item decided it");
//!
//! evaluation.set(grade, None, Given::value(program.read(grade, "major")?))?;
//! let relevance = evaluation.settle().relevance(why, None).unwrap();
//! assert!(relevance.holds && relevance.marks.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A form is compiled once: [`Program::compile`] parses, looks names up, checks types, puts the
//! expressions in order and reports every fault at once. An [`Evaluation`] holds answers and
//! re-evaluates what depends on a changed one. Results carry [`Marks`], which say whether an
//! unanswered or conflicting item could still change them.
//!
//! Total: no text makes the compiler panic or loop, no answer the evaluation; every size has a named
//! limit. Exact: numbers are decimal, and nothing depends on the order of answers or rows. No IO, no
//! clock: the day of record is told.

mod calls;
mod check;
mod code;
mod eval;
mod evaluation;
mod fault;
mod functions;
mod graph;
mod lexer;
mod number;
mod parser;
mod program;
mod spec;
mod tally;
mod tree;
mod value;

#[cfg(test)]
mod trials;

pub use calls::{PATTERN_BYTES_MAX, PATTERNS_MAX};
pub(crate) use check::NO_OPTION;
pub use evaluation::{
    Aspect, CELLS_MAX, Change, Effort, Evaluation, EvaluationError, Given, Place, ROW_BYTES_MAX,
    ROWS_MAX, RowId, Settled,
};
pub use fault::{ExprFault, FaultKind, Part};
pub use functions::Refusal;
pub use lexer::EXPRESSION_CHARS_MAX;
pub use number::{DECIMALS, NUMBER_MAX, Number, NumberError};
pub use parser::{NESTING_MAX, parse};
pub use program::{
    FAULTS_MAX, FIELDS_MAX, FORM_BYTES_MAX, Field, GROUPS_MAX, Group, NAME_CHARS_MAX, Program,
};
pub use spec::{FieldKind, FieldSpec, FormSpec, GroupSpec, ReadError};
pub use tree::{Node, Operator, Tree};
pub use value::{Datum, Invalid, Marks, Outcome, TEXT_BYTES_MAX, Truth, Value};
