//! The edit lock of a phone: a person goes before a neighbour.
//!
//! Whoever reads a document, decides on it and records the outcome holds it. Work that comes in
//! slices lets go of it after each; an edit that waits gets it next, whatever else waits. A mutex
//! alone would not do that: the thread that lets go may take it again before another wakes.

use std::sync::{Condvar, Mutex, PoisonError};

use super::ReplicaError;

/// The lock. See the module.
#[derive(Debug, Default)]
pub(super) struct EditLock {
    state: Mutex<State>,
    turn: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: bool,
    /// Edits that wait.
    waiting: usize,
    /// Who held it panicked half-way.
    broken: bool,
}

/// Lets go of the lock when it goes out of scope.
#[derive(Debug)]
#[must_use]
pub(super) struct Editing<'a>(&'a EditLock);

impl EditLock {
    /// Takes the lock for an edit, or for what must not wait longer than one.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Interrupted`] when a holder panicked.
    pub(super) fn lock(&self) -> Result<Editing<'_>, ReplicaError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        while state.held {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
        self.hold(state.broken, &mut state.held)
    }

    /// Takes the lock for one slice of long work, behind every edit that waits.
    ///
    /// # Errors
    ///
    /// As [`Self::lock`].
    pub(super) fn lock_behind_edits(&self) -> Result<Editing<'_>, ReplicaError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.held || state.waiting > 0 {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.hold(state.broken, &mut state.held)
    }

    fn hold(&self, broken: bool, held: &mut bool) -> Result<Editing<'_>, ReplicaError> {
        if broken {
            // The others that wait are to be told so too.
            self.turn.notify_all();
            return Err(ReplicaError::Interrupted);
        }
        *held = true;
        Ok(Editing(self))
    }

    /// Returns how many edits wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).waiting
    }
}

impl Drop for Editing<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.held = false;
        state.broken |= std::thread::panicking();
        drop(state);
        self.0.turn.notify_all();
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
