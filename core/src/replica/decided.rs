//! The rows of the control log, read and checked: for whoever checks a hub's folder or a backup of it.

use super::ReplicaError;
use super::documents::each_row;
use super::rows::{self, CONTROL, ControlRow};
use crate::store::Store;
use crate::trust::control::ControlEntry;

/// A control log that was read whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlCheck {
    /// Entries of all units.
    pub entries: u64,
    /// What does not hold, in English; empty when all is well.
    pub problems: Vec<String>,
}

/// How many problems one check names.
const PROBLEMS_MAX: usize = 16;

/// Reads every entry of the control log in a hub's store: that it is one, that the signatures of the hub and
/// of who decided hold, and that it continues the one before it in its unit. Whether the keys had the right
/// to decide was judged when they were entered.
///
/// # Errors
///
/// Returns [`ReplicaError::Store`] when reading fails.
pub fn check_control(store: &dyn Store) -> Result<ControlCheck, ReplicaError> {
    let mut check = ControlCheck::default();
    // The log that is being read, and the number and hash of the last entry in it.
    let (mut log, mut last) = (Vec::new(), (0, [0; 32]));
    each_row(store, &[CONTROL], None, |key, value| {
        let (of, number) = (key[..key.len().saturating_sub(8)].to_vec(), rows::number_in(key));
        let number = number.unwrap_or(u64::MAX);
        if of != log {
            (log, last) = (of, (0, [0; 32]));
        }
        let row = rows::decode::<ControlRow>(key, value)?;
        check.entries += 1;
        if let Err(why) = entry_holds(&row, number, last) {
            check.say(why);
        }
        last = (number, row.hash);
        Ok(())
    })?;
    Ok(check)
}

/// Returns what is wrong with an entry that should follow `last`.
fn entry_holds(row: &ControlRow, number: u64, last: (u64, [u8; 32])) -> Result<(), String> {
    let named = |what: &str| format!("control entry {number}: {what}");
    let entry = ControlEntry::decode(&row.bytes).map_err(|error| named(&error.to_string()))?;
    let named = |what: &str| format!("control entry {number} of {}: {what}", entry.scope());
    entry.verify().map_err(|error| named(&error.to_string()))?;
    if last.0.checked_add(1) != Some(number) {
        return Err(named(&format!("the one before it is {}", last.0)));
    }
    let head = entry.head().map_err(|error| named(&error.to_string()))?;
    if entry.number != number || entry.previous != last.1 || head.hash != row.hash {
        return Err(named("it does not continue the one before it"));
    }
    Ok(())
}

impl ControlCheck {
    fn say(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}
