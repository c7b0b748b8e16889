//! Closed segments written anew with shorter records, and what may go wrong meanwhile.

use std::collections::BTreeMap;
use std::fs;

use super::contract::{Place, count, padded, put, without_padding};
use super::disk_tests::OnDisk;
use super::faults::Failure;
use super::{DiskStore, Position, Read, Shortened, Store, StoreError};

/// Shortens the first part that is longer than it must be.
fn shorten_one(store: &DiskStore) -> Result<Option<Shortened>, StoreError> {
    for part in store.segments()? {
        if !part.shortened {
            return store.shorten(part.number, &mut without_padding).map(Some);
        }
    }
    Ok(None)
}

fn fill_padded(store: &DiskStore, commits: u64) {
    for number in 0..commits {
        let record = padded(&format!("p{number}"), &number.to_string());
        store.commit(vec![record, count("n")]).unwrap();
    }
}

fn check_padded(store: &DiskStore, commits: u64) {
    assert_eq!(store.get(b"n").unwrap().unwrap(), commits.to_string().as_bytes());
    for number in 0..commits {
        let row = store.get(format!("p{number}").as_bytes()).unwrap();
        assert_eq!(row.unwrap(), number.to_string().as_bytes());
    }
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn every_call_of_a_shortening_may_fail() {
    for failure in [Failure::Full, Failure::Device] {
        let mut failed = 0;
        for n in 1.. {
            let place = OnDisk::new();
            let store = place.open_rows();
            fill_padded(&store, 40);
            place.files.fail_at(n, failure, false);
            let outcome = shorten_one(&store);
            if place.files.failed() == 0 {
                assert!(outcome.unwrap().is_some_and(|done| done.after < done.before));
                break;
            }
            // How far the journal has come is noted as best it can be; everything else is told.
            failed += u32::from(outcome.is_err());
            place.files.heal();
            // Where it is not known what is in place, nothing is taken before it was looked at.
            if store.commit(vec![count("n")]).is_err() {
                store.reopen().unwrap();
                store.commit(vec![count("n")]).unwrap();
            }
            place.crash(store);
            let store = place.open_rows();
            assert_eq!(store.opened().lost, Vec::<Position>::new(), "call {n}");
            assert_eq!(store.get(b"n").unwrap().unwrap(), b"41");
            assert_eq!(store.verify().unwrap().problems, Vec::<String>::new(), "call {n}");
            while shorten_one(&store).unwrap().is_some() {}
            let names = fs::read_dir(place.root().join("journal")).unwrap();
            let mut names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
            assert!(names.all(|name| name.ends_with(".seg")), "call {n} leaves something behind");
        }
        let least = if failure == Failure::Device { 4 } else { 1 };
        assert!(failed >= least, "{failure:?}: only {failed} calls were made");
    }
}

/// Returns the files of the journal by name.
fn journal(place: &OnDisk) -> BTreeMap<String, Vec<u8>> {
    let items = fs::read_dir(place.root().join("journal")).unwrap();
    let file = |item: std::io::Result<fs::DirEntry>| {
        let item = item.unwrap();
        (item.file_name().into_string().unwrap(), fs::read(item.path()).unwrap())
    };
    items.map(file).collect()
}

/// A closed store of which every closed segment was shortened but every third, so that both kinds stand beside
/// each other.
fn half_shortened() -> OnDisk {
    let place = OnDisk::new();
    let store = place.open_rows();
    fill_padded(&store, 40);
    for part in store.segments().unwrap() {
        if part.number % 3 != 0 {
            store.shorten(part.number, &mut without_padding).unwrap();
        }
    }
    store.close().unwrap();
    place
}

/// What may become of a file: a byte, a byte of its header, a cut, and that it is gone.
const HARMS: [&str; 4] = ["a byte", "its header", "a cut", "all of it"];

fn harm(place: &OnDisk, name: &str, how: &str) {
    let path = place.root().join("journal").join(name);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    match how {
        "a byte" => bytes[middle] ^= 4,
        "its header" => bytes[50] ^= 4,
        "a cut" => bytes.truncate(middle),
        _ => return fs::remove_file(path).unwrap(),
    }
    fs::write(&path, bytes).unwrap();
}

#[test]
fn a_damaged_segment_is_repaired_from_the_index_and_no_other_file_changes() {
    let names: Vec<String> = journal(&half_shortened()).into_keys().collect();
    assert!(names.len() > 6, "{names:?}");
    for name in &names {
        for how in HARMS {
            let place = half_shortened();
            let before = journal(&place);
            let context = format!("{how} of {name}");
            harm(&place, name, how);
            let store = place.open_rows();
            let opened = store.opened();
            let aside = opened.set_aside;
            assert!(
                aside.iter().any(|(name, _)| name.starts_with("journal-damaged-")),
                "{context}"
            );
            assert_eq!((opened.lost, opened.rebuilt), (vec![], None), "{context}");
            check_padded(&store, 40);
            store.close().unwrap();
            let after = journal(&place);
            let others =
                |(other, bytes): (&String, &Vec<u8>)| other == name || after[other] == *bytes;
            assert!(before.iter().all(others), "{context}");
            // Nothing was lost, so the damaged file is again what it was, too; where the last one does not say
            // any more whether its records are short, it is taken for one of those that may be.
            let is_known =
                names.last() != Some(name) || !["its header", "all of it"].contains(&how);
            assert!(after[name] == before[name] || !is_known, "{context}");
            // What is kept of the damaged journal is what was damaged.
            let kept = fs::read_dir(place.root().join(&aside[0].0)).unwrap();
            let kept: Vec<_> = kept.map(|item| item.unwrap().file_name()).collect();
            let gone = how == "all of it";
            assert!(
                kept.iter().all(|kept| **kept == **name) && kept.is_empty() == gone,
                "{context}"
            );
            let store = place.open_rows();
            fill_padded(&store, 40);
            place.crash(store);
            assert_eq!(place.open_rows().verify().unwrap().problems, Vec::<String>::new());
        }
    }
}

#[test]
fn what_only_a_damaged_segment_held_is_told_as_lost_and_what_was_before_it_stays_as_it_is() {
    let names: Vec<String> = journal(&half_shortened()).into_keys().collect();
    for name in &names {
        for how in ["a byte", "its header"] {
            let place = half_shortened();
            let before = journal(&place);
            let context = format!("{how} of {name}");
            harm(&place, name, how);
            fs::remove_dir_all(place.root().join("index")).unwrap();
            let store = place.open_rows();
            let lost = store.opened().lost;
            let rows = store.get(b"n").unwrap().unwrap();
            assert_eq!(store.verify().unwrap().problems, Vec::<String>::new(), "{context}");
            assert_eq!(store.position(), Position(80), "{context}");
            store.close().unwrap();
            let after = journal(&place);
            let same = |(other, bytes): (&String, &Vec<u8>)| after.get(other) == Some(bytes);
            assert!(before.range(..name.clone()).all(same), "{context}");
            if how == "a byte" {
                // The hash of what comes after it is another: copies of what was are no copies of this.
                assert_eq!(lost.len(), 1, "{context}");
                assert!(!before.range(name.clone()..).any(same), "{context}");
            } else {
                assert_eq!((lost, &rows[..]), (vec![], &b"40"[..]), "{context}");
                assert!(before.iter().filter(|(other, _)| *other != name).all(same), "{context}");
            }
            let store = place.open_rows();
            assert_eq!(
                (store.opened().rebuilt, store.opened().set_aside),
                (None, vec![]),
                "{context}"
            );
            // What was short stays so, and says so: an older program must not read it.
            for (other, bytes) in &before {
                assert!(bytes[8] != 4 || after[other][8] == 4, "{context}: {other}");
            }
        }
    }
}

#[test]
fn where_later_segments_are_gone_nothing_is_appended_to_a_shortened_one() {
    let place = OnDisk::new();
    let store = place.open_rows();
    fill_padded(&store, 40);
    while shorten_one(&store).unwrap().is_some() {}
    let last = store.segments().unwrap().last().unwrap().number;
    store.close().unwrap();
    fs::remove_dir_all(place.root().join("index")).unwrap();
    fs::remove_file(place.root().join("closed")).unwrap();
    fs::remove_file(place.root().join(format!("journal/{:08}.seg", last + 1))).unwrap();
    let store = place.open_rows();
    let kept = store.position();
    store.commit(vec![put("late", b"1")]).unwrap();
    place.crash(store);
    let store = place.open_rows();
    assert_eq!(store.position(), Position(kept.0 + 1));
    assert_eq!(store.get(b"late").unwrap().unwrap(), b"1");
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

/// Opens a journal of one file and returns the store.
fn of_sample(place: &OnDisk, sample: &[u8]) -> DiskStore {
    let file = place.root().join("journal/00000001.seg");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, sample).unwrap();
    let store = place.open_rows();
    assert_eq!(store.opened().set_aside, vec![]);
    // It is left as it is, and what comes lies behind it.
    store.commit(vec![put("late", b"1")]).unwrap();
    assert!(fs::read(&file).unwrap().starts_with(sample));
    store
}

#[test]
fn a_shortened_journal_of_the_fourth_format_is_still_read() {
    let place = OnDisk::new();
    let sample = include_bytes!("fixtures/journal-v4.seg");
    let store = of_sample(&place, sample);
    assert_eq!((store.position(), store.opened().lost), (Position(13), vec![]));
    check_padded(&store, 6);
    assert!(journal(&place)["00000001.seg"] == sample, "nothing is appended to it");
    let record = store.record(Position(1)).unwrap().unwrap();
    assert_eq!(record.payload, b"p0=0", "it is shorter than it was");
}

#[test]
fn a_journal_of_the_fourth_format_that_was_taken_over_by_a_repair_is_still_read() {
    let place = OnDisk::new();
    let store = of_sample(&place, include_bytes!("fixtures/journal-v4-repaired.seg"));
    assert_eq!((store.position(), store.opened().lost), (Position(13), vec![Position(3)]));
    assert_eq!(store.get(b"p1").unwrap(), None);
    assert_eq!(store.get(b"p2").unwrap().unwrap(), b"2");
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
#[ignore = "writes the samples again; only for a new format"]
fn write_the_samples_of_shortened_journals() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/fixtures");
    let place = OnDisk::new();
    let store = place.open_rows();
    fill_padded(&store, 12);
    store.shorten(1, &mut without_padding).unwrap();
    place.crash(store);
    let file = place.root().join("journal/00000001.seg");
    fs::copy(&file, format!("{fixtures}/journal-v4.seg")).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(4).position(|window| window == b"p1=1").unwrap();
    bytes[at] ^= 4;
    fs::write(&file, bytes).unwrap();
    fs::remove_dir_all(place.root().join("index")).unwrap();
    place.crash(place.open_rows());
    fs::copy(&file, format!("{fixtures}/journal-v4-repaired.seg")).unwrap();
}
