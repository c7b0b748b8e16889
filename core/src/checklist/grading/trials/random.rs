//! Random answers: nothing panics, more points never cost a total, and order never matters.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::Index;

use super::models::pass_fail;
use super::{graded, grader, points, set_11, settings, several, template, value};
use crate::checklist::grading::{
    Answers, AnswersFile, Entry, Grader, Outcome, Response, Settings, Standing,
};
use crate::checklist::{AnswerType, Fallback, NONE_KEY, Template, ocop_sets};
use crate::model::Grade;

const KEYS: [&str; 14] = [
    "g1", "g2", "g3", "pick", "many", "wet", "when", "words", "photos", "sum", "row-wet", "row-g",
    "new", "",
];
const TEXTS: [&str; 14] = [
    "a",
    "b",
    "c",
    "a b",
    "c a",
    "",
    "7",
    "7.0",
    "-3",
    "120",
    "2026-02-01",
    "2026-02-30",
    "1e9",
    "none",
];

fn response() -> impl Strategy<Value = Response> {
    prop_oneof![
        4 => (0..TEXTS.len()).prop_map(|n| Response::Value(TEXTS[n].to_owned())),
        4 => (0..Grade::ALL.len()).prop_map(|n| Response::of_grade(Grade::ALL[n])),
        1 => ".{0,12}".prop_map(Response::Value),
        1 => ".{0,12}".prop_map(Response::Unreadable),
        1 => Just(Response::NotApplicable),
        1 => Just(Response::Grade(Grade::Damaged)),
    ]
}

fn standing() -> impl Strategy<Value = Standing> {
    (proptest::collection::vec(response(), 0..4), 0..5_u32)
        .prop_map(|(responses, photos)| Standing { photos, ..several(&responses) })
}

type Put = (usize, Option<usize>, Standing);

fn put() -> impl Strategy<Value = Put> {
    (0..KEYS.len(), proptest::option::of(0..4_usize), standing())
}

fn apply(grader: &mut Grader, (key, row, standing): &Put) {
    match row {
        None => grader.set(KEYS[*key], standing.clone()),
        Some(row) => {
            let section = if *row == 3 { "wells" } else { "lots" };
            grader.set_in_row(section, &format!("r{row}"), KEYS[*key], standing.clone());
        }
    }
}

/// Picks an option of every criterion, or none where that is allowed.
fn picks(set: &Template, chosen: &[Index]) -> Vec<(String, Vec<String>, usize)> {
    let criteria = set.each().filter(|(_, item)| item.max.is_some());
    criteria
        .zip(chosen.iter().cycle())
        .filter_map(|((_, item), index)| {
            let AnswerType::Choice { options, or_none } = &item.answer else { return None };
            let mut options: Vec<_> = options.iter().collect();
            options.sort_by_key(|option| option.points);
            let mut keys: Vec<String> = options.iter().map(|option| option.key.clone()).collect();
            if *or_none {
                keys.insert(0, NONE_KEY.to_owned());
            }
            let at = index.index(keys.len());
            Some((item.key.clone(), keys, at))
        })
        .collect()
}

fn total(grader: &mut Grader) -> String {
    points(&grader.grade()).total.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_history_of_answers_leaves_no_trace_and_nothing_panics(
        puts in proptest::collection::vec(put(), 0..60),
        removed in proptest::option::of(0..4_usize),
    ) {
        let template = pass_fail();
        let mut grader = grader(&template);
        for put in &puts {
            apply(&mut grader, put);
            let graded = grader.grade();
            let tally = graded.tally;
            prop_assert_eq!(tally.answered + tally.unanswered, tally.items);
            prop_assert!(graded.is_final == graded.missing.is_empty());
        }
        if let Some(row) = removed {
            grader.remove_row("lots", &format!("r{row}"));
        }
        let mut anew = Grader::new(template, grader.answers().clone(), settings());
        prop_assert_eq!(grader.explain(), anew.explain());
    }

    #[test]
    fn the_order_of_standing_answers_never_matters(
        key in 0..KEYS.len(),
        (one, other) in proptest::collection::vec(response(), 1..6)
            .prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())),
    ) {
        let template = pass_fail();
        let graded = |said: &[Response]| {
            let mut grader = grader(&template);
            grader.set(KEYS[key], several(said));
            grader.explain()
        };
        prop_assert_eq!(graded(&one), graded(&other));
    }

    #[test]
    fn a_better_answer_never_lowers_a_total(
        set in 0..26_usize,
        chosen in proptest::collection::vec(any::<Index>(), 40..60),
        which in any::<Index>(),
        up in any::<Index>(),
        beside in any::<bool>(),
    ) {
        let set = template(ocop_sets()[set].1);
        let picks = picks(&set, &chosen);
        let mut grader = grader(&set);
        for (item, keys, at) in &picks {
            grader.set(item, value(&keys[*at]));
        }
        let points_of = |grader: &mut Grader| match grader.grade().outcome {
            Outcome::OcopPoints(points) => (points.total, points.stars),
            other => panic!("{other:?}"),
        };
        let before = points_of(&mut grader);
        let (item, keys, at) = &picks[which.index(picks.len())];
        let better = &keys[at + up.index(keys.len() - at)];
        let said = |key: &String| Response::Value(key.clone());
        if beside {
            // Beside the old answer the better one stands too: the worse counts.
            grader.set(item, several(&[said(better), said(&keys[*at])]));
        } else {
            grader.set(item, value(better));
        }
        let after = points_of(&mut grader);
        let told = format!("{item}: {} to {better}: {before:?} to {after:?}", keys[*at]);
        prop_assert!(after.0 >= before.0, "{told}");
        // An option of another case is held against other gates.
        let entry = set.item(item).unwrap().1;
        let case = |key: &String| entry.option(key).and_then(|option| option.case.clone());
        if case(better) == case(&keys[*at]) {
            prop_assert!(after.1 >= before.1, "{told}");
        }
        if beside {
            prop_assert_eq!(after.0, before.0);
            prop_assert!(after.1 <= before.1, "{}", told);
        }
        // And answering what was open never does.
        grader.set(item, Standing::default());
        let open = points_of(&mut grader);
        grader.set(item, value(&keys[0]));
        let (total, stars) = points_of(&mut grader);
        let told = format!("{item} open: {open:?}, answered: {:?}", (total, stars));
        prop_assert!(total >= open.0, "{told}");
        // The worst answer may be one that stops the dossier, which nobody had said before.
        prop_assert!(stars.is_none() || stars >= open.1 || entry.cases.len() > 1, "{told}");
    }

    #[test]
    fn falling_back_never_gives_fewer_stars_than_not(
        chosen in proptest::collection::vec(any::<Index>(), 40..60),
    ) {
        let set = set_11();
        let stars = |fallback| {
            let settings = Settings { fallback: Some(fallback), ..settings() };
            let mut grader = Grader::new(Arc::clone(&set), Answers::default(), settings);
            for (item, keys, at) in picks(&set, &chosen) {
                grader.set(&item, value(&keys[at]));
            }
            points(&grader.grade()).stars
        };
        prop_assert!(stars(Fallback::NextLowerRank) >= stars(Fallback::NoRank));
    }

    #[test]
    fn no_json_makes_the_reader_of_answers_panic(json in json()) {
        let template = pass_fail();
        let bytes = serde_json::to_vec(&json).unwrap();
        if let Err(error) = AnswersFile::parse(&bytes, &template) {
            prop_assert!(!error.to_string().is_empty());
            for fault in error.faults() {
                let place = fault.pointer.as_str();
                prop_assert!(place.is_empty() || place.starts_with('/'), "{fault} {}", fault.vi());
            }
        }
    }

    #[test]
    fn no_answers_file_makes_the_grading_panic(
        items in proptest::collection::btree_map("[a-z0-9-]{0,6}", json(), 0..6),
        rows in proptest::collection::btree_map("[a-z]{1,4}", json(), 0..4),
        findings in json(),
    ) {
        let file = serde_json::json!({"format": 1, "as_of": "2026-11-23", "answers": items,
            "rows": {"lots": rows}, "findings": [findings]});
        let bytes = serde_json::to_vec(&file).unwrap();
        if AnswersFile::parse(&bytes, &pass_fail()).is_ok() {
            graded(&pass_fail(), &bytes, None);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_of_answers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(AnswersFile::parse(&bytes, &pass_fail()));
    }
}

/// Any JSON, with the words of answers files among the names.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "format",
            "note",
            "as_of",
            "template",
            "code",
            "edition",
            "answers",
            "rows",
            "lots",
            "findings",
            "members",
            "name",
            "recognised",
            "stars",
            "grade",
            "value",
            "na",
            "taken_back",
            "photos",
            "by",
            "on",
            "item",
            "severity",
            "text",
            "deadline",
            "verified",
            "unfixable",
            "g1",
            "pick",
            "wet",
        ])
        .prop_map(str::to_owned),
        ".{0,4}",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (0..3_i64).prop_map(Into::into),
        prop::sample::select(vec!["pass", "minor", "a", "7", "2026-11-23", "x"])
            .prop_map(|text| text.into()),
        ".{0,4}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

#[test]
fn a_total_of_an_empty_sheet_is_nought() {
    assert_eq!(total(&mut grader(&set_11())), "0");
    let entry: Entry = Response::NotApplicable.into();
    assert_eq!((entry.by, entry.on), (None, None));
}
