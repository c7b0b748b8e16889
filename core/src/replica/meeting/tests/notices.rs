//! What a device is told of its packs by a hub that was set back to an older copy.

use super::carrying::rebuilds_rows;
use super::*;
use crate::sync::Verdict;

fn hub_on(disk: &MemoryDisk, life: u8) -> Arc<Hub> {
    let store = Arc::new(MemoryStore::open(disk, Arc::new(Projection)).unwrap());
    let options = HubOptions { fresh_epoch: [life; 16], now: NOW };
    Arc::new(Hub::open(store, key(99), options).unwrap())
}

/// A device that was told of three of its packs that it may not write them, and its hub as of before.
fn told_of_three() -> (Side, Arc<Hub>) {
    let disk = MemoryDisk::new();
    let hub = hub_on(&disk, 97);
    hub.publish(TEA.to_vec()).unwrap();
    for number in [1, 2] {
        hub.trust(entry(number, "06325")).unwrap();
    }
    let one = side(1);
    sync(&one, &hub);
    let copy = disk.copy();
    hub.trust(entry(1, "06328")).unwrap();
    for number in 1..=3 {
        one.answer(&visit("06325", number), "1.1", "told of");
    }
    sync(&one, &hub);
    assert_eq!(one.phone.notices().unwrap().len(), 3);
    assert_eq!(one.phone.outbox().unwrap(), Vec::<Vec<u8>>::new());
    (one, hub_on(&copy, 96))
}

/// Another phone gives the hub four packs that their device may not write now.
fn four_from_another(one: &Side, hub: &Hub) {
    hub.trust(entry(1, "06328")).unwrap();
    for number in 4..=7 {
        one.answer(&visit("06325", number), "1.1", "not told of");
    }
    one.phone.release(NOW).unwrap();
    let packs = one.phone.outbox().unwrap();
    assert_eq!(packs.len(), 4);
    hub.accept(key(2).device(), &packs, NOW).unwrap();
}

/// Of these visits the device was told, and nothing waits for the hub.
fn was_told_of(one: &Side, visits: std::ops::RangeInclusive<u32>) {
    let notices = one.phone.notices().unwrap();
    assert!(notices.iter().all(|notice| notice.verdict == Verdict::NotAllowed), "{notices:?}");
    let mut told: Vec<_> = notices.iter().map(|notice| notice.document).collect();
    let mut all: Vec<_> = visits.map(|number| visit("06325", number).document()).collect();
    told.sort_unstable();
    all.sort_unstable();
    assert_eq!(told, all);
    assert_eq!(one.phone.outbox().unwrap(), Vec::<Vec<u8>>::new(), "pushed in vain each time");
    rebuilds_rows(&*one.store);
}

#[test]
fn numbers_that_an_earlier_life_of_the_hub_gave_to_others_hide_no_notice() {
    let (one, hub) = told_of_three();
    four_from_another(&one, &hub);
    sync(&one, &hub);
    was_told_of(&one, 1..=7);
}

#[test]
fn nor_does_a_count_that_is_further_than_the_hub_s() {
    let (one, hub) = told_of_three();
    // It may write them, as of the copy: there is nothing to tell.
    sync(&one, &hub);
    assert_eq!(one.phone.notices().unwrap(), []);
    // It learns of its new rights first, so that it follows this life of the hub when it is told.
    hub.trust(entry(1, "06328")).unwrap();
    sync(&one, &hub);
    four_from_another(&one, &hub);
    sync(&one, &hub);
    was_told_of(&one, 4..=7);
}

#[test]
fn what_was_written_since_the_hub_s_last_word_is_not_counted_as_kept_aside() {
    let (one, _) = told_of_three();
    let document = visit("06325", 1).document();
    assert_eq!(one.phone.set_aside().unwrap()[&document], 1);
    one.answer(&visit("06325", 1), "1.2", "only here");
    assert_eq!(one.phone.set_aside().unwrap()[&document], 1);
    assert_eq!(one.phone.arrival(document).unwrap().only_here, 2);
}
