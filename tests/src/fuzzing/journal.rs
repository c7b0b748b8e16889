//! A store's own files after damage: journal segments and what lies beside them, records, key files.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bienban_core::model::Incarnation;
use bienban_core::replica::{Fact, Hub, HubOptions, Phone};
use bienban_core::store::contract::{put, rows};
use bienban_core::store::{
    DiskStore, FileHandle, Files, MemoryStore, Options, Position, Read as _, Record, Row,
    Store as _,
};
use bienban_core::trust::rest::{Cost, KEY_BYTES, KeyFile, StoreKey, Way};
use tempfile::TempDir;

use super::bytes::Bytes;
use super::stage::{self, HONEST, stage};
use crate::fleet::NOW;

/// Records in the journal that is damaged.
const RECORDS: u8 = 16;

/// Segments are closed at this many bytes, so that there are several.
const SEGMENT_BYTES: u64 = 1 << 10;

/// Records that one input adds.
const ADDED_MAX: usize = 8;

/// Where a segment's first record begins, and where a record says its length, checksum and payload
/// (`docs/store-format.md`).
const RECORDS_AT: usize = 128;
const LENGTH_AT: usize = 4;
const CRC_AT: usize = 68;
const PAYLOAD_AT: usize = 72;

/// Files in memory, by their path.
#[derive(Clone, Default)]
struct MemoryFiles(Arc<Mutex<BTreeMap<PathBuf, Vec<u8>>>>);

struct Handle(MemoryFiles, PathBuf);

fn gone() -> io::Error {
    ErrorKind::NotFound.into()
}

impl MemoryFiles {
    fn all(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.all().clone())))
    }
}

impl Files for MemoryFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        self.all().insert(path.to_owned(), Vec::new());
        Ok(Box::new(Handle(self.clone(), path.to_owned())))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        match self.all().contains_key(path) {
            true => Ok(Box::new(Handle(self.clone(), path.to_owned()))),
            false => Err(gone()),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.all().get(path).cloned().ok_or_else(gone)
    }

    fn read_start(&self, path: &Path, bytes: usize) -> io::Result<(Vec<u8>, u64)> {
        let all = self.read(path)?;
        Ok((all[..bytes.min(all.len())].to_vec(), all.len() as u64))
    }

    fn free_bytes(&self, _folder: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let inside = |path: &PathBuf| {
            let first = path.strip_prefix(folder).ok()?.components().next()?;
            Some(first.as_os_str().to_string_lossy().into_owned())
        };
        let mut names: Vec<String> = self.all().keys().filter_map(inside).collect();
        names.dedup();
        if names.is_empty() { Err(gone()) } else { Ok(names) }
    }

    fn create_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut all = self.all();
        let moved: Vec<PathBuf> =
            all.keys().filter(|path| path.starts_with(from)).cloned().collect();
        if moved.is_empty() {
            return Err(gone());
        }
        for path in moved {
            let inside = path.strip_prefix(from).map_err(io::Error::other)?;
            let new = if inside.as_os_str().is_empty() { to.to_owned() } else { to.join(inside) };
            let bytes = all.remove(&path).ok_or_else(gone)?;
            all.insert(new, bytes);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.all().remove(path).map(drop).ok_or_else(gone)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.all().retain(|file, _| !file.starts_with(path));
        Ok(())
    }

    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl FileHandle for Handle {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let mut all = self.0.all();
        let file = all.entry(self.1.clone()).or_default();
        if file.len() < offset + bytes.len() {
            file.resize(offset + bytes.len(), 0);
        }
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&mut self, bytes: u64) -> io::Result<()> {
        let length = usize::try_from(bytes).map_err(io::Error::other)?;
        self.0.all().entry(self.1.clone()).or_default().resize(length, 0);
        Ok(())
    }
}

/// The folder that holds the lock of the store in memory, one for each thread.
fn folder() -> PathBuf {
    thread_local! {
        static FOLDER: TempDir = {
            let shared = Path::new("/dev/shm");
            if shared.is_dir() { TempDir::new_in(shared) } else { TempDir::new() }.unwrap()
        };
    }
    FOLDER.with(|folder| folder.path().to_owned())
}

fn options(files: &MemoryFiles) -> Options {
    Options {
        files: Arc::new(files.clone()),
        segment_bytes: SEGMENT_BYTES,
        index_in_memory: true,
        ..Options::at(NOW.0)
    }
}

fn name(number: u8) -> (String, Vec<u8>) {
    (format!("row {number}"), vec![number; 40 + usize::from(number) * 4])
}

/// The whole journal, its paths below nothing.
fn whole() -> &'static BTreeMap<PathBuf, Vec<u8>> {
    static WHOLE: OnceLock<BTreeMap<PathBuf, Vec<u8>>> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let (files, root) = (MemoryFiles::default(), folder());
        let store = DiskStore::open(&root, rows(), options(&files)).unwrap();
        for number in 1..=RECORDS {
            let (key, value) = name(number);
            store.commit(vec![put(&key, value)]).unwrap();
        }
        store.close().unwrap();
        let below = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_owned();
        files.all().iter().map(|(path, bytes)| (below(path), bytes.clone())).collect()
    })
}

/// Damages one file of a journal: the first byte says which, the second how. Whatever was done to it, the
/// store opens or says why not, and no row has a value that nobody wrote.
pub(super) fn journal(data: &[u8]) {
    let mut input = Bytes::new(data);
    let (files, root) = (MemoryFiles::default(), folder());
    let mut mended = false;
    files.all().extend(whole().iter().map(|(path, bytes)| (root.join(path), bytes.clone())));
    let path = root.join(whole().keys().nth(input.below(whole().len())).expect("there are files"));
    {
        let mut all = files.all();
        let file = all.get_mut(&path).expect("it was put there");
        mended |= damage(file, &mut input);
    }
    let before = files.copy();
    let store = match DiskStore::open(&root, rows(), options(&files)) {
        Ok(store) => store,
        Err(error) => return drop(error.to_string()),
    };
    // A checksum that was made for the damage hides it from a plain store: only a sealed one sees that.
    let check = |store: &DiskStore| {
        if !mended {
            expect_no_wrong_row(store)
        }
    };
    check(&store);
    drop(store.verify());
    let written = store.commit(vec![put("after", vec![1])]).is_ok();
    drop(store.close());
    let again = DiskStore::open(&root, rows(), options(&files)).expect("it opens as it did before");
    check(&again);
    assert!(!written || again.get(b"after").unwrap().is_some(), "what was written is gone");
    drop(again);
    // A power cut that undid the repair changes nothing of that.
    let again =
        DiskStore::open(&root, rows(), options(&before)).expect("it opens as it did before");
    check(&again);
}

/// Returns whether the checksums were mended after it.
fn damage(file: &mut Vec<u8>, input: &mut Bytes<'_>) -> bool {
    let how = input.byte();
    match how % 4 {
        0 => *file = input.rest().to_vec(),
        1 => file.truncate(usize::from(input.short())),
        _ => {
            while !input.is_empty() {
                let at = usize::from(input.short()).checked_rem(file.len()).unwrap_or_default();
                let length = usize::from(input.byte() % 32) + 1;
                for (old, new) in file.iter_mut().skip(at).zip(input.take(length)) {
                    *old ^= new;
                }
            }
        }
    }
    if how & 4 != 0 {
        mend_checksums(file);
    }
    how & 4 != 0
}

/// Gives each record the checksum that its bytes should have.
fn mend_checksums(file: &mut [u8]) {
    let mut at = RECORDS_AT;
    while let Some(record) = file.get_mut(at..)
        && let Some(length) = record.get(LENGTH_AT..LENGTH_AT + 4)
    {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        let end = PAYLOAD_AT + usize::try_from(length).unwrap_or(usize::MAX - PAYLOAD_AT);
        if end > record.len() {
            return;
        }
        let crc = crc32c::crc32c(&record[..CRC_AT]);
        let crc = crc32c::crc32c_append(crc, &record[PAYLOAD_AT..end]);
        record[CRC_AT..PAYLOAD_AT].copy_from_slice(&crc.to_le_bytes());
        at += end;
    }
}

fn expect_no_wrong_row(store: &DiskStore) {
    for number in 1..=RECORDS {
        let (key, value) = name(number);
        let found = store.get(key.as_bytes()).expect("an index in memory reads");
        assert!(found.is_none_or(|found| found == value), "row {number} has a wrong value");
    }
}

/// Records of any kind with any payload, on the disk of the hub or the honest phone: the index is made anew
/// from what was taken in, and whoever owns the disk opens or says why not.
pub(super) fn facts(data: &[u8]) {
    let mut input = Bytes::new(data);
    let of_hub = input.byte().is_multiple_of(2);
    let store = stage::store_on(if of_hub { &stage().hub } else { &stage().honest });
    let mut added = 0;
    while !input.is_empty() && added < ADDED_MAX {
        let kind = input.byte();
        let record = Record { kind, payload: input.piece().to_vec() };
        if let Ok(fact) = Fact::read(Position(1), &record) {
            let again = fact.record().unwrap();
            assert_eq!(Fact::read(Position(1), &again).ok().as_ref(), Some(&fact));
        }
        added += usize::from(store.commit(vec![record]).is_ok());
    }
    // Not held against the rows from before: an owner never writes the same pack into two records, and what
    // such a record means beside the other is told only by the records before it.
    let anew = stage::store_on(&store.disk());
    let rows = [all_rows(&anew), all_rows(&stage::store_on(&store.disk()))];
    assert!(rows[0] == rows[1], "an index that is made anew twice says two things");
    if of_hub {
        let options = HubOptions { fresh_epoch: [9; 16], now: NOW };
        let Ok(hub) = Hub::open(anew, stage::hub_key(), options) else { return };
        drop((hub.merge_all(NOW), hub.status(), hub.log_head(NOW)));
    } else {
        let life = Incarnation([HONEST; 16]);
        let Ok(phone) = Phone::open(anew, stage::key(HONEST), life, NOW) else { return };
        drop((phone.only_here(), phone.notices(), phone.outbox(), phone.rejected()));
    }
}

fn all_rows(store: &MemoryStore) -> Vec<Row> {
    store.scan(&[], None, usize::MAX).expect("rows in memory read")
}

/// A key file, as it came and with the checksum that its bytes should have.
pub(super) fn key_files(data: &[u8]) {
    key_file(data);
    if let Some((body, _)) = data.len().checked_sub(KEY_BYTES).map(|end| data.split_at(end)) {
        key_file(&[body, blake3::hash(body).as_bytes()].concat());
    }
}

fn key_file(bytes: &[u8]) {
    let key = StoreKey::key(&[3; KEY_BYTES]);
    match KeyFile::way(bytes) {
        // What a passphrase costs is bounded; here only that it is, so that thousands can be tried.
        Ok(Way::Passphrase) => assert!(bytes.len() > 48, "its cost stands in its head"),
        Ok(Way::Key) => {}
        Err(error) => return drop(error.to_string()),
    }
    let Ok(mut file) = KeyFile::open(bytes, &key) else { return };
    let again = KeyFile::open(&file.encode(&[4; KEY_BYTES]), &key).expect("it reads as written");
    assert_eq!(again.ring().count(), file.ring().count());
    assert_eq!(
        (again.ring().current(), again.is_whole()),
        (file.ring().current(), file.is_whole())
    );
    drop(file.add_data_key(&[6; KEY_BYTES]));
    file.retire_older();
    let changed = file.change_wrapping(&StoreKey::key(&[8; KEY_BYTES]), Cost::default(), [0; 16]);
    assert!(changed.is_ok() && file.ring().count() == 1);
}
