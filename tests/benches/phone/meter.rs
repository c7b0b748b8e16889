//! What the system counts for a process, and how a part of the bench gets a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use serde_json::{Value, json};

/// Which part a process is, and in which folder.
const PART: &str = "BIENBAN_PHONE_PART";
const FOLDER: &str = "BIENBAN_PHONE_FOLDER";

/// The calls that make files durable: a flash is told to keep what it was given.
const SYNCS: [&str; 5] = ["fsync", "fdatasync", "msync", "syncfs", "sync"];
/// The call that waits until a part of a file was given to the disk; the index makes it.
const RANGE: &str = "sync_file_range";

/// Returns which part this process is to be; none where it is the bench itself.
pub(crate) fn part() -> Option<(String, PathBuf)> {
    Some((std::env::var(PART).ok()?, std::env::var_os(FOLDER)?.into()))
}

/// Runs a part in a process of its own and returns what it said.
pub(crate) fn alone(part: &str, root: &Path) -> Value {
    said(part, root, Command::new(std::env::current_exe().unwrap()))
}

/// How often a process told the disk to keep something.
#[derive(Clone, Copy)]
pub(crate) struct Synced {
    /// Calls that make a file durable.
    pub(crate) files: u64,
    /// Calls that wait for a part of one to be written.
    pub(crate) ranges: u64,
}

/// Runs a part under strace and counts its calls; nothing where there is no strace. Its times and wake-ups would not be
/// its own, so they are dropped.
pub(crate) fn traced(part: &str, root: &Path) -> Option<Synced> {
    let table = root.join("strace");
    let mut command = Command::new("strace");
    command.args(["-f", "--seccomp-bpf", "-c", "-o"]).arg(&table);
    command.args(["-e", &format!("trace={},{RANGE}", SYNCS.join(","))]);
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        return None;
    }
    command.arg(std::env::current_exe().unwrap());
    drop(said(part, root, command));
    let table = std::fs::read_to_string(table).unwrap();
    // Share, seconds, microseconds a call, calls, perhaps errors, name; the last line is their sum.
    let calls = |wanted: &dyn Fn(&str) -> bool| -> u64 {
        let words = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let lines = words.filter(|words| words.last().is_some_and(|name| wanted(name)));
        lines.filter_map(|words| words.get(3)?.parse::<u64>().ok()).sum()
    };
    let files = calls(&|name| SYNCS.contains(&name));
    Some(Synced { files, ranges: calls(&|name| name == RANGE) })
}

fn said(part: &str, root: &Path, mut command: Command) -> Value {
    let told = command.env(PART, part).env(FOLDER, root).output().unwrap();
    assert!(told.status.success(), "{part}: {}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// What this process has cost so far, its threads that have ended with it.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    watch: Stopwatch,
    cpu: Duration,
    wakeups: u64,
    written: u64,
}

impl Cost {
    /// Returns what it is now.
    pub(crate) fn now() -> Self {
        let usage = usage();
        let time = |part: libc::timeval| {
            Duration::new(part.tv_sec.unsigned_abs(), 0)
                + Duration::from_micros(part.tv_usec.unsigned_abs())
        };
        Self {
            watch: Stopwatch::start(),
            cpu: time(usage.ru_utime) + time(usage.ru_stime),
            wakeups: usage.ru_nvcsw.unsigned_abs(),
            written: written(),
        }
    }

    /// Returns what has been added since.
    pub(crate) fn since(self) -> Value {
        let now = Self::now();
        json!({
            "seconds": self.watch.elapsed().as_secs_f64(),
            "cpu": (now.cpu - self.cpu).as_secs_f64(),
            "wakeups": now.wakeups - self.wakeups,
            "written": now.written - self.written,
        })
    }
}

/// A wake-up is a voluntary context switch: a thread gave up the processor to wait for something, and was woken.
#[allow(unsafe_code, reason = "nothing safe tells it with the threads that have ended")]
fn usage() -> libc::rusage {
    let mut usage = std::mem::MaybeUninit::uninit();
    // SAFETY: the call fills the whole of what it is given, or says that it failed.
    unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()), 0);
        usage.assume_init()
    }
}

/// Bytes that this process gave to calls that write. What the system counts as written to the disk is no measure: it
/// counts a mebibyte for every few bytes where a file system keeps files in large pages.
fn written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// Returns p50, p99 and the worst of times, in milliseconds.
pub(crate) fn spread(mut took: Vec<Duration>) -> Value {
    took.sort_unstable();
    let at =
        |share: usize| took[(took.len() * share / 100).min(took.len() - 1)].as_secs_f64() * 1000.0;
    json!({ "p50": at(50), "p99": at(99), "worst": at(100) })
}

/// Returns a spread as cells of a table.
pub(crate) fn cells(spread: &Value) -> String {
    let at = |name: &str| spread[name].as_f64().unwrap();
    format!("{:.2} | {:.2} | {:.2}", at("p50"), at("p99"), at("worst"))
}

/// Returns a count with its thousands set apart.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns how many bytes a folder's files hold.
pub(crate) fn size(folder: &Path) -> u64 {
    let Ok(items) = std::fs::read_dir(folder) else { return 0 };
    items
        .map(|item| {
            let item = item.unwrap();
            let about = item.metadata().unwrap();
            if about.is_dir() { size(&item.path()) } else { about.len() }
        })
        .sum()
}
