//! The one loop that joins a replica's exchange with a link. Phones and the hub both run it.
//!
//! The store blocks while it syncs its journal, so exchanges do their work on blocking threads;
//! several of them waiting at once share one sync. Nothing here decides anything about documents.

mod enrol;
mod follow;
mod serve;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::clock;
use crate::model::DocumentId;
use crate::net::{
    FRAME_WIRE_BYTES_MAX, FrameReceiver, FrameSender, HubAddress, Link, NetError, PhoneEndpoint,
    Traffic, Transport,
};
use crate::replica::{Phone, PhoneOptions, PhoneRunner, Progress, ReplicaError};
use crate::sync::{
    AdminAnswer, AdminRequest, Ending, FRAME_BYTES_MAX, Failure, FailureCode, Outcome,
};

pub use enrol::{enrol, serve_newcomer};
pub use follow::{Patience, exchange};
pub use serve::{MERGE_STOP_MAX, Served, Wakeup, merge_worker, merge_workers, serve};

// What the protocol may say in one frame fits what the transport carries.
const _: () = assert!(FRAME_BYTES_MAX <= FRAME_WIRE_BYTES_MAX);

/// Small frames fetched from an exchange at once, so that they leave in one packet.
const FRAMES_AT_ONCE: usize = 16;

/// With this many bytes fetched, an exchange is asked to do no more work before they are written: the
/// work may bring a whole page of the feed, and a slow reader must not hold two in memory.
const FETCHED_BYTES: usize = 16 << 10;

/// How long connecting may take on a bad line: a handshake is two flights, and 2G loses some.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a phone that can no longer write waits for each frame of what the hub said last. What has
/// arrived is read at once; a link on which nothing comes must not hold up the next try.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Why an exchange ended early.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The link failed.
    #[error(transparent)]
    Net(#[from] Arc<NetError>),
    /// The replica failed, or the other end misbehaved.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The other end went away before everything had arrived.
    #[error("the hub ended the exchange before everything had arrived; try again")]
    Cut,
    /// The other end refused to go on.
    #[error("the exchange was ended: {}", failure.message)]
    Refused {
        /// Why.
        failure: Failure,
    },
    /// The operating system gave no random bytes, so nothing could be named afresh.
    #[error("the operating system gave no random bytes; try again")]
    Entropy,
    /// The work was stopped by a panic below; the store itself is sound.
    #[error("the exchange stopped unexpectedly; open the store again")]
    Stopped,
}

impl From<NetError> for DriverError {
    fn from(error: NetError) -> Self {
        Self::Net(Arc::new(error))
    }
}

/// What one exchange of a phone did and cost.
#[derive(Debug, Clone, Default)]
pub struct SyncReport {
    /// What was sent and taken in.
    pub progress: Progress,
    /// Everything that the hub had is here.
    pub caught_up: bool,
    /// Bytes and packets on the wire, handshake included.
    pub traffic: Traffic,
    /// How the last connection travelled; none if none was made.
    pub transport: Option<Transport>,
    /// Bytes of frames alone, each way.
    pub payload_sent: u64,
    /// Bytes of frames received.
    pub payload_received: u64,
    /// How often the phone had to wait for the hub after the handshake.
    pub round_trips: u32,
    /// Answers to what was asked.
    pub answers: Vec<AdminAnswer>,
    /// Documents of which the hub lacks something that is held here and cannot be given: a record is
    /// damaged, or a line is too long for a pack.
    pub withheld: BTreeSet<DocumentId>,
}

impl SyncReport {
    /// Counts in an exchange that followed at once; what holds now is what held after it.
    pub(crate) fn add(&mut self, next: Self) {
        self.progress = total(self.progress, next.progress);
        self.answers.extend(next.answers);
        // The next exchange compares everything again.
        self.withheld = next.withheld;
        self.caught_up = next.caught_up;
        self.transport = next.transport.or(self.transport);
        self.traffic.bytes_sent += next.traffic.bytes_sent;
        self.traffic.bytes_received += next.traffic.bytes_received;
        self.traffic.datagrams_sent += next.traffic.datagrams_sent;
        self.traffic.datagrams_received += next.traffic.datagrams_received;
        self.traffic.packets_lost += next.traffic.packets_lost;
        self.traffic.round_trip = next.traffic.round_trip;
        self.payload_sent += next.payload_sent;
        self.payload_received += next.payload_received;
        self.round_trips += next.round_trips;
    }
}

/// Adds what an exchange did to what earlier ones did; what holds now is what holds after it.
fn total(before: Progress, next: Progress) -> Progress {
    Progress {
        received: before.received + next.received,
        sent: before.sent + next.sent,
        stored: before.stored + next.stored,
        refused: before.refused + next.refused,
        declined: before.declined + next.declined,
        skipped: before.skipped + next.skipped,
        ..next
    }
}

/// What a live exchange tells its owner.
#[derive(Debug, Clone)]
pub enum SyncEvent {
    /// Something was sent or taken in.
    Moved(Progress),
    /// Everything that the hub had is here.
    CaughtUp,
}

/// How a phone's exchange is to run.
#[derive(Clone, Default)]
pub struct SyncOptions {
    /// Stay connected and pass on edits both ways until told to stop, or until the hub has made another exchange due
    /// so often that it is for the owner to dial anew, after a pause: it ends without an error then too.
    pub live: Option<Live>,
    /// What to ask the hub for, as an administrator.
    pub asks: Vec<AdminRequest>,
    /// Where to add up what every connection moved and cost.
    pub tally: Tally,
}

/// What several connections moved and cost, those that broke off too: an error tells nothing of that.
/// A connection that was never made is not in it.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<SyncReport>>);

impl Tally {
    /// Returns the sum so far. What holds now (`caught_up`, and whether more is due) is what held after
    /// the last connection.
    #[must_use]
    pub fn sum(&self) -> SyncReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, report: SyncReport) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(report);
    }
}

/// The strings to a live exchange.
#[derive(Clone)]
pub struct Live {
    /// Rung when edits were recorded.
    pub edited: Arc<Notify>,
    /// Turns true when the exchange is to end.
    pub stop: watch::Receiver<bool>,
    /// Told what happens.
    pub observer: Arc<dyn Fn(SyncEvent) + Send + Sync>,
}

impl Live {
    fn is_stopped(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }
}

/// Exchanges once with the hub: connects, sends what the hub has not signed for, takes in what is new.
/// With [`SyncOptions::live`] it goes on until stopped, or until another exchange is due
/// ([`Progress::again`], [`Progress::more`]); [`exchange`] sees to those.
///
/// # Errors
///
/// Returns [`DriverError::Net`] when the hub cannot be reached or the link breaks, and
/// [`DriverError::Replica`] when the store fails or the hub misbehaves. What was acknowledged before
/// stays so.
pub async fn sync(
    phone: &Arc<Phone>,
    endpoint: &PhoneEndpoint,
    hub: &HubAddress,
    options: SyncOptions,
) -> Result<SyncReport, DriverError> {
    once(phone, endpoint, hub, options, Patience::None).await
}

/// As [`sync`]; a live exchange goes on although another is due, where it is to be patient with that.
async fn once(
    phone: &Arc<Phone>,
    endpoint: &PhoneEndpoint,
    hub: &HubAddress,
    options: SyncOptions,
    patience: Patience,
) -> Result<SyncReport, DriverError> {
    let link = endpoint.connect(hub, CONNECT_TIMEOUT).await?;
    let SyncOptions { live, asks, tally } = options;
    let wanted = PhoneOptions { hub: hub.key(), live: live.is_some(), asks };
    let phone = phone.clone();
    // Drawn before anything is exchanged, so that a fresh incarnation never lacks entropy.
    let seed = clock::random::<32>().map_err(|_| DriverError::Entropy)?;
    let runner = blocking(move || {
        let mut drawn = 0_u64;
        let entropy = Box::new(move || {
            drawn += 1;
            let mut hasher = blake3::Hasher::new_derive_key("bienban 2026-11 session entropy");
            hasher.update(&seed).update(&drawn.to_le_bytes());
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
            bytes
        });
        PhoneRunner::start(phone, wanted, entropy, clock::now())
    })
    .await??;
    let report = SyncReport { transport: Some(link.transport()), ..SyncReport::default() };
    let (out, receiver) = Outgoing::start(link);
    let runner = Some(runner);
    let mut exchange = PhoneExchange { runner, out, broken: false, receiver, report, patience };
    let outcome = exchange.run(live).await;
    let (report, outcome) = exchange.close(outcome).await;
    tally.add(report.clone());
    outcome.map(|()| report)
}

/// The sending half of a link, with a task of its own: reading must never wait for writing, or two
/// ends that both have much to say would wait for each other for ever.
struct Outgoing {
    frames: mpsc::Sender<Vec<u8>>,
    writer: JoinHandle<Result<FrameSender, NetError>>,
    queue: VecDeque<Vec<u8>>,
    sent: u64,
}

impl Outgoing {
    fn start(link: Link) -> (Self, FrameReceiver) {
        let (mut sender, receiver) = link.split();
        let (frames, mut waiting) = mpsc::channel::<Vec<u8>>(1);
        let writer = tokio::spawn(async move {
            while let Some(frame) = waiting.recv().await {
                sender.send(&frame).await?;
            }
            Ok(sender)
        });
        (Self { frames, writer, queue: VecDeque::new(), sent: 0 }, receiver)
    }

    /// Hands the next frame to the writer; does not return while there is none. May be dropped at
    /// any time without losing a frame.
    async fn write(&mut self) -> Result<(), DriverError> {
        if self.queue.is_empty() {
            return std::future::pending().await;
        }
        // A writer that is gone left its error behind, which ending tells.
        let permit = self.frames.reserve().await.map_err(|_| DriverError::Cut)?;
        if let Some(frame) = self.queue.pop_front() {
            self.sent += frame.len() as u64;
            permit.send(frame);
        }
        Ok(())
    }

    /// Writes what is left and ends the stream in order.
    async fn finish(mut self) -> Result<Traffic, DriverError> {
        while !self.queue.is_empty() {
            if self.write().await.is_err() {
                break;
            }
        }
        drop(self.frames);
        let mut sender = self.writer.await.map_err(|_| DriverError::Stopped)??;
        let traffic = sender.traffic();
        // Everything that counts was acknowledged in frames; a lost goodbye changes nothing.
        drop(sender.finish().await);
        Ok(traffic)
    }

    /// Returns why the writer stopped, if it did.
    async fn failure(self) -> Option<DriverError> {
        drop(self.frames);
        match self.writer.await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.into()),
            Err(_) => Some(DriverError::Stopped),
        }
    }
}

struct PhoneExchange {
    /// `None` only while a blocking thread works with it.
    runner: Option<PhoneRunner>,
    out: Outgoing,
    /// Nothing can be written any more; what the hub said before it closed is still read.
    broken: bool,
    receiver: FrameReceiver,
    report: SyncReport,
    patience: Patience,
}

impl PhoneExchange {
    async fn run(&mut self, mut live: Option<Live>) -> Result<(), DriverError> {
        let mut told = false;
        loop {
            if self.out.queue.is_empty() {
                self.fetch().await?;
            }
            let progress = self.report.progress;
            let due = self.patience.is_due(progress);
            if let Some(live) = &live {
                (live.observer)(SyncEvent::Moved(progress));
                if self.report.caught_up && !told && !due {
                    told = true;
                    (live.observer)(SyncEvent::CaughtUp);
                }
            }
            if let Some(outcome) = self.runner.as_ref().and_then(PhoneRunner::outcome) {
                self.report.round_trips = outcome.meter.round_trips;
                return ended(outcome);
            }
            if self.report.caught_up && due && live.take().is_some() {
                // What the next exchange is for would wait as long as this one stays.
                if let Some(runner) = &mut self.runner {
                    runner.finish();
                }
                continue;
            }
            match self.next(live.as_mut()).await? {
                Event::Frame(frame) => {
                    self.report.payload_received += frame.len() as u64;
                    self.work(move |runner| {
                        // A frame that breaks the rules ends the session; polling tells the hub why
                        // before the error is returned.
                        runner.handle(&frame)
                    })
                    .await?;
                }
                Event::Written => {}
                Event::Edited => self.work(|runner| runner.offer(clock::now())).await?,
                Event::Stop => {
                    live = None;
                    if let Some(runner) = &mut self.runner {
                        runner.finish();
                    }
                }
                Event::End => return Err(DriverError::Cut),
            }
        }
    }

    async fn next(&mut self, live: Option<&mut Live>) -> Result<Event, DriverError> {
        let reads = self.runner.as_ref().is_some_and(PhoneRunner::wants_input);
        if self.broken {
            return self.last_word(reads).await;
        }
        let Some(live) = live else {
            return Ok(tokio::select! {
                frame = self.receiver.receive(), if reads => frame?.map_or(Event::End, Event::Frame),
                written = self.out.write() => self.written(written.is_ok()),
            });
        };
        Ok(tokio::select! {
            frame = self.receiver.receive(), if reads => frame?.map_or(Event::End, Event::Frame),
            written = self.out.write() => self.written(written.is_ok()),
            () = live.edited.notified() => Event::Edited,
            () = stopped(&mut live.stop) => Event::Stop,
        })
    }

    fn written(&mut self, well: bool) -> Event {
        self.broken = !well;
        Event::Written
    }

    /// A hub that refuses says why and closes. A phone that finds the door shut while it writes has that
    /// word among what has arrived, and without it would tell its user of a broken link.
    async fn last_word(&mut self, reads: bool) -> Result<Event, DriverError> {
        if !self.out.queue.is_empty() {
            // What the session has to say before it ends is lost as the rest is.
            self.out.queue.clear();
            return Ok(Event::Written);
        }
        if !reads {
            return Err(DriverError::Cut);
        }
        match timeout(LAST_WORD, self.receiver.receive()).await {
            Ok(Ok(Some(frame))) => Ok(Event::Frame(frame)),
            // Why nothing could be written says more than why nothing more is to be read.
            _ => Err(DriverError::Cut),
        }
    }

    /// Does what is due and takes what there is to say.
    async fn fetch(&mut self) -> Result<(), DriverError> {
        let work = self.work(|runner| {
            let (mut frames, mut bytes) = (VecDeque::new(), 0);
            while frames.len() < FRAMES_AT_ONCE && bytes < FETCHED_BYTES {
                match runner.poll_frame(clock::now()) {
                    Ok(Some(frame)) => {
                        bytes += frame.len();
                        frames.push_back(frame);
                    }
                    Ok(None) => break,
                    // What was to be said before the failure is still said.
                    Err(error) => return Ok((frames, Some(error))),
                }
            }
            Ok((frames, None))
        });
        let (frames, failed) = work.await?;
        self.out.queue.extend(frames);
        failed.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut PhoneRunner) -> Result<T, ReplicaError> + Send + 'static,
    ) -> Result<T, DriverError> {
        let mut runner = self.runner.take().ok_or(DriverError::Stopped)?;
        let (runner, outcome) = blocking(move || {
            let outcome = work(&mut runner);
            (runner, outcome)
        })
        .await?;
        self.report.progress = runner.progress();
        self.report.caught_up = runner.caught_up();
        let withheld = runner.withheld().iter().map(|want| want.document);
        self.report.withheld = withheld.collect();
        self.runner = Some(runner);
        Ok(outcome?)
    }

    async fn close(
        mut self,
        outcome: Result<(), DriverError>,
    ) -> (SyncReport, Result<(), DriverError>) {
        if let Some(runner) = &self.runner {
            self.report.answers = runner.answers().to_vec();
        }
        if matches!(outcome, Err(DriverError::Replica(_))) {
            // Where the hub broke the rules, the session has a last frame that says so. Where this
            // device has no room for what comes, its own work still arrives there.
            drop(self.fetch().await);
        }
        self.report.payload_sent = self.out.sent;
        if outcome.is_err() {
            // Nothing is done for this exchange any more, so it has not caught up.
            self.report.caught_up = false;
        }
        let outcome = match outcome {
            Ok(()) => match self.out.finish().await {
                Ok(traffic) => {
                    self.report.traffic = traffic;
                    return (self.report, Ok(()));
                }
                // The hub had its last word and closed: what it did not hear any more changes nothing.
                Err(DriverError::Net(_)) => Ok(()),
                Err(error) => Err(error),
            },
            Err(DriverError::Cut) => Err(self.out.failure().await.unwrap_or(DriverError::Cut)),
            Err(error) => {
                if matches!(error, DriverError::Replica(_)) {
                    drop(self.out.finish().await);
                }
                Err(error)
            }
        };
        // The connection counts on after it is lost; what was said on the way out costs too.
        self.report.traffic = self.receiver.traffic();
        (self.report, outcome)
    }
}

enum Event {
    Frame(Vec<u8>),
    Written,
    Edited,
    Stop,
    End,
}

fn ended(outcome: &Outcome) -> Result<(), DriverError> {
    match &outcome.ending {
        Ending::Done => Ok(()),
        // The runner says that another exchange is due.
        Ending::Told(failure) if failure.code == FailureCode::Changed => Ok(()),
        Ending::Told(failure) => Err(DriverError::Refused { failure: failure.clone() }),
        Ending::Refused(failure) => Err(DriverError::Refused { failure: failure.clone() }),
        Ending::Cut => Err(DriverError::Cut),
    }
}

/// Returns when the flag turns true, or nobody can turn it any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DriverError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| DriverError::Stopped)
}

#[cfg(test)]
mod tests;
