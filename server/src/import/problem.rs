//! What can be wrong with a file, and how people are told, in their language.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use super::column::Column;
use crate::messages::{Lang, Messages};

/// Why no facility was imported.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file could not be read.
    Read {
        /// Which file.
        path: String,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The name of the file does not say what it is.
    UnknownFormat {
        /// Which file.
        path: String,
    },
    /// The file is larger than any list of producers, as it is or inflated.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A CSV file in another encoding than UTF-8.
    NotUtf8 {
        /// The first line that is not, from 1.
        line: usize,
    },
    /// A CSV file whose rows cannot be told apart.
    Csv {
        /// What the parser stumbled over.
        source: Arc<csv::Error>,
    },
    /// An XLSX file that cannot be read.
    Workbook {
        /// What the parser stumbled over.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// An XLSX file over which the parser gave up without an error.
    BrokenWorkbook,
    /// No row holds anything, or none after the header.
    Empty,
    /// More rows than allowed.
    TooManyRows {
        /// The limit, without the header.
        limit: usize,
    },
    /// A cell too far to the right.
    TooManyColumns {
        /// The row it stands in.
        row: u32,
        /// The limit.
        limit: usize,
    },
    /// Rows are not acceptable. Holds every problem, in the order of rows and columns.
    Rejected {
        /// At least one.
        problems: Vec<Problem>,
        /// What the rows say of where they lie, those without a problem too: whether there is such a commune
        /// is for the caller to know, and to tell together with these problems.
        places: Vec<Place>,
    },
}

/// Where a row says that its facility lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The row as spreadsheets count, from 1.
    pub row: u32,
    /// The facility's code, where the row has one that can be used.
    pub code: Option<String>,
    /// *Mã xã*: five digits, or a name.
    pub commune: String,
    /// The header of the column that says so, as it stands in the file.
    pub column: String,
}

/// One thing wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The row as spreadsheets count, from 1.
    pub row: u32,
    /// The header of the column as it stands in the file, or the letters of a column without one.
    pub column: String,
    /// What is wrong.
    pub kind: ProblemKind,
}

/// What can be wrong with a cell or a header.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The header lacks a column that every file needs.
    ColumnMissing,
    /// The header names a column twice, perhaps once in each language.
    ColumnTwice,
    /// The header names a column that means nothing here.
    ColumnUnknown {
        /// The names that would.
        known: String,
    },
    /// A cell in a column without a header.
    NoHeader,
    /// A needed cell is empty.
    Missing,
    /// A cell is too long.
    TooLong {
        /// Its length.
        chars: usize,
        /// The limit.
        limit: usize,
    },
    /// A cell holds characters that cannot be shown.
    Unprintable,
    /// A spreadsheet keeps a code as a number, which loses leading zeros.
    NumberForCode,
    /// A spreadsheet has made a date of what was typed.
    Date,
    /// A spreadsheet has made a truth value of what was typed.
    TruthValue,
    /// A spreadsheet keeps a formula here that failed.
    FailedFormula,
    /// A facility's code holds other characters than letters, digits, `.`, `-`, `_` and `/`.
    Code,
    /// The code stands in an earlier row already.
    CodeTwice {
        /// That row.
        first: u32,
    },
    /// Not one of the kinds of owner.
    OwnerKind,
    /// Not five digits.
    CommuneCode,
    /// Not a Vietnamese telephone number.
    Phone,
    /// Not decimal degrees.
    Degrees,
    /// Degrees outside Vietnam.
    OutsideVietnam,
    /// Latitude and longitude have changed places.
    Swapped,
    /// Only one of latitude and longitude is given; this is the other.
    HalfPosition,
    /// More products than allowed.
    TooManyProducts {
        /// How many.
        products: usize,
        /// The limit.
        limit: usize,
    },
}

/// Returns why a file cannot be read, in the reader's language where it is common.
fn reason(source: &io::Error, messages: &Messages) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => messages.text("cause.io_not_found", &[]),
        io::ErrorKind::PermissionDenied => messages.text("cause.io_denied", &[]),
        io::ErrorKind::IsADirectory => messages.text("cause.io_folder", &[]),
        _ => source.to_string(),
    }
}

impl ImportError {
    /// Returns what is wrong in the language of `messages`: one line, and one more for each problem.
    #[must_use]
    pub fn explain(&self, messages: &Messages) -> String {
        match self {
            Self::Read { path, source } => messages
                .text("import.read", &[("path", path), ("reason", &reason(source, messages))]),
            Self::UnknownFormat { path } => {
                messages.text("import.unknown_format", &[("path", path)])
            }
            Self::TooLarge { limit } => {
                messages.text("import.too_large", &[("limit", &limit.to_string())])
            }
            Self::NotUtf8 { line } => {
                messages.text("import.not_utf8", &[("line", &line.to_string())])
            }
            Self::Csv { source } => messages.text("import.csv", &[("reason", &source.to_string())]),
            Self::Workbook { source } => {
                messages.text("import.workbook", &[("reason", &source.to_string())])
            }
            Self::BrokenWorkbook => messages.text("import.broken_workbook", &[]),
            Self::Empty => messages.text("import.empty", &[]),
            Self::TooManyRows { limit } => {
                messages.text("import.too_many_rows", &[("limit", &limit.to_string())])
            }
            Self::TooManyColumns { row, limit } => messages.text(
                "import.too_many_columns",
                &[("row", &row.to_string()), ("limit", &limit.to_string())],
            ),
            Self::Rejected { problems, .. } => {
                let rows: BTreeSet<_> = problems.iter().map(|problem| problem.row).collect();
                let counts = [problems.len(), rows.len()].map(|count| count.to_string());
                let head = messages
                    .text("import.rejected", &[("problems", &counts[0]), ("rows", &counts[1])]);
                let lines = problems.iter().map(|problem| problem.explain(messages));
                std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n  ")
            }
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(english()))
    }
}

impl Problem {
    /// Returns place and problem in the language of `messages`, in one line.
    #[must_use]
    pub fn explain(&self, messages: &Messages) -> String {
        let row = self.row.to_string();
        let problem = self.kind.explain(messages);
        messages
            .text("import.at", &[("row", &row), ("column", &self.column), ("problem", &problem)])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(english()))
    }
}

impl ProblemKind {
    /// Returns what is wrong and what to do, in the language of `messages`.
    #[must_use]
    pub fn explain(&self, messages: &Messages) -> String {
        match self {
            Self::ColumnMissing => messages.text("import.column_missing", &[]),
            Self::ColumnTwice => messages.text("import.column_twice", &[]),
            Self::ColumnUnknown { known } => {
                messages.text("import.column_unknown", &[("known", known)])
            }
            Self::NoHeader => messages.text("import.no_header", &[]),
            Self::Missing => messages.text("import.missing", &[]),
            Self::TooLong { chars, limit } => messages.text(
                "import.too_long",
                &[("chars", &chars.to_string()), ("limit", &limit.to_string())],
            ),
            Self::Unprintable => messages.text("import.unprintable", &[]),
            Self::NumberForCode => messages.text("import.number_for_code", &[]),
            Self::Date => messages.text("import.date", &[]),
            Self::TruthValue => messages.text("import.truth_value", &[]),
            Self::FailedFormula => messages.text("import.failed_formula", &[]),
            Self::Code => messages.text("import.code", &[]),
            Self::CodeTwice { first } => {
                messages.text("import.code_twice", &[("first", &first.to_string())])
            }
            Self::OwnerKind => messages.text("import.owner_kind", &[]),
            Self::CommuneCode => messages.text("import.commune_code", &[]),
            Self::Phone => messages.text("import.phone", &[]),
            Self::Degrees => messages.text("import.degrees", &[]),
            Self::OutsideVietnam => messages.text("import.outside_vietnam", &[]),
            Self::Swapped => messages.text("import.swapped", &[]),
            Self::HalfPosition => messages.text("import.half_position", &[]),
            Self::TooManyProducts { products, limit } => messages.text(
                "import.too_many_products",
                &[("products", &products.to_string()), ("limit", &limit.to_string())],
            ),
        }
    }
}

/// Returns the names of all columns, for a person who mistyped one.
pub(super) fn known_columns() -> String {
    Column::ALL.map(Column::name).join(", ")
}

fn english() -> &'static Messages {
    static ENGLISH: OnceLock<Messages> = OnceLock::new();
    ENGLISH.get_or_init(|| Messages::new(Lang::En))
}
