//! Where phones live: a few to a process, as sled, the engine of their indexes, has threads and a lock that all of a
//! process share. One that hangs is ended and started again, as a person would do with an app.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::person::{self, Life, Person, Said, Say, Shared};
use super::stage::Seat;
use super::{Plan, TRIES};

/// The word by which this program is started as such a process.
const COMMAND: &str = "host";

/// The word by which it only lets its phones exchange.
const SETTLE: &str = "settle";

/// Says to such a process that nobody types any more.
const QUIET: &str = "quiet";

/// How such a process ends when an index hangs.
const HUNG: u8 = 3;

/// How often one is started again.
const STARTS_MAX: usize = 20;

/// Counts for the phones of a process that did not get so far as to say how many.
const UNSETTLED: usize = 1_000;

/// This process is one.
static IS_HOST: AtomicBool = AtomicBool::new(false);

/// What such a process is to do.
#[derive(Serialize, Deserialize)]
struct Job {
    plan: Plan,
    seats: Vec<Seat>,
}

/// What the phones said, by their numbers.
pub(super) type Lives = BTreeMap<usize, Life>;

/// All such processes.
pub(super) struct Hosts {
    state: Arc<State>,
    jobs: Vec<PathBuf>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    lives: Mutex<Lives>,
    /// What they are told by; none of those that are to end.
    inputs: Mutex<BTreeMap<usize, ChildStdin>>,
    processes: Mutex<BTreeMap<usize, u32>>,
    quiet: AtomicBool,
    over: AtomicBool,
    hung: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(word: &str, job: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(word).arg(job).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

impl Hosts {
    /// Starts them. Their tasks are written into a folder.
    pub(super) fn start(plan: &Plan, seats: &[Seat], folder: &Path) -> Self {
        let (state, mut jobs, mut threads) = (Arc::new(State::default()), Vec::new(), Vec::new());
        for (nth, some) in seats.chunks(plan.phones_per_process).enumerate() {
            let job = Job { plan: *plan, seats: some.to_vec() };
            let path = folder.join(format!("job-{nth}.json"));
            std::fs::write(&path, serde_json::to_vec(&job).unwrap()).unwrap();
            let (of, file) = (state.clone(), path.clone());
            threads.push(std::thread::spawn(move || of.watch(nth, &file)));
            jobs.push(path);
        }
        Self { state, jobs, threads }
    }

    /// Returns the numbers of their processes.
    pub(super) fn processes(&self) -> impl Fn() -> Vec<u32> + Send + 'static {
        let state = self.state.clone();
        move || lock(&state.processes).values().copied().collect()
    }

    /// Nobody types any more.
    pub(super) fn quiet(&self) {
        let mut inputs = lock(&self.state.inputs);
        self.state.quiet.store(true, Ordering::Relaxed);
        for input in inputs.values_mut() {
            // One that just ended is told when it starts again.
            drop(writeln!(input, "{QUIET}").and_then(|()| input.flush()));
        }
    }

    /// Ends the day. Returns what was said, how often a process hung, and how many phones did not exchange in the end.
    pub(super) fn end(self, rounds: usize) -> (Vec<Life>, u64, usize) {
        {
            let mut inputs = lock(&self.state.inputs);
            self.state.over.store(true, Ordering::Relaxed);
            inputs.clear();
        }
        for thread in self.threads {
            thread.join().unwrap();
        }
        let mut unsettled = 0;
        for _ in 0..rounds {
            unsettled = self.jobs.iter().map(|job| settle_by(job)).sum();
        }
        let lives = std::mem::take(&mut *lock(&self.state.lives));
        let hung = self.state.hung.load(Ordering::Relaxed);
        (lives.into_values().collect(), hung, unsettled)
    }
}

impl State {
    /// Runs one process to its end, and again where it hangs.
    fn watch(&self, nth: usize, job: &Path) {
        for _ in 0..STARTS_MAX {
            let mut child = start(COMMAND, job);
            lock(&self.processes).insert(nth, child.id());
            let mut input = child.stdin.take().unwrap();
            {
                let mut inputs = lock(&self.inputs);
                if self.quiet.load(Ordering::Relaxed) {
                    drop(writeln!(input, "{QUIET}").and_then(|()| input.flush()));
                }
                if !self.over.load(Ordering::Relaxed) {
                    inputs.insert(nth, input);
                }
            }
            for line in BufReader::new(child.stdout.take().unwrap()).lines() {
                let Ok((number, said)) = serde_json::from_str(&line.unwrap_or_default()) else {
                    continue;
                };
                lock(&self.lives).entry(number).or_insert_with(|| Life::of(number)).hear(said);
            }
            let status = child.wait().unwrap();
            lock(&self.inputs).remove(&nth);
            if status.success() {
                return;
            }
            if status.code() != Some(i32::from(HUNG)) {
                self.fail(format!("a process of phones ended by itself: {status}"));
                return;
            }
            self.hung.fetch_add(1, Ordering::Relaxed);
            if self.over.load(Ordering::Relaxed) {
                return;
            }
        }
        self.fail("a process of phones does not get on".to_owned());
    }

    fn fail(&self, what: String) {
        lock(&self.lives).entry(0).or_insert_with(|| Life::of(0)).hear(Said::Refused(what));
    }
}

/// Lets the phones of one process exchange. Returns how many did not.
fn settle_by(job: &Path) -> usize {
    for _ in 0..STARTS_MAX {
        let mut child = start(SETTLE, job);
        drop(child.stdin.take());
        let mut left = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            left = line.unwrap_or_default().trim().parse().unwrap_or(left);
        }
        if child.wait().unwrap().success() {
            return left;
        }
    }
    UNSETTLED
}

/// Ends this process where it is one of those and an index in it hangs.
pub(super) fn end_if_host(why: &dyn std::fmt::Display) {
    if IS_HOST.load(Ordering::Relaxed) {
        eprint(why);
        std::process::exit(i32::from(HUNG));
    }
}

#[allow(clippy::print_stderr, reason = "why it ended belongs to whoever runs it")]
fn eprint(why: &dyn std::fmt::Display) {
    eprintln!("started again: {why}");
}

/// Says something to the process above.
#[allow(clippy::print_stdout, reason = "that is how they speak")]
fn print(line: &str) {
    println!("{line}");
}

/// Does what this process was started for, if it was started by `Hosts`.
#[must_use]
pub fn host() -> Option<ExitCode> {
    let mut given = std::env::args().skip(1);
    let word = given.next().filter(|word| [COMMAND, SETTLE].contains(&word.as_str()))?;
    let job: Job = serde_json::from_slice(&std::fs::read(given.next()?).unwrap()).unwrap();
    IS_HOST.store(true, Ordering::Relaxed);
    let runtime = Runtime::new().unwrap();
    if word == SETTLE {
        print(&settle(&runtime, &job.seats).to_string());
    } else {
        live(&runtime, job);
    }
    Some(ExitCode::SUCCESS)
}

/// Lets phones exchange at the end. Returns how many did not.
pub(super) fn settle(runtime: &Runtime, seats: &[Seat]) -> usize {
    let begun = seats.iter().map(|seat| {
        let dir = seat.dir.clone();
        runtime.spawn(async move { person::exchange(&dir, TRIES).await })
    });
    let begun: Vec<_> = begun.collect();
    begun.into_iter().map(|task| usize::from(!runtime.block_on(task).unwrap())).sum()
}

fn live(runtime: &Runtime, job: Job) {
    let shared = Arc::new(Shared::default());
    shared.typing.store(true, Ordering::Relaxed);
    let (over, ended) = watch::channel(false);
    let typing = shared.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if line.is_ok_and(|line| line == QUIET) {
                typing.typing.store(false, Ordering::Relaxed);
            }
        }
        over.send_replace(true);
        // Kept until the process ends: phones look at it to the last.
        std::mem::forget(over);
    });
    let say: Say = Arc::new(|number, said: Said| {
        if let Ok(line) = serde_json::to_string(&(number, said)) {
            print(&line);
        }
    });
    let begun = job.seats.into_iter().map(|seat| {
        // Started again, a phone does other things.
        let own = u64::from(std::process::id()) << 32 ^ seat.number as u64 ^ job.plan.seed;
        let rng = SmallRng::seed_from_u64(own);
        let person = Person::new(seat, rng, job.plan, (shared.clone(), ended.clone()), say.clone());
        runtime.spawn(person.live())
    });
    let begun: Vec<_> = begun.collect();
    for task in begun {
        runtime.block_on(task).unwrap();
    }
}
