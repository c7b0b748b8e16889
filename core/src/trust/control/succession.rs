//! One hub and its keys: which are the same hub's, by announcements that each key signed and the next proved.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::SignedAct;
use super::act::Deed;
use super::entry::ControlEntry;
use super::state::{TrustRows, Void};
use super::verify_successor;
use crate::model::{DeviceId, Timestamp};

/// Keys that one hub may ever have had: one each year of a very long service. It bounds the way back and the way
/// forth from the pinned key each by itself, so that what somebody adds to the one takes no room of the other.
pub const HUB_KEYS_MAX: usize = 64;

/// Ways on from one key that are looked at: a second shows that somebody else holds the key, a third shows nothing
/// more.
const WAYS_MAX: usize = 2;

/// A hub's key announced the next: the one signed it, and the other proved to be held by somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The key that announced.
    pub from: DeviceId,
    /// The key that follows.
    pub to: DeviceId,
}

impl Link {
    /// Returns what an act announces, if it is a hub's own announcement and everything about it holds: the
    /// signature of the key that announces, and the proof of the key that follows.
    #[must_use]
    pub fn of(act: &SignedAct) -> Option<Self> {
        let Deed::Successor { key, proof } = &act.act.deed else { return None };
        let (from, to) = (act.act.by, *key);
        let own = act.act.hub == from && from != to;
        let holds = own && act.verify().is_ok() && verify_successor(from, to, proof).is_ok();
        holds.then_some(Self { from, to })
    }
}

impl ControlEntry {
    /// Returns what the entry announces, if the key that entered it announces it of itself. An announcement that another
    /// key entered is nobody's: no hub makes one, and it would take a place in the log before the key that it is
    /// of is known.
    #[must_use]
    pub fn announces(&self) -> Option<Link> {
        Link::of(&self.act).filter(|link| link.from == self.hub)
    }
}

/// The keys of one hub, as announcements tell them from the one that is pinned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HubKeys {
    /// The key that is trusted without an announcement.
    pub pinned: Option<DeviceId>,
    /// The keys before it, the nearest first: each was named by the key after it, whose proof says whom it
    /// follows.
    pub before: Vec<DeviceId>,
    /// The keys that were announced after it, the nearest first.
    pub after: Vec<DeviceId>,
    /// The key from which two different ways lead on: somebody else holds it too. None of them is followed.
    pub split: Option<DeviceId>,
    /// The key at which the most that are followed one way was reached, and a way leads on: it is not followed.
    pub full: Option<DeviceId>,
}

impl HubKeys {
    /// Follows announcements from a pinned key, back and forth, as far as there is one way only. It depends
    /// on the set alone.
    #[must_use]
    pub fn of(pinned: DeviceId, links: &BTreeSet<Link>) -> Self {
        Walk::from(pinned, links).keys
    }

    /// Returns the announcements that say which keys these are: those on the way, and at most two that show
    /// where it ends. No others are kept. Whatever somebody announces of keys that nothing leads to takes no room, and
    /// the same keys follow from what is left. There are
    /// at most twice [`HUB_KEYS_MAX`] of them, and four more.
    #[must_use]
    pub fn needed(pinned: DeviceId, links: &BTreeSet<Link>) -> BTreeSet<Link> {
        Walk::from(pinned, links).needed
    }

    /// Returns whether a key is one of them.
    #[must_use]
    pub fn holds(&self, key: DeviceId) -> bool {
        self.pinned == Some(key) || self.before.contains(&key) || self.after.contains(&key)
    }

    /// Returns since when a key counts no more: since the hub signs with the one after it, or with one that is
    /// later still. `retired` says it of keys one by one. So a key that somebody puts before a replaced one is replaced too.
    #[must_use]
    pub fn retired(
        &self,
        key: DeviceId,
        retired: &BTreeMap<DeviceId, Timestamp>,
    ) -> Option<Timestamp> {
        let chain = self.before.iter().rev().chain(&self.pinned).chain(&self.after);
        let on = chain.skip_while(|known| **known != key);
        let of_chain = on.filter_map(|known| retired.get(known)).min().copied();
        of_chain.or_else(|| retired.get(&key).copied())
    }

    /// Returns all of them: the pinned one first, then those before it, then those after it.
    #[must_use]
    pub fn all(&self) -> Vec<DeviceId> {
        self.pinned.iter().chain(&self.before).chain(&self.after).copied().collect()
    }
}

/// Does what the hub says of its keys; returns why it changes nothing, if it does not. The announcement
/// itself was kept before.
pub(super) fn change_key<R: TrustRows>(
    rows: &mut R,
    entry: &ControlEntry,
) -> Result<Option<Void>, R::Error> {
    let changes = match &entry.act.act.deed {
        Deed::Successor { key, .. } => {
            entry.announces().is_some() && rows.hub_keys()?.contains(key)
        }
        Deed::Switch { from } => {
            let announced = rows.has_link(Link { from: *from, to: entry.hub })?;
            let first = announced && rows.retired(*from)?.is_none();
            if first {
                rows.put_retired(*from, entry.at)?;
            }
            first
        }
        _ => false,
    };
    Ok((!changes).then_some(Void::Surpassed))
}

/// A walk along announcements from a pinned key: the keys that it met, and what it went by.
struct Walk {
    keys: HubKeys,
    needed: BTreeSet<Link>,
    seen: BTreeSet<DeviceId>,
}

impl Walk {
    fn from(pinned: DeviceId, links: &BTreeSet<Link>) -> Self {
        let mut after: BTreeMap<DeviceId, Vec<Link>> = BTreeMap::new();
        let mut before: BTreeMap<DeviceId, Vec<Link>> = BTreeMap::new();
        for link in links {
            after.entry(link.from).or_default().push(*link);
            before.entry(link.to).or_default().push(*link);
        }
        let keys = HubKeys { pinned: Some(pinned), ..HubKeys::default() };
        let mut walk = Self { keys, needed: BTreeSet::new(), seen: BTreeSet::from([pinned]) };
        walk.keys.before = walk.go(pinned, &before, |link| link.from);
        walk.keys.after = walk.go(pinned, &after, |link| link.to);
        walk
    }

    fn go(
        &mut self,
        pinned: DeviceId,
        ways: &BTreeMap<DeviceId, Vec<Link>>,
        end: fn(&Link) -> DeviceId,
    ) -> Vec<DeviceId> {
        let (mut found, mut at) = (Vec::new(), pinned);
        while let Some(ways) = ways.get(&at) {
            self.needed.extend(ways.iter().take(WAYS_MAX));
            let [way] = ways.as_slice() else {
                self.keys.split = self.keys.split.or(Some(at));
                break;
            };
            // A key comes once.
            if self.seen.contains(&end(way)) {
                break;
            }
            if found.len() >= HUB_KEYS_MAX {
                self.keys.full = self.keys.full.or(Some(at));
                break;
            }
            at = end(way);
            self.seen.insert(at);
            found.push(at);
        }
        found
    }
}

#[cfg(test)]
mod tests;
