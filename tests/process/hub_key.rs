//! The hub's key, replaced by the next: announced, taken, followed by phones that heard of it, and taken by
//! word of a person on phones that did not.

use std::fs;
use std::path::{Path, PathBuf};

use bienban_tests::process::{run, text};
use bienban_tests::scene::{Scene, expect_same};
use serde_json::Value;

use crate::restore::copy;

/// The code of a hub that is not the one that was pinned.
const WRONG_HUB: Option<i32> = Some(6);

fn key(uri: &str) -> &str {
    uri.split_once('#').unwrap().1
}

/// The key before leads nowhere any more, under whatever word it is given; what is advised instead works.
fn the_key_before_is_refused_and_the_advice_works(scene: &Scene, two: &Path, keys: (&str, &str)) {
    let (old, next) = keys;
    let uri = scene.hub.as_ref().unwrap().uri.clone();
    let before = scene.field(two, &["hub"]);
    let old_uri = uri.replace(next, old);
    for word in [None, Some("--other-key"), Some("--new-key")] {
        let back = [&["field", "--dir", text(two), "hub", "--set", &old_uri][..], word.as_slice()];
        let back = run(back.concat());
        assert_eq!(back.code, WRONG_HUB, "{word:?}: {}", back.errors);
        let advised = format!("--key {next} --new-key");
        assert!(back.errors.contains(&advised), "{word:?}: {}", back.errors);
    }
    assert_eq!(scene.field(two, &["hub"]), before, "nothing was changed");
    let place = before["address"].as_str().unwrap().to_owned();
    scene.field(two, &["hub", "--set", &place, "--key", next, "--new-key"]);
    scene.sync(two);
}

#[test]
fn a_phone_that_heard_follows_by_itself_and_one_that_did_not_is_told_and_loses_nothing() {
    let mut scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let inspection = scene.inspection.clone();
    let old = key(&scene.hub.as_ref().unwrap().uri).to_owned();
    scene.field(&one, &["answer", &inspection, "9.1", "dat"]);
    scene.sync(&one);
    let file = scene.path("before.bienban");
    scene.field(&one, &["export", &inspection, "--proof", text(&file)]);
    assert!(!scene.restart_hub_saying(&["--switch-key"]), "nothing was announced");
    assert!(scene.restart_hub_saying(&["--announce-key"]));
    assert_eq!(key(&scene.hub.as_ref().unwrap().uri), old);
    scene.sync(&one);
    let told = scene.field(&one, &["hub"]);
    let next = told["keys"][1]["key"].as_str().unwrap().to_owned();
    assert_eq!(
        (&told["keys"][0]["key"], &told["keys"][1]["state"]),
        (&old.clone().into(), &"announced".into())
    );
    scene.administer(&["status"]);
    // The second phone is away all the time and works on.
    scene.field(&two, &["answer", &inspection, "9.2", "mi", "--note", "Lúc không có mạng."]);
    assert!(scene.restart_hub_saying(&["--switch-key"]));
    let uri = scene.hub.as_ref().unwrap().uri.clone();
    assert_eq!(key(&uri), next);
    let secrets = fs::read_dir(&scene.hub_dir).unwrap().map(|entry| entry.unwrap().file_name());
    let secrets: Vec<_> = secrets.filter(|name| name.to_string_lossy().ends_with("key")).collect();
    assert_eq!(secrets, ["hub.key"], "the key before is gone");

    scene.field(&one, &["answer", &inspection, "9.3", "dat"]);
    scene.sync(&one);
    let status = scene.field(&one, &["status"]);
    assert_eq!((&status["only_here"], &status["doubts"]), (&0.into(), &Value::Array(vec![])));
    assert_eq!(
        (&status["hub_key_moved"]["from"], &status["hub_key_moved"]["to"]),
        (&old.clone().into(), &next.clone().into())
    );
    assert_eq!(scene.field(&one, &["status"])["hub_key_moved"], Value::Null, "it is said once");
    assert_eq!(scene.field(&one, &["hub"])["key"], next);

    let refused = run(["field", "--dir", text(&two), "sync"]);
    assert_eq!(refused.code, WRONG_HUB);
    assert!(refused.errors.contains("--new-key"), "{}", refused.errors);
    let none = run(["field", "--dir", text(&two), "hub", "--set", &uri]);
    assert_ne!(none.code, Some(0), "another key is not taken without a word");
    scene.field(&two, &["hub", "--set", &uri, "--new-key"]);
    scene.sync(&two);
    let status = scene.field(&two, &["status"]);
    assert_eq!((&status["only_here"], &status["doubts"]), (&0.into(), &Value::Array(vec![])));
    assert_eq!(status["hub_key_moved"]["to"], next);
    the_key_before_is_refused_and_the_advice_works(&scene, &two, (&old, &next));
    // The administrator follows too, and enrols a phone under the next key.
    assert!(scene.administer(&["status"]).is_object());
    let three = scene.add_phone("phone-3", "inspector");
    scene.sync(&three);
    scene.settle();
    let shown = scene.field(&three, &["show", &inspection]);
    assert!(shown.to_string().contains("Lúc không có mạng."));

    // What was exported before the key was replaced.
    assert_eq!(run(["verify", text(&file)]).done()["valid"], true);
    let faults = run(["verify", text(&file), "--hub", &uri]).data["faults"].take();
    assert_eq!((&faults[0]["fault"], faults.get(1)), (&"other_hub".into(), None), "no link");
    let keys = scene.path("hub.keys");
    scene.field(&three, &["hub", "--keys-to", text(&keys)]);
    let told = run(["verify", text(&file), "--hub", &uri, "--hub-keys", text(&keys)]).done();
    assert_eq!((&told["valid"], &told["hub"]), (&true.into(), &next.clone().into()));
    let new = scene.path("after.bienban");
    scene.field(&three, &["export", &inspection, "--proof", text(&new)]);
    for hub in [&next, &old] {
        assert_eq!(run(["verify", text(&new), "--hub", hub]).done()["valid"], true, "{hub}");
    }
    assert!(scene.restart_hub_saying(&["--switch-key"]), "said again it changes nothing");
    assert_eq!(key(&scene.hub.as_ref().unwrap().uri), next);
    scene.settle();
    scene.stop_hub();
    drop(expect_same(&scene));
}

#[test]
fn a_hub_that_does_not_follow_the_pinned_key_is_not_taken_for_it() {
    let mut scene = Scene::with_phones(1);
    let one = scene.phones[0].clone();
    let inspection = scene.inspection.clone();
    scene.field(&one, &["answer", &inspection, "9.1", "dat"]);
    scene.stop_hub();
    // Another hub stands at the address, and somebody says that it is the same.
    fs::create_dir_all(scene.path("other")).unwrap();
    scene.hub_dir = scene.path("other");
    let device = scene.field(&one, &["whoami"])["device"].as_str().unwrap().to_owned();
    scene.restart_hub_with(&device);
    let uri = scene.hub.as_ref().unwrap().uri.clone();
    scene.field(&one, &["hub", "--set", &uri, "--new-key"]);
    let refused = run(["field", "--dir", text(&one), "sync"]);
    assert_eq!(refused.code, WRONG_HUB, "{}", refused.errors);
    assert_eq!(scene.field(&one, &["status"])["only_here"], 1, "it has nothing of this phone's");
}

/// A hub whose key was replaced, a copy of it from before the announcement, and one from before the switch.
struct Switched {
    scene: Scene,
    before: PathBuf,
    announced: PathBuf,
    /// The next key, as it was kept with the copies.
    key: Vec<u8>,
}

fn switched() -> Switched {
    let mut scene = Scene::with_phones(2);
    let (one, inspection) = (scene.phones[0].clone(), scene.inspection.clone());
    scene.field(&one, &["answer", &inspection, "9.1", "dat"]);
    scene.settle();
    scene.stop_hub();
    let (before, announced) = (scene.path("copy-before"), scene.path("copy-announced"));
    copy(&scene.hub_dir, &before);
    assert!(scene.restart_hub_saying(&["--announce-key"]));
    scene.settle();
    scene.stop_hub();
    copy(&scene.hub_dir, &announced);
    let key = fs::read(scene.hub_dir.join("hub-next.key")).unwrap();
    assert!(scene.restart_hub_saying(&["--switch-key"]));
    scene.field(&one, &["answer", &inspection, "9.2", "mi"]);
    scene.settle();
    scene.field(&one, &["answer", &inspection, "9.3", "dat"]);
    Switched { scene, before, announced, key }
}

impl Switched {
    fn put_back(&mut self, backup: &Path) {
        self.scene.hub.as_mut().unwrap().kill();
        self.scene.hub = None;
        fs::remove_dir_all(&self.scene.hub_dir).unwrap();
        copy(backup, &self.scene.hub_dir);
    }

    /// All phones exchange, and nobody lost anything.
    fn ends_whole(mut self) {
        self.scene.settle();
        for phone in &self.scene.phones {
            let status = self.scene.field(phone, &["status"]);
            assert_eq!(status["only_here"], 0, "{status}");
            let shown = self.scene.field(phone, &["show", &self.scene.inspection]);
            let answered = shown["grade"]["tally"]["answered"].as_u64();
            assert_eq!(answered, Some(3), "{}", shown["grade"]["tally"]);
        }
        self.scene.stop_hub();
        drop(expect_same(&self.scene));
    }
}

#[test]
fn a_copy_from_after_the_announcement_is_put_back_over_the_switch() {
    let mut it = switched();
    let copy = it.announced.clone();
    it.put_back(&copy);
    assert!(it.scene.restart_hub_saying(&["--restored", "--switch-key"]));
    it.ends_whole();
}

#[test]
fn a_copy_from_before_the_announcement_says_what_to_do_and_a_new_hub_gets_all_that_phones_hold() {
    let mut it = switched();
    let copy = it.before.clone();
    it.put_back(&copy);
    let dir = it.scene.hub_dir.clone();
    let words = ["--listen", "127.0.0.1:0", "--restored", "--switch-key"];
    let refused = run(["serve", "--dir", text(&dir)].into_iter().chain(words));
    assert_ne!(refused.code, Some(0));
    for part in ["Announce no other key", "from after the announcement", "a new hub"] {
        assert!(refused.errors.contains(part), "{}", refused.errors);
    }
    // Phones that followed the switch do not come back to the key before, whatever is said.
    assert!(it.scene.restart_hub_saying(&["--restored"]));
    let before = it.scene.hub.as_ref().unwrap().uri.clone();
    let one = it.scene.phones[0].clone();
    let back = run(["field", "--dir", text(&one), "hub", "--set", &before, "--other-key"]);
    assert_eq!(back.code, WRONG_HUB, "{}", back.errors);
    assert!(back.errors.contains("docs/operations.md"), "{}", back.errors);
    it.scene.stop_hub();

    it.scene.hub_dir = it.scene.path("new-hub");
    let admin = it.scene.path("admin");
    let device = run(["admin", "--dir", text(&admin), "whoami"]).done();
    let device = device["device"].as_str().unwrap().to_owned();
    assert!(it.scene.restart_hub_saying(&["--admin", &device]));
    let uri = it.scene.hub.as_ref().unwrap().uri.clone();
    run(["admin", "--dir", text(&admin), "hub", "--set", &uri, "--other-key"]).done();
    it.scene.administer(&["status"]);
    for phone in it.scene.phones.clone() {
        it.scene.field(&phone, &["hub", "--set", &uri, "--other-key"]);
        let device = it.scene.field(&phone, &["whoami"])["device"].as_str().unwrap().to_owned();
        let name = phone.file_name().unwrap().to_str().unwrap().to_owned();
        let rights = ["--agency", "Y tế", "--role", "inspector", "--scope", "06325"];
        let trust = ["trust", &device, "--name", &name];
        it.scene.administer(&[&trust[..], &rights[..]].concat());
    }
    it.ends_whole();
}

#[test]
fn a_copy_from_before_the_announcement_hears_of_it_from_phones_that_have_not_switched() {
    let mut scene = Scene::with_phones(2);
    let (one, inspection) = (scene.phones[0].clone(), scene.inspection.clone());
    for item in ["9.1", "9.2"] {
        scene.field(&one, &["answer", &inspection, item, "dat"]);
    }
    scene.settle();
    scene.stop_hub();
    let before = scene.path("copy-before");
    copy(&scene.hub_dir, &before);
    assert!(scene.restart_hub_saying(&["--announce-key"]));
    scene.field(&one, &["answer", &inspection, "9.3", "dat"]);
    scene.settle();
    let key = fs::read(scene.hub_dir.join("hub-next.key")).unwrap();
    let mut it = Switched { announced: before.clone(), before: before.clone(), scene, key };
    it.put_back(&before);
    fs::write(it.scene.hub_dir.join("hub-next.key"), &it.key).unwrap();
    assert!(it.scene.restart_hub_saying(&["--restored"]));
    it.scene.settle();
    assert!(it.scene.restart_hub_saying(&["--switch-key"]));
    it.ends_whole();
}

#[test]
fn a_copy_from_before_the_announcement_announces_no_second_key() {
    let mut scene = Scene::with_phones(1);
    scene.settle();
    scene.stop_hub();
    let before = scene.path("copy-before");
    copy(&scene.hub_dir, &before);
    assert!(scene.restart_hub_saying(&["--announce-key"]));
    scene.settle();
    let key = fs::read(scene.hub_dir.join("hub-next.key")).unwrap();
    let mut it = Switched { announced: before.clone(), before: before.clone(), scene, key };
    it.put_back(&before);
    let dir = it.scene.hub_dir.clone();
    let refused = |more: &[&str], part: &str| {
        let words = ["serve", "--dir", text(&dir), "--listen", "127.0.0.1:0", "--announce-key"];
        let refused = run(words.into_iter().chain(more.iter().copied()));
        assert_ne!(refused.code, Some(0));
        assert!(refused.errors.contains(part), "{}", refused.errors);
        assert!(!dir.join("hub-next.key").exists(), "no other key was made");
    };
    refused(&["--restored"], "they bring such an announcement back");
    // Phones bring it back, and then the hub knows.
    assert!(it.scene.restart_hub_saying(&["--restored"]));
    it.scene.settle();
    it.scene.stop_hub();
    refused(&[], "has announced the key");
    fs::write(dir.join("hub-next.key"), &it.key).unwrap();
    assert!(it.scene.restart_hub_saying(&["--announce-key"]), "said again it changes nothing");
    assert!(it.scene.restart_hub_saying(&["--switch-key"]));
    it.scene.settle();
}

#[test]
fn heads_kept_under_the_key_before_are_compared_after_a_switch_taken_on_trust() {
    let mut scene = Scene::with_phones(1);
    scene.administer(&["status"]);
    assert!(scene.restart_hub_saying(&["--announce-key"]));
    assert!(scene.restart_hub_saying(&["--switch-key"]));
    let uri = scene.hub.as_ref().unwrap().uri.clone();
    scene.administer(&["hub", "--set", &uri, "--new-key"]);
    let checked = scene.administer(&["audit", "verify"]);
    assert_eq!((&checked["continued"], &checked["problems"]), (&2.into(), &Value::Array(vec![])));
}
