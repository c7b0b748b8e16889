//! Lets many views look at the rows while no commit changes them.
//!
//! A reader–writer lock in which a waiting writer holds new readers back, except on a thread that
//! already holds a view: that one must never wait for a writer who waits for it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// How many views this thread holds, by gate.
    static HELD: RefCell<BTreeMap<u64, usize>> = const { RefCell::new(BTreeMap::new()) };
}

#[derive(Debug, Default)]
struct State {
    readers: usize,
    waiting_writers: usize,
    writing: bool,
}

/// The lock.
#[derive(Debug)]
pub(super) struct Gate {
    id: u64,
    state: Mutex<State>,
    changed: Condvar,
}

/// The right to read; stays on its thread.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    gate: &'a Gate,
    not_send: PhantomData<*const ()>,
}

/// The right to write.
#[derive(Debug)]
pub(super) struct Writing<'a>(&'a Gate);

impl Gate {
    /// Makes an open gate.
    pub(super) fn new() -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { id, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Whether this thread holds a view, so that waiting for a writer would never end.
    pub(super) fn held_here(&self) -> bool {
        HELD.with_borrow(|held| held.contains_key(&self.id))
    }

    /// Waits for the writers and enters.
    pub(super) fn read(&self) -> Reading<'_> {
        let again = self.held_here();
        let mut state = self.state();
        while state.writing || (state.waiting_writers > 0 && !again) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.readers += 1;
        HELD.with_borrow_mut(|held| *held.entry(self.id).or_default() += 1);
        Reading { gate: self, not_send: PhantomData }
    }

    /// Waits for all others and enters.
    pub(super) fn write(&self) -> Writing<'_> {
        let mut state = self.state();
        state.waiting_writers += 1;
        while state.writing || state.readers > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting_writers -= 1;
        state.writing = true;
        Writing(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| {
            if let Some(count) = held.get_mut(&self.gate.id) {
                *count -= 1;
                if *count == 0 {
                    held.remove(&self.gate.id);
                }
            }
        });
        self.gate.state().readers -= 1;
        self.gate.changed.notify_all();
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.state().writing = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_view_on_the_same_thread_does_not_wait_for_a_waiting_writer() {
        let gate = Gate::new();
        std::thread::scope(|scope| {
            let first = gate.read();
            scope.spawn(|| drop(gate.write()));
            while gate.state().waiting_writers == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(gate.held_here());
            drop(gate.read());
            drop(first);
        });
        assert!(!gate.held_here());
    }

    #[test]
    fn a_writer_waits_for_views() {
        let gate = Gate::new();
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let view = gate.read();
            scope.spawn(|| {
                let _writing = gate.write();
                order.lock().unwrap().push("write");
            });
            std::thread::sleep(Duration::from_millis(20));
            order.lock().unwrap().push("read");
            drop(view);
        });
        assert_eq!(*order.lock().unwrap(), ["read", "write"]);
    }
}
