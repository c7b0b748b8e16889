//! Nothing of ours stays in memory for a stored document, on phone and hub. sled's page table does
//! grow; the bench `footprint` reports it. Here the store is held apart: it is in memory and warm
//! before the measuring, so what grows belongs to the layers above it. `page_table.rs` looks at the
//! store itself.

use std::process::Command;
use std::sync::Arc;

use bienban_core::model::{DocumentId, Kind};
use bienban_core::replica::{Hub, ListQuery, Phone, Projection, Replica};
use bienban_core::store::MemoryStore;
use bienban_tests::fleet::{self, NOW, SHORT, resident_bytes};

const DOCUMENTS: u32 = 10_000;
/// On the hub: each has to be merged first.
const MERGED: u32 = 5_000;

/// Replicas opened over one store: what each keeps is counted as often, the allocator's moods are
/// not.
const REPLICAS: u64 = 8;

/// Less than the name of a document takes, so that a map of them is noticed.
const BYTES_EACH_MAX: u64 = 16;

/// Rows of one page of a list.
const PAGE: usize = 200;

/// Set in the process that measures: other tests of this binary must not share its memory.
const ALONE: &str = "BIENBAN_REACH_ALONE";

/// Runs a test of this file in a process of its own and returns what it printed; `None` inside that
/// process.
fn alone(name: &str) -> Option<String> {
    if std::env::var_os(ALONE).is_some() {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("memory::{name}"), "--exact", "--nocapture"]);
    let told = command.env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success(), "{said}{}", String::from_utf8_lossy(&told.stderr));
    Some(said)
}

/// Opens replicas over a warm store and lets each do all it does; fails when they keep a document.
fn keeps_nothing<T>(documents: u32, mut open: impl FnMut() -> T) {
    drop(open());
    let Some(before) = resident_bytes() else { return };
    let replicas: Vec<T> = (0..REPLICAS).map(|_| open()).collect();
    let Some(after) = resident_bytes() else { return };
    drop(replicas);
    let grown = after.saturating_sub(before);
    println!("{grown} bytes for {REPLICAS} times {documents} documents");
    assert!(grown < BYTES_EACH_MAX * REPLICAS * u64::from(documents), "{grown} bytes");
}

#[test]
fn a_phone_keeps_nothing_in_memory_for_each_document() {
    let name = "a_phone_keeps_nothing_in_memory_for_each_document";
    if let Some(said) = alone(name) {
        print!("{said}");
        return;
    }
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let filling = fleet::phone_over(store.clone(), 1);
    let _ = fleet::fill(&filling, SHORT, 0..DOCUMENTS);
    assert_eq!(filling.replica().refresh(usize::MAX).unwrap(), DOCUMENTS as usize);
    keeps_nothing(DOCUMENTS, || {
        let phone = fleet::phone_over(store.clone(), 1);
        touch_phone(&phone);
        phone
    });
}

#[test]
fn a_hub_keeps_nothing_in_memory_for_each_document() {
    let name = "a_hub_keeps_nothing_in_memory_for_each_document";
    if let Some(said) = alone(name) {
        print!("{said}");
        return;
    }
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let phone = fleet::phone(1);
    let filling = fill_both(&phone, &store, 0..MERGED);
    drop((filling, phone));
    keeps_nothing(MERGED, || {
        let hub = fleet::hub_over(store.clone());
        touch_hub(&hub);
        hub
    });
}

/// Makes inspections on a phone and brings them to a hub over a store.
fn fill_both(
    phone: &Arc<Phone>,
    store: &Arc<MemoryStore>,
    numbers: std::ops::Range<u32>,
) -> Arc<Hub> {
    let hub = fleet::hub_over(store.clone());
    hub.publish(SHORT.to_vec()).unwrap();
    (1..=2).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    let until = numbers.end;
    let _ = fleet::fill(phone, SHORT, numbers);
    while hub.replica().totals().unwrap().documents < u64::from(until) {
        fleet::exchange(phone, &hub);
        hub.merge_all(NOW).unwrap();
    }
    hub
}

/// Reads everything that lists read; returns how many are listed.
fn list_all(replica: &Replica, mut each: impl FnMut(DocumentId)) -> usize {
    let mut query = ListQuery { limit: PAGE, ..ListQuery::default() };
    let mut listed = 0;
    loop {
        let page = replica.list(Kind::Inspection, &query).unwrap();
        let Some(last) = page.last() else { return listed };
        query.after = Some((last.updated_at.0, last.document));
        listed += page.len();
        page.iter().for_each(|summary| each(summary.document));
    }
}

/// Reads everything that a phone's lists, searches and syncs read.
fn touch_phone(phone: &Phone) {
    let listed = list_all(phone.replica(), |document| {
        assert!(phone.replica().genesis(document).is_ok());
        phone.arrival(document).unwrap();
    });
    assert_eq!(listed, DOCUMENTS as usize);
    phone.fingerprint().unwrap();
}

/// Reads everything that a hub's lists and syncs read.
fn touch_hub(hub: &Hub) {
    assert_eq!(list_all(hub.replica(), |_| ()), MERGED as usize);
    let reader = fleet::entry(2);
    let mut after = 0;
    loop {
        let page = hub.feed(&reader, after).unwrap();
        after = page.position.number;
        if !page.more {
            break;
        }
    }
    let mut next = None;
    loop {
        next = hub.snapshots(&reader, next).unwrap().next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(hub.status().unwrap().documents, u64::from(MERGED));
}
