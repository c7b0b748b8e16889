//! A sealed store: the contract, what a thief finds, other keys, changed bytes, and taking over.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use super::contract::{Place, every_rule, put, rows};
use super::faults::{Failure, FaultyFiles};
use super::{
    DiskStore, NONCE_BYTES, Options, Position, Project, Read, SealedBytes, Sealing, Store,
    StoreError,
};

const NOW: i64 = 1_795_447_999_000;
const SECRET: &str = "Nguyễn Thị Bưởi: chè không đạt";

/// Keys by name; a name is as good as its key here.
struct TestSeal {
    keys: Mutex<BTreeMap<u32, [u8; 32]>>,
    takes_plain: bool,
}

/// Nonces differ between all seals of a test run.
static COUNT: AtomicU64 = AtomicU64::new(0);

impl TestSeal {
    fn of(keys: &[u32], takes_plain: bool) -> Arc<Self> {
        let keys = keys.iter().map(|key| (*key, blake3::derive_key("test", &key.to_le_bytes())));
        Arc::new(Self { keys: Mutex::new(keys.collect()), takes_plain })
    }

    fn cipher(&self, key: u32) -> Option<XChaCha20Poly1305> {
        self.keys.lock().unwrap().get(&key).map(|key| XChaCha20Poly1305::new(key.into()))
    }
}

impl Sealing for TestSeal {
    fn key(&self) -> u32 {
        *self.keys.lock().unwrap().keys().next_back().unwrap()
    }

    fn holds(&self, key: u32) -> bool {
        self.keys.lock().unwrap().contains_key(&key)
    }

    fn takes_plain(&self) -> bool {
        self.takes_plain
    }

    fn seal(&self, key: u32, context: &[u8], plain: &[u8]) -> Option<SealedBytes> {
        let mut nonce = [0; NONCE_BYTES];
        nonce[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::SeqCst).to_le_bytes());
        let payload = Payload { msg: plain, aad: context };
        Some((nonce, self.cipher(key)?.encrypt(&XNonce::from(nonce), payload).unwrap()))
    }

    fn open(&self, key: u32, nonce: &[u8; 24], context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload { msg: sealed, aad: context };
        self.cipher(key)?.decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

struct Sealed {
    folder: tempfile::TempDir,
    files: FaultyFiles,
}

impl Sealed {
    fn new() -> Self {
        let shared = Path::new("/dev/shm");
        let folder =
            if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        Self { folder: folder.unwrap(), files: FaultyFiles::new() }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn try_open(&self, sealing: Option<Arc<TestSeal>>) -> Result<DiskStore, StoreError> {
        let sealing = sealing.map(|sealing| sealing as Arc<dyn Sealing>);
        let files = Arc::new(self.files.clone());
        let options = Options { files, sealing, segment_bytes: 2_000, ..Options::at(NOW) };
        DiskStore::open(self.root(), rows(), options)
    }

    fn with(&self, keys: &[u32], takes_plain: bool) -> DiskStore {
        self.try_open(Some(TestSeal::of(keys, takes_plain))).unwrap()
    }

    /// All bytes, by path.
    fn bytes(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.root()];
        while let Some(folder) = folders.pop() {
            for item in fs::read_dir(folder).unwrap() {
                let path = item.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        found
    }

    fn shows(&self, words: &str) -> bool {
        let words = words.as_bytes();
        self.bytes().values().any(|bytes| bytes.windows(words.len()).any(|part| part == words))
    }
}

impl Place for Sealed {
    type Store = DiskStore;

    fn open(&self, project: Arc<dyn Project>) -> Result<DiskStore, StoreError> {
        let sealing: Option<Arc<dyn Sealing>> = Some(TestSeal::of(&[7], false));
        let options = Options { sealing, segment_bytes: 2_000, ..Options::at(NOW) };
        DiskStore::open(self.root(), project, options)
    }

    fn crash(&self, store: DiskStore) {
        drop(store);
        drop(fs::remove_file(self.root().join("closed")));
    }
}

/// Commits secrets, small and over a chunk, overwritten and removed ones too.
fn fill(store: &DiskStore) {
    for number in 0..20 {
        let value = format!("{SECRET} {number} {}", ". ".repeat(number * 20));
        store.commit(vec![put(&format!("k{number}"), value)]).unwrap();
    }
    store.commit(vec![put("large", SECRET.repeat(3_000))]).unwrap();
    store.commit(vec![put("large", SECRET)]).unwrap();
}

fn check(store: &DiskStore) {
    for number in 0..20 {
        let value = store.get(format!("k{number}").as_bytes()).unwrap().unwrap();
        assert!(value.starts_with(format!("{SECRET} {number} ").as_bytes()));
    }
    assert_eq!(store.get(b"large").unwrap().unwrap(), SECRET.as_bytes());
    assert!(store.record(Position(3)).unwrap().is_some());
    assert_eq!(store.opened().lost, []);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_plain_copy_in_the_place_of_a_sealed_store_is_told_and_left_as_it_is() {
    let place = Sealed::new();
    let store = place.try_open(None).unwrap();
    store.commit(vec![put("k", SECRET)]).unwrap();
    drop(store);
    let before = place.bytes();
    let refused = place.try_open(Some(TestSeal::of(&[7], false))).err().unwrap();
    assert!(matches!(refused, StoreError::Unsealed { .. }), "{refused}");
    let mut after = place.bytes();
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(after, before);
    let opened = place.try_open(None).unwrap().opened().clone();
    assert_eq!((opened.lost, opened.set_aside), (Vec::new(), Vec::new()));
}

#[test]
fn a_sealed_store_keeps_every_rule() {
    every_rule(Sealed::new);
}

#[test]
fn nothing_readable_is_in_a_sealed_store_and_all_of_it_in_a_plain_one() {
    for sealing in [None, Some(TestSeal::of(&[7], false))] {
        let place = Sealed::new();
        let plain = sealing.is_none();
        let store = place.try_open(sealing.clone()).unwrap();
        fill(&store);
        assert_eq!(place.shows(SECRET), plain, "while it is open");
        store.close().unwrap();
        assert_eq!(place.shows(SECRET), plain, "closed");
        let store = place.try_open(sealing.clone()).unwrap();
        assert_eq!(store.opened().rebuilt, None);
        check(&store);
        place.crash(store);
        fs::remove_dir_all(place.root().join("index")).unwrap();
        check(&place.try_open(sealing).unwrap());
        assert_eq!(place.shows(SECRET), plain, "made anew");
    }
}

#[test]
fn another_key_or_none_changes_nothing_on_disk() {
    let place = Sealed::new();
    let store = place.with(&[7], false);
    fill(&store);
    store.close().unwrap();
    let before = place.bytes();
    let other = place.try_open(Some(TestSeal::of(&[8], true))).unwrap_err();
    assert!(matches!(other, StoreError::OtherKey { key: 7, .. }), "{other}");
    assert!(matches!(place.try_open(None).unwrap_err(), StoreError::Sealed { .. }));
    assert_eq!(place.bytes(), before);
    check(&place.with(&[7], false));
}

#[test]
fn a_plain_store_is_taken_over_and_nothing_plain_stays() {
    let place = Sealed::new();
    let store = place.try_open(None).unwrap();
    fill(&store);
    place.crash(store);
    let segments = fs::read_dir(place.root().join("journal")).unwrap().count();
    let last = place.root().join(format!("journal/{segments:08}.seg"));
    let mut bytes = fs::read(&last).unwrap();
    bytes.extend_from_slice(SECRET.as_bytes());
    fs::write(&last, bytes).unwrap();
    // The torn end is set aside in plain, and so is a damaged index.
    drop(place.try_open(None).unwrap());
    fs::create_dir_all(place.root().join("index-damaged-x")).unwrap();
    fs::write(place.root().join("index-damaged-x/db"), SECRET).unwrap();
    assert!(place.bytes().keys().any(|path| path.to_string_lossy().contains("-torn-")));
    let store = place.with(&[7], true);
    check(&store);
    assert!(!store.opened().older_keys);
    assert!(!place.shows(SECRET));
    assert!(place.bytes().keys().any(|path| path.to_string_lossy().ends_with(".sealed")));
    store.close().unwrap();
    check(&place.with(&[7], false));
}

#[test]
fn samples_of_plain_formats_are_taken_over() {
    for sample in
        [&include_bytes!("fixtures/journal-v1.seg")[..], include_bytes!("fixtures/journal-v2.seg")]
    {
        let place = Sealed::new();
        fs::create_dir_all(place.root().join("journal")).unwrap();
        fs::write(place.root().join("journal/00000001.seg"), sample).unwrap();
        let store = place.with(&[7], true);
        assert_eq!((store.position(), store.opened().lost), (Position(8), vec![]));
        assert!(store.get(b"k006").unwrap().is_some());
        // The keys of rows stay readable in the index; the journal's records hold them too.
        let journal = place.bytes().into_iter().filter(|(path, _)| path.ends_with("00000001.seg"));
        for (path, bytes) in journal {
            assert!(!bytes.windows(4).any(|part| part == b"k006"), "{}", path.display());
        }
    }
}

#[test]
fn a_sealed_journal_of_the_third_format_is_still_read() {
    let place = Sealed::new();
    fs::create_dir_all(place.root().join("journal")).unwrap();
    let sample = include_bytes!("fixtures/journal-v3.seg");
    fs::write(place.root().join("journal/00000001.seg"), sample).unwrap();
    let store = place.with(&[7], false);
    assert_eq!((store.position(), store.opened().lost), (Position(4), vec![]));
    assert_eq!(store.get(b"k3").unwrap().unwrap(), SECRET.as_bytes());
}

#[test]
#[ignore = "writes the sample again; only for a new format"]
fn write_a_sealed_sample_journal() {
    let place = Sealed::new();
    let store = place.with(&[7], false);
    for number in 0..4 {
        store.commit(vec![put(&format!("k{number}"), SECRET)]).unwrap();
    }
    drop(store);
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/fixtures/journal-v3.seg");
    fs::copy(place.root().join("journal/00000001.seg"), sample).unwrap();
}

#[test]
fn taking_over_that_fails_at_any_call_is_done_again() {
    for failure in [Failure::Full, Failure::Device] {
        for call in (1..200).step_by(3) {
            let place = Sealed::new();
            let store = place.try_open(None).unwrap();
            fill(&store);
            place.crash(store);
            place.files.fail_at(call, failure, true);
            drop(place.try_open(Some(TestSeal::of(&[7], true))));
            let done = place.files.failed() == 0;
            place.files.heal();
            check(&place.with(&[7], true));
            assert!(!place.shows(SECRET), "{failure:?} at call {call}");
            if done {
                break;
            }
        }
    }
}

#[test]
fn a_new_key_seals_everything_anew_and_the_old_one_is_not_needed_any_more() {
    let place = Sealed::new();
    let store = place.with(&[7], false);
    fill(&store);
    store.close().unwrap();
    let store = place.with(&[7, 8], false);
    check(&store);
    assert!(!store.opened().older_keys);
    store.close().unwrap();
    check(&place.with(&[8], false));
    assert!(matches!(
        place.try_open(Some(TestSeal::of(&[7], false))),
        Err(StoreError::OtherKey { key: 8, .. })
    ));
}

#[test]
fn a_key_change_that_fails_at_any_call_loses_nothing_and_says_which_keys_are_needed() {
    for failure in [Failure::Full, Failure::FullForAll, Failure::Device] {
        for call in 1..200 {
            let place = Sealed::new();
            // The journal is what changes; without sled's files this takes seconds, not minutes.
            let open = |keys: &[u32]| {
                let sealing: Option<Arc<dyn Sealing>> = Some(TestSeal::of(keys, false));
                let (files, at) = (Arc::new(place.files.clone()), Options::at(NOW));
                let options =
                    Options { files, sealing, index_in_memory: true, segment_bytes: 300, ..at };
                DiskStore::open(place.root(), rows(), options)
            };
            let store = open(&[7]).unwrap();
            for number in 0..4 {
                store.commit(vec![put(&format!("k{number}"), SECRET)]).unwrap();
            }
            place.crash(store);
            place.files.fail_at(call, failure, true);
            let mut needed = &[7, 8][..];
            let mut committed = false;
            if let Ok(store) = open(&[7, 8]) {
                if !store.opened().older_keys {
                    needed = &[8];
                }
                place.files.heal();
                committed = store.commit(vec![put("after", "8")]).is_ok();
            }
            let done = place.files.failed() == 0;
            place.files.heal();
            let store = open(needed).unwrap();
            let after = store.get(b"after").unwrap();
            assert!(!committed || after.is_some(), "{failure:?} at call {call}");
            assert_eq!(store.opened().lost, [], "{failure:?} at call {call}");
            for number in 0..4 {
                assert!(store.get(format!("k{number}").as_bytes()).unwrap().is_some());
            }
            if done {
                break;
            }
        }
    }
}

/// Changes a byte of a file.
fn spoil(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0xff;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_plain_store_that_must_be_repaired_leaves_nothing_plain_aside() {
    let place = Sealed::new();
    let store = place.try_open(None).unwrap();
    fill(&store);
    place.crash(store);
    spoil(&place.root().join("journal/00000001.seg"), 200);
    let store = place.with(&[7], true);
    check(&store);
    assert!(store.opened().set_aside.iter().any(|(name, _)| name.contains("journal-damaged")));
    assert!(!store.opened().older_keys);
    assert!(!place.shows(SECRET), "{:?}", store.opened().set_aside);
    drop(store);
    check(&place.with(&[7], false));
}

#[test]
fn another_key_changes_nothing_where_no_header_can_be_read() {
    let place = Sealed::new();
    let store = place.with(&[7], false);
    fill(&store);
    place.crash(store);
    for item in fs::read_dir(place.root().join("journal")).unwrap() {
        spoil(&item.unwrap().path(), 0);
    }
    let before = place.bytes();
    let other = place.try_open(Some(TestSeal::of(&[8], true))).unwrap_err();
    assert!(matches!(other, StoreError::OtherKey { key: 7, .. }), "{other}");
    assert!(matches!(place.try_open(None).unwrap_err(), StoreError::Sealed { .. }));
    assert_eq!(place.bytes(), before);
    check(&place.with(&[7], false));
}

#[test]
fn a_record_whose_key_is_not_at_hand_is_not_lost() {
    let (seven, eight) = (TestSeal::of(&[7], false), TestSeal::of(&[8], false));
    let store = super::entry::StoreId([1; 16]);
    let entry = super::entry::Entry {
        position: Position(5),
        group_offset: 0,
        last: true,
        lost: false,
        seal: None,
        record: put("k", SECRET),
    };
    let sealed = entry.sealed(store, &*seven, 7).unwrap();
    let refused = sealed.clone().under(store, &*eight, 8).unwrap_err();
    assert!(matches!(refused, StoreError::OtherKey { key: 7, .. }), "{refused}");
    let mut broken = sealed;
    broken.record.payload[0] ^= 1;
    assert_eq!(broken.under(store, &*TestSeal::of(&[7, 8], false), 8).unwrap(), None);
}

#[test]
fn a_new_key_given_while_the_store_is_open_seals_what_comes_and_then_the_rest() {
    let place = Sealed::new();
    let sealing = TestSeal::of(&[7], false);
    let store = place.try_open(Some(Arc::clone(&sealing))).unwrap();
    fill(&store);
    let key = blake3::derive_key("test", &8_u32.to_le_bytes());
    sealing.keys.lock().unwrap().insert(8, key);
    store.commit(vec![put("after", "8")]).unwrap();
    check(&store);
    store.reopen().unwrap();
    check(&store);
    assert!(!store.opened().older_keys);
    drop(store);
    check(&place.with(&[8], false));
}

#[test]
fn a_key_change_without_room_keeps_the_old_key_and_goes_on() {
    let place = Sealed::new();
    let store = place.with(&[7], false);
    fill(&store);
    drop(store);
    let sealing: Option<Arc<dyn Sealing>> = Some(TestSeal::of(&[7, 8], false));
    let files = Arc::new(place.files.clone());
    // Enough to open the index and to commit, and not to write the journal once more beside itself.
    place.files.claim_free((2 << 20) + 1_000);
    let options = Options { files, sealing, free_bytes_min: 0, ..Options::at(NOW) };
    let store = DiskStore::open(place.root(), rows(), options).unwrap();
    assert!(store.opened().older_keys);
    store.commit(vec![put("after", "8")]).unwrap();
    check(&store);
    drop(store);
    place.files.heal();
    let store = place.with(&[7, 8], false);
    assert!(!store.opened().older_keys);
    assert_eq!(store.get(b"after").unwrap().unwrap(), b"8");
    check(&store);
}

/// Makes mark, chain and checksum of the first record true again, as one who knows the format would.
fn forge(path: &Path, change: impl FnOnce(&mut super::entry::Entry)) {
    use super::entry::{Entry, Marker, SEGMENT_HEADER_BYTES, SegmentHeader};
    let bytes = fs::read(path).unwrap();
    let header = SegmentHeader::decode(&bytes).unwrap();
    let mut entry = Entry::decode(&bytes[SEGMENT_HEADER_BYTES..]).unwrap();
    change(&mut entry);
    let (record, _) = entry.encode(&header.before.chain, &Marker::of(header.store));
    fs::write(path, [&bytes[..SEGMENT_HEADER_BYTES], &record].concat()).unwrap();
}

#[test]
fn a_forged_record_is_not_believed_whoever_makes_its_checksums_true() {
    type Change = fn(&mut super::entry::Entry);
    let changes: [Change; 4] = [
        |entry| entry.record.payload[3] ^= 1,
        |entry| entry.record.kind ^= 1,
        |entry| entry.seal.as_mut().unwrap().nonce[0] ^= 1,
        |entry| (entry.seal, entry.record) = (None, put("k0", "forged")),
    ];
    for change in changes {
        let place = Sealed::new();
        let store = place.with(&[7], false);
        store.commit(vec![put("k0", SECRET)]).unwrap();
        place.crash(store);
        fs::remove_dir_all(place.root().join("index")).unwrap();
        forge(&place.root().join("journal/00000001.seg"), change);
        let store = place.with(&[7], false);
        assert_eq!((store.get(b"k0").unwrap(), store.opened().lost), (None, vec![Position(1)]));
        assert!(!store.verify().unwrap().problems.is_empty());
    }
}

#[test]
fn a_record_of_another_place_or_store_does_not_open() {
    let sealing = TestSeal::of(&[7], false);
    let entry = |at| super::entry::Entry {
        position: Position(at),
        group_offset: 0,
        last: true,
        lost: false,
        seal: None,
        record: put("k", SECRET),
    };
    let (one, two) = (super::entry::StoreId([1; 16]), super::entry::StoreId([2; 16]));
    let sealed = entry(5).sealed(one, &*sealing, 7).unwrap();
    assert_eq!(*sealed.plain(one, Some(&*sealing)).unwrap(), put("k", SECRET));
    assert!(matches!(sealed.plain(two, Some(&*sealing)), Err(StoreError::Damaged { .. })));
    let moved = super::entry::Entry { position: Position(6), ..sealed };
    assert!(matches!(moved.plain(one, Some(&*sealing)), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_row_that_is_changed_or_put_elsewhere_is_damaged() {
    use super::memory::MemoryEngine;
    use super::rows::{Batch, Engine, row_key};
    use super::sealing::SealedEngine;
    let below = Arc::new(MemoryEngine::default());
    let sealing = TestSeal::of(&[7], false);
    let engine = SealedEngine { engine: Box::new(Arc::clone(&below)), sealing };
    let (one, two) = (row_key(b"one"), row_key(b"two"));
    engine.apply(Batch::from([(one.clone(), Some(SECRET.into()))])).unwrap();
    assert_eq!(engine.get(&one).unwrap().unwrap(), SECRET.as_bytes());
    let sealed = below.get(&one).unwrap().unwrap();
    below.apply(Batch::from([(two.clone(), Some(sealed.clone()))])).unwrap();
    assert_eq!(engine.get(&two).unwrap().unwrap(), b"", "no framed value is empty");
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        below.apply(Batch::from([(one.clone(), Some(changed))])).unwrap();
        assert_eq!(engine.get(&one).unwrap().unwrap(), b"");
    }
}
