//! A device whose rights were ended for good: what it may still do here, and how it is shown why.
//!
//! It may push what it holds, which is kept aside, and is given nothing but the entries of control logs
//! that prove the end of its rights ([why](../../../../docs/adr/0029-lost-phones.md)).

use std::collections::BTreeSet;

use super::Hub;
use crate::model::{DeviceId, PersonId, Scope};
use crate::replica::ReplicaError;
use crate::replica::access::{self, units};
use crate::replica::rows::{self, CONTROL_FEED, ControlRow, Entry, FEED, FeedRow};
use crate::store::StoreError;
use crate::sync::FeedItem;
use crate::trust::control::{ControlEntry, Deed, Log, Revocation, Whom};

/// Entries that one page of a proof holds: a few hundred bytes each, at most some kilobytes, so that a page is
/// little beside what a session holds anyway.
const PROOF_PAGE_ENTRIES: usize = 256;

/// What proves the end of a device's rights: which entries of control logs it has to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofOfEnd {
    /// The logs that the device follows while it has rights, with those above.
    followed: BTreeSet<Scope>,
    /// Others that it needs: where it had rights once, or where its end stands.
    others: BTreeSet<Scope>,
    /// The place in the feed of the entry that ends its rights; of what comes behind nothing is given.
    end: u64,
}

/// A page of such entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPage {
    /// In the order of the feed, as all entries are folded.
    pub items: Vec<FeedItem>,
    /// Where to go on; none where this was the last.
    pub next: Option<u64>,
}

impl Hub {
    /// Returns whether a device's rights were ended for good, so that it may only bring what it holds.
    /// Reads memory only.
    #[must_use]
    pub fn lets_leave(&self, device: DeviceId) -> bool {
        self.leaving.read().is_ok_and(|leaving| leaving.contains(&device))
    }

    /// Returns what proves the end of a device's rights; none where it has them.
    ///
    /// The device must be able to check it as it checks all entries: that whoever decided it might, by the
    /// rights that stood then. Those stand in the logs of the units above too, so it is given these logs as
    /// far as the end, also where they say nothing of the device.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn proof_of_end(&self, device: DeviceId) -> Result<Option<ProofOfEnd>, ReplicaError> {
        let Some(certificate) = self.replica.certified(device)?.certificate else {
            return Ok(None);
        };
        let Some(revocation) = self.replica.ended(device)? else { return Ok(None) };
        let sought = (device, certificate.person, revocation);
        let mut scopes = self.scopes_of(Some(certificate.person))?;
        let mut found = None;
        for scope in &scopes {
            let here = self.end_in(&rows::control_feed(scope), &sought)?;
            found = [found, here].into_iter().flatten().min_by_key(|(number, _)| *number);
        }
        // Of somebody who never had a right the end stands where its administrator is.
        let found = match found {
            None => self.end_in(&[CONTROL_FEED], &sought)?,
            found => found,
        };
        let Some((end, stands)) = found else { return Ok(None) };
        scopes.insert(stands);
        let above: Vec<Scope> = scopes.iter().flat_map(|own| units().containing(own)).collect();
        scopes.extend(above);
        let entry = self.replica.device(device)?;
        let told: BTreeSet<Scope> =
            entry.iter().flat_map(access::governing).filter(|one| scopes.contains(one)).collect();
        let others = scopes.difference(&told).cloned().collect();
        Ok(Some(ProofOfEnd { followed: told, others, end: self.last_of_end(end, &sought)? }))
    }

    /// Returns a page of the entries that a proof holds, after a place in the feed. Of the logs that the
    /// device followed it has what comes before the place that it has `held`.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError`] when reading fails.
    pub fn proof_page(
        &self,
        proof: &ProofOfEnd,
        held: u64,
        after: u64,
    ) -> Result<ProofPage, ReplicaError> {
        let store = self.replica.store();
        let mut numbers = BTreeSet::new();
        let followed = proof.followed.iter().map(|scope| (scope, held.max(after)));
        for (scope, from) in followed.chain(proof.others.iter().map(|scope| (scope, after))) {
            let at = rows::of_control_feed(scope, from);
            let prefix = rows::control_feed(scope);
            for (key, _) in store.scan(&prefix, Some(&at), PROOF_PAGE_ENTRIES + 1)? {
                numbers.extend(rows::number_in(&key).filter(|number| *number <= proof.end));
            }
        }
        let next = numbers.iter().nth(PROOF_PAGE_ENTRIES - 1).copied();
        let next = next.filter(|_| numbers.len() > PROOF_PAGE_ENTRIES);
        let mut items = Vec::new();
        for number in numbers.into_iter().take(PROOF_PAGE_ENTRIES) {
            items.extend(self.control_at(number)?.map(|(_, bytes)| FeedItem::Control(bytes)));
        }
        Ok(ProofPage { items, next })
    }

    /// Finds the entry that ends a device's rights: its place in the feed, and the unit of its log.
    fn end_in(
        &self,
        prefix: &[u8],
        sought: &(DeviceId, PersonId, Revocation),
    ) -> Result<Option<(u64, Scope)>, ReplicaError> {
        let (store, mut at): (_, Option<Vec<u8>>) = (self.replica.store(), None);
        let mut first: Option<(u64, Scope)> = None;
        loop {
            let page = store.scan(prefix, at.as_deref(), PROOF_PAGE_ENTRIES)?;
            for number in page.iter().filter_map(|(key, _)| rows::number_in(key)) {
                if first.as_ref().is_none_or(|(found, _)| number < *found)
                    && let Some((scope, bytes)) = self.control_at(number)?
                    && ends(&ControlEntry::decode(&bytes)?, sought)
                {
                    first = Some((number, scope));
                }
            }
            match page.last() {
                Some((last, _)) if page.len() == PROOF_PAGE_ENTRIES => at = Some(last.clone()),
                _ => return Ok(first),
            }
        }
    }

    /// Returns the last of the entries that end a device's rights and follow each other: the hub carries the
    /// end into the log of every unit at once, and what an administrator decided there is also the hub's word.
    fn last_of_end(
        &self,
        first: u64,
        (device, person, _): &(DeviceId, PersonId, Revocation),
    ) -> Result<u64, ReplicaError> {
        let mut last = first;
        while let Some((_, bytes)) = self.control_at(last + 1)?
            && names(&ControlEntry::decode(&bytes)?, *device, *person)
        {
            last += 1;
        }
        Ok(last)
    }

    /// Reads the entry of a control log at a place in the feed.
    fn control_at(&self, number: u64) -> Result<Option<(Scope, Vec<u8>)>, StoreError> {
        let store = &**self.replica.store();
        let row: Option<FeedRow> = rows::get(store, &rows::of_number(FEED, number))?;
        let Some(Entry::Control { scope, life, number: place }) = row.map(|row| row.entry) else {
            return Ok(None);
        };
        let log = Log { scope: &scope, life };
        let row: Option<ControlRow> = rows::get(store, &rows::of_control(log, place))?;
        Ok(row.map(|row| (scope, row.bytes)))
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

/// Whether an entry is the one by which the rights of a device or its holder ended.
fn ends(entry: &ControlEntry, (device, person, by): &(DeviceId, PersonId, Revocation)) -> bool {
    names(entry, *device, *person) && (entry.clock, entry.act.act.by) == (by.at, by.by)
}

/// Whether an entry says that the rights of a device or its holder end.
fn names(entry: &ControlEntry, device: DeviceId, person: PersonId) -> bool {
    match &entry.act.act.deed {
        Deed::Revoke { whom: Whom::Device(whom), .. } => *whom == device,
        Deed::Revoke { whom: Whom::Person(whom), .. } => *whom == person,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
