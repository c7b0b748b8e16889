//! What one device may use up of what all share: room in a document, and the patience of the hub for
//! what has to be refused. Over it the hub takes in nothing more of that device; what others write is
//! not touched.

use std::collections::BTreeMap;

use super::{Decision, Hub, notice};
use crate::model::{
    DOCUMENT_ACTORS_MAX, DOCUMENT_BYTES_MAX, DOCUMENT_OPS_MAX, DeviceId, DocumentId,
};
use crate::replica::merge::PARKED_PACKS_MAX;
use crate::replica::rows::{self, PARKED, ShareRow};
use crate::store::StoreError;
use crate::sync::{Pack, Verdict};

/// Packs of one device that were refused when they were merged. An honest device has a few in its
/// life, after damage or because it built on what another wrote; one that makes refusals on purpose
/// must not fill the journal with them. A change of its rights opens the door again.
pub(in crate::replica) const REFUSED_PER_DEVICE_MAX: u64 = 1_000;

/// Packs of one device in one document whose causes are missing. Over it the hub takes in nothing
/// more of this device there until the causes come from others: its phone keeps what it has, and a
/// hostile device cannot fill the disk with changes that build on nothing.
const PARKED_PER_DEVICE_MAX: usize = 512;

/// Of a document's limits one device may use this part: a team has four members, and what one of them
/// does leaves the others their room.
const SHARES: u64 = 4;

/// Actors of one device in a document: a tenth of all. A device takes a new one after a restore, a
/// clone or a refusal, which are few in the life of one document.
pub(in crate::replica) const ACTORS_PER_DEVICE_MAX: u64 = DOCUMENT_ACTORS_MAX as u64 / 10;

/// Bytes of changes of one device in a document.
pub(in crate::replica) const BYTES_PER_DEVICE_MAX: u64 = DOCUMENT_BYTES_MAX as u64 / SHARES;

/// Operations of one device in a document.
pub(in crate::replica) const OPS_PER_DEVICE_MAX: u64 = DOCUMENT_OPS_MAX / SHARES;

/// What devices use with the packs of a frame that are not recorded yet. Several sessions of one device
/// at once may pass a share by a frame each.
pub(super) type Shares = BTreeMap<(DocumentId, DeviceId), ShareRow>;

impl Hub {
    /// Lets a pack in only where its device stays within its share and has not been refused too often.
    pub(super) fn within_share(
        &self,
        shares: &mut Shares,
        decision: Decision,
    ) -> Result<Decision, StoreError> {
        let Decision::Take(pack) = &decision else { return Ok(decision) };
        let (document, device) = (pack.document(), pack.device());
        let store = &**self.replica.store();
        let refused = rows::get::<u64>(store, &rows::refused_of(device))?.unwrap_or(0);
        let used = match shares.get(&(document, device)) {
            Some(used) => *used,
            None => rows::get(store, &rows::of_share(document, device))?.unwrap_or_default(),
        };
        let with = used.with(pack);
        let over = with.actors > ACTORS_PER_DEVICE_MAX
            || with.bytes > BYTES_PER_DEVICE_MAX
            || with.ops > OPS_PER_DEVICE_MAX;
        if over || refused >= REFUSED_PER_DEVICE_MAX || self.is_clogged(document, device)? {
            return Ok(over_quota(pack));
        }
        shares.insert((document, device), with);
        Ok(decision)
    }

    /// Returns whether too many packs of a device wait in a document for causes that nobody has
    /// sent. Costs one look where nothing is parked, which is nearly always.
    fn is_clogged(&self, document: DocumentId, device: DeviceId) -> Result<bool, StoreError> {
        let store = self.replica.store();
        let prefix = rows::of_document(PARKED, document);
        if store.scan(&prefix, None, 1)?.is_empty() {
            return Ok(false);
        }
        let mut count = 0;
        for (key, value) in store.scan(&prefix, None, PARKED_PACKS_MAX)? {
            count += usize::from(rows::decode::<DeviceId>(&key, &value)? == device);
        }
        Ok(count >= PARKED_PER_DEVICE_MAX)
    }
}

/// Names a pack that is over a quota of its device.
pub(super) fn over_quota(pack: &Pack) -> Decision {
    Decision::OverQuota(notice(pack, Verdict::OverQuota))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checklist::{TEA, Template};
    use crate::model::{
        Actor, AnswerInput, Document, Genesis, Grade, Incarnation, RawChange, Timestamp,
    };
    use crate::replica::facts::{Fact, PackPlace, Quarantined};
    use crate::replica::feed::CLOSED_PAGE_ROWS;
    use crate::replica::meeting::{entry, hub, key, side, sync, values, visit};
    use crate::sync::{ClosedLine, FeedItem, Notice};

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    fn pack(number: u8, life: u8, genesis: &Genesis, value: &str) -> Pack {
        let (key, life) = (key(number), Incarnation([life; 16]));
        let actor = Actor::derive(key.device(), genesis.document(), life);
        let answer = AnswerInput {
            grade: Grade::Minor,
            value: Some(value.to_owned()),
            evidence: Vec::new(),
            claimed_at: NOW,
            resolves: false,
        };
        let mut document = Document::create(genesis, &Template::parse(TEA).unwrap().shape());
        let edited = document.edit(actor, NOW, |editor| editor.answer("1.1", answer)).unwrap();
        let changes: Vec<RawChange> = edited.1.into_iter().collect();
        Pack::seal(&key, genesis.clone(), life, None, changes).unwrap()
    }

    /// Pushes a pack and returns whether it was signed for.
    fn push(hub: &Hub, pack: &Pack) -> bool {
        let accepted = hub.accept(pack.device(), &[pack.encode()], NOW).unwrap();
        let told: Vec<Verdict> = accepted.declined.iter().map(|notice| notice.verdict).collect();
        let signed = accepted.receipt.is_some();
        assert_eq!(told, if signed { vec![] } else { vec![Verdict::OverQuota] });
        signed
    }

    #[test]
    fn a_device_uses_up_its_share_of_a_documents_actors_and_no_more() {
        let (hub, genesis) = (hub(&[1, 2]), visit("06325", 1));
        let most = u8::try_from(ACTORS_PER_DEVICE_MAX).unwrap();
        for life in 1..=most {
            assert!(push(&hub, &pack(1, life, &genesis, "one")), "life {life}");
        }
        assert!(!push(&hub, &pack(1, most + 1, &genesis, "one")));
        // What it has pushed before is signed for still; others and other records have room.
        assert!(push(&hub, &pack(1, 1, &genesis, "one")));
        assert!(push(&hub, &pack(2, 1, &genesis, "two")));
        assert!(push(&hub, &pack(1, 1, &visit("06325", 2), "elsewhere")));
        hub.merge_all(NOW).unwrap();
        let merged = values(hub.replica(), &genesis, "1.1");
        assert_eq!(merged.len() as u64, ACTORS_PER_DEVICE_MAX + 1);
        assert!(merged.contains(&"two".to_owned()));
    }

    #[test]
    fn one_frame_of_packs_does_not_pass_the_share() {
        let (hub, genesis) = (hub(&[1]), visit("06325", 1));
        let packs: Vec<Vec<u8>> = (1..=u8::try_from(ACTORS_PER_DEVICE_MAX).unwrap() + 5)
            .map(|life| pack(1, life, &genesis, "one").encode())
            .collect();
        let accepted = hub.accept(key(1).device(), &packs, NOW).unwrap();
        assert_eq!(accepted.declined.len(), 5);
        assert_eq!(accepted.receipt.unwrap().items.len() as u64, ACTORS_PER_DEVICE_MAX);
    }

    #[test]
    fn bytes_and_operations_have_a_share_too() {
        let (hub, genesis) = (hub(&[1, 2]), visit("06325", 1));
        let (one, two) = (pack(1, 1, &genesis, "one"), pack(2, 1, &genesis, "two"));
        let own = ShareRow::default().with(&one);
        let full = [
            ShareRow { bytes: BYTES_PER_DEVICE_MAX - own.bytes, ..ShareRow::default() },
            ShareRow { ops: OPS_PER_DEVICE_MAX - own.ops, ..ShareRow::default() },
        ];
        for row in full {
            let name = (genesis.document(), one.device());
            let mut shares = Shares::from([(name, row)]);
            let fits = hub.within_share(&mut shares, Decision::Take(one.clone())).unwrap();
            assert!(matches!(fits, Decision::Take(_)), "{row:?}");
            let over = hub.within_share(&mut shares, Decision::Take(one.clone())).unwrap();
            assert!(matches!(over, Decision::OverQuota(_)), "{row:?}");
            let other = hub.within_share(&mut shares, Decision::Take(two.clone())).unwrap();
            assert!(matches!(other, Decision::Take(_)), "{row:?}");
        }
    }

    #[test]
    fn a_device_that_makes_refusals_is_let_in_no_more_until_its_rights_change() {
        let (hub, genesis) = (hub(&[1, 2]), visit("06325", 1));
        assert!(push(&hub, &pack(1, 1, &genesis, "one")));
        let device = key(1).device();
        let refused = (0..u32::try_from(REFUSED_PER_DEVICE_MAX).unwrap())
            .map(|index| {
                let (document, actor) = (genesis.document(), Actor([7; 16]));
                let (hash, verdict) = (crate::model::ChangeHash([7; 32]), Verdict::Poison);
                let notice = Notice { document, actor, seq: u64::from(index) + 1, hash, verdict };
                let place = PackPlace { at: 1, index };
                (place, Quarantined { device, notice, bytes: Vec::new() })
            })
            .collect();
        let (document, scope) = (genesis.document(), genesis.scope.clone());
        let (merged, parked) = (Vec::new(), Vec::new());
        hub.record(Fact::Merged { document, scope, merged, parked, refused, at: NOW }).unwrap();
        let elsewhere = visit("06325", 2);
        assert!(!push(&hub, &pack(1, 1, &elsewhere, "one")));
        assert!(push(&hub, &pack(2, 1, &elsewhere, "two")));
        let waiting = hub.waiting().unwrap();
        assert_eq!(waiting.set_aside[0].others, REFUSED_PER_DEVICE_MAX, "nobody is told");
        // Its room for other evidence is untouched.
        let aside = rows::get::<u64>(&**hub.replica().store(), &rows::aside_of(device)).unwrap();
        assert_eq!(aside, None);
        for active in [false, true] {
            hub.trust(crate::sync::PlainEntry { active, ..entry(1, "06325") }).unwrap();
        }
        assert!(push(&hub, &pack(1, 1, &elsewhere, "one")));
    }

    #[test]
    fn closed_lines_come_in_pages_and_none_is_left_out() {
        let (hub, genesis) = (hub(&[1, 2]), visit("06325", 1));
        assert!(push(&hub, &pack(1, 1, &genesis, "one")));
        hub.merge_all(NOW).unwrap();
        let (document, scope) = (genesis.document(), genesis.scope.clone());
        let count = 2 * CLOSED_PAGE_ROWS + 7;
        let hash = crate::model::ChangeHash([7; 32]);
        let lines = (0..count)
            .map(|number| {
                let mut actor = [7; 16];
                actor[..8].copy_from_slice(&(number as u64).to_be_bytes());
                ClosedLine {
                    document,
                    actor: Actor(actor),
                    from_seq: 1,
                    culprit: hash,
                    verdict: Verdict::Poison,
                    before: None,
                }
            })
            .collect();
        let changes = vec![(hash, hash)];
        hub.record(Fact::Closed { lines, changes, document, scope, at: NOW }).unwrap();
        let (mut after, mut pages) = (None, Vec::new());
        loop {
            let page = hub.base(&entry(2, "06325").into(), after).unwrap();
            let closed = page.items.iter().filter(|item| matches!(item, FeedItem::Closed(_)));
            pages.push(closed.count());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(pages, [CLOSED_PAGE_ROWS, CLOSED_PAGE_ROWS, 7]);
        let two = side(2);
        sync(&two, &hub);
        assert_eq!(two.phone.replica().closed(document).unwrap().len(), count);
        assert_eq!(two.values(&genesis, "1.1"), ["one"]);
    }
}
