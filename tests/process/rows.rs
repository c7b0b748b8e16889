//! Rows of repeated sections and answers that are no grades, from two phones to one record.

use serde_json::Value;

use crate::hub::Hub;
use crate::program::{Folders, text};

const FACILITIES: &str = "code,name,owner_kind,commune_code\nCHE-01,HTX Chè Thử,htx,06325\n";

/// Two phones with one planned visit under edition 1 of the tea checklist, which has rows.
struct Scene {
    folders: Folders,
    /// The hub runs until the scene ends.
    _hub: Hub,
    inspection: String,
}

impl Scene {
    fn new() -> Self {
        let folders = Folders::new();
        let hub = Hub::start(&folders);
        for (name, role) in [("an", "leader"), ("binh", "inspector")] {
            hub.enrol(&folders, name, "Phòng Kinh tế", role);
        }
        let tea = folders.file("tea-1.json", include_str!("../../core/data/templates/tea-1.json"));
        folders.admin("first", &["checklist", "add", text(&tea)]).ok();
        let file = folders.file("facilities.csv", FACILITIES);
        folders.admin("first", &["import", "facilities", text(&file)]).ok();
        let checklists = folders.admin("first", &["checklist", "list"]).ok().json();
        let template = checklists["rows"][0]["id"].as_str().unwrap()[..8].to_owned();
        let days = ["--from", "2026-12-02", "--to", "2026-12-31"];
        let team = ["--leader", "an", "--facility", "CHE-01", "--template", &template];
        let mut plan = vec!["plan", "add", "--title", "Quý 4"];
        plan.extend(days.into_iter().chain(team));
        folders.admin("first", &plan).ok();
        let scene = Self { folders, _hub: hub, inspection: String::new() };
        scene.sync(&["an", "binh"]);
        let opened = scene.folders.field_json("an", &["open", "Quý 4", "CHE-01"]);
        let kg = opened["items"].as_array().unwrap().iter().find(|item| item["key"] == "lot-kg");
        assert_eq!(
            (&kg.unwrap()["in_rows"], &kg.unwrap()["answer"]),
            (&true.into(), &"number".into())
        );
        Self { inspection: opened["inspection"].as_str().unwrap()[..8].to_owned(), ..scene }
    }

    fn sync(&self, phones: &[&str]) {
        for phone in phones {
            self.folders.field_json(phone, &["sync"]);
        }
    }

    fn run(&self, phone: &str, command: &[&str], rest: &[&str]) -> Value {
        let mut arguments = command.to_vec();
        arguments.push(&self.inspection);
        arguments.extend(rest);
        self.folders.field_json(phone, &arguments)
    }

    fn wrong(&self, rest: &[&str], code: i32) -> String {
        let mut arguments = vec!["answer", &self.inspection];
        arguments.extend(rest);
        self.folders.field("an", &arguments).fails(code).err
    }

    fn lots(&self, phone: &str) -> Vec<Value> {
        let shown = self.run(phone, &["show"], &[]);
        let sections = shown["sections"].as_array().unwrap();
        let lots = sections.iter().find(|section| section["code"] == "lots").unwrap();
        lots["rows"].as_array().unwrap().clone()
    }
}

fn item<'v>(row: &'v Value, key: &str) -> &'v Value {
    row["items"].as_array().unwrap().iter().find(|item| item["key"] == key).unwrap()
}

#[test]
fn two_phones_fill_rows_and_settle_what_differs() {
    let scene = Scene::new();
    let added = scene.run("an", &["row", "add"], &["lots", "--note", "Lô xuân"]);
    let row = added["row"].as_str().unwrap().to_owned();
    let given = scene.run("an", &["answer"], &["lot-kg", "1.250,5 kg", "--row", &row[..8]]);
    assert_eq!((&given["grade"], &given["value"]), (&"given".into(), &"1250.5".into()));
    scene.run("an", &["answer"], &["g.1", "yes"]);
    scene.run("an", &["answer"], &["g.3", "21,85; 106,76"]);
    scene.sync(&["an", "binh"]);
    // Both measure without hearing of each other.
    scene.run("an", &["answer"], &["lot-wet", "6,5", "--row", &row]);
    scene.run("binh", &["answer"], &["lot-wet", "7", "--row", &row]);
    scene.run("binh", &["answer"], &["lot-made", "1/12/2026", "--row", &row]);
    scene.sync(&["an", "binh", "an"]);
    let conflicts = scene.run("an", &["conflicts"], &[]);
    let conflict = &conflicts["rows"][0]["conflicts"][0];
    let key = format!("{row}/lot-wet");
    assert_eq!((&conflict["container"], &conflict["key"]), (&"rows".into(), &key.clone().into()));
    let lots = scene.lots("an");
    assert_eq!(lots.len(), 1);
    assert_eq!(lots[0]["note"], "Lô xuân\n");
    assert_eq!(item(&lots[0], "lot-wet")["state"], "conflict");
    assert_eq!(item(&lots[0], "lot-made")["answers"][0]["value"], "2026-12-01");
    assert_eq!(item(&lots[0], "lot-kg")["answers"][0]["value_text"], "1250.5 kg");
    let stopped = scene.folders.field("an", &["answer", &scene.inspection, &key, "8"]).fails(1);
    assert!(stopped.err.contains("resolve"), "{stopped:?}");
    scene.run("an", &["resolve"], &[&key, "7"]);
    let history = scene.run("an", &["history"], &[&key]);
    assert_eq!(history["answers"].as_array().unwrap().len(), 3);
    assert_eq!(history["row"], row);
    scene.sync(&["an", "binh"]);
    let [an, binh] = ["an", "binh"].map(|phone| scene.run(phone, &["show"], &[]));
    assert_eq!(an["digest"], binh["digest"]);
    let list = scene.folders.field_json("binh", &["list"]);
    assert_eq!(list["rows"][0]["answered"], 5);
    let shown = scene.folders.field("an", &["show", &scene.inspection]).ok().out;
    assert!(shown.contains("lot 1") && shown.contains("1250.5 kg"), "{shown}");
}

#[test]
fn a_removed_row_shows_what_was_written_to_it_meanwhile() {
    let scene = Scene::new();
    let row = scene.run("an", &["row", "add"], &["lots"])["row"].as_str().unwrap().to_owned();
    scene.sync(&["an", "binh"]);
    scene.run("an", &["row", "remove"], &[&row[..6]]);
    scene.run("binh", &["answer"], &["lot-kg", "5", "--row", &row]);
    scene.run("binh", &["row", "note"], &[&row, "đã cân"]);
    scene.sync(&["an", "binh", "an"]);
    let lots = scene.lots("an");
    assert_eq!(lots[0]["removed"], true);
    assert_eq!(lots[0]["parked"].as_array().unwrap().len(), 2);
    scene.run("an", &["row", "restore"], &[&row]);
    let lots = scene.lots("an");
    assert_eq!((&lots[0]["removed"], &lots[0]["parked"]), (&false.into(), &serde_json::json!([])));
}

#[test]
fn a_wrong_answer_names_what_the_item_takes() {
    let scene = Scene::new();
    let row = scene.run("an", &["row", "add"], &["lots"])["row"].as_str().unwrap().to_owned();
    for (rest, code, said) in [
        (&["g.1", "maybe"][..], 2, "one of: no (No), yes (Yes)"),
        (&["g.1", "dat"], 2, "one of: no (No), yes (Yes)"),
        (&["1.1", "5"], 2, "dat (pass), ma (major), kad (not applicable)"),
        (&["lot-kg", "5"], 2, "--row"),
        (&["lot-kg", "1.000", "--row", &row], 2, "thousands"),
        (&["lot-wet", "101", "--row", &row], 2, "a number in % with at most 1 decimal,"),
        (&["lot-made", "30/02/2026", "--row", &row], 2, "there is no such day"),
        (&["lot-made", "30/2/26", "--row", &row], 2, "DD/MM/YYYY"),
        (&["1.1", "dat", "--row", &row], 2, "is not answered in rows"),
        (&["lot-kg", "5", "--row", "ffffffff"], 3, "there is no row"),
        (&["g.1", "có", "--lang", "vi"], 2, "một trong: no (Không), yes (Có)"),
    ] {
        let error = scene.wrong(rest, code);
        assert!(error.contains(said), "{rest:?}: {error}");
    }
    let section = scene.folders.field("an", &["row", "add", &scene.inspection, "1"]).fails(3);
    assert!(section.err.contains("lots, samples"), "{section:?}");
}

#[test]
fn a_finding_names_its_row_as_answers_do() {
    let scene = Scene::new();
    let row = scene.run("an", &["row", "add"], &["lots"])["row"].as_str().unwrap().to_owned();
    let place = format!("{}/lot-kg", &row[..8]);
    let made = scene.run("an", &["finding"], &[&place, "mi", "Nhãn sai"]);
    assert_eq!((&made["row"], &made["item"]), (&row.clone().into(), &"lot-kg".into()));
    scene.run("an", &["finding"], &["lot-kg", "mi", "Cân sai", "--row", &row]);
    let findings = |phone: &str| scene.run(phone, &["show"], &[])["findings"].clone();
    scene.sync(&["an", "binh"]);
    for finding in findings("binh").as_array().unwrap() {
        assert_eq!(finding["row"], row, "{finding}");
    }
    let shown = scene.folders.field("binh", &["show", &scene.inspection]).ok().out;
    assert!(shown.contains(&place), "{shown}");
    for (rest, said) in [
        (&["lot-kg", "mi", "x"][..], "lots"),
        (&["g.1", "mi", "x", "--row", &row][..], "g.1"),
        (&["-", "mi", "x", "--row", &row][..], "lots"),
    ] {
        let words = [&["finding", &scene.inspection], rest].concat();
        let refused = scene.folders.field("an", &words).fails(2).err;
        assert!(refused.contains(said), "{refused}");
    }
}
