//! Rows as they will be once a commit is applied: staged changes laid over an engine's rows.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::rows::{Engine, PAGE_ROWS, TABLE_ROWS, read_value, row_key, scan_values};
use super::{Read, Row, StoreError, Writes};

/// Reads the owner's rows of an engine.
pub(super) struct OwnerRows<'a>(pub(super) &'a dyn Engine);

impl Read for OwnerRows<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        read_value(self.0, &row_key(key))
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let after = after.map(row_key);
        let mut rows = scan_values(self.0, &row_key(prefix), after.as_deref(), limit)?;
        for (key, _) in &mut rows {
            debug_assert_eq!(key.first(), Some(&TABLE_ROWS));
            key.remove(0);
        }
        Ok(rows)
    }
}

/// Staged changes of a group of commits over the rows before it.
pub(super) struct Overlay<'a> {
    below: OwnerRows<'a>,
    staged: BTreeMap<Vec<u8>, Staged>,
}

/// What a commit changed in an [`Overlay`], to take it back.
#[derive(Default)]
pub(super) struct Undo(Vec<(Vec<u8>, Option<Staged>)>);

/// A value to put, or `None` to remove.
type Staged = Option<Vec<u8>>;

impl<'a> Overlay<'a> {
    /// Starts with nothing staged.
    pub(super) fn new(engine: &'a dyn Engine) -> Self {
        Self { below: OwnerRows(engine), staged: BTreeMap::new() }
    }

    /// Stages changes and remembers in `undo` what they replaced.
    pub(super) fn stage(&mut self, writes: Writes, undo: &mut Undo) {
        for (key, value) in writes.0 {
            let before = self.staged.insert(key.clone(), value);
            undo.0.push((key, before));
        }
    }

    /// Takes back what `undo` remembers.
    pub(super) fn undo(&mut self, undo: Undo) {
        for (key, before) in undo.0.into_iter().rev() {
            match before {
                Some(value) => self.staged.insert(key, value),
                None => self.staged.remove(&key),
            };
        }
    }

    /// Returns all staged changes.
    pub(super) fn into_staged(self) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
        self.staged
    }
}

impl Read for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.staged.get(key) {
            Some(staged) => Ok(staged.clone()),
            None => self.below.get(key),
        }
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut staged = self
            .staged
            .range::<[u8], _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .peekable();
        let mut below = Pages::new(&self.below, prefix, after, limit);
        let mut rows = Vec::new();
        while rows.len() < limit {
            let stored = below.peek()?.map(|(key, _)| key.clone());
            match (staged.peek(), stored) {
                (None, None) => break,
                (Some((key, _)), Some(stored)) if **key > stored => rows.extend(below.next()),
                (None, Some(_)) => rows.extend(below.next()),
                (Some((key, value)), stored) => {
                    if stored.as_ref() == Some(*key) {
                        below.next();
                    }
                    if let Some(value) = value {
                        rows.push(((*key).clone(), value.clone()));
                    }
                    staged.next();
                }
            }
        }
        Ok(rows)
    }
}

/// Reads stored rows page by page.
struct Pages<'a> {
    rows: &'a OwnerRows<'a>,
    prefix: &'a [u8],
    after: Option<Vec<u8>>,
    page_rows: usize,
    page: std::vec::IntoIter<Row>,
    ended: bool,
}

impl<'a> Pages<'a> {
    fn new(rows: &'a OwnerRows<'a>, prefix: &'a [u8], after: Option<&[u8]>, limit: usize) -> Self {
        let page_rows = limit.clamp(1, PAGE_ROWS);
        let after = after.map(<[u8]>::to_vec);
        Self { rows, prefix, after, page_rows, page: Vec::new().into_iter(), ended: false }
    }

    fn peek(&mut self) -> Result<Option<&Row>, StoreError> {
        if self.page.as_slice().is_empty() && !self.ended {
            let page = self.rows.scan(self.prefix, self.after.as_deref(), self.page_rows)?;
            match page.last() {
                Some((key, _)) => self.after = Some(key.clone()),
                None => self.ended = true,
            }
            self.page = page.into_iter();
        }
        Ok(self.page.as_slice().first())
    }

    /// Takes the row that [`Pages::peek`] showed.
    fn next(&mut self) -> Option<Row> {
        self.page.next()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::entry::{Head, StoreId};
    use super::super::memory::MemoryEngine;
    use super::super::rows::{Meta, RowSum, Staging, check_rows};
    use super::*;

    /// Few keys that share prefixes, so that rows meet.
    fn changes() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>)>> {
        let key = proptest::collection::vec(b'a'..=b'c', 0..4);
        let value = proptest::option::of(proptest::collection::vec(any::<u8>(), 0..3));
        proptest::collection::vec((key, value), 0..40)
    }

    proptest! {
        #[test]
        fn an_overlay_reads_like_rows_that_were_written(
            stored in changes(),
            staged in changes(),
            undone in changes(),
            prefix in proptest::collection::vec(b'a'..=b'c', 0..2),
            after in proptest::option::of(proptest::collection::vec(b'a'..=b'c', 0..4)),
            limit in 0_usize..12,
        ) {
            let engine = Arc::new(MemoryEngine::default());
            let store = StoreId([0; 16]);
            let mut meta = Meta::empty(1, store);
            let mut model = BTreeMap::new();
            let mut staging = Staging::new(&engine, meta);
            for (key, value) in &stored {
                model.insert(key.clone(), value.clone());
                staging.write(row_key(key), value.as_deref()).unwrap();
            }
            let (batch, written) = staging.finish(Head::start(store));
            engine.apply(batch).unwrap();
            meta = written;
            let (sum, damaged) = check_rows(&engine, u64::MAX).unwrap();
            prop_assert_eq!((sum, damaged), (meta.sum, vec![]));

            let mut overlay = Overlay::new(&engine);
            for (key, value) in staged {
                let mut writes = Writes::default();
                writes.0.insert(key.clone(), value.clone());
                overlay.stage(writes, &mut Undo::default());
                model.insert(key, value);
            }
            let mut undo = Undo::default();
            overlay.stage(Writes(undone.into_iter().collect()), &mut undo);
            overlay.undo(undo);

            let wanted: Vec<Row> = model
                .iter()
                .filter(|(key, _)| key.starts_with(&prefix))
                .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after))
                .filter_map(|(key, value)| Some((key.clone(), value.clone()?)))
                .take(limit)
                .collect();
            prop_assert_eq!(overlay.scan(&prefix, after.as_deref(), limit).unwrap(), wanted);
            for (key, value) in &model {
                prop_assert_eq!(&overlay.get(key).unwrap(), value);
            }
        }

        #[test]
        fn the_sum_of_rows_does_not_depend_on_their_order(rows in changes()) {
            let (mut one, mut other) = (RowSum::default(), RowSum::default());
            rows.iter().for_each(|(key, value)| one.add(key, value.as_deref().unwrap_or(b"")));
            rows.iter().rev().for_each(|(key, value)| other.add(key, value.as_deref().unwrap_or(b"")));
            prop_assert_eq!(one, other);
            rows.iter().for_each(|(key, value)| one.remove(key, value.as_deref().unwrap_or(b"")));
            prop_assert_eq!(one, RowSum::default());
        }
    }
}
