//! The header of the minutes, settling what two phones wrote apart, and what changes after a verdict
//! or after the minutes were signed. Two phones, a supervisor and a hub, each a process.

use serde_json::Value;

use crate::join::Team;
use crate::program::{Ran, run};

impl Team {
    fn does(&self, phone: &str, command: &str, rest: &[&str]) -> Ran {
        let mut words = vec![command, &self.inspection];
        words.extend(rest);
        self.folders.field(phone, &words)
    }

    fn data(&self, phone: &str, command: &str, rest: &[&str]) -> Value {
        let mut words = vec![command, &self.inspection];
        words.extend(rest);
        self.folders.field_json(phone, &words)
    }

    pub(crate) fn meet(&self) {
        for phone in ["an", "binh", "an"] {
            self.sync(phone);
        }
    }

    fn review(&self, rest: &[&str]) {
        let mut words = vec!["review", "CHE-01"];
        words.extend(rest);
        self.folders.admin("giam", &words).ok();
    }
}

fn field<'v>(header: &'v Value, key: &str) -> &'v Value {
    header["fields"].as_array().unwrap().iter().find(|field| field["field"] == key).unwrap()
}

/// Runs a command line as `conflicts` printed it.
fn typed(line: &str) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[0], "bienban");
    run(&words[1..])
}

#[test]
fn the_header_is_shown_with_what_is_missing_and_a_value_that_does_not_fit_is_refused() {
    let team = Team::new();
    team.data("an", "header", &["started_at", "8h30 23/11/2026"]);
    team.data("an", "header", &["facility_phone", "0912 345 678"]);
    let header = team.data("an", "header", &[]);
    assert_eq!(field(&header, "started_at")["values"][0]["value"], "2026-11-23T01:30:00Z");
    assert_eq!(field(&header, "started_at")["values"][0]["text"], "2026-11-23 08:30 +07:00");
    assert_eq!(field(&header, "facility_phone")["values"][0]["value"], "0912345678");
    // The plan knows these: nobody has to type them again.
    let number = field(&header, "decision_number");
    assert_eq!(
        (&number["state"], &number["elsewhere"]["value"]),
        (&"elsewhere".into(), &"12/QĐ".into())
    );
    assert_eq!(field(&header, "leader")["elsewhere"]["from"], "team");
    let missing = header["missing"]["minutes_signed"].as_array().unwrap();
    assert!(missing.contains(&"facility_representative".into()), "{missing:?}");
    assert!(!missing.contains(&"decision_number".into()), "{missing:?}");
    assert_eq!(header["form"]["official"], false);
    assert_eq!(team.show("an")["header"], {
        let mut header = header.clone();
        header.as_object_mut().unwrap().remove("inspection");
        header
    });

    for (name, value, said) in [
        ("decision_date", "30/02/2026", "decision_date 30/02/2026: there is no such day"),
        ("decision_date", "30/2/26", "day of the decision (decision_date) takes a day"),
        (
            "ended_at",
            "07:00 23/11/2026",
            "lies before start of the inspection (started_at), which says 2026-11-23 08:30",
        ),
        ("facility_phone", "12", "takes a phone number, for instance"),
        ("copies", "một", "a whole number from 2 to 99"),
        ("form", "gấp", "unannounced (unannounced)"),
    ] {
        let wrong = team.does("an", "header", &[name, value]).fails(2);
        assert!(wrong.err.contains(said), "{wrong:?}");
        let vietnamese = team.does("an", "header", &[name, value, "--lang", "vi"]).fails(2);
        assert!(
            !vietnamese.err.contains("takes") && vietnamese.err.contains(name),
            "{vietnamese:?}"
        );
    }
    let text = team.does("an", "show", &[]).ok().out;
    assert!(
        text.contains("Header of the minutes") && text.contains("12/QĐ  [from the plan]"),
        "{text}"
    );
    assert!(text.contains("still needed to sign the minutes:"), "{text}");
    let text = team.does("an", "show", &["--lang", "vi"]).ok().out;
    assert!(text.contains("Phần đầu biên bản") && text.contains("[theo kế hoạch]"), "{text}");
    // A supervisor sees the same.
    team.sync("an");
    let shown = team.folders.admin("giam", &["show", "CHE-01"]).ok().json();
    assert_eq!(field(&shown["header"], "facility_phone")["values"][0]["value"], "0912345678");
}

#[test]
fn every_conflict_names_a_command_that_settles_it() {
    let team = Team::new();
    let made = team.data("an", "finding", &["2.1", "ma", "Chuồng lợn"]);
    assert!(made["id"].is_string());
    team.meet();
    for (phone, grade, witness, state) in
        [("an", "ma", "Lý B", "stopped"), ("binh", "se", "Bà C", "decided")]
    {
        team.data(phone, "answer", &["2.1", grade]);
        team.data(phone, "header", &["witness", witness]);
        team.data(phone, "header", &["decision_date", "2026-11-01"]);
        team.data(phone, "header", &["decision_signer", "Lý B"]);
        team.data(phone, "state", &[state, "--reason", phone]);
    }
    team.meet();
    let listed = team.data("an", "conflicts", &[]);
    let conflicts = listed["rows"][0]["conflicts"].as_array().unwrap().clone();
    let names: Vec<&str> = conflicts.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["2.1", "header/witness", "lifecycle/state"]);
    assert_eq!(team.show("an")["conflicts"], listed["rows"][0]["conflicts"]);
    let text = team.does("an", "conflicts", &[]).ok().out;
    let shown = team.does("an", "show", &[]).ok().out;
    // A contested field is not overwritten by accident.
    let stopped = team.does("an", "header", &["witness", "Ông D"]).fails(1);
    assert!(stopped.err.contains("holds 2 values that differ"), "{stopped:?}");
    let of = |conflict: &Value, at: usize| -> Vec<String> {
        let words = conflict["values"][at]["settle"].as_array().unwrap().iter();
        words.map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    for conflict in &conflicts {
        let words = of(conflict, 1).join(" ");
        // Whoever reads it copies the whole line.
        let line = text.lines().find(|line| line.ends_with(&words)).unwrap();
        assert!(shown.contains(line.trim()), "{line}: {shown}");
        let (_, command) = line.split_once(": ").unwrap();
        assert!(typed(command).ok().out.contains("is settled"), "{line}");
    }
    assert_eq!(team.show("an")["conflicts"], serde_json::json!([]));
    // Somebody who settles it in the same way meanwhile is told so; in another way there is nothing
    // to settle any more.
    team.meet();
    let settle = |at: usize| {
        let words = of(&conflicts[1], at);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        team.folders.field("binh", &words)
    };
    assert!(settle(1).ok().out.contains("settled in the same way before"));
    assert!(settle(0).fails(1).err.contains("there is nothing to settle"));
    assert_eq!(team.show("an")["digest"], team.show("binh")["digest"]);
}

#[test]
fn a_header_field_is_settled_by_a_new_value_and_nothing_is_settled_where_nobody_differs() {
    let team = Team::new();
    for (phone, place) in [("an", "Thôn A"), ("binh", "Thôn B")] {
        team.data(phone, "header", &["place", place]);
        team.data(phone, "header", &["brand", "Chè Thử"]);
    }
    team.meet();
    let settled = team.data("an", "resolve", &["header/place", "Thôn C"]);
    assert_eq!((&settled["settled"], settled["recorded"].is_u64()), (&"now".into(), true));
    let again = team.data("an", "resolve", &["place", "Thôn C"]);
    assert_eq!((&again["settled"], &again["recorded"]), (&"before".into(), &Value::Null));
    let header = team.data("an", "header", &[]);
    assert_eq!(field(&header, "place")["values"][0]["value"], "Thôn C");
    // Equal values are no conflict, a field that one wrote is none, an answer neither.
    team.data("an", "answer", &["1.1", "dat"]);
    for (place, value) in [
        ("header/brand", "Chè Thử"),
        ("header/witness", "Lý B"),
        ("1.1", "dat"),
        ("place", "Thôn D"),
    ] {
        let refused = team.does("an", "resolve", &[place, value]).fails(1);
        assert!(refused.err.contains("nothing to settle"), "{place}: {refused:?}");
    }
    let refused = team.does("an", "resolve", &["1.1", "dat", "--lang", "vi"]).fails(1);
    assert!(refused.err.contains("không có gì phải giải quyết"), "{refused:?}");
    team.does("an", "resolve", &["lifecycle/state", "decided"]).fails(2);
    team.does("an", "resolve", &["header/witnes", "x"]).fails(3);
    // What says nothing is not taken for something.
    let beside = team.does("an", "answer", &["1.1", "kad", "--value", "3"]).fails(2);
    assert!(beside.err.contains("no value beside it"), "{beside:?}");
    team.does("an", "note", &["1.1", " "]).fails(2);
    let grade = team.does("an", "answer", &["1.1", "mi", "--lang", "vi"]).fails(2);
    assert!(grade.err.contains("được phép: dat (Đạt)"), "{grade:?}");
    // An answer that was settled so is told as settled.
    team.data("an", "answer", &["2.1", "ma"]);
    team.data("binh", "answer", &["2.1", "se"]);
    team.meet();
    team.data("an", "resolve", &["2.1", "ma"]);
    assert_eq!(team.data("an", "resolve", &["2.1", "ma"])["settled"], "before");
    team.does("an", "resolve", &["2.1", "se"]).fails(1);
    let photo = team.does("an", "answer", &["1.1", "dat", "--photo", "xyz"]).fails(2);
    assert!(photo.err.contains("64 hexadecimal digits"), "{photo:?}");
    let opinion = team.does("an", "resolve", &["conclusion", "x"]).fails(3);
    assert!(opinion.err.contains("texts/conclusion"), "{opinion:?}");
}

#[test]
fn what_changes_after_a_verdict_is_told_with_names_and_authors() {
    let team = Team::new();
    team.data("an", "answer", &["1.1", "dat"]);
    team.sync("an");
    team.review(&["accept", "được"]);
    team.sync("an");
    let since = &team.show("an")["review"]["since"];
    assert_eq!((&since["changed"], &since["count"]), (&false.into(), &0.into()));
    assert_eq!(team.folders.field_json("an", &["list"])["rows"][0]["review"]["changed"], false);
    // Its own course is no change of what was accepted.
    team.data("an", "state", &["stopped", "--reason", "giải thể"]);
    assert_eq!(team.show("an")["review"]["since"]["changed"], false);
    assert_eq!(team.folders.field_json("an", &["list"])["rows"][0]["review"]["changed"], false);
    team.sync("binh");
    team.data("binh", "answer", &["1.1", "ma"]);
    team.data("binh", "header", &["place", "Bắc Sơn"]);
    team.data("binh", "note", &["2.1", "mới"]);
    team.meet();
    for shown in [team.show("an"), team.folders.admin("giam", &["show", "CHE-01"]).ok().json()] {
        let since = &shown["review"]["since"];
        assert_eq!((&since["changed"], &since["count"]), (&true.into(), &3.into()), "{since}");
        let places = since["places"].as_array().unwrap();
        let names: Vec<&str> = places.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["1.1", "header/place", "notes/2.1"]);
        assert!(places.iter().all(|one| one["by"][0]["author"]["name"] == "binh"), "{places:?}");
    }
    let list = team.folders.admin("giam", &["inspections"]).ok().json();
    assert_eq!(list["rows"][0]["review"]["changed"], true);
    let text = team.folders.field("an", &["list", "--lang", "vi"]).ok().out;
    assert!(text.contains("khác với bản đã xem xét"), "{text}");
    let text = team.does("an", "show", &[]).ok().out;
    assert!(text.contains("Changed since: accepted") && text.contains("header/place"), "{text}");
    // A supervisor who looked at an earlier moment decides on that, and not on what came since.
    let heads = team.folders.admin("giam", &["show", "CHE-01"]).ok().json()["heads"].clone();
    let heads: Vec<&str> = heads.as_array().unwrap().iter().map(|h| h.as_str().unwrap()).collect();
    team.data("an", "answer", &["1.2", "ma"]);
    team.sync("an");
    team.review(&["accept", "--seen", &heads.join(",")]);
    team.sync("an");
    let since = &team.show("an")["review"]["since"];
    assert_eq!((&since["count"], &since["places"][0]["name"]), (&1.into(), &"1.2".into()));
    team.review(&["accept"]);
    team.sync("an");
    assert_eq!(team.show("an")["review"]["since"]["changed"], false);
}

#[test]
fn what_comes_after_the_minutes_were_signed_is_told() {
    let team = Team::new();
    for (name, value) in [
        ("decision_date", "2026-11-01"),
        ("decision_signer", "Lý B"),
        ("conduct_plan_approver", "Lý B"),
        ("level", "commune"),
        ("facility_representative", "Bà C"),
    ] {
        team.data("an", "header", &[name, value]);
    }
    team.meet();
    team.data("binh", "answer", &["1.1", "dat"]);
    for state in ["decided", "plan_approved", "announced", "in_field", "minutes_signed", "reported"]
    {
        team.data("an", "state", &[state]);
    }
    assert_eq!(team.show("an")["since_signed"]["changed"], false);
    team.meet();
    let since = &team.show("an")["since_signed"];
    assert_eq!((&since["count"], &since["places"][0]["name"]), (&1.into(), &"1.1".into()));
    assert_eq!(team.folders.field_json("an", &["list"])["rows"][0]["since_signed"], 1);
    let list = team.folders.field("an", &["list"]).ok().out;
    assert!(list.contains("written to since the minutes were made: 1"), "{list}");
    let text = team.does("an", "show", &["--lang", "vi"]).ok().out;
    assert!(text.contains("Đã thay đổi từ khi: lập biên bản"), "{text}");
}

#[test]
fn a_finding_takes_a_severity_that_its_item_allows_and_a_past_deadline_is_warned_of() {
    let team = Team::new();
    let refused = team.does("an", "finding", &["1.2", "mi", "x"]).fails(2);
    assert!(refused.err.contains("cannot be minor; allowed are major, serious"), "{refused:?}");
    let refused = team.does("an", "finding", &["1.2", "mi", "x", "--lang", "vi"]).fails(2);
    assert!(refused.err.contains("mục 1.2 không thể là mức"), "{refused:?}");
    team.data("an", "finding", &["-", "mi", "không thuộc mục nào"]);
    assert_eq!(team.show("an")["findings"][0]["severity_allowed"], true);
    let add = ["Sửa nền", "--deadline", "2026-01-02"];
    let mut words = vec!["action", "add", &team.inspection];
    words.extend(add);
    let made = team.folders.field_json("an", &words);
    let warning = made["warnings"][0].as_str().unwrap();
    assert!(made["recorded"].is_u64() && warning.contains("2026-01-02"), "{made}");
    let warned = team.folders.field("an", &words).ok();
    assert!(warned.err.contains("the deadline 2026-01-02 has passed already"), "{warned:?}");
    let in_time = ["action", "add", &team.inspection, "Sửa trần", "--deadline", "1"];
    assert!(team.folders.field_json("an", &in_time).get("warnings").is_none());
}

#[test]
fn all_times_in_data_are_in_utc() {
    let team = Team::new();
    team.data("an", "answer", &["2.1", "ma"]);
    team.data("binh", "answer", &["2.1", "se"]);
    team.data("an", "finding", &["2.1", "ma", "x", "--deadline", "3"]);
    team.meet();
    let mut shown = team.show("an");
    // What the law gives until is a day there.
    shown.as_object_mut().unwrap().remove("grade");
    let mut times = Vec::new();
    collect(&shown, &mut times);
    assert!(times.iter().any(|(name, _)| name == "claimed_at"), "{times:?}");
    assert!(times.iter().any(|(name, _)| name == "deadline"), "{times:?}");
    for (name, time) in &times {
        let text = time.as_str().unwrap_or_else(|| panic!("{name}: {time}"));
        assert!(text.ends_with('Z') && text.as_bytes()[10] == b'T', "{name}: {text}");
    }
}

/// Finds everything that is called a time.
fn collect(value: &Value, times: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let named = name == "at" || name.ends_with("_at") || name == "deadline";
                // In an explanation `at` is a place and no time.
                if named && !value.is_null() && !value.is_array() {
                    times.push((name.clone(), value.clone()));
                }
                collect(value, times);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, times)),
        _ => {}
    }
}
