//! Complaints of work in the field: the form changes under a draft, work comes back empty, reference data
//! come in the wrong order, and two people on one site cannot exchange.

use std::sync::Arc;

use bienban_core::model::{FacilityInput, Genesis, Kind, NoteEdit, Origin};
use bienban_core::replica::{Meeting, MeetingOptions, Phone};
use bienban_core::sync::Ending;
use bienban_tests::fleet::{self, NOW, SHORT};
use bienban_tests::process::{run, text};
use bienban_tests::scene::{self, COMMUNE, Scene};
use serde_json::Value;

use crate::line::{answer, expect_same, restarted, settle, store, values};

const EDITIONS: [&str; 2] = [
    include_str!("../../core/fixtures/moving/edition-1.json"),
    include_str!("../../core/fixtures/moving/edition-2.json"),
];

/// Frames of one meeting, before it counts as stuck.
const FRAMES_MAX: usize = 2_000;

fn item<'v>(shown: &'v Value, key: &str) -> &'v Value {
    let sections = shown["sections"].as_array().unwrap();
    let mut items = sections.iter().flat_map(|section| section["items"].as_array().unwrap());
    items.find(|item| item["key"] == key).unwrap_or_else(|| panic!("no item {key}: {shown}"))
}

/// Publishes an edition and returns its name.
fn publish(scene: &Scene, edition: usize) -> String {
    let file = scene.path(&format!("edition-{edition}.json"));
    std::fs::write(&file, EDITIONS[edition - 1]).unwrap();
    scene.administer(&["checklist", "add", text(&file)]);
    let listed = scene.administer(&["checklist", "list"]);
    let rows = listed["rows"].as_array().unwrap();
    let code = serde_json::from_str::<Value>(EDITIONS[0]).unwrap()["code"].clone();
    let edition = edition.to_string();
    let row = rows.iter().find(|row| row["edition"] == edition && row["code"] == code).unwrap();
    row["id"].as_str().unwrap()[..8].to_owned()
}

/// "The form was updated while my draft was open: the draft crashes, is stuck, or lost answers."
#[test]
fn c12_a_draft_outlives_an_update_of_its_form() {
    let scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let first = publish(&scene, 1);
    let file = scene.path("more.csv");
    let rows = "code,name,owner_kind,commune_code\nBS-002,HTX Hai,HTX,06325\n";
    std::fs::write(&file, rows).unwrap();
    scene.administer(&["import", "facilities", text(&file)]);
    let days = ["--from", "2026-12-02", "--to", "2026-12-31", "--leader", &scene.admin];
    let plan = ["plan", "add", "--title", "Quý 4", "--facility", "BS-002", "--template", &first];
    let made = scene.administer(&[&plan[..], &days[..]].concat());
    let it = made["visits"][0]["inspection"].as_str().unwrap()[..8].to_owned();
    scene.sync(&phone);
    scene.field(&phone, &["answer", &it, "2", "9,5"]);
    scene.field(&phone, &["answer", &it, "4", "mi", "--note", "Sổ để ở nhà."]);
    // The update arrives in the middle of the work. The draft stays on its edition, whole, and goes on.
    let second = publish(&scene, 2);
    scene.sync(&phone);
    scene.field(&phone, &["answer", &it, "5", "dat"]);
    let shown = scene.field(&phone, &["show", &it]);
    assert_eq!(shown["template"]["edition"], "1", "{shown}");
    assert_eq!(item(&shown, "4")["answers"][0]["grade"], "minor");
    // The move is a step that a person looks at first: nothing is written by looking.
    let preview = scene.field(&phone, &["template", &it, "--to", &second]);
    let homeless = |line: &&Value| line["fate"] == "no_new_home";
    assert!(preview["lines"].as_array().unwrap().iter().any(|line| homeless(&line)), "{preview}");
    let before = scene.field(&phone, &["show", &it])["digest"].clone();
    assert_eq!(before, shown["digest"]);
    let digits = &preview["digest"].as_str().unwrap()[..16];
    scene.field(&phone, &["template", &it, "--to", &second, "--apply", digits]);
    let moved = scene.field(&phone, &["show", &it]);
    assert_eq!(moved["template"]["edition"], "2");
    // The answer that has no home in the new edition is there, under the name that it had.
    let kept = item(&moved, &format!("4@{first}"));
    assert_eq!(kept["answers"][0]["grade"], "minor", "{moved}");
    assert!(kept["note"].as_str().unwrap().contains("Sổ để ở nhà."), "{kept}");
    assert_eq!(scene.sync(&phone)["only_here"], 0);
}

/// "The interview that was sent back for correction came back empty, and the comments were by telephone."
#[test]
fn c13_work_comes_back_with_everything_in_it_and_pinned_comments() {
    let mut scene = Scene::with_phones(1);
    let phone = scene.phones[0].clone();
    let it = scene.inspection.clone();
    let supervisor = scene.add_device("giam-sat", "supervisor", COMMUNE);
    for (key, value) in [("9.1", "một"), ("9.5", "hai")] {
        scene.field(&phone, &["answer", &it, key, "dat", "--value", value, "--note", "Đã xem."]);
    }
    scene.sync(&phone);
    let desk = |words: &[&str]| {
        run(["admin", "--dir", text(&supervisor)].into_iter().chain(words.iter().copied())).done()
    };
    let sent = desk(&["review", &it, "send-back", "--item", "9.5", "Ghi rõ tên người bán."]);
    let request = sent["id"].as_str().unwrap()[..8].to_owned();
    scene.sync(&phone);
    let shown = scene.field(&phone, &["show", &it]);
    assert_eq!(shown["review"]["verdict"], "sent_back", "{shown}");
    let asked = &shown["review"]["requests"][0];
    assert!(
        asked.to_string().contains("Ghi rõ tên người bán.") && asked.to_string().contains("9.5"),
        "{asked}"
    );
    for (key, value) in [("9.1", "một"), ("9.5", "hai")] {
        assert_eq!(item(&shown, key)["answers"][0]["value"], value, "it came back whole");
        assert!(item(&shown, key)["note"].as_str().unwrap().contains("Đã xem."));
    }
    // It is corrected where it is, after it was sent, and the answer to the comment travels with it.
    scene.field(&phone, &["answer", &it, "9.5", "dat", "--value", "bà Lan"]);
    scene.field(&phone, &["reply", &it, &request, "Đã ghi."]);
    scene.sync(&phone);
    scene.sync(&supervisor);
    let at_desk = desk(&["show", &it]);
    assert_eq!(item(&at_desk, "9.5")["answers"][0]["value"], "bà Lan");
    assert!(at_desk["review"]["requests"][0].to_string().contains("Đã ghi."), "{at_desk}");
    desk(&["review", &it, "accept"]);
    scene.sync(&phone);
    assert_eq!(scene.field(&phone, &["show", &it])["review"]["verdict"], "accepted");
    scene.stop_hub();
    scene::expect_same(&scene);
}

/// "Changes to the reference list made offline came in the wrong order, and nobody saw that some were still waiting."
#[test]
fn c14_reference_data_come_in_causal_order_and_what_waits_is_shown() {
    let (hub, _) = fleet::hub(SHORT, 2);
    let phones = [fleet::phone(1), fleet::phone(2)];
    settle(&[&phones[0], &phones[1]], &hub);
    let facility = Genesis {
        kind: Kind::Facility,
        scope: fleet::unit(),
        template: None,
        origin: Origin::Device { creator: phones[0].device(), nonce: [14; 16] },
    };
    let name = |phone: &Phone| {
        let document = phone.replica().load(facility.document()).unwrap();
        document.view().facility().unwrap().field("name").unwrap_or_default().to_owned()
    };
    let input = FacilityInput { name: "HTX Một".to_owned(), ..FacilityInput::default() };
    phones[0].edit(&facility, NOW, |editor| editor.facility(&input)).unwrap();
    let first = phones[0].release(NOW).unwrap();
    for text in ["HTX Hai", "HTX Ba"] {
        phones[0].edit(&facility, NOW, |editor| editor.set_facility("name", text)).unwrap();
    }
    let second = phones[0].release(NOW).unwrap();
    phones[0]
        .edit(&facility, NOW, |editor| editor.notes(NoteEdit::Append("Mới".to_owned())))
        .unwrap();
    let third = phones[0].release(NOW).unwrap();
    // What is only here is shown, by the record.
    assert_eq!(phones[0].arrival(facility.document()).unwrap().only_here, 4);
    assert_eq!(phones[0].only_here().unwrap(), [facility.document()]);
    // The effects come before their causes: they wait, which is shown, and nobody sees half of it.
    for late in [&third, &second] {
        hub.accept(phones[0].device(), late, NOW).unwrap();
        hub.merge_all(NOW).unwrap();
        fleet::exchange(&phones[1], &hub);
        assert!(phones[1].replica().genesis(facility.document()).is_err());
        assert_eq!(hub.status().unwrap().documents, 0);
    }
    hub.accept(phones[0].device(), &first, NOW).unwrap();
    settle(&[&phones[0], &phones[1]], &hub);
    assert_eq!(
        name(&phones[1]),
        "HTX Ba",
        "the last name that was given, though it came before the first"
    );
    expect_same(&facility, &[hub.replica(), phones[0].replica(), phones[1].replica()]);
    assert_eq!(phones[0].arrival(facility.document()).unwrap().only_here, 0);
    let status = hub.status().unwrap();
    assert_eq!((status.pending, status.waiting), (0, 0));
}

/// Lets two phones exchange without a hub, until so many frames arrived.
fn meet(phones: [&Arc<Phone>; 2], cut: usize) -> bool {
    let begin = |at: usize| {
        let peer = [2, 1][at];
        let options = MeetingOptions { peer: fleet::entry(peer).into(), opens: at == 0 };
        Meeting::start(phones[at].clone(), options, Box::new(move || [60 + peer; 16]), NOW).unwrap()
    };
    let mut sides = [begin(0), begin(1)];
    let mut queues = [std::collections::VecDeque::new(), std::collections::VecDeque::new()];
    let mut frames = 0;
    loop {
        let mut moved = false;
        for at in 0..2 {
            while let Some(frame) = sides[at].poll_frame(NOW).unwrap() {
                queues[1 - at].push_back(frame);
                moved = true;
            }
            if frames < cut
                && sides[at].wants_input()
                && let Some(frame) = queues[at].pop_front()
            {
                sides[at].handle(&frame).unwrap();
                (moved, frames) = (true, frames + 1);
            }
        }
        if !moved || frames >= cut {
            let done =
                |side: &Meeting| side.outcome().is_some_and(|end| end.ending == Ending::Done);
            return sides.iter().all(done);
        }
        assert!(frames < FRAMES_MAX, "the meeting does not end");
    }
}

/// "We were four on one site without a network and could not give each other our records."
#[test]
fn c18_two_phones_on_a_site_without_network_share_their_work() {
    let (hub, template) = fleet::hub(SHORT, 2);
    let visit = fleet::visit(template, 1);
    let mut cut = 1;
    loop {
        let stores = [store(), store()];
        let mut phones =
            [1, 2].map(|number| fleet::phone_over(stores[usize::from(number) - 1].clone(), number));
        settle(&[&phones[0], &phones[1]], &hub);
        answer(&phones[0], &visit, "1.1", &format!("của một {cut}"));
        answer(&phones[1], &visit, "2.1", &format!("của hai {cut}"));
        let whole = meet([&phones[0], &phones[1]], cut);
        // One of them goes out of reach and comes back; both were switched off meanwhile.
        for number in [1_u8, 2] {
            let at = usize::from(number) - 1;
            phones[at] = restarted(&stores[at], number);
        }
        assert!(meet([&phones[0], &phones[1]], usize::MAX), "cut after {cut} frames");
        expect_same(&visit, &[phones[0].replica(), phones[1].replica()]);
        // Each says that the hub does not have it yet; one brings what is of both.
        assert!(phones.iter().all(|phone| phone.only_here().unwrap() == [visit.document()]));
        fleet::exchange(&phones[1], &hub);
        hub.merge_all(NOW).unwrap();
        for (key, of) in [("1.1", "một"), ("2.1", "hai")] {
            let found = values(hub.replica(), &visit, key);
            assert!(found.contains(&format!("của {of} {cut}")), "{found:?}");
        }
        settle(&[&phones[0], &phones[1]], &hub);
        assert!(phones.iter().all(|phone| phone.only_here().unwrap().is_empty()));
        expect_same(&visit, &[hub.replica(), phones[0].replica(), phones[1].replica()]);
        if whole {
            break;
        }
        cut += 1;
    }
    assert!(cut >= 3, "cut at {cut} places");
}
