//! Where the program `bienban` is, built from the sources as they are now.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Names another program to test, for instance an installed one.
const VARIABLE: &str = "BIENBAN_BIN";

/// Folders whose files the program is built from, from the root of the workspace.
const SOURCES: [&str; 6] =
    ["core/src", "core/data", "server/src", "server/data", "server/messages", "Cargo.lock"];

/// Returns the program's path. `cargo test --workspace` has built it by the time a test runs; when
/// only this package is tested it may be missing or older than the sources, and is built here.
///
/// # Panics
///
/// Panics when it cannot be built, which makes the test fail that asked for it.
#[must_use]
pub fn bienban() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        std::env::var_os(VARIABLE)
            .map_or_else(|| found_or_built().expect("bienban builds"), PathBuf::from)
    })
}

fn found_or_built() -> io::Result<PathBuf> {
    // target/PROFILE/deps/TEST-HASH
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).ok_or(io::ErrorKind::NotFound)?.to_owned();
    let program = folder.join(format!("bienban{}", std::env::consts::EXE_SUFFIX));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut newest = SystemTime::UNIX_EPOCH;
    for source in SOURCES {
        newest = newest.max(changed(&root.join(source))?);
    }
    let built = fs::metadata(&program).and_then(|program| program.modified());
    if built.is_ok_and(|built| built >= newest) {
        return Ok(program);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&root).args([
        "build",
        "--quiet",
        "-p",
        "bienban-server",
        "--bin",
        "bienban",
    ]);
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    if folder.ends_with("release") {
        command.arg("--release");
    }
    if command.status()?.success() { Ok(program) } else { Err(io::ErrorKind::Other.into()) }
}

/// Returns when the newest file below a path was changed.
fn changed(path: &Path) -> io::Result<SystemTime> {
    let metadata = fs::metadata(path)?;
    let mut newest = metadata.modified()?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(changed(&entry?.path())?);
        }
    }
    Ok(newest)
}
