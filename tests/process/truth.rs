//! What devices and the hub say when something is gone, not allowed or without room: always what is
//! so, and what to do about it.

use std::fs;
use std::path::{Path, PathBuf};

use bienban_core::clock;
use bienban_tests::process::{HubProcess, run, text};
use bienban_tests::scene::{self, COMMUNE, Scene, items};
use serde_json::Value;

use crate::full::Disk;

/// Runs a command and returns its exit code, its data and what it says beside them.
fn field(dir: &Path, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let ran = run(["field", "--dir", text(dir)].into_iter().chain(arguments.iter().copied()));
    (ran.code, ran.data, ran.errors)
}

/// As [`field`], in the words for people, both streams together.
fn told(dir: &Path, arguments: &[&str]) -> String {
    let mut command = bienban_tests::binary::command();
    command.args(["--lang", "en", "field", "--dir", text(dir)]).args(arguments);
    let output = command.output().unwrap();
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn id_of(dir: &Path) -> String {
    field(dir, &["whoami"]).1["device"].as_str().unwrap().to_owned()
}

/// Starts the scene's hub with an empty store under its old key.
fn lose_the_hub(scene: &mut Scene) {
    scene.stop_hub();
    let key = fs::read(scene.hub_dir.join("hub.key")).unwrap();
    fs::remove_dir_all(&scene.hub_dir).unwrap();
    fs::create_dir_all(&scene.hub_dir).unwrap();
    fs::write(scene.hub_dir.join("hub.key"), key).unwrap();
    scene.restart_hub_with(&scene.admin.clone());
}

fn trust(scene: &Scene, dir: &Path, role: &str) {
    let device = id_of(dir);
    scene.administer(&[
        "trust", &device, "--name", "Mây", "--agency", "Y tế", "--role", role, "--scope", COMMUNE,
    ]);
}

#[test]
fn a_hub_that_lost_its_folder_but_not_its_key_gets_everything_back_and_nobody_is_left_refused() {
    let mut scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let (inspection, items) = (scene.inspection.clone(), items());
    scene.field(&one, &["answer", &inspection, &items[0], "dat"]);
    scene.sync(&one);
    scene.sync(&two);
    scene.field(&two, &["answer", &inspection, &items[1], "dat", "--note", "sau"]);
    scene.settle();
    scene.administer(&["inspections"]);
    lose_the_hub(&mut scene);
    // The administrator's own exchange gives back what the phones wrote, and what gave them the right.
    scene.administer(&["inspections"]);
    let status = scene.administer(&["status"]);
    assert_eq!((&status["devices"], &status["quarantined"]), (&3.into(), &0.into()), "{status}");
    for phone in [&one, &two, &one, &two] {
        let (code, data, errors) = field(phone, &["sync"]);
        assert_eq!((code, &data["notices"]), (Some(0), &serde_json::json!([])), "{errors}");
    }
    scene.field(&one, &["answer", &inspection, &items[2], "dat"]);
    scene.settle();
    let status = scene.administer(&["status"]);
    for count in ["pending", "waiting", "quarantined"] {
        assert_eq!(status[count], 0, "{status}");
    }
    scene.stop_hub();
    scene::expect_same(&scene);
}

#[test]
fn only_a_supervisor_decides_and_an_inspector_is_told_so_before_anything_is_recorded() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let inspection = scene.inspection.clone();
    scene.field(&phone, &["answer", &inspection, &items()[0], "dat"]);
    scene.sync(&phone);
    let review = |dir: &Path, rest: &[&str]| {
        let start = ["admin", "--dir", text(dir), "review", &inspection];
        run(start.into_iter().chain(rest.iter().copied()))
    };
    let before = field(&phone, &["verify"]).1["records"].clone();
    for rest in [&["accept", "tự duyệt"][..], &["comment", "-", "x"], &["send-back", "x"]] {
        let refused = review(&phone, rest);
        assert_eq!(refused.code, Some(6), "{}", refused.errors);
        assert!(refused.errors.contains("supervisor"), "{}", refused.errors);
    }
    assert!(field(&phone, &["verify"]).1["records"].as_u64() >= before.as_u64());
    assert!(field(&phone, &["show", &inspection]).1["review"].is_null());
    let supervisor = scene.add_device("supervisor", "supervisor", COMMUNE);
    let sent = review(&supervisor, &["send-back", "--item", &items()[0], "chụp ảnh"]).done();
    scene.sync(&phone);
    scene.field(&phone, &["reply", &inspection, &sent["id"].as_str().unwrap()[..8], "đã chụp"]);
    scene.sync(&phone);
    let shown = scene.field(&phone, &["show", &inspection]);
    assert_eq!(shown["review"]["verdict"], "sent_back");
    assert_eq!(shown["review"]["requests"][0]["settled"], true);
    review(&supervisor, &["accept"]).done();
    scene.sync(&phone);
    let shown = scene.field(&phone, &["show", &inspection]);
    let decisions = shown["review"]["decisions"].as_array().unwrap();
    let standing: Vec<&Value> = decisions.iter().map(|one| &one["standing"]).collect();
    assert_eq!(standing, ["replaced", "stands"]);
    assert_eq!(shown["review"]["verdict"], "accepted");
    // Its word counts by the role it has, everywhere alike.
    let device = id_of(&supervisor);
    scene.administer(&[
        "trust",
        &device,
        "--name",
        "x",
        "--agency",
        "x",
        "--role",
        "inspector",
        "--scope",
        COMMUNE,
    ]);
    scene.sync(&phone);
    let shown = scene.field(&phone, &["show", &inspection]);
    assert_eq!(shown["review"]["verdict"], "pending");
    assert_eq!(shown["review"]["decisions"][0]["standing"], "not_by_supervisor");
    let listed = scene.field(&phone, &["list"]);
    assert_eq!(listed["rows"][0]["review"]["verdict"], "pending");
}

#[test]
fn who_may_not_write_is_told_before_anything_is_recorded() {
    let scene = Scene::with_phones(1);
    let inspection = scene.inspection.clone();
    let item = items()[0].clone();
    let supervisor = scene.add_device("supervisor", "supervisor", COMMUNE);
    scene.sync(&supervisor);
    let elsewhere = scene.add_device("elsewhere", "inspector", "06337");
    scene.sync(&elsewhere);
    for (rest, words) in [
        (vec!["answer", &inspection, &item, "dat"], "supervisor"),
        (vec!["note", &inspection, &item, "x"], "supervisor"),
        (vec!["finding", &inspection, &item, "mi", "x"], "supervisor"),
        (vec!["header", &inspection, "witness", "x"], "supervisor"),
    ] {
        let (code, _, errors) = field(&supervisor, &rest);
        assert_eq!(code, Some(6), "{rest:?}: {errors}");
        assert!(errors.contains(words), "{errors}");
    }
    let status = field(&supervisor, &["status"]).1;
    assert_eq!(status["records"], serde_json::json!([]), "nothing was recorded");
}

#[test]
fn what_a_wrong_role_kept_out_enters_the_record_when_the_role_is_corrected() {
    let scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let inspection = scene.inspection.clone();
    let item = items()[0].clone();
    trust(&scene, &one, "auditor");
    // It has not heard of that yet.
    scene.field(&one, &["answer", &inspection, &item, "dat", "--value", "giữ"]);
    let (code, data, _) = field(&one, &["sync"]);
    assert_eq!((code, &data["notices"][0]["verdict"]), (Some(6), &"not_allowed".into()));
    assert!(told(&one, &["status"]).contains("corrects the role"));
    let status = scene.administer(&["status"]);
    assert_eq!(status["waits_for"]["devices"][0]["not_allowed"], 1, "{status}");
    trust(&scene, &one, "inspector");
    scene.settle();
    let status = field(&one, &["status"]).1;
    assert_eq!((&status["notices"], &status["only_here"]), (&serde_json::json!([]), &0.into()));
    let shown = scene.field(&two, &["history", &inspection, &item]);
    assert_eq!(shown["answers"][0]["value"], "giữ");
}

/// Flips a byte every so often in a file.
fn spoil(file: &Path, every: usize) {
    let mut bytes = fs::read(file).unwrap();
    for at in (every / 2..bytes.len()).step_by(every) {
        bytes[at] ^= 0x55;
    }
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_phone_whose_storage_is_damaged_says_what_was_lost_until_somebody_has_seen_it() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let inspection = scene.inspection.clone();
    scene.field(&phone, &["note", &inspection, &items()[0], "chưa gửi"]);
    spoil(&phone.join("store/journal/00000001.seg"), 3_000);
    spoil(&phone.join("store/index/db"), 3_000);
    for _ in 0..2 {
        let (_, status, errors) = field(&phone, &["status"]);
        assert_ne!(status["troubles"], serde_json::json!([]), "{errors}");
        let words = told(&phone, &["status"]);
        assert!(words.contains("LOST") && !words.contains("signed for every edit"), "{words}");
        let (code, verified, _) = field(&phone, &["verify"]);
        assert_eq!(code, Some(1));
        assert_ne!(verified["troubles"], serde_json::json!([]));
        assert!(!told(&phone, &["verify"]).contains("All is well"));
        assert!(told(&phone, &["list"]).contains("were lost"), "every command warns");
    }
    let (code, data, errors) = field(&phone, &["sync"]);
    assert_eq!((code, &data["caught_up"]), (Some(0), &true.into()), "{errors}");
    assert_eq!(field(&phone, &["verify"]).0, Some(1), "an exchange does not make it undone");
    let (code, ..) = field(&phone, &["verify", "--acknowledge"]);
    assert_eq!(code, Some(0));
    assert_eq!(field(&phone, &["status"]).1["troubles"], serde_json::json!([]));
    assert!(!told(&phone, &["list"]).contains("were lost"));
}

#[test]
fn a_store_that_is_gone_is_missed_by_the_device_that_had_it() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let inspection = scene.inspection.clone();
    scene.field(&phone, &["note", &inspection, &items()[0], "đã gửi"]);
    scene.sync(&phone);
    scene.field(&phone, &["note", &inspection, &items()[1], "chưa gửi"]);
    fs::remove_dir_all(phone.join("store")).unwrap();
    for _ in 0..2 {
        let (_, status, errors) = field(&phone, &["status"]);
        assert_eq!(status["troubles"][0]["everything"], true, "{status} {errors}");
        assert!(!told(&phone, &["status"]).contains("signed for every edit"));
        assert_eq!(field(&phone, &["verify"]).0, Some(1));
    }
    assert_eq!(field(&phone, &["sync"]).0, Some(0));
    let shown = scene.field(&phone, &["show", &inspection]);
    assert!(shown.to_string().contains("đã gửi"), "what the hub had comes back");
    assert_eq!(field(&phone, &["verify", "--acknowledge"]).0, Some(0));
    assert_eq!(field(&phone, &["status"]).1["troubles"], serde_json::json!([]));
}

#[test]
fn a_hub_whose_storage_is_damaged_says_so_until_somebody_has_seen_it() {
    let mut scene = Scene::with_phones(1);
    scene.stop_hub();
    spoil(&scene.hub_dir.join("store/journal/00000001.seg"), 3_000);
    spoil(&scene.hub_dir.join("store/index/db"), 3_000);
    scene.restart_hub_with(&scene.admin.clone());
    let status = scene.administer(&["status"]);
    assert_ne!(status["lost"], serde_json::json!([]), "{status}");
    let status = scene.administer(&["status", "--acknowledge"]);
    assert_eq!(status["lost"], serde_json::json!([]));
}

#[test]
fn a_phone_without_room_says_that_the_hub_has_its_work_and_how_much_room_is_needed() {
    let Some(disk) = Disk::mount("a phone without room for receipts") else { return };
    let scene = Scene::with_phones(0);
    let phone: PathBuf = disk.path().join("phone");
    let device = scene.init(&phone);
    scene.administer(&[
        "trust",
        &device,
        "--name",
        "x",
        "--agency",
        "x",
        "--role",
        "inspector",
        "--scope",
        COMMUNE,
    ]);
    scene.sync(&phone);
    scene.field(&phone, &["answer", &scene.inspection, &items()[0], "dat"]);
    disk.fill();
    let words = told(&phone, &["sync"]);
    assert!(words.contains("the hub has stored what was sent"), "{words}");
    assert!(words.contains("16 MiB"), "{words}");
    let other = disk.path().join("other");
    let uri = scene.hub.as_ref().map(|hub: &HubProcess| hub.uri.clone()).unwrap();
    let (code, _, errors) = field(&other, &["init", "--hub", &uri]);
    assert_eq!(code, Some(7), "{errors}");
    assert!(!other.join("device.key").exists(), "nothing was made");
    disk.make_room();
    scene.sync(&phone);
    assert_eq!(field(&phone, &["status"]).1["only_here"], 0);
}

#[test]
fn a_field_of_the_header_that_nobody_fills_in_is_settled_by_choosing_alone() {
    let scene = Scene::with_phones(2);
    for (phone, digits) in scene.phones.iter().zip(["ab", "cd"]) {
        let client = scene::open_phone(phone);
        let (genesis, seal) = (scene::genesis(&client, &scene), digits.repeat(32));
        let edit = client
            .phone()
            .edit(&genesis, clock::now(), |editor| editor.set_header("supplements", &seal));
        edit.unwrap();
    }
    scene.settle();
    let (phone, it) = (&scene.phones[0], scene.inspection.as_str());
    let listed = scene.field(phone, &["conflicts", it]);
    let conflict = &listed["rows"][0]["conflicts"][0];
    assert_eq!(conflict["name"], "header/supplements", "{listed}");
    let said = told(phone, &["conflicts", it]);
    assert!(said.contains("Supplements the minutes") && said.contains("--choose"), "{said}");
    assert!(!said.contains("Instead of choosing"), "{said}");
    let seal = "ab".repeat(32);
    let (code, _, errors) = field(phone, &["resolve", it, "header/supplements", &seal]);
    assert!(code == Some(2) && errors.contains("--choose"), "{errors}");
    let (code, _, errors) = field(phone, &["resolve", it, "header/nonsense", "x"]);
    assert!(code == Some(3) && errors.contains("nonsense"), "{errors}");
    let words = conflict["values"][0]["settle"].as_array().unwrap().iter();
    let words: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
    scene.field(phone, &words);
    assert!(!told(phone, &["conflicts", it]).contains("supplements"));
}
