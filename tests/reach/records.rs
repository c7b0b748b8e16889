//! A journal record that brought many documents is read once for a page of them, not once for each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bienban_core::replica::{Fact, Hub, Projection};
use bienban_core::store::{MemoryStore, Position, Read, Record, Store, StoreError};
use bienban_core::sync::FeedItem;
use bienban_tests::fleet::{self, NOW, SHORT};

const DOCUMENTS: u32 = 1_000;
/// Packs that the hub takes in with one record.
const PACKS_OF_A_RECORD: usize = 250;

/// A store that counts how often a journal record was read, and so decoded.
struct Counting {
    store: MemoryStore,
    read: AtomicU64,
}

impl Counting {
    fn new() -> Arc<Self> {
        let store = MemoryStore::new(Arc::new(Projection));
        Arc::new(Self { store, read: AtomicU64::new(0) })
    }

    /// How many records `work` reads.
    fn reads<T>(&self, work: impl FnOnce() -> T) -> (u64, T) {
        let before = self.read.load(Ordering::Relaxed);
        let done = work();
        (self.read.load(Ordering::Relaxed) - before, done)
    }
}

impl Read for Counting {
    crate::store::pass_on!(store; get scan);
}

impl Store for Counting {
    fn record(&self, at: Position) -> Result<Option<Record>, StoreError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        self.store.record(at)
    }

    crate::store::pass_on!(store; submit derive position read verify reopen opened);
}

/// The packs of as many documents.
fn packs() -> Vec<Vec<u8>> {
    let writer = fleet::phone(1);
    let _ = fleet::fill(&writer, SHORT, 0..DOCUMENTS);
    let packs = writer.release(NOW).unwrap();
    assert_eq!(packs.len(), DOCUMENTS as usize);
    packs
}

/// A hub that took the packs in with few records and merged them; how many records those were.
fn hub_of_few_records(store: &Arc<Counting>) -> (Arc<Hub>, u64) {
    let hub = fleet::hub_over(store.clone());
    hub.publish(SHORT.to_vec()).unwrap();
    hub.trust(fleet::entry(1)).unwrap();
    hub.trust(fleet::entry(2)).unwrap();
    let packs = packs();
    let mut records = 0;
    for some in packs.chunks(PACKS_OF_A_RECORD) {
        let accepted = hub.accept(fleet::entry(1).device, some, NOW).unwrap();
        assert!(accepted.receipt.is_some());
        records += 1;
    }
    assert_eq!(hub.merge_all(NOW).unwrap(), DOCUMENTS as usize);
    (hub, records)
}

#[test]
fn a_page_for_an_empty_phone_reads_each_record_once() {
    let store = Counting::new();
    let (hub, records) = hub_of_few_records(&store);
    let (reader, mut after, mut items) = (fleet::entry(2).into(), None, 0);
    loop {
        let (read, page) = store.reads(|| hub.snapshots(&reader, after).unwrap());
        assert!(read <= records, "{read} reads of {records} records for {}", page.items.len());
        items += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(items, DOCUMENTS as usize);
}

#[test]
fn a_page_of_the_feed_reads_each_record_once() {
    let store = Counting::new();
    let (hub, records) = hub_of_few_records(&store);
    let (reader, mut after, mut packs) = (fleet::entry(2).into(), 0, 0);
    loop {
        let (read, page) = store.reads(|| hub.feed(&reader, after).unwrap());
        assert!(read <= records, "{read} reads of {records} records for {}", page.items.len());
        packs += page.items.iter().filter(|item| matches!(item, FeedItem::Pack(_))).count();
        after = page.position.number;
        if !page.more {
            break;
        }
    }
    assert_eq!(packs, DOCUMENTS as usize);
}

#[test]
fn renewing_the_summaries_of_what_came_together_reads_its_record_once() {
    let store = Counting::new();
    let phone = fleet::phone_over(store.clone(), 2);
    let mut items = vec![FeedItem::Object { bytes: SHORT.to_vec() }];
    items.extend(packs().into_iter().map(FeedItem::Pack));
    let fact = Fact::Received { items, position: None, at: NOW };
    store.commit(vec![fact.record().unwrap()]).unwrap();
    let (read, renewed) = store.reads(|| phone.replica().refresh(usize::MAX).unwrap());
    assert_eq!((read, renewed), (1, DOCUMENTS as usize));
}
