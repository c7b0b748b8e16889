//! A phone and a hub over a line that breaks after a number of frames. What was under way then is lost; both
//! ends keep what their stores keep. It also reads what the stores say afterwards.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bienban_core::model::{DocumentId, Genesis};
use bienban_core::replica::{
    Hub, HubRunner, Phone, PhoneOptions, PhoneRunner, Progress, Projection, Replica,
};
use bienban_core::store::{MemoryStore, Store};
use bienban_core::sync::{Frame, Outcome, PackHeader};
use bienban_tests::fleet::{self, NOW};

/// Steps without progress after which an exchange hangs.
const IDLE_MAX: usize = 8;

/// What an exchange came to.
pub(crate) struct Moved {
    /// Documents of the packs that the phone sent, whether they arrived or not, in order.
    pub(crate) sent: Vec<DocumentId>,
    /// How it ended on the phone; none where the line broke first.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) progress: Progress,
}

/// One exchange that breaks after so many frames arrived, or where the hub fails.
pub(crate) fn exchange_until(phone: &Arc<Phone>, hub: &Arc<Hub>, cut: usize) -> Moved {
    let options = PhoneOptions { hub: hub.device(), live: false, asks: Vec::new() };
    let mut here = PhoneRunner::start(phone.clone(), options, Box::new(|| [7; 16]), NOW).unwrap();
    let entry = hub.replica().device(phone.device()).unwrap().unwrap();
    let mut there = HubRunner::start(hub.clone(), entry, NOW).unwrap();
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    let (mut frames, mut sent, mut idle, mut failed) = (0, Vec::new(), 0, false);
    while frames < cut && !failed && here.outcome().is_none() {
        let before = frames;
        while let Some(frame) = here.poll_frame(NOW).unwrap() {
            sent.extend(documents(&frame));
            up.push_back(frame);
        }
        if there.wants_input()
            && let Some(frame) = up.pop_front()
        {
            failed |= there.handle(&frame).is_err();
            frames += 1;
        }
        loop {
            match there.poll_frame(NOW) {
                Ok(Some(frame)) => down.push_back(frame),
                Ok(None) => break,
                Err(_) => {
                    failed = true;
                    break;
                }
            }
        }
        if frames < cut
            && here.wants_input()
            && let Some(frame) = down.pop_front()
        {
            here.handle(&frame).unwrap();
            frames += 1;
        }
        idle = if frames == before { idle + 1 } else { 0 };
        if idle > 0 {
            failed |= hub.merge_all(NOW).is_err() || there.grown().is_err();
        }
        assert!(idle < IDLE_MAX || here.outcome().is_some(), "the exchange hangs");
    }
    Moved { sent, outcome: here.outcome().cloned(), progress: here.progress() }
}

/// Exchanges that nothing disturbs, until everything must have arrived.
pub(crate) fn settle(phones: &[&Arc<Phone>], hub: &Arc<Hub>) {
    for _ in 0..3 {
        for phone in phones {
            fleet::exchange(phone, hub);
        }
    }
}

fn documents(frame: &[u8]) -> Vec<DocumentId> {
    match Frame::decode(frame) {
        Ok(Frame::Push { packs }) => {
            packs.iter().map(|pack| PackHeader::peek(pack).unwrap().document).collect()
        }
        _ => Vec::new(),
    }
}

/// A phone that was switched off and on again: only what its store had synced is there.
pub(crate) fn restarted(store: &Arc<MemoryStore>, number: u8) -> Arc<Phone> {
    store.power_cut(false).unwrap();
    fleet::phone_over(store.clone(), number)
}

/// A store in memory.
pub(crate) fn store() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(Projection)))
}

/// What the phone says that the hub has signed for, of these documents.
pub(crate) fn signed_for(phone: &Phone, visits: &[Genesis]) -> BTreeSet<DocumentId> {
    let all = visits.iter().map(Genesis::document);
    all.filter(|document| {
        let arrival = phone.arrival(*document).unwrap();
        arrival.recorded > 0 && arrival.stored == arrival.recorded
    })
    .collect()
}

/// Every value that an item was ever answered with, sorted.
pub(crate) fn values(replica: &Replica, visit: &Genesis, item: &str) -> Vec<String> {
    let document = replica.load(visit.document()).unwrap();
    let said = document.view().history(item);
    let mut values: Vec<String> =
        said.into_iter().map(|said| said.value.value.unwrap_or_default()).collect();
    values.sort();
    values
}

/// Answers an item.
pub(crate) fn answer(phone: &Phone, visit: &Genesis, item: &str, value: &str) {
    let answer = fleet::answer(value);
    phone.edit(visit, NOW, |editor| editor.answer(item, answer)).unwrap();
}

/// Fails unless all replicas hold the same record of a visit.
pub(crate) fn expect_same(visit: &Genesis, replicas: &[&Replica]) {
    let digest = |replica: &Replica| {
        let document = replica.load(visit.document()).unwrap();
        (document.heads(), document.view().record().digest())
    };
    let first = digest(replicas[0]);
    assert!(replicas.iter().all(|replica| digest(replica) == first), "the records differ");
}

/// Fails unless every record and row of a store is as it was written.
pub(crate) fn verify(store: &dyn Store) {
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}
