//! The hub's key and those that follow it: announcing and taking the next one on the hub; on a phone, knowing
//! that it is the same hub.

use std::collections::{BTreeMap, BTreeSet};

use super::ReplicaError;
use super::access::COUNTRY;
use super::documents::Replica;
use super::facts::Fact;
use super::hub::Hub;
use super::phone::Phone;
use super::project::control_bytes;
use super::rows::{self, meta};
use crate::model::{DeviceId, Scope, Timestamp};
use crate::store::StoreError;
use crate::sync::FeedItem;
use crate::trust::DeviceKey;
use crate::trust::control::{
    ControlEntry, Deed, HUB_KEYS_MAX, HubKeys, Link, SignedAct, prove_successor,
};

impl Replica {
    /// Returns the keys that are known of the hub: the pinned one (on a hub its own), and those that
    /// announcements lead to from it.
    ///
    /// # Errors
    ///
    /// Returns [`StoreError`] when reading fails.
    pub fn hub_keys(&self) -> Result<HubKeys, StoreError> {
        let keys: Option<Vec<DeviceId>> =
            rows::get(&**self.store(), &rows::single(meta::HUB_KEYS))?;
        let Some(pinned) = keys.and_then(|keys| keys.first().copied()) else {
            return Ok(HubKeys::default());
        };
        Ok(HubKeys::of(pinned, &self.links()?.into_keys().collect()))
    }

    /// Returns the announcements by which the hub's keys follow each other, as encoded acts.
    ///
    /// # Errors
    ///
    /// As [`Replica::hub_keys`].
    pub fn announcements(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(self.links()?.into_values().collect())
    }

    /// Returns since when a key of the hub counts no more; nothing where the hub has not replaced it.
    ///
    /// # Errors
    ///
    /// As [`Replica::hub_keys`].
    pub fn replaced_at(&self, key: DeviceId) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.hub_keys()?.retired(key, &self.all_retired()?))
    }

    fn all_retired(&self) -> Result<BTreeMap<DeviceId, Timestamp>, StoreError> {
        Ok(rows::get(&**self.store(), &rows::single(meta::HUB_RETIRED))?.unwrap_or_default())
    }

    /// Returns the key that a hub's key means now: itself, or the one that it was replaced by.
    ///
    /// # Errors
    ///
    /// As [`Replica::hub_keys`].
    pub fn present_key(&self, key: DeviceId) -> Result<DeviceId, StoreError> {
        let HubKeys { pinned, before, after, .. } = self.hub_keys()?;
        let chain = before.iter().rev().chain(&pinned).chain(&after);
        for next in chain.skip_while(|known| **known != key) {
            if self.replaced_at(*next)?.is_none() {
                return Ok(*next);
            }
        }
        Ok(key)
    }

    fn holds_entry(&self, entry: &ControlEntry) -> Result<bool, StoreError> {
        let held: Option<rows::ControlRow> =
            rows::get(&**self.store(), &rows::of_control(entry.log(), entry.number))?;
        Ok(held.is_some_and(|row| entry.head().is_ok_and(|head| head.hash == row.hash)))
    }

    fn links(&self) -> Result<BTreeMap<Link, Vec<u8>>, StoreError> {
        Ok(rows::get(&**self.store(), &rows::single(meta::HUB_LINKS))?.unwrap_or_default())
    }

    /// Returns the hub's keys as they were from a pinned one if these announcements were kept.
    fn keys_with(
        &self,
        pinned: DeviceId,
        news: impl Iterator<Item = Link>,
    ) -> Result<HubKeys, StoreError> {
        let mut links: BTreeSet<Link> = self.links()?.into_keys().collect();
        links.extend(news);
        Ok(HubKeys::of(pinned, &links))
    }

    /// Returns why announcements are not to be kept: two ways would lead on from one key, or more keys would
    /// be the hub's than are followed. Nothing that is needed is left out in silence.
    fn refuse_keys(
        &self,
        pinned: DeviceId,
        news: impl Iterator<Item = Link>,
    ) -> Result<(), ReplicaError> {
        match self.keys_with(pinned, news)? {
            HubKeys { split: Some(key), .. } => Err(ReplicaError::TwoSuccessors { key }),
            HubKeys { full: Some(key), .. } => Err(ReplicaError::TooManyKeys { key }),
            _ => Ok(()),
        }
    }
}

/// What a hub says of its next key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// The key that signs now.
    pub present: DeviceId,
    /// The key that will follow.
    pub next: DeviceId,
    /// It was said by this call, not before.
    pub news: bool,
}

impl Hub {
    /// Announces the key that will follow the hub's own, signed by this one and proved by that one. Phones
    /// that hear of it follow by themselves once the hub has the next key. Saying the same again says
    /// nothing new.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::OtherSuccessor`] when another key was announced, or this one was the hub's
    /// already, [`ReplicaError::TooManyKeys`] when the hub has had as many as one may, and [`ReplicaError::Store`] when it could not be recorded.
    pub fn announce(&self, next: &DeviceKey) -> Result<Announced, ReplicaError> {
        let (present, key) = (self.device(), next.device());
        let known = self.replica().hub_keys()?;
        match known.after.first() {
            Some(announced) if *announced == key => {
                return Ok(Announced { present, next: key, news: false });
            }
            None if present != key && !known.before.contains(&key) => {}
            other => {
                let announced = other.copied().unwrap_or(present);
                return Err(ReplicaError::OtherSuccessor { announced });
            }
        }
        // A phone that pins the first must reach the last.
        if known.before.len() + 1 >= HUB_KEYS_MAX {
            return Err(ReplicaError::TooManyKeys { key: present });
        }
        let proof = prove_successor(present, next);
        self.operate(vec![(country(), Deed::Successor { key, proof })])?;
        Ok(Announced { present, next: key, news: true })
    }

    /// Takes the store for another key than the one that it was written under, if that one has announced it.
    pub(super) fn take_over(&self, owner: DeviceId, now: Timestamp) -> Result<(), ReplicaError> {
        let own = self.device();
        if self.replica().hub_keys()?.after.first() != Some(&own) {
            let (owner, device) = (owner.short(), own.short());
            return Err(ReplicaError::WrongOwner { owner, device });
        }
        self.record(Fact::Switched { hub: own, at: now }).map(drop)
    }

    /// Enters that the key before the own one counts no more. A start that was cut off before it is made good
    /// by the next.
    pub(super) fn end_key_before(&self) -> Result<(), ReplicaError> {
        let Some(from) = self.replica().hub_keys()?.before.first().copied() else {
            return Ok(());
        };
        if self.replica().replaced_at(from)?.is_some() {
            return Ok(());
        }
        self.operate(vec![(country(), Deed::Switch { from })])
    }

    /// Returns which of these entries, which somebody gives back, are not to be taken: signed by a key that
    /// was replaced, where this store has lost nothing that it signed, so that only somebody who has that key
    /// can have made them; by a key that this hub does not know to be its own, for it knows all that came before its
    /// present one; or an announcement that contradicts the one that is known.
    pub(super) fn strange(&self, entries: &[ControlEntry]) -> Result<Vec<bool>, ReplicaError> {
        let own = self.device();
        // Asked now, not when the key was taken: that the store was set back may have been learned since. One that
        // was made anew for this key lacks all that the keys before signed.
        let set_back = self.lives()?.was_set_back() || self.is_rebuilt()?;
        let known = self.own_keys(entries)?;
        let mut strange = Vec::with_capacity(entries.len());
        for entry in entries {
            let replaced = self.replica().replaced_at(entry.hub)?.is_some();
            let foreign = !known.holds(entry.hub);
            let ends_own = matches!(entry.act.act.deed, Deed::Switch { from } if from == own);
            let splits = match entry.announces() {
                Some(link) => {
                    let keys = self.replica().keys_with(own, std::iter::once(link))?;
                    keys.split.is_some() || keys.full.is_some()
                }
                None => false,
            };
            let forged = replaced && !set_back && !self.replica().holds_entry(entry)?;
            strange.push(ends_own || foreign || splits || forged);
        }
        Ok(strange)
    }

    /// Returns the keys that are this hub's to its knowledge. One whose store was made for its present key (that of
    /// the keys before was lost, and only the key is left) learns of the keys before it from what devices give back:
    /// each of those proved which one follows. One that took its key in this store knows all that came before, and
    /// lets nobody put another there.
    fn own_keys(&self, entries: &[ControlEntry]) -> Result<HubKeys, ReplicaError> {
        let known = self.replica().hub_keys()?;
        if !self.is_rebuilt()? {
            for key in &known.before {
                if self.replica().replaced_at(*key)?.is_some() {
                    return Ok(known);
                }
            }
        }
        let news = entries.iter().filter_map(ControlEntry::announces);
        Ok(self.replica().keys_with(self.device(), news)?)
    }

    /// Returns whether this store was made for the hub's present key. If there were keys before, it has lost all of
    /// their time.
    fn is_rebuilt(&self) -> Result<bool, StoreError> {
        let born: Option<DeviceId> =
            rows::get(&**self.replica().store(), &rows::single(meta::BORN))?;
        Ok(born == Some(self.device()))
    }

    /// Keeps the announcements that lead to the own key, where this store was made when nothing but that key was
    /// left: what the keys before signed may come long after them, and in any order.
    pub(super) fn learn_keys(
        &self,
        entries: &[ControlEntry],
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        let news: BTreeMap<Link, &ControlEntry> =
            entries.iter().filter_map(|entry| Some((entry.announces()?, entry))).collect();
        if news.is_empty() || !self.is_rebuilt()? {
            return Ok(());
        }
        let held = self.replica().links()?;
        let keys = self.replica().keys_with(self.device(), news.keys().copied())?;
        if keys.split.is_some() || keys.full.is_some() {
            // What contradicts is left out one by one, and told.
            return Ok(());
        }
        let mut acts = Vec::new();
        for (link, entry) in news {
            if keys.before.contains(&link.from) && !held.contains_key(&link) {
                acts.push(entry.act.encode()?);
            }
        }
        if acts.is_empty() {
            return Ok(());
        }
        self.record(Fact::Succeeded { hub: self.device(), acts, at: now }).map(drop)
    }

    /// Returns the announcements of this hub's keys, for a phone that asks.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading fails.
    pub fn announcements(&self) -> Result<Vec<Vec<u8>>, ReplicaError> {
        Ok(self.replica().announcements()?)
    }
}

impl Phone {
    /// Takes a person's word that the hub's key is another now. The hub must show that it is the same: the
    /// next exchange with that key goes on only where its announcements lead to the key that was pinned.
    pub fn expect_successor(&self, key: DeviceId) {
        if let Ok(mut heir) = self.heir().lock() {
            *heir = Some(key);
        }
    }

    fn expects(&self, hub: DeviceId) -> bool {
        self.heir().lock().is_ok_and(|heir| *heir == Some(hub))
    }

    /// Notes the hub whose word on rights counts. What another hub said of them does not any more; another
    /// key of the same hub changes nothing else. Where a person said that it is the same, and nothing here
    /// shows it, the hub is heard first. A key that was replaced is anybody's who has it, and is never pinned.
    pub(super) fn pin(&self, hub: DeviceId, now: Timestamp) -> Result<(), ReplicaError> {
        if self.replica().replaced_at(hub)?.is_some() {
            let next = self.replica().present_key(hub)?;
            return Err(ReplicaError::KeyReplaced { key: hub, next });
        }
        let known = self.replica().hub_keys()?;
        if known.pinned == Some(hub)
            || (known.pinned.is_some() && self.expects(hub) && !known.holds(hub))
        {
            return Ok(());
        }
        let fact = match known.holds(hub) {
            true => Fact::Succeeded { hub, acts: Vec::new(), at: now },
            false => Fact::Pinned { hub },
        };
        self.record(fact).map(drop)
    }

    /// Returns whether a key is known to be the hub's.
    pub(super) fn knows_key(&self, hub: DeviceId) -> Result<bool, StoreError> {
        Ok(self.replica().hub_keys()?.holds(hub))
    }

    /// Returns the keys under which something of the hub with this key may be kept here.
    pub(super) fn keys_of(&self, hub: DeviceId) -> Result<Vec<DeviceId>, StoreError> {
        let known = self.replica().hub_keys()?;
        let mut keys = vec![hub];
        if known.holds(hub) || self.expects(hub) {
            keys.extend(known.all());
        }
        Ok(keys)
    }

    /// Takes what the hub with this key says of its keys.
    pub(super) fn hear_keys(
        &self,
        hub: DeviceId,
        acts: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<(), ReplicaError> {
        if acts.len() > HUB_KEYS_MAX {
            return Err(ReplicaError::TooManyKeys { key: hub });
        }
        let mut links = BTreeMap::new();
        for bytes in acts {
            let act = SignedAct::decode(bytes)?;
            let link = Link::of(&act).ok_or(ReplicaError::Unannounced)?;
            links.insert(link, bytes.clone());
        }
        self.replica().refuse_keys(hub, links.keys().copied())?;
        let held = self.replica().links()?;
        let known = self.replica().hub_keys()?;
        let all: BTreeSet<Link> = held.keys().chain(links.keys()).copied().collect();
        if let Some(pinned) = known.pinned.filter(|_| self.expects(hub))
            && !HubKeys::of(hub, &all).holds(pinned)
        {
            return Err(ReplicaError::NotSuccessor { pinned });
        }
        // Of others than these the hub may say what it likes; it takes no room here.
        let needed = HubKeys::needed(hub, &all);
        let acts: Vec<Vec<u8>> = links
            .into_iter()
            .filter(|(link, _)| needed.contains(link) && !held.contains_key(link))
            .map(|(_, act)| act)
            .collect();
        if acts.is_empty() && known.pinned == Some(hub) {
            return Ok(());
        }
        match self.record(Fact::Succeeded { hub, acts, at: now }) {
            // It is asked again then.
            Err(ReplicaError::Store(StoreError::Full { .. })) => Ok(()),
            noted => noted.map(drop),
        }
    }

    /// Leaves out entries of control logs under a key that the hub has replaced, or that somebody puts before
    /// such a key. Returns whether one of them is not held here: whether the hub made it, only the hub can say, so the
    /// next exchange asks.
    pub(super) fn leave_out_replaced(
        &self,
        items: &mut Vec<FeedItem>,
    ) -> Result<bool, ReplicaError> {
        let mut entries = Vec::with_capacity(items.len());
        for bytes in control_bytes(items) {
            entries.push(ControlEntry::decode(bytes)?);
        }
        let Some(pinned) = self.replica().hub_keys()?.pinned else { return Ok(false) };
        let news = entries.iter().filter_map(ControlEntry::announces);
        let keys = self.replica().keys_with(pinned, news)?;
        let retired = self.replica().all_retired()?;
        let mut lacking = false;
        let mut kept = Vec::with_capacity(items.len());
        let mut entries = entries.iter();
        for item in std::mem::take(items) {
            if let (FeedItem::Control(_), Some(entry)) = (&item, entries.next())
                && (keys.retired(entry.hub, &retired).is_some()
                    || self.replica().replaced_at(entry.hub)?.is_some())
            {
                lacking |= !self.replica().holds_entry(entry)?;
            } else {
                kept.push(item);
            }
        }
        *items = kept;
        if lacking {
            self.lag()?;
        }
        Ok(lacking)
    }

    /// Fails where entries announce another key than the one that is known to follow.
    pub(super) fn expect_one_successor(
        &self,
        entries: &[ControlEntry],
    ) -> Result<(), ReplicaError> {
        let Some(pinned) = self.replica().hub_keys()?.pinned else { return Ok(()) };
        self.replica().refuse_keys(pinned, entries.iter().filter_map(ControlEntry::announces))
    }
}

pub(super) fn country() -> Scope {
    COUNTRY.parse().expect("00 is the code of the country")
}

#[cfg(test)]
mod tests;
