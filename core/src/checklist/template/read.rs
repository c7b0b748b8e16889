//! From JSON of format 2 to the file's types, piece by piece, so that every fault is found and has
//! its place. A piece that cannot be read is left out or replaced, and its faults stop the parse.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::fault::{Fault, FaultKind};
use super::grading::{Grading, NoGrade};
use super::model::{AnswerType, Choice, File, Item, Orders, Section, Words};
use super::strict;

/// What reading came to: the file as far as it could be read, and what could not.
pub(super) struct Outcome {
    pub(super) file: File,
    pub(super) faults: Vec<Fault>,
    /// Pointers to what could not be read and was left out or replaced.
    pub(super) broken: Broken,
}

/// What could not be read, by pointer. Nothing is said of what rests on it: its own fault is told.
#[derive(Default)]
pub(super) struct Broken(BTreeSet<String>);

impl Broken {
    /// Returns whether a piece, or something in it, could not be read.
    pub(super) fn has(&self, at: &str) -> bool {
        let inside = format!("{at}/");
        let next = self.0.range(inside.clone()..).next();
        self.0.contains(at) || next.is_some_and(|pointer| pointer.starts_with(&inside))
    }

    /// Returns whether items or sections may be there whose names could not be read.
    pub(super) fn has_names(&self) -> bool {
        self.0.iter().any(|pointer| {
            let parts: Vec<&str> = pointer.split('/').skip(1).collect();
            matches!(
                parts[..],
                [] | ["sections"]
                    | ["sections", _]
                    | ["sections", _, "code" | "items"]
                    | ["sections", _, "items", _]
                    | ["sections", _, "items", _, "key"]
            )
        })
    }
}

/// Reads a file of format 2.
pub(super) fn read(value: &Value) -> Outcome {
    let mut reader = Reader::default();
    let empty = Map::new();
    let fields = reader.object(value, "", FILE).unwrap_or(&empty);
    let file = reader.file(fields);
    let broken = Broken(reader.faults.iter().map(|fault| fault.pointer.clone()).collect());
    Outcome { file, faults: reader.faults, broken }
}

const FILE: &[&str] = &[
    "format",
    "code",
    "edition",
    "title",
    "official",
    "verified",
    "effective_from",
    "effective_to",
    "source",
    "notes",
    "product_set",
    "legal_basis",
    "agencies",
    "managed_by",
    "orders",
    "sections",
    "grading",
    "anomalies",
    "corrections",
];
const SECTION: &[&str] =
    &["code", "title", "agency", "clause", "relevant", "repeat", "max", "groups", "items"];
const ITEM: &[&str] = &[
    "key",
    "text",
    "answer",
    "guidance",
    "clause",
    "evidence",
    "worse",
    "relevant",
    "constraint",
    "required",
    "not_applicable",
    "max",
    "group",
    "cases",
    "was",
];
const CHOICE: &[&str] = &["key", "text", "points", "gate", "case", "implied"];

type Fields = Map<String, Value>;

#[derive(Default)]
struct Reader {
    faults: Vec<Fault>,
}

impl Reader {
    fn fault(&mut self, at: impl Into<String>, kind: FaultKind) {
        self.faults.push(Fault::new(at, kind));
    }

    fn object<'v>(&mut self, value: &'v Value, at: &str, known: &[&str]) -> Option<&'v Fields> {
        let Some(fields) = value.as_object() else {
            self.fault(at, type_fault("an object in braces is expected here"));
            return None;
        };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let kind = FaultKind::UnknownField { known: known.join(", ") };
            self.fault(strict::field(at, name), kind);
        }
        Some(fields)
    }

    fn decode<T: DeserializeOwned>(&mut self, value: &Value, at: String) -> Option<T> {
        match T::deserialize(value) {
            Ok(read) => Some(read),
            Err(error) => {
                self.fault(at, type_fault(&error.to_string()));
                None
            }
        }
    }

    /// Reads a field that must be there.
    fn must<T: DeserializeOwned>(&mut self, fields: &Fields, at: &str, name: &str) -> Option<T> {
        let place = strict::field(at, name);
        match fields.get(name) {
            None => {
                self.fault(place, FaultKind::Missing);
                None
            }
            Some(value) => self.decode(value, place),
        }
    }

    /// Reads a field that may be left out, but not be null: a file has one form only.
    fn may<T: DeserializeOwned>(&mut self, fields: &Fields, at: &str, name: &str) -> Option<T> {
        let place = strict::field(at, name);
        match fields.get(name) {
            None => None,
            Some(Value::Null) => {
                self.fault(place, FaultKind::Null);
                None
            }
            Some(value) => self.decode(value, place),
        }
    }

    /// Returns the entries of a list with their pointers.
    fn list<'v>(
        &mut self,
        fields: &'v Fields,
        at: &str,
        name: &str,
        needed: bool,
    ) -> Vec<(String, &'v Value)> {
        let place = strict::field(at, name);
        match fields.get(name) {
            None if needed => self.fault(place, FaultKind::Missing),
            None => {}
            Some(Value::Array(entries)) => {
                let entry = |(index, value)| (format!("{place}/{index}"), value);
                return entries.iter().enumerate().map(entry).collect();
            }
            Some(_) => self.fault(place, type_fault("a list in brackets is expected here")),
        }
        Vec::new()
    }

    fn each<T: DeserializeOwned>(&mut self, fields: &Fields, at: &str, name: &str) -> Vec<T> {
        let entries = self.list(fields, at, name, false);
        entries.into_iter().filter_map(|(place, value)| self.decode(value, place)).collect()
    }

    fn file(&mut self, fields: &Fields) -> File {
        let text = |reader: &mut Self, name| reader.must(fields, "", name).unwrap_or_default();
        let sections = self.list(fields, "", "sections", true);
        File {
            format: self.must(fields, "", "format").unwrap_or_default(),
            code: text(self, "code"),
            edition: text(self, "edition"),
            title: self.must(fields, "", "title").unwrap_or_else(stand_in),
            official: self.must(fields, "", "official").unwrap_or_default(),
            verified: self.must::<Option<_>>(fields, "", "verified").flatten(),
            effective_from: self.must(fields, "", "effective_from").unwrap_or_else(any_day),
            effective_to: self.may(fields, "", "effective_to"),
            source: text(self, "source"),
            notes: self.each(fields, "", "notes"),
            product_set: self.may(fields, "", "product_set"),
            legal_basis: {
                if !fields.contains_key("legal_basis") {
                    self.fault("/legal_basis", FaultKind::Missing);
                }
                self.each(fields, "", "legal_basis")
            },
            agencies: self.must(fields, "", "agencies").unwrap_or_default(),
            managed_by: self.each(fields, "", "managed_by"),
            orders: match self.must::<Value>(fields, "", "orders") {
                Some(Value::Object(orders)) => self.orders(&orders),
                Some(_) => {
                    self.fault("/orders", type_fault("an object in braces is expected here"));
                    Orders::default()
                }
                None => Orders::default(),
            },
            sections: sections.iter().map(|(at, value)| self.section(at, value)).collect(),
            grading: self.must(fields, "", "grading").unwrap_or(Grading::None(NoGrade {})),
            anomalies: self.each(fields, "", "anomalies"),
            corrections: self.each(fields, "", "corrections"),
        }
    }

    fn orders(&mut self, fields: &Fields) -> Orders {
        let known = &["grade", "choice", "choices", "number", "date"];
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let kind = FaultKind::UnknownField { known: known.join(", ") };
            self.fault(strict::field("/orders", name), kind);
        }
        Orders {
            grade: self.may(fields, "/orders", "grade"),
            choice: self.may(fields, "/orders", "choice"),
            choices: self.may(fields, "/orders", "choices"),
            number: self.may(fields, "/orders", "number"),
            date: self.may(fields, "/orders", "date"),
        }
    }

    fn section(&mut self, at: &str, value: &Value) -> Section {
        let empty = Map::new();
        let fields = self.object(value, at, SECTION).unwrap_or(&empty);
        let items = self.list(fields, at, "items", true);
        Section {
            code: self.must(fields, at, "code").unwrap_or_else(|| at.to_owned()),
            title: self.must(fields, at, "title").unwrap_or_else(stand_in),
            agency: self.must(fields, at, "agency").unwrap_or_default(),
            clause: self.may(fields, at, "clause"),
            relevant: self.may(fields, at, "relevant"),
            repeat: self.may(fields, at, "repeat"),
            max: self.may(fields, at, "max"),
            groups: self.each(fields, at, "groups"),
            items: items.iter().map(|(at, value)| self.item(at, value)).collect(),
        }
    }

    fn item(&mut self, at: &str, value: &Value) -> Item {
        let empty = Map::new();
        let fields = self.object(value, at, ITEM).unwrap_or(&empty);
        Item {
            // The stand-in is no key that a file could have, so it never clashes with one.
            key: self.must(fields, at, "key").unwrap_or_else(|| at.to_owned()),
            text: self.must(fields, at, "text").unwrap_or_else(stand_in),
            answer: match fields.get("answer") {
                Some(answer) => self.answer(answer, &strict::field(at, "answer")),
                None => {
                    self.fault(strict::field(at, "answer"), FaultKind::Missing);
                    None
                }
            }
            .unwrap_or(AnswerType::Signature {}),
            guidance: self.may(fields, at, "guidance"),
            clause: self.may(fields, at, "clause"),
            evidence: self.may(fields, at, "evidence"),
            worse: self.may(fields, at, "worse"),
            relevant: self.may(fields, at, "relevant"),
            constraint: self.may(fields, at, "constraint"),
            required: self.may(fields, at, "required"),
            not_applicable: self.may(fields, at, "not_applicable").unwrap_or(true),
            max: self.may(fields, at, "max"),
            group: self.may(fields, at, "group"),
            cases: self.each(fields, at, "cases"),
            was: self.each(fields, at, "was"),
        }
    }

    fn answer(&mut self, value: &Value, at: &str) -> Option<AnswerType> {
        let kind = value.get("type").and_then(Value::as_str);
        let known: &[&str] = match kind {
            Some("choice") => &["type", "options", "or_none"],
            Some("choices") => &["type", "options"],
            _ => return self.decode(value, at.to_owned()),
        };
        let fields = self.object(value, at, known)?;
        let entries = self.list(fields, at, "options", true);
        let options: Vec<Choice> =
            entries.iter().map(|(place, value)| self.choice(place, value)).collect();
        if kind == Some("choices") {
            return Some(AnswerType::Choices { options });
        }
        let or_none = self.may(fields, at, "or_none").unwrap_or_default();
        Some(AnswerType::Choice { options, or_none })
    }

    fn choice(&mut self, at: &str, value: &Value) -> Choice {
        let empty = Map::new();
        let fields = self.object(value, at, CHOICE).unwrap_or(&empty);
        Choice {
            key: self.must(fields, at, "key").unwrap_or_else(|| at.to_owned()),
            text: self.must(fields, at, "text").unwrap_or_else(stand_in),
            points: self.may(fields, at, "points"),
            gate: self.may(fields, at, "gate"),
            case: self.may(fields, at, "case"),
            implied: self.may(fields, at, "implied").unwrap_or_default(),
        }
    }
}

fn type_fault(reason: &str) -> FaultKind {
    FaultKind::Type { reason: reason.to_owned() }
}

/// Words that no check objects to, where there were none to read.
fn stand_in() -> Words {
    Words { vi: "–".to_owned(), en: Some("–".to_owned()) }
}

fn any_day() -> String {
    "2000-01-01".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = include_str!("../../../../docs/template.schema.json");

    #[test]
    fn the_schema_in_docs_names_the_fields_that_are_read() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let documented = |at: &str| -> BTreeSet<String> {
            let fields = schema.pointer(at).unwrap().as_object().unwrap();
            fields.keys().cloned().collect()
        };
        let read = |known: &[&str]| known.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(documented("/properties"), read(FILE));
        assert_eq!(documented("/$defs/section/properties"), read(SECTION));
        assert_eq!(documented("/$defs/item/properties"), read(ITEM));
    }
}
