//! The hub as a process: its folder, its socket, one task for each phone, one for merging.
//!
//! Which documents may be written, and what the feed holds, is decided in `bienban_core::replica`;
//! nothing here looks into a document.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bienban_core::clock;
use bienban_core::driver::{self, DriverError, Wakeup};
use bienban_core::model::DeviceId;
use bienban_core::net::{Admit, HubEndpoint, Limits, Link, Listen, NetError};
use bienban_core::replica::{Hub, HubOptions, Projection, Replica, ReplicaError, Trouble};
use bienban_core::store::{self, DiskStore, Options, Store, StoreError, make_private_folder};
use bienban_core::sync::PlainEntry;
use bienban_core::trust::DeviceKey;
use bienban_core::trust::log::Turned;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::StoreConfig;
use crate::merging::{ChildMerger, Merging};
use crate::{backup, backups, bundles, compaction};

mod keys;

pub(crate) use keys::{KEY_FILE, NEXT_FILE};

/// What whoever else wants the hub's folder is told of it.
const HOLDER: &str = "bienban serve";

/// Why the hub stopped or did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A file of the hub cannot be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The hub's key file holds no key.
    #[error("{path} must hold 64 hexadecimal digits; restore it from your backup")]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The hub is to take its next key, and none was announced.
    #[error("no key is announced to follow the hub's")]
    NoNextKey {
        /// The folder was set back to a copy, which may be older than the announcement.
        restored: bool,
    },
    /// A key is to be announced, and another was, of which this folder holds no secret.
    #[error("the hub has announced {announced} already, and this folder does not hold that key")]
    AnnouncedBefore {
        /// The key that was announced.
        announced: DeviceId,
    },
    /// A key is to be announced by a copy that was put back just now, which may be older than an announcement.
    #[error("this folder was set back to a copy, which may be older than an announcement")]
    AnnouncedSince,
    /// A backup is being put back into the folder, or was and not to the end.
    #[error("a backup was being put back into {path} and was not finished")]
    Restoring {
        /// The folder.
        path: PathBuf,
    },
    /// The system gave no entropy.
    #[error(transparent)]
    Entropy(#[from] clock::EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The records failed.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The socket failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The merge worker failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// What a hub is started with.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// Its folder.
    pub dir: PathBuf,
    /// Where it listens.
    pub listen: Listen,
    /// Limits of the transport.
    pub limits: Limits,
    /// How long running sessions may take to end at shutdown before they are cut; what they had not
    /// had acknowledged, phones send again.
    pub shutdown: Duration,
    /// When the index is brought up to the journal.
    pub store: StoreConfig,
    /// Who merges what phones sent.
    pub merging: Merging,
    /// How many times the usual a device may push.
    pub pushes: u64,
    /// Devices to trust at start, beside those it was told of before: the first administrator.
    pub trust: Vec<PlainEntry>,
    /// The folder was set back to a copy: phones compare everything and give back what it lacks.
    pub restored: bool,
}

/// What the operator does about the hub's key at a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyStep {
    /// Nothing.
    #[default]
    Stay,
    /// The next key is made, if it is not there, and announced.
    Announce,
    /// The announced key takes the place of the present one.
    Switch,
}

/// A hub that listens.
pub struct RunningHub {
    hub: Arc<Hub>,
    endpoint: Arc<HubEndpoint>,
    wakeup: Wakeup,
    shutdown: Duration,
    /// Documents merged at once.
    merges: usize,
    /// Where the journal is, and where its second copy goes.
    backup: Option<(PathBuf, PathBuf)>,
    compact_every: Duration,
    /// The hub's folder, where people bring bundles.
    dir: PathBuf,
}

/// Returns whether a folder is a hub's.
#[must_use]
pub fn holds_hub(dir: &Path) -> bool {
    keys::holds_hub(dir)
}

/// Returns whether a process has the hub of a folder open.
#[must_use]
pub fn is_running(dir: &Path) -> bool {
    DiskStore::is_open(&dir.join("store"))
}

/// Returns the key of the hub in a folder, making both if they are not there. Does not open the
/// store, so it works beside a running hub.
///
/// # Errors
///
/// Returns [`HubError::File`] when the folder cannot be written and [`HubError::Key`] when its key
/// is damaged.
pub fn identity(dir: &Path) -> Result<DeviceId, HubError> {
    make_folder(dir)?;
    expect_finished(dir)?;
    Ok(DeviceKey::from_seed(&*keys::key(dir)?).device())
}

/// Makes the hub's folder, if it is not there, for the hub's account alone.
fn make_folder(dir: &Path) -> Result<(), HubError> {
    make_private_folder(dir).map_err(|source| HubError::File {
        action: "make",
        path: dir.to_owned(),
        source,
    })
}

/// Closes to other accounts what a program before this one, or who copied it, left open to them. The hub's folder
/// itself stays as the operator has it: others may bring bundles there.
fn close_to_others(dir: &Path) {
    for name in ["store", KEY_FILE, NEXT_FILE] {
        let path = dir.join(name);
        if path.exists() {
            note_closed(&path, store::close_to_others(&path));
        }
    }
}

/// Says in the log that something was open to other accounts, and whether it still is.
pub(crate) fn note_closed(path: &Path, closed: std::io::Result<bool>) {
    match closed {
        Ok(true) => tracing::warn!(
            path = %path.display(),
            "other accounts of this machine could look into this; it is closed to them now"
        ),
        Ok(false) => {}
        Err(error) => tracing::warn!(
            path = %path.display(),
            error = %error,
            "cannot close this to other accounts of this machine; close the folder above it"
        ),
    }
}

/// Fails where a backup was put back half: a key made now would be another, and the store has not all.
fn expect_finished(dir: &Path) -> Result<(), HubError> {
    match backups::is_unfinished(dir) {
        true => Err(HubError::Restoring { path: dir.to_owned() }),
        false => Ok(()),
    }
}

impl RunningHub {
    /// Opens the folder (making it if needed) and the socket.
    ///
    /// # Errors
    ///
    /// Returns [`HubError::Store`] when another process has the folder open, and [`HubError::Net`]
    /// when the port cannot be opened.
    pub fn open(config: &HubConfig) -> Result<Self, HubError> {
        Self::open_with_key(config, KeyStep::Stay)
    }

    /// As [`RunningHub::open`]; announces the key that is to follow the hub's, or takes it, as the operator
    /// says. Both may be said again.
    ///
    /// # Errors
    ///
    /// As [`RunningHub::open`]. Returns [`HubError::NoNextKey`] when there is none to be taken, and
    /// [`HubError::Replica`] when it was not announced. Returns [`HubError::AnnouncedBefore`] and
    /// [`HubError::AnnouncedSince`] when another key was announced, or may have been.
    pub fn open_with_key(config: &HubConfig, step: KeyStep) -> Result<Self, HubError> {
        make_folder(&config.dir)?;
        expect_finished(&config.dir)?;
        let now = clock::now();
        // The store's lock comes first: two hubs must not both make a key.
        let options = store_options(&config.store);
        let store = DiskStore::open(config.dir.join("store"), Arc::new(Projection), options)?;
        let store: Arc<dyn Store> = Arc::new(store);
        close_to_others(&config.dir);
        let taken = step == KeyStep::Switch;
        let restored = config.restored || store.opened().moved;
        let seed = keys::key_for(&config.dir, &Replica::new(store.clone()), taken, restored)?;
        if step == KeyStep::Announce {
            // Before the store learns that it was set back: said again, it is refused again or known better.
            keys::expect_to_announce(&config.dir, &Replica::new(store.clone()), restored)?;
        }
        let options = HubOptions { fresh_epoch: clock::random()?, now };
        let hub = Arc::new(Hub::open(store, DeviceKey::from_seed(&seed), options)?);
        keys::settle(&config.dir, hub.device())?;
        if step == KeyStep::Announce {
            hub.announce(&DeviceKey::from_seed(&*keys::next_key(&config.dir)?))?;
        }
        report(&hub);
        let moved = hub.replica().store().opened().moved;
        if config.restored {
            // A second number: the hub may have taken one already because it noticed by itself.
            hub.restored(HubOptions { fresh_epoch: clock::random()?, now })?;
        }
        if config.restored || moved {
            report_restored(&hub)?;
        }
        for entry in &config.trust {
            hub.trust(entry.clone())?;
        }
        hub.replica().refresh(usize::MAX)?;
        let known = hub.clone();
        let admit = Arc::new(move |device: DeviceId| {
            // One whose rights were ended may still bring what it holds, and no more.
            let knows = known.knows_device(device) || known.lets_leave(device);
            if !knows && !known.awaits_newcomers(clock::now()) {
                note_stranger(&known, device);
            }
            knows
        });
        let awaits = hub.clone();
        let newcomers = Arc::new(move |_| awaits.awaits_newcomers(clock::now()));
        let door = (admit as Arc<Admit>, newcomers as Arc<Admit>);
        let endpoint = HubEndpoint::bind_with(config.listen, &seed, door, config.limits.clone())?;
        let shutdown = config.shutdown;
        hub.allow_pushes(config.pushes);
        let merges = match &config.merging {
            Merging::InProcess => 1,
            Merging::Children(children) => {
                hub.merge_by(Arc::new(ChildMerger::new(children.clone())))?;
                children.workers
            }
        };
        let (endpoint, wakeup) = (Arc::new(endpoint), Wakeup::default());
        Ok(Self {
            hub,
            endpoint,
            wakeup,
            shutdown,
            merges,
            backup: None,
            dir: config.dir.clone(),
            compact_every: config.store.compact_every,
        })
    }

    /// Copies the journal to a second disk too while the hub runs, and tells phones what is there. `dir` is
    /// the hub's folder.
    #[must_use]
    pub fn with_backup(mut self, dir: &Path, folder: PathBuf) -> Self {
        self.hub.expect_backup();
        self.backup = Some((dir.join("store/journal"), folder));
        self
    }

    /// Returns where the hub listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.endpoint.local_addr()
    }

    /// Returns where the hub listens for TCP, if it does.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.endpoint.tcp_addr()
    }

    /// Returns the key that phones pin.
    #[must_use]
    pub fn key(&self) -> DeviceId {
        self.hub.device()
    }

    /// Returns the key that is announced to follow, if one is.
    ///
    /// # Errors
    ///
    /// Returns [`HubError::Replica`] when reading fails.
    pub fn next_key(&self) -> Result<Option<DeviceId>, HubError> {
        let keys = self.hub.replica().hub_keys().map_err(ReplicaError::from)?;
        Ok(keys.after.first().copied())
    }

    /// Returns the hub's records.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Serves phones until `stop` turns true, then lets running sessions end. What was accepted and
    /// not merged yet is durable, and merged at the next start.
    ///
    /// # Errors
    ///
    /// Returns [`HubError::Driver`] when the merge worker stopped.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<(), HubError> {
        let mut sessions = JoinSet::new();
        let (hub, wakeup) = (self.hub.clone(), self.wakeup.clone());
        let worker = tokio::spawn(driver::merge_workers(hub, wakeup, stop.clone(), self.merges));
        let copier = self
            .backup
            .clone()
            .map(|backup| tokio::spawn(backup::mirror(self.hub.clone(), backup, stop.clone())));
        let (hub, wakeup) = (self.hub.clone(), self.wakeup.clone());
        let bundles = tokio::spawn(bundles::watch(hub, self.dir.clone(), wakeup, stop.clone()));
        let compacting =
            tokio::spawn(compaction::run(self.hub.clone(), self.compact_every, stop.clone()));
        let mut stopping = stop.clone();
        let mut stopped = std::pin::pin!(async move {
            drop(stopping.wait_for(|stop| *stop).await);
        });
        loop {
            tokio::select! {
                link = self.endpoint.accept() => {
                    let Some(link) = link else { break };
                    self.begin(&mut sessions, link, stop.clone());
                }
                Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
                () = &mut stopped => break,
            }
        }
        tracing::info!(sessions = sessions.len(), "shutting down");
        self.endpoint.close(self.shutdown).await;
        sessions.shutdown().await;
        if let Some(copier) = copier
            && let Err(error) = copier.await
        {
            tracing::error!(error = %error, "the copy to the second disk stopped");
        }
        if let Err(error) = bundles.await {
            tracing::error!(error = %error, "taking in bundles stopped");
        }
        if let Err(error) = compacting.await {
            tracing::error!(error = %error, "shortening the journal stopped");
        }
        let worked = worker.await.unwrap_or(Err(DriverError::Stopped));
        close_log(self.hub.clone()).await;
        Ok(worked?)
    }

    fn begin(&self, sessions: &mut JoinSet<()>, link: Link, stop: watch::Receiver<bool>) {
        let (device, transport) = (link.peer(), link.transport().name());
        if link.is_newcomer() {
            self.hear_newcomer(sessions, link, stop);
            return;
        }
        let entry = match self.hub.replica().device(device) {
            Ok(Some(entry)) if entry.active || self.hub.lets_leave(device) => entry,
            Ok(_) => return,
            Err(error) => {
                tracing::error!(device = device.short(), error = %error, "cannot read a device");
                return;
            }
        };
        let (hub, wakeup) = (self.hub.clone(), self.wakeup.clone());
        let (endpoint, began_active) = (self.endpoint.clone(), entry.active);
        sessions.spawn(async move {
            let watch = clock::Stopwatch::start();
            let overdue = revoked_for_too_long(&hub, &wakeup, device, began_active);
            let served = tokio::select! {
                served = driver::serve(hub.clone(), entry, link, wakeup.clone(), stop) => served,
                () = overdue => {
                    tracing::warn!(device = device.short(), "cut off: its rights were ended");
                    endpoint.disconnect(device);
                    return;
                }
            };
            match served {
                Ok(served) => tracing::info!(
                    device = device.short(),
                    transport,
                    received = served.payload_received,
                    sent = served.payload_sent,
                    millis = watch.elapsed().as_millis(),
                    "session ended"
                ),
                Err(error) => tracing::warn!(
                    device = device.short(),
                    transport,
                    error = %error,
                    "session broke off"
                ),
            }
        });
    }

    /// Hears a phone that nobody knows, while an invitation is open.
    fn hear_newcomer(&self, sessions: &mut JoinSet<()>, link: Link, stop: watch::Receiver<bool>) {
        let (device, transport) = (link.peer(), link.transport().name());
        let (hub, wakeup) = (self.hub.clone(), self.wakeup.clone());
        sessions.spawn(async move {
            match driver::serve_newcomer(hub, link, wakeup, stop).await {
                Ok(()) => {
                    tracing::info!(device = device.short(), transport, "a newcomer was heard")
                }
                Err(error) => tracing::warn!(
                    device = device.short(),
                    transport,
                    error = %error,
                    "a newcomer's session broke off"
                ),
            }
        });
    }
}

/// How long a session may go on after the rights of its device were ended: it is told so at once, and one
/// that does not listen is cut off.
const REVOKED_SESSION_MAX: Duration = Duration::from_secs(3);

/// Returns when a session that began with rights has gone on for too long without them.
async fn revoked_for_too_long(hub: &Hub, wakeup: &Wakeup, device: DeviceId, began_active: bool) {
    if !began_active {
        return std::future::pending().await;
    }
    let mut changes = wakeup.changes();
    while !hub.lets_leave(device) {
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
    tokio::time::sleep(REVOKED_SESSION_MAX).await;
}

/// Puts into the hub's log that a device was turned away. Waits for no disk: it is called during the
/// handshake. The device is as it names itself; that it holds the key is not proved at that moment.
fn note_stranger(hub: &Hub, device: DeviceId) {
    if let Err(error) = hub.turned_away(Turned::Stranger, device, 1, clock::now()) {
        tracing::error!(error = %error, "a refusal is not in the log");
    }
}

/// Puts what still waits into the hub's log. Sessions and merges are over.
async fn close_log(hub: Arc<Hub>) {
    let closed = tokio::task::spawn_blocking(move || hub.close_log(clock::now())).await;
    match closed {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(error = %error, "the end of the log is lost"),
        Err(error) => tracing::error!(error = %error, "the end of the log is lost"),
    }
}

/// How a hub's store works: by the system's clock, for a hub runs for months.
fn store_options(config: &StoreConfig) -> Options {
    Options {
        checkpoint_records: config.checkpoint_records,
        checkpoint_every: config.checkpoint_interval,
        holder: HOLDER.to_owned(),
        notes_reach: true,
        segment_bytes: config.segment_bytes,
        ..Options::new(Arc::new(|| clock::now().0))
    }
}

/// Says in the log what opening the store had to do.
fn report(hub: &Hub) {
    let opened = hub.replica().store().opened();
    if let Some(why) = &opened.rebuilt {
        tracing::warn!(why, "the index was rebuilt from the journal");
    }
    for (file, why) in &opened.set_aside {
        tracing::warn!(file, why, "a file was set aside");
    }
    // Until a person has seen it: what was lost stays lost.
    match hub.replica().troubles() {
        Ok(found) if found.iter().any(|found| found.trouble != Trouble::default()) => {
            tracing::error!(
                findings = found.len(),
                records = opened.lost.len(),
                "records of this hub were lost; phones will give them back, `bienban admin status` says what to do"
            )
        }
        _ => {}
    }
    if opened.older {
        tracing::warn!("the journal ends before where it had come: an older copy was put back");
    } else if opened.moved {
        tracing::warn!("the folder was restored or copied");
    }
}

/// Says what no phone gives back: rights are the hub's word alone.
fn report_restored(hub: &Hub) -> Result<(), HubError> {
    tracing::warn!("this hub is a copy of an earlier state; phones will compare everything");
    for entry in hub.replica().devices().map_err(ReplicaError::from)? {
        tracing::warn!(
            device = entry.device.short(),
            active = entry.active,
            "as the copy says; what was changed since it was made must be said again"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::logged;

    #[test]
    fn the_settings_reach_the_store_and_are_its_own_where_nobody_set_them() {
        let usual = Options::new(Arc::new(|| 0));
        let default = store_options(&StoreConfig::default());
        assert_eq!(default.checkpoint_records, usual.checkpoint_records);
        assert_eq!(default.checkpoint_every, usual.checkpoint_every);
        assert_eq!(default.segment_bytes, usual.segment_bytes);
        let set = StoreConfig {
            checkpoint_interval: Duration::from_secs(7),
            checkpoint_records: 9,
            segment_bytes: 1 << 16,
            compact_every: Duration::from_secs(5),
        };
        let options = store_options(&set);
        assert_eq!((options.checkpoint_records, options.checkpoint_every.as_secs()), (9, 7));
    }

    #[test]
    fn what_was_lost_is_logged_at_each_start_until_a_person_has_seen_it() {
        let dir = tempfile::tempdir().unwrap();
        let open = || {
            let store = DiskStore::open(dir.path(), Arc::new(Projection), Options::at(1)).unwrap();
            let options = HubOptions { fresh_epoch: [9; 16], now: clock::now() };
            Hub::open(Arc::new(store), DeviceKey::from_seed(&[9; 32]), options).unwrap()
        };
        open().publish(bienban_core::checklist::TEA.to_vec()).unwrap();
        let segment = dir.path().join("journal/00000001.seg");
        let mut bytes = std::fs::read(&segment).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&segment, bytes).unwrap();
        std::fs::remove_dir_all(dir.path().join("index")).unwrap();
        for _ in 0..2 {
            let hub = open();
            assert!(logged(|| report(&hub)).contains("ERROR"));
        }
        open().replica().acknowledge(clock::now()).unwrap();
        let hub = open();
        assert!(!hub.replica().store().opened().lost.is_empty(), "it stays lost");
        let said = logged(|| report(&hub));
        assert!(!said.contains("ERROR"), "{said}");
    }

    #[test]
    fn the_clock_of_a_store_goes_on_while_the_hub_runs() {
        let options = store_options(&StoreConfig::default());
        let opened = clock::now();
        while clock::now() <= opened {
            std::hint::spin_loop();
        }
        assert!((options.clock)() > opened.0);
    }
}
