//! Opening a store of ten thousand inspections and listing the newest loads no document.

use std::sync::Arc;

use bienban_core::model::Kind;
use bienban_core::replica::{ListQuery, Phone, Projection, Replica};
use bienban_core::store::{DiskStore, MemoryStore, Options, Store};
use bienban_tests::fleet::{self, NOW, SHORT};

const INSPECTIONS: u32 = 10_000;
const NEWEST: usize = 50;

fn on_disk(folder: &std::path::Path) -> Arc<DiskStore> {
    let options = Options::at(NOW.0);
    Arc::new(DiskStore::open(folder, Arc::new(Projection), options).unwrap())
}

fn filled(store: Arc<dyn Store>) -> Arc<Phone> {
    let phone = fleet::phone_over(store, 1);
    let _ = fleet::fill(&phone, SHORT, 0..INSPECTIONS);
    assert_eq!(phone.replica().refresh(usize::MAX).unwrap(), INSPECTIONS as usize);
    assert_eq!(phone.replica().documents_loaded(), u64::from(INSPECTIONS));
    phone
}

/// What an app does when it starts: bring summaries up to date, show the newest.
fn start(replica: &Replica) {
    assert_eq!(replica.refresh(usize::MAX).unwrap(), 0, "summaries renewed at start");
    let query = ListQuery { limit: NEWEST, ..ListQuery::default() };
    let newest = replica.list(Kind::Inspection, &query).unwrap();
    assert_eq!(newest.len(), NEWEST);
    assert!(newest.iter().all(|summary| summary.answered == 1 && summary.items == 4));
    assert_eq!(replica.totals().unwrap().documents, u64::from(INSPECTIONS));
    assert_eq!(replica.documents_loaded(), 0);
}

#[test]
fn listing_the_newest_of_ten_thousand_loads_no_document() {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    drop(filled(store.clone()));
    start(fleet::phone_over(store, 1).replica());
}

#[test]
fn opening_ten_thousand_on_disk_and_listing_loads_no_document() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(on_disk(folder.path())));
    let store = on_disk(folder.path());
    let opened = store.opened();
    assert_eq!((opened.rebuilt, opened.replayed), (None, 0), "a clean close leaves nothing to do");
    start(fleet::phone_over(store, 1).replica());
}
