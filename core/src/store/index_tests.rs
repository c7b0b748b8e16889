//! Failures of the index alone, below commits that the journal has made durable.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::contract::{count, put, rows};
use super::disk_tests::OnDisk;
use super::faults::FaultyFiles;
use super::rows::{Batch, Engine};
use super::{DiskStore, Options, Position, Read, Row, Store, StoreError};

const NOW: i64 = 1_795_447_999_000;

/// Runs before each batch of an engine; its error is the engine's.
type OnApply = Box<dyn FnMut() -> Result<(), StoreError> + Send>;

/// Makes an index's engine fail on demand. Clones share the plan.
#[derive(Clone, Default)]
pub(super) struct EngineFaults(Arc<Plan>);

#[derive(Default)]
struct Plan {
    on_apply: Mutex<Option<OnApply>>,
    reads_fail: AtomicBool,
}

impl EngineFaults {
    /// Lays the faults over an engine.
    pub(super) fn below(&self, engine: Box<dyn Engine>) -> Box<dyn Engine> {
        Box::new(Faulty { engine, faults: self.clone() })
    }

    fn on_apply(&self, hook: impl FnMut() -> Result<(), StoreError> + Send + 'static) {
        *self.0.on_apply.lock().unwrap() = Some(Box::new(hook));
    }

    fn fail_reads(&self) {
        self.0.reads_fail.store(true, Ordering::SeqCst);
    }

    fn heal(&self) {
        *self.0.on_apply.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.reads_fail.store(false, Ordering::SeqCst);
    }
}

struct Faulty {
    engine: Box<dyn Engine>,
    faults: EngineFaults,
}

impl Faulty {
    fn read(&self) -> Result<(), StoreError> {
        if self.faults.0.reads_fail.load(Ordering::SeqCst) { Err(device()) } else { Ok(()) }
    }
}

impl Engine for Faulty {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read()?;
        self.engine.get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.read()?;
        self.engine.scan(prefix, after, limit)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        let mut hook = self.faults.0.on_apply.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hook) = &mut *hook {
            hook()?;
        }
        drop(hook);
        self.engine.apply(batch)
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.engine.flush()
    }
}

fn device() -> StoreError {
    let source = Arc::new(std::io::Error::other("simulated device failure"));
    StoreError::Io { action: "use the index in", path: "index".into(), source }
}

fn full() -> StoreError {
    StoreError::Full { action: "use the index in" }
}

struct Bench {
    folder: tempfile::TempDir,
    files: FaultyFiles,
    faults: EngineFaults,
    in_memory: bool,
}

impl Bench {
    fn new(in_memory: bool) -> Self {
        let (files, faults) = (FaultyFiles::new(), EngineFaults::default());
        Self { folder: tempfile::tempdir().unwrap(), files, faults, in_memory }
    }

    fn open(&self) -> DiskStore {
        let options = Options {
            files: Arc::new(self.files.clone()),
            index_faults: self.faults.clone(),
            index_in_memory: self.in_memory,
            ..Options::at(NOW)
        };
        DiskStore::open(self.folder.path().join("store"), rows(), options).unwrap()
    }
}

fn expect_refused(error: &StoreError) {
    assert!(matches!(error, StoreError::Poisoned { .. } | StoreError::Full { .. }), "{error:?}");
}

fn number_of(store: &DiskStore) -> String {
    String::from_utf8(store.get(b"n").unwrap().unwrap_or_default()).unwrap()
}

#[test]
fn a_commit_that_the_index_fails_on_is_durable_shown_and_the_last() {
    for in_memory in [true, false] {
        for failure in [full(), device(), StoreError::Engine { reason: "simulated".into() }] {
            let bench = Bench::new(in_memory);
            let store = bench.open();
            store.commit(vec![put("a", "1"), count("n")]).unwrap();
            let cause = failure.clone();
            bench.faults.on_apply(move || Err(cause.clone()));
            let at = store.commit(vec![put("b", "2"), count("n")]).unwrap();
            assert_eq!((at, store.position()), (Position(4), Position(4)), "{failure:?}");
            assert_eq!(store.get(b"b").unwrap().unwrap(), b"2", "{failure:?}");
            assert_eq!(store.read().scan(b"", None, 9).unwrap().len(), 3);
            assert_eq!(number_of(&store), "2");
            assert!(store.record(at).unwrap().is_some());
            // What is refused afterwards is not there, now or later.
            for _ in 0..2 {
                expect_refused(&store.commit(vec![put("c", "3"), count("n")]).unwrap_err());
            }
            bench.faults.heal();
            store.reopen().unwrap();
            assert_eq!((number_of(&store), store.get(b"c").unwrap()), ("2".into(), None));
            store.commit(vec![count("n")]).unwrap();
            drop(store);
            let store = bench.open();
            assert_eq!(number_of(&store), "3");
            assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
        }
    }
}

#[test]
fn a_panic_of_the_engine_denies_nothing_durable() {
    let bench = Bench::new(true);
    let store = bench.open();
    bench.faults.on_apply(|| panic!("simulated"));
    store.commit(vec![count("n")]).unwrap();
    assert_eq!(number_of(&store), "1");
    bench.faults.heal();
    store.reopen().unwrap();
    assert_eq!(number_of(&store), "1");
}

#[test]
fn of_many_commits_at_once_those_told_ok_are_there_and_no_others() {
    for failing_batch in 1..6 {
        let bench = Bench::new(true);
        let store = bench.open();
        bench.files.slow_down(Duration::from_millis(2));
        let mut left = failing_batch;
        bench.faults.on_apply(move || {
            left -= 1;
            if left == 0 { Err(full()) } else { Ok(()) }
        });
        let told: Vec<(String, bool)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..24)
                .map(|number| {
                    let (store, key) = (&store, format!("k{number:02}"));
                    scope.spawn(move || {
                        let told = store.commit(vec![put(&key, "v"), count("n")]).is_ok();
                        let shown = store.get(key.as_bytes()).unwrap().is_some();
                        assert_eq!(told, shown, "{key}");
                        (key, told)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        bench.faults.heal();
        bench.files.heal();
        store.reopen().unwrap();
        for (key, told) in &told {
            assert_eq!(store.get(key.as_bytes()).unwrap().is_some(), *told, "{key}");
        }
        let ok = told.iter().filter(|(_, told)| *told).count();
        assert_eq!(number_of(&store), ok.to_string());
    }
}

#[test]
fn a_reader_that_finds_the_engine_failing_during_a_commit_hides_nothing() {
    let bench = Bench::new(true);
    let store = Arc::new(bench.open());
    store.commit(vec![count("n")]).unwrap();
    let (reader, faults) = (Arc::downgrade(&store), bench.faults.clone());
    // The journal has the records, the engine not yet: a reader falls back to older rows.
    bench.faults.on_apply(move || {
        let store = reader.upgrade().expect("the test holds the store");
        faults.fail_reads();
        let read = std::thread::spawn(move || number_of(&store)).join().unwrap();
        assert_eq!(read, "1");
        faults.0.reads_fail.store(false, Ordering::SeqCst);
        Ok(())
    });
    store.commit(vec![count("n")]).unwrap();
    assert_eq!(number_of(&store), "2");
    bench.faults.heal();
    expect_refused(&store.commit(vec![count("n")]).unwrap_err());
    store.reopen().unwrap();
    assert_eq!(number_of(&store), "2");
}

#[test]
fn what_can_not_be_shown_is_said_to_be_recorded_and_nothing_older_is_read() {
    let bench = Bench::new(true);
    let store = bench.open();
    store.commit(vec![count("n")]).unwrap();
    let journal = bench.folder.path().join("store/journal");
    let away = bench.folder.path().join("away");
    let (from, to) = (journal.clone(), away.clone());
    bench.faults.on_apply(move || {
        fs::rename(&from, &to).unwrap();
        Err(device())
    });
    let error = store.commit(vec![put("k", "v"), count("n")]).unwrap_err();
    assert!(matches!(error, StoreError::Unseen { at: Position(3), .. }), "{error:?}");
    assert!(error.to_string().contains("must not be entered again"), "{error}");
    assert!(store.get(b"n").is_err(), "old rows would deny what is durable");
    expect_refused(&store.commit(vec![count("n")]).unwrap_err());
    bench.faults.heal();
    fs::rename(&away, &journal).unwrap();
    store.reopen().unwrap();
    assert_eq!((number_of(&store).as_str(), store.position()), ("2", Position(3)));
    assert_eq!(store.get(b"k").unwrap().unwrap(), b"v");
}

#[test]
fn a_commit_refused_by_itself_is_told_so_though_its_group_met_a_failing_index() {
    let bench = Bench::new(true);
    let store = bench.open();
    bench.files.slow_down(Duration::from_millis(20));
    bench.faults.on_apply(|| Err(full()));
    let (send, receive) = std::sync::mpsc::channel();
    let nonsense = super::Record { kind: super::contract::NONSENSE, payload: Vec::new() };
    let batches = [vec![count("n")], vec![nonsense], vec![count("n")]];
    for (number, records) in batches.into_iter().enumerate() {
        let send = send.clone();
        store.submit(records, Box::new(move |told| send.send((number, told)).unwrap()));
    }
    let mut told: Vec<_> = (0..3).map(|_| receive.recv().unwrap()).collect();
    told.sort_by_key(|(number, _)| *number);
    let shown = number_of(&store);
    let ok = told.iter().filter(|(_, told)| told.is_ok()).count();
    assert_eq!(shown, ok.to_string());
    assert!(!matches!(told[1].1, Ok(_) | Err(StoreError::Unseen { .. })), "{told:?}");
}

#[test]
fn a_note_of_openings_that_were_cut_off_says_nothing_of_an_index_that_is_gone() {
    let place = OnDisk::new();
    let store = place.open_rows();
    store.commit(vec![count("n")]).unwrap();
    drop(store);
    fs::remove_dir_all(place.root().join("index")).unwrap();
    fs::write(place.root().join("index-opening"), "xx").unwrap();
    let store = place.open_rows();
    store.commit(vec![count("n")]).unwrap();
    assert_eq!(store.get(b"n").unwrap().unwrap(), b"2");
}
