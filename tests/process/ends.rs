//! How an inspection ends: what was found to be beyond correcting stays so, a state that was not chosen
//! counts no more, and clocks end with what they limit.

use serde_json::Value;

use crate::days::warnings;
use crate::join::Team;

impl Team {
    fn tells(&self, phone: &str, words: &[&str]) -> Value {
        self.folders.field_json(phone, words)
    }

    fn life(&self, phone: &str) -> Value {
        self.tells(phone, &["state", &self.inspection])
    }
}

#[test]
fn what_cannot_be_corrected_fails_whatever_is_done_about_it() {
    let team = Team::new();
    let it = &team.inspection;
    team.in_field();
    let add = ["finding", it, "2.1", "se", "Chất cấm", "--unfixable"];
    let finding = team.tells("an", &add)["id"].as_str().unwrap()[..8].to_owned();
    team.to("minutes_signed", "2026-11-05");
    let add = ["action", "add", it, "Thu hồi", "--owner", "Bà C", "--finding", &finding];
    let made = team.tells("an", &add);
    assert!(warnings(&made).contains("cannot be corrected"), "{made}");
    let action = made["id"].as_str().unwrap()[..8].to_owned();
    team.tells("an", &["proof", it, &action, "Đã thu hồi"]);
    team.sync("an");
    let verified = team.folders.admin("giam", &["action", "verify", it, &action]).ok().json();
    assert!(warnings(&verified).contains("cannot be corrected"), "{verified}");
    team.sync("an");
    let row = format!("{finding}|corrected");
    let looked = team.tells("an", &["recheck", "add", it, "--row", &row]);
    assert!(warnings(&looked).contains("cannot be corrected"), "{looked}");
    let shown = team.show("an");
    assert_eq!(shown["grade"]["outcome"]["result"], "fail", "{}", shown["grade"]["outcome"]);
    assert_eq!(shown["findings"][0]["fixed"], false);
    // It ends by a decision, which has its reason.
    let words = ["--json", "state", it, "closed"];
    let refused = team.folders.field("an", &words).fails(1).json();
    assert_eq!(refused["error"]["missing"][0]["need"], "nothing_open", "{refused}");
    team.tells("an", &["state", it, "closed", "--reason", "QĐ xử phạt 12"]);
}

#[test]
fn a_step_to_a_state_that_was_not_chosen_is_shown_and_counts_no_more() {
    let team = Team::new();
    let it = &team.inspection;
    team.in_field();
    for (field, value) in [("witness", "Ông D"), ("refusal_reason", "Không đồng ý")] {
        team.tells("an", &["header", it, field, value]);
    }
    let finding = team.tells("an", &["finding", it, "2.1", "ma", "Chuồng lợn"]);
    team.sync("an");
    team.sync("binh");
    team.to("minutes_signed", "2026-11-05");
    team.tells("binh", &["state", it, "minutes_refused", "--on", "2026-11-07"]);
    team.meet();
    // Neither is against the order of days: each rival led elsewhere.
    for phone in ["an", "binh"] {
        let needs = team.life(phone)["no_longer"].to_string();
        assert!(!needs.contains("order_of_days"), "{needs}");
    }
    team.tells("an", &["state", it, "minutes_refused", "--on", "2026-11-07"]);
    team.meet();
    for phone in ["an", "binh"] {
        let life = team.life(phone);
        assert_eq!(life["states"], serde_json::json!(["minutes_refused"]));
        let steps = life["steps"].as_array().unwrap();
        let aside = steps.iter().filter(|step| step["set_aside"] == true);
        let aside: Vec<&str> = aside.map(|step| step["state"].as_str().unwrap()).collect();
        assert_eq!(aside, ["minutes_signed"], "{life}");
        let text = team.folders.field(phone, &["state", it]).ok().out;
        assert!(text.contains("counts no more"), "{text}");
    }
    let late = team.tells("an", &["answer", it, "1.1", "dat"]);
    assert!(warnings(&late).contains("made on 2026-11-07"), "{late}");
    // The time to correct is counted from the minutes that were chosen.
    let id = &finding["id"].as_str().unwrap()[..8];
    let add = ["action", "add", it, "Dời chuồng", "--owner", "Bà C", "--finding", id];
    team.tells("an", &add);
    team.to("corrective_issued", "2026-11-08");
    assert_eq!(team.clock_of("correction")["from"], "2026-11-07");
}

#[test]
fn a_value_chosen_for_the_state_sets_the_other_step_aside_too() {
    let team = Team::new();
    let it = &team.inspection;
    team.in_field();
    team.sync("an");
    team.sync("binh");
    team.to("minutes_signed", "2026-11-05");
    let stop = ["state", it, "suspended", "--reason", "mưa lũ", "--on", "2026-11-06"];
    team.tells("binh", &stop);
    team.meet();
    let conflicts = team.tells("an", &["conflicts", it]);
    let open = conflicts["rows"][0]["conflicts"].as_array().unwrap();
    let open = open.iter().find(|one| one["key"] == "state").unwrap();
    let values = open["values"].as_array().unwrap();
    let signed = values.iter().find(|one| one["value"].to_string().contains("signed")).unwrap();
    let words: Vec<&str> =
        signed["settle"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    team.tells("an", &words);
    let life = team.life("an");
    assert_eq!(life["states"], serde_json::json!(["minutes_signed"]), "{life}");
    let steps = life["steps"].as_array().unwrap();
    let suspended = steps.iter().find(|step| step["state"] == "suspended").unwrap();
    assert_eq!(suspended["set_aside"], true, "{life}");
    // The steps that led to what was chosen count.
    assert_eq!(steps.iter().filter(|step| step["set_aside"] == true).count(), 1, "{life}");
    team.tells("an", &["state", it, "minutes_signed", "--on", "2026-11-06"]);
}

#[test]
fn a_clock_of_corrections_ends_by_a_recheck_and_what_was_found_late_is_late() {
    let team = Team::new();
    let it = &team.inspection;
    let finding = team.signed();
    team.demanded(&finding);
    team.to("overdue", "2026-11-11");
    team.to("recheck", "2026-11-12");
    let row = format!("{finding}|corrected");
    team.tells("an", &["recheck", "add", it, "--row", &row, "--on", "2026-11-13"]);
    let open = team.clock_of("correction");
    assert_eq!(open["done"], Value::Null);
    team.to("closed", "2026-11-14");
    let whole = team.clock_of("correction");
    assert_eq!((&whole["done"], &whole["overdue"]), (&"2026-11-13".into(), &false.into()));
    let late = team.clock_of("action");
    assert_eq!((&late["done"], &late["overdue"]), (&"2026-11-13".into(), &true.into()), "{late}");
    let list = team.folders.field("an", &["action", "list", it]).ok().out;
    assert!(list.contains("done too late, on 2026-11-13"), "{list}");
}

#[test]
fn who_ends_an_inspection_hears_what_has_no_answer() {
    let team = Team::new();
    let it = &team.inspection;
    team.in_field();
    let signed = team.tells("an", &["state", it, "minutes_signed", "--on", "2026-11-05"]);
    assert!(warnings(&signed).contains("43 items have no answer"), "{signed}");
    // What comes after minutes is not told as a change of them.
    team.tells("an", &["difficulty", "add", it, "facility", "Thiếu vốn"]);
    assert_eq!(team.show("an")["since_signed"]["count"], 0);
    let vietnamese = ["state", it, "closed", "--lang", "vi"];
    let said = team.folders.field("an", &vietnamese).ok();
    assert!(said.err.contains("còn 43 mục chưa trả lời"), "{said:?}");
}

#[test]
fn days_before_the_step_before_are_said_or_refused() {
    let team = Team::new();
    let it = &team.inspection;
    team.in_field();
    let early = ["extend", it, "đường sạt lở", "--on", "2026-11-01"];
    team.folders.field("an", &early).fails(1);
    let add = ["finding", it, "2.1", "ma", "Chuồng lợn", "--issued", "2026-11-05"];
    let odd = team.tells("an", &[&add[..], &["--deadline", "2026-11-04"]].concat());
    assert!(warnings(&odd).contains("before the day of issue, 2026-11-05"), "{odd}");
    team.tells("an", &["finding-delete", it, &odd["id"].as_str().unwrap()[..8]]);
    let finding = team.tells("an", &["finding", it, "2.1", "ma", "Chuồng lợn"]);
    team.to("minutes_signed", "2026-11-05");
    let action = team.demanded(&finding["id"].as_str().unwrap()[..8]);
    team.tells("an", &["proof", it, &action, "Đã dời", "--on", "2026-11-09"]);
    team.sync("an");
    let verify = ["action", "verify", it, &action, "--on", "2026-11-08"];
    let early = team.folders.admin("giam", &verify).ok().json();
    assert!(warnings(&early).contains("stood before of this correction, 2026-11-09"), "{early}");
    team.tells("an", &["sample", "add", it, "Chè", "--code", "M1", "--taken-on", "2026-11-04"]);
    let handover = ["sample", "handover", it, "--giver", "An", "--receiver", "Phòng TN"];
    let rest = ["--row", "M1|500 g", "--on", "2026-11-06", "--to-laboratory"];
    team.tells("an", &[&handover[..], &rest[..]].concat());
    let result = ["sample", "result", it, "M1", "--laboratory", "Phòng TN", "--report", "9/KQ"];
    let rest = ["--row", "chì|0,1|2|pass", "--on", "2026-11-05"];
    let early = team.tells("an", &[&result[..], &rest[..]].concat());
    assert!(warnings(&early).contains("handover to the laboratory, 2026-11-06"), "{early}");
}

#[test]
fn nothing_is_settled_by_an_empty_text() {
    let team = Team::new();
    let it = &team.inspection;
    for (phone, text) in [("an", "Đạt"), ("binh", "Không đạt")] {
        team.tells(phone, &["opinion", it, "conclusion", text, "--replace"]);
    }
    team.meet();
    team.folders.field("an", &["resolve", it, "texts/conclusion", ""]).fails(2);
    team.folders.field("an", &["opinion", it, "conclusion", " "]).fails(2);
    let open = team.tells("an", &["conflicts", it]);
    assert_eq!(open["rows"][0]["conflicts"].as_array().unwrap().len(), 1, "{open}");
}

#[test]
fn a_proof_that_was_rejected_makes_no_correction_timely() {
    let team = Team::new();
    let it = &team.inspection;
    let finding = team.signed();
    let action = team.demanded(&finding);
    team.tells("an", &["proof", it, &action, "Đã dời", "--on", "2026-11-09"]);
    team.sync("an");
    let reject = ["action", "verify", it, &action, "--reject", "--text", "Chưa dời"];
    team.folders.admin("giam", &[&reject[..], &["--on", "2026-11-10"]].concat()).ok();
    team.sync("an");
    let row = format!("{finding}|corrected");
    team.tells("an", &["recheck", "add", it, "--row", &row, "--on", "2026-11-13"]);
    let late = team.clock_of("action");
    assert_eq!((&late["done"], &late["overdue"]), (&"2026-11-13".into(), &true.into()), "{late}");
}

#[test]
fn a_suspension_that_was_not_chosen_stands_no_clock_still() {
    let team = Team::new();
    let it = &team.inspection;
    team.announced();
    team.sync("an");
    team.sync("binh");
    team.to("in_field", "2026-11-03");
    let stop = ["state", it, "suspended", "--reason", "mưa lũ", "--on", "2026-11-04"];
    team.tells("binh", &stop);
    team.meet();
    team.to("in_field", "2026-11-05");
    let life = team.life("an");
    assert_eq!(life["states"], serde_json::json!(["in_field"]));
    assert_eq!(life["pauses"], serde_json::json!([]), "{life}");
    // Seven days from the announcement on the 2nd.
    assert_eq!(team.clock_of("inspection.commune")["due"], "2026-11-09");
}
