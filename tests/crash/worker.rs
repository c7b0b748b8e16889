//! The programs that are recorded or have a call fail: this test binary again, told by the environment
//! what to do.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bienban_core::clock::Stopwatch;

use crate::scenarios::Scenario;
use crate::stage::{Acked, Full, Opening, PLAIN, Resumed, Stage, ack_path, row};

/// Names the work, as [`Work::encode`] writes it.
const WORK: &str = "BIENBAN_CRASH_WORK";
const HEAL: &str = "CRASH_HEAL";
const STAYS_FULL: &str = "BIENBAN_CRASH_STAYS_FULL";
const OPEN_ANEW: &str = "open anew";
/// What a worker with a failing call says at its end.
const RESUMED: &str = "resumed";

/// Longer than anything may take: sled is left behind after ten seconds, at three places at most.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bare sled, which is to fail, gets less.
const SLED_PATIENCE: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a worker does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// A step of a scenario.
    Step { scenario: &'static str, step: usize, run: u32 },
    /// Opens what a crash left, writes a little, and perhaps closes it.
    Recover { opening: Opening, run: u32, close: bool },
    /// Bare sled, instead of our store.
    BareSled { run: u32 },
    /// Fails unless bare sled has what was acknowledged. In a process of its own, because it may hang.
    CheckBareSled,
}

/// Which call fails, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Counted from 1.
    pub at: u64,
    /// What the system says.
    pub errno: i32,
    /// All later ones fail too.
    pub stays: bool,
}

/// What became of a worker with a failing call.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The call that failed first, and its file; none when the worker made fewer calls.
    pub hit: Option<String>,
    /// How it went on.
    pub resumed: Resumed,
    /// All that it took.
    pub took: Duration,
}

impl Work {
    fn encode(self) -> String {
        match self {
            Self::Step { scenario, step, run } => format!("step {scenario} {step} {run}"),
            Self::Recover { opening: Opening { projection, key, .. }, run, close } => {
                format!("recover {projection} {key} {run} {}", u8::from(close))
            }
            Self::BareSled { run } => format!("sled {run}"),
            Self::CheckBareSled => "check".to_owned(),
        }
    }

    fn decode(text: &str) -> Self {
        let parts: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| parts[at].parse::<u32>().unwrap();
        match parts[0] {
            "step" => Self::Step {
                scenario: Scenario::named(parts[1]).name,
                step: parts[2].parse().unwrap(),
                run: number(3),
            },
            "recover" => {
                let opening = Opening { projection: number(1), key: number(2), ..PLAIN };
                Self::Recover { opening, run: number(3), close: number(4) == 1 }
            }
            "sled" => Self::BareSled { run: number(1) },
            _ => Self::CheckBareSled,
        }
    }
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

/// A worker, told what to do and on which folder.
fn worker(asked: (&str, &str), root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["worker", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(asked.0, asked.1).env("CRASH_ROOT", root).env("CRASH_ACK", ack_path(root));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Does work on `root` without recording it.
pub(crate) fn run(work: Work, root: &Path) {
    finish(worker((WORK, &work.encode()), root), &format!("{work:?}"));
}

/// Does work on `root` and appends what it does to `log`.
pub(crate) fn record(recorder: &Path, work: Work, root: &Path, log: &Path) {
    record_as(recorder, (WORK, &work.encode()), root, log);
}

/// As [`record`], of what a variable asks for.
pub(crate) fn record_as(recorder: &Path, asked: (&str, &str), root: &Path, log: &Path) {
    let mut command = worker(asked, root);
    command.env("LD_PRELOAD", recorder).env("CRASH_LOG", log);
    finish(command, &format!("{asked:?}"));
}

fn finish(mut command: Command, what: &str) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the worker failed at {what}: {said}");
}

/// Does work on `root` with a call that fails; recorded, if there is a log. What is wrong comes back as
/// text.
pub(crate) fn run_failing(
    recorder: &Path,
    work: Work,
    fault: Fault,
    root: &Path,
    log: Option<&Path>,
) -> Result<Failed, String> {
    let hit = root.with_extension("hit");
    drop(std::fs::remove_file(&hit));
    let mut command = worker((WORK, &work.encode()), root);
    command.env("LD_PRELOAD", recorder).env("CRASH_HIT", &hit);
    command.env(HEAL, root.with_extension("heal")).env("CRASH_FAIL_AT", fault.at.to_string());
    command.env("CRASH_FAIL_WITH", fault.errno.to_string());
    command.env("CRASH_FAIL_STAYS", u8::from(fault.stays).to_string());
    command.envs(log.map(|log| ("CRASH_LOG", log)));
    if fault.stays && fault.errno == libc::ENOSPC {
        command.env(STAYS_FULL, if fault.at.is_multiple_of(2) { OPEN_ANEW } else { "read on" });
    }
    let patience = if matches!(work, Work::BareSled { .. }) { SLED_PATIENCE } else { PATIENCE };
    let (said, took) = ended(command, patience)?;
    let told = said.lines().find_map(|line| line.split_once(RESUMED));
    let (_, told) = told.ok_or_else(|| format!("it ended without a word: {said}"))?;
    let (millis, restart) = told.trim().split_once(' ').unwrap();
    let resumed = Resumed { millis: millis.parse().unwrap(), restart: restart == "true" };
    Ok(Failed { hit: std::fs::read_to_string(&hit).ok(), resumed, took })
}

/// Returns what a program that did as asked said, and how long it took.
fn ended(mut command: Command, patience: Duration) -> Result<(String, Duration), String> {
    let watch = Stopwatch::start();
    let mut child = command.spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if watch.elapsed() > patience {
            drop(child.kill());
            drop(child.wait());
            return Err(format!("it hangs: not done after {patience:?}"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let took = watch.elapsed();
    // What it says fits into the pipes: a few lines.
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), took))
    } else {
        let [said, errors] =
            [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
        Err(format!("{}: {}{errors}", output.status, said.lines().last().unwrap_or_default()))
    }
}

/// Says whether bare sled opens on `root` and still has what it acknowledged.
pub(crate) fn check_bare_sled(root: &Path) -> Result<(), String> {
    let command = worker((WORK, &Work::CheckBareSled.encode()), root);
    ended(command, SLED_PATIENCE).map(drop)
}

/// What a process does that was started as a worker; nothing in others.
pub(crate) fn run_if_asked() {
    let root = || PathBuf::from(std::env::var("CRASH_ROOT").unwrap());
    if let Ok(step) = std::env::var(crate::sealed::STEP) {
        crate::sealed::run(&step, &root());
        // As a crash would: no destructor runs.
        std::process::exit(0);
    }
    let Ok(work) = std::env::var(WORK) else { return };
    let heal = std::env::var_os(HEAL).map(PathBuf::from);
    let stage = |run| Stage::new(&root(), run, heal.is_some());
    let stage = match Work::decode(&work) {
        Work::Step { scenario, step, run } => {
            let stage = stage(run);
            Scenario::named(scenario).steps[step](&stage);
            stage
        }
        Work::Recover { opening, run, close } => {
            let stage = stage(run);
            stage.open(opening);
            stage.commits(2, 3);
            if close {
                stage.close();
            }
            stage
        }
        Work::BareSled { run } => return run_bare_sled(run, &root(), heal.as_deref()),
        Work::CheckBareSled => return find_in_bare_sled(&root()),
    };
    if let Some(heal) = heal {
        let full = std::env::var(STAYS_FULL).ok();
        let full = full.map(|how| if how == OPEN_ANEW { Full::OpenAnew } else { Full::ReadOn });
        let Resumed { millis, restart } = stage.go_on(&heal, full);
        println!("\n{RESUMED} {millis} {restart}");
    }
    std::process::exit(0);
}

/// Ends the process.
fn run_bare_sled(run: u32, root: &Path, heal: Option<&Path>) {
    let open_acks = || OpenOptions::new().append(true).create(true).open(ack_path(root)).unwrap();
    let db = sled::open(root.join("store"));
    let refused = AtomicBool::new(false);
    if let Ok(db) = &db {
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (mut acks, refused) = (open_acks(), &refused);
                scope.spawn(move || {
                    for number in 0..50 {
                        let before = refused.load(Ordering::SeqCst);
                        let name = format!("{run}/{thread}/{number:05}");
                        let (key, value) = row(&name);
                        let written = || -> sled::Result<()> {
                            db.insert(key, value)?;
                            db.insert(name.as_bytes(), b"seen")?;
                            db.flush().map(drop)
                        };
                        match written() {
                            Ok(()) => {
                                assert!(!before, "acknowledged after a failure");
                                acks.write_all(format!("{name}\n").as_bytes()).unwrap();
                            }
                            Err(error) => {
                                assert!(heal.is_some(), "{error}");
                                refused.store(true, Ordering::SeqCst);
                            }
                        }
                    }
                });
            }
        });
    }
    if let Some(heal) = heal {
        std::fs::File::create(heal).unwrap();
        println!("\n{RESUMED} 0 false");
    }
    std::process::exit(0);
}

/// Ends the process.
fn find_in_bare_sled(root: &Path) {
    let acks = std::fs::read_to_string(ack_path(root)).unwrap_or_default();
    let found = crate::crashes::check_bare_sled(root, &Acked::read(acks.lines()));
    if let Err(what) = &found {
        println!("{what}");
    }
    std::process::exit(i32::from(found.is_err()));
}
