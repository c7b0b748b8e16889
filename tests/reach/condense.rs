//! Compaction: closed parts of the journal become shorter, and nobody notices.

use std::path::Path;
use std::sync::Arc;

use bienban_core::model::{NoteEdit, TemplateId};
use bienban_core::replica::{
    Hub, HubOptions, Phone, Projection, Replica, check_told, says_the_same,
};
use bienban_core::store::{
    DiskStore, Done, MemoryStore, Opened, Options, Position, Read, Record, Row, Segment, Shortened,
    Shorter, Store, StoreError, Verified, Writes, is_shortened_from,
};
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, SHORT};

use crate::holes::{check, check_said, copy, damaged, day, losses, settle};

/// Tables whose rows are caches, which a rebuild leaves out or makes anew: bases, lists, what was looked at.
const DERIVED: &[u8] = b"bsoxV.";

/// Writes whatever is due shorter. Returns how many bytes that saved.
fn condense(replica: &Replica) -> u64 {
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

/// Length of the header of a segment.
const HEADER_BYTES: usize = 128;

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
            // A copy may have been cut off anywhere, also amid a record.
            for cut in (HEADER_BYTES..old.len()).step_by(37) {
                assert!(is_shortened_from(&new, &old[..cut], &says_the_same), "cut at {cut}");
                let mut other = old[..cut].to_vec();
                other[HEADER_BYTES - 40] ^= 1;
                assert!(!is_shortened_from(&new, &other, &says_the_same));
            }
        }
    }
    assert!(shorter > 0);
}

/// The kind of a record that holds a saved document.
const SAVED_KIND: u8 = 48;

/// Returns the saved documents in the journal of a closed store, those left out that a later one replaced or that
/// are lost.
fn saved_in(dir: &Path) -> Vec<Vec<u8>> {
    let store = on_disk(dir);
    let positions = 1..=store.position().0;
    let records = positions.filter_map(|at| store.record(Position(at)).ok().flatten());
    let of_saved = records.filter(|record| record.kind == SAVED_KIND && record.payload.len() > 100);
    of_saved.map(|record| record.payload).collect()
}

/// Answers in a visit after two days: what is said again of an item as it stands is no new one.
const TWO_DAYS: usize = 10;

fn condense_all(replica: &Replica) {
    while replica.condense_eagerly(NOW).unwrap().is_some() {}
}

/// Tells all shortened records again and returns how many are known to be gone.
fn told(store: &dyn Store, context: &str) -> u64 {
    let check = check_told(store).unwrap();
    assert_eq!(check.problems, Vec::<String>::new(), "{context}");
    check.gone
}

fn hub_at(dir: &Path, life: u8, phones: u8) -> (Arc<Hub>, TemplateId) {
    hub_over(on_disk(dir), life, phones)
}

fn hub_over(store: Arc<dyn Store>, life: u8, phones: u8) -> (Arc<Hub>, TemplateId) {
    let options = HubOptions { fresh_epoch: [life; 16], now: NOW };
    let key = DeviceKey::from_seed(&fleet::HUB_SEED);
    let hub = Hub::open(store, key, options).unwrap();
    let template = hub.publish(SHORT.to_vec()).unwrap();
    (1..=phones).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    hub.merge_all(NOW).unwrap();
    (Arc::new(hub), template)
}

#[test]
fn of_a_phone_that_was_shortened_twice_any_saved_document_may_be_lost() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("phone");
    let (hub, template) = fleet::hub(SHORT, 2);
    let one = fleet::phone(1);
    {
        let two = fleet::phone_over(Narrow::keeping_saved(on_disk(&dir)), 2);
        for answers in [6, TWO_DAYS] {
            day([&one, &two], &hub, template);
            condense_all(two.replica());
            check_said(answers, [&one, &two], &hub, template, "before");
            assert_eq!(told(&**two.replica().store(), "before"), 0);
        }
    }
    let saved = saved_in(&dir);
    assert!(saved.len() > 2, "both visits, and one of them twice: {}", saved.len());
    let mut untold = 0;
    for (context, lost) in losses(&saved).take(saved.len() + 1) {
        let (_folder, dir) = damaged(&dir, lost);
        let store = on_disk(&dir);
        untold += check_told(&*store).unwrap().problems.len();
        let two = fleet::phone_over(store.clone(), 2);
        told(&*store, &context);
        settle(&two, &hub);
        settle(&one, &hub);
        check_said(TWO_DAYS, [&one, &two], &hub, template, &context);
        // It is shortened again, and what is lost then does not bring back what was there before.
        condense_all(two.replica());
        check_said(TWO_DAYS, [&one, &two], &hub, template, &context);
        told(&*store, &context);
        drop((two, store));
        if lost.len() == 1 {
            continue;
        }
        let again = saved_in(&dir);
        let (_folder, dir) = damaged(&dir, &again[again.len() - 1..]);
        let two = fleet::phone_over(on_disk(&dir), 2);
        settle(&two, &hub);
        settle(&one, &hub);
        check_said(
            TWO_DAYS,
            [&one, &two],
            &hub,
            template,
            &format!("{context}, then the last one"),
        );
    }
    assert!(untold > 0, "the check names what cannot be told before it is noted");
}

#[test]
fn of_a_hub_that_was_shortened_twice_any_saved_document_may_be_lost() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("hub");
    let [one, two] = [1, 2].map(fleet::phone);
    let (hub, template) = hub_over(Narrow::keeping_saved(on_disk(&dir)), 9, 2);
    for answers in [6, TWO_DAYS] {
        day([&one, &two], &hub, template);
        condense_all(hub.replica());
        check_said(answers, [&one, &two], &hub, template, "before");
        assert_eq!(told(&**hub.replica().store(), "before"), 0);
    }
    drop(hub);
    let saved = saved_in(&dir);
    assert!(saved.len() > 2, "both visits, and one of them twice: {}", saved.len());
    for (life, (context, lost)) in std::iter::zip(10.., losses(&saved).take(saved.len() + 1)) {
        let (_folder, dir) = damaged(&dir, lost);
        let (hub, _) = hub_at(&dir, life, 2);
        told(&**hub.replica().store(), &context);
        for phone in [&one, &two, &one, &two] {
            settle(phone, &hub);
        }
        check_said(TWO_DAYS, [&one, &two], &hub, template, &context);
        condense_all(hub.replica());
        check_said(TWO_DAYS, [&one, &two], &hub, template, &context);
    }
}

/// A store in which few records fit into one commit, and whose parts with saved documents stay as they are.
struct Narrow {
    store: Arc<DiskStore>,
    most: usize,
    keeps_saved: bool,
}

impl Narrow {
    /// Shortens no part that holds a saved document: an earlier one is there beside the later.
    fn keeping_saved(store: Arc<DiskStore>) -> Arc<dyn Store> {
        Arc::new(Self { store, most: usize::MAX, keeps_saved: true })
    }

    fn holds_saved(&self, segment: u64) -> bool {
        let parts = self.store.segments().unwrap();
        let Some(part) = parts.into_iter().find(|part| part.number == segment) else {
            return false;
        };
        (part.first.0..=part.last.0).any(|at| {
            let record = self.store.record(Position(at)).unwrap().unwrap();
            record.kind == SAVED_KIND && record.payload.len() > 100
        })
    }
}

impl Read for Narrow {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.store.scan(prefix, after, limit)
    }
}

impl Store for Narrow {
    fn submit(&self, records: Vec<Record>, done: Done) {
        let (what, bytes, limit) = ("a commit", records.len(), self.most);
        if bytes > limit {
            return done(Err(StoreError::TooLarge { what, bytes, limit }));
        }
        self.store.submit(records, done);
    }

    fn derive(&self, writes: Writes) -> Result<(), StoreError> {
        self.store.derive(writes)
    }

    fn record(&self, at: Position) -> Result<Option<Record>, StoreError> {
        self.store.record(at)
    }

    fn segments(&self) -> Result<Vec<Segment>, StoreError> {
        self.store.segments()
    }

    fn shorten(&self, segment: u64, shorter: Shorter<'_>) -> Result<Shortened, StoreError> {
        if self.keeps_saved && self.holds_saved(segment) {
            return Err(StoreError::NoSegment { segment });
        }
        self.store.shorten(segment, shorter)
    }

    fn position(&self) -> Position {
        self.store.position()
    }

    fn read(&self) -> Box<dyn Read + '_> {
        self.store.read()
    }

    fn verify(&self) -> Result<Verified, StoreError> {
        self.store.verify()
    }

    fn reopen(&self) -> Result<(), StoreError> {
        self.store.reopen()
    }

    fn opened(&self) -> Opened {
        self.store.opened()
    }
}

#[test]
fn more_saved_documents_may_be_lost_at_once_than_records_fit_into_a_commit() {
    const VISITS: u32 = 8;
    const MOST: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let (at_phone, at_hub) = (folder.path().join("phone"), folder.path().join("hub"));
    let (hub, template) = hub_at(&at_hub, 9, 1);
    let one = fleet::phone_over(on_disk(&at_phone), 1);
    settle(&one, &hub);
    for round in 0..4 {
        for number in 1..=VISITS {
            let genesis = fleet::visit(template, number);
            let value = format!("visit {number}, round {round}");
            one.edit(&genesis, NOW, |editor| editor.answer("1.1", fleet::answer(&value))).unwrap();
        }
        settle(&one, &hub);
    }
    let digests = |replica: &Replica| -> Vec<String> {
        let digest = |number| {
            let id = fleet::visit(template, number).document();
            format!("{:?}", replica.load(id).unwrap().view().record().digest())
        };
        (1..=VISITS).map(digest).collect()
    };
    let expected = digests(hub.replica());
    condense_all(hub.replica());
    condense_all(one.replica());
    drop((hub, one));
    for (dir, is_hub) in [(&at_phone, false), (&at_hub, true)] {
        let saved = saved_in(dir);
        assert!(saved.len() >= VISITS as usize, "{} documents were saved", saved.len());
        let (_folder, dir) = damaged(dir, &saved);
        let store: Arc<dyn Store> =
            Arc::new(Narrow { store: on_disk(&dir), most: MOST, keeps_saved: false });
        assert!(store.opened().lost.len() >= VISITS as usize);
        if is_hub {
            let hub = hub_over(store, 10, 1).0;
            let one = fleet::phone_over(on_disk(&at_phone), 1);
            settle(&one, &hub);
            settle(&one, &hub);
            assert_eq!(digests(hub.replica()), expected);
        } else {
            let (hub, _) = hub_at(&at_hub, 9, 1);
            let one = fleet::phone_over(store, 1);
            settle(&one, &hub);
            assert_eq!(digests(one.replica()), expected);
        }
    }
}

/// Two journals that are the same up to a place, and shortened behind it, are two pasts.
#[test]
fn a_shortened_part_of_another_past_is_not_taken_for_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, other) = (folder.path().join("phone"), folder.path().join("other"));
    let (hub, template) = fleet::hub(SHORT, 2);
    let one = fleet::phone(1);
    let two = fleet::phone_over(on_disk(&dir), 2);
    day([&one, &two], &hub, template);
    let common = two.replica().store().position();
    drop(two);
    copy(&dir, &other);
    for (dir, value) in [(&dir, "one past"), (&other, "another past")] {
        let two = fleet::phone_over(on_disk(dir), 2);
        for count in 0..8 {
            let genesis = fleet::visit(template, 1);
            let note = NoteEdit::Append(format!("{value} {count}"));
            two.edit(&genesis, NOW, |editor| editor.note("1.1", note)).unwrap();
            settle(&two, &hub);
        }
    }
    let before = folder.path().join("before");
    copy(&dir, &before);
    for dir in [&dir, &other] {
        let two = fleet::phone_over(on_disk(dir), 2);
        condense_all(two.replica());
    }
    let (mut same, mut another) = (0, 0);
    for part in on_disk(&before).segments().unwrap() {
        let name = format!("journal/{:08}.seg", part.number);
        let read = |dir: &Path| std::fs::read(dir.join(&name)).unwrap();
        let (old, new, foreign) = (read(&before), read(&dir), read(&other));
        assert!(new == old || is_shortened_from(&new, &old, &says_the_same), "{name}");
        same += u32::from(new != old);
        if part.last > common && foreign != old {
            assert!(!is_shortened_from(&foreign, &old, &says_the_same), "{name}");
            another += 1;
        }
    }
    assert!(same > 2 && another > 2, "{same} and {another}");
}
