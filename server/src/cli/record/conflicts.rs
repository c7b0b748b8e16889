//! Where values that differ stand, and the command that settles each: as data, and as text.

use std::path::Path;

use bienban_core::checklist::Template;
use bienban_core::client::{
    Authors, Client, ClientError, header_form, is_of_followup, is_of_text, place_name,
};
use bienban_core::model::{Conflict, Kind, Place, Progress, SUPPLEMENTS};
use serde::Serialize;
use serde_json::Value;

use super::{SaidData, said};
use crate::cli::output::Page;
use crate::cli::{page, readable, time, words};
use crate::messages::Messages;

/// The variable that names the folder of a device instead of `--dir`.
const FOLDER_VARIABLE: &str = "BIENBAN_DIR";

/// A register in which values that differ stand.
#[derive(Debug, Clone, Serialize)]
pub(in crate::cli) struct ConflictData {
    pub(in crate::cli) container: String,
    pub(in crate::cli) key: String,
    pub(in crate::cli) field: Option<String>,
    /// As `resolve` names it.
    pub(in crate::cli) name: String,
    /// What people call it; may be empty.
    pub(in crate::cli) label: String,
    pub(in crate::cli) values: Vec<ContestedData>,
    /// Of a text, what settles it by another one: the words behind `bienban field`, without the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) write: Option<Vec<String>>,
    /// The whole command, for a person at this device.
    #[serde(skip)]
    pub(in crate::cli) write_command: Option<String>,
}

/// One of the values that stand.
#[derive(Debug, Clone, Serialize)]
pub(in crate::cli) struct ContestedData {
    #[serde(flatten)]
    pub(in crate::cli) said: SaidData<Value>,
    /// What chooses this value: the words behind `bienban field`, the same on every device.
    pub(in crate::cli) settle: Vec<String>,
    /// The whole command, for a person at this device.
    #[serde(skip)]
    pub(in crate::cli) command: String,
}

impl ConflictData {
    /// Returns whether it is settled by a new value too: of an item, or of a field of the header that people
    /// fill in.
    pub(in crate::cli) fn takes_value(&self) -> bool {
        match self.container.as_str() {
            "answers" => true,
            "header" => header_form().field(&self.key).is_ok(),
            "rows" => self.field.is_none(),
            _ => false,
        }
    }
}

/// How this device's commands begin, and the inspection that they are about.
pub(in crate::cli) struct Settling {
    /// Of those that write the inspection.
    begins: String,
    /// Of those that write its corrective actions, which a supervisor may settle too.
    in_followup: String,
    inspection: String,
}

impl Settling {
    /// Returns how the command begins that settles something in an inspection. A device that may
    /// not write inspections is told what a device of the team runs.
    pub(in crate::cli) fn of(
        client: &Client,
        inspection: &str,
        opening: &[String],
    ) -> Result<Self, ClientError> {
        let entry = client.phone().replica().device(client.device())?;
        let may = |kind| entry.as_ref().is_none_or(|entry| entry.may_write(kind));
        let named = std::env::var_os(FOLDER_VARIABLE);
        let named = named.is_some_and(|dir| Path::new(&dir) == client.dir());
        let mut own = "bienban field".to_owned();
        if !named {
            own = format!("{own} --dir {}", quoted(&client.dir().display().to_string()));
        }
        for word in opening {
            own = format!("{own} {}", quoted(word));
        }
        let begins = |kind| if may(kind) { own.clone() } else { "bienban field".to_owned() };
        let (begins, in_followup) = (begins(Kind::Inspection), begins(Kind::Followup));
        Ok(Self { begins, in_followup, inspection: inspection.chars().take(page::SHORT).collect() })
    }

    fn choosing(&self, place: &Place, change: &str) -> Vec<String> {
        let change: String = change.chars().take(page::SHORT).collect();
        let words = ["resolve", &self.inspection, &place_name(place), "--choose", &change];
        words.into_iter().map(str::to_owned).collect()
    }

    /// Returns what settles a text by another one, up to that text.
    fn writing(&self, place: &Place) -> Option<Vec<String>> {
        let words = || ["resolve", &self.inspection, &place_name(place)].map(str::to_owned);
        is_of_text(place).then(|| words().to_vec())
    }

    fn command(&self, place: &Place, words: &[String]) -> String {
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let begins = if is_of_followup(place) { &self.in_followup } else { &self.begins };
        format!("{begins} {}", words.join(" "))
    }
}

/// Turns conflicts into data.
pub(in crate::cli) fn conflicts(
    conflicts: &[Conflict],
    authors: &Authors,
    template: &Template,
    settling: &Settling,
    m: &Messages,
) -> Vec<ConflictData> {
    let each = conflicts.iter().map(|conflict| {
        let place = &conflict.place;
        let write = settling.writing(place);
        ConflictData {
            write_command: write.as_ref().map(|words| settling.command(place, words)),
            write,
            container: place.container.clone(),
            key: place.key.clone(),
            field: place.field.clone(),
            name: place_name(place),
            label: label(place, template, m),
            values: conflict
                .values
                .iter()
                .map(|value| {
                    let settle = settling.choosing(place, &value.change.to_string());
                    ContestedData {
                        said: said(value, authors, |raw| value_of(place.field.as_deref(), raw)),
                        command: settling.command(place, &settle),
                        settle,
                    }
                })
                .collect(),
        }
    });
    each.collect()
}

/// Returns what people call a place; empty where its name says it.
pub(in crate::cli) fn label(place: &Place, template: &Template, m: &Messages) -> String {
    let item = match place.container.as_str() {
        "header" if place.key == SUPPLEMENTS => return m.text("header.supplements", &[]),
        "header" => {
            let field = header_form().field(&place.key).ok();
            return field.map(|field| words::local(m, &field.title).to_owned()).unwrap_or_default();
        }
        "lifecycle" if place.key == "state" => return m.text("place.state", &[]),
        "lifecycle" if place.key == "template" => return m.text("place.template", &[]),
        "lifecycle" if place.key == "extended" => return m.text("place.extended", &[]),
        "lifecycle" if place.key == "extended_on" => return m.text("place.extended_on", &[]),
        "lifecycle" if place.key.starts_with("pause:") => return words::state(m, "suspended"),
        "lifecycle" => return words::state(m, &place.key),
        "texts" => {
            return match place.key.as_str() {
                "facility_opinion" => m.text("show.facility_opinion", &[]),
                "other_opinions" => m.text("show.other_opinions", &[]),
                _ => m.text("show.conclusion", &[]),
            };
        }
        "actions" => return words::field(m, place.field.as_deref().unwrap_or_default()),
        "progress" => return m.text("place.progress", &[]),
        "rechecks" => return m.text("thing.recheck", &[]),
        "answers" | "notes" => place.key.as_str(),
        "rows" => place.row_item().map(|(_, item)| item).unwrap_or_default(),
        _ => return String::new(),
    };
    let entry = template.item(item).map(|(_, entry)| words::local(m, &entry.text));
    entry.unwrap_or_default().to_owned()
}

/// Returns what stands in a register as data: times in the one format that all data has.
pub(in crate::cli) fn value_of(field: Option<&str>, raw: &str) -> Value {
    let value = serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned()));
    with_times(field.unwrap_or_default(), value)
}

fn with_times(name: &str, value: Value) -> Value {
    match (name, value) {
        ("claimed_at" | "deadline", Value::Number(number)) => match number.as_i64() {
            Some(at) => Value::String(time::rfc3339(bienban_core::model::Timestamp(at))),
            None => Value::Number(number),
        },
        (_, Value::Object(fields)) => {
            let fields = fields.into_iter().map(|(key, value)| {
                let value = with_times(&key, value);
                (key, value)
            });
            Value::Object(fields.collect())
        }
        (_, value) => value,
    }
}

/// Returns a register's raw text with its times in the one format that all data has.
pub(in crate::cli) fn raw_text(field: Option<&str>, raw: &str) -> String {
    match serde_json::from_str::<Value>(raw) {
        Ok(value @ (Value::Object(_) | Value::Number(_))) => {
            match with_times(field.unwrap_or_default(), value) {
                Value::String(text) => text,
                other => other.to_string(),
            }
        }
        _ => raw.to_owned(),
    }
}

/// Writes conflicts, each value with who and when and the command that chooses it.
pub(in crate::cli) fn text(page: &mut Page, conflicts: &[ConflictData], m: &Messages) {
    for conflict in conflicts {
        let label = if conflict.label.is_empty() {
            String::new()
        } else {
            format!(" ({})", conflict.label)
        };
        page.line(format!("  {}{label}", conflict.name));
        for value in &conflict.values {
            let place = Place {
                container: conflict.container.clone(),
                key: conflict.key.clone(),
                field: conflict.field.clone(),
            };
            // Texts have lines of their own.
            let shown = shown(&place, &value.said.value, m);
            let shown = shown.trim_end().replace('\n', "\n    ");
            page.line(format!("    {shown}  {}", page::by(&value.said.author, &value.said.at, m)));
            page.line(format!(
                "      {}",
                m.text("conflicts.choose", &[("command", &value.command)])
            ));
        }
        if let Some(command) = &conflict.write_command {
            page.line(format!("    {}", m.text("conflicts.write", &[("command", command)])));
        }
    }
}

/// Returns what stands in a place, or stood there, as people read it.
pub(in crate::cli) fn shown(place: &Place, value: &Value, m: &Messages) -> String {
    let shown = page::raw_answer(value, m).or_else(|| edition(place, value));
    let shown = shown.or_else(|| corrected(place, value, m));
    shown.unwrap_or_else(|| match value {
        Value::String(text) if text.is_empty() => m.text("place.nothing", &[]),
        Value::Null => m.text("place.nothing", &[]),
        other => {
            let name = match (place.container.as_str(), place.field.as_deref()) {
                ("lifecycle", _) => place.key.as_str(),
                (_, field) => field.unwrap_or_default(),
            };
            readable::value(m, name, other)
        }
    })
}

/// Returns the edition that a move goes to; none for other values.
fn edition(conflict: &Place, value: &Value) -> Option<String> {
    let is_move = conflict.container == "lifecycle" && conflict.key == "template";
    let to = is_move.then(|| value.get("to")?.as_str()).flatten()?;
    Some(to.chars().take(page::SHORT).collect())
}

/// Returns what stands in a corrective action; none for other values.
fn corrected(conflict: &Place, value: &Value, m: &Messages) -> Option<String> {
    match (conflict.container.as_str(), conflict.field.as_deref()) {
        ("actions", Some("deadline")) => Some(match value.as_str() {
            Some(at) => time::day_of(at),
            None => m.text("place.nothing", &[]),
        }),
        ("actions", _) if value.is_null() || value == "" => Some(m.text("place.nothing", &[])),
        ("progress", _) => {
            let progress: Progress = serde_json::from_value(value.clone()).ok()?;
            let mut parts = vec![words::action_state(m, progress.state)];
            let said = [progress.day, progress.proof, progress.remark];
            parts.extend(said.into_iter().filter(|text| !text.is_empty()));
            if !progress.photos.is_empty() {
                parts.push(m.text("show.photos", &[("count", &progress.photos.len().to_string())]));
            }
            Some(parts.join("; "))
        }
        _ => None,
    }
}

/// Returns an argument as a shell takes it.
pub(in crate::cli) fn quoted(text: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '@');
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_inside_values_have_the_format_of_all_times() {
        let answer = value_of(None, r#"{"claimed_at":1795453199000,"grade":"pass"}"#);
        assert_eq!(answer["claimed_at"], "2026-11-23T16:59:59.000Z");
        assert_eq!(value_of(Some("deadline"), "1795453199000"), "2026-11-23T16:59:59.000Z");
        assert_eq!(value_of(Some("deadline"), "null"), Value::Null);
        assert_eq!(value_of(Some("severity"), "\"major\""), "major");
        assert_eq!(value_of(None, "no json"), "no json");
        assert_eq!(raw_text(Some("deadline"), "1795453199000"), "2026-11-23T16:59:59.000Z");
        assert_eq!(raw_text(Some("text"), "gõ 5"), "gõ 5");
    }

    #[test]
    fn a_new_value_is_offered_only_where_people_type_one() {
        let offered = |container: &str, key: &str| {
            let (container, key) = (container.to_owned(), key.to_owned());
            let (name, label) = (format!("{container}/{key}"), String::new());
            let (field, values, write, write_command) = (None, Vec::new(), None, None);
            let one =
                ConflictData { container, key, field, name, label, values, write, write_command };
            one.takes_value()
        };
        let places =
            [("answers", "1.1"), ("header", "witness"), ("header", SUPPLEMENTS), ("texts", "x")];
        let offered = places.map(|(container, key)| offered(container, key));
        assert_eq!(offered, [true, true, false, false]);
    }

    #[test]
    fn a_command_can_be_copied_into_a_shell() {
        assert_eq!(quoted("demo-day/phone-1"), "demo-day/phone-1");
        assert_eq!(quoted("C's máy"), "'C'\\''s máy'");
        assert_eq!(quoted(""), "''");
    }
}
