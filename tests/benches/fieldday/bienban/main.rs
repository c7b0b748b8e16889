//! Bienban as a system under test of the day in the field (`README.md` beside this folder): a hub, and one process
//! for each phone. Everything goes through the public interface of the core, with all promises on: TLS, signatures,
//! sealed folders, durable before it is acknowledged.
//!
//! `fieldday prepare DATA SHARED INSPECTORS`, `fieldday client PHASE DIR SHARED HUB DOCS ITEMS INSPECTOR INSPECTORS
//! SEED`; started with a word of the program, as `fieldday --json serve`, it is `bienban`.
#![allow(clippy::unwrap_used, reason = "a harness stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "that is how it speaks to the harness")]

#[path = "../workload/field.rs"]
#[allow(
    unreachable_pub,
    missing_docs,
    clippy::pedantic,
    reason = "the workload is a file of the harness"
)]
mod field;
mod office;
mod phone;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bienban_core::client::Client;
use bienban_tests::binary;
use field::Field;

/// The folder of the device with a number, until that device takes it.
fn made(shared: &Path, number: usize) -> PathBuf {
    shared.join(format!("device-{number}"))
}

fn main() -> ExitCode {
    if binary::is_program() {
        return bienban_server::cli::main();
    }
    binary::use_this();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = words.iter().map(String::as_str).collect();
    match given[..] {
        ["prepare", data, shared, inspectors] => {
            office::prepare(Path::new(data), Path::new(shared), inspectors.parse().unwrap());
            ExitCode::SUCCESS
        }
        ["client", ..] => {
            phone::run(&Field::from_args(&words[1..]));
            ExitCode::SUCCESS
        }
        _ => {
            println!("fieldday prepare|client|serve: see benches/README.md");
            ExitCode::from(2)
        }
    }
}

/// Opens a device's folder: a phone's is sealed under a key that its keystore would give, the office's is not.
fn open(dir: &Path, field: &Field) -> Client {
    use bienban_core::client::OpenWith;
    let key = (field.inspector != field.inspectors).then(|| key(field.inspector));
    let with = OpenWith { key: key.as_ref(), holder: "", patience: std::time::Duration::ZERO };
    Client::open_with(dir, with).unwrap()
}

/// Returns that key.
fn key(number: usize) -> bienban_core::trust::rest::StoreKey {
    let hash = blake3::derive_key("bienban 2026-11 keystore of a bench", &number.to_le_bytes());
    bienban_core::trust::rest::StoreKey::key(&hash)
}
