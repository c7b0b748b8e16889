//! Many phones at one hub, which is a process of its own, over QUIC: all bring the same few edits at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bienban_core::checklist::TEA;
use bienban_core::client::{Client, Draft, OpenWith, Settings};
use bienban_core::clock::Stopwatch;
use bienban_core::driver::{Live, SyncEvent, SyncOptions};
use bienban_core::model::{DocumentId, Genesis, Grade, Kind, Origin, Scope, TemplateId};
use bienban_core::net::HubAddress;
use bienban_core::replica::units;
use bienban_core::sync::{PlainEntry, Role};
use bienban_core::trust::rest::StoreKey;
use bienban_server::hub::identity;
use bienban_tests::gauge;
use bienban_tests::process::{HubProcess, free_port};
use bienban_tests::scene::{self, Record, Typed};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};

use crate::table::{Column, Table, count};
use crate::{folder, sizes};

/// Phones of one team: it has a commune and an inspection, in which each member has items of its own.
const TEAM: usize = 4;

/// Edits that each phone brings where nobody says how many.
const EDITS: &str = "10";

/// The country, whose communes the teams go to.
const COUNTRY: &str = "00";

/// Digits of a commune's code; a province has fewer.
const COMMUNE_DIGITS: usize = 5;

/// All phones come from one address here, which none do outside.
const SETTINGS: &str = "[limits]\nhandshakes = 4096\nhandshakes_per_address = 4096\n";

/// How long a hub is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(2);

/// How often a phone dials that a busy hub sends away, and how long it waits before it does so again.
const TRIES: usize = 100;

/// See there.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// Longer than all may take together.
const ALL_WITHIN: Duration = Duration::from_secs(300);

/// Between two looks at the hub's memory.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const COLUMNS: [Column; 9] = [
    ("connected s", 2),
    ("all acknowledged s", 2),
    ("all merged s", 2),
    ("acknowledged edits a second", 0),
    ("hub's CPU s", 2),
    ("hub's CPU ms an edit", 2),
    ("hub's memory alone MB", 1),
    ("idle kB a phone", 0),
    ("hub's peak MB", 1),
];

/// Prints the table.
pub(crate) fn run() {
    for edits in sizes("BIENBAN_SCALING_EDITS", EDITS) {
        let title = format!("phones: each brings {edits} edits to one hub, all at once");
        let mut table = Table::new(title, "phones", &COLUMNS);
        for phones in sizes("BIENBAN_SCALING_PHONES", "1,10,100") {
            table.row(phones, measure(phones as usize, edits as usize));
        }
        table.print();
    }
}

fn measure(phones: usize, each: usize) -> Vec<f64> {
    let runtime = Runtime::new().unwrap();
    let crowd = Crowd::gathered(phones, each);
    let hub = crowd.hub.id();
    std::thread::sleep(REST);
    let alone = memory(hub);
    let (connected, live) =
        crowd.connect(&runtime, |_, event| matches!(event, SyncEvent::CaughtUp));
    std::thread::sleep(REST);
    let idle = memory(hub);
    live.end(&runtime);
    crowd.edit();
    let (cpu, peak) = (gauge::cpu_seconds(hub).unwrap_or(0.0), Peak::of(hub));
    let edits = count((phones * each) as u64);
    let acknowledged = Arc::new(Last::default());
    let (seen, watch) = (acknowledged.clone(), Stopwatch::start());
    let (merged, live) = crowd.connect(&runtime, move |seat, _| {
        let arrival = seat.client.phone().arrival(seat.inspection.document()).unwrap();
        assert_eq!(arrival.recorded, each as u64);
        if arrival.stored == arrival.recorded && !seat.stored.swap(true, Ordering::Relaxed) {
            seen.at(watch.elapsed());
        }
        arrival.merged == arrival.recorded
    });
    let cpu = gauge::cpu_seconds(hub).unwrap_or(0.0) - cpu;
    let peak = peak.end();
    live.end(&runtime);
    crowd.expect_all(&runtime);
    let acknowledged = acknowledged.seconds();
    vec![
        connected,
        acknowledged,
        merged,
        edits / acknowledged,
        cpu,
        cpu / edits * 1e3,
        alone / 1e3,
        (idle - alone) / count(phones as u64),
        peak / 1e3,
    ]
}

/// Returns what a process holds with those that it started, in kB.
fn memory(process: u32) -> f64 {
    count(gauge::with_children(process).unwrap_or(0))
}

/// The latest of some moments.
#[derive(Default)]
struct Last(AtomicU64);

impl Last {
    fn at(&self, moment: Duration) {
        self.0.fetch_max(u64::try_from(moment.as_micros()).unwrap(), Ordering::Relaxed);
    }

    fn seconds(&self) -> f64 {
        count(self.0.load(Ordering::Relaxed)) / 1e6
    }
}

/// Looks how much memory a process holds, until it is ended.
pub(super) struct Peak(Arc<AtomicBool>, JoinHandle<f64>);

impl Peak {
    pub(super) fn of(process: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let until = over.clone();
        let looks = std::thread::spawn(move || {
            let mut peak = memory(process);
            while !until.load(Ordering::Relaxed) {
                std::thread::sleep(LOOK_EVERY);
                peak = peak.max(memory(process));
            }
            peak
        });
        Self(over, looks)
    }

    /// Returns kB.
    pub(super) fn end(self) -> f64 {
        self.0.store(true, Ordering::Relaxed);
        self.1.join().unwrap()
    }
}

/// A phone and where it sits.
pub(super) struct Seat {
    pub(super) client: Client,
    pub(super) inspection: Genesis,
    /// Its place in its team.
    member: usize,
    pub(super) number: usize,
    /// How many answers it is to type.
    edits: usize,
    stored: AtomicBool,
    /// Rung when it has typed something.
    pub(super) edited: Arc<Notify>,
    /// Rung when its exchange told something.
    pub(super) heard: Notify,
}

/// A hub and its phones.
pub(super) struct Crowd {
    pub(super) hub: HubProcess,
    hub_dir: PathBuf,
    pub(super) seats: Vec<Arc<Seat>>,
    _root: TempDir,
}

/// Phones that stay connected.
pub(super) struct Connected {
    stop: watch::Sender<bool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Connected {
    pub(super) fn end(self, runtime: &Runtime) {
        self.stop.send_replace(true);
        for task in self.tasks {
            runtime.block_on(task).unwrap();
        }
    }
}

impl Crowd {
    /// Makes all of it; no phone has met the hub, and each is to type so many answers.
    pub(super) fn gathered(phones: usize, edits: usize) -> Self {
        let root = folder();
        let hub_dir = root.path().join("hub");
        std::fs::write(hub_dir.with_extension("toml"), SETTINGS).unwrap();
        let key = identity(&hub_dir).unwrap();
        let port = free_port();
        let at = HubAddress::at(([127, 0, 0, 1], port).into(), key);
        let within = units().within(&COUNTRY.parse().unwrap());
        let communes: Vec<Scope> =
            within.into_iter().filter(|unit| unit.as_str().len() == COMMUNE_DIGITS).collect();
        let opened = scene::open_hub(&hub_dir);
        let template = opened.publish(TEA.to_vec()).unwrap();
        let seats = (0..phones).map(|number| {
            let commune = communes[number / TEAM].clone();
            let (dir, key) = (root.path().join(format!("p{number}")), key_of(number));
            let settings = Settings { hub: Some(at.clone()) };
            let device = Client::init_sealed(&dir, &settings, &key).unwrap();
            let entry = PlainEntry {
                device,
                name: format!("Cán bộ {number}"),
                agency: "Trạm Y tế".to_owned(),
                role: Role::Inspector,
                scopes: vec![commune.clone()],
                active: true,
            };
            opened.trust(entry).unwrap();
            Arc::new(Seat {
                client: open(&dir, &key),
                inspection: visit(template, commune, number / TEAM),
                member: number % TEAM,
                number,
                edits,
                stored: AtomicBool::new(false),
                edited: Arc::default(),
                heard: Notify::new(),
            })
        });
        let seats = seats.collect();
        drop(opened);
        let hub = HubProcess::start(&hub_dir, port, None);
        Self { hub, hub_dir, seats, _root: root }
    }

    /// Connects all, and lets them stay. Returns how many seconds it took until all were `ready`; that is asked
    /// whenever something happened to one.
    pub(super) fn connect(
        &self,
        runtime: &Runtime,
        ready: impl Fn(&Seat, &SyncEvent) -> bool + Send + Sync + 'static,
    ) -> (f64, Connected) {
        let (watch, ready, last) = (Stopwatch::start(), Arc::new(ready), Arc::new(Last::default()));
        let (stop, stopped) = watch::channel(false);
        let all = Arc::new(Notify::new());
        let left = Arc::new(AtomicU64::new(self.seats.len() as u64));
        let begin = |seat: &Arc<Seat>| {
            let (watched, ready, done) = (seat.clone(), ready.clone(), AtomicBool::new(false));
            let (left, all, last) = (left.clone(), all.clone(), last.clone());
            let observer = move |event| {
                watched.heard.notify_one();
                if done.load(Ordering::Relaxed) || !ready(&watched, &event) {
                    return;
                }
                done.store(true, Ordering::Relaxed);
                last.at(watch.elapsed());
                if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                    all.notify_one();
                }
            };
            let live = Live {
                edited: seat.edited.clone(),
                stop: stopped.clone(),
                observer: Arc::new(observer),
            };
            let (seat, options) =
                (seat.clone(), SyncOptions { live: Some(live), ..SyncOptions::default() });
            let stop = stopped.clone();
            runtime.spawn(async move { stay(&seat.client, &options, &stop).await })
        };
        let tasks = self.seats.iter().map(begin).collect();
        let everybody = async { tokio::time::timeout(ALL_WITHIN, all.notified()).await };
        assert!(runtime.block_on(everybody).is_ok(), "not all were ready within {ALL_WITHIN:?}");
        (last.seconds(), Connected { stop, tasks })
    }

    /// Each answers items of its own, without the hub.
    fn edit(&self) {
        for seat in &self.seats {
            for (item, typed) in seat.entries() {
                let draft = Draft { value: Some(typed), ..Draft::graded(Grade::Pass) };
                let done = seat.client.answer(&seat.inspection, &item, draft).unwrap();
                assert!(done.recorded.is_some());
            }
        }
    }

    /// Fails unless every phone and the hub hold what all of a team typed, once each. The hub is ended for that.
    pub(super) fn expect_all(self, runtime: &Runtime) {
        for seat in &self.seats {
            let seat = seat.clone();
            let task = runtime.spawn(async move { seat.client.sync(SyncOptions::default()).await });
            runtime.block_on(task).unwrap().unwrap();
        }
        assert!(self.hub.stop().success());
        let hub = scene::open_hub(&self.hub_dir);
        for team in self.seats.chunks(TEAM) {
            let entries = team.iter().flat_map(|seat| seat.entries());
            let typed: Vec<Typed> = entries.map(|(_, text)| Typed::Answer(text)).collect();
            let document: DocumentId = team[0].inspection.document();
            let there = hub.replica().load(document).unwrap();
            Record::of(&there).expect_all("the hub", &typed);
            for seat in team {
                let here = seat.client.phone().replica().load(document).unwrap();
                assert_eq!(here.heads(), there.heads(), "phone {}", seat.number);
            }
        }
    }
}

impl Seat {
    /// What this person types, and where: the own items in turn, and once more from the first.
    pub(super) fn entries(&self) -> Vec<(String, String)> {
        let items = scene::items();
        let own: Vec<String> = items
            .into_iter()
            .enumerate()
            .filter(|(place, _)| place % TEAM == self.member)
            .map(|(_, item)| item)
            .collect();
        let one =
            |(turn, item): (usize, &String)| (item.clone(), format!("p{}-{turn}", self.number));
        own.iter().cycle().take(self.edits).enumerate().map(one).collect()
    }
}

/// Exchanges until it is told to stop. What is lost on the way is dialled anew, as an app does; an exchange that
/// made another due may also end in order.
async fn stay(client: &Client, options: &SyncOptions, stop: &watch::Receiver<bool>) {
    for _ in 0..TRIES {
        drop(client.sync(options.clone()).await);
        if *stop.borrow() {
            return;
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
    panic!("a hub that sends a phone away {TRIES} times");
}

/// The inspection of a team.
fn visit(template: TemplateId, scope: Scope, team: usize) -> Genesis {
    let mut facility = [3; 32];
    facility[..8].copy_from_slice(&(team as u64).to_le_bytes());
    Genesis {
        kind: Kind::Inspection,
        scope,
        template: Some(template),
        origin: Origin::Planned {
            plan: DocumentId([1; 32]),
            facility: DocumentId(facility),
            visit: 1,
        },
    }
}

/// The key under which a phone's folder is sealed, as its keystore would give it.
fn key_of(number: usize) -> StoreKey {
    let number = (number as u64).to_le_bytes();
    StoreKey::key(&blake3::derive_key("bienban 2026-11 keystore of a bench", &number))
}

fn open(dir: &Path, key: &StoreKey) -> Client {
    let with = OpenWith { key: Some(key), holder: "", patience: Duration::ZERO };
    Client::open_with(dir, with).unwrap()
}
