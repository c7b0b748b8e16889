//! What comes after a visit, and what was forgotten in it: re-checks, the day of a finding, mistakes
//! taken back, rows beyond the limit, and the check that a recognised product still holds its criteria.

use serde_json::{Value, json};

use crate::hub::Hub;
use crate::join::Team;
use crate::program::{Folders, text};

const FACILITIES: &str = "code,name,owner_kind,commune_code\nCHE-01,HTX Chè Thử,htx,06325\n";

/// The answers of a tea product of four stars when it was recognised: gate 2.3 holds.
const RECOGNISED: &str = include_str!("../../core/data/examples/ex2.json");

/// The phones `an` and `binh` with one planned visit under a checklist.
struct Visit {
    folders: Folders,
    /// The hub runs until the scene ends.
    _hub: Hub,
    inspection: String,
}

impl Visit {
    /// Publishes a checklist, by its code or file, and plans two visits by it in two years.
    fn by(checklist: &str, code: &str) -> Self {
        let folders = Folders::new();
        let hub = Hub::start(&folders);
        for (name, role) in [("an", "leader"), ("binh", "inspector")] {
            hub.enrol(&folders, name, "Phòng Kinh tế", role);
        }
        folders.admin("first", &["checklist", "add", checklist]).ok();
        let file = folders.file("facilities.csv", FACILITIES);
        folders.admin("first", &["import", "facilities", text(&file)]).ok();
        for (title, from, to) in
            [("Năm nay", "2026-12-02", "2026-12-31"), ("Năm sau", "2027-01-04", "2027-01-31")]
        {
            let plan = ["plan", "add", "--title", title, "--from", from, "--to", to];
            let rest = ["--leader", "an", "--facility", "CHE-01", "--template", code];
            folders.admin("first", &[&plan[..], &rest[..]].concat()).ok();
        }
        let visit = Self { folders, _hub: hub, inspection: String::new() };
        visit.sync(&["an", "binh"]);
        let inspection = visit.open("Năm nay");
        Self { inspection, ..visit }
    }

    fn open(&self, plan: &str) -> String {
        let opened = self.folders.field_json("an", &["open", plan, "CHE-01"]);
        opened["inspection"].as_str().unwrap()[..8].to_owned()
    }

    fn sync(&self, phones: &[&str]) {
        for phone in phones {
            self.folders.field_json(phone, &["sync"]);
        }
    }

    fn say(&self, phone: &str, words: &[&str]) -> Value {
        self.folders.field_json(phone, words)
    }

    fn shown(&self, lang: &str) -> String {
        let words = ["show", &self.inspection, "--lang", lang];
        self.folders.field("an", &words).ok().out
    }
}

fn item<'v>(shown: &'v Value, key: &str) -> &'v Value {
    let sections = shown["sections"].as_array().unwrap().iter();
    let mut items = sections.flat_map(|section| section["items"].as_array().unwrap());
    items.find(|item| item["key"] == key).unwrap()
}

#[test]
fn a_team_checks_that_a_recognised_product_still_holds_its_criteria() {
    let visit = Visit::by("HELD-11", "HELD-11");
    let it = visit.inspection.as_str();
    let held = |shown: &Value| shown["grade"]["outcome"].clone();
    assert_eq!(held(&visit.say("an", &["show", it]))["result"], "no_recognition");
    // Imported once, from the sheet by which it was recognised.
    let sheet = visit.folders.file("ex2.json", RECOGNISED);
    let words = ["recognise", it, "--answers", text(&sheet), "--stars", "4"];
    let told = visit.say("an", &words);
    assert_eq!(
        (&told["given"], &told["lacks"], &told["unknown"]),
        (&33.into(), &json!([]), &json!([]))
    );
    let again = visit.say("an", &words);
    assert_eq!((&again["given"], &again["recorded"]), (&0.into(), &Value::Null));
    // One option is wrong in the dossier, and typed right.
    visit.say("an", &["answer", it, "1.4-cn", "3"]);
    let unknown = visit.say("an", &["recognise", it, "--option", "9.9=1"]);
    assert_eq!(unknown["unknown"], json!(["9.9"]));
    visit.folders.field("an", &["recognise", it, "--option", "2.3=9"]).fails(2);
    visit.folders.field("an", &["recognise", it, "--option", "2.3"]).fails(2);
    // What the team sees: a gate lost, points lost, the rest as recognised.
    let file: Value = serde_json::from_str(RECOGNISED).unwrap();
    for (key, option) in file["answers"].as_object().unwrap() {
        let seen = match key.as_str() {
            "2.3" => "2",
            "4.3" => "2",
            key if key.contains("ko") => continue,
            _ => option.as_str().unwrap(),
        };
        let seen = if seen == "none" { "khong" } else { seen };
        visit.say("an", &["answer", it, key, seen]);
    }
    let outcome = held(&visit.say("an", &["show", it]));
    assert_eq!((&outcome["result"], &outcome["stars"]), (&"not_held".into(), &4.into()));
    assert_eq!((&outcome["below_gate"], &outcome["score_drops"]), (&1.into(), &2.into()));
    let criteria = outcome["criteria"].as_array().unwrap();
    let lost = criteria.iter().find(|one| one["item"] == "2.3").unwrap();
    let seen = (&lost["recognised"], &lost["observed"], &lost["state"]);
    assert_eq!(seen, (&"3".into(), &"2".into(), &"below_gate".into()));
    let vietnamese = visit.shown("vi");
    assert!(vietnamese.contains("dưới mức dấu sao") && vietnamese.contains("công nhận 4 sao"));
    let english = visit.shown("en");
    assert!(english.contains("below the gate; recognised 3 points"), "{english}");
    assert!(english.contains("1 points fewer; recognised 3 points"), "{english}");
    // The next check takes over what was recognised.
    let next = visit.open("Năm sau");
    let over = visit.say("an", &["recognise", &next, "--from", it]);
    assert_eq!(over["given"], 33);
    let shown = visit.say("an", &["show", &next]);
    assert_eq!(item(&shown, "1.4-cn")["answers"][0]["value"], "3");
    visit.sync(&["an", "binh"]);
    let there = visit.say("binh", &["show", it]);
    assert_eq!(held(&there), outcome);
}

#[test]
fn a_checklist_without_recognition_says_which_one_asks_for_it() {
    let team = Team::new();
    let words = ["recognise", &team.inspection, "--stars", "4"];
    let refused = team.folders.field("an", &words).fails(1);
    assert!(refused.err.contains("CL-CHE") && refused.err.contains("HELD-01"), "{refused:?}");
}

#[test]
fn of_choices_that_differ_the_one_that_counts_is_named() {
    let visit = Visit::by("HELD-11", "HELD-11");
    let it = visit.inspection.as_str();
    visit.say("an", &["answer", it, "2.3", "3"]);
    visit.say("binh", &["answer", it, "2.3", "1"]);
    visit.say("an", &["answer", it, "cn-product", "Chè xanh"]);
    visit.say("binh", &["answer", it, "cn-product", "Chè đen"]);
    visit.sync(&["an", "binh", "an"]);
    let shown = visit.say("an", &["show", it]);
    let worse = item(&shown, "2.3");
    assert_eq!(worse["state"], "conflict");
    assert_eq!((&worse["counts_as"], &worse["counts_value"]), (&"given".into(), &"1".into()));
    // Texts have no order: none counts.
    let texts = item(&shown, "cn-product");
    assert_eq!((&texts["counts_as"], &texts["counts_value"]), (&Value::Null, &Value::Null));
    let said = worse["counts_text"].as_str().unwrap();
    let page = visit.shown("en");
    assert!(page.contains(&format!("the worse counts: {said}")), "{page}");
    assert!(page.contains("answers differ; somebody has to choose"), "{page}");
}

#[test]
fn rows_beyond_the_limit_are_refused_alone_and_flagged_when_they_met() {
    let folders = Folders::new();
    let tea = include_str!("../../core/data/templates/tea-1.json");
    let mut file: Value = serde_json::from_str(tea).unwrap();
    for section in file["sections"].as_array_mut().unwrap() {
        if section["code"] == "lots" {
            section["repeat"]["min"] = 1.into();
            section["repeat"]["max"] = 2.into();
        }
    }
    file["code"] = "CL-LO".into();
    // A code counts once its day has come.
    file["effective_from"] = "2026-06-01".into();
    let path = folders.file("two-lots.json", &file.to_string());
    let visit = Visit::by(text(&path), "CL-LO");
    let it = visit.inspection.as_str();
    let lots = |phone: &str| {
        let shown = visit.say(phone, &["show", it]);
        let sections = shown["sections"].as_array().unwrap();
        sections.iter().find(|section| section["code"] == "lots").unwrap().clone()
    };
    assert_eq!(lots("an")["repeat"]["state"], "too_few");
    assert!(visit.shown("en").contains("0 rows so far; the checklist needs at least 1"));
    for phone in ["an", "an", "binh"] {
        visit.say(phone, &["row", "add", it, "lots"]);
    }
    let refused = visit.folders.field("an", &["row", "add", it, "lots"]).fails(1);
    assert!(refused.err.contains("section lots has 2 rows, the most"), "{refused:?}");
    assert_eq!(lots("an")["repeat"]["state"], "fits");
    visit.sync(&["an", "binh", "an"]);
    let section = lots("an");
    let repeat = &section["repeat"];
    assert_eq!((&repeat["rows"], &repeat["state"]), (&3.into(), &"too_many".into()));
    let excess: Vec<bool> =
        section["rows"].as_array().unwrap().iter().map(|row| row["excess"] == true).collect();
    assert_eq!(excess, [false, false, true]);
    let marked = |section: &Value| -> Vec<(Value, Value)> {
        let rows = section["rows"].as_array().unwrap().iter();
        rows.map(|row| (row["id"].clone(), row["excess"].clone())).collect()
    };
    assert_eq!(marked(&section), marked(&lots("binh")), "everybody is shown the same one");
    let page = visit.shown("vi");
    assert!(
        page.contains("có 3 dòng, phiếu cho phép nhiều nhất 2") && page.contains("quá số dòng")
    );
    let row = section["rows"][2]["id"].as_str().unwrap();
    visit.say("an", &["row", "remove", it, row]);
    assert_eq!(lots("an")["repeat"]["state"], "fits");
}

#[test]
fn mistakes_are_taken_back_with_a_reason_and_stay_visible() {
    let team = Team::new();
    let it = team.inspection.as_str();
    let say = |words: &[&str]| team.folders.field_json("an", words);
    say(&["sample", "add", it, "Chè khô", "--code", "M1", "--taken-on", "2026-02-12"]);
    say(&["sample", "add", it, "Chè tươi", "--code", "M2", "--taken-on", "2026-02-12"]);
    let seal = say(&["sample", "seal", it, "M1", "NP-07", "--on", "2026-02-12"]);
    let seal = seal["id"].as_str().unwrap()[..8].to_owned();
    let raised = say(&["difficulty", "add", it, "facility", "Thiếu vốn"]);
    let raised = raised["id"].as_str().unwrap()[..8].to_owned();
    let blank = team.folders.field("an", &["sample", "withdraw", it, "M2", " "]).fails(1);
    assert!(blank.err.contains("reason"), "{blank:?}");
    team.folders.field("an", &["sample", "withdraw", it, "M9", "x"]).fails(3);
    team.folders.field("an", &["difficulty", "withdraw", it, "ffffffff", "x"]).fails(3);
    assert_eq!(say(&["clock", it])["clocks"].as_array().unwrap().len(), 2);
    say(&["sample", "withdraw", it, "M2", "ghi nhầm cơ sở"]);
    say(&["sample", "withdraw-step", it, &seal, "ghi nhầm số"]);
    say(&["difficulty", "withdraw", it, &raised, "cơ sở rút ý kiến"]);
    assert_eq!(say(&["clock", it])["clocks"].as_array().unwrap().len(), 1, "it counts no more");
    let shown = team.show("an");
    let samples = shown["samples"].as_array().unwrap();
    let of = |code: &str| samples.iter().find(|one| one["sample"][0]["code"] == code).unwrap();
    assert_eq!(of("M2")["sample"][0]["removed"], true);
    assert_eq!(of("M2")["sample"][0]["removed_reason"], "ghi nhầm cơ sở");
    let step = &of("M1")["steps"][0]["seal"];
    assert_eq!((&step["number"], &step["removed"]), (&"NP-07".into(), &true.into()));
    let row = &shown["difficulties"][0];
    assert_eq!((&row["text"], &row["removed"]), (&"Thiếu vốn".into(), &true.into()));
    for (lang, said) in [("en", "withdrawn: "), ("vi", "đã rút: ")] {
        let page = team.folders.field("an", &["show", it, "--lang", lang]).ok().out;
        for reason in ["ghi nhầm cơ sở", "ghi nhầm số", "cơ sở rút ý kiến"] {
            assert!(page.contains(&format!("{said}{reason}")), "{reason}: {page}");
        }
    }
    team.sync("an");
    let list = team.folders.admin("giam", &["difficulties"]).ok().json();
    assert_eq!(list["rows"], json!([]), "the agency has nothing to do about it");
}

#[test]
fn a_re_check_says_what_was_looked_at_and_what_came_of_it() {
    let team = Team::new();
    let it = team.inspection.as_str();
    let say = |phone: &str, words: &[&str]| team.folders.field_json(phone, words);
    let found = |item: &str, text: &str| {
        let made = say("an", &["finding", it, item, "ma", text]);
        made["id"].as_str().unwrap()[..8].to_owned()
    };
    let (pen, floor) = (found("2.1", "Chuồng lợn"), found("3.1", "Bề mặt gỉ"));
    let demand = |finding: &str| {
        let words = ["action", "add", it, "Sửa", "--finding", finding, "--owner", "Bà C"];
        say("an", &words)["id"].as_str().unwrap()[..8].to_owned()
    };
    demand(&pen);
    let row = |finding: &str, rest: &str| format!("{finding}|{rest}");
    let add = |rows: &[&str]| {
        let mut words = vec!["recheck", "add", it, "--on", "2026-11-20", "--with", "Ông D (xã)"];
        words.extend(rows.iter().flat_map(|row| ["--row", *row]));
        team.folders.field("an", &words)
    };
    let bad = row(&floor, "not_corrected");
    assert!(add(&[&bad]).fails(1).err.contains("what is not corrected"));
    add(&[&row(&floor, "fine")]).fails(2);
    add(&[&row("ffffffff", "corrected")]).fails(3);
    add(&[&row(&pen, "corrected"), &row(&floor, "not_corrected|Còn gỉ ở máy vò")]).ok();
    let shown = team.show("an");
    let fixed = |shown: &Value, finding: &str| {
        let rows = shown["findings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"].as_str().unwrap().starts_with(finding)).unwrap();
        row["fixed"].as_bool().unwrap()
    };
    assert_eq!((fixed(&shown, &pen), fixed(&shown, &floor)), (true, false));
    assert_eq!(shown["actions"][0]["state"], "verified");
    let check = &shown["rechecks"][0];
    assert_eq!((&check["day"], &check["with"]), (&"2026-11-20".into(), &"Ông D (xã)".into()));
    assert_eq!(check["author"]["name"], "an");
    let looked = check["findings"].as_array().unwrap();
    assert_eq!(looked.len(), 2);
    assert!(
        looked
            .iter()
            .any(|row| row["result"] == "not_corrected" && row["remark"] == "Còn gỉ ở máy vò")
    );
    // The second visit corrects the rest; the grade rests on it and says so.
    let last = ["recheck", "add", it, "--row", &row(&floor, "corrected"), "--on", "2026-11-25"];
    let last = say("an", &last)["id"].as_str().unwrap()[..8].to_owned();
    let shown = team.show("an");
    assert!(fixed(&shown, &floor));
    let outcome = &shown["grade"]["outcome"];
    assert_eq!(
        (&outcome["result"], &outcome["rechecked"]),
        (&"pass_after_correction".into(), &"2026-11-25".into())
    );
    let page = team.folders.field("an", &["show", it, "--lang", "vi"]).ok().out;
    assert!(page.contains("Đạt (sau khắc phục), tái kiểm ngày 2026-11-25"), "{page}");
    assert!(page.contains("chưa khắc phục: Còn gỉ ở máy vò"), "{page}");
    team.sync("an");
    team.sync("binh");
    let (here, there) = (team.show("an"), team.show("binh"));
    let told = |shown: &Value| (shown["rechecks"][1]["findings"].clone(), shown["grade"].clone());
    assert_eq!(told(&here), told(&there), "everybody is shown the same");
    // Taken back it stays visible, and the finding it settled alone is open again.
    say("an", &["recheck", "withdraw", it, &last, "xem nhầm máy"]);
    let shown = team.show("an");
    assert!(!fixed(&shown, &floor));
    assert_eq!(shown["rechecks"][1]["withdrawn"], "xem nhầm máy");
    assert_eq!(say("an", &["recheck", "list", it])["rows"].as_array().unwrap().len(), 2);
}

#[test]
fn the_day_of_a_finding_is_that_of_the_minutes_unless_somebody_says_another() {
    let team = Team::new();
    let it = team.inspection.as_str();
    let say = |words: &[&str]| team.folders.field_json("an", words);
    for (field, value) in [
        ("decision_date", "2026-11-01"),
        ("decision_signer", "Lý B"),
        ("conduct_plan_approver", "Lý B"),
        ("level", "commune"),
        ("facility_representative", "Bà C"),
    ] {
        say(&["header", it, field, value]);
    }
    let made = say(&["finding", it, "2.1", "ma", "Chuồng lợn"]);
    let finding = made["id"].as_str().unwrap()[..8].to_owned();
    let issued = || team.show("an")["findings"][0]["issued"].clone();
    assert_eq!(issued(), Value::Null, "there are no minutes yet");
    for state in ["decided", "plan_approved", "announced", "in_field", "minutes_signed"] {
        say(&["state", it, state, "--on", "2026-11-05"]);
    }
    assert_eq!(issued(), "2026-11-05");
    let action = |deadline: &str| {
        let words = ["action", "add", it, "Dời", "--finding", &finding, "--deadline", deadline];
        team.folders.field("an", &words)
    };
    // Thirty days end on a Saturday, which moves to Monday.
    action("2026-12-08").fails(2);
    action("2026-12-07").ok();
    say(&["finding-issued", it, &finding, "2026-11-03"]);
    assert_eq!(issued(), "2026-11-03");
    let late = action("2026-12-04").fails(2);
    assert!(late.err.contains("2026-12-03"), "{late:?}");
    let page = team.folders.field("an", &["show", it]).ok().out;
    assert!(page.contains("in the minutes of 2026-11-03"), "{page}");
    say(&["finding-issued", it, &finding]);
    assert_eq!(issued(), "2026-11-05");
    let other = ["finding", it, "-", "mi", "Thiếu sổ", "--issued", "2026-11-04"];
    say(&other);
    let shown = team.show("an");
    let days: Vec<_> =
        shown["findings"].as_array().unwrap().iter().map(|row| row["issued"].clone()).collect();
    assert!(days.contains(&"2026-11-04".into()), "{days:?}");
}
