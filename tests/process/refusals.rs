//! What a refusal says: what became of what was typed, and what to do by the command that was run.

use bienban_tests::scene::COMMUNE;

use crate::join::Team;
use crate::program::{Folders, Ran, run, text};

const OWNER: [&str; 6] = ["--name", "Bà C", "--title", "Chủ cơ sở", "--on", "2026-11-05"];

/// Seals as the phone `an`, with words added.
fn seal(team: &Team, more: &[&str]) -> Ran {
    let words = [&["seal", team.inspection.as_str()], &OWNER[..], more].concat();
    team.folders.field("an", &words)
}

#[test]
fn a_reason_for_a_device_that_is_not_of_the_team_is_refused_before_anything_is_sealed() {
    let team = Team::new();
    team.in_field();
    let nobody = seal(&team, &["--not-heard", "Nobody=Đi vắng"]).fails(3);
    assert!(nobody.err.contains("Nobody") && nobody.err.contains("binh ("), "{nobody:?}");
    let near = seal(&team, &["--not-heard", "bính=Đi vắng"]).fails(3);
    assert!(near.err.contains("did you mean binh?"), "{near:?}");
    let heard = seal(&team, &["--not-heard", "Đi vắng", "--not-heard", "an=x"]).fails(2);
    assert!(heard.err.contains("was heard"), "{heard:?}");
    let shown = team.show("an");
    assert_eq!((&shown["state"][0], shown["minutes"].is_null()), (&"in_field".into(), true));
    seal(&team, &["--not-heard", "binh=Đi vắng"]).ok();
    let shown = team.show("an");
    let sealed = &shown["minutes"]["standing"]["not_heard"];
    assert_eq!(sealed[0]["reason"], "Đi vắng", "{sealed}");
}

#[test]
fn a_check_of_sealed_minutes_says_that_they_are_sealed_and_by_whom() {
    let team = Team::new();
    team.in_field();
    seal(&team, &["--not-heard", "Đi vắng"]).ok();
    let check = |lang: &str| {
        let words = ["seal", &team.inspection, "--check", "--lang", lang];
        team.folders.field("an", &words).ok().out
    };
    let code = team.show("an")["minutes"]["standing"]["code"].as_str().unwrap().to_owned();
    let waiting = check("en");
    assert!(waiting.contains(&format!("It is sealed: minutes {code}, by an")), "{waiting}");
    assert!(!waiting.contains("cannot be sealed") && !waiting.contains("--not-heard"), "{waiting}");
    team.sync("an");
    team.sync("an");
    assert!(check("en").contains("It is sealed: minutes 01/2026/BB-ĐKT-06325, by an"));
    let vi = check("vi");
    assert!(vi.contains("Biên bản đã ký: 01/2026/BB-ĐKT-06325, do an"), "{vi}");
    // A supplementary record is headed as such.
    let made = team.folders.field_json("an", &["supplement", &team.inspection]);
    let supplement = made["inspection"].as_str().unwrap();
    let shown = team.folders.field("an", &["show", supplement]).ok().out;
    assert!(shown.contains("Supplements the minutes sealed as (supplements): "), "{shown}");
    assert!(!shown.contains("does not know the field"), "{shown}");
}

#[test]
fn only_who_accepts_a_record_is_told_that_values_that_differ_can_be_accepted() {
    let team = Team::new();
    team.in_field();
    team.sync("an");
    team.sync("binh");
    for (phone, grade) in [("an", "dat"), ("binh", "ma")] {
        team.folders.field(phone, &["answer", &team.inspection, "2.1", grade]).ok();
    }
    for phone in ["an", "binh", "an"] {
        team.sync(phone);
    }
    let refused = seal(&team, &[]).fails(1);
    assert!(refused.err.contains("values that differ stand in 2.1"), "{refused:?}");
    assert!(!refused.err.contains("despite"), "{refused:?}");
    assert!(refused.err.contains("`conflicts INSPECTION`"), "{refused:?}");
    let accept = ["review", &team.inspection, "accept"];
    let refused = team.folders.admin("giam", &accept).fails(1);
    assert!(refused.err.contains("--despite-conflicts REASON"), "{refused:?}");
}

#[test]
fn an_edit_that_this_device_may_not_make_is_said_not_to_be_recorded() {
    let team = Team::new();
    team.sync("giam");
    for (lang, said) in [("en", "nothing was recorded"), ("vi", "chưa ghi gì cả")] {
        let words = ["answer", &team.inspection, "1.1", "dat", "--lang", lang];
        let refused = team.folders.field("giam", &words).fails(6);
        assert!(refused.err.contains(said), "{refused:?}");
        assert!(!refused.err.contains("stays on") && !refused.err.contains("vẫn ở trên"));
    }
    assert_eq!(team.folders.field_json("giam", &["status"])["only_here"], 0);
}

#[test]
fn what_is_named_and_is_not_there_exits_with_3() {
    let team = Team::new();
    team.in_field();
    let nix = team.folders.path("nix");
    let nix = text(&nix);
    let none = seal(&team, &["--not-heard", "x", "--signature", nix]).fails(3);
    assert!(none.err.contains("nix"), "{none:?}");
    for words in [&["--key-file", nix, "list"][..], &["key", "change", "--new-key-file", nix]] {
        let none = team.folders.field("an", words).fails(3);
        assert!(none.err.contains("look at the path"), "{none:?}");
    }
    let grant = ["withdraw", "binh", "--role", "leader", "--scope", COMMUNE];
    let none = team.folders.admin("first", &grant).fails(3);
    assert!(none.err.contains("has no role leader"), "{none:?}");
    let none = run(&["clocks", "count", "nope", "--from", "2026-11-01"]).fails(3);
    assert!(none.err.contains("clocks list"), "{none:?}");
    // A facility is here, and no inspection of it: what was typed is not what was meant.
    let none = team.folders.field("an", &["supplement", "CHE-02"]).fails(3);
    assert!(!none.err.contains("did you mean"), "{none:?}");
    let may = ["access", "giam", "inspection", COMMUNE];
    let dir = team.folders.path("first");
    let said = run(&[&["admin", "--dir", text(&dir)], &may[..]].concat()).ok().out;
    assert!(said.contains("may read any inspection in"), "{said}");
}

#[test]
fn advice_about_a_hub_names_the_way_for_the_same_hub_first_and_says_nothing_twice() {
    let folders = Folders::new();
    let [one, other] = ["ab", "cd"].map(|digits| digits.repeat(32));
    folders.field("a", &["init", "--hub", &format!("bienban://127.0.0.1:9#{one}")]).ok();
    let refused = folders.field("a", &["hub", "--set", "127.0.0.1:9", "--key", &other]).fails(6);
    let at = |option: &str| refused.err.find(option).unwrap_or_else(|| panic!("{refused:?}"));
    assert!(at("--new-key") < at("--other-key"), "{refused:?}");
    let dir = folders.path("b");
    let words = ["--json", "field", "--dir", text(&dir), "init", "--hub", "somewhere"];
    let error = run(&words).fails(2).json();
    assert_eq!(error["error"]["causes"], serde_json::json!([]), "{error}");
}
