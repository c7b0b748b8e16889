//! What a set of changes wrote to: which items, fields and texts, and who.
//!
//! Decodes the changes it is asked about, so it serves one screen, or the few changes at the end of a
//! document, and never a whole history in a list.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{Key, ObjectId, OpType};
use automerge::{ExpandedChange, ObjId};
use serde::Serialize;

use super::document::{Document, contain};
use super::edition::TEMPLATE;
use super::ids::{ChangeHash, Kind, Timestamp};
use super::kinds::row;
use super::layout::FIRST_ACTOR;
use super::register::Said;
use super::view::{Conflict, Place, View};
use super::whole::WHOLE;

/// The field of a place that is a note's or finding's text.
pub(crate) const TEXT: &str = "text";

/// A place that was written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// Where. Texts of items stand in `notes`, opinions in `texts`, rows that were made under their
    /// id alone.
    pub place: Place,
    /// Every change that wrote there, with its author and the time that it claims, oldest first.
    pub by: Vec<Said<()>>,
}

/// Maps of an inspection that go on after its minutes: what laboratories report and what is raised
/// later changes nothing that was signed.
const AFTER_MINUTES: [&str; 2] = ["handovers", "difficulties"];

impl Touched {
    /// Returns whether it comes after the minutes by its nature.
    #[must_use]
    pub fn is_after_minutes(&self) -> bool {
        AFTER_MINUTES.contains(&self.place.container.as_str())
    }
}

impl Conflict {
    /// Returns whether it is about what was found. The course of an inspection goes on after its minutes;
    /// which checklist it is read by belongs to what was found.
    #[must_use]
    pub fn is_of_content(&self) -> bool {
        !is_course(&self.place)
    }
}

/// Where an object of the document stands.
#[derive(Debug, Clone)]
enum Spot {
    /// The root, in which opinions are replaced whole.
    Root,
    /// The map in which notes of items are replaced whole.
    Notes,
    /// A map of registers, under its name.
    Map(String),
    /// A row of a map: the map's name and the row's id.
    Row(String, String),
    /// The answers of a row, with the row's id and its group.
    Answers(String, String),
    /// A text.
    Text(Place),
}

impl Document {
    /// Returns the heads of the content: the heads without the last steps of the life cycle, which
    /// change nothing that was found. Equal content heads mean equal content.
    #[must_use]
    pub fn content_heads(&self) -> Vec<ChangeHash> {
        let mut heads = self.heads();
        if self.genesis.kind != Kind::Inspection {
            return heads;
        }
        let spots = Spots::of(&self.view());
        while let Some(at) = heads.iter().position(|head| self.is_course(&spots, head)) {
            let head = heads.swap_remove(at);
            let rest = self.ancestors(&heads);
            let deps = self.known.get(&head).map(|known| known.deps.clone()).unwrap_or_default();
            heads.extend(deps.into_iter().filter(|dep| !rest.contains(dep)));
        }
        heads.sort_unstable();
        heads
    }

    /// Returns what was written to since some heads, in the order of its names: by every change that
    /// none of them builds on. Steps of the life cycle are left out: they are its own course, and
    /// change nothing that was found. None where a head is not held, so that nobody can tell.
    #[must_use]
    pub fn touched_since(&self, heads: &[ChangeHash]) -> Option<Vec<Touched>> {
        if heads.iter().any(|head| !self.has(head)) {
            return None;
        }
        let seen = self.ancestors(heads);
        let later: Vec<ChangeHash> = self
            .known
            .iter()
            .filter(|(hash, known)| known.actor != FIRST_ACTOR && !seen.contains(hash))
            .map(|(hash, _)| *hash)
            .collect();
        if later.is_empty() {
            return Some(Vec::new());
        }
        let view = self.view();
        let changes = self.expanded(&later);
        let mut spots = Spots::of(&view);
        spots.learn(&changes);
        if changes.iter().any(|change| spots.misses(change)) {
            let all: Vec<ChangeHash> = self.known.keys().copied().collect();
            spots.learn(&self.expanded(&all));
        }
        let mut found: BTreeMap<Place, BTreeMap<(u64, ChangeHash), Said<()>>> = BTreeMap::new();
        for change in changes {
            let hash = ChangeHash(change.hash.map_or([0; 32], |hash| hash.0));
            let at = Timestamp(change.time);
            for place in spots.places(&change) {
                let actor = change.actor_id.to_bytes().to_vec();
                let said = Said { value: (), actor, change: hash, at };
                found.entry(place).or_default().insert((change.start_op.get(), hash), said);
            }
        }
        found.retain(|place, _| !is_course(place));
        let touched = found.into_iter().map(|(place, by)| {
            let place = spots.named(&view, place);
            Touched { place, by: by.into_values().collect() }
        });
        Some(touched.collect())
    }

    /// Returns what the last change wrote to; of several heads, what any of them did.
    #[must_use]
    pub fn touched_last(&self) -> Vec<Touched> {
        let known = self.heads().into_iter().filter_map(|head| self.known.get(&head));
        let before: Vec<ChangeHash> = known.flat_map(|known| known.deps.clone()).collect();
        self.touched_since(&before).unwrap_or_default()
    }

    fn expanded(&self, hashes: &[ChangeHash]) -> Vec<ExpandedChange> {
        // Decoding panics on operations that this version does not know.
        self.changes(hashes).iter().filter_map(|change| contain(|| change.decode())).collect()
    }

    /// Returns whether a change is a step of the life cycle and nothing else.
    fn is_course(&self, spots: &Spots, hash: &ChangeHash) -> bool {
        if self.known.get(hash).is_none_or(|known| known.actor == FIRST_ACTOR) {
            return false;
        }
        let changes = self.expanded(&[*hash]);
        let Some(change) = changes.first() else { return false };
        let places = spots.places(change);
        !places.is_empty() && places.iter().all(is_course)
    }
}

/// Returns whether a place belongs to the course of an inspection and not to what was found.
fn is_course(place: &Place) -> bool {
    place.container == "lifecycle" && place.key != TEMPLATE
}

/// An object's id: the place of the operation that made it, and that operation's actor.
type Name = (u64, Vec<u8>);

/// How deep objects stand in each other: a text in a row of a map.
const DEPTH_MAX: usize = 8;

/// Where every object of a document stands, by its id.
struct Spots {
    /// Those that a view shows.
    shown: BTreeMap<Name, Spot>,
    /// In what others were made, and under which key: another took their place, or a row that held them
    /// was removed. What was written there is part of the story all the same.
    made: BTreeMap<Name, (ObjectId, Option<String>)>,
}

impl Spots {
    fn of(view: &View<'_>) -> Self {
        let layout = &view.document().layout;
        let mut spots = BTreeMap::new();
        let mut add = |object: &ObjId, spot: Spot| {
            if let ObjId::Id(counter, actor, _) = object {
                spots.insert((*counter, actor.to_bytes().to_vec()), spot);
            }
        };
        let text = |container: &str, key: &str, field: Option<&str>| {
            Spot::Text(Place {
                container: container.to_owned(),
                key: key.to_owned(),
                field: field.map(str::to_owned),
            })
        };
        for (name, map) in &layout.registers {
            add(map, Spot::Map((*name).to_owned()));
        }
        if let Some(map) = &layout.notes_map {
            add(map, Spot::Notes);
        }
        for slot in view.slots() {
            // By the key in the record, as all places here; `named` gives them their names.
            let key = slot.key.strip_suffix(WHOLE).unwrap_or(&slot.key);
            let place = match slot.place.container.as_str() {
                "notes" => Place { key: key.to_owned(), ..slot.place.clone() },
                _ => slot.place.clone(),
            };
            for (object, _) in view.texts_of(&slot) {
                add(&object, Spot::Text(place.clone()));
            }
        }
        for (name, map) in &layout.rows {
            add(map, Spot::Map((*name).to_owned()));
            for (id, object) in view.rows(name) {
                add(&object, Spot::Row((*name).to_owned(), id.clone()));
                for object in view.texts_in(&object, TEXT) {
                    add(&object, text(name, &id, Some(TEXT)));
                }
            }
        }
        for (id, parts) in view.row_parts() {
            let group = row::group(view, &parts.row).shown().cloned().unwrap_or_default();
            if let Some(answers) = &parts.answers {
                add(answers, Spot::Answers(id.clone(), group));
            }
        }
        Self { shown: spots, made: BTreeMap::new() }
    }

    /// Notes where changes made objects that no view shows.
    fn learn(&mut self, changes: &[ExpandedChange]) {
        for change in changes {
            let actor = change.actor_id.to_bytes();
            for (counter, op) in (change.start_op.get()..).zip(&change.operations) {
                let name = (counter, actor.to_vec());
                if matches!(op.action, OpType::Make(_)) && !self.shown.contains_key(&name) {
                    self.made.insert(name, (op.obj.clone(), map_key(&op.key)));
                }
            }
        }
    }

    /// Returns whether a change wrote into an object of which nobody knows where it stands.
    fn misses(&self, change: &ExpandedChange) -> bool {
        change.operations.iter().any(|op| self.spot(&op.obj, DEPTH_MAX).is_none())
    }

    fn spot(&self, object: &ObjectId, depth: usize) -> Option<Spot> {
        let ObjectId::Id(id) = object else { return Some(Spot::Root) };
        let name = (id.0, id.1.to_bytes().to_vec());
        if let Some(spot) = self.shown.get(&name) {
            return Some(spot.clone());
        }
        let (parent, key) = self.made.get(&name)?;
        let parent = self.spot(parent, depth.checked_sub(1)?)?;
        parent.place(key.clone(), false).map(Spot::Text)
    }

    /// Returns every place that a change wrote to, by the keys in the record.
    fn places(&self, change: &ExpandedChange) -> BTreeSet<Place> {
        let mut places = BTreeSet::new();
        for op in &change.operations {
            let makes = matches!(op.action, OpType::Make(_));
            let spot = self.spot(&op.obj, DEPTH_MAX);
            places.extend(spot.and_then(|spot| spot.place(map_key(&op.key), makes)));
        }
        places
    }

    /// Returns a place with the item's name in the edition that the record is read by.
    fn named(&self, view: &View<'_>, place: Place) -> Place {
        match place.container.as_str() {
            "answers" => Place { key: view.name(&place.key), ..place },
            "notes" => Place { key: view.name_about(place.key), ..place },
            "rows" if place.field.is_none() => {
                let group = self.shown.values().find_map(|spot| match spot {
                    Spot::Answers(id, group) if place.key.starts_with(id.as_str()) => Some(group),
                    _ => None,
                });
                let Some((row, storage)) = place.key.split_once('/') else { return place };
                let (Some(group), Some(edition)) = (group, view.edition()) else { return place };
                let key = format!("{row}/{}", edition.name_in(group, storage));
                Place { key, ..place }
            }
            _ => place,
        }
    }
}

fn map_key(key: &Key) -> Option<String> {
    match key {
        Key::Map(key) => Some(key.to_string()),
        Key::Seq(_) => None,
    }
}

impl Spot {
    /// Returns where an operation in this object writes; none for the making of a part that is told
    /// as its whole.
    fn place(&self, key: Option<String>, makes: bool) -> Option<Place> {
        let whole = |container: &str, key: &str| {
            let key = key.strip_suffix(WHOLE)?.to_owned();
            Some(Place { container: container.to_owned(), key, field: None })
        };
        match (self, key) {
            (Self::Text(place), _) => Some(place.clone()),
            (Self::Root, Some(key)) => whole("texts", &key),
            (Self::Notes, Some(key)) => whole("notes", &key),
            (Self::Map(container), Some(key)) => {
                Some(Place { container: container.clone(), key, field: None })
            }
            // The parts of a row are made with it.
            (Self::Row(..), Some(_)) if makes => None,
            (Self::Row(container, id), Some(field)) => {
                Some(Place { container: container.clone(), key: id.clone(), field: Some(field) })
            }
            (Self::Answers(row, _), Some(item)) => Some(Place {
                container: "rows".to_owned(),
                key: format!("{row}/{item}"),
                field: None,
            }),
            (_, None) => None,
        }
    }
}
