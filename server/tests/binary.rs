//! That the program starts. Having an integration test also makes cargo build the program before any
//! test of the workspace runs, so that the process tests find it.

use std::process::Command;

#[test]
fn the_program_says_its_version() {
    let output = Command::new(env!("CARGO_BIN_EXE_bienban")).arg("--version").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim(), format!("bienban {}", env!("CARGO_PKG_VERSION")));
}
