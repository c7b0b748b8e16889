//! The life of an inspection in the terminal: guards that name what is missing, from a finding to its
//! end, the rule of one inspection a year, samples, difficulties. In both languages.

use serde_json::Value;

use crate::join::Team;
use crate::program::Ran;

/// The needs that a refused step names.
fn needs(refused: &Ran) -> Vec<String> {
    let data = refused.json();
    assert_eq!(data["error"]["kind"], "not_ready", "{data}");
    let missing = data["error"]["missing"].as_array().unwrap();
    missing.iter().map(|one| one["need"].as_str().unwrap().to_owned()).collect()
}

impl Team {
    fn say(&self, phone: &str, words: &[&str]) -> Value {
        self.folders.field_json(phone, words)
    }

    fn state(&self, rest: &[&str]) -> Ran {
        let mut words = vec!["--json", "state", &self.inspection];
        words.extend(rest);
        self.folders.field("an", &words)
    }

    fn header(&self, field: &str, value: &str) {
        self.say("an", &["header", &self.inspection, field, value]);
    }

    /// Brings the inspection into the field.
    pub(crate) fn begin(&self) {
        for (field, value) in [
            ("decision_date", "2026-11-01"),
            ("decision_signer", "Lý B"),
            ("conduct_plan_approver", "Lý B"),
            ("level", "commune"),
        ] {
            self.header(field, value);
        }
        for state in ["decided", "plan_approved", "announced", "in_field"] {
            self.state(&[state]).ok();
        }
    }
}

#[test]
fn a_refused_step_names_everything_that_is_missing_in_both_languages() {
    let team = Team::new();
    let refused = team.state(&["decided"]).fails(1);
    assert_eq!(needs(&refused), ["decision_date", "decision_signer"]);
    let words = ["state", &team.inspection, "decided"];
    let english = team.folders.field("an", &words).fails(1);
    assert!(english.err.contains("who signed the decision: write it with"), "{english:?}");
    assert!(english.err.contains("217/2025"), "{english:?}");
    let words = [&words[..], &["--lang", "vi"]].concat();
    let vietnamese = team.folders.field("an", &words).fails(1);
    assert!(vietnamese.err.contains("còn thiếu: 2"), "{vietnamese:?}");
    assert!(vietnamese.err.contains("người ký quyết định kiểm tra: ghi bằng"), "{vietnamese:?}");
    // Nothing was recorded by any of it.
    assert_eq!(team.show("an")["state"], serde_json::json!(["planned"]));
    // No such step: told which there are, and what the state follows.
    let words = ["state", &team.inspection, "closed"];
    let step = team.folders.field("an", &words).fails(1);
    assert!(step.err.contains("“closed” follows only: minutes_signed"), "{step:?}");
    let life = team.say("an", &["state", &team.inspection]);
    let next: Vec<&str> =
        life["next"].as_array().unwrap().iter().map(|n| n["state"].as_str().unwrap()).collect();
    assert_eq!(next, ["decided", "stopped"]);
    assert_eq!(life["team"].as_array().unwrap().len(), 2);
}

#[test]
fn the_check_before_a_seal_says_which_step_must_come_first() {
    let team = Team::new();
    let it = team.inspection.as_str();
    let check = || team.say("an", &["seal", it, "--check"]);
    let told = check();
    assert_eq!((&told["ready"], told["missing"].as_array().unwrap().len()), (&false.into(), 1));
    let step = &told["missing"][0];
    assert_eq!(step["need"], "step", "{told}");
    // As the refusal of the step explains it.
    let refused = team.state(&["minutes_signed"]).fails(1).json();
    assert_eq!(refused["error"]["message"], step["text"], "{refused}");
    assert_eq!(refused["error"]["hint"], step["todo"], "{refused}");
    let said = team.folders.field("an", &["seal", it, "--check"]).ok().out;
    for part in ["text", "todo"] {
        assert!(said.contains(step[part].as_str().unwrap()), "{part}: {said}");
    }
    assert!(!said.contains("()"), "{said}");
    team.begin();
    let told = check();
    let needs = told["missing"].as_array().unwrap();
    assert!(needs.iter().all(|one| one["need"] != "step"), "{told}");
}

#[test]
fn a_finding_goes_all_the_way_to_a_closed_inspection() {
    let team = Team::new();
    team.begin();
    let clock = team.say("an", &["clock", &team.inspection]);
    assert_eq!(clock["clocks"][0]["key"], "inspection.commune");
    let english = team.folders.field("an", &["clock", &team.inspection]).ok().out;
    assert!(english.contains("7 days from announcement of the decision"), "{english}");
    let words = ["clock", &team.inspection, "--lang", "vi", "--as-of", "2999-01-01"];
    let late = team.folders.field("an", &words).ok().out;
    assert!(late.contains("quá hạn") && late.contains("7 ngày từ"), "{late}");
    let made = team.say("an", &["finding", &team.inspection, "2.1", "ma", "Chuồng lợn"]);
    let finding = made["id"].as_str().unwrap()[..8].to_owned();
    assert_eq!(needs(&team.state(&["minutes_signed"]).fails(1)), ["facility_representative"]);
    team.header("facility_representative", "Bà C");
    team.state(&["minutes_signed"]).ok();
    assert_eq!(needs(&team.state(&["corrective_issued"]).fails(1)), ["actions"]);
    assert_eq!(needs(&team.state(&["closed"]).fails(1)), ["nothing_open"]);

    let add = ["action", "add", &team.inspection, "Dời chuồng", "--finding", &finding];
    let late = [&add[..], &["--deadline", "31"]].concat();
    assert!(team.folders.field("an", &late).fails(2).err.contains("the last day that the law"));
    let made = team.say("an", &[&add[..], &["--deadline", "30"]].concat());
    let action = made["id"].as_str().unwrap()[..8].to_owned();
    assert_eq!(needs(&team.state(&["corrective_issued"]).fails(1)), ["owners"]);
    team.say("an", &["action", "update", &team.inspection, &action, "--owner", "Bà C"]);
    team.state(&["corrective_issued"]).ok();
    assert_eq!(needs(&team.state(&["fix_submitted"]).fails(1)), ["proof"]);
    assert_eq!(needs(&team.state(&["overdue"]).fails(1)), ["deadline_passed"]);
    team.sync("an");

    overdue_is_listed_by_day_and_unit(&team);
    team.say("an", &["proof", &team.inspection, &action, "Đã dời, ảnh 3"]);
    team.state(&["fix_submitted"]).ok();
    assert_eq!(needs(&team.state(&["fix_verified"]).fails(1)), ["verified"]);
    team.sync("an");
    let verify = ["action", "verify", &team.inspection, &action];
    let rejected = [&verify[..], &["--reject", "--text", "Ảnh mờ"]].concat();
    team.folders.admin("giam", &rejected).ok();
    team.sync("an");
    let list = team.say("an", &["action", "list", &team.inspection]);
    assert_eq!(
        (&list["rows"][0]["state"], &list["rows"][0]["settled"]),
        (&"recheck".into(), &false.into())
    );
    assert_eq!(list["rows"][0]["progress"][0]["proof"], "Đã dời, ảnh 3");
    assert_eq!(team.show("an")["findings"][0]["fixed"], false);
    team.say("an", &["proof", &team.inspection, &action, "Ảnh rõ"]);
    team.sync("an");
    // A supervisor may write no inspection: what he verifies counts all the same.
    team.folders.admin("giam", &verify).ok();
    team.sync("an");
    let shown = team.show("an");
    assert_eq!(shown["findings"][0]["fixed"], true);
    let outcome = &shown["grade"]["outcome"];
    assert_eq!(outcome["corrected"], 1, "{outcome}");
    let text = team.folders.field("an", &["show", &team.inspection, "--lang", "vi"]).ok().out;
    assert!(text.contains("Yêu cầu khắc phục") && text.contains("đã xác nhận"), "{text}");
    team.state(&["fix_verified"]).ok();
    team.state(&["closed"]).ok();
    team.sync("an");
    team.sync("binh");
    let there = team.show("binh");
    assert_eq!(there["state"], serde_json::json!(["closed"]));
    assert_eq!(there["digest"], team.show("an")["digest"]);
    assert_eq!(same(&there["actions"]), same(&team.show("an")["actions"]));
}

/// What both devices must tell alike: all but which of them it is.
fn same(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(key, _)| *key != "here");
            Value::Object(fields.map(|(key, value)| (key.clone(), same(value))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(same).collect()),
        other => other.clone(),
    }
}

/// One open correction of the commune 06325, due within a month.
fn overdue_is_listed_by_day_and_unit(team: &Team) {
    let overdue = |day: &str, unit: &str| {
        let words = ["action", "overdue", "--as-of", day, "--commune", unit];
        team.folders.admin("giam", &words).ok().json()["rows"].as_array().unwrap().clone()
    };
    assert!(overdue("2026-01-01", "20").is_empty());
    assert!(overdue("2999-01-01", "06337").is_empty());
    let late = overdue("2999-01-01", "20");
    let facility = &late[0]["facility"]["title"];
    assert_eq!((&late[0]["open"], facility), (&1.into(), &"HTX Chè Thử".into()));
}

#[test]
fn two_phones_demand_corrections_in_one_follow_up_and_states_moved_apart_are_shown() {
    let team = Team::new();
    team.begin();
    team.sync("an");
    team.sync("binh");
    for phone in ["an", "binh"] {
        team.say(phone, &["action", "add", &team.inspection, phone, "--owner", "Bà C"]);
    }
    team.state(&["suspended", "--reason", "mưa lũ"]).ok();
    let stop = ["state", &team.inspection, "stopped", "--reason", "giải thể"];
    team.folders.field("binh", &stop).ok();
    for phone in ["an", "binh", "an"] {
        team.sync(phone);
    }
    let shown = team.show("an");
    assert_eq!(shown["actions"].as_array().unwrap().len(), 2);
    let mut states: Vec<&str> =
        shown["state"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    states.sort_unstable();
    assert_eq!(states, ["stopped", "suspended"]);
    assert!(shown["conflicts"].as_array().unwrap().iter().any(|c| c["key"] == "state"));
    team.state(&["stopped", "--reason", "giải thể"]).ok();
    assert_eq!(team.show("an")["state"], serde_json::json!(["stopped"]));
}

#[test]
fn a_second_plan_for_the_year_is_refused_without_the_reason_of_the_law() {
    let team = Team::new();
    let plan = |title: &str, from: &str, to: &str, more: &[&str]| {
        let words = ["plan", "add", "--title", title, "--from", from, "--to", to, "--leader", "an"];
        let rest = ["--facility", "CHE-01", "--template", "tea"];
        team.folders.admin("first", &[&words[..], &rest[..], more].concat())
    };
    let refused = plan("Hai", "2026-12-01", "2026-12-05", &[]).fails(1);
    assert_eq!(needs(&refused), ["once_a_year"]);
    let missing = &refused.json()["error"]["missing"][0];
    assert_eq!(missing["about"], serde_json::json!(["Kiểm tra chè (2026-11-01)"]));
    assert!(missing["text"].as_str().unwrap().contains("HTX Chè Thử"), "{missing}");
    assert!(missing["clause"].as_str().unwrap().contains("17/2024"), "{missing}");
    let vietnamese = plan("Hai", "2026-12-01", "2026-12-05", &["--lang", "vi"]).fails(1);
    assert!(vietnamese.err.contains("có dấu hiệu vi phạm rõ ràng"), "{vietnamese:?}");
    let because = ["--reason", "CHE-01=because:x"];
    let unknown = plan("Hai", "2026-12-01", "2026-12-05", &because).fails(2);
    assert!(unknown.err.contains("choose one of clear_sign"), "{unknown:?}");
    plan("Hai", "2026-12-01", "2026-12-05", &["--reason", "CHE-02=clear_sign:x"]).fails(2);
    let reason = ["--reason", "CHE-01=clear_sign:Dân phản ánh", "--level", "province"];
    let made = plan("Hai", "2026-12-01", "2026-12-05", &reason).ok().json();
    assert_eq!(made["visits"][0]["reason"]["text"], "Dân phản ánh");
    assert_eq!(made["fields"]["issuer_level"], "province");
    // Next year is another year.
    plan("Ba", "2027-01-04", "2027-01-08", &[]).ok();
    // The one planned first says so when it is opened, and the decision waits for the reason.
    team.sync("an");
    let opened = team.say("an", &["open", "Kiểm tra chè", "CHE-01"]);
    assert_eq!(opened["asks_reason"]["need"], "once_a_year");
    let second = team.say("an", &["open", "Hai", "CHE-01"]);
    assert!(second["asks_reason"].is_null(), "{second}");
    let refused = needs(&team.state(&["decided"]).fails(1));
    assert!(refused.contains(&"once_a_year".to_owned()), "{refused:?}");
    // What was stopped counts no more.
    team.state(&["stopped", "--reason", "trùng"]).ok();
    team.say("an", &["state", second["inspection"].as_str().unwrap(), "stopped", "--reason", "x"]);
    team.sync("an");
    plan("Bốn", "2026-12-20", "2026-12-22", &[]).ok();
}

#[test]
fn samples_opinions_and_difficulties_are_recorded_and_listed() {
    let team = Team::new();
    let it = &team.inspection;
    let add = ["sample", "add", it, "Chè khô", "--code", "M1", "--taken-on", "2026-02-12"];
    team.say("an", &[&add[..], &["--sampler", "An", "--method", "TCVN 5609"]].concat());
    team.say("an", &["sample", "seal", it, "M1", "NP-07", "--on", "2026-02-12"]);
    let handover = ["sample", "handover", it, "--giver", "An", "--receiver", "Phòng TN"];
    let row = ["--row", "M1|500 g|chì|QCVN 8-2|A7", "--on", "2026-02-26", "--to-laboratory"];
    team.say("an", &[&handover[..], &row[..]].concat());
    let clock = team.say("an", &["clock", it]);
    let clock = &clock["clocks"][0];
    assert_eq!((&clock["key"], &clock["due"]), (&"sample.laboratory".into(), &"2026-02-26".into()));
    assert_eq!((&clock["done"], &clock["overdue"]), (&"2026-02-26".into(), &false.into()));
    let result = ["sample", "result", it, "M1", "--laboratory", "Phòng TN", "--report", "9/KQ"];
    let rows = ["--row", "chì|0,1|2|pass", "--row", "asen|3|1|fail"];
    team.folders.field("an", &[&result[..], &["--row", "chì"]].concat()).fails(2);
    team.say("an", &[&result[..], &rows[..]].concat());
    let shown = team.say("an", &["sample", "show", it, "M1"]);
    let sample = &shown["rows"][0];
    assert_eq!(sample["passes"], false);
    assert_eq!(sample["sample"][0]["method"], "TCVN 5609");
    let kinds: Vec<bool> = ["seal", "handover", "result"]
        .iter()
        .map(|kind| sample["steps"].as_array().unwrap().iter().any(|s| s.get(kind).is_some()))
        .collect();
    assert_eq!(kinds, [true; 3]);
    team.folders.field("an", &["sample", "show", it, "M9"]).fails(3);

    team.say("an", &["opinion", it, "facility", "Đồng ý"]);
    team.say("an", &["opinion", it, "conclusion", "Đạt", "--replace"]);
    team.say("an", &["difficulty", "add", it, "facility", "Thiếu vốn", "--topic", "vốn"]);
    team.say("an", &["difficulty", "add", it, "commune", "Thiếu cán bộ"]);
    let shown = team.show("an");
    assert_eq!(shown["facility_opinion"].as_str().unwrap().trim(), "Đồng ý");
    assert_eq!(shown["conclusion"], "Đạt");
    assert_eq!(shown["difficulties"].as_array().unwrap().len(), 2);
    team.sync("an");
    let list = |more: &[&str]| {
        let words = [&["difficulties"][..], more].concat();
        team.folders.admin("giam", &words).ok().json()["rows"].as_array().unwrap().len()
    };
    assert_eq!((list(&[]), list(&["--commune", "20"]), list(&["--commune", "06337"])), (1, 1, 0));
    assert_eq!(list(&["--plan", "Kiểm tra chè"]), 1);
    let extend = |why| team.folders.field("an", &["extend", it, why]);
    assert!(extend("sớm").fails(1).out.is_empty(), "no time runs before the announcement");
    team.begin();
    extend("đường sạt lở").ok();
    extend("lần nữa").fails(1);
}

#[test]
fn a_serious_answer_that_nobody_wrote_up_keeps_the_inspection_open() {
    let team = Team::new();
    team.begin();
    team.say("an", &["answer", &team.inspection, "2.1", "se"]);
    team.header("facility_representative", "Bà C");
    team.state(&["minutes_signed"]).ok();
    let refused = team.state(&["closed"]).fails(1);
    assert_eq!(needs(&refused), ["nothing_open"]);
    assert_eq!(needs(&team.state(&["corrective_issued"]).fails(1)), ["actions"]);
    // A finding that is less bad is about something less.
    team.say("an", &["finding", &team.inspection, "2.1", "ma", "Chuồng lợn"]);
    let without = &team.show("an")["grade"]["outcome"]["without_finding"]["at"];
    assert_eq!(without[0]["item"], "2.1");
    team.say("an", &["finding", &team.inspection, "2.1", "se", "Chuồng lợn"]);
    assert_eq!(team.show("an")["grade"]["outcome"]["without_finding"]["count"], 0);
}
