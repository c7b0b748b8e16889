//! Holds the shipped guards against `docs/lifecycle.schema.json`, and the schema against the program.
//!
//! Validates what the schema uses of JSON Schema 2020-12 and fails on any other keyword, so that no
//! rule is silently left out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{LIFECYCLE, Need, Rules};
use crate::checklist::Day;
use crate::model::LifeCycle;

const SCHEMA: &str = include_str!("../../../../docs/lifecycle.schema.json");

/// Adds every fault of a value, each with its place.
fn validate(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let mut fault = |text: String| faults.push(format!("{at}: {text}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => {}
            "$ref" => {
                let place = rule.as_str().unwrap().strip_prefix('#').unwrap();
                validate(root, root.pointer(place).unwrap(), value, at, faults);
                return;
            }
            "type" if !types(rule).contains(&kind(value)) => fault(format!("is no {rule}")),
            "const" if rule != value => fault(format!("is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => fault("is none known".into()),
            "format" => {
                assert_eq!(rule, "date");
                let day = value.as_str().map(str::parse::<Day>);
                if !matches!(day, Some(Ok(_))) {
                    fault("is no day".to_owned());
                }
            }
            "minLength" => {
                let length = value.as_str().map_or(0, |text| text.chars().count()) as u64;
                if length < rule.as_u64().unwrap() {
                    fault("is too short".to_owned());
                }
            }
            "minItems" => {
                let length = value.as_array().map_or(0, Vec::len) as u64;
                if length < rule.as_u64().unwrap() {
                    fault("has too few entries".to_owned());
                }
            }
            "required" => {
                for name in rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
                    if value.get(name).is_none() {
                        fault(format!("lacks {name}"));
                    }
                }
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                let known = schema["properties"].as_object().unwrap();
                for name in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
                    if !known.contains_key(name) {
                        fault(format!("has {name}, which is not known"));
                    }
                }
            }
            "type" | "const" | "enum" | "properties" | "items" => {}
            other => panic!("the schema uses {other}, which this test does not know"),
        }
    }
    for (name, rule) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(inner) = value.get(name) {
            validate(root, rule, inner, &format!("{at}/{name}"), faults);
        }
    }
    if let Some(rule) = schema.get("items") {
        for (n, inner) in value.as_array().into_iter().flatten().enumerate() {
            validate(root, rule, inner, &format!("{at}/{n}"), faults);
        }
    }
}

fn types(rule: &Value) -> Vec<&str> {
    match rule {
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn faults(file: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut faults = Vec::new();
    validate(&schema, &schema, file, "", &mut faults);
    faults
}

#[test]
fn the_shipped_guards_are_as_the_schema_in_docs_says() {
    let file: Value = serde_json::from_slice(LIFECYCLE).unwrap();
    assert_eq!(faults(&file), [""; 0]);
}

#[test]
fn what_the_program_refuses_for_its_form_the_schema_refuses_too() {
    let file: Value = serde_json::from_slice(LIFECYCLE).unwrap();
    let changed = |pointer: &str, with: Value| {
        let mut file = file.clone();
        *file.pointer_mut(pointer).unwrap() = with;
        file
    };
    for (wrong, at) in [
        (changed("/format", json!(2)), "/format"),
        (changed("/effective_from", json!("2026-02-30")), "/effective_from"),
        (changed("/official", json!("no")), "/official"),
        (changed("/requirements/0/key", json!("luck")), "/requirements/0/key"),
        (changed("/requirements/0/title", json!({"en": "x"})), "/requirements/0/title"),
        (changed("/states/0/state", json!("flying")), "/states/0/state"),
        (changed("/states/1/needs/0", json!("luck")), "/states/1/needs/0"),
        (changed("/reasons/0", json!({"key": "x", "rule": "y"})), "/reasons/0"),
    ] {
        let found = faults(&wrong);
        assert!(found.iter().any(|fault| fault.starts_with(at)), "{at}: {found:?}");
        assert!(Rules::parse(&serde_json::to_vec(&wrong).unwrap()).is_err(), "{at}");
    }
}

#[test]
fn the_schema_names_the_states_and_needs_that_the_program_knows() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let listed = |pointer: &str| -> BTreeSet<String> {
        let list = schema.pointer(pointer).unwrap().as_array().unwrap();
        list.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let states: BTreeSet<String> =
        LifeCycle::ALL.into_iter().map(|state| state.name().to_owned()).collect();
    assert_eq!(listed("/$defs/state/properties/state/enum"), states);
    let needs = listed("/$defs/need/enum");
    for name in &needs {
        let need: Result<Need, _> = serde_json::from_value(json!(name));
        assert!(need.is_ok(), "{name} is no need");
    }
    // The file has a requirement for every need, so that none is missing from the schema either.
    let file: Value = serde_json::from_slice(LIFECYCLE).unwrap();
    let keys = file["requirements"].as_array().unwrap().iter();
    let keys: BTreeSet<String> = keys.map(|one| one["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(needs, keys);
}
