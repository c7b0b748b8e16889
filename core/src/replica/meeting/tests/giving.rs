//! What a phone holds and cannot give.

use super::carrying::{as_said, carried_load, exchange, rebuilds_rows};
use super::*;
use crate::model::ChangeHash;
use crate::replica::facts::{Fact, Renewal};
use crate::replica::rows::{self, LoadRow, PACK, SOURCE};
use crate::store::Writes;
use crate::sync::{FeedItem, Notice, Pack, Verdict, Want};
use crate::trust::{HubReceipt, ReceiptItem};

/// Takes the packs of a document out of a phone's index; what they brought still counts as held.
fn lose_packs(side: &Side, document: DocumentId) {
    let mut writes = Writes::default();
    for table in [PACK, SOURCE] {
        let prefix = rows::of_document(table, document);
        for (key, _) in side.store.scan(&prefix, None, usize::MAX).unwrap() {
            writes.remove(key);
        }
    }
    side.store.derive(writes).unwrap();
}

#[test]
fn what_cannot_be_given_is_named_and_the_phone_goes_on_comparing_until_it_can() {
    let first = hub(&[1, 2]);
    let (one, two, genesis) = (side(1), side(2), visit("06325", 1));
    sync(&one, &first);
    one.answer(&genesis, "1.1", "typed");
    for side in [&one, &two, &two] {
        exchange(side, &first, NOW, as_said);
    }
    assert_eq!(two.values(&genesis, "1.1"), ["typed"]);
    let document = genesis.document();
    let actor = Actor::derive(key(1).device(), document, Incarnation([1; 16]));
    let want = Want { document, actor, from_seq: 1 };
    assert_eq!(two.replica().provide(&[want]).unwrap().missing, []);
    lose_packs(&two, document);
    let provided = two.replica().provide(&[want]).unwrap();
    assert_eq!((provided.packs.len(), provided.missing), (0, vec![want]));

    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [98; 16], now: NOW };
    let rebuilt = Arc::new(Hub::open(store, key(99), options).unwrap());
    rebuilt.publish(TEA.to_vec()).unwrap();
    for number in [1, 2] {
        rebuilt.trust(entry(number, "06325")).unwrap();
    }
    told_of_another_life(&rebuilt, &two);
    let life = rebuilt.head().unwrap().epoch;
    let followed = |side: &Side| {
        side.phone.position().unwrap().filter(|position| position.epoch == life).is_some()
    };
    let (ending, _) = exchange(&two, &rebuilt, NOW, as_said);
    assert_eq!(ending, Ending::Done);
    assert!(!followed(&two), "with a position nobody would ask for it again");
    exchange(&one, &rebuilt, NOW, as_said);
    exchange(&two, &rebuilt, NOW, as_said);
    assert!(followed(&two), "another gave it");
    assert_eq!(values(rebuilt.replica(), &genesis, "1.1"), ["typed"]);
}

#[test]
fn a_hub_set_back_unnoticed_gets_back_what_it_lost_once_a_person_says_so() {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let open = |store: &Arc<MemoryStore>| {
        let options = HubOptions { fresh_epoch: [97; 16], now: NOW };
        Arc::new(Hub::open(store.clone(), key(99), options).unwrap())
    };
    let hub = open(&store);
    hub.publish(TEA.to_vec()).unwrap();
    hub.trust(entry(1, "06325")).unwrap();
    let (one, genesis) = (side(1), visit("06325", 1));
    sync(&one, &hub);
    let copy = store.disk().copy_unnoticed();
    one.answer(&genesis, "1.1", "after the copy");
    sync(&one, &hub);

    let store = Arc::new(MemoryStore::open(&copy, Arc::new(Projection)).unwrap());
    let hub = open(&store);
    let before = hub.head().unwrap();
    let options = HubOptions { fresh_epoch: [96; 16], now: NOW };
    hub.restored(options).unwrap();
    let head = hub.head().unwrap();
    assert_ne!(head.epoch, before.epoch);
    assert_eq!(head.number, before.number);
    exchange(&one, &hub, NOW, as_said);
    exchange(&one, &hub, NOW, as_said);
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["after the copy"]);
    assert_eq!(one.phone.only_here().unwrap(), []);
}

#[test]
fn the_hub_s_line_does_not_end_the_carrying_of_another_under_its_name() {
    let hub = hub(&[1, 2]);
    let (one, two, genesis) = (side(1), side(2), visit("06325", 1));
    for side in [&one, &two] {
        sync(side, &hub);
    }
    let clone = one.cloned();
    one.answer(&genesis, "1.1", "on the original");
    clone.answer(&genesis, "1.1", "on the clone");
    meet(&clone, &two);
    let document = genesis.document();
    assert_eq!(two.phone.carried().unwrap(), [document]);
    sync(&one, &hub);
    let actor = Actor::derive(key(1).device(), document, Incarnation([1; 16]));
    let want = Want { document, actor, from_seq: 1 };
    let brought = one.replica().provide(&[want]).unwrap().packs;
    let items = brought.into_iter().map(FeedItem::Pack).collect();
    two.phone.apply(items, None, Incarnation([50; 16]), NOW).unwrap();
    assert_eq!(two.phone.carried().unwrap(), [document], "the hub was not offered it yet");
    exchange(&two, &hub, NOW, as_said);
    assert_eq!(two.phone.carried().unwrap(), [], "the hub said that it does not take it");
    assert_eq!(hub.status().unwrap().quarantined, 1, "and keeps it");
    assert_eq!(two.digest(&genesis), digest(hub.replica(), &genesis));
}

/// The hub's line comes in several packs: the later ones say nothing of where the lines part.
#[test]
fn nor_does_a_later_pack_of_the_hub_s_line() {
    let hub = hub(&[1, 2]);
    let (one, two, genesis) = (side(1), side(2), visit("06325", 1));
    for side in [&one, &two] {
        sync(side, &hub);
    }
    let clone = one.cloned();
    clone.answer(&genesis, "1.1", "on the clone");
    meet(&clone, &two);
    for item in ["1.1", "1.2", "2.1"] {
        one.answer(&genesis, item, "on the original");
        sync(&one, &hub);
    }
    let document = genesis.document();
    let actor = Actor::derive(key(1).device(), document, Incarnation([1; 16]));
    let want = Want { document, actor, from_seq: 1 };
    let brought = one.replica().provide(&[want]).unwrap().packs;
    assert_eq!(brought.len(), 3);
    for pack in brought {
        let items = vec![FeedItem::Pack(pack)];
        two.phone.apply(items, None, Incarnation([50; 16]), NOW).unwrap();
        assert_eq!(two.phone.carried().unwrap(), [document], "the hub was not offered it yet");
    }
    exchange(&two, &hub, NOW, as_said);
    assert_eq!(two.phone.carried().unwrap(), [], "the hub said that it does not take it");
    assert_eq!(hub.status().unwrap().quarantined, 1, "and keeps it");
    assert_eq!(two.digest(&genesis), digest(hub.replica(), &genesis));
}

#[test]
fn notices_are_asked_for_again_after_a_record_was_lost_and_counted_once() {
    let one = side(1);
    let hub = hub(&[1]);
    sync(&one, &hub);
    let notice = |seq| Notice {
        document: visit("06325", 1).document(),
        actor: Actor([4; 16]),
        seq,
        hash: ChangeHash([5; 32]),
        verdict: Verdict::NotAllowed,
    };
    let heard = |upto, seqs: &[u64]| {
        let notices = seqs.iter().map(|seq| notice(*seq)).collect();
        one.phone.record(Fact::Noticed { upto, notices }).unwrap();
    };
    let asks = || one.phone.start(hub.device(), false, NOW).unwrap().0.notices;
    // The record that brought the first is lost.
    heard(3, &[2, 3]);
    assert_eq!(asks(), 3);
    let (incarnation, why) = (Incarnation([6; 16]), Renewal::Moved);
    one.phone.record(Fact::Incarnated { incarnation, why, lost: 1, at: NOW }).unwrap();
    assert_eq!(asks(), 0);
    heard(3, &[1, 2, 3]);
    assert_eq!(asks(), 3);
    assert_eq!(one.phone.notices().unwrap(), [notice(1), notice(2), notice(3)]);
    assert_eq!(one.replica().totals().unwrap().quarantined, 3);
}

#[test]
fn a_snapshot_ends_the_carrying_of_all_packs_of_its_line() {
    let hub = hub(&[1, 3]);
    let (one, three, genesis) = (side(1), side(3), visit("06325", 1));
    sync(&one, &hub);
    for number in 0..33 {
        one.answer(&genesis, "1.1", &number.to_string());
        sync(&one, &hub);
    }
    meet(&one, &three);
    assert_eq!(carried_load(&three).packs, 33);
    sync(&three, &hub);
    assert_eq!(carried_load(&three), LoadRow::default());
    assert!(!three.phone.carries().unwrap());
    assert_eq!(three.digest(&genesis), digest(hub.replica(), &genesis));
    rebuilds_rows(&*three.store);
}

/// Where the saved form goes further than what is carried, only the hub can say that it is the same.
#[test]
fn a_snapshot_that_goes_further_has_the_hub_asked_once_more() {
    let hub = hub(&[1, 3]);
    let (one, three, genesis) = (side(1), side(3), visit("06325", 1));
    sync(&one, &hub);
    for number in 0..40 {
        one.answer(&genesis, "1.1", &number.to_string());
        sync(&one, &hub);
        if number == 19 {
            meet(&one, &three);
        }
    }
    assert_eq!(carried_load(&three).packs, 20);
    for _ in 0..2 {
        sync(&three, &hub);
    }
    assert_eq!(carried_load(&three), LoadRow::default());
    let (_, progress) = exchange(&three, &hub, NOW, as_said);
    assert_eq!(progress.sent, 0);
    assert_eq!(three.digest(&genesis), digest(hub.replica(), &genesis));
    rebuilds_rows(&*three.store);
}

#[test]
fn a_place_that_a_snapshot_proves_ends_the_carrying_of_all_before_it_without_the_hub_s_word() {
    let hub = hub(&[1, 3]);
    let (one, three, genesis) = (side(1), side(3), visit("06325", 1));
    sync(&one, &hub);
    for number in 0..33 {
        one.answer(&genesis, "1.1", &number.to_string());
        sync(&one, &hub);
    }
    meet(&one, &three);
    assert_eq!(carried_load(&three).packs, 33);
    let items = hub.snapshots(&entry(3, "06325").into(), None).unwrap().items;
    assert!(items.len() < 33, "a saved form, and what was merged since");
    three.phone.apply(items, None, Incarnation([50; 16]), NOW).unwrap();
    assert_eq!(carried_load(&three), LoadRow::default());
}

#[test]
fn what_was_signed_for_before_a_snapshot_went_further_is_not_carried_for_ever() {
    let hub = hub(&[1, 3]);
    let (one, three, genesis) = (side(1), side(3), visit("06325", 1));
    sync(&one, &hub);
    let answer = |number: u32| {
        one.answer(&genesis, "1.1", &number.to_string());
        sync(&one, &hub);
    };
    (0..20).for_each(answer);
    meet(&one, &three);
    let epoch = hub.head().unwrap().epoch;
    let carried = three.phone.deliver(epoch, None, NOW).unwrap().packs;
    let signed = hub.accept(key(3).device(), &carried, NOW).unwrap().receipt.unwrap();
    three.phone.receipted(signed).unwrap();
    assert_eq!(three.phone.deliver(epoch, None, NOW).unwrap().packs.len(), 0);
    assert_eq!(carried_load(&three).packs, 20, "nothing was brought yet");
    (20..40).for_each(answer);
    for _ in 0..2 {
        sync(&three, &hub);
    }
    assert_eq!(carried_load(&three), LoadRow::default());
    rebuilds_rows(&*three.store);
}

#[test]
fn a_signature_speaks_of_the_pack_that_it_names_alone() {
    let hub = hub(&[1, 2]);
    let (one, two, genesis) = (side(1), side(2), visit("06325", 1));
    for side in [&one, &two] {
        sync(side, &hub);
    }
    let clone = one.cloned();
    clone.answer(&genesis, "1.1", "on the clone");
    meet(&clone, &two);
    let (document, epoch) = (genesis.document(), hub.head().unwrap().epoch);
    let actor = Actor::derive(key(1).device(), document, Incarnation([1; 16]));
    let offered = || two.phone.deliver(epoch, None, NOW).unwrap().packs;
    let carried = Pack::decode(&offered()[0]).unwrap();
    let sign = |seq, hash| {
        let items = vec![ReceiptItem { document, actor, seq, hash }];
        let device = key(2).device();
        let receipt = HubReceipt::sign(&key(99), epoch, device, items, NOW).unwrap();
        two.phone.receipted(receipt).unwrap();
    };
    // The hub holds another line of this name, of which this phone gave it something.
    for seq in [1, 2] {
        sign(seq, ChangeHash([7; 32]));
        assert_eq!(offered().len(), 1, "the hub was not offered it yet");
    }
    sign(carried.last_seq(), carried.tip_hash());
    assert_eq!(offered().len(), 0);
    rebuilds_rows(&*two.store);
}
