//! The hub's log, as administrators and auditors read and check it.

use std::fs;
use std::path::Path;

use bienban_core::clock;
use bienban_core::replica::{Fact, Hub, HubOptions, Projection};
use bienban_core::store::{DiskStore, Options, Position, Read, Store, Writes};
use bienban_core::trust::DeviceKey;
use bienban_core::trust::merkle::TreeHash;
use bienban_tests::process::{Ran, run, text};
use bienban_tests::scene::Scene;
use serde_json::Value;

use crate::program;

fn audit(dir: &Path, arguments: &[&str]) -> Ran {
    run([&["admin", "--dir", text(dir), "audit"], arguments].concat())
}

fn kinds(rows: &Value) -> Vec<&str> {
    let rows = rows["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| row["entry"].as_object().unwrap().keys().next().unwrap().as_str())
        .collect()
}

#[test]
fn an_auditor_reads_and_checks_what_the_hub_did_and_a_phone_does_not() {
    let mut scene = Scene::with_phones(2);
    let auditor = scene.add_device("auditor", "auditor", "00");
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let inspection = scene.inspection.clone();
    scene.field(&one, &["answer", &inspection, "9.1", "dat"]);
    scene.settle();
    let checked = audit(&auditor, &["verify"]).done();
    assert!(checked["leaves"].as_u64().unwrap() > 5, "{checked}");
    assert_eq!(checked["problems"], Value::Array(vec![]));
    let checked = audit(&auditor, &["verify"]).done();
    assert!(checked["continued"].as_u64().unwrap() >= 2, "its own heads are continued: {checked}");
    let all = audit(&auditor, &["list"]).done();
    for kind in ["begun", "entered", "object", "administered", "stored", "merged", "read"] {
        assert!(kinds(&all).contains(&kind), "{kind}: {:?}", kinds(&all));
    }
    let read = audit(&auditor, &["list", "--kind", "read"]).done();
    assert!(kinds(&read).iter().all(|kind| *kind == "read"));
    assert_eq!((&all["rows"][0]["leaf"], &all["rows"][0]["at"]), (&0.into(), &Value::Null));
    scene.administer(&["status"]);
    for (lang, parts) in
        [("en", ["a role is given", "asked what waits"]), ("vi", ["trao vai trò", "đang chờ"])]
    {
        let start = ["--lang", lang, "admin", "--dir", text(&auditor), "audit", "list"];
        let said = program::run(&start).ok().out;
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        for part in
            ["1970", "record of kind", "bản ghi loại", ", about -", "về -", "(read_", "grant,"]
        {
            assert!(!said.contains(part), "{part}: {said}");
        }
    }
    let late = audit(&auditor, &["list", "--since", "2999-01-01"]).done();
    assert_eq!(kinds(&late), [""; 0]);
    // It says nothing of a person and no content.
    for word in ["Thử", "auditor", "phone-1"] {
        assert!(!all.to_string().contains(word), "{word}");
    }
    assert_eq!(audit(&two, &["list"]).code, Some(6), "an inspector may not");
    scene.stop_hub();
}

#[test]
fn the_folder_of_a_stopped_hub_is_checked_and_left_as_it_was() {
    let mut scene = Scene::with_phones(1);
    let auditor = scene.add_device("auditor", "auditor", "00");
    scene.settle();
    audit(&auditor, &["verify"]).done();
    scene.stop_hub();
    let hub_dir = scene.hub_dir.clone();
    let listing = |dir: &Path| {
        let mut names: Vec<_> = fs::read_dir(dir.join("store"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        names.sort();
        names
    };
    let before = listing(&hub_dir);
    let good = audit(&auditor, &["verify", "--hub-dir", text(&hub_dir)]).done();
    assert!(good["continued"].as_u64().unwrap() >= 2, "{good}");
    assert_eq!(listing(&hub_dir), before);
    // The operator leaves a record out and writes the store anew; the hub opens and is content.
    let records = |dir: &Path| {
        let options = Options::new(std::sync::Arc::new(|| clock::now().0));
        let store =
            DiskStore::open(dir.join("store"), std::sync::Arc::new(Projection), options).unwrap();
        let last = store.position().0;
        (1..=last).map(|at| store.record(Position(at)).unwrap().unwrap()).collect::<Vec<_>>()
    };
    let mut kept = records(&hub_dir);
    kept.remove(2);
    // The mark with which the hub stopped would make it say of itself that this is another log.
    let marked = Fact::Marked { size: 0, root: TreeHash([0; 32]) }.record().unwrap().kind;
    kept.retain(|record| record.kind != marked);
    let forged = scene.path("forged");
    fs::create_dir(&forged).unwrap();
    fs::copy(hub_dir.join("hub.key"), forged.join("hub.key")).unwrap();
    {
        let options = Options::new(std::sync::Arc::new(|| clock::now().0));
        let store = DiskStore::open(forged.join("store"), std::sync::Arc::new(Projection), options)
            .unwrap();
        store.commit(kept).unwrap();
        let seed = fs::read_to_string(forged.join("hub.key")).unwrap();
        let seed: [u8; 32] = hex::decode(seed.trim()).unwrap().try_into().unwrap();
        let options = HubOptions { fresh_epoch: [1; 16], now: clock::now() };
        Hub::open(std::sync::Arc::new(store), DeviceKey::from_seed(&seed), options).unwrap();
    }
    let bad = audit(&auditor, &["verify", "--hub-dir", text(&forged)]);
    assert_eq!(bad.code, Some(8), "{}", bad.errors);
}

/// Changes one leaf in a stopped hub's folder, and nothing that was computed from it.
fn change_a_leaf(hub_dir: &Path) {
    let options = Options::new(std::sync::Arc::new(|| clock::now().0));
    let store =
        DiskStore::open(hub_dir.join("store"), std::sync::Arc::new(Projection), options).unwrap();
    let (key, mut leaf) = store.scan(b"1", None, 3).unwrap().pop().unwrap();
    // Behind version and hash of the record, in the hash of what it says: it still reads.
    leaf[9] ^= 1;
    let mut writes = Writes::default();
    writes.put(key, leaf);
    store.derive(writes).unwrap();
}

#[test]
fn a_log_that_does_not_hold_together_is_not_listed() {
    let mut scene = Scene::with_phones(1);
    let auditor = scene.add_device("auditor", "auditor", "00");
    audit(&auditor, &["list"]).done();
    scene.stop_hub();
    change_a_leaf(&scene.hub_dir);
    scene.restart_hub();
    for command in ["list", "verify"] {
        let told = audit(&auditor, &[command]);
        assert_eq!(told.code, Some(8), "{command}: {}", told.errors);
    }
    scene.stop_hub();
}

#[test]
fn what_a_hub_lost_in_a_restore_is_told_from_what_it_hides() {
    let mut scene = Scene::with_phones(1);
    let auditor = scene.add_device("auditor", "auditor", "00");
    scene.stop_hub();
    let (hub_dir, copy) = (scene.hub_dir.clone(), scene.path("copy"));
    copy_folder(&hub_dir, &copy);
    scene.restart_hub();
    audit(&auditor, &["verify"]).done();
    audit(&auditor, &["verify"]).done();
    scene.stop_hub();
    fs::remove_dir_all(&hub_dir).unwrap();
    copy_folder(&copy, &hub_dir);
    scene.restart_hub();
    // The first contact may end with the hub's new life.
    audit(&auditor, &["verify"]);
    let checked = audit(&auditor, &["verify"]).done();
    let count = |name: &str| checked[name].as_array().unwrap().len();
    assert!(count("lost") > 0, "{checked}");
    assert_eq!((count("not_continued"), count("problems")), (0, 0), "{checked}");
    audit(&auditor, &["list"]).done();
    scene.stop_hub();
}

#[test]
fn a_backup_older_than_the_newest_head_is_told_as_older_and_not_as_changed() {
    let mut scene = Scene::with_phones(1);
    let auditor = scene.add_device("auditor", "auditor", "00");
    audit(&auditor, &["verify"]).done();
    scene.stop_hub();
    let copy = scene.path("copy");
    copy_folder(&scene.hub_dir, &copy);
    let verify = ["verify", "--hub-dir", text(&copy)];
    audit(&auditor, &verify).done();
    scene.restart_hub();
    scene.field(&scene.phones[0].clone(), &["answer", &scene.inspection.clone(), "9.1", "dat"]);
    scene.settle();
    audit(&auditor, &["verify"]).done();
    scene.stop_hub();
    let older = audit(&auditor, &verify);
    assert_eq!(older.code, Some(10), "{}", older.errors);
    let told = older.data;
    let count = |name: &str| told[name].as_array().unwrap().len();
    assert!(told["continued"].as_u64().unwrap() >= 1, "the first head is in it: {told}");
    assert_eq!((count("newer"), count("not_continued"), count("problems")), (1, 0, 0), "{told}");
    // What has all that was signed for is whole; what contradicts a head is not excused by its age.
    audit(&auditor, &["verify", "--hub-dir", text(&scene.hub_dir)]).done();
    change_a_leaf(&copy);
    assert_eq!(audit(&auditor, &verify).code, Some(8));
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
