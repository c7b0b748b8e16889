//! Minutes that no hub registers: refused, given up, given to neighbours, and what places they take.

use super::*;
use crate::replica::hub::sealing::Presented;
use crate::replica::meeting::{once, sync_at};
use crate::trust::control::Whom;

fn later(milliseconds: i64) -> Timestamp {
    Timestamp(NOW.0 + milliseconds)
}

fn revoke(hub: &Hub, number: u8) {
    let whom = Whom::Device(key(number).device());
    hub.operate(vec![("06325".parse().unwrap(), Deed::Revoke { whom, lost_since: None })]).unwrap();
}

/// A leader whose right to seal was withdrawn, with minutes that the hub refused for that.
fn refused() -> (Arc<Hub>, Side, Genesis, SealId) {
    let (hub, [one, ..], genesis) = team();
    one.answer(&genesis, "1.1", "one");
    sync(&one, &hub);
    let id = seal(&one, &genesis);
    hub.trust(entry(1, "06325")).unwrap();
    // The first exchange brings the news, and it is asked once more under the rights that it has now.
    sync(&one, &hub);
    sync(&one, &hub);
    let minutes = one.phone.unregistered().unwrap();
    assert_eq!((minutes.len(), minutes[0].seal, minutes[0].refused), (1, id, true));
    assert!(hub.replica().seal_bytes(id).unwrap().is_none(), "the hub has nothing of it");
    (hub, one, genesis, id)
}

#[test]
fn refused_minutes_keep_the_keys_of_a_revoked_phone_until_they_are_given_up() {
    let (hub, one, genesis, id) = refused();
    assert_eq!(one.phone.undelivered().unwrap(), 1, "refused, and only here");
    revoke(&hub, 1);
    for round in 0..4 {
        once(&one, &hub, (NOW, round), &[]);
    }
    assert!(one.phone.ended().unwrap().is_some());
    assert_eq!(one.phone.undelivered().unwrap(), 1, "no one but this phone has them");
    let act = one.phone.unregistered().unwrap()[0].act;
    one.phone.drop_seal(act, "sealed anew on paper", later(5)).unwrap();
    assert_eq!(one.phone.undelivered().unwrap(), 0);
    // Why and when stay, also where the index is made anew.
    for replica in [one.phone.replica(), &anew(&one)] {
        let minutes = replica.minutes(genesis.document()).unwrap();
        let held = minutes.others.iter().find(|held| held.id == id).unwrap();
        assert_eq!(held.state, SealState::GivenUp);
        assert_eq!(held.given_up, Some(("sealed anew on paper".to_owned(), later(5))));
    }
}

#[test]
fn a_decision_that_the_hub_refused_keeps_the_keys_of_a_revoked_phone_until_it_is_given_up() {
    let (hub, [_, two, _], genesis) = team();
    let deed = Deed::Assign { inspection: genesis.document(), persons: Vec::new() };
    let id = two.phone.act(&act(&two, &genesis, deed)).unwrap();
    sync(&two, &hub);
    assert!(two.phone.acting().unwrap()[0].refused);
    assert_eq!(two.phone.undelivered().unwrap(), 1, "refused, and only here");
    revoke(&hub, 2);
    for round in 0..4 {
        once(&two, &hub, (NOW, round), &[]);
    }
    assert_eq!(two.phone.undelivered().unwrap(), 1);
    two.phone.drop_act(id).unwrap();
    assert_eq!(two.phone.undelivered().unwrap(), 0);
}

#[test]
fn what_was_given_up_is_not_asked_again_and_leaves_the_record_free() {
    let (hub, one, genesis, id) = refused();
    let act = one.phone.unregistered().unwrap()[0].act;
    one.phone.drop_seal(act, "a mistake", later(5)).unwrap();
    assert!(!one.phone.replica().is_sealed(genesis.document()).unwrap());
    // The right comes back.
    hub.trust(leader(1)).unwrap();
    one.phone.record(Fact::AskedAgain).unwrap();
    sync(&one, &hub);
    assert!(one.phone.unregistered().unwrap()[0].given_up.is_some());
    assert!(hub.replica().seal_bytes(id).unwrap().is_none());
    let next = again(&one, &genesis, |statement| statement.at.0 += 9).unwrap();
    one.phone.seal(&SignedAct::decode(&next.0).unwrap(), &Seal::decode(&next.1).unwrap()).unwrap();
    for round in 5..9 {
        once(&one, &hub, (NOW, round), &[]);
        hub.merge_all(NOW).unwrap();
    }
    assert!(hub.replica().registered(&genesis).unwrap().is_some(), "at the hub");
    assert_eq!(standing(one.phone.replica(), &genesis).1, SealState::Registered);
}

#[test]
fn minutes_that_the_hub_let_go_of_are_sent_whole_again_once_the_right_is_back() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    // What the other wrote never enters the record, so the minutes wait.
    revoke(&hub, 2);
    seal(&one, &genesis);
    let waiting = || hub.replica().store().scan(&[SEALING], None, 9).unwrap().len();
    once(&one, &hub, (NOW, 0), &[]);
    once(&one, &hub, (NOW, 1), &[]);
    assert_eq!(waiting(), 1);
    hub.trust(entry(1, "06325")).unwrap();
    hub.merge_all(NOW).unwrap();
    assert_eq!(waiting(), 0, "it gave its place back");
    hub.trust(leader(1)).unwrap();
    for round in 2..5 {
        once(&one, &hub, (NOW, round), &[]);
    }
    assert_eq!(waiting(), 1);
}

#[test]
fn refused_seals_take_no_place_for_good() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    // They name a digest that the record does not have.
    let present = |number: u8, at: Timestamp| {
        let (act, sealed) = again(&one, &genesis, |statement| {
            statement.content = [number; 32];
        })
        .unwrap();
        let presented = hub.present(&act, &sealed, at).unwrap();
        hub.merge_all(at).unwrap();
        presented
    };
    for number in 0..8 {
        assert_eq!(present(number, later(0)), Presented::Kept);
    }
    assert_eq!(hub.replica().store().scan(&[SEALING], None, 9).unwrap().len(), 0, "all refused");
    assert_eq!(present(8, later(1)), Presented::Busy, "a day brings no more");
    let tomorrow = 25 * 60 * 60 * 1_000;
    assert_eq!(present(9, later(tomorrow)), Presented::Kept);
    let (act, sealed) = sign(&one, &genesis);
    let presented =
        hub.present(&act.encode().unwrap(), &sealed.encode().unwrap(), later(tomorrow)).unwrap();
    assert_eq!(presented, Presented::Kept);
    hub.merge_all(later(tomorrow)).unwrap();
    assert!(hub.replica().registered(&genesis).unwrap().is_some());
}

#[test]
fn of_more_minutes_than_one_meeting_brings_all_are_given_in_time() {
    let (hub, [one, two, _], _) = team();
    sync_at(&one, &hub, NOW);
    let count = 2 * SEALS_GIVEN_MAX + 5;
    for number in 1..=u32::try_from(count).unwrap() {
        let genesis = visit("06325", number);
        one.answer(&genesis, "1.1", "one");
        seal(&one, &genesis);
    }
    let peer: DeviceEntry = entry(2, "06325").into();
    let mut given = BTreeSet::new();
    for _ in 0..count.div_ceil(SEALS_GIVEN_MAX) {
        let some = one.phone.seals_for(&peer).unwrap();
        assert_eq!(some.len(), SEALS_GIVEN_MAX);
        given.extend(some);
    }
    assert_eq!(given.len(), count);
    // And so in meetings.
    for _ in 0..count.div_ceil(SEALS_GIVEN_MAX) + 1 {
        meet(&one, &two);
    }
    let held = (1..=u32::try_from(count).unwrap())
        .filter(|number| {
            !two.phone.replica().seals_of(visit("06325", *number).document()).unwrap().is_empty()
        })
        .count();
    assert_eq!(held, count);
}
