//! A draft moves to a newer edition of its checklist, on two phones that hear of it at different times.

use serde_json::Value;

use crate::hub::Hub;
use crate::program::{Folders, text};

const FACILITIES: &str = "code,name,owner_kind,commune_code\nCHE-01,HTX Chè Thử,htx,06325\n";
const EDITIONS: [&str; 2] = [
    include_str!("../../core/fixtures/moving/edition-1.json"),
    include_str!("../../core/fixtures/moving/edition-2.json"),
];

fn checklist(folders: &Folders, edition: usize) -> String {
    let file = folders.file(&format!("edition-{edition}.json"), EDITIONS[edition - 1]);
    folders.admin("first", &["checklist", "add", text(&file)]).ok();
    let listed = folders.admin("first", &["checklist", "list"]).ok().json();
    let rows = listed["rows"].as_array().unwrap();
    let edition = edition.to_string();
    let row = rows.iter().find(|row| row["edition"] == edition).unwrap();
    row["id"].as_str().unwrap()[..8].to_owned()
}

fn answers<'v>(shown: &'v Value, key: &str) -> &'v Value {
    let sections = shown["sections"].as_array().unwrap();
    let mut items = sections.iter().flat_map(|section| section["items"].as_array().unwrap());
    &items.find(|item| item["key"] == key).unwrap()["answers"]
}

/// Two phones with one planned visit by the first edition: the folders, the hub, which runs until it
/// goes, the edition's id and the inspection's.
fn scene() -> (Folders, Hub, String, String) {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    for (name, role) in [("an", "leader"), ("binh", "inspector")] {
        hub.enrol(&folders, name, "Phòng Kinh tế", role);
    }
    let first = checklist(&folders, 1);
    let file = folders.file("facilities.csv", FACILITIES);
    folders.admin("first", &["import", "facilities", text(&file)]).ok();
    let plan = ["plan", "add", "--title", "Quý 4", "--from", "2026-12-02", "--to", "2026-12-31"];
    let team = ["--leader", "an", "--facility", "CHE-01", "--template", &first];
    folders.admin("first", &[&plan[..], &team[..]].concat()).ok();
    for phone in ["an", "binh"] {
        folders.field_json(phone, &["sync"]);
    }
    let opened = folders.field_json("an", &["open", "Quý 4", "CHE-01"]);
    let id = opened["inspection"].as_str().unwrap()[..8].to_owned();
    (folders, hub, first, id)
}

/// What cannot be digits of a preview is no change, and is told as what it is.
fn no_digits_are_no_change(folders: &Folders, id: &str, second: &str) {
    for none in ["abcdef1", "0123456z", &"a".repeat(65)] {
        let typed = folders.field("an", &["template", id, "--to", second, "--apply", none]);
        let typed = typed.fails(2);
        assert!(typed.err.contains("no digits of a preview") && typed.out.is_empty(), "{typed:?}");
    }
}

#[test]
fn a_draft_moves_is_filled_meanwhile_and_turns_back() {
    let (folders, _hub, first, id) = scene();
    let sync = |phone: &str| drop(folders.field_json(phone, &["sync"]));
    let run = |phone: &str, command: &str, rest: &[&str]| {
        folders.field_json(phone, &[&[command, &id], rest].concat())
    };
    run("an", "answer", &["2", "9,5"]);
    run("an", "answer", &["4", "mi", "--note", "Sổ để ở nhà."]);
    run("an", "answer", &["5", "dat"]);
    sync("an");
    sync("binh");

    // Only one phone has heard of the second edition.
    let second = checklist(&folders, 2);
    sync("an");
    let editions = run("an", "template", &[]);
    assert_eq!(editions["editions"][1]["newer"], true);
    let plan = run("an", "template", &["--to", &second]);
    let digits = plan["digest"].as_str().unwrap()[..16].to_owned();
    assert_eq!((&plan["applied"], &plan["recorded"]), (&false.into(), &Value::Null));
    // Something is written after the preview: nothing is moved.
    run("an", "answer", &["1", "se"]);
    let refused = folders.field("an", &["template", &id, "--to", &second, "--apply", &digits]);
    let refused = refused.fails(1);
    assert!(refused.out.contains("--apply") && refused.out.contains(&digits), "{refused:?}");
    no_digits_are_no_change(&folders, &id, &second);
    let plan = run("an", "template", &["--to", &second]);
    let digits = &plan["digest"].as_str().unwrap()[..16];
    let done = run("an", "template", &["--to", &second, "--apply", digits]);
    assert_eq!(done["applied"], true);
    let fate = |place: &str, key: &str| {
        let lines = done["lines"].as_array().unwrap();
        lines.iter().find(|line| line[place] == key).unwrap()["fate"].clone()
    };
    assert_eq!(fate("to", "2.1"), "moved");
    assert_eq!(fate("to", "1"), "no_longer_fits");
    assert_eq!(fate("to", "7"), "needs_answer");
    assert_eq!(fate("from", "4"), "no_new_home");

    // The other answers under the first edition without knowing, and gets move and checklist at once.
    run("binh", "answer", &["5", "ma"]);
    run("an", "answer", &["7", "dat", "--note", "Có xà phòng."]);
    sync("an");
    sync("binh");
    sync("an");
    let [an, binh] = ["an", "binh"].map(|phone| run(phone, "show", &[]));
    assert_eq!(an["digest"], binh["digest"]);
    assert_eq!((&an["grade"], &an["conflicts"]), (&binh["grade"], &binh["conflicts"]));
    assert_eq!(
        (&an["template"]["edition"], &binh["template"]["edition"]),
        (&"2".into(), &"2".into())
    );
    assert_eq!(binh["template"]["lacks"], Value::Null);
    assert_eq!(answers(&an, "6")[0]["grade"], "major", "the answer to 5 is one to 6");
    assert_eq!(answers(&an, "2.1")[0]["value"], "9.5");
    assert_eq!(answers(&an, &format!("4@{first}"))[0]["grade"], "minor");
    let listed = folders.field_json("binh", &["list"]);
    assert_eq!(listed["rows"][0]["items"], 6);

    let back = run("binh", "template", &["--revert"]);
    assert_eq!((&back["applied"], &back["recorded"]), (&Value::Bool(false), &Value::Null));
    let digits = &back["digest"].as_str().unwrap()[..8];
    let back = run("binh", "template", &["--revert", "--apply", digits]);
    assert_eq!(back["applied"], true);
    sync("binh");
    sync("an");
    let shown = run("an", "show", &[]);
    assert_eq!(shown["template"]["edition"], "1");
    assert_eq!(answers(&shown, "4")[0]["grade"], "minor");
    assert_eq!(answers(&shown, "5")[0]["grade"], "major");
    let sections = shown["sections"].as_array().unwrap();
    let mut items = sections.iter().flat_map(|section| section["items"].as_array().unwrap());
    let left = items.find(|item| item["key"].as_str().unwrap().starts_with("7@")).unwrap();
    assert_eq!(left["answers"][0]["grade"], "pass");
    let forth = folders.field("an", &["template", &id, "--revert"]).ok();
    assert!(forth.out.contains("--apply"), "{forth:?}");
    folders.field("an", &["template", &id, "--apply", "abcd"]).fails(2);
}
