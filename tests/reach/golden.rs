//! The hub's log of a journal that was written once. The root that phones keep must not depend on the program
//! that computes it: one that gives another tree for these records would stop every phone.

use std::path::PathBuf;
use std::sync::Arc;

use bienban_core::replica::{Fact, Hub, HubOptions, Projection};
use bienban_core::store::{MemoryDisk, MemoryStore, Position, Record, Store};
use bienban_core::trust::log::LogEntry;
use bienban_core::trust::merkle::TreeHash;
use bienban_tests::fleet::{self, NOW};

use crate::rewritten::{Program, entries, hub_key, hub_over, past, sync};

/// Records, one a line: kind and payload; then the log's size and root.
const JOURNAL: &str = include_str!("../../core/fixtures/log-journal-v1.txt");

fn on(disk: &MemoryDisk) -> Arc<dyn Store> {
    Arc::new(MemoryStore::open(disk, Arc::new(Projection)).unwrap())
}

fn records_of(store: &dyn Store) -> Vec<Record> {
    let record = |at| store.record(Position(at)).unwrap().unwrap();
    (1..=store.position().0).map(record).collect()
}

fn log_of(records: Vec<Record>) -> String {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    for record in records {
        store.commit(vec![record]).unwrap();
    }
    let head = hub_over(store).unwrap().log_head(NOW).unwrap();
    format!("root {} {}", head.size, head.root)
}

#[test]
fn a_journal_of_an_earlier_program_gives_the_root_that_it_gave_then() {
    let (records, root) = JOURNAL.trim_end().rsplit_once('\n').unwrap();
    let record = |line: &str| {
        let (kind, payload) = line.split_once(' ').unwrap();
        Record { kind: kind.parse().unwrap(), payload: hex::decode(payload).unwrap() }
    };
    assert_eq!(log_of(records.lines().map(record).collect()), root);
}

#[test]
fn a_log_that_is_not_what_an_earlier_program_made_of_it_begins_a_new_life() {
    for same in [true, false] {
        let disk = MemoryDisk::new();
        let phone = fleet::phone(1);
        {
            let hub = hub_over(on(&disk)).unwrap();
            hub.trust(fleet::entry(1)).unwrap();
            sync(&phone, &hub, Program::Shipped).unwrap();
            hub.close_log(NOW).unwrap();
            let head = hub.log_head(NOW).unwrap();
            hub.close_log(NOW).unwrap();
            assert_eq!(hub.log_head(NOW).unwrap().size, head.size, "a mark is not marked again");
            if !same {
                // As the mark of a program that computed the same leaves otherwise.
                let fact = Fact::Marked { size: head.size - 1, root: TreeHash([7; 32]) };
                hub.replica().store().commit(vec![fact.record().unwrap()]).unwrap();
            }
        }
        // Another program makes the index anew; the journal is as it was.
        let records = records_of(&*on(&disk));
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        for record in records {
            store.commit(vec![record]).unwrap();
        }
        let options = HubOptions { fresh_epoch: [5; 16], now: NOW };
        let hub = Arc::new(Hub::open(store, hub_key(), options).unwrap());
        assert_eq!(hub.head().unwrap().epoch == [9; 16], same);
        let whole =
            |entry: &LogEntry| matches!(entry, LogEntry::Epoch { continues, .. } if *continues > 0);
        assert!(!entries(&hub).iter().any(whole), "it claims to hold nothing of what was signed");
        sync(&phone, &hub, Program::Shipped).unwrap();
        assert!(phone.replica().stopping_doubt().unwrap().is_none());
    }
}

#[test]
#[ignore = "writes the journal anew; only where what is signed may change"]
fn write_the_journal() {
    let records = past().records;
    let line = |record: &Record| format!("{} {}\n", record.kind, hex::encode(&record.payload));
    let text: String = records.iter().map(line).collect();
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../core/fixtures/log-journal-v1.txt");
    std::fs::write(path, text + &log_of(records) + "\n").unwrap();
}
