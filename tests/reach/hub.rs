//! The hub takes packs in and serves the feed without loading a document.

use bienban_core::replica::{HubRunner, PhoneOptions, PhoneRunner};
use bienban_core::sync::{FeedItem, PlainEntry};
use bienban_tests::fleet::{self, NOW, SHORT};

const DOCUMENTS: u32 = 300;

#[test]
fn accepting_packs_and_serving_the_feed_load_no_document() {
    let (hub, _) = fleet::hub(SHORT, 2);
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, SHORT, 0..DOCUMENTS);
    let packs = phone.release(NOW).unwrap();
    assert_eq!(packs.len(), DOCUMENTS as usize);
    for some in packs.chunks(64) {
        let accepted = hub.accept(phone.device(), some, NOW).unwrap();
        assert_eq!(accepted.receipt.unwrap().items.len(), some.len());
    }
    assert_eq!(hub.replica().documents_loaded(), 0, "accepting");

    assert_eq!(hub.merge_all(NOW).unwrap(), DOCUMENTS as usize);
    let loaded = hub.replica().documents_loaded();
    assert_eq!(loaded, u64::from(DOCUMENTS), "merging loads each document once");

    let reader = fleet::entry(2).into();
    let (mut after, mut served) = (0, 0);
    loop {
        let page = hub.feed(&reader, after).unwrap();
        served += page.items.iter().filter(|item| matches!(item, FeedItem::Pack(_))).count();
        after = page.position.number;
        if !page.more {
            break;
        }
    }
    assert_eq!(served, DOCUMENTS as usize);
    let (mut after, mut whole) = (None, 0);
    loop {
        let page = hub.snapshots(&reader, after).unwrap();
        whole += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(whole, DOCUMENTS as usize);
    assert_eq!(hub.replica().documents_loaded(), loaded, "serving");
}

#[test]
fn a_live_exchange_ends_when_its_device_loses_its_rights() {
    let (hub, _) = fleet::hub(SHORT, 1);
    let options = PhoneOptions { hub: hub.device(), live: true, asks: Vec::new() };
    let mut phone =
        PhoneRunner::start(fleet::phone(1), options, Box::new(|| [9; 16]), NOW).unwrap();
    let mut served = HubRunner::start(hub.clone(), fleet::entry(1).into(), NOW).unwrap();
    let mut talk = |served: &mut HubRunner| {
        for _ in 0..100 {
            let up = phone.poll_frame(NOW).unwrap();
            let down = served.poll_frame(NOW).unwrap();
            if up.is_none() && down.is_none() {
                break;
            }
            up.iter().for_each(|frame| served.handle(frame).unwrap());
            down.iter().for_each(|frame| phone.handle(frame).unwrap());
        }
    };
    talk(&mut served);
    served.grown().unwrap();
    talk(&mut served);
    assert!(served.outcome().is_none(), "nothing has changed, so it goes on");

    hub.trust(PlainEntry { active: false, ..fleet::entry(1) }).unwrap();
    served.grown().unwrap();
    talk(&mut served);
    assert!(served.outcome().is_some(), "it ends");
}
