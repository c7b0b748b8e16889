//! Many phones that stay connected to one hub, which is a process of its own: each types an answer now and then, and
//! waits for the hub's signature. Single answers, not batches.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bienban_core::client::Draft;
use bienban_core::clock::Stopwatch;
use bienban_core::driver::SyncEvent;
use bienban_core::model::Grade;
use bienban_tests::gauge;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::runtime::Runtime;

use crate::phones::{Crowd, Peak, Seat};
use crate::sizes;
use crate::table::{Column, Table, count};

/// A phone types once in so long, at a moment of its own: faster than people do.
const EVERY: Duration = Duration::from_secs(4);

/// How long the last answers may take to be signed for.
const PATIENCE: Duration = Duration::from_secs(60);

const COLUMNS: [Column; 7] = [
    ("answers", 0),
    ("answers a second", 0),
    ("signed for: p50 ms", 1),
    ("p99 ms", 1),
    ("worst ms", 1),
    ("hub's CPU ms an answer", 2),
    ("hub's peak MB", 1),
];

/// Prints the table.
pub(crate) fn run() {
    let every = EVERY.as_secs();
    let title = format!("live: phones stay connected, each types an answer every {every} s");
    let mut table = Table::new(title, "phones", &COLUMNS);
    for phones in sizes("BIENBAN_SCALING_LIVE", "1,10,100") {
        table.row(phones, measure(phones as usize));
    }
    table.print();
}

/// What a phone typed last, and what it waits for.
#[derive(Default, Clone, Copy)]
struct Waits {
    typed: u64,
    since: Option<Duration>,
}

/// When each phone typed what the hub has not signed for, and how long it took for all others.
struct Board {
    watch: Stopwatch,
    waits: Vec<Mutex<Waits>>,
    took: Mutex<Vec<Duration>>,
}

impl Board {
    fn of(phones: usize) -> Self {
        let waits = (0..phones).map(|_| Mutex::default()).collect();
        Self { watch: Stopwatch::start(), waits, took: Mutex::default() }
    }

    /// Something happened to a phone: perhaps the hub has signed.
    fn look(&self, seat: &Seat) {
        let mut waits = self.waits[seat.number].lock().unwrap();
        let Some(since) = waits.since else { return };
        let arrival = seat.client.phone().arrival(seat.inspection.document()).unwrap();
        if arrival.stored >= waits.typed {
            waits.since = None;
            self.took.lock().unwrap().push(self.watch.elapsed() - since);
        }
    }

    /// Types one answer, durable, and lets the exchange know.
    fn types(&self, seat: &Seat, (item, text): (String, String)) {
        let mut waits = self.waits[seat.number].lock().unwrap();
        let draft = Draft { value: Some(text), ..Draft::graded(Grade::Pass) };
        assert!(seat.client.answer(&seat.inspection, &item, draft).unwrap().recorded.is_some());
        // What was typed before and is not signed for yet counts from its own moment.
        *waits = Waits {
            typed: waits.typed + 1,
            since: waits.since.or_else(|| Some(self.watch.elapsed())),
        };
        drop(waits);
        seat.edited.notify_one();
    }
}

fn measure(phones: usize) -> Vec<f64> {
    let runtime = Runtime::new().unwrap();
    let crowd = Crowd::gathered(phones);
    let hub = crowd.hub.id();
    let board = Arc::new(Board::of(phones));
    let looks = board.clone();
    let (_, live) = crowd.connect(&runtime, move |seat, event| {
        looks.look(seat);
        matches!(event, SyncEvent::CaughtUp)
    });
    let (cpu, peak) = (gauge::cpu_seconds(hub).unwrap_or(0.0), Peak::of(hub));
    let (watch, typed) = (Stopwatch::start(), type_all(&crowd, &board));
    let took_all = watch.elapsed().as_secs_f64();
    let waiting = Stopwatch::start();
    while board.waits.iter().any(|waits| waits.lock().unwrap().since.is_some()) {
        assert!(waiting.elapsed() < PATIENCE, "an answer is not signed for");
        std::thread::sleep(Duration::from_millis(20));
        crowd.seats.iter().for_each(|seat| board.look(seat));
    }
    let cpu = gauge::cpu_seconds(hub).unwrap_or(0.0) - cpu;
    let peak = peak.end();
    live.end(&runtime);
    crowd.expect_all(&runtime);
    let mut took = std::mem::take(&mut *board.took.lock().unwrap());
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    let answers = count(typed);
    vec![answers, answers / took_all, at(50), at(99), at(100), cpu / answers * 1e3, peak / 1e3]
}

/// Every phone types all its entries, one in each span of time. Returns how many there were.
fn type_all(crowd: &Crowd, board: &Board) -> u64 {
    let mut rng = SmallRng::seed_from_u64(7);
    let mut moments = Vec::new();
    for (place, seat) in crowd.seats.iter().enumerate() {
        for (round, entry) in (0_u32..).zip(seat.entries()) {
            moments.push((EVERY * round + EVERY.mul_f64(rng.random::<f64>()), place, entry));
        }
    }
    moments.sort_unstable();
    let (watch, typed) = (Stopwatch::start(), moments.len());
    for (moment, place, entry) in moments {
        std::thread::sleep(moment.saturating_sub(watch.elapsed()));
        board.types(&crowd.seats[place], entry);
    }
    typed as u64
}
