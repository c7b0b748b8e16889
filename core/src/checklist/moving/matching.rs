//! Which item of an edition is the same as one of an earlier one, and where its answers stand.

use std::collections::{BTreeMap, BTreeSet};

use crate::checklist::template::{Item, Section, Template};
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
    let mut found = Found::default();
    for (source, by) in sources {
        found.by_word(source, by, target);
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
    let shape = pinned.shape();
    for (section, item) in target.each() {
        let fresh = || format!("{}@{}", item.key, target.id().short());
        let storage = found.storage.get(&item.key).cloned().unwrap_or_else(fresh);
        match home(section) {
            None if storage == item.key && shape.has_item(&item.key) => {}
            None => drop(told.keys.insert(item.key.clone(), storage)),
            // Nobody answers it and it is the same in every row.
            Some(_) if item.is_calculated() => {}
            Some(code) => {
                told.groups.entry(code.to_owned()).or_default().insert(item.key.clone(), storage);
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

#[derive(Default)]
struct Found {
    /// The storage key of each item that was found.
    storage: BTreeMap<String, String>,
    /// The storage keys that have an item. They differ between groups too, so that what is said
    /// about one is said about no other.
    taken: BTreeSet<String>,
}

impl Found {
    fn take(&mut self, by: &Edition, home: Home<'_>, old: &str, new: &Item) {
        let storage = match home {
            None => by.storage(old),
            Some(code) => by.storage_in(code, old),
        };
        if !self.storage.contains_key(&new.key) && self.taken.insert(storage.to_owned()) {
            self.storage.insert(new.key.clone(), storage.to_owned());
        }
    }

    /// By the author's word.
    fn by_word(&mut self, source: &Template, by: &Edition, target: &Template) {
        for (section, item) in target.each() {
            let mut old = item.was.iter().filter_map(|key| source.item(key));
            if let Some((_, old)) = old.find(|(from, _)| home(from) == home(section)) {
                self.take(by, home(section), &old.key, item);
            }
        }
    }

    /// By the same key, where text and type are the same too: a key that asks something else is
    /// another item.
    fn by_key(&mut self, source: &Template, by: &Edition, target: &Template) {
        for (section, item) in target.each() {
            if let Some((from, old)) = source.item(&item.key)
                && home(from) == home(section)
                && asks(old) == asks(item)
            {
                self.take(by, home(section), &old.key, item);
            }
        }
    }

    /// By the same text and type under another key, where only one item on either side has it.
    fn by_text(&mut self, source: &Template, by: &Edition, target: &Template) {
        let mut old: BTreeMap<_, Vec<&Item>> = BTreeMap::new();
        for (section, item) in source.each() {
            let storage = match home(section) {
                None => by.storage(&item.key),
                Some(code) => by.storage_in(code, &item.key),
            };
            if !self.taken.contains(storage) {
                old.entry((home(section), asks(item))).or_default().push(item);
            }
        }
        let mut new: BTreeMap<_, Vec<&Item>> = BTreeMap::new();
        for (section, item) in target.each() {
            if !self.storage.contains_key(&item.key) {
                new.entry((home(section), asks(item))).or_default().push(item);
            }
        }
        for ((home, asked), items) in new {
            if let ([item], Some([from])) =
                (items.as_slice(), old.get(&(home, asked)).map(Vec::as_slice))
            {
                self.take(by, home, &from.key, item);
            }
        }
    }
}

/// Returns what an item asks: its official text and its type of answer.
fn asks(item: &Item) -> (&str, &'static str) {
    (&item.text.vi, item.answer.name())
}
