//! Backups of a small hub, made, cut off, damaged and put back.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::clock;
use bienban_core::model::DeviceId;
use bienban_core::replica::{Hub, HubOptions, Projection, check_control};
use bienban_core::store::faults::{Failure, FaultyFiles};
use bienban_core::store::{DiskStore, Options, Read, Store, StoreError, Writes};
use bienban_core::sync::{PlainEntry, Role};
use bienban_core::trust::DeviceKey;
use tempfile::TempDir;

use super::*;
use crate::hub::{KEY_FILE, NEXT_FILE};

/// So small that a few records fill a segment.
const SEGMENT_BYTES: u64 = 2_000;

/// A hub's folder, and the folder for its backup.
struct Bench {
    root: TempDir,
    trusted: u8,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("hub")).unwrap();
        fs::write(root.path().join("hub").join(KEY_FILE), hex::encode([7; 32])).unwrap();
        let mut bench = Self { root, trusted: 0 };
        bench.grow(6);
        bench
    }

    fn hub(&self) -> PathBuf {
        self.root.path().join("hub")
    }

    fn to(&self) -> PathBuf {
        self.root.path().join("backup")
    }

    /// Lets the hub record something, and end in order.
    fn grow(&mut self, devices: u8) {
        grow_at(&self.hub(), self.trusted, devices);
        self.trusted += devices;
    }

    fn wanted(&self) -> Wanted {
        Wanted { hub: self.hub(), to: self.to(), without_keys: false }
    }

    fn make(&self) -> Made {
        make(&self.wanted(), &mut |_, _| ()).unwrap()
    }

    fn check(&self) -> Checked {
        check(&self.to(), &mut |_, _| ()).unwrap()
    }

    fn restore(&self, name: &str) -> Result<Restored, BackupsError> {
        put_back(&self.to(), &self.root.path().join(name), None)
    }

    fn restore_damaged(&self, name: &str) -> Result<Restored, BackupsError> {
        let (from, dir) = (self.to(), self.root.path().join(name));
        restore(&PutBack { from, dir, keys: None, damaged: true }, &mut |_, _| ())
    }

    /// The journal's files in the backup.
    fn copies(&self) -> Vec<PathBuf> {
        files_in(&self.to().join("journal"))
    }

    fn segments(&self) -> Vec<PathBuf> {
        files_in(&self.hub().join("store/journal"))
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn put_back(from: &Path, dir: &Path, keys: Option<&Path>) -> Result<Restored, BackupsError> {
    let (from, dir, keys) = (from.to_owned(), dir.to_owned(), keys.map(Path::to_owned));
    restore(&PutBack { from, dir, keys, damaged: false }, &mut |_, _| ())
}

/// Changes one byte in the middle of a file.
fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(file, bytes).unwrap();
}

fn store(dir: &Path) -> DiskStore {
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::at(clock::now().0) };
    DiskStore::open(dir.join("store"), Arc::new(Projection), options).unwrap()
}

fn open(dir: &Path) -> Hub {
    let options = HubOptions { fresh_epoch: clock::random().unwrap(), now: clock::now() };
    Hub::open(Arc::new(store(dir)), DeviceKey::from_seed(&[7; 32]), options).unwrap()
}

fn grow_at(dir: &Path, first: u8, devices: u8) {
    let hub = open(dir);
    for number in first..first + devices {
        let entry = PlainEntry {
            device: DeviceId([number; 32]),
            name: format!("Cán bộ {number}"),
            agency: "Trạm Y tế".to_owned(),
            role: Role::Inspector,
            scopes: vec!["06325".parse().unwrap()],
            active: true,
        };
        hub.trust(entry).unwrap();
    }
}

#[test]
fn a_second_run_copies_only_what_is_new_and_all_of_it_is_checked() {
    let mut bench = Bench::new();
    let first = bench.make();
    assert!(first.files > 3, "several segments: {first:?}");
    assert_eq!(first.copied, first.files);
    let again = bench.make();
    assert_eq!((again.copied, again.removed, again.position), (0, 0, first.position));
    let mut removed = 0;
    for _ in 0..3 {
        let before = bench.make();
        bench.grow(1);
        let grown = bench.make();
        assert!(grown.position > before.position);
        assert!(grown.copied <= 2, "closed segments are there: {grown:?}");
        removed += grown.removed;
    }
    assert!(removed > 0, "the last segment as it was");
    let grown = bench.make();
    let checked = bench.check();
    assert_eq!((checked.problems.clone(), checked.lost, checked.torn), (vec![], 0, 0));
    assert_eq!((checked.position, checked.keys, checked.of), (grown.position, true, Of::Backup));
    assert!(checked.leaves > 0 && checked.decisions > 0 && checked.rows > 0, "{checked:?}");
    assert_eq!(checked.hub, Some(DeviceKey::from_seed(&[7; 32]).device()));
}

#[test]
fn what_is_begun_while_the_journal_is_read_is_read_too() {
    let bench = Bench::new();
    let (hub, before) = (bench.hub(), bench.segments().len());
    let mut grown = false;
    let made = make(&bench.wanted(), &mut |_, _| {
        // A part was read, and those behind it are listed.
        if !grown {
            grow_at(&hub, bench.trusted, 6);
        }
        grown = true;
    });
    let made = made.unwrap();
    assert!(bench.segments().len() > before + 1, "parts were begun meanwhile");
    let checked = check(&hub, &mut |_, _| ()).unwrap();
    assert_eq!(made.position, checked.position, "what a shorter part is told from may lie there");
    let checked = bench.check();
    assert_eq!((checked.problems, checked.position), (vec![], made.position));
}

#[test]
fn what_is_being_written_is_left_out() {
    let bench = Bench::new();
    let whole = bench.make();
    let last = bench.segments().pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    // Half a record, as a reader beside the hub sees it.
    let half = bytes[128..228].to_vec();
    bytes.extend_from_slice(&half);
    fs::write(&last, bytes).unwrap();
    let again = bench.make();
    assert_eq!((again.position, again.copied, again.bytes), (whole.position, 0, whole.bytes));
    assert_eq!(bench.check().problems, []);
    let checked = check(&bench.hub(), &mut |_, _| ()).unwrap();
    assert_eq!((checked.of, checked.torn, checked.problems), (Of::Hub, 100, vec![]));
}

#[test]
fn a_run_that_was_cut_off_is_gone_on_with_and_leaves_the_one_before_whole() {
    let mut bench = Bench::new();
    let before = bench.make();
    bench.grow(6);
    // Cut off before the manifest: new files lie there, and one that is half written.
    let saved = bench.root.path().join("saved");
    copy_folder(&bench.to(), &saved);
    let full = bench.make();
    let whole = fs::read_dir(bench.to().join("journal")).unwrap().count();
    copy_folder(&bench.to().join("journal"), &saved.join("journal"));
    fs::remove_dir_all(bench.to()).unwrap();
    fs::rename(&saved, bench.to()).unwrap();
    fs::write(bench.to().join("journal/00000099-0000000000000000.seg.part"), b"half").unwrap();
    let checked = bench.check();
    assert_eq!((checked.problems, checked.position), (vec![], before.position));
    let on = bench.make();
    assert_eq!((on.copied, on.position), (0, full.position), "all of it was there");
    assert!(on.removed > 0 && on.position > before.position);
    assert_eq!(fs::read_dir(bench.to().join("journal")).unwrap().count(), whole);
    assert_eq!(bench.check().problems, []);
}

#[test]
fn no_manifest_no_backup() {
    let bench = Bench::new();
    bench.make();
    fs::remove_file(bench.to().join("manifest")).unwrap();
    let found = check(&bench.to(), &mut |_, _| ());
    assert!(matches!(found, Err(BackupsError::Unfinished { .. })), "{found:?}");
    let none = check(bench.root.path(), &mut |_, _| ());
    assert!(matches!(none, Err(BackupsError::NoBackup { .. })), "{none:?}");
}

#[test]
fn segments_that_were_exchanged_are_copied_again() {
    let bench = Bench::new();
    let before = bench.make();
    let segments = bench.segments();
    let [.., one, two] = &segments[..] else { panic!("two segments") };
    // The same records in fewer files, as when closed ones are put together.
    let joined = [fs::read(one).unwrap(), fs::read(two).unwrap()[128..].to_vec()].concat();
    fs::write(one, joined).unwrap();
    fs::remove_file(two).unwrap();
    let after = bench.make();
    assert_eq!(after.position, before.position);
    assert_eq!((after.files, after.copied, after.removed), (before.files - 1, 1, 2));
    assert_eq!(after.set_aside, None, "it is the same chain");
    let checked = bench.check();
    assert_eq!((checked.problems, checked.position), (vec![], before.position));
}

#[test]
fn a_damaged_journal_is_not_taken_for_a_backup() {
    let bench = Bench::new();
    let before = bench.make();
    let first = &bench.segments()[0];
    let good = fs::read(first).unwrap();
    let mut bytes = good.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(first, bytes).unwrap();
    let refused = make(&bench.wanted(), &mut |_, _| ());
    assert!(matches!(refused, Err(BackupsError::Unsettled { .. })), "{refused:?}");
    let checked = bench.check();
    assert_eq!((checked.problems, checked.position), (vec![], before.position));
    fs::write(first, good).unwrap();
    assert_eq!(bench.make().position, before.position);
}

#[test]
fn a_damaged_backup_says_how_far_it_goes_and_is_mended_by_the_next() {
    let bench = Bench::new();
    let made = bench.make();
    let files = bench.copies();
    flip(&files[1]);
    let checked = bench.check();
    let name = format!("journal/{}", files[1].file_name().unwrap().to_str().unwrap());
    assert!(checked.problems.contains(&Problem::Changed { path: name }), "{checked:?}");
    assert!(checked.position > 0 && checked.position < made.position, "{checked:?}");
    assert!(checked.lost > 0, "{checked:?}");
    fs::remove_file(&files[2]).unwrap();
    let checked = bench.check();
    assert!(
        checked.problems.iter().any(|problem| matches!(problem, Problem::Missing { .. })),
        "{checked:?}"
    );
    assert_eq!(bench.make().copied, 2);
    assert_eq!(bench.check().problems, []);
    // What is cut off at its end was whole, and not being written.
    let (last, whole) = (&files[files.len() - 1], fs::read(&files[files.len() - 1]).unwrap());
    fs::write(last, &whole[..whole.len() - 10]).unwrap();
    let cut = bench.check();
    assert!(!cut.problems.is_empty() && cut.torn == 0, "{cut:?}");
    assert_eq!(bench.make().copied, 1);
    let mut manifest = fs::read(bench.to().join("manifest")).unwrap();
    manifest[40] ^= 1;
    fs::write(bench.to().join("manifest"), manifest).unwrap();
    let found = check(&bench.to(), &mut |_, _| ());
    assert!(matches!(found, Err(BackupsError::Manifest { .. })), "{found:?}");
    // Its journal alone is as good as a second disk.
    let alone = bench.root.path().join("alone");
    let restored = put_back(&bench.to().join("journal"), &alone, Some(&bench.hub())).unwrap();
    assert_eq!(restored.position, made.position);
    let mended = bench.make();
    assert!(mended.set_aside.is_some() && mended.copied == 0, "{mended:?}");
    assert_eq!(bench.check().problems, []);
}

#[test]
fn another_past_is_kept_beside_the_new_one_and_another_hub_is_refused() {
    let mut bench = Bench::new();
    let old = bench.root.path().join("old");
    copy_folder(&bench.hub(), &old);
    bench.grow(4);
    let lost = bench.make();
    // The hub is set back to its copy and goes on from there.
    fs::remove_dir_all(bench.hub()).unwrap();
    copy_folder(&old, &bench.hub());
    grow_at(&bench.hub(), 100, 9);
    let made = bench.make();
    let aside = made.set_aside.expect("what was lost is kept");
    let kept = check(&aside, &mut |_, _| ()).unwrap();
    assert_eq!((kept.problems, kept.position), (vec![], lost.position));
    assert_eq!(bench.check().problems, []);
    assert_eq!(bench.make().set_aside, None);
    assert_eq!(check(&aside, &mut |_, _| ()).unwrap().problems, [], "its files stay");
    let other = Bench::new();
    let refused = make(&Wanted { to: bench.to(), ..other.wanted() }, &mut |_, _| ());
    assert!(matches!(refused, Err(BackupsError::OtherHub { .. })), "{refused:?}");
    assert_eq!(bench.check().problems, []);
    let inside = Wanted { to: bench.hub().join("backup"), ..bench.wanted() };
    let refused = make(&inside, &mut |_, _| ());
    assert!(matches!(refused, Err(BackupsError::Inside { .. })), "{refused:?}");
    assert!(!bench.hub().join("backup").exists());
}

#[test]
fn files_of_two_pasts_that_no_manifest_tells_apart_are_not_put_back() {
    let mut bench = Bench::new();
    let (old, lost) = (bench.root.path().join("old"), bench.root.path().join("lost"));
    copy_folder(&bench.hub(), &old);
    bench.grow(4);
    copy_folder(&bench.hub().join("store/journal"), &lost);
    fs::remove_dir_all(bench.hub()).unwrap();
    copy_folder(&old, &bench.hub());
    grow_at(&bench.hub(), 100, 9);
    let (mixed, dir) = (bench.root.path().join("mixed"), bench.root.path().join("new"));
    copy_folder(&bench.hub().join("store/journal"), &mixed);
    assert!(files_in(&mixed).len() > files_in(&lost).len());
    for file in files_in(&lost) {
        fs::copy(&file, mixed.join(file.file_name().unwrap())).unwrap();
    }
    // Also where something else in it is damaged, before the place where they part.
    for rotten in [false, true] {
        if rotten {
            flip(&files_in(&mixed)[1]);
        }
        for damaged in [false, true] {
            let (from, keys) = (mixed.clone(), Some(bench.hub()));
            let wanted = PutBack { from, dir: dir.clone(), keys, damaged };
            let refused = restore(&wanted, &mut |_, _| ());
            assert!(matches!(refused, Err(BackupsError::TwoPasts { .. })), "{refused:?}");
            assert!(!dir.exists());
        }
    }
}

#[test]
fn two_files_of_one_number_are_not_put_back() {
    let bench = Bench::new();
    let (disk, dir) = (bench.root.path().join("second"), bench.root.path().join("new"));
    copy_folder(&bench.hub().join("store/journal"), &disk);
    fs::copy(disk.join("00000001.seg"), disk.join("00000002-of-before.seg")).unwrap();
    let refused = put_back(&disk, &dir, Some(&bench.hub()));
    assert!(matches!(refused, Err(BackupsError::SameNumber { .. })), "{refused:?}");
    let refused = check(&disk, &mut |_, _| ());
    assert!(matches!(refused, Err(BackupsError::SameNumber { .. })), "{refused:?}");
    assert!(!dir.exists());
}

#[test]
fn a_damaged_header_makes_nothing_another_hub_s() {
    let bench = Bench::new();
    let second = bench.root.path().join("second");
    let (journal, first) = (bench.hub().join("store/journal"), &bench.segments()[0]);
    copy_folder(&journal, &second);
    let spoil = |file: &Path| {
        let mut bytes = fs::read(file).unwrap();
        // Amid the store's name.
        bytes[20] ^= 1;
        fs::write(file, bytes).unwrap();
    };
    spoil(&second.join("00000001.seg"));
    expect_for_second_disk(&second, &journal).unwrap();
    copy_folder(&bench.hub().join("store/journal"), &second);
    spoil(first);
    expect_for_second_disk(&second, &journal).unwrap();
    // A backup that was begun, too.
    spoil(first);
    bench.make();
    fs::remove_file(bench.to().join("manifest")).unwrap();
    spoil(&bench.copies()[0]);
    assert_eq!(bench.make().copied, 1);
    let other = Bench::new();
    let theirs = other.hub().join("store/journal");
    let refused = expect_for_second_disk(&second, &theirs);
    assert!(matches!(refused, Err(BackupsError::OtherHub { .. })), "{refused:?}");
}

#[test]
fn a_damaged_manifest_of_before_keeps_what_is_older_and_nothing_else() {
    let mut bench = Bench::new();
    bench.make();
    // Perhaps of the manifest that nobody can read any more.
    fs::write(bench.to().join("journal/00000099-0000000000000000.seg"), "of before").unwrap();
    let old = bench.copies();
    flip(&bench.to().join("manifest"));
    bench.grow(1);
    let made = bench.make();
    let [aside] = &made.unreadable[..] else { panic!("{made:?}") };
    assert_eq!((made.set_aside.as_ref(), made.removed), (Some(aside), 0));
    // Some days later.
    let earlier = fs::metadata(aside).unwrap().modified().unwrap()
        - std::time::Duration::from_secs(3 * 24 * 60 * 60);
    for path in old.iter().chain([aside]) {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(earlier).unwrap();
    }
    let mut removed = 0;
    for _ in 0..3 {
        bench.grow(1);
        let made = bench.make();
        assert_eq!(&made.unreadable[..], std::slice::from_ref(aside));
        removed += made.removed;
    }
    assert!(removed > 0, "the last segment as it was");
    assert!(old.iter().all(|path| path.exists()), "what it may name stays");
    fs::remove_file(aside).unwrap();
    let made = bench.make();
    assert_eq!((made.unreadable, made.removed > 0), (vec![], true));
    assert!(!old[old.len() - 1].exists());
    assert_eq!(bench.check().problems, []);
}

#[test]
fn where_there_is_no_room_to_count_what_is_lost_nothing_is_said_to_be_whole() {
    let bench = Bench::new();
    bench.make();
    flip(&bench.copies()[1]);
    let place = checking::Place::find(&bench.to()).unwrap();
    let full = FaultyFiles::new();
    full.fail_at(1, Failure::Full, true);
    let counted = place.lost_with(Options { files: Arc::new(full), ..place.options() });
    assert!(matches!(counted, Err(BackupsError::Store(StoreError::Full { .. }))), "{counted:?}");
    assert!(place.lost().unwrap() > 0);
}

#[test]
fn what_is_put_back_begins_a_new_life_by_itself_and_replaces_nothing() {
    let bench = Bench::new();
    let made = bench.make();
    let refused = bench.restore("hub");
    assert!(matches!(refused, Err(BackupsError::Taken { .. })), "{refused:?}");
    let restored = bench.restore("new").unwrap();
    assert_eq!((restored.position, restored.hub), (made.position, made.hub));
    let dir = bench.root.path().join("new");
    assert_eq!(fs::read(dir.join(KEY_FILE)).unwrap(), hex::encode([7; 32]).into_bytes());
    let before = {
        let opened = store(&dir);
        assert!(opened.opened().moved && opened.opened().lost.is_empty());
        opened.position()
    };
    let hub = open(&dir);
    assert!(hub.replica().store().position() > before, "it recorded its new epoch");
    let epoch = hub.head().unwrap().epoch;
    drop(hub);
    assert_ne!(open(&bench.hub()).head().unwrap().epoch, epoch);
    assert_eq!(open(&dir).head().unwrap().epoch, epoch, "once");
    assert!(matches!(bench.restore("new"), Err(BackupsError::Taken { .. })));
}

#[test]
fn a_restore_that_was_cut_off_starts_no_hub_and_is_gone_on_with() {
    let bench = Bench::new();
    bench.make();
    let dir = bench.root.path().join("new");
    // Cut off while the journal is copied.
    let journal = dir.join("restoring/store/journal");
    fs::create_dir_all(&journal).unwrap();
    let manifest = fs::read(bench.to().join("manifest")).unwrap();
    let name = blake3::hash(&manifest).to_hex().to_string();
    fs::write(dir.join("restoring/from"), &name).unwrap();
    let segments = bench.segments();
    fs::copy(&segments[0], journal.join("00000001.seg")).unwrap();
    fs::write(journal.join("00000002.seg"), b"half").unwrap();
    assert!(is_unfinished(&dir));
    assert!(crate::hub::identity(&dir).is_err(), "no key is made there");
    bench.restore("new").unwrap();
    assert!(!is_unfinished(&dir));
    crate::hub::identity(&dir).unwrap();
    // Cut off between the last steps: the store is in its place, the key is not.
    let late = bench.root.path().join("late");
    copy_folder(&dir, &late);
    fs::remove_file(late.join(KEY_FILE)).unwrap();
    fs::create_dir(late.join("restoring")).unwrap();
    fs::write(late.join("restoring/from"), &name).unwrap();
    bench.restore("late").unwrap();
    assert!(late.join(KEY_FILE).exists() && !is_unfinished(&late));
}

#[test]
fn another_backup_than_was_begun_with_is_put_back_from_its_beginning() {
    let bench = Bench::new();
    let made = bench.make();
    let dir = bench.root.path().join("new");
    let journal = dir.join("restoring/store/journal");
    fs::create_dir_all(&journal).unwrap();
    fs::write(dir.join("restoring/from"), "another").unwrap();
    // A part that this backup has not.
    fs::write(journal.join("00000099.seg"), b"of the other").unwrap();
    assert_eq!(bench.restore("new").unwrap().position, made.position);
    assert!(!is_unfinished(&dir) && !dir.join("store/journal/00000099.seg").exists());
    open(&dir);
    // Nearly at its end its store is in place, and might be anybody's: nothing is removed.
    let late = bench.root.path().join("late");
    copy_folder(&dir, &late);
    fs::create_dir(late.join("restoring")).unwrap();
    fs::write(late.join("restoring/from"), "another").unwrap();
    let refused = bench.restore("late");
    assert!(matches!(refused, Err(BackupsError::OtherRestore { .. })), "{refused:?}");
    assert!(late.join("store/journal/00000001.seg").exists());
}

#[test]
fn a_backup_goes_only_into_a_folder_of_its_own() {
    let bench = Bench::new();
    let into = |to: &Path| make(&Wanted { to: to.to_owned(), ..bench.wanted() }, &mut |_, _| ());
    let at = |name: &str| bench.root.path().join(name);
    // The hub's second disk, which only has the journal's files.
    copy_folder(&bench.hub().join("store/journal"), &at("second"));
    fs::create_dir(at("foreign")).unwrap();
    fs::write(at("foreign").join("minutes.pdf"), "signed").unwrap();
    let theirs = Bench::new();
    theirs.make();
    for (copy, gone) in [("theirs", None), ("begun", Some("manifest"))] {
        copy_folder(&theirs.to(), &at(copy));
        if let Some(name) = gone {
            fs::remove_file(at(copy).join(name)).unwrap();
        }
    }
    copy_folder(&theirs.to(), &at("spoilt"));
    flip(&at("spoilt").join("manifest"));
    copy_folder(&theirs.hub(), &at("other-hub"));
    for name in ["second", "foreign", "theirs", "begun", "spoilt", "other-hub", "hub", "hub/x", "."]
    {
        let before = tree(bench.root.path());
        let refused = into(&at(name)).unwrap_err();
        let fits = match name {
            "second" => matches!(refused, BackupsError::SecondDisk { .. }),
            "foreign" | "other-hub" => matches!(refused, BackupsError::Foreign { .. }),
            "hub" | "hub/x" => matches!(refused, BackupsError::Inside { .. }),
            "." => matches!(refused, BackupsError::Above { .. }),
            _ => matches!(refused, BackupsError::OtherHub { .. }),
        };
        assert!(fits, "{name}: {refused:?}");
        assert_eq!(tree(bench.root.path()), before, "{name}: nothing was changed");
    }
    // A new disk, and the hub's own backup, whole or begun, with what people put beside it.
    fs::create_dir_all(at("disk/lost+found")).unwrap();
    let made = into(&at("disk")).unwrap();
    fs::write(at("disk").join("read-me.txt"), "of the office").unwrap();
    assert_eq!(into(&at("disk")).unwrap().copied, 0);
    bench.make();
    fs::remove_file(bench.to().join("manifest")).unwrap();
    let again = bench.make();
    assert_eq!((again.copied, again.position), (0, made.position));
}

#[test]
fn a_hub_is_put_back_only_into_a_new_or_empty_folder() {
    let bench = Bench::new();
    bench.make();
    let dir = bench.root.path().join("new");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("minutes.pdf"), "signed").unwrap();
    let refused = bench.restore("new");
    assert!(matches!(refused, Err(BackupsError::NotEmpty { .. })), "{refused:?}");
    assert_eq!(files_in(&dir), [dir.join("minutes.pdf")], "nothing was begun");
    fs::remove_file(dir.join("minutes.pdf")).unwrap();
    bench.restore("new").unwrap();
    open(&dir);
    let refused = put_back(&bench.hub(), &bench.root.path().join("x"), None);
    assert!(matches!(refused, Err(BackupsError::HubFolder { .. })), "{refused:?}");
}

#[test]
fn a_damaged_backup_is_refused_and_leaves_nothing_or_is_put_back_as_far_as_it_is_whole() {
    let bench = Bench::new();
    let made = bench.make();
    let saved = bench.root.path().join("saved");
    copy_folder(&bench.to(), &saved);
    let count = bench.copies().len();
    for (trial, damaged) in [0, count / 2, count - 1, count / 2].into_iter().enumerate() {
        let file = bench.copies()[damaged].clone();
        if trial < 3 {
            flip(&file)
        } else {
            fs::remove_file(&file).unwrap()
        }
        let name = format!("journal/{}", file.file_name().unwrap().to_str().unwrap());
        let (checked, new) = (bench.check(), format!("new-{trial}"));
        let dir = bench.root.path().join(&new);
        let Err(BackupsError::DamagedBackup { files, lost }) = bench.restore(&new) else {
            panic!("{trial}: not refused")
        };
        assert!(files.contains(&name) && lost > 0 && lost == checked.lost, "{files:?} {checked:?}");
        assert!(!dir.exists(), "nothing is left");
        // Cut off amid the repair, it begins again.
        fs::create_dir_all(dir.join("restoring/store/journal.new")).unwrap();
        let restored = bench.restore_damaged(&new).unwrap();
        assert_eq!((restored.lost, restored.position), (lost, made.position), "{trial}");
        assert!(!restored.problems.is_empty());
        if trial < 3 {
            let kept = restored.kept.unwrap();
            let there = files_in(&kept).into_iter().map(|path| fs::read(path).unwrap());
            let bytes = fs::read(&file).unwrap();
            assert!(there.into_iter().any(|kept| kept == bytes), "the damaged file is kept");
        }
        assert!(!is_unfinished(&dir));
        let opened = store(&dir);
        assert!(opened.opened().moved, "it begins a new life");
        assert_eq!((opened.opened().lost.len() as u64, opened.opened().set_aside), (lost, vec![]));
        drop(opened);
        let hub = open(&dir);
        assert_eq!(
            hub.replica().troubles().unwrap().iter().map(|found| found.trouble.lost).max(),
            Some(lost)
        );
        drop(hub);
        // What was taken away is said again, and the hub goes on.
        grow_at(&dir, 0, bench.trusted);
        let devices = open(&dir).replica().devices().unwrap();
        assert!(devices.len() >= bench.trusted.into(), "{}", devices.len());
        fs::remove_dir_all(bench.to()).unwrap();
        copy_folder(&saved, &bench.to());
    }
    let whole = bench.restore_damaged("whole").unwrap();
    assert_eq!((whole.problems, whole.lost, whole.kept), (vec![], 0, None));
}

#[test]
fn what_the_hub_itself_had_lost_is_no_damage_of_its_backup() {
    let bench = Bench::new();
    let first = bench.segments().swap_remove(1);
    fs::remove_file(bench.hub().join("store/closed")).unwrap();
    fs::remove_dir_all(bench.hub().join("store/index")).unwrap();
    flip(&first);
    let lost = store(&bench.hub()).opened().lost.len() as u64;
    assert!(lost > 0);
    bench.make();
    let checked = bench.check();
    assert_eq!((checked.problems, checked.lost), (vec![], lost));
    bench.restore("new").unwrap();
}

#[test]
fn keys_that_are_left_out_must_be_given_and_must_be_the_hubs() {
    let bench = Bench::new();
    fs::write(bench.hub().join(NEXT_FILE), hex::encode([8; 32])).unwrap();
    let wanted = Wanted { without_keys: true, ..bench.wanted() };
    assert!(!make(&wanted, &mut |_, _| ()).unwrap().keys);
    let secret = hex::encode([7; 32]);
    let holds_secret = |dir: &Path| {
        fs::read_dir(dir).unwrap().any(|entry| {
            let path = entry.unwrap().path();
            path.is_file()
                && fs::read(path).unwrap().windows(64).any(|part| part == secret.as_bytes())
        })
    };
    assert!(!holds_secret(&bench.to()));
    assert!(matches!(bench.restore("new"), Err(BackupsError::NoKey)));
    let keys = bench.root.path().join("safe");
    fs::create_dir(&keys).unwrap();
    let dir = bench.root.path().join("new");
    let with = |told: &str| {
        fs::write(keys.join(KEY_FILE), told).unwrap();
        put_back(&bench.to(), &dir, Some(&keys))
    };
    assert!(matches!(with(&hex::encode([9; 32])), Err(BackupsError::OtherKey { .. })));
    assert!(matches!(with("no key"), Err(BackupsError::Key { .. })));
    assert!(!dir.exists(), "nothing was begun");
    with(&secret).unwrap();
    // With them, the next key comes along.
    assert!(bench.make().keys);
    bench.restore("whole").unwrap();
    let next = bench.root.path().join("whole").join(NEXT_FILE);
    assert_eq!(fs::read(next).unwrap(), hex::encode([8; 32]).into_bytes());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&bench.to()), 0o700);
        assert_eq!(mode(&bench.root.path().join("whole").join(KEY_FILE)), 0o600);
    }
}

#[test]
fn the_second_disk_of_a_lost_hub_is_checked_and_put_back_with_its_key() {
    let bench = Bench::new();
    let made = bench.make();
    let disk = bench.root.path().join("second");
    copy_folder(&bench.hub().join("store/journal"), &disk);
    let checked = check(&disk, &mut |_, _| ()).unwrap();
    assert_eq!((checked.of, checked.position), (Of::SecondDisk, made.position));
    assert_eq!(checked.problems, []);
    fs::write(disk.join(NEW_DISK), "").unwrap();
    let filling = check(&disk, &mut |_, _| ()).unwrap();
    assert_eq!((filling.problems, filling.position), (vec![Problem::Unfilled], made.position));
    fs::remove_file(disk.join(NEW_DISK)).unwrap();
    let dir = bench.root.path().join("new");
    let refused = put_back(&disk, &dir, None);
    assert!(matches!(refused, Err(BackupsError::NoKey)), "{refused:?}");
    let restored = put_back(&disk, &dir, Some(&bench.hub())).unwrap();
    assert_eq!(restored.position, made.position);
    open(&dir);
}

#[test]
fn a_decision_that_was_changed_or_taken_out_is_found() {
    let bench = Bench::new();
    let store = store(&bench.hub());
    let good = check_control(&store).unwrap();
    assert!(good.entries > 3 && good.problems.is_empty(), "{good:?}");
    let mut rows = store.scan(b"8", None, 10).unwrap();
    let (key, value) = rows.swap_remove(1);
    for (changed, place) in [(true, 60), (true, 5), (false, 0)] {
        let mut writes = Writes::default();
        if changed {
            let mut value = value.clone();
            value[place] ^= 1;
            writes.put(key.clone(), value);
        } else {
            writes.remove(key.clone());
        }
        store.derive(writes).unwrap();
        let found = check_control(&store).unwrap();
        assert!(!found.problems.is_empty(), "{place}");
    }
}

#[test]
fn two_do_not_work_on_one_backup() {
    let bench = Bench::new();
    bench.make();
    let lock = fs::File::open(bench.to().join("lock")).unwrap();
    lock.lock().unwrap();
    let refused = make(&bench.wanted(), &mut |_, _| ());
    assert!(matches!(refused, Err(BackupsError::Busy { .. })), "{refused:?}");
    assert!(matches!(check(&bench.to(), &mut |_, _| ()), Err(BackupsError::Busy { .. })));
    drop(lock);
    bench.make();
    let held = store(&bench.hub());
    let refused = check(&bench.hub(), &mut |_, _| ());
    assert!(matches!(refused, Err(BackupsError::Running { .. })), "{refused:?}");
    drop(held);
}

/// Returns every file and folder below one.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in files_in(folder) {
        if path.is_dir() {
            found.extend(tree(&path));
        }
        found.push(path);
    }
    found
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
