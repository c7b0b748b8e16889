//! Each call to the file system fails once: no room, or a device that fails.
//!
//! The scenarios run step by step; for each of a step's calls the step is run again from where it
//! began, with that call failing. After the failure nothing may be acknowledged until the store was opened
//! anew; nothing may hang, a full disk stays readable, work goes on once the fault is gone, and the store
//! opens with all that was acknowledged.
//!
//! `BIENBAN_FAULTS=N` fails all calls up to the N-th and some of those after; over 300 also with faults that
//! stay or go the other way round. Without it a few of all scenarios fail. `BIENBAN_FAULTS_FROM` leaves out
//! those before.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::crashes::{check, copy_folder, number_from, seed, work_folder};
use crate::scenarios::{SCENARIOS, Scenario, WORK};
use crate::stage::{Acked, ack_path};
use crate::worker::{Failed, Fault, Work, check_bare_sled, recorder, run, run_failing};

/// What the scenarios come to: so many calls are gone through, wherever all of them fail.
const CALLS: u64 = 3_600;
/// In a plain run one in so many fails.
const PLAIN_ONE_IN: u64 = 50;
/// In one that asks for more, after those that it asks for.
const REST_ONE_IN: u64 = 25;
/// A run that asks for more than CI does takes every kind of fault.
const CI_CALLS: u64 = 300;
/// More than a step makes.
const COUNT_ONLY: u64 = 1 << 40;
/// The round in which the long scenario goes on from its own end names its rows from here.
const ROUND_RUNS: u32 = 1_000;
/// Work goes on within this after the fault is gone.
const RESUMED_MAX: Duration = Duration::from_secs(5);

/// Bare sled hangs at one in a few of its first calls; so many make it sure.
const CONTROL_CALLS: u64 = 30;

/// And so many are enough.
const CONTROL_FAILURES: usize = 2;

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    /// Calls so far, failed or left out.
    calls: u64,
    failed: u64,
    /// By call.
    by_name: BTreeMap<String, u64>,
    by_scenario: BTreeMap<&'static str, u64>,
    /// Runs in which the index hung and the next process opened the store.
    restarts: u64,
    slowest_run: Duration,
    slowest_resumed: Duration,
    slowest_open: Duration,
}

/// How calls fail, and which.
struct Plan {
    errno: i32,
    stays: bool,
    from: u64,
    /// Up to this one all fail.
    all: u64,
    until: u64,
    one_in: u64,
    seed: u64,
}

impl Plan {
    fn takes(&self, call: u64) -> bool {
        let drawn = call % self.one_in == self.seed % self.one_in;
        call >= self.from && (call <= self.all || drawn)
    }
}

/// A folder with a store and what was acknowledged of it.
struct Place(tempfile::TempDir);

impl Place {
    fn begin(scenario: &Scenario) -> Self {
        let place = Self(work_folder());
        fs::create_dir_all(place.root()).unwrap();
        let before = (scenario.before)(&place.root());
        let lines: String = before.iter().map(|line| format!("{line}\n")).collect();
        fs::write(ack_path(&place.root()), lines).unwrap();
        place
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("root")
    }

    fn copy(&self) -> Self {
        let copy = Self(work_folder());
        copy_folder(self.0.path(), copy.0.path());
        copy
    }

    fn acked(&self) -> Acked {
        let lines = fs::read_to_string(ack_path(&self.root())).unwrap();
        Acked::read(lines.lines())
    }
}

fn fail_one(recorder: &Path, base: &Place, work: Work, fault: Fault, tried: &mut Tried) -> String {
    let place = base.copy();
    let context = || format!("call {} of {work:?} ({} so far)", fault.at, tried.calls);
    let again = || {
        let (errno, stays) = (fault.errno, fault.stays);
        format!(
            "errno {errno}, stays {stays}; again: BIENBAN_FAULTS_FROM and BIENBAN_FAULTS around it"
        )
    };
    let went = run_failing(recorder, work, fault, &place.root(), None);
    let Failed { hit, resumed, took } =
        went.unwrap_or_else(|what| panic!("{}: {what}\n{}", context(), again()));
    let open = check(&place.root(), &place.acked()).unwrap_or_else(|what| {
        panic!("{}: after {hit:?}, {resumed:?}: {what}\n{}", context(), again())
    });
    let millis = Duration::from_millis(resumed.millis);
    tried.restarts += u64::from(resumed.restart);
    tried.slowest_run = tried.slowest_run.max(took);
    tried.slowest_open = tried.slowest_open.max(open);
    if !resumed.restart {
        tried.slowest_resumed = tried.slowest_resumed.max(millis);
    }
    hit.unwrap_or_default()
}

/// Fails the calls of one step.
fn fail_step(recorder: &Path, base: &Place, work: Work, plan: &Plan, tried: &mut Tried) {
    let fault = |at| Fault { at, errno: plan.errno, stays: plan.stays };
    let counted = fail_one(recorder, base, work, fault(COUNT_ONLY), tried);
    let count: u64 = counted.strip_prefix("calls ").unwrap().parse().unwrap();
    for at in 1..=count {
        if tried.calls == plan.until {
            return;
        }
        tried.calls += 1;
        if !plan.takes(tried.calls) {
            continue;
        }
        let hit = fail_one(recorder, base, work, fault(at), tried);
        // How many calls a step makes may differ a little from run to run.
        if !hit.starts_with("calls ") {
            tried.failed += 1;
            let name = hit.split(' ').next().unwrap_or_default();
            *tried.by_name.entry(name.to_owned()).or_default() += 1;
            if let Work::Step { scenario, .. } = work {
                *tried.by_scenario.entry(scenario).or_default() += 1;
            }
        }
    }
}

/// Goes through the scenarios, and then through the long one again and again, until as many calls failed.
fn fail_all(recorder: &Path, plan: &Plan) -> Tried {
    let mut tried = Tried::default();
    let mut round = 0;
    let mut scenarios = SCENARIOS.iter();
    let mut last = None;
    while tried.calls < plan.until {
        let (scenario, place) = match (scenarios.next(), last.take()) {
            (Some(scenario), _) => (scenario, Place::begin(scenario)),
            (None, place) => (Scenario::named(WORK), place.unwrap()),
        };
        for step in 0..scenario.steps.len() {
            let run_number = round * ROUND_RUNS + u32::try_from(step).unwrap() + 1;
            let work = Work::Step { scenario: scenario.name, step, run: run_number };
            if tried.calls < plan.until {
                fail_step(recorder, &place, work, plan, &mut tried);
            }
            run(work, &place.root());
        }
        round += 1;
        last = Some(place);
    }
    tried
}

fn every_call_fails(name: &str, errno: i32, stays: bool) {
    let folder = work_folder();
    let Some(recorder) = recorder(folder.path()) else {
        println!("skipped: this test needs Linux and a C compiler");
        return;
    };
    let asked = std::env::var_os("BIENBAN_FAULTS").is_some();
    let all = number_from("BIENBAN_FAULTS", 0);
    let until = if asked && all > CI_CALLS { all } else { CALLS };
    let one_in = if asked { REST_ONE_IN } else { PLAIN_ONE_IN };
    for stays in [stays, !stays].into_iter().take(1 + usize::from(all > CI_CALLS)) {
        let from = number_from("BIENBAN_FAULTS_FROM", 1);
        let plan = Plan { errno, stays, from, all, until, one_in, seed: seed() };
        let kind = if stays { "from then on" } else { "once" };
        println!("{name}, {kind}: BIENBAN_CRASH_SEED={}, calls {from} to {until}", plan.seed);
        let tried = fail_all(&recorder, &plan);
        println!("{name}, {kind}: none lost, none hung, all opened: {tried:?}");
        assert!(tried.failed > 0 || from > until, "no call failed");
        assert!(
            cfg!(debug_assertions) || tried.slowest_resumed <= RESUMED_MAX,
            "work went on only after {:?}",
            tried.slowest_resumed
        );
    }
}

#[test]
fn a_full_disk_at_any_call_loses_nothing_acknowledged() {
    every_call_fails("ENOSPC", libc::ENOSPC, true);
}

#[test]
fn a_failing_device_at_any_call_loses_nothing_acknowledged() {
    every_call_fails("EIO", libc::EIO, false);
}

#[test]
fn bare_sled_fails_where_a_call_fails() {
    let folder = work_folder();
    let Some(recorder) = recorder(folder.path()) else {
        println!("skipped: this test needs Linux and a C compiler");
        return;
    };
    let mut wrong = Vec::new();
    let mut tried = 0;
    for at in 1..=CONTROL_CALLS {
        for (errno, stays) in [(libc::EIO, false), (libc::ENOSPC, true)] {
            let place = work_folder();
            let root = place.path().join("root");
            fs::create_dir_all(&root).unwrap();
            let fault = Fault { at, errno, stays };
            let went = run_failing(&recorder, Work::BareSled { run: 1 }, fault, &root, None);
            tried += 1;
            if let Err(what) = went.map(drop).and_then(|()| check_bare_sled(&root)) {
                wrong.push(format!("{fault:?}: {what}"));
            }
        }
        // Each hang takes its time.
        if wrong.len() >= CONTROL_FAILURES {
            break;
        }
    }
    println!("bare sled 0.34.7: {} of {tried} calls: {}", wrong.len(), wrong.join("; "));
    assert!(!wrong.is_empty(), "the faults are too easy: bare sled survives all of them");
}
