//! Exchanges with the server: once, or in the background as far as the system lets them.

use std::sync::{Arc, Mutex, PoisonError};

use bienban_core::client::parts::{Stopwatch, SyncEvent, SyncOptions, SyncReport};
use bienban_core::client::{Client, Network, Touch, Trouble};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bienban::Bienban;
use crate::engine::{Engine, blocking, joined};
use crate::error::{BienbanError, Fault, Report, waits_for};
use crate::records::WipeOrder;

/// What the system says of the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, uniffi::Record)]
pub struct NetworkHint {
    /// There is no network: the background waits, and spends nothing.
    #[uniffi(default = false)]
    pub offline: bool,
    /// Data costs money: the background exchanges every 15 minutes and ten seconds after edits, and does
    /// not stay connected.
    #[uniffi(default = false)]
    pub metered: bool,
    /// This device has another address now, as after a change from wifi to mobile data: what is connected
    /// is connected anew.
    #[uniffi(default = false)]
    pub address_changed: bool,
}

/// How it stands with exchanging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum SyncState {
    /// It connects.
    Connecting,
    /// It exchanges.
    Exchanging,
    /// Everything that the server had is here, and it stays connected.
    UpToDate,
    /// An exchange is over; the background begins another in time.
    Idle,
    /// It tries again after a pause.
    Waiting,
    /// It waits for a network.
    Offline,
    /// It ended, because it was stopped or by an error that waiting does not mend.
    Stopped,
}

/// How an exchange goes.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SyncProgress {
    /// Where it stands.
    pub state: SyncState,
    /// Packs sent, by this connection.
    pub sent: u64,
    /// Packs and records taken in.
    pub received: u64,
    /// Packs that the server signed for.
    pub stored: u64,
    /// Packs that it set aside.
    pub refused: u64,
    /// How long it waits, in milliseconds; 0 if it does not.
    pub pause_ms: u64,
    /// Failures in a row.
    pub failures: u32,
    /// Why it ended, where that was an error; why it waits, where that is not the network.
    pub error: Option<Report>,
}

impl SyncProgress {
    fn at(state: SyncState) -> Self {
        let (sent, received, stored, refused) = (0, 0, 0, 0);
        let (pause_ms, failures, error) = (0, 0, None);
        Self { state, sent, received, stored, refused, pause_ms, failures, error }
    }

    fn of_touch(touch: &Touch) -> Self {
        match touch {
            Touch::Connecting => Self::at(SyncState::Connecting),
            Touch::Event(SyncEvent::Moved(moved)) => counted(SyncState::Exchanging, moved),
            Touch::Event(SyncEvent::CaughtUp) => Self::at(SyncState::UpToDate),
            Touch::Exchanged(report) => counted(SyncState::Idle, &report.progress),
            Touch::Waiting { pause, failures, .. } => Self {
                pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                failures: *failures,
                ..Self::at(SyncState::Waiting)
            },
            Touch::Offline => Self::at(SyncState::Offline),
            Touch::RightsEnded { .. } => Self::at(SyncState::Idle),
            Touch::Aside => Self::at(SyncState::Idle),
        }
    }
}

fn counted(state: SyncState, moved: &bienban_core::client::parts::Progress) -> SyncProgress {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    SyncProgress {
        sent: number(moved.sent),
        received: number(moved.received),
        stored: number(moved.stored),
        refused: number(moved.refused),
        ..SyncProgress::at(state)
    }
}

/// What an exchange did and cost.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SyncOutcome {
    /// Packs sent.
    pub sent: u64,
    /// Packs and records taken in.
    pub received: u64,
    /// Packs that the server signed for.
    pub stored: u64,
    /// Packs that it set aside; [`Bienban::ledger`] names them.
    pub refused: u64,
    /// Everything that the server had is here.
    pub caught_up: bool,
    /// How it travelled: `quic`, or `tcp` where UDP is blocked.
    pub transport: Option<String>,
    /// Bytes sent on the wire, handshake included.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// By how much this device's clock is ahead of the server's, in milliseconds, behind where negative;
    /// none within five minutes.
    pub clock_ahead_ms: Option<i64>,
    /// Edits that are still nowhere but here.
    pub only_here: u64,
}

/// What a run ends with.
type Ended = Option<Result<SyncOutcome, BienbanError>>;

/// An exchange under way.
#[derive(uniffi::Object)]
pub struct SyncRun {
    ended: watch::Receiver<Ended>,
    cancel: watch::Sender<bool>,
}

#[uniffi::export]
impl SyncRun {
    /// Waits for the end. Several may wait; dropping the future ends nothing.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Network`] when the server cannot be reached or the line broke,
    /// [`BienbanError::Cancelled`] after [`SyncRun::cancel`], [`BienbanError::Wiped`] or
    /// [`BienbanError::RightsEnded`] when this device's rights were ended, and others as
    /// [`Bienban::sync`] tells them. What had arrived stays, and the next exchange goes on from there.
    pub async fn wait(&self) -> Result<SyncOutcome, BienbanError> {
        let mut ended = self.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        // The task that tells is gone with its runtime: the folder was closed.
        outcome.ok().flatten().unwrap_or_else(|| Err(Fault::Closed.told("sync")))
    }

    /// Ends the exchange, at any time and as often as one likes. What had arrived stays.
    ///
    /// # Errors
    ///
    /// None so far.
    pub fn cancel(&self) -> Result<(), BienbanError> {
        self.cancel.send_replace(true);
        Ok(())
    }

    /// Returns whether it has ended.
    ///
    /// # Errors
    ///
    /// None so far.
    pub fn is_ended(&self) -> Result<bool, BienbanError> {
        Ok(self.ended.borrow().is_some() || self.ended.has_changed().is_err())
    }
}

impl Drop for SyncRun {
    fn drop(&mut self) {
        self.cancel.send_replace(true);
    }
}

/// Begins an exchange.
pub(crate) fn begin(engine: &Arc<Engine>) -> Result<Arc<SyncRun>, Fault> {
    engine.check_open()?;
    let (tell, ended) = watch::channel(None);
    let (cancel, mut cancelled) = watch::channel(false);
    let (working, ending) = (Arc::clone(engine), Arc::clone(engine));
    let events = Arc::clone(&engine.events);
    drop(engine.spawn(async move {
        // A task of its own, so that a panic in it is told and not lost.
        let mut work = working.spawn(once(Arc::clone(&working)));
        let outcome = tokio::select! {
            outcome = &mut work => joined(outcome),
            _ = cancelled.wait_for(|cancelled| *cancelled) => Err(Fault::Cancelled),
            () = ending.closing() => Err(Fault::Closed),
        };
        if !work.is_finished() {
            work.abort();
            drop(work.await);
            // What had arrived by then is here.
            events.look();
        }
        tell.send_replace(Some(outcome.map_err(|fault| fault.told("sync"))));
    }));
    Ok(Arc::new(SyncRun { ended, cancel }))
}

/// Exchanges everything once, when it is its turn.
pub(crate) async fn once(engine: Arc<Engine>) -> Result<SyncOutcome, Fault> {
    let turn = engine.keeper.turn().await;
    let held = engine.hold().await?;
    let client = held.as_ref().ok_or(Fault::Closed)?;
    let watch = Stopwatch::start();
    engine.events.progress(SyncProgress::at(SyncState::Exchanging));
    let outcome = client.sync(SyncOptions::default()).await;
    drop(turn);
    engine.events.look();
    let report = match outcome {
        Ok(report) => report,
        Err(error) => {
            engine.events.progress(SyncProgress::at(SyncState::Stopped));
            engine.note_end(&error);
            return Err(error.into());
        }
    };
    engine.events.progress(counted(SyncState::Idle, &report.progress));
    let elapsed = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (only_here, _) = blocking(move || {
        let client = held.as_ref().ok_or(Fault::Closed)?;
        Ok(client.only_here()?)
    })
    .await?;
    Ok(outcome_of(&report, elapsed, only_here))
}

fn outcome_of(report: &SyncReport, milliseconds: u64, only_here: u64) -> SyncOutcome {
    let moved = counted(SyncState::Idle, &report.progress);
    SyncOutcome {
        sent: moved.sent,
        received: moved.received,
        stored: moved.stored,
        refused: moved.refused,
        caught_up: report.caught_up,
        transport: report.transport.map(|by| by.name().to_owned()),
        bytes_up: report.traffic.bytes_sent,
        bytes_down: report.traffic.bytes_received,
        milliseconds,
        clock_ahead_ms: report.progress.clock_ahead_ms,
        only_here,
    }
}

/// Keeps in touch until it is stopped, on threads of this library; observers are told how that goes.
pub(crate) fn keep_in_touch(engine: &Arc<Engine>) -> JoinHandle<()> {
    let working = Arc::clone(engine);
    let watching = Arc::clone(engine);
    engine.spawn(async move {
        let work = working.spawn(kept(Arc::clone(&working)));
        let ended = joined(work.await);
        let error = match ended {
            Ok(()) | Err(Fault::Closed) => None,
            Err(fault) => Some(fault.told("background_sync").into_report()),
        };
        watching.events.progress(SyncProgress { error, ..SyncProgress::at(SyncState::Stopped) });
    })
}

/// What the background has told, so that the same is not told as news with each try.
#[derive(Default)]
struct Told {
    /// What is only here, as it was when rights had ended.
    left: Option<u64>,
    /// What it waits for.
    waits: Option<(Trouble, Report)>,
}

impl Told {
    fn progress(&mut self, touch: &Touch) -> SyncProgress {
        let mut progress = SyncProgress::of_touch(touch);
        match touch {
            // That there is no line is what the state says.
            Touch::Waiting { trouble: Trouble::Network, .. }
            | Touch::Exchanged(_)
            | Touch::Event(SyncEvent::CaughtUp) => self.waits = None,
            Touch::Waiting { trouble, .. } => {
                let known = self.waits.take().filter(|(known, _)| known == trouble);
                let report = known.map(|(_, report)| report);
                let report = report.unwrap_or_else(|| waits_for(*trouble, "background_sync"));
                self.waits = Some((*trouble, report.clone()));
                progress.error = Some(report);
            }
            _ => {}
        }
        progress
    }
}

async fn kept(engine: Arc<Engine>) -> Result<(), Fault> {
    let held = engine.hold().await?;
    let client: &Client = held.as_ref().ok_or(Fault::Closed)?;
    let events = Arc::clone(&engine.events);
    let told_of = Mutex::new(Told::default());
    let told = Arc::new(move |touch: Touch| {
        // Also where an exchange broke off: what it brought until then is here.
        if !matches!(touch, Touch::Connecting) {
            events.look();
        }
        let mut told = told_of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Touch::RightsEnded { left } = touch
            && told.left.replace(left) != Some(left)
        {
            events.wipe(WipeOrder { erased: false, left });
        }
        events.progress(told.progress(&touch));
    });
    tokio::select! {
        kept = client.keep_in_touch(&engine.keeper, told) => {
            engine.events.look();
            if let Err(error) = kept {
                engine.note_end(&error);
                return Err(error.into());
            }
            Ok(())
        }
        () = engine.closing() => Err(Fault::Closed),
    }
}

#[uniffi::export]
impl Bienban {
    /// Exchanges everything with the server once. Dropping the future ends the exchange.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotEnrolled`] before an enrolment, [`BienbanError::Network`] when the server
    /// cannot be reached or the line broke, [`BienbanError::WrongHub`] when another answers,
    /// [`BienbanError::Refused`] when it does not know this device, and [`BienbanError::Wiped`] or
    /// [`BienbanError::RightsEnded`] when this device's rights were ended.
    pub async fn sync(&self) -> Result<SyncOutcome, BienbanError> {
        let run = begin(&self.engine).map_err(|fault| fault.told("sync"))?;
        // Dropped with the future, the run is cancelled.
        run.wait().await
    }

    /// Begins to exchange once and returns at once: what is returned waits, and cancels. Dropped, it is
    /// cancelled.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Closed`] after [`Bienban::shutdown`].
    pub fn start_sync(&self) -> Result<Arc<SyncRun>, BienbanError> {
        begin(&self.engine).map_err(|fault| fault.told("start_sync"))
    }

    /// Begins to keep in touch in the background, unless that is under way: connected while a network is
    /// there, in short exchanges where data costs money. Observers are told how it goes.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Closed`] after [`Bienban::shutdown`].
    pub async fn start_background_sync(&self) -> Result<(), BienbanError> {
        let engine = Arc::clone(&self.engine);
        let begun = self.engine.spawn(async move { engine.begin_background().await });
        joined(begun.await).map_err(|fault| fault.told("start_background_sync"))
    }

    /// Ends keeping in touch, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Closed`] after [`Bienban::shutdown`].
    pub async fn stop_background_sync(&self) -> Result<(), BienbanError> {
        let told = |fault: Fault| fault.told("stop_background_sync");
        self.engine.check_open().map_err(told)?;
        let engine = Arc::clone(&self.engine);
        let stopped = self.engine.spawn(async move {
            engine.stop_background().await;
            Ok(())
        });
        joined(stopped.await).map_err(told)
    }

    /// Tells what the system says of the network. Without a word there is one, and it costs nothing.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Closed`] after [`Bienban::shutdown`].
    pub fn set_network(&self, hint: NetworkHint) -> Result<(), BienbanError> {
        self.engine.check_open().map_err(|fault| fault.told("set_network"))?;
        self.engine.keeper.tell(Network { offline: hint.offline, metered: hint.metered });
        if hint.address_changed {
            self.engine.keeper.moved();
        }
        Ok(())
    }
}
