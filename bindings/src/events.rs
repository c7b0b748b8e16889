//! What observers are told: gathered, compared with what they know, and handed over on one thread.
//!
//! Nothing that an observer does or throws reaches the core.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use bienban_core::client::{Changed, Client, Seen};
use tokio::sync::{RwLock, oneshot};

use crate::error::{BienbanError, Fault};
use crate::records::{DocumentKind, WipeOrder, kind_of};
use crate::sync::SyncProgress;

/// The least time between two calls of an observer: a callback costs a foreign thread up to 0.2 ms and a
/// screen a redraw, and nobody reads faster.
const EVERY: Duration = Duration::from_millis(100);

/// After a look that failed: a store that cannot be read is not asked ten times a second.
const AGAIN: Duration = Duration::from_secs(1);

/// Documents that one event names. More means that a list is to be read anew, which names less.
const NAMED_MAX: usize = 256;

/// Observers at once: one for each screen that is open, and some more.
const OBSERVERS_MAX: usize = 16;

/// A document that changed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DocumentChange {
    /// Its id.
    pub document: String,
    /// Its kind.
    pub kind: DocumentKind,
    /// The inspection whose screen shows it: itself, or the one that a review or corrective actions are
    /// about.
    pub inspection: Option<String>,
    /// Its content changed; if not, only how far it has arrived.
    pub content: bool,
}

/// What changed since the last event.
#[derive(Debug, Clone, Default, PartialEq, Eq, uniffi::Record)]
pub struct Changes {
    /// Documents, at most 256.
    pub documents: Vec<DocumentChange>,
    /// More changed than are named: read lists anew.
    pub more: bool,
    /// The list of inspections shows something else now.
    pub inspections: bool,
    /// The list of plans, or the visits of one, shows something else now.
    pub plans: bool,
    /// The list of facilities shows something else now.
    pub facilities: bool,
    /// Other checklists are here.
    pub checklists: bool,
    /// What this device may do is another, or is known now.
    pub rights: bool,
}

/// What an observer answers when it failed. It is noted, and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum ObserverError {
    /// The observer's code threw.
    #[error("the observer failed")]
    Failed {
        /// For the app's own use; not logged.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ObserverError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed { reason: error.reason }
    }
}

/// Told what happens, on one thread of this library and at most ten times a second.
///
/// An exception that it throws is dropped. While it works nobody else is told; it must hand over to the
/// screen's thread and return.
#[uniffi::export(foreign)]
pub trait Observer: Send + Sync {
    /// Documents or lists changed.
    ///
    /// # Errors
    ///
    /// Whatever it returns is dropped.
    fn changed(&self, changes: Changes) -> Result<(), ObserverError>;

    /// An exchange went on, or keeping in touch did.
    ///
    /// # Errors
    ///
    /// Whatever it returns is dropped.
    fn sync_progress(&self, progress: SyncProgress) -> Result<(), ObserverError>;

    /// This device's rights were ended for good.
    ///
    /// # Errors
    ///
    /// Whatever it returns is dropped.
    fn wipe_ordered(&self, order: WipeOrder) -> Result<(), ObserverError>;
}

/// What waits to be told.
#[derive(Default)]
struct Pending {
    observers: BTreeMap<u64, Arc<dyn Observer>>,
    next: u64,
    look: bool,
    progress: Option<SyncProgress>,
    wipe: Option<WipeOrder>,
    /// Who waits until what is here now counts as seen, by number.
    begin: BTreeMap<u64, oneshot::Sender<()>>,
    started: bool,
    stopped: bool,
}

/// Observers, and what waits for them.
pub(crate) struct Events {
    pending: Mutex<Pending>,
    rung: Condvar,
    client: Arc<RwLock<Option<Client>>>,
}

impl Events {
    pub(crate) fn new(client: Arc<RwLock<Option<Client>>>) -> Arc<Self> {
        Arc::new(Self { pending: Mutex::default(), rung: Condvar::new(), client })
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.pending());
        self.rung.notify_all();
    }

    /// Says that something may have changed.
    pub(crate) fn look(&self) {
        self.ring(|pending| pending.look = true);
    }

    /// Says how an exchange goes; what was said before and not told is forgotten.
    pub(crate) fn progress(&self, progress: SyncProgress) {
        self.ring(|pending| pending.progress = Some(progress));
    }

    /// Says that this device's rights were ended.
    pub(crate) fn wipe(&self, order: WipeOrder) {
        self.ring(|pending| pending.wipe = Some(order));
    }

    /// Ends the thread; nobody is told anything more.
    pub(crate) fn stop(&self) {
        let mut pending = self.pending();
        pending.stopped = true;
        let gone = (std::mem::take(&mut pending.observers), std::mem::take(&mut pending.begin));
        drop(pending);
        self.rung.notify_all();
        // An observer may own its subscription, which comes back here when it is dropped.
        drop(gone);
    }

    /// Adds an observer. It is told what changes after the future that is returned with its number.
    pub(crate) fn add(
        self: &Arc<Self>,
        observer: Arc<dyn Observer>,
    ) -> Result<(u64, oneshot::Receiver<()>), Fault> {
        let (begin, begun) = oneshot::channel();
        let mut pending = self.pending();
        if pending.stopped {
            return Err(Fault::Closed);
        }
        if pending.observers.len() >= OBSERVERS_MAX {
            return Err(Fault::Observers);
        }
        let number = pending.next;
        pending.next += 1;
        drop(pending.observers.insert(number, observer));
        drop(pending.begin.insert(number, begin));
        let starts = !pending.started;
        pending.started = true;
        drop(pending);
        if starts {
            let events = Arc::clone(self);
            let thread = thread::Builder::new().name("bienban-events".to_owned());
            thread.spawn(move || events.tell_all()).map_err(|_| Fault::Internal)?;
        }
        self.rung.notify_all();
        Ok((number, begun))
    }

    /// Removes an observer. A call of it that is under way ends by itself.
    pub(crate) fn remove(&self, number: u64) {
        let gone = self.pending().observers.remove(&number);
        // As in `stop`: not while the lock is held.
        drop(gone);
    }

    fn tell_all(&self) {
        let mut seen = Seen::default();
        loop {
            let mut pending = self.pending();
            let quiet = |pending: &mut Pending| {
                let news = pending.look || pending.progress.is_some() || pending.wipe.is_some();
                let nobody = pending.observers.is_empty();
                !pending.stopped && pending.begin.is_empty() && (!news || nobody)
            };
            pending = self.rung.wait_while(pending, quiet).unwrap_or_else(PoisonError::into_inner);
            if pending.stopped {
                return;
            }
            let begin = std::mem::take(&mut pending.begin);
            let look = std::mem::take(&mut pending.look) || !begin.is_empty();
            let (progress, wipe) = (pending.progress.take(), pending.wipe.take());
            let observers: Vec<_> =
                pending.observers.iter().map(|(number, it)| (*number, it.clone())).collect();
            drop(pending);
            let begins: BTreeSet<u64> = begin.keys().copied().collect();
            let looked = if look { self.changes(&mut seen) } else { Ok(None) };
            let pause = if looked.is_err() { AGAIN } else { EVERY };
            if looked.is_err() {
                // Not lost: the next look finds it.
                self.pending().look = true;
            }
            let changes = looked.unwrap_or(None);
            for begun in begin.into_values() {
                // Who asked may have gone.
                begun.send(()).ok();
            }
            for (number, observer) in observers {
                // Those who begin have seen nothing yet, so that nothing is news to them.
                let changes = changes.as_ref().filter(|_| !begins.contains(&number));
                tell(&*observer, changes, progress.as_ref(), wipe.as_ref());
            }
            // What comes meanwhile is gathered.
            let stopped = |pending: &mut Pending| !pending.stopped && pending.begin.is_empty();
            let waited = self.rung.wait_timeout_while(self.pending(), pause, stopped);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Looks what changed; fails where reading does, and then nothing counts as seen.
    fn changes(&self, seen: &mut Seen) -> Result<Option<Changes>, ()> {
        let held = self.client.blocking_read();
        let Some(client) = held.as_ref() else { return Ok(None) };
        // A panic below must not end this thread.
        let looked = catch_unwind(AssertUnwindSafe(|| client.look(seen)));
        let changed = looked.map_err(|_| ())?.map_err(|_| ())?;
        Ok((!changed.is_empty()).then(|| changes_of(&changed)))
    }
}

fn tell(
    observer: &dyn Observer,
    changes: Option<&Changes>,
    progress: Option<&SyncProgress>,
    wipe: Option<&WipeOrder>,
) {
    // What it throws is its own; a panic in the glue between the languages is caught too.
    let told = catch_unwind(AssertUnwindSafe(|| {
        let told = [
            changes.map(|changes| observer.changed(changes.clone())),
            progress.map(|progress| observer.sync_progress(progress.clone())),
            wipe.map(|order| observer.wipe_ordered(order.clone())),
        ];
        told.into_iter().flatten().filter(Result::is_err).count()
    }));
    match told {
        Ok(0) => {}
        Ok(failed) => tracing::debug!(failed, "an observer failed"),
        Err(_) => tracing::warn!("an observer could not be called"),
    }
}

fn changes_of(changed: &Changed) -> Changes {
    let mut changes = Changes {
        more: changed.more || changed.records.len() > NAMED_MAX,
        inspections: changed.more,
        plans: changed.more,
        facilities: changed.more,
        checklists: changed.checklists,
        rights: changed.rights,
        ..Changes::default()
    };
    for record in &changed.records {
        let kind = kind_of(record.kind);
        match kind {
            DocumentKind::Plan => changes.plans = true,
            DocumentKind::Facility => changes.facilities = true,
            _ => changes.inspections = true,
        }
        if changes.documents.len() < NAMED_MAX {
            let document = record.document.to_string();
            let own = (kind == DocumentKind::Inspection).then(|| document.clone());
            changes.documents.push(DocumentChange {
                inspection: record.inspection.map(|id| id.to_string()).or(own),
                document,
                kind,
                content: record.content,
            });
        }
    }
    changes
}

/// An observer that is told; dropped or cancelled, it is told no more.
#[derive(uniffi::Object)]
pub struct Subscription {
    events: Weak<Events>,
    number: u64,
}

impl Subscription {
    pub(crate) fn new(events: &Arc<Events>, number: u64) -> Arc<Self> {
        Arc::new(Self { events: Arc::downgrade(events), number })
    }
}

#[uniffi::export]
impl Subscription {
    /// Ends it, at any time and as often as one likes. A call that is under way ends by itself.
    ///
    /// # Errors
    ///
    /// None so far.
    pub fn cancel(&self) -> Result<(), BienbanError> {
        if let Some(events) = self.events.upgrade() {
            events.remove(self.number);
        }
        Ok(())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(events) = self.events.upgrade() {
            events.remove(self.number);
        }
    }
}
