//! The hub's log over several lives of its store: a machine that is set back to a copy, once and again,
//! noticed or not, is reported and stops nobody; a hub that has two lives at once is found.

use std::sync::Arc;

use bienban_core::model::DocumentId;
use bienban_core::replica::{Fact, Hub, HubOptions, Phone, Projection, ReplicaError};
use bienban_core::store::{MemoryDisk, MemoryStore};
use bienban_core::trust::log::{DoubtReason, LogEntry, TreeHead};
use bienban_core::trust::merkle::TreeHash;
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

#[test]
fn heads_of_one_size_in_a_life_that_is_over_stop_nobody() {
    let (hub, disk) = begun();
    let earlier = disk.copy_unnoticed();
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    grow(&hub, 1);
    sync(&one, &hub, Program::Shipped).unwrap();
    // The machine goes back, and grows to the same size with another content, and another phone comes.
    let back = hub_on(&earlier, 4);
    back.audit(vec![LogEntry::Recorded { kind: 0 }], NOW).unwrap();
    sync(&two, &back, Program::Shipped).unwrap();
    let size = |phone: &Phone| phone.replica().last_head().unwrap().unwrap().last.size;
    assert_eq!(size(&one), size(&two));
    expect_told(&one, &back);
    // One knows that this life is over, and the other learns of the next.
    assert_eq!(meet(&one, &two), [false, false]);
    assert_eq!(reasons(&one), []);
    // The hub accounts for what was heard, and there is nothing new to tell.
    for phone in [&one, &two] {
        sync(phone, &back, Program::Shipped).unwrap();
        assert_eq!(reasons(phone), []);
    }
}

/// A phone was told heads of a life of the hub's store that the hub does not know, of these sizes.
fn told_many(phone: &Phone, heads: std::ops::Range<u64>) {
    let store = phone.replica().store();
    let hub = hub_key();
    for size in heads {
        let root = TreeHash([9; 32]);
        let head = TreeHead::sign(&hub, [77; 16], (size, root), NOW);
        let heard = Some(fleet::entry(2).device);
        let fact = Fact::Witnessed { hub: hub.device(), head, heard, at: NOW };
        store.commit(vec![fact.record().unwrap()]).unwrap();
    }
}

#[test]
fn a_head_that_was_not_named_waits_for_its_turn() {
    let (hub, _) = begun();
    let one = fleet::phone(1);
    sync(&one, &hub, Program::Shipped).unwrap();
    told_many(&one, 100..140);
    // Three sessions name 15 each. The first makes the hub name that life, and all are told once.
    sync(&one, &hub, Program::Shipped).unwrap();
    let waiting = || one.replica().store().scan(b"6", None, 99).unwrap().len();
    assert_eq!(waiting(), 40 - 2 * 15, "one session ended with the hub's new epoch");
    sync(&one, &hub, Program::Shipped).unwrap();
    assert_eq!(waiting(), 0);
    assert_eq!(reasons(&one), [DoubtReason::Restored]);
}
