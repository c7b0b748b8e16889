//! The sets against the project's own copy of the transcript: nothing is lost, nothing is added.

use serde_json::Value;

use super::ocop_sets;
use crate::checklist::{
    AnswerType, Effect, Grading, Item, KnockoutLevel, NONE_KEY, OcopPoints, Template,
};

macro_rules! sources {
    ($($number:literal)*) => {
        [$(include_str!(concat!("../../../../data/ocop-2026/set-", $number, ".json"))),*]
    };
}

const INDEX: &str = include_str!("../../../../data/ocop-2026/index.json");
const SOURCES: [&str; 26] = sources!(
    "01" "02" "03" "04" "05" "06" "07" "08" "09" "10" "11" "12" "13" "14" "15" "16" "17" "18" "19"
    "20" "21" "22" "23" "24" "25" "26"
);

fn index() -> Value {
    serde_json::from_str(INDEX).unwrap()
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn templates() -> Vec<Template> {
    ocop_sets().iter().map(|(_, bytes)| Template::parse(bytes).unwrap()).collect()
}

fn points(template: &Template) -> &OcopPoints {
    match template.grading() {
        Grading::OcopPoints(points) => points,
        other => panic!("{} has the model {}", template.code(), other.name()),
    }
}

/// Items that give points: the criteria.
fn criteria(template: &Template) -> Vec<&Item> {
    template.each().map(|(_, item)| item).filter(|item| item.max.is_some()).collect()
}

#[test]
fn all_sets_load_and_their_parts_are_40_25_35() {
    let templates = templates();
    assert_eq!(templates.len(), 26);
    for (template, (code, _)) in templates.iter().zip(ocop_sets()) {
        assert_eq!(template.code(), *code);
        let maxima: Vec<_> = points(template).parts.iter().map(|part| part.max).collect();
        assert_eq!(maxima, [40, 25, 35], "{code}");
        let best: u32 = criteria(template)
            .iter()
            .map(|item| item.answer.options().iter().filter_map(|o| o.points).max().unwrap())
            .sum();
        assert_eq!(best, 100, "{code}: the best options together");
        assert!(template.is_official() && template.verified().is_none(), "{code}");
    }
}

#[test]
fn counts_equal_those_of_the_index() {
    let index = index();
    let mut zeroless = 0;
    for (template, entry) in templates().iter().zip(list(&index, "sets")) {
        let code = template.code();
        let criteria = criteria(template);
        let options: Vec<_> = criteria.iter().flat_map(|item| item.answer.options()).collect();
        assert_eq!(entry["criteria"], criteria.len(), "{code}");
        assert_eq!(entry["options"], options.len(), "{code}");
        let implied = options.iter().filter(|option| option.implied).count();
        assert_eq!(entry["implied_options"], implied, "{code}");
        for gate in [3, 4, 5] {
            let found = options.iter().filter(|option| option.gate == Some(gate)).count();
            let stated = entry["gates"][gate.to_string()].as_u64().unwrap_or(0);
            assert_eq!(stated, found as u64, "{code}: gates of {gate} stars");
        }
        for (level, name) in [
            (KnockoutLevel::Dossier, "dossier"),
            (KnockoutLevel::Section, "section"),
            (KnockoutLevel::Criterion, "criterion"),
        ] {
            let found = points(template).knockouts.iter().filter(|k| k.level == level).count();
            assert_eq!(entry["knockouts"][name], found, "{code}: {name}");
        }
        zeroless += criteria.iter().filter(|item| takes_none(item)).count();
    }
    // AN-29 counts the criteria that have no option of 0 points.
    assert_eq!(zeroless, 400);
}

fn takes_none(item: &Item) -> bool {
    matches!(item.answer, AnswerType::Choice { or_none: true, .. })
}

#[test]
fn every_text_point_gate_and_case_is_that_of_the_transcript() {
    for (template, source) in templates().iter().zip(SOURCES) {
        let source: Value = serde_json::from_str(source).unwrap();
        let sections = list(&source, "parts").iter().flat_map(|part| list(part, "sections"));
        for section in sections {
            let found = template.sections().iter().find(|s| section["code"] == s.code).unwrap();
            assert_eq!(section["name"]["vi"], found.title.vi);
            assert_eq!(section["max"], found.max.unwrap());
            for (group, found) in list(section, "groups").iter().zip(&found.groups) {
                assert_eq!(
                    (&group["max"], &group["name"]["vi"]),
                    (&found.max.unwrap().into(), &found.title.vi.clone().into())
                );
            }
            for criterion in list(section, "criteria") {
                let key = criterion["code"].as_str().unwrap();
                let (of, item) = template.item(key).unwrap();
                assert_eq!(of.code, found.code);
                same_criterion(criterion, item);
                same_knockout(template, criterion, key);
            }
        }
        for (knockout, n) in list(&source, "knockouts").iter().zip(1..) {
            let (_, item) = template.item(&format!("ko-{n}")).unwrap();
            assert_eq!(knockout["vi"], item.text.vi);
        }
    }
}

fn same_criterion(criterion: &Value, item: &Item) {
    assert_eq!(criterion["name"]["vi"], item.text.vi);
    assert_eq!(criterion["max"], item.max.unwrap());
    let guidance = item.guidance.as_ref().map(|words| words.vi.as_str());
    assert_eq!(criterion["guidance"]["vi"].as_str(), guidance);
    assert_eq!(criterion["group"].as_str(), item.group.as_deref());
    assert_eq!(criterion.get("applies_if").is_some(), item.relevant.is_some());
    let options = list(criterion, "options");
    assert_eq!(options.len(), item.answer.options().len());
    for (option, found) in options.iter().zip(item.answer.options()) {
        assert_eq!(option["text"]["vi"], found.text.vi);
        assert_eq!(option["points"], found.points.unwrap());
        assert_eq!(option["gate"].as_u64(), found.gate.map(u64::from));
        assert_eq!(option["case"].as_str(), found.case.as_deref());
        assert_eq!(option["implied"].as_bool().unwrap_or(false), found.implied);
    }
}

fn same_knockout(template: &Template, criterion: &Value, key: &str) {
    let knockouts = &points(template).knockouts;
    let found = knockouts.iter().find(|knockout| knockout.of.as_deref() == Some(key));
    let Some(knockout) = criterion.get("knockout") else {
        return assert!(found.is_none(), "{} {key}", template.code());
    };
    let found = found.unwrap();
    let effect = match found.effect {
        Effect::Reject => "reject",
        Effect::Stop => "stop",
        Effect::Exclude => "exclude",
    };
    assert_eq!(knockout["effect"], effect);
    let (_, item) = template.item(&found.item).unwrap();
    assert_eq!(knockout["vi"], item.text.vi);
    assert!(item.option("yes").is_some());
}

#[test]
fn every_anomaly_and_correction_is_carried_by_the_sets_it_concerns() {
    let index = index();
    let templates = templates();
    let anomalies = list(&index, "anomalies");
    assert_eq!(anomalies.len(), 41);
    assert_eq!(anomalies.iter().filter(|a| a["needs_human_check"] == true).count(), 19);
    for anomaly in anomalies {
        for (template, number) in templates.iter().zip(1_u64..) {
            let found = template.anomalies().iter().find(|found| anomaly["id"] == found.id);
            let concerns = list(anomaly, "sets").iter().any(|set| set.as_u64() == Some(number));
            assert_eq!(found.is_some(), concerns, "{} {}", anomaly["id"], template.code());
            let Some(found) = found else { continue };
            assert_eq!(anomaly["detail"]["vi"], found.vi);
            assert_eq!(anomaly["handling"], found.handling);
            assert_eq!(anomaly["needs_human_check"], found.needs_person);
            let whole_sheet = anomaly["code"] == "";
            assert_eq!(whole_sheet, found.place.is_empty(), "{}", found.id);
        }
    }
    let corrections: usize = templates.iter().map(|template| template.corrections().len()).sum();
    assert_eq!(corrections, list(&index, "corrections").len());
}

#[test]
fn options_of_equal_points_have_keys_of_their_own() {
    let templates = templates();
    let keys = |set: usize, item: &str| -> Vec<String> {
        let (_, item) = templates[set - 1].item(item).unwrap();
        item.answer.options().iter().map(|option| option.key.clone()).collect()
    };
    assert_eq!(keys(11, "2.3"), ["1", "2", "3"]);
    assert_eq!(keys(7, "3.1"), ["1a", "1b", "3"]);
    assert_eq!(keys(26, "8"), ["a1", "a3", "b1", "b3"]);
    let tea = &templates[10];
    assert!(tea.check_value("2.3", "3").is_ok());
    assert!(tea.check_value("2.4", NONE_KEY).is_ok(), "no label in two languages");
    let refused = tea.check_value("1.7", NONE_KEY).unwrap_err().to_string();
    assert_eq!(refused, "item 1.7 takes one of 0, 1");
}

#[test]
fn no_two_sets_have_one_name() {
    let mut names: Vec<_> = templates().iter().map(|template| template.id().to_string()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 26);
}
