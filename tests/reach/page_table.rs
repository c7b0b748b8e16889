//! An open store on disk keeps no more in memory for a stored document than bare sled does over the
//! same index: what grows is sled's page table, and its cache.
//!
//! What opening keeps is compared with bare sled's opening, each in a process of its own; the
//! difference between a larger and a smaller store cancels what any process needs. What reading
//! keeps is looked at over an index in memory, because sled's cache comes and goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bienban_core::replica::{Projection, Replica};
use bienban_core::store::{DiskStore, MemoryStore, Options, Position, Read, Store};
use bienban_tests::fleet::{self, NOW, SHORT};

use crate::heap;

const FEW: u32 = 1_000;
const MANY: u32 = 8_000;

/// Less than a map takes from a document's name to anything about it. sled's own buffers, which come
/// and go, are up to 20 bytes for each of so many documents.
const BYTES_EACH_MAX: i64 = 48;

/// Rows that sled keeps cached are not the question here.
const CACHE_BYTES: u64 = 1 << 20;

/// How often each is measured.
const OPENINGS: usize = 3;

/// Reads after opening: with them sled lets go of what only its recovery needed.
const SETTLING: usize = 10_000;

/// As the store tells sled to flush: its buffers are then the same.
const FLUSH_MS: u64 = 2_000;

/// Rows read at once.
const PAGE: usize = 256;

type Names = BTreeMap<[u8; 32], [u8; 32]>;

/// Set in a process that measures: what, and the folder.
const WHAT: &str = "BIENBAN_PAGE_TABLE";
const FOLDER: &str = "BIENBAN_PAGE_TABLE_FOLDER";
const NAME: &str = "page_table::an_open_store_keeps_no_more_for_a_document_than_sled_does";

#[test]
fn an_open_store_keeps_no_more_for_a_document_than_sled_does() {
    if let Some(what) = std::env::var_os(WHAT) {
        let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
        return measure(what.to_str().unwrap(), &folder);
    }
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    for side in ["phone", "hub"] {
        let [ours, bare, control] = ["ours", "bare", "control"].map(|what| {
            let grown = least(what, &folder.path().join(format!("{side}-{MANY}")))
                - least(what, &folder.path().join(format!("{side}-{FEW}")));
            grown / i64::from(MANY - FEW)
        });
        let rows = told("rows", &folder.path().join(format!("{side}-{MANY}"))) / i64::from(MANY);
        println!("{side}: opened {ours} B for each document, bare sled {bare} B, with a map of");
        println!("{side}: names {control} B; reading all rows and records adds {rows} B");
        assert!(ours - bare < BYTES_EACH_MAX, "{side}: {ours} B each, sled {bare} B");
        assert!(control - ours > BYTES_EACH_MAX, "{side}: a map of names goes unnoticed");
        assert!(rows < BYTES_EACH_MAX, "{side}: reading adds {rows} B each");
    }
}

/// A phone's and a hub's store, each with few documents and with many.
fn make(root: &Path) {
    let phone_store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let phone = fleet::phone_over(phone_store.clone(), 1);
    let hub_store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let hub = fleet::hub_over(hub_store.clone());
    hub.publish(SHORT.to_vec()).unwrap();
    hub.trust(fleet::entry(1)).unwrap();
    let mut made = 0;
    for count in [FEW, MANY] {
        while made < count {
            let _ = fleet::fill(&phone, SHORT, made..made + FEW);
            made += FEW;
            fleet::exchange(&phone, &hub);
            hub.merge_all(NOW).unwrap();
        }
        assert_eq!(hub.replica().totals().unwrap().documents, u64::from(count));
        for (side, store) in [("phone", &phone_store), ("hub", &hub_store)] {
            write_out(store, &root.join(format!("{side}-{count}")));
        }
    }
}

/// Writes the same journal to disk.
fn write_out(from: &MemoryStore, root: &Path) {
    let to = Arc::new(open(&root.join("store")));
    let mut records = Vec::new();
    for at in 1..=from.position().0 {
        records.extend(from.record(Position(at)).unwrap());
        if records.len() == PAGE {
            to.commit(std::mem::take(&mut records)).unwrap();
        }
    }
    to.commit(records).unwrap();
    Replica::new(to.clone()).refresh(usize::MAX).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &name);
        } else {
            std::fs::copy(&path, name).unwrap();
        }
    }
}

fn open(folder: &Path) -> DiskStore {
    let options = Options { cache_bytes: CACHE_BYTES, ..Options::at(NOW.0) };
    DiskStore::open(folder, Arc::new(Projection), options).unwrap()
}

/// Returns the least of several measurements: sled's threads allocate and free buffers of a quarter
/// of a megabyte beside us.
fn least(what: &str, folder: &Path) -> i64 {
    (0..OPENINGS).map(|_| told(what, folder)).min().unwrap()
}

/// Runs a process that measures and returns what it says. Each opens a copy of its own: sled writes
/// whenever it is opened, and holds more or less after it.
fn told(what: &str, folder: &Path) -> i64 {
    let opened = folder.join(what);
    if opened.exists() {
        std::fs::remove_dir_all(&opened).unwrap();
    }
    copy(&folder.join("store"), &opened);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([NAME, "--exact", "--nocapture"]).env(WHAT, what).env(FOLDER, folder);
    let told = command.output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{what}: {said}{}", String::from_utf8_lossy(&told.stderr));
    let figure = said.lines().find_map(|line| line.split("bytes held ").nth(1)).unwrap();
    figure.trim().parse().unwrap()
}

#[allow(clippy::print_stdout, reason = "this is how the figure reaches the test")]
fn measure(what: &str, folder: &Path) {
    let held = match what {
        "bare" => {
            let config = sled::Config::new().path(folder.join("bare").join("index"));
            let config = config.cache_capacity(CACHE_BYTES).flush_every_ms(Some(FLUSH_MS));
            let config = config.mode(sled::Mode::LowSpace);
            let db = config.open().unwrap();
            (0..SETTLING).for_each(|_| assert!(db.get(b"nothing").unwrap().is_none()));
            heap::held()
        }
        "rows" => {
            let options = Options { index_in_memory: true, ..Options::at(NOW.0) };
            let store = DiskStore::open(folder.join(what), Arc::new(Projection), options).unwrap();
            let before = heap::held();
            read(&store);
            heap::held() - before
        }
        "ours" | "control" => {
            let store = open(&folder.join(what));
            assert_eq!((store.opened().rebuilt, store.opened().replayed), (None, 0));
            (0..SETTLING).for_each(|_| assert!(store.get(b"nothing").unwrap().is_none()));
            let names = if what == "control" { names(folder) } else { Names::new() };
            let held = heap::held();
            drop(names);
            held
        }
        _ => unreachable!("only this file starts these processes"),
    };
    println!("bytes held {held}");
}

/// Reads all rows and all records, a page at a time.
fn read(store: &DiskStore) {
    for at in 1..=store.position().0 {
        assert!(store.record(Position(at)).unwrap().is_some());
    }
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = store.scan(&[], after.as_deref(), PAGE).unwrap();
        let Some((last, _)) = page.last() else { return };
        after = Some(last.clone());
    }
}

/// As many names as there are documents, each with as much about it.
fn names(folder: &Path) -> Names {
    let many = folder.ends_with(format!("phone-{MANY}")) || folder.ends_with(format!("hub-{MANY}"));
    let names = 0..if many { MANY } else { FEW };
    names.map(|number| (*blake3::hash(&number.to_le_bytes()).as_bytes(), [0; 32])).collect()
}
