//! A change that the hub refuses: everybody ends up with the same record, honest edits that were
//! built on it arrive as new changes, and what cannot arrive stays visible to its author.

use std::sync::Arc;

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ScalarValue};
use bienban_core::checklist::Template;
use bienban_core::model::{Actor, AnswerState, ChangeHash, Document, Genesis, NoteEdit, RawChange};
use bienban_core::replica::{Fact, Hub, HubOptions, Phone, Projection};
use bienban_core::store::{MemoryDisk, MemoryStore, Store};
use bienban_core::sync::{FeedItem, Verdict};
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, SHORT};

mod carrying;

/// The present incarnation's name of a phone in a record.
fn actor(phone: &Phone, genesis: &Genesis) -> Actor {
    let life = phone.replica().owner().unwrap().unwrap().incarnation;
    Actor::derive(phone.device(), genesis.document(), life)
}

/// Operations on what does not exist, some of which Automerge takes in and cannot open again.
fn poisons() -> Vec<Op> {
    let nowhere = OpId(5, ActorId::from([0x77_u8; 16]));
    let op = |obj, pred: Vec<OpId>, action| Op {
        action,
        obj,
        key: Key::Map("x".into()),
        pred: pred.into(),
        insert: false,
    };
    let put = || OpType::Put(ScalarValue::Int(1));
    vec![
        op(ObjectId::Id(nowhere.clone()), vec![], put()),
        op(ObjectId::Root, vec![nowhere.clone()], put()),
        op(ObjectId::Root, vec![nowhere.clone()], OpType::Delete),
        op(ObjectId::Root, vec![], OpType::Delete),
        op(ObjectId::Root, vec![], OpType::Increment(1)),
    ]
}

/// Records, as one edit, an answer together with an operation after which the record does not open
/// again: what a fault of the phone's program might write.
fn record_poison(phone: &Phone, genesis: &Genesis, item: &str) -> ChangeHash {
    let here = phone.replica().load(genesis.document()).unwrap();
    poisoned(phone, genesis, item, &here)
}

/// As [`record_poison`], on what the record holds.
fn poisoned(phone: &Phone, genesis: &Genesis, item: &str, here: &Document) -> ChangeHash {
    for poison in poisons() {
        let edited = here.clone().edit(actor(phone, genesis), NOW, |editor| {
            editor.answer(item, fleet::answer("refused"))
        });
        let honest = edited.unwrap().1.unwrap();
        let mut change = Change::from_bytes(honest.bytes().to_vec()).unwrap().decode();
        change.operations.push(poison);
        change.hash = None;
        let change = RawChange::inspect(Change::from(change).raw_bytes().to_vec()).unwrap();
        let (mut verified, mut replayed) = (here.clone(), here.clone());
        let refused = !verified.apply(std::slice::from_ref(&change)).refused.is_empty();
        replayed.replay(std::slice::from_ref(&change));
        if refused && replayed.has(&change.facts().hash) {
            let hash = change.facts().hash;
            let change = change.bytes().to_vec();
            let fact = Fact::Changed { genesis: genesis.clone(), change, at: NOW };
            phone.replica().store().commit(vec![fact.record().unwrap()]).unwrap();
            return hash;
        }
    }
    panic!("none of these is taken in by a phone and refused by the hub; find new ones");
}

struct Place {
    hub: Arc<Hub>,
    phones: Vec<Arc<Phone>>,
    genesis: Genesis,
    items: Vec<String>,
}

impl Place {
    /// Three phones that hold one visit with an answer of the first.
    fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new(Arc::new(Projection))), &MemoryDisk::new())
    }

    /// As [`Self::new`], with the first phone over a store and the hub on a disk.
    fn over(first: Arc<dyn Store>, disk: &MemoryDisk) -> Self {
        let hub = hub_on(disk, 1);
        let template = hub.publish(SHORT.to_vec()).unwrap();
        let mut phones = vec![fleet::phone_over(first, 1)];
        phones.extend((2..=3).map(fleet::phone));
        for number in 1..=3 {
            hub.trust(fleet::entry(number)).unwrap();
        }
        let items = Template::parse(SHORT).unwrap().shape().items().to_vec();
        let place = Self { hub, phones, genesis: fleet::visit(template, 1), items };
        place.sync();
        place.answer(0, 0, "first");
        place.sync();
        place
    }

    fn answer(&self, phone: usize, item: usize, value: &str) {
        let edit = self.phones[phone].edit(&self.genesis, NOW, |editor| {
            editor.answer(&self.items[item], fleet::answer(value))
        });
        edit.unwrap();
    }

    fn note(&self, phone: usize, item: usize, text: &str) {
        let edit = self.phones[phone].edit(&self.genesis, NOW, |editor| {
            editor.note(&self.items[item], NoteEdit::Append(text.to_owned()))
        });
        edit.unwrap();
    }

    /// What a phone holds of its own goes to another over the air.
    fn hand(&self, from: usize, to: usize) {
        let packs = self.phones[from].release(NOW).unwrap();
        let mut all = self.phones[from].outbox().unwrap();
        all.retain(|pack| !packs.contains(pack));
        all.extend(packs);
        let items = all.into_iter().map(FeedItem::Pack).collect();
        let fresh = bienban_core::model::Incarnation([77; 16]);
        self.phones[to].apply(items, None, fresh, NOW).unwrap();
    }

    /// Everybody exchanges until nothing moves any more.
    fn sync(&self) {
        for round in 0..8 {
            let mut moved = false;
            for phone in &self.phones {
                let (_, progress) = fleet::exchange(phone, &self.hub);
                moved |= progress.again || progress.sent + progress.received > 0;
            }
            if !moved && round > 0 {
                return;
            }
        }
        panic!("they never come to rest");
    }

    fn document(&self, phone: usize) -> Document {
        self.phones[phone].replica().load(self.genesis.document()).unwrap()
    }

    fn values(&self, phone: usize) -> Vec<String> {
        let document = self.document(phone);
        let view = document.view().inspection().unwrap();
        let values = self.items.iter().map(|item| match view.answers.get(item) {
            Some(AnswerState::One(said)) => said.value.value.clone().unwrap_or_default(),
            _ => "-".to_owned(),
        });
        values.collect()
    }

    /// Everybody holds the same, nothing waits, and the journals say so again.
    fn check(&self) {
        let at_hub = self.hub.replica().load(self.genesis.document()).unwrap();
        for phone in &self.phones {
            let here = phone.replica().load(self.genesis.document()).unwrap();
            assert_eq!(here.heads(), at_hub.heads());
            assert_eq!(here.view().record().digest(), at_hub.view().record().digest());
            assert_eq!(phone.only_here().unwrap(), []);
            let arrival = phone.arrival(self.genesis.document()).unwrap();
            assert_eq!((arrival.only_here, arrival.merged), (0, arrival.recorded), "{arrival:?}");
            assert_eq!(phone.fingerprint().unwrap(), self.phones[0].fingerprint().unwrap());
            rebuilds(&**phone.replica().store());
        }
        let status = self.hub.status().unwrap();
        assert_eq!((status.pending, status.waiting), (0, 0));
        rebuilds(&**self.hub.replica().store());
    }

    fn verdicts(&self, phone: usize) -> Vec<Verdict> {
        let notices = self.phones[phone].notices().unwrap();
        notices.iter().map(|notice| notice.verdict).collect()
    }
}

/// Opens a hub on a disk; a copied one takes this life.
fn hub_on(disk: &MemoryDisk, life: u8) -> Arc<Hub> {
    let store = Arc::new(MemoryStore::open(disk, Arc::new(Projection)).unwrap());
    let options = HubOptions { fresh_epoch: [life; 16], now: NOW };
    Arc::new(Hub::open(store, DeviceKey::from_seed(&fleet::HUB_SEED), options).unwrap())
}

/// Projects the journal once more and compares every row that is not a cache.
fn rebuilds(store: &dyn Store) {
    let again = MemoryStore::new(Arc::new(Projection));
    for at in 1..=store.position().0 {
        let record = store.record(bienban_core::store::Position(at)).unwrap();
        again.commit(vec![record.unwrap()]).unwrap();
    }
    let rows = |store: &dyn Store| {
        let mut rows = store.scan(&[], None, usize::MAX).unwrap();
        // Saved forms, summaries, their order, and which are behind.
        rows.retain(|(key, _)| !b"bsoxV".contains(&key[0]));
        rows
    };
    assert_eq!(rows(&again), rows(store));
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn honest_edits_on_a_refused_change_arrive_without_it() {
    let place = Place::new();
    let refused = record_poison(&place.phones[0], &place.genesis, &place.items[1]);
    place.phones[0].release(NOW).unwrap();
    place.answer(0, 2, "later");
    place.note(0, 0, "ghi chú");
    place.hand(0, 1);
    assert!(place.document(1).has(&refused), "the second phone has taken it in, and builds on it");
    place.answer(1, 3, "theirs");
    place.answer(1, 1, "in its place");
    // A third phone that only carries it.
    place.hand(0, 2);
    assert!(place.document(2).has(&refused));
    fleet::exchange(&place.phones[1], &place.hub);
    place.sync();
    place.check();
    for phone in 0..3 {
        assert_eq!(place.values(phone), ["first", "in its place", "later", "theirs"]);
        assert!(!place.document(phone).has(&refused));
    }
    assert_eq!(place.verdicts(0), [Verdict::Poison, Verdict::OnRefused]);
    assert_eq!(place.verdicts(1), [Verdict::OnRefused]);
    assert_eq!(place.verdicts(2), []);
    let rejected = place.phones[0].rejected().unwrap();
    assert_eq!(
        (rejected.len(), rejected[0].change, rejected[0].verdict),
        (1, refused, Verdict::Poison)
    );
    assert!(rejected[0].written.iter().any(|written| written.text.contains("refused")));
    assert_eq!(place.phones[1].rejected().unwrap(), []);
    // Life goes on under fresh names.
    place.answer(0, 0, "after");
    place.sync();
    place.check();
    assert_eq!(place.values(2)[0], "after");
}

#[test]
fn edits_made_before_the_verdict_is_heard_are_not_lost() {
    let place = Place::new();
    record_poison(&place.phones[0], &place.genesis, &place.items[1]);
    // Refused at the hub, and the phone hears of the receipt only.
    let packs = place.phones[0].release(NOW).unwrap();
    place.hub.accept(place.phones[0].device(), &packs, NOW).unwrap();
    place.hub.merge_all(NOW).unwrap();
    place.answer(0, 2, "unsent");
    place.phones[0].release(NOW).unwrap();
    place.answer(0, 3, "unsigned");
    place.sync();
    place.check();
    assert_eq!(place.values(1)[2..], ["unsent", "unsigned"]);
    assert_eq!(place.phones[0].rejected().unwrap().len(), 1);
}

#[test]
fn a_refused_pack_takes_its_honest_edits_along_and_they_come_anew() {
    let place = Place::new();
    place.answer(0, 0, "before");
    record_poison(&place.phones[0], &place.genesis, &place.items[1]);
    place.answer(0, 2, "behind");
    place.sync();
    place.check();
    assert_eq!(place.values(1), ["before", "-", "behind", "-"]);
}

#[test]
fn a_restored_hub_hears_of_a_refused_change_again_and_nobody_loops() {
    let disk = MemoryDisk::new();
    let mut place = Place::over(Arc::new(MemoryStore::new(Arc::new(Projection))), &disk);
    let backup = disk.copy();
    record_poison(&place.phones[0], &place.genesis, &place.items[1]);
    place.hand(0, 2);
    place.answer(0, 2, "later");
    fleet::exchange(&place.phones[0], &place.hub);
    fleet::exchange(&place.phones[0], &place.hub);
    // The third phone has not heard of the verdict, and the hub forgets it.
    place.hub = hub_on(&backup, 2);
    place.sync();
    place.check();
    assert_eq!(place.values(2), ["first", "-", "later", "-"]);
}

#[test]
fn a_cut_after_any_commit_changes_nothing() {
    for cut in 0..12 {
        let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
        let mut place = Place::over(store.clone(), &MemoryDisk::new());
        place.answer(0, 0, "first again");
        record_poison(&place.phones[0], &place.genesis, &place.items[1]);
        place.phones[0].release(NOW).unwrap();
        place.answer(0, 2, "later");
        exchange_until(&place.phones[0], &place.hub, cut);
        // What was not synced is gone with the process.
        store.power_cut(false).unwrap();
        place.phones[0] = fleet::phone_over(store, 1);
        place.sync();
        place.check();
        assert_eq!(place.values(1)[2], "later", "cut after {cut}");
        assert_eq!(place.phones[0].rejected().unwrap().len(), 1);
    }
}

/// An exchange whose line breaks after some frames from the hub.
fn exchange_until(phone: &Arc<Phone>, hub: &Arc<Hub>, frames: usize) {
    use bienban_core::replica::{HubRunner, PhoneOptions, PhoneRunner};
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut here = PhoneRunner::start(phone.clone(), options, Box::new(|| [8; 16]), NOW).unwrap();
    let mut there = HubRunner::start(hub.clone(), fleet::entry(1).into(), NOW).unwrap();
    let mut heard = 0;
    for _ in 0..64 {
        while let Some(frame) = here.poll_frame(NOW).unwrap() {
            there.handle(&frame).unwrap();
        }
        hub.merge_all(NOW).unwrap();
        there.grown().unwrap();
        while let Some(frame) = there.poll_frame(NOW).unwrap() {
            if heard == frames {
                return;
            }
            heard += 1;
            here.handle(&frame).unwrap();
        }
    }
}

/// A hub that was set back may have lost what it signed for: until the two have compared, the phone
/// claims nothing, and what is missing is sent again.
#[test]
fn a_phone_claims_nothing_of_a_restored_hub_before_they_have_compared() {
    let disk = MemoryDisk::new();
    let mut place = Place::over(Arc::new(MemoryStore::new(Arc::new(Projection))), &disk);
    let backup = disk.copy();
    place.answer(0, 1, "after the backup");
    place.sync();
    let document = place.genesis.document();
    let arrived = place.phones[0].arrival(document).unwrap();
    assert_eq!((arrived.stored, arrived.merged, arrived.only_here), (2, 2, 0));
    place.hub = hub_on(&backup, 2);
    // The hub's first word only.
    exchange_until(&place.phones[0], &place.hub, 1);
    let unknown = place.phones[0].arrival(document).unwrap();
    assert_eq!((unknown.recorded, unknown.stored, unknown.only_here), (2, 0, 2));
    assert_eq!(place.phones[0].only_here().unwrap(), [document]);
    place.sync();
    place.check();
    let arrived = place.phones[0].arrival(document).unwrap();
    assert_eq!((arrived.stored, arrived.merged, arrived.only_here), (2, 2, 0));
}
