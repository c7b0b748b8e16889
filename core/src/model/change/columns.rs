//! Walks the columns of a change run by run and checks that they fit each other.

use super::cursor::{Cursor, Cut};
use super::{CHANGE_OPS_MAX, CHANGE_PREDS_MAX, COUNTER_MAX, ChangeError, KEY_BYTES_MAX};

/// The bit of a column specification that says its data is deflated.
const DEFLATED: u32 = 0b1000;

// Column specifications (number of the column, then its type in the low bits), as Automerge 0.12
// writes them in a change.
const OBJECT_ACTOR: u32 = 1;
const OBJECT_COUNTER: u32 = 2;
const KEY_ACTOR: u32 = 17;
const KEY_COUNTER: u32 = 19;
const KEY_TEXT: u32 = 21;
const INSERT: u32 = 52;
const ACTION: u32 = 66;
const VALUE_META: u32 = 86;
const VALUE: u32 = 87;
const PRED_COUNT: u32 = 112;
const PRED_ACTOR: u32 = 113;
const PRED_COUNTER: u32 = 115;
const EXPAND: u32 = 148;
const MARK_NAME: u32 = 165;
const KNOWN: [u32; 14] = [
    OBJECT_ACTOR,
    OBJECT_COUNTER,
    KEY_ACTOR,
    KEY_COUNTER,
    KEY_TEXT,
    INSERT,
    ACTION,
    VALUE_META,
    VALUE,
    PRED_COUNT,
    PRED_ACTOR,
    PRED_COUNTER,
    EXPAND,
    MARK_NAME,
];

/// The highest action that Automerge 0.12 knows (mark).
const ACTION_MAX: u64 = 7;

/// Reads the list of columns and slices their data.
pub(super) fn parse_columns<'a>(
    cursor: &mut Cursor<'a>,
) -> Result<Vec<(u32, &'a [u8])>, ChangeError> {
    let count = cursor.length("list of columns")?;
    if count > KNOWN.len() {
        return Err(ChangeError::Malformed { what: "list of columns" });
    }
    let mut lengths: Vec<(u32, usize)> = Vec::with_capacity(count);
    for _ in 0..count {
        let spec = u32::try_from(cursor.uleb("list of columns")?)
            .map_err(|_| ChangeError::Malformed { what: "list of columns" })?;
        if spec & DEFLATED != 0 {
            return Err(ChangeError::Deflated { column: spec });
        }
        if !KNOWN.contains(&spec) {
            return Err(ChangeError::UnknownColumn { column: spec });
        }
        if lengths.last().is_some_and(|(last, _)| *last >= spec) {
            return Err(ChangeError::Malformed { what: "order of columns" });
        }
        lengths.push((spec, cursor.length("list of columns")?));
    }
    lengths
        .into_iter()
        .map(|(spec, length)| Ok((spec, cursor.take(length, "column data")?)))
        .collect()
}

/// Checks all columns and returns how many operations they hold.
pub(super) fn check_columns(columns: &[(u32, &[u8])], actors: u64) -> Result<u64, ChangeError> {
    let data = |spec: u32| {
        columns.iter().find(|(found, _)| *found == spec).map_or(&[][..], |(_, data)| *data)
    };
    let ops = walk(
        data(ACTION),
        "action",
        CHANGE_OPS_MAX,
        Cursor::uleb,
        |_, action| matches!(action, Some(action) if action <= ACTION_MAX),
    )?;
    let per_op = |rows: u64, what: &'static str| {
        // A column that holds nothing but nulls or `false` is left out.
        if rows == ops || rows == 0 { Ok(()) } else { Err(ChangeError::Malformed { what }) }
    };
    let known_actor = |_, actor: Option<u64>| actor.is_none_or(|actor| actor < actors);
    let counter = |_, counter: Option<u64>| counter.is_none_or(|counter| counter <= COUNTER_MAX);
    let any_name = |_, _| true;

    let limit = CHANGE_OPS_MAX;
    per_op(walk(data(OBJECT_ACTOR), "object", limit, Cursor::uleb, known_actor)?, "object")?;
    per_op(walk(data(OBJECT_COUNTER), "object", limit, Cursor::uleb, counter)?, "object")?;
    per_op(walk(data(KEY_ACTOR), "key", limit, Cursor::uleb, known_actor)?, "key")?;
    per_op(walk_delta(data(KEY_COUNTER), "key", limit)?, "key")?;
    per_op(walk(data(KEY_TEXT), "key", limit, name, any_name)?, "key")?;
    per_op(walk(data(MARK_NAME), "mark", limit, name, any_name)?, "mark")?;
    per_op(walk_booleans(data(INSERT), "insertion")?, "insertion")?;
    per_op(walk_booleans(data(EXPAND), "mark")?, "mark")?;
    per_op(check_values(data(VALUE_META), data(VALUE))?, "value")?;

    let mut preds = 0_u64;
    let groups = walk(data(PRED_COUNT), "predecessor", limit, Cursor::uleb, |rows, count| {
        preds = count.unwrap_or(0).saturating_mul(rows).saturating_add(preds);
        true
    })?;
    per_op(groups, "predecessor")?;
    let limit = CHANGE_PREDS_MAX;
    let pred_actors = walk(data(PRED_ACTOR), "predecessor", limit, Cursor::uleb, |_, actor| {
        actor.is_some_and(|actor| actor < actors)
    })?;
    let pred_counters = walk_delta(data(PRED_COUNTER), "predecessor", limit)?;
    if preds == pred_actors && preds == pred_counters {
        Ok(ops)
    } else {
        Err(ChangeError::Malformed { what: "predecessor" })
    }
}

/// Reads the text of a key or mark.
fn name(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u64, Cut> {
    let bytes = cursor.prefixed(what)?;
    if bytes.len() > KEY_BYTES_MAX || std::str::from_utf8(bytes).is_err() {
        return Err(Cut { what });
    }
    Ok(0)
}

/// Walks a run-length column and returns its rows. `read` reads one cell, `accept` sees each run's
/// length and cell (`None` for nulls) once. Work is bounded by the bytes, not by the runs.
fn walk<'a, T: Copy>(
    data: &'a [u8],
    what: &'static str,
    limit: u64,
    read: impl Fn(&mut Cursor<'a>, &'static str) -> Result<T, Cut>,
    mut accept: impl FnMut(u64, Option<T>) -> bool,
) -> Result<u64, ChangeError> {
    let malformed = ChangeError::Malformed { what };
    let mut cursor = Cursor::new(data);
    let mut rows = 0_u64;
    while cursor.remaining() > 0 {
        let run = cursor.sleb(what)?;
        let length = if run == 0 { cursor.uleb(what)? } else { run.unsigned_abs() };
        rows = rows.saturating_add(length);
        if length == 0 {
            return Err(malformed);
        }
        if rows > limit {
            return Err(ChangeError::Ops { limit });
        }
        let accepted = if run < 0 {
            let mut all = true;
            for _ in 0..length {
                all &= accept(1, Some(read(&mut cursor, what)?));
            }
            all
        } else if run > 0 {
            accept(length, Some(read(&mut cursor, what)?))
        } else {
            accept(length, None)
        };
        if !accepted {
            return Err(malformed);
        }
    }
    Ok(rows)
}

/// Walks a column of differences; every sum must be a counter.
fn walk_delta(data: &[u8], what: &'static str, limit: u64) -> Result<u64, ChangeError> {
    let mut sum = 0_i64;
    let in_range = |value: i64| u64::try_from(value).is_ok_and(|value| value <= COUNTER_MAX);
    walk(data, what, limit, Cursor::sleb, |rows, step: Option<i64>| {
        let Some(step) = step else { return true };
        // A run is monotonic, so its first and last sums bound all of them.
        let Some(first) = sum.checked_add(step) else { return false };
        let last = i64::try_from(rows)
            .ok()
            .and_then(|rows| step.checked_mul(rows))
            .and_then(|steps| sum.checked_add(steps));
        let Some(last) = last else { return false };
        sum = last;
        in_range(first) && in_range(last)
    })
}

/// Walks alternating runs of `false` and `true`.
fn walk_booleans(data: &[u8], what: &'static str) -> Result<u64, ChangeError> {
    let mut cursor = Cursor::new(data);
    let mut rows = 0_u64;
    while cursor.remaining() > 0 {
        rows = rows.saturating_add(cursor.uleb(what)?);
        if rows > CHANGE_OPS_MAX {
            return Err(ChangeError::Ops { limit: CHANGE_OPS_MAX });
        }
    }
    Ok(rows)
}

/// Walks the values: their types fit their bytes and use all of them.
fn check_values(meta: &[u8], data: &[u8]) -> Result<u64, ChangeError> {
    let mut values = Cursor::new(data);
    let rows = walk(meta, "value", CHANGE_OPS_MAX, Cursor::uleb, |rows, meta| {
        meta.is_some_and(|meta| (0..rows).try_for_each(|_| check_value(&mut values, meta)).is_ok())
    })?;
    if values.remaining() == 0 { Ok(rows) } else { Err(ChangeError::Malformed { what: "value" }) }
}

fn check_value(values: &mut Cursor<'_>, meta: u64) -> Result<(), ChangeError> {
    let malformed = ChangeError::Malformed { what: "value" };
    let length = usize::try_from(meta >> 4).map_err(|_| malformed.clone())?;
    let bytes = values.take(length, "value")?;
    let mut cursor = Cursor::new(bytes);
    let valid = match meta & 0b1111 {
        // Null, false, true.
        0..=2 => bytes.is_empty(),
        // An unsigned number.
        3 => cursor.uleb("value").is_ok() && cursor.remaining() == 0,
        // A signed number, a counter, a timestamp.
        4 | 8 | 9 => cursor.sleb("value").is_ok() && cursor.remaining() == 0,
        // A float.
        5 => bytes.len() == 8,
        // A text.
        6 => std::str::from_utf8(bytes).is_ok(),
        // Bytes.
        7 => true,
        _ => false,
    };
    if valid { Ok(()) } else { Err(malformed) }
}
