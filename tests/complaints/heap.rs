//! An allocator that counts: what is held, the most that ever was, and all that was ever asked for. A figure
//! that does not depend on how fast the machine is.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};

struct Counting;

static HELD: AtomicI64 = AtomicI64::new(0);
static MOST: AtomicI64 = AtomicI64::new(0);
static ASKED: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Set in the process that measures: other tests of this binary must not share its memory.
const ALONE: &str = "BIENBAN_COMPLAINTS_ALONE";

fn size(layout: Layout) -> i64 {
    i64::try_from(layout.size()).unwrap_or(i64::MAX)
}

#[allow(unsafe_code, reason = "an allocator cannot be written without; it only counts")]
// SAFETY: every call is the system allocator's with the same arguments, and so are its promises.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = size(layout);
        ASKED.fetch_add(bytes, Ordering::Relaxed);
        let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(size(layout), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How many bytes were asked for while `work` ran, whether they were given back or not.
pub(crate) fn asked<T>(work: impl FnOnce() -> T) -> (i64, T) {
    let before = ASKED.load(Ordering::Relaxed);
    let done = work();
    (ASKED.load(Ordering::Relaxed) - before, done)
}

/// How many bytes more were held at any moment while `work` ran than at its start.
pub(crate) fn most<T>(work: impl FnOnce() -> T) -> (i64, T) {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let done = work();
    (MOST.load(Ordering::Relaxed) - before, done)
}

/// Runs a test in a process of its own and prints what it said. Returns whether this is that process, and
/// the test is to go on.
pub(crate) fn is_alone(name: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let told = command.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{said}{}", String::from_utf8_lossy(&told.stderr));
    assert!(said.contains("1 passed"), "{name} was not run: {said}");
    print!("{said}");
    false
}
