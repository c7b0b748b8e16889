//! What the hub signs beyond *stored*: merged, and on a second disk. A phone shows neither before the hub's
//! signature says so.

use std::sync::Arc;

use bienban_core::model::{DocumentId, Timestamp};
use bienban_core::replica::{Arrival, Hub, HubOptions, Phone};
use bienban_tests::fleet::{self, NOW, SHORT};

fn arrival(phone: &Phone, document: DocumentId) -> Arrival {
    phone.arrival(document).unwrap()
}

fn sync(phone: &Arc<Phone>, hub: &Arc<Hub>) {
    drop(fleet::exchange(phone, hub));
}

#[test]
fn merged_and_backed_up_count_once_the_hub_has_signed_for_them() {
    let (hub, template) = fleet::hub(SHORT, 1);
    hub.expect_backup();
    let phone = fleet::phone(1);
    let _ = fleet::fill_answers(&phone, SHORT, 0..1, 2);
    let document = fleet::visit(template, 0).document();
    sync(&phone, &hub);
    let told = arrival(&phone, document);
    assert_eq!((told.stored, told.merged), (2, 2));
    assert_eq!((told.merged_signed, told.backed), (0, 0), "no signature, no claim");
    sync(&phone, &hub);
    let told = arrival(&phone, document);
    assert_eq!((told.merged_signed, told.merged_at), (2, Some(NOW)));
    assert_eq!((told.backed, told.backed_at), (0, None));
    // Nothing is claimed before the copy was read back, however often it is asked.
    sync(&phone, &hub);
    assert_eq!(arrival(&phone, document).backed, 0);
    let later = Timestamp(NOW.0 + 5_000);
    let upto = hub.to_back_up().unwrap().unwrap();
    hub.backed_up(upto, later).unwrap();
    assert_eq!(hub.to_back_up().unwrap(), None);
    sync(&phone, &hub);
    let told = arrival(&phone, document);
    assert_eq!((told.backed, told.backed_at), (2, Some(later)));
    // A later edit is not backed up by the copy before it.
    let genesis = fleet::visit(template, 0);
    phone.edit(&genesis, NOW, |edit| edit.answer("2.1", fleet::answer("mới"))).unwrap();
    (0..2).for_each(|_| sync(&phone, &hub));
    let told = arrival(&phone, document);
    assert_eq!((told.recorded, told.merged_signed, told.backed), (3, 3, 2));
    hub.backed_up(hub.to_back_up().unwrap().unwrap(), later).unwrap();
    sync(&phone, &hub);
    assert_eq!(arrival(&phone, document).backed, 3);
}

#[test]
fn one_signature_serves_every_phone_until_something_changes() {
    let (hub, _) = fleet::hub(SHORT, 3);
    let first = hub.mark(NOW).unwrap();
    let later = Timestamp(NOW.0 + 1);
    assert_eq!(hub.mark(later).unwrap(), first);
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, SHORT, 0..1);
    sync(&phone, &hub);
    let next = hub.mark(later).unwrap();
    assert!(next.merged > first.merged && next.signature != first.signature);
    next.verify(hub.device()).unwrap();
}

#[test]
fn a_hub_that_was_set_back_backs_up_nothing_by_its_earlier_word() {
    let (hub, template) = fleet::hub(SHORT, 1);
    hub.expect_backup();
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, SHORT, 0..1);
    let document = fleet::visit(template, 0).document();
    sync(&phone, &hub);
    hub.backed_up(hub.to_back_up().unwrap().unwrap(), NOW).unwrap();
    sync(&phone, &hub);
    assert_eq!(arrival(&phone, document).backed, 1);
    hub.restored(HubOptions { fresh_epoch: [44; 16], now: NOW }).unwrap();
    assert!(hub.to_back_up().unwrap().is_some(), "the new life has copied nothing");
    (0..3).for_each(|_| sync(&phone, &hub));
    let told = arrival(&phone, document);
    assert_eq!((told.merged, told.merged_signed, told.backed), (1, 1, 0));
}
