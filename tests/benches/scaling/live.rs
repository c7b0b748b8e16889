//! Phones that stay connected to one hub, which is a process of its own, over QUIC: each sends an answer when it is
//! typed, and the person types the next one when the hub has signed for it.

use std::sync::Arc;
use std::time::Duration;

use bienban_core::client::Draft;
use bienban_core::clock::Stopwatch;
use bienban_core::driver::SyncEvent;
use bienban_core::model::Grade;
use bienban_tests::gauge;
use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::phones::{Crowd, Peak, Seat};
use crate::sizes;
use crate::table::{Column, Table, count};

/// How long one person takes for an answer where people work: fast, for one who looks at what there is.
const PACE: Duration = Duration::from_secs(5);

/// Answers that each phone sends.
const ANSWERS: usize = 10;

/// A phone looks for itself whether it was signed for when its exchange told nothing for so long. Counted: an
/// exchange tells of what it did.
const LOOK_AFTER: Duration = Duration::from_secs(10);

const COLUMNS: [Column; 8] = [
    ("answers a second", 0),
    ("acknowledged p50 ms", 1),
    ("p99 ms", 1),
    ("worst ms", 1),
    ("hub's CPU ms an answer", 2),
    ("phones' CPU ms an answer", 2),
    ("hub's peak MB", 1),
    ("not told", 0),
];

/// Prints the tables.
pub(crate) fn run() {
    let sizes = sizes("BIENBAN_SCALING_LIVE", "1,10,100");
    for (what, pace) in [("as fast as they are signed for", Duration::ZERO), ("one each 5 s", PACE)]
    {
        let title = format!("live: each phone sends single answers, {what}");
        let mut table = Table::new(title, "phones", &COLUMNS);
        for phones in &sizes {
            table.row(*phones, measure(*phones as usize, pace));
        }
        table.print();
    }
}

fn measure(phones: usize, pace: Duration) -> Vec<f64> {
    let runtime = Runtime::new().unwrap();
    let crowd = Crowd::gathered(phones, ANSWERS);
    let hub = crowd.hub.id();
    let (_, live) = crowd.connect(&runtime, |_, event| matches!(event, SyncEvent::CaughtUp));
    let here = std::process::id();
    let cpu = |process| gauge::cpu_seconds(process).unwrap_or(0.0);
    let (hub_before, here_before, peak) = (cpu(hub), cpu(here), Peak::of(hub));
    let watch = Stopwatch::start();
    let typists: Vec<_> = crowd
        .seats
        .iter()
        .map(|seat| {
            // Nobody types in step with others.
            let begin = pace.mul_f64(count(seat.number as u64) / count(phones as u64));
            runtime.spawn(types(seat.clone(), pace, begin))
        })
        .collect();
    let (mut waits, mut not_told) = (Vec::new(), 0);
    for typist in typists {
        let typed = runtime.block_on(typist).unwrap();
        waits.extend(typed.waits);
        not_told += typed.not_told;
    }
    let (seconds, answers) = (watch.elapsed().as_secs_f64(), count(waits.len() as u64));
    let (hub_cpu, here_cpu) = (cpu(hub) - hub_before, cpu(here) - here_before);
    let peak = peak.end();
    live.end(&runtime);
    crowd.expect_all(&runtime);
    waits.sort_by(f64::total_cmp);
    let at = |share: usize| waits[(waits.len() - 1) * share / 100];
    vec![
        answers / seconds,
        at(50),
        at(99),
        at(100),
        hub_cpu / answers * 1e3,
        here_cpu / answers * 1e3,
        peak / 1e3,
        count(not_told),
    ]
}

/// What one person waited for.
struct Typed {
    /// From when an answer was durable on the phone until the hub had signed for it, in milliseconds.
    waits: Vec<f64>,
    not_told: u64,
}

async fn types(seat: Arc<Seat>, pace: Duration, begin: Duration) -> Typed {
    let (mut waits, mut not_told) = (Vec::new(), 0);
    sleep(begin).await;
    for (before, (item, text)) in seat.entries().into_iter().enumerate() {
        let turn = Stopwatch::start();
        let typing = seat.clone();
        let typed = spawn_blocking(move || {
            let draft = Draft { value: Some(text), ..Draft::graded(Grade::Pass) };
            typing.client.answer(&typing.inspection, &item, draft).unwrap().recorded
        });
        assert!(typed.await.unwrap().is_some());
        let watch = Stopwatch::start();
        seat.edited.notify_one();
        while stored(&seat).await <= before as u64 {
            not_told += u64::from(timeout(LOOK_AFTER, seat.heard.notified()).await.is_err());
        }
        waits.push(watch.elapsed().as_secs_f64() * 1e3);
        sleep(pace.saturating_sub(turn.elapsed())).await;
    }
    Typed { waits, not_told }
}

/// Returns how many of its answers the hub has signed for.
async fn stored(seat: &Arc<Seat>) -> u64 {
    let seat = seat.clone();
    let look = move || seat.client.phone().arrival(seat.inspection.document()).unwrap().stored;
    spawn_blocking(look).await.unwrap()
}
