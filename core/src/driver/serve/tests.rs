use crate::sync::PlainEntry;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::checklist::{TEA, Template};
use crate::model::{DocumentId, Genesis, Incarnation, Kind, NoteEdit, Origin, Timestamp};
use crate::replica::{Phone, PhoneOptions, PhoneRunner, Projection};
use crate::store::MemoryStore;
use crate::sync::{FeedItem, FeedPosition, Frame, Role};
use crate::trust::DeviceKey;

mod stopping;

const NOW: Timestamp = Timestamp(1_795_000_000_000);

/// A page of the feed holds about this many bytes (docs/protocol.md, section 6).
const PAGE_BYTES: usize = 512 << 10;

/// Random characters of each note, of 4,096 different ones: a byte and a half each however compressed.
const NOTE_CHARS: usize = 4_000;
const NOTES_OF_A_VISIT: usize = 2;
const VISITS: u8 = 150;

#[tokio::test(start_paused = true)]
async fn however_often_the_feed_grows_merges_are_waited_for_once() {
    let mut wait = MergeWait::default();
    let began = Instant::now();
    let mut grown = 0;
    loop {
        tokio::select! {
            () = wait.over(true) => break,
            () = tokio::time::sleep(Duration::from_secs(1)) => grown += 1,
        }
    }
    assert_eq!(began.elapsed(), MERGE_WAIT);
    assert!(grown >= 9, "it grew {grown} times meanwhile");
    // What is pushed afterwards is waited for anew.
    let again = Instant::now();
    wait.over(true).await;
    assert_eq!(again.elapsed(), MERGE_WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ended_does_not_shorten_the_next() {
    let mut wait = MergeWait::default();
    for waits in [true, false] {
        tokio::select! {
            () = wait.over(waits) => panic!("too early"),
            () = tokio::time::sleep(Duration::from_secs(9)) => {}
        }
    }
    let began = Instant::now();
    wait.over(true).await;
    assert_eq!(began.elapsed(), MERGE_WAIT);
}

/// Has a feed grow so often, every 50 ms, and returns when it was said that it has grown.
async fn told_after(times: u32, given_at: Option<Instant>) -> Duration {
    let (feed, mut grows) = watch::channel(0);
    let began = Instant::now();
    let growing = tokio::spawn(async move {
        for _ in 0..times {
            tokio::time::sleep(GATHER / 2).await;
            feed.send_modify(|count| *count += 1);
        }
        // A feed that ended would be told too.
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    grown(&mut grows, given_at).await.unwrap();
    growing.abort();
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_quiet_moment_goes_out_at_once() {
    assert_eq!(told_after(1, None).await, GATHER / 2);
    let long_ago = Instant::now();
    tokio::time::advance(GATHER_MAX).await;
    assert_eq!(told_after(1, Some(long_ago)).await, GATHER / 2);
}

#[tokio::test(start_paused = true)]
async fn what_others_write_is_gathered_until_nothing_came_for_a_moment() {
    assert_eq!(told_after(1, Some(Instant::now())).await, GATHER / 2 + GATHER);
    assert_eq!(told_after(5, Some(Instant::now())).await, 5 * GATHER / 2 + GATHER);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_never_rests_is_told_of_after_a_second() {
    assert_eq!(told_after(1_000, Some(Instant::now())).await, GATHER_MAX);
}

#[tokio::test(start_paused = true)]
async fn growth_is_not_lost_with_a_wait_that_is_dropped() {
    let (feed, mut grows) = watch::channel(0);
    let given_at = Some(Instant::now());
    feed.send_modify(|count| *count += 1);
    for _ in 0..3 {
        let waited = timeout(GATHER / 2, grown(&mut grows, given_at)).await;
        assert!(waited.is_err(), "too early");
    }
    let began = Instant::now();
    grown(&mut grows, given_at).await.unwrap();
    assert_eq!(began.elapsed(), GATHER);
}

fn key(number: u8) -> DeviceKey {
    DeviceKey::from_seed(&[number; 32])
}

fn entry(number: u8) -> PlainEntry {
    PlainEntry {
        device: key(number).device(),
        name: format!("Máy {number}"),
        agency: "Trạm Y tế".to_owned(),
        role: Role::Inspector,
        scopes: vec!["06325".parse().unwrap()],
        active: true,
    }
}

fn phone(number: u8) -> Arc<Phone> {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    Arc::new(Phone::open(store, key(number), Incarnation([number; 16]), NOW).unwrap())
}

/// A hub, and the place in its feed after which several pages follow: notes that do not compress.
fn hub() -> (Arc<Hub>, FeedPosition) {
    let store = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let options = HubOptions { fresh_epoch: [99; 16], now: NOW };
    let hub = Hub::open(store, key(99), options).unwrap();
    let template = hub.publish(TEA.to_vec()).unwrap();
    hub.trust(entry(1)).unwrap();
    hub.trust(entry(2)).unwrap();
    let checklist = Template::parse(TEA).unwrap();
    let writer = phone(1);
    let items = vec![FeedItem::Object { bytes: TEA.to_vec() }];
    writer.apply(items, None, Incarnation([7; 16]), NOW).unwrap();
    let mut random = SmallRng::seed_from_u64(12);
    for visit in 1..=VISITS {
        let genesis = Genesis {
            kind: Kind::Inspection,
            scope: "06325".parse().unwrap(),
            template: Some(template),
            origin: Origin::Planned {
                plan: DocumentId([1; 32]),
                facility: DocumentId([2; 32]),
                visit: visit.into(),
            },
        };
        let edited = writer.edit(&genesis, NOW, |editor| {
            checklist.each().take(NOTES_OF_A_VISIT).try_for_each(|(_, item)| {
                let any = |_| char::from_u32(0x4e00 + random.random_range(0..4_096_u32));
                let note = (0..NOTE_CHARS).filter_map(any).collect();
                editor.note(&item.key, NoteEdit::Append(note)).map(drop)
            })
        });
        edited.unwrap();
    }
    let before = hub.head().unwrap();
    let packs = writer.release(NOW).unwrap();
    for pack in packs {
        hub.accept(key(1).device(), &[pack], NOW).unwrap();
    }
    hub.merge_all(NOW).unwrap();
    (Arc::new(hub), before)
}

/// Takes what a hub says to a phone at a place in its feed, one frame after the other as a slow
/// reader would; returns the most bytes that were held at once, and how many came in all.
fn read_slowly(hub: &Arc<Hub>, position: FeedPosition) -> (usize, usize) {
    let mut runner = HubRunner::start(hub.clone(), entry(2).into(), NOW).unwrap();
    let start = |phone: Arc<Phone>| {
        let options = PhoneOptions { hub: hub.device(), live: true, asks: Vec::new() };
        PhoneRunner::start(phone, options, Box::new(|| [9; 16]), NOW).unwrap()
    };
    let mut reader = start(phone(2));
    let hello = reader.poll_frame(NOW).unwrap().unwrap();
    let Frame::Hello(mut hello) = Frame::decode(&hello).unwrap() else { panic!("no Hello") };
    hello.position = Some(position);
    runner.handle(&Frame::Hello(hello).encode().unwrap()).unwrap();
    // It asks for the hub's keys, and names its heads of the hub's log.
    while let Some(frame) = reader.poll_frame(NOW).unwrap() {
        runner.handle(&frame).unwrap();
    }
    runner.handle(&Frame::Pushed { answered: 0 }.encode().unwrap()).unwrap();
    let (mut held_max, mut all) = (0, 0);
    loop {
        let frames = take_frames(&mut runner).unwrap();
        if frames.is_empty() {
            assert!(runner.poll_said().is_none(), "the exchange itself holds nothing");
            return (held_max, all);
        }
        let held = frames.iter().map(Vec::len).sum();
        held_max = held_max.max(held);
        all += held;
    }
}

#[test]
fn a_reader_that_does_not_read_costs_one_page_of_the_feed() {
    let (hub, position) = hub();
    let (held_max, all) = read_slowly(&hub, position);
    assert!(all > 3 * PAGE_BYTES, "several pages, or this shows nothing: {all}");
    // The entry that fills a page up lies over its end.
    let entry = NOTES_OF_A_VISIT * NOTE_CHARS * 3;
    assert!(held_max <= PAGE_BYTES + FETCHED_BYTES + entry, "{held_max} of {all} bytes held");
}
