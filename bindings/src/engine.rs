//! One open folder: its threads, the client behind a lock, and how it is closed at any time.
//!
//! It knows nothing of what a call does.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bienban_core::client::{Client, ClientError, Keeper, Leave};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard, RwLock, Semaphore, watch};
use tokio::task::{JoinError, JoinHandle};

use crate::error::{BienbanError, Fault};
use crate::events::Events;
use crate::keystore::KeyStore;
use crate::records::WipeOrder;

/// Threads that wait for the network: an exchange with one hub keeps less than one busy.
const WORKERS: usize = 2;

/// Threads that may wait for the disk: our own calls, and the exchange's work beside them.
const BLOCKING_MAX: usize = 16;

/// Calls that work at once. More wait their turn: the store has one journal, and a phone few cores.
const CALLS_AT_ONCE: usize = 6;

/// How long closing waits for the last work on the store to end; it is in the journal or not by then.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// Between two looks whether it has.
const RELEASE_LOOK: Duration = Duration::from_millis(5);

/// How long threads of this library may take to end once nothing is left to do.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// Before each try to delete the key of data that was erased.
const DELETE_PAUSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(200), Duration::from_millis(700)];

/// How it stands with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The data was erased by order; all that can be done is to close.
    Wiped,
    Closing,
    Closed,
}

/// What reads the client, and keeps it from being closed meanwhile.
pub(crate) type Held = OwnedRwLockReadGuard<Option<Client>>;

/// The one enrolment that may be under way; the next waits until this is dropped.
pub(crate) struct EnrolmentTurn {
    latest: watch::Receiver<u64>,
    number: u64,
    _turn: OwnedMutexGuard<()>,
}

impl EnrolmentTurn {
    /// Ends when another enrolment was begun.
    pub(crate) async fn overtaken(&mut self) {
        let number = self.number;
        // The sender lives as long as the folder's engine, which whoever waits here holds.
        drop(self.latest.wait_for(|latest| *latest != number).await);
    }
}

/// One open folder.
pub(crate) struct Engine {
    handle: Handle,
    runtime: Mutex<Option<Runtime>>,
    client: Arc<RwLock<Option<Client>>>,
    calls: Arc<Semaphore>,
    stage: watch::Sender<Stage>,
    /// Keeping in touch, where it was asked for.
    background: tokio::sync::Mutex<Option<JoinHandle<()>>>,
    /// One enrolment at a time.
    enrolment: Arc<tokio::sync::Mutex<()>>,
    /// The number of the latest; those before it end.
    latest_enrolment: watch::Sender<u64>,
    /// One exchange at a time.
    pub(crate) keeper: Arc<Keeper>,
    /// What observers are told.
    pub(crate) events: Arc<Events>,
    /// This device, in hexadecimal.
    pub(crate) device: String,
    key_store: Arc<dyn KeyStore>,
    key_name: String,
}

/// Starts the threads of a folder.
pub(crate) fn start_runtime() -> Result<Runtime, Fault> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING_MAX)
        .thread_name("bienban")
        .enable_all()
        .build()
        .map_err(|_| Fault::Internal)
}

/// Runs work on threads that may block, and tells a panic from other ends.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    joined(tokio::task::spawn_blocking(work).await)
}

/// Returns what a task came to. One that did not end was dropped with its runtime: the folder was closed.
pub(crate) fn joined<T>(outcome: Result<Result<T, Fault>, JoinError>) -> Result<T, Fault> {
    match outcome {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => Err(Fault::Internal),
        Err(_) => Err(Fault::Closed),
    }
}

impl Engine {
    /// Takes over an open client.
    pub(crate) fn new(
        runtime: Runtime,
        client: Client,
        key_store: Arc<dyn KeyStore>,
        key_name: String,
    ) -> Arc<Self> {
        let device = client.device().to_string();
        let client = Arc::new(RwLock::new(Some(client)));
        Arc::new(Self {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            events: Events::new(Arc::clone(&client)),
            client,
            calls: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
            stage: watch::Sender::new(Stage::Open),
            background: tokio::sync::Mutex::new(None),
            enrolment: Arc::default(),
            latest_enrolment: watch::Sender::new(0),
            keeper: Arc::new(Keeper::default()),
            device,
            key_store,
            key_name,
        })
    }

    /// Fails once the folder was closed.
    pub(crate) fn check_open(&self) -> Result<(), Fault> {
        match *self.stage.borrow() {
            Stage::Open => Ok(()),
            Stage::Wiped => Err(Fault::Wiped),
            Stage::Closing | Stage::Closed => Err(Fault::Closed),
        }
    }

    /// Returns whether the folder was closed.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Closing | Stage::Closed)
    }

    /// Runs something on this folder's threads; whoever drops what is returned does not end it.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn(work)
    }

    /// Returns this folder's threads, for work that waits on a thread which may block.
    pub(crate) fn threads(&self) -> Handle {
        self.handle.clone()
    }

    /// Reads, on a thread of this library, to the end even if nobody waits for it any more.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        call: &'static str,
        work: impl FnOnce(&Client) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, BienbanError> {
        self.run(work).await.map_err(|fault| fault.told(call))
    }

    /// As [`Engine::read`], for what records something: who keeps in touch and who watches is told.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        call: &'static str,
        work: impl FnOnce(&Client) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, BienbanError> {
        let engine = Arc::clone(self);
        let work = move |client: &Client| {
            let done = work(client);
            // Here, and not where the caller waits: it may have gone. Also after an error: a call of several steps
            // may have recorded the first.
            engine.keeper.edited();
            engine.events.look();
            done
        };
        self.run(work).await.map_err(|fault| fault.told(call))
    }

    /// As [`Engine::read`], for who tells what went wrong itself.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Client) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.check_open()?;
        let engine = Arc::clone(self);
        let task = self.spawn(async move {
            let turn = Arc::clone(&engine.calls).acquire_owned().await;
            let turn = turn.map_err(|_| Fault::Closed)?;
            let held = engine.hold().await?;
            blocking(move || {
                let done = held.as_ref().ok_or(Fault::Closed).and_then(work);
                drop(turn);
                done
            })
            .await
        });
        joined(task.await)
    }

    /// Waits for the client, and keeps it from being closed.
    pub(crate) async fn hold(&self) -> Result<Held, Fault> {
        let held = Arc::clone(&self.client).read_owned().await;
        if held.is_some() { Ok(held) } else { self.check_open().and(Err(Fault::Closed)) }
    }

    /// Changes the client itself. Who keeps in touch is stopped for it, and begun again; an exchange under way
    /// ends first. Only work on this device is waited for with the client held, so that other calls wait no longer.
    pub(crate) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Client) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        self.check_open()?;
        let mut background = self.background.lock().await;
        let was_running = self.end_background(&mut background).await;
        let turn = self.keeper.turn().await;
        let mut held = Arc::clone(&self.client).write_owned().await;
        let outcome = blocking(move || held.as_mut().ok_or(Fault::Closed).and_then(work)).await;
        drop(turn);
        if was_running {
            *background = Some(crate::sync::keep_in_touch(self));
        }
        outcome
    }

    /// Ends the enrolment that is under way, and waits until it has ended.
    pub(crate) async fn enrolment_turn(&self) -> EnrolmentTurn {
        let mut number = 0;
        self.latest_enrolment.send_modify(|latest| {
            *latest = latest.wrapping_add(1);
            number = *latest;
        });
        let latest = self.latest_enrolment.subscribe();
        let turn = Arc::clone(&self.enrolment).lock_owned().await;
        EnrolmentTurn { latest, number, _turn: turn }
    }

    /// Begins to keep in touch, unless that is under way.
    pub(crate) async fn begin_background(self: &Arc<Self>) -> Result<(), Fault> {
        self.check_open()?;
        let mut background = self.background.lock().await;
        if background.as_ref().is_none_or(JoinHandle::is_finished) {
            *background = Some(crate::sync::keep_in_touch(self));
        }
        Ok(())
    }

    /// Ends keeping in touch, and waits until it has ended.
    pub(crate) async fn stop_background(&self) {
        let mut background = self.background.lock().await;
        self.end_background(&mut background).await;
    }

    async fn end_background(&self, background: &mut Option<JoinHandle<()>>) -> bool {
        let Some(task) = background.take().filter(|task| !task.is_finished()) else { return false };
        self.keeper.stop();
        // How it ended was told to observers.
        drop(task.await);
        // It may have ended by itself just before it heard of the stop, which would end the next one then.
        self.keeper.forget_stop();
        true
    }

    /// Ends when the folder is closed.
    pub(crate) async fn closing(&self) {
        let mut stage = self.stage.subscribe();
        // The sender lives as long as this.
        drop(stage.wait_for(|stage| matches!(stage, Stage::Closing | Stage::Closed)).await);
    }

    /// Looks at what an exchange ended with, and does what the end of this device's rights asks for.
    pub(crate) fn note_end(self: &Arc<Self>, error: &ClientError) {
        match error {
            ClientError::Wiped => {
                self.stage.send_if_modified(|stage| {
                    let open = *stage == Stage::Open;
                    if open {
                        *stage = Stage::Wiped;
                    }
                    open
                });
                let (store, name) = (Arc::clone(&self.key_store), self.key_name.clone());
                let deleted = move || {
                    // A keystore may be locked for a moment; after that the next opening tries again.
                    for pause in DELETE_PAUSES {
                        thread::sleep(pause);
                        if store.delete_key(name.clone()).is_ok() {
                            return;
                        }
                    }
                };
                drop(self.handle.spawn_blocking(deleted));
                self.events.wipe(WipeOrder { erased: true, left: 0 });
            }
            ClientError::RightsEnded { left, .. } => {
                self.events.wipe(WipeOrder { erased: false, left: *left });
            }
            _ => {}
        }
    }

    /// Looks whether this device's rights were ended in an earlier run.
    pub(crate) fn note_leave(self: &Arc<Self>, leave: Leave) {
        match leave {
            Leave::Stays => {}
            Leave::Holds(left) => self.events.wipe(WipeOrder { erased: false, left }),
            Leave::Wiped => self.note_end(&ClientError::Wiped),
        }
    }

    /// Begins to close, from any thread, and returns at once. Work that was begun ends first.
    pub(crate) fn begin_closing(self: &Arc<Self>) {
        let first = self.stage.send_if_modified(|stage| {
            let open = matches!(stage, Stage::Open | Stage::Wiped);
            if open {
                *stage = Stage::Closing;
            }
            open
        });
        if !first {
            return;
        }
        self.keeper.stop();
        self.events.stop();
        let engine = Arc::clone(self);
        let close = move || engine.close_now();
        // A thread of its own: the runtime's cannot wait for their own end.
        if thread::Builder::new().name("bienban-close".to_owned()).spawn(close).is_err() {
            self.stage.send_replace(Stage::Closed);
        }
    }

    fn close_now(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(runtime) = runtime else { return };
        let client = runtime.block_on(async {
            self.calls.close();
            Arc::clone(&self.client).write_owned().await.take()
        });
        if let Some(client) = client {
            // The last of an exchange's work may still hold the store.
            let store = Arc::downgrade(client.phone());
            drop(client);
            let looks = RELEASE_MAX.as_millis() / RELEASE_LOOK.as_millis();
            for _ in 0..looks {
                if store.strong_count() == 0 {
                    break;
                }
                thread::sleep(RELEASE_LOOK);
            }
        }
        runtime.shutdown_timeout(SHUTDOWN);
        self.stage.send_replace(Stage::Closed);
    }

    /// Closes, and waits until nothing of the folder is open.
    pub(crate) async fn close(self: &Arc<Self>) {
        self.begin_closing();
        let mut stage = self.stage.subscribe();
        // The sender lives as long as this.
        drop(stage.wait_for(|stage| *stage == Stage::Closed).await);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc;

    use bienban_core::client::Settings;

    use super::*;
    use crate::keystore::KeyStoreError;

    struct NoKeys;

    impl KeyStore for NoKeys {
        fn load_key(&self, _name: String) -> Result<Option<Vec<u8>>, KeyStoreError> {
            Ok(None)
        }

        fn save_key(&self, _name: String, _key: Vec<u8>) -> Result<(), KeyStoreError> {
            Ok(())
        }

        fn delete_key(&self, _name: String) -> Result<(), KeyStoreError> {
            Ok(())
        }
    }

    /// A keystore that answers once `opened` is dropped, and fails so many times before it deletes.
    struct Locked {
        opened: Mutex<mpsc::Receiver<()>>,
        fails: AtomicUsize,
        deleted: AtomicBool,
    }

    impl KeyStore for Locked {
        fn load_key(&self, name: String) -> Result<Option<Vec<u8>>, KeyStoreError> {
            NoKeys.load_key(name)
        }

        fn save_key(&self, name: String, key: Vec<u8>) -> Result<(), KeyStoreError> {
            NoKeys.save_key(name, key)
        }

        fn delete_key(&self, name: String) -> Result<(), KeyStoreError> {
            assert_eq!(name, "key");
            let opened = self.opened.lock().unwrap().recv_timeout(RELEASE_MAX);
            assert_eq!(opened, Err(mpsc::RecvTimeoutError::Disconnected));
            let one_less = |left: usize| left.checked_sub(1);
            if self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
                return Err(KeyStoreError::Failed { reason: "locked".to_owned() });
            }
            self.deleted.store(true, Ordering::SeqCst);
            Ok(())
        }
    }

    fn engine(dir: &std::path::Path) -> Arc<Engine> {
        engine_with(dir, Arc::new(NoKeys))
    }

    fn engine_with(dir: &std::path::Path, keys: Arc<dyn KeyStore>) -> Arc<Engine> {
        Client::init(dir, &Settings::default()).unwrap();
        let client = Client::open(dir).unwrap();
        Engine::new(start_runtime().unwrap(), client, keys, "key".to_owned())
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_the_next_call_works() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let fallen = engine.write("fall", |_| -> Result<(), Fault> { panic!("on purpose") });
        let error = fallen.await.unwrap_err();
        assert!(matches!(error, BienbanError::Internal { .. }), "{error:?}");
        let device = engine.read("device", |client| Ok(client.device().to_string())).await;
        assert_eq!(device.unwrap(), engine.device);
        engine.close().await;
        let late = engine.read("late", |_| Ok(())).await.unwrap_err();
        assert!(matches!(late, BienbanError::Closed { .. }), "{late:?}");
    }

    #[tokio::test]
    async fn an_edit_whose_future_is_dropped_is_made_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let (begun, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (begins, makes) = (Arc::clone(&begun), Arc::clone(&made));
        let work = move |_: &Client| {
            begins.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(200));
            makes.store(true, Ordering::SeqCst);
            Ok(())
        };
        drop(tokio::time::timeout(Duration::from_millis(100), engine.write("edit", work)).await);
        // Closing waits for what was begun.
        engine.close().await;
        assert_eq!(begun.load(Ordering::SeqCst), made.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn data_that_was_erased_by_order_is_told_by_every_call_until_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        engine.note_end(&ClientError::Wiped);
        let wiped = engine.read("read", |_| Ok(())).await.unwrap_err();
        assert!(matches!(wiped, BienbanError::Wiped { .. }), "{wiped:?}");
        engine.close().await;
        assert!(matches!(engine.check_open(), Err(Fault::Closed)));
    }

    #[tokio::test]
    async fn the_key_of_erased_data_is_deleted_although_the_keystore_was_locked_at_first() {
        let dir = tempfile::tempdir().unwrap();
        let (open, opened) = mpsc::channel();
        let keys = Arc::new(Locked {
            opened: Mutex::new(opened),
            fails: AtomicUsize::new(DELETE_PAUSES.len() - 1),
            deleted: AtomicBool::new(false),
        });
        let engine = engine_with(dir.path(), keys.clone());
        engine.note_leave(Leave::Wiped);
        // The call that brought the order does not wait for the keystore.
        assert!(!keys.deleted.load(Ordering::SeqCst));
        drop(open);
        let deleted = async {
            while !keys.deleted.load(Ordering::SeqCst) {
                tokio::time::sleep(RELEASE_LOOK).await;
            }
        };
        assert!(tokio::time::timeout(RELEASE_MAX, deleted).await.is_ok(), "the key is still there");
        engine.close().await;
    }
}
