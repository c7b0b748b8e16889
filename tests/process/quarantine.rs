//! What a revoked phone brought, as its supervisor sees it: listed, shown, quoted, and then admitted into the
//! record or kept out of it by a signed decision.

use std::path::{Path, PathBuf};

use bienban_tests::process::{Ran, run, text};
use bienban_tests::scene::{COMMUNE, Scene};
use serde_json::Value;

use crate::program;

/// Lets a phone write something, ends its rights, and lets it bring what it wrote.
fn brought(scene: &Scene, phone: &Path, note: &str) {
    scene.field(phone, &["note", &scene.inspection, "1.1", note]);
    let device = scene.field(phone, &["whoami"])["device"].as_str().unwrap().to_owned();
    scene.administer(&["revoke", &device]);
    program::run(&["--json", "field", "--dir", text(phone), "sync"]).fails(6);
}

/// What the inspection is about.
const FACILITY: &str = "HTX Chè Thử Nghiệm";

fn desk(dir: &Path, words: &[&str]) -> Ran {
    run(["admin", "--dir", text(dir), "quarantine"].into_iter().chain(words.iter().copied()))
}

/// The changes that are listed, each with what its show says.
fn listed(desk_dir: &Path) -> Vec<(String, Value)> {
    let rows = desk(desk_dir, &["list"]).done()["rows"].as_array().unwrap().clone();
    let id = |row: &Value| row["change"].as_str().unwrap().to_owned();
    rows.iter().map(|row| (id(row), desk(desk_dir, &["show", &id(row)[..12]]).done())).collect()
}

fn shown(scene: &Scene, phone: &Path) -> String {
    scene.field(phone, &["show", &scene.inspection]).to_string()
}

fn team() -> (Scene, Vec<PathBuf>, PathBuf) {
    let scene = Scene::with_phones(3);
    let supervisor = scene.add_device("supervisor", "supervisor", COMMUNE);
    run(["field", "--dir", text(&supervisor), "sync"]).done();
    let phones = scene.phones.clone();
    for phone in &phones {
        scene.sync(phone);
    }
    (scene, phones, supervisor)
}

#[test]
fn a_supervisor_lists_shows_quotes_and_admits_what_a_revoked_phone_brought_and_keeps_other_work_out()
 {
    let (scene, phones, supervisor) = team();
    let [first, second, third] = &phones[..] else { panic!("three phones") };
    brought(&scene, first, "work-worth-having");
    brought(&scene, second, "made-up-work");
    let found = listed(&supervisor);
    assert_eq!(found.len(), 2, "{found:?}");
    let of = |text: &str| {
        let mut of = found.iter().filter(|(_, one)| one.to_string().contains(text));
        let (id, one) = of.next().unwrap_or_else(|| panic!("nothing shows {text}: {found:?}"));
        assert!(of.next().is_none(), "each shows its own");
        (id.clone(), one.clone())
    };
    let ((good, shows), (bad, _)) = (of("work-worth-having"), of("made-up-work"));
    assert_eq!((&shows["verdict"], &shows["admissible"]), (&"not_allowed".into(), &true.into()));
    assert_eq!(shows["unit"]["code"], COMMUNE);
    // The record is nowhere but there; what it is about the plan says.
    let document = (&shows["document"]["id"], &shows["document"]["title"]);
    assert_eq!(document, (&scene.inspection.as_str().into(), &FACILITY.into()));
    assert!(shows["decided"].is_null() && shows["pack"]["kind"] == "inspection", "{shows}");
    let quote = desk(&supervisor, &["quote", &good]).done();
    let hub = scene.hub.as_ref().unwrap().uri.rsplit('#').next().unwrap().to_owned();
    for part in [
        &good,
        &hub,
        quote["digest"].as_str().unwrap(),
        quote["signer"]["device"].as_str().unwrap(),
        FACILITY,
    ] {
        assert!(quote["text"].as_str().unwrap().contains(part), "{part} is not in {quote}");
    }
    // To look at it has put it into no record, and who decides nothing there sees and decides nothing.
    scene.sync(third);
    assert!(!shown(&scene, third).contains("work-worth-having"));
    for words in [&["list"][..], &["show", &good], &["admit", &good]] {
        assert_eq!(desk(third, words).code, Some(6), "{words:?}");
    }
    let admin = desk(&scene.admin_dir, &["admit", &good]);
    assert_eq!(admin.code, Some(6), "an administrator looks and does not decide: {}", admin.errors);
    let kept = desk(&supervisor, &["keep", &bad[..12]]).done();
    assert_eq!((&kept["judgement"], &kept["waits"]), (&"keep".into(), &true.into()));
    let admitted = desk(&supervisor, &["admit", &good[..12]]).done();
    assert_eq!((&admitted["judgement"], &admitted["waits"]), (&"admit".into(), &false.into()));
    assert_eq!(admitted["stopped"], Value::Null);
    scene.sync(third);
    let record = shown(&scene, third);
    assert!(record.contains("work-worth-having") && !record.contains("made-up-work"), "{record}");
    let left = desk(&supervisor, &["list"]).done();
    let [row] = &left["rows"].as_array().unwrap()[..] else { panic!("{left}") };
    assert_eq!((&row["change"], &row["decided"]["judgement"]), (&bad.into(), &"keep".into()));
    assert_eq!(row["document"]["title"], FACILITY, "{row}");
    let gone = desk(&supervisor, &["show", &good]);
    assert_eq!(gone.code, Some(3), "it is in the record: {}", gone.errors);
    let again = desk(&supervisor, &["admit", &good[..12]]);
    assert_eq!(again.code, Some(3), "{}", again.errors);
    assert!(again.errors.contains("was admitted already"), "{}", again.errors);
}

#[test]
fn what_waits_is_narrowed_by_unit_person_and_verdict_in_both_languages() {
    let (scene, phones, supervisor) = team();
    let signer = scene.field(&phones[0], &["whoami"])["device"].as_str().unwrap().to_owned();
    let other = scene.field(&phones[1], &["whoami"])["device"].as_str().unwrap().to_owned();
    brought(&scene, &phones[0], "work");
    let count = |words: &[&str]| {
        let list = desk(&supervisor, &[&["list"][..], words].concat()).done();
        list["rows"].as_array().unwrap().len()
    };
    assert_eq!([count(&[]), count(&["--unit", COMMUNE]), count(&["--unit", "06337"])], [1, 1, 0]);
    assert_eq!([count(&["--person", &signer]), count(&["--person", &other])], [1, 0]);
    let whose = ["--verdict", "not_allowed"];
    assert_eq!([count(&whose), count(&["--verdict", "poison"])], [1, 0]);
    let say = |lang: &str| {
        let start = ["--lang", lang, "admin", "--dir", text(&supervisor), "quarantine", "list"];
        program::run(&start).ok().out
    };
    assert!(say("en").contains("after its device was revoked"), "{}", say("en"));
    assert!(say("vi").contains("sau khi thiết bị bị thu hồi"), "{}", say("vi"));
}

#[test]
fn an_author_is_told_what_was_decided_of_the_own_work() {
    let (scene, phones, supervisor) = team();
    let phone = &phones[0];
    scene.field(phone, &["note", &scene.inspection, "1.1", "work"]);
    let device = scene.field(phone, &["whoami"])["device"].as_str().unwrap().to_owned();
    scene.administer(&[
        "trust", &device, "--name", "reader", "--agency", "Y tế", "--role", "auditor", "--scope",
        COMMUNE,
    ]);
    let sync = run(["field", "--dir", text(phone), "sync"]);
    assert_eq!(sync.code, Some(6), "the hub keeps it aside: {}", sync.errors);
    let notice = || scene.field(phone, &["status"])["notices"][0].clone();
    assert_eq!((&notice()["verdict"], &notice()["decided"]), (&"not_allowed".into(), &Value::Null));
    let change = notice()["change"].as_str().unwrap().to_owned();
    desk(&supervisor, &["keep", &change]).done();
    scene.sync(phone);
    assert_eq!(notice()["decided"]["judgement"], "keep", "{}", notice());
    let say = |lang: &str| {
        program::run(&["--lang", lang, "field", "--dir", text(phone), "status"]).ok().out
    };
    assert!(
        say("en").contains("kept out of the record by decision of a supervisor"),
        "{}",
        say("en")
    );
    assert!(say("vi").contains("giữ ngoài hồ sơ theo quyết định"), "{}", say("vi"));
    desk(&supervisor, &["admit", &change]).done();
    scene.sync(phone);
    assert_eq!(scene.field(phone, &["status"])["notices"], serde_json::json!([]));
    scene.sync(&phones[1]);
    assert!(shown(&scene, &phones[1]).contains("work"));
}
