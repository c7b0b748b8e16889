//! Days and deadlines as people type them: what lies outside of the law is refused, what cannot be is
//! said at once, and what came late is called late.

use serde_json::Value;

use crate::join::Team;

impl Team {
    fn typed(&self, phone: &str, words: &[&str]) -> Value {
        self.folders.field_json(phone, words)
    }

    pub(crate) fn to(&self, state: &str, on: &str) {
        self.typed("an", &["state", &self.inspection, state, "--on", on]);
    }

    /// In the field on the 3rd of November.
    pub(crate) fn in_field(&self) {
        self.announced();
        self.to("in_field", "2026-11-03");
    }

    /// Announced on the 2nd of November.
    pub(crate) fn announced(&self) {
        let it = &self.inspection;
        for (field, value) in [
            ("decision_date", "2026-11-01"),
            ("decision_signer", "Lý B"),
            ("conduct_plan_approver", "Lý B"),
            ("level", "commune"),
            ("facility_representative", "Bà C"),
        ] {
            self.typed("an", &["header", it, field, value]);
        }
        for (state, day) in [
            ("decided", "2026-11-01"),
            ("plan_approved", "2026-11-01"),
            ("announced", "2026-11-02"),
        ] {
            self.to(state, day);
        }
    }

    /// Signed on the 5th of November, with one finding; returns its id.
    pub(crate) fn signed(&self) -> String {
        self.in_field();
        let made = self.typed("an", &["finding", &self.inspection, "2.1", "ma", "Chuồng lợn"]);
        self.to("minutes_signed", "2026-11-05");
        made["id"].as_str().unwrap()[..8].to_owned()
    }

    /// A corrective action about a finding, demanded on the 6th and due on the 10th of November.
    pub(crate) fn demanded(&self, finding: &str) -> String {
        let add = ["action", "add", &self.inspection, "Dời chuồng", "--owner", "Bà C"];
        let rest = ["--finding", finding, "--deadline", "2026-11-10"];
        let made = self.typed("an", &[&add[..], &rest[..]].concat());
        self.to("corrective_issued", "2026-11-06");
        made["id"].as_str().unwrap()[..8].to_owned()
    }

    pub(crate) fn clock_of(&self, key: &str) -> Value {
        let clocks = self.typed("an", &["clock", &self.inspection])["clocks"].clone();
        let clocks = clocks.as_array().unwrap();
        clocks.iter().find(|clock| clock["key"] == key).unwrap().clone()
    }
}

/// Returns what a person is told to look at.
pub(crate) fn warnings(edit: &Value) -> String {
    edit["warnings"].as_array().into_iter().flatten().map(|one| format!("{one}\n")).collect()
}

#[test]
fn a_deadline_in_days_is_counted_from_the_issue_and_stays_within_the_law() {
    let team = Team::new();
    let add = ["finding", &team.inspection, "2.1", "ma", "Chuồng lợn", "--issued", "02/11/2026"];
    let made = team.typed("an", &[&add[..], &["--deadline", "30"]].concat());
    let shown = team.show("an");
    let finding = shown["findings"].as_array().unwrap();
    let finding = finding.iter().find(|row| row["id"] == made["id"]).unwrap();
    // The end of that day in Vietnam.
    assert_eq!(finding["deadline"], "2026-12-02T16:59:59.000Z", "{finding}");
    let late = team.folders.field("an", &[&add[..], &["--deadline", "31"]].concat()).fails(2);
    assert!(late.err.contains("2026-12-03 is later than 2026-12-02"), "{late:?}");
    assert_eq!(team.show("an")["findings"].as_array().unwrap().len(), 1);
}

#[test]
fn before_there_are_minutes_a_deadline_that_would_be_too_late_today_is_warned_of() {
    let team = Team::new();
    team.in_field();
    let add = ["finding", &team.inspection, "2.1", "ma", "Chuồng lợn", "--deadline"];
    // The minutes may come later, and the thirtieth day from them with them.
    for days in ["60", "400"] {
        let made = team.typed("an", &[&add[..], &[days]].concat());
        assert!(warnings(&made).contains("in the minutes today"), "{made}");
    }
    let made = team.typed("an", &[&add[..], &["30"]].concat());
    assert_eq!(made.get("warnings"), None, "{made}");
    team.to("minutes_signed", "2026-11-05");
    // The thirtieth day is a Saturday.
    let late = team.folders.field("an", &[&add[..], &["2026-12-08"]].concat()).fails(2);
    assert!(late.err.contains("2026-12-08 is later than 2026-12-07"), "{late:?}");
    let made = team.typed("an", &[&add[..], &["2026-12-07"]].concat());
    assert!(!warnings(&made).contains("in the minutes today"), "{made}");
}

#[test]
fn an_action_that_gets_a_deadline_of_the_past_says_so() {
    let team = Team::new();
    let issued = ["--issued", "2026-01-05", "--deadline", "10"];
    let add = ["finding", &team.inspection, "2.1", "ma", "Chuồng lợn"];
    let finding = team.typed("an", &[&add[..], &issued[..]].concat());
    let finding = &finding["id"].as_str().unwrap()[..8];
    let add = ["action", "add", &team.inspection, "Dời chuồng", "--finding", finding];
    let made = team.typed("an", &add);
    assert!(warnings(&made).contains("2026-01-15 has passed"), "{made}");
}

#[test]
fn a_correction_is_late_by_the_day_of_its_proof_and_its_overdue_keeps_its_ground() {
    let team = Team::new();
    let it = &team.inspection;
    let finding = team.signed();
    let action = team.demanded(&finding);
    team.to("overdue", "2026-11-11");
    team.typed("an", &["proof", it, &action, "Đã dời", "--on", "12/11/2026"]);
    team.sync("an");
    let verify = ["action", "verify", it, &action, "--on", "2026-11-14"];
    team.folders.admin("giam", &verify).ok();
    team.sync("an");
    // Settled now, and overdue all the same when it was said to be.
    let life = team.typed("an", &["state", it]);
    assert_eq!(life["no_longer"], serde_json::json!([]), "{life}");
    let late = team.clock_of("action");
    assert_eq!((&late["done"], &late["overdue"]), (&"2026-11-12".into(), &true.into()), "{late}");
    let text = team.folders.field("an", &["clock", it]).ok().out;
    assert!(text.contains("done too late, on 2026-11-12"), "{text}");
    let list = team.folders.field("an", &["action", "list", it]).ok().out;
    assert!(list.contains("done too late, on 2026-11-12"), "{list}");
}

#[test]
fn a_correction_that_was_proved_in_time_is_not_late_because_it_was_verified_later() {
    let team = Team::new();
    let it = &team.inspection;
    let finding = team.signed();
    let action = team.demanded(&finding);
    team.typed("an", &["proof", it, &action, "Đã dời", "--on", "2026-11-09"]);
    team.to("fix_submitted", "2026-11-09");
    team.sync("an");
    team.folders.admin("giam", &["action", "verify", it, &action]).ok();
    team.sync("an");
    team.typed("an", &["state", it, "fix_verified"]);
    let done = team.clock_of("action");
    assert_eq!((&done["done"], &done["overdue"]), (&"2026-11-09".into(), &false.into()), "{done}");
    let whole = team.clock_of("correction");
    assert_eq!((&whole["done"], &whole["overdue"]), (&"2026-11-09".into(), &false.into()));
    // New proof of what was verified opens it again, which is said.
    let again = team.typed("an", &["proof", it, &action, "Ảnh nữa"]);
    assert!(warnings(&again).contains("waits to be verified again"), "{again}");
}

#[test]
fn who_writes_into_what_is_signed_or_over_is_told_at_once() {
    let team = Team::new();
    let it = &team.inspection;
    let before = team.typed("an", &["answer", it, "1.1", "dat"]);
    assert_eq!(warnings(&before), "");
    let finding = team.signed();
    let signed = team.typed("an", &["answer", it, "1.1", "ma"]);
    assert!(warnings(&signed).contains("made on 2026-11-05"), "{signed}");
    team.typed("an", &["answer", it, "1.1", "dat"]);
    let words = ["note", it, "1.1", "muộn", "--lang", "vi"];
    let said = team.folders.field("an", &words).ok();
    assert!(said.err.contains("biên bản đã lập ngày 2026-11-05"), "{said:?}");
    // What comes after the minutes by its nature is no change of them.
    let raised = team.typed("an", &["difficulty", "add", it, "facility", "Thiếu vốn"]);
    assert_eq!(warnings(&raised), "");
    let action = team.demanded(&finding);
    assert_eq!(warnings(&team.typed("an", &["proof", it, &action, "Đã dời"])), "");
    team.sync("an");
    team.folders.admin("giam", &["action", "verify", it, &action]).ok();
    team.sync("an");
    for state in ["fix_submitted", "fix_verified", "closed"] {
        let step = team.folders.field("an", &["--json", "state", it, state]).ok().json();
        assert!(!warnings(&step).contains("written now"), "{state}: {step}");
    }
    for words in [
        &["answer", it, "1.1", "dat"][..],
        &["difficulty", "add", it, "facility", "Đường xa"],
        &["action", "add", it, "Thêm", "--owner", "Bà C"],
    ] {
        let over = team.typed("an", words);
        assert!(warnings(&over).contains("the inspection is over"), "{over}");
    }
}

#[test]
fn days_before_what_they_build_on_are_said() {
    let team = Team::new();
    let it = &team.inspection;
    let finding = team.signed();
    let issued = team.typed("an", &["finding-issued", it, &finding, "2026-11-02"]);
    assert!(warnings(&issued).contains("before the first day in the field, 2026-11-03"));
    let issued = team.typed("an", &["finding-issued", it, &finding, "2026-11-04"]);
    assert!(!warnings(&issued).contains("before"), "{issued}");
    let row = format!("{finding}|corrected");
    let looked = |day: &str| team.typed("an", &["recheck", "add", it, "--row", &row, "--on", day]);
    assert!(warnings(&looked("2026-11-04")).contains("before the day of the minutes, 2026-11-05"));
    assert_eq!(warnings(&looked("2026-11-20")), "");
    let add = ["sample", "add", it, "Chè khô", "--code", "M1", "--taken-on"];
    let taken = |day: &str, code: &str| {
        let words = ["sample", "add", it, "Chè khô", "--code", code, "--taken-on", day];
        team.typed("an", &words)
    };
    assert!(warnings(&taken("2026-11-02", "M0")).contains("the first day in the field"));
    assert!(!warnings(&team.typed("an", &[&add[..], &["2026-11-04"]].concat())).contains("before"));
    let result = ["sample", "result", it, "M1", "--laboratory", "Phòng TN", "--report", "9/KQ"];
    let rest = ["--row", "chì|0,1|2|pass", "--on", "2026-11-03"];
    let early = team.typed("an", &[&result[..], &rest[..]].concat());
    let told = warnings(&early);
    assert!(told.contains("before the day on which the sample was taken, 2026-11-04"), "{told}");
}

#[test]
fn the_day_of_a_step_is_set_right_only_by_who_took_it() {
    let team = Team::new();
    team.signed();
    team.sync("an");
    team.sync("binh");
    let words = ["state", &team.inspection, "minutes_signed", "--on", "2026-11-06"];
    let refused = team.folders.field("binh", &words).fails(1);
    assert!(refused.err.contains("was taken by an"), "{refused:?}");
    team.to("minutes_signed", "2026-11-06");
    let steps = team.typed("an", &["state", &team.inspection])["steps"].clone();
    let days: Vec<&str> =
        steps.as_array().unwrap().iter().map(|step| step["day"].as_str().unwrap()).collect();
    assert!(days.is_sorted() && days.last() == Some(&"2026-11-06"), "{days:?}");
}

#[test]
fn steps_are_listed_by_their_days() {
    let team = Team::new();
    let it = &team.inspection;
    team.in_field();
    team.typed("an", &["state", it, "suspended", "--on", "2026-11-04", "--reason", "lũ"]);
    team.to("in_field", "2026-11-06");
    team.to("minutes_signed", "2026-11-07");
    let steps = team.typed("an", &["state", it])["steps"].clone();
    let names: Vec<&str> =
        steps.as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
    let order =
        ["decided", "plan_approved", "announced", "in_field", "suspended", "minutes_signed"];
    assert_eq!(names, order);
}

#[test]
fn an_extension_counts_on_the_day_of_its_decision() {
    let team = Team::new();
    let it = &team.inspection;
    team.signed();
    // Minutes were made on the 5th: nothing was left to extend after that.
    let late = ["extend", it, "đường sạt lở", "--on", "2026-11-06"];
    team.folders.field("an", &late).fails(1);
    let ahead = ["extend", it, "đường sạt lở", "--on", "2999-01-01"];
    let ahead = team.folders.field("an", &ahead).fails(2);
    assert!(ahead.err.contains("2999-01-01 lies ahead"), "{ahead:?}");
    // Decided in time and typed weeks later.
    team.typed("an", &["extend", it, "đường sạt lở", "--on", "2026-11-04"]);
    let life = team.typed("an", &["state", it]);
    assert_eq!(life["extended_on"], serde_json::json!(["2026-11-04"]));
    let text = team.folders.field("an", &["state", it]).ok().out;
    assert!(text.contains("extended on 2026-11-04: đường sạt lở"), "{text}");
}
