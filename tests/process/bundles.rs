//! Bundles as people make and bring them: `field bundle`, `bundle import`, and the hub's folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bienban_tests::process::{Ran, run, text};
use bienban_tests::scene::Scene;

/// How often it is looked, a tenth of a second apart, whether the hub has taken in a file.
const LOOKS_MAX: u32 = 600;

fn field(phone: &Path, arguments: &[&str]) -> Ran {
    run([&["field", "--dir", text(phone)], arguments].concat())
}

fn at_hub(scene: &Scene, file: &Path, answer: &Path) -> Ran {
    run(["bundle", "import", "--dir", text(&scene.hub_dir), "--answer", text(answer), text(file)])
}

fn wait_for(files: &[&Path]) {
    for _ in 0..LOOKS_MAX {
        if files.iter().all(|file| file.exists()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("not all of {files:?} are there");
}

/// How far the edits of a phone have come: only here, stored.
fn arrival(scene: &Scene, phone: &Path) -> (u64, u64) {
    let status = scene.field(phone, &["status"]);
    let records = status["records"].as_array().unwrap();
    let record = records.iter().find(|one| one["id"] == scene.inspection.as_str()).unwrap();
    let count = |what: &str| record["arrival"][what].as_u64().unwrap();
    (count("only_here"), count("stored"))
}

#[test]
fn records_go_round_by_files_alone_and_everybody_learns_that_the_hub_has_them() {
    let scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let inspection = scene.inspection.clone();
    let (first, back, answer) = (scene.path("1.b"), scene.path("2.b"), scene.path("3.b"));

    scene.field(&one, &["answer", &inspection, "9.1", "dat", "--note", "Nguyễn Thị Lan có sổ"]);
    let made = scene.field(&one, &["bundle", "export", "--to", "phone-2", text(&first)]);
    assert_eq!(made["receivers"][0]["packs"], 1, "{made}");
    let words = ["bundle", "export", "--to", "phone-2", "--force", text(&first)];
    let said =
        crate::program::run(&[&["field", "--dir", text(&one)], &words[..]].concat()).ok().out;
    let of = &made["receivers"][0];
    let counted =
        format!("{} entries of the logs of rights, {} decisions", of["control"], of["decisions"]);
    assert!(said.contains(&counted), "{counted}: {said}");
    let bytes = fs::read(&first).unwrap();
    for shown in ["Lan", "phone-1", "06325", &inspection[..8]] {
        assert!(!bytes.windows(shown.len()).any(|some| some == shown.as_bytes()), "{shown}");
    }

    let taken = scene.field(&two, &["bundle", "import", text(&first)]);
    assert_eq!((&taken["of_hub"], &taken["strangers"]), (&false.into(), &0.into()), "{taken}");
    scene.field(&two, &["answer", &inspection, "9.5", "mi"]);
    scene.field(&two, &["bundle", "export", "--to", "hub", text(&back)]);
    assert_eq!(arrival(&scene, &one), (1, 0));
    assert_eq!(arrival(&scene, &two), (1, 0));

    at_hub(&scene, &back, &answer).done();
    for phone in [&one, &two] {
        let taken = scene.field(phone, &["bundle", "import", text(&answer)]);
        assert_eq!(taken["of_hub"], true, "{taken}");
        assert_eq!(arrival(&scene, phone), (0, 1));
        let again = scene.field(phone, &["bundle", "import", text(&answer)]);
        assert_eq!(again["received"], 0, "{again}");
    }
    // The same file once more: the hub says the same, and nothing is there twice.
    at_hub(&scene, &back, &scene.path("4.b")).done();
    for phone in [&one, &two] {
        let shown = scene.field(phone, &["show", &inspection]).to_string();
        assert!(shown.contains("9.1") && shown.contains("9.5"), "{shown}");
        scene.sync(phone);
        assert_eq!(arrival(&scene, phone), (0, 1));
    }
}

#[test]
fn what_others_wrote_and_the_hub_may_lack_is_told_apart_from_what_this_device_wrote() {
    let scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let file = scene.path("file");
    let says = |part: &str| {
        let said = crate::program::run(&["field", "--dir", text(&two), "status"]).ok().out;
        assert!(said.contains(part), "{part}: {said}");
        said
    };
    let counts = || {
        let told = scene.field(&two, &["status"]);
        let records = told["records"].as_array().unwrap();
        let record = records.iter().find(|one| one["id"] == scene.inspection.as_str());
        let record = record.map(|record| {
            (record["arrival"]["recorded"].as_u64().unwrap(), record["carried"].as_u64().unwrap())
        });
        (told["only_here"].as_u64().unwrap(), told["carried"].as_u64().unwrap(), record)
    };
    assert_eq!(counts(), (0, 0, None));
    says("Nothing is only here");
    scene.field(&one, &["answer", &scene.inspection, "9.1", "dat"]);
    scene.field(&one, &["answer", &scene.inspection, "9.2", "mi"]);
    scene.field(&one, &["bundle", "export", "--to", "phone-2", text(&file)]);
    scene.field(&two, &["bundle", "import", text(&file)]);
    // Nobody but the two phones has it, and this one wrote nothing.
    let (only_here, carried, record) = counts();
    assert_eq!((only_here, record), (0, Some((0, carried))));
    assert!(carried >= 2, "{carried}");
    let said = says(&format!("not known to be at the hub: {carried} edits"));
    assert!(!said.contains("Nothing is only here"), "{said}");
    scene.field(&two, &["answer", &scene.inspection, "9.5", "mi"]);
    assert_eq!(counts(), (1, carried, Some((1, carried))));
    says("Only on this device: 1 edit.");
    says(&format!("of others, not known to be at the hub: {carried}"));
    scene.sync(&two);
    assert_eq!(counts(), (0, 0, Some((1, 0))));
    says("Nothing is only here");
    // What came from the hub alone is nothing that it lacks.
    scene.field(&one, &["answer", &scene.inspection, "9.3", "dat"]);
    scene.sync(&one);
    scene.sync(&two);
    assert_eq!(counts(), (0, 0, Some((1, 0))));
}

#[test]
fn a_file_that_is_damaged_or_for_others_changes_nothing_and_says_what_to_do() {
    let scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let file = scene.path("bundle");
    scene.field(&one, &["answer", &scene.inspection, "9.1", "dat"]);
    scene.field(&one, &["bundle", "export", "--to", "phone-2", text(&file)]);
    let wrong = field(&one, &["bundle", "import", text(&file)]);
    assert_eq!(wrong.code, Some(1), "{}", wrong.errors);
    assert!(wrong.errors.contains("opens with this device's key"), "{}", wrong.errors);
    let whole = fs::read(&file).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    let bad = scene.path("bad");
    for bytes in [&changed, &whole[..whole.len() - 7].to_vec(), &b"no bundle".to_vec()] {
        fs::write(&bad, bytes).unwrap();
        let refused = field(&two, &["bundle", "import", text(&bad)]);
        assert_eq!(refused.code, Some(1), "{}", refused.errors);
        assert!(refused.errors.contains(text(&bad)), "{}", refused.errors);
    }
    assert!(field(&two, &["bundle", "import", text(&file)]).code == Some(0));
}

#[test]
fn the_hub_takes_in_what_is_put_into_its_folder_and_says_why_it_does_not() {
    let mut scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    scene.field(&phone, &["answer", &scene.inspection, "9.1", "dat"]);
    let file = scene.path("from-phone");
    scene.field(&phone, &["bundle", "export", "--all", "--to", "hub", text(&file)]);
    let bundles = scene.hub_dir.join("bundles");
    for folder in ["in", "out", "refused"] {
        fs::create_dir_all(bundles.join(folder)).unwrap();
    }
    // What lies there under these names nobody has fetched yet.
    let earlier = [bundles.join("out/good"), bundles.join("refused/bad")];
    earlier.iter().for_each(|path| fs::write(path, b"earlier").unwrap());
    fs::copy(&file, scene.path("copy")).unwrap();
    fs::rename(&file, bundles.join("in/good")).unwrap();
    fs::write(bundles.join("in/bad"), b"something else").unwrap();
    let (answer, why) = (bundles.join("out/good.1"), bundles.join("refused/bad.1.txt"));
    let report = bundles.join("out/good.1.json");
    wait_for(&[&report, &why]);
    assert!(fs::read_to_string(&why).unwrap().contains("does not begin as one"));
    for path in &earlier {
        assert_eq!(fs::read(path).unwrap(), b"earlier", "{}", path.display());
    }
    assert!(bundles.join("refused/bad.1").exists() && !bundles.join("in/good").exists());
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!((&report["left"], &report["kept"]), (&0.into(), &().into()), "{report}");
    scene.field(&phone, &["bundle", "import", text(&answer)]);
    assert_eq!(arrival(&scene, &phone), (0, 1));
    // A hub that was stopped at a file takes it in at its next start; one that was twice puts it aside.
    scene.stop_hub();
    let work = bundles.join("work");
    fs::copy(scene.path("copy"), work.join("left")).unwrap();
    fs::copy(scene.path("copy"), work.join("twice")).unwrap();
    fs::write(work.join("twice.again"), b"").unwrap();
    scene.restart_hub();
    wait_for(&[&bundles.join("out/left.json"), &bundles.join("refused/twice.txt")]);
    assert_eq!(fs::read_dir(&work).unwrap().count(), 0);
}

#[test]
fn a_revoked_phone_delivers_by_a_file_and_destroys_its_keys_when_the_answer_proves_it() {
    let scene = Scene::with_phones(2);
    let [lost, other] = [scene.phones[0].clone(), scene.phones[1].clone()];
    scene.field(&lost, &["answer", &scene.inspection, "9.1", "dat"]);
    let device = scene.field(&lost, &["whoami"])["device"].as_str().unwrap().to_owned();
    scene.administer(&["revoke", &device]);
    let (file, to_other, answer) = (scene.path("file"), scene.path("other"), scene.path("answer"));
    scene.field(&lost, &["bundle", "export", "--to", "hub", text(&file)]);
    scene.field(&lost, &["bundle", "export", "--to", "phone-2", text(&to_other)]);
    // Who has heard of the end of its rights takes nothing of it.
    scene.sync(&other);
    let refused = field(&other, &["bundle", "import", text(&to_other)]);
    assert_eq!(refused.code, Some(6), "{}", refused.errors);

    at_hub(&scene, &file, &answer).done();
    let ended = field(&lost, &["bundle", "import", text(&answer)]);
    assert_eq!(ended.code, Some(6), "{}", ended.errors);
    assert_eq!(field(&lost, &["list"]).code, Some(6));
    // What it brought waits for a supervisor.
    assert!(scene.administer(&["status"]).to_string().contains("not_allowed"));
    let shown = scene.field(&other, &["show", &scene.inspection]).to_string();
    assert!(!shown.contains("\"grade\":\"pass\""), "{shown}");
}

#[test]
fn a_hub_that_is_not_running_is_named_at_once_and_a_file_that_is_not_there_is_not_found() {
    let mut scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let (missing, answer) = (scene.path("none"), scene.path("answer"));
    let refused = field(&phone, &["bundle", "import", text(&missing)]);
    assert_eq!(refused.code, Some(3), "{}", refused.errors);
    assert_eq!(refused.errors.matches("there is no such file").count(), 1, "{}", refused.errors);
    let file = scene.path("bundle");
    scene.field(&phone, &["answer", &scene.inspection, "9.1", "dat"]);
    scene.field(&phone, &["bundle", "export", "--to", "hub", text(&file)]);
    scene.stop_hub();
    let begun = bienban_core::clock::Stopwatch::start();
    let refused = at_hub(&scene, &file, &answer);
    assert_eq!(refused.code, Some(5), "{}", refused.errors);
    assert!(refused.errors.contains("bienban serve"), "{}", refused.errors);
    assert!(begun.elapsed() < Duration::from_secs(30), "it waits for nobody");
}

#[test]
fn what_lacks_its_forerunner_is_said_to_and_a_file_with_all_brings_both() {
    let scene = Scene::with_phones(3);
    let [one, two, three] = [0, 1, 2].map(|index| scene.phones[index].clone());
    let inspection = scene.inspection.clone();
    scene.field(&one, &["answer", &inspection, "8.1", "dat"]);
    scene.sync(&one);
    scene.sync(&two);
    scene.field(&one, &["answer", &inspection, "8.2", "dat"]);
    let [first, second, all] = ["1.b", "2.b", "3.b"].map(|name| scene.path(name));
    scene.field(&one, &["bundle", "export", "--to", "phone-2", text(&first)]);
    scene.field(&two, &["bundle", "import", text(&first)]);
    scene.field(&two, &["bundle", "export", "--to", "phone-3", text(&second)]);
    let taken = field(&three, &["bundle", "import", text(&second)]);
    assert_eq!(taken.code, Some(1), "{taken:?}");
    assert_eq!((&taken.data["lacking"], &taken.data["conflicting"]), (&1.into(), &0.into()));
    scene.field(&two, &["bundle", "export", "--all", "--to", "phone-3", text(&all)]);
    let taken = scene.field(&three, &["bundle", "import", text(&all)]);
    assert_eq!((&taken["lacking"], &taken["received"]), (&0.into(), &2.into()), "{taken}");
}

#[test]
fn the_operator_is_told_that_a_file_is_not_for_this_hub_and_where_it_was_put() {
    let mut scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let [file, garbage, answer] = ["file", "garbage", "answer"].map(|name| scene.path(name));
    scene.field(&phone, &["answer", &scene.inspection, "9.1", "dat"]);
    scene.field(&phone, &["bundle", "export", "--to", "hub", text(&file)]);
    assert!(scene.restart_hub_saying(&["--announce-key"]));
    assert!(scene.restart_hub_saying(&["--switch-key"]));
    fs::write(&garbage, b"no bundle").unwrap();
    let hub = scene.hub_dir.clone();
    let import = |lang: &str, file: &Path| {
        let arguments = ["--lang", lang, "bundle", "import", "--dir", text(&hub), "--answer"];
        run(arguments.into_iter().chain([text(&answer), text(file)]))
    };
    for (lang, said, file) in [
        ("en", "made for a key that the hub has replaced", &file),
        ("vi", "được lập cho khóa mà máy chủ đã thay", &file),
        ("en", "does not begin as one", &garbage),
    ] {
        let refused = import(lang, file);
        assert_eq!(refused.code, Some(1), "{}", refused.errors);
        assert!(refused.errors.contains(said), "{}", refused.errors);
        assert!(!refused.errors.contains("--help"), "{}", refused.errors);
        let error: serde_json::Value = serde_json::from_str(&refused.errors).unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        let kept = message.split_once(text(&hub)).unwrap().1.split(',').next().unwrap();
        assert_eq!(fs::read(format!("{}{kept}", text(&hub))).unwrap(), fs::read(file).unwrap());
    }
}
