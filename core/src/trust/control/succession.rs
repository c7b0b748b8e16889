//! One hub and its keys: which are the same hub's, by announcements that each key signed and the next proved.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::SignedAct;
use super::act::Deed;
use super::entry::ControlEntry;
use super::state::{TrustRows, Void};
use super::verify_successor;
use crate::model::DeviceId;

/// Keys that one hub may ever have had, and announcements that are kept of it: a key each year of a very long
/// service.
pub const HUB_KEYS_MAX: usize = 64;

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
}

impl HubKeys {
    /// Follows announcements from a pinned key, back and forth, as far as there is one way only. It depends
    /// on the set alone.
    #[must_use]
    pub fn of(pinned: DeviceId, links: &BTreeSet<Link>) -> Self {
        let mut after: BTreeMap<DeviceId, Vec<DeviceId>> = BTreeMap::new();
        let mut before: BTreeMap<DeviceId, Vec<DeviceId>> = BTreeMap::new();
        for link in links {
            after.entry(link.from).or_default().push(link.to);
            before.entry(link.to).or_default().push(link.from);
        }
        let mut seen = BTreeSet::from([pinned]);
        let mut split = None;
        let before = walk(pinned, &before, &mut seen, &mut split);
        let after = walk(pinned, &after, &mut seen, &mut split);
        Self { pinned: Some(pinned), before, after, split }
    }

    /// Returns whether a key is one of them.
    #[must_use]
    pub fn holds(&self, key: DeviceId) -> bool {
        self.pinned == Some(key) || self.before.contains(&key) || self.after.contains(&key)
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
            let own = Link::of(&entry.act).is_some_and(|link| link.from == entry.hub);
            own && rows.hub_keys()?.contains(key)
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

fn walk(
    from: DeviceId,
    ways: &BTreeMap<DeviceId, Vec<DeviceId>>,
    seen: &mut BTreeSet<DeviceId>,
    split: &mut Option<DeviceId>,
) -> Vec<DeviceId> {
    let (mut found, mut at) = (Vec::new(), from);
    while found.len() < HUB_KEYS_MAX {
        match ways.get(&at).map(Vec::as_slice) {
            Some([next]) if seen.insert(*next) => {
                found.push(*next);
                at = *next;
            }
            Some([_, _, ..]) => {
                *split = split.or(Some(at));
                break;
            }
            _ => break,
        }
    }
    found
}

#[cfg(test)]
mod tests;
