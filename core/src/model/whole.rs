//! Texts that somebody replaced as a whole.
//!
//! What people type into one text merges as text. A text that somebody replaces as a whole is another
//! text: it is put under a key of its own, as a register is, beside the text that was made at birth, and
//! small edits go into it from then on. So two replacements made apart both stand, as two answers do,
//! and so does an edit of a text that was replaced without sight of the edit: a person has to settle
//! which text holds. Nothing is glued together, and nothing is lost.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use automerge::transaction::Transactable;
use automerge::{ObjId, ObjType, ROOT, ReadDoc, Value};

use super::canonical::canonical_text;
use super::document::{contain, to_automerge};
use super::edit::{EditError, Editor, NoteEdit, within};
use super::history;
use super::ids::ChangeHash;
use super::kinds::row::{self, NOTE, RowParts};
use super::register::Said;
use super::text::{TEXT_CHARS_MAX, clean};
use super::view::{Conflict, Place, View, Wholes, place_name, read_string};

/// What ends the key that whole replacements of a text stand under. Its own key holds the text made at
/// birth, which earlier programs read and write.
pub(crate) const WHOLE: &str = "/whole";

/// Replaced texts of one place that are looked at for edits made without sight of their replacement:
/// people replace a text some dozen times. Each costs a look into the past, so a device that writes
/// thousands must not make every reader look at them all. Of a place with more, all that stand now stand,
/// and of what was written into replaced ones the last are told.
const REPLACED_MAX: usize = 256;

/// The places of a text: the one made at birth, and where replacements of it are put.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    /// What it is called.
    pub(crate) place: Place,
    /// The text made at birth.
    pub(crate) born: ObjId,
    /// The map that replacements are put in.
    pub(crate) map: ObjId,
    /// The key there.
    pub(crate) key: String,
}

/// A text that stands in a slot.
#[derive(Debug, Clone)]
struct Standing {
    object: ObjId,
    text: String,
    /// The replacements made on top of it, without sight of its last edits; none for a text that
    /// nobody replaced.
    over: Vec<ChangeHash>,
}

/// Every text of a slot, replaced ones too, with the change that put it there; none for the one made at
/// birth.
type Texts = Vec<(ObjId, Option<ChangeHash>)>;

impl View<'_> {
    /// Returns the slots of all texts that a kind has from birth, and of rows' notes.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        let layout = &self.document().layout;
        let place = |container: &str, key: &str, field: Option<&str>| Place {
            container: container.to_owned(),
            key: key.to_owned(),
            field: field.map(str::to_owned),
        };
        let mut slots: Vec<Slot> = layout
            .texts
            .iter()
            .map(|(name, born)| Slot {
                place: place("texts", name, None),
                born: born.clone(),
                map: ROOT,
                key: format!("{name}{WHOLE}"),
            })
            .collect();
        if let Some(map) = &layout.notes_map {
            slots.extend(layout.notes.iter().map(|(item, born)| Slot {
                place: place("notes", &self.name_about(item.clone()), None),
                born: born.clone(),
                map: map.clone(),
                key: format!("{item}{WHOLE}"),
            }));
        }
        for (id, parts) in self.row_parts() {
            slots.extend(parts.note.map(|born| Slot {
                place: place("rows", &id, Some(NOTE)),
                born,
                map: parts.row,
                key: format!("{NOTE}{WHOLE}"),
            }));
        }
        slots
    }

    /// Returns the slots that a place names: one, or several where an item has several notes.
    pub(crate) fn slots_at(&self, place: &Place) -> Vec<Slot> {
        let is_text = matches!(place.container.as_str(), "texts" | "notes" | "rows");
        let slots = if is_text { self.slots() } else { Vec::new() };
        slots.into_iter().filter(|slot| slot.place == *place).collect()
    }

    fn slot_of(&self, born: &ObjId, map: &ObjId, key: &str) -> Slot {
        let place = Place { container: String::new(), key: String::new(), field: None };
        Slot { place, born: born.clone(), map: map.clone(), key: format!("{key}{WHOLE}") }
    }

    /// Returns what a text of birth reads as today: the text, or where several stand all of them.
    pub(crate) fn read_whole(&self, born: &ObjId, map: &ObjId, key: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for standing in self.standing_texts(&self.slot_of(born, map, key)) {
            if !texts.contains(&standing.text) {
                texts.push(standing.text);
            }
        }
        texts
    }

    /// Returns the replacements of a slot that stand now, or stood at some heads: of each writer the last,
    /// because whoever replaces a text puts it over the own earlier ones. So there are no more than a
    /// record has writers, although one change may put thousands of texts under one key.
    fn replacements(&self, slot: &Slot, at: Option<&[ChangeHash]>) -> Vec<ObjId> {
        let automerge = &self.document().automerge;
        let key = slot.key.as_str();
        let found = match at {
            None if self.lacks_whole(slot) => return Vec::new(),
            None => automerge.get_all(&slot.map, key),
            Some(heads) => {
                let heads: Vec<_> = heads.iter().map(to_automerge).collect();
                contain(|| automerge.get_all_at(&slot.map, key, &heads)).unwrap_or(Ok(Vec::new()))
            }
        };
        let found = found.unwrap_or_default().into_iter();
        let texts = found.filter(|(value, _)| matches!(value, Value::Object(ObjType::Text)));
        let mut writers = BTreeSet::new();
        let mut is_last = |id: &ObjId| match id {
            ObjId::Id(_, actor, _) => writers.insert(actor.to_bytes().to_vec()),
            ObjId::Root => false,
        };
        // The last by the order of operations, which is the same on every replica.
        let mut texts: Vec<ObjId> =
            texts.map(|(_, id)| id).rev().filter(|id| is_last(id)).collect();
        texts.reverse();
        texts
    }

    /// Returns whether nothing stands beside a text today. Nearly no text is ever replaced, and a record has a note
    /// for each item: looking up each key costs more than walking over the keys once.
    fn lacks_whole(&self, slot: &Slot) -> bool {
        let document = self.document();
        let wholes = self.wholes.get_or_init(|| {
            let keys = |map: &ObjId| {
                document.automerge.keys(map).filter(|key| key.ends_with(WHOLE)).collect()
            };
            let notes = document.layout.notes_map.as_ref().map(keys).unwrap_or_default();
            Wholes { root: keys(&ROOT), notes }
        });
        match &slot.map {
            map if *map == ROOT => !wholes.root.contains(&slot.key),
            map if document.layout.notes_map.as_ref() == Some(map) => {
                !wholes.notes.contains(&slot.key)
            }
            _ => false,
        }
    }

    /// Returns the texts of a slot: the one made at birth, all that stand, and, by walking from these to
    /// those they replaced, the last of the others.
    pub(crate) fn texts_of(&self, slot: &Slot) -> Texts {
        let mut found: Texts = vec![(slot.born.clone(), None)];
        let current = self.replacements(slot, None);
        // What stands is told however often it was replaced, so only what lies behind it is bounded.
        let bound = current.len() + REPLACED_MAX;
        let mut known = BTreeSet::new();
        let mut left: VecDeque<ObjId> = current.into();
        while let Some(object) = left.pop_front() {
            let made = self.made(&object).change;
            if found.len() > bound {
                break;
            }
            let ObjId::Id(counter, actor, _) = &object else { continue };
            if !known.insert((*counter, actor.to_bytes().to_vec())) {
                continue;
            }
            let deps = self.document().known.get(&made).map(|known| known.deps.clone());
            left.extend(self.replacements(slot, Some(&deps.unwrap_or_default())));
            found.push((object, Some(made)));
        }
        found
    }

    /// Returns of each text the last replacements whose writers saw it: those that no other of them
    /// saw.
    fn written_over(&self, texts: &Texts) -> Vec<Vec<ChangeHash>> {
        let by: Vec<ChangeHash> = texts.iter().filter_map(|(_, made)| *made).collect();
        let made_on = self.document().made_on(&by);
        let covered: BTreeSet<usize> = made_on.iter().flatten().copied().collect();
        let mut over: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
        let mut last = Vec::new();
        for (place, seen) in made_on.iter().enumerate().filter(|(at, _)| !covered.contains(at)) {
            last.push(by[place]);
            for seen in seen {
                over.entry(by[*seen]).or_default().push(by[place]);
            }
        }
        // Every writer saw the text made at birth.
        let of = |made: &Option<ChangeHash>| match made {
            None => last.clone(),
            Some(made) => over.get(made).cloned().unwrap_or_default(),
        };
        texts.iter().map(|(_, made)| of(made)).collect()
    }

    fn standing_texts(&self, slot: &Slot) -> Vec<Standing> {
        let whole = |object: &ObjId, over| Standing {
            object: object.clone(),
            text: self.text_of(object),
            over,
        };
        let current = self.replacements(slot, None);
        if current.is_empty() {
            return vec![whole(&slot.born, Vec::new())];
        }
        let texts = self.texts_of(slot);
        let over = self.written_over(&texts);
        let mut standing = Vec::new();
        for ((object, _), over) in texts.iter().zip(over) {
            if current.contains(object) {
                standing.push(whole(object, Vec::new()));
                continue;
            }
            let text = self.text_of(object);
            if text != self.text_then(object, &over) {
                standing.push(Standing { object: object.clone(), text, over });
            }
        }
        // By their making, so that the order is the same on every replica.
        standing.sort_by_key(|one| {
            let made = self.made(&one.object);
            (made.value, made.actor)
        });
        standing
    }

    /// Returns a text as it was at some heads.
    fn text_then(&self, object: &ObjId, heads: &[ChangeHash]) -> String {
        let heads: Vec<_> = heads.iter().map(to_automerge).collect();
        let text = contain(|| self.document().automerge.text_at(object, &heads).ok());
        text.flatten().unwrap_or_default()
    }

    /// Returns the texts in which several that differ stand, or that several wrote alike.
    pub(crate) fn contested_texts(&self) -> Vec<Conflict> {
        // Nearly no text is ever replaced: the others cost one look each.
        let mut slots = self.slots();
        slots.retain(|slot| !self.replacements(slot, None).is_empty());
        if slots.iter().any(|slot| slot.place.container == "rows") {
            let dead = self.dead_rows();
            slots.retain(|slot| slot.place.container != "rows" || !dead.contains(&slot.place.key));
        }
        let open = slots
            .into_iter()
            .map(|slot| Conflict { values: self.said_texts(&slot), place: slot.place });
        open.filter(|conflict| conflict.values.len() > 1).collect()
    }

    /// Returns what stands in a slot, each by who wrote it last; nothing where one text stands.
    fn said_texts(&self, slot: &Slot) -> Vec<Said<String>> {
        let standing = self.standing_texts(slot);
        if standing.len() < 2 {
            return Vec::new();
        }
        let writers = history::text_writers(
            self.document(),
            &standing.iter().map(|one| one.object.clone()).collect::<Vec<_>>(),
        );
        let mut said = Vec::new();
        for (at, one) in standing.iter().enumerate() {
            let seen = self.document().ancestors(&one.over);
            let unseen =
                writers.iter().filter(|(of, past)| *of == at && !seen.contains(&past.change));
            let last = unseen.map(|(_, past)| past).next_back();
            let made = self.made(&one.object);
            let (actor, change, when) = match last {
                Some(past) => (past.actor.clone(), past.change, past.at),
                None => (made.actor, made.change, made.at),
            };
            said.push(Said { value: canonical_text(&one.text), actor, change, at: when });
        }
        said
    }

    /// Returns what every change made of the texts of a place, as its writer saw it, oldest first.
    pub(crate) fn text_history(&self, place: &Place) -> Vec<Said<String>> {
        let mut found: BTreeMap<(usize, ChangeHash), Said<String>> = BTreeMap::new();
        for slot in self.slots_at(place) {
            let objects: Vec<ObjId> =
                self.texts_of(&slot).into_iter().map(|(object, _)| object).collect();
            for (at, (of, past)) in
                history::text_writers(self.document(), &objects).into_iter().enumerate()
            {
                let text = self.text_then(&objects[of], &[past.change]);
                let value = canonical_text(&text);
                let said = Said { value, actor: past.actor, change: past.change, at: past.at };
                found.insert((at, past.change), said);
            }
        }
        found.into_values().collect()
    }

    /// Returns whether somebody settled a place of texts: replaced several that differed by one.
    pub(crate) fn was_settled(&self, place: &Place) -> bool {
        self.slots_at(place).iter().any(|slot| {
            self.texts_of(slot).into_iter().filter_map(|(_, made)| made).any(|made| {
                let known = self.document().known.get(&made);
                let deps = known.map(|known| known.deps.clone()).unwrap_or_default();
                let then = self.document().at(&deps);
                then.is_ok_and(|then| {
                    then.view().conflicts().iter().any(|open| open.place == *place)
                })
            })
        })
    }

    /// Returns the one text that stands in a place, as [`View::contest`] tells it.
    pub(crate) fn standing_whole(&self, place: &Place) -> Vec<Said<String>> {
        self.text_history(place).into_iter().next_back().into_iter().collect()
    }

    /// Returns every text that the note of a row is or was.
    pub(crate) fn note_objects(&self, parts: &RowParts) -> Vec<ObjId> {
        let slot = parts.note.as_ref().map(|born| self.slot_of(born, &parts.row, NOTE));
        let texts = slot.map(|slot| self.texts_of(&slot)).unwrap_or_default();
        texts.into_iter().map(|(object, _)| object).collect()
    }

    fn dead_rows(&self) -> BTreeSet<String> {
        let rows = self.row_parts().into_iter();
        let dead = rows.filter(|(_, parts)| row::is_dead(&row::removed(self, &parts.row)));
        dead.map(|(id, _)| id).collect()
    }
}

impl Editor<'_> {
    /// Edits a text that was made at birth, or what replaced it.
    pub(crate) fn edit_whole(
        &mut self,
        (born, map, key): (&ObjId, &ObjId, &str),
        what: &str,
        place: Place,
        edit: NoteEdit,
    ) -> Result<(), EditError> {
        let view = self.reading();
        let mut slot = view.slot_of(born, map, key);
        slot.place = place;
        let standing = view.standing_texts(&slot);
        let texts: BTreeSet<&str> = standing.iter().map(|one| one.text.as_str()).collect();
        if texts.len() > 1 {
            return Err(EditError::Contested { place: slot.place, values: texts.len() });
        }
        let current = self.current_text(&slot)?;
        let before = self.tx.text(&current)?;
        match edit {
            NoteEdit::Replace(whole) => {
                let whole = clean(&whole);
                within(what, &whole, TEXT_CHARS_MAX)?;
                if whole == before && standing.len() == 1 {
                    return Ok(());
                }
                self.put_whole(&slot, &whole)
            }
            // What several wrote alike becomes one text again, which the edit goes into.
            edit if standing.len() > 1 => {
                self.put_whole(&slot, &before)?;
                let current = self.current_text(&slot)?;
                self.edit_text(&current, what, edit)
            }
            edit => self.edit_text(&current, what, edit),
        }
    }

    /// Returns the text that edits go into.
    pub(crate) fn current_text(&self, slot: &Slot) -> Result<ObjId, EditError> {
        let found = self.tx.get_all(&slot.map, slot.key.as_str())?.into_iter();
        let mut texts = found.filter(|(value, _)| matches!(value, Value::Object(ObjType::Text)));
        Ok(texts.next_back().map_or_else(|| slot.born.clone(), |(_, id)| id))
    }

    /// Returns a text of birth as it stands in this edit.
    pub(crate) fn whole_now(
        &self,
        born: &ObjId,
        map: &ObjId,
        key: &str,
    ) -> Result<String, EditError> {
        let slot = self.reading().slot_of(born, map, key);
        Ok(self.tx.text(&self.current_text(&slot)?)?)
    }

    fn put_whole(&mut self, slot: &Slot, text: &str) -> Result<(), EditError> {
        let object = self.tx.put_object(&slot.map, slot.key.as_str(), ObjType::Text)?;
        Ok(self.tx.splice_text(&object, 0, 0, text)?)
    }

    /// Settles a place in which texts that differ stand by another text, written by a person who saw
    /// them: what stood stays in the history.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::NotContested`] where no texts that differ stand, and
    /// [`EditError::TooLong`].
    pub fn resolve_text(&mut self, place: &Place, text: &str) -> Result<(), EditError> {
        let text = clean(text);
        within(&place.key, &text, TEXT_CHARS_MAX)?;
        let view = self.reading();
        let slots = view.slots_at(place);
        let open = slots.iter().find(|slot| view.said_texts(slot).len() > 1);
        let slot = open.ok_or_else(|| EditError::NotContested { place: place_name(place) })?;
        self.put_whole(slot, &text)
    }

    /// Settles a place by one of the texts that stand in it; false where none is by that change.
    pub(crate) fn choose_text(
        &mut self,
        place: &Place,
        change: ChangeHash,
    ) -> Result<bool, EditError> {
        let view = self.reading();
        for slot in view.slots_at(place) {
            let said = view.said_texts(&slot);
            if let Some(chosen) = said.iter().find(|said| said.change == change) {
                self.put_whole(&slot, &read_string(&chosen.value))?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}
