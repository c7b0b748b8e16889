//! The one loop that joins a replica's exchange with a link. Phones and the hub both run it.
//!
//! The store blocks while it syncs its journal, so exchanges do their work on blocking threads;
//! several of them waiting at once share one sync. Nothing here decides anything about documents.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock;
use crate::model::DeviceId;
use crate::net::{CloseReason, HubAddress, Link, NetError, PhoneEndpoint, Traffic};
use crate::replica::{Hub, HubRunner, Phone, PhoneRunner, Progress, ReplicaError};
use crate::sync::{AdminAnswer, AdminRequest, DeviceEntry, Outcome};

/// Frames fetched from an exchange at once: bounds what a slow reader holds in memory.
const FRAMES_AT_ONCE: usize = 16;

/// How long connecting may take on a bad line: a handshake is two flights, and 2G loses some.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the hub's merge worker sleeps when nobody wakes it: a safety net, not a schedule.
const MERGE_IDLE: Duration = Duration::from_secs(5);

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
    #[error("the hub ended the exchange: {message}")]
    Refused {
        /// What it said.
        message: String,
    },
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
    let live = options.live.is_some();
    let (phone, key) = (phone.clone(), hub.key());
    let runner = blocking(move || {
        let entropy = Box::new(|| clock::random().unwrap_or([0; 16]));
        PhoneRunner::start(phone, key, live, entropy, clock::now())
    })
    .await??;
    let mut exchange = PhoneExchange { runner: Some(runner), link, report: SyncReport::default() };
    let outcome = exchange.run(options).await;
    exchange.close(outcome).await
}

struct PhoneExchange {
    /// `None` only while a blocking thread works with it.
    runner: Option<PhoneRunner>,
    link: Link,
    report: SyncReport,
}

impl PhoneExchange {
    async fn run(&mut self, options: SyncOptions) -> Result<(), DriverError> {
        for ask in options.asks {
            self.work(move |runner| runner.ask(ask, clock::now()).map(drop)).await?;
        }
        let mut live = options.live;
        let mut told = false;
        loop {
            self.flush().await?;
            if let Some(live) = &live {
                (live.observer)(SyncEvent::Moved(self.report.progress));
                if self.report.caught_up && !told {
                    told = true;
                    (live.observer)(SyncEvent::CaughtUp);
                }
            }
            if let Some(outcome) = self.runner.as_ref().and_then(PhoneRunner::outcome) {
                return ended(outcome);
            }
            match self.next(live.as_mut()).await? {
                Event::Frame(frame) => {
                    self.report.payload_received += frame.len() as u64;
                    self.work(move |runner| runner.handle(&frame, clock::now())).await?;
                }
                Event::Edited => self.work(|runner| runner.offer(clock::now())).await?,
                Event::Stop => {
                    live = None;
                    self.work(|runner| runner.finish(clock::now())).await?;
                }
                Event::End => return Err(DriverError::Cut),
            }
        }
    }

    async fn next(&mut self, live: Option<&mut Live>) -> Result<Event, DriverError> {
        let Some(live) = live else {
            return Ok(self.link.receive().await?.map_or(Event::End, Event::Frame));
        };
        Ok(tokio::select! {
            frame = self.link.receive() => frame?.map_or(Event::End, Event::Frame),
            () = live.edited.notified() => Event::Edited,
            _ = live.stop.wait_for(|stop| *stop) => Event::Stop,
        })
    }

    async fn flush(&mut self) -> Result<(), DriverError> {
        while let Some(frame) = self.runner.as_mut().and_then(PhoneRunner::poll_frame) {
            self.report.payload_sent += frame.len() as u64;
            self.link.send(&frame).await?;
        }
        Ok(())
    }

    async fn work(
        &mut self,
        work: impl FnOnce(&mut PhoneRunner) -> Result<(), ReplicaError> + Send + 'static,
    ) -> Result<(), DriverError> {
        let mut runner = self.runner.take().ok_or(DriverError::Stopped)?;
        let (runner, outcome) = blocking(move || {
            let outcome = work(&mut runner);
            (runner, outcome)
        })
        .await?;
        self.report.progress = runner.progress();
        self.report.caught_up = runner.caught_up();
        self.report.round_trips = runner.round_trips();
        self.runner = Some(runner);
        Ok(outcome?)
    }

    async fn close(mut self, outcome: Result<(), DriverError>) -> Result<SyncReport, DriverError> {
        self.report.traffic = self.link.traffic();
        if let Some(runner) = &mut self.runner {
            self.report.answers = runner.take_answers().into_iter().map(|(_, answer)| answer).collect();
        }
        match outcome {
            Ok(()) => {
                // Everything that counts was acknowledged in frames; a lost goodbye changes nothing.
                drop(self.link.finish().await);
                Ok(self.report)
            }
            Err(error) => {
                self.link.abort(CloseReason::Abandoned);
                Err(error)
            }
        }
    }
}

enum Event {
    Frame(Vec<u8>),
    Edited,
    Stop,
    End,
}

fn ended(outcome: &Outcome) -> Result<(), DriverError> {
    match outcome {
        Outcome::Complete => Ok(()),
        Outcome::Failed { message, .. } => Err(DriverError::Refused { message: message.clone() }),
    }
}

/// Wakes those who wait for the hub: its merge worker, and its live exchanges.
#[derive(Clone)]
pub struct Wakeup {
    pending: Arc<Notify>,
    grown: watch::Sender<u64>,
}

impl Default for Wakeup {
    fn default() -> Self {
        Self { pending: Arc::default(), grown: watch::channel(0).0 }
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
                let reopening = hub.replica().store().clone();
                if let Err(error) = blocking(move || reopening.reopen()).await? {
                    tracing::error!(error = %error, "the store does not open again");
                }
                tokio::time::sleep(MERGE_RETRY).await;
            }
        }
        tokio::select! {
            () = wakeup.pending.notified() => {}
            () = tokio::time::sleep(MERGE_IDLE) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
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
    mut link: Link,
    wakeup: Wakeup,
    mut stop: watch::Receiver<bool>,
) -> Result<Served, DriverError> {
    let mut grown = wakeup.grown.subscribe();
    let mut served = Served { device: entry.device, payload_received: 0, payload_sent: 0 };
    let mut runner = blocking(move || HubRunner::start(hub, entry, clock::now())).await??;
    loop {
        loop {
            let (back, frames) = fetch(runner).await?;
            runner = back;
            let frames = match frames {
                Ok(frames) => frames,
                Err(error) => return fail(runner, link, error).await,
            };
            if frames.is_empty() {
                break;
            }
            for frame in frames {
                served.payload_sent += frame.len() as u64;
                link.send(&frame).await?;
            }
        }
        if runner.outcome().is_some() {
            // The device may be gone already; what counts was acknowledged in frames.
            drop(link.finish().await);
            return Ok(served);
        }
        tokio::select! {
            frame = link.receive() => {
                let Some(frame) = frame? else { return Ok(served) };
                served.payload_received += frame.len() as u64;
                let (back, outcome) = blocking(move || {
                    let outcome = runner.handle(&frame);
                    (runner, outcome)
                })
                .await?;
                runner = back;
                wakeup.pending();
                if let Err(error) = outcome {
                    return fail(runner, link, error).await;
                }
            }
            changed = grown.changed() => {
                if changed.is_err() {
                    return Ok(served);
                }
                runner.grown()?;
            }
            _ = stop.wait_for(|stop| *stop) => {
                link.abort(CloseReason::ShuttingDown);
                return Ok(served);
            }
        }
    }
}

async fn fetch(
    mut runner: HubRunner,
) -> Result<(HubRunner, Result<Vec<Vec<u8>>, ReplicaError>), DriverError> {
    blocking(move || {
        let mut frames = Vec::new();
        while frames.len() < FRAMES_AT_ONCE {
            match runner.poll_frame(clock::now()) {
                Ok(Some(frame)) => frames.push(frame),
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
    mut link: Link,
    error: ReplicaError,
) -> Result<Served, DriverError> {
    if let Some(frame) = runner.failure(&error) {
        // It may be gone; the error is returned either way.
        drop(link.send(&frame).await);
        drop(link.finish().await);
    } else {
        link.abort(CloseReason::Misbehaved);
    }
    Err(error.into())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DriverError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| DriverError::Stopped)
}
