//! `admin backup`, `check` and `restore`: a hub is backed up under load by a program that is killed, goes on, is
//! lost, and comes back from the older backup; phones give it what it lacks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bienban_core::driver::{Live, SyncEvent, SyncOptions};
use bienban_core::model::DocumentId;
use bienban_tests::binary;
use bienban_tests::process::{Batch, PATIENCE, Ran, Reply, run, run_command, text};
use bienban_tests::scene::{self, Scene, Typed};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

/// People at work.
const PHONES: usize = 3;

/// Answers that one phone gives before its hub's backup is damaged.
const TYPED: usize = 20;

/// Backups that are killed before one is let through.
const KILLS: u32 = 6;

/// Typing that goes on while `gate` is not held.
struct Crew {
    over: Arc<AtomicBool>,
    typed: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Vec<Typed>>>,
}

impl Crew {
    fn start(scene: &Scene) -> Self {
        let (over, typed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let work = |(number, dir): (usize, &PathBuf)| {
            let (over, typed) = (over.clone(), typed.clone());
            let (dir, inspection) = (dir.clone(), scene.inspection.clone());
            std::thread::spawn(move || type_on(number, &dir, &inspection, &over, &typed))
        };
        let threads = scene.phones.iter().enumerate().map(work).collect();
        Self { over, typed, threads }
    }

    /// Waits until so many more entries were made.
    fn wait_for(&self, more: u64) {
        let until = self.typed.load(Ordering::Relaxed) + more;
        let mut waited = Duration::ZERO;
        while self.typed.load(Ordering::Relaxed) < until {
            assert!(waited < PATIENCE, "nobody types");
            std::thread::sleep(Duration::from_millis(10));
            waited += Duration::from_millis(10);
        }
    }

    fn end(self) -> Vec<Typed> {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

/// Types answers to items of its own and exchanges now and then. Returns what was printed as done.
fn type_on(
    number: usize,
    dir: &Path,
    inspection: &str,
    over: &AtomicBool,
    typed: &AtomicU64,
) -> Vec<Typed> {
    static RUN: AtomicU64 = AtomicU64::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let items: Vec<String> = scene::items()
        .into_iter()
        .enumerate()
        .filter_map(|(place, item)| (place % PHONES == number).then_some(item))
        .collect();
    let mut phone = Batch::start(dir);
    let mut told = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let token = format!("r{run}-{}", told.len());
        let item = &items[told.len() % items.len()];
        let reply = phone.ask(&format!("answer {inspection} {item} dat --value {token}"));
        assert!(reply.done()["recorded"].is_u64());
        told.push(Typed::Answer(token));
        typed.fetch_add(1, Ordering::Relaxed);
        if told.len() % 5 == 0 {
            let synced = phone.ask("sync");
            assert!(matches!(synced, Reply::Done(_)), "{synced:?}");
        }
    }
    assert!(phone.end().success());
    told
}

fn admin(arguments: &[&str]) -> Ran {
    run(std::iter::once("admin").chain(arguments.iter().copied()))
}

/// Starts a backup and kills it after a while. Returns whether it had ended before.
fn killed_after(hub: &Path, to: &Path, after: Duration) -> bool {
    let mut command = binary::command();
    command.args(["--json", "admin", "backup", "--hub-dir", text(hub), "--to", text(to)]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(after);
    let ended = child.try_wait().unwrap().is_some();
    drop(child.kill());
    child.wait().unwrap();
    ended
}

/// Lets one phone exchange with the restored hub, and returns how many of its edits counted as stored, seen at
/// each step.
fn seen_stored(dir: &Path, document: DocumentId) -> Vec<u64> {
    let client = Arc::new(scene::open_phone(dir));
    let seen = Arc::new(Mutex::new(vec![client.phone().arrival(document).unwrap().stored]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (stop, stopped) = watch::channel(false);
    let (steps, of) = (seen.clone(), client.clone());
    let live = Live {
        edited: Arc::new(Notify::new()),
        stop: stopped,
        observer: Arc::new(move |event| {
            let stored = of.phone().arrival(document).unwrap().stored;
            steps.lock().unwrap().push(stored);
            if matches!(event, SyncEvent::CaughtUp) {
                stop.send_replace(true);
            }
        }),
    };
    let options = SyncOptions { live: Some(live), ..SyncOptions::default() };
    runtime.block_on(client.sync(options)).unwrap();
    let last = client.phone().arrival(document).unwrap().stored;
    let mut seen = seen.lock().unwrap().clone();
    seen.push(last);
    seen
}

#[test]
fn a_hub_lost_under_load_comes_back_from_its_backup_and_phones_give_it_the_rest() {
    let mut rng = SmallRng::seed_from_u64(crate::seed("backups"));
    let mut scene = Scene::with_phones(PHONES);
    let (hub_dir, to) = (scene.hub_dir.clone(), scene.path("backup"));
    let (hub, folder) = (text(&hub_dir), text(&to));
    let crew = Crew::start(&scene);
    crew.wait_for(10);
    let mut cut = 0;
    for _ in 0..KILLS {
        let after = Duration::from_millis(rng.random_range(1..60));
        cut += u32::from(!killed_after(&hub_dir, &to, after));
    }
    let older = admin(&["backup", "--hub-dir", hub, "--to", folder]).done();
    let checked = admin(&["check", folder]).done();
    assert_eq!((&checked["whole"], &checked["of"]), (&true.into(), &"backup".into()), "{checked}");
    assert_eq!(checked["position"], older["position"]);
    let audited = admin(&["--dir", text(&scene.admin_dir), "audit", "verify", "--hub-dir", folder]);
    assert!(matches!(audited.code, Some(0 | 10)), "{}{}", audited.data, audited.errors);
    assert_eq!(audited.data["leaves"], checked["leaves"], "{}", audited.data);
    // The hub goes on; the next backup is killed, and what was whole stays so.
    crew.wait_for(20);
    killed_after(&hub_dir, &to, Duration::from_millis(rng.random_range(1..25)));
    let checked = admin(&["check", folder]).done();
    assert_eq!(checked["whole"], true, "{checked}");
    assert!(checked["position"].as_u64() >= older["position"].as_u64(), "{checked}");
    let mut told = crew.end();
    scene.settle();
    let document = scene.document();
    let stored = scene.field(&scene.phones[0].clone(), &["status"]);
    assert_eq!(stored["only_here"], 0, "the hub has signed for all of it: {stored}");
    // All that the hub had is gone, and what comes back is older.
    scene.hub.as_mut().unwrap().kill();
    fs::remove_dir_all(&hub_dir).unwrap();
    let restored = admin(&["restore", folder, "--hub-dir", hub]).done();
    assert_eq!(restored["position"], checked["position"]);
    scene.restart_hub();
    let seen = seen_stored(&scene.phones[0], document);
    let (first, least, last) = (seen[0], *seen.iter().min().unwrap(), *seen.last().unwrap());
    assert!(least < first, "the word of the hub that was lost was withdrawn: {seen:?}");
    assert_eq!(last, first, "and the restored one signed for all of it: {seen:?}");
    // Work goes on.
    let crew = Crew::start(&scene);
    crew.wait_for(10);
    told.extend(crew.end());
    scene.settle();
    scene.stop_hub();
    let record = scene::expect_same(&scene);
    record.expect_all("the record", &told);
    let names: BTreeSet<String> = told.iter().map(|typed| format!("{typed:?}")).collect();
    assert_eq!(names.len(), told.len(), "every entry has a name of its own");
    println!(
        "{} entries; {cut} backups cut off; restored at {}, stored as one phone saw it {seen:?}",
        told.len(),
        restored["position"]
    );
    let whole = admin(&["check", hub]).done();
    assert_eq!((&whole["whole"], &whole["of"]), (&true.into(), &"hub".into()), "{whole}");
}

/// Lets a hub take in what one phone types.
fn typed(scene: &Scene) -> Vec<Typed> {
    let mut phone = Batch::start(&scene.phones[0]);
    let mut told = Vec::new();
    for (number, item) in scene::items().into_iter().cycle().take(TYPED).enumerate() {
        let token = format!("d{number}");
        let reply = phone.ask(&format!("answer {} {item} dat --value {token}", scene.inspection));
        assert!(reply.done()["recorded"].is_u64());
        told.push(Typed::Answer(token));
        if number % 5 == 4 {
            assert!(matches!(phone.ask("sync"), Reply::Done(_)));
        }
    }
    assert!(phone.end().success());
    told
}

fn segments_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The records of a part of a journal: where each begins and ends.
fn records(bytes: &[u8]) -> Vec<(usize, usize)> {
    let (mut found, mut at) = (Vec::new(), 128);
    while at + 72 <= bytes.len() {
        let payload = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        found.push((at, at + 72 + payload));
        at += 72 + payload;
    }
    found
}

/// The kind of the records that hold packs which devices sent.
const ACCEPTED: u8 = 8;

/// Changes one byte in the middle of the longest record that holds packs of a device. Returns the file.
fn flip_pack_of(device: &[u8], files: &[PathBuf]) -> PathBuf {
    let mut longest = (0, 0, PathBuf::new());
    for file in files {
        let bytes = fs::read(file).unwrap();
        for (from, to) in records(&bytes) {
            let names = bytes[from..to].windows(device.len()).any(|part| part == device);
            if bytes[from + 2] == ACCEPTED && names && to - from > longest.0 {
                longest = (to - from, (from + to) / 2, file.clone());
            }
        }
    }
    let (length, at, file) = longest;
    assert!(length > 0, "there is such a record");
    let mut bytes = fs::read(&file).unwrap();
    bytes[at] ^= 0x10;
    fs::write(&file, bytes).unwrap();
    file
}

/// Changes one byte of a backup anywhere, or removes one of its files. Returns the file.
fn damage_anywhere(files: &[PathBuf], rng: &mut SmallRng) -> PathBuf {
    let file = files[rng.random_range(0..files.len())].clone();
    let mut bytes = fs::read(&file).unwrap();
    if rng.random_ratio(1, 3) {
        fs::remove_file(&file).unwrap();
    } else {
        let at = rng.random_range(0..bytes.len());
        bytes[at] ^= 0x10;
        fs::write(&file, bytes).unwrap();
    }
    file
}

/// Damaged backups tried: each puts a hub back and lets all phones exchange.
const DAMAGED_BACKUPS_MAX: u64 = 8;

#[test]
fn what_is_whole_of_a_damaged_backup_is_put_back_and_a_phone_gives_back_the_rest() {
    let mut rng = SmallRng::seed_from_u64(crate::seed("damaged backups"));
    let root = TempDir::new().unwrap();
    let hub_dir = root.path().join("hub");
    // So that there are several files.
    fs::write(root.path().join("hub.toml"), "[store]\nsegment_kib = 16\n").unwrap();
    let mut scene = Scene::in_folders(root, hub_dir, 1);
    let told = typed(&scene);
    let (hub_dir, to, saved) = (scene.hub_dir.clone(), scene.path("backup"), scene.path("saved"));
    let (hub, folder) = (text(&hub_dir), text(&to));
    let made = admin(&["backup", "--hub-dir", hub, "--to", folder]).done();
    crate::restore::copy(&to, &saved);
    let device = scene.field(&scene.phones[0].clone(), &["whoami"])["device"].clone();
    let device = hex::decode(device.as_str().unwrap()).unwrap();
    for trial in 0..crate::number("BIENBAN_DAMAGES").unwrap_or(1).min(DAMAGED_BACKUPS_MAX) {
        let files = segments_in(&to.join("journal"));
        let file = match trial {
            0 => flip_pack_of(&device, &files),
            _ => damage_anywhere(&files, &mut rng),
        };
        let name = file.file_name().unwrap().to_str().unwrap();
        println!("trial {trial}: {name}");
        let checked = admin(&["check", folder]);
        let problems = checked.data["problems"].to_string();
        assert!(checked.code == Some(1) && problems.contains(name), "{}", checked.data);
        let lost = checked.data["lost"].as_u64().unwrap();
        // A header alone is made again from what the next file continues, and nothing is lost.
        assert!(trial > 0 || lost > 0, "{}", checked.data);
        if let Some(hub) = &mut scene.hub {
            hub.kill();
        }
        fs::remove_dir_all(&hub_dir).unwrap();
        let refused = admin(&["restore", folder, "--hub-dir", hub]);
        assert_eq!(refused.code, Some(1), "{}", refused.errors);
        assert!(
            refused.errors.contains(name) && refused.errors.contains(&format!("lacks {lost} "))
        );
        assert!(!hub_dir.exists(), "nothing is left that a hub or a restore would meet");
        // That needs no room for temporary files.
        let mut mending = binary::command();
        mending.args(["--json", "admin", "restore", folder, "--hub-dir", hub, "--damaged"]);
        mending.env("TMPDIR", scene.path("nowhere"));
        let restored = run_command(mending).done();
        assert_eq!((&restored["position"], &restored["lost"]), (&made["position"], &lost.into()));
        // Whom the damage made unknown the operator names again; the rest of the rights that device brings.
        let operator = scene.admin.clone();
        if trial == 0 {
            scene.restart_hub()
        } else {
            scene.restart_hub_with(&operator)
        }
        if trial == 0 {
            let synced = scene.sync(&scene.phones[0]);
            assert!(synced["sent"].as_u64() > Some(0), "it gave back what was lost: {synced}");
            let status = scene.administer(&["status"]);
            let told = status["lost"].as_array().unwrap();
            assert!(told.iter().any(|told| told["records"] == lost), "{status}");
        } else {
            for _ in 0..2 {
                run(["admin", "--dir", text(&scene.admin_dir), "status"]);
            }
            scene.settle();
        }
        scene.stop_hub();
        scene::expect_same(&scene).expect_all("the record", &told);
        let whole = admin(&["check", hub]).done();
        assert_eq!(whole["whole"], true, "{whole}");
        fs::remove_dir_all(&to).unwrap();
        crate::restore::copy(&saved, &to);
    }
}

fn kind(ran: &Ran) -> (Option<i32>, String) {
    let told: Value = serde_json::from_str(&ran.errors).unwrap_or_default();
    (ran.code, told["error"]["kind"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn what_cannot_be_backed_up_checked_or_put_back_is_told_with_its_exit_code() {
    let mut scene = Scene::with_phones(0);
    let (hub, to, new) = (scene.hub_dir.clone(), scene.path("backup"), scene.path("new"));
    let (hub, to, new) = (text(&hub), text(&to), text(&new));
    let nothing = scene.path("nothing");
    let none = admin(&["backup", "--hub-dir", text(&nothing), "--to", to]);
    assert_eq!(kind(&none), (Some(3), "not_found".to_owned()), "{}", none.errors);
    assert_eq!(kind(&admin(&["check", to])).0, Some(3));
    let made = admin(&["backup", "--hub-dir", hub, "--to", to, "--without-keys"]).done();
    assert_eq!((&made["keys"], made["copied"].as_u64() > Some(0)), (&false.into(), true), "{made}");
    assert_eq!(kind(&admin(&["check", hub])), (Some(4), "in_use".to_owned()), "it runs");
    assert_eq!(kind(&admin(&["restore", to, "--hub-dir", new])), (Some(2), "usage".to_owned()));
    let over = admin(&["restore", to, "--hub-dir", hub, "--keys", hub]);
    assert_eq!(kind(&over), (Some(1), "file_exists".to_owned()), "{}", over.errors);
    let device = scene.admin_dir.clone();
    let over = admin(&["restore", to, "--hub-dir", text(&device), "--keys", hub]);
    assert_eq!(kind(&over), (Some(1), "file_exists".to_owned()), "{}", over.errors);
    // Half put back: no hub starts there, and going on ends it.
    fs::create_dir_all(scene.path("new").join("restoring")).unwrap();
    let shown = run(["serve", "--dir", new, "--show-key"]);
    assert!(shown.code == Some(1) && shown.errors.contains("admin restore"), "{}", shown.errors);
    assert!(shown.errors.contains("unfinished restore"), "{}", shown.errors);
    let half = admin(&["check", new]);
    assert!(half.errors.contains("unfinished restore"), "{}", half.errors);
    let restored = admin(&["restore", to, "--hub-dir", new, "--keys", hub]).done();
    assert_eq!(restored["position"], made["position"]);
    let shown = run(["serve", "--dir", new, "--show-key"]).done();
    assert_eq!(shown["key"], made["hub"]);
    // What is damaged is named, and how far it is whole.
    let folder = scene.path("backup").join("journal");
    let segment = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&segment, bytes).unwrap();
    let damaged = admin(&["check", to]);
    assert_eq!(damaged.code, Some(1));
    let said = damaged.data["problems"].to_string();
    assert!(said.contains(segment.file_name().unwrap().to_str().unwrap()), "{said}");
    assert_eq!(damaged.data["whole"], false);
    let spoken = crate::program::run(&["--lang", "vi", "admin", "check", to]);
    assert!(spoken.code == 1 && spoken.out.contains("BỊ HỎNG"), "{spoken:?}");
    assert!(spoken.out.contains("không đọc được bản ghi sau bản ghi"), "{spoken:?}");
    assert!(!spoken.out.contains("cannot") && !spoken.out.contains("record"), "{spoken:?}");
    // What is no hub's is told as what it is.
    let (said, store) = (admin(&["check", text(&device)]), device.join("store"));
    assert!(said.code == Some(3) && said.errors.contains("folder of a device"), "{}", said.errors);
    let said = admin(&["check", text(&store)]);
    assert!(said.code == Some(3) && said.errors.contains("sealed"), "{}", said.errors);
    assert!(said.errors.contains(text(&store)), "it names what was given: {}", said.errors);
    let said = admin(&["check", text(&scene.path("facilities.csv"))]);
    assert!(said.code == Some(3) && said.errors.contains("no manifest"), "{}", said.errors);
    // Without a device's folder everything else says what it lacks.
    let lacks = admin(&["devices"]);
    assert!(lacks.code == Some(2) && lacks.errors.contains("--dir"), "{}", lacks.errors);
    scene.stop_hub();
}

/// Runs a command as an account that may not look into folders which others closed.
#[cfg(unix)]
fn as_somebody_else(arguments: &[&str]) -> crate::program::Ran {
    use std::os::unix::process::CommandExt;
    let mut command = crate::program::command(arguments);
    if rustix::process::geteuid().is_root() {
        // Nobody's account on most systems; any but that of root would do.
        command.uid(65_534);
    }
    let output = command.output().unwrap();
    crate::program::Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn folders_are_closed_to_other_accounts_and_the_second_disk_is_whole_and_no_backup_s_place() {
    let mut scene = Scene::with_phones(0);
    let (hub, second) = (scene.hub_dir.clone(), scene.path("second"));
    for folder in [hub.join("store"), scene.admin_dir.clone(), scene.admin_dir.join("store")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    // As a program before this one left them.
    scene.stop_hub();
    fs::create_dir(&second).unwrap();
    for folder in [&hub, &hub.join("store"), &second] {
        set_mode(folder, 0o755);
    }
    scene.restart_hub_with_settings(&[("BIENBAN_BACKUP_FOLDER", text(&second))]);
    assert_eq!((mode(&hub), mode(&hub.join("store"))), (0o755, 0o700));
    let log = fs::read_to_string(hub.with_extension("log")).unwrap();
    assert!(log.contains("other accounts of this machine could look into this"), "{log}");
    assert!(!log.contains("the folder was restored or copied"), "{log}");
    // All of the journal is there though nobody sends anything, and the last record says that it is.
    let last = || segments_in(&hub.join("store/journal")).pop().unwrap();
    let copied = || second.join(last().file_name().unwrap());
    let mut waited = Duration::ZERO;
    while fs::read(copied()).ok() != fs::read(last()).ok() {
        assert!(waited < PATIENCE, "the second disk lacks what the journal ends with");
        std::thread::sleep(Duration::from_millis(50));
        waited += Duration::from_millis(50);
    }
    assert_eq!((mode(&second), mode(&copied())), (0o700, 0o600));
    let refused = admin(&["backup", "--hub-dir", text(&hub), "--to", text(&second)]);
    assert_eq!(kind(&refused), (Some(2), "usage".to_owned()), "{}", refused.errors);
    assert!(refused.errors.contains(text(&second)), "{}", refused.errors);
    assert!(segments_in(&second).iter().all(|path| path.is_file()), "nothing was put there");
    // No right to look is not the same as nothing there.
    let closed = scene.path("closed");
    fs::create_dir_all(closed.join("store/journal")).unwrap();
    set_mode(&closed.join("store"), 0o000);
    let to = scene.path("backup");
    let refused =
        as_somebody_else(&["admin", "backup", "--hub-dir", text(&closed), "--to", text(&to)]);
    set_mode(&closed.join("store"), 0o700);
    assert!(refused.code == 1 && !refused.err.contains("no hub"), "{refused:?}");
    assert!(refused.err.contains("account"), "{refused:?}");
    scene.stop_hub();
}
