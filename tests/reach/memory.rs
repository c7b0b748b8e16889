//! Nothing of ours stays in memory for a stored document. sled's page table does grow; the bench
//! `footprint` reports it. Here the store is held apart: it is open and warm before the measuring,
//! so what grows belongs to the layers above it.

use std::process::Command;
use std::sync::Arc;

use bienban_core::model::Kind;
use bienban_core::replica::{ListQuery, Projection};
use bienban_core::store::MemoryStore;
use bienban_tests::fleet::{self, SHORT, resident_bytes};

const DOCUMENTS: u32 = 10_000;

/// Phones opened over one store: what each keeps is counted as often, the allocator's moods are not.
const PHONES: u64 = 8;

/// Less than the name of a document takes, so that a map of them is noticed.
const BYTES_EACH_MAX: u64 = 16;

/// Rows of one page of a list.
const PAGE: usize = 200;

/// Set in the process that measures: other tests of this binary must not share its memory.
const ALONE: &str = "BIENBAN_REACH_ALONE";

#[test]
fn a_phone_keeps_nothing_in_memory_for_each_document() {
    if std::env::var_os(ALONE).is_none() {
        let name = "memory::a_phone_keeps_nothing_in_memory_for_each_document";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let alone = command.args([name, "--exact", "--nocapture"]).env(ALONE, "1").output();
        let alone = alone.unwrap();
        print!("{}", String::from_utf8_lossy(&alone.stdout));
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let filling = fleet::phone_over(store.clone(), 1);
    let _ = fleet::fill(&filling, SHORT, 0..DOCUMENTS);
    assert_eq!(filling.replica().refresh(usize::MAX).unwrap(), DOCUMENTS as usize);
    touch(&filling);
    let Some(before) = resident_bytes() else { return };
    let phones: Vec<_> = (0..PHONES).map(|_| fleet::phone_over(store.clone(), 1)).collect();
    phones.iter().for_each(|phone| touch(phone));
    let Some(after) = resident_bytes() else { return };
    let grown = after.saturating_sub(before);
    println!("{grown} bytes for {PHONES} times {DOCUMENTS} documents");
    assert!(grown < BYTES_EACH_MAX * PHONES * u64::from(DOCUMENTS), "{grown} bytes");
}

/// Reads everything that lists, searches and syncs read.
fn touch(phone: &bienban_core::replica::Phone) {
    let mut query = ListQuery { limit: PAGE, ..ListQuery::default() };
    let mut listed = 0;
    loop {
        let page = phone.replica().list(Kind::Inspection, &query).unwrap();
        let Some(last) = page.last() else { break };
        query.after = Some((last.updated_at.0, last.document));
        listed += page.len();
        for summary in &page {
            assert!(phone.replica().genesis(summary.document).is_ok());
            phone.arrival(summary.document).unwrap();
        }
    }
    assert_eq!(listed, DOCUMENTS as usize);
    phone.fingerprint().unwrap();
}
