//! What is known of every item, in every row: counted up as answers change, never from the start.

use std::collections::{BTreeMap, BTreeSet};

use crate::checklist::expr::RowId;
use crate::model::Severity;

/// An item by its place in the checklist, and the row.
pub(super) type Cell = (usize, Option<RowId>);

/// What can be said of an item in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    /// It is one that people answer.
    Item,
    /// It has an answer that counts; that it does not apply is one.
    Answered,
    Pass,
    Minor,
    Major,
    Serious,
    /// It must be answered and has no answer that counts.
    Missing,
    /// It need not be answered and has no answer that counts.
    Optional,
    /// Somebody said that it does not apply.
    NotApplicable,
    /// The checklist says that it does not apply.
    NotRelevant,
    /// Answers that differ stand, and the worse counts.
    Conflicted,
    /// Answers that differ stand, and none counts.
    NoOrder,
    /// Fewer photos than its evidence needs.
    EvidenceShort,
    /// Its answer does not fulfil the constraint.
    Violated,
    /// Answers that do not fit it stand.
    Misfit,
    /// Whether it applies, whether it must be answered, or what it comes to, rests on what is missing
    /// or in conflict.
    Unsettled,
    /// Beside the answer that counts others stand that it cannot be compared with.
    Partly,
}

/// The flags of deviations, rising.
pub(super) const DEVIATIONS: [(Flag, Severity); 3] = [
    (Flag::Minor, Severity::Minor),
    (Flag::Major, Severity::Major),
    (Flag::Serious, Severity::Serious),
];

impl Flag {
    const ALL: [Self; 17] = [
        Self::Item,
        Self::Answered,
        Self::Pass,
        Self::Minor,
        Self::Major,
        Self::Serious,
        Self::Missing,
        Self::Optional,
        Self::NotApplicable,
        Self::NotRelevant,
        Self::Conflicted,
        Self::NoOrder,
        Self::EvidenceShort,
        Self::Violated,
        Self::Misfit,
        Self::Unsettled,
        Self::Partly,
    ];

    /// Returns whether its cells are kept by name; of the others only the number matters.
    fn is_listed(self) -> bool {
        !matches!(self, Self::Item | Self::Answered | Self::Pass | Self::Partly)
    }
}

/// Several flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags(u32);

impl Flags {
    pub(super) fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u16) != 0
    }

    pub(super) fn put(&mut self, flag: Flag, holds: bool) {
        if holds {
            self.0 |= 1 << flag as u16;
        }
    }
}

/// The flags of all cells, and the cells of each flag.
#[derive(Debug, Clone, Default)]
pub(super) struct Cells {
    flags: BTreeMap<Cell, Flags>,
    counts: [usize; Flag::ALL.len()],
    lists: [BTreeSet<Cell>; Flag::ALL.len()],
}

impl Cells {
    /// Says what holds of a cell now.
    pub(super) fn put(&mut self, cell: Cell, flags: Flags) {
        let before = self.flags.insert(cell.clone(), flags).unwrap_or_default();
        self.moved(&cell, before, flags);
    }

    /// Forgets a cell.
    pub(super) fn remove(&mut self, cell: &Cell) {
        if let Some(before) = self.flags.remove(cell) {
            self.moved(cell, before, Flags::default());
        }
    }

    fn moved(&mut self, cell: &Cell, before: Flags, after: Flags) {
        if before == after {
            return;
        }
        for (n, flag) in Flag::ALL.into_iter().enumerate() {
            match (before.has(flag), after.has(flag)) {
                (false, true) => {
                    self.counts[n] += 1;
                    if flag.is_listed() {
                        self.lists[n].insert(cell.clone());
                    }
                }
                (true, false) => {
                    self.counts[n] -= 1;
                    self.lists[n].remove(cell);
                }
                _ => {}
            }
        }
    }

    /// Returns what holds of a cell.
    pub(super) fn of(&self, cell: &Cell) -> Flags {
        self.flags.get(cell).copied().unwrap_or_default()
    }

    /// Returns how many cells have a flag.
    pub(super) fn count(&self, flag: Flag) -> usize {
        self.counts[flag as usize]
    }

    /// Returns the cells that have a flag, in the order of the checklist, then by row.
    pub(super) fn all(&self, flag: Flag) -> &BTreeSet<Cell> {
        &self.lists[flag as usize]
    }
}
