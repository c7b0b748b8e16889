//! Exported records as people make and check them: `export --proof`, `verify`, `log head`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bienban_tests::process::{Ran, run, text};
use bienban_tests::scene::Scene;
use serde_json::Value;

/// How often it is looked, half a second apart, whether the hub has copied its journal: it looks every two
/// seconds itself.
const LOOKS_MAX: u32 = 240;

/// The code of a record that is not valid.
const NOT_VALID: Option<i32> = Some(9);

/// The code of one that holds, and carries no proof to a head that was given.
const NOT_COMPARED: Option<i32> = Some(10);

fn verify(file: &Path, more: &[&str]) -> Ran {
    run([&["verify", text(file)], more].concat())
}

fn faults(told: &Value) -> Vec<&str> {
    let rows = told["faults"].as_array().unwrap();
    rows.iter().map(|row| row["fault"].as_str().unwrap()).collect()
}

#[test]
fn an_exported_record_is_valid_and_one_changed_byte_is_refused() {
    let mut scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let inspection = scene.inspection.clone();
    scene.field(&one, &["answer", &inspection, "9.1", "dat"]);
    scene.field(&two, &["answer", &inspection, "9.2", "mi"]);
    scene.settle();
    let (file, head) = (scene.path("record.bienban"), scene.path("two.head"));
    scene.field(&two, &["log", "head", text(&head)]);
    let export = ["export", &inspection, "--proof", text(&file), "--head", text(&head)];
    let made = scene.field(&one, &export);
    assert!(made["leaves"].as_u64().unwrap() >= 2, "{made}");
    scene.stop_hub();
    // Whoever checks has nothing but the file, the hub's address and another phone's head.
    let told = verify(&file, &["--head", text(&head), "--record"]).done();
    assert_eq!((&told["valid"], faults(&told)), (&Value::Bool(true), vec![]));
    assert_eq!(told["witnesses"][0]["result"], "continued");
    assert_eq!(told["record"]["document"], told["document"]);
    for written in told["written"].as_array().unwrap() {
        assert_eq!(written["in_log"], written["changes"], "{written}");
        assert!(written["name"].is_string() && written["at_hub"]["at"].is_string());
    }
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(5).position(|some| some == b"minor").unwrap();
    bytes[at + 1] ^= 1;
    let bad = scene.path("changed.bienban");
    fs::write(&bad, &bytes).unwrap();
    let refused = verify(&bad, &[]);
    assert_eq!(refused.code, NOT_VALID);
    let told = &refused.data;
    assert!(faults(told).contains(&"maker") && faults(told).contains(&"readable"), "{told}");
    assert!(told["proved"].as_array().unwrap().is_empty());
    assert!(told["faults"].to_string().contains("9.2"), "it names what was changed: {told}");
    fs::write(&bad, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(verify(&bad, &[]).code, NOT_VALID);
    assert_eq!(verify(&scene.path("none"), &[]).code, Some(3));
    // By another key nothing of this hub can hold: that is told alone, with what to do.
    let stranger = "1".repeat(64);
    let other = verify(&file, &["--hub", &stranger]);
    assert_eq!((other.code, faults(&other.data)), (NOT_VALID, vec!["other_hub"]));
    assert!(other.data["faults"][0]["message"].as_str().unwrap().contains("--hub-keys"));
    // What was not looked at is told as that, and not as missing from the file.
    let written = &other.data["written"][0];
    assert_eq!((&written["in_log"], &written["at_hub"]), (&Value::Null, &Value::Null));
    assert_eq!(other.data["decisions"], Value::Null);
    let claimed = other.data["claimed"].to_string();
    assert!(claimed.contains("was looked at"), "{claimed}");
    assert!(!claimed.contains("export it again"), "{claimed}");
}

#[test]
fn a_head_that_the_file_was_not_exported_for_is_not_compared_and_the_record_holds() {
    let scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let inspection = scene.inspection.clone();
    scene.field(&two, &["answer", &inspection, "9.1", "dat"]);
    scene.settle();
    let (file, head) = (scene.path("record.bienban"), scene.path("two.head"));
    scene.field(&two, &["log", "head", text(&head)]);
    scene.field(&one, &["answer", &inspection, "9.2", "mi"]);
    scene.settle();
    scene.field(&one, &["export", &inspection, "--proof", text(&file)]);
    assert_eq!(verify(&file, &[]).done()["outcome"], "valid");
    let open = verify(&file, &["--head", text(&head)]);
    assert_eq!(open.code, NOT_COMPARED, "{}", open.data);
    let told = &open.data;
    assert_eq!((&told["outcome"], &told["valid"]), (&"not_compared".into(), &false.into()));
    assert_eq!((faults(told), &told["witnesses"][0]["result"]), (vec![], &"not_shown".into()));
    assert!(!told["proved"].as_array().unwrap().is_empty(), "what it carries is proved: {told}");
    let said = |lang: &str| {
        let words = ["--lang", lang, "verify", text(&file), "--head", text(&head)];
        crate::program::run(&words).fails(10).out
    };
    assert!(said("en").starts_with("NOT COMPARABLE") && said("en").contains("Export it again"));
    assert!(said("vi").starts_with("KHÔNG ĐỐI CHIẾU ĐƯỢC"), "{}", said("vi"));
    let again = ["export", &inspection, "--proof", text(&file), "--head", text(&head), "--force"];
    scene.field(&one, &again);
    assert_eq!(verify(&file, &["--head", text(&head)]).done()["outcome"], "valid");
}

#[test]
fn a_head_of_another_hub_is_told_as_that_and_what_the_file_proves_is_told_all_the_same() {
    let (scene, other) = (Scene::with_phones(1), Scene::with_phones(1));
    let (file, head) = (scene.path("record"), other.path("head"));
    scene.field(&scene.phones[0], &["answer", &scene.inspection, "9.1", "dat"]);
    scene.settle();
    other.settle();
    scene.field(&scene.phones[0], &["export", &scene.inspection, "--proof", text(&file)]);
    other.field(&other.phones[0], &["log", "head", text(&head)]);
    let told = verify(&file, &["--head", text(&head)]);
    assert_eq!((told.code, faults(&told.data)), (NOT_COMPARED, vec![]));
    assert_eq!(
        (&told.data["valid"], &told.data["outcome"]),
        (&false.into(), &"not_compared".into())
    );
    assert_eq!(told.data["witnesses"][0]["result"], "other_hub");
    assert!(!told.data["proved"].as_array().unwrap().is_empty(), "{}", told.data);
    let said = crate::program::run(&["verify", text(&file), "--head", text(&head)]).fails(10).out;
    let keys = [&scene, &other].map(|scene| {
        let uri = &scene.hub.as_ref().unwrap().uri;
        uri[uri.find('#').unwrap() + 1..].to_owned()
    });
    assert!(said.contains("another hub's") && said.contains("Proved:"), "{said}");
    assert!(keys.iter().all(|key| said.contains(key)), "{said}");
    // One that says to be this hub's and is not signed by it holds no more than before.
    let line = fs::read_to_string(&head).unwrap();
    let prefix = line.find(':').unwrap() + 1;
    let forged = format!("{}{}{}", &line[..prefix], keys[0], &line[prefix + 64..]);
    fs::write(&head, forged).unwrap();
    let told = verify(&file, &["--head", text(&head)]);
    assert_eq!((told.code, faults(&told.data)), (NOT_VALID, vec!["witness_unsigned"]));
    assert_eq!(told.data["witnesses"][0]["result"], "unsigned");
    // A key that was cut short is told what a key is.
    let said = crate::program::run(&["verify", text(&file), "--hub", "deadbeef"]).fails(2).err;
    assert!(said.contains("64 hexadecimal digits") && said.contains("bienban://"), "{said}");
}

#[test]
fn without_a_hub_an_export_says_that_nothing_is_shown_to_be_in_its_log() {
    let mut scene = Scene::with_phones(1);
    let one = scene.phones[0].clone();
    let inspection = scene.inspection.clone();
    scene.settle();
    scene.stop_hub();
    scene.field(&one, &["answer", &inspection, "9.1", "dat"]);
    for (name, more) in [("offline", &["--offline"][..]), ("cut-off", &[])] {
        let file = scene.path(name);
        let made =
            scene.field(&one, &[&["export", &inspection, "--proof", text(&file)], more].concat());
        assert_eq!(made["leaves"], Value::Null);
        let told = verify(&file, &[]).done();
        assert_eq!((&told["valid"], &told["log"]), (&Value::Bool(true), &Value::Null));
        assert_eq!(told["written"][0]["in_log"], 0);
        assert_eq!(told["written"][0]["right"], "newest");
    }
}

#[test]
fn what_is_on_the_second_disk_shows_once_it_was_copied_and_not_before() {
    let mut scene = Scene::with_phones(1);
    let (one, inspection) = (scene.phones[0].clone(), scene.inspection.clone());
    scene.field(&one, &["answer", &inspection, "9.1", "dat"]);
    scene.settle();
    scene.sync(&one);
    let backed = |scene: &Scene| {
        let status = scene.field(&one, &["status"]);
        let arrival = status["records"][0]["arrival"].clone();
        (arrival["backed_up"].as_u64().unwrap(), arrival)
    };
    let (count, arrival) = backed(&scene);
    assert_eq!((count, &arrival["backed_up_at"]), (0, &Value::Null), "there is no second disk");
    assert_eq!(arrival["merged_signed"], arrival["recorded"]);
    let copy = scene.path("second-disk");
    scene.stop_hub();
    let settings = format!("backup_folder = {:?}\n", text(&copy));
    fs::write(scene.hub_dir.with_extension("toml"), settings).unwrap();
    scene.restart_hub();
    scene.field(&one, &["answer", &inspection, "9.2", "mi"]);
    scene.sync(&one);
    for looked in 0.. {
        assert!(looked < LOOKS_MAX, "the second disk gets nothing");
        scene.sync(&one);
        let (count, arrival) = backed(&scene);
        if arrival["recorded"].as_u64() == Some(count) {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let (_, arrival) = backed(&scene);
    assert!(arrival["backed_up_at"].is_string(), "{arrival}");
    scene.stop_hub();
    let held = |dir: &Path| {
        let all = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        let mut segments: Vec<_> =
            all.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
        segments.sort();
        segments.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let (journal, copied) = (held(&scene.hub_dir.join("store/journal")), held(&copy));
    assert!(!copied.is_empty(), "what is said to be on the second disk is not there");
    assert_eq!(journal.len(), copied.len());
    assert!(journal.iter().zip(&copied).all(|(of, copy)| of.starts_with(copy) && !copy.is_empty()));
    gets_nothing_while_it_is_away(&mut scene, &copy);
}

/// A second disk that is not mounted is not made anew, and told of; another one gets all once that was said.
fn gets_nothing_while_it_is_away(scene: &mut Scene, copy: &Path) {
    let wait_for_failure = |scene: &Scene, failed: bool| {
        for _ in 0..LOOKS_MAX {
            let told = scene.administer(&["status"])["backup"]["failed"].clone();
            if told.is_string() == failed {
                return told;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        panic!("the second disk is told to fail: {}", !failed)
    };
    fs::rename(copy, copy.with_extension("away")).unwrap();
    scene.restart_hub();
    let told = wait_for_failure(scene, true);
    assert!(told.as_str().unwrap().contains("new-second-disk"), "{told}");
    let in_words = ["--lang", "vi", "admin", "--dir", text(&scene.admin_dir), "status"];
    let said = crate::program::run(&in_words).ok().out;
    for part in ["Chưa rõ phần này có còn ở đó không", "đĩa thứ hai đã được gắn chưa?"]
    {
        assert!(said.contains(part), "{said}");
    }
    assert!(!copy.exists(), "nothing is made where it was");
    fs::create_dir(copy).unwrap();
    fs::write(copy.join("new-second-disk"), "").unwrap();
    wait_for_failure(scene, false);
    assert!(copy.join("00000001.seg").exists() && !copy.join("new-second-disk").exists());
    scene.stop_hub();
}
