//! What a phone does with a snapshot that it cannot take.

use super::*;
use crate::sync::{FeedItem, FeedPosition, Snapshot};
use crate::trust::{Attestation, Tip};

/// Devices 5 and 6, which were given the tea checklist.
pub(super) fn two_with_a_checklist() -> (Side, Side) {
    let sides = (side(5), side(6));
    for side in [&sides.0, &sides.1] {
        let items = vec![FeedItem::Object { bytes: TEA.to_vec() }];
        side.phone.apply(items, None, Incarnation([side.number; 16]), NOW).unwrap();
    }
    sides
}

/// A document that device 5 filled, as a hub hands it to an empty phone.
fn snapshot(from: &Side, genesis: &Genesis) -> Snapshot {
    from.answer(genesis, "1.1", "x");
    let document = from.replica().load(genesis.document()).unwrap();
    let proofs = document.tips().into_iter().filter_map(|(actor, _, _)| {
        let changes = document.changes_of(&actor, 1);
        let tip = changes.iter().fold(None, |tip: Option<Tip>, change| {
            Some(Tip::after(tip.as_ref(), change.facts().hash))
        });
        let life = Incarnation([from.number; 16]);
        Some(Attestation::sign(&key(from.number), life, genesis.document(), tip?))
    });
    Snapshot {
        genesis: genesis.clone(),
        bytes: document.save(),
        attestations: proofs.filter(|proof| proof.tip.seq > 0).collect(),
    }
}

#[test]
fn a_snapshot_that_cannot_be_taken_keeps_no_other_away() {
    let (writer, reader) = two_with_a_checklist();
    let [good, bad, unsigned] = [1, 2, 3].map(|number| visit("06325", number));
    let taken_well = snapshot(&writer, &good);
    let mut torn = snapshot(&writer, &bad);
    torn.bytes.pop();
    let mut forged = snapshot(&writer, &unsigned);
    forged.attestations.clear();
    let position = FeedPosition { epoch: [9; 16], number: 3, chain: [1; 32] };
    let items = [torn, forged, taken_well].map(FeedItem::Snapshot).to_vec();
    let fresh = Incarnation([7; 16]);
    let taken = reader.phone.apply(items, Some(position), fresh, NOW).unwrap();
    assert_eq!((taken.recorded, taken.skipped), (1, 2));
    assert_eq!(reader.digest(&good), writer.digest(&good));
    // The position has not moved, so the next contact compares, and packs are asked for.
    let (start, _) = reader.phone.start(key(99).device(), false, NOW).unwrap();
    assert!(start.position.is_none() && !start.empty, "{start:?}");
}
