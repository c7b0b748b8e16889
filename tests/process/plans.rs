//! Plans after they were made: whom they reach, what of them changes, how they end. Every change comes
//! to the phones by ordinary sync.

use serde_json::Value;

use crate::hub::Hub;
use crate::join::Team;
use crate::program::{Folders, Ran, text};

/// A hub with a checklist and two facilities of two communes, and a leader and member of the province.
fn office() -> (Folders, Hub) {
    let folders = Folders::new();
    let hub = Hub::start(&folders);
    for (name, role) in [("an", "leader"), ("binh", "inspector"), ("giam", "supervisor")] {
        hub.enrol(&folders, name, "Phòng Kinh tế", role);
    }
    folders.admin("first", &["checklist", "add", "tea"]).ok();
    let rows = "code,name,owner_kind,commune_code\nA1,HTX Một,htx,06325\nA2,HTX Hai,htx,06337\n";
    let file = folders.file("facilities.csv", rows);
    folders.admin("first", &["import", "facilities", text(&file)]).ok();
    (folders, hub)
}

fn plan(folders: &Folders, title: &str, more: &[&str]) -> Ran {
    let words = ["plan", "add", "--title", title, "--from", "01/12/2026", "--to", "2026-12-31"];
    folders.admin("first", &[&words[..], more].concat())
}

fn problems(made: &Value) -> Vec<(String, String)> {
    let rows = made["warnings"].as_array().unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "name"), text(row, "problem"))).collect()
}

#[test]
fn a_plan_names_the_members_whom_it_does_not_reach_and_what_to_do() {
    let (folders, hub) = office();
    let made = folders.field_json("cuc", &["init", "--hub", &hub.uri]);
    let narrow = made["device"].as_str().unwrap().to_owned();
    let trust = |scopes: &[&str]| {
        let words = ["trust", &narrow, "--name", "Cúc", "--agency", "Xã", "--role", "inspector"];
        folders.admin("first", &[&words[..], &["--scope"], scopes].concat()).ok();
    };
    trust(&["06325"]);
    let team = ["--leader", "an", "--member", "Cúc", "giam", "--facility", "A1", "A2"];
    let made = plan(&folders, "Quý 4", &team).ok().json();
    let expected = [("Cúc", "plan_unit"), ("Cúc", "facility_units"), ("giam", "role")];
    let found = problems(&made);
    assert_eq!(found.len(), expected.len(), "{made}");
    for (name, problem) in expected {
        assert!(found.contains(&(name.to_owned(), problem.to_owned())), "{found:?}");
    }
    let outside = made["warnings"].as_array().unwrap();
    let outside = outside.iter().find(|row| row["problem"] == "facility_units").unwrap();
    assert_eq!(outside["units"], serde_json::json!(["06337"]));
    assert!(outside["todo"].as_str().unwrap().contains("--scope 06325 06337 20"), "{outside}");
    // What it says to do mends it; and it is true: before that the plan does not arrive.
    let plans = |phone: &str| {
        folders.field_json(phone, &["sync"]);
        folders.field_json(phone, &["plans"])["rows"].as_array().unwrap().len()
    };
    assert_eq!(plans("cuc"), 0);
    trust(&["06325", "06337", "20"]);
    assert_eq!(plans("cuc"), 1);
    let shown = folders.admin("first", &["plans", "Quý 4"]).ok().json();
    assert_eq!(problems(&shown), [("giam".to_owned(), "role".to_owned())]);
}

#[test]
fn a_plan_takes_the_edition_that_is_in_force_where_its_facility_is() {
    let (folders, _hub) = office();
    let id = |value: &Value| value.as_str().unwrap().to_owned();
    let tea = folders.admin("first", &["checklist", "add", "tea"]).ok().json();
    let older = folders.admin("first", &["checklist", "add", "tea-1"]).ok().json();
    let (tea, older) = (id(&tea["template"]), id(&older["template"]));
    let force = |who: &str, scope: &str| {
        folders.admin(who, &["checklist", "in-force", &older, "--scope", scope])
    };
    folders.field_json("an", &["sync"]);
    force("an", "20").fails(6);
    let decided = force("first", "06325").ok().json();
    assert_eq!(
        (&decided["scope"], &decided["template"]),
        (&Value::from("06325"), &Value::from(older.as_str()))
    );
    let listed = folders.field_json("an", &["sync"]);
    assert_eq!(listed["caught_up"], true);
    let rows = folders.field_json("an", &["templates"])["rows"].as_array().unwrap().clone();
    let row = rows.iter().find(|row| row["id"] == older.as_str()).unwrap();
    assert_eq!(row["in_force"][0]["unit"]["code"], "06325", "{row}");
    let made = plan(&folders, "Hai xã", &["--leader", "an", "--facility", "A1", "A2"]).ok().json();
    let taken = made["visits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|visit| (id(&visit["facility"]["title"]), id(&visit["template"])));
    let mut taken: Vec<_> = taken.collect();
    taken.sort();
    let expected = [("HTX Hai".to_owned(), tea), ("HTX Một".to_owned(), older)];
    assert_eq!(taken, expected, "{made}");
}

#[test]
fn who_declared_no_conflict_of_interest_stands_in_the_plan() {
    let (folders, _hub) = office();
    let team = ["--leader", "an", "--member", "binh", "--facility", "A1"];
    let made = plan(&folders, "Một", &[&team[..], &["--no-conflict", "binh"]].concat()).ok().json();
    let declared = |plan: &Value| -> Vec<(String, bool)> {
        let team = plan["team"].as_array().unwrap().iter();
        let mut told: Vec<_> = team
            .map(|member| {
                let name = member["name"].as_str().unwrap().to_owned();
                (name, member["no_conflict"].as_bool().unwrap())
            })
            .collect();
        told.sort();
        told
    };
    assert_eq!(declared(&made), [("an".to_owned(), false), ("binh".to_owned(), true)]);
    let changed = folders.admin("first", &["plan", "change", "Một", "--no-conflict", "all"]);
    assert_eq!(
        declared(&changed.ok().json()),
        [("an".to_owned(), true), ("binh".to_owned(), true)]
    );
    folders.field_json("binh", &["sync"]);
    let there = folders.field_json("binh", &["plans", "Một"]);
    assert_eq!(declared(&there).len(), 2);
    assert!(declared(&there).iter().all(|(_, declared)| *declared));
    let stranger = ["--facility", "A2", "--leader", "an", "--no-conflict", "binh"];
    let refused = plan(&folders, "Hai", &stranger).fails(2);
    assert!(refused.err.contains("must be the leader or a member"), "{refused:?}");
}

#[test]
fn a_plan_is_renamed_and_changed_and_its_phones_learn_of_it() {
    let team = Team::new();
    let admin = |words: &[&str]| team.folders.admin("first", words);
    admin(&["plan", "rename", "Kiểm tra chè", "Kiểm tra chè đợt 1"]).ok();
    let changed = admin(&[
        "plan",
        "change",
        "Kiểm tra chè đợt 1",
        "--to",
        "15/12/2026",
        "--facility",
        "CHE-02",
        "--leader",
        "binh",
        "--decision",
        "13/QĐ",
    ]);
    let changed = changed.ok().json();
    assert_eq!(changed["fields"]["to"], "2026-12-15");
    assert_eq!(changed["visits"].as_array().unwrap().len(), 2);
    team.sync("an");
    let there = team.folders.field_json("an", &["plans", "Kiểm tra chè đợt 1"]);
    for key in ["fields", "team", "visits"] {
        assert_eq!(there[key], changed[key], "{key}");
    }
    let leaders: Vec<&str> = there["team"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|member| member["role"] == "leader")
        .map(|member| member["name"].as_str().unwrap())
        .collect();
    assert_eq!(leaders, ["binh"], "the one before is a member now");
    // What stood there before is told with who changed it.
    let history: Vec<(&str, &str)> = there["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["field"] == "title")
        .map(|event| (event["value"].as_str().unwrap(), event["author"]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(history, [("Kiểm tra chè", "Admin"), ("Kiểm tra chè đợt 1", "Admin")]);
    let nothing = admin(&["plan", "change", "Kiểm tra chè đợt 1"]).fails(2);
    assert!(nothing.err.contains("say what to change"), "{nothing:?}");
    let days = ["plan", "change", "Kiểm tra chè đợt 1", "--from", "16/12/2026"];
    assert!(admin(&days).fails(2).err.contains("before it begins"));
    let leaderless = ["plan", "change", "Kiểm tra chè đợt 1", "--remove-member", "binh"];
    assert!(admin(&leaderless).fails(2).err.contains("leads the team"));
}

#[test]
fn a_visit_that_has_begun_stays_in_its_plan_and_one_that_has_not_leaves_it() {
    let team = Team::new();
    let admin = |words: &[&str]| team.folders.admin("first", words);
    admin(&["plan", "change", "Kiểm tra chè", "--facility", "CHE-02"]).ok();
    team.folders.field_json("an", &["answer", &team.inspection, "1.1", "dat"]);
    team.sync("an");
    let begun = admin(&["plan", "change", "Kiểm tra chè", "--remove-facility", "CHE-01"]).fails(1);
    assert!(begun.err.contains("has begun and stays in its plan"), "{begun:?}");
    admin(&["plan", "change", "Kiểm tra chè", "--remove-facility", "CHE-02"]).ok();
    team.sync("an");
    team.folders.field("an", &["open", "Kiểm tra chè", "CHE-02"]).fails(3);
    // Back on the plan it is the same visit.
    let back = admin(&["plan", "change", "Kiểm tra chè", "--facility", "CHE-02"]).ok().json();
    assert!(back["visits"].as_array().unwrap().iter().all(|visit| visit["removed"] == false));
}

#[test]
fn a_cancelled_plan_stays_visible_and_what_has_begun_goes_on() {
    let team = Team::new();
    let admin = |words: &[&str]| team.folders.admin("first", words);
    admin(&["plan", "change", "Kiểm tra chè", "--facility", "CHE-02"]).ok();
    team.sync("an");
    team.folders.field_json("an", &["answer", &team.inspection, "1.1", "dat"]);
    let other = team.folders.field_json("an", &["open", "Kiểm tra chè", "CHE-02"]);
    let other = other["inspection"].as_str().unwrap().to_owned();
    let cancel =
        ["plan", "cancel", "Kiểm tra chè", "Trùng với đoàn của tỉnh", "--decision", "15/QĐ"];
    let cancelled = admin(&cancel).ok().json();
    assert_eq!(cancelled["cancelled"][0]["reason"], "Trùng với đoàn của tỉnh");
    assert_eq!(cancelled["cancelled"][0]["decision"], "15/QĐ");
    assert_eq!(cancelled["cancelled"][0]["author"]["name"], "Admin");
    admin(&cancel).fails(1);
    assert!(
        admin(&["plan", "rename", "Kiểm tra chè", "Khác"]).fails(1).err.contains("was cancelled")
    );

    team.sync("an");
    let rows = team.folders.field_json("an", &["plans"])["rows"].clone();
    assert_eq!((&rows[0]["cancelled"], &rows[0]["title"]), (&true.into(), &"Kiểm tra chè".into()));
    assert!(team.folders.field("an", &["plans"]).ok().out.contains("[cancelled]"));
    let page = team.folders.field("an", &["plans", "Kiểm tra chè"]).ok().out;
    assert!(
        page.contains("CANCELLED: Trùng với đoàn của tỉnh") && page.contains("15/QĐ"),
        "{page}"
    );
    // What has begun goes on, under its plan.
    team.folders.field_json("an", &["answer", &team.inspection, "1.2", "dat"]);
    assert_eq!(team.show("an")["plan"]["title"], "Kiểm tra chè");
    // What has not does not begin, by whatever name.
    let open = team.folders.field("an", &["open", "Kiểm tra chè", "CHE-02"]).fails(1);
    assert!(open.err.contains("was cancelled: Trùng với đoàn"), "{open:?}");
    team.folders.field("an", &["answer", &other, "1.1", "dat"]).fails(1);
    team.folders.field("an", &["answer", "CHE-02", "1.1", "dat"]).fails(3);
    // The year is free for another plan, and the title means the one that stands.
    let again = ["--leader", "an", "--facility", "CHE-02"];
    plan(&team.folders, "Kiểm tra chè", &again).ok();
    team.sync("an");
    let stands = team.folders.field_json("an", &["plans", "Kiểm tra chè"]);
    assert_eq!(stands["cancelled"], serde_json::json!([]));
    team.folders.field_json("an", &["open", "Kiểm tra chè", "CHE-02"]);
}

#[test]
fn a_name_that_fits_visits_of_several_plans_says_which_plan_each_is_of() {
    let (folders, _hub) = office();
    plan(&folders, "Đợt một", &["--leader", "an", "--facility", "A1"]).ok();
    let again = ["--leader", "an", "--facility", "A1", "--reason", "A1=clear_sign:Đơn tố cáo"];
    plan(&folders, "Đợt hai", &again).ok();
    plan(&folders, "Đợt hai", &["--leader", "an", "--facility", "A2"]).ok();
    folders.field_json("an", &["sync"]);
    let visits = folders.field("an", &["show", "A1"]).fails(3);
    for said in ["Đợt một, 2026-12-01 to 2026-12-31) visit 1", "Đợt hai, 2026-12-01"] {
        assert!(visits.err.contains(said), "{visits:?}");
    }
    let data = folders.field("an", &["--json", "show", "A1"]).fails(3).json();
    let candidates = data["error"]["candidates"].as_array().unwrap();
    let titles: Vec<&str> =
        candidates.iter().map(|one| one["plan"]["title"].as_str().unwrap()).collect();
    assert!(titles.contains(&"Đợt một") && titles.contains(&"Đợt hai"), "{data}");
    let plans = folders.field("an", &["plans", "Đợt hai", "--lang", "vi"]).fails(3);
    assert!(plans.err.contains("(kế hoạch") && plans.err.contains("2026-12-01 đến"), "{plans:?}");
}

#[test]
fn a_leader_without_the_role_is_warned_of_with_the_command_that_gives_it() {
    let (folders, _hub) = office();
    let made = plan(&folders, "Một", &["--leader", "binh", "--facility", "A1", "A2"]).ok().json();
    assert_eq!(problems(&made), [("binh".to_owned(), "not_leader".to_owned())]);
    let warning = &made["warnings"][0];
    assert_eq!(warning["units"], serde_json::json!(["06325", "06337"]));
    let (_, commands) = warning["todo"].as_str().unwrap().split_once(": ").unwrap();
    for command in commands.split("; ") {
        let words: Vec<&str> = command.split(' ').skip(2).collect();
        folders.admin("first", &words).ok();
    }
    let after = folders.admin("first", &["plans", "Một"]).ok().json();
    assert_eq!(problems(&after), [], "{after}");
    // Whoever takes the lead later is looked at too.
    folders.admin("first", &["plan", "change", "Một", "--leader", "an"]).ok();
    let change = ["plan", "change", "Một", "--leader", "giam"];
    let changed = folders.admin("first", &change).ok().json();
    assert_eq!(problems(&changed), [("giam".to_owned(), "role".to_owned())]);
}
