//! A device whose rights were ended for good: what it may still do here, and how it is shown why.
//!
//! It may push what it holds, which is kept aside, and is given nothing but the entries of control logs
//! that prove the end of its rights ([why](../../../../docs/adr/0029-lost-phones.md)).

use std::collections::BTreeSet;

use super::Hub;
use crate::model::{DeviceId, PersonId, Scope};
use crate::replica::ReplicaError;
use crate::replica::access::units;
use crate::replica::rows::{self, ControlRow, Entry, FEED, FeedRow};
use crate::sync::FeedItem;
use crate::trust::control::{ControlEntry, Deed, Log, Whom};

/// Entries of a unit's control log that are looked through at once.
const PROOF_PAGE_ROWS: usize = 256;

/// Entries that one exchange shows: a unit's decisions of years. A device that lacks more comes again and
/// goes on from what it holds; until then it knows no more than that it is not let in.
const PROOF_ENTRIES_MAX: usize = 2_048;

impl Hub {
    /// Returns whether a device's rights were ended for good, so that it may only bring what it holds.
    /// Reads memory only.
    #[must_use]
    pub fn lets_leave(&self, device: DeviceId) -> bool {
        self.leaving.read().is_ok_and(|leaving| leaving.contains(&device))
    }

    /// Returns the entries of control logs that prove the end of a device's rights: of each unit that
    /// concerns it, those after a place in the feed, up to the one that says so and none behind it.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn proof_of_end(
        &self,
        device: DeviceId,
        after: u64,
    ) -> Result<Vec<FeedItem>, ReplicaError> {
        let Some(certificate) = self.replica.certified(device)?.certificate else {
            return Ok(Vec::new());
        };
        let mut items = Vec::new();
        for scope in self.concerning(certificate.person)? {
            let found = self.proof_in(&scope, (device, certificate.person), after)?;
            items.extend(
                found.into_iter().map(|(number, bytes)| (number, FeedItem::Control(bytes))),
            );
        }
        // In the order of the feed, as all entries are folded.
        items.sort_by_key(|(number, _)| *number);
        items.truncate(PROOF_ENTRIES_MAX);
        Ok(items.into_iter().map(|(_, item)| item).collect())
    }

    /// The units in which a person had rights, and those above them.
    fn concerning(&self, person: PersonId) -> Result<BTreeSet<Scope>, ReplicaError> {
        let mut scopes = self.scopes_of(Some(person))?;
        let above: Vec<Scope> = scopes.iter().flat_map(|own| units().containing(own)).collect();
        scopes.extend(above);
        Ok(scopes)
    }

    fn proof_in(
        &self,
        scope: &Scope,
        (device, person): (DeviceId, PersonId),
        after: u64,
    ) -> Result<Vec<(u64, Vec<u8>)>, ReplicaError> {
        let store = self.replica.store();
        let (prefix, mut at) = (rows::control_feed(scope), rows::of_control_feed(scope, after));
        let (mut found, mut proved) = (Vec::new(), 0);
        loop {
            let page = store.scan(&prefix, Some(&at), PROOF_PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { break };
            at.clone_from(last);
            for number in page.iter().filter_map(|(key, _)| rows::number_in(key)) {
                let row: Option<FeedRow> = rows::get(&**store, &rows::of_number(FEED, number))?;
                let Some(Entry::Control { scope, life, number: place }) = row.map(|row| row.entry)
                else {
                    continue;
                };
                let log = Log { scope: &scope, life };
                let row: Option<ControlRow> = rows::get(&**store, &rows::of_control(log, place))?;
                let Some(ControlRow { bytes, .. }) = row else { continue };
                let ends = ends(&ControlEntry::decode(&bytes)?, device, person);
                found.push((number, bytes));
                if ends {
                    proved = found.len();
                }
            }
            if proved > 0 || found.len() >= PROOF_ENTRIES_MAX {
                break;
            }
        }
        // Without an end of its rights the log of this unit proves nothing to it.
        found.truncate(proved);
        Ok(found)
    }

    /// Notes which of these devices may only leave any more.
    pub(super) fn note_leaving(
        &self,
        devices: impl IntoIterator<Item = DeviceId>,
    ) -> Result<(), ReplicaError> {
        let mut ended = Vec::new();
        for device in devices {
            ended.push((device, self.replica.ended(device)?.is_some()));
        }
        let mut leaving = self.leaving.write().map_err(|_| ReplicaError::Interrupted)?;
        for (device, ended) in ended {
            if ended {
                leaving.insert(device);
            } else {
                leaving.remove(&device);
            }
        }
        Ok(())
    }
}

/// Whether an entry ends the rights of a device or its holder.
fn ends(entry: &ControlEntry, device: DeviceId, person: PersonId) -> bool {
    match &entry.act.act.deed {
        Deed::Revoke { whom: Whom::Device(whom), .. } => *whom == device,
        Deed::Revoke { whom: Whom::Person(whom), .. } => *whom == person,
        _ => false,
    }
}
