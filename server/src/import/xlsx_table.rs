//! XLSX to [`Table`]. Knows sheets and kinds of cells, not columns.
//!
//! Cells are streamed: asked for a whole sheet, the crate would make room for every cell between the
//! first and the last, which one cell in the far corner turns into terabytes.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
use zip::ZipArchive;

use super::column::folded;
use super::problem::{ImportError, ProblemKind};
use super::table::{Cell, Table};
use super::{COLUMNS_MAX, INFLATED_BYTES_MAX, ROWS_MAX};

/// Names of the sheet, as [`folded`] leaves them. Without one of them the first sheet is read.
const SHEETS: [&str; 2] = ["facilities", "co_so"];

/// Reads a workbook of at most the allowed size, inflated and not.
pub(super) fn read(bytes: &[u8]) -> Result<Table, ImportError> {
    // The crates below read foreign bytes; whatever they stumble over must not stop the hub.
    catch_unwind(AssertUnwindSafe(|| {
        check_inflated(bytes)?;
        read_cells(bytes)
    }))
    .unwrap_or(Err(ImportError::BrokenWorkbook))
}

/// Inflates everything once, to nowhere, because sizes that an archive claims may be lies.
fn check_inflated(bytes: &[u8]) -> Result<(), ImportError> {
    let broken = |source: zip::result::ZipError| ImportError::Workbook { source: Arc::new(source) };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    let mut left = INFLATED_BYTES_MAX;
    for at in 0..archive.len() {
        let entry = archive.by_index(at).map_err(broken)?;
        let read = io::copy(&mut entry.take(left + 1), &mut io::sink())
            .map_err(|source| ImportError::Workbook { source: Arc::new(source) })?;
        left = left.checked_sub(read).ok_or(ImportError::TooLarge { limit: INFLATED_BYTES_MAX })?;
    }
    Ok(())
}

fn read_cells(bytes: &[u8]) -> Result<Table, ImportError> {
    let broken = |source: XlsxError| ImportError::Workbook { source: Arc::new(source) };
    let mut book = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let names = book.sheet_names();
    let ours = names.iter().find(|name| SHEETS.contains(&folded(name).as_str()));
    let sheet = ours.or_else(|| names.first()).cloned().ok_or(ImportError::Empty)?;
    let mut cells = book.worksheet_cells_reader(&sheet).map_err(broken)?;
    // Rows come in order from every program we know, but nothing makes a file keep to it.
    let mut rows: BTreeMap<u32, BTreeMap<usize, Cell>> = BTreeMap::new();
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let Some(value) = value_of(cell.get_value()) else { continue };
        let row = row.saturating_add(1);
        let column = usize::try_from(column).unwrap_or(usize::MAX);
        if column >= COLUMNS_MAX {
            return Err(ImportError::TooManyColumns { row, limit: COLUMNS_MAX });
        }
        rows.entry(row).or_default().insert(column, value);
        if rows.len() > ROWS_MAX + 1 {
            return Err(ImportError::TooManyRows { limit: ROWS_MAX });
        }
    }
    let mut table = Table::default();
    for (row, cells) in rows {
        table.push(row, cells.into_iter().collect())?;
    }
    Ok(table)
}

/// Returns what a cell holds, or nothing when a person would call it empty.
fn value_of(data: &DataRef<'_>) -> Option<Cell> {
    let cell = match data {
        DataRef::Empty => return None,
        DataRef::String(text) => Cell::Text(text.clone()),
        DataRef::SharedString(text) => Cell::Text((*text).to_owned()),
        DataRef::Float(number) => Cell::Number(*number),
        DataRef::Int(number) => Cell::Number(*number as f64),
        DataRef::Bool(_) => Cell::Other(ProblemKind::TruthValue),
        DataRef::Error(_) => Cell::Other(ProblemKind::FailedFormula),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => {
            Cell::Other(ProblemKind::Date)
        }
    };
    (!cell.is_blank()).then_some(cell)
}
