//! *Yêu cầu khắc phục*: what a corrective action demands, each field a register of its own.
//!
//! An action is made whole, under its id in `actions`. What changes afterwards stands in `fields`, one
//! register for each field, so that a deadline and an owner that two people change apart both hold, and
//! two deadlines stand beside each other. Earlier programs overwrote the whole action: what they wrote
//! counts for each field, where nobody who wrote the field had seen it.

use automerge::ObjId;
use automerge::transaction::Transactable;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::canonical::canonical_text;
use crate::model::document::Document;
use crate::model::edit::{EditError, Editor, ROWS_MAX, field, needed};
use crate::model::ids::{ChangeHash, Kind, Timestamp};
use crate::model::register::{Register, Said, Told};
use crate::model::view::{Place, View};

/// A corrective action (*yêu cầu khắc phục*).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The finding's id; none for a general requirement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// What must be done.
    pub what: String,
    /// *Người chịu trách nhiệm*.
    #[serde(default)]
    pub owner: String,
    /// *Hạn khắc phục*: the last moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

/// What to change of a corrective action; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionPatch {
    /// The finding's id.
    pub finding: Option<String>,
    /// What must be done.
    pub what: Option<String>,
    /// Who is responsible.
    pub owner: Option<String>,
    /// The last moment.
    pub deadline: Option<Timestamp>,
}

/// Typed reading of a corrective action: every value of each field that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActionView {
    /// The finding's id; none for a general requirement.
    pub finding: Register<Told<Option<String>>>,
    /// What must be done.
    pub what: Register<Told<String>>,
    /// Who is responsible.
    pub owner: Register<Told<String>>,
    /// The last moment.
    pub deadline: Register<Told<Option<Timestamp>>>,
    /// Who demanded it and when; of several who wrote under one id the last one.
    pub made: Option<Said<()>>,
}

/// The fields of an action, by their names in records.
pub(crate) const FIELDS: [&str; 4] = ["finding", "what", "owner", "deadline"];

/// What the keys of changed fields begin with, in the registers of a follow-up: programs that know
/// none leave them as they are.
const CHANGED: &str = "action-";

impl ActionView {
    pub(crate) fn of(view: &View<'_>, id: &str) -> Self {
        Self {
            finding: told(standing(view, id, "finding")),
            what: told(standing(view, id, "what")),
            owner: told(standing(view, id, "owner")),
            deadline: told(standing(view, id, "deadline")),
            made: view.register("actions", id).all().last().map(|said| said.clone().map(|_| ())),
        }
    }

    /// Returns the earliest standing deadline: the worse one counts.
    #[must_use]
    pub fn earliest_deadline(&self) -> Option<Timestamp> {
        self.deadline.all().iter().filter_map(|said| said.value.valid().copied().flatten()).min()
    }
}

fn told<T: serde::de::DeserializeOwned>(register: Register<String>) -> Register<Told<T>> {
    register.map(|raw| Told::read(&raw))
}

/// Returns whether a key of `fields` holds a changed field of an action.
pub(crate) fn is_changed(key: &str) -> bool {
    key.starts_with(CHANGED)
}

/// Returns the key that a changed field stands under in `fields`.
pub(crate) fn key(id: &str, field: &str) -> String {
    format!("{CHANGED}{id}-{field}")
}

/// Returns the action and the field that a place names; none for other places.
pub(crate) fn named(place: &Place) -> Option<(&str, &'static str)> {
    let field = place.field.as_deref().filter(|_| place.container == "actions")?;
    let field = FIELDS.into_iter().find(|known| *known == field)?;
    Some((place.key.as_str(), field))
}

/// Returns what an action as it was written whole says of a field; what cannot be read is its whole
/// text.
fn part(raw: &str, field: &str) -> String {
    match serde_json::from_str::<Value>(raw) {
        Ok(Value::Object(fields)) => {
            let absent = if field == "owner" { Value::from("") } else { Value::Null };
            canonical_text(fields.get(field).unwrap_or(&absent))
        }
        _ => raw.to_owned(),
    }
}

/// Returns every value of a field that stands: what nobody overwrote who had seen it.
pub(crate) fn standing(view: &View<'_>, id: &str, field: &str) -> Register<String> {
    let whole = view.register("actions", id).map(|raw| part(&raw, field));
    let changed = view.register("fields", &key(id, field));
    if changed == Register::Empty {
        return whole;
    }
    let document = view.document();
    let mut values: Vec<Said<String>> = [(&whole, &changed), (&changed, &whole)]
        .into_iter()
        .flat_map(|(these, others)| unseen(document, these.all(), others.all()))
        .collect();
    let counter = |said: &Said<String>| document.known.get(&said.change).map(|known| known.max_op);
    values.sort_by(|a, b| (counter(a), &a.actor).cmp(&(counter(b), &b.actor)));
    Register::from_values(values)
}

fn unseen(document: &Document, these: &[Said<String>], by: &[Said<String>]) -> Vec<Said<String>> {
    let by: Vec<ChangeHash> = by.iter().map(|said| said.change).collect();
    let seen = document.seen_by(&by);
    these.iter().filter(|said| !seen.contains(&said.change)).cloned().collect()
}

/// Returns every value ever given to a field of an action, oldest first.
pub(crate) fn history(view: &View<'_>, id: &str, field: &str) -> Vec<Said<String>> {
    let layout = &view.document().layout;
    let of = |name: &str, key: &str| {
        let map = layout.registers.get(name);
        map.map(|map| view.history_at(map, &[key])).unwrap_or_default()
    };
    let mut all: Vec<Said<String>> =
        of("actions", id).into_iter().map(|said| said.map(|raw| part(&raw, field))).collect();
    all.extend(of("fields", &key(id, field)));
    let counter =
        |said: &Said<String>| view.document().known.get(&said.change).map(|known| known.max_op);
    all.sort_by(|a, b| (counter(a), &a.actor).cmp(&(counter(b), &b.actor)));
    all
}

/// Returns the maps and keys that the values of a field stand under.
pub(crate) fn registers(view: &View<'_>, id: &str, field: &str) -> Vec<(ObjId, Vec<String>)> {
    let layout = &view.document().layout;
    let at = |name: &str, key: String| Some((layout.registers.get(name)?.clone(), vec![key]));
    [at("actions", id.to_owned()), at("fields", key(id, field))].into_iter().flatten().collect()
}

impl Editor<'_> {
    /// Adds a corrective action under a fresh random id.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::Exists`], or which text is missing or too long.
    pub fn action_add(&mut self, id: [u8; 16], action: &Action) -> Result<(), EditError> {
        self.require(Kind::Followup, "action")?;
        let key = hex::encode(id);
        self.fresh("actions", "action", &key)?;
        let finding = action.finding.as_deref().map(|id| field("finding", id)).transpose()?;
        let action = Action {
            finding,
            what: needed("what must be done", &action.what)?,
            owner: field("owner", &action.owner)?,
            deadline: action.deadline,
        };
        self.put_row("actions", &key, &action)
    }

    /// Changes what the patch names of a corrective action.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`], [`EditError::Contested`] while values that differ stand in a
    /// field that the patch names, or which text is missing or too long.
    pub fn action_change(&mut self, id: [u8; 16], patch: &ActionPatch) -> Result<(), EditError> {
        self.require(Kind::Followup, "action")?;
        let key = hex::encode(id);
        self.known("actions", "action", &key)?;
        if let Some(finding) = &patch.finding {
            self.action_field(&key, "finding", &canonical_text(&field("finding", finding)?))?;
        }
        if let Some(what) = &patch.what {
            let what = needed("what must be done", what)?;
            self.action_field(&key, "what", &canonical_text(&what))?;
        }
        if let Some(owner) = &patch.owner {
            self.action_field(&key, "owner", &canonical_text(&field("owner", owner)?))?;
        }
        if let Some(deadline) = &patch.deadline {
            self.action_field(&key, "deadline", &canonical_text(deadline))?;
        }
        Ok(())
    }

    fn action_field(&mut self, id: &str, name: &'static str, raw: &str) -> Result<(), EditError> {
        let standing = standing(&self.reading(), id, name);
        if standing.all().iter().all(|said| said.value == raw) {
            return Ok(());
        }
        if standing.all().windows(2).any(|pair| pair[0].value != pair[1].value) {
            let place = Place {
                container: "actions".to_owned(),
                key: id.to_owned(),
                field: Some(name.to_owned()),
            };
            return Err(EditError::Contested { place, values: standing.all().len() });
        }
        self.action_field_put(id, name, raw)
    }

    /// Writes a field of an action over everything that stands in it.
    pub(crate) fn action_field_put(
        &mut self,
        id: &str,
        name: &str,
        raw: &str,
    ) -> Result<(), EditError> {
        let (map, key) = (self.map("fields")?, key(id, name));
        let standing = self.values(&map, &key)?;
        if standing.is_empty() {
            // As many as there may be actions, and never more than their fields.
            let changed = self.document.view().keys_of("fields");
            let changed = changed.iter().filter(|key| is_changed(key)).count();
            if changed >= ROWS_MAX * FIELDS.len() {
                return Err(EditError::TooMany { what: "actions", limit: ROWS_MAX });
            }
        } else if standing.iter().any(|value| value == raw) {
            // The same value again, over what was written apart in the whole action too: where one
            // value is kept Automerge writes nothing, and nothing would say that this was seen.
            self.tx.delete(&map, key.as_str())?;
        }
        Ok(self.tx.put(&map, key, raw)?)
    }
}
