//! What an exchange leaves behind, and what it says is due.

use std::collections::VecDeque;
use std::sync::Arc;

use super::*;
use crate::replica::meeting::{entry, hub, key, once, side, sync, visit};
use crate::replica::{Hub, HubOptions, Projection};
use crate::store::{MemoryStore, Store};
use crate::sync::{PlainEntry, Role};
use crate::trust::control::{Act, Deed, Whom};
use crate::trust::log::{LogEntry, LogLeaf};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// Moves of one exchange, before it counts as stuck.
const MOVES_MAX: usize = 500;

#[test]
fn an_exchange_of_which_nothing_came_is_not_recorded() {
    let (hub, one, genesis) = (hub(&[1]), side(1), visit("06325", 1));
    sync(&one, &hub);
    one.answer(&genesis, "1.1", "typed");
    // It is stored and merged, the hub signs that it is, and shows the log that says that it was asked.
    for _ in 0..5 {
        sync(&one, &hub);
    }
    let before = one.store.position();
    sync(&one, &hub);
    assert_eq!(one.store.position(), before, "nothing came, and nothing is recorded");
    one.answer(&genesis, "1.2", "typed");
    sync(&one, &hub);
    assert!(one.store.position() > before, "what comes is");
}

#[test]
fn a_clock_more_than_five_minutes_off_is_told_on_both_sides_and_refused_by_neither() {
    let (hub, one, genesis) = (hub(&[1]), side(1), visit("06325", 1));
    let off = |ahead: i64| Timestamp(NOW.0 + ahead);
    let told = |ahead| stay_by(&one.phone, &hub, off(ahead)).progress().clock_ahead_ms;
    assert_eq!((told(0), told(300_000), told(-300_000)), (None, None, None));
    one.answer(&genesis, "1.1", "typed by a clock of years ago");
    let years = 10 * 365 * 86_400_000;
    let clocks = [-years, -years - 300_001, 300_001];
    assert_eq!(clocks.map(told), clocks.map(Some));
    // The log names a device once in an hour, whatever its clock does.
    hub.settle_log(NOW).unwrap();
    let leaves = hub.log_page(0, NOW).unwrap().leaves;
    let named = leaves.iter().filter_map(|leaf| match LogLeaf::decode(leaf)?.entry {
        LogEntry::ClockOff { device, ahead_ms } if device == one.phone.device() => Some(ahead_ms),
        _ => None,
    });
    assert_eq!(named.collect::<Vec<_>>(), [-years]);
    assert_eq!(one.phone.only_here().unwrap(), [], "and what it brought is there");
}

/// A hub of the same key that has lost all else, and was told of one device.
fn lost_all_but_its_key() -> Arc<Hub> {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [98; 16], now: NOW };
    let hub = Hub::open(store, key(99), options).unwrap();
    hub.trust(entry(1, "06325")).unwrap();
    Arc::new(hub)
}

/// Begins an exchange that stays, and moves frames until none is under way.
fn stay(phone: &Arc<Phone>, hub: &Arc<Hub>) -> PhoneRunner {
    stay_by(phone, hub, NOW)
}

/// As [`stay`], of a phone with a clock of its own.
fn stay_by(phone: &Arc<Phone>, hub: &Arc<Hub>, clock: Timestamp) -> PhoneRunner {
    let options = PhoneOptions { hub: hub.device(), live: true, asks: Vec::new() };
    let entropy: Entropy = Box::new(|| [77; 16]);
    let mut one = PhoneRunner::start(phone.clone(), options, entropy, clock).unwrap();
    let known = hub.replica().device(phone.device()).unwrap().unwrap();
    let mut served = HubRunner::start(hub.clone(), known, NOW).unwrap();
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    for _ in 0..MOVES_MAX {
        let mut moved = false;
        while let Some(frame) = one.poll_frame(NOW).unwrap() {
            up.push_back(frame);
            moved = true;
        }
        while let Some(frame) = served.poll_frame(NOW).unwrap() {
            down.push_back(frame);
            moved = true;
        }
        if served.wants_input()
            && let Some(frame) = up.pop_front()
        {
            served.handle(&frame).unwrap();
            moved = true;
        }
        if one.wants_input()
            && let Some(frame) = down.pop_front()
        {
            one.handle(&frame).unwrap();
            moved = true;
        }
        if !moved {
            return one;
        }
    }
    panic!("an exchange does not come to rest");
}

#[test]
fn whoever_stays_with_a_hub_that_lost_its_store_is_told_that_more_is_due() {
    let (before, one) = (hub(&[1, 2]), side(1));
    sync(&one, &before);
    let hub = lost_all_but_its_key();
    // The first exchange shows the hub that its store was set back, which ends it.
    assert!(stay(&one.phone, &hub).outcome().is_some());
    let stays = stay(&one.phone, &hub);
    assert!(stays.outcome().is_none() && stays.caught_up(), "{:?}", stays.outcome());
    let known = hub.knows_device(key(2).device());
    assert!(
        known || stays.progress().more,
        "the rights that the hub had are not given back, and nothing says that they will be"
    );
    sync(&one, &hub);
    assert!(hub.knows_device(key(2).device()), "at the latest with the next exchange");
    let stays = stay(&one.phone, &hub);
    assert!(stays.outcome().is_none() && !stays.progress().more, "and then nothing is due");
}

#[test]
fn an_end_of_rights_that_a_hub_refused_before_it_had_the_rights_back_is_asked_again_at_once() {
    let (before, desk) = (hub(&[2]), side(7));
    let admin = || PlainEntry { role: Role::Admin, ..entry(7, "06325") };
    before.trust(admin()).unwrap();
    sync(&desk, &before);
    let (by, lost) = (desk.phone.device(), key(2).device());
    let deed = Deed::Revoke { whom: Whom::Device(lost), lost_since: None };
    let (scope, at) = ("06325".parse().unwrap(), NOW);
    let act = Act { hub: before.device(), by, scope, nonce: [1; 16], at, deed };
    desk.phone.act(&desk.phone.sign_act(act).unwrap()).unwrap();
    // The hub has lost all but its key before it heard of that, and knows of no device 2 to end.
    let hub = lost_all_but_its_key();
    hub.trust(admin()).unwrap();
    let mut exchanges = 0;
    loop {
        let progress = once(&desk, &hub, (NOW, exchanges), &[]).progress();
        exchanges += 1;
        if !progress.again && !progress.more {
            break;
        }
        assert!(exchanges < 16, "a desk does not come to rest");
    }
    assert!(
        hub.replica().ended(lost).unwrap().is_some(),
        "nothing more is due, and it is not entered"
    );
}
