//! Sealed minutes in the terminal: signed offline, registered with a number, late edits and rivals shown,
//! refusals, supplements. Each device and the hub a process.

use serde_json::Value;

use crate::join::Team;
use crate::program::{Ran, run, text};

const STROKES: &str =
    r#"{"width": 600, "height": 200, "strokes": [[[1, 2], [300, 90], [590, 30]]]}"#;

impl Team {
    fn seals_on(&self, phone: &str, rest: &[&str]) -> Ran {
        let mut words = vec!["--json", "seal", &self.inspection];
        words.extend(rest);
        self.folders.field(phone, &words)
    }

    fn told(&self, phone: &str, words: &[&str]) -> Value {
        self.folders.field_json(phone, words)
    }

    /// What the hub names of minutes that are not registered.
    fn waiting(&self) -> Value {
        self.folders.admin("first", &["status"]).ok().json()["waiting_minutes"].clone()
    }

    /// The row of an inspection in a phone's list.
    fn listed(&self, phone: &str, inspection: &str) -> Value {
        let list = self.told(phone, &["list"]);
        let mut rows = list["rows"].as_array().unwrap().iter();
        let row = rows.find(|row| row["id"].as_str().unwrap().starts_with(inspection));
        row.unwrap_or_else(|| panic!("{list}")).clone()
    }

    /// Looks at a list that counts one answer as sealed, and one place that came late beside it.
    fn counts_what_was_sealed(&self, phone: &str) {
        let row = self.listed(phone, &self.inspection);
        let counts = (&row["as_sealed"], &row["answered"], &row["since_signed"]);
        assert_eq!(counts, (&true.into(), &1.into(), &1.into()), "{phone} {row}");
        let said = self.folders.field(phone, &["list"]).ok().out;
        assert!(said.contains("+1 late"), "{said}");
        let desk = self.folders.admin("giam", &["inspections"]).ok().json();
        let row = &desk["rows"][0];
        assert_eq!((&row["answered"], &row["since_signed"]), (&1.into(), &1.into()), "{desk}");
    }

    /// What is sealed of the inspection, as a phone shows it.
    fn sealed_minutes(&self, phone: &str) -> Value {
        self.show(phone)["minutes"].clone()
    }
}

const OWNER: [&str; 6] = ["--name", "Bà C", "--title", "Chủ cơ sở", "--on", "2026-11-05"];

#[test]
fn minutes_are_sealed_offline_then_registered_and_take_nothing_more() {
    let team = Team::new();
    team.in_field();
    let it = team.inspection.as_str();
    team.told("an", &["answer", it, "2.1", "dat"]);
    let check = team.seals_on("an", &["--check"]).ok().json();
    let heard: Vec<bool> =
        check["members"].as_array().unwrap().iter().map(|one| one["heard"] == true).collect();
    assert_eq!((heard.len(), heard.iter().filter(|one| **one).count()), (2, 1), "{check}");
    assert_eq!((&check["ready"], &check["not_leader"]), (&true.into(), &Value::Null), "{check}");
    let told = &check["unanswered"];
    let open = told["of"].as_u64().unwrap() - 1;
    assert_eq!((&told["count"], &told["at"][0]["item"]), (&open.into(), &"1.1".into()), "{told}");
    assert!(!told["at"].as_array().unwrap().contains(&serde_json::json!({"item": "2.1"})));
    let said = team.folders.field("an", &["seal", it, "--check"]).ok().out;
    assert!(said.contains(&format!("{open} of {} items (1.1, 1.2, ", told["of"])), "{said}");
    // A device whose role lets it seal nothing hears why, and by which command it may.
    let member = team.seals_on("binh", &["--check"]).ok().json();
    let role = (&member["ready"], &member["not_leader"]);
    assert_eq!(role, (&false.into(), &"inspector".into()), "{member}");
    let said = team.folders.field("binh", &["seal", it, "--check"]).ok().out;
    assert!(said.contains("--role leader --scope 06325"), "{said}");
    let refused = team.seals_on("an", &OWNER).fails(1);
    assert!(refused.err.contains("binh") && refused.err.contains("--not-heard"), "{refused:?}");
    team.seals_on("binh", &OWNER).fails(6);

    let file = team.folders.file("strokes.json", STROKES);
    let drawn = ["--signature", text(&file), "--not-heard", "Đi vắng"];
    let sealed = team.seals_on("an", &[&OWNER[..], &drawn[..]].concat()).ok().json();
    assert_eq!(sealed["seal"]["state"], "waiting");
    assert_eq!(sealed["unanswered"]["count"], open);
    assert_eq!(sealed["seal"]["representative"]["drawn"], true);
    assert_eq!(sealed["seal"]["not_heard"][0]["reason"], "Đi vắng");
    let late = team.folders.field("an", &["answer", it, "2.2", "dat"]).fails(1);
    assert!(late.err.contains("bienban field supplement"), "{late:?}");
    team.seals_on("an", &OWNER).fails(1);

    // Another phone has not heard of it: what it records stays, and is late.
    team.told("binh", &["answer", it, "1.1", "dat"]);
    let offline = team.folders.field("an", &["minutes", "list"]).ok().out;
    assert!(offline.contains("wait for the hub"), "{offline}");
    let synced = team.sync("an");
    let unnumbered = (&synced["unnumbered"], &synced["unnumbered_kept"]);
    assert_eq!(unnumbered, (&1.into(), &1.into()), "{synced}");
    for phone in ["an", "binh", "an", "binh"] {
        team.sync(phone);
    }
    for phone in ["an", "binh"] {
        let shown = team.show(phone);
        let minutes = &shown["minutes"];
        assert_eq!(minutes["standing"]["state"], "registered", "{phone} {minutes}");
        assert_eq!(minutes["standing"]["official"], "01/2026/BB-ĐKT-06325");
        assert_eq!(team.sync(phone)["unnumbered"], 0);
        assert_eq!(minutes["as_sealed"], true);
        assert_eq!(shown["digest"], minutes["standing"]["content"]);
        assert_eq!(shown["digest"], sealed["seal"]["content"]);
        let places = shown["since_signed"]["places"].as_array().unwrap();
        assert_eq!((places.len(), &places[0]["key"]), (1, &"1.1".into()), "{places:?}");
        team.counts_what_was_sealed(phone);
    }
    team.folders.field("binh", &["answer", it, "1.1", "ma"]).fails(1);
    let text = team.folders.field("an", &["show", it, "--lang", "vi"]).ok().out;
    assert!(text.contains("Biên bản 01/2026/BB-ĐKT-06325: đã đăng ký"), "{text}");
    assert!(text.contains("chữ ký vẽ tay xác nhận có mặt"), "{text}");
    assert!(text.contains("trưởng đoàn: an"), "{text}");

    // A member signs too, and steps go on.
    team.told("binh", &["sign", it]);
    team.sync("binh");
    team.sync("an");
    assert_eq!(team.sealed_minutes("an")["standing"]["countersigned"][0]["author"]["name"], "binh");
    team.told("an", &["state", it, "reported"]);
    assert_eq!(team.show("an")["state"], serde_json::json!(["reported"]));
    assert_eq!(team.show("an")["digest"], sealed["seal"]["content"]);
}

#[test]
fn the_device_that_signs_is_heard_and_only_the_team_signs_too_once() {
    let team = Team::new();
    team.in_field();
    let it = team.inspection.as_str();
    for (phone, role) in [("chi", "leader"), ("dung", "inspector"), ("em", "inspector")] {
        team.enrol(phone, role);
    }
    for phone in ["an", "binh"] {
        team.sync(phone);
    }
    team.told("an", &["assign", it, "an", "binh", "chi", "em"]);
    for phone in ["an", "chi"] {
        team.sync(phone);
    }
    // A leader who wrote nothing there.
    let check = team.seals_on("chi", &["--check"]).ok().json();
    let member = |name: &str| {
        let mut members = check["members"].as_array().unwrap().iter();
        let member = members.find(|one| one["author"]["name"] == name);
        let member = member.unwrap_or_else(|| panic!("{name} {check}"));
        (member["heard"] == true, member["signs"] == true)
    };
    let heard = [member("an"), member("binh"), member("chi")];
    assert_eq!(heard, [(true, false), (false, false), (true, true)], "{check}");
    let said = team.folders.field("chi", &["seal", it, "--check"]).ok().out;
    assert!(said.contains("chi (Y tế): signs with this device"), "{said}");
    let refused = team.seals_on("chi", &OWNER).fails(1);
    assert!(refused.err.contains("binh") && !refused.err.contains("chi ("), "{refused:?}");
    let words = [&OWNER[..], &["--not-heard", "Đi vắng"]].concat();
    let sealed = team.seals_on("chi", &words).ok().json();
    let unheard = sealed["seal"]["not_heard"].as_array().unwrap().iter();
    let mut unheard: Vec<_> = unheard.map(|one| one["author"]["name"].as_str().unwrap()).collect();
    unheard.sort_unstable();
    assert_eq!(unheard, ["binh", "em"], "{sealed}");
    for phone in ["chi", "chi", "binh", "dung", "em", "giam"] {
        team.sync(phone);
    }

    let decisions = |phone: &str| team.told(phone, &["status"])["decisions"].clone();
    let none = serde_json::json!([]);
    for phone in ["dung", "giam"] {
        let refused = team.folders.field(phone, &["sign", it]).fails(6);
        assert!(refused.err.contains("members of the team"), "{phone} {refused:?}");
        assert_eq!(decisions(phone), none, "nothing was recorded on {phone}");
    }
    team.told("binh", &["sign", it]);
    let again = team.folders.field("binh", &["sign", it]).fails(1);
    assert!(again.err.contains("already"), "{again:?}");
    assert_eq!(decisions("binh").as_array().unwrap().len(), 1);
    team.sync("binh");
    assert_eq!(decisions("binh"), none, "the exchange that brought it says that it is entered");
    let at = team.sealed_minutes("binh")["standing"]["countersigned"][0]["at"].clone();
    team.folders.field("binh", &["sign", it]).fails(1);
    team.sync("binh");
    assert_eq!(team.sealed_minutes("binh")["standing"]["countersigned"][0]["at"], at);

    // Whom the leader takes off while the signature is under way hears of that in the exchange that brings it.
    team.told("em", &["sign", it]);
    team.told("chi", &["assign", it, "an", "binh", "chi"]);
    team.sync("chi");
    let synced = team.sync("em");
    assert_eq!(synced["decisions_refused"][0]["deed"], "countersign", "{synced}");
    team.sync("an");
    let signed = team.sealed_minutes("an")["standing"]["countersigned"].clone();
    assert_eq!(
        (signed.as_array().unwrap().len(), &signed[0]["author"]["name"]),
        (1, &"binh".into())
    );
}

#[test]
fn what_is_new_after_a_seal_goes_into_a_supplementary_record_with_a_seal_of_its_own() {
    let team = Team::new();
    team.in_field();
    let first = [&OWNER[..], &["--not-heard", "Đi vắng"]].concat();
    let sealed = team.seals_on("an", &first).ok().json();
    team.sync("an");
    team.sync("an");
    let made = team.told("an", &["supplement", &team.inspection]);
    let supplement = made["inspection"].as_str().unwrap()[..8].to_owned();
    team.told("an", &["answer", &supplement, "2.1", "ma"]);
    let check = team.told("an", &["seal", &supplement, "--check"]);
    assert_eq!(check["supplements"], sealed["seal"]["seal"]);
    // It needs nothing of what a step does, and both say so.
    let before = team.told("an", &["show", &supplement]);
    assert_eq!(before["state"], serde_json::json!(["supplement"]), "{before}");
    assert_eq!((&check["state"], &check["ready"]), (&before["state"], &true.into()), "{check}");
    assert_eq!(check["missing"], serde_json::json!([]));
    assert_eq!(before["header"]["missing"]["minutes_signed"], check["missing"], "{before}");
    assert_eq!(before["life"]["next"], check["missing"], "{before}");
    let words = [&["--json", "seal", &supplement][..], &first[..]].concat();
    let second = team.folders.field("an", &words).ok().json();
    assert_eq!(second["seal"]["supplements"], sealed["seal"]["seal"]);
    team.sync("an");
    team.sync("an");
    let shown = team.told("an", &["show", &supplement]);
    assert_eq!(shown["minutes"]["standing"]["official"], "02/2026/BB-ĐKT-06325");
    assert_eq!(shown["state"], serde_json::json!(["supplement_sealed"]), "{shown}");
    assert_eq!(team.listed("an", &supplement)["state"], "supplement_sealed");
    let said = team.folders.field("an", &["show", &supplement]).ok().out;
    assert!(said.contains("State: supplementary record, sealed"), "{said}");
    // It is no inspection more of that year.
    let plan = ["plan", "add", "--title", "Hai", "--from", "2026-12-01", "--to", "2026-12-05"];
    let rest = ["--leader", "an", "--facility", "CHE-01", "--template", "tea"];
    let refused = team.folders.admin("first", &[&plan[..], &rest[..]].concat()).fails(1).json();
    let about = refused["error"]["missing"][0]["about"].as_array().unwrap();
    assert_eq!(about.len(), 1, "{refused}");
    assert_eq!(team.sealed_minutes("an")["standing"]["official"], "01/2026/BB-ĐKT-06325");
}

#[test]
fn of_two_seals_the_first_registered_counts_and_the_other_is_shown_as_a_rival() {
    let team = Team::new();
    team.enrol("chi", "leader");
    team.in_field();
    team.sync("an");
    team.sync("chi");
    let words = [&OWNER[..], &["--not-heard", "Đi vắng"]].concat();
    let first = team.seals_on("an", &words).ok().json();
    let rival = team.seals_on("chi", &words).ok().json();
    for phone in ["an", "an", "chi", "chi", "an"] {
        team.sync(phone);
    }
    for phone in ["an", "chi"] {
        let minutes = team.sealed_minutes(phone);
        assert_eq!(minutes["standing"]["seal"], first["seal"]["seal"], "{phone} {minutes}");
        assert_eq!(minutes["others"][0]["seal"], rival["seal"]["seal"]);
        assert_eq!(minutes["others"][0]["state"], "rival");
    }
}

#[test]
fn a_seal_that_ends_whoever_holds_it_against_the_record_holds_up_no_other() {
    let team = Team::new();
    team.enrol("chi", "leader");
    team.in_field();
    team.sync("an");
    team.sync("chi");
    // The word ends a merge worker, and stands in the seal alone.
    let deadly = [&OWNER[..], &["--not-heard", "POISON-ABORT"]].concat();
    let deadly = team.seals_on("an", &deadly).ok().json();
    team.sync("an");
    let words = [&OWNER[..], &["--not-heard", "Đi vắng"]].concat();
    let sealed = team.seals_on("chi", &words).ok().json();
    let watch = bienban_core::clock::Stopwatch::start();
    let named = loop {
        let waiting = team.waiting();
        if waiting["rows"][0]["failed"].as_u64() > Some(0) {
            break waiting["rows"][0].clone();
        }
        assert!(watch.elapsed() < bienban_tests::process::PATIENCE, "{waiting}");
    };
    let check = (&named["seal"], &named["waits_for"]);
    assert_eq!(check, (&deadly["seal"]["seal"], &"check".into()), "{named}");
    loop {
        team.sync("chi");
        let minutes = team.sealed_minutes("chi");
        if minutes["standing"]["state"] == "registered" {
            assert_eq!(minutes["standing"]["seal"], sealed["seal"]["seal"], "{minutes}");
            break;
        }
        assert!(watch.elapsed() < bienban_tests::process::PATIENCE, "{minutes}");
    }
    team.sync("an");
    let minutes = team.sealed_minutes("an");
    assert_eq!(minutes["standing"]["seal"], sealed["seal"]["seal"], "{minutes}");
    let others = minutes["others"].as_array().unwrap();
    assert!(
        others
            .iter()
            .all(|one| one["seal"] != deadly["seal"]["seal"] || one["state"] != "registered")
    );
}

#[test]
fn minutes_that_wait_at_the_hub_are_named_to_administrators_until_they_are_registered() {
    let team = Team::new();
    team.in_field();
    for phone in ["an", "an", "binh", "giam"] {
        team.sync(phone);
    }
    assert_eq!(team.waiting(), serde_json::json!({"rows": [], "more": false}));
    // The leader hears a member whose rights end before the hub gets what it wrote.
    let (it, file) = (team.inspection.as_str(), team.folders.path("bundle"));
    team.told("binh", &["answer", it, "1.1", "dat"]);
    team.told("binh", &["bundle", "export", "--to", "an", text(&file)]);
    team.told("an", &["bundle", "import", text(&file)]);
    let sealed = team.seals_on("an", &OWNER).ok().json();
    let member = team.told("binh", &["whoami"])["device"].as_str().unwrap().to_owned();
    team.folders.admin("first", &["revoke", &member]).ok();
    team.folders.field("an", &["--json", "sync"]);
    let waiting = team.waiting();
    let [row] = &waiting["rows"].as_array().unwrap()[..] else { panic!("{waiting}") };
    let said = (&row["seal"], &row["waits_for"], &row["leader"]["name"], &row["unit"]["code"]);
    let expected = (&sealed["seal"]["seal"], &"changes".into(), &"an".into(), &"06325".into());
    assert_eq!(said, expected, "{waiting}");
    assert!(row["inspection"]["id"].as_str().unwrap().starts_with(it), "{waiting}");
    assert!(row["since"].is_string(), "{waiting}");
    let [change] = &row["changes"].as_array().unwrap()[..] else { panic!("{waiting}") };
    let lacks = (&change["author"]["name"], &change["place"], &row["more_changes"]);
    assert_eq!(lacks, (&"binh".into(), &"aside".into(), &false.into()), "{waiting}");
    let (short, change) = (&row["seal"].as_str().unwrap()[..8], change["change"].as_str().unwrap());
    for (language, part) in [("en", "are not registered yet"), ("vi", "chưa được đăng ký")]
    {
        let desk = team.folders.path("first");
        let told = run(&["--lang", language, "admin", "--dir", text(&desk), "status"]).ok().out;
        let line = told.lines().find(|line| line.contains(short));
        let line = line.unwrap_or_else(|| panic!("{told}"));
        assert!(line.contains(part) && line.contains(&change[..8]), "{line}");
    }
    // Its supervisor lets in what is lacking.
    team.folders.admin("giam", &["quarantine", "admit", change]).ok();
    let watch = bienban_core::clock::Stopwatch::start();
    while team.waiting()["rows"] != serde_json::json!([]) {
        assert!(watch.elapsed() < bienban_tests::process::PATIENCE, "{}", team.waiting());
    }
    team.sync("an");
    assert_eq!(team.sealed_minutes("an")["standing"]["state"], "registered");
}

#[test]
fn minutes_whose_leader_is_revoked_while_they_wait_stay_named_to_administrators() {
    let team = Team::new();
    team.in_field();
    for phone in ["an", "an", "binh"] {
        team.sync(phone);
    }
    // They wait for what a member never brings.
    let (it, file) = (team.inspection.as_str(), team.folders.path("bundle"));
    team.told("binh", &["answer", it, "1.1", "dat"]);
    team.told("binh", &["bundle", "export", "--to", "an", text(&file)]);
    team.told("an", &["bundle", "import", text(&file)]);
    let sealed = team.seals_on("an", &OWNER).ok().json();
    let revoke = |phone: &str| {
        let device = team.told(phone, &["whoami"])["device"].as_str().unwrap().to_owned();
        team.folders.admin("first", &["revoke", &device]).ok();
    };
    revoke("binh");
    team.folders.field("an", &["--json", "sync"]);
    assert_eq!(team.waiting()["rows"][0]["waits_for"], "changes");
    revoke("an");
    team.folders.field("an", &["sync"]).fails(6);
    let watch = bienban_core::clock::Stopwatch::start();
    let row = loop {
        let waiting = team.waiting();
        if waiting["rows"][0]["waits_for"] == "ended" {
            break waiting["rows"][0].clone();
        }
        assert!(watch.elapsed() < bienban_tests::process::PATIENCE, "{waiting}");
    };
    assert_eq!(row["seal"], sealed["seal"]["seal"], "{row}");
    for (language, part) in [("en", "the hub keeps them"), ("vi", "máy chủ vẫn giữ")] {
        let desk = team.folders.path("first");
        let told = run(&["--lang", language, "admin", "--dir", text(&desk), "status"]).ok().out;
        assert!(told.contains(part), "{told}");
        assert!(told.contains("status --acknowledge"), "{told}");
    }
    // Whoever says that they were seen is named them a last time.
    let last = team.folders.admin("first", &["status", "--acknowledge"]).ok().json();
    assert_eq!(last["waiting_minutes"]["rows"][0], row);
    assert_eq!(team.waiting(), serde_json::json!({"rows": [], "more": false}));
}

#[test]
fn a_refusal_names_why_and_who_confirms_it() {
    let team = Team::new();
    team.in_field();
    let it = team.inspection.as_str();
    for (field, value) in [("witness", "Ông D"), ("refusal_reason", "Không đồng ý")] {
        team.told("an", &["header", it, field, value]);
    }
    let person = ["--name", "Ông D", "--title", "Trưởng thôn", "--on", "2026-11-05"];
    let rest = ["--refused", "Không đồng ý", "--as", "witness", "--not-heard", "binh=Máy hỏng"];
    team.seals_on("an", &[&person[..], &["--refused", "Không đồng ý"]].concat()).fails(2);
    let twice = [&person[..], &rest[..], &["--not-heard", "binh=Đi vắng"]].concat();
    let refused = team.seals_on("an", &twice).fails(2);
    assert!(refused.err.contains("given a reason already"), "{refused:?}");
    let also = [&person[..], &rest[..], &["--not-heard", "Đi vắng"]].concat();
    let sealed = team.seals_on("an", &also).ok().json();
    assert_eq!(sealed["seal"]["not_heard"][0]["reason"], "Máy hỏng");
    let warned = sealed["warnings"][0].as_str().unwrap();
    assert!(warned.contains("is not in the minutes") && warned.contains("Đi vắng"), "{sealed}");
    assert_eq!(sealed["seal"]["refused"], "Không đồng ý");
    assert_eq!(sealed["seal"]["confirmed"][0]["as"], "witness");
    assert_eq!(team.show("an")["state"], serde_json::json!(["minutes_refused"]));
}

#[test]
fn the_leader_says_who_writes_an_inspection() {
    let team = Team::new();
    team.told("an", &["answer", &team.inspection, "1.1", "dat"]);
    team.sync("an");
    let told = team.told("an", &["assign", &team.inspection, "an"]);
    assert_eq!(told["names"], serde_json::json!(["an"]));
    assert_eq!(told["warnings"], Value::Null, "the plan's leader is named");
    team.sync("an");
    team.told("binh", &["answer", &team.inspection, "2.1", "dat"]);
    let report = team.folders.field("binh", &["--json", "sync"]).fails(6).json();
    assert_eq!(report["refused"], 1, "{report}");
    // Not the role is what is missing: it is said who assigned others, and when.
    let assigned = &report["notices"][0]["assigned"];
    assert!(assigned["by"]["name"] == "an" && assigned["at"].is_string(), "{report}");
    let status = team.told("binh", &["status"]);
    assert_eq!(status["notices"][0]["assigned"], *assigned, "{status}");
    let said = team.folders.field("binh", &["status"]).ok().out;
    assert!(said.contains("others write this inspection, as an"), "{said}");
    assert!(!said.contains("may not write such a record"), "{said}");
    assert_eq!((&report["only_here"], &report["set_aside"]), (&1.into(), &1.into()), "{report}");
    // Another one is refused too; what was refused before is said again.
    team.told("binh", &["answer", &team.inspection, "2.2", "dat"]);
    team.folders.field("binh", &["sync"]).fails(6);
    let again = team.sync("binh");
    assert_eq!((&again["only_here"], &again["set_aside"]), (&2.into(), &2.into()), "{again}");
    let again = team.folders.field("binh", &["sync"]).ok().out;
    assert!(!again.contains("sync again") && again.contains("bienban field status"), "{again}");
    assert!(again.contains("Kept aside by the hub, outside the record: 2 edits."), "{again}");
    assert!(!again.contains("nly on this device:"), "{again}");
    // The status advises nothing else: no exchange, and no other role.
    let status = team.told("binh", &["status"]);
    assert_eq!((&status["only_here"], &status["set_aside"]), (&2.into(), &2.into()), "{status}");
    let said = team.folders.field("binh", &["status"]).ok().out;
    assert!(said.contains("Kept aside by the hub, outside the record: 2 edits."), "{said}");
    for part in ["bienban field sync", "corrects the role", "signed for every edit"] {
        assert!(!said.contains(part), "{part}: {said}");
    }
    team.told("binh", &["answer", &team.inspection, "2.3", "dat"]);
    let said = team.folders.field("binh", &["status"]).ok().out;
    assert!(said.contains("Only on this device: 1 edit. Run `bienban field sync`."), "{said}");
}

#[test]
fn a_revoked_leader_is_told_to_give_up_what_no_exchange_brings_any_more() {
    let team = Team::new();
    team.in_field();
    for phone in ["an", "an", "binh"] {
        team.sync(phone);
    }
    team.told("an", &["assign", &team.inspection, "an", "binh"]);
    let sealed =
        team.seals_on("an", &[&OWNER[..], &["--not-heard", "Đi vắng"]].concat()).ok().json();
    let seal = sealed["seal"]["seal"].as_str().unwrap();
    let status = team.told("an", &["status"]);
    let ended = |status: &Value| {
        let of = |what: &str| status[what][0]["ended"].as_bool();
        [of("minutes"), of("decisions")]
    };
    assert_eq!(ended(&status), [Some(false); 2], "{status}");
    let device = team.told("an", &["whoami"])["device"].as_str().unwrap().to_owned();
    team.folders.admin("first", &["revoke", &device]).ok();
    team.folders.field("an", &["sync"]).fails(6);
    let status = team.told("an", &["status"]);
    assert_eq!(ended(&status), [Some(true); 2], "{status}");
    for words in [&["status"][..], &["minutes", "list"]] {
        let said = team.folders.field("an", words).ok().out;
        let command = format!("bienban field minutes drop {}", &seal[..8]);
        assert!(said.contains("come to no hub any more") && said.contains(&command), "{said}");
        assert!(!said.contains("; sync"), "{said}");
    }
    let said = team.folders.field("an", &["decision", "list"]).ok().out;
    assert!(said.contains("comes to no hub any more") && said.contains("decision drop"), "{said}");
}

#[test]
fn an_assignment_that_leaves_the_plans_leader_out_is_warned_of() {
    let team = Team::new();
    team.told("an", &["answer", &team.inspection, "1.1", "dat"]);
    let assign = ["assign", &team.inspection, "binh"];
    let told = team.told("an", &assign);
    assert_eq!(told["names"], serde_json::json!(["binh"]));
    let warned = told["warnings"][0].as_str().unwrap().to_owned();
    assert!(warned.contains("an, who leads the plan, is not among them"), "{told}");
    let said = team.folders.field("an", &assign).ok();
    assert!(said.err.contains(&warned), "{said:?}");
    let both = team.told("an", &["assign", &team.inspection, "an", "binh"]);
    assert_eq!(both["warnings"], Value::Null, "{both}");
}

#[test]
fn minutes_that_the_hub_refused_are_listed_until_they_are_given_up_with_a_reason() {
    let team = Team::new();
    team.in_field();
    let (it, rows) =
        (team.inspection.as_str(), || team.told("an", &["minutes", "list"])["rows"].take());
    for phone in ["an", "binh"] {
        team.sync(phone);
    }
    let sealed =
        team.seals_on("an", &[&OWNER[..], &["--not-heard", "Đi vắng"]].concat()).ok().json();
    let seal = sealed["seal"]["seal"].as_str().unwrap().to_owned();
    let drop = |rest: &[&str]| {
        let words = [&["--json", "minutes", "drop", &seal[..8]][..], rest].concat();
        team.folders.field("an", &words)
    };
    let early = drop(&["--reason", "lập lại"]).fails(1);
    assert!(early.err.contains(&seal[..8]), "the hub may register them yet: {early:?}");
    assert_eq!((&rows()[0]["seal"], &rows()[0]["refused"]), (&seal.clone().into(), &false.into()));
    // The right to seal is withdrawn before the hub gets them.
    let device = team.told("an", &["whoami"])["device"].as_str().unwrap().to_owned();
    let rights = ["--agency", "Phòng Kinh tế", "--role", "inspector", "--scope", "06325"];
    let trust = [&["trust", &device, "--name", "an"][..], &rights].concat();
    team.folders.admin("first", &trust).ok();
    for _ in 0..3 {
        team.folders.field("an", &["--json", "sync"]);
    }
    assert_eq!(rows()[0]["refused"], true, "{}", rows());
    drop(&[]).fails(2);
    drop(&["--reason", " "]).fails(2);
    let dropped = drop(&["--reason", "lập lại trên giấy"]).ok().json();
    let told = (&dropped["seal"], &dropped["given_up"]["reason"]);
    assert_eq!(told, (&seal.clone().into(), &"lập lại trên giấy".into()), "{dropped}");
    // They stay, with the reason, and leave the record free.
    let row = rows()[0].take();
    assert!(row["given_up"]["at"].is_string() && row["refused"] == false, "{row}");
    assert_eq!(team.show("an")["minutes"]["standing"], Value::Null);
    drop(&["--reason", "lần nữa"]).fails(3);
    assert_eq!(team.told("an", &["show", it])["minutes"]["others"][0]["seal"], seal.as_str());
}
