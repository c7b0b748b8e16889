//! The hub's journal is written shorter while people work, the hub is killed meanwhile, and a phone that was
//! away all the time gets everything. Then the hub's disk is lost, and it comes back from the second one.

use std::path::Path;

use bienban_core::clock;
use bienban_core::replica::{Fact, says_the_same};
use bienban_core::store::is_shortened_from;
use bienban_tests::process::{Batch, run, text};
use bienban_tests::scene::{self, Scene, Typed};

/// Two phones type until so many files of the journal were shortened.
const SHORTENED: usize = 4;
/// Give up after so many rounds.
const ROUNDS_MAX: usize = 60;
/// Answers of one phone in a round, each sent by itself.
const ANSWERS: usize = 12;

/// Where the format stands in a file of the journal, and the format of a shortened one.
const FORMAT_AT: usize = 8;
const SHORT_FORMAT: u8 = 4;

fn segments(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(items) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = items
        .map(|item| item.unwrap())
        .map(|item| (item.file_name().into_string().unwrap(), item.path()))
        .filter(|(name, _)| name.contains(".seg"))
        .map(|(name, path)| (name, std::fs::read(path).unwrap_or_default()))
        .collect();
    found.sort();
    found
}

fn shortened(scene: &Scene) -> usize {
    let all = segments(&scene.hub_dir.join("store/journal"));
    all.iter().filter(|(_, bytes)| bytes.get(FORMAT_AT) == Some(&SHORT_FORMAT)).count()
}

#[test]
fn a_hub_that_shortens_its_journal_beside_its_work_loses_nothing_when_it_is_killed() {
    let mut scene = Scene::with_phones(3);
    let second = scene.path("second");
    let settings = format!(
        "backup_folder = \"{}\"\n[store]\nsegment_kib = 16\ncompact_seconds = 1\n",
        text(&second)
    );
    std::fs::write(scene.hub_dir.with_extension("toml"), settings).unwrap();
    scene.stop_hub();
    scene.restart_hub();
    let (mut typed, mut kills) = (Vec::new(), 0);
    for round in 0..ROUNDS_MAX {
        for (number, dir) in scene.phones[..2].iter().enumerate() {
            let mut phone = Batch::start(dir);
            for count in 0..ANSWERS {
                let token = format!("p{number}-{round}-{count}");
                let item = scene::items()[count % scene::items().len()].clone();
                let line = format!("{} {item} dat --value {token}", scene.inspection);
                let reply = phone.ask(&format!("answer {line}"));
                if reply.kind() == Some("conflict") {
                    phone.ask(&format!("resolve {line}")).done();
                } else {
                    reply.done();
                }
                phone.ask("sync").done();
                typed.push(Typed::Answer(token));
            }
            phone.end();
        }
        if shortened(&scene) >= SHORTENED {
            break;
        }
        kills += 1;
        scene.hub.as_mut().unwrap().kill();
        scene.restart_hub();
    }
    println!("{} answers, {kills} kills, {} files shortened", typed.len(), shortened(&scene));
    assert!(shortened(&scene) >= SHORTENED, "the hub shortens nothing");
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &typed);

    // The second disk has each file as it is, or as it was, and nothing beside it.
    let copies = segments(&second);
    let own = segments(&scene.hub_dir.join("store/journal"));
    assert!(!copies.is_empty());
    for (name, copy) in copies {
        let (_, bytes) = own.iter().find(|(own, _)| *own == name).unwrap_or_else(|| {
            panic!("{name} is on the second disk, and is no file of the journal")
        });
        assert!(
            bytes.starts_with(&copy) || is_shortened_from(bytes, &copy, &says_the_same),
            "{name} is another"
        );
    }
    comes_back_from(&second, &mut scene, &typed);
}

/// The disk of the hub is lost: what lies on the second one is whole, and makes a hub to which phones give the
/// rest.
fn comes_back_from(second: &Path, scene: &mut Scene, typed: &[Typed]) {
    let checked = run(["admin", "check", text(second)]).done();
    assert_eq!((&checked["whole"], &checked["of"]), (&true.into(), &"second_disk".into()));
    let lost = scene.path("lost");
    std::fs::rename(&scene.hub_dir, &lost).unwrap();
    let hub = scene.hub_dir.clone();
    let arguments = ["admin", "restore", text(second), "--hub-dir", text(&hub), "--keys"];
    let restored = run(arguments.into_iter().chain([text(&lost)])).done();
    assert_eq!(restored["position"], checked["position"]);
    assert!(shortened(scene) >= SHORTENED, "what is shorter comes back shorter");
    scene.restart_hub();
    scene.settle();
    scene.stop_hub();
    scene::expect_same(scene).expect_all("the record of the hub that was put back", typed);
    let whole = run(["admin", "check", text(&hub)]).done();
    assert_eq!(whole["whole"], true, "{whole}");
    // All hashes of the journal are right, and what its packs are told from is gone.
    let saved = Fact::Saved { document: scene.document(), bytes: Vec::new(), at: clock::now() };
    let opened = scene::open_hub(&scene.hub_dir);
    opened.replica().store().commit(vec![saved.record().unwrap()]).unwrap();
    drop(opened);
    let untold = run(["admin", "check", text(&hub)]);
    assert_eq!((untold.code, &untold.data["whole"]), (Some(1), &false.into()), "{}", untold.errors);
    let problems = untold.data["problems"].to_string();
    assert!(problems.contains("cannot be told again"), "{problems}");
    is_not_put_back_unasked(&hub, scene);
}

/// A backup whose content can be told no more is put back only where that was said to be wanted.
fn is_not_put_back_unasked(hub: &Path, scene: &Scene) {
    let (to, new) = (scene.path("backup"), scene.path("new"));
    let (to, new) = (text(&to), text(&new));
    run(["admin", "backup", "--hub-dir", text(hub), "--to", to]).done();
    let refused = run(["admin", "restore", to, "--hub-dir", new]);
    assert!(refused.code == Some(1) && refused.errors.contains("damaged"), "{}", refused.errors);
    assert!(!Path::new(new).exists(), "nothing is left");
    let restored = run(["admin", "restore", to, "--hub-dir", new, "--damaged"]).done();
    assert!(restored["problems"].to_string().contains("cannot be told again"), "{restored}");
    let mut left: Vec<_> = std::fs::read_dir(Path::new(new).join("store")).unwrap().collect();
    assert_eq!(left.pop().unwrap().unwrap().file_name(), "journal");
    assert!(left.is_empty(), "no trace of the check: {left:?}");
}
