//! A full disk, on a phone and on the hub: a small file system of its own that is really full.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bienban_core::clock::Stopwatch;
use bienban_tests::process::{Batch, Reply, log_of, run, text};
use bienban_tests::scene::{self, Record, Scene, Typed};
use tempfile::TempDir;

/// Big enough for a store and its index, small enough to be filled at once.
const DISK_MIB: u32 = 64;

/// Edits after which a full disk must have refused one: the last block that the journal was given
/// holds a few.
const EDITS_MAX: usize = 400;

/// The exit code for a full disk.
const FULL: i64 = 7;

/// Once there is room, work must go on within this.
const RECOVERED_WITHIN: Duration = Duration::from_secs(20);

/// A file system in memory.
pub(crate) struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Mounts one, or says why the test cannot run.
    pub(crate) fn mount(test: &str) -> Option<Self> {
        let disk = Self { folder: TempDir::new().unwrap() };
        let size = format!("size={DISK_MIB}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs", text(disk.path())])
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(disk),
            outcome => {
                println!("SKIPPED {test}: mounting a small disk needs root ({outcome:?})");
                None
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes all the room there is.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for block in [vec![0xaa; 1 << 16], vec![0xaa; 1 << 10], vec![0xaa; 1]] {
            while filler.write_all(&block).is_ok() {}
        }
    }

    /// Takes what has become free since [`Self::fill`].
    fn fill_again(&self) {
        let mut filler = OpenOptions::new().append(true).open(self.filler()).unwrap();
        while filler.write_all(&[0xaa; 64]).is_ok() {}
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that is being killed may still hold a file.
        drop(Command::new("umount").args(["-l", text(self.path())]).status());
    }
}

/// Types answers, long enough to need room soon.
struct Typist {
    inspection: String,
    items: Vec<String>,
    name: &'static str,
    count: usize,
}

impl Typist {
    fn new(name: &'static str, scene: &Scene) -> Self {
        Self { inspection: scene.inspection.clone(), items: scene::items(), name, count: 0 }
    }

    fn next(&mut self) -> (Typed, String) {
        self.count += 1;
        let token = format!("{}-{:04}{}", self.name, self.count, "x".repeat(900));
        let item = &self.items[self.count % self.items.len()];
        let line = format!("answer {} {item} dat --value {token}", self.inspection);
        (Typed::Answer(token), line)
    }
}

/// Types until an answer is refused, and returns what was acknowledged and what was refused.
fn type_until_full(phone: &mut Batch, typist: &mut Typist) -> (Vec<Typed>, Typed) {
    let mut told = Vec::new();
    for _ in 0..EDITS_MAX {
        let (typed, line) = typist.next();
        match phone.ask(&line) {
            Reply::Done(_) => told.push(typed),
            refused => {
                expect_full(&refused);
                return (told, typed);
            }
        }
    }
    panic!("a full disk took {EDITS_MAX} edits");
}

fn expect_full(reply: &Reply) {
    assert_eq!(reply.kind(), Some("disk_full"), "{reply:?}");
    let Reply::Failed(data) = reply else { unreachable!("it has a kind") };
    assert_eq!(data["error"]["code"], FULL, "{data}");
    let message = data["error"]["message"].as_str().unwrap();
    assert!(message.contains("no space left"), "{message}");
}

#[test]
fn full_phone_refuses_reads_sends_and_recovers() {
    let Some(disk) = Disk::mount("full phone") else { return };
    let mut scene = Scene::with_phones(1);
    let other = scene.phones[0].clone();
    let dir = disk.path().join("phone");
    let device = scene.init(&dir);
    scene.administer(&[
        "trust",
        &device,
        "--name",
        "full",
        "--agency",
        "Y tế",
        "--role",
        "inspector",
        "--scope",
        scene::COMMUNE,
    ]);
    scene.phones.push(dir.clone());
    scene.sync(&dir);
    let mut typist = Typist::new("full", &scene);
    let mut phone = Batch::start(&dir);
    let (first, line) = typist.next();
    phone.ask(&line).done();
    disk.fill();
    let (mut told, refused) = type_until_full(&mut phone, &mut typist);
    told.push(first);
    let mut all_refused = vec![refused];
    let (again, line) = typist.next();
    expect_full(&phone.ask(&line));
    all_refused.push(again);
    // Reading goes on, in this process and in a new one.
    let show = format!("show {}", scene.inspection);
    let shown = phone.ask(&show).done().to_string();
    assert!(told.iter().all(|typed| shown.contains(token(typed))), "what was told is not shown");
    assert_eq!(i64::from(phone.end().code().unwrap()), FULL);
    disk.fill_again();
    let shown = scene.field(&dir, &["show", &scene.inspection]).to_string();
    assert!(told.iter().all(|typed| shown.contains(token(typed))), "what was told is not shown");
    // A new process may still find a little room; then it is as full as the first.
    let mut phone = Batch::start(&dir);
    let (more, refused) = type_until_full(&mut phone, &mut typist);
    told.extend(more);
    all_refused.push(refused);
    // What is here leaves it all the same, although nothing that comes back can be kept.
    expect_full(&phone.ask("sync"));
    sync_until_known(&scene, &other);
    let client = scene::open_phone(&other);
    let elsewhere = client.phone().replica().load(scene.document()).unwrap();
    Record::of(&elsewhere).expect_all("the other phone", &told);
    drop(client);
    // The process that met the full disk goes on when there is room, without being started again.
    disk.make_room();
    let (late, line) = typist.next();
    phone.ask(&line).done();
    told.push(late);
    phone.ask("sync").done();
    phone.end();
    scene.settle();
    scene.stop_hub();
    let record = scene::expect_same(&scene);
    record.expect_all("the record", &told);
    for typed in &all_refused {
        assert_eq!(record.count(typed), 0, "what was refused is in the record");
    }
}

/// Syncs until the visit is there: an exchange that broke off does not wait for the hub's merging.
fn sync_until_known(scene: &Scene, dir: &Path) {
    let watch = Stopwatch::start();
    loop {
        scene.sync(dir);
        let shown = run(["field", "--dir", text(dir), "show", &scene.inspection]);
        if shown.code == Some(0) {
            return;
        }
        assert!(watch.elapsed() < RECOVERED_WITHIN, "what was pushed is not merged");
    }
}

fn token(typed: &Typed) -> &str {
    match typed {
        Typed::Answer(token) | Typed::Note(token) | Typed::Finding(token) => token,
    }
}

#[test]
fn full_hub_refuses_serves_and_recovers() {
    let Some(disk) = Disk::mount("full hub") else { return };
    let mut scene = Scene::in_folders(TempDir::new().unwrap(), disk.path().join("hub"), 1);
    let writer = scene.phones[0].clone();
    let reader = scene.add_phone("reader", "inspector");
    let late = scene.add_phone("late", "inspector");
    scene.sync(&late);
    let mut typist = Typist::new("hub", &scene);
    let mut phone = Batch::start(&writer);
    let mut told = Vec::new();
    for _ in 0..5 {
        let (typed, line) = typist.next();
        phone.ask(&line).done();
        told.push(typed);
    }
    phone.ask("sync").done();
    disk.fill();
    let merged = told[told.len() - 1].clone();
    let (more, merged) = type_until_hub_is_full(&mut phone, &mut typist, merged);
    told.extend(more);
    assert!(phone.ask("status").done()["only_here"].as_u64().unwrap() > 0);
    // It still serves: a phone that holds nothing yet gets everything that was merged, and one that
    // has something to push as well.
    scene.sync(&reader);
    told.extend(push_to_full_hub(&scene, &late, &merged));
    assert!(scene.hub.as_mut().unwrap().is_running(), "{}", log_of(&scene.hub_dir));
    // Started anew on the full disk it serves as well.
    disk.fill_again();
    scene.restart_hub();
    scene.sync(&reader);
    let ran = run(["field", "--dir", text(&reader), "show", &scene.inspection]);
    assert!(ran.done().to_string().contains(token(&told[0])));
    let again = phone.ask("sync");
    assert!(matches!(again, Reply::Failed(_)), "{again:?}");
    disk.make_room();
    let watch = Stopwatch::start();
    while !matches!(phone.ask("sync"), Reply::Done(_)) {
        let log = log_of(&scene.hub_dir);
        assert!(watch.elapsed() < RECOVERED_WITHIN, "the hub does not recover\n{log}");
    }
    println!("the hub took everything {:?} after there was room", watch.elapsed());
    phone.end();
    // What was refused meanwhile is neither lost nor taken for sent.
    scene.sync(&late);
    assert_eq!(scene.field(&late, &["status"])["only_here"], 0);
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &told);
}

/// Types and exchanges until the hub takes nothing in, says so and signs for nothing. Returns what
/// was typed, and the last that the hub took in.
fn type_until_hub_is_full(
    phone: &mut Batch,
    typist: &mut Typist,
    mut merged: Typed,
) -> (Vec<Typed>, Typed) {
    let mut told = Vec::new();
    for _ in 0..EDITS_MAX {
        let (typed, line) = typist.next();
        phone.ask(&line).done();
        told.push(typed.clone());
        match phone.ask("sync") {
            Reply::Done(_) => merged = typed,
            Reply::Failed(refusal) => {
                expect_hub_full(&refusal);
                return (told, merged);
            }
            Reply::Gone => panic!("the phone ended"),
        }
    }
    panic!("a full hub took everything");
}

fn expect_hub_full(refusal: &serde_json::Value) {
    let message = refusal["error"]["message"].as_str().unwrap();
    assert!(message.contains("no room"), "{refusal}");
    assert_eq!(refusal["error"]["kind"], "hub_full", "{refusal}");
    assert_eq!(refusal["error"]["code"], FULL, "{refusal}");
}

/// Pushes to a full hub from a phone that is behind: it is refused, and caught up all the same.
fn push_to_full_hub(scene: &Scene, dir: &Path, merged: &Typed) -> Vec<Typed> {
    let before = scene.field(dir, &["status"])["position"].as_u64().unwrap();
    let mut typist = Typist::new("late", scene);
    let mut phone = Batch::start(dir);
    let mut told = Vec::new();
    for round in 0..2 {
        let (typed, line) = typist.next();
        phone.ask(&line).done();
        told.push(typed);
        let Reply::Failed(refusal) = phone.ask("sync") else { panic!("a full hub took it") };
        expect_hub_full(&refusal);
        let status = phone.ask("status").done();
        assert_eq!(status["only_here"], round + 1, "{status}");
        assert_eq!(status["notices"], serde_json::json!([]), "{status}");
        assert!(status["position"].as_u64().unwrap() > before, "{status}");
    }
    let shown = phone.ask(&format!("show {}", scene.inspection)).done().to_string();
    assert!(shown.contains(token(merged)), "what the hub had merged did not come");
    assert!(phone.end().code().is_some_and(|code| i64::from(code) == FULL));
    told
}

/// What people bring lies where there is room, the hub's journal where there is none.
#[test]
fn full_hub_keeps_a_bundle_once_says_so_and_takes_it_in_when_there_is_room() {
    let Some(disk) = Disk::mount("a bundle at a full hub") else { return };
    let mut scene = Scene::in_folders(TempDir::new().unwrap(), disk.path().join("hub"), 1);
    let writer = scene.phones[0].clone();
    let (bundles, file) = (scene.path("bundles"), scene.path("work.bundle"));
    fs::create_dir(&bundles).unwrap();
    std::os::unix::fs::symlink(&bundles, scene.hub_dir.join("bundles")).unwrap();
    let mut typist = Typist::new("file", &scene);
    let mut phone = Batch::start(&writer);
    let (first, line) = typist.next();
    phone.ask(&line).done();
    phone.ask("sync").done();
    disk.fill();
    let (more, _) = type_until_hub_is_full(&mut phone, &mut typist, first.clone());
    phone.end();
    let told: Vec<Typed> = [vec![first], more].concat();
    scene.field(&writer, &["bundle", "export", "--to", "hub", text(&file)]);
    let (hub_dir, answer) = (scene.hub_dir.clone(), scene.path("answer.bundle"));
    let import = || {
        let words = ["bundle", "import", "--force", "--dir", text(&hub_dir)];
        run(words.into_iter().chain(["--answer", text(&answer), text(&file)]))
    };
    let kept: Vec<String> = (0..2)
        .map(|_| {
            let told = import();
            assert_eq!(told.code.map(i64::from), Some(FULL), "{told:?}");
            assert_eq!((&told.data["failure"], &told.data["stored"]), (&"full".into(), &0.into()));
            assert!(told.data["left"].as_u64() > Some(0), "{told:?}");
            told.data["kept"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(kept[0], kept[1], "the same bytes lie there once");
    assert_eq!(fs::read(&kept[0]).unwrap(), fs::read(&file).unwrap());
    let lies = fs::read_dir(bundles.join("refused")).unwrap().count();
    assert_eq!(lies, 2, "the file and why");
    disk.make_room();
    let watch = Stopwatch::start();
    while import().code != Some(0) {
        let log = log_of(&scene.hub_dir);
        assert!(watch.elapsed() < RECOVERED_WITHIN, "the hub does not recover\n{log}");
    }
    scene.field(&writer, &["bundle", "import", text(&answer)]);
    assert_eq!(scene.field(&writer, &["status"])["only_here"], 0);
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &told);
}

/// The disk of a file that a person named is told of, and not that of the device, which has room.
#[test]
fn a_full_disk_under_a_file_that_was_asked_for_is_told_as_that_disk() {
    let Some(disk) = Disk::mount("full disk under an output file") else { return };
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    scene.field(&phone, &["answer", &scene.inspection, "9.1", "dat"]);
    scene.sync(&phone);
    disk.fill();
    let file = disk.path().join("file");
    for words in [
        &["export", &scene.inspection, "--proof", text(&file)][..],
        &["bundle", "export", "--all", "--to", "hub", text(&file)],
        &["log", "head", text(&file)],
    ] {
        let refused = run([&["field", "--dir", text(&phone)], words].concat());
        assert_eq!(refused.code.map(i64::from), Some(FULL), "{words:?}: {}", refused.errors);
        let hint = refused.errors.lines().last().unwrap();
        let at = format!("the disk of {}, where 0 KiB are free", text(&file));
        assert!(hint.contains(&at), "{words:?}: {hint}");
        assert!(!hint.contains("MiB") && !hint.contains("this disk"), "{words:?}: {hint}");
        assert!(!file.exists());
    }
}

/// The index lies on a small disk of its own, the journal on one with room.
#[test]
fn full_disk_under_the_index_alone_refuses_reads_and_recovers() {
    let Some(disk) = Disk::mount("full disk under the index alone") else { return };
    let mut scene = Scene::with_phones(1);
    let dir = scene.phones[0].clone();
    let index = move_index(&dir.join("store"), disk.path());
    let mut typist = Typist::new("index", &scene);
    let mut phone = Batch::start(&dir);
    let (first, line) = typist.next();
    phone.ask(&line).done();
    let linked = fs::symlink_metadata(dir.join("store/index")).unwrap().is_symlink();
    assert!(linked && index.join("db").exists(), "the index is on the small disk");
    let journal_disk = fs::metadata(&dir).unwrap().dev();
    assert_ne!(journal_disk, fs::metadata(&index).unwrap().dev());
    disk.fill();
    let (mut told, refused) = type_until_full(&mut phone, &mut typist);
    told.push(first);
    let mut all_refused = vec![refused];
    // Reading goes on, in this process and in one that finds the disk full.
    let show = format!("show {}", scene.inspection);
    let shown = phone.ask(&show).done().to_string();
    assert!(told.iter().all(|typed| shown.contains(token(typed))), "what was told is not shown");
    assert_eq!(i64::from(phone.end().code().unwrap()), FULL);
    disk.fill_again();
    let shown = scene.field(&dir, &["show", &scene.inspection]).to_string();
    assert!(told.iter().all(|typed| shown.contains(token(typed))), "what was told is not shown");
    assert!(all_refused.iter().all(|typed| !shown.contains(token(typed))), "what was refused is");
    let mut phone = Batch::start(&dir);
    let (more, refused) = type_until_full(&mut phone, &mut typist);
    told.extend(more);
    all_refused.push(refused);
    // The process that met the full disk goes on when there is room, without being started again, and
    // with the index that it had.
    disk.make_room();
    let (late, line) = typist.next();
    phone.ask(&line).done();
    told.push(late);
    phone.ask("sync").done();
    phone.end();
    let linked = fs::symlink_metadata(dir.join("store/index")).unwrap().is_symlink();
    assert!(linked, "an index that only lacked room was set aside");
    let reader = scene.add_phone("reader", "inspector");
    scene.sync(&reader);
    scene.settle();
    scene.stop_hub();
    let record = scene::expect_same(&scene);
    record.expect_all("the record", &told);
    for typed in &all_refused {
        assert_eq!(record.count(typed), 0, "what was refused is in the record");
    }
}

/// Puts a closed store's index on another disk, behind a link.
fn move_index(store: &Path, disk: &Path) -> PathBuf {
    let (index, elsewhere) = (store.join("index"), disk.join("index"));
    copy(&index, &elsewhere);
    fs::remove_dir_all(&index).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &index).unwrap();
    elsewhere
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let (path, target) = (item.as_ref().unwrap().path(), to.join(item.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
