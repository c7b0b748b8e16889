use std::sync::Arc;

use super::*;
use crate::checklist::{TEA, number_year, official_number};
use crate::model::{PersonId, Timestamp};
use crate::replica::meeting::{entry, key, side, sync, visit};
use crate::replica::project::Drafting;
use crate::replica::{HubOptions, Projection};
use crate::store::{MemoryDisk, MemoryStore};
use crate::sync::PlainEntry;
use crate::trust::control::{Act, ChainHead};
use crate::trust::{Grant, Role};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn opened(store: Arc<MemoryStore>, start: u8) -> Arc<Hub> {
    let options = HubOptions { fresh_epoch: [start; 16], now: NOW };
    Arc::new(Hub::open(store, key(99), options).unwrap())
}

fn scope() -> Scope {
    "06325".parse().unwrap()
}

fn person(number: u8) -> PersonId {
    PersonId::of_device(key(number).device())
}

/// What one life of a hub's store entered: a leader, and minutes under these official numbers.
fn life(life: u8, minutes: &[(u8, u64)]) -> Vec<Vec<u8>> {
    let (name, agency) = ("Trưởng đoàn".to_owned(), "Trạm Y tế".to_owned());
    let device = key(3).device();
    let grant = Grant::always(Role::Leader, scope());
    let mut deeds = vec![
        (99, Deed::Certify { device, person: person(3), name, agency }, None),
        (99, Deed::Grant { person: person(3), grant }, None),
    ];
    deeds.extend(minutes.iter().map(|(document, number)| {
        let official = official_number(*number, number_year(NOW), &scope());
        let document = DocumentId([*document; 32]);
        (3, Deed::Seal { document, seal: [life; 32] }, Some(official))
    }));
    let mut head = ChainHead::default();
    let mut entries = Vec::new();
    for (place, (by, deed, official)) in (0_u8..).zip(deeds) {
        let (hub, by) = (key(99).device(), key(by));
        let at = Timestamp(NOW.0 + i64::from(life) * 100 + i64::from(place));
        let nonce = [life ^ (place << 4); 16];
        let act = Act { hub, by: by.device(), scope: scope(), nonce, at, deed }.sign(&by).unwrap();
        let entry =
            ControlEntry::sign(&key(99), ([life; 16], &head), (at, at), act, official).unwrap();
        head = entry.head().unwrap();
        entries.push(entry.encode().unwrap());
    }
    entries
}

#[test]
fn a_number_that_two_lives_gave_is_told_and_the_series_goes_on_above_both() {
    let hub = opened(Arc::new(MemoryStore::new(Arc::new(Projection))), 1);
    // The second life had been set back behind the first minutes, and numbered others anew; one record is
    // registered in both, and has the number of the first.
    hub.take_back(&life(6, &[(11, 1), (13, 2)])).unwrap();
    assert_eq!(hub.double_numbers().unwrap(), []);
    hub.take_back(&life(5, &[(12, 1), (13, 7)])).unwrap();
    let official = official_number(1, number_year(NOW), &scope());
    let documents = vec![DocumentId([11; 32]), DocumentId([12; 32])];
    let double = DoubleNumber { scope: scope(), official, documents };
    assert_eq!(hub.double_numbers().unwrap(), std::slice::from_ref(&double));
    let mut draft = Drafting::new(&**hub.replica().store());
    let last = draft.with(|rows| rows.last_number(&scope(), number_year(NOW))).unwrap();
    assert_eq!(last, 7, "the next is above the highest that came back");
    assert_eq!(hub.replica().numbered(), 1 + 3 + 1, "a series, its numbers, the one given twice");
    // In whatever order they came.
    let other = opened(Arc::new(MemoryStore::new(Arc::new(Projection))), 2);
    other.take_back(&life(5, &[(12, 1), (13, 7)])).unwrap();
    other.take_back(&life(6, &[(11, 1), (13, 2)])).unwrap();
    assert_eq!(other.double_numbers().unwrap(), [double]);
}

#[test]
fn a_decision_that_was_refused_before_its_grant_came_back_is_entered_after_it() {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let hub = opened(store.clone(), 1);
    hub.publish(TEA.to_vec()).unwrap();
    hub.trust(entry(3, "06325")).unwrap();
    let leader = side(3);
    sync(&leader, &hub);
    let copy: MemoryDisk = store.disk().copy_unnoticed();
    hub.trust(PlainEntry { role: Role::Leader, ..entry(3, "06325") }).unwrap();
    sync(&leader, &hub);
    drop(hub);
    let genesis = visit("06325", 1);
    let deed = Deed::Assign { inspection: genesis.document(), persons: vec![person(3)] };
    let (hub, by) = (key(99).device(), key(3));
    let act = Act { hub, by: by.device(), scope: scope(), nonce: [1; 16], at: NOW, deed };
    leader.phone.act(&act.sign(&by).unwrap()).unwrap();
    // The hub is set back to before it made the person a leader.
    let store = Arc::new(MemoryStore::open(&copy, Arc::new(Projection)).unwrap());
    let hub = opened(store, 7);
    for _ in 0..4 {
        sync(&leader, &hub);
    }
    let assigned = hub.replica().assignment(&genesis).unwrap();
    assert_eq!(assigned.map(|assigned| assigned.persons), Some(vec![person(3)]));
    assert_eq!(leader.phone.acting().unwrap(), []);
}

#[test]
fn what_is_refused_for_good_is_asked_again_only_where_rights_may_have_come_back() {
    let hub = opened(Arc::new(MemoryStore::new(Arc::new(Projection))), 1);
    hub.publish(TEA.to_vec()).unwrap();
    hub.trust(entry(3, "06325")).unwrap();
    let one = side(3);
    sync(&one, &hub);
    let deed = Deed::Assign { inspection: DocumentId([5; 32]), persons: vec![person(3)] };
    let (own, by) = (key(99).device(), key(3));
    let act = Act { hub: own, by: by.device(), scope: scope(), nonce: [1; 16], at: NOW, deed };
    one.phone.act(&act.sign(&by).unwrap()).unwrap();
    sync(&one, &hub);
    let refused = |side: &crate::replica::meeting::Side| side.phone.acting().unwrap()[0].refused;
    assert!(refused(&one));
    for _ in 0..3 {
        sync(&one, &hub);
        assert!(refused(&one), "it is not asked again");
    }
    hub.trust(PlainEntry { role: Role::Leader, ..entry(3, "06325") }).unwrap();
    (0..2).for_each(|_| sync(&one, &hub));
    assert_eq!(one.phone.acting().unwrap(), [], "the grant that came allows it");
}
