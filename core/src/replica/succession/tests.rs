use std::sync::Arc;

use super::*;
use crate::checklist::TEA;
use crate::model::PersonId;
use crate::replica::meeting::{Side, entry, key, side, sync, visit};
use crate::replica::rows::{CONTROL, ControlRow};
use crate::replica::{HubOptions, Known, PhoneOptions, PhoneRunner, Projection, check_exported};
use crate::store::MemoryStore;
use crate::sync::{FRAME_FILL_BYTES, PlainEntry};
use crate::trust::control::{Act, ChainHead, Whom};
use crate::trust::log::DoubtReason;
use crate::trust::{Grant, Role};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// The hub's first key, and the next ones.
const FIRST: u8 = 99;
const NEXT: u8 = 98;
const THIRD: u8 = 97;

fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(Projection)))
}

fn open(store: &Arc<MemoryStore>, by: u8, start: u8) -> Result<Arc<Hub>, ReplicaError> {
    let options = HubOptions { fresh_epoch: [start; 16], now: NOW };
    Hub::open(store.clone(), key(by), options).map(Arc::new)
}

/// A hub with a checklist, an administrator on device 4 and inspectors on 1 to 3.
fn hub(store: &Arc<MemoryStore>) -> Arc<Hub> {
    let hub = open(store, FIRST, 1).unwrap();
    hub.publish(TEA.to_vec()).unwrap();
    (1..4).for_each(|number| hub.trust(entry(number, "06325")).unwrap());
    hub.trust(PlainEntry { role: Role::Admin, ..entry(4, "20") }).unwrap();
    hub
}

fn known(side: &Side, number: u8) -> Option<bool> {
    let entry = side.phone.replica().device(key(number).device()).unwrap();
    entry.map(|entry| entry.active)
}

fn entries(hub: &Hub) -> Vec<ControlEntry> {
    let rows = hub.replica().store().scan(&[CONTROL], None, usize::MAX).unwrap();
    let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
        ControlEntry::decode(&rows::decode::<ControlRow>(key, value).unwrap().bytes).unwrap()
    };
    rows.iter().map(read).collect()
}

fn revoke(hub: &Hub, number: u8) {
    let whom = Whom::Device(key(number).device());
    hub.operate(vec![("06325".parse().unwrap(), Deed::Revoke { whom, lost_since: None })]).unwrap();
}

/// Whether an exchange with a hub comes to its end.
fn refused(side: &Side, hub: &Arc<Hub>) -> Option<ReplicaError> {
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let entropy = Box::new(|| [5; 16]);
    let mut phone = PhoneRunner::start(side.phone.clone(), options, entropy, NOW).unwrap();
    let entry = hub.replica().device(side.phone.device()).unwrap().unwrap();
    let mut served = crate::replica::HubRunner::start(hub.clone(), entry, NOW).unwrap();
    for _ in 0..100 {
        while let Ok(Some(frame)) = phone.poll_frame(NOW) {
            served.handle(&frame).unwrap();
        }
        while let Some(frame) = served.poll_frame(NOW).unwrap() {
            if let Err(error) = phone.handle(&frame) {
                return Some(error);
            }
            match phone.poll_frame(NOW) {
                Err(error) => return Some(error),
                Ok(Some(frame)) => served.handle(&frame).unwrap(),
                Ok(None) => {}
            }
        }
        if phone.outcome().is_some() {
            return None;
        }
        hub.merge_all(NOW).unwrap();
        served.grown().unwrap();
    }
    panic!("an exchange hangs")
}

#[test]
fn a_phone_that_heard_the_announcement_goes_on_with_the_next_key_as_with_the_same_hub() {
    let store = store();
    let before = hub(&store);
    let one = side(1);
    let genesis = visit("06325", 1);
    sync(&one, &before);
    one.answer(&genesis, "1.1", "trước");
    assert!(before.announce(&key(NEXT)).unwrap().news);
    assert!(!before.announce(&key(NEXT)).unwrap().news, "said once");
    sync(&one, &before);
    let first = one.phone.replica().last_head().unwrap().unwrap();
    drop(before);
    let after = open(&store, NEXT, 2).unwrap();
    assert_eq!(after.replica().owner().unwrap().unwrap().device, key(NEXT).device());
    assert!(after.replica().replaced_at(key(FIRST).device()).unwrap().is_some());
    one.answer(&genesis, "1.2", "sau");
    revoke(&after, 2);
    sync(&one, &after);
    assert_eq!(known(&one, 2), Some(false), "what the next key enters counts");
    assert_eq!(known(&one, 3), Some(true), "and what the first one had entered too");
    let keys = one.phone.replica().hub_keys().unwrap();
    assert_eq!((keys.pinned, keys.before), (Some(after.device()), vec![key(FIRST).device()]));
    let last = one.phone.replica().last_head().unwrap().unwrap();
    assert_eq!((last.hub, last.first), (after.device(), first.first), "one log, not another");
    assert_eq!(one.phone.replica().doubts().unwrap(), []);
    assert_eq!(one.phone.arrival(genesis.document()).unwrap().only_here, 0);
    assert!(after.replica().replaced_at(key(FIRST).device()).unwrap().is_some());
    drop(after);
    drop(open(&store, NEXT, 3).unwrap());
    assert!(matches!(open(&store, FIRST, 4), Err(ReplicaError::WrongOwner { .. })));
}

#[test]
fn a_phone_that_did_not_hear_it_is_the_same_hubs_once_a_person_says_so_and_the_hub_shows_it() {
    let store = store();
    let before = hub(&store);
    let (one, two) = (side(1), side(2));
    let genesis = visit("06325", 1);
    [&one, &two].into_iter().for_each(|side| sync(side, &before));
    let kept = one.phone.replica().last_head().unwrap().unwrap();
    before.announce(&key(NEXT)).unwrap();
    drop(before);
    let after = open(&store, NEXT, 2).unwrap();
    one.answer(&genesis, "1.1", "chưa gửi");
    one.phone.expect_successor(after.device());
    sync(&one, &after);
    assert_eq!(known(&one, 3), Some(true));
    assert_eq!(one.phone.arrival(genesis.document()).unwrap().only_here, 0);
    let row = one.phone.replica().last_head().unwrap().unwrap();
    assert_eq!(row.first, kept.first, "the log was held against what was kept under the first key");
    // A hub that only claims to be the next one is refused, and nothing of the first is let go of.
    let other = open(&self::store(), THIRD, 9).unwrap();
    other.trust(entry(2, "06325")).unwrap();
    two.phone.expect_successor(other.device());
    let error = refused(&two, &other).expect("it ends");
    assert!(matches!(error, ReplicaError::NotSuccessor { .. }), "{error}");
    assert_eq!(known(&two, 3), Some(true));
    assert_eq!(two.phone.replica().hub_keys().unwrap().pinned, Some(key(FIRST).device()));
}

#[test]
fn a_hub_that_changed_its_log_with_its_key_is_reported_by_a_phone_that_did_not_hear_of_the_key() {
    let store = store();
    let before = hub(&store);
    let one = side(1);
    sync(&one, &before);
    before.announce(&key(NEXT)).unwrap();
    // Another history under the first key, which announces the same next key.
    let rewritten = self::store();
    let again = open(&rewritten, FIRST, 5).unwrap();
    again.trust(entry(1, "06325")).unwrap();
    again.announce(&key(NEXT)).unwrap();
    (0..40).for_each(|_| again.audit(vec![], NOW).unwrap());
    drop(again);
    let after = open(&rewritten, NEXT, 2).unwrap();
    one.phone.expect_successor(after.device());
    sync(&one, &after);
    // An honest hub that was set back says so itself; it is told on every phone that had seen more.
    let reasons: Vec<_> =
        one.phone.replica().doubts().unwrap().iter().map(|known| known.doubt.reason).collect();
    assert_eq!(reasons, [DoubtReason::Restored]);
}

#[test]
fn a_phone_enrolled_after_three_keys_learns_all_that_the_first_one_entered() {
    let store = store();
    let first = hub(&store);
    first.announce(&key(NEXT)).unwrap();
    drop(first);
    let second = open(&store, NEXT, 2).unwrap();
    second.announce(&key(THIRD)).unwrap();
    drop(second);
    let third = open(&store, THIRD, 3).unwrap();
    let one = side(1);
    sync(&one, &third);
    assert_eq!(known(&one, 3), Some(true));
    let keys = one.phone.replica().hub_keys().unwrap();
    assert_eq!(keys.before, [key(NEXT).device(), key(FIRST).device()]);
    revoke(&third, 3);
    sync(&one, &third);
    assert_eq!(known(&one, 3), Some(false));
}

#[test]
fn one_key_follows_another_once_and_a_key_that_nobody_announced_opens_nothing() {
    let store = store();
    let hub = hub(&store);
    hub.announce(&key(NEXT)).unwrap();
    let again = hub.announce(&key(THIRD));
    assert!(matches!(again, Err(ReplicaError::OtherSuccessor { .. })));
    drop(hub);
    assert!(matches!(open(&store, THIRD, 2), Err(ReplicaError::WrongOwner { .. })));
    let after = open(&store, NEXT, 3).unwrap();
    let back = after.announce(&key(FIRST));
    assert!(matches!(back, Err(ReplicaError::OtherSuccessor { .. })), "a key does not come back");
}

#[test]
fn a_second_announcement_by_whoever_stole_the_key_is_refused_and_told() {
    let store = store();
    let before = hub(&store);
    before.announce(&key(NEXT)).unwrap();
    let one = side(1);
    sync(&one, &before);
    // The thief answers in the hub's place with its store and announces another key.
    let thiefs = self::store();
    let thief = open(&thiefs, FIRST, 1).unwrap();
    thief.trust(entry(1, "06325")).unwrap();
    thief.announce(&key(THIRD)).unwrap();
    let news = entries(&thief);
    let error = one.phone.expect_one_successor(&news).unwrap_err();
    assert!(matches!(error, ReplicaError::TwoSuccessors { .. }), "{error}");
    // Given back to the true hub it is not taken either.
    let encoded: Vec<Vec<u8>> = news.iter().map(|entry| entry.encode().unwrap()).collect();
    let taken = before.take_back(&encoded).unwrap();
    assert_eq!(taken.strange, 1);
    assert_eq!(before.replica().hub_keys().unwrap().after, [key(NEXT).device()]);
}

/// An entry as whoever holds a key of the hub's can make it.
fn forged(by: u8, at: Timestamp, life: u8) -> Vec<u8> {
    let thief = key(by);
    let scope: Scope = "00".parse().unwrap();
    let person = PersonId::of_device(key(3).device());
    let deed = Deed::Grant { person, grant: Grant::always(Role::Admin, scope.clone()) };
    let (hub, nonce) = (thief.device(), [77; 16]);
    let act = Act { hub, by: hub, scope, nonce, at, deed }.sign(&thief).unwrap();
    let head = ChainHead::default();
    ControlEntry::sign(&thief, ([life; 16], &head), (at, at), act, None).unwrap().encode().unwrap()
}

#[test]
fn what_a_replaced_key_signs_gives_nobody_rights_whenever_it_says_to_be_from() {
    let store = store();
    let before = hub(&store);
    before.announce(&key(NEXT)).unwrap();
    drop(before);
    let after = open(&store, NEXT, 2).unwrap();
    let admin = |hub: &Hub| {
        let entry = hub.replica().device(key(3).device()).unwrap().unwrap();
        entry.is(Role::Admin)
    };
    for (life, at) in [(50, NOW.0 - 1_000_000), (51, NOW.0 + 1_000_000)] {
        let taken = after.take_back(&[forged(FIRST, Timestamp(at), life)]).unwrap();
        assert_eq!((taken.found, taken.whole, taken.strange), (false, true, 1), "{at}");
        assert!(!admin(&after));
    }
    // An act of the operator's that the replaced key signed is not entered by the next.
    let entry = ControlEntry::decode(&forged(FIRST, NOW, 52)).unwrap();
    assert!(matches!(after.enter(vec![entry.act], NOW), Err(ReplicaError::NotEntered { .. })));
    assert!(!admin(&after));
}

#[test]
fn an_export_of_before_a_key_was_replaced_verifies_by_the_next_key_and_its_announcement() {
    let store = store();
    let before = hub(&store);
    let one = side(1);
    let genesis = visit("06325", 1);
    sync(&one, &before);
    one.answer(&genesis, "1.1", "trước");
    sync(&one, &before);
    let old =
        one.phone.export(genesis.document(), &crate::replica::Gathered::default(), NOW).unwrap();
    before.announce(&key(NEXT)).unwrap();
    sync(&one, &before);
    drop(before);
    let after = open(&store, NEXT, 2).unwrap();
    sync(&one, &after);
    let new =
        one.phone.export(genesis.document(), &crate::replica::Gathered::default(), NOW).unwrap();
    let links: Vec<Link> = after
        .announcements()
        .unwrap()
        .iter()
        .filter_map(|act| Link::of(&SignedAct::decode(act).unwrap()))
        .collect();
    let hub = Some(after.device());
    for (bytes, links, valid) in
        [(&old, links, true), (&old, Vec::new(), false), (&new, Vec::new(), true)]
    {
        let known = Known { hub, links, ..Known::default() };
        let checked = check_exported(bytes, &known).unwrap();
        assert_eq!(checked.is_valid(), valid, "{:?}", checked.faults);
    }
    let by_itself = check_exported(&old, &Known::default()).unwrap();
    assert_eq!(by_itself.faults, []);
    // Whoever still pins the first key reads the new file too.
    let known = Known { hub: Some(key(FIRST).device()), ..Known::default() };
    assert_eq!(check_exported(&new, &known).unwrap().faults, []);
}

#[test]
fn a_copy_put_back_as_the_manual_says_takes_back_what_the_first_key_signed() {
    let (lost, copy) = (store(), store());
    // The copy: taken after the announcement.
    let at_copy = hub(&copy);
    at_copy.announce(&key(NEXT)).unwrap();
    drop(at_copy);
    // The hub goes on, and revokes device 2.
    let before = hub(&lost);
    before.announce(&key(NEXT)).unwrap();
    revoke(&before, 2);
    let signed: Vec<Vec<u8>> =
        entries(&before).iter().map(|entry| entry.encode().unwrap()).collect();
    drop(before);
    // `serve --restored --switch-key`, in the order of `RunningHub::open_with_key`.
    let later = Timestamp(NOW.0 + 86_400_000);
    let options = HubOptions { fresh_epoch: [2; 16], now: later };
    let after = Hub::open(copy.clone(), key(NEXT), options).unwrap();
    after.restored(HubOptions { fresh_epoch: [9; 16], now: NOW }).unwrap();
    let taken = after.take_back(&signed).unwrap();
    let two = after.replica().device(key(2).device()).unwrap().unwrap();
    assert_eq!((taken.strange, two.active), (0, false), "{taken:?}");
}

#[test]
fn a_hub_whose_store_is_lost_learns_from_phones_what_its_first_key_signed() {
    let lost = store();
    let before = hub(&lost);
    before.announce(&key(NEXT)).unwrap();
    drop(before);
    let after = open(&lost, NEXT, 2).unwrap();
    revoke(&after, 2);
    let signed: Vec<Vec<u8>> =
        entries(&after).iter().map(|entry| entry.encode().unwrap()).collect();
    drop(after);
    // Nothing is left but the key.
    let rebuilt = open(&store(), NEXT, 3).unwrap();
    let taken = rebuilt.take_back(&signed).unwrap();
    let active =
        |number| rebuilt.replica().device(key(number).device()).unwrap().map(|entry| entry.active);
    assert_eq!((active(1), active(2)), (Some(true), Some(false)), "{taken:?}");
    assert_eq!(taken.strange, 0, "{taken:?}");
}

/// A phone of a hub that had three keys. Rows of its lives come in the order of their numbers: the last key's first,
/// and behind them what the first key signed, more than a frame of it before its announcement.
fn of_three_keys() -> Side {
    let lost = store();
    let first = open(&lost, FIRST, 3).unwrap();
    first.publish(TEA.to_vec()).unwrap();
    (1..4).for_each(|number| first.trust(entry(number, "06325")).unwrap());
    let named = |number: u64| {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let device = DeviceKey::from_seed(&seed).device();
        let (name, agency) = ("An".to_owned(), "Y tế".to_owned());
        (country(), Deed::Certify { device, person: PersonId::of_device(device), name, agency })
    };
    let count = 2 * FRAME_FILL_BYTES as u64 / 256;
    first.operate((0..count).map(named).collect()).unwrap();
    first.announce(&key(NEXT)).unwrap();
    drop(first);
    let second = open(&lost, NEXT, 2).unwrap();
    second.announce(&key(THIRD)).unwrap();
    drop(second);
    let third = open(&lost, THIRD, 1).unwrap();
    revoke(&third, 2);
    let one = side(1);
    sync(&one, &third);
    one
}

#[test]
fn a_hub_that_is_left_with_its_third_key_alone_takes_back_all_that_the_keys_before_signed() {
    let one = of_three_keys();
    let held = one.phone.replica().store().scan(&[CONTROL], None, usize::MAX).unwrap();
    let bytes: usize = held.iter().map(|(_, value)| value.len()).sum();
    assert!(bytes > 2 * FRAME_FILL_BYTES, "more than two frames: {bytes}");
    let rebuilt = open(&store(), THIRD, 9).unwrap();
    rebuilt.trust(entry(1, "06325")).unwrap();
    for _ in 0..6 {
        sync(&one, &rebuilt);
    }
    let there = |hub: &Hub| -> BTreeSet<Vec<u8>> {
        entries(hub).iter().map(|entry| entry.encode().unwrap()).collect()
    };
    let there = there(&rebuilt);
    let lacking = held.iter().filter(|(key, value)| {
        !there.contains(&rows::decode::<ControlRow>(key, value).unwrap().bytes)
    });
    assert_eq!(lacking.count(), 0, "of {} entries", held.len());
    let active = |number| {
        let entry = rebuilt.replica().device(key(number).device()).unwrap();
        entry.map(|entry| entry.active)
    };
    assert_eq!((active(1), active(2), active(3)), (Some(true), Some(false), Some(true)));
}

#[test]
fn a_bundle_brings_nothing_that_a_replaced_key_signed() {
    let store = store();
    let before = hub(&store);
    let one = side(1);
    sync(&one, &before);
    before.announce(&key(NEXT)).unwrap();
    sync(&one, &before);
    drop(before);
    let after = open(&store, NEXT, 2).unwrap();
    sync(&one, &after);
    assert!(one.phone.replica().replaced_at(key(FIRST).device()).unwrap().is_some());
    // A thief of the first key dates an entry back, into a life of his own.
    let (thief, at) = (key(FIRST), Timestamp(NOW.0 - 1_000_000));
    let deed = Deed::Revoke { whom: Whom::Device(key(1).device()), lost_since: None };
    let (hub, nonce, scope) = (thief.device(), [77; 16], "06325".parse().unwrap());
    let act = Act { hub, by: hub, scope, nonce, at, deed }.sign(&thief).unwrap();
    let entry = ControlEntry::sign(&thief, ([50; 16], &ChainHead::default()), (at, at), act, None);
    let item = FeedItem::Control(entry.unwrap().encode().unwrap());
    let mut items = vec![item];
    assert!(one.phone.position().unwrap().is_some());
    assert!(one.phone.leave_out_replaced(&mut items).unwrap());
    assert_eq!(items, []);
    // Whether the hub made it is the hub's to say: it is asked next time.
    assert!(one.phone.position().unwrap().is_none());
    sync(&one, &after);
    let held = entries(&after).into_iter().find(|entry| entry.hub == thief.device()).unwrap();
    let mut items = vec![FeedItem::Control(held.encode().unwrap())];
    assert!(!one.phone.leave_out_replaced(&mut items).unwrap(), "what is held lacks nothing");
}

/// An entry by which a thief of the first key puts a key of his own before it, and one that that key signs.
fn put_before(now: Timestamp) -> [Vec<u8>; 2] {
    let (own, stolen) = (key(66), key(FIRST));
    let scope: Scope = "00".parse().unwrap();
    let proof = prove_successor(own.device(), &stolen);
    let deeds = [
        Deed::Successor { key: stolen.device(), proof },
        Deed::Revoke { whom: Whom::Device(key(1).device()), lost_since: None },
    ];
    let mut head = ChainHead::default();
    let mut number = 0;
    deeds.map(|deed| {
        number += 1;
        let at = Timestamp(now.0 - 1_000_000 + number);
        let (hub, nonce) = (own.device(), [u8::try_from(number).unwrap(); 16]);
        let act = Act { hub, by: hub, scope: scope.clone(), nonce, at, deed }.sign(&own).unwrap();
        let entry = ControlEntry::sign(&own, ([50; 16], &head), (at, at), act, None).unwrap();
        head = entry.head().unwrap();
        entry.encode().unwrap()
    })
}

#[test]
fn a_key_that_a_thief_puts_before_the_replaced_one_decides_nothing() {
    let store = store();
    let before = hub(&store);
    before.announce(&key(NEXT)).unwrap();
    let one = side(1);
    sync(&one, &before);
    drop(before);
    let after = open(&store, NEXT, 2).unwrap();
    sync(&one, &after);
    let forged = put_before(NOW);
    // Brought to the hub by a device that it knows.
    let taken = after.take_back(&forged).unwrap();
    assert_eq!((taken.found, taken.strange), (false, 2), "{taken:?}");
    assert!(after.replica().device(key(1).device()).unwrap().unwrap().active);
    // Brought to a phone by another.
    let mut items = forged.map(FeedItem::Control).to_vec();
    one.phone.leave_out_replaced(&mut items).unwrap();
    assert_eq!(items, []);
}

#[test]
fn announcements_that_lead_nowhere_keep_no_place_from_one_that_is_needed() {
    let store = store();
    let before = hub(&store);
    let one = side(1);
    sync(&one, &before);
    // Whoever answers once under the hub's key says as much as one may.
    let act = |from: u8, to: u8| {
        let (by, next) = (key(from), key(to));
        let deed =
            Deed::Successor { key: next.device(), proof: prove_successor(by.device(), &next) };
        let (hub, scope) = (by.device(), "00".parse().unwrap());
        let act = Act { hub, by: hub, scope, nonce: [1; 16], at: NOW, deed };
        act.sign(&by).unwrap().encode().unwrap()
    };
    let many: Vec<Vec<u8>> = (0..64).map(|number| act(150 + number, 151 + number)).collect();
    one.phone.hear_keys(before.device(), &many, NOW).unwrap();
    assert_eq!(one.phone.replica().announcements().unwrap().len(), 0);
    before.announce(&key(NEXT)).unwrap();
    sync(&one, &before);
    assert_eq!(one.phone.replica().hub_keys().unwrap().after, [key(NEXT).device()]);
    // More than one hub can have had are refused by name.
    let mut many: Vec<Vec<u8>> = (150..213).map(|number| act(number, number + 1)).collect();
    many.push(act(213, FIRST));
    one.phone.hear_keys(before.device(), &many, NOW).unwrap();
    let error = one.phone.hear_keys(before.device(), &[act(149, 150)], NOW).unwrap_err();
    assert!(matches!(error, ReplicaError::TooManyKeys { .. }), "{error}");
}
