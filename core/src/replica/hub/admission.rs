//! What waits at the hub's door: packs that their device may not write, or not yet, and packs whose
//! checklist is not here. None of them waits for ever unseen: each is looked at again when what it
//! lacks comes, and named to administrators until then.

use std::sync::atomic::Ordering;

use super::shares::over_quota;
use super::{Batch, Decision, Hub};
use crate::model::{DeviceId, Timestamp};
use crate::replica::access;
use crate::replica::facts::{Fact, PIECE_BYTES_MAX};
use crate::replica::records::Records;
use crate::replica::rows::{self, OBJECT, SHUT, ShutRow};
use crate::replica::{PackPlace, ReplicaError};
use crate::store::StoreError;
use crate::sync::{Accepted, Pack};

/// Packs of one device kept aside: a person looks at each, and a hostile device must not fill the
/// disk with them.
pub(in crate::replica) const ASIDE_PER_DEVICE_MAX: u64 = 1_000;

/// Packs of unknown devices that one device may have brought. A phone that gives back to a new hub
/// what a team wrote in weeks stays below; a hostile one that invents devices reaches it.
const STRANGERS_PER_DEVICE_MAX: u64 = 16_384;

/// Packs of one device that wait for checklists which nobody has published. An honest device fills
/// visits of few checklists and sends few packs of each; a hostile one that invents checklists
/// reaches it, and keeps what comes on top.
const LATER_PER_DEVICE_MAX: u64 = 1_024;

/// Packs set aside that are read at once when they are looked at again.
const RECONSIDERED_AT_ONCE_MAX: usize = 256;

/// Bytes of packs that are taken in together: what one record of the journal holds with ease.
const RECONSIDERED_BYTES_MAX: usize = PIECE_BYTES_MAX;

impl Hub {
    /// Looks again at what was set aside of one device, or of all. Where that fails it is owed: it is
    /// done once nothing else is left to merge, and nothing has to wait for it.
    pub(super) fn reconsider_or_owe(&self, device: Option<DeviceId>) {
        let done = match device {
            Some(device) => self.reconsider(device),
            None => self.reconsider_all(),
        };
        // The error comes again, and is told, where it is tried again.
        if done.is_err() {
            self.owed.store(true, Ordering::Relaxed);
        }
    }

    /// Looks again at what was set aside, if that is owed; returns whether it was.
    ///
    /// # Errors
    ///
    /// As [`Self::reconsider_all`]; it is then owed still.
    pub(super) fn reconsider_owed(&self) -> Result<bool, ReplicaError> {
        if !self.owed.swap(false, Ordering::Relaxed) {
            return Ok(false);
        }
        self.reconsider_all().inspect_err(|_| self.owed.store(true, Ordering::Relaxed))?;
        Ok(true)
    }

    /// Takes a pack, unless its checklist is missing and too much of its device waits for one.
    pub(super) fn take(&self, pack: Pack) -> Result<Decision, ReplicaError> {
        let store = self.replica.store();
        if let Some(template) = pack.genesis().template
            && store.get(&rows::of_template(OBJECT, template))?.is_none()
        {
            let waiting = rows::get::<u64>(&**store, &rows::later_of(pack.device()))?;
            if waiting.unwrap_or(0) >= LATER_PER_DEVICE_MAX {
                return Ok(over_quota(&pack));
            }
        }
        Ok(Decision::Take(pack))
    }

    /// Returns whether a device has brought too many packs of devices that nobody knows.
    pub(super) fn brought_too_much(&self, from: DeviceId) -> Result<bool, StoreError> {
        let count = rows::get::<u64>(&**self.replica.store(), &rows::strangers_of(from))?;
        Ok(count.unwrap_or(0) >= STRANGERS_PER_DEVICE_MAX)
    }

    /// Looks again at what was set aside because its device might not write it, or because what comes
    /// before it was missing.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading or writing fails; what is still set aside is looked
    /// at again when the store is opened once more.
    pub(super) fn reconsider_all(&self) -> Result<(), ReplicaError> {
        for entry in self.replica.devices()? {
            self.reconsider(entry.device)?;
        }
        self.attach_all()
    }

    /// As [`Self::reconsider_all`], for one device.
    ///
    /// # Errors
    ///
    /// As [`Self::reconsider_all`].
    pub(super) fn reconsider(&self, device: DeviceId) -> Result<(), ReplicaError> {
        let Some(entry) = self.replica.device(device)? else { return Ok(()) };
        let store = self.replica.store();
        let prefix = rows::key(SHUT, &[&device.0]);
        let (mut after, mut records): (Option<Vec<u8>>, _) = (None, Records::default());
        loop {
            let page = store.scan(&prefix, after.as_deref(), RECONSIDERED_AT_ONCE_MAX)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            let (mut kept, mut at) = (Vec::new(), Timestamp::default());
            let mut weight = 0;
            for (key, value) in &page {
                let row: ShutRow = rows::decode(key, value)?;
                let Some((bytes, when)) = self.evidence(&mut records, row.place)? else { continue };
                let Ok(pack) = Pack::decode(&bytes) else { continue };
                if access::admits(&entry, pack.genesis().kind, &pack.genesis().scope) {
                    at = at.max(when);
                    if weight + bytes.len() > RECONSIDERED_BYTES_MAX {
                        self.admit(device, &std::mem::take(&mut kept), at)?;
                        weight = 0;
                    }
                    weight += bytes.len();
                    kept.push((pack, bytes));
                }
            }
            self.admit(device, &kept, at)?;
            self.attach(kept.iter().map(|(pack, _)| (pack.document(), pack.actor())))?;
        }
    }

    /// Takes in what was set aside.
    pub(super) fn admit(
        &self,
        device: DeviceId,
        kept: &[(Pack, Vec<u8>)],
        at: Timestamp,
    ) -> Result<(), ReplicaError> {
        let (mut batch, mut accepted) = (Batch::of(device), Accepted::default());
        let packs = kept.iter().map(|(pack, bytes)| (pack.clone(), bytes)).collect();
        match self.settle(&mut batch, &mut accepted, packs, (device, at))? {
            Some(Err(error)) => Err(error.into()),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// Reads a pack that was set aside, and when it came. None where its record is lost.
    pub(super) fn evidence(
        &self,
        records: &mut Records,
        place: PackPlace,
    ) -> Result<Option<(Vec<u8>, Timestamp)>, StoreError> {
        match records.fact(&**self.replica.store(), place.at) {
            Ok(Fact::Accepted { quarantined, at, .. }) => {
                let entry = usize::try_from(place.index).ok().and_then(|at| quarantined.get(at));
                Ok(entry.map(|entry| (entry.bytes.clone(), *at)))
            }
            Ok(_) | Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
