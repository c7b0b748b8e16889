//! The demo, from the first invitation to the file that is refused.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{Folders, run, text};

/// Field devices of the demo.
const PHONES: usize = 4;

#[test]
fn the_demo_enrols_seals_revokes_proves_and_shows_every_step() {
    let folders = Folders::new();
    let dir = folders.path("day");
    let told = run(&["--json", "demo", "--dir", text(&dir)]).ok().json();
    let list = |at: &str| told.pointer(at).unwrap().as_array().unwrap().clone();
    // By invitation: six digits each, and all devices are known.
    let enrolled = list("/enrolled");
    assert_eq!(enrolled.len(), PHONES);
    for phone in &enrolled {
        let digits = phone["digits"].as_str().unwrap();
        assert!(digits.len() == 6 && digits.bytes().all(|sign| sign.is_ascii_digit()), "{phone}");
    }
    // Sealed with a drawn signature, registered, and the same on every replica.
    assert_eq!((&told["converged"], &told["sealed"]["drawn"]), (&true.into(), &true.into()));
    assert!(told["sealed"]["official"].as_str().unwrap().contains("/BB-"), "{told}");
    let digests = told["digests"].as_object().unwrap();
    assert_eq!(digests.len(), PHONES + 2);
    assert!(digests.values().all(|digest| *digest == told["sealed"]["digest"]), "{told}");
    // What came late is kept and listed, and the record says what it said.
    let late = list("/sealed/late");
    assert_eq!(late.len(), 1, "{told}");
    assert_eq!((&late[0]["grade"], &late[0]["record"]), (&"pass".into(), &"minor".into()));
    // A lost phone loses nothing for others, and keeps nothing for whoever finds it.
    let revoked = &told["revoked"];
    assert!(revoked["held"].as_u64() > Some(0) && revoked["aside"].as_u64() > Some(0), "{revoked}");
    assert_eq!((&revoked["destroyed"], &revoked["shut"]), (&true.into(), &true.into()));
    let lost = dir.join("phone-3");
    let said = run(&["field", "--dir", text(&lost), "list"]).fails(6);
    assert!(said.err.contains("destroyed"), "{said:?}");
    // The file is valid, and one byte more or less is not.
    let proof = &told["proof"];
    assert_eq!((&proof["valid"], &proof["refused"]), (&true.into(), &true.into()));
    let faults = list("/proof/faults");
    assert!(faults.contains(&"maker".into()) && faults.contains(&"readable".into()), "{proof}");
    let (file, bad) = (dir.join("record.bienban"), dir.join("changed.bienban"));
    let (held, changed) = (fs::read(&file).unwrap(), fs::read(&bad).unwrap());
    let differ: Vec<usize> =
        (0..held.len()).filter(|at| held.get(*at) != changed.get(*at)).collect();
    assert_eq!((held.len(), differ.len()), (changed.len(), 1));
    assert_eq!(proof["changed_at"], differ[0]);
    // The files stand for themselves: the commands say the same without the demo.
    run(&["verify", text(&file)]).ok();
    run(&["verify", text(&bad)]).fails(9);
    // Every folder of the demo is sealed, the administrator's too.
    for half in [("admin", "admin"), ("field", "phone-1")] {
        let player = dir.join(half.1);
        let who = run(&["--json", half.0, "--dir", text(&player), "whoami"]).ok().json();
        assert_eq!(who["protection"], "own_key", "{who}");
    }
    assert_ne!(told["ocop"], Value::Null);
}

#[test]
fn a_folder_that_holds_anything_is_no_place_for_a_demo() {
    let folders = Folders::new();
    // A device's folder, one with somebody's files, and one with a hub as an earlier demo leaves it.
    let device = folders.path("device");
    run(&["field", "--dir", text(&device), "init"]).ok();
    let files = folders.path("files");
    let earlier = folders.path("earlier");
    fs::create_dir(&files).unwrap();
    fs::write(files.join("facilities.csv"), "mine").unwrap();
    run(&["serve", "--dir", text(&earlier.join("hub")), "--show-key"]).ok();
    let names = |dir: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|item| item.unwrap().file_name()).collect();
        names.sort();
        names
    };
    for dir in [&device, &files, &earlier] {
        let before = names(dir);
        for lang in ["en", "vi"] {
            let refused = run(&["--lang", lang, "demo", "--dir", text(dir)]).fails(1);
            assert!(refused.out.is_empty() && refused.err.contains(text(dir)), "{refused:?}");
        }
        let refused = run(&["--json", "demo", "--dir", text(dir)]).fails(1).json();
        assert_eq!(refused["error"]["kind"], "file_exists", "{refused}");
        let hint = refused["error"]["hint"].as_str().unwrap();
        assert!(hint.contains("new or empty"), "{hint}");
        assert_eq!(hint.contains("bienban serve"), dir == &earlier, "{hint}");
        assert_eq!(names(dir), before);
    }
    assert_eq!(fs::read(files.join("facilities.csv")).unwrap(), b"mine");
    let file = folders.file("file", "");
    let refused = run(&["demo", "--dir", text(&file)]).fails(1);
    assert!(refused.err.contains("a folder is needed"), "{refused:?}");
    assert!(!refused.err.contains("os error"), "{refused:?}");
}
