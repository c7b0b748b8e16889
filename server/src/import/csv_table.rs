//! CSV to [`Table`]. Knows encoding and separators, not columns.

use csv::ReaderBuilder;

use super::problem::ImportError;
use super::table::{Cell, Table};

/// What spreadsheet programs put between cells, by language and taste.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Reads UTF-8 text, with or without a byte order mark.
pub(super) fn read(bytes: &[u8]) -> Result<Table, ImportError> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|source| ImportError::NotUtf8 {
        line: 1 + bytes[..source.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count(),
    })?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator(text))
        .from_reader(text.as_bytes());
    let mut table = Table::default();
    // Line breaks inside quotes do not begin a row of the spreadsheet.
    let mut inside: u64 = 0;
    for record in reader.records() {
        let record = record.map_err(|source| ImportError::Csv { source: source.into() })?;
        let line = record.position().map_or(1, |position| line_of(position, text));
        let row = u32::try_from(line.saturating_sub(inside)).unwrap_or(u32::MAX);
        inside += record.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
        let cells = record.iter().map(|cell| Cell::Text(cell.to_owned())).enumerate();
        table.push(row, cells.collect())?;
    }
    Ok(table)
}

/// Returns the line on which a record's first cell stands. The parser's own place lies before the
/// empty lines that it passes over.
fn line_of(position: &csv::Position, text: &str) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let after = text.as_bytes().get(start..).unwrap_or_default();
    let passed = after.iter().take_while(|&&byte| byte == b'\r' || byte == b'\n');
    position.line() + passed.filter(|&&byte| byte == b'\n').count() as u64
}

/// Returns the separator that the header has most of, outside quotes.
fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut quoted = false;
    let mut counts = [0_usize; SEPARATORS.len()];
    for byte in header.bytes() {
        quoted ^= byte == b'"';
        if let Some(at) = SEPARATORS.iter().position(|&separator| separator == byte && !quoted) {
            counts[at] += 1;
        }
    }
    let most = (0..counts.len()).rev().max_by_key(|&at| counts[at]).unwrap_or(0);
    SEPARATORS[most]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u32, Vec<String>)> {
        let table = read(text.as_bytes()).unwrap();
        let cell = |(_, cell)| match cell {
            Cell::Text(text) => text,
            other => panic!("{other:?}"),
        };
        table
            .lines
            .into_iter()
            .map(|line| (line.row, line.cells.into_iter().map(cell).collect()))
            .collect()
    }

    #[test]
    fn finds_the_separator_outside_quotes() {
        assert_eq!(separator("a,b;c,d"), b',');
        assert_eq!(separator("a;b;c,d"), b';');
        assert_eq!(separator("\"a,b,c\";d"), b';');
        assert_eq!(separator("a\tb"), b'\t');
        assert_eq!(separator("a"), b',');
        assert_eq!(separator(""), b',');
    }

    #[test]
    fn counts_rows_as_a_spreadsheet_does() {
        let text = "\u{feff}a,b\r\n\r\n\"x\ny\",z\r\nlast,\r\n,,\r\nend,1\r\n";
        let seen = rows(text);
        let numbers: Vec<_> = seen.iter().map(|(row, _)| *row).collect();
        assert_eq!(numbers, [1, 3, 4, 6]);
        assert_eq!(seen[0].1, ["a", "b"]);
        assert_eq!(seen[1].1, ["x\ny", "z"]);
    }

    #[test]
    fn names_the_line_that_is_not_utf8() {
        let error = read(b"a,b\nc,\xd0\n").unwrap_err();
        assert!(matches!(error, ImportError::NotUtf8 { line: 2 }), "{error:?}");
    }
}
