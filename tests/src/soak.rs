//! A day of many phones, run for minutes: a real hub in a process of its own, phones through the client of the
//! core, people who type, and faults. Counted at the end: what was acknowledged and is not there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test harness stops at the first surprise")]
#![allow(clippy::missing_panics_doc, reason = "every call here panics when something misbehaves")]

mod host;
mod judge;
mod memory;
mod person;
mod report;
mod stage;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::host::Hosts;
use self::memory::Meter;
use self::person::{Life, Person, Say, Shared};
use self::stage::{Seat, Stage};

pub use self::host::host;
pub use self::report::Report;

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Phones, four to a team; each team has a commune and an inspection of its own.
    pub phones: usize,
    /// How many of them live in one process; 0 for all in this one.
    pub phones_per_process: usize,
    /// How long people type.
    pub typing: Duration,
    /// How long nobody types afterwards, with everything else as before: what grows then grows from time alone.
    pub quiet: Duration,
    /// Where lots are drawn from.
    pub seed: u64,
    /// How often the hub is killed and started again, while people type.
    pub hub_kills: u32,
    /// How long somebody thinks between two entries.
    pub pause: (Duration, Duration),
    /// How long a phone stays connected, and the same for how long it is not.
    pub connected: (Duration, Duration),
    /// See there.
    pub away: (Duration, Duration),
}

impl Plan {
    /// A run of so many phones at a person's pace.
    #[must_use]
    pub fn of(phones: usize, typing: Duration, seed: u64) -> Self {
        let seconds = Duration::from_secs;
        // One kill for each two minutes; none where the run is too short for a hub to come to rest.
        let kills = u32::try_from(typing.as_secs() / 120).unwrap_or(u32::MAX).max(1);
        Self {
            phones,
            phones_per_process: PER_PROCESS,
            typing,
            quiet: typing / 4,
            seed,
            hub_kills: kills,
            pause: (seconds(3), seconds(12)),
            connected: (seconds(15), seconds(90)),
            away: (seconds(1), seconds(12)),
        }
    }
}

/// Phones of one process: a real one has its own, and two hundred would be many.
const PER_PROCESS: usize = 10;

/// The hub's last kill comes in this part of the time in which people type: what its memory does afterwards is
/// measured.
const KILLS_WITHIN: f64 = 0.4;

/// Exchanges of all phones at the end: what one sends in the first, the others take in in the second.
const ROUNDS: usize = 3;

/// Tries of one exchange at the end: a hub that is busy says so.
const TRIES: usize = 20;

/// Runs it.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let mut rng = SmallRng::seed_from_u64(plan.seed);
    let runtime = Runtime::new().unwrap();
    let mut stage = Stage::set(plan, &runtime);
    let crowd = Crowd::start(plan, &stage, &runtime);
    let meter = Meter::start(stage.hub_id(), crowd.processes());
    let watch = Stopwatch::start();
    let mut kills = Vec::new();
    let mut faults = relays_at(plan, &mut rng);
    for at in moments(plan, &mut rng) {
        wait_until(&watch, at, |now| stage.spoil(&runtime, now, &mut faults));
        kills.push(stage.kill_hub());
        meter.follow(stage.hub_id(), watch.elapsed());
    }
    wait_until(&watch, plan.typing, |now| stage.spoil(&runtime, now, &mut faults));
    crowd.quiet();
    let quiet_from = watch.elapsed();
    wait_until(&watch, plan.typing + plan.quiet, |now| stage.spoil(&runtime, now, &mut faults));
    let lived = watch.elapsed();
    let samples = meter.end();
    stage.mend_relays();
    let (lives, hung, unsettled) = crowd.end(&runtime, &stage.seats);
    let disk = stage.disk();
    let judged = judge::judge(&mut stage, &lives);
    let times = report::Times { typed: plan.typing, quiet_from, lived };
    Report::new(plan, &times, lives, (kills, samples), (disk, unsettled, hung, judged))
}

/// All people.
enum Crowd {
    /// In this process.
    Here(Here),
    /// In processes of their own.
    Hosts(Hosts),
}

/// People in this process.
struct Here {
    over: watch::Sender<bool>,
    shared: Arc<Shared>,
    lives: Arc<Mutex<BTreeMap<usize, Life>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn start(plan: &Plan, stage: &Stage, runtime: &Runtime) -> Self {
        if plan.phones_per_process > 0 {
            return Self::Hosts(Hosts::start(plan, &stage.seats, &stage.folder()));
        }
        let mut rng = SmallRng::seed_from_u64(plan.seed);
        let (over, ended) = watch::channel(false);
        let (shared, lives) =
            (Arc::new(Shared::default()), Arc::<Mutex<BTreeMap<_, _>>>::default());
        shared.typing.store(true, Ordering::Relaxed);
        let heard = lives.clone();
        let say: Say = Arc::new(move |number, said| {
            let mut lives = heard.lock().unwrap_or_else(PoisonError::into_inner);
            lives.entry(number).or_insert_with(|| Life::of(number)).hear(said);
        });
        let begun = stage.seats.iter().map(|seat| {
            let (own, with) = (SmallRng::from_rng(&mut rng), (shared.clone(), ended.clone()));
            runtime.spawn(Person::new(seat.clone(), own, *plan, with, say.clone()).live())
        });
        let tasks = begun.collect();
        Self::Here(Here { over, shared, lives, tasks })
    }

    /// Returns what tells the processes in which they live.
    fn processes(&self) -> Box<dyn Fn() -> Vec<u32> + Send> {
        match self {
            Self::Here(_) => Box::new(|| vec![std::process::id()]),
            Self::Hosts(hosts) => Box::new(hosts.processes()),
        }
    }

    fn quiet(&self) {
        match self {
            Self::Here(here) => here.shared.typing.store(false, Ordering::Relaxed),
            Self::Hosts(hosts) => hosts.quiet(),
        }
    }

    /// Ends the day, and lets all exchange. Returns what became of each, how often a process hung, and how many
    /// phones did not exchange.
    fn end(self, runtime: &Runtime, seats: &[Seat]) -> (Vec<Life>, u64, usize) {
        let here = match self {
            Self::Hosts(hosts) => return hosts.end(ROUNDS),
            Self::Here(here) => here,
        };
        here.over.send_replace(true);
        for task in here.tasks {
            runtime.block_on(task).unwrap();
        }
        let mut unsettled = 0;
        for _ in 0..ROUNDS {
            unsettled = seats.chunks(PER_PROCESS).map(|some| host::settle(runtime, some)).sum();
        }
        let lives = std::mem::take(&mut *here.lives.lock().unwrap_or_else(PoisonError::into_inner));
        (lives.into_values().collect(), 0, unsettled)
    }
}

/// Returns when the hub is killed.
fn moments(plan: &Plan, rng: &mut SmallRng) -> Vec<Duration> {
    let within = plan.typing.mul_f64(KILLS_WITHIN);
    let part = within / plan.hub_kills.max(1);
    (0..plan.hub_kills).map(|nth| part * nth + part.mul_f64(rng.random_range(0.3..0.9))).collect()
}

/// Returns when something happens to the lines that are bad.
fn relays_at(plan: &Plan, rng: &mut SmallRng) -> Vec<Duration> {
    let (mut at, mut moments) = (Duration::ZERO, Vec::new());
    while at < plan.typing + plan.quiet {
        at += Duration::from_millis(rng.random_range(3_000..9_000));
        moments.push(at);
    }
    moments.reverse();
    moments
}

/// Waits, and calls `step` now and then.
fn wait_until(watch: &Stopwatch, at: Duration, mut step: impl FnMut(Duration)) {
    loop {
        let now = watch.elapsed();
        if now >= at {
            return;
        }
        step(now);
        std::thread::sleep((at - now).min(Duration::from_millis(200)));
    }
}
