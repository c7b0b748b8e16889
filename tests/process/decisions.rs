//! Decisions of a device that the hub does not enter.

use bienban_tests::process::{run, text};
use bienban_tests::scene::Scene;

use crate::program;

#[test]
fn a_decision_that_the_hub_refused_is_listed_until_it_is_given_up() {
    let scene = Scene::with_phones(1);
    let phone = &scene.phones[0];
    scene.sync(phone);
    let person = scene.field(phone, &["whoami"])["device"].as_str().unwrap().to_owned();
    scene.field(phone, &["note", &scene.inspection, "1.1", "begun"]);
    scene.field(phone, &["assign", &scene.inspection, &person]);
    let rows = || scene.field(phone, &["decision", "list"])["rows"].as_array().unwrap().clone();
    let id = rows()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(rows()[0]["refused"], false);
    let early = run(["field", "--dir", text(phone), "decision", "drop", &id]);
    assert_eq!(early.code, Some(1), "the hub may enter it yet: {}", early.errors);
    assert_eq!(rows().len(), 1);
    // An inspector may not say who writes.
    let synced = run(["field", "--dir", text(phone), "sync"]).data;
    assert_eq!(rows()[0]["refused"], true);
    assert_eq!(synced["decisions_refused"], serde_json::json!(rows()), "{synced}");
    let again = run(["field", "--dir", text(phone), "sync"]).data;
    assert_eq!(again["decisions_refused"], serde_json::json!([]), "it is said once");
    for lang in ["en", "vi"] {
        let status = program::run(&["--lang", lang, "field", "--dir", text(phone), "status"]);
        let command = format!("bienban field decision drop {}", &id[..8]);
        assert!(status.out.contains(&command), "{status:?}");
    }
    let dropped = scene.field(phone, &["decision", "drop", &id[..8]]);
    assert_eq!(dropped["id"], id.as_str());
    assert!(rows().is_empty());
    assert_eq!(scene.field(phone, &["status"])["decisions"], serde_json::json!([]));
    let again = run(["field", "--dir", text(phone), "decision", "drop", &id]);
    assert_eq!(again.code, Some(3), "{}", again.errors);
}

#[test]
fn a_sync_says_in_words_that_a_decision_was_refused_in_it() {
    let scene = Scene::with_phones(1);
    let phone = &scene.phones[0];
    let person = scene.field(phone, &["whoami"])["device"].as_str().unwrap().to_owned();
    scene.field(phone, &["note", &scene.inspection, "1.1", "begun"]);
    scene.field(phone, &["assign", &scene.inspection, &person]);
    let said = program::run(&["--lang", "en", "field", "--dir", text(phone), "sync"]);
    assert!(said.out.contains("was refused by the hub"), "{said:?}");
    assert!(said.out.contains("bienban field decision list"), "{said:?}");
}
