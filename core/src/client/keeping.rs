//! Staying in touch with the hub as far as the system lets it: live while a network is there, in short
//! exchanges where data costs money, quiet where there is none. What an app does in the background.
//!
//! It decides when to exchange, and nothing about what.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Line, MutexGuard, Notify, watch};

use super::trouble::{Remedy, Trouble};
use super::{Client, ClientError};
use crate::clock;
use crate::driver::{Live, SyncEvent, SyncOptions, SyncReport};
use crate::sync::Backoff;

/// Between two exchanges where data costs money and nothing was written here: what others wrote may be late
/// by this much.
pub const METERED_EVERY: Duration = Duration::from_secs(15 * 60);

/// How long edits are gathered where data costs money: somebody who fills a checklist makes one every few
/// seconds, and each exchange costs a handshake.
pub const METERED_GATHER: Duration = Duration::from_secs(10);

/// How long a live exchange may take to end in order when it is asked to; longer than one slow round trip.
const ENDING: Duration = Duration::from_secs(3);

/// A hub without room is left alone for this long: somebody must free some there first.
const HUB_FULL_PAUSE: Duration = Duration::from_secs(30);

/// Between two tries where waiting alone mends nothing, but a person may meanwhile: who makes room on this phone, gives
/// up what is only here, or mends the hub, does not think of starting this again.
const SELDOM: Duration = Duration::from_secs(60);

/// What the system says of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Network {
    /// There is none.
    pub offline: bool,
    /// Data costs money.
    pub metered: bool,
}

/// What is asked of who keeps in touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Asked {
    network: Network,
    /// Grows with each change of this device's address: connections over the old one are dead.
    moves: u64,
    /// How many others want to exchange now.
    others: u32,
    stopped: bool,
}

/// How it stands with keeping in touch.
#[derive(Debug, Clone)]
pub enum Touch {
    /// It connects.
    Connecting,
    /// Something was sent or taken in; by this connection.
    Event(SyncEvent),
    /// An exchange that does not stay is over.
    Exchanged(Box<SyncReport>),
    /// It tries again after this time.
    Waiting {
        /// How long.
        pause: Duration,
        /// Failures in a row.
        failures: u32,
        /// What kind.
        trouble: Trouble,
    },
    /// It waits for a network.
    Offline,
    /// This device's rights were ended, and so much is only here: it goes on until that has arrived or was given up.
    RightsEnded {
        /// Things that are only here.
        left: u64,
    },
    /// Another exchange goes first.
    Aside,
}

/// The strings to who keeps in touch, and the one line to the hub: one exchange at a time.
#[derive(Debug)]
pub struct Keeper {
    asked: watch::Sender<Asked>,
    edited: Arc<Notify>,
    line: Line<()>,
    /// Kept apart from the hints, so that a start after a stop forgets the stop alone.
    running: Mutex<bool>,
}

impl Default for Keeper {
    fn default() -> Self {
        Self {
            asked: watch::Sender::new(Asked::default()),
            edited: Arc::new(Notify::new()),
            line: Line::new(()),
            running: Mutex::new(false),
        }
    }
}

/// The line to the hub, held.
pub struct Turn<'a> {
    keeper: &'a Keeper,
    _line: MutexGuard<'a, ()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.keeper.asked.send_modify(|asked| asked.others = asked.others.saturating_sub(1));
    }
}

/// Takes back a wish for the line that was given up before the line was had.
struct Wish<'a>(Option<&'a Keeper>);

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        if let Some(keeper) = self.0 {
            keeper.asked.send_modify(|asked| asked.others = asked.others.saturating_sub(1));
        }
    }
}

impl Keeper {
    /// Tells what the system says of the network.
    pub fn tell(&self, network: Network) {
        self.asked.send_if_modified(|asked| {
            let news = asked.network != network;
            asked.network = network;
            news
        });
    }

    /// Returns what the system said last.
    #[must_use]
    pub fn network(&self) -> Network {
        self.asked.borrow().network
    }

    /// Tells that this device has another address: what is connected is connected anew.
    pub fn moved(&self) {
        self.asked.send_modify(|asked| asked.moves = asked.moves.wrapping_add(1));
    }

    /// Tells that something was recorded here.
    pub fn edited(&self) {
        self.edited.notify_one();
    }

    /// Ends keeping in touch; [`Client::keep_in_touch`] returns soon.
    pub fn stop(&self) {
        self.asked.send_modify(|asked| asked.stopped = true);
    }

    /// Takes back [`Keeper::stop`], for who has seen that nobody keeps in touch any more.
    pub fn forget_stop(&self) {
        self.asked.send_modify(|asked| asked.stopped = false);
    }

    /// Waits for the line to the hub. Who keeps in touch meanwhile steps aside until the turn is over.
    pub async fn turn(&self) -> Turn<'_> {
        self.asked.send_modify(|asked| asked.others = asked.others.saturating_add(1));
        let mut wish = Wish(Some(self));
        let line = self.line.lock().await;
        wish.0 = None;
        Turn { keeper: self, _line: line }
    }

    /// Notes that somebody keeps in touch from now on; nothing where another does.
    fn begin(&self) -> Option<Running<'_>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running {
            return None;
        }
        *running = true;
        Some(Running(self))
    }
}

struct Running<'a>(&'a Keeper);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.asked.send_modify(|asked| asked.stopped = false);
    }
}

/// Why an exchange that stays was left.
enum Left {
    /// It ended by itself.
    Ended(Result<SyncReport, ClientError>),
    /// Something else is asked now.
    Asked,
}

impl Client {
    /// Stays in touch with the hub until [`Keeper::stop`], and tells how that goes. Where another call does
    /// so with this keeper already, it returns at once.
    ///
    /// # Errors
    ///
    /// Returns what neither waiting nor another network mends: that the hub is another, that it does not
    /// take this device in, that this device's data was erased by order, or that its files are damaged.
    pub async fn keep_in_touch(
        &self,
        keeper: &Keeper,
        told: Arc<dyn Fn(Touch) + Send + Sync>,
    ) -> Result<(), ClientError> {
        let Some(_running) = keeper.begin() else { return Ok(()) };
        let mut asked = keeper.asked.subscribe();
        let mut backoff = Backoff::default();
        loop {
            let now = *asked.borrow_and_update();
            if now.stopped {
                return Ok(());
            }
            if now.network.offline || now.others > 0 {
                told(if now.others > 0 { Touch::Aside } else { Touch::Offline });
                // The sender is the keeper's, which outlives this call.
                drop(asked.changed().await);
                continue;
            }
            told(Touch::Connecting);
            let line = keeper.line.lock().await;
            let left = match now.network.metered {
                true => self.exchange_once(now, &mut asked).await,
                false => self.stay(now, keeper, &mut asked, &told, &mut backoff).await,
            };
            drop(line);
            let pause = match left {
                Left::Asked => {
                    backoff.reset();
                    continue;
                }
                Left::Ended(Ok(report)) if now.network.metered => {
                    backoff.reset();
                    told(Touch::Exchanged(Box::new(report)));
                    wait_metered(keeper, now, &mut asked).await;
                    continue;
                }
                // A live exchange that ends by itself asks to be dialled anew after a pause.
                Left::Ended(Ok(_)) => pause_after(&mut backoff, Trouble::Network, None)?,
                Left::Ended(Err(error)) => {
                    let trouble = error.trouble();
                    if !passes(trouble) {
                        return Err(error);
                    }
                    if let ClientError::RightsEnded { left, .. } = error {
                        told(Touch::RightsEnded { left });
                    }
                    pause_after(&mut backoff, trouble, error.retry_after())?
                }
            };
            let (pause, trouble) = pause;
            told(Touch::Waiting { pause, failures: backoff.failures(), trouble });
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = differs(now, &mut asked) => backoff.reset(),
            }
        }
    }

    async fn exchange_once(&self, now: Asked, asked: &mut watch::Receiver<Asked>) -> Left {
        tokio::select! {
            outcome = self.sync(SyncOptions::default()) => Left::Ended(outcome),
            () = differs(now, asked) => Left::Asked,
        }
    }

    /// Exchanges and stays connected, until it ends or something else is asked.
    async fn stay(
        &self,
        now: Asked,
        keeper: &Keeper,
        asked: &mut watch::Receiver<Asked>,
        told: &Arc<dyn Fn(Touch) + Send + Sync>,
        backoff: &mut Backoff,
    ) -> Left {
        let (stop, stopped) = watch::channel(false);
        let caught_up = Arc::new(Notify::new());
        let (tell, heard) = (Arc::clone(told), Arc::clone(&caught_up));
        let observer = Arc::new(move |event| {
            if matches!(event, SyncEvent::CaughtUp) {
                heard.notify_one();
            }
            tell(Touch::Event(event));
        });
        let live = Live { edited: Arc::clone(&keeper.edited), stop: stopped, observer };
        let exchange = self.sync(SyncOptions { live: Some(live), ..SyncOptions::default() });
        tokio::pin!(exchange);
        loop {
            tokio::select! {
                outcome = &mut exchange => return Left::Ended(outcome),
                () = caught_up.notified() => backoff.reset(),
                () = differs(now, asked) => break,
            }
        }
        let then = *asked.borrow();
        // Over an address or a network that is gone nothing can be ended in order.
        if !then.network.offline && then.moves == now.moves {
            stop.send_replace(true);
            if let Ok(Err(error)) = tokio::time::timeout(ENDING, exchange).await
                && !passes(error.trouble())
            {
                return Left::Ended(Err(error));
            }
        }
        Left::Asked
    }
}

/// Whether trouble may be over at another try: by waiting, or because somebody mended it meanwhile.
fn passes(trouble: Trouble) -> bool {
    let seldom = is_seldom_over(trouble);
    seldom || (trouble.remedy() == Remedy::Retry && trouble != Trouble::InUse)
}

fn is_seldom_over(trouble: Trouble) -> bool {
    matches!(trouble, Trouble::DiskFull | Trouble::RightsEnded | Trouble::HubFailed)
}

/// Waits until something else is asked than was.
async fn differs(then: Asked, asked: &mut watch::Receiver<Asked>) {
    // The sender is the keeper's, which outlives this call.
    drop(asked.wait_for(|now| *now != then).await);
}

/// Waits for the next short exchange: until edits were gathered, or for long.
async fn wait_metered(keeper: &Keeper, then: Asked, asked: &mut watch::Receiver<Asked>) {
    let edited = async {
        keeper.edited.notified().await;
        tokio::time::sleep(METERED_GATHER).await;
    };
    tokio::select! {
        () = tokio::time::sleep(METERED_EVERY) => {}
        () = edited => {}
        () = differs(then, asked) => {}
    }
}

fn pause_after(
    backoff: &mut Backoff,
    trouble: Trouble,
    asked: Option<Duration>,
) -> Result<(Duration, Trouble), ClientError> {
    let random = u64::from_le_bytes(clock::random()?);
    let at_least = match trouble {
        Trouble::HubFull => Some(HUB_FULL_PAUSE),
        trouble if is_seldom_over(trouble) => Some(asked.unwrap_or_default().max(SELDOM)),
        _ => asked,
    };
    Ok((backoff.next(random, at_least), trouble))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Settings;

    fn client(dir: &std::path::Path, hub: &str) -> Client {
        let hub = format!("bienban://{hub}#{}", "ab".repeat(32)).parse().unwrap();
        Client::init(dir, &Settings { hub: Some(hub) }).unwrap();
        Client::open(dir).unwrap()
    }

    #[tokio::test]
    async fn without_a_network_it_waits_and_stops_when_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let client = client(dir.path(), "127.0.0.1:9");
        let keeper = Keeper::default();
        keeper.tell(Network { offline: true, metered: false });
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let told_to = Arc::new(move |touch| drop(tell.send(touch)));
        let kept = client.keep_in_touch(&keeper, told_to);
        let asked = async {
            assert!(matches!(told.recv().await, Some(Touch::Offline)));
            keeper.stop();
        };
        let (kept, ()) =
            tokio::time::timeout(ENDING, async { tokio::join!(kept, asked) }).await.unwrap();
        kept.unwrap();
        // It can be begun again.
        assert!(keeper.begin().is_some());
    }

    #[test]
    fn it_goes_on_where_somebody_may_mend_what_is_wrong() {
        for trouble in [
            Trouble::Network,
            Trouble::DiskFull,
            Trouble::HubFull,
            Trouble::HubFailed,
            Trouble::RightsEnded,
        ] {
            assert!(passes(trouble), "{trouble:?}");
        }
        for trouble in [
            Trouble::WrongHub,
            Trouble::Destroyed,
            Trouble::Damaged,
            Trouble::InUse,
            Trouble::Other,
        ] {
            assert!(!passes(trouble), "{trouble:?}");
        }
        let mut backoff = Backoff::default();
        let (pause, _) = pause_after(&mut backoff, Trouble::DiskFull, None).unwrap();
        assert!(pause >= SELDOM, "{pause:?}");
    }

    #[tokio::test]
    async fn who_wants_the_line_gets_it_and_a_wish_that_is_given_up_is_forgotten() {
        let keeper = Keeper::default();
        let turn = keeper.turn().await;
        let second = tokio::time::timeout(Duration::from_millis(10), keeper.turn()).await;
        assert!(second.is_err());
        assert_eq!(keeper.asked.borrow().others, 1);
        drop(turn);
        assert_eq!(keeper.asked.borrow().others, 0);
    }
}
