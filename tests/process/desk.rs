//! The desk of whoever runs it: which hub a device pins, whose folder is whose, the last administrator,
//! a line that breaks while somebody watches, and what is left behind.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use bienban_core::clock::Stopwatch;
use bienban_tests::process::{PATIENCE, log_of};
use bienban_tests::scene::Scene;
use serde_json::Value;

use crate::hub::Hub;
use crate::program::{Folders, command, run, text};

fn interrupt(child: &Child) {
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
}

#[test]
fn a_device_made_without_a_hub_pins_one_later_and_says_which() {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    let made = folders.field_json("an", &["init"]);
    assert_eq!(folders.field_json("an", &["hub"])["hub"], Value::Null);
    assert!(folders.field("an", &["sync"]).fails(2).err.contains("hub --set"));
    let (place, key) = hub.uri.trim_start_matches("bienban://").split_once('#').unwrap();
    assert!(folders.field("an", &["hub", "--set", place]).fails(2).err.contains("pins no hub yet"));
    folders.field("an", &["hub", "--set", place, "--key", "12"]).fails(2);
    folders.field("an", &["hub", "--key", key]).fails(2);
    let pinned = folders.field_json("an", &["hub", "--set", place, "--key", key]);
    assert_eq!((&pinned["hub"], &pinned["changed"]), (&hub.uri.as_str().into(), &true.into()));
    let device = made["device"].as_str().unwrap();
    let trust = ["trust", device, "--name", "An", "--agency", "Xã", "--role", "inspector"];
    folders.admin("first", &[&trust[..], &["--scope", "20"]].concat()).ok();
    folders.field_json("an", &["sync"]);
    // Moved: the same hub by another address, the key is not typed again.
    let port = place.rsplit_once(':').unwrap().1;
    let moved = folders.field_json("an", &["hub", "--set", &format!("localhost:{port}")]);
    assert_eq!(moved["key"], key);
    folders.field_json("an", &["sync"]);
    let shown = folders.field("an", &["hub"]).ok().out;
    assert!(shown.contains("localhost:") && shown.contains(key), "{shown}");
}

#[test]
fn another_hub_needs_a_word_for_it_and_then_gets_everything() {
    let (folders, others) = (Folders::new(), Folders::new());
    let (one, two) = (Hub::start(&folders), Hub::start(&others));
    let device = one.enrol(&folders, "an", "Xã", "inspector");
    let rows = "code,name,owner_kind,commune_code\nA1,HTX Một,htx,06325\n";
    let file = folders.file("facilities.csv", rows);
    folders.admin("an", &["import", "facilities", text(&file)]).ok();
    let refused = folders.field("an", &["hub", "--set", &two.uri]).fails(6);
    for said in ["--new-key", "without that is another hub", "--other-key", "ask the operator"] {
        assert!(refused.err.contains(said), "{refused:?}");
    }
    assert_eq!(folders.field_json("an", &["hub"])["hub"], one.uri.as_str(), "it is as it was");
    let changed = folders.field("an", &["hub", "--set", &two.uri, "--other-key"]).ok().out;
    assert!(changed.contains("another hub than before") && changed.contains(&device), "{changed}");
    let stranger = folders.field("an", &["sync"]).fails(6);
    assert!(stranger.err.contains("whoami"), "it was never enrolled there: {stranger:?}");
    let trust = ["trust", &device, "--name", "An", "--agency", "Xã", "--role", "inspector"];
    others.admin("first", &[&trust[..], &["--scope", "20"]].concat()).ok();
    folders.field_json("an", &["sync"]);
    let there = others.admin("first", &["facilities"]).ok().json();
    assert_eq!(there["rows"][0]["code"], "A1", "{there}");
}

#[test]
fn a_folder_is_a_hubs_or_a_devices_and_nothing_is_written_into_the_wrong_one() {
    let folders = Folders::new();
    folders.field("phone", &["init"]).ok();
    let phone = folders.path("phone");
    for more in [&["--show-key"][..], &["--listen", "127.0.0.1:0"]] {
        let words = [&["serve", "--dir", text(&phone)], more].concat();
        let refused = run(&words).fails(2);
        assert!(refused.err.contains("is the folder of a device"), "{refused:?}");
    }
    assert!(!phone.join("hub.key").exists());
    let hub = folders.path("hub");
    run(&["serve", "--dir", text(&hub), "--show-key"]).ok();
    for words in [&["init"][..], &["list"], &["sync"]] {
        let refused = folders.field("hub", words).fails(2);
        assert!(refused.err.contains("is the folder of a hub"), "{refused:?}");
    }
    folders.admin("hub", &["--offline", "devices"]).fails(2);
    let left: Vec<_> =
        std::fs::read_dir(&hub).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(left, ["hub.key"]);
}

#[test]
fn the_last_administrator_goes_only_by_an_explicit_word() {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    let own = folders.admin("first", &["whoami"]).ok().json()["device"].clone();
    let own = own.as_str().unwrap();
    let entry = |device: &str, role: &str, more: &[&str]| {
        let words = ["trust", device, "--name", "Sếp", "--agency", "Tỉnh", "--role", role];
        folders.admin("first", &[&words[..], &["--scope", "00"], more].concat())
    };
    for (role, more) in [("leader", &[][..]), ("admin", &["--inactive"])] {
        let refused = entry(own, role, more).fails(1).json()["error"].clone();
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains("last administrator"), "{refused}");
        let hint = refused["hint"].as_str().unwrap();
        for said in ["nobody can enrol", "publish checklists", "--leave-no-admin", "serve --admin"]
        {
            assert!(hint.contains(said), "{hint}");
        }
    }
    // A new name is no farewell, and beside another administrator one may go.
    entry(own, "admin", &[]).ok();
    let second = hub.enrol(&folders, "second", "Tỉnh", "admin");
    entry(&second, "leader", &[]).ok();
    entry(own, "leader", &[]).fails(1);
    entry(&second, "admin", &[]).ok();
    entry(own, "leader", &[]).ok();
    // The other one is the last now.
    let words = ["trust", &second, "--name", "Hai", "--agency", "Tỉnh", "--role", "auditor"];
    let words = [&words[..], &["--scope", "00"]].concat();
    folders.admin("second", &words).fails(1);
    folders.admin("second", &[&words[..], &["--leave-no-admin"]].concat()).ok();
}

#[test]
fn an_import_that_lacks_rights_alone_lists_its_rows_and_is_refused() {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    let second = hub.enrol(&folders, "second", "Tỉnh", "admin");
    let words = ["trust", &second, "--name", "Hai", "--agency", "Tỉnh", "--role", "admin"];
    folders.admin("first", &[&words[..], &["--scope", "20"]].concat()).ok();
    folders.admin("second", &["devices"]).ok();
    let import = |rows: &str| {
        let text_of = format!("code,name,owner_kind,commune_code\n{rows}");
        let file = folders.file("facilities.csv", &text_of);
        folders.admin("second", &["--offline", "import", "facilities", text(&file)])
    };
    // In Hà Nội, outside of the own province.
    let refused = import("A1,HTX Một,htx,06325\nA2,HTX Hai,htx,00004\nA3,HTX Ba,htx,00008\n");
    let error = refused.fails(6).json()["error"].clone();
    let rows: Vec<&Value> =
        error["problems"].as_array().unwrap().iter().map(|one| &one["row"]).collect();
    assert_eq!(rows, [3, 4], "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("00004") && message.contains("00008"), "{error}");
    // A fault of the file besides is one of the file.
    import("A1,HTX Một,ghost,06325\nA2,HTX Hai,htx,00004\n").fails(1);
}

#[test]
fn an_administrator_may_end_the_own_device_beside_another_and_is_told_that_it_is_done() {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    let second = hub.enrol(&folders, "second", "Tỉnh", "admin");
    let words = ["trust", &second, "--name", "Hai", "--agency", "Tỉnh", "--role", "admin"];
    let done = folders.admin("second", &[&words[..], &["--scope", "00", "--inactive"]].concat());
    assert_eq!(done.ok().json()["active"], false);
    folders.admin("second", &["devices"]).fails(6);
}

#[test]
fn a_known_device_is_named_by_its_first_digits_or_holder_and_another_by_its_whole_id() {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    let device = hub.enrol(&folders, "an", "Xã", "inspector");
    let trust = |name: &str, role: &str| {
        let words = ["trust", name, "--name", "An", "--agency", "Xã", "--role", role];
        folders.admin("first", &[&words[..], &["--scope", "20"]].concat())
    };
    assert_eq!(trust(&device[..8], "supervisor").ok().json()["device"], device.as_str());
    let by_name = trust("An", "leader").ok().json();
    assert_eq!((&by_name["device"], &by_name["role"]), (&device.as_str().into(), &"leader".into()));
    let refused = trust("Bình", "leader").fails(3).json()["error"].clone();
    assert_eq!(refused["kind"], "not_found", "{refused}");
    let hint = refused["hint"].as_str().unwrap();
    assert!(hint.contains("whoami") && hint.contains("all 64 digits"), "{hint}");
    let first = folders.path("first");
    let shown = run(&["--lang", "vi", "admin", "--dir", text(&first), "devices"]).ok().out;
    assert!(shown.contains("trưởng đoàn (leader)"), "{shown}");
}

/// Passes on the events that a watching phone prints, a line each.
fn events(child: &mut Child) -> Receiver<Value> {
    let out = BufReader::new(child.stdout.take().unwrap());
    let (send, told) = channel();
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            let event =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if send.send(event).is_err() {
                return;
            }
        }
    });
    told
}

/// Takes events until one has the name; returns what moved until then and the event.
fn until(told: &Receiver<Value>, name: &str, moved: &mut u64) -> Value {
    loop {
        let event = told.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{name}: {error}"));
        if event["event"] == "moved" {
            *moved += event["received"].as_u64().unwrap();
        }
        if event["event"] == name {
            return event;
        }
    }
}

#[test]
fn the_sum_of_watching_is_the_last_line_and_covers_every_connection() {
    let mut scene = Scene::with_phones(2);
    let [watches, writes] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let mut child = command(&["--json", "field", "--dir", text(&watches), "sync", "--watch"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = events(&mut child);
    let write = |scene: &Scene, item: &str| {
        scene.field(&writes, &["answer", &scene.inspection.clone(), item, "dat"]);
        scene.sync(&writes);
    };
    let mut received = 0;
    until(&told, "caught_up", &mut received);
    write(&scene, "1.1");
    until(&told, "moved", &mut received);
    let before = received;
    assert!(before > 0);
    // The connection ends before the command does, by an error.
    scene.stop_hub();
    until(&told, "waiting", &mut received);
    scene.restart_hub();
    until(&told, "caught_up", &mut received);
    write(&scene, "1.2");
    while received == before {
        until(&told, "moved", &mut received);
    }
    interrupt(&child);
    let sum = until(&told, "sum", &mut received);
    assert!(told.recv_timeout(PATIENCE).is_err(), "the sum is the last line");
    assert!(child.wait().unwrap().success());
    assert_eq!(sum["received"].as_u64().unwrap(), received, "{sum}");
    assert!(sum["bytes_down"].as_u64() > Some(0) && sum["bytes_up"].as_u64() > Some(0), "{sum}");
    for key in ["sent", "stored", "refused", "caught_up", "only_here", "notices", "milliseconds"] {
        assert!(!sum[key].is_null(), "{key}: {sum}");
    }
}

#[test]
fn the_log_of_a_hub_has_no_colour_codes_where_nobody_looks_at_it() {
    let mut scene = Scene::with_phones(1);
    scene.stop_hub();
    let log = log_of(&scene.hub_dir);
    assert!(log.contains("shutting down"), "{log}");
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[test]
fn a_demo_that_is_stopped_leaves_no_folder_behind() {
    let folders = Folders::new();
    let temporary = folders.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let mut demo = command(&["demo"])
        .env("TMPDIR", &temporary)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let inside = || std::fs::read_dir(&temporary).unwrap().count();
    let watch = Stopwatch::start();
    while inside() == 0 {
        assert!(watch.elapsed() < PATIENCE, "the demo does not begin");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    interrupt(&demo);
    assert_eq!(demo.wait().unwrap().code(), Some(1));
    assert_eq!(inside(), 0);
}
