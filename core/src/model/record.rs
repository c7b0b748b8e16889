//! The canonical record: what a document says, in bytes that do not depend on Automerge.
//!
//! `docs/record.md` defines it field by field. Two replicas with equal heads give equal bytes.

use serde_json::{Map, Value, json};

use super::canonical::canonical_bytes;
use super::register::{Register, Said};
use super::view::View;

/// The version of the record's form. Version 1 had a text where one may be an array today; programs of
/// that time wrote its number over such arrays too.
pub const RECORD_VERSION: u32 = 2;

/// The canonical bytes of a document's content at some heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    bytes: Vec<u8>,
}

impl Record {
    pub(crate) fn of(view: &View<'_>) -> Self {
        let document = view.document();
        let mut root = Map::new();
        root.insert("record".to_owned(), json!(RECORD_VERSION));
        root.insert("schema".to_owned(), json!(document.layout.schema));
        root.insert("document".to_owned(), json!(document.id.to_string()));
        root.insert("kind".to_owned(), json!(document.genesis.kind.name()));
        root.insert("scope".to_owned(), json!(document.genesis.scope.as_str()));
        if let Some(template) = document.genesis.template {
            root.insert("template".to_owned(), json!(template.to_string()));
        }
        for name in document.layout.registers.keys() {
            root.insert((*name).to_owned(), registers(view.registers(name)));
        }
        for name in document.layout.rows.keys() {
            let mut rows = Map::new();
            if *name == "rows" {
                root.insert((*name).to_owned(), groups(view));
                continue;
            }
            for (id, row) in view.rows(name) {
                let mut fields = Map::new();
                fields.insert("fields".to_owned(), registers(view.fields(&row)));
                fields.insert("text".to_owned(), json!(view.text_in(&row, "text")));
                rows.insert(id, Value::Object(fields));
            }
            root.insert((*name).to_owned(), Value::Object(rows));
        }
        for name in document.layout.texts.keys() {
            root.insert((*name).to_owned(), text(view.texts(name)));
        }
        if !document.layout.notes.is_empty() {
            let notes = view.all_notes().into_iter().map(|(item, texts)| (item, text(texts)));
            root.insert("notes".to_owned(), Value::Object(notes.collect()));
        }
        Self { bytes: canonical_bytes(&Value::Object(root)) }
    }

    /// Returns the canonical JSON.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the digest that seals and comparisons use: BLAKE3 with a context of its own.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        blake3::derive_key("bienban 2026-11 record", &self.bytes)
    }
}

/// The rows of repeat groups, each with its answers and its note.
fn groups(view: &View<'_>) -> Value {
    let mut rows = Map::new();
    for (id, parts) in view.row_parts() {
        let answers = parts.answers.as_ref().map(|map| view.fields(map)).unwrap_or_default();
        let mut row = Map::new();
        row.insert("fields".to_owned(), registers(view.fields(&parts.row)));
        row.insert("answers".to_owned(), registers(answers));
        row.insert("note".to_owned(), text(view.row_notes(&parts)));
        rows.insert(id, Value::Object(row));
    }
    Value::Object(rows)
}

/// A text, or where several stand all of them, in the order of their bytes.
fn text(mut texts: Vec<String>) -> Value {
    texts.sort();
    match texts.as_slice() {
        [] => json!(""),
        [only] => json!(only),
        several => json!(several),
    }
}

fn registers(registers: impl IntoIterator<Item = (String, Register<String>)>) -> Value {
    let mut map = Map::new();
    for (key, register) in registers {
        let mut values: Vec<(Vec<u8>, Value)> = register
            .all()
            .iter()
            .map(entry)
            .map(|entry| (canonical_bytes(&entry), entry))
            .collect();
        // By their own bytes, so that the order needs nothing of Automerge's.
        values.sort_by(|a, b| a.0.cmp(&b.0));
        map.insert(key, Value::Array(values.into_iter().map(|(_, entry)| entry).collect()));
    }
    Value::Object(map)
}

fn entry(said: &Said<String>) -> Value {
    let mut entry = Map::new();
    entry.insert("actor".to_owned(), json!(hex::encode(&said.actor)));
    entry.insert("at".to_owned(), json!(said.at.0));
    match serde_json::from_str::<Value>(&said.value) {
        Ok(value) => entry.insert("value".to_owned(), value),
        Err(_) => entry.insert("damaged".to_owned(), json!(said.value)),
    };
    Value::Object(entry)
}
