//! Hub and phones as processes: started, asked, killed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test harness stops at the first surprise")]
#![allow(clippy::missing_panics_doc, reason = "every call here panics when a process misbehaves")]

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use serde_json::Value;

use crate::binary;

/// Longer than anything may take on a machine that does other things too.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long a phone may take with one line: an exchange with a hub that is killed in it waits until the link is
/// found to be dead, then dials anew by every way it has, perhaps to one that is being killed again.
const ANSWER_MAX: Duration = Duration::from_secs(240);

/// Between two looks at something that will come soon.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What a command that ran to its end said.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; none when it was killed.
    pub code: Option<i32>,
    /// What it printed, read as JSON; null if that was nothing.
    pub data: Value,
    /// What it said of failures.
    pub errors: String,
}

impl Ran {
    /// Returns the data of a command that did as asked.
    pub fn done(self) -> Value {
        assert_eq!(self.code, Some(0), "{}\n{}", self.data, self.errors);
        self.data
    }
}

/// Runs a command of the program with `--json` to its end.
pub fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Ran {
    let mut command = binary::command();
    command.arg("--json").args(arguments);
    run_command(command)
}

/// Runs a prepared command to its end.
pub fn run_command(mut command: Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let data = if text.trim().is_empty() { Value::Null } else { json(&text) };
    Ran { code: output.status.code(), data, errors: String::from_utf8(output.stderr).unwrap() }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Ports that systems give to nobody by themselves, unless they were set up otherwise: Linux begins at 32768 with those of
/// outgoing connections, and such a port is taken for a minute longer. A hub that a test starts again must find its port free.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Returns a port of this machine that is free now, for UDP and for TCP, and that this process was not given lately.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(PORTS.end - PORTS.start);
    for _ in 0..count {
        // Processes that run at the same time mostly begin some dozens of ports apart.
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let at = std::process::id().wrapping_mul(7_417).wrapping_add(given) % count;
        let port = PORTS.start + u16::try_from(at).unwrap();
        let address = (Ipv4Addr::LOCALHOST, port);
        if UdpSocket::bind(address).is_ok() && std::net::TcpListener::bind(address).is_ok() {
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free");
}

/// Lets this process open as many files as it may: each phone has some ten open, and systems begin with room for a
/// hundred phones.
#[cfg(unix)]
#[allow(clippy::print_stderr, reason = "a program for a terminal tells why it will fail")]
pub fn open_as_many_as_may_be() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        eprintln!("no more files may be opened: {error}");
    }
}

/// Nothing to ask for on this system.
#[cfg(not(unix))]
pub fn open_as_many_as_may_be() {}

/// Returns the argument for a folder.
#[must_use]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("test folders have plain names")
}

/// A hub that listens.
pub struct HubProcess {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// How devices are told of it.
    pub uri: String,
    /// From start until it listened.
    pub ready: Duration,
}

impl HubProcess {
    /// Starts a hub and waits until it listens. Its log goes to `hub.log` beside its folder; settings come
    /// from `hub.toml` there, if a test wrote one.
    #[must_use]
    pub fn start(dir: &Path, port: u16, admin: Option<&str>) -> Self {
        match Self::try_start(dir, port, admin) {
            Ok(hub) => hub,
            Err(status) => panic!("the hub did not start: {status}\n{}", log_of(dir)),
        }
    }

    /// As [`Self::start`], with settings in the environment.
    #[must_use]
    pub fn start_with(dir: &Path, port: u16, settings: &[(&str, &str)]) -> Self {
        match Self::started(dir, port, (None, &[]), settings) {
            Ok(hub) => hub,
            Err(status) => panic!("the hub did not start: {status}\n{}", log_of(dir)),
        }
    }

    /// As [`Self::start`]; returns how the program ended when it did so before it listened.
    ///
    /// # Errors
    ///
    /// Returns the program's exit status.
    pub fn try_start(dir: &Path, port: u16, admin: Option<&str>) -> Result<Self, ExitStatus> {
        Self::started(dir, port, (admin, &[]), &[])
    }

    /// As [`Self::try_start`], with more arguments.
    ///
    /// # Errors
    ///
    /// Returns the program's exit status.
    pub fn start_saying(dir: &Path, port: u16, more: &[&str]) -> Result<Self, ExitStatus> {
        Self::started(dir, port, (None, more), &[])
    }

    fn started(
        dir: &Path,
        port: u16,
        (admin, more): (Option<&str>, &[&str]),
        settings: &[(&str, &str)],
    ) -> Result<Self, ExitStatus> {
        let watch = Stopwatch::start();
        let log = OpenOptions::new().create(true).append(true).open(dir.with_extension("log"));
        let mut command = binary::command();
        command.args(["--json", "serve", "--dir", text(dir)]);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        let file = dir.with_extension("toml");
        if file.exists() {
            command.args(["--config", text(&file)]);
        }
        command.args(admin.iter().flat_map(|device| ["--admin", device])).args(more);
        command.envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        if line.is_empty() {
            return Err(child.wait().unwrap());
        }
        let ready = watch.elapsed();
        // What it says later is read and dropped, so that it never waits for this end.
        std::thread::spawn(move || drop(out.read_to_end(&mut Vec::new())));
        let data = json(&line);
        let field = |name: &str| data[name].as_str().unwrap().to_owned();
        Ok(Self { child, address: field("address").parse().unwrap(), uri: field("uri"), ready })
    }

    /// Returns the process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns what its process holds in memory, in kB; its children not counted.
    #[must_use]
    pub fn memory(&self) -> u64 {
        crate::gauge::resident(self.id()).unwrap()
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        kill(&mut self.child);
    }

    /// Returns whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        let told = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        assert!(told.unwrap().success());
        let watch = Stopwatch::start();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(watch.elapsed() < PATIENCE, "the hub does not stop");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for HubProcess {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

fn kill(child: &mut Child) {
    // Killing what has ended already is no failure of the test.
    drop(child.kill());
    drop(child.wait());
}

/// Returns the end of a hub's log, for the message of a failed test.
#[must_use]
pub fn log_of(dir: &Path) -> String {
    let text = std::fs::read_to_string(dir.with_extension("log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// The answer to one line of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Done, and durable if it was an edit.
    Done(Value),
    /// Not done, and why.
    Failed(Value),
    /// The process ended first. Whether the line was carried out is not known.
    Gone,
}

impl Reply {
    /// Returns the data of a line that was carried out.
    pub fn done(self) -> Value {
        match self {
            Self::Done(data) => data,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the kind of a failure, for instance `disk_full`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Failed(data) => data["error"]["kind"].as_str(),
            _ => None,
        }
    }
}

/// A phone: one process that is fed a line at a time.
pub struct Batch {
    child: Arc<Mutex<Child>>,
    input: Option<ChildStdin>,
    replies: Receiver<Reply>,
}

/// Kills a phone from another thread.
#[derive(Clone)]
pub struct Trigger(Arc<Mutex<Child>>);

impl Trigger {
    /// Ends the phone's process without warning.
    pub fn pull(&self) {
        kill(&mut self.0.lock().unwrap());
    }
}

impl Batch {
    /// Starts a phone on its folder.
    #[must_use]
    pub fn start(dir: &Path) -> Self {
        let mut command = binary::command();
        command.args(["--json", "field", "--dir", text(dir), "batch"]);
        Self::spawn(command)
    }

    /// Starts a phone by a prepared command.
    #[must_use]
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (send, replies) = channel();
        let errors = child.stderr.take().unwrap();
        let output = child.stdout.take().unwrap();
        let input = child.stdin.take();
        listen(errors, send.clone(), Reply::Failed);
        listen(output, send, Reply::Done);
        Self { child: Arc::new(Mutex::new(child)), input, replies }
    }

    /// Returns the means to kill it while it works.
    #[must_use]
    pub fn trigger(&self) -> Trigger {
        Trigger(self.child.clone())
    }

    /// Hands it a line and waits for the answer.
    pub fn ask(&mut self, line: &str) -> Reply {
        let Some(input) = &mut self.input else { return Reply::Gone };
        if writeln!(input, "{line}").and_then(|()| input.flush()).is_err() {
            return Reply::Gone;
        }
        match self.replies.recv_timeout(ANSWER_MAX) {
            Ok(reply) => reply,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Reply::Gone,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("no answer to {line}"),
        }
    }

    /// Ends it in order and returns how it ended.
    pub fn end(mut self) -> ExitStatus {
        drop(self.input.take());
        self.child.lock().unwrap().wait().unwrap()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        kill(&mut self.child.lock().unwrap());
    }
}

/// Passes on each whole line of a process. What a kill cut short was never said.
fn listen(from: impl Read + Send + 'static, to: Sender<Reply>, as_reply: fn(Value) -> Reply) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            if let Ok(data) = serde_json::from_str(&line)
                && to.send(as_reply(data)).is_err()
            {
                return;
            }
        }
    });
}
