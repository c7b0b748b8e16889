//! The hub's log: an operator who rewrites what the hub holds, with the hub's key and all its files, is
//! found by a phone that keeps one old head; a hub that shows two logs is found when phones meet; a hub
//! that was set back to a copy is told from both.

use std::collections::VecDeque;
use std::sync::Arc;

use bienban_core::model::{Actor, DocumentId, Timestamp};
use bienban_core::replica::{
    Fact, Hub, HubOptions, HubRunner, Meeting, MeetingOptions, Phone, PhoneOptions, PhoneRunner,
    Projection, ReplicaError, Trouble, check_log,
};
use bienban_core::store::{
    DiskStore, MemoryDisk, MemoryStore, Options, Position, Read, Record, Store, Writes,
};
use bienban_core::sync::{FeedItem, Frame, LogMessage, PlainEntry, Role, Verdict};
use bienban_core::trust::DeviceKey;
use bienban_core::trust::control::Whom;
use bienban_core::trust::log::{DoubtReason, LogEntry, LogLeaf, TreeHead};
use bienban_core::trust::merkle::{Frontier, TreeHash, verify_inclusion};
use bienban_tests::fleet::{self, HUB_SEED, NOW, SHORT};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Rewritings of a plain `cargo test`; `BIENBAN_REWRITES` asks for more.
const REWRITES: u64 = 200;

/// What a drawn rewriting may fail to give a working store before another is drawn.
const TRIES_MAX: usize = 400;

/// Rounds without anything to move after which an exchange hangs.
const IDLE_ROUNDS_MAX: usize = 4;

/// Which hub program answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// As it is shipped: it says so where it finds that it was set back.
    Shipped,
    /// One that hides it: it is not let see the heads that the phone demands, nor how far the phone followed
    /// its feed, and its answer is made of the store that it has.
    Lying,
}

/// Runs one exchange. Returns why the phone ended it, if it did, and the bytes of frames on the log.
fn exchange(phone: &Arc<Phone>, hub: &Arc<Hub>, program: Program) -> Result<usize, ReplicaError> {
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut here = PhoneRunner::start(phone.clone(), options, Box::new(|| [7; 16]), NOW)?;
    let entry = hub.replica().device(phone.device()).unwrap().unwrap();
    let mut there = HubRunner::start(hub.clone(), entry, NOW).unwrap();
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    let (mut named, mut spent, mut idle) = (Vec::new(), 0, 0);
    while idle < IDLE_ROUNDS_MAX {
        let mut moved = false;
        while let Some(mut frame) = here.poll_frame(NOW)? {
            if program == Program::Lying
                && let Ok(Frame::Hello(mut hello)) = Frame::decode(&frame)
            {
                hello.position = None;
                frame = Frame::Hello(hello).encode().unwrap();
            }
            if let Ok(Frame::Log(LogMessage::Kept { heads })) = Frame::decode(&frame) {
                spent += frame.len();
                named = heads;
                if program == Program::Lying {
                    let nothing = LogMessage::Kept { heads: Vec::new() };
                    frame = Frame::Log(nothing).encode().unwrap();
                }
            }
            up.push_back(frame);
            moved = true;
        }
        while there.wants_input()
            && let Some(frame) = up.pop_front()
        {
            there.handle(&frame).unwrap();
            moved = true;
        }
        while let Some(mut frame) = there.poll_frame(NOW).unwrap() {
            if let Ok(Frame::Log(LogMessage::Shown(_))) = Frame::decode(&frame) {
                if program == Program::Lying {
                    let shown = hub.show_log(&named, NOW).unwrap();
                    frame = Frame::Log(LogMessage::Shown(shown)).encode().unwrap();
                }
                spent += frame.len();
            }
            down.push_back(frame);
            moved = true;
        }
        if here.wants_input()
            && let Some(frame) = down.pop_front()
        {
            here.handle(&frame)?;
            moved = true;
        }
        if here.outcome().is_some() {
            return Ok(spent);
        }
        idle = if moved { 0 } else { idle + 1 };
        if !moved {
            hub.merge_all(NOW).unwrap();
            there.grown().unwrap();
        }
    }
    panic!("the exchange hangs");
}

/// As an app does: comes again where the hub asks for it.
pub(crate) fn sync(
    phone: &Arc<Phone>,
    hub: &Arc<Hub>,
    program: Program,
) -> Result<(), ReplicaError> {
    for _ in 0..3 {
        exchange(phone, hub, program)?;
    }
    Ok(())
}

pub(crate) fn hub_key() -> DeviceKey {
    DeviceKey::from_seed(&HUB_SEED)
}

pub(crate) fn hub_over(store: Arc<dyn Store>) -> Result<Arc<Hub>, ReplicaError> {
    let options = HubOptions { fresh_epoch: [9; 16], now: NOW };
    Ok(Arc::new(Hub::open(store, hub_key(), options)?))
}

fn phone_on(disk: &MemoryDisk, number: u8) -> Arc<Phone> {
    let store = MemoryStore::open(&disk.copy_unnoticed(), Arc::new(Projection)).unwrap();
    fleet::phone_over(Arc::new(store), number)
}

fn admin() -> PlainEntry {
    PlainEntry { role: Role::Admin, ..fleet::entry(4) }
}

/// A hub with a past of every kind, and a phone that has seen it.
pub(crate) struct Past {
    /// The hub's records that the phone's head covers.
    pub(crate) records: Vec<Record>,
    /// The disk of the phone that keeps a head of all of them.
    witness: MemoryDisk,
    /// Records of a phone's journal: of kinds that no hub writes.
    foreign: Vec<Record>,
}

pub(crate) fn past() -> Past {
    let (hub, _) = fleet::hub(SHORT, 3);
    hub.trust(admin()).unwrap();
    let one = fleet::phone(1);
    let _ = fleet::fill(&one, SHORT, 0..5);
    sync(&one, &hub, Program::Shipped).unwrap();
    // An auditor's phone has no right to write; what it wrote is set aside.
    hub.trust(PlainEntry { role: Role::Auditor, ..fleet::entry(3) }).unwrap();
    let three = fleet::phone(3);
    let _ = fleet::fill(&three, SHORT, 90..92);
    for pack in three.release(NOW).unwrap() {
        hub.accept(three.device(), &[pack], NOW).unwrap();
    }
    hub.turned_away(bienban_core::trust::log::Turned::Stranger, one.device(), 3, NOW).unwrap();
    hub.settle_log(Timestamp(NOW.0 + 60_000)).unwrap();
    let witness = MemoryDisk::new();
    {
        let store = MemoryStore::open(&witness, Arc::new(Projection)).unwrap();
        let two = fleet::phone_over(Arc::new(store), 2);
        sync(&two, &hub, Program::Shipped).unwrap();
        let _ = fleet::fill(&one, SHORT, 5..8);
        sync(&one, &hub, Program::Shipped).unwrap();
        let covered = hub.replica().store().position();
        exchange(&two, &hub, Program::Shipped).unwrap();
        assert!(two.replica().doubts().unwrap().is_empty());
        let store = hub.replica().store();
        let record = |at| store.record(Position(at)).unwrap().unwrap();
        let records = (1..=covered.0).map(record).collect();
        drop(two);
        let store = one.replica().store();
        let own = |at| store.record(Position(at)).unwrap().unwrap();
        let foreign = (2..=store.position().0).map(own).collect();
        Past { records, witness: witness.copy_unnoticed(), foreign }
    }
}

/// One rewriting of the journal; `None` where the draw changes nothing.
fn rewrite(past: &Past, rng: &mut SmallRng) -> Option<(&'static str, Vec<Record>)> {
    let Past { records, foreign, .. } = past;
    let mut rewritten = records.clone();
    let at = rng.random_range(0..records.len());
    let what = match rng.random_range(0..5) {
        0 => {
            let record = &mut rewritten[at];
            let place = rng.random_range(1..record.payload.len());
            record.payload[place] ^= 1 << rng.random_range(0..8);
            // What is no fact would not open; an operator writes what does.
            Fact::read(Position(1), record).ok()?;
            "edited"
        }
        1 => {
            rewritten.remove(at);
            "deleted"
        }
        2 => {
            let from = rng.random_range(0..records.len());
            rewritten.insert(at, records[from].clone());
            "inserted"
        }
        3 => {
            let from = rng.random_range(0..foreign.len());
            rewritten.insert(at, foreign[from].clone());
            "foreign"
        }
        _ => {
            let other = rng.random_range(0..records.len());
            rewritten.swap(at, other);
            "reordered"
        }
    };
    // The last record once more is no other past: it only comes after it.
    (!rewritten.starts_with(records)).then_some((what, rewritten))
}

/// Writes records into the files of a new store, and opens a hub on them.
fn written(dir: &std::path::Path, records: Vec<Record>) -> Option<(Arc<Hub>, Arc<DiskStore>)> {
    let options = Options::new(Arc::new(|| NOW.0));
    let store = Arc::new(DiskStore::open(dir, Arc::new(Projection), options).unwrap());
    store.commit(records).ok()?;
    let hub = hub_over(store.clone()).ok()?;
    // Without the phone's rights there is nothing to exchange, which is told too.
    let known = hub.replica().device(fleet::phone(2).device()).ok()??;
    known.active.then_some((hub, store))
}

/// Changes one leaf's row, and makes the tree's rows anew as if it had always been so.
fn rewrite_leaf(store: &DiskStore, rng: &mut SmallRng, upto: u64) {
    let leaf_key = |index: u64| [&b"1"[..], &index.to_be_bytes()].concat();
    let place = rng.random_range(0..upto);
    let mut writes = Writes::default();
    let mut tree = Frontier::default();
    for (key, mut leaf) in store.scan(b"1", None, usize::MAX).unwrap() {
        if key == leaf_key(place) {
            let byte = rng.random_range(1..leaf.len());
            leaf[byte] ^= 1 << rng.random_range(0..8);
            writes.put(key, leaf.clone());
        }
        for (name, hash) in tree.append(TreeHash::of_leaf(&leaf)) {
            if name.level > 0 {
                let key = [&b"2"[..], &[name.level], &name.index.to_be_bytes()].concat();
                writes.put(key, hash.0.to_vec());
            }
        }
    }
    writes.put(&b"mlog"[..], postcard_of(&tree));
    store.derive(writes).unwrap();
}

/// The row of a tree's right edge: its size, and its peaks, as the store writes them.
fn postcard_of(tree: &Frontier) -> Vec<u8> {
    // What a log says of itself after the leaf was changed; the store's own encoding of it.
    let mut bytes = Vec::new();
    let mut size = tree.size();
    while size >= 0x80 {
        bytes.push(u8::try_from(size & 0x7f).unwrap() | 0x80);
        size >>= 7;
    }
    bytes.push(u8::try_from(size).unwrap());
    let peaks = tree.peaks();
    bytes.push(u8::try_from(peaks.len()).unwrap());
    peaks.iter().for_each(|peak| bytes.extend_from_slice(&peak.0));
    bytes
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn expect_found(past: &Past, seed: u64, what: &str, hub: &Arc<Hub>) {
    let lied_to = phone_on(&past.witness, 2);
    let told = sync(&lied_to, hub, Program::Lying);
    assert!(matches!(told, Err(ReplicaError::LogForked { .. })), "seed {seed}, {what}: {told:?}");
    let doubt = lied_to.replica().stopping_doubt().unwrap();
    assert!(doubt.is_some(), "seed {seed}, {what}: no mark");
    let again = sync(&lied_to, hub, Program::Lying);
    assert!(matches!(again, Err(ReplicaError::LogForked { .. })), "seed {seed}: it goes on");
    // The shipped program says of itself that it does not hold what it has signed.
    let told = phone_on(&past.witness, 2);
    let outcome = sync(&told, hub, Program::Shipped);
    let doubts = told.replica().doubts().unwrap();
    assert!(!doubts.is_empty(), "seed {seed}, {what}: not reported, {outcome:?}");
}

#[test]
fn whatever_an_operator_rewrites_is_found_by_one_phones_old_head() {
    let past = past();
    let dir = tempfile::tempdir().unwrap();
    // Nothing rewritten, nothing found: also not where the log went on since.
    let (hub, store) = written(&dir.path().join("honest"), past.records.clone()).unwrap();
    assert!(check_log(&*store, |_, _, _| ()).unwrap().problems.is_empty());
    for program in [Program::Lying, Program::Shipped] {
        let honest = phone_on(&past.witness, 2);
        sync(&honest, &hub, program).unwrap();
        hub.trust(PlainEntry { name: format!("{program:?}"), ..fleet::entry(1) }).unwrap();
        sync(&honest, &hub, program).unwrap();
        assert!(honest.replica().doubts().unwrap().is_empty());
    }
    let (mut counts, mut leaves) = (std::collections::BTreeMap::<&str, u64>::new(), 0);
    let rewrites = number("BIENBAN_REWRITES").unwrap_or(REWRITES);
    for seed in 0..rewrites {
        let mut rng = SmallRng::seed_from_u64(seed);
        let folder = |try_: usize| dir.path().join(format!("{seed}-{try_}"));
        if seed % 5 == 4 {
            let (hub, store) = written(&folder(0), past.records.clone()).unwrap();
            let upto = hub.log_head(NOW).unwrap().size;
            rewrite_leaf(&store, &mut rng, upto);
            assert!(check_log(&*store, |_, _, _| ()).unwrap().problems.is_empty(), "seed {seed}");
            expect_found(&past, seed, "leaf", &hub);
            leaves += 1;
        } else {
            let made = (0..TRIES_MAX).find_map(|try_| {
                let (what, records) = rewrite(&past, &mut rng)?;
                written(&folder(try_), records).map(|(hub, _)| (what, hub))
            });
            let (what, hub) = made.unwrap_or_else(|| panic!("seed {seed}: nothing opens"));
            *counts.entry(what).or_default() += 1;
            expect_found(&past, seed, what, &hub);
        }
    }
    assert!(leaves > 0 && counts.len() == 5, "a rewriter that does little: {counts:?} {leaves}");
}

/// Facts that change rows and that no hub with a past writes there.
fn never_there() -> Vec<Fact> {
    let (document, actor, hub) = (DocumentId([1; 32]), Actor([2; 16]), hub_key().device());
    let (packs, epoch, at) = (vec![(document, actor, 3)], [4; 16], NOW);
    let head = TreeHead::sign(&hub_key(), epoch, (0, TreeHash::of_nothing()), NOW);
    vec![
        Fact::Lagging,
        Fact::Pinned { hub },
        Fact::Restored { epoch },
        Fact::Forked { document, actor },
        Fact::Followed { document, actor, left: Vec::new(), at },
        Fact::Declined { packs: packs.clone(), at },
        Fact::Kept { packs, epoch },
        Fact::Lacking { wants: Vec::new() },
        Fact::Rejected { document, edits: Vec::new(), at },
        Fact::Reminded { epoch, upto: Vec::new() },
        Fact::Witnessed { hub, head, heard: None, at },
        Fact::Troubled { trouble: Trouble::default(), at },
        Fact::Acknowledged { upto: 9, at },
        Fact::SealsSeen { acts: Vec::new(), at },
        Fact::Noticed { upto: 0, notices: Vec::new() },
        Fact::Received {
            items: vec![FeedItem::Object { bytes: SHORT.to_vec() }],
            position: None,
            at,
        },
    ]
}

#[test]
fn no_record_of_any_kind_is_put_into_a_hubs_past_unseen() {
    let past = past();
    let dir = tempfile::tempdir().unwrap();
    let mut found = 0;
    for (number, fact) in never_there().into_iter().enumerate() {
        // Right after the birth, before the log begins; and before the last record.
        for at in [1, past.records.len() - 1] {
            let mut records = past.records.clone();
            records.insert(at, fact.record().unwrap());
            let Some((hub, _)) = written(&dir.path().join(format!("{number}-{at}")), records)
            else {
                continue;
            };
            expect_found(&past, at as u64, &format!("{fact:?}"), &hub);
            found += 1;
        }
    }
    assert!(found > 20, "few of them open: {found}");
}

/// Two hubs of one key and one past that go different ways: a hub with two faces.
fn two_faces(more: u8) -> (Arc<Hub>, Arc<Hub>) {
    let disk = MemoryDisk::new();
    let store = MemoryStore::open(&disk, Arc::new(Projection)).unwrap();
    let one = hub_over(Arc::new(store)).unwrap();
    one.publish(SHORT.to_vec()).unwrap();
    (1..=2).for_each(|number| one.trust(fleet::entry(number)).unwrap());
    one.trust(admin()).unwrap();
    let store = MemoryStore::open(&disk.copy_unnoticed(), Arc::new(Projection)).unwrap();
    let two = hub_over(Arc::new(store)).unwrap();
    one.trust(fleet::entry(5)).unwrap();
    (6..=6 + more).for_each(|number| two.trust(fleet::entry(number)).unwrap());
    (one, two)
}

pub(crate) fn meet(one: &Arc<Phone>, two: &Arc<Phone>) -> [bool; 2] {
    let start = |phone: &Arc<Phone>, number, opens| {
        let options = MeetingOptions { peer: fleet::entry(number).into(), opens };
        Meeting::start(phone.clone(), options, Box::new(|| [8; 16]), NOW).unwrap()
    };
    let mut sides = [start(one, 2, true), start(two, 1, false)];
    let mut lines = [VecDeque::new(), VecDeque::new()];
    for _ in 0..100 {
        for side in 0..2 {
            while let Some(frame) = sides[side].poll_frame(NOW).unwrap() {
                lines[1 - side].push_back(frame);
            }
            if let Some(frame) = lines[side].pop_front() {
                sides[side].handle(&frame).unwrap();
            }
        }
    }
    assert!(sides.iter().all(|side| side.outcome().is_some()), "the meeting hangs");
    sides.map(|side| side.progress().two_logs)
}

#[test]
fn a_hub_that_shows_two_logs_is_found_when_the_phones_meet() {
    let (one_face, other_face) = two_faces(0);
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    exchange(&one, &one_face, Program::Lying).unwrap();
    exchange(&two, &other_face, Program::Lying).unwrap();
    assert_eq!(meet(&one, &two), [true, true]);
    for (phone, hub) in [(&one, &one_face), (&two, &other_face)] {
        let known = phone.replica().stopping_doubt().unwrap().unwrap();
        assert_eq!(known.doubt.reason, DoubtReason::TwoLogs);
        known.doubt.shown.verify(hub.device()).unwrap();
        known.doubt.kept.verify(hub.device()).unwrap();
        let told = exchange(phone, hub, Program::Shipped);
        assert!(matches!(told, Err(ReplicaError::LogForked { .. })), "{told:?}");
    }
}

#[test]
fn two_logs_of_different_lengths_are_found_at_the_next_contact() {
    let (one_face, other_face) = two_faces(2);
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    exchange(&one, &one_face, Program::Lying).unwrap();
    exchange(&two, &other_face, Program::Lying).unwrap();
    assert_eq!(meet(&one, &two), [false, false], "nothing can be compared yet");
    for (phone, hub) in [(&one, &one_face), (&two, &other_face)] {
        let told = sync(phone, hub, Program::Lying);
        assert!(matches!(told, Err(ReplicaError::LogForked { .. })), "{told:?}");
    }
}

#[test]
fn phones_of_one_honest_hub_meet_and_find_nothing() {
    let (hub, _) = two_faces(0);
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    for round in 0..3 {
        exchange(&one, &hub, Program::Shipped).unwrap();
        hub.trust(PlainEntry { name: format!("{round}"), ..fleet::entry(5) }).unwrap();
        exchange(&two, &hub, Program::Shipped).unwrap();
        assert_eq!(meet(&one, &two), [false, false]);
    }
    sync(&one, &hub, Program::Shipped).unwrap();
    sync(&two, &hub, Program::Shipped).unwrap();
    assert!(one.replica().doubts().unwrap().is_empty());
    assert!(two.replica().doubts().unwrap().is_empty());
}

#[test]
fn a_hub_set_back_to_a_copy_is_reported_and_not_stopped() {
    for notices in [true, false] {
        let disk = MemoryDisk::new();
        let hub = {
            let store = MemoryStore::open(&disk, Arc::new(Projection)).unwrap();
            hub_over(Arc::new(store)).unwrap()
        };
        (1..=2).for_each(|number| hub.trust(fleet::entry(number)).unwrap());
        let copy = if notices { disk.copy() } else { disk.copy_unnoticed() };
        let (phone, early) = (fleet::phone(1), fleet::phone(2));
        exchange(&early, &hub, Program::Shipped).unwrap();
        hub.trust(fleet::entry(3)).unwrap();
        exchange(&phone, &hub, Program::Shipped).unwrap();
        let store = MemoryStore::open(&copy, Arc::new(Projection)).unwrap();
        let options = HubOptions { fresh_epoch: [3; 16], now: NOW };
        let key = DeviceKey::from_seed(&HUB_SEED);
        let restored = Arc::new(Hub::open(Arc::new(store), key, options).unwrap());
        sync(&phone, &restored, Program::Shipped).unwrap();
        let doubts = phone.replica().doubts().unwrap();
        assert_eq!(doubts.len(), 1, "{notices}: told once");
        assert_eq!(doubts[0].doubt.reason, DoubtReason::Restored);
        assert!(phone.replica().stopping_doubt().unwrap().is_none());
        // A phone that had seen no more than the copy holds has nothing to report.
        sync(&early, &restored, Program::Shipped).unwrap();
        assert!(early.replica().doubts().unwrap().is_empty(), "{notices}");
        phone.replica().acknowledge(NOW).unwrap();
        sync(&phone, &restored, Program::Shipped).unwrap();
        assert!(phone.replica().doubts().unwrap().is_empty());
    }
}

#[test]
fn only_an_administrators_release_lets_a_phone_go_on() {
    let (one_face, other_face) = two_faces(0);
    let phone = fleet::phone(1);
    sync(&phone, &one_face, Program::Lying).unwrap();
    let told = sync(&phone, &other_face, Program::Lying);
    assert!(matches!(told, Err(ReplicaError::LogForked { .. })), "{told:?}");
    let doubt = phone.replica().stopping_doubt().unwrap().unwrap().doubt.id();
    let (inspector, admin) = (fleet::phone(2), fleet::phone(4));
    let wrong = [
        inspector.sign_release(phone.device(), doubt),
        admin.sign_release(inspector.device(), doubt),
        admin.sign_release(phone.device(), [0; 32]),
    ];
    for release in wrong {
        assert!(phone.release_log(&release, NOW).is_err());
        // A person's acknowledgement of losses lifts nothing either.
        phone.replica().acknowledge(NOW).unwrap();
        assert!(phone.replica().stopping_doubt().unwrap().is_some());
    }
    phone.release_log(&admin.sign_release(phone.device(), doubt), NOW).unwrap();
    assert!(phone.replica().doubts().unwrap().is_empty());
    // The log does not stand in the way any more. This hub's faces tell two histories of rights too, and
    // nobody can release a phone from that.
    let told = sync(&phone, &other_face, Program::Lying);
    assert!(matches!(told, Err(ReplicaError::OtherRights { .. })), "{told:?}");
    assert!(phone.replica().doubts().unwrap().is_empty());
}

pub(crate) fn entries(hub: &Hub) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    let store = hub.replica().store();
    let check =
        check_log(&**store, |_, leaf, _| entries.extend(leaf.map(|leaf| leaf.entry.clone())));
    let check = check.unwrap();
    assert_eq!((check.problems, check.unread), (Vec::<String>::new(), 0));
    entries
}

#[test]
fn the_log_tells_what_was_accepted_refused_read_and_administered() {
    let (hub, _) = fleet::hub(SHORT, 3);
    let (one, two, three) = (fleet::phone(1), fleet::phone(2), fleet::phone(3));
    let _ = fleet::fill(&one, SHORT, 0..5);
    sync(&one, &hub, Program::Shipped).unwrap();
    sync(&two, &hub, Program::Shipped).unwrap();
    hub.trust(PlainEntry { role: Role::Auditor, ..fleet::entry(3) }).unwrap();
    let _ = fleet::fill(&three, SHORT, 90..91);
    hub.accept(three.device(), &three.release(NOW).unwrap(), NOW).unwrap();
    let all = entries(&hub);
    let count = |matches: &dyn Fn(&LogEntry) -> bool| all.iter().filter(|one| matches(one)).count();
    assert!(matches!(all[0], LogEntry::Begun { epoch: [9, ..] }));
    assert_eq!(count(&|one| matches!(one, LogEntry::Stored { .. })), 5);
    assert_eq!(count(&|one| matches!(one, LogEntry::Merged { .. })), 5);
    let certified = |one: &LogEntry| matches!(one, LogEntry::Entered { by, deed: 0, whom: Some(Whom::Device(_)), .. } if *by == hub.device());
    assert_eq!(count(&certified), 4, "one for each phone, and one for the change of its rights");
    assert_eq!(count(&|one| matches!(one, LogEntry::Object { .. })), 1);
    let read: Vec<_> = all
        .iter()
        .filter_map(|entry| match entry {
            LogEntry::Read { by, given, .. } => Some((*by, *given)),
            _ => None,
        })
        .collect();
    assert_eq!(
        read,
        [(two.device(), 5)],
        "one entry for the session, and none for what is one's own"
    );
    let refused = |one: &LogEntry| {
        matches!(one, LogEntry::Refused { device, why, .. } if *device == three.device()
            && *why == bienban_core::trust::log::Refusal::NotAllowed)
    };
    assert_eq!(count(&refused), 1, "{:?}", Verdict::NotAllowed);
    // Exchanges in which nothing is given and nothing taken leave no leaf.
    let size = hub.log_head(NOW).unwrap().size;
    sync(&one, &hub, Program::Shipped).unwrap();
    sync(&two, &hub, Program::Shipped).unwrap();
    assert_eq!(hub.log_head(NOW).unwrap().size, size);
}

#[test]
fn each_receipt_of_a_document_is_proved_to_be_in_the_log_and_nothing_of_others_is_told() {
    let (hub, template) = fleet::hub(SHORT, 2);
    let phone = fleet::phone(1);
    let _ = fleet::fill(&phone, SHORT, 0..9);
    sync(&phone, &hub, Program::Shipped).unwrap();
    let document = fleet::visit(template, 4).document();
    let proofs = hub.log_proofs(document, 0, NOW).unwrap();
    proofs.head.verify(hub.device()).unwrap();
    assert_eq!((proofs.leaves.len(), proofs.more), (1, false));
    for proved in &proofs.leaves {
        let leaf = TreeHash::of_leaf(&proved.leaf);
        let TreeHead { size, root, .. } = proofs.head;
        assert!(verify_inclusion(leaf, proved.index, size, root, &proved.path));
        let entry = LogLeaf::decode(&proved.leaf).unwrap().entry;
        let LogEntry::Stored { document: of, device, .. } = entry else { panic!("{entry:?}") };
        assert_eq!((of, device), (document, phone.device()));
        let mut other = proved.leaf.clone();
        other[50] ^= 1;
        let leaf = TreeHash::of_leaf(&other);
        assert!(!verify_inclusion(leaf, proved.index, size, root, &proved.path));
    }
    assert!(hub.log_proofs(DocumentId([1; 32]), 0, NOW).unwrap().leaves.is_empty());
}

#[test]
fn an_index_made_anew_gives_the_same_log() {
    let past = past();
    let dir = tempfile::tempdir().unwrap();
    let head = |store: Arc<dyn Store>| {
        let hub = hub_over(store).unwrap();
        entries(&hub);
        let TreeHead { size, root, .. } = hub.log_head(NOW).unwrap();
        (size, root)
    };
    let open = || {
        let options = Options::new(Arc::new(|| NOW.0));
        Arc::new(DiskStore::open(dir.path(), Arc::new(Projection), options).unwrap())
    };
    let store = open();
    for record in &past.records {
        store.commit(vec![record.clone()]).unwrap();
    }
    let before = head(store);
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let store = open();
    assert!(store.opened().rebuilt.is_some());
    assert_eq!(head(store), before);
}

#[test]
fn showing_the_log_costs_few_bytes_and_grows_with_the_logarithm() {
    let (hub, _) = fleet::hub(SHORT, 2);
    let (one, two) = (fleet::phone(1), fleet::phone(2));
    exchange(&two, &hub, Program::Shipped).unwrap();
    let idle = exchange(&two, &hub, Program::Shipped).unwrap();
    assert!(idle <= 300, "{idle} bytes where nothing happened");
    let _ = fleet::fill(&one, SHORT, 0..1_000);
    sync(&one, &hub, Program::Shipped).unwrap();
    let spent = exchange(&two, &hub, Program::Shipped).unwrap();
    let size = hub.log_head(NOW).unwrap().size;
    let levels = usize::try_from(size.ilog2()).unwrap() + 1;
    assert!(size > 1_000 && spent <= 300 + 33 * (levels + 1), "{spent} bytes for {size} leaves");
}
