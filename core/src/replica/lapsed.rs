//! Rights that stood until they were ended for good: what the control log held just before.
//!
//! What a device wrote while it had the right, and brings when it has it no more, is kept aside like what it
//! never might write. The verdict is one; which of the two it is follows from the log.

use std::collections::BTreeMap;

use super::ReplicaError;
use super::access::{admits, covers};
use super::documents::{Replica, each_row};
use super::rows::{self, CONTROL, ControlRow};
use crate::model::{DeviceId, Genesis, Kind, Scope, Timestamp};
use crate::trust::control::{
    ControlEntry, Deed, Entered, Folded, Revocation, TrustRows, TrustState, Whom, entry_of, fold,
};

/// The end of a right that stood until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lapsed {
    /// When it ended, and since when the device was out of its holder's hands.
    pub end: Revocation,
    /// Not the device alone was revoked, but its holder.
    pub person: bool,
}

/// What a device wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WroteWhere {
    /// Which device.
    pub device: DeviceId,
    /// The unit of the document.
    pub scope: Scope,
    /// The document, where its kind is known; otherwise it is asked whether the device might write anything
    /// in the unit.
    pub genesis: Option<Genesis>,
}

impl Replica {
    /// Returns, for each of what devices wrote, by which revocation their right to write it ended; none where
    /// the device was not revoked, or had no such right when it was.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn lapsed(&self, asked: &[WroteWhere]) -> Result<Vec<Option<Lapsed>>, ReplicaError> {
        let mut answers = vec![None; asked.len()];
        let mut open: BTreeMap<usize, &WroteWhere> = BTreeMap::new();
        for (place, one) in asked.iter().enumerate() {
            if self.ended(one.device)?.is_some() {
                open.insert(place, one);
            }
        }
        let Some(pinned) = self.hub_keys()?.pinned.filter(|_| !open.is_empty()) else {
            return Ok(answers);
        };
        let entries = self.control_entries()?;
        let mut links: Vec<_> = entries.iter().filter_map(ControlEntry::announces).collect();
        links.extend(self.links()?.into_keys());
        // What is held was checked when it came.
        let mut state = TrustState::begin(pinned, links);
        for entry in &entries {
            let ending: Vec<(usize, Option<Lapsed>)> = open
                .iter()
                .filter_map(|(place, one)| Some((*place, ends(&state, entry, one)?)))
                .collect();
            let Ok(folded) = fold(&mut state, entry, &covers);
            if folded == Folded::Counts {
                for (place, lapsed) in ending {
                    open.remove(&place);
                    answers[place] = lapsed;
                }
            }
        }
        Ok(answers)
    }

    /// Returns the entries of all control logs held, in the hub's order.
    fn control_entries(&self) -> Result<Vec<ControlEntry>, ReplicaError> {
        let mut encoded: Vec<Vec<u8>> = Vec::new();
        each_row(&**self.store(), &[CONTROL], None, |key, value| {
            encoded.push(rows::decode::<ControlRow>(key, value)?.bytes);
            Ok(())
        })?;
        let mut entries = Vec::with_capacity(encoded.len());
        for bytes in encoded {
            entries.push(ControlEntry::decode(&bytes)?);
        }
        entries.sort_by_cached_key(Entered::of);
        Ok(entries)
    }
}

/// Returns what ends with an entry: none where it revokes somebody else, and no right where there was none.
fn ends(state: &TrustState, entry: &ControlEntry, one: &WroteWhere) -> Option<Option<Lapsed>> {
    let Deed::Revoke { whom, lost_since } = &entry.act.act.deed else { return None };
    let Ok(known) = state.device(one.device);
    let person = known.certificate.map(|held| held.person);
    let of_person = match whom {
        Whom::Device(device) if *device == one.device => false,
        Whom::Person(whom) if person == Some(*whom) => true,
        _ => return None,
    };
    let end = Revocation { at: entry.clock, lost_since: *lost_since, by: entry.act.act.by };
    let stood = might_write(state, one, entry.clock);
    Some(stood.then_some(Lapsed { end, person: of_person }))
}

/// Returns whether a device might write a document at a time of the hub's, as the log stood then.
fn might_write(state: &TrustState, one: &WroteWhere, at: Timestamp) -> bool {
    let Ok(entry) = entry_of(state, one.device, &covers);
    let Some(entry) = entry.map(|entry| entry.in_force(at)) else { return false };
    let Some(genesis) = &one.genesis else {
        return Kind::ALL.into_iter().any(|kind| admits(&entry, kind, &one.scope));
    };
    if !admits(&entry, genesis.kind, &genesis.scope) {
        return false;
    }
    let Ok(assigned) = state.assignment(&genesis.scope, genesis.document());
    let assigned = assigned.filter(|_| genesis.kind == Kind::Inspection);
    assigned.is_none_or(|assigned| assigned.persons.contains(&entry.person))
}

#[cfg(test)]
mod tests;
