//! Files that are right and files that are wrong, of both formats.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::checklist::{TEA, TEA_1};

fn parse(value: &Value) -> Result<Template, TemplateError> {
    Template::parse(&serde_json::to_vec(value).unwrap())
}

/// A small file of format 2 with every kind of answer, a repeat group and expressions.
fn sample() -> Value {
    let words = |text: &str| json!({ "vi": text, "en": text });
    json!({
        "format": 2, "code": "T-1", "edition": "1", "title": words("Phiếu"), "official": false,
        "verified": null, "effective_from": "2026-01-01", "effective_to": "2026-12-31",
        "source": "thử", "legal_basis": [{ "id": "luat", "text": words("Luật") }],
        "agencies": { "xa": words("Xã") }, "managed_by": ["xa"],
        "orders": {
            "grade": ["na", "pass", "minor", "major", "serious"], "choice": "listed_worst_first",
            "choices": "fewer_is_worse", "number": "lower_is_worse", "date": "earlier_is_worse"
        },
        "sections": [
            { "code": "A", "title": words("Chung"), "agency": "xa",
              "clause": { "basis": "luat", "clause": "điều 1" },
              "items": [
                { "key": "1", "text": words("Sạch"), "required": true,
                  "evidence": { "vi": "ảnh", "photos_min": 1 },
                  "answer": { "type": "grade", "severities": ["minor", "serious"] } },
                { "key": "2", "text": words("Ẩm"), "worse": "higher_is_worse",
                  "constraint": { "test": ". <= 100", "message": words("quá 100") },
                  "answer": { "type": "number", "unit": "%", "decimals": 1, "min": "0", "max": "99.5" } },
                { "key": "3", "text": words("Loại"), "relevant": "${1} = 'pass'", "answer": {
                    "type": "choice", "or_none": true, "options": [
                        { "key": "a", "text": words("A") }, { "key": "b", "text": words("B") }] } },
                { "key": "4", "text": words("Nhiều"), "answer": { "type": "choices", "options": [
                    { "key": "x", "text": words("X") }, { "key": "y", "text": words("Y") }] } },
                { "key": "5", "text": words("Ngày"), "answer": { "type": "date" } },
                { "key": "6", "text": words("Nơi"), "answer": { "type": "position" } },
                { "key": "7", "text": words("Ảnh"),
                  "answer": { "type": "photo", "min": 1, "max": 3 } },
                { "key": "8", "text": words("Ký"), "answer": { "type": "signature" } },
                { "key": "9", "text": words("Lô"), "answer": {
                    "type": "calculation", "expression": "count(${lots})", "result": "number" } }
              ] },
            { "code": "lots", "title": words("Lô hàng"), "agency": "xa",
              "repeat": { "min": 0, "max": 500, "row": words("lô") },
              "items": [
                { "key": "l1", "text": words("Tên"), "required": "${2} > 5",
                  "answer": { "type": "text", "chars_max": 200 } }
              ] }
        ],
        "grading": { "model": "pass_fail", "deadline_days_max": 30,
                     "clause": { "basis": "luat", "clause": "điều 2" } }
    })
}

/// Returns the faults of the sample after an edit, as pointer and text.
fn faults(edit: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
    let mut value = sample();
    edit(&mut value);
    faults_of(&value)
}

fn faults_of(value: &Value) -> Vec<(String, String)> {
    let error = parse(value).unwrap_err();
    let found = error.faults().iter().map(|f| (f.pointer.clone(), f.kind.to_string()));
    found.collect()
}

fn pointers(edit: impl FnOnce(&mut Value)) -> Vec<String> {
    faults(edit).into_iter().map(|(pointer, _)| pointer).collect()
}

fn ocop(edit: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
    let mut value: Value = serde_json::from_slice(ocop_set("OCOP-11").unwrap()).unwrap();
    edit(&mut value);
    faults_of(&value)
}

fn broken(from: &str, to: &str) -> String {
    let text = std::str::from_utf8(TEA).unwrap();
    assert!(text.contains(from), "the embedded template no longer contains {from}");
    let text = text.replacen(from, to, 1);
    Template::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_fault_of_the_shape_hides_no_other_of_the_same_criterion() {
    let found = ocop(|file| {
        let options = &mut file["sections"][1]["items"][0]["answer"]["options"];
        options[0]["points"] = json!("9");
        options[1]["gate"] = json!(6);
        options[2]["gate"] = json!(2);
        file["sections"][1]["items"][0]["text"] = json!({ "vi": "" });
    });
    let at = |end: &str| format!("/sections/1/items/0/{end}");
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    let all =
        ["answer/options/0/points", "text/vi", "answer/options/1/gate", "answer/options/2/gate"];
    assert_eq!(pointers, all.map(at), "and nothing that rests on the points: {found:?}");
}

#[test]
fn what_could_not_be_read_is_not_said_to_be_missing() {
    let found = |edit: fn(&mut Value)| pointers(edit);
    let items = found(|file| file["sections"][0]["items"] = json!({}));
    assert_eq!(items, ["/sections/0/items"]);
    let key = found(|file| {
        file["sections"][0]["items"][1]["key"] = json!(2);
        file["sections"][0]["items"][3]["worse"] = json!("later_is_worse");
    });
    assert_eq!(key, ["/sections/0/items/1/key", "/sections/0/items/3/worse"]);
    let agencies = found(|file| file["agencies"] = json!([]));
    assert_eq!(agencies, ["/agencies"]);
    let own = found(|file| {
        file["sections"][0]["items"][2]["guidance"] = json!(1);
        file["sections"][0]["items"][2]["relevant"] = json!("${nowhere} = 'pass'");
    });
    assert_eq!(own, ["/sections/0/items/2/guidance", "/sections/0/items/2/relevant"]);
}

#[test]
fn the_tea_checklist_is_whole_and_keeps_its_name() {
    let tea = Template::parse(TEA).unwrap();
    assert_eq!(tea.items().len(), 43);
    assert!(!tea.is_official());
    assert_eq!(tea.sections().len(), 9);
    let shape = tea.shape();
    assert_eq!((shape.items(), shape.groups()), (tea.items().as_slice(), [].as_slice()));
    // Inspections pin this name: a change of the file is another template.
    assert_eq!(
        tea.id().to_string(),
        "e90dfe1d02511c32d9ed6392021a51b7b17bbbebd00abc65124739d7af33c09a"
    );
}

#[test]
fn the_second_edition_of_the_tea_checklist_has_the_items_of_the_first_and_rows() {
    let (first, second) = (Template::parse(TEA).unwrap(), Template::parse(TEA_1).unwrap());
    for (_, item) in first.each() {
        let (_, same) = second.item(&item.key).unwrap();
        assert_eq!((&same.text, &same.answer), (&item.text, &item.answer), "{}", item.key);
    }
    let groups: Vec<_> = second.groups().map(|(section, _)| section.code.as_str()).collect();
    assert_eq!(groups, ["lots", "samples"]);
    assert_eq!(overlaps(&[first, second]), []);
}

#[test]
fn the_name_does_not_depend_on_how_the_file_is_laid_out() {
    let value: Value = serde_json::from_slice(TEA).unwrap();
    let compact = serde_json::to_vec(&value).unwrap();
    assert_eq!(Template::parse(&compact).unwrap().id(), Template::parse(TEA).unwrap().id());
}

#[test]
fn a_severity_that_the_item_does_not_allow_is_refused_with_the_allowed_ones() {
    let tea = Template::parse(TEA).unwrap();
    assert!(tea.check_answer("1.1", Grade::Major).is_ok());
    assert_eq!(
        tea.check_answer("1.1", Grade::Serious).unwrap_err().to_string(),
        "item 1.1 does not allow serious; allowed are pass, major, na"
    );
    assert!(matches!(tea.check_answer("99.1", Grade::Pass), Err(AnswerError::UnknownItem { .. })));
}

#[test]
fn a_wrong_file_of_format_1_is_refused_with_the_place_of_the_fault() {
    assert_eq!(
        broken("\"key\": \"2.2\"", "\"key\": \"2.1\""),
        "section 2, item 2.1, /sections/1/items/1/key: 2.1 is used before, at \
         /sections/1/items/0/key; choose another"
    );
    assert_eq!(
        broken("\"agency\": \"environment\"", "\"agency\": \"police\""),
        "section 4, /sections/3/agency: there is no agency police in this template"
    );
    assert!(broken("\"official\": false", "\"official\": 1").starts_with("template line 9,"));
    assert!(broken("\"format\": 1", "\"format\": 3").contains("update the program"));
    assert!(broken("\"na\",", "").contains("order"));
    assert!(Template::parse(b"{").unwrap_err().to_string().starts_with("template line 1,"));
    assert!(Template::parse(b"\xff\x00").is_err());
}

#[test]
fn the_sample_is_right_and_rows_are_not_in_the_first_change() {
    let template = parse(&sample()).unwrap();
    assert_eq!(template.groups().count(), 1);
    assert_eq!(template.items().len(), 10);
    assert_eq!(template.shape().items().len(), 9, "l1 lives in rows");
    assert!(template.program().field("9").is_some());
}

#[test]
fn values_are_checked_by_the_type_of_the_answer() {
    let template = parse(&sample()).unwrap();
    for (item, value) in [
        ("2", "99.5"),
        ("2", "0"),
        ("3", "b"),
        ("3", NONE_KEY),
        ("4", "x"),
        ("4", "x y"),
        ("5", "2026-02-28"),
        ("6", "21.9,106.3"),
        ("6", "-90,180"),
        ("l1", "lô một"),
    ] {
        assert_eq!(template.check_value(item, value), Ok(()), "{item} {value}");
    }
    for (item, value) in [
        ("1", "pass"),
        ("2", "99.6"),
        ("2", "1.25"),
        ("2", "-1"),
        ("3", "c"),
        ("4", "y x"),
        ("4", "x x"),
        ("4", NONE_KEY),
        ("5", "2026-02-30"),
        ("6", "91,0"),
        ("6", "90.1,0"),
        ("9", "1"),
        ("10", "1"),
    ] {
        assert!(template.check_value(item, value).is_err(), "{item} {value}");
    }
    let long = "a".repeat(201);
    assert!(template.check_value("l1", &long).is_err());
    let wanted = template.check_value("2", "x").unwrap_err().to_string();
    assert_eq!(
        wanted,
        "item 2 takes a number in % with at most 1 decimals, at least 0, at most 99.5"
    );
}

#[test]
fn every_fault_is_told_at_once_with_its_place() {
    let found = pointers(|value| {
        value["effective_to"] = "2025-12-31".into();
        value["surplus"] = 1.into();
        value["sections"][0]["agency"] = "cong-an".into();
        value["sections"][0]["clause"]["basis"] = "nghi-dinh".into();
        value["sections"][0]["items"][0]["answer"]["severities"] = json!([]);
        value["sections"][0]["items"][1]["answer"]["min"] = "100".into();
        value["sections"][0]["items"][2]["relevant"] = "${nobody} = 1".into();
        value["sections"][0]["items"][3]["key"] = "1".into();
        value["sections"][0]["items"][4]["answer"]["type"] = "hour".into();
        value["sections"][0]["items"][5]["worse"] = "later_is_worse".into();
        value["sections"][1]["repeat"]["max"] = 501.into();
        value["grading"]["deadline_days_max"] = 0.into();
    });
    assert_eq!(
        found,
        [
            "/surplus",
            "/sections/0/items/4/answer",
            "/effective_to",
            "/sections/0/agency",
            "/sections/0/clause/basis",
            "/sections/0/items/0/answer/severities",
            "/sections/0/items/1/answer",
            "/sections/0/items/3/key",
            "/sections/0/items/5/worse",
            "/sections/1/repeat",
            "/grading/deadline_days_max",
            "/sections/0/items/2/relevant",
        ]
    );
}

#[test]
fn a_fault_names_section_item_and_the_character_of_an_expression() {
    let mut value = sample();
    value["sections"][0]["items"][2]["relevant"] = "${1} = 'pass' and".into();
    let error = parse(&value).unwrap_err();
    let [fault] = error.faults() else { panic!("{error}") };
    assert_eq!((fault.section.as_deref(), fault.item.as_deref()), (Some("A"), Some("3")));
    assert!(fault.position.is_some(), "{fault}");
    let text = error.to_string();
    assert!(
        text.starts_with("section A, item 3, /sections/0/items/2/relevant, character "),
        "{text}"
    );
}

#[test]
fn cycles_and_wrong_types_of_expressions_are_faults() {
    let cycle = faults(|value| {
        value["sections"][0]["items"][8]["answer"]["expression"] = "${9} + 1".into();
    });
    assert_eq!(cycle.len(), 1);
    assert_eq!(cycle[0].0, "/sections/0/items/8/answer/expression");
    assert!(cycle[0].1.contains("needs itself"), "{cycle:?}");
    let typed = faults(|value| {
        value["sections"][0]["items"][2]["relevant"] = "${5} > 3".into();
        value["sections"][0]["items"][8]["answer"]["result"] = "date".into();
        value["sections"][1]["items"][0]["required"] = "count(${2})".into();
    });
    let places: Vec<_> = typed.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/sections/0/items/2/relevant",
            "/sections/0/items/8/answer/expression",
            "/sections/1/items/0/required",
        ]
    );
}

#[test]
fn nothing_is_said_of_expressions_that_name_what_could_not_be_read() {
    let found =
        pointers(|value| value["sections"][0]["items"][0]["answer"]["severities"] = 1.into());
    assert_eq!(found, ["/sections/0/items/0/answer"]);
}

#[test]
fn fields_that_stand_twice_are_told() {
    let text = serde_json::to_string(&sample()).unwrap();
    let text = text.replacen("\"edition\":\"1\"", "\"edition\":\"1\",\"edition\":\"2\"", 1);
    let error = Template::parse(text.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/edition: the field stands twice in one object; only one can count"
    );
}

#[test]
fn missing_and_null_fields_are_told_by_name() {
    let found = faults(|value| {
        value.as_object_mut().unwrap().remove("verified");
        value.as_object_mut().unwrap().remove("sections");
        value["effective_to"] = Value::Null;
    });
    let places: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(places, ["/sections", "/verified", "/effective_to"]);
    assert!(found[2].1.contains("leave the field out"));
}

#[test]
fn text_in_another_unicode_form_is_refused() {
    let found =
        faults(|value| value["sections"][0]["items"][0]["text"]["vi"] = "Sa\u{323}ch".into());
    assert_eq!(found[0].0, "/sections/0/items/0/text/vi");
    assert!(found[0].1.contains("NFC"));
}

#[test]
fn sums_that_do_not_add_up_are_told_at_every_level() {
    let found = ocop(|value| {
        assert_eq!(value["sections"][1]["items"][0]["key"], "1.1");
        value["sections"][1]["items"][0]["max"] = 2.into();
    });
    let places: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(places, ["/sections/1/max", "/sections/1/items/0/max"]);
    assert_eq!(found[0].1, "its criteria sum to 17, but 18 is stated");
    assert_eq!(found[1].1, "the best option is worth 3, but the maximum is 2");
    let parts = ocop(|value| value["grading"]["parts"][0]["max"] = 41.into());
    assert_eq!(
        parts[0],
        ("/grading/parts".to_owned(), "the parts sum to 101, but 100 is stated".to_owned())
    );
    assert_eq!(
        parts[1],
        ("/grading/parts/0/max".to_owned(), "its sections sum to 40, but 41 is stated".to_owned())
    );
    let lost = ocop(|value| {
        value["grading"]["parts"][2]["sections"].as_array_mut().unwrap().pop();
    });
    assert!(lost.iter().any(|(_, text)| text.contains("counted in 0 parts")), "{lost:?}");
}

#[test]
fn gates_out_of_range_and_out_of_order_are_told() {
    let gate = |gate: u32| {
        ocop(|value| value["sections"][1]["items"][0]["answer"]["options"][1]["gate"] = gate.into())
    };
    for wrong in [0, 2, 6] {
        let found = gate(wrong);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "/sections/1/items/0/answer/options/1/gate");
        assert!(found[0].1.contains("5, 4, 3"), "{}", found[0].1);
    }
    let order = ocop(|value| {
        let options = &mut value["sections"][1]["items"][0]["answer"]["options"];
        options[0]["gate"] = 5.into();
        options[2]["gate"] = 4.into();
        options[1].as_object_mut().unwrap().remove("gate");
    });
    assert_eq!(order.len(), 1);
    assert_eq!(order[0].0, "/sections/1/items/0/answer/options/0/gate");
    let meaningless = faults(|value| {
        value["sections"][0]["items"][2]["answer"]["options"][0]["gate"] = 3.into();
    });
    assert!(meaningless[0].1.contains("means nothing under the grading model pass_fail"));
}

#[test]
fn a_knockout_needs_an_item_that_can_say_yes() {
    let found = ocop(|value| {
        value["grading"]["knockouts"][0]["item"] = "1.1".into();
        value["grading"]["knockouts"][1]["of"] = "77".into();
        value["grading"]["knockouts"][2]["item"] = "nobody".into();
    });
    let places: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        places,
        ["/grading/knockouts/0/item", "/grading/knockouts/1/of", "/grading/knockouts/2/item",]
    );
}

#[test]
fn the_largest_template_loads_and_one_item_more_does_not() {
    let with = |items: usize| {
        let mut value = sample();
        let item = |n: usize| json!({ "key": format!("i{n}"), "text": { "vi": "x" }, "answer": { "type": "date" } });
        let section = json!({
            "code": "B", "title": { "vi": "Nhiều" }, "agency": "xa",
            "items": (0..items - 10).map(item).collect::<Vec<_>>()
        });
        value["sections"].as_array_mut().unwrap().push(section);
        value
    };
    assert_eq!(parse(&with(ITEMS_MAX)).unwrap().items().len(), ITEMS_MAX);
    let found = faults_of(&with(ITEMS_MAX + 1));
    assert_eq!(found[0].0, "/sections");
    let large = vec![b' '; TEMPLATE_BYTES_MAX + 1];
    assert!(matches!(Template::parse(&large), Err(TemplateError::TooLarge { .. })));
}

#[test]
fn writing_and_reading_again_changes_nothing() {
    let files = ocop_sets().iter().map(|(_, bytes)| bytes.to_vec());
    let files = files.chain([TEA.to_vec(), TEA_1.to_vec(), serde_json::to_vec(&sample()).unwrap()]);
    for bytes in files {
        let template = Template::parse(&bytes).unwrap();
        let again = parse(&template.to_json()).unwrap();
        assert_eq!(again.id(), template.id(), "{}", template.code());
        assert_eq!(again.to_json(), template.to_json());
    }
}

/// A value somewhere in the sample, by its pointer.
fn places() -> Vec<String> {
    fn walk(value: &Value, at: &str, into: &mut Vec<String>) {
        into.push(at.to_owned());
        match value {
            Value::Array(entries) => {
                for (n, entry) in entries.iter().enumerate() {
                    walk(entry, &format!("{at}/{n}"), into);
                }
            }
            Value::Object(fields) => {
                for (name, entry) in fields {
                    walk(entry, &format!("{at}/{name}"), into);
                }
            }
            _ => {}
        }
    }
    let mut into = Vec::new();
    walk(&sample(), "", &mut into);
    into
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9.${}() =<'-]{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!({ "type": "grade", "severities": ["major"] })),
        Just(json!({ "vi": "Chữ" })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is changed, reading does not panic; what is still a template round-trips, and what is
    /// not has a fault.
    #[test]
    fn edited_files_are_refused_with_faults_or_round_trip(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 1..4),
    ) {
        let places = places();
        let mut value = sample();
        for (at, new) in edits {
            if let Some(place) = value.pointer_mut(at.get(&places[..]).as_str()) {
                *place = new;
            }
        }
        match parse(&value) {
            Ok(template) => {
                let again = parse(&template.to_json()).unwrap();
                prop_assert_eq!(again.id(), template.id());
                prop_assert_eq!(again.to_json(), template.to_json());
            }
            Err(TemplateError::Faults { faults }) => prop_assert!(!faults.is_empty()),
            Err(_) => {}
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Template::parse(&bytes).is_err());
    }
}

#[test]
fn a_field_that_says_what_holds_anyway_is_left_out() {
    let found = pointers(|value| {
        value["notes"] = json!([]);
        value["title"]["en"] = "x".into();
        value["sections"][0]["title"]["en"] = Value::Null;
        value["sections"][0]["items"][3]["answer"]["options"][0]["implied"] = false.into();
    });
    assert_eq!(
        found,
        ["/notes", "/sections/0/items/3/answer/options/0/implied", "/sections/0/title/en",]
    );
}

#[test]
fn earlier_keys_are_read_written_again_and_part_of_the_name() {
    let before = parse(&sample()).unwrap();
    let mut value = sample();
    value["sections"][0]["items"][1]["was"] = json!(["2", "0.9"]);
    let after = parse(&value).unwrap();
    assert_eq!(after.item("2").unwrap().1.was, ["2", "0.9"]);
    assert_eq!(after.to_json(), value);
    assert_ne!(after.id(), before.id());
    let told: Vec<_> =
        differences(&before, &after).into_iter().map(|d| (d.what, d.place)).collect();
    assert_eq!(told, [(Changed::Details, Some("2".to_owned()))]);
}

#[test]
fn an_earlier_key_is_claimed_once_and_is_a_key() {
    let found = pointers(|value| {
        value["sections"][0]["items"][0]["was"] = json!(["0.1", "Khoá"]);
        value["sections"][1]["items"][0]["was"] = json!(["0.1"]);
        value["sections"][0]["items"][2]["was"] = json!([]);
        let many: Vec<String> = (0..21).map(|n| format!("old-{n}")).collect();
        value["sections"][0]["items"][3]["was"] = json!(many);
    });
    let items = "/sections/0/items";
    assert_eq!(
        found,
        [
            format!("{items}/0/was/1"),
            format!("{items}/3/was"),
            "/sections/1/items/0/was/0".to_owned(),
        ]
    );
    // An empty list says what holds without it.
    let found = pointers(|value| value["sections"][0]["items"][2]["was"] = json!([]));
    assert_eq!(found, [format!("{items}/2/was")]);
}

#[test]
fn a_whole_answer_is_checked_by_the_type_of_its_item() {
    let tea = Template::parse(TEA_1).unwrap();
    let check = |item: &str, grade, value, photos| tea.check_whole(item, grade, value, photos);
    for item in ["1.1", "g.1", "g.3", "lot-kg"] {
        assert_eq!(check(item, Grade::NotApplicable, None, 0), Ok(()), "{item}");
        assert_eq!(check(item, Grade::Unanswered, None, 0), Ok(()), "{item}");
    }
    assert_eq!(check("1.1", Grade::Major, Some("số 12"), 3), Ok(()));
    assert_eq!(check("g.1", Grade::Given, Some("yes"), 0), Ok(()));
    assert_eq!(check("lot-kg", Grade::Given, Some("12.5"), 1), Ok(()));
    for (item, grade, value, photos, said) in [
        (
            "1.1",
            Grade::Serious,
            None,
            0,
            "item 1.1 does not allow serious; allowed are pass, major, na",
        ),
        ("1.1", Grade::Given, Some("x"), 0, "item 1.1 takes a grade: pass, major, na"),
        ("g.1", Grade::Pass, None, 0, "item g.1 takes one of no, yes"),
        ("g.1", Grade::Given, Some("maybe"), 0, "item g.1 takes one of no, yes"),
        ("g.1", Grade::Given, None, 1, "item g.1 takes one of no, yes"),
        (
            "lot-kg",
            Grade::Given,
            Some("-1"),
            0,
            "item lot-kg takes a number in kg with at most 3 decimals, at least 0",
        ),
        ("zz", Grade::Given, Some("1"), 0, "the checklist has no item zz; choose one of its items"),
    ] {
        assert_eq!(check(item, grade, value, photos).unwrap_err().to_string(), said);
    }
    let sample = parse(&sample()).unwrap();
    let photo = sample.each().find(|(_, item)| item.answer.name() == "photo");
    let photo = photo.map(|(_, item)| item.key.clone()).unwrap();
    assert_eq!(sample.check_whole(&photo, Grade::Given, None, 1), Ok(()));
    assert!(sample.check_whole(&photo, Grade::Given, None, 0).is_err());
    assert!(sample.check_whole(&photo, Grade::Given, Some("x"), 1).is_err());
}

#[test]
fn what_people_type_becomes_the_one_text_of_the_record() {
    let tea = Template::parse(TEA_1).unwrap();
    for (item, typed, kept) in [
        ("lot-kg", "1.250,5 kg", "1250.5"),
        ("lot-wet", "6,50 %", "6.5"),
        ("lot-made", "1/12/2026", "2026-12-01"),
        ("lot-code", " L 07 ", " L 07 "),
        ("g.1", "YES", "yes"),
        ("g.3", "21,85; 106,76", "21.85,106.76"),
    ] {
        assert_eq!(tea.read_value(item, typed).unwrap(), kept, "{item}");
    }
    assert!(matches!(tea.read_value("lot-kg", "1.000"), Err(AnswerError::Ambiguous { .. })));
    for (item, typed) in
        [("lot-wet", "100,1"), ("lot-made", "30/02/2026"), ("g.1", "có"), ("1.1", "x")]
    {
        let error = tea.read_value(item, typed).unwrap_err();
        assert!(matches!(error, AnswerError::Value { .. }), "{error}");
    }
    let sample = parse(&sample()).unwrap();
    assert_eq!(sample.read_value("4", "y, x").unwrap(), "x y");
    assert_eq!(sample.read_value("3", "khong").unwrap(), NONE_KEY);
}

#[test]
fn the_shape_names_the_groups_and_what_nobody_answers() {
    let tea = Template::parse(TEA_1).unwrap();
    let shape = tea.shape();
    let lots = shape.group("lots").unwrap();
    assert_eq!(lots.items, ["lot-code", "lot-made", "lot-best", "lot-kg", "lot-wet"]);
    assert!(shape.knows_item("lot-kg") && !shape.has_item("lot-kg"));
    let worked_out = tea.each().filter(|(s, i)| s.repeat.is_none() && i.is_calculated()).count();
    assert!(worked_out > 0);
    assert_eq!(shape.answerable().count() + worked_out, shape.items().len());
    assert_eq!(tea.group_of("lot-kg").unwrap().unwrap().code, "lots");
    assert!(tea.group_of("1.1").unwrap().is_none());
}
