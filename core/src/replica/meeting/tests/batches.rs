//! What a phone does with packs of one line that overlap in the batch which brings them.

use super::snapshots::two_with_a_checklist;
use super::*;
use crate::model::RawChange;
use crate::sync::{FeedItem, Pack};

/// The line of device 5 in a document that only it has, in packs of so many changes, each batch from the beginning.
fn packs(writer: &Side, genesis: &Genesis, ends: &[usize]) -> Vec<FeedItem> {
    let document = writer.replica().load(genesis.document()).unwrap();
    let (actor, ..) = document.tips().remove(0);
    let changes: Vec<RawChange> = document.changes_of(&actor, 1);
    let seal = |end: &usize| {
        let (life, changes) = (Incarnation([writer.number; 16]), changes[..*end].to_vec());
        Pack::seal(&key(writer.number), genesis.clone(), life, None, changes).unwrap()
    };
    ends.iter().map(|end| FeedItem::Pack(seal(end).encode())).collect()
}

#[test]
fn a_shorter_pack_behind_a_longer_one_is_held_although_nothing_is_stored_yet() {
    let (writer, reader) = two_with_a_checklist();
    let genesis = visit("06325", 1);
    for text in ["one", "two", "three"] {
        writer.answer(&genesis, "1.1", text);
    }
    let batch = packs(&writer, &genesis, &[3, 2, 3, 1]);
    let taken = reader.phone.apply(batch, None, Incarnation([7; 16]), NOW).unwrap();
    assert_eq!((taken.recorded, taken.skipped, taken.forked), (1, 0, false));
    assert_eq!(reader.digest(&genesis), writer.digest(&genesis));
    // In another batch they stand to what is stored.
    let batch = packs(&writer, &genesis, &[2, 3, 1]);
    let taken = reader.phone.apply(batch, None, Incarnation([7; 16]), NOW).unwrap();
    assert_eq!((taken.recorded, taken.skipped, taken.forked), (0, 0, false));
}
