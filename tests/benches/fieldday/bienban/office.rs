//! What an office does before anybody goes to the field, by the commands that it would use.

use std::fmt::Write;
use std::path::Path;

use bienban_core::client::{Client, Settings};
use bienban_tests::process::{HubProcess, free_port, run, text};
use bienban_tests::scene::COMMUNE;
use serde_json::{Value, json};

use crate::field::Field;
use crate::{key, made};

/// Makes a hub, an administrator, and a device for each who goes to the field and one that is bought later; the hub
/// knows them all afterwards, and none has met it.
pub(crate) fn prepare(data: &Path, shared: &Path, inspectors: usize) {
    std::fs::create_dir_all(data).unwrap();
    let shown = run(["serve", "--dir", text(data), "--show-key"]).done();
    let port = free_port();
    let uri = format!("bienban://127.0.0.1:{port}#{}", shown["key"].as_str().unwrap());
    std::fs::write(shared.join("key"), shown["key"].as_str().unwrap()).unwrap();
    let office = made(shared, inspectors);
    let admin = run(["admin", "--dir", text(&office), "init", "--hub", &uri]).done();
    let hub = HubProcess::start(data, port, admin["device"].as_str());
    for number in (0..inspectors).chain([inspectors + 1]) {
        let settings = Settings { hub: Some(uri.parse().unwrap()) };
        let dir = made(shared, number);
        let device = Client::init_sealed(&dir, &settings, &key(number)).unwrap().to_string();
        let name = format!("Cán bộ {number}");
        let given =
            ["--name", &name, "--agency", "Y tế", "--role", "inspector", "--scope", COMMUNE];
        let words = ["admin", "--dir", text(&office), "trust", &device];
        let _done: Value = run(words.into_iter().chain(given)).done();
        std::fs::write(shared.join(format!("name-{number}")), device).unwrap();
    }
    hub.stop();
}

/// Publishes the checklist, registers the facilities and plans their inspections.
pub(crate) fn seed(field: &Field, dir: &Path) {
    let file = |name: &str, content: &str| {
        let path = dir.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let checklist = file("checklist.json", &checklist(field.items).to_string());
    let mut rows = "code,name,owner_kind,commune_code\n".to_owned();
    for doc in 0..field.docs {
        writeln!(rows, "{},{},HTX,{COMMUNE}", code(doc), name(doc)).unwrap();
    }
    let facilities = file("facilities.csv", &rows);
    let admin = ["admin", "--dir", text(dir)];
    let _done: Value = run(admin.into_iter().chain(["checklist", "add", text(&checklist)])).done();
    let _done: Value =
        run(admin.into_iter().chain(["import", "facilities", text(&facilities)])).done();
    let device = |number| {
        std::fs::read_to_string(Path::new(&field.shared).join(format!("name-{number}"))).unwrap()
    };
    let codes: Vec<String> = (0..field.docs).map(code).collect();
    let leader = device(0);
    let others: Vec<String> = (1..field.inspectors).map(device).collect();
    let members = others.iter().flat_map(|device| ["--member", device.as_str()]);
    let plan =
        ["plan", "add", "--title", "Một ngày ở xã", "--from", "2026-11-23", "--to", "2026-12-23"];
    let visits = codes.iter().flat_map(|code| ["--facility", code.as_str()]);
    let words = ["--leader", &leader, "--template", CODE];
    let _done: Value =
        run(admin.into_iter().chain(plan).chain(words).chain(members).chain(visits)).done();
}

/// The checklist's code.
const CODE: &str = "NGAY-01";

fn code(doc: usize) -> String {
    format!("CS-{doc:04}")
}

/// Returns the name of the facility that is inspected.
pub(crate) fn name(doc: usize) -> String {
    format!("HTX Chè {doc:04}")
}

/// Returns the key of an item.
pub(crate) fn item(item: usize) -> String {
    format!("1.{}", item + 1)
}

fn checklist(items: usize) -> Value {
    let item = |number: usize| {
        json!({
            "key": item(number),
            "text": { "vi": format!("Nội dung {}", number + 1), "en": format!("Item {}", number + 1) },
            "severities": ["minor", "major", "serious"],
        })
    };
    let items: Vec<Value> = (0..items).map(item).collect();
    json!({
        "format": 1,
        "code": CODE,
        "edition": "1",
        "title": { "vi": "Phiếu của một ngày", "en": "Checklist of a day" },
        "official": false,
        "effective_from": "2026-11-23",
        "source": "Bài đo",
        "legal_basis": ["Nghị định 217/2025/NĐ-CP"],
        "order": ["na", "pass", "minor", "major", "serious"],
        "agencies": { "health": { "vi": "Y tế", "en": "Health" } },
        "sections": [{
            "code": "1",
            "title": { "vi": "Phần 1", "en": "Part 1" },
            "agency": "health",
            "items": items,
        }],
    })
}
