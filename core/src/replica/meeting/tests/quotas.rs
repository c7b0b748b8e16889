//! What the hub has no quota for: the exchange goes on, and it is offered again later.

use super::carrying::{HOUR_MS, as_said, exchange, rebuilds_rows};
use super::*;
use crate::model::ChangeHash;
use crate::replica::facts::{Fact, Quarantined};
use crate::replica::hub::admission::ASIDE_PER_DEVICE_MAX;
use crate::sync::{FeedPosition, Notice, Verdict};

/// A hub at which a device has no right to write and has filled its quarantine.
fn filled(hub: &Hub, number: u8) {
    hub.trust(entry(number, "06328")).unwrap();
    let device = key(number).device();
    let quarantined = (1..=ASIDE_PER_DEVICE_MAX)
        .map(|seq| {
            let (document, actor) = (DocumentId([7; 32]), Actor([7; 16]));
            let (hash, verdict) = (ChangeHash([7; 32]), Verdict::Equivocation);
            let notice = Notice { document, actor, seq, hash, verdict };
            Quarantined { device, notice, bytes: Vec::new() }
        })
        .collect();
    let fact = Fact::Accepted { from: device, packs: Vec::new(), quarantined, at: NOW };
    hub.record(fact).unwrap();
}

fn position(side: &Side) -> Option<FeedPosition> {
    side.phone.start(key(99).device(), false, NOW).unwrap().0.position
}

#[test]
fn an_own_pack_over_a_quota_holds_up_nothing_and_is_not_pushed_each_time() {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    let (genesis, elsewhere) = (visit("06325", 1), visit("06325", 2));
    for side in [&one, &two] {
        sync(side, &hub);
    }
    filled(&hub, 1);
    sync(&one, &hub);
    two.answer(&elsewhere, "1.1", "two");
    sync(&two, &hub);
    one.answer(&genesis, "1.1", "one");
    let (ending, progress) = exchange(&one, &hub, NOW, as_said);
    assert_eq!((ending, progress.sent, progress.stored), (Ending::Done, 1, 0));
    assert_eq!(position(&one), Some(hub.head().unwrap()));
    one.answer(&genesis, "1.2", "behind it");
    let (_, progress) = exchange(&one, &hub, NOW, as_said);
    assert_eq!(progress.sent, 0, "it is pushed each time");
    assert_eq!(one.phone.only_here().unwrap(), [genesis.document()]);
    hub.trust(entry(1, "06325")).unwrap();
    let (_, progress) = exchange(&one, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!((progress.sent, progress.stored), (2, 2));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one"]);
    assert_eq!(one.phone.only_here().unwrap(), []);
    rebuilds_rows(&*one.store);
}

#[test]
fn what_a_comparison_gives_back_over_a_quota_is_remembered_and_given_back_later() {
    let (before, one, two, three) = (hub(&[1, 2]), side(1), side(2), side(3));
    let (genesis, elsewhere) = (visit("06325", 1), visit("06325", 2));
    for side in [&one, &two] {
        sync(side, &before);
    }
    one.answer(&genesis, "1.1", "one");
    sync(&one, &before);
    sync(&two, &before);
    // The hub lost its store; its key it has.
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [98; 16], now: NOW };
    let hub = Arc::new(Hub::open(store, key(99), options).unwrap());
    hub.publish(TEA.to_vec()).unwrap();
    for number in [2, 3] {
        hub.trust(entry(number, "06325")).unwrap();
    }
    filled(&hub, 1);
    sync(&three, &hub);
    three.answer(&elsewhere, "1.1", "three");
    sync(&three, &hub);
    let (ending, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!((ending, progress.sent, progress.stored), (Ending::Done, 1, 0));
    assert_eq!(two.values(&elsewhere, "1.1"), ["three"], "the feed waits for the quota");
    assert_eq!(position(&two), Some(hub.head().unwrap()), "the position waits for the quota");
    let (_, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!(progress.sent, 0, "it is pushed each time");
    hub.trust(entry(1, "06325")).unwrap();
    let (_, progress) = exchange(&two, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!((progress.sent, progress.stored), (1, 1));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one"]);
    let (_, progress) = exchange(&two, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!(progress.sent, 0, "what was signed for is given back again");
    rebuilds_rows(&*two.store);
}
