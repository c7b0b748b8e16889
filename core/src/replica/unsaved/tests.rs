use std::sync::Arc;

use super::*;
use crate::model::Incarnation;
use crate::replica::Projection;
use crate::replica::facts::{Renewal, Trouble};
use crate::replica::meeting::{Side, hub, side, sync, visit};
use crate::store::{MemoryStore, Read, Row, Store};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// Packs of the document, each of one answer.
const PACKS: usize = 20;

fn worked() -> (Side, Left) {
    let (one, hub) = (side(1), hub(&[1]));
    sync(&one, &hub);
    for count in 0..PACKS {
        one.answer(&visit("06325", 1), "1.1", &count.to_string());
        sync(&one, &hub);
    }
    let left = one.phone.replica().left_of(visit("06325", 1).document()).unwrap();
    assert!(left.kept.len() >= PACKS && left.packs.is_empty());
    (one, left)
}

/// Returns the rows of a copy of a store to which such records came, but for the one that counts all records.
fn rows_after(one: &Side, facts: &[Fact]) -> Vec<Row> {
    let disk = one.store.disk().copy_unnoticed();
    let store = MemoryStore::open(&disk, Arc::new(Projection)).unwrap();
    store.commit(facts.iter().map(|fact| fact.record().unwrap()).collect()).unwrap();
    let live = store.scan(&[], None, usize::MAX).unwrap();
    store.power_cut(false).unwrap();
    assert!(store.scan(&[], None, usize::MAX).unwrap() == live, "a rebuild comes to the same");
    let counts = rows::single(rows::meta::BEFORE);
    live.into_iter().filter(|(key, _)| *key != counts).collect()
}

#[test]
fn what_is_left_of_a_long_document_comes_to_the_same_rows_in_many_records_as_in_one() {
    let (one, whole) = worked();
    let document = visit("06325", 1).document();
    for gone in [vec![], vec![3], vec![0, 1, 2, 3, 4, 5, 6], vec![19], vec![4, 5, 17]] {
        let mut left = Left::default();
        for (at, pack) in whole.kept.iter().enumerate() {
            if gone.contains(&at) { left.packs.push(pack.place) } else { left.kept.push(*pack) }
        }
        let all = left.facts(document, NOW, usize::MAX);
        assert_eq!(all.len(), 1);
        let expected = rows_after(&one, &all);
        for most in [1, 2, 3, 7] {
            let facts = left.facts(document, NOW, most);
            let (mut kept_begun, mut named) = (false, (0, 0));
            for fact in &facts {
                let Fact::Unsaved { packs, changes, kept, .. } = fact else { panic!("{fact:?}") };
                assert!(packs.len().max(changes.len()).max(kept.len()) <= most);
                assert!(!kept_begun || packs.is_empty(), "what is gone comes first");
                kept_begun |= !kept.is_empty();
                named = (named.0 + packs.len(), named.1 + kept.len());
            }
            assert_eq!(named, (left.packs.len(), left.kept.len()));
            let rows = rows_after(&one, &facts);
            let other: Vec<_> = rows.iter().filter(|row| !expected.contains(row)).collect();
            assert!(rows == expected, "{gone:?} gone, {most} in a record: {other:?}");
        }
    }
}

#[test]
fn a_renewal_that_was_cut_off_is_looked_for_again_and_told_once() {
    let (one, left) = worked();
    let (document, at) = (visit("06325", 1).document(), NOW);
    let facts = left.facts(document, NOW, 7);
    let disk = one.store.disk().copy_unnoticed();
    let opened = || Replica::new(Arc::new(MemoryStore::open(&disk, Arc::new(Projection)).unwrap()));
    let (incarnation, why) = (Incarnation([9; 16]), Renewal::Moved);
    let renewal = [
        Fact::Incarnated { incarnation, why, lost: 0, at },
        Fact::Troubled { trouble: Trouble::default(), at },
    ];
    let replica = opened();
    assert_eq!(replica.disturbed().unwrap(), None);
    let before = replica.owner().unwrap().unwrap().incarnation;
    let mut renewing = Renewing { replica: &replica, renewal: &renewal, begun: false };
    renewing.record_before(&facts[..1]).unwrap();
    renewing.record_before(&facts[1..2]).unwrap();
    assert_eq!(replica.owner().unwrap().unwrap().incarnation, before);
    drop(replica);
    let replica = opened();
    assert_eq!(replica.disturbed().unwrap(), Some(0), "it is under way");
    let mut renewing = Renewing { replica: &replica, renewal: &renewal[..1], begun: false };
    renewing.record_last(&facts).unwrap();
    assert_eq!(replica.disturbed().unwrap(), None);
    assert_eq!(replica.owner().unwrap().unwrap().incarnation, incarnation);
    assert_eq!(replica.store().scan(&[rows::TROUBLE], None, 9).unwrap().len(), 1);
    drop(replica);
    assert_eq!(opened().disturbed().unwrap(), None);
}
