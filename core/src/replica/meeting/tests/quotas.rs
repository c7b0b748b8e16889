//! What the hub has no quota for: the exchange goes on, and it is offered again later.

use super::carrying::{HOUR_MS, as_said, exchange, rebuilds_rows};
use super::*;
use crate::model::ChangeHash;
use crate::replica::facts::{Fact, PackPlace, Quarantined};
use crate::replica::hub::admission::ASIDE_PER_DEVICE_MAX;
use crate::replica::hub::shares::REFUSED_PER_DEVICE_MAX;
use crate::replica::rows::{self, PACK};
use crate::sync::PlainEntry;
use crate::sync::{
    Accepted, BasePage, FailureCode, FeedPage, FeedPosition, HubOutput, HubSession, HubStart,
    Notice, PackHeader, Verdict,
};
use crate::trust::log::{LogEntry, LogLeaf, Loss, ProvedLeaf, Shown, Standing, TreeHead};
use crate::trust::merkle::TreeHash;

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
    told_of_another_life(&hub, &two);
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

/// A hub that lost its store, and a phone that holds what another wrote in one visit, a pack at a time.
fn to_give_back(answers: u32, snapshot: bool) -> (Arc<Hub>, Side, Genesis) {
    let (before, one, two, genesis) = (hub(&[1, 2]), side(1), side(2), visit("06325", 1));
    sync(&one, &before);
    if !snapshot {
        sync(&two, &before);
    }
    for number in 0..answers {
        one.answer(&genesis, "1.1", &format!("{number:02}"));
        sync(&one, &before);
    }
    sync(&two, &before);
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [98; 16], now: NOW };
    let hub = Arc::new(Hub::open(store, key(99), options).unwrap());
    hub.publish(TEA.to_vec()).unwrap();
    for number in [1, 2] {
        hub.trust(entry(number, "06325")).unwrap();
    }
    told_of_another_life(&hub, &two);
    (hub, two, genesis)
}

/// A device whose packs the hub refused too often when it merged them.
fn refused(hub: &Hub, number: u8) {
    let (device, document) = (key(number).device(), DocumentId([7; 32]));
    let refused = (0..u32::try_from(REFUSED_PER_DEVICE_MAX).unwrap())
        .map(|index| {
            let (actor, hash, verdict) = (Actor([7; 16]), ChangeHash([7; 32]), Verdict::Poison);
            let notice = Notice { document, actor, seq: u64::from(index) + 1, hash, verdict };
            (PackPlace { at: 1, index }, Quarantined { device, notice, bytes: Vec::new() })
        })
        .collect();
    let (scope, merged, parked) = ("06325".parse().unwrap(), Vec::new(), Vec::new());
    hub.record(Fact::Merged { document, scope, merged, parked, refused, at: NOW }).unwrap();
}

/// A change of its rights lifts what was counted against a device.
fn lift(hub: &Hub, number: u8) {
    for active in [false, true] {
        hub.trust(PlainEntry { active, ..entry(number, "06325") }).unwrap();
    }
}

fn numbers(answers: u32) -> Vec<String> {
    (0..answers).map(|number| format!("{number:02}")).collect()
}

#[test]
fn a_line_over_a_quota_is_given_back_later_to_its_end() {
    let (hub, two, genesis) = to_give_back(2, false);
    refused(&hub, 1);
    let (ending, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!((ending, progress.stored), (Ending::Done, 0));
    assert_eq!(progress.sent, 2, "asking for what is over a quota brings the same again");
    assert_eq!(position(&two), Some(hub.head().unwrap()));
    let (_, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!(progress.sent, 0, "it is pushed each time");
    lift(&hub, 1);
    let (_, progress) = exchange(&two, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!((progress.sent, progress.stored), (2, 2));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), numbers(2));
    let (_, progress) = exchange(&two, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!(progress.sent, 0, "what was signed for is given back again");
    rebuilds_rows(&*two.store);
}

#[test]
fn so_is_one_that_came_in_a_snapshot() {
    const ANSWERS: u32 = 40;
    let (hub, two, genesis) = to_give_back(ANSWERS, true);
    let held = two.store.scan(&rows::of_document(PACK, genesis.document()), None, 99).unwrap();
    assert!(held.len() < ANSWERS as usize && !held.is_empty(), "{} packs", held.len());
    refused(&hub, 1);
    exchange(&two, &hub, NOW, as_said);
    assert_eq!(position(&two), Some(hub.head().unwrap()));
    lift(&hub, 1);
    let (_, progress) = exchange(&two, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!((progress.sent, progress.stored), (held.len() + 1, held.len() + 1));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), numbers(ANSWERS));
    rebuilds_rows(&*two.store);
}

#[test]
fn what_is_given_back_and_cannot_be_read_is_given_back_later_with_what_follows_it() {
    let (hub, two, genesis) = to_give_back(2, false);
    let first_garbled = |frame: Vec<u8>| {
        let Ok(Frame::Push { mut packs }) = Frame::decode(&frame) else { return frame };
        for pack in &mut packs {
            if PackHeader::peek(pack).unwrap().first_seq == 1 {
                *pack.last_mut().unwrap() ^= 1;
            }
        }
        Frame::Push { packs }.encode().unwrap()
    };
    let (_, progress) = exchange(&two, &hub, NOW, first_garbled);
    assert_eq!(progress.stored, 0);
    let (_, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!(progress.sent, 0, "it is pushed each time");
    // What it gave back of the control log was told to it in the same exchange; what is owed is kept apart from its place.
    assert_eq!(position(&two), Some(hub.head().unwrap()));
    let (_, progress) = exchange(&two, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!((progress.sent, progress.stored), (2, 2));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), numbers(2));
    assert_eq!(position(&two), Some(hub.head().unwrap()));
}

#[test]
fn what_the_hub_has_judged_since_is_given_back_no_more() {
    let (hub, two, _) = to_give_back(2, false);
    refused(&hub, 1);
    exchange(&two, &hub, NOW, as_said);
    hub.trust(entry(1, "06328")).unwrap();
    let later = Time(NOW.0 + HOUR_MS);
    let (_, progress) = exchange(&two, &hub, later, as_said);
    assert_eq!((progress.sent, progress.stored), (2, 0));
    assert_eq!(hub.status().unwrap().quarantined, 2 + REFUSED_PER_DEVICE_MAX, "it keeps both");
    let (_, progress) = exchange(&two, &hub, later, as_said);
    assert_eq!(progress.sent, 0);
    rebuilds_rows(&*two.store);
}

/// The log of a hub that knows of these heads and of nothing else.
fn naming(kept: &[TreeHead], epoch: [u8; 16]) -> Shown {
    let entry = LogEntry::Surpassed { by: key(2).device(), head: kept.first().copied() };
    let leaf = LogLeaf { record: [0; 32], at: NOW, entry }.encode();
    let head = TreeHead::sign(&key(99), epoch, (1, TreeHash::of_leaf(&leaf)), NOW);
    let said = ProvedLeaf { index: 0, leaf, path: Vec::new() };
    let lost = Standing::Lost(Box::new(Loss { life: None, said }));
    Shown { head, standings: vec![lost] }
}

/// Gives a line back to a hub that takes nothing and ends with a failure, and names nothing. Returns
/// how it ended, and whether the phone has a place in the hub's feed then.
fn given_to_one_that_fails(code: Option<FailureCode>) -> (Ending, bool) {
    let (_, two, _) = to_give_back(2, false);
    let options = PhoneOptions { hub: key(99).device(), live: false, asks: Vec::new() };
    let mut phone = PhoneRunner::start(two.phone.clone(), options, entropy(9), NOW).unwrap();
    let head = FeedPosition { epoch: [98; 16], number: 0, chain: [0; 32] };
    let mut served = HubSession::new(HubStart { entry: entry(2, "06325").into(), head, now: NOW });
    let (tree, mut pushed) = (crate::sync::MemoryTree::default(), 0);
    while phone.outcome().is_none() {
        while let Some(frame) = phone.poll_frame(NOW).unwrap() {
            served.handle_frame(&frame, &tree).unwrap();
        }
        while let Some(output) = served.poll_output() {
            match output {
                HubOutput::Send(frame) => phone.handle(&frame).unwrap(),
                HubOutput::Accept(packs) => {
                    pushed += packs.len();
                    let failure = code.map(|code| Failure {
                        code,
                        message: "left out".to_owned(),
                        retry_after_ms: None,
                    });
                    served.handle_accepted(Accepted { failure, ..Accepted::default() }).unwrap();
                }
                HubOutput::ServeBase { .. } => {
                    served.handle_base(BasePage { items: vec![], next: None }).unwrap();
                }
                HubOutput::ShowTree => served.handle_tree(&tree).unwrap(),
                HubOutput::Serve { .. } => {
                    let page = FeedPage { items: vec![], position: head, more: false };
                    served.handle_feed(page).unwrap();
                }
                HubOutput::ShowLog { kept } => {
                    served.handle_log(naming(&kept, head.epoch)).unwrap();
                }
                HubOutput::Notices { after } => served.handle_notices(after, vec![]).unwrap(),
                HubOutput::Finished(_) => {}
                other => panic!("nothing else is asked for: {other:?}"),
            }
        }
    }
    assert_eq!(pushed, 2);
    (phone.outcome().unwrap().ending.clone(), two.phone.position().unwrap().is_some())
}

#[test]
fn what_was_left_out_and_not_named_is_found_by_another_comparison() {
    assert_eq!(given_to_one_that_fails(None), (Ending::Done, true));
    for code in [FailureCode::Busy, FailureCode::Version, FailureCode::TooLarge] {
        let (ending, followed) = given_to_one_that_fails(Some(code));
        assert!(matches!(ending, Ending::Told(_)), "{ending:?}");
        assert!(!followed, "{code:?}: with a place nobody would ask for it again");
    }
    // What does not hold is named, and held back by its name.
    assert!(given_to_one_that_fails(Some(FailureCode::Misbehaved)).1);
}
