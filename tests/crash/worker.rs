//! The programs that are recorded, and what they write.
//!
//! Each runs in a process of its own: this test binary again, told by the environment what to do.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bienban_core::store::contract::{Rows, count, put};
use bienban_core::store::{DiskStore, Options, Store};

/// What a worker does, as one word for its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Job {
    /// Bare sled instead of our store.
    pub bare_sled: bool,
    /// Names the rows of this run.
    pub run: u32,
    /// The projection; another one than before makes the index anew.
    pub projection: u32,
    /// Threads that write at once.
    pub threads: u32,
    /// Commits of each.
    pub commits: u32,
    /// Whether it closes the store or just ends.
    pub close: bool,
}

const JOB: &str = "BIENBAN_CRASH_JOB";
const ACK_LINE_MAX: usize = 64;

impl Job {
    fn encode(self) -> String {
        let Self { bare_sled, run, projection, threads, commits, close } = self;
        let (bare_sled, close) = (u8::from(bare_sled), u8::from(close));
        format!("{bare_sled} {run} {projection} {threads} {commits} {close}")
    }

    fn decode(text: &str) -> Self {
        let parts: Vec<u32> = text.split(' ').map(|part| part.parse().unwrap()).collect();
        let [bare_sled, run, projection, threads, commits, close] = parts[..] else {
            panic!("a job has six parts: {text}");
        };
        Self { bare_sled: bare_sled == 1, run, projection, threads, commits, close: close == 1 }
    }
}

/// A key and its value, by run, thread and number; sizes from a few bytes to over a chunk.
pub(crate) fn row(name: &str) -> (String, Vec<u8>) {
    let hash = blake3::hash(name.as_bytes());
    let byte = usize::from(hash.as_bytes()[0]);
    let bytes = if byte == 0 { 70_000 } else { 20 + byte * byte / 40 };
    let mut value = vec![0; bytes];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut value);
    (format!("row/{name}"), value)
}

/// The name of a row of a run.
fn name(run: u32, thread: u32, number: u32) -> String {
    format!("{run}/{thread}/{number:05}")
}

/// Small segments and frequent checkpoints, so that few commits meet all that a store does.
pub(crate) fn options() -> Options {
    Options { segment_bytes: 24 << 10, checkpoint_records: 50, ..Options::at(1_795_447_999_000) }
}

/// Compiles the recorder; `None` when there is no C compiler or the system is not Linux.
pub(crate) fn recorder(folder: &Path) -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let library = folder.join("recorder.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crash/recorder.c");
    let mut command = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()));
    command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
    let status = command.args(["-ldl", "-lpthread"]).status().ok()?;
    assert!(status.success(), "the recorder does not compile");
    Some(library)
}

/// Runs a job on `root` and appends what it does to `log`.
pub(crate) fn record(recorder: &Path, job: Job, root: &Path, log: &Path) {
    record_as(recorder, (JOB, &job.encode()), root, log);
}

/// As [`record`], of what a variable asks for.
pub(crate) fn record_as(recorder: &Path, asked: (&str, &str), root: &Path, log: &Path) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["worker", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(asked.0, asked.1).env("LD_PRELOAD", recorder);
    command.env("CRASH_ROOT", root).env("CRASH_LOG", log).env("CRASH_ACK", ack_path(root));
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the worker failed at {asked:?}: {said}");
}

/// Beside the folder, so that it is no part of what is recorded.
pub(crate) fn ack_path(root: &Path) -> PathBuf {
    root.with_extension("acks")
}

/// What a process does that was started by [`record`]; nothing in others.
pub(crate) fn run_if_asked() {
    if let Ok(step) = std::env::var(crate::sealed::STEP) {
        crate::sealed::run(&step, Path::new(&std::env::var("CRASH_ROOT").unwrap()));
        // As a crash would: no destructor runs.
        std::process::exit(0);
    }
    let Ok(job) = std::env::var(JOB) else { return };
    let root = PathBuf::from(std::env::var("CRASH_ROOT").unwrap());
    let job = Job::decode(&job);
    if job.bare_sled {
        run_bare_sled(job, &root)
    } else {
        run_store(job, &root)
    }
    // As a crash would: no destructor runs.
    std::process::exit(0);
}

/// Each line is one write, so the recorder takes it as one acknowledgement.
fn say(acks: &mut impl Write, line: &str) {
    assert!(line.len() < ACK_LINE_MAX);
    acks.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn run_store(job: Job, root: &Path) {
    let open_acks = || OpenOptions::new().append(true).create(true).open(ack_path(root)).unwrap();
    say(&mut open_acks(), &format!("projection {}", job.projection));
    let project = Arc::new(Rows(job.projection));
    let store = DiskStore::open(root.join("store"), project, options()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..job.threads {
            let (store, mut acks) = (&store, open_acks());
            scope.spawn(move || {
                for number in 0..job.commits {
                    let name = name(job.run, thread, number);
                    let (key, value) = row(&name);
                    store.commit(vec![put(&key, value), count("all")]).unwrap();
                    say(&mut acks, &name);
                }
            });
        }
    });
    if job.close {
        store.close().unwrap();
    } else {
        std::process::exit(0);
    }
}

fn run_bare_sled(job: Job, root: &Path) {
    let open_acks = || OpenOptions::new().append(true).create(true).open(ack_path(root)).unwrap();
    let db = sled::open(root.join("store")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..job.threads {
            let (db, mut acks) = (&db, open_acks());
            scope.spawn(move || {
                for number in 0..job.commits {
                    let name = name(job.run, thread, number);
                    let (key, value) = row(&name);
                    db.insert(key, value).unwrap();
                    db.insert(name.as_bytes(), b"seen").unwrap();
                    db.flush().unwrap();
                    say(&mut acks, &name);
                }
            });
        }
    });
    std::process::exit(0);
}
