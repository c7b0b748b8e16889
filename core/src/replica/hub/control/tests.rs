use std::sync::Arc;

use super::*;
use crate::checklist::TEA;
use crate::replica::meeting::{Side, entry, hub, key, side, sync, sync_at, values, visit};
use crate::replica::rows::{CONTROL, ControlRow};
use crate::replica::{HubOptions, Projection};
use crate::store::{MemoryDisk, MemoryStore};
use crate::sync::Role;
use crate::trust::Grant;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn later(millis: i64) -> Timestamp {
    Timestamp(NOW.0 + millis)
}

fn scope(code: &str) -> Scope {
    code.parse().unwrap()
}

fn person(number: u8) -> PersonId {
    PersonId::of_device(key(number).device())
}

fn act(by: u8, unit: &str, nonce: u8, deed: Deed) -> SignedAct {
    let (hub, by) = (key(99).device(), key(by));
    let (nonce, scope) = ([nonce; 16], scope(unit));
    Act { hub, by: by.device(), scope, nonce, at: NOW, deed }.sign(&by).unwrap()
}

fn certify(number: u8) -> Deed {
    let (name, agency) = (format!("Máy {number}"), "Trạm Y tế".to_owned());
    Deed::Certify { device: key(number).device(), person: person(number), name, agency }
}

fn trust(hub: &Hub, number: u8, role: Role, unit: &str) {
    hub.trust(PlainEntry { role, ..entry(number, unit) }).unwrap();
}

fn opened(store: Arc<MemoryStore>, start: u8) -> Arc<Hub> {
    let options = HubOptions { fresh_epoch: [start; 16], now: NOW };
    Arc::new(Hub::open(store, key(99), options).unwrap())
}

fn new_store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(Projection)))
}

fn entries(hub: &Hub) -> Vec<Vec<u8>> {
    let rows = hub.replica.store().scan(&[CONTROL], None, usize::MAX).unwrap();
    rows.iter().map(|(key, value)| rows::decode::<ControlRow>(key, value).unwrap().bytes).collect()
}

fn active(side: &Side, number: u8) -> Option<bool> {
    side.phone.replica().device(key(number).device()).unwrap().map(|entry| entry.active)
}

#[test]
fn work_of_somebody_who_is_assigned_later_enters_the_record() {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    trust(&hub, 3, Role::Leader, "06325");
    let genesis = visit("06325", 1);
    let inspection = genesis.document();
    let assign = |nonce, persons: &[u8]| {
        let mut persons: Vec<_> = persons.iter().map(|number| person(*number)).collect();
        persons.sort_unstable();
        act(3, "06325", nonce, Deed::Assign { inspection, persons })
    };
    [&one, &two].into_iter().for_each(|side| sync(side, &hub));
    hub.enter(vec![assign(1, &[1])], NOW).unwrap();
    one.answer(&genesis, "1.1", "one");
    two.answer(&genesis, "1.1", "two");
    [&one, &two].into_iter().for_each(|side| sync(side, &hub));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one"], "the second is not assigned");
    hub.enter(vec![assign(2, &[1, 2])], NOW).unwrap();
    hub.merge_all(NOW).unwrap();
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one", "two"]);
}

#[test]
fn what_a_revoked_administrator_gave_ends_when_a_phone_brings_the_revocation_back() {
    let before = opened(new_store(), 1);
    trust(&before, 4, Role::Admin, "20");
    let whom = Whom::Device(key(4).device());
    before.operate(vec![(scope("20"), Deed::Revoke { whom, lost_since: None })]).unwrap();
    // The disk is lost; the operator, or the thief with the phone, begins anew.
    let store = new_store();
    let hub = opened(store.clone(), 2);
    hub.told.store(later(1_000).0, Ordering::Relaxed);
    trust(&hub, 4, Role::Admin, "20");
    let grant = Grant::always(Role::Inspector, scope("06325"));
    let given = Deed::Grant { person: person(5), grant };
    let acts = [certify(5), given].map(|deed| act(4, "06325", 1, deed)).to_vec();
    hub.enter(acts, later(2_000)).unwrap();
    assert!(hub.knows_device(key(5).device()));
    let taken = hub.take_back(&entries(&before)).unwrap();
    assert_eq!(taken, TakenBack { found: true, whole: true, strange: 0 });
    for number in [4, 5] {
        let device = key(number).device();
        assert!(!hub.knows_device(device), "device {number}");
        assert!(!hub.replica.device(device).unwrap().unwrap().active, "device {number}");
    }
    drop(hub);
    let again = opened(store, 3);
    assert!(!again.knows_device(key(5).device()), "the hub's own key gives it nothing");
}

#[test]
fn decisions_are_entered_in_the_order_in_which_they_were_made() {
    let (hub, leader) = (hub(&[1, 2]), side(3));
    trust(&hub, 3, Role::Leader, "06325");
    sync(&leader, &hub);
    let visits = [1, 2, 3, 4].map(|number| visit("06325", number));
    for (nonce, person) in [(1, person(1)), (2, person(2))] {
        for genesis in &visits {
            let deed = Deed::Assign { inspection: genesis.document(), persons: vec![person] };
            leader.phone.act(&act(3, "06325", nonce, deed)).unwrap();
        }
    }
    (0..2).for_each(|_| sync(&leader, &hub));
    for genesis in &visits {
        let assigned = hub.replica.assignment(genesis).unwrap().unwrap();
        assert_eq!(assigned.persons, [person(2)]);
    }
    assert_eq!(leader.phone.acting().unwrap(), []);
}

#[test]
fn a_decision_that_the_hub_refuses_is_told_and_holds_up_no_other() {
    let (hub, leader) = (hub(&[1]), side(3));
    trust(&hub, 3, Role::Leader, "06325");
    sync(&leader, &hub);
    let assign = |unit: &str, number| {
        let inspection = visit(unit, number).document();
        let deed = Deed::Assign { inspection, persons: vec![person(1)] };
        leader.phone.act(&act(3, unit, 1, deed)).unwrap();
    };
    (0..8).for_each(|number| assign("06337", number));
    assign("06325", 1);
    let genesis = visit("06325", 1);
    (0..3).for_each(|_| sync(&leader, &hub));
    assert!(hub.replica.assignment(&genesis).unwrap().is_some());
    let left = leader.phone.acting().unwrap();
    assert_eq!(left.iter().map(|acting| acting.refused).collect::<Vec<_>>(), [true; 8]);
    leader.phone.drop_act(left[0].id).unwrap();
    assert_eq!(leader.phone.acting().unwrap().len(), 7);
}

#[test]
fn a_grant_that_begins_later_brings_all_that_was_there_before() {
    let (hub, one, two) = (hub(&[2]), side(1), side(2));
    let from = Some(later(5_000));
    let grant = Grant { from, ..Grant::always(Role::Inspector, scope("06325")) };
    let deeds = vec![
        (scope("06325"), certify(1)),
        (scope("06325"), Deed::Grant { person: person(1), grant }),
    ];
    hub.operate(deeds).unwrap();
    let genesis = visit("06325", 1);
    [&one, &two].into_iter().for_each(|side| sync(side, &hub));
    two.answer(&genesis, "1.1", "two");
    [&two, &one].into_iter().for_each(|side| sync(side, &hub));
    assert_eq!(active(&one, 1), Some(true), "its own right is known before it begins");
    assert!(one.phone.replica().summary(genesis.document()).unwrap().is_none());
    sync_at(&one, &hub, later(6_000));
    assert_eq!(one.values(&genesis, "1.1"), ["two"]);
    assert!(active(&one, 2).is_some());
}

#[test]
fn a_phone_that_was_pointed_at_another_hub_and_back_learns_of_a_revocation() {
    let (hub, one) = (hub(&[1, 2]), side(1));
    sync(&one, &hub);
    assert_eq!(active(&one, 2), Some(true));
    one.phone.pin(key(98).device(), NOW).unwrap();
    assert_eq!(active(&one, 2), None, "another hub's word on devices does not count");
    let whom = Whom::Device(key(2).device());
    hub.operate(vec![(scope("06325"), Deed::Revoke { whom, lost_since: None })]).unwrap();
    sync(&one, &hub);
    assert_eq!(active(&one, 2), Some(false));
}

#[test]
fn a_hub_that_was_set_back_unnoticed_is_reminded_of_a_revocation() {
    let store = new_store();
    let hub = opened(store.clone(), 1);
    hub.publish(TEA.to_vec()).unwrap();
    for number in [1, 2, 3] {
        hub.trust(entry(number, "06325")).unwrap();
    }
    let one = side(1);
    sync(&one, &hub);
    let copy: MemoryDisk = store.disk().copy_unnoticed();
    let whom = Whom::Device(key(2).device());
    hub.operate(vec![(scope("06325"), Deed::Revoke { whom, lost_since: None })]).unwrap();
    sync(&one, &hub);
    drop(hub);
    // Started from the copy, and something else is decided in that place.
    let store = Arc::new(MemoryStore::open(&copy, Arc::new(Projection)).unwrap());
    let hub = opened(store, 7);
    let whom = Whom::Device(key(3).device());
    hub.operate(vec![(scope("06325"), Deed::Revoke { whom, lost_since: None })]).unwrap();
    (0..2).for_each(|_| sync(&one, &hub));
    for number in [2, 3] {
        assert!(!hub.knows_device(key(number).device()), "device {number}");
        assert_eq!(active(&one, number), Some(false), "device {number}");
    }
}

#[test]
fn a_hub_that_was_set_back_gets_a_right_back_that_was_given_since_from_a_phone_of_the_unit() {
    let store = new_store();
    let hub = opened(store.clone(), 1);
    hub.publish(TEA.to_vec()).unwrap();
    for number in [1, 2] {
        hub.trust(entry(number, if number == 1 { "06325" } else { "06337" })).unwrap();
    }
    let (here, elsewhere) = (side(1), side(2));
    sync(&here, &hub);
    sync(&elsewhere, &hub);
    let copy: MemoryDisk = store.disk().copy();
    hub.trust(entry(3, "06325")).unwrap();
    sync(&here, &hub);
    sync(&elsewhere, &hub);
    drop(hub);
    let store = Arc::new(MemoryStore::open(&copy, Arc::new(Projection)).unwrap());
    let hub = opened(store, 7);
    let known = || hub.knows_device(key(3).device());
    assert!(!known(), "until somebody brings it the hub knows what the copy knows");
    // Who reads another unit was never told of it.
    (0..2).for_each(|_| sync(&elsewhere, &hub));
    assert!(!known());
    (0..2).for_each(|_| sync(&here, &hub));
    assert!(known());
}

#[test]
fn a_phone_that_was_away_learns_that_it_may_do_less_and_nothing_that_came_after() {
    let (hub, one) = (hub(&[]), side(1));
    let wide = PlainEntry { scopes: vec![scope("06325"), scope("06337")], ..entry(1, "06325") };
    hub.trust(wide).unwrap();
    sync(&one, &hub);
    let own = |side: &Side| side.phone.replica().device(key(1).device()).unwrap().unwrap().scopes();
    assert_eq!(own(&one), [scope("06325"), scope("06337")]);
    hub.trust(entry(1, "06337")).unwrap();
    hub.trust(entry(3, "06325")).unwrap();
    sync(&one, &hub);
    assert_eq!(own(&one), [scope("06337")]);
    assert_eq!(active(&one, 3), None, "that unit is none of its business any more");
    // A phone that begins anew learns the same.
    let anew = side(1);
    sync(&anew, &hub);
    assert_eq!(own(&anew), [scope("06337")]);
    assert_eq!(active(&anew, 3), None);
}
