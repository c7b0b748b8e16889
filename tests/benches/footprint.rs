//! What stored inspections cost a phone and a hub: memory and disk for each, opening, listing, and
//! a sync that has nothing or little to do. A plain program that prints a table.
//! `BIENBAN_FOOTPRINT=10000,100000` says how many to store, `BIENBAN_FOOTPRINT_FOLDER` where.
#![allow(clippy::print_stdout, reason = "a report is what this program is for")]
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::checklist::TEA;
use bienban_core::clock::Stopwatch;
use bienban_core::model::Kind;
use bienban_core::replica::{Hub, ListQuery, Phone, Projection, Replica};
use bienban_core::store::{DiskStore, Options, Store};
use bienban_tests::fleet::{self, NOW, resident_bytes};

/// How many inspections, unless told otherwise.
const COUNTS: &str = "10000,100000";
const COUNTS_NAME: &str = "BIENBAN_FOOTPRINT";
/// Where the stores are made, unless under `target/tmp`.
const PLACE_NAME: &str = "BIENBAN_FOOTPRINT_FOLDER";
/// What a child process measures, and in which folder: memory is a process's own.
const CHILD: &str = "BIENBAN_FOOTPRINT_CHILD";
const CHILD_FOLDER: &str = "BIENBAN_FOOTPRINT_CHILD_FOLDER";

/// Answers of one inspection, of the tea checklist's 43: a visit that has begun.
const ANSWERS: usize = 3;
/// Inspections made before they are synced, so that one exchange takes the edits.
const MADE_AT_ONCE: u32 = 1_000;
const NEWEST: usize = 50;
/// What another phone has written when the phone with all inspections catches up.
const NEWS: u32 = 10;

fn open(folder: &Path) -> Arc<DiskStore> {
    Arc::new(DiskStore::open(folder, Arc::new(Projection), Options::at(NOW.0)).unwrap())
}

fn open_phone(root: &Path) -> Arc<Phone> {
    fleet::phone_over(open(&root.join("phone")), 1)
}

fn open_hub(root: &Path) -> Arc<Hub> {
    fleet::hub_over(open(&root.join("hub")))
}

fn main() {
    if let Some(what) = std::env::var_os(CHILD) {
        let root = PathBuf::from(std::env::var_os(CHILD_FOLDER).unwrap());
        return match what.to_str() {
            Some("phone") => measure_phone(&root),
            Some("hub") => measure_hub(&root),
            Some("damage") => measure_damage(&root),
            _ => measure_syncs(&root),
        };
    }
    let counts = std::env::var(COUNTS_NAME).unwrap_or_else(|_| COUNTS.to_owned());
    let place = std::env::var(PLACE_NAME).unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").into());
    for count in std::iter::once(0).chain(counts.split(',').map(|count| count.parse().unwrap())) {
        let root = tempfile::tempdir_in(&place).unwrap();
        let watch = Stopwatch::start();
        make(root.path(), count);
        println!("{count} inspections of {ANSWERS} answers, made in {:.0?}", watch.elapsed());
        for what in ["phone", "hub"] {
            let disk = |part| size(&root.path().join(what).join(part));
            let (journal, index) = (disk("journal"), disk("index"));
            let each = |bytes: u64| bytes / u64::from(count.max(1));
            println!("  {what}: journal {journal} B, {} B each", each(journal));
            println!("  {what}: index {index} B, {} B each", each(index));
            print!("{}", child(what, root.path()));
        }
        print!("{}", child("syncs", root.path()));
        print!("{}", child("damage", root.path()));
    }
}

fn child(what: &str, root: &Path) -> String {
    let mut program = Command::new(std::env::current_exe().unwrap());
    let told = program.env(CHILD, what).env(CHILD_FOLDER, root).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap()
}

/// A phone that made the inspections and a hub that has them, by ordinary syncs.
fn make(root: &Path, count: u32) {
    let (phone, hub) = (open_phone(root), open_hub(root));
    hub.publish(TEA.to_vec()).unwrap();
    (1..=2).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    fleet::exchange(&phone, &hub);
    let mut next = 0;
    while next < count {
        let until = count.min(next + MADE_AT_ONCE);
        let _ = fleet::fill_answers(&phone, TEA, next..until, ANSWERS);
        phone.replica().refresh(usize::MAX).unwrap();
        fleet::exchange(&phone, &hub);
        hub.merge_all(NOW).unwrap();
        next = until;
    }
    fleet::exchange(&phone, &hub);
    assert_eq!(phone.outbox().unwrap().len(), 0, "everything is on the hub");
    assert_eq!(hub.replica().totals().unwrap().documents, u64::from(count));
}

/// Opens, lists, and says what that took and left in memory.
fn measure_opening<T>(what: &str, open: impl FnOnce() -> T, inside: impl Fn(&T) -> &Replica) {
    let watch = Stopwatch::start();
    let opened = open();
    let replica = inside(&opened);
    replica.refresh(usize::MAX).unwrap();
    let opening = watch.elapsed();
    let watch = Stopwatch::start();
    let query = ListQuery { limit: NEWEST, ..ListQuery::default() };
    replica.list(Kind::Inspection, &query).unwrap();
    let first = watch.elapsed();
    let resident = resident_bytes().unwrap_or(0);
    let watch = Stopwatch::start();
    replica.list(Kind::Inspection, &query).unwrap();
    let again = watch.elapsed();
    println!(
        "  {what}: opened in {opening:.1?}; newest {NEWEST} in {first:.1?}, again {again:.1?}"
    );
    let listed = per_document(resident, replica);
    read_all(replica);
    let all = per_document(resident_bytes().unwrap_or(0), replica);
    println!("  {what}: resident when opened and listed {listed}; every summary read {all}");
    println!("  {what}: documents loaded {}", replica.documents_loaded());
    let state = replica.store().opened();
    println!("  {what}: rebuilt {:?}, replayed {}", state.rebuilt, state.replayed);
}

fn per_document(bytes: u64, replica: &Replica) -> String {
    let documents = replica.totals().unwrap().documents;
    format!("{bytes} B, {} B each", bytes / documents.max(1))
}

fn read_all(replica: &Replica) {
    let mut query = ListQuery { limit: 500, ..ListQuery::default() };
    loop {
        let page = replica.list(Kind::Inspection, &query).unwrap();
        let Some(last) = page.last() else { return };
        query.after = Some((last.updated_at.0, last.document));
    }
}

fn measure_phone(root: &Path) {
    let bytes_read = Stopwatch::start();
    hash_all(&root.join("phone"));
    println!("  phone: hashing all files takes {:.1?}", bytes_read.elapsed());
    measure_opening("phone", || open_phone(root), |phone| phone.replica());
}

fn measure_hub(root: &Path) {
    measure_opening("hub", || open_hub(root), |hub| hub.replica());
}

/// What opening a cleanly closed store does besides sled's own work.
fn hash_all(folder: &Path) {
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            hash_all(&path);
        } else {
            let mut hasher = blake3::Hasher::new();
            hasher.update_reader(std::fs::File::open(path).unwrap()).unwrap();
        }
    }
}

/// Both sides in one process, no network.
fn measure_syncs(root: &Path) {
    let (phone, hub) = (open_phone(root), open_hub(root));
    said("sync with nothing new", &phone, &hub);
    let writer = fleet::phone(2);
    let count = u32::try_from(hub.replica().totals().unwrap().documents).unwrap();
    let _ = fleet::fill_answers(&writer, TEA, count..count + NEWS, ANSWERS);
    hub.accept(writer.device(), &writer.release(NOW).unwrap(), NOW).unwrap();
    let watch = Stopwatch::start();
    hub.merge_all(NOW).unwrap();
    println!("  hub: merging {NEWS} new inspections takes {:.1?}", watch.elapsed());
    said("catching up with 10 inspections", &phone, &hub);
}

/// What an open costs that cannot rely on the note of a clean close.
fn measure_damage(root: &Path) {
    let folder = root.join("phone");
    let timed = || {
        let watch = Stopwatch::start();
        let store = open(&folder);
        (watch.elapsed(), store.opened())
    };
    std::fs::remove_file(folder.join("closed")).unwrap();
    let (took, opened) = timed();
    let resident = resident_bytes().unwrap_or(0);
    println!("  phone: opened after a crash in {took:.1?}, replayed {}", opened.replayed);
    println!("  phone: resident after that {resident} B");
    std::fs::remove_dir_all(folder.join("index")).unwrap();
    let (took, opened) = timed();
    println!("  phone: opened without its index in {took:.1?}, replayed {}", opened.replayed);
}

fn said(what: &str, phone: &Arc<Phone>, hub: &Arc<Hub>) {
    let loaded = |replica: &Replica| replica.documents_loaded();
    let before = (loaded(phone.replica()), loaded(hub.replica()));
    let watch = Stopwatch::start();
    let (outcome, _) = fleet::exchange(phone, hub);
    let took: Duration = watch.elapsed();
    let meter = outcome.meter;
    let (here, there) = (loaded(phone.replica()) - before.0, loaded(hub.replica()) - before.1);
    println!(
        "  {what}: {took:.1?}, {} B up, {} B down, {} round trip, loaded {here} here, {there} there",
        meter.bytes_out, meter.bytes_in, meter.round_trips
    );
}

fn size(folder: &Path) -> u64 {
    let Ok(items) = std::fs::read_dir(folder) else { return 0 };
    items
        .map(|item| {
            let item = item.unwrap();
            let about = item.metadata().unwrap();
            if about.is_dir() { size(&item.path()) } else { about.len() }
        })
        .sum()
}
