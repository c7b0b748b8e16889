//! From what a person types to the device or person meant: a device has its id, and all devices that
//! somebody ever had, lost ones too, are called by one name.

use std::collections::BTreeSet;

use super::find::{Candidate, CandidateDevice, is_called, is_digits, one, starts, typed};
use super::{Client, ClientError};
use crate::model::{DeviceId, PersonId, Timestamp};
use crate::replica::ReplicaError;
use crate::sync::DeviceEntry;

/// A device that a name fits.
struct Called {
    entry: DeviceEntry,
    /// It was named by its own digits, not by its holder's name.
    by_digits: bool,
    /// When it, or its holder, was revoked for good.
    revoked: Option<Timestamp>,
}

impl Client {
    /// Finds a device by the first digits of its id, revoked or not, or by its holder's exact name: of the
    /// devices of that name the one that was not revoked. Where all were, and are one person's, it is the one
    /// that was revoked last: what is to be given to it is refused as given to a revoked one.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`], or [`ClientError::Ambiguous`] with all that the name fits, those that
    /// were revoked last.
    pub fn find_device(&self, name: &str) -> Result<DeviceEntry, ClientError> {
        let mut found = self.called(name)?;
        if found.iter().all(|called| !called.by_digits) {
            let alive = found.iter().filter(|called| called.revoked.is_none()).count();
            if alive == 1 || (alive == 0 && persons(&found).len() == 1) {
                found.truncate(1);
            }
        }
        self.only("device", name, found)
    }

    /// Finds a person by an exact name, or by the first digits of a device's id. Of several persons of the name
    /// it is the one who has a device that was not revoked. Returns one of the person's devices, revoked only
    /// where all are.
    ///
    /// # Errors
    ///
    /// As [`Client::find_device`].
    pub fn find_person(&self, name: &str) -> Result<DeviceEntry, ClientError> {
        let found = self.called(name)?;
        let alive = found.iter().filter(|called| called.revoked.is_none());
        let alive: BTreeSet<PersonId> = alive.map(|called| called.entry.person).collect();
        self.person_of_all(name, found, &alive)
    }

    /// Finds the person whose rights are to end, as [`Client::find_person`]; what ends for good is decided of
    /// nobody whom a name fits by chance, so of several persons of the name none counts as meant but the only
    /// one who was not revoked before.
    ///
    /// # Errors
    ///
    /// As [`Client::find_device`].
    pub fn find_leaver(&self, name: &str) -> Result<DeviceEntry, ClientError> {
        let found = self.called(name)?;
        let mut staying = BTreeSet::new();
        for person in persons(&found) {
            let held = self.phone().replica().person(person).map_err(ReplicaError::from)?;
            if held.revoked.is_none() {
                staying.insert(person);
            }
        }
        self.person_of_all(name, found, &staying)
    }

    /// Finds a device among these, as one that a paper names: by the first digits of its id or its holder's
    /// name, revoked or not; as [`Client::find_device`] where that tells no single one.
    ///
    /// # Errors
    ///
    /// As [`Client::find_device`].
    pub fn find_device_among(
        &self,
        name: &str,
        among: &BTreeSet<DeviceId>,
    ) -> Result<DeviceEntry, ClientError> {
        let mut found = self.called(name)?;
        found.retain(|called| among.contains(&called.entry.device));
        match found.len() {
            0 => self.find_device(name),
            _ => self.only("device", name, found),
        }
    }

    /// Returns the devices of a person, and those of others of the same name, that were not revoked; the
    /// person's own first.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn other_devices(&self, of: &DeviceEntry) -> Result<Vec<DeviceEntry>, ClientError> {
        let mut others = Vec::new();
        for entry in self.phone().replica().devices()? {
            let same = entry.person == of.person || is_called(&entry.name, &of.name);
            if same && entry.device != of.device && self.revoked_at(entry.device)?.is_none() {
                others.push(entry);
            }
        }
        others.sort_by_key(|entry| entry.person != of.person);
        Ok(others)
    }

    /// Returns when a device, or its holder, was revoked for good; none where neither was.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn revoked_at(&self, device: DeviceId) -> Result<Option<Timestamp>, ClientError> {
        Ok(self.phone().replica().ended(device)?.map(|end| end.at))
    }

    /// Returns every device that a name fits: those that were not revoked first, then those that were, the last
    /// first.
    fn called(&self, name: &str) -> Result<Vec<Called>, ClientError> {
        let person = typed(name);
        let mut found = Vec::new();
        for entry in self.phone().replica().devices()? {
            let by_digits = is_digits(name) && starts(&entry.device.to_string(), name);
            if by_digits || is_called(&entry.name, &person) {
                let revoked = self.revoked_at(entry.device)?;
                found.push(Called { entry, by_digits, revoked });
            }
        }
        found.sort_by_key(|called| called.revoked.map(|at| std::cmp::Reverse(at.0)));
        Ok(found)
    }

    /// Takes the only person; of several the only one of those who are `preferred`.
    fn person_of_all(
        &self,
        name: &str,
        mut found: Vec<Called>,
        preferred: &BTreeSet<PersonId>,
    ) -> Result<DeviceEntry, ClientError> {
        let all = persons(&found);
        if all.len() > 1 && preferred.len() == 1 && found.iter().all(|called| !called.by_digits) {
            found.retain(|called| preferred.contains(&called.entry.person));
        }
        // Several devices of one person mean that person.
        if persons(&found).len() == 1 && found.iter().all(|called| !called.by_digits) {
            found.truncate(1);
        }
        self.only("device", name, found)
    }

    fn only(
        &self,
        what: &'static str,
        name: &str,
        found: Vec<Called>,
    ) -> Result<DeviceEntry, ClientError> {
        let mut told = Vec::with_capacity(found.len());
        for called in found {
            let held = self.phone().replica().certified(called.entry.device)?;
            told.push((called, held.certificate.map(|held| held.at)));
        }
        let tell = |(called, since): &(Called, Option<Timestamp>)| Candidate {
            device: Some(CandidateDevice {
                name: called.entry.name.clone(),
                agency: called.entry.agency.clone(),
                since: *since,
                revoked: called.revoked,
            }),
            ..Candidate::bare(called.entry.device.short())
        };
        one(what, name, told, tell).map(|(called, _)| called.entry)
    }
}

/// Returns whose the devices are.
fn persons(found: &[Called]) -> BTreeSet<PersonId> {
    found.iter().map(|called| called.entry.person).collect()
}
