//! Several devices and a hub, each a process: one visit, filled by two, reviewed, the same record.

use serde_json::Value;

use crate::hub::Hub;
use crate::program::{Folders, text};

const FACILITIES: &str = "code,name,owner_kind,commune_code\nCHE-01,HTX Chè Thử,htx,06325\nCHE-02,HTX Chè Hai,htx,06325\n";

/// A hub, the phones `an` and `binh`, the supervisor `giam`, and one planned visit.
pub(crate) struct Team {
    pub(crate) folders: Folders,
    hub: Hub,
    pub(crate) inspection: String,
}

impl Team {
    pub(crate) fn new() -> Self {
        let folders = Folders::new();
        let hub = Hub::start(&folders);
        for (name, role) in [("an", "leader"), ("binh", "inspector"), ("giam", "supervisor")] {
            hub.enrol(&folders, name, "Phòng Kinh tế", role);
        }
        folders.admin("first", &["checklist", "add", "tea"]).ok();
        let file = folders.file("facilities.csv", FACILITIES);
        folders.admin("first", &["import", "facilities", text(&file)]).ok();
        let plan = [
            "plan",
            "add",
            "--title",
            "Kiểm tra chè",
            "--decision",
            "12/QĐ",
            "--from",
            "2026-11-01",
            "--to",
            "2026-12-31",
            "--leader",
            "an",
            "--member",
            "binh",
            "--facility",
            "CHE-01",
            "--template",
            "tea",
        ];
        let made = folders.admin("first", &plan).ok().json();
        assert_eq!(made["team"].as_array().unwrap().len(), 2);
        let team = Self { folders, hub, inspection: String::new() };
        for phone in ["an", "binh"] {
            team.sync(phone);
        }
        let opened = team.folders.field_json("an", &["open", "Kiểm tra chè", "CHE-01"]);
        let inspection = opened["inspection"].as_str().unwrap()[..8].to_owned();
        Self { inspection, ..team }
    }

    pub(crate) fn enrol(&self, phone: &str, role: &str) {
        self.hub.enrol(&self.folders, phone, "Y tế", role);
        self.sync(phone);
    }

    pub(crate) fn sync(&self, phone: &str) -> Value {
        self.folders.field_json(phone, &["sync"])
    }

    pub(crate) fn show(&self, phone: &str) -> Value {
        self.folders.field_json(phone, &["show", &self.inspection])
    }

    fn edit(&self, phone: &str, command: &str, rest: &[&str]) -> Value {
        let mut arguments = vec![command, &self.inspection];
        arguments.extend(rest);
        self.folders.field_json(phone, &arguments)
    }
}

fn item<'v>(shown: &'v Value, key: &str) -> &'v Value {
    shown["sections"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|section| section["items"].as_array().unwrap())
        .find(|item| item["key"] == key)
        .unwrap()
}

#[test]
fn a_device_that_nobody_enrolled_exits_with_6() {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    folders.field("stranger", &["init", "--hub", &hub.uri]).ok();
    let refused = folders.field("stranger", &["sync"]).fails(6);
    assert!(refused.err.contains("whoami"), "{refused:?}");
}

#[test]
fn wrong_answers_name_the_item_and_what_it_allows() {
    let team = Team::new();
    let answer = |item: &str, grade: &str| {
        team.folders.field("an", &["answer", &team.inspection, item, grade])
    };
    let unknown = answer("99.1", "dat").fails(3);
    assert!(unknown.err.contains("99.1"), "{unknown:?}");
    let word = answer("1.2", "good").fails(2);
    assert!(word.err.contains("dat (pass), ma (major), se (serious), kad"), "{word:?}");
    let grade = answer("1.2", "mi").fails(2);
    assert!(
        grade.err.contains("item 1.2") && grade.err.contains("ma (major), se (serious)"),
        "{grade:?}"
    );
    // The facility's code names the visit too.
    team.folders.field("an", &["answer", "CHE-01", "1.2", "ma"]).ok();
    team.folders.field("an", &["answer", "CHE-02", "1.2", "ma"]).fails(3);
    team.sync("an");
    team.folders.admin("first", &["review", "CHE-01", "accept"]).fails(6);
}

#[test]
fn two_phones_fill_one_record_and_a_supervisor_sends_it_back() {
    let team = Team::new();
    team.edit("an", "answer", &["2.1", "ma", "--note", "gần chuồng"]);
    team.edit("binh", "answer", &["2.1", "se", "--note", "có mùi"]);
    let recorded = team.edit("binh", "answer", &["1.1", "dat"]);
    assert!(recorded["recorded"].as_u64().is_some());
    assert_eq!(team.folders.field_json("binh", &["status"])["only_here"], 2);
    for phone in ["an", "binh", "an"] {
        let report = team.sync(phone);
        assert_eq!((&report["caught_up"], &report["refused"]), (&true.into(), &0.into()));
    }
    assert_eq!(team.folders.field_json("binh", &["status"])["only_here"], 0);
    let shown = team.show("an");
    assert_eq!(shown["digest"], team.show("binh")["digest"]);
    let disputed = item(&shown, "2.1");
    assert_eq!(disputed["state"], "conflict");
    assert_eq!(disputed["counts_as"], "serious");
    let mut names: Vec<_> =
        disputed["answers"].as_array().unwrap().iter().map(|a| &a["author"]["name"]).collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["an", "binh"]);
    let note = disputed["note"].as_str().unwrap();
    assert!(note.contains("gần chuồng") && note.contains("có mùi"), "{note}");

    team.folders.field("an", &["answer", &team.inspection, "2.1", "dat"]).fails(1);
    team.edit("an", "resolve", &["2.1", "se"]);
    team.sync("an");
    let sent = ["review", "CHE-01", "send-back", "--item", "2.1", "Chụp ảnh chuồng"];
    let request = team.folders.admin("giam", &sent).ok().json()["id"].clone();
    team.sync("binh");
    assert_eq!(team.show("binh")["review"]["verdict"], "sent_back");
    team.edit("binh", "reply", &[&request.as_str().unwrap()[..8], "Đã chụp"]);
    for phone in ["binh", "an"] {
        team.sync(phone);
    }
    let shown = team.show("an");
    assert_eq!(item(&shown, "2.1")["state"], "answered");
    assert_eq!(shown["review"]["requests"][0]["settled"], true);
    assert_eq!(shown["digest"], team.show("binh")["digest"]);
    let past = team.folders.field_json("an", &["history", &team.inspection, "2.1"]);
    assert_eq!(past["answers"].as_array().unwrap().len(), 3);
    let idle = team.sync("an");
    assert!(idle["payload_up"].as_u64().unwrap() + idle["payload_down"].as_u64().unwrap() < 1024);
    assert_eq!(idle["round_trips"], 1);
    let hub = team.folders.admin("first", &["status"]).ok().json();
    assert_eq!(hub["pending"], 0);
    assert!(!team.hub.uri.is_empty());
}

#[test]
fn a_deleted_finding_stays_visible_and_can_be_restored() {
    let team = Team::new();
    let made = team.edit("an", "finding", &["2.1", "ma", "Chuồng lợn", "--deadline", "15"]);
    let id = made["id"].as_str().unwrap()[..8].to_owned();
    team.sync("an");
    team.edit("an", "finding-delete", &[&id]);
    let shown = team.show("an");
    assert_eq!(shown["findings"][0]["deleted"], true);
    team.edit("an", "finding-restore", &[&id]);
    assert_eq!(team.show("an")["findings"][0]["deleted"], false);
    assert_eq!(team.show("an")["findings"][0]["severity"], "major");
    // An earlier moment is still there to look at.
    let heads = shown["heads"][0].as_str().unwrap()[..10].to_owned();
    let then = team.folders.field_json("an", &["show", &team.inspection, "--at", &heads]);
    assert_eq!(then["findings"][0]["deleted"], true);
    assert_eq!(then["digest"], shown["digest"]);
}

#[test]
fn a_wrong_field_or_step_is_answered_with_those_there_are() {
    let team = Team::new();
    let field = team.folders.field("an", &["header", &team.inspection, "witnes", "x"]).fails(3);
    assert!(field.err.contains("witness_position") && field.err.contains("place"), "{field:?}");
    let named = team.folders.field("an", &["state", &team.inspection, "done"]).fails(2);
    assert!(named.err.contains("in_field (in the field)"), "{named:?}");
    let step = team.folders.field("an", &["state", &team.inspection, "closed"]).fails(1);
    assert!(step.err.contains("decided (decided), stopped (stopped)"), "{step:?}");
    let step = ["state", &team.inspection, "closed", "--lang", "vi"];
    let step = team.folders.field("an", &step).fails(1);
    assert!(!step.err.contains("cannot become"), "{step:?}");
}

#[test]
fn equal_answers_given_apart_are_agreement_that_nobody_has_to_settle() {
    let team = Team::new();
    team.edit("an", "answer", &["2.1", "ma"]);
    team.edit("binh", "answer", &["2.1", "ma"]);
    for phone in ["an", "binh", "an"] {
        team.sync(phone);
    }
    let shown = team.show("an");
    let agreed = item(&shown, "2.1");
    assert_eq!((&agreed["state"], &agreed["counts_as"]), (&"answered".into(), &"major".into()));
    assert_eq!(agreed["answers"].as_array().unwrap().len(), 2);
    assert_eq!(shown["conflicts"].as_array().unwrap().len(), 0);
    assert_eq!(shown["digest"], team.show("binh")["digest"]);
    let text = team.folders.field("an", &["show", &team.inspection]).ok().out;
    assert!(text.contains("the same answer, given by 2 people"), "{text}");
    assert_eq!(team.folders.field_json("an", &["list"])["rows"][0]["conflicts"], 0);
    // A new answer needs no settlement first.
    team.edit("an", "answer", &["2.1", "se"]);
    let history = team.folders.field("an", &["history", &team.inspection, "2.1"]).ok().out;
    assert!(history.starts_with("Oldest first"), "{history}");
}

#[test]
fn a_checklist_is_found_by_its_code_and_a_facility_by_its_code_in_either_case() {
    let team = Team::new();
    let plan = |template: &str, facility: &str| {
        let words = ["plan", "add", "--title", "Hai", "--from", "2026-11-01", "--to", "2026-12-31"];
        let rest = ["--leader", "an", "--facility", facility, "--template", template];
        team.folders.admin("first", &[&words[..], &rest[..]].concat())
    };
    let made = plan("CL-CHE", "che-02").ok().json();
    assert_eq!(made["visits"][0]["facility"]["title"], "HTX Chè Hai");
    let unknown = plan("CL-CA", "CHE-02").fails(3);
    assert!(unknown.err.contains("checklist list"), "{unknown:?}");
}

#[test]
fn a_device_that_was_made_inactive_is_told_so() {
    let team = Team::new();
    let device = team.folders.field_json("binh", &["whoami"])["device"].clone();
    let trust = ["trust", device.as_str().unwrap(), "--name", "binh", "--agency", "Phòng Kinh tế"];
    let rest = ["--role", "inspector", "--scope", "20"];
    let end = [&trust[..], &rest[..], &["--inactive"]].concat();
    team.folders.admin("first", &end).ok();
    let refused = team.folders.field("binh", &["sync"]).fails(6);
    assert!(refused.err.contains("no longer exchanges with this device"), "{refused:?}");
    let known = team.folders.field_json("binh", &["whoami"]);
    assert!(known["refused_at"].as_str().is_some(), "{known}");
    assert!(team.folders.field("binh", &["whoami"]).ok().out.contains("made it inactive"));
    // Taken in again, it forgets.
    team.folders.admin("first", &[&trust[..], &rest[..]].concat()).ok();
    team.sync("binh");
    assert!(team.folders.field_json("binh", &["whoami"])["refused_at"].is_null());
}
