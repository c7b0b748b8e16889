//! What waits at the hub's door: packs that their device may not write, or not yet, and packs whose
//! checklist is not here. None of them waits for ever unseen: each is looked at again when what it
//! lacks comes, and named to administrators until then.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::shares::over_quota;
use super::{Batch, Decision, Hub};
use crate::model::{DeviceId, Timestamp};
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
    /// before it was missing, and at what supervisors have admitted.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Store`] when reading or writing fails; what is still set aside is looked
    /// at again when the store is opened once more.
    pub(super) fn reconsider_all(&self) -> Result<(), ReplicaError> {
        for entry in self.replica.devices()? {
            self.reconsider(entry.device)?;
        }
        // Of devices that nobody has named too, and of what has lacked its forerunner.
        self.admit_judged(&self.replica.owed_lines()?)?;
        self.attach_all()
    }

    /// As [`Self::reconsider_all`], for one device.
    ///
    /// # Errors
    ///
    /// As [`Self::reconsider_all`].
    pub(super) fn reconsider(&self, device: DeviceId) -> Result<(), ReplicaError> {
        self.reconsider_within(device, RECONSIDERED_BYTES_MAX)
    }

    /// As [`Self::reconsider`], so many bytes of packs at a time.
    fn reconsider_within(&self, device: DeviceId, bytes_max: usize) -> Result<(), ReplicaError> {
        let Some(entry) = self.replica.device(device)? else { return Ok(()) };
        let store = self.replica.store();
        let prefix = rows::key(SHUT, &[&device.0]);
        let (mut after, mut records): (Option<Vec<u8>>, _) = (None, Records::default());
        loop {
            let page = store.scan(&prefix, after.as_deref(), RECONSIDERED_AT_ONCE_MAX)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            let (mut kept, mut at) = (Vec::new(), Timestamp::default());
            let (mut weight, mut lines, mut others) = (0, BTreeSet::new(), BTreeSet::new());
            for (key, value) in &page {
                let row: ShutRow = rows::decode(key, value)?;
                let Some((bytes, when)) = self.evidence(&mut records, row.place)? else { continue };
                let Ok(pack) = Pack::decode(&bytes) else { continue };
                let then = entry.clone().in_force(when);
                if self.replica.lets_write(&then, pack.genesis())? {
                    at = at.max(when);
                    if weight + bytes.len() > bytes_max {
                        self.admit(device, &std::mem::take(&mut kept), at)?;
                        weight = 0;
                    }
                    weight += bytes.len();
                    lines.insert((pack.document(), pack.actor()));
                    kept.push((pack, bytes));
                } else {
                    others.insert((pack.document(), pack.actor()));
                }
            }
            self.admit(device, &kept, at)?;
            self.attach(lines)?;
            self.admit_judged(&others)?;
        }
    }

    /// Takes in what was set aside.
    pub(super) fn admit(
        &self,
        device: DeviceId,
        kept: &[(Pack, Vec<u8>)],
        at: Timestamp,
    ) -> Result<(), ReplicaError> {
        let (mut batch, mut accepted) = (Batch::of(device, at), Accepted::default());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checklist::{TEA, Template};
    use crate::model::{Actor, AnswerInput, Document, Genesis, Grade, Incarnation};
    use crate::replica::meeting::{entry, hub, key, values, visit};
    use crate::sync::Want;
    use crate::trust::Tip;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);
    const LIFE: Incarnation = Incarnation([1; 16]);

    fn actor(genesis: &Genesis) -> Actor {
        Actor::derive(key(1).device(), genesis.document(), LIFE)
    }

    /// Two answers in a visit, each in a pack.
    fn line(genesis: &Genesis) -> [Vec<u8>; 2] {
        let mut document = Document::create(genesis, &Template::parse(TEA).unwrap().shape());
        let mut previous = None;
        ["first", "later"].map(|value| {
            let answer = AnswerInput {
                grade: Grade::Minor,
                value: Some(value.to_owned()),
                evidence: Vec::new(),
                claimed_at: NOW,
                resolves: false,
            };
            let edited =
                document.edit(actor(genesis), NOW, |editor| editor.answer("1.1", answer)).unwrap();
            let change = edited.1.unwrap();
            let hash = change.facts().hash;
            let pack = Pack::seal(&key(1), genesis.clone(), LIFE, previous, vec![change]).unwrap();
            previous = Some(Tip::after(previous.as_ref(), hash));
            pack.encode()
        })
    }

    #[test]
    fn what_waits_beyond_a_hole_comes_in_with_whichever_part_fills_it() {
        let (hub, device) = (hub(&[1]), key(1).device());
        let mut visits = [1, 2].map(|number| visit("06325", number));
        visits.sort_by_key(Genesis::document);
        let [genesis, other] = visits;
        let ([first, later], [aside, _]) = (line(&genesis), line(&other));
        let want = Want { document: genesis.document(), actor: actor(&genesis), from_seq: 1 };
        hub.note_answered(device, &BTreeSet::from([want])).unwrap();
        hub.accept(device, &[later], NOW).unwrap();
        assert_eq!(hub.waiting().unwrap().causes, [(genesis.document(), 1)]);
        hub.trust(entry(1, "06328")).unwrap();
        hub.accept(device, &[first, aside], NOW).unwrap();
        assert_eq!(hub.status().unwrap().quarantined, 3);
        // So small that each pack is taken in alone: what fills the hole first, another after it.
        hub.record(Fact::Trusted { entry: entry(1, "06325") }).unwrap();
        hub.reconsider_within(device, 1).unwrap();
        hub.merge_all(NOW).unwrap();
        assert_eq!(values(hub.replica(), &other, "1.1"), ["first"]);
        assert_eq!(values(hub.replica(), &genesis, "1.1"), ["first", "later"]);
        assert_eq!(hub.waiting().unwrap().causes, []);
        assert_eq!(hub.status().unwrap().quarantined, 0);
    }
}
