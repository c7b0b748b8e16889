//! The hub's log of a journal that was written once. The root that phones keep must not depend on the program
//! that computes it: one that gives another tree for these records would stop every phone.

use std::path::PathBuf;
use std::sync::Arc;

use bienban_core::replica::Projection;
use bienban_core::store::{MemoryStore, Record, Store};

use crate::rewritten::{hub_over, past};
use bienban_tests::fleet::NOW;

/// Records, one a line: kind and payload; then the log's size and root.
const JOURNAL: &str = include_str!("../../core/fixtures/log-journal-v1.txt");

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
#[ignore = "writes the journal anew; only where what is signed may change"]
fn write_the_journal() {
    let records = past().records;
    let line = |record: &Record| format!("{} {}\n", record.kind, hex::encode(&record.payload));
    let text: String = records.iter().map(line).collect();
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../core/fixtures/log-journal-v1.txt");
    std::fs::write(path, text + &log_of(records) + "\n").unwrap();
}
