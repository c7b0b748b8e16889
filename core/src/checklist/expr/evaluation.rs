//! Holds a form's answers and re-evaluates what depends on a changed one, each node once.
//!
//! The state after [`Evaluation::settle`] is a function of the program, the day of record, the rows
//! and the answers: neither their order nor their history shows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::code::{Aggregation, NodeId, Target};
use super::eval::Reader;
use super::graph::Work;
use super::number::Number;
use super::program::{Field, Group, Program};
use super::spec::FieldKind;
use super::tally::Tally;
use super::value::{Datum, Marks, Outcome, TEXT_BYTES_MAX, Truth, Value};
use crate::checklist::day::Day;

/// Most rows of all repeat groups together: twenty times the largest list that is planned for.
pub const ROWS_MAX: usize = 10_000;
/// Most nodes of all rows together: 2,000 items with relevance in each of 500 rows. A node takes some
/// 50 bytes.
pub const CELLS_MAX: usize = 2_000_000;
/// Longest name of a row, in bytes.
pub const ROW_BYTES_MAX: usize = 64;

/// Names a row of a repeat group. The caller makes them; their order means nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId(Arc<str>);

impl RowId {
    /// Returns the name of a row.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Returns the name as the caller made it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known of an item from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    datum: Datum,
    marks: Marks,
}

impl Given {
    /// Nobody answered.
    #[must_use]
    pub fn unanswered() -> Self {
        Self { datum: Datum::Unanswered, marks: Marks::NONE }
    }

    /// Somebody said that the item does not apply.
    #[must_use]
    pub fn not_applicable() -> Self {
        Self { datum: Datum::NotApplicable, marks: Marks::NONE }
    }

    /// An answer; an empty text is none, as in XLSForm.
    #[must_use]
    pub fn value(value: Value) -> Self {
        match value {
            Value::Text(text) if text.is_empty() => Self::unanswered(),
            value => Self { datum: Datum::Value(value), marks: Marks::NONE },
        }
    }

    /// Says that several answers stand, of which this is the worse, or unanswered without an order.
    #[must_use]
    pub fn conflicted(mut self) -> Self {
        self.marks = Marks::CONFLICTED;
        self
    }
}

/// Why an answer or row is not taken in. What was there before stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The item or group is not of this program.
    #[error("the item or group is not of this program")]
    Unknown,
    /// The item is calculated.
    #[error("item {field} is calculated; change what it reads")]
    Calculated {
        /// The item.
        field: String,
    },
    /// The value is of another type than the item.
    #[error("item {field} holds another type of value")]
    Type {
        /// The item.
        field: String,
    },
    /// The text is too long.
    #[error("the text for item {field} has more than {TEXT_BYTES_MAX} bytes")]
    TooLong {
        /// The item.
        field: String,
    },
    /// The item is in rows and no row is named, or the other way round.
    #[error("item {field} is in rows and none is named, or it is in none")]
    Row {
        /// The item.
        field: String,
    },
    /// There is no such row.
    #[error("{group} has no such row; add it first")]
    NoRow {
        /// The group.
        group: String,
    },
    /// The row is there already.
    #[error("{group} has this row already")]
    RowTwice {
        /// The group.
        group: String,
    },
    /// The group does not repeat.
    #[error("{group} is no repeat group")]
    NoRows {
        /// The group.
        group: String,
    },
    /// The row's name is too long.
    #[error("a row's name has 1 to {ROW_BYTES_MAX} bytes")]
    RowName,
    /// There are too many rows.
    #[error("no more than {ROWS_MAX} rows, or {CELLS_MAX} items in rows, can be evaluated")]
    TooManyRows,
}

/// What can change about an item or group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Aspect {
    /// Whether it applies.
    Relevance,
    /// Its effective value.
    Value,
    /// Whether its answer fulfils the constraint.
    Constraint,
    /// Whether an answer is required.
    Requirement,
}

/// Where something changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A section or repeat group.
    Group(Group),
    /// An item, in a row if it is in rows.
    Field(Field, Option<RowId>),
}

/// Something that is different from before, or is there for the first time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Where.
    pub place: Place,
    /// What.
    pub aspect: Aspect,
}

/// How much was evaluated, for proof and measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// Nodes: values, relevances, constraints, requirements and aggregates.
    pub nodes: u64,
    /// Steps of expressions within them.
    pub steps: u64,
}

/// The answers to a form and what follows from them.
#[derive(Debug, Clone)]
pub struct Evaluation {
    program: Arc<Program>,
    as_of: Day,
    scalars: Cells,
    groups: Vec<BTreeMap<RowId, Cells>>,
    tallies: Vec<Tally>,
    rows: usize,
    cells: usize,
    /// By rank: what must be evaluated again.
    dirty: BTreeSet<(usize, NodeId, Option<RowId>)>,
    changes: Vec<Change>,
    effort: Effort,
}

/// The answers and outcomes of one row, or of all that is in none, by slot.
#[derive(Debug, Clone)]
struct Cells {
    given: Vec<Option<Given>>,
    outcomes: Vec<Option<Outcome>>,
}

impl Cells {
    fn new(values: usize, nodes: usize) -> Self {
        Self { given: vec![None; values], outcomes: vec![None; nodes] }
    }
}

impl Evaluation {
    /// Begins without answers and rows.
    #[must_use]
    pub fn new(program: Arc<Program>, as_of: Day) -> Self {
        let dirty = program.nodes.iter().enumerate().filter(|(_, node)| node.rows.is_none());
        let dirty = dirty.map(|(id, node)| (node.rank, id, None)).collect();
        Self {
            as_of,
            scalars: Cells::new(program.fields.len(), program.scalars),
            groups: vec![BTreeMap::new(); program.groups.len()],
            tallies: vec![Tally::default(); program.fields.len()],
            rows: 0,
            cells: 0,
            dirty,
            changes: Vec::new(),
            effort: Effort::default(),
            program,
        }
    }

    /// Returns the program.
    #[must_use]
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// Sets what is known of an item; the row is named if the item is in rows. An answer to an item
    /// that is not relevant is kept and counts again when it becomes so.
    ///
    /// # Errors
    ///
    /// Returns [`EvaluationError`] and changes nothing.
    pub fn set(
        &mut self,
        field: Field,
        row: Option<&RowId>,
        given: Given,
    ) -> Result<(), EvaluationError> {
        let program = Arc::clone(&self.program);
        let known = program.fields.get(field.0).ok_or(EvaluationError::Unknown)?;
        let name = || known.name.clone();
        if known.calculated {
            return Err(EvaluationError::Calculated { field: name() });
        }
        if let Datum::Value(value) = &given.datum {
            if !fits(&known.kind, value) {
                return Err(EvaluationError::Type { field: name() });
            }
            if matches!(value, Value::Text(text) if text.len() > TEXT_BYTES_MAX) {
                return Err(EvaluationError::TooLong { field: name() });
            }
        }
        let cells = match (known.rows, row) {
            (None, None) => &mut self.scalars,
            (Some(group), Some(row)) => {
                let rows = self.groups.get_mut(group).ok_or(EvaluationError::Unknown)?;
                rows.get_mut(row).ok_or_else(|| EvaluationError::NoRow {
                    group: program.group_name(Group(group)).to_owned(),
                })?
            }
            _ => return Err(EvaluationError::Row { field: name() }),
        };
        let node = program.nodes.get(field.0).ok_or(EvaluationError::Unknown)?;
        let slot = cells.given.get_mut(node.slot).ok_or(EvaluationError::Unknown)?;
        if slot.as_ref() != Some(&given) {
            *slot = Some(given);
            self.dirty.insert((node.rank, field.0, row.cloned()));
        }
        Ok(())
    }

    /// Adds a row without answers to a repeat group.
    ///
    /// # Errors
    ///
    /// Returns [`EvaluationError`] and changes nothing.
    pub fn add_row(&mut self, group: Group, row: &RowId) -> Result<(), EvaluationError> {
        let program = Arc::clone(&self.program);
        let known = program.groups.get(group.0).ok_or(EvaluationError::Unknown)?;
        let rows = self.groups.get_mut(group.0).ok_or(EvaluationError::Unknown)?;
        if !known.repeats {
            return Err(EvaluationError::NoRows { group: known.name.clone() });
        }
        if row.0.is_empty() || row.0.len() > ROW_BYTES_MAX {
            return Err(EvaluationError::RowName);
        }
        if rows.contains_key(row) {
            return Err(EvaluationError::RowTwice { group: known.name.clone() });
        }
        let nodes = known.row_nodes.len();
        if self.rows >= ROWS_MAX || self.cells + nodes > CELLS_MAX {
            return Err(EvaluationError::TooManyRows);
        }
        rows.insert(row.clone(), Cells::new(known.row_values, nodes));
        self.rows += 1;
        self.cells += nodes;
        for id in &known.row_nodes {
            self.schedule(*id, Some(row));
        }
        for id in &known.counts {
            self.schedule(*id, None);
        }
        Ok(())
    }

    /// Removes a row with its answers.
    ///
    /// # Errors
    ///
    /// Returns [`EvaluationError`] and changes nothing.
    pub fn remove_row(&mut self, group: Group, row: &RowId) -> Result<(), EvaluationError> {
        let program = Arc::clone(&self.program);
        let known = program.groups.get(group.0).ok_or(EvaluationError::Unknown)?;
        let rows = self.groups.get_mut(group.0).ok_or(EvaluationError::Unknown)?;
        let Some(cells) = rows.remove(row) else {
            return Err(EvaluationError::NoRow { group: known.name.clone() });
        };
        self.rows -= 1;
        self.cells -= known.row_nodes.len();
        for id in &known.row_nodes {
            let Some(node) = program.nodes.get(*id) else {
                continue;
            };
            if let Work::Value(field) = node.work
                && let Some(Some(outcome)) = cells.outcomes.get(node.slot)
            {
                self.retally(&program, field, Some(outcome), None);
                for dependent in &node.dependents {
                    if program.nodes.get(*dependent).is_some_and(|node| node.rows.is_none()) {
                        self.schedule(*dependent, None);
                    }
                }
            }
        }
        for id in &known.counts {
            self.schedule(*id, None);
        }
        Ok(())
    }

    /// Sets the day of record, which `today()` is.
    pub fn set_as_of(&mut self, as_of: Day) {
        if self.as_of != as_of {
            self.as_of = as_of;
            self.schedule(self.program.as_of, None);
        }
    }

    /// Evaluates what must be, each node at most once, and lets everything be read.
    pub fn settle(&mut self) -> Settled<'_> {
        let program = Arc::clone(&self.program);
        self.changes.clear();
        self.effort = Effort::default();
        while let Some((_, id, row)) = self.dirty.pop_first() {
            self.refresh(&program, id, row);
        }
        self.changes.sort_unstable();
        Settled { evaluation: self }
    }

    /// Lets be read what the last [`Evaluation::settle`] came to. What was set since is not in it.
    #[must_use]
    pub fn last(&self) -> Settled<'_> {
        Settled { evaluation: self }
    }

    /// Returns whether there is a place for an answer: the item, in this row if it is in rows.
    #[must_use]
    pub fn has(&self, field: Field, row: Option<&RowId>) -> bool {
        let rows = self.program.fields.get(field.0).map(|field| field.rows);
        match (rows, row) {
            (Some(None), None) => true,
            (Some(Some(group)), Some(row)) => {
                self.groups.get(group).is_some_and(|rows| rows.contains_key(row))
            }
            _ => false,
        }
    }

    /// Puts a node on the list, in one row if it is evaluated in rows.
    fn schedule(&mut self, id: NodeId, row: Option<&RowId>) {
        if let Some(node) = self.program.nodes.get(id) {
            self.dirty.insert((node.rank, id, row.cloned()));
        }
    }

    fn refresh(&mut self, program: &Program, id: NodeId, row: Option<RowId>) {
        let Some(node) = program.nodes.get(id) else {
            return;
        };
        // A row may have been removed since it was put on the list.
        let Some(cells) = self.cells(node.rows, row.as_ref()) else {
            return;
        };
        let mut steps = 0;
        let outcome = self.outcome_of(program, id, cells, &mut steps);
        self.effort.nodes += 1;
        self.effort.steps += steps;
        let cells = match (node.rows, &row) {
            (Some(group), Some(row)) => self.groups.get_mut(group).and_then(|g| g.get_mut(row)),
            _ => Some(&mut self.scalars),
        };
        let Some(slot) = cells.and_then(|cells| cells.outcomes.get_mut(node.slot)) else {
            return;
        };
        if slot.as_ref() == Some(&outcome) {
            return;
        }
        let before = slot.replace(outcome.clone());
        if let Work::Value(field) = node.work
            && node.rows.is_some()
        {
            self.retally(program, field, before.as_ref(), Some(&outcome));
        }
        let of_field = |field, aspect| (Place::Field(Field(field), row.clone()), aspect);
        let changed = match node.work {
            Work::Value(field) => Some(of_field(field, Aspect::Value)),
            Work::Relevance(field) => Some(of_field(field, Aspect::Relevance)),
            Work::Constraint(field) => Some(of_field(field, Aspect::Constraint)),
            Work::Requirement(field) => Some(of_field(field, Aspect::Requirement)),
            Work::Group(group) => Some((Place::Group(Group(group)), Aspect::Relevance)),
            Work::AsOf | Work::Aggregate(..) => None,
        };
        self.changes.extend(changed.map(|(place, aspect)| Change { place, aspect }));
        for dependent in &node.dependents {
            self.pass_on(program, *dependent, row.as_ref());
        }
    }

    /// Puts a dependent on the list: in the same row, in all rows of its group, or in none.
    fn pass_on(&mut self, program: &Program, dependent: NodeId, row: Option<&RowId>) {
        let Some(node) = program.nodes.get(dependent) else {
            return;
        };
        match (node.rows, row) {
            (None, _) => {
                self.dirty.insert((node.rank, dependent, None));
            }
            (Some(_), Some(row)) => {
                self.dirty.insert((node.rank, dependent, Some(row.clone())));
            }
            (Some(group), None) => {
                let rows = self.groups.get(group).into_iter().flat_map(BTreeMap::keys);
                self.dirty.extend(rows.map(|row| (node.rank, dependent, Some(row.clone()))));
            }
        }
    }

    fn retally(
        &mut self,
        program: &Program,
        field: usize,
        before: Option<&Outcome>,
        after: Option<&Outcome>,
    ) {
        if !program.fields.get(field).is_some_and(|field| field.tallied) {
            return;
        }
        if let Some(tally) = self.tallies.get_mut(field) {
            if let Some(before) = before {
                tally.remove(before);
            }
            if let Some(after) = after {
                tally.add(after);
            }
        }
    }

    fn cells(&self, rows: Option<usize>, row: Option<&RowId>) -> Option<&Cells> {
        match (rows, row) {
            (None, _) => Some(&self.scalars),
            (Some(group), Some(row)) => self.groups.get(group)?.get(row),
            (Some(_), None) => None,
        }
    }

    /// Returns what a node yields, given the cells of its row.
    fn outcome_of(&self, program: &Program, id: NodeId, cells: &Cells, steps: &mut u64) -> Outcome {
        let nothing = || Outcome::new(Datum::NotApplicable, Marks::NONE);
        let read = |id: NodeId| {
            let node = program.nodes.get(id);
            let from = |node: &super::graph::GraphNode| {
                let cells = if node.rows.is_some() { cells } else { &self.scalars };
                cells.outcomes.get(node.slot)?.clone()
            };
            // What a node needs is evaluated before it; nothing is read that is not there.
            node.and_then(from).unwrap_or_else(nothing)
        };
        let Some(node) = program.nodes.get(id) else {
            return nothing();
        };
        let mut reader = Reader { outcome: &read, steps: 0 };
        let gate = node.gate.map(&read);
        let outcome = match node.work {
            Work::AsOf => Outcome::of(Value::Date(self.as_of), Marks::NONE),
            Work::Value(_) => match gate {
                Some(gate) if !gate.holds() => Outcome::new(Datum::NotApplicable, gate.marks),
                gate => {
                    let own = match &node.code {
                        Some(code) => reader.eval(code),
                        None => match cells.given.get(node.slot).and_then(Option::as_ref) {
                            Some(given) => Outcome::new(given.datum.clone(), given.marks),
                            None => Outcome::new(Datum::Unanswered, Marks::NONE),
                        },
                    };
                    let marks = gate.map_or(Marks::NONE, |gate| gate.marks);
                    Outcome { marks: own.marks.and(marks), ..own }
                }
            },
            Work::Group(_) | Work::Relevance(_) | Work::Requirement(_) => {
                both(gate, || node.code.as_ref().map(|code| reader.eval(code)))
            }
            Work::Constraint(_) => match (gate, &node.code) {
                (Some(value), Some(code)) if value.datum.has_value() => {
                    let own = reader.eval(code);
                    Outcome::truth(own.holds(), own.marks)
                }
                (value, _) => {
                    let marks = value.map_or(Marks::NONE, |value| value.marks);
                    Outcome { datum: Datum::NotApplicable, marks }
                }
            },
            Work::Aggregate(aggregation, target) => self.aggregate(aggregation, target, gate),
        };
        *steps = reader.steps;
        outcome
    }

    fn aggregate(
        &self,
        aggregation: Aggregation,
        target: Target,
        gate: Option<Outcome>,
    ) -> Outcome {
        match target {
            Target::Field(field) => match self.tallies.get(field) {
                Some(tally) => tally.outcome(aggregation),
                None => Outcome::new(Datum::NotApplicable, Marks::NONE),
            },
            Target::Rows(group) => {
                let marks = gate.as_ref().map_or(Marks::NONE, |gate| gate.marks);
                let applies = gate.is_none_or(|gate| gate.holds());
                let rows = self.groups.get(group).map_or(0, BTreeMap::len);
                let count = if applies { u32::try_from(rows).unwrap_or(u32::MAX) } else { 0 };
                Outcome::number(Some(Number::whole(count)), marks)
            }
        }
    }
}

/// Joins a gate with a condition of its own, as `and` does.
fn both(gate: Option<Outcome>, own: impl FnOnce() -> Option<Outcome>) -> Outcome {
    let gate = gate.map_or(Truth::YES, |gate| Truth::from(&gate));
    if gate == Truth::NO {
        return Outcome::truth(false, Marks::NONE);
    }
    let own = own().map_or(Truth::YES, |own| Truth::from(&own));
    if own == Truth::NO {
        return Outcome::truth(false, Marks::NONE);
    }
    Outcome::truth(gate.holds && own.holds, gate.marks.and(own.marks))
}

fn fits(kind: &FieldKind, value: &Value) -> bool {
    match kind {
        FieldKind::Number => matches!(value, Value::Number(_)),
        FieldKind::Bool => matches!(value, Value::Bool(_)),
        FieldKind::Date => matches!(value, Value::Date(_)),
        FieldKind::Text | FieldKind::Choice(_) | FieldKind::Choices(_) | FieldKind::Opaque => {
            matches!(value, Value::Text(_))
        }
    }
}

/// A settled evaluation: all that follows from the answers, and what is new since the last time.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    evaluation: &'a Evaluation,
}

impl<'a> Settled<'a> {
    /// Returns what is different from the last time, by item and row. Of a removed row nothing is
    /// said, of a new one everything.
    #[must_use]
    pub fn changes(&self) -> &'a [Change] {
        &self.evaluation.changes
    }

    /// Returns how much was evaluated this time.
    #[must_use]
    pub fn effort(&self) -> Effort {
        self.evaluation.effort
    }

    /// Returns the effective value of an item; `None` where there is no such row.
    #[must_use]
    pub fn value(&self, field: Field, row: Option<&RowId>) -> Option<&'a Outcome> {
        self.outcome(field.0, row)
    }

    /// Returns whether an item applies; `None` where there is no such row.
    #[must_use]
    pub fn relevance(&self, field: Field, row: Option<&RowId>) -> Option<Truth> {
        self.truth(field, row, |nodes| nodes.relevance, Truth::YES)
    }

    /// Returns whether an answer is required; `None` where there is no such row.
    #[must_use]
    pub fn requirement(&self, field: Field, row: Option<&RowId>) -> Option<Truth> {
        self.truth(field, row, |nodes| nodes.requirement, Truth::NO)
    }

    /// Returns whether an item's answer fulfils its constraint; `None` where there is no such row, no
    /// constraint, or no answer that it could be asked of.
    #[must_use]
    pub fn constraint(&self, field: Field, row: Option<&RowId>) -> Option<Truth> {
        let node = self.evaluation.program.fields.get(field.0)?.constraint?;
        let outcome = self.outcome(node, row)?;
        (outcome.datum != Datum::NotApplicable).then(|| Truth::from(outcome))
    }

    /// Returns whether a section or repeat group applies.
    #[must_use]
    pub fn group_relevance(&self, group: Group) -> Truth {
        let node = self.evaluation.program.groups.get(group.0).and_then(|group| group.relevance);
        node.and_then(|node| self.outcome(node, None)).map_or(Truth::YES, Truth::from)
    }

    /// Returns the rows of a repeat group by name.
    pub fn rows(&self, group: Group) -> impl Iterator<Item = &'a RowId> + use<'a> {
        self.evaluation.groups.get(group.0).into_iter().flat_map(BTreeMap::keys)
    }

    fn truth(
        &self,
        field: Field,
        row: Option<&RowId>,
        node: impl Fn(&super::program::FieldNodes) -> Option<NodeId>,
        otherwise: Truth,
    ) -> Option<Truth> {
        let nodes = self.evaluation.program.fields.get(field.0)?;
        match node(nodes) {
            Some(node) => self.outcome(node, row).map(Truth::from),
            // The row must be there all the same.
            None => self.outcome(field.0, row).map(|_| otherwise),
        }
    }

    fn outcome(&self, node: NodeId, row: Option<&RowId>) -> Option<&'a Outcome> {
        let node = self.evaluation.program.nodes.get(node)?;
        if node.rows.is_none() && row.is_some() {
            return None;
        }
        self.evaluation.cells(node.rows, row)?.outcomes.get(node.slot)?.as_ref()
    }
}
