//! A meeting of which one side fails: both ends hear of it, whatever it was that failed; and one lost
//! record costs its line and no other.

use std::sync::Mutex;

use super::tests::{Pair, Side, entry, key, taught, visit};
use super::*;
use crate::checklist::TEA;
use crate::model::Timestamp as Time;
use crate::replica::{Fact, Hub, HubOptions, Projection};
use crate::store::{Fault, MemoryStore, Position, Read, Record, Row, Store};
use crate::sync::{Ending, FailureCode, FeedItem};

const NOW: Time = Time(1_795_000_000_000);

/// What a [`Breaking`] store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    Nothing,
    /// Rows cannot be read.
    Rows,
    /// Records cannot be read.
    Records,
    /// This record is lost.
    Lost(Position),
}

/// A store in memory that fails to read on demand.
struct Breaking {
    below: Arc<MemoryStore>,
    broken: Mutex<Break>,
}

impl Breaking {
    fn set(&self, broken: Break) {
        *self.broken.lock().unwrap() = broken;
    }

    fn check(&self, wrong: Break) -> Result<(), StoreError> {
        if *self.broken.lock().unwrap() != wrong {
            return Ok(());
        }
        let source = Arc::new(std::io::Error::other("simulated device failure"));
        Err(StoreError::Io { action: "read", path: "a file".to_owned(), source })
    }
}

impl Read for Breaking {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.check(Break::Rows)?;
        self.below.get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.check(Break::Rows)?;
        self.below.scan(prefix, after, limit)
    }
}

impl Store for Breaking {
    fn record(&self, at: Position) -> Result<Option<Record>, StoreError> {
        self.check(Break::Records)?;
        if *self.broken.lock().unwrap() == Break::Lost(at) {
            return Err(StoreError::Damaged { what: format!("record {}", at.0) });
        }
        self.below.record(at)
    }

    crate::store::pass_on!(below; submit derive position read verify reopen opened);
}

/// Puts a phone over a store that can fail in the place of a phone.
fn fragile(side: &mut Side) -> Arc<Breaking> {
    let store =
        Arc::new(Breaking { below: side.store.clone(), broken: Mutex::new(Break::Nothing) });
    let life = Incarnation([side.number; 16]);
    side.phone = Arc::new(Phone::open(store.clone(), key(side.number), life, NOW).unwrap());
    store
}

/// Runs a meeting in which the first side fails, and requires that both ends hear why.
fn expect_both_told(mut pair: Pair, context: &str) {
    let mut failed = 0;
    loop {
        let mut moved = false;
        for at in 0..2 {
            loop {
                match pair.sides[at].poll_frame(NOW) {
                    Ok(Some(frame)) => pair.queues[1 - at].push_back(frame),
                    Ok(None) => break,
                    Err(_) => failed += 1,
                }
                moved = true;
            }
            if pair.sides[at].wants_input()
                && let Some(frame) = pair.queues[at].pop_front()
            {
                failed += usize::from(pair.sides[at].handle(&frame).is_err());
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    assert_eq!(failed, 1, "{context}: the store fails once and nothing is tried after it");
    let endings = pair.sides.each_ref().map(|side| side.outcome().map(|outcome| &outcome.ending));
    let [Some(Ending::Refused(said)), Some(Ending::Told(heard))] = endings else {
        panic!("{context}: {endings:?}")
    };
    assert_eq!(said, heard, "{context}");
}

#[test]
fn both_sides_hear_of_it_when_one_cannot_read() {
    for broken in [Break::Records, Break::Rows] {
        let (mut one, two) = (taught(1), taught(2));
        let store = fragile(&mut one);
        one.answer(&visit("06325", 1), "1.1", "one");
        let pair = Pair::of(&one, &two);
        store.set(broken);
        expect_both_told(pair, &format!("{broken:?}"));
        // The next meeting, with a store that reads again, brings everything.
        store.set(Break::Nothing);
        Pair::of(&one, &two).run();
        assert_eq!(two.values(&visit("06325", 1), "1.1"), ["one"]);
    }
}

#[test]
fn both_sides_hear_of_it_when_one_cannot_keep_what_it_got() {
    let (one, two) = (taught(1), taught(2));
    two.answer(&visit("06325", 1), "1.1", "two");
    let pair = Pair::of(&one, &two);
    one.store.set_fault(Some(Fault::Full));
    expect_both_told(pair, "taking");
    one.store.set_fault(None);
    Pair::of(&one, &two).run();
    assert_eq!(one.values(&visit("06325", 1), "1.1"), ["two"]);
}

#[test]
fn both_sides_hear_of_it_when_a_clone_cannot_take_another_name() {
    let (one, genesis) = (taught(1), visit("06325", 1));
    let clone = one.cloned();
    one.answer(&genesis, "1.1", "one");
    clone.answer(&genesis, "1.1", "clone");
    let pair = Pair::of(&one, &clone);
    one.store.set_fault(Some(Fault::Full));
    expect_both_told(pair, "disputing");
    one.store.set_fault(None);
    let [at_one, _] = Pair::of(&one, &clone).run();
    assert!(at_one.cloned);
}

/// The positions of the records that a side has of one kind.
fn records(side: &Side, wanted: impl Fn(&Fact) -> bool) -> Vec<Position> {
    let all = (1..=side.store.position().0).map(Position);
    let is = |at: &Position| {
        let record = side.store.record(*at).unwrap().unwrap();
        wanted(&Fact::read(*at, &record).unwrap())
    };
    all.filter(is).collect()
}

#[test]
fn a_lost_record_of_one_line_does_not_keep_others_from_a_peer() {
    let (mut one, two) = (taught(1), taught(2));
    let store = fragile(&mut one);
    for number in 1..=3 {
        one.answer(&visit("06325", number), "1.1", "one");
        one.phone.release(NOW).unwrap();
    }
    let released = records(&one, |fact| matches!(fact, Fact::Released { .. }));
    assert_eq!(released.len(), 3);
    // The record of the edit is there still, so that its pack can be put together again.
    store.set(Break::Lost(released[1]));
    let [_, at_two] = Pair::of(&one, &two).run();
    assert_eq!(at_two.received, 3);
    for number in 1..=3 {
        assert_eq!(two.values(&visit("06325", number), "1.1"), ["one"]);
    }
}

#[test]
fn a_lost_record_of_what_is_carried_does_not_keep_other_lines_from_a_peer() {
    let (one, mut two, three) = (taught(1), taught(2), taught(3));
    let store = fragile(&mut two);
    for number in 1..=3 {
        one.answer(&visit("06325", number), "1.1", "one");
        Pair::of(&one, &two).run();
    }
    let met = records(&two, |fact| matches!(fact, Fact::Met { .. }));
    assert_eq!(met.len(), 3);
    store.set(Break::Lost(met[1]));
    let items = vec![FeedItem::Device(entry(1, "06325"))];
    let fact = Fact::Received { items, position: None, at: NOW };
    three.store.commit(vec![fact.record().unwrap()]).unwrap();
    let [at_three, _] = Pair::of(&three, &two).run();
    assert_eq!(at_three.received, 2);
    assert_eq!(three.values(&visit("06325", 1), "1.1"), ["one"]);
    assert_eq!(three.values(&visit("06325", 3), "1.1"), ["one"]);
}

#[test]
fn a_hub_without_room_signs_for_nothing_that_it_could_not_record() {
    let (one, genesis) = (taught(1), visit("06325", 1));
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [99; 16], now: NOW };
    let hub = Hub::open(store.clone(), key(99), options).unwrap();
    hub.publish(TEA.to_vec()).unwrap();
    hub.trust(entry(1, "06325")).unwrap();
    one.answer(&genesis, "1.1", "one");
    let held = one.phone.release(NOW).unwrap();
    assert_eq!(hub.accept(key(1).device(), &held, NOW).unwrap().receipt.unwrap().items.len(), 1);
    one.answer(&genesis, "1.2", "two");
    let packs = [held, one.phone.release(NOW).unwrap()].concat();
    store.set_fault(Some(Fault::Full));
    let accepted = hub.accept(key(1).device(), &packs, NOW).unwrap();
    assert_eq!(accepted.failure.unwrap().code, FailureCode::Full);
    let signed = accepted.receipt.map_or(0, |receipt| receipt.items.len());
    assert_eq!(signed, 1, "only what was there before is signed for");
    store.set_fault(None);
    hub.recover(options).unwrap();
    let accepted = hub.accept(key(1).device(), &packs, NOW).unwrap();
    assert_eq!((accepted.failure, accepted.receipt.unwrap().items.len()), (None, 2));
}
