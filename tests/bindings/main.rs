//! The shared day of `bindings/scenario`, played by phone programs of any language against a real hub:
//! `bindings-day [--phone WHO=PROGRAM]… [--keep DIR]`. Ends with 0 only if every phone's digest is the Rust client's.
//!
//! The same program is the phone in Rust (`bindings-day phone`), and the hub and the client (`bindings-day serve`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a harness stops at the first surprise")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it tells what it does")]

mod day;
mod office;
mod phone;
mod talk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use bienban_tests::binary;

/// Says which words there are.
const USAGE: &str = "bindings-day [--phone WHO=PROGRAM | --phone *=PROGRAM]... [--keep DIR]";

fn main() -> ExitCode {
    if binary::is_program() {
        return bienban_server::cli::main();
    }
    binary::use_this();
    let mut words = std::env::args().skip(1);
    let mut programs = BTreeMap::new();
    let mut keep = None;
    while let Some(word) = words.next() {
        match (word.as_str(), words.next()) {
            ("phone", None) => return phone::run(),
            ("--phone", Some(named)) => {
                let Some((who, program)) = named.split_once('=') else { return usage() };
                programs.insert(who.to_owned(), program.to_owned());
            }
            ("--keep", Some(dir)) => keep = Some(PathBuf::from(dir)),
            _ => return usage(),
        }
    }
    match day::play(&programs, keep.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
