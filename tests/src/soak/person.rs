//! One person with a phone: types at a person's pace, connected or not, and is cut off now and then.

use std::collections::VecDeque;
use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bienban_core::client::{Client, ClientError, Draft, Note};
use bienban_core::driver::{Live, SyncOptions};
use bienban_core::model::Grade;
use bienban_core::replica::ReplicaError;
use rand::Rng;
use rand::rngs::SmallRng;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Plan;
use super::stage::Seat;
use crate::scene::{self, Typed};

/// How long a folder may still be held by work that was cut off.
const FOLDER_PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries to reach a hub that is not there.
const TRY_AGAIN: std::ops::Range<u64> = 200..2_000;

/// How long an exchange may take to end in order.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Who writes which items of one inspection: each member its own, so that no two answer one.
const TEAM: usize = 4;

/// What all share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// People type.
    pub(super) typing: AtomicBool,
}

/// What became of one person's day.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) number: usize,
    /// What this device said to have recorded, in order.
    pub(super) told: Vec<Typed>,
    /// From that until the hub's receipt; and the same of what was typed while connected.
    pub(super) taken: Vec<Duration>,
    pub(super) taken_connected: Vec<Duration>,
    pub(super) cuts: u64,
    pub(super) restarts: u64,
    /// Exchanges that ended with an error.
    pub(super) failed: u64,
    /// What was not recorded though nothing speaks against it.
    pub(super) refused: Vec<String>,
}

/// Something that happened to one person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Said {
    Answered(String),
    Noted(String),
    Taken(Duration, bool),
    Cut,
    Restarted,
    Failed,
    Refused(String),
}

/// Who is told of it, with the phone's number.
pub(super) type Say = Arc<dyn Fn(usize, Said) + Send + Sync>;

impl Life {
    pub(super) fn of(number: usize) -> Self {
        Self { number, ..Self::default() }
    }

    pub(super) fn hear(&mut self, said: Said) {
        match said {
            Said::Answered(token) => self.told.push(Typed::Answer(token)),
            Said::Noted(token) => self.told.push(Typed::Note(token)),
            Said::Taken(taken, connected) => {
                self.taken.push(taken);
                if connected {
                    self.taken_connected.push(taken);
                }
            }
            Said::Cut => self.cuts += 1,
            Said::Restarted => self.restarts += 1,
            Said::Failed => self.failed += 1,
            Said::Refused(what) => self.refused.push(what),
        }
    }
}

/// Something typed that no receipt has come for.
struct Waiting {
    /// How many edits there were with it.
    edits: u64,
    since: Instant,
    connected: bool,
}

pub(super) struct Person {
    seat: Seat,
    rng: SmallRng,
    plan: Plan,
    shared: Arc<Shared>,
    over: watch::Receiver<bool>,
    items: Vec<String>,
    waiting: VecDeque<Waiting>,
    next_entry: Instant,
    typed: u64,
    say: Say,
}

/// Exchanges once with the hub, in as many tries as are given. Returns whether it went well.
pub(super) async fn exchange(dir: &Path, tries: usize) -> bool {
    let client = open(dir).await;
    let mut done = false;
    for _ in 0..tries {
        done = client.sync(SyncOptions::default()).await.is_ok();
        if done {
            break;
        }
        sleep(Duration::from_millis(TRY_AGAIN.start)).await;
    }
    close(client).await;
    done
}

async fn open(dir: &Path) -> Arc<Client> {
    let dir = dir.to_owned();
    let opened = spawn_blocking(move || Client::open_as(&dir, "soak", FOLDER_PATIENCE));
    match opened.await.unwrap() {
        Ok(client) => Arc::new(client),
        Err(error) => {
            super::host::end_if_host(&error);
            panic!("{error}");
        }
    }
}

/// Closes a store, which waits for its disk.
async fn close(client: Arc<Client>) {
    spawn_blocking(move || drop(client)).await.unwrap();
}

/// Returns when the day is over.
async fn ended(over: &mut watch::Receiver<bool>) {
    // Nobody drops the other end before.
    drop(over.wait_for(|over| *over).await);
}

impl Person {
    pub(super) fn new(
        seat: Seat,
        rng: SmallRng,
        plan: Plan,
        (shared, over): (Arc<Shared>, watch::Receiver<bool>),
        say: Say,
    ) -> Self {
        let own = |(place, item): (usize, String)| (place % TEAM == seat.member).then_some(item);
        let items = scene::items().into_iter().enumerate().filter_map(own).collect();
        let (waiting, next_entry) = (VecDeque::new(), Instant::now());
        Self { seat, rng, plan, shared, over, items, waiting, next_entry, typed: 0, say }
    }

    fn say(&self, said: Said) {
        (self.say)(self.seat.number, said);
    }

    pub(super) async fn live(mut self) {
        // It must have heard of its plan before there is anything to fill.
        while !*self.over.borrow() && !exchange(&self.seat.dir, 1).await {
            self.say(Said::Failed);
            sleep(Duration::from_millis(self.rng.random_range(TRY_AGAIN))).await;
        }
        let mut client = open(&self.seat.dir).await;
        self.think();
        while !*self.over.borrow() {
            self.connected(&client).await;
            if !*self.over.borrow() {
                self.away(&client).await;
            }
            if self.rng.random_ratio(1, 3) {
                close(client).await;
                client = open(&self.seat.dir).await;
                self.say(Said::Restarted);
            }
        }
        close(client).await;
    }

    fn between(&mut self, range: (Duration, Duration)) -> Duration {
        self.rng.random_range(range.0..range.1)
    }

    fn think(&mut self) {
        self.next_entry = Instant::now() + self.between(self.plan.pause);
    }

    fn types(&self) -> bool {
        self.shared.typing.load(Ordering::Relaxed)
    }

    /// Works without the hub for a while.
    async fn away(&mut self, client: &Arc<Client>) {
        let until = Instant::now() + self.between(self.plan.away);
        while Instant::now() < until {
            let next = self.next_entry.min(until);
            let mut over = self.over.clone();
            tokio::select! {
                () = sleep_until(next) => {}
                () = ended(&mut over) => return,
            }
            if Instant::now() >= self.next_entry {
                self.enter(client, false).await;
            }
        }
    }

    /// Stays connected for a while, as far as there is a hub; and is cut off in the end, or ends in order.
    async fn connected(&mut self, client: &Arc<Client>) {
        let until = Instant::now() + self.between(self.plan.connected);
        let (stop, stopped) = watch::channel(false);
        let (edited, moved) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let begin = || {
            let (client, moved) = (client.clone(), moved.clone());
            let live = Live {
                edited: edited.clone(),
                stop: stopped.clone(),
                observer: Arc::new(move |_| moved.notify_one()),
            };
            let options = SyncOptions { live: Some(live), ..SyncOptions::default() };
            Box::pin(async move { client.sync(options).await })
        };
        let mut running = Some(begin());
        let mut again = until;
        let mut over = self.over.clone();
        loop {
            let is_running = running.is_some();
            let exchange = async {
                match &mut running {
                    Some(running) => running.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                outcome = exchange => {
                    if outcome.is_err() {
                        self.say(Said::Failed);
                    }
                    running = None;
                    again = Instant::now()
                        + Duration::from_millis(self.rng.random_range(TRY_AGAIN));
                }
                () = moved.notified() => self.look(client),
                () = sleep_until(again), if !is_running => running = Some(begin()),
                () = sleep_until(self.next_entry) => {
                    self.enter(client, is_running).await;
                    edited.notify_one();
                }
                () = sleep_until(until) => break,
                () = ended(&mut over) => break,
            }
        }
        let cut = !*self.over.borrow() && self.rng.random_ratio(1, 2);
        if let Some(running) = running {
            if cut {
                // As a dead battery or a tunnel: nobody says goodbye.
                self.say(Said::Cut);
                drop(running);
            } else {
                stop.send_replace(true);
                let ended = timeout(END_PATIENCE, running).await;
                if !matches!(ended, Ok(Ok(_))) {
                    self.say(Said::Failed);
                }
            }
        }
        self.look(client);
    }

    /// Types an answer or a line of a note.
    async fn enter(&mut self, client: &Arc<Client>, connected: bool) {
        self.think();
        if !self.types() {
            return;
        }
        self.typed += 1;
        let token = format!("p{}-{:x}-{}", self.seat.number, std::process::id(), self.typed);
        let item = self.items[self.rng.random_range(0..self.items.len())].clone();
        let is_note = self.rng.random_ratio(3, 10);
        let (client, inspection, text) =
            (client.clone(), self.seat.inspection.clone(), token.clone());
        let typed = spawn_blocking(move || -> Result<(bool, u64), ClientError> {
            let recorded = if is_note {
                client.note(&inspection, &item, Note::Append(text))?.recorded
            } else {
                let draft = Draft { value: Some(text), ..Draft::graded(Grade::Pass) };
                client.answer(&inspection, &item, draft)?.recorded
            };
            let edits = client.phone().arrival(inspection.document())?.recorded;
            Ok((recorded.is_some(), edits))
        });
        match typed.await.unwrap() {
            Ok((true, edits)) => {
                self.waiting.push_back(Waiting { edits, since: Instant::now(), connected });
                self.say(match is_note {
                    true => Said::Noted(token),
                    false => Said::Answered(token),
                });
            }
            Ok((false, _)) => self.say(Said::Refused(format!("{token}: nothing was recorded"))),
            Err(error) => {
                if let ClientError::Replica(ReplicaError::Store(stopped)) = &error {
                    super::host::end_if_host(stopped);
                }
                self.say(Said::Refused(format!("{token}: {error}")));
            }
        }
    }

    /// Looks which entries the hub has signed for.
    fn look(&mut self, client: &Client) {
        if self.waiting.is_empty() {
            return;
        }
        let Ok(arrival) = client.phone().arrival(self.seat.inspection.document()) else { return };
        while let Some(first) = self.waiting.front()
            && first.edits <= arrival.stored
        {
            let taken = first.since.elapsed();
            let connected = first.connected;
            self.waiting.pop_front();
            self.say(Said::Taken(taken, connected));
        }
    }
}
