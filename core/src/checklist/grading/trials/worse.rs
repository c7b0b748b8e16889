//! The worse counts: whatever stands beside a bad answer, it hides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::models::{answered, finding, keys, of_grade, pass_fail, small, text};
use super::{grader, points, says, set_11, settings, several, template, value};
use crate::checklist::grading::{
    Answers, AsideReason, Council, Finding, Graded, Grader, HeldResult, Holding, Outcome,
    PassFailResult, Passing, Picked, Recognised, Response, Settings, Standing, Verification,
};
use crate::checklist::{Effect, TEA_1, Template, ocop_set};
use crate::model::{Grade, Severity};

fn result(grader: &mut Grader) -> PassFailResult {
    match grader.grade().outcome {
        Outcome::PassFail(result) => result,
        other => panic!("{other:?}"),
    }
}

fn graded(grades: &[Grade]) -> Standing {
    let responses: Vec<Response> = grades.iter().copied().map(Response::of_grade).collect();
    several(&responses)
}

/// A checklist of pass or fail with other sections than the small one's.
fn changed(change: impl FnOnce(&mut Json)) -> Arc<Template> {
    let mut file = pass_fail().to_json();
    change(&mut file);
    template(&serde_json::to_vec(&file).unwrap())
}

fn words(said: &str) -> Json {
    json!({"vi": said, "en": said})
}

fn number(key: &str) -> Json {
    json!({"key": key, "text": words(key), "answer": {"type": "number", "unit": "%", "decimals": 0}})
}

/// Set 11 or 16, all options the best, and no knock-out.
fn best(set: &Arc<Template>) -> Grader {
    let mut grader = grader(set);
    for (_, item) in set.each() {
        let options = item.answer.options();
        let Some(best) = options.iter().max_by_key(|option| option.points) else { continue };
        grader.set(&item.key, value(if item.max.is_some() { &best.key } else { "no" }));
    }
    grader
}

fn set_16() -> Arc<Template> {
    template(ocop_set("OCOP-16").unwrap())
}

#[test]
fn a_deviation_stays_while_people_disagree_whether_its_item_applies() {
    let tea = template(TEA_1);
    let mut grader = grader(&tea);
    for (_, item) in tea.each().filter(|(section, _)| section.repeat.is_none()) {
        if !item.severities().is_empty() {
            grader.set(&item.key, graded(&[Grade::Pass]));
        }
    }
    grader.set("8.4", graded(&[Grade::Major]));
    grader.set("g.1", value("yes"));
    let apart = result(&mut grader);
    assert_eq!((apart.result, apart.open), (Passing::AwaitingCorrection, 1));
    grader.set("g.1", several(&[text("yes"), text("no")]));
    let merged = result(&mut grader);
    assert_eq!((merged.result, merged.open), (Passing::AwaitingCorrection, 1));
    assert_eq!(keys(&merged.without_finding), ["8.4"]);
    let (grade, why) = grader.explain();
    assert!(!keys(&grade.not_relevant).contains(&"8.4"), "it is not said not to apply");
    assert!(says(&why, "vẫn tính cho đến khi rõ", "it counts until it is"));
    grader.set("g.1", value("no"));
    assert_eq!(result(&mut grader).open, 0, "all say that it does not apply");
}

#[test]
fn a_deviation_stays_where_another_grade_decides_whether_it_applies() {
    let form = changed(|file| {
        file["sections"][0]["items"][2]["relevant"] = json!("${g1} = 'pass'");
    });
    let mut grader = answered(&form);
    grader.set("g3", graded(&[Grade::Serious]));
    // The worse grade of g1 makes the worse answer of g3 go away.
    grader.set("g1", graded(&[Grade::Pass, Grade::Minor]));
    let corrected = Finding { verified: Verification::Yes, ..finding(Some("g1"), Severity::Minor) };
    grader.set_finding("f", Some(corrected));
    let merged = result(&mut grader);
    assert_eq!((merged.result, merged.open), (Passing::AwaitingCorrection, 1));
    assert_eq!(keys(&merged.without_finding), ["g3"]);
}

#[test]
fn a_finding_covers_its_own_row_only() {
    let mut grader = answered(&pass_fail());
    for (row, grade) in [("one", Grade::Minor), ("two", Grade::Serious), ("three", Grade::Serious)]
    {
        grader.set_in_row("lots", row, "row-g", of_grade(grade));
    }
    let about = |row: &[&str], severity| Finding {
        rows: row.iter().map(|row| (*row).to_owned()).collect(),
        verified: Verification::Yes,
        ..finding(Some("row-g"), severity)
    };
    let open = |grader: &mut Grader| {
        let result = result(grader);
        let rows = result.without_finding.at.iter().map(|at| at.row.clone().unwrap());
        (result.result, result.open, rows.collect::<Vec<_>>().join(" "))
    };
    let waits = Passing::AwaitingCorrection;
    grader.set_finding("a", Some(about(&[], Severity::Serious)));
    assert_eq!(open(&mut grader), (waits, 3, "one three two".to_owned()), "about no row");
    grader.set_finding("a", Some(about(&["one"], Severity::Minor)));
    assert_eq!(open(&mut grader), (waits, 2, "three two".to_owned()));
    grader.set_finding("b", Some(about(&["two", "three"], Severity::Serious)));
    assert_eq!(open(&mut grader), (waits, 2, "three two".to_owned()), "about neither for certain");
    grader.set_finding("b", Some(about(&["two"], Severity::Serious)));
    grader.set_finding("c", Some(about(&["three"], Severity::Serious)));
    assert_eq!(open(&mut grader).0, Passing::PassAfterCorrection);
}

#[test]
fn a_finding_covers_what_is_no_worse_than_it_says() {
    let mut grader = answered(&pass_fail());
    grader.set("g1", of_grade(Grade::Serious));
    let verified = Verification::Yes;
    let minor = Finding { verified, ..finding(Some("g1"), Severity::Minor) };
    grader.set_finding("f", Some(minor.clone()));
    let open = result(&mut grader);
    assert_eq!((open.result, open.open), (Passing::AwaitingCorrection, 1));
    // Of two severities that stand the lesser is what everybody says.
    let disputed = Finding { severity: Severity::Serious, ..minor.clone() };
    grader.set_finding("f", Some(disputed));
    assert_eq!(result(&mut grader).without_finding.count, 1);
    let serious = Finding { severity: Severity::Serious, least: Severity::Serious, ..minor };
    grader.set_finding("f", Some(serious.clone()));
    assert_eq!(result(&mut grader).result, Passing::PassAfterCorrection);
    let items = ["g1".to_owned(), "g2".to_owned()].into();
    grader.set_finding("f", Some(Finding { items, ..serious }));
    assert_eq!(keys(&result(&mut grader).without_finding), ["g1"], "about neither for certain");
}

#[test]
fn what_is_no_grade_hides_no_deviation() {
    for beside in [
        Response::Withdrawn,
        Response::NotApplicable,
        Response::Value("có lẽ".to_owned()),
        Response::Unreadable("?".to_owned()),
    ] {
        let mut grader = answered(&pass_fail());
        grader.set("g1", several(&[Response::Grade(Grade::Serious), beside.clone()]));
        let (found, grade) = (result(&mut grader), grader.grade());
        assert_eq!((found.result, found.open), (Passing::AwaitingCorrection, 1), "{beside:?}");
        assert_eq!(keys(&grade.missing.conflicts), ["g1"], "{beside:?}");
        assert!(!grade.is_final);
    }
}

#[test]
fn a_knock_out_holds_when_any_answer_says_so() {
    let mut grader = best(&set_11());
    assert_eq!(points(&grader.grade()).stars, Some(5));
    for beside in [
        Response::Withdrawn,
        Response::NotApplicable,
        text("maybe"),
        text("no"),
        Response::Unreadable(String::new()),
    ] {
        grader.set("1.1-ko", several(&[text("yes"), beside.clone()]));
        let graded = grader.grade();
        let result = points(&graded);
        assert_eq!((result.stars, result.certificate), (None, false), "{beside:?}");
        assert_eq!(result.knocked_out, Some(Effect::Reject), "{beside:?}");
    }
}

#[test]
fn a_calculated_knock_out_holds_when_any_answer_makes_it() {
    let mut grader = best(&set_16());
    assert_eq!(points(&grader.grade()).stars, Some(5));
    for beside in [Response::Withdrawn, Response::NotApplicable, text("maybe"), text("5")] {
        grader.set("6.1", several(&[text("0"), beside.clone()]));
        let graded = grader.grade();
        assert_eq!(points(&graded).knocked_out, Some(Effect::Stop), "{beside:?}");
    }
    // Also where the option that makes it is not the one that counts.
    let other = {
        let mut file: Json = serde_json::from_slice(ocop_set("OCOP-16").unwrap()).unwrap();
        let sections = file["sections"].as_array_mut().unwrap();
        let items = sections.iter_mut().flat_map(|s| s["items"].as_array_mut().unwrap());
        let ko = items.into_iter().find(|item| item["key"] == "6-ko").unwrap();
        ko["answer"]["expression"] = json!("number(${6.1}) > 0");
        template(&serde_json::to_vec(&file).unwrap())
    };
    let mut grader = best(&other);
    let best_key = other.item("6.1").unwrap().1.answer.options().last().unwrap().key.clone();
    grader.set("6.1", several(&[text("0"), text(&best_key)]));
    assert!(points(&grader.grade()).knocked_out.is_some());
    grader.set("6.1", value("0"));
    assert!(points(&grader.grade()).knocked_out.is_none());
}

#[test]
fn not_applicable_is_no_way_around_a_criterion_or_a_knock_out() {
    for (set, items) in [(set_16(), ["6.1", "1.1"]), (set_11(), ["ko-1", "1.1-ko"])] {
        let mut grader = best(&set);
        assert!(grader.grade().is_final);
        for item in items {
            grader.set(item, Standing::of(Response::NotApplicable));
            let refused = set.check_whole(item, Grade::NotApplicable, None, 0).unwrap_err();
            assert!(refused.to_string().contains("takes one of"), "{refused}");
        }
        let graded = grader.grade();
        assert!(!graded.is_final);
        let mut missing = keys(&graded.missing.items);
        missing.sort_unstable();
        let mut wanted = items.to_vec();
        wanted.sort_unstable();
        assert_eq!(missing, wanted);
        assert!(graded.aside.iter().all(|aside| aside.reason == AsideReason::DoesNotFit));
        assert_eq!(graded.tally.not_applicable, 0);
    }
    // The decision says of this one when it does not apply.
    assert!(set_11().check_whole("5.2", Grade::NotApplicable, None, 0).is_ok());
}

#[test]
fn a_calculated_knock_out_is_open_while_what_makes_it_is_not_answered() {
    let mut grader = best(&set_16());
    grader.set("6.1", Standing::default());
    let graded = grader.grade();
    assert!(keys(&graded.missing.unsettled).contains(&"6-ko"), "{:?}", graded.missing.unsettled);
}

#[test]
fn points_are_not_given_for_what_is_disputed() {
    let mut grader = best(&set_11());
    grader.set("1.2", several(&[text("1"), Response::Withdrawn]));
    let lost = set_11().item("1.2").unwrap().1.max.unwrap();
    let (graded, why) = grader.explain();
    assert_eq!(points(&graded).total.to_string(), (100 - lost).to_string());
    assert!(says(&why, "chưa tính điểm cho đến khi", "no points until a person settles it"));
    // 5.2 applies by one answer to 5.1 and by the other not.
    let mut grader = best(&set_11());
    let found = |graded: &Graded, item: &str| {
        let criteria = &points(graded).criteria;
        criteria.iter().find(|found| found.item == item).unwrap().picked[0]
    };
    grader.set("5.1", several(&[text("5"), Response::Withdrawn]));
    let graded = grader.grade();
    assert_eq!(found(&graded, "5.2"), Picked::Disputed);
    // By both it applies: it keeps its points.
    let options = set_11();
    let options = options.item("5.1").unwrap().1.answer.options();
    let two: Vec<Response> = options.iter().rev().take(2).map(|o| text(&o.key)).collect();
    grader.set("5.1", several(&two));
    assert_eq!(found(&grader.grade(), "5.2"), Picked::Option);
}

#[test]
fn a_grade_is_not_final_while_it_is_not_known_which_items_and_rows_there_must_be() {
    let group = changed(|file| {
        file["sections"][0]["items"].as_array_mut().unwrap().push(number("n"));
        file["sections"][1]["relevant"] = json!("${n} > 1");
    });
    let mut grader = answered(&group);
    grader.remove_row("lots", "one");
    let graded = grader.grade();
    assert_eq!(keys(&graded.missing.unsettled), ["row-wet", "row-g"]);
    assert!(graded.missing.rows.is_empty() && !graded.is_final);
    grader.set("n", value("1"));
    assert!(grader.grade().is_final, "{:?}", grader.grade().missing);
    grader.set("n", value("2"));
    assert_eq!(grader.grade().missing.rows.len(), 1);

    let needed = changed(|file| {
        file["sections"][0]["items"].as_array_mut().unwrap().push(number("n"));
        file["sections"][0]["items"][7]["required"] = json!("${n} > 5");
    });
    let mut grader = answered(&needed);
    assert_eq!(keys(&grader.grade().missing.unsettled), ["words"]);
    assert!(!grader.grade().is_final);
    grader.set("words", value("xong"));
    assert!(grader.grade().is_final, "whatever n says");
    grader.set("words", Standing::default());
    grader.set("n", value("7"));
    assert_eq!(keys(&grader.grade().missing.items), ["words"]);
}

fn held(grader: &mut Grader) -> HeldResult {
    grader.grade().held.unwrap()
}

fn recognised(options: BTreeMap<String, String>) -> Settings {
    let recognised = Recognised { template: set_11(), stars: 4, options };
    Settings { recognised: Some(recognised), ..settings() }
}

#[test]
fn criteria_are_held_only_when_everything_was_observed_and_nothing_speaks_against_it() {
    let best = best(&set_11()).answers().clone();
    let options: BTreeMap<String, String> = best
        .items
        .iter()
        .filter_map(|(item, standing)| match &standing.entries[0].response {
            Response::Value(key) if !key.is_empty() => Some((item.clone(), key.clone())),
            _ => None,
        })
        .collect();
    let mut grader = Grader::new(set_11(), best.clone(), recognised(options.clone()));
    assert_eq!(held(&mut grader).result, Holding::Held);
    grader.set("1.1-ko", value("yes"));
    assert_eq!(held(&mut grader).result, Holding::NotHeld);
    assert_eq!(held(&mut grader).knocked_out, ["1.1-ko"]);
    assert!(says(&grader.explain().1, "Điều kiện loại 1.1-ko", "it holds"));
    grader.set("1.1-ko", value("no"));
    grader.set("6.1.1", Standing::default());
    assert_eq!(held(&mut grader).result, Holding::NotObserved, "a gate was not looked at");
    let mut empty = Grader::new(set_11(), Answers::default(), recognised(options));
    assert_eq!(held(&mut empty).result, Holding::NotObserved);
    let mut unknown = Grader::new(set_11(), best, recognised(BTreeMap::new()));
    assert_eq!(held(&mut unknown).result, Holding::GatesMet);
    assert!(!unknown.grade().is_final);
    assert!(says(&unknown.explain().1, "Còn đạt mọi dấu sao", "points cannot be compared"));
    unknown.set("2.3", value("1"));
    assert_eq!(held(&mut unknown).result, Holding::NotHeld);
}

#[test]
fn members_of_a_council_must_speak_of_one_case() {
    let set = template(ocop_set("OCOP-26").unwrap());
    let sheet = |case: &str| {
        let mut grader = best(&set);
        for (item, points) in [("8", "3"), ("9", "2"), ("15", "3")] {
            grader.set(item, value(&format!("{case}{points}")));
        }
        assert!(grader.grade().missing.cases.is_empty());
        grader.answers().clone()
    };
    let graded = |b: &str| {
        let members = BTreeMap::from([("a".to_owned(), sheet("a")), ("b".to_owned(), sheet(b))]);
        Council::new(&set, &Answers::default(), &members, &settings()).explain().unwrap()
    };
    assert!(graded("a").0.is_final);
    let (mixed, why) = graded("b");
    assert!(!mixed.is_final);
    assert_eq!(mixed.missing.cases, [["8", "9", "15"]]);
    assert!(mixed.members.iter().all(|member| member.missing.cases.is_empty()));
    assert!(says(&why, "8, 9, 15", "options of one case"));
}

#[test]
fn the_sums_of_a_councils_sheets_add_up() {
    let council = include_bytes!("../../../../data/examples/council.json");
    let (graded, why) = super::graded(&set_11(), council, None);
    let result = points(&graded);
    let members: u64 = result.members.iter().map(|member| u64::from(member.total)).sum();
    assert_eq!(result.parts.iter().map(|part| part.sum).sum::<u64>(), members);
    for part in &result.parts {
        assert_eq!(part.sections.iter().map(|section| section.sum).sum::<u64>(), part.sum);
    }
    assert!(says(&why, &format!("(cộng các phiếu: {members})"), "rounded by itself"));
}

#[test]
fn counts_take_a_deviation_in_each_row() {
    let row = json!({"grade": {"code": "A", "title": {"vi": "A"}}, "minor_max": 1, "major_max": 0,
        "serious_max": 0});
    let otherwise = json!({"code": "C", "title": {"vi": "C"}});
    let form = small(&json!({"model": "counts_table", "table": [row], "otherwise": otherwise}));
    let mut grader = answered(&form);
    for row in ["one", "two"] {
        grader.set_in_row("lots", row, "row-g", of_grade(Grade::Minor));
    }
    let about =
        Finding { rows: ["two".to_owned()].into(), ..finding(Some("row-g"), Severity::Major) };
    grader.set_finding("f", Some(about));
    let Outcome::CountsTable(result) = grader.grade().outcome else { panic!() };
    assert_eq!((result.counts.minor, result.counts.major), (1, 1), "the finding is about row two");
}
