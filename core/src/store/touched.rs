//! Which rows were written lately: for whoever shows them and must not read everything to find out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Names remembered at once. A phone's day writes to some hundred records; a first pull may bring more, and
/// then everything is read anew, which is what a list does anyway. With two maps of names of 33 bytes it is less than a
/// megabyte.
pub(super) const NAMES_MAX: usize = 4_096;

/// The rows of some tables that were written since the store was opened, in memory.
///
/// A row's name is the beginning of its key. A row is named once it can be read as written, and is named also
/// where the same was written again.
#[derive(Debug)]
pub struct Touched {
    tables: &'static [u8],
    name_bytes: usize,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    /// The turn of the latest write.
    turn: u64,
    /// Up to this turn, which names were written is not known any more.
    forgotten: u64,
    turns: BTreeMap<Vec<u8>, u64>,
    names: BTreeMap<u64, Vec<u8>>,
}

/// What was written after a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// Names of rows, in the order in which they were last written.
    pub names: Vec<Vec<u8>>,
    /// Others may have been written too.
    pub more: bool,
    /// The turn to ask for next time.
    pub turn: u64,
}

impl Touched {
    /// Watches tables, each the first byte of a key; a row's name is the first `name_bytes` bytes of its key.
    #[must_use]
    pub fn new(tables: &'static [u8], name_bytes: usize) -> Self {
        Self { tables, name_bytes, names: Mutex::default() }
    }

    /// Returns what was written after `turn`; 0 is the opening of the store.
    #[must_use]
    pub fn since(&self, turn: u64) -> Since {
        let names = self.names();
        Since {
            names: names
                .names
                .range(turn.saturating_add(1)..)
                .map(|(_, name)| name.clone())
                .collect(),
            more: turn < names.forgotten,
            turn: names.turn,
        }
    }

    /// Picks the names of watched rows among keys.
    pub(super) fn names_in<'k>(&self, keys: impl Iterator<Item = &'k Vec<u8>>) -> Vec<Vec<u8>> {
        let watched = |key: &&Vec<u8>| key.first().is_some_and(|table| self.tables.contains(table));
        let mut names: Vec<_> =
            keys.filter(watched).filter_map(|key| key.get(..self.name_bytes)).collect();
        names.dedup();
        names.into_iter().map(<[u8]>::to_vec).collect()
    }

    /// Notes that rows can be read as they were written.
    pub(super) fn note(&self, written: Vec<Vec<u8>>) {
        let mut names = self.names();
        for name in written {
            names.turn += 1;
            let turn = names.turn;
            if let Some(before) = names.turns.insert(name.clone(), turn) {
                names.names.remove(&before);
            }
            names.names.insert(turn, name);
            if names.names.len() > NAMES_MAX
                && let Some((turn, name)) = names.names.pop_first()
            {
                names.turns.remove(&name);
                names.forgotten = turn;
            }
        }
    }

    /// Notes that any row may read otherwise now: the index was made anew.
    pub(super) fn note_all(&self) {
        let mut names = self.names();
        names.turn += 1;
        *names = Names { turn: names.turn, forgotten: names.turn, ..Names::default() };
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        // A panic cannot leave these half changed in a way that matters: at worst a name is said twice.
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(touched: &Touched, keys: &[&[u8]]) {
        let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
        touched.note(touched.names_in(keys.iter()));
    }

    #[test]
    fn rows_of_watched_tables_are_named_once_by_the_beginning_of_their_keys() {
        let touched = Touched::new(b"ab", 3);
        noted(&touched, &[b"a11x", b"a11y", b"b22", b"c33"]);
        let first = touched.since(0);
        assert_eq!(first.names, [b"a11".to_vec(), b"b22".to_vec()]);
        assert!(!first.more);
        noted(&touched, &[b"a11z"]);
        assert_eq!(touched.since(first.turn).names, [b"a11".to_vec()]);
        assert_eq!(touched.since(0).names, [b"b22".to_vec(), b"a11".to_vec()]);
        assert_eq!(touched.since(touched.since(0).turn).names, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn who_asks_late_is_told_that_there_was_more() {
        let touched = Touched::new(b"a", 9);
        for number in 0..=NAMES_MAX as u64 {
            noted(&touched, &[&[b"a".as_slice(), &number.to_be_bytes()].concat()]);
        }
        assert!(touched.since(0).more);
        assert_eq!(touched.since(0).names.len(), NAMES_MAX);
        assert!(!touched.since(1).more, "the first alone was forgotten");
        touched.note_all();
        let all = touched.since(1);
        assert!(all.more && all.names.is_empty());
        assert!(!touched.since(all.turn).more);
    }
}
