//! `kill -9` of the hub and of phones at random moments, while four people type and exchange, and of a hub
//! under the load of twenty.
//!
//! A printed line is a promise to a person, an exchange after which nothing is only here a promise
//! of the hub. Kills lose nothing of the page cache, so missing syncs do not show here: the crash
//! tests of the store are for those.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_tests::process::{Batch, PATIENCE, Reply, Trigger, run, text};
use bienban_tests::scene::{self, Record, Scene, Typed};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Kills of a plain `cargo test`; `BIENBAN_KILLS` asks for more.
const KILLS: u64 = 20;

/// People typing at once.
const PHONES: usize = 4;

/// One kill in this many is the hub's.
const HUB_KILLED_ONCE_IN: u64 = 3;

/// Kills of the hub alone in a plain `cargo test`.
const HUB_KILLS: u64 = 6;

/// Phones that load it then, and where more kills are asked for: making twenty takes longer than killing.
const FEW_PHONES: usize = 5;
const MANY_PHONES: usize = 20;

/// Each person exchanges once in so many commands: typing and exchanging by turns, and loading the hub.
const EXCHANGE_ONCE_IN: u32 = 8;
const LOAD_ONCE_IN: u32 = 2;

/// After this many kills of the hub its store is opened to see whether its receipts are true.
const CHECK_RECEIPTS_EVERY: u64 = 5;

/// Between two kills, in milliseconds.
const PAUSE: std::ops::Range<u64> = 50..300;

/// Between two looks at whether work goes on.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A run in which fewer exchanges went through proves nothing.
const SYNCS_MIN: usize = 4;

/// SIGKILL.
const KILLED: i32 = 9;

/// What a phone's user was told.
#[derive(Default)]
struct Ledger {
    /// Printed as done, in order.
    told: Vec<Typed>,
    /// So many of these the hub has signed for.
    at_hub: usize,
    /// Cut off by a kill: in the record once or not at all.
    unsure: Vec<Typed>,
    starts: usize,
    syncs: usize,
}

/// What the threads of a run share.
struct Shared {
    /// Held for reading during each command; for writing while nobody may be at work.
    gate: RwLock<()>,
    over: AtomicBool,
}

/// One person with a phone.
struct Person {
    number: usize,
    dir: PathBuf,
    inspection: String,
    items: Vec<String>,
    rng: SmallRng,
    shared: Arc<Shared>,
    trigger: Arc<Mutex<Option<Trigger>>>,
    ledger: Arc<Mutex<Ledger>>,
    typed: u64,
    exchange_once_in: u32,
}

impl Person {
    fn work(mut self) {
        let mut batch: Option<Batch> = None;
        while !self.shared.over.load(Ordering::Relaxed) {
            let shared = self.shared.clone();
            let _at_work = shared.gate.read().unwrap();
            let mut phone = batch.take().unwrap_or_else(|| self.start());
            let alive = if self.rng.random_ratio(1, self.exchange_once_in) {
                self.exchange(&mut phone)
            } else {
                self.type_something(&mut phone)
            };
            if alive {
                batch = Some(phone);
            } else {
                let status = phone.end();
                assert_eq!(status.signal(), Some(KILLED), "the phone ended by itself: {status}");
            }
        }
        if let Some(phone) = batch {
            phone.end();
        }
    }

    fn start(&mut self) -> Batch {
        let phone = Batch::start(&self.dir);
        *self.trigger.lock().unwrap_or_else(PoisonError::into_inner) = Some(phone.trigger());
        self.ledger.lock().unwrap().starts += 1;
        phone
    }

    /// Types an answer, a line of a note or a finding. Returns whether the phone still runs.
    fn type_something(&mut self, phone: &mut Batch) -> bool {
        self.typed += 1;
        let token = format!("p{}-{}", self.number, self.typed);
        let item = self.items[self.rng.random_range(0..self.items.len())].clone();
        let inspection = self.inspection.clone();
        let (typed, line) = match self.rng.random_range(0..10) {
            0..7 => {
                let line = format!("{inspection} {item} dat --value {token}");
                let reply = phone.ask(&format!("answer {line}"));
                if reply.kind() != Some("conflict") {
                    return self.note(Typed::Answer(token), &reply);
                }
                (Typed::Answer(token), format!("resolve {line}"))
            }
            7 | 8 => {
                let line = format!("note {inspection} {item} {token}");
                (Typed::Note(token), line)
            }
            _ => {
                // About no item: which severities one allows is its own.
                let line = format!("finding {inspection} - mi {token}");
                (Typed::Finding(token), line)
            }
        };
        let reply = phone.ask(&line);
        self.note(typed, &reply)
    }

    fn note(&self, typed: Typed, reply: &Reply) -> bool {
        let mut ledger = self.ledger.lock().unwrap();
        match reply {
            Reply::Done(data) => {
                assert!(data["recorded"].is_u64(), "not recorded: {data}");
                ledger.told.push(typed);
            }
            Reply::Failed(error) => panic!("{typed:?} was refused: {error}"),
            Reply::Gone => {
                ledger.unsure.push(typed);
                return false;
            }
        }
        true
    }

    fn exchange(&self, phone: &mut Batch) -> bool {
        match phone.ask("sync") {
            Reply::Done(data) => {
                assert_eq!(data["refused"], 0, "the hub set something aside: {data}");
                let mut ledger = self.ledger.lock().unwrap();
                ledger.syncs += 1;
                if data["only_here"] == 0 {
                    ledger.at_hub = ledger.told.len();
                }
                true
            }
            failed @ Reply::Failed(_) => {
                // The hub is dead at the moment; it was told so.
                assert_eq!(failed.kind(), Some("network"), "{failed:?}");
                true
            }
            Reply::Gone => false,
        }
    }
}

struct Crowd {
    shared: Arc<Shared>,
    triggers: Vec<Arc<Mutex<Option<Trigger>>>>,
    ledgers: Vec<Arc<Mutex<Ledger>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    fn start(scene: &Scene, rng: &mut SmallRng, exchange_once_in: u32) -> Self {
        let shared = Arc::new(Shared { gate: RwLock::default(), over: AtomicBool::new(false) });
        let mut crowd =
            Self { shared, triggers: Vec::new(), ledgers: Vec::new(), threads: Vec::new() };
        for (number, dir) in scene.phones.iter().enumerate() {
            let person = Person {
                number,
                dir: dir.clone(),
                inspection: scene.inspection.clone(),
                items: scene::items(),
                rng: SmallRng::from_rng(rng),
                shared: crowd.shared.clone(),
                trigger: Arc::default(),
                ledger: Arc::default(),
                typed: 0,
                exchange_once_in,
            };
            crowd.triggers.push(person.trigger.clone());
            crowd.ledgers.push(person.ledger.clone());
            crowd.threads.push(std::thread::spawn(move || person.work()));
        }
        crowd
    }

    fn count(&self, of: fn(&Ledger) -> usize) -> usize {
        self.ledgers.iter().map(|ledger| of(&ledger.lock().unwrap())).sum()
    }

    /// Waits until more than so many are there.
    fn wait_for(&self, than: usize, of: fn(&Ledger) -> usize) {
        let watch = Stopwatch::start();
        while self.count(of) <= than && watch.elapsed() < PATIENCE {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits until somebody was told of another edit, and a little longer: on a machine that does other
    /// things too, kills in a row would meet no work.
    fn work_on(&self, rng: &mut SmallRng) {
        let told: fn(&Ledger) -> usize = |ledger| ledger.told.len();
        self.wait_for(self.count(told), told);
        std::thread::sleep(Duration::from_millis(rng.random_range(PAUSE)));
    }

    fn kill_one(&self, rng: &mut SmallRng) {
        let trigger = &self.triggers[rng.random_range(0..self.triggers.len())];
        if let Some(trigger) = &*trigger.lock().unwrap_or_else(PoisonError::into_inner) {
            trigger.pull();
        }
    }

    fn end(self) -> Vec<Ledger> {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let own = |ledger: Arc<Mutex<Ledger>>| std::mem::take(&mut *ledger.lock().unwrap());
        self.ledgers.into_iter().map(own).collect()
    }
}

/// Opens the dead hub's store, which must hold by itself everything that it has signed for.
fn check_receipts(scene: &mut Scene, crowd: &Crowd) {
    let nobody_at_work = crowd.shared.gate.write().unwrap();
    scene.hub.as_mut().unwrap().kill();
    let hub = scene::open_hub(&scene.hub_dir);
    let signed = |ledger: &Ledger| ledger.told[..ledger.at_hub].to_vec();
    let signed: Vec<Typed> =
        crowd.ledgers.iter().flat_map(|ledger| signed(&ledger.lock().unwrap())).collect();
    if !signed.is_empty() {
        let document = hub.replica().load(scene.document()).unwrap();
        Record::of(&document).expect_all("the killed hub", &signed);
    }
    drop(hub);
    scene.restart_hub();
    drop(nobody_at_work);
}

/// What was killed, and how long the hub took to listen again each time.
#[derive(Default)]
struct Killed {
    all: u64,
    hub: u64,
    ready: Vec<Duration>,
}

impl Killed {
    fn kill_hub(&mut self, scene: &mut Scene, crowd: &Crowd) {
        self.all += 1;
        self.hub += 1;
        if self.hub.is_multiple_of(CHECK_RECEIPTS_EVERY) {
            check_receipts(scene, crowd);
        } else {
            scene.hub.as_mut().unwrap().kill();
            scene.restart_hub();
        }
        self.ready.push(scene.hub.as_ref().unwrap().ready);
    }

    /// Returns the time within which the hub listened again in so many of 100 cases.
    fn ready_within(&self, of_hundred: usize) -> Duration {
        let mut ready = self.ready.clone();
        ready.sort_unstable();
        let at = (ready.len() * of_hundred).div_ceil(100).saturating_sub(1);
        ready.get(at).copied().unwrap_or_default()
    }
}

/// Ends the work after the kills: what the hub signed for is in its own store, and what anybody was told is
/// in everybody's, once.
fn expect_nothing_lost(mut scene: Scene, crowd: Crowd, killed: &Killed) {
    crowd.wait_for(SYNCS_MIN, |ledger| ledger.syncs);
    let ledgers = crowd.end();
    // What was signed for is in the hub's own store, before any phone can give it back.
    scene.hub.as_mut().unwrap().kill();
    let hub = scene::open_hub(&scene.hub_dir);
    let record = Record::of(&hub.replica().load(scene.document()).unwrap());
    for ledger in &ledgers {
        record.expect_all("the hub after the last kill", &ledger.told[..ledger.at_hub]);
    }
    drop(hub);
    scene.restart_hub();
    scene.settle();
    let late = scene.add_phone("latecomer", "inspector");
    scene.sync(&late);
    let shown = run(["field", "--dir", text(&late), "show", &scene.inspection]).done();
    assert!(shown["items"].is_array() || shown["sections"].is_array(), "{shown}");
    scene.stop_hub();
    let record = scene::expect_same(&scene);
    let count = |of: fn(&Ledger) -> usize| ledgers.iter().map(of).sum::<usize>();
    let told = count(|ledger| ledger.told.len());
    for ledger in &ledgers {
        record.expect_all("the record", &ledger.told);
        for typed in &ledger.unsure {
            assert!(record.count(typed) <= 1, "{typed:?} was typed once and is there twice");
        }
    }
    println!(
        "{} phones, {} kills, {} of the hub (ready again within {:?}, half of them {:?}, 99 of 100 \
         {:?}); {} starts of phones, {} exchanges, {told} edits acknowledged, {} signed for, {} cut off; \
         0 lost",
        ledgers.len(),
        killed.all,
        killed.hub,
        killed.ready_within(100),
        killed.ready_within(50),
        killed.ready_within(99),
        count(|ledger| ledger.starts),
        count(|ledger| ledger.syncs),
        count(|ledger| ledger.at_hub),
        count(|ledger| ledger.unsure.len()),
    );
    // A run in which little happened proves nothing.
    assert!(
        told as u64 >= killed.all
            && count(|ledger| ledger.syncs) > SYNCS_MIN
            && killed.hub > killed.all / 10
    );
}

#[test]
fn kills_lose_nothing_that_was_acknowledged() {
    let seed = crate::seed("kills");
    let mut rng = SmallRng::seed_from_u64(seed);
    let kills = crate::number("BIENBAN_KILLS").unwrap_or(KILLS);
    let mut scene = Scene::with_phones(PHONES);
    let crowd = Crowd::start(&scene, &mut rng, EXCHANGE_ONCE_IN);
    let mut killed = Killed::default();
    while killed.all < kills {
        crowd.work_on(&mut rng);
        if rng.random_range(0..HUB_KILLED_ONCE_IN) > 0 {
            killed.all += 1;
            crowd.kill_one(&mut rng);
        } else {
            killed.kill_hub(&mut scene, &crowd);
        }
    }
    expect_nothing_lost(scene, crowd, &killed);
}

#[test]
fn kills_of_a_hub_under_load_lose_nothing_that_it_signed_for() {
    let seed = crate::seed("hub-kills");
    let mut rng = SmallRng::seed_from_u64(seed);
    let asked = crate::number("BIENBAN_KILLS");
    let phones = if asked.is_some() { MANY_PHONES } else { FEW_PHONES };
    let mut scene = Scene::with_phones(phones);
    let crowd = Crowd::start(&scene, &mut rng, LOAD_ONCE_IN);
    let mut killed = Killed::default();
    while killed.all < asked.unwrap_or(HUB_KILLS) {
        crowd.work_on(&mut rng);
        killed.kill_hub(&mut scene, &crowd);
    }
    expect_nothing_lost(scene, crowd, &killed);
}
