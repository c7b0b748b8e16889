//! What a phone carries for its neighbours: how much, until when, and what it says of it.

use super::*;
use crate::replica::rows::LoadRow;
use crate::replica::taking::{Giving, LIMITS, Limits, Took};
use crate::replica::{ListQuery, Progress};
use crate::store::Position;
use crate::sync::LogMessage;
use crate::sync::PlainEntry;
use crate::sync::{
    Accepted, FailureCode, HubOutput, HubSession, HubStart, PROTOCOL_VERSION, Resume, Verdict,
    Welcome,
};

pub(super) const HOUR_MS: i64 = 3_600_000;

/// Two phones that know a hub, and what the first wrote without it, which the second carries.
fn carrying() -> (Arc<Hub>, Side, Side, Genesis) {
    let (hub, one, two, genesis) = (hub(&[1, 2]), side(1), side(2), visit("06325", 1));
    sync(&one, &hub);
    sync(&two, &hub);
    one.answer(&genesis, "1.1", "one");
    meet(&one, &two);
    assert_eq!(two.phone.carried().unwrap(), [genesis.document()]);
    (hub, one, two, genesis)
}

fn listed(side: &Side) -> usize {
    let query = ListQuery { limit: 100, ..ListQuery::default() };
    side.replica().list(Kind::Inspection, &query).unwrap().len()
}

/// Projects the journal once more and compares every row that is not a cache.
fn rebuilds(side: &Side) {
    rebuilds_rows(&*side.store);
}

pub(super) fn rebuilds_rows(store: &dyn Store) {
    let again = MemoryStore::new(Arc::new(Projection));
    for at in 1..=store.position().0 {
        again.commit(vec![store.record(Position(at)).unwrap().unwrap()]).unwrap();
    }
    let rows = |store: &dyn Store| {
        let mut rows = store.scan(&[], None, usize::MAX).unwrap();
        rows.retain(|(key, _)| !b"bsoxV".contains(&key[0]));
        rows
    };
    assert_eq!(rows(&again), rows(store));
}

/// One exchange at a time, over a line that may change what the phone says.
pub(super) fn exchange(
    side: &Side,
    hub: &Arc<Hub>,
    now: Time,
    line: impl Fn(Vec<u8>) -> Vec<u8>,
) -> (Ending, Progress) {
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut phone = PhoneRunner::start(side.phone.clone(), options, entropy(9), now).unwrap();
    let known = hub.replica().device(key(side.number).device()).unwrap().unwrap();
    let mut served = HubRunner::start(hub.clone(), known, now).unwrap();
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    loop {
        let mut moved = false;
        while let Some(frame) = phone.poll_frame(now).unwrap() {
            up.push_back(line(frame));
            moved = true;
        }
        if served.wants_input()
            && let Some(frame) = up.pop_front()
        {
            // What the phone says behind the hub's last word nobody hears.
            drop(served.handle(&frame));
            moved = true;
        }
        while let Some(frame) = served.poll_frame(now).unwrap() {
            down.push_back(frame);
            moved = true;
        }
        if phone.wants_input()
            && let Some(frame) = down.pop_front()
        {
            phone.handle(&frame).unwrap();
            moved = true;
        }
        if let Some(outcome) = phone.outcome() {
            return (outcome.ending.clone(), phone.progress());
        }
        if !moved {
            hub.merge_all(now).unwrap();
            served.grown().unwrap();
        }
    }
}

pub(super) fn as_said(frame: Vec<u8>) -> Vec<u8> {
    frame
}

/// A hub that cannot read what is pushed, as one that is older than the phone.
fn garbled(frame: Vec<u8>) -> Vec<u8> {
    let Ok(Frame::Push { mut packs }) = Frame::decode(&frame) else { return frame };
    for pack in &mut packs {
        *pack.last_mut().unwrap() ^= 1;
    }
    Frame::Push { packs }.encode().unwrap()
}

#[test]
fn what_the_hub_is_silent_about_is_carried_on_and_offered_again() {
    let (hub, _, two, genesis) = carrying();
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut phone = PhoneRunner::start(two.phone.clone(), options, entropy(9), NOW).unwrap();
    let start = HubStart { entry: entry(2, "06325").into(), head: hub.head().unwrap(), now: NOW };
    let mut served = HubSession::new(start);
    let (tree, mut pushed) = (crate::sync::MemoryTree::default(), 0);
    while phone.outcome().is_none() {
        while let Some(frame) = phone.poll_frame(NOW).unwrap() {
            served.handle_frame(&frame, &tree).unwrap();
        }
        while let Some(output) = served.poll_output() {
            match output {
                HubOutput::Send(frame) => phone.handle(&frame).unwrap(),
                // Neither kept nor named.
                HubOutput::Accept(packs) => {
                    pushed += packs.len();
                    served.handle_accepted(Accepted::default()).unwrap();
                }
                HubOutput::CheckPosition(_) => served.handle_position(true).unwrap(),
                HubOutput::ShowLog { kept } => {
                    served.handle_log(hub.show_log(&kept, NOW).unwrap()).unwrap();
                }
                HubOutput::Notices { after } => served.handle_notices(after, vec![]).unwrap(),
                HubOutput::Finished(_) => {}
                other => panic!("nothing else is asked for: {other:?}"),
            }
        }
    }
    assert_eq!((&phone.outcome().unwrap().ending, pushed), (&Ending::Done, 1));
    assert_eq!(two.phone.carried().unwrap(), [genesis.document()]);
    assert_eq!(two.values(&genesis, "1.1"), ["one"]);
    sync(&two, &hub);
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one"]);
    assert_eq!(two.phone.carried().unwrap(), []);
}

#[test]
fn what_could_not_be_offered_before_the_goodbye_is_said_to_wait() {
    let (hub, _, two, genesis) = carrying();
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut phone = PhoneRunner::start(two.phone.clone(), options, entropy(9), NOW).unwrap();
    let head = hub.head().unwrap();
    let welcome = Frame::Welcome(Welcome {
        protocol: PROTOCOL_VERSION,
        epoch: head.epoch,
        hub_time: NOW,
        hub_head: head.number,
        resume: Resume::Feed,
    });
    let kept = two.phone.heads_named(hub.device()).unwrap();
    let log = Frame::Log(LogMessage::Shown(hub.show_log(&kept, NOW).unwrap()));
    for frame in [welcome, log, Frame::Bye] {
        phone.handle(&frame.encode().unwrap()).unwrap();
    }
    while phone.poll_frame(NOW).unwrap().is_some() {}
    let progress = phone.progress();
    assert_eq!(phone.outcome().unwrap().ending, Ending::Done);
    assert_eq!((progress.more, progress.sent, progress.declined), (true, 0, 0));
    assert_eq!(two.phone.carried().unwrap(), [genesis.document()]);
    sync(&two, &hub);
    assert_eq!(two.phone.carried().unwrap(), []);
}

#[test]
fn a_document_of_which_all_was_declined_leaves_the_lists() {
    let (hub, _, two, genesis) = carrying();
    assert_eq!((listed(&two), two.replica().totals().unwrap().documents), (1, 1));
    hub.trust(PlainEntry { active: false, ..entry(1, "06325") }).unwrap();
    let (ending, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!((ending, progress.declined, progress.refused), (Ending::Done, 1, 0));
    assert_eq!((listed(&two), two.replica().totals().unwrap().documents), (0, 0));
    assert_eq!(two.replica().summary(genesis.document()).unwrap(), None);
    assert_eq!(two.replica().refresh(usize::MAX).unwrap(), 0);
    rebuilds(&two);
    // The device is taken in again: what it wrote comes from itself, and is listed.
    hub.trust(entry(1, "06325")).unwrap();
    two.answer(&genesis, "1.2", "two");
    assert_eq!((listed(&two), two.replica().totals().unwrap().documents), (1, 1));
    rebuilds(&two);
}

#[test]
fn what_the_hub_cannot_read_is_still_only_here_and_comes_again_later() {
    let (hub, one, genesis) = (hub(&[1]), side(1), visit("06325", 1));
    let document = genesis.document();
    sync(&one, &hub);
    one.answer(&genesis, "1.1", "one");
    let (_, progress) = exchange(&one, &hub, NOW, garbled);
    assert_eq!((progress.sent, progress.refused, progress.more), (1, 1, false));
    assert_eq!(one.phone.notices().unwrap()[0].verdict, Verdict::Unreadable);
    assert_eq!(one.phone.only_here().unwrap(), [document]);
    assert_eq!(one.phone.arrival(document).unwrap().only_here, 1);
    // It is not pushed over and over, nor what follows it, which the hub could not take either.
    one.answer(&genesis, "1.2", "behind");
    let elsewhere = visit("06325", 2);
    one.answer(&elsewhere, "1.1", "elsewhere");
    let (_, progress) = exchange(&one, &hub, NOW, as_said);
    assert_eq!((progress.sent, progress.stored), (1, 1));
    assert_eq!(values(hub.replica(), &elsewhere, "1.1"), ["elsewhere"]);
    assert_eq!(one.phone.arrival(document).unwrap().only_here, 2);
    assert_eq!(one.phone.only_here().unwrap(), [document]);
    rebuilds(&one);
    // The hub was updated meanwhile.
    let (_, progress) = exchange(&one, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!((progress.sent, progress.stored), (2, 2));
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one"]);
    assert_eq!(one.phone.only_here().unwrap(), []);
    rebuilds(&one);
}

#[test]
fn a_neighbours_pack_that_the_hub_cannot_read_is_carried_on() {
    let (hub, _, two, genesis) = carrying();
    let (ending, progress) = exchange(&two, &hub, NOW, garbled);
    // Nobody is told by a notice; the exchange's end says it.
    let Ending::Told(failure) = ending else { panic!("{ending:?}") };
    assert_eq!((failure.code, progress.sent), (FailureCode::Misbehaved, 1));
    assert_eq!(two.phone.carried().unwrap(), [genesis.document()]);
    let (ending, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!((ending, progress.sent), (Ending::Done, 0));
    assert_eq!(two.phone.carried().unwrap(), [genesis.document()]);
    let (_, progress) = exchange(&two, &hub, Time(NOW.0 + HOUR_MS), as_said);
    assert_eq!((progress.sent, progress.stored), (1, 1));
    assert_eq!(two.phone.carried().unwrap(), []);
}

/// Text that hardly gets shorter, another for each number.
fn noise(number: u32) -> String {
    let mut bytes = vec![0; 8_000];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
    let pairs = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    pairs.map(|value| char::from_u32(0x4e00 + value % 0x4000).unwrap()).collect()
}

#[test]
fn however_much_is_carried_one_exchange_offers_all_of_it() {
    const VISITS: u32 = 90;
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    sync(&one, &hub);
    sync(&two, &hub);
    let items: Vec<String> =
        Template::parse(TEA).unwrap().shape().items().iter().take(16).cloned().collect();
    for number in 0..VISITS {
        let write = |editor: &mut crate::model::Editor<'_>| {
            for (at, item) in (0..).zip(&items) {
                let answer = AnswerInput {
                    grade: Grade::Minor,
                    value: Some(noise(number * 100 + at)),
                    evidence: Vec::new(),
                    claimed_at: NOW,
                    resolves: false,
                };
                editor.answer(item, answer)?;
            }
            Ok(())
        };
        one.phone.edit(&visit("06325", number), NOW, write).unwrap();
    }
    let [_, at_two] = meet(&one, &two);
    assert_eq!(at_two.received, VISITS as usize);
    let load = carried_load(&two);
    assert!(load.bytes > 9 << 20, "too little to tell: {load:?}");
    let mut held = 0;
    let mut next = None;
    loop {
        let some = two.phone.deliver([0; 16], next, NOW).unwrap();
        let bytes: usize = some.packs.iter().map(Vec::len).sum();
        assert!(bytes <= 1 << 20, "{bytes} bytes in memory at once");
        held += some.packs.len();
        next = some.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(held, VISITS as usize);
    let (ending, progress) = exchange(&two, &hub, NOW, as_said);
    assert_eq!((ending, progress.more), (Ending::Done, false));
    assert_eq!((progress.sent, progress.stored), (VISITS as usize, VISITS as usize));
    assert_eq!(two.phone.carried().unwrap(), []);
    assert_eq!(hub.replica().totals().unwrap().documents, u64::from(VISITS));
    assert_eq!(carried_load(&two), LoadRow::default());
}

pub(super) fn carried_load(side: &Side) -> LoadRow {
    let key = crate::replica::rows::load_of_all();
    crate::replica::rows::get(&*side.store, &key).unwrap().unwrap_or_default()
}

/// Takes packs from a neighbour within other limits.
fn take(side: &Side, peer: u8, limits: &Limits, packs: &[Vec<u8>]) -> Took {
    let peer = entry(peer, "06325").into();
    let fresh = Incarnation([77; 16]);
    let offered = &Offered::new();
    let giving = Giving { peer: &peer, offered, limits, fresh, now: NOW };
    side.phone.take(&giving, packs).unwrap()
}

/// What a phone wrote in this many visits from a number on, as packs.
fn written(side: &Side, from: u32, visits: u32) -> Vec<Vec<u8>> {
    for number in from..from + visits {
        side.answer(&visit("06325", number), "1.1", "value");
    }
    side.phone.release(NOW).unwrap()
}

#[test]
fn no_neighbour_takes_the_room_of_the_others() {
    let hub = hub(&[1, 2, 3, 4]);
    let (one, two, three, four) = (side(1), side(2), side(3), side(4));
    for side in [&one, &two, &three, &four] {
        sync(side, &hub);
    }
    let much = LoadRow { packs: 100, bytes: 1 << 20 };
    let few = |packs| LoadRow { packs, ..much };
    // A device that writes without end fills its own part; a long line stops where the room does.
    let mut packs = written(&one, 0, 4);
    one.answer(&visit("06325", 3), "1.2", "more");
    packs.extend(one.phone.release(NOW).unwrap());
    let limits = Limits { all: few(10), signer: few(3), giver: few(8) };
    let took = take(&four, 1, &limits, &packs);
    assert_eq!((took.recorded, took.no_room, took.conflicting), (3, 2, 0));
    // Whoever brings it.
    let took = take(&four, 3, &limits, &packs);
    assert_eq!((took.recorded, took.no_room, took.conflicting), (0, 2, 0));
    let twos = written(&two, 20, 3);
    assert_eq!(take(&four, 2, &limits, &twos).recorded, 3);
    // A device that brings what others wrote has a part of its own, and all together have one.
    let threes = written(&three, 40, 3);
    let by_giver = Limits { all: few(10), signer: few(10), giver: few(4) };
    assert_eq!(take(&four, 1, &by_giver, &threes).recorded, 1);
    let all = Limits { all: few(8), signer: few(10), giver: few(10) };
    assert_eq!(take(&four, 3, &all, &threes).recorded, 1);
    assert_eq!(carried_load(&four).packs, 8);
    rebuilds(&four);
    // The hub takes the load off.
    sync(&four, &hub);
    assert_eq!(carried_load(&four), LoadRow::default());
    let rest = take(&four, 1, &limits, &packs);
    assert_eq!((rest.recorded, rest.no_room), (2, 0));
    rebuilds(&four);
}

#[test]
fn room_is_counted_in_bytes_too() {
    let (hub, one, two) = (hub(&[1, 2]), side(1), side(2));
    sync(&one, &hub);
    sync(&two, &hub);
    let packs = written(&one, 0, 3);
    let two_packs = packs.iter().map(|pack| pack.len() as u64).max().unwrap() * 2;
    let tight = LoadRow { packs: 100, bytes: two_packs };
    let took = take(&two, 1, &Limits { all: tight, signer: tight, giver: tight }, &packs);
    assert_eq!((took.recorded, took.no_room), (2, 1));
    assert!(carried_load(&two).bytes <= two_packs);
    const {
        assert!(LIMITS.signer.bytes < LIMITS.giver.bytes && LIMITS.giver.bytes < LIMITS.all.bytes);
    }
}
