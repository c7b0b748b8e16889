//! Facilities (*cơ sở*) from a table: CSV or XLSX in, checked rows out.
//!
//! Either every row is returned, or every problem of the file at once, each by row and column as the
//! spreadsheet shows them; nothing is ever half-imported. This module reads bytes and returns values:
//! it opens no store, makes no document, and does not know which communes exist.
//!
//! The first row that is not empty names the columns, in any order, in English or Vietnamese; upper
//! case, accents, spaces and underscores make no difference:
//!
//! | Column | Also called | Needed |
//! |---|---|---|
//! | `code` | `facility_code`, *mã*, *mã cơ sở*, *mã số* | yes |
//! | `name` | `facility_name`, *tên*, *tên cơ sở* | yes |
//! | `owner_kind` | *loại hình*, *loại hình chủ thể* | yes |
//! | `commune_code` | `commune`, *mã xã*, *xã* | yes |
//! | `village` | *thôn*, *bản*, *thôn bản* | no |
//! | `address` | *địa chỉ*, *địa chỉ sản xuất* | no |
//! | `representative` | *đại diện*, *người đại diện* | no |
//! | `position` | *chức vụ* | no |
//! | `phone` | *điện thoại*, *số điện thoại* | no |
//! | `latitude` | `lat`, *vĩ độ* | with longitude |
//! | `longitude` | `lon`, `lng`, *kinh độ* | with latitude |
//! | `products` | *sản phẩm*; separated by `;` or `\|` | no |

mod column;
mod csv_table;
mod facility;
mod problem;
mod table;
mod xlsx_table;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

pub use column::Column;
pub use facility::{FacilityRow, OwnerKind};
pub use problem::{ImportError, Place, Problem, ProblemKind};

/// Invented producers in the six communes of Bắc Sơn, for the demo, tests and first steps.
pub const SAMPLE_CSV: &str = include_str!("../../data/sample-facilities.csv");

/// A province has a few thousand producers at some 300 bytes each; this leaves room for ten.
pub const FILE_BYTES_MAX: u64 = 8 << 20;

/// What an XLSX file may inflate to. XML compresses about tenfold, and a bomb a thousandfold.
pub const INFLATED_BYTES_MAX: u64 = 96 << 20;

/// Producers in one file. More than that is no list that a person has read.
pub const ROWS_MAX: usize = 20_000;

/// Columns in one file. Twelve mean something; the rest of a wide sheet is a mistake.
pub const COLUMNS_MAX: usize = 64;

/// Characters in one cell. The longest address in a real register has about 150.
pub const CELL_CHARS_MAX: usize = 500;

/// Products of one facility.
pub const PRODUCTS_MAX: usize = 30;

/// Characters of a facility's code. Business codes have 10 or 13 digits, registers add prefixes.
pub const CODE_CHARS_MAX: usize = 32;

/// Reads the facilities in a file, CSV or XLSX by the ending of its name.
///
/// # Errors
///
/// Returns [`ImportError`] when the file cannot be read or is over a limit, and
/// [`ImportError::Rejected`] with every problem when any row is not acceptable.
pub fn read_facilities(path: &Path) -> Result<Vec<FacilityRow>, ImportError> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let parse = match ending.as_deref() {
        Some("csv" | "txt") => facilities_from_csv,
        Some("xlsx" | "xlsm") => facilities_from_xlsx,
        _ => return Err(ImportError::UnknownFormat { path: path.display().to_string() }),
    };
    let failed =
        |source| ImportError::Read { path: path.display().to_string(), source: Arc::new(source) };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // One byte more than allowed tells a file that is too large, whatever its size claims to be.
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    parse(&bytes)
}

/// Reads facilities from CSV: UTF-8 with or without a byte order mark, separated by `,`, `;` or tabs,
/// whichever the first row has most of.
///
/// # Errors
///
/// As [`read_facilities`].
pub fn facilities_from_csv(bytes: &[u8]) -> Result<Vec<FacilityRow>, ImportError> {
    within_limit(bytes)?;
    facility::check(&csv_table::read(bytes)?)
}

/// Reads facilities from XLSX: the sheet `facilities` or `co_so` (*cơ sở*), else the first sheet.
///
/// # Errors
///
/// As [`read_facilities`].
pub fn facilities_from_xlsx(bytes: &[u8]) -> Result<Vec<FacilityRow>, ImportError> {
    within_limit(bytes)?;
    facility::check(&xlsx_table::read(bytes)?)
}

/// Returns whether a text shows nothing: blanks, and marks that are seen by nobody.
pub(crate) fn is_blank(text: &str) -> bool {
    let unseen = |mark: char| {
        matches!(mark, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().all(|mark| mark.is_whitespace() || mark.is_control() || unseen(mark))
}

fn within_limit(bytes: &[u8]) -> Result<(), ImportError> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ImportError::TooLarge { limit: FILE_BYTES_MAX });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
