//! Closed segments written anew with shorter records, and what may go wrong meanwhile.

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

#[test]
fn a_shortened_segment_that_is_damaged_or_cut_is_repaired_from_the_index() {
    for cut in [false, true] {
        let place = OnDisk::new();
        let store = place.open_rows();
        fill_padded(&store, 40);
        while shorten_one(&store).unwrap().is_some() {}
        store.close().unwrap();
        let path = place.root().join("journal/00000002.seg");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        if cut {
            bytes.truncate(middle);
        } else {
            bytes[middle] ^= 4;
        }
        fs::write(&path, bytes).unwrap();
        let store = place.open_rows();
        let aside = store.opened().set_aside;
        assert!(aside.iter().any(|(name, _)| name.starts_with("journal-damaged-")), "{aside:?}");
        assert_eq!(store.opened().lost, Vec::<Position>::new());
        check_padded(&store, 40);
        // What was short stays so, and says so: an older program must not read it.
        let name = |item: std::io::Result<fs::DirEntry>| item.unwrap().path();
        for path in fs::read_dir(place.root().join("journal")).unwrap().map(name) {
            assert_eq!(fs::read(&path).unwrap()[8], 4, "{}", path.display());
        }
        fill_padded(&store, 40);
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
