//! A phone that was set back to an image of its disk without noticing writes on under numbers that it
//! has used before, and the hub holds what it wrote then. The hub's line stays, and every edit that
//! somebody was told of is in the record once, wherever frames end and exchanges are cut.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bienban_core::model::{DocumentId, Genesis, Incarnation, NoteEdit, TemplateId};
use bienban_core::replica::{
    Hub, HubOptions, HubRunner, Phone, PhoneOptions, PhoneRunner, Progress, Projection, Replica,
};
use bienban_core::store::{MemoryDisk, MemoryStore, Store};
use bienban_core::sync::{
    FeedPosition, Fingerprint, Frame, Hello, PROTOCOL_VERSION, PlainEntry, Role,
};
use bienban_core::trust::DeviceKey;
use bienban_tests::fleet::{self, NOW, SHORT};
use bienban_tests::overheard::Overheard;

/// Exchanges that may follow each other at once, before they count as a loop.
const AGAIN_MAX: usize = 5;

/// The phone that is set back, and one of a neighbour.
const MINE: u8 = 2;
const OTHER: u8 = 1;

/// Bytes that no store has had: a phone draws them from its system.
fn fresh() -> [u8; 16] {
    static DRAWN: AtomicU64 = AtomicU64::new(1_000);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&DRAWN.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    bytes
}

fn opened(store: Arc<dyn Store>, number: u8) -> Arc<Phone> {
    let key = DeviceKey::from_seed(&fleet::phone_seed(number));
    Arc::new(Phone::open(store, key, Incarnation(fresh()), NOW).unwrap())
}

fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(Projection)))
}

/// The disk as it was, put back so that nothing about its files gives it away.
fn unnoticed(image: &MemoryDisk) -> Arc<MemoryStore> {
    Arc::new(MemoryStore::open(&image.copy_unnoticed(), Arc::new(Projection)).unwrap())
}

/// A hub that was set back to an image of its disk.
fn set_back(image: &MemoryDisk) -> Arc<Hub> {
    let store = MemoryStore::open(&image.copy(), Arc::new(Projection)).unwrap();
    let options = HubOptions { fresh_epoch: fresh(), now: NOW };
    let key = DeviceKey::from_seed(&fleet::HUB_SEED);
    Arc::new(Hub::open(Arc::new(store), key, options).unwrap())
}

/// An exchange that can be stopped at any frame, and whose entries come in frames of their own where
/// it is told so.
struct Exchange {
    here: PhoneRunner,
    there: HubRunner,
    hub: Arc<Hub>,
    up: VecDeque<Vec<u8>>,
    down: VecDeque<Vec<u8>>,
    /// Where a frame with more entries ends; its rest comes in the next.
    split: Option<usize>,
    overheard: Overheard,
}

impl Exchange {
    fn of(phone: &Arc<Phone>, hub: &Arc<Hub>, split: Option<usize>) -> Self {
        let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
        let here = PhoneRunner::start(phone.clone(), options, Box::new(fresh), NOW).unwrap();
        let entry = hub.replica().device(phone.device()).unwrap().unwrap();
        let there = HubRunner::start(hub.clone(), entry, NOW).unwrap();
        let (up, down) = (VecDeque::new(), VecDeque::new());
        let overheard = Overheard::default();
        Self { here, there, hub: hub.clone(), up, down, split, overheard }
    }

    /// Moves one frame, or merges where none moves. Returns whether there is more to do.
    fn step(&mut self) -> bool {
        if let Some(frame) = self.here.poll_frame(NOW).unwrap() {
            self.overheard.phone(&frame).unwrap();
            self.up.push_back(frame);
        } else if self.here.outcome().is_some() {
            return false;
        } else if self.there.wants_input() && !self.up.is_empty() {
            self.there.handle(&self.up.pop_front().unwrap()).unwrap();
        } else if let Some(frame) = self.there.poll_frame(NOW).unwrap() {
            self.down.extend(parts(frame, self.split, &mut self.overheard));
        } else if self.here.wants_input() && !self.down.is_empty() {
            self.here.handle(&self.down.pop_front().unwrap()).unwrap();
        } else {
            self.hub.merge_all(NOW).unwrap();
            self.there.grown().unwrap();
        }
        true
    }
}

/// Cuts the entries of a frame in two; the position belongs to the last.
fn parts(frame: Vec<u8>, split: Option<usize>, overheard: &mut Overheard) -> Vec<Vec<u8>> {
    let heard = overheard.hub(&frame).unwrap();
    let (Some(split), Frame::Items { items, position }) = (split, heard) else {
        return vec![frame];
    };
    if items.len() <= split || split == 0 {
        return vec![frame];
    }
    let (first, rest) = items.split_at(split);
    let first = Frame::Items { items: first.to_vec(), position: None };
    let rest = Frame::Items { items: rest.to_vec(), position };
    vec![first.encode().unwrap(), rest.encode().unwrap()]
}

/// Exchanges until no other is due at once.
fn settle(phone: &Arc<Phone>, hub: &Arc<Hub>, split: Option<usize>, context: &str) -> Progress {
    for _ in 0..AGAIN_MAX {
        let mut exchange = Exchange::of(phone, hub, split);
        for _ in 0..2_000 {
            if !exchange.step() {
                break;
            }
        }
        assert!(exchange.here.outcome().is_some(), "{context}: an exchange hangs");
        let progress = exchange.here.progress();
        if !progress.again && !progress.more {
            return progress;
        }
    }
    panic!("{context}: a phone does not come to rest");
}

fn write(phone: &Phone, genesis: &Genesis, token: &str) {
    let note = NoteEdit::Append(format!("[{token}]"));
    phone.edit(genesis, NOW, |editor| editor.note("1.1", note)).unwrap();
}

/// How often a token stands in the record.
fn count(replica: &Replica, document: DocumentId, token: &str) -> usize {
    let loaded = replica.load(document).unwrap();
    let view = loaded.view();
    let notes: String = view.inspection().unwrap().notes.values().cloned().collect();
    notes.matches(&format!("[{token}]")).count()
}

fn tokens(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}{number}")).collect()
}

/// Fails unless all hold the same record of the visit with each token once, and say so.
fn check(phones: &[&Arc<Phone>], hub: &Hub, genesis: &Genesis, said: &[String], context: &str) {
    let id = genesis.document();
    let at_hub = hub.replica().load(id).unwrap();
    for token in said {
        assert_eq!(count(hub.replica(), id, token), 1, "{context}: {token}");
    }
    for phone in phones {
        let here = phone.replica().load(id).unwrap();
        assert_eq!(here.heads(), at_hub.heads(), "{context}");
        assert_eq!(here.view().record().digest(), at_hub.view().record().digest(), "{context}");
        assert_eq!(phone.only_here().unwrap(), [], "{context}");
        let arrival = phone.arrival(id).unwrap();
        assert_eq!(arrival.only_here, 0, "{context}: {arrival:?}");
        assert_eq!(arrival.merged, arrival.recorded, "{context}: {arrival:?}");
        let verified = phone.replica().store().verify().unwrap();
        assert_eq!(verified.problems, Vec::<String>::new(), "{context}");
    }
    let status = hub.status().unwrap();
    assert_eq!((status.pending, status.waiting), (0, 0), "{context}");
}

/// A phone that was set back and wrote on, before it meets the hub again.
struct SetBack {
    hub: Arc<Hub>,
    other: Arc<Phone>,
    store: Arc<MemoryStore>,
    phone: Arc<Phone>,
    genesis: Genesis,
    /// What anybody was told of.
    said: Vec<String>,
}

impl SetBack {
    /// Edits that both lines share, those that only the hub has, and those written since.
    fn of(shared: usize, lost: usize, since: usize) -> Self {
        let (hub, template) = fleet::hub(SHORT, 2);
        let (store, other) = (memory(), opened(memory(), OTHER));
        let genesis = fleet::visit(template, 1);
        let phone = opened(store.clone(), MINE);
        let sync = |phone| {
            settle(phone, &hub, None, "before");
        };
        sync(&phone);
        sync(&other);
        let (first, later) = (tokens("shared", shared), tokens("lost", lost));
        for token in &first {
            write(&phone, &genesis, token);
            sync(&phone);
        }
        let image = store.disk().copy_unnoticed();
        for token in &later {
            write(&phone, &genesis, token);
            sync(&phone);
        }
        drop(phone);
        let store = unnoticed(&image);
        let phone = opened(store.clone(), MINE);
        let new = tokens("since", since);
        new.iter().for_each(|token| write(&phone, &genesis, token));
        let said = [first, later, new].concat();
        Self { hub, other, store, phone, genesis, said }
    }

    /// The phone loses power and starts again.
    fn restart(&mut self) {
        self.store.power_cut(true).unwrap();
        self.phone = opened(self.store.clone(), MINE);
    }

    fn end(&self, split: Option<usize>, context: &str) {
        settle(&self.phone, &self.hub, split, context);
        settle(&self.other, &self.hub, split, context);
        check(&[&self.phone, &self.other], &self.hub, &self.genesis, &self.said, context);
        // It goes on as any phone.
        write(&self.phone, &self.genesis, "after");
        settle(&self.phone, &self.hub, split, context);
        settle(&self.other, &self.hub, split, context);
        let said = [&self.said[..], &["after".to_owned()]].concat();
        check(&[&self.phone, &self.other], &self.hub, &self.genesis, &said, context);
    }
}

/// Numbers of edits: shared, only at the hub, written since.
const SHAPES: [(usize, usize, usize); 5] = [(3, 3, 3), (3, 1, 3), (3, 3, 1), (1, 3, 2), (0, 2, 2)];

#[test]
fn a_forked_line_is_taken_over_wherever_its_frames_end() {
    for (shared, lost, since) in SHAPES {
        for split in 0..=shared + lost {
            let context = format!("{shared} shared, {lost} lost, {since} since, split {split}");
            SetBack::of(shared, lost, since).end(Some(split), &context);
        }
    }
}

/// What the status says at a moment must hold at that moment: an edit counts as stored only if the hub
/// has it, and a document with an edit that the hub has not is named.
fn expect_true(phone: &Phone, hub: &Hub, genesis: &Genesis, said: &[String], context: &str) {
    let id = genesis.document();
    let at_hub =
        |token: &&String| hub.replica().genesis(id).is_ok() && count(hub.replica(), id, token) > 0;
    // Those that only an earlier state of this phone wrote are not its own any more.
    let own: Vec<&String> = said.iter().filter(|token| !token.starts_with("lost")).collect();
    let missing = own.iter().filter(|token| !at_hub(token)).count() as u64;
    let arrival = phone.arrival(id).unwrap();
    assert!(arrival.only_here >= missing, "{context}: {missing} are not at the hub: {arrival:?}");
    assert!(arrival.merged <= arrival.stored, "{context}: {arrival:?}");
    if missing > 0 {
        assert_eq!(phone.only_here().unwrap(), [id], "{context}: {missing} are not at the hub");
    }
}

#[test]
fn between_the_notice_of_a_fork_and_its_end_nothing_withdrawn_counts_as_stored() {
    let mut scene = SetBack::of(2, 4, 3);
    let (mut steps, mut again) = (0, true);
    while again {
        let mut exchange = Exchange::of(&scene.phone, &scene.hub, Some(3));
        while exchange.step() {
            steps += 1;
            scene.hub.merge_all(NOW).unwrap();
            let context = format!("step {steps}");
            expect_true(&scene.phone, &scene.hub, &scene.genesis, &scene.said, &context);
        }
        let progress = exchange.here.progress();
        again = progress.again || progress.more;
        drop(exchange);
    }
    scene.end(Some(3), "whole");
    // The same, with the power lost after each of these steps.
    for cut in 0..steps {
        scene = SetBack::of(2, 4, 3);
        let mut left = cut;
        'exchanges: loop {
            let mut exchange = Exchange::of(&scene.phone, &scene.hub, Some(3));
            while left > 0 && exchange.step() {
                left -= 1;
            }
            if left == 0 {
                break 'exchanges;
            }
        }
        scene.restart();
        let context = format!("power lost after step {cut}");
        scene.hub.merge_all(NOW).unwrap();
        expect_true(&scene.phone, &scene.hub, &scene.genesis, &scene.said, &context);
        scene.end(Some(3), &context);
    }
}

#[test]
fn what_is_written_while_a_fork_is_noticed_is_made_anew_with_the_rest() {
    for at in 0..60 {
        let mut scene = SetBack::of(2, 3, 2);
        let mut exchange = Exchange::of(&scene.phone, &scene.hub, Some(2));
        for _ in 0..at {
            exchange.step();
        }
        write(&scene.phone, &scene.genesis, "meanwhile");
        exchange.here.offer(NOW).unwrap();
        while exchange.step() {}
        scene.said.push("meanwhile".to_owned());
        scene.end(Some(2), &format!("written after step {at}"));
    }
}

/// A hub that was set back, a phone that was set back with it and wrote on, and a neighbour who holds
/// what the phone had written before, and built on it.
fn set_back_together(lost: usize, since: usize) -> (Arc<Hub>, [Arc<Phone>; 3], Genesis) {
    let below = memory();
    let hub = fleet::hub_over(below.clone());
    let template: TemplateId = hub.publish(SHORT.to_vec()).unwrap();
    (1..=2).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
    let (store, other) = (memory(), opened(memory(), OTHER));
    let (phone, genesis) = (opened(store.clone(), MINE), fleet::visit(template, 1));
    let sync = |phone: &Arc<Phone>, hub: &Arc<Hub>| {
        settle(phone, hub, None, "before");
    };
    sync(&phone, &hub);
    for token in tokens("shared", 2) {
        write(&phone, &genesis, &token);
        sync(&phone, &hub);
    }
    let (phone_then, hub_then) = (store.disk().copy_unnoticed(), below.disk().copy());
    for token in tokens("lost", lost) {
        write(&phone, &genesis, &token);
        sync(&phone, &hub);
    }
    sync(&other, &hub);
    for token in ["other0", "other1"] {
        write(&other, &genesis, token);
        sync(&other, &hub);
    }
    write(&other, &genesis, "other2");
    let hub = set_back(&hub_then);
    let back = opened(unnoticed(&phone_then), MINE);
    for token in tokens("since", since) {
        write(&back, &genesis, &token);
        sync(&back, &hub);
    }
    (hub, [back, other, phone], genesis)
}

#[test]
fn a_line_of_another_device_that_the_hub_does_not_hold_is_given_up_and_own_edits_on_it_are_not() {
    // As long as the hub's, shorter and longer.
    for (lost, since) in [(2, 2), (2, 4), (4, 2), (1, 1), (3, 1)] {
        let context = format!("{lost} lost, {since} since");
        let (hub, [back, other, _], genesis) = set_back_together(lost, since);
        settle(&other, &hub, None, &context);
        settle(&back, &hub, None, &context);
        settle(&other, &hub, None, &context);
        let own: Vec<String> = tokens("other", 3);
        let said = [tokens("shared", 2), tokens("since", since), own].concat();
        let id = genesis.document();
        let at_hub = hub.replica().load(id).unwrap();
        for token in &said {
            assert_eq!(count(hub.replica(), id, token), 1, "{context}: {token}");
        }
        for phone in [&back, &other] {
            let here = phone.replica().load(id).unwrap();
            assert_eq!(here.heads(), at_hub.heads(), "{context}");
            assert_eq!(phone.only_here().unwrap(), [], "{context}");
            let idle = settle(phone, &hub, None, &context);
            assert_eq!((idle.received, idle.sent, idle.declined), (0, 0, 0), "{context}");
        }
    }
}

#[test]
fn the_phone_whose_line_the_hub_lost_makes_its_edits_anew() {
    for (lost, since) in [(2, 2), (2, 4), (4, 2), (1, 1), (3, 1)] {
        let context = format!("{lost} lost, {since} since");
        let (hub, [back, other, phone], genesis) = set_back_together(lost, since);
        for _ in 0..2 {
            for one in [&phone, &other, &back] {
                settle(one, &hub, None, &context);
            }
        }
        let id = genesis.document();
        let said =
            [tokens("shared", 2), tokens("lost", lost), tokens("since", since), tokens("other", 3)];
        let at_hub = hub.replica().load(id).unwrap();
        for token in said.concat() {
            assert_eq!(count(hub.replica(), id, &token), 1, "{context}: {token}");
        }
        for one in [&phone, &other, &back] {
            let here = one.replica().load(id).unwrap();
            assert_eq!(here.heads(), at_hub.heads(), "{context}");
            assert_eq!(one.only_here().unwrap(), [], "{context}");
        }
    }
}

#[test]
fn what_was_refused_for_want_of_rights_and_carried_by_another_arrives_once_they_widen() {
    let (hub, template) = fleet::hub(SHORT, 2);
    let genesis = fleet::visit(template, 1);
    let (phone, other) = (opened(memory(), MINE), opened(memory(), OTHER));
    settle(&phone, &hub, None, "before");
    settle(&other, &hub, None, "before");
    hub.trust(PlainEntry { role: Role::Auditor, ..fleet::entry(MINE) }).unwrap();
    write(&phone, &genesis, "refused");
    settle(&phone, &hub, None, "refused");
    assert_eq!(phone.notices().unwrap().len(), 1);
    let waits = phone.arrival(genesis.document()).unwrap();
    assert_eq!((waits.stored, waits.only_here), (0, 1), "{waits:?}");
    // The right is given back, and the hub looks at what it kept aside before the phone comes.
    hub.trust(fleet::entry(MINE)).unwrap();
    hub.merge_all(NOW).unwrap();
    assert_eq!(count(hub.replica(), genesis.document(), "refused"), 1);
    settle(&other, &hub, None, "widened");
    settle(&phone, &hub, None, "widened");
    check(&[&phone, &other], &hub, &genesis, &["refused".to_owned()], "widened");
}

/// A hub in a store whose disk can be copied, with both devices and the checklist.
fn hub_in(store: Arc<MemoryStore>, epoch: [u8; 16]) -> Arc<Hub> {
    let options = HubOptions { fresh_epoch: epoch, now: NOW };
    Arc::new(Hub::open(store, DeviceKey::from_seed(&fleet::HUB_SEED), options).unwrap())
}

/// The hub's whole disk goes back and nothing about its files shows it. One phone has the hub's word for
/// what is lost and followed its feed no further than the copy, so it would never give that back; the
/// hub learns of it from another that did.
#[test]
fn a_hub_that_a_phone_knows_more_of_than_itself_lets_all_compare() {
    let store = memory();
    let hub = hub_in(store.clone(), fresh());
    let template = hub.publish(SHORT.to_vec()).unwrap();
    for number in [MINE, OTHER] {
        hub.trust(fleet::entry(number)).unwrap();
    }
    let [mine, other] = [MINE, OTHER].map(|number| opened(memory(), number));
    let genesis = fleet::visit(template, 1);
    settle(&mine, &hub, None, "before");
    write(&mine, &genesis, "old");
    for phone in [&mine, &other, &mine] {
        settle(phone, &hub, None, "before");
    }
    let image = store.disk().copy_unnoticed();
    // Signed for, and cut before the place in the feed came back.
    write(&mine, &genesis, "signed-for");
    let recorded = mine.arrival(genesis.document()).unwrap().recorded;
    let mut cut = Exchange::of(&mine, &hub, None);
    while mine.arrival(genesis.document()).unwrap().stored < recorded {
        assert!(cut.step(), "the exchange ended before the hub had signed");
    }
    drop(cut);
    write(&other, &genesis, "followed");
    settle(&other, &hub, None, "before");
    drop(hub);

    let hub = hub_in(unnoticed(&image), fresh());
    let epoch = || hub.head().unwrap().epoch;
    let before = epoch();
    settle(&mine, &hub, None, "first");
    assert_eq!(count(hub.replica(), genesis.document(), "signed-for"), 0);
    assert_eq!((epoch(), hub.waiting().unwrap().lost), (before, vec![]));

    settle(&other, &hub, None, "the one that knows more");
    assert_ne!(epoch(), before);
    assert_eq!(hub.waiting().unwrap().lost, [(NOW, 0, false)], "it is told until acknowledged");
    for phone in [&mine, &other, &mine] {
        settle(phone, &hub, None, "after");
    }
    for token in ["old", "signed-for", "followed"] {
        assert_eq!(count(hub.replica(), genesis.document(), token), 1, "{token}");
    }
    let heads = hub.replica().load(genesis.document()).unwrap().heads();
    for phone in [&mine, &other] {
        assert_eq!(phone.replica().load(genesis.document()).unwrap().heads(), heads);
        let arrival = phone.arrival(genesis.document()).unwrap();
        assert_eq!((arrival.stored, arrival.only_here), (arrival.recorded, 0), "{arrival:?}");
    }

    // Nobody makes all compare again by claiming a place that never was.
    let claimed = FeedPosition { number: 9_999, ..hub.head().unwrap() };
    let now = epoch();
    assert!(!hub.knows(&claimed).unwrap());
    claim(&hub, &mine, claimed);
    assert_eq!(epoch(), now);
}

/// The hub is set back to before the line that it held under the phone's name, while the phone follows
/// it, at every frame: what the phone wrote goes on from what the hub holds then, and is sent.
#[test]
fn a_hub_that_loses_its_other_line_while_a_fork_ends_gets_what_the_phone_wrote() {
    for cut in 0.. {
        let context = format!("cut after {cut} steps");
        let at_hub = memory();
        let hub = hub_in(at_hub.clone(), fresh());
        let template = hub.publish(SHORT.to_vec()).unwrap();
        for number in [MINE, OTHER] {
            hub.trust(fleet::entry(number)).unwrap();
        }
        let (store, genesis) = (memory(), fleet::visit(template, 1));
        let (phone, other) = (opened(store.clone(), MINE), opened(memory(), OTHER));
        let [shared, lost, since] = ["shared", "lost", "since"].map(|name| tokens(name, 2));
        let say = |phone: &Arc<Phone>, said: &[String]| {
            settle(phone, &hub, None, "before");
            for token in said {
                write(phone, &genesis, token);
                settle(phone, &hub, None, "before");
            }
        };
        say(&phone, &shared);
        let (image, earlier) = (store.disk().copy_unnoticed(), at_hub.disk().copy_unnoticed());
        say(&phone, &lost);
        drop(phone);
        let phone = opened(unnoticed(&image), MINE);
        since.iter().for_each(|token| write(&phone, &genesis, token));
        let mut exchange = Exchange::of(&phone, &hub, Some(1));
        let ended = (0..cut).any(|_| !exchange.step());
        drop(exchange);
        let hub = set_back(&earlier);
        for phone in [&phone, &other, &phone] {
            settle(phone, &hub, None, &context);
        }
        check(&[&phone, &other], &hub, &genesis, &[shared, since].concat(), &context);
        if ended {
            break;
        }
    }
}

/// Says Hello with a place in the feed, and goes away.
fn claim(hub: &Arc<Hub>, phone: &Phone, position: FeedPosition) {
    let entry = hub.replica().device(phone.device()).unwrap().unwrap();
    let mut there = HubRunner::start(hub.clone(), entry, NOW).unwrap();
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        device_time: NOW,
        position: Some(position),
        notices: 0,
        live: false,
        root: Fingerprint([0; 16]),
        empty: false,
    };
    there.handle(&Frame::Hello(hello).encode().unwrap()).unwrap();
    while there.poll_frame(NOW).unwrap().is_some() {}
}
