//! What stored inspections cost a phone and a hub: memory and disk for each, opening, listing, and
//! a sync that has nothing or little to do. A plain program that prints a table.
//! `BIENBAN_FOOTPRINT=10000,100000` says how many to store, `BIENBAN_FOOTPRINT_FOLDER` where.
#![allow(clippy::print_stdout, reason = "a report is what this program is for")]
#![allow(clippy::unwrap_used, reason = "a broken bench must stop")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bienban_core::checklist::TEA;
use bienban_core::clock::Stopwatch;
use bienban_core::replica::{Hub, Phone, Replica};
use bienban_core::store::Store;
use bienban_tests::fleet::{self, NOW, resident_bytes};
use bienban_tests::gauge::size;
use bienban_tests::stock::{self, ANSWERS, NEWEST, child, open, open_hub, open_phone};

/// How many inspections, unless told otherwise.
const COUNTS: &str = "10000,100000";
const COUNTS_NAME: &str = "BIENBAN_FOOTPRINT";
/// Where the stores are made, unless under `target/tmp`.
const PLACE_NAME: &str = "BIENBAN_FOOTPRINT_FOLDER";
/// What another phone has written when the phone with all inspections catches up.
const NEWS: u32 = 10;

fn main() {
    if let Some((what, root)) = stock::asked() {
        return match &*what {
            "phone" => measure_phone(&root),
            "hub" => measure_hub(&root),
            "damage" => measure_damage(&root),
            _ => measure_syncs(&root),
        };
    }
    let counts = std::env::var(COUNTS_NAME).unwrap_or_else(|_| COUNTS.to_owned());
    let place = std::env::var(PLACE_NAME).unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").into());
    for count in std::iter::once(0).chain(counts.split(',').map(|count| count.parse().unwrap())) {
        let root = tempfile::tempdir_in(&place).unwrap();
        let watch = Stopwatch::start();
        stock::make(root.path(), count, 2);
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

/// Opens, lists, and says what that took and left in memory.
fn measure_opening<T>(what: &str, open: impl FnOnce() -> T, inside: impl Fn(&T) -> &Replica) {
    let seen = stock::opening(open, inside);
    let (opening, first, again) = (seen.opened, seen.listed, seen.again);
    println!(
        "  {what}: opened in {opening:.1?}; newest {NEWEST} in {first:.1?}, again {again:.1?}"
    );
    let each = |bytes: u64| format!("{bytes} B, {} B each", bytes / seen.documents.max(1));
    let (listed, all) = (each(seen.resident), each(seen.resident_read));
    println!("  {what}: resident when opened and listed {listed}; every summary read {all}");
    println!("  {what}: documents loaded {}", seen.loaded);
    println!("  {what}: rebuilt {:?}, replayed {}", seen.state.rebuilt, seen.state.replayed);
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
