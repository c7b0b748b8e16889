//! Real programs over lines as mountain communes have them: one that loses every fifth datagram and changes its
//! address, and one over which a month of work goes at once. What it takes is printed, not asserted.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_tests::link::{Counters, Path, UdpLink};
use bienban_tests::process::{Batch, run, text};
use bienban_tests::scene::{self, Scene, Typed};
use tokio::runtime::Runtime;

/// Edits that travel over the worst line; `BIENBAN_LINE_EDITS` asks for another number (the figure is 500).
const LINE_EDITS: u64 = 60;
/// Edits of a month without a network; `BIENBAN_OFFLINE_EDITS` asks for another number (10,000).
const OFFLINE_EDITS: u64 = 400;
/// How often the worst line changes its address.
const CHANGE_EVERY: Duration = Duration::from_secs(10);
/// An exchange that broke off is begun again so often.
const TRIES_MAX: usize = 20;

/// 300 ms each way, every fifth datagram lost, 64 kbit/s.
fn worst() -> Path {
    Path { bytes_per_second: Some(8_000), ..Path::lossy(Duration::from_millis(300), 20) }
}

/// 150 ms each way, three in a hundred lost, 256 kbit/s.
fn bad() -> Path {
    Path { bytes_per_second: Some(32_000), ..Path::lossy(Duration::from_millis(150), 3) }
}

/// A scene with a phone behind a relay.
struct Line {
    scene: Scene,
    phone: PathBuf,
    relay: Arc<UdpLink>,
    runtime: Runtime,
}

impl Line {
    fn new(seed: u64) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut scene = Scene::with_phones(1);
        let hub = scene.hub.as_ref().unwrap();
        let (address, key) = (hub.address, hub.uri.rsplit('#').next().unwrap().to_owned());
        let path = Path::default();
        let relay = runtime.block_on(UdpLink::start(seed, address, path, path)).unwrap();
        let phone = scene.path("far");
        let uri = format!("bienban://{}#{key}", relay.address());
        let made = run(["field", "--dir", text(&phone), "init", "--hub", &uri]).done();
        let device = made["device"].as_str().unwrap().to_owned();
        let trust = ["trust", &device, "--name", "far", "--agency", "Trạm Y tế"];
        let rest = ["--role", "inspector", "--scope", scene::COMMUNE];
        scene.administer(&[&trust[..], &rest[..]].concat());
        scene.sync(&phone);
        scene.phones.push(phone.clone());
        Self { scene, phone, relay: Arc::new(relay), runtime }
    }

    /// Types without a network.
    fn type_offline(&self, edits: u64) -> Vec<Typed> {
        let (mut phone, items) = (Batch::start(&self.phone), scene::items());
        let mut typed = Vec::new();
        for count in 0..edits {
            let token = format!("far-{count}");
            let item = &items[usize::try_from(count).unwrap() % items.len()];
            let line = format!("answer {} {item} dat --value {token}", self.scene.inspection);
            phone.ask(&line).done();
            typed.push(Typed::Answer(token));
        }
        phone.end();
        typed
    }

    /// Exchanges until it went through. Returns how long that took, and how often it was begun.
    fn exchange(&self) -> (Duration, usize) {
        let watch = Stopwatch::start();
        for tries in 1..=TRIES_MAX {
            if run(["field", "--dir", text(&self.phone), "sync"]).code == Some(0) {
                return (watch.elapsed(), tries);
            }
        }
        panic!("nothing goes through");
    }

    /// Fails unless everything typed is in everybody's record once.
    fn expect(mut self, typed: &[Typed]) {
        self.relay.set_paths(Path::default(), Path::default());
        self.scene.settle();
        self.scene.stop_hub();
        scene::expect_same(&self.scene).expect_all("the record", typed);
        drop(self.relay);
        self.runtime.shutdown_background();
    }
}

fn told(relay: &UdpLink, before: Counters) -> String {
    let now = relay.counters();
    let (up, down, lost) = (now.up - before.up, now.down - before.down, now.lost - before.lost);
    format!("{up} datagrams up, {down} down, {lost} lost")
}

#[test]
fn edits_arrive_over_a_line_that_loses_every_fifth_datagram_and_changes_its_address() {
    let line = Line::new(crate::seed("worst-line"));
    let typed = line.type_offline(crate::number("BIENBAN_LINE_EDITS").unwrap_or(LINE_EDITS));
    line.relay.set_paths(worst(), worst());
    let before = line.relay.counters();
    let over = Arc::new(AtomicBool::new(false));
    let changing = {
        let (relay, over, runtime) =
            (line.relay.clone(), over.clone(), line.runtime.handle().clone());
        std::thread::spawn(move || {
            let _inside = runtime.enter();
            let mut waited = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let step = Duration::from_millis(100);
                std::thread::sleep(step);
                waited += step;
                if waited >= CHANGE_EVERY {
                    relay.change_addresses();
                    waited = Duration::ZERO;
                }
            }
        })
    };
    let (took, tries) = line.exchange();
    over.store(true, Ordering::Relaxed);
    changing.join().unwrap();
    println!(
        "{} edits over 64 kbit/s, 600 ms, 20 % loss: {took:.1?} in {tries} tries, {}",
        typed.len(),
        told(&line.relay, before)
    );
    line.expect(&typed);
}

#[test]
fn a_month_of_work_arrives_over_a_bad_line_and_the_hub_stays_small() {
    let line = Line::new(crate::seed("month"));
    let typed = line.type_offline(crate::number("BIENBAN_OFFLINE_EDITS").unwrap_or(OFFLINE_EDITS));
    line.relay.set_paths(bad(), bad());
    let (before, hub) = (line.relay.counters(), line.scene.hub.as_ref().unwrap().memory());
    let (took, tries) = line.exchange();
    let after = line.scene.hub.as_ref().unwrap().memory();
    println!(
        "{} edits over 256 kbit/s, 300 ms, 3 % loss: {took:.1?} in {tries} tries, {}; the hub's \
         memory {hub} -> {after} B",
        typed.len(),
        told(&line.relay, before)
    );
    line.expect(&typed);
}
