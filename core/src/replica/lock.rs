//! The edit lock of a phone: a person goes before a neighbour.
//!
//! Whoever reads a document, decides on it and records the outcome holds it. Work that comes in
//! slices lets go of it after each; an edit that waits gets it next, whatever else waits. A mutex
//! alone would not do that: the thread that lets go may take it again before another wakes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::ReplicaError;

/// The lock. See the module.
#[derive(Debug, Default)]
pub(super) struct EditLock {
    turns: Mutex<Turns>,
    next: Condvar,
    /// Taken by whoever has the turn, and so never waited for long; a holder that panics half-way
    /// poisons it.
    whole: Mutex<()>,
}

#[derive(Debug, Default)]
struct Turns {
    held: bool,
    /// Edits that wait.
    waiting: usize,
}

/// Lets go of the lock when it goes out of scope.
#[derive(Debug)]
#[must_use]
pub(super) struct Editing<'a> {
    // Released in this order: nobody who has the turn then finds the other one held.
    _whole: MutexGuard<'a, ()>,
    _turn: Turn<'a>,
}

#[derive(Debug)]
struct Turn<'a>(&'a EditLock);

impl EditLock {
    /// Takes the lock for an edit, or for what must not wait longer than one.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Interrupted`] when a holder panicked.
    pub(super) fn lock(&self) -> Result<Editing<'_>, ReplicaError> {
        let mut turns = self.turns();
        turns.waiting += 1;
        while turns.held {
            turns = self.next.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        turns.waiting -= 1;
        turns.held = true;
        drop(turns);
        Turn(self).hold()
    }

    /// Takes the lock for one slice of long work, behind every edit that waits.
    ///
    /// # Errors
    ///
    /// As [`Self::lock`].
    pub(super) fn lock_behind_edits(&self) -> Result<Editing<'_>, ReplicaError> {
        let mut turns = self.turns();
        while turns.held || turns.waiting > 0 {
            turns = self.next.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        turns.held = true;
        drop(turns);
        Turn(self).hold()
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        // Its two numbers are whole at any moment.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many edits wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.turns().waiting
    }
}

impl<'a> Turn<'a> {
    fn hold(self) -> Result<Editing<'a>, ReplicaError> {
        let whole = self.0.whole.lock().map_err(|_| ReplicaError::Interrupted)?;
        Ok(Editing { _whole: whole, _turn: self })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.turns().held = false;
        self.0.next.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Shared;
    use std::thread;

    use super::*;

    #[test]
    fn an_edit_that_waits_goes_before_the_next_slice() {
        let (lock, order) = (EditLock::default(), Shared::new(Vec::new()));
        let slice = lock.lock_behind_edits().unwrap();
        thread::scope(|scope| {
            for name in ["first", "second"] {
                let (lock, order) = (&lock, &order);
                scope.spawn(move || {
                    let _guard = lock.lock().unwrap();
                    order.lock().unwrap().push(name);
                });
            }
            while lock.waiting() < 2 {
                thread::yield_now();
            }
            drop(slice);
            let _next = lock.lock_behind_edits().unwrap();
            order.lock().unwrap().push("slice");
        });
        assert_eq!(order.lock().unwrap()[2], "slice");
    }

    #[test]
    fn after_a_panic_nobody_edits_and_nobody_hangs() {
        let lock = EditLock::default();
        let held = thread::scope(|scope| {
            let half = scope.spawn(|| {
                let _guard = lock.lock().unwrap();
                panic!("half-way");
            });
            half.join()
        });
        assert!(held.is_err());
        assert!(matches!(lock.lock(), Err(ReplicaError::Interrupted)));
        assert!(matches!(lock.lock_behind_edits(), Err(ReplicaError::Interrupted)));
    }
}
