//! Slips of people at the command line: what is refused before anything is lost by it, and what they are told.

use std::fs;
use std::path::Path;

use bienban_tests::process::{Ran, run, text};
use bienban_tests::scene::{COMMUNE, Scene};
use serde_json::Value;

use crate::program;

/// The kind and code of an error about a file that is there.
const FILE_EXISTS: (&str, i32) = ("file_exists", 1);

fn admin(scene: &Scene, words: &[&str]) -> Ran {
    run([&["admin", "--dir", text(&scene.admin_dir)], words].concat())
}

fn field(phone: &Path, words: &[&str]) -> Ran {
    run([&["field", "--dir", text(phone)], words].concat())
}

/// Runs a command of the administrator as a person does, in English, and returns what it says.
fn told(scene: &Scene, words: &[&str]) -> program::Ran {
    program::run(&[&["--lang", "en", "admin", "--dir", text(&scene.admin_dir)], words].concat())
}

fn error(ran: &Ran) -> Value {
    serde_json::from_str::<Value>(ran.errors.lines().last().unwrap()).unwrap()["error"].clone()
}

fn device(scene: &Scene, phone: &Path) -> String {
    scene.field(phone, &["whoami"])["device"].as_str().unwrap().to_owned()
}

/// Requires that a file was refused because it is there, and is as it was.
#[track_caller]
fn kept(ran: &Ran, file: &Path) {
    assert_eq!(ran.code, Some(FILE_EXISTS.1), "{}", ran.errors);
    let error = error(ran);
    assert_eq!(error["kind"], FILE_EXISTS.0, "{error}");
    assert!(error["message"].as_str().unwrap().contains(text(file)), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("--force"), "{error}");
    assert_eq!(fs::read(file).unwrap(), b"receipts", "it lies there as it was");
}

#[test]
fn no_command_that_writes_a_file_replaces_another_without_a_word() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    scene.field(&phone, &["answer", &scene.inspection, "9.1", "dat"]);
    scene.sync(&phone);
    let file = scene.path("there");
    fs::write(&file, b"receipts").unwrap();
    let uri = scene.hub.as_ref().unwrap().uri.clone();
    let elsewhere = uri.replace("127.0.0.1", "localhost");
    for words in [
        &["export", &scene.inspection, "--proof", text(&file)][..],
        &["bundle", "export", "--to", "hub", text(&file)],
        &["hub", "--set", &elsewhere, "--keys-to", text(&file)],
        &["log", "head", text(&file)],
    ] {
        kept(&field(&phone, words), &file);
        // What lies in no folder says that it could not be written, not that it could not be read.
        let nowhere = scene.path("gone").join("file");
        let words: Vec<&str> = words
            .iter()
            .map(|word| if *word == text(&file) { text(&nowhere) } else { word })
            .collect();
        let failed = field(&phone, &words);
        assert_eq!(failed.code, Some(1), "{}", failed.errors);
        assert!(failed.errors.contains("cannot write"), "{}", failed.errors);
    }
    assert_eq!(scene.field(&phone, &["hub"])["hub"], uri.as_str(), "nothing was done before");
    kept(&admin(&scene, &["export", &scene.inspection, "--proof", text(&file)]), &file);
    // The hub is given nothing either: its answer would be lost.
    let brought = scene.path("brought");
    scene.field(&phone, &["bundle", "export", "--all", "--to", "hub", text(&brought)]);
    let import = |more: &[&str]| {
        let hub = ["bundle", "import", "--dir", text(&scene.hub_dir), "--answer", text(&file)];
        run([&hub[..], &[text(&brought)], more].concat())
    };
    kept(&import(&[]), &file);
    for folder in ["in", "work", "out", "refused"] {
        let left = fs::read_dir(scene.hub_dir.join("bundles").join(folder));
        assert!(left.is_err() || left.unwrap().count() == 0, "{folder}");
    }
    import(&["--force"]).done();
    assert_ne!(fs::read(&file).unwrap(), b"receipts", "by word it is replaced");
    scene.field(&phone, &["bundle", "import", text(&file)]);
    scene.field(&phone, &["log", "head", text(&file), "--force"]);
    assert!(fs::read_to_string(&file).unwrap().starts_with("bienban-head-1:"));
    let parts = fs::read_dir(scene.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    let parts: Vec<_> = parts.filter(|name| name.to_string_lossy().ends_with(".part")).collect();
    assert!(parts.is_empty(), "{parts:?}");
}

#[test]
fn what_was_revoked_is_given_nothing_again_and_the_advice_is_another_device() {
    let scene = Scene::with_phones(2);
    let [lost, left] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let (lost, left) = (device(&scene, &lost), device(&scene, &left));
    let short = &lost[..8];
    let plan = |words: &[&str]| told(&scene, &[&["plan"][..], words].concat()).ok().out;
    plan(&["change", "Kiểm tra thử", "--member", &lost]);
    let explain =
        |who: &str| told(&scene, &["access", "--explain", who, "inspection", COMMUNE]).ok().out;
    assert!(explain(&lost).contains("lets write"), "{}", explain(&lost));
    scene.administer(&["revoke", &lost]);
    scene.administer(&["revoke", &left, "--person"]);
    for (who, person) in [(&lost, false), (&left, true)] {
        let again =
            ["--name", "phone-1", "--agency", "Y tế", "--role", "inspector", "--scope", COMMUNE];
        let trust = [&["trust", who.as_str()], &again[..]].concat();
        let grant = ["grant", who, "--role", "leader", "--scope", COMMUNE];
        for words in [&trust[..], &grant] {
            let refused = admin(&scene, words);
            assert_eq!(refused.code, Some(1), "{}", refused.errors);
            let error = error(&refused);
            assert!(error["message"].as_str().unwrap().contains("revoked for good"), "{error}");
            let advice = format!("admin invite --for {short}");
            let hint = error["hint"].as_str().unwrap();
            assert_eq!(hint.contains(&advice), !person, "{error}");
            assert!(!hint.contains("admin trust"), "{error}");
        }
        let said = explain(who);
        assert!(said.contains("was revoked") && said.contains("lets nothing"), "{said}");
        assert!(!said.contains("lets write"), "{said}");
        let data = scene.administer(&["access", who, "inspection", COMMUNE]);
        assert_eq!(data["revoked"], if person { "person" } else { "device" }, "{data}");
    }
    // The advice holds: the person of the lost device gets another, the one who was revoked does not.
    assert_eq!(admin(&scene, &["invite", "--for", short]).code, Some(0));
    assert_eq!(admin(&scene, &["invite", "--for", &left]).code, Some(1));
    let renamed = plan(&["rename", "Kiểm tra thử", "Kiểm tra khác"]);
    assert!(renamed.contains(&format!("admin invite --for {short}")), "{renamed}");
    assert!(!renamed.contains(&format!("admin trust {lost}")), "{renamed}");
}

#[test]
fn near_names_are_suggested_and_short_names_of_checklists_are_taken_everywhere() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let hint = |ran: Ran| {
        assert_eq!(ran.code, Some(3), "{}", ran.errors);
        error(&ran)["hint"].as_str().unwrap().to_owned()
    };
    let of_person = hint(admin(&scene, &["access", "phone1", "inspection", COMMUNE]));
    assert!(of_person.contains("did you mean phone-1?"), "{of_person}");
    assert!(of_person.contains("admin devices"), "{of_person}");
    let of_plan = hint(field(&phone, &["plans", "kiem tra thu"]));
    assert!(of_plan.contains("did you mean Kiểm tra thử?"), "{of_plan}");
    let of_facility = hint(field(&phone, &["show", "BS001"]));
    assert!(of_facility.contains("did you mean BS-001?"), "{of_facility}");
    let of_item = hint(field(&phone, &["answer", &scene.inspection, "1,1", "dat"]));
    assert!(of_item.contains("did you mean 1.1?"), "{of_item}");
    let of_list = hint(admin(&scene, &["checklist", "in-force", "tee", "--scope", COMMUNE]));
    assert!(of_list.contains("did you mean tea?"), "{of_list}");
    let unit = admin(&scene, &["access", "phone-1", "inspection", "99999"]);
    assert!(error(&unit)["hint"].as_str().unwrap().contains("units find"), "{}", unit.errors);
    // Nothing is no name, also of what has none.
    let none = admin(&scene, &["access", " ", "inspection", COMMUNE]);
    assert!(error(&none)["message"].as_str().unwrap().contains("is empty"), "{}", none.errors);
    let blank = ["plan", "add", "--title", " ", "--from", "2026-11-23", "--to", "2026-11-27"];
    let blank = [&blank[..], &["--leader", "phone-1", "--facility", "BS-001"]].concat();
    assert_eq!(admin(&scene, &blank).code, Some(2));

    let tea = scene.administer(&["checklist", "in-force", "tea", "--scope", COMMUNE]);
    assert_eq!(tea["code"], "CL-CHE", "{tea}");
    let other = admin(&scene, &["checklist", "in-force", "tea-1", "--scope", COMMUNE]);
    assert_eq!(other.code, Some(3), "that edition is not published: {}", other.errors);
    assert!(error(&other)["hint"].as_str().unwrap().contains("checklist add"), "{}", other.errors);
    scene.administer(&["checklist", "add", "tea-1"]);
    let one = scene.administer(&["checklist", "in-force", "tea-1", "--scope", COMMUNE]);
    assert_ne!(one["template"], tea["template"], "{one}");
    scene.sync(&phone);
    let moved = scene.field(&phone, &["template", &scene.inspection, "--to", "tea-1"]);
    assert_eq!(moved["to"], one["template"], "{moved}");
}

#[test]
fn advice_names_commands_of_the_group_that_was_run() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let wrong: [&[&str]; 4] = [
        &["show", "abcd1234"],
        &["review", "abcd1234", "comment", "-", "x"],
        &["plans", "Kế hoạch X"],
        &["quarantine", "show", "abcd1234"],
    ];
    for words in wrong {
        let hint = error(&admin(&scene, words))["hint"].as_str().unwrap().to_owned();
        assert!(!hint.contains("bienban field") && !hint.contains("sync"), "{words:?}: {hint}");
        assert!(hint.contains("bienban admin"), "{words:?}: {hint}");
    }
    let of_item = admin(&scene, &["review", &scene.inspection, "comment", "conclusion", "x"]);
    let hint = error(&of_item)["hint"].as_str().unwrap().to_owned();
    assert!(!hint.contains("`resolve`") && hint.contains("- for the item"), "{hint}");
    let refused = field(&phone, &["bundle", "export", "--to", "nobody", text(&scene.path("x"))]);
    let hint = error(&refused)["hint"].as_str().unwrap().to_owned();
    assert!(!hint.contains("bienban admin") && !hint.contains("64 digits"), "{hint}");
}

#[test]
fn a_day_that_there_is_not_is_told_as_such() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let inspection = scene.inspection.as_str();
    let plan = ["plan", "change", "Kiểm tra thử", "--from", "2026-02-30"];
    let granted =
        ["grant", "phone-1", "--role", "leader", "--scope", COMMUNE, "--from", "30/02/2026"];
    for ran in [
        admin(&scene, &plan),
        admin(&scene, &granted),
        field(&phone, &["header", inspection, "decision_date", "30/02/2026"]),
        field(&phone, &["finding", inspection, "1.1", "mi", "x", "--deadline", "2026-02-30"]),
    ] {
        assert_eq!(ran.code, Some(2), "{}", ran.errors);
        assert!(ran.errors.contains("there is no such day"), "{}", ran.errors);
        assert!(!ran.errors.contains("DD/MM/YYYY"), "its form is right: {}", ran.errors);
    }
}

#[test]
fn a_right_that_lets_nothing_now_is_refused_where_it_is_over_and_told_as_that_where_it_begins_later()
 {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let before = scene.administer(&["devices"]);
    let grant = ["grant", "phone-1", "--role", "supervisor", "--scope", COMMUNE];
    for days in [&["--until", "01/01/2020"][..], &["--from", "02/01/2999", "--until", "01/01/2999"]]
    {
        let refused = admin(&scene, &[&grant[..], days].concat());
        assert_eq!(refused.code, Some(2), "{} {}", refused.data, refused.errors);
    }
    assert_eq!(scene.administer(&["devices"]), before, "nothing was given");
    let given = scene.administer(&[&grant[..], &["--from", "2999-01-02"]].concat());
    let in_force = |rows: &Value, role: &str| {
        let rows = rows["grants"].as_array().unwrap();
        rows.iter().find(|row| row["role"] == role).unwrap()["in_force"].clone()
    };
    assert_eq!(in_force(&given, "supervisor"), false, "{given}");
    scene.sync(&phone);
    let whoami = scene.field(&phone, &["whoami"]);
    assert_eq!(
        (&whoami["role"], in_force(&whoami, "supervisor")),
        (&"inspector".into(), false.into())
    );
    assert_eq!(in_force(&whoami, "inspector"), true);
    let rows = scene.administer(&["devices"])["rows"].clone();
    let row = rows.as_array().unwrap().iter().find(|row| row["name"] == "phone-1").unwrap();
    assert_eq!(row["role"], "inspector");
    for (group, dir, command) in
        [("field", &phone, "whoami"), ("admin", &scene.admin_dir, "devices")]
    {
        let said = program::run(&[group, "--dir", text(dir), command]).ok().out;
        assert!(said.contains("not in force yet: supervisor in 06325, from 2999-01-02"), "{said}");
    }
}

#[test]
fn a_hub_that_is_not_running_where_its_folder_lies_is_no_matter_of_the_signal() {
    let mut scene = Scene::with_phones(1);
    scene.stop_hub();
    let (file, answer) = (scene.path("brought"), scene.path("answer"));
    fs::write(&file, "x").unwrap();
    let words = ["--dir", text(&scene.hub_dir), "--answer", text(&answer), text(&file)];
    let refused = run([&["bundle", "import"], &words[..]].concat());
    assert_eq!(refused.code, Some(5));
    let told = error(&refused).to_string();
    assert!(told.contains("bienban serve --dir") && told.contains("keep the file"), "{told}");
    assert!(!told.contains("signal") && !told.contains("this device"), "{told}");
}

#[test]
fn several_open_invitations_are_told_apart_where_none_was_named() {
    let scene = Scene::with_phones(0);
    for name in ["Một", "Hai"] {
        let whom = ["--name", name, "--agency", "Xã", "--role", "inspector", "--scope", COMMUNE];
        scene.administer(&[&["invite"], &whom[..]].concat());
    }
    let refused = admin(&scene, &["confirm", "--digits", "123456"]);
    assert_eq!(refused.code, Some(3), "{}", refused.errors);
    let error = error(&refused);
    let (message, hint) = (error["message"].as_str().unwrap(), error["hint"].as_str().unwrap());
    assert!(message.starts_with("more than one invitation"), "{message}");
    assert!(hint.contains("`bienban admin invitations`") && !hint.contains("facilities"), "{hint}");
}

#[test]
fn an_import_tells_every_fault_of_the_file_at_once_and_writes_nothing() {
    let scene = Scene::with_phones(0);
    let file = scene.path("faulty.csv");
    let rows = "code,name,owner_kind,commune_code,phone\n\
                BS-010,HTX Một,HTX,06325,không có\n\
                BS-011,HTX Hai,HTX,Nơi Không Có,0912345678\n\
                BS-012,\u{200b},hộ,99999,\n\
                BS-001,HTX Chè Thử Nghiệm,HTX,06337,\n";
    fs::write(&file, rows).unwrap();
    let refused = admin(&scene, &["import", "facilities", text(&file)]);
    assert_eq!(refused.code, Some(1), "{}", refused.errors);
    let problems = error(&refused)["problems"].as_array().unwrap().clone();
    let places: Vec<(u64, &str)> = problems
        .iter()
        .map(|one| (one["row"].as_u64().unwrap(), one["column"].as_str().unwrap()))
        .collect();
    let wanted =
        [(2, "phone"), (3, "commune_code"), (4, "name"), (4, "commune_code"), (5, "commune_code")];
    assert_eq!(places, wanted, "{problems:?}");
    let here = scene.administer(&["facilities"]);
    assert_eq!(here["rows"].as_array().unwrap().len(), 1, "{here}");
}

#[test]
fn what_is_kept_aside_is_shown_in_words_and_as_data_only_where_that_is_asked_for() {
    let scene = Scene::with_phones(2);
    let [phone, other] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let supervisor = scene.add_device("supervisor", "supervisor", COMMUNE);
    let inspection = scene.inspection.as_str();
    scene.field(&other, &["answer", inspection, "1.1", "dat"]);
    scene.sync(&other);
    scene.field(&phone, &["answer", inspection, "1.1", "ma", "--note", "Nền ẩm"]);
    scene.field(&phone, &["header", inspection, "decision_number", "12/QĐ"]);
    scene.administer(&["revoke", &device(&scene, &phone)]);
    assert_eq!(field(&phone, &["sync"]).code, Some(6));
    let list = run(["admin", "--dir", text(&supervisor), "quarantine", "list"]).done();
    let shows: Vec<String> = list["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let change = row["change"].as_str().unwrap()[..12].to_owned();
            let words = ["admin", "--dir", text(&supervisor), "quarantine", "show", &change];
            program::run(&words).ok().out
        })
        .collect();
    let shown = shows.concat();
    for part in ["1.1 ", "written: major", "in the record here: pass", "phone-2", "Nền ẩm", "12/QĐ"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(!shown.contains('{') && !shown.contains("claimed_at"), "{shown}");
    let change = list["rows"][0]["change"].as_str().unwrap();
    let data = run(["admin", "--dir", text(&supervisor), "quarantine", "show", change]).done();
    assert!(data.to_string().contains("claimed_at"), "{data}");
}

#[test]
fn a_fault_of_a_file_names_the_column_as_it_is_typed_there_also_that_of_the_commune() {
    let scene = Scene::with_phones(0);
    let file = scene.path("vi.csv");
    let rows = "mã cơ sở,tên cơ sở,loại hình,mã xã\nBS-9,HTX Chín,HTX,Xã Không Có\nBS-8,HTX Tám,lạ,06325\n";
    let columns = |rows: &str| {
        fs::write(&file, rows).unwrap();
        let refused = error(&admin(&scene, &["import", "facilities", text(&file)]));
        let problems = refused["problems"].as_array().unwrap().clone();
        problems.iter().map(|one| one["column"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(columns(rows), ["mã xã", "loại hình"]);
    // Where nothing else is wrong with the file too.
    let only = rows.replace("lạ", "HTX");
    assert_eq!(columns(&only), ["mã xã"]);
}

#[test]
fn what_is_not_there_is_answered_with_advice_about_that_very_thing() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    scene.field(&phone, &["answer", &scene.inspection, "9.1", "dat"]);
    let hint = |words: &[&str], code: i32| {
        let said = program::run(&[&["--json"], words].concat()).fails(code).json();
        said["error"]["hint"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let on =
        |words: &[&str], code| hint(&[&["field", "--dir", text(&phone)], words].concat(), code);
    let more = scene.path("more.csv");
    fs::write(&more, "code,name,owner_kind,commune_code\nBS-002,HTX Khác,HTX,06325\n").unwrap();
    scene.administer(&["import", "facilities", text(&more)]);
    scene.sync(&phone);
    let missing = scene.path("nosuch");
    let it = scene.inspection.as_str();
    for (said, part) in [
        (on(&["bundle", "import", text(&missing)], 3), "name of the file"),
        (on(&["open", "Kiểm tra thử", "BS-002"], 3), "`plans PLAN` lists the facilities"),
        (on(&["supplement", it], 3), "as long as nothing is sealed"),
        (on(&["answer", &it[..3], "9.1", "dat"], 3), "at least 4 of its first digits"),
        (hint(&["admin", "check", text(&phone)], 3), "hub's folder"),
    ] {
        assert!(said.contains(part), "{part}: {said}");
        assert!(!said.contains("more digits of the id"), "{said}");
    }
}

#[test]
fn an_empty_argument_of_a_seal_is_named() {
    let scene = Scene::with_phones(1);
    let seal = |more: &[&str]| {
        let words = ["field", "--dir", text(&scene.phones[0]), "seal", &scene.inspection];
        program::run(&[&words[..], more].concat()).fails(2).err
    };
    scene.field(&scene.phones[0], &["answer", &scene.inspection, "9.1", "dat"]);
    for (words, name) in [
        (&["--name", "", "--title", "Chủ cơ sở"][..], "--name is empty"),
        (&["--name", "Lý B", "--title", " "], "--title is empty"),
        (
            &["--name", "Lý B", "--title", "x", "--refused", "", "--as", "witness"],
            "--refused is empty",
        ),
    ] {
        let said = seal(words);
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn a_file_in_place_of_a_folder_is_told_in_words() {
    let scene = Scene::with_phones(0);
    let file = scene.path("file");
    fs::write(&file, "mine").unwrap();
    let (hub, below) = (scene.hub_dir.clone(), file.join("below"));
    for lang in ["en", "vi"] {
        for words in [
            &["field", "--dir", text(&file), "init"][..],
            &["field", "--dir", text(&below), "init"],
            &["admin", "--dir", text(&file), "init"],
            &["serve", "--dir", text(&file), "--listen", "127.0.0.1:0"],
            &["admin", "backup", "--hub-dir", text(&hub), "--to", text(&file)],
            &["demo", "--dir", text(&file)],
        ] {
            let said = program::run(&[&["--lang", lang], words].concat());
            assert_ne!(said.code, 0, "{words:?}");
            assert!(said.err.contains(text(&file)), "{words:?}: {said:?}");
            assert!(!said.err.contains("os error"), "{words:?}: {said:?}");
        }
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}
