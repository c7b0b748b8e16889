//! Complaints of a phone that dies or is stuck: what was typed is gone, or cannot be got off it.

use std::fs;

use bienban_tests::process::{Batch, run, text};
use bienban_tests::scene::{self, Scene, Typed};

/// "Two days of work were on the tablet in the morning, and in the evening, before the upload, they were gone."
#[test]
fn c03_nothing_vanishes_before_it_is_uploaded_nor_after() {
    let mut scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    scene.stop_hub();
    let items = scene::items();
    let mut told = Vec::new();
    // The app is killed the moment that it has said "recorded", every time.
    for (round, item) in items.iter().take(5).enumerate() {
        let mut batch = Batch::start(&phone);
        for part in ["a", "b"] {
            let token = format!("giữ-{round}{part}");
            batch.ask(&format!("answer {} {item} dat --value {token}", scene.inspection)).done();
            told.push(Typed::Answer(token));
        }
        batch.trigger().pull();
    }
    // Never sent, and all of it there; its way to the hub is told for what it is.
    let status = scene.field(&phone, &["status"]);
    assert_eq!(status["only_here"], 10, "{status}");
    expect_on_phone(&scene, &told);
    scene.restart_hub();
    assert_eq!(scene.sync(&phone)["only_here"], 0);
    // What was uploaded is not dropped here: it is there when the hub is not.
    scene.stop_hub();
    expect_on_phone(&scene, &told);
    scene::expect_same(&scene).expect_all("the record", &told);
}

fn expect_on_phone(scene: &Scene, told: &[Typed]) {
    let client = scene::open_phone(&scene.phones[0]);
    let document = client.phone().replica().load(scene.document()).unwrap();
    scene::Record::of(&document).expect_all("the phone", told);
}

/// "It does not sync any more, the season is on it, and nobody can get the data off it."
#[test]
fn c25_a_stuck_phone_is_emptied_by_a_file() {
    let mut scene = Scene::with_phones(2);
    let [stuck, other] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let it = scene.inspection.clone();
    let items = scene::items();
    let mut told = Vec::new();
    for (number, item) in items.iter().take(4).enumerate() {
        let token = format!("kẹt-{number}");
        scene.field(&stuck, &["answer", &it, item, "dat", "--value", &token]);
        told.push(Typed::Answer(token));
    }
    // Its index is destroyed, and the address that it knows leads nowhere.
    let index = stuck.join("store/index");
    for file in fs::read_dir(&index).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            fs::write(&path, b"destroyed").unwrap();
        }
    }
    let dead = format!("127.0.0.1:{}", bienban_tests::process::free_port());
    scene.field(&stuck, &["hub", "--set", &dead]);
    assert_eq!(run(["field", "--dir", text(&stuck), "sync"]).code, Some(5));
    // One file, for a colleague's phone and for the hub; who finds it reads nothing in it.
    let (file, answer) = (scene.path("rescue"), scene.path("answer"));
    let export = ["bundle", "export", "--all", "--to", "hub", "--to", "phone-2", text(&file)];
    scene.field(&stuck, &export);
    let bytes = fs::read(&file).unwrap();
    assert!(!bytes.windows(4).any(|part| part == "kẹt".as_bytes().split_at(4).0), "it is sealed");
    scene.field(&other, &["bundle", "import", text(&file)]);
    let hub = text(&scene.hub_dir).to_owned();
    let taken =
        run(["bundle", "import", "--dir", &hub, "--answer", text(&answer), text(&file)]).done();
    assert_eq!((&taken["stored"], &taken["left"]), (&taken["packs"], &0.into()), "{taken}");
    // The stuck phone learns by the same way that the hub has it.
    scene.field(&stuck, &["bundle", "import", text(&answer)]);
    assert_eq!(scene.field(&stuck, &["status"])["only_here"], 0);
    scene.sync(&other);
    scene.stop_hub();
    let at_hub = scene::open_hub(&scene.hub_dir);
    let document = at_hub.replica().load(scene.document()).unwrap();
    scene::Record::of(&document).expect_all("the hub", &told);
    drop(at_hub);
    let document = scene::open_phone(&other).phone().replica().load(scene.document()).unwrap();
    scene::Record::of(&document).expect_all("the colleague's phone", &told);
}
