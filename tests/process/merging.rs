//! What ends the processes that merge: it is cut out, and nothing else suffers.

use std::path::{Path, PathBuf};

use bienban_tests::process::{PATIENCE, Ran, log_of, run, text};
use bienban_tests::scene::{self, Scene, Typed};
use serde_json::Value;

/// A merge may use a second here, and 256 MiB.
const SETTINGS: [(&str, &str); 2] =
    [("BIENBAN_MERGE_CPU_SECONDS", "1"), ("BIENBAN_MERGE_MEMORY_MIB", "256")];

/// What the hub itself may grow by, in kB, while its children end.
const MEMORY_GROWTH_MAX: u64 = 64 << 10;

fn sync(phone: &Path) -> Ran {
    let ran = run(["field", "--dir", text(phone), "sync"]);
    // 6: the hub set something aside.
    assert!(matches!(ran.code, Some(0 | 6)), "{}", ran.errors);
    ran
}

fn answer(scene: &Scene, phone: &Path, item: usize, token: &str) -> Typed {
    let item = &scene::items()[item];
    scene.field(phone, &["answer", &scene.inspection, item, "dat", "--value", token]);
    Typed::Answer(token.to_owned())
}

/// Waits until nothing waits to be merged.
fn merged(scene: &Scene) -> Value {
    let watch = bienban_core::clock::Stopwatch::start();
    loop {
        let status = scene.administer(&["status"]);
        if status["pending"] == 0 {
            return status;
        }
        assert!(watch.elapsed() < PATIENCE * 4, "{status}\n{}", log_of(&scene.hub_dir));
    }
}

#[test]
fn what_ends_merging_processes_is_refused_and_named_and_the_rest_is_merged() {
    let mut scene = Scene::with_phones(1);
    let words = ["PANIC", "ABORT", "MEMORY", "SPIN"];
    let poisoners: Vec<PathBuf> =
        words.iter().map(|word| scene.add_phone(word, "inspector")).collect();
    scene.restart_hub_with_settings(&SETTINGS);
    scene.settle();
    let before = scene.hub.as_ref().unwrap().memory();
    let honest = scene.phones[0].clone();
    let mut typed = vec![answer(&scene, &honest, 0, "honest-before")];
    for (at, (word, phone)) in words.iter().zip(&poisoners).enumerate() {
        typed.push(answer(&scene, phone, 2 * at + 1, &format!("fine-{word}")));
        sync(phone);
        answer(&scene, phone, 2 * at + 2, &format!("POISON-{word}"));
        sync(phone);
        typed.push(answer(&scene, &honest, 20 + at, &format!("honest-{word}")));
        sync(&honest);
    }
    let status = merged(&scene);
    assert!(status["quarantined"].as_u64().unwrap() >= words.len() as u64, "{status}");
    let after = scene.hub.as_ref().unwrap().memory();
    println!("hub memory {before} kB, then {after} kB");
    assert!(after.saturating_sub(before) < MEMORY_GROWTH_MAX, "{before} kB, then {after} kB");
    assert!(scene.hub.as_mut().unwrap().is_running(), "{}", log_of(&scene.hub_dir));
    // The signer of each, and nobody else, is told.
    for phone in &poisoners {
        sync(phone);
        let told = scene.field(phone, &["status"]);
        let notices = told["notices"].as_array().unwrap();
        let poison = notices.iter().filter(|notice| notice["verdict"] == "poison").count();
        assert_eq!(poison, 1, "{told}");
    }
    sync(&honest);
    let told = scene.field(&honest, &["status"]);
    assert_eq!(told["notices"].as_array().map(Vec::len), Some(0), "{told}");
    // What the poisoners type from now on counts as anybody's.
    for (at, phone) in poisoners.iter().enumerate() {
        typed.push(answer(&scene, phone, 30 + at, &format!("later-{at}")));
        sync(phone);
    }
    merged(&scene);
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &typed);
}
