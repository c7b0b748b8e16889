//! The contract for the store on disk, and what only files can go wrong with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::contract::{Place, count, every_rule, put, rows};
use super::entry::{Chain, Entry, Marker, StoreId};
use super::faults::{Failure, FaultyFiles};
use super::{DiskStore, Options, Position, Project, Read, Record, Store, StoreError, Writes};

const NOW: i64 = 1_795_447_999_000;

pub(super) struct OnDisk {
    folder: tempfile::TempDir,
    pub(super) files: FaultyFiles,
    in_memory: bool,
}

impl OnDisk {
    pub(super) fn new() -> Self {
        // Memory-backed where there is such a place: these tests are not about the disk's speed.
        let shared = Path::new("/dev/shm");
        let folder =
            if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        Self { folder: folder.unwrap(), files: FaultyFiles::new(), in_memory: false }
    }

    fn in_memory() -> Self {
        Self { in_memory: true, ..Self::new() }
    }

    pub(super) fn root(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn options(&self) -> Options {
        let files = Arc::new(self.files.clone());
        Options { files, index_in_memory: self.in_memory, segment_bytes: 2_000, ..Options::at(NOW) }
    }

    pub(super) fn open_rows(&self) -> DiskStore {
        self.open(rows()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let items = fs::read_dir(self.root()).unwrap();
        let mut names: Vec<_> =
            items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Place for OnDisk {
    type Store = DiskStore;

    fn open(&self, project: Arc<dyn Project>) -> Result<DiskStore, StoreError> {
        DiskStore::open(self.root(), project, self.options())
    }

    fn crash(&self, store: DiskStore) {
        drop(store);
        // Without its note the store counts as not closed.
        drop(fs::remove_file(self.root().join("closed")));
    }
}

fn fill(store: &DiskStore, commits: u64) {
    for _ in 0..commits {
        let number = store.position().0;
        store.commit(vec![put(&format!("k{number:03}"), vec![b'x'; 300]), count("n")]).unwrap();
    }
}

fn check(store: &DiskStore, records: u64) {
    assert_eq!(store.position(), Position(records));
    assert_eq!(store.get(b"n").unwrap().unwrap(), (records / 2).to_string().as_bytes());
    for number in (0..records).step_by(2) {
        assert_eq!(store.get(format!("k{number:03}").as_bytes()).unwrap(), Some(vec![b'x'; 300]));
        assert!(store.record(Position(number + 1)).unwrap().is_some());
    }
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn the_disk_store_keeps_every_rule() {
    every_rule(OnDisk::new);
}

#[test]
fn the_disk_store_without_a_lasting_index_keeps_every_rule() {
    every_rule(OnDisk::in_memory);
}

#[test]
fn a_clean_close_is_opened_without_replaying() {
    let place = OnDisk::new();
    let store = place.open_rows();
    fill(&store, 20);
    store.close().unwrap();
    let names = ["closed", "identity", "index", "journal", "lock", "projection", "reserve"];
    assert_eq!(place.names(), names);
    let store = place.open_rows();
    let opened = store.opened();
    assert_eq!((opened.rebuilt, opened.replayed, opened.set_aside), (None, 0, vec![]));
    check(&store, 40);
}

#[test]
fn a_missing_index_is_made_from_the_journal() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 20);
    fs::remove_dir_all(place.root().join("index")).unwrap();
    let store = place.open_rows();
    assert_eq!(store.opened().replayed, 40);
    assert!(store.opened().rebuilt.is_some());
    check(&store, 40);
}

#[test]
fn a_missing_journal_is_made_from_the_index() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 20);
    fs::remove_dir_all(place.root().join("journal")).unwrap();
    let store = place.open_rows();
    assert_eq!(store.opened().lost, vec![]);
    check(&store, 40);
    fill(&store, 1);
    drop(store);
    check(&place.open_rows(), 42);
}

#[test]
fn a_damaged_index_is_set_aside_under_a_name_that_says_when() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 20);
    let path = place.root().join("index/db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let store = place.open_rows();
    assert_eq!(store.opened().set_aside[0].0, "index-damaged-20261123T153319Z");
    assert!(place.root().join("index-damaged-20261123T153319Z/db").exists());
    check(&store, 40);
}

#[test]
fn a_damaged_journal_is_repaired_from_the_index_and_the_damaged_file_stays() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 20);
    let path = place.root().join("journal/00000002.seg");
    let good = fs::read(&path).unwrap();
    let mut bytes = good.clone();
    bytes[700] ^= 4;
    fs::write(&path, &bytes).unwrap();
    let store = place.open_rows();
    let (aside, why) = store.opened().set_aside[0].clone();
    assert!(why.contains("00000002.seg"), "{why}");
    assert_eq!(fs::read(place.root().join(aside).join("00000002.seg")).unwrap(), bytes);
    assert_eq!(fs::read(&path).unwrap(), good, "the repair restores the very bytes");
    assert_eq!((store.opened().lost, store.opened().rebuilt), (vec![], None));
    check(&store, 40);
}

#[test]
fn what_neither_has_is_reported_as_lost_until_now_and_later() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 20);
    let path = place.root().join("journal/00000002.seg");
    let mut bytes = fs::read(&path).unwrap();
    bytes[300] ^= 4;
    fs::write(&path, &bytes).unwrap();
    fs::remove_dir_all(place.root().join("index")).unwrap();
    let lost = place.open_rows().opened().lost;
    assert_eq!(lost.len(), 1);
    let store = place.open_rows();
    assert_eq!(store.opened().lost, lost, "it is said at every open");
    assert!(matches!(store.record(lost[0]), Err(StoreError::Damaged { .. })));
    assert_eq!(store.position(), Position(40));
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

/// As the suite's projection, but `effect` means nothing where `cause` is not there.
struct Effects;

impl Project for Effects {
    fn version(&self) -> u32 {
        1
    }

    fn project(
        &self,
        at: Position,
        record: &Record,
        index: &dyn Read,
        writes: &mut Writes,
    ) -> Result<(), StoreError> {
        if record.payload.starts_with(b"effect") && index.get(b"cause")?.is_none() {
            let reason = "its cause is not there".to_owned();
            return Err(StoreError::Meaningless { at, kind: record.kind, reason });
        }
        rows().project(at, record, index, writes)
    }
}

#[test]
fn a_record_whose_cause_is_lost_is_lost_too_and_the_store_opens() {
    let place = OnDisk::new();
    let store = place.open(Arc::new(Effects)).unwrap();
    store.commit(vec![put("cause", "CAUSE")]).unwrap();
    store.commit(vec![put("effect", "1")]).unwrap();
    store.commit(vec![put("other", "2")]).unwrap();
    drop(store);
    let path = place.root().join("journal/00000001.seg");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|window| window == b"CAUSE").unwrap();
    bytes[at] ^= 4;
    fs::write(&path, &bytes).unwrap();
    fs::remove_dir_all(place.root().join("index")).unwrap();
    for _ in 0..2 {
        let store = place.open(Arc::new(Effects)).unwrap();
        assert_eq!(store.opened().lost, [Position(1), Position(2)]);
        assert_eq!(store.get(b"effect").unwrap(), None);
        assert_eq!(store.get(b"other").unwrap(), Some(b"2".to_vec()));
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }
    let store = place.open(Arc::new(Effects)).unwrap();
    store.commit(vec![put("cause", "CAUSE"), put("effect", "1")]).unwrap();
    assert_eq!(store.get(b"effect").unwrap(), Some(b"1".to_vec()));
}

/// A record with a good checksum inside another's payload, as a hostile device can send one: of a
/// later position and group, marked by another store, or unmarked as in format 1.
fn forged(position: u64, marker: &Marker) -> Vec<u8> {
    let record = put("forged", "yes");
    let at = Position(position);
    let entry =
        Entry { position: at, group_offset: 0, last: true, lost: false, seal: None, record };
    entry.encode(&Chain([7; 32]), marker).0
}

#[test]
fn a_record_inside_a_payload_is_never_taken_for_one_of_the_journal() {
    let other = Marker::of(StoreId([9; 16]));
    let mut unmarked = forged(3, &other);
    unmarked[64..68].fill(0);
    let sum = crc32c::crc32c_append(crc32c::crc32c(&unmarked[..68]), &unmarked[72..]);
    unmarked[68..72].copy_from_slice(&sum.to_le_bytes());
    for inner in [forged(3, &other), forged(2_000, &other), unmarked] {
        for torn in [false, true] {
            let place = OnDisk::new();
            let store = place.open_rows();
            store.commit(vec![put("first", "1")]).unwrap();
            store.commit(vec![put("outer", [b"HOSTILE".as_slice(), &inner].concat())]).unwrap();
            if !torn {
                store.commit(vec![put("later", "2")]).unwrap();
            }
            place.crash(store);
            let path = place.root().join("journal/00000001.seg");
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.windows(7).position(|window| window == b"HOSTILE").unwrap();
            bytes[at] ^= 4;
            fs::write(&path, &bytes).unwrap();
            fs::remove_dir_all(place.root().join("index")).unwrap();
            let store = place.open_rows();
            assert_eq!(store.get(b"forged").unwrap(), None, "torn: {torn}");
            assert_eq!(store.get(b"first").unwrap(), Some(b"1".to_vec()));
            assert_eq!(store.get(b"later").unwrap(), (!torn).then(|| b"2".to_vec()));
            let lost: &[Position] = if torn { &[] } else { &[Position(2)] };
            assert_eq!(store.opened().lost, lost, "torn: {torn}");
            assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
        }
    }
}

#[test]
fn a_damaged_journal_of_the_first_format_gives_back_its_unmarked_records() {
    let place = OnDisk::new();
    fs::create_dir_all(place.root().join("journal")).unwrap();
    let mut sample = include_bytes!("fixtures/journal-v1.seg").to_vec();
    let at = sample.windows(4).position(|window| window == b"k002").unwrap();
    sample[at] ^= 4;
    fs::write(place.root().join("journal/00000001.seg"), &sample).unwrap();
    let store = place.open_rows();
    assert_eq!(store.opened().lost, [Position(3)]);
    assert_eq!(store.position(), Position(8));
    assert!(store.get(b"k006").unwrap().is_some());
}

#[test]
fn records_come_back_where_nothing_says_any_more_which_store_it_is() {
    let place = OnDisk::new();
    let store = place.open_rows();
    fill(&store, 2);
    place.crash(store);
    let path = place.root().join("journal/00000001.seg");
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 4;
    fs::write(&path, &bytes).unwrap();
    fs::remove_file(place.root().join("identity")).unwrap();
    fs::remove_dir_all(place.root().join("index")).unwrap();
    check(&place.open_rows(), 4);
}

#[test]
fn a_repair_that_finds_no_room_leaves_nothing_behind() {
    let place = OnDisk::new();
    let store = place.open_rows();
    fill(&store, 20);
    place.crash(store);
    let path = place.root().join("journal/00000002.seg");
    let mut bytes = fs::read(&path).unwrap();
    bytes[400] ^= 4;
    fs::write(&path, &bytes).unwrap();
    let mut refused = 0;
    for nth in 1..60 {
        place.files.fail_at(nth, Failure::Full, true);
        let opened = place.open(rows());
        let was_full = place.files.failed() > 0;
        place.files.heal();
        if let Ok(store) = opened {
            refused += u32::from(store.commit(vec![count("m")]).is_err());
            place.crash(store);
        }
        assert!(!place.root().join("journal.new").exists(), "call {nth}");
        if !was_full {
            break;
        }
    }
    assert!(refused > 0, "no repair met the full disk");
    assert_eq!(place.open_rows().get(b"n").unwrap().unwrap(), b"20");
}

#[test]
fn a_store_whose_first_file_has_no_header_yet_begins_anew() {
    for begun in [&b""[..], b"BIENBANJ"] {
        let place = OnDisk::new();
        fs::create_dir_all(place.root().join("journal")).unwrap();
        fs::write(place.root().join("journal/00000001.seg"), begun).unwrap();
        for opening in 1..=3 {
            let store = place.open_rows();
            fill(&store, opening);
            store.close().unwrap();
        }
        assert_eq!(place.open_rows().get(b"n").unwrap().unwrap(), b"6");
    }
}

#[test]
fn a_torn_tail_is_cut_and_kept_aside() {
    let place = OnDisk::new();
    let store = place.open_rows();
    fill(&store, 2);
    place.crash(store);
    let path = place.root().join("journal/00000001.seg");
    let good = fs::read(&path).unwrap();
    fs::write(&path, [&good[..], b"Bj torn"].concat()).unwrap();
    let store = place.open_rows();
    let (aside, _) = store.opened().set_aside[0].clone();
    assert_eq!(aside, "00000001.seg-torn-20261123T153319Z");
    assert_eq!(fs::read(place.root().join(aside)).unwrap(), b"Bj torn");
    check(&store, 4);
    fill(&store, 20);
    place.crash(store);
    check(&place.open_rows(), 44);
}

#[test]
fn a_full_disk_can_be_opened_for_reading_and_goes_on_once_there_is_room() {
    for place in [OnDisk::new(), OnDisk::in_memory()] {
        let store = place.open_rows();
        fill(&store, 20);
        place.crash(store);
        let last = fs::read_dir(place.root().join("journal")).unwrap().count();
        let path = place.root().join(format!("journal/{last:08}.seg"));
        fs::write(&path, [&fs::read(&path).unwrap()[..], b"Bj torn"].concat()).unwrap();
        place.files.fail_at(1, Failure::Full, true);
        let store = place.open_rows();
        check(&store, 40);
        for _ in 0..2 {
            assert!(matches!(store.commit(vec![count("n")]), Err(StoreError::Full { .. })));
        }
        assert!(matches!(store.reopen(), Err(StoreError::Full { .. })));
        check(&store, 40);
        place.files.heal();
        store.reopen().unwrap();
        fill(&store, 1);
        check(&store, 42);
    }
}

#[test]
fn a_full_disk_shows_what_the_index_had_not_taken_in() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 5);
    let (index, older) = (place.root().join("index"), place.folder.path().join("older"));
    fs::rename(&index, &older).unwrap();
    fs::remove_file(place.root().join("closed")).unwrap();
    fill(&place.open_rows(), 5);
    fs::remove_file(place.root().join("closed")).unwrap();
    fs::remove_dir_all(&index).unwrap();
    fs::rename(&older, &index).unwrap();
    let last = fs::read_dir(place.root().join("journal")).unwrap().count();
    let path = place.root().join(format!("journal/{last:08}.seg"));
    fs::write(&path, [&fs::read(&path).unwrap()[..], b"Bj torn"].concat()).unwrap();
    place.files.fail_at(1, Failure::Full, true);
    let store = place.open_rows();
    for number in (0..20).step_by(2) {
        let key = format!("k{number:03}");
        assert!(store.get(key.as_bytes()).unwrap().is_some(), "{key} is not shown");
    }
    place.files.heal();
    store.reopen().unwrap();
    check(&store, 20);
}

#[test]
fn a_disk_too_full_to_end_a_repair_can_be_read_and_the_next_opening_ends_it() {
    for swapped in [false, true] {
        let place = OnDisk::new();
        fill(&place.open_rows(), 20);
        fs::remove_file(place.root().join("closed")).unwrap();
        let (journal, fresh) = (place.root().join("journal"), place.root().join("journal.new"));
        if swapped {
            // As a crash leaves it between the two renames.
            fs::rename(&journal, &fresh).unwrap();
        } else {
            fs::create_dir(&fresh).unwrap();
        }
        place.files.fail_at(1, Failure::FullForAll, true);
        let store = place.open_rows();
        assert!(matches!(store.commit(vec![count("n")]), Err(StoreError::Full { .. })));
        check(&store, 40);
        place.files.heal();
        store.reopen().unwrap();
        check(&store, 40);
        assert!(journal.exists() && !fresh.exists());
    }
}

#[test]
fn a_journal_of_the_first_format_is_still_read() {
    let place = OnDisk::new();
    fs::create_dir_all(place.root().join("journal")).unwrap();
    let sample = include_bytes!("fixtures/journal-v1.seg");
    fs::write(place.root().join("journal/00000001.seg"), sample).unwrap();
    let store = place.open_rows();
    check(&store, 8);
    let opened = store.opened();
    assert_eq!((opened.set_aside, opened.lost, opened.moved), (vec![], vec![], true));
}

#[test]
fn a_journal_of_the_second_format_is_still_read() {
    let place = OnDisk::new();
    fs::create_dir_all(place.root().join("journal")).unwrap();
    let sample = include_bytes!("fixtures/journal-v2.seg");
    fs::write(place.root().join("journal/00000001.seg"), sample).unwrap();
    check(&place.open_rows(), 8);
}

#[test]
fn an_empty_index_says_nothing_of_whose_journal_it_is() {
    let place = OnDisk::new();
    fs::create_dir_all(place.root().join("journal")).unwrap();
    let sample = include_bytes!("fixtures/journal-v2.seg");
    fs::write(place.root().join("journal/00000001.seg"), sample).unwrap();
    // As an opening leaves it that failed once the index was made.
    drop(sled::open(place.root().join("index")).unwrap());
    let store = place.open_rows();
    check(&store, 8);
    let torn = |(name, _): &(String, String)| name.contains("-torn-");
    assert!(!store.opened().set_aside.iter().any(torn), "{:?}", store.opened());
}

#[test]
#[ignore = "writes the sample again; only for a new format"]
fn write_a_sample_journal() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 4);
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/fixtures/journal-v2.seg");
    fs::copy(place.root().join("journal/00000001.seg"), sample).unwrap();
}

#[test]
fn a_segment_that_was_being_started_is_set_aside() {
    let place = OnDisk::new();
    let store = place.open_rows();
    fill(&store, 20);
    place.crash(store);
    let segments = fs::read_dir(place.root().join("journal")).unwrap().count();
    for rest in [&b""[..], b"BIENBANJ\x01\0\0\0"] {
        let next = place.root().join(format!("journal/{:08}.seg", segments + 1));
        fs::write(&next, rest).unwrap();
        let store = place.open_rows();
        check(&store, 40);
        assert!(!next.exists());
        place.crash(store);
    }
}

#[test]
fn an_index_ahead_of_its_journal_gives_the_records_back() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 3);
    let path = place.root().join("journal/00000001.seg");
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[..good.len() - 100]).unwrap();
    let store = place.open_rows();
    assert_eq!(store.opened().lost, vec![]);
    check(&store, 6);
}

#[test]
fn an_unclean_index_is_checked_row_by_row() {
    let place = OnDisk::new();
    let store = place.open_rows();
    fill(&store, 20);
    place.crash(store);
    let store = place.open_rows();
    assert_eq!(store.opened().rebuilt, None);
    check(&store, 40);
    drop(store);
    // A row changed behind the store's back: sled is content, the sum is not.
    let db = sled::open(place.root().join("index")).unwrap();
    let (key, _) = db.scan_prefix(b"rk").next().unwrap().unwrap();
    db.remove(key).unwrap();
    drop(db);
    fs::remove_file(place.root().join("closed")).unwrap();
    let store = place.open_rows();
    assert!(store.opened().rebuilt.unwrap().contains("other rows"));
    check(&store, 40);
}

#[test]
fn a_copied_folder_says_that_it_moved_until_its_first_commit() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 3);
    assert!(!place.open_rows().opened().moved, "a normal reopen is no move");
    let copy = OnDisk::new();
    let mut cp = std::process::Command::new("cp");
    assert!(cp.arg("-a").arg(place.root()).arg(copy.root()).status().unwrap().success());
    assert!(copy.open_rows().opened().moved);
    let store = copy.open_rows();
    assert!(store.opened().moved, "it is said until a commit shows that the owner took note");
    check(&store, 6);
    fill(&store, 1);
    drop(store);
    assert!(!copy.open_rows().opened().moved);
    assert!(!place.open_rows().opened().moved);
}

#[test]
fn yesterdays_copy_laid_over_the_folder_says_that_it_moved() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 3);
    let backup = place.folder.path().join("backup");
    let run = |program: &str, from: &Path, to: &Path| {
        let mut command = std::process::Command::new(program);
        assert!(command.arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    run("cp", &place.root(), &backup);
    fill(&place.open_rows(), 3);
    fs::remove_dir_all(place.root().join("index")).unwrap();
    for segment in fs::read_dir(place.root().join("journal")).unwrap() {
        fs::remove_file(segment.unwrap().path()).unwrap();
    }
    run("cp", &backup.join("."), &place.root());
    let store = place.open_rows();
    assert!(store.opened().moved);
    check(&store, 6);
}

#[test]
fn an_older_journal_put_back_in_place_after_an_unclean_end_is_noticed() {
    let place = OnDisk::new();
    let open = || {
        let options = Options { notes_reach: true, ..place.options() };
        DiskStore::open(place.root(), rows(), options).unwrap()
    };
    let (journal, identity) = (place.root().join("journal"), place.root().join("identity"));
    let reached = place.root().join("reached");
    fill(&open(), 3);
    let backup = place.folder.path().join("backup");
    let copy = |from: &Path, to: &Path| {
        let mut command = std::process::Command::new("cp");
        assert!(command.arg("-a").arg(from).arg(to).status().unwrap().success());
    };
    fs::create_dir(&backup).unwrap();
    copy(&journal, &backup);
    copy(&identity, &backup);
    // One commit, and the end comes before any checkpoint.
    let store = open();
    fill(&store, 1);
    let noted = fs::read(&reached).unwrap();
    place.crash(store);
    fs::write(&reached, &noted).unwrap();
    assert!(!open().opened().moved, "an unclean end alone is no copy");
    fs::remove_file(place.root().join("closed")).unwrap();
    fs::write(&reached, &noted).unwrap();
    for folder in [&journal, &place.root().join("index")] {
        fs::remove_dir_all(folder).unwrap();
    }
    copy(&backup.join("."), &place.root());
    for _ in 0..2 {
        let store = open();
        let opened = store.opened();
        assert!(opened.older && opened.moved, "said until a commit shows that the owner took note");
        check(&store, 6);
        place.crash(store);
    }
    let store = open();
    fill(&store, 1);
    place.crash(store);
    let store = open();
    assert!(!store.opened().older && !store.opened().moved);
    check(&store, 8);
}

#[test]
fn a_commit_under_an_own_view_is_refused_instead_of_waiting_forever() {
    let place = OnDisk::new();
    let store = place.open_rows();
    let view = store.read();
    assert!(matches!(store.commit(vec![count("n")]), Err(StoreError::ViewHeld)));
    drop(view);
    store.commit(vec![count("n")]).unwrap();
}

#[test]
fn waiting_commits_share_one_sync() {
    let place = OnDisk::new();
    let store = place.open_rows();
    place.files.slow_down(Duration::from_millis(20));
    let before = place.files.syncs();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| store.commit(vec![count("n")]).unwrap());
        }
    });
    let syncs = place.files.syncs() - before;
    assert!(syncs <= 4, "{syncs} syncs for 8 commits at once");
    let before = place.files.syncs();
    store.commit(vec![count("n")]).unwrap();
    assert_eq!(place.files.syncs() - before, 1, "one commit costs one sync");
}

/// Runs commits with the n-th changing call failing, then heals, and checks that every acknowledged
/// commit is there. Returns whether a call failed at all.
fn one_failure(place: &OnDisk, n: u64, failure: Failure, stays: bool) -> bool {
    let context = format!("call {n}, {failure:?}, stays {stays}");
    place.files.fail_at(n, failure, stays);
    let mut acknowledged = 0;
    if let Ok(store) = place.open(rows()) {
        let mut failed = false;
        for number in 0..12 {
            match store.commit(vec![put(&format!("k{number:03}"), vec![b'x'; 300]), count("n")]) {
                Ok(_) => {
                    assert!(!failed, "acknowledged after a failure: {context}");
                    acknowledged += 1;
                }
                Err(_) => failed = true,
            }
        }
        if failed {
            for number in 0..acknowledged {
                let key = format!("k{number:03}");
                assert!(store.get(key.as_bytes()).unwrap().is_some(), "unreadable: {context}");
            }
        }
        place.files.heal();
        if failed {
            store.reopen().unwrap_or_else(|error| panic!("{error}: {context}"));
        }
        assert!(store.position().0 >= 2 * acknowledged, "lost: {context}");
        store.commit(vec![count("after")]).unwrap_or_else(|error| panic!("{error}: {context}"));
    }
    let hit = place.files.failed() > 0;
    place.files.heal();
    let store = place.open(rows()).unwrap_or_else(|error| panic!("{error}: {context}"));
    for number in 0..acknowledged {
        let key = format!("k{number:03}");
        assert!(store.get(key.as_bytes()).unwrap().is_some(), "lost: {context}");
    }
    assert_eq!(store.opened().lost, vec![], "{context}");
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new(), "{context}");
    hit
}

fn every_failure(new_place: impl Fn() -> OnDisk, step: usize) {
    for failure in [Failure::Full, Failure::Device] {
        for stays in [false, true] {
            let mut clean = 0;
            for n in (1..=300).step_by(step) {
                // Until runs pass without meeting the fault: all calls have failed once.
                if !one_failure(&new_place(), n, failure, stays) {
                    clean += 1;
                    if clean > 2 {
                        break;
                    }
                }
            }
            assert!(clean > 0, "the workload makes more calls than were tried");
        }
    }
}

#[test]
fn a_failure_of_any_call_loses_nothing_acknowledged() {
    every_failure(OnDisk::in_memory, 1);
}

#[test]
fn a_failure_of_a_call_over_a_real_index_loses_nothing_acknowledged() {
    every_failure(OnDisk::new, 17);
}

#[test]
fn readers_wait_while_the_store_is_opened_again() {
    const READERS: usize = 4;
    const REOPENS: usize = 40;
    let place = OnDisk::new();
    let store = place.open_rows();
    fill(&store, 5);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let found = store.get(b"k000");
                    assert_eq!(found.expect("a reader waits"), Some(vec![b'x'; 300]));
                }
            });
        }
        for _ in 0..REOPENS {
            store.reopen().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    check(&store, 10);
}

#[test]
fn nothing_is_called_lost_while_the_index_that_may_have_it_lacks_room_to_be_opened() {
    let place = OnDisk::new();
    fill(&place.open_rows(), 20);
    let path = place.root().join("journal/00000001.seg");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, &bytes).unwrap();
    place.files.claim_free(0);
    let store = place.open_rows();
    assert!(matches!(store.commit(vec![put("k", "v")]), Err(StoreError::Full { .. })));
    assert!(place.root().join("index").exists());
    assert_eq!(store.opened().lost, vec![]);
    place.files.heal();
    // The way out without a restart, and with one.
    store.reopen().unwrap();
    check(&store, 40);
    assert_eq!(store.opened().lost, vec![]);
    drop(store);
    check(&place.open_rows(), 40);
}

#[test]
fn who_waits_for_a_folder_is_told_who_has_it_and_gets_it_when_it_is_free() {
    let place = OnDisk::new();
    let open = |holder: &str, patience| {
        let options = Options { holder: holder.to_owned(), patience, ..place.options() };
        DiskStore::open(place.root(), rows(), options)
    };
    let first = open("field sync", Duration::ZERO).unwrap();
    let refused = open("field list", Duration::ZERO).map(drop).unwrap_err();
    let StoreError::InUse { holder: Some(holder), .. } = &refused else { panic!("{refused:?}") };
    assert_eq!((holder.what.as_str(), holder.process), ("field sync", std::process::id()));
    assert!(refused.to_string().contains("`field sync` (process"), "{refused}");
    std::thread::scope(|scope| {
        // However late the first one ends, the second has the folder then.
        let second = scope.spawn(|| open("field list", Duration::from_secs(600)).map(drop));
        drop(first);
        second.join().unwrap().unwrap();
    });
    assert!(!place.root().join("holder").exists(), "whoever is done has taken the note away");
}
