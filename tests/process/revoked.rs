//! A phone whose rights were ended (scorecard 19): its live session ends, its new one brings what waits
//! and is given nothing, and then it destroys its keys; a replacement gets everything again.

use std::path::Path;

use bienban_tests::process::{run, text};
use bienban_tests::scene::{self, Scene};

use crate::program;

/// Phones that are revoked, every second with edits that wait, where `BIENBAN_REVOKED` says nothing; the
/// figure of scorecard 19 is 20.
const REVOKED: u64 = 5;

fn revoke(scene: &Scene, phone: &Path) {
    let device = scene.field(phone, &["whoami"])["device"].as_str().unwrap().to_owned();
    scene.administer(&["revoke", &device]);
}

fn note(scene: &Scene, phone: &Path, text: &str) {
    scene.field(phone, &["note", &scene.inspection, "1.1", text]);
}

#[test]
fn a_revoked_phone_brings_what_waits_takes_nothing_and_destroys_its_keys() {
    let revoked = bienban_tests::number("BIENBAN_REVOKED").unwrap_or(REVOKED);
    let revoked = usize::try_from(revoked).unwrap();
    let scene = Scene::with_phones(revoked + 1);
    let phones = scene.phones.clone();
    for (number, phone) in phones.iter().enumerate() {
        note(&scene, phone, &format!("before-{number}"));
        scene.sync(phone);
    }
    for (number, phone) in phones.iter().enumerate().take(revoked) {
        let waits = number % 2 == 0;
        if waits {
            note(&scene, phone, &format!("waits-{number}"));
        }
        revoke(&scene, phone);
        // What a colleague writes after it never reaches the revoked phone.
        let other = &phones[revoked];
        note(&scene, other, &format!("after-{number}"));
        scene.sync(other);
        let ended = program::run(&["--json", "field", "--dir", text(phone), "sync"]).fails(6);
        assert_eq!(ended.json()["error"]["kind"], "destroyed", "{ended:?}");
        let commands = [&["list"][..], &["sync"], &["show", "BS-001"]];
        // All commands open the folder in one place; the first phones show it for several.
        for words in &commands[..if number < 2 { 3 } else { 1 }] {
            let start = ["field", "--dir", text(phone)];
            let said = program::run(&[&start[..], *words].concat()).fails(6);
            assert!(said.err.contains("destroyed"), "{said:?}");
        }
    }
    // What waited is kept aside at the hub, and not in the record.
    let waiting = scene.administer(&["status"]);
    let aside = waiting.to_string();
    assert!(aside.contains("not_allowed"), "{aside}");
    let shown = scene.field(&phones[revoked], &["show", &scene.inspection]).to_string();
    assert!(shown.contains("before-0") && !shown.contains("waits-0"), "{shown}");
}

#[test]
fn a_live_session_of_a_revoked_phone_ends_within_seconds() {
    let scene = Scene::with_phones(1);
    let phone = &scene.phones[0];
    note(&scene, phone, "before");
    let device = scene.field(phone, &["whoami"])["device"].as_str().unwrap().to_owned();
    let mut live = program::command(&["--json", "field", "--dir", text(phone), "sync", "--watch"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(live.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("caught_up") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut lines, &mut line).unwrap() > 0, "it ended");
    }
    scene.administer(&["revoke", &device]);
    let revoked = bienban_core::clock::Stopwatch::start();
    let status = live.wait().unwrap();
    println!("the live session ended {:?} after the revocation; goal 5 s", revoked.elapsed());
    assert_eq!(status.code(), Some(6));
    let said = program::run(&["field", "--dir", text(phone), "list"]).fails(6);
    assert!(said.err.contains("destroyed"), "{said:?}");
}

#[test]
fn a_replacement_in_the_same_unit_gets_everything_again() {
    let mut scene = Scene::with_phones(1);
    let lost = scene.phones[0].clone();
    note(&scene, &lost, "written on the lost phone");
    scene.sync(&lost);
    revoke(&scene, &lost);
    let fresh = scene.add_phone("replacement", "inspector");
    scene.sync(&fresh);
    let shown = scene.field(&fresh, &["show", &scene.inspection]).to_string();
    assert!(shown.contains("written on the lost phone"), "{shown}");
    let client = scene::open_phone(&fresh);
    assert!(client.status().unwrap().is_empty(), "nothing of its own yet");
    drop(client);
    note(&scene, &fresh, "written on its replacement");
    assert_eq!(run(["field", "--dir", text(&fresh), "sync"]).code, Some(0));
}
