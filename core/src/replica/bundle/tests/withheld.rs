//! What cannot be read, signed or kept keeps nothing else on a phone, and is counted.

use super::*;
use crate::model::Incarnation;
use crate::replica::Projection;
use crate::replica::rows::{self, OUTBOX};
use crate::store::{Done, Fault, MemoryStore, Position, Read, Record, Store, StoreError};
use std::sync::Mutex;

/// A store of which some records are lost, and that may have become unwritable.
struct Worn {
    below: MemoryStore,
    lost: Mutex<Vec<u64>>,
    fixed: Mutex<bool>,
}

impl Read for Worn {
    crate::store::pass_on!(below; get scan);
}

impl Store for Worn {
    fn submit(&self, records: Vec<Record>, done: Done) {
        if *self.fixed.lock().unwrap() {
            let source = Arc::new(std::io::Error::other("read-only"));
            let path = "a file".to_owned();
            return done(Err(StoreError::Io { action: "write", path, source }));
        }
        self.below.submit(records, done);
    }

    fn record(&self, at: Position) -> Result<Option<Record>, StoreError> {
        if self.lost.lock().unwrap().contains(&at.0) {
            return Err(StoreError::Damaged { what: format!("record {}", at.0) });
        }
        self.below.record(at)
    }

    crate::store::pass_on!(below; derive position read verify reopen opened);
}

/// A phone over a store that wears.
fn worn(number: u8) -> (Side, Arc<Worn>) {
    let mut side = side(number);
    let below = MemoryStore::new(Arc::new(Projection));
    let store = Arc::new(Worn { below, lost: Mutex::default(), fixed: Mutex::new(false) });
    let life = Incarnation([number; 16]);
    side.phone = Arc::new(Phone::open(store.clone(), key(number), life, NOW).unwrap());
    (side, store)
}

fn given(side: &Side, all: bool) -> Result<(Vec<u8>, BundleGiven), ReplicaError> {
    let mut file = Vec::new();
    let given = side.phone.write_bundle(&mut file, &[to_hub()], all, &mut entropy(), later(1))?[0];
    Ok((file, given))
}

#[test]
fn one_damaged_pack_keeps_no_other_on_the_phone() {
    let (hub, (a, store)) = (hub(&[1]), worn(1));
    sync_at(&a, &hub, NOW);
    let (one, two) = (visit("06325", 1), visit("06325", 2));
    for genesis in [&one, &two] {
        a.answer(genesis, "9.1", "of A");
        a.phone.release(NOW).unwrap();
    }
    let (key, value) = store.scan(&[OUTBOX], None, 1).unwrap().remove(0);
    let at: u64 = rows::decode(&key, &value).unwrap();
    let lost = rows::document_in(&key).unwrap();
    store.lost.lock().unwrap().push(at);
    for all in [false, true] {
        let given = given(&a, all).unwrap().1;
        assert_eq!((given.packs, given.withheld), (2, 0), "it is made anew from what was typed");
    }
    store.lost.lock().unwrap().push(at - 1);
    for all in [false, true] {
        let (file, given) = given(&a, all).unwrap();
        assert_eq!((given.packs, given.withheld), (1, 1), "all: {all}");
        at_hub(&hub, &file).unwrap();
    }
    for genesis in [&one, &two] {
        let held = hub.replica().load(genesis.document()).is_ok();
        assert_eq!(held, genesis.document() != lost);
    }
}

#[test]
fn a_store_that_cannot_be_written_still_gives_all_that_is_in_it() {
    let (hub, (a, store)) = (hub(&[1]), worn(1));
    sync_at(&a, &hub, NOW);
    let (signed, typed) = (visit("06325", 1), visit("06325", 2));
    a.answer(&signed, "9.1", "of A");
    a.phone.release(NOW).unwrap();
    a.answer(&typed, "9.1", "not signed yet");
    *store.fixed.lock().unwrap() = true;
    assert!(given(&a, false).is_err(), "who asks for less is told that something is wrong");
    let (file, given) = given(&a, true).unwrap();
    assert_eq!((given.packs, given.withheld), (2, 0));
    assert_eq!(at_hub(&hub, &file).unwrap().0.stored, 2);
    assert_eq!(values(hub.replica(), &typed, "9.1"), ["not signed yet"]);
}

#[test]
fn without_room_what_was_typed_goes_to_colleagues_too() {
    let (_, a, b, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    a.store.set_fault(Some(Fault::Full));
    let mut file = Vec::new();
    let given = a.phone.write_bundle(&mut file, &[to(2)], false, &mut entropy(), later(1)).unwrap();
    assert_eq!((given[0].packs, given[0].withheld), (1, 0));
    assert_eq!(import(&b, &file).unwrap().received, 1);
}

#[test]
fn what_cannot_be_signed_is_counted() {
    let (hub, (a, store)) = (hub(&[1]), worn(1));
    sync_at(&a, &hub, NOW);
    let genesis = visit("06325", 1);
    a.answer(&genesis, "9.1", "of A");
    let lost = store.position().0;
    store.lost.lock().unwrap().push(lost);
    let (_, given) = given(&a, true).unwrap();
    assert_eq!((given.packs, given.withheld), (0, 1));
}

/// A hub over a store that wears, at which 1 and 2 may write.
fn worn_hub() -> (Arc<Hub>, Arc<Worn>) {
    let below = MemoryStore::new(Arc::new(Projection));
    let store = Arc::new(Worn { below, lost: Mutex::default(), fixed: Mutex::new(false) });
    let options = crate::replica::HubOptions { fresh_epoch: [1; 16], now: NOW };
    let hub = Hub::open(store.clone(), key(99), options).unwrap();
    hub.publish(crate::checklist::TEA.to_vec()).unwrap();
    [1, 2].into_iter().for_each(|number| hub.trust(entry(number, "06325")).unwrap());
    (Arc::new(hub), store)
}

#[test]
fn a_damaged_document_at_the_hub_keeps_no_bundle_from_it() {
    let (hub, store) = worn_hub();
    let (a, b) = (side(1), side(2));
    [&a, &b].into_iter().for_each(|side| sync_at(side, &hub, NOW));
    let (damaged, other) = (visit("06325", 1), visit("06325", 2));
    b.answer(&damaged, "9.1", "of B");
    hub.accept(key(2).device(), &b.phone.release(NOW).unwrap(), NOW).unwrap();
    store.lost.lock().unwrap().push(store.position().0);
    assert!(hub.merge_all(NOW).is_err(), "it cannot be merged");
    a.answer(&other, "9.1", "of A");
    a.answer(&damaged, "9.5", "of A");
    let file = export(&a, &[to_hub()]);
    for _ in 0..2 {
        let (answered, answer) = at_hub(&hub, &file).unwrap();
        assert_eq!((answered.packs, answered.stored, answered.settled), (2, 2, 2));
        assert!(answered.is_whole() && answered.unmerged.is_some(), "{answered:?}");
        import(&a, &answer).unwrap();
        assert_eq!(stored(&a.phone, &other), (1, 1, 0), "what is not damaged is merged");
        assert_eq!(stored(&a.phone, &damaged), (1, 0, 0));
    }
    assert_eq!(values(hub.replica(), &other, "9.1"), ["of A"]);
}

#[test]
fn a_damaged_document_on_a_phone_keeps_no_bundle_from_it() {
    let (hub, (a, store), b) = (hub(&[1, 2]), worn(1), side(2));
    [&a, &b].into_iter().for_each(|side| sync_at(side, &hub, NOW));
    let (damaged, other) = (visit("06325", 1), visit("06325", 2));
    a.answer(&damaged, "9.1", "of A");
    store.lost.lock().unwrap().push(store.position().0);
    assert!(a.values(&damaged, "9.1").is_empty(), "it is damaged");
    // From a colleague.
    b.answer(&other, "9.1", "of B");
    assert_eq!(import(&a, &export(&b, &[to(1)])).unwrap().received, 1);
    assert_eq!(a.values(&other, "9.1"), ["of B"]);
    // To the hub and back: what is lost is counted, what it carries arrives.
    let (file, given) = given(&a, true).unwrap();
    assert_eq!((given.packs, given.withheld), (1, 1));
    let (answered, answer) = at_hub(&hub, &file).unwrap();
    assert_eq!(answered.stored, 1);
    assert!(import(&a, &answer).unwrap().stored > 0);
    assert_eq!(values(hub.replica(), &other, "9.1"), ["of B"]);
}
