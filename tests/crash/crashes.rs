//! The power-cut tests.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_core::store::contract::count;
use bienban_core::store::{DiskStore, Store};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::disk::{Disk, STYLES, Style};
use crate::log::Log;
use crate::scenarios::{SCENARIOS, Scenario};
use crate::stage::{Acked, ack_path, check_rows};
use crate::worker::{Fault, Work, record, recorder, run_failing};

/// States in an ordinary test run, of all scenarios together.
const STATES: u64 = 200;
/// One in so many states is recovered under the recorder, and that recovery is cut as well.
const RECOVERIES_ONE_IN: u64 = 20;
/// States cut from each such recovery.
const RECOVERY_STATES: u64 = 4;
/// A recovery that was cut is recovered and cut again, so often.
const RECOVERY_DEPTH: u64 = 2;
/// One in so many states is of a history in which a sync failed before the power did.
const FAILED_SYNCS_ONE_IN: u64 = 40;
/// Bare sled failed more than half of its states when we measured; so many make it sure.
const CONTROL_STATES: u64 = 60;

/// Rows that a recovery writes are named by numbers from here.
const RECOVERY_RUN: u32 = 100;

pub(crate) fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

/// The seed of the power cuts.
pub(crate) fn seed() -> u64 {
    number_from("BIENBAN_CRASH_SEED", 20_261_123)
}

/// A folder in memory where there is one: states are many, and their disk is simulated.
pub(crate) fn work_folder() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap()
}

/// A recorded history: the folder it began from, and the log.
struct History {
    folder: PathBuf,
    log: Log,
    /// What had been acknowledged before it began.
    before: Vec<String>,
    root: PathBuf,
    events: usize,
}

impl History {
    fn log_path(folder: &Path) -> PathBuf {
        folder.join("log")
    }

    fn read(folder: &Path, root: &Path, before: Vec<String>) -> Self {
        let log = Log::read(&Self::log_path(folder));
        let events = log.events().count();
        Self { folder: folder.to_path_buf(), log, before, root: root.to_path_buf(), events }
    }

    /// Writes the state that a seed stands for into `into`, and returns what it must hold.
    fn state(&self, seed: u64, bare: bool, base: &Disk<'static>, into: &Path) -> State {
        let mut rng = SmallRng::seed_from_u64(seed);
        let cut = rng.random_range(0..=self.events);
        let style = STYLES[rng.random_range(0..STYLES.len())];
        let names_kept = bare || rng.random_bool(0.5);
        let mut disk = base.clone();
        disk.keeps_unsynced = rng.random_bool(0.5);
        disk.replay(&self.log, cut);
        disk.crash(&mut rng, style, names_kept, into);
        let mut acks = self.before.clone();
        acks.extend(self.log.acks(cut).into_iter().map(str::to_owned));
        State { acks, cut, style, names_kept }
    }
}

struct State {
    acks: Vec<String>,
    cut: usize,
    style: Style,
    names_kept: bool,
}

impl State {
    fn acked(&self) -> Acked {
        Acked::read(self.acks.iter().map(String::as_str))
    }
}

/// Opens what a crash or a failing call left, and says what is wrong with it, or how long the longest
/// opening took.
pub(crate) fn check(folder: &Path, acked: &Acked) -> Result<Duration, String> {
    let open = || -> Result<(DiskStore, Duration), String> {
        let watch = Stopwatch::start();
        let store = acked.open(folder).map_err(|error| format!("open: {error}: {error:?}"))?;
        Ok((store, watch.elapsed()))
    };
    let (store, first) = open()?;
    let opened = store.opened();
    if !opened.lost.is_empty() || opened.older {
        return Err(format!("said to be lost or older: {opened:?}"));
    }
    check_rows(&store, acked)?;
    let problems = store.verify().map_err(|error| error.to_string())?.problems;
    if !problems.is_empty() {
        return Err(format!("problems: {problems:?}"));
    }
    store.commit(vec![count("after")]).map_err(|error| format!("commit: {error}"))?;
    drop(store);
    let (store, second) = open()?;
    if store.opened().rebuilt.is_some() {
        return Err(format!("rebuilt after a clean close: {:?}", store.opened()));
    }
    check_rows(&store, acked)?;
    Ok(first.max(second))
}

/// Says whether bare sled still has what it acknowledged.
pub(crate) fn check_bare_sled(folder: &Path, acked: &Acked) -> Result<(), String> {
    let config = sled::Config::new().path(folder.join("store"));
    let db = catch_unwind(AssertUnwindSafe(|| config.open()))
        .map_err(|_| "panic".to_owned())?
        .map_err(|error| error.to_string())?;
    for (key, value) in &acked.rows {
        let found = catch_unwind(AssertUnwindSafe(|| db.get(key)));
        match found {
            Ok(Ok(Some(found))) if found == *value => {}
            _ => return Err(format!("{key} is lost")),
        }
    }
    Ok(())
}

/// Keeps what is needed to make a failing state again, and stops the test.
fn fail(history: &History, seed: u64, state: &State, what: &str) -> ! {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{seed:016x}"));
    if kept != history.folder {
        drop(fs::remove_dir_all(&kept));
        fs::create_dir_all(&kept).unwrap();
        fs::copy(History::log_path(&history.folder), kept.join("log")).unwrap();
        fs::write(kept.join("root"), history.root.display().to_string()).unwrap();
        fs::write(kept.join("before"), history.before.join("\n")).unwrap();
        fs::copy(history.folder.join("inodes"), kept.join("inodes")).unwrap();
        copy_folder(&history.folder.join("base"), &kept.join("base"));
    }
    panic!(
        "{what}\nafter event {} of the log, {:?}, names kept: {}\n\
         again: BIENBAN_CRASH_REPLAY={} BIENBAN_CRASH_SEED={seed} \
         cargo test -p bienban-tests --test crash replays",
        state.cut,
        state.style,
        state.names_kept,
        kept.display(),
    );
}

/// Copies a folder with all that is in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_folder(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

/// Records on one folder. `prepare` puts into it what it holds at first.
fn history(
    folder: &Path,
    before: Vec<String>,
    prepare: impl FnOnce(&Path),
    run: impl FnOnce(&Path, &Path),
) -> (History, Disk<'static>) {
    let (root, kept) = (folder.join("root"), folder.join("base"));
    fs::create_dir_all(&root).unwrap();
    prepare(&root);
    copy_folder(&root, &kept);
    // Before anything runs: the log names files by their inodes of now.
    let disk = Disk::load(&root);
    fs::write(folder.join("inodes"), disk.inodes()).unwrap();
    fs::write(ack_path(&root), before.iter().map(|line| format!("{line}\n")).collect::<String>())
        .unwrap();
    run(&root, &History::log_path(folder));
    (History::read(folder, &root, before), disk)
}

/// All steps of a scenario, one after the other; with a fault, all up to the one in which a sync fails.
fn history_of(
    recorder: &Path,
    folder: &Path,
    scenario: &'static Scenario,
    fault: Option<(usize, Fault)>,
) -> (History, Disk<'static>) {
    let root = folder.join("root");
    fs::create_dir_all(&root).unwrap();
    let before = (scenario.before)(&root);
    let failing = fault.map_or(scenario.steps.len(), |(step, _)| step);
    history(
        folder,
        before,
        |_| (),
        |root, log| {
            let work = |step: usize| Work::Step {
                scenario: scenario.name,
                step,
                run: u32::try_from(step).unwrap() + 1,
            };
            (0..failing).for_each(|step| record(recorder, work(step), root, log));
            if let Some((step, fault)) = fault {
                let went = run_failing(recorder, work(step), fault, root, Some(log));
                went.unwrap_or_else(|what| {
                    panic!("{}, step {step}, {fault:?}: {what}", scenario.name)
                });
            }
        },
    )
}

/// What was tried, and the longest that an opening took.
#[derive(Debug, Default)]
struct Tried {
    states: u64,
    recoveries: u64,
    slowest: Duration,
}

impl Tried {
    fn check(
        &mut self,
        history: &History,
        base: &Disk<'static>,
        seed: u64,
    ) -> (tempfile::TempDir, State) {
        let folder = work_folder();
        let state = history.state(seed, false, base, folder.path());
        // A copy, so that the state itself can be recovered once more.
        let copy = work_folder();
        copy_folder(folder.path(), copy.path());
        match check(copy.path(), &state.acked()) {
            Ok(took) => self.slowest = self.slowest.max(took),
            Err(what) => fail(history, seed, &state, &what),
        }
        self.states += 1;
        (folder, state)
    }

    /// The recovery of a state is a history of its own, and its states must hold just as much.
    fn check_recovery(
        &mut self,
        recorder: &Path,
        base: &Path,
        state: &State,
        seed: u64,
        depth: u64,
    ) {
        let folder = work_folder();
        let mut opening = state.acked().opening;
        opening.projection += u32::from(seed.is_multiple_of(3));
        let run = RECOVERY_RUN + u32::try_from(depth).unwrap();
        let work = Work::Recover { opening, run, close: seed.is_multiple_of(2) };
        let (history, disk) = history(
            folder.path(),
            state.acks.clone(),
            |root| copy_folder(base, root),
            |root, log| record(recorder, work, root, log),
        );
        self.recoveries += 1;
        for nth in 0..RECOVERY_STATES {
            let seed = seed.wrapping_add(1 + nth);
            let (base, state) = self.check(&history, &disk, seed);
            if nth == 0 && depth < RECOVERY_DEPTH {
                self.check_recovery(recorder, base.path(), &state, seed, depth + 1);
            }
        }
    }
}

/// As many states of one scenario.
fn cut(recorder: &Path, scenario: &'static Scenario, seed: u64, states: u64) -> Tried {
    let folder = work_folder();
    let (history, disk) = history_of(recorder, folder.path(), scenario, None);
    let mut tried = Tried::default();
    let mut nth = 0;
    while tried.states < states {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(nth * 1000);
        let (base, state) = tried.check(&history, &disk, seed);
        if nth % RECOVERIES_ONE_IN == 0 {
            tried.check_recovery(recorder, base.path(), &state, seed, 1);
        }
        if nth % FAILED_SYNCS_ONE_IN == FAILED_SYNCS_ONE_IN / 2 {
            cut_after_a_failed_sync(recorder, scenario, seed, &mut tried);
        }
        nth += 1;
    }
    tried
}

/// The power goes after a call failed: what was written before a sync that failed may be gone for good,
/// though the system says nothing more of it.
fn cut_after_a_failed_sync(
    recorder: &Path,
    scenario: &'static Scenario,
    seed: u64,
    tried: &mut Tried,
) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let step = rng.random_range(0..scenario.steps.len());
    let at = rng.random_range(1..60);
    let fault = Fault { at, errno: libc::EIO, stays: false };
    let folder = work_folder();
    let (history, disk) = history_of(recorder, folder.path(), scenario, Some((step, fault)));
    for nth in 0..RECOVERY_STATES {
        tried.check(&history, &disk, seed.wrapping_add(500 + nth));
    }
}

#[test]
fn no_power_cut_loses_an_acknowledged_commit() {
    let folder = work_folder();
    let Some(recorder) = recorder(folder.path()) else {
        println!("skipped: this test needs Linux and a C compiler");
        return;
    };
    let (seed, states) = (seed(), number_from("BIENBAN_CRASH_STATES", STATES));
    let only = std::env::var("BIENBAN_CRASH_SCENARIO").ok();
    let chosen =
        |scenario: &&Scenario| only.as_ref().is_none_or(|only| scenario.name == only.as_str());
    let chosen: Vec<_> = SCENARIOS.iter().filter(chosen).collect();
    assert!(!chosen.is_empty(), "there is no such scenario");
    println!("BIENBAN_CRASH_SEED={seed}, {states} states of {} scenarios", chosen.len());
    let (mut all, each) = (Tried::default(), states.div_ceil(chosen.len() as u64));
    for scenario in chosen {
        let tried = cut(&recorder, scenario, seed, each);
        println!("{}: {tried:?}", scenario.name);
        all.states += tried.states;
        all.recoveries += tried.recoveries;
        all.slowest = all.slowest.max(tried.slowest);
    }
    println!(
        "{} states, {} recoveries cut as well: none lost, all opened, the slowest within {:?}",
        all.states, all.recoveries, all.slowest
    );
}

#[test]
fn bare_sled_fails_the_same_power_cuts() {
    let folder = work_folder();
    let Some(recorder) = recorder(folder.path()) else {
        println!("skipped: this test needs Linux and a C compiler");
        return;
    };
    let work = Work::BareSled { run: 1 };
    let run = |root: &Path, log: &Path| record(&recorder, work, root, log);
    let (history, disk) = history(folder.path(), vec![], |_| (), run);
    let mut failed = 0;
    for seed in 0..CONTROL_STATES {
        let into = work_folder();
        let state = history.state(seed, true, &disk, into.path());
        failed += u64::from(check_bare_sled(into.path(), &state.acked()).is_err());
    }
    println!("bare sled 0.34.7: {failed} of {CONTROL_STATES} states lost or not opened");
    assert!(failed > 0, "the states are too easy: bare sled survives all of them");
}

#[test]
fn replays_a_kept_state() {
    let Ok(kept) = std::env::var("BIENBAN_CRASH_REPLAY") else { return };
    let kept = PathBuf::from(kept);
    let root = PathBuf::from(fs::read_to_string(kept.join("root")).unwrap());
    let before = fs::read_to_string(kept.join("before")).unwrap();
    let before = before.lines().map(str::to_owned).collect();
    let history = History::read(&kept, &root, before);
    let mut disk = Disk::load(&kept.join("base"));
    disk.rename_inodes(&root, &fs::read_to_string(kept.join("inodes")).unwrap());
    Tried::default().check(&history, &disk, seed());
}
