//! Complaints of people who worked on the same thing apart: an edit meets a deletion, copies that nobody
//! opens, a conflict that is forgotten, a decision that does not hold.

use bienban_core::model::{AnswerState, FindingInput, FindingPatch, Genesis, NoteEdit, Severity};
use bienban_core::replica::Replica;
use bienban_core::sync::Ending;
use bienban_tests::fleet::{self, NOW, SHORT};
use bienban_tests::process::{run, text};
use bienban_tests::scene::{self, Scene};

use crate::line::{answer, expect_same, restarted, settle, store, values};

const FINDING: [u8; 16] = [6; 16];

/// "One of us deleted it while the other was editing it, and since then the project does not sync at all."
#[test]
fn c06_an_edit_of_something_deleted_waits_for_a_person_and_the_rest_flows() {
    let (hub, template) = fleet::hub(SHORT, 2);
    let visit = fleet::visit(template, 1);
    let phones = [fleet::phone(1), fleet::phone(2)];
    settle(&[&phones[0], &phones[1]], &hub);
    let input = FindingInput {
        item: Some("1.1".to_owned()),
        row: None,
        severity: Severity::Major,
        text: "Chuồng lợn".to_owned(),
        clause: None,
        deadline: None,
        unfixable: false,
    };
    phones[0].edit(&visit, NOW, |editor| editor.finding_add(FINDING, input)).unwrap();
    settle(&[&phones[0], &phones[1]], &hub);
    // Apart: one deletes it, the other adds to it and goes on working.
    phones[0].edit(&visit, NOW, |editor| editor.finding_delete(FINDING)).unwrap();
    let more = || FindingPatch {
        text: Some(NoteEdit::Append("gần bếp".to_owned())),
        ..FindingPatch::default()
    };
    phones[1].edit(&visit, NOW, |editor| editor.finding_update(FINDING, more())).unwrap();
    answer(&phones[1], &visit, "1.2", "sau đó");
    for _ in 0..3 {
        for phone in &phones {
            let (outcome, progress) = fleet::exchange(phone, &hub);
            assert_eq!((outcome.ending, progress.refused), (Ending::Done, 0));
            assert_eq!(phone.only_here().unwrap(), []);
        }
    }
    expect_same(&visit, &[hub.replica(), phones[0].replica(), phones[1].replica()]);
    assert_eq!(values(phones[0].replica(), &visit, "1.2"), ["sau đó"]);
    // It is deleted everywhere, what was written to it meanwhile stands beside the tombstone, and either can be had.
    let finding = |replica: &Replica| {
        let document = replica.load(visit.document()).unwrap();
        document.view().inspection().unwrap().findings[&hex::encode(FINDING)].clone()
    };
    let shown = finding(phones[0].replica());
    assert!(!shown.is_live() && !shown.parked.is_empty(), "{shown:?}");
    assert!(shown.text.contains("gần bếp"), "{shown:?}");
    phones[0].edit(&visit, NOW, |editor| editor.finding_restore(FINDING)).unwrap();
    settle(&[&phones[0], &phones[1]], &hub);
    let shown = finding(phones[1].replica());
    assert!(shown.is_live() && shown.text.contains("gần bếp"), "{shown:?}");
}

/// Both answer the same item apart, and exchange.
fn disputed() -> (std::sync::Arc<bienban_core::replica::Hub>, [Phone; 2], Genesis) {
    let (hub, template) = fleet::hub(SHORT, 3);
    let visit = fleet::visit(template, 1);
    let phones = [1, 2].map(|number| {
        let store = store();
        (fleet::phone_over(store.clone(), number), store)
    });
    settle(&[&phones[0].0, &phones[1].0], &hub);
    answer(&phones[0].0, &visit, "1.1", "của một");
    answer(&phones[1].0, &visit, "1.1", "của hai");
    settle(&[&phones[0].0, &phones[1].0], &hub);
    (hub, phones, visit)
}

type Phone = (
    std::sync::Arc<bienban_core::replica::Phone>,
    std::sync::Arc<bienban_core::store::MemoryStore>,
);

/// The values that stand against each other in an item.
fn standing(replica: &Replica, visit: &Genesis, item: &str) -> Vec<String> {
    let document = replica.load(visit.document()).unwrap();
    let inspection = document.view().inspection().unwrap();
    let AnswerState::Conflict(values) = &inspection.answers[item] else { return Vec::new() };
    let mut values: Vec<String> =
        values.iter().map(|said| said.value.value.clone().unwrap_or_default()).collect();
    values.sort();
    values
}

/// "It made a conflict copy in some folder, and nobody ever opened it."
#[test]
fn c07_both_values_stand_in_the_record_itself() {
    let (hub, phones, visit) = disputed();
    for replica in [hub.replica(), phones[0].0.replica(), phones[1].0.replica()] {
        assert_eq!(standing(replica, &visit, "1.1"), ["của hai", "của một"]);
        // There is one record, and lists say that something is to be settled in it.
        assert_eq!(replica.totals().unwrap().documents, 1);
        let summary = replica.summary(visit.document()).unwrap().unwrap();
        assert_eq!(summary.conflicts, 1);
    }
    // The conflict says who said what and when.
    let document = phones[0].0.replica().load(visit.document()).unwrap();
    let conflicts = document.view().conflicts();
    assert_eq!(conflicts.len(), 1);
    assert!(conflicts[0].values.iter().all(|said| said.at == NOW && said.actor.len() == 16));
    assert_ne!(conflicts[0].values[0].actor, conflicts[0].values[1].actor);
}

/// "The conflict was shown once; after the next good sync it was gone, and so was one of the values."
#[test]
fn c08_a_conflict_stays_until_a_person_settles_it() {
    let (hub, phones, visit) = disputed();
    let mut phones = phones.to_vec();
    for round in 0..5 {
        for ((phone, _), own) in phones.iter().zip(["2.1", "2.2"]) {
            answer(phone, &visit, own, &format!("vòng {round}"));
            fleet::exchange(phone, &hub);
        }
        for ((phone, store), number) in phones.iter_mut().zip(1..) {
            *phone = restarted(store, number);
            assert_eq!(standing(phone.replica(), &visit, "1.1").len(), 2, "round {round}");
        }
    }
    // Who comes later sees it too, and so does who makes the rows anew from the journal.
    let late = fleet::phone(3);
    settle(&[&late], &hub);
    assert_eq!(standing(late.replica(), &visit, "1.1").len(), 2);
    let answered = fleet::answer("của một");
    late.edit(&visit, NOW, |editor| editor.resolve("1.1", answered)).unwrap();
    settle(&[&late, &phones[0].0, &phones[1].0], &hub);
    for replica in [hub.replica(), phones[0].0.replica(), phones[1].0.replica()] {
        assert_eq!(standing(replica, &visit, "1.1"), Vec::<String>::new());
        // Settled, and what was not chosen is still to be read.
        assert_eq!(values(replica, &visit, "1.1"), ["của hai", "của một", "của một"]);
    }
}

/// "I settled it in the admin page three times, and it comes back, or something else than I chose is there."
#[test]
fn c09_a_decision_holds_may_be_said_again_and_can_be_taken_back() {
    let mut scene = Scene::with_phones(2);
    let [one, two] = [scene.phones[0].clone(), scene.phones[1].clone()];
    let it = scene.inspection.clone();
    scene.field(&one, &["answer", &it, "9.1", "dat"]);
    scene.field(&two, &["answer", &it, "9.1", "mi"]);
    scene.settle();
    // Who said what and when is in the inbox of both.
    let shown = scene.field(&one, &["conflicts", &it]);
    let conflict = &shown["rows"][0]["conflicts"][0];
    let said = conflict["values"].as_array().unwrap();
    let mut names: Vec<&str> =
        said.iter().map(|value| value["author"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["phone-1", "phone-2"], "{shown}");
    assert!(said.iter().all(|value| value["at"].as_str().is_some()), "{shown}");
    // Both settle it in the same way without hearing of each other, and one says it again.
    for phone in [&one, &two] {
        assert_eq!(scene.field(phone, &["resolve", &it, "9.1", "mi"])["settled"], "now");
    }
    let again = scene.field(&one, &["resolve", &it, "9.1", "mi"]);
    assert_eq!(
        (&again["settled"], &again["recorded"]),
        (&"before".into(), &serde_json::Value::Null)
    );
    scene.settle();
    let item = |phone| {
        let history = scene.field(phone, &["history", &it, "9.1"]);
        history["answers"].as_array().unwrap().len()
    };
    for phone in [&one, &two] {
        let rows = scene.field(phone, &["conflicts", &it])["rows"].clone();
        assert!(
            rows.as_array()
                .unwrap()
                .iter()
                .all(|row| row["conflicts"].as_array().unwrap().is_empty()),
            "{rows}"
        );
        assert_eq!(item(phone), 4, "two answers and two equal decisions");
    }
    // Where nothing is to be settled that is said, and nothing is written.
    let other = run(["field", "--dir", text(&two), "resolve", &it, "9.1", "dat"]);
    assert_eq!(other.code, Some(1), "{}", other.errors);
    assert!(other.errors.contains("no_conflict"), "{}", other.errors);
    // It is taken back by the answer that had not been chosen; nothing of what was said goes.
    scene.field(&two, &["answer", &it, "9.1", "dat"]);
    scene.settle();
    for phone in [&one, &two] {
        assert_eq!(item(phone), 5);
        let shown = scene.field(phone, &["show", &it]);
        let sections = shown["sections"].as_array().unwrap();
        let mut items = sections.iter().flat_map(|section| section["items"].as_array().unwrap());
        let found = items.find(|item| item["key"] == "9.1").unwrap();
        assert_eq!((&found["state"], &found["counts_as"]), (&"answered".into(), &"pass".into()));
    }
    scene.stop_hub();
    scene::expect_same(&scene);
}
