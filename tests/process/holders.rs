//! Somebody whose phone was lost and who got another: whom a name means then, what a plan says of the lost one,
//! and what is said of work that the lost one brings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bienban_tests::process::{Ran, run, text};
use bienban_tests::scene::{COMMUNE, Scene};
use serde_json::Value;

use crate::program;

const PLAN: &str = "Kiểm tra thử";
const WHO: &str = "phone-1";

fn admin(scene: &Scene, words: &[&str]) -> Ran {
    run([&["admin", "--dir", text(&scene.admin_dir)], words].concat())
}

/// Runs a command of the administrator as a person does, in English, and returns what it says.
fn told(scene: &Scene, words: &[&str]) -> program::Ran {
    program::run(&[&["admin", "--dir", text(&scene.admin_dir)], words].concat())
}

fn device(scene: &Scene, phone: &Path) -> String {
    scene.field(phone, &["whoami"])["device"].as_str().unwrap().to_owned()
}

/// Runs a command that must fail, and returns its error.
#[track_caller]
fn error(scene: &Scene, words: &[&str], code: i32) -> Value {
    let ran = admin(scene, words);
    assert_eq!(ran.code, Some(code), "{words:?}: {} {}", ran.data, ran.errors);
    serde_json::from_str::<Value>(ran.errors.lines().last().unwrap()).unwrap()["error"].clone()
}

/// Enrols another device of somebody by an invitation, and returns its folder and its id.
fn another(scene: &Scene, folder: &str, whose: &str) -> (PathBuf, String) {
    let made = scene.administer(&["invite", "--for", whose]);
    let (uri, invitation) = (made["uri"].as_str().unwrap(), made["invitation"].as_str().unwrap());
    let dir = scene.path(folder);
    let claimed = run(["field", "--dir", text(&dir), "enrol", uri, "--wait", "0"]);
    assert_eq!(claimed.code, Some(1), "{}", claimed.errors);
    let shown = scene.administer(&["confirm", invitation]);
    let digits = shown["digits"].as_str().unwrap();
    scene.administer(&["confirm", invitation, "--digits", digits]);
    run(["field", "--dir", text(&dir), "enrol", "--resume"]).done();
    let id = device(scene, &dir);
    (dir, id)
}

fn grant(who: &str) -> [&str; 6] {
    ["grant", who, "--role", "leader", "--scope", COMMUNE]
}

fn plan(leader: &str) -> [&str; 12] {
    let days = ["--from", "2026-12-01", "--to", "2026-12-02", "--facility", "BS-001"];
    let [from, first, to, last, facility, code] = days;
    ["plan", "add", "--title", "Mới", from, first, to, last, facility, code, "--leader", leader]
}

#[test]
fn a_name_means_the_device_that_was_not_revoked_and_says_so_where_all_were() {
    let scene = Scene::with_phones(1);
    let lost = device(&scene, &scene.phones[0]);
    let only = told(&scene, &["revoke", WHO]).ok().out;
    assert!(only.contains("was revoked") && !only.contains("of this person"), "{only}");
    // Only the lost one there: nothing is given to it, and no plan is made with it.
    for words in [&grant(WHO)[..], &plan(WHO), &["plan", "change", PLAN, "--member", WHO]] {
        let error = error(&scene, words, 1);
        assert!(error["message"].as_str().unwrap().contains("revoked for good"), "{error}");
        assert!(error["hint"].as_str().unwrap().contains("admin invite --for"), "{error}");
    }
    let (_, fresh) = another(&scene, "fresh", WHO);
    assert_eq!(scene.administer(&grant(WHO))["device"], fresh.as_str());
    let changed = scene.administer(&["plan", "change", PLAN, "--leader", WHO]);
    let leads = |row: &&Value| row["role"] == "leader";
    let leader = changed["team"].as_array().unwrap().iter().find(leads).unwrap();
    assert_eq!(leader["device"], fresh.as_str(), "{changed}");
    let withdrawn = ["withdraw", WHO, "--role", "leader", "--scope", COMMUNE];
    assert_eq!(scene.administer(&withdrawn)["device"], fresh.as_str());
    // The lost one has its id still.
    let of_lost = scene.administer(&["access", &lost[..8], "inspection", COMMUNE]);
    assert_eq!(
        (&of_lost["device"], &of_lost["revoked"]),
        (&lost.as_str().into(), &"device".into())
    );
    assert_eq!(of_lost["other_devices"], serde_json::json!([fresh]));
    let listed = told(&scene, &["devices"]).ok().out;
    assert!(listed.contains("[revoked "), "{listed}");
    // Revoking what is revoked changes nothing and says so; a name means the one that is left.
    let again = told(&scene, &["revoke", &lost]).ok().out;
    assert!(again.contains("stood before") && again.contains(&fresh[..8]), "{again}");
    scene.administer(&["revoke", &fresh]);
    // The roles are the person's still, and so is the person's end.
    scene.administer(&["withdraw", WHO, "--role", "inspector", "--scope", COMMUNE]);
    assert_eq!(scene.administer(&["revoke", WHO, "--person"])["revoked"], "person");
}

#[test]
fn a_name_of_several_live_devices_is_refused_with_what_tells_each() {
    let scene = Scene::with_phones(1);
    let lost = device(&scene, &scene.phones[0]);
    let (_, second) = another(&scene, "second", WHO);
    let (_, third) = another(&scene, "third", &second[..12]);
    scene.administer(&["revoke", &lost]);
    let error = error(&scene, &grant(WHO), 3);
    let message = error["message"].as_str().unwrap();
    let of = |device: &str| {
        let mut parts = message.split("; ").filter(|part| part.contains(&device[..8]));
        parts.next().unwrap_or_else(|| panic!("{message}")).to_owned()
    };
    for device in [&second, &third] {
        assert!(of(device).contains("Y tế") && !of(device).contains("REVOKED"), "{message}");
    }
    assert!(of(&lost).contains("REVOKED 20"), "{message}");
    let candidates = error["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 3, "{error}");
    assert!(candidates[0]["device"]["revoked_at"].is_null(), "{error}");
    assert!(candidates[2]["device"]["revoked_at"].is_string(), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("by the id"), "{error}");
    // All of them are one person's, whose inspections and invitations they are.
    scene.administer(&["invite", "--for", WHO]);
}

#[test]
fn a_plan_that_names_a_lost_device_says_what_takes_its_place() {
    let scene = Scene::with_phones(1);
    let lost = device(&scene, &scene.phones[0]);
    scene.administer(&grant(WHO));
    scene.administer(&["plan", "change", PLAN, "--leader", WHO, "--no-conflict", WHO]);
    scene.administer(&["revoke", WHO]);
    let todo = || {
        let shown = scene.administer(&["plans", PLAN]);
        let of_lost = |row: &&Value| row["device"] == lost.as_str();
        let row = shown["warnings"].as_array().unwrap().iter().find(of_lost).cloned();
        row.map(|row| row["todo"].as_str().unwrap().to_owned())
    };
    assert!(todo().unwrap().contains("admin invite --for"), "{:?}", todo());
    let (_, fresh) = another(&scene, "fresh", WHO);
    let advice = todo().unwrap();
    assert!(!advice.contains("invite"), "{advice}");
    let command = advice.split_once("bienban admin ").unwrap().1;
    let words: Vec<&str> = command.split(' ').collect();
    assert!(words.windows(2).any(|two| two == ["--leader", &fresh[..8]]), "{advice}");
    scene.administer(&words);
    assert_eq!(todo(), None, "what was advised mends it");
    let team = scene.administer(&["plans", PLAN])["team"].clone();
    let [leader] = &team.as_array().unwrap()[..] else {
        let of_fresh = |row: &&Value| row["device"] == fresh.as_str();
        let row = team.as_array().unwrap().iter().find(of_fresh).unwrap();
        assert_eq!((&row["role"], &row["no_conflict"]), (&"leader".into(), &true.into()), "{team}");
        return;
    };
    panic!("the former leader is in the team: {leader}");
}

#[test]
fn taking_the_last_role_is_told_apart_from_a_revocation() {
    let scene = Scene::with_phones(1);
    let words = ["withdraw", WHO, "--role", "inspector", "--scope", COMMUNE];
    let taken = told(&scene, &words).ok().out;
    let said = ["Taken from phone-1", "the role inspector", "was not revoked", "admin grant"];
    for part in said {
        assert!(taken.contains(part), "{part} is not in {taken}");
    }
    let data = scene.administer(&["grant", WHO, "--role", "inspector", "--scope", COMMUNE]);
    assert_eq!((&data["active"], &data["revoked"]), (&true.into(), &Value::Null));
    scene.sync(&scene.phones[0]);
    let ended = told(&scene, &["revoke", WHO]).ok().out;
    assert!(ended.contains("was revoked") && !ended.contains("admin grant"), "{ended}");
}

/// Lets a phone write something, revokes it as lost since a day, and lets it bring what it wrote.
fn brought(scene: &Scene, phone: &Path, since: &str) {
    scene.field(phone, &["note", &scene.inspection, "1.1", "work"]);
    scene.administer(&["revoke", &device(scene, phone), "--since", since]);
    program::run(&["field", "--dir", text(phone), "sync"]).fails(6);
}

#[test]
fn what_a_revoked_device_brings_is_told_as_come_late_and_not_as_written_without_a_right() {
    let scene = Scene::with_phones(2);
    let supervisor = scene.add_device("supervisor", "supervisor", COMMUNE);
    let [lost, strange] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let of_lost = device(&scene, &lost);
    brought(&scene, &lost, "2026-01-01T00:00:00Z");
    // The role of the other was taken before its device was revoked: it had no right by then.
    scene.field(&strange, &["note", &scene.inspection, "1.1", "no right"]);
    let auditor = ["--agency", "Y tế", "--role", "auditor", "--scope", COMMUNE];
    let strange_id = device(&scene, &strange);
    let trust = ["trust", &strange_id, "--name", "phone-2"];
    scene.administer(&[&trust[..], &auditor].concat());
    scene.administer(&["revoke", &strange_id]);
    program::run(&["field", "--dir", text(&strange), "sync"]).fails(6);
    let desk = |words: &[&str]| {
        let start = ["admin", "--dir", text(&supervisor), "quarantine"];
        run([&start[..], words].concat()).done()
    };
    let rows = desk(&["list"])["rows"].as_array().unwrap().clone();
    let of = |device: &str| {
        let mut rows = rows.iter().filter(|row| row["signer"]["device"] == device);
        rows.next().unwrap_or_else(|| panic!("{rows:?}")).clone()
    };
    let (late, never) = (of(&of_lost), of(&strange_id));
    assert_eq!(late["verdict"], "not_allowed", "the verdict is the same");
    assert_eq!(late["after_revocation"]["revoked"], "device", "{late}");
    assert_eq!(late["after_revocation"]["lost_since"], "2026-01-01T00:00:00.000Z");
    assert!(never["after_revocation"].is_null(), "{never}");
    let change = late["change"].as_str().unwrap();
    let shown = desk(&["show", change]);
    assert_eq!(shown["pack"]["changes"][0]["claims"], "after_loss", "{shown}");
    let quoted = desk(&["quote", change])["text"].as_str().unwrap().to_owned();
    assert!(quoted.contains("came after its device was revoked"), "{quoted}");
    let say = |lang: &str, words: &[&str]| {
        let start = ["--lang", lang, "admin", "--dir", text(&supervisor), "quarantine"];
        program::run(&[&start[..], words].concat()).ok().out
    };
    let list = say("en", &["list"]);
    assert!(list.contains("came after its device was revoked") && list.contains("since"), "{list}");
    assert!(list.contains("had no right"), "{list}");
    assert!(say("vi", &["list"]).contains("tới sau khi thiết bị bị thu hồi"));
    let one = say("en", &["show", change]);
    assert!(one.contains("after the device was out of its holder's hands"), "{one}");
    // No role helps, and none is advised.
    let status = told(&scene, &["status"]).ok().out;
    let line = status.lines().find(|line| line.contains(&of_lost[..8])).unwrap();
    assert!(line.contains("a supervisor decides") && !line.contains("trust"), "{line}");
    let listed = scene.administer(&["quarantine", "list", "--person", &of_lost[..8]]);
    assert_eq!(listed["rows"].as_array().unwrap().len(), 1, "what is advised lists it");
    let data = scene.administer(&["status"]);
    let devices = data["waits_for"]["devices"].as_array().unwrap();
    assert!(devices.iter().all(|one| one["revoked_at"].is_string()), "{data}");
}

#[test]
fn a_revoked_device_that_keeps_its_keys_is_told_that_its_work_came_late() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    scene.administer(&grant(WHO));
    scene.sync(&phone);
    scene.field(&phone, &["note", &scene.inspection, "1.2", "begun"]);
    scene.sync(&phone);
    // A decision that nobody enters any more keeps the keys.
    scene.field(&phone, &["assign", &scene.inspection, WHO]);
    brought(&scene, &phone, "2026-01-01T00:00:00Z");
    let status = program::run(&["field", "--dir", text(&phone), "status"]).ok().out;
    assert!(status.contains("after this device was revoked"), "{status}");
    assert!(status.contains("a supervisor decides"), "{status}");
    assert!(!status.contains("admin trust") && !status.contains("may not write"), "{status}");
    let notice = scene.field(&phone, &["status"])["notices"][0].clone();
    assert_eq!(notice["after_revocation"]["revoked"], "device", "{notice}");
}

/// Trusts a phone as another person of the same name as the first phone's holder; returns the phone's id.
fn namesake(scene: &mut Scene) -> String {
    let other = scene.add_phone("namesake", "inspector");
    let other = device(scene, &other);
    let named = ["trust", &other, "--name", WHO, "--agency", "Xã", "--role", "inspector"];
    scene.administer(&[&named[..], &["--scope", COMMUNE]].concat());
    other
}

/// Runs a command whose name must fit several, and checks that it tells these devices by their ids.
#[track_caller]
fn tells_apart(scene: &Scene, words: &[&str], devices: &[&str]) {
    let error = error(scene, words, 3);
    assert_eq!(error["kind"], "not_found", "{error}");
    let told = error["candidates"].as_array().unwrap_or_else(|| panic!("{error}"));
    let told: BTreeSet<&str> = told.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(told, devices.iter().map(|device| &device[..8]).collect(), "{words:?}: {error}");
}

#[test]
fn a_name_that_two_persons_have_means_neither_also_where_one_of_them_has_no_device_left() {
    let mut scene = Scene::with_phones(1);
    let lost = device(&scene, &scene.phones[0]);
    let other = namesake(&mut scene);
    let both = [lost.as_str(), other.as_str()];
    tells_apart(&scene, &grant(WHO), &both);
    scene.administer(&["plan", "change", PLAN, "--member", &lost]);
    scene.administer(&["revoke", &lost]);
    let withdraw = ["withdraw", WHO, "--role", "inspector", "--scope", COMMUNE];
    let trust = ["trust", WHO, "--name", WHO, "--agency", "Xã", "--role", "leader"];
    let commands: [&[&str]; 8] = [
        &["invite", "--for", WHO],
        &grant(WHO),
        &withdraw,
        &[&trust[..], &["--scope", COMMUNE]].concat(),
        &plan(WHO),
        &["access", WHO, "inspection", COMMUNE],
        &["revoke", WHO],
        &["revoke", WHO, "--person"],
    ];
    for words in commands {
        tells_apart(&scene, words, &both);
    }
    let phone = scene.phones[1].clone();
    scene.sync(&phone);
    let field = |words: &[&str]| run([&["field", "--dir", text(&phone)], words].concat());
    for words in [
        &["assign", &scene.inspection, WHO][..],
        &["bundle", "export", "--to", WHO, text(&scene.path("sealed"))],
    ] {
        let ran = field(words);
        assert_eq!(ran.code, Some(3), "{words:?}: {} {}", ran.data, ran.errors);
        assert!(ran.errors.contains(&lost[..8]) && ran.errors.contains(&other[..8]));
    }
    assert!(!scene.path("sealed").exists());
    // The team has one of them: of it the name means that one.
    let changed = scene.administer(&["plan", "change", PLAN, "--no-conflict", WHO]);
    let of_lost = |row: &&Value| row["device"] == lost.as_str();
    let row = changed["team"].as_array().unwrap().iter().find(of_lost).unwrap();
    assert_eq!(row["no_conflict"], true, "{changed}");
    let shown = told(&scene, &["plans", PLAN]).ok().out;
    assert!(shown.contains("another person of the same name"), "{shown}");
    assert!(shown.contains(&format!("--member {}", &other[..8])), "{shown}");
    // The id of the lost one names its holder, who is invited and not the namesake.
    let (fresh, whose) = another(&scene, "fresh", &lost[..12]);
    let person =
        |of: &str| scene.administer(&["access", of, "inspection", COMMUNE])["person"].clone();
    assert_eq!(scene.field(&fresh, &["whoami"])["device"], whose.as_str());
    assert_eq!(person(&whose), person(&lost));
    assert_ne!(person(&whose), person(&other));
    // Nor does the name alone mean the one who has not left.
    scene.administer(&["revoke", &lost, "--person"]);
    tells_apart(&scene, &["revoke", WHO, "--person"], &[&lost, &other, &whose]);
    assert_eq!(scene.administer(&["revoke", &other, "--person"])["device"], other.as_str());
}

#[test]
fn a_name_ends_no_device_that_took_the_place_of_a_lost_one() {
    let scene = Scene::with_phones(1);
    let lost = device(&scene, &scene.phones[0]);
    assert_eq!(scene.administer(&["revoke", WHO])["device"], lost.as_str());
    // There is no other yet, so the name says which was revoked.
    let again = told(&scene, &["revoke", WHO]).ok().out;
    assert!(again.contains("stood before"), "{again}");
    let (phone, fresh) = another(&scene, "fresh", WHO);
    // A colleague who says it once more means the lost one.
    tells_apart(&scene, &["revoke", WHO], &[&lost, &fresh]);
    tells_apart(&scene, &["revoke", WHO, "--since", "2026-01-01T00:00:00Z"], &[&lost, &fresh]);
    let entry = scene.administer(&["access", &fresh, "inspection", COMMUNE]);
    assert_eq!((&entry["active"], &entry["revoked"]), (&true.into(), &Value::Null), "{entry}");
    scene.sync(&phone);
    let again = told(&scene, &["revoke", &lost[..12]]).ok().out;
    assert!(again.contains("stood before"), "{again}");
    assert_eq!(scene.administer(&["revoke", &fresh[..12]])["device"], fresh.as_str());
    // Both are ended, and the name tells none of them from the other still.
    tells_apart(&scene, &["revoke", WHO], &[&lost, &fresh]);
}
