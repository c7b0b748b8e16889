//! Many phones at one hub for minutes, with faults: see `docs/reliability.md`.
//!
//! ```sh
//! cargo run --release -p bienban-tests --bin soak -- --phones 200 --minutes 10
//! ```
//!
//! The hub is this program again: its `main` is that of `bienban` when it is started as one.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bienban_tests::soak::{self, Plan};
use bienban_tests::{binary, process};

const USAGE: &str =
    "soak [--phones N] [--minutes M | --seconds S] [--seed S] [--hub-kills N] [--json FILE]";

struct Arguments {
    phones: usize,
    typing: Duration,
    seed: Option<u64>,
    hub_kills: Option<u32>,
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    if binary::is_program() {
        return bienban_server::cli::main();
    }
    if let Some(code) = soak::host() {
        return code;
    }
    let Some(arguments) = read() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    binary::use_this();
    process::open_as_many_as_may_be();
    let seed = arguments.seed.unwrap_or_else(|| bienban_tests::seed("soak"));
    let mut plan = Plan::of(arguments.phones, arguments.typing, seed);
    if let Some(kills) = arguments.hub_kills {
        plan.hub_kills = kills;
    }
    let report = soak::run(&plan);
    print!("{}", report.text());
    if let Some(path) = arguments.json {
        let text = serde_json::to_string_pretty(&report).unwrap_or_default();
        if let Err(error) = std::fs::write(&path, text) {
            eprintln!("cannot write {}: {error}", path.display());
            return ExitCode::from(2);
        }
    }
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read() -> Option<Arguments> {
    let mut read = Arguments {
        phones: 200,
        typing: Duration::from_secs(600),
        seed: None,
        hub_kills: None,
        json: None,
    };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given.next()?;
        match name.as_str() {
            "--phones" => read.phones = value.parse().ok().filter(|count| *count > 0)?,
            "--minutes" => read.typing = Duration::from_secs_f64(value.parse::<f64>().ok()? * 60.0),
            "--seconds" => read.typing = Duration::from_secs(value.parse().ok()?),
            "--seed" => read.seed = Some(value.parse().ok()?),
            "--hub-kills" => read.hub_kills = Some(value.parse().ok()?),
            "--json" => read.json = Some(value.into()),
            _ => return None,
        }
    }
    Some(read)
}
