//! The hub's end of the loop: one exchange with each device, and one worker that merges.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::{DriverError, FETCHED_BYTES, FRAMES_AT_ONCE, Outgoing, blocking, ended, stopped};
use crate::clock;
use crate::model::DeviceId;
use crate::net::{FrameReceiver, Link};
use crate::replica::{Hub, HubOptions, HubRunner, ReplicaError};
use crate::sync::{DeviceEntry, Ending, FailureCode, Outcome};

/// How long the hub's merge worker sleeps when nobody wakes it: a safety net, not a schedule.
const MERGE_IDLE: Duration = Duration::from_secs(5);

/// How long an exchange with nothing else to do waits for its packs to be merged.
const MERGE_WAIT: Duration = Duration::from_secs(10);

/// After a failure to merge, how long before the next try: the disk may be full.
const MERGE_RETRY: Duration = Duration::from_secs(1);

/// How long a hub that stops waits for the batch that is being merged. A batch is limited in bytes and
/// operations and takes less on any machine that runs a hub; on a sick disk it may not. What is cut is
/// merged at the next start, as after a power cut.
pub const MERGE_STOP_MAX: Duration = Duration::from_secs(10);

/// Wakes those who wait for the hub: its merge worker, and its live exchanges.
#[derive(Clone)]
pub struct Wakeup {
    pending: Arc<Notify>,
    grown: watch::Sender<u64>,
    /// A session met a store that failed.
    failed: Arc<AtomicBool>,
    /// What exchanges may do at the store at once.
    work: Arc<Semaphore>,
}

/// So many exchanges work at the hub's store at once; the others' work waits in turn, and merging, copies and what
/// ends a hub never wait behind it. Most of it waits for one fsync that all of them share. Each has a thread, whose
/// stack and allocator keep memory for ten seconds after it: without a bound a hub with sixty busy phones had a
/// hundred and sixty of them.
const EXCHANGES_AT_WORK_MAX: usize = 32;

impl Default for Wakeup {
    fn default() -> Self {
        let work = Arc::new(Semaphore::new(EXCHANGES_AT_WORK_MAX));
        Self { pending: Arc::default(), grown: watch::channel(0).0, failed: Arc::default(), work }
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

    /// Returns what tells of each growth of the feed, decisions about rights included.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.grown.subscribe()
    }

    /// Does an exchange's work at the store, once it is its turn.
    async fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DriverError> {
        let turn = self.work.clone().acquire_owned().await.map_err(|_| DriverError::Stopped)?;
        blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
    }

    /// Says that the store failed: the merge worker opens it again when it can be.
    fn failed(&self) {
        self.failed.store(true, Ordering::Relaxed);
        self.pending();
    }
}

/// Merges as [`merge_worker`] does, several documents at once.
///
/// # Errors
///
/// As [`merge_worker`]: the first that ends so.
pub async fn merge_workers(
    hub: Arc<Hub>,
    wakeup: Wakeup,
    stop: watch::Receiver<bool>,
    count: usize,
) -> Result<(), DriverError> {
    let mut workers = JoinSet::new();
    for _ in 0..count.max(1) {
        workers.spawn(merge_worker(hub.clone(), wakeup.clone(), stop.clone()));
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap_or(Err(DriverError::Stopped))?;
    }
    Ok(())
}

/// Merges what the hub accepted, until `stop` turns true. One document is in memory at a time. The
/// batch under way is waited for, at most [`MERGE_STOP_MAX`].
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
        let (merging, others) = (hub.clone(), wakeup.clone());
        // Another loop looks whether there is more: what wakes one is said once.
        let merge = blocking(move || merging.merge_next_and(clock::now(), &|| others.pending()));
        let merged = tokio::select! {
            merged = merge => merged?,
            () = overdue(&mut stop) => {
                tracing::warn!("a merge takes too long to wait for it; the next start does it again");
                return Ok(());
            }
        };
        if let Err(error) = hub.settle_log(clock::now()) {
            tracing::error!(error = %error, "what belongs into the log is not in it");
        }
        match merged {
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
            // First: a hub that stops begins no batch, whatever is pending.
            biased;
            () = stopped(&mut stop) => return Ok(()),
            () = wakeup.pending.notified() => {}
            () = tokio::time::sleep(MERGE_IDLE) => {}
        }
    }
}

/// Returns once the hub has been stopping for too long.
async fn overdue(stop: &mut watch::Receiver<bool>) {
    stopped(stop).await;
    tokio::time::sleep(MERGE_STOP_MAX).await;
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

/// Serves one device until the exchange ends. Once `stop` turns true, one that follows the feed is told
/// that the hub closes as soon as nothing is under way, and one that came for a single exchange goes on
/// to its end; whoever stops the hub bounds how long that may take.
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
    stop: watch::Receiver<bool>,
) -> Result<Served, DriverError> {
    let grown = wakeup.grown.subscribe();
    let served = Served { device: entry.device, payload_received: 0, payload_sent: 0 };
    let runner = wakeup.at_work(move || HubRunner::start(hub, entry, clock::now())).await??;
    let (out, receiver) = Outgoing::start(link);
    let exchange = HubExchange {
        runner: Some(runner),
        out,
        receiver,
        served,
        wakeup,
        grown,
        given_at: None,
        stop,
        closing: false,
        merges: MergeWait::default(),
    };
    exchange.run().await
}

struct HubExchange {
    /// `None` only while a blocking thread works with it.
    runner: Option<HubRunner>,
    out: Outgoing,
    receiver: FrameReceiver,
    served: Served,
    wakeup: Wakeup,
    grown: watch::Receiver<u64>,
    /// When the device was last given what others wrote.
    given_at: Option<Instant>,
    stop: watch::Receiver<bool>,
    closing: bool,
    merges: MergeWait,
}

enum Event {
    Frame(Vec<u8>),
    Written,
    /// The writer is gone.
    Broken,
    Grown,
    /// Merges have been waited for long enough.
    Waited,
    Stop,
    End,
}

/// What others wrote is gathered for a device, after it was given some, until nothing came for so long: while many
/// push at once, packs that travel together take fewer bytes, and a look at the feed has its price. What comes after a
/// quiet moment goes out at once, and what the device itself sent is signed for at once. Decisions about rights wake
/// exchanges the same way: where others wrote just before, one that goes on hears of them that much later.
const GATHER: Duration = Duration::from_millis(100);

/// How long that is gathered at most, where more comes all the time: what a frame a second costs beside larger ones is
/// little, and who looks on is not kept waiting. After a day in the field the packs of a phone go to another in a few
/// frames and not in dozens (docs/performance.md).
const GATHER_MAX: Duration = Duration::from_secs(1);

/// Returns when the feed has grown, and not before what others wrote was gathered. What it has grown by is not lost
/// when this is dropped; the quiet moment is then waited for anew, at most [`GATHER_MAX`] in all.
async fn grown(
    feed: &mut watch::Receiver<u64>,
    given_at: Option<Instant>,
) -> Result<(), watch::error::RecvError> {
    let mut more = feed.clone();
    let quiet = async {
        while let Ok(changed) = timeout(GATHER, more.changed()).await {
            changed?;
        }
        Ok::<(), watch::error::RecvError>(())
    };
    if let Some(given_at) = given_at {
        // A hub that ended says so below.
        drop(timeout_at(given_at + GATHER_MAX, quiet).await);
    }
    feed.changed().await
}

impl HubExchange {
    async fn run(mut self) -> Result<Served, DriverError> {
        loop {
            if self.out.queue.is_empty() {
                match self.work(take_frames).await? {
                    Ok(frames) => self.out.queue = frames,
                    Err(error) => return self.fail(error).await,
                }
                self.pass_on()?;
            }
            if let Some(outcome) = self.runner()?.outcome() {
                let parted = parted(outcome);
                self.served.payload_sent = self.out.sent;
                // The device may be gone already; what counts was acknowledged in frames.
                drop(self.out.finish().await);
                return parted.map(|()| self.served);
            }
            match self.next().await? {
                Event::Frame(frame) => {
                    self.served.payload_received += frame.len() as u64;
                    if let Err(error) = self.work(move |runner| runner.handle(&frame)).await? {
                        // The session ends by itself, after a last frame that says why.
                        let device = self.served.device.short();
                        tracing::warn!(device, error = %error, "bad frame");
                    }
                }
                Event::Written => {}
                Event::Broken => {
                    return Err(self.out.failure().await.unwrap_or(DriverError::Cut));
                }
                Event::Grown => {
                    self.work(HubRunner::grown).await??;
                    self.given_at = Some(Instant::now());
                }
                Event::Waited => self.runner()?.stop_waiting(),
                Event::Stop => {
                    self.closing = true;
                    self.runner()?.close();
                }
                Event::End => return Ok(self.served),
            }
        }
    }

    async fn next(&mut self) -> Result<Event, DriverError> {
        let runner = self.runner.as_ref().ok_or(DriverError::Stopped)?;
        let (reads, waits) = (runner.wants_input(), runner.waits_for_merge());
        Ok(tokio::select! {
            frame = self.receiver.receive(), if reads => frame?.map_or(Event::End, Event::Frame),
            written = self.out.write() => written.map_or(Event::Broken, |()| Event::Written),
            changed = grown(&mut self.grown, self.given_at) => {
                changed.map_or(Event::End, |()| Event::Grown)
            }
            () = self.merges.over(waits) => Event::Waited,
            () = stopped(&mut self.stop), if !self.closing => Event::Stop,
        })
    }

    fn runner(&mut self) -> Result<&mut HubRunner, DriverError> {
        self.runner.as_mut().ok_or(DriverError::Stopped)
    }

    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut HubRunner) -> Result<T, ReplicaError> + Send + 'static,
    ) -> Result<Result<T, ReplicaError>, DriverError> {
        let mut runner = self.runner.take().ok_or(DriverError::Stopped)?;
        let worked = self.wakeup.at_work(move || {
            let outcome = work(&mut runner);
            (runner, outcome)
        });
        let (runner, outcome) = worked.await?;
        self.runner = Some(runner);
        Ok(outcome)
    }

    /// Tells the rest of the hub what came of the exchange so far.
    fn pass_on(&mut self) -> Result<(), DriverError> {
        let runner = self.runner.as_mut().ok_or(DriverError::Stopped)?;
        self.wakeup.pending();
        if runner.take_full() {
            tracing::warn!(device = runner.device().short(), "no room for what was pushed");
            self.wakeup.failed();
        }
        if runner.take_announced() {
            self.wakeup.grown();
        }
        Ok(())
    }

    /// Tells the device why before ending, so that it can tell its user.
    async fn fail(mut self, error: ReplicaError) -> Result<Served, DriverError> {
        if matches!(error, ReplicaError::Store(_)) {
            self.wakeup.failed();
        }
        let runner = self.runner()?;
        runner.fail(&error);
        let mut last = VecDeque::new();
        while let Ok(Some(frame)) = runner.poll_frame(clock::now()) {
            last.push_back(frame);
        }
        self.out.queue.extend(last);
        // It may be gone; the error is returned either way.
        drop(self.out.finish().await);
        Err(error.into())
    }
}

/// Does what is due and takes what there is to say: little at a time, but all of what was said already.
fn take_frames(runner: &mut HubRunner) -> Result<VecDeque<Vec<u8>>, ReplicaError> {
    let (mut frames, mut bytes) = (VecDeque::new(), 0);
    while frames.len() < FRAMES_AT_ONCE && bytes < FETCHED_BYTES {
        let Some(frame) = runner.poll_frame(clock::now())? else { break };
        bytes += frame.len();
        frames.push_back(frame);
    }
    // The rest of a page is in memory either way; the next one is read when this one is written.
    while let Some(frame) = runner.poll_said() {
        frames.push_back(frame);
    }
    Ok(frames)
}

/// How an exchange ended, from the hub's side: a device that is told to come again did nothing wrong.
fn parted(outcome: &Outcome) -> Result<(), DriverError> {
    match &outcome.ending {
        Ending::Refused(failure)
            if matches!(failure.code, FailureCode::Closing | FailureCode::Changed) =>
        {
            Ok(())
        }
        _ => ended(outcome),
    }
}

/// Until when an exchange waits for its packs to be merged.
#[derive(Debug, Default)]
struct MergeWait {
    until: Option<Instant>,
}

impl MergeWait {
    /// Returns [`MERGE_WAIT`] after the first of an unbroken row of calls with `waits`, however often
    /// the future was dropped meanwhile; never while `waits` is false.
    async fn over(&mut self, waits: bool) {
        if !waits {
            self.until = None;
            return std::future::pending().await;
        }
        sleep_until(*self.until.get_or_insert_with(|| Instant::now() + MERGE_WAIT)).await;
        self.until = None;
    }
}

#[cfg(test)]
mod tests;
