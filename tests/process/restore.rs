//! Folders restored from older copies, cloned, or damaged; and clocks that are years off.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bienban_core::clock;
use bienban_core::model::{AnswerInput, Editor, Grade, Timestamp};
use bienban_tests::process::{HubProcess, run, text};
use bienban_tests::scene::{self, Scene, Typed};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Flipped bytes of a plain `cargo test`; `BIENBAN_DAMAGES` asks for more.
const FLIPS: u64 = 12;

/// Zeroed pages and cut tails of a plain `cargo test`; as many more are asked for.
const TEARS: u64 = 8;

/// What disks and file systems lose at once.
const PAGE_BYTES: usize = 4096;

const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

/// What a copy of a folder is laid over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The folder is removed first, as a backup program does that restores everything.
    Replace,
    /// Files are written over those that are there; newer ones stay beside them.
    Overlay,
}

/// Copies a folder with its times, as backup programs do.
pub(crate) fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").args(["-a", text(from), text(to)]).status().unwrap();
    assert!(status.success());
}

fn restore(backup: &Path, dir: &Path, way: Way) {
    if way == Way::Replace {
        fs::remove_dir_all(dir).unwrap();
        copy(backup, dir);
    } else {
        let contents = backup.join(".");
        let status = Command::new("cp").args(["-a", text(&contents), text(dir)]).status().unwrap();
        assert!(status.success());
    }
}

/// Types and remembers what must be found.
struct Typist {
    inspection: String,
    items: Vec<String>,
    told: Vec<Typed>,
}

impl Typist {
    fn new(scene: &Scene) -> Self {
        Self { inspection: scene.inspection.clone(), items: scene::items(), told: Vec::new() }
    }

    /// Writes an answer, a line of a note and a finding on a phone.
    fn write(&mut self, scene: &Scene, phone: &Path, token: &str) {
        let inspection = self.inspection.clone();
        let item = self.items[self.told.len() % self.items.len()].clone();
        scene.field(phone, &["answer", &inspection, &item, "dat", "--value", token]);
        scene.field(phone, &["note", &inspection, &item, token]);
        // About no item: which severities one allows is its own.
        scene.field(phone, &["finding", &inspection, "-", "mi", token]);
        self.told.push(Typed::Answer(token.to_owned()));
        self.told.push(Typed::Note(token.to_owned()));
        self.told.push(Typed::Finding(token.to_owned()));
    }
}

fn sync_through_a_fork(phone: &Path) {
    let ran = run(["field", "--dir", text(phone), "sync"]);
    // 6: the hub set a second line aside, which the phone then makes anew.
    assert!(matches!(ran.code, Some(0 | 6)), "{}: {}", phone.display(), ran.errors);
}

fn phone_restored(way: Way) {
    let mut scene = Scene::with_phones(2);
    let [phone, other] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let mut typist = Typist::new(&scene);
    typist.write(&scene, &phone, "before");
    scene.sync(&phone);
    let backup = scene.path("yesterday");
    copy(&phone, &backup);
    typist.write(&scene, &phone, "after-the-copy");
    scene.sync(&phone);
    restore(&backup, &phone, way);
    // Offline, on what was there yesterday; the other phone works on too.
    typist.write(&scene, &phone, "after-the-restore");
    typist.write(&scene, &other, "meanwhile");
    sync_through_a_fork(&phone);
    // No lock-out: it works and exchanges as before.
    typist.write(&scene, &phone, "later");
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &typist.told);
}

#[test]
fn phone_restored_from_yesterday_loses_nothing() {
    phone_restored(Way::Replace);
}

#[test]
fn phone_restored_over_newer_files_loses_nothing() {
    phone_restored(Way::Overlay);
}

#[test]
fn cloned_phones_keep_both_lines() {
    let mut scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let mut typist = Typist::new(&scene);
    typist.write(&scene, &phone, "common");
    let clone = scene.path("clone");
    copy(&phone, &clone);
    scene.phones.push(clone.clone());
    // The clone types first: it must not use a name that the original will use.
    typist.write(&scene, &clone, "on-the-clone");
    typist.write(&scene, &phone, "on-the-original");
    sync_through_a_fork(&phone);
    sync_through_a_fork(&clone);
    typist.write(&scene, &phone, "original-again");
    typist.write(&scene, &clone, "clone-again");
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &typist.told);
}

#[test]
fn hub_restored_from_an_older_copy_gets_back_what_it_lost() {
    let mut scene = Scene::with_phones(3);
    let phones = scene.phones.clone();
    let mut typist = Typist::new(&scene);
    typist.write(&scene, &phones[0], "old");
    scene.settle();
    scene.stop_hub();
    let backup = scene.path("hub-copy");
    copy(&scene.hub_dir, &backup);
    scene.restart_hub();
    typist.write(&scene, &phones[1], "after-the-copy");
    typist.write(&scene, &phones[0], "after-the-copy-too");
    scene.settle();
    typist.write(&scene, &phones[2], "not-sent-yet");
    // As after a disk's death: the hub is gone without a word, its copy takes its place.
    scene.hub.as_mut().unwrap().kill();
    restore(&backup, &scene.hub_dir.clone(), Way::Replace);
    scene.restart_hub();
    scene.settle();
    let late = scene.add_phone("latecomer", "inspector");
    scene.sync(&late);
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &typist.told);
}

#[test]
fn clocks_that_are_years_off_change_no_outcome() {
    let mut scene = Scene::with_phones(3);
    let mut told = Vec::new();
    let now = clock::now().0;
    let clocks = [0, -YEAR_MS, now - 10 * YEAR_MS, now + 10 * YEAR_MS, now + 500 * YEAR_MS, now];
    let items = scene::items();
    for (turn, time) in clocks.into_iter().enumerate() {
        // Each phone's clock jumps from one time to another between two edits.
        for (number, dir) in scene.phones.iter().enumerate() {
            let client = scene::open_phone(dir);
            let genesis = scene::genesis(&client, &scene);
            let token = format!("clock-{turn}-{number}");
            let time = Timestamp(if number == 1 { now } else { time });
            let answer = AnswerInput {
                grade: Grade::Pass,
                value: Some(token.clone()),
                evidence: Vec::new(),
                claimed_at: time,
                resolves: true,
            };
            let edit = |editor: &mut Editor<'_>| editor.answer(&items[turn], answer);
            let outcome = client.phone().edit(&genesis, time, edit).unwrap();
            assert!(outcome.recorded.is_some());
            told.push(Typed::Answer(token));
        }
        if turn % 2 == 1 {
            scene.settle();
        }
    }
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &told);
}

/// Returns every file in use below a folder, sorted: what was set aside as damaged is only kept.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if text(&path).contains("-damaged-") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else if fs::metadata(&path).unwrap().len() > 0 {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What happens to a file of a closed store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    /// One bit is another.
    Flip,
    /// A page reads as zeros, as after a lost write.
    Zero,
    /// The end is missing.
    Cut,
}

/// Damages one file of a store and says where.
fn damage(dir: &Path, kinds: &[Damage], rng: &mut SmallRng) -> String {
    let files = files(&dir.join("store"));
    let file = &files[rng.random_range(0..files.len())];
    let kind = kinds[rng.random_range(0..kinds.len())];
    let mut bytes = fs::read(file).unwrap();
    let at = rng.random_range(0..bytes.len());
    let place = match kind {
        Damage::Flip => {
            let bit = rng.random_range(0..8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} flipped")
        }
        Damage::Zero => {
            let start = at - at % PAGE_BYTES;
            let end = bytes.len().min(start + PAGE_BYTES);
            bytes[start..end].fill(0);
            format!("bytes {start} to {end} zeroed")
        }
        Damage::Cut => {
            let before = bytes.len();
            bytes.truncate(at);
            format!("{at} bytes left of {before}")
        }
    };
    fs::write(file, bytes).unwrap();
    format!("{place}: {}", file.display())
}

/// Damages closed stores of hub and phones again and again while people work on.
fn damaged_again_and_again(test: &str, kinds: &[Damage], times: u64) {
    let seed = crate::seed(test);
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut scene = Scene::with_phones(2);
    let phones = scene.phones.clone();
    let mut typist = Typist::new(&scene);
    for (number, phone) in phones.iter().enumerate() {
        typist.write(&scene, phone, &format!("first-{number}"));
    }
    scene.settle();
    for trial in 0..times {
        let phone = phones[rng.random_range(0..phones.len())].clone();
        let place = if rng.random_ratio(1, 2) {
            scene.stop_hub();
            let place = damage(&scene.hub_dir, kinds, &mut rng);
            scene.restart_hub();
            place
        } else {
            damage(&phone, kinds, &mut rng)
        };
        println!("trial {trial}: {place}");
        // Work goes on at once on what was repaired.
        typist.write(&scene, &phone, &format!("trial-{trial}"));
        scene.settle();
        if trial % 5 == 4 || trial + 1 == times {
            scene.stop_hub();
            scene::expect_same(&scene).expect_all("the record", &typist.told);
            scene.restart_hub();
        }
    }
}

#[test]
fn a_flipped_bit_in_any_file_is_repaired_or_given_back() {
    let times = crate::number("BIENBAN_DAMAGES").unwrap_or(FLIPS);
    damaged_again_and_again("flips", &[Damage::Flip], times);
}

#[test]
fn a_zeroed_page_or_cut_tail_of_any_file_is_repaired_or_given_back() {
    let times = crate::number("BIENBAN_DAMAGES").unwrap_or(TEARS);
    damaged_again_and_again("tears", &[Damage::Zero, Damage::Cut], times);
}

/// A hub that was started on a copy while the first still runs answers under the same key; only one
/// of them can have the folder.
#[test]
fn a_second_hub_on_the_same_folder_is_refused() {
    let scene = Scene::with_phones(0);
    let port = bienban_tests::process::free_port();
    let second = HubProcess::try_start(&scene.hub_dir, port, None);
    assert_eq!(second.err().and_then(|status| status.code()), Some(4));
}

/// Flips fifty bytes inside the journal of a closed store.
fn flip_journal(dir: &Path) {
    let journal = dir.join("store").join("journal");
    let mut segments = files(&journal);
    let segment = segments.pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let start = bytes.len() / 2;
    bytes[start..start + 50].iter_mut().for_each(|byte| *byte ^= 0xff);
    fs::write(&segment, bytes).unwrap();
}

#[test]
fn the_check_of_a_store_tells_once_of_the_repair_that_it_began_with() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    flip_journal(&phone);
    let said = crate::program::run(&["field", "--dir", text(&phone), "verify"]).ok().out;
    for part in ["The store was repaired", "journal-damaged-"] {
        assert!(said.contains(part), "{said}");
    }
    for command in ["verify", "status"] {
        flip_journal(&phone);
        let told = scene.field(&phone, &[command]);
        assert_eq!(told["troubles"], serde_json::json!([]), "nothing is lost: {told}");
        let aside = told["repaired"]["set_aside"][0].as_str().unwrap_or_default();
        assert!(aside.starts_with("journal-damaged-"), "{told}");
        let again = scene.field(&phone, &[command]);
        assert_eq!(again["repaired"], serde_json::Value::Null, "{again}");
    }
}
