//! What is merged into a document at once: as many of its waiting packs as one batch may hold, and as
//! many of its parked ones. What is left follows in the next batch, and other documents and commits
//! come in between.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::Placed;
use crate::model::{DocumentId, TemplateId};
use crate::replica::ReplicaError;
use crate::replica::hub::Hub;
use crate::replica::records::Records;
use crate::replica::rows::{self, PARKED, PENDING};
use crate::sync::Pack;

/// Packs merged into a document at once; more follow in the next batch.
const BATCH_PACKS_MAX: usize = 512;

/// Bytes of packs merged into a document at once: what is read, applied and checked before the hub
/// looks up again. A visit of a team is a tenth of it.
const BATCH_BYTES_MAX: usize = 2 << 20;

/// Operations merged into a document at once. Few bytes may hold many operations, and each is work.
const BATCH_OPS_MAX: u64 = 100_000;

/// What one batch may hold of waiting packs, and once more of parked ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) packs: usize,
    pub(super) bytes: usize,
    pub(super) ops: u64,
}

pub(super) const LIMITS: Limits =
    Limits { packs: BATCH_PACKS_MAX, bytes: BATCH_BYTES_MAX, ops: BATCH_OPS_MAX };

impl Limits {
    /// Takes a pack out of what is left; returns whether it fitted.
    fn spend(&mut self, bytes: usize, pack: &Pack) -> bool {
        let ops = pack.changes().iter().fold(0_u64, |ops, c| ops.saturating_add(c.facts().ops));
        if self.packs == 0 || self.bytes < bytes || self.ops < ops {
            return false;
        }
        self.packs -= 1;
        self.bytes -= bytes;
        self.ops -= ops;
        true
    }
}

/// Documents of which parked packs are still to be looked at, and after which row. It is kept in
/// memory; a start of the hub looks at all.
pub(in crate::replica) type Unseen = Mutex<BTreeMap<DocumentId, Option<Vec<u8>>>>;

/// Some of a document's packs.
pub(super) struct Batch {
    pub(super) packs: Vec<Placed>,
    /// Of them, how many were not parked.
    pub(super) fresh: usize,
    /// All parked packs are among them.
    pub(super) whole: bool,
    /// The row after which parked packs are left.
    pub(super) next: Option<Vec<u8>>,
}

impl Hub {
    /// Reads packs of a document that wait to be merged or for its checklist, and parked ones.
    pub(super) fn batch(
        &self,
        document: DocumentId,
        template: Option<TemplateId>,
        limits: Limits,
    ) -> Result<Batch, ReplicaError> {
        let mut records = self.replica().records_to_merge();
        let mut packs = Vec::new();
        let mut left = limits;
        let pending = rows::of_document(PENDING, document);
        let later = template.map(|name| rows::of_later(name, document));
        for prefix in [pending].into_iter().chain(later) {
            if self.read(&mut records, (&prefix, None), &mut left, &mut packs)?.is_some() {
                break;
            }
        }
        let fresh = packs.len();
        let unseen = self.unseen.lock().map_err(|_| ReplicaError::Interrupted)?;
        let from = unseen.get(&document).cloned().flatten();
        drop(unseen);
        let parked = rows::of_document(PARKED, document);
        let mut left = limits;
        let next = self.read(&mut records, (&parked, from.as_deref()), &mut left, &mut packs)?;
        packs.sort_by_key(|(place, _)| *place);
        Ok(Batch { packs, fresh, whole: from.is_none() && next.is_none(), next })
    }

    /// Reads packs after a row until a limit is reached, but at least one; returns the last row read
    /// where others follow.
    fn read(
        &self,
        records: &mut Records,
        (prefix, after): (&[u8], Option<&[u8]>),
        left: &mut Limits,
        packs: &mut Vec<Placed>,
    ) -> Result<Option<Vec<u8>>, ReplicaError> {
        let store = self.replica().store();
        let rows = store.scan(prefix, after, left.packs + 1)?;
        let (before, mut last) = (packs.len(), after.map(<[u8]>::to_vec));
        for (key, _) in rows {
            let Some(place) = rows::place_in(&key) else { continue };
            let bytes = records.pack(&**store, place)?;
            let pack = Pack::decode(&bytes)?;
            if !left.spend(bytes.len(), &pack) && packs.len() > before {
                return Ok(last);
            }
            packs.push((place, pack));
            last = Some(key);
        }
        Ok(None)
    }

    /// Notes which parked packs are to be looked at again: those behind what was read, or, where the
    /// document changed and not all were among it, all.
    pub(super) fn note_unseen(
        &self,
        document: DocumentId,
        batch: (bool, Option<Vec<u8>>),
        changed: bool,
    ) -> Result<(), ReplicaError> {
        let (whole, next) = batch;
        let mut unseen = self.unseen.lock().map_err(|_| ReplicaError::Interrupted)?;
        if changed && !whole {
            unseen.insert(document, None);
        } else if next.is_some() {
            unseen.insert(document, next);
        } else {
            unseen.remove(&document);
        }
        Ok(())
    }

    /// Looks no more at a document that cannot be opened, until more of it comes or the hub starts again.
    pub(super) fn forget_unseen(&self, document: DocumentId) -> Result<(), ReplicaError> {
        self.unseen.lock().map_err(|_| ReplicaError::Interrupted)?.remove(&document);
        Ok(())
    }

    /// Returns the documents of which parked packs are to be looked at.
    pub(in crate::replica) fn unseen(&self) -> Result<Vec<DocumentId>, ReplicaError> {
        let unseen = self.unseen.lock().map_err(|_| ReplicaError::Interrupted)?;
        Ok(unseen.keys().copied().collect())
    }

    /// Notes all documents with parked packs.
    pub(in crate::replica) fn look_at_parked(&self) -> Result<(), ReplicaError> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.replica().store().scan(&[PARKED], after.as_deref(), 1)?;
            let Some(document) = page.first().and_then(|(key, _)| rows::document_in(key)) else {
                return Ok(());
            };
            self.unseen.lock().map_err(|_| ReplicaError::Interrupted)?.insert(document, None);
            after = Some(rows::behind(rows::of_document(PARKED, document)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Genesis, Incarnation, Timestamp};
    use crate::replica::HubOptions;
    use crate::replica::meeting::{Side, hub, key, side, sync, values, visit};
    use crate::replica::merge::Turn;
    use crate::sync::FeedItem;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    /// What a phone writes, each answer a pack of its own.
    fn written(side: &Side, genesis: &Genesis, count: usize) -> Vec<Vec<u8>> {
        let mut packs = Vec::new();
        for number in 0..count {
            side.answer(genesis, "1.1", &format!("{} {number}", side.number));
            packs.extend(side.phone.release(NOW).unwrap());
        }
        assert_eq!(packs.len(), count);
        packs
    }

    fn push(hub: &Hub, number: u8, packs: &[Vec<u8>]) {
        let accepted = hub.accept(key(number).device(), packs, NOW).unwrap();
        assert_eq!(accepted.receipt.unwrap().items.len(), packs.len());
    }

    #[test]
    fn a_batch_is_limited_in_packs_bytes_and_operations_and_others_come_between() {
        let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
        sync(&one, &hub);
        sync(&two, &hub);
        let packs = written(&one, &visit("06325", 0), 1);
        let ops = Pack::decode(&packs[0]).unwrap().changes()[0].facts().ops;
        let bytes = packs[0].len() * 2;
        let few = [
            Limits { packs: 2, ..LIMITS },
            Limits { bytes, ..LIMITS },
            Limits { ops: 2 * ops, ..LIMITS },
            // One is always taken.
            Limits { packs: 0, bytes: 0, ops: 0 },
        ];
        for (number, limits) in (1..).zip(few) {
            let (genesis, elsewhere) = (visit("06325", number), visit("06325", 100 + number));
            push(&hub, 1, &written(&one, &genesis, 12));
            let (mut merged, mut batches) = (0, 0);
            while merged < 12 {
                let before = hub.head().unwrap().number;
                let report = hub.merge_within(genesis.document(), Turn::at(NOW), limits).unwrap();
                assert!((1..=4).contains(&report.merged), "{limits:?}: {}", report.merged);
                assert_eq!(hub.head().unwrap().number, before + report.merged as u64);
                merged += report.merged;
                batches += 1;
                if batches == 1 {
                    // Another's work does not wait for the rest.
                    push(&hub, 2, &written(&two, &elsewhere, 1));
                    hub.merge_within(elsewhere.document(), Turn::at(NOW), limits).unwrap();
                    assert_eq!(values(hub.replica(), &elsewhere, "1.1"), ["2 0"]);
                }
            }
            assert_eq!(values(hub.replica(), &genesis, "1.1").len(), 12);
        }
        assert_eq!(hub.merge_all(NOW).unwrap(), 0);
    }

    /// A hub with packs of one phone that build on a change of another, which is not there; and it.
    fn parked(count: usize) -> (std::sync::Arc<Hub>, Genesis, Vec<Vec<u8>>) {
        let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
        sync(&one, &hub);
        sync(&two, &hub);
        let genesis = visit("06325", 1);
        let cause = written(&one, &genesis, 1);
        let items = cause.iter().cloned().map(FeedItem::Pack).collect();
        two.phone.apply(items, None, Incarnation([5; 16]), NOW).unwrap();
        push(&hub, 2, &written(&two, &genesis, count));
        hub.merge_all(NOW).unwrap();
        assert_eq!(hub.status().unwrap().waiting, count as u64);
        (hub, genesis, cause)
    }

    #[test]
    fn parked_packs_that_do_not_fit_one_batch_enter_when_their_cause_has_come() {
        let (hub, genesis, cause) = parked(10);
        push(&hub, 1, &cause);
        let few = Limits { packs: 2, ..LIMITS };
        let mut merged = hub.merge_within(genesis.document(), Turn::at(NOW), few).unwrap().merged;
        assert!(merged < 11, "the batch had no limit");
        while let Some(document) = hub.unseen().unwrap().first() {
            merged += hub.merge_within(*document, Turn::at(NOW), few).unwrap().merged;
        }
        assert_eq!((merged, hub.status().unwrap().waiting), (11, 0));
        assert_eq!(values(hub.replica(), &genesis, "1.1").len(), 11);
    }

    #[test]
    fn what_was_left_of_them_enters_after_a_restart() {
        let (hub, genesis, cause) = parked(10);
        push(&hub, 1, &cause);
        hub.merge_within(genesis.document(), Turn::at(NOW), Limits { packs: 2, ..LIMITS }).unwrap();
        assert!(hub.status().unwrap().waiting > 0);
        let options = HubOptions { fresh_epoch: [98; 16], now: NOW };
        let again = Hub::open(hub.replica().store().clone(), key(99), options).unwrap();
        again.merge_all(NOW).unwrap();
        assert_eq!(again.status().unwrap().waiting, 0);
        assert_eq!(values(again.replica(), &genesis, "1.1").len(), 11);
    }

    #[test]
    fn looking_at_parked_packs_in_vain_is_not_recorded() {
        let (hub, ..) = parked(3);
        let store = hub.replica().store().clone();
        hub.look_at_parked().unwrap();
        let before = store.position();
        hub.merge_all(NOW).unwrap();
        assert_eq!((store.position(), hub.unseen().unwrap()), (before, vec![]));
    }
}
