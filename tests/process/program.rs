//! Runs the program and reads what it says.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bienban_tests::binary::bienban;
use serde_json::Value;
use tempfile::TempDir;

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Returns what was printed as data, or as an error.
    pub(crate) fn json(&self) -> Value {
        let text = if self.code == 0 || !self.out.is_empty() { &self.out } else { &self.err };
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Requires that it went well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Requires an exit code.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// Returns a command for the program, in English, untouched by the environment of the test.
pub(crate) fn command<S: AsRef<OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(bienban());
    command.env_clear().env("BIENBAN_LANG", "en").args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: &[S]) -> Ran {
    let output = command(arguments).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Folders of devices that vanish with the test.
pub(crate) struct Folders(TempDir);

impl Folders {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs a command of `bienban field` on a device.
    pub(crate) fn field(&self, device: &str, arguments: &[&str]) -> Ran {
        self.on("field", device, &[], arguments)
    }

    /// As [`Folders::field`], with `--json`.
    pub(crate) fn field_json(&self, device: &str, arguments: &[&str]) -> Value {
        self.on("field", device, &["--json"], arguments).ok().json()
    }

    /// Runs a command of `bienban admin` on a device, as JSON.
    pub(crate) fn admin(&self, device: &str, arguments: &[&str]) -> Ran {
        self.on("admin", device, &["--json"], arguments)
    }

    fn on(&self, group: &str, device: &str, before: &[&str], arguments: &[&str]) -> Ran {
        let dir = self.path(device);
        let mut all: Vec<&OsStr> = before.iter().map(OsStr::new).collect();
        all.extend([OsStr::new(group), OsStr::new("--dir"), dir.as_os_str()]);
        all.extend(arguments.iter().map(OsStr::new));
        run(&all)
    }
}

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
