//! Finds the program under test and starts it in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use bienban_server::merging::{MergeConfig, Merging};

/// Names another program to test, for instance an installed one.
const VARIABLE: &str = "BIENBAN_BIN";

/// The program's name among this package's: its `main` is that of `bienban`.
const NAME: &str = "bienban-tested";

/// Variables of the program start like this; so do those that steer the tests.
const VARIABLES: &str = "BIENBAN_";

static PATH: OnceLock<PathBuf> = OnceLock::new();

/// Words by which a program that is more than one is started as `bienban`: first of all, or behind `--json`.
const COMMANDS: [&str; 5] = ["serve", "admin", "field", "verify", "merge-worker"];

/// Returns whether this process was started as `bienban`, where its own program can be that too.
#[must_use]
pub fn is_program() -> bool {
    let first = std::env::args().skip(1).find(|word| word != "--json");
    first.is_some_and(|first| COMMANDS.contains(&first.as_str()))
}

/// Takes the program of this process for the one under test, unless another is named by `BIENBAN_BIN`. To be
/// called before anything is started.
///
/// # Panics
///
/// Panics when the system does not say which program runs.
pub fn use_this() {
    let this = || std::env::current_exe().expect("a running program has a path");
    PATH.get_or_init(|| std::env::var_os(VARIABLE).map_or_else(this, PathBuf::from));
}

/// Returns the path of the program under test.
///
/// It is the one that cargo built together with the test, so it is never older than the sources.
///
/// # Panics
///
/// Panics when it is not there: only cargo's tests and benches of this package have it built.
#[must_use]
pub fn bienban() -> &'static Path {
    PATH.get_or_init(|| std::env::var_os(VARIABLE).map_or_else(beside_this, PathBuf::from))
}

/// Returns how a hub in a test's own process merges: in children of the program under test.
#[must_use]
pub fn merging() -> Merging {
    Merging::Children(MergeConfig { program: Some(bienban().to_owned()), ..MergeConfig::default() })
}

fn beside_this() -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    // target/PROFILE/deps/TEST-HASH
    let folder = test.ancestors().nth(2).expect("cargo puts tests two folders below the target's");
    let program = folder.join(format!("{NAME}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.is_file(), "{} is not built; run this through cargo", program.display());
    program
}

/// Returns a command that runs the program: in English, and without settings that the environment
/// of the tests may hold.
#[must_use]
pub fn command() -> Command {
    let mut command = Command::new(bienban());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with(VARIABLES) {
            command.env_remove(name);
        }
    }
    // Naming the places of a contained panic would load the program's debug information.
    command.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    command.env("BIENBAN_LANG", "en");
    command
}
