//! What a thief finds in a phone's folder, and what keys do on the command line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bienban_core::client::{Client, Settings};
use bienban_tests::binary::bienban;
use bienban_tests::process::text;
use bienban_tests::scene::{COMMUNE, Scene};
use unicode_normalization::UnicodeNormalization;

use crate::program::{Folders, run};

const NOTE: &str = "Tường khu sơ chế ẩm mốc, trần thấm nước";
const FINDING: &str = "Không có hồ sơ khám sức khỏe của hai công nhân";
const PERSON: &str = "Lò Thị Mẩy Thử";
const FACILITY: &str = "HTX Chè Thử Nghiệm";
const AGENCY: &str = "Y tế";

/// All bytes below a folder, by path.
fn bytes(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Returns which of the words a folder's files show, in either Unicode form.
fn shown(dir: &Path, words: &[&'static str]) -> Vec<&'static str> {
    let files = bytes(dir);
    let shows = |word: &str| {
        let forms = [word.nfc().collect::<String>(), word.nfd().collect()];
        files.values().any(|bytes| {
            forms.iter().any(|form| bytes.windows(form.len()).any(|part| part == form.as_bytes()))
        })
    };
    words.iter().copied().filter(|word| shows(word)).collect()
}

/// Lets a device work for a day: what it typed is sent, and what it took in lies in its folder.
fn work(scene: &Scene, phone: &Path) {
    scene.sync(phone);
    scene.field(phone, &["open", "Kiểm tra thử", "BS-001"]);
    scene.field(phone, &["answer", &scene.inspection, "1.1", "ma", "--note", NOTE]);
    scene.field(phone, &["finding", &scene.inspection, "1.1", "ma", FINDING]);
    scene.sync(phone);
    scene.field(phone, &["show", &scene.inspection]);
    scene.field(phone, &["note", &scene.inspection, "1.1", NOTE]);
}

#[test]
fn after_a_days_work_a_phones_files_show_nothing_and_a_plain_ones_show_it() {
    let scene = Scene::with_phones(0);
    let sealed = scene.path("sealed");
    let plain = scene.path("plain");
    let device = scene.init(&sealed);
    let hub = Some(scene.hub.as_ref().unwrap().uri.parse().unwrap());
    let other = Client::init(&plain, &Settings { hub }).unwrap().to_string();
    for device in [&device, &other] {
        let words =
            ["--name", PERSON, "--agency", AGENCY, "--role", "inspector", "--scope", COMMUNE];
        scene.administer(&[&["trust", device], &words[..]].concat());
    }
    work(&scene, &sealed);
    work(&scene, &plain);
    let words = [NOTE, FINDING, PERSON, FACILITY, AGENCY];
    // The control: the same search finds the same work where it is not sealed.
    assert_eq!(shown(&plain, &words), words);
    assert_eq!(shown(&sealed, &words), Vec::<&str>::new());
    // The plain one is taken over, and then shows nothing either.
    let key = key_file(&scene.path("key"), 7);
    let changed = scene.field(&plain, &["key", "change", "--new-key-file", text(&key)]);
    assert_eq!(changed["protection"], "key");
    assert_eq!(shown(&plain, &words), Vec::<&str>::new());
    let seen = run(&["field", "--dir", text(&plain), "--key-file", text(&key), "status"]).ok();
    assert!(seen.out.contains("HTX"), "{seen:?}");
    // The same key once more is no other one.
    let opened = ["field", "--dir", text(&plain), "--key-file", text(&key), "key", "change"];
    let again = run(&[&["--json"], &opened[..], &["--new-key-file", text(&key)]].concat()).ok();
    assert_eq!(again.json()["changed"], false, "{again:?}");
    let again = run(&[&opened[..], &["--new-key-file", text(&key)]].concat()).ok();
    assert!(again.out.contains("nothing was changed"), "{again:?}");
    assert!(!again.out.contains("Another key"), "{again:?}");
    let other = key_file(&scene.path("other-key"), 8);
    let changed = run(&[&opened[..], &["--new-key-file", text(&other)]].concat()).ok();
    assert!(changed.out.contains("Another key opens this folder"), "{changed:?}");
}

/// Writes a key that nobody else may read.
fn key_file(path: &Path, byte: u8) -> PathBuf {
    fs::write(path, format!("{byte:02x}").repeat(32)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    path.to_owned()
}

#[test]
fn a_wrong_key_is_told_in_both_languages_and_changes_nothing() {
    let folders = Folders::new();
    let dir = folders.path("phone");
    let (right, wrong) = (key_file(&folders.path("right"), 1), key_file(&folders.path("wrong"), 2));
    let with = |key: &Path, lang: &str, words: &[&str]| {
        let start = ["field", "--dir", text(&dir), "--key-file", text(key), "--lang", lang];
        run(&[&start[..], words].concat())
    };
    let made = with(&right, "en", &["init"]).ok();
    assert!(made.out.contains("a key that lies elsewhere"), "{made:?}");
    with(&right, "en", &["list"]).ok();
    let before = bytes(&dir);
    let told = with(&wrong, "en", &["list"]).fails(2).err;
    assert!(told.contains("not the one that opens this folder"), "{told}");
    let told = with(&wrong, "vi", &["list"]).fails(2).err;
    assert!(told.contains("không mở được thư mục này"), "{told}");
    let told = run(&["field", "--dir", text(&dir), "list"]).fails(2).err;
    assert!(told.contains("is sealed") && told.contains("--key-file"), "{told}");
    assert_eq!(bytes(&dir), before);
    with(&right, "en", &["list"]).ok();
}

#[test]
fn a_folder_with_its_own_key_says_so_and_gets_a_passphrase_and_new_keys() {
    let folders = Folders::new();
    let dir = folders.path("phone");
    let field = |words: &[&str]| run(&[&["field", "--dir", text(&dir)], words].concat());
    let made = field(&["init"]).ok();
    assert!(made.out.contains("store.key"), "{made:?}");
    assert!(field(&["key", "rotate"]).ok().out.contains("sealed anew"));
    let phrase = folders.path("phrase");
    fs::write(&phrase, "chè xanh trên núi\n").unwrap();
    #[cfg(unix)]
    {
        let open = field(&["key", "change", "--new-passphrase-file", text(&phrase)]).fails(2);
        assert!(open.err.contains("chmod 600"), "{open:?}");
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&phrase, fs::Permissions::from_mode(0o600)).unwrap();
    }
    field(&["key", "change", "--new-passphrase-file", text(&phrase)]).ok();
    assert!(!dir.join("store.key").exists());
    assert!(field(&["list"]).fails(2).err.contains("passphrase"));
    field(&["--passphrase-file", text(&phrase), "list"]).ok();
}

#[test]
fn a_command_to_paste_opens_the_folder_as_the_one_that_printed_it_did() {
    let scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    for (phone, answer) in [(&one, "dat"), (&two, "mi")] {
        scene.field(phone, &["answer", &scene.inspection, "9.1", answer]);
    }
    scene.settle();
    let key = key_file(&scene.path("a key"), 7);
    scene.field(&one, &["key", "change", "--new-key-file", text(&key)]);
    let opened = ["field", "--dir", text(&one), "--key-file", text(&key)];
    let said = run(&[&opened[..], &["conflicts", &scene.inspection]].concat()).ok().out;
    let line = said.lines().find(|line| line.contains("bienban field")).unwrap();
    let pasted = &line[line.find("bienban field").unwrap() + "bienban".len()..];
    assert!(pasted.contains("--key-file '"), "{line}");
    let typed = format!("'{}' {pasted}", bienban().display());
    let done = Command::new("sh").args(["-c", &typed]).output().unwrap();
    assert!(done.status.success(), "{line}: {done:?}");
    // The environment says it to the next command too.
    scene.field(&two, &["answer", &scene.inspection, "9.2", "mi"]);
    scene.sync(&two);
    run(&[&opened[..], &["answer", &scene.inspection, "9.2", "dat"]].concat()).ok();
    run(&[&opened[..], &["sync"]].concat()).ok();
    let words = ["field", "--dir", text(&one), "conflicts", &scene.inspection];
    let by_variable = crate::program::command(&words).env("BIENBAN_KEY_FILE", &key).output();
    let by_variable = String::from_utf8(by_variable.unwrap().stdout).unwrap();
    assert!(by_variable.contains("bienban field --dir"), "{by_variable}");
    assert!(!by_variable.contains("--key-file"), "{by_variable}");
}
