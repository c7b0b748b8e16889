//! Stores on disk in which many inspections are, made by ordinary exchanges, and what opening them costs a process
//! that does nothing else: what benches of stored inspections share.
#![allow(clippy::unwrap_used, reason = "a harness stops at the first surprise")]
#![allow(clippy::missing_panics_doc, reason = "every call here panics when a store fails")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::checklist::TEA;
use bienban_core::clock::Stopwatch;
use bienban_core::model::{Kind, Timestamp};
use bienban_core::replica::{Hub, ListQuery, Phone, Projection, Replica};
use bienban_core::store::{DiskStore, Opened, Options};

use crate::fleet::{self, NOW};

/// Answers of one inspection, of the tea checklist's 43: a visit that has begun.
pub const ANSWERS: usize = 3;

/// How many a list shows.
pub const NEWEST: usize = 50;

/// Inspections made before they are synced, so that one exchange takes the edits.
const MADE_AT_ONCE: u32 = 1_000;

/// Between two such exchanges by the clock: a hub takes so many new records a second of one device.
const MADE_EVERY_MS: i64 = 120_000;

/// What a child process measures, and in which folder: memory is a process's own.
const CHILD: &str = "BIENBAN_STOCK_CHILD";
const CHILD_FOLDER: &str = "BIENBAN_STOCK_FOLDER";

/// Opens a store of records.
#[must_use]
pub fn open(folder: &Path) -> Arc<DiskStore> {
    Arc::new(DiskStore::open(folder, Arc::new(Projection), Options::at(NOW.0)).unwrap())
}

/// Opens the phone below a folder.
#[must_use]
pub fn open_phone(root: &Path) -> Arc<Phone> {
    fleet::phone_over(open(&root.join("phone")), 1)
}

/// Opens the hub below a folder.
#[must_use]
pub fn open_hub(root: &Path) -> Arc<Hub> {
    fleet::hub_over(open(&root.join("hub")))
}

/// Makes a phone that made the inspections, and a hub that has them and knows the phones 1 to `phones`, by ordinary
/// exchanges; both are closed then.
pub fn make(root: &Path, count: u32, phones: u8) {
    let (phone, hub) = (open_phone(root), open_hub(root));
    hub.publish(TEA.to_vec()).unwrap();
    (1..=phones).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    fleet::exchange(&phone, &hub);
    let (mut next, mut now) = (0, NOW);
    while next < count {
        let until = count.min(next + MADE_AT_ONCE);
        let _ = fleet::fill_answers(&phone, TEA, next..until, ANSWERS);
        phone.replica().refresh(usize::MAX).unwrap();
        now = Timestamp(now.0 + MADE_EVERY_MS);
        fleet::exchange_heard(&phone, &hub, now, &mut |_, _| ());
        hub.merge_all(now).unwrap();
        next = until;
    }
    fleet::exchange_heard(&phone, &hub, now, &mut |_, _| ());
    assert_eq!(phone.outbox().unwrap().len(), 0, "everything is on the hub");
    assert_eq!(hub.replica().totals().unwrap().documents, u64::from(count));
}

/// What opening a store and listing took and left in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Opened, and summaries brought up to date.
    pub opened: Duration,
    /// The newest were listed, and once more.
    pub listed: Duration,
    /// See there.
    pub again: Duration,
    /// Documents that are stored.
    pub documents: u64,
    /// Bytes of memory after that, and after every summary was read.
    pub resident: u64,
    /// See there.
    pub resident_read: u64,
    /// Documents that were loaded for it.
    pub loaded: u64,
    /// What the store says of how it was opened.
    pub state: Opened,
}

/// Opens, lists, and tells what that took and left in memory.
pub fn opening<T>(open: impl FnOnce() -> T, inside: impl Fn(&T) -> &Replica) -> Opening {
    let watch = Stopwatch::start();
    let store = open();
    let replica = inside(&store);
    replica.refresh(usize::MAX).unwrap();
    let opened = watch.elapsed();
    let query = ListQuery { limit: NEWEST, ..ListQuery::default() };
    let list = || {
        let watch = Stopwatch::start();
        replica.list(Kind::Inspection, &query).unwrap();
        watch.elapsed()
    };
    let listed = list();
    let resident = fleet::resident_bytes().unwrap_or(0);
    let again = list();
    read_all(replica);
    Opening {
        opened,
        listed,
        again,
        documents: replica.totals().unwrap().documents,
        resident,
        resident_read: fleet::resident_bytes().unwrap_or(0),
        loaded: replica.documents_loaded(),
        state: replica.store().opened(),
    }
}

fn read_all(replica: &Replica) {
    let mut query = ListQuery { limit: 500, ..ListQuery::default() };
    loop {
        let page = replica.list(Kind::Inspection, &query).unwrap();
        let Some(last) = page.last() else { return };
        query.after = Some((last.updated_at.0, last.document));
    }
}

/// Runs this program again to measure something below a folder, and returns what it printed.
#[must_use]
pub fn child(what: &str, root: &Path) -> String {
    let mut program = Command::new(std::env::current_exe().unwrap());
    let told = program.env(CHILD, what).env(CHILD_FOLDER, root).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap()
}

/// Returns what this process was started for by [`child`], if it was.
#[must_use]
pub fn asked() -> Option<(String, PathBuf)> {
    let what = std::env::var(CHILD).ok()?;
    Some((what, PathBuf::from(std::env::var_os(CHILD_FOLDER)?)))
}
