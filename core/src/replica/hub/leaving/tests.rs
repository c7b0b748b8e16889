use std::sync::Arc;

use super::*;
use crate::checklist::TEA;
use crate::model::Timestamp;
use crate::replica::meeting::{Side, entry, hub, key, meet, once, side, sync, values, visit};
use crate::replica::{HubOptions, Projection};
use crate::store::{MemoryDisk, MemoryStore};
use crate::sync::{Ending, FailureCode, PlainEntry, Role};
use crate::trust::control::{Act, SignedAct};

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const UNIT: &str = "06325";
/// Who leaves, and whose work stays.
const LOST: u8 = 1;
const STAYS: u8 = 2;
/// An administrator of the province.
const ABOVE: u8 = 7;

fn trust(hub: &Hub, number: u8, role: Role, unit: &str) {
    hub.trust(PlainEntry { role, ..entry(number, unit) }).unwrap();
}

fn act(by: u8, nonce: u16, deed: Deed) -> SignedAct {
    let (hub, by) = (key(99).device(), key(by));
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&nonce.to_le_bytes());
    let scope = UNIT.parse().unwrap();
    Act { hub, by: by.device(), scope, nonce: bytes, at: NOW, deed }.sign(&by).unwrap()
}

fn revoke(hub: &Hub, whom: Whom) {
    hub.enter(vec![act(ABOVE, 0, Deed::Revoke { whom, lost_since: None })], NOW).unwrap();
}

fn lost() -> Whom {
    Whom::Device(key(LOST).device())
}

/// The exchanges of a phone that may only leave, until it is told nothing new.
fn leave(side: &Side, hub: &Arc<Hub>) {
    for round in 0..4 {
        let phone = once(side, hub, (NOW, round), &[]);
        let Ending::Told(failure) = &phone.outcome().unwrap().ending else { panic!("not told") };
        assert_eq!(failure.code, FailureCode::NotAllowed, "{failure:?}");
        if !phone.progress().again {
            return;
        }
    }
    panic!("a phone does not come to rest");
}

fn hub_on(disk: &MemoryDisk, life: u8) -> Arc<Hub> {
    let store = Arc::new(MemoryStore::open(disk, Arc::new(Projection)).unwrap());
    let options = HubOptions { fresh_epoch: [life; 16], now: NOW };
    Arc::new(Hub::open(store, key(99), options).unwrap())
}

#[test]
fn an_end_decided_by_whoever_was_certified_above_since_is_proved_with_the_log_above() {
    let (hub, one) = (hub(&[LOST, STAYS]), side(LOST));
    sync(&one, &hub);
    trust(&hub, ABOVE, Role::Admin, "20");
    revoke(&hub, lost());
    trust(&hub, 8, Role::Inspector, UNIT);
    leave(&one, &hub);
    let ended = one.phone.ended().unwrap().expect("the end is proved");
    assert_eq!(ended.by, key(ABOVE).device());
    assert_eq!(one.phone.undelivered().unwrap(), 0);
    let behind = one.phone.replica().device(key(8).device()).unwrap();
    assert!(behind.is_none(), "of what comes behind its end nothing is told");
}

#[test]
fn a_clone_that_carries_what_its_original_was_refused_comes_to_hear_that_the_hub_keeps_it() {
    let (hub, one, genesis) = (hub(&[LOST, STAYS]), side(LOST), visit(UNIT, 1));
    sync(&one, &hub);
    trust(&hub, ABOVE, Role::Admin, "20");
    revoke(&hub, lost());
    one.answer(&genesis, "1.1", "before");
    let clone = one.cloned();
    one.answer(&genesis, "1.1", "one");
    let [_, at_clone] = meet(&one, &clone);
    assert_eq!(at_clone.received, 1);
    leave(&one, &hub);
    leave(&clone, &hub);
    assert_eq!((one.phone.undelivered().unwrap(), clone.phone.undelivered().unwrap()), (0, 0));
    let lines = [once(&clone, &hub, (NOW, 9), &[]), once(&clone, &hub, (NOW, 10), &[])];
    assert_eq!(lines.map(|line| line.progress().sent), [0, 0], "nothing is pushed for ever");
}

#[test]
fn a_long_log_is_proved_in_pages() {
    let (hub, one) = (hub(&[LOST]), side(LOST));
    sync(&one, &hub);
    trust(&hub, ABOVE, Role::Admin, "20");
    let certify = |number: u16| {
        let mut seed = [0; 32];
        seed[..2].copy_from_slice(&number.to_le_bytes());
        let device = crate::trust::DeviceKey::from_seed(&seed).device();
        let (name, agency) = ("An".to_owned(), "Y tế".to_owned());
        Deed::Certify { device, person: PersonId::of_device(device), name, agency }
    };
    let acts: Vec<SignedAct> = (1_000..3_100).map(|n| act(ABOVE, n, certify(n))).collect();
    for piece in acts.chunks(300) {
        hub.enter(piece.to_vec(), NOW).unwrap();
    }
    revoke(&hub, lost());
    let proof = hub.proof_of_end(key(LOST).device()).unwrap().unwrap();
    let (mut pages, mut after) = (0, 0);
    loop {
        let page = hub.proof_page(&proof, 0, after).unwrap();
        assert!(!page.items.is_empty() && page.items.len() <= PROOF_PAGE_ENTRIES);
        pages += 1;
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(pages, 9, "2,100 entries and some");
    leave(&one, &hub);
    assert!(one.phone.ended().unwrap().is_some(), "it is proved however much lies between");
}

#[test]
fn whoever_has_no_right_left_is_shown_the_end_too() {
    let (hub, one) = (hub(&[LOST, STAYS]), side(LOST));
    sync(&one, &hub);
    hub.trust(PlainEntry { active: false, ..entry(LOST, UNIT) }).unwrap();
    trust(&hub, ABOVE, Role::Admin, "20");
    revoke(&hub, Whom::Person(PersonId::of_device(key(LOST).device())));
    leave(&one, &hub);
    assert!(one.phone.ended().unwrap().is_some());
}

#[test]
fn a_phone_whose_hub_was_set_back_gives_what_the_hub_lacks_and_may_then_be_wiped() {
    let disk = MemoryDisk::new();
    let hub = hub_on(&disk, 97);
    hub.publish(TEA.to_vec()).unwrap();
    for number in [LOST, STAYS] {
        trust(&hub, number, Role::Inspector, UNIT);
    }
    trust(&hub, ABOVE, Role::Admin, "20");
    let (one, two, genesis) = (side(LOST), side(STAYS), visit(UNIT, 1));
    [&one, &two].into_iter().for_each(|side| sync(side, &hub));
    let copy = disk.copy();
    // Both are signed for, and then the hub is set back to before.
    one.answer(&genesis, "1.1", "one");
    two.answer(&genesis, "1.2", "two");
    [&one, &two, &one].into_iter().for_each(|side| sync(side, &hub));
    assert_eq!(one.phone.undelivered().unwrap(), 0);
    let hub = hub_on(&copy, 96);
    assert!(hub.replica().load(genesis.document()).is_err(), "it has lost them");
    revoke(&hub, lost());
    leave(&one, &hub);
    hub.merge_all(NOW).unwrap();
    assert!(one.phone.ended().unwrap().is_some());
    assert_eq!(one.phone.undelivered().unwrap(), 0, "this life of the hub has it all");
    assert_eq!(values(hub.replica(), &genesis, "1.2"), ["two"], "also what another wrote");
    assert_eq!(hub.status().unwrap().quarantined, 1, "and its own work, kept aside");
}

#[test]
fn a_phone_that_leaves_a_hub_that_was_set_back_is_given_nothing_by_comparing() {
    let disk = MemoryDisk::new();
    let hub = hub_on(&disk, 97);
    hub.publish(TEA.to_vec()).unwrap();
    for number in [LOST, STAYS] {
        trust(&hub, number, Role::Inspector, UNIT);
    }
    trust(&hub, ABOVE, Role::Admin, "20");
    let (one, two, genesis) = (side(LOST), side(STAYS), visit(UNIT, 1));
    [&one, &two].into_iter().for_each(|side| sync(side, &hub));
    one.answer(&genesis, "1.1", "one");
    [&one, &two].into_iter().for_each(|side| sync(side, &hub));
    let hub = hub_on(&disk.copy(), 96);
    two.answer(&genesis, "1.2", "written since");
    sync(&two, &hub);
    revoke(&hub, lost());
    leave(&one, &hub);
    assert_eq!((one.phone.undelivered().unwrap(), one.phone.ended().unwrap().is_some()), (0, true));
    assert_eq!(one.values(&genesis, "1.2"), Vec::<String>::new());
}
