//! Typed reading of a document, now or at past heads.
//!
//! Total: whatever a foreign change wrote, reading gives values, conflicts and damaged content, and
//! never fails. Writes nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use automerge::{ObjId, ObjType, ROOT, ReadDoc, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::document::Document;
use super::edition::{self, Edition};
use super::history::{self, Past, Watched};
use super::ids::{ChangeHash, Kind, Timestamp};
use super::kinds::action;
use super::kinds::facility::FacilityView;
use super::kinds::finding::{self, Parked};
use super::kinds::followup::{self, FollowupView};
use super::kinds::inspection::{Answer, InspectionView};
use super::kinds::plan::PlanView;
use super::kinds::review::{Judged, ReviewView};
use super::kinds::row::{self, RowParts};
use super::layout::Shape;
use super::migrate;
use super::record::Record;
use super::register::{Register, Said, Told};

/// Where a register stands in a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The container, for instance `answers`.
    pub container: String,
    /// The key in it: an item, a field's name, or a row's id. Answers in rows stand in `rows` under
    /// the row's id and the item with a slash between.
    pub key: String,
    /// The field, in a row of fields.
    pub field: Option<String>,
}

impl Place {
    /// Returns the row and the item of an answer in a row; none for other places.
    #[must_use]
    pub fn row_item(&self) -> Option<(&str, &str)> {
        let is_row = self.container == "rows" && self.field.is_none();
        is_row.then(|| self.key.split_once('/')).flatten()
    }
}

/// A register in which several values stand, written without sight of each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Which register.
    pub place: Place,
    /// Every value, as canonical JSON, with who and when; sorted the same on every replica.
    pub values: Vec<Said<String>>,
}

/// A document read at one moment.
#[derive(Debug, Clone)]
pub struct View<'a> {
    document: Cow<'a, Document>,
    /// The edition that the record is read by, once it was asked for; none for other kinds.
    edition: OnceLock<Option<Edition>>,
    /// All registers by container, once they were asked for: a summary looks at each twice.
    registers: OnceLock<BTreeMap<&'static str, Registers>>,
    /// The keys under which whole replacements of texts stand ([`super::whole`]), once they were asked for.
    pub(super) wholes: OnceLock<Wholes>,
}

/// Registers of a map by their keys, as raw texts.
type Registers = BTreeMap<String, Register<String>>;

/// The keys of whole replacements in the two maps that hold many texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Wholes {
    /// At the root.
    pub(super) root: BTreeSet<String>,
    /// In the map of notes.
    pub(super) notes: BTreeSet<String>,
}

impl<'a> View<'a> {
    pub(crate) fn of(document: &'a Document) -> Self {
        Self::over(Cow::Borrowed(document))
    }

    pub(crate) fn owned(document: Document) -> View<'static> {
        View::over(Cow::Owned(document))
    }

    fn over(document: Cow<'a, Document>) -> Self {
        let (edition, registers, wholes) = Default::default();
        Self { document, edition, registers, wholes }
    }

    /// Returns the document as it stands in this view.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.document.shape.kind()
    }

    /// Returns which edition of its checklist an inspection is read by; nothing for another kind.
    #[must_use]
    pub fn edition(&self) -> Option<&Edition> {
        self.edition.get_or_init(|| Edition::of(self)).as_ref()
    }

    /// Returns the same moment, read by another edition.
    #[must_use]
    pub fn read_by(self, edition: Edition) -> Self {
        let edition = self.edition().map(|own| edition.told_as_by(own));
        Self { edition: OnceLock::from(edition), ..self }
    }

    /// Returns the same moment, read by the edition that the record pins.
    #[must_use]
    pub fn by_pinned(self) -> Self {
        match self.document.genesis.template {
            Some(pinned) => self.read_by(Edition::pinned(pinned)),
            None => self,
        }
    }

    /// Returns the items that the record is read by.
    pub(crate) fn shape(&self) -> Cow<'_, Shape> {
        match self.edition() {
            Some(edition) => edition.shape(&self.document.shape),
            None => Cow::Borrowed(&self.document.shape),
        }
    }

    /// Returns what to call what an answer stands under.
    pub(crate) fn name(&self, storage: &str) -> String {
        self.edition().map_or_else(|| storage.to_owned(), |edition| edition.name(storage))
    }

    /// Returns what to call an item that something is said about.
    pub(crate) fn name_about(&self, storage: String) -> String {
        match self.edition() {
            Some(edition) => edition.name_about(&storage),
            None => storage,
        }
    }

    /// Returns the reading of an inspection; nothing for another kind.
    #[must_use]
    pub fn inspection(&self) -> Option<InspectionView> {
        (self.kind() == Kind::Inspection).then(|| InspectionView::of(self))
    }

    /// Returns the reading of a facility; nothing for another kind.
    #[must_use]
    pub fn facility(&self) -> Option<FacilityView> {
        (self.kind() == Kind::Facility).then(|| FacilityView::of(self))
    }

    /// Returns the reading of a plan; nothing for another kind.
    #[must_use]
    pub fn plan(&self) -> Option<PlanView> {
        (self.kind() == Kind::Plan).then(|| PlanView::of(self))
    }

    /// Returns the reading of a review; nothing for another kind.
    #[must_use]
    pub fn review(&self) -> Option<ReviewView> {
        (self.kind() == Kind::Review).then(|| ReviewView::of(self))
    }

    /// Returns what a review comes to, given which actors may decide; nothing for another kind. Walks
    /// all changes: for a screen, not for lists.
    #[must_use]
    pub fn judged(&self, decides: impl Fn(&[u8]) -> bool) -> Option<Judged> {
        Judged::of(self, &decides)
    }

    /// Returns the reading of a follow-up; nothing for another kind.
    #[must_use]
    pub fn followup(&self) -> Option<FollowupView> {
        (self.kind() == Kind::Followup).then(|| FollowupView::of(self))
    }

    /// Returns the canonical record.
    #[must_use]
    pub fn record(&self) -> Record {
        Record::of(self)
    }

    /// Returns every answer ever given to an item, oldest first: an answer comes after all that its
    /// writer had seen, and of answers given apart the one whose writer's clock claims the earlier
    /// time comes first. The order is the same on every replica; the time is only a claim. Walks all changes: for a screen, not for lists.
    #[must_use]
    pub fn history(&self, item: &str) -> Vec<Said<Answer>> {
        let Some(answers) = self.document.layout.registers.get("answers") else {
            return Vec::new();
        };
        let keys = self.edition().map_or_else(|| vec![item], |edition| edition.storages(item));
        self.answers_put(answers, &keys)
    }

    /// As [`View::history`], of an item in a row.
    #[must_use]
    pub fn row_history(&self, row: &str, item: &str) -> Vec<Said<Answer>> {
        let Some(parts) = self.row_parts().remove(row) else { return Vec::new() };
        let keys = self.storages_in(&parts, item);
        parts.answers.map(|answers| self.answers_put(&answers, &keys)).unwrap_or_default()
    }

    /// Returns the keys that an item's answers stand under in a row.
    pub(crate) fn storages_in<'k>(&'k self, parts: &RowParts, item: &'k str) -> Vec<&'k str> {
        let group = row::group(self, &parts.row);
        let group = group.shown().map(String::as_str).unwrap_or_default();
        self.edition().map_or_else(|| vec![item], |edition| edition.storages_in(group, item))
    }

    fn answers_put(&self, answers: &ObjId, keys: &[&str]) -> Vec<Said<Answer>> {
        history::puts(&self.document, answers, keys)
            .into_iter()
            .map(|said| said.map(|raw| self.answer(&raw)))
            .collect()
    }

    /// Returns every value ever written to a register, as canonical JSON, in the order of
    /// [`View::history`].
    #[must_use]
    pub fn history_of(&self, place: &Place) -> Vec<Said<String>> {
        let layout = &self.document.layout;
        let name = place.container.as_str();
        if !self.slots_at(place).is_empty() {
            return self.text_history(place);
        }
        if let Some((id, field)) = action::named(place) {
            return action::history(self, id, field);
        }
        if name == "rechecks" {
            let key = followup::recheck_key(&place.key);
            let map = layout.registers.get("fields");
            return map.map(|map| self.history_at(map, &[&key])).unwrap_or_default();
        }
        if let Some((row, item)) = place.row_item() {
            let Some(parts) = self.row_parts().remove(row) else { return Vec::new() };
            let keys = self.storages_in(&parts, item);
            return parts
                .answers
                .map(|answers| history::puts(&self.document, &answers, &keys))
                .unwrap_or_default();
        }
        let keys = match (name, self.edition()) {
            ("answers", Some(edition)) => edition.storages(&place.key),
            _ => vec![place.key.as_str()],
        };
        match &place.field {
            Some(field) => match self.rows(name).get(&place.key) {
                Some(row) => history::puts(&self.document, row, &[field]),
                None => Vec::new(),
            },
            None => layout
                .registers
                .get(name)
                .map(|map| history::puts(&self.document, map, &keys))
                .unwrap_or_default(),
        }
    }

    /// Returns every value ever written under some keys of a map, as [`View::history_of`].
    pub(crate) fn history_at(&self, map: &ObjId, keys: &[&str]) -> Vec<Said<String>> {
        history::puts(&self.document, map, keys)
    }

    /// Returns every change of the document but the first: what each actor did and when, oldest
    /// first.
    #[must_use]
    pub fn past(&self) -> Vec<Past> {
        history::changes(&self.document)
    }

    /// Returns every register in which values stand that differ: what a person has to settle.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut found = self.contested();
        found.retain(|contested| !self.is_agreed(contested));
        found
    }

    /// Returns every register in which several people wrote the same value without sight of each
    /// other. The value counts as if one of them had written it, and nobody has to settle it.
    #[must_use]
    pub fn agreements(&self) -> Vec<Conflict> {
        let mut found = self.contested();
        found.retain(|contested| self.is_agreed(contested));
        found
    }

    fn is_agreed(&self, contested: &Conflict) -> bool {
        let place = &contested.place;
        let answers = place.container == "answers" || place.row_item().is_some();
        let moves = place.container == "lifecycle" && place.key == edition::TEMPLATE;
        contested.values.windows(2).all(|pair| {
            let (one, other) = (&pair[0].value, &pair[1].value);
            one == other
                || (answers && self.answer(one).agrees(&self.answer(other)))
                || (moves && edition::agree(one, other))
        })
    }

    fn contested(&self) -> Vec<Conflict> {
        let mut found = Vec::new();
        for name in self.document.layout.registers.keys() {
            let mut registers = self.registers(name);
            if let (&"answers", Some(edition)) = (name, self.edition()) {
                // What no item of the edition is asked by, nobody has to settle.
                registers.retain(|storage, _| edition.is_home(storage));
                registers = self.joined(registers, |storage| edition.name(storage));
            }
            for (key, register) in registers {
                if !self.is_to_settle(name, &key) {
                    continue;
                }
                let place = match self.kind() {
                    Kind::Followup => followup::told_at(name, key),
                    _ => Some(Place { container: (*name).to_owned(), key, field: None }),
                };
                found.extend(place.and_then(|place| conflict(place, register)));
            }
        }
        found.extend(self.contested_in_actions());
        found.extend(self.contested_texts());
        for name in self.document.layout.rows.keys() {
            for (key, row) in self.rows(name) {
                for (field, register) in self.fields(&row) {
                    if *name == "findings" && field == finding::DELETED_REASON {
                        continue;
                    }
                    let (container, key) = ((*name).to_owned(), key.clone());
                    let place = Place { container, key, field: Some(field) };
                    found.extend(conflict(place, register));
                }
            }
        }
        found.extend(self.contested_in_rows());
        found
    }

    /// Returns the contested fields of corrective actions.
    fn contested_in_actions(&self) -> Vec<Conflict> {
        if self.kind() != Kind::Followup {
            return Vec::new();
        }
        let mut found = Vec::new();
        for id in self.keys_of("actions") {
            for field in action::FIELDS {
                let (container, field_name) = ("actions".to_owned(), Some(field.to_owned()));
                let place = Place { container, key: id.clone(), field: field_name };
                found.extend(conflict(place, action::standing(self, &id, field)));
            }
        }
        found
    }

    /// Returns whether somebody has to settle what differs in a register: nobody has for a move that
    /// came too late.
    fn is_to_settle(&self, container: &str, key: &str) -> bool {
        match (container, key, self.edition()) {
            ("lifecycle", edition::TEMPLATE, Some(edition)) => edition.moved.is_conflict(),
            _ => true,
        }
    }

    /// Reads registers by the names that storage keys have: one item may stand under several.
    pub(crate) fn joined(
        &self,
        registers: BTreeMap<String, Register<String>>,
        name: impl Fn(&str) -> String,
    ) -> BTreeMap<String, Register<String>> {
        let mut named: BTreeMap<String, Register<String>> = BTreeMap::new();
        for (storage, register) in registers {
            let standing = named.entry(name(&storage)).or_default();
            *standing = std::mem::take(standing).join(register);
        }
        named
    }

    /// Returns the contested answers of rows that count. What stands in a removed row is shown with
    /// it and nobody has to settle it.
    fn contested_in_rows(&self) -> Vec<Conflict> {
        let mut found = Vec::new();
        for (id, parts) in self.row_parts() {
            if row::is_dead(&row::removed(self, &parts.row)) {
                continue;
            }
            let group = row::group(self, &parts.row);
            let group = group.shown().map(String::as_str).unwrap_or_default();
            let (Some(edition), Some(map)) = (self.edition(), &parts.answers) else { continue };
            let mut standing = self.fields(map);
            standing.retain(|storage, _| edition.is_home_in(group, storage));
            for (item, register) in self.joined(standing, |key| edition.name_in(group, key)) {
                let (container, key) = ("rows".to_owned(), format!("{id}/{item}"));
                found.extend(conflict(Place { container, key, field: None }, register));
            }
        }
        found
    }

    pub(crate) fn answer(&self, raw: &str) -> Answer {
        Answer::read(&migrate::answer(self.document.layout.schema, raw))
    }

    /// Returns the keys of a container, of rows their ids.
    #[must_use]
    pub fn keys_of(&self, container: &str) -> Vec<String> {
        let layout = &self.document.layout;
        let map = layout.registers.get(container).or_else(|| layout.rows.get(container));
        map.map(|map| self.document.automerge.keys(map).collect()).unwrap_or_default()
    }

    /// Reads all registers of a map.
    pub(crate) fn registers(&self, name: &str) -> Registers {
        let all = self.registers.get_or_init(|| {
            let maps = self.document.layout.registers.iter();
            maps.map(|(name, map)| (*name, self.fields(map))).collect()
        });
        all.get(name).cloned().unwrap_or_default()
    }

    /// Reads all registers of a map object; keys that hold objects are left out.
    pub(crate) fn fields(&self, map: &ObjId) -> Registers {
        // One walk over the map; only where several values stand under a key is it looked up by itself.
        let items = self.document.automerge.map_range(map, ..);
        items
            .map(|item| {
                let register = match (item.conflict, Value::from(item.value.clone())) {
                    (true, _) => self.at_key(map, &item.key),
                    (false, Value::Object(_)) => Register::Empty,
                    (false, value) => Register::One(self.said(&value, &item.id()).1),
                };
                (item.key.into_owned(), register)
            })
            .filter(|(_, register)| *register != Register::Empty)
            .collect()
    }

    pub(crate) fn register(&self, name: &str, key: &str) -> Register<String> {
        match self.document.layout.registers.get(name) {
            Some(map) => self.at_key(map, key),
            None => Register::Empty,
        }
    }

    /// Reads one register as its raw text.
    pub(crate) fn at_key(&self, map: &ObjId, key: &str) -> Register<String> {
        let values = self.document.automerge.get_all(map, key).unwrap_or_default();
        let mut said: Vec<(u64, Said<String>)> = values
            .iter()
            .filter(|(value, _)| !value.is_object())
            .map(|(value, id)| self.said(value, id))
            .collect();
        said.sort_by(|a, b| (a.0, &a.1.actor).cmp(&(b.0, &b.1.actor)));
        Register::from_values(said.into_iter().map(|(_, said)| said).collect())
    }

    fn said(&self, value: &Value<'_>, id: &ObjId) -> (u64, Said<String>) {
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            // No program of ours writes other scalars: shown, and parsed as damaged.
            None => value.to_string(),
        };
        let (counter, actor) = match id {
            ObjId::Root => (0, Vec::new()),
            ObjId::Id(counter, actor, _) => (*counter, actor.to_bytes().to_vec()),
        };
        let hash = self.document.automerge.hash_for_opid(id).map_or([0; 32], |hash| hash.0);
        let change = ChangeHash(hash);
        let at = self.document.known.get(&change).map_or(Timestamp(0), |known| known.at);
        (counter, Said { value: text, actor, change, at })
    }

    pub(crate) fn strings(&self, name: &str) -> BTreeMap<String, Register<String>> {
        let registers = self.registers(name).into_iter();
        registers.map(|(key, register)| (key, register.map(|raw| read_string(&raw)))).collect()
    }

    pub(crate) fn told<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> BTreeMap<String, Register<Told<T>>> {
        let registers = self.registers(name).into_iter();
        registers.map(|(key, register)| (key, register.map(|raw| Told::read(&raw)))).collect()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.texts(name).join("\n")
    }

    /// Returns the texts that stand under a name: one, or several that people wrote apart.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let born = self.document.layout.texts.get(name);
        born.map(|born| self.read_whole(born, &ROOT, name)).unwrap_or_default()
    }

    /// Returns the note of a row; several texts where people wrote them apart.
    pub(crate) fn row_notes(&self, parts: &RowParts) -> Vec<String> {
        let born = parts.note.as_ref();
        born.map(|born| self.read_whole(born, &parts.row, row::NOTE)).unwrap_or_default()
    }

    pub(crate) fn text_of(&self, id: &ObjId) -> String {
        self.document.automerge.text(id).unwrap_or_default()
    }

    /// Reads a text inside a row: where a foreign change put several, all of them.
    pub(crate) fn text_in(&self, row: &ObjId, key: &str) -> String {
        let values = self.document.automerge.get_all(row, key).unwrap_or_default();
        let texts: Vec<String> = values
            .iter()
            .filter(|(value, _)| matches!(value, Value::Object(ObjType::Text)))
            .map(|(_, id)| self.text_of(id))
            .collect();
        texts.join("\n")
    }

    /// Returns the texts inside a row, several where a foreign change put several.
    pub(crate) fn texts_in(&self, row: &ObjId, key: &str) -> Vec<ObjId> {
        let values = self.document.automerge.get_all(row, key).unwrap_or_default();
        let texts = values.into_iter();
        texts
            .filter(|(value, _)| matches!(value, Value::Object(ObjType::Text)))
            .map(|(_, id)| id)
            .collect()
    }

    pub(crate) fn notes(&self) -> BTreeMap<String, String> {
        let all = self.all_notes().into_iter();
        all.map(|(item, texts)| (item, texts.join("\n"))).collect()
    }

    /// Returns every note that is not empty: one text of each item, several where people wrote them
    /// apart, or where an item stands under several keys and has as many notes.
    pub(crate) fn all_notes(&self) -> BTreeMap<String, Vec<String>> {
        let mut notes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let Some(map) = &self.document.layout.notes_map else { return notes };
        for (item, born) in &self.document.layout.notes {
            for text in self.read_whole(born, map, item) {
                if !text.is_empty() {
                    notes.entry(self.name_about(item.clone())).or_default().push(text);
                }
            }
        }
        notes
    }

    /// Returns the rows of a map: the object of each id.
    pub(crate) fn rows(&self, name: &str) -> BTreeMap<String, ObjId> {
        let Some(map) = self.document.layout.rows.get(name) else { return BTreeMap::new() };
        let keys: Vec<String> = self.document.automerge.keys(map).collect();
        keys.into_iter()
            .filter_map(|key| {
                let values = self.document.automerge.get_all(map, key.as_str()).ok()?;
                let row = values
                    .into_iter()
                    .rev()
                    .find(|(value, _)| matches!(value, Value::Object(ObjType::Map)))?;
                Some((key, row.1))
            })
            .collect()
    }

    /// Returns what stands under the keys of a map of rows and is no row.
    pub(crate) fn not_rows(&self, name: &str) -> BTreeMap<String, Register<String>> {
        match self.document.layout.rows.get(name) {
            Some(map) => self.fields(map),
            None => BTreeMap::new(),
        }
    }

    /// Returns the rows of repeat groups with what each is made of.
    pub(crate) fn row_parts(&self) -> BTreeMap<String, RowParts> {
        let rows = self.rows("rows").into_iter();
        rows.map(|(id, row)| (id, RowParts::of(&self.document.automerge, row))).collect()
    }

    /// Returns who made an object and when, with the number of the operation that did.
    pub(crate) fn made(&self, object: &ObjId) -> Said<u64> {
        let (counter, said) = self.said(&Value::from(""), object);
        said.map(|_| counter)
    }

    pub(crate) fn parked_in_finding(&self, row: &ObjId, tombstones: &[ChangeHash]) -> Vec<Parked> {
        let values = self.document.automerge.get_all(row, "text").unwrap_or_default();
        let texts: Vec<(&str, &ObjId)> = values
            .iter()
            .filter(|(value, _)| matches!(value, Value::Object(ObjType::Text)))
            .map(|(_, id)| ("text", id))
            .collect();
        let watched = Watched { row, tombstone: "deleted", maps: Vec::new(), texts };
        self.parked(&watched, tombstones)
    }

    pub(crate) fn parked(&self, watched: &Watched<'_>, tombstones: &[ChangeHash]) -> Vec<Parked> {
        if tombstones.is_empty() {
            return Vec::new();
        }
        history::parked(&self.document, watched, tombstones)
    }
}

/// Reads a register of plain text; what is no JSON text is shown as it is.
pub(crate) fn read_string(raw: &str) -> String {
    serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned())
}

fn conflict(place: Place, register: Register<String>) -> Option<Conflict> {
    let Register::Conflict(values) = register else { return None };
    Some(Conflict { place, values })
}

/// Returns what a place is called where a person names it.
#[must_use]
pub fn place_name(place: &Place) -> String {
    match (place.container.as_str(), &place.field) {
        ("answers", _) => place.key.clone(),
        ("rows", None) => match place.row_item() {
            Some((row, item)) => format!("{}/{item}", short(row)),
            None => place.key.clone(),
        },
        ("header" | "lifecycle" | "texts" | "notes", None) => {
            format!("{}/{}", place.container, place.key)
        }
        (container, None) => format!("{container}/{}", short(&place.key)),
        (container, Some(field)) => format!("{container}/{}/{field}", short(&place.key)),
    }
}

fn short(id: &str) -> String {
    id.chars().take(8).collect()
}
