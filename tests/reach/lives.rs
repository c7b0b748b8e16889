//! The hub's log over several lives of its store: a machine that is set back to a copy, once and again,
//! noticed or not, is reported and stops nobody; a hub that has two lives at once is found.

use std::sync::Arc;

use bienban_core::model::DocumentId;
use bienban_core::replica::{Hub, HubOptions, Phone, Projection, ReplicaError};
use bienban_core::store::{MemoryDisk, MemoryStore};
use bienban_core::trust::log::{DoubtReason, LogEntry};
use bienban_tests::fleet::{self, NOW};

use crate::rewritten::{Program, entries, hub_key, meet, sync};

/// Opens the hub on a disk; `epoch` is what it takes where it must take a new one.
fn hub_on(disk: &MemoryDisk, epoch: u8) -> Arc<Hub> {
    let store = MemoryStore::open(disk, Arc::new(Projection)).unwrap();
    let options = HubOptions { fresh_epoch: [epoch; 16], now: NOW };
    Arc::new(Hub::open(Arc::new(store), hub_key(), options).unwrap())
}

/// A hub that knows the phones 1 and 2, and its disk.
fn begun() -> (Arc<Hub>, MemoryDisk) {
    let disk = MemoryDisk::new();
    let hub = hub_on(&disk, 9);
    (1..=2).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    (hub, disk)
}

fn trust(hub: &Hub, numbers: std::ops::RangeInclusive<u8>) {
    numbers.for_each(|number| hub.trust(fleet::entry(number)).unwrap());
}

/// Lets the log grow, and nothing else: rights have a history of their own.
fn grow(hub: &Hub, leaves: u8) {
    let by = hub.device();
    let entry = |number| LogEntry::Exported { by, document: DocumentId([number; 32]) };
    (0..leaves).for_each(|number| hub.audit(vec![entry(number)], NOW).unwrap());
}

fn reasons(phone: &Phone) -> Vec<DoubtReason> {
    let doubts = phone.replica().doubts().unwrap();
    doubts.into_iter().map(|known| known.doubt.reason).collect()
}

/// A phone learns that the hub was set back, once, and goes on; and however often it comes, the hub begins
/// no further life for it.
fn expect_told(phone: &Arc<Phone>, hub: &Arc<Hub>) {
    sync(phone, hub, Program::Shipped).unwrap();
    assert_eq!(reasons(phone), [DoubtReason::Restored]);
    let life = hub.head().unwrap().epoch;
    phone.replica().acknowledge(NOW).unwrap();
    sync(phone, hub, Program::Shipped).unwrap();
    assert_eq!(reasons(phone), []);
    assert_eq!(hub.head().unwrap().epoch, life, "one new life is enough");
}

fn surpassed(hub: &Hub) -> usize {
    let named = |entry: &LogEntry| matches!(entry, LogEntry::Surpassed { head: Some(_), .. });
    entries(hub).iter().filter(|entry| named(entry)).count()
}

#[test]
fn a_hub_set_back_to_before_its_present_life_says_so_and_goes_on() {
    let (hub, disk) = begun();
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    sync(&one, &hub, Program::Shipped).unwrap();
    let earlier = disk.copy_unnoticed();
    let later = hub_on(&disk.copy(), 3);
    trust(&later, 3..=4);
    for phone in [&one, &two] {
        sync(phone, &later, Program::Shipped).unwrap();
        assert_eq!(reasons(phone), [], "that life holds all that was shown before");
    }
    let back = hub_on(&earlier, 4);
    assert_eq!(back.head().unwrap().epoch, [9; 16], "nothing shows it");
    expect_told(&one, &back);
    let life = back.head().unwrap().epoch;
    assert!(![[9; 16], [3; 16]].contains(&life));
    expect_told(&two, &back);
    assert_eq!((back.head().unwrap().epoch, surpassed(&back)), (life, 1));
}

#[test]
fn a_tail_that_was_lost_unnoticed_before_a_noticed_move_stops_nobody() {
    let (hub, disk) = begun();
    let earlier = disk.copy_unnoticed();
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    grow(&hub, 2);
    sync(&one, &hub, Program::Shipped).unwrap();
    grow(&hub, 1);
    sync(&two, &hub, Program::Shipped).unwrap();
    let back = hub_on(&earlier, 4);
    back.audit(vec![LogEntry::Recorded { kind: 0 }], NOW).unwrap();
    grow(&back, 4);
    let moved = hub_on(&earlier.copy(), 5);
    assert_eq!(moved.head().unwrap().epoch, [5; 16]);
    expect_told(&one, &moved);
    // What the first has brought about covers the second.
    let life = moved.head().unwrap().epoch;
    expect_told(&two, &moved);
    assert_eq!((moved.head().unwrap().epoch, surpassed(&moved)), (life, 1));
}

/// A hub's two lives at once: the first, and one that a copy of it began. Each has a phone of its own.
fn two_lives() -> [(Arc<Hub>, Arc<Phone>); 2] {
    let (first, disk) = begun();
    let second = hub_on(&disk.copy(), 3);
    trust(&first, 5..=5);
    trust(&second, 6..=7);
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    sync(&one, &first, Program::Lying).unwrap();
    sync(&two, &second, Program::Lying).unwrap();
    assert_eq!(meet(&one, &two), [false, false], "heads of two lives cannot be compared");
    [(first, one), (second, two)]
}

#[test]
fn a_hub_with_two_lives_at_once_is_found_by_a_phone_that_heard_of_the_other() {
    let [(first, one), (second, two)] = two_lives();
    let told = sync(&one, &first, Program::Lying);
    assert!(matches!(told, Err(ReplicaError::LogForked { .. })), "{told:?}");
    assert_eq!(reasons(&one), [DoubtReason::Unaccounted]);
    // The second life says in its log that it does not hold all of the first: that is what an honest hub
    // says that was set back.
    sync(&two, &second, Program::Lying).unwrap();
    assert_eq!(reasons(&two), [DoubtReason::Restored]);
}

#[test]
fn the_shipped_hub_names_the_other_life_and_everybody_is_told() {
    let [(first, one), (_, two)] = two_lives();
    expect_told(&one, &first);
    assert_eq!(surpassed(&first), 1);
    expect_told(&two, &first);
}
