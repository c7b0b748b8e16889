use clap::Parser;
use tempfile::TempDir;

use super::*;
use crate::cli::folder::At;
use crate::cli::{Arguments, Command};
use crate::messages::Lang;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/data/examples/");

fn grade(lang: Lang, words: &[&str]) -> Result<String, CliError> {
    let arguments = Arguments::try_parse_from(["bienban", "grade"].iter().chain(words)).unwrap();
    let Command::Grade(arguments) = arguments.command else { panic!("not grade") };
    let output = Output::new(false, Messages::new(lang));
    run(&arguments, &output).map(|answer| answer.text().to_owned())
}

fn example(name: &str) -> String {
    format!("{EXAMPLES}{name}.json")
}

#[test]
fn the_three_teas_have_three_stars_four_and_no_certificate() {
    for (name, vi, en) in [
        ("ex1", "3 sao (72 điểm)", "3 stars (72 points)"),
        ("ex2", "4 sao (73 điểm)", "4 stars (73 points)"),
        ("ex3", "Không được cấp giấy chứng nhận (70 điểm", "No certificate (70 points"),
    ] {
        for set in ["11", "OCOP-11", "ocop-11"] {
            let words = ["--template", set, "--answers", &example(name)];
            assert!(grade(Lang::Vi, &words).unwrap().contains(vi), "{name} {set}");
            assert!(grade(Lang::En, &words).unwrap().contains(en), "{name} {set}");
        }
    }
}

#[test]
fn an_explanation_goes_down_to_the_clause_and_the_short_form_does_not() {
    let words = ["--template", "11", "--answers", &example("ex1")];
    let short = grade(Lang::En, &words).unwrap();
    assert!(short.contains("needs at least 3 points (****), has 2"), "{short}");
    assert!(!short.contains("The program's reading"), "{short}");
    let long = grade(Lang::En, &[&words[..], &["--explain"]].concat()).unwrap();
    assert!(long.contains("Phụ lục II, bộ 11, tiêu chí 2.3") && long.contains("Decision 26/2026"));
    assert!(long.contains("The program's reading, the decision does not say (AN-31)"), "{long}");
    let vi = grade(Lang::Vi, &[&words[..], &["--explain"]].concat()).unwrap();
    assert!(vi.contains("Phần A") && vi.contains("30/40 điểm") && !vi.contains("points"), "{vi}");
    let none = grade(Lang::En, &[&words[..], &["--fallback", "none"]].concat()).unwrap();
    assert!(none.contains("No certificate (72 points, 2 stars)"), "{none}");
}

#[test]
fn a_facility_is_graded_as_of_a_day_and_says_that_the_checklist_is_a_proposal() {
    let at = |day| {
        let words = ["--template", "tea", "--answers", &example("ex5"), "--as-of", day];
        grade(Lang::En, &words).unwrap()
    };
    assert!(at("2026-06-10").contains("Awaiting correction"));
    assert!(at("2026-06-22").contains("Pass (after correction)"));
    assert!(at("2026-06-22").contains("a proposal, not an official form"));
    // A code stands for the edition in force on the day.
    let words = ["--template", "cl-che", "--answers", &example("ex4"), "--as-of", "2026-11-30"];
    assert!(grade(Lang::En, &words).unwrap().contains("checklist CL-CHE, edition 0"));
    let words = ["--template", "CL-CHE", "--answers", &example("ex4"), "--as-of", "2026-12-02"];
    let newer = grade(Lang::En, &words).unwrap();
    assert!(newer.contains("checklist CL-CHE, edition 1"), "{newer}");
    assert!(newer.contains("it was given to another checklist or edition"), "{newer}");
}

#[test]
fn every_example_counts_whole() {
    let form = example("ex8-template");
    for (template, names) in [
        ("11", &["ex1", "ex2", "ex3", "council", "held"][..]),
        ("held-11", &["held-check"]),
        ("tea", &["ex4", "ex5", "ex6", "ex7"]),
        (&form, &["ex8-b", "ex8-c"]),
    ] {
        for name in names {
            let words = ["--template", template, "--answers", &example(name), "--explain"];
            let shown = grade(Lang::En, &words).unwrap();
            assert!(!shown.contains("kept, not counted"), "{name}: {shown}");
            assert!(!shown.contains("Provisional"), "{name}: {shown}");
        }
    }
}

/// A value of a wrong type at every place that takes one type.
const TYPES: &str = r#"{"format": 1, "rows": [],
    "answers": {"1.1": 3, "1.2": {"na": 1}, "1.3": {"grade": "good"}, "1.4": {"photos": "x"}},
    "findings": [{"text": "a", "deadline": "soon"}, {"text": "b", "severity": "bad"},
        {"text": 3, "severity": "minor", "unfixable": "no"}],
    "members": {}, "recognised": {"stars": "four", "answers": {"1.1": 3}}}"#;

#[test]
fn every_fault_of_an_answers_file_is_told_in_the_readers_language() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("answers.json");
    let faulty = r#"{"format": 1, "as_of": "2026-02-30", "extra": 1,
        "answers": {"1.1": 3, "1.2": [], "1.3": {"grade": "good"}, "1.3": "2"},
        "members": [{"name": "a"}, {"name": "a"}]}"#;
    std::fs::write(&file, faulty).unwrap();
    let words = ["--template", "11", "--answers", file.to_str().unwrap()];
    let error = grade(Lang::En, &words).unwrap_err();
    assert_eq!(error.failed().code(), 1);
    let text = error.explain(At::Field, &Messages::new(Lang::En));
    for place in
        ["/as_of", "/extra", "/answers/1.1", "/answers/1.2", "/answers/1.3", "/members/1/name"]
    {
        assert!(text.contains(&format!("{place}: ")), "{place}: {text}");
    }
    let text = error.explain(At::Field, &Messages::new(Lang::Vi));
    assert!(text.contains("trường này có hai lần") && !text.contains("the field"), "{text}");
    std::fs::write(&file, TYPES).unwrap();
    let error = grade(Lang::En, &words).unwrap_err();
    let (en, vi) = (Messages::new(Lang::En), Messages::new(Lang::Vi));
    let (en, vi) = (error.explain(At::Field, &en), error.explain(At::Field, &vi));
    assert!(en.contains("/findings/0/severity: the field is missing"), "{en}");
    assert!(vi.contains("/findings/0/severity: thiếu trường này"), "{vi}");
    assert!(vi.contains("/findings/0/deadline: ngày viết"), "what follows is read too: {vi}");
    assert!(vi.contains("/findings/1/severity: giá trị không đúng kiểu"), "{vi}");
    assert!(vi.contains("/answers/1.1: giá trị không đúng kiểu, ở đây cần văn bản"), "{vi}");
    for english in [" or ", " an ", " a ", " number", " text", " list", " object"] {
        assert!(!vi.contains(english), "{english}: {vi}");
    }
    std::fs::write(&file, r#"{"format": 9}"#).unwrap();
    let newer = grade(Lang::En, &words).unwrap_err().explain(At::Field, &Messages::new(Lang::En));
    assert!(newer.contains("format 9, this program reads 1"), "{newer}");
}
