//! The program `bienban`, built with this package: cargo builds a package's own programs before its
//! tests, so a test never runs a stale one. Its `main` is that of the real one; only a child that merges
//! ends or hangs here on certain words, as Automerge might on bytes that nobody knows yet.

#![allow(clippy::panic, reason = "it ends on purpose, as a bug of a library would end it")]

use std::time::Duration;

/// What ends such a child, and how.
const POISON: [(&str, fn()); 5] = [
    ("POISON-PANIC", || panic!("as a bug would")),
    ("POISON-ABORT", || std::process::abort()),
    ("POISON-MEMORY", eat),
    ("POISON-SPIN", spin),
    ("POISON-HANG", || std::thread::sleep(Duration::from_secs(3_600))),
];

fn main() -> std::process::ExitCode {
    bienban_server::cli::main_with(poisoned)
}

fn poisoned(job: &[u8]) {
    for (word, end) in POISON {
        if job.windows(word.len()).any(|found| found == word.as_bytes()) {
            end();
        }
    }
}

fn eat() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1_u8; 1 << 20]);
        std::hint::black_box(&eaten);
    }
}

fn spin() {
    loop {
        std::hint::spin_loop();
    }
}
