//! A store that a later program was at is refused, and every file of it is as it was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::contract::{Rows, count, put};
use super::files::checked;
use super::{DiskStore, Options, Position, Project, Read, Record, Store, StoreError, Writes};

const NOW: i64 = 1_795_447_999_000;

/// A kind of record that programs of version 2 began to write.
const LATER: u8 = 77;

/// What a program of a version makes of records; those of version 1 do not know [`LATER`].
struct Program(u32);

impl Project for Program {
    fn version(&self) -> u32 {
        self.0
    }

    fn expect_known(&self, at: Position, record: &Record) -> Result<(), StoreError> {
        if record.kind == LATER && self.0 < 2 {
            let what = format!("record {}", at.0);
            return Err(StoreError::Newer { what, found: LATER.into(), known: 3 });
        }
        Ok(())
    }

    fn project(
        &self,
        at: Position,
        record: &Record,
        index: &dyn Read,
        writes: &mut Writes,
    ) -> Result<(), StoreError> {
        if record.kind == LATER && self.0 >= 2 {
            writes.put(b"later".to_vec(), record.payload.clone());
            return Ok(());
        }
        Rows(self.0).project(at, record, index, writes)
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn open(&self, version: u32) -> Result<DiskStore, StoreError> {
        let options = Options { notes_reach: true, ..Options::at(NOW) };
        DiskStore::open(self.root(), Arc::new(Program(version)), options)
    }

    /// A closed store that programs up to a version were at.
    fn made_by(version: u32) -> Self {
        let folder = Self::new();
        let store = folder.open(version).unwrap();
        store.commit(vec![put("first", "1"), count("n")]).unwrap();
        if version > 1 {
            store.commit(vec![Record { kind: LATER, payload: b"said later".to_vec() }]).unwrap();
        }
        store.close().unwrap();
        folder
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.0.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(folder).unwrap() {
                let path = item.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        files
    }

    /// Fails unless a program of a version refuses the store and leaves all of it as it is.
    fn is_refused_by(&self, version: u32, wanted: (u32, u32)) {
        // A store that was never locked gets no lock file by being refused, nor one whose holder died.
        drop(fs::remove_file(self.root().join("lock")));
        fs::write(self.root().join("holder"), "1\nsomebody\n").unwrap();
        let before = self.files();
        for _ in 0..2 {
            let refused = self.open(version).map(drop);
            let Err(StoreError::Newer { found, known, what }) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!((found, known), wanted, "{what}");
            assert!(self.files() == before, "it was touched: {what}");
        }
    }
}

/// Rewrites a segment's header as one of a later format.
fn raise_format(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[8] = 5;
    let crc = crc32c::crc32c(&bytes[..124]).to_le_bytes();
    bytes[124..128].copy_from_slice(&crc);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_journal_of_a_later_format_is_refused_and_left_alone() {
    for closed in [true, false] {
        let folder = Folder::made_by(1);
        if !closed {
            fs::remove_file(folder.root().join("closed")).unwrap();
        }
        raise_format(&folder.root().join("journal/00000001.seg"));
        folder.is_refused_by(1, (5, 4));
    }
    // Also where a later program was stopped while it repaired or sealed.
    for name in ["journal.new", "journal.old"] {
        let folder = Folder::made_by(1);
        fs::create_dir(folder.root().join(name)).unwrap();
        let segment = folder.root().join(name).join("00000001.seg");
        fs::copy(folder.root().join("journal/00000001.seg"), &segment).unwrap();
        raise_format(&segment);
        folder.is_refused_by(1, (5, 4));
    }
}

#[test]
fn records_that_mean_more_than_is_known_are_refused_and_not_taken_for_lost() {
    let folder = Folder::made_by(2);
    folder.is_refused_by(1, (2, 1));
    // As after a crash, and with the index gone, which an earlier program would have made anew.
    fs::remove_file(folder.root().join("closed")).unwrap();
    folder.is_refused_by(1, (2, 1));
    fs::remove_dir_all(folder.root().join("index")).unwrap();
    folder.is_refused_by(1, (2, 1));
    let store = folder.open(2).unwrap();
    assert_eq!(store.get(b"later").unwrap().unwrap(), b"said later");
    assert_eq!(store.opened().lost, vec![]);
}

#[test]
fn a_journal_that_was_put_back_alone_is_read_before_it_is_touched() {
    let folder = Folder::made_by(2);
    for name in ["projection", "closed", "reached"] {
        fs::remove_file(folder.root().join(name)).unwrap();
    }
    fs::remove_dir_all(folder.root().join("index")).unwrap();
    folder.is_refused_by(1, (LATER.into(), 3));
    // A note that cannot be read is none.
    fs::write(folder.root().join("projection"), "bienban projection 1\nversion 1\n").unwrap();
    folder.is_refused_by(1, (LATER.into(), 3));
    assert_eq!(folder.open(2).unwrap().get(b"later").unwrap().unwrap(), b"said later");
}

#[test]
fn notes_of_a_later_form_are_refused_and_not_set_aside() {
    for (name, line) in [
        ("identity", "bienban store 2"),
        ("closed", "bienban closed 2"),
        ("reached", "bienban reached 2"),
        ("projection", "bienban projection 2"),
    ] {
        let folder = Folder::made_by(1);
        let text = checked(format!("{line}\nwhat nobody here can read\n"));
        fs::write(folder.root().join(name), text).unwrap();
        folder.is_refused_by(1, (2, 1));
    }
}

#[test]
fn a_flipped_bit_in_the_number_of_a_note_is_damage_and_no_later_form() {
    for name in ["identity", "closed", "reached", "projection"] {
        for bit in 0..8 {
            let folder = Folder::made_by(1);
            let path = folder.root().join(name);
            let mut note = fs::read(&path).unwrap();
            let line_end = note.iter().position(|byte| *byte == b'\n').unwrap();
            assert_eq!(note[line_end - 1], b'1', "{name}");
            note[line_end - 1] ^= 1 << bit;
            fs::write(&path, note).unwrap();
            let store = folder.open(1).unwrap_or_else(|error| panic!("{name}, {bit}: {error}"));
            let aside = &store.opened().set_aside;
            assert!(aside.iter().any(|(kept, _)| kept.starts_with(name)), "{name}: {aside:?}");
            assert_eq!(store.get(b"first").unwrap().unwrap(), b"1");
            store.commit(vec![put("second", "2")]).unwrap();
            store.close().unwrap();
        }
    }
}

#[test]
fn the_highest_version_is_noted_before_anything_of_it_is_written_and_stays_noted() {
    let folder = Folder::made_by(1);
    // A store of an earlier program, which kept no such note.
    fs::remove_file(folder.root().join("projection")).unwrap();
    let store = folder.open(1).unwrap();
    assert!(folder.root().join("projection").exists());
    assert_eq!(store.opened().rebuilt, None);
    drop(store);
    // A later program has only looked at it, and its index is of that version now.
    drop(folder.open(3).unwrap());
    folder.is_refused_by(2, (3, 2));
    folder.is_refused_by(1, (3, 1));
    drop(folder.open(3).unwrap());
    let store = folder.open(4).unwrap();
    assert_eq!(store.get(b"n").unwrap().unwrap(), b"1");
    assert!(store.opened().rebuilt.is_some(), "an index of an earlier version is made anew");
}

#[test]
fn a_store_whose_note_cannot_be_written_is_read_and_not_written() {
    use super::faults::{Failure, FaultyFiles};
    let folder = Folder::made_by(1);
    let files = FaultyFiles::new();
    let options = Options { files: Arc::new(files.clone()), ..Options::at(NOW) };
    files.fail_at(1, Failure::Full, true);
    let store = DiskStore::open(folder.root(), Arc::new(Program(2)), options).unwrap();
    assert_eq!(store.get(b"first").unwrap().unwrap(), b"1");
    let refused = store.commit(vec![Record { kind: LATER, payload: Vec::new() }]);
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    files.heal();
    store.reopen().unwrap();
    store.commit(vec![Record { kind: LATER, payload: Vec::new() }]).unwrap();
    drop(store);
    folder.is_refused_by(1, (2, 1));
}
