//! The hub takes packs in and serves the feed without loading a document.

use bienban_core::sync::FeedItem;
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

    let reader = fleet::entry(2);
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
