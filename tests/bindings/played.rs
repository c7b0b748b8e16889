//! That the shared day of `bindings/scenario` ends with equal digests, whatever language its phones speak.
#![allow(clippy::print_stderr, reason = "what is missing here is said, not passed over")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Plays the day; returns what was said where it does not end well.
fn play(arguments: &[String]) -> Result<String, String> {
    let played = Command::new(env!("CARGO_BIN_EXE_bindings-day")).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    if played.status.success() {
        return Ok(said);
    }
    Err(format!("{said}\n{}", String::from_utf8_lossy(&played.stderr)))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn four_phones_that_use_the_facade_hold_the_record_of_the_rust_client() {
    let said = play(&[]).unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains("equal: 4 phones and the Rust client"), "{said}");
}

#[test]
fn python_phones_hold_it_too_where_their_package_was_built() {
    let package = root().join("target/python/bienban/bienban_bindings.py");
    if Command::new("python3").arg("--version").output().is_err() {
        return eprintln!("skipped: there is no python3");
    }
    if !package.exists() {
        return eprintln!(
            "skipped: the package is not built; run `python3 bindings/python/build.py`"
        );
    }
    let program = format!("python3 {}", root().join("bindings/python/scenario.py").display());
    let phones = ["A", "B", "C"].map(|who| ["--phone".to_owned(), format!("{who}={program}")]);
    let said = play(&phones.concat()).unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains("equal: 4 phones and the Rust client"), "{said}");
}
