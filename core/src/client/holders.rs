//! From what a person types to the device or person meant: a device has its id, and all devices that
//! somebody ever had, lost ones too, are called by one name.

use std::collections::BTreeSet;

use super::find::{Candidate, CandidateDevice, is_called, is_digits, one, starts, typed};
use super::{Client, ClientError};
use crate::model::{DeviceId, PersonId, Timestamp};
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
    /// Finds a device by the first digits of its id, revoked or not, or by its holder's exact name: of one
    /// person's devices of that name the one that was not revoked, or the one that was revoked last where all
    /// were: what is to be given to it is refused as given to a revoked one. A name that two persons have means
    /// neither, whoever of them has a device left: it would be given to a stranger.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NotFound`], or [`ClientError::Ambiguous`] with all that the name fits, those that
    /// were revoked last.
    pub fn find_device(&self, name: &str) -> Result<DeviceEntry, ClientError> {
        let mut found = self.called(name)?;
        let alive = found.iter().filter(|called| called.revoked.is_none()).count();
        if alive <= 1 && are_one_persons(&found) {
            found.truncate(1);
        }
        self.only("device", name, found)
    }

    /// Finds the device whose rights are to end, by the first digits of its id or its holder's exact name; what
    /// ends for good is decided of no device that a name does not tell from another, revoked ones included: who
    /// repeats a revocation, or comes second with it, does not mean the device that took the lost one's place.
    ///
    /// # Errors
    ///
    /// As [`Client::find_device`].
    pub fn find_lost(&self, name: &str) -> Result<DeviceEntry, ClientError> {
        let found = self.called(name)?;
        self.only("device", name, found)
    }

    /// Finds a person by an exact name, or by the first digits of a device's id. A name that two persons have
    /// means neither, whoever of them has left. Returns one of the person's devices, revoked only where all are.
    ///
    /// # Errors
    ///
    /// As [`Client::find_device`].
    pub fn find_person(&self, name: &str) -> Result<DeviceEntry, ClientError> {
        let mut found = self.called(name)?;
        if are_one_persons(&found) {
            found.truncate(1);
        }
        self.only("device", name, found)
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

/// Returns whether all were found by a name, and are one person's.
fn are_one_persons(found: &[Called]) -> bool {
    let persons: BTreeSet<PersonId> = found.iter().map(|called| called.entry.person).collect();
    persons.len() == 1 && found.iter().all(|called| !called.by_digits)
}
