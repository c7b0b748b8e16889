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
    let id = seal(&one, &genesis);
    let waiting = || hub.replica().store().scan(&[SEALING], None, 9).unwrap().len();
    once(&one, &hub, (NOW, 0), &[]);
    once(&one, &hub, (NOW, 1), &[]);
    assert_eq!(waiting(), 1);
    hub.trust(entry(1, "06325")).unwrap();
    hub.merge_all(NOW).unwrap();
    assert_eq!(waiting(), 0, "it gave its place back");
    assert_eq!(hub.replica().seals_of(genesis.document()).unwrap().len(), 0, "and its bytes");
    assert_eq!(hub.replica().seal_bytes(id).unwrap(), None);
    hub.trust(leader(1)).unwrap();
    for round in 2..5 {
        once(&one, &hub, (NOW, round), &[]);
    }
    assert_eq!(waiting(), 1);
}

#[test]
fn minutes_whose_leader_was_revoked_while_they_waited_stay_at_the_hub_and_are_named() {
    let (hub, [one, two, three], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    // They wait for what the other wrote.
    revoke(&hub, 2);
    let id = seal(&one, &genesis);
    once(&one, &hub, (NOW, 0), &[]);
    once(&one, &hub, (NOW, 1), &[]);
    let waiting = || hub.replica().store().scan(&[SEALING], None, 9).unwrap().len();
    assert_eq!(waiting(), 1);
    revoke(&hub, 1);
    hub.merge_all(NOW).unwrap();
    assert_eq!(waiting(), 0, "they take no place of others");
    for round in 2..6 {
        once(&one, &hub, (NOW, round), &[]);
    }
    assert!(one.phone.ended().unwrap().is_some());
    assert_eq!(one.phone.undelivered().unwrap(), 0, "its keys may go: they are at the hub");
    assert!(hub.replica().seal_bytes(id).unwrap().is_some());
    let named = hub.seals_waiting(later(1)).unwrap().seals;
    assert_eq!((named.len(), named[0].seal, named[0].since), (1, id, Some(NOW)));
    assert_eq!(named[0].wait, crate::sync::SealWait::Rights);
    // What still can be registered is named before it.
    let other = visit("06325", 2);
    three.answer(&other, "1.1", "three");
    let (act, sealed) = sign(&three, &other);
    hub.present(&act.encode().unwrap(), &sealed.encode().unwrap(), later(9)).unwrap();
    let named = hub.seals_waiting(later(9)).unwrap().seals;
    assert_eq!(named.iter().map(|one| one.seal).collect::<Vec<_>>(), [sealed.id().unwrap(), id]);
}

#[test]
fn of_minutes_that_never_will_be_registered_the_latest_are_named_until_they_were_seen() {
    let (hub, [one, two, three], _) = team();
    hub.trust(leader(2)).unwrap();
    // Nothing of what they are about is at the hub, so they wait.
    let present = |side: &Side, number: u32| {
        let genesis = visit("06325", number);
        side.answer(&genesis, "1.1", "here");
        let (act, sealed) = sign(side, &genesis);
        hub.present(&act.encode().unwrap(), &sealed.encode().unwrap(), NOW).unwrap();
        sealed.id().unwrap()
    };
    let named = || {
        let waiting = hub.seals_waiting(later(9)).unwrap();
        (waiting.seals.iter().map(|one| one.seal).collect::<Vec<_>>(), waiting.more)
    };
    let of_one: Vec<_> = (10..43).map(|number| present(&one, number)).collect();
    revoke(&hub, 1);
    hub.merge_all(later(1)).unwrap();
    let latest = present(&three, 50);
    revoke(&hub, 3);
    hub.merge_all(later(2)).unwrap();
    let (first, more) = named();
    assert_eq!((first.len(), first[0], more), (32, latest, true), "the latest stands first");
    // What waits is named besides, and takes no place of theirs.
    let waits: Vec<_> = (60..93).map(|number| present(&two, number)).collect();
    let (beside, more) = named();
    assert_eq!((beside.len(), &beside[32..], more), (64, &first[..], true));
    assert!(beside[..32].iter().all(|seal| waits.contains(seal)));
    // Only what was shown is said to have been seen, and what waits never is.
    hub.see_seals(&beside, later(3)).unwrap();
    let (second, _) = named();
    let rest: Vec<_> = of_one.iter().filter(|seal| !first.contains(seal)).copied().collect();
    assert_eq!((second.len(), rest.len()), (34, 2));
    assert_eq!(second[..32], beside[..32]);
    assert!(rest.iter().all(|seal| second.contains(seal)));
    hub.see_seals(&second, later(4)).unwrap();
    assert_eq!(named().0, beside[..32]);
    // They are kept all the same, and their phone need not keep them.
    for seal in of_one.iter().chain([&latest]) {
        assert!(hub.replica().seal_bytes(*seal).unwrap().is_some());
    }
    let position = hub.replica().store().position();
    hub.see_seals(&of_one, later(5)).unwrap();
    assert_eq!(hub.replica().store().position(), position, "nothing new was said");
}

#[test]
fn a_revoked_leader_learns_that_the_hub_let_go_of_minutes_and_keeps_the_keys_for_them() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    meet(&one, &two);
    // What the other wrote never enters the record, so the minutes wait.
    revoke(&hub, 2);
    seal(&one, &genesis);
    once(&one, &hub, (NOW, 0), &[]);
    once(&one, &hub, (NOW, 1), &[]);
    assert!(one.phone.unregistered().unwrap()[0].kept);
    assert_eq!(one.phone.undelivered().unwrap(), 0, "they are the hub's to keep");
    // Its right may come back, so the hub lets go; then it is ended for good.
    hub.trust(entry(1, "06325")).unwrap();
    hub.merge_all(NOW).unwrap();
    assert_eq!(hub.replica().store().scan(&[SEALING], None, 9).unwrap().len(), 0, "let go of");
    revoke(&hub, 1);
    for round in 2..6 {
        once(&one, &hub, (NOW, round), &[]);
    }
    assert!(one.phone.ended().unwrap().is_some());
    let minutes = one.phone.unregistered().unwrap();
    assert_eq!((minutes.len(), minutes[0].kept, minutes[0].refused), (1, false, false));
    assert_eq!(one.phone.undelivered().unwrap(), 1, "no one but this phone has them");
    one.phone.drop_seal(minutes[0].act, "on paper", later(5)).unwrap();
    assert_eq!(one.phone.undelivered().unwrap(), 0);
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

#[test]
fn each_neighbour_is_given_all_in_time_when_several_are_met_in_turn() {
    let (hub, [one, ..], _) = team();
    sync_at(&one, &hub, NOW);
    let count = 2 * SEALS_GIVEN_MAX + 5;
    for number in 1..=u32::try_from(count).unwrap() {
        let genesis = visit("06325", number);
        one.answer(&genesis, "1.1", "one");
        seal(&one, &genesis);
    }
    let peers: [DeviceEntry; 2] = [2, 4].map(|number| entry(number, "06325").into());
    let mut given = [BTreeSet::new(), BTreeSet::new()];
    for _ in 0..count.div_ceil(SEALS_GIVEN_MAX) {
        for (peer, given) in peers.iter().zip(&mut given) {
            given.extend(one.phone.seals_for(peer).unwrap());
        }
    }
    assert_eq!(given.map(|given| given.len()), [count; 2]);
}

#[test]
fn minutes_that_the_hub_keeps_are_not_given_up() {
    let hub = hub(&[]);
    hub.trust(PlainEntry { role: Role::Leader, ..entry(1, "20") }).unwrap();
    let (one, genesis) = (side(1), visit("06325", 1));
    sync(&one, &hub);
    one.answer(&genesis, "1.1", "one");
    sync(&one, &hub);
    let id = seal(&one, &genesis);
    // The exchange ends once the hub has said that it keeps them.
    let (act, row, bytes) = one.phone.sealing().unwrap().remove(0);
    assert_eq!(hub.present(&row.act, &bytes, NOW).unwrap(), Presented::Kept);
    let epoch = one.phone.hub_life().unwrap().unwrap();
    one.phone.record(Fact::SealAnswered { act, epoch, refused: false }).unwrap();
    hub.merge_all(NOW).unwrap();
    assert!(hub.replica().registered(&genesis).unwrap().is_some());
    let whom = Whom::Device(key(1).device());
    hub.operate(vec![("20".parse().unwrap(), Deed::Revoke { whom, lost_since: None })]).unwrap();
    for round in 1..5 {
        once(&one, &hub, (NOW, round), &[]);
    }
    assert!(one.phone.ended().unwrap().is_some());
    // The log in which they are registered does not come here any more.
    let minutes = one.phone.unregistered().unwrap();
    assert_eq!((minutes.len(), minutes[0].seal), (1, id));
    assert!(minutes[0].kept && !minutes[0].refused);
    let dropped = one.phone.drop_seal(minutes[0].act, "a mistake", later(5));
    assert!(matches!(dropped, Err(ReplicaError::SealKept { .. })), "{dropped:?}");
    assert_eq!(one.phone.unregistered().unwrap()[0].given_up, None);
    assert_eq!(one.phone.undelivered().unwrap(), 0);
}

#[test]
fn what_was_given_up_and_is_registered_by_a_carrier_is_given_up_no_more() {
    let (hub, [one, two, _], genesis) = team();
    one.answer(&genesis, "1.1", "one");
    sync(&one, &hub);
    let id = seal(&one, &genesis);
    meet(&one, &two);
    hub.trust(entry(1, "06325")).unwrap();
    sync(&one, &hub);
    sync(&one, &hub);
    let act = one.phone.unregistered().unwrap()[0].act;
    one.phone.drop_seal(act, "sealed anew on paper", later(5)).unwrap();
    assert!(one.phone.unregistered().unwrap()[0].given_up.is_some());
    hub.trust(leader(1)).unwrap();
    for round in 0..3 {
        once(&two, &hub, (NOW, round), &[]);
        hub.merge_all(NOW).unwrap();
    }
    assert_eq!(standing(hub.replica(), &genesis).0, id, "the other brought it");
    sync(&one, &hub);
    assert_eq!(standing(one.phone.replica(), &genesis).1, SealState::Registered);
    assert_eq!(one.phone.unregistered().unwrap(), []);
    let refused = |replica: &Replica| replica.store().scan(&[SEAL_REFUSED], None, 9).unwrap().len();
    assert_eq!((refused(one.phone.replica()), refused(&anew(&one))), (0, 0));
}

#[test]
fn minutes_and_decisions_are_counted_apart_from_what_an_exchange_brings() {
    let (_, one, genesis, _) = refused();
    let counts = || (one.phone.undelivered().unwrap(), one.phone.unentered().unwrap());
    assert_eq!(counts(), (1, 1));
    one.answer(&genesis, "1.2", "typed");
    assert_eq!(counts(), (2, 1));
    let deed = Deed::Assign { inspection: genesis.document(), persons: Vec::new() };
    let decision = one.phone.act(&act(&one, &genesis, deed)).unwrap();
    assert_eq!(counts(), (3, 2));
    one.phone.drop_act(decision).unwrap();
    let minutes = one.phone.unregistered().unwrap()[0].act;
    one.phone.drop_seal(minutes, "sealed anew on paper", later(5)).unwrap();
    assert_eq!(counts(), (1, 0));
}

#[test]
fn a_reason_is_cleaned_and_has_a_limit() {
    use crate::model::{EditError, FIELD_CHARS_MAX};
    let (_, one, genesis, _) = refused();
    let act = one.phone.unregistered().unwrap()[0].act;
    let long = "x".repeat(FIELD_CHARS_MAX + 1);
    let error = one.phone.drop_seal(act, &long, later(5)).unwrap_err();
    let ReplicaError::Edit(error) = error else { panic!("{error}") };
    assert!(matches!(*error, EditError::TooLong { limit: FIELD_CHARS_MAX, .. }), "{error}");
    assert!(one.phone.drop_seal(act, " ", later(5)).is_err());
    assert_eq!(one.phone.unregistered().unwrap()[0].given_up, None);
    one.phone.drop_seal(act, "a\u{1b}[2J\r\nb", later(5)).unwrap();
    let minutes = one.phone.replica().minutes(genesis.document()).unwrap();
    let given_up = minutes.others[0].given_up.clone().unwrap();
    assert_eq!(given_up, ("a\u{FFFD}[2J\nb".to_owned(), later(5)));
}

const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Presents seals of one record that do not hold against it, one after the other, and has each looked at.
fn present_wrong(hub: &Hub, one: &Side, genesis: &Genesis, number: u8, at: Timestamp) -> Presented {
    let (act, sealed) = again(one, genesis, |statement| statement.content = [number; 32]).unwrap();
    let presented = hub.present(&act, &sealed, at).unwrap();
    hub.merge_all(at).unwrap();
    presented
}

#[test]
fn what_was_refused_while_the_clock_was_ahead_takes_no_place() {
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    for number in 0..8 {
        let presented = present_wrong(&hub, &one, &genesis, number, later(900 * DAY));
        assert_eq!(presented, Presented::Kept);
    }
    // The clock is right again.
    assert_eq!(present_wrong(&hub, &one, &genesis, 8, later(2 * DAY)), Presented::Kept);
}

#[test]
fn of_what_a_hub_refused_it_remembers_the_newest() {
    use crate::replica::project::REFUSED_KEPT_MAX;
    let (hub, [one, two, _], genesis) = team();
    two.answer(&genesis, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    let (act, sealed) = sign(&one, &genesis);
    hub.present(&act.encode().unwrap(), &sealed.encode().unwrap(), NOW).unwrap();
    hub.merge_all(NOW).unwrap();
    assert!(hub.replica().registered(&genesis).unwrap().is_some());
    // Another record of the leader's is not touched by that.
    let other = visit("06325", 2);
    two.answer(&other, "1.1", "two");
    sync(&two, &hub);
    sync(&one, &hub);
    assert_eq!(present_wrong(&hub, &one, &other, 99, later(1)), Presented::Kept);
    let count = u8::try_from(REFUSED_KEPT_MAX).unwrap() + 3;
    for number in 0..count {
        let at = later(i64::from(number) * DAY);
        assert_eq!(present_wrong(&hub, &one, &genesis, number, at), Presented::Kept);
    }
    let refused = |hub: &Hub, genesis: &Genesis| {
        let prefix = rows::seals_refused(genesis.document());
        hub.replica().store().scan(&prefix, None, usize::MAX).unwrap().len()
    };
    assert_eq!((refused(&hub, &genesis), refused(&hub, &other)), (REFUSED_KEPT_MAX, 1));
    // With their bytes; the registered one is still held.
    let held = hub.replica().seals_of(genesis.document()).unwrap();
    assert_eq!(held.len(), REFUSED_KEPT_MAX + 1);
    assert_eq!(standing(hub.replica(), &genesis).1, SealState::Registered);
    // The oldest went: it is not known any more. The newest is.
    let ask = |number: u8| {
        let (act, _) = again(&one, &genesis, |statement| statement.content = [number; 32]).unwrap();
        hub.present(&act, &[], later(90 * DAY)).unwrap()
    };
    assert_eq!([0, 2, 3, count - 1].map(ask)[..2], [Presented::Unknown; 2]);
    assert_eq!([0, 2, 3, count - 1].map(ask)[2..], [Presented::Refused; 2]);
}
