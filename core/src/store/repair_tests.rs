//! Journals of which whole files are gone, with no index that holds their records.

use std::fs;
use std::path::Path;

use super::contract::{put, rows};
use super::{DiskStore, Options, Position, Read, Store};

/// Three files with many small records, of which the last holds two.
const COMMITS: u64 = 500;

fn options() -> Options {
    Options { segment_bytes: 20_000, index_in_memory: true, ..Options::at(0) }
}

fn open(root: &Path, options: Options) -> DiskStore {
    DiskStore::open(root, rows(), options).unwrap()
}

/// Makes such a store and returns the first and last record of each file but the last, and the last record.
fn made(root: &Path) -> (Vec<(u64, u64)>, u64) {
    let store = open(root, options());
    let mut number = 0;
    while number < COMMITS || store.segments().unwrap().len() < 2 {
        store.commit(vec![put(&format!("k{number:03}"), b"v")]).unwrap();
        number += 1;
    }
    let segments = store.segments().unwrap();
    let closed: Vec<_> = segments.iter().map(|part| (part.first.0, part.last.0)).collect();
    let last = closed.last().unwrap().1 + 2;
    while store.position().0 < last {
        store.commit(vec![put("end", b"v")]).unwrap();
    }
    let last = store.position().0;
    store.close().unwrap();
    (closed, last)
}

#[test]
fn what_follows_a_hole_that_is_longer_than_its_own_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let (closed, last) = made(&root);
    let (first, until) = closed[closed.len() - 1];
    let name = format!("{:08}.seg", closed.len());
    fs::remove_file(root.join("journal").join(name)).unwrap();
    let store = open(&root, options());
    assert_eq!(store.position(), Position(last), "what was written last is there");
    let lost: Vec<u64> = store.opened().lost.iter().map(|at| at.0).collect();
    assert_eq!(lost, (first..=until).collect::<Vec<_>>());
    assert_eq!(store.get(b"end").unwrap(), Some(b"v".to_vec()));
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn what_is_known_to_have_been_at_the_end_is_marked_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let (closed, last) = made(&root);
    let until = closed[closed.len() - 1].1;
    let name = format!("{:08}.seg", closed.len() + 1);
    fs::remove_file(root.join("journal").join(name)).unwrap();
    fs::remove_file(root.join("closed")).ok();
    let store = open(&root, Options { reaches: Position(last), ..options() });
    assert_eq!(store.position(), Position(last));
    let lost: Vec<u64> = store.opened().lost.iter().map(|at| at.0).collect();
    assert_eq!(lost, (until + 1..=last).collect::<Vec<_>>());
    drop(store);
    let again = open(&root, options());
    assert_eq!(
        (again.position(), again.opened().lost.len() as u64),
        (Position(last), last - until)
    );
}
