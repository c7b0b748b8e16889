//! An open store on disk keeps no more in memory for a stored document than bare sled does over the
//! same index: what grows is sled's page table and cache alone.
//!
//! Each figure is taken in a process of its own. The difference between a larger and a smaller store
//! cancels what any process needs; the difference to bare sled, what sled needs. A third process
//! keeps a set of names on purpose and must be noticed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bienban_core::replica::{Projection, Replica};
use bienban_core::store::{DiskStore, MemoryStore, Options, Position, Read, Store};
use bienban_tests::fleet::{self, NOW, SHORT};

const FEW: u32 = 1_000;
const MANY: u32 = 5_000;

/// Stores opened in one process: what each keeps is counted as often, the allocator's moods are
/// not.
const COPIES: u32 = 4;

/// Less than the name of a document and its place in a set take, and more than what sled and the
/// allocator vary.
const BYTES_EACH_MAX: i64 = 48;

/// As small as sled takes it: what it keeps cached is not the question here.
const CACHE_BYTES: u64 = 256 << 10;

/// Rows read at once.
const PAGE: usize = 256;

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
    if private_bytes().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    for side in ["phone", "hub"] {
        let [ours, bare, control] = ["ours", "bare", "control"].map(|what| {
            let grown = told(what, &folder.path().join(format!("{side}-{MANY}")))
                - told(what, &folder.path().join(format!("{side}-{FEW}")));
            grown / i64::from(COPIES * (MANY - FEW))
        });
        println!("{side}: {ours} B for each document, bare sled {bare} B, control {control} B");
        assert!(ours - bare < BYTES_EACH_MAX, "{side}: {ours} B each, sled {bare} B");
        assert!(control - bare > BYTES_EACH_MAX, "{side}: a set of names goes unnoticed");
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

/// Writes the same journal to disk, as often as it will be opened, and a copy of the index for bare
/// sled.
fn write_out(from: &MemoryStore, root: &Path) {
    for copy in 0..COPIES {
        let folder = root.join(copy.to_string());
        let to = Arc::new(open(&folder));
        let mut records = Vec::new();
        for at in 1..=from.position().0 {
            records.extend(from.record(Position(at)).unwrap());
            if records.len() == PAGE {
                to.commit(std::mem::take(&mut records)).unwrap();
            }
        }
        to.commit(records).unwrap();
        Replica::new(to.clone()).refresh(usize::MAX).unwrap();
        drop(to);
        let bare = root.join(format!("{copy}-bare"));
        std::fs::create_dir(&bare).unwrap();
        for item in std::fs::read_dir(folder.join("index")).unwrap() {
            let path = item.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, bare.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}

fn open(folder: &Path) -> DiskStore {
    let options = Options { cache_bytes: CACHE_BYTES, ..Options::at(NOW.0) };
    DiskStore::open(folder, Arc::new(Projection), options).unwrap()
}

/// Runs a process that measures and returns what it says.
fn told(what: &str, folder: &Path) -> i64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([NAME, "--exact", "--nocapture"]).env(WHAT, what).env(FOLDER, folder);
    let told = command.output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{said}{}", String::from_utf8_lossy(&told.stderr));
    let figure = said.lines().find_map(|line| line.split("private bytes ").nth(1)).unwrap();
    figure.trim().parse().unwrap()
}

fn measure(what: &str, folder: &Path) {
    let mut kept = Vec::new();
    let mut names = BTreeSet::new();
    let mut stores = Vec::new();
    for copy in 0..COPIES {
        if what == "bare" {
            let config = sled::Config::new()
                .path(folder.join(format!("{copy}-bare")))
                .cache_capacity(CACHE_BYTES)
                .mode(sled::Mode::LowSpace);
            let db = config.open().unwrap();
            read_bare(&db);
            kept.push(db);
            continue;
        }
        let store = open(&folder.join(copy.to_string()));
        assert_eq!((store.opened().rebuilt, store.opened().replayed), (None, 0));
        let rows = read_ours(&store);
        if what == "control" {
            names.extend(rows.iter().map(|name| (copy, *name)));
        }
        stores.push(store);
    }
    println!("private bytes {}", private_bytes().unwrap());
    drop((kept, names, stores));
}

/// Reads all rows and all records, a page at a time; returns the names of documents.
fn read_ours(store: &DiskStore) -> Vec<[u8; 32]> {
    for at in 1..=store.position().0 {
        assert!(store.record(Position(at)).unwrap().is_some());
    }
    let (mut names, mut after): (_, Option<Vec<u8>>) = (Vec::new(), None);
    loop {
        let page = store.scan(&[], after.as_deref(), PAGE).unwrap();
        let Some((last, _)) = page.last() else { break };
        names.extend(page.iter().filter_map(|(key, _)| <[u8; 32]>::try_from(key.get(1..)?).ok()));
        after = Some(last.clone());
    }
    names
}

/// The same of sled itself.
fn read_bare(db: &sled::Db) {
    let mut after: Option<sled::IVec> = None;
    loop {
        let from = after.as_ref().map_or(Vec::new(), |key| [key.as_ref(), &[0]].concat());
        let page: Vec<_> = db.range(from..).take(PAGE).map(Result::unwrap).collect();
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
    }
}

/// Memory of this process that is no file's, where the system says so.
fn private_bytes() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("RssAnon:"))?;
    let kibibytes: i64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
