//! What keeps something that was admitted out of the record is named to whoever admitted it, as data too.

use bienban_core::model::Kind;
use bienban_core::trust::Tip;
use bienban_tests::binary;
use bienban_tests::process::{run, text};
use bienban_tests::scene::{self, Scene};

use crate::device::{Hostile, push};
use crate::plot::{Plot, life};

#[test]
fn what_stops_an_admission_is_named_in_its_data() {
    let scene = Scene::with_phones(1);
    let supervisor = scene.add_device("supervisor", "supervisor", scene::COMMUNE);
    run(["field", "--dir", text(&supervisor), "sync"]).done();
    let phone = scene.phones[0].clone();
    scene.sync(&phone);
    let hostile = Hostile::in_scene(&scene, &phone);
    let device = hostile.key.device().to_string();
    let rights = ["--agency", "Y tế", "--role", "auditor", "--scope", scene::COMMUNE];
    scene.administer(&[&["trust", &device, "--name", "reader"][..], &rights].concat());
    // It may write nothing any more, and leaves out the first of two changes.
    let mut plot = Plot::new(&hostile, Kind::Facility, scene::COMMUNE, 40);
    let first = plot.change(life(7), "first").facts().hash;
    let second = plot.change(life(7), "second");
    let change = second.facts().hash.to_string();
    hostile.say(&push(vec![plot.seal(life(7), Some(Tip::after(None, first)), second)]));
    let admit = ["admin", "--dir", text(&supervisor), "quarantine", "admit", &change];
    let admitted = run(admit).done();
    assert_eq!((&admitted["judgement"], &admitted["waits"]), (&"admit".into(), &true.into()));
    let first = first.to_string();
    let expected = serde_json::json!({"cause": "lacks", "seq": 1, "change": first});
    assert_eq!(admitted["stopped"], expected, "{admitted}");
    // In words it is said with what to do.
    for (lang, part) in [("en", "has not come"), ("vi", "chưa đến")] {
        let said = binary::command().args(["--lang", lang]).args(admit).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.contains(part), "{lang}: {said}");
    }
}
