//! Looking at a document chunk before Automerge does.
//!
//! Automerge inflates without a limit and expands runs without one: a few hundred bytes may claim
//! millions of rows. This walks the chunk's frame and counts the rows of every column without
//! expanding them. It checks limits and shape, not meaning.

use super::document::{DocumentError, Room};

/// The four bytes that every chunk begins with.
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// The chunk type of a document.
const DOCUMENT: u8 = 0;
/// Marks a compressed column.
const DEFLATE: u64 = 0b1000;
/// Longest actor: ours have 16 bytes.
const ACTOR_BYTES_MAX: u64 = 64;
/// Most columns: the format has 8 for changes and 15 for operations.
const COLUMNS_MAX: u64 = 32;

/// What is wrong with a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkFault {
    /// It is not one uncompressed document chunk of the known form.
    Form(&'static str),
    /// It passes the limit on this.
    Over(&'static str),
}

impl From<&'static str> for ChunkFault {
    fn from(what: &'static str) -> Self {
        Self::Form(what)
    }
}

impl From<ChunkFault> for DocumentError {
    fn from(fault: ChunkFault) -> Self {
        match fault {
            ChunkFault::Form(what) => Self::Foreign { what },
            ChunkFault::Over(what) => Self::TooLarge { what },
        }
    }
}

/// Checks one uncompressed document chunk, and nothing else, against the limits.
pub(crate) fn inspect_document(bytes: &[u8], room: &Room) -> Result<(), ChunkFault> {
    if bytes.len() > room.bytes {
        return Err(ChunkFault::Over("bytes"));
    }
    walk(bytes, room)
}

fn walk(bytes: &[u8], room: &Room) -> Result<(), ChunkFault> {
    let mut input = Input(bytes);
    if input.take(4)? != MAGIC {
        return Err("it does not begin as an Automerge chunk".into());
    }
    input.take(4)?; // Automerge checks the checksum itself.
    if input.take(1)? != [DOCUMENT] {
        return Err("it is not a document chunk".into());
    }
    let len = input.length()?;
    if len != input.0.len() {
        return Err("it is truncated or followed by something else".into());
    }
    let actors = input.number()?;
    if actors > room.actors {
        return Err(ChunkFault::Over("actors"));
    }
    for _ in 0..actors {
        let len = input.number()?;
        if len > ACTOR_BYTES_MAX {
            return Err("an actor is too long".into());
        }
        input.skip(len)?;
    }
    let heads = input.number()?;
    // One for each actor.
    if heads > room.actors {
        return Err(ChunkFault::Over("heads"));
    }
    input.skip(heads * 32)?;
    let change_columns = columns(&mut input)?;
    let op_columns = columns(&mut input)?;
    for (spec, len) in change_columns.into_iter().chain(op_columns) {
        let column = input.take(usize::try_from(len).map_err(|_| "a length is too large")?)?;
        if rows(spec, column)? > room.ops {
            return Err(ChunkFault::Over("operations"));
        }
    }
    // What follows is one index for each head, or nothing.
    for _ in 0..heads {
        if input.0.is_empty() {
            break;
        }
        input.number()?;
    }
    if input.0.is_empty() { Ok(()) } else { Err("something follows the document".into()) }
}

fn columns(input: &mut Input<'_>) -> Result<Vec<(u64, u64)>, &'static str> {
    let count = input.number()?;
    if count > COLUMNS_MAX {
        return Err("it has too many columns");
    }
    let mut columns = Vec::new();
    for _ in 0..count {
        let (spec, len) = (input.number()?, input.number()?);
        if spec & DEFLATE != 0 {
            return Err("a column is compressed");
        }
        columns.push((spec, len));
    }
    Ok(columns)
}

/// Counts the rows of a column. The low three bits of its specification tell the encoding.
fn rows(spec: u64, column: &[u8]) -> Result<u64, &'static str> {
    let mut input = Input(column);
    let mut rows = 0_u64;
    let add = |rows: u64, more: u64| rows.checked_add(more).ok_or("a run is too long");
    match spec & 0b111 {
        // Raw bytes of values: their lengths are in the column before.
        7 => {}
        // Booleans: lengths of alternating runs.
        4 => {
            while !input.0.is_empty() {
                rows = add(rows, input.number()?)?;
            }
        }
        // Runs of numbers, differences or texts.
        encoding => {
            while !input.0.is_empty() {
                match input.signed()? {
                    0 => rows = add(rows, input.number()?)?,
                    run if run > 0 => {
                        input.value(encoding)?;
                        rows = add(rows, run.unsigned_abs())?;
                    }
                    literal => {
                        // Each literal takes a byte at least, so this loop is bounded by the input.
                        for _ in 0..literal.unsigned_abs() {
                            input.value(encoding)?;
                        }
                        rows = add(rows, literal.unsigned_abs())?;
                    }
                }
            }
        }
    }
    Ok(rows)
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or("it is truncated")?;
        self.0 = rest;
        Ok(taken)
    }

    fn skip(&mut self, len: u64) -> Result<(), &'static str> {
        self.take(usize::try_from(len).map_err(|_| "a length is too large")?).map(|_| ())
    }

    fn length(&mut self) -> Result<usize, &'static str> {
        usize::try_from(self.number()?).map_err(|_| "a length is too large")
    }

    /// Reads an unsigned LEB128 number of at most 64 bits.
    fn number(&mut self) -> Result<u64, &'static str> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err("a number is too large");
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number is too long")
    }

    /// Reads a signed LEB128 number of at most 64 bits.
    fn signed(&mut self) -> Result<i64, &'static str> {
        let mut value = 0_i64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= i64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if byte & 0x40 != 0 && shift + 7 < 64 {
                    value |= -1_i64 << (shift + 7);
                }
                return Ok(value);
            }
        }
        Err("a number is too long")
    }

    fn value(&mut self, encoding: u64) -> Result<(), &'static str> {
        match encoding {
            3 => self.signed().map(|_| ()),
            5 => {
                let len = self.number()?;
                self.skip(len)
            }
            _ => self.number().map(|_| ()),
        }
    }
}
