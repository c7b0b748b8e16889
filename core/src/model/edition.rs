//! *Phiên bản phiếu kiểm tra*: by which edition of its checklist a record is read.
//!
//! A record pins its checklist for life. Moving it to another edition writes one register,
//! `lifecycle/template`: which edition, and under which key the answers to each of its items stand.
//! Nothing is copied or rewritten, so authors, history and concurrent edits stay whole, and a device
//! that has not heard of the move answers into the same registers. The register says all that reading
//! needs, so a device without the newer checklist counts and merges as the others do.
//!
//! Inside the document a key is a *storage key*; everything above this module sees the items of the
//! edition that the record is read by.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::edit::{EditError, Editor};
use super::history;
use super::ids::{ChangeHash, Kind, TemplateId};
use super::kinds::inspection::InspectionView;
use super::layout::{RowGroup, Shape};
use super::lifecycle::LifeCycle;
use super::register::{Register, Said, Told, parse};
use super::view::View;

/// The register that holds the move, in the container `lifecycle`.
pub(crate) const TEMPLATE: &str = "template";
/// Longest storage key, in bytes: an item's key of 16, and what tells editions apart.
const STORAGE_BYTES_MAX: usize = 64;
/// Most items of an edition that a move may name: what a checklist may have.
const ITEMS_MAX: usize = 2_000;

/// A move to another edition, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The edition that the record was read by before.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub from: TemplateId,
    /// The edition to read it by.
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub to: TemplateId,
    /// Items that are answered once, with the key that their answers stand under: those that the
    /// pinned edition does not have, or that stand under another key than their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, String>,
    /// Items of the pinned edition that are answered once and that this one does not have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
    /// Items of this edition that are answered once and that nobody answers, because they are worked
    /// out.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub calculated: BTreeSet<String>,
    /// What this edition answers once per row: by group, each item with the key that its answers
    /// stand under.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, BTreeMap<String, String>>,
    /// Further keys that answers to an item stand under, where people moved the record here on
    /// different ways and answered the same item under different keys. All of them are its answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<String, BTreeSet<String>>,
    /// As `also`, of what is answered once per row: by group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub also_in: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

fn as_text<S: Serializer>(id: &TemplateId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&id.to_string())
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TemplateId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

impl Move {
    /// Returns the way back to the edition that the record pins.
    #[must_use]
    pub fn back(from: TemplateId, pinned: TemplateId) -> Self {
        Self {
            from,
            to: pinned,
            keys: BTreeMap::new(),
            gone: BTreeSet::new(),
            calculated: BTreeSet::new(),
            groups: BTreeMap::new(),
            also: BTreeMap::new(),
            also_in: BTreeMap::new(),
        }
    }

    /// Returns whether both make the record read the same.
    #[must_use]
    pub fn agrees(&self, other: &Self) -> bool {
        Self { from: other.from, ..self.clone() } == *other
    }
}

/// Where the answers to each item of an edition stand.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Keys {
    once: BTreeMap<String, String>,
    calculated: BTreeSet<String>,
    groups: BTreeMap<String, BTreeMap<String, String>>,
    also: BTreeMap<String, BTreeSet<String>>,
    also_in: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    /// The items by storage key.
    names: BTreeMap<String, String>,
    group_names: BTreeMap<String, BTreeMap<String, String>>,
}

impl Keys {
    /// Works out where everything stands; none when the move makes no sense, for instance when two
    /// items would share one answer.
    fn of(shape: &Shape, told: &Move) -> Option<Self> {
        let stays = |item: &&String| !told.gone.contains(*item) && !told.keys.contains_key(*item);
        let mut once: BTreeMap<String, String> =
            shape.items().iter().filter(stays).map(|item| (item.clone(), item.clone())).collect();
        once.extend(told.keys.clone());
        let names = inverse(&once, &told.also)?;
        let mut group_names = BTreeMap::new();
        let mut items = names.len();
        let none = BTreeMap::new();
        for (code, keys) in &told.groups {
            let names = inverse(keys, told.also_in.get(code).unwrap_or(&none))?;
            items += names.len();
            group_names.insert(code.clone(), names);
        }
        let has_group = |code: &String| told.groups.contains_key(code);
        if items > ITEMS_MAX || !told.also_in.keys().all(has_group) {
            return None;
        }
        let (calculated, groups) = (told.calculated.clone(), told.groups.clone());
        let (also, also_in) = (told.also.clone(), told.also_in.clone());
        Some(Self { once, calculated, groups, also, also_in, names, group_names })
    }

    fn has(&self, item: &str) -> bool {
        self.once.contains_key(item) || self.groups.values().any(|keys| keys.contains_key(item))
    }
}

/// Turns items and their storage keys round; none when two share one, or a name is no name.
fn inverse(
    keys: &BTreeMap<String, String>,
    also: &BTreeMap<String, BTreeSet<String>>,
) -> Option<BTreeMap<String, String>> {
    let fits = |name: &String| !name.is_empty() && name.len() <= STORAGE_BYTES_MAX;
    let further = also.iter().flat_map(|(item, all)| all.iter().map(move |key| (item, key)));
    let mut names = BTreeMap::new();
    for (item, storage) in keys.iter().chain(further) {
        let mut is_free = || names.insert(storage.clone(), item.clone()).is_none();
        if !keys.contains_key(item) || !fits(item) || !fits(storage) || !is_free() {
            return None;
        }
    }
    Some(names)
}

/// The edition of its checklist that a record is read by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edition {
    /// The edition that the record pins: it was begun by it.
    pub pinned: TemplateId,
    /// The edition that it is read by.
    pub template: TemplateId,
    /// Where people moved it to; empty when nobody did. While several that differ stand, it is read
    /// by the pinned one.
    pub moved: Register<Told<Move>>,
    /// Moves that the signing of the minutes had not seen: kept, shown, never followed.
    pub late: Vec<Said<Told<Move>>>,
    #[serde(skip)]
    keys: Option<Keys>,
}

impl Edition {
    /// Returns the reading by the pinned edition.
    pub(crate) fn pinned(template: TemplateId) -> Self {
        let (moved, late) = (Register::Empty, Vec::new());
        Self { pinned: template, template, moved, late, keys: None }
    }

    /// Reads which edition a record is read by.
    pub(crate) fn of(view: &View<'_>) -> Option<Self> {
        let document = view.document();
        let pinned = document.genesis.template.filter(|_| view.kind() == Kind::Inspection)?;
        let raw = view.register("lifecycle", TEMPLATE);
        if raw == Register::Empty {
            return Some(Self::pinned(pinned));
        }
        let (moved, late) = on_time(view, raw);
        let read = |raw: String| read(&document.shape, pinned, &raw);
        let late = late.into_iter().map(|said| said.map(read)).collect();
        let moved = moved.map(read);
        let mut edition = Self::pinned(pinned);
        if let Some(told) = standing(&moved)
            && let Some(followed) = Self::by(&document.shape, pinned, told)
        {
            edition = followed;
        }
        Some(Self { moved, late, ..edition })
    }

    /// Returns the reading that a move asks for; none when it makes no sense.
    #[must_use]
    pub fn by(shape: &Shape, pinned: TemplateId, told: &Move) -> Option<Self> {
        let keys = match told.to == pinned {
            true => None,
            false => Some(Keys::of(shape, told)?),
        };
        Some(Self { template: told.to, keys, ..Self::pinned(pinned) })
    }

    /// Returns the same reading with what another one tells of the moves that stand.
    pub(crate) fn told_as_by(self, other: &Self) -> Self {
        Self { moved: other.moved.clone(), late: other.late.clone(), ..self }
    }

    /// Returns whether it is another edition than the pinned one.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        self.template != self.pinned
    }

    /// Returns the key that an item's answers stand under. What the edition does not have stands
    /// under its own name.
    #[must_use]
    pub fn storage<'k>(&'k self, item: &'k str) -> &'k str {
        let Some(keys) = &self.keys else { return item };
        match keys.once.get(item) {
            Some(storage) => storage,
            None => self.unmarked(item),
        }
    }

    /// As [`Edition::storage`], of an item in the rows of a group.
    #[must_use]
    pub fn storage_in<'k>(&'k self, group: &str, item: &'k str) -> &'k str {
        let Some(keys) = &self.keys else { return item };
        match keys.groups.get(group).and_then(|keys| keys.get(item)) {
            Some(storage) => storage,
            None => self.unmarked(item),
        }
    }

    /// Returns every key that answers to an item stand under, the one of [`Edition::storage`] first.
    #[must_use]
    pub fn storages<'k>(&'k self, item: &'k str) -> Vec<&'k str> {
        let also = self.keys.as_ref().and_then(|keys| keys.also.get(item));
        with(self.storage(item), also)
    }

    /// As [`Edition::storages`], of an item in the rows of a group.
    #[must_use]
    pub fn storages_in<'k>(&'k self, group: &str, item: &'k str) -> Vec<&'k str> {
        let also = self.keys.as_ref().and_then(|keys| keys.also_in.get(group)?.get(item));
        with(self.storage_in(group, item), also)
    }

    /// Returns the key that stands for an item where something is said about it, answered once or in
    /// rows: a finding, a photo, a note, a comment.
    #[must_use]
    pub fn about<'k>(&'k self, item: &'k str) -> &'k str {
        let Some(keys) = &self.keys else { return item };
        let mut all = std::iter::once(&keys.once).chain(keys.groups.values());
        match all.find_map(|keys| keys.get(item)) {
            Some(storage) => storage,
            None => self.unmarked(item),
        }
    }

    /// Returns what to call an item that something is said about, by the key that stands for it.
    #[must_use]
    pub fn name_about(&self, storage: &str) -> String {
        let Some(keys) = &self.keys else { return storage.to_owned() };
        let mut all = std::iter::once(&keys.names).chain(keys.group_names.values());
        match all.find_map(|names| names.get(storage)) {
            Some(item) => item.clone(),
            None => self.marked(keys, storage),
        }
    }

    /// Returns what to call what stands under a storage key: its item, or, when the edition has none
    /// for it, a name that no item of the edition has.
    #[must_use]
    pub fn name(&self, storage: &str) -> String {
        let Some(keys) = &self.keys else { return storage.to_owned() };
        match keys.names.get(storage) {
            Some(item) => item.clone(),
            None => self.marked(keys, storage),
        }
    }

    /// As [`Edition::name`], in the rows of a group.
    #[must_use]
    pub fn name_in(&self, group: &str, storage: &str) -> String {
        let Some(keys) = &self.keys else { return storage.to_owned() };
        match keys.group_names.get(group).and_then(|names| names.get(storage)) {
            Some(item) => item.clone(),
            None => self.marked(keys, storage),
        }
    }

    /// Returns the name of what has no item: an item of this edition may be called the same.
    fn marked(&self, keys: &Keys, storage: &str) -> String {
        if keys.has(storage) {
            format!("{storage}@{}", self.pinned.short())
        } else {
            storage.to_owned()
        }
    }

    fn unmarked<'k>(&self, name: &'k str) -> &'k str {
        match name.rsplit_once('@') {
            Some((storage, mark)) if mark == self.pinned.short() => storage,
            _ => name,
        }
    }

    /// Returns whether what stands under a storage key belongs to an item that is answered once. By
    /// the pinned edition everything counts as belonging to one: nothing there has lost its home.
    pub(crate) fn is_home(&self, storage: &str) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.names.contains_key(storage))
    }

    /// As [`Edition::is_home`], in the rows of a group.
    pub(crate) fn is_home_in(&self, group: &str, storage: &str) -> bool {
        let names = |keys: &Keys| keys.group_names.get(group).cloned().unwrap_or_default();
        self.keys.as_ref().is_none_or(|keys| names(keys).contains_key(storage))
    }

    /// Returns the items and groups of the edition, as far as reading and editing need them.
    pub(crate) fn shape<'s>(&self, pinned: &'s Shape) -> Cow<'s, Shape> {
        let Some(keys) = &self.keys else { return Cow::Borrowed(pinned) };
        let group = |(code, keys): (&String, &BTreeMap<String, String>)| RowGroup {
            code: code.clone(),
            items: keys.keys().cloned().collect(),
        };
        Cow::Owned(Shape::Inspection {
            template: self.template,
            items: keys.once.keys().cloned().collect(),
            calculated: keys.calculated.iter().cloned().collect(),
            groups: keys.groups.iter().map(group).collect(),
        })
    }
}

fn with<'k>(first: &'k str, also: Option<&'k BTreeSet<String>>) -> Vec<&'k str> {
    let also = also.into_iter().flatten().map(String::as_str);
    std::iter::once(first).chain(also).collect()
}

/// Returns the one move that stands, also when several people made it apart.
fn standing(moved: &Register<Told<Move>>) -> Option<&Move> {
    let mut all = moved.all().iter().map(|said| said.value.valid());
    let first = all.next()??;
    all.all(|told| told.is_some_and(|told| told.agrees(first))).then_some(first)
}

fn read(shape: &Shape, pinned: TemplateId, raw: &str) -> Told<Move> {
    let told = parse::<Move>(raw).filter(|told| Edition::by(shape, pinned, told).is_some());
    told.map_or_else(|| Told::Damaged(raw.to_owned()), Told::Valid)
}

/// Returns whether two values of the register make the record read the same.
pub(crate) fn agree(one: &str, other: &str) -> bool {
    match (parse::<Move>(one), parse::<Move>(other)) {
        (Some(one), Some(other)) => one.agrees(&other),
        _ => one == other,
    }
}

/// Tells the moves that count from those that the signing of the minutes had not seen: what was
/// signed stays read by the edition that its signers read it by.
fn on_time(view: &View<'_>, raw: Register<String>) -> (Register<String>, Vec<Said<String>>) {
    let signings = signings(view);
    let mut seen: Vec<Said<String>> = Vec::new();
    for signing in &signings {
        let Ok(then) = view.document().view_at(&[*signing]) else { continue };
        for said in then.register("lifecycle", TEMPLATE).all() {
            if !seen.iter().any(|known| known.change == said.change) {
                seen.push(said.clone());
            }
        }
    }
    if signings.is_empty() {
        return (raw, Vec::new());
    }
    let is_seen = |said: &&Said<String>| seen.iter().any(|known| known.change == said.change);
    let late = raw.all().iter().filter(|said| !is_seen(said)).cloned().collect();
    (Register::from_values(seen), late)
}

/// Returns the changes by which the minutes were signed, or the refusal to sign them recorded.
fn signings(view: &View<'_>) -> Vec<ChangeHash> {
    let states = view.register("lifecycle", "state");
    // Walking the history is only worth it when the minutes may be signed.
    let open = |said: &Said<String>| {
        parse::<LifeCycle>(&said.value).is_some_and(LifeCycle::is_before_minutes)
    };
    if states.all().iter().all(open) {
        return Vec::new();
    }
    let document = view.document();
    let Some(map) = document.layout.registers.get("lifecycle") else { return Vec::new() };
    let puts = history::puts(document, map, &["state"]).into_iter();
    let signed = puts.filter(|said| {
        let state = parse::<LifeCycle>(&said.value);
        matches!(state, Some(LifeCycle::MinutesSigned | LifeCycle::MinutesRefused))
    });
    signed.map(|said| said.change).collect()
}

impl View<'_> {
    /// Returns every move that was ever made, oldest first; those that make no sense left out.
    #[must_use]
    pub fn moves(&self) -> Vec<Said<Move>> {
        let document = self.document();
        let (Some(pinned), Some(map)) =
            (document.genesis.template, document.layout.registers.get("lifecycle"))
        else {
            return Vec::new();
        };
        let puts = history::puts(document, map, &[TEMPLATE]).into_iter();
        puts.filter_map(|said| match read(&document.shape, pinned, &said.value) {
            Told::Valid(told) => Some(said.map(|_| told)),
            Told::Damaged(_) => None,
        })
        .collect()
    }
}

impl Editor<'_> {
    /// Moves a draft to another edition of its checklist, or back. Settles what people moved it to
    /// apart. Nothing that stands in the record is touched.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::PastMinutes`] once the minutes were signed or the inspection ended, and
    /// [`EditError::Invalid`] for a move that makes no sense.
    pub fn move_edition(&mut self, told: &Move) -> Result<(), EditError> {
        self.require(Kind::Inspection, "editions of a checklist")?;
        let read = InspectionView::of(&self.document.view());
        if let Some(state) = read.states().into_iter().find(|state| !state.is_before_minutes()) {
            return Err(EditError::PastMinutes { state: state.name() });
        }
        let shape = &self.document.shape;
        let pinned = self.document.genesis.template;
        if pinned.is_none_or(|pinned| Edition::by(shape, pinned, told).is_none()) {
            return Err(EditError::Invalid {
                what: "move to another edition",
                expected: "one in which no two items share an answer",
            });
        }
        let map = self.map("lifecycle")?;
        self.put(&map, TEMPLATE, told)
    }
}
