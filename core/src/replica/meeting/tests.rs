use crate::sync::PlainEntry;
use std::collections::VecDeque;

use super::*;
use crate::checklist::TEA;
use crate::model::{AnswerInput, Genesis, Grade, Kind, NoteEdit, Origin, Timestamp as Time};
use crate::replica::{
    Hub, HubOptions, HubRunner, PhoneOptions, PhoneRunner, Projection, Provided, Replica,
};
use crate::store::{MemoryDisk, MemoryStore, Store};
use crate::sync::{AdminAnswer, AdminRequest, Ending, Frame, Pack, Role};
use crate::trust::DeviceKey;

mod batches;
mod carrying;
mod giving;
mod holes;
mod notices;
mod quotas;
mod slices;
mod snapshots;

pub(in crate::replica) use slices::Hooked;

const NOW: Time = Time(1_795_000_000_000);

/// Frames of one exchange, before it counts as stuck.
const FRAMES_MAX: usize = 2_000;

pub(in crate::replica) fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&[number; 32])
}

fn entropy(seed: u8) -> Entropy {
    let mut count = 0;
    Box::new(move || {
        count += 1;
        [seed ^ count; 16]
    })
}

pub(in crate::replica) struct Side {
    pub(in crate::replica) number: u8,
    pub(in crate::replica) phone: Arc<Phone>,
    pub(in crate::replica) store: Arc<MemoryStore>,
}

pub(in crate::replica) fn side(number: u8) -> Side {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    opened(number, store, number)
}

fn opened(number: u8, store: Arc<MemoryStore>, life: u8) -> Side {
    let life = Incarnation([life; 16]);
    let phone = Arc::new(Phone::open(store.clone(), key(number), life, NOW).unwrap());
    Side { number, phone, store }
}

impl Side {
    /// The same folder on another machine, which nothing about the files gives away.
    pub(in crate::replica) fn cloned(&self) -> Self {
        let disk: MemoryDisk = self.store.disk().copy_unnoticed();
        let store = Arc::new(MemoryStore::open(&disk, Arc::new(Projection)).unwrap());
        opened(self.number, store, 200)
    }

    fn replica(&self) -> &Replica {
        self.phone.replica()
    }

    pub(in crate::replica) fn answer(&self, genesis: &Genesis, item: &str, value: &str) {
        let answer = AnswerInput {
            grade: Grade::Minor,
            value: Some(value.to_owned()),
            evidence: Vec::new(),
            claimed_at: NOW,
            resolves: false,
        };
        self.phone.edit(genesis, NOW, |editor| editor.answer(item, answer)).unwrap();
    }

    fn note(&self, genesis: &Genesis, item: &str, text: &str) {
        let note = NoteEdit::Append(text.to_owned());
        self.phone.edit(genesis, NOW, |editor| editor.note(item, note)).unwrap();
    }

    fn digest(&self, genesis: &Genesis) -> String {
        digest(self.replica(), genesis)
    }

    /// Every value that was ever answered for an item.
    pub(in crate::replica) fn values(&self, genesis: &Genesis, item: &str) -> Vec<String> {
        values(self.replica(), genesis, item)
    }
}

fn digest(replica: &Replica, genesis: &Genesis) -> String {
    format!("{:?}", replica.load(genesis.document()).unwrap().view().record().digest())
}

pub(in crate::replica) fn values(replica: &Replica, genesis: &Genesis, item: &str) -> Vec<String> {
    let document = replica.load(genesis.document()).unwrap();
    let mut values: Vec<String> = document
        .view()
        .history(item)
        .into_iter()
        .filter_map(|said| said.value.value.clone())
        .collect();
    values.sort();
    values
}

pub(in crate::replica) fn entry(number: u8, scope: &str) -> PlainEntry {
    PlainEntry {
        device: key(number).device(),
        name: format!("Máy {number}"),
        agency: "Trạm Y tế".to_owned(),
        role: Role::Inspector,
        scopes: vec![scope.parse().unwrap()],
        active: true,
    }
}

pub(in crate::replica) fn visit(scope: &str, visit: u32) -> Genesis {
    Genesis {
        kind: Kind::Inspection,
        scope: scope.parse().unwrap(),
        template: Some(Template::parse(TEA).unwrap().id()),
        origin: Origin::Planned { plan: DocumentId([1; 32]), facility: DocumentId([2; 32]), visit },
    }
}

/// A hub that knows the checklist and these devices of one commune.
pub(in crate::replica) fn hub(numbers: &[u8]) -> Arc<Hub> {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [99; 16], now: NOW };
    let hub = Hub::open(store, key(99), options).unwrap();
    hub.publish(TEA.to_vec()).unwrap();
    for number in numbers {
        hub.trust(entry(*number, "06325")).unwrap();
    }
    Arc::new(hub)
}

/// Two devices that were told of each other by a person.
pub(in crate::replica) struct Pair {
    pub(super) sides: [Meeting; 2],
    pub(super) queues: [VecDeque<Vec<u8>>; 2],
}

impl Pair {
    pub(in crate::replica) fn of(one: &Side, two: &Side) -> Self {
        Self::with(one, entry(two.number, "06325"), two, entry(one.number, "06325"))
    }

    fn with(one: &Side, of_two: PlainEntry, two: &Side, of_one: PlainEntry) -> Self {
        let begin = |side: &Side, peer, opens, seed| {
            let options = MeetingOptions { peer, opens };
            Meeting::start(side.phone.clone(), options, entropy(seed), NOW).unwrap()
        };
        Self {
            sides: [begin(one, of_two.into(), true, 61), begin(two, of_one.into(), false, 62)],
            queues: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// Moves a frame each way. Returns whether anything happened.
    fn step(&mut self) -> Result<bool, ReplicaError> {
        let mut moved = false;
        for at in 0..2 {
            while let Some(frame) = self.sides[at].poll_frame(NOW)? {
                self.queues[1 - at].push_back(frame);
                moved = true;
            }
            if self.sides[at].wants_input()
                && let Some(frame) = self.queues[at].pop_front()
            {
                self.sides[at].handle(&frame)?;
                moved = true;
            }
        }
        Ok(moved)
    }

    pub(in crate::replica) fn run(mut self) -> [MeetingProgress; 2] {
        for _ in 0..FRAMES_MAX {
            if !self.step().unwrap() {
                for side in &self.sides {
                    assert_eq!(side.outcome().expect("both sides end").ending, Ending::Done);
                }
                return [self.sides[0].progress(), self.sides[1].progress()];
            }
        }
        panic!("a meeting does not end");
    }
}

pub(in crate::replica) fn meet(one: &Side, two: &Side) -> [MeetingProgress; 2] {
    Pair::of(one, two).run()
}

/// Syncs until nothing more is to follow.
pub(in crate::replica) fn sync(side: &Side, hub: &Arc<Hub>) {
    sync_at(side, hub, NOW);
}

/// As [`sync`], at a time of both clocks.
pub(in crate::replica) fn sync_at(side: &Side, hub: &Arc<Hub>, now: Time) {
    assert_eq!(ask_at(side, hub, now, &[]), []);
}

/// As [`sync_at`]; returns how it ended.
pub(in crate::replica) fn ending_at(side: &Side, hub: &Arc<Hub>, now: Time) -> Ending {
    asked_at(side, hub, now, &[]).0
}

/// As [`sync_at`], and asks the hub; returns its answers.
pub(in crate::replica) fn ask_at(
    side: &Side,
    hub: &Arc<Hub>,
    now: Time,
    asks: &[AdminRequest],
) -> Vec<AdminAnswer> {
    let (ending, answers) = asked_at(side, hub, now, asks);
    assert_eq!(ending, Ending::Done);
    answers
}

fn asked_at(
    side: &Side,
    hub: &Arc<Hub>,
    now: Time,
    asks: &[AdminRequest],
) -> (Ending, Vec<AdminAnswer>) {
    for round in 0..8 {
        let phone = once(side, hub, (now, round), asks);
        if phone.progress().again {
            continue;
        }
        return (phone.outcome().unwrap().ending.clone(), phone.answers().to_vec());
    }
    panic!("a phone does not come to rest");
}

/// One exchange, however it ends.
pub(in crate::replica) fn once(
    side: &Side,
    hub: &Arc<Hub>,
    (now, round): (Time, u8),
    asks: &[AdminRequest],
) -> PhoneRunner {
    let options = PhoneOptions { hub: hub.device(), live: false, asks: asks.to_vec() };
    let seed = entropy(100 + round);
    let mut phone = PhoneRunner::start(side.phone.clone(), options, seed, now).unwrap();
    let known = hub.replica().device(key(side.number).device()).unwrap().unwrap();
    let mut served = HubRunner::start(hub.clone(), known, now).unwrap();
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    while phone.outcome().is_none() {
        let mut moved = false;
        while let Some(frame) = phone.poll_frame(now).unwrap() {
            up.push_back(frame);
            moved = true;
        }
        while let Some(frame) = served.poll_frame(now).unwrap() {
            down.push_back(frame);
            moved = true;
        }
        if let Some(frame) = up.pop_front() {
            served.handle(&frame).unwrap();
            moved = true;
        }
        if let Some(frame) = down.pop_front() {
            phone.handle(&frame).unwrap();
            moved = true;
        }
        if !moved {
            hub.merge_all(now).unwrap();
            served.grown().unwrap();
        }
    }
    phone
}

/// A phone that holds the checklist without ever having met a hub: another has brought it.
pub(super) fn taught(number: u8) -> Side {
    let (side, hub) = (side(number), hub(&[number]));
    sync(&side, &hub);
    side
}

/// Lets a hub that was made anew under its key hear from a phone that it had a life before: the exchange in
/// which that happens ends at once.
fn told_of_another_life(hub: &Hub, by: &Side) {
    let heads = by.phone.heads_named(hub.device()).unwrap();
    assert!(hub.heed_heads(&heads, by.phone.device(), NOW).unwrap());
}

#[test]
fn two_phones_that_never_meet_a_hub_again_hold_the_same_record() {
    let (one, two, genesis) = (taught(1), side(2), visit("06325", 1));
    one.answer(&genesis, "1.1", "one");
    one.note(&genesis, "1.1", "by one");
    meet(&one, &two);
    // The second has never seen the checklist: it came along, and the document opens.
    two.answer(&genesis, "1.1", "two");
    two.answer(&genesis, "2.1", "two");
    let [at_one, at_two] = meet(&one, &two);
    assert_eq!((at_one.received, at_two.received), (1, 0));
    assert_eq!(one.digest(&genesis), two.digest(&genesis));
    assert_eq!(one.values(&genesis, "1.1"), ["one", "two"]);
    let [at_one, at_two] = meet(&two, &one);
    assert_eq!((at_one.received, at_two.received, at_one.given), (0, 0, 0));
    let listed = two.replica().summary(genesis.document()).unwrap();
    assert!(listed.is_some(), "a document that a peer brought is in the list");
}

#[test]
fn what_a_peer_was_given_is_not_called_stored() {
    let (one, two, genesis) = (taught(1), side(2), visit("06325", 1));
    one.answer(&genesis, "1.1", "one");
    meet(&one, &two);
    let document = genesis.document();
    let arrival = one.phone.arrival(document).unwrap();
    assert_eq!((arrival.recorded, arrival.stored, arrival.only_here), (1, 0, 1));
    assert_eq!(one.phone.only_here().unwrap(), [document]);
    assert_eq!(two.phone.arrival(document).unwrap(), super::super::Arrival::default());
    assert_eq!(two.phone.only_here().unwrap(), []);
    assert_eq!(two.phone.carried().unwrap(), [document]);
    let author = two.replica().load(document).unwrap().tips();
    let actor = Actor(author[0].0.as_slice().try_into().unwrap());
    assert_eq!(two.replica().author(document, actor).unwrap(), Some(key(1).device()));
}

#[test]
fn a_phone_carries_what_others_wrote_to_the_hub() {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    sync(&one, &hub);
    sync(&two, &hub);
    let genesis = visit("06325", 1);
    one.answer(&genesis, "1.1", "one");
    meet(&one, &two);
    two.answer(&genesis, "1.2", "two");
    sync(&two, &hub);
    // The first phone is lost; its answer is in the record all the same, once.
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one"]);
    assert_eq!(two.phone.carried().unwrap(), []);
    assert_eq!(two.digest(&genesis), digest(hub.replica(), &genesis));
    assert_eq!(two.phone.arrival(genesis.document()).unwrap().recorded, 1, "its own only");
    // It was not lost, and learns at its next contact that its answer has arrived.
    sync(&one, &hub);
    let arrival = one.phone.arrival(genesis.document()).unwrap();
    assert_eq!((arrival.stored, arrival.merged, arrival.only_here), (1, 1, 0));
    assert_eq!(one.digest(&genesis), two.digest(&genesis));
    for side in [&one, &two] {
        assert!(side.store.verify().unwrap().problems.is_empty());
    }
}

#[test]
fn a_hub_that_has_it_already_ends_the_carrying() {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    sync(&one, &hub);
    sync(&two, &hub);
    let genesis = visit("06325", 1);
    one.answer(&genesis, "1.1", "one");
    meet(&one, &two);
    sync(&one, &hub);
    sync(&two, &hub);
    assert_eq!(two.phone.carried().unwrap(), []);
    assert_eq!(two.values(&genesis, "1.1"), ["one"]);
    assert_eq!(two.digest(&genesis), digest(hub.replica(), &genesis));
    assert_eq!(hub.replica().totals().unwrap().packs, 1);
}

#[test]
fn a_third_phone_gets_it_from_the_second() {
    let hub = hub(&[1, 2, 3]);
    let (one, two, three) = (side(1), side(2), side(3));
    for phone in [&one, &two, &three] {
        sync(phone, &hub);
    }
    let genesis = visit("06325", 1);
    one.answer(&genesis, "1.1", "one");
    meet(&one, &two);
    two.answer(&genesis, "1.1", "two");
    meet(&two, &three);
    assert_eq!(three.values(&genesis, "1.1"), ["one", "two"]);
    one.answer(&genesis, "1.2", "one again");
    meet(&one, &three);
    meet(&three, &two);
    for phone in [&one, &two] {
        assert_eq!(phone.digest(&genesis), three.digest(&genesis));
    }
    sync(&three, &hub);
    assert_eq!(digest(hub.replica(), &genesis), three.digest(&genesis));
}

#[test]
fn packs_of_a_stranger_stay_with_whoever_has_them_until_the_hub_names_him() {
    let hub = hub(&[1, 2]);
    let (one, two, three) = (side(1), side(2), side(3));
    sync(&one, &hub);
    sync(&two, &hub);
    let genesis = visit("06325", 1);
    // The second phone meets a third that its holder vouches for.
    Pair::of(&two, &three).run();
    hub.publish(TEA.to_vec()).unwrap();
    two.answer(&genesis, "1.2", "two");
    Pair::of(&two, &three).run();
    three.answer(&genesis, "1.1", "three");
    Pair::of(&two, &three).run();
    let [at_one, _] = meet(&one, &two);
    assert_eq!((at_one.received, at_one.strangers), (1, 1));
    assert_eq!(one.values(&genesis, "1.1"), [""; 0]);
    hub.trust(entry(3, "06325")).unwrap();
    sync(&one, &hub);
    let [at_one, _] = meet(&one, &two);
    assert_eq!((at_one.received, at_one.strangers), (1, 0));
    assert_eq!(one.values(&genesis, "1.1"), ["three"]);
}

#[test]
fn nothing_is_exchanged_with_a_device_whose_rights_ended() {
    let (hub, one) = (hub(&[1, 2]), side(1));
    hub.trust(PlainEntry { active: false, ..entry(2, "06325") }).unwrap();
    sync(&one, &hub);
    // What a person vouches for does not go before what the hub has said.
    let options = MeetingOptions { peer: entry(2, "06325").into(), opens: true };
    let refused = Meeting::start(one.phone.clone(), options, entropy(1), NOW);
    assert!(matches!(refused.err(), Some(ReplicaError::Stranger { .. })));
}

#[test]
fn a_phone_long_out_of_touch_with_its_hub_meets_nobody_and_goes_on_recording() {
    let (hub, one) = (hub(&[1, 2]), side(1));
    let start = |now| {
        let options = MeetingOptions { peer: entry(2, "06325").into(), opens: true };
        Meeting::start(one.phone.clone(), options, entropy(1), now)
    };
    let (late, day) = (|days: i64| Timestamp(NOW.0 + days * 86_400_000), 30);
    assert!(start(late(day + 1)).is_ok(), "no hub has spoken to it yet");
    sync(&one, &hub);
    assert!(start(late(day - 1)).is_ok());
    let refused = start(late(day + 1)).err();
    assert!(matches!(refused, Some(ReplicaError::LeaseEnded { .. })), "{refused:?}");
    let genesis = visit("06325", 1);
    one.answer(&genesis, "1.1", "typed all the same");
    assert_eq!(one.values(&genesis, "1.1"), ["typed all the same"]);
}

#[test]
fn a_peer_gets_nothing_of_a_unit_that_it_may_not_read() {
    let (one, two) = (taught(1), side(2));
    let (here, there) = (visit("06325", 1), visit("06337", 1));
    one.answer(&here, "1.1", "here");
    one.answer(&there, "1.1", "there");
    // The hub said that the first works in 06325 alone; what it wrote elsewhere is not given either.
    Pair::with(&one, entry(2, "06337"), &two, entry(1, "20")).run();
    assert_eq!(two.replica().totals().unwrap().documents, 0);
    Pair::with(&one, entry(2, "06325"), &two, entry(1, "20")).run();
    assert_eq!(two.values(&here, "1.1"), ["here"]);
    assert!(two.replica().genesis(there.document()).is_err());
    // Even when it is asked for by name.
    let actor = Actor::derive(key(1).device(), there.document(), Incarnation([1; 16]));
    let want = Want { document: there.document(), actor, from_seq: 1 };
    assert_eq!(
        one.phone.give(&entry(2, "06325").into(), &[want]).unwrap(),
        (vec![], Provided::default())
    );
}

#[test]
fn a_peer_that_may_not_write_brings_nothing() {
    let (one, two, genesis) = (taught(1), taught(2), visit("06325", 1));
    two.answer(&genesis, "1.1", "two");
    let auditor = PlainEntry { role: Role::Auditor, ..entry(2, "06325") };
    let [at_one, _] = Pair::with(&one, auditor, &two, entry(1, "06325")).run();
    assert_eq!((at_one.received, at_one.refused), (0, 1));
    assert_eq!(one.phone.carried().unwrap(), []);
}

#[test]
fn what_the_hub_declines_is_no_longer_shown_and_own_edits_do_not_suffer() {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    sync(&one, &hub);
    sync(&two, &hub);
    let genesis = visit("06325", 1);
    one.answer(&genesis, "1.1", "one");
    meet(&one, &two);
    two.answer(&genesis, "1.1", "two");
    assert_eq!(two.values(&genesis, "1.1"), ["one", "two"]);
    // The first phone was stolen; the second does not know yet.
    hub.trust(PlainEntry { active: false, ..entry(1, "06325") }).unwrap();
    sync(&two, &hub);
    assert_eq!(two.values(&genesis, "1.1"), ["two"]);
    assert_eq!(two.digest(&genesis), digest(hub.replica(), &genesis));
    assert_eq!((two.phone.carried().unwrap(), two.phone.only_here().unwrap()), (vec![], vec![]));
    assert_eq!(hub.replica().totals().unwrap().quarantined, 1, "kept as evidence");
}

#[test]
fn clones_that_meet_part_their_names_and_lose_nothing() {
    let (hub, one, genesis) = (hub(&[1, 2]), side(1), visit("06325", 1));
    sync(&one, &hub);
    one.answer(&genesis, "1.1", "before");
    let clone = one.cloned();
    one.answer(&genesis, "1.1", "one");
    clone.answer(&genesis, "1.1", "clone");
    let [at_one, at_clone] = meet(&one, &clone);
    assert!(at_one.cloned && at_clone.cloned, "{at_one:?} {at_clone:?}");
    one.answer(&genesis, "1.2", "one later");
    clone.answer(&genesis, "1.2", "clone later");
    let [at_one, at_clone] = meet(&one, &clone);
    // The old lines still differ, but nobody writes under their name any more.
    assert_eq!((at_one.cloned, at_clone.cloned), (false, false));
    assert_eq!((at_one.conflicting, at_clone.conflicting), (1, 1));
    for _ in 0..2 {
        sync(&one, &hub);
        sync(&clone, &hub);
    }
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["before", "clone", "one"]);
    assert_eq!(values(hub.replica(), &genesis, "1.2"), ["clone later", "one later"]);
    assert_eq!(one.digest(&genesis), digest(hub.replica(), &genesis));
    assert_eq!(clone.digest(&genesis), digest(hub.replica(), &genesis));
}

#[test]
fn of_two_lines_a_third_phone_keeps_the_first_and_the_hub_decides() {
    let (hub, genesis) = (hub(&[1, 2]), visit("06325", 1));
    let (one, two) = (side(1), side(2));
    sync(&one, &hub);
    sync(&two, &hub);
    let clone = one.cloned();
    one.answer(&genesis, "1.1", "one");
    clone.answer(&genesis, "1.1", "clone");
    meet(&one, &two);
    let [at_two, _] = meet(&two, &clone);
    assert_eq!((at_two.received, at_two.conflicting, at_two.cloned), (0, 1, false));
    assert_eq!(two.values(&genesis, "1.1"), ["one"]);
    clone.answer(&genesis, "2.1", "clone");
    let [at_two, _] = meet(&two, &clone);
    // What it wrote since, under a fresh name, is carried, and not shown before what it builds on.
    assert_eq!((at_two.received, at_two.conflicting), (1, 1));
    assert_eq!(two.values(&genesis, "2.1"), [""; 0]);
    // The hub hears the other line first: that one stays, here too.
    sync(&clone, &hub);
    sync(&two, &hub);
    assert_eq!(two.values(&genesis, "1.1"), ["clone"]);
    assert_eq!(two.values(&genesis, "2.1"), ["clone"]);
    assert_eq!(two.phone.carried().unwrap(), []);
    for phone in [&one, &clone, &two, &one, &clone, &two] {
        sync(phone, &hub);
    }
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["clone", "one"]);
    for phone in [&one, &clone, &two] {
        assert_eq!(phone.digest(&genesis), digest(hub.replica(), &genesis));
    }
}

#[test]
fn a_restored_phone_gets_back_what_it_had_given_away() {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    sync(&one, &hub);
    sync(&two, &hub);
    let genesis = visit("06325", 1);
    one.answer(&genesis, "1.1", "early");
    meet(&one, &two);
    let yesterday = one.cloned();
    one.answer(&genesis, "1.1", "late");
    meet(&one, &two);
    let [restored, _] = meet(&yesterday, &two);
    assert!(restored.cloned, "its next edit must not reuse a number");
    assert_eq!(yesterday.values(&genesis, "1.1"), ["early", "late"]);
    yesterday.answer(&genesis, "1.2", "after");
    sync(&yesterday, &hub);
    sync(&two, &hub);
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["early", "late"]);
    assert_eq!(yesterday.digest(&genesis), digest(hub.replica(), &genesis));
    assert_eq!(two.digest(&genesis), digest(hub.replica(), &genesis));
}

#[test]
fn a_phone_that_was_set_back_to_a_copy_writes_under_another_name() {
    let (hub, one, genesis) = (hub(&[1]), side(1), visit("06325", 1));
    sync(&one, &hub);
    one.answer(&genesis, "1.1", "early");
    sync(&one, &hub);
    let yesterday = one.store.disk().copy();
    one.answer(&genesis, "1.1", "late");
    sync(&one, &hub);
    let store = Arc::new(MemoryStore::open(&yesterday, Arc::new(Projection)).unwrap());
    let restored = opened(1, store, 200);
    restored.answer(&genesis, "1.1", "after");
    let packs = restored.phone.release(NOW).unwrap();
    let lives: Vec<_> = packs.iter().map(|p| Pack::decode(p).unwrap().incarnation()).collect();
    assert_eq!(lives, [Incarnation([200; 16])], "the next edit takes a number that was used");
    sync(&restored, &hub);
    assert_eq!(restored.phone.notices().unwrap(), []);
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["after", "early", "late"]);
}

#[test]
fn a_meeting_cut_at_any_moment_is_continued_by_the_next() {
    for cut in 0..40 {
        let (one, two) = (taught(1), side(2));
        for number in 1..=3 {
            one.answer(&visit("06325", number), "1.1", "one");
        }
        one.note(&visit("06325", 1), "1.2", "one");
        let mut pair = Pair::of(&one, &two);
        let mut over = false;
        for _ in 0..cut {
            over = !pair.step().unwrap();
        }
        drop(pair);
        // Whatever had arrived is whole.
        two.store.power_cut(false).unwrap();
        let two = opened(2, two.store.clone(), 3);
        for number in 1..=3 {
            let genesis = visit("06325", number);
            if two.replica().genesis(genesis.document()).is_ok() {
                assert_eq!(two.digest(&genesis), one.digest(&genesis), "cut after {cut}");
            }
        }
        meet(&two, &one);
        for number in 1..=3 {
            let genesis = visit("06325", number);
            assert_eq!(two.digest(&genesis), one.digest(&genesis), "cut after {cut}");
        }
        if over {
            return;
        }
    }
    panic!("the meeting never ended by itself");
}

#[test]
fn bytes_that_are_no_pack_end_the_meeting_and_nothing_of_the_batch_is_kept() {
    let (one, two, genesis) = (taught(1), taught(2), visit("06325", 1));
    two.answer(&genesis, "1.1", "two");
    let good = two.phone.release(NOW).unwrap().remove(0);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    for bad in [forged, vec![], vec![7; 100]] {
        let options = MeetingOptions { peer: entry(2, "06325").into(), opens: true };
        let mut meeting = Meeting::start(one.phone.clone(), options, entropy(1), NOW).unwrap();
        while meeting.poll_frame(NOW).unwrap().is_some() {}
        let frame = Frame::Push { packs: vec![good.clone(), bad] }.encode().unwrap();
        meeting.handle(&frame).unwrap();
        assert!(matches!(meeting.poll_frame(NOW), Err(ReplicaError::Pack { .. })));
        let told = meeting.poll_frame(NOW).unwrap().expect("the peer is told");
        assert!(matches!(Frame::decode(&told), Ok(Frame::Failed(_))));
        while meeting.poll_frame(NOW).unwrap().is_some() {}
        assert!(matches!(meeting.outcome().unwrap().ending, Ending::Refused(_)));
        assert_eq!(one.phone.carried().unwrap(), []);
    }
    meet(&one, &two);
    assert_eq!(one.values(&genesis, "1.1"), ["two"]);
}
