//! A device that the hub trusts, and that sends what no phone of ours sends.
//!
//! Throughout, an honest phone types and exchanges. At the end the record holds what people typed
//! and nothing else, the hub has told the signer what it set aside, and its memory has not grown.

mod frames;
mod limits;
mod packs;
mod unreadable;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bienban_core::clock::{self, Stopwatch};
use bienban_core::model::Kind;
use bienban_core::net::{HubAddress, NetError, PhoneEndpoint};
use bienban_core::replica::ListQuery;
use bienban_core::sync::{Fingerprint, Frame, Hello, LogMessage, PROTOCOL_VERSION};
use bienban_core::trust::DeviceKey;
use bienban_tests::process::{Batch, PATIENCE, Reply, log_of, run, text};
use bienban_tests::scene::{self, Scene, Typed};
use tokio::runtime::Runtime;

/// What a hostile device may make the hub hold on to, in kB.
const MEMORY_GROWTH_MAX: u64 = 64 << 10;

/// More documents than there can be.
const ROWS_MAX: usize = 1_000;

/// The pause of a person between two answers: the machine has other things to do.
const PERSON_PAUSE: Duration = Duration::from_millis(100);

/// How a session of the hostile device went.
#[derive(Debug)]
pub(crate) struct Heard {
    /// What the hub said.
    pub(crate) frames: Vec<Frame>,
    /// How the link ended, if not in order.
    pub(crate) error: Option<NetError>,
}

impl Heard {
    /// Whether the hub ended the session because of what it was sent.
    pub(crate) fn was_thrown_out(&self) -> bool {
        self.error.is_some() || self.frames.iter().any(|frame| matches!(frame, Frame::Failed(_)))
    }
}

/// The hostile device.
pub(crate) struct Hostile {
    pub(crate) key: DeviceKey,
    pub(crate) hub: HubAddress,
    pub(crate) address: SocketAddr,
    pub(crate) seed: [u8; 32],
    runtime: Runtime,
}

impl Hostile {
    fn new(scene: &Scene, dir: &Path) -> Self {
        let seed = *scene::open_phone(dir).secret();
        Self {
            key: DeviceKey::from_seed(&seed),
            hub: scene.hub.as_ref().unwrap().uri.parse().unwrap(),
            address: scene.hub.as_ref().unwrap().address,
            seed,
            runtime: Runtime::new().unwrap(),
        }
    }

    /// Says these frames, whatever they are, and listens until the hub ends the session or has
    /// nothing more to say.
    pub(crate) fn say(&self, frames: &[Vec<u8>]) -> Heard {
        self.say_as(&self.seed, frames)
    }

    /// As [`Self::say`], with another key.
    pub(crate) fn say_as(&self, seed: &[u8; 32], frames: &[Vec<u8>]) -> Heard {
        self.runtime.block_on(async {
            match tokio::time::timeout(PATIENCE, self.session(seed, frames)).await {
                Ok(heard) => heard,
                Err(_) => panic!("the hub neither answers nor ends a session"),
            }
        })
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    async fn session(&self, seed: &[u8; 32], frames: &[Vec<u8>]) -> Heard {
        let mut heard = Heard { frames: Vec::new(), error: None };
        let endpoint = PhoneEndpoint::bind(seed).unwrap();
        let link = match endpoint.connect(&self.hub, PATIENCE).await {
            Ok(link) => link,
            Err(error) => return Heard { error: Some(error), ..heard },
        };
        let (mut sender, mut receiver) = link.split();
        let frames = frames.to_vec();
        let mut sending = Some(tokio::spawn(async move {
            for frame in frames {
                // Being thrown out half-way is what the receiving side reports.
                if sender.send(&frame).await.is_err() {
                    break;
                }
            }
            sender
        }));
        let (mut own, mut answered) = (None, 0);
        loop {
            match receiver.receive().await {
                Ok(Some(bytes)) => heard.frames.push(Frame::decode(&bytes).unwrap()),
                Ok(None) => break,
                Err(error) => {
                    heard.error = Some(error);
                    break;
                }
            }
            let answer = match heard.frames.last() {
                // It is asked for what it will not send.
                Some(Frame::Need(_)) => {
                    answered += 1;
                    Frame::Pushed { answered }
                }
                Some(Frame::Caught { .. }) => Frame::Bye,
                _ => continue,
            };
            if let Some(sending) = sending.take() {
                own = Some(sending.await.unwrap());
            }
            if let Some(sender) = &mut own {
                sender.send(&answer.encode().unwrap()).await.ok();
            }
        }
        if let Some(sending) = sending {
            drop(sending.await);
        }
        heard
    }
}

/// First words of a phone that holds nothing.
pub(crate) fn hello() -> Vec<u8> {
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        device_time: clock::now(),
        position: None,
        notices: 0,
        live: false,
        root: Fingerprint::EMPTY,
        empty: true,
    };
    Frame::Hello(hello).encode().unwrap()
}

/// What follows the first words of a phone that holds no head of the hub's log.
pub(crate) fn kept() -> Vec<u8> {
    Frame::Log(LogMessage::Kept { heads: Vec::new() }).encode().unwrap()
}

/// A first flight that pushes packs.
pub(crate) fn push(packs: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let pushed = Frame::Pushed { answered: 0 };
    vec![hello(), kept(), Frame::Push { packs }.encode().unwrap(), pushed.encode().unwrap()]
}

/// An honest person beside it all.
struct Honest {
    over: Arc<AtomicBool>,
    thread: JoinHandle<(Vec<Typed>, Duration)>,
}

impl Honest {
    fn start(scene: &Scene, dir: PathBuf) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (inspection, items) = (scene.inspection.clone(), scene::items());
        let (ended, hub_dir) = (over.clone(), scene.hub_dir.clone());
        let thread = std::thread::spawn(move || {
            let mut phone = Batch::start(&dir);
            let (mut told, mut slowest) = (Vec::new(), Duration::ZERO);
            while !ended.load(Ordering::Relaxed) {
                let token = format!("honest-{}", told.len());
                let item = &items[told.len() % items.len()];
                phone.ask(&format!("answer {inspection} {item} dat --value {token}")).done();
                told.push(Typed::Answer(token));
                let watch = Stopwatch::start();
                let reply = phone.ask("sync");
                slowest = slowest.max(watch.elapsed());
                let Reply::Done(data) = reply else {
                    panic!("an honest phone: {reply:?}\n{}", log_of(&hub_dir))
                };
                assert_eq!(data["refused"], 0, "{data}");
                assert_eq!(data["only_here"], 0, "{data}");
                std::thread::sleep(PERSON_PAUSE);
            }
            assert!(phone.end().success());
            (told, slowest)
        });
        Self { over, thread }
    }

    fn end(self) -> (Vec<Typed>, Duration) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// What the hub's process holds in memory, in kB.
fn memory(scene: &Scene) -> u64 {
    let path = format!("/proc/{}/status", scene.hub.as_ref().unwrap().id());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[test]
fn hostile_device_harms_nobody() {
    let seed = crate::seed("hostile");
    let mut scene = Scene::with_phones(2);
    let dir = scene.add_device("hostile", "inspector", scene::COMMUNE);
    let hostile = Hostile::new(&scene, &dir);
    let honest = Honest::start(&scene, scene.phones[0].clone());
    // Buffers and threads that any session needs are there before memory is measured.
    assert!(!hostile.say(&push(Vec::new())).was_thrown_out());
    let before = memory(&scene);
    frames::attack(&hostile, seed);
    let after_frames = memory(&scene);
    let mut expected = packs::attack(&hostile, &scene, seed);
    expected.extend(limits::attack(&hostile, &scene));
    let after = memory(&scene).max(after_frames);
    let log = log_of(&scene.hub_dir);
    assert!(scene.hub.as_mut().unwrap().is_running(), "the hub ended\n{log}");
    let (told, slowest) = honest.end();
    let count = told.len();
    println!(
        "hub memory {before} kB, then {after} kB; {count} honest exchanges within {slowest:?}"
    );
    assert!(count > 5, "the honest phone hardly got to work");
    assert!(after.saturating_sub(before) < MEMORY_GROWTH_MAX, "{before} kB, then {after} kB");
    // The signer is told of everything that was set aside.
    packs::waiting_after_merging(&scene);
    for _ in 0..scene::ROUNDS {
        let ran = run(["field", "--dir", text(&dir), "sync"]);
        assert!(matches!(ran.code, Some(0 | 6)), "{}", ran.errors);
    }
    let told_signer = scene.field(&dir, &["status"]);
    let notices = told_signer["notices"].as_array().unwrap();
    for (verdict, least) in &expected {
        let found = notices.iter().filter(|notice| notice["verdict"] == *verdict).count();
        assert!(found >= *least, "{found} notices of {verdict}, not {least}, of {}", notices.len());
    }
    let status = scene.administer(&["status"]);
    let least = expected.iter().map(|(_, least)| *least as u64).sum::<u64>();
    assert!(status["quarantined"].as_u64().unwrap() >= least, "{status}");
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &told);
    expect_nothing_wrong_inside(&scene);
}

/// Opens every document of the hub: none is of a kind or place that the hostile device may not
/// write.
fn expect_nothing_wrong_inside(scene: &Scene) {
    let hub = scene::open_hub(&scene.hub_dir);
    let query = ListQuery { limit: ROWS_MAX, ..ListQuery::default() };
    let mut plans = 0;
    for kind in Kind::ALL {
        for row in hub.replica().list(kind, &query).unwrap() {
            let document = hub.replica().load(row.document).unwrap();
            let scope = document.genesis().scope.as_str();
            // The plan of the one visit belongs to the facility's commune too.
            assert_eq!(scope, scene::COMMUNE, "{row:?}");
            plans += usize::from(kind == Kind::Plan);
        }
    }
    assert_eq!(plans, 1, "a plan by somebody who may not plan");
}
