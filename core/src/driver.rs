//! The one loop that joins a replica's exchange with a link. Phones and the hub both run it.
//!
//! The store blocks while it syncs its journal, so exchanges do their work on blocking threads;
//! several of them waiting at once share one sync. Nothing here decides anything about documents.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock;
use crate::model::DeviceId;
use crate::net::{
    FRAME_WIRE_BYTES_MAX, FrameReceiver, FrameSender, HubAddress, Link, NetError, PhoneEndpoint,
    Traffic,
};
use crate::replica::{
    Hub, HubOptions, HubRunner, Phone, PhoneOptions, PhoneRunner, Progress, ReplicaError,
};
use crate::sync::{
    AdminAnswer, AdminRequest, DeviceEntry, Ending, FRAME_BYTES_MAX, Failure, Outcome,
};

// What the protocol may say in one frame fits what the transport carries.
const _: () = assert!(FRAME_BYTES_MAX <= FRAME_WIRE_BYTES_MAX);

/// Frames fetched from an exchange at once: bounds what a slow reader holds in memory.
const FRAMES_AT_ONCE: usize = 16;

/// How long connecting may take on a bad line: a handshake is two flights, and 2G loses some.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the hub's merge worker sleeps when nobody wakes it: a safety net, not a schedule.
const MERGE_IDLE: Duration = Duration::from_secs(5);

/// How long an exchange with nothing else to do waits for its packs to be merged.
const MERGE_WAIT: Duration = Duration::from_secs(10);

/// After a failure to merge, how long before the next try: the disk may be full.
const MERGE_RETRY: Duration = Duration::from_secs(1);

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
    /// Bytes of frames alone, each way.
    pub payload_sent: u64,
    /// Bytes of frames received.
    pub payload_received: u64,
    /// How often the phone had to wait for the hub after the handshake.
    pub round_trips: u32,
    /// Answers to what was asked.
    pub answers: Vec<AdminAnswer>,
}

impl SyncReport {
    /// Counts in an exchange that followed at once; what holds now is what held after it.
    pub(crate) fn add(&mut self, next: Self) {
        let before = self.progress;
        self.progress = Progress {
            received: before.received + next.progress.received,
            sent: before.sent + next.progress.sent,
            stored: before.stored + next.progress.stored,
            refused: before.refused + next.progress.refused,
            declined: before.declined + next.progress.declined,
            ..next.progress
        };
        self.caught_up = next.caught_up;
        self.traffic.bytes_sent += next.traffic.bytes_sent;
        self.traffic.bytes_received += next.traffic.bytes_received;
        self.traffic.datagrams_sent += next.traffic.datagrams_sent;
        self.traffic.datagrams_received += next.traffic.datagrams_received;
        self.traffic.packets_lost += next.traffic.packets_lost;
        self.payload_sent += next.payload_sent;
        self.payload_received += next.payload_received;
        self.round_trips += next.round_trips;
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
#[derive(Default)]
pub struct SyncOptions {
    /// Stay connected and pass on edits both ways until told to stop.
    pub live: Option<Live>,
    /// What to ask the hub for, as an administrator.
    pub asks: Vec<AdminRequest>,
}

/// The strings to a live exchange.
pub struct Live {
    /// Rung when edits were recorded.
    pub edited: Arc<Notify>,
    /// Turns true when the exchange is to end.
    pub stop: watch::Receiver<bool>,
    /// Told what happens.
    pub observer: Box<dyn Fn(SyncEvent) + Send + Sync>,
}

/// Exchanges everything with the hub: connects, sends what the hub has not signed for, takes in what
/// is new. With [`SyncOptions::live`] it goes on until stopped.
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
    let link = endpoint.connect(hub, CONNECT_TIMEOUT).await?;
    let SyncOptions { live, asks } = options;
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
    let (out, receiver) = Outgoing::start(link);
    let mut exchange =
        PhoneExchange { runner: Some(runner), out, receiver, report: SyncReport::default() };
    let outcome = exchange.run(live).await;
    exchange.close(outcome).await
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
    receiver: FrameReceiver,
    report: SyncReport,
}

impl PhoneExchange {
    async fn run(&mut self, mut live: Option<Live>) -> Result<(), DriverError> {
        let mut told = false;
        loop {
            if self.out.queue.is_empty() {
                self.fetch().await?;
            }
            if let Some(live) = &live {
                (live.observer)(SyncEvent::Moved(self.report.progress));
                if self.report.caught_up && !told {
                    told = true;
                    (live.observer)(SyncEvent::CaughtUp);
                }
            }
            if let Some(outcome) = self.runner.as_ref().and_then(PhoneRunner::outcome) {
                self.report.round_trips = outcome.meter.round_trips;
                return ended(outcome);
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
        let Some(live) = live else {
            return Ok(tokio::select! {
                frame = self.receiver.receive(), if reads => frame?.map_or(Event::End, Event::Frame),
                written = self.out.write() => written.map(|()| Event::Written)?,
            });
        };
        Ok(tokio::select! {
            frame = self.receiver.receive(), if reads => frame?.map_or(Event::End, Event::Frame),
            written = self.out.write() => written.map(|()| Event::Written)?,
            () = live.edited.notified() => Event::Edited,
            () = stopped(&mut live.stop) => Event::Stop,
        })
    }

    /// Does what is due and takes what there is to say.
    async fn fetch(&mut self) -> Result<(), DriverError> {
        let work = self.work(|runner| {
            let mut frames = VecDeque::new();
            while frames.len() < FRAMES_AT_ONCE {
                match runner.poll_frame(clock::now()) {
                    Ok(Some(frame)) => frames.push_back(frame),
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
        self.runner = Some(runner);
        Ok(outcome?)
    }

    async fn close(mut self, outcome: Result<(), DriverError>) -> Result<SyncReport, DriverError> {
        if let Some(runner) = &self.runner {
            self.report.answers = runner.answers().to_vec();
        }
        match outcome {
            Ok(()) => {
                self.report.payload_sent = self.out.sent;
                self.report.traffic = self.out.finish().await?;
                Ok(self.report)
            }
            Err(DriverError::Cut) => Err(self.out.failure().await.unwrap_or(DriverError::Cut)),
            Err(error) => {
                if matches!(error, DriverError::Replica(_)) {
                    // Where the hub broke the rules, the session has a last frame that says so. Where
                    // this device has no room for what comes, its own work still arrives there.
                    drop(self.fetch().await);
                    drop(self.out.finish().await);
                }
                Err(error)
            }
        }
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
        Ending::Told(failure) => Err(DriverError::Refused { failure: failure.clone() }),
        Ending::Refused(failure) => Err(DriverError::Refused { failure: failure.clone() }),
        Ending::Cut => Err(DriverError::Cut),
    }
}

/// Wakes those who wait for the hub: its merge worker, and its live exchanges.
#[derive(Clone)]
pub struct Wakeup {
    pending: Arc<Notify>,
    grown: watch::Sender<u64>,
    /// A session met a store that failed.
    failed: Arc<AtomicBool>,
}

impl Default for Wakeup {
    fn default() -> Self {
        Self { pending: Arc::default(), grown: watch::channel(0).0, failed: Arc::default() }
    }
}

impl Wakeup {
    /// Says that packs wait to be merged.
    pub fn pending(&self) {
        self.pending.notify_one();
    }

    /// Says that the feed has grown.
    pub fn grown(&self) {
        self.grown.send_modify(|count| *count += 1);
    }

    /// Says that the store failed: the merge worker opens it again when it can be.
    fn failed(&self) {
        self.failed.store(true, Ordering::Relaxed);
        self.pending();
    }
}

/// Merges what the hub accepted, until `stop` turns true. One document is in memory at a time.
///
/// # Errors
///
/// Returns [`DriverError::Stopped`] when merging panicked outside what is contained.
pub async fn merge_worker(
    hub: Arc<Hub>,
    wakeup: Wakeup,
    mut stop: watch::Receiver<bool>,
) -> Result<(), DriverError> {
    loop {
        if wakeup.failed.swap(false, Ordering::Relaxed) && !recover(&hub).await? {
            wakeup.failed.store(true, Ordering::Relaxed);
            tokio::select! {
                () = tokio::time::sleep(MERGE_RETRY) => continue,
                () = stopped(&mut stop) => return Ok(()),
            }
        }
        let merging = hub.clone();
        match blocking(move || merging.merge_next(clock::now())).await? {
            Ok(Some(_)) => {
                wakeup.grown();
                if !*stop.borrow() {
                    continue;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(error = %error, "merging failed; trying again");
                wakeup.failed.store(true, Ordering::Relaxed);
                // A cause that stays must neither keep a processor busy nor hold up the shutdown.
                tokio::select! {
                    () = tokio::time::sleep(MERGE_RETRY) => continue,
                    () = stopped(&mut stop) => return Ok(()),
                }
            }
        }
        tokio::select! {
            () = wakeup.pending.notified() => {}
            () = tokio::time::sleep(MERGE_IDLE) => {}
            () = stopped(&mut stop) => return Ok(()),
        }
    }
}

/// Opens a hub's failed store again. Returns whether it takes writes now.
async fn recover(hub: &Arc<Hub>) -> Result<bool, DriverError> {
    let hub = hub.clone();
    let fresh = clock::random();
    blocking(move || {
        let Ok(fresh_epoch) = fresh else { return false };
        match hub.recover(HubOptions { fresh_epoch, now: clock::now() }) {
            Ok(()) => {
                tracing::info!("the store takes writes again");
                true
            }
            Err(error) => {
                tracing::error!(error = %error, "the store takes no writes; trying again");
                false
            }
        }
    })
    .await
}

/// What one exchange of the hub did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The device.
    pub device: DeviceId,
    /// Bytes of frames received.
    pub payload_received: u64,
    /// Bytes of frames sent.
    pub payload_sent: u64,
}

/// Serves one device until the exchange ends or `stop` turns true.
///
/// # Errors
///
/// Returns [`DriverError::Net`] when the link breaks, [`DriverError::Replica`] when the device
/// misbehaves or the store fails. Other exchanges go on.
pub async fn serve(
    hub: Arc<Hub>,
    entry: DeviceEntry,
    link: Link,
    wakeup: Wakeup,
    mut stop: watch::Receiver<bool>,
) -> Result<Served, DriverError> {
    let mut grown = wakeup.grown.subscribe();
    let mut served = Served { device: entry.device, payload_received: 0, payload_sent: 0 };
    let mut runner = blocking(move || HubRunner::start(hub, entry, clock::now())).await??;
    let (mut out, mut receiver) = Outgoing::start(link);
    loop {
        if out.queue.is_empty() {
            let (back, frames) = fetch(runner).await?;
            runner = back;
            match frames {
                Ok(frames) => out.queue = frames,
                Err(error) => {
                    if matches!(error, ReplicaError::Store(_)) {
                        wakeup.failed();
                    }
                    return fail(runner, out, error).await;
                }
            }
            pass_on(&mut runner, &wakeup);
        }
        if let Some(outcome) = runner.outcome() {
            let ended = ended(outcome);
            served.payload_sent = out.sent;
            // The device may be gone already; what counts was acknowledged in frames.
            drop(out.finish().await);
            return ended.map(|()| served);
        }
        let reads = runner.wants_input();
        tokio::select! {
            frame = receiver.receive(), if reads => {
                let Some(frame) = frame? else { return Ok(served) };
                served.payload_received += frame.len() as u64;
                let (back, outcome) = blocking(move || {
                    let outcome = runner.handle(&frame);
                    (runner, outcome)
                })
                .await?;
                runner = back;
                if let Err(error) = outcome {
                    // The session ends by itself, after a last frame that says why.
                    tracing::warn!(device = served.device.short(), error = %error, "bad frame");
                }
            }
            written = out.write() => {
                if written.is_err() {
                    return Err(out.failure().await.unwrap_or(DriverError::Cut));
                }
            }
            changed = grown.changed() => {
                if changed.is_err() {
                    return Ok(served);
                }
                let (back, outcome) = blocking(move || {
                    let outcome = runner.grown();
                    (runner, outcome)
                })
                .await?;
                runner = back;
                outcome?;
            }
            () = tokio::time::sleep(MERGE_WAIT), if runner.waits_for_merge() => {
                runner.stop_waiting();
            }
            () = stopped(&mut stop) => return Ok(served),
        }
    }
}

/// Tells the rest of the hub what came of an exchange so far.
fn pass_on(runner: &mut HubRunner, wakeup: &Wakeup) {
    wakeup.pending();
    if runner.take_full() {
        tracing::warn!(device = runner.device().short(), "no room for what was pushed");
        wakeup.failed();
    }
    if runner.take_announced() {
        wakeup.grown();
    }
}

async fn fetch(
    mut runner: HubRunner,
) -> Result<(HubRunner, Result<VecDeque<Vec<u8>>, ReplicaError>), DriverError> {
    blocking(move || {
        let mut frames = VecDeque::new();
        while frames.len() < FRAMES_AT_ONCE {
            match runner.poll_frame(clock::now()) {
                Ok(Some(frame)) => frames.push_back(frame),
                Ok(None) => break,
                Err(error) => return (runner, Err(error)),
            }
        }
        (runner, Ok(frames))
    })
    .await
}

/// Tells the device why before ending, so that it can tell its user.
async fn fail(
    mut runner: HubRunner,
    mut out: Outgoing,
    error: ReplicaError,
) -> Result<Served, DriverError> {
    runner.fail(&error);
    while let Ok(Some(frame)) = runner.poll_frame(clock::now()) {
        out.queue.push_back(frame);
    }
    // It may be gone; the error is returned either way.
    drop(out.finish().await);
    Err(error.into())
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
