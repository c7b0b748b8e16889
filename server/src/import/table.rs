//! A table as read, before anything in it is checked. Knows cells, not facilities.

use super::problem::{ImportError, ProblemKind};
use super::{COLUMNS_MAX, ROWS_MAX};

/// What stands in one cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// A text, as written.
    Text(String),
    /// A number of a spreadsheet; a CSV file has only texts.
    Number(f64),
    /// Something that no column takes, and why not.
    Other(ProblemKind),
}

impl Cell {
    /// Returns whether a person would call the cell empty.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}

/// One row that holds something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// The row's number as spreadsheets count, from 1.
    pub(super) row: u32,
    /// The cells that hold something, by column, from 0, in ascending order.
    pub(super) cells: Vec<(usize, Cell)>,
}

/// The rows that hold something, in their order; the first is the header.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    pub(super) lines: Vec<Line>,
}

impl Table {
    /// Adds a row, unless it is empty.
    pub(super) fn push(&mut self, row: u32, cells: Vec<(usize, Cell)>) -> Result<(), ImportError> {
        let cells: Vec<_> = cells.into_iter().filter(|(_, cell)| !cell.is_blank()).collect();
        let Some((last, _)) = cells.last() else { return Ok(()) };
        if *last >= COLUMNS_MAX {
            return Err(ImportError::TooManyColumns { row, limit: COLUMNS_MAX });
        }
        // The header is no producer.
        if self.lines.len() > ROWS_MAX {
            return Err(ImportError::TooManyRows { limit: ROWS_MAX });
        }
        self.lines.push(Line { row, cells });
        Ok(())
    }
}
