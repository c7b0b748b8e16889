//! Which item of an edition is the same as one of an earlier one, and where its answers stand.

use std::collections::{BTreeMap, BTreeSet};

use crate::checklist::template::{AnswerType, Choice, Item, Section, Template};
use crate::model::{Edition, Move};

/// Where an item is answered: once, or in the rows of the group with this code.
type Home<'t> = Option<&'t str>;

fn home(section: &Section) -> Home<'_> {
    section.repeat.as_ref().map(|_| section.code.as_str())
}

/// Returns where the answers to each item of an edition stand. The sources are the editions that the
/// record was filled by, the one that counts most first; the pinned edition is one of them.
pub(super) fn mapping(
    sources: &[(&Template, Edition)],
    edition: &Edition,
    pinned: &Template,
    target: &Template,
) -> Move {
    let shape = pinned.shape();
    let mut found = Found::default();
    for (source, by) in sources {
        if source.id() != target.id() {
            found.by_word(source, by, target);
        }
        found.by_key(source, by, target);
        found.by_text(source, by, target);
    }
    let mut told = Move {
        calculated: target
            .each()
            .filter(|(section, item)| section.repeat.is_none() && item.is_calculated())
            .map(|(_, item)| item.key.clone())
            .collect(),
        ..Move::back(edition.template, target.id())
    };
    for (section, item) in target.each() {
        let (storage, also) = found.keys(section, item, |key| shape.has_item(key));
        match home(section) {
            // Nobody answers it and it is the same in every row.
            Some(_) if item.is_calculated() => continue,
            None if storage == item.key && shape.has_item(&item.key) => {}
            None => drop(told.keys.insert(item.key.clone(), storage.clone())),
            Some(code) => {
                let keys = told.groups.entry(code.to_owned()).or_default();
                keys.insert(item.key.clone(), storage.clone());
            }
        }
        let also: BTreeSet<String> = also.into_iter().filter(|key| *key != storage).collect();
        match home(section) {
            _ if also.is_empty() => {}
            None => {
                // Told, so that reading finds it beside its further keys.
                told.keys.insert(item.key.clone(), storage);
                told.also.insert(item.key.clone(), also);
            }
            Some(code) => {
                told.also_in.entry(code.to_owned()).or_default().insert(item.key.clone(), also);
            }
        }
    }
    // A group whose items are all worked out is a group still.
    for (section, _) in target.groups() {
        told.groups.entry(section.code.clone()).or_default();
    }
    let stays = |key: &String| target.item(key).is_some_and(|(section, _)| home(section).is_none());
    told.gone = shape.items().iter().filter(|key| !stays(key)).cloned().collect();
    told
}

/// What was found for one item.
#[derive(Default)]
struct Place<'t> {
    /// The keys that its answers stand under, in the order in which they were found.
    keys: Vec<String>,
    /// The question that its author's word named first. A key may have been used for several.
    named: Option<&'t Item>,
}

#[derive(Default)]
struct Found<'t> {
    places: BTreeMap<String, Place<'t>>,
    /// The storage keys that have an item. They differ between groups too, so that what is said
    /// about one is said about no other.
    taken: BTreeSet<String>,
}

impl<'t> Found<'t> {
    fn take(&mut self, by: &Edition, home: Home<'_>, old: &str, new: &Item) {
        let keys = match home {
            None => by.storages(old),
            Some(code) => by.storages_in(code, old),
        };
        for key in keys {
            // People who moved the record here on different ways answer one item under several keys.
            if self.taken.insert(key.to_owned()) {
                self.places.entry(new.key.clone()).or_default().keys.push(key.to_owned());
            }
        }
    }

    /// Returns the key that an item is answered under from now on, and all that it has answers under.
    /// A key that the pinned edition has comes before others: it has a note that is shared.
    fn keys(
        &mut self,
        section: &Section,
        item: &Item,
        is_pinned: impl Fn(&str) -> bool,
    ) -> (String, Vec<String>) {
        let all = self.places.get(&item.key).map(|place| place.keys.clone()).unwrap_or_default();
        match all.iter().find(|key| is_pinned(key)).or_else(|| all.first()) {
            Some(first) => (first.clone(), all),
            None => (self.fresh(section, item), all),
        }
    }

    /// Names a key for an item that is new to the record, by what is asked: whoever moves a record to
    /// an edition that asks it, on whatever way, names the same.
    fn fresh(&mut self, section: &Section, item: &Item) -> String {
        let mut asked = blake3::Hasher::new_derive_key("bienban 2026-11 question of a checklist");
        for part in [home(section).unwrap_or_default(), &item.key, &item.text.vi] {
            asked.update(part.as_bytes()).update(&[0]);
        }
        for part in meaning(item) {
            asked.update(part.as_bytes()).update(&[0]);
        }
        loop {
            let digits = hex::encode(&asked.finalize().as_bytes()[..4]);
            let key = format!("{}@{digits}", item.key);
            // An author's word may have given the key of the same question to another item.
            if self.taken.insert(key.clone()) {
                return key;
            }
            asked.update(b"another");
        }
    }

    /// By the author's word, where the old answers still say what they said: what was counted in
    /// another unit, or chosen from options that said something else, is answered anew.
    fn by_word(&mut self, source: &'t Template, by: &Edition, target: &Template) {
        for (section, item) in target.each() {
            let mut old = item.was.iter().filter_map(|key| source.item(key));
            let Some((_, old)) =
                old.find(|(from, old)| home(from) == home(section) && is_readable_as(old, item))
            else {
                continue;
            };
            let place = self.places.entry(item.key.clone()).or_default();
            let named = *place.named.get_or_insert(old);
            if asks_the_same(named, old) {
                self.take(by, home(section), &old.key, item);
            }
        }
    }

    /// By the same key, where the question is the same too: a key that asks something else is another
    /// item.
    fn by_key(&mut self, source: &Template, by: &Edition, target: &Template) {
        for (section, item) in target.each() {
            if let Some((from, old)) = source.item(&item.key)
                && home(from) == home(section)
                && asks_the_same(old, item)
            {
                self.take(by, home(section), &old.key, item);
            }
        }
    }

    /// By the same question under another key, where only one item on either side has it.
    fn by_text(&mut self, source: &Template, by: &Edition, target: &Template) {
        let mut old: BTreeMap<_, Vec<&Item>> = BTreeMap::new();
        for (section, item) in source.each() {
            let mut keys = match home(section) {
                None => by.storages(&item.key),
                Some(code) => by.storages_in(code, &item.key),
            }
            .into_iter();
            if !keys.any(|key| self.taken.contains(key)) {
                old.entry((home(section), question(item))).or_default().push(item);
            }
        }
        let mut new: BTreeMap<_, Vec<&Item>> = BTreeMap::new();
        for (section, item) in target.each() {
            let is_found = self.places.get(&item.key).is_some_and(|place| !place.keys.is_empty());
            if !is_found {
                new.entry((home(section), question(item))).or_default().push(item);
            }
        }
        for ((home, asked), items) in new {
            if let ([item], Some([from])) =
                (items.as_slice(), old.get(&(home, asked)).map(Vec::as_slice))
                && is_readable_as(from, item)
            {
                self.take(by, home, &from.key, item);
            }
        }
    }
}

/// Returns what an item asks: its official text, type of answer and unit.
fn question(item: &Item) -> (&str, Vec<&str>) {
    (&item.text.vi, meaning(item).into_iter().take(2).collect())
}

/// Returns what gives an answer its meaning: the type, the unit, and what each option says.
fn meaning(item: &Item) -> Vec<&str> {
    let unit = match &item.answer {
        AnswerType::Number { unit, .. } => unit.as_str(),
        _ => "",
    };
    let options = item.answer.options().iter();
    let said = options.flat_map(|option| [option.key.as_str(), option.text.vi.as_str()]);
    [item.answer.name(), unit].into_iter().chain(said).collect()
}

/// Returns whether two items ask the same, so that an answer to one is an answer to the other.
fn asks_the_same(old: &Item, new: &Item) -> bool {
    old.text.vi == new.text.vi && is_readable_as(old, new)
}

/// Returns whether the answers to an item say the same under another one: no other type, no other
/// unit, and no option that says something else. An option may come or go.
pub(super) fn is_readable_as(old: &Item, new: &Item) -> bool {
    let says = |option: &&Choice, other: &Choice| {
        option.key != other.key || option.text.vi == other.text.vi
    };
    let options = old.answer.options();
    meaning(old)[..2] == meaning(new)[..2]
        && new.answer.options().iter().all(|new| options.iter().all(|old| says(&old, new)))
}
