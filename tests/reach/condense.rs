//! Compaction: closed parts of the journal become shorter, and nobody notices.

use std::path::Path;
use std::sync::Arc;

use bienban_core::model::TemplateId;
use bienban_core::replica::{Hub, HubOptions, Phone, Projection, says_the_same};
use bienban_core::store::{
    DiskStore, MemoryStore, Options, Position, Read, Row, Store, is_shortened_from,
};
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, SHORT};

use crate::holes::{check, copy, damaged, day, losses, settle};

/// Tables whose rows are caches, which a rebuild leaves out or makes anew: bases, lists, what was looked at.
const DERIVED: &[u8] = b"bsoxV.";

/// Writes whatever is due shorter. Returns how many bytes that saved.
fn condense(replica: &bienban_core::replica::Replica) -> u64 {
    let mut saved = 0;
    while let Some(done) = replica.condense(NOW).unwrap() {
        saved += done.lengths.before - done.lengths.after;
    }
    saved
}

fn lasting(store: &dyn Read) -> Vec<Row> {
    let mut rows = store.scan(&[], None, usize::MAX).unwrap();
    rows.retain(|(key, _)| !DERIVED.contains(&key[0]));
    rows
}

fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(Projection)))
}

/// Many days of two phones over memory, whose parts are short.
fn months(phones: [&Arc<Phone>; 2], hub: &Arc<Hub>, template: TemplateId) {
    for _ in 0..12 {
        day(phones, hub, template);
    }
}

#[test]
fn what_is_shortened_is_told_again_to_the_byte_and_a_rebuild_comes_to_the_same_rows() {
    let stores = [memory(), memory()];
    let [one, two] = [1, 2].map(|n| fleet::phone_over(stores[usize::from(n) - 1].clone(), n));
    let hub_store = memory();
    let hub = fleet::hub_over(hub_store.clone());
    let template = hub.publish(SHORT.to_vec()).unwrap();
    (1..=4).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    months([&one, &two], &hub, template);
    let early = fleet::phone(3);
    settle(&early, &hub);
    months([&one, &two], &hub, template);

    let packs = |phone: &Phone| phone.outbox().unwrap();
    assert!(packs(&one).is_empty());
    let mut saved = Vec::new();
    for (store, replica) in
        [(&stores[0], one.replica()), (&stores[1], two.replica()), (&hub_store, hub.replica())]
    {
        let loaded = replica.load(fleet::visit(template, 1).document()).unwrap();
        saved.push(condense(replica));
        assert_eq!(
            replica.load(fleet::visit(template, 1).document()).unwrap().heads(),
            loaded.heads()
        );
        assert_eq!(condense(replica), 0, "what was looked at is not looked at again");
        let live = lasting(&**store);
        store.power_cut(false).unwrap();
        assert!(lasting(&**store) == live, "a rebuild from shorter records comes to other rows");
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }
    assert!(saved.iter().all(|bytes| *bytes > 0), "{saved:?}");
    println!("bytes saved, two phones and the hub: {saved:?}");

    // They go on, and so does a phone that was away for months, and one that has nothing.
    day([&one, &two], &hub, template);
    let late = fleet::phone(4);
    for phone in [&early, &late] {
        settle(phone, &hub);
    }
    for number in 1..=2 {
        let id = fleet::visit(template, number).document();
        let at_hub = hub.replica().load(id).unwrap();
        for phone in [&one, &two, &early, &late] {
            let here = phone.replica().load(id).unwrap();
            assert_eq!(here.heads(), at_hub.heads());
            assert_eq!(here.view().record().digest(), at_hub.view().record().digest());
        }
    }
}

#[test]
fn a_hub_that_lost_everything_is_given_back_what_phones_have_shortened() {
    let [one, two] = [1, 2].map(fleet::phone);
    let (hub, template) = fleet::hub(SHORT, 3);
    months([&one, &two], &hub, template);
    let digests: Vec<_> = (1..=2)
        .map(|n| {
            hub.replica()
                .load(fleet::visit(template, n).document())
                .unwrap()
                .view()
                .record()
                .digest()
        })
        .collect();
    assert!(condense(one.replica()) > 0 && condense(two.replica()) > 0);
    drop(hub);
    // The same key, and a store that knows nothing.
    let options = HubOptions { fresh_epoch: [77; 16], now: NOW };
    let key = DeviceKey::from_seed(&fleet::HUB_SEED);
    let hub = Arc::new(Hub::open(memory(), key, options).unwrap());
    hub.publish(SHORT.to_vec()).unwrap();
    (1..=3).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    for phone in [&one, &two, &one] {
        settle(phone, &hub);
    }
    for (number, digest) in (1..=2).zip(&digests) {
        let id = fleet::visit(template, number).document();
        assert_eq!(hub.replica().load(id).unwrap().view().record().digest(), *digest);
    }
}

/// Opens a store whose journal has short segments.
fn on_disk(dir: &Path) -> Arc<DiskStore> {
    let options = Options { segment_bytes: 4_000, ..Options::at(NOW.0) };
    Arc::new(DiskStore::open(dir, Arc::new(Projection), options).unwrap())
}

#[test]
fn whatever_record_of_a_shortened_store_a_phone_loses_the_next_sync_brings_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("phone");
    let (hub, template) = fleet::hub(SHORT, 2);
    let one = fleet::phone(1);
    {
        let two = fleet::phone_over(on_disk(&dir), 2);
        day([&one, &two], &hub, template);
        assert!(condense(two.replica()) > 0);
        // What is in the last part is shortened once there is another behind it.
        check([&one, &two], &hub, template, "before");
    }
    let all = payloads(&dir);
    for (context, lost) in losses(&all) {
        let (_folder, dir) = damaged(&dir, lost);
        let two = fleet::phone_over(on_disk(&dir), 2);
        assert!(!two.replica().store().opened().lost.is_empty(), "{context}");
        settle(&two, &hub);
        settle(&one, &hub);
        check([&one, &two], &hub, template, &context);
    }
}

#[test]
fn whatever_record_of_a_shortened_store_the_hub_loses_phones_bring_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("hub");
    let [one, two] = [1, 2].map(fleet::phone);
    let open = |dir: &Path, life: u8| {
        let options = HubOptions { fresh_epoch: [life; 16], now: NOW };
        let key = DeviceKey::from_seed(&fleet::HUB_SEED);
        let hub = Hub::open(on_disk(dir), key, options).unwrap();
        let template = hub.publish(SHORT.to_vec()).unwrap();
        (1..=2).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
        hub.merge_all(NOW).unwrap();
        (Arc::new(hub), template)
    };
    let (hub, template) = open(&dir, 9);
    day([&one, &two], &hub, template);
    assert!(condense(hub.replica()) > 0);
    check([&one, &two], &hub, template, "before");
    drop(hub);
    let all = payloads(&dir);
    for (life, (context, lost)) in std::iter::zip(10.., losses(&all)) {
        let (_folder, dir) = damaged(&dir, lost);
        let (hub, _) = open(&dir, life);
        for phone in [&one, &two, &one, &two] {
            settle(phone, &hub);
        }
        check([&one, &two], &hub, template, &context);
    }
}

/// What the journal of a closed store holds, by position.
fn payloads(dir: &Path) -> Vec<Vec<u8>> {
    let store = on_disk(dir);
    let positions = 1..=store.position().0;
    positions.map(|at| store.record(Position(at)).unwrap().unwrap().payload).collect()
}

#[test]
fn a_part_that_is_shortened_in_a_copy_is_the_same_part() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, copied) = (folder.path().join("phone"), folder.path().join("copy"));
    let (hub, template) = fleet::hub(SHORT, 2);
    let one = fleet::phone(1);
    let two = fleet::phone_over(on_disk(&dir), 2);
    day([&one, &two], &hub, template);
    drop(two);
    copy(&dir, &copied);
    let two = fleet::phone_over(on_disk(&dir), 2);
    assert!(condense(two.replica()) > 0);
    let mut shorter = 0;
    for item in std::fs::read_dir(copied.join("journal")).unwrap() {
        let path = item.unwrap().path();
        let old = std::fs::read(&path).unwrap();
        let new = std::fs::read(dir.join("journal").join(path.file_name().unwrap())).unwrap();
        if new.len() < old.len() {
            shorter += 1;
            assert!(is_shortened_from(&new, &old, &says_the_same));
            assert!(!is_shortened_from(&old, &new, &says_the_same));
            let mut other = old.clone();
            let last = other.len() - 1;
            other[last] ^= 1;
            assert!(!is_shortened_from(&new, &other, &says_the_same));
        }
    }
    assert!(shorter > 0);
}
