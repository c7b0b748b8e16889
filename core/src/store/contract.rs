//! What every store must do, as functions that take any store.
//!
//! A new engine is done when [`every_rule`] passes for it. The functions panic with the rule that
//! is broken; they are for tests only.

use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};

use super::{
    KEY_BYTES_MAX, Position, Project, RECORD_BYTES_MAX, Read, Record, Store, StoreError, Writes,
};

/// Where stores live: what stays when one is dropped or loses its power.
pub trait Place {
    /// The kind of store.
    type Store: Store + 'static;

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// As the store's own opening.
    fn open(&self, project: Arc<dyn Project>) -> Result<Self::Store, StoreError>;

    /// Ends a store as a crash would: without a chance to write anything more, as far as the place
    /// can do that.
    fn crash(&self, store: Self::Store) {
        drop(store);
    }
}

/// A kind of record that puts its payload (key, `=`, value) as a row.
pub const PUT: u8 = 1;
/// A kind of record that removes the row named by its payload.
pub const REMOVE: u8 = 2;
/// A kind of record that adds one to the counter named by its payload, reading the row before.
pub const COUNT: u8 = 3;
/// A kind of record as [`PUT`]; what follows a `~` means nothing, and may be left out.
pub const PADDED: u8 = 4;
/// A kind of record that no projection understands.
pub const NONSENSE: u8 = 9;

/// The projection of the suite; the number is its version.
#[derive(Debug, Clone, Copy)]
pub struct Rows(pub u32);

impl Project for Rows {
    fn version(&self) -> u32 {
        self.0
    }

    fn project(
        &self,
        at: Position,
        record: &Record,
        index: &dyn Read,
        writes: &mut Writes,
    ) -> Result<(), StoreError> {
        let payload = record.payload.as_slice();
        match record.kind {
            PUT | PADDED => {
                let payload = match record.kind {
                    PADDED => payload.split(|byte| *byte == b'~').next().unwrap_or(payload),
                    _ => payload,
                };
                let split = payload.iter().position(|byte| *byte == b'=').unwrap_or(payload.len());
                let (key, value) = payload.split_at(split);
                writes.put(key, value.get(1..).unwrap_or_default());
            }
            REMOVE => writes.remove(payload),
            COUNT => {
                let before = index.get(payload)?.unwrap_or_default();
                let seen = index.scan(payload, None, 10)?.len();
                assert_eq!(seen, usize::from(!before.is_empty()), "scan and get disagree");
                let count = String::from_utf8_lossy(&before).parse::<u64>().unwrap_or(0);
                writes.put(payload, (count + 1).to_string());
            }
            kind => {
                let reason = "it is of an unknown kind".into();
                return Err(StoreError::Meaningless { at, kind, reason });
            }
        }
        Ok(())
    }
}

/// The projection of the suite.
#[must_use]
pub fn rows() -> Arc<dyn Project> {
    Arc::new(Rows(1))
}

/// Makes a record that puts a row.
#[must_use]
pub fn put(key: &str, value: impl AsRef<[u8]>) -> Record {
    let payload = [key.as_bytes(), b"=", value.as_ref()].concat();
    Record { kind: PUT, payload }
}

/// Makes a record that counts.
#[must_use]
pub fn count(key: &str) -> Record {
    Record { kind: COUNT, payload: key.into() }
}

/// Checks every rule, each in a new place.
pub fn every_rule<P: Place>(new_place: impl Fn() -> P) {
    commits_are_durable_in_order(&new_place());
    a_commit_is_all_or_nothing(&new_place());
    records_of_one_commit_see_each_other(&new_place());
    scans_are_ordered_and_paged(&new_place());
    a_view_does_not_change(&new_place());
    large_values_come_back_whole(&new_place());
    limits_hold(&new_place());
    a_second_opener_is_refused(&new_place());
    derived_rows_do_not_survive_a_rebuild(&new_place());
    another_projection_rebuilds(&new_place());
    many_threads_commit_at_once(&new_place());
    verify_finds_nothing_wrong(&new_place());
    callbacks_may_commit_again(&new_place());
    shortened_parts_say_the_same(&new_place());
}

fn open<P: Place>(place: &P) -> P::Store {
    place.open(rows()).expect("the store opens")
}

fn text(store: &(impl Read + ?Sized), key: &str) -> Option<String> {
    let value = store.get(key.as_bytes()).expect("the row is readable");
    value.map(|value| String::from_utf8(value).expect("the suite writes text"))
}

/// What was acknowledged is there after a crash, at consecutive positions.
pub fn commits_are_durable_in_order<P: Place>(place: &P) {
    let store = open(place);
    assert!(store.opened().created, "a new place makes a new store");
    assert_eq!(store.position(), Position(0));
    for number in 1..=20_u64 {
        let at = store.commit(vec![put(&format!("key{number:02}"), number.to_string())]);
        assert_eq!(at.expect("the commit succeeds"), Position(number));
    }
    place.crash(store);
    let store = open(place);
    assert!(!store.opened().created && !store.opened().moved);
    assert_eq!((store.position(), store.opened().lost), (Position(20), vec![]));
    for number in 1..=20_u64 {
        assert_eq!(text(&store, &format!("key{number:02}")), Some(number.to_string()));
        let record = store.record(Position(number)).expect("the record is readable");
        assert_eq!(record, Some(put(&format!("key{number:02}"), number.to_string())));
    }
    assert_eq!(store.record(Position(21)).expect("nothing is no error"), None);
    assert_eq!(store.record(Position(0)).expect("nothing is no error"), None);
}

/// A record that means nothing refuses its whole commit, and only that one.
pub fn a_commit_is_all_or_nothing<P: Place>(place: &P) {
    let store = open(place);
    store.commit(vec![put("kept", "1")]).expect("the commit succeeds");
    let nonsense = Record { kind: NONSENSE, payload: vec![] };
    let refused = store.commit(vec![put("kept", "2"), put("other", "1"), nonsense]);
    assert!(matches!(refused, Err(StoreError::Meaningless { .. })), "{refused:?}");
    assert_eq!((text(&store, "kept"), text(&store, "other")), (Some("1".into()), None));
    assert_eq!(store.commit(vec![put("a", "1"), put("b", "2")]).expect("goes on"), Position(3));
    assert_eq!(store.commit(vec![]).expect("an empty commit says nothing"), Position(3));
    place.crash(store);
    let store = open(place);
    assert_eq!(store.position(), Position(3));
    assert_eq!((text(&store, "kept"), text(&store, "b")), (Some("1".into()), Some("2".into())));
}

/// The projection sees what earlier records of the same commit wrote.
pub fn records_of_one_commit_see_each_other<P: Place>(place: &P) {
    let store = open(place);
    let remove = Record { kind: REMOVE, payload: b"n".to_vec() };
    let records = vec![count("n"), count("n"), remove, count("n"), count("n"), count("n")];
    store.commit(records).expect("the commit succeeds");
    store.commit(vec![count("n")]).expect("the commit succeeds");
    assert_eq!(text(&store, "n"), Some("4".into()));
    place.crash(store);
    assert_eq!(text(&open(place), "n"), Some("4".into()), "a replay sees the same");
}

/// Scans go by key, within a prefix, after a key, up to a limit.
pub fn scans_are_ordered_and_paged<P: Place>(place: &P) {
    let store = open(place);
    let keys = ["b/3", "a/1", "b/1", "c", "b/2", "b", "b0"];
    store.commit(keys.iter().map(|key| put(key, "x")).collect()).expect("the commit succeeds");
    let scan = |prefix: &str, after: Option<&str>, limit| -> Vec<String> {
        let rows = store.scan(prefix.as_bytes(), after.map(str::as_bytes), limit);
        let keys = rows.expect("the scan succeeds").into_iter().map(|(key, _)| key);
        keys.map(|key| String::from_utf8(key).expect("the suite writes text")).collect()
    };
    assert_eq!(scan("b/", None, 10), ["b/1", "b/2", "b/3"]);
    assert_eq!(scan("b/", Some("b/1"), 1), ["b/2"]);
    assert_eq!(scan("b/", Some("a"), 1), ["b/1"]);
    assert_eq!(scan("b/", Some("b/3"), 10), Vec::<String>::new());
    assert_eq!(scan("", None, 100), ["a/1", "b", "b/1", "b/2", "b/3", "b0", "c"]);
    assert_eq!(scan("", None, 0), Vec::<String>::new());
}

/// A view stays as it was while others commit.
pub fn a_view_does_not_change<P: Place>(place: &P) {
    let store = Arc::new(open(place));
    store.commit(vec![put("k", "old")]).expect("the commit succeeds");
    let view = store.read();
    assert_eq!(text(&*view, "k"), Some("old".into()));
    let (send, receive) = channel();
    store.submit(
        vec![put("k", "new")],
        Box::new(move |outcome| send.send(outcome).expect("somebody waits")),
    );
    std::thread::sleep(std::time::Duration::from_millis(20));
    let again = store.read();
    assert_eq!(text(&*view, "k"), Some("old".into()));
    drop((view, again));
    receive.recv().expect("the callback runs").expect("the commit succeeds");
    assert_eq!(text(&*store.read(), "k"), Some("new".into()));
}

/// Values over the engine's limit are kept, replaced and removed.
pub fn large_values_come_back_whole<P: Place>(place: &P) {
    let store = open(place);
    let value = |seed: u8, bytes: usize| -> Vec<u8> {
        (b'a' + seed..=b'z').cycle().flat_map(|letter| [letter; 977]).take(bytes).collect()
    };
    for (seed, bytes) in [(0, 61_439), (1, 61_440), (2, 61_441), (3, 1_000_000), (4, 70_000)] {
        store.commit(vec![put("large", value(seed, bytes))]).expect("the commit succeeds");
        assert!(store.get(b"large").expect("readable") == Some(value(seed, bytes)), "{bytes}");
    }
    place.crash(store);
    let store = open(place);
    assert!(store.get(b"large").expect("readable") == Some(value(4, 70_000)));
    assert!(
        store.record(Position(4)).expect("readable") == Some(put("large", value(3, 1_000_000)))
    );
    let remove = Record { kind: REMOVE, payload: b"large".to_vec() };
    store.commit(vec![remove]).expect("the commit succeeds");
    assert_eq!(store.get(b"large").expect("readable"), None);
    assert_eq!(store.verify().expect("the check runs").problems, Vec::<String>::new());
}

/// What is over a limit is refused, and the store goes on.
pub fn limits_hold<P: Place>(place: &P) {
    let store = open(place);
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    let refused = [
        store.commit(vec![put(&long, "x")]).map(drop),
        store.commit(vec![put("x", vec![0; RECORD_BYTES_MAX])]).map(drop),
        store.derive({
            let mut writes = Writes::default();
            writes.put(long.as_bytes(), "x");
            writes
        }),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
    }
    let longest = "k".repeat(KEY_BYTES_MAX);
    let at = store.commit(vec![put(&longest, "x")]).expect("the store goes on");
    assert_eq!((at, text(&store, &longest)), (Position(1), Some("x".into())));
}

/// One opener at a time.
pub fn a_second_opener_is_refused<P: Place>(place: &P) {
    let store = open(place);
    let second = place.open(rows()).map(drop);
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
    store.commit(vec![put("k", "v")]).expect("the first is unharmed");
    drop(store);
    assert_eq!(text(&open(place), "k"), Some("v".into()));
}

/// Derived rows are read like others until the index is made anew.
pub fn derived_rows_do_not_survive_a_rebuild<P: Place>(place: &P) {
    let store = open(place);
    store.commit(vec![put("k", "v")]).expect("the commit succeeds");
    let mut writes = Writes::default();
    writes.put("derived", "1");
    store.derive(writes).expect("the engine works");
    assert_eq!(text(&store, "derived"), Some("1".into()));
    assert_eq!(store.verify().expect("the check runs").problems, Vec::<String>::new());
    drop(store);
    let store = place.open(Arc::new(Rows(2))).expect("the store opens");
    assert_eq!((text(&store, "derived"), text(&store, "k")), (None, Some("v".into())));
}

/// A changed projection makes all rows anew, once.
pub fn another_projection_rebuilds<P: Place>(place: &P) {
    let store = open(place);
    for number in 0..5 {
        store.commit(vec![count("n"), put("k", number.to_string())]).expect("the commit succeeds");
    }
    drop(store);
    let store = place.open(Arc::new(Rows(2))).expect("the store opens");
    assert_eq!(store.opened().replayed, 10);
    assert_eq!((text(&store, "n"), text(&store, "k")), (Some("5".into()), Some("4".into())));
    assert_eq!(store.verify().expect("the check runs").problems, Vec::<String>::new());
}

/// Commits of many threads all arrive, while others read.
pub fn many_threads_commit_at_once<P: Place>(place: &P) {
    const THREADS: usize = 4;
    const COMMITS: usize = 25;
    let store = open(place);
    let barrier = Barrier::new(THREADS + 1);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, barrier) = (&store, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for number in 0..COMMITS {
                    let key = format!("t{thread}/{number:03}");
                    let record = put(&key, "x");
                    let at = store.commit(vec![count("all"), record.clone()]);
                    let at = at.expect("the commit succeeds");
                    assert_eq!(text(store, &key), Some("x".into()), "visible when acknowledged");
                    assert_eq!(store.record(at).expect("readable"), Some(record));
                }
            });
        }
        barrier.wait();
        for _ in 0..50 {
            let view = store.read();
            let rows = view.scan(b"t", None, usize::MAX).expect("the scan succeeds").len();
            assert_eq!(text(&*view, "all"), (rows > 0).then(|| rows.to_string()), "a torn view");
        }
    });
    let total = THREADS * COMMITS;
    assert_eq!(text(&store, "all"), Some(total.to_string()));
    assert_eq!(store.position(), Position(2 * total as u64));
}

/// A sound store has no problems, before and after being opened anew.
pub fn verify_finds_nothing_wrong<P: Place>(place: &P) {
    let store = open(place);
    for number in 0..10 {
        store.commit(vec![put(&number.to_string(), "x"), count("n")]).expect("the commit succeeds");
    }
    store.reopen().expect("nothing stands in the way");
    let found = store.verify().expect("the check runs");
    assert_eq!((found.records, found.problems), (20, vec![]));
    assert!(found.rows >= 11, "{}", found.rows);
    assert_eq!(store.commit(vec![count("n")]).expect("goes on"), Position(21));
    assert_eq!(text(&store, "n"), Some("11".into()));
}

/// The callback of one commit may submit the next.
pub fn callbacks_may_commit_again<P: Place>(place: &P) {
    let store = Arc::new(open(place));
    let (send, receive) = channel();
    let again = Arc::clone(&store);
    let first = move |_| {
        let answer = Box::new(move |outcome| send.send(outcome).expect("somebody waits"));
        again.submit(vec![count("n")], answer);
    };
    store.submit(vec![count("n")], Box::new(first));
    let second = receive.recv().expect("the callback runs").expect("the commit succeeds");
    assert_eq!((second, text(&*store, "n")), (Position(2), Some("2".into())));
}

/// Makes a record as [`put`] does, with bytes that may be left out.
#[must_use]
pub fn padded(key: &str, value: &str) -> Record {
    let payload = format!("{key}={value}~{}", "padding ".repeat(20)).into_bytes();
    Record { kind: PADDED, payload }
}

/// Leaves out of a record what means nothing.
///
/// # Errors
///
/// Never.
pub fn without_padding(_: Position, record: &Record) -> Result<Option<Vec<u8>>, StoreError> {
    let bare = record.payload.split(|byte| *byte == b'~').next().unwrap_or_default();
    Ok((record.kind == PADDED).then(|| bare.to_vec()))
}

/// A closed part of the journal may be written anew with shorter records: places, rows and what follows stay.
///
/// # Panics
///
/// When the store breaks the rule.
pub fn shortened_parts_say_the_same<P: Place>(place: &P) {
    const RECORDS: u64 = 300;
    let store = open(place);
    for number in 0..RECORDS / 2 {
        let records = vec![padded(&format!("k{number}"), &number.to_string()), count("n")];
        store.commit(records).expect("it is committed");
    }
    let check = |store: &P::Store, rounds: u64| {
        for number in 0..RECORDS / 2 {
            assert_eq!(text(store, &format!("k{number}")), Some(number.to_string()));
        }
        assert_eq!(text(store, "n"), Some((RECORDS / 2 + rounds).to_string()));
        assert_eq!(store.verify().expect("it can be checked").problems, Vec::<String>::new());
    };
    let parts = store.segments().expect("parts are named");
    assert!(parts.len() > 1, "{parts:?}");
    let (mut first, mut bytes) = (1, 0);
    for part in &parts {
        assert_eq!((part.first.0, part.shortened), (first, false), "parts leave nothing out");
        first = part.last.0 + 1;
        let done = store.shorten(part.number, &mut without_padding).expect("it is shortened");
        assert!(done.after < done.before, "{done:?}");
        let again = store.shorten(part.number, &mut without_padding).expect("again is no error");
        assert_eq!(again.after, again.before, "nothing more can be left out");
        bytes += done.before - done.after;
    }
    assert!(bytes > 0 && first <= RECORDS, "the last part is still written to");
    assert!(store.shorten(first + 1_000, &mut without_padding).is_err());
    let short = store.segments().expect("parts are named");
    assert!(short.iter().all(|part| part.shortened));
    for (number, after) in (1..).zip(&parts) {
        let record = store.record(after.first).expect("it is readable").expect("it is there");
        assert!(!record.payload.contains(&b'~'), "part {number} has its padding yet");
    }
    check(&store, 0);
    store.commit(vec![count("n")]).expect("it goes on");
    place.crash(store);
    let store = open(place);
    check(&store, 1);
    store.commit(vec![count("n")]).expect("it goes on");
    drop(store);
    let store = place.open(Arc::new(Rows(2))).expect("rows are made anew from shorter records");
    check(&store, 2);
}
