//! Nothing of ours stays in memory for a stored document, on phone and hub. sled's page table does
//! grow; the bench `footprint` reports it. Here the store is held apart: it is in memory and warm
//! before the measuring, so what grows belongs to the layers above it. `page_table.rs` looks at the
//! store itself.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use bienban_core::model::{DocumentId, Kind};
use bienban_core::replica::{Hub, ListQuery, Phone, Projection, Replica};
use bienban_core::store::MemoryStore;
use bienban_tests::fleet::{self, NOW, SHORT};

use crate::heap;

const DOCUMENTS: u32 = 10_000;
/// On the hub: each has to be merged first.
const MERGED: u32 = 5_000;

/// Less than the name of a document takes, so that a set of them is noticed.
const BYTES_EACH_MAX: i64 = 16;

/// Rows of one page of a list.
const PAGE: usize = 200;

/// Set in the process that measures: other tests of this binary must not share its memory.
const ALONE: &str = "BIENBAN_REACH_ALONE";

type Names = BTreeSet<DocumentId>;

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

/// Opens a replica over a warm store and lets it do all it does; fails when it keeps something of
/// each document. A set of their names must be noticed in the same way.
#[allow(clippy::print_stdout, reason = "the figures of a test are worth seeing")]
fn keeps_nothing<T>(documents: u32, open: impl FnOnce() -> T, names: impl FnOnce() -> Names) {
    let each = |bytes: i64| bytes / i64::from(documents);
    let before = heap::held();
    let replica = open();
    let kept = each(heap::held() - before);
    drop(replica);
    let before = heap::held();
    let names = names();
    let noticed = each(heap::held() - before);
    assert_eq!(names.len(), documents as usize);
    println!("{kept} bytes for each document; a set of names takes {noticed}");
    assert!(kept < BYTES_EACH_MAX, "{kept} bytes for each document");
    assert!(noticed > BYTES_EACH_MAX, "a set of names goes unnoticed");
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
    let open = || {
        let phone = fleet::phone_over(store.clone(), 1);
        touch_phone(&phone);
        phone
    };
    keeps_nothing(DOCUMENTS, open, || names(filling.replica()));
}

#[test]
fn a_hub_keeps_nothing_in_memory_for_each_document() {
    let name = "a_hub_keeps_nothing_in_memory_for_each_document";
    if let Some(said) = alone(name) {
        print!("{said}");
        return;
    }
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let filling = fleet::hub_over(store.clone());
    filling.publish(SHORT.to_vec()).unwrap();
    (1..=2).for_each(|number| filling.trust(fleet::entry(number)).unwrap());
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, SHORT, 0..MERGED);
    while filling.replica().totals().unwrap().documents < u64::from(MERGED) {
        fleet::exchange(&phone, &filling);
        filling.merge_all(NOW).unwrap();
    }
    drop(phone);
    let open = || {
        let hub = fleet::hub_over(store.clone());
        touch_hub(&hub);
        hub
    };
    keeps_nothing(MERGED, open, || names(filling.replica()));
}

fn names(replica: &Replica) -> Names {
    let mut names = Names::new();
    list_all(replica, |document| {
        names.insert(document);
    });
    names
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
    let reader = fleet::entry(2).into();
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
