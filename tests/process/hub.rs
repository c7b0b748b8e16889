//! A hub in a process of its own, and devices enrolled there.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::program::{Folders, command, run, text};

/// A hub that is killed when the test ends.
pub(crate) struct Hub {
    process: Child,
    pub(crate) uri: String,
}

impl Hub {
    /// Starts a hub on a free port, with an enrolled administrator's device in the folder `admin`.
    pub(crate) fn start(folders: &Folders) -> Self {
        Self::start_with(folders, &[])
    }

    /// The same, with settings in the environment.
    pub(crate) fn start_with(folders: &Folders, settings: &[(&str, &str)]) -> Self {
        let dir = folders.path("hub");
        let dir = text(&dir);
        run(&["serve", "--dir", dir, "--show-key"]).ok();
        // The administrator's key must be known before the hub's port is, so it pins the hub later.
        let made = folders.admin("first", &["init"]).ok().json();
        let admin = made["device"].as_str().unwrap().to_owned();
        let mut process = command(&[
            "--json",
            "serve",
            "--dir",
            dir,
            "--listen",
            "127.0.0.1:0",
            "--log-level",
            "error",
            "--admin",
            &admin,
        ])
        .envs(settings.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        let mut line = String::new();
        let out = process.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let hub = Self { process, uri: said["uri"].as_str().unwrap().to_owned() };
        folders.admin("first", &["hub", "--set", &hub.uri]).ok();
        hub
    }

    /// Makes a device and enrols it. Returns its id.
    pub(crate) fn enrol(&self, folders: &Folders, name: &str, agency: &str, role: &str) -> String {
        let made = folders.field_json(name, &["init", "--hub", &self.uri]);
        let device = made["device"].as_str().unwrap().to_owned();
        let arguments =
            ["trust", &device, "--name", name, "--agency", agency, "--role", role, "--scope", "20"];
        folders.admin("first", &arguments).ok();
        device
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may be gone already; a test that cares has checked.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
