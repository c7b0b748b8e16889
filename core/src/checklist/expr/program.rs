//! A form's expressions, checked once and put in the order in which they are evaluated.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Checker, Names, Type, Typed};
use super::code::{Code, NodeId, Target};
use super::fault::{ExprFault, FaultKind, Part};
use super::graph::{GraphNode, Work, arrange};
use super::parser::{parse, shown};
use super::spec::{FieldKind, FieldSpec, FormSpec, ReadError};
use super::value::Value;

/// Most items of a form: more than twice the largest that is planned for.
pub const FIELDS_MAX: usize = 5_000;
/// Most sections and repeat groups of a form.
pub const GROUPS_MAX: usize = 500;
/// Longest name of an item or group, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// Most bytes of all expressions of a form: four times the largest template file.
pub const FORM_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most faults that are listed: more than anybody mends in one go.
pub const FAULTS_MAX: usize = 1_000;

/// An item of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field(pub(super) usize);

/// A section or repeat group of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(pub(super) usize);

#[derive(Debug)]
pub(super) struct FieldNodes {
    pub(super) name: String,
    pub(super) kind: FieldKind,
    /// The repeat group in whose rows it is.
    pub(super) rows: Option<usize>,
    pub(super) calculated: bool,
    /// Whether something reads it over all rows.
    pub(super) tallied: bool,
    pub(super) relevance: Option<NodeId>,
    pub(super) constraint: Option<NodeId>,
    pub(super) requirement: Option<NodeId>,
}

#[derive(Debug)]
pub(super) struct GroupNodes {
    pub(super) name: String,
    pub(super) repeats: bool,
    pub(super) relevance: Option<NodeId>,
    /// Every node that is evaluated in its rows, by slot. Values come first.
    pub(super) row_nodes: Vec<NodeId>,
    pub(super) row_values: usize,
    /// What counts its rows.
    pub(super) counts: Vec<NodeId>,
}

/// The expressions of a form, ready to be evaluated. The nodes of items' values come first and have
/// the items' numbers.
#[derive(Debug)]
pub struct Program {
    pub(super) fields: Vec<FieldNodes>,
    pub(super) groups: Vec<GroupNodes>,
    pub(super) nodes: Vec<GraphNode>,
    pub(super) scalars: usize,
    pub(super) as_of: NodeId,
    names: BTreeMap<String, usize>,
    group_names: BTreeMap<String, usize>,
}

impl Program {
    /// Parses and checks every expression of a form.
    ///
    /// # Errors
    ///
    /// Returns every fault with its item, expression and character, in the order of the form;
    /// [`FaultKind::More`] stands at the end if there are more than [`FAULTS_MAX`].
    pub fn compile(spec: &FormSpec) -> Result<Self, Vec<ExprFault>> {
        let mut faults = Faults::default();
        if !within_limits(spec, &mut faults) {
            return Err(faults.list);
        }
        let program = Compiler::new(spec, &mut faults).program(&mut faults);
        if faults.list.is_empty() { Ok(program) } else { Err(faults.list) }
    }

    /// Returns an item by its key.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Field> {
        self.names.get(name).copied().map(Field)
    }

    /// Returns a section or repeat group by its code.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<Group> {
        self.group_names.get(name).copied().map(Group)
    }

    /// Returns every item in the order of the form.
    pub fn fields(&self) -> impl Iterator<Item = Field> + use<> {
        (0..self.fields.len()).map(Field)
    }

    /// Returns the key of an item.
    #[must_use]
    pub fn name(&self, field: Field) -> &str {
        self.fields.get(field.0).map_or("", |field| &field.name)
    }

    /// Returns the code of a section or repeat group.
    #[must_use]
    pub fn group_name(&self, group: Group) -> &str {
        self.groups.get(group.0).map_or("", |group| &group.name)
    }

    /// Returns the repeat group in whose rows an item is.
    #[must_use]
    pub fn rows_of(&self, field: Field) -> Option<Group> {
        self.fields.get(field.0)?.rows.map(Group)
    }

    /// Returns whether an item is calculated, so that nobody answers it.
    #[must_use]
    pub fn is_calculated(&self, field: Field) -> bool {
        self.fields.get(field.0).is_some_and(|field| field.calculated)
    }

    /// Reads the canonical text of an answer to an item.
    ///
    /// # Errors
    ///
    /// Returns [`ReadError`] saying what such a value looks like.
    pub fn read(&self, field: Field, text: &str) -> Result<Value, ReadError> {
        self.fields.get(field.0).map_or(Err(ReadError::Option), |field| field.kind.read(text))
    }

    /// Returns every item that the value of an item rests on, whether it applies included, at any
    /// distance; rows are not told apart.
    #[must_use]
    pub fn rests_on(&self, field: Field) -> BTreeSet<Field> {
        let mut seen: BTreeSet<NodeId> = BTreeSet::from([field.0]);
        let mut open: Vec<NodeId> = vec![field.0];
        let mut fields = BTreeSet::new();
        while let Some(node) = open.pop().and_then(|id| self.nodes.get(id)) {
            // What is read of rows is a node of its own, which needs nothing but its gate.
            let of_rows = match node.work {
                Work::Aggregate(_, Target::Field(field)) => Some(field),
                _ => None,
            };
            for needed in node.needs.iter().copied().chain(of_rows) {
                if seen.insert(needed) {
                    open.push(needed);
                }
            }
            if let Work::Value(found) = node.work
                && found != field.0
            {
                fields.insert(Field(found));
            }
        }
        fields
    }

    /// Returns the items that an expression of an item reads itself, in the order of the form; rows
    /// are not told apart. For an explanation of why a result is what it is.
    #[must_use]
    pub fn reads(&self, field: Field, part: Part) -> Vec<Field> {
        let Some(nodes) = self.fields.get(field.0) else {
            return Vec::new();
        };
        let node = match part {
            Part::Calculation => Some(field.0),
            Part::Relevance => nodes.relevance,
            Part::Constraint => nodes.constraint,
            Part::Requirement => nodes.requirement,
        };
        let Some(node) = node.and_then(|node| self.nodes.get(node)) else {
            return Vec::new();
        };
        let read = |needed: &NodeId| match self.nodes.get(*needed).map(|node| node.work) {
            Some(Work::Value(field) | Work::Aggregate(_, Target::Field(field))) => {
                Some(Field(field))
            }
            _ => None,
        };
        let all: BTreeSet<Field> = node.needs.iter().filter_map(read).collect();
        all.into_iter().collect()
    }
}

/// Faults in the order in which they are found, up to the limit.
#[derive(Default)]
struct Faults {
    list: Vec<ExprFault>,
}

impl Faults {
    fn push(&mut self, mut fault: ExprFault) {
        if self.list.len() > FAULTS_MAX {
            return;
        }
        if self.list.len() == FAULTS_MAX {
            fault = whole_form(FaultKind::More);
        }
        self.list.push(fault);
    }
}

fn whole_form(kind: FaultKind) -> ExprFault {
    ExprFault { group: None, field: None, part: None, position: None, kind }
}

fn within_limits(spec: &FormSpec, faults: &mut Faults) -> bool {
    let of_groups = spec.groups.iter().filter_map(|group| group.relevant.as_ref());
    let of_fields = spec.fields.iter().flat_map(|field| {
        [&field.relevant, &field.constraint, &field.required, &field.calculation]
            .into_iter()
            .flatten()
    });
    let bytes = of_groups.chain(of_fields).map(String::len).sum();
    for (what, count, limit) in [
        ("items", spec.fields.len(), FIELDS_MAX),
        ("groups", spec.groups.len(), GROUPS_MAX),
        ("bytes of expressions", bytes, FORM_BYTES_MAX),
    ] {
        if count > limit {
            faults.push(whole_form(FaultKind::TooMany { what, count, limit }));
        }
    }
    faults.list.is_empty()
}

/// Where an expression stands.
#[derive(Clone, Copy)]
struct Place {
    group: Option<usize>,
    field: Option<usize>,
    part: Option<Part>,
}

struct Compiler<'a> {
    names: Names<'a>,
    fields: Vec<FieldNodes>,
    groups: Vec<GroupNodes>,
    nodes: Vec<GraphNode>,
    patterns: BTreeMap<String, regex_lite::Regex>,
}

impl<'a> Compiler<'a> {
    /// Lays out the nodes: values, the day of record, then every relevance, constraint and
    /// requirement that there is. Aggregates follow as they are found.
    fn new(spec: &'a FormSpec, faults: &mut Faults) -> Self {
        let names = Names {
            spec,
            fields: BTreeMap::new(),
            groups: BTreeMap::new(),
            as_of: spec.fields.len(),
            first_aggregate: 0,
        };
        let mut compiler = Self {
            names,
            fields: Vec::new(),
            groups: Vec::new(),
            nodes: Vec::new(),
            patterns: BTreeMap::new(),
        };
        compiler.take_names(faults);
        for field in 0..spec.fields.len() {
            let rows = compiler.names.rows_of(field);
            compiler.nodes.push(GraphNode::new(Work::Value(field), rows, None));
        }
        compiler.nodes.push(GraphNode::new(Work::AsOf, None, None));
        for (number, group) in spec.groups.iter().enumerate() {
            let work = Work::Group(number);
            let relevance = group.relevant.is_some().then(|| compiler.node(work, None, None));
            compiler.groups.push(GroupNodes {
                name: group.name.clone(),
                repeats: group.repeats,
                relevance,
                row_nodes: Vec::new(),
                row_values: 0,
                counts: Vec::new(),
            });
        }
        for (number, field) in spec.fields.iter().enumerate() {
            let nodes = compiler.lay_out(number, field);
            compiler.fields.push(nodes);
        }
        compiler.names.first_aggregate = compiler.nodes.len();
        compiler
    }

    fn node(&mut self, work: Work, rows: Option<usize>, gate: Option<NodeId>) -> NodeId {
        self.nodes.push(GraphNode::new(work, rows, gate));
        self.nodes.len() - 1
    }

    fn lay_out(&mut self, number: usize, field: &FieldSpec) -> FieldNodes {
        let rows = self.names.rows_of(number);
        let group = field.group.and_then(|group| self.groups.get(group)?.relevance);
        let relevance = (field.relevant.is_some() || group.is_some())
            .then(|| self.node(Work::Relevance(number), rows, group));
        if let Some(value) = self.nodes.get_mut(number) {
            value.gate = relevance;
            value.needs.extend(relevance);
        }
        let constraint = field
            .constraint
            .is_some()
            .then(|| self.node(Work::Constraint(number), rows, Some(number)));
        let requirement =
            field.required.is_some().then(|| self.node(Work::Requirement(number), rows, relevance));
        FieldNodes {
            name: field.name.clone(),
            kind: field.kind.clone(),
            rows,
            calculated: field.calculation.is_some(),
            tallied: false,
            relevance,
            constraint,
            requirement,
        }
    }

    /// Takes in the names of groups and items, and reports those that cannot be used.
    fn take_names(&mut self, faults: &mut Faults) {
        let spec = self.names.spec;
        let mut groups = BTreeSet::new();
        for (number, group) in spec.groups.iter().enumerate() {
            let place = Place { group: Some(number), field: None, part: None };
            self.check_name(&group.name, !groups.insert(&group.name), place, faults);
            if group.repeats {
                self.names.groups.entry(&group.name).or_insert(number);
            }
        }
        for (number, field) in spec.fields.iter().enumerate() {
            let place = Place { group: field.group, field: Some(number), part: None };
            let is_taken = self.names.fields.insert(&field.name, number).is_some()
                || self.names.groups.contains_key(field.name.as_str());
            self.check_name(&field.name, is_taken, place, faults);
            if field.group.is_some_and(|group| group >= spec.groups.len()) {
                self.fault(place, None, FaultKind::NoGroup, faults);
            }
        }
    }

    fn check_name(&self, name: &str, is_taken: bool, place: Place, faults: &mut Faults) {
        let is_bad = |c: char| c.is_control() || matches!(c, '{' | '}');
        let is_long = name.chars().nth(NAME_CHARS_MAX).is_some();
        if name.is_empty() || name.trim() != name || is_long || name.contains(is_bad) {
            self.fault(place, None, FaultKind::BadName, faults);
        } else if is_taken {
            self.fault(place, None, FaultKind::Twice { name: shown(name) }, faults);
        }
    }

    fn fault(&self, place: Place, position: Option<u32>, kind: FaultKind, faults: &mut Faults) {
        let spec = self.names.spec;
        let group = place.group.and_then(|group| spec.groups.get(group));
        let field = place.field.and_then(|field| spec.fields.get(field));
        faults.push(ExprFault {
            group: group.map(|group| shown(&group.name)),
            field: field.map(|field| shown(&field.name)),
            part: place.part,
            position,
            kind,
        });
    }

    fn program(mut self, faults: &mut Faults) -> Program {
        let mut aggregates = BTreeMap::new();
        let spec = self.names.spec;
        for (number, group) in spec.groups.iter().enumerate() {
            let place = Place { group: Some(number), field: None, part: Some(Part::Relevance) };
            let node = self.groups.get(number).and_then(|group| group.relevance);
            self.expression(place, node, group.relevant.as_deref(), &mut aggregates, faults);
        }
        for (number, field) in spec.fields.iter().enumerate() {
            let of = |part| Place { group: field.group, field: Some(number), part: Some(part) };
            let nodes = &self.fields[number];
            let (relevance, constraint, requirement) =
                (nodes.relevance, nodes.constraint, nodes.requirement);
            for (part, node, text) in [
                (Part::Relevance, relevance, &field.relevant),
                (Part::Calculation, Some(number), &field.calculation),
                (Part::Constraint, constraint, &field.constraint),
                (Part::Requirement, requirement, &field.required),
            ] {
                self.expression(of(part), node, text.as_deref(), &mut aggregates, faults);
            }
        }
        self.add_aggregates(aggregates);
        for circle in arrange(&mut self.nodes) {
            self.report_circle(&circle, faults);
        }
        self.finish()
    }

    fn expression(
        &mut self,
        place: Place,
        node: Option<NodeId>,
        text: Option<&str>,
        aggregates: &mut BTreeMap<(super::code::Aggregation, Target), NodeId>,
        faults: &mut Faults,
    ) {
        let (Some(node), Some(text)) = (node, text) else {
            return;
        };
        let tree = match parse(text) {
            Ok(tree) => tree,
            Err((at, kind)) => return self.fault(place, Some(at), kind, faults),
        };
        let mut checker = Checker {
            names: &self.names,
            aggregates,
            rows: place.field.and_then(|field| self.names.rows_of(field)),
            own: place.field,
            patterns: &mut self.patterns,
            reads: BTreeSet::new(),
            faults: Vec::new(),
        };
        let code = if place.part == Some(Part::Calculation) {
            let kind = place.field.and_then(|field| self.names.spec.fields.get(field));
            calculation(&mut checker, kind.map(|field| &field.kind), &tree)
        } else {
            if tree.node == super::tree::Node::Text(String::new()) {
                checker.faults.push((tree.at, FaultKind::EmptyCondition));
            }
            checker.truth(&tree)
        };
        let (reads, found) = (checker.reads, checker.faults);
        for (at, kind) in found {
            self.fault(place, Some(at), kind, faults);
        }
        if let Some(node) = self.nodes.get_mut(node) {
            node.code = Some(code);
            node.needs.extend(reads);
        }
    }

    fn add_aggregates(&mut self, aggregates: BTreeMap<(super::code::Aggregation, Target), NodeId>) {
        let mut by_node: Vec<_> = aggregates.into_iter().collect();
        by_node.sort_by_key(|(_, node)| *node);
        for ((aggregation, target), node) in by_node {
            let mut made = GraphNode::new(Work::Aggregate(aggregation, target), None, None);
            match target {
                Target::Field(field) => {
                    made.needs.insert(field);
                    if let Some(field) = self.fields.get_mut(field) {
                        field.tallied = true;
                    }
                }
                Target::Rows(group) => {
                    if let Some(group) = self.groups.get_mut(group) {
                        made.gate = group.relevance;
                        made.needs.extend(group.relevance);
                        group.counts.push(node);
                    }
                }
            }
            self.nodes.push(made);
        }
    }

    fn report_circle(&self, circle: &[NodeId], faults: &mut Faults) {
        let spec = self.names.spec;
        let field = |number: usize| spec.fields.get(number);
        let named = |number: usize| field(number).map_or(String::new(), |field| shown(&field.name));
        let path = circle.iter().filter_map(|id| match self.nodes.get(*id)?.work {
            Work::Value(number) if field(number)?.calculation.is_some() => {
                Some(format!("calculation of {}", named(number)))
            }
            Work::Value(number) => Some(named(number)),
            Work::Relevance(number) => Some(format!("relevance of {}", named(number))),
            Work::Group(number) => {
                Some(format!("relevance of section {}", shown(&spec.groups.get(number)?.name)))
            }
            // Nothing reads these, and an aggregate is named by the item that it is over.
            Work::AsOf | Work::Constraint(_) | Work::Requirement(_) | Work::Aggregate(..) => None,
        });
        let path = path.collect();
        let place = match circle.first().and_then(|id| self.nodes.get(*id)).map(|node| node.work) {
            Some(Work::Group(group)) => {
                Place { group: Some(group), field: None, part: Some(Part::Relevance) }
            }
            Some(Work::Relevance(number)) => Place {
                group: field(number).and_then(|field| field.group),
                field: Some(number),
                part: Some(Part::Relevance),
            },
            Some(Work::Value(number)) => Place {
                group: field(number).and_then(|field| field.group),
                field: Some(number),
                part: Some(Part::Calculation),
            },
            _ => Place { group: None, field: None, part: None },
        };
        self.fault(place, None, FaultKind::Cycle { path }, faults);
    }

    fn finish(mut self) -> Program {
        let mut scalars = 0;
        for (id, node) in self.nodes.iter().enumerate() {
            match node.rows.and_then(|rows| self.groups.get_mut(rows)) {
                Some(group) => {
                    group.row_nodes.push(id);
                    group.row_values += usize::from(matches!(node.work, Work::Value(_)));
                }
                None => scalars += 1,
            }
        }
        let owned = |names: &BTreeMap<&str, usize>| {
            names.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
        };
        let groups: BTreeMap<&str, usize> =
            self.groups.iter().enumerate().map(|(at, group)| (group.name.as_str(), at)).collect();
        Program {
            names: owned(&self.names.fields),
            group_names: owned(&groups),
            fields: self.fields,
            groups: self.groups,
            nodes: self.nodes,
            scalars,
            as_of: self.names.as_of,
        }
    }
}

/// Checks a calculation against what its item holds.
fn calculation(
    checker: &mut Checker<'_, '_>,
    kind: Option<&FieldKind>,
    tree: &super::tree::Tree,
) -> Code {
    let Typed { code, kind: found } = checker.any(tree);
    let expected = match kind {
        Some(FieldKind::Number) => Type::Number,
        Some(FieldKind::Text) => Type::Text,
        Some(FieldKind::Bool) => Type::Bool,
        Some(FieldKind::Date) => Type::Date,
        _ => {
            drop(checker.fault(tree.at, FaultKind::CalculationKind));
            return code;
        }
    };
    if let (Type::Number, Type::Choice(_)) = (expected, found) {
        return Code::ToNumber(Box::new(code));
    }
    let fits = found == expected
        || matches!(found, Type::Empty | Type::Unknown)
        || (expected == Type::Text && found.is_text());
    if !fits {
        let hint = match expected {
            Type::Number => "; write number(...) around it",
            Type::Text => "; write string(...) around it",
            _ => "",
        };
        checker.wrong_type(tree.at, expected.name(), found, hint);
    }
    code
}
