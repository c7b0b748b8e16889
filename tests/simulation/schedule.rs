//! Schedules: made of a seed, run, and, where one fails, shortened to the steps that matter and told.

use std::cell::RefCell;
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::oracle;
use crate::tally::Tally;
use crate::world::{Trace, World};

/// Steps of one schedule before everything heals.
const STEPS: usize = 150;

/// Runs that looking for a shorter schedule takes at most.
const SHORTENING_RUNS_MAX: usize = 400;

/// Letters by which two failures count as one.
const KIND_CHARS: usize = 48;

/// One thing that happens; its seed says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) number: usize,
    seed: u64,
}

/// A schedule that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) seed: u64,
    pub(crate) wrong: String,
}

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Returns all steps of a seed's schedule.
pub(crate) fn steps_of(seed: u64) -> Vec<Step> {
    let mut rng = SmallRng::seed_from_u64(seed.rotate_left(32) ^ 0x5ced_01e5);
    (1..=STEPS).map(|number| Step { number, seed: rng.random() }).collect()
}

/// Runs some steps of a schedule, heals the world and looks at it.
pub(crate) fn run(seed: u64, steps: &[Step], trace: Trace) -> Result<Tally, String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, trace);
        steps.iter().for_each(|step| world.step(step.number, step.seed));
        world.heal(seed);
        oracle::check(&mut world)?;
        Ok(world.tally.ended())
    }));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let place = PLACE.with(|place| place.borrow().clone());
        Err(format!("{} (at {place})", text.unwrap_or_else(|| "panicked".to_owned())))
    })
}

/// Runs schedules on all processors; a schedule shares nothing with others. Tells `done` of each. Where
/// `failed` is given it is told of those that fail, and the others are run all the same.
///
/// # Errors
///
/// Returns the lowest seed that fails, whichever thread is quickest.
pub(crate) fn run_all(
    seeds: std::ops::Range<u64>,
    done: &(dyn Fn(u64) + Sync),
    failed: Option<&(dyn Fn(&Failure) + Sync)>,
) -> Result<Tally, Failure> {
    let (next, lowest) = (AtomicU64::new(seeds.start), AtomicU64::new(u64::MAX));
    let work = || {
        let mut total = Tally::default();
        loop {
            // Seeds are taken in order, so every lower one is done or under way.
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || seed > lowest.load(Ordering::Relaxed) {
                return Ok(total);
            }
            match run(seed, &steps_of(seed), None) {
                Ok(tally) => total.add(&tally),
                Err(wrong) => {
                    let failure = Failure { seed, wrong };
                    let Some(failed) = failed else {
                        lowest.fetch_min(seed, Ordering::Relaxed);
                        return Err(failure);
                    };
                    failed(&failure);
                }
            }
            done(seed);
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let outcomes: Vec<_> = quietly(|| {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        })
    });
    let (mut total, mut failures) = (Tally::default(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(tally) => total.add(&tally),
            Err(failure) => failures.push(failure),
        }
    }
    failures.into_iter().min_by_key(|failure| failure.seed).map_or(Ok(total), Err)
}

/// Keeps panics, which schedules end with where something is wrong, from being printed one by one.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
        PLACE.with(|last| *last.borrow_mut() = place.unwrap_or_default());
    }));
    let done = work();
    panic::set_hook(before);
    done
}

/// Leaves out of `all` what can be left out while it still fails: halves first, then ever smaller parts. Asks
/// `fails` at most so often.
pub(crate) fn shortest<T: Copy>(
    mut all: Vec<T>,
    runs_max: usize,
    mut fails: impl FnMut(&[T]) -> bool,
) -> Vec<T> {
    let (mut part, mut runs) = (all.len().div_ceil(2), 0);
    while part > 0 {
        let (mut at, mut shorter) = (0, false);
        while at < all.len() && runs < runs_max {
            let end = (at + part).min(all.len());
            let left: Vec<T> = [&all[..at], &all[end..]].concat();
            runs += 1;
            if fails(&left) {
                (all, shorter) = (left, true);
            } else {
                at = end;
            }
        }
        part = if shorter && part == 1 && runs < runs_max { 1 } else { part / 2 };
    }
    all
}

/// What a failure is, whichever devices and numbers it names.
fn kind(wrong: &str) -> String {
    wrong.chars().filter(|letter| !letter.is_ascii_digit()).take(KIND_CHARS).collect()
}

/// Tells a failure: the shortest schedule found that fails in the same way, step by step, and how to run it again.
pub(crate) fn tell(failure: &Failure, shortens: bool) -> String {
    let Failure { seed, wrong } = failure;
    let (all, sought) = (steps_of(*seed), kind(wrong));
    let count = all.len();
    let steps = quietly(|| {
        let runs = if shortens { SHORTENING_RUNS_MAX } else { 0 };
        shortest(all, runs, |steps| {
            run(*seed, steps, None).is_err_and(|wrong| kind(&wrong) == sought)
        })
    });
    let trace = Arc::new(Mutex::new(Vec::new()));
    let outcome = quietly(|| run(*seed, &steps, Some(trace.clone())));
    let mut text = format!("seed {seed}: {wrong}\n");
    let left = steps.len();
    text += &format!("{left} of {count} steps are left, and the world does this:\n");
    for line in trace.lock().unwrap().iter() {
        text += &format!("  {line}\n");
    }
    text += &format!("  {}\n", outcome.err().unwrap_or_else(|| "nothing is wrong".to_owned()));
    let numbers: Vec<String> = steps.iter().map(|step| step.number.to_string()).collect();
    let numbers = numbers.join(",");
    text += &format!(
        "replay: BIENBAN_SIM_SEED={seed} BIENBAN_SIM_STEPS={numbers} cargo test -p bienban-tests \
         --test simulation schedules -- --nocapture"
    );
    text
}

/// Runs one schedule, or only the named steps of it, and tells what it does.
pub(crate) fn replay(seed: u64, only: Option<&[usize]>) -> (String, Result<Tally, String>) {
    let mut steps = steps_of(seed);
    steps.retain(|step| only.is_none_or(|only| only.contains(&step.number)));
    let trace = Arc::new(Mutex::new(Vec::new()));
    let outcome = quietly(|| run(seed, &steps, Some(trace.clone())));
    let told = trace.lock().unwrap().join("\n");
    (told, outcome)
}
