//! How much of a phone a neighbour's batch takes up at once.

use std::sync::{Mutex, OnceLock};
use std::thread;

use super::*;
use crate::replica::Fact;
use crate::replica::taking::{Giving, LIMITS};
use crate::store::{Done, Position, Read, Record, Writes};

/// Sees the records of each commit before they are taken.
pub(in crate::replica) type Hook = Box<dyn FnMut(&[Record]) + Send>;

/// A store that does something before it takes records, or rows that are made again.
pub(in crate::replica) struct Hooked {
    store: MemoryStore,
    before: Mutex<Hook>,
    deriving: Mutex<Box<dyn FnMut() + Send>>,
}

impl Hooked {
    fn new(before: Hook, deriving: Box<dyn FnMut() + Send>) -> Arc<Self> {
        Self::over(MemoryStore::new(Arc::new(Projection)), before, deriving)
    }

    pub(in crate::replica) fn over(
        store: MemoryStore,
        before: Hook,
        deriving: Box<dyn FnMut() + Send>,
    ) -> Arc<Self> {
        let (before, deriving) = (Mutex::new(before), Mutex::new(deriving));
        Arc::new(Self { store, before, deriving })
    }
}

impl Read for Hooked {
    crate::store::pass_on!(store; get scan);
}

impl Store for Hooked {
    fn submit(&self, records: Vec<Record>, done: Done) {
        (self.before.lock().unwrap())(&records);
        self.store.submit(records, done);
    }

    fn derive(&self, writes: Writes) -> Result<(), StoreError> {
        (self.deriving.lock().unwrap())();
        self.store.derive(writes)
    }

    crate::store::pass_on!(store; record position read verify reopen opened);
}

fn take(phone: &Phone, packs: &[Vec<u8>]) -> usize {
    let (peer, fresh) = (entry(1, "06325").into(), Incarnation([77; 16]));
    let mut offered = Offered::new();
    offered.insert(Template::parse(TEA).unwrap().id(), TEA.to_vec());
    let (offered, limits) = (&offered, &LIMITS);
    let giving = Giving { peer: &peer, offered, limits, fresh, now: NOW };
    phone.take(&giving, packs).unwrap().recorded
}

#[test]
fn an_edit_waits_for_one_slice_and_not_for_a_neighbours_batch() {
    let one = taught(1);
    for number in 1..=3 {
        one.answer(&visit("06325", number), "1.1", "one");
    }
    let packs = one.phone.release(NOW).unwrap();
    let phone: Arc<OnceLock<Arc<Phone>>> = Arc::default();
    let edit: Arc<Mutex<Option<thread::JoinHandle<()>>>> = Arc::default();
    let (at_hook, started) = (phone.clone(), edit.clone());
    let met =
        Fact::Met { from: key(1).device(), items: Vec::new(), at: NOW }.record().unwrap().kind;
    let before = Box::new(move |records: &[Record]| {
        let mut started = started.lock().unwrap();
        if started.is_some() || records.iter().all(|record| record.kind != met) {
            return;
        }
        // A person begins to type while the first slice is being recorded.
        let typing = at_hook.get().unwrap().clone();
        *started = Some(thread::spawn(move || {
            let note = NoteEdit::Append("typed".to_owned());
            typing.edit(&visit("06325", 1), NOW, |editor| editor.note("1.2", note)).unwrap();
        }));
        while at_hook.get().unwrap().editing().waiting() == 0 {
            thread::yield_now();
        }
    });
    let store = Hooked::new(before, Box::new(|| ()));
    let opened = Phone::open(store.clone(), key(2), Incarnation([2; 16]), NOW).unwrap();
    phone.set(Arc::new(opened)).ok().unwrap();
    let two = phone.get().unwrap();
    // It knows the checklist, so that it can type.
    let items = vec![crate::sync::FeedItem::Object { bytes: TEA.to_vec() }];
    two.record(Fact::Received { items, position: None, at: NOW }).unwrap();
    assert_eq!(take(two, &packs), 3);
    edit.lock().unwrap().take().unwrap().join().unwrap();
    let kind = |at| store.record(Position(at)).unwrap().unwrap().kind;
    let kinds: Vec<u8> = (1..=store.position().0).map(kind).collect();
    let changed = kinds.iter().position(|kind| *kind == 3).expect("the edit is recorded");
    let taken: Vec<usize> = (0..kinds.len()).filter(|at| kinds[*at] == met).collect();
    assert_eq!((taken.len(), changed), (3, taken[0] + 1), "{kinds:?}");
}

#[test]
fn an_edit_waits_for_one_summary_and_not_for_those_of_all_that_the_hub_sent() {
    const VISITS: u32 = 5;
    let one = taught(1);
    for number in 1..=VISITS {
        one.answer(&visit("06325", number), "1.1", "one");
    }
    let packs = one.phone.release(NOW).unwrap();
    let phone: Arc<OnceLock<Arc<Phone>>> = Arc::default();
    let edit: Arc<Mutex<Option<thread::JoinHandle<()>>>> = Arc::default();
    let (renewed, at_edit) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(None)));
    let (seen, noted) = (renewed.clone(), at_edit.clone());
    let before = Box::new(move |records: &[Record]| {
        if records.iter().any(|record| record.kind == 3) {
            noted.lock().unwrap().get_or_insert(*seen.lock().unwrap());
        }
    });
    let (at_hook, started, counted) = (phone.clone(), edit.clone(), renewed.clone());
    let deriving = Box::new(move || {
        *counted.lock().unwrap() += 1;
        let mut started = started.lock().unwrap();
        let Some(typing) = at_hook.get().filter(|_| started.is_none()).cloned() else { return };
        // A person begins to type while the first summary is being renewed.
        let waits = typing.clone();
        *started = Some(thread::spawn(move || {
            let note = NoteEdit::Append("typed".to_owned());
            typing.edit(&visit("06325", 1), NOW, |editor| editor.note("1.2", note)).unwrap();
        }));
        drop(started);
        while waits.editing().waiting() == 0 {
            thread::yield_now();
        }
    });
    let store = Hooked::new(before, deriving);
    let opened = Phone::open(store.clone(), key(2), Incarnation([2; 16]), NOW).unwrap();
    phone.set(Arc::new(opened)).ok().unwrap();
    let mut items = vec![crate::sync::FeedItem::Object { bytes: TEA.to_vec() }];
    items.extend(packs.into_iter().map(crate::sync::FeedItem::Pack));
    let two = phone.get().unwrap();
    two.apply(items, None, Incarnation([78; 16]), NOW).unwrap();
    edit.lock().unwrap().take().unwrap().join().unwrap();
    assert_eq!(*at_edit.lock().unwrap(), Some(1), "it waited for more than one summary");
    assert!(*renewed.lock().unwrap() > VISITS, "the others are renewed after it");
    assert!(
        two.replica().store().scan(&[crate::replica::rows::STALE], None, 1).unwrap().is_empty()
    );
}

#[test]
fn a_document_is_opened_a_few_times_for_a_batch_and_not_for_each_pack() {
    let (one, two, genesis) = (taught(1), taught(2), visit("06325", 1));
    let mut packs = Vec::new();
    for number in 0..40 {
        one.answer(&genesis, "1.1", &format!("{number}"));
        packs.extend(one.phone.release(NOW).unwrap());
    }
    assert_eq!(packs.len(), 40);
    let before = two.replica().documents_loaded();
    assert_eq!(take(&two.phone, &packs), 40);
    let loaded = two.replica().documents_loaded() - before;
    assert!(loaded <= 3, "opened {loaded} times");
    assert_eq!(two.values(&genesis, "1.1").len(), 40);
}

#[test]
fn nothing_is_written_between_the_last_look_at_minutes_and_their_seal() {
    let one = taught(1);
    let genesis = visit("06325", 1);
    one.answer(&genesis, "1.1", "one");
    thread::scope(|scope| {
        let sealed = one.phone.seal_as_it_stands(|| {
            let late = scope.spawn(|| one.answer(&genesis, "1.2", "late"));
            while one.phone.editing().waiting() == 0 && !late.is_finished() {
                thread::yield_now();
            }
            assert_eq!(one.values(&genesis, "1.2"), [""; 0]);
            Err(ReplicaError::Interrupted)
        });
        assert!(matches!(sealed, Err(ReplicaError::Interrupted)));
    });
    assert_eq!(one.values(&genesis, "1.2"), ["late"]);
}
