//! A device that the hub trusts, and that sends what no phone of ours sends.
//!
//! Throughout, an honest phone types and exchanges. At the end the record holds what people typed
//! and nothing else, the hub has told the signer what it set aside, and its memory has not grown.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_core::model::Kind;
use bienban_core::replica::ListQuery;
use bienban_tests::process::{Batch, Reply, log_of, run, text};
use bienban_tests::scene::{self, Scene, Typed};

use crate::device::{Hostile, push};
use crate::{frames, limits, packs};

/// What a hostile device may make the hub hold on to, in kB.
pub(crate) const MEMORY_GROWTH_MAX: u64 = 64 << 10;

/// More documents than there can be.
const ROWS_MAX: usize = 1_000;

/// The pause of a person between two answers: the machine has other things to do.
const PERSON_PAUSE: Duration = Duration::from_millis(100);

/// An honest person beside it all.
pub(crate) struct Honest {
    over: Arc<AtomicBool>,
    thread: JoinHandle<(Vec<Typed>, Duration)>,
}

impl Honest {
    pub(crate) fn start(scene: &Scene, dir: PathBuf) -> Self {
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

    pub(crate) fn end(self) -> (Vec<Typed>, Duration) {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// What the hub's process holds in memory, in kB.
pub(crate) fn memory(scene: &Scene) -> u64 {
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
    let hostile = Hostile::in_scene(&scene, &dir);
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
