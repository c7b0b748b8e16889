//! Damage to the files of a store that was closed or killed: a flipped bit, a zeroed page, a cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::store::contract::{Rows, count, put};
use bienban_core::store::{DiskStore, Opened, Read, Store};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::crashes::{copy_folder, work_folder};
use crate::worker::{options, row};

/// Trials for each of the two stores.
const TRIALS: u64 = 150;
const ROWS: u32 = 120;
const PAGE_BYTES: usize = 4096;

fn open(root: &Path) -> DiskStore {
    DiskStore::open(root, Arc::new(Rows(1)), options()).expect("a damaged store opens")
}

/// Makes a store with several segments and a few large values.
fn original(root: &Path, close: bool) {
    let store = open(root);
    for number in 0..ROWS {
        let (key, value) = row(&number.to_string());
        store.commit(vec![put(&key, value), count("all")]).unwrap();
    }
    store.commit(vec![put("row/large", vec![b'x'; 200_000]), count("all")]).unwrap();
    store.close().unwrap();
    if !close {
        fs::remove_file(root.join("closed")).unwrap();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Damages one file and says how.
fn damage(root: &Path, rng: &mut SmallRng) -> String {
    let mut names = files(root);
    names.retain(|path| fs::metadata(path).unwrap().len() > 0);
    // The large files would take nearly all hits if bytes were chosen evenly.
    let path = names.choose(rng).unwrap();
    let mut bytes = fs::read(path).unwrap();
    let at = rng.random_range(0..bytes.len());
    let how = match rng.random_range(0..3) {
        0 => {
            bytes[at] ^= 1 << rng.random_range(0..8);
            "a flipped bit"
        }
        1 => {
            let start = at / PAGE_BYTES * PAGE_BYTES;
            let end = (start + PAGE_BYTES).min(bytes.len());
            bytes[start..end].fill(0);
            "a zeroed page"
        }
        _ => {
            bytes.truncate(at);
            "a cut"
        }
    };
    fs::write(path, bytes).unwrap();
    format!("{how} in {} at {at}", path.strip_prefix(root).unwrap().display())
}

fn said_something(opened: &Opened) -> bool {
    opened.rebuilt.is_some() || !opened.set_aside.is_empty() || !opened.lost.is_empty()
}

fn trials(close: bool) {
    let folder = work_folder();
    let original_root = folder.path().join("original");
    original(&original_root, close);
    let (mut repaired, mut harmless) = (0, 0);
    for seed in 0..TRIALS {
        let trial = work_folder();
        let root = trial.path().join("store");
        copy_folder(&original_root, &root);
        let how = damage(&root, &mut SmallRng::seed_from_u64(seed));
        let context = format!("seed {seed}, closed {close}, {how}");
        let store = open(&root);
        let opened = store.opened();
        for number in 0..ROWS {
            let (key, value) = row(&number.to_string());
            let found = store.get(key.as_bytes()).unwrap();
            assert!(found == Some(value), "row {number} is wrong: {context}; {opened:?}");
        }
        let large = store.get(b"row/large").unwrap();
        assert!(large == Some(vec![b'x'; 200_000]), "the large row is wrong: {context}");
        assert_eq!(opened.lost, vec![], "one copy was whole: {context}");
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new(), "{context}");
        if said_something(&opened) {
            repaired += 1
        } else {
            harmless += 1
        }
        drop(store);
        let store = open(&root);
        assert!(!said_something(&store.opened()), "again: {context}; {:?}", store.opened());
    }
    println!("{repaired} repaired and reported, {harmless} without effect on any row or record");
    assert!(repaired > harmless / 2, "the damage does not reach the store");
}

#[test]
fn damage_to_a_closed_store_is_repaired_or_reported() {
    trials(true);
}

#[test]
fn damage_to_a_killed_store_is_repaired_or_reported() {
    trials(false);
}
