//! The second disk of small hubs: cut off, of another past, not there, and back.

use bienban_core::checklist::TEA;
use bienban_core::model::Timestamp;
use bienban_core::replica::{HubOptions, Projection};
use bienban_core::store::{
    DiskStore, MemoryStore, Options, Position, Project, Read as Rows, Record, Store, StoreError,
    Writes,
};
use bienban_core::trust::DeviceKey;

use super::*;
use crate::logging::logged;

/// Records that mean nothing: only the files of their journal count.
struct Bare;

impl Project for Bare {
    fn version(&self) -> u32 {
        1
    }

    fn project(
        &self,
        _: Position,
        _: &Record,
        _: &dyn Rows,
        _: &mut Writes,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A journal whose files are longer than what is compared at once.
fn long_files(dir: &Path) -> DiskStore {
    let options = Options { segment_bytes: 3 * BLOCK_BYTES as u64, ..Options::at(1) };
    DiskStore::open(dir, Arc::new(Bare), options).unwrap()
}

fn fill(store: &DiskStore, records: u8) {
    for number in 0..records {
        // None begins as a shortened one does.
        let payload = vec![b'a' + number; BLOCK_BYTES / 5];
        store.commit(vec![Record { kind: 7, payload }]).unwrap();
    }
}

/// What compaction keeps of a record of which nothing has to be told again.
fn shorter(_: Position, record: &Record) -> Result<Option<Vec<u8>>, StoreError> {
    let mut hash = blake3::Hasher::new_derive_key("bienban 2026-11 logged record");
    hash.update(&[record.kind]).update(&record.payload);
    Ok(Some([&[2][..], hash.finalize().as_bytes()].concat()))
}

fn memory_hub() -> Hub {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [9; 16], now: Timestamp(1) };
    Hub::open(store, DeviceKey::from_seed(&[9; 32]), options).unwrap()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    fs::read_dir(folder).unwrap().map(file).collect()
}

#[test]
fn a_copy_that_was_cut_off_amid_a_long_file_goes_on_also_where_that_was_shortened() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("store/journal"), dir.path().join("second-disk"));
    let store = long_files(&dir.path().join("store"));
    fill(&store, 40);
    let hub = memory_hub();
    copy_new(&hub, &from, &to, true).unwrap();
    assert!(files(&to) == files(&from) && files(&to).len() > 2);
    // As a copy that was killed leaves it: amid a record, behind what is compared at once.
    for name in ["00000001.seg", "00000002.seg"] {
        let copy = fs::OpenOptions::new().write(true).open(to.join(name)).unwrap();
        copy.set_len(BLOCK_BYTES as u64 + 20_017).unwrap();
    }
    let done = store.shorten(1, &mut shorter).unwrap();
    assert!(done.after < done.before);
    copy_new(&hub, &from, &to, true).unwrap();
    assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
}

#[test]
fn another_hub_s_second_disk_and_a_folder_in_the_hub_s_own_are_refused_and_left_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (dir.path().join("one/store"), dir.path().join("other/store"));
    fill(&long_files(&one), 3);
    fill(&long_files(&other), 3);
    let (hub, second) = (memory_hub(), dir.path().join("second-disk"));
    let follow =
        |store: &Path, to: &Path| Mirrored::default().follow(&hub, &store.join("journal"), to);
    follow(&one, &second).unwrap();
    let before = files(&second);
    let refused = follow(&other, &second).unwrap_err();
    assert!(matches!(&refused, BackupError::Folder { .. }), "{refused}");
    assert!(files(&second) == before, "nothing of it was touched");
    follow(&one, &second).unwrap();
    let within = dir.path().join("one/second");
    assert!(matches!(follow(&one, &within), Err(BackupError::Folder { .. })));
    assert!(!within.exists());
}

#[test]
fn a_shortened_file_takes_its_place_after_all_that_was_written_before_it_was_shortened() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("store/journal"), dir.path().join("second-disk"));
    let store = long_files(&dir.path().join("store"));
    fill(&store, 20);
    let hub = memory_hub();
    copy_new(&hub, &from, &to, true).unwrap();
    let before = files(&to);
    fill(&store, 20);
    store.shorten(1, &mut shorter).unwrap();
    // A later file cannot be copied.
    let last = files(&from).into_keys().next_back().unwrap();
    fs::create_dir(to.join(&last)).unwrap();
    assert!(copy_new(&hub, &from, &to, true).is_err());
    assert!(fs::read(to.join("00000001.seg")).unwrap() == before["00000001.seg"]);
    fs::remove_dir(to.join(&last)).unwrap();
    copy_new(&hub, &from, &to, true).unwrap();
    assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
}

#[test]
fn what_could_not_be_copied_is_not_said_to_be_on_the_second_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("store"), dir.path().join("second-disk"));
    fs::create_dir(&from).unwrap();
    fs::write(from.join("00000001.seg"), "a journal").unwrap();
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [9; 16], now: Timestamp(1) };
    let hub = Hub::open(store, DeviceKey::from_seed(&[9; 32]), options).unwrap();
    hub.publish(TEA.to_vec()).unwrap();
    // A file stands where the folder should be.
    fs::write(&to, "in the way").unwrap();
    assert!(copy_new(&hub, &from, &to, false).is_err());
    assert_eq!(hub.backup_status().unwrap().number, 0);
    assert_eq!(hub.to_back_up().unwrap(), Some(hub.head().unwrap()), "it is tried again");
    fs::remove_file(&to).unwrap();
    copy_new(&hub, &from, &to, false).unwrap();
    assert_eq!(hub.backup_status().unwrap().number, hub.head().unwrap().number);
    assert_eq!(fs::read_to_string(to.join("00000001.seg")).unwrap(), "a journal");
}

#[test]
fn an_idle_hub_s_last_records_come_to_the_second_disk_too_and_then_it_rests() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("hub/store/journal"), dir.path().join("second-disk"));
    fs::create_dir_all(&from).unwrap();
    let segment = from.join("00000001.seg");
    fs::write(&segment, "a journal").unwrap();
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [9; 16], now: Timestamp(1) };
    let hub = Hub::open(store, DeviceKey::from_seed(&[9; 32]), options).unwrap();
    hub.publish(TEA.to_vec()).unwrap();
    let copied = || fs::read_to_string(to.join("00000001.seg")).unwrap();
    let mirrored = Mirrored::default().follow(&hub, &from, &to).unwrap();
    assert_eq!((hub.to_back_up().unwrap(), copied().as_str()), (None, "a journal"));
    // That this was said is a record too.
    fs::write(&segment, "a journal, and what was said").unwrap();
    let mirrored = mirrored.follow(&hub, &from, &to).unwrap();
    assert_eq!(copied(), "a journal, and what was said");
    // Nothing more was recorded, so nothing is looked at.
    fs::write(&segment, "a journal, and what was said, and no record").unwrap();
    assert_eq!(mirrored.follow(&hub, &from, &to).unwrap(), mirrored);
    assert_eq!(copied(), "a journal, and what was said");
}

/// The copies that count, without what is kept beside them.
fn copies(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    files(folder).into_iter().filter(|(name, _)| name.ends_with(".seg")).collect()
}

#[test]
fn files_behind_the_end_of_a_journal_that_was_put_back_are_kept_aside_before_it_is_claimed() {
    let dir = tempfile::tempdir().unwrap();
    let (root, older) = (dir.path().join("store"), dir.path().join("older"));
    let (from, to) = (root.join("journal"), dir.path().join("second-disk"));
    let store = long_files(&root);
    fill(&store, 20);
    store.close().unwrap();
    fs::create_dir(&older).unwrap();
    for name in files(&from).into_keys() {
        fs::copy(from.join(&name), older.join(name)).unwrap();
    }
    fill(&long_files(&root), 40);
    let hub = memory_hub();
    hub.publish(TEA.to_vec()).unwrap();
    copy_new(&hub, &from, &to, true).unwrap();
    let before = copies(&to);
    fs::remove_dir_all(&root).unwrap();
    fs::create_dir(&root).unwrap();
    fs::rename(&older, &from).unwrap();
    fill(&long_files(&root), 2);
    copy_new(&hub, &from, &to, true).unwrap();
    assert!(copies(&to) == files(&from), "{:?}", files(&to).keys());
    assert!(before.len() > copies(&to).len() + 1, "{:?}", before.keys());
    // All of the other past is there, under names that nobody takes for what follows.
    let kept = files(&to);
    for (name, bytes) in before {
        let aside = |kept: &String| kept.starts_with(&format!("{name}-"));
        let found = kept
            .iter()
            .any(|(kept, there)| (*kept == name || aside(kept)) && there.starts_with(&bytes));
        assert!(found, "{name} is gone: {:?}", kept.keys());
    }
}

#[test]
fn a_second_disk_that_is_not_there_gets_nothing_and_another_one_only_when_that_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("hub/store/journal"), dir.path().join("second-disk"));
    let store = long_files(&dir.path().join("hub/store"));
    fill(&store, 20);
    let hub = memory_hub();
    hub.publish(TEA.to_vec()).unwrap();
    Mirrored::default().follow(&hub, &from, &to).unwrap();
    assert!(hub.backup_status().unwrap().number > 0);
    let away = dir.path().join("away");
    fs::rename(&to, &away).unwrap();
    let again = |mirrored: Mirrored| mirrored.follow(&hub, &from, &to);
    let running = Mirrored { begun: true, ..Mirrored::default() };
    for mirrored in [Mirrored::default(), running] {
        assert!(matches!(again(mirrored), Err(BackupError::Gone { .. })));
        assert!(!to.exists(), "not even the folder is made");
        // What lies under the mount point, also with a part that came there as the disk went.
        fs::create_dir(&to).unwrap();
        assert!(matches!(again(mirrored), Err(BackupError::Gone { .. })));
        let last = files(&from).into_keys().next_back().unwrap();
        fs::copy(from.join(&last), to.join(&last)).unwrap();
        let gone = again(mirrored).unwrap_err();
        assert!(gone.to_string().contains("new-second-disk"), "{gone}");
        assert_eq!(files(&to).into_keys().collect::<Vec<_>>(), [last], "nothing is put there");
        fs::remove_dir_all(&to).unwrap();
    }
    // The disk is back.
    fs::rename(&away, &to).unwrap();
    again(running).unwrap();
    // Another one is named by a file that goes once all is there.
    fs::remove_dir_all(&to).unwrap();
    fs::create_dir(&to).unwrap();
    fs::write(to.join(NEW_DISK), "").unwrap();
    again(running).unwrap();
    assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
    // It went away amid a copy: not all is there.
    let names = segments(&from).unwrap().into_iter().collect();
    settle(&names, &to).unwrap();
    fs::remove_file(to.join("00000001.seg")).unwrap();
    assert!(matches!(settle(&names, &to), Err(BackupError::Gone { .. })));
}

#[test]
fn what_failed_is_told_until_the_second_disk_works_again_also_on_an_idle_hub() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("hub/store/journal"), dir.path().join("second-disk"));
    fill(&long_files(&dir.path().join("hub/store")), 2);
    fs::write(&to, "in the way").unwrap();
    // Nothing of its feed is to be copied.
    let hub = memory_hub();
    assert_eq!(hub.to_back_up().unwrap(), None);
    let mut told = Told::every(TELL_EVERY);
    let mut step =
        |mirrored: Mirrored| mirrored.noted(&hub, Ok(mirrored.follow(&hub, &from, &to)), &mut told);
    let mirrored = step(Mirrored::default());
    assert!(!mirrored.begun && hub.backup_status().unwrap().failed.is_some());
    fs::remove_file(&to).unwrap();
    let mirrored = step(mirrored);
    assert!(mirrored.begun);
    assert_eq!(hub.backup_status().unwrap().failed, None);
    // A step that ended without an answer.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let step = runtime.block_on(async {
        let endless = tokio::spawn(std::future::pending());
        endless.abort();
        endless.await
    });
    let after = mirrored.noted(&hub, step, &mut Told::every(TELL_EVERY));
    assert_eq!(after, Mirrored { upto: None, ..mirrored });
    assert!(hub.backup_status().unwrap().failed.is_some());
}

#[test]
fn a_hub_that_was_put_back_claims_no_second_disk_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().join("mount");
    let (from, to) = (dir.path().join("hub/store/journal"), mount.join("bienban"));
    fill(&long_files(&dir.path().join("hub/store")), 20);
    let hub = memory_hub();
    hub.publish(TEA.to_vec()).unwrap();
    let follow = || Mirrored::default().follow(&hub, &from, &to);
    // No folder above it is made, which would lie on another disk.
    assert!(matches!(follow(), Err(BackupError::File { action: "make", .. })));
    assert!(!mount.exists());
    fs::create_dir(&mount).unwrap();
    follow().unwrap();
    hub.restored(HubOptions { fresh_epoch: [8; 16], now: Timestamp(2) }).unwrap();
    assert_eq!(hub.backup_status().unwrap().number, 0, "another life");
    fs::remove_dir_all(&mount).unwrap();
    assert!(matches!(follow(), Err(BackupError::Gone { .. })));
    fs::create_dir_all(&to).unwrap();
    assert!(matches!(follow(), Err(BackupError::Gone { .. })), "what lies under its mount point");
    assert_eq!(files(&to), BTreeMap::new());
    assert_eq!(hub.backup_status().unwrap().number, 0);
    fs::write(to.join(NEW_DISK), "").unwrap();
    follow().unwrap();
    assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
}

#[test]
fn an_idle_hub_looks_now_and_then_whether_its_second_disk_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("hub/store/journal"), dir.path().join("second-disk"));
    let away = dir.path().join("away");
    fill(&long_files(&dir.path().join("hub/store")), 20);
    let hub = memory_hub();
    hub.publish(TEA.to_vec()).unwrap();
    let mut told = Told::every(TELL_EVERY);
    let mut step =
        |mirrored: Mirrored| mirrored.noted(&hub, Ok(mirrored.follow(&hub, &from, &to)), &mut told);
    let failed = || hub.backup_status().unwrap().failed;
    let first = step(Mirrored::default());
    let idle = step(first);
    fs::rename(&to, &away).unwrap();
    assert_eq!((step(idle), failed()), (idle, None), "it looked just before");
    let gone = step(Mirrored { looked: None, ..idle });
    assert!(failed().is_some_and(|(_, fault)| fault.cause == BackupCause::Gone));
    assert!(!to.exists());
    // It is back, without what was on it last: it is compared whole.
    fs::rename(&away, &to).unwrap();
    let last = files(&from).into_keys().next_back().unwrap();
    fs::remove_file(to.join(last)).unwrap();
    let back = step(gone);
    assert_eq!(failed(), None);
    assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
    // One that takes its place is filled although nothing is new, and told as not whole until then.
    fs::remove_dir_all(&to).unwrap();
    fs::create_dir(&to).unwrap();
    fs::write(to.join(NEW_DISK), "").unwrap();
    let in_the_way = to.join("00000002.seg");
    fs::create_dir(&in_the_way).unwrap();
    assert!(copy_new(&hub, &from, &to, true).is_err());
    assert_eq!(failed().unwrap().1, fault(BackupCause::Filling, &to));
    fs::remove_dir(&in_the_way).unwrap();
    step(Mirrored { looked: None, ..back });
    assert_eq!(failed(), None);
    assert!(files(&to) == files(&from), "{:?}", files(&to).keys());
}

#[test]
fn a_failure_is_logged_as_it_begins_and_changes_and_ends_and_each_hour() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("hub/store/journal"), dir.path().join("second-disk"));
    fill(&long_files(&dir.path().join("hub/store")), 2);
    let (hub, mut told) = (memory_hub(), Told::every(TELL_EVERY));
    let mut step = |folder: &Path| {
        let mirrored = Mirrored::default();
        let outcome = Ok(mirrored.follow(&hub, &from, folder));
        logged(|| {
            mirrored.noted(&hub, outcome, &mut told);
        })
    };
    let missing = to.join("folder");
    assert!(step(&missing).contains("ERROR"));
    assert_eq!(step(&missing), "");
    assert!(step(&missing.join("another")).contains("ERROR"), "another cause");
    assert!(step(&to).contains("works again"));
    assert_eq!(step(&to), "");
    let mut told = Told::every(Duration::ZERO);
    let stopped = fault(BackupCause::Stopped, &to);
    assert_eq!([&stopped; 2].map(|fault| told.is_due(fault)), [true; 2], "it has gone on for long");
}

#[test]
fn a_failure_is_told_with_its_cause_and_path_in_both_languages() {
    use crate::messages::{Lang, Messages};
    use crate::reasons::of_second_disk;
    let path = PathBuf::from("/mnt/đĩa hai");
    let refused = |source| BackupError::Folder { source };
    let failed = |action| file_error(action, &path)(io::Error::other("why"));
    let errors = [
        BackupError::Gone { path: path.clone() },
        BackupError::Otherwise { path: path.clone() },
        BackupError::Nothing { path: path.clone() },
        refused(BackupsError::Inside { path: path.clone() }),
        refused(BackupsError::OtherHub { path: path.clone() }),
        refused(BackupsError::NotEmpty { path: path.clone(), found: "x".to_owned() }),
        refused(BackupsError::File {
            action: "list",
            path: path.clone(),
            source: io::Error::other("why"),
        }),
        failed("make"),
        failed("list"),
        failed("sync"),
        BackupError::Record { source: ReplicaError::Interrupted },
    ];
    let mut faults: Vec<BackupFault> = errors.iter().map(BackupError::fault).collect();
    faults.extend([BackupCause::Stopped, BackupCause::Filling].map(|cause| fault(cause, &path)));
    let mut texts = BTreeSet::new();
    for fault in &faults {
        let [en, vi] = [Lang::En, Lang::Vi].map(|l| of_second_disk(fault, &Messages::new(l)));
        let of_path = !matches!(
            fault.cause,
            BackupCause::Unrecorded | BackupCause::Stopped | BackupCause::Filling
        );
        for text in [&en, &vi] {
            assert_eq!(text.contains("/mnt/đĩa hai"), of_path, "{text}");
            assert!(text.contains(&fault.said), "{text}");
        }
        texts.extend([en, vi]);
    }
    // Two of them say the same: that the folder cannot be read.
    assert_eq!(texts.len(), 2 * (faults.len() - 1), "each has a text of its own");
}

#[cfg(unix)]
#[test]
fn the_second_disk_is_closed_to_other_accounts_and_what_else_lies_there_is_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (alone, shared) = (dir.path().join("alone"), dir.path().join("shared"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in [&alone, &shared] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("00000001.seg"), "a journal").unwrap();
        for path in [folder, &folder.join("00000001.seg")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    fs::write(shared.join("of-others"), "x").unwrap();
    let others = mode(&shared.join("of-others"));
    close_to_others(&alone).unwrap();
    close_to_others(&shared).unwrap();
    assert_eq!((mode(&alone), mode(&alone.join("00000001.seg"))), (0o700, 0o700));
    assert_eq!((mode(&shared), mode(&shared.join("00000001.seg"))), (0o755, 0o700));
    assert_eq!(mode(&shared.join("of-others")), others);
    let fresh = dir.path().join("fresh");
    make(&fresh).unwrap();
    copy_file(&alone.join("00000001.seg"), &fresh.join("00000001.seg")).unwrap();
    assert_eq!((mode(&fresh), mode(&fresh.join("00000001.seg"))), (0o700, 0o600));
}

#[test]
fn a_copy_grows_with_the_file_and_another_past_is_kept_aside() {
    let dir = std::env::temp_dir().join(format!("bienban-backup-{}", clock::now().0));
    fs::create_dir_all(&dir).unwrap();
    let (from, to) = (dir.join("00000001.seg"), dir.join("copy.seg"));
    for content in ["one", "one two", "one two three"] {
        fs::write(&from, content).unwrap();
        assert_eq!(logged(|| drop(copy_file(&from, &to).unwrap())), "");
        assert_eq!(fs::read_to_string(&to).unwrap(), content);
    }
    fs::write(&from, "another past, and longer").unwrap();
    let said = logged(|| drop(copy_file(&from, &to).unwrap()));
    assert!(
        said.contains("WARN") && said.contains("copy.seg-") && said.contains(OTHERWISE),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&to).unwrap(), "another past, and longer");
    let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    let old = names.iter().find(|path| fs::read_to_string(path).unwrap() == "one two three");
    assert!(old.is_some(), "{names:?}");
    fs::remove_dir_all(&dir).unwrap();
}
