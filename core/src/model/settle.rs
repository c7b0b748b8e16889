//! Settling what people wrote apart: choosing one of the values that stand in a register, whichever
//! register it is.
//!
//! Choosing writes the value again, on top of all that stood: nothing is deleted, and the history
//! keeps every value with its author.

use std::collections::BTreeSet;

use automerge::ObjId;
use automerge::transaction::Transactable;

use super::edit::{EditError, Editor};
use super::history;
use super::ids::ChangeHash;
use super::kinds::inspection::{Answer, AnswerInput, Grade};
use super::kinds::{action, followup};
use super::lifecycle::LifeCycle;
use super::register::{Register, Said, parse};
use super::view::{Place, View};

/// How it stands with a place that somebody wants to settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contest {
    /// Values that differ stand.
    Open(Vec<Said<String>>),
    /// A conflict was there, and one value, or several that say the same, stands since it was settled.
    Settled(Vec<Said<String>>),
    /// Nobody ever wrote apart what differs there.
    Never,
}

impl View<'_> {
    /// Returns how it stands with a place that somebody wants to settle. Walks the history where no
    /// values that differ stand: for a command, not for lists.
    #[must_use]
    pub fn contest(&self, place: &Place) -> Contest {
        let open = self.conflicts().into_iter().find(|conflict| conflict.place == *place);
        if let Some(open) = open {
            return Contest::Open(open.values);
        }
        if !self.slots_at(place).is_empty() {
            return match self.was_settled(place) {
                true => Contest::Settled(self.standing_whole(place)),
                false => Contest::Never,
            };
        }
        let registers = self.registers_of(place);
        let puts = self.history_of(place);
        let writers: Vec<ChangeHash> = registers
            .iter()
            .flat_map(|(map, keys)| history::writers(self.document(), map, keys))
            .collect();
        let settled = writers.iter().any(|change| self.settles(&puts, &writers, *change, place));
        match self.standing_at(place).all() {
            standing @ [_, ..] if settled => Contest::Settled(standing.to_vec()),
            _ => Contest::Never,
        }
    }

    /// Returns every map with the keys that the values of a place stand under.
    fn registers_of(&self, place: &Place) -> Vec<(ObjId, Vec<String>)> {
        match action::named(place) {
            Some((id, field)) => action::registers(self, id, field),
            None => self.register_of(place).into_iter().collect(),
        }
    }

    /// Returns what stands in a place.
    fn standing_at(&self, place: &Place) -> Register<String> {
        match action::named(place) {
            Some((id, field)) => action::standing(self, id, field),
            None => self
                .register_of(place)
                .map(|(map, keys)| self.at_keys(&map, &keys))
                .unwrap_or_default(),
        }
    }

    /// Returns whether a change was made on top of several values that differed.
    fn settles(
        &self,
        puts: &[Said<String>],
        writers: &[ChangeHash],
        change: ChangeHash,
        place: &Place,
    ) -> bool {
        let seen = self.document().seen_by(&[change]);
        let others: Vec<ChangeHash> =
            writers.iter().copied().filter(|writer| seen.contains(writer)).collect();
        let is_over = |put: &Said<String>| {
            let later: Vec<ChangeHash> =
                others.iter().copied().filter(|other| *other != put.change).collect();
            self.document().seen_by(&later).contains(&put.change)
        };
        let last: Vec<&Said<String>> =
            puts.iter().filter(|put| seen.contains(&put.change) && !is_over(put)).collect();
        last.windows(2).any(|pair| !self.says_same(place, &pair[0].value, &pair[1].value))
    }

    /// Returns whether two values of a register say the same.
    #[must_use]
    pub fn says_same(&self, place: &Place, one: &str, other: &str) -> bool {
        let answers = place.container == "answers" || place.row_item().is_some();
        one == other || (answers && self.answer(one).agrees(&self.answer(other)))
    }

    /// Returns the map that a register stands in, and the keys that it stands under: answers to an item
    /// may stand under several.
    pub(crate) fn register_of(&self, place: &Place) -> Option<(ObjId, Vec<String>)> {
        if let Some((row, item)) = place.row_item() {
            let parts = self.row_parts().remove(row)?;
            let keys = self.storages_in(&parts, item).into_iter().map(str::to_owned).collect();
            return Some((parts.answers?, keys));
        }
        if let Some(field) = &place.field {
            let row = self.rows(&place.container).remove(&place.key)?;
            return Some((row, vec![field.clone()]));
        }
        if place.container == "rechecks" {
            let map = self.document().layout.registers.get("fields")?.clone();
            return Some((map, vec![followup::recheck_key(&place.key)]));
        }
        let map = self.document().layout.registers.get(place.container.as_str())?.clone();
        let keys = match (place.container.as_str(), self.edition()) {
            ("answers", Some(edition)) => edition.storages(&place.key),
            _ => vec![place.key.as_str()],
        };
        Some((map, keys.into_iter().map(str::to_owned).collect()))
    }

    fn at_keys(&self, map: &ObjId, keys: &[String]) -> Register<String> {
        let registers = keys.iter().map(|key| self.at_key(map, key));
        registers.fold(Register::Empty, Register::join)
    }
}

impl Editor<'_> {
    /// Fails where values that differ stand in a field of the header.
    pub(crate) fn uncontested(&self, map: &ObjId, key: &str) -> Result<(), EditError> {
        let values = self.values(map, key)?;
        let differ = values.iter().collect::<BTreeSet<_>>().len() > 1;
        if differ {
            return Err(EditError::ContestedField { field: key.to_owned(), values: values.len() });
        }
        Ok(())
    }

    /// Settles a register by one of the values that stand in it, named by the change that wrote it.
    ///
    /// # Errors
    ///
    /// Returns [`EditError::UnknownRow`] when the change did not write a value that stands there, and
    /// [`EditError::Invalid`] for an answer that no program can read.
    pub fn choose(&mut self, place: &Place, change: ChangeHash) -> Result<(), EditError> {
        let read_by = self.reading();
        if !read_by.slots_at(place).is_empty() {
            let known = self.choose_text(place, change)?;
            let unknown = EditError::UnknownRow { what: "change", id: change.short() };
            return if known { Ok(()) } else { Err(unknown) };
        }
        let unknown = || EditError::UnknownRow { what: "change", id: change.short() };
        if let Some((id, field)) = action::named(place) {
            let standing = action::standing(&read_by, id, field);
            let mut all = standing.all().iter();
            let chosen = all.find(|said| said.change == change).ok_or_else(unknown)?;
            return self.action_field_put(id, field, &chosen.value);
        }
        let (map, keys) = read_by.register_of(place).ok_or_else(unknown)?;
        let register = read_by.at_keys(&map, &keys);
        let chosen =
            register.all().iter().find(|said| said.change == change).ok_or_else(unknown)?;
        if place.container != "answers" && place.row_item().is_none() {
            if place.container == "lifecycle" && place.key == "state" {
                let to = parse::<LifeCycle>(&chosen.value);
                to.into_iter().try_for_each(|to| self.set_rivals_aside(to))?;
            }
            for key in &keys {
                self.tx.put(&map, key, chosen.value.clone())?;
            }
            return Ok(());
        }
        let Answer { grade, value, evidence, claimed_at, .. } = read_by.answer(&chosen.value);
        if grade == Grade::Damaged {
            return Err(EditError::Invalid { what: "answer", expected: "one that can be read" });
        }
        let input = AnswerInput { grade, value, evidence, claimed_at, resolves: true };
        self.write_answer(&map, &keys, &place.key, input)
    }
}
