//! Admissions at a hub whose store fails: all of what a decision admits enters, or nothing of it does and the
//! hub goes on by itself; and what stops one for good is named.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use super::*;
use crate::replica::HubOptions;
use crate::replica::Projection;
use crate::replica::hub::shares::OPS_PER_DEVICE_MAX;
use crate::replica::rows::{JUDGED, ShareRow};
use crate::store::{Done, MemoryStore, Position, Read, Record, Row, Store, StoreError, Writes};

/// A store in memory that takes so many commits more, and has lost one record. It counts the decisions that are
/// read of it.
struct Failing {
    below: Arc<MemoryStore>,
    left: AtomicUsize,
    lost: Mutex<Option<Position>>,
    decisions: AtomicUsize,
}

impl Read for Failing {
    crate::store::pass_on!(below; get);

    fn scan(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let found = self.below.scan(prefix, after, limit)?;
        if prefix.first() == Some(&JUDGED) {
            self.decisions.fetch_add(found.len(), Ordering::Relaxed);
        }
        Ok(found)
    }
}

impl Store for Failing {
    fn submit(&self, records: Vec<Record>, done: Done) {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            let source = Arc::new(std::io::Error::other("simulated device failure"));
            let (action, path) = ("write", "a file".to_owned());
            return done(Err(StoreError::Io { action, path, source }));
        }
        self.left.store(left - 1, Ordering::Relaxed);
        self.below.submit(records, done);
    }

    fn record(&self, at: Position) -> Result<Option<Record>, StoreError> {
        if *self.lost.lock().unwrap() == Some(at) {
            return Err(StoreError::Damaged { what: format!("record {}", at.0) });
        }
        self.below.record(at)
    }

    crate::store::pass_on!(below; derive position read verify reopen opened);
}

fn failing() -> Arc<Failing> {
    let below = Arc::new(MemoryStore::new(Arc::new(Projection)));
    let (left, lost) = (AtomicUsize::new(usize::MAX), Mutex::default());
    Arc::new(Failing { below, left, lost, decisions: AtomicUsize::new(0) })
}

fn open(store: &Arc<Failing>) -> Hub {
    let options = HubOptions { fresh_epoch: [99; 16], now: NOW };
    Hub::open(store.clone(), key(99), options).unwrap()
}

/// A hub with the supervisor, over a store that can fail; the lost phone is revoked, or nobody has named it.
fn fragile(named: bool) -> (Arc<Failing>, Hub, Genesis) {
    let store = failing();
    let hub = open(&store);
    hub.publish(TEA.to_vec()).unwrap();
    hub.trust(PlainEntry { role: Role::Supervisor, ..entry(HERE, "06325") }).unwrap();
    if named {
        hub.trust(entry(LOST, "06325")).unwrap();
        hub.trust(PlainEntry { active: false, ..entry(LOST, "06325") }).unwrap();
    }
    (store, hub, visit("06325", 1))
}

/// Leaves room for one more operation than so many packs have, in the share of the lost phone.
fn narrow(hub: &Hub, genesis: &Genesis, packs: &[Pack]) {
    let used = packs.iter().fold(ShareRow::default(), ShareRow::with);
    let row = ShareRow { ops: OPS_PER_DEVICE_MAX - used.ops, ..ShareRow::default() };
    let mut writes = Writes::default();
    let share = rows::of_share(genesis.document(), key(LOST).device());
    writes.put(share, postcard::to_allocvec(&row).unwrap());
    hub.replica().store().derive(writes).unwrap();
}

fn stop(hub: &Hub, pack: &Pack) -> Option<AdmissionStop> {
    let (document, actor) = (pack.document(), pack.actor());
    let (seq, hash) = (pack.last_seq(), pack.tip_hash());
    hub.admission_stop(&AsideName { document, actor, seq, hash }).unwrap()
}

fn at(cause: StopCause, pack: &Pack) -> Option<AdmissionStop> {
    Some(AdmissionStop { cause, seq: pack.last_seq(), hash: pack.tip_hash() })
}

/// Fails each write of a decision in turn. Whatever was written, the line is aside or in the record, whole; and
/// where the decision was written, it enters once the store takes writes again, without anybody's help.
#[test]
fn an_admission_that_a_failing_write_cuts_off_is_whole_and_goes_on_by_itself() {
    for (named, restarted) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut cut_off = 0;
        for writes in 0.. {
            let context = format!("named {named}, restarted {restarted}, writes {writes}");
            let (store, mut hub, genesis) = fragile(named);
            let packs = line(&genesis, &["one", "three", "two"]);
            packs.iter().for_each(|pack| push(&hub, std::slice::from_ref(pack)));
            assert_eq!(aside(&hub), 3, "{context}");
            store.left.store(writes, Ordering::Relaxed);
            let act = judge(HERE, "06325", 1, &packs[2], Judgement::Admit);
            let told = hub.enter(vec![act], NOW).is_ok();
            let merged = hub.merge_all(NOW).is_ok();
            let kept = aside(&hub);
            assert!([0, 3].contains(&kept), "{context}: {kept}");
            store.left.store(usize::MAX, Ordering::Relaxed);
            if restarted {
                hub = open(&store);
            }
            hub.merge_all(NOW).unwrap();
            assert_eq!(aside(&hub), if told { 0 } else { 3 }, "{context}");
            if told {
                let read = values(hub.replica(), &genesis, "1.1");
                assert_eq!(read, ["one", "three", "two"], "{context}");
            }
            cut_off += usize::from(told && kept == 3);
            if told && merged {
                break;
            }
        }
        assert!(cut_off > 0, "no write failed between the decision and what it admits");
    }
}

#[test]
fn what_comes_to_a_decision_made_before_enters_by_itself_where_that_write_failed() {
    let (store, hub, genesis) = fragile(false);
    let packs = line(&genesis, &["one", "two"]);
    decide(&hub, judge(HERE, "06325", 1, &packs[1], Judgement::Admit));
    push(&hub, &packs[..1]);
    // It is kept aside durably, and said so; what it makes possible is owed.
    store.left.store(1, Ordering::Relaxed);
    hub.accept(key(LOST).device(), &[packs[1].encode()], NOW).unwrap();
    assert_eq!(aside(&hub), 2);
    store.left.store(usize::MAX, Ordering::Relaxed);
    hub.merge_all(NOW).unwrap();
    assert_eq!(aside(&hub), 0);
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one", "two"]);
}

#[test]
fn a_share_that_a_line_would_pass_keeps_all_of_it_out_and_the_change_is_named() {
    let (_, hub, genesis) = fragile(true);
    let packs = line(&genesis, &["one", "three", "two"]);
    push(&hub, &packs);
    narrow(&hub, &genesis, &packs[..2]);
    assert_eq!(stop(&hub, &packs[2]), at(StopCause::OverQuota, &packs[2]));
    decide(&hub, judge(HERE, "06325", 1, &packs[2], Judgement::Admit));
    hub.reconsider_all().unwrap();
    assert_eq!(aside(&hub), 3, "not in part");
    // The supervisor may admit what has room.
    assert_eq!(stop(&hub, &packs[1]), None);
    decide(&hub, judge(HERE, "06325", 2, &packs[1], Judgement::Admit));
    assert_eq!(aside(&hub), 1);
    assert_eq!(values(hub.replica(), &genesis, "1.1"), ["one", "three"]);
}

#[test]
fn a_change_that_is_lost_or_has_not_come_is_named_to_who_admits_what_follows_it() {
    let (store, hub, genesis) = fragile(true);
    let packs = line(&genesis, &["one", "three", "two"]);
    push(&hub, &packs[2..]);
    assert_eq!(stop(&hub, &packs[2]), at(StopCause::Lacks, &packs[1]));
    hub.accept(key(LOST).device(), &[packs[1].encode()], NOW).unwrap();
    let second = store.position();
    assert_eq!(stop(&hub, &packs[2]), at(StopCause::Lacks, &packs[0]));
    push(&hub, &packs[..1]);
    assert_eq!(stop(&hub, &packs[2]), None);
    *store.lost.lock().unwrap() = Some(second);
    for pack in &packs[1..] {
        assert_eq!(stop(&hub, pack), at(StopCause::Lost, &packs[1]));
    }
    decide(&hub, judge(HERE, "06325", 1, &packs[2], Judgement::Admit));
    assert_eq!(aside(&hub), 3);
    assert_eq!(stop(&hub, &packs[0]), None);
}

#[test]
fn a_start_reads_the_decisions_that_are_owed_and_no_other() {
    let (store, hub, genesis) = fragile(true);
    let packs = line(&genesis, &["one", "three", "two"]);
    for (nonce, pack) in (1..).zip(&packs) {
        push(&hub, std::slice::from_ref(pack));
        decide(&hub, judge(HERE, "06325", nonce, pack, Judgement::Admit));
    }
    assert_eq!(aside(&hub), 0);
    assert!(hub.replica().owed_lines().unwrap().is_empty(), "the marks went with what was owed");
    drop(hub);
    store.decisions.store(0, Ordering::Relaxed);
    let hub = open(&store);
    assert_eq!(store.decisions.load(Ordering::Relaxed), 0, "all of them are in the record");
    // One that its share keeps out, and one that was seen and stays out.
    let packs = line(&visit("06325", 2), &["one", "two"]);
    push(&hub, &packs);
    narrow(&hub, &visit("06325", 2), &[]);
    decide(&hub, judge(HERE, "06325", 7, &packs[0], Judgement::Admit));
    decide(&hub, judge(HERE, "06325", 8, &packs[1], Judgement::Keep));
    assert_eq!((aside(&hub), hub.replica().owed_lines().unwrap().len()), (2, 1));
    decide(&hub, judge(HERE, "06325", 9, &packs[0], Judgement::Keep));
    assert!(hub.replica().owed_lines().unwrap().is_empty(), "it was decided otherwise");
}
