//! What a phone pays for: an answer made durable, opening and listing, memory, disk, and a day of work with what wears
//! a battery down. A plain program that prints tables; it asserts no times, but that what it reads back is right. The
//! phone's folder is sealed, what is recorded is synced, and the hub is a process of its own that is reached by QUIC.
//!
//! `BIENBAN_PHONE=1000` says how many inspections are stored and listed. Started with a word of the program it is
//! `bienban`, and with `BIENBAN_PHONE_PART` it is one of its own parts, each of which has a process for itself.
#![allow(clippy::print_stdout, reason = "a report is what this program is for")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a broken bench must stop")]

mod day;
#[path = "../fieldday/workload/field.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    reason = "the workload is a file of the harness of the day in the field"
)]
mod field;
mod meter;
#[path = "../fieldday/bienban/office.rs"]
mod office;
mod stored;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use bienban_core::client::{Client, OpenWith};
use bienban_core::trust::rest::StoreKey;
use bienban_tests::binary;

/// How many inspections are stored, unless `BIENBAN_PHONE` says otherwise.
const COUNT: usize = 10_000;

fn main() -> ExitCode {
    if binary::is_program() {
        return bienban_server::cli::main();
    }
    binary::use_this();
    match meter::part() {
        Some((part, root)) => run(&part, &root),
        None => {
            report();
            ExitCode::SUCCESS
        }
    }
}

/// What runs in a process of its own, by name.
fn run(part: &str, root: &Path) -> ExitCode {
    let said = match part {
        "answers" => day::answers(root),
        "evening" => day::evening(root),
        "connected" => day::connected(root, day::MINUTE),
        "connected-not" => day::connected(root, Duration::ZERO),
        "grades" => day::grades(root),
        "condense-day" => stored::condense(&day::phone(root)),
        "open" => stored::open(&root.join("phone")),
        "condense" => stored::condense(&root.join("phone")),
        _ => return ExitCode::from(2),
    };
    println!("{said}");
    ExitCode::SUCCESS
}

fn report() {
    let count = bienban_tests::figure("BIENBAN_PHONE", COUNT);
    day::report();
    stored::report(u32::try_from(count).unwrap());
}

/// The folder of the device with a number.
fn made(shared: &Path, number: usize) -> PathBuf {
    shared.join(format!("device-{number}"))
}

/// The key that a phone's keystore would give.
fn key(number: usize) -> StoreKey {
    let hash = blake3::derive_key("bienban 2026-11 keystore of a bench", &number.to_le_bytes());
    StoreKey::key(&hash)
}

/// Opens a phone's sealed folder.
fn open(dir: &Path, number: usize) -> Client {
    let key = key(number);
    let with = OpenWith { key: Some(&key), holder: "", patience: Duration::ZERO };
    Client::open_with(dir, with).unwrap()
}
