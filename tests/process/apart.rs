//! What two people do apart to one corrective action or one text: nothing is silently dropped, and
//! every conflict names the command that settles it, which works as it is printed.

use serde_json::Value;

use crate::join::Team;

impl Team {
    pub(crate) fn tell(&self, phone: &str, words: &[&str]) -> Value {
        self.folders.field_json(phone, words)
    }

    /// Returns the conflicts of the inspection, by the names that `resolve` knows.
    fn disputed(&self, phone: &str) -> Vec<Value> {
        let found = self.tell(phone, &["conflicts", &self.inspection]);
        found["rows"][0]["conflicts"].as_array().unwrap().clone()
    }

    /// Settles a conflict by the words that it names, choosing the value with a text in it.
    fn settle(&self, phone: &str, name: &str, holds: &str) {
        let disputed = self.disputed(phone);
        let one = disputed.iter().find(|one| one["name"] == name).unwrap();
        let values = one["values"].as_array().unwrap();
        let chosen = values.iter().find(|one| one["value"].to_string().contains(holds)).unwrap();
        let words = chosen["settle"].as_array().unwrap();
        let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
        self.tell(phone, &words);
    }

    /// Demands a correction on one phone and brings it to the other.
    fn demand(&self) -> String {
        let add = ["action", "add", &self.inspection, "Dời chuồng", "--owner", "Bà C"];
        let made = self.tell("an", &[&add[..], &["--deadline", "20"]].concat());
        self.meet();
        made["id"].as_str().unwrap()[..8].to_owned()
    }

    fn action(&self, phone: &str) -> Value {
        self.tell(phone, &["action", "list", &self.inspection])["rows"][0].clone()
    }
}

#[test]
fn an_action_changed_apart_keeps_both_and_names_what_settles_it() {
    let team = Team::new();
    team.tell("an", &["answer", &team.inspection, "1.1", "dat"]);
    let id = team.demand();
    let update = |phone: &str, rest: &[&str]| {
        let words = [&["action", "update", &team.inspection, &id], rest].concat();
        team.folders.field(phone, &words)
    };
    // Different fields hurt nobody.
    update("an", &["--what", "Dời chuồng lợn"]).ok();
    update("binh", &["--owner", "Ông D"]).ok();
    team.meet();
    assert_eq!(team.disputed("an"), Vec::<Value>::new());
    let row = team.action("an");
    assert_eq!((&row["what"], &row["owner"]), (&"Dời chuồng lợn".into(), &"Ông D".into()));
    // The same field twice: both stand, with who and when, and the earlier deadline counts.
    update("an", &["--deadline", "10"]).ok();
    update("binh", &["--deadline", "15"]).ok();
    team.meet();
    let name = format!("actions/{id}/deadline");
    for phone in ["an", "binh"] {
        let row = team.action(phone);
        assert_eq!(row["conflicts"], serde_json::json!([name]), "{row}");
        let standing = row["standing"]["deadline"].as_array().unwrap();
        assert_eq!(standing.len(), 2);
        let earliest = standing.iter().map(|one| one["value"].as_str().unwrap()).min();
        assert_eq!(row["deadline"].as_str(), earliest);
        let authors: Vec<&str> =
            standing.iter().map(|one| one["author"]["name"].as_str().unwrap()).collect();
        assert!(authors.contains(&"an") && authors.contains(&"binh"), "{authors:?}");
    }
    let listed = team.tell("an", &["list"]);
    assert_eq!(listed["rows"][0]["conflicts"], 1);
    let all = team.tell("an", &["conflicts"]);
    assert_eq!(all["rows"][0]["conflicts"][0]["name"], name.as_str());
    let text = team.folders.field("an", &["action", "list", &team.inspection]).ok().out;
    assert!(text.contains(&format!("[!] {name}")), "{text}");
    let shown = team.folders.field("an", &["show", &team.inspection]).ok().out;
    assert!(shown.contains("--choose") && shown.contains("To settle"), "{shown}");
    // No change passes over it, and neither does the life cycle.
    let refused = update("an", &["--deadline", "12"]).fails(1);
    assert!(refused.err.contains(&name) && refused.err.contains("conflicts"), "{refused:?}");
    let closing = team.folders.field("an", &["--json", "state", &team.inspection]).ok().json();
    assert_eq!(closing["states"], serde_json::json!(["planned"]));
    let kept = team.action("an");
    assert_eq!(kept["standing"]["deadline"].as_array().unwrap().len(), 2);
    let later = kept["standing"]["deadline"].as_array().unwrap();
    let later = later.iter().map(|one| one["value"].as_str().unwrap()).max().unwrap().to_owned();
    team.settle("an", &name, &later);
    assert_eq!(team.disputed("an"), Vec::<Value>::new());
    team.meet();
    for phone in ["an", "binh"] {
        assert_eq!(team.action(phone)["deadline"], later.as_str());
        assert_eq!(team.action(phone)["conflicts"], serde_json::json!([]));
    }
}

#[test]
fn verified_here_and_rejected_there_counts_as_rejected_until_it_is_settled() {
    let team = Team::new();
    let id = team.demand();
    team.tell("an", &["proof", &team.inspection, &id, "Đã dời, ảnh 3"]);
    team.meet();
    team.sync("giam");
    // The supervisor verifies; a phone that has not heard of it hands in other proof.
    team.folders.admin("giam", &["action", "verify", &team.inspection, &id]).ok();
    team.tell("binh", &["proof", &team.inspection, &id, "Ảnh 4"]);
    team.meet();
    team.sync("giam");
    let name = format!("progress/{id}");
    let row = team.action("an");
    assert_eq!((&row["state"], &row["settled"]), (&"submitted".into(), &false.into()), "{row}");
    assert_eq!(row["conflicts"], serde_json::json!([name]));
    let values: Vec<&str> = row["progress"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["proof"].as_str().unwrap())
        .collect();
    assert!(values.contains(&"Ảnh 4") && values.contains(&"Đã dời, ảnh 3"), "{values:?}");
    // Nobody verifies on top of it: the proof that he did not see would be gone.
    let refused = team.folders.admin("giam", &["action", "verify", &team.inspection, &id]).fails(1);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains(&name), "{refused:?}");
    // A supervisor may settle it too, and by the command as it is shown to him.
    team.settle("giam", &name, "Ảnh 4");
    team.folders.admin("giam", &["action", "verify", &team.inspection, &id]).ok();
    team.sync("giam");
    team.meet();
    let row = team.action("binh");
    assert_eq!((&row["state"], &row["settled"]), (&"verified".into(), &true.into()), "{row}");
    assert_eq!(row["progress"][0]["author"]["name"], "giam");
}

#[test]
fn a_conclusion_replaced_by_two_holds_both_and_stops_the_signing() {
    let team = Team::new();
    team.begin();
    team.tell("an", &["header", &team.inspection, "facility_representative", "Bà C"]);
    team.meet();
    let write = |phone: &str, text: &str| {
        team.tell(phone, &["opinion", &team.inspection, "conclusion", text, "--replace"]);
    };
    write("an", "Không đạt");
    write("binh", "Đạt có điều kiện");
    team.tell("an", &["note", &team.inspection, "1.1", "nền nứt", "--replace"]);
    team.tell("binh", &["note", &team.inspection, "1.1", "trần mốc"]);
    team.meet();
    for phone in ["an", "binh"] {
        let disputed = team.disputed(phone);
        let names: Vec<&str> = disputed.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["texts/conclusion", "notes/1.1"]);
        let values = disputed[0]["values"].as_array().unwrap();
        let said: Vec<(&str, &str)> = values
            .iter()
            .map(|one| (one["value"].as_str().unwrap(), one["author"]["name"].as_str().unwrap()))
            .collect();
        assert!(said.contains(&("Không đạt", "an")), "{said:?}");
        assert!(said.contains(&("Đạt có điều kiện", "binh")), "{said:?}");
        assert!(values.iter().all(|one| one["at"].is_string()));
    }
    let signing = ["--json", "state", &team.inspection, "minutes_signed"];
    let refused = team.folders.field("an", &signing).fails(1).json();
    assert_eq!(refused["error"]["missing"][0]["need"], "no_conflicts", "{refused}");
    // Nobody writes over what he was not shown.
    let again = ["opinion", &team.inspection, "conclusion", "Đạt", "--replace"];
    let again = team.folders.field("an", &again).fails(1);
    assert!(again.err.contains("texts/conclusion"), "{again:?}");
    team.settle("an", "texts/conclusion", "điều kiện");
    // A text made of both settles as well, by the command that is named.
    let named = team.folders.field("an", &["conflicts", &team.inspection]).ok().out;
    assert!(named.contains("notes/1.1 TEXT"), "{named}");
    assert!(!named.contains("field of the header"), "a text takes no value: {named}");
    let note = &team.disputed("an")[0];
    let words: Vec<&str> =
        note["write"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let merged = [&words[..], &["nền nứt, trần mốc"]].concat();
    assert_eq!(team.tell("an", &merged)["settled"], "now");
    assert_eq!(team.tell("an", &merged)["settled"], "before");
    assert_eq!(team.disputed("an"), Vec::<Value>::new());
    team.folders.field("an", &signing).ok();
    team.meet();
    assert_eq!(team.show("binh")["conclusion"], "Đạt có điều kiện");
    assert_eq!(team.show("binh")["digest"], team.show("an")["digest"]);
    // The history of opinions, conclusions and notes: who, when, what.
    let told = team.tell("binh", &["history", &team.inspection, "conclusion"]);
    let told: Vec<(&str, &str)> = told["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["value"].as_str().unwrap(), one["author"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[2], ("Đạt có điều kiện", "an"));
    let item = team.tell("binh", &["history", &team.inspection, "1.1"]);
    assert_eq!(item["note"].as_array().unwrap().len(), 3, "{item}");
    assert_eq!(item["note"][2]["value"], "nền nứt, trần mốc", "{item}");
    let text = team.folders.field("binh", &["history", &team.inspection, "conclusion"]).ok().out;
    assert!(text.contains("Không đạt") && text.contains("an ("), "{text}");
}

#[test]
fn a_value_that_no_longer_stands_is_told_with_those_that_do() {
    let team = Team::new();
    team.tell("an", &["answer", &team.inspection, "2.1", "dat"]);
    let old = team.tell("an", &["history", &team.inspection, "2.1"]);
    let old = old["answers"][0]["change"].as_str().unwrap()[..8].to_owned();
    team.tell("an", &["answer", &team.inspection, "2.1", "ma"]);
    team.tell("binh", &["answer", &team.inspection, "2.1", "se"]);
    team.meet();
    let choose = |change: &str| {
        let words = ["--json", "resolve", &team.inspection, "2.1", "--choose", change];
        team.folders.field("an", &words)
    };
    let refused = |change: &str| choose(change).fails(3).json()["error"].clone();
    for (change, why) in [(old.as_str(), "no longer stands"), ("00000000", "none of the values")] {
        let error = refused(change);
        assert!(error["message"].as_str().unwrap().contains(why), "{error}");
        let values = error["standing"][0]["values"].as_array().unwrap();
        assert_eq!(values.len(), 2, "{error}");
        let told =
            team.folders.field("an", &["resolve", &team.inspection, "2.1", "--choose", change]);
        let told = told.fails(3).err;
        assert_eq!(told.matches("resolve").count(), 2, "each with its command: {told}");
    }
    team.settle("an", "2.1", "serious");
    assert_eq!(choose("00000000").fails(1).json()["error"]["kind"], "no_conflict");
}

#[test]
fn an_inspection_in_dispute_is_accepted_only_for_a_reason_that_is_shown() {
    let team = Team::new();
    team.tell("an", &["answer", &team.inspection, "2.1", "ma"]);
    team.tell("binh", &["answer", &team.inspection, "2.1", "se"]);
    team.meet();
    team.sync("giam");
    let accept = ["review", "CHE-01", "accept", "Duyệt"];
    let refused = team.folders.admin("giam", &accept).fails(1).json();
    assert!(refused["error"]["message"].as_str().unwrap().contains("2.1"), "{refused}");
    let accept = [&accept[..], &["--despite-conflicts", "Hẹn làm rõ sau"]].concat();
    team.folders.admin("giam", &accept).ok();
    team.sync("an");
    let shown = team.show("an");
    assert_eq!(shown["review"]["verdict"], "accepted");
    assert_eq!(shown["review"]["decisions"][0]["despite"], "Hẹn làm rõ sau");
    let text = team.folders.field("an", &["show", &team.inspection]).ok().out;
    assert!(text.contains("Hẹn làm rõ sau"), "{text}");
}

#[test]
fn whose_words_are_struck_or_replaced_is_said_and_stays_visible() {
    let team = Team::new();
    let made = team.tell("an", &["finding", &team.inspection, "2.1", "ma", "Chuồng lợn"]);
    let id = made["id"].as_str().unwrap()[..8].to_owned();
    team.tell("an", &["answer", &team.inspection, "1.2", "ma"]);
    team.meet();
    let delete = ["finding-delete", &team.inspection, &id];
    let refused = team.folders.field("binh", &delete).fails(1);
    assert!(refused.err.contains("an (Phòng Kinh tế)"), "{refused:?}");
    let delete = [&delete[..], &["Trùng với sai lỗi khác"]].concat();
    let done = team.folders.field("binh", &delete).ok().out;
    assert!(done.contains("an (Phòng Kinh tế)"), "{done}");
    let answered = team.tell("binh", &["answer", &team.inspection, "1.2", "dat"]);
    assert_eq!(answered["replaced"][0]["grade"], "major");
    assert_eq!(answered["replaced"][0]["author"]["name"], "an");
    let again = team.tell("binh", &["answer", &team.inspection, "1.2", "ma"]);
    assert!(again["replaced"].is_null(), "one's own answer: {again}");
    team.meet();
    let finding = &team.show("an")["findings"][0];
    assert_eq!((&finding["deleted"], &finding["author"]["name"]), (&true.into(), &"an".into()));
    assert_eq!(finding["deleted_reason"][0], "Trùng với sai lỗi khác");
    assert_eq!(finding["deleted_by"][0]["author"]["name"], "binh");
    let text = team.folders.field("an", &["show", &team.inspection]).ok().out;
    assert!(text.contains("Trùng với sai lỗi khác") && text.contains("binh ("), "{text}");
}

#[test]
fn one_code_for_two_samples_is_refused_here_and_flagged_where_phones_gave_it_apart() {
    let team = Team::new();
    let add = |phone: &str, code: &str| {
        let words = ["sample", "add", &team.inspection, "Chè khô", "--code", code];
        team.folders.field(phone, &[&["--json"], &words[..]].concat())
    };
    let first = add("an", "M1").ok().json()["id"].as_str().unwrap()[..8].to_owned();
    let refused = add("an", "M1").fails(1).json();
    assert!(refused["error"]["message"].as_str().unwrap().contains(&first), "{refused}");
    add("binh", "M1").ok();
    team.meet();
    let list = team.tell("binh", &["sample", "list", &team.inspection]);
    let rows = list["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["same_code"].as_array().unwrap().len() == 1), "{list}");
    assert!(rows.iter().any(|row| row["by"][0]["author"]["name"] == "an"));
    let seal = ["sample", "seal", &team.inspection, "M1", "N1"];
    let told = team.folders.field("binh", &seal).fails(3);
    assert!(told.err.contains(&first), "{told:?}");
    team.tell("binh", &["sample", "seal", &team.inspection, &first, "N1"]);
    let text = team.folders.field("an", &["sample", "list", &team.inspection]).ok().out;
    assert!(text.contains("[!]") && text.contains("M1"), "{text}");
}

#[test]
fn a_time_that_is_none_is_refused_and_a_day_ahead_is_warned_of() {
    let team = Team::new();
    let ahead =
        ["sample", "add", &team.inspection, "Chè", "--code", "M1", "--taken-on", "2999-01-01"];
    let warned = team.tell("an", &ahead);
    assert!(warned["warnings"][0].as_str().unwrap().contains("2999-01-01"), "{warned}");
    let hand = |time: &str| {
        let words = [
            "sample",
            "handover",
            &team.inspection,
            "--row",
            "M1",
            "--giver",
            "An",
            "--receiver",
            "Phòng",
            "--time",
            time,
            "--lang",
            "vi",
        ];
        team.folders.field("an", &words)
    };
    for wrong in ["99:99", "24:00", "8:60", "sáng"] {
        let refused = hand(wrong).fails(1);
        assert!(refused.err.contains("giờ") && !refused.err.contains("time"), "{refused:?}");
    }
    hand("8h30").ok();
    let list = team.tell("an", &["sample", "list", &team.inspection]);
    assert_eq!(list["rows"][0]["steps"][0]["handover"]["time"], "08:30", "{list}");
}

#[test]
fn who_took_a_step_sets_its_day_right_and_the_earlier_one_is_kept() {
    let team = Team::new();
    team.begin();
    team.tell("an", &["header", &team.inspection, "facility_representative", "Bà C"]);
    team.tell("an", &["state", &team.inspection, "minutes_signed"]);
    team.meet();
    let today = team.tell("an", &["state", &team.inspection])["as_of"].as_str().unwrap().to_owned();
    let earlier = ["state", &team.inspection, "minutes_signed", "--on", "2026-11-01"];
    // Not before the step it follows, not after today, and not by another.
    for day in ["2026-11-01", "2999-01-01"] {
        let wrong = [&["--json"], &earlier[..4], &[day]].concat();
        let refused = team.folders.field("an", &wrong).fails(1).json();
        assert_eq!(refused["error"]["missing"][0]["need"], "order_of_days", "{refused}");
    }
    team.folders.field("binh", &earlier).fails(1);
    let told = team.tell("an", &["history", &team.inspection, "lifecycle/minutes_signed"]);
    assert_eq!(told["values"].as_array().unwrap().len(), 1);
    assert_eq!(told["values"][0]["value"]["day"], today.as_str());
}

#[test]
fn an_action_takes_the_deadline_of_its_finding_and_a_later_one_is_told() {
    let team = Team::new();
    let words = ["finding", &team.inspection, "2.1", "ma", "Chuồng lợn", "--deadline", "9"];
    let made = team.tell("an", &words);
    let finding = made["id"].as_str().unwrap()[..8].to_owned();
    let asked = team.show("an")["findings"][0]["deadline"].clone();
    let add = ["action", "add", &team.inspection, "Dời chuồng", "--finding", &finding];
    let made = team.tell("an", &add);
    assert_eq!(team.action("an")["deadline"], asked);
    assert!(made["warnings"].is_null(), "{made}");
    let id = made["id"].as_str().unwrap()[..8].to_owned();
    let later = ["action", "update", &team.inspection, &id, "--deadline", "12"];
    let told = team.tell("an", &later);
    assert!(told["warnings"][0].as_str().unwrap().contains("later than"), "{told}");
}

#[test]
fn an_action_about_what_cannot_be_corrected_is_recorded_with_a_warning() {
    let team = Team::new();
    let it = team.inspection.as_str();
    let finding = |text: &str, rest: &[&str]| {
        let words = [&["finding", it, "1.1", "ma", text], rest].concat();
        team.tell("an", &words)["id"].as_str().unwrap()[..8].to_owned()
    };
    let (lot, floor) = (finding("Chất cấm trong lô", &["--unfixable"]), finding("Nền nứt", &[]));
    let demand = |finding: &str| {
        let words = ["action", "add", it, "Làm lại", "--owner", "Bà C", "--deadline", "5"];
        team.tell("an", &[&words[..], &["--finding", finding]].concat())
    };
    let plain = demand(&floor);
    assert_eq!(plain["warnings"], Value::Null, "{plain}");
    let odd = demand(&lot);
    let told = odd["warnings"][0].as_str().unwrap();
    assert!(told.contains(&lot) && told.contains("cannot be corrected"), "{odd}");
    assert!(odd["recorded"].is_u64(), "{odd}");
    // Also where an action comes to be about it later.
    let action = plain["id"].as_str().unwrap();
    let update = |finding: &str| {
        team.tell("an", &["action", "update", it, &action[..8], "--finding", finding])
    };
    assert_eq!(update(&lot)["warnings"].as_array().unwrap().len(), 1);
    assert_eq!(update(&floor)["warnings"], Value::Null);
    // And one that was deleted is named, with what to do.
    team.tell("an", &["finding-delete", it, &floor, "Trùng"]);
    let gone = demand(&floor);
    let told = gone["warnings"][0].as_str().unwrap();
    assert!(told.contains(&floor) && told.contains("--cancel"), "{gone}");
}

#[test]
fn steps_and_what_is_looked_at_again_are_told_in_words() {
    let team = Team::new();
    team.begin();
    let told = |place: &str| {
        let words = ["history", &team.inspection, place, "--lang", "vi"];
        let told = team.folders.field("an", &words).ok().out;
        assert!(!told.contains('{') && !told.contains("taken_by"), "{told}");
        told
    };
    let state = told("lifecycle/state");
    assert!(state.starts_with("lifecycle/state (trạng thái)"), "{state}");
    assert!(state.contains("đang kiểm tra tại cơ sở") && !state.contains("in_field"), "{state}");
    assert!(told("lifecycle/in_field").contains("ngày: "));
    let finding = ["finding", &team.inspection, "1.1", "ma", "Nền nứt", "--deadline", "5"];
    let finding = team.tell("an", &finding)["id"].as_str().unwrap()[..8].to_owned();
    assert!(told(&format!("findings/{finding}/severity")).contains("Ma (lỗi nặng)"));
    assert!(!told(&format!("findings/{finding}/deadline")).contains("T16:59"));
    let row = format!("{finding}|partly");
    let missing = ["recheck", "add", &team.inspection, "--lang", "vi", "--row", &row];
    let missing = team.folders.field("an", &missing).fails(1).err;
    assert!(missing.contains("chưa khắc phục") && !missing.contains("what is"), "{missing}");
}
