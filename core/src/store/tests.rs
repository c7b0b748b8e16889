//! The contract for each store, and what only files can go wrong with.

use super::contract::{Place, count, every_rule, put, rows};
use super::memory::{MemoryDisk, MemoryStore};
use super::{Fault, Position, Project, Read, Store, StoreError};
use std::sync::Arc;

struct InMemory(MemoryDisk);

impl Place for InMemory {
    type Store = MemoryStore;

    fn open(&self, project: Arc<dyn Project>) -> Result<MemoryStore, StoreError> {
        MemoryStore::open(&self.0, project)
    }

    fn crash(&self, store: MemoryStore) {
        store.power_cut(false).expect("the disk is sound");
    }
}

#[test]
fn the_memory_store_keeps_every_rule() {
    every_rule(|| InMemory(MemoryDisk::new()));
}

#[test]
fn a_full_memory_disk_refuses_until_reopened_and_loses_nothing() {
    let store = MemoryStore::new(rows());
    store.commit(vec![put("k", "1")]).unwrap();
    store.set_fault(Some(Fault::Full));
    assert!(matches!(store.commit(vec![put("k", "2")]), Err(StoreError::Full { .. })));
    store.set_fault(None);
    assert!(matches!(store.commit(vec![put("k", "3")]), Err(StoreError::Full { .. })));
    assert_eq!(store.get(b"k").unwrap().unwrap(), b"1");
    store.reopen().unwrap();
    assert_eq!(store.commit(vec![put("k", "4")]).unwrap(), Position(2));
}

#[test]
fn what_a_failed_sync_left_may_survive_a_power_cut_or_not_but_was_never_acknowledged() {
    for keep in [false, true] {
        let store = MemoryStore::new(rows());
        store.commit(vec![count("n")]).unwrap();
        store.set_fault(Some(Fault::SyncFails));
        assert!(matches!(store.commit(vec![count("n")]), Err(StoreError::Io { .. })));
        assert!(matches!(store.commit(vec![count("n")]), Err(StoreError::Poisoned { .. })));
        store.set_fault(None);
        store.power_cut(keep).unwrap();
        assert_eq!(store.position(), Position(1 + u64::from(keep)));
        store.commit(vec![count("n")]).unwrap();
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }
}

#[test]
fn of_a_commit_that_a_power_cut_tore_nothing_is_there_until_its_last_byte_is() {
    let open = || {
        let store = MemoryStore::new(rows());
        store.commit(vec![count("n")]).unwrap();
        store.set_fault(Some(Fault::SyncFails));
        assert!(store.commit(vec![count("n"), count("n")]).is_err());
        store.set_fault(None);
        store
    };
    let (mut torn, mut draw) = (0, 0);
    loop {
        let store = open();
        store.power_cut_torn(draw).unwrap();
        let whole = store.position() == Position(3);
        assert!(whole || store.position() == Position(1), "all of the commit, or nothing of it");
        store.commit(vec![count("n")]).unwrap();
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
        if whole {
            break;
        }
        (torn, draw) = (torn + 1, draw + 1);
    }
    assert!(torn > 100, "both records have a header: {torn} bytes");
    let store = open();
    store.power_cut_torn(draw + 1).unwrap();
    assert_eq!(store.position(), Position(1), "the draw was the last byte, so the next is none");
}

#[test]
fn a_copied_memory_disk_says_so_until_its_first_commit() {
    let store = MemoryStore::new(rows());
    store.commit(vec![put("k", "1")]).unwrap();
    let copy = store.disk().copy();
    for _ in 0..2 {
        let clone = MemoryStore::open(&copy, rows()).unwrap();
        assert!(clone.opened().moved);
        assert_eq!(clone.get(b"k").unwrap().unwrap(), b"1");
    }
    MemoryStore::open(&copy, rows()).unwrap().commit(vec![put("k", "2")]).unwrap();
    assert!(!MemoryStore::open(&copy, rows()).unwrap().opened().moved);
    assert_eq!(store.get(b"k").unwrap().unwrap(), b"1");
}
