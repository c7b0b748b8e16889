//! What something that is kept aside wrote, in words: the item or field by its name, what stands there in the
//! record as it is here, and what was written.

use bienban_core::client::{AsidePack, Client, Shown, header_form};
use bienban_core::model::{Kind, Written};
use serde_json::Value;

use crate::cli::output::Page;
use crate::cli::record::{self, conflicts};
use crate::cli::{page, readable, words};
use crate::messages::Messages;

/// How far what was written stands in from the margin.
const INDENT: usize = 6;

/// What is known here of the record that it was written to.
pub(super) struct Record {
    kind: Kind,
    /// An inspection, where it and its checklist are here.
    shown: Option<Shown>,
    /// The fields of a plan or facility.
    fields: Vec<(String, String)>,
}

impl Record {
    /// Reads the record of a pack. What is not here is left out: what was written is told all the same.
    pub(super) fn of(client: &Client, pack: &AsidePack) -> Self {
        let genesis = &pack.genesis;
        let (mut shown, mut fields) = (None, Vec::new());
        if genesis.kind == Kind::Inspection {
            shown = client.show(genesis, None).ok();
        } else if let Ok(document) = client.phone().replica().load(genesis.document()) {
            let view = document.view();
            let held = view.plan().map(|plan| plan.fields);
            let held = held.or_else(|| view.facility().map(|facility| facility.fields));
            let shown = held.unwrap_or_default().into_iter();
            fields.extend(shown.filter_map(|(name, all)| Some((name, all.shown()?.clone()))));
        }
        Self { kind: genesis.kind, shown, fields }
    }

    /// Writes what was written to one thing.
    pub(super) fn text(&self, page: &mut Page, written: &Written, m: &Messages) {
        let Some(key) = &written.key else {
            page.block(INDENT, &m.text("quarantine.typed", &[]));
            page.block(INDENT + 2, &m.text("quarantine.written", &[("value", &written.text)]));
            return;
        };
        let place = Place::of(key);
        page.block(INDENT, &self.name(&place, m));
        for stands in self.standing(&place, m) {
            page.block(INDENT + 2, &m.text("quarantine.stands", &[("value", &stands)]));
        }
        let value = self.value(&place, &written.text, m);
        page.block(INDENT + 2, &m.text("quarantine.written", &[("value", &value)]));
    }

    /// Returns what people call a place: its key with the words of the checklist, or of the form.
    fn name(&self, place: &Place<'_>, m: &Messages) -> String {
        if let Some(item) = self.item(place) {
            return format!("{} {}", place.key, words::local(m, &item.text));
        }
        let of_header = header_form().field(place.key).ok();
        match of_header.filter(|_| self.kind == Kind::Inspection) {
            Some(field) => format!("{} ({})", words::local(m, &field.title), place.key),
            // A thing of its own is named by a random number, of which the first digits are enough.
            None if place.is_id() => place.key.chars().take(page::SHORT).collect(),
            None => words::field(m, place.key),
        }
    }

    fn item(&self, place: &Place<'_>) -> Option<&bienban_core::checklist::Item> {
        let template = &self.shown.as_ref()?.template;
        template.item(place.item).map(|(_, item)| item)
    }

    /// Returns what stands there here, each with who and when; that nothing does, where that is known.
    fn standing(&self, place: &Place<'_>, m: &Messages) -> Vec<String> {
        let nothing = || vec![m.text("place.nothing", &[])];
        let Some(shown) = &self.shown else {
            let known = self.fields.iter().filter(|(name, _)| name == place.key);
            return known.map(|(_, value)| value.clone()).collect();
        };
        if let Some(item) = self.item(place) {
            let answers = match place.row {
                Some(row) => shown.view.rows.get(row).map(|row| &row.answers),
                None => Some(&shown.view.answers),
            };
            let all = answers.and_then(|answers| answers.get(place.item)).map(|state| state.all());
            let said = all.unwrap_or_default().iter();
            let said = said.map(|one| record::answer(one, &shown.authors, Some(item), m));
            let told: Vec<String> = said.map(|one| page::answer_text(&one, m)).collect();
            return if told.is_empty() { nothing() } else { told };
        }
        if header_form().field(place.key).is_err() {
            return Vec::new();
        }
        let all = shown.view.header.get(place.key).map(|register| register.all());
        let told = all.unwrap_or_default().iter().map(|one| {
            let one = record::said(one, &shown.authors, Clone::clone);
            format!("{}  {}", one.value, page::by(&one.author, &one.at, m))
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { nothing() } else { told }
    }

    /// Returns what was written as people read it.
    fn value(&self, place: &Place<'_>, raw: &str, m: &Messages) -> String {
        let value = conflicts::value_of(Some(place.key), raw);
        let answered = value.get("value").and_then(Value::as_str);
        let given = value.get("grade").and_then(Value::as_str) == Some("given");
        let of_item = answered.filter(|_| given);
        let known = of_item.and_then(|answer| words::value(m, self.item(place), answer));
        let known = known.or_else(|| page::raw_answer(&value, m));
        known.unwrap_or_else(|| match &value {
            Value::String(text) if text.is_empty() => m.text("place.nothing", &[]),
            Value::Null => m.text("place.nothing", &[]),
            other => readable::value(m, place.key, other),
        })
    }
}

/// Where something was written: a key of the record, with the row where it is in one.
struct Place<'w> {
    key: &'w str,
    row: Option<&'w str>,
    item: &'w str,
}

impl<'w> Place<'w> {
    fn of(key: &'w str) -> Self {
        match key.split_once('/') {
            Some((row, item)) => Self { key, row: Some(row), item },
            None => Self { key, row: None, item: key },
        }
    }

    fn is_id(&self) -> bool {
        self.key.len() >= 32 && self.key.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}
