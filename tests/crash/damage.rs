//! Damage to the files of a store that was closed, killed, sealed or shortened: a flipped bit, a zeroed page, a cut.
//!
//! `BIENBAN_FLIPS` sets how many files are damaged, one each time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_core::store::contract::{count, padded, put, without_padding};
use bienban_core::store::{DiskStore, Opened, Read, Store};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::crashes::{copy_folder, number_from, seed, work_folder};
use crate::stage::{Opening, PLAIN, ack_path, row};
use crate::worker::{Work, check_bare_sled, run};

/// Damaged files of an ordinary test run, of all stores together.
const TRIALS: u64 = 300;
/// So many stores are damaged.
const STORES: u64 = 4;
/// Bare sled loses something in more than half of them; so many make it sure.
const CONTROL_TRIALS: u64 = 20;
const ROWS: u32 = 120;
const PAGE_BYTES: usize = 4096;

/// A store that is sealed throughout.
const SEALED: Opening = Opening { key: 7, ..PLAIN };

fn open(root: &Path, opening: Opening) -> DiskStore {
    opening.open(root, true).expect("a damaged store opens")
}

/// How the store is left that is damaged then.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Closed,
    Killed,
    /// Most of its closed segments were written shorter; closed.
    Shortened,
}

/// Makes a store with several segments and a few large values.
fn original(root: &Path, opening: Opening, left: Left) {
    let store = open(root, opening);
    for number in 0..ROWS {
        let (key, value) = row(&number.to_string());
        let pad = padded(&format!("pad{number}"), "told");
        store.commit(vec![put(&key, value), count("all"), pad]).unwrap();
    }
    store.commit(vec![put("row/large", vec![b'x'; 200_000]), count("all")]).unwrap();
    if left == Left::Shortened {
        let mut shorter = 0;
        for part in store.segments().unwrap().iter().filter(|part| part.number % 4 != 0) {
            let done = store.shorten(part.number, &mut without_padding).unwrap();
            shorter += u32::from(done.after < done.before);
        }
        assert!(shorter > 2, "only {shorter} segments are shorter");
    }
    store.close().unwrap();
    if left == Left::Killed {
        fs::remove_file(root.join("store/closed")).unwrap();
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

/// Returns the journal's files by name.
fn journal(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = root.join("store/journal");
    let file =
        |path: PathBuf| (path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
    files(&folder).into_iter().map(file).collect()
}

/// Damages one file; returns which, and how.
fn damage(root: &Path, rng: &mut SmallRng) -> (PathBuf, String) {
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
    let name = path.strip_prefix(root).unwrap().to_owned();
    let said = format!("{how} in {} at {at}", name.display());
    (name, said)
}

fn said_something(opened: &Opened) -> bool {
    opened.rebuilt.is_some() || !opened.set_aside.is_empty() || !opened.lost.is_empty()
}

fn trials(name: &str, opening: Opening, left: Left) {
    let folder = work_folder();
    let original_root = folder.path().join("original");
    original(&original_root, opening, left);
    let (first, trials) = (seed(), number_from("BIENBAN_FLIPS", TRIALS).div_ceil(STORES));
    println!("{name}: BIENBAN_CRASH_SEED={first}, {trials} damaged files");
    let (mut repaired, mut harmless, mut slowest) = (0, 0, Duration::ZERO);
    for nth in 0..trials {
        let trial = work_folder();
        let root = trial.path().join("root");
        copy_folder(&original_root, &root);
        let seed = first.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(nth);
        let (hit, how) = damage(&root, &mut SmallRng::seed_from_u64(seed));
        let whole = journal(&root);
        let context = format!("trial {nth}, {name}, {how}");
        let watch = Stopwatch::start();
        let store = open(&root, opening);
        slowest = slowest.max(watch.elapsed());
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
        // Who holds copies of the journal's files copies nothing again but the damaged one.
        let mended = journal(&root);
        let stayed =
            |(file, bytes): (&PathBuf, &Vec<u8>)| *file == hit || mended.get(file) == Some(bytes);
        assert!(whole.iter().all(stayed), "another file is another now: {context}; {opened:?}");
        if said_something(&opened) {
            repaired += 1
        } else {
            harmless += 1
        }
        drop(store);
        let store = open(&root, opening);
        assert!(!said_something(&store.opened()), "again: {context}; {:?}", store.opened());
    }
    println!(
        "{name}: {repaired} repaired and reported, {harmless} without effect on any row or record, \
         0 wrong; the slowest opened within {slowest:?}"
    );
    assert!(repaired > harmless / 2, "the damage does not reach the store");
}

#[test]
fn damage_to_a_closed_store_is_repaired_or_reported() {
    trials("closed", PLAIN, Left::Closed);
}

#[test]
fn damage_to_a_killed_store_is_repaired_or_reported() {
    trials("killed", PLAIN, Left::Killed);
}

#[test]
fn damage_to_a_sealed_store_is_repaired_or_reported() {
    trials("sealed", SEALED, Left::Closed);
}

#[test]
fn damage_to_a_shortened_store_is_repaired_or_reported_and_no_other_file_changes() {
    trials("shortened", Opening { segment_bytes: 4_000, ..SEALED }, Left::Shortened);
}

#[test]
fn bare_sled_fails_the_same_damage() {
    let folder = work_folder();
    let original_root = folder.path().join("original");
    fs::create_dir_all(&original_root).unwrap();
    run(Work::BareSled { run: 1 }, &original_root);
    let mut failed = 0;
    for nth in 0..CONTROL_TRIALS {
        let trial = work_folder();
        let root = trial.path().join("root");
        copy_folder(&original_root, &root);
        fs::copy(ack_path(&original_root), ack_path(&root)).unwrap();
        damage(&root, &mut SmallRng::seed_from_u64(nth));
        failed += u64::from(check_bare_sled(&root).is_err());
    }
    println!("bare sled 0.34.7: {failed} of {CONTROL_TRIALS} damaged databases lost something");
    assert!(failed > 0, "the damage is too easy: bare sled survives all of it");
}
