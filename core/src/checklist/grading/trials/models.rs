//! Each model and each state of an answer, one rule at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{day, grader, points, says, set_11, settings, several, tea, template, value};
use crate::checklist::grading::{
    Answers, AsideReason, Council, CouncilGates, CriterionState, Entry, FilledBy, Finding, Grader,
    Holding, Outcome, Passing, Recognised, Response, Settings, Standing, Verification,
};
use crate::checklist::{Template, ocop_set};
use crate::model::{Grade, Severity};

/// Returns a small checklist of every type of answer under a grading model.
pub(super) fn small(grading: &Json) -> Arc<Template> {
    let text = |text: &str| json!({"vi": text, "en": text});
    let option = |key: &str| json!({"key": key, "text": text(key)});
    let number = |key: &str| {
        json!({"key": key, "text": text(key),
            "answer": {"type": "number", "unit": "%", "decimals": 1}})
    };
    let mut wet = number("wet");
    wet["constraint"] = json!({"test": ". <= 100", "message": text("at most 100")});
    let mut row_wet = number("row-wet");
    row_wet["worse"] = json!("higher_is_worse");
    let graded = |key: &str| {
        json!({"key": key, "text": text(key),
            "answer": {"type": "grade", "severities": ["minor", "major", "serious"]}})
    };
    let mut photo = graded("g2");
    photo["evidence"] = json!({"vi": "ảnh", "photos_min": 2});
    let mut told = graded("g3");
    told["relevant"] = json!("${pick} = 'b'");
    let choices = json!([option("a"), option("b"), option("c")]);
    let file = json!({
        "format": 2, "code": "SMALL", "edition": "1", "title": text("small"),
        "official": false, "verified": null, "effective_from": "2026-01-01", "source": "test",
        "legal_basis": [{"id": "law", "text": text("Law")}],
        "agencies": {"x": text("x")},
        "orders": {"grade": ["na", "pass", "minor", "major", "serious"],
            "choice": "listed_worst_first", "choices": "fewer_is_worse",
            "number": "lower_is_worse", "date": "later_is_worse"},
        "sections": [
            {"code": "1", "title": text("one"), "agency": "x", "items": [
                graded("g1"), photo, told,
                {"key": "pick", "text": text("pick"), "required": true,
                    "answer": {"type": "choice", "options": choices}},
                {"key": "many", "text": text("many"),
                    "answer": {"type": "choices", "options": choices}},
                wet,
                {"key": "when", "text": text("when"), "answer": {"type": "date"}},
                {"key": "words", "text": text("words"),
                    "answer": {"type": "text", "chars_max": 20}},
                {"key": "photos", "text": text("photos"), "required": true,
                    "answer": {"type": "photo", "min": 2, "max": 4}},
                {"key": "sum", "text": text("sum"), "answer": {"type": "calculation",
                    "expression": "sum(${row-wet})", "result": "number"}}
            ]},
            {"code": "lots", "title": text("lots"), "agency": "x",
                "repeat": {"min": 1, "max": 3, "row": text("lot")},
                "items": [row_wet, graded("row-g")]}
        ],
        "grading": grading
    });
    template(&serde_json::to_vec(&file).unwrap())
}

pub(super) fn pass_fail() -> Arc<Template> {
    small(&json!({"model": "pass_fail", "deadline_days_max": 30}))
}

pub(super) fn of_grade(grade: Grade) -> Standing {
    Standing::of(Response::of_grade(grade))
}

pub(super) fn text(text: &str) -> Response {
    Response::Value(text.to_owned())
}

pub(super) fn keys(list: &crate::checklist::grading::Listed) -> Vec<&str> {
    assert_eq!(list.count, list.at.len());
    list.at.iter().map(|at| at.item.as_str()).collect()
}

/// Answers everything that must be, without any deviation.
pub(super) fn answered(template: &Arc<Template>) -> Grader {
    let mut grader = grader(template);
    grader.set("g1", of_grade(Grade::Pass));
    grader.set("g2", Standing { photos: 2, ..of_grade(Grade::Pass) });
    grader.set("pick", value("a"));
    grader.set("photos", Standing { entries: Vec::new(), photos: 2 });
    grader.set_in_row("lots", "one", "row-g", of_grade(Grade::Pass));
    grader
}

pub(super) fn finding(item: Option<&str>, severity: Severity) -> Finding {
    Finding {
        items: item.into_iter().map(str::to_owned).collect(),
        rows: BTreeSet::new(),
        severity,
        least: severity,
        text: "chưa ghi sổ".to_owned(),
        clause: None,
        issued: Some(day("2026-11-01")),
        deadline: Some(day("2026-12-01")),
        unfixable: false,
        verified: Verification::No,
        rechecked: None,
    }
}

#[test]
fn each_type_of_answer_has_its_worse_order_and_text_has_none() {
    let template = pass_fail();
    let mut grader = answered(&template);
    let cases: [(&str, &[&str], Option<&str>); 5] = [
        ("pick", &["c", "b"], Some("b")),
        ("many", &["a b", "c"], Some("c")),
        ("wet", &["70", "9.5", "12"], Some("9.5")),
        ("when", &["2026-01-02", "2026-02-01"], Some("2026-02-01")),
        ("words", &["một", "hai"], None),
    ];
    for (item, said, counts) in cases {
        let mut said: Vec<Response> = said.iter().map(|said| text(said)).collect();
        for _ in 0..2 {
            grader.set(item, several(&said));
            let (_, why) = grader.explain();
            let all = why.flat();
            let line = all.iter().find(|(depth, node)| {
                *depth == 1
                    && node.item.as_deref() == Some(item)
                    && node.en.contains("different answers")
            });
            let line = &line.unwrap_or_else(|| panic!("{item} is not explained")).1.en;
            match counts {
                Some(counts) => assert!(line.contains(&format!(": {counts}")), "{line}"),
                None => assert!(line.contains("counts as unanswered"), "{line}"),
            }
            said.reverse();
        }
        grader.set(item, if item == "pick" { value("a") } else { Standing::default() });
    }
    grader.set_in_row("lots", "one", "row-wet", several(&[text("3"), text("4")]));
    assert!(says(&grader.explain().1, "số lớn hơn: 4", "the higher number"));
}

#[test]
fn a_conflict_counts_worse_in_expressions_too_and_leaves_the_grade_provisional() {
    let mut grader = answered(&pass_fail());
    assert!(grader.grade().is_final);
    // The worse of the two is a, by which g3 does not apply; that is not settled.
    grader.set("pick", several(&[text("a"), text("b")]));
    let graded = grader.grade();
    assert!(keys(&graded.not_relevant).is_empty(), "nobody can say yet that it does not apply");
    assert_eq!(keys(&graded.missing.unsettled), ["g3"]);
    assert_eq!(keys(&graded.missing.conflicts), ["pick"]);
    assert!(!graded.is_final);
    // Equal answers agree.
    grader.set("pick", several(&[text("b"), text("b")]));
    let graded = grader.grade();
    assert_eq!((graded.tally.conflicted, keys(&graded.missing.items)), (0, vec!["g3"]));
}

#[test]
fn an_answer_taken_back_beside_another_is_a_conflict_that_hides_nothing() {
    let mut grader = answered(&pass_fail());
    grader.set("g1", several(&[Response::Withdrawn, Response::Grade(Grade::Minor)]));
    let graded = grader.grade();
    assert_eq!((keys(&graded.missing.conflicts), graded.tally.minor), (vec!["g1"], 1));
    assert!(!graded.is_final);
    assert!(says(&grader.explain().1, "xấu nhất so sánh được: lỗi nhẹ", "be compared counts"));
    grader.set("g1", Standing::of(Response::Withdrawn));
    let graded = grader.grade();
    assert_eq!((keys(&graded.missing.items), graded.tally.conflicted), (vec!["g1"], 0));
}

#[test]
fn not_applicable_not_relevant_and_unanswered_are_three_things() {
    let mut grader = answered(&pass_fail());
    grader.set("g1", of_grade(Grade::NotApplicable));
    grader.set("g2", Standing::default());
    let graded = grader.grade();
    assert_eq!(keys(&graded.not_applicable), ["g1"]);
    assert_eq!(keys(&graded.not_relevant), ["g3"]);
    assert_eq!(keys(&graded.missing.items), ["g2"]);
    assert_eq!(
        (graded.tally.not_applicable, graded.tally.not_relevant, graded.tally.missing),
        (1, 1, 1)
    );
    let why = grader.explain().1;
    for (vi, en) in [
        ("Không áp dụng (có người xác nhận) (1): g1", "Not applicable, as somebody says (1): g1"),
        ("Không thuộc diện áp dụng theo phiếu (1): g3", "Does not apply by the checklist (1): g3"),
        ("Chưa trả lời (1): g2", "Not answered (1): g2"),
    ] {
        assert!(says(&why, vi, en), "{en}");
    }
}

#[test]
fn missing_rows_photos_and_violated_constraints_are_told() {
    let mut grader = answered(&pass_fail());
    grader.set("g2", Standing { photos: 1, ..of_grade(Grade::Pass) });
    grader.set("wet", value("120"));
    grader.set("photos", Standing { entries: Vec::new(), photos: 1 });
    grader.remove_row("lots", "one");
    let graded = grader.grade();
    assert_eq!(keys(&graded.missing.evidence), ["g2", "photos"]);
    assert_eq!(keys(&graded.missing.violated), ["wet"]);
    assert_eq!((graded.missing.rows[0].rows, graded.missing.rows[0].min), (0, 1));
    assert!(!graded.is_final);
    assert!(says(&grader.explain().1, "at most 100", "the answer is not allowed: at most 100"));
    for row in ["a", "b", "c", "d"] {
        grader.set_in_row("lots", row, "row-g", of_grade(Grade::Pass));
    }
    assert_eq!((grader.grade().missing.rows[0].rows, grader.grade().missing.rows[0].max), (4, 3));
}

#[test]
fn answers_without_a_place_are_kept_shown_and_never_counted() {
    let mut grader = answered(&pass_fail());
    let before = grader.grade();
    grader.set("new", of_grade(Grade::Serious));
    grader.set("row-g", of_grade(Grade::Serious));
    grader.set("sum", value("7"));
    grader.set_in_row("lots", "one", "g1", of_grade(Grade::Serious));
    grader.set_in_row("wells", "one", "row-g", of_grade(Grade::Serious));
    grader.set("wet", value("wet"));
    grader.set("g1", of_grade(Grade::Pass));
    let graded = grader.grade();
    let asides: BTreeMap<(&str, Option<&str>), AsideReason> = graded
        .aside
        .iter()
        .map(|aside| ((aside.item.as_str(), aside.row.as_deref()), aside.reason))
        .collect();
    let expected = BTreeMap::from([
        (("new", None), AsideReason::UnknownItem),
        (("row-g", None), AsideReason::WrongPlace),
        (("g1", Some("one")), AsideReason::WrongPlace),
        (("row-g", Some("one")), AsideReason::UnknownSection),
        (("sum", None), AsideReason::DoesNotFit),
        (("wet", None), AsideReason::DoesNotFit),
    ]);
    assert_eq!(asides, expected);
    assert_eq!(graded.tally.aside, 6);
    assert_eq!(graded.outcome, before.outcome);
    assert_eq!(grader.answers().items["new"], of_grade(Grade::Serious), "it is kept");
    assert!(says(&grader.explain().1, "new: giữ lại, không tính", "kept, not counted"));
}

#[test]
fn answers_of_another_edition_do_not_count() {
    let filled_by = FilledBy { code: "SMALL".to_owned(), edition: "2".to_owned() };
    let mut answers = answered(&pass_fail()).answers().clone();
    answers.filled_by = Some(filled_by);
    let graded = Grader::new(pass_fail(), answers, settings()).grade();
    assert_eq!(graded.tally.answered, 0);
    assert!(graded.aside.iter().all(|aside| aside.reason == AsideReason::OtherEdition));
    assert_eq!((graded.aside.len(), graded.is_final), (5, false));
}

#[test]
fn a_deviation_waits_for_a_finding_and_a_row_has_its_own() {
    let mut grader = answered(&pass_fail());
    grader.set_in_row("lots", "one", "row-g", of_grade(Grade::Major));
    let result = |grader: &mut Grader| match grader.grade().outcome {
        Outcome::PassFail(result) => result,
        other => panic!("{other:?}"),
    };
    let waiting = result(&mut grader);
    assert_eq!((waiting.result, waiting.open), (Passing::AwaitingCorrection, 1));
    let said = grader.grade().result;
    assert!(said.en_or_vi().contains("1 deviation open"), "{said:?}");
    assert_eq!(waiting.without_finding.at[0].row.as_deref(), Some("one"));
    let about_lot = |finding: Finding| Finding { rows: ["one".to_owned()].into(), ..finding };
    grader.set_finding("f", Some(about_lot(finding(Some("row-g"), Severity::Major))));
    assert_eq!((result(&mut grader).open, result(&mut grader).without_finding.count), (1, 0));
    grader.set_as_of(day("2026-12-02"));
    assert_eq!(result(&mut grader).result, Passing::Fail, "the deadline has passed");
    let verified = Verification::On(day("2026-12-01"));
    let corrected = Finding { verified, ..finding(Some("row-g"), Severity::Major) };
    grader.set_finding("f", Some(about_lot(corrected)));
    assert_eq!(result(&mut grader).result, Passing::PassAfterCorrection);
    grader.set_as_of(day("2026-11-30"));
    assert_eq!(result(&mut grader).result, Passing::AwaitingCorrection, "not verified by then");
}

#[test]
fn without_a_deadline_the_longest_time_that_there_is_counts() {
    let mut grader = answered(&pass_fail());
    grader.set_finding("f", Some(Finding { deadline: None, ..finding(None, Severity::Minor) }));
    for (on, passing, vi, en) in [
        (
            "2026-12-01",
            Passing::AwaitingCorrection,
            "dài nhất đến 2026-12-01",
            "at most until 2026-12-01",
        ),
        (
            "2026-12-02",
            Passing::Fail,
            "đã quá thời hạn dài nhất",
            "the longest time that there is ended",
        ),
    ] {
        grader.set_as_of(day(on));
        let (graded, why) = grader.explain();
        let Outcome::PassFail(result) = graded.outcome else { panic!() };
        assert_eq!(result.result, passing, "{on}");
        assert!(says(&why, vi, en), "{on}");
    }
}

#[test]
fn a_deadline_beyond_the_rule_is_flagged_and_still_counts() {
    let mut grader = answered(&pass_fail());
    let late = Finding { deadline: Some(day("2026-12-02")), ..finding(None, Severity::Minor) };
    grader.set_finding("f", Some(late));
    let (graded, why) = grader.explain();
    let Outcome::PassFail(result) = graded.outcome else { panic!() };
    assert!(result.findings[0].deadline_too_long);
    assert_eq!(result.result, Passing::AwaitingCorrection);
    assert!(says(&why, "dài hơn 30 ngày kể từ 2026-11-01", "more than 30 days after 2026-11-01"));
    grader.set_finding("f", Some(finding(None, Severity::Minor)));
    let Outcome::PassFail(result) = grader.grade().outcome else { panic!() };
    assert!(!result.findings[0].deadline_too_long, "thirty days are allowed");
}

#[test]
fn counts_take_a_deviation_once_at_its_worst() {
    let row = json!({"grade": {"code": "A", "title": {"vi": "A"}}, "minor_max": 1, "major_max": 0,
        "serious_max": 0});
    let otherwise = json!({"code": "C", "title": {"vi": "C"}});
    let form = small(&json!({"model": "counts_table", "table": [row], "otherwise": otherwise}));
    let mut grader = answered(&form);
    let counts = |grader: &mut Grader| match grader.grade().outcome {
        Outcome::CountsTable(result) => {
            ((result.counts.minor, result.counts.major, result.counts.serious), result.grade)
        }
        other => panic!("{other:?}"),
    };
    grader.set("g1", of_grade(Grade::Minor));
    assert_eq!(counts(&mut grader), ((1, 0, 0), "A".to_owned()));
    grader.set_finding("f", Some(finding(Some("g1"), Severity::Major)));
    assert_eq!(counts(&mut grader), ((0, 1, 0), "C".to_owned()), "one deviation, at its worst");
    grader.set_finding("h", Some(finding(None, Severity::Minor)));
    assert_eq!(counts(&mut grader).0, (1, 1, 0), "about no item: one of its own");
}

#[test]
fn a_checklist_without_a_rule_only_says_what_is_missing() {
    let mut grader = grader(&small(&json!({"model": "none"})));
    let graded = grader.grade();
    assert_eq!(graded.outcome, Outcome::None);
    assert_eq!(
        keys(&graded.missing.items),
        ["pick", "photos"],
        "only what says that it is required"
    );
}

fn changed_set_11(change: impl FnOnce(&mut Json)) -> Arc<Template> {
    let mut file: Json = serde_json::from_slice(ocop_set("OCOP-11").unwrap()).unwrap();
    change(&mut file);
    template(&serde_json::to_vec(&file).unwrap())
}

fn ex(bytes: &[u8]) -> Answers {
    let file = crate::checklist::grading::AnswersFile::parse(bytes, &set_11()).unwrap();
    Answers { filled_by: None, ..file.answers }
}

#[test]
fn policies_of_gates_come_from_the_checklist() {
    // EX3 fails a gate of three stars only; bound by its own gates it could have four but for 2.3.
    let own = changed_set_11(|file| file["grading"]["gates"] = json!("own_rank_only"));
    let mut answers = ex(include_bytes!("../../../../data/examples/ex3.json"));
    answers.items.insert("2.3".to_owned(), value("3"));
    let cumulative = Grader::new(set_11(), answers.clone(), settings()).grade();
    let by_own = Grader::new(own, answers.clone(), settings()).grade();
    assert_eq!(
        (points(&cumulative).total.to_string().as_str(), points(&cumulative).stars),
        ("71", Some(2))
    );
    // 3.5 has a gate of four stars too, so four stars are still not met.
    assert_eq!(points(&by_own).stars, Some(2));
    answers.items.insert("3.5".to_owned(), value("2"));
    answers.items.insert("2.2".to_owned(), value("1"));
    let cumulative = Grader::new(set_11(), answers.clone(), settings()).grade();
    let own = changed_set_11(|file| file["grading"]["gates"] = json!("own_rank_only"));
    let by_own = Grader::new(own, answers, settings()).grade();
    assert_eq!(points(&cumulative).stars, Some(2), "2.2 is a gate of three stars");
    assert_eq!(points(&by_own).stars, Some(4));
}

#[test]
fn members_with_missing_answers_are_named_and_gates_follow_a_policy() {
    let full = ex(include_bytes!("../../../../data/examples/ex2.json"));
    let mut lacks = full.clone();
    lacks.items.remove("1.4");
    lacks.items.insert("2.3".to_owned(), value("2"));
    let members = BTreeMap::from([
        ("a".to_owned(), full.clone()),
        ("b".to_owned(), full),
        ("c".to_owned(), lacks),
    ]);
    let stars = |council_gates| {
        let settings = Settings { council_gates, ..settings() };
        Council::new(&set_11(), &Answers::default(), &members, &settings).explain().unwrap()
    };
    let (graded, why) = stars(CouncilGates::Mean);
    // 73, 73 and 70: nothing for what a member did not answer.
    assert_eq!(points(&graded).total.to_string(), "72");
    assert!(!graded.is_final);
    assert_eq!(keys(&graded.members[2].missing.items), ["1.4"]);
    assert!(graded.members[0].missing.is_empty());
    assert!(says(&why, "còn 1 tiêu chí chưa chấm", "1 criteria without an answer"));
    let gate = &points(&graded).ranks[1].unmet;
    assert_eq!((gate.len(), gate[0].points.to_string().as_str()), (1, "2.67"));
    let (graded, _) = stars(CouncilGates::EveryMember);
    assert_eq!(points(&graded).ranks[1].unmet[0].points.to_string(), "2");
}

#[test]
fn options_of_different_cases_leave_the_grade_provisional() {
    let set = template(ocop_set("OCOP-26").unwrap());
    let mut grader = grader(&set);
    grader.set("8", value("a3"));
    grader.set("9", value("a2"));
    assert!(grader.grade().missing.cases.is_empty());
    grader.set("15", value("b3"));
    let (graded, why) = grader.explain();
    assert_eq!(graded.missing.cases, [["8", "9", "15"]]);
    assert!(says(&why, "8, 9, 15", "options of one case"));
}

#[test]
fn a_checklist_may_ask_only_whether_the_criteria_are_held() {
    let check = changed_set_11(|file| {
        file["code"] = json!("HELD-11");
        file["grading"] = json!({"model": "criteria_held", "of": "OCOP-11"});
    });
    let answers = ex(include_bytes!("../../../../data/examples/ex2.json"));
    let options =
        answers.items.iter().filter_map(|(item, standing)| match &standing.entries[0].response {
            Response::Value(key) => Some((item.clone(), key.clone())),
            _ => None,
        });
    let recognised = Recognised { template: set_11(), stars: 4, options: options.collect() };
    let settings = Settings { recognised: Some(recognised), ..settings() };
    let mut grader = Grader::new(Arc::clone(&check), answers, settings);
    let held = |grader: &mut Grader| match grader.grade() {
        graded if matches!(graded.outcome, Outcome::CriteriaHeld(_)) => graded,
        other => panic!("{other:?}"),
    };
    let result = |grader: &mut Grader| match held(grader).outcome {
        Outcome::CriteriaHeld(result) => result,
        other => panic!("{other:?}"),
    };
    assert_eq!((result(&mut grader).result, result(&mut grader).held), (Holding::Held, 32));
    grader.set("1.4", value("1"));
    assert_eq!(
        (result(&mut grader).result, result(&mut grader).score_drops),
        (Holding::ScoreDrop, 1)
    );
    grader.set("1.4", Standing::default());
    let graded = held(&mut grader);
    assert!(!graded.is_final && result(&mut grader).not_observed == 1);
    grader.set("1.4", value("2"));
    grader.set("2.3", several(&[text("3"), text("1")]));
    let below = result(&mut grader);
    let found = below.criteria.iter().find(|criterion| criterion.item == "2.3").unwrap();
    assert_eq!((below.result, found.state), (Holding::NotHeld, CriterionState::BelowGate));
    let without = Grader::new(check, Answers::default(), super::settings()).grade();
    assert!(
        matches!(without.outcome, Outcome::CriteriaHeld(held) if held.result == Holding::NoRecognition)
    );
}

#[test]
fn who_said_what_stands_in_the_explanation() {
    let mut grader = grader(&tea());
    let entry = |grade, by: &str| Entry {
        response: Response::Grade(grade),
        by: Some(by.to_owned()),
        on: Some(day("2026-11-23")),
    };
    let entries = vec![entry(Grade::Serious, "Hoàng Thị Na"), entry(Grade::Pass, "Dương Lâm")];
    grader.set("4.1", Standing { entries, photos: 0 });
    let (graded, why) = grader.explain();
    assert_eq!(graded.tally.serious, 1);
    assert!(says(&why, "lỗi nghiêm trọng (Hoàng Thị Na, 2026-11-23)", "serious (Hoàng Thị Na"));
    assert!(says(&why, "đạt (Dương Lâm, 2026-11-23)", "pass (Dương Lâm"));
    assert!(says(&why, "tạm tính theo mức xấu hơn: lỗi nghiêm trọng", "the worse grade counts"));
}
