//! What needs what: the nodes of a program, their order, and the circles that must not be.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::code::{Aggregation, Code, NodeId, Target};

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// The effective value of an item: given, calculated, or not applicable.
    Value(usize),
    /// The day of record.
    AsOf,
    /// Whether a group applies.
    Group(usize),
    /// Whether an item applies, its group included.
    Relevance(usize),
    Constraint(usize),
    Requirement(usize),
    Aggregate(Aggregation, Target),
}

/// A node of the graph.
#[derive(Debug)]
pub(super) struct GraphNode {
    pub(super) work: Work,
    pub(super) code: Option<Code>,
    /// The node that decides whether this one is looked at: the relevance of a value, the group of a
    /// relevance, the value of a constraint.
    pub(super) gate: Option<NodeId>,
    /// The repeat group in whose rows it is evaluated.
    pub(super) rows: Option<usize>,
    /// Its place among the nodes of the same rows.
    pub(super) slot: usize,
    /// Its place in the order of evaluation: after everything that it needs.
    pub(super) rank: usize,
    pub(super) needs: BTreeSet<NodeId>,
    pub(super) dependents: Vec<NodeId>,
}

impl GraphNode {
    pub(super) fn new(work: Work, rows: Option<usize>, gate: Option<NodeId>) -> Self {
        Self {
            work,
            code: None,
            gate,
            rows,
            slot: 0,
            rank: 0,
            needs: gate.into_iter().collect(),
            dependents: Vec::new(),
        }
    }
}

/// Gives every node its slot, its dependents and its rank. Returns one circle for each set of nodes
/// that need each other: the nodes from one that holds an expression around to itself.
pub(super) fn arrange(nodes: &mut [GraphNode]) -> Vec<Vec<NodeId>> {
    let mut slots: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    for node in nodes.iter_mut() {
        let next = slots.entry(node.rows).or_default();
        node.slot = *next;
        *next += 1;
    }
    for id in 0..nodes.len() {
        for needed in nodes[id].needs.clone() {
            if let Some(needed) = nodes.get_mut(needed) {
                needed.dependents.push(id);
            }
        }
    }
    let mut circles = Vec::new();
    for (rank, component) in components(nodes).into_iter().enumerate() {
        for id in &component {
            nodes[*id].rank = rank;
        }
        if let Some(circle) = circle(nodes, &component) {
            circles.push(circle);
        }
    }
    circles
}

/// Returns the sets of nodes that need each other, each after all that it needs (Tarjan's algorithm,
/// with a stack of its own because a form can be one long chain).
fn components(nodes: &[GraphNode]) -> Vec<Vec<NodeId>> {
    const UNSEEN: usize = usize::MAX;
    let needs: Vec<Vec<NodeId>> =
        nodes.iter().map(|node| node.needs.iter().copied().collect()).collect();
    let mut found = Vec::new();
    let mut number = vec![UNSEEN; nodes.len()];
    let mut low = vec![UNSEEN; nodes.len()];
    let mut is_open = vec![false; nodes.len()];
    let mut open: Vec<NodeId> = Vec::new();
    let mut next = 0;
    for root in 0..nodes.len() {
        if number[root] != UNSEEN {
            continue;
        }
        let mut walk: Vec<(NodeId, usize)> = vec![(root, 0)];
        while let Some((node, looked)) = walk.pop() {
            if looked == 0 {
                (number[node], low[node]) = (next, next);
                next += 1;
                open.push(node);
                is_open[node] = true;
            }
            if let Some(&needed) = needs[node].get(looked) {
                walk.push((node, looked + 1));
                if number[needed] == UNSEEN {
                    walk.push((needed, 0));
                } else if is_open[needed] {
                    low[node] = low[node].min(number[needed]);
                }
                continue;
            }
            if let Some((above, _)) = walk.last() {
                low[*above] = low[*above].min(low[node]);
            }
            if low[node] == number[node] {
                let from = open.iter().position(|one| *one == node).unwrap_or(open.len());
                let component = open.split_off(from);
                for one in &component {
                    is_open[*one] = false;
                }
                found.push(component);
            }
        }
    }
    found
}

/// Returns the shortest way from a node of the set, by its needs, back to itself.
fn circle(nodes: &[GraphNode], component: &[NodeId]) -> Option<Vec<NodeId>> {
    let inside: BTreeSet<NodeId> = component.iter().copied().collect();
    let holds_expression = |id: &&NodeId| nodes[**id].code.is_some();
    let start = *inside.iter().find(holds_expression).or_else(|| inside.first())?;
    let mut came_from: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for needed in nodes[node].needs.intersection(&inside) {
            if *needed == start {
                let mut circle = vec![start, node];
                let mut back = node;
                while let Some(before) = came_from.get(&back) {
                    circle.push(*before);
                    back = *before;
                }
                circle.reverse();
                return Some(circle);
            }
            if !came_from.contains_key(needed) {
                came_from.insert(*needed, node);
                queue.push_back(*needed);
            }
        }
    }
    None
}
